"""Copies of the feedback database: taken while it is in use, checked, and put back."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import BinaryIO, NamedTuple
from uuid import uuid4

from second_opinion.access import roles
from second_opinion.errors import UserError
from second_opinion.formatting import joined
from second_opinion.records.event import Event
from second_opinion.records.expert import Expert
from second_opinion.store import Store, file_identity, sql_connection, sql_copies
from second_opinion.store.database_file import DatabaseFile
from second_opinion.store.file_identity import Place
from second_opinion.store.rescue import free_name
from second_opinion.store.sqlite_errors import explained


class Rows(NamedTuple):
    """What a database has of a kind that a copy lacks; what one and several are called."""

    absent: str
    one: str
    several: str


# By table: all that people and workers write.
ROWS = {
    "predictions": Rows(sql_copies.ABSENT_PREDICTIONS, "prediction", "predictions"),
    "verdicts": Rows(sql_copies.ABSENT_VERDICTS, "verdict", "verdicts"),
    "triage": Rows(sql_copies.ABSENT_TRIAGE, "triage of a verdict", "triages of verdicts"),
    "adjudications": Rows(sql_copies.ABSENT_ADJUDICATIONS, "decided conflict", "decided conflicts"),
    "own_answers": Rows(sql_copies.ABSENT_OWN_ANSWERS, "own answer", "own answers"),
    "aliases": Rows(sql_copies.ABSENT_ALIASES, "move of an alias", "moves of aliases"),
    "card_edits": Rows(sql_copies.ABSENT_CARD_EDITS, "edit of a card", "edits of cards"),
    "events": Rows(sql_copies.ABSENT_EVENTS, "event", "events"),
    "sign_ins": Rows(sql_copies.ABSENT_SIGN_INS, "first sign-in", "first sign-ins"),
    "address_releases": Rows(
        sql_copies.ABSENT_ADDRESS_RELEASES, "freed address", "freed addresses"
    ),
    "batches": Rows(sql_copies.ABSENT_BATCHES, "batch", "batches"),
    "batch_chunks": Rows(sql_copies.ABSENT_BATCH_CHUNKS, "part of a batch", "parts of batches"),
    "plans": Rows(sql_copies.ABSENT_PLANS, "plan", "plans"),
    "plan_closings": Rows(
        sql_copies.ABSENT_PLAN_CLOSINGS, "closing of a plan", "closings of plans"
    ),
    "invitations": Rows(sql_copies.ABSENT_INVITATIONS, "invitation", "invitations"),
    "invitation_links": Rows(
        sql_copies.ABSENT_INVITATION_LINKS, "change of a personal link", "changes of personal links"
    ),
    "api_tokens": Rows(sql_copies.ABSENT_API_TOKENS, "change of a token", "changes of tokens"),
    "retention_rules": Rows(
        sql_copies.ABSENT_RETENTION_RULES, "rule of what is kept", "rules of what is kept"
    ),
    "removals": Rows(sql_copies.ABSENT_REMOVALS, "removal", "removals"),
    "case_columns": Rows(sql_copies.ABSENT_CASE_COLUMNS, "choice of columns", "choices of columns"),
    "case_pictures": Rows(
        sql_copies.ABSENT_CASE_PICTURES, "picture of a case", "pictures of cases"
    ),
    "drafts": Rows(sql_copies.ABSENT_DRAFTS, "answer begun", "answers begun"),
    "skips": Rows(sql_copies.ABSENT_SKIPS, "skipped case", "skipped cases"),
    "cards": Rows(sql_copies.ABSENT_CARDS, "card of a model", "cards of models"),
    "verdict_kinds": Rows(sql_copies.ABSENT_VERDICT_KINDS, "kind of verdict", "kinds of verdicts"),
}


def backup(store: Store, to: Path, *, by: Expert) -> Path:
    """Write a consistent copy of the database, in one file, while others use it.

    An earlier copy of that name is replaced once the new one is whole and checked. `UserError` for
    a plain expert, and where there is something else under that name.
    """
    roles.check(by, "take a copy of the database")
    to = to.expanduser().resolve()
    if to == store.path:
        raise UserError(f"{to} is the feedback database itself. Name another file for the copy.")
    if to.exists():
        check_copy(to)
    store.event_log.add(Event("backup", by.label, {"to": to.name}))
    draft = to.with_name(f".{to.name}.{uuid4().hex}.part")
    copy_database(store.path, draft, to)
    return to


def opened_copy(store: Store, *, by: Expert) -> BinaryIO:
    """The same as a stream to download; its file is gone when the stream is closed."""
    with tempfile.TemporaryDirectory(prefix="second-opinion-") as folder:
        # On Linux an open file outlives its name.
        return backup(store, Path(folder) / "feedback.db", by=by).open("rb")


def restore(copy: Path, to: Path, *, force: bool = False, by: Expert) -> Path | None:
    """Put a copy in the place of the database; returns where the replaced one is kept.

    Pages that are open go on with the restored one. `UserError` for all but owners, for a file that
    is no feedback database of a version that is known here, and, without ``force``, where the
    database has something that is newer than the copy.
    """
    roles.check(by, "restore a copy")
    copy, to = copy.expanduser().resolve(), to.expanduser().resolve()
    if copy == to:
        raise UserError(f"{copy} is the feedback database itself; expected a copy of it.")
    check_copy(copy)
    old_path = replace_database(copy, to, force=force)
    restored = {"from": copy.name, "kept": old_path.name if old_path else None}
    Store.open(to).event_log.add(Event("restore", by.label, restored))
    return old_path


def copy_database(source: Path, draft: Path, to: Path) -> None:
    """Copy a database in use to ``draft``, check the copy, then give it its name.

    The copy is of one moment. On failure nothing is left, and what was there before stays.
    """
    try:
        with explained(to):
            _copied(source, draft)
            draft.replace(to)
    finally:
        for leftover in (draft, *(draft.with_name(draft.name + end) for end in ("-wal", "-shm"))):
            leftover.unlink(missing_ok=True)


def check_copy(path: Path) -> None:
    """Raise `UserError` unless this is an intact feedback database of a version known here."""
    if not path.is_file():
        raise UserError(f"There is no file {path}; expected a copy of a feedback database.")
    try:
        with closing(_opened(path)) as connection:
            strangeness = file_identity.strangeness_of(connection)
            is_empty = not strangeness and not file_identity.steps_taken(connection)
            integrity = [text for (text,) in connection.execute(sql_connection.INTEGRITY)]
    except sqlite3.DatabaseError as error:
        raise UserError(
            f"{path} is not a feedback database ({error}); expected a copy made by backup. Choose "
            "another file."
        ) from error
    if strangeness:
        raise UserError(f"{path} {strangeness}. Or choose another file.")
    if is_empty:
        raise UserError(f"{path} is an empty database; expected a copy made by backup. Choose it.")
    if integrity != ["ok"]:
        raise UserError(f"{path} is damaged ({integrity[0]}). Choose an earlier copy.")


def replace_database(copy: Path, to: Path, *, force: bool) -> Path | None:
    """Put a checked copy in the place of a database; returns where that is kept, if it was there.

    `UserError` where it has something that the copy lacks, unless ``force``.
    """
    draft = to.with_name(f".{to.name}.{uuid4().hex}.part")
    ready = to.with_name(f".{to.name}.{uuid4().hex}.ready")
    copy_database(copy, draft, ready)
    try:
        with closing(DatabaseFile(ready)) as restored:
            restored.open()
        old_path = None
        if to.exists():
            _refuse_absent(to, ready, copy.name, force)
            old_path = free_name(to, "before-restore")
            # A second name first: at no moment is there no database.
            os.link(to, old_path)
        sidecars = [(beside, file_identity.place(beside)) for beside in file_identity.sidecars(to)]
        ready.replace(to)
        _take_along(sidecars, old_path)
    finally:
        for leftover in (ready, *file_identity.sidecars(ready)):
            leftover.unlink(missing_ok=True)
    return old_path


def _refuse_absent(path: Path, copy: Path, name: str, force: bool) -> None:
    """Compare what is there with the copy, row by row; bring all of it into its one file."""
    with closing(DatabaseFile(path)) as present:
        try:
            present.open()
            counts = _absent_rows(present, copy)
        except UserError:
            # What cannot be read is what a copy is put back for; it is kept as it is.
            return
    if counts and not force:
        rows = joined(
            [f"{n:,} {kind.one if n == 1 else kind.several}" for kind, n in counts.items()]
        )
        raise UserError(
            f"{path} has {rows} that {name} lacks. Nothing was changed. Say --force to put "
            "the copy in its place all the same; what is there now is kept beside it."
        )


def _absent_rows(present: DatabaseFile, copy: Path) -> dict[Rows, int]:
    """How many rows of each kind a database has that its copy lacks."""
    with closing(sqlite3.connect(f"{present.path.as_uri()}?mode=ro", uri=True)) as connection:
        connection.execute(sql_copies.ATTACH_COPY, {"path": str(copy)})
        counts = {rows: len(connection.execute(rows.absent).fetchall()) for rows in ROWS.values()}
    return {rows: count for rows, count in counts.items() if count}


def _take_along(sidecars: list[tuple[Path, Place | None]], old_path: Path | None) -> None:
    """Keep the log of the replaced file beside it: it would be read as that of the new one.

    Only the files of before: another process may have opened the new one since.
    """
    for beside, place in sidecars:
        if place is not None and place == file_identity.place(beside):
            if old_path and beside.name.endswith("-wal"):
                beside.replace(file_identity.sidecars(old_path)[0])
            else:
                beside.unlink(missing_ok=True)


def _copied(source: Path, draft: Path) -> None:
    with closing(_opened(source)) as theirs, closing(sqlite3.connect(draft)) as ours:
        # In one step: a step more would begin anew whenever somebody writes in between.
        theirs.backup(ours)
        # One file, without a log beside it.
        ours.execute(sql_connection.ONE_FILE)
        integrity = [text for (text,) in ours.execute(sql_connection.INTEGRITY)]
        file_identity.rename_copy(ours)
    if integrity != ["ok"]:
        raise UserError(f"The copy of {source} is damaged ({integrity[0]}); it was thrown away.")
    with draft.open("rb") as stream:
        os.fsync(stream.fileno())


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, timeout=30)
