"""Whether a card still says of its model what was so when the model was added."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from second_opinion.errors import UserError
from second_opinion.models.card import ModelCard
from second_opinion.statistics.training_summary import Reference


class ModelShape(NamedTuple):
    """What a model took and gave on the day it was added, as the summary beside its card has it.

    ``features`` in the order in which the model takes them; ``probabilities`` is how many it gave
    for a case, 0 where that is not known.
    """

    features: tuple[str, ...]
    probabilities: int


def model_shape(summary: Path) -> ModelShape | None:
    """What a summary knows; None where it is missing or broken, as `Registry.verify` says."""
    try:
        reference = Reference.read(summary)
        counts = {len(check.get("probabilities") or ()) for check in reference.checks}
        # Where they differ, the summary itself is wrong.
        return ModelShape(tuple(reference.features), counts.pop() if len(counts) == 1 else 0)
    except (UserError, AttributeError, TypeError):
        return None


def fault(card: ModelCard, shape: ModelShape) -> str:
    """In which way features or classes of a card are not the model's; empty if in none."""
    names = tuple(card.case_schema.names)
    if names != shape.features:
        if sorted(names) == sorted(shape.features):
            return (
                f"features: the order is {', '.join(names)}; expected the order in which the model "
                f"takes them, {', '.join(shape.features)}. Put them back into it"
            )
        return (
            f"features: it has {', '.join(names)}; the model takes "
            f"{', '.join(shape.features)}. Restore the names"
        )
    return "" if card.task == "regression" else _class_fault(card, shape.probabilities)


def refuse_other_classes(card: ModelCard, estimator: Any) -> None:
    """`UserError` where a loaded classifier knows another number of classes than its card."""
    classes = getattr(estimator, "classes_", None)
    if card.task == "regression" or classes is None or getattr(classes, "ndim", 1) != 1:
        return
    if other := _class_fault(card, len(classes)):
        raise UserError(f"The card of {card.ref} does not fit its model: {other}.")


def _class_fault(card: ModelCard, expected: int) -> str:
    if expected in (0, len(card.classes)):
        return ""
    return (
        f"classes: it has {len(card.classes)}; the model knows {expected}. Restore the missing "
        "ones, or take out what is none"
    )
