"""Every page, run without a browser: what it shows and what then is in the database."""

import json
import os
import re
import shutil
import sys
import tempfile
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
import streamlit as st
from builders import HOSTILE, OWNER, REVIEWER, ROOT, as_nobody
from threadpoolctl import threadpool_limits
from visits import (
    CASE,
    as_read,
    asked_for,
    assert_strange_text_is_escaped,
    keys,
    messages,
    predicted,
    press,
    start,
    stored,
)

from second_opinion import Registry, settings
from second_opinion.models.catalog import Catalog
from second_opinion.records.stamp import new_id
from second_opinion.records.value import plain
from second_opinion.records.verdict import Verdict
from second_opinion.schema import Schema
from second_opinion.store import Store
from second_opinion.ui import form, frame, typed_case

PAGES = ["Home.py", *sorted(f"pages/{path.name}" for path in ROOT.glob("pages/*.py"))]
MODELS = ["triage", "dose", "risk", "iris", "hostile"]
DEMOS = Registry(ROOT / "model")


@pytest.fixture
def copied(place, models, monkeypatch):
    """A copy of the models that a test may damage."""
    folder = place / "model"
    shutil.copytree(models, folder)
    monkeypatch.setenv("MODEL_DIR", str(folder))
    return folder


def type_case(at, schema, case):
    """Put a case into the form, field by field, as its widgets take it."""
    for feature in schema:
        key, value = form.widget_key(feature), form.shown(feature, case.get(feature.name))
        groups = (at.number_input, at.selectbox, at.date_input, at.text_area)
        widgets = [w for group in groups for w in group if w.key == key]
        widgets += [w for w in at.get("button_group") if w.key == key]
        assert len(widgets) == 1, f"{feature.name} has no field"
        widgets[0].set_value(value)


def type_json(at, text):
    """Put a text into the editor of the JSON tab."""
    editor = f"{typed_case.EDITOR}_{at.session_state['predict_revision']}"
    at.session_state[editor] = {"text": text}
    return at


def open_json(at):
    at.button_group(key="predict_tab").set_value(typed_case.JSON).run()
    return at


# --- every page, found by name


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_a_page_works_on_an_empty_database(place, page):
    for name, model in [("", "triage"), *(("Ada", model) for model in MODELS)]:
        at = start(page, name, model=model)
        assert messages(at) == []
        assert at.title


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_a_page_works_on_a_filled_database(place, filled_store, page):
    for model in MODELS:
        at = start(page, model=model)
        assert messages(at) == []
        assert at.title


def test_home_counts_what_was_judged(place, at_home, filled_store):
    shown = {metric.label: metric.value for metric in start().metric}
    assert shown["Cases predicted"] == "4"
    assert shown["Verdicts of all"] == "3"
    assert shown["Model right"] == "1 of 2"


OF_NO_VERSION = {
    f"pages/{name}.py"
    for name in (
        *("3_Review_queue", "5_Feedback_review", "6_Release_decision", "7_Models"),
        "8_Help",
        "9_People_and_records",
    )
}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_headed_by_its_job_and_not_by_its_model(place, at_home, page):
    at = start(page, model="dose")
    entry = next(entry for entry in frame.PAGES if entry.file == page)
    assert [title.value for title in at.title] == [entry.job]
    if page not in OF_NO_VERSION:
        assert as_read(at.caption[0].value) == "Dose, version 1, in use"


def test_home_begins_with_the_name_and_says_what_this_place_is(place):
    at = start(name=None)
    assert at.header[0].value == "Your name, then your first case"
    assert frame.PLACE in [text.value for text in at.text]
    at.text_input(key="who_name").input("Ada")
    assert press(at, "who_start").button[0].key == "home_judge"
    assert frame.PLACE in [text.value for text in at.text]


def test_home_leaves_out_what_the_card_does_not_say_but_tells_the_owner(place, monkeypatch):
    assert "What it is for" not in {header.value for header in start(model="dose").header}
    monkeypatch.setattr("second_opinion.ui.who.is_local", lambda: True)
    said = [text.value for text in start(model="dose").text]
    assert said.count("Nobody has said. Write it on Models, under Edit what people read.") == 2


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_no_page_takes_strange_text_for_markdown(place, filled_store, page):
    """What cards and people wrote is text: each mark of markdown in it is escaped."""
    assert_strange_text_is_escaped(start(page, name=HOSTILE[:18], model="hostile"))


def test_no_case_takes_strange_text_for_markdown(place, filled_store):
    found = [p for p in asked_for(filled_store, "Ada") if p.model == "hostile"]
    assert len(found) == 4
    for prediction in found:
        at = start(CASE, prediction=prediction.id)
        assert_strange_text_is_escaped(at)
        if "verdict_disagree" in keys(at):
            assert_strange_text_is_escaped(press(at, "verdict_disagree"))
            assert_strange_text_is_escaped(press(at, "verdict_save"))
    at = press(start(CASE, model="hostile"), "predict_submit")
    assert any(key.startswith("predict_open_") for key in keys(at))
    assert_strange_text_is_escaped(at)


def test_help_and_models_say_what_the_model_looks_at(place):
    at = start("pages/8_Help.py", model="triage")
    assert messages(at) == []
    table = at.dataframe[-1].value
    card = Registry(os.environ["MODEL_DIR"]).card("triage")
    assert table["Field"].tolist() == [feature.label for feature, _ in card.looks_at]
    assert table["Field"].iloc[0] == "Pulse"
    assert table["Share"].iloc[0].endswith("%")
    said = [text.value for text in start("pages/7_Models.py", model="triage").text]
    assert any(text.startswith("Pulse ") and "%" in text for text in said)


def test_a_card_says_what_nobody_could_know(copied):
    registry = Registry(copied)
    registry.add(registry.load("dose").estimator, name="bare")
    at = start("pages/7_Models.py", model="bare")
    assert messages(at) == []
    assert any("The range of age, bmi and bp" in text.value for text in at.text)
    assert messages(start("pages/8_Help.py", model="bare")) == []
    at = start(CASE, model="bare")
    assert messages(press(at, "predict_submit")) == []
    assert messages(press(at, "predict_another")) == []


# --- from a name to a verdict


def test_a_name_is_asked_for_once(place):
    at = start(name="")
    at.text_input(key="who_name").set_value("  Ada  Lovelace ")
    at.text_input(key="who_email").set_value("ada@example.org")
    press(at, "who_start")
    assert "who_start" not in keys(at)
    at.switch_page(CASE).run()
    press(press(at, "predict_submit"), "verdict_agree")
    (row,) = stored(place).to_dict("records")
    assert row["expert"] == "Ada Lovelace <ada@example.org>"
    assert row["identity_source"] == "declared"


@pytest.mark.parametrize(("name", "email"), [("", ""), ("<b>", ""), ("Ada", "ada")])
def test_a_name_that_will_not_do_makes_one_message(place, name, email):
    at = start(name="")
    at.text_input(key="who_name").set_value(name)
    at.text_input(key="who_email").set_value(email)
    press(at, "who_start")
    assert len(messages(at)) == 1
    assert "who_start" in keys(at)


@pytest.mark.parametrize(
    ("cookie", "known"),
    [
        ("%7B%22name%22%3A%22Ada%22%7D", True),
        ("", False),
        ("{", False),
        ("[1]", False),
        ("%7B%22name%22%3A%22%3Cb%3E%22%7D", False),
        ("%7B%22name%22%3A%22Ada%22%2C%22cases%22%3A7%7D", True),
    ],
)
def test_a_name_is_recalled_from_the_browser_if_it_will_do(place, monkeypatch, cookie, known):
    monkeypatch.setattr(type(st.context), "cookies", {"second_opinion": cookie})
    at = start(CASE, name="")
    assert messages(at) == []
    assert ("predict_submit" in keys(at)) == known


def test_agree_saves_at_once(place):
    at = press(press(start(CASE), "predict_submit"), "verdict_agree")
    assert messages(at) == []
    (row,) = stored(place).to_dict("records")
    assert (row["judgement"], row["prediction_id"]) == ("agree", predicted(at, place).id)
    assert row["model"] == "triage"
    assert {"verdict_change", "verdict_undo"} <= keys(at)
    assert "verdict_agree" not in keys(at)


def test_disagree_asks_what_is_right_and_why(place):
    at = press(press(start(CASE), "predict_submit"), "verdict_disagree")
    assert stored(place).empty
    at.selectbox(key="verdict_correct").set_value("home")
    at.checkbox(key="verdict_serious").set_value(True)
    at.text_area(key="verdict_comment").set_value("  Was well.  ")
    press(at, "verdict_save")
    assert messages(at) == []
    (row,) = stored(place).to_dict("records")
    assert (row["judgement"], row["correct_value"]) == ("disagree", "home")
    assert (row["severity"], row["comment"]) == ("serious", "Was well.")
    assert pd.isna(row["direction"])


def test_unsure_asks_what_is_missing(place):
    at = press(press(start(CASE), "predict_submit"), "verdict_unsure")
    at.text_area(key="verdict_comment").set_value("An X-ray.")
    press(at, "verdict_save")
    (row,) = stored(place).to_dict("records")
    assert (row["judgement"], row["comment"]) == ("unsure", "An X-ray.")


def test_cancel_saves_nothing(place):
    at = press(press(press(start(CASE), "predict_submit"), "verdict_disagree"), "verdict_cancel")
    assert "verdict_agree" in keys(at)
    assert stored(place).empty


def test_a_disagreement_that_says_nothing_is_refused_and_can_be_mended(place):
    at = press(press(start(CASE), "predict_submit"), "verdict_disagree")
    at.selectbox(key="verdict_correct").set_value(None)
    press(at, "verdict_save")
    (message,) = messages(at)
    assert "says nothing" in message
    at.text_area(key="verdict_comment").set_value("Neither.")
    press(at, "verdict_save")
    assert messages(at) == []
    assert len(stored(place)) == 1


def test_a_number_is_judged_by_its_value_and_its_direction(place):
    at = press(press(start(CASE, model="dose"), "predict_submit"), "verdict_disagree")
    value = predicted(at, place).value
    at.number_input(key="verdict_correct").set_value(value + 40.5)
    press(at, "verdict_save")
    (row,) = stored(place).to_dict("records")
    assert (row["correct_value"], row["direction"]) == (value + 40.5, "too_low")


def test_a_number_may_be_judged_by_its_direction_alone(place):
    at = press(press(start(CASE, model="dose"), "predict_submit"), "verdict_disagree")
    at.button_group(key="verdict_direction").set_value("too_high")
    press(at, "verdict_save")
    (row,) = stored(place).to_dict("records")
    assert (row["correct_value"], row["direction"]) == (None, "too_high")


def test_a_direction_that_contradicts_the_right_number_is_refused(place):
    at = press(press(start(CASE, model="dose"), "predict_submit"), "verdict_disagree")
    at.button_group(key="verdict_direction").set_value("too_high")
    at.number_input(key="verdict_correct").set_value(predicted(at, place).value + 1)
    press(at, "verdict_save")
    (message,) = messages(at)
    assert "too high" in message
    assert stored(place).empty


@pytest.mark.parametrize("direction", ["too_low", "too_high"])
def test_a_probability_is_judged_by_its_direction(place, direction):
    at = press(start(CASE, model="risk"), "predict_submit")
    assert re.fullmatch(r"\d+ % risk of staying in hospital", as_read(at.subheader[0].value))
    assert "verdict_disagree" not in keys(at)
    press(press(at, f"verdict_{direction}"), "verdict_save")
    (row,) = stored(place).to_dict("records")
    assert (row["judgement"], row["direction"]) == ("disagree", direction)
    assert row["correct_value"] is None


def test_a_probability_can_be_about_right(place):
    press(press(start(CASE, model="risk"), "predict_submit"), "verdict_agree")
    assert stored(place)["judgement"].tolist() == ["agree"]


@pytest.mark.parametrize("click", ["verdict_undo", "verdict_change"])
def test_a_stale_tab_is_told_and_shows_what_stands_there(place, click):
    at = press(press(start(CASE), "predict_submit"), "verdict_agree")
    store, made = Store.open(place / "feedback.db"), predicted(at, place)
    if click == "verdict_change":
        press(at, click)
    other_id = new_id(at.session_state["who_key"])
    elsewhere = store.add_verdict(
        Verdict(made.id, "Ada", "disagree", comment="In another tab.", id=other_id)
    )
    press(at, "verdict_undo" if click == "verdict_undo" else "verdict_agree")
    assert ["another one than this page showed" in message for message in messages(at)] == [True]
    assert store.current_verdict(made.id, "Ada", by=OWNER) == elsewhere
    # What it shows now can be replaced.
    press(at, "verdict_undo" if click == "verdict_undo" else "verdict_agree")
    assert messages(at) == []
    assert store.current_verdict(made.id, "Ada", by=OWNER) != elsewhere


def test_home_tells_an_expert_nothing_of_what_others_said(place, filled_store):
    at = start(model="triage")
    assert "Model right" not in {metric.label for metric in at.metric}
    labels = {metric.label for metric in at.metric}
    assert labels == {"Cases predicted", "Your verdicts", "Verdicts of all", "Experts"}


def test_home_tells_a_reviewer_how_often_the_model_was_right(place, at_home, filled_store):
    assert "Model right" in {metric.label for metric in start(model="triage").metric}


def test_a_change_and_an_undo_are_new_rows(place):
    at = press(press(start(CASE), "predict_submit"), "verdict_agree")
    press(press(at, "verdict_change"), "verdict_unsure")
    at.text_area(key="verdict_comment").set_value("Second thoughts.")
    press(at, "verdict_save")
    press(at, "verdict_change")
    assert at.text_area(key="verdict_comment").value == "Second thoughts."
    press(at, "verdict_cancel")
    press(at, "verdict_undo")
    assert {"verdict_agree", "verdict_disagree", "verdict_unsure"} <= keys(at)
    store = Store.open(place / "feedback.db")
    history = store.verdict_history(predicted(at, place).id, by=REVIEWER)
    assert [verdict.judgement for verdict in history] == ["agree", "unsure", "withdrawn"]
    assert [verdict.supersedes for verdict in history] == [None, history[0].id, history[1].id]
    assert store.reviewed().empty


@pytest.mark.slow
def test_a_linked_prediction_is_shown_with_its_inputs(place, filled_store):
    filled = asked_for(filled_store, "Ada")
    for prediction in filled:
        at = start(CASE, prediction=prediction.id)
        assert messages(at) == []
        assert at.session_state["predict_case"] == dict(prediction.inputs)
        assert at.session_state["model_choice"].split("@")[0] == prediction.model
        # What was said under this name was not said in this browser.
        assert "verdict_undo" not in keys(at)


def test_a_linked_prediction_is_shown_with_the_verdict_of_this_browser(place):
    at = press(press(start(CASE), "predict_submit"), "verdict_agree")
    assert "verdict_undo" in keys(start(CASE, prediction=at.query_params["prediction"]))


# --- a verdict belongs to the case that was predicted


def test_changed_inputs_close_the_panel_and_unchanged_ones_open_it_again(place):
    at = press(start(CASE), "predict_submit")
    at.number_input(key="predict_field_age").set_value(54).run()
    assert not {key for key in keys(at) if key.startswith("verdict_")}
    assert any("inputs changed" in as_read(w.value) for w in at.warning)
    at.number_input(key="predict_field_age").set_value(53).run()
    assert "verdict_agree" in keys(at)


@pytest.mark.parametrize("opened", ["verdict_agree", "verdict_disagree"])
def test_a_field_changed_together_with_the_click_is_not_judged(place, opened):
    """The browser may send the field that was left and the click as one."""
    at = press(start(CASE), "predict_submit")
    save = opened
    if opened == "verdict_disagree":
        press(at, opened)
        save = "verdict_save"
    at.number_input(key="predict_field_age").set_value(54)
    press(at, save)
    assert stored(place).empty
    press(at, "predict_submit")
    assert messages(at) == []
    assert at.warning.len == 0


def test_a_case_that_was_predicted_is_not_predicted_twice(place):
    at = press(start(CASE), "predict_submit")
    first = predicted(at, place).id
    assert predicted(press(at, "predict_submit"), place).id == first
    assert len(asked_for(Store.open(place / "feedback.db"), "Ada")) == 1


def test_an_empty_field_is_asked_for_once_predict_is_pressed(place):
    at = start(CASE)
    at.number_input(key="predict_field_pulse").set_value(None).run()
    assert messages(at) == []
    press(at, "predict_submit")
    (message,) = messages(at)
    assert "Pulse is empty; expected a number from" in message
    assert "prediction" not in at.query_params
    at.number_input(key="predict_field_pulse").set_value(80.0)
    press(at, "predict_submit")
    assert messages(at) == []
    assert "verdict_agree" in keys(at)


def test_clear_empties_every_field(place):
    at = press(start(CASE), "predict_clear")
    assert {widget.value for widget in at.number_input} == {None}
    assert at.button_group(key="predict_field_smoker").value is None
    assert len(messages(press(at, "predict_submit"))) == 1


def test_another_example_is_a_case_that_can_be_predicted(place):
    at = start(CASE)
    seen = []
    for _ in range(3):
        press(press(at, "predict_another"), "predict_submit")
        assert messages(at) == []
        seen.append(dict(predicted(at, place).inputs))
    assert len({json.dumps(case, sort_keys=True) for case in seen}) == 3


def test_after_a_verdict_the_next_case_comes_with_its_answer(place):
    at = press(press(start(CASE), "predict_submit"), "verdict_agree")
    seen = [predicted(at, place)]
    for _ in range(2):
        press(at, "verdict_next")
        assert messages(at) == []
        seen.append(predicted(at, place))
        assert "verdict_next" not in keys(at)
        press(at, "verdict_agree")
    assert len({json.dumps(dict(one.inputs), sort_keys=True) for one in seen}) == 3
    assert [*stored(place)["prediction_id"]] == [one.id for one in seen]


def test_another_model_clears_the_fields_of_the_one_before(place):
    """Both models have the feature age; the value of one is not taken over by the other."""
    at = start(CASE)
    at.number_input(key="predict_field_age").set_value(77)
    press(at, "predict_submit")
    at.selectbox(key="model_choice").set_value("dose@champion").run()
    assert messages(at) == []
    schema = Registry(settings.Settings.read().model_dir).card("dose").case_schema
    assert at.session_state["predict_case"] == schema.typical
    assert {w.key for w in at.number_input} == {form.widget_key(feature) for feature in schema}
    assert at.number_input(key="predict_field_age").value == schema.typical["age"] != 77
    assert "verdict_agree" not in keys(at)


# --- form, JSON and estimator say the same


def reference_cases(registry, ref, count):
    """Rows of the training data where the folder has them, else made-up cases."""
    card = registry.card(ref)
    rows = registry.folder / card.name / card.version / "reference.parquet"
    if rows.exists():
        table = pd.read_parquet(rows)
        gaps = table.isna().any(axis=1)
        table = pd.concat([table[gaps].head(count // 5), table[~gaps]]).head(count)
        raw = [{n: plain(v) for n, v in row.items()} for row in table.to_dict("records")]
        return [{name: case[name] for name in card.case_schema.names} for case in raw]
    reference = registry.reference(ref)
    return [reference.plausible(card.case_schema, seed) for seed in range(count)]


def answer_of(estimator, schema, case):
    """What the estimator itself says of one case: its value, and the probability of each class."""
    # Dates alone are not what JSON holds.
    row = pd.DataFrame([case], columns=schema.names)
    for feature in schema:
        missing = row[feature.name].isna().any() and feature.column_dtype in ("int64", "bool")
        row = row.astype({feature.name: "object" if missing else feature.column_dtype})
    with threadpool_limits(1):
        value = plain(estimator.predict(row)[0])
        if not hasattr(estimator, "predict_proba"):
            return value, None
        shares = estimator.predict_proba(row)[0]
    return value, dict(zip(map(plain, estimator.classes_), map(float, shares), strict=True))


def refs(registry):
    return [f"{entry.name}/{entry.version}" for entry in registry.look().entries(demos=True)]


def assert_form_and_json_agree_with_the_estimator(place, registry, ref, count):
    model = registry.load(ref)
    schema = model.card.case_schema
    given = reference_cases(registry, ref, count)
    form, editor = start(CASE, model=ref), open_json(start(CASE, model=ref))
    for case in given:
        for at in (form, editor):
            at.session_state["who_cases"] = []  # the list of past cases costs half of the time
        type_case(form, schema, case)
        press(form, "predict_submit")
        press(type_json(editor, json.dumps(case)), "predict_submit")
        value, probabilities = answer_of(model.estimator, schema, case)
        for at in (form, editor):
            assert messages(at) == []
            found = predicted(at, place)
            assert found.inputs == case
            assert repr(found.value) == repr(value)
            if found.probabilities:
                assert dict(zip(model.card.class_values, found.probabilities, strict=True)) == (
                    probabilities
                )


@pytest.mark.slow
@pytest.mark.parametrize("ref", ["triage", "dose", "risk", "iris"])
def test_form_and_json_agree_with_the_estimator_to_the_bit(place, models, ref):
    assert_form_and_json_agree_with_the_estimator(place, Registry(models), ref, 5)


@pytest.mark.slow
@pytest.mark.parametrize("ref", refs(DEMOS))
def test_form_and_json_of_each_demo_agree_with_its_estimator(place, monkeypatch, ref):
    monkeypatch.setenv("MODEL_DIR", str(DEMOS.folder))
    assert_form_and_json_agree_with_the_estimator(place, DEMOS, ref, 50)


# --- a case as JSON


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ('"age": 53', "age is missing from the case; expected a whole number from 18 to 89"),
        ('"age": 53, "shoe": 42', "shoe is not a field of this model; remove it"),
        ('"age": 53, "color": "red"', "color is not a field of this model; did you mean colour?"),
        ('"age": "53"', 'age is "53"; expected a whole number from 18 to 89'),
        ('"age": 53.5', "age is 53.5; expected a whole number from 18 to 89"),
        ('"age": true', "age is true; expected a whole number from 18 to 89"),
        ('"age": null', "age is empty; expected a whole number from 18 to 89"),
        ('"age": 53, "colour": "Red"', 'colour is "Red"; did you mean "red"?'),
        ('"age": 53, "smoker": "no"', 'smoker is "no"; expected true or false'),
        ('"age": 53, "admitted": "10.7.2024"', 'admitted is "10.7.2024"; expected a date like'),
        ('"age": 53, "age": 54', "age stands there twice; expected each field once. Remove one."),
        ('"age": NaN', "NaN is no JSON number; write null where a value is not known."),
        ('"age": Infinity', "Infinity is no JSON number; write null"),
        ('"age": 1e400', "age is inf; expected a whole number from 18 to 89"),
        ('"age": {"years": 53}', 'age is {"years": 53}; expected a whole number from 18 to 89'),
        ('"age": [53]', "age is [53]; expected a whole number from 18 to 89"),
        ('"age": 53 "', "Line 1, column"),
        ('"age": 053', "Line 1, column"),
    ],
)
def test_a_json_case_with_a_fault_makes_one_message(place, change, said):
    at = open_json(start(CASE))
    case = dict(at.session_state["predict_case"])
    del case["age"]
    if "color" in change:
        del case["colour"]
    # Later names win in a dict, but not in the text: what is changed is taken out first.
    for name in set(re.findall(r'"(\w+)":', change)) & set(case):
        del case[name]
    rest = json.dumps(case)[1:]
    text = "{" + (rest if said.startswith("age is missing") else f"{change}, {rest}")
    type_json(at, text).run()
    (message,) = messages(at)
    assert said in message
    assert "\n" not in message
    press(at, "predict_submit")
    assert len(messages(at)) == 1
    assert "prediction" not in at.query_params


@pytest.mark.slow
@pytest.mark.parametrize("text", ["", "[]", "7", "null", '"case"', "[" * 100_000, "{" * 3])
def test_text_that_is_no_case_makes_one_message(place, text):
    at = type_json(open_json(start(CASE)), text).run()
    assert len(messages(at)) == 1
    assert len(messages(press(at, "predict_submit"))) == 1
    at.button_group(key="predict_tab").set_value(typed_case.FORM).run()
    assert messages(at) == []
    assert messages(press(at, "predict_submit")) == []


def test_a_value_outside_the_training_range_is_predicted_and_flagged(place):
    at = open_json(start(CASE))
    case = {**at.session_state["predict_case"], "age": 190}
    press(type_json(at, json.dumps(case)), "predict_submit")
    assert messages(at) == []
    said = [as_read(warning.value) for warning in at.warning]
    assert any("age is 190; the training cases go from 18 to 89" in text for text in said)
    assert any("Age is above all training cases (18 to 89)." in text for text in said)
    assert predicted(at, place).flags == ("out_of_range:age",)


def test_a_missing_value_that_may_be_missing_is_predicted(place):
    at = open_json(start(CASE))
    case = dict(at.session_state["predict_case"])
    del case["temperature"]
    press(type_json(at, json.dumps({**case, "visits": None})), "predict_submit")
    assert messages(at) == []
    assert predicted(at, place).inputs["temperature"] is None
    assert predicted(at, place).inputs["visits"] is None


def test_form_and_json_carry_the_same_case(place):
    at = start(CASE)
    at.number_input(key="predict_field_age").set_value(33)
    at.date_input(key="predict_field_admitted").set_value(date(2024, 2, 29))
    open_json(at)
    assert at.session_state["predict_case"]["age"] == 33
    assert at.session_state["predict_case"]["admitted"] == "2024-02-29"
    type_json(at, json.dumps({**at.session_state["predict_case"], "age": 44})).run()
    at.button_group(key="predict_tab").set_value(typed_case.FORM).run()
    assert at.number_input(key="predict_field_age").value == 44


@pytest.mark.parametrize("typed", ["no", "yes", 0.5, None])
def test_a_yes_or_no_that_was_not_understood_is_not_answered(place, typed):
    at = open_json(start(CASE))
    case = {**at.session_state["predict_case"], "smoker": typed}
    type_json(at, json.dumps(case)).run()
    at.button_group(key="predict_tab").set_value(typed_case.FORM).run()
    smoker = at.button_group(key="predict_field_smoker")
    assert smoker.value is None
    (message,) = messages(press(at, "predict_submit"))
    assert "Smoker is empty; expected yes or no" in message
    assert "prediction" not in at.query_params
    at.button_group(key="predict_field_smoker").set_value(False)
    press(at, "predict_submit")
    assert messages(at) == []
    assert predicted(at, place).inputs["smoker"] is False


def test_a_yes_of_a_demo_is_not_taken_for_a_no(place, monkeypatch):
    monkeypatch.setenv("MODEL_DIR", str(DEMOS.folder))
    at = open_json(start(CASE, model="customer-churn"))
    text = (ROOT / "tests/trials/judging/case-yes.json").read_text("utf-8")
    type_json(at, text).run()
    at.button_group(key="predict_tab").set_value(typed_case.FORM).run()
    assert at.button_group(key="predict_field_is_member").value is None
    assert len(messages(press(at, "predict_submit"))) == 1
    assert "prediction" not in at.query_params


# --- bad states: one message each, and the rest goes on


def no_model_folder(folder, monkeypatch):
    shutil.rmtree(folder)


def empty_model_folder(folder, monkeypatch):
    shutil.rmtree(folder)
    folder.mkdir()


def missing_model_file(folder, monkeypatch):
    (folder / "triage/1/model.joblib").unlink()


def changed_model_file(folder, monkeypatch):
    path = folder / "triage/1/model.joblib"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def broken_card(folder, monkeypatch):
    path = folder / "triage/1/card.json"
    path.write_text(path.read_text().replace('"name": "triage",', '"name": "triage"', 1))


def wrong_value_in_card(folder, monkeypatch):
    path = folder / "triage/1/card.json"
    card = json.loads(path.read_text())
    card["features"][2]["kind"] = "numbr"
    path.write_text(json.dumps(card))


def broken_aliases(folder, monkeypatch):
    (folder / "triage/aliases.json").write_text('{"champion": "7"}')


def broken_default(folder, monkeypatch):
    (folder / "registry.json").write_text("{")


def folder_for_a_database(folder, monkeypatch):
    monkeypatch.setenv("FEEDBACK_DB", str(folder))


def text_for_a_database(folder, monkeypatch):
    path = folder.parent / "other.db"
    path.write_text("no database " * 1000)
    monkeypatch.setenv("FEEDBACK_DB", str(path))


def database_in_no_folder(folder, monkeypatch):
    monkeypatch.setenv("FEEDBACK_DB", str(folder / "nowhere" / "feedback.db"))


def address_of_postgres(folder, monkeypatch):
    monkeypatch.setenv("FEEDBACK_DB", "postgresql://somewhere/feedback")


def broken_secrets(folder, monkeypatch):
    settings.SECRETS.write_text("[second_opinion\nmodel = ")


def unknown_model(folder, monkeypatch):
    monkeypatch.setenv("MODEL", "triagge@champion")


def unknown_version(folder, monkeypatch):
    monkeypatch.setenv("MODEL", "triage/9")


# State: what its message says (where, what, to do), and whether a case can still be predicted.
BAD = [
    (no_model_folder, ["There is no folder", "model", "Set MODEL_DIR"], False),
    (empty_model_folder, ["holds no model", "second_opinion add"], False),
    (missing_model_file, ["model.joblib cannot be read", "Restore the file"], False),
    (changed_model_file, ["model.joblib is not the file", "SHA-256", "Restore the file"], False),
    (broken_card, ["card.json is not valid JSON", "line", "Correct that place"], False),
    (wrong_value_in_card, ["features[2].kind", "'numbr'", "Correct the card"], False),
    (broken_aliases, ["triage@champion", "'7'", "aliases.json"], True),
    (broken_default, ["registry.json cannot be read", "Correct that place"], True),
    (folder_for_a_database, ["is a folder; expected a file", "Set FEEDBACK_DB"], False),
    (text_for_a_database, ["is not a SQLite database", "Move it away"], False),
    (database_in_no_folder, ["does not exist", "Create it"], False),
    (address_of_postgres, ["PostgreSQL address", "Set FEEDBACK_DB"], False),
    (broken_secrets, ["secrets.toml cannot be read", "Correct that place"], True),
    (unknown_model, ["MODEL is 'triagge@champion'", "there are dose", "Correct it"], True),
    (unknown_version, ["MODEL is 'triage/9'", "1, 2", "Correct it"], True),
]


@pytest.mark.slow
@pytest.mark.parametrize(("damage", "said", "usable"), BAD, ids=[bad[0].__name__ for bad in BAD])
def test_a_bad_state_makes_one_message(copied, monkeypatch, damage, said, usable):
    """It says where, what was found and what to do; the pages that need nothing broken go on."""
    damage(copied, monkeypatch)
    for page in PAGES:
        assert len(messages(start(page, name=""))) <= 1
    assert "How to judge a case" in [header.value for header in start("pages/8_Help.py").header]
    at = start(CASE)
    (message,) = messages(at)
    for part in said:
        assert part in message
    assert ("predict_submit" in keys(at)) == usable
    if usable:
        press(press(at, "predict_submit"), "verdict_agree")
        assert "verdict_undo" in keys(at)


@pytest.mark.slow
@pytest.mark.parametrize(
    "damage", [missing_model_file, changed_model_file, broken_card, wrong_value_in_card]
)
def test_a_broken_model_leaves_the_others_usable(copied, monkeypatch, damage):
    damage(copied, monkeypatch)
    at = start(CASE)
    assert len(messages(at)) == 1
    at.selectbox(key="model_choice").set_value("dose@champion").run()
    assert messages(at) == []
    press(press(at, "predict_submit"), "verdict_agree")
    assert "verdict_undo" in keys(at)


def test_a_model_that_breaks_while_it_is_used_is_said_and_not_used(copied, monkeypatch, place):
    at = start(CASE)
    changed_model_file(copied, monkeypatch)
    press(at, "predict_submit")
    assert any("was not loaded" in message for message in messages(at))
    assert asked_for(Store.open(place / "feedback.db"), "Ada") == []


def test_a_summary_that_is_missing_costs_only_the_examples(copied):
    (copied / "triage/1/summary.json").unlink()
    at = press(start(CASE), "predict_another")
    (message,) = messages(at)
    assert "summary.json cannot be read" in message
    press(at, "predict_submit")
    assert messages(at) == []
    assert "verdict_agree" in keys(at)


def test_a_read_only_database_is_said_before_a_case_is_typed(place, models, monkeypatch):
    folder = Path(tempfile.mkdtemp())  # pytest's own may be entered by its owner alone
    try:
        shutil.copytree(models, folder / "model")
        Store.open(folder / "feedback.db").close()
        (folder / "feedback.db").chmod(0o444)
        folder.chmod(0o555)
        monkeypatch.setenv("MODEL_DIR", str(folder / "model"))
        start(CASE)
        monkeypatch.setenv("FEEDBACK_DB", str(folder / "feedback.db"))
        monkeypatch.setattr(settings, "SECRETS", folder / "secrets.toml")
        with as_nobody():
            at, home, help_page = start(CASE), start(), start("pages/8_Help.py")
        (message,) = messages(at)
        assert "feedback.db cannot be written" in message
        assert "Change the permissions" in message
        assert "predict_submit" not in keys(at)
        assert len(messages(home)) == 1
        assert len(messages(help_page)) <= 1
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)


def test_a_link_to_no_prediction_is_said_once(place):
    at = start(CASE, prediction=new_id())
    (message,) = messages(at)
    assert "not in the feedback database" in message
    assert "Check that the link is whole" in message
    press(at, "predict_submit")
    assert messages(at) == []
    assert "verdict_agree" in keys(at)


def test_a_link_to_a_prediction_of_a_removed_version_is_said_once(copied, place):
    at = press(start(CASE, model="triage@challenger"), "predict_submit")
    made = predicted(at, place)
    assert made.version == "2"
    Registry(copied).remove("triage", "2")
    later = start(CASE, prediction=made.id)
    (message,) = messages(later)
    assert "triage has no version '2'" in message
    press(later, "predict_submit")
    assert messages(later) == []
    assert Store.open(place / "feedback.db").prediction(made.id) == made


def test_a_version_that_is_removed_while_it_is_used_is_said(copied, place):
    at = press(start(CASE, model="triage@challenger"), "predict_submit")
    Registry(copied).remove("triage", "2")
    at.run()
    assert len(messages(at)) <= 1
    press(at, "predict_submit")
    assert len(messages(at)) <= 1


@pytest.fixture
def reads(place, monkeypatch):
    """Every look at the models, connection to the database and file of models opened from here."""
    noted = []

    def note(event, arguments):
        name = str(arguments[0]) if arguments else ""
        if event == "sqlite3.connect" or (event == "open" and "/model/" in name):
            noted.append(f"{event} {name}")

    def look(registry, take=Registry.look):
        noted.append("look")
        return take(registry)

    # Files that were written a moment ago are read again, as another change might not show.
    monkeypatch.setenv("MODEL_DIR", str(ROOT / "model"))
    monkeypatch.setattr(Registry, "look", look)
    sys.addaudithook(note)
    return noted


def test_a_press_looks_at_the_models_once_and_reads_little(place, reads):
    at = press(start(CASE), "predict_submit").run()
    reads.clear()
    press(at, "verdict_agree")
    assert len(stored(place)) == 1
    assert reads.count("look") == 1
    assert len(reads) <= 6
    reads.clear()
    at.run()
    assert reads.count("look") == 1
    assert len(reads) <= 4


def test_predicting_reads_the_case_once_and_the_page_once_more(place, monkeypatch):
    at, cases = start(CASE), []
    read = Schema.read
    monkeypatch.setattr(Schema, "read", lambda self, case: cases.append(case) or read(self, case))
    press(at, "predict_submit")
    assert len(cases) == 2


def test_an_answer_whose_database_was_replaced_is_stored_again_by_predict(place):
    at = press(start(CASE), "predict_submit")
    Store.open(os.environ["FEEDBACK_DB"]).close()
    for file in Path(os.environ["FEEDBACK_DB"]).parent.glob("feedback.db*"):
        file.unlink()
    press(at, "verdict_agree")
    assert "predict the case again" in messages(at)[0]
    assert "verdict_agree" not in keys(at)
    press(press(at, "predict_submit"), "verdict_agree")
    assert messages(at) == []
    assert len(stored(place)) == 1


def test_a_typed_comment_is_kept_when_the_database_was_deleted_under_it(place):
    at = press(press(start(CASE), "predict_submit"), "verdict_disagree")
    at.text_area(key="verdict_comment").set_value("Her brother had it too.").run()
    at.checkbox(key="verdict_serious").check().run()
    Store.open(os.environ["FEEDBACK_DB"]).close()
    for file in Path(os.environ["FEEDBACK_DB"]).parent.glob("feedback.db*"):
        file.unlink()
    press(at, "verdict_save")
    assert "predict the case again" in messages(at)[0]
    press(at, "predict_submit")
    assert at.text_area(key="verdict_comment").value == "Her brother had it too."
    assert at.checkbox(key="verdict_serious").value is True
    press(at, "verdict_save")
    assert messages(at) == []
    (row,) = stored(place).to_dict("records")
    assert (row["comment"], row["severity"]) == ("Her brother had it too.", "serious")
    # Stored once, it does not come back.
    press(press(at, "verdict_undo"), "verdict_disagree")
    assert at.text_area(key="verdict_comment").value == ""


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    ("part", "verb"), [(Registry, "look"), (Catalog, "resolve"), (Store, "open")]
)
def test_a_fault_of_the_program_shows_a_number_that_is_in_the_log(
    place, at_home, monkeypatch, caplog, page, part, verb
):
    # At home, where no page is closed before it reads anything.
    def fail(*_args, **_kwargs):
        raise ZeroDivisionError("a secret of the program")

    with monkeypatch.context() as broken, caplog.at_level("ERROR", "second_opinion"):
        broken.setattr(part, verb, fail)
        at = start(page)
    found = messages(at)
    assert len(found) == 1
    (incident,) = re.findall(r"the number (\w{8}) ", found[0])
    assert "secret" not in found[0]
    assert f"incident {incident}" in caplog.text
    assert "a secret of the program" in caplog.text


def test_a_fault_while_saving_shows_a_number_and_saves_nothing(place, monkeypatch, caplog):
    at = press(start(CASE), "predict_submit")
    with monkeypatch.context() as broken:
        broken.setattr(Store, "add_verdict", lambda *_: 1 / 0)
        press(at, "verdict_agree")
    (message,) = messages(at)
    (incident,) = re.findall(r"the number (\w{8}) ", message)
    assert f"incident {incident}" in caplog.text
    assert stored(place).empty
    press(at, "verdict_agree")
    assert messages(at) == []
    assert len(stored(place)) == 1
