"""The queue of an expert in a plan: which drawn case is next, what was skipped, what is begun."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from second_opinion.access import roles
from second_opinion.errors import UserError
from second_opinion.records.expert import Expert, key_of
from second_opinion.records.plan import Plan, QueuedCase
from second_opinion.records.stamp import earlier, now
from second_opinion.records.verdict import Verdict
from second_opinion.store import queue_checks, sql_plans, sql_queue, verdict_chain
from second_opinion.store.blind_cases import closed_rows
from second_opinion.store.database_file import DatabaseFile
from second_opinion.store.plans import in_place, open_plans, plan_with
from second_opinion.store.queue_turns import HELD, Turn, next_turn

ANSWERED = (
    "You have answered this case already, on another device or in another tab, and may have seen "
    "what the model says. The first answer is kept, and nothing was stored now. Go on with the "
    "next case."
)


class Queue:
    """The verbs of a store that are about whose turn a case is. Get one as ``store.queue``.

    ``by`` is the expert whose queue it is: `UserError` for somebody whose answers do not count in
    the plan, and where the plan is closed. ``moment`` is the time as ISO text, now without it.
    """

    def __init__(self, file: DatabaseFile) -> None:
        self._file = file

    def plans(self, *, by: Expert) -> list[Plan]:
        """The plans that ask this person and take answers, the newest first."""
        with self._file.reading() as connection:
            plans = open_plans(connection)
        return [plan for plan in plans if _asks(plan, by)]

    def plan_of_link(self, plan_id: str, *, by: Expert) -> Plan | None:
        """The plan that a link to this one leads to: the one in its place, if it asks this person.

        None too where that takes no answers.
        """
        with self._file.reading() as connection:
            last = in_place(connection).get(plan_id)
            is_open = last in open_plans(connection)
        return last if last and is_open and _asks(last, by) else None

    def done(self, plan_id: str, *, by: Expert) -> int:
        """How many of its cases this person has answered or skipped, with those asked again."""
        with self._file.reading() as connection:
            plan = _plan_for(connection, plan_id, by)
            turns = _turns(connection, plan, _first_draws(connection, plan), now())
            return _done(turns, _own_answers(connection, plan, by), by)

    def next(self, plan_id: str, *, by: Expert, moment: str | None = None) -> QueuedCase | None:
        """The case whose turn it is, now in this person's hand for an hour; None without one.

        Some are put between the draws to check how they answer (`queue_checks`). With the
        model's answer in view, none that a blind plan closes to them (`BlindCases`).
        """
        moment, person = moment or now(), by.expert_key
        with self._file.writing() as connection:
            plan = _plan_for(connection, plan_id, by)
            closed = _closed_rows(connection, plan, by)
            rows, turns, turn = _whose_turn(connection, plan, by, moment, closed)
            if turn is None:
                return None
            own = _own_answers(connection, plan, by)
            done = _done(turns, own, by)
            check = None if person in turn.leased else _check(plan, turns, own, by)
            if check is not None:
                row, is_repeat = rows[check], check in own
                return QueuedCase(plan_id, check, *_place(row), done, is_repeat)
            row = rows[turn.position]
            about = {"plan_id": plan_id, "position": turn.position, "expert": person}
            connection.execute(sql_queue.LEASE, about | {"moment": moment})
        return QueuedCase(plan_id, turn.position, *_place(row), done)

    def waits(self, plan_id: str, *, by: Expert, moment: str | None = None) -> bool:
        """Whether there is a case that `next` would give to this person, who does not get it."""
        moment = moment or now()
        with self._file.reading() as connection:
            plan = _plan_for(connection, plan_id, by)
            closed = _closed_rows(connection, plan, by)
            return _whose_turn(connection, plan, by, moment, closed)[2] is not None

    def has_closed(self, plan_id: str, *, by: Expert) -> bool:
        """Whether `next` would give a case that a blind plan closes to this person, if it might."""
        with self._file.reading() as connection:
            plan = _plan_for(connection, plan_id, by)
            closed = _closed_rows(connection, plan, by)
            rows, _, turn = _whose_turn(connection, plan, by, now(), set())
        return turn is not None and rows[turn.position]["row_number"] in closed

    def answered(self, plan_id: str, *, by: Expert) -> list[QueuedCase]:
        """The cases that this person has answered, in the order of the first answers."""
        with self._file.reading() as connection:
            plan = _plan_for(connection, plan_id, by)
            rows = _first_draws(connection, plan)
            positions = _own_answers(connection, plan, by)
        return [
            QueuedCase(plan_id, at, *_place(rows[at]), done)
            for done, at in enumerate(positions)
            if at in rows
        ]

    def is_answered(self, case: QueuedCase, *, by: Expert) -> bool:
        """Whether this person has answered the case since it was given to them."""
        with self._file.reading() as connection:
            plan = _plan_for(connection, case.plan_id, by)
            return _is_answered(case, _own_answers(connection, plan, by))

    def lock(self, case: QueuedCase, answer: Verdict, *, by: Expert) -> Verdict:
        """Store this person's own answer to a case that `next` gave them; returns it as stored.

        One whose id is there already is returned as it was stored. It replaces what is theirs to
        change (`roles.owns`): under a typed name, no answer of another browser. `UserError` where
        they have answered the case since it was given to them.
        """
        with self._file.writing() as connection:
            if stored := verdict_chain.stored(connection, answer.id):
                return stored
            plan = _plan_for(connection, case.plan_id, by)
            if _is_answered(case, _own_answers(connection, plan, by)):
                raise UserError(ANSWERED)
            prediction = verdict_chain.judged(connection, answer)
            before = verdict_chain.end(connection, answer, by)
            # A refusal would say that the case was answered before.
            own = before if before and roles.owns(by, before) else None
            return verdict_chain.add(connection, answer, prediction, own)

    def skip(self, case: QueuedCase, *, by: Expert, moment: str | None = None) -> None:
        """Leave a case to others; it does not come again to this person.

        One that they have answered meanwhile stays answered.
        """
        about = self._about(case, by)
        skip = about | {"label": by.label, "created_at": moment or now()}
        with self._file.writing() as connection:
            plan = _plan_for(connection, case.plan_id, by)
            if not _is_answered(case, _own_answers(connection, plan, by)):
                connection.execute(sql_queue.ADD_SKIP, skip)
            connection.execute(sql_queue.RETURN_LEASE, about)

    def keep_draft(self, case: QueuedCase, content: Mapping[str, Any], *, by: Expert) -> None:
        """Keep what this person has begun to answer, so that another device goes on with it."""
        text = json.dumps(dict(content), ensure_ascii=False)
        with self._file.writing() as connection:
            _plan_for(connection, case.plan_id, by)
            connection.execute(
                sql_queue.KEEP_DRAFT, self._about(case, by) | {"content": text, "moment": now()}
            )

    def draft(self, case: QueuedCase, *, by: Expert) -> dict[str, Any]:
        """What this person has begun to answer; empty for nothing."""
        with self._file.reading() as connection:
            row = connection.execute(sql_queue.DRAFT, self._about(case, by)).fetchone()
        return dict(json.loads(row["content"])) if row else {}

    @staticmethod
    def _about(case: QueuedCase, by: Expert) -> dict[str, Any]:
        return {"plan_id": case.plan_id, "position": case.position, "expert": by.expert_key}


def _asks(plan: Plan, by: Expert) -> bool:
    return roles.may_use(by, plan.model) and plan.asks(by.label, by.expert_key)


def _plan_for(connection: sqlite3.Connection, plan_id: str, by: Expert) -> Plan:
    plan = plan_with(connection, plan_id)
    if not _asks(plan, by):
        raise UserError(
            f"{by.label} is not among the experts of this plan; expected one of them. Ask the "
            "owner to freeze a plan with you."
        )
    if plan in open_plans(connection):
        return plan
    if connection.execute(sql_plans.CLOSING, {"plan_id": plan_id}).fetchone():
        raise UserError("This plan is closed and takes no more answers. Thank you for yours.")
    raise UserError(
        "A new version of this plan has taken its place, so that this one takes no more answers. "
        "Open Review queue again: it has the new one, where that asks you."
    )


def _closed_rows(connection: sqlite3.Connection, plan: Plan, by: Expert) -> set[int]:
    """The rows of its file that it may not show to this person yet."""
    return set() if plan.mode == "blind" else closed_rows(connection, plan, by)


def _whose_turn(
    connection: sqlite3.Connection, plan: Plan, by: Expert, moment: str, closed: set[int]
) -> tuple[dict[int, sqlite3.Row], list[Turn], Turn | None]:
    """The first draws, how far each is, and the one that is this person's turn.

    ``closed`` are the rows of the file that they may not see yet.
    """
    rows = _first_draws(connection, plan, len(closed))
    turns = _turns(connection, plan, rows, moment)
    drawn = [one for one in turns if one.position >= 0]
    not_yet = {at for at, row in rows.items() if row["row_number"] in closed}
    turn = next_turn(drawn, by.expert_key, plan.panel_with(by), moment, not_yet)
    return rows, turns, turn


def _first_draws(
    connection: sqlite3.Connection, plan: Plan, closed: int = 0
) -> dict[int, sqlite3.Row]:
    """As many draws as the lowest that can be anybody's turn may be away, with so many closed.

    The known cases too.
    """
    about = {"plan_id": plan.id}
    (touched,) = connection.execute(sql_queue.COUNT_TOUCHED, about).fetchone()
    most = max(len(plan.experts), 1) * (touched + closed + 2)
    rows = connection.execute(sql_queue.FIRST_DRAWS, about | {"most": most}).fetchall()
    if plan.known:
        rows += connection.execute(sql_queue.KNOWN_CASES, about).fetchall()
    return {row["position"]: row for row in rows}


def _turns(
    connection: sqlite3.Connection, plan: Plan, rows: Mapping[int, sqlite3.Row], moment: str
) -> list[Turn]:
    recent = {"plan_id": plan.id, "since": earlier(HELD, moment)}
    leases = _by_position(connection.execute(sql_queue.LEASES, recent))
    skips = _by_position(connection.execute(sql_queue.SKIPS, {"plan_id": plan.id}))
    answered: dict[int, dict[str, str]] = defaultdict(dict)
    about = {"plan_id": plan.id, "after_verdict": plan.after_verdict}
    for row in connection.execute(sql_plans.ANSWERS, about):
        person = key_of(row["expert"], row["expert_key"])
        if row["mode"] == plan.mode and plan.asks(row["expert"], person):
            answered[row["position"]].setdefault(person, row["created_at"])
    return [
        Turn(
            position=position,
            needed=plan.answers,
            wanted=plan.answers + row["twice"],
            answered=answered[position],
            skipped=skips[position],
            leased=leases[position],
        )
        for position, row in rows.items()
    ]


def _own_answers(connection: sqlite3.Connection, plan: Plan, by: Expert) -> Counter[int]:
    """How often this person answered each draw, in the order of the first answers.

    Once in a plan that is not blind: whatever comes after that changes the answer.
    """
    about = {"plan_id": plan.id, "after_verdict": plan.after_verdict}
    times = Counter(
        row["position"]
        for row in connection.execute(sql_plans.ANSWERS, about)
        if row["mode"] == plan.mode and key_of(row["expert"], row["expert_key"]) == by.expert_key
    )
    return times if plan.mode == "blind" else Counter(times.keys())


def _is_answered(case: QueuedCase, own: Counter[int]) -> bool:
    """Whether there is an answer more than there was when the case was given."""
    return own[case.position] > case.is_repeat


def _done(turns: list[Turn], own: Counter[int], by: Expert) -> int:
    again = sum(own.values()) - len(own) + len(_skipped_again(turns, own, by))
    return sum(turn.is_seen_by(by.expert_key) for turn in turns) + again


def _skipped_again(turns: list[Turn], own: Counter[int], by: Expert) -> set[int]:
    """The cases that this person skipped when they came again."""
    return {turn.position for turn in turns if by.expert_key in turn.skipped} & own.keys()


def _check(plan: Plan, turns: list[Turn], own: Counter[int], by: Expert) -> int | None:
    """The case that is put before the one whose turn it is; none with the model's in view."""
    if plan.mode != "blind":
        return None
    who, answered = (plan.seed, by.expert_key), [at for at in own if at >= 0]
    known = {turn.position: turn for turn in turns if turn.position < 0}
    seen = {at for at, turn in known.items() if turn.is_seen_by(by.expert_key)}
    if (check := queue_checks.next_known(*who, len(answered), known, seen)) is not None:
        return check
    repeated = {at for at, times in own.items() if times > 1} | _skipped_again(turns, own, by)
    return queue_checks.next_repeat(*who, answered, repeated)


def _place(row: sqlite3.Row) -> tuple[str, int]:
    return row["batch_id"], row["row_number"]


def _by_position(rows: sqlite3.Cursor) -> defaultdict[int, frozenset[str]]:
    people: defaultdict[int, frozenset[str]] = defaultdict(frozenset)
    for row in rows:
        people[row["position"]] |= {row["expert"]}
    return people
