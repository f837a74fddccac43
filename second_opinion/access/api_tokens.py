"""The tokens with which programs prove who they are: ``name:token,name:token`` in the settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from hmac import compare_digest
from typing import Final

from second_opinion.errors import UserError
from second_opinion.records.expert import Expert, Role
from second_opinion.settings import Settings

# Who runs the app gave it to a program of theirs, which also fetches what the experts said.
ROLE: Final[Role] = "reviewer"
FORM = "expected name:token,name:token, each name once"


@dataclass(frozen=True)
class ApiToken:
    """What is known of a token: whose it is, what it may do, and the SHA-256 of its text."""

    name: str
    sha256: str = field(repr=False)
    role: Role = ROLE

    @property
    def holder(self) -> Expert:
        """Who calls with it."""
        return Expert(self.name, source="api", role=self.role, subject=self.name)


def of_settings(settings: Settings) -> list[ApiToken]:
    """The tokens of the setting API_TOKENS; `UserError`, without any of them, where it is wrong."""
    tokens: list[ApiToken] = []
    entries = [entry.strip() for entry in settings.api_tokens.split(",")]
    for at, entry in enumerate((entry for entry in entries if entry), 1):
        name, _, token = (part.strip() for part in entry.partition(":"))
        if not name or not token:
            raise _wrong(f"its entry {at} has no name or no token")
        if name.casefold() in {other.name.casefold() for other in tokens}:
            raise _wrong(f"{name} stands there twice")
        try:
            tokens.append(ApiToken(Expert.declared(name).name, digest(token)))
        except UserError as error:
            raise _wrong(f"the name of its entry {at} will not do") from error
    return tokens


def holder(token: str, tokens: list[ApiToken]) -> Expert | None:
    """Who holds this token, or None. Takes the same time for every token."""
    offered, found = digest(token), None
    for each in tokens:
        # Of one length: comparing tokens of two lengths would tell how long the right one is.
        found = each if compare_digest(offered, each.sha256) else found
    return found.holder if found else None


def digest(text: str) -> str:
    """SHA-256 in hexadecimal digits."""
    return sha256(text.encode("utf-8", "replace")).hexdigest()


def _wrong(why: str) -> UserError:
    return UserError(f"The setting API_TOKENS cannot be used: {why}; {FORM}. Correct it there.")
