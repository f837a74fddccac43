"""What can be set from outside: environment first, then secrets, then the default."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from second_opinion.errors import UserError

HOME = Path(__file__).resolve().parent.parent
SECRETS = HOME / ".streamlit" / "secrets.toml"


@dataclass(frozen=True)
class Settings:
    """The settings of this start. Each is an environment variable of the same name in capitals.

    ``feedback_db`` is a path; ``model_dir`` the registry folder; ``model`` the reference shown
    first (empty: the registry's default); ``durable`` is "1" where the disk survives restarts.
    """

    feedback_db: str = str(HOME / "feedback.db")
    model_dir: str = str(HOME / "model")
    model: str = ""
    durable: str = ""

    @classmethod
    def read(cls, secrets: Mapping[str, Any] | None = None) -> Settings:
        """The settings from the environment and the secrets' ``[second_opinion]`` section.

        ``secrets`` is that section where the caller has it; without it ``.streamlit/secrets.toml``
        is read. `UserError` when that file is broken.
        """
        section = secrets_of(SECRETS) if secrets is None else secrets
        found = {
            name: os.environ.get(name.upper()) or section.get(name)
            for name in (field.name for field in fields(cls))
        }
        return cls(**{name: str(value) for name, value in found.items() if value is not None})


def secrets_of(path: Path) -> Mapping[str, Any]:
    """The section ``[second_opinion]`` of a secrets file; empty where there is none."""
    try:
        section = tomllib.loads(path.read_text("utf-8")).get("second_opinion", {})
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path} cannot be read ({error}); expected TOML with a section [second_opinion]. "
            "Correct that place, or remove the file."
        ) from error
    return section if isinstance(section, dict) else {}
