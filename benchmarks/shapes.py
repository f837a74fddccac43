"""Files of other shapes scored: many columns, quotes around all, free text, Parquet.

    python benchmarks/shapes.py [--repeats 5] [--shapes wide,quoted,text,parquet]

Each beside what most apps do, in turn. CPU seconds, user and system, of the work alone; the ratio
is what carries over to other machines.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import data
import numpy as np
import pandas as pd
from batch import ours, same_answers
from measure import in_turn, keep, measured, side, table, versions
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from second_opinion import Registry

WORDS = "the order came late and broken again so she called twice, wrote, and left"


def wide(rows: int) -> pd.DataFrame:
    """Two hundred columns of numbers."""
    rng = np.random.default_rng(7)
    return pd.DataFrame(rng.normal(50, 20, (rows, 200)).round(2)).add_prefix("reading_")


def narrow(rows: int) -> pd.DataFrame:
    """The table of the other benchmark: numbers, categories and a boolean."""
    return data.cases(rows, 1)


def with_text(rows: int) -> pd.DataFrame:
    """The same with two columns of sentences, which the model does not use."""
    rng = np.random.default_rng(8)
    said = np.array(
        [" ".join(rng.choice(WORDS.split(" "), rng.integers(3, 25))) for _ in range(5_000)], object
    )
    texts = {name: rng.choice(said, rows) for name in ("complaint", "reply")}
    return narrow(rows).assign(**texts)


def _csv(cases: pd.DataFrame, path: Path) -> None:
    cases.to_csv(path, index=False)


def _all_quoted(cases: pd.DataFrame, path: Path) -> None:
    cases.to_csv(path, index=False, quoting=csv.QUOTE_ALL)


def _parquet(cases: pd.DataFrame, path: Path) -> None:
    cases.to_parquet(path, index=False)


@dataclass(frozen=True)
class Shape:
    """A kind of file, with the goals: CPU against plain pandas, and MB above the start."""

    title: str
    rows: int
    cases: Callable[[int], pd.DataFrame]
    write: Callable[[pd.DataFrame, Path], None]
    model: str
    cpu: float
    peak: int = 100


SHAPES = {
    "wide": Shape("200 columns, 60,000 rows", 60_000, wide, _csv, "wide", 0.35),
    "quoted": Shape("all quoted, 1,000,000 rows", 1_000_000, narrow, _all_quoted, "lr", 0.35),
    "text": Shape("two free-text columns, 1,000,000 rows", 1_000_000, with_text, _csv, "lr", 0.40),
    "parquet": Shape("Parquet in, 1,000,000 rows", 1_000_000, narrow, _parquet, "lr", 0.30),
}


def make(folder: Path, name: str) -> Path:
    """The file of a shape, made unless it is there; and its model beside it."""
    shape = SHAPES[name]
    data.make(folder, 1_000)
    path = folder / f"{name}.{'parquet' if shape.write is _parquet else 'csv'}"
    if not path.exists():
        shape.write(shape.cases(shape.rows), path)
    if not (folder / "model" / shape.model).exists():
        cases = wide(2_000)
        outcome = (cases["reading_0"] + cases["reading_1"] > 100).astype(int).rename("high")
        fitted = make_pipeline(StandardScaler(), LogisticRegression()).fit(cases, outcome)
        Registry(folder / "model").add(fitted, cases, outcome, name=shape.model)
    return path


def plain(model, path: Path, out: Path) -> None:
    """What most apps do."""
    cases = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    inputs = cases[list(model.card.case_schema.names)]
    answers = model.estimator.predict(inputs)
    shares = model.estimator.predict_proba(inputs)
    cases.assign(prediction=answers, confidence=shares.max(axis=1)).to_csv(out, index=False)


SIDES = {"plain": plain, "ours": ours}


def run_side(name: str, folder: Path, shape: str, path: Path) -> dict[str, float]:
    """One side in this process."""
    model = Registry(folder / "model").load(SHAPES[shape].model)
    model.predict([model.card.case_schema.typical])
    with tempfile.TemporaryDirectory(dir=folder) as place:
        out = Path(place, "out.csv")
        cost = measured(partial(SIDES[name], model, path, out))
        if name == "ours" and path.suffix == ".csv" and not same_answers(model, path, out):
            raise SystemExit("score and the estimator differ")
        return cost


def compare(folder: Path, shape: str, repeats: int) -> list[str]:
    """A line of the table: both sides of a shape, and the goals."""
    path, goals = make(folder, shape), SHAPES[shape]
    sides = {name: partial(side, __file__, "--side", name, folder, shape, path) for name in SIDES}
    cost = in_turn(sides, repeats)
    plain_cpu, own = cost["plain"]["cpu"], cost["ours"]
    return [
        goals.title,
        f"{plain_cpu:.2f}",
        f"{own['cpu']:.2f}",
        f"{own['cpu'] / plain_cpu:.3f}",
        f"≤ {goals.cpu:.2f}",
        f"{own['peak']:+.0f} MB",
        f"≤ {goals.peak} MB",
    ]


def main() -> None:
    """Run one side, or the named shapes in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", nargs=4, help=argparse.SUPPRESS)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--shapes", default=",".join(SHAPES))
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir(), "so-bench"))
    given = parser.parse_args()
    if given.side:
        name, folder, shape, path = given.side
        print(json.dumps(run_side(name, Path(folder), shape, Path(path))))
        return
    lines = [compare(given.folder, shape, given.repeats) for shape in given.shapes.split(",")]
    header = ["file", "pandas, CPU s", "score, CPU s", "score / pandas", "goal"]
    header += ["peak of score above start", "goal"]
    text = f"{versions()}; median of {given.repeats}.\n\n{table(header, lines)}"
    print(text)
    keep("Files of other shapes", text)


if __name__ == "__main__":
    sys.exit(main())
