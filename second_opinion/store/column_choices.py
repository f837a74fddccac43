"""What experts see of the columns that a model does not use, by batch: only added to; and pictures.

Before somebody chose, a batch has what was chosen for it when its file was checked.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace

from second_opinion.errors import UserError
from second_opinion.formatting import quoted
from second_opinion.records import case_picture
from second_opinion.records.case_columns import CaseColumns
from second_opinion.records.case_picture import CasePicture
from second_opinion.records.event import Event
from second_opinion.records.expert import Expert
from second_opinion.records.stamp import new_id, now
from second_opinion.store import batch_maker, event_log, sql_case_columns
from second_opinion.store.database_file import DatabaseFile

KNOWN_FILE = (
    "The cases of this file are put between those of an open plan, to check who answers it, and "
    "have to look like them; expected a file of no open plan. Choose for the file that the plan is "
    "about, and this one follows."
)


class ColumnChoices:
    """The verbs of a store about such columns. Get one as ``store.column_choices``."""

    def __init__(self, file: DatabaseFile) -> None:
        self._file = file

    def latest(self, batch_id: str) -> CaseColumns:
        """What holds for a batch; nothing is shown, and nothing hidden, of one without a choice."""
        with self._file.reading() as connection:
            return _latest(connection, batch_id)

    def choose(self, batch_id: str, case_columns: CaseColumns, *, by: Expert) -> None:
        """Let another choice hold: what it hides is not shown, whatever else it says.

        The known cases of open plans on the batch go on looking like its own. ``by`` is refused
        with a `UserError` where the batch is not theirs, and where its own cases are such.
        """
        with self._file.writing() as connection:
            batch_maker.check(connection, batch_id, by)
            about = {"batch_id": batch_id}
            if connection.execute(sql_case_columns.IS_KNOWN_FILE, about).fetchone():
                raise UserError(KNOWN_FILE)
            before = _latest(connection, batch_id).hidden
            add_choice(connection, batch_id, case_columns.without_hidden(), by.label)
            _note_hidden(connection, batch_id, before, case_columns.hidden, by)
            for row in connection.execute(sql_case_columns.KNOWN_FILES, about).fetchall():
                _check_known_file(row, case_columns.without_hidden())
                choose_as(connection, row["batch_id"], batch_id, by=by)

    def add_pictures(self, batch_id: str, pictures: Iterable[CasePicture], *, by: Expert) -> None:
        """Store pictures of cases; one whose name is there is left as it was judged.

        `UserError`, and none is stored, for what is no picture, and for more than a batch may have.
        """
        with self._file.writing() as connection:
            batch_maker.check(connection, batch_id, by)
            about = {"batch_id": batch_id}
            count, size = connection.execute(sql_case_columns.PICTURE_COUNT, about).fetchone()
            for picture in pictures:
                case_picture.check_picture(picture)
                row = {**about, "created_at": now(), **picture._asdict()}
                if connection.execute(sql_case_columns.ADD_PICTURE, row).rowcount:
                    count, size = count + 1, size + len(picture.content)
                    case_picture.check_all(count, size)

    def pictures(self, batch_id: str, names: Iterable[str]) -> dict[str, CasePicture]:
        """Those of these pictures that are there, by name."""
        about = {"batch_id": batch_id, "names": json.dumps(list(names))}
        with self._file.reading() as connection:
            rows = connection.execute(sql_case_columns.PICTURES, about).fetchall()
        return {row["name"]: CasePicture(**dict(row)) for row in rows}

    def picture_count(self, batch_id: str) -> tuple[int, int]:
        """How many pictures a batch has, and how many bytes they take."""
        with self._file.reading() as connection:
            about = {"batch_id": batch_id}
            row = connection.execute(sql_case_columns.PICTURE_COUNT, about).fetchone()
        return row["pictures"], row["bytes"]


def _check_known_file(row: sqlite3.Row, chosen: CaseColumns) -> None:
    present = json.loads(row["columns"])
    pictures = [chosen.picture] if chosen.picture else []
    lacking = [name for name in (*chosen.shown, *pictures) if name not in present]
    if lacking:
        raise UserError(
            f"{quoted(row['name'])}, whose cases are put between these to check who answers an "
            f"open plan, has no column {quoted(lacking[0])}; expected it, or its cases could be "
            "told apart. Choose columns that both have, or close the plan first."
        )


def _latest(connection: sqlite3.Connection, batch_id: str) -> CaseColumns:
    row = connection.execute(sql_case_columns.LATEST_CHOICE, {"batch_id": batch_id}).fetchone()
    if row is None:
        return CaseColumns()
    names = ("shown", "hidden", "link_hosts")
    lists = {name: tuple(json.loads(row[name])) for name in names}
    return CaseColumns(**lists, picture=row["picture"])


def _note_hidden(
    connection: sqlite3.Connection,
    batch_id: str,
    before: Sequence[str],
    now_hidden: Sequence[str],
    by: Expert,
) -> None:
    """Put on record who hid a column from experts, or showed it to them again."""
    if {*before} != {*now_hidden}:
        again = [name for name in before if name not in now_hidden]
        details = {"batch": batch_id, "hidden": [*now_hidden], "shown_again": again}
        event_log.note(connection, Event("hide columns", by.label, details))


def choose_as(
    connection: sqlite3.Connection, batch_id: str, like: str, *, hidden: str = "", by: Expert
) -> None:
    """Let the cases of a batch be known by the columns of another one, and hide a column more.

    In a transaction that is open.
    """
    own, other = _latest(connection, batch_id), _latest(connection, like)
    choice = replace(
        other,
        hidden=tuple(dict.fromkeys((*own.hidden, *other.hidden, *([hidden] if hidden else [])))),
        link_hosts=tuple(dict.fromkeys((*own.link_hosts, *other.link_hosts))),
    )
    add_choice(connection, batch_id, choice.without_hidden(), by.label)
    _note_hidden(connection, batch_id, own.hidden, choice.hidden, by)


def add_choice(
    connection: sqlite3.Connection, batch_id: str, case_columns: CaseColumns, chosen_by: str
) -> None:
    """Store a choice of columns in a transaction that is open."""
    fields = asdict(case_columns)
    lists = {name: json.dumps(fields[name]) for name in ("shown", "hidden", "link_hosts")}
    about = {"id": new_id(), "batch_id": batch_id, "chosen_by": chosen_by, "created_at": now()}
    row = {**about, **lists, "picture": case_columns.picture}
    connection.execute(sql_case_columns.ADD_CHOICE, row)
