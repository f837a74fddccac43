"""A secrets file that is broken opens nothing, and says nothing of itself to who is outside."""

import json
import tomllib
from urllib.parse import quote

import pytest
import streamlit as st
from builders import OWNER
from streamlit.testing.v1 import AppTest
from visits import CASE, everything_said, keys, messages, press, start

from second_opinion import settings
from second_opinion.records.expert import Expert
from second_opinion.records.invitation import Invitation
from second_opinion.settings import Settings
from second_opinion.store import Store
from second_opinion.ui import frame, secrets_file

CLOSED = "This app is closed until its secrets file is mended."
ACCESS = '[access]\ndose = ["ada@example.org"]\n'
LOGIN = '[auth]\nredirect_uri = "x"\ncookie_secret = "y"\nclient_id = "a"\n'
# Each names, or may name, who comes in.
CLOSING = {
    "half written": ACCESS + "[auth",
    "no section": "second_opinion = 3\n" + ACCESS,
    "a list for a text": '[second_opinion]\nmodel = ["dose"]\n' + LOGIN,
    "a section for a text": ACCESS + "[second_opinion.model]\nname = 1\n",
    "a key twice": ACCESS + ACCESS,
    "a header": '[second_opinion]\ntrusted_header = "X-Forwarded-Email',
    "a code of experts": '[second_opinion]\nexpert_code = "x\n',
    "no UTF-8": (LOGIN + "# \u00e9").encode("utf-16"),
    "a role of none": '[roles]\n"ada@example.org" = "boss"\n',
    "a model for one text": '[access]\ndose = "ada@example.org"\n',
}


def write(content):
    settings.SECRETS.write_bytes(content if isinstance(content, bytes) else content.encode())


@pytest.fixture
def link(place):
    store = Store.open(place / "feedback.db")
    return store.invitations.invite(Invitation("Ada"), by=OWNER)


@pytest.mark.parametrize("content", CLOSING.values(), ids=CLOSING)
def test_nobody_gets_in_by_a_link_or_a_code_and_the_fault_goes_to_the_log(
    place, link, monkeypatch, caplog, content
):
    monkeypatch.setenv("EXPERT_CODE", "a code of experts")
    monkeypatch.setenv("OWNER_CODE", "a code of the owner")
    write(content)
    cookie = quote(json.dumps({"invite": link, "name": ""}))
    for at in (
        start(),
        start(CASE, session={"who_by_code": "owner"}),
        start(name="", invite=link),
    ):
        assert keys(at) == set()
        assert CLOSED in [text.value for text in at.text]
        for word in ("dose", "toml", "example.org"):
            assert word not in everything_said(at)
    assert ["Open it again once" in message for message in messages(at)] == [True]
    assert "invite" not in at.query_params
    monkeypatch.setattr(type(st.context), "cookies", {"second_opinion": cookie})
    assert keys(start(name="")) == set()
    assert str(settings.SECRETS) in caplog.text or "in the secrets" in caplog.text
    assert Store.open(place / "feedback.db").event_log.newest("sign-in", by=OWNER) == []
    # What the hint says: mended, the same link opens.
    write("")
    assert "home_judge" in keys(start(name="", invite=link))


def test_on_the_machine_of_the_app_its_owner_reads_what_is_wrong(place, at_home):
    write(CLOSING["a role of none"])
    at = start()
    assert "expected expert, reviewer, owner" in messages(at)[0]
    assert keys(at) == set()


def test_a_text_that_is_wrong_in_the_secrets_is_not_shown(place):
    write('[second_opinion]\nowner_code = ["the code of the owner"]\n')
    (fault,) = secrets_file.read().faults
    assert "owner_code" in fault
    assert "the code of" not in fault


def test_a_file_broken_while_somebody_is_at_work_closes_the_next_click(place):
    at = start(CASE)
    write(CLOSING["half written"])
    press(at, "predict_submit")
    assert keys(at) == set()


def test_the_file_is_parsed_once_while_it_is_the_same(place, monkeypatch):
    write('[second_opinion]\nmodel = "dose"\n')
    parsed = []
    loads = tomllib.loads
    monkeypatch.setattr(tomllib, "loads", lambda text: parsed.append(text) or loads(text))
    at = start()
    assert at.selectbox(key="model_choice").value.startswith("dose")
    at.run()
    assert len(parsed) == 1
    write('[second_opinion]\nmodel = "iris"\n')
    assert start().selectbox(key="model_choice").value.startswith("iris")
    assert len(parsed) == 2


def test_what_is_read_once_is_what_is_read_apart(place, monkeypatch):
    write(LOGIN + ACCESS + '[second_opinion]\nreasons = "0"\n')
    read = secrets_file.read()
    assert (read.settings, read.faults) == (Settings.read(), [])
    assert read.rules.providers == ("default",)
    assert read.rules.hidden_from(frozenset()) == {"dose"}


def test_a_wrong_limit_of_uploads_is_named_and_the_others_hold(place):
    write('[second_opinion]\nvisit_uploads_mb = "many"\nmodel = "dose"\n')
    read = secrets_file.read()
    assert "VISIT_UPLOADS_MB" in read.faults[0]
    assert (read.settings.visit_uploads_mb, read.settings.model) == ("100", "dose")
    assert not read.rules.is_broken
    at = start(session={"who_expert": Expert.declared("Ada")})
    assert "VISIT_UPLOADS_MB" in messages(at)[0]


CHANGES = {
    "a broken file": (CLOSING["half written"], ""),
    "a login": (LOGIN, ""),
    "a hidden model": (ACCESS, ""),
    "a code": ("", "expert_code"),
    "nothing": ("", ""),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_part_drawn_alone_draws_the_whole_page_once_who_is_here_may_do_something_else(
    place, monkeypatch, change
):
    def page():
        import streamlit as st

        from second_opinion.ui import frame, secrets_file, who

        runs = st.session_state["runs"] = st.session_state.get("runs", 0) + 1
        if runs != 2:
            settings, rules, _ = secrets_file.read()
            who.arrive(settings, rules)

        @frame.part()
        def body():
            st.text("the cases")

        body()

    monkeypatch.setattr(frame, "is_part_alone", lambda: True)
    at = AppTest.from_function(page)
    at.session_state["who_expert"], at.session_state["who_cases"] = Expert.declared("Ada"), []
    at.run()
    text, setting = CHANGES[change]
    write(text)
    if setting:
        monkeypatch.setenv(setting.upper(), "a code of experts")
    at.run()
    assert not at.exception
    assert at.session_state["runs"] == (2 if change == "nothing" else 3)


def test_who_is_not_in_any_more_is_nobody_and_no_expert(place):
    start(CASE)
    write(CLOSING["half written"])

    def page():
        import streamlit as st

        from second_opinion.errors import UserError
        from second_opinion.ui import who

        try:
            who.nobody()
        except UserError as error:
            st.text(str(error))

    (said,) = AppTest.from_function(page).run().text
    assert said.value.startswith("You are not in any more.")
