"""Which account an e-mail address signs in under: the first that came with it, for good."""

from __future__ import annotations

from second_opinion.access import roles
from second_opinion.errors import UserError
from second_opinion.records.event import Event
from second_opinion.records.expert import Expert
from second_opinion.records.held_address import AddressRelease, HeldAddress
from second_opinion.records.stamp import new_id, now
from second_opinion.store import event_log, record_rows, sql_audit, sql_sign_ins
from second_opinion.store.database_file import DatabaseFile


class SignIns:
    """The accounts that signed in, by address. Get one as ``store.sign_ins``."""

    def __init__(self, file: DatabaseFile) -> None:
        self._file = file

    def holder(self, provider: str, *, only_its_own: bool, by: Expert) -> str:
        """The key of the account that holds this person's address: the first that came with it.

        Of a provider whose addresses count, ``only_its_own`` accounts are looked at: nobody of
        another one takes an address away from it.
        """
        if holder := self.current_holder(provider, only_its_own=only_its_own, by=by):
            return holder
        about = _about(provider, only_its_own, by)
        new = {"id": new_id(), "expert_key": by.expert_key, "created_at": now()}
        with self._file.writing() as connection:
            # Another one may have come with it since.
            row = connection.execute(sql_sign_ins.FIRST, about).fetchone()
            if row is not None:
                return str(row["expert_key"])
            connection.execute(sql_sign_ins.ADD_SIGN_IN, about | new)
        return by.expert_key

    def current_holder(self, provider: str, *, only_its_own: bool, by: Expert) -> str | None:
        """The same, None where no account holds the address: it only reads, and gives none away."""
        about = _about(provider, only_its_own, by)
        with self._file.reading() as connection:
            row = connection.execute(sql_sign_ins.FIRST, about).fetchone()
        return None if row is None else str(row["expert_key"])

    def held(self, *, by: Expert) -> list[HeldAddress]:
        """The addresses with the accounts that hold them, for owners, by address."""
        roles.check(by, "free an address")
        with self._file.reading() as connection:
            rows = connection.execute(sql_sign_ins.HELD).fetchall()
        return [HeldAddress(**dict(row)) for row in rows]

    def free(self, sign_in_id: str, *, by: Expert) -> None:
        """Let the next account that signs in with this address hold it; again changes nothing."""
        roles.check(by, "free an address")
        with self._file.writing() as connection:
            row = connection.execute(sql_sign_ins.SIGN_IN, {"id": sign_in_id}).fetchone()
            if row is None:
                raise UserError(
                    "This address is not in the feedback database; expected one of the list. Load "
                    "the page again."
                )
            release = AddressRelease(sign_in_id, by.label)
            added = connection.execute(sql_sign_ins.ADD_RELEASE, record_rows.to_row(release))
            if added.rowcount:
                details = {"action": "free", "email": row["email"], "provider": row["provider"]}
                event_log.note(connection, Event("address", by.label, details, id=release.id))

    def refuse(
        self, way: str, reason: str, person: Expert | None = None, provider: str = ""
    ) -> None:
        """Put on record that somebody was refused; ``way`` is oidc or header.

        Of a ``person`` whom the sign-in names, the same reason stands there once until another
        sign-in.
        """
        details = {"by": way} | ({"provider": provider} if person else {}) | {"refused": reason}
        event = Event("sign-in", person.label if person else "somebody", details)
        with self._file.writing() as connection:
            last = connection.execute(sql_audit.LAST_SIGN_IN, {"who": event.who}).fetchone()
            if person is None or last is None or last[0] != reason:
                event_log.note_refusal(connection, event)


def _about(provider: str, only_its_own: bool, person: Expert) -> dict[str, str | int]:
    email = person.email.casefold()
    return {"email": email, "provider": provider, "only": int(only_its_own)}
