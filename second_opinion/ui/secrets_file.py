"""What the secrets file says of this run: the settings, and who may come in."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from second_opinion import settings as setting_sources
from second_opinion.access.access_rules import AccessRules
from second_opinion.errors import UserError
from second_opinion.settings import Settings


class SecretsFile(NamedTuple):
    """The settings and rules that hold, and what is wrong with the file, in words for who runs
    the app."""

    settings: Settings
    rules: AccessRules
    faults: list[str]


def read() -> SecretsFile:
    """Read the file once. One that is broken proves nobody's right, and nobody comes in by rules
    that cannot be meant, or that may stand where nothing can be read."""
    path = setting_sources.SECRETS
    faults: list[str] = []
    try:
        sections = setting_sources.sections_of(path)
        settings = Settings.of(sections, path)
    except UserError as error:
        faults.append(str(error))
        settings = Settings.without_secrets()
        rules = AccessRules(is_broken=settings.may_be_closed)
    else:
        try:
            rules = AccessRules.of(sections, path)
        except UserError as error:
            faults.append(str(error))
            rules = AccessRules(is_broken=True)
    return SecretsFile(_with_upload_limits(settings, faults), rules, faults)


def _with_upload_limits(settings: Settings, faults: list[str]) -> Settings:
    try:
        _ = settings.upload_limits
    except UserError as error:
        faults.append(str(error))
        return replace(
            settings,
            visit_uploads_mb=Settings.visit_uploads_mb,
            all_uploads_mb=Settings.all_uploads_mb,
        )
    return settings
