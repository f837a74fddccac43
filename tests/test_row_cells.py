"""A page of a batch's rows in the words of the card, cell by cell."""

import json

import pytest
from builders import check, csv_of, rows_of, score

from second_opinion.batches.scored_rows import ScoredRows
from second_opinion.records.batch import prediction_id
from second_opinion.records.verdict import Verdict
from second_opinion.ui import verdict_buttons
from second_opinion.ui.batch import row_cells


def page_of(store, registry, ref="triage", count=4, verdicts=None, **columns):
    """Columns and rows of the first page, and the card."""
    frame = rows_of(registry, ref, count).assign(**columns)
    batch = score(store, registry, check(store, registry, csv_of(frame), ref))
    card = registry.card(ref)
    rows = row_cells.rows(card, batch, ScoredRows(store).rows(batch), verdicts or {}, {})
    return row_cells.columns(card, batch, ()), list(rows), card


def cells_of(columns, row):
    own = {"row", "verdict", "flags"}
    names = [column.name for column in columns if column.kind not in own]
    return dict(zip(names, row.cells, strict=True))


def test_verdict_answer_and_how_sure_come_first_and_then_what_the_model_looks_at(
    empty_store, registry
):
    columns, _, card = page_of(empty_store, registry)
    names = [column.name for column in columns]
    assert names[:5] == ["Row", "You say", "The model says", "Sure", "Flags"]
    looked_at = [f"{f.label} ({f.unit})" if f.unit else f.label for f, _ in card.looks_at]
    assert names[5 : 5 + len(looked_at)] == looked_at
    assert len(names) == 5 + len(card.features)


def test_a_number_has_its_unit_in_the_header_alone_and_stands_to_the_right(empty_store, registry):
    columns, rows, _ = page_of(empty_store, registry, pulse=["71.5", "1200", "80", "80"])
    (pulse,) = [column for column in columns if column.name == "Pulse (beats/min)"]
    assert pulse.number
    cells = [cells_of(columns, row)["Pulse (beats/min)"] for row in rows]
    assert cells == ["71.5", "1,200", "80", "80"]


def test_an_empty_cell_is_a_dash(empty_store, registry):
    columns, rows, card = page_of(empty_store, registry)
    optional = next(f for f in card.case_schema if f.optional)
    columns, rows, _ = page_of(empty_store, registry, **{optional.name: ["", "", "", ""]})
    name = next(c.name for c in columns if c.name.startswith(optional.label))
    assert {cells_of(columns, row)[name] for row in rows} == {"—"}


def test_flags_are_words_for_who_asks(empty_store, registry):
    _, rows, _ = page_of(empty_store, registry, age=["300", "40", "40", "40"])
    assert "Age: outside the training cases" in rows[0].flags
    assert all("Age: outside the training cases" not in row.flags for row in rows[1:])


@pytest.mark.parametrize(
    ("ref", "name"), [("dose", "The model says (mg)"), ("risk", "The model says: risk of staying")]
)
def test_numbers_and_risks_say_what_they_are_once(empty_store, registry, ref, name):
    columns, rows, _ = page_of(empty_store, registry, ref)
    (answer,) = [column for column in columns if column.kind == "answer"]
    assert answer.number
    assert answer.name.startswith(name)
    assert all("mg" not in row.cells[0] for row in rows)
    assert ref != "risk" or all(row.cells[0].endswith("%") for row in rows)


def test_what_was_said_marks_its_button_and_the_right_answer_stands_beside(empty_store, registry):
    frame = rows_of(registry, "triage", 2)
    batch = score(empty_store, registry, check(empty_store, registry, csv_of(frame)))
    card, page = registry.card("triage"), ScoredRows(empty_store).rows(batch)
    wrong = Verdict(prediction_id(batch.id, 1), "Ada", "disagree", correct_value="keep")
    first, second = row_cells.rows(card, batch, page, {1: wrong}, {})
    assert (first.said, first.more) == ("disagree", "Keep here")
    assert (second.said, second.more) == ("", "")


@pytest.mark.parametrize(("ref", "right"), [("risk", "About right"), ("triage", "Agree")])
def test_the_buttons_of_a_row_say_what_those_of_the_panel_say(registry, ref, right):
    card = registry.card(ref)
    of_panel = {button.key: button.label for button in verdict_buttons.of(card)}
    agree = next(button for button in row_cells.buttons(card) if button.name == "agree")
    assert f"{agree.sign} {agree.label}" == of_panel["verdict_agree"]
    assert agree.label == right


def test_a_table_of_every_model_can_go_to_the_browser(empty_store, registry):
    for ref in ("triage", "dose", "risk", "iris", "hostile"):
        _, rows, _ = page_of(empty_store, registry, ref, count=2)
        assert json.dumps([vars(row) for row in rows])
