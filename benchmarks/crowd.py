"""Experts who judge cases on the page Single prediction, any number of them at once."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, closing
from pathlib import Path

from tab import PageError, Tab
from websockets.exceptions import WebSocketException

FAULTS = (PageError, OSError, TimeoutError, WebSocketException)
Steps = Mapping[str, Callable[[], Awaitable[None]]]


class Clicks:
    """The clicks of some tabs: until when each was drawn, what it cost, and what failed.

    ``cpu`` tells how many seconds of processor time the server has used so far.
    """

    def __init__(self, cpu: Callable[[], float] = lambda: 0.0) -> None:
        self._cpu = cpu
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.cpu: dict[str, list[float]] = defaultdict(list)
        self.faults: list[str] = []

    async def timed(self, step: str, click: Awaitable[None]) -> None:
        """Wait for what a click draws, and note how long that took."""
        start = time.perf_counter()
        await click
        self.seconds[step].append(time.perf_counter() - start)

    async def repeat(self, steps: Steps, seconds: float, pace: float) -> None:
        """Take the steps in turn, one each ``pace`` seconds, round by round until time is up.

        What the server does until the next step counts as cost of the one before.
        """
        end, time_is_left = time.monotonic() + seconds, True
        while time_is_left:
            for step, act in steps.items():
                start, before = time.monotonic(), self._cpu()
                await self.timed(step, act())
                await asyncio.sleep(max(0.0, start + pace - time.monotonic()))
                self.cpu[step].append(self._cpu() - before)
            time_is_left = time.monotonic() < end

    def of(self, *steps: str) -> list[float]:
        """The seconds of all clicks of some steps."""
        return [seconds for step in steps for seconds in self.seconds[step]]


class Expert:
    """One person in one tab, who judges case after case."""

    def __init__(self, name: str, tab: Tab) -> None:
        self.name, self.tab, self.acknowledged = name, tab, 0
        self.steps: Steps = {"field": self.field, "predict": self.predict, "agree": self.agree}

    async def arrive(self, clicks: Clicks) -> None:
        """Open the page, and give the name that it asks for."""
        await clicks.timed("open", self.tab.open())
        await self.tab.enter("who_name", self.name)
        await clicks.timed("name", self.tab.press("who_start"))
        # As a browser says it once the fields that were filled in are on the screen.
        await self.tab.tell("seeds_drawn", "drawn")

    async def field(self) -> None:
        """Change the first number of the case."""
        key = self.tab.first("number_input", "predict_field_")
        await self.tab.enter(key, self.tab.value(key) + 1)
        self._expect("predict_submit")

    async def predict(self) -> None:
        """Ask for the answer."""
        await self.tab.press("predict_submit")
        self._expect("verdict_agree")

    async def agree(self) -> None:
        """Agree with the answer; the page says that this is saved."""
        await self.tab.press("verdict_agree")
        self._expect("verdict_undo")
        self.acknowledged += 1

    def _expect(self, key: str) -> None:
        if not self.tab.has(key):
            raise PageError(f"the page did not draw {key}")


async def crowd(
    url: str, clicks: Clicks, number: int, seconds: float, pace: float
) -> dict[str, int]:
    """So many experts, who come one after the other and then work at once.

    Each judges one case or more. Returns for each name how many verdicts the page called saved.
    """

    async def noted(expert: Expert, work: Awaitable[None]) -> bool:
        try:
            await work
        except FAULTS as fault:
            clicks.faults.append(f"{expert.name}: {type(fault).__name__}: {fault}")
            return False
        return True

    async def work(expert: Expert, wait: float) -> None:
        await asyncio.sleep(wait)
        await clicks.repeat(expert.steps, seconds, pace)

    async with AsyncExitStack() as tabs:
        experts = []
        for at in range(1, number + 1):
            tab = await tabs.enter_async_context(Tab(url, "Single_prediction"))
            expert = Expert(f"Expert {at} of {number} {time.time():.0f}", tab)
            if await noted(expert, expert.arrive(clicks)):
                experts.append(expert)
        # Evenly spread over the pace, and not all of them at the same step.
        waits = {
            expert: pace * (at / number + at % len(expert.steps))
            for at, expert in enumerate(experts)
        }
        await asyncio.gather(*(noted(expert, work(expert, waits[expert])) for expert in experts))
    return {expert.name: expert.acknowledged for expert in experts}


def stored(database: Path) -> dict[str, int]:
    """For each name how many agreements are in the database."""
    count = "SELECT expert, count(*) FROM verdicts WHERE judgement = 'agree' GROUP BY expert"
    with closing(sqlite3.connect(database)) as connection:
        return dict(connection.execute(count).fetchall())
