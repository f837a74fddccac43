"""Which steps stand before a model, in which order, and which one is for its answers instead."""

from __future__ import annotations

import re
from collections.abc import Sequence

from second_opinion.models.parts.likely_model import called, near
from second_opinion.models.parts.part import Part

# In which order steps usually stand, by what their classes are called.
ORDER = ("Imputer", "Encoder", "Vectorizer", "Transformer", "Pipeline", "Scaler", "Selector", "PCA")


def steps_before(every: Sequence[Part], model: Part) -> list[Part]:
    """The steps before the model: before a pipeline, which has its own, none but encoders.

    Not even these if one of its own steps encodes.
    """
    steps = near((p for p in every if p.role in ("step", "encoders")), model)
    if model.steps:
        encodes = any(word in kind for kind in model.steps for word in ("Encoder", "Transformer"))
        steps = [step for step in steps if step.role == "encoders" and not encodes]
    steps = [step for step in steps if not is_for_target(step, model)]
    once = {(step.kind, step.names, step.width): step for step in reversed(steps)}
    return [step for step in steps if step in once.values()]


def target_scaler(every: Sequence[Part], model: Part) -> Part | None:
    """The scaler of a regression's answers; None without one."""
    steps = near((part for part in every if part.role == "step"), model)
    return next((step for step in steps if is_for_target(step, model)), None)


def is_for_target(step: Part, model: Part) -> bool:
    """Whether a step of one column scales the answers of a regression, by its name."""
    name = called(step)
    marked = bool({"y", "label"} & {*re.split(r"[^a-z]+", name)})
    marked = marked or any(mark in name for mark in ("target", "output"))
    # The only input of a model may be a price.
    marked = marked or ("price" in name and model.width != 1)
    is_input = bool(step.names) and {*step.names} <= {*model.names}
    may_scale = step.role == "step" and step.width == 1 and "Encoder" not in step.kind
    return may_scale and marked and not model.levels and not is_input


def step_rank(part: Part) -> int:
    """Its place among the steps, by its kind."""
    if part.role in ("encoders", "label encoder"):
        return ORDER.index("Encoder")
    return next((at for at, kind in enumerate(ORDER) if part.kind.endswith(kind)), len(ORDER))
