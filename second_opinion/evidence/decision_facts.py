"""What a plan has established so far, for programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from second_opinion.evidence.answers_reused import Reuse
from second_opinion.records.plan import Closing, Plan
from second_opinion.statistics.release import Assessment


def decision_facts(plan: Plan, result: Assessment, closing: Closing | None) -> dict[str, Any]:
    """A decision so far as plain values: the plan, its state, bound, estimate and evidence."""
    about = ("id", "number", "model", "version", "batch_id", "target", "alpha", "cases", "failed")
    return {
        **{name: getattr(plan, name) for name in about},
        **asdict(result),
        "alone": result.alone,
        "closed_at": closing.created_at if closing else None,
    }


def reused_facts(reused: list[Reuse]) -> dict[str, Any]:
    """What the answers for other versions say of one, as a part of its status; none for none."""
    if not reused:
        return {}
    rows = [
        {
            "plan": one.plan.id,
            "answered_for": one.plan.version,
            "versions": one.versions,
            "alpha": one.plan.alpha / one.versions,
            "not_tested": one.reason or None,
            **(asdict(one.result) if one.result else {}),
        }
        for one in reused
    ]
    return {"on_old_answers": rows}


def newest_facts(some: list[tuple[Plan, Assessment, Closing | None]]) -> dict[str, Any]:
    """The decision on the first of some plans, as a part of the status of its model."""
    if not some:
        return {}
    facts = decision_facts(*some[0])
    return {"state": facts["state"], "plan": facts}
