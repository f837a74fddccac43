"""The table of roles: every page and every call has its line, and the line holds."""

import inspect
import sqlite3
from contextlib import suppress
from itertools import product

import pytest
from builders import OWNER, ROOT
from calls import bearer
from streamlit.testing.v1 import AppTest

from second_opinion.access import roles
from second_opinion.access.role_table import CALLS, OPEN, OWN, PAGES, PROGRAM_ALONE, ROUTES
from second_opinion.api import api_description, application
from second_opinion.batches import downloads, jobs
from second_opinion.errors import UserError
from second_opinion.evidence import decision, plan_of_batch
from second_opinion.models import aliases, card_editing
from second_opinion.records.expert import Expert
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
