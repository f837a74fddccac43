"""Small JSON files that people edit by hand: read with a message, written in one stroke."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from second_opinion.errors import UserError
from second_opinion.file_content import mistaken_for, read_bytes

# Nothing that people write by hand goes deeper; Python itself gives up at about a thousand.
MOST_LEVELS = 50


class TwinsError(ValueError):
    """An object has a field twice; ``name`` is that field."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} stands there twice; expected each field once. Remove one.")
        self.name = name


def without_twins(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """The object of these fields, an ``object_pairs_hook``; `TwinsError` where one is there twice,
    of which Python would keep the last."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise TwinsError(Counter(name for name, _ in pairs).most_common(1)[0][0])
    return fields


def read_json(path: Path, default: dict[str, Any]) -> dict[str, Any]:
    """The object in a file, or the default where there is no file; `UserError` if broken."""
    try:
        content = parsed(read_bytes(path))
    except FileNotFoundError:
        return default
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path} cannot be read ({error}). Correct that place, or restore the file."
        ) from error
    if not isinstance(content, dict):
        raise UserError(f"{path} holds no JSON object; expected one. Correct or restore the file.")
    return content


def parsed(content: bytes) -> Any:
    """What JSON text holds; `ValueError` that says why it is none.

    Pointers of Git LFS, web pages and empty files are called by name, and nothing is nested more
    than 50 levels deep.
    """
    if mistake := mistaken_for(content):
        raise ValueError(f"it is {mistake}")
    try:
        value = json.loads(content)
    except RecursionError as error:
        raise ValueError(_too_deep()) from error
    if not _is_shallow(value, MOST_LEVELS):
        raise ValueError(_too_deep())
    return value


def _too_deep() -> str:
    return f"it has lists or objects within each other more than {MOST_LEVELS} levels deep"


def _is_shallow(value: Any, levels: int) -> bool:
    if not isinstance(value, (dict, list)):
        return True
    parts = value.values() if isinstance(value, dict) else value
    return levels > 0 and all(_is_shallow(part, levels - 1) for part in parts)


def write_json(path: Path, content: dict[str, Any], indent: int | None = 2) -> None:
    """Write an object so that a reader finds the old file or the new one, never half of it."""
    draft = path.with_name(f".{path.name}.{uuid4().hex}")
    draft.write_text(json.dumps(content, indent=indent, ensure_ascii=False) + "\n", "utf-8")
    draft.replace(path)
