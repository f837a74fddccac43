"""POST /api/predictions: answers of production, checked by the card, stored, and judged here."""

import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest
from visits import CASE, keys, messages, press, start

from second_opinion import Store
from second_opinion.records.expert import Expert

HOME = "Home.py"


@pytest.fixture
def given(registry):
    """An answer that a program gave elsewhere to the typical case of a model."""

    def make(name, **more):
        card = registry.card(name)
        value = 17.5 if card.task == "regression" else card.class_values[0]
        shares = [1 / len(card.classes)] * len(card.classes) if card.classes else None
        return {"inputs": card.case_schema.typical, "value": value, "probabilities": shares} | more

    return make


def stored(place):
    with sqlite3.connect(f"file:{place}/feedback.db?mode=ro", uri=True) as database:
        database.row_factory = sqlite3.Row
        return [dict(row) for row in database.execute("SELECT * FROM predictions")]


@pytest.mark.parametrize("name", ["triage", "dose", "risk", "iris"])
def test_an_answer_of_production_is_stored_and_marked_and_claims_no_hash(api, place, given, name):
    answer = given(name)
    reply = api("/api/predictions", {"model": name, "predictions": [answer]})
    assert reply.status == 200, reply.body
    (row,) = stored(place)
    assert reply.body["predictions"][0]["id"] == row["id"]
    assert (row["source"], row["model_sha256"], row["batch_id"]) == ("api", "", None)
    assert "given_elsewhere" in json.loads(row["flags"])
    assert json.loads(row["inputs"]) == answer["inputs"]
    assert json.loads(row["value"]) == answer["value"]


def test_its_inputs_raise_the_flags_of_the_card(api, given, registry):
    case = registry.card("risk").case_schema.typical | {"age": 400}
    body = {"model": "risk", "predictions": [given("risk", inputs=case, probabilities=[0.5, 0.5])]}
    (said,) = api("/api/predictions", body).body["predictions"]
    assert said["flags"] == ["out_of_range:age", "low_confidence", "given_elsewhere"]


def test_the_same_answer_under_the_same_id_is_stored_once_and_another_is_refused(api, place, given):
    body = {"model": "iris", "predictions": [given("iris", id="order-7")]}
    for _ in range(2):
        assert api("/api/predictions", body).body["predictions"][0]["id"] == "order-7"
    assert len(stored(place)) == 1
    other = {"model": "iris", "predictions": [given("iris", id="order-7", value="virginica")]}
    assert api("/api/predictions", other).status == 409


def test_one_id_twice_in_a_call_is_refused_and_nothing_is_stored(api, place, given):
    answers = [given("iris", id=name) for name in ("a", "b", "a", "b")]
    reply = api("/api/predictions", {"model": "iris", "predictions": [*answers, given("iris")]})
    assert reply.status == 422
    assert [(one["row"], one["field"]) for one in reply.body["errors"]] == [(3, "id"), (4, "id")]
    assert reply.body["detail"].startswith('Row 3: id is "a", as in row 1; expected another one')
    assert not (place / "feedback.db").exists() or not stored(place)


def test_of_calls_at_once_with_one_id_one_is_stored_and_no_other_is_said_to_be(api, place, given):
    values = ["setosa", "versicolor", "virginica"] * 4
    bodies = [
        {"model": "iris", "predictions": [given("iris", id="order-8", value=value), given("iris")]}
        for value in values
    ]
    with ThreadPoolExecutor(len(bodies)) as threads:
        replies = list(threads.map(lambda body: api("/api/predictions", body), bodies))
    (row,) = [row for row in stored(place) if row["id"] == "order-8"]
    said = {v for v, reply in zip(values, replies, strict=True) if reply.status == 200}
    assert said == {json.loads(row["value"])}
    assert {reply.status for reply in replies} == {200, 409}
    assert len(stored(place)) == 1 + 4


@pytest.mark.parametrize(
    "change",
    [
        {"probabilities": [0.6, 0.3, 0.1]},
        {"probabilities": None},
        {"probabilities": None, "confidence": 0.5},
        {"value": "virginica"},
        {"inputs": {"sepal length (cm)": 4.0}},
    ],
)
def test_an_answer_that_differs_in_anything_is_another_one(api, place, given, change):
    inputs = given("iris")["inputs"] | change.get("inputs", {})
    other = given("iris", id="order-9") | change | {"inputs": inputs}
    first = {"model": "iris", "predictions": [given("iris", id="order-9")]}
    assert api("/api/predictions", first).status == 200
    reply = api("/api/predictions", {"model": "iris", "predictions": [given("iris"), other]})
    assert reply.status == 409
    assert "order-9" in reply.body["detail"]
    assert len(stored(place)) == 1


@pytest.mark.parametrize(
    ("name", "change", "field"),
    [
        ("triage", {"value": "Keep"}, "value"),
        ("triage", {"value": None}, "value"),
        ("triage", {"value": 1}, "value"),
        ("dose", {"value": "17"}, "value"),
        ("dose", {"value": True}, "value"),
        ("dose", {"probabilities": [1.0]}, "probabilities"),
        ("risk", {"probabilities": None}, "probabilities"),
        ("risk", {"probabilities": [0.9, 0.9]}, "probabilities"),
        ("iris", {"probabilities": [0.5, 0.5]}, "probabilities"),
        ("iris", {"probabilities": [-1, 1, 1]}, "probabilities"),
        ("iris", {"confidence": 2.0}, "confidence"),
        ("iris", {"confidence": 0.9}, "confidence"),
        ("risk", {"confidence": 0.1}, "confidence"),
        ("dose", {"confidence": 0.9}, "confidence"),
        ("iris", {"inputs": {}}, "sepal"),
        ("iris", {"inputs": {"a": 1}}, "a"),
        ("iris", {"id": "a b"}, "id"),
        ("iris", {"answer": 1}, "answer"),
    ],
)
def test_what_the_card_does_not_know_is_refused_by_row_and_field(
    api, place, given, name, change, field
):
    body = {"model": name, "predictions": [given(name), given(name) | change]}
    reply = api("/api/predictions", body)
    assert reply.status == 422, reply.body
    assert reply.body["errors"][0]["row"] == 2
    assert field in reply.body["errors"][0]["field"]
    assert not (place / "feedback.db").exists() or not stored(place)


def test_it_is_judged_by_its_id_and_opened_on_the_pages(api, place, given, at_home):
    body = {"model": "triage", "predictions": [given("triage")]}
    (said,) = api("/api/predictions", body).body["predictions"]
    verdict = {"prediction_id": said["id"], "expert": "Ada", "judgement": "unsure"}
    assert api("/api/verdicts", verdict).status == 200
    page = start(CASE, name="Grace", prediction=said["id"])
    assert messages(page) == []
    words = " ".join(one.value for one in page.warning)
    assert "given by a program elsewhere" in words
    press(page, "verdict_agree")
    assert messages(page) == []
    rows = Store.open(place / "feedback.db").reviewed()
    assert set(rows["expert"]) == {"Ada", "Grace"}
    distributions = start("pages/4_Distributions.py", name="Grace")
    assert messages(distributions) == []
    counts = {one.source for one in Store.open(place / "feedback.db").singles.counts("triage")}
    assert counts == {"api"}


def test_home_leads_to_each_answer_that_waits_for_a_person(api, place, given, at_home):
    cases = [given("triage", id=f"order-{at}") for at in range(3)]
    assert api("/api/predictions", {"model": "triage", "predictions": cases}).status == 200
    home = start(HOME, name="Grace")
    assert messages(home) == []
    assert "Answers of Triage that programs sent here" in [text.value for text in home.text]
    page = start(CASE, name="Grace", prediction="order-0")
    press(page, "verdict_agree")
    assert "1 of 3 answers that programs sent judged by you" in captions(page)
    press(page, "predict_next_sent")
    assert messages(page) == []
    assert page.query_params["prediction"] == "order-1"
    press(page, "verdict_agree")
    press(page, "predict_next_sent")
    press(page, "verdict_agree")
    assert "predict_next_sent" not in keys(page)
    assert "3 of 3 answers that programs sent judged by you" in captions(page)
    done = start(HOME, name="Grace")
    assert "Nothing: you have judged" in " ".join(text.value for text in done.text)
    ada = start(HOME, name="Ada")
    assert "Answers of Triage that programs sent here" in [text.value for text in ada.text]


def captions(page):
    return [caption.value for caption in page.caption]


def test_who_has_judged_what_was_sent_is_told_by_the_key_of_the_person(api, place, given):
    cases = [given("iris", id=f"order-{at}") for at in range(4)]
    assert api("/api/predictions", {"model": "iris", "predictions": cases}).status == 200
    api("/api/predict", {"model": "iris", "cases": [cases[0]["inputs"]]})
    store = Store.open(place / "feedback.db")
    ada, grace = Expert("Ada"), Expert("Grace")
    for at, judgement in ((0, "agree"), (2, "unsure"), (3, "withdrawn")):
        verdict = {"prediction_id": f"order-{at}", "expert": "Ada", "judgement": judgement}
        if judgement == "withdrawn":
            assert api("/api/verdicts", verdict | {"judgement": "agree"}).status == 200
        assert api("/api/verdicts", verdict).status == 200
    assert [(one.id, one.is_judged) for one in store.singles.sent("iris", by=ada)] == [
        ("order-0", True),
        ("order-1", False),
        ("order-2", True),
        ("order-3", False),
    ]
    assert not any(one.is_judged for one in store.singles.sent("iris", by=grace))
    assert store.singles.sent("triage", by=ada) == []
