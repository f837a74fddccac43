"""What a file holds that the model has not seen is told when the file is checked."""

from collections import Counter

import pytest
from builders import check, csv_of, rows_of, score
from visits import BATCH, as_read, messages, start, upload

from second_opinion.batches import unfamiliar_values
from second_opinion.batches.scored_rows import ScoredRows
from second_opinion.batches.unfamiliar_values import UnfamiliarValues
from second_opinion.schema import Feature, Schema
from second_opinion.store import Store

FEATURES = {
    "contract": {"kind": "category", "choices": ["monthly", "yearly"], "missing": True},
    "items": {"kind": "category", "choices": [1, 2, 3], "label": "Items bought"},
    "age": {"kind": "integer", "min": 18, "max": 90, "unit": "years"},
    "fee": {"kind": "number", "min": 0.5, "max": 99.5, "missing": True},
    "day": {"kind": "date", "min": "2025-01-01", "max": "2025-12-31"},
    "moment": {"kind": "datetime", "min": "2025-01-01T00:00", "max": "2025-12-31T00:00"},
    "paid": {"kind": "boolean"},
    "remark": {"kind": "text", "missing": True},
}
SCHEMA = Schema(Feature(name=name, **about) for name, about in FEATURES.items())
USUAL = {
    "contract": "monthly",
    "items": 1,
    "age": 40,
    "fee": 9.5,
    "day": "2025-06-01",
    "moment": "2025-06-01T12:00",
    "paid": True,
    "remark": "nothing",
}


def sentences(*rows, schema=SCHEMA, chunks=1):
    values = UnfamiliarValues(schema)
    size = -(-len(rows) // chunks)
    for at in range(0, len(rows), size):
        values.add(schema.frame([USUAL | row for row in rows[at : at + size]]))
    return values.sentences


def test_a_file_of_usual_cases_has_nothing_to_tell():
    assert sentences({}, {"contract": None, "fee": None, "remark": None}) == []


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (
            [{"contract": "montly"}] * 3,
            'Contract: "montly" in 3 rows; did you mean "monthly"?',
        ),
        ([{"contract": "weekly"}], 'Contract: "weekly" in 1 row.'),
        ([{"items": 7}, {"items": 7}], "Items bought: 7 in 2 rows."),
        (
            [{"contract": text} for text in ("montly", "montly", "weekly")],
            'Contract: 2 values in 3 rows, "montly" in 2 rows (did you mean "monthly"?) and '
            '"weekly" in 1 row.',
        ),
        (
            [{"contract": text} for text in "aabcdef"],
            'Contract: 6 values in 7 rows, "a" in 2 rows, "b" in 1 row, "c" in 1 row and 3 more.',
        ),
        (
            [{"age": 140}],
            "Age: 140 years in 1 row, outside the training cases (18 to 90 years).",
        ),
        (
            [{"age": 140}, {"age": 2}, {"age": 17}],
            "Age: from 2 years to 140 years in 3 rows, outside the training cases "
            "(18 to 90 years).",
        ),
        ([{"fee": 0.25}], "Fee: 0.25 in 1 row, outside the training cases (0.5 to 99.5)."),
    ],
)
@pytest.mark.parametrize("chunks", [1, 2])
def test_what_is_unfamiliar_is_said_in_the_words_of_the_label(rows, sentence, chunks):
    assert sentences(*rows, {}, chunks=chunks) == [sentence]


def test_days_and_moments_outside_the_training_cases_are_told_too():
    day, moment = sentences({"day": "2031-02-03", "moment": "2019-02-03T04:05"})
    assert day.startswith("Day: 2031-02-03 in 1 row, outside the training cases (2025-01-01 to")
    assert moment.startswith("Moment: 2019-02-03 04:05 in 1 row, outside the training cases")


def test_each_field_has_its_sentence_and_values_never_seen_come_first():
    fields = [one.split(":")[0] for one in sentences({"age": 99, "items": 9, "contract": "x"})]
    assert fields == ["Contract", "Items bought", "Age"]


def test_a_column_of_values_that_all_differ_is_counted_within_bounds(monkeypatch):
    monkeypatch.setattr(unfamiliar_values, "MOST_VALUES", 5)
    rows = [{"contract": f"plan {at}"} for at in range(40)]
    (sentence,) = sentences({"contract": "plan 7"}, *rows, chunks=10)
    assert sentence.startswith('Contract: over 5 values in 41 rows, "plan 7" in 2 rows')


def test_a_long_value_is_cut():
    (sentence,) = sentences({"contract": "x" * 5000})
    assert len(sentence) < 100


@pytest.mark.slow
@pytest.mark.parametrize("ref", ["triage", "dose", "risk", "iris"])
def test_the_check_tells_of_the_fields_that_the_answers_are_marked_with(empty_store, registry, ref):
    schema = registry.card(ref).case_schema
    frame = rows_of(registry, ref, 60)
    for at, feature in enumerate(schema):
        if feature.kind_of.choices == "list" and isinstance(feature.values[0], str):
            frame.loc[at : at + 3, feature.name] = "never seen"
        elif feature.is_numeric:
            frame.loc[at + 5, feature.name] = "100000"
    batch = check(empty_store, registry, csv_of(frame), ref)
    batch = score(empty_store, registry, batch)
    rows = ScoredRows(empty_store).fetched(batch, list(range(1, batch.rows_done + 1))).scored
    flags = Counter(f for text in rows["flags"].to_pylist() for f in text.split(";"))
    marked = {f: n for f, n in flags.items() if f.startswith(("unseen:", "out_of_range:"))}
    labels = {schema[flag.partition(":")[2]].label for flag in marked}
    assert labels
    assert {one.split(":")[0] for one in batch.unfamiliar} == labels
    assert batch.rows_done == 60


@pytest.mark.slow
def test_the_page_tells_it_before_anything_is_scored(place, registry):
    schema = registry.card("triage").case_schema
    feature = next(f for f in schema if f.kind_of.choices == "list" and f.unknown == "flag")
    frame = rows_of(registry, "triage", 20)
    frame.loc[[3, 5], feature.name] = "**bold** `x`"
    at = upload(start(BATCH, model="triage"), csv_of(frame))
    assert messages(at) == []
    (warning,) = [one.value for one in at.warning if "Not seen in the training" in one.value]
    assert f'{feature.label}: "**bold** `x`" in 2 rows' in as_read(warning)
    assert at.button(key="batch_score")
    (batch,) = Store.open(place / "feedback.db").batches.listed()
    assert batch.state == "checked"
    assert len(batch.unfamiliar) == 1
