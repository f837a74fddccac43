"""Whose each LabelEncoder of a folder is: of which column, or of the answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from second_opinion.models.parts.likely_model import answers_numbers, called, near
from second_opinion.models.parts.likely_target import folded
from second_opinion.models.parts.part import Part


def shared_out(
    every: Sequence[Part],
    model: Part,
    names: Sequence[str],
    held: Mapping[str, set[str]],
    target: str,
) -> tuple[list[Part], Part | None]:
    """The LabelEncoders of columns, each with its column as ``names``, and that of the answers.

    ``names`` are all columns, ``held`` the distinct cells of the target and of those that may have
    a LabelEncoder which is not called after them.
    """
    names = [name for name in names if name != target]
    of_columns: list[Part] = []
    of_answers: list[Part] = []
    for part in near((p for p in every if p.role == "label encoder"), model):
        free = [n for n in names if all(n not in other.names for other in of_columns)]
        if column := _column_in_name(part, names):
            of_columns.append(replace(part, names=(column,)))
        elif may_be_words(part, model) and (
            _column_in_name(part, [target]) or _has_levels(part, held.get(target))
        ):
            of_answers.append(part)
        elif fitting := [n for n in free if _has_levels(part, held.get(n))]:
            of_columns.append(replace(part, names=(fitting[0],)))
        elif may_be_words(part, model):
            of_answers.append(part)
    return of_columns, next(iter(of_answers), None)


def may_be_words(part: Part, model: Part) -> bool:
    """Whether a LabelEncoder's levels, or pairs of codes and words, fit the classes of a model."""
    if not model.levels:
        return not answers_numbers(model)
    if part.role == "classes":
        return {str(code) for code, _ in part.levels} == {*map(str, model.levels)}
    return list(model.levels) == list(range(len(part.levels)))


def encoder_of_answers(
    steps: Sequence[Part], model: Part, inputs: set[str], table: Part | None
) -> Part | None:
    """In a dict of encoders by column, that of what is predicted; None without one."""
    last = table.names[-1:] if table else ()
    for part in (inner for step in steps if step.role == "encoders" for inner in step.parts):
        key = part.keys[-1]
        is_apart = key not in inputs if inputs else key in last
        if is_apart and len(part.levels) == len(model.levels):
            return part
    return None


def _has_levels(part: Part, held: set[str] | None) -> bool:
    return bool(held) and {*(held or ())} <= {*map(str, part.levels)}


def _column_in_name(part: Part, names: Sequence[str]) -> str:
    """The column after which a file or key is called: ``le_city.pkl``; empty without one."""
    own = folded(called(part))
    fitting = [name for name in names if len(folded(name)) > 1 and folded(name) in own]
    return max(fitting, key=len, default="")
