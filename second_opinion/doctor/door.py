"""Who may come in, and whether what the settings say of it works."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from second_opinion.access import access_rules, local_browser, roles
from second_opinion.access.access_rules import AccessRules
from second_opinion.doctor.check import Check
from second_opinion.errors import UserError
from second_opinion.formatting import joined
from second_opinion.settings import Settings, has_login


def examine(settings: Settings, secrets: Path) -> Iterator[Check]:
    """Who is the owner without a code, how people sign in, and whether codes are guessed soon."""
    yield _owner(settings, secrets)
    yield from _login(settings, secrets)


def _owner(settings: Settings, secrets: Path) -> Check:
    """Who counts as the owner without a code. A broken secrets file is another check's."""
    try:
        is_shared = settings.is_shared or has_login(secrets)
    except UserError:
        is_shared = True
    if is_shared:
        finding = "nobody counts as the owner without a code, not even on this machine"
        return Check("who may come in", "ok", finding)
    finding = f"{local_browser.WHEN_TO_CLOSE} A block for nginx is in docs/security.md and in Help"
    return Check("who may come in", "ok", finding)


def _login(settings: Settings, secrets: Path) -> Iterator[Check]:
    """Whether people can sign in, by what rules, and whether codes are hard to guess."""
    try:
        rules, lacking = AccessRules.read(secrets), access_rules.missing(secrets)
    except UserError as error:
        todo = "Until then nobody comes in."
        yield Check("signing in", "problem", str(error), todo)
        return
    if lacking:
        todo = "Add these lines to the secrets, as docs/security.md has them."
        yield Check("signing in", "problem", f"{secrets} lacks {joined(lacking)}", todo)
    if rules.has_login and not rules.header and not _has_authlib():
        todo = "Install it: `pip install -r requirements.txt`."
        yield Check("signing in", "problem", "Authlib is not installed here", todo)
    if rules.has_login:
        counted = f"addresses and groups of {rules.trusted} give roles"
        way = "by the header" if rules.header else "with"
        yield Check("signing in", "ok", f"{way} {joined(list(rules.providers))}; {counted}")
        codes = [f"{role.upper()}_CODE" for role in roles.ROLES if roles.code_for(role, settings)]
        if codes:
            finding = f"{joined(codes)} have no effect where people sign in"
            other = "TRUSTED_HEADER" if rules.header else "[auth]"
            yield Check("codes", "warning", finding, f"Take them out, or take {other} out.")
        return
    if rules.roles or rules.models:
        finding = "[roles] and [access] name people, and nobody signs in: there is no [auth]"
        todo = "Add [auth], as docs/security.md has it. Until then only this machine uses a model"
        yield Check("signing in", "warning", finding, f"{todo} under [access].")
    for fault in roles.weak_codes(settings):
        finding, _, todo = fault.rpartition(". ")
        yield Check("codes", "warning", finding, todo)


def _has_authlib() -> bool:
    try:
        version("authlib")
    except PackageNotFoundError:
        return False
    return True
