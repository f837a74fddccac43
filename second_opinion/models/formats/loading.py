"""Model files of the registry: the hash is checked before a byte is loaded, and each once."""

from __future__ import annotations

import hashlib
import platform
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from second_opinion.errors import UserError, first_line
from second_opinion.file_content import mistaken_for, read_bytes
from second_opinion.models.card import Artifact, ModelCard
from second_opinion.models.formats.code_files import files_below, packed_at
from second_opinion.models.formats.file_format import LOAD_ERRORS, loaded
from second_opinion.models.formats.releases import installed_scikit_learn, runs_here, way_to

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

# Longer than a tick of any file system's clock, in nanoseconds; FAT counts in 2 s.
TICK = 2_000_000_000


class Stamp(NamedTuple):
    """The state of a file at one look; times in nanoseconds, the size in bytes."""

    path: str
    inode: int
    changed: int
    inode_changed: int
    size: int


@dataclass(frozen=True)
class Loaded:
    """An estimator, and the switch for the threads of the libraries it brought in."""

    estimator: Any
    threads: ThreadpoolController


# Pages, API and jobs run on threads of one process: a model is loaded once for all of them.
_loading = threading.Lock()
# By hash, format and trusted types: what one card trusts, another may not.
_loaded: dict[tuple[str, str, tuple[str, ...]], Loaded] = {}
_times_loaded = 0
# The SHA-256 that a file had when it had this stamp.
_checked: dict[Stamp, str] = {}

# By file and card: the stamp at the last load, and why it failed.
_outcomes: dict[tuple[Path, str], tuple[Stamp | None, str]] = {}

FileState = Literal["intact", "changed", "missing"]


def load(path: Path, card: ModelCard) -> Loaded:
    """The estimator in a file, from memory where the file has not changed since it was checked.

    The file is read once, its SHA-256 compared with the card's, and loaded from those very bytes;
    `UserError` when it is missing, is another file, or cannot be loaded here.
    """
    global _times_loaded
    sha256 = card.artifact.sha256
    key = sha256, card.artifact.format, card.artifact.trusted
    with _loading:
        stamp = stamp_of(path)
        if stamp is None or _checked.get(stamp) != sha256 or key not in _loaded:
            content = _genuine(path, card)
            if key not in _loaded:
                _loaded[key] = Loaded(unpickle(content, card.artifact, path), threads())
                _times_loaded += 1
            if stamp:
                _checked[stamp] = sha256
        return _loaded[key]


@contextmanager
def noted(path: Path, card: ModelCard) -> Iterator[None]:
    """Remembers for `outcome` how the load in this block went."""
    stamp, fault = stamp_of(path), ""
    try:
        yield
    except UserError as error:
        fault = str(error)
        raise
    finally:
        _outcomes[path.absolute(), card.artifact.sha256] = stamp, fault


def outcome(path: Path, card: ModelCard) -> str | None:
    """Why the last load of a file by this card failed, empty where it did not; None where the file
    as it is now was not loaded yet."""
    stamp, fault = _outcomes.get((path.absolute(), card.artifact.sha256), (None, None))
    return fault if stamp == stamp_of(path) else None


def times_loaded() -> int:
    """How often this process has loaded an estimator; those that went again count."""
    return _times_loaded


def file_state(path: Path, artifact: Artifact) -> FileState:
    """Whether a model file is the one that was added.

    It is hashed once for each state that it has; a stranger of another size is not read at all.
    """
    stamp = stamp_of(path)
    if stamp is None:
        return "missing"
    sizes = {other.size for other, sha256 in _checked.items() if sha256 == artifact.sha256}
    if sizes and stamp.size not in sizes:
        return "changed"
    sha256 = _checked.get(stamp) or _sha256(path, stamp)
    if not sha256:
        return "missing"
    return "intact" if sha256 == artifact.sha256 else "changed"


def _sha256(path: Path, stamp: Stamp) -> str:
    """The hash of a file with this stamp; empty where it cannot be read."""
    try:
        if not (path.is_file() or path.is_dir()):  # a pipe would wait for somebody who writes
            return ""
        sha256 = _digest(path)
    except OSError:
        return ""
    if is_settled(stamp):
        _checked[stamp] = sha256
    return sha256


def _digest(path: Path) -> str:
    if path.is_dir():
        return hashlib.sha256(packed_at(path)).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def threads() -> ThreadpoolController:
    """A switch for the thread pools of all libraries loaded so far."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def unpickle(content: bytes, artifact: Artifact, path: Path) -> Any:
    """The estimator in bytes whose hash was checked; `UserError` when they cannot be loaded."""
    try:
        return loaded(content, artifact.format, artifact.trusted)
    except LOAD_ERRORS as error:
        raise UserError(
            f"{path} cannot be loaded ({type(error).__name__}: {first_line(error)}). "
            f"{_versions(artifact)}"
        ) from error


def _versions(artifact: Artifact) -> str:
    """What made a file, what runs here, and what to do where it does not load."""
    here, there = installed_scikit_learn(), artifact.scikit_learn
    maker = f"It was made with scikit-learn {there or 'of an unknown version'}"
    both = (
        f"{maker} and Python {artifact.python or 'unknown'}; scikit-learn {here} and Python "
        f"{platform.python_version()} run here. "
    )
    if not runs_here(there):
        return both + way_to(there, then="")
    return f"{both}Add the file that it was made from again, or train it again here."


def version_warnings(card: ModelCard) -> tuple[str, ...]:
    """One sentence if the model was made by another scikit-learn than the one installed."""
    here, there = installed_scikit_learn(), card.artifact.scikit_learn
    if runs_here(there):
        return ()
    return (
        f"This model was made with scikit-learn {there}; {here} runs here, and its answers may "
        f"differ. {way_to(there, then='')}",
    )


def _genuine(path: Path, card: ModelCard) -> bytes:
    """The bytes of the model file, if they are those that were added."""
    try:
        content = packed_at(path) if path.is_dir() else read_bytes(path)
    except OSError as error:
        raise UserError(
            f"{path} cannot be read ({error.strerror}); the card of {card.ref} names it. Restore "
            "the file, or add the model again."
        ) from error
    digest = hashlib.sha256(content).hexdigest()
    mistake = mistaken_for(content)
    if mistake and digest != card.artifact.sha256:
        raise UserError(
            f"{path} is not the file that was added: it is {mistake}, or restore the file. It was "
            "not loaded."
        )
    if digest != card.artifact.sha256:
        raise UserError(
            f"{path} is not the file that was added: its SHA-256 is {digest[:12]}…; the card "
            f"expects {card.artifact.sha256[:12]}…. It was not loaded. Restore the file, or add "
            "the model again."
        )
    return content


def stamp_of(path: Path) -> Stamp | None:
    """What tells whether a file is still the one that was read: path, inode, times and size."""
    try:
        state = path.stat()
        if stat.S_ISDIR(state.st_mode):
            return _stamp_of_folder(path)
    except OSError:
        return None
    # A copy that keeps the time of its last change still changes its inode's.
    return Stamp(
        str(path.absolute()), state.st_ino, state.st_mtime_ns, state.st_ctime_ns, state.st_size
    )


def _stamp_of_folder(folder: Path) -> Stamp:
    """One stamp for all files of a model that is code: any of them that changes changes it."""
    states = {str(path.relative_to(folder)): path.stat() for path in files_below(folder)}
    each = [(name, s.st_ino, s.st_mtime_ns, s.st_size) for name, s in states.items()]
    return Stamp(
        str(folder.absolute()),
        hash(tuple(each)),
        max((s.st_mtime_ns for s in states.values()), default=0),
        max((s.st_ctime_ns for s in states.values()), default=0),
        sum(s.st_size for s in states.values()),
    )


def is_settled(stamp: Stamp) -> bool:
    """Whether a change after this look would show in the stamp.

    Two changes within one tick of the file system's clock have the same time.
    """
    return time.time_ns() - max(stamp.changed, stamp.inode_changed) > TICK
