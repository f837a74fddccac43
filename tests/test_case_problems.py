"""What is wrong with a case: at its field, in the words of its label, with a way on."""

import json

import pytest
from visits import CASE, as_read, keys, messages, predicted, press, start

from second_opinion.ui import typed_case


@pytest.fixture
def on_json(place):
    """A visitor at the JSON tab, with the case there."""
    at = start(CASE)
    at.button_group(key="predict_tab").set_value(typed_case.JSON).run()
    return at, dict(at.session_state["predict_case"])


def type_json(at, case):
    editor = f"{typed_case.EDITOR}_{at.session_state['predict_revision']}"
    at.session_state[editor] = {"text": case if isinstance(case, str) else json.dumps(case)}
    return at.run()


def to(at, tab):
    return at.button_group(key="predict_tab").set_value(tab).run()


def at_fields(at):
    """What is said below the fields."""
    return [as_read(m.value) for m in at.markdown if m.value.startswith(":red[:material/error:")]


REFUSED = [
    # field, what the JSON says, what then is said, and an answer
    ("smoker", "no", 'Smoker is empty; expected yes or no. The JSON says "no".', True),
    ("colour", "Red", 'Colour is empty; expected amber, green or red. The JSON says "Red"', "red"),
    ("pulse", "fast", 'The JSON says "fast".', 80.0),
    ("age", 53.5, "The JSON says 53.5.", 54),
    ("admitted", "10.7.2024", 'The JSON says "10.7.2024".', None),
    ("temperature", "hot", "Temperature is empty; expected a number", 37.0),
    ("visits", True, "The JSON says true.", 3),
    ("pregnant", "maybe", 'Pregnant is empty; expected yes or no. The JSON says "maybe".', False),
    ("region", 7, "The JSON says 7.", None),
    ("note", 7, "The JSON says 7.", None),
]


@pytest.mark.parametrize(("field", "typed", "said", "answer"), REFUSED)
def test_what_json_says_and_the_form_cannot_show_blocks_until_it_is_answered(
    on_json, place, field, typed, said, answer
):
    at, case = on_json
    to(type_json(at, {**case, field: typed}), typed_case.FORM)
    assert messages(at) == []
    (one,) = at_fields(at)
    assert said in one
    (message,) = messages(press(at, "predict_submit"))
    assert said in message
    assert "prediction" not in at.query_params
    if answer is None:
        return
    at.session_state[f"predict_field_{field}"] = answer
    press(at, "predict_submit")
    assert messages(at) == []
    assert predicted(at, place).inputs[field] == answer


@pytest.mark.parametrize(("right", "typed"), [("colour", "color"), ("temperature", "temprature")])
def test_a_misspelt_name_is_said_at_the_field_that_was_meant(on_json, right, typed):
    at, case = on_json
    renamed = {typed if name == right else name: value for name, value in case.items()}
    to(type_json(at, renamed), typed_case.FORM)
    (one,) = at_fields(at)
    assert one.startswith(f":red[:material/error: {right.capitalize()} is empty")
    assert f"The JSON calls it {typed}." in one
    press(at, "predict_submit")
    assert "prediction" not in at.query_params


def test_what_may_be_empty_can_be_left_so(on_json, place):
    at, case = on_json
    to(type_json(at, {**case, "temperature": "hot"}), typed_case.FORM)
    press(press(at, "predict_leave_temperature"), "predict_submit")
    assert messages(at) == []
    assert predicted(at, place).inputs["temperature"] is None


def test_a_name_that_the_model_lacks_can_be_left_out(on_json, place):
    at, case = on_json
    to(type_json(at, {**case, "shoe": 42}), typed_case.FORM)
    assert len(messages(press(at, "predict_submit"))) == 1
    press(press(at, "predict_leave_shoe"), "predict_submit")
    assert messages(at) == []
    assert dict(predicted(at, place).inputs) == case


def test_what_must_be_filled_in_cannot_be_left_empty(on_json):
    at, case = on_json
    to(type_json(at, {**case, "smoker": "no"}), typed_case.FORM)
    assert not {key for key in keys(at) if key.startswith("predict_leave")}


def test_a_text_that_is_no_case_is_said_on_the_form(on_json):
    at, case = on_json
    to(type_json(at, json.dumps(case)[:-1]), typed_case.FORM)
    assert messages(at) == []
    assert any("The JSON could not be read" in as_read(w.value) for w in at.warning)


def test_back_in_json_what_was_typed_is_there_again(on_json):
    at, case = on_json
    text = json.dumps({**case, "temperature": "hot"})
    to(to(type_json(at, text), typed_case.FORM), typed_case.JSON)
    (message,) = messages(at)
    assert 'temperature is "hot"' in message
    assert at.session_state["predict_text"] == text


def test_another_case_takes_nothing_from_json(on_json):
    at, case = on_json
    to(type_json(at, {**case, "temperature": "hot"}), typed_case.FORM)
    press(press(at, "predict_another"), "predict_submit")
    assert messages(at) == []


@pytest.mark.parametrize(
    ("field", "value", "button"),
    [("color", "red", "Did you mean Colour?"), ("colour", "Red", "Did you mean red?")],
)
def test_one_click_takes_what_was_likely_meant(on_json, place, field, value, button):
    at, case = on_json
    del case["colour"]
    type_json(at, {**case, field: value})
    assert at.button(key="predict_mend_0").label == button
    press(at, "predict_mend_0")
    assert messages(at) == []
    press(at, "predict_submit")
    assert predicted(at, place).inputs["colour"] == "red"


def test_a_problem_in_json_names_its_line(on_json):
    at, case = on_json
    type_json(at, json.dumps({**case, "age": "old"}, indent=1))
    line = list(case).index("age") + 2
    (message,) = messages(at)
    assert message.startswith(f'Line {line}: age is "old"')


def test_many_empty_fields_are_said_at_each_and_named_beside_predict(place):
    at = press(press(start(CASE), "predict_clear"), "predict_submit")
    (message,) = messages(at)
    needed = [f for f in at_fields(at) if " is empty" in f]
    assert message.startswith(f"{len(needed)} fields wait for an answer: Pulse, Age,")
    assert len(needed) > 3
