"""Code that somebody brings to `add`: a predict.py, or the modules that a model file needs."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from pathlib import Path, PurePosixPath

from second_opinion.errors import UserError
from second_opinion.formatting import joined
from second_opinion.models.formats import skops_format
from second_opinion.models.formats.code_files import ENTRY, packed, safe
from second_opinion.models.formats.file_format import LOAD_ERRORS, uncompressed
from second_opinion.models.formats.model_file import ModelFile
from second_opinion.models.parts import needed_files
from second_opinion.models.parts.pickle_outline import outline

# What this program itself is made of: a file of this name would stand in its way.
ITS_OWN = {"second_opinion", "streamlit", "numpy", "pandas", "sklearn", "scipy", "joblib", "click"}


@dataclass(frozen=True)
class CodeBrought:
    """The files of a model that is code, by the path that each gets in its folder."""

    files: dict[str, Path]
    written: dict[str, bytes]

    def model_file(self, where: str) -> ModelFile:
        """The files as one model file, not loaded yet."""
        content = {name: _bytes_of(path) for name, path in self.files.items()}
        return ModelFile(where, "python", packed({**content, **self.written}))


def predict_file(entry: Path, beside: Sequence[Path] = (), table: Path | None = None) -> ModelFile:
    """A predict.py with what it imports and opens, and the files or folders in ``beside``.

    ``table`` is the training data, which never goes with it. `UserError` names what cannot be read.
    """
    home = entry.resolve().parent
    without = [table] if table else []
    files = {_name(path, home): path for path in needed_files.needed(entry, without)[1:]}
    for path in beside:
        files |= {_name(file, home): file for file in _given(path, without)}
    if ENTRY in files and files[ENTRY].resolve() != entry.resolve():
        raise UserError(
            f"{entry} needs {files[ENTRY]}, and becomes {ENTRY} itself. Give that "
            "file another name."
        )
    _refuse_taken_names(files)
    return CodeBrought({ENTRY: entry, **files}, {}).model_file(str(entry))


def with_code(file: ModelFile, code: Sequence[Path], table: Path | None = None) -> ModelFile:
    """A model file with the modules that it needs: from then on a model that is code.

    Each module goes where the pickle looks for it: `src/features.py` for `src.features`.
    """
    wanted = _modules_wanted(file)
    files: dict[str, Path] = {}
    for path in code:
        for one in _given(path, [table] if table else []):
            files[_place(one, path, wanted)] = one
    for path in list(files.values()):
        if path.suffix == ".py":
            home = path.resolve().parent
            files = {_name(p, home): p for p in needed_files.needed(path)[1:]} | files
    _refuse_taken_names(files)
    modules = sorted(_module(name) for name in files if name.endswith(".py"))
    artifact = f"model.{file.format}"
    written = {ENTRY: _loader(artifact, file, modules).encode(), artifact: file.content}
    names = joined([str(path) for path in code])
    return CodeBrought(files, written).model_file(f"{file.where} with {names}")


def modules_beside(entry: Path, file: ModelFile) -> list[Path]:
    """The modules that loading a model file would import, and that lie beside it or here.

    Not those that are installed: a folder may well hold a file of the same name.
    """
    homes = dict.fromkeys(path.resolve() for path in (entry.parent, Path.cwd()))
    found = []
    for module in sorted(_modules_wanted(file)):
        if not _is_installed(module.partition(".")[0]):
            paths = [home / (module.replace(".", "/") + ".py") for home in homes]
            found += [path for path in paths if path.is_file()][:1]
    return found


def _is_installed(top: str) -> bool:
    return top in sys.stdlib_module_names or top in ITS_OWN or top in packages_distributions()


def _given(path: Path, without: Iterable[Path]) -> list[Path]:
    """The file at a path, or those in a folder; `UserError` for the training data itself."""
    if path.is_dir():
        return needed_files.below(path)
    if any(path.resolve() == other.resolve() for other in without):
        raise UserError(
            f"{path} is the training data, which does not go into the registry with a model. Leave "
            "it out, and write what the model needs of it (means, levels) into a file of its own."
        )
    if not path.is_file():
        raise UserError(f"{path} is not there; expected a file that the model needs.")
    return [path]


def _name(path: Path, home: Path) -> str:
    """The relative path below predict.py's folder; the bare name of a file from elsewhere."""
    path = path.resolve()
    return safe(path.relative_to(home).as_posix() if path.is_relative_to(home) else path.name)


def _place(file: Path, given: Path, wanted: Iterable[str]) -> str:
    """Where a module is looked for: as its pickle names it, else at the top."""
    parts = file.resolve().parts
    for module in sorted(wanted, key=len, reverse=True):
        path = PurePosixPath(module.replace(".", "/") + ".py").parts
        if parts[-len(path) :] == path:
            return "/".join(path)
    inside = file.relative_to(given.parent) if given.is_dir() else Path(file.name)
    return safe(inside.as_posix())


def _modules_wanted(file: ModelFile) -> set[str]:
    """The modules that loading a model file would import; nothing of a damaged one."""
    try:
        if file.format == "skops":
            return {name.rpartition(".")[0] for name in skops_format.unknown_types(file.content)}
        imports = outline(uncompressed(file.content))[1]
    except LOAD_ERRORS:
        return set()
    return {name for full in imports for name in (full, full.rpartition(".")[0]) if name}


def _module(name: str) -> str:
    return name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _loader(artifact: str, file: ModelFile, modules: list[str]) -> str:
    """The predict.py of a model file that needs modules of its own."""
    imports = "".join(f"import {module}\n" for module in modules)
    call = f"joblib.load(folder / {artifact!r})"
    if file.format == "skops":
        types = skops_format.unknown_types(file.content)
        call = f"skops.io.load(folder / {artifact!r}, trusted={types!r})"
    library = "skops.io" if file.format == "skops" else "joblib"
    return (
        '"""Loads the model with the modules that it needs."""\n\n'
        f"import {library}\n\n{imports}\n\ndef load(folder):\n    return {call}\n"
    )


def _refuse_taken_names(files: Iterable[str]) -> None:
    for name in files:
        top = name.partition("/")[0].removesuffix(".py")
        if name.endswith(".py") and (top in sys.stdlib_module_names or top in ITS_OWN):
            raise UserError(
                f"{name} has the name of a module of Python or of this program, {top}; expected "
                "one of its own. Rename it, and where it is imported."
            )


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(
            f"{path} cannot be read ({error.strerror}); the model needs it. Correct the path."
        ) from error
