"""Tokens of programs that an owner made: of each, the hash alone is in the database."""

from __future__ import annotations

import secrets
import sqlite3

from second_opinion.access import roles
from second_opinion.access.api_tokens import ApiToken, digest
from second_opinion.errors import UserError
from second_opinion.records.api_token_move import ApiTokenMove
from second_opinion.records.event import Event
from second_opinion.records.expert import Expert, Role, same_person
from second_opinion.store import event_log, record_rows, sql_api_tokens
from second_opinion.store.database_file import DatabaseFile

SECRET_BYTES = 24


class MadeTokens:
    """The verbs of a store that are about tokens. Get one as ``store.made_tokens``."""

    def __init__(self, file: DatabaseFile) -> None:
        self._file = file

    def make(self, name: str, role: Role, *, by: Expert) -> str:
        """Make a token for a program of this name; returns its text, which is kept nowhere.

        `UserError` for all but owners, for a name that will not do or has a token in use.
        """
        roles.check(by, "make tokens of programs")
        name = Expert.declared(name).name
        secret = secrets.token_urlsafe(SECRET_BYTES)
        move = ApiTokenMove(name, role, "make", digest(secret), by.label)
        with self._file.writing() as connection:
            if any(same_person(one.name, name) for one in _in_use(connection)):
                raise UserError(
                    f"{name} has a token already; expected a name without one. Revoke that token "
                    "first, or give this program another name."
                )
            _add(connection, move)
        return secret

    def revoke(self, token_id: str, *, by: Expert) -> None:
        """Let a token open nothing any more; revoking it again changes nothing."""
        roles.check(by, "make tokens of programs")
        with self._file.writing() as connection:
            for made in _in_use(connection):
                if made.token_id == token_id:
                    _add(
                        connection,
                        ApiTokenMove(
                            made.name, made.role, "revoke", moved_by=by.label, token_id=token_id
                        ),
                    )

    def listed(self, *, by: Expert) -> list[ApiTokenMove]:
        """The tokens in use, the oldest first; `UserError` for all but owners."""
        roles.check(by, "make tokens of programs")
        with self._file.reading() as connection:
            return _in_use(connection)

    def in_use(self) -> list[ApiToken]:
        """What a call is compared with."""
        with self._file.reading() as connection:
            made = _in_use(connection)
        return [ApiToken(one.name, one.token_sha256 or "", one.role) for one in made]


def _in_use(connection: sqlite3.Connection) -> list[ApiTokenMove]:
    rows = connection.execute(sql_api_tokens.IN_USE).fetchall()
    return [ApiTokenMove(**dict(row)) for row in rows]


def _add(connection: sqlite3.Connection, move: ApiTokenMove) -> None:
    connection.execute(sql_api_tokens.ADD_MOVE, record_rows.to_row(move))
    details = {"action": move.action, "name": move.name, "role": move.role}
    event_log.note(connection, Event("token", move.moved_by, details))
