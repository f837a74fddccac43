"""Distributions: what the model says, how sure it is, and on what kind of cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from second_opinion.ui import (
    distributions_choice,
    distributions_page,
    frame,
    model_versions,
    to_do_list,
    widget_values,
)

if TYPE_CHECKING:
    import pandas as pd

    from second_opinion.distributions.selection import Selection

visit = frame.open_page("Distributions")


@frame.guarded
def page() -> None:
    frame.header(visit)
    choice = distributions_choice.choose(visit)
    if choice is None:
        return
    name = distributions_choice.section()
    with st.container(key="distributions_section"):
        lists = section(name, choice)
    with st.container(key="distributions_look"):
        with st.container():
            distributions_page.cases(choice, lists)
        with st.container():
            distributions_page.the_case(visit, choice)
    widget_values.confirm(frame.say_again)


def verdicts(selection: Selection) -> pd.DataFrame | str:
    """What experts said of these cases, or why that is not shown."""
    from second_opinion.distributions import sections_verdicts
    from second_opinion.distributions import selection as selected

    if not model_versions.may_review(visit):
        return sections_verdicts.FOR_REVIEWERS
    if to_do_list.is_judging(visit, selection.batch):
        return sections_verdicts.NOT_YET
    return selected.verdicts(visit.store, selection, by=visit.asker)


def section(name: str, choice: distributions_choice.Chosen) -> bool:
    # Plotly costs a second to import: what is above is on the screen by then.
    from second_opinion.distributions import sections, sections_verdicts

    selection, against = choice.selection, choice.against
    if name == "Features":
        return distributions_page.features(choice)
    if name == "Drift":
        return distributions_page.drift(choice)
    if name == "Predictions":
        parts = sections.predictions(selection, against)
    elif name == "Confidence":
        parts = sections.confidence(selection, verdicts(selection))
    else:
        parts = sections_verdicts.over_time(selection, verdicts(selection))
    if sum(part.chart is not None for part in parts) > 1:
        return distributions_page.beside(choice, parts)
    lists = [distributions_page.draw(choice, part) for part in parts]
    if name == "Over time" and selection.batch is not None and model_versions.may_review(visit):
        st.button(
            "Show single predictions",
            key="distributions_singles",
            on_click=distributions_choice.turn_to_singles,
        )
    return any(lists)


page()
