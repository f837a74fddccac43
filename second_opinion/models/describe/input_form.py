"""In which form an estimator takes its cases, under which names, and what it is made of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from second_opinion.errors import UserError
from second_opinion.models.describe.estimator_checks import third_party
from second_opinion.models.formats.adapter import Adapter

if TYPE_CHECKING:
    import pandas as pd

# Under these names estimators that are made of others keep the fitted ones.
# `estimators_` comes first: beside it, `estimator_` is the template that was never trained.
WRAPPED = ("best_estimator_", "regressor_", "estimators_", "estimator_", "calibrated_classifiers_")


def names_of(estimator: Any) -> list[str] | None:
    """The names of the columns that it was trained on; None where that was an array or texts."""
    named = getattr(estimator, "feature_names_in_", None)
    if named is None:
        return None
    names = [str(name) for name in named]
    # LightGBM gives names to the columns of an array as well.
    return None if names == [f"Column_{at}" for at in range(len(names))] else names


def as_lightgbm(name: str) -> str:
    """A column's name as LightGBM keeps it: without blanks."""
    return "_".join(name.split(" "))


def form_of(
    estimator: Any, cases: pd.DataFrame | None = None
) -> Literal["frame", "array", "series"]:
    """What a fitted estimator takes: a frame with names, an array, or a series of texts.

    A first step of somebody's own keeps neither the names nor their number: what it takes is tried
    on some of the ``cases``.
    """
    if isinstance(estimator, Adapter):
        return "frame"
    if _takes_texts(estimator):
        return "series"
    if names_of(estimator) is not None:
        return "frame"
    if cases is None or hasattr(estimator, "n_features_in_"):
        return "array"
    few = cases.head(20)
    fails_on_frame = not _answers(estimator, few.copy())
    return "array" if fails_on_frame and _answers(estimator, few.to_numpy()) else "frame"


def _answers(estimator: Any, cases: Any) -> bool:
    with suppress(UserError), third_party("It cannot predict"):
        return len(estimator.predict(cases)) == len(cases)
    return False


def _takes_texts(estimator: Any) -> bool:
    """Whether the first that it does is to take words apart, a function of texts aside."""
    if splits_words(estimator):
        return True
    if hasattr(estimator, "steps"):
        steps = [step for _, step in estimator.steps if not hasattr(step, "func")]
        return _takes_texts(steps[0])
    if hasattr(estimator, "transformer_list"):
        return _takes_texts(estimator.transformer_list[0][1])
    return any(_takes_texts(part) for part, _ in parts_of(estimator))


def splits_words(step: Any) -> bool:
    return hasattr(step, "build_analyzer")


def parts_of(step: Any) -> Iterator[tuple[Any, list[int] | None]]:
    """The fitted estimators that one is made of, each with the columns it gets; None for all."""
    if type(step).__name__ == "FrozenEstimator":
        yield step.estimator, None
    name = next((name for name in WRAPPED if hasattr(step, name)), None)
    if name is None:
        return
    parts = getattr(step, name)
    several = parts.ravel() if isinstance(parts, np.ndarray) else parts
    several = several if isinstance(several, (list, np.ndarray)) else [several]
    columns = getattr(step, "estimators_features_", [None] * len(several))
    for part, positions in zip(several, columns, strict=True):
        inner = part.estimator if name == "calibrated_classifiers_" else part
        yield inner, None if positions is None else [int(at) for at in positions]


def is_made_of_others(step: Any) -> bool:
    """Whether each of its parts chooses among the columns: a forest's trees all get them all."""
    first = next(parts_of(step), None)
    return first is not None and not is_tree(first[0])


def is_tree(step: Any) -> bool:
    return hasattr(step, "tree_")
