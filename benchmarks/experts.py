"""Experts at work on the page Single prediction, all at once, beside one of them alone.

    python benchmarks/experts.py [--experts 25,50] [--seconds 45] [--pace 5]

Each expert is a real websocket session: it opens the page, gives a name, and then, a click every
five seconds, changes a field, predicts and agrees, over and over. Beside it stands a page with one
button under the same settings. What counts is the time from a click until the page is drawn against
that of one expert alone in the same run; the processor time is the server's.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections import defaultdict
from importlib.metadata import version
from math import ceil
from pathlib import Path
from statistics import median

from crowd import Clicks, crowd, stored
from measure import busy, cpu, keep, table, versions
from server import Server, app_of
from tab import Tab

HELLO = """
import streamlit as st

st.title("Hello")
if st.button("Say it again", key="again"):
    st.text("Hello again")
"""
STEPS = ("field", "predict", "agree")
ROWS = {"all three": STEPS, **{step: (step,) for step in STEPS}, "open": ("open",)}
# Whoever is alone clicks faster, so that a short time holds enough clicks.
PACE_ALONE = 0.5
ALONE = 12.0
HELLO_ALONE = 5.0
GOALS = {25: 4, 50: 8}


class Run:
    """One app and one hello page, measured in turn: one expert alone, and each crowd."""

    def __init__(self, app: Server, page: Server) -> None:
        self.app, self.page = app, page
        self.alone, self.hello = Clicks(app.cpu), Clicks(page.cpu)
        self.crowds: dict[int, Clicks] = {}
        self.acknowledged: dict[str, int] = {}
        self.resident: dict[int, float] = {}
        self.others: dict[int, list[float]] = defaultdict(list)

    async def measure(self, numbers: list[int], seconds: float, pace: float) -> None:
        """Measure all sides; who comes first lets the model be imported, and does not count."""
        await self._experts(Clicks(), 1, 0, PACE_ALONE)
        for number in numbers:
            await self._one_alone()
            self.crowds[number] = Clicks()
            await self._experts(self.crowds[number], number, seconds, pace)
        await self._one_alone()

    async def _one_alone(self) -> None:
        async with Tab(self.page.url) as tab:
            await tab.open()
            again = {"hello": lambda: tab.press("again")}
            await again["hello"]()
            await self.hello.repeat(again, HELLO_ALONE, PACE_ALONE)
        await self._experts(self.alone, 1, ALONE, PACE_ALONE)

    async def _experts(self, clicks: Clicks, number: int, seconds: float, pace: float) -> None:
        start, before = time.monotonic(), busy() - self._ours()
        self.acknowledged |= await crowd(self.app.url, clicks, number, seconds, pace)
        others = (busy() - self._ours() - before) / (time.monotonic() - start)
        self.others[number].append(others)
        self.resident.setdefault(number, self.app.resident())

    def _ours(self) -> float:
        return cpu() + self.app.cpu() + self.page.cpu()

    def faults(self) -> list[str]:
        """Everything that went wrong in a tab or stands in the server's log."""
        sides = (self.alone, *self.crowds.values())
        return [fault for side in sides for fault in side.faults] + self.app.faults()

    def text(self) -> str:
        """The figures of a run without a fault, as they stand in RESULTS.md."""
        header = ["experts", "click", "clicks", "p50", "p95", "p95 against one alone", "goal"]
        times = [
            self._times(number, row, clicks)
            for number, clicks in {1: self.alone, **self.crowds}.items()
            for row in ROWS
        ]
        costs = {**self.hello.cpu, **{step: self.alone.cpu[step] for step in STEPS}}
        floor = median(self.hello.cpu["hello"])
        spent = [
            [step, f"{median(cpu) * 1000:.0f} ms", f"{median(cpu) / floor:.1f}"]
            for step, cpu in costs.items()
        ]
        held = ", ".join(f"{size:.0f} MB with {number}" for number, size in self.resident.items())
        others = ", ".join(
            f"{median(used):.1f} with {number}" for number, used in self.others.items()
        )
        costs_table = table(["one click, alone", "CPU of the server", "against hello"], spent)
        return (
            f"{table(header, times)}\n\n{costs_table}\n\n"
            f"No fault. The pages called {sum(self.acknowledged.values())} verdicts saved, and all "
            f"of them are in the database. Resident: {held}. Other programs kept so many of the "
            f"{os.cpu_count()} processors busy meanwhile: {others}; with more than a few tenths, "
            "the times are theirs too."
        )

    def _times(self, number: int, row: str, clicks: Clicks) -> list[str]:
        here, alone = clicks.of(*ROWS[row]), self.alone.of(*ROWS[row])
        goal = GOALS.get(number) if row == "all three" else None
        return [
            str(number),
            row,
            str(len(here)),
            f"{median(here) * 1000:.0f} ms",
            f"{p95(here) * 1000:.0f} ms",
            f"{p95(here) / p95(alone):.2f}",
            f"≤ {goal}" if goal else "",
        ]


def p95(seconds: list[float]) -> float:
    """The time that 95 of 100 clicks do not exceed."""
    return sorted(seconds)[ceil(0.95 * len(seconds)) - 1]


def main() -> None:
    """Start both apps, let the experts work, and compare what they were told with the database."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--experts", default="25,50", help="how many at once, one after the other")
    parser.add_argument("--seconds", type=float, default=45, help="how long each crowd works")
    parser.add_argument("--pace", type=float, default=5, help="seconds between an expert's clicks")
    given = parser.parse_args()
    numbers = [int(number) for number in given.experts.split(",")]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "hello.py").write_text(HELLO)
        with app_of(folder) as app, Server(folder / "hello.py", folder / "hello.log") as page:
            run = Run(app, page)
            asyncio.run(run.measure(numbers, given.seconds, given.pace))
            faults, found = run.faults(), stored(folder / "feedback.db")
    if faults or found != run.acknowledged:
        sys.exit("\n".join(faults) or f"stored {found}, called saved {run.acknowledged}")
    text = run.text()
    print(text)
    about = f"{versions()}, streamlit {version('streamlit')}; a click every {given.pace:g} s."
    keep("Experts at once", f"{about}\n\n{text}")


if __name__ == "__main__":
    main()
