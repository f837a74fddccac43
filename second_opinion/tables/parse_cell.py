"""What the text of one cell means."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from second_opinion.formatting import quoted
from second_opinion.records.feature_kinds import Problem, Reading, misspelt
from second_opinion.schema import Feature

BLANKS = " \t\r\n\v\f"
_POINT_ZERO = re.compile(r"(?<=^[01])\.0+\Z")
_YES_NO = {"true": 1, "yes": 1, "1": 1, "false": 0, "no": 0, "0": 0}
_CANONICAL_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,15})")
_CANONICAL_FLOAT = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+(e[+-]?[0-9]+)?")


def texts_for_missing(feature: Feature) -> tuple[str, ...]:
    """The texts that mean that there is no value, beside an empty cell."""
    return feature.missing if isinstance(feature.missing, tuple) else ()


def is_missing(text: str, feature: Feature) -> bool:
    """Whether a cell says that there is no value.

    A choice of the card is that choice, whatever it looks like; blanks are a text in a category.
    """
    if feature.kind_of.choices == "list":
        named = text in texts_for_missing(feature)
        return not text or (named and not feature.index.written(text))
    tidy = text.strip(BLANKS)
    return not tidy or tidy in texts_for_missing(feature)


def expected(feature: Feature) -> str:
    """What a cell must be, in words."""
    noun = feature.kind_of.noun_in_file
    return noun if noun and not feature.range_text else feature.expected


def number_hint(text: str, decimal: str, *, optional: bool = True) -> str:
    """What keeps a text from being a number, where that can be told: ``, without a comma``.

    ``optional`` says whether the cell may be empty, which is only then advised.
    """
    for pattern, hint in _hints(decimal):
        if pattern.search(text):
            return f", {NEEDED if hint == LEFT_EMPTY and not optional else hint}"
    if decimal == ".":
        return ", without a comma" if "," in text else ""
    return ", with a comma before the decimals" if "." in text else ""


# The first that matches is said.
LEFT_EMPTY = "or the cell left empty where it is not known"
NEEDED = "which the model needs in every row"
_HINTS = (
    (r"^[+-]?(inf|infinity|nan)$", "and a finite one"),
    (r"\u2212", "with a plain hyphen for minus"),
    (r"[$€£¥]", "without a currency sign"),
    (r"%", "without a percent sign"),
    (r"[\u00a0\u202f]", "without the no-break space in it"),
    (r"_", "without underscores"),
    (r"^[+-]?0[xob]", "in decimal digits"),
    (r"[^\x00-\x7f]", "in the digits 0 to 9"),
    (r"^[+-]?(DECIMAL[0-9]+|[0-9]+DECIMAL)(e[+-]?[0-9]+)?$", "with digits on both sides"),
    (r"[0-9][ '][0-9]", "without marks between thousands"),
    (r"^(na|n/a|none|null|-|\?)$", LEFT_EMPTY),
)


@cache
def _hints(decimal: str) -> list[tuple[re.Pattern[str], str]]:
    mark = re.escape(decimal)
    return [(re.compile(text.replace("DECIMAL", mark), re.I), hint) for text, hint in _HINTS]


def cell_reader(feature: Feature) -> Callable[[str], Reading]:
    """Reads the text of a cell as `Feature.read` would its value."""
    choices = feature.kind_of.choices
    if choices == "none":
        return lambda text: _parsed(feature, text)
    if choices == "pair":
        return lambda text: _boolean(feature, text)
    return lambda text: _category(feature, text)


def _parsed(feature: Feature, text: str) -> Reading:
    value, problem = feature.read(feature.kind_of.parse(text.strip(BLANKS)))
    if problem is not None and problem.blocking:
        return None, Problem(feature.name, f"is {quoted(text)}", f"expected {expected(feature)}")
    return value, problem


def _boolean(feature: Feature, text: str) -> Reading:
    listed = feature.index.written(text)
    if len(listed) == 1:
        return listed[0], None
    tidy = _POINT_ZERO.sub("", text.strip(BLANKS).casefold())
    if tidy in _YES_NO:
        return feature.values[_YES_NO[tidy]], None
    return None, misspelt(feature, text)


def _category(feature: Feature, text: str) -> Reading:
    listed = feature.index.written(text)
    if listed:
        return _one_of(feature, listed, text)
    value = _unseen(feature, text)
    return (None, misspelt(feature, text)) if value is None else feature.read(value)


def _one_of(feature: Feature, values: list[Any], text: str) -> Reading:
    if len(values) == 1:
        return values[0], None
    both = " or ".join(quoted(value) for value in values)
    return None, Problem(feature.name, f"is {quoted(text)}", f"expected it told apart: {both}")


def _unseen(feature: Feature, text: str) -> Any:
    """A text that is no choice as a value of the kind that the choices have, or None."""
    kinds = feature.index.types
    if str in kinds:
        return text
    if kinds & {int, float} and _CANONICAL_WHOLE.fullmatch(text):
        return int(text) if int in kinds else float(text)
    if float in kinds and _CANONICAL_FLOAT.fullmatch(text):
        return float(text)
    return None
