"""What a model looks at most: how much worse it does when one feature is shuffled."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from second_opinion.models.describe.estimator_checks import task_of
from second_opinion.models.model import as_taken

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS = 2000
FEWEST_ROWS = 200
REPEATS = 5
SECONDS = 8.0


def drops(
    estimator: Any, data: pd.DataFrame, y: pd.Series[Any], form: str, seconds: float = SECONDS
) -> dict[str, float]:
    """For each feature, how much accuracy or R² falls when its column is shuffled.

    Permutation importance (Breiman 2001) as scikit-learn computes it: the mean of five seeded
    repeats on up to 2,000 rows, fewer of both where that would take longer than ``seconds`` of
    processor time. Empty for a single feature, and where even one repeat on 200 rows takes too
    long.
    """
    score = _r2 if task_of(estimator) == "regression" else _accuracy
    rows = _sample(data, MOST_ROWS)
    started = time.process_time()
    score(estimator, as_taken(rows, form), y.loc[rows.index].to_numpy())
    once = (time.process_time() - started) * data.shape[1]
    if once > seconds:
        rows = _sample(data, max(FEWEST_ROWS, int(len(rows) * seconds / once)))
    too_slow = once * len(rows) / min(len(data), MOST_ROWS) > 4 * seconds
    if data.shape[1] < 2 or too_slow:
        return {}
    mean_drops = _repeated(
        estimator, as_taken(rows, form), y.loc[rows.index].to_numpy(), score, seconds
    )
    return {
        name: round(float(drop), 6) for name, drop in zip(data.columns, mean_drops, strict=True)
    }


def _repeated(estimator: Any, X: Any, y: Any, score: Any, seconds: float) -> Any:
    """The mean drop of each feature; the first repeat says how many more there is time for."""
    from sklearn.inspection import permutation_importance

    def repeat(times: int, seed: int) -> Any:
        return permutation_importance(
            estimator, X, y, scoring=score, n_repeats=times, random_state=seed
        ).importances

    started = time.process_time()
    first = repeat(1, 0)
    took = max(time.process_time() - started, 1e-6)
    more = min(REPEATS - 1, int((seconds - took) / took))
    return (np.hstack([first, repeat(more, 1)]) if more > 0 else first).mean(axis=1)


def _sample(data: pd.DataFrame, rows: int) -> pd.DataFrame:
    return data.sample(rows, random_state=0) if len(data) > rows else data


def _accuracy(estimator: Any, X: Any, y: Any) -> float:
    return float(np.mean(np.ravel(estimator.predict(X.copy())) == y))


def _r2(estimator: Any, X: Any, y: Any) -> float:
    from sklearn.metrics import r2_score

    return float(r2_score(y, np.ravel(estimator.predict(X.copy()))))
