"""Environments made from scratch in a folder of their own, and commands run in them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parent.parent
MODELS = ROOT / "scripts" / "trial_models.py"
# What pip may not do is pick versions that nobody asked for.
PIP = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")


@dataclass(frozen=True)
class Environment:
    """A virtual environment, with the registry and database that its commands work on."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)

    @classmethod
    def made(cls, folder: Path, *requirements: str, **settings: str) -> Environment:
        """A new one with these arguments of `pip install`; exits where they cannot be had.

        One that stands in a folder that was kept is taken as it is.
        """
        if folder.exists():
            return cls(folder, settings)
        print(f"Making {folder.name} …", flush=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        made = cls(folder, settings)
        found = made.run(*PIP, *requirements)
        if found.returncode:
            sys.exit(f"{folder.name} cannot be installed:\n{found.stderr}")
        return made

    @classmethod
    def of_make(cls, folder: Path, *command: str, **settings: str) -> Environment:
        """The one that this command makes in a clone of the project, when what it starts answers.

        The command is a `make run`, which is stopped then.
        """
        if not folder.exists():
            subprocess.run(["git", "clone", "--quiet", ROOT, folder], check=True)
        port, log = free_port(), folder / "make.log"
        print(f"{' '.join(command)} …", flush=True)
        with log.open("wb") as written:
            process = subprocess.Popen(
                [*command, f"PORT={port}"],
                cwd=folder,
                env={**os.environ, "STREAMLIT_SERVER_HEADLESS": "true", **settings},
                stdout=written,
                stderr=written,
                start_new_session=True,
            )
        try:
            await_answer(f"http://localhost:{port}/_stcore/health", process, log, seconds=1800)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            process.wait(60)
        return cls(folder / ".venv", settings)

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / ("Scripts" if os.name == "nt" else "bin") / "python"

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run its Python in the project's folder; what it says is kept."""
        env = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", **self.settings}
        command = [str(self.python), *map(str, arguments)]
        return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)

    def do(self, *arguments: str | Path) -> str:
        """Run its Python and return what it says; exit where it fails."""
        found = self.run(*arguments)
        said = found.stdout.strip()
        if found.returncode:
            sys.exit(f"{' '.join(map(str, arguments))} failed:\n{said}\n{found.stderr}")
        return said

    def version(self, package: str) -> str:
        """The version of a package in it."""
        return self.do("-c", f"import importlib.metadata as m; print(m.version({package!r}))")

    def add(
        self, file: str | Path, name: str, data: Path | None = None, target: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """`add` a model, with its data where there is some."""
        source = ("--data", data, "--target", target) if data else ()
        return self.run(*COMMAND, "add", file, "--name", name, *source, "--yes")


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def await_answer(
    address: str, process: subprocess.Popen[bytes], log: Path, seconds: float = 120
) -> None:
    """Wait until a server answers with 200; exits with its log where it ends, or says nothing."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError):
            if urlopen(address, timeout=2).status == 200:
                return
        time.sleep(0.5)
    failed(f"the server does not answer:\n{log.read_text('utf-8', errors='replace')}")


COMMAND: Sequence[str] = ("-m", "second_opinion")


def failed(said: str) -> None:
    """End the trial with what was not as expected."""
    sys.exit(f"NOT AS EXPECTED: {said}")
