"""POST /api/predict: the same answers as everywhere, stored before they are told, or a reason."""

import json
import socket
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import joblib
import pandas as pd
import pytest
from builders import OWNER, examples
from hypothesis import given
from hypothesis import strategies as st

from second_opinion import Registry, Store
from second_opinion.api import asked_cases, json_body, work
from second_opinion.errors import UserError
from second_opinion.models import aliases
from second_opinion.models.formats import loading
from second_opinion.records.value import same_value

MODELS = ("triage", "dose", "risk", "iris", "hostile")


def typical(models, name):
    return Registry(models).card(name).case_schema.typical


def stored(place):
    """Every stored prediction, by its id."""
    with sqlite3.connect(f"file:{place}/feedback.db?mode=ro", uri=True) as database:
        database.row_factory = sqlite3.Row
        return {row["id"]: dict(row) for row in database.execute("SELECT * FROM predictions")}


# --- the same answer everywhere


@pytest.mark.parametrize("name", MODELS)
def test_the_answer_is_to_the_bit_that_of_the_form_and_of_the_command_score(
    api, place, models, name, run
):
    registry = Registry(models)
    model = registry.load(name)
    reference = registry.reference(name)
    cases = [reference.plausible(model.card.case_schema, seed) for seed in range(12)]
    for case in cases:
        (said,) = api("/api/predict", {"model": name, "cases": [case]}).body["predictions"]
        form = model.predict_one(case, asked_by="Ada", source="form", id=said["id"])
        assert same_value(said["value"], form.value)
        assert said["confidence"] == form.confidence
        assert said["probabilities"] == (form.probabilities and list(form.probabilities))
        assert tuple(said["flags"]) == form.flags
        (place / "case.json").write_text(json.dumps([case]))
        code, table, _ = run("score", place / "case.json", "-o", place / "out.csv", "--model", name)
        assert code == 0, table
        row = pd.read_csv(place / "out.csv", dtype=str, keep_default_na=False).iloc[0]
        assert row["prediction"] == str(said["value"])
        assert row["confidence"] == ("" if said["confidence"] is None else repr(said["confidence"]))
        assert row["flags"] == ";".join(said["flags"])


def test_what_was_answered_is_stored_with_its_inputs_and_hashes(api, place, models):
    card, case = Registry(models).card("triage"), typical(models, "triage")
    reply = api("/api/predict", {"model": "triage@champion", "cases": [case, case]})
    assert reply.status == 200
    assert (reply.body["model"], reply.body["version"]) == ("triage", "1")
    assert reply.body["latency_ms"] > 0
    rows = stored(place)
    assert [one["id"] for one in reply.body["predictions"]] == list(rows)
    for one in reply.body["predictions"]:
        row = rows[one["id"]]
        assert json.loads(row["inputs"]) == case
        assert json.loads(row["value"]) == one["value"]
        assert (row["source"], row["alias"]) == ("api", "champion")
        assert row["model_sha256"] == card.artifact.sha256
        assert row["card_sha256"] == card.question_sha256


def test_without_a_model_the_one_that_is_shown_first_answers(api, models, monkeypatch):
    monkeypatch.setenv("MODEL", "dose")
    reply = api("/api/predict", {"cases": [typical(models, "dose")]})
    assert reply.body["model"] == "dose"


def test_an_alias_that_is_shared_draws_the_version_by_the_id(api, place, models):
    registry, store = Registry(models), Store.open(place / "feedback.db")
    aliases.split(registry, store, "triage", {"1": 0.5, "2": 0.5}, by=OWNER)
    look = Registry(models, store.alias_moves).look()
    reply = api("/api/predict", {"model": "triage@ab", "cases": [typical(models, "triage")] * 40})
    drawn = {one["id"]: one["version"] for one in reply.body["predictions"]}
    assert drawn == {name: look.arm("triage@ab", name) for name in drawn}
    assert set(drawn.values()) == {"1", "2"}
    assert reply.body["version"] is None
    assert {name: row["version"] for name, row in stored(place).items()} == drawn
    assert {row["alias"] for row in stored(place).values()} == {"ab"}


def test_a_value_outside_the_training_cases_is_answered_and_flagged(api, models):
    case = typical(models, "risk") | {"age": 400}
    (said,) = api("/api/predict", {"model": "risk", "cases": [case]}).body["predictions"]
    assert "out_of_range:age" in said["flags"]


@pytest.mark.slow
def test_ten_thousand_cases_are_one_call(api, place, models):
    reply = api("/api/predict", {"model": "risk", "cases": [typical(models, "risk")] * 10_000})
    assert len({one["id"] for one in reply.body["predictions"]}) == 10_000
    assert len(stored(place)) == 10_000


def test_calls_at_once_are_answered_to_the_bit_as_if_each_came_alone(api, models):
    model = Registry(models).load("risk")
    cases = [
        Registry(models).reference("risk").plausible(model.card.case_schema, seed)
        for seed in range(20)
    ]
    bodies = [{"model": "risk", "cases": [case]} for case in cases]
    with ThreadPoolExecutor(20) as threads:
        replies = list(threads.map(lambda body: api("/api/predict", body), bodies))
    for case, reply in zip(cases, replies, strict=True):
        (said,) = reply.body["predictions"]
        (alone,) = model.outputs([case]).probabilities.tolist()
        assert said["probabilities"] == alone


def test_calls_at_once_are_each_answered_and_stored(api, place, models):
    body = {"model": "risk", "cases": [typical(models, "risk")]}
    with ThreadPoolExecutor(20) as threads:
        replies = list(threads.map(lambda _: api("/api/predict", body), range(60)))
    assert {reply.status for reply in replies} == {200}
    assert len(stored(place)) == 60


# --- bad input


def risk(models, **changed):
    return {"model": "risk", "cases": [typical(models, "risk"), typical(models, "risk") | changed]}


@pytest.mark.parametrize(
    ("age", "found", "expected"),
    [
        ('"old"', '"old"', "whole number"),
        ('"35"', '"35"', "whole number"),
        ("35.5", "35.5", "whole number"),
        ("true", "true", "whole number"),
        ("[35]", "[35]", "whole number"),
        ('{"a": 1}', "{", "whole number"),
        ("null", "empty", "whole number"),
        ("NaN", "NaN", "a finite number, or null"),
        ("-Infinity", "-Infinity", "a finite number, or null"),
        ("1e999", "inf", "whole number"),
        ("9" * 400, "9", "whole number"),
    ],
)
def test_a_value_that_will_not_do_is_named_with_row_field_and_what_is_expected(
    api, place, models, age, found, expected
):
    body = json.dumps(risk(models, age="AGE")).replace('"AGE"', age)
    reply = api("/api/predict", body.encode())
    assert reply.status == 422, reply.body
    assert reply.headers["content-type"] == "application/problem+json"
    (fault,) = reply.body["errors"]
    assert (fault["row"], fault["field"]) == (2, "age")
    assert found in fault["found"]
    assert expected in fault["expected"]
    assert reply.body["detail"].startswith("Row 2: age is ")
    assert not (place / "feedback.db").exists() or not stored(place)


STRANGE = [
    *(
        "null",
        "true",
        "[]",
        "{}",
        "[[]]",
        '""',
        '" "',
        '"\\ud800"',
        '"\\u0000"',
        '"a"',
        "0",
        "-0.0",
    ),
    *("1e308", "-1e308", "1e309", "9" * 400, "-" + "9" * 4000, '"2026-02-30"', '"9999-12-31"'),
    *('"0001-01-01"', '"NaN"', "[NaN]", '{"a": Infinity}', '"2026-11-20T14:30+25:00"'),
]


def test_whatever_stands_in_a_field_of_any_kind_is_answered_or_refused(api, models):
    case = typical(models, "triage")
    replies = []
    for name in case:
        rest = {other: value for other, value in case.items() if other != name}
        for value in STRANGE:
            text = json.dumps(rest)[:-1] + f', "{name}": {value}}}'
            reply = api("/api/predict", f'{{"model": "triage", "cases": [{text}]}}'.encode())
            assert reply.status in (200, 422), (name, value, reply)
            if reply.status == 422:
                assert {one.get("row", 1) for one in reply.body["errors"]} == {1}
                assert [one["field"] for one in reply.body["errors"]] != [""], (name, value, reply)
            replies.append(reply.status)
    assert set(replies) == {200, 422}


def test_fields_that_are_missing_misspelt_or_too_many_are_each_named(api, models):
    case = typical(models, "risk")
    without = {name: value for name, value in case.items() if name != "age"}
    misspelt = {("agee" if name == "age" else name): value for name, value in case.items()}
    body = {"model": "risk", "cases": [without, misspelt, case | {"weight_of_shoes": 1}]}
    errors = api("/api/predict", body).body["errors"]
    assert [(one["row"], one["field"]) for one in errors] == [
        (1, "age"),
        (2, "agee"),
        (3, "weight_of_shoes"),
    ]
    assert "did you mean age" in errors[1]["expected"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "no JSON"),
        (b"not json", "line 1, column 1"),
        (b'{"cases": [{"a": 1,}]}', "no JSON"),
        (b'{"cases": [{"a": 1}]', "no JSON"),
        (b"\xff\xfe\xfa", "expected"),
        (b'\x80{"cases": []}', "UTF-8"),
        (b"[]", "no object"),
        (b"3", "no object"),
        (b"null", "no object"),
        (b"NaN", "NaN"),
        (b'{"cases": [{"age": 1, "age": 2}]}', "age stands there twice"),
        (b'{"cases": ' + b"[" * 100_000, "nested too deeply"),
        (b'{"cases": []}', "at least one item"),
        (b'{"cases": {}}', "a list"),
        (b'{"cases": [3]}', "an object"),
        (b'{"cases": [{}], "modell": "risk"}', "modell"),
        (b'{"cases": [{}], "model": 3}', "model"),
        (b'{"model": "risk"}', "cases"),
        (b'{"cases": [{"' + b"a" * 10_000 + b'": 1}], "model": "risk"}', "not a field"),
        (b'{"cases": [{"\\ud800": 1}], "model": "risk"}', "not a field"),
        (b'{"cases": [{"age": ' + b"9" * 5_000 + b'}], "model": "risk"}', "expected"),
    ],
)
def test_a_body_that_holds_no_cases_is_refused_in_words(api, body, said):
    reply = api("/api/predict", body)
    assert reply.status == 422
    assert reply.headers["content-type"] == "application/problem+json"
    assert said in reply.body["detail"]
    assert reply.body["status"] == 422
    assert api("/api/ready").status == 200


@pytest.mark.parametrize(
    "ref", ["nobody", "risk@nobody", "risk/99", "@", "/", "risk@", "../risk/1"]
)
def test_a_model_or_alias_that_is_not_there_is_not_found(api, ref):
    reply = api("/api/predict", {"model": ref, "cases": [{}]})
    assert (reply.status, reply.headers["content-type"]) == (404, "application/problem+json")
    assert "there" in reply.body["detail"] or "it has" in reply.body["detail"]


def test_one_case_too_many_and_a_body_too_long_are_too_large(api, place, models):
    many = api("/api/predict", {"model": "risk", "cases": [{}] * 10_001})
    assert (many.status, many.headers["content-type"]) == (413, "application/problem+json")
    assert "10,001" in many.body["detail"]
    assert "10,000" in many.body["detail"]
    long = api("/api/predict", b" " * 20_000_000)
    assert (long.status, long.headers["content-type"]) == (413, "application/problem+json")
    assert f"{json_body.MOST_BYTES // 2**20} MB" in long.body["detail"]
    assert api("/api/predict", {"cases": [typical(models, "risk")], "model": "risk"}).status == 200


def test_a_body_that_does_not_say_how_long_it_is_is_bounded_too(api):
    parts = (b" " * 2**20 for _ in range(20))
    assert api("/api/predict", parts).status == 413


def test_bodies_that_are_held_together_are_bounded(api, api_port, models, monkeypatch):
    monkeypatch.setattr(json_body, "MOST_HELD", 2**20)
    body = {"model": "risk", "cases": [typical(models, "risk")]}
    content = json.dumps(body).encode() + b" " * 2**19
    with closing(socket.create_connection(("127.0.0.1", api_port))) as slow:
        head = f"POST /api/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {2**20}\r\n\r\n"
        slow.sendall(head.encode() + b" " * (2**19 + 2**18))
        wait_for(lambda: json_body.HeldBytes.together >= 2**19 + 2**18)
        reply = api("/api/predict", content)
        assert (reply.status, reply.headers["retry-after"]) == (429, "1")
        assert "1 MB together" in reply.body["detail"]
        assert api("/api/predict", body).status == 200
    wait_for(lambda: json_body.HeldBytes.together == 0)
    assert api("/api/predict", content).status == 200


def wait_for(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_an_object_of_many_fields_with_one_twice_is_refused_at_once(api):
    fields = ",".join(f'"f{at}": 1' for at in range(300_000))
    reply = api("/api/predict", f'{{"cases": [{{{fields}, "f7": 2}}]}}'.encode())
    assert reply.status == 422
    assert "f7 stands there twice" in reply.body["detail"]


def copied(models, place, monkeypatch, name):
    import shutil

    shutil.copytree(models / name, place / "model" / name)
    monkeypatch.setenv("MODEL_DIR", str(place / "model"))
    return place / "model" / name / "1"


def test_a_model_that_fails_to_load_is_said_and_the_others_go_on(api, place, models, monkeypatch):
    home = copied(models, place, monkeypatch, "risk")
    copied(models, place, monkeypatch, "dose")
    (home / "model.joblib").write_bytes(b"something else")
    reply = api("/api/predict", {"model": "risk", "cases": [typical(models, "risk")]})
    assert (reply.status, reply.headers["content-type"]) == (503, "application/problem+json")
    assert "not the file that was added" in reply.body["detail"]
    assert api("/api/predict", {"model": "dose", "cases": [typical(models, "dose")]}).status == 200
    health = api("/api/health")
    assert (health.status, health.body["status"]) == (200, "problem")
    states = {one["name"]: (one["loaded"], one["problem"]) for one in health.body["models"]}
    assert states["dose"] == (True, "")
    assert not states["risk"][0]
    assert "not the file that was added" in states["risk"][1]


def test_health_says_what_was_loaded_and_loads_nothing(api, place, models, monkeypatch):
    home = copied(models, place, monkeypatch, "risk")
    times = loading.times_loaded()
    assert api("/api/health").body["models"] == [
        {"name": "risk", "version": "1", "loaded": False, "problem": ""}
    ]
    assert api("/api/health").body["status"] == "ok"
    assert loading.times_loaded() == times
    assert api("/api/ready").status == 200
    assert api("/api/health").body["models"][0]["loaded"]
    (home / "model.joblib").write_bytes(b"something else")
    assert not api("/api/health").body["models"][0]["loaded"]
    assert api("/api/ready").status == 503
    assert "not the file" in api("/api/health").body["models"][0]["problem"]


def test_whether_the_app_lives_is_answered_while_all_threads_work(api, models, monkeypatch):
    done, busy = threading.Event(), []

    def slow(*args, **kwargs):
        busy.append(1)
        done.wait(30)
        raise UserError("over")

    monkeypatch.setattr(asked_cases, "predicted", slow)
    body = {"model": "risk", "cases": [typical(models, "risk")]}
    with ThreadPoolExecutor(work.THREADS + 2) as threads:
        calls = [threads.submit(api, "/api/predict", body) for _ in range(work.THREADS + 2)]
        wait_for(lambda: len(busy) == work.THREADS)
        try:
            assert api("/api/health").status == 200
            assert api("/api/ready").status == 200
        finally:
            done.set()
        assert {call.result().status for call in calls} == {422}


class Picky:
    """A model of somebody's own that fails on some cases."""

    classes_ = ("a", "b")

    def predict(self, cases):
        if (cases["x"] > 5).any():
            raise RuntimeError("cannot think above five")
        return ["a"] * len(cases)


def test_where_the_model_itself_fails_the_rows_are_named(api, place, monkeypatch):
    from sklearn.dummy import DummyClassifier

    X = pd.DataFrame({"x": [0.0, 1, 2, 3]})
    Registry(place / "model").add(
        DummyClassifier().fit(X, ["a", "b", "a", "b"]), X, pd.Series(["a", "b", "a", "b"]), name="p"
    )
    monkeypatch.setenv("MODEL_DIR", str(place / "model"))
    path = place / "model" / "p" / "1"
    joblib.dump(Picky(), path / "model.joblib")
    card = json.loads((path / "card.json").read_text())
    from hashlib import sha256

    card["artifact"]["sha256"] = sha256((path / "model.joblib").read_bytes()).hexdigest()
    (path / "card.json").write_text(json.dumps(card))
    reply = api("/api/predict", {"cases": [{"x": 1.0}, {"x": 9.0}, {"x": 2.0}, {"x": 8.0}]})
    assert reply.status == 422
    assert [one["row"] for one in reply.body["errors"]] == [2, 4]
    assert "cannot think above five" in reply.body["detail"]
    assert api("/api/predict", {"cases": [{"x": 1.0}]}).status == 200


def test_a_database_that_cannot_be_used_is_no_fault_of_the_call(api, place, models, monkeypatch):
    (place / "other.db").write_bytes(b"no database, but long enough to look at" * 100)
    monkeypatch.setenv("FEEDBACK_DB", str(place / "other.db"))
    reply = api("/api/predict", {"model": "risk", "cases": [typical(models, "risk")]})
    assert (reply.status, reply.headers["content-type"]) == (503, "application/problem+json")
    assert "not a SQLite database" in reply.body["detail"]
    assert api("/api/health").status == api("/api/ready").status == 503


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@pytest.mark.slow
@examples(150)
@given(content=st.dictionaries(st.sampled_from(["model", "cases", "x"]), ANYTHING))
def test_no_body_whatever_is_answered_with_a_fault_of_ours(api_port, content):
    from calls import call

    assert call(api_port, "/api/predict", content).status in (404, 413, 422)


@pytest.mark.parametrize(
    ("cases", "said"),
    [
        ([{f"f{at}": 1 for at in range(100_000)}], "100,000 fields"),
        ([{f"f{at}": 1 for at in range(100)}] * 5000, "at least "),
    ],
)
def test_so_many_faults_that_nobody_reads_them_are_not_all_looked_for(api, cases, said):
    reply = api("/api/predict", {"model": "risk", "cases": cases})
    assert reply.status == 422
    assert said in reply.body["detail"]
    assert len(reply.body["errors"]) <= 100


@pytest.mark.parametrize("name", ["iris", "dose", "risk"])
def test_bare_values_are_those_of_the_answers_and_stored_too(api, place, models, name):
    body = {"model": name, "cases": [typical(models, name)] * 2}
    said = api("/api/predict", body).body
    bare = api("/api/predict?output=values", body)
    assert bare.status == 200
    assert bare.body == {
        "predictions": [one["value"] for one in said["predictions"]],
        "model": name,
        "version": "1",
        "input_rows": 2,
    }
    assert said["input_rows"] == 2
    assert len(stored(place)) == 4
    assert api("/api/predict?output=table", body).status == 422
