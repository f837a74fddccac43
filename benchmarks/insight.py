"""What it costs to say why a model gives an answer: ``python benchmarks/insight.py``.

A new case each time, its known cases read before; effects of all fields, the smallest change that
flips the answer, and how far the case is from the known ones. Goal: at most 100 ms of processor
time for a forest of 200 trees and 14 features.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from measure import keep, table, versions

ROWS = 5_000
CASES = 25
GOAL_MS = 100
NUMBERS = [f"n{at}" for at in range(11)]
CHOICES = ["region", "contract", "payment"]


def models() -> dict[str, Any]:
    """The estimators, by what they are called in the table."""
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression

    return {
        "forest of 200": RandomForestClassifier(200, random_state=0),
        "histogram boosting": HistGradientBoostingClassifier(random_state=0),
        "logistic regression": LogisticRegression(max_iter=1000),
    }


def training() -> tuple[Any, Any]:
    """Eleven numbers, three categories, and an outcome."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(20261127)
    cases = pd.DataFrame({name: rng.normal(50, 10, ROWS).round(2) for name in NUMBERS})
    for name in CHOICES:
        cases[name] = rng.choice([f"{name} {n}" for n in range(5)], ROWS)
    score = cases["n0"] - 50 + 8 * (cases["region"] == "region 1") + rng.normal(0, 8, ROWS)
    return cases, (score > 0).map({True: "leaves", False: "stays"}).rename("outcome")


def pipeline(estimator: Any) -> Any:
    """The estimator behind a scaler and a one-hot encoder."""
    from sklearn.compose import make_column_transformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return make_pipeline(
        make_column_transformer((encoder, CHOICES), (StandardScaler(), NUMBERS)), estimator
    )


def measured(folder: Path, name: str, estimator: Any, reference: str) -> list[str]:
    """Milliseconds of processor time: of an answer, of an insight (median, most), of the first."""
    from second_opinion import Registry
    from second_opinion.models.insight.insight import Insight, insight_of

    registry, (cases, outcome) = Registry(folder / reference / name), training()
    fitted = pipeline(estimator).fit(cases, outcome)
    card = registry.add(fitted, cases, outcome, name="bench", reference=reference)
    model, known = registry.load(card), registry.reference(card)
    answers, insights = [], []
    for seed in range(CASES + 1):
        case = known.plausible(card.case_schema, seed)
        started = time.process_time()
        prediction = model.predict_one(case, asked_by="bench", source="form", id=str(seed))
        answered = time.process_time()
        insight = insight_of(registry, card, prediction, wait=True)
        insights.append((time.process_time() - answered) * 1000)
        answers.append((answered - started) * 1000)
        if not isinstance(insight, Insight) or insight.novelty is None:
            sys.exit(f"{name}: nothing was computed: {insight}")
    first, *others = insights
    return [
        name,
        "rows" if reference == "rows" else "summary",
        f"{median(answers[1:]):.1f} ms",
        f"{median(others):.1f} ms",
        f"{max(others):.1f} ms",
        f"{first:.0f} ms",
    ]


def main() -> None:
    """Measure each model on stored rows and on a summary."""
    with tempfile.TemporaryDirectory() as place:
        rows = [
            measured(Path(place), name, estimator, reference)
            for name, estimator in models().items()
            for reference in ("rows", "summary")
        ]
    header = ["model, 14 features", "known cases", "an answer", "insight", "the most", "the first"]
    text = table([*header, "goal"], [[*row, f"≤ {GOAL_MS} ms"] for row in rows])
    print(text)
    note = (
        f"CPU of {CASES} new cases, the median and the most; the first of a process also reads the "
        "known cases."
    )
    keep("Why this answer", f"{versions()}\n\n{note}\n\n{text}")


if __name__ == "__main__":
    main()
