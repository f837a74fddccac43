"""The commands of ``python -m second_opinion``.

Exit 0: done. Exit 1: a problem that the person can act on, in plain lines on standard error.
Exit 2: wrong usage.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal

import click

from second_opinion.cli import feedback, printing
from second_opinion.cli.score import score
from second_opinion.doctor import machine as examination
from second_opinion.errors import UserError
from second_opinion.formatting import plural
from second_opinion.models import aliases, traffic_split
from second_opinion.models.aliases import managed
from second_opinion.models.catalog import FIRST_ALIAS, Catalog, Entry
from second_opinion.models.describe.estimator_checks import task_of
from second_opinion.models.describe.training_data import read_training_csv
from second_opinion.models.formats import file_format, mlflow_source, skops_format
from second_opinion.models.formats.model_file import ModelFile
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

without_asking = click.option("--yes", is_flag=True, help="Do not ask.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for a program to read.")


@commands.command()
@click.argument("file")
@click.option(
    "--name", required=True, help="The model's name in the registry, like customer-churn."
)
@click.option("--version", default="", help="Its version.  [default: the next whole number]")
@click.option("--data", type=click.Path(path_type=Path), help="A CSV file with the training data.")
@click.option("--target", help="The column of the data that the model predicts.")
@click.option("--title", default="", help="What people see.  [default: the name]")
@click.option("--alias", default="", help="A further alias for it, like challenger.")
@click.option(
    "--reference",
    type=click.Choice(["summary", "rows"]),
    default="summary",
    show_default=True,
    help="What to keep of the data: summaries of each feature, or up to 5,000 rows as well.",
)
@click.option(
    "--trust", multiple=True, metavar="TYPE", help="A type that a skops file may hold (repeat it)."
)
@without_asking
@as_json
def add(
    file: str,
    name: str,
    version: str,
    data: Path | None,
    target: str | None,
    title: str,
    alias: str,
    reference: Literal["summary", "rows"],
    trust: tuple[str, ...],
    yes: bool,
    as_json: bool,
) -> None:
    """Register the model in FILE.

    FILE is a scikit-learn estimator or pipeline saved by joblib, pickle or skops, or a model that
    MLflow has: models:/NAME/VERSION, models:/NAME@ALIAS or runs:/RUN_ID/PATH, with the server in
    MLFLOW_TRACKING_URI. Loading a joblib or pickle file runs whatever its maker put in: add only
    files of people you trust. From the data come the fields of the form, with their ranges and
    choices; its rows are not stored. Without it, the form has what the model's own steps know.
    """
    if data is not None and target is None:
        raise click.UsageError("The data needs its target: --target COLUMN, what is predicted.")
    if data is None and reference == "rows":
        raise click.UsageError("--reference rows needs the rows: --data train.csv.")
    registry = Registry(Settings.read().model_dir)
    version = registry.next_version(name, version, alias)
    model_file = _brought(file)
    rows = None
    if data is not None and target is not None:
        with _working(f"Reading {data}"):
            rows = read_training_csv(data, target)
    model_file = _agreed(model_file, trust, yes)
    with _working(f"Loading {file}"):
        estimator, saved_by = model_file.load()
        task_of(estimator)
    on = f" on {plural(len(rows.X), 'row')}" if rows else ""
    with _working(f"Trying the model{on}"):
        before = printing.default_name(registry.look())
        with file_format.blamed_on(saved_by):
            card = registry.add(
                estimator,
                rows.X if rows else None,
                rows.y if rows else None,
                name=name,
                version=version,
                title=title,
                target=target or "",
                alias=alias,
                reference=reference,
                card=model_file.card_fields(saved_by),
                artifact=(model_file.format, model_file.content),
            )
    report = printing.Added(registry, registry.look(), card, estimator, data, rows, before)
    click.echo(_dumped(report.facts) if as_json else report.text)


def _brought(file: str) -> ModelFile:
    """The model file at a path or an MLflow URI, not loaded yet."""
    if not mlflow_source.is_uri(file):
        return ModelFile.read(Path(file))
    with _working(f"Fetching {file}"):
        return mlflow_source.fetch(file)


def _agreed(file: ModelFile, trust: tuple[str, ...], yes: bool) -> ModelFile:
    """The file with the types that it may hold, once the person agreed to what loading it does.

    With --yes, types that are not scikit-learn's, NumPy's or SciPy's own are still to be named.
    """
    refused = "Nothing was added."
    if file.format != "skops":
        if trust:
            raise click.UsageError(f"--trust is for skops files; {file.where} is {file.format}.")
        _ask(printing.pickle_is_code(file), "Load it?", yes, refused)
        return file
    open_types = [name for name in file.unknown_types if name not in trust]
    strange = [name for name in open_types if not skops_format.is_own(name)]
    if strange and (yes or not sys.stdin.isatty()):
        raise UserError(
            f"{file.where} holds {skops_format.named(strange)}, which may be anybody's. "
            f"{refused} If it comes from you or from people you trust, say "
            f"{' '.join(f'--trust {name}' for name in strange)}."
        )
    if open_types:
        _ask(printing.types_to_trust(file), "Trust them?", yes, refused)
    return replace(file, trusted=file.unknown_types)


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
    _ask(about, "Delete them?", yes, "Nothing was removed.")
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
        click.echo(_dumped(rows))
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
    click.echo(_dumped(results) if as_json else printing.verified(results))
    faults = [f"{result['model']}: {fault}" for result in results for fault in result["faults"]]
    for line in [] if as_json else faults:
        click.echo(printing.printable(line), err=True)
    return 1 if faults else 0


commands.add_command(score)

alias_option = click.option(
    "--alias", default=FIRST_ALIAS, show_default=True, help="The alias to move."
)


@commands.command()
@click.argument("name")
@click.argument("version")
@alias_option
def promote(name: str, version: str, alias: str) -> None:
    """Make VERSION the champion of the model NAME.

    Every open page takes it up; predictions that were made keep their version. On record with your
    name; `rollback` returns to the version before.
    """
    settings, person = Settings.read(), feedback.me()
    store = Store.open(settings.feedback_db)
    move = aliases.promote(managed(settings), store, f"{name}/{version}", alias=alias, by=person)
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
    with _working("Looking at everything") as now:
        checks = examination.examine(host=host or "", heard=lambda step: now(f"Looking at {step}"))
    click.echo(_dumped([asdict(check) for check in checks]) if as_json else printing.checks(checks))
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


def _ask(about: str, question: str, yes: bool, refused: str) -> None:
    """Go on if the person says yes; `UserError` otherwise, and where there is nobody to ask."""
    if yes:
        return
    click.echo(printing.printable(about), err=True)
    if not sys.stdin.isatty():
        raise UserError(f"There is no terminal to ask on. {refused} Say --yes if you agree.")
    if not click.confirm(question, default=False, err=True):
        raise UserError(refused)


@contextmanager
def _working(on: str) -> Iterator[Any]:
    """A line on the terminal that says what takes long, gone when it is done."""
    live = sys.stderr.isatty()

    def say(what: str) -> None:
        if live:
            click.echo(f"\r\033[K{printing.printable(what)} …", err=True, nl=False)

    say(on)
    try:
        yield say
    finally:
        if live:
            click.echo("\r\033[K", err=True, nl=False)


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


def _dumped(content: Any) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False, default=str)
