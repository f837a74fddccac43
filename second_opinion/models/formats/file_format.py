"""Formats of model files: each is told by its content, and loaded in its own way alone."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import re
import struct
import warnings
import zlib
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import PurePath
from typing import Any
from zipfile import BadZipFile

from second_opinion.errors import UserError, first_line
from second_opinion.file_content import LFS_POINTER
from second_opinion.models.card import ModelFormat
from second_opinion.models.formats import python_code, skops_format
from second_opinion.models.formats.releases import other_release

# What loading raises when a file is not what its name says or was made by other versions.
LOAD_ERRORS = (
    *(AssertionError, AttributeError, EOFError, ImportError, LookupError, MemoryError, NameError),
    *(OSError, RuntimeError, TypeError, ValueError, ArithmeticError),
    *(pickle.PickleError, lzma.LZMAError, struct.error, zlib.error, BadZipFile),
)


def _lz4(content: bytes) -> bytes:
    import lz4.frame

    return bytes(lz4.frame.decompress(content))


# How the compressions of joblib begin: zlib, gzip, bzip2, xz, lzma, lz4.
COMPRESSED: dict[bytes, Callable[[bytes], bytes]] = {
    b"x": zlib.decompress,
    b"\x1f\x8b": gzip.decompress,
    b"BZh": bz2.decompress,
    b"\xfd7zXZ": lzma.decompress,
    b"]\x00": lzma.decompress,
    b"\x04\x22\x4d\x18": _lz4,
}
_STRANGERS = (
    (LFS_POINTER, "a pointer of Git LFS, not the file itself. Run `git lfs pull`"),
    (b"PK", "a zip archive, but no skops file. Save the estimator with joblib.dump or skops.io"),
    (b"\x89HDF", "an HDF5 file. Save a scikit-learn estimator with joblib.dump"),
    (b"\x93NUMPY", "a NumPy array. Save the estimator with joblib.dump"),
    (b"PAR1", "a Parquet table. Save the estimator with joblib.dump"),
    (b"<", "a web page or XML. Download the file itself"),
    (b"{", "JSON text. Save the estimator with joblib.dump"),
)
# The first estimator in a file is followed by its version in full; later ones refer to it.
_SAVED_BY = re.compile(
    rb"_sklearn_version.{1,400}?(\d+\.\d+(?:\.\d+)?(?:(?:\.dev|\.post|rc|a|b)\d+)?)", re.DOTALL
)


def format_of(name: str, content: bytes) -> ModelFormat:
    """How to load a file, by its content: `joblib.dump(model, "model.pkl")` is common.

    `UserError`, which begins with the name, when it is none of these formats.
    """
    if not content:
        raise UserError(
            f"{name} is empty; expected a model. Save the model again with joblib.dump."
        )
    if content.startswith(tuple(COMPRESSED)) and not content.isascii():
        return "joblib"
    # A pickle of protocol 2 or later begins with its number; older ones with an opcode.
    if content[:1] == b"\x80" or (content[:1] in b"(]}c" and content.endswith(b".")):
        plain = PurePath(name).suffix != ".joblib" and b"joblib.numpy_pickle" not in content
        return "pickle" if plain else "joblib"
    if skops_format.is_skops(content):
        return "skops"
    if content.startswith(b"PK") and PurePath(name).suffix == ".skops":
        raise UserError(
            f"{name} is a zip archive without the schema of a skops file: it is damaged or cut "
            "off. Copy or download it again, then add it."
        )
    raise _stranger(name, content)


def _stranger(name: str, content: bytes) -> UserError:
    head = content[:200].lstrip(b"\xef\xbb\xbf \t\r\n")
    for start, meaning in _STRANGERS:
        if head.startswith(start):
            return UserError(f"{name} is {meaning}, then add it again.")
    return UserError(
        f"{name} is not a joblib or pickle file, nor one of skops: it begins with "
        f"{content[:12]!r}. Save the trained estimator with joblib.dump(model, 'model.joblib'), "
        "then add that file."
    )


def loaded(content: bytes, file_format: ModelFormat, trusted: Sequence[str] = ()) -> Any:
    """What the bytes hold. This runs their code.

    A skops file runs none: it may hold objects of the ``trusted`` types and of those that skops
    trusts by itself, and raises `UserError` for any other. Raises one of ``LOAD_ERRORS`` where the
    bytes are damaged, or need something that is not here.
    """
    # Another scikit-learn than the one here is said once, in words, by `version_warnings`.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _load(content, file_format, trusted)


def _load(content: bytes, file_format: ModelFormat, trusted: Sequence[str]) -> Any:
    if file_format == "skops":
        return skops_format.load(content, trusted)
    if file_format == "python":
        return python_code.load(content)
    if file_format == "pickle":
        return pickle.loads(content)
    import joblib

    return joblib.load(io.BytesIO(content))


def saved_by(content: bytes, file_format: ModelFormat) -> str:
    """The version of scikit-learn that wrote the bytes, without loading them; empty if unknown."""
    try:
        match = _SAVED_BY.search(
            skops_format.schema(content) if file_format == "skops" else uncompressed(content)
        )
    except LOAD_ERRORS:
        return ""
    return match[1].decode() if match else ""


def uncompressed(content: bytes) -> bytes:
    """The bytes of a joblib or pickle file without its compression.

    Raises one of ``LOAD_ERRORS`` where they are damaged.
    """
    for start, decompress in COMPRESSED.items():
        if content.startswith(start):
            return decompress(content)
    return content


def why(error: BaseException, saved_by: str) -> str:
    """What is wrong with a file that does not load, and what to do."""
    reason = f"{type(error).__name__}: {first_line(error)}"
    package = _absent_package(error)
    if package:
        return (
            f"it needs the package {package!r}, which is not here. Install it, write it into "
            "requirements.txt, then add the model again. If it is a file of yours, name that: "
            f"--code {package}.py."
        )
    if "__main__" in str(error):
        return (
            f"it needs something that was defined in a notebook or script ({reason}). Copy that "
            "class or function into a file of its own, and name it: --code FILE.py."
        )
    if other := other_release(saved_by):
        return f"{reason}. {other}"
    return (
        f"it is damaged or cut off, or was made by versions that are not here ({reason}). Copy or "
        "download it again, or save it again with what is installed here."
    )


def _absent_package(error: BaseException) -> str:
    """The package that is not installed; empty where a part of one that is here is missing."""
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return ""
    package = error.name.partition(".")[0]
    # Private modules of compiled libraries come and go with their versions: `_loss`.
    return "" if package.startswith("_") or find_spec(package) else package
