"""What experts say of risks, band by band: too low, about right or too high.

That a risk is about right does not say whether it came true, so it is never held against outcomes:
no reliability, Brier score or risk curve.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from second_opinion.formatting import percent

EDGES = (0.05, 0.1, 0.2, 0.5)
# Of a risk that is wrong an expert need not say which way.
SIDES = ("too_low", "about_right", "too_high", "not_said")
NAMES = [
    f"under {percent(EDGES[0])}",
    *(f"{percent(low)} to {percent(high)}" for low, high in pairwise(EDGES)),
    f"{percent(EDGES[-1])} or more",
]


def places_of(risks: Any) -> np.ndarray[Any, Any]:
    """The band of each risk (0 to 1) as a place in `NAMES`; a band holds its lower end."""
    # Fractions such as 1 - 0.8 are just below what they are meant to be.
    return np.searchsorted(EDGES, np.asarray(risks, float) + 1e-9, side="right")


def counts(risks: Any, sides: Any) -> pd.DataFrame:
    """How many verdicts say what in each band that has some: ``place``, ``band`` and `SIDES`.

    ``sides`` has an element of `SIDES` for each risk; "" is of a verdict that does not say which
    way the risk is off.
    """
    sides = pd.Series(sides, dtype=object).replace("", "not_said")
    table = pd.crosstab(places_of(risks), sides.to_numpy()).reindex(columns=SIDES, fill_value=0)
    places = table.index.to_numpy(int)
    named = table.reset_index(drop=True).rename_axis(columns=None).astype(int)
    named.insert(0, "band", [NAMES[at] for at in places])
    named.insert(0, "place", places)
    return named
