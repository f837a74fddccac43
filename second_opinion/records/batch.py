"""Cases that arrived together in one file. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID, uuid5

from second_opinion.records.answer_scale import AnswerScale
from second_opinion.records.dialect import UNKNOWN, Dialect
from second_opinion.records.stamp import new_id, now, seconds_between


def prediction_id(batch_id: str, row: int) -> str:
    """The id of the prediction that a row of a batch becomes when it is opened."""
    return uuid5(UUID(hex=batch_id), str(row)).hex


BatchState = Literal["checking", "checked", "scoring", "done", "cancelled", "failed"]


@dataclass(frozen=True)
class Batch:
    """Cases that arrived together in one file, and how far their check and scoring have come.

    ``rows`` are the good rows and ``bad_rows`` those with problems, as far as the file is read;
    ``rows_done`` of the good ones are scored, ``rows_failed`` of these without an answer.
    ``columns`` are in the order of the file, and ``personal`` those that look like names or record
    numbers of people. ``notes`` say how the file was read, ``dialect`` how it was written beyond
    ``format``, ``encoding``, ``delimiter`` and ``decimal``. ``unfamiliar`` say, once it is checked,
    what it holds that the model has not seen in its training. ``decimal`` is the decimal sign, and
    behind it the one between thousands if there may be one. ``message`` says why a batch stopped.
    ``worker`` holds the batch while its ``heartbeat_at`` is fresh; ``rows_before`` were done when
    it began. ``expert_key`` says who asked among all people (`Expert.expert_key`). ``scale``
    is what the card says of the answers; the store keeps it with the hash of the card.
    """

    name: str
    format: str
    file_sha256: str
    bytes: int
    columns: tuple[str, ...]
    model: str
    version: str
    model_sha256: str
    card_sha256: str
    asked_by: str
    encoding: str = "utf-8"
    delimiter: str = ","
    decimal: str = "."
    personal: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    unfamiliar: tuple[str, ...] = ()
    dialect: Dialect = UNKNOWN
    id: str = field(default_factory=new_id)
    created_at: str = field(default_factory=now)
    bytes_read: int = 0
    rows: int = 0
    bad_rows: int = 0
    problems: int = 0
    rows_done: int = 0
    rows_failed: int = 0
    state: BatchState = "checking"
    message: str = ""
    started_at: str | None = None
    rows_before: int = 0
    finished_at: str | None = None
    heartbeat_at: str | None = None
    worker: str | None = None
    expert_key: str | None = None
    scale: AnswerScale | None = field(default=None, compare=False, repr=False)

    @property
    def ref(self) -> str:
        """The model version that scores it: ``name/version``."""
        return f"{self.model}/{self.version}"

    @property
    def is_running(self) -> bool:
        """Whether somebody is at work on it, or was when the server stopped."""
        return self.state in ("checking", "scoring")

    @property
    def rows_a_second(self) -> float | None:
        """How fast the scoring has been since it last began; None before the first rows."""
        rows = self.rows_done - self.rows_before
        if not self.started_at or not self.heartbeat_at or rows <= 0:
            return None
        seconds = seconds_between(self.started_at, self.finished_at or self.heartbeat_at)
        return rows / max(seconds, 0.001)

    @property
    def seconds_left(self) -> float | None:
        """How long the rest takes at that pace; None while the pace is not known."""
        pace = self.rows_a_second
        return (self.rows - self.rows_done) / pace if pace else None
