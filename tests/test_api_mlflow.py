"""POST /invocations and GET /ping: what a client of MLflow sends and reads."""

import gzip
import json
import sqlite3

import pandas as pd
import pytest
from builders import ROOT
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from second_opinion import Registry, Store
from second_opinion.api import mlflow_forms
from second_opinion.api.problem_json import CallError


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


@pytest.fixture
def wards(api, place, monkeypatch):
    """A model of a postcode that begins with 0, a day and a yes or no, asked in CSV."""
    days = ["2024-01-01", "2024-02-03", "2024-05-01", "2024-06-01"]
    X = pd.DataFrame(
        {
            "postcode": pd.Categorical(["01067", "10115", "01069", "80331"] * 20),
            "admitted": pd.to_datetime(days * 20),
            "dose": [0.5, 1.5, 2.5, None] * 20,
            "smokes": [True, False, True, False] * 20,
        }
    )
    pipeline = make_pipeline(
        make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore"), ["postcode", "admitted", "smokes"]),
            (SimpleImputer(), ["dose"]),
        ),
        LogisticRegression(),
    )
    registry = Registry(place / "model")
    y = X["smokes"].rename("ill")
    registry.add(pipeline.fit(X, y), X, y, name="wards", target="ill")
    monkeypatch.setenv("MODEL_DIR", str(place / "model"))
    return lambda text: api("/invocations", text.encode(), headers={"Content-Type": "text/csv"})


HEAD = "postcode,admitted,dose,smokes\n"


@pytest.mark.parametrize(
    ("line", "inputs"),
    [
        ("01067,2024-01-01,1.5,true", {"postcode": "01067", "dose": 1.5, "smokes": True}),
        ("01067,2024-01-01,1e0,yes", {"postcode": "01067", "dose": 1.0, "smokes": True}),
        ("10115,2024-01-01,,0", {"postcode": "10115", "dose": None, "smokes": False}),
        ('"01069",2024-01-01,3,False', {"postcode": "01069", "dose": 3.0, "smokes": False}),
        ("1e3,2024-01-01,3,False", {"postcode": "1e3", "dose": 3.0, "smokes": False}),
        ("True,2024-01-01,3,1", {"postcode": "True", "dose": 3.0, "smokes": True}),
    ],
)
def test_a_cell_of_csv_means_what_its_column_says(wards, place, line, inputs):
    assert wards(HEAD + line).status == 200
    store = Store.open(place / "feedback.db")
    with sqlite3.connect(place / "feedback.db") as database:
        (prediction_id,) = database.execute("SELECT id FROM predictions").fetchone()
    stored = store.prediction(prediction_id).inputs
    assert stored == inputs | {"admitted": "2024-01-01"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD + "01067,2024-01-01,wide,true", "Row 1: dose is"),
        (HEAD + "01067,2024-01-01,1_0,true", "Row 1: dose is"),
        (HEAD + "01067,2024-01-01,inf,true", "Row 1: dose is"),
        (HEAD + "01067,2024-01-01,1.5,perhaps", "Row 1: smokes is"),
        (HEAD + "01067,2024-01-01,1.5,true\n01067,2024-99-01,1.5,true", "Row 2: admitted is"),
        (HEAD + "01067,2024-01-01,1.5", "Row 1: The row is 3 cells; expected 4"),
        (HEAD + '01067,2024-01-01,1.5,"true', "quot"),
        (HEAD.replace(",", ";") + "01067;2024-01-01;1.5;true", "none of the columns"),
        (HEAD.replace("dose,", "dose,dose,") + "01067,2024-01-01,1.5,2.5,true", "dose"),
        (HEAD.replace("smokes", "Smokes") + "01067,2024-01-01,1.5,true", "smokes"),
        (HEAD, "no rows"),
        ("", "empty"),
        ("[1, 2]", "expected"),
    ],
)
def test_a_csv_that_cannot_be_read_is_refused_with_its_place(wards, place, text, said):
    reply = wards(text)
    assert (reply.status, reply.body["error_code"]) == (400, "BAD_REQUEST")
    assert said in reply.body["message"]
    assert not (place / "feedback.db").exists() or not Store.open(
        place / "feedback.db"
    ).singles.counts("wards")


def test_what_is_packed_is_no_csv(invoke):
    packed = gzip.compress(b"0," * 1_000_000)
    reply = invoke(packed, headers={"Content-Type": "text/csv"})
    assert reply.status == 400
    assert "gzip" in reply.body["message"]


@pytest.mark.parametrize(
    "body",
    [
        {"inputs": {name: [1.0] * 10_001 for name in NAMES}},
        {"dataframe_split": {"columns": NAMES, "data": [[1, 2, 3, 4]] * 10_001}},
        {"dataframe_records": [{}] * 300_000},
        ",".join(NAMES) + "\n" + "1,2,3,4\n" * 300_000,
    ],
)
def test_cases_of_every_form_are_counted_before_they_are_read(invoke, body):
    kind = "text/csv" if isinstance(body, str) else "application/json"
    content = body.encode() if isinstance(body, str) else body
    reply = invoke(content, headers={"Content-Type": kind})
    assert reply.status == 413
    assert "expected up to 10,000" in reply.body["message"]


def test_many_columns_are_looked_through_once_for_one_that_stands_there_twice(registry):
    """Each name may be compared with its twin, not with all the others."""
    compared = []

    class Name(str):
        __hash__ = str.__hash__

        def __eq__(self, other):
            compared.append(other)
            return str.__eq__(self, other)

    names = [Name(f"column {at}") for at in range(500)] + [Name("column 499")]
    body = {"dataframe_split": {"columns": names, "data": []}}
    with pytest.raises(CallError, match="twice"):
        mlflow_forms.json_cases(body, registry.card("iris").case_schema)
    assert len(compared) < 2 * len(names)


def test_a_column_that_stands_there_twice_is_refused(invoke):
    twice = {"columns": [*NAMES, NAMES[0]], "data": [[*ROWS[0], 9.9]]}
    reply = invoke({"dataframe_split": twice})
    assert reply.status == 400
    assert '"sepal_length" twice' in reply.body["message"]
