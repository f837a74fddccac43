"""The way through cases: back to the one before, out, how far one is, and what is left on Home."""

import pytest
from builders import check, csv_of, failing_on, rows_of, score
from visits import BATCH, CASE, keys, messages, open_row, predicted, press, scored, start

from second_opinion.batches.scored_rows import RowFilter, ScoredRows
from second_opinion.records.expert import Expert
from second_opinion.store import Store


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
    assert "Nothing: you have judged every row of your batches, and no plan asks you." in [
        t.value for t in home.text
    ]


def batch_with_failures(store, registry, monkeypatch, failures, ref="triage"):
    """Five rows; the model fails on those with these numbers, which are 51 years old."""
    frame = rows_of(registry, ref, 5).assign(age="50")
    frame.loc[[row - 1 for row in failures], "age"] = "51"
    failing_on(registry, monkeypatch, [51])
    return score(store, registry, check(store, registry, csv_of(frame), ref))


@pytest.mark.parametrize("ref", ["triage", "risk", "dose"])
@pytest.mark.parametrize("failures", [[1], [5], [1, 2, 4], [3]])
def test_rows_on_which_the_model_failed_never_wait(
    empty_store, registry, monkeypatch, ref, failures
):
    batch = batch_with_failures(empty_store, registry, monkeypatch, failures, ref)
    answered = [row for row in range(1, 6) if row not in failures]
    rows, row, order = ScoredRows(empty_store), 0, []
    for _ in answered:
        so_far = rows.judging(batch, RowFilter(by=Expert("Ada")), "row", descending=False, row=row)
        assert (so_far.judged, so_far.total) == (0, len(answered))
        row = so_far.next_row
        order.append(row)
    assert order == answered


def test_home_leads_past_the_rows_on_which_the_model_failed(place, registry, monkeypatch):
    store = Store.open(place / "feedback.db")
    batch = batch_with_failures(store, registry, monkeypatch, [1, 4])
    guest = start(BATCH, name="Grace", batch=batch.id)
    kept = {"who_linked": guest.session_state["who_linked"]}
    assert shares(start(name="Grace", session=kept)) == ["0 of 3 rows judged by you"]
    at = start(BATCH, name="Grace", session=kept, batch=batch.id, row="next")
    for row in (2, 3, 5):
        assert messages(at) == []
        assert at.number_input(key="batch_row").value == row
        press(at, "verdict_agree")
        if row < 5:
            press(at, "verdict_next")
    home = start(name="Grace", session=kept)
    assert "Nothing: you have judged every row of your batches, and no plan asks you." in [
        t.value for t in home.text
    ]
    at = start(BATCH, name="Grace", session=kept, batch=batch.id, row="next")
    assert messages(at) == []
    assert at.number_input(key="batch_row").value is None


def test_a_row_without_an_answer_that_is_opened_by_hand_leads_to_the_next(
    place, registry, monkeypatch
):
    store = Store.open(place / "feedback.db")
    batch = batch_with_failures(store, registry, monkeypatch, [2])
    at = open_row(start(BATCH, name="Grace", batch=batch.id), 2)
    assert "Row 2 of" in messages(at)[0]
    assert "verdict_agree" not in keys(at)
    press(at, "verdict_next")
    assert messages(at) == []
    assert at.number_input(key="batch_row").value == 3
    press(at, "judge_back")
    press(at, "judge_out")
    assert at.number_input(key="batch_row").value is None


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
