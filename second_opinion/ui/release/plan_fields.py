"""Release decision: the fields of a plan, and what stands in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from second_opinion.errors import UserError
from second_opinion.evidence.plan_of_batch import Terms
from second_opinion.evidence.planned_study import expected_accuracy
from second_opinion.formatting import plural
from second_opinion.models.card import ModelCard
from second_opinion.records.batch import Batch
from second_opinion.records.plan import Plan
from second_opinion.statistics.planner import Effort
from second_opinion.ui import distinct_words, widget_values
from second_opinion.ui.release import agreement_default
from second_opinion.ui.visit import Visit

GROUPS = (0.25, 0.5, 0.75, 0.9, 1.0)
DESIGNS = {"doubt": "Doubtful cases sooner", "uniform": "All cases alike"}
MODES = {"blind": "Own answer first", "open": "Model's answer in view"}
# What the fields hold before anybody types, and of which batch they speak.
USUAL: Mapping[str, Any] = {
    "plan_target": 90.0,
    "plan_alpha": 5.0,
    "plan_design": "doubt",
    "plan_mode": "blind",
    "plan_answers": 1,
    "plan_twice": 15.0,
    "plan_tolerance": None,
    "plan_groups": False,
    "plan_experts": "",
    "plan_count": 3,
    "plan_each": 40,
    "plan_unsure": 2.0,
    "plan_agreement": None,
}
ABOUT = "plan_about"


def batch(visit: Visit, batches: Mapping[str, Batch]) -> Batch:
    """The scored file whose rows are the cases of the plan."""
    if st.session_state.get("plan_batch") not in batches:
        earlier = st.session_state.get(ABOUT)
        first = earlier if earlier in batches else next(iter(batches))
        widget_values.put({"plan_batch": first})
    chosen: str = st.selectbox(
        "Cases: the rows of",
        list(batches),
        key="plan_batch",
        format_func=distinct_words.of(batches, lambda one: name(visit, batches[one])),
        help="The claim is about these cases. For what comes later it holds as far as they are a "
        "random sample of that.",
    )
    return batches[chosen]


def name(visit: Visit, one: Batch) -> str:
    """What a scored file is called in a list."""
    rows = plural(one.rows_done, "row")
    return (
        f"{one.name} · {rows} · {one.model} version {one.version} · {visit.clock(one.created_at)}"
    )


def begin(card: ModelCard, batch: Batch) -> None:
    """Fill the fields for another batch than before; what is typed of the same one stays."""
    if st.session_state.get(ABOUT) == batch.id:
        return
    accuracy = expected_accuracy(card)
    values = dict(USUAL) | {"plan_expected": None if accuracy is None else round(accuracy * 100, 2)}
    if st.session_state.get(ABOUT):
        # Of the people it says the same, whatever the batch.
        values = {key: value for key, value in values.items() if key not in _PEOPLE}
    widget_values.put(values)
    st.session_state[ABOUT] = batch.id


_PEOPLE = ("plan_experts", "plan_count", "plan_each", "plan_unsure", "plan_agreement")


def begin_from(plan: Plan) -> None:
    """Fill the fields as in a plan that was frozen before."""
    share = {"plan_target": plan.target, "plan_alpha": plan.alpha, "plan_twice": plan.twice}
    values = {key: round(value * 100, 4) for key, value in share.items()}
    expected = None if plan.expected is None else round(plan.expected * 100, 4)
    widget_values.put(
        dict(USUAL)
        | values
        | {
            "plan_batch": plan.batch_id,
            "plan_expected": expected,
            "plan_design": plan.design,
            "plan_mode": plan.mode,
            "plan_answers": plan.answers,
            "plan_tolerance": plan.tolerance,
            "plan_groups": bool(plan.groups),
            "plan_experts": "\n".join(plan.experts),
        }
    )
    st.session_state[ABOUT] = plan.batch_id
    agreement_default.forget()


def forget() -> None:
    """Let the next plan begin with the usual values."""
    st.session_state.pop(ABOUT, None)
    agreement_default.forget()


def draw(card: ModelCard) -> None:
    """What is claimed, and how it is asked."""
    with st.grid(3, min_column_width=220, vertical_alignment="bottom"):
        _share("Target: agrees in at least (%)", "plan_target", 1.0, 99.99)
        _share(
            "Expected accuracy (%)",
            "plan_expected",
            0.0,
            100.0,
            help="The test score, say. It steers how fast the answer comes, never whether it is "
            "right.",
        )
        _share(
            "Chance to release wrongly (%)",
            "plan_alpha",
            0.01,
            50.0,
            help="At most so many studies of a model that misses the target establish it.",
        )
        if card.answer == "probability" or card.task == "regression":
            unit = f" ({card.target.unit})" if card.target.unit else ""
            st.number_input(
                f"May be off by{unit}" if card.task == "regression" else "May be off by (share)",
                min_value=0.0,
                value=None,
                key="plan_tolerance",
                format="%g",
                persist_state="session",
                help="How far an answer may be from the expert's and still be right. There is no "
                "usual value: what harms nobody is right.",
            )
    with st.grid(2, min_column_width=260):
        _choice("Which cases are asked first", DESIGNS, "plan_design")
        _choice("What experts see", MODES, "plan_mode")
    if card.task != "regression":
        st.checkbox(
            "Also for the surest 25, 50, 75 and 90 % alone: release it where it is right",
            key="plan_groups",
            persist_state="session",
        )


def people() -> None:
    """Whose answers count, how many are asked for, and how much time they have."""
    st.text_area(
        "Experts, a name in each line",
        key="plan_experts",
        height=100,
        placeholder="Dr. Ada Example\nBob Example <bob@example.org>",
        help="Only their answers count. Without a name, those of whoever answers.",
        persist_state="session",
    )
    with st.grid(3, min_column_width=200, vertical_alignment="bottom"):
        if not _experts():
            _count("How many experts", "plan_count", 1, 1000)
        _count("Cases for each", "plan_each", 1, 100_000)
        _share("How often they will be unsure (%)", "plan_unsure", 0.0, 100.0)
        _share(
            "How often they agree with each other (%)",
            "plan_agreement",
            0.0,
            100.0,
            help="Leave it empty where nobody knows. From 30 cases on that several judged, it is "
            "what Feedback review says of this model.",
        )
        _count("Answers asked of each case", "plan_answers", 1, 20)
        _share(
            "Cases answered twice (%)",
            "plan_twice",
            0.0,
            100.0,
            help="Drawn by chance. They tell how far experts agree with each other.",
        )


def terms(card: ModelCard) -> Terms:
    """What stands in the fields; `UserError` for what is missing."""
    state = st.session_state
    target, alpha = _fraction("plan_target"), _fraction("plan_alpha")
    if target is None or alpha is None:
        what = "The target" if target is None else "The chance to release wrongly"
        raise UserError(f"{what} is missing; expected a share in percent. Type it.")
    return Terms(
        target=target,
        expected=_fraction("plan_expected"),
        alpha=alpha,
        design=state.get("plan_design") or "doubt",
        tolerance=state.get("plan_tolerance") or None,
        answers=int(state.get("plan_answers") or 1),
        twice=_fraction("plan_twice") or 0.0,
        mode=state.get("plan_mode") or "blind",
        experts=_experts(),
        groups=GROUPS if state.get("plan_groups") and card.task != "regression" else (),
    )


def effort(terms: Terms) -> Effort:
    """Who is there to answer."""
    state = st.session_state
    return Effort(
        experts=len(terms.experts) or int(state.get("plan_count") or 1),
        cases_each=int(state.get("plan_each") or 1),
        unsure=_fraction("plan_unsure") or 0.0,
        answers=terms.answers,
        twice=terms.twice,
    )


def agreement() -> float | None:
    """How often the experts agree with each other, as far as somebody said it."""
    return _fraction("plan_agreement")


def _experts() -> tuple[str, ...]:
    lines = str(st.session_state.get("plan_experts") or "").splitlines()
    return tuple(dict.fromkeys(line.strip() for line in lines if line.strip()))


def _fraction(key: str) -> float | None:
    value = st.session_state.get(key)
    return None if value is None else round(value / 100, 6)


def _share(label: str, key: str, low: float, high: float, help: str | None = None) -> None:
    st.number_input(
        label,
        min_value=low,
        max_value=high,
        value=None,
        step=1.0,
        format="%g",
        key=key,
        help=help,
        persist_state="session",
    )


def _count(label: str, key: str, low: int, high: int) -> None:
    st.number_input(
        label,
        min_value=low,
        max_value=high,
        value=None,
        step=1,
        key=key,
        persist_state="session",
    )


def _choice(label: str, words: Mapping[str, str], key: str) -> None:
    st.segmented_control(
        label,
        list(words),
        format_func=lambda one: words[one],
        key=key,
        required=True,
        wrap=True,
        persist_state="session",
    )
