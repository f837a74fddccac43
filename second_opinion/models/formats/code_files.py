"""The files of a model that is code: packed into bytes that are hashed, read and written as one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from second_opinion.errors import UserError

ENTRY = "predict.py"
# What Python, notebooks and environments leave in a folder; none of it is ever loaded.
PASSED_OVER = {"__pycache__", "venv", "env", "node_modules", "site-packages", "mlruns"}


def packed(files: Mapping[str, bytes]) -> bytes:
    """The files as bytes: their relative paths and sizes as a line of JSON, sorted, then each.

    The SHA-256 of these bytes is that of the model.
    """
    names = sorted(files)
    head = json.dumps([[name, len(files[name])] for name in names], ensure_ascii=False)
    return b"".join([head.encode(), b"\n", *(files[name] for name in names)])


def unpacked(content: bytes) -> dict[str, bytes]:
    """The files in bytes of `packed`, by relative path; `ValueError` where they are damaged."""
    head, _, rest = content.partition(b"\n")
    files = {}
    for name, size in json.loads(head):
        files[name], rest = rest[:size], rest[size:]
    return files


def read_folder(folder: Path) -> dict[str, bytes]:
    """Every file in a folder by its relative path, without what Python leaves there itself.

    A link is no file: what it points to may change without the folder.
    """
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files_below(folder)}


def packed_at(folder: Path) -> bytes:
    """Every file in a folder, packed."""
    return packed(read_folder(folder))


def files_below(folder: Path) -> Iterator[Path]:
    """The files in a folder, sorted, without links, hidden files and what tools leave there."""
    for path in sorted(folder.iterdir()):
        if path.is_symlink() or is_passed_over(path.name):
            continue
        if path.is_dir():
            yield from files_below(path)
        elif path.is_file():
            yield path


def is_passed_over(name: str) -> bool:
    """Whether a file or folder of this name is hidden, or an environment, or compiled."""
    return name.startswith(".") or name in PASSED_OVER or name.endswith((".pyc", ".pyo"))


def write_folder(content: bytes, folder: Path) -> None:
    """Write packed files into a folder; `UserError` for a path that leads out of it."""
    for name, file in unpacked(content).items():
        path = folder / safe(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file)


def safe(name: str) -> str:
    """A relative path without tricks, with ``/`` between its parts."""
    path = PurePosixPath(name)
    odd = path.is_absolute() or "\\" in name or ":" in name or not path.parts
    if odd or any(part == ".." or is_passed_over(part) for part in path.parts):
        raise UserError(
            f"{name!r} will not do as the path of a file of a model; expected one inside its "
            "folder that is not hidden. Move or rename the file."
        )
    return path.as_posix()
