"""What is kept when another file was written over a database in use.

The old file is gone, but its log is not, and neither are the pages that the connection remembers.
What people said is read through it, newest first, and added to a copy of what the file holds now.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from sqlite_utils.db import Database

from second_opinion.errors import UserError
from second_opinion.formatting import plural
from second_opinion.store import (
    file_identity,
    judged_cases,
    sql_api_tokens,
    sql_audit,
    sql_connection,
    sql_copies,
    sql_invitations,
    sql_outcomes,
    sql_own_answers,
    sql_plans,
    sql_queue,
    sql_retention,
    sql_review,
    sql_sign_ins,
    sql_verdicts,
    verdict_kinds_table,
)
from second_opinion.store.migrations import migrations


class Table(NamedTuple):
    """How the rows of a table are read newest first, found by their id, and added."""

    newest: str
    one: str
    insert: str


# What people said and decided, each before what points to it.
TABLES = (
    Table(sql_copies.NEWEST_CARDS, sql_copies.HAS_CARDS, sql_outcomes.ADD_CARD),
    Table(sql_copies.NEWEST_PREDICTIONS, sql_copies.HAS_PREDICTIONS, sql_verdicts.ADD_PREDICTION),
    Table(sql_copies.NEWEST_VERDICTS, sql_copies.HAS_VERDICTS, sql_verdicts.ADD_VERDICT),
    Table(sql_copies.NEWEST_TRIAGE, sql_copies.HAS_TRIAGE, sql_review.ADD_TRIAGE),
    Table(
        sql_copies.NEWEST_ADJUDICATIONS, sql_copies.HAS_ADJUDICATIONS, sql_review.ADD_ADJUDICATION
    ),
    Table(
        sql_copies.NEWEST_OWN_ANSWERS, sql_copies.HAS_OWN_ANSWERS, sql_own_answers.ADD_OWN_ANSWER
    ),
    Table(sql_copies.NEWEST_ALIASES, sql_copies.HAS_ALIASES, sql_verdicts.ADD_ALIAS_MOVE),
    Table(sql_copies.NEWEST_PLANS, sql_copies.HAS_PLANS, sql_plans.ADD_PLAN),
    Table(sql_copies.NEWEST_DRAWS, sql_copies.HAS_DRAWS, sql_plans.ADD_DRAW),
    Table(
        sql_copies.NEWEST_KNOWN_ANSWERS, sql_copies.HAS_KNOWN_ANSWERS, sql_plans.ADD_KNOWN_ANSWER
    ),
    Table(sql_copies.NEWEST_PLAN_CLOSINGS, sql_copies.HAS_PLAN_CLOSINGS, sql_plans.ADD_CLOSING),
    Table(sql_copies.NEWEST_CARD_EDITS, sql_copies.HAS_CARD_EDITS, sql_verdicts.ADD_CARD_EDIT),
    Table(sql_copies.NEWEST_SKIPS, sql_copies.HAS_SKIPS, sql_queue.ADD_SKIP),
    Table(
        sql_copies.NEWEST_INVITATIONS, sql_copies.HAS_INVITATIONS, sql_invitations.ADD_INVITATION
    ),
    Table(
        sql_copies.NEWEST_INVITATION_LINKS,
        sql_copies.HAS_INVITATION_LINKS,
        sql_invitations.ADD_LINK_MOVE,
    ),
    Table(sql_copies.NEWEST_API_TOKENS, sql_copies.HAS_API_TOKENS, sql_api_tokens.ADD_MOVE),
    Table(
        sql_copies.NEWEST_RETENTION_RULES, sql_copies.HAS_RETENTION_RULES, sql_retention.ADD_RULE
    ),
    Table(sql_copies.NEWEST_REMOVALS, sql_copies.HAS_REMOVALS, sql_retention.ADD_REMOVAL),
    Table(sql_copies.NEWEST_SIGN_INS, sql_copies.HAS_SIGN_INS, sql_sign_ins.ADD_SIGN_IN),
    Table(
        sql_copies.NEWEST_ADDRESS_RELEASES,
        sql_copies.HAS_ADDRESS_RELEASES,
        sql_sign_ins.ADD_RELEASE,
    ),
    Table(sql_copies.NEWEST_EVENTS, sql_copies.HAS_EVENTS, sql_audit.ADD_EVENT),
)
# So many rows in a row that the file has already: nothing older is missing from it.
ENOUGH = 500
LONE_ROWS = ".jsonl"
STILL_SECONDS = 0.3


def rescued(path: Path, connection: sqlite3.Connection, difference: str) -> UserError:
    """Keep what can be kept, and let the log go, so that nobody brings it into the other file.

    Returns what people are told. The log stays as a file of its own beside what was rescued.
    """
    found = (
        f"The feedback database {path} is not the one that was open: another file was written over "
        f"it while it was in use, or its log is of another one ({difference}). Nothing more is "
        "stored in it. "
    )
    try:
        with _alone_with_log(connection):
            if earlier := _rescued_by_another(path):
                return UserError(f"{found}{_advice(earlier, 'what could still be read')}")
            place = free_name(path, "rescued")
            _wait_until_still(path)
            rows, without_case = _keep(path, place, connection)
            _set_log_aside(path, place)
    except (OSError, sqlite3.Error) as error:
        return UserError(
            f"{found}What this app had stored since could not be kept ({error}). Stop the app, "
            f"keep a copy of {path.name} and of the files beside it, then put a backup in its "
            "place with `python -m second_opinion restore BACKUP`."
        )
    more = f"{plural(rows, 'row')} that could still be read"
    beside = f" {_keep_apart(place, without_case)}" if without_case else ""
    return UserError(f"{found}{_advice(place, more)}{beside}")


def databases(path: Path) -> list[Path]:
    """What was rescued of the database at a path, without the logs and lone rows beside it."""
    places = path.parent.glob(f"{path.name}.rescued*")
    return sorted(place for place in places if place.suffix not in (".log", LONE_ROWS))


def _keep_apart(place: Path, rows: list[dict[str, object]]) -> str:
    """Write rows that point to none that can be read; a database cannot hold them."""
    lone = place.with_name(f"{place.name}{LONE_ROWS}")
    lone.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return f"{lone.name} has {plural(len(rows), 'row')} about cases that cannot be read any more."


def _advice(place: Path, rows: str) -> str:
    return (
        f"{place} has what the file holds now, and {rows} beyond that. Check it, then put it in "
        f"the place of the file with `python -m second_opinion restore {place}`; or restore "
        "another backup."
    )


@contextmanager
def _alone_with_log(live: sqlite3.Connection) -> Iterator[None]:
    """Hold the lock of the log, so that no other process writes into it or rescues too.

    A file that is damaged may not give it.
    """
    with suppress(sqlite3.DatabaseError):
        if live.in_transaction:
            live.execute(sql_connection.ROLLBACK)
        live.execute(sql_connection.BEGIN_WRITE)
    try:
        yield
    finally:
        with suppress(sqlite3.DatabaseError):
            live.execute(sql_connection.ROLLBACK)


def _rescued_by_another(path: Path) -> Path | None:
    """What another process kept that had the same log open, and emptied it then."""
    log = file_identity.sidecars(path)[0]
    places = databases(path)
    if not places or (log.exists() and log.stat().st_size):
        return None
    return max(places, key=lambda place: place.stat().st_mtime_ns)


def free_name(path: Path, word: str) -> Path:
    """A name beside the file that nothing has yet: ``feedback.db.rescued``, then ``…-2``."""
    names = (f"{path.name}.{word}{f'-{n}' if n > 1 else ''}" for n in count(1))
    return next(path.with_name(name) for name in names if not path.with_name(name).exists())


def _wait_until_still(path: Path) -> None:
    """Whoever copies over the file may still be at it."""
    before = None
    while before != (before := file_identity.stamp(path)[:3]):
        time.sleep(STILL_SECONDS)


def _keep(path: Path, place: Path, live: sqlite3.Connection) -> tuple[int, list[dict[str, object]]]:
    """Write the rescued database; how many rows it has beyond those of the file, and which not."""
    draft = place.with_name(f".{place.name}.{uuid4().hex}.part")
    try:
        if not _is_base(path, draft):
            draft.unlink(missing_ok=True)
        with closing(sqlite3.connect(draft, isolation_level=None)) as base:
            _prepare(base)
            rows, without_case = _add_rows(live, base)
            base.execute(sql_connection.COMMIT)
            file_identity.rename_copy(base)
        draft.replace(place)
    finally:
        for leftover in (draft, *file_identity.sidecars(draft), _journal(draft)):
            leftover.unlink(missing_ok=True)
    return rows, without_case


def _is_base(path: Path, draft: Path) -> bool:
    """Copy the file without its log; whether that is a feedback database, and whole."""
    shutil.copyfile(path, draft)
    try:
        with closing(sqlite3.connect(draft)) as connection:
            connection.execute(sql_connection.ONE_FILE)
            file_identity.refuse_strangers(draft, connection)
            return file_identity.finding(connection, 60) == ""
    except (sqlite3.DatabaseError, UserError):
        return False


def _journal(path: Path) -> Path:
    return path.with_name(f"{path.name}-journal")


def _prepare(base: sqlite3.Connection) -> None:
    base.execute(sql_connection.NO_FOREIGN_KEYS)
    base.execute(sql_connection.BEGIN_WRITE)
    migrations.apply(Database(base, execute_plugins=False))
    verdict_kinds_table.add_kinds(base)
    file_identity.sign(base)
    base.execute(sql_connection.COMMIT)
    base.execute(sql_connection.FOREIGN_KEYS)
    base.execute(sql_connection.BEGIN_WRITE)


def _add_rows(
    live: sqlite3.Connection, base: sqlite3.Connection
) -> tuple[int, list[dict[str, object]]]:
    rows, without_case = 0, []
    for table in TABLES:
        newest_first = list(_unknown(live, base, table))
        for row in reversed(newest_first):
            try:
                rows += base.execute(table.insert, row).rowcount
            except sqlite3.IntegrityError as error:
                # By another rule: a page of another table, read as this one.
                if error.sqlite_errorcode == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
                    without_case.append(row)
    judged_cases.compare_all(base)
    return rows, without_case


def _unknown(
    live: sqlite3.Connection, base: sqlite3.Connection, table: Table
) -> Iterator[dict[str, object]]:
    """The rows that the base lacks, newest first, as far as they can be read."""
    known_in_a_row = 0
    with suppress(sqlite3.DatabaseError, IndexError):
        for row in live.execute(table.newest):
            known_in_a_row += 1
            if not base.execute(table.one, dict(row)).fetchone():
                known_in_a_row = 0
                yield dict(row)
            if known_in_a_row == ENOUGH:
                return


def _set_log_aside(path: Path, place: Path) -> None:
    """Keep a copy of the log and empty it. A commit meanwhile would leave a hole in it."""
    log = file_identity.sidecars(path)[0]
    if log.exists():
        shutil.copyfile(log, place.with_name(f"{place.name}.log"))
        os.truncate(log, 0)
