"""Trials of models with many levels, small numbers, times of day and steps of their own."""

import importlib
import json
import sys

import joblib
import numpy as np
import pandas as pd
import pytest
from ages import readable
from builders import ROOT
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from visits import CASE, as_read, messages, predicted, press, start

from second_opinion import Registry
from second_opinion.batches.score_file import score_file
from second_opinion.models.describe.input_form import form_of
from second_opinion.schema import Feature, Schema
from second_opinion.tables import TableFile, look
from second_opinion.ui import typed_case

TRIALS = ROOT / "tests/trials"
F01 = TRIALS / "F01-highcard"


def added(tmp_path, monkeypatch, estimator, X, y):
    """The model, added as from a notebook; the pages show it."""
    monkeypatch.setenv("MODEL_DIR", str(tmp_path / "model"))
    Registry(tmp_path / "model").add(estimator, X, y, name="m")
    return Registry(tmp_path / "model").load("m")


def own_module(monkeypatch, folder, name):
    """A module that somebody has beside the notebook."""
    monkeypatch.syspath_prepend(TRIALS / folder)
    monkeypatch.delitem(sys.modules, name, raising=False)
    module = importlib.import_module(name)
    # Else the one just imported would be put back afterwards.
    del sys.modules[name]
    monkeypatch.setitem(sys.modules, name, module)
    return module


def scored(model, source, folder):
    """Answers and flags of the good rows of a file, and what is wrong with the others."""
    layout = look(source, model.card.case_schema)
    summary = score_file(source, layout, model, folder / "out.csv", bad_rows=folder / "bad.csv")
    if not summary.good:
        return [], [], list(map(str, summary.problems))
    out = pd.read_csv(folder / "out.csv", dtype={"flags": "str"}, keep_default_na=False)
    return out["prediction"].tolist(), out["flags"].tolist(), list(map(str, summary.problems))


def typed_json(at, case):
    at.button_group(key="predict_tab").set_value(typed_case.JSON).run()
    editor = f"{typed_case.EDITOR}_{at.session_state['predict_revision']}"
    at.session_state[editor] = {"text": json.dumps(case)}
    return press(at, "predict_submit")


def said(at):
    return "\n".join(as_read(each.value) for each in [*at.warning, *at.error])


# --- levels of the encoder


@pytest.fixture(params=["model.joblib", "model_ignore.joblib"], ids=["strict", "ignoring"])
def items(request, tmp_path, place, monkeypatch):
    """The model of 240 items, its estimator, and whether it refuses an item that it never saw."""
    estimator = joblib.load(readable(F01 / request.param))
    rows = pd.read_csv(F01 / "train.csv")
    model = added(tmp_path, monkeypatch, estimator, rows.drop(columns="price"), rows["price"])
    return model, estimator, request.param == "model.joblib"


@pytest.mark.slow
def test_levels_are_those_of_the_encoder_and_its_own_file_is_scored_like_it(items, tmp_path):
    model, estimator, strict = items
    item = model.card.case_schema["item"]
    assert (item.kind, len(item.values), item.unknown == "error") == ("category", 240, strict)
    answers, flags, problems = scored(model, TableFile.of_path(F01 / "train.csv"), tmp_path)
    assert problems == []
    assert answers == pytest.approx(estimator.predict(pd.read_csv(F01 / "train.csv")).tolist())
    assert set(flags) == {""}


@pytest.mark.slow
def test_a_near_miss_in_a_file_is_refused_or_flagged_and_never_answered_in_silence(items, tmp_path):
    model, estimator, strict = items
    answers, flags, problems = scored(model, TableFile.of_path(F01 / "cases.csv"), tmp_path)
    cases = pd.read_csv(F01 / "cases.csv")
    known = estimator.predict(cases.head(1))[0]
    assert answers[0] == pytest.approx(known)
    assert flags == ([""] if strict else ["", "unseen:item"])
    expected = ['"Item 07"'] * strict + ['"item 007"', '"Item 007 "']
    assert [p for p in problems if "did you mean" in p] == [
        f'Line {line}: item is {written}; did you mean "Item 007"?'
        for line, written in zip(range(3 if strict else 4, 6), expected, strict=True)
    ]
    assert 'item is empty; expected one of "Item 000"' in problems[-1]


@pytest.mark.slow
def test_every_level_is_a_choice_of_the_form(items, place):
    _, estimator, _ = items
    at = start(CASE, model="m")
    field = at.selectbox(key="predict_field_item")
    assert len(field.options) == 240
    field.select("Item 239").run()
    made = predicted(press(at, "predict_submit"), place)
    assert messages(at) == []
    assert made.value == pytest.approx(estimator.predict(pd.DataFrame([made.inputs]))[0])
    assert made.flags == ()


@pytest.mark.slow
def test_a_near_miss_as_json_is_named_with_what_may_be_meant(items, place):
    _, _, strict = items
    at = typed_json(start(CASE, model="m"), {"item": "Item 07", "kind": "a", "year": 2010})
    assert 'item is "Item 07"; did you mean "Item 007"?' in said(at)
    assert ("prediction" in at.query_params) is not strict
    if not strict:
        assert predicted(at, place).flags == ("unseen:item",)


# --- small numbers


@pytest.fixture
def small(tmp_path, place, monkeypatch):
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 100, 300).astype("int8"), rng.integers(0, 200, 300).astype("uint8")
    X = pd.DataFrame({"a": a, "b": b})
    y = (X.a * 10.0 + X.b).rename("t")
    return added(tmp_path, monkeypatch, LinearRegression().fit(X, y), X, y)


def test_a_number_beyond_the_type_of_the_training_is_computed_as_itself(small, tmp_path):
    source = TableFile.of_path(TRIALS / "C60-small-ints/cases.csv")
    answers, flags, problems = scored(small, source, tmp_path)
    assert answers == pytest.approx([3005, 127])
    assert (flags, problems) == (["out_of_range:a", ""], [])


def test_a_number_beyond_the_type_of_the_training_goes_through_the_form(small, place):
    at = start(CASE, model="m")
    at.number_input(key="predict_field_a").set_value(300).run()
    at.number_input(key="predict_field_b").set_value(5).run()
    made = predicted(press(at, "predict_submit"), place)
    assert messages(at) == []
    assert (made.value, made.flags) == (pytest.approx(3005), ("out_of_range:a",))


# --- times of day


@pytest.fixture
def timed(tmp_path, place, monkeypatch):
    """Adds the model of hours, with its moments as given by a function of theirs."""
    hours = own_module(monkeypatch, "C61-time-of-day", "hours").hours

    def timed(column=lambda moments: moments):
        rng = np.random.default_rng(0)
        later = pd.to_timedelta(rng.integers(0, 24 * 300, 300), unit="h")
        moments = column(pd.Series(pd.to_datetime("2024-01-01") + later))
        X = pd.DataFrame({"seen_at": moments, "v": rng.normal(size=300)})
        y = (X.seen_at.dt.hour * 10.0).rename("t")
        estimator = make_pipeline(FunctionTransformer(hours), LinearRegression())
        return added(tmp_path, monkeypatch, estimator.fit(X, y), X, y)

    return timed


def test_a_moment_in_a_file_keeps_its_time_of_day(timed, tmp_path):
    source = TableFile.of_path(TRIALS / "C61-time-of-day/cases.csv")
    answers, _, problems = scored(timed(), source, tmp_path)
    assert problems == []
    assert answers == pytest.approx([180, 60, 0], abs=1e-9)


@pytest.mark.slow
def test_a_moment_is_chosen_in_the_form_with_its_time(timed, place):
    timed()
    at = start(CASE, model="m")
    moment = pd.Timestamp("2024-02-01 18:00").to_pydatetime()
    at.datetime_input(key="predict_field_seen_at").set_value(moment).run()
    made = predicted(press(at, "predict_submit"), place)
    assert messages(at) == []
    assert made.inputs["seen_at"] == "2024-02-01T18:00:00"
    assert made.value == pytest.approx(180)


def test_a_moment_with_seconds_stays_as_it_is_from_json_to_form_and_back(timed, place):
    timed()
    case = {"seen_at": "2024-02-01T18:30:15.250", "v": 0.5}
    at = typed_json(start(CASE, model="m"), case)
    first = predicted(at, place)
    assert first.inputs["seen_at"] == "2024-02-01T18:30:15.250000"
    at.button_group(key="predict_tab").set_value(typed_case.FORM).run()
    assert at.text_input(key="predict_field_seen_at").value == "2024-02-01 18:30:15.250000"
    press(at, "predict_submit")
    assert messages(at) == []
    assert predicted(at, place).id == first.id
    at.text_input(key="predict_field_seen_at").set_value("2024-02-01 noon").run()
    press(at, "predict_submit")
    assert "expected a date and time like 2026-11-20T14:30 from" in said(at)


@pytest.mark.slow
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_a_moment_with_a_time_zone_is_the_same_moment_in_whatever_zone_it_is_written(
    timed, place, zone, tmp_path
):
    model = timed(lambda moments: moments.dt.tz_localize("UTC").dt.tz_convert(zone))
    cells = "seen_at,v\n2024-02-01T18:00Z,0\n2024-02-01 20:00:00+02:00,0\n2024-02-01T18:00,0\n"
    source = TableFile.of_bytes("cases.csv", cells.encode())
    answers, _, problems = scored(model, source, tmp_path)
    local = pd.Timestamp("2024-02-01 18:00", tz="UTC").tz_convert(zone).hour
    assert problems == []
    assert answers == pytest.approx([local * 10] * 3)
    at = start(CASE, model="m")
    field = at.datetime_input(key="predict_field_seen_at")
    assert "UTC" in field.label
    field.set_value(pd.Timestamp("2024-02-01 18:00").to_pydatetime()).run()
    made = predicted(press(at, "predict_submit"), place)
    assert made.inputs["seen_at"] == "2024-02-01T18:00:00+00:00"
    assert made.value == pytest.approx(local * 10)


def test_another_example_has_a_time_of_day_of_the_training(timed, place):
    model = timed()
    at = start(CASE, model="m")
    seen = set()
    for _ in range(6):
        press(at, "predict_another")
        seen.add(at.datetime_input(key="predict_field_seen_at").value.minute)
    assert seen == {0}
    hours = Registry(place / "model").reference(model.card).features["seen_at"]["quantiles"]
    assert len({text[11:13] for text in hours}) > 5


# --- a first step of somebody's own, and outcomes in a frame


@pytest.mark.slow
def test_a_first_step_of_ones_own_gets_a_frame(tmp_path, place, monkeypatch):
    utils = own_module(monkeypatch, "C09-own-first-step", "utils")
    rows = pd.read_csv(TRIALS / "C09-own-first-step/train.csv")
    X, y = rows.drop(columns="y"), rows["y"]
    estimator = make_pipeline(utils.Ratio(), LinearRegression()).fit(X, y)
    model = added(tmp_path, monkeypatch, estimator, X, y)
    assert model.card.input == "frame"
    answers = model.predict(X)["value"].tolist()
    assert answers == pytest.approx(estimator.predict(X).tolist(), abs=1e-12)
    made = predicted(press(start(CASE, model="m"), "predict_submit"), place)
    assert made.value == pytest.approx(estimator.predict(pd.DataFrame([made.inputs]))[0])


class TakesAnArray:
    """A step that names no columns and takes none by name."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X[:, :1]


def test_a_first_step_of_ones_own_that_takes_no_frame_gets_an_array():
    X = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [0.0, 1.0, 5.0]})
    fitted = make_pipeline(TakesAnArray(), LinearRegression()).fit(X.to_numpy(), [1, 2, 3])
    assert form_of(fitted, X) == "array"


@pytest.mark.slow
def test_a_model_that_was_fitted_with_a_frame_of_outcomes_is_added(tmp_path, place, monkeypatch):
    folder = TRIALS / "C80-y-frame-linear"
    estimator = joblib.load(readable(folder / "model.joblib"))
    rows = pd.read_csv(folder / "train.csv")
    X = rows.drop(columns="price")
    model = added(tmp_path, monkeypatch, estimator, X, rows[["price"]])
    assert model.card.target.name == "price"
    expected = estimator.predict(X)[:, 0].tolist()
    assert model.predict(X)["value"].tolist() == pytest.approx(expected)
    answers, _, _ = scored(model, TableFile.of_path(folder / "train.csv"), tmp_path)
    assert answers == pytest.approx(expected)
    press(at := start(CASE, model="m"), "predict_submit")
    assert messages(at) == []


@pytest.mark.parametrize("zone", ["", ", UTC"])
@pytest.mark.parametrize("year", ["0001", "1600", "2300", "9999"])
def test_a_moment_of_any_year_reaches_a_model_that_keeps_microseconds(zone, year):
    moment = f"{year}-02-03T04:05:06.123456"
    seen = Feature(name="seen", kind="datetime", dtype=f"datetime64[us{zone}]", missing=True)
    schema = Schema([seen])
    cases = [schema.read({"seen": value})[0] for value in (moment, None)]
    column = schema.frame(cases)["seen"]
    assert str(column.dtype) == seen.dtype
    assert column.isna().tolist() == [False, True]
    assert column[0].isoformat() == moment + ("+00:00" if zone else "")
