"""What was said of the cases of a plan, as the database has it."""

from __future__ import annotations

import json
import sqlite3
from typing import Any, NamedTuple

from second_opinion.records.expert import DECLARED
from second_opinion.records.plan import Plan
from second_opinion.records.prediction import Prediction
from second_opinion.records.review import FinalDirection, Outcome
from second_opinion.records.verdict import Verdict
from second_opinion.store import judged_cases, record_rows, sql_plans, sql_queue


class FinalAnswer(NamedTuple):
    """What a third person decided of a case: a class or number, or the side of a risk.

    ``outcome`` is of the prediction that experts saw, by the tolerance of its card.
    """

    answer: Any
    direction: FinalDirection | None
    outcome: Outcome


class PlanAnswers(NamedTuple):
    """What was said of the cases of a plan, by their positions.

    ``verdicts`` are all since the plan counts, in the order of storing, the replaced and withdrawn
    too; ``predictions`` those of cases that were opened; ``final`` the first final answer of each
    case that has one; ``skipped`` label and key of who left a case to others. Of ``known`` answers
    ``checks`` are the verdicts.
    """

    verdicts: list[tuple[int, Verdict]]
    predictions: dict[int, Prediction]
    final: dict[int, FinalAnswer]
    skipped: dict[int, frozenset[tuple[str, str]]]
    checks: list[tuple[int, Verdict]]
    known: dict[int, Any]


def answers_to(connection: sqlite3.Connection, plan: Plan) -> PlanAnswers:
    """What was said of the draws of a plan since it counts, up to its closing."""
    about: dict[str, Any] = {"plan_id": plan.id}
    after = {"after_verdict": plan.after_verdict}
    verdicts = connection.execute(sql_plans.ANSWERS, about | after).fetchall()
    opened = connection.execute(sql_plans.PREDICTIONS_DRAWN, about).fetchall()
    known = connection.execute(sql_plans.KNOWN_ANSWERS, about).fetchall()
    in_order = [(at, record_rows.verdict(columns)) for at, columns in map(_apart, verdicts)]
    return PlanAnswers(
        [one for one in in_order if one[0] >= 0],
        {
            position: judged_cases.under_its_card(connection, record_rows.prediction(columns))
            for position, columns in map(_apart, opened)
        },
        _final_answers(connection, plan),
        _skips(connection, plan),
        checks=[one for one in in_order if one[0] < 0],
        known={row["position"]: json.loads(row["answer"]) for row in known},
    )


def _final_answers(connection: sqlite3.Connection, plan: Plan) -> dict[int, FinalAnswer]:
    about = {"plan_id": plan.id, "since": _since(connection, plan)}
    final: dict[int, FinalAnswer] = {}
    for row in connection.execute(sql_plans.FINAL_ANSWERS_DRAWN, about):
        answer = FinalAnswer(json.loads(row["answer"]), row["direction"], row["outcome"])
        final.setdefault(row["position"], answer)
    return final


def _skips(connection: sqlite3.Connection, plan: Plan) -> dict[int, frozenset[tuple[str, str]]]:
    skipped: dict[int, frozenset[tuple[str, str]]] = {}
    for row in connection.execute(sql_queue.SKIPS, {"plan_id": plan.id}):
        person = row["label"] or row["expert"].removeprefix(DECLARED), row["expert"]
        skipped[row["position"]] = skipped.get(row["position"], frozenset()) | {person}
    return skipped


def _since(connection: sqlite3.Connection, plan: Plan) -> str:
    """When the first of the plans was frozen with whose answers this one goes on."""
    while plan.replaces is not None:
        row = connection.execute(sql_plans.PLAN, {"id": plan.replaces}).fetchone()
        earlier = record_rows.plan(row)
        if not plan.keeps_evidence_of(earlier):
            break
        plan = earlier
    return plan.created_at


def _apart(row: sqlite3.Row) -> tuple[int, dict[str, Any]]:
    """The position of a draw, and the columns of what was joined to it."""
    columns = dict(row)
    return columns.pop("position"), columns
