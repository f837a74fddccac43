"""Columns that look like names or record numbers of people."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

# Words in the name of a column.
_WORDS = re.compile(
    r"(first|last|fore|full|sur|user|patient)?names?|mrn|ssn|nhs|iban|dob|passport|policyholder"
    r"|e?mail|(tele)?phone|mobile|fax|address|street|birth(day|date)?|dateofbirth"
    r"|(patient|customer|client|person|employee|member)(id|no|nr|number)"
)
_IN_PAIRS = (
    {"patient", "customer", "client", "person", "employee", "member", "user", "subject", "case"},
    {"id", "no", "nr", "number", "nummer", "key"},
)
_VALUES = (
    re.compile(r"[^@\s]+@[^@\s]+\.[a-z]{2,}", re.IGNORECASE),
    re.compile(r"\d{3}-\d{2}-\d{4}"),
    re.compile(r"\+\d[\d ()/-]{7,}\d"),
)


def personal_columns(
    columns: Sequence[str], feature_names: Collection[str], rows: Iterable[Sequence[str | None]]
) -> tuple[str, ...]:
    """The columns that seem to say who a case is about, by their names and by some values.

    A column that the model takes is needed, whatever it is called.
    """
    by_value = _columns_by_value(rows)
    return tuple(
        name
        for at, name in enumerate(columns)
        if name not in feature_names and (_is_personal(name) or at in by_value)
    )


def _is_personal(name: str) -> bool:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    words = set(re.findall(r"[a-z]+", spaced.casefold()))
    who, number = _IN_PAIRS
    return any(map(_WORDS.fullmatch, words)) or bool(words & who and words & number)


def _columns_by_value(rows: Iterable[Sequence[str | None]]) -> set[int]:
    return {
        at
        for row in rows
        for at, cell in enumerate(row)
        if cell and any(pattern.fullmatch(cell.strip()) for pattern in _VALUES)
    }
