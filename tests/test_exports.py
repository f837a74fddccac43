"""What leaves the database: exports that can be read back, and the cases to learn from."""

import csv
import io
import json
import tracemalloc
from contextlib import closing

import pyarrow.parquet as pq
import pytest
from builders import (
    HOSTILE,
    OWNER,
    REVIEWER,
    case,
    check,
    csv_of,
    review_of,
    rows_of,
    score,
    verdict,
)
from database import current_rows

from second_opinion.batches.scored_rows import ScoredRows
from second_opinion.errors import UserError
from second_opinion.records.case_columns import CaseColumns
from second_opinion.records.expert import Expert
from second_opinion.records.stamp import new_id
from second_opinion.records.verdict_filter import VerdictFilter
from second_opinion.review import exports
from second_opinion.review.corrections import LeftOut, corrections
from second_opinion.review.exports import export
from second_opinion.store import Store
from second_opinion.tables.spreadsheet_csv import read_export


def exported(store, what, **options):
    out = io.BytesIO()
    done = export(store, out, what, by=REVIEWER, **options)
    return out.getvalue(), done


def add(store, *verdicts, **changes):
    """A case with verdicts, each an expert with what they said."""
    # Equal inputs would be one case.
    prediction = case(**{"inputs": {"age": 40, "bed": new_id()}, **changes})
    store.add_prediction(prediction)
    for expert, judgement, about in verdicts:
        store.add_verdict(verdict(prediction, judgement, expert, **about))
    return prediction


@pytest.fixture
def judged_cases(empty_store):
    """One case of every fate, by name."""
    agree, disagree = ("Ada", "agree", {}), ("Bob", "disagree", {"correct_value": 0})
    return {
        "agreed": add(empty_store, agree),
        "corrected": add(empty_store, disagree, source="plan"),
        "unsure": add(empty_store, ("Ada", "unsure", {})),
        "nothing named": add(empty_store, ("Ada", "disagree", {})),
        "conflict": add(empty_store, agree, disagree),
        "adjudicated": add(empty_store, agree, disagree),
        "agreed twice": add(empty_store, agree, ("Bob", "agree", {})),
        "one was unsure": add(empty_store, ("Ada", "unsure", {}), disagree),
        "two were unsure": add(empty_store, ("Ada", "unsure", {}), ("Bob", "unsure", {})),
        "no verdict": add(empty_store),
    }


def test_each_case_is_to_be_learned_from_once(empty_store, judged_cases):
    review_of(empty_store).adjudicate(judged_cases["adjudicated"].id, 0, "scan", by=REVIEWER)
    left_out = LeftOut()
    rows = [
        row
        for some in corrections(review_of(empty_store), VerdictFilter(), left_out)
        for row in some
    ]
    names = {prediction.id: name for name, prediction in judged_cases.items()}
    found = {names[r.prediction.id]: (r.learn, r.source, r.weight, r.purpose) for r in rows}
    assert found == {
        "agreed": (1, "agree", 1.0, "exploration"),
        "corrected": (0, "corrected", 1.0, "plan"),
        "adjudicated": (0, "adjudicated", 1.0, "exploration"),
        "agreed twice": (1, "agree", 1.0, "exploration"),
        "one was unsure": (0, "corrected", 1.0, "exploration"),
    }
    assert len(rows) == len(found)
    assert left_out == LeftOut(conflicts=1, unanswered=3)


def test_each_case_is_kept_or_counted(busy_store):
    left_out = LeftOut()
    kept = [
        row.prediction.id
        for some in corrections(review_of(busy_store), VerdictFilter(), left_out)
        for row in some
    ]
    judged = {row["case"] for row in current_rows(busy_store.path)}
    assert len(kept) == len(set(kept))
    assert len(kept) + left_out.conflicts + left_out.unanswered == len(judged)
    assert left_out.conflicts == review_of(busy_store).shared_counts()["undecided"]


def test_corrections_are_the_inputs_and_what_to_learn(empty_store):
    add(empty_store, ("Ada", "agree", {}), inputs={"age": 40, "source": "ward", "weight": 70.5})
    add(empty_store, ("Ada", "agree", {}), inputs={"age": None, "source": "=1+1", "smoker": True})
    content, done = exported(
        empty_store, "corrections", verdict_filter=VerdictFilter(model="churn")
    )
    rows = list(csv.DictReader(io.StringIO(content.decode())))
    assert list(rows[0]) == [
        *("age", "source", "weight", "smoker"),
        *("learn", "source_review", "weight_review", "purpose", "model", "version"),
        "prediction_id",
    ]
    assert [row["source"] for row in rows] == ["ward", "=1+1"]
    assert [row["learn"] for row in rows] == ["1", "1"]
    assert (done.rows, done.left_out) == (2, LeftOut())

    content, _ = exported(
        empty_store, "corrections", format="parquet", verdict_filter=VerdictFilter(model="churn")
    )
    table = pq.read_table(io.BytesIO(content))
    assert {n: str(table.schema.field(n).type) for n in ("age", "source", "weight", "smoker")} == {
        "age": "int64",
        "source": "string",
        "weight": "double",
        "smoker": "bool",
    }
    assert table.column("age").to_pylist() == [40, None]


@pytest.mark.parametrize("safe", [False, True])
def test_a_csv_is_read_back_as_it_was(busy_store, safe):
    content, done = exported(busy_store, "verdicts", spreadsheet_safe=safe)
    table = read_export(content, spreadsheet_safe=safe).to_pylist()
    expected = busy_store.reviewed().set_index("verdict_id")
    assert len(table) == len(expected) == done.rows
    for row in table:
        same = expected.loc[row["verdict_id"]]
        assert row["comment"] == same["comment"]
        assert row["expert"] == same["expert"]
        assert json.loads(row["inputs"]) == same["inputs"]
        assert row["adjudicated"] == str(same["adjudicated"]).lower()
        if row["confidence"] is not None:
            assert float(row["confidence"]) == same["confidence"]


def test_a_formula_does_not_reach_a_spreadsheet(empty_store):
    add(empty_store, ("Ada", "agree", {"comment": '=HYPERLINK("https://evil.example")'}))
    safe, _ = exported(empty_store, "verdicts", spreadsheet_safe=True)
    exact, _ = exported(empty_store, "verdicts")
    assert b"\"'=HYPERLINK" in safe
    assert b"'=HYPERLINK" not in exact


def test_json_lines_keep_the_types(busy_store):
    content, done = exported(busy_store, "verdicts", format="jsonl")
    rows = [json.loads(line) for line in content.decode().splitlines()]
    assert len(rows) == done.rows
    expected = busy_store.reviewed().set_index("verdict_id")
    for row in rows:
        same = expected.loc[row["verdict_id"]]
        assert repr(row["value"]) == repr(same["value"])
        assert repr(row["answer"]) == repr(same["answer"])
        assert row["inputs"] == same["inputs"]


def test_what_experts_know_a_case_by_is_exported_and_nothing_that_is_hidden(empty_store, registry):
    frame = rows_of(registry, "triage", 3).assign(patient=["P-0", "P-1", "P-2"], secret="x")
    batch = score(empty_store, registry, check(empty_store, registry, csv_of(frame), "triage"))
    choice = CaseColumns(shown=("patient", "secret"), hidden=("secret",))
    empty_store.column_choices.choose(batch.id, choice, by=OWNER)
    for row in (3, 1):
        made = ScoredRows(empty_store).opened(batch, row, registry.card("triage"))
        empty_store.add_verdict(verdict(made, "agree", "Ada"))
    add(empty_store, ("Ada", "agree", {}))
    for what in ("verdicts", "predictions"):
        rows = [
            json.loads(line) for line in exported(empty_store, what, format="jsonl")[0].splitlines()
        ]
        known = {row["row_number"]: row["known_by"] for row in rows}
        assert known == {None: None, 1: {"patient": "P-0"}, 3: {"patient": "P-2"}}, what


def test_predictions_are_exported_judged_or_not(empty_store):
    made = [
        case(model=model, created_at=f"2026-11-{day}T09:00:00.000Z", batch_id=batch)
        for model, day, batch in (("churn", "01", "a"), ("churn", "02", None), ("dose", "02", None))
    ]
    empty_store.add_predictions(made)
    for wanted, expected in (
        (VerdictFilter(), made),
        (VerdictFilter(model="churn"), made[:2]),
        (VerdictFilter(since="2026-11-02"), made[1:]),
        (VerdictFilter(until="2026-11-01"), made[:1]),
        (VerdictFilter(batch="a"), made[:1]),
    ):
        content, _ = exported(empty_store, "predictions", format="jsonl", verdict_filter=wanted)
        rows = [json.loads(line) for line in content.decode().splitlines()]
        assert [row["prediction_id"] for row in rows] == [prediction.id for prediction in expected]


@pytest.mark.parametrize("what", ["verdicts", "predictions", "corrections"])
@pytest.mark.parametrize("safe", [False, True])
def test_an_export_of_nothing_has_its_header(empty_store, what, safe):
    wanted = VerdictFilter(model="churn")
    content, done = exported(empty_store, what, spreadsheet_safe=safe, verdict_filter=wanted)
    (header,) = csv.reader(io.StringIO(content.decode("utf-8-sig")))
    known_by = exports.KNOWN_BY
    columns = {
        "verdicts": (*exports.VERDICTS, known_by),
        "predictions": (*exports.PREDICTIONS, known_by),
    }
    assert tuple(header) == columns.get(what, exports.CORRECTIONS)
    assert done.rows == 0
    content, _ = exported(empty_store, what, format="parquet", verdict_filter=wanted)
    assert tuple(pq.read_table(io.BytesIO(content)).column_names) == tuple(header)
    assert exported(empty_store, what, format="jsonl", verdict_filter=wanted)[0] == b""


def test_each_export_is_in_the_log_with_who_and_what(empty_store):
    exported(empty_store, "verdicts", verdict_filter=VerdictFilter(model="churn", words="old"))
    (event,) = empty_store.event_log.newest(by=OWNER)
    assert (event.what, event.who) == ("export", "Rita")
    assert event.details == {
        "what": "verdicts",
        "format": "csv",
        "filter": {"model": "churn", "words": "given, not kept"},
    }


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"what": "corrections"}, "Choose one model"),
        ({"what": "drawings"}, "expected one of verdicts, predictions, corrections, draws"),
        ({"what": "draws"}, "Draws are of one plan"),
        ({"format": "xlsx"}, "expected one of csv, jsonl, parquet"),
        ({"format": "jsonl", "spreadsheet_safe": True}, "Only CSV"),
    ],
)
def test_what_cannot_be_exported_is_said_and_not_logged(empty_store, options, said):
    out = io.BytesIO()
    with pytest.raises(UserError, match=said):
        export(empty_store, out, by=REVIEWER, **options)
    with pytest.raises(UserError, match="Eve may not export"):
        export(empty_store, out, by=Expert("Eve"))
    assert out.getvalue() == b""
    assert empty_store.event_log.newest(by=OWNER) == []


class Nowhere(io.RawIOBase):
    def writable(self):
        return True

    def write(self, content):
        return len(content)


@pytest.mark.slow
def test_an_export_takes_no_more_memory_for_more_rows(tmp_path):
    peaks = []
    for count in (2_000, 20_000):
        with closing(Store.open(tmp_path / f"{count}.db")) as store:
            store.add_predictions(case(inputs={"text": "x" * 500}) for _ in range(count))
            tracemalloc.start()
            export(store, Nowhere(), "predictions", format="jsonl", by=REVIEWER)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.5


def test_hostile_comments_survive_every_format(empty_store):
    add(empty_store, ("Ada", "agree", {"comment": HOSTILE}))
    content, _ = exported(empty_store, "verdicts", spreadsheet_safe=True)
    assert read_export(content).column("comment").to_pylist() == [HOSTILE]
    content, _ = exported(empty_store, "verdicts", format="parquet")
    assert pq.read_table(io.BytesIO(content)).column("comment").to_pylist() == [HOSTILE]
