"""A file to start from: the columns that a model takes, a typical case, and what is allowed."""

from __future__ import annotations

import csv
from io import StringIO

from second_opinion.records.value import plain, same_value, typed_text
from second_opinion.schema import Feature, Schema

# Of a column with more choices than that, the others are not in the template.
MOST_CASES = 50


def template(schema: Schema) -> bytes:
    """A CSV with a header, a typical case, and further ones until every choice was named.

    It reads back without a problem, and begins with what tells Excel that it is UTF-8.
    """
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(schema.names)
    columns = [_cells(feature) for feature in schema]
    for at in range(min(max(map(len, columns)), MOST_CASES)):
        writer.writerow([cells[at % len(cells)] for cells in columns])
    return text.getvalue().encode("utf-8-sig")


def _cells(feature: Feature) -> list[str]:
    """The typical value, then the other choices, as their kind writes them."""
    typical = plain(feature.typical)
    values = [typical, *(v for v in feature.values if not same_value(plain(v), typical))]
    cell_of = feature.kind_of.cell or typed_text
    return ["" if value is None else cell_of(plain(value)) for value in values]
