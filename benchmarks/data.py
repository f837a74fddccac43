"""The table and the models that the benchmarks run on, made anew and the same each time."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

if str(Path(__file__).parent.parent) not in sys.path:
    sys.path.insert(0, str(Path(__file__).parent.parent))

from second_opinion import Registry

TRAINED_ON = 20_000
AT_ONCE = 100_000
CATEGORIES = {
    "contract": ["month to month", "one year", "two years"],
    "region": ["north", "east", "south", "west", "centre", "abroad"],
    "payment": [
        "card",
        "direct debit",
        "invoice",
        "voucher",
        "cash",
        "transfer",
        "cheque",
        "other",
    ],
}


PLACES = {"income": 2, "usage": 2, "score": 1, "charge": 2, "distance": 3}


def cases(rows: int, seed: int, *, exact: bool = False) -> pd.DataFrame:
    """Cases with 8 numbers, 3 categories and 1 boolean; a few outside the training range.

    Where they are ``exact``, the numbers have all their digits.
    """
    rng = np.random.default_rng(seed)
    columns = {
        "age": rng.integers(18, 91, rows),
        "income": rng.normal(50_000, 15_000, rows),
        "tenure": rng.integers(0, 120, rows),
        "usage": rng.gamma(2.0, 8.0, rows),
        "score": rng.normal(640, 80, rows),
        "charge": rng.normal(60, 20, rows),
        "calls": rng.poisson(2, rows),
        "distance": rng.exponential(12, rows),
    }
    if not exact:
        columns |= {name: columns[name].round(places) for name, places in PLACES.items()}
    for name, values in CATEGORIES.items():
        columns[name] = pd.array(
            np.array(values, object)[rng.integers(0, len(values), rows)], "str"
        )
    columns["member"] = rng.random(rows) < 0.4
    return pd.DataFrame(columns)


def outcome(table: pd.DataFrame) -> pd.Series:
    """Whether a customer leaves: it follows from the columns, with some chance."""
    rng = np.random.default_rng(5)
    pull = (table["charge"] - 60) / 20 - table["tenure"] / 60 + table["calls"] / 3
    pull += (table["contract"] == "month to month") * 1.2 - table["member"] * 0.5
    return pd.Series((pull + rng.logistic(0, 1, len(table)) > 0).astype(int), name="leaves")


def pipeline(estimator):
    """The estimator behind scaler and one-hot encoder."""
    *numbers, contract, region, payment, member = cases(1, 0).columns
    return make_pipeline(
        make_column_transformer(
            (StandardScaler(), numbers),
            (OneHotEncoder(handle_unknown="ignore"), [contract, region, payment, member]),
        ),
        estimator,
    )


MODELS = {
    "lr": lambda: LogisticRegression(max_iter=1000),
    "hgb": lambda: HistGradientBoostingClassifier(random_state=0),
    "rf": lambda: RandomForestClassifier(100, min_samples_leaf=5, random_state=0),
}


def make(folder: Path, rows: int, *, exact: bool = False) -> Path:
    """The CSV file with so many rows, made unless it is there; and the models beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"cases-{rows}{'-exact' if exact else ''}.csv"
    if not path.exists():
        with path.open("w") as file:
            for at in range(0, rows, AT_ONCE):
                part = cases(min(AT_ONCE, rows - at), at + 1, exact=exact)
                part.to_csv(file, index=False, header=at == 0)
    registry = Registry(folder / "model")
    table = cases(TRAINED_ON, 0)
    for name in set(MODELS) - {path.name for path in (folder / "model").glob("*")}:
        registry.add(
            pipeline(MODELS[name]()).fit(table, outcome(table)), table, outcome(table), name=name
        )
    return path


if __name__ == "__main__":
    print(make(Path(sys.argv[1]), int(sys.argv[2])))
