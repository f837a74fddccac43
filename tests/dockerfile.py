"""What a Dockerfile builds, built in a folder without Docker: its COPY, RUN and CMD lines."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from builders import ROOT

# Paths of the image; each stage has them below a folder of its own.
INSIDE = re.compile(r"(?<![\w./{}])/(?=(?:opt|app|data|build)\b)")
FLAG = re.compile(r"--(\w+)=(\S+)")


def instructions(text):
    """Each instruction with the rest of its line; lines that end with a backslash are one."""
    whole = re.sub(r"\\\n\s*", " ", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    return [tuple(line.split(maxsplit=1)) for line in whole.splitlines() if line.strip()]


@dataclass
class Stage:
    """One stage: its files below ``folder``, its variables, and what the last lines name."""

    folder: Path
    python: str
    env: dict = field(default_factory=dict)
    workdir: str = "/"
    cmd: list = field(default_factory=list)
    user: str = "root"
    volumes: list = field(default_factory=list)
    ports: list = field(default_factory=list)
    healthcheck: str = ""
    runs: list = field(default_factory=list)

    def here(self, text):
        """The text with the paths of the image as they lie here."""
        return INSIDE.sub(f"{self.folder}/", text)

    def path(self, name):
        return self.folder / (Path(self.workdir) / name).relative_to("/")

    def run(self, line, **more):
        """Run a shell line as RUN does, in this stage."""
        self.path(".").mkdir(parents=True, exist_ok=True)
        command = ["sh", "-ec", self.here(line)]
        return subprocess.run(
            command, cwd=self.path("."), env=self.variables(**more), capture_output=True, text=True
        )

    def start(self, log, **more):
        """Start what CMD names, in a process group of its own."""
        command = [self.here(word) for word in self.cmd]
        env = self.variables(**more)
        with log.open("wb") as said:
            return subprocess.Popen(
                command,
                cwd=self.path("."),
                env=env,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )

    def variables(self, **more):
        outer = {k: v for k, v in os.environ.items() if k.startswith("PIP_") or k.endswith("proxy")}
        path = f"{Path(self.python).parent}:/usr/bin:/bin"
        own = {name: self.here(value) for name, value in self.env.items()}
        if "PATH" in own:
            own["PATH"] = own["PATH"].replace("$PATH", path)
        return {**outer, "PATH": path, **own, **more}


def built(folder, *, install):
    """The stages of the project's Dockerfile, the last one last.

    With ``install`` each RUN is run, in an environment of its own; without, packages are those that
    run this test.
    """
    stages, given = {}, {}
    for word, rest in instructions((ROOT / "Dockerfile").read_text("utf-8")):
        if word == "ARG":
            name, _, value = rest.partition("=")
            given[name] = given.get(name) or value
        elif word == "FROM":
            name = rest.partition(" AS ")[2] or "last"
            stage = stages[name] = Stage(folder / name, _python(folder / f"{name}-base", install))
        elif word == "COPY":
            _copy(rest, stage, stages)
        elif word == "RUN":
            stage.runs.append(rest)
            if install:
                found = stage.run(rest, **given)
                assert found.returncode == 0, f"{rest}\n{found.stdout}{found.stderr}"
        else:
            _note(word, rest, stage)
    return stages


def _note(word, rest, stage):
    if word == "ENV":
        stage.env |= dict(pair.split("=", 1) for pair in rest.split())
    elif word == "WORKDIR":
        stage.workdir = rest
    elif word == "CMD":
        stage.cmd = json.loads(rest)
    elif word == "USER":
        stage.user = rest
    elif word == "VOLUME":
        stage.volumes.append(rest)
    elif word == "EXPOSE":
        stage.ports.append(int(rest))
    else:
        assert word == "HEALTHCHECK", word
        stage.healthcheck = rest.partition(" CMD ")[2]


def sources(rest):
    """The flags of a COPY line, the files that it names, and where they go."""
    *names, to = FLAG.sub("", rest).split()
    return dict(FLAG.findall(rest)), names, to


def _copy(rest, stage, stages):
    flags, names, to = sources(rest)
    other = stages.get(flags.get("from"))
    for name in names:
        path = other.path(name) if other else ROOT / name
        if other and not path.exists():
            continue  # not installed
        place = stage.path(to) / (Path(name).name if to.endswith("/") else "")
        place.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(path, place, symlinks=True, dirs_exist_ok=True, ignore=ignored)
        else:
            shutil.copyfile(path, place)


def _python(folder, install):
    """The Python of a base image: a fresh environment, of the version that FROM asks for."""
    if not install:
        return sys.executable
    wanted = re.search(r"ARG PYTHON=(\S+)", (ROOT / "Dockerfile").read_text("utf-8"))[1]
    named = shutil.which(f"python{wanted}") or sys.executable
    if subprocess.run([named, "-c", "import venv"], capture_output=True).returncode:
        named = sys.executable
    subprocess.run([named, "-m", "venv", folder], check=True)
    return str(folder / "bin" / "python")
