"""The cases that an answer is held against: stored training rows, or made-up ones like them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from second_opinion.models.card import ModelCard
from second_opinion.models.comparison_cases import cases_key, cases_of
from second_opinion.models.registry import Registry
from second_opinion.recent import Recent
from second_opinion.records.value import key_of
from second_opinion.schema import Feature, Schema
from second_opinion.statistics.novelty import Neighbourhood

USUAL = 50
GRID = 20
# So many models are looked into at a time.
MOST_MODELS = 8

Origin = Literal["rows", "summary"]


@dataclass(frozen=True)
class FieldValues:
    """The values of one field among the known cases, missing ones as None.

    ``usual`` are those of the same 50 cases for every field; none where they say nothing.
    """

    feature: Feature
    values: tuple[Any, ...]
    usual: tuple[Any, ...]

    @cached_property
    def grid(self) -> tuple[Any, ...]:
        """Up to 20 values to try: the commonest levels, or quantiles, each of which occurs."""
        if self.feature.shape == "text" or not self._known:
            return ()
        if self.feature.shape == "level":
            keys = [key for key, _ in self._counts.most_common(GRID)]
            return tuple(key[1] for key in keys)
        places = np.linspace(0, len(self._known) - 1, GRID).round().astype(int)
        return tuple(dict.fromkeys(self._known[place] for place in places))

    def step(self, start: Any, end: Any) -> float:
        """How large a change is, 0 to 1: the share of known cases between the two values, and of
        levels the share that does not have the new one. From a missing value it is 1."""
        if start is None or end is None:
            return 1.0
        if self.feature.shape == "level":
            return 1 - self._counts[key_of(end)] / max(len(self._known), 1)
        return abs(self._rank(end) - self._rank(start))

    def _rank(self, value: Any) -> float:
        below = bisect_left(self._known, value) + bisect_right(self._known, value)
        return below / (2 * len(self._known))

    @cached_property
    def _known(self) -> list[Any]:
        known = [value for value in self.values if value is not None]
        return known if self.feature.shape == "level" else sorted(known)

    @cached_property
    def _counts(self) -> Counter[Any]:
        return Counter(map(key_of, self._known))


class Variants:
    """The other values of each field that a model is asked for, whatever the case.

    ``pairs`` are names and values, each once; ``places`` where the case with one of them stands in
    what is asked, the case as it is being the first.
    """

    def __init__(self, fields: Sequence[FieldValues]) -> None:
        self.fields = fields
        by_key = {
            variant_key(field.feature.name, value): (field.feature.name, value)
            for field in fields
            for value in (*field.usual, *field.grid)
        }
        self.pairs = list(by_key.values())
        self.places = {key: at for at, key in enumerate(by_key, 1)}

    def __len__(self) -> int:
        """How many cases `what_if` asks the model for."""
        return 1 + len(self.pairs)


def variant_key(name: str, value: Any) -> tuple[str, Any]:
    """A field with one of its values, to look up where that stands."""
    return name, key_of(value)


@dataclass(frozen=True)
class KnownCases:
    """What is known of the cases that a model was trained on; ``about`` says what, in words.

    ``total`` is the number of training cases, and ``origin`` whether ``cases`` are rows of them or
    made up from a summary.
    """

    schema: Schema
    cases: Sequence[Mapping[str, Any]]
    origin: Origin
    total: int

    @cached_property
    def fields(self) -> tuple[FieldValues, ...]:
        """The values of each field, in the order of the schema."""
        places = np.random.default_rng(0).permutation(len(self.cases))[:USUAL].tolist()
        return tuple(self._field(feature, places) for feature in self.schema)

    @cached_property
    def variants(self) -> Variants:
        """The other values of each field that tell why an answer was given."""
        return Variants(self.fields)

    @cached_property
    def neighbourhood(self) -> Neighbourhood:
        """The cases as points, to say how far another one is from them."""
        return Neighbourhood(self.cases, self.schema)

    def _field(self, feature: Feature, places: list[int]) -> FieldValues:
        values = [case[feature.name] for case in self.cases]
        usual = [values[place] for place in places]
        if not feature.optional:
            usual = [value for value in usual if value is not None]
        # A summary keeps no texts, and one made-up text for all compares with nothing.
        is_told = self.origin == "rows" or feature.shape != "text"
        return FieldValues(feature, tuple(values), tuple(usual) if is_told else ())


# Each in a tuple: that nothing is known is kept too.
_known: Recent[tuple[KnownCases | None]] = Recent(MOST_MODELS)


def known_cases(registry: Registry, card: ModelCard) -> KnownCases | None:
    """The known cases of a version, read once a process; None where nothing is known of them."""
    key = cases_key(registry, card)
    kept = _known.get(key) or _known.keep(key, (_read(registry, card),), 1)
    return kept[0]


def _read(registry: Registry, card: ModelCard) -> KnownCases | None:
    total = registry.reference(card).rows
    if not total:
        return None
    origin: Origin = "rows" if registry.rows_file(card) else "summary"
    return KnownCases(card.case_schema, cases_of(registry, card).cases, origin, total)
