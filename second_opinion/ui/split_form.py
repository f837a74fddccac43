"""A/B on the Models page: an alias that shares new cases, and how its versions do."""

from __future__ import annotations

from typing import Any

import streamlit as st

from second_opinion.models import aliases, traffic_split
from second_opinion.ui import drawing
from second_opinion.ui.frame import callback, escape, show_problem
from second_opinion.ui.visit import Visit

ONE_LOOK = (
    "This holds for one look, at a number of verdicts that was chosen beforehand: who looks often "
    "enough finds a difference by chance."
)

WORDS: dict[str, Any] = {
    "version": "Version",
    "predictions": "Cases",
    "right": "Right",
    "wrong": "Wrong",
    "unsure": "Unsure",
}
SHARES = {"share": "Share right", "low": "at least", "high": "at most"}


def split_form(visit: Visit) -> None:
    """Share the new cases of an alias between two versions."""
    name, version = visit.version
    versions = visit.catalog.versions(name)
    if len(versions) < 2:
        return
    with st.expander("Share new cases between two versions (A/B)", key="models_ab"):
        alias = st.text_input("Alias that is shared", aliases.AB_ALIAS, key="models_split_alias")
        first = st.selectbox(
            "First version", versions, versions.index(version), key="models_split_first"
        )
        others = [other for other in versions if other != first]
        second = st.selectbox("Second version", others, key="models_split_second")
        share = st.slider(
            escape(f"Share of version {first} (%)"), 5, 95, 50, 5, key="models_split_share"
        )
        st.text("Each new case is drawn by its number; the page does not say which one answers.")
        st.button(
            "Share new cases",
            key="models_split",
            on_click=_split,
            args=(visit, alias, {first: share / 100, second: 1 - share / 100}),
        )
        show_problem("split")


@callback("split")
def _split(visit: Visit, alias: str, shares: dict[str, float]) -> None:
    if person := visit.expert:
        name, _ = visit.version
        shares = {version: round(share, 6) for version, share in shares.items()}
        aliases.split(visit.registry, visit.store, name, shares, alias=alias.strip(), by=person)
        st.session_state["frame_model"] = f"{name}@{alias.strip()}"


def shared(visit: Visit) -> dict[str, str]:
    """The A/B aliases of the chosen model, each with what it points at."""
    targets = visit.catalog.aliases(visit.version[0])
    return {alias: pointed for alias, pointed in targets.items() if traffic_split.is_split(pointed)}


def verdicts(visit: Visit, alias: str, pointed: str) -> None:
    """What experts said of each version of an A/B alias, and whether that tells them apart."""
    st.markdown(f"**{escape(f'{alias}: {traffic_split.words(pointed)}')}**")
    tallies = visit.review.arms(visit.version[0], alias)
    if not tallies:
        st.text(f"No case was asked under {alias} yet. Choose it in the menu, and predict one.")
        return
    table = traffic_split.tally_table(tallies)
    st.dataframe(
        drawing.with_shares(table, SHARES),
        hide_index=True,
        key=f"models_arms_{alias}",
        column_config=WORDS | SHARES,
        alt=f"Verdicts by version under the alias {alias}, with the share that is right",
    )
    for text in traffic_split.tally_texts(tallies):
        st.text(text)
    st.caption(ONE_LOOK)
