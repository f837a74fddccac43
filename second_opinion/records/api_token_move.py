"""What was done with the token of a program: made or revoked. No I/O."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

from second_opinion.records.expert import Role
from second_opinion.records.stamp import new_id, now


@dataclass(frozen=True)
class ApiTokenMove:
    """A token was made, with the hash of its text, or revoked, with none. Never changed.

    ``token_id`` is the same in both; ``role`` is what its holder may do.
    """

    name: str
    role: Role
    action: Literal["make", "revoke"]
    token_sha256: str | None = None
    moved_by: str = ""
    token_id: str = dataclasses.field(default_factory=new_id)
    id: str = dataclasses.field(default_factory=new_id)
    created_at: str = dataclasses.field(default_factory=now)
