"""Who the proxy in front names in a header: believed from that proxy's own address alone.

Anybody can send a header. So it counts only where the peer of the connection is known to be the
proxy; absence of proof is no proof.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Final

from second_opinion.access.local_browser import OF_A_BROWSER
from second_opinion.errors import UserError
from second_opinion.settings import Settings

LONGEST: Final = 254
WAY_IN: Final = "Open this app by the address of its proxy, which signs you in."


@dataclass(frozen=True)
class TrustedHeader:
    """The header of the setting TRUSTED_HEADER, and the networks of TRUSTED_PROXY."""

    name: str
    proxies: tuple[IPv4Network | IPv6Network, ...]

    @classmethod
    def of_settings(cls, settings: Settings) -> TrustedHeader | None:
        """None where neither is set; `UserError` where one is missing or cannot be meant."""
        name, proxies = settings.trusted_header.strip(), settings.trusted_proxy.strip()
        if not name and not proxies:
            return None
        if not name or not proxies:
            lacking = "TRUSTED_PROXY" if name else "TRUSTED_HEADER"
            raise UserError(
                f"The setting {lacking} is missing; expected TRUSTED_HEADER and TRUSTED_PROXY "
                "together: a header is believed from its proxy alone. Set both, or neither."
            )
        if not re.fullmatch("[A-Za-z0-9-]+", name) or OF_A_BROWSER.fullmatch(name.lower()):
            raise UserError(
                f"The setting TRUSTED_HEADER is {name!r}; expected the name of a header that the "
                "proxy alone sets, like X-Forwarded-Email. Correct it."
            )
        return cls(name, tuple(map(_network, filter(None, re.split(r"[,\s]+", proxies)))))

    def claims(self, peer: str | None, headers: Iterable[tuple[str, str]]) -> dict[str, Any]:
        """What the header says of the person, as claims of a token; `UserError` where it does not.

        ``peer`` is the address of the connection, None where it is not known; ``headers`` are all
        of the request, each as often as it was sent.
        """
        values: dict[str, list[str]] = {}
        for name, value in headers:
            values.setdefault(name.lower(), []).append(value)
        user = self._user(values.get(self.name.lower(), []))
        self._check_peer(peer, values.get("x-forwarded-for", []))
        return self._claims_of(user)

    def _user(self, sent: list[str]) -> str:
        """The one person that the header names."""
        user = sent[0].strip() if sent else ""
        if not user:
            what = "is empty" if sent else "is missing"
            raise UserError(f"The header {self.name} {what}; expected who you are. {WAY_IN}")
        if len(sent) > 1 or "," in user:
            raise UserError(
                f"The header {self.name} names more than one person; expected one, once. Ask the "
                "person who runs this app to have the proxy replace what a browser sends."
            )
        if len(user) > LONGEST or not user.isprintable() or set(user) & set("<>"):
            raise UserError(
                f"The header {self.name} is not usable; expected an e-mail address or a name of up "
                f"to {LONGEST} letters without < and >. Ask the person who runs this app."
            )
        return user

    def _check_peer(self, peer: str | None, forwarded: list[str]) -> None:
        """`UserError` unless the peer is the proxy.

        The server may take the peer's address out of X-Forwarded-For, which anybody can write: an
        address that stands there as well proves nothing.
        """
        address = _address(peer)
        if address is None or address in {_address(entry) for entry in _entries(forwarded)}:
            raise UserError(
                f"Who sent the header {self.name} is not known, since the address of the peer is "
                "not, or also stands in X-Forwarded-For. Ask the person who runs this app to start "
                "it with FORWARDED_ALLOW_IPS=none."
            )
        if not any(address in network for network in self.proxies):
            raise UserError(
                f"The header {self.name} did not come from the proxy of this app, so it is not "
                f"believed. {WAY_IN}"
            )

    def _claims_of(self, user: str) -> dict[str, Any]:
        # Google's proxy writes accounts.google.com:ada@example.org.
        address = user.rpartition(":")[2] if "@" in user else ""
        return {
            "provider": self.name,
            "iss": self.name.lower(),
            "sub": user.casefold(),
            "name": "" if address else user,
            "email": address,
            "email_verified": bool(address),
        }


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        network = ip_network(text)
    except ValueError:
        network = None
    if network is None or not network.prefixlen:
        raise UserError(
            f"The setting TRUSTED_PROXY has {text!r}; expected the address of the proxy, or its "
            "network, like 10.0.0.5 or 10.0.0.0/24; several with commas between. Correct it."
        )
    return network


def _address(text: str | None) -> Any:
    """An address to compare, one of IPv4 always as such; None for what is none."""
    try:
        address = ip_address((text or "").strip())
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _entries(forwarded: list[str]) -> Iterable[str]:
    """The addresses in X-Forwarded-For, with and without their ports."""
    for entry in ",".join(forwarded).split(","):
        bare = entry.strip()
        yield bare
        yield bare.partition("]")[0].removeprefix("[")
        yield bare.rpartition(":")[0]
