"""CPU and memory of one side of a comparison, each in a process of its own."""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from importlib.metadata import version
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "RESULTS.md"


def cpu() -> float:
    """CPU seconds of this process and of its children that ended, user and system."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(part.ru_utime + part.ru_stime for part in used)


def busy() -> float:
    """Processor seconds that this machine has spent on whatever it does, since it was started."""
    spent = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    user, nice, system, _idle, _waiting, irq, soft_irq, *_ = map(int, spent)
    return (user + nice + system + irq + soft_irq) / os.sysconf("SC_CLK_TCK")


def measured(work: Callable[[], object]) -> dict[str, float]:
    """What some work costs: ``cpu`` and ``wall`` seconds, ``peak`` in MB above the start.

    Imports and the loading of the model come before, on every side.
    """
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    start, started, before = _status("VmRSS"), time.perf_counter(), cpu()
    work()
    used, took = cpu() - before, time.perf_counter() - started
    return {"cpu": used, "wall": took, "peak": (_status("VmHWM") - start) / 1024}


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(f"{name}:")).split()[1])


def side(script: str, *arguments: object) -> dict[str, float]:
    """Run one side in a fresh process; it prints what it measured as JSON."""
    command = [sys.executable, script, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def in_turn(
    sides: dict[str, Callable[[], dict[str, float]]], repeats: int
) -> dict[str, dict[str, float]]:
    """The median of each figure of each side; the sides take turns, as the machine is not ours."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in sides}
    for _ in range(repeats):
        for name, run in sides.items():
            found[name].append(run())
            print(f"  {name}: {found[name][-1]}", file=sys.stderr)
    return {
        name: {figure: median(run[figure] for run in runs) for figure in runs[0]}
        for name, runs in found.items()
    }


def versions() -> str:
    """The date and the versions under which something was measured."""
    names = ("scikit-learn", "pandas", "pyarrow", "numpy")
    here = ", ".join(f"{name} {version(name)}" for name in names)
    return f"{date.today()}, Python {sys.version.split()[0]}, {here}, {os.cpu_count()} cores"


def table(header: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def keep(title: str, text: str) -> None:
    """Put the latest figures under their title into RESULTS.md."""
    section = f"## {title}\n\n{text.strip()}\n\n"
    before = RESULTS.read_text() if RESULTS.exists() else "# Latest figures\n"
    pattern = re.compile(rf"^## {re.escape(title)}\n.*?(?=^## |\Z)", re.M | re.S)
    found = pattern.search(before)
    after = pattern.sub(lambda _: section, before) if found else f"{before.rstrip()}\n\n{section}"
    RESULTS.write_text(after.rstrip() + "\n")
