"""Whether a browser runs on the machine of the app, as far as its request proves it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address
from typing import Final
from urllib.parse import urlsplit

OWN_NAMES: Final = {"localhost", "127.0.0.1", "::1"}

# What a browser sends when it opens the page's connection. Proxies have no common word for "I
# forwarded this", so any other header counts as one.
OF_A_BROWSER = re.compile(
    r"host|origin|connection|upgrade|user-agent|cookie|pragma|cache-control|dnt|priority|te"
    r"|save-data|accept|accept-[a-z]+|sec-[a-z-]+"
)

WHEN_TO_CLOSE = (
    "Set a code (OWNER_CODE, REVIEWER_CODE, EXPERT_CODE) or PUBLIC=1 as soon as a proxy, tunnel or "
    "relay brings other people to this app: with none of them set, a browser on this machine "
    "(http://localhost) is its owner's, and a relay can pass for one."
)

NGINX = """\
location / {
    proxy_pass http://127.0.0.1:8501;
    proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection "upgrade";
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_read_timeout 86400;
}
location /_stcore/upload_file/ {
    proxy_pass http://127.0.0.1:8501;
    proxy_http_version 1.1;
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
    client_max_body_size 51m;
    proxy_request_buffering off;
}
"""


def is_local(address: str | None, headers: Iterable[tuple[str, str]]) -> bool:
    """Whether a request comes from a browser on this machine that was sent to this machine.

    ``address`` is the peer's, None for this machine's own; ``headers`` are all of the request. A
    page of a stranger whose name leads to this machine is told by Host and Origin.
    """
    values: dict[str, list[str]] = {}
    for name, value in headers:
        values.setdefault(name.lower(), []).append(value)
    return (
        is_loopback(address)
        and all(OF_A_BROWSER.fullmatch(name) for name in values)
        and [is_own_name(f"//{host}") for host in values.get("host", ())] == [True]
        and [is_own_name(origin) for origin in values.get("origin", ())] == [True]
    )


def is_loopback(address: str | None) -> bool:
    """Whether a peer's address is this machine's own; None, which has no address, is."""
    if address is None:
        return True
    try:
        peer = ip_address(address)
    except ValueError:
        return False
    # On a socket for both families, an address of IPv4 is written as one of IPv6.
    mapped = peer.ipv4_mapped if isinstance(peer, IPv6Address) else None
    return (mapped or peer).is_loopback


def is_own_name(url: str) -> bool:
    """Whether an address names this machine, and nothing but that."""
    try:
        parts = urlsplit(url)
        beside = (parts.username, parts.path, parts.query, parts.fragment)
        return parts.hostname in OWN_NAMES and not any(beside)
    except ValueError:
        return False
