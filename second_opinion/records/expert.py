"""Who gives verdicts, and when two names mean one person."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from second_opinion.errors import UserError

Role = Literal["expert", "reviewer", "owner"]
IdentitySource = Literal["oidc", "invite", "code", "declared", "api"]
NAME_LIMIT = 80


@dataclass(frozen=True)
class Expert:
    """Who is here, how we know, and what this person may do.

    A declared name is whatever was typed; ``source`` says so on every verdict.
    """

    name: str
    email: str = ""
    source: IdentitySource = "declared"
    role: Role = "expert"
    # The secret of the browser: what was made there is known by it, since a name proves nothing.
    key: str = field(default="", repr=False, compare=False)

    @classmethod
    def declared(cls, name: str, email: str = "") -> Expert:
        """An expert by a typed name, blanks tidied; `UserError` when the name will not do."""
        name, email = " ".join(name.split()), email.strip()
        if not name:
            raise UserError("The name is empty. Type the name that your verdicts should carry.")
        if len(name) > NAME_LIMIT or not name.isprintable() or set(name) & set("<>"):
            raise UserError(
                f"The name is not usable; expected up to {NAME_LIMIT} letters without < and >. "
                "Type a shorter, plainer one."
            )
        if email and not _looks_like_email(email):
            raise UserError(
                "The e-mail address is not complete; expected something like ada@example.org. "
                "Correct it, or leave it empty."
            )
        return cls(name, email)

    @property
    def label(self) -> str:
        """The text that is stored with predictions and verdicts: ``Ada`` or ``Ada <a@b.org>``."""
        return f"{self.name} <{self.email}>" if self.email else self.name


def _looks_like_email(text: str) -> bool:
    before, at, after = text.partition("@")
    plain = text.isprintable() and not set(text) & set("<> \t")
    complete = before and at and "." in after and "@" not in after
    return bool(complete and plain and len(text) <= 254)


def same_person(left: str, right: str) -> bool:
    """Whether two stored labels name one expert: blanks and case do not count."""
    return folded(left) == folded(right)


def folded(label: str) -> str:
    """The part of a label that tells people apart: its blanks tidied, its case dropped."""
    return " ".join(label.split()).casefold()
