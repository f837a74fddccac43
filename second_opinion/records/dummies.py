"""One-hot dummies as they stand in files: ``city_A, city_B`` for the one ``city``. No I/O."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from second_opinion.formatting import joined, quoted

SHOWN_NAMES = 4
_FLAG = re.compile(r"([01])(?:[.,]0+)?")
_WORDS = {"true": True, "false": False}


def flag_of(value: Any) -> bool | None:
    """Whether a cell or a JSON value is a dummy's 1; None for what is neither 0 nor 1."""
    if isinstance(value, (bool, int, float)):
        return bool(value) if value in (0, 1) else None
    text = str(value or "").strip().casefold()
    number = _FLAG.fullmatch(text)
    return number[1] == "1" if number else _WORDS.get(text)


@dataclass(frozen=True)
class Dummies:
    """The dummies of one column: ``dummy_of`` has that of each level, by the level's text.

    It is None for a level that has none (``drop_first``); the empty text is a missing value.
    """

    column: str
    dummy_of: Mapping[str, str | None]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The dummies in the order of the levels."""
        return tuple(name for name in self.dummy_of.values() if name is not None)

    @cached_property
    def level_of(self) -> dict[str, str]:
        """The text of the level that each dummy stands for."""
        return {name: level for level, name in self.dummy_of.items() if name is not None}

    @cached_property
    def without_dummy(self) -> str | None:
        """The text of the level that is 0 in every dummy; None where there is none."""
        return next((level for level, name in self.dummy_of.items() if name is None), None)

    @cached_property
    def prefix(self) -> str:
        """What every dummy begins with, before the text of its level; empty where they differ."""
        pairs = [(name, level) for name, level in self.level_of.items() if level]
        starts = {name.removesuffix(level) if name.endswith(level) else "" for name, level in pairs}
        return starts.pop() if len(starts) == 1 else ""

    def levels_in(self, columns: Iterable[str]) -> dict[str, str]:
        """The level of each of these columns that is a dummy: known ones, and further ones by name.

        A file may have been made of cases with a level that the model has never seen.
        """
        levels = {}
        for name in columns:
            if name in self.level_of:
                levels[name] = self.level_of[name]
            elif self.prefix and name.startswith(self.prefix) and name != self.prefix:
                levels[name] = name.removeprefix(self.prefix)
        return levels

    def level(self, flags: Mapping[str, bool], *, optional: bool) -> tuple[str | None, str]:
        """The text of the one level whose dummy is 1, and what is wrong; None is a missing value.

        ``optional`` says whether the value may be missing: its dummies are then all 0.
        """
        ones = [name for name, flag in flags.items() if flag]
        known = [name for name in ones if name in self.level_of]
        # A further column may be a count, which is 1 at times.
        ones = known or ones
        if len(ones) == 1:
            return self.levels_in(ones)[ones[0]], ""
        if ones:
            return None, several(ones)
        if self.without_dummy is None and not optional:
            return None, none_of(self.names)
        return self.without_dummy, ""


ONE = "expected 1 in exactly one of its columns"


def several(names: Sequence[str]) -> str:
    """What is wrong with a case that is 1 in several dummies."""
    return f"is 1 in {_some(names)}"


def none_of(names: Sequence[str]) -> str:
    """What is wrong with a case that is 1 in no dummy."""
    return f"is 1 in none of {_some(names)}"


def lacks(names: Sequence[str], where: str = "case") -> str:
    """What is wrong with a case that is 1 in no dummy that it has, and has not all of them."""
    return f"is 1 in no column of the {where}, which has no {_some(names)}"


def _some(names: Sequence[str]) -> str:
    more = [f"{len(names) - SHOWN_NAMES} more"] if len(names) > SHOWN_NAMES else []
    return joined([*map(quoted, names[:SHOWN_NAMES]), *more])


class DummiesByColumn(dict[str, Dummies]):
    """The dummies of a model by the column that people know."""

    @classmethod
    def of(cls, one_hot: Mapping[str, Mapping[str, str | None]]) -> DummiesByColumn:
        """Those that a card names in ``one_hot``."""
        return cls((column, Dummies(column, dummies)) for column, dummies in one_hot.items())

    def read_from(self, columns: Collection[str]) -> dict[str, Dummies]:
        """Those that a table with these columns has in place of the column itself."""
        here = columns if isinstance(columns, (set, frozenset, dict)) else set(columns)
        return {
            column: dummies
            for column, dummies in self.items()
            if column not in here and any(name in here for name in dummies.names)
        }
