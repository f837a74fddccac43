"""Who signed in, what the rules in the secrets give them, and what is refused in words."""

import json
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from io import BytesIO
from urllib.parse import quote

import pytest
import streamlit as st
from builders import OWNER, REVIEWER, ROOT, case, judged, scored_batch, verdict
from streamlit.testing.v1 import AppTest
from visits import AUTH, CASE, CLAIMS, CORP, arrive, everything_said, keys, messages, press, start

from second_opinion.access import access_rules
from second_opinion.access.access_rules import AccessRules
from second_opinion.access.signed_in import SignedIn
from second_opinion.errors import UserError
from second_opinion.records.expert import Expert
from second_opinion.records.invitation import Invitation
from second_opinion.records.verdict_filter import VerdictFilter
from second_opinion.review.exports import export
from second_opinion.store import Store
from second_opinion.store.event_log import MOST_REFUSALS
from second_opinion.ui import browser

GUESTS = CORP.replace("corp", "guests")


@pytest.fixture
def secrets(tmp_path):
    """Write the secrets, and read the rules of them."""

    def write(text):
        path = tmp_path / "secrets.toml"
        path.write_text(text, "utf-8")
        return AccessRules.read(path)

    return write


def person(rules, **claims):
    return SignedIn.of(CLAIMS | claims, rules).expert(rules)


# --- the rules


def test_without_secrets_there_is_no_login_and_nothing_is_hidden(tmp_path):
    rules = AccessRules.read(tmp_path / "secrets.toml")
    assert rules == AccessRules()
    assert not rules.has_login
    assert rules.hidden_from(frozenset()) == frozenset()


@pytest.mark.parametrize(
    ("text", "providers"),
    [
        (AUTH + 'client_id = "a"', ("default",)),
        (AUTH, ("default",)),
        (AUTH + CORP, ("corp",)),
        (AUTH + CORP + GUESTS, ("corp", "guests")),
        (AUTH + 'client_id = "a"' + CORP, ("default", "corp")),
        ("[second_opinion]\n", ()),
    ],
)
def test_each_section_of_a_provider_is_one(secrets, text, providers):
    assert secrets(text).providers == providers


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("roles = 1", r"roles is 1; expected a section \[roles\]"),
        ('access = "x"', r"access is 'x'; expected a section \[access\]"),
        ('[roles]\n"a@b.org" = "boss"', r"gives 'a@b.org' the role 'boss'; expected expert, rev"),
        ('[roles]\n"a@b.org" = 3', r"gives 'a@b.org' the role 3"),
        ('[access]\ndose = "a@b.org"', r"\[access\] dose is 'a@b.org'; expected a list"),
        ("[access]\ndose = [1]", r"\[access\] dose is \[1\]; expected a list"),
        (
            AUTH + CORP + '[roles]\nprovider = "google"',
            r"provider is 'google'; expected one of corp",
        ),
        (
            AUTH + CORP + GUESTS + '[roles]\n"a@b.org" = "owner"',
            r'Add a line such as provider = "co',
        ),
    ],
)
def test_rules_that_cannot_be_meant_are_refused_with_their_place(secrets, text, said):
    with pytest.raises(UserError, match=said):
        secrets(text)


@pytest.mark.parametrize(
    ("roles", "claims", "role"),
    [
        ('"ada@example.org" = "owner"', {}, "owner"),
        ('" ADA@example.ORG " = "owner"', {}, "owner"),
        ('"ada@example.org" = "owner"', {"email_verified": False}, "expert"),
        ('"ada@example.org" = "owner"', {"email_verified": None}, "expert"),
        ('"ada@example.org" = "owner"', {"email_verified": "false"}, "expert"),
        ('"ada@example.org" = "owner"', {"email_verified": 1.5}, "expert"),
        ('"ada@example.org" = "owner"', {"email_verified": "true"}, "owner"),
        ('"ada@example.org" = "owner"', {"provider": "guests"}, "expert"),
        ('"ada@example.org" = "owner"', {"provider": ""}, "expert"),
        ('"ada@example.org" = "owner"', {"email": "eve@example.org"}, "expert"),
        ('"ada@example.org" = "owner"', {"email": None, "name": "ada@example.org"}, "expert"),
        ('"chiefs" = "owner"', {"groups": ["Chiefs"]}, "owner"),
        ('"chiefs" = "owner"', {"groups": "chiefs"}, "owner"),
        ('"chiefs" = "owner"', {"groups": ["chiefs"], "provider": "guests"}, "expert"),
        ('"chiefs" = "owner"\n"all" = "reviewer"', {"groups": ["all", "chiefs"]}, "owner"),
        ('"chiefs" = "owner"\n"all" = "reviewer"', {"groups": ["all"]}, "reviewer"),
        ('groups_claim = "teams"\n"chiefs" = "owner"', {"groups": ["chiefs"]}, "expert"),
        ('groups_claim = "teams"\n"chiefs" = "owner"', {"teams": ["chiefs"]}, "owner"),
        ('"" = "owner"', {"email": "", "groups": [""]}, "expert"),
    ],
)
def test_an_address_gives_a_role_only_verified_and_by_the_provider_that_is_named(
    secrets, roles, claims, role
):
    rules = secrets(AUTH + CORP + GUESTS + '[roles]\nprovider = "corp"\n' + roles)
    assert person(rules, **claims).role == role


def test_a_model_is_hidden_from_all_but_those_it_names(secrets):
    rules = secrets(AUTH + CORP + '[access]\ndose = ["ada@example.org", "dosing"]\niris = []')
    assert person(rules).hidden_models == {"iris"}
    assert person(rules, email_verified=False).hidden_models == {"dose", "iris"}
    assert person(rules, email="b@c.org", groups=["dosing"]).hidden_models == {"iris"}
    assert rules.hidden_from(frozenset()) == {"dose", "iris"}


def test_who_it_is_is_issuer_and_subject(secrets):
    rules = secrets(AUTH + CORP)
    ada = person(rules)
    assert ada.expert_key == "oidc:https://login.example.org|1"
    assert (ada.label, ada.source) == ("Ada <Ada@Example.org>", "oidc")
    assert person(rules, name="Eve <boss@x.org>", email_verified=False).label == "Eve boss@x.org"
    assert person(rules, name=None, email=None).label == "Somebody without a name"
    for lacking in ("iss", "sub"):
        with pytest.raises(UserError, match="does not say who you are"):
            person(rules, **{lacking: ""})


def test_what_a_login_lacks_is_named(tmp_path, secrets):
    secrets(AUTH.replace("cookie_secret", "other") + CORP.replace("client_secret", "x"))
    lacking = access_rules.missing(tmp_path / "secrets.toml")
    assert lacking == ["[auth] cookie_secret", "[auth.corp] client_secret"]


# --- the account of an address


def test_the_first_account_of_an_address_holds_it(empty_store, secrets):
    rules = secrets(AUTH + CORP + GUESTS + '[roles]\nprovider = "corp"')
    holder = empty_store.sign_ins.holder
    guest = person(rules, provider="guests", iss="https://guests", sub="1")
    first, second = person(rules), person(rules, sub="2", email="ADA@example.org")
    assert holder("guests", only_its_own=False, by=guest) == guest.expert_key
    # Nobody elsewhere takes an address away from the provider whose addresses count.
    assert holder("corp", only_its_own=True, by=first) == first.expert_key
    for _ in range(2):
        assert holder("corp", only_its_own=True, by=second) == first.expert_key
        assert holder("corp", only_its_own=True, by=first) == first.expert_key


def test_an_address_that_is_freed_is_held_by_the_next_account(empty_store, secrets):
    rules = secrets(AUTH + CORP)
    first, second = person(rules), person(rules, sub="2")
    sign_ins = empty_store.sign_ins
    sign_ins.holder("corp", only_its_own=True, by=first)
    (held,) = sign_ins.held(by=OWNER)
    assert (held.email, held.provider, held.expert_key) == (
        "ada@example.org",
        "corp",
        first.expert_key,
    )
    for _ in range(2):
        sign_ins.free(held.id, by=OWNER)
    assert sign_ins.held(by=OWNER) == []
    assert sign_ins.holder("corp", only_its_own=True, by=second) == second.expert_key
    assert sign_ins.holder("corp", only_its_own=True, by=first) == second.expert_key
    (event,) = empty_store.event_log.newest("address", by=OWNER)
    assert dict(event.details) == {"action": "free", "email": "ada@example.org", "provider": "corp"}
    for call in (lambda: sign_ins.free(held.id, by=REVIEWER), lambda: sign_ins.held(by=REVIEWER)):
        with pytest.raises(UserError, match="may not free an address"):
            call()
    with pytest.raises(UserError, match="expected one of the list"):
        sign_ins.free("none", by=OWNER)


# --- on the pages


def test_nobody_comes_in_unless_signed_in(place, secrets, at_home):
    secrets(AUTH + CORP + GUESTS + '[roles]\nprovider = "corp"')
    for page in ("Home.py", *(f"pages/{one.name}" for one in (ROOT / "pages").glob("*.py"))):
        at = start(page)
        assert not at.exception
        assert keys(at) == {"who_sign_in_corp", "who_sign_in_guests"}
        assert not list(at.sidebar.get("page_link"))


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"exp": 1}, "Your sign-in is over"),
        ({"provider": "google"}, "not one of this app any more"),
        ({"sub": ""}, "does not say who you are"),
    ],
)
def test_a_sign_in_that_is_not_taken_says_why(place, secrets, claims, said):
    secrets(AUTH + CORP)
    at = arrive(**claims)
    assert said in messages(at)[0]
    assert "who_sign_out" in keys(at)


def test_a_second_account_of_an_address_is_refused_and_on_record(place, secrets):
    secrets(AUTH + CORP)
    assert not messages(arrive())
    [said] = messages(arrive(sub="2"))
    assert said.startswith("Ada@Example.org signed in here before with another account")
    events = Store.open(place / "feedback.db").event_log.newest("sign-in", by=OWNER)
    assert ["refused" in event.details for event in events] == [True, False]
    assert [event.details["provider"] for event in events] == ["corp", "corp"]


def test_who_is_refused_at_the_door_is_on_record_once_a_visit_and_not_without_end(
    place, monkeypatch
):
    monkeypatch.setenv("TRUSTED_HEADER", "X-Forwarded-Email")
    monkeypatch.setenv("TRUSTED_PROXY", "10.0.0.1")
    at = start(name="")
    at.run()
    store = Store.open(place / "feedback.db")
    (event,) = store.event_log.newest("sign-in", by=OWNER)
    assert event.details["by"] == "header"
    assert event.details["refused"] in messages(at)[0]
    for _ in range(2 * MOST_REFUSALS):
        store.sign_ins.refuse("header", "a stranger")
    assert len(store.event_log.newest("sign-in", by=OWNER)) == MOST_REFUSALS


def test_of_a_person_the_same_refusal_is_on_record_once_until_another_sign_in(place, secrets):
    secrets(AUTH + CORP)
    for _ in range(3):
        assert "Your sign-in is over" in messages(arrive(exp=1))[0]
    arrive()
    arrive(exp=1)
    events = Store.open(place / "feedback.db").event_log.newest("sign-in", by=OWNER)
    assert ["refused" in event.details for event in events] == [True, False, True]
    assert {event.who for event in events} == {"Ada <Ada@Example.org>"}


def test_the_owner_frees_an_address_on_the_page(place, secrets):
    secrets(AUTH + CORP + '[roles]\n"owners" = "owner"')
    olga = {"sub": "9", "name": "Olga", "email": None, "groups": ["owners"]}
    people = "pages/9_People_and_records.py"
    assert "people_address_free" not in keys(arrive(people, **olga))
    arrive()
    assert messages(arrive(sub="2"))
    at = arrive(people, **olga)
    assert "ada@example.org" in everything_said(at)
    press(at, "people_address_free")
    assert not messages(at)
    assert "people_address_free" not in keys(at)
    assert not messages(arrive(sub="2"))


def test_whose_address_is_anothers_now_is_out_at_the_next_click(place, secrets):
    secrets(AUTH + CORP + '[roles]\n"ada@example.org" = "owner"')
    before = arrive("pages/9_People_and_records.py")
    sign_ins = Store.open(place / "feedback.db").sign_ins
    for sub in ("2", "3"):
        (held,) = sign_ins.held(by=OWNER)
        sign_ins.free(held.id, by=OWNER)
        # Nobody else wants it yet: who is in stays so, and does not take it again.
        assert messages(before.run()) == []
        assert sign_ins.held(by=OWNER) == []
        after = arrive("pages/9_People_and_records.py", sub=sub)
        assert messages(after) == []
        for page in ("pages/9_People_and_records.py", "Home.py"):
            [said] = messages(before.switch_page(page).run())
            assert said.startswith("Ada@Example.org signed in here before with another account")
            assert keys(before) == {"who_sign_in_corp", "who_sign_out"}
        before = after
    log = Store.open(place / "feedback.db").event_log.newest("sign-in", by=OWNER)
    is_refused = ["refused" in event.details for event in reversed(log)]
    assert is_refused == [False, False, True, False, True]


def test_a_click_of_who_has_lost_the_address_does_nothing(place, secrets):
    secrets(AUTH + CORP + '[roles]\n"ada@example.org" = "owner"')
    before = arrive("pages/9_People_and_records.py")
    store = Store.open(place / "feedback.db")
    press(before, "people_address_free")
    assert store.sign_ins.held(by=OWNER) == []
    before = arrive("pages/9_People_and_records.py")
    assert "people_address_free" in keys(before)
    store.sign_ins.free(store.sign_ins.held(by=OWNER)[0].id, by=OWNER)
    assert messages(arrive(sub="2")) == []
    press(before, "people_address_free")
    assert messages(before)
    assert len(store.sign_ins.held(by=OWNER)) == 1


def test_a_database_that_cannot_be_used_ends_no_sign_in(place, secrets, monkeypatch):
    secrets(AUTH + CORP)
    at = arrive()
    monkeypatch.setenv("FEEDBACK_DB", str(place))
    for broken in (at.run(), arrive()):
        assert str(place) in messages(broken)[0]
        assert "incident" not in messages(broken)[0].lower()
        assert "who_sign_out" in keys(broken)
    monkeypatch.setenv("FEEDBACK_DB", str(place / "feedback.db"))
    assert messages(at.run()) == []
    assert "who_sign_in_corp" not in keys(at)


def test_an_address_that_is_not_verified_or_none_asks_nobody(place, secrets):
    secrets(AUTH + CORP)
    first = arrive()
    for claims in ({"email": None}, {"email_verified": False}):
        other = arrive(sub="2", **claims)
        assert messages(other.run()) == messages(first.run()) == []


def test_people_who_are_refused_do_not_fill_the_log(place, secrets):
    secrets(AUTH + CORP)
    store = Store.open(place / "feedback.db")
    for at in range(MOST_REFUSALS + 5):
        store.sign_ins.refuse("oidc", "over", Expert(f"Eve {at}", source="oidc", subject=str(at)))
    assert len(store.event_log.newest("sign-in", by=OWNER)) == MOST_REFUSALS


def test_an_account_that_holds_its_address_is_found_without_writing(empty_store, secrets):
    rules = secrets(AUTH + CORP)
    ada = person(rules)
    empty_store.sign_ins.holder("corp", only_its_own=True, by=ada)
    with closing(sqlite3.connect(empty_store.path)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert empty_store.sign_ins.holder("corp", only_its_own=True, by=ada) == ada.expert_key


def test_not_signed_in_is_nobody_whatever_else_is_claimed(place, secrets):
    secrets(AUTH + CORP + '[roles]\n"ada@example.org" = "owner"')
    for is_in in (False, None, 1, "true"):
        assert "who_sign_in_corp" in keys(arrive(is_logged_in=is_in))


def test_rules_that_are_broken_close_the_app(place, secrets, at_home):
    with pytest.raises(UserError):
        secrets(AUTH + CORP + '[roles]\n"ada@example.org" = "boss"')
    for at in (arrive(), start()):
        assert not messages(at)
        assert not keys(at)
        assert "this app is closed until its secrets file is mended." in everything_said(at)


@pytest.fixture
def link(place, monkeypatch):
    """The secret of Bo's personal link, which this browser remembers."""
    secret = Store.open(place / "feedback.db").invitations.invite(Invitation("Bo"), by=OWNER)
    memory = {"invite": secret, "name": "", "key": "0" * 32, "cases": []}
    cookie = {"second_opinion": quote(json.dumps(memory))}
    monkeypatch.setattr(type(st.context), "cookies", cookie)
    return secret


@pytest.mark.parametrize("claims", [{"exp": 1}, {"provider": "google"}, {"sub": ""}])
def test_whose_sign_in_is_not_taken_is_nobody_and_not_who_the_link_here_names(
    place, secrets, link, claims
):
    secrets(AUTH + CORP)
    assert "you are bo" in everything_said(start(name=""))
    at = arrive(**claims)
    assert keys(at) == {"who_sign_in_corp", "who_sign_out"}
    assert "you are bo" not in everything_said(at)


def test_a_sign_in_that_is_over_does_not_become_who_the_link_names(
    place, secrets, link, monkeypatch
):
    secrets(AUTH + CORP)
    at = arrive()
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + 13 * 3600)
    assert "who_sign_in_corp" in keys(at.run())
    assert "you are" not in everything_said(at)


def test_a_sign_in_that_is_taken_forgets_the_link_in_this_browser(
    place, secrets, link, monkeypatch
):
    secrets(AUTH + CORP)
    remembered = []
    monkeypatch.setattr(browser, "remember", lambda memory, at: remembered.append(memory))
    at = arrive()
    assert remembered == [{"name": "", "key": "0" * 32, "cases": []}]
    assert "you are ada <ada@example.org>" in everything_said(at)
    # Signed out, in the same session too.
    at.user = {}
    assert "who_sign_in_corp" in keys(at.run())
    assert "you are" not in everything_said(at)


@pytest.mark.parametrize("claims", [{}, {"exp": 1}, {"provider": "google"}])
def test_a_link_beside_a_sign_in_is_put_away_unopened_and_said(place, secrets, claims):
    secrets(AUTH + CORP)
    store = Store.open(place / "feedback.db")
    secret = store.invitations.invite(Invitation("Bo", model="dose@champion"), by=OWNER)
    at = arrive(query={"invite": secret}, **claims)
    assert any("Sign out, then open it again" in message for message in messages(at))
    assert "invite" not in at.query_params
    ways = [event.details["by"] for event in store.event_log.newest("sign-in", by=OWNER)]
    assert "link" not in ways
    assert "frame_model" not in at.session_state
    # What the message says: signed out, it opens.
    assert "you are bo" in everything_said(start(name="", invite=secret))


def test_what_one_person_has_typed_is_gone_when_another_one_signs_in(place, secrets):
    secrets(AUTH + CORP)
    at = arrive("pages/1_Single_prediction.py")
    press(at, "predict_submit")
    assert "verdict_agree" in keys(at)
    at.session_state["people_secret"] = "of Ada"
    at.user = dict(at.user) | {"sub": "2", "email": "bo@example.org", "name": "Bo"}
    at.run()
    assert not messages(at)
    assert "you are bo <bo@example.org>" in everything_said(at)
    assert "people_secret" not in at.session_state
    assert "verdict_agree" not in keys(at)
    assert "prediction" not in at.query_params


def test_who_signs_in_where_a_personal_link_was_open_finds_nothing_of_its_person(
    place, secrets, link
):
    secrets(AUTH + CORP)
    at = press(start(CASE, name=""), "predict_submit")
    assert "verdict_agree" in keys(at)
    at.user = CLAIMS | {"exp": time.time() + 600}
    at.run()
    assert "you are ada <ada@example.org>" in everything_said(at)
    assert "verdict_agree" not in keys(at)
    assert "prediction" not in at.query_params


def test_a_click_of_another_person_saves_nothing(place, secrets):
    secrets(AUTH + CORP)
    at = arrive("pages/1_Single_prediction.py")
    press(at, "predict_submit")
    at.user = dict(at.user) | {"sub": "2", "email": "bo@example.org", "name": "Bo"}
    press(at, "verdict_agree")
    assert ["begin again" in message for message in messages(at)] == [True]
    assert len(Store.open(place / "feedback.db").reviewed()) == 0


def test_the_same_person_with_a_new_token_keeps_what_was_typed(place, secrets):
    secrets(AUTH + CORP)
    at = arrive("pages/1_Single_prediction.py")
    press(at, "predict_submit")
    at.user = dict(at.user) | {"exp": time.time() + 1200}
    assert "verdict_agree" in keys(at.run())


def test_a_sign_in_ends_after_a_working_day(place, secrets, monkeypatch):
    secrets(AUTH + CORP)
    at = arrive()
    assert "who_sign_out" in keys(at)
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + 11 * 3600)
    assert "home_judge" in keys(at.run())
    monkeypatch.setattr(time, "time", lambda: now() + 13 * 3600)
    assert "Your sign-in is over" in messages(at.run())[0]


# --- models that not everybody may use

ONLY_RITA = (
    AUTH + CORP + '[roles]\n"rita@example.org" = "reviewer"\n[access]\ndose = ["rita@example.org"]'
)


@pytest.mark.parametrize(
    "page", ["Home.py", *sorted(f"pages/{p.name}" for p in (ROOT / "pages").glob("*.py"))]
)
def test_who_may_not_use_a_model_finds_no_trace_of_it(place, secrets, page, monkeypatch):
    secrets(ONLY_RITA)
    monkeypatch.setenv("MODEL", "dose")
    assert "dose" not in everything_said(arrive(page))
    monkeypatch.delenv("MODEL")
    assert "dose" in everything_said(arrive("pages/7_Models.py", email="rita@example.org"))


def test_no_name_that_is_typed_opens_a_model(place, secrets, request):
    secrets('[access]\ndose = ["ada@example.org"]')
    session = {"who_expert": Expert.declared("Ada", "ada@example.org")}
    assert "dose" not in everything_said(start("pages/7_Models.py", session=session))
    # On the machine of the app, whose files they are, everything may be used.
    request.getfixturevalue("at_home")
    assert "dose" in everything_said(start("pages/7_Models.py", session=session))


@pytest.fixture
def of_dose(empty_store, registry):
    """A batch, a prediction and a verdict of a model, and a reviewer who may not use it."""
    batch, _ = scored_batch(empty_store, registry, "dose", 8)
    asked = case(model="dose", value=3.0, probabilities=None, confidence=None)
    empty_store.add_prediction(asked)
    empty_store.add_verdict(verdict(asked))
    return batch, asked, replace(REVIEWER, hidden_models=frozenset({"dose"}))


def test_no_call_gives_away_a_model_that_is_hidden(empty_store, of_dose, tmp_path):
    batch, asked, rita = of_dose
    store, batches = empty_store, empty_store.batches
    assert store.prediction(asked.id, by=REVIEWER) == asked
    assert store.prediction(asked.id, by=rita) is None
    assert (batches.find(batch.id, by=rita), batches.listed(by=rita)) == (None, [])
    assert store.history("Ada", [asked.id], by=rita) == []
    assert store.verdict_history(asked.id, by=rita) == []
    [said] = store.verdict_history(asked.id, by=REVIEWER)
    review = store.review(by=rita)
    for call in (
        lambda: review.progress("dose"),
        lambda: review.by_version(model="dose"),
        lambda: review.newest(VerdictFilter(model="dose"), 5),
        lambda: review.shared_case(asked.id),
        lambda: review.adjudicate(asked.id, 1.0, "so it is", by=rita),
        lambda: review.triage_of(said.id),
        lambda: export(store, BytesIO(), verdict_filter=VerdictFilter(model="dose"), by=rita),
    ):
        with pytest.raises(UserError, match="There is no model 'dose'"):
            call()
    for call in (
        lambda: review.by_version(),
        lambda: review.newest(VerdictFilter(), 5),
        lambda: export(store, BytesIO(), "predictions", by=rita),
    ):
        with pytest.raises(UserError, match="Choose a model"):
            call()
    assert review.progress("triage").verdicts == 0
    other = BytesIO()
    export(store, other, verdict_filter=VerdictFilter(model="triage"), by=rita)
    assert b"dose" not in other.getvalue()


@pytest.mark.parametrize("section", ["events", "invitations"])
def test_an_owner_finds_no_trace_of_a_hidden_model_in_events_and_links(
    place, secrets, registry, models, section
):
    secrets(
        AUTH + CORP + '[roles]\n"ada@example.org" = "owner"\n[access]\ndose = ["b@example.org"]'
    )
    store = Store.open(place / "feedback.db")
    scored_batch(store, registry, "dose", 4)
    judged(models, store)
    for ref in ("dose/1", "triage/1"):
        store.invitations.invite(Invitation(f"Expert of {ref}", model=ref), by=OWNER)
    said = everything_said(arrive("pages/9_People_and_records.py", query={"section": section}))
    assert "triage" in said
    assert "dose" not in said


def test_a_link_to_a_hidden_model_reads_like_one_to_nothing(place, secrets, registry, models):
    secrets(ONLY_RITA)
    store = Store.open(place / "feedback.db")
    batch, _ = scored_batch(store, registry, "dose", 4)
    judged(models, store)
    [made] = [p for p in store.reviewed().to_dict("records") if p["model"] == "dose"][:1]
    for page, query in (
        ("pages/2_Batch_upload.py", {"batch": batch.id}),
        ("pages/1_Single_prediction.py", {"prediction": made["prediction_id"]}),
        ("pages/5_Feedback_review.py", {"model": "dose"}),
        ("pages/4_Distributions.py", {"model": "dose", "of": batch.id}),
    ):
        at = arrive(page, query=query)
        assert not at.exception
        # What was asked for stands in the address.
        at.query_params.pop("model", None)
        assert "dose" not in everything_said(at), page


def test_a_part_may_be_drawn_once_more_after_signing_out(place):
    def page():
        import streamlit as st

        from second_opinion.ui import sign_in

        st.session_state["frame_page"] = "Home"
        st.session_state["who_expert"] = "Ada"
        sign_in.leave()
        st.text(" ".join(sorted(st.session_state)))

    at = AppTest.from_function(page).run(timeout=30)
    assert [text.value for text in at.text] == ["frame_page"], at.exception
