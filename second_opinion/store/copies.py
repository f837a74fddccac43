"""Copies of the feedback database: taken while it is in use, checked, and put back."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from second_opinion import roles
from second_opinion.errors import UserError
from second_opinion.records.event import Event
from second_opinion.records.expert import Expert
from second_opinion.store import Store, sql_connection
from second_opinion.store.database_file import DatabaseFile, explained
from second_opinion.store.migrations import migrations


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
    store.review.log(Event("backup", by.label, {"to": to.name}))
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
    Store.open(to).review.log(Event("restore", by.label, restored))
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
    known_steps = {step.name for step in migrations._migrations}
    try:
        with closing(_opened(path)) as connection:
            steps = {name for (name,) in connection.execute(sql_connection.STEPS_TAKEN)}
            integrity = [text for (text,) in connection.execute(sql_connection.INTEGRITY)]
    except sqlite3.DatabaseError as error:
        raise UserError(
            f"{path} is not a feedback database ({error}); expected a copy made by backup. Choose "
            "another file."
        ) from error
    if not steps:
        raise UserError(f"{path} is a database of another program. Choose another file.")
    if steps - known_steps:
        raise UserError(
            f"{path} was written by a newer version of Second Opinion; this one does not know "
            f"{', '.join(sorted(steps - known_steps))}. Update this program first."
        )
    if integrity != ["ok"]:
        raise UserError(f"{path} is damaged ({integrity[0]}). Choose an earlier copy.")


def replace_database(copy: Path, to: Path, *, force: bool) -> Path | None:
    """Put a checked copy in the place of a database; returns where that is kept, if it was there.

    `UserError` where it has something newer than the copy, unless ``force``.
    """
    draft = to.with_name(f".{to.name}.{uuid4().hex}.part")
    ready = to.with_name(f".{to.name}.{uuid4().hex}.ready")
    copy_database(copy, draft, ready)
    try:
        with closing(DatabaseFile(ready)) as restored:
            restored.open()
            latest = _latest(restored)
        old_path = None
        if to.exists():
            _refuse_newer(to, latest, force)
            old_path = _free_name(to)
            # A second name first: at no moment is there no database.
            os.link(to, old_path)
        ready.replace(to)
    finally:
        ready.unlink(missing_ok=True)
    return old_path


def _refuse_newer(path: Path, latest: str, force: bool) -> None:
    """Compare what is there with the copy; bring all of it into its one file."""
    with closing(DatabaseFile(path)) as present:
        try:
            present.open()
            newest = _latest(present)
        except UserError:
            # What cannot be read is what a copy is put back for; it is kept as it is.
            return
    if newest > latest and not force:
        raise UserError(
            f"{path} has something from {newest}, and the copy ends at {latest or 'nothing'}. "
            "Nothing was changed. Say --force to put the copy in its place all the same; what is "
            "there now is kept beside it."
        )


def _latest(file: DatabaseFile) -> str:
    with file.reading() as connection:
        (latest,) = connection.execute(sql_connection.LATEST).fetchone()
    return str(latest)


def _free_name(path: Path) -> Path:
    names = (f"{path.name}.before-restore{f'-{n}' if n > 1 else ''}" for n in count(1))
    return next(path.with_name(name) for name in names if not path.with_name(name).exists())


def _copied(source: Path, draft: Path) -> None:
    with closing(_opened(source)) as theirs, closing(sqlite3.connect(draft)) as ours:
        # In one step: a step more would begin anew whenever somebody writes in between.
        theirs.backup(ours)
        # One file, without a log beside it.
        ours.execute(sql_connection.ONE_FILE)
        integrity = [text for (text,) in ours.execute(sql_connection.INTEGRITY)]
    if integrity != ["ok"]:
        raise UserError(f"The copy of {source} is damaged ({integrity[0]}); it was thrown away.")
    with draft.open("rb") as stream:
        os.fsync(stream.fileno())


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, timeout=30)
