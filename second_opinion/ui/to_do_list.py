"""What an expert has still to judge: by plan, by batch, and of what programs sent here."""

from __future__ import annotations

from typing import NamedTuple

import streamlit as st

from second_opinion.formatting import plural
from second_opinion.records.batch import Batch
from second_opinion.records.expert import Expert
from second_opinion.records.plan import Plan
from second_opinion.ui import judging_way, planned_model, sent_answers, who
from second_opinion.ui.frame import escape
from second_opinion.ui.visit import Visit

BATCH_PAGE = "pages/2_Batch_upload.py"
QUEUE_PAGE = "pages/3_Review_queue.py"


class Waiting(NamedTuple):
    """A batch with how many of its answers this person has judged."""

    batch: Batch
    judged: int

    @property
    def total(self) -> int:
        """All its scored rows with an answer: of others there is nothing to judge."""
        return self.batch.rows_done - self.batch.rows_failed


def draw(visit: Visit) -> None:
    """What waits, each with a link to its next case: plans, batches of this browser, and answers
    that programs sent."""
    expert = visit.expert
    if expert is None:
        return
    batches, plans = of(visit, expert), visit.store.queue.plans(by=expert)
    sent = sent_answers.of(visit, expert)
    if not batches and not plans and not sent:
        return
    st.header("Still to be judged by you", anchor=False)
    waiting = [one for one in batches if one.judged < one.total]
    asked = [plan for plan in plans if visit.store.queue.waits(plan.id, by=expert)]
    unjudged = [one for one in sent if one.next_after()]
    if not waiting and not asked and not unjudged:
        st.text("Nothing: you have judged every row of your batches, and no plan asks you.")
    for plan in asked:
        _draw_plan(visit, expert, plan)
    for one in waiting:
        _draw(visit, one)
    for answers in unjudged:
        sent_answers.draw(answers)


def of(visit: Visit, expert: Expert) -> list[Waiting]:
    """The scored batches that were uploaded or opened here, the newest first."""
    store = visit.store.batches
    ids = [*who.batches(), *who.linked_batches()]
    return [
        Waiting(batch, len(store.judged_rows(batch.id, by=expert)))
        for batch in store.listed(ids, by=expert)
        if batch.rows_done > batch.rows_failed
    ]


def is_judging(visit: Visit, batch: Batch | None) -> bool:
    """Whether this person is in the midst of judging a batch: what others say would lean them."""
    if batch is None or visit.expert is None:
        return False
    one = Waiting(batch, len(visit.store.batches.judged_rows(batch.id, by=visit.expert)))
    return 0 < one.judged < one.total


def is_judging_any(visit: Visit) -> bool:
    """The same for the batches of this browser that the chosen model answered."""
    expert = visit.expert
    if expert is None:
        return False
    return any(
        one.batch.model == visit.version[0] and 0 < one.judged < one.total
        for one in of(visit, expert)
    )


def _draw_plan(visit: Visit, expert: Expert, plan: Plan) -> None:
    """Cases that a plan asks this person about: how many there will be, nobody knows."""
    with st.container(border=True, key=f"home_plan_{plan.id}"):
        model = planned_model.words(visit, plan)
        if not model:
            st.text(plan.name[:1].upper() + plan.name[1:])
            st.caption(planned_model.TAKEN_OUT)
            return
        done = visit.store.queue.done(plan.id, by=expert)
        st.text(f"Whether {model}, may be released")
        st.caption(f"{plural(done, 'case')} done by you" if done else "You have not begun yet")
        st.page_link(
            QUEUE_PAGE,
            label="Answer the next case",
            icon=":material/arrow_forward:",
            query_params={"plan": plan.id},
        )


def _draw(visit: Visit, one: Waiting) -> None:
    batch = one.batch
    with st.container(border=True, key=f"home_todo_{batch.id}"):
        st.text(f"{batch.name} · {batch.model} version {batch.version}")
        st.progress(one.judged / one.total, judging_way.row_words(one.judged, one.total))
        st.page_link(
            BATCH_PAGE,
            label=f"Judge the next row of {escape(batch.name)}",
            icon=":material/arrow_forward:",
            query_params={"batch": batch.id, "row": judging_way.NEXT},
        )
