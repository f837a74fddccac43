"""Which predictions are looked at: column by column what was uploaded, and just those asked for."""

import json
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from builders import add_single, judged, scored_batch

from second_opinion.batches.scored_rows import ScoredRows
from second_opinion.distributions import batch_columns, selection
from second_opinion.distributions.selection import Condition, Only
from second_opinion.records.verdict import Verdict

ROWS = 130


@pytest.mark.slow
@pytest.mark.parametrize("ref", ["triage", "dose", "risk", "iris"])
def test_a_batch_has_the_answers_and_columns_of_its_rows(empty_store, registry, ref):
    batch, _ = scored_batch(empty_store, registry, ref)
    card = registry.card(ref)
    subset = selection.of_batch(empty_store, batch, card)
    assert subset.rows == ROWS
    for row in (1, 77, ROWS):
        opened = ScoredRows(empty_store).opened(batch, row, card)
        assert subset.ids[row - 1] == row
        assert subset.answers[row - 1] == opened.value
        sure = opened.confidence
        assert subset.confidence[row - 1] == sure or (sure is None and card.task == "regression")
        for feature in card.features:
            cell, value = subset.columns[feature.name][row - 1], opened.inputs[feature.name]
            if feature.kind == "text" or value is None:
                assert pd.isna(cell) == (value is None)
            elif feature.kind == "date":
                assert str(cell)[:10] == value
            else:
                assert cell == value
                assert isinstance(cell, bool) == isinstance(value, bool)


def test_columns_are_read_in_chunks_as_at_once(empty_store, registry, monkeypatch):
    batch, frame = scored_batch(empty_store, registry)
    subset = selection.of_batch(empty_store, batch, registry.card("triage"))
    for room in (1, 10**9):
        monkeypatch.setattr(batch_columns, "MOST_BYTES", room)
        monkeypatch.setattr(batch_columns, "_columns", batch_columns.Recent(room))
        ages = subset.columns["age"]
        assert ages.tolist() == frame["age"].astype(float).tolist()
        assert list(subset.columns["colour"]) == frame["colour"].tolist()


def test_a_level_keeps_its_rows_across_chunks(empty_store, registry):
    """Each chunk meets the levels in an order of its own."""
    card = registry.card("triage")
    feature = card.case_schema["colour"]
    from second_opinion.tables.parse_column import Column

    parts = [
        Column(feature, np.array([0, 1, -1]), np.array([False, False, True]), ("red", "green")),
        Column(feature, np.array([0, 1]), np.array([False, False]), ("green", "violet")),
    ]
    whole = batch_columns.whole_of(parts, feature)
    assert [None if pd.isna(v) else v for v in whole] == ["red", "green", None, "green", "violet"]


def test_rows_without_an_answer_are_left_out(empty_store, registry):
    batch, _ = scored_batch(empty_store, registry, rows=5)
    scores = ScoredRows(empty_store).scores(batch)
    scores.codes[2] = -1
    subset = selection.of_batch(empty_store, batch, registry.card("triage"))
    assert subset.rows == 4
    assert subset.page(1) == [1, 2, 4, 5]


def test_a_part_is_what_it_says_and_parts_add_up(empty_store, registry):
    batch, frame = scored_batch(empty_store, registry)
    subset = selection.of_batch(empty_store, batch, registry.card("triage"))
    age = frame["age"].astype(float)
    young = Condition("feature", "age", ranges=((30.0, 50.0),))
    assert subset.where(young).rows == ((age >= 30) & (age < 50)).sum()
    red = Condition("feature", "colour", levels=("red",))
    both = subset.where(young).where(red)
    wanted = (age >= 30) & (age < 50) & (frame["colour"] == "red")
    assert both.page(1) == (np.flatnonzero(wanted) + 1).tolist()
    others = replace(red, besides=True)
    assert subset.where(red).rows + subset.where(others).rows == ROWS
    assert both.cases["age"].tolist() == age[wanted].tolist()
    assert both.parts == (young, red)


def test_values_that_are_not_known_can_be_asked_for(empty_store, registry):
    said = ["", "True", "False", "False"] * 32 + ["", ""]
    batch, frame = scored_batch(empty_store, registry, pregnant=said)
    subset = selection.of_batch(empty_store, batch, registry.card("triage"))
    missing = Condition("feature", "pregnant", levels=(None,))
    assert subset.where(missing).rows == (frame["pregnant"] == "").sum() > 0
    known = Condition("feature", "pregnant", levels=(True, False))
    assert subset.where(known).rows + subset.where(missing).rows == ROWS
    besides = Condition("feature", "pregnant", levels=(True,), besides=True)
    assert subset.where(besides).rows == subset.where(replace(known, levels=(False,))).rows


def test_dates_are_parted_by_days(empty_store, registry):
    batch, frame = scored_batch(empty_store, registry)
    subset = selection.of_batch(empty_store, batch, registry.card("triage"))
    first = (date(2024, 3, 1) - date(1970, 1, 1)).days
    part = Condition("feature", "admitted", ranges=((first, first + 31),))
    assert subset.where(part).rows == frame["admitted"].str.startswith("2024-03").sum() > 0


def test_an_overview_counts_each_row_once_and_is_kept(empty_store, registry, monkeypatch):
    monkeypatch.setattr(selection, "AT_ONCE", 7)
    batch, frame = scored_batch(empty_store, registry)
    subset = selection.of_batch(empty_store, batch, registry.card("triage"))
    found = subset.overview()
    assert found.answers.rows == found.rows == ROWS
    assert subset.overview() is found
    again = selection.of_batch(empty_store, batch, registry.card("triage"))
    assert again.overview() is found
    described = subset.described()
    counts = described.features["colour"].result().set_index("value")["count"]
    assert counts[counts > 0].to_dict() == frame["colour"].value_counts().to_dict()
    part = subset.where(Condition("feature", "colour", levels=("red",)))
    assert part.overview().rows == (frame["colour"] == "red").sum()


def test_singles_are_filtered_by_version_source_and_whole_days(empty_store, registry):
    model = registry.load("triage")
    days = ["2026-11-01T00:00:00.000Z", "2026-11-01T23:59:59.999Z", "2026-11-02T00:00:00.000Z"]
    made = [add_single(empty_store, model, {"age": 20 + at}, created_at=day)
            for at, day in enumerate(days)]  # fmt: skip
    add_single(empty_store, model, created_at=days[0], source="api", version="9")
    add_single(empty_store, registry.load("dose"))

    def ids(**only):
        subset = selection.of_singles(empty_store, model.card, Only(**only))
        return set(subset.ids.tolist())

    assert len(ids()) == 4
    assert ids(version=made[0].version) == {one.id for one in made}
    assert len(ids(source="api")) == len(ids(version="9")) == 1
    first = {one.id for one in made[:2]}
    assert ids(until=date(2026, 11, 1), source="form") == first
    assert ids(since=date(2026, 11, 2)) == {made[2].id}
    assert not ids(since=date(2027, 1, 1))


def test_singles_hold_what_was_asked_and_answered(empty_store, registry):
    model = registry.load("triage")
    old = add_single(empty_store, model, {"age": 30, "colour": "red"}, created_at="2026-01-01")
    subset = selection.of_singles(empty_store, model.card)
    assert subset.columns["age"].tolist() == [30.0]
    assert list(subset.columns["colour"]) == ["red"]
    # A prediction more is seen at once, the newest first.
    new = add_single(empty_store, model, {"age": 31})
    subset = selection.of_singles(empty_store, model.card)
    assert subset.ids.tolist() == [new.id, old.id]
    assert list(subset.answers) == [new.value, old.value]
    assert subset.where(Condition("day", ranges=((20454.0, 20455.0),))).page(1) == [old.id]


def test_rows_of_a_batch_that_were_opened_are_not_among_the_singles(empty_store, registry):
    batch, _ = scored_batch(empty_store, registry, rows=5)
    ScoredRows(empty_store).opened(batch, 3, registry.card("triage"))
    assert selection.of_singles(empty_store, registry.card("triage")).rows == 0


def test_of_very_many_singles_the_latest_are_read(empty_store, registry, monkeypatch):
    monkeypatch.setattr(selection, "MOST_SINGLES", 4)
    judged(registry.folder, empty_store)
    subset = selection.of_singles(empty_store, registry.card("iris"))
    assert subset.about == "the latest 4 single predictions"


def test_verdicts_are_those_on_the_rows_that_are_looked_at(empty_store, registry):
    batch, frame = scored_batch(empty_store, registry)
    card = registry.card("triage")
    for row, judgement in ((1, "agree"), (2, "disagree"), (3, "unsure")):
        opened = ScoredRows(empty_store).opened(batch, row, card)
        empty_store.add_verdict(Verdict(opened.id, "Ada", judgement, comment="Why."))
    subset = selection.of_batch(empty_store, batch, card)
    found = selection.verdicts(empty_store, subset)
    assert found["wrong"].fillna(-1).tolist() == [0, 1, -1]
    assert found["confidence"].tolist() == subset.confidence[:3].tolist()
    assert (found["day"].str.len() == 10).all()
    one = subset.where(Condition("feature", "age", ranges=((float(frame["age"][1]), 1e9),)))
    assert len(selection.verdicts(empty_store, one)) == sum(row in one.page(1) for row in (1, 2, 3))
    assert selection.verdicts(empty_store, selection.of_singles(empty_store, card)).empty


def test_a_list_says_what_people_read(empty_store, registry):
    batch, _ = scored_batch(empty_store, registry, rows=104)
    card = registry.card("triage")
    subset = selection.of_batch(empty_store, batch, card)
    assert [len(subset.listed(page)) for page in (1, 2, 3)] == [100, 4, 0]
    last = subset.listed(2).iloc[-1]
    opened = ScoredRows(empty_store).opened(batch, 104, card)
    assert (last["Row"], last["The model says"]) == (104, card.label(opened.value))
    for feature in card.features:
        if feature.shape != "text":
            value = opened.inputs[feature.name]
            assert last[feature.label] == ("" if value is None else feature.text(value))
    assert json.dumps(subset.page(2)) == "[101, 102, 103, 104]"
