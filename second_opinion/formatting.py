"""Numbers and names as people read them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from datetime import date, datetime, tzinfo
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

NOISE = 1e-10
# A headline of fewer is counts: 2 of 2 is no "100 %".
FEWEST_FOR_A_SHARE = 10


def round_to_three(value: float) -> str:
    """A predicted number with three significant digits, whole above a hundred."""
    return number_text(round(value) if abs(value) >= 100 else float(f"{value:.3g}"))


def percent(fraction: float) -> str:
    """A probability as a whole percentage that never claims certainty: ``over 99 %``."""
    if 0.99 < fraction < 1:
        return "over 99 %"
    if 0 < fraction < 0.01:
        return "under 1 %"
    return f"{fraction * 100:.0f} %"


def share_text(share: float) -> str:
    """A share that was counted, to a tenth of a percent: ``91.3 %``, ``50 %``, ``over 99.9 %``.

    100 % and 0 % are said of all and of none alone; NaN, a share of nothing, is ``–``. What a model
    says of itself is a probability: `percent`.
    """
    if math.isnan(share):
        return "–"
    # A share of fewer than a billion is further from all and none than this; a sum may be off.
    if NOISE < share < 0.001:
        return "under 0.1 %"
    if 0.999 < share < 1 - NOISE:
        return "over 99.9 %"
    return f"{_plain(share * 100)} %"


def rounded_down(share: float) -> str:
    """To a tenth of a percent, never more than it is: a bound, or a limit."""
    return share_text(math.floor(share * 1000 + 1e-9) / 1000)


def share_of(count: int, total: int, noun: str = "") -> str:
    """``91.3 % of 412 verdicts``, but of fewer than ten ``2 of 3 verdicts``."""
    of = plural(total, noun) if noun else f"{total:,}"
    part = f"{count:,}" if total < FEWEST_FOR_A_SHARE else share_text(count / total)
    return f"{part} of {of}"


def interval_text(low: float, high: float) -> str:
    """The ends of a share's interval, rounded outwards: ``87 to 94 %``, ``99.7 to 100 %``.

    To whole percents, and to tenths where less than two percents lie between; empty of NaN.
    """
    if math.isnan(low) or math.isnan(high):
        return ""
    parts = 1000 if high - low < 0.02 else 100
    bottom = math.floor(low * parts + NOISE * parts) * 100 / parts
    top = math.ceil(high * parts - NOISE * parts) * 100 / parts
    return f"{_plain(bottom)} to {_plain(top)} %"


def _plain(value: float) -> str:
    """To a tenth, without a nought at the end."""
    return f"{value:.1f}".removesuffix(".0")


def closest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate that the name most likely meant, or None."""
    by_fold = {folded(candidate): candidate for candidate in candidates}
    near = get_close_matches(folded(name), by_fold, n=1, cutoff=0.75)
    return by_fold[near[0]] if near else None


def folded(name: str) -> str:
    """A name without what people tend to write in another way: case, blanks, marks."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def humanise(name: str) -> str:
    """A column name as a label: ``tenure_months`` becomes ``Tenure months``."""
    words = name.replace("_", " ").split()
    return " ".join(words)[:1].upper() + " ".join(words)[1:]


def number_text(value: float) -> str:
    """A number with thousands apart and no digit lost that a person would miss."""
    if isinstance(value, int) or value == int(value if math.isfinite(value) else 0):
        return f"{value:,.0f}" if abs(value) < 1e15 else f"{value:g}"
    digits = f"{value:,.{min(6, decimals_of(value))}f}"
    return digits if abs(value) >= 1e-4 else f"{value:.3g}"


def quoted(value: Any) -> str:
    """The value as JSON would show it, cut to what fits on a line."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "…"


def decimals_of(value: float) -> int:
    """Digits after the point in the shortest exact form of the number, 0 to 10."""
    shortest = format(Decimal(repr(round(float(value), 10))), "f")
    return len(shortest.partition(".")[2].rstrip("0"))


def round_down(value: float) -> float:
    """The largest 1, 2 or 5 times a power of ten that is not above a positive value."""
    if value <= 0 or not math.isfinite(value):
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return max(step for step in (1, 2, 5) if step * power <= value * (1 + 1e-9)) * power


def opening(text: str, most: int) -> str:
    """The first sentences of a text, or its first words and dots, in about so many characters.

    The text itself where it is short enough.
    """
    if len(text) <= most:
        return text
    cut = text[: most + 1]
    for sign in (". ", "; ", " "):
        if (end := cut.rfind(sign, most // 3)) > 0:
            return cut[: end + 1] if sign == ". " else f"{cut[:end]} …"
    return f"{text[:most]} …"


def cut(text: str, most: int) -> str:
    """A text in at most so many characters, cut in its middle: what tells names apart often stands
    at their end."""
    if len(text) <= most:
        return text
    head = (most - 1) // 2
    return f"{text[:head]}…{text[len(text) - (most - 1 - head) :]}"


def plural(count: int, noun: str) -> str:
    """``1 row``, ``1,237 rows``."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def duration(seconds: float) -> str:
    """A time ahead as people say it: ``3 s``, ``2 min``, ``1 h 20 min``."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def alike(words: Sequence[str], most: int = 3) -> str:
    """Those that are tied, the first of them by name: ``a, b and 4 others``."""
    if len(words) <= most:
        return joined(words)
    return joined([*words[: most - 1], plural(len(words) - most + 1, "other")])


def joined(words: Sequence[str]) -> str:
    """``a, b and c``."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def when(moment: str, zone: tzinfo, *, full: bool = False, today: date | None = None) -> str:
    """An ISO time in words: ``14:02`` today, ``yesterday 14:02``, ``18 Nov 14:02``, with its year
    where that is another one; with ``full`` also the zone."""
    local = datetime.fromisoformat(moment).astimezone(zone)
    today = today or datetime.now(zone).date()
    days = (today - local.date()).days
    if full:
        return f"{local.day} {local:%B %Y %H:%M:%S %Z}"
    if days == 0:
        return f"{local:%H:%M}"
    if days == 1:
        return f"yesterday {local:%H:%M}"
    return f"{local.day} " + f"{local:{'%b %H:%M' if local.year == today.year else '%b %Y'}}"
