"""skops files: zip archives that hold no code, loaded with a list of the types that are trusted."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any
from zipfile import BadZipFile, ZipFile

from second_opinion.errors import UserError
from second_opinion.formatting import joined

SCHEMA = "schema.json"
# Whoever predicts with scikit-learn runs these anyway.
OWN = ("numpy", "scipy", "sklearn")
# Parts of them that do something when they are imported, or that run what they are given.
NOT_OWN = {"__main__", "conftest", "distutils", "f2py", "setup", "testing", "tests"}
MOST_NAMED = 12


def is_skops(content: bytes) -> bool:
    """Whether the bytes are a zip archive with the schema of a skops file."""
    try:
        return content.startswith(b"PK") and SCHEMA in ZipFile(io.BytesIO(content)).namelist()
    except (BadZipFile, ValueError, OSError):
        return False


def schema(content: bytes) -> bytes:
    """The schema of a skops file: what it holds, as JSON."""
    with ZipFile(io.BytesIO(content)) as archive:
        return archive.read(SCHEMA)


def unknown_types(content: bytes) -> list[str]:
    """The types in a skops file that skops does not trust by itself. Nothing is loaded.

    Raises what a damaged file makes skops raise; `UserError` where skops is not installed.
    """
    return [str(name) for name in _skops().get_untrusted_types(data=content)]


def load(content: bytes, trusted: Sequence[str]) -> Any:
    """The object in a skops file; `UserError` names a type that is not trusted.

    Raises what a damaged file makes skops raise.
    """
    strange = [name for name in unknown_types(content) if name not in trusted]
    if strange:
        raise UserError(
            f"The model holds {named(strange)}, which its card does not trust. It was not "
            "loaded. Add it again if it comes from you or from people you trust."
        )
    return _skops().loads(content, trusted=list(trusted))


def is_own(name: str) -> bool:
    """Whether a type is a class of scikit-learn, NumPy or SciPy.

    A function is not, whosever it is: kept in a model, it is called with what people type.
    """
    parts = name.split(".")[:-1]
    if not parts or parts[0] not in OWN or NOT_OWN & set(parts):
        return False
    return isinstance(_by_name(name), type)


def lacking(names: Iterable[str]) -> Exception | None:
    """What keeps types from being loaded here, told without importing anybody's module."""
    for name in names:
        module, _, kind = name.rpartition(".")
        package = module.partition(".")[0]
        if package == "__main__":
            return AttributeError(name)
        if package in OWN and not NOT_OWN & set(module.split(".")) and _by_name(name) is None:
            return AttributeError(f"There is no {kind} in {module}")
        if not package or find_spec(package) is None:
            return ModuleNotFoundError(f"No module named {package!r}", name=package)
    return None


def _by_name(name: str) -> Any:
    """A class or function of scikit-learn, NumPy or SciPy by its name; None without one."""
    module, _, kind = name.rpartition(".")
    try:
        return getattr(import_module(module), kind, None)
    except ImportError:
        return None


def named(types: Iterable[str]) -> str:
    """The types in a sentence."""
    names = list(types)
    more = [f"{len(names) - MOST_NAMED} more"] if len(names) > MOST_NAMED else []
    return joined([*names[:MOST_NAMED], *more])


def _skops() -> ModuleType:
    try:
        return import_module("skops.io")
    except ModuleNotFoundError as error:
        raise UserError(
            "A skops file needs the package skops, which is not here. Run `pip install skops`, "
            "then try again."
        ) from error
