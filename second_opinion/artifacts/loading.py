"""Model files of the registry: the hash is checked before a byte is loaded, and each once."""

from __future__ import annotations

import hashlib
import platform
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from second_opinion.artifacts.formats import (
    LOAD_ERRORS,
    installed_scikit_learn,
    loaded,
    same_release,
)
from second_opinion.card import Artifact, ModelCard
from second_opinion.errors import UserError, first_line

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

Stamp = tuple[str, int, int, int]


@dataclass(frozen=True)
class Loaded:
    """An estimator, and the switch for the threads of the libraries it brought in."""

    estimator: Any
    threads: ThreadpoolController


# Pages, API and jobs run on threads of one process: a model is loaded once for all of them.
_loading = threading.Lock()
# By hash, format and trusted types: what one card trusts, another may not.
_loaded: dict[tuple[str, str, tuple[str, ...]], Loaded] = {}
_checked: dict[Stamp, str] = {}
_times = {"loaded": 0}


def load(path: Path, card: ModelCard) -> Loaded:
    """The estimator in a file, from memory where the file has not changed since it was checked.

    The file is read once, its SHA-256 compared with the card's, and loaded from those very bytes;
    `UserError` when it is missing, is another file, or cannot be loaded here.
    """
    sha256 = card.artifact.sha256
    key = sha256, card.artifact.format, card.artifact.trusted
    with _loading:
        stamp = stamp_of(path)
        if stamp is None or _checked.get(stamp) != sha256 or key not in _loaded:
            content = _genuine(path, card)
            if key not in _loaded:
                _loaded[key] = Loaded(unpickle(content, card.artifact, path), threads())
                _times["loaded"] += 1
            if stamp:
                _checked[stamp] = sha256
        return _loaded[key]


def times_loaded() -> int:
    """How often an estimator was loaded by this process; those that went again count."""
    return _times["loaded"]


def threads() -> ThreadpoolController:
    """A switch for the thread pools of all libraries loaded so far."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def unpickle(content: bytes, artifact: Artifact, path: Path) -> Any:
    """The estimator in bytes whose hash was checked; `UserError` when they cannot be loaded."""
    try:
        return loaded(content, artifact.format, artifact.trusted)[0]
    except LOAD_ERRORS as error:
        raise UserError(
            f"{path} cannot be loaded ({type(error).__name__}: {first_line(error)}). "
            f"{_versions(artifact)}"
        ) from error


def _versions(artifact: Artifact) -> str:
    """What made a file, what runs here, and what to do where it does not load."""
    here, there = installed_scikit_learn(), artifact.scikit_learn
    made = f"It was made with scikit-learn {there or 'of an unknown version'}"
    both = (
        f"{made} and Python {artifact.python or 'unknown'}; scikit-learn {here} and Python "
        f"{platform.python_version()} run here. "
    )
    pin = there and not same_release(there, here)
    first = f"Write scikit-learn=={there} into requirements.txt" if pin else "Install the former"
    return f"{both}{first}, or train it again here."


def version_warnings(card: ModelCard) -> tuple[str, ...]:
    """One sentence if the model was made by another scikit-learn than the one installed."""
    here, there = installed_scikit_learn(), card.artifact.scikit_learn
    if not there or same_release(there, here):
        return ()
    return (
        f"This model was made with scikit-learn {there}; {here} runs here, and its answers may "
        f"differ. Write scikit-learn=={there} into requirements.txt, or train it again.",
    )


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
