"""Release decision: how likely a target is to be established, and how many answers it takes."""

from __future__ import annotations

from typing import Any, NamedTuple

import pandas as pd
import streamlit as st

from second_opinion.evidence import plan_of_batch
from second_opinion.evidence.forecast_job import ForecastJob
from second_opinion.evidence.plan_of_batch import Terms
from second_opinion.evidence.planned_study import study_of
from second_opinion.formatting import percent, plural, share_text
from second_opinion.models.card import ModelCard
from second_opinion.records.batch import Batch
from second_opinion.statistics.planner import Effort, Forecast, Prospect
from second_opinion.ui import widget_values
from second_opinion.ui.frame import callback, notice, part, problem, show_problem
from second_opinion.ui.release import plan_fields
from second_opinion.ui.visit import Visit

KEY = "plan_outlook"
NEVER = "more than there are"


class Outlook(NamedTuple):
    """A forecast at work or done, and what it is of."""

    about: tuple[str, Terms, Effort, float | None]
    job: ForecastJob


def draw(visit: Visit, card: ModelCard, batch: Batch) -> None:
    """Offer to look ahead, and what came out for the fields as they stand."""
    st.caption(
        "How likely targets are to be established with these people, and how many answers that "
        "takes: some seconds."
    )
    st.button(
        "Look ahead",
        key="plan_ahead",
        icon=":material/query_stats:",
        on_click=_look_ahead,
        args=(visit, card, batch),
    )
    show_problem("outlook")
    outlook: Outlook | None = st.session_state.get(KEY)
    if outlook is None:
        return
    if outlook.job.is_running:
        _progress(outlook)
    elif forecast := outlook.job.result():
        if outlook.about != _about(card, batch):
            st.caption("The fields have changed since somebody looked ahead. Look again.")
            return
        _show(forecast, outlook)


def _about(card: ModelCard, batch: Batch) -> tuple[str, Terms, Effort, float | None] | None:
    terms = plan_fields.terms(card)
    return batch.id, terms, plan_fields.effort(terms), plan_fields.agreement()


@callback("outlook")
def _look_ahead(visit: Visit, card: ModelCard, batch: Batch) -> None:
    _give_up()
    terms = plan_fields.terms(card)
    effort, agreement = plan_fields.effort(terms), plan_fields.agreement()
    person = visit.signer()
    drafted, draws = plan_of_batch.plan_of(visit.store, card, batch, terms, by=person)
    study = study_of(
        visit.store, drafted, draws, batch, effort, design=terms.design, agreement=agreement
    )
    st.session_state[KEY] = Outlook((batch.id, terms, effort, agreement), ForecastJob(study))


@part(run_every=0.5)
def _progress(outlook: Outlook) -> None:
    if not outlook.job.is_running:
        st.rerun()
    with st.container(key="plan_progress"):
        st.progress(outlook.job.share, "Trying studies of this kind …")
        st.button("Stop", key="plan_ahead_stop", on_click=_stop)


@callback("outlook")
def _stop() -> None:
    _give_up()


def _give_up() -> None:
    outlook: Outlook | None = st.session_state.pop(KEY, None)
    if outlook:
        outlook.job.cancel()


def _show(forecast: Forecast, outlook: Outlook) -> None:
    terms, effort = outlook.about[1], outlook.about[2]
    with st.container(key="plan_forecast"):
        for refusal in forecast.refusals:
            problem(refusal)
        for warning in forecast.warnings:
            notice(warning)
        st.text(_proposal(forecast, terms))
        if forecast.proposed is not None and forecast.proposed != terms.target:
            st.button(
                f"Take {share_text(forecast.proposed)} as the target",
                key="plan_take",
                on_click=_take,
                args=(forecast.proposed,),
            )
        st.dataframe(
            _table(forecast.prospects),
            hide_index=True,
            key="plan_prospects",
            alt="How likely each target is to be established, and after how many answers",
        )
        st.caption(
            f"With {plural(effort.draws, 'drawn case')} answered by "
            f"{plural(effort.experts, 'expert')}. "
            "Answers: how many it takes in half of such studies, and in nine of ten."
        )


def _proposal(forecast: Forecast, terms: Terms) -> str:
    if forecast.proposed is None:
        return "With these people no target is likely to be established. Ask more of them."
    target = share_text(forecast.proposed)
    if forecast.proposed == terms.target:
        return f"{target} can be reached with these people."
    return f"With these people {target} is the highest target that is likely to be established."


@callback("outlook")
def _take(target: float) -> None:
    widget_values.put({"plan_target": round(target * 100, 4)})
    _give_up()


def _table(prospects: tuple[Prospect, ...]) -> pd.DataFrame:
    rows: list[dict[str, Any]] = [
        {
            "Target": share_text(one.target),
            "If it is right in": share_text(one.true),
            "Established": percent(one.chance),
            "Answers, half": _answers(one.median),
            "Answers, nine of ten": _answers(one.most),
        }
        for one in prospects
    ]
    return pd.DataFrame(rows)


def _answers(count: int | None) -> str:
    return NEVER if count is None else f"{count:,}"
