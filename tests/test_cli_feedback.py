"""The commands export, backup and restore: what they do, what they say, and how they end."""

import csv
import getpass
import json

import pytest
from builders import OWNER, case, verdict
from database import ids_in

from second_opinion import settings
from second_opinion.store import Store

pytestmark = pytest.mark.usefixtures("empty_folder")


@pytest.fixture
def store():
    """The database of the commands, with a conflict, a correction and a formula."""
    store = Store.open(settings.Settings.read().feedback_db)
    for age, said in ((53, ["agree", "disagree"]), (40, ["disagree"])):
        prediction = case(inputs={"age": age})
        store.add_prediction(prediction)
        for expert, judgement in zip(["Ada", "Bob"], said, strict=False):
            changes = {"correct_value": 0} if judgement == "disagree" else {}
            store.add_verdict(verdict(prediction, judgement, expert, comment="=1+1", **changes))
    yield store
    store.close()


def test_verdicts_go_to_standard_output_and_the_count_does_not(run, store):
    code, out, err = run("export")
    assert (code, err) == (0, "3 verdicts in standard output.\n")
    assert [row["expert"] for row in csv.DictReader(out.splitlines())] == ["Ada", "Bob", "Ada"]
    assert [event.who for event in store.event_log.newest("export", by=OWNER)] == [
        getpass.getuser()
    ]


def test_a_file_is_written_whole(run, store, tmp_path):
    out = tmp_path / "verdicts.csv"
    code, _, err = run("export", "--spreadsheet-safe", "-o", out)
    assert code == 0
    assert f"3 verdicts in {out}." in err
    assert '"\'=1+1"' in out.read_text("utf-8")
    out.write_text("before")
    code, _, err = run("export", "--format", "jsonl", "--spreadsheet-safe", "-o", out)
    assert (code, out.read_text()) == (1, "before")
    assert "Only CSV" in err


def test_corrections_say_what_was_left_out(run, store, tmp_path):
    out = tmp_path / "learn.jsonl"
    options = ["--what", "corrections", "--model", "churn", "--format", "jsonl"]
    code, _, err = run("export", *options, "-o", out)
    assert code == 0
    assert "1 correction in " in err
    assert "1 case left out: experts contradict each other." in err
    (row,) = map(json.loads, out.read_text("utf-8").splitlines())
    assert (row["age"], row["learn"], row["source"]) == (40, 0, "corrected")


def test_a_day_that_is_none_is_said(run, store):
    code, _, err = run("export", "--since", "yesterday")
    assert code == 1
    assert "since is 'yesterday'; expected a day like 2026-11-20" in err
    assert run("export", "--what", "everything")[0] == 2


def test_only_the_days_asked_for_are_exported(run, store):
    assert run("export", "--until", "2020-01-01")[2].startswith("0 verdicts")
    assert run("export", "--since", "2020-01-01")[2].startswith("3 verdicts")
    assert run("export", "--model", "other")[2].startswith("0 verdicts")


def test_a_backup_is_restored(run, store, tmp_path):
    code, out, _ = run("backup", tmp_path / "copy.db")
    assert code == 0
    assert "checked" in out
    later = case(created_at="2099-01-01T00:00:00.000Z")
    store.add_prediction(later)
    code, _, err = run("restore", tmp_path / "copy.db")
    assert code == 1
    assert "--force" in err
    code, out, _ = run("restore", "--force", tmp_path / "copy.db")
    assert code == 0
    assert "feedback.db.before-restore" in out
    assert store.prediction(later.id) is None
    assert ids_in(store.path) == ids_in(tmp_path / "copy.db")


def test_a_postgres_address_is_no_place_for_a_copy(run, store, tmp_path, monkeypatch):
    run("backup", tmp_path / "copy.db")
    monkeypatch.setenv("FEEDBACK_DB", "postgresql://me@host/db")
    for command in (["backup", tmp_path / "other.db"], ["restore", tmp_path / "copy.db"]):
        code, _, err = run(*command)
        assert code == 1
        assert "PostgreSQL" in err
