"""A `streamlit run` in a process of its own, and what it uses."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Self

from measure import ROOT

# The clock of another process's processor time, as the C library makes its number.
PROCESS_CLOCK = 2


class Server:
    """One app on a free port of this machine, from `with` to the end of its block."""

    def __init__(self, script: Path, log: Path, **environment: str) -> None:
        self.script, self.log, self.environment = script, log, environment

    def __enter__(self) -> Self:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "streamlit", "run", str(self.script)]
        command += [f"--server.port={port}", "--server.address=127.0.0.1", "--server.headless=true"]
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                command,
                # The settings of the app, whichever script it is.
                cwd=ROOT,
                env={**os.environ, **self.environment},
                stdout=log,
                stderr=log,
            )
        self._wait()
        return self

    def __exit__(self, *failure: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def cpu(self) -> float:
        """Seconds of processor time so far, of all its threads, also those that ended."""
        return time.clock_gettime(~self._process.pid << 3 | PROCESS_CLOCK)

    def resident(self) -> float:
        """Memory that it holds now, in MB."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) / 1024

    def faults(self) -> list[str]:
        """Lines of its log that tell of an error."""
        lines = self.log.read_text("utf-8", errors="replace").splitlines()
        return [line for line in lines if "Traceback" in line or "incident" in line]

    def _wait(self) -> None:
        deadline = time.monotonic() + 60
        open_url = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
        while time.monotonic() < deadline and self._process.poll() is None:
            with suppress(OSError):
                if open_url(f"{self.url}/_stcore/health", timeout=2).status == 200:
                    return
            time.sleep(0.1)
        self.__exit__()
        raise SystemExit(f"{self.script} does not answer:\n{self.log.read_text()}")


def app_of(folder: Path) -> Server:
    """The app on the demo models, with its database and its log in a folder."""
    return Server(
        ROOT / "Home.py",
        folder / "app.log",
        FEEDBACK_DB=str(folder / "feedback.db"),
        MODEL_DIR=str(ROOT / "model"),
        DURABLE="1",
    )
