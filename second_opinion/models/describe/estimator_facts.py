"""What a fitted estimator knows of its input columns, read from the steps that each passes first.

Encoders hold their categories, imputers and scalers a typical value, trees their thresholds. Where
that is private to a library it is read if it is there, and done without if it is not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from second_opinion.compatibility import takes_missing
from second_opinion.errors import UserError
from second_opinion.models.describe import boosters
from second_opinion.models.describe.estimator_checks import third_party
from second_opinion.models.describe.gaps import by_evidence, gaps_among
from second_opinion.models.describe.input_form import (
    as_lightgbm,
    form_of,
    is_made_of_others,
    is_tree,
    names_of,
    parts_of,
    splits_words,
)
from second_opinion.records.value import plain, shortest

MOST_TREES = 25
FIRST = ("choices", "low", "high", "spread", "dtype")


@dataclass(frozen=True)
class InputFacts:
    """What the steps say of one input column; None is for what they do not say.

    ``choices`` are an encoder's categories; ``low`` and ``high`` the exact range of the training
    data, ``typical`` a middle of it and ``spread`` its scale, all in the column's own unit;
    ``missing`` whether each step that gets the column takes a missing value for what it is.
    ``used`` is False for a column that no step takes; ``dtype`` is ``category`` where it must be
    one of pandas, and that of the encoder's categories where they are floats of less than 64 bits.
    ``strict`` says that a step refuses values that are not among the choices. ``gaps`` are the
    names in `schema.GAPS` of what encoders learned for a missing value, or imputers replace.
    """

    used: bool = False
    choices: tuple[Any, ...] | None = None
    typical: Any = None
    low: float | None = None
    high: float | None = None
    spread: float | None = None
    missing: bool | None = None
    words: bool = False
    dtype: str = ""
    strict: bool = False
    gaps: tuple[str, ...] = ()


def look(estimator: Any, names: Sequence[str]) -> dict[str, InputFacts]:
    """What a fitted estimator says of its columns, which it takes in the order of ``names``.

    Of one that keeps other things under the names that are looked for, nothing is known.
    """
    walk = _Walk()
    with suppress(UserError), third_party("Its steps cannot be read"):
        walk.through(estimator, [_Column(name) for name in names])
        return {name: walk.known(name) for name in names}
    return {name: InputFacts(used=True) for name in names}


def known_of(estimator: Any, columns: Sequence[str]) -> dict[str, InputFacts]:
    """What a fitted estimator says of columns of these names, some of which it may not take."""
    if form_of(estimator) == "series":
        return {name: InputFacts(used=True, missing=False, words=True) for name in columns}
    names = names_of(estimator)
    if names is None:
        return look(estimator, columns)
    facts = look(estimator, names)
    return {
        name: facts.get(name) or facts.get(as_lightgbm(name)) or InputFacts() for name in columns
    }


@dataclass(frozen=True)
class _Column:
    """An input column on its way: ``same`` while it is in its unit, ``filled`` without holes.

    ``has_own_empty`` is False where an empty text may be what a step made of a missing value.
    """

    name: str
    same: bool = True
    filled: bool = False
    has_own_empty: bool = True


ColumnsOnTheWay = list[_Column | None]


@dataclass
class _Walk:
    """Goes through the steps as the data would, and notes what each says of each column."""

    notes: dict[str, dict[str, list[Any]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )

    def known(self, name: str) -> InputFacts:
        """The notes on a column as one: the first of each kind, all of them for ``missing``."""
        notes = self.notes[name]
        first = {key: notes[key][0] for key in FIRST if notes[key]}
        typical = notes["typical"] or _middle(notes["cuts"])
        return InputFacts(
            used=bool(notes["used"]),
            typical=typical[0] if typical else None,
            missing=all(notes["missing"]) if notes["missing"] else None,
            words=bool(notes["words"]),
            strict=bool(notes["strict"]),
            gaps=by_evidence(notes["gaps"], notes["replaced"]),
            **first,
        )

    def through(self, step: Any, columns: ColumnsOnTheWay) -> ColumnsOnTheWay:
        """What comes out of a step, as far as it is still some input column; else nothing."""
        expected = getattr(step, "n_features_in_", len(columns))
        if step == "drop" or not columns or expected != len(columns):
            return []
        if step is None or step == "passthrough":
            return columns
        if hasattr(step, "steps"):
            for _, part in step.steps:
                columns = self.through(part, columns)
            return columns
        if hasattr(step, "one_hot"):
            return self._dummies(step, columns)
        if hasattr(step, "names_out"):
            return self._by_name(step, columns)
        if hasattr(step, "transformers_"):
            return self._side_by_side(step, columns)
        if hasattr(step, "transformer_list"):
            outcomes = [self.through(part, columns) for _, part in step.transformer_list]
            return [column for outcome in outcomes for column in outcome] if all(outcomes) else []
        return self._leaf(step, columns)

    def _dummies(self, step: Any, columns: ColumnsOnTheWay) -> ColumnsOnTheWay:
        """Dummies of a column are its levels; the empty one is that of a missing value."""
        by_name = dict(zip(step.feature_names_in_, columns, strict=True))
        for name, dummies in step.one_hot.items():
            self._note(by_name[name], "used", True)
            self._own(by_name[name], "choices", tuple(filter(None, dummies)))
            self._holes(by_name[name], "" in dummies)
        return [by_name.get(name) for name in step.names]

    def _by_name(self, step: Any, columns: ColumnsOnTheWay) -> ColumnsOnTheWay:
        """A step that was joined from parts gets its columns, and puts its results behind them."""
        out = dict(zip(step.names, columns, strict=True))
        if hasattr(step, "step"):
            inputs = [out[name] for name in step.columns]
            results = self.through(step.step, inputs)
            fits = len(results) == len(step.results)
            out |= zip(step.results, results if fits else [None] * len(step.results), strict=True)
        elif hasattr(step, "results"):
            return columns
        return [out[name] for name in step.names_out]

    def _side_by_side(self, step: Any, columns: ColumnsOnTheWay) -> ColumnsOnTheWay:
        """A ColumnTransformer: each part gets its columns, and its results have their place."""
        names = list(getattr(step, "feature_names_in_", ()))
        places = step.output_indices_
        out: ColumnsOnTheWay = [None] * max((place.stop for place in places.values()), default=0)
        for name, part, selection in step.transformers_:
            inputs = [columns[at] for at in _positions(selection, names, len(columns))]
            results = self.through(part, inputs)
            place = places.get(name, slice(0, 0))
            if len(results) == place.stop - place.start:
                out[place] = results
        return out

    def _leaf(self, step: Any, columns: ColumnsOnTheWay) -> ColumnsOnTheWay:
        if not is_made_of_others(step):
            for column in columns:
                self._note(column, "used", True)
        if splits_words(step):
            return self._words(columns)
        if hasattr(step, "categories_"):
            return self._encoder(step, columns)
        if hasattr(step, "get_support"):
            columns = [columns[at] for at in step.get_support(indices=True)]
            return self._predictor(step, columns) if hasattr(step, "predict") else columns
        if hasattr(step, "statistics_") or hasattr(step, "initial_imputer_"):
            return self._imputer(step, columns)
        if hasattr(step, "predict"):
            return self._predictor(step, columns)
        return self._transformer(step, columns)

    def _words(self, columns: ColumnsOnTheWay) -> ColumnsOnTheWay:
        for column in columns:
            self._note(column, "words", True)
            self._holes(column, False)
        return []

    def _encoder(self, step: Any, columns: ColumnsOnTheWay) -> ColumnsOnTheWay:
        for column, levels in zip(columns, step.categories_, strict=True):
            dtype = np.asarray(levels).dtype
            read = ((plain(v), shortest(v, dtype)) for v in levels)
            gaps = gaps_among(levels)
            if column and not column.has_own_empty:
                gaps = [gap for gap in gaps if gap != "empty"]
            choices = tuple(
                value
                for known, value in read
                if known is not None and not (known == "" and "empty" in gaps)
            )
            self._own(column, "choices", choices)
            for gap in gaps:
                self._own(column, "gaps", gap)
            if dtype in (np.float16, np.float32):
                self._own(column, "dtype", str(dtype))
            if getattr(step, "handle_unknown", "") == "error":
                self._own(column, "strict", True)
            self._holes(column, len(choices) < len(levels))
        return [column and replace(column, same=False, filled=True) for column in columns]

    def _imputer(self, step: Any, columns: ColumnsOnTheWay) -> ColumnsOnTheWay:
        statistics = getattr(step, "statistics_", None)
        values = step.initial_imputer_.statistics_ if statistics is None else statistics
        keeps_empty = getattr(step, "keep_empty_features", False)
        out: ColumnsOnTheWay = []
        for column, statistic in zip(columns, values, strict=True):
            value = plain(statistic)
            self._holes(column, True)
            for gap in gaps_among([getattr(step, "missing_values", np.nan)]):
                self._own(column, "replaced", gap)
            if value is not None and getattr(step, "strategy", "mean") != "constant":
                self._own(column, "typical", value)
            if statistic is None or value is not None or keeps_empty:
                own = column and column.has_own_empty and value != ""
                out.append(column and replace(column, filled=True, has_own_empty=bool(own)))
        indicator = getattr(step, "indicator_", None)
        holes = [] if indicator is None else indicator.features_
        return [*out, *(None for _ in holes)]

    def _transformer(self, step: Any, columns: ColumnsOnTheWay) -> ColumnsOnTheWay:
        """A scaler or the like; what mixes columns ends the way."""
        from sklearn.base import OneToOneFeatureMixin

        for key, values in _statistics(step):
            for column, value in zip(columns, values, strict=True):
                self._own(column, key, float(value))
        if hasattr(step, "func"):
            return columns if step.func is None else []
        fills = hasattr(step, "missing_values")
        if fills or not takes_missing(step):
            for column in columns:
                self._holes(column, fills)
        if not isinstance(step, OneToOneFeatureMixin):
            return []
        return [column and replace(column, same=False) for column in columns]

    def _predictor(self, step: Any, columns: ColumnsOnTheWay) -> ColumnsOnTheWay:
        parts = list(parts_of(step))
        if not parts or is_tree(parts[0][0]):
            for column in columns:
                self._holes(column, takes_missing(step))
        for part, positions in parts[:MOST_TREES] if parts and is_tree(parts[0][0]) else parts:
            self.through(part, columns if positions is None else [columns[at] for at in positions])
        for column, cuts in self._cuts(step, columns):
            self._own(column, "cuts", cuts)
        for at, key, value in boosters.facts(step):
            if at < len(columns):
                self._own(columns[at], key, value)
        return []

    def _cuts(self, step: Any, columns: ColumnsOnTheWay) -> Iterator[tuple[_Column | None, Any]]:
        """Where trees divide the values of a column."""
        if is_tree(step):
            tree = step.tree_
            for at in np.unique(tree.feature[tree.feature >= 0]):
                yield columns[at], tree.threshold[tree.feature == at]
        inner = getattr(step, "_preprocessor", None)
        if inner is not None:
            # Histogram boosting encodes its categories itself, and puts them first.
            categories = [c and replace(c, filled=True, has_own_empty=False) for c in columns]
            self.through(inner, categories)
            numbers: ColumnsOnTheWay = [columns[at] for at in np.flatnonzero(~step.is_categorical_)]
            columns = [*(None for _ in range(len(columns) - len(numbers))), *numbers]
        bins = getattr(getattr(step, "_bin_mapper", None), "bin_thresholds_", ())
        yield from zip(columns, bins, strict=False)

    def _note(self, column: _Column | None, key: str, value: Any) -> None:
        if column is not None:
            self.notes[column.name][key].append(value)

    def _own(self, column: _Column | None, key: str, value: Any) -> None:
        """Note what is said in the column's own unit."""
        if column is not None and column.same:
            self._note(column, key, value)

    def _holes(self, column: _Column | None, is_allowed: bool) -> None:
        if column is not None and not column.filled:
            self._note(column, "missing", is_allowed)


def _positions(selection: Any, names: list[str], count: int) -> list[int]:
    """The positions of a ColumnTransformer's columns: names, numbers, a slice or a mask."""
    if isinstance(selection, slice):
        start, stop = selection.start, selection.stop
        start = names.index(start) if isinstance(start, str) else start
        # A slice of names includes its end, as in pandas.
        stop = names.index(stop) + 1 if isinstance(stop, str) else stop
        return list(range(count))[slice(start, stop, selection.step)]
    several = (
        [selection] if isinstance(selection, str) or np.ndim(selection) == 0 else list(selection)
    )
    if several and isinstance(several[0], (bool, np.bool_)):
        return [int(at) for at in np.flatnonzero(several)]
    return [names.index(key) if isinstance(key, str) else range(count)[key] for key in several]


def _statistics(step: Any) -> Iterator[tuple[str, Any]]:
    """What scalers and binners keep of the data, column by column."""
    statistics = {
        "typical": [getattr(step, name, None) for name in ("mean_", "center_")],
        "spread": [getattr(step, "scale_", None)],
        "low": [getattr(step, "data_min_", None)],
        "high": [getattr(step, "data_max_", None)],
    }
    levels = getattr(step, "quantiles_", None)
    if levels is not None:
        statistics |= {
            "typical": [levels[len(levels) // 2]],
            "low": [levels[0]],
            "high": [levels[-1]],
        }
    edges = getattr(step, "bin_edges_", None)
    if edges is not None:
        statistics |= {"low": [[e[0] for e in edges]], "high": [[e[-1] for e in edges]]}
    for key, values in statistics.items():
        yield from ((key, value) for value in values if value is not None)


def _middle(cuts: list[Any]) -> list[float]:
    """The median of all cuts; nothing where there are none."""
    return [float(np.median(np.concatenate(cuts)))] if cuts else []
