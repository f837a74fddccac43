"""The command plan: what is to be shown of a model, frozen before the first answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import click

from second_opinion.cli import printing
from second_opinion.cli.asking import ask, without_asking
from second_opinion.cli.decision_text import decision_lines
from second_opinion.cli.feedback import me, plan_meant
from second_opinion.errors import UserError
from second_opinion.evidence import decision, plan_of_batch
from second_opinion.evidence.known_answers import known_answers
from second_opinion.evidence.plan_of_batch import Terms
from second_opinion.evidence.planned_study import expected_accuracy, study_of
from second_opinion.formatting import plural, share_text
from second_opinion.models.aliases import managed
from second_opinion.records.batch import Batch
from second_opinion.records.plan import Mode, Plan
from second_opinion.settings import Settings
from second_opinion.statistics import planner, sampling
from second_opinion.store import Store

BLIND = "The experts answer it on the page Review queue, before they see the model's answer."


@click.command()
@click.argument("batch")
@click.option("--target", type=float, required=True, help="Right in at least this share, like 0.9.")
@click.option("--expected", type=float, help="The accuracy to expect.  [default: the card's]")
@click.option("--alpha", type=float, default=0.05, show_default=True, help="The chance to err.")
@click.option(
    "--design",
    type=click.Choice(get_args(sampling.Design)),
    default="doubt",
    show_default=True,
    help="Doubtful cases sooner, or all alike.",
)
@click.option("--tolerance", type=float, help="How far a number may be off and still be right.")
@click.option("--answers", type=int, default=1, show_default=True, help="Asked of each case.")
@click.option(
    "--twice", type=float, default=0.15, show_default=True, help="The share asked once more."
)
@click.option("--groups", help="Also for the surest shares alone, like 0.25,0.5,0.75,1.")
@click.option("--open", "is_open", is_flag=True, help="With the model's answer in view.")
@click.option(
    "--experts",
    "panel",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A file with the name of an expert in each line.  [default: whoever answers]",
)
@click.option(
    "--known",
    nargs=2,
    metavar="BATCH COLUMN",
    help="Cases of another scored file whose answer is known, to check who answers.",
)
def plan(
    batch: str,
    is_open: bool,
    groups: str | None,
    panel: Path | None,
    known: tuple[str, str] | None,
    **options: Any,
) -> None:
    """Freeze a plan on BATCH, and draw its cases.

    BATCH is the id of a scored batch, its beginning, or the name of its file. The experts answer in
    the order of the draws; `status --plan` says what that establishes, `close` ends it. A frozen
    plan is never edited: another one with another target alone keeps the answers. docs/release.md
    says how it works.
    """
    settings, person = Settings.read(), me()
    store = Store.open(settings.feedback_db)
    pool = _batch_meant(store, batch)
    card = managed(settings).look().card(pool.ref)
    if options["expected"] is None:
        options["expected"] = expected_accuracy(card)
    experts = tuple(_names(panel)) if panel else ()
    mode: Mode = "open" if is_open else "blind"
    terms = Terms(**options, mode=mode, experts=experts, groups=_shares(groups or ""))
    drafted, draws = plan_of_batch.plan_of(store, card, pool, terms, by=person)
    study = study_of(store, drafted, draws, pool)
    for refusal in planner.refusals(study):
        raise UserError(refusal)
    checks = None
    if known:
        file, column = known
        checks = known_answers(store, card, pool, _batch_meant(store, file), column, by=person)
    frozen = plan_of_batch.freeze(store, card, pool, terms, checks, by=person)
    click.echo(printing.printable(_text(frozen, pool, study)))


@click.command()
@click.argument("plan_ref", metavar="PLAN")
@without_asking
def close(plan_ref: str, yes: bool) -> None:
    """Close PLAN for good, and print the bound that it has reached.

    PLAN is the id of a plan, or its beginning. It takes no more answers. What it has reached stays
    true, whatever that is.
    """
    store, person = Store.open(Settings.read().feedback_db), me()
    meant = plan_meant(store, plan_ref, by=person)
    about = f"{meant.name[0].upper()}{meant.name[1:]} will take no more answers."
    ask(about, "Close it?", yes, "Nothing was closed.")
    closing = decision.close(store, meant, by=person)
    result = decision.assess(store, meant, by=person)
    click.echo(printing.printable(decision_lines(meant, result, closing)))


def _batch_meant(store: Store, ref: str) -> Batch:
    scored = [one for one in store.batches.listed(limit=10**6) if one.state == "done"]
    meant = [one for one in scored if one.id.startswith(ref) or one.name == ref]
    if len(meant) == 1:
        return meant[0]
    if not scored:
        raise UserError(
            "No batch is scored yet; expected one to plan on. Score a file with `python -m "
            "second_opinion score FILE --record`, or on the page Batch upload."
        )
    listed = "\n".join(map(_line, scored[:20]))
    many = f"{len(meant)} scored batches go" if meant else "No scored batch goes"
    raise UserError(f"{many} by {ref!r}; expected the id of one of\n{listed}")


def _line(one: Batch) -> str:
    return f"  {one.id}  {one.name}, {plural(one.rows_done, 'row')}, by {one.ref}"


def _shares(groups: str) -> tuple[float, ...]:
    """The shares of the surest cases, the pool itself among them however it is said."""
    try:
        shares = {float(share) for share in groups.split(",") if share.strip()}
    except ValueError as error:
        raise UserError(
            f"The groups are {groups!r}; expected shares from 0 to 1 with commas between, such as "
            "0.25,0.5,0.75,1. Give them so."
        ) from error
    return tuple(sorted(shares | {1.0})) if shares else ()


def _names(panel: Path) -> list[str]:
    names = [line.strip() for line in panel.read_text("utf-8-sig").splitlines() if line.strip()]
    if not names:
        raise UserError(f"{panel} is empty; expected the name of an expert in each line. Fill it.")
    return names


def _text(frozen: Plan, pool: Batch, study: planner.PlannedStudy) -> str:
    again = "" if frozen.replaces is None else ", in the place of the one before it"
    lines = [
        f"{frozen.name[0].upper()}{frozen.name[1:]} is frozen{again}.",
        f"  Claim    right in at least {share_text(frozen.target)} of "
        f"{plural(frozen.cases + frozen.failed, 'case')} of {pool.name}",
        f"  Experts  {', '.join(frozen.experts) or 'whoever answers'}",
        *([f"  Known    {plural(frozen.known, 'case')} to check them"] if frozen.known else []),
        f"  Plan     {frozen.id}",
    ]
    if frozen.mode == "blind":
        lines.append(BLIND)
    if frozen.expected is not None and frozen.expected > frozen.target:
        lines.append(_outlook(study, frozen.expected))
    lines += [f"Note: {caution}" for caution in planner.cautions(study)]
    return "\n".join([*lines, f"`python -m second_opinion status --plan {frozen.id}` follows it."])


def _outlook(study: planner.PlannedStudy, expected: float) -> str:
    foreseen = planner.prospect(study, study.target, expected)
    if foreseen.median is None:
        return f"If it is right in {share_text(expected)}, it will hardly be established."
    most = f", and {foreseen.most:,} in nine of ten studies" if foreseen.most else ""
    return (
        f"If it is right in {share_text(expected)}, about {plural(foreseen.median, 'answer')} "
        f"establish it{most}."
    )
