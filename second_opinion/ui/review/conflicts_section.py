"""Feedback review: cases in which experts contradict each other, side by side, to be decided.

Names are hidden, so that it is the answers that are weighed; whoever judged a case may not decide,
and whoever decides gives an own answer before seeing those of the model and the experts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from second_opinion.formatting import number_text, plural
from second_opinion.models.card import ModelCard
from second_opinion.records.expert import Expert
from second_opinion.records.prediction import Prediction
from second_opinion.records.review import Conflict
from second_opinion.records.verdict import COMMENT_LIMIT, Verdict
from second_opinion.records.verdict_filter import VerdictFilter
from second_opinion.records.verdict_kinds import kind_of
from second_opinion.review import totals
from second_opinion.ui import case_view, click_ids, distinct_words, labels
from second_opinion.ui.case_view import table
from second_opinion.ui.frame import callback, escape, show_problem
from second_opinion.ui.review import verdicts_section
from second_opinion.ui.run_memory import once
from second_opinion.ui.visit import Visit

LISTED = 50
FINAL_WORDS = {"about_right": "About right", "too_low": "Too low", "too_high": "Too high"}


def waiting_cases(visit: Visit, filters: VerdictFilter, undecided: int) -> int:
    """How many wait for a decision: those in conflict, and those that a plan alone waits for."""
    drawn = _drawn(visit, filters)
    states = visit.review.shared_states(filters.model, filters.version) if drawn else {}
    return undecided + sum(not states.get(case.case_id) for case in drawn)


def _drawn(visit: Visit, filters: VerdictFilter) -> list[Conflict]:
    """The cases that a plan waits for."""
    about = filters.model, filters.version
    return once(f"undecided draws {about}", lambda: visit.review.undecided_draws(*about))


def conflicts(visit: Visit, filters: VerdictFilter, waiting: int) -> None:
    """The cases that wait for a decision, and the form to decide the chosen one."""
    person = visit.expert
    if person is None:
        return
    _choose(visit, person, filters, waiting)


def _choose(visit: Visit, person: Expert, filters: VerdictFilter, waiting: int) -> None:
    again = st.toggle("Also those that are decided, to decide them anew", key="review_decided")
    listed = _conflicts(visit, filters, None if again else False)
    if not listed:
        st.text(_nothing(visit, filters, waiting))
        return
    # First those that this person may decide.
    listed.sort(key=lambda case: _is_judge(case, person))
    ids = {case.prediction_id: at for at, case in enumerate(listed, 1)}
    if st.session_state.get("review_conflict") not in ids:
        st.session_state["review_conflict"] = next(iter(ids))
    waits = f"{plural(waiting, 'case')} {'waits' if waiting == 1 else 'wait'} for a decision."
    st.text(f"{waits} The final answer counts from then on; every verdict stays as it is.")
    if len(listed) < waiting:
        st.caption(f"The newest {len(listed)} that the filters leave are listed.")
    case_id = st.selectbox(
        "Case to decide",
        list(ids),
        key="review_conflict",
        format_func=lambda case: f"{ids[case]} of {len(ids)} · {_last(visit, listed, ids[case])}",
    )
    _decide(visit, person, listed[ids[case_id] - 1])


def _nothing(visit: Visit, filters: VerdictFilter, waiting: int) -> str:
    if waiting and visit.store.blind_cases.waiting_cases(filters.model, by=visit.asker):
        return (
            f"{plural(waiting, 'case')} without a decision, none of which is for you to decide: a "
            "plan asks for your own answer. Somebody decides whom it does not name."
        )
    return "No case waits for a decision. Experts do not contradict each other here."


def _last(visit: Visit, listed: list[Conflict], at: int) -> str:
    return f"last judged {visit.clock(listed[at - 1].last_at)}"


def _conflicts(visit: Visit, filters: VerdictFilter, adjudicated: bool | None) -> list[Conflict]:
    drawn = _drawn(visit, filters)
    now = visit.review.conflicts(
        filters.model, filters.version, adjudicated=adjudicated, size=LISTED
    )
    ids = {case.case_id for case in drawn}
    cases = [*drawn, *(case for case in now if case.case_id not in ids)]
    if totals.is_whole(filters):
        return cases
    within = {row.case_id for row in visit.review.page(filters, size=1_000).rows}
    return [case for case in cases if case.case_id in within]


def _is_judge(case: Conflict, person: Expert) -> bool:
    return any(verdict.by_key == person.expert_key for verdict in case.verdicts)


def _decide(visit: Visit, person: Expert, case: Conflict) -> None:
    prediction = visit.store.prediction(case.prediction_id, by=visit.asker)
    if prediction is None:
        return
    card = verdicts_section.known_card(visit, prediction.model, prediction.version)
    _begin(prediction)
    with st.container(border=True, key="review_conflict_case"):
        left, right = st.columns([3, 2], gap="medium")
        with left:
            st.header("The case", anchor=False)
            table(card, prediction)
        decides = card is not None and not _is_judge(case, person)
        own = visit.review.own_answer(prediction.id, by=person) if decides else None
        # Who decides answers first: what others said would lean the answer their way.
        if card is not None and decides and own is None:
            with right:
                _own_answer(visit, card, prediction)
            return
        # Of a number or a risk it is the model's own that is decided about, except that a number
        # that a plan asks for is decided as its experts gave theirs.
        is_hidden = decides and card is not None and _hides_model(card, case)
        with right:
            if card is not None and own is not None:
                st.text(f"You said {_own_text(card, own)}.")
            if case.is_drawn:
                st.caption("A plan waits for it: these are the first answers, which count there.")
            if is_hidden:
                st.caption("Which of these answers is the model's is told once you have decided.")
            else:
                _models_answer(visit, card, prediction)
        _side_by_side(card, case, prediction if is_hidden else None)
        _decided(visit, card, case)
        if _is_judge(case, person):
            st.text("You judged this case yourself. Somebody who did not has to decide it.")
        else:
            _form(visit, card, prediction, is_hidden=is_hidden)


def _hides_model(card: ModelCard, case: Conflict) -> bool:
    return card.tells_confidence or (case.is_drawn and card.answer != "probability")


def _models_answer(visit: Visit, card: ModelCard | None, prediction: Prediction) -> None:
    st.header("The model says", anchor=False)
    if card is None:
        st.text(labels.exact_value_text(None, prediction.value))
    else:
        case_view.answer(visit, card, prediction)


def _side_by_side(card: ModelCard | None, case: Conflict, hidden: Prediction | None = None) -> None:
    """What each expert said, under letters that are given anew for each case.

    Of a ``hidden`` prediction as the answers that they find right, not as what they say of it.
    """
    with st.grid(3, min_column_width=220):
        for letter, verdict in totals.in_order(case):
            with st.container(border=True, height="stretch"):
                st.markdown(f"**Expert {letter}**")
                if hidden is not None and card is not None:
                    st.text(_right_by(card, verdict, hidden))
                else:
                    st.text(labels.signed_verdict_text(card, verdict))
                    if verdict.severity == "serious":
                        st.text("Calls the mistake serious.")
                verdicts_section.comment(verdict.comment or "No comment.")


def _right_by(card: ModelCard, verdict: Verdict, prediction: Prediction) -> str:
    """The answer that an expert finds right, without saying what the model answered."""
    own = verdict.blind_value if verdict.mode == "blind" else verdict.correct_value
    if own is None:
        own = verdict.correct_value
    if own is not None:
        return labels.exact_value_text(card, own)
    counts_as = kind_of(verdict.judgement).counts_as
    if counts_as == "right":
        return labels.exact_value_text(card, prediction.value)
    return "Names no answer" if counts_as == "wrong" else "Is unsure"


def _decided(visit: Visit, card: ModelCard | None, case: Conflict) -> None:
    """The final answers so far, the last one counts."""
    for decision in visit.review.adjudications_of(case.prediction_id):
        answer = FINAL_WORDS.get(decision.direction or "")
        answer = answer or labels.exact_value_text(card, decision.answer)
        st.text(f"Decided {visit.clock(decision.created_at)}: {answer}. {decision.reason}")


def _begin(prediction: Prediction) -> None:
    """An empty form for another case than before."""
    if st.session_state.get("review_conflict_for") != prediction.id:
        st.session_state["review_conflict_for"] = prediction.id
        click_ids.spend("review_conflict_id")
        st.session_state["review_conflict_answer"] = None
        st.session_state["review_conflict_own"] = None
        st.session_state["review_conflict_reason"] = ""
        click_ids.spend("review_lock_id")


def _own_answer(visit: Visit, card: ModelCard, prediction: Prediction) -> None:
    """What the third person finds right, before seeing what the model and the experts say."""
    st.header("What do you say?", anchor=False)
    if card.answer == "probability":
        label = escape(f"How likely is {card.event} (%)")
        st.number_input(label, 0.0, 100.0, value=None, key="review_conflict_own", format="%g")
    else:
        _answer_field(card, "Your answer", "review_conflict_own")
    lock = _lock_callback(visit, card, prediction)
    st.button("Lock my answer", key="review_lock", type="primary", on_click=lock)
    show_problem("review")
    st.caption("It is stored. What the experts said is shown after that, without their names.")


def _lock_callback(visit: Visit, card: ModelCard, prediction: Prediction) -> Callable[[], None]:
    lock_id = click_ids.upcoming("review_lock_id")

    @callback("review")
    def lock() -> None:
        own: Any = st.session_state["review_conflict_own"]
        if own is not None and card.answer == "probability":
            own /= 100
        visit.review.lock_own_answer(prediction.id, own, by=visit.signer(), id=lock_id)
        if card.answer != "probability":
            st.session_state["review_conflict_answer"] = own

    return lock


def _own_text(card: ModelCard, own: Any) -> str:
    if card.answer == "probability":
        return f"{number_text(round(own * 100, 6))} %"
    return labels.exact_value_text(card, own)


def _answer_field(card: ModelCard, label: str, key: str) -> None:
    if card.task == "regression":
        unit = f" ({card.target.unit})" if card.target.unit else ""
        st.number_input(escape(f"{label}{unit}"), value=None, key=key, step=1.0, format="%g")
        return
    st.selectbox(
        label,
        card.class_values,
        index=None,
        key=key,
        format_func=distinct_words.of(card.class_values, card.label),
        placeholder="choose the answer that is right",
    )


def _form(visit: Visit, card: ModelCard | None, prediction: Prediction, *, is_hidden: bool) -> None:
    if card is None:
        st.text("This version was taken out of the registry; its cases cannot be decided here.")
        return
    if card.answer == "probability":
        st.selectbox(
            "Final answer",
            list(FINAL_WORDS),
            index=None,
            key="review_conflict_answer",
            format_func=FINAL_WORDS.__getitem__,
            placeholder="choose what the probability is",
        )
    else:
        _answer_field(card, "Final answer", "review_conflict_answer")
    st.text_area("Why", key="review_conflict_reason", max_chars=COMMENT_LIMIT, height=80)
    with st.container(horizontal=True):
        decided = _decision_callback(visit, card, prediction)
        st.button("Decide this case", key="review_adjudicate", type="primary", on_click=decided)
        if card.task == "regression" and not is_hidden:
            stands = _decision_callback(visit, card, prediction, stands=True)
            st.button("The model's number stands", key="review_stands", on_click=stands)
    show_problem("review")


def _decision_callback(
    visit: Visit, card: ModelCard, prediction: Prediction, *, stands: bool = False
) -> Callable[[], None]:
    """Saves what is filled in, or where it ``stands``, the model's own answer."""
    decision_id = click_ids.upcoming("review_conflict_id")

    @callback("review")
    def save() -> None:
        person = visit.signer()
        final: Any = st.session_state["review_conflict_answer"]
        reason = st.session_state["review_conflict_reason"] or ""
        final = prediction.value if stands else final
        direction = None
        if card.answer == "probability":
            final, direction = None, final
        visit.review.adjudicate(
            prediction.id, final, reason, direction=direction, by=person, id=decision_id
        )
        st.session_state.pop("review_conflict_for", None)
        st.session_state.pop("review_conflict", None)
        st.toast("Decided and saved.", icon=":material/check:")

    return save
