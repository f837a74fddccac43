"""Names of columns as pandas gives them: what a model that was trained on its frame knows."""

from __future__ import annotations

from collections.abc import Collection, Sequence


def pandas_names(columns: Sequence[str]) -> tuple[str, ...]:
    """Each name as `pandas.read_csv` would have it.

    The column without a name at the place k is ``Unnamed: k``, as that of an index is; of several
    columns of one name the second is ``name.1``.
    """
    names: dict[str, None] = {}
    counts: dict[str, int] = {}
    for at, column in enumerate(columns):
        first = column or f"Unnamed: {at}"
        # Where a name stands very often, each further one goes on counting where the last ended.
        name, count = first, counts.get(first, 0)
        while name in names:
            count += 1
            name = f"{first}.{count}"
        counts[first] = count
        names[name] = None
    return tuple(names)


def named_for(columns: Sequence[str], wanted: Collection[str]) -> tuple[str, ...]:
    """The columns, those that pandas would call by a name that is wanted under that name."""
    renamed = zip(columns, pandas_names(columns), strict=True)
    here = set(columns)
    return tuple(other if other in wanted and other not in here else own for own, other in renamed)
