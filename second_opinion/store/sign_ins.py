"""Which account an e-mail address signs in under: the first that came with it, for good."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from second_opinion.records.event import Event
from second_opinion.records.expert import Expert
from second_opinion.records.stamp import new_id, now
from second_opinion.store import event_log, sql_sign_ins
from second_opinion.store.database_file import DatabaseFile

# Anybody can be refused as often as they like: beyond so many in so long a time it is not noted.
MOST_REFUSALS, REFUSAL_WINDOW = 20, timedelta(minutes=10)


class SignIns:
    """The accounts that signed in, by address. Get one as ``store.sign_ins``."""

    def __init__(self, file: DatabaseFile) -> None:
        self._file = file

    def holder(self, provider: str, *, only_its_own: bool, by: Expert) -> str:
        """The key of the account that holds this person's address: the first that came with it.

        Of a provider whose addresses count, ``only_its_own`` accounts are looked at: nobody of
        another one takes an address away from it.
        """
        about = {"email": by.email.casefold(), "provider": provider, "only": int(only_its_own)}
        with self._file.writing() as connection:
            row = connection.execute(sql_sign_ins.FIRST, about).fetchone()
            if row is not None:
                return str(row["expert_key"])
            new = {"id": new_id(), "expert_key": by.expert_key, "created_at": now()}
            connection.execute(sql_sign_ins.ADD_SIGN_IN, about | new)
        return by.expert_key

    def refuse(self, way: str, reason: str) -> None:
        """Put on record that somebody whom nothing names was refused; ``way`` is oidc or header."""
        since = (datetime.now(UTC) - REFUSAL_WINDOW).isoformat(timespec="milliseconds")
        about = {"since": since.replace("+00:00", "Z")}
        with self._file.writing() as connection:
            (recent,) = connection.execute(sql_sign_ins.REFUSALS_SINCE, about).fetchone()
            if recent < MOST_REFUSALS:
                details = {"by": way, "refused": reason}
                event_log.note(connection, Event("sign-in", "somebody", details))
