"""Values as Python writes them in source."""

from __future__ import annotations

import json
from collections.abc import Sequence


def python_text(value: object) -> str:
    """A value as Python writes it, a text in double quotes."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def inline(values: Sequence[object]) -> str:
    """A list on one line."""
    return f"[{', '.join(map(python_text, values))}]"


def wrapped(values: Sequence[object]) -> str:
    """A list as Python writes it, over several lines where it is long."""
    line = inline(values)
    if len(line) < 80:
        return line
    return "[\n" + "".join(f"    {python_text(value)},\n" for value in values) + "]"
