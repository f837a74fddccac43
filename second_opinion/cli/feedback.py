"""The commands about what experts said: export, backup, restore."""

from __future__ import annotations

import getpass
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast, get_args

import click

from second_opinion.cli import printing
from second_opinion.errors import UserError
from second_opinion.formatting import plural
from second_opinion.models.aliases import managed
from second_opinion.models.remote.model_address import local_ref
from second_opinion.records.expert import Expert
from second_opinion.records.plan import Plan
from second_opinion.records.verdict_filter import VerdictFilter
from second_opinion.review import exports
from second_opinion.settings import Settings
from second_opinion.store import Store, copies, local_path


def register(commands: click.Group) -> None:
    """Add these commands to the program."""
    for command in (export, backup, restore):
        commands.add_command(command)


@click.command()
@click.option(
    "--what",
    type=click.Choice(get_args(exports.What)),
    default="verdicts",
    show_default=True,
    help="What to write.",
)
@click.option(
    "--format",
    type=click.Choice(get_args(exports.ExportFormat)),
    default="csv",
    show_default=True,
    help="How to write it.",
)
@click.option(
    "--spreadsheet-safe",
    is_flag=True,
    help="CSV that no spreadsheet takes for formulas; `read_export` reads it back.",
)
@click.option("--model", help="Only of NAME, NAME@ALIAS or NAME/VERSION.")
@click.option("--plan", help="Draws of this plan.  [default: the newest]")
@click.option("--since", help="Only from this day on, like 2026-11-20, in UTC.")
@click.option("--until", help="Only to this day.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="A file.  [default: standard output]"
)
def export(output: Path | None, **options: Any) -> None:
    """Write verdicts, predictions, corrections or draws to a file.

    Corrections are the inputs of each case with the value to learn from (learn), who it is from
    (source), its weight, and whether it supports a release decision (purpose). They are of one
    model, without --model of the one shown first. Draws are the cases of a plan in draw order, with
    their weights and what was answered; docs/release.md has a notebook that reads them. The export
    is noted in the log.
    """
    settings, person = Settings.read(), me()
    verdict_filter = _filter(settings, options)
    store = Store.open(settings.feedback_db)
    what, format = options["what"], options["format"]
    plan = None
    if what == "draws":
        plan = plan_meant(store, options["plan"] or "", verdict_filter, by=person)
    elif options["plan"]:
        raise click.UsageError("--plan is for --what draws.")
    with ExitStack() as stack:
        if output is None:
            out = sys.stdout.buffer
        else:
            from second_opinion.tables.csv_writer import whole_file

            out = cast(Any, stack.enter_context(whole_file(output)))
        summary = exports.export(
            store,
            out,
            what,
            format=format,
            spreadsheet_safe=options["spreadsheet_safe"],
            verdict_filter=verdict_filter,
            plan=plan,
            by=person,
        )
    click.echo(printing.printable(_summary_text(what, summary, output)), err=True)


def plan_meant(store: Store, ref: str, only: VerdictFilter | None = None, *, by: Expert) -> Plan:
    """The plan whose id begins so, or without one the newest; `UserError` where there is none."""
    only = only or VerdictFilter()
    plans = store.plans.listed(only.model, only.version, by=by)
    if not plans:
        raise UserError(
            "There is no plan yet; expected one. Freeze it with `python -m second_opinion plan "
            "BATCH --target 0.9`."
        )
    meant = [plan for plan in plans if plan.id.startswith(ref)] if ref else plans[:1]
    if len(meant) != 1:
        listed = "\n".join(f"  {plan.id}  {plan.name}" for plan in plans)
        raise UserError(f"{len(meant)} plans begin with {ref!r}; expected one of\n{listed}")
    return meant[0]


def _filter(settings: Settings, options: dict[str, Any]) -> VerdictFilter:
    texts = {name: options[name] for name in ("since", "until") if options[name]}
    period, ignored = VerdictFilter.read(texts)
    if ignored:
        raise UserError(
            f"{ignored[0]} is {texts[ignored[0]]!r}; expected a day like 2026-11-20. Correct it."
        )
    model, version = options["model"], None
    if model is None and options["what"] == "corrections":
        model = managed(settings).look().resolve(local_ref(settings.model))[0]
    elif model is not None and set(model) & set("/@"):
        model, version = managed(settings).look().resolve(model)
    return VerdictFilter(model=model, version=version, since=period.since, until=period.until)


def _summary_text(what: str, summary: exports.Exported, output: Path | None) -> str:
    left = summary.left_out
    parts = [f"{plural(summary.rows, what.removesuffix('s'))} in {output or 'standard output'}."]
    if left.conflicts:
        parts.append(f"{plural(left.conflicts, 'case')} left out: experts contradict each other.")
    if left.unanswered:
        parts.append(f"{plural(left.unanswered, 'case')} left out: nobody named a right value.")
    if summary.waiting:
        parts.append(
            f"{plural(summary.waiting, 'case')} left out until you have answered yourself."
        )
    return " ".join(parts)


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
def backup(out: Path) -> None:
    """Copy the feedback database to OUT while it is in use.

    The copy is of one moment, checked, and one file. An earlier copy of that name is replaced.
    """
    copy = copies.backup(Store.open(Settings.read().feedback_db), out, by=me())
    size = f"{copy.stat().st_size / 1e6:,.1f} MB"
    click.echo(printing.printable(f"{copy}: {size}, checked."))


@click.command()
@click.argument("copy", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Also over a database with what the copy lacks.")
def restore(copy: Path, force: bool) -> None:
    """Put COPY in the place of the feedback database.

    What was there is kept beside it, with the ending .before-restore.
    """
    where = local_path(Settings.read().feedback_db)
    previous = copies.restore(copy, where, force=force, by=me())
    lines = [f"{where} is {copy} now."]
    if previous:
        lines.append(f"What was there before is {previous}.")
    click.echo(printing.printable("\n".join(lines)))


def me() -> Expert:
    """Whoever may run this program on this machine owns what it manages."""
    return Expert(getpass.getuser(), role="owner")
