"""Plans in the feedback database: frozen once, with their draws, and what was answered to them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, NamedTuple

from second_opinion.access import roles
from second_opinion.errors import UserError
from second_opinion.formatting import plural
from second_opinion.records.batch import prediction_id
from second_opinion.records.event import Event
from second_opinion.records.expert import Expert
from second_opinion.records.plan import Closing, Draw, KnownAnswers, Plan
from second_opinion.store import (
    column_choices,
    event_log,
    plan_answers,
    record_rows,
    sql_plans,
)
from second_opinion.store.database_file import DatabaseFile
from second_opinion.store.plan_answers import PlanAnswers

# A known case was drawn by nobody.
NO_WEIGHT = {"band": 0, "doubt": 0.0, "base": 0.0, "confidence": None, "twice": 0}


class PlanMark(NamedTuple):
    """How many verdicts and skips the cases of a plan have, and how many cases were decided."""

    verdicts: int
    skips: int
    adjudications: int


class Plans:
    """The verbs of a store that are about plans. Get one as ``store.plans``.

    All are for reviewers, and freezing and closing for owners: `UserError` for others.
    """

    def __init__(self, file: DatabaseFile) -> None:
        self._file = file

    def freeze(
        self, plan: Plan, draws: Iterable[Draw], known: KnownAnswers | None = None, *, by: Expert
    ) -> Plan:
        """Store a plan and its draws for good, with known cases; returns it as stored.

        It gets the next number of its model version, and goes on with the answers to the latest
        plan on its pool where it asks the same (`Plan.keeps_evidence_of`). A plan whose id is there
        already is returned as it was stored.
        """
        roles.check(by, "freeze or close a plan")
        roles.check_model(by, plan.model)
        if known and plan.mode != "blind":
            raise UserError(
                "With the model's answer in view, known answers check nobody; expected a plan with "
                "the own answer first. Choose that, or leave the known answers out."
            )
        with self._file.writing() as connection:
            stored = connection.execute(sql_plans.PLAN, {"id": plan.id}).fetchone()
            if stored is not None:
                return record_rows.plan(stored)
            plan = replace(_numbered(connection, plan), frozen_by=by.label, known=len(known or ()))
            connection.execute(sql_plans.ADD_PLAN, record_rows.to_row(plan))
            rows = [
                {**record_rows.to_row(draw), "plan_id": plan.id, "batch_id": plan.batch_id}
                for draw in draws
            ]
            _check_draws(plan, rows)
            connection.executemany(sql_plans.ADD_DRAW, rows)
            if known:
                _add_known(connection, plan, known, by)
            details = {"plan": plan.id, "action": "freeze", "target": plan.target}
            event_log.note(connection, Event("plan", by.label, details, id=plan.id))
        return plan

    def close(self, closing: Closing, *, by: Expert) -> Closing:
        """Take no more answers to a plan; the first closing stays, and is returned."""
        roles.check(by, "freeze or close a plan")
        about = {"plan_id": closing.plan_id}
        with self._file.writing() as connection:
            roles.check_model(by, plan_with(connection, closing.plan_id).model)
            stored = connection.execute(sql_plans.CLOSING, about).fetchone()
            if stored is not None:
                return Closing(**dict(stored))
            last = _last_verdict(connection)
            closing = replace(closing, closed_by=by.label, last_verdict=last)
            connection.execute(sql_plans.ADD_CLOSING, record_rows.to_row(closing))
            details = {"plan": closing.plan_id, "action": "close", "state": closing.state}
            event_log.note(connection, Event("plan", by.label, details))
        return closing

    def find(self, plan_id: str, *, by: Expert) -> Plan | None:
        """The plan with this id, or None."""
        roles.check(by, "draft a plan")
        rows = self._select(sql_plans.PLAN, id=plan_id)
        plan = record_rows.plan(rows[0]) if rows else None
        return plan if plan and roles.may_use(by, plan.model) else None

    def listed(
        self, model: str | None = None, version: str | None = None, *, by: Expert
    ) -> list[Plan]:
        """All plans, or those of a model or of a version of it, newest first."""
        roles.check(by, "draft a plan")
        rows = self._select(sql_plans.PLANS, model=model, version=version)
        plans = map(record_rows.plan, rows)
        return [plan for plan in plans if roles.may_use(by, plan.model)]

    def open(self, *, by: Expert) -> list[Plan]:
        """The plans that take answers, newest first: neither closed nor replaced by another one."""
        roles.check(by, "draft a plan")
        with self._file.reading() as connection:
            plans = open_plans(connection)
        return [plan for plan in plans if roles.may_use(by, plan.model)]

    def in_place(self, *, by: Expert) -> dict[str, Plan]:
        """By the id of each plan the newest one in its place: itself where none replaced it."""
        roles.check(by, "draft a plan")
        with self._file.reading() as connection:
            plans = in_place(connection)
        return {key: plan for key, plan in plans.items() if roles.may_use(by, plan.model)}

    def closing(self, plan_id: str, *, by: Expert) -> Closing | None:
        """How a plan was closed, or None."""
        roles.check(by, "draft a plan")
        if self.find(plan_id, by=by) is None:
            return None
        rows = self._select(sql_plans.CLOSING, plan_id=plan_id)
        return Closing(**dict(rows[0])) if rows else None

    def draws(self, plan_id: str, *, by: Expert) -> list[Draw]:
        """The cases of a plan, in draw order."""
        roles.check(by, "draft a plan")
        if self.find(plan_id, by=by) is None:
            return []
        return [record_rows.draw(row) for row in self._select(sql_plans.DRAWS, plan_id=plan_id)]

    def mark(self, plan_id: str) -> PlanMark:
        """What is another as soon as anything is said of the cases of a plan."""
        return PlanMark(*self._select(sql_plans.MARK, plan_id=plan_id)[0])

    def answers(self, plan: Plan, *, by: Expert) -> PlanAnswers:
        """What was said of the draws of a plan since it counts, up to its closing."""
        roles.check(by, "see every verdict")
        roles.check_model(by, plan.model)
        with self._file.reading() as connection:
            return plan_answers.answers_to(connection, plan)

    def _select(self, query: str, **parameters: Any) -> list[sqlite3.Row]:
        with self._file.reading() as connection:
            return connection.execute(query, parameters).fetchall()


def _numbered(connection: sqlite3.Connection, plan: Plan) -> Plan:
    """With its number, what it replaces, and from which verdict on answers count."""
    about = {"model": plan.model, "version": plan.version}
    earlier = [
        record_rows.plan(row) for row in connection.execute(sql_plans.PLANS, about).fetchall()
    ]
    number = max((one.number for one in earlier), default=0) + 1
    same_pool = [one for one in earlier if one.batch_id == plan.batch_id]
    after = _last_verdict(connection)
    if same_pool and plan.keeps_evidence_of(same_pool[0]):
        after = same_pool[0].after_verdict
    replaces = same_pool[0].id if same_pool else None
    return replace(plan, number=number, replaces=replaces, after_verdict=after)


def _last_verdict(connection: sqlite3.Connection) -> int:
    (number,) = connection.execute(sql_plans.LAST_VERDICT).fetchone()
    return int(number)


def plan_with(connection: sqlite3.Connection, plan_id: str) -> Plan:
    """The plan with this id; `UserError` where there is none."""
    row = connection.execute(sql_plans.PLAN, {"id": plan_id}).fetchone()
    if row is None:
        raise UserError(
            "This plan is not in the feedback database; expected one that was frozen. Load the "
            "page again, or ask the person who sent you here for a new link."
        )
    return record_rows.plan(row)


def in_place(connection: sqlite3.Connection) -> dict[str, Plan]:
    """As `Plans.in_place`, of every model."""
    newest: dict[str, Plan] = {}
    rows = connection.execute(sql_plans.PLANS, {"model": None, "version": None})
    for plan in map(record_rows.plan, rows):
        last = newest.setdefault(plan.id, plan)
        if plan.replaces is not None:
            newest[plan.replaces] = last
    return newest


def open_plans(connection: sqlite3.Connection) -> list[Plan]:
    """All that take answers, whatever the model, newest first."""
    return [record_rows.plan(row) for row in connection.execute(sql_plans.OPEN_PLANS)]


def _add_known(connection: sqlite3.Connection, plan: Plan, known: KnownAnswers, by: Expert) -> None:
    """Beside the draws, at positions from -1 down; their cases look like those of the pool."""
    column_choices.choose_as(connection, known.batch_id, plan.batch_id, hidden=known.column, by=by)
    for at, (number, answer) in enumerate(sorted(known.answers.items()), 1):
        row = {"plan_id": plan.id, "batch_id": known.batch_id, "position": -at}
        case = {"row_number": number, "prediction_id": prediction_id(known.batch_id, number)}
        connection.execute(sql_plans.ADD_DRAW, NO_WEIGHT | row | case)
        connection.execute(sql_plans.ADD_KNOWN_ANSWER, row | {"answer": json.dumps(answer)})


def _check_draws(plan: Plan, rows: list[dict[str, Any]]) -> None:
    if [row["position"] for row in rows] != list(range(plan.cases)):
        raise UserError(
            f"The plan has {len(rows)} draws; expected each of its "
            f"{plural(plan.cases, 'case')} once, in draw order. Draw them again."
        )
