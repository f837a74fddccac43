"""Which files a predict.py needs, told from its text: what it imports, and what it opens."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path

from second_opinion.errors import UserError
from second_opinion.models.formats.code_files import files_below, is_passed_over

# Never taken without being named: tables may hold people's cases.
TABLES = (
    *(".csv", ".tsv", ".xlsx", ".xls", ".xlsb", ".ods", ".parquet", ".feather", ".arrow"),
    *(".sqlite", ".db", ".dta", ".sav", ".sas7bdat"),
)
NEVER = (".ipynb",)
ENVIRONMENT = "pyvenv.cfg"
LONGEST = 200
IMPORTERS = ("import_module", "__import__")


def needed(entry: Path, without: Sequence[Path] = ()) -> list[Path]:
    """The files beside a predict.py that it imports or opens, itself first, then sorted.

    What files of its own import counts as well. Not among them: tables, notebooks, hidden files,
    environments, and the files in ``without``, such as the training data. Nothing is run.
    """
    home = entry.resolve().parent
    barred = {path.resolve() for path in without}
    files, open_ends = [entry.resolve()], [entry.resolve()]
    while open_ends:
        for path in _named_in(_tree(open_ends.pop()), home):
            path = path.resolve()
            if path not in files and path not in barred and _may_be_taken(path, home):
                files.append(path)
                if path.suffix == ".py":
                    open_ends.append(path)
    return [files[0], *sorted(files[1:])]


def below(folder: Path) -> list[Path]:
    """The files in a folder that may be taken with it."""
    return [path for path in files_below(folder) if _may_be_taken(path.resolve(), folder.resolve())]


def is_table(path: Path) -> bool:
    """Whether a file may well be a table of cases, by its name."""
    return any(suffix in TABLES for suffix in path.suffixes[-2:])


def _may_be_taken(path: Path, home: Path) -> bool:
    if not path.is_relative_to(home) or is_table(path) or path.suffix in NEVER:
        return False
    inside = path.relative_to(home)
    if any(is_passed_over(part) for part in inside.parts):
        return False
    return not any((home / parent / ENVIRONMENT).exists() for parent in inside.parents)


def _tree(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_bytes(), filename=str(path))
    except OSError as error:
        raise UserError(
            f"{path} cannot be read ({error.strerror}); expected a file of Python. "
            "Correct the path."
        ) from error
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        where = f" in line {line}" if line else ""
        raise UserError(
            f"{path} is no Python that runs here{where} ({getattr(error, 'msg', error)}). Correct "
            "that line, then add it again."
        ) from error


def _named_in(tree: ast.Module, home: Path) -> Iterator[Path]:
    """The files below ``home`` that a module names, in an import or in a text."""
    for node in ast.walk(tree):
        for module in _imported(node):
            yield from _files_of_module(module, home)
    for text, may_be_folder in _paths(tree):
        yield from _files_of_text(text, home, may_be_folder)


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        start = node.module or ""
        yield from (name for name in (start,) if name)
        yield from (f"{start}.{alias.name}".lstrip(".") for alias in node.names)
    elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(IMPORTERS):
        yield from _texts(node.args[0]) if node.args else ()


def _files_of_module(module: str, home: Path) -> Iterator[Path]:
    yield from _module_below(home, module) or _module_in_some_folder(home, module)


def _module_below(folder: Path, module: str) -> list[Path]:
    """The file of a module, with those of the packages that it lies in."""
    parts = module.split(".")
    paths = [folder.joinpath(*parts[:length]) for length in range(1, len(parts) + 1)]
    both = [file for path in paths for file in (path.with_suffix(".py"), path / "__init__.py")]
    return [file for file in both if file.is_file()]


def _module_in_some_folder(home: Path, module: str) -> list[Path]:
    """A module in a folder beside predict.py, such as src, which its code may put on the path."""
    folders = (path for path in sorted(home.iterdir()) if path.is_dir())
    return [file for folder in folders for file in _module_below(folder, module)]


def _paths(node: ast.AST) -> Iterator[tuple[str, bool]]:
    """Texts that may be paths, and whether they may name a folder: one that is joined or opened."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value, False
        return
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        yield "/".join(_texts(node)), True
        return
    if isinstance(node, ast.JoinedStr):
        yield "".join(_texts(node)), False
        return
    if isinstance(node, ast.Call):
        yield "/".join(text for argument in node.args for text in _texts(argument)), True
    for child in ast.iter_child_nodes(node):
        yield from _paths(child)


def _texts(node: ast.AST) -> list[str]:
    """The texts in a path, in their order; an open part of one is a star."""
    if isinstance(node, ast.BinOp):
        return [*_texts(node.left), *_texts(node.right)]
    if isinstance(node, ast.JoinedStr):
        return ["".join(str(v.value) if isinstance(v, ast.Constant) else "*" for v in node.values)]
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


def _files_of_text(text: str, home: Path, may_be_folder: bool) -> Iterator[Path]:
    # In f"{folder}/model.h5" the star is the folder itself.
    text = text.removeprefix("./").removeprefix("*/").strip("/")
    if not text.strip("*?[]/. ") or len(text) > LONGEST or not text.isprintable():
        return
    path = home / text
    if any(sign in text for sign in "*?["):
        names = ((file, file.relative_to(home).as_posix()) for file in files_below(home))
        yield from (file for file, name in names if fnmatch(name, text))
    elif path.is_file():
        yield path
    elif may_be_folder and path.is_dir():
        yield from files_below(path)
