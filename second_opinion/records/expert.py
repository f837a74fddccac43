"""Who gives verdicts, how we know, and when two of them are one person."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from second_opinion.errors import UserError

Role = Literal["expert", "reviewer", "owner"]
IdentitySource = Literal["oidc", "invite", "code", "declared", "api"]
NAME_LIMIT = 80
# Those who did not only type a name: something vouches for who they are.
PROVEN: Final[frozenset[IdentitySource]] = frozenset({"oidc", "invite", "api"})
DECLARED: Final = "declared:"


@dataclass(frozen=True)
class Expert:
    """Who is here, how we know, and what this person may do.

    A declared name is whatever was typed; ``source`` says so on every verdict. Of a proven person
    ``subject`` is what vouches: ``<iss>|<sub>`` of a sign-in, the id of an invitation, the name of
    an API token. ``groups`` are those that the sign-in names; of ``hidden_models``
    this person finds no trace.
    """

    name: str
    email: str = ""
    source: IdentitySource = "declared"
    role: Role = "expert"
    subject: str = ""
    groups: tuple[str, ...] = ()
    hidden_models: frozenset[str] = frozenset()
    # The secret of the browser: what was made there is known by it, since a name proves nothing.
    browser_secret: str = field(default="", repr=False, compare=False)

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

    @property
    def is_proven(self) -> bool:
        """Whether something vouches for who this is, beyond a typed name."""
        return self.source in PROVEN and bool(self.subject)

    @property
    def expert_key(self) -> str:
        """Who this is among all people: ``oidc:<iss>|<sub>``, ``declared:<folded label>``, …

        A typed name that reads like another's is another person than the one who signed in.
        """
        return f"{self.source}:{self.subject}" if self.is_proven else declared_key(self.label)


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


def declared_key(label: str) -> str:
    """The key of whoever has no more than this label: blanks and case do not count."""
    return DECLARED + folded(label)


def key_of(label: str, expert_key: str | None) -> str:
    """The key of who stands in a stored row: an old one has a label alone."""
    return expert_key or declared_key(label)


def key_of_person(person: Expert | str) -> str:
    """The key of a person, or of whoever declared this name."""
    return declared_key(person) if isinstance(person, str) else person.expert_key


def is_proven_key(expert_key: str | None) -> bool:
    """Whether a stored key is of somebody who did not only type a name."""
    return str(expert_key or "").partition(":")[0] in PROVEN
