"""A folder in which somebody keeps a model: what each file is, told without running anything."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from second_opinion.errors import UserError, first_line
from second_opinion.models.formats import file_format, skops_format
from second_opinion.models.formats.file_format import LOAD_ERRORS
from second_opinion.models.parts import class_pairs, network_text
from second_opinion.models.parts.folder_table import table_part
from second_opinion.models.parts.part import Part, Role
from second_opinion.models.parts.pickle_outline import outline
from second_opinion.models.parts.pickled_part import class_words, part_of

PICKLES = (".pkl", ".pickle", ".joblib", ".sav", ".p", ".model", ".jbl", ".dat", ".gz", ".z")
TABLES = (".csv", ".tsv", ".xlsx", ".xls", ".xlsb", ".ods", ".parquet")
WEIGHTS = {
    **dict.fromkeys((".h5", ".hdf5", ".keras"), network_text.KERAS),
    ".onnx": network_text.ONNX, ".cbm": network_text.CATBOOST,
    ".tflite": "a TensorFlow Lite model",
}  # fmt: skip
# What is no part of a model, whatever it holds.
PASSED_OVER = {"node_modules", "site-packages", "__pycache__", "venv", "env", "catboost_info"}
PAPERS = ("requirements", "readme", "license", "runtime", "packages", "constraints")
DEEPEST = 3
MOST_FILES = 400


@dataclass(frozen=True)
class Folder:
    """What a folder holds. ``parts`` are its files; ``every`` has what lies in bundles too."""

    path: Path
    parts: tuple[Part, ...]

    @property
    def every(self) -> tuple[Part, ...]:
        """Each part, and the parts of bundles."""
        return tuple(inner for part in self.parts for inner in part.every())

    def of(self, *roles: Role) -> list[Part]:
        """The parts for one of these things."""
        return [part for part in self.every if part.role in roles]

    def name(self, part: Part) -> str:
        """How a part is called inside the folder: ``scaler.pkl``, ``bundle.pkl#scaler``."""
        return "#".join([part.path.relative_to(self.path).as_posix(), *part.keys])

    @property
    def text(self) -> str:
        """Each part with what it is, a line each."""
        named = [(self.name(part), part.text) for part in self.every]
        width = min(32, max((len(name) for name, _ in named), default=0))
        return "\n".join(f"  {name:<{width}}  {text}" for name, text in named)


def look(path: Path) -> Folder:
    """Look through a folder; nothing in it is run, and no module that it names is imported.

    `UserError` when there is no such folder, or it holds nothing that could be part of a model.
    """
    if not path.is_dir():
        raise UserError(f"{path} is no folder; expected one that holds a model and its parts.")
    files = sorted(_files(path, DEEPEST))[:MOST_FILES]
    others = {f: part for f in files if not _is_table(f) and (part := part_in(f)) is not None}
    names = [n for part in others.values() for inner in part.every() for n in inner.names]
    found = others | {file: table_part(file, names) for file in files if _is_table(file)}
    parts = tuple(found[file] for file in sorted(found))
    if not parts:
        raise UserError(
            f"{path} holds no file that could be part of a model; expected one like model.pkl. "
            "Name the folder in which it lies."
        )
    return Folder(path, parts)


def _files(folder: Path, depth: int) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name.startswith(".") or path.name in PASSED_OVER or path.is_symlink():
            continue
        if path.is_dir():
            # An environment of Python has this file, whatever its name.
            if depth > 1 and not (path / "pyvenv.cfg").exists():
                yield from _files(path, depth - 1)
        else:
            yield path


def _is_table(path: Path) -> bool:
    return path.suffix.casefold() in TABLES


def part_in(path: Path) -> Part | None:
    """What a file is; None for what is surely no part of a model, such as a licence."""
    suffix = path.suffix.casefold()
    if suffix in (".pt", ".pth"):
        return network_text.torch_part(path)
    if suffix in WEIGHTS:
        return Part(path, "weights", WEIGHTS[suffix])
    if suffix == ".py":
        return Part(path, "code")
    if suffix in TABLES:
        return table_part(path, ())
    if path.stem.casefold().startswith(PAPERS) or suffix in (".md", ".ipynb"):
        return None
    try:
        if suffix in (".json", ".txt", ".npy"):
            return _list(path)
        if suffix in (*PICKLES, ".skops", ""):
            return _pickled(path)
    except OSError as error:
        return Part(path, "other", note=f"cannot be read ({error.strerror})")
    return None


def _pickled(path: Path) -> Part | None:
    content = path.read_bytes()
    try:
        kind = file_format.format_of(str(path), content)
    except UserError as error:
        reason = str(error).removeprefix(f"{path} ")
        return Part(path, "other", note=reason) if path.suffix else None
    saved_by = file_format.saved_by(content, kind)
    if kind == "skops":
        return _skops(path, content, saved_by)
    try:
        made, imports = outline(file_format.uncompressed(content))
        part = part_of(made, path)
    except LOAD_ERRORS as error:
        note = f"cannot be looked into ({type(error).__name__}: {first_line(error)})"
        return Part(path, "other", note=note)
    return replace(part, saved_by=part.saved_by or saved_by, imports=imports)


def _skops(path: Path, content: bytes, saved_by: str) -> Part:
    about = json.loads(skops_format.schema(content))
    kind = str(about.get("__class__", ""))
    role: Role = "step" if kind.endswith(("Scaler", "Encoder", "Imputer", "PCA")) else "model"
    return Part(path, role, kind, saved_by=saved_by)


def _list(path: Path) -> Part | None:
    """Names of columns, or words for classes, in a file of text; None for anything else."""
    pairs = class_pairs.in_file(path)
    if pairs:
        return Part(path, "classes", path.suffix[1:], levels=tuple(pairs.items()))
    names = column_names(path)
    return Part(path, "columns", path.suffix[1:], names=names) if names else None


def column_names(path: Path) -> tuple[str, ...]:
    """The names in a file of JSON, text (one a line, or with commas) or NumPy; empty for none."""
    if path.suffix.casefold() == ".npy":
        return _npy(path)
    text = path.read_text("utf-8-sig", errors="replace")
    if path.suffix.casefold() == ".json":
        return _names_of(_json(text))
    lines = [line.strip().strip("\"',") for line in text.splitlines() if line.strip()]
    if len(lines) == 1:
        lines = [name.strip() for name in next(csv.reader(lines, skipinitialspace=True))]
    return tuple(lines) if all(len(line) <= 80 for line in lines) else ()


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _names_of(content: Any) -> tuple[str, ...]:
    """The names in JSON: a list of texts, or one under a key such as ``columns``."""
    if isinstance(content, list) and content and all(isinstance(v, str) for v in content):
        return tuple(content)
    if isinstance(content, dict) and not class_words(content):
        lists: Iterable[Any] = (v for key, v in content.items() if "col" in key or "feat" in key)
        return next((names for value in lists if (names := _names_of(value))), ())
    return ()


def _npy(path: Path) -> tuple[str, ...]:
    import numpy as np

    try:
        cells = np.load(path, allow_pickle=False)
    except LOAD_ERRORS:
        return ()
    is_texts = cells.ndim == 1 and cells.dtype.kind == "U"
    return tuple(cells.tolist()) if is_texts else ()
