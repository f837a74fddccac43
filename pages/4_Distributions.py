"""Distributions: what the model says, how sure it is, and on what kind of cases."""

import streamlit as st

from second_opinion.ui import distributions, frame, population, seeds

visit = frame.open_page("Distributions")


@frame.guarded
def page() -> None:
    frame.header(visit)
    chosen = population.choose(visit)
    if chosen is None:
        return
    name = population.section()
    with st.container(key="distributions_section"):
        section(name, chosen)
    distributions.cases(chosen, clickable=name != "Drift")
    distributions.the_case(visit, chosen)
    seeds.confirm(lambda: None)


def section(name: str, chosen: population.Chosen) -> None:
    # Plotly costs a second to import: what is above is on the screen by then.
    from second_opinion import sections
    from second_opinion.population import verdicts

    people, against = chosen.people, chosen.against
    if name == "Features":
        distributions.features(chosen)
        return
    if name == "Drift":
        distributions.drift(chosen)
        return
    if name == "Predictions":
        parts = sections.predictions(people, against)
    else:
        judged = verdicts(visit.store, people)
        parts = (sections.confidence if name == "Confidence" else sections.over_time)(
            people, judged
        )
    for part in parts:
        distributions.draw(chosen, part)


page()
