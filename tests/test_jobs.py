"""Batches in the background: checked, scored, cancelled, gone on with, and failed in words."""

import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import replace

import pandas as pd
import pyarrow as pa
import pytest
from builders import OWNER, ROOT, check, csv_of, ended, failing_on, rows_of, score

from second_opinion import Registry
from second_opinion.batches import downloads, jobs, stored_chunks
from second_opinion.batches.score_file import score_file
from second_opinion.batches.scored_rows import ScoredRows
from second_opinion.errors import UserError
from second_opinion.records.batch import Batch
from second_opinion.records.value import plain
from second_opinion.store import Store
from second_opinion.store import batches as leases
from second_opinion.tables import Limits, TableFile, look, read, typed
from second_opinion.tables.template import template

MODELS = ["triage", "dose", "risk", "iris"]


def read_back(content):
    return pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)


@pytest.mark.slow
@pytest.mark.parametrize("ref", MODELS)
def test_a_file_is_checked_scored_and_comes_back_cell_by_cell(empty_store, registry, ref):
    frame = rows_of(registry, ref, 300)
    batch = score(empty_store, registry, check(empty_store, registry, csv_of(frame), ref))
    assert (batch.state, batch.rows_done, batch.bad_rows) == ("done", 300, 0)
    for safe in (False, True):
        found = read_back(
            downloads.scored_file(empty_store, batch, by=OWNER, spreadsheet_safe=safe)
        )
        given = found[frame.columns].map(lambda cell: cell.removeprefix("'")) if safe else found
        assert given[frame.columns].equals(frame)
    # The estimator itself, asked for all rows at once.
    model = registry.load(ref)
    cases, _ = typed(pa.table(dict(frame.replace("", None))), model.card.case_schema)
    given = cases.to_numpy() if model.card.input == "array" else cases
    values = model.estimator.predict(given).tolist()
    assert found["prediction"].tolist() == [str(value) for value in values]


@pytest.mark.slow
@pytest.mark.parametrize("ref", MODELS)
def test_a_row_that_is_opened_is_the_case_that_a_form_gives(empty_store, registry, ref):
    schema = registry.card(ref).case_schema
    cases = [registry.reference(ref).plausible(schema, seed) for seed in range(20)]
    frame = rows_of(registry, ref, 20)
    batch = score(empty_store, registry, check(empty_store, registry, csv_of(frame), ref))
    model = registry.load(ref)
    for row, case in enumerate(cases, 1):
        inputs, problems = schema.read(case)
        assert not [problem for problem in problems if problem.blocking]
        opened = ScoredRows(empty_store).opened(batch, row, model.card)
        assert opened.inputs == json.loads(json.dumps(inputs))
        alone = model.predict_one(inputs, asked_by="Ada", source="form", id="a" * 32)
        assert (opened.value == alone.value) or opened.value == pytest.approx(alone.value)
        assert opened.flags == alone.flags
        assert opened.confidence == pytest.approx(alone.confidence)
        assert opened.probabilities == pytest.approx(alone.probabilities)


@pytest.mark.slow
@pytest.mark.parametrize("ref", MODELS)
def test_the_page_and_the_command_give_the_same_file(empty_store, registry, ref, tmp_path):
    content, model = csv_of(rows_of(registry, ref, 300)), registry.load(ref)
    batch = score(empty_store, registry, check(empty_store, registry, content, ref))
    source = TableFile.of_bytes("march.csv", content)
    out = tmp_path / "scored.csv"
    score_file(source, look(source, model.card.case_schema), model, out)
    assert downloads.scored_file(empty_store, batch, by=OWNER) == out.read_bytes()


def test_bad_rows_are_named_by_line_and_come_back_as_they_were(empty_store, registry):
    frame = rows_of(registry, "triage", 50)
    frame.loc[[4, 30], "age"] = "abc"
    batch = check(empty_store, registry, csv_of(frame))
    assert (batch.rows, batch.bad_rows) == (48, 2)
    problems = stored_chunks.problems(empty_store, batch.id)
    assert [(p.line, p.column) for p in problems] == [(6, "age"), (32, "age")]
    batch = score(empty_store, registry, batch)
    rejected = read_back(downloads.rejected_file(empty_store, batch, by=OWNER))
    assert rejected.equals(frame.loc[[4, 30]].reset_index(drop=True))
    kept = read_back(downloads.scored_file(empty_store, batch, by=OWNER))
    assert kept[frame.columns].equals(frame.drop([4, 30]).reset_index(drop=True))
    listed = read_back(downloads.problems_file(empty_store, batch, by=OWNER))
    assert listed["line"].tolist() == ["6", "32"]


def check_template(store, registry, ref):
    """It reads back, begins with the typical case, and names every choice."""
    schema = registry.card(ref).case_schema
    batch = check(store, registry, template(schema), ref)
    assert batch.rows >= 1
    assert (batch.bad_rows, batch.problems) == (0, 0)
    source = TableFile.of_bytes("template.csv", template(schema))
    (chunk,) = read(source, look(source, schema), schema, Limits())
    assert len(chunk.cases) == batch.rows
    for feature in schema:
        assert set(feature.values[:50]) <= set(map(plain, chunk.cases[feature.name]))


@pytest.mark.parametrize("ref", [*MODELS, "hostile"])
def test_the_template_reads_back_without_a_problem(empty_store, registry, ref):
    check_template(empty_store, registry, ref)


def test_the_template_of_every_demo_reads_back(empty_store):
    demos = Registry(ROOT / "model")
    for entry in demos.look().entries(demos=True):
        check_template(empty_store, demos, f"{entry.name}/{entry.version}")


def many(registry, rows=60_000):
    return csv_of(rows_of(registry, "triage", rows))


class Slow:
    """Scores at the pace that a test asks for: one chunk each time it is let go on."""

    def __init__(self, monkeypatch):
        self.steps = threading.Semaphore(0)
        self.scored = 0
        answered = jobs._chunk_answers

        def one_by_one(*args):
            self.steps.acquire()
            self.scored += 1
            return answered(*args)

        monkeypatch.setattr(jobs, "_chunk_answers", one_by_one)

    def let(self, chunks):
        for _ in range(chunks):
            self.steps.release()


@pytest.fixture
def slow(monkeypatch):
    """A brake on the scoring, let go at the end."""
    brake = Slow(monkeypatch)
    yield brake
    brake.let(10_000)


def until(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.slow
def test_a_cancelled_scoring_keeps_what_it_has_and_goes_on(empty_store, registry, slow):
    batch = check(empty_store, registry, many(registry))
    jobs.score(empty_store, registry, batch.id, by=OWNER)
    slow.let(1)
    until(lambda: empty_store.batches.find(batch.id).rows_done)
    empty_store.batches.cancel(batch.id, by=OWNER)
    slow.let(1)
    stopped = ended(empty_store, batch.id)
    assert (stopped.state, 0 < stopped.rows_done < stopped.rows) == ("cancelled", True)
    slow.let(1000)
    done = score(empty_store, registry, batch)
    assert (done.state, done.rows_done) == ("done", done.rows)


def test_a_batch_is_not_scored_twice_by_two_presses(empty_store, registry, slow):
    batch = check(empty_store, registry, many(registry, 1000))
    assert jobs.score(empty_store, registry, batch.id, by=OWNER)
    assert not jobs.score(empty_store, registry, batch.id, by=OWNER)
    slow.let(100)
    assert ended(empty_store, batch.id).rows_done == batch.rows
    assert slow.scored == 1


@pytest.mark.slow
def test_no_more_than_two_are_scored_at_once(empty_store, registry, slow):
    content = many(registry, 1000)
    found = [check(empty_store, registry, content) for _ in range(3)]
    for batch in found:
        assert jobs.score(empty_store, registry, batch.id, by=OWNER)
    until(lambda: sum(b.started_at is not None for b in empty_store.batches.listed()) == 2)
    time.sleep(0.5)
    waiting = [b for b in empty_store.batches.listed() if b.started_at is None]
    assert [b.state for b in waiting] == ["scoring"]
    slow.let(100)
    assert {ended(empty_store, b.id).state for b in found} == {"done"}


@pytest.mark.slow
def test_a_waiting_batch_can_be_cancelled(empty_store, registry, slow):
    content = many(registry, 1000)
    found = [check(empty_store, registry, content) for _ in range(3)]
    for batch in found:
        jobs.score(empty_store, registry, batch.id, by=OWNER)
    until(lambda: sum(b.started_at is not None for b in empty_store.batches.listed()) == 2)
    (waiting,) = [b for b in empty_store.batches.listed() if b.started_at is None]
    empty_store.batches.cancel(waiting.id, by=OWNER)
    slow.let(100)
    states = sorted(ended(empty_store, b.id).state for b in found)
    assert states == ["cancelled", "done", "done"]


def test_a_batch_stops_when_its_model_is_another(empty_store, registry, models, tmp_path):
    batch = check(empty_store, registry, many(registry, 100))
    with closing(sqlite3.connect(empty_store.path)) as connection, connection:
        connection.execute("DROP TRIGGER batches_keep_what_they_are")
        connection.execute("UPDATE batches SET model_sha256 = 'another'")
    stopped = score(empty_store, registry, batch)
    assert stopped.state == "failed"
    assert "model file of triage/1 is another" in stopped.message
    assert stopped.rows_done == 0


def test_a_row_on_which_the_model_fails_is_named_and_the_others_scored(
    empty_store, registry, monkeypatch
):
    frame = rows_of(registry, "triage", 60)
    frame["age"] = "50"
    frame.loc[33, "age"] = "51"
    failing_on(registry, monkeypatch, [51])
    batch = score(empty_store, registry, check(empty_store, registry, csv_of(frame)))
    assert (batch.state, batch.rows_done, batch.rows_failed) == ("done", 60, 1)
    (problem,) = stored_chunks.problems(empty_store, batch.id)
    assert problem.line == 35
    assert "this age is not to be had" in problem.found
    kept = read_back(downloads.scored_file(empty_store, batch, by=OWNER))
    assert kept[frame.columns].equals(frame.drop(33).reset_index(drop=True))
    rejected = read_back(downloads.rejected_file(empty_store, batch, by=OWNER))
    assert rejected.equals(frame.loc[[33]].reset_index(drop=True))


def test_a_fault_of_the_program_has_a_number_and_goes_into_the_log(
    empty_store, registry, monkeypatch, caplog
):
    batch = check(empty_store, registry, many(registry, 100))
    monkeypatch.setattr(jobs, "_chunk_answers", lambda *args: 1 / 0)
    stopped = score(empty_store, registry, batch)
    assert stopped.state == "failed"
    number = stopped.message.split("number ")[1].split()[0]
    assert number in caplog.text
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.slow
def test_a_file_with_too_many_rows_says_so_and_keeps_nothing(empty_store, registry):
    card = registry.card("triage")
    source = TableFile.of_bytes("march.csv", many(registry, 60_000))
    seen = look(source, card.case_schema)
    limits = Limits(max_rows=30_000)
    batch = jobs.check(empty_store, card, source, seen, asked_by="Ada", limits=limits)
    stopped = ended(empty_store, batch.id)
    assert stopped.state == "failed"
    assert "30,000" in stopped.message
    assert not empty_store.batches.is_whole(batch.id)


def test_a_name_that_would_not_show_is_made_plain():
    assert jobs.shown_name("../a\x00b\u202ec.csv") == "../abc.csv"
    assert len(jobs.shown_name("x" * 500 + ".csv")) == jobs.NAME_LIMIT
    assert jobs.shown_name("x" * 500 + ".csv").endswith(".csv")


# --- the server goes away

WORK = """
import sys, time
from second_opinion import Registry
from second_opinion.access import roles
from second_opinion.batches import jobs
from second_opinion.store import Store
from second_opinion.tables import Limits, TableFile, look
store, registry = Store.open(sys.argv[1]), Registry(sys.argv[2])
step, what = sys.argv[3], sys.argv[4]
if step == "check":
    card, source = registry.card("triage"), TableFile.of_path(what)
    seen = look(source, card.case_schema)
    add = store.batches.add_chunk
    def slowly(*args):
        time.sleep(0.3)
        return add(*args)
    store.batches.add_chunk = slowly
    print(jobs.check(store, card, source, seen, asked_by="Ada", limits=Limits()).id, flush=True)
else:
    answered = jobs._chunk_answers
    def slowly(*args):
        time.sleep(0.3)
        return answered(*args)
    jobs._chunk_answers = slowly
    print(jobs.score(store, registry, what, by=roles.PROGRAM), flush=True)
if len(sys.argv) > 5:
    time.sleep(float(sys.argv[5]))
    sys.exit()
time.sleep(600)
"""


def process(store, models, *args):
    command = [sys.executable, "-c", WORK, str(store.path), str(models), *map(str, args)]
    found = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    return found, found.stdout.readline().strip()


def killed(process):
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()


@pytest.mark.slow
def test_a_scoring_goes_on_after_the_server_was_killed(empty_store, registry, models, monkeypatch):
    frame = rows_of(registry, "triage", 60_000)
    batch = check(empty_store, registry, csv_of(frame))
    other, said = process(empty_store, models, "score", batch.id)
    assert said == "True"
    until(lambda: empty_store.batches.find(batch.id).rows_done)
    killed(other)
    left = empty_store.batches.find(batch.id)
    assert 0 < left.rows_done < left.rows
    assert jobs.revive(empty_store, registry, left).worker == left.worker
    monkeypatch.setattr(leases, "LEASE_SECONDS", 1.0)
    monkeypatch.setattr(jobs, "LEASE_SECONDS", 1.0)
    time.sleep(1.1)
    jobs.revive(empty_store, registry, left)
    done = ended(empty_store, batch.id)
    assert (done.state, done.rows_done, done.rows_before) == ("done", 60_000, left.rows_done)
    kept = read_back(downloads.scored_file(empty_store, done, by=OWNER))
    assert kept[frame.columns].equals(frame)


@pytest.mark.slow
def test_a_check_that_was_killed_says_so_and_keeps_nothing(
    empty_store, registry, models, monkeypatch, tmp_path
):
    file = tmp_path / "march.csv"
    file.write_bytes(many(registry, 80_000))
    other, batch_id = process(empty_store, models, "check", file)
    until(lambda: empty_store.batches.is_whole(batch_id))
    killed(other)
    monkeypatch.setattr(leases, "LEASE_SECONDS", 1.0)
    monkeypatch.setattr(jobs, "LEASE_SECONDS", 1.0)
    time.sleep(1.1)
    batch = jobs.revive(empty_store, registry, empty_store.batches.find(batch_id))
    assert (batch.state, batch.message) == ("failed", leases.CUT_OFF)
    assert not empty_store.batches.is_whole(batch_id)


@pytest.mark.slow
def test_a_server_that_ends_in_peace_lets_go_at_once(empty_store, registry, models):
    batch = check(empty_store, registry, many(registry))
    other, _ = process(empty_store, models, "score", batch.id, 0.5)
    other.wait()
    other.stdout.close()
    left = empty_store.batches.find(batch.id)
    assert (left.state, left.worker) == ("scoring", None)
    jobs.revive(empty_store, registry, left)
    assert ended(empty_store, batch.id).state == "done"


FULL = """
import resource, signal, sys, time
from second_opinion import Registry
from second_opinion.batches import jobs
from second_opinion.store import Store
from second_opinion.tables import Limits, TableFile, look
store, registry = Store.open(sys.argv[1]), Registry(sys.argv[2])
card, source = registry.card("triage"), TableFile.of_path(sys.argv[3])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
seen = look(source, card.case_schema)
limit = 300_000
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
batch = jobs.check(store, card, source, seen, asked_by="Ada", limits=Limits())
time.sleep(3)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
while (batch := store.batches.find(batch.id)).is_running:
    time.sleep(0.1)
print(batch.id, flush=True)
"""


@pytest.mark.slow
def test_a_full_disk_fails_the_batch_in_words_and_leaves_nothing_half(
    empty_store, registry, models, tmp_path
):
    file = tmp_path / "march.csv"
    frame = rows_of(registry, "triage", 80_000)
    # Text that does not shrink, so that the limit is reached in the middle.
    frame["note_of_ours"] = [os.urandom(12).hex() for _ in range(len(frame))]
    file.write_bytes(csv_of(frame))
    empty_store.close()
    command = [sys.executable, "-c", FULL, str(empty_store.path), str(models), str(file)]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert said.returncode == 0, said.stderr
    store = Store.open(empty_store.path)
    batch: Batch = store.batches.find(said.stdout.strip())
    assert batch.state == "failed"
    assert "disk" in batch.message
    assert not store.batches.is_whole(batch.id)


def test_a_file_that_cannot_be_read_makes_no_batch(empty_store, registry):
    card = registry.card("triage")
    source = TableFile.of_bytes("march.csv", b"%PDF-1.7 nothing")
    seen = look(source, card.case_schema)
    assert seen.problems
    batch = jobs.check(empty_store, card, source, seen, asked_by="Ada", limits=Limits())
    assert ended(empty_store, batch.id).message == seen.problems[0]
    with pytest.raises(UserError):
        jobs.model_of(registry, replace(batch, version="9"))
