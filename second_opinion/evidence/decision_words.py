"""What a plan has established so far, in words: for commands, pages and announcements."""

from __future__ import annotations

from second_opinion.formatting import percent, plural, rounded_down, share_text
from second_opinion.records.plan import Plan
from second_opinion.statistics.agreement import wilson
from second_opinion.statistics.release import Assessment, GroupAssessment

STATES = {
    "established": "Established",
    "refuted": "Refuted",
    "open": "Not enough evidence yet",
}


def sentence(plan: Plan, result: Assessment) -> str:
    """The decision so far in one sentence, with what it rests on."""
    answers = plural(result.answers, "answer")
    if not result.answers:
        return f"no answer yet of {pool(plan)}{more(result)}."
    if result.state == "refuted":
        return (
            f"after {answers} it is clear, with {confidence(plan)} confidence, that the model does "
            f"not agree with the experts in {share_text(plan.target)} of the {pool(plan)}."
        )
    return (
        f"{answers}, agrees with the experts in at least {rounded_down(result.bound)} of the "
        f"{pool(plan)}, with {confidence(plan)} confidence{more(result)}."
    )


def pool(plan: Plan) -> str:
    """How many cases the claim is about, with what is wrong with some."""
    failed = f", of which the model failed on {plan.failed:,}" if plan.failed else ""
    unreadable = f"; {plural(plan.unreadable, 'row')} could not be read" if plan.unreadable else ""
    return f"{plural(plan.cases + plan.failed, 'case')}{failed}{unreadable}"


def confidence(plan: Plan) -> str:
    """``95 %``: how sure the bound is."""
    return share_text(1 - plan.alpha)


def more(result: Assessment) -> str:
    """``; about 40 more``: how many answers are missing if things go on as they did."""
    if result.state != "open":
        return ""
    return f"; about {result.more:,} more" if result.more else "; no number of answers will do"


def unsure_bracket(result: Assessment) -> str:
    """How far the estimate moves where the model is right in all cases they are unsure of."""
    if not result.unsure or result.estimate_if_right is None or result.estimate is None:
        return ""
    low, high = share_text(result.estimate), share_text(result.estimate_if_right)
    return (
        f"Unsure in {result.unsure:,} of them: {low} if the model is wrong in all of these, {high} "
        "if it is right in all. None of them confirms it."
    )


def naive(plan: Plan, right: int, clear: int) -> str:
    """The plain share of answers that confirm the model, and why it is no evidence."""
    low = wilson(right, clear, 1 - 2 * plan.alpha)[0]
    sooner = (
        "doubtful cases are asked about sooner, which this figure takes for bad luck; and "
        if plan.design == "doubt"
        else ""
    )
    return (
        f"Counted plainly, {right:,} of {plural(clear, 'clear answer')} agree "
        f"({share_text(right / clear)}), in at least {rounded_down(low)}, if one looked once. It "
        f"differs because {sooner}whoever looks after each answer and stops when it is over the "
        "target releases a model that just misses it in a quarter of studies or more."
    )


def alone(plan: Plan, groups: tuple[GroupAssessment, ...]) -> str:
    """In which cases the model may answer alone; empty before a group counts."""
    counting = [group for group in groups if group.counts]
    if not counting:
        return ""
    widest = counting[-1]
    sure = f"those at least {rounded_down(widest.confidence)} sure"
    rest = " The rest goes to a person."
    share = widest.cases / (plan.cases + plan.failed)
    if widest.share == 1:
        share, sure, rest = 1.0, "all of them", ""
    return (
        f"May answer alone in {percent(share)} of cases, {sure}: agrees with the experts in at "
        f"least {share_text(plan.target)}, with {confidence(plan)} confidence.{rest}"
    )
