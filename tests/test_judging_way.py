"""The way through cases: back to the one before, out, how far one is, and what is left on Home."""

from builders import csv_of, rows_of
from visits import BATCH, CASE, keys, messages, open_row, predicted, press, scored, start


def shares(at):
    return [bar.proto.text for bar in at.get("progress") if "judged" in bar.proto.text]


def links(at):
    return [link.proto for link in at.get("page_link") if "Judge the next" in link.proto.label]


def batch_of_five(registry):
    return scored(start(BATCH, model="triage"), csv_of(rows_of(registry, "triage", 5)))


def test_back_opens_the_row_that_was_judged_before(place, registry):
    at = batch_of_five(registry)
    open_row(at, 2)
    assert "judge_back" not in keys(at)
    press(press(at, "verdict_agree"), "verdict_next")
    assert at.number_input(key="batch_row").value == 3
    press(at, "judge_back")
    assert at.number_input(key="batch_row").value == 2
    assert "verdict_undo" in keys(at)
    assert "judge_back" not in keys(at)
    press(at, "verdict_next")
    assert at.number_input(key="batch_row").value == 3
    assert messages(at) == []


def test_the_way_out_leaves_the_table(place, registry):
    at = open_row(batch_of_five(registry), 2)
    assert shares(at) == ["0 of 5 rows judged by you"]
    press(at, "judge_out")
    assert at.number_input(key="batch_row").value is None
    assert "verdict_agree" not in keys(at)
    assert messages(at) == []


def test_home_says_what_is_left_and_opens_the_next_row(place, registry):
    at = batch_of_five(registry)
    batch = at.session_state["batch_id"]
    press(open_row(at, 1), "verdict_agree")
    kept = {name: at.session_state[name] for name in ("who_batches", "who_key")}

    home = start(session=kept)
    assert shares(home) == ["1 of 5 rows judged by you"]
    (link,) = links(home)
    assert f"batch={batch}" in link.query_string
    assert "row=next" in link.query_string

    at = start(BATCH, session=kept, batch=batch, row="next")
    assert messages(at) == []
    for row in (2, 3, 4, 5):
        assert at.number_input(key="batch_row").value == row
        press(at, "verdict_agree")
        if row < 5:
            press(at, "verdict_next")
    home = start(session=kept)
    assert links(home) == []
    assert "Nothing: you have judged every row of your batches." in [t.value for t in home.text]


def test_a_batch_that_was_opened_by_its_link_is_on_the_list_of_who_opened_it(place, registry):
    batch = batch_of_five(registry).session_state["batch_id"]
    assert links(start(name="Grace")) == []
    guest = start(BATCH, name="Grace", batch=batch)
    home = start(name="Grace", session={"who_linked": guest.session_state["who_linked"]})
    assert shares(home) == ["0 of 5 rows judged by you"]


def test_single_cases_go_back_to_the_one_before(place):
    at = press(press(start(CASE), "predict_submit"), "verdict_agree")
    first = predicted(at, place).id
    assert "judge_back" not in keys(at)
    press(at, "verdict_next")
    assert predicted(at, place).id != first
    assert shares(at) == ["1 of your last 2 cases judged"]
    press(at, "judge_back")
    assert predicted(at, place).id == first
    assert "verdict_undo" in keys(at)
    assert messages(at) == []


def test_past_cases_are_told_apart_by_what_differs(place):
    at = press(start(CASE), "predict_submit")
    at.number_input(key="predict_field_age").set_value(70)
    press(at, "predict_submit")
    labels = [b.label for b in at.button if b.key.startswith("predict_open_")]
    assert [label.rsplit(" · ")[-1] for label in labels] == ["Age 70", "Age 53"]
