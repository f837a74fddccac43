"""A model and the steps before it, kept in files of their own, as one pipeline."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from second_opinion.errors import UserError
from second_opinion.formatting import plural
from second_opinion.models.describe.identifiers import identifiers
from second_opinion.models.describe.input_form import names_of, splits_words
from second_opinion.models.parts.part import article, listed

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

_NUMBER = re.compile(r"-?\d+(\.\d+)?|nan")


@dataclass(frozen=True)
class Step:
    """A fitted step that stands before a model.

    ``where`` is its file, as an option names it; ``columns`` are those that the person named for
    it, or None.
    """

    where: str
    content: Any
    columns: tuple[str, ...] | None = None


class _Stage(NamedTuple):
    """A step with the columns that it takes, and the names of what it gives."""

    step: Step
    columns: list[str]
    results: list[str]


def joined(
    model: Step,
    before: Sequence[Step],
    columns: Sequence[str] | None = None,
    table: Sequence[str] = (),
    target: str = "",
) -> Pipeline:
    """One pipeline of the steps, in this order, and the model; it takes a frame, by name.

    Which columns a step is for: those the person named, else those that it was fitted on by name,
    else all that come to it. ``columns`` are the names of the model's inputs in its order, for a
    model or a first step that was trained without names; without them the order is the table's.
    `UserError` where a number or a name of columns does not fit, with what to say.
    """
    steps = [part for step in before for part in _one_by_one(step, target)]
    if steps and splits_words(steps[0].content):
        return _in_line([step.content for step in steps], model.content)
    reasons = []
    for names in _possible_names(model, steps, columns, table, target):
        try:
            return _by_name(model, steps, columns, _undone(steps, names))
        except UserError as error:
            reasons.append(error)
    raise reasons[0]


def _by_name(
    model: Step,
    steps: Sequence[Step],
    columns: Sequence[str] | None,
    start: list[str],
) -> Pipeline:
    """The pipeline, if these are the columns that come to the first step."""
    stages: list[_Stage] = []
    current = start
    for step in steps:
        stages.append(_stage(step, current))
        current = _after(current, stages[-1])
    last = _last(model, columns, current, _makes_names(stages))
    return _in_line([*_fed(stages, last, start), _to_model(model, last)], model.content)


def _in_line(parts: Sequence[Any], model: Any) -> Pipeline:
    """A pipeline with a name for each step, such as ``1-standardscaler``."""
    from sklearn.pipeline import Pipeline

    kinds = [type(getattr(part, "step", part)).__name__.lower() for part in parts]
    named = [
        (f"{at}-{kind}", part) for at, (kind, part) in enumerate(zip(kinds, parts, strict=True))
    ]
    return Pipeline([*named, ("model", model)])


def _one_by_one(step: Step, target: str) -> list[Step]:
    """The step; a dict of encoders as one step for each column, the target's left out."""
    content = step.content
    if isinstance(content, Mapping) and content and step.columns is None:
        return [
            part
            for key, encoder in content.items()
            if str(key) != target
            for part in _one_by_one(Step(f"{step.where}#{key}", encoder, (str(key),)), target)
        ]
    if type(content).__name__ == "LabelEncoder":
        if step.columns is None or len(step.columns) != 1:
            raise UserError(
                f"{step.where} is a LabelEncoder, which is for one column; expected its name, like "
                f"--before {step.where}:COLUMN. If it is for the answers, say --classes "
                f"{step.where}."
            )
        return [Step(step.where, _as_ordinal(content, step.columns[0]), step.columns)]
    if not hasattr(content, "transform"):
        raise UserError(
            f"{step.where} holds {article(type(content).__name__)}; expected a fitted step, such "
            "as a scaler. Name its key, like --before bundle.pkl#scaler, or leave it out."
        )
    return [step]


def _as_ordinal(encoder: Any, column: str) -> Any:
    """A LabelEncoder as the OrdinalEncoder that gives the same codes to one column of a frame."""
    import pandas as pd
    from sklearn.preprocessing import OrdinalEncoder

    levels = np.asarray(encoder.classes_, dtype=object)
    cells = pd.DataFrame({column: pd.Series(levels, dtype=object)})
    return OrdinalEncoder(categories=[levels], dtype=np.int64).fit(cells)


def _width(content: Any) -> int | None:
    width = getattr(content, "n_features_in_", None)
    return None if width is None else int(width)


def _own_names(step: Step) -> list[str] | None:
    """The columns of a step, where it or the person says which."""
    return names_of(step.content) or (None if step.columns is None else list(step.columns))


def _possible_names(
    model: Step,
    steps: Sequence[Step],
    columns: Sequence[str] | None,
    table: Sequence[str],
    target: str,
) -> Iterator[list[str]]:
    """What the names of the columns may be, the likeliest first; those of the person alone."""
    if columns:
        yield list(columns)
        return
    of_steps = [*dict.fromkeys(name for step in steps for name in _own_names(step) or ())]
    beside = [name for name in table if name != target]
    # A model without names has most often seen the order of the table.
    of_steps.sort(key=lambda name: beside.index(name) if name in beside else len(beside))
    numbering = identifiers(beside)
    candidates = (
        names_of(model.content),
        of_steps,
        beside,
        [name for name in beside if name not in numbering] if numbering else [],
    )
    yield from (list(names) for names in candidates if names)
    widths = [w for part in (*steps, model) if (w := _width(part.content)) is not None]
    yield [f"x{at}" for at in range(widths[0] if widths else 0)]


def _undone(steps: Sequence[Step], names: list[str]) -> list[str]:
    """The columns that come to the first step, from those that come to the model."""
    for step in reversed(steps):
        taken = _own_names(step) or []
        results = _results(step, taken)
        places = [at for at, name in enumerate(names) if name in {*results, *taken}]
        at = min(places, default=len(names))
        rest = [name for name in names if name in taken or name not in results]
        names = [*rest[:at], *(name for name in taken if name not in rest), *rest[at:]]
    return names


def _results(step: Step, taken: list[str]) -> list[str]:
    """The names of what a step gives; those of its columns where it does not say."""
    own = names_of(step.content) or taken
    try:
        return [str(name) for name in step.content.get_feature_names_out(own)]
    # Not every step has it, and of a pipeline each step must.
    except (AttributeError, TypeError, ValueError):
        return taken


def _stage(step: Step, current: list[str]) -> _Stage:
    taken = _taken(step, current)
    absent = [name for name in taken if name not in current]
    if absent:
        raise UserError(
            f"{step.where} is for the column {absent[0]!r}; what comes to it has "
            f"{listed(current)}. Correct the name, or the order of --before."
        )
    return _Stage(step, taken, _results(step, taken))


def _taken(step: Step, current: list[str]) -> list[str]:
    """The columns that a step takes, in its order."""
    own, width = names_of(step.content), _width(step.content)
    kind = type(step.content).__name__
    if own is not None and step.columns is not None and {*own} != {*step.columns}:
        raise UserError(
            f"{step.where} was fitted on {listed(own)}; --before names {listed(step.columns)} for "
            "it. Leave the names out: it knows its own."
        )
    taken = own or list(step.columns or current)
    if width is not None and width != len(taken):
        named = "--before names" if step.columns else "there are"
        raise UserError(
            f"{step.where} is {article(kind)} fitted on {plural(width, 'column')} without names; "
            f"{named} {len(taken)}: {listed(taken)}. Say which it is for, in the order of the "
            f"training: --before {step.where}:{','.join(taken[:2])},…; or give the names of the "
            "model's inputs with --columns."
        )
    return taken


def _after(current: list[str], stage: _Stage) -> list[str]:
    """What comes out of a step: its own order where it takes all, for the next gets an array."""
    others = [name for name in current if name not in stage.columns]
    if others and stage.results == stage.columns:
        return current
    return others + stage.results


def _makes_names(stages: Sequence[_Stage]) -> bool:
    """Whether what comes out has names that its last step has made up, like ``pca0``."""
    if not stages:
        return False
    *_, (_, columns, results) = stages
    return not {*results} & {*columns}


def _last(
    model: Step, columns: Sequence[str] | None, current: list[str], made_up: bool
) -> list[str]:
    """The columns that come to the model, in its order.

    Names that were made up give way to the model's own, place by place.
    """
    own, width = names_of(model.content), _width(model.content)
    if own is not None:
        absent = [name for name in own if name not in current]
        if not absent:
            return own
        if made_up and len(absent) == len(own) == len(current):
            return current
        raise UserError(
            f"{model.where} was trained on the column {absent[0]!r}"
            f"{f' and {len(absent) - 1} more' if len(absent) > 1 else ''} that no step gives; "
            f"there are {listed(current)}. Give the step that makes it with --before, or leave "
            "out what stands before it by mistake."
        )
    for names in (list(columns or ()), current):
        if names and {*names} <= {*current} and width in (None, len(names)):
            return names
    raise UserError(
        f"{model.where} was trained on {plural(width or 0, 'column')} without names; "
        f"{len(current)} come to it: {listed(current)}. Give their names with --columns "
        "columns.pkl (or .json, .txt), or the step that is missing with --before."
    )


def _fed(stages: Sequence[_Stage], last: list[str], start: list[str]) -> list[Any]:
    """The steps on their columns, with no more columns coming in than somebody takes."""
    from second_opinion.models.parts.on_columns import InOrder, OnColumns

    needed = {*last}
    for stage in reversed(stages):
        needed = needed - {*stage.results} | {*stage.columns}
    names = [name for name in start if name in needed]
    parts: list[Any] = [InOrder(names)]
    for step, columns, results in stages:
        as_text = _knows_numbers_as_texts(step.content)
        parts.append(OnColumns(step.content, columns, results, parts[-1].names_out, as_text))
    return parts


def _to_model(model: Step, last: list[str]) -> Any:
    from second_opinion.models.parts.on_columns import InOrder, Renamed

    own = names_of(model.content)
    if own is None:
        return InOrder(last, "array")
    return InOrder(last) if own == last else Renamed(last, own)


def _knows_numbers_as_texts(content: Any) -> bool:
    """Whether an encoder has learned ``"1"`` and not 1: ``astype(str)`` stood before it."""
    levels = [level for some in getattr(content, "categories_", ()) for level in some]
    return bool(levels) and all(
        isinstance(level, str) and _NUMBER.fullmatch(level) is not None for level in levels
    )
