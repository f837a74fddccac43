"""Two versions side by side on the Models page."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import streamlit as st

from second_opinion import compare
from second_opinion.predictor import Model
from second_opinion.registry import Registry
from second_opinion.ui.frame import Visit, callback, escape, show_problem
from second_opinion.words import joined, number_text


def form(visit: Visit, version: str) -> None:
    """Choose two versions and the cases to compare them on."""
    name, _ = visit.version
    versions, in_use = visit.registry.versions(name), visit.registry.resolve(name)[1]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        first = st.selectbox(
            "Compare version", versions, versions.index(in_use), key="models_compare_first"
        )
        others = [other for other in reversed(versions) if other != first]
        begin = others.index(version) if version in others else 0
        second = st.selectbox("with version", others, begin, key="models_compare_second")
        source = st.selectbox(
            "On cases like the training data of",
            [first, second],
            key="models_compare_cases",
            format_func=lambda chosen: f"version {chosen}",
        )
        tolerance = None
        if visit.card.task == "regression":
            unit = f" ({visit.card.target.unit})" if visit.card.target.unit else ""
            tolerance = st.number_input(
                escape(f"Same if no further apart than{unit}"),
                value=None,
                min_value=0.0,
                key="models_compare_tolerance",
            )
        asked = (name, first, second, source, tolerance)
        st.button("Compare", key="models_compare", on_click=_ask, args=(asked,))


@callback("compare")
def _ask(asked: tuple[Any, ...]) -> None:
    st.session_state["models_compared"] = asked


def result(visit: Visit) -> None:
    """What the last comparison of this model found."""
    show_problem("compare")
    name, first, second, source, tolerance = st.session_state.get("models_compared", [None] * 5)
    if name != visit.version[0]:
        return
    load = visit.registry.load
    models = load(f"{name}/{first}"), load(f"{name}/{second}")
    with st.spinner(f"Version {escape(first)} and version {escape(second)} predict the cases …"):
        about, found = _compared(visit.registry, models, f"{name}/{source}", tolerance)
        judged = visit.store.judged(name, (first, second))
    st.text(f"On {about}.")
    agreement(found, visit.card.target.unit)
    distributions(found)
    differences(found)
    verdicts(models, judged, tolerance)


def _compared(
    registry: Registry, models: tuple[Model, Model], source: str, tolerance: float | None
) -> tuple[str, compare.Comparison]:
    hashes = [(model.card.artifact.sha256, model.card.sha256) for model in models]
    key = f"{hashes} {compare.key_of(registry, source)}"
    return _cached(key, tolerance, registry, models, source)


@st.cache_data(max_entries=8, show_spinner=False)
def _cached(
    key: str,
    tolerance: float | None,
    _registry: Registry,
    _models: tuple[Model, Model],
    _source: str,
) -> tuple[str, compare.Comparison]:
    cases = compare.cases_of(_registry, _source)
    return cases.about, compare.compare(*_models, cases.cases, tolerance)


def agreement(found: compare.Comparison, unit: str) -> None:
    """How often the two say the same, and what one of them could not read."""
    with st.grid(3, min_column_width=160, key="models_agreement"):
        if found.same is not None:
            share = f"{100 * found.same / found.cases:.1f} %"
            st.metric("Same answer", share, border=True)
        if found.crossed is None:
            mean = f"{found.mean_change:.3g} {unit}".strip()
            st.metric("Mean difference", escape(mean), border=True)
        elif not math.isnan(found.mean_change):
            points = f"{100 * found.mean_change:.1f} points"
            st.metric("Mean change", points, border=True)
        if not math.isnan(found.correlation):
            st.metric("Correlation", f"{found.correlation:.3f}", border=True)
    if found.same is not None:
        st.text(
            f"The same answer in {found.same:,} of {found.cases:,} cases "
            f"(95 % interval {100 * found.low:.1f} to {100 * found.high:.1f} %)."
        )
    for sentence in found.unread:
        st.text(f"Left out: {sentence}.")


def distributions(found: compare.Comparison) -> None:
    """Both versions' answers, and how sure they were."""
    names = joined(list(found.answers.columns))
    left, right = st.columns(2)
    with left:
        about = f"Answers of {names}: number of cases by answer"
        chart("Answers", found.answers, "Answer", about, horizontal=found.crossed is not None)
    with right:
        if len(found.confidences):
            about = f"Confidence of {names}: number of cases by how sure the version was"
            chart("Confidence", found.confidences, "How sure", about)
    if found.crossed is not None:
        one, other = found.answers.columns
        title("Answer by answer")
        st.text(f"Rows are what {one.lower()} says, columns what {other.lower()} says.")
        st.dataframe(found.crossed, key="models_crossed", alt="Cases by the answers of both")


def chart(name: str, counts: pd.DataFrame, axis: str, alt: str, horizontal: bool = False) -> None:
    """Bars of both versions side by side; classes below one another, so that their names fit."""
    title(name)
    st.bar_chart(
        counts,
        x_label=axis,
        y_label="Cases",
        stack=False,
        sort=False,
        horizontal=horizontal,
        alt=alt,
    )


def title(text: str) -> None:
    """What the next part shows: below a section, where Streamlit's own headings are too large."""
    st.markdown(f"**{text}**")


def differences(found: compare.Comparison) -> None:
    """The cases on which the two differ, the largest change first."""
    title("Where they differ")
    if not found.different:
        st.text("Nowhere: they say the same of every case.")
        return
    shown = len(found.differing)
    first = f", the first {shown} shown" if shown < found.different else ""
    st.text(f"In {number_text(found.different)} cases{first}, the largest change first.")
    st.dataframe(
        found.differing, hide_index=True, key="models_differing", alt="Cases on which they differ"
    )


def verdicts(
    models: tuple[Model, Model], judged: list[dict[str, Any]], tolerance: float | None
) -> None:
    """What changes for the cases that experts judged."""
    first, second = (f"version {model.card.version}" for model in models)
    title("Against the verdicts so far")
    if not judged:
        st.text("Nobody has judged a case of either version yet.")
        return
    if models[0].card.task == "regression" and tolerance is None:
        st.text("Say above how far apart two numbers may be and still count as the same.")
        return
    found = compare.backed(models[0], models[1], judged, tolerance)
    st.text(
        f"Cases with a right answer from experts: {found.cases:,}. Both have {found.both:,} right, "
        f"neither {found.neither:,}. {second.capitalize()} fixes {found.fixed:,} that {first} "
        f"has wrong, and breaks {found.broken:,} that it has right."
    )
    st.text(found.text)
    for sentence in found.left_out:
        st.text(f"Left out: {sentence}.")
    for what, cases in (("fixed", found.fixed_cases), ("broken", found.broken_cases)):
        if len(cases):
            title(f"Cases that are {what}")
            st.dataframe(cases, hide_index=True, key=f"models_{what}", alt=f"Cases that are {what}")
