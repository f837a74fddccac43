"""How a file of cases was written, so that one can be written as it came. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# What the cells of a column were in a file that tells; "mixed" where they were of several kinds.
CellKind = Literal["text", "number", "boolean", "date", "mixed"]


@dataclass(frozen=True)
class Dialect:
    r"""What a file has beside its format, encoding, delimiter and decimal sign.

    ``line_end`` is ``\n``, ``\r\n`` or ``\r``; ``above`` the text that stands above the names of
    the columns, such as ``sep=;``. ``sheet`` is the one of a workbook that was read. ``kinds`` has
    what the cells of each column were, in the order of the columns, where the format tells: of
    JSON and of workbooks. ``schema`` is that of a Parquet table, as base64.
    """

    byte_order_mark: bool = False
    line_end: str = "\n"
    above: str = ""
    sheet: str = ""
    kinds: tuple[CellKind, ...] = ()
    schema: str = ""


# What is taken of a file of which nothing was kept.
UNKNOWN = Dialect()


def kind_among(kinds: set[CellKind]) -> CellKind:
    """The one kind of a column's cells; text where there are none."""
    if not kinds:
        return "text"
    return kinds.pop() if len(kinds) == 1 else "mixed"
