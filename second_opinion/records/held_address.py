"""An e-mail address that an account holds, and that an owner frees. No I/O."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from second_opinion.records.stamp import new_id, now


@dataclass(frozen=True)
class HeldAddress:
    """An address with the account that first signed in with it, and the provider of that one."""

    id: str
    email: str
    provider: str
    expert_key: str
    created_at: str


@dataclass(frozen=True)
class AddressRelease:
    """An address was taken from its account: the next one that signs in with it holds it.

    ``sign_in_id`` is the id of the `HeldAddress`.
    """

    sign_in_id: str
    freed_by: str
    id: str = dataclasses.field(default_factory=new_id)
    created_at: str = dataclasses.field(default_factory=now)
