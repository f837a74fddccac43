"""The typed input columns of a model, and what is wrong with a case."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from second_opinion import compatibility
from second_opinion.formatting import closest, decimals_of, humanise, quoted, round_down
from second_opinion.records.choices import Choices
from second_opinion.records.dummies import ONE, Dummies, DummiesByColumn, flag_of, lacks
from second_opinion.records.feature_kinds import KINDS, FeatureKind, Problem, Shape
from second_opinion.records.value import key_of, plain

if TYPE_CHECKING:
    import pandas as pd

    Cases = Mapping[str, Any] | pd.DataFrame | Sequence[Mapping[str, Any]]

# From so many cases on it pays to look for equal texts.
MANY = 1000


class CardPart(BaseModel):
    """A piece of a card: read-only, and keeping the keys that it does not know."""

    model_config = ConfigDict(frozen=True, extra="allow")


class Choice(CardPart):
    """One allowed value of a category, or a class, and the words that people see for it.

    In a card a bare value stands for itself: ``"monthly"`` for
    ``{"value": "monthly", "label": "monthly"}``.
    """

    value: Any
    label: str

    @model_validator(mode="before")
    @classmethod
    def _label(cls, value: Any) -> Any:
        fields = value if isinstance(value, (dict, Choice)) else {"value": value}
        if isinstance(fields, dict) and "value" in fields and not fields.get("label"):
            fields = {**fields, "label": str(fields["value"])}
        return fields


# What a missing value is for the model, by what a card calls it.
GAPS = {"nan": math.nan, "none": None, "empty": ""}


class Feature(CardPart):
    """One typed input column; ``kind`` is a name in `feature_kinds.KINDS`.

    ``min``, ``max`` and ``typical`` come from the training data: a value outside is flagged, not
    refused. ``missing`` says whether the value may be left out (a list names more texts that mean
    so in a file). ``unknown`` says what to do with a category that is not among ``choices``.
    ``places`` are the digits after the point that the training data has.
    ``dtype`` is the pandas dtype of the training column, where it is not the usual one of its kind;
    ``gap`` is what a missing value is in a column of Python objects: encoders tell None from NaN,
    and an empty text from both.
    """

    name: str = Field(min_length=1)
    kind: str
    label: str = ""
    unit: str = ""
    description: str = ""
    min: int | float | str | None = None
    max: int | float | str | None = None
    typical: Any = None
    choices: tuple[Choice, ...] = ()
    missing: bool | tuple[str, ...] = False
    unknown: Literal["flag", "error"] = "flag"
    dtype: str = ""
    gap: Literal["nan", "none", "empty"] = "nan"
    places: int | None = Field(default=None, ge=0, le=10)

    @model_validator(mode="before")
    @classmethod
    def _label(cls, fields: Any) -> Any:
        if isinstance(fields, dict) and not fields.get("label"):
            fields = {**fields, "label": humanise(str(fields.get("name", "")))}
        return fields

    @field_validator("kind", mode="before")
    @classmethod
    def _is_a_kind(cls, name: Any) -> Any:
        if isinstance(name, str) and name in KINDS:
            return name
        *others, last = map(repr, KINDS)
        expected = f"Input should be {', '.join(others)} or {last}"
        raise PydanticCustomError("feature_kind", "{expected}", {"expected": expected})

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Feature:
        if self.kind_of.choices == "list" and not self.choices:
            raise ValueError(f"a {self.kind} needs its choices")
        if self.kind_of.choices == "pair" and len(self.choices) not in (0, 2):
            raise ValueError(f"a {self.kind} has no choices, or the pair for no and yes")
        for place in ("min", "max", "typical"):
            self._refuse_unreadable(place)
        if self.min is not None and self.max is not None and type_safe_less(self.max, self.min):
            raise ValueError(f"min is {self.min!r}, above max, which is {self.max!r}")
        return self

    def _refuse_unreadable(self, place: str) -> None:
        """`ValueError` where the card says of this feature what no case could have."""
        value = getattr(self, place)
        if value in (None, "") or (place != "typical" and self.kind_of.choices == "list"):
            return
        _, problem = self.kind_of.read(self, value)
        if problem and problem.blocking:
            # Not `expected`: the range in it may be what is wrong.
            raise ValueError(f"{place} is {quoted(value)}; expected {self.kind_of.noun}")

    @property
    def kind_of(self) -> FeatureKind:
        """What its kind is: how its values are read, parsed, typed, drawn and put in words."""
        return KINDS[self.kind]

    @property
    def shape(self) -> Shape:
        """How it is counted: along a line of numbers or days, level by level, or not at all."""
        return self.kind_of.shape

    @property
    def optional(self) -> bool:
        """Whether the value may be missing."""
        return bool(self.missing)

    @cached_property
    def values(self) -> tuple[Any, ...]:
        """The allowed values: of a category its choices, of a boolean the pair for no and yes."""
        if self.choices:
            return tuple(choice.value for choice in self.choices)
        return (False, True) if self.kind_of.choices == "pair" else ()

    @cached_property
    def index(self) -> Choices:
        """The allowed values, to look one up."""
        return Choices(self.values, self.dtype)

    @property
    def has_zone(self) -> bool:
        """Whether the moments of the training column have a time zone."""
        return ", " in self.dtype or "tz=" in self.dtype

    @cached_property
    def column_dtype(self) -> str:
        """The pandas dtype in which the estimator takes this column.

        Small numbers are widened: 300 in an int8 is 44. Not the floats that an encoder compares
        with those of its training.
        """
        if self.dtype or self.kind_of.dtype:
            dtype = _widened(self.dtype or self.kind_of.dtype)
            return self.dtype if dtype == "float64" and self.choices else dtype
        types = {type(value) for value in self.values}
        named = {str: "str", bool: "bool", int: "int64", float: "float64"}
        return named.get(types.pop(), "object") if len(types) == 1 else "object"

    @property
    def is_numeric(self) -> bool:
        """Whether the values are numbers, whole or not."""
        return self.shape == "number"

    @cached_property
    def decimals(self) -> int:
        """Digits after the point that tell values apart: the card's, or guessed from the range."""
        if not self.is_numeric or self.kind_of.is_whole:
            return 0
        if self.places is not None:
            return self.places
        numbers = [v for v in (self.min, self.max, self.typical) if isinstance(v, (int, float))]
        return min(6, max((decimals_of(value) for value in numbers), default=2))

    @cached_property
    def step(self) -> float:
        """A round step of about a hundredth of the training range, in the feature's unit."""
        if self.kind_of.is_whole:
            return 1
        smallest = 10.0**-self.decimals
        if not isinstance(self.min, (int, float)) or not isinstance(self.max, (int, float)):
            return smallest
        return max(smallest, round_down((self.max - self.min) / 100))

    @cached_property
    def range_text(self) -> str:
        """``18 to 90``, or an empty text where the training range is not known."""
        if self.min is None or self.max is None:
            return ""
        return f"{self.text(self.min, unit=False)} to {self.text(self.max, unit=False)}"

    def text(self, value: Any, *, unit: bool = True) -> str:
        """The value as people read it: labels for choices, thousands apart, with its unit."""
        value = plain(value)
        if value is None:
            return "not known"
        label = self._labels.get(key_of(value)) if self.choices else None
        if label is not None:
            return label
        text = self.kind_of.text(value)
        return f"{text} {self._unit}" if unit and self._unit else text

    @cached_property
    def choice_text(self) -> Callable[[Any], str]:
        """`text` as one look-up: a list asks it for each of its choices, in each run of a page."""
        if {bool, int} <= self.index.types or {bool, float} <= self.index.types:
            return self.text
        return _Texts(self).__getitem__

    @cached_property
    def _labels(self) -> dict[Any, str]:
        return {key_of(choice.value): choice.label for choice in reversed(self.choices)}

    @property
    def _unit(self) -> str:
        return self.unit if self.kind_of.has_unit else ""

    def read(self, value: Any) -> tuple[Any, Problem | None]:
        """The value as the model takes it, with what is wrong or notable about it.

        Takes what a form or JSON gives: numbers, booleans, texts, dates, None.
        """
        value = plain(value)
        if value is None or value == "":
            return None, None if self.optional else self.problem("is empty")
        return self.kind_of.read(self, value)

    def outside(self, value: Any) -> Problem | None:
        """The flag of a value, as it was read, outside the training range; None inside."""
        low, high = self.min, self.max
        below = low is not None and type_safe_less(value, low)
        above = high is not None and type_safe_less(high, value)
        if not (below or above):
            return None
        expected = f"the training cases go from {self.range_text or self.text(low or high)}"
        unit = f" {self._unit}" if self._unit else ""
        return Problem(self.name, f"is {self.text(value, unit=False)}", expected + unit, False)

    def problem(self, finding: str, *, blocking: bool = True) -> Problem:
        """What is wrong with a value (``is "x"``), with what is expected of one."""
        return Problem(self.name, finding, f"expected {self.expected}", blocking)

    @cached_property
    def expected(self) -> str:
        """What a value must be, in words: ``a number from 18 to 90 years``."""
        if self.kind_of.choices == "list":
            choices = [quoted(value) for value in self.values[:12]]
            more = len(self.values) - len(choices)
            return f"one of {', '.join(choices)}" + (f" and {more} more" if more else "")
        parts = [self.kind_of.noun]
        if self.range_text:
            parts.append(f"from {self.range_text}")
        if self._unit:
            parts.append(self._unit)
        return " ".join(parts)


class _Texts(dict[Any, str]):
    """The words for each choice, and for any other value once it is asked for."""

    def __init__(self, feature: Feature) -> None:
        super().__init__((choice.value, choice.label) for choice in reversed(feature.choices))
        self._feature = feature

    def __missing__(self, value: Any) -> str:
        return self._feature.text(value)


class Schema:
    """The ordered features that a model needs.

    ``dummies`` are the columns that may stand for one of them in a file.
    """

    def __init__(
        self, features: Iterable[Feature], dummies: Mapping[str, Dummies] | None = None
    ) -> None:
        self.features = tuple(features)
        self.dummies = DummiesByColumn(dummies or {})

    def __iter__(self) -> Iterator[Feature]:
        return iter(self.features)

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, name: str) -> Feature:
        return self._by_name[name]

    def get(self, name: str) -> Feature | None:
        """The feature of this name, or None."""
        return self._by_name.get(name)

    @cached_property
    def _by_name(self) -> dict[str, Feature]:
        return {feature.name: feature for feature in self.features}

    @property
    def names(self) -> list[str]:
        """The names in the order in which the estimator takes them."""
        return [feature.name for feature in self.features]

    @cached_property
    def file_names(self) -> list[str]:
        """The names that a file may have: those of the features, and of their dummies."""
        return [*self.names, *(name for each in self.dummies.values() for name in each.names)]

    @cached_property
    def _file_names(self) -> set[str]:
        return set(self.file_names)

    def inputs_in(self, columns: Sequence[str]) -> dict[str, list[str]]:
        """The features that a table with these columns holds, with the columns that each is in.

        Of dummies the known ones come first, then those of levels that the model has not seen.
        """
        here, as_dummies = set(columns), self.dummies.read_from(columns)
        inputs = {name: [name] for name in self.names if name in here or name in as_dummies}
        free = [name for name in columns if name not in self._file_names] if as_dummies else []
        for name, dummies in as_dummies.items():
            known = [column for column in columns if column in dummies.level_of]
            inputs[name] = [*known, *dummies.levels_in(free)]
        return inputs

    def taken_from(self, columns: Sequence[str]) -> set[str]:
        """The columns of such a table that the model takes."""
        return {name for parts in self.inputs_in(columns).values() for name in parts}

    @property
    def typical(self) -> dict[str, Any]:
        """A typical case: medians and commonest choices of the training data."""
        return {feature.name: feature.typical for feature in self.features}

    def read(self, case: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
        """The case as the model takes it, in the model's order, with its problems field by field.

        A field with a blocking problem is None in the returned case. A misspelt field makes one
        problem, not one for the extra name and another for the missing one.
        """
        clean: dict[str, Any] = {}
        case, problems = self._without_dummies(case)
        extra, renamed = self._unexpected(case)
        misread = {problem.field for problem in problems}
        for feature in self.features:
            clean[feature.name], problem = feature.read(case.get(feature.name))
            if feature.name in renamed or feature.name in misread:
                continue
            if feature.name not in case:
                problem = _absent(feature)
            if problem:
                problems.append(problem)
        return clean, extra + problems

    def _without_dummies(self, case: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[Problem]]:
        """The case with the value of each feature that it has as dummies, and what is wrong."""
        problems = []
        for name in self.dummies.read_from(case):
            columns = self.inputs_in(list(case))[name]
            flags = {column: case[column] for column in columns}
            value, found = _value_of(flags, self[name], self.dummies[name])
            case = {n: v for n, v in case.items() if n not in flags} | {name: value}
            if found:
                problems.append(Problem(name, found, ONE))
        return case, problems

    def _unexpected(self, case: Mapping[str, Any]) -> tuple[list[Problem], set[str]]:
        absent = [name for name in self.names if name not in case]
        problems, renamed = [], set()
        for name in case:
            if name in self._by_name:
                continue
            near = closest(str(name), absent)
            if near:
                renamed.add(near)
                expected = f"did you mean {near}? Rename it."
            else:
                expected = "remove it, or check the spelling."
            found = "is not a field of this model"
            problems.append(Problem(str(name), found, expected, near=near or None))
        return problems, renamed

    def frame(self, cases: Cases) -> pd.DataFrame:
        """Cases as the estimator takes them: columns in its order, in the types of its training.

        Accepts one case, a list of cases or a frame with at least the model's columns. Values must
        have been read by the schema or come from typed training data: nothing is parsed here.
        """
        return self.framed(self.arrays(cases), cases)

    def arrays(self, cases: Cases) -> dict[str, Any]:
        """The columns of `frame`, an array each: taken out of a frame one by one they cost more."""
        columns = self.columns(cases)
        return {feature.name: typed(columns[feature.name], feature) for feature in self}

    def framed(self, arrays: Mapping[str, Any], cases: Cases) -> pd.DataFrame:
        """The `arrays` of some cases as a frame, with the index of the cases if they have one."""
        import pandas as pd

        index = cases.index if isinstance(cases, pd.DataFrame) else None
        return compatibility.frame(arrays, index)

    def columns(self, cases: Cases) -> dict[str, Any]:
        """The model's columns of some cases as they are: a list each, or a frame's own arrays."""
        import pandas as pd

        if isinstance(cases, pd.DataFrame):
            if not all(isinstance(name, str) for name in cases.columns):
                cases = cases.rename(columns=str)
            return {name: cases[name].array for name in self.names}
        rows = [cases] if isinstance(cases, Mapping) else cases
        return {name: [row[name] for row in rows] for name in self.names}


def _value_of(cells: Mapping[str, Any], feature: Feature, dummies: Dummies) -> tuple[Any, str]:
    """The feature's value by the cells of its dummies, and what is wrong with them."""
    flags = {name: flag_of(cell) for name, cell in cells.items()}
    odd = next((name for name in cells if name in dummies.level_of and flags[name] is None), None)
    if odd is not None:
        return None, f"is {quoted(cells[odd])} in {quoted(odd)}"
    flags_alone = {name: bool(flag) for name, flag in flags.items()}
    absent = [name for name in dummies.names if name not in cells]
    if absent and not any(flags_alone.values()):
        # One that is not in the case may be its 1.
        return None, lacks(absent)
    level, found = dummies.level(flags_alone, optional=feature.optional)
    if not level:
        return None, found
    if feature.is_numeric and feature.kind_of.choices == "none":
        return float(level), found
    return next(iter(feature.index.written(level)), level), found


def typed(values: Any, feature: Feature) -> Any:
    """A column in the dtype that the estimator was trained on, missing values as NaN."""
    import numpy as np
    import pandas as pd

    dtype = feature.column_dtype
    if dtype == "category":
        levels = pd.Index(list(feature.values))
        categorical = pd.Categorical(values)
        # One look-up for each level, not for each cell; a missing cell has the code -1.
        codes = np.append(levels.get_indexer(categorical.categories), -1)[categorical.codes]
        return pd.Categorical.from_codes(codes, levels)
    if dtype == "str" and feature.kind_of.choices == "list":
        return _shared(values)
    if dtype in ("bool", "int64") and pd.isna(values).any():
        dtype = "float64" if dtype == "int64" else "object"
    if dtype in ("float64", "int64", "bool"):
        return np.asarray(values, dtype=dtype)
    if dtype == "object":
        cells = np.empty(len(values), dtype=object)
        cells[:] = values
        cells[pd.isna(cells)] = GAPS[feature.gap]
        return cells
    if dtype.startswith("datetime64["):
        return compatibility.moments(values, dtype)
    return compatibility.texts(values) if dtype == "str" else pd.array(values, dtype=dtype)


_WIDE = (
    (re.compile(r"u?int\d+(?=\Z|\[)"), "int64"),
    (re.compile(r"U?Int\d+\Z"), "Int64"),
    (re.compile(r"float(16|32)\Z"), "float64"),
    (re.compile(r"Float32\Z"), "Float64"),
    (re.compile(r"(half)?float(?=\[pyarrow)"), "double"),
)


def _widened(dtype: str) -> str:
    """The dtype of 64 bits that holds numbers of this one; any other dtype as it is."""
    return next((p.sub(wide, dtype, count=1) for p, wide in _WIDE if p.match(dtype)), dtype)


def _shared(values: Any) -> Any:
    """Texts of which equal ones are the same object: encoders then hash each but once."""
    import numpy as np
    import pandas as pd

    if len(values) > MANY and not compatibility.are_object_texts(values):
        codes, levels = pd.factorize(compatibility.texts(values))
        values = np.append(np.asarray(levels, dtype=object), math.nan)[codes]
    return compatibility.object_texts(values)


def _absent(feature: Feature) -> Problem:
    if feature.optional:
        return Problem(feature.name, "is not in the case", "it is read as not known", False)
    return Problem(feature.name, "is missing from the case", f"expected {feature.expected}")


def type_safe_less(left: Any, right: Any) -> bool:
    """``left < right`` for two numbers or two texts; False where they cannot be compared."""
    if isinstance(left, str) != isinstance(right, str):
        return False
    return bool(left < right)


def first_difference(left: Schema, right: Schema) -> str:
    """The first field in which two schemas would take other cases, in words; empty if none.

    Names, kinds, choices, and whether a value may be missing; not ranges, labels or units.
    """
    for name in dict.fromkeys([*left.names, *right.names]):
        one, other = left.get(name), right.get(name)
        if one is None or other is None:
            return f"{name} is a field of one alone"
        if one.kind != other.kind:
            return f"{name} is of the kind {one.kind} in one and {other.kind} in the other"
        if sorted(map(repr, one.values)) != sorted(map(repr, other.values)):
            return f"{name} has other choices"
        if one.optional != other.optional:
            return f"{name} may be missing in one alone"
    return ""
