"""What each role may do, and the shared codes that give a role where there is no login.

The same rules hold in a page and in the call behind it: a hidden menu entry protects nothing.
"""

from __future__ import annotations

from hashlib import sha256
from hmac import compare_digest
from typing import Final, Protocol, get_args

from second_opinion.errors import UserError
from second_opinion.formatting import plural
from second_opinion.records.expert import Expert, Role, is_proven_key
from second_opinion.records.stamp import is_signed
from second_opinion.settings import Settings

SHORTEST_CODE: Final = 12
ROLES: Final[tuple[Role, ...]] = get_args(Role)

# The least role that may do it, in the words of a refusal.
MAY: Final[dict[str, Role]] = {
    "predict and give verdicts": "expert",
    "see every verdict": "reviewer",
    "export": "reviewer",
    "see columns that are hidden from experts": "reviewer",
    "change what others gave": "reviewer",
    "triage a verdict": "reviewer",
    "decide a case": "reviewer",
    "take a copy of the database": "reviewer",
    "draft a plan": "reviewer",
    "freeze or close a plan": "owner",
    "invite experts": "owner",
    "make tokens of programs": "owner",
    "move an alias": "owner",
    "add a model": "owner",
    "edit a card": "owner",
    "restore a copy": "owner",
    "read the log of events": "owner",
    "see who is here": "owner",
    "free an address": "owner",
    "set how long things are kept": "owner",
}
# Who runs the program on its own files may do what the owner may.
PROGRAM: Final = Expert("the program", role="owner")
_A = {"expert": "an expert", "reviewer": "a reviewer or the owner", "owner": "the owner"}


def may(person: Expert | None, what: str) -> bool:
    """Whether this person may do this; `KeyError` for something that no rule names."""
    return person is not None and rank(person.role) >= rank(MAY[what])


def check(person: Expert, what: str) -> None:
    """Raise `UserError` unless this person may do this."""
    if not may(person, what):
        raise UserError(
            f"{person.label} may not {what}; expected {_A[MAY[what]]}. Ask the person who runs "
            "this app."
        )


def may_use(person: Expert, model: str) -> bool:
    """Whether this person may know of a model at all."""
    return model not in person.hidden_models


def check_model(person: Expert, model: str) -> None:
    """Raise `UserError`, as for a model that is not there, unless this person may use it."""
    if not may_use(person, model):
        raise UserError(f"There is no model {model!r}. Choose another one.")


class Owned(Protocol):
    """A verdict or batch: its id, and who made it among all people."""

    @property
    def id(self) -> str: ...
    @property
    def expert_key(self) -> str | None: ...


def owns(person: Expert | None, record: Owned) -> bool:
    """Whether a verdict or batch is this person's to change, or anybody's for a reviewer.

    Of a proven person it is by the key; of a declared name by the browser it was made in: the name
    on it proves nothing, anybody can type it.
    """
    if may(person, "change what others gave"):
        return True
    if person is None:
        return False
    if person.is_proven or is_proven_key(record.expert_key):
        return record.expert_key == person.expert_key
    return is_signed(record.id, person.browser_secret)


def check_own(person: Expert, record: Owned, what: str) -> None:
    """Raise `UserError` unless the record is this person's to change; ``what`` is it, in words."""
    if not owns(person, record):
        raise UserError(
            f"{what} was made in another browser or by somebody else, and a link or a name does "
            "not prove that it is yours. Expected that browser, under the name or sign-in of then, "
            "or a reviewer."
        )


def rank(role: Role) -> int:
    """How much a role may do: 0 for an expert, 2 for the owner."""
    return ROLES.index(role)


def higher(one: Role | None, other: Role | None) -> Role | None:
    """The role of the two that may do more; None is somebody who may do nothing."""
    if one is None or other is None:
        return one or other
    return max(one, other, key=rank)


def code_for(role: Role, settings: Settings) -> str:
    """The shared code that gives this role; empty where none is set."""
    codes = {
        "expert": settings.expert_code,
        "reviewer": settings.reviewer_code,
        "owner": settings.owner_code,
    }
    return codes[role]


def given_by(code: str, settings: Settings) -> Role | None:
    """The highest role that the entered code gives, or None. Takes the same time for every code."""
    highest = None
    for role in ROLES:
        expected = code_for(role, settings).strip()
        right = compare_digest(_digest(code.strip()), _digest(expected))
        highest = role if right and expected else highest
    return highest


def _digest(code: str) -> bytes:
    # Of one length: comparing codes of two lengths would tell how long the right one is.
    return sha256(code.encode("utf-8", "replace")).digest()


def without_code(*, local: bool, settings: Settings) -> Role | None:
    """The role of a browser in which no code was entered; None for one that may not come in.

    A browser on this machine is its owner's until a setting says that others reach this app.
    """
    if local and not settings.is_shared:
        return "owner"
    return None if settings.expert_code else "expert"


def weak_codes(settings: Settings) -> list[str]:
    """What is wrong with the codes that are set, a sentence each: short ones, and one for two."""
    codes = {role: code_for(role, settings).strip() for role in ROLES}
    names = {role: f"{role.upper()}_CODE" for role in ROLES}
    faults = [
        f"{names[role]} has {plural(len(code), 'letter')}; expected at least {SHORTEST_CODE}. Set "
        "a longer one and start the app again."
        for role, code in codes.items()
        if code and len(code) < SHORTEST_CODE
    ]
    pairs = [(one, other) for at, one in enumerate(ROLES) for other in ROLES[at + 1 :]]
    return faults + [
        f"{names[one]} and {names[other]} are the same, so whoever has it is {_A[other]}; expected "
        "different ones. Set another one and start the app again."
        for one, other in pairs
        if codes[one] and codes[one] == codes[other]
    ]


def closed_reason(
    needed: Role, role: Role | None, settings: Settings, *, has_login: bool = False
) -> str:
    """Why a page for ``needed`` is closed to this role, and what opens it; empty where it is open.

    The setting is named where no code is set that could open it.
    """
    if role is not None and rank(role) >= rank(needed):
        return ""
    if has_login:
        return (
            f"This is for {_A[needed]}. Ask the person who runs this app to name your e-mail "
            "address or group under [roles] in its secrets, then sign in again."
        )
    enough = [one for one in ROLES[rank(needed) :] if code_for(one, settings)]
    if enough:
        return (
            f"This is for {_A[needed]}. Enter your code, below your name in the menu, to open it."
        )
    setting = "OWNER_CODE" if needed == "owner" else "REVIEWER_CODE"
    if settings.is_shared:
        where, way = "", "To open it"
    else:
        where = ", in a browser on the machine that runs this app (http://localhost)"
        way = "To open it elsewhere"
    return (
        f"This is for {_A[needed]}{where}. {way}, set {setting} to a code and start the app again."
    )
