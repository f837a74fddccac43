"""Cases to compare versions of a model on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from second_opinion.formatting import plural
from second_opinion.models.card import ModelCard
from second_opinion.models.formats import loading
from second_opinion.models.registry import Registry
from second_opinion.records.value import plain
from second_opinion.schema import Feature, Schema

if TYPE_CHECKING:
    import pandas as pd


Case = Mapping[str, Any]

MADE_UP = 1000


@dataclass(frozen=True)
class CaseSet:
    """Cases to compare versions on.

    ``about`` says where they come from, and ``key`` tells them from all others in a cache.
    """

    cases: Sequence[Case]
    about: str
    key: str


def cases_key(registry: Registry, card: ModelCard) -> str:
    """What tells the cases of `cases_of` from all others, read without reading them."""
    path = registry.rows_file(card)
    return f"{card.sha256} {loading.stamp_of(path) if path else MADE_UP}"


def cases_of(registry: Registry, card: ModelCard) -> CaseSet:
    """Cases like those that a version was trained on: its stored rows, or 1,000 made-up ones."""
    key, path = cases_key(registry, card), registry.rows_file(card)
    if path is None:
        reference = registry.reference(card)
        cases = reference.plausible_cases(card.case_schema, MADE_UP)
        about = f"{MADE_UP:,} made-up cases that hang together like the training data"
        return CaseSet(cases, f"{about} of version {card.version}", key)
    import pandas as pd

    rows = pd.read_parquet(path).drop(columns=card.target.name, errors="ignore")
    about = f"{plural(len(rows), 'stored row')} of the training data of version {card.version}"
    return CaseSet(cases_in(rows, card.case_schema), about, key)


def cases_in(rows: pd.DataFrame, schema: Schema) -> list[Case]:
    """The rows of a frame as plain cases, dates as ISO text.

    What the schema has is as it reads it; other columns are those of another version.
    """
    columns = {str(name): _plain(rows[name], schema.get(str(name))) for name in rows}
    values = zip(*columns.values(), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in values]


def _plain(column: pd.Series[Any], feature: Feature | None) -> list[Any]:
    if feature is not None:
        return [feature.read(value)[0] for value in column]
    cells = [plain(value) for value in column]
    return [cell.removesuffix("T00:00:00") if isinstance(cell, str) else cell for cell in cells]
