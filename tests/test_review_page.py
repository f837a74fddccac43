"""The page Feedback review, run without a browser."""

import pytest
import streamlit as st
from conftest import HOSTILE
from test_pages import (
    assert_strange_text_is_escaped,
    messages,
    start,
)

from second_opinion import Registry
from second_opinion.records import Expert, Verdict, new_id
from second_opinion.store import Store

REVIEW = "pages/5_Feedback_review.py"
CASE = "pages/1_Single_prediction.py"
REVIEWER = Expert("Grace", role="reviewer")


@pytest.fixture(autouse=True)
def at_home(monkeypatch):
    """A browser on the machine of the app, where Streamlit gives no address."""
    monkeypatch.setattr(type(st.context), "ip_address", None)


@pytest.fixture
def store(place):
    return Store.open(place / "feedback.db")


@pytest.fixture
def judge(store, models):
    """Store a case of a model with verdicts: pairs of expert and judgement or corrected value."""
    registry = Registry(models)

    def add(*said, model="triage", comment="", **changed):
        loaded = registry.load(model)
        inputs, problems = loaded.card.case_schema.read(loaded.card.case_schema.typical | changed)
        assert not [problem for problem in problems if problem.blocking]
        made = loaded.predict_one(inputs, asked_by="Ada", source="form", id=new_id())
        store.add_prediction(made)
        for expert, what in said:
            given = {"judgement": what}
            if what not in ("agree", "disagree", "unsure"):
                given = {"judgement": "disagree", "correct_value": what}
            store.add_verdict(Verdict(made.id, expert, comment=comment, **given))
        return made

    return add


def other(made):
    """The class that the model did not answer."""
    return {"keep": "home", "home": "keep"}[made.value]


def texts(at):
    shown = [text.value for text in at.text] + [caption.value for caption in at.caption]
    return "\n".join(shown)


def table(at, column):
    """The first shown table that has this column."""
    return next(frame.value for frame in at.dataframe if column in frame.value)


def metrics(at):
    return {metric.label: metric.value for metric in at.metric}


def open_page(section="verdicts", model="triage", **query):
    at = start(REVIEW, name="Grace", model=model, section=section, **query)
    assert messages(at) == []
    return at


def verdict_of(store, made, expert="Ada"):
    return store.current_verdict(made.id, expert)


# --- who may see it


def test_away_from_this_machine_the_page_is_closed_and_names_the_setting(judge, monkeypatch, place):
    judge(("Ada", "agree"), comment="secret words")
    monkeypatch.setattr(type(st.context), "ip_address", "203.0.113.5")
    at = start(REVIEW, name="Grace", model="triage")
    assert "set REVIEWER_CODE to a code" in texts(at)
    assert not at.dataframe
    assert not at.metric
    assert "secret" not in texts(at)


def test_somebody_without_a_name_is_asked_for_it(judge):
    judge(("Ada", "agree"))
    at = start(REVIEW, name="", model="triage")
    assert messages(at) == []
    assert at.text_input(key="who_name")
    assert not at.dataframe


# --- the table and its filters


SECTIONS = ("verdicts", "figures", "fails", "experts", "conflicts", "files")


@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.parametrize("model", ["triage", "dose", "risk", "iris", "hostile"])
def test_every_section_works_on_an_empty_and_on_a_filled_database(
    place, store, models, section, model
):
    from conftest import judged

    open_page(section, model)
    judged(models, store)
    judged(models, store, expert=f"Bo {HOSTILE[:20]}".replace("<", ""))
    at = open_page(section, model)
    assert_strange_text_is_escaped(at)


def test_the_table_shows_the_current_verdicts_newest_first(judge):
    first = judge(("Ada", "agree"), pulse=70.0)
    second = judge(("Ada", "unsure"), ("Bo", "agree"), pulse=130.0)
    shown = table(open_page(), "Expert")
    assert list(shown["Expert"]) == ["Bo", "Ada", "Ada"]
    assert list(shown["Verdict"]) == ["✓ agree", "? unsure", "✓ agree"]
    labels = {"keep": "Keep here", "home": "Send home"}
    assert list(shown["Model said"]) == [labels[m.value] for m in (second, second, first)]
    assert "Pulse: 130 beats/min" in shown["Case"].iloc[0]
