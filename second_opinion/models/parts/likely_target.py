"""Which table of a folder has the training data, and which of its columns is predicted."""

from __future__ import annotations

from collections.abc import Sequence

from second_opinion.models.parts.folder_table import cells
from second_opinion.models.parts.likely_model import answers_numbers
from second_opinion.models.parts.part import Part
from second_opinion.records.value import typed_text

TARGETS = ("target", "label", "y", "class", "outcome", "result", "output", "churn", "price")
PREFERRED = ("train", "data", "df")


def likely_table(every: Sequence[Part], inputs: Sequence[str]) -> Part | None:
    """The table that has most of the inputs, and a name like train.csv; None without one."""

    def rank(part: Part) -> tuple[int, bool, bool, bool, bool, str]:
        stem = part.path.stem.casefold()
        preferred = any(word in stem for word in PREFERRED)
        lacks = len({*inputs} - {*part.names})
        by_name = ("train" not in stem, not preferred, stem)
        return (lacks, not part.names, part.kind == "DataFrame", *by_name)

    tables = [part for part in every if part.role == "table" and not part.keys]
    return min(tables, key=rank, default=None)


def dummies(table: Part | None, taken: Sequence[str], steps: Sequence[Part]) -> tuple[str, ...]:
    """The columns of the table that come to the model as one-hot dummies, without an encoder."""
    if table is None or any("Encoder" in step.kind for step in steps):
        return ()
    absent = [name for name in table.names if name and name not in taken]
    return tuple(n for n in absent if any(column.startswith(f"{n}_") for column in taken))


def likely_targets(
    table: Part | None, inputs: set[str], words: Part | None, model: Part, are_all_inputs: bool
) -> list[str]:
    """The columns that may be what is predicted, the likeliest first.

    Unless ``are_all_inputs``, any of the columns that hold just its classes may be one of them.
    """
    if table is None:
        return []
    left = [name for name in table.names if name and name not in inputs]
    held = cells(table, left)
    if not model.levels:
        numbers = [name for name in left if all(map(_is_number, held[name]))]
        left = (numbers if answers_numbers(model) else []) or left
        return sorted(left, key=lambda name: (folded(name) not in TARGETS, -left.index(name)))
    levels = {typed_text(level) for level in (*model.levels, *(words.levels if words else ()))}
    levels |= {str(level) for level in model.levels}
    exact = [name for name in left if held[name] and held[name] <= levels]
    fitting = [name for name in left if len(held[name]) == len(model.levels) or name in exact]
    left = (exact if are_all_inputs else fitting) or fitting or left

    def rank(name: str) -> tuple[bool, bool, bool, int]:
        is_last = name == table.names[-1]
        return folded(name) not in TARGETS, not is_last, name not in exact, -left.index(name)

    return sorted(left, key=rank)


def folded(text: str) -> str:
    """The letters and digits of a name, in small."""
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def _is_number(cell: str) -> bool:
    try:
        float(cell.replace(",", "."))
    except ValueError:
        return False
    return True
