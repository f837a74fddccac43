"""Another version of a model, tested at once on the answers that experts gave blind for one before.

Their own answers are labels, whatever a model says. Draws and weights are those of the plan.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from second_opinion.access import roles
from second_opinion.errors import UserError
from second_opinion.evidence import decision, versions_tested
from second_opinion.evidence.answer_loss import final_loss, outcome_of
from second_opinion.evidence.decision_words import STATES, sentence
from second_opinion.evidence.planned_study import expected_accuracy
from second_opinion.formatting import plural, share_text
from second_opinion.models.card import ModelCard
from second_opinion.models.model import Model
from second_opinion.models.registry import Registry
from second_opinion.records.event import Event
from second_opinion.records.expert import Expert
from second_opinion.records.plan import Claim, Plan
from second_opinion.records.prediction import Prediction
from second_opinion.records.review import Outcome
from second_opinion.records.verdict import Verdict
from second_opinion.records.verdict_kinds import kind_of
from second_opinion.statistics import release
from second_opinion.statistics.release import Assessment
from second_opinion.store import Store
from second_opinion.store.plan_answers import FinalAnswer
from second_opinion.verdicts.blind_answer import locked
from second_opinion.verdicts.first_answers import first_answers, named_answer

# Files with the answers that a model may be trained on; beside them, a backup has all of them.
TELL_ANSWERS = ("corrections", "verdicts", "draws", "workbook")
MOST_EVENTS = 100_000


@dataclass(frozen=True)
class Reuse:
    """What the answers to a ``plan`` say of another ``version``; None with the reason why not.

    Any of ``versions`` might pass by chance, so that each is tested at alpha over their number:
    `versions_tested.count`.
    """

    plan: Plan
    version: str
    versions: int
    result: Assessment | None = None
    reason: str = ""


def of_version(store: Store, registry: Registry, card: ModelCard, *, by: Expert) -> list[Reuse]:
    """For each pool that experts answered blind for another version, what it says of this one.

    `UserError` below a reviewer.
    """
    by_pool: dict[str, list[Plan]] = {}
    for plan in store.plans.listed(card.name, by=by):
        if plan.version != card.version and plan.mode == "blind":
            by_pool.setdefault(plan.batch_id, []).append(plan)
    reused = []
    for plans in by_pool.values():
        # The newest with answers: one that was frozen since may have none.
        each = (_reuse(store, registry, plan, card, by) for plan in plans)
        if first := next((one for one in each if one is not None), None):
            reused.append(first)
    for one in reused:
        if one.result is not None:
            versions_tested.note(store, one.plan, card, by=by)
    return reused


def _reuse(
    store: Store, registry: Registry, plan: Plan, card: ModelCard, by: Expert
) -> Reuse | None:
    stored = store.plans.answers(plan, by=by)
    answers = first_answers(plan, stored.verdicts)
    if not answers:
        return None
    versions = versions_tested.count(store, registry.look(), plan)
    first_at = min(some[0].created_at for some in answers.values())
    if reason := _why_not(store, plan, card, first_at):
        return Reuse(plan, card.version, versions, reason=reason)
    try:
        said = _said(registry.load(card), {at: stored.predictions[at] for at in answers})
    except UserError as error:
        return Reuse(plan, card.version, versions, reason=str(error))
    draws = decision.draw_table(store, plan, by=by)
    outcomes = {
        at: _outcome(plan, card, given, said[at], stored.final.get(at))
        for at, given in answers.items()
    }
    # A case that everybody skipped is unsure, whatever a version says of it.
    is_unsure = draws["answer"].isin(["unsure"])
    draws["answer"] = [
        outcomes.get(at) or ("unsure" if skipped else None)
        for at, skipped in zip(draws["position"], is_unsure, strict=True)
    ]
    claim = Claim(plan.target, plan.alpha / versions, expected_accuracy(card), plan.failed)
    return Reuse(plan, card.version, versions, release.assess(claim, draws))


def _why_not(store: Store, plan: Plan, card: ModelCard, first_at: str) -> str:
    """Why the answers, from ``first_at`` on, are no test of this version; empty where they are."""
    files = [
        _file(event)
        for what in ("export", "backup")
        for event in store.event_log.newest(what, MOST_EVENTS, by=roles.PROGRAM)
        if _may_have_taught(event, plan, card, first_at)
    ]
    if not files:
        return ""
    return (
        f"The answers were taken away as a file ({files[-1]}) before this "
        "version was made, which may have learned from them. Ask experts about new cases."
    )


def _may_have_taught(event: Event, plan: Plan, card: ModelCard, first_at: str) -> bool:
    # A plan goes on with answers that were given before it was frozen.
    if not _tells_answers(event, plan) or _moment(event.created_at) < _moment(first_at):
        return False
    # A card without a time may be of any.
    made_at = card.artifact.created_at
    return not made_at or _moment(event.created_at) < _moment(made_at)


def _tells_answers(event: Event, plan: Plan) -> bool:
    if event.what == "backup":
        return True
    # A file of one batch tells of its cases alone.
    is_of_pool = event.details.get("batch", plan.batch_id) == plan.batch_id
    return event.details.get("what") in TELL_ANSWERS and is_of_pool


def _file(event: Event) -> str:
    return "backup" if event.what == "backup" else str(event.details["what"])


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _said(model: Model, predictions: Mapping[int, Prediction]) -> dict[int, Prediction]:
    """What a version says of the cases that another one answered; `UserError` where it cannot."""
    cases = [_inputs(model, one) for one in predictions.values()]
    ids = [one.id for one in predictions.values()]
    made = model.predictions(cases, ids, asked_by=roles.PROGRAM.label, source="plan")
    return dict(zip(predictions, made, strict=True))


def _inputs(model: Model, prediction: Prediction) -> dict[str, Any]:
    schema = model.card.case_schema
    known = {name: prediction.inputs.get(name) for name in schema.names}
    inputs, problems = schema.read(known)
    if blocking := [str(problem) for problem in problems if problem.blocking]:
        raise UserError(f"{model.card.ref} cannot take the cases of the plan: {blocking[0]}.")
    return inputs


def _outcome(
    plan: Plan,
    card: ModelCard,
    answers: Sequence[Verdict],
    said: Prediction,
    final: FinalAnswer | None,
) -> Outcome | None:
    """What a case says of another version by the rules of its plan; None while it is open."""
    # On which side of the right one a risk lies says nothing of another risk.
    is_label = final is not None and final.answer is not None
    decided = final_loss(plan, final, said) if is_label else None
    return outcome_of(plan, answers, lambda answer: _loss(plan, card, answer, said), decided)


def _loss(plan: Plan, card: ModelCard, answer: Verdict, said: Prediction) -> Outcome:
    value = named_answer(answer)
    risk = card.probability(said.probabilities) if card.answer == "probability" else None
    judged = locked(said, answer.expert, value, tolerance=plan.tolerance, risk=risk)
    counts_as = kind_of(judged.judgement).counts_as
    return "unsure" if counts_as == "nothing" else counts_as


def sentences(reused: Sequence[Reuse]) -> list[str]:
    """What the answers for other versions say of one, a sentence for each pool."""
    texts = []
    for one in reused:
        start = f"On the answers given for version {one.plan.version} ({one.plan.name})"
        if one.result is None:
            texts.append(f"{start}: not tested. {one.reason}")
            continue
        stricter = replace(one.plan, alpha=one.plan.alpha / one.versions)
        texts.append(
            f"{start}: {STATES[one.result.state]}, {sentence(stricter, one.result)} Target "
            f"{share_text(one.plan.target)}; "
            f"the chance to err is shared by {plural(one.versions, 'version')}."
        )
    return texts
