"""Who may do what: by machine, by code, and nobody by guessing."""

import re
from urllib.parse import quote
from uuid import UUID

import pytest
import streamlit as st
from builders import ROOT
from hypothesis import given
from hypothesis.strategies import text as texts
from visits import keys, messages, press, row_tables, start

from second_opinion import settings
from second_opinion.access import code_attempts, roles
from second_opinion.errors import UserError
from second_opinion.records.expert import Expert
from second_opinion.records.stamp import is_signed, new_id, signed
from second_opinion.settings import Settings
from second_opinion.store import Store
from second_opinion.store.batch_maker import Maker
from second_opinion.ui import who

CODES = Settings(expert_code="expert-1", reviewer_code="reviewer-2", owner_code="owner-3")


@pytest.fixture(autouse=True)
def line(monkeypatch):
    """No wrong codes yet."""
    monkeypatch.setattr(code_attempts, "LINE", code_attempts.CodeLine())
    return code_attempts.LINE


@pytest.fixture
def away(monkeypatch):
    """The browser is not on this machine."""
    monkeypatch.setattr(who, "is_local", lambda: False)


@pytest.fixture
def codes(monkeypatch):
    """Set codes as the environment would."""

    def set_codes(**given):
        for role, code in given.items():
            monkeypatch.setenv(f"{role.upper()}_CODE", code)

    return set_codes


# --- the rules


def test_each_act_is_open_to_its_role_and_those_above():
    order = ["expert", "reviewer", "owner"]
    for what, least in roles.MAY.items():
        for role in order:
            assert roles.may(Expert("Ada", role=role), what) == (
                order.index(role) >= order.index(least)
            )
        assert not roles.may(None, what)


def test_a_refusal_says_who_may():
    with pytest.raises(UserError, match=r"Ada may not export; expected a reviewer or the owner"):
        roles.check(Expert("Ada"), "export")
    with pytest.raises(KeyError):
        roles.check(Expert("Ada"), "something else")


@pytest.mark.parametrize(
    ("code", "role"),
    [
        ("expert-1", "expert"),
        ("reviewer-2", "reviewer"),
        (" owner-3 ", "owner"),
        ("owner", None),
        ("owner-3x", None),
        ("", None),
        ("  ", None),
        ("Owner-3", None),
        ("\ud800", None),
    ],
)
def test_a_code_gives_its_role_alone(code, role):
    assert roles.given_by(code, CODES) == role


def test_an_empty_code_opens_nothing():
    """A setting that is not set is not a code of no letters."""
    for code in ("", " "):
        assert roles.given_by(code, Settings()) is None
        assert roles.given_by(code, Settings(owner_code=" ")) is None


def test_one_code_for_two_roles_gives_the_higher():
    assert roles.given_by("same", Settings(reviewer_code="same", owner_code="same")) == "owner"


@pytest.mark.parametrize(
    ("local", "settings", "role"),
    [
        (True, Settings(), "owner"),
        (False, Settings(), "expert"),
        (True, Settings(public="0"), "owner"),
        (True, Settings(public="1"), "expert"),
        (True, Settings(expert_code="a"), None),
        (True, Settings(expert_code="a", reviewer_code="b"), None),
        (True, Settings(reviewer_code="b"), "expert"),
        (False, Settings(expert_code="a"), None),
        (True, CODES, None),
        (True, Settings(owner_code="c"), "expert"),
        (True, Settings(owner_code=" "), "expert"),
    ],
)
def test_without_a_code_the_machine_decides(local, settings, role):
    assert roles.without_code(local=local, settings=settings) == role


def test_a_closed_page_names_the_setting_that_opens_it():
    assert roles.closed_reason("reviewer", "owner", Settings()) == ""
    assert "set REVIEWER_CODE" in roles.closed_reason("reviewer", "expert", Settings())
    assert "set OWNER_CODE" in roles.closed_reason("owner", "expert", Settings())
    by_owner = roles.closed_reason("reviewer", "expert", Settings(owner_code="x"))
    assert "Enter your code" in by_owner
    shared = roles.closed_reason("owner", "expert", Settings(public="1"))
    assert "To open it, set OWNER_CODE" in shared
    assert "localhost" not in shared
    only_reviewer = roles.closed_reason("owner", "reviewer", Settings(reviewer_code="x"))
    assert "set OWNER_CODE" in only_reviewer


def test_codes_are_not_in_the_text_of_the_settings():
    assert not re.search("expert-1|reviewer-2|owner-3", repr(CODES))


@given(key=texts(min_size=1), other=texts(min_size=1))
def test_an_id_proves_the_browser_that_made_it(key, other):
    record = new_id(key)
    assert is_signed(record, key)
    assert is_signed(signed(new_id(), key), key)
    assert is_signed(record, other) == (key == other)
    assert not is_signed(record, "")
    assert not is_signed(new_id(), key)
    assert UUID(hex=record).version == 7


@pytest.mark.parametrize("strange", ["", "x", "é" * 32, "0" * 32, "p1"])
def test_an_id_of_another_make_proves_nothing(strange):
    assert not is_signed(strange, "key")


def test_ids_of_one_browser_are_different():
    assert len({new_id("key") for _ in range(2000)}) == 2000


def test_a_name_or_a_link_does_not_make_it_ones_own():
    ada, eve = Expert("Ada", browser_secret="a"), Expert("Ada", browser_secret="e")
    record = Maker(new_id("a"), None)
    assert roles.owns(ada, record)
    assert roles.owns(Expert("Bob", role="reviewer"), record)
    for stranger in (eve, Expert("Ada"), None):
        assert not roles.owns(stranger, record)
    with pytest.raises(UserError, match="This batch was made in another browser"):
        roles.check_own(eve, record, "This batch")


# --- in the pages


def log_of(place, what):
    return Store.open(place / "feedback.db").event_log.newest(what, by=Expert("O", role="owner"))


def signs_in(place):
    return [(event.what, event.who, event.details["role"]) for event in log_of(place, "sign-in")]


def asks_for_a_code(at):
    return "who_code" in {field.key for field in at.text_input}


MODELS_PAGE = "pages/7_Models.py"


def said(at):
    assert not at.exception
    return "\n".join(text.value for text in at.text)


def test_away_from_the_machine_the_owner_has_a_setting_to_make(place, away):
    at = start(MODELS_PAGE)
    assert "set OWNER_CODE to a code" in said(at)
    assert "models_promote" not in keys(at)
    assert not asks_for_a_code(at)


def test_the_owners_code_opens_the_models_page(place, away, codes):
    codes(owner="owner-3")
    at = start(MODELS_PAGE)
    assert "Enter your code" in said(at)
    at.text_input(key="who_code").set_value("owner-3")
    press(at, "who_code_enter")
    assert messages(at) == []
    assert "models_promote" in keys(at)
    assert not asks_for_a_code(at)
    assert signs_in(place) == [("sign-in", "Ada", "owner")]


def test_a_reviewers_code_does_not_open_what_is_the_owners(place, away, codes):
    codes(reviewer="reviewer-2", owner="owner-3")
    at = start(MODELS_PAGE)
    at.text_input(key="who_code").set_value("reviewer-2")
    press(at, "who_code_enter")
    assert "models_promote" not in keys(at)
    assert asks_for_a_code(at)


def test_a_wrong_code_is_refused_and_the_next_one_has_to_wait(place, away, codes):
    codes(owner="owner-3")
    at = start(MODELS_PAGE)
    for code, answer in (("guess", "not right"), ("owner-3", "too fast")):
        at.text_input(key="who_code").set_value(code)
        press(at, "who_code_enter")
        assert [answer in message for message in messages(at)] == [True]
        assert "models_promote" not in keys(at)
    assert signs_in(place) == []


def test_wrong_codes_are_on_record_without_what_was_typed(place, away, codes):
    codes(owner="owner-3")
    at = start(MODELS_PAGE)
    for guess in ("ownr-3", "owner-33"):
        at.session_state["who_attempts"] = code_attempts.Attempts()
        at.text_input(key="who_code").set_value(guess)
        press(at, "who_code_enter")
    (first, second) = log_of(place, "wrong code")
    assert (first.who, dict(first.details)) == (second.who, dict(second.details)) == ("Ada", {})
    Store.open(place / "feedback.db").close()
    written = b"".join(path.read_bytes() for path in place.glob("feedback.db*"))
    assert b"wrong code" in written
    assert not [guess for guess in (b"ownr-3", b"owner-33", b"owner-3") if guess in written]


@pytest.mark.slow
def test_a_new_session_does_not_get_round_the_line(place, away, codes, line, monkeypatch):
    codes(owner="owner-3")
    monkeypatch.setattr(code_attempts, "STEP", code_attempts.LONGEST_LINE + 1)
    monkeypatch.setattr(code_attempts, "MOST_APART", code_attempts.LONGEST_LINE + 1)
    for guess in range(code_attempts.FREE + 1):
        at = start(MODELS_PAGE, name=f"Eve {guess}")
        at.text_input(key="who_code").set_value("guess")
        press(at, "who_code_enter")
        assert ["not right" in message for message in messages(at)] == [True]
    at = start(MODELS_PAGE, name="Eve again")
    at.text_input(key="who_code").set_value("owner-3")
    press(at, "who_code_enter")
    assert ["was not looked at" in message for message in messages(at)] == [True]
    assert "models_promote" not in keys(at)
    assert len(log_of(place, "wrong code")) == code_attempts.FREE + 1


def test_a_browser_that_had_a_right_code_does_not_stand_in_line(place, away, codes, line):
    codes(reviewer="reviewer-2", owner="owner-3")
    at = start(MODELS_PAGE)
    at.text_input(key="who_code").set_value("reviewer-2")
    press(at, "who_code_enter")
    line._last = code_attempts.time.monotonic() + 1e6
    again = start(MODELS_PAGE)
    again.text_input(key="who_code").set_value("owner-3")
    press(again, "who_code_enter")
    assert messages(again) == []
    assert "models_promote" in keys(again)
    stranger = start(MODELS_PAGE, name="Eve")
    stranger.text_input(key="who_code").set_value("owner-3")
    press(stranger, "who_code_enter")
    assert ["was not looked at" in message for message in messages(stranger)] == [True]


@pytest.mark.slow
def test_with_a_code_for_experts_nobody_gets_in_without(place, away, codes):
    codes(expert="expert-1")
    for page in ["Home.py", *(f"pages/{path.name}" for path in ROOT.glob("pages/*.py"))]:
        at = start(page)
        assert messages(at) == []
        assert keys(at) == {"who_start"}
        assert asks_for_a_code(at)
        assert not at.sidebar.children
        assert not at.metric
        assert not at.dataframe
        assert not row_tables(at)
        assert [text.value for text in at.text] == ["You need the code that you were given."]


@pytest.mark.parametrize("code", ["", "wrong"])
def test_a_missing_or_wrong_code_keeps_the_door_shut(place, away, codes, code):
    codes(expert="expert-1")
    at = start(name="")
    at.text_input(key="who_name").set_value("Ada")
    at.text_input(key="who_code").set_value(code)
    press(at, "who_start")
    assert len(messages(at)) == 1
    assert "who_start" in keys(at)


def test_a_verdict_by_code_says_so_and_the_code_is_not_remembered(
    place,
    away,
    codes,
    monkeypatch,
):
    codes(expert="expert-1")
    remembered = []
    monkeypatch.setattr(who.browser, "remember", lambda memory, at: remembered.append(memory))
    at = start("pages/1_Single_prediction.py", name="")
    at.text_input(key="who_name").set_value("Ada")
    at.text_input(key="who_code").set_value("expert-1")
    press(at, "who_start")
    press(press(at, "predict_submit"), "verdict_agree")
    assert messages(at) == []
    (row,) = Store.open(place / "feedback.db").reviewed().to_dict("records")
    assert (row["expert"], row["identity_source"]) == ("Ada", "code")
    assert remembered
    assert all(set(memory) == {"name", "email", "cases", "key"} for memory in remembered if memory)
    assert "expert-1" not in repr(remembered)


def test_a_name_from_the_browser_does_not_open_the_door(place, away, codes, monkeypatch):
    codes(expert="expert-1")
    cookie = quote('{"name":"Ada","role":"owner","code":"expert-1"}')
    monkeypatch.setattr(type(st.context), "cookies", {"second_opinion": cookie})
    assert "who_start" in keys(start(name=""))


@pytest.mark.parametrize("role", ["reviewer", "owner"])
def test_on_this_machine_a_code_counts_once_it_is_set(place, at_home, codes, role):
    assert "models_promote" in keys(start(MODELS_PAGE))
    codes(**{role: "a code"})
    assert "models_promote" not in keys(start(MODELS_PAGE))


def test_on_this_machine_the_code_for_experts_is_asked_for_too(place, at_home, codes):
    codes(expert="expert-1")
    assert keys(start(MODELS_PAGE)) == {"who_start"}


@pytest.mark.parametrize(
    ("setting", "open_"), [("1", False), ("yes", False), ("0", True), ("false", True), ("", True)]
)
def test_public_says_that_nobody_is_local(place, at_home, monkeypatch, setting, open_):
    monkeypatch.setenv("PUBLIC", setting)
    assert ("models_promote" in keys(start(MODELS_PAGE))) == open_


def test_a_login_in_the_secrets_says_that_nobody_is_local(place, at_home):
    settings.SECRETS.write_text('[auth]\nredirect_uri = "https://example.org"\n', "utf-8")
    assert "models_promote" not in keys(start(MODELS_PAGE))


def test_secrets_that_cannot_be_read_open_nothing(place, at_home):
    settings.SECRETS.write_text('[second_opinion]\nowner_code = "x\n', "utf-8")
    assert "models_promote" not in keys(start(MODELS_PAGE))
    settings.SECRETS.write_text('[second_opinion]\nexpert_code = "x\n', "utf-8")
    assert keys(start(MODELS_PAGE)) == set()


def test_whoever_leaves_takes_the_role_along(place, away, codes):
    codes(owner="owner-3")
    at = start(MODELS_PAGE)
    at.text_input(key="who_code").set_value("owner-3")
    press(at, "who_code_enter")
    press(at, "who_change")
    at.session_state["who_expert"] = Expert.declared("Eve")
    at.run()
    assert "models_promote" not in keys(at)
