"""Whether a program on the machine of the app called it directly, without a proxy between."""

from __future__ import annotations

import re
from collections.abc import Iterable

from second_opinion.access import local_browser

# What proxies, tunnels and relays add. Programs send headers of their own, so that, other than of
# a browser, an unknown one proves nothing.
OF_A_PROXY = re.compile(
    r"forwarded|via|x-forwarded-.*|x-real-ip|x-client-ip|x-cluster-client-ip|x-original-.*"
    r"|true-client-ip|cf-.*|x-envoy-.*|x-amzn-.*|x-arr-.*|x-azure-.*|fly-.*|fastly-.*"
)
# A page of a stranger in a browser here sends requests too, and its browser says so.
OWN_SITES = ("same-origin", "none")


def is_direct(address: str | None, headers: Iterable[tuple[str, str]]) -> bool:
    """Whether a request comes from this machine, was sent to it by name, and passed no proxy.

    ``address`` is the peer's; None is nobody's. ``headers`` are all of the request.
    """
    values: dict[str, list[str]] = {}
    for name, value in headers:
        values.setdefault(name.lower(), []).append(value)
    return (
        address is not None
        and local_browser.is_loopback(address)
        and not any(OF_A_PROXY.fullmatch(name) for name in values)
        and [local_browser.is_own_name(f"//{host}") for host in values.get("host", ())] == [True]
        and all(map(local_browser.is_own_name, values.get("origin", ())))
        and all(site in OWN_SITES for site in values.get("sec-fetch-site", ()))
    )
