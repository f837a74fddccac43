"""The setting MODEL where it is an address: fetched at the start, looked up again each minute."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from second_opinion.errors import UserError, incident
from second_opinion.models.aliases import managed
from second_opinion.models.formats import mlflow_source
from second_opinion.models.remote.model_address import ModelAddress, is_address, shown
from second_opinion.models.remote.remote_model import RemoteModel
from second_opinion.models.remote.web_file import FETCH_SECONDS, too_late
from second_opinion.settings import Settings
from second_opinion.store import Store

LOOK_SECONDS = 60
# What was refused is asked for again after twice the time each time: it may be two gigabytes.
LONGEST_WAIT = 1800


class Followed(NamedTuple):
    """The settings that say what is followed, and into what."""

    model: str
    model_dir: str
    feedback_db: str

    @classmethod
    def of(cls, settings: Settings) -> Followed:
        """Those of all settings."""
        return cls(settings.model, settings.model_dir, settings.feedback_db)


@dataclass
class Attempts:
    """The attempts at one version since it was last had; another version begins anew.

    ``fault`` is why the last one failed, ``next_at`` when there may be another.
    """

    version: str = ""
    count: int = 0
    next_at: float = 0.0
    fault: str = ""

    def begin(self, version: str) -> bool:
        """Whether it is time for one more, which is then counted; all but the first have waited."""
        if version != self.version:
            self.version, self.count = version, 0
        elif time.monotonic() < self.next_at:
            return False
        self.next_at = time.monotonic() + min(LOOK_SECONDS * 2**self.count, LONGEST_WAIT)
        self.count += 1
        return True

    def end(self) -> None:
        """It was had: the next one is the first again."""
        self.count, self.next_at, self.fault = 0, 0.0, ""


@dataclass
class ModelWatch:
    """Follows one address in a thread of its own, until `end` or the process ends.

    ``fault`` says why the last look failed, empty where it did not; ``ref`` is what the model is
    called here, empty until it is there.
    """

    settings: Settings
    fault: str = ""
    ref: str = ""
    begun: float = field(default_factory=time.monotonic)
    _over: threading.Event = field(default_factory=threading.Event)
    attempts: Attempts = field(default_factory=Attempts)
    _lost: set[str] = field(default_factory=set)

    def look(self) -> None:
        """Follow the address once; what goes wrong is kept in ``fault``."""
        self.fault = _fault_of(self._look) or self.attempts.fault

    def _look(self) -> None:
        address = ModelAddress.read(self.settings.model)
        # A file stays what it is until the next start; an alias of MLflow may be moved.
        moves = address.kind == "mlflow" and bool(address.alias)
        if self.is_ready and not moves:
            return
        version = mlflow_source.version_now(address.text) if moves else ""
        if version != self.attempts.version:
            self._lost.clear()
        if self.attempts.begin(version):
            self.attempts.fault = _fault_of(partial(self._follow, address))

    def _follow(self, address: ModelAddress) -> None:
        store = Store.open(self.settings.feedback_db)
        RemoteModel(address, managed(self.settings), store, lost=self._lost).follow()
        self.attempts.end()
        self.ref = address.ref

    @property
    def is_ready(self) -> bool:
        """Whether the model is here."""
        return bool(self.ref)

    @property
    def state(self) -> str:
        """What to say while the model is not here, or the last look failed; empty otherwise."""
        if self.fault:
            return self.fault
        seconds = time.monotonic() - self.begun
        if self.is_ready:
            return ""
        where = shown(self.settings.model)
        if seconds > FETCH_SECONDS:
            return too_late(where, FETCH_SECONDS)
        return (
            f"{where} is being fetched, for {seconds:.0f} seconds now. Load this page again in a "
            "moment."
        )

    def run(self) -> None:
        """Look now, and each minute."""
        self.look()
        while not self._over.wait(LOOK_SECONDS):
            self.look()

    def end(self) -> None:
        """Look no more."""
        self._over.set()


_watches: dict[Followed, ModelWatch] = {}
_lock = threading.Lock()


def started(settings: Settings) -> ModelWatch | None:
    """The watch of this process for MODEL, started if it is not; None where that is no address.

    The one of other settings ends: there is one thread, and one MODEL.
    """
    followed = Followed.of(settings)
    with _lock:
        watch = _watches.get(followed)
        if watch is None:
            for other in _watches.values():
                other.end()
            _watches.clear()
        if watch is None and is_address(settings.model):
            watch = _watches[followed] = ModelWatch(settings)
            threading.Thread(target=watch.run, name="model-watch", daemon=True).start()
        return watch


def _fault_of(work: Callable[[], None]) -> str:
    """Why the work failed; empty where it did not."""
    try:
        work()
    except UserError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - a thread has no page that would catch it
        return incident(error)
    return ""
