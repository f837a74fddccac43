"""The commands of ``python -m second_opinion``.

Exit 0: done. Exit 1: a problem that the person can act on, in plain lines on standard error.
Exit 2: wrong usage.
"""

from __future__ import annotations

import logging
import sys
import traceback
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from second_opinion.cli import feedback, printing
from second_opinion.cli.add import add
from second_opinion.cli.asking import as_json, ask, dumped, without_asking, working
from second_opinion.cli.planning import close, plan
from second_opinion.cli.score import score
from second_opinion.cli.status import status
from second_opinion.cli.wrap import wrap
from second_opinion.doctor import machine as examination
from second_opinion.errors import UserError
from second_opinion.models import aliases, traffic_split
from second_opinion.models.aliases import managed
from second_opinion.models.catalog import FIRST_ALIAS, Catalog, Entry
from second_opinion.models.registry import Registry
from second_opinion.settings import Settings
from second_opinion.store import Store

PROGRAM = "python -m second_opinion"

log = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exit_code = commands.main(arguments, prog_name=PROGRAM, standalone_mode=False)
        return exit_code if isinstance(exit_code, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _failed("Stopped.")
    except UserError as error:
        return _failed(str(error))
    except OSError as error:
        reason = error.strerror or str(error)
        return _failed(f"{error.filename or 'The disk'}: {reason}. Mend that, then try again.")
    # The one handler of this program: a fault of its own becomes a line that can be reported.
    except Exception as error:  # noqa: BLE001
        frame = traceback.extract_tb(error.__traceback__)[-1]
        message = [*str(error).strip().splitlines(), "no reason given"][0].rstrip(".")
        return _failed(
            f"A fault of this program: {type(error).__name__} in {Path(frame.filename).name}, line "
            f"{frame.lineno}: {message}. Report this line and your command; `--debug` right after "
            "`second_opinion` shows more."
        )


def _failed(message: str) -> int:
    log.debug("what led there", exc_info=True)
    click.echo(printing.printable(message), err=True)
    return 1


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--debug", is_flag=True, help="Show where in the program an error arose.")
def commands(debug: bool) -> None:
    """Put a trained model in front of experts, and keep an eye on it.

    MODEL_DIR, FEEDBACK_DB and the other settings are read from the environment, then from
    .streamlit/secrets.toml. Exit code 0: done, 1: a problem to act on, 2: wrong usage.
    """
    log.setLevel(logging.DEBUG if debug else logging.WARNING)
    if debug:
        logging.basicConfig()


feedback.register(commands)


@commands.command()
@click.argument("name")
@click.argument("version", required=False, default="")
@without_asking
def remove(name: str, version: str, yes: bool) -> None:
    """Take a model out of the registry.

    The files of the model NAME, or of one VERSION of it, are deleted; predictions and verdicts stay
    in the feedback database.
    """
    registry = Registry(Settings.read().model_dir)
    catalog = registry.look()
    if version or not catalog.versions(name):
        catalog.resolve(f"{name}/{version}" if version else name)
    going = [version] if version else catalog.versions(name)
    files = ", ".join(f"{name}/{number}" for number in going)
    about = f"The files of {files} in {registry.folder} will be deleted. Their verdicts stay."
    ask(about, "Delete them?", yes, "Nothing was removed.")
    before = printing.default_name(catalog)
    versions = registry.remove(name, version)
    click.echo(printing.removed(registry.look(), name, versions, before))


@commands.command()
@click.option(
    "--all", "everything", is_flag=True, help="The demo models too, once they are hidden."
)
@as_json
def models(everything: bool, as_json: bool) -> None:
    """List the models of the registry."""
    registry = managed(Settings.read())
    catalog = registry.look()
    listed = catalog.entries(demos=True if everything else None)
    default = printing.default_name(catalog)
    rows = [printing.facts(registry, entry, default) for entry in listed]
    if as_json:
        click.echo(dumped(rows))
    else:
        click.echo(printing.models(registry, rows, len(catalog.entries(demos=True)) - len(listed)))


@commands.command()
@click.argument("name", required=False, default="")
@as_json
def verify(name: str, as_json: bool) -> int:
    """Check the models' files and answers.

    The hash, the library versions and the stored answers of the model NAME, or of all. NAME may
    also be NAME@ALIAS or NAME/VERSION. Exit code 1 when one of them is not right.
    """
    registry = managed(Settings.read())
    results: list[dict[str, Any]] = []
    with _progress(_entries(registry.look(), name), "Verifying") as entries:
        for entry in entries:
            ref = f"{entry.name}/{entry.version}"
            faults = registry.verify(entry.card) if entry.card else [entry.fault]
            results.append({"model": ref, "ok": not faults, "faults": faults})
    click.echo(dumped(results) if as_json else printing.verified(results))
    faults = [f"{result['model']}: {fault}" for result in results for fault in result["faults"]]
    for line in [] if as_json else faults:
        click.echo(printing.printable(line), err=True)
    return 1 if faults else 0


commands.add_command(add)
commands.add_command(close)
commands.add_command(plan)
commands.add_command(score)
commands.add_command(status)
commands.add_command(wrap)

alias_option = click.option(
    "--alias", default=FIRST_ALIAS, show_default=True, help="The alias to move."
)


@commands.command()
@click.argument("name")
@click.argument("version")
@alias_option
@click.option("--why", default="", help="The reason, which stands in the record.")
def promote(name: str, version: str, alias: str, why: str) -> None:
    """Make VERSION the champion of the model NAME.

    Every open page takes it up; predictions that were made keep their version. On record with your
    name; `rollback` returns to the version before.
    """
    settings, person = Settings.read(), feedback.me()
    store = Store.open(settings.feedback_db)
    ref = f"{name}/{version}"
    move = aliases.promote(
        managed(settings), store, ref, alias=alias, reason=why.strip(), by=person
    )
    click.echo(printing.printable(f"{name}@{alias} is {traffic_split.words(move.version)} now."))


@commands.command()
@click.argument("name")
@alias_option
def rollback(name: str, alias: str) -> None:
    """Return an alias of the model NAME to what it was before."""
    settings, person = Settings.read(), feedback.me()
    store = Store.open(settings.feedback_db)
    move = aliases.rollback(managed(settings), store, name, alias=alias, by=person)
    click.echo(printing.printable(f"{name}@{alias} is {traffic_split.words(move.version)} again."))


@commands.command()
@click.argument("name")
@click.argument("shares", nargs=-1, required=True, metavar="VERSION=SHARE VERSION=SHARE...")
@click.option(
    "--alias", default=aliases.AB_ALIAS, show_default=True, help="The alias to share out."
)
def split(name: str, shares: tuple[str, ...], alias: str) -> None:
    """Share the new cases of the model NAME between versions.

    The SHARES are above 0 and sum to 1: `split churn 1=0.5 2=0.5`. The version is drawn by the
    id of the case and stays with it. `rollback` returns to what the alias was before.
    """
    settings, person = Settings.read(), feedback.me()
    arms_asked = dict(_share(text) for text in shares)
    if len(arms_asked) < len(shares):
        raise click.UsageError(f"{' '.join(shares)} names a version twice; name each once.")
    store = Store.open(settings.feedback_db)
    move = aliases.split(managed(settings), store, name, arms_asked, alias=alias, by=person)
    click.echo(printing.printable(f"{name}@{alias} is {traffic_split.words(move.version)} now."))


def _share(text: str) -> tuple[str, float]:
    version, _, share = text.rpartition("=")
    try:
        number = float(share)
    except ValueError:
        number = None
    if not version or number is None:
        raise click.UsageError(f"{text!r} is no share; expected VERSION=SHARE, like 2=0.5.")
    return version, number


@commands.command()
@click.option(
    "--host", type=click.Choice(["community-cloud"]), default=None, help="Also what it asks for."
)
@as_json
def doctor(host: str | None, as_json: bool) -> int:
    """Look for what stands in the way.

    Settings, versions, database, models, memory and disk, each with what to do about it. Exit code
    1 when there is a problem, 0 with warnings alone.
    """
    with working("Looking at everything") as now:
        checks = examination.examine(host=host or "", heard=lambda step: now(f"Looking at {step}"))
    click.echo(dumped([asdict(check) for check in checks]) if as_json else printing.checks(checks))
    return 1 if any(check.state == "problem" for check in checks) else 0


def _entries(catalog: Catalog, ref: str) -> list[Entry]:
    """All versions of the registry or of one model, or those that a reference means."""
    entries = catalog.entries(demos=True)
    if not entries:
        catalog.resolve()
    if not ref:
        return entries
    name, _ = catalog.resolve(ref)
    exact = "/" in ref or "@" in ref
    meant = catalog.arms(ref) if exact else catalog.versions(name)
    return [entry for entry in entries if entry.name == name and entry.version in meant]


def _progress(entries: list[Entry], label: str) -> Any:
    """A progress bar on the terminal's error output, none elsewhere."""
    hidden = not sys.stderr.isatty()
    return click.progressbar(
        entries,
        label=label,
        file=sys.stderr,
        hidden=hidden,
        item_show_func=lambda entry: f"{entry.name}/{entry.version}" if entry else None,
    )
