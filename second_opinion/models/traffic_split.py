"""A/B: what an alias points at, one version or several that share the new cases.

Everywhere outside this module it is a text: a version, or its arms as compact JSON. A version never
begins with a brace, so the two cannot be mistaken for each other.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from hashlib import sha256
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from second_opinion.errors import UserError
from second_opinion.formatting import joined, share_text
from second_opinion.jsonfile import read_json, write_json
from second_opinion.records.event import AliasMove
from second_opinion.records.review import VersionTally
from second_opinion.schema import Schema, first_difference
from second_opinion.statistics import agreement, paired

if TYPE_CHECKING:
    import pandas as pd


Shares = dict[str, float]

# 52 bits, which a float holds exactly.
DIGITS = 13


def read(pointed: str) -> Shares:
    """The share of new cases that each version gets, in order: ``{"1": 1.0}`` for a version."""
    if not pointed.startswith("{"):
        return {pointed: 1.0}
    arms: Shares = json.loads(pointed)
    return arms


def text(arms: Mapping[str, float]) -> str:
    """The arms as they are stored: a version, or compact JSON where there are several."""
    if len(arms) == 1:
        return next(iter(arms))
    return json.dumps(dict(arms), separators=(",", ":"))


def is_split(pointed: str) -> bool:
    """Whether several versions share the new cases."""
    return len(read(pointed)) > 1


def checked(arms: Mapping[Any, Any], where: str) -> Shares:
    """The arms with their shares as numbers; `UserError`, beginning with ``where``, if they fail.

    Shares are above 0 and sum to 1.
    """
    shares = {str(version): _share(share) for version, share in arms.items()}
    total = math.fsum(share or 0 for share in shares.values())
    if not shares or None in shares.values() or not math.isclose(total, 1, abs_tol=1e-6):
        raise UserError(
            f"{where} is {json.dumps(dict(arms), default=str)}; expected a share above 0 for each "
            'version, 1 in all, such as {"1": 0.5, "2": 0.5}. Correct that place.'
        )
    return {version: share for version, share in shares.items() if share}


def _share(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if value > 0 and math.isfinite(value) else None


def read_file(path: Path) -> dict[str, str]:
    """What each alias in an ``aliases.json`` points at; `UserError` names the wrong one."""
    content = read_json(path, default={})
    return {
        alias: _read(f"{path}: the alias {alias}", pointed) for alias, pointed in content.items()
    }


def _read(where: str, value: Any) -> str:
    if isinstance(value, dict):
        return text(checked(value, where))
    if not isinstance(value, str):
        raise UserError(
            f'{where} is {value!r}; expected a version in quotes, such as "{value}". Correct that '
            "place."
        )
    return value


def write_file(path: Path, aliases: Mapping[str, str]) -> None:
    """Write what each alias points at, so that `read_file` gives it back."""
    write_json(path, {a: read(p) if is_split(p) else p for a, p in aliases.items()})


def place(prediction_id: str) -> float:
    """Where an id lies between 0 and 1: the first 13 hexadecimal digits of its SHA-256, over 16^13.

    Nothing else enters, so an id has its place on every machine and at every time.
    """
    return int(sha256(prediction_id.encode()).hexdigest()[:DIGITS], 16) / 16.0**DIGITS


def drawn(arms: Mapping[str, float], prediction_id: str) -> str:
    """The version that answers: the first whose share, with those before it, passes the id's place.

    The order of the arms counts, and nothing else but the id.
    """
    at, passed = place(prediction_id), 0.0
    for version, share in arms.items():
        passed += share
        if at < passed:
            return version
    # Shares such as three times 0.333333 may end a little below 1.
    return version


def words(pointed: str) -> str:
    """``version 1``, or ``version 1 (50 %) and version 2 (50 %)``."""
    arms = read(pointed)
    if len(arms) == 1:
        return f"version {pointed}"
    return joined([f"version {version} ({share_text(share)})" for version, share in arms.items()])


def either(pointed: str) -> str:
    """``version 1``, or ``A/B: version 1 or 2``, which says nothing of who answered."""
    versions = list(read(pointed))
    if len(versions) == 1:
        return f"version {pointed}"
    return f"A/B: version {', '.join(versions[:-1])} or {versions[-1]}"


def history(start: str | None, moves: Sequence[AliasMove]) -> list[str]:
    """What one alias pointed at, the present one last: rolling back drops the last.

    What the folder says is the first; the moves on record come after it.
    """
    pointed = [start] if start is not None else []
    for move in moves:
        if move.action == "promote":
            pointed.append(move.version)
        elif len(pointed) > 1:
            pointed.pop()
    return pointed


def refuse_other_fields(schemas: Mapping[str, Schema]) -> None:
    """`UserError` unless all versions take the same fields; it names the first difference."""
    (first, expected), *others = schemas.items()
    for version, schema in others:
        if difference := first_difference(expected, schema):
            raise UserError(
                f"Versions {first} and {version} do not take the same fields: {difference}. One "
                "form must fit them all: share cases between versions with equal fields."
            )


def tally_table(arms: Sequence[VersionTally]) -> pd.DataFrame:
    """A row for each version of an A/B alias: its verdicts, and how often it is right.

    ``share`` with its 95 % Wilson interval ``low`` to ``high``, 0 to 1; unsure counts in
    neither. Without a verdict the share is NaN, and may be anything from 0 to 1.
    """
    import pandas as pd

    table = pd.DataFrame([vars(arm) for arm in arms])
    clear_verdicts = table["right"] + table["wrong"]
    low, high = agreement.wilson(table["right"], clear_verdicts)
    return table.assign(share=table["right"] / clear_verdicts, low=low, high=high)


def tally_texts(arms: Sequence[VersionTally]) -> list[str]:
    """Whether the arms can be told apart, a sentence for each pair; several share the 5 %."""
    pairs = list(combinations(arms, 2))
    return [
        ("" if len(pairs) == 1 else f"Versions {one.version} and {other.version}: ")
        + paired.fisher_text(
            (one.right, one.wrong),
            (other.right, other.wrong),
            (f"version {one.version}", f"version {other.version}"),
            paired.ALPHA / len(pairs),
        )
        for one, other in pairs
    ]
