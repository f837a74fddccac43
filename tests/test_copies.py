"""Backup and restore: whole, checked, and nothing that was acknowledged is lost."""

import os
import sqlite3
import threading
from contextlib import closing

import pytest
from builders import OWNER, REVIEWER, case, verdict
from database import assert_intact, full_count, ids_in, kept, select

from second_opinion.errors import UserError
from second_opinion.records.expert import Expert
from second_opinion.records.verdict_filter import VerdictFilter
from second_opinion.store import Store
from second_opinion.store.copies import backup, opened_copy, restore


@pytest.fixture
def judged(empty_store):
    """A database with a verdict."""
    prediction = case()
    empty_store.add_prediction(prediction)
    empty_store.add_verdict(verdict(prediction, comment="before"))
    return empty_store


def test_a_copy_is_one_intact_file_with_everything(judged, tmp_path):
    folder = tmp_path / "copies"
    folder.mkdir()
    made = backup(judged, folder / "copy.db", by=REVIEWER)
    assert [found.name for found in folder.iterdir()] == ["copy.db"]
    assert ids_in(made) == ids_in(judged.path)
    assert_intact(made)
    assert [e.what for e in judged.event_log.newest(by=OWNER)] == ["backup"]


def test_a_copy_made_while_others_write_is_of_one_moment(empty_store, tmp_path):
    """Verdicts that were acknowledged before it are in it, and no half of any later one."""
    acknowledged, stop = [], threading.Event()

    def write():
        while not stop.is_set():
            prediction = case()
            empty_store.add_prediction(prediction)
            acknowledged.append(empty_store.add_verdict(verdict(prediction)).id)

    writers = [threading.Thread(target=write) for _ in range(4)]
    for writer in writers:
        writer.start()
    try:
        for number in range(5):
            before = len(acknowledged)
            made = backup(empty_store, tmp_path / f"copy-{number}.db", by=REVIEWER)
            assert ids_in(made) >= set(acknowledged[:before])
            assert_intact(made)
            assert kept(made) == full_count(made)
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    assert ids_in(empty_store.path) == set(acknowledged)
    assert len(acknowledged) > 5


def test_a_copy_to_download_leaves_no_file(judged, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    with opened_copy(judged, by=REVIEWER) as stream:
        (tmp_path / "got.db").write_bytes(stream.read())
    assert ids_in(tmp_path / "got.db") == ids_in(judged.path)
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_copy_replaces_an_earlier_copy_and_nothing_else(judged, tmp_path):
    for _ in range(2):
        backup(judged, tmp_path / "copy.db", by=REVIEWER)
    (tmp_path / "letter.txt").write_text("Dear Ada")
    with pytest.raises(UserError, match="not a feedback database"):
        backup(judged, tmp_path / "letter.txt", by=REVIEWER)
    assert (tmp_path / "letter.txt").read_text() == "Dear Ada"
    with pytest.raises(UserError, match="the feedback database itself"):
        backup(judged, judged.path, by=REVIEWER)
    with pytest.raises(UserError, match="cannot be opened"):
        backup(judged, tmp_path / "missing" / "copy.db", by=REVIEWER)
    with pytest.raises(UserError, match="Eve may not take a copy"):
        backup(judged, tmp_path / "eve.db", by=Expert("Eve"))
    assert not (tmp_path / "eve.db").exists()


def test_a_restored_copy_is_used_at_once_and_the_replaced_one_is_kept(judged, tmp_path):
    copy = backup(judged, tmp_path / "copy.db", by=REVIEWER)
    before = ids_in(judged.path)
    later = case()
    judged.add_prediction(later)
    judged.add_verdict(verdict(later))
    everything = ids_in(judged.path)

    was = restore(copy, judged.path, force=True, by=OWNER)
    assert was.name == "feedback.db.before-restore"
    assert set(judged.reviewed()["verdict_id"]) == before
    judged.add_prediction(later)
    judged.add_verdict(verdict(later))
    judged.close()
    assert ids_in(was) == everything
    assert_intact(was)
    assert_intact(judged.path)
    assert judged.event_log.newest("restore", by=OWNER)[0].details["kept"] == was.name


def test_an_earlier_replaced_database_is_not_overwritten(judged, tmp_path):
    copy = backup(judged, tmp_path / "copy.db", by=REVIEWER)
    names = [restore(copy, judged.path, force=True, by=OWNER).name for _ in range(3)]
    assert names == [f"feedback.db.before-restore{end}" for end in ("", "-2", "-3")]


def test_a_newer_database_is_not_replaced_without_force(judged, tmp_path):
    copy = backup(judged, tmp_path / "copy.db", by=REVIEWER)
    later = case(created_at="2099-01-01T00:00:00.000Z")
    judged.add_prediction(later)
    with pytest.raises(UserError, match=r"has 1 prediction that copy\.db lacks.*--force"):
        restore(copy, judged.path, by=OWNER)
    assert judged.prediction(later.id) == later
    assert not [f for f in judged.path.parent.iterdir() if "before" in f.name or "part" in f.name]


def test_a_copy_goes_where_there_is_no_database(judged, tmp_path):
    copy = backup(judged, tmp_path / "copy.db", by=REVIEWER)
    assert restore(copy, tmp_path / "new.db", by=OWNER) is None
    assert ids_in(tmp_path / "new.db") == ids_in(judged.path)


def test_a_damaged_database_is_replaced_and_kept(judged, tmp_path):
    copy = backup(judged, tmp_path / "copy.db", by=REVIEWER)
    judged.close()
    judged.path.write_bytes(b"not a database" * 1000)
    was = restore(copy, judged.path, by=OWNER)
    assert was.read_bytes().startswith(b"not a database")
    assert ids_in(judged.path) == ids_in(copy)


def from_the_future(path):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at)"
            " VALUES ('second_opinion', 'm999_later', '2099')"
        )


def of_another_program(path):
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE weather (day TEXT)")


def cut(path):
    os.truncate(path, path.stat().st_size // 2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (from_the_future, "newer version"),
        (of_another_program, "not a feedback database"),
        (cut, "damaged|not a feedback database"),
        (lambda path: path.write_text("hello" * 1000), "not a feedback database"),
        (lambda path: path.unlink(), "There is no file"),
    ],
)
def test_what_is_no_copy_is_refused_and_nothing_changes(judged, tmp_path, damage, said):
    copy = backup(judged, tmp_path / "copy.db", by=REVIEWER)
    damage(copy)
    before = ids_in(judged.path)
    with pytest.raises(UserError, match=said):
        restore(copy, judged.path, force=True, by=OWNER)
    assert ids_in(judged.path) == before
    assert not [f for f in judged.path.parent.iterdir() if "before" in f.name or "part" in f.name]


def test_restoring_is_for_owners(judged, tmp_path):
    copy = backup(judged, tmp_path / "copy.db", by=REVIEWER)
    with pytest.raises(UserError, match="Rita may not restore a copy; expected the owner"):
        restore(copy, judged.path, force=True, by=REVIEWER)


def test_the_numbers_of_verdicts_survive_a_copy(judged, tmp_path):
    """Search and summaries hang on them."""
    copy = backup(judged, tmp_path / "copy.db", by=REVIEWER)
    with closing(sqlite3.connect(copy)) as connection:
        connection.execute("VACUUM")
    restore(copy, tmp_path / "new.db", by=OWNER)
    found = Store.open(tmp_path / "new.db").review(by=REVIEWER)
    assert found.page(VerdictFilter(words="before")).total == 1
    assert select(tmp_path / "new.db", "SELECT count(*) FROM review") == [(1,)]
