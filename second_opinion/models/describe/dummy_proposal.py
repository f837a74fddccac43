"""Which columns of 0 and 1 in the data are likely the dummies of one choice, as their names say."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from second_opinion.errors import UserError
from second_opinion.models.describe.input_form import as_lightgbm
from second_opinion.records.dummies import ONE, Dummies, flag_of, lacks

if TYPE_CHECKING:
    import pandas as pd

    from second_opinion.models.one_hot import OneHot

SEPARATORS = "_-=.:[ "
# Where dummies are never 1 together though so many rows would be by chance, that is no chance.
TELLING = 10
# Two columns of fewer rows may be each other's opposite by chance.
FEW = 10
# What `get_dummies` calls a missing value; its text in a card is empty.
MISSING = ("nan", "NaN", "<NA>")
# The level that has no dummy, whose name is in no file.
OTHER = "other"
_WHOLE = re.compile(r"0|[1-9][0-9]{0,8}")

Flags = dict[str, np.ndarray]


def proposed(names: Sequence[str], data: pd.DataFrame) -> OneHot:
    """The card's ``one_hot`` as the columns of the data suggest it; empty where none does.

    ``names`` are the columns that the model takes. Dummies begin alike, up to a separator, and no
    row is 1 in two of them; where rows are 1 in none, one level was dropped, or they are missing.
    """
    data = _as_kept(data, names)
    flags = _flags(names, data)
    chosen: dict[str, tuple[str, list[str]]] = {}
    # Those that are 1 in exactly one column leave the least doubt, and the most columns first.
    for exactly in (True, False):
        for prefix in sorted(_prefixes(flags), key=len):
            own = prefix.rstrip(SEPARATORS)
            members = _apart([name for name in flags if _level(name, prefix)], flags)
            if own not in {*data.columns, *chosen} and _is_choice(members, flags, exactly):
                chosen[own] = prefix, members
                flags = {name: flag for name, flag in flags.items() if name not in members}
    first = {own: names.index(members[0]) for own, (_, members) in chosen.items()}
    return {own: _dummy_of(*chosen[own], data) for own in sorted(chosen, key=first.__getitem__)}


def _as_kept(data: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """The data under the names that LightGBM made of its columns, where the model has those."""
    here, kept = {*map(str, data.columns)}, {*names}
    return data.rename(
        columns=lambda name: n if (n := as_lightgbm(str(name))) in kept - here else str(name)
    )


def _apart(members: list[str], flags: Flags) -> list[str]:
    """The columns without those that are 1 beside others: ``city_size_big`` is no city."""
    while len(members) > 1:
        ones = np.sum([flags[name] for name in members], axis=0)
        beside = {name: int((flags[name] & (ones > 1)).sum()) for name in members}
        worst = max(members, key=beside.__getitem__)
        if not beside[worst]:
            break
        members = [name for name in members if name != worst]
    return members


def _flags(names: Sequence[str], data: pd.DataFrame) -> Flags:
    """The columns of 0 and 1 alone, as truth values."""
    cells = {name: data[name] for name in names if name in data and not data[name].isna().any()}
    return {n: c.to_numpy(dtype=bool) for n, c in cells.items() if set(c.unique()) <= {0, 1}}


def _prefixes(names: Collection[str]) -> list[str]:
    """The beginnings up to a separator that several names share."""
    counts: Counter[str] = Counter()
    for name in names:
        ends = [at + 1 for at, letter in enumerate(name[:-1]) if letter in SEPARATORS]
        counts.update(name[:end] for end in ends if name[:end].strip(SEPARATORS))
    return [prefix for prefix, count in counts.items() if count > 1]


def _level(name: str, prefix: str) -> str:
    """What stands behind the prefix, without the bracket around it; empty where nothing does."""
    level = name.removeprefix(prefix) if name.startswith(prefix) else ""
    return level.removeprefix("T.").removesuffix("]") if "[" in prefix else level


def _is_choice(members: list[str], flags: Flags, exactly: bool) -> bool:
    if len(members) < 2:
        return False
    ones = np.sum([flags[name] for name in members], axis=0)
    if exactly:
        return bool(np.all(ones == 1)) and ones.size >= FEW
    shares = [float(flags[name].mean()) for name in members]
    by_chance: float = sum(a * b for a, b in combinations(shares, 2)) * ones.size
    return by_chance >= TELLING


def _dummy_of(prefix: str, members: list[str], data: pd.DataFrame) -> dict[str, str | None]:
    levels: dict[str, str | None] = {}
    for name in members:
        level = _level(name, prefix)
        levels["" if level in MISSING else level] = name
    if (data[members].sum(axis=1) == 0).any():
        levels[OTHER if OTHER not in levels else f"not {' or '.join(levels)}"] = None
    return levels


def renamed(one_hot: OneHot, column: str, level: str) -> OneHot:
    """The same with another name for the level of a column that has no dummy."""
    dummies = {level if name is None else old: name for old, name in one_hot[column].items()}
    return {**one_hot, column: dummies}


def with_choices(data: pd.DataFrame, one_hot: OneHot) -> pd.DataFrame:
    """The data with each choice in place of its dummies, where it has those alone.

    `UserError` names the first row that is not 1 in exactly one of them, or in none of those that
    the data has, where it lacks some.
    """
    import pandas as pd

    data = _as_kept(data, [name for d in one_hot.values() for name in d.values() if name])
    columns: dict[Any, Any] = {str(name): data[name] for name in data}
    for column, dummy_of in one_hot.items():
        dummies = Dummies(column, dummy_of)
        members = [name for name in dummies.names if name in columns]
        if column in columns or not members:
            continue
        choice = _choice(dummies, {name: columns[name] for name in members})
        at = list(columns).index(members[0])
        rest = [(name, values) for name, values in columns.items() if name not in members]
        before = sum(name not in members for name in list(columns)[:at])
        columns = dict([*rest[:before], (column, choice), *rest[before:]])
    return pd.DataFrame(columns, index=data.index)


def _choice(dummies: Dummies, cells: Mapping[str, Any]) -> list[Any]:
    """The value of each row; whole numbers where all levels are, as months."""
    as_whole = all(not level or _WHOLE.fullmatch(level) for level in dummies.dummy_of)
    absent = [name for name in dummies.names if name not in cells]
    values: list[Any] = []
    for at, row in enumerate(zip(*cells.values(), strict=True), start=1):
        flags = {name: bool(flag_of(cell)) for name, cell in zip(cells, row, strict=True)}
        level, found = dummies.level(flags, optional=True)
        if absent and not any(flags.values()):
            # One that is not in the data may be its 1.
            found = lacks(absent, "data")
        if found:
            raise UserError(
                f"In row {at} of the data, {dummies.column} {found}; {ONE}. Correct that row, or "
                "leave these columns apart."
            )
        values.append(None if not level else int(level) if as_whole else level)
    return values
