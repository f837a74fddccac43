"""Who signed in, by what the provider says of them: issuer and subject, never the address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from second_opinion.access.access_rules import AccessRules, folded_name
from second_opinion.errors import UserError
from second_opinion.records.expert import NAME_LIMIT, Expert


@dataclass(frozen=True)
class SignedIn:
    """What a provider said of one person; ``email`` is empty unless it has verified it.

    ``ends`` is when the token ends, in seconds since 1970, None where it does not say.
    """

    provider: str
    issuer: str
    subject: str
    name: str
    email: str
    groups: tuple[str, ...]
    ends: float | None

    @classmethod
    def of(cls, claims: Mapping[str, Any], rules: AccessRules) -> SignedIn:
        """From the claims of a token; `UserError` where they do not say who it is."""
        issuer, subject = (str(claims.get(name) or "") for name in ("iss", "sub"))
        if not issuer or not subject:
            raise UserError(
                "The sign-in does not say who you are: the token has no issuer or no subject. "
                "Expected both. Ask the person who runs this app to look at the provider."
            )
        groups = claims.get(rules.groups_claim) or ()
        ends = claims.get("exp")
        return cls(
            provider=str(claims.get("provider") or ""),
            issuer=issuer,
            subject=subject,
            name=_plain(claims.get("name") or claims.get("preferred_username") or ""),
            email=_verified(claims),
            groups=tuple(map(str, [groups] if isinstance(groups, str) else groups)),
            ends=float(ends) if isinstance(ends, (int, float)) else None,
        )

    def is_trusted(self, rules: AccessRules) -> bool:
        """Whether it is the provider whose addresses and groups count."""
        return self.provider == rules.trusted

    def names(self, rules: AccessRules) -> frozenset[str]:
        """What this person goes by in the rules."""
        if not self.is_trusted(rules):
            return frozenset()
        return frozenset(folded_name(name) for name in (self.email, *self.groups) if name)

    def expert(self, rules: AccessRules) -> Expert:
        """The person, with the role and the models that the rules give."""
        names = self.names(rules)
        return Expert(
            name=self.name or self.email.partition("@")[0] or "Somebody without a name",
            email=self.email,
            source="oidc",
            role=rules.role(names),
            subject=f"{self.issuer}|{self.subject}",
            groups=self.groups,
            hidden_models=rules.hidden_from(names),
        )


def _verified(claims: Mapping[str, Any]) -> str:
    # Some providers write the truth as a text.
    is_verified = claims.get("email_verified") in (True, "true")
    email = str(claims.get("email") or "").strip()
    plain = email.isprintable() and "@" in email and not set(email) & set("<> ")
    return email if is_verified and plain and len(email) <= 254 else ""


def _plain(name: Any) -> str:
    """A name as a label may hold it."""
    text = " ".join("".join(c for c in str(name) if c.isprintable() and c not in "<>").split())
    return text[:NAME_LIMIT]
