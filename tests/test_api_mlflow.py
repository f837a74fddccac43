"""POST /invocations and GET /ping: what a client of MLflow sends and reads."""

import json

import pandas as pd
import pytest
from builders import ROOT
from sklearn.linear_model import LogisticRegression

from second_opinion import Registry, Store


@pytest.fixture
def invoke(api, monkeypatch):
    """Sends one body to the demo model of irises."""
    monkeypatch.setenv("MODEL_DIR", str(ROOT / "model"))
    monkeypatch.setenv("MODEL", "iris")
    return lambda body, **more: api("/invocations", body, **more)


NAMES = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
ROWS = [[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]]
RECORDS = [dict(zip(NAMES, row, strict=True)) for row in ROWS]
COLUMNS = {name: [row[at] for row in ROWS] for at, name in enumerate(NAMES)}
SAID = {"predictions": ["setosa", "virginica"]}


@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_split": {"columns": NAMES, "data": ROWS}},
        {"dataframe_split": {"columns": NAMES[::-1], "data": [row[::-1] for row in ROWS]}},
        {"dataframe_split": {"columns": NAMES, "data": ROWS, "index": [7, 9]}},
        {"dataframe_split": {"data": ROWS}},
        {"dataframe_records": RECORDS},
        {"dataframe_records": RECORDS, "params": {}},
        {"instances": RECORDS},
        {"instances": ROWS},
        {"inputs": RECORDS},
        {"inputs": ROWS},
        {"inputs": COLUMNS},
        {"dataframe_records": [record | {"patient": "A-17"} for record in RECORDS]},
        {"inputs": {name: [[value] for value in column] for name, column in COLUMNS.items()}},
    ],
)
def test_every_form_of_mlflow_is_answered_and_stored(invoke, place, body):
    reply = invoke(body)
    assert (reply.status, reply.body) == (200, SAID)
    (count,) = Store.open(place / "feedback.db").singles.counts("iris")
    assert (count.predictions, count.source) == (2, "api")


def test_csv_is_answered_too(invoke):
    lines = [",".join(NAMES), *(",".join(map(str, row)) for row in ROWS)]
    reply = invoke("\n".join(lines).encode(), headers={"Content-Type": "text/csv; charset=utf-8"})
    assert (reply.status, reply.body) == (200, SAID)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"columns": NAMES, "data": ROWS},
        {"dataframe_split": ROWS},
        {"dataframe_split": {"columns": NAMES}},
        {"dataframe_split": {"columns": NAMES, "data": [[1, 2]]}},
        {"dataframe_split": {"columns": 3, "data": ROWS}},
        {"dataframe_records": {"a": 1}},
        {"instances": 3},
        {"instances": [[1]]},
        {"instances": []},
        {"dataframe_split": {"columns": NAMES, "data": []}},
        {"inputs": {"sepal_length": [1, 2], "sepal_width": [1]}},
        {"dataframe_records": RECORDS, "instances": RECORDS},
        {"dataframe_records": [{"sepal_length": 1}]},
        {"dataframe_records": [RECORDS[0] | {"petal_width": "wide"}]},
    ],
)
def test_what_is_none_of_the_forms_is_refused_as_mlflow_refuses(invoke, body):
    reply = invoke(body)
    assert reply.status == 400
    assert reply.body["error_code"] == "BAD_REQUEST"
    assert "expected" in reply.body["message"]


def test_no_json_too_long_and_too_many_are_refused(invoke):
    assert invoke(b"not json").status == 400
    assert invoke(b" " * 20_000_000).status == 413
    assert invoke({"instances": [[1, 2, 3, 4]] * 10_001}).status == 413


@pytest.fixture
def towns(api, place, monkeypatch):
    """A model that was trained on the dummies of a town, asked in MLflow's forms."""
    X = pd.DataFrame({"age": [30.0, 40, 50, 60] * 20, "city": ["A", "B", "C", "A"] * 20})
    dummies, y = pd.get_dummies(X), X["city"] == "B"
    registry = Registry(place / "model")
    registry.add(LogisticRegression(max_iter=5000).fit(dummies, y), X, y, name="towns", target="y")
    monkeypatch.setenv("MODEL_DIR", str(place / "model"))
    return lambda case: api("/invocations", {"dataframe_records": [case]})


def test_a_case_of_dummies_is_answered_and_its_strange_columns_are_left_out(towns):
    case = {"age": 40, "city_A": 0, "city_B": 1, "city_C": 0, "patient": "A-17"}
    assert towns(case).body == {"predictions": [True]}
    assert towns({"age": 40, "city": "B"}).body == {"predictions": [True]}
    reply = towns({"age": 40, "city_A": 0, "patient": "A-17"})
    assert reply.status == 400
    assert '"city_B" and "city_C"' in reply.body["message"]


def test_another_model_can_be_named_in_the_address(api, monkeypatch, models):
    case = json.loads((models / "dose/1/card.json").read_text())["features"]
    body = {"dataframe_records": [{one["name"]: one["typical"] for one in case}]}
    assert isinstance(api("/invocations?model=dose", body).body["predictions"][0], float)
    reply = api("/invocations?model=nobody", body)
    assert (reply.status, reply.headers["content-type"]) == (404, "application/json")
    assert reply.body["error_code"] == "NOT_FOUND"
    assert "nobody" in reply.body["message"]


def test_ping_says_whether_the_model_is_there(invoke, api, monkeypatch):
    assert api("/ping").status == 200
    monkeypatch.setenv("MODEL", "nobody")
    assert api("/ping").status == 503
