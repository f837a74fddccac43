"""What Streamlit Community Cloud needs of this repository, each with what to do."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from second_opinion.doctor.check import MB, Check
from second_opinion.errors import UserError
from second_opinion.file_content import LFS_POINTER
from second_opinion.formatting import joined, plural
from second_opinion.models.card import ModelCard
from second_opinion.models.formats.code_files import files_below
from second_opinion.models.registry import Registry
from second_opinion.settings import HOME, SECRETS, Settings, origins, secrets_of

# https://docs.streamlit.io/deploy/streamlit-community-cloud/status and /deploy-your-app
GUARANTEED_MEMORY = 690 * MB
MOST_MEMORY = 2700 * MB
DEFAULT_PYTHON = "3.12"
READ_BEFORE_REQUIREMENTS = ("uv.lock", "Pipfile", "environment.yml")
# https://docs.github.com/en/repositories/creating-and-managing-repositories/repository-limits
LARGEST_FILE = 100 * 1024 * 1024
LARGE_REPOSITORY = 1000 * MB
PATIENCE_SECONDS = 300


def examine(settings: Settings, home: Path) -> Iterator[Check]:
    """What Community Cloud would stumble over: files, secrets, Python, memory, durable storage."""
    top, tracked = _repository(home)
    if top is None:
        todo = "Install git, run `git init`, commit, and push to GitHub."
        yield Check("repository", "problem", f"{home} is not in a git repository", todo)
    else:
        yield from _requirements(home, top, tracked)
        yield _config(top, tracked)
        yield from _sizes(top, tracked)
        yield from _private(settings, home, top, tracked)
        yield from _deployed(settings, top, tracked)
    yield _python(settings)
    yield _secrets()
    yield _memory(settings, home)
    yield _storage(settings)


def _git(folder: Path, *command: str) -> str | None:
    """What git answers, or None where it fails or is missing."""
    git = shutil.which("git")
    if git is None:
        return None
    answer = subprocess.run(  # noqa: S603 - fixed words and this project's own file names
        [git, "-C", str(folder), *command], capture_output=True, text=True, check=False
    )
    return answer.stdout if answer.returncode == 0 else None


def _repository(home: Path) -> tuple[Path | None, list[str]]:
    """The root of the repository, and the files in it as git knows them."""
    root = _git(home, "rev-parse", "--show-toplevel")
    if not root:
        return None, []
    top = Path(root.strip())
    listed = _git(top, "ls-files", "-z") or ""
    return top, [name for name in listed.split("\0") if name and (top / name).is_file()]


def _requirements(home: Path, top: Path, tracked: list[str]) -> Iterator[Check]:
    folder = home.relative_to(top)
    if (folder / "requirements.txt").as_posix() in tracked:
        yield Check("requirements.txt", "ok", "beside Home.py and in the repository")
    else:
        todo = "Put it beside Home.py and commit it: nothing else is installed."
        yield Check("requirements.txt", "problem", "not in the repository beside Home.py", todo)
    for name in READ_BEFORE_REQUIREMENTS:
        if (folder / name).as_posix() in tracked:
            finding = f"{name} is read instead of requirements.txt"
            yield Check(
                "requirements.txt", "problem", finding, f"Take {name} out of the repository."
            )


def _config(top: Path, tracked: list[str]) -> Check:
    name = ".streamlit/config.toml"
    configs = [file for file in tracked if f"/{file}".endswith(f"/{name}")]
    if configs == [name]:
        return Check("config.toml", "ok", f"one, {name}")
    todo = f"Keep one, {name} in the root of the repository {top}, and commit it."
    return Check(
        "config.toml", "warning", f"{', '.join(configs) or 'none'} in the repository", todo
    )


def _sizes(top: Path, tracked: list[str]) -> Iterator[Check]:
    sizes = {name: (top / name).stat().st_size for name in tracked}
    pointers = [name for name in tracked if sizes[name] < 1024 and _is_pointer(top / name)]
    large = [name for name, size in sizes.items() if size > LARGEST_FILE]
    for name in pointers:
        todo = "Run `git lfs pull`, so that the model here is the one that is deployed."
        yield Check("files", "problem", f"{name} is a pointer of Git LFS, not the file", todo)
    for name in large:
        finding = f"{name} has {sizes[name] // MB} MB; GitHub takes up to 100"
        todo = "Make the model smaller (fewer or shallower trees), or put it into Git LFS."
        yield Check("files", "problem", finding, todo)
    total = sum(sizes.values())
    finding = f"{plural(len(sizes), 'file')}, {total / MB:,.1f} MB"
    if total > LARGE_REPOSITORY:
        todo = "Take out what the app does not need: it is cloned at each start."
        yield Check("files", "warning", finding, todo)
    elif not pointers and not large:
        yield Check("files", "ok", finding)


def _is_pointer(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(LFS_POINTER)) == LFS_POINTER


def _private(settings: Settings, home: Path, top: Path, tracked: list[str]) -> Iterator[Check]:
    """Whether secrets and verdicts stay out of a repository that may be public."""
    database = Path(settings.feedback_db).absolute()
    beside = [database.with_name(f"{database.name}{end}") for end in ("", "-wal", "-shm")]
    paths = [home / ".streamlit" / "secrets.toml", *(beside if "://" not in str(database) else ())]
    names = [path.relative_to(top).as_posix() for path in paths if path.is_relative_to(top)]
    out = [name for name in names if name in tracked]
    for name in out:
        todo = f"Run `git rm --cached {name}` and commit; change every secret that was in it."
        yield Check("private files", "problem", f"{name} is in the repository", todo)
    bare = [name for name in names if _git(top, "check-ignore", "-q", "--no-index", name) is None]
    if bare:
        finding = f".gitignore does not cover {', '.join(bare)}"
        todo = "Write into .gitignore: .streamlit/secrets.toml and feedback.db*"
        yield Check("private files", "problem", finding, todo)
    if not out and not bare:
        yield Check("private files", "ok", "secrets and verdicts stay out of the repository")


def _files_of(card: ModelCard, folder: Path) -> list[str]:
    """The card and the model file of a version; for a model that is code, all of its files."""
    artifact = folder / card.ref / card.artifact.file
    files = files_below(artifact) if artifact.is_dir() else [artifact]
    return [f"{card.ref}/card.json", *(file.relative_to(folder).as_posix() for file in files)]


def _deployed(settings: Settings, top: Path, tracked: list[str]) -> Iterator[Check]:
    """Whether the models that visitors should see are in the repository, without foreign rows."""
    folder = Path(settings.model_dir).resolve()
    if not folder.is_relative_to(top.resolve()):
        todo = "Move it into the repository, or set MODEL_DIR to a folder in it."
        yield Check("deployed models", "problem", f"{folder} is outside the repository", todo)
        return
    root = folder.relative_to(top.resolve()).as_posix()
    cards = _visible(settings)
    needed = [name for card in cards for name in _files_of(card, folder)]
    needed += [name for name in ("registry.json", *_aliases(cards)) if (folder / name).is_file()]
    absent = [name for name in needed if f"{root}/{name}" not in tracked]
    private = [
        f"{root}/{card.ref}/reference.parquet"
        for card in cards
        if not card.demo and f"{root}/{card.ref}/reference.parquet" in tracked
    ]
    if absent:
        more = f" and {plural(len(absent) - 3, 'more file')}" if len(absent) > 3 else ""
        finding = f"not in the repository: {', '.join(absent[:3])}{more}"
        todo = f"Run `git add {root}`, commit and push."
        yield Check("deployed models", "problem", finding, todo)
    if private:
        finding = f"rows of training data are in the repository: {', '.join(private)}"
        todo = "Make sure that everybody who can read it may see them, or take them out."
        yield Check("deployed models", "warning", finding, todo)
    if not absent and not private:
        yield Check("deployed models", "ok", "in the repository, without rows of private data")


def _aliases(cards: list[ModelCard]) -> set[str]:
    return {f"{card.name}/aliases.json" for card in cards}


def _visible(settings: Settings) -> list[ModelCard]:
    try:
        return [entry.card for entry in Registry(settings.model_dir).look().entries() if entry.card]
    except UserError:
        return []


def _python(settings: Settings) -> Check:
    here = platform.python_version()
    pythons = {card.artifact.python or here for card in _visible(settings)} or {here}
    minors = sorted({".".join(full.split(".")[:2]) for full in pythons})
    finding = f"the models were made with {joined(minors)}; the host takes {DEFAULT_PYTHON}"
    if minors == [DEFAULT_PYTHON]:
        return Check("Python on the host", "ok", finding)
    todo = f"Choose {minors[-1]} under Advanced settings when you deploy; it cannot change later."
    return Check("Python on the host", "warning", f"{finding} unless told otherwise", todo)


def _secrets(secrets: Path = SECRETS) -> Check:
    try:
        sources = origins(secrets_of(secrets))
    except UserError:
        sources = origins({})
    non_defaults = [f"{name} ({where})" for name, where in sources.items() if where != "default"]
    if not non_defaults:
        return Check("secrets on the host", "ok", "none needed: every setting has its default")
    todo = "Paste what the host needs into the app's Secrets box, below [second_opinion]."
    return Check(
        "secrets on the host", "warning", f"set here alone: {', '.join(non_defaults)}", todo
    )


def _storage(settings: Settings) -> Check:
    if "://" in settings.feedback_db:
        return Check("storage on the host", "ok", "the verdicts are in a database of their own")
    finding = "Community Cloud keeps no files: a restart or a new version loses every verdict"
    todo = "Good for a trial. For verdicts that count, run the app where the disk stays."
    return Check("storage on the host", "warning", finding, todo)


def _memory(settings: Settings, home: Path) -> Check:
    """Weigh a fresh process: what this one has loaded by now says nothing of the app."""
    name = "memory on the host"
    package = str(HOME)
    try:
        child = subprocess.run(
            [sys.executable, "-m", "second_opinion.ui.app_weight"],
            cwd=home,
            env={**os.environ, "PYTHONPATH": package, "MODEL_DIR": settings.model_dir},
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        finding = f"the app and its models did not load within {PATIENCE_SECONDS} s"
        return Check(name, "problem", finding, "Make the models smaller.")
    if child.returncode or not child.stdout.strip():
        reason = (child.stderr.strip() or "no reason given").splitlines()[-1]
        todo = "Mend that: the app would not start."
        return Check(name, "problem", f"the app and its models do not load: {reason}", todo)
    return _weighed(name, int(child.stdout.split()[-1]))


def _weighed(name: str, peak: int) -> Check:
    used = f"{peak // MB:,} MB for the app and its models, before the first visitor"
    if peak == 0:
        return Check(name, "warning", "not known on this system", "Run this on Linux.")
    if peak <= GUARANTEED_MEMORY:
        return Check(name, "ok", f"{used}; {GUARANTEED_MEMORY // MB} MB are guaranteed")
    todo = "Make the models smaller, or hide those that nobody needs."
    if peak <= MOST_MEMORY:
        finding = f"{used}; only {GUARANTEED_MEMORY // MB} MB are guaranteed"
        return Check(name, "warning", finding, todo)
    return Check(name, "problem", f"{used}; the limit is {MOST_MEMORY // MB:,} MB", todo)
