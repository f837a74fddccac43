"""Release decision: what the claim is about, and its answers by class, by group and by expert."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from second_opinion.evidence import answers_in_parts, decision_words
from second_opinion.evidence.answers_in_parts import ClassResult, ExpertAnswers
from second_opinion.formatting import FEWEST_FOR_A_SHARE, rounded_down, share_of, share_text
from second_opinion.records.batch import Batch
from second_opinion.records.plan import Plan
from second_opinion.statistics.release import GroupAssessment
from second_opinion.ui.frame import guarded
from second_opinion.ui.release import plan_reading
from second_opinion.ui.release.decision_meter import standing_of
from second_opinion.ui.visit import Visit


@guarded
def draw(visit: Visit, plan: Plan) -> None:
    """What the figures above are about, and the same in parts."""
    draws = plan_reading.draws(visit, plan)
    standing = standing_of(plan, draws)
    batch = plan_reading.batch(visit, plan)
    with st.expander("What the claim is about", key="release_claim"):
        st.text(_about(plan, batch))
        st.text(_in_production(plan, standing.production, standing.result.answers))
    if standing.result.groups:
        st.header("The surest cases alone", anchor=False)
        _table(_group_rows(plan, standing.result.groups), "release_groups", "By confidence")
    if not standing.result.answers:
        return
    classes = answers_in_parts.by_class(visit.store, plan, batch, draws) if batch else []
    if classes:
        st.header("By what the model said", anchor=False)
        _table(_class_rows(visit, plan, classes), "release_classes", "By predicted class")
        st.caption(
            f"Each bound is the same test on the cases of that class, and holds for it alone with "
            f"{decision_words.confidence(plan)} confidence."
        )
    st.header("By expert", anchor=False)
    people = answers_in_parts.by_expert(plan, plan_reading.answers(visit, plan))
    _table(_expert_rows(visit, plan, people), "release_experts", "Answers by expert")
    st.caption("The claim is about these people as they answered, not about others.")


def _about(plan: Plan, batch: Batch | None) -> str:
    name = f' of "{batch.name}"' if batch else ""
    whose = "the first answers of the experts named below" if plan.experts else "first answers"
    when = ", given before they saw the model's" if plan.mode == "blind" else ""
    return (
        f"It is about the {decision_words.pool(plan)}{name}, answered by version {plan.version} of "
        f"{plan.model}, and about {whose}{when}. Whether these experts are right, it does not say."
    )


def _in_production(plan: Plan, share: float, answers: int) -> str:
    start = (
        "For cases to come it holds only as far as these are a random sample of them, and with a "
        "wider margin, half of the error spent on each step"
    )
    if not answers:
        return f"{start}."
    least = rounded_down(share)
    return (
        f"{start}: at least {least} of such cases, with {decision_words.confidence(plan)} "
        "confidence."
    )


def _table(rows: Sequence[dict[str, str]], key: str, alt: str) -> None:
    st.dataframe(pd.DataFrame(rows), hide_index=True, key=key, alt=alt)


def _group_rows(plan: Plan, groups: Sequence[GroupAssessment]) -> list[dict[str, str]]:
    return [
        {
            "Cases": "all" if group.share == 1 else f"surest {share_text(group.share)}",
            "How many": f"{group.cases:,}",
            "At least so sure": rounded_down(group.confidence),
            "State": decision_words.STATES[group.state],
            "At least right": rounded_down(group.bound),
            "May answer alone": "yes" if group.counts else "no",
        }
        for group in groups
    ]


def _class_rows(visit: Visit, plan: Plan, classes: Sequence[ClassResult]) -> list[dict[str, str]]:
    card = visit.catalog.card(f"{plan.model}/{plan.version}")
    return [
        {
            "The model says": card.label(one.value),
            "Cases": f"{one.cases:,}",
            "Answers": f"{one.result.answers:,}",
            "At least right": rounded_down(one.result.bound),
            "Estimate": "–" if one.result.estimate is None else share_text(one.result.estimate),
            "State": decision_words.STATES[one.result.state],
        }
        for one in classes
    ]


def _switched(one: ExpertAnswers) -> str:
    """How often an own answer was changed after the model's was seen; of fewer than ten nothing."""
    clear = one.right + one.wrong
    if clear < FEWEST_FOR_A_SHARE:
        return f"from {FEWEST_FOR_A_SHARE} on"
    changed = one.to_model + one.from_model
    towards = f", {one.to_model:,} to the model's" if changed else ""
    return f"{share_of(changed, clear)}{towards}"


def _steady(one: ExpertAnswers) -> str:
    """How often a case that came again got the same answer; of fewer than ten nothing."""
    if one.repeats < FEWEST_FOR_A_SHARE:
        return f"from {FEWEST_FOR_A_SHARE} on"
    return share_of(one.same, one.repeats)


def _known(one: ExpertAnswers) -> str:
    """How often a case whose answer is known was answered so; of fewer than ten nothing."""
    if one.known < FEWEST_FOR_A_SHARE:
        return f"from {FEWEST_FOR_A_SHARE} on"
    return share_of(one.known_right, one.known)


def _expert_rows(visit: Visit, plan: Plan, people: Sequence[ExpertAnswers]) -> list[dict[str, str]]:
    return [
        {
            "Expert": one.label,
            "Answers": f"{one.answers:,}",
            "Differs from the model": share_of(one.wrong, one.right + one.wrong),
            "Unsure": f"{one.unsure:,}",
            "Changed on seeing it": _switched(one),
            "Same when asked again": _steady(one),
            "Last": visit.clock(one.last_at),
        }
        | ({"Right where it is known": _known(one)} if plan.known else {})
        for one in people
    ]
