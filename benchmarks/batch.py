"""A file of cases scored: this program beside what one would write without it.

    python benchmarks/batch.py [--rows 1000000] [--repeats 3] [--models lr,hgb,rf]

Every side reads the same CSV file and writes one with prediction, confidence or probabilities. CPU
seconds count, user and system, of the work alone; the ratio is what carries over to other machines.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from functools import partial
from pathlib import Path

import data
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pv
from measure import cpu, in_turn, keep, measured, side, table, versions

from second_opinion import Registry
from second_opinion.batches.score_file import score_file
from second_opinion.tables import TableFile, look

LOOP = 1_000
# Fewer rows a call cost more calls, more rows the processor's cache.
PIECE = 30_000
KINDS = {
    False: "Short numbers, such as 48288.46:",
    True: "Numbers in full precision, such as 48288.46021312157:",
}


def plain(model, path: Path, out: Path) -> None:
    """What most apps do."""
    cases = pd.read_csv(path)
    answers = model.estimator.predict(cases)
    shares = model.estimator.predict_proba(cases)
    cases.assign(prediction=answers, confidence=shares.max(axis=1)).to_csv(out, index=False)


def loop(model, path: Path, out: Path) -> None:
    """A thousand rows at a time."""
    with out.open("w") as file:
        for at, cases in enumerate(pd.read_csv(path, chunksize=LOOP)):
            answers = model.estimator.predict(cases)
            shares = model.estimator.predict_proba(cases)
            scored = cases.assign(prediction=answers, confidence=shares.max(axis=1))
            scored.to_csv(file, index=False, header=at == 0)


def floor(model, path: Path, out: Path) -> None:
    """Parse, predict_proba, write: each at its best, nothing checked or flagged."""
    # Texts as objects of which equal ones are the same, which is what the encoder takes fastest.
    texts = [feature.name for feature in model.card.case_schema if feature.kind == "category"]
    convert = pv.ConvertOptions(
        column_types=dict.fromkeys(texts, pa.dictionary(pa.int32(), pa.string()))
    )
    cases = pv.read_csv(path, convert_options=convert)
    frame = pd.DataFrame({name: _column(cases[name]) for name in cases.column_names}, copy=False)
    pieces = [frame.iloc[at : at + PIECE] for at in range(0, len(frame), PIECE)]
    with model.threads.limit(limits=1):
        shares = np.concatenate([model.estimator.predict_proba(piece) for piece in pieces])
    answers = model.estimator.classes_[shares.argmax(axis=1)]
    cases = cases.append_column("prediction", pa.array(answers))
    pv.write_csv(cases.append_column("confidence", pa.array(shares.max(axis=1))), out)


def _column(cells: pa.ChunkedArray):
    if not pa.types.is_dictionary(cells.type):
        return cells.to_numpy()
    whole = cells.unify_dictionaries().combine_chunks()
    whole = whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole
    known = np.asarray(whole.dictionary.to_pylist(), dtype=object)
    kind = pd.StringDtype("python", na_value=np.nan)
    return pd.array(known[whole.indices.to_numpy()], dtype=kind)


def ours(model, path: Path, out: Path, jobs: int = 1) -> None:
    """`python -m second_opinion score`, checks and flags included."""
    source = TableFile.of_path(path)
    score_file(source, look(source, model.card.case_schema), model, out, jobs=jobs)


def memory(model, path: Path) -> dict[str, float]:
    """predict_proba alone on the whole frame, which is in memory already."""
    cases = pd.read_csv(path)
    return measured(lambda: model.estimator.predict_proba(cases))


class Timed:
    """A model of which the time in its answers is added up."""

    def __init__(self, model) -> None:
        self.model, self.card, self.threads = model, model.card, model.threads
        self.seconds = 0.0

    def answers(self, cases):
        before = cpu()
        found = self.model.answers(cases)
        self.seconds += cpu() - before
        return found


def answering(model, path: Path, out: Path) -> dict[str, float]:
    """Our score, of which only the answers count: preparation, predict_proba, checks and flags."""
    timed = Timed(model)
    found = measured(partial(ours, timed, path, out))
    return {**found, "cpu": timed.seconds}


def same_answers(model, path: Path, out: Path) -> bool:
    """Whether the scored file says what the estimator says of the whole frame, to the bit."""
    answers = model.estimator.predict(pd.read_csv(path))
    written = pd.read_csv(out, usecols=["prediction"])["prediction"].to_numpy()
    return bool(np.array_equal(answers, written))


SIDES = {"plain": plain, "loop": loop, "floor": floor, "ours": ours}


def run_side(name: str, folder: Path, path: Path, model_name: str) -> dict[str, float]:
    """One side in this process."""
    model = Registry(folder / "model").load(model_name)
    model.predict([model.card.case_schema.typical])
    with tempfile.TemporaryDirectory(dir=folder) as place:
        out = Path(place, "out.csv")
        if name == "memory":
            return memory(model, path)
        if name == "answering":
            return answering(model, path, out)
        found = measured(partial(SIDES[name], model, path, out))
        if name == "ours" and not same_answers(model, path, out):
            raise SystemExit("score and the estimator differ")
        return found


def compare(
    folder: Path, rows: int, model: str, names: list[str], repeats: int, *, exact: bool = False
):
    """The named sides on so many rows."""
    path = data.make(folder, rows, exact=exact)
    sides = {name: partial(side, __file__, "--side", name, folder, path, model) for name in names}
    return in_turn(sides, repeats)


def report(folder: Path, rows: int, model: str, repeats: int) -> str:
    """What was measured for a model, as Markdown."""
    parts = [f"{versions()}; {rows:,} rows; median of {repeats}."]
    if model == "lr":
        for exact, said in KINDS.items():
            parts += [said, _file_to_file(folder, rows, repeats, exact=exact)]
        parts.append(_memory(folder, rows))
    else:
        parts.append(_answers(folder, rows, model, repeats))
    return "\n\n".join(parts)


def _file_to_file(folder: Path, rows: int, repeats: int, *, exact: bool) -> str:
    found = compare(folder, rows, "lr", list(SIDES), repeats, exact=exact)
    own = found["ours"]["cpu"]
    goals = {"plain": "≤ 0.30", "loop": "≤ 0.125", "floor": "≤ 1.6", "ours": ""}
    lines = [
        [
            SIDES[name].__doc__,
            f"{x['cpu']:.2f}",
            f"{x['peak']:+.0f} MB",
            f"{own / x['cpu']:.3f}",
            goals[name],
        ]
        for name, x in found.items()
    ]
    return table(
        ["LR, file to file", "CPU s", "peak above start", "ours against it", "goal"], lines
    )


def _memory(folder: Path, rows: int) -> str:
    peaks = {n: compare(folder, n, "lr", ["ours"], 1)["ours"]["peak"] for n in (rows // 10, rows)}
    lines = [[f"{n:,}", f"{peak:+.0f} MB", "≤ 100 MB"] for n, peak in peaks.items()]
    return table(["rows", "peak of score above start", "goal"], lines)


def _answers(folder: Path, rows: int, name: str, repeats: int) -> str:
    found = compare(folder, rows, name, ["memory", "answering", "ours"], repeats)
    least = found["memory"]["cpu"]
    says = {
        "memory": memory.__doc__,
        "answering": answering.__doc__,
        "ours": ours.__doc__,
    }
    lines = [
        [
            says[key],
            f"{x['cpu']:.2f}",
            f"{x['cpu'] / least:.3f}",
            "≤ 1.15" if key == "answering" else "",
        ]
        for key, x in found.items()
    ]
    return table([name.upper(), "CPU s", "against predict_proba", "goal"], lines)


def main() -> None:
    """Run one side, or all of them in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", nargs=4, help=argparse.SUPPRESS)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--models", default="lr,hgb,rf")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir(), "so-bench"))
    given = parser.parse_args()
    if given.side:
        name, folder, path, model = given.side
        print(json.dumps(run_side(name, Path(folder), Path(path), model)))
        return
    for model in given.models.split(","):
        text = report(given.folder, given.rows, model, given.repeats)
        print(text)
        keep(f"Batch, {model.upper()}", text)


if __name__ == "__main__":
    sys.exit(main())
