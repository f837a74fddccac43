"""Personal links: who was invited, and what became of the link. No I/O."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

from second_opinion.records.expert import Expert
from second_opinion.records.stamp import new_id, now

LinkAction = Literal["link", "revoke", "restore"]


@dataclass(frozen=True)
class Invitation:
    """An expert who comes in by a personal link, on any device. Never changed.

    ``model`` is the reference that the link opens, and ``plan_id`` the plan whose queue is this
    expert's; None for neither.
    """

    name: str
    email: str = ""
    model: str | None = None
    plan_id: str | None = None
    invited_by: str = ""
    id: str = dataclasses.field(default_factory=new_id)
    created_at: str = dataclasses.field(default_factory=now)

    @property
    def expert(self) -> Expert:
        """Who comes by this link: proven by it, and an expert."""
        return Expert(self.name, self.email, "invite", subject=self.id)


@dataclass(frozen=True)
class LinkMove:
    """What was done with the link of an invitation. Never changed.

    ``link`` makes a new one, by the hash of its secret, and ends the one before; ``revoke`` ends
    it, and ``restore`` takes that back.
    """

    invitation_id: str
    action: LinkAction
    secret_sha256: str | None = None
    moved_by: str = ""
    id: str = dataclasses.field(default_factory=new_id)
    created_at: str = dataclasses.field(default_factory=now)


@dataclass(frozen=True)
class InvitationState:
    """An invitation with what came of it.

    ``cases`` are those that its person has judged, and ``plan_cases`` those of its plan that the
    person has answered; ``opened_at`` is when this person was last here, and ``link_at`` when the
    link was made.
    """

    invitation: Invitation
    is_revoked: bool
    link_at: str
    cases: int = 0
    last_verdict_at: str | None = None
    opened_at: str | None = None
    plan_cases: int = 0
