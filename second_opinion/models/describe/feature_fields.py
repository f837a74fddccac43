"""One input of a card: inferred from its training column, or from what the model itself knows."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from second_opinion.compatibility import dtype_name
from second_opinion.errors import UserError
from second_opinion.formatting import decimals_of, humanise
from second_opinion.models.describe.estimator_facts import InputFacts
from second_opinion.models.describe.gaps import blank, gap_of
from second_opinion.records.feature_kinds import LARGEST_EXACT_INTEGER
from second_opinion.records.value import plain, shortest, typed_text

if TYPE_CHECKING:
    import pandas as pd

MOST_CHOICES = 200
MOST_LEVELS = 2000
YES_NO_TEXTS = {"0", "1", "false", "true"}
NOTHING = InputFacts()
DAY = re.compile(r"\d{1,4}([-/.])\d{1,2}\1\d{1,4}([T ][\d:.+Z-]*)?")


def feature_fields(column: pd.Series[Any], inside: InputFacts = NOTHING) -> dict[str, Any]:
    """One feature of the card, inferred from its training column.

    ``inside`` is what the model's steps say of it: whole numbers that they encode are codes.
    """
    import pandas as pd

    gap = gap_of(column, inside.gaps)
    column = blank(column, gap)
    values = _inferred(column.dropna())
    name = str(column.name)
    fields = _field(name) | {
        "missing": bool(len(values) < len(column)),
        "dtype": dtype_name(column),
        **_gap_fields(gap),
    }
    if values.empty:
        raise UserError(
            f"The column {name!r} of the data has no value at all. Remove it and train again, or "
            "give the data that the model was trained on."
        )
    _refuse_odd(name, values)
    if inside.words:
        return fields | {"kind": "text", "typical": ""}
    if inside.strict:
        fields["unknown"] = "error"
    levels = values.unique()
    if _is_yes_or_no(values, levels, inside):
        return fields | _boolean(_mode(values))
    if column.dtype == "category":
        # Their order counts: old boosted trees know a category by its place alone.
        in_order = [plain(value) for value in column.cat.categories]
        return fields | _category(in_order, _mode(values))
    if column.dtype.kind == "M":
        return fields | _moments(values)
    if pd.api.types.is_numeric_dtype(values):
        return fields | (_codes(values, inside) or _numeric(column, values))
    learned = _learned(inside, str)
    if learned or _is_category(len(levels), len(values)):
        return fields | _category(learned or {plain(value) for value in levels}, _mode(values))
    _refuse_mixed(name, levels)
    return fields | {"kind": "text", "typical": _typical_text(levels)}


def _typical_text(levels: Any) -> str:
    """The middle one of texts that are all days, which a model may have to parse; else empty.

    Any other text may be about a person.
    """
    texts = list(map(str, levels))
    return sorted(texts)[len(texts) // 2] if all(map(DAY.fullmatch, texts)) else ""


def _inferred(values: pd.Series[Any]) -> pd.Series[Any]:
    """Numbers that are kept as Python objects as a column of numbers; all else as it is."""
    numbers = values.infer_objects() if values.dtype == "object" else values
    return numbers if numbers.dtype.kind in "iuf" else values


def _is_yes_or_no(values: pd.Series[Any], levels: Any, inside: InputFacts) -> bool:
    import pandas as pd

    is_pair = pd.api.types.is_bool_dtype(values.dtype) or set(levels) <= {0, 1}
    # The levels of dummies are known by their texts alone.
    return is_pair and {typed_text(level) for level in inside.choices or ()} <= YES_NO_TEXTS


def _gap_fields(gap: str) -> dict[str, Any]:
    """The card's words for what a missing value is: all but NaN exist among objects alone."""
    return {} if gap == "nan" else {"gap": gap, "dtype": "object"}


def known_fields(name: str, inside: InputFacts) -> dict[str, Any]:
    """One feature of the card from what the model's steps say alone.

    Without a word from them it is a number, and 0 stands for a typical one.
    """
    gap = inside.gaps[0] if inside.gaps else "nan"
    fields = _field(name) | {"missing": False} | _gap_fields(gap)
    if inside.words:
        return fields | {"kind": "text", "typical": ""}
    levels = inside.choices or ()
    typical: Any = inside.typical if inside.typical in levels else next(iter(levels), None)
    if levels and set(levels) <= {0, 1}:
        return fields | _boolean(typical)
    if not levels:
        return fields | _guessed(inside)
    fields |= {"unknown": "error"} if inside.strict else {}
    if inside.dtype:
        return fields | _category(list(levels), typical) | {"dtype": inside.dtype}
    if any(isinstance(level, float) for level in levels) and _learned(inside, (int, float)):
        whole = {int(level) for level in levels}
        return fields | _category(whole, int(typical)) | {"dtype": "float64"}
    return fields | _category(set(levels), typical)


def _field(name: str) -> dict[str, Any]:
    return {"name": name, "label": humanise(name), "unit": "", "description": ""}


def _guessed(inside: InputFacts) -> dict[str, Any]:
    """A number with a typical value of as many digits as its spread, or its size, gives sense."""
    value = 0.0 if inside.typical is None else float(inside.typical)
    scale = inside.spread or abs(value) or 1.0
    value = round(value, 2 - math.floor(math.log10(scale)))
    bounds = {key: v for key, v in (("min", inside.low), ("max", inside.high)) if v is not None}
    if len(bounds) == 2:
        middle = (bounds["min"] + bounds["max"]) / 2
        value = min(max(middle if inside.typical is None else value, bounds["min"]), bounds["max"])
    return {"kind": "number", "typical": value, **bounds}


def _category(choices: set[Any] | list[Any], typical: Any) -> dict[str, Any]:
    """Choices in the order of a list; those of a set by size, or by letter."""
    if isinstance(choices, set):
        choices = sorted(choices, key=str if any(isinstance(v, str) for v in choices) else None)
    return {"kind": "category", "typical": typical, "choices": choices}


def _codes(values: pd.Series[Any], inside: InputFacts) -> dict[str, Any]:
    """Numbers that an encoder takes for names: a category; empty where none does.

    Whole ones stand there as the integers that people see in their data.
    """
    if inside.choices is None:
        return {}
    choices = _learned(inside, (int, float))
    if _is_whole(values) and (choices or values.nunique() <= MOST_CHOICES):
        choices = choices or set(values.unique())
        return _category({int(plain(v)) for v in choices}, int(plain(_mode(values))))
    if all(type(choice) in (int, float) for choice in inside.choices):
        typical = shortest(_mode(values), values.dtype)
        dtype = {"dtype": inside.dtype} if inside.dtype else {}
        return _category({float(choice) for choice in inside.choices}, typical) | dtype
    return {}


def _learned(inside: InputFacts, kind: Any) -> set[Any]:
    """The categories that an encoder learned, if they are of this kind, and numbers whole."""
    choices = set(inside.choices or ())
    fits = all(isinstance(v, kind) and not isinstance(v, bool) for v in choices)
    whole = all(v == int(v) for v in choices) if fits and kind is not str else True
    return choices if fits and whole else set()


def _is_whole(values: pd.Series[Any]) -> bool:
    return bool((values == values.round()).all() and values.abs().max() <= LARGEST_EXACT_INTEGER)


def _is_category(levels: int, rows: int) -> bool:
    """Whether values are few and repeat. People's names do not, and must not go into a card."""
    few = levels <= max(20, min(MOST_CHOICES, rows // 5))
    return few and (levels <= 10 or levels * 2 <= rows)


def _refuse_odd(name: str, values: pd.Series[Any]) -> None:
    """Raise `UserError` for values that no form and no file can give exactly."""

    if values.dtype.kind in "iuf":
        odd = values[~np.isfinite(values.to_numpy(float))]
        if odd.empty and values.dtype.kind in "iu":
            odd = values[(values > LARGEST_EXACT_INTEGER) | (values < -LARGEST_EXACT_INTEGER)]
        if not odd.empty:
            raise UserError(
                f"The column {name!r} of the data holds {plain(odd.iloc[0])}; expected finite "
                "numbers, and whole ones up to 2^53. Leave that column out, train and save again."
            )
    elif values.dtype.kind != "M":
        simple = (str, bool, int, float, np.number, np.bool_)
        strange = [value for value in values if not isinstance(value, simple)][:1]
        if strange or values.dtype.kind in "mc":
            kind = type(strange[0] if strange else values.iloc[0]).__name__
            raise UserError(
                f"The column {name!r} of the data holds values of type {kind}; expected numbers, "
                "texts, true or false, or dates. Convert it, train and save again."
            )


def _refuse_mixed(name: str, levels: Any) -> None:
    """Raise `UserError` for a column of free texts that holds something else as well."""
    strange = next((level for level in levels if not isinstance(level, str)), None)
    if strange is not None:
        raise UserError(
            f"The column {name!r} of the data holds {len(levels):,} different values, not all of "
            f"them texts: {plain(strange)!r}. Expected texts alone, or numbers alone. Convert it, "
            "train and save again."
        )


def _boolean(typical: Any) -> dict[str, Any]:
    """A yes or no, in the values that the model was trained on: True or 1 or 1.0."""
    typical = plain(typical)
    fields: dict[str, Any] = {"kind": "boolean", "typical": typical}
    if not isinstance(typical, bool):
        number = type(typical)
        labels = ((number(0), "no"), (number(1), "yes"))
        fields["choices"] = [{"value": value, "label": label} for value, label in labels]
    return fields


def _numeric(column: pd.Series[Any], values: pd.Series[Any]) -> dict[str, Any]:
    whole = _is_whole(values)
    # A whole-number column with holes is read as floats by pandas; people still count in ones.
    kind = (
        "integer"
        if whole and (values.dtype.kind in "iu" or len(values) < len(column))
        else "number"
    )
    # The lower of two middle values: their mean has a digit that no training case has.
    middle = values.quantile(0.5, interpolation="lower")
    low, high = values.min(), values.max()
    cast = int if kind == "integer" else float
    fields = {
        "kind": kind,
        "min": cast(min(plain(low), shortest(low, values.dtype))),
        "max": cast(max(plain(high), shortest(high, values.dtype))),
        "typical": cast(shortest(middle, values.dtype)),
    }
    return fields | ({"places": _places(values)} if kind == "number" else {})


def _places(values: pd.Series[Any]) -> int:
    """Digits after the point of the training values, up to six: what a person would type."""
    some = values.unique()[:MOST_LEVELS]
    return min(6, max(decimals_of(shortest(value, values.dtype)) for value in some))


def _moments(values: pd.Series[Any]) -> dict[str, Any]:
    """A day, or a moment where some training value has a time of day or a time zone."""
    moments = values.sort_values()
    has_zone = values.dt.tz is not None
    if not has_zone and bool((values == values.dt.normalize()).all()):
        ends = [str(moments.iloc[at].date()) for at in (0, -1, len(moments) // 2)]
        kind, unit = "date", ""
    else:
        moments = moments.dt.tz_convert("UTC") if has_zone else moments
        ends = [moments.iloc[at].isoformat() for at in (0, -1, len(moments) // 2)]
        kind, unit = "datetime", "UTC" if has_zone else ""
    fields = dict(zip(("min", "max", "typical"), ends, strict=True))
    return {"kind": kind, "unit": unit, **fields}


def _mode(values: pd.Series[Any]) -> Any:
    return plain(values.value_counts().index[0])
