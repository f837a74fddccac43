"""The feedback database in one SQLite file, shared by the pages, jobs and API of a process."""

from __future__ import annotations

import atexit
import sqlite3
import threading
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import EllipsisType
from typing import TYPE_CHECKING, Any, ClassVar

from second_opinion import compatibility
from second_opinion.access import roles
from second_opinion.errors import UserError
from second_opinion.records.event import AliasMove, CardEdit, Event
from second_opinion.records.expert import Expert, key_of, key_of_person
from second_opinion.records.prediction import Prediction
from second_opinion.records.review import ReviewEffort
from second_opinion.records.verdict import Verdict
from second_opinion.store import (
    event_log,
    judged_cases,
    record_rows,
    review_of_models,
    sql_verdicts,
    verdict_chain,
)
from second_opinion.store.batches import Batches
from second_opinion.store.blind_cases import BlindCases
from second_opinion.store.column_choices import ColumnChoices
from second_opinion.store.database_file import DatabaseFile
from second_opinion.store.event_log import EventLog
from second_opinion.store.invitations import Invitations
from second_opinion.store.made_tokens import MadeTokens
from second_opinion.store.plans import Plans
from second_opinion.store.queue import Queue
from second_opinion.store.retention import Retention
from second_opinion.store.review_queries import Review
from second_opinion.store.sign_ins import SignIns
from second_opinion.store.single_predictions import Singles
from second_opinion.store.verdict_log import VerdictLog
from second_opinion.store.visits import Visits

if TYPE_CHECKING:
    import pandas as pd

REVIEWED = {
    "verdict_id": "str",
    "prediction_id": "str",
    "model": "str",
    "version": "str",
    "model_sha256": "str",
    "inputs": "object",
    "value": "object",
    "confidence": "float64",
    "probabilities": "object",
    "flags": "object",
    "expert": "str",
    "identity_source": "str",
    "judgement": "str",
    "correct_value": "object",
    "direction": "str",
    "severity": "str",
    "comment": "str",
    "mode": "str",
    "seconds": "float64",
    "predicted_at": "str",
    "created_at": "str",
    "source": "str",
    "batch_id": "str",
    "row_number": "Int64",
    "answer": "object",
    "adjudicated": "bool",
    "outcome": "str",
}


class Store:
    """Predictions and verdicts, kept. Get one with `Store.open`.

    Every method may be called from any thread. What a writing method was given is on disk when it
    returns, and not stored at all when it raises. A file that cannot be used is a `UserError`.
    """

    _shared: ClassVar[dict[Path, Store]] = {}
    _sharing: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = DatabaseFile(path)
        self._review = Review(self._file)
        self.event_log = EventLog(self._file)
        self.verdict_log = VerdictLog(self._file)
        self.made_tokens = MadeTokens(self._file)
        self.batches = Batches(self._file)
        self.column_choices = ColumnChoices(self._file)
        self.singles = Singles(self._file)
        self.plans = Plans(self._file)
        self.queue = Queue(self._file)
        self.blind_cases = BlindCases(self._file)
        self.invitations = Invitations(self._file)
        self.visits = Visits(self._file)
        self.retention = Retention(self._file)
        self.sign_ins = SignIns(self._file)

    @classmethod
    def open(cls, where: str | Path) -> Store:
        """The process's one store for this file, made when there is none.

        `UserError` when the file cannot be read and written, or is not a feedback database.
        """
        path = local_path(where)
        with cls._sharing:
            store = cls._shared.get(path)
            if store is None:
                store = cls._shared[path] = cls(path)
                atexit.register(store.close)
        store._file.open()
        return store

    def one_moment(self) -> AbstractContextManager[None]:
        """A block in which this thread reads one moment of the database, at the cost of one read.

        For a few questions that belong together. Nothing is to be written in it.
        """
        return self._file.one_moment()

    def review(self, *, by: Expert) -> Review:
        """What everybody said and what came of it; `UserError` for a plain expert."""
        roles.check(by, "see every verdict")
        review = Review(self._file, by)
        if not by.hidden_models:
            return review
        return review_of_models.as_seen_by(by, review, self._model_of)

    def _model_of(self, prediction_id: str) -> str | None:
        prediction = self.prediction(prediction_id)
        return prediction.model if prediction else None

    def close(self) -> None:
        """Bring everything into the one file and let it go; using the store opens it again."""
        self._file.close()

    def damage(self, seconds: float) -> str | None:
        """What is damaged in the file; empty if nothing, None if the time did not suffice."""
        return self._file.finding(seconds)

    def add_prediction(self, prediction: Prediction) -> None:
        """Store the prediction; one whose id is there already is left as it is."""
        self.add_predictions([prediction])

    def add_predictions(self, predictions: Iterable[Prediction]) -> None:
        """Store all of them or none; those whose ids are there already are left as they are."""
        predictions = list(predictions)
        encoded = [record_rows.to_row(prediction) for prediction in predictions]
        scales = [(prediction.card_sha256, prediction.scale) for prediction in predictions]
        with self._file.writing() as connection:
            judged_cases.keep_scales(connection, scales)
            connection.executemany(sql_verdicts.ADD_PREDICTION, encoded)

    def prediction(self, prediction_id: str, *, by: Expert = roles.PROGRAM) -> Prediction | None:
        """The prediction with this id, or None; none of a model that ``by`` may not use.

        `UserError` where ``by`` has still to give an own answer to the case (`BlindCases`).
        """
        rows = self._select(sql_verdicts.PREDICTION, id=prediction_id)
        prediction = record_rows.prediction(rows[0]) if rows else None
        if prediction is None or not roles.may_use(by, prediction.model):
            return None
        if by != roles.PROGRAM:
            self.blind_cases.check_prediction(prediction, by=by)
        return prediction

    def history(
        self, whose: Expert | str, ids: Iterable[str], limit: int = 12, *, by: Expert
    ) -> list[tuple[Prediction, Verdict | None]]:
        """What this person asked for, newest first; a text is a declared name.

        Of somebody who is proven all predictions, of a declared name those among ``ids``.

        Each with the person's verdict that counts, if there is one and it is for ``by``, who asks,
        to change (`roles.owns`).
        """
        with self._file.reading() as connection:
            own = _asked_for(connection, whose, ids, limit)
            about = {"prediction_ids": record_rows.listed(row["id"] for row in own)}
            current = connection.execute(sql_verdicts.CURRENT_VERDICTS, about)
            verdicts = _by_prediction(current, whose, by)
        history = [(record_rows.prediction(row), verdicts.get(row["id"])) for row in own]
        history = [one for one in history if roles.may_use(by, one[0].model)]
        closed = self.blind_cases.closed([one.id for one, _ in history], by=by)
        return [one for one in history if one[0].id not in closed]

    def add_verdict(
        self,
        verdict: Verdict,
        *,
        on_page: str | EllipsisType | None = ...,
        by: Expert | None = None,
    ) -> Verdict:
        """Store the verdict after the expert's latest on the same prediction; returns it as stored.

        ``on_page`` is the id of the verdict that the page showed as the person's own (None: none)
        when this one was given; without it, nobody looked. ``by`` is who gives it: the verdict of
        another browser under the same name is not replaced (`roles.owns`). A verdict whose id is
        there already is returned as it was stored. `UserError` when the prediction is not in the
        database, when the verdict fails its check, when there is nothing to withdraw, and when
        another one than ``on_page`` counts by now.
        """
        with self._file.writing() as connection:
            if stored := verdict_chain.stored(connection, verdict.id):
                return stored
            prediction = verdict_chain.judged(connection, verdict)
            latest = verdict_chain.end(connection, verdict, by)
            if by is not None and latest and verdict_chain.counts(latest):
                roles.check_own(by, latest, "Your verdict on this case")
            if on_page is not ...:
                _refuse_stale(latest, on_page)
            if not verdict_chain.counts(verdict) and not verdict_chain.counts(latest):
                raise UserError(
                    f"{verdict.expert} has no verdict on this prediction; expected one to undo. "
                    "Give a verdict first."
                )
            return verdict_chain.add(connection, verdict, prediction, latest)

    def current_verdict(
        self, prediction_id: str, whose: Expert | str, *, by: Expert
    ) -> Verdict | None:
        """The verdict of this person on this prediction that counts, or None.

        None too where it is not for ``by``, who asks, to change (`roles.owns`).
        """
        return self.current_verdicts_of(whose, [prediction_id], by=by).get(prediction_id)

    def current_verdicts_of(
        self, whose: Expert | str, prediction_ids: Iterable[str], *, by: Expert
    ) -> dict[str, Verdict]:
        """The verdicts of this person that count, by the id of their prediction.

        A text is a declared name. Those alone that are for ``by``, who asks, to change
        (`roles.owns`).
        """
        current = self._select(
            sql_verdicts.CURRENT_VERDICTS, prediction_ids=record_rows.listed(prediction_ids)
        )
        return _by_prediction(current, whose, by)

    def verdict_history(
        self, prediction_id: str, whose: Expert | str | None = None, *, by: Expert
    ) -> list[Verdict]:
        """Every verdict on the prediction, the replaced and withdrawn too, oldest first.

        ``by`` is who asks: `UserError` below a reviewer, none of a model that they may not use.
        """
        roles.check(by, "see every verdict")
        if self.prediction(prediction_id, by=by) is None:
            return []
        rows = self._select(sql_verdicts.VERDICT_HISTORY, prediction_id=prediction_id)
        chain = [record_rows.verdict(row) for row in rows]
        return [one for one in chain if whose is None or one.by_key == key_of_person(whose)]

    def reviewed(self) -> pd.DataFrame:
        """One row per current verdict, joined to its prediction, in the order of their times.

        ``verdict_id, prediction_id, model, version, model_sha256``, ``inputs`` (dict), ``value``,
        ``confidence`` (0 to 1), ``probabilities`` and ``flags`` (tuples), ``expert,
        identity_source, judgement, correct_value, direction, severity, comment, mode, seconds``,
        ``predicted_at`` (of the prediction) and ``created_at`` (of the verdict) as ISO-8601 UTC
        text, ``source, batch_id, row_number``, ``answer``, ``adjudicated`` and ``outcome`` (right,
        wrong or unsure, by what counts). Where nothing is stored, the columns that hold Python
        values (``value, correct_value, probabilities, answer``) have None, the others NaN or NA.

        ``answer`` is what counts as right: the prediction where the expert agreed (None for a
        probability), the correct value where one was given, else None. Where a third person has
        decided the case,
        ``adjudicated`` is True and ``answer`` is that decision, on the row of each expert;
        ``judgement`` and ``correct_value`` stay what this expert said.
        """
        import pandas as pd

        records = [record_rows.from_row(row) for row in self._select(sql_verdicts.REVIEWED)]
        rows = pd.DataFrame(records, columns=list(REVIEWED), dtype="object")
        return compatibility.with_types(rows, REVIEWED)

    def effort(self, model: str, version: str | None = None, of: Expert | str = "") -> ReviewEffort:
        """How much was done so far, over all versions of a model or one; nothing of what was said.

        For everybody. ``own`` are the verdicts of this person, or of whoever declared this name.
        """
        return self._review.effort(model, version, of)

    def move_alias(self, move: AliasMove, *, by: Expert) -> None:
        """Record that an alias was moved; a move whose id is there already is left as it is.

        `UserError` for all but owners.
        """
        roles.check(by, "move an alias")
        with self._file.writing() as connection:
            connection.execute(sql_verdicts.ADD_ALIAS_MOVE, record_rows.to_row(move))
            details = {"model": move.model, "alias": move.alias, "version": move.version}
            event_log.note(connection, Event(move.action, by.label, details, id=move.id))

    def alias_moves(self, model: str | None = None) -> list[AliasMove]:
        """Every move of the aliases of a model, or of all models, oldest first."""
        return [
            AliasMove(**dict(row)) for row in self._select(sql_verdicts.ALIAS_MOVES, model=model)
        ]

    def add_card_edits(self, edits: Sequence[CardEdit], event: Event, *, by: Expert) -> None:
        """Record edits of a card with the event that says so, all or none.

        `UserError` for all but owners.
        """
        roles.check(by, "edit a card")
        with self._file.writing() as connection:
            rows = [record_rows.to_row(edit) for edit in edits]
            connection.executemany(sql_verdicts.ADD_CARD_EDIT, rows)
            event_log.note(connection, event)

    def card_edits(self) -> list[CardEdit]:
        """Every edit of the card of any model, oldest first."""
        return [CardEdit(**dict(row)) for row in self._select(sql_verdicts.CARD_EDITS)]

    def _select(self, query: str, **parameters: Any) -> list[sqlite3.Row]:
        with self._file.reading() as connection:
            return connection.execute(query, parameters).fetchall()


def local_path(where: str | Path) -> Path:
    """The file that FEEDBACK_DB means; `UserError` for a database that is no file."""
    if str(where).startswith(("postgresql:", "postgres:")):
        raise UserError(
            "FEEDBACK_DB is a PostgreSQL address; expected the path of a file: this version stores "
            "to SQLite. Set FEEDBACK_DB to a file, such as feedback.db."
        )
    return Path(where).expanduser().resolve()


def _asked_for(
    connection: sqlite3.Connection, whose: Expert | str, ids: Iterable[str], limit: int
) -> list[sqlite3.Row]:
    if isinstance(whose, Expert) and whose.is_proven:
        about = {"expert_key": whose.expert_key, "limit": limit}
        return connection.execute(sql_verdicts.PREDICTIONS_OF_PERSON, about).fetchall()
    rows = connection.execute(sql_verdicts.PREDICTIONS_WITH_IDS, {"ids": record_rows.listed(ids)})
    person = key_of_person(whose)
    return [row for row in rows if key_of(row["asked_by"], row["expert_key"]) == person][:limit]


def _by_prediction(
    current: Iterable[sqlite3.Row], whose: Expert | str, by: Expert
) -> dict[str, Verdict]:
    """The verdicts of one person among the rows, as far as ``by`` may see them."""
    person = key_of_person(whose)
    verdicts = map(record_rows.verdict, current)
    return {
        verdict.prediction_id: verdict
        for verdict in verdicts
        if verdict.by_key == person and roles.owns(by, verdict)
    }


def _refuse_stale(latest: Verdict | None, on_page: str | EllipsisType | None) -> None:
    current = latest.id if latest and verdict_chain.counts(latest) else None
    if current != on_page:
        raise UserError(
            "Your verdict on this case is another one than this page showed: it was given, changed "
            "or taken back elsewhere, such as in another tab. Nothing was stored now. See what "
            "stands there, then say again."
        )
