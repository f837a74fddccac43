"""Columns that number the rows of a table, and so are no inputs of a model."""

from __future__ import annotations

import re
from collections.abc import Iterable

# `Id`, `customerID`, `loan_id`; what pandas calls an index; RowNumber, Serial No., sr_no.
_NAME = re.compile(
    r"(?i:id|index|.*[\W_]id)|.*[a-z0-9](ID|Id)|Unnamed: 0"
    r"|(?i:(row|serial|sr|s)[\W_]*(no|number)\.?)"
)


def identifiers(names: Iterable[str]) -> list[str]:
    """Those of the names that a column of numbers for the rows has, such as ``customerID``."""
    return [name for name in names if _NAME.fullmatch(name)]
