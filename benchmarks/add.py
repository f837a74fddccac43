"""What it costs to add a model with 100,000 rows of data: ``python benchmarks/add.py``.

Each model is added in a process of its own, from a CSV file, as `add` does it. Goals: under 20
seconds of processor time and under 500 MB of memory at the peak.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

ROWS = 100_000
MOST_SECONDS = 20.0
MOST_MEGABYTES = 500.0
NUMBERS = [f"n{at}" for at in range(8)]
CHOICES = ["region", "contract", "payment"]


def prepare(folder: Path) -> None:
    """Write the data and one file for each model."""
    import joblib
    import numpy as np
    import pandas as pd
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    rng = np.random.default_rng(20261120)
    data = pd.DataFrame({name: rng.normal(50, 10, ROWS).round(2) for name in NUMBERS})
    for at, name in enumerate(CHOICES):
        data[name] = rng.choice([f"{name} {n}" for n in range(4 + 4 * at)], ROWS)
    data["member"] = rng.random(ROWS) < 0.4
    score = (data["n0"] - data["n1"]) / 10 + data["member"] * 1.5
    data["left"] = np.where(score + rng.normal(0, 1, ROWS) > 0.5, "yes", "no")
    X, y = data.drop(columns="left"), data["left"]
    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), NUMBERS),
        (OneHotEncoder(handle_unknown="ignore"), CHOICES),
        ("passthrough", ["member"]),
    )
    boosting = HistGradientBoostingClassifier(categorical_features=CHOICES, random_state=0)
    joblib.dump(make_pipeline(columns, LogisticRegression()).fit(X, y), folder / "linear.joblib")
    joblib.dump(boosting.fit(X, y), folder / "boosting.joblib")
    data.to_csv(folder / "train.csv", index=False)


def add(folder: Path, name: str) -> None:
    """Add one model, and print the processor time and the peak of memory of this process."""
    from second_opinion.cli.main import main

    given = [str(folder / f"{name}.joblib"), "--name", name, "--data", str(folder / "train.csv")]
    code = main(["add", *given, "--target", "left", "--yes", "--json"])
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds, megabytes = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
    sys.stderr.write(f"{seconds:.2f} {megabytes:.0f}\n")
    sys.exit(code)


def measure() -> int:
    """Prepare in a process of its own, add each model in another, and compare with the goals."""
    missed = 0
    with tempfile.TemporaryDirectory() as place:
        run("prepare", place)
        for name in ("linear", "boosting"):
            seconds, megabytes = map(float, run("add", place, name).split()[-2:])
            met = seconds < MOST_SECONDS and megabytes < MOST_MEGABYTES
            missed += not met
            sys.stdout.write(
                f"{name:<9} {ROWS:,} rows: {seconds:.1f} s of CPU (goal {MOST_SECONDS:.0f}), peak "
                f"{megabytes:.0f} MB (goal {MOST_MEGABYTES:.0f}){'' if met else '  MISSED'}\n"
            )
    return missed


def run(*arguments: str) -> str:
    """Run this script with arguments; returns what it wrote on standard error."""
    import os

    env = {**os.environ, "MODEL_DIR": str(Path(arguments[1]) / "model")}
    command = [sys.executable, str(Path(__file__)), *arguments]
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return done.stderr


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["prepare", place]:
            prepare(Path(place))
        case ["add", place, name]:
            add(Path(place), name)
        case _:
            sys.exit(measure())
