"""The setting MODEL where it is an address: fetched at the start, looked up again each minute."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from second_opinion.errors import UserError, incident
from second_opinion.models.aliases import managed
from second_opinion.models.remote.model_address import ModelAddress, is_address, shown
from second_opinion.models.remote.remote_model import RemoteModel
from second_opinion.models.remote.web_file import FETCH_SECONDS, too_late
from second_opinion.settings import Settings
from second_opinion.store import Store

LOOK_SECONDS = 60


@dataclass
class ModelWatch:
    """Follows one address in a thread of its own, as long as the process lives.

    ``fault`` says why the last look failed, empty where it did not; ``ref`` is what the model is
    called here, empty until it is there.
    """

    settings: Settings
    fault: str = ""
    ref: str = ""
    begun: float = field(default_factory=time.monotonic)

    def look(self) -> None:
        """Follow the address once; what goes wrong is kept in ``fault``."""
        try:
            address = ModelAddress.read(self.settings.model)
            # A file stays what it is until the next start; an alias of MLflow may be moved.
            if self.is_ready and not (address.kind == "mlflow" and address.alias):
                return
            store = Store.open(self.settings.feedback_db)
            RemoteModel(address, managed(self.settings), store).follow()
            self.ref, self.fault = address.ref, ""
        except UserError as error:
            self.fault = str(error)
        except Exception as error:  # noqa: BLE001 - a thread has no page that would catch it
            self.fault = incident(error)

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
        while True:
            self.look()
            time.sleep(LOOK_SECONDS)


_watches: dict[Settings, ModelWatch] = {}
_lock = threading.Lock()


def started(settings: Settings) -> ModelWatch | None:
    """The watch of this process for MODEL, started if it is not; None where that is no address."""
    if not is_address(settings.model):
        return None
    with _lock:
        watch = _watches.get(settings)
        if watch is None:
            watch = _watches[settings] = ModelWatch(settings)
            threading.Thread(target=watch.run, name="model-watch", daemon=True).start()
        return watch
