"""What reviewers decide. Each decision is only ever added."""

from __future__ import annotations

import json
import sqlite3
from typing import Any, get_args

from second_opinion.access import roles
from second_opinion.errors import UserError
from second_opinion.records.event import Event
from second_opinion.records.expert import Expert, key_of, same_person
from second_opinion.records.prediction import Prediction
from second_opinion.records.review import (
    Adjudication,
    Conflict,
    FinalDirection,
    Triage,
    TriageState,
)
from second_opinion.records.stamp import new_id, now
from second_opinion.records.verdict import COMMENT_LIMIT, Verdict
from second_opinion.store import (
    event_log,
    judged_cases,
    record_rows,
    sql_own_answers,
    sql_review,
    sql_verdicts,
    undecided_draws,
)
from second_opinion.store.blind_cases import BlindCases
from second_opinion.store.database_file import DatabaseFile
from second_opinion.verdicts import meaning
from second_opinion.verdicts.same_case import case_id

# What the log of events calls an answer that is locked before others are seen.
OWN_ANSWER = "own answer"


class Decisions:
    """The verbs of reviewers that write, and what they wrote."""

    def __init__(self, file: DatabaseFile, by: Expert = roles.PROGRAM) -> None:
        self._file, self._by = file, by

    def _check_open(self, prediction_id: str) -> None:
        BlindCases(self._file).check_open(prediction_id, by=self._by)

    def triage(
        self, verdict_id: str, state: TriageState, note: str = "", *, by: Expert, id: str = ""
    ) -> Triage:
        """Say what is done about a verdict; the latest decision counts.

        A decision whose id is there already is left as it is. `UserError` for a plain expert, and
        where the verdict no longer counts.
        """
        roles.check(by, "triage a verdict")
        if state not in get_args(TriageState):
            expected = ", ".join(get_args(TriageState))
            raise UserError(f"The state is {state!r}; expected one of {expected}. Choose one.")
        decision = Triage(verdict_id, state, _note(note, "note"), by.label, id or new_id())
        with self._file.writing() as connection:
            _current(connection, verdict_id)
            connection.execute(sql_review.ADD_TRIAGE, record_rows.to_row(decision))
            details = {"verdict": verdict_id, "state": state}
            event_log.note(connection, Event("triage", by.label, details, id=decision.id))
        return decision

    def triage_of(self, verdict_id: str) -> list[Triage]:
        """Every decision about a verdict, oldest first."""
        for row in self._select(sql_verdicts.VERDICT, id=verdict_id):
            self._check_open(row["prediction_id"])
        rows = self._select(sql_review.TRIAGE, verdict_id=verdict_id)
        return [Triage(**dict(row)) for row in rows]

    def undecided_draws(
        self, model: str | None = None, version: str | None = None
    ) -> list[Conflict]:
        """The cases that open plans cannot count before somebody decides them, each once.

        The first answers of their experts differ, whatever they say now. Those of several plans
        are all listed, and none that is closed to this person.
        """
        with self._file.reading() as connection:
            return undecided_draws.waiting(connection, self._by, model, version)

    def adjudicate(
        self,
        prediction_id: str,
        answer: Any,
        reason: str,
        *,
        direction: FinalDirection | None = None,
        by: Expert,
        id: str = "",
    ) -> Adjudication:
        """Say what counts for a case in which experts contradict each other, from now on.

        Of a probability ``direction`` may say it instead of an ``answer``, which is None then. The
        verdicts stay as they are, and so does an earlier final answer that this one replaces. An
        adjudication whose id is there already is returned as it was stored. `UserError` for a plain
        expert, for somebody who judged the case, without a reason, and where nobody contradicts
        anybody: neither now, nor in the first answers that an open plan goes by.
        """
        roles.check(by, "decide a case")
        if answer is None and direction is None:
            raise UserError("The answer is missing. Choose the one that is to count.")
        reason = _note(reason, "reason")
        if not reason:
            raise UserError("The reason is missing. Say in a few words why this answer is right.")
        adjudication = Adjudication(
            prediction_id, answer, reason, by.label, direction, id or new_id()
        )
        self._check_open(prediction_id)
        with self._file.writing() as connection:
            stored = connection.execute(sql_review.ADJUDICATION, {"id": adjudication.id}).fetchone()
            if stored is not None:
                return _adjudication(stored)
            prediction = _prediction(connection, prediction_id)
            case = case_id(prediction)
            _refuse_judges(connection, case, by)
            _refuse_agreement(connection, case, prediction)
            says = meaning.of_final_answer(_checked(adjudication, prediction), prediction)
            row = record_rows.to_row(adjudication) | {"case_id": case, "outcome": says.outcome}
            connection.execute(sql_review.ADD_ADJUDICATION, row)
            judged_cases.compare(connection, case)
            details = {"prediction": prediction_id}
            event_log.note(connection, Event("adjudicate", by.label, details, id=adjudication.id))
        return adjudication

    def lock_own_answer(self, prediction_id: str, answer: Any, *, by: Expert, id: str = "") -> None:
        """Store what a third person finds right, before they see what others said of the case.

        ``answer`` is a class or a number, of a risk the probability of the event. It decides
        nothing. `UserError` without one, and as `adjudicate`.
        """
        roles.check(by, "decide a case")
        if answer is None:
            raise UserError("Your answer is missing. Give it, then lock it.")
        self._check_open(prediction_id)
        with self._file.writing() as connection:
            prediction = _prediction(connection, prediction_id)
            case = case_id(prediction)
            _refuse_judges(connection, case, by)
            _refuse_agreement(connection, case, prediction)
            answer_id = id or new_id()
            row = {
                "id": answer_id,
                "case_id": case,
                "prediction_id": prediction_id,
                "answer": record_rows.to_json("answer", answer),
                "expert": by.label,
                "expert_key": by.expert_key,
                "created_at": now(),
            }
            connection.execute(sql_own_answers.ADD_OWN_ANSWER, row)
            details = {"prediction": prediction_id}
            event_log.note(connection, Event(OWN_ANSWER, by.label, details, id=answer_id))

    def own_answer(self, prediction_id: str, *, by: Expert) -> Any:
        """What this person locked of the case since they last decided it; None before that."""
        self._check_open(prediction_id)
        with self._file.reading() as connection:
            about = {"case_id": case_id(_prediction(connection, prediction_id))}
            mine = about | {"expert_key": by.expert_key}
            own = connection.execute(sql_own_answers.OWN_ANSWERS, mine).fetchall()
            decided = [
                row["created_at"]
                for row in connection.execute(sql_review.ADJUDICATIONS, about)
                if same_person(row["decided_by"], by.label)
            ]
        if not own or own[-1]["created_at"] <= max(decided, default=""):
            return None
        return json.loads(own[-1]["answer"])

    def adjudications_of(self, prediction_id: str) -> list[Adjudication]:
        """Every adjudication of the case of this prediction, oldest first; the last one counts."""
        self._check_open(prediction_id)
        with self._file.reading() as connection:
            case = {"case_id": case_id(_prediction(connection, prediction_id))}
            rows = connection.execute(sql_review.ADJUDICATIONS, case).fetchall()
        return [_adjudication(row) for row in rows]

    def _select(self, query: str, **parameters: Any) -> list[sqlite3.Row]:
        with self._file.reading() as connection:
            return connection.execute(query, parameters).fetchall()


def _note(text: str, what: str) -> str:
    text = text.strip()
    if "\x00" in text or len(text) > COMMENT_LIMIT:
        raise UserError(
            f"The {what} has {len(text)} characters; expected up to {COMMENT_LIMIT}, none of them "
            "NUL. Shorten it, then save again."
        )
    return text


def _current(connection: sqlite3.Connection, verdict_id: str) -> Verdict:
    row = connection.execute(sql_verdicts.CURRENT_VERDICT, {"id": verdict_id}).fetchone()
    if row is None:
        raise UserError(
            "This verdict no longer counts: it was changed, withdrawn, or never stored; expected a "
            "current one. Load the page again."
        )
    return record_rows.verdict(row)


def _prediction(connection: sqlite3.Connection, prediction_id: str) -> Prediction:
    row = connection.execute(sql_verdicts.PREDICTION, {"id": prediction_id}).fetchone()
    if row is None:
        raise UserError(
            "This case is not in the feedback database; expected one that experts judged. Load the "
            "page again."
        )
    return judged_cases.under_its_card(connection, record_rows.prediction(row))


def _refuse_judges(connection: sqlite3.Connection, case: int, by: Expert) -> None:
    verdicts = connection.execute(sql_review.VERDICTS_ON_CASE, {"case_id": case})
    if any(
        same_person(label, by.label) or key_of(label, expert_key) == by.expert_key
        for label, expert_key in verdicts
    ):
        raise UserError(
            f"{by.label} gave a verdict on this case; expected a third person to decide it. Ask "
            "another reviewer."
        )


def _refuse_agreement(connection: sqlite3.Connection, case: int, prediction: Prediction) -> None:
    parameters = {"case_id": case}
    state = connection.execute(sql_review.CASE, parameters).fetchone()
    is_conflict = state is not None and state["conflict"]
    if is_conflict or connection.execute(sql_review.ADJUDICATIONS, parameters).fetchall():
        return
    if not undecided_draws.waits(connection, case, prediction.model):
        raise UserError(
            "No two experts contradict each other on this case, so there is nothing to decide. "
            "Load the page again."
        )


def _checked(decision: Adjudication, prediction: Prediction) -> Adjudication:
    if decision.direction is not None and (
        decision.answer is not None or meaning.scale_of(prediction).answer != "probability"
    ):
        raise UserError(
            f"The decision says {decision.direction.replace('_', ' ')!r}, which only a probability "
            "can be, and without an answer beside it; expected the answer that is right. Give it."
        )
    return decision


def _adjudication(row: sqlite3.Row) -> Adjudication:
    return record_rows.adjudication(row)
