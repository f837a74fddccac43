"""Copies of the feedback database: taken while it is in use, checked, and put back."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from second_opinion import roles
from second_opinion.errors import UserError
from second_opinion.records.event import Event
from second_opinion.records.expert import Expert
from second_opinion.store import Store
from second_opinion.store.copying import check_copy, copy_database, replace_database


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
    kept = replace_database(copy, to, force=force)
    restored = {"from": copy.name, "kept": kept.name if kept else None}
    Store.open(to).review.log(Event("restore", by.label, restored))
    return kept
