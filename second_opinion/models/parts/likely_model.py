"""Which of several parts is the model, what only turns its probabilities, and what lies beside it.

By what each is called and what it is: nothing is loaded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from second_opinion.models.parts.part import Part

# How people name the model among several, and what turns its probabilities.
MAIN = ("model", "clf", "classifier", "regressor", "pipeline", "pipe", "best", "final")
CALIBRATORS = {"calib", "calibrator", "calibration"}


def likely_models(every: Sequence[Part]) -> list[Part]:
    """The parts that may be the model, the likeliest first; empty where none may.

    One of scikit-learn, before weights of other libraries, before what nobody here knows.
    """
    for candidates in (
        [part for part in every if part.role == "model" and not is_calibrator(part)],
        [part for part in every if part.role == "weights"],
        [part for part in every if part.role == "model"],
        [part for part in every if part.may_answer],
    ):
        if candidates:
            return sorted(candidates, key=_rank)
    return []


def _rank(part: Part) -> tuple[bool, bool, int, str]:
    """A whole pipeline first, then what is called a model."""
    name = called(part)
    return (not part.steps, not any(word in name for word in MAIN), len(part.keys), name)


def called(part: Part) -> str:
    """Its own name, in small letters: the last key that is no number, or that of its file."""
    names = [part.path.stem, *(key for key in part.keys if not key.isdecimal())]
    return names[-1].casefold()


def is_calibrator(part: Part) -> bool:
    """Whether it turns another model's probabilities, and is no model of cases itself."""
    words = {*re.split(r"[^a-z]+", called(part))}
    whole = part.kind == "CalibratedClassifierCV"
    return part.kind == "IsotonicRegression" or (bool(words & CALIBRATORS) and not whole)


def answers_numbers(model: Part) -> bool:
    """Whether it is surely a regression: it was looked into, and has no classes."""
    kind = model.steps[-1] if model.steps else model.kind
    is_looked_into = bool(model.names) or model.width is not None or "Regress" in kind
    return model.role == "model" and not model.levels and "Classif" not in kind and is_looked_into


def near(parts: Iterable[Part], model: Part) -> list[Part]:
    """Those of the model's own file, where there are any; else all."""
    all_parts = list(parts)
    own = [part for part in all_parts if part.path == model.path and model.keys]
    return own or all_parts
