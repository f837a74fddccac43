"""Two versions side by side on the Models page."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pandas as pd
import streamlit as st

from second_opinion.batches.drawn_cases import batch_key, cases_of_batch
from second_opinion.errors import UserError
from second_opinion.formatting import joined, plural
from second_opinion.models import comparison, comparison_cases, expert_backing
from second_opinion.models.model import Model
from second_opinion.records.batch import Batch
from second_opinion.ui.frame import callback, escape, show_problem
from second_opinion.ui.visit import Visit

BATCH = "batch "
MOST_BATCHES = 20
POINTS = "Of the class whose probability changed most, in percentage points, over all cases."


@dataclass(frozen=True)
class Question:
    """Which versions of a model to compare, and on what: a version's cases, or a batch's."""

    name: str
    first: str
    second: str
    source: str
    tolerance: float | None

    @property
    def refs(self) -> tuple[str, str]:
        return f"{self.name}/{self.first}", f"{self.name}/{self.second}"


@dataclass(frozen=True)
class Answer:
    """What a comparison found; ``backed`` is None where ``silence`` says why there is nothing."""

    about: str
    found: comparison.Comparison
    backed: expert_backing.Backed | None
    silence: str = ""


def form(visit: Visit, version: str) -> None:
    """Choose two versions and the cases to compare them on."""
    name, _ = visit.version
    versions, in_use = visit.catalog.versions(name), visit.catalog.resolve(name)[1]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        first = st.selectbox(
            "Compare version", versions, versions.index(in_use), key="models_compare_first"
        )
        others = [other for other in reversed(versions) if other != first]
        begin = others.index(version) if version in others else 0
        second = st.selectbox("with version", others, begin, key="models_compare_second")
        known = {f"{BATCH}{batch.id}": batch for batch in _batches(visit)}
        source = st.selectbox(
            "On",
            [first, second, *known],
            key="models_compare_cases",
            format_func=lambda chosen: _words(visit, chosen, known.get(chosen)),
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
        asked = Question(name, first, second, source, tolerance)
        st.button("Compare", key="models_compare", on_click=_ask, args=(asked,))


def _batches(visit: Visit) -> list[Batch]:
    """The scored batches of this model, newest first."""
    name, _ = visit.version
    found = visit.store.batches.listed(limit=MOST_BATCHES)
    return [batch for batch in found if batch.model == name and batch.state == "done"]


def _words(visit: Visit, chosen: str, batch: Batch | None) -> str:
    if batch is None:
        return f"cases like the training data of version {chosen}"
    return f"{batch.name}, {plural(batch.rows_done, 'case')}, {visit.clock(batch.created_at)}"


@callback("compare")
def _ask(asked: Question) -> None:
    st.session_state["models_compared"] = asked
    st.session_state.pop("models_found", None)


def result(visit: Visit) -> None:
    """What the last comparison of this model found, as things stood when it was asked for."""
    show_problem("compare")
    asked: Question | None = st.session_state.get("models_compared")
    if asked is None or asked.name != visit.version[0]:
        return
    if "models_found" not in st.session_state:
        with st.spinner(escape(f"Versions {asked.first} and {asked.second} predict the cases …")):
            st.session_state["models_found"] = _answered(visit, asked)
    answered: Answer = st.session_state["models_found"]
    st.text(f"On {answered.about}.")
    agreement(answered.found, visit.card.target.unit)
    distributions(answered.found)
    differences(answered.found)
    verdicts(asked, answered)


def _answered(visit: Visit, asked: Question) -> Answer:
    first, second = (visit.registry.load(visit.catalog.card(ref)) for ref in asked.refs)
    hashes = [(model.card.artifact.sha256, model.card.sha256) for model in (first, second)]
    key, cases = _cases(visit, asked)
    about, found = _compared(f"{hashes} {key}", asked.tolerance, (first, second), cases)
    judged = visit.store.judged(asked.name, (asked.first, asked.second))
    if not judged:
        silence = "Nobody has judged a case of either version yet."
    elif first.card.task == "regression" and asked.tolerance is None:
        silence = "Say above how far apart two numbers may be and still count as the same."
    else:
        return Answer(about, found, expert_backing.backed(first, second, judged, asked.tolerance))
    return Answer(about, found, None, silence)


def _cases(visit: Visit, asked: Question) -> tuple[str, Callable[[], comparison_cases.CaseSet]]:
    """What tells the chosen cases from all others, and how to read them."""
    if not asked.source.startswith(BATCH):
        registry, card = visit.registry, visit.catalog.card(f"{asked.name}/{asked.source}")
        return comparison_cases.cases_key(registry, card), partial(
            comparison_cases.cases_of, registry, card
        )
    batch = visit.store.batches.find(asked.source.removeprefix(BATCH))
    if batch is None:
        raise UserError("The batch is not in the feedback database any more. Choose another one.")
    card = visit.catalog.card(batch.ref)
    return batch_key(batch), partial(cases_of_batch, visit.store, batch, card)


@st.cache_data(max_entries=8, show_spinner=False)
def _compared(
    key: str,
    tolerance: float | None,
    _models: tuple[Model, Model],
    _cases: Callable[[], comparison_cases.CaseSet],
) -> tuple[str, comparison.Comparison]:
    cases = _cases()
    return cases.about, comparison.compare(*_models, cases.cases, tolerance)


def agreement(found: comparison.Comparison, unit: str) -> None:
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
            st.metric("Mean change", points, border=True, help=POINTS)
        if not math.isnan(found.correlation):
            st.metric("Correlation", f"{found.correlation:.3f}", border=True)
    if found.same is not None:
        st.text(
            f"The same answer in {found.same:,} of {plural(found.cases, 'case')} "
            f"(95 % interval {100 * found.low:.1f} to {100 * found.high:.1f} %)."
        )
    for sentence in found.unread:
        st.text(f"Left out: {sentence}.")


def distributions(found: comparison.Comparison) -> None:
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


def differences(found: comparison.Comparison) -> None:
    """The cases on which the two differ, the largest change first."""
    title("Where they differ")
    if not found.different:
        st.text("Nowhere: they say the same of every case.")
        return
    shown = len(found.differing)
    first = f", the first {shown} shown" if shown < found.different else ""
    st.text(f"In {plural(found.different, 'case')}{first}, the largest change first.")
    st.dataframe(
        found.differing, hide_index=True, key="models_differing", alt="Cases on which they differ"
    )


def verdicts(asked: Question, answered: Answer) -> None:
    """What changes for the cases that experts judged."""
    title("Against the verdicts so far")
    found = answered.backed
    if found is None:
        st.text(answered.silence)
        return
    st.text(
        f"Cases with a right answer from experts: {found.cases:,}. Both have {found.both:,} right, "
        f"neither {found.neither:,}. Version {asked.second} fixes {found.fixed:,} that version "
        f"{asked.first} has wrong, and breaks {found.broken:,} that it has right."
    )
    st.text(found.text)
    for sentence in found.left_out:
        st.text(f"Left out: {sentence}.")
    for what, cases in (("fixed", found.fixed_cases), ("broken", found.broken_cases)):
        if len(cases):
            title(f"Cases that are {what}")
            st.dataframe(cases, hide_index=True, key=f"models_{what}", alt=f"Cases that are {what}")
