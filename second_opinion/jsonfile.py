"""Small JSON files that people edit by hand: read with a message, written in one stroke."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

from second_opinion.errors import UserError


def read_json(path: Path, default: dict[str, Any]) -> dict[str, Any]:
    """The object in a file, or the default where there is no file; `UserError` if broken."""
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        return default
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path} cannot be read ({error}). Correct that place, or restore the file."
        ) from error
    if not isinstance(content, dict):
        raise UserError(f"{path} holds no JSON object; expected one. Correct or restore the file.")
    return content


def write_json(path: Path, content: dict[str, Any], indent: int | None = 2) -> None:
    """Write an object so that a reader finds the old file or the new one, never half of it."""
    draft = path.with_name(f".{path.name}.{uuid4().hex}")
    draft.write_text(json.dumps(content, indent=indent, ensure_ascii=False) + "\n", "utf-8")
    draft.replace(path)
