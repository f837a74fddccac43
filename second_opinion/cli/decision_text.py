"""What a plan has established so far, for people and for programs."""

from __future__ import annotations

from second_opinion.evidence.decision_words import STATES, pool
from second_opinion.formatting import plural, rounded_down, share_text
from second_opinion.records.plan import Closing, Plan
from second_opinion.statistics.release import Assessment, GroupAssessment


def decision_lines(plan: Plan, result: Assessment, closing: Closing | None) -> str:
    """The decision so far, in lines."""
    state = STATES[result.state] + (", and closed" if closing else "")
    lines = [
        f"{plan.name[0].upper()}{plan.name[1:]}: {state}",
        f"  Claim     right in at least {share_text(plan.target)} of {pool(plan)}",
    ]
    if result.estimate is not None:
        bound = rounded_down(result.bound)
        lines.append(
            f"  Bound     agrees with the experts in at least {bound} of them, with "
            f"{share_text(1 - plan.alpha)} confidence"
        )
        lines.append(f"  Estimate  {share_text(result.estimate)}{_bracket(result)}")
    lines += [
        f"  Answers   {_answers(result)}",
        f"  Evidence  {result.establish:.3g} for and {result.refute:.3g} against; decided at "
        f"{1 / plan.alpha:.3g}",
    ]
    lines += [_group(group, plan) for group in result.groups]
    return "\n".join([*lines, f"  Plan      {plan.id}"])


def _bracket(result: Assessment) -> str:
    if not result.unsure or result.estimate_if_right is None:
        return ""
    return f" ({share_text(result.estimate_if_right)} if the model is right where they are unsure)"


def _answers(result: Assessment) -> str:
    parts = [f"{result.answers:,} in draw order"]
    if result.unsure:
        parts.append(f"{result.unsure:,} of them unsure")
    if result.waiting:
        parts.append(f"{result.waiting:,} more wait for earlier cases")
    if result.state == "open":
        enough = f"about {result.more:,} more" if result.more else "no number of answers will do"
        parts.append(enough)
    return ", ".join(parts)


def _group(group: GroupAssessment, plan: Plan) -> str:
    failed = f" and the {plan.failed:,} failed" if group.share == 1 and plan.failed else ""
    alone = ", may answer alone" if group.counts else ""
    cases = f"{plural(group.cases, 'case')}, at least {rounded_down(group.confidence)} sure{failed}"
    return (
        f"  Surest    {cases}: {STATES[group.state].lower()}{alone}, "
        f"right in at least {rounded_down(group.bound)}"
    )
