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
from second_opinion.formatting import cut, interval_text, joined, plural, share_text
from second_opinion.models import comparison, comparison_cases, expert_backing
from second_opinion.models.model import Model
from second_opinion.records.batch import Batch
from second_opinion.ui import distinct_words
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
    outcome: comparison.Comparison
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
        batches = {f"{BATCH}{batch.id}": batch for batch in _batches(visit)}
        sources = [first, second, *batches]
        source = st.selectbox(
            "On",
            sources,
            key="models_compare_cases",
            format_func=distinct_words.of(
                sources, lambda option: _words(visit, option, batches.get(option))
            ),
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
        question = Question(name, first, second, source, tolerance)
        st.button("Compare", key="models_compare", on_click=_ask, args=(question,))


def _batches(visit: Visit) -> list[Batch]:
    """The scored batches of this model, newest first."""
    name, _ = visit.version
    batches = visit.store.batches.listed(limit=MOST_BATCHES, by=visit.asker)
    return [batch for batch in batches if batch.model == name and batch.state == "done"]


def _words(visit: Visit, option: str, batch: Batch | None) -> str:
    if batch is None:
        return f"cases like the training data of version {option}"
    return (
        f"{cut(batch.name, 28)}, {plural(batch.rows_done, 'case')}, {visit.clock(batch.created_at)}"
    )


@callback("compare")
def _ask(question: Question) -> None:
    st.session_state["models_compared"] = question
    st.session_state.pop("models_found", None)


def result(visit: Visit) -> None:
    """What the last comparison of this model found, as things stood when it was asked for."""
    show_problem("compare")
    question: Question | None = st.session_state.get("models_compared")
    if question is None or question.name != visit.version[0]:
        return
    if "models_found" not in st.session_state:
        with st.spinner(
            escape(f"Versions {question.first} and {question.second} predict the cases …")
        ):
            st.session_state["models_found"] = _answer(visit, question)
    answer: Answer = st.session_state["models_found"]
    st.text(f"On {answer.about}.")
    agreement(answer.outcome, visit.card.target.unit)
    distributions(answer.outcome)
    differences(answer.outcome)
    verdicts(question, answer)


def _answer(visit: Visit, question: Question) -> Answer:
    first, second = (visit.registry.load(visit.catalog.card(ref)) for ref in question.refs)
    hashes = [(model.card.artifact.sha256, model.card.sha256) for model in (first, second)]
    key, cases = _cases(visit, question)
    about, outcome = _compared(f"{hashes} {key}", question.tolerance, (first, second), cases)
    predictions = visit.review.judged(question.name, (question.first, question.second))
    if not predictions:
        silence = "Nobody has judged a case of either version yet."
    elif first.card.task == "regression" and question.tolerance is None:
        silence = "Say above how far apart two numbers may be and still count as the same."
    else:
        return Answer(
            about, outcome, expert_backing.backed(first, second, predictions, question.tolerance)
        )
    return Answer(about, outcome, None, silence)


def _cases(visit: Visit, question: Question) -> tuple[str, Callable[[], comparison_cases.CaseSet]]:
    """What tells the chosen cases from all others, and how to read them."""
    if not question.source.startswith(BATCH):
        registry, card = visit.registry, visit.catalog.card(f"{question.name}/{question.source}")
        return comparison_cases.cases_key(registry, card), partial(
            comparison_cases.cases_of, registry, card
        )
    batch = visit.store.batches.find(question.source.removeprefix(BATCH), by=visit.asker)
    if batch is None:
        raise UserError("The batch is not in the feedback database any more. Choose another one.")
    card = visit.catalog.card(batch.ref)
    # What was compared before is kept, whoever asks.
    visit.store.blind_cases.check_batch(batch, by=visit.asker)
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


def agreement(outcome: comparison.Comparison, unit: str) -> None:
    """How often the two say the same, and what one of them could not read."""
    with st.grid(3, min_column_width=160, key="models_agreement"):
        if outcome.same is not None:
            share = share_text(outcome.same / outcome.cases)
            st.metric("Same answer", share, border=True)
        if outcome.crossed is None:
            mean = f"{outcome.mean_change:.3g} {unit}".strip()
            st.metric("Mean difference", escape(mean), border=True)
        elif not math.isnan(outcome.mean_change):
            points = f"{100 * outcome.mean_change:.1f} points"
            st.metric("Mean change", points, border=True, help=POINTS)
        if not math.isnan(outcome.correlation):
            st.metric("Correlation", f"{outcome.correlation:.3f}", border=True)
    if outcome.same is not None:
        st.text(
            f"The same answer in {outcome.same:,} of {plural(outcome.cases, 'case')} "
            f"(95 % interval {interval_text(outcome.low, outcome.high)})."
        )
    for sentence in outcome.unread:
        st.text(f"Left out: {sentence}.")


def distributions(outcome: comparison.Comparison) -> None:
    """Both versions' answers, and how sure they were."""
    names = joined(list(outcome.answers.columns))
    left, right = st.columns(2)
    with left:
        about = f"Answers of {names}: number of cases by answer"
        chart("Answers", outcome.answers, "Answer", about, horizontal=outcome.crossed is not None)
    with right:
        if len(outcome.confidences):
            about = f"Confidence of {names}: number of cases by how sure the version was"
            chart("Confidence", outcome.confidences, "How sure", about)
    if outcome.crossed is not None:
        one, other = outcome.answers.columns
        title("Answer by answer")
        st.text(f"Rows are what {one.lower()} says, columns what {other.lower()} says.")
        st.dataframe(outcome.crossed, key="models_crossed", alt="Cases by the answers of both")


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


def differences(outcome: comparison.Comparison) -> None:
    """The cases on which the two differ, the largest change first."""
    title("Where they differ")
    if not outcome.different:
        st.text("Nowhere: they say the same of every case.")
        return
    count = len(outcome.differing)
    first = f", the first {count} shown" if count < outcome.different else ""
    st.text(f"In {plural(outcome.different, 'case')}{first}, the largest change first.")
    st.dataframe(
        outcome.differing, hide_index=True, key="models_differing", alt="Cases on which they differ"
    )


def verdicts(question: Question, answer: Answer) -> None:
    """What changes for the cases that experts judged."""
    title("Against the verdicts so far")
    tally = answer.backed
    if tally is None:
        st.text(answer.silence)
        return
    st.text(
        f"Cases with a right answer from experts: {tally.cases:,}. Both have {tally.both:,} right, "
        f"neither {tally.neither:,}. Version {question.second} fixes {tally.fixes:,} that version "
        f"{question.first} has wrong, and breaks {tally.breaks:,} that it has right."
    )
    st.text(tally.text)
    for sentence in tally.left_out:
        st.text(f"Left out: {sentence}.")
    for what, cases in (("fixed", tally.fixed_cases), ("broken", tally.broken_cases)):
        if len(cases):
            title(f"Cases that are {what}")
            st.dataframe(cases, hide_index=True, key=f"models_{what}", alt=f"Cases that are {what}")
