"""Which cases of blind plans are still closed to a person: the one rule for every page and call."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from typing import Any, NamedTuple

from second_opinion.access import roles
from second_opinion.errors import UserError
from second_opinion.formatting import quoted
from second_opinion.records.batch import Batch, prediction_id
from second_opinion.records.expert import Expert, key_of
from second_opinion.records.plan import Plan
from second_opinion.records.prediction import Prediction
from second_opinion.store import record_rows, sql_blind_cases, sql_plans
from second_opinion.store.database_file import DatabaseFile
from second_opinion.store.plans import open_plans

IN_QUEUE = (
    "This case is in your queue: you answer it there before you see what the model says. Open "
    "Review queue."
)


class BlindCases:
    """The verbs of a store that keep the model's answers from who has still to give an own one.

    Get one as ``store.blind_cases``. An open blind plan closes its drawn cases to each expert of
    its panel, one without a panel to everybody who is no more than an expert, until that person has
    locked an answer to the case.
    """

    def __init__(self, file: DatabaseFile) -> None:
        self._file = file

    def before(self, plan: Plan, *, by: Expert) -> list[Plan]:
        """The other plans that close cases of this one's file to this person."""
        with self._file.reading() as connection:
            return [
                one
                for one in _closing_plans(connection, by)
                if one != plan
                and one.model == plan.model
                and plan.pool_sha256 in {sha256 for _, sha256 in _files(connection, one)}
            ]

    def batches(self, model: str, *, by: Expert) -> set[str]:
        """The ids of the batches of a model some of whose cases are closed to this person."""
        with self._file.reading() as connection:
            plans = [plan for plan in _closing_plans(connection, by) if plan.model == model]
            known = [row["batch_id"] for plan in plans for row in _known_files(connection, plan)]
        return {*known, *(plan.batch_id for plan in plans)}

    def check_prediction(self, prediction: Prediction, *, by: Expert) -> None:
        """Raise `UserError` where what the model said of the case is closed to this person."""
        self.check_open(prediction.id, by=by)

    def check_open(self, prediction_id: str, *, by: Expert) -> None:
        """The same by its id."""
        if self.closed([prediction_id], by=by):
            raise UserError(IN_QUEUE)

    def closed(self, prediction_ids: Collection[str], *, by: Expert) -> set[str]:
        """Those of these ids under which a drawn case is closed to this person.

        A row of the same file uploaded again, or scored by another version, is the same case.
        """
        if not prediction_ids:
            return set()
        with self._file.reading() as connection:
            return closed_among(connection, prediction_ids, by)

    def waiting_cases(self, model: str | None = None, *, by: Expert) -> int:
        """How many cases that others judged are closed to this person, of all models or one."""
        with self._file.reading() as connection:
            return len({one.case_id for one in closed_verdicts(connection, by, model)})

    def check_batch(self, batch: Batch, *, by: Expert) -> None:
        """Raise `UserError` where what the model said of a file's rows is closed to this person.

        It is as long as one of them is, and of the same file uploaded again too: counts, filters
        and orders of the others would tell of the rest. A file of known cases is as long as they
        may be asked.
        """
        with self._file.reading() as connection:
            for plan in _closing_plans(connection, by):
                if plan.model != batch.model:
                    continue
                is_pool = plan.pool_sha256 == batch.file_sha256
                known = {row["file_sha256"] for row in _known_files(connection, plan)}
                is_open = is_pool and not _is_done(connection, plan, by)
                if is_open or batch.file_sha256 in known:
                    raise UserError(
                        f"The cases of {quoted(batch.name)} are in your queue: you answer them "
                        "there before you see what the model says. Open Review queue."
                    )


def closed_among(
    connection: sqlite3.Connection, prediction_ids: Collection[str], by: Expert
) -> set[str]:
    """As `BlindCases.closed`."""
    plans = _closing_plans(connection, by)
    return {one for plan in plans for one in _waiting(connection, plan, prediction_ids, by)}


class ClosedVerdict(NamedTuple):
    """A verdict by its place in the order of storing, on a case that is closed to somebody."""

    number: int
    case_id: int


def closed_verdicts(
    connection: sqlite3.Connection, by: Expert, model: str | None = None
) -> list[ClosedVerdict]:
    """The verdicts on cases that are closed to this person, of all models or one."""
    closing = _closing_plans(connection, by)
    plans = [one for one in closing if model in (None, one.model) and roles.may_use(by, one.model)]
    closed: set[str] = set()
    for plan in plans:
        for _, file_sha256 in _files(connection, plan):
            about = {"plan_id": plan.id, "file_sha256": file_sha256, "model": plan.model}
            rows = connection.execute(sql_blind_cases.JUDGED, about)
            closed |= _waiting(connection, plan, [row["prediction_id"] for row in rows], by)
    ids = {"ids": record_rows.listed(closed)}
    verdicts = connection.execute(sql_blind_cases.VERDICTS, ids) if closed else ()
    return [ClosedVerdict(row["number"], row["case_id"]) for row in verdicts]


def _closing_plans(connection: sqlite3.Connection, by: Expert) -> list[Plan]:
    return [plan for plan in open_plans(connection) if plan.mode == "blind" and _asks(plan, by)]


def _asks(plan: Plan, by: Expert) -> bool:
    # Who runs a study without a panel has to see its cases.
    return plan.asks(by.label, by.expert_key) if plan.experts else roles.rank(by.role) == 0


def _waiting(
    connection: sqlite3.Connection, plan: Plan, prediction_ids: Collection[str], by: Expert
) -> set[str]:
    """The drawn ones among some predictions to which this person has locked no answer."""
    in_pool = _in_pool(connection, plan, prediction_ids)
    about: dict[str, Any] = {"plan_id": plan.id, "ids": record_rows.listed(in_pool.values())}
    drawn = {row["prediction_id"] for row in connection.execute(sql_blind_cases.DRAWN, about)}
    about |= {"mode": plan.mode, "after_verdict": plan.after_verdict}
    answers = connection.execute(sql_blind_cases.ANSWERS, about) if drawn else ()
    waiting = drawn - {
        row["prediction_id"]
        for row in answers
        if key_of(row["expert"], row["expert_key"]) == by.expert_key
    }
    return {asked for asked, drawn_id in in_pool.items() if drawn_id in waiting}


def _in_pool(
    connection: sqlite3.Connection, plan: Plan, prediction_ids: Collection[str]
) -> dict[str, str]:
    """By each id that of the same row in a file that the plan has cases of."""
    about = {"ids": record_rows.listed(prediction_ids), "model": plan.model}
    in_pool = {one: one for one in prediction_ids}
    for batch_id, file_sha256 in _files(connection, plan):
        file = about | {"file_sha256": file_sha256}
        for row in connection.execute(sql_blind_cases.OF_THE_FILE, file):
            in_pool[row["id"]] = prediction_id(batch_id, row["row_number"])
    return in_pool


def closed_rows(connection: sqlite3.Connection, pool: Plan, by: Expert) -> set[int]:
    """The rows of the file of a plan that blind plans close to this person, from 1."""
    rows: set[int] = set()
    for plan in _closing_plans(connection, by):
        if plan.model != pool.model:
            continue
        for batch_id, file_sha256 in _files(connection, plan):
            if file_sha256 == pool.pool_sha256:
                answered = _answered(connection, plan, by)
                about = {"plan_id": plan.id, "batch_id": batch_id}
                drawn = connection.execute(sql_blind_cases.ROWS_DRAWN, about)
                rows |= {row["row_number"] for row in drawn if row["position"] not in answered}
    return rows


def _files(connection: sqlite3.Connection, plan: Plan) -> list[tuple[str, str]]:
    """Batch and hash of each file that the plan has cases of."""
    known = [(row["batch_id"], row["file_sha256"]) for row in _known_files(connection, plan)]
    return [(plan.batch_id, plan.pool_sha256), *known]


def _is_done(connection: sqlite3.Connection, plan: Plan, by: Expert) -> bool:
    """Whether this person has locked an answer to each case of the plan."""
    return sum(at >= 0 for at in _answered(connection, plan, by)) == plan.cases


def _known_files(connection: sqlite3.Connection, plan: Plan) -> list[sqlite3.Row]:
    return connection.execute(sql_blind_cases.KNOWN_FILES, {"plan_id": plan.id}).fetchall()


def _answered(connection: sqlite3.Connection, plan: Plan, by: Expert) -> set[int]:
    """The positions that this person has locked an answer to."""
    about = {"plan_id": plan.id, "after_verdict": plan.after_verdict}
    return {
        row["position"]
        for row in connection.execute(sql_plans.ANSWERS, about)
        if row["mode"] == plan.mode and key_of(row["expert"], row["expert_key"]) == by.expert_key
    }
