"""How far the cells of a sheet reach, and what they hold."""

from __future__ import annotations

from typing import NamedTuple


class Span(NamedTuple):
    """Rows and columns so far, and the bytes of the cells as often as they stand there.

    ``before`` counts the cells of other sheets that are held at the same time.
    """

    rows: int
    columns: int
    taken: int = 0
    before: int = 0

    @property
    def cells(self) -> int:
        """The cells of the full rectangle, and those before."""
        return self.before + self.rows * self.columns
