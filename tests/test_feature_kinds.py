"""A kind of feature that is put into the table goes every way that a case goes."""

import ast
import csv
import io
import json
import re
from datetime import time

import numpy as np
import pandas as pd
import pytest
import streamlit as st
from builders import OWNER, ROOT, csv_of, rows_of, scored_batch, selection_of
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from visits import CASE, as_read, messages, predicted, press, row_tables, start

from second_opinion import Registry
from second_opinion.batches.score_file import score_file
from second_opinion.errors import UserError
from second_opinion.models.card import ModelCard
from second_opinion.records.expert import Expert
from second_opinion.records.feature_kinds import (
    KINDS,
    FeatureKind,
    in_words,
    read_number,
    register,
)
from second_opinion.records.verdict_filter import VerdictFilter
from second_opinion.review.exports import export
from second_opinion.schema import Feature
from second_opinion.store import Store
from second_opinion.tables import TableFile, look, read, typed
from second_opinion.tables.template import template
from second_opinion.ui import form, typed_case

NAMES = ["number", "integer", "category", "boolean", "text", "date", "datetime"]
PAPER = (ROOT / "docs/bring-your-own-model.md").read_text("utf-8")
PAGES = sorted(f"pages/{path.name}" for path in ROOT.glob("pages/*.py"))
GRACE = Expert("Grace", role="reviewer")


# --- two made-up kinds: texts with a widget of their own, numbers with cells of their own


def read_time(feature, value):
    match = re.fullmatch(r"(\d{1,2}):(\d\d)", value) if isinstance(value, str) else None
    if match is None or not (int(match[1]) < 24 and int(match[2]) < 60):
        return None, feature.problem(f"is {json.dumps(value)}")
    text = f"{int(match[1]):02}:{match[2]}"
    return text, feature.outside(text)


def read_share(feature, value):
    number, problem = read_number(feature, value)
    if number is not None and not 0 <= number <= 100:
        return None, feature.problem(f"is {in_words(number)}")
    return number, problem


def share_in(text):
    try:
        return float(text.removesuffix("%"))
    except ValueError:
        return text


TIME_OF_DAY = FeatureKind(
    name="time of day",
    noun="a time like 08:30",
    shape="level",
    widget="time",
    read=read_time,
    dtype="str",
)
PERCENTAGE = FeatureKind(
    name="percentage",
    noun="a percentage",
    shape="number",
    widget="number",
    read=read_share,
    column="levels",
    parse=share_in,
    cell=lambda value: f"{value:g} %",
    text=lambda value: f"{in_words(value)} %",
    dtype="float64",
)
TIME = form.Widget(
    draw=lambda feature, key, label, note: st.time_input(label, None, key=key, help=note),
    state=lambda feature, value: time.fromisoformat(value),
    value=lambda feature, state: None if state is None else f"{state:%H:%M}",
)


@pytest.fixture(scope="module", autouse=True)
def made_up_kinds():
    """Both kinds and the widget are in their tables during these tests."""
    for kind in (TIME_OF_DAY, PERCENTAGE):
        register(kind)
    form.WIDGETS["time"] = TIME
    yield
    for kind in (TIME_OF_DAY, PERCENTAGE):
        del KINDS[kind.name]
    del form.WIDGETS["time"]


FEATURES = {
    "arrival": {"kind": "time of day", "min": "06:00", "max": "22:00", "typical": "08:30"},
    "occupancy": {"kind": "percentage", "min": 0, "max": 90, "typical": 62.5, "places": 1},
    "age": {"kind": "integer", "min": 18, "max": 90, "typical": 40},
}
TYPICAL = {name: fields["typical"] for name, fields in FEATURES.items()}


@pytest.fixture(scope="module")
def ward(tmp_path_factory, made_up_kinds):
    """A registry with one model, in whose card somebody wrote the made-up kinds."""
    rng = np.random.default_rng(5)
    rows = 200
    X = pd.DataFrame(
        {
            "arrival": rng.choice(["06:00", "08:30", "12:15", "22:00"], rows),
            "occupancy": rng.uniform(0, 90, rows).round(1),
            "age": rng.integers(18, 90, rows),
        }
    )
    y = np.where(X["occupancy"] + 30 * (X["arrival"] == "22:00") > 60, "wait", "go")
    steps = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["arrival"]), remainder="passthrough"
    )
    registry = Registry(tmp_path_factory.mktemp("ward") / "model")
    registry.add(make_pipeline(steps, LogisticRegression(max_iter=2000)).fit(X, y), X, y, name="w")
    (path,) = registry.folder.glob("w/*/card.json")
    card = json.loads(path.read_text("utf-8"))
    names = [feature["name"] for feature in card["features"]]
    card["features"] = [{"name": name, **FEATURES[name]} for name in names]
    path.write_text(json.dumps(card), "utf-8")
    return Registry(registry.folder)


@pytest.fixture
def visited(place, ward, monkeypatch):
    """The place of the pages, with this model alone."""
    monkeypatch.setenv("MODEL_DIR", str(ward.folder))
    return place


def expected_answer(ward, **inputs):
    """What the estimator says of a row that was made without the schema."""
    row = pd.DataFrame([TYPICAL | inputs]).astype({"occupancy": float, "arrival": "str"})
    return ward.load("w").estimator.predict(row)[0]


# --- form, JSON, CSV, template, review, export


@pytest.mark.slow
def test_the_form_draws_its_widget_and_predicts_what_it_holds(visited, ward):
    at = start(CASE, model="w")
    assert at.time_input(key="predict_field_arrival").value == time(8, 30)
    assert at.number_input(key="predict_field_occupancy").label == "Occupancy (0 %–90 %)"
    at.time_input(key="predict_field_arrival").set_value(time(22, 0))
    at.number_input(key="predict_field_occupancy").set_value(45.5)
    press(press(at, "predict_submit"), "verdict_agree")
    assert messages(at) == []
    made = predicted(at, visited)
    assert made.inputs == {"arrival": "22:00", "occupancy": 45.5, "age": 40}
    assert made.value == expected_answer(ward, arrival="22:00", occupancy=45.5)
    assert (
        Store.open(visited / "feedback.db").current_verdict(made.id, "Ada", by=OWNER).judgement
        == "agree"
    )


def typed_json(at, **changes):
    at.button_group(key="predict_tab").set_value(typed_case.JSON).run()
    editor = f"{typed_case.EDITOR}_{at.session_state['predict_revision']}"
    at.session_state[editor] = {"text": json.dumps(TYPICAL | changes)}
    return press(at, "predict_submit")


@pytest.mark.slow
def test_json_is_read_by_it(visited):
    at = typed_json(start(CASE, model="w"), arrival="7:05", occupancy=12)
    assert messages(at) == []
    assert predicted(at, visited).inputs == {"arrival": "07:05", "occupancy": 12.0, "age": 40}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"arrival": "25:00"},
            'arrival is "25:00"; expected a time like 08:30 from 06:00 to 22:00',
        ),
        ({"occupancy": 101}, "occupancy is 101; expected a percentage from 0 % to 90 %"),
    ],
)
def test_what_it_does_not_read_is_said_in_its_words(visited, change, said):
    at = typed_json(start(CASE, model="w"), **change)
    (message,) = messages(at)
    assert said in message
    assert "prediction" not in at.query_params


def test_a_value_outside_its_range_is_predicted_and_flagged(visited):
    at = typed_json(start(CASE, model="w"), arrival="23:10", occupancy=95)
    assert messages(at) == []
    assert predicted(at, visited).flags == ("out_of_range:arrival", "out_of_range:occupancy")
    warnings = "\n".join(as_read(warning.value) for warning in at.warning)
    assert "arrival is 23:10; the training cases go from 06:00 to 22:00" in warnings
    assert "Occupancy is above all training cases (0 % to 90 %)." in warnings


CELLS = "arrival,occupancy,age\n8:30,62.5 %,40\n 23:10 ,95%,41\nnoon,7,42\n22:00,many,43\n"


def test_a_csv_is_scored_by_its_cells(ward, tmp_path):
    model = ward.load("w")
    source = TableFile.of_bytes("cases.csv", CELLS.encode())
    layout = look(source, model.card.case_schema)
    summary = score_file(
        source, layout, model, tmp_path / "scored.csv", bad_rows=tmp_path / "bad.csv"
    )
    assert list(map(str, summary.problems)) == [
        'Line 4: arrival is "noon"; expected a time like 08:30 from 06:00 to 22:00.',
        'Line 5: occupancy is "many"; expected a percentage from 0 % to 90 %.',
    ]
    scored = pd.read_csv(tmp_path / "scored.csv", dtype="str", keep_default_na=False)
    assert scored["arrival"].tolist() == ["8:30", " 23:10 "]
    assert scored["prediction"].tolist() == [
        expected_answer(ward),
        expected_answer(ward, arrival="23:10", occupancy=95.0, age=41),
    ]
    assert scored["flags"].tolist()[1].split(";") == [
        *("out_of_range:arrival", "out_of_range:occupancy")
    ]


def cases_in(content, name, schema, tmp_path):
    """The cases of a file as the estimator takes them; every row of it can be read."""
    source = TableFile.of_bytes(name, content)
    chunks = list(read(source, look(source, schema), schema))
    assert not [problem for chunk in chunks for problem in chunk.problems]
    return pd.concat([typed(chunk.text, schema)[0] for chunk in chunks], ignore_index=True)


def test_rows_of_json_and_of_csv_are_the_same_cases(ward, tmp_path):
    schema = ward.card("w").case_schema
    lines = [TYPICAL, {"arrival": "23:10", "occupancy": 95, "age": 41}]
    jsonl = "\n".join(map(json.dumps, lines)).encode()
    from_json = cases_in(jsonl, "cases.jsonl", schema, tmp_path)
    from_csv = cases_in(CELLS.encode().partition(b"noon")[0], "cases.csv", schema, tmp_path)
    pd.testing.assert_frame_equal(from_json, from_csv)
    pd.testing.assert_frame_equal(from_csv, schema.frame([schema.read(line)[0] for line in lines]))


def test_the_template_has_its_cells_and_reads_back(ward, tmp_path):
    schema = ward.card("w").case_schema
    content = template(schema)
    assert list(csv.DictReader(io.StringIO(content.decode("utf-8-sig")))) == [
        {"arrival": "08:30", "occupancy": "62.5 %", "age": "40"}
    ]
    cases = cases_in(content, "template.csv", schema, tmp_path)
    pd.testing.assert_frame_equal(cases, schema.frame(TYPICAL))


def test_the_review_shows_it_in_words_and_the_corrections_have_its_values(
    visited, at_home, monkeypatch
):
    at = press(press(start(CASE, model="w"), "predict_submit"), "verdict_agree")
    made = predicted(at, visited)
    store = Store.open(visited / "feedback.db")
    verdict = store.current_verdict(made.id, "Ada", by=OWNER)
    at = start(
        "pages/5_Feedback_review.py", "Grace", model="w", section="verdicts", case=verdict.id
    )
    assert messages(at) == []
    tables = [frame.value for frame in at.dataframe]
    (listed,) = [frame for frame in row_tables(at) if "Case" in frame]
    assert listed["Case"].tolist() == ["Arrival: 08:30 · Occupancy: 62.5 % · Age: 40"]
    (case,) = [frame for frame in tables if "Field" in frame]
    assert case["Value"].tolist() == ["08:30", "62.5 %", "40"]
    out = io.BytesIO()
    export(store, out, "corrections", verdict_filter=VerdictFilter(model="w"), by=GRACE)
    (row,) = csv.DictReader(io.StringIO(out.getvalue().decode()))
    assert (row["arrival"], row["occupancy"], row["learn"]) == ("08:30", "62.5", made.value)


# --- the rest of the pages, and what they count


def test_a_batch_with_it_is_counted_along_its_shape(empty_store, ward):
    selection = selection_of(empty_store, ward, "w", rows=60, arrival="23:10", occupancy="95 %")
    described = selection.described()
    assert described.features["arrival"].result()["value"].tolist() == ["23:10"]
    assert (described.features["occupancy"].low, described.features["occupancy"].high) == (95, 95)
    faults = described.faults.result().set_index("feature")["out_of_range"]
    assert faults.to_dict() == {"arrival": 60, "occupancy": 60, "age": 0}
    assert selection.listed(1)["Occupancy"].tolist()[0] == "95 %"


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_every_page_works_with_it(visited, at_home, ward, page):
    press(press(start(CASE, model="w"), "predict_submit"), "verdict_agree")
    store = Store.open(visited / "feedback.db")
    scored_batch(store, ward, "w", 40)
    for part in ("Predictions", "Features", "Over time", "Drift"):
        at = start(page, "Grace", model="w", part=part)
        assert messages(at) == []
        assert at.title


def test_made_up_cases_are_read_without_a_problem(ward):
    schema = ward.card("w").case_schema
    frame = rows_of(ward, "w", 40)[schema.names]
    assert len(cases_in(csv_of(frame), "cases.csv", schema, None)) == 40


# --- the table itself


def test_each_kind_has_its_row_in_the_paper_and_a_widget():
    assert list(KINDS) == [*NAMES, "time of day", "percentage"]
    section = PAPER.split("### Kinds of features")[1].split("\n## ")[0]
    assert re.findall(r"^\| `([\w ]+)` \|", section, re.MULTILINE) == NAMES
    assert {kind.widget for kind in KINDS.values()} <= {*form.WIDGETS}


def test_an_unknown_kind_names_its_place_and_the_kinds(ward, tmp_path):
    card = json.loads(next(ward.folder.glob("w/*/card.json")).read_text("utf-8"))
    card["features"][0]["kind"] = "colour"
    (tmp_path / "card.json").write_text(json.dumps(card), "utf-8")
    with pytest.raises(UserError) as raised:
        ModelCard.read(tmp_path / "card.json")
    names = ", ".join(map(repr, NAMES))
    assert str(raised.value).endswith(
        f"features[0].kind is 'colour': input should be {names}, 'time of day' or 'percentage'. "
        "Correct the card, or add the model again."
    )


@pytest.mark.parametrize("kind", [None, 7, ["number"], "Number", ""])
def test_a_kind_that_is_no_name_in_the_table_is_refused(kind):
    with pytest.raises(ValueError, match="'number', 'integer'"):
        Feature(name="x", kind=kind)


def test_no_kind_takes_the_name_of_another():
    with pytest.raises(ValueError, match="There is a feature kind date already"):
        register(KINDS["date"])


def test_a_kind_whose_column_does_not_fit_its_shape_is_refused():
    with pytest.raises(ValueError, match="shape level cannot have the column numbers"):
        FeatureKind(
            "month", "a month", shape="level", widget="text", read=read_time, column="numbers"
        )


# --- that it is the only one

# What finds out the kind of a column, and what MLflow calls it, decides by its name.
DECIDES = [*ROOT.glob("second_opinion/models/describe/*.py")]
TABLE = ROOT / "second_opinion/records/feature_kinds.py"
OTHERS = [
    path
    for path in [ROOT / "Home.py", *ROOT.glob("pages/*.py"), *ROOT.glob("second_opinion/**/*.py")]
    if path not in DECIDES and path != TABLE
]


def names_beside_a_kind(path):
    """The names of kinds that a file compares with some ``.kind``, or looks up by one."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Compare | ast.Subscript | ast.Call) and names_a_kind(node):
            for part in ast.walk(node):
                if isinstance(part, ast.Constant) and part.value in NAMES:
                    yield part.value


def names_a_kind(node):
    """Whether a comparison, a subscript or the arguments of a call have ``.kind`` as a part."""
    parts = [node.left, *node.comparators] if isinstance(node, ast.Compare) else []
    parts += [node.slice] if isinstance(node, ast.Subscript) else []
    parts += node.args if isinstance(node, ast.Call) else []
    return any(isinstance(part, ast.Attribute) and part.attr == "kind" for part in parts)


@pytest.mark.parametrize("path", OTHERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_other_module_asks_for_a_kind_by_its_name(path):
    assert [*names_beside_a_kind(path)] == []


def test_the_scan_sees_a_kind_that_is_asked_for_by_its_name(tmp_path):
    path = tmp_path / "module.py"
    path.write_text('if feature.kind in ("number", "integer"): ...\nif f.kind == "date": ...\n')
    assert [*names_beside_a_kind(path)] == ["number", "integer", "date"]
