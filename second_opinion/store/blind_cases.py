"""Which cases of blind plans are still closed to a person: the one rule for every page and call."""

from __future__ import annotations

import sqlite3

from second_opinion.access import roles
from second_opinion.errors import UserError
from second_opinion.formatting import quoted
from second_opinion.records.batch import Batch
from second_opinion.records.expert import Expert, key_of
from second_opinion.records.plan import Plan
from second_opinion.records.prediction import Prediction
from second_opinion.store import sql_plans, sql_queue
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

    def plans(self, model: str, *, by: Expert) -> list[Plan]:
        """The plans of a model that close cases to this person."""
        with self._file.reading() as connection:
            return _closing_plans(connection, model, by)

    def check_prediction(self, prediction: Prediction, *, by: Expert) -> None:
        """Raise `UserError` where what the model said of the case is closed to this person."""
        if self.is_closed(prediction.model, prediction.id, by=by):
            raise UserError(IN_QUEUE)

    def is_closed(self, model: str, prediction_id: str, *, by: Expert) -> bool:
        """Whether the drawn case with this id is closed to this person."""
        with self._file.reading() as connection:
            return any(
                _is_drawn(connection, plan, prediction_id)
                and not _has_answered(connection, plan, prediction_id, by)
                for plan in _closing_plans(connection, model, by)
            )

    def check_batch(self, batch: Batch, *, by: Expert) -> None:
        """Raise `UserError` where what the model said of a file's rows is closed to this person.

        It is as long as one of them is, and of the same file uploaded again too: counts, filters
        and orders of the others would tell of the rest.
        """
        with self._file.reading() as connection:
            for plan in _closing_plans(connection, batch.model, by):
                if plan.pool_sha256 == batch.file_sha256 and not _is_done(connection, plan, by):
                    raise UserError(
                        f"The cases of {quoted(batch.name)} are in your queue: you answer them "
                        "there before you see what the model says. Open Review queue."
                    )


def _closing_plans(connection: sqlite3.Connection, model: str, by: Expert) -> list[Plan]:
    return [
        plan
        for plan in open_plans(connection)
        if plan.mode == "blind" and plan.model == model and _asks(plan, by)
    ]


def _asks(plan: Plan, by: Expert) -> bool:
    # Who runs a study without a panel has to see its cases.
    return plan.asks(by.label, by.expert_key) if plan.experts else roles.rank(by.role) == 0


def _is_drawn(connection: sqlite3.Connection, plan: Plan, prediction_id: str) -> bool:
    about = {"plan_id": plan.id, "prediction_id": prediction_id}
    return connection.execute(sql_queue.IS_DRAWN, about).fetchone() is not None


def _has_answered(
    connection: sqlite3.Connection, plan: Plan, prediction_id: str, by: Expert
) -> bool:
    about = {"prediction_id": prediction_id, "mode": plan.mode}
    rows = connection.execute(
        sql_queue.ANSWERS_TO_CASE, about | {"after_verdict": plan.after_verdict}
    )
    return any(key_of(row["expert"], row["expert_key"]) == by.expert_key for row in rows)


def _is_done(connection: sqlite3.Connection, plan: Plan, by: Expert) -> bool:
    """Whether this person has locked an answer to each case of the plan."""
    about = {"plan_id": plan.id, "after_verdict": plan.after_verdict}
    answered = {
        row["position"]
        for row in connection.execute(sql_plans.ANSWERS, about)
        if row["mode"] == plan.mode and key_of(row["expert"], row["expert_key"]) == by.expert_key
    }
    return len(answered) == plan.cases
