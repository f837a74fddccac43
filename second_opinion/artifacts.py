"""Model files: their hash is checked before a byte is unpickled, and each is loaded once."""

from __future__ import annotations

import hashlib
import io
import lzma
import pickle
import struct
import threading
import warnings
import zlib
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from second_opinion.card import Artifact, ModelCard
from second_opinion.errors import UserError

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

Stamp = tuple[str, int, int, int]

# What unpickling raises when a file is not what its name says or was made by other versions.
LOAD_ERRORS = (
    *(AssertionError, AttributeError, EOFError, ImportError, LookupError, MemoryError, NameError),
    *(OSError, RuntimeError, TypeError, ValueError, ArithmeticError),
    *(pickle.PickleError, lzma.LZMAError, struct.error, zlib.error),
)

# How the compressions of joblib begin: zlib, gzip, bzip2, xz, lzma, lz4.
COMPRESSED = (b"x", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"]\x00", b"\x04\x22\x4d\x18")
LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_STRANGERS = (
    (LFS_POINTER, "a pointer of Git LFS, not the file itself. Run `git lfs pull`"),
    (b"PK", "a zip archive. Save the estimator with joblib.dump or pickle.dump"),
    (b"\x89HDF", "an HDF5 file. Save a scikit-learn estimator with joblib.dump"),
    (b"\x93NUMPY", "a NumPy array. Save the estimator with joblib.dump"),
    (b"PAR1", "a Parquet table. Save the estimator with joblib.dump"),
    (b"<", "a web page or XML. Download the file itself"),
    (b"{", "JSON text. Save the estimator with joblib.dump"),
)


@dataclass(frozen=True)
class ModelFile:
    """A model file that somebody brought: read once, not loaded yet."""

    path: Path
    format: Literal["joblib", "pickle"]
    content: bytes

    @classmethod
    def read(cls, path: Path) -> ModelFile:
        """The file at a path; `UserError` when it is no joblib or pickle file."""
        try:
            content = path.read_bytes()
        except OSError as error:
            raise UserError(
                f"{path} cannot be read ({error.strerror}); expected a model file. Correct the "
                "path, or save the model there with joblib.dump."
            ) from error
        return cls(path, _format_of(path, content), content)

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of the content, in hexadecimal digits."""
        return hashlib.sha256(self.content).hexdigest()

    def load(self) -> tuple[Any, str]:
        """The estimator, and the version of scikit-learn that saved it. This runs the file's code.

        `UserError` when the file is damaged, or needs something that is not here.
        """
        try:
            return _unpickled(self.content, self.format)
        except LOAD_ERRORS as error:
            raise UserError(f"{self.path} cannot be loaded: {_why(error)}") from error


@dataclass(frozen=True)
class Loaded:
    """An estimator, and the switch for the threads of the libraries it brought in."""

    estimator: Any
    threads: ThreadpoolController


# Pages, API and jobs run on threads of one process: a model is loaded once for all of them.
_loading = threading.Lock()
_loaded: dict[str, Loaded] = {}
_checked: dict[Stamp, str] = {}


def load(path: Path, card: ModelCard) -> Loaded:
    """The estimator in a file, from memory where the file has not changed since it was checked.

    The file is read once, its SHA-256 compared with the card's, and loaded from those very bytes;
    `UserError` when it is missing, is another file, or cannot be loaded here.
    """
    sha256 = card.artifact.sha256
    with _loading:
        stamp = stamp_of(path)
        if stamp is None or _checked.get(stamp) != sha256 or sha256 not in _loaded:
            content = _genuine(path, card)
            if sha256 not in _loaded:
                _loaded[sha256] = Loaded(unpickle(content, card.artifact, path), threads())
            if stamp:
                _checked[stamp] = sha256
        return _loaded[sha256]


def threads() -> ThreadpoolController:
    """A switch for the thread pools of all libraries loaded so far."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def unpickle(content: bytes, artifact: Artifact, path: Path) -> Any:
    """The estimator in bytes whose hash was checked; `UserError` when they cannot be loaded."""
    try:
        return _unpickled(content, artifact.format)[0]
    except LOAD_ERRORS as error:
        made = f"scikit-learn {artifact.scikit_learn or 'of an unknown version'}"
        raise UserError(
            f"{path} cannot be loaded ({type(error).__name__}: {error}). It was made with "
            f"{made} and Python {artifact.python or 'unknown'}; install what it was made with, "
            "or train it again here."
        ) from error


def _unpickled(content: bytes, file_format: str) -> tuple[Any, str]:
    """What the bytes hold, and the version of scikit-learn that wrote them."""
    import joblib
    from sklearn.exceptions import InconsistentVersionWarning

    # Another scikit-learn than the one here is said once, in words, by `version_warnings`.
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        if file_format == "pickle":
            found = pickle.loads(content)
        else:
            found = joblib.load(io.BytesIO(content))
    older = [w.message for w in heard if isinstance(w.message, InconsistentVersionWarning)]
    return found, older[0].original_sklearn_version if older else installed_scikit_learn()


def _format_of(path: Path, content: bytes) -> Literal["joblib", "pickle"]:
    """How to load a file, by its content: `joblib.dump(model, "model.pkl")` is common."""
    if not content:
        raise UserError(
            f"{path} is empty; expected a model. Save the model again with joblib.dump."
        )
    if content.startswith(COMPRESSED) and not content.isascii():
        return "joblib"
    # A pickle of protocol 2 or later begins with its number; older ones with an opcode.
    if content[:1] == b"\x80" or (content[:1] in b"(]}c" and content.endswith(b".")):
        plain = path.suffix != ".joblib" and b"joblib.numpy_pickle" not in content
        return "pickle" if plain else "joblib"
    head = content[:200].lstrip(b"\xef\xbb\xbf \t\r\n")
    for start, meaning in _STRANGERS:
        if head.startswith(start):
            raise UserError(f"{path} is {meaning}, then add it again.")
    raise UserError(
        f"{path} is not a joblib or pickle file: it begins with {content[:12]!r}. Save the trained "
        "estimator with joblib.dump(model, 'model.joblib'), then add that file."
    )


def _why(error: BaseException) -> str:
    """What is wrong with a file that does not load, and what to do."""
    reason = f"{type(error).__name__}: {first_line(error)}"
    if isinstance(error, ModuleNotFoundError):
        package = (error.name or "").partition(".")[0]
        return (
            f"it needs the package {package!r}, which is not here. Install it, write it into "
            "requirements.txt, then add the model again."
        )
    if "__main__" in str(error):
        return (
            f"it needs something that was defined in a notebook or script ({reason}). Move that "
            "into a module that can be imported here, train and save again."
        )
    return (
        f"it is damaged or cut off, or was made by versions that are not here ({reason}). Copy or "
        "download it again, or save it again with what is installed here."
    )


def first_line(error: BaseException) -> str:
    """The first line that an exception says, cut to what fits in a message."""
    said = (str(error).strip() or "no reason given").splitlines()[0]
    return said if len(said) <= 200 else said[:199] + "…"


def version_warnings(card: ModelCard) -> tuple[str, ...]:
    """One sentence if the model was made by another scikit-learn than the one installed."""
    here, there = installed_scikit_learn(), card.artifact.scikit_learn
    if not there or here.split(".")[:2] == there.split(".")[:2]:
        return ()
    return (
        f"This model was made with scikit-learn {there}; {here} runs here, and its answers may "
        f"differ. Write scikit-learn=={there} into requirements.txt, or train it again.",
    )


@cache
def installed_scikit_learn() -> str:
    """The version of scikit-learn that runs here."""
    from importlib.metadata import version

    return version("scikit-learn")


def _genuine(path: Path, card: ModelCard) -> bytes:
    """The bytes of the model file, if they are those that were added."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"{path} cannot be read ({error.strerror}); the card of {card.ref} names it. Restore "
            "the file, or add the model again."
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if found != card.artifact.sha256:
        raise UserError(
            f"{path} is not the file that was added: its SHA-256 is {found[:12]}…; the card "
            f"expects {card.artifact.sha256[:12]}…. It was not loaded. Restore the file, or add "
            "the model again."
        )
    return content


def stamp_of(path: Path) -> Stamp | None:
    """Path, times and size: what tells whether a file is still the one that was read."""
    try:
        found = path.stat()
    except OSError:
        return None
    # A copy that keeps the time of its last change still changes its inode's.
    return str(path.resolve()), found.st_mtime_ns, found.st_ctime_ns, found.st_size
