"""Whether Unity Catalog lets a person use a model: only a plain yes opens it."""

import json
import time

import pytest
from permission_server import PATH, UnityCatalog

from second_opinion.access import execute_right
from second_opinion.access.execute_right import may_execute
from second_opinion.models.remote.model_address import ModelAddress

MODEL = "main.ml_models.iris"
YES = json.dumps({"full_name": MODEL})


@pytest.fixture
def catalog(monkeypatch):
    monkeypatch.setattr(execute_right, "_answers", {})
    monkeypatch.setattr(execute_right, "SILENCE_SECONDS", 0.3)
    stand_in = UnityCatalog()
    yield stand_in
    stand_in.close()


def test_who_may_execute_is_asked_with_the_own_token(catalog):
    catalog.allow("token-of-ada", MODEL)
    assert may_execute(catalog.url, MODEL, "token-of-ada")
    assert not may_execute(catalog.url, MODEL, "token-of-bob")
    assert catalog.asked == [(PATH + MODEL, "token-of-ada"), (PATH + MODEL, "token-of-bob")]


@pytest.mark.parametrize(
    "answer",
    [
        None,
        (401, "{}"),
        (403, YES),
        (404, YES),
        (429, YES),
        (500, YES),
        (200, ""),
        (200, "not json"),
        (200, "[]"),
        (200, "null"),
        (200, "{}"),
        (200, '{"full_name": null}'),
        (200, '{"full_name": "main.ml_models.other"}'),
        (200, "<html>sign in</html>"),
        (302, "/elsewhere"),
    ],
)
def test_a_refusal_silence_and_nonsense_close_the_model(catalog, answer):
    catalog.answers["t"] = answer
    assert not may_execute(catalog.url, MODEL, "t")


def test_nobody_is_asked_without_a_token_and_a_host_that_is_away_says_no(catalog):
    assert not may_execute(catalog.url, MODEL, "")
    assert catalog.asked == []
    catalog.close()
    assert not may_execute(catalog.url, MODEL, "t")
    assert not may_execute("http://[", MODEL, "t")
    assert not may_execute(catalog.url, MODEL, "line\nfeed")


def test_a_token_does_not_go_on_to_where_the_answer_sends(catalog):
    other = UnityCatalog()
    catalog.answers["t"] = (302, other.url + PATH + MODEL)
    assert not may_execute(catalog.url, MODEL, "t")
    assert [token for _, token in other.asked] == [""]
    other.close()


def test_a_token_goes_in_the_open_to_this_machine_alone():
    url = execute_right._url
    for host in ("adb-1.example.net", "https://adb-1.example.net/", "http://adb-1.example.net"):
        assert url(host, MODEL) == f"https://adb-1.example.net{PATH}{MODEL}"
    assert url("http://localhost:1", "a.b.c/d?e") == f"http://localhost:1{PATH}a.b.c%2Fd%3Fe"


def test_an_answer_holds_for_a_minute_by_a_hash_of_person_and_model(catalog, monkeypatch):
    catalog.allow("secret-token", MODEL)
    for _ in range(3):
        assert may_execute(catalog.url, MODEL, "secret-token")
        assert not may_execute(catalog.url, "main.ml_models.other", "secret-token")
        assert not may_execute(catalog.url, MODEL, "other-token")
    assert len(catalog.asked) == 3
    assert "token" not in repr(execute_right._answers)
    catalog.answers["secret-token"] = (403, "{}")
    now = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: now() + 59)
    assert may_execute(catalog.url, MODEL, "secret-token")
    monkeypatch.setattr(time, "monotonic", lambda: now() + 61)
    assert not may_execute(catalog.url, MODEL, "secret-token")


def test_what_is_remembered_is_bounded(catalog, monkeypatch):
    monkeypatch.setattr(execute_right, "MOST_REMEMBERED", 3)
    for at in range(6):
        may_execute(catalog.url, MODEL, f"t{at}")
    assert len(execute_right._answers) == 3


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("models:/main.ml_models.iris@Champion", MODEL),
        ("models:/main.ml_models.iris/3", MODEL),
        ("models:/iris/3", ""),
        ("models:/a.b/3", ""),
        ("runs:/0123456789abcdef0123456789abcdef/a.b.c", ""),
    ],
)
def test_a_name_of_three_parts_is_one_of_unity_catalog(address, name):
    assert ModelAddress.read(address).in_unity_catalog == name
