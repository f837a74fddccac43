"""The table of roles: every page and every call has its line, and the line holds."""

import inspect
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from io import BytesIO
from itertools import product

import pytest
from builders import OWNER, ROOT, scored_batch, verdict
from calls import bearer
from streamlit.testing.v1 import AppTest

from second_opinion.access import roles
from second_opinion.access.role_table import CALLS, OPEN, OWN, PAGES, PROGRAM_ALONE, ROUTES
from second_opinion.api import api_description, application
from second_opinion.batches import downloads, jobs
from second_opinion.batches.scored_rows import ScoredRows
from second_opinion.errors import UserError
from second_opinion.evidence import decision, plan_of_batch
from second_opinion.evidence.plan_of_batch import Terms
from second_opinion.models import aliases, card_editing
from second_opinion.records.case_columns import CaseColumns
from second_opinion.records.event import Event, EventFilter
from second_opinion.records.expert import Expert
from second_opinion.records.invitation import Invitation
from second_opinion.records.stamp import new_id
from second_opinion.records.verdict_filter import VerdictFilter
from second_opinion.review import event_export, exports
from second_opinion.store import Store, copies
from second_opinion.store.database_file import DatabaseFile
from second_opinion.ui import frame, who

MODULES = (
    *(exports, event_export, copies, aliases, card_editing, jobs),
    *(plan_of_batch, decision, downloads),
)
SIGNED_IN = {"source": "oidc", "subject": "https://login.example.org|1"}
ACTS = {call: act for call, act in CALLS.items() if act in roles.MAY}


@pytest.fixture
def owners(empty_store, registry):
    """What has calls: the store and its parts, the registry and modules, by name."""
    parts = [part for part in vars(empty_store).values() if not isinstance(part, DatabaseFile)]
    own = [part for part in parts if type(part).__module__.startswith("second_opinion.store.")]
    every = {type(one).__name__: one for one in (empty_store, registry, *own)}
    return every | {module.__name__.rpartition(".")[2]: module for module in MODULES}


def public(owner):
    for name, call in inspect.getmembers(owner, callable):
        is_own = not inspect.ismodule(owner) or (
            inspect.isfunction(call) and call.__module__ == owner.__name__
        )
        if not name.startswith("_") and is_own:
            yield name


def test_each_page_and_each_call_has_its_line(owners):
    pages = {"Home.py", *(path.name for path in (ROOT / "pages").glob("*.py"))}
    assert pages == {*PAGES}
    found = {f"{name}.{call}" for name, owner in owners.items() for call in public(owner)}
    assert found == {*CALLS}, "enter it into second_opinion/access/role_table.py"
    assert {*CALLS.values()} <= {*roles.MAY, OWN, OPEN, PROGRAM_ALONE}
    for entry in frame.PAGES:
        assert roles.rank(entry.needed) <= roles.rank(PAGES[entry.file.rpartition("/")[2]])


@pytest.mark.parametrize("call", ACTS)
def test_the_rule_stands_in_the_call(owners, call):
    """For each role, signed in or not; whether a browser is local gives a role and no more."""
    owner, _, name = call.partition(".")
    verb = getattr(owners[owner], name)
    needed = [one for one in inspect.signature(verb).parameters.values() if one.name != "by"]
    places = [one for one in needed if one.default is one.empty and one.kind != one.KEYWORD_ONLY]
    words = {one.name: None for one in needed if one.default is one.empty and one not in places}
    for role, proof in product(roles.ROLES, ({}, SIGNED_IN)):
        person = Expert("Ada", role=role, **proof)
        said = ""
        try:
            outcome = verb(*[None] * len(places), **words, by=person)
            with suppress(TypeError):
                next(iter(outcome))
        except UserError as error:
            said = str(error)
        except (AttributeError, TypeError, ValueError, StopIteration, sqlite3.Error):
            # What it was asked about is none: it has let the person pass.
            pass
        is_refused = said.startswith(f"Ada may not {ACTS[call]};")
        assert is_refused == (not roles.may(person, ACTS[call])), (call, role, said)


# What a call that only tells is asked with, by the names of its parameters.
WORDS = {"event_filter": EventFilter(), "out": None, "store": None}
# A copy of the database holds everything: docs/security.md says so.
WHOLE = {"copies.opened_copy"}
BLIND = replace(OWNER, hidden_models=frozenset({"dose"}), **SIGNED_IN)


@pytest.fixture
def of_dose(empty_store, registry):
    """A store in which much is of a model, and little of another; what tells of the first."""
    store, log = empty_store, empty_store.event_log
    traces, batches = ["dose"], []
    for name in ("dose", "triage"):
        batch, _ = scored_batch(store, registry, name, 4)
        card, terms = registry.card(name), Terms(target=0.6, twice=0.0, tolerance=5.0)
        terms = terms if name == "dose" else replace(terms, tolerance=None)
        plan = plan_of_batch.freeze(store, card, batch, terms, by=OWNER)
        made = ScoredRows(store).opened(batch, 1, card)
        said = verdict(made)
        store.add_verdict(said)
        store.review(by=OWNER).triage(said.id, "accepted", by=OWNER)
        aliases.promote(registry, store, f"{name}/1", alias="trial", by=OWNER)
        downloads.scored_file(store, batch, by=OWNER)
        store.column_choices.choose(batch.id, CaseColumns(hidden=batch.columns[:1]), by=OWNER)
        narrow = VerdictFilter(model=name)
        exports.export(store, BytesIO(), verdict_filter=narrow, by=OWNER)
        exports.export(store, BytesIO(), verdict_filter=VerdictFilter(batch=batch.id), by=OWNER)
        invited = [
            Invitation(f"Asked of {name} {at}", **about)
            for at, about in enumerate(
                ({"model": name}, {"model": f"{name}@champion"}, {"plan_id": plan.id})
            )
        ]
        for one in invited:
            store.invitations.invite(one, by=OWNER)
        log.add(Event("fetch", "Olga", {"address": f"models:/{name}/1", "model": f"{name}/1"}))
        log.add(Event("announcement", "the program", {"what": "decision", "plan": plan.id}))
        log.add(Event("adjudicate", "Olga", {"prediction": made.id}))
        batches.append(batch.id)
        if name == "dose":
            traces += [batch.id, plan.id, said.id, made.id]
    return traces, batches[1]


def told(owners, call, person):
    """What a call that needs nothing to be asked about tells this person; None for another."""
    owner, _, name = call.partition(".")
    verb, out = getattr(owners[owner], name), BytesIO()
    words = WORDS | {"store": owners["Store"], "out": out}
    parameters = inspect.signature(verb).parameters
    needed = [one.name for one in parameters.values() if one.default is one.empty]
    if "by" not in parameters or not {*needed} <= {*words, "by"}:
        return None
    try:
        outcome = verb(**{one: words[one] for one in needed if one != "by"}, by=person)
        outcome = list(outcome) if isinstance(outcome, Iterator) else outcome
    except UserError as error:
        return str(error)
    return f"{outcome!r} {out.getvalue().decode(errors='replace')}"


def test_no_call_of_any_role_tells_of_a_model_that_is_hidden(owners, of_dose):
    traces, other = of_dose
    tell, tell_of_other = set(), set()
    for call in CALLS.keys() - WHOLE:
        text = told(owners, call, OWNER) or ""
        tell |= {call for trace in traces if trace in text}
        text = told(owners, call, BLIND) or ""
        assert [trace for trace in traces if trace in text] == [], call
        tell_of_other |= {call for trace in ("triage", other) if trace in text}
    reading = {"EventLog.newest", "EventLog.page", "EventLog.each", "event_export.export_events"}
    assert {*reading, "Invitations.listed", "Plans.listed", "Batches.listed"} <= tell
    assert tell - {"exports.export"} <= tell_of_other


def test_the_log_without_a_hidden_model_has_every_other_event_and_counts_alike(owners, of_dose):
    log = owners["EventLog"]
    whole = [one for some in log.each(EventFilter(), by=OWNER) for one in some]
    rest = [one for some in log.each(EventFilter(), by=BLIND) for one in some]
    kinds = Counter(one.what for one in whole)
    # What was done was done with either model.
    assert Counter(one.what for one in rest) == {kind: n // 2 for kind, n in kinds.items()}
    page = log.page(EventFilter(), size=1000, by=BLIND)
    assert (page.events, page.total) == (rest, len(rest))
    assert {*log.kinds(by=BLIND)} == {one.what for one in rest}
    assert {*log.people(by=BLIND)} == {one.who for one in rest}
    one_model = replace(BLIND, hidden_models=frozenset({"dos", "dose/1", "triag"}))
    assert log.page(EventFilter(), by=one_model).total == len(whole)


def test_a_link_to_a_hidden_model_is_no_owners_to_change_or_to_make(owners, of_dose):
    links = owners["Invitations"]
    for state in links.listed(by=OWNER):
        invitation = state.invitation
        is_open = invitation.name.startswith("Asked of triage")
        for act in (links.revoke, links.restore, links.renew):
            said = ""
            try:
                act(invitation.id, by=BLIND)
            except UserError as error:
                said = str(error)
            assert ("is not in the feedback database" in said) == (not is_open)
        if is_open:
            links.invite(replace(invitation, id=new_id()), by=BLIND)
        else:
            with pytest.raises(UserError, match="There is no model 'dose'"):
                links.invite(replace(invitation, id=new_id()), by=BLIND)


def test_cases_of_a_hidden_model_do_not_count_among_those_that_an_expert_judged(
    empty_store, registry
):
    invited = Invitation("Ada")
    empty_store.invitations.invite(invited, by=OWNER)
    for name in ("dose", "triage"):
        batch, _ = scored_batch(empty_store, registry, name, 4)
        for row in (1, 2):
            made = ScoredRows(empty_store).opened(batch, row, registry.card(name))
            signed = {"identity_source": "invite", "expert_key": invited.expert.expert_key}
            said = verdict(made, **signed)
            empty_store.add_verdict(said)
        if name == "dose":
            assert empty_store.invitations.listed(by=BLIND)[0].last_verdict_at is None
    (whole,) = empty_store.invitations.listed(by=OWNER)
    (rest,) = empty_store.invitations.listed(by=BLIND)
    assert (whole.cases, rest.cases, rest.last_verdict_at) == (4, 2, said.created_at)


SECRETS = """
[auth]
redirect_uri = "http://localhost:8501/oauth2callback"
cookie_secret = "x"
client_id = "app"
client_secret = "x"
server_metadata_url = "https://login.example.org/.well-known/openid-configuration"
[roles]
"reviewers" = "reviewer"
"owners" = "owner"
"""


@pytest.mark.slow
@pytest.mark.parametrize("has_login", [True, False])
@pytest.mark.parametrize("is_local", [True, False])
@pytest.mark.parametrize("role", roles.ROLES)
def test_each_page_opens_to_its_role(place, monkeypatch, role, is_local, has_login):
    monkeypatch.setattr(who, "is_local", lambda: is_local)
    at = AppTest.from_file(ROOT / "Home.py", default_timeout=30)
    if has_login:
        (place / "secrets.toml").write_text(SECRETS, "utf-8")
        at.user = {"is_logged_in": True, "iss": "i", "sub": "1", "provider": "default"}
        at.user |= {"groups": [f"{role}s"]}
    else:
        monkeypatch.setenv("OWNER_CODE", "of the owner alone")
        at.session_state["who_expert"] = Expert.declared("Ada")
        at.session_state["who_cases"] = []
        at.session_state["who_by_code"] = role
    for page, needed in PAGES.items():
        at.switch_page(page if page == "Home.py" else f"pages/{page}").run()
        assert not at.exception
        is_closed = any(text.value.startswith("This is for ") for text in at.main.get("text")[:2])
        if page != "7_Models.py":
            assert is_closed == (roles.rank(role) < roles.rank(needed)), (page, role)


def test_each_call_over_http_has_its_line_and_the_line_holds(api, place):
    """Without a token, with a wrong one, and with one of each role."""
    routes = [r for module in (*application.ROUTERS, api_description) for r in module.router.routes]
    found = {f"{method} {route.path}" for route in routes for method in route.methods}
    assert found == {*ROUTES}, "enter it into second_opinion/access/role_table.py"
    store = Store.open(place / "feedback.db")
    tokens = {
        role: store.made_tokens.make(f"a program of the {role}", role, by=OWNER)
        for role in ("expert", "reviewer")
    }
    for route, act in ROUTES.items():
        method, _, path = route.partition(" ")
        path = path.format(name="risk", version="1")
        body = b"{}" if method == "POST" else None
        if act != OPEN:
            assert api(path, body, method=method).status == 401, route
            assert api(path, body, method=method, headers=bearer("wrong")).status == 401, route
        for role, token in tokens.items():
            status = api(path, body, method=method, headers=bearer(token)).status
            allowed = act == OPEN or roles.rank(role) >= roles.rank(roles.MAY[act])
            assert (status == 403) == (not allowed), (route, role, status)
            assert status < 500, (route, role, status)
