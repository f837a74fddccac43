"""From which confidence on a model may answer alone, as its plans have established it."""

from __future__ import annotations

from second_opinion.access import roles
from second_opinion.evidence import decision
from second_opinion.evidence.plan_of_batch import answers_hash
from second_opinion.models.card import ModelCard
from second_opinion.recent import Recent
from second_opinion.records.plan import Plan
from second_opinion.statistics import release
from second_opinion.store import Store

BYTES_EACH, MOST_KEPT = 100, 1000

# By plan and by what was said of it, as lists of one: None is a limit too.
_limits: Recent[list[float | None]] = Recent(BYTES_EACH * MOST_KEPT)


def limit_of(store: Store, card: ModelCard) -> float | None:
    """The confidence from which on this model file may answer alone; None before a group counts.

    By the newest plan of it whose groups establish that for any: what was established once, no
    later answer takes back. A plan from before the card said something else that changes answers
    is about another model.
    """
    plans = store.plans.listed(card.name, card.version, by=roles.PROGRAM)
    own = [plan for plan in plans if plan.groups and plan.model_sha256 == card.artifact.sha256]
    if not own:
        return None
    answers = answers_hash(card)
    limits = (_limit(store, plan) for plan in own if plan.answers_sha256 == answers)
    return next((limit for limit in limits if limit is not None), None)


def _limit(store: Store, plan: Plan) -> float | None:
    mark = store.plans.mark(plan.id)
    if not mark.verdicts:
        return None
    key = str(store.path), plan.id, mark
    kept = _limits.get(key)
    if kept is None:
        limit = release.alone(plan, decision.draw_table(store, plan, by=roles.PROGRAM))
        kept = _limits.keep(key, [limit], BYTES_EACH)
    return kept[0]
