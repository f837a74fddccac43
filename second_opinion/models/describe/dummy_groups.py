"""Which columns of the data a model knows as one-hot dummies: ``city`` as ``city_A, city_B``."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from second_opinion.errors import UserError
from second_opinion.formatting import joined, quoted
from second_opinion.models.describe.input_form import as_lightgbm
from second_opinion.records.value import plain, typed_text

if TYPE_CHECKING:
    import pandas as pd

    from second_opinion.models.one_hot import OneHot

MOST_LEVELS = 2000


@dataclass(frozen=True)
class _Reading:
    """One way to read dummies as a column: the level of each, and what stands before the level.

    ``named`` is whether that is the column's own name; ``without`` are levels without a dummy.
    """

    column: str
    prefix: str
    levels: dict[str, str]
    named: bool
    without: tuple[str, ...]

    @property
    def rank(self) -> tuple[bool, int, int, int]:
        """The better way first: by its name, with the fewest levels left out, the most dummies."""
        return (not self.named, len(self.without), -len(self.levels), len(self.prefix))

    @property
    def dummy_of(self) -> dict[str, str | None]:
        """The dummy of each level, and None for the one that ``drop_first`` left out.

        Of several levels without a dummy, that is the first; the model has not seen the others.
        """
        dummies: dict[str, str | None] = {level: name for name, level in self.levels.items()}
        in_order = sorted([*dummies, *self.without], key=_by_size)
        if len(self.without) == 1 or in_order[0] in self.without:
            dummies[in_order[0] if len(self.without) > 1 else self.without[0]] = None
        return {level: dummies[level] for level in in_order if level in dummies}


def one_hot_of(names: Sequence[str], data: pd.DataFrame, target: str) -> OneHot:
    """The card's ``one_hot``: for each column the dummy of each level; empty where there is none.

    ``names`` are the columns that the model was trained on. A dummy is told by its end, which is
    the text of a level of the data, and by its beginning, which all dummies of a column share, most
    often its name. A level may have no dummy (``drop_first``). `UserError` where two columns of
    the data would do for the same dummies.
    """
    order = [str(name) for name in data]
    absent = [name for name in names if name not in order]
    columns = [name for name in order if name not in {*names, target}]
    if not absent or not columns:
        return {}
    by_name = {str(name): name for name in data}
    readings = [r for name in columns for r in _readings(name, data[by_name[name]], absent)]
    chosen: dict[str, _Reading] = {}
    left = set(absent)
    for reading in sorted(readings, key=lambda r: r.rank):
        if reading.column not in chosen and {*reading.levels} <= left:
            _refuse_rivals(reading, [r for r in readings if r.column not in chosen])
            left -= {*reading.levels}
            chosen[reading.column] = reading
    wider = {column: _widened(reading, left) for column, reading in chosen.items()}
    return {column: wider[column].dummy_of for column in sorted(wider, key=order.index)}


def with_those_of(given: OneHot, names: Sequence[str], data: pd.DataFrame, target: str) -> OneHot:
    """The ``one_hot`` that somebody gives, with what the data says of the other columns."""
    taken = {name for dummies in given.values() for name in dummies.values()}
    return {**given, **one_hot_of([name for name in names if name not in taken], data, target)}


def _widened(reading: _Reading, left: set[str]) -> _Reading:
    """The reading with dummies whose level is not in the data, which may be a part of it alone."""
    if not (reading.named and reading.prefix):
        return reading
    more = {
        n: _bare(n)[len(reading.prefix) :] for n in sorted(left) if n.startswith(reading.prefix)
    }
    left -= {*more}
    # What get_dummies makes of a missing value; its text in a card is empty.
    more = {name: "" if level == "nan" else level for name, level in more.items()}
    return replace(reading, levels={**reading.levels, **more})


def _bare(name: str) -> str:
    """A dummy's name without what closes a bracket: ``city[B``."""
    return name[:-1] if name.endswith("]") else name


def _by_size(level: str) -> tuple[float, str]:
    try:
        return float(level), level
    except ValueError:
        return float("inf"), level


def _refuse_rivals(reading: _Reading, readings: list[_Reading]) -> None:
    rivals = {
        r.column
        for r in readings
        if r.column != reading.column
        and (r.named, {*r.levels}, len(r.without))
        == (reading.named, {*reading.levels}, len(reading.without))
    }
    if rivals:
        columns = joined([quoted(name) for name in sorted({reading.column, *rivals})])
        dummies = joined([quoted(name) for name in list(reading.levels)[:4]])
        own = reading.prefix.rstrip("_-=:.[ ")
        todo = (
            f"Rename the one that they are made of to {quoted(own)} in the data."
            if own
            else "Take out of the data the one that they are not made of."
        )
        raise UserError(
            f"The model was trained on dummies such as {dummies}, and the columns {columns} of the "
            f"data would each do for them. {todo}"
        )


def _readings(column: str, cells: pd.Series[Any], absent: list[str]) -> Iterator[_Reading]:
    """The ways in which some of the absent columns may be dummies of this one."""
    texts = _level_texts(cells)
    by_prefix: dict[str, dict[str, str]] = defaultdict(dict)
    for name in absent:
        bare = _bare(name)
        for text, level in texts.items():
            if bare.endswith(text):
                by_prefix[bare[: len(bare) - len(text)]].setdefault(name, level)
    every = {*texts.values()}
    for prefix, levels in by_prefix.items():
        named = _is_named(prefix, column)
        without = tuple(sorted(every - {*levels.values()}, key=_by_size))
        if named or (len(without) < 2 and _is_telling(prefix, levels)):
            yield _Reading(column, prefix, levels, named, without)


def _is_telling(prefix: str, names: Iterable[str]) -> bool:
    """Whether names end in words by more than chance: ``x1`` is no dummy of a 0 or 1."""
    ends = [_bare(name)[len(prefix) :] for name in names]
    words = [end for end in ends if not math.isfinite(_by_size(end)[0])]
    return len(words) == len(ends) and (len(words) > 1 or len(words[0]) > 1)


def _is_named(prefix: str, column: str) -> bool:
    """Whether a prefix is the column's name, up to case and what stands between words."""
    return _folded(prefix.removesuffix("[T.")) == _folded(column)


def _folded(text: str) -> str:
    # What stands between words, and brackets around a level, are no part of a name.
    return re.sub(r"[\W_]+", "", text.casefold())


def _level_texts(cells: pd.Series[Any]) -> dict[str, str]:
    """Each text in which a dummy may end, with the level as the card writes it; none if too many.

    A whole number may have been a float, and a truth value a number, when the dummies were made.
    """
    levels = [plain(level) for level in cells.dropna().unique()[: MOST_LEVELS + 1]]
    if len(levels) > MOST_LEVELS:
        return {}
    texts: dict[str, str] = {}
    for level in levels:
        card_text = typed_text(level)
        ways = [card_text, str(level)]
        if isinstance(level, (int, float)) and level == int(level):
            ways += [str(float(level)), str(int(level))]
        texts |= dict.fromkeys(ways, card_text)
        # LightGBM and XGBoost do not take every name, and people make them simple.
        for way in (as_lightgbm(card_text), re.sub(r"\W", "_", card_text)):
            texts.setdefault(way, card_text)
            texts.setdefault(way.casefold(), card_text)
    return texts
