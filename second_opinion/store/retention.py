"""What the database holds, how long it is kept, and the removal of what is over its time.

Verdicts and what they rest on (their predictions, the draws of plans, decisions, batches) are never
removed. Each removal is on record, and how many predictions were asked for stays known.
"""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta
from typing import Final

from second_opinion.access import roles
from second_opinion.errors import UserError
from second_opinion.formatting import plural
from second_opinion.records.event import Event
from second_opinion.records.expert import Expert
from second_opinion.records.retention_rule import PERIODS, Holding, Kept, RetentionRule
from second_opinion.records.stamp import new_id, now
from second_opinion.store import event_log, record_rows, sql_retention
from second_opinion.store.database_file import DatabaseFile

KINDS: Final[tuple[Kept, ...]] = ("events", "predictions")
ONCE = timedelta(days=1)
_COUNT = {"events": sql_retention.COUNT_EVENTS, "predictions": sql_retention.COUNT_PREDICTIONS}
_REMOVE = {"events": sql_retention.REMOVE_EVENTS, "predictions": sql_retention.REMOVE_PREDICTIONS}


class Retention:
    """The verbs of a store that are about how long things are kept. Get one as ``store.retention``.

    All but `sweep` are for owners: `UserError` for others.
    """

    def __init__(self, file: DatabaseFile) -> None:
        self._file = file

    def holdings(self, *, by: Expert) -> list[Holding]:
        """What there is of each kind; sizes are about right."""
        roles.check(by, "set how long things are kept")
        with self._file.reading() as connection:
            rows = connection.execute(sql_retention.HOLDINGS).fetchall()
        return [
            Holding(row["what"], row["rows"], round(row["rows"] * row["row_bytes"]), row["oldest"])
            for row in rows
        ]

    def rules(self, *, by: Expert) -> dict[Kept, RetentionRule]:
        """The rule that holds of each kind; for good where none was set."""
        roles.check(by, "set how long things are kept")
        with self._file.reading() as connection:
            return _rules(connection)

    def over_time(self, rule: RetentionRule, *, by: Expert) -> int:
        """How many rows this rule would remove now."""
        roles.check(by, "set how long things are kept")
        with self._file.reading() as connection:
            return _over_time(connection, rule)

    def set_rule(self, rule: RetentionRule, *, by: Expert) -> int:
        """Keep things so long from now on; removes what is over its time, and returns how many.

        A rule whose id is there already changes nothing. `UserError` for a period that is none of
        `PERIODS`.
        """
        roles.check(by, "set how long things are kept")
        if rule.days not in PERIODS:
            raise UserError(
                f"{plural(rule.days or 0, 'day')} is no period to choose; expected, in days, one "
                f"of {', '.join(str(days) for days in PERIODS if days)}, or for good."
            )
        rule = RetentionRule(rule.what, rule.days, by.label, rule.id, rule.created_at)
        with self._file.writing() as connection:
            row = record_rows.to_row(rule)
            if not connection.execute(sql_retention.ADD_RULE, row).rowcount:
                return 0
            removed = _remove(connection, rule, by)
            details = {"what": rule.what, "days": rule.days, "removed": removed}
            event_log.note(connection, Event("retention", by.label, details, id=rule.id))
        return removed

    def sweep(self) -> int:
        """Remove what has got over its time since, once a day; returns how many rows."""
        with self._file.reading() as connection:
            due = [rule for rule in _rules(connection).values() if _is_due(connection, rule)]
        if not due:
            return 0
        with self._file.writing() as connection:
            return sum(
                _remove(connection, rule, roles.PROGRAM)
                for rule in due
                if _is_due(connection, rule)
            )


def _rules(connection: sqlite3.Connection) -> dict[Kept, RetentionRule]:
    rules: dict[Kept, RetentionRule] = {what: RetentionRule(what, None) for what in KINDS}
    for row in connection.execute(sql_retention.RULES):
        rule = RetentionRule(**dict(row))
        rules[rule.what] = rule
    return rules


def _over_time(connection: sqlite3.Connection, rule: RetentionRule) -> int:
    before = rule.limit()
    if before is None:
        return 0
    (count,) = connection.execute(_COUNT[rule.what], {"before": before}).fetchone()
    return int(count)


def _is_due(connection: sqlite3.Connection, rule: RetentionRule) -> bool:
    if rule.days is None:
        return False
    (last,) = connection.execute(sql_retention.LAST_REMOVAL, {"what": rule.what}).fetchone()
    return last is None or abs(_age(last)) >= ONCE


def _age(moment: str) -> timedelta:
    return datetime.fromisoformat(now()) - datetime.fromisoformat(moment)


def _remove(connection: sqlite3.Connection, rule: RetentionRule, by: Expert) -> int:
    """Remove what is over its time; the removal goes on record first, which the triggers ask."""
    before = rule.limit()
    if before is None:
        return 0
    count = _over_time(connection, rule)
    removal = {"what": rule.what, "before": before, "rows": count, "removed_by": by.label}
    stamp = {"id": new_id(), "created_at": now()}
    connection.execute(sql_retention.ADD_REMOVAL, removal | stamp)
    connection.execute(_REMOVE[rule.what], {"before": before})
    if rule.what == "events":
        connection.execute(sql_retention.REMOVE_VISITS, {"before": before})
    return count
