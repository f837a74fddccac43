"""A file to start from: the columns that a model takes, and a typical case."""

from __future__ import annotations

import csv
from io import StringIO
from typing import Any

from second_opinion.records import plain
from second_opinion.schema import Schema


def template(schema: Schema) -> bytes:
    """A CSV with a header and one typical case, which reads back without a problem."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(schema.names)
    writer.writerow([cell(schema.typical[name]) for name in schema.names])
    return text.getvalue().encode()


def cell(value: Any) -> str:
    """A value as a person would type it into a table."""
    value = plain(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)
