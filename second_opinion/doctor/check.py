"""What every check says, and how much memory this process takes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

MB = 1_000_000


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: what was found, and what to do about it."""

    name: str
    state: Literal["ok", "warning", "problem"]
    found: str
    todo: str = ""


def resident(which: Literal["VmRSS", "VmHWM"]) -> int:
    """The memory of this process in bytes, now (VmRSS) or at its peak (VmHWM); 0 if not known.

    Read from /proc where there is one: on Linux, the peak of ``getrusage`` begins with that of the
    parent process.
    """
    try:
        status = Path("/proc/self/status").read_text("utf-8")
    except OSError:
        return _peak()
    match = re.search(rf"^{which}:\s+(\d+) kB", status, re.M)
    return int(match[1]) * 1024 if match else 0


def _peak() -> int:
    try:
        import resource
    except ImportError:  # Windows
        return 0
    # Bytes on macOS, the one system that has getrusage and no /proc.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
