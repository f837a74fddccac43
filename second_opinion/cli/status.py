"""The command status: how far the review of each model is, and what it says so far."""

from __future__ import annotations

import click

from second_opinion.cli import printing
from second_opinion.cli.asking import as_json, dumped
from second_opinion.cli.decision_text import decision_lines
from second_opinion.cli.feedback import me, plan_meant
from second_opinion.evidence import answers_reused, decision
from second_opinion.evidence.answers_reused import Reuse
from second_opinion.evidence.decision_facts import decision_facts, newest_facts, reused_facts
from second_opinion.formatting import joined, plural
from second_opinion.models.aliases import managed
from second_opinion.models.catalog import Catalog, versions_in_use
from second_opinion.records.expert import Expert
from second_opinion.records.plan import Closing, Plan
from second_opinion.review.model_status import ModelStatus, status_facts, status_of
from second_opinion.settings import Settings
from second_opinion.statistics.release import Assessment
from second_opinion.store import Store

NO_TEST = (
    "No release test has been set up: these counts say how the review is going, and decide nothing "
    "about a release."
)


@click.command()
@click.option("--plan", "plan_ref", default="", help="The decision on this plan alone.")
@click.option("--model", default="", help="Only of NAME, NAME@ALIAS or NAME/VERSION.")
@as_json
def status(plan_ref: str, model: str, as_json: bool) -> None:
    """Say how far the review of each model is.

    Its verdicts, cases and experts, how often it is right, and the cases on which experts
    contradict each other: over all versions of each model that `models` lists, as the page Feedback
    review counts them; and what the newest plan of each has established. docs/feedback.md and
    docs/release.md say what each figure means. --plan takes the id of a plan, or its beginning.
    """
    settings = Settings.read()
    if plan_ref:
        _say_plan(Store.open(settings.feedback_db), plan_ref, as_json)
        return
    catalog = managed(settings).look()
    meant = _meant(catalog, model)
    store, person = Store.open(settings.feedback_db), me()
    review = store.review(by=person)
    reviews = [
        (status_of(review, name, version), versions_in_use(catalog, name))
        for name, version in meant
    ]
    plans = [store.plans.listed(name, version, by=person)[:1] for name, version in meant]
    decisions = [[(one, *_decided(store, one, person)) for one in some] for some in plans]
    reused = [_reused(store, settings, *one, person) for one in meant]
    if as_json:
        facts = [
            status_facts(*each) | newest_facts(some) | reused_facts(old)
            for each, some, old in zip(reviews, decisions, reused, strict=True)
        ]
        click.echo(dumped(facts))
        return
    parts = []
    for each, some, old in zip(reviews, decisions, reused, strict=True):
        parts.append(_text(*each))
        parts += [decision_lines(*decided) for decided in some]
        parts += answers_reused.sentences(old)
    parts += [] if any(decisions) or any(reused) else [NO_TEST]
    click.echo(printing.printable("\n\n".join(parts)))


def _reused(
    store: Store, settings: Settings, name: str, version: str | None, by: Expert
) -> list[Reuse]:
    """What the answers for other versions say of the one that is asked about."""
    if version is None:
        return []
    registry = managed(settings)
    card = registry.look().card(f"{name}/{version}")
    return answers_reused.of_version(store, registry, card, by=by)


def _decided(store: Store, plan: Plan, by: Expert) -> tuple[Assessment, Closing | None]:
    return decision.assess(store, plan, by=by), store.plans.closing(plan.id, by=by)


def _say_plan(store: Store, ref: str, as_json: bool) -> None:
    person = me()
    plan = plan_meant(store, ref, by=person)
    decided = plan, *_decided(store, plan, person)
    text = dumped(decision_facts(*decided)) if as_json else decision_lines(*decided)
    click.echo(printing.printable(text))


def _meant(catalog: Catalog, ref: str) -> list[tuple[str, str | None]]:
    """The models, or the versions, that are asked for."""
    if not ref:
        names = dict.fromkeys(entry.name for entry in catalog.entries())
        return [(name, None) for name in names] or [(catalog.default, None)]
    name, _ = catalog.resolve(ref)
    if set(ref) & set("/@"):
        return [(name, version) for version in catalog.arms(ref)]
    return [(name, None)]


def _text(status: ModelStatus, in_use: list[str]) -> str:
    return "\n".join([_title(status, in_use), *(f"  {line}" for line in _lines(status))])


def _title(status: ModelStatus, in_use: list[str]) -> str:
    if status.version is not None:
        return f"{status.model}, version {status.version}"
    versions = f", version{'s' * (len(in_use) > 1)} {joined(in_use)} in use" if in_use else ""
    return f"{status.model}{versions}"


def _lines(status: ModelStatus) -> list[str]:
    if not status.verdicts:
        return ["No verdict yet."]
    share, interval = status.right.words
    right, wrong = status.right.count, status.right.total - status.right.count
    by = f"{plural(status.cases, 'case')}, by {plural(status.experts, 'expert')}"
    within = f" (95 % interval {interval})" if interval else ""
    each = f"{right:,} right, {wrong:,} wrong, {status.unsure:,} unsure"
    conflicts = f"{plural(status.conflicts, 'case')}, {status.waiting:,} waiting for a final answer"
    return [
        f"Verdicts     {status.verdicts:,} on {by}",
        f"Model right  {share}{within}: {each}",
        f"In conflict  {conflicts}",
    ]
