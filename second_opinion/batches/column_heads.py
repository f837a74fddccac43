"""What stands above the columns of scored rows, on the page and in the workbook."""

from __future__ import annotations

from second_opinion.models.card import ModelCard
from second_opinion.schema import Feature

MAY_ANSWER_ALONE = "May answer alone"


def answer_head(card: ModelCard) -> str:
    """``The model says``, with the unit of a number or the event of a risk."""
    if card.answer == "probability":
        return f"The model says: risk of {card.event}"
    return _with_unit("The model says", card.target.unit if card.task == "regression" else "")


def field_head(feature: Feature) -> str:
    """The label of a field and its unit: ``Age (years)``."""
    return _with_unit(feature.label, feature.unit)


def _with_unit(label: str, unit: str) -> str:
    return f"{label} ({unit})" if unit else label
