"""What each kind of feature is: how its values are read, parsed, typed, drawn and put in words."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, Literal, Protocol

from second_opinion.formatting import number_text, quoted
from second_opinion.records.choices import Choices

Shape = Literal["number", "date", "level", "text"]

# Beyond this a 64-bit float no longer tells neighbouring whole numbers apart.
LARGEST_EXACT_INTEGER = 2**53

UNSTORABLE = "has a character that cannot be stored"
# How programs write a date that they hold as a moment.
_MIDNIGHT = re.compile(r"(?<=[0-9])[T ]00:00(:00(\.0{1,9})?)?\Z")
# ISO 8601 with an offset or none. Python alone takes any sign between day and time, and cuts off
# what is finer than a microsecond.
_MOMENT = re.compile(
    r"(?P<moment>\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(?=[. Z+-]|\Z))?)?)"
    r"((?<=:\d\d:\d\d)\.(?P<fraction>\d{1,9})0*)? ?(?P<offset>Z|[+-]\d\d:?\d\d)?",
    re.ASCII,
)
# The dot and six digits.
MICROSECONDS = 7
# What 64 bits of nanoseconds hold.
_NANOSECOND_YEARS = range(1678, 2262)


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, or worth knowing, about one field of a case.

    A blocking problem must be mended before the case can be predicted; the others are flags.
    ``near`` is what was likely meant, where that is known: a value, or, where the field is none of
    the model's, the name of one.
    """

    field: str
    found: str
    expected: str
    blocking: bool = True
    near: Any = None

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

    @property
    def dtype(self) -> str:
        """The pandas dtype of the training column, where it is not the usual one."""

    @property
    def has_zone(self) -> bool:
        """Whether the moments of the training column have a time zone."""

    @property
    def index(self) -> Choices:
        """The allowed values, to look one up."""

    @property
    def expected(self) -> str:
        """What a value must be, in words."""

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
    if isinstance(value, float) and not math.isfinite(value):
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
    # Neither infinity nor NaN is whole. An int may be too large to be made a float.
    if isinstance(value, float) and not value.is_integer():
        return None, feature.problem(f"is {number_text(value)}")
    if abs(value) > LARGEST_EXACT_INTEGER:
        return None, feature.problem(f"is {quoted(value)}, too large to be exact")
    return int(value), feature.outside(int(value))


def read_category(feature: Described, value: Any) -> Reading:
    """One of the choices, or another value of their type, which is flagged or refused.

    One that differs in case or blanks alone is refused in any case.
    """
    choice = feature.index.same(value)
    if choice is not None:
        return choice, None
    if isinstance(value, str) and not _is_storable(value):
        return None, feature.problem(UNSTORABLE)
    is_strange = type(value) not in feature.index.types or feature.unknown == "error"
    if is_strange or feature.index.alike(value) is not None:
        return None, misspelt(feature, value)
    return value, replace(misspelt(feature, value), blocking=False)


def misspelt(feature: Described, value: Any) -> Problem:
    """The refusal of a value that is no choice, with the choice that may be meant."""
    near = feature.index.nearest(value)
    problem = feature.problem(f"is {quoted(value)}")
    if near is None:
        return problem
    return replace(problem, expected=f"did you mean {quoted(near)}?", near=near)


def read_boolean(feature: Described, value: Any) -> Reading:
    """One of the pair for no and yes; true and false stand for them too."""
    no, yes = feature.values
    if isinstance(value, bool):
        return (yes if value else no), None
    choice = feature.index.same(value)
    return choice, None if choice is not None else feature.problem(f"is {quoted(value)}")


def read_text(feature: Described, value: Any) -> Reading:
    """A text that can be stored."""
    if not isinstance(value, str):
        return None, feature.problem(f"is {quoted(value)}")
    return (value, None) if _is_storable(value) else (None, feature.problem(UNSTORABLE))


def _is_storable(text: str) -> bool:
    """Whether a text has neither NUL nor half of a surrogate pair, which has no UTF-8 form."""
    return "\x00" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def read_date(feature: Described, value: Any) -> Reading:
    """A day as ISO text."""
    try:
        day = date.fromisoformat(_MIDNIGHT.sub("", value))
    except (TypeError, ValueError):
        return None, feature.problem(f"is {quoted(value)}")
    return _within_reach(feature, day, day.isoformat())


def read_datetime(feature: Described, value: Any) -> Reading:
    """A moment as ISO text to the second, or as fine as it is: to the micro- or nanosecond.

    Where the training column has a time zone it is in UTC, with its offset, and a value without an
    offset is taken as UTC. Where it has none, a value with an offset is refused.
    """
    parts = _MOMENT.fullmatch(value) if isinstance(value, str) else None
    try:
        moment = datetime.fromisoformat(
            f"{parts['moment']}{parts['offset'] or ''}" if parts else ""
        )
        if feature.has_zone:
            moment = moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None, feature.problem(f"is {quoted(value)}")
    if moment.tzinfo is not None and not feature.has_zone:
        expected = f"expected {feature.expected} without a time zone, which the model does not know"
        return None, Problem(feature.name, f"is {quoted(value)}", expected)
    fraction = _fraction((parts and parts["fraction"]) or "")
    if len(fraction) > MICROSECONDS and "[ns" not in feature.dtype:
        expected = "expected nothing finer than a microsecond, as in the model's column"
        return None, Problem(feature.name, f"is {quoted(value)}", expected)
    text = moment.isoformat(timespec="seconds")
    return _within_reach(feature, moment, text[:19] + fraction + text[19:])


def _fraction(digits: str) -> str:
    """What stands behind the second, as pandas writes it: nothing, six digits or nine."""
    digits = digits.ljust(9, "0")
    if digits.strip("0") == "":
        return ""
    return f".{digits[:6] if digits.endswith('000') else digits}"


def _within_reach(feature: Described, moment: date, text: str) -> Reading:
    """The text of a day or moment, if the training column could have held it."""
    if "[ns" in feature.dtype and moment.year not in _NANOSECOND_YEARS:
        expected = "expected a year from 1678 to 2261, which is all that the model's column holds"
        return None, Problem(feature.name, f"is {quoted(text)}", expected)
    return text, feature.outside(text)


def moment_text(value: Any) -> str:
    """A moment as people read it: ``2026-11-20 14:30``, with seconds where there are any."""
    text = str(value).removesuffix("+00:00").replace("T", " ")
    return text.removesuffix(":00") if text.count(":") == 2 else text


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
            widget="choice",
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
        FeatureKind(
            name="datetime",
            noun="a date and time like 2026-11-20T14:30",
            shape="date",
            widget="datetime",
            read=read_datetime,
            dtype="datetime64[us]",
            text=moment_text,
            has_unit=True,
        ),
    )
}


def register(kind: FeatureKind) -> FeatureKind:
    """Put one more kind into the table, before a card that names it is read."""
    if kind.name in KINDS:
        raise ValueError(f"There is a feature kind {kind.name} already; expected another name.")
    KINDS[kind.name] = kind
    return kind
