"""Names of columns as pandas gives them: what a model that was trained on its frame knows."""

from __future__ import annotations

from collections.abc import Collection, Sequence


def pandas_names(columns: Sequence[str]) -> tuple[str, ...]:
    """Each name as `pandas.read_csv` would have it.

    The column without a name at the place k is ``Unnamed: k``, as that of an index is; of several
    columns of one name the second is ``name.1``.
    """
    names: list[str] = []
    for at, column in enumerate(columns):
        first = column or f"Unnamed: {at}"
        name, count = first, 0
        while name in names:
            count += 1
            name = f"{first}.{count}"
        names.append(name)
    return tuple(names)


def named_for(columns: Sequence[str], wanted: Collection[str]) -> tuple[str, ...]:
    """The columns, those that pandas would call by a name that is wanted under that name."""
    renamed = zip(columns, pandas_names(columns), strict=True)
    here = set(columns)
    return tuple(other if other in wanted and other not in here else own for own, other in renamed)
