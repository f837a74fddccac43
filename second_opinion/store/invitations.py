"""Personal links in the feedback database: made, opened, revoked, and never kept in the clear."""

from __future__ import annotations

import secrets
import sqlite3
from dataclasses import replace
from hashlib import sha256

from second_opinion.access import roles
from second_opinion.errors import UserError
from second_opinion.records.event import Event
from second_opinion.records.expert import Expert
from second_opinion.records.invitation import Invitation, InvitationState, LinkAction, LinkMove
from second_opinion.store import event_log, plans, record_rows, sql_invitations, visits
from second_opinion.store.database_file import DatabaseFile

SECRET_BYTES = 16
LONGEST_SECRET = 200

UNKNOWN = (
    "This personal link is not known here. It may be cut off: open the whole of it, or ask the "
    "person who sent it for a new one."
)
REVOKED = (
    "This personal link was taken back and opens nothing any more. Ask the person who sent it if "
    "you still need it."
)
REPLACED = (
    "This personal link was replaced by a newer one. Open the newest that you were sent, or ask "
    "for it again."
)


class LinkError(UserError):
    """A personal link that opens nothing, in words for who holds it."""


class Invitations:
    """The verbs of a store that are about personal links. Get one as ``store.invitations``.

    Making and revoking is for owners: `UserError` for others. One that opens a model or plan that
    is hidden from who asks is as none. A secret is given out once, when its
    link is made; the database has its hash alone.
    """

    def __init__(self, file: DatabaseFile) -> None:
        self._file = file

    def invite(self, invitation: Invitation, *, by: Expert) -> str:
        """Store an invitation; returns the secret of its link.

        One whose id is there already stays as it is, and gets a new link. `UserError` for a name or
        an e-mail address that will not do.
        """
        roles.check(by, "invite experts")
        person = Expert.declared(invitation.name, invitation.email)
        invitation = replace(invitation, name=person.name, email=person.email, invited_by=by.label)
        with self._file.writing() as connection:
            _check_opens(connection, invitation, by)
            connection.execute(sql_invitations.ADD_INVITATION, record_rows.to_row(invitation))
            return self._new_link(connection, invitation, "invite", by)

    def renew(self, invitation_id: str, *, by: Expert) -> str:
        """Make another link, whose secret is returned; the one before opens nothing any more.

        `UserError` while the invitation is revoked.
        """
        roles.check(by, "invite experts")
        with self._file.writing() as connection:
            state = _state(connection, invitation_id, by)
            if state.is_revoked:
                raise UserError(
                    f"The link of {state.invitation.name} is revoked; expected one in use. Undo "
                    "that first."
                )
            return self._new_link(connection, state.invitation, "new link", by)

    def revoke(self, invitation_id: str, *, by: Expert) -> None:
        """Let the link open nothing any more; revoking it again changes nothing."""
        self._move(invitation_id, "revoke", by)

    def restore(self, invitation_id: str, *, by: Expert) -> None:
        """Take a revocation back: the same link opens again."""
        self._move(invitation_id, "restore", by)

    def listed(self, *, by: Expert) -> list[InvitationState]:
        """Every invitation with how far its person is, the newest first."""
        roles.check(by, "invite experts")
        with self._file.reading() as connection:
            rows = connection.execute(sql_invitations.STATES).fetchall()
            judged = connection.execute(
                sql_invitations.CASES, {"hidden": record_rows.listed(by.hidden_models)}
            )
            cases = {row["expert_key"]: row for row in judged}
            answered = dict(map(tuple, connection.execute(sql_invitations.PLAN_CASES)))
            opened = visits.last_by_person(connection)
        return [
            replace(
                _with_progress(_state_of(row), cases, opened),
                plan_cases=answered.get(row["id"], 0),
            )
            for row in rows
            if _may_know(row, by)
        ]

    def holder(self, secret: str) -> Invitation:
        """The invitation whose link has this secret; `LinkError` unless it opens."""
        with self._file.reading() as connection:
            invitation, refusal = _looked_up(connection, secret)
        if refusal or invitation is None:
            raise LinkError(refusal)
        return invitation

    def arrive(self, secret: str) -> Invitation:
        """The same for somebody who opens the link: on record, also where it is refused."""
        with self._file.writing() as connection:
            invitation, refusal = _looked_up(connection, secret)
            if refusal:
                _note_refusal(connection, invitation, refusal)
            elif invitation:
                details = {"role": "expert", "by": "link", "invitation": invitation.id}
                event = Event("sign-in", invitation.expert.label, details)
                event_log.note(connection, event)
        if refusal or invitation is None:
            raise LinkError(refusal)
        return invitation

    def _move(self, invitation_id: str, action: LinkAction, by: Expert) -> None:
        roles.check(by, "invite experts")
        with self._file.writing() as connection:
            state = _state(connection, invitation_id, by)
            if state.is_revoked == (action == "revoke"):
                return
            move = LinkMove(invitation_id, action, moved_by=by.label)
            connection.execute(sql_invitations.ADD_LINK_MOVE, record_rows.to_row(move))
            _note(connection, state.invitation, action, by, move.id)

    @staticmethod
    def _new_link(
        connection: sqlite3.Connection, invitation: Invitation, action: str, by: Expert
    ) -> str:
        secret = secrets.token_urlsafe(SECRET_BYTES)
        move = LinkMove(invitation.id, "link", _hashed(secret), by.label)
        connection.execute(sql_invitations.ADD_LINK_MOVE, record_rows.to_row(move))
        _note(connection, invitation, action, by, move.id)
        return secret


def _note(
    connection: sqlite3.Connection, invitation: Invitation, action: str, by: Expert, event_id: str
) -> None:
    details = {"invitation": invitation.id, "action": action, "name": invitation.name}
    event_log.note(connection, Event("invitation", by.label, details, id=event_id))


def _note_refusal(
    connection: sqlite3.Connection, invitation: Invitation | None, refusal: str
) -> None:
    """Never what was in the address: it may be a right link with a slip."""
    reason = {UNKNOWN: "unknown", REVOKED: "revoked", REPLACED: "replaced"}[refusal]
    who = invitation.expert.label if invitation else "somebody"
    about = {"invitation": invitation.id} if invitation else {}
    event_log.note_refusal(connection, Event("refused link", who, {"reason": reason, **about}))


def _looked_up(connection: sqlite3.Connection, secret: str) -> tuple[Invitation | None, str]:
    """The invitation of a secret, and why its link opens nothing; empty where it does."""
    about = {"secret_sha256": _hashed(secret)}
    row = connection.execute(sql_invitations.STATE_BY_SECRET, about).fetchone()
    if row is None or len(secret) > LONGEST_SECRET:
        return None, UNKNOWN
    state = _state_of(row)
    if state.is_revoked:
        return state.invitation, REVOKED
    return state.invitation, "" if row["secret_sha256"] == about["secret_sha256"] else REPLACED


def _hashed(secret: str) -> str:
    # 128 bits of chance: there is no dictionary to try, and so no need of a slow hash.
    return sha256(secret.encode("utf-8", "replace")).hexdigest()


def _check_opens(connection: sqlite3.Connection, invitation: Invitation, by: Expert) -> None:
    """Raise `UserError` where the link would open what is hidden from who makes it."""
    if invitation.model:
        roles.check_model(by, _name(invitation.model))
    if invitation.plan_id:
        roles.check_model(by, plans.plan_with(connection, invitation.plan_id).model)


def _may_know(row: sqlite3.Row, by: Expert) -> bool:
    return all(roles.may_use(by, _name(ref)) for ref in (row["model"], row["plan_model"]) if ref)


def _name(ref: str) -> str:
    """The model of a reference, without its version or alias."""
    return ref.partition("/")[0].partition("@")[0]


def _state(connection: sqlite3.Connection, invitation_id: str, by: Expert) -> InvitationState:
    row = connection.execute(sql_invitations.STATE, {"id": invitation_id}).fetchone()
    if row is None or not _may_know(row, by):
        raise UserError(
            "This invitation is not in the feedback database; expected one of the list. Load the "
            "page again."
        )
    return _state_of(row)


def _state_of(row: sqlite3.Row) -> InvitationState:
    columns = dict(row)
    is_revoked, link_at = columns.pop("last_action") == "revoke", columns.pop("link_at")
    for name in ("secret_sha256", "plan_model"):
        columns.pop(name)
    return InvitationState(Invitation(**columns), is_revoked, link_at)


def _with_progress(
    state: InvitationState, cases: dict[str, sqlite3.Row], opened: dict[str, str]
) -> InvitationState:
    person = state.invitation.expert.expert_key
    state = replace(state, opened_at=opened.get(person))
    if person not in cases:
        return state
    row = cases[person]
    return replace(state, cases=row["cases"], last_verdict_at=row["last_verdict_at"])
