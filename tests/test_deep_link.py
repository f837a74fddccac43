"""A link to a case, a batch or a plan leads there also where one has to come in first."""

import json
import time
from urllib.parse import quote

import pytest
import streamlit as st
from builders import OWNER, scored_batch
from visits import AUTH, BATCH, CASE, CORP, arrive, keys, messages, press, start

from second_opinion import settings
from second_opinion.evidence import plan_of_batch
from second_opinion.evidence.plan_of_batch import Terms
from second_opinion.records.invitation import Invitation
from second_opinion.records.stamp import new_id
from second_opinion.store import Store
from second_opinion.ui import browser, deep_link

QUEUE = "pages/3_Review_queue.py"
CODE = "a code of experts"
LINKS = ("case", "batch", "plan")


@pytest.fixture
def store(place):
    return Store.open(place / "feedback.db")


@pytest.fixture
def links(store, registry):
    """A page with the query that opens something on it, of each kind."""
    card = registry.card("triage")
    of_dose, _ = scored_batch(store, registry, "dose", 8)
    batch, _ = scored_batch(store, registry, "triage", 30)
    plan = plan_of_batch.freeze(store, card, batch, Terms(target=0.9, twice=0), by=OWNER)
    about = {"asked_by": "Somebody", "source": "form", "id": new_id()}
    asked = registry.load(card).predict_one(card.case_schema.typical, **about)
    store.add_prediction(asked)
    return {
        "case": (CASE, {"prediction": asked.id}),
        "batch": (BATCH, {"batch": of_dose.id}),
        "plan": (QUEUE, {"plan": plan.id}),
    }


@pytest.fixture
def browser_of(monkeypatch):
    """What a browser keeps from one session to the next."""
    kept = []

    def remember(memory, place):
        kept.append(memory)
        cookie = quote(json.dumps(memory)) if memory else ""
        monkeypatch.setattr(type(st.context), "cookies", {"second_opinion": cookie})

    monkeypatch.setattr(browser, "remember", remember)
    return kept


def query(at):
    values = at.query_params.items()
    return {name: value[0] if isinstance(value, list) else value for name, value in values}


def place_of(at):
    """Where somebody is, and what is open there."""
    assert messages(at) == []
    return at.session_state["frame_page"], query(at), keys(at) - {"who_change", "who_sign_out"}


@pytest.mark.parametrize("what", LINKS)
def test_who_enters_a_name_and_a_code_comes_to_what_the_link_names(links, monkeypatch, what):
    page, asked = links[what]
    right = place_of(start(page, **asked))
    assert asked.items() <= right[1].items()
    monkeypatch.setenv("EXPERT_CODE", CODE)
    at = start(page, name="", **asked)
    assert keys(at) == {"who_start"}
    at.text_input(key="who_name").set_value("Ada")
    at.text_input(key="who_code").set_value(CODE)
    assert place_of(press(at, "who_start")) == right


@pytest.mark.parametrize("what", LINKS)
@pytest.mark.parametrize("to_a_plan", [True, False])
def test_who_comes_by_a_personal_link_comes_to_what_the_address_names(
    links, store, monkeypatch, what, to_a_plan
):
    page, asked = links[what]
    right = place_of(start(page, **asked))
    monkeypatch.setenv("EXPERT_CODE", CODE)
    plan_id = links["plan"][1]["plan"] if to_a_plan else None
    secret = store.invitations.invite(Invitation("Ada", model="iris/1", plan_id=plan_id), by=OWNER)
    assert place_of(start(page, name="", invite=secret, **asked)) == right


def log_in():
    settings.SECRETS.write_text(AUTH + CORP, "utf-8")


@pytest.mark.parametrize("what", LINKS)
def test_who_signs_in_at_a_provider_comes_to_what_the_link_names(links, browser_of, what):
    page, asked = links[what]
    log_in()
    right = place_of(arrive(page, query=asked))
    browser_of.clear()
    at = start(page, name="", **asked)
    assert keys(at) == {"who_sign_in_corp"}
    # The provider sends everybody to the first page.
    assert place_of(arrive()) == right
    # Once: who opens the first page later wants the first page.
    assert deep_link.KEY not in browser_of[-1]
    assert arrive().session_state["frame_page"] == "Home"


def test_who_was_refused_and_signs_in_with_another_account_comes_there_too(links, browser_of):
    page, asked = links["batch"]
    log_in()
    start(page, name="", **asked)
    assert messages(arrive(sub=""))
    # Signed out, and on the first page.
    start(name="")
    assert place_of(arrive())[:2] == ("Batch upload", asked)


def test_who_opens_another_page_before_signing_in_comes_to_that_one(links, browser_of):
    page, asked = links["batch"]
    log_in()
    start(page, name="", **asked)
    start(name="")
    assert arrive().session_state["frame_page"] == "Home"
    start(page, name="", **asked)
    start("pages/8_Help.py", name="")
    assert arrive().session_state["frame_page"] == "Help"
    start(page, name="", **asked)
    assert arrive("pages/8_Help.py").session_state["frame_page"] == "Help"


def test_a_part_of_the_first_page_is_a_link_too(place, browser_of):
    log_in()
    start(name="", model="iris")
    at = arrive()
    assert (at.session_state["frame_page"], query(at)) == ("Home", {"model": "iris"})
    assert at.selectbox(key="model_choice").value.startswith("iris")


NOW = time.time()
STRANGE = [
    7,
    [],
    {"page": "Help"},
    ["Help", {}, NOW],
    ["Help", {}, "yesterday", False],
    ["Help", {}, NOW - 2 * deep_link.LONGEST_SECONDS, False],
    ["Help", {}, NOW + 3600, False],
    ["Help", {}, float("nan"), False],
    ["Help", 3, NOW, False],
    ["Help", {}, 10**400, False],
    ["Help", {}, -(10**400), False],
    ["Help", {}, float("inf"), False],
    ["Help", {}, [NOW], False],
    ["Help", {"a": 3}, NOW, False],
    ["Help", {"a": ["b"]}, NOW, False],
    ["Help", [[3, "a"]], NOW, False],
    ["Help", {"invite": "x"}, NOW, False],
    ["https://evil.example", {}, NOW, False],
    ["../Home", {}, NOW, False],
]


# By their places: processes side by side must call a test alike, and each has another time.
@pytest.mark.parametrize("link", STRANGE, ids=range(len(STRANGE)))
def test_what_the_browser_keeps_in_another_form_leads_nowhere(place, monkeypatch, link):
    log_in()
    cookie = quote(json.dumps({"link": link}))
    monkeypatch.setattr(type(st.context), "cookies", {"second_opinion": cookie})
    at = arrive()
    assert messages(at) == []
    assert at.session_state["frame_page"] == "Home"


@pytest.mark.parametrize(
    "cookie",
    ["[" * 5000, '{"link":' + "[" * 5000, "1" * 5000, '{"link":["Help",{},' + "1" * 5000 + "]}"],
    ids=["deep list", "deep link", "long number", "long time"],
)
def test_a_cookie_that_cannot_be_read_is_as_none(place, monkeypatch, cookie):
    log_in()
    monkeypatch.setattr(type(st.context), "cookies", {"second_opinion": quote(cookie)})
    assert arrive().session_state["frame_page"] == "Home"
    assert messages(arrive()) == []


def test_a_personal_link_and_a_long_address_are_not_kept(place, browser_of):
    log_in()
    start(CASE, name="", invite="secret of a link", prediction="x")
    assert browser_of[-1]["link"][:2] == ("Single prediction", {"prediction": "x"})
    browser_of.clear()
    start(CASE, name="", prediction="x" * 2000)
    assert browser_of == []
