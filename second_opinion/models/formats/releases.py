"""Releases of scikit-learn: the one that runs here, and the way to the one that a file wants.

A release is a version without its patch number, like 1.2: models go from one patch to another.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from second_opinion.errors import UserError
from second_opinion.settings import HOME

LOCK = "requirements.lock"
# What a host like Community Cloud installs: the direct packages of the lock, in the same versions.
HOSTED = "requirements.txt"

Python = tuple[int, int]


@dataclass(frozen=True)
class RequirementSet:
    """Versions of all packages that were tried together, for models of one release.

    ``file`` is its name beside Home.py, ``versions`` what it installs, ``pythons`` the oldest and
    the newest Python that it installs on.
    """

    file: str
    versions: dict[str, str]
    pythons: tuple[Python, Python]

    @classmethod
    def read(cls, path: Path) -> RequirementSet:
        """The set in a file that `make lock` wrote."""
        text = path.read_text("utf-8")
        pythons = [(3, int(minor)) for minor in re.findall(r"3\.(\d+)", text.partition("\n")[0])]
        versions = dict(re.findall(r"^([\w.-]+)==([^\s;\\]+)", text, re.M))
        name = path.relative_to(path.parents[path.parent.name == "requirements"]).as_posix()
        return cls(name, versions, (pythons[0], pythons[-1]))

    @property
    def release(self) -> str:
        """The release of scikit-learn that it installs."""
        return release_of(self.versions["scikit-learn"])

    @property
    def command(self) -> str:
        """What starts the app with it, from the folder of Home.py."""
        command = "make run" if self.file == LOCK else f"make run SKLEARN={self.release}"
        if self.pythons[0] <= sys.version_info[:2] <= self.pythons[1]:
            return command
        return f"{command} PYTHON=python{self._newest}"

    @property
    def on_a_host(self) -> str:
        """What a host is to use."""
        if self.file == LOCK:
            return f"use {HOSTED}"
        fits = self.pythons[0] <= sys.version_info[:2] <= self.pythons[1]
        return f"use {self.file}" + ("" if fits else f" and Python {self._newest}")

    @property
    def _newest(self) -> str:
        return ".".join(map(str, self.pythons[1]))


@cache
def requirement_sets(home: Path = HOME) -> dict[str, RequirementSet]:
    """The sets beside Home.py by their release, oldest first; the lock is one of them."""
    files = [*home.glob("requirements/sklearn-*.txt"), *home.glob(LOCK)]
    sets = [RequirementSet.read(path) for path in files]
    return {one.release: one for one in sorted(sets, key=lambda one: _number(one.release))}


def release_of(version: str) -> str:
    """A version without its patch number."""
    return ".".join(version.split(".")[:2])


def runs_here(version: str) -> bool:
    """Whether a version differs in its patch number at most from the scikit-learn that runs here.

    True as well where the version is not known.
    """
    return not version or release_of(version) == release_of(installed_scikit_learn())


@cache
def installed_scikit_learn() -> str:
    """The version of scikit-learn that runs here."""
    from importlib.metadata import version

    return version("scikit-learn")


def other_release(saved_by: str) -> str:
    """What to do about a file of another scikit-learn; empty where it is the one that runs here."""
    if runs_here(saved_by):
        return ""
    return (
        f"It was saved with scikit-learn {saved_by}, and {installed_scikit_learn()} runs here. "
        f"{way_to(saved_by)}"
    )


def way_to(saved_by: str, then: str = ", then add it again there") -> str:
    """The sentence that says how to run a scikit-learn, and ``then``; or what to do without."""
    sets = requirement_sets()
    chosen = sets.get(release_of(saved_by))
    if chosen:
        return f"Run `{chosen.command}`{then} (for a host: {chosen.on_a_host})."
    if not sets:
        return f"Install scikit-learn {saved_by}{then}."
    oldest, *_, newest = sets
    if _number(saved_by) < _number(oldest):
        edge, again = f"older than {oldest}, the oldest", f"{oldest} or later"
    else:
        edge, again = f"newer than {newest}, the newest", newest
    # skops keeps the attributes, which for pipelines of columns are others in each release.
    return (
        f"That is {edge} that this program runs with. Where it was made, train and save it again "
        f"with scikit-learn {again} (an estimator without further steps may be saved as skops "
        "instead), or put it behind a predict.py that does without scikit-learn: "
        "`python -m second_opinion wrap FOLDER`."
    )


@contextmanager
def blamed_on(saved_by: str) -> Iterator[None]:
    """Try a model: where its own code fails, the message tells of the other scikit-learn."""
    try:
        yield
    except UserError as error:
        other = other_release(saved_by)
        if not other or error.__cause__ is None:
            raise
        raise UserError(f"{error} {other}") from error


def _number(version: str) -> tuple[int, int]:
    major, minor = version.split(".")[:2]
    return int(major), int(minor)
