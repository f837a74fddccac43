"""A model that is code, tried: does it answer the same twice, and alone as in a crowd?"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from second_opinion.errors import UserError
from second_opinion.formatting import plural
from second_opinion.models.model import as_taken
from second_opinion.records.value import plain

if TYPE_CHECKING:
    import pandas as pd

CROWD = 1000
ALONE = 8
SLOW = 2.0
# Networks in single precision answer a crowd a little otherwise than one case.
CLOSE = 1e-4


def seconds_per_case(estimator: Any, cases: pd.DataFrame, form: str) -> float:
    """How long one case takes, in seconds, once it was seen that the answers hold.

    `UserError` where the same cases get other answers the second time, or a case alone another one
    than among a thousand.
    """
    started = time.perf_counter()
    _answers(estimator, cases.iloc[:1], form)
    first = time.perf_counter() - started
    crowd = _crowd(cases, first)
    answers = _answers(estimator, crowd, form)
    _refuse_moods(answers, _answers(estimator, crowd, form), crowd)
    times = []
    for at in range(min(ALONE, len(crowd))):
        started = time.perf_counter()
        alone = _answers(estimator, crowd.iloc[at : at + 1], form)
        times.append(time.perf_counter() - started)
        _refuse_company(answers[at], alone[0], at, len(crowd))
    return float(np.median(times))


def _crowd(cases: pd.DataFrame, seconds: float) -> pd.DataFrame:
    """A thousand rows, the data over again where it has fewer; fewer for a slow model."""
    rows = CROWD if seconds < SLOW else 20
    return cases.iloc[np.arange(rows) % len(cases)].reset_index(drop=True)


def _answers(estimator: Any, cases: pd.DataFrame, form: str) -> np.ndarray:
    """The probabilities where there are any, else the answers."""
    method = "predict_proba" if hasattr(estimator, "predict_proba") else "predict"
    return np.asarray(getattr(estimator, method)(as_taken(cases, form)))


def _refuse_moods(once: np.ndarray, again: np.ndarray, cases: pd.DataFrame) -> None:
    for at in range(len(cases)):
        if not _agree(once[at], again[at]):
            raise UserError(
                f"The same case is answered {_text(once[at])} the first time and "
                f"{_text(again[at])} the second; expected the same. Give chance a fixed seed, and "
                "switch off what is for training alone, like dropout (model.eval())."
            )


def _refuse_company(among: Any, alone: Any, at: int, rows: int) -> None:
    if not _agree(among, alone):
        raise UserError(
            f"Row {at + 1} of the data is answered {_text(among)} among {plural(rows, 'case')} and "
            f"{_text(alone)} alone; expected the same. Something is worked out over all the cases "
            "that are given, such as a mean, a rank or get_dummies: keep what the training data "
            "gave (its mean, its columns), and use that."
        )


def _agree(one: Any, other: Any) -> bool:
    if np.asarray(one).dtype.kind not in "fc":
        return bool(np.all(one == other))
    return bool(np.allclose(one, other, rtol=CLOSE, atol=CLOSE * 1e-2, equal_nan=True))


def _text(answer: Any) -> str:
    cells = [plain(value) for value in np.ravel(answer)]
    return ", ".join(f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in cells[:4])
