"""What stands in the way of running the app, here or on a host, each with what to do."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from second_opinion.doctor import door, registered_models
from second_opinion.doctor.check import MB, Check, resident
from second_opinion.errors import UserError
from second_opinion.formatting import closest
from second_opinion.models.formats.releases import (
    installed_scikit_learn,
    release_of,
    requirement_sets,
    runs_here,
)
from second_opinion.models.registry import Registry
from second_opinion.settings import (
    HOME,
    SECRETS,
    Settings,
    names,
    origins,
    secrets_of,
)

PYTHONS = ((3, 11), (3, 13))
LITTLE_SPACE = 1000 * MB
NO_SPACE = 50 * MB
# For looking at every page of the feedback database.
PATIENCE_SECONDS = 60

NOT_GUARDED = (
    "Started by `streamlit run Home.py`, an upload is read, up to 50 MB, before it is refused; "
    "`streamlit run serve.py` refuses it before. A proxy bounds it by client_max_body_size 51m in "
    "the block `location /_stcore/upload_file/` of docs/security.md"
)

MOUNTS = Path("/proc/self/mounts")
# What becomes of a file system when the machine or container under it is started again.
THROW_AWAY = {
    "overlay": "the layer of a container",
    "aufs": "the layer of a container",
    "tmpfs": "memory",
    "ramfs": "memory",
}

# By a variable that it sets: what lies on no mount of its own there is gone at the next start.
KEEPS_NO_FILES = {
    "DYNO": "Heroku",
    "DATABRICKS_APP_PORT": "Databricks Apps",
    "K_SERVICE": "Cloud Run",
    "CONTAINER_APP_NAME": "Azure Container Apps",
    "ECS_CONTAINER_METADATA_URI_V4": "A task of ECS",
}


def examine(
    *, host: str = "", home: Path = HOME, heard: Callable[[str], None] = lambda step: None
) -> list[Check]:
    """Look at everything that the app needs, and with ``host`` at what that host needs besides.

    ``host`` is empty or ``community-cloud``; ``home`` the folder of Home.py; ``heard`` is told what
    is looked at next. The feedback database is not made where there is none.
    """
    settings, checks = _settings()
    registry = Registry(settings.model_dir)
    steps: dict[str, Callable[[], Iterator[Check]]] = {
        "Python and packages": lambda: _versions(home / "requirements.txt"),
        "who may come in": lambda: iter([*door.examine(settings, SECRETS), _uploads(settings)]),
        "the feedback database": lambda: _database(settings),
        "the models": lambda: registered_models.examine(registry, settings),
        "memory": _memory,
        "the disk": lambda: iter([durability(settings, home)]),
    }
    if host:
        from second_opinion.doctor import cloud

        steps[host] = lambda: cloud.examine(settings, home)
    for name, step in steps.items():
        heard(name)
        checks += step()
    return checks


def _settings() -> tuple[Settings, list[Check]]:
    """The settings with a check for each; without the secrets where those are broken."""
    try:
        secrets = secrets_of(SECRETS)
        settings = Settings.read(secrets)
        checks = []
    except UserError as error:
        secrets = {}
        settings = Settings.read(secrets)
        todo = "Until then the settings in it have no effect."
        checks = [Check("secrets", "problem", str(error), todo)]
    for name, origin in origins(secrets).items():
        value = _masked(str(getattr(settings, name))) or "not set"
        is_secret = name.endswith(("_code", "_tokens", "notify_url")) and value != "not set"
        value = "set, not shown here" if is_secret else value
        checks.append(Check(name.upper(), "ok", f"{value} ({origin})"))
    for name in sorted(secrets.keys() - set(names())):
        near = closest(name, names())
        todo = f"Did you mean {near}?" if near else f"The settings are {', '.join(names())}."
        finding = f"{name} in {SECRETS} is not a setting of this version and has no effect"
        checks.append(Check("secrets", "warning", finding, todo))
    return settings, checks


def _uploads(settings: Settings) -> Check:
    """What uploads may cost before and after somebody has a role."""
    try:
        per_visit, in_all = (limit // MB for limit in settings.upload_limits)
    except UserError as error:
        return Check("uploads", "problem", str(error), "Until then the default holds.")
    finding = (
        f"held are at most {per_visit:,} MB of one visit and {in_all:,} MB in all, from sessions "
        f"with a role. {NOT_GUARDED}"
    )
    return Check("uploads", "ok", finding)


def _masked(value: str) -> str:
    """A database URL without its password."""
    return re.sub(r"(://[^:/@]*):[^@]*@", r"\1:…@", value)


def _versions(requirements: Path) -> Iterator[Check]:
    python_version = platform.python_version()
    low, high = (".".join(map(str, edge)) for edge in PYTHONS)
    if PYTHONS[0] <= sys.version_info[:2] <= PYTHONS[1]:
        yield Check("Python", "ok", python_version)
    else:
        yield Check("Python", "problem", python_version, f"Use a Python from {low} to {high}.")
    if not requirements.is_file():
        todo = "Restore it: it names the versions that were tested together."
        yield Check("packages", "problem", f"{requirements} is missing", todo)
        return
    source, pins = _tested_with(requirements)
    astray = list(_astray(pins, source))
    yield from astray
    if not astray:
        yield Check("packages", "ok", f"{len(pins)} as in {source}")


def _tested_with(requirements: Path) -> tuple[str, dict[str, str]]:
    """The file whose set is meant to be installed here, and its version of each direct package."""
    pins = dict(re.findall(r"^([\w.-]+)==([^\s;#]+)", requirements.read_text("utf-8"), re.M))
    if "scikit-learn" not in pins or runs_here(pins["scikit-learn"]):
        return requirements.name, pins
    here = requirement_sets(requirements.parent).get(release_of(installed_scikit_learn()))
    if here is None:
        return requirements.name, pins
    return here.file, {name: here.versions[name] for name in pins}


def _astray(pins: dict[str, str], source: str) -> Iterator[Check]:
    todo = f"Run `pip install -r {source}`."
    for package, pin in pins.items():
        try:
            installed_version = version(package)
        except PackageNotFoundError:
            yield Check("packages", "problem", f"{package} is not installed", todo)
            continue
        if installed_version != pin:
            yield Check(
                "packages", "warning", f"{package} {installed_version}; tested with {pin}", todo
            )


def _database(settings: Settings) -> Iterator[Check]:
    from second_opinion.store import Store

    where = settings.feedback_db
    path = Path(where)
    try:
        if "://" not in where and not path.exists() and path.parent.is_dir():
            yield _future(path)
        else:
            store = Store.open(where)
            finding = f"{_masked(where)} can be read and written"
            yield Check("feedback database", "ok", finding)
            if "://" not in where:
                yield _damage(path, store.damage(PATIENCE_SECONDS))
    except UserError as error:
        yield Check("feedback database", "problem", _masked(str(error)))
    if "://" not in where:
        if path.absolute().parent.is_dir():
            yield _locks(path.absolute())
        yield _free_space(path)
        yield from _rescued(path.absolute())


def _damage(path: Path, damage: str | None) -> Check:
    name = "pages of the database"
    if damage:
        todo = "Put a backup in its place: `python -m second_opinion restore BACKUP`."
        return Check(name, "problem", f"{path} is damaged: {damage}", todo)
    extent = f"as many as {PATIENCE_SECONDS} s sufficed for" if damage is None else "all"
    return Check(name, "ok", f"{extent} are intact")


def _locks(path: Path) -> Check:
    """Whether two processes keep out of each other's way on this disk, tried by two processes."""
    from second_opinion.store import lock_trial

    finding = lock_trial.finding_beside(path)
    if not finding:
        return Check("locks", "ok", f"two processes tried: they hold in {path.parent}")
    todo = "Set FEEDBACK_DB to a file on another disk; DURABLE=1 does not change this."
    return Check("locks", "problem", f"they do not hold in {path.parent}: {finding}", todo)


def _rescued(path: Path) -> Iterator[Check]:
    """What was kept when another file was written over the database."""
    from second_opinion.store import rescue

    for place in rescue.databases(path):
        todo = f"Check it, then run `python -m second_opinion restore {place}`, or move it away."
        finding = f"{place.name} may have verdicts that {path.name} lacks"
        yield Check("feedback database", "warning", finding, todo)


def _future(path: Path) -> Check:
    if os.access(path.parent, os.W_OK):
        finding = f"{path} is not there yet; the app makes it when it starts"
        return Check("feedback database", "ok", finding)
    finding = f"{path} is not there, and its folder cannot be written"
    todo = "Give the program the right to write there, or set FEEDBACK_DB to another file."
    return Check("feedback database", "problem", finding, todo)


def _free_space(path: Path) -> Check:
    folder = next(parent for parent in path.absolute().parents if parent.is_dir())
    free = shutil.disk_usage(folder).free
    finding = f"{free // MB:,} MB on the disk of {folder}"
    if free >= LITTLE_SPACE:
        return Check("free space", "ok", finding)
    todo = "Free some, or set FEEDBACK_DB to a file on another disk: verdicts need it."
    return Check("free space", "problem" if free < NO_SPACE else "warning", finding, todo)


def _memory() -> Iterator[Check]:
    used = resident("VmRSS")
    finding = f"{used // MB:,} MB with all models loaded" if used else "not known on this system"
    yield Check("memory", "ok", finding)


def durability(settings: Settings, home: Path = HOME) -> Check:
    """Whether verdicts survive a restart: as DURABLE says, else guessed from host and disk."""
    name = "durable disk"
    if "://" in settings.feedback_db:
        return Check(name, "ok", "the verdicts are in a database of their own")
    if settings.durable not in ("", "0"):
        return Check(name, "ok", f"DURABLE={settings.durable} says that it survives restarts")
    path = Path(settings.feedback_db).absolute()
    reason = "DURABLE=0 says so" if settings.durable else _throw_away(path, home)
    if not reason:
        return Check(name, "ok", f"{path.parent} looks like a disk that survives restarts")
    return Check(
        name,
        "warning",
        f"verdicts in {path} may be lost when the app restarts: {reason}",
        "Set FEEDBACK_DB to a file on a disk that stays, such as a volume. If this one stays, say "
        "so with DURABLE=1.",
    )


def _throw_away(path: Path, home: Path) -> str:
    """Why a file may be gone after a restart; empty where nothing speaks for that."""
    if Path("/mount/src") in home.parents:
        return "Streamlit Community Cloud keeps no files"
    own_mount = _mount_of(path)
    if "SPACE_ID" in os.environ and own_mount[0] != "/data":
        return "a Hugging Face Space keeps files in /data alone"
    for variable, host in KEEPS_NO_FILES.items():
        if variable in os.environ and own_mount[0] in ("/", ""):
            return f"{host} keeps no files"
    if own_mount[1].split(".")[0] == "fuse":
        return f"{path.parent} is a FUSE mount, on which locks may do nothing"
    if own_mount[1] in THROW_AWAY:
        return f"{path.parent} lies in {THROW_AWAY[own_mount[1]]}"
    return ""


def _mount_of(path: Path) -> tuple[str, str]:
    """Mount point and file system of a path; two empty texts where the system does not tell."""
    try:
        lines = MOUNTS.read_text("utf-8").splitlines()
    except OSError:
        return "", ""
    mounted = {columns[1]: columns[2] for columns in (line.split(" ") for line in lines)}
    above = (str(folder) for folder in (path.resolve(), *path.resolve().parents))
    point = next((folder for folder in above if folder in mounted), "")
    return point, mounted.get(point, "")
