"""Release decision: what the answers to a plan establish, redrawn while answers come in."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd
import streamlit as st

from second_opinion.evidence import decision_words
from second_opinion.evidence.answers_in_parts import plain_count
from second_opinion.formatting import plural, rounded_down
from second_opinion.records.plan import Closing, Plan
from second_opinion.statistics import evidence_course, production, release
from second_opinion.statistics.release import Assessment
from second_opinion.store.undecided_draws import undecided
from second_opinion.ui import drawing
from second_opinion.ui.frame import escape, part
from second_opinion.ui.people import plan_panel
from second_opinion.ui.release import plan_reading
from second_opinion.ui.visit import Visit

LOOKS = {
    "established": ("green", ":material/check_circle:"),
    "refuted": ("red", ":material/cancel:"),
    "open": ("yellow", ":material/hourglass_top:"),
}
SECONDS = 5.0
REVIEW = "pages/5_Feedback_review.py"


class Standing(NamedTuple):
    """What a plan has established: the assessment, how it came about, and that for production."""

    result: Assessment
    course: pd.DataFrame
    production: float


@part(run_every=SECONDS)
def draw(visit: Visit, plan: Plan) -> None:
    """The state in words and colour, the figures beside it, and the chart."""
    draws = plan_reading.draws(visit, plan)
    standing = standing_of(plan, draws)
    result = standing.result
    closing = plan_reading.closing(visit, plan)
    with (
        st.container(border=True, key="release_state"),
        st.container(key=f"release_{result.state}"),
    ):
        _state(visit, plan, result, closing)
    if not closing and plan_panel.in_place(visit)[plan.id] == plan:
        _undecided(visit, plan)
    if not result.answers:
        st.text("The chart begins with the first answer. Send the experts their links, below.")
        return
    # Plotly is loaded where there is something to draw.
    from second_opinion.charts.evidence_chart import evidence

    drawing.draw(evidence(standing.course, plan.target), "release_course", name="evidence")
    right, clear = plain_count(draws, result.answers)
    if clear:
        st.caption(escape(decision_words.naive(plan, right, clear)))


def _state(visit: Visit, plan: Plan, result: Assessment, closing: Closing | None) -> None:
    colour, icon = LOOKS[result.state]
    words = decision_words.STATES[result.state]
    closed = f", closed {visit.clock(closing.created_at)}" if closing else ""
    st.markdown(f"## :{colour}[{icon} {words}{escape(closed)}]")
    said = decision_words.sentence(plan, result)
    st.text(said[:1].upper() + said[1:])
    newest = plan_panel.in_place(visit)[plan.id]
    if newest != plan:
        st.text(
            f"{newest.name[0].upper()}{newest.name[1:]} has taken its place: this one asks nobody "
            "any more."
        )
    if closing:
        st.text(
            f"Closed by {closing.closed_by}. The bound it reached stays true: at least "
            f"{rounded_down(closing.bound)}, after "
            f"{plural(closing.answers, 'answer')}."
        )
    if alone := decision_words.alone(plan, result.groups):
        st.text(alone)
    for line in _beside(result):
        st.caption(escape(line))


def _undecided(visit: Visit, plan: Plan) -> None:
    """How many cases somebody has to decide, and the way there."""
    cases = len(undecided(plan, plan_reading.answers(visit, plan)))
    if not cases:
        return
    waits = "waits" if cases == 1 else "wait"
    st.text(f"{plural(cases, 'case')} {waits} for a decision: the first answers differ.")
    words = "Decide them" if cases > 1 else "Decide it"
    if st.button(words, key="release_decide", icon=":material/balance:", type="tertiary"):
        st.session_state["frame_model"] = f"{plan.model}/{plan.version}"
        st.switch_page(REVIEW, query_params={"section": "conflicts"})


def _beside(result: Assessment) -> list[str]:
    lines = []
    if bracket := decision_words.unsure_bracket(result):
        lines.append(bracket)
    if result.waiting:
        waits = "waits" if result.waiting == 1 else "wait"
        lines.append(
            f"{plural(result.waiting, 'further answer')} {waits} for earlier cases that are open."
        )
    return lines


def standing_of(plan: Plan, draws: pd.DataFrame) -> Standing:
    """What the answers in the table of draws establish; worked out once for the same answers."""
    return _standing(plan.id, tuple(draws["answer"].fillna("")), plan, draws)


@st.cache_data(max_entries=64, show_spinner=False)
def _standing(
    plan_id: str, answers: tuple[str, ...], _plan: Plan, _draws: pd.DataFrame
) -> Standing:
    result = release.assess(_plan, _draws)
    course = evidence_course.course(_plan, _draws)
    if len(course):
        # The chart ends where the figure beside it stands.
        course.loc[course.index[-1], "bound"] = result.bound
    return Standing(result, course, production.bound(_plan, _draws))
