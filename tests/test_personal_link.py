"""A personal link on the pages: in by it, under its name, out by revoking it."""

import json
from urllib.parse import quote

import pytest
import streamlit as st
from builders import OWNER
from visits import CASE, keys, messages, press, start, stored

from second_opinion.records.invitation import Invitation
from second_opinion.store import Store
from second_opinion.ui import who


@pytest.fixture
def invite(place):
    """Invites somebody: the invitation, and the secret of the link."""

    def invite(name="Ada", **about):
        invitation = Invitation(name, **about)
        store = Store.open(place / "feedback.db")
        return invitation, store.invitations.invite(invitation, by=OWNER)

    return invite


@pytest.fixture
def closed(monkeypatch):
    """An app that asks for a code."""
    monkeypatch.setenv("EXPERT_CODE", "a code of experts")


def events(place, what):
    return Store.open(place / "feedback.db").event_log.newest(what, by=OWNER)


def names(at):
    return [text.value for text in at.sidebar.text]


def test_a_link_opens_a_closed_door_for_its_person_and_signs_the_verdict(place, closed, invite):
    invitation, secret = invite(email="ada@example.org")
    at = start(CASE, name="", invite=secret)
    assert messages(at) == []
    assert names(at) == ["You are Ada <ada@example.org>"]
    assert "invite" not in at.query_params
    press(press(at, "predict_submit"), "verdict_agree")
    assert messages(at) == []
    (row,) = stored(place).to_dict("records")
    assert (row["expert"], row["identity_source"]) == ("Ada <ada@example.org>", "invite")
    (said,) = Store.open(place / "feedback.db").invitations.listed(by=OWNER)
    assert (said.cases, said.invitation.id) == (1, invitation.id)
    assert said.opened_at is not None
    assert [event.details["by"] for event in events(place, "sign-in")] == ["link"]


def test_a_link_opens_the_model_it_names(place, invite):
    _, secret = invite(model="dose@champion")
    at = start(CASE, name="", invite=secret)
    assert at.selectbox(key="model_choice").value == "dose@champion"


def test_a_link_gives_an_experts_rights_also_on_the_owners_machine(place, at_home, invite):
    _, secret = invite()
    assert "models_promote" in keys(start("pages/7_Models.py"))
    at = start("pages/7_Models.py", name="", invite=secret)
    assert "models_promote" not in keys(at)
    assert names(at) == ["You are Ada"]


def test_a_link_goes_before_a_name_that_was_typed_in_this_browser(place, invite):
    _, secret = invite("Ada")
    assert names(start(name="Bo", invite=secret)) == ["You are Ada"]


@pytest.mark.parametrize("secret", ["", "no link of ours", "![x](https://evil.example/a.png)"])
def test_what_is_no_link_is_refused_in_words_and_on_record(place, closed, invite, secret):
    invite()
    at = start(name="", invite=secret)
    assert ["not known here" in message for message in messages(at)] == [True]
    assert keys(at) == {"who_start"}
    assert "invite" not in at.query_params
    (event,) = events(place, "refused link")
    assert (event.who, dict(event.details)) == ("somebody", {"reason": "unknown"})
    at.run()
    assert ["not known here" in message for message in messages(at)] == [True]


def test_a_link_that_is_revoked_while_its_person_is_at_work_saves_nothing_more(
    place, closed, invite
):
    invitation, secret = invite()
    at = press(start(CASE, name="", invite=secret), "predict_submit")
    store = Store.open(place / "feedback.db")
    store.invitations.revoke(invitation.id, by=OWNER)
    press(at, "verdict_agree")
    assert any("was taken back" in message for message in messages(at))
    assert keys(at) == {"who_start"}
    assert len(stored(place)) == 0


def test_where_no_code_is_asked_for_a_revoked_person_is_nobody_until_a_name_is_given(place, invite):
    invitation, secret = invite()
    at = start(name="", invite=secret)
    Store.open(place / "feedback.db").invitations.revoke(invitation.id, by=OWNER)
    at.run()
    assert ["was taken back" in message for message in messages(at)] == [True]
    assert names(at) == []
    at.text_input(key="who_name").set_value("Ada")
    press(at, "who_start")
    assert names(at) == ["You are Ada"]
    at.switch_page(CASE).run()
    assert messages(at) == []
    press(press(at, "predict_submit"), "verdict_agree")
    assert stored(place)["identity_source"].tolist() == ["declared"]


def test_the_browser_remembers_the_link_and_no_name(place, closed, invite, monkeypatch):
    _, secret = invite()
    remembered = []
    monkeypatch.setattr(who.browser, "remember", lambda memory, at: remembered.append(memory))
    start(name="", invite=secret)
    memory = remembered[-1]
    assert (memory["invite"], memory["name"], memory["email"]) == (secret, "", "")
    cookie = quote(json.dumps(memory))
    monkeypatch.setattr(type(st.context), "cookies", {"second_opinion": cookie})
    again = start(name="")
    assert names(again) == ["You are Ada"]
    press(again, "who_change")
    assert keys(again) == {"who_start"}


def test_a_remembered_link_that_was_revoked_since_is_refused_at_the_next_visit(
    place, closed, invite, monkeypatch
):
    invitation, secret = invite()
    cookie = quote(json.dumps({"invite": secret, "name": "", "cases": []}))
    monkeypatch.setattr(type(st.context), "cookies", {"second_opinion": cookie})
    Store.open(place / "feedback.db").invitations.revoke(invitation.id, by=OWNER)
    at = start(name="")
    assert ["was taken back" in message for message in messages(at)] == [True]
    assert keys(at) == {"who_start"}


@pytest.mark.parametrize("link", [7, None, [], {"x": 1}, True])
def test_a_broken_memory_of_a_link_opens_nothing(place, closed, invite, monkeypatch, link):
    cookie = quote(json.dumps({"invite": link, "name": "Ada"}))
    monkeypatch.setattr(type(st.context), "cookies", {"second_opinion": cookie})
    assert keys(start(name="")) == {"who_start"}


def test_the_owners_code_makes_the_holder_of_a_link_an_owner_under_the_links_name(
    place, invite, monkeypatch
):
    monkeypatch.setenv("OWNER_CODE", "a code of owners")
    _, secret = invite()
    at = start("pages/7_Models.py", name="", invite=secret)
    at.text_input(key="who_code").set_value("a code of owners")
    press(at, "who_code_enter")
    assert messages(at) == []
    assert "models_promote" in keys(at)
    assert names(at) == ["You are Ada"]
    proofs = [(v.source, v.role) for v in Store.open(place / "feedback.db").visits.latest(by=OWNER)]
    assert set(proofs) == {("invite", "expert"), ("invite", "owner")}


def test_who_is_here_is_noted_with_role_and_proof_and_not_at_each_click(place, invite):
    invite()
    at = start()
    store = Store.open(place / "feedback.db")
    (first,) = store.visits.latest(by=OWNER)
    assert (first.label, first.role, first.source) == ("Ada", "expert", "declared")
    at.run()
    assert store.visits.latest(by=OWNER) == [first]
