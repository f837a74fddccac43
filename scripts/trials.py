"""Environments made from scratch in a folder of their own, and commands run in them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

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


COMMAND: Sequence[str] = ("-m", "second_opinion")


def failed(said: str) -> None:
    """End the trial with what was not as expected."""
    sys.exit(f"NOT AS EXPECTED: {said}")
