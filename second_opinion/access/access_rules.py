"""Who gets which role by a sign-in, and who may use which model: ``[roles]`` and ``[access]``.

A name in them is an e-mail address, or a value of the groups claim. It counts only where the
provider that ``[roles]`` names says so, and an address only where that provider has verified it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, get_args

from second_opinion import settings
from second_opinion.access.trusted_header import TrustedHeader
from second_opinion.errors import UserError
from second_opinion.records.expert import Role

# The name of the one provider whose settings stand in [auth] itself.
DEFAULT: Final = "default"
OF_A_PROVIDER: Final = ("client_id", "client_secret", "server_metadata_url")
OF_ALL: Final = ("redirect_uri", "cookie_secret")
# What stands in [roles] beside names.
PROVIDER: Final = "provider"
GROUPS_CLAIM: Final = "groups_claim"


@dataclass(frozen=True)
class AccessRules:
    """What the secrets say of signing in. Names are folded, as `folded_name` does it.

    ``providers`` are those of ``[auth]``, or the ``header`` of a proxy alone; ``trusted`` is the
    one whose addresses and groups count; ``roles`` has a role by name, ``models`` the names that
    may use a model, where not all may. Nobody comes in by rules that are broken.
    """

    providers: tuple[str, ...] = ()
    header: TrustedHeader | None = None
    trusted: str = ""
    groups_claim: str = "groups"
    roles: Mapping[str, Role] = field(default_factory=dict)
    models: Mapping[str, frozenset[str]] = field(default_factory=dict)
    is_broken: bool = False

    @classmethod
    def read(cls, path: Path | None = None) -> AccessRules:
        """The rules of a secrets file, none without one; `UserError` where one cannot be meant."""
        path = path or settings.SECRETS
        return cls.of(settings.sections_of(path), path)

    @classmethod
    def of(cls, sections: Mapping[str, Any], path: Path) -> AccessRules:
        """The same where every section of the secrets file was read already."""
        section = {name: _section(path, sections, name) for name in ("auth", "roles", "access")}
        providers = _providers(section["auth"])
        header = TrustedHeader.of_settings(settings.Settings.of(sections, path))
        if header:
            providers = _only(path, header, providers)
        named = section["roles"]
        return cls(
            providers=providers,
            header=header,
            trusted=_trusted(path, providers, named),
            groups_claim=str(named.get(GROUPS_CLAIM, "groups")),
            roles={
                folded_name(name): _role(path, name, role)
                for name, role in named.items()
                if name not in (PROVIDER, GROUPS_CLAIM)
            },
            models={name: _names(path, name, who) for name, who in section["access"].items()},
        )

    @property
    def has_login(self) -> bool:
        """Whether people sign in, and nobody comes in otherwise."""
        return bool(self.providers)

    def role(self, names: frozenset[str]) -> Role:
        """The highest role of somebody who goes by these names: an expert's without any."""
        order = get_args(Role)
        given = [self.roles[name] for name in names if name in self.roles]
        return max(given, key=order.index, default="expert")

    def hidden_from(self, names: frozenset[str]) -> frozenset[str]:
        """The models that somebody who goes by these names may not use."""
        return frozenset(model for model, who in self.models.items() if not names & who)


def folded_name(name: str) -> str:
    """An address or group as it is compared."""
    return name.strip().casefold()


def missing(path: Path) -> list[str]:
    """What ``[auth]`` lacks for a sign-in to work, each as its place."""
    auth = _section(path, settings.sections_of(path), "auth")
    if not auth:
        return []
    lacking = [f"[auth] {name}" for name in OF_ALL if not auth.get(name)]
    for provider in _providers(auth):
        section = auth if provider == DEFAULT else auth[provider]
        where = "[auth]" if provider == DEFAULT else f"[auth.{provider}]"
        lacking += [f"{where} {name}" for name in OF_A_PROVIDER if not section.get(name)]
    return lacking


def _section(path: Path, sections: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = sections.get(name, {})
    if not isinstance(section, dict):
        raise UserError(
            f"{path}: {name} is {section!r}; expected a section [{name}] with lines below it. "
            "Correct that place."
        )
    return section


def _providers(auth: Mapping[str, Any]) -> tuple[str, ...]:
    named = [name for name, value in auth.items() if isinstance(value, dict)]
    is_alone = "client_id" in auth or (bool(auth) and not named)
    return (*((DEFAULT,) if is_alone else ()), *named)


def _only(path: Path, header: TrustedHeader, providers: tuple[str, ...]) -> tuple[str, ...]:
    if providers:
        raise UserError(
            f"{path}: [auth] is there, and TRUSTED_HEADER is {header.name}; expected one of the "
            "two: people sign in here, or at the proxy. Take the other one out."
        )
    return (header.name,)


def _trusted(path: Path, providers: tuple[str, ...], named: Mapping[str, Any]) -> str:
    provider = str(named.get(PROVIDER, ""))
    if provider and providers and provider not in providers:
        raise UserError(
            f"{path}: [roles] provider is {provider!r}; expected one of {', '.join(providers)}, "
            "as in [auth] or TRUSTED_HEADER. Correct that line."
        )
    if not provider and named and len(providers) > 1:
        raise UserError(
            f"{path}: [auth] has the providers {', '.join(providers)}, and [roles] does not say "
            "whose e-mail addresses count. Add a line such as "
            f'provider = "{providers[0]}" to [roles].'
        )
    return provider or next(iter(providers), "")


def _role(path: Path, name: str, role: Any) -> Role:
    if role not in get_args(Role):
        raise UserError(
            f"{path}: [roles] gives {name!r} the role {role!r}; expected "
            f"{', '.join(get_args(Role))}. Correct that line."
        )
    found: Role = role
    return found


def _names(path: Path, model: str, who: Any) -> frozenset[str]:
    if not isinstance(who, list) or not all(isinstance(one, str) for one in who):
        raise UserError(
            f"{path}: [access] {model} is {who!r}; expected a list of e-mail addresses or groups "
            'in quotes, like ["ada@example.org"]. Correct that line.'
        )
    return frozenset(map(folded_name, who))
