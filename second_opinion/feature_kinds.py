"""What each kind of feature is: how its values are read, parsed, typed, drawn and put in words."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, Protocol

from second_opinion.formatting import number_text, quoted
from second_opinion.records.value import same_value

Shape = Literal["number", "date", "level", "text"]

# Beyond this a 64-bit float no longer tells neighbouring whole numbers apart.
LARGEST_EXACT_INTEGER = 2**53

# How programs write a date that they hold as a moment.
_MIDNIGHT = re.compile(r"(?<=[0-9])[T ]00:00(:00(\.0{1,9})?)?\Z")


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, or worth knowing, about one field of a case.

    A blocking problem must be mended before the case can be predicted; the others are flags.
    """

    field: str
    found: str
    expected: str
    blocking: bool = True

    def __str__(self) -> str:
        return f"{self.field} {self.found}; {self.expected}"


Reading = tuple[Any, Problem | None]


class Described(Protocol):
    """What a kind looks at of a feature."""

    @property
    def name(self) -> str:
        """The name of the column."""

    @property
    def values(self) -> tuple[Any, ...]:
        """The allowed values, where they are listed."""

    @property
    def unknown(self) -> str:
        """``error`` where a value beside the listed ones is refused."""

    def problem(self, finding: str, *, blocking: bool = True) -> Problem:
        """The finding with what is expected instead."""

    def outside(self, value: Any) -> Problem | None:
        """The flag of a value outside the training range."""


def in_words(value: Any) -> str:
    """A value as people read it: yes or no, a number with thousands apart, a text as it is."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return number_text(value) if isinstance(value, (int, float)) else str(value)


def read_number(feature: Described, value: Any) -> Reading:
    """A finite number as a float."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None, feature.problem(f"is {quoted(value)}")
    if not math.isfinite(value):
        return None, feature.problem(f"is {value}")
    # An integer of any size would overflow the float that the estimator works with.
    value = float(value) if abs(value) <= LARGEST_EXACT_INTEGER else value
    if isinstance(value, int):
        return None, feature.problem(f"is {quoted(value)}, too large to be exact")
    return value, feature.outside(value)


def read_integer(feature: Described, value: Any) -> Reading:
    """A whole number as an int."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None, feature.problem(f"is {quoted(value)}")
    if not math.isfinite(value) or value != int(value):
        return None, feature.problem(f"is {number_text(value)}")
    if abs(value) > LARGEST_EXACT_INTEGER:
        return None, feature.problem(f"is {quoted(value)}, too large to be exact")
    return int(value), feature.outside(int(value))


def read_category(feature: Described, value: Any) -> Reading:
    """One of the choices, or another value of their type, which is flagged or refused."""
    for category in feature.values:
        if same_value(category, value):
            return category, None
    alike = _alike(feature, value)
    if alike is not None:
        finding = f"is {quoted(value)}"
        return None, Problem(feature.name, finding, f"did you mean {quoted(alike)}?")
    types = {type(category) for category in feature.values}
    if type(value) not in types or feature.unknown == "error":
        return None, feature.problem(f"is {quoted(value)}")
    return value, feature.problem(f"is {quoted(value)}", blocking=False)


def _alike(feature: Described, value: Any) -> Any:
    """The choice that differs from the value in case, blanks or type alone."""
    tidy = str(value).strip().casefold()
    return next((v for v in feature.values if str(v).strip().casefold() == tidy), None)


def read_boolean(feature: Described, value: Any) -> Reading:
    """One of the pair for no and yes; true and false stand for them too."""
    no, yes = feature.values
    if isinstance(value, bool):
        return (yes if value else no), None
    for candidate in feature.values:
        if same_value(candidate, value):
            return candidate, None
    return None, feature.problem(f"is {quoted(value)}")


def read_text(feature: Described, value: Any) -> Reading:
    """A text that can be stored."""
    if not isinstance(value, str):
        return None, feature.problem(f"is {quoted(value)}")
    if "\x00" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
        return None, feature.problem("has a character that cannot be stored")
    return value, None


def read_date(feature: Described, value: Any) -> Reading:
    """A day as ISO text."""
    try:
        day = date.fromisoformat(_MIDNIGHT.sub("", value)).isoformat()
    except (TypeError, ValueError):
        return None, feature.problem(f"is {quoted(value)}")
    return day, feature.outside(day)


# How a column of a shape may be read: for each shape the parsers that give what it is counted by.
_COLUMNS = {
    "number": ("numbers", "levels"),
    "date": ("levels",),
    "level": ("levels",),
    "text": ("texts", "levels"),
}


@dataclass(frozen=True)
class FeatureKind:
    """One kind of feature: all that the rest of the program asks of it.

    - ``noun``: what a value must be, as JSON writes it: ``a number``; ``noun_in_file`` where a file
      says it otherwise, as long as no training range is known.
    - ``shape``: how it is counted and drawn: along a line of numbers or days, level by level, or
      (text) not at all.
    - ``widget``: the field of the form, by its name in ``ui.form.WIDGETS``.
    - ``read``: the feature and what a form or JSON gives, neither None nor empty, to the value that
      is stored, and a `Problem` or None.
    - ``column``: how a file's column of texts is parsed, by its name in
      ``tables.parse_column.PARSERS``: as numbers or as texts, or (levels) each distinct text once:
      ``parse`` makes of the text, without blanks around it, what ``read`` takes.
    - ``cell``: a value as a cell that ``parse`` understands, for the template and for rows of
      JSON; None where a cell of any table would do.
    - ``dtype``: the usual pandas dtype of a training column; empty for that of the choices.
    - ``choices``: whether a card lists the values: ``list`` (it must; others are flagged as
      unseen), ``pair`` (no and yes, or what stands for them), ``none``.
    - ``text``: a value, or an end of its training range, as people read it, without its unit.
    - ``has_unit``: whether the card's unit stands behind it. ``is_whole``: numbers without digits
      after the point.
    """

    name: str
    noun: str
    shape: Shape
    widget: str
    read: Callable[[Described, Any], Reading]
    column: Literal["numbers", "texts", "levels"] = "levels"
    noun_in_file: str = ""
    dtype: str = ""
    choices: Literal["none", "list", "pair"] = "none"
    parse: Callable[[str], Any] = str
    cell: Callable[[Any], str] | None = None
    text: Callable[[Any], str] = in_words
    has_unit: bool = False
    is_whole: bool = False

    def __post_init__(self) -> None:
        if self.column not in _COLUMNS[self.shape]:
            raise ValueError(
                f"A feature kind of the shape {self.shape} cannot have the column {self.column}; "
                f"expected {' or '.join(_COLUMNS[self.shape])}."
            )


KINDS = {
    kind.name: kind
    for kind in (
        FeatureKind(
            name="number",
            noun="a number",
            shape="number",
            widget="number",
            read=read_number,
            column="numbers",
            dtype="float64",
            has_unit=True,
        ),
        FeatureKind(
            name="integer",
            noun="a whole number",
            shape="number",
            widget="number",
            read=read_integer,
            column="numbers",
            dtype="int64",
            has_unit=True,
            is_whole=True,
        ),
        FeatureKind(
            name="category",
            noun="one of its choices",
            shape="level",
            widget="choice",
            read=read_category,
            choices="list",
        ),
        FeatureKind(
            name="boolean",
            noun="true or false",
            shape="level",
            widget="toggle",
            read=read_boolean,
            choices="pair",
        ),
        FeatureKind(
            name="text",
            noun="a text in quotes",
            noun_in_file="a text",
            shape="text",
            widget="text",
            read=read_text,
            column="texts",
            dtype="str",
        ),
        FeatureKind(
            name="date",
            noun="a date like 2026-11-20",
            noun_in_file="a date like 2026-11-20 (year-month-day)",
            shape="date",
            widget="date",
            read=read_date,
            dtype="datetime64[s]",
        ),
    )
}


def register(kind: FeatureKind) -> FeatureKind:
    """Put one more kind into the table, before a card that names it is read."""
    if kind.name in KINDS:
        raise ValueError(f"There is a feature kind {kind.name} already; expected another name.")
    KINDS[kind.name] = kind
    return kind
