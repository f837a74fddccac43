"""Review queue: the case whose turn it is, and after the answer is locked the model's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import streamlit as st

from second_opinion.batches.scored_rows import ScoredRows
from second_opinion.errors import UserError
from second_opinion.formatting import plural
from second_opinion.models.card import ModelCard
from second_opinion.records.batch import prediction_id
from second_opinion.records.expert import Expert
from second_opinion.records.plan import Plan, QueuedCase
from second_opinion.records.prediction import Prediction
from second_opinion.records.verdict_kinds import kind_of
from second_opinion.ui import case_view, fact_list, judging_way, widget_values
from second_opinion.ui.frame import callback, show_problem
from second_opinion.ui.queue import own_answer
from second_opinion.ui.queue.own_answer import AnswerForm
from second_opinion.ui.visit import Visit

WAITS = (
    "Another plan asks for your own answer to this case first. Until then what the model says of "
    "the case stays closed to you."
)
OTHERS_FIRST = (
    "What is left of this plan waits for you in another one, which asks for your own answers "
    "first. After that its cases come to you here."
)
GONE = (
    "The file that this plan is about is not in the feedback database; expected the batch that was "
    "planned on. Ask the owner of this app."
)


@dataclass(frozen=True)
class OpenCase:
    """The case on the page; ``is_locked`` once its person has answered, and the model's is seen.

    ``ahead`` is where one that comes again waits for its answer meanwhile: the way back leads past
    its first answer.
    """

    person: str
    case: QueuedCase
    is_locked: bool = False
    ahead: int | None = None


def draw(visit: Visit, person: Expert, plan: Plan, card: ModelCard) -> None:
    """The case on the page, or thanks where none waits for this person."""
    on_page = _on_page(visit, person, plan)
    if on_page is None:
        _thank(visit, person, plan)
        return
    done = visit.store.queue.done(plan.id, by=person)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.text(f"{plural(done, 'case')} done by you" if done else "Your first case of this plan")
        _way_back(visit, person, plan, on_page)
    prediction = _asked_about(visit, on_page.case, card)
    if on_page.is_locked or plan.mode == "open":
        show_problem("queue")
        _reveal(visit, person, plan, card, on_page)
        return
    left, right = st.columns([3, 2], gap="medium")
    with left, st.container(border=True, key="queue_case"):
        st.header("The case", anchor=False)
        fact_list.draw(visit, prediction)
        case_view.table(card, prediction)
    with right, st.container(border=True, key="queue_own"):
        st.header("You say", anchor=False)
        AnswerForm(visit, card, plan, on_page.case, prediction, _after_answer).draw()


def _reveal(visit: Visit, person: Expert, plan: Plan, card: ModelCard, on_page: OpenCase) -> None:
    """What the model says, where no blind plan keeps it from this person."""
    if _closed(visit, person, [on_page.case]):
        st.text(WAITS)
        with st.container(horizontal=True):
            _way_to_first(visit, person, plan)
            st.button("Next case", key="queue_next", on_click=_next)
        return
    case = on_page.case
    drawn_id = prediction_id(case.batch_id, case.row_number)
    prediction = visit.store.prediction(drawn_id, by=person)
    if prediction is None:
        raise UserError(GONE)
    with st.container(key="queue_reveal"):
        case_view.judge(visit, card, prediction, "The case", "queue_seen", next_case=_next)
    if on_page.is_locked:
        _way_on(visit, person, prediction)


def _closed(visit: Visit, person: Expert, cases: list[QueuedCase]) -> list[str]:
    """The ids of their predictions that a blind plan keeps from this person."""
    ids = [prediction_id(case.batch_id, case.row_number) for case in cases]
    return [*visit.store.blind_cases.closed(ids, by=person)]


def _on_page(visit: Visit, person: Expert, plan: Plan) -> OpenCase | None:
    stays: OpenCase | None = st.session_state.get("queue_open")
    if stays and (stays.person, stays.case.plan_id) == (person.expert_key, plan.id):
        if stays.is_locked or plan.mode == "blind":
            return _as_it_stands(visit, person, plan, stays)
        if not _closed(visit, person, [stays.case]):
            return stays
    case = visit.store.queue.next(plan.id, by=person)
    if case is None:
        return None
    st.session_state["queue_open"] = OpenCase(person.expert_key, case)
    own_answer.begin(visit, case)
    return OpenCase(person.expert_key, case)


def _as_it_stands(visit: Visit, person: Expert, plan: Plan, stays: OpenCase) -> OpenCase:
    """The case on the page, locked where its person has answered it on another device."""
    if not stays.is_locked and visit.store.queue.is_answered(stays.case, by=person):
        stays = replace(stays, is_locked=True)
        st.session_state["queue_open"] = stays
    return stays


def _asked_about(visit: Visit, case: QueuedCase, card: ModelCard) -> Prediction:
    """What the own answer is compared with; what is shown of it comes from `Store.prediction`."""
    batch = visit.store.batches.find(case.batch_id, by=visit.asker)
    if batch is None:
        raise UserError(GONE)
    return ScoredRows(visit.store).opened(batch, case.row_number, card)


def _after_answer(is_locked: bool) -> None:
    """Show the model's answer to a locked one, or go on from a case that was left to others."""
    on_page: OpenCase = st.session_state.pop("queue_open")
    if is_locked:
        st.session_state["queue_open"] = OpenCase(on_page.person, on_page.case, is_locked=True)


def _way_back(visit: Visit, person: Expert, plan: Plan, here: OpenCase | None = None) -> None:
    """A button to the case that this person answered before the one on the page.

    One that comes again stands after all others, wherever it was answered first.
    """
    is_repeat = here is not None and here.case.is_repeat
    ahead = here.ahead if here else None
    if here and is_repeat and not here.is_locked:
        ahead = here.case.position
    answered = visit.store.queue.answered(plan.id, by=person)
    cases = [case for case in answered if case.position != ahead]
    positions = [case.position for case in cases]
    is_among = here is not None and not is_repeat and here.case.position in positions
    at = positions.index(here.case.position) if here and is_among else len(cases)
    if at:
        before = OpenCase(person.expert_key, cases[at - 1], is_locked=True, ahead=ahead)
        judging_way.draw(0, 0, "", back=partial(_go_back, before))


def _way_on(visit: Visit, person: Expert, prediction: Prediction) -> None:
    """The button that the panel has beside a verdict, where none is there for this person."""
    if visit.store.current_verdict(prediction.id, person, by=person) is None:
        st.button("Next case", key="queue_next", on_click=_next)


def _way_to_first(visit: Visit, person: Expert, plan: Plan) -> None:
    """A button to the blind plan that asks about the same file first."""
    queue = visit.store.queue
    before = visit.store.blind_cases.before(plan, by=person)
    before.sort(key=lambda one: not queue.waits(one.id, by=person))
    for one in before[:1]:
        st.button(
            "Go to the plan that asks first",
            key="queue_first",
            type="primary",
            on_click=_open_plan,
            args=(one.id,),
        )


@callback("queue")
def _open_plan(plan_id: str) -> None:
    widget_values.put({"queue_plan": plan_id})


@callback("queue")
def _go_back(before: OpenCase) -> None:
    st.session_state["queue_open"] = before


@callback("queue")
def _next() -> None:
    st.session_state.pop("queue_open", None)


def _thank(visit: Visit, person: Expert, plan: Plan) -> None:
    done = visit.store.queue.done(plan.id, by=person)
    if visit.store.queue.has_closed(plan.id, by=person):
        st.text(OTHERS_FIRST)
        _way_to_first(visit, person, plan)
        _way_back(visit, person, plan)
        return
    if not done:
        st.text("No case waits for you now: others have them in hand. Come back in an hour.")
        return
    with st.container(border=True, key="queue_thanks"):
        st.header("Thank you", anchor=False)
        st.text(
            f"You have done {plural(done, 'case')}, and none waits for you now. One that nobody "
            "else answers may come to you later."
        )
        st.text(_help_given(visit, person, plan))
        _way_back(visit, person, plan)


def _help_given(visit: Visit, person: Expert, plan: Plan) -> str:
    """What this person's answers helped to find."""
    cases = visit.store.queue.answered(plan.id, by=person)
    ids = {prediction_id(case.batch_id, case.row_number) for case in cases}
    ids.difference_update(_closed(visit, person, cases))
    verdicts = visit.store.current_verdicts_of(person, ids, by=person).values()
    differing = sum(kind_of(verdict.judgement).counts_as == "wrong" for verdict in verdicts)
    if not differing:
        return "In none of them you differ from the model, which is worth as much to know."
    return (
        f"In {differing:,} of them you differ from the model. The people who answer for it look at "
        "these first."
    )
