"""What the page Distributions costs on a large batch: CPU, memory, and what goes to the browser.

    python benchmarks/distributions.py [--rows 1000000]

A batch is stored as Batch upload stores it, and then opened in a process of its own by what the
page calls: each section alone by its link, and in another process all of them in turn, the first
time and again. CPU seconds are user and system.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import data
from measure import keep, measured, side, table, versions

from second_opinion import Registry, Store
from second_opinion.access import roles
from second_opinion.batches import jobs
from second_opinion.batches.score_file import NO_LIMITS
from second_opinion.distributions import marks, sections, sections_crossed, selection
from second_opinion.tables import TableFile, look

ON_A_PAGE = 6
SECTIONS = ("predictions", "confidence", "features", "drift", "two features")


def stored(folder: Path, rows: int) -> None:
    """Put a batch of so many rows into a database, unless it is there."""
    folder.mkdir(parents=True, exist_ok=True)
    store = Store.open(folder / f"feedback-{rows}.db")
    if any(batch.state == "done" for batch in store.batches.listed()):
        return
    registry = Registry(folder / "model")
    source, card = TableFile.of_path(data.make(folder, rows)), registry.card("lr")
    seen = look(source, card.case_schema)
    batch = jobs.check(store, card, source, seen, asked_by="Ada", limits=NO_LIMITS)
    _ended(store, batch.id)
    jobs.score(store, registry, batch.id, by=roles.PROGRAM)
    _ended(store, batch.id)


def _ended(store: Store, batch_id: str) -> None:
    while (batch := store.batches.find(batch_id)) is None or batch.is_running:
        time.sleep(0.2)


def opened(folder: Path, rows: int, names: list[str]) -> dict[str, dict[str, float]]:
    """Open the batch as the page does, section by section, and again."""
    store, registry = Store.open(folder / f"feedback-{rows}.db"), Registry(folder / "model")
    (batch,) = store.batches.listed()
    card = registry.card(batch.ref)
    found: dict[str, dict[str, float]] = {}
    drawn: list[marks.Exhibit] = []

    def open_section(name: str) -> None:
        subset, against = selection.of_batch(store, batch, card), sections.training(registry, card)
        judged = selection.verdicts(store, subset)
        drawn[:] = {
            "predictions": lambda: sections.predictions(subset, against),
            "confidence": lambda: sections.confidence(subset, judged),
            "features": lambda: [
                sections.feature(subset, against, feature)
                for feature in sections.ordered(subset, against)[:ON_A_PAGE]
            ],
            "drift": lambda: sections.drift(subset, against),
            "two features": lambda: _crossed(subset, against),
        }[name]()

    resident = Path("/proc/self/statm")
    page = os.sysconf("SC_PAGESIZE") / 1e6
    start = int(resident.read_text().split()[1]) * page
    for turn in ("first", "again"):
        for name in names:
            held = int(resident.read_text().split()[1]) * page - start
            found[f"{name}, {turn}"] = cost = measured(partial(open_section, name))
            cost["peak"] += held
            figures = [part.chart.figure.to_json() for part in drawn if part.chart]
            cost["bytes"] = sum(map(len, figures))
    return found


def _crossed(subset: selection.Selection, against: sections.Against) -> list[marks.Exhibit]:
    """A number by a category, and the charts of both below."""
    numeric = [feature for feature in subset.card.features if feature.is_numeric]
    others = [feature for feature in subset.card.features if feature.kind == "category"]
    both = [numeric[0], (others or numeric)[-1]]
    below = [sections.feature(subset, against, feature) for feature in both]
    return [sections_crossed.crossed(subset, both), *below]


def _line(name: str, costs: list[dict[str, float]]) -> list[str]:
    return [
        name,
        f"{max(cost['cpu'] for cost in costs):.2f}",
        f"{max(cost['peak'] for cost in costs):+.0f} MB",
        f"{max(cost['bytes'] for cost in costs) / 1000:,.0f} kB",
    ]


def main() -> None:
    """Store the batch, open it in a fresh process, and print what that cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--open", nargs="+", help=argparse.SUPPRESS)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir(), "so-bench"))
    given = parser.parse_args()
    if given.open:
        print(json.dumps(opened(given.folder, given.rows, given.open)))
        return
    stored(given.folder, given.rows)

    def run(*names: str) -> dict[str, dict[str, float]]:
        return side(__file__, "--rows", given.rows, "--folder", given.folder, "--open", *names)

    found = {f"{name}, alone": run(name)[f"{name}, first"] for name in SECTIONS}
    found |= run(*SECTIONS)
    lines = [_line(name, [cost]) for name, cost in found.items()]
    for turn, goal in (("alone", "< 3 s"), ("first", "< 3 s"), ("again", "< 0.3 s")):
        costs = [cost for name, cost in found.items() if name.endswith(turn)]
        lines.append(_line(f"the most, {turn} (goals {goal}, < +300 MB, < 2,000 kB)", costs))
    text = f"{versions()}; {given.rows:,} rows.\n\n"
    text += table(["section", "CPU s", "peak above start of all", "figures"], lines)
    print(text)
    keep("Distributions", text)


if __name__ == "__main__":
    sys.exit(main())
