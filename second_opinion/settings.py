"""What can be set from outside: environment first, then secrets, then the default."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from pathlib import Path
from secrets import token_hex
from typing import Any

from second_opinion.errors import UserError

HOME = Path(__file__).resolve().parent.parent
SECRETS = HOME / ".streamlit" / "secrets.toml"
SECTION = "second_opinion"
MB = 1_000_000
# Any other text says that the app is public: a slip there must not open it.
CLOSING = ("expert_code", "auth", "access", "trusted_header")
NO = ("", "0", "false", "no", "off")


@dataclass(frozen=True)
class Settings:
    """The settings of this start. Each is an environment variable of the same name in capitals.

    ``feedback_db`` is a path; ``model_dir`` the registry folder; ``model`` the reference shown
    first (empty: the registry's default); ``durable`` is "1" where the disk survives restarts and
    "0" where it does not; ``public`` is "1" where other people reach the app. ``expert_code``,
    ``reviewer_code`` and ``owner_code`` give that role to whoever enters them (empty: nobody).
    ``api_tokens`` are the programs that may call, with their tokens: ``name:token,name:token``.
    ``log_format`` is "json" for a log in JSON; ``frame_ancestors`` are further addresses that may
    show the app in a frame, blanks between.
    ``reasons`` is "0" where no page says why a model gives an answer.
    ``trusted_header`` is the header that names who is here, believed from the addresses of
    ``trusted_proxy`` alone.
    ``notify_url`` is where the owner is told of finished queues and decisions: a webhook, or smtp.
    ``visit_uploads_mb`` and ``all_uploads_mb`` bound the uploads that are held in memory at a time.
    """

    feedback_db: str = str(HOME / "feedback.db")
    model_dir: str = str(HOME / "model")
    model: str = ""
    durable: str = ""
    public: str = ""
    expert_code: str = field(default="", repr=False)
    reviewer_code: str = field(default="", repr=False)
    owner_code: str = field(default="", repr=False)
    api_tokens: str = field(default="", repr=False)
    log_format: str = ""
    frame_ancestors: str = ""
    visit_uploads_mb: str = "100"
    all_uploads_mb: str = "200"
    reasons: str = "1"
    notify_url: str = field(default="", repr=False)
    trusted_header: str = ""
    trusted_proxy: str = ""

    @classmethod
    def read(cls, secrets: Mapping[str, Any] | None = None) -> Settings:
        """The settings from the environment and the secrets' ``[second_opinion]`` section.

        ``secrets`` is that section where the caller has it; without it ``.streamlit/secrets.toml``
        is read. `UserError` when that file is broken.
        """
        if secrets is None:
            return cls.of(sections_of(SECRETS), SECRETS)
        values = {name: _text_and_source(name, secrets) for name in names()}
        return cls(**{name: value for name, (value, _) in values.items() if value})

    @classmethod
    def of(cls, sections: Mapping[str, Any], path: Path) -> Settings:
        """The settings where every section of the secrets file was read already."""
        settings = cls.read(section_of(sections, path))
        if not settings.is_shared and "auth" in sections:
            return replace(settings, public="1")
        return settings

    @classmethod
    def without_secrets(cls) -> Settings:
        """What holds while the secrets file cannot be read: nobody counts as local.

        Where a code for experts, a login or who may use a model stands in it, or may, or people
        sign in at a proxy, nobody comes in.
        """
        settings = replace(cls.read({}), public="1")
        if settings.expert_code or not settings.may_be_closed:
            return settings
        return replace(settings, expert_code=token_hex())

    @property
    def may_be_closed(self) -> bool:
        """Whether a secrets file that cannot be read may say who comes in, or people sign in at a
        proxy."""
        return bool(self.trusted_header) or any(_may_name(SECRETS, name) for name in CLOSING)

    @property
    def upload_limits(self) -> tuple[int, int]:
        """How many bytes of uploads are held at a time, of one visit and of all; `UserError` where
        a setting is no number."""
        return _megabytes(self, "visit_uploads_mb"), _megabytes(self, "all_uploads_mb")

    @property
    def shows_reasons(self) -> bool:
        """Whether pages say why a model gives an answer."""
        return self.reasons.strip().lower() not in NO

    @property
    def is_shared(self) -> bool:
        """Whether a code, proxy or PUBLIC says that others reach this app: nobody is local then."""
        doors = (self.expert_code, self.reviewer_code, self.owner_code, self.trusted_header)
        return any(doors) or self.public.strip().lower() not in NO


def _megabytes(settings: Settings, name: str) -> int:
    text: str = getattr(settings, name)
    if not re.fullmatch("[0-9]{1,7}", text.strip()):
        raise UserError(
            f"The setting {name.upper()} is {text!r}; expected a whole number of megabytes, like "
            f"{getattr(Settings(), name)}. Correct it."
        )
    return int(text) * MB


def names() -> list[str]:
    """The names of all settings, as they stand in the secrets."""
    return [field.name for field in fields(Settings)]


def origins(secrets: Mapping[str, Any]) -> dict[str, str]:
    """Where each setting comes from: ``environment``, ``secrets`` or ``default``."""
    return {name: _text_and_source(name, secrets)[1] for name in names()}


def _text_and_source(name: str, section: Mapping[str, Any]) -> tuple[str, str]:
    """A setting's value as text, empty where it is not set, and where it comes from."""
    if os.environ.get(name.upper()):
        return os.environ[name.upper()], "environment"
    value = section.get(name)
    if isinstance(value, (Mapping, list)):
        raise UserError(
            f"The setting {name} in the secrets is a list or a section; expected a text in "
            "quotes. Correct that place."
        )
    if value is None or value == "":
        return "", "default"
    return str(int(value) if isinstance(value, bool) else value), "secrets"


def secrets_of(path: Path) -> Mapping[str, Any]:
    """The section ``[second_opinion]`` of a secrets file; empty where there is none."""
    return section_of(sections_of(path), path)


def section_of(sections: Mapping[str, Any], path: Path) -> Mapping[str, Any]:
    """The same of sections that were read already."""
    section = sections.get(SECTION, {})
    if not isinstance(section, dict):
        raise UserError(
            f"{path}: {SECTION} is no section; expected a section [{SECTION}] with settings "
            "below it. Correct that place."
        )
    return section


def has_login(path: Path) -> bool:
    """Whether a secrets file sets up Streamlit's login, which is for other people."""
    return "auth" in sections_of(path)


def _may_name(path: Path, name: str) -> bool:
    try:
        return name in path.read_text("utf-8")
    except (OSError, ValueError):
        return True


@lru_cache(maxsize=4)
def _parsed(text: str) -> Mapping[str, Any]:
    """By its whole text: each run and click looks at the file, which hardly ever changes."""
    return tomllib.loads(text)


def sections_of(path: Path) -> Mapping[str, Any]:
    """Every section of a secrets file, none without one; `UserError` when it is broken."""
    try:
        return _parsed(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path} cannot be read ({error}); expected TOML with a section [{SECTION}]. "
            "Correct that place, or remove the file."
        ) from error
