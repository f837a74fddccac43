"""The step that has each old row say what it says of the prediction: all of it, or nothing."""

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from builders import ROOT, review_of
from sqlite_utils.db import Database

from second_opinion.store import Store
from second_opinion.store.migrations import migrations

STEP = "m007_outcomes"
# The last one is beyond the end of the step, so that it is there whole.
STATEMENTS = [1, 5, 25, 40, 60, 80, 10_000]
KILLED = """
import os, signal, sys
from second_opinion.store import Store, outcome_step
path, left = sys.argv[1], int(sys.argv[2])
take = outcome_step.take
def count(statement):
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
def counted(db):
    db.conn.set_trace_callback(count)
    take(db)
    db.conn.set_trace_callback(None)
outcome_step.take = counted
Store.open(path).close()
os.kill(os.getpid(), signal.SIGKILL)
"""


def of_before(path):
    """Two experts on each of 30 cases, the second one against the model on every third."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migrations.apply(Database(connection, execute_plugins=False), stop_before=STEP)
        for at in range(30):
            connection.execute(
                "INSERT INTO predictions (id, model, version, model_sha256, card_sha256, inputs,"
                " value, flags, source, asked_by, latency_ms, created_at) VALUES"
                " (?, 'm', '1', 'a', 'b', ?, '1', '[]', 'form', 'Ada', 1.0, '2026-01-01T10:00Z')",
                (f"p{at}", f'{{"age":{at}}}'),
            )
            for expert, judgement in (("Ada", "agree"), ("Bo", "agree" if at % 3 else "disagree")):
                connection.execute(
                    "INSERT INTO verdicts (id, prediction_id, expert, identity_source, judgement,"
                    " comment, mode, created_at) VALUES"
                    " (?, ?, ?, 'code', ?, 'because', 'blind', '2026-01-02T10:00Z')",
                    (f"{expert}{at}", f"p{at}", expert, judgement),
                )
    return path


def state_of(path):
    with closing(sqlite3.connect(path)) as connection:
        schema = connection.execute("SELECT name, sql FROM sqlite_schema ORDER BY 1, 2").fetchall()
        verdicts = connection.execute("SELECT * FROM verdicts ORDER BY id").fetchall()
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    return schema, verdicts


@pytest.mark.slow
@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_kill_within_the_step_leaves_the_file_old_or_new(tmp_path, statement):
    path = of_before(tmp_path / "feedback.db")
    old = state_of(path)
    process = subprocess.run(
        [sys.executable, "-c", KILLED, path, str(statement)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == -signal.SIGKILL, process.stderr
    assert (state_of(path) == old) == (statement != STATEMENTS[-1])
    with closing(Store.open(path)) as store:
        assert review_of(store).without_card("m") == ["1"]
        said = review_of(store).progress("m")
        assert (said.right, said.wrong) == (50, 10)
        assert review_of(store).shared_counts("m")["conflicts"] == 10
