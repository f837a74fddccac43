"""Model files: their hash is checked before a byte is unpickled, and each is loaded once."""

from __future__ import annotations

import hashlib
import io
import pickle
import threading
import warnings
import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from second_opinion.card import Artifact, ModelCard
from second_opinion.errors import UserError

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

Stamp = tuple[str, int, int]

# What unpickling raises when a file is not what its name says or was made by other versions.
LOAD_ERRORS = (
    *(AttributeError, EOFError, ImportError, IndexError, KeyError, OSError, TypeError, ValueError),
    *(pickle.UnpicklingError, zlib.error, RecursionError, MemoryError),
)


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
            estimator = unpickle(_genuine(path, card), card.artifact, path)
            _loaded[sha256] = Loaded(estimator, threads())
            if stamp:
                _checked[stamp] = sha256
        return _loaded[sha256]


def threads() -> ThreadpoolController:
    """A switch for the thread pools of all libraries loaded so far."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def unpickle(content: bytes, artifact: Artifact, path: Path) -> Any:
    """The estimator in bytes whose hash was checked; `UserError` when they cannot be loaded."""
    import joblib

    with warnings.catch_warnings():
        # An older scikit-learn is said once, in words, by `version_warnings`.
        warnings.simplefilter("ignore")
        try:
            if artifact.format == "pickle":
                return pickle.loads(content)
            return joblib.load(io.BytesIO(content))
        except LOAD_ERRORS as error:
            made = f"scikit-learn {artifact.scikit_learn or 'of an unknown version'}"
            raise UserError(
                f"{path} cannot be loaded ({type(error).__name__}: {error}). It was made with "
                f"{made} and Python {artifact.python or 'unknown'}; install what it was made with, "
                "or train it again here."
            ) from error


def version_warnings(card: ModelCard) -> tuple[str, ...]:
    """One sentence if the model was made by another scikit-learn than the one installed."""
    here, there = _installed_scikit_learn(), card.artifact.scikit_learn
    if not there or here.split(".")[:2] == there.split(".")[:2]:
        return ()
    return (
        f"This model was made with scikit-learn {there}; {here} runs here, and its answers may "
        f"differ. Write scikit-learn=={there} into requirements.txt, or train it again.",
    )


@cache
def _installed_scikit_learn() -> str:
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
    """Path, time and size: what tells whether a file is still the one that was read."""
    try:
        found = path.stat()
    except OSError:
        return None
    return str(path.resolve()), found.st_mtime_ns, found.st_size
