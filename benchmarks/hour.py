"""An hour of 25 experts, as fast as the server goes: whether memory comes to rest.

    python benchmarks/hour.py [--sessions 600]

25 experts with a click every five seconds make 18,000 clicks an hour: 600 visits in each of which
ten cases are judged. 25 are there at any time, and each leaves without a word, as people do.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from crowd import Clicks, Expert, stored
from measure import keep, table, versions
from server import Server, app_of
from tab import Tab

AT_ONCE = 25
CASES = 10
PARTS = 10
# Streamlit forgets a visit two minutes after it was left.
FORGOTTEN = 150.0


async def visit(server: Server, name: str) -> None:
    """One expert who comes, judges ten cases and leaves."""
    async with Tab(server.url, "Single_prediction") as tab:
        expert = Expert(name, tab)
        await expert.arrive(Clicks())
        for _ in range(CASES):
            for act in expert.steps.values():
                await act()


async def visits(server: Server, sessions: int) -> list[tuple[int, float]]:
    """Let so many come and go; returns after how many visits the server held how many MB."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(at: int) -> None:
        async with room:
            await visit(server, f"Expert {at}")

    held = []
    each = max(1, sessions // PARTS)
    for start in range(0, sessions, each):
        stop = min(start + each, sessions)
        await asyncio.gather(*(one(at) for at in range(start, stop)))
        held.append((stop, server.resident()))
        print(f"  {stop} visits: {held[-1][1]:.0f} MB", file=sys.stderr)
    await asyncio.sleep(FORGOTTEN)
    return [*held, (sessions, server.resident())]


def main() -> None:
    """Start the app, let the visits go by, and print what it held meanwhile."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=600)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder, start = Path(place), time.monotonic()
        with app_of(folder) as server:
            asyncio.run(visit(server, "The first"))
            held = [(1, server.resident()), *asyncio.run(visits(server, given.sessions))]
        saved = sum(stored(folder / "feedback.db").values())
    lines = [[f"{count:,}", f"{size:.0f} MB"] for count, size in held]
    lines[-1][0] += ", when Streamlit has forgotten all of them"
    text = f"{versions()}; {saved:,} verdicts in {time.monotonic() - start:,.0f} s.\n\n"
    text += table(["visits so far", "resident"], lines)
    print(text)
    keep("An hour of sessions", text)


if __name__ == "__main__":
    main()
