"""Batches in the feedback database: stored once, scored once, held by one worker at a time."""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from builders import OWNER, WORKER, batch_of, examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from second_opinion.batches import jobs, stored_chunks
from second_opinion.batches.packing import ROW_GROUP, scored_columns
from second_opinion.batches.scored_rows import PAGE_ROWS, RowFilter, ScoredRows
from second_opinion.errors import UserError
from second_opinion.models.card import ModelCard
from second_opinion.recent import Recent
from second_opinion.records.batch import prediction_id
from second_opinion.records.expert import Expert
from second_opinion.records.stamp import new_id, now
from second_opinion.records.verdict import Verdict
from second_opinion.store import Store, batches
from second_opinion.tables import Chunk, TableProblem

OTHER = "worker two"


def chunk_of(first, rows, problems=(), rejected=b"", bytes_read=500):
    """Good rows numbered from ``first``, which stand two lines below their numbers."""
    numbers = range(first, first + rows)
    text = pa.table(
        {
            "age": pa.array([str(number) for number in numbers], pa.string()),
            "line": pa.array([None if n % 3 else "" for n in numbers], pa.string()),
            "a.b": pa.array([f"Text {n % 7}" for n in numbers], pa.string()),
        }
    )
    lines = np.array([number + 2 for number in numbers], dtype=np.int64)
    return Chunk(text, lines, pd.DataFrame(), list(problems), rejected, bytes_read)


def answers_for(first, rows):
    """Answers that can be told from the number of their row."""
    numbers = np.arange(first, first + rows)
    return pa.table(
        {
            "prediction": pa.array([json.dumps("keep" if n % 2 else "home") for n in numbers]),
            "confidence": pa.array(0.5 + (numbers * 7919 % 1000) / 2000),
            "probabilities": pa.array([[0.25, 0.75]] * rows, pa.list_(pa.float64())),
            "flags": pa.array(
                ["low_confidence;missing:age" if n % 10 == 0 else "" for n in numbers]
            ),
        }
    )


def checked(store, sizes, **about):
    """A batch whose check has ended, in chunks of these sizes."""
    batch, first = batch_of(**about), 1
    store.batches.create(batch)
    for size in sizes:
        assert stored_chunks.add_chunk(store, batch.id, WORKER, chunk_of(first, size))
        first += size
    assert store.batches.finish_check(batch.id, WORKER)
    return store.batches.find(batch.id)


def scored(store, sizes, chunks=None, **about):
    """A batch that is scored, or the first of its chunks."""
    batch = checked(store, sizes, **about)
    assert store.batches.claim(batch.id, WORKER)
    assert store.batches.begin(batch.id, WORKER)
    for _ in sizes[:chunks]:
        chunk = stored_chunks.next_chunk(store, batch)
        answers = answers_for(chunk.first_row, chunk.text.num_rows)
        assert stored_chunks.add_scored(store, batch.id, WORKER, chunk.position, answers)
    store.batches.finish(batch.id, WORKER)
    return store.batches.find(batch.id)


def silence(store, batch_id):
    """Let the last sign of life of a worker be long ago."""
    with closing(sqlite3.connect(store.path)) as connection, connection:
        connection.execute(
            "UPDATE batches SET heartbeat_at = '2020-01-01T00:00:00.000Z' WHERE id = ?", (batch_id,)
        )


def test_a_batch_comes_back_as_it_was_stored(empty_store):
    batch = batch_of(personal=("age",), delimiter=";", decimal=",")
    empty_store.batches.create(batch)
    found = empty_store.batches.find(batch.id)
    assert replace(found, heartbeat_at=None) == batch
    assert empty_store.batches.find(new_id()) is None


def test_every_cell_and_line_comes_back_chunk_by_chunk(empty_store):
    batch = checked(empty_store, [3, 2])
    first = stored_chunks.next_chunk(empty_store, batch)
    assert first.text == chunk_of(1, 3).text
    assert first.lines.tolist() == [3, 4, 5]
    assert batch.rows == 5


def test_a_checked_batch_counts_rows_and_problems(empty_store):
    batch = batch_of()
    empty_store.batches.create(batch)
    twice = [TableProblem(9, "age", "is 1", "2"), TableProblem(9, "b", "is x", "y")]
    stored_chunks.add_chunk(empty_store, batch.id, WORKER, chunk_of(1, 4, twice, b"bad,row\n"))
    late = [TableProblem(12, "", "has 2 cells", "expected 3")]
    stored_chunks.add_chunk(empty_store, batch.id, WORKER, chunk_of(5, 0, late, b"x\n"))
    empty_store.batches.finish_check(batch.id, WORKER)
    found = empty_store.batches.find(batch.id)
    assert (found.rows, found.bad_rows, found.problems) == (4, 2, 3)
    assert (found.state, found.worker) == ("checked", None)
    assert stored_chunks.problems(empty_store, batch.id) == [*twice, *late]
    assert stored_chunks.problems(empty_store, batch.id, 2) == twice
    assert b"".join(empty_store.batches.rejected(batch.id)) == b"bad,row\nx\n"


def test_chunks_without_a_good_row_are_not_scored(empty_store):
    batch = scored(empty_store, [0, 3, 0, 2, 0], chunks=2)
    assert (batch.state, batch.rows_done) == ("done", 5)
    assert ScoredRows(empty_store).rows(batch).rows.tolist() == [1, 2, 3, 4, 5]


def test_the_rows_of_a_batch_never_change(empty_store):
    batch = scored(empty_store, [3])
    forbidden = [
        "UPDATE batch_chunks SET text = x'00'",
        "UPDATE batch_chunks SET first_row = 2",
        "UPDATE batch_chunks SET scored = NULL",
        "DELETE FROM batch_chunks",
        "INSERT OR REPLACE INTO batch_chunks SELECT * FROM batch_chunks",
        "UPDATE batches SET model_sha256 = 'other'",
        "UPDATE batches SET file_sha256 = 'other'",
    ]
    with closing(sqlite3.connect(empty_store.path)) as connection:
        for statement in forbidden:
            with pytest.raises(sqlite3.IntegrityError):
                connection.execute(statement)
    assert ScoredRows(empty_store).rows(batch).text == chunk_of(1, 3).text


def test_a_cancelled_check_takes_no_more_and_keeps_nothing(empty_store):
    batch = batch_of()
    empty_store.batches.create(batch)
    stored_chunks.add_chunk(empty_store, batch.id, WORKER, chunk_of(1, 3))
    empty_store.batches.cancel(batch.id, by=OWNER)
    assert not stored_chunks.add_chunk(empty_store, batch.id, WORKER, chunk_of(4, 3))
    assert not empty_store.batches.finish_check(batch.id, WORKER)
    assert not empty_store.batches.is_whole(batch.id)
    assert empty_store.batches.listed() == []


def test_a_failed_check_says_why_and_keeps_nothing(empty_store):
    batch = batch_of()
    empty_store.batches.create(batch)
    stored_chunks.add_chunk(empty_store, batch.id, WORKER, chunk_of(1, 3))
    empty_store.batches.fail(batch.id, "The disk is full.", WORKER)
    found = empty_store.batches.find(batch.id)
    assert (found.state, found.message) == ("failed", "The disk is full.")
    assert not empty_store.batches.is_whole(batch.id)
    assert not empty_store.batches.claim(batch.id, OTHER)


def test_a_scoring_that_stops_keeps_its_rows_and_goes_on(empty_store):
    batch = scored(empty_store, [3, 2], chunks=1)
    assert batch.state == "scoring"
    empty_store.batches.fail(batch.id, "The disk is full.", WORKER)
    assert empty_store.batches.is_whole(batch.id)
    assert empty_store.batches.claim(batch.id, OTHER)
    chunk = stored_chunks.next_chunk(empty_store, batch)
    assert chunk.first_row == 4
    stored_chunks.add_scored(empty_store, batch.id, OTHER, chunk.position, answers_for(4, 2))
    assert empty_store.batches.finish(batch.id, OTHER)
    done = empty_store.batches.find(batch.id)
    assert (done.state, done.message, done.rows_done, done.rows_before) == ("done", "", 5, 3)


def test_two_workers_never_hold_one_batch(empty_store):
    batch = checked(empty_store, [3])
    assert empty_store.batches.claim(batch.id, WORKER)
    assert not empty_store.batches.claim(batch.id, OTHER)
    assert not empty_store.batches.beat(batch.id, OTHER)
    assert not stored_chunks.add_scored(empty_store, batch.id, OTHER, 0, answers_for(1, 3))
    assert not empty_store.batches.finish(batch.id, OTHER)


@pytest.mark.parametrize("heard_at", ["2099-01-01T00:00:00.000Z", "2020-01-01T00:00:00.000Z"])
def test_a_worker_that_was_heard_in_the_future_is_gone_like_a_silent_one(empty_store, heard_at):
    """The clock was wrong, and set right since: nobody would wait for 2099."""
    scoring, checking = checked(empty_store, [3]), batch_of()
    empty_store.batches.create(checking)
    assert empty_store.batches.claim(scoring.id, "w1")
    assert not empty_store.batches.claim(scoring.id, "w2")
    with empty_store._file.writing() as connection:
        connection.execute("UPDATE batches SET heartbeat_at = ?", (heard_at,))
    assert empty_store.batches.claim(scoring.id, "w2")
    empty_store.batches.give_up_stale_check(checking.id)
    assert empty_store.batches.find(checking.id).state == "failed"
    assert jobs._is_abandoned(replace(checking, heartbeat_at=heard_at))


def test_a_silent_worker_loses_the_batch_and_stores_no_more(empty_store):
    batch = checked(empty_store, [3])
    empty_store.batches.claim(batch.id, WORKER)
    silence(empty_store, batch.id)
    assert empty_store.batches.claim(batch.id, OTHER)
    assert not empty_store.batches.beat(batch.id, WORKER)
    assert not stored_chunks.add_scored(empty_store, batch.id, WORKER, 0, answers_for(1, 3))
    assert stored_chunks.add_scored(empty_store, batch.id, OTHER, 0, answers_for(1, 3))


def test_a_sign_of_life_keeps_the_batch(empty_store):
    batch = checked(empty_store, [3])
    empty_store.batches.claim(batch.id, WORKER)
    silence(empty_store, batch.id)
    assert empty_store.batches.beat(batch.id, WORKER)
    assert not empty_store.batches.claim(batch.id, OTHER)


def test_a_released_batch_is_free_at_once(empty_store):
    batch = checked(empty_store, [3])
    empty_store.batches.claim(batch.id, WORKER)
    assert empty_store.batches.release(batch.id, WORKER)
    assert empty_store.batches.claim(batch.id, OTHER)


def test_a_check_whose_worker_is_gone_says_that_it_stopped(empty_store):
    batch = batch_of()
    empty_store.batches.create(batch)
    stored_chunks.add_chunk(empty_store, batch.id, WORKER, chunk_of(1, 3))
    empty_store.batches.give_up_stale_check(batch.id)
    assert empty_store.batches.find(batch.id).state == "checking"
    silence(empty_store, batch.id)
    empty_store.batches.give_up_stale_check(batch.id)
    found = empty_store.batches.find(batch.id)
    assert (found.state, found.message) == ("failed", batches.CUT_OFF)
    assert not empty_store.batches.is_whole(batch.id)


def test_a_finished_batch_cannot_be_claimed_cancelled_or_failed(empty_store):
    batch = scored(empty_store, [3])
    assert not empty_store.batches.claim(batch.id, OTHER)
    empty_store.batches.cancel(batch.id, by=OWNER)
    empty_store.batches.fail(batch.id, "no")
    assert empty_store.batches.find(batch.id).state == "done"


def test_a_batch_is_not_done_before_its_last_row(empty_store):
    batch = scored(empty_store, [3, 2], chunks=1)
    assert not empty_store.batches.finish(batch.id, WORKER)


def test_batches_are_listed_newest_first_for_one_person_or_some_ids(empty_store):
    mine = checked(empty_store, [1], asked_by="ada ", created_at="2026-01-01T00:00:00.000Z")
    other = checked(empty_store, [1], asked_by="Grace", created_at="2026-01-02T00:00:00.000Z")
    assert [b.id for b in empty_store.batches.listed()] == [other.id, mine.id]
    assert [b.id for b in empty_store.batches.listed(asked_by="Ada")] == [mine.id]
    assert [b.id for b in empty_store.batches.listed([other.id])] == [other.id]
    assert empty_store.batches.listed([]) == []


# --- looking at the rows


@pytest.fixture
def long(empty_store):
    """A scored batch of several chunks, one with more than one group of rows."""
    return scored(empty_store, [ROW_GROUP + 500, 700, 1])


def table_of(batch):
    """What the rows of the batch must be, computed the plain way."""
    rows = np.arange(1, batch.rows_done + 1)
    frame = answers_for(1, batch.rows_done).to_pandas()
    return frame.assign(row=rows, text=chunk_of(1, batch.rows_done).text["a.b"].to_pylist())


SORTS = [("row", False), ("row", True), ("confidence", False), ("prediction", True)]
FILTERS = [
    RowFilter(),
    RowFilter(prediction='"keep"'),
    RowFilter(prediction='"nobody"'),
    RowFilter(flagged=True),
    RowFilter(low_confidence=True, prediction='"home"'),
    RowFilter(column="a.b", text="tEXT 3"),
    RowFilter(column="a.b", text="text ."),
]


@pytest.mark.slow
@pytest.mark.parametrize("only", FILTERS)
@pytest.mark.parametrize(("sort", "descending"), SORTS)
def test_filters_and_orders_agree_with_pandas(empty_store, long, only, sort, descending):
    frame = table_of(long)
    if only.prediction:
        frame = frame[frame["prediction"] == only.prediction]
    if only.flagged or only.low_confidence:
        frame = frame[frame["flags"] != ""]
    if only.text:
        lower = frame["text"].str.lower()
        frame = frame[lower.str.contains(only.text.lower(), regex=False)]
    frame = frame.sort_values(sort, ascending=not descending, kind="stable")
    found, page = [], 1
    while len(found) < len(frame):
        some = ScoredRows(empty_store).rows(long, only, sort, descending=descending, page=page)
        assert some.total == len(frame)
        assert len(some.rows) == min(PAGE_ROWS, len(frame) - len(found))
        assert some.lines.tolist() == [row + 2 for row in some.rows]
        assert some.text["age"].to_pylist() == [str(row) for row in some.rows]
        found += some.rows.tolist()
        page += 1
    assert found == frame["row"].tolist()
    assert len(ScoredRows(empty_store).rows(long, only, page=page).rows) == 0


@settings(examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_rows_are_fetched_in_the_order_asked_for(empty_store, data):
    known = empty_store.batches.listed()
    batch = known[0] if known else scored(empty_store, [ROW_GROUP + 500, 700, 1])
    rows = data.draw(st.lists(st.integers(1, batch.rows), max_size=20))
    found = ScoredRows(empty_store).fetched(batch, rows)
    assert found.text["age"].to_pylist() == [str(row) for row in rows]
    assert found.scored.num_rows == len(rows)


def test_the_summary_counts_what_pandas_counts(empty_store, long):
    frame, found = table_of(long), ScoredRows(empty_store).summary(long)
    assert found.rows == len(frame)
    assert found.classes == frame["prediction"].value_counts().to_dict()
    assert found.confidence == pytest.approx(frame["confidence"].mean())
    flagged = int((frame["flags"] != "").sum())
    assert found.flagged == flagged
    assert found.flags == {"low_confidence": flagged, "missing:age": flagged}
    assert found.low_confidence == pytest.approx(flagged / len(frame))


def test_the_numbers_of_a_regression_are_counted_between_edges(empty_store):
    batch = checked(empty_store, [50])
    empty_store.batches.claim(batch.id, WORKER)
    numbers = np.linspace(-1, 4, 50)
    answers = pa.table(
        {
            "prediction": [json.dumps(number) for number in numbers.tolist()],
            "confidence": pa.nulls(50, pa.float64()),
            "probabilities": pa.nulls(50, pa.list_(pa.float64())),
            "flags": [""] * 50,
            "number": numbers,
        }
    )
    stored_chunks.add_scored(empty_store, batch.id, WORKER, 0, answers)
    batch = empty_store.batches.find(batch.id)
    found = ScoredRows(empty_store).summary(batch)
    assert sum(found.bars) == 50
    assert (found.edges[0], found.edges[-1]) == (-1, 4)
    assert (found.classes, found.confidence) == ({}, None)
    largest = ScoredRows(empty_store).rows(batch, None, "prediction", descending=True)
    assert largest.rows.tolist() == list(range(50, 0, -1))


def test_the_rows_that_one_has_judged_are_told_by_browser_not_by_name(empty_store, long, models):
    card = card_like(models)
    ada = Expert("Ada", browser_secret="a" * 32)
    for row, expert, key in (
        (3, "Ada", ada.browser_secret),
        (2400, "ada", ada.browser_secret),
        (5, "Grace", ada.browser_secret),
        (7, "Ada", "b" * 32),
        (9, "Ada", ""),
    ):
        made = ScoredRows(empty_store).opened(long, row, card)
        empty_store.add_verdict(Verdict(made.id, expert, "agree", id=new_id(key)))
    mine = RowFilter(review_state="judged", by=ada)
    assert ScoredRows(empty_store).rows(long, mine).rows.tolist() == [3, 2400]
    rest = ScoredRows(empty_store).rows(long, replace(mine, review_state="open"))
    assert rest.total == long.rows - 2
    assert {5, 7, 9} <= {*rest.rows.tolist()}
    rita = replace(mine, by=Expert("Ada", role="reviewer"))
    assert ScoredRows(empty_store).rows(long, rita).rows.tolist() == [3, 7, 9, 2400]
    nobody = replace(mine, by=None)
    assert ScoredRows(empty_store).rows(long, nobody).total == 0


def test_what_is_scored_so_far_can_be_looked_at(empty_store):
    batch = scored(empty_store, [120, 80], chunks=1)
    assert ScoredRows(empty_store).rows(batch, page=2).rows.tolist() == list(range(101, 121))
    assert ScoredRows(empty_store).summary(batch).rows == 120
    later = stored_chunks.next_chunk(empty_store, batch)
    stored_chunks.add_scored(empty_store, batch.id, WORKER, later.position, answers_for(121, 80))
    assert ScoredRows(empty_store).summary(empty_store.batches.find(batch.id)).rows == 200
    assert ScoredRows(empty_store).summary(batch).rows == 120


# --- a row that is opened


def card_like(models):
    """A card of one whole number, which the first column of the batches here is."""
    from second_opinion import Registry

    card = Registry(models).card("triage")
    return ModelCard.model_validate(card.model_dump() | {"features": [card.case_schema["age"]]})


def test_a_row_that_is_opened_twice_is_one_prediction(empty_store, long, models):
    card = card_like(models)
    first = ScoredRows(empty_store).opened(long, 77, card)
    again = ScoredRows(empty_store).opened(long, 77, card)
    assert first == again == empty_store.prediction(prediction_id(long.id, 77))
    assert (first.batch_id, first.row_number, first.source) == (long.id, 77, "batch")
    assert (first.value, first.flags) == ("keep", ())
    assert first.inputs == {"age": 77}
    assert first.probabilities == (0.25, 0.75)
    assert ScoredRows(empty_store).opened(long, 80, card).flags == ("low_confidence", "missing:age")


@pytest.mark.parametrize("row", [0, -1, 3202, 10**9])
def test_a_row_that_is_not_there_cannot_be_opened(empty_store, long, models, row):
    with pytest.raises(UserError, match="has no answer"):
        ScoredRows(empty_store).opened(long, row, card_like(models))


def test_a_row_on_which_the_model_failed_has_no_case(empty_store, models):
    batch = checked(empty_store, [3])
    empty_store.batches.claim(batch.id, WORKER)
    answers = answers_for(1, 3).take(pa.array([0, None, 2]))
    fault = TableProblem(4, "", "the model fails on this row", "check it")
    stored_chunks.add_scored(empty_store, batch.id, WORKER, 0, answers, [fault])
    batch = empty_store.batches.find(batch.id)
    assert (batch.rows_failed, batch.bad_rows, batch.problems) == (1, 1, 1)
    assert stored_chunks.problems(empty_store, batch.id) == [fault]
    assert ScoredRows(empty_store).rows(batch).rows.tolist() == [1, 2, 3]
    assert ScoredRows(empty_store).summary(batch).classes == {'"keep"': 2}
    with pytest.raises(UserError, match="Row 2"):
        ScoredRows(empty_store).opened(batch, 2, card_like(models))


def test_the_database_of_an_earlier_version_learns_of_batches(tmp_path, models):
    path = tmp_path / "feedback.db"
    store = Store.open(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript("DROP TABLE batch_chunks; DROP TABLE batches;")
        connection.execute("DROP INDEX predictions_by_batch")
        steps = "name LIKE 'm004%' OR name LIKE 'm008%' OR name LIKE '%_of_a_batch'"
        connection.execute(f"DELETE FROM _sqlite_migrations WHERE {steps}")
    store.close()
    later = Store(path)
    assert scored(later, [3]).state == "done"
    later.close()


# --- what is kept for the next question


def test_what_was_not_asked_for_the_longest_is_forgotten_first():
    kept = Recent(10)
    for name in ("a", "b"):
        kept.keep(name, name, 4)
    assert kept.get("a") == "a"
    kept.keep("c", "c", 4)
    assert [kept.get(name) for name in ("a", "b", "c")] == ["a", None, "c"]
    assert kept.keep("large", "large", 100) == "large"
    assert kept.get("large") == "large"
    assert kept.get("a") is None


@given(
    values=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1),
    gaps=st.integers(0, 3),
)
def test_a_number_is_stored_to_the_bit(values, gaps):
    from second_opinion.models.model import Answers

    answers = Answers(np.array(values), None, None, {})
    at = np.arange(len(values)) + gaps
    table = scored_columns(answers, at, len(values) + gaps, numbers=True)
    assert table["prediction"].null_count == gaps
    texts = table["prediction"].to_pylist()[gaps:]
    assert [json.loads(text).hex() for text in texts] == [value.hex() for value in values]
    assert table["number"].to_pylist()[gaps:] == values


def test_the_pace_is_that_since_the_scoring_went_on():
    batch = batch_of(
        rows=1000,
        rows_before=400,
        rows_done=600,
        started_at="2026-01-01T00:00:00.000Z",
        heartbeat_at="2026-01-01T00:00:02.000Z",
    )
    assert batch.rows_a_second == pytest.approx(100)
    assert batch.seconds_left == pytest.approx(4)
    assert replace(batch, rows_done=400).seconds_left is None
    assert batch_of(heartbeat_at=now()).rows_a_second is None
