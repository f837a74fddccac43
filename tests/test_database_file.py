"""The file is this file: whatever is put in its place, nothing is mixed or lost in silence."""

import json
import os
import random
import re
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from builders import OWNER, REVIEWER, ROOT, THOROUGH, batch_of, case, review_of, verdict
from database import assert_intact, full_count, ids_in, kept, select
from sqlite_utils.db import Database

from second_opinion.errors import UserError
from second_opinion.records.event import Event
from second_opinion.store import (
    Store,
    database_file,
    file_identity,
    file_opening,
    lock_trial,
    rescue,
    sql_connection,
)
from second_opinion.store.copies import ROWS, backup, restore
from second_opinion.store.migrations import migrations

KILLS = 100 if THOROUGH else 10
SECONDS = 60 if THOROUGH else 3


def judge(store, count=1, comment=""):
    """So many verdicts, each on a case of its own; their ids."""
    said = []
    for _ in range(count):
        prediction = case()
        store.add_prediction(prediction)
        said.append(store.add_verdict(verdict(prediction, comment=comment)).id)
    return said


def identity_of(path):
    return select(path, "SELECT id, copy_of FROM database_identity")[0]


def mark_of(path):
    return select(path, "PRAGMA application_id")[0][0]


def rescued_by(message):
    """The file that a message says to restore."""
    return message.split("`python -m second_opinion restore ")[1].split("`")[0]


# --- another file written over it


def cp(source, path):
    subprocess.run(["cp", source, path], check=True)


def rsync_inplace(source, path):
    """Only the blocks that differ, as rsync --inplace."""
    theirs = source.read_bytes()
    with path.open("r+b") as file:
        for at in range(0, len(theirs), 4096):
            file.seek(at)
            if file.read(4096) != theirs[at : at + 4096]:
                file.seek(at)
                file.write(theirs[at : at + 4096])
        file.truncate(len(theirs))


def cp_of_the_same_time(source, path):
    """With the time and even the size that the file had."""
    before = path.stat()
    cp(source, path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("write_over", [cp, rsync_inplace, cp_of_the_same_time])
@pytest.mark.slow
def test_a_backup_written_over_the_live_file_is_noticed_and_nothing_is_mixed(
    empty_store, tmp_path, write_over
):
    before = judge(empty_store, 120, "a" * 1500)
    copy = backup(empty_store, tmp_path / "copy.db", by=REVIEWER)
    since = judge(empty_store, 90, "b" * 1500)
    write_over(copy, empty_store.path)
    with pytest.raises(UserError, match=r"another file was written over it.*restore") as refused:
        judge(empty_store)
    for _ in range(2):
        with pytest.raises(UserError, match="written over"):
            judge(empty_store)
        with pytest.raises(UserError, match="written over"):
            empty_store.reviewed()
    empty_store.close()
    assert ids_in(empty_store.path) == set(before)
    assert_intact(empty_store.path)

    place = Path(rescued_by(str(refused.value)))
    assert_intact(place)
    assert kept(place) == full_count(place)
    assert set(before) < ids_in(place) <= {*before, *since}
    assert since[-1] in ids_in(place)
    # As the message says.
    assert restore(place, empty_store.path, by=OWNER)
    assert set(empty_store.reviewed()["verdict_id"]) == ids_in(place)
    again = judge(empty_store, 5)
    assert ids_in(empty_store.path) == {*ids_in(place), *again}


@pytest.mark.slow
def test_several_processes_notice_it_and_one_keeps_what_all_had(empty_store, tmp_path):
    before = judge(empty_store, 60, "a" * 1500)
    copy = backup(empty_store, tmp_path / "copy.db", by=REVIEWER)
    others = [writes(empty_store.path, 600) for _ in range(2)]
    for other in others:
        other.stdout.readline()
    cp(copy, empty_store.path)
    for other in others:
        errors = other.communicate()[1]
        assert "written over" in errors or "is damaged" in errors
    with pytest.raises(UserError, match=r"written over|is damaged"):
        judge(empty_store)
    empty_store.close()
    places = rescue.databases(empty_store.path)
    assert len(places) == 1
    assert_intact(places[0])
    assert ids_in(places[0]) >= set(before)
    assert not list(tmp_path.glob(".*"))
    assert ids_in(empty_store.path) == set(before)
    assert_intact(empty_store.path)
    # Started again, the app goes on with the file that somebody put there.
    since = dies(empty_store.path, 3)
    assert ids_in(empty_store.path) == {*before, *since}


def test_what_was_said_about_a_case_that_cannot_be_read_is_kept_apart(empty_store, tmp_path):
    said = judge(empty_store, 5)
    empty_store.close()
    other = Store.open(tmp_path / "other.db")
    other.close()
    with closing(sqlite3.connect(empty_store.path, isolation_level=None)) as live:
        live.row_factory = sqlite3.Row
        for (name,) in live.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'"):
            live.execute(f"DROP TRIGGER {name}")
        live.execute("DELETE FROM predictions WHERE rowid IN (2, 4)")
        refused = str(rescue.rescued(other.path, live, "tried"))
    place = Path(rescued_by(refused))
    assert ids_in(place) == {said[0], said[2], said[4]}
    assert_intact(place)
    assert rescue.databases(other.path) == [place]
    assert "other.db.rescued.jsonl has 2 rows about cases that cannot be read" in refused
    lone = (tmp_path / "other.db.rescued.jsonl").read_text().splitlines()
    assert [json.loads(line)["id"] for line in lone] == [said[1], said[3]]


@pytest.mark.slow
def test_an_old_copy_with_the_same_id_written_over_the_live_file_is_noticed(empty_store, tmp_path):
    judge(empty_store, 20)
    empty_store.close()
    old = shutil.copyfile(empty_store.path, tmp_path / "old.db")
    judge(empty_store, 200, "c" * 1500)
    cp(old, empty_store.path)
    with pytest.raises(UserError, match="written over"):
        judge(empty_store)
    empty_store.close()
    assert_intact(empty_store.path)
    assert ids_in(empty_store.path) == ids_in(old)


def emptied(path):
    os.truncate(path, 0)


def no_database(path):
    path.write_bytes(b"age,sex\n" * 5000)


def of_another_program(path):
    other = path.with_name("other.db")
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE weather (day TEXT)")
    cp(other, path)


def of_before_ids(path):
    other = path.with_name("other.db")
    made_by_0_1_0(other)
    cp(other, path)


@pytest.mark.parametrize("write", [emptied, no_database, of_another_program, of_before_ids])
@pytest.mark.slow
def test_whatever_is_written_over_the_live_file_is_left_and_what_was_said_is_kept(
    empty_store, write
):
    said = judge(empty_store, 30)
    write(empty_store.path)
    theirs = empty_store.path.read_bytes()
    with pytest.raises(UserError, match="written over") as refused:
        judge(empty_store)
    empty_store.close()
    assert empty_store.path.read_bytes() == theirs
    place = Path(rescued_by(str(refused.value)))
    assert_intact(place)
    assert ids_in(place) >= set(said)
    restore(place, empty_store.path, force=True, by=OWNER)
    assert ids_in(empty_store.path) >= set(said)


DIES = """
import os, signal, sys
from second_opinion.records.prediction import Prediction
from second_opinion.records.verdict import Verdict
from second_opinion.store import Store
path, before, removed, after = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
store = Store.open(path)
def judge(times):
    for _ in range(times):
        prediction = Prediction("m", "1", "", "", {}, 1, 0.7, None, (), "form", "E", 1.0)
        store.add_prediction(prediction)
        print(store.add_verdict(Verdict(prediction.id, "E", "agree")).id, flush=True)
judge(before)
for end in removed.split():
    os.remove(path + end)
judge(after)
os.kill(os.getpid(), signal.SIGKILL)
"""


def dies(path, before, removed="", after=0):
    """What a process acknowledged that was killed at the end."""
    process = subprocess.run(
        [sys.executable, "-c", DIES, path, str(before), removed, str(after)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == -signal.SIGKILL, process.stderr
    return process.stdout.split()


@pytest.mark.slow
def test_a_log_left_behind_is_not_brought_into_a_file_put_beside_it(empty_store, tmp_path):
    """A killed app leaves its log; whoever copies a backup back does not think of it."""
    said = judge(empty_store, 40)
    copy = backup(empty_store, tmp_path / "copy.db", by=REVIEWER)
    empty_store.close()
    last = dies(empty_store.path, 30)
    shutil.copyfile(copy, empty_store.path)
    with pytest.raises(UserError, match="its log is of another one") as refused:
        Store.open(empty_store.path)
    assert ids_in(empty_store.path) == set(said)
    place = tmp_path / rescued_by(str(refused.value))
    assert_intact(place)
    assert ids_in(place) >= {*said, last[-1]}
    restore(place, empty_store.path, by=OWNER)
    assert_intact(empty_store.path)


@pytest.mark.slow
def test_a_damaged_file_with_its_log_gives_way_to_a_backup_alone(empty_store, tmp_path):
    said = judge(empty_store, 40)
    copy = backup(empty_store, tmp_path / "copy.db", by=REVIEWER)
    empty_store.close()
    dies(empty_store.path, 30)
    empty_store.path.write_bytes(b"not a database" * 1000)
    assert restore(copy, empty_store.path, by=OWNER)
    assert ids_in(empty_store.path) == set(said)
    assert_intact(empty_store.path)


# --- what only looks like another file


def touched(path):
    os.utime(path)


def checkpointed(path):
    select(path, "PRAGMA wal_checkpoint(TRUNCATE)")


def written_by_another_process(path):
    dies(path, 30)


def vacuumed(path):
    select(path, "VACUUM")


def backed_up_by_the_shell(path):
    shutil.copyfile(path, path.with_name("shell.db"))


@pytest.mark.parametrize(
    "disturb", [touched, checkpointed, written_by_another_process, vacuumed, backed_up_by_the_shell]
)
@pytest.mark.slow
def test_a_changed_time_or_size_is_a_reason_to_look_and_none_to_refuse(empty_store, disturb):
    said = []
    for _ in range(3):
        said += judge(empty_store, 5)
        disturb(empty_store.path)
        assert set(empty_store.reviewed()["verdict_id"]) >= set(said)
    said += judge(empty_store, 5)
    assert ids_in(empty_store.path) >= set(said)
    assert not list(empty_store.path.parent.glob("*.rescued*"))


WRITES = """
import sys, time
from second_opinion.access import roles
from second_opinion.records.prediction import Prediction
from second_opinion.records.verdict import Verdict
from second_opinion.store import Store
store = Store.open(sys.argv[1])
end = time.monotonic() + float(sys.argv[2])
while time.monotonic() < end:
    prediction = Prediction("m", "1", "", "", {}, 1, 0.7, None, (), "form", "E", 1.0)
    store.add_prediction(prediction)
    said = Verdict(prediction.id, "E", "agree", comment="w" * 4000)
    print(store.add_verdict(said).id, flush=True)
    assert store.current_verdict(prediction.id, "E", by=roles.PROGRAM) == said
"""


def writes(path, seconds):
    return subprocess.Popen(
        [sys.executable, "-u", "-c", WRITES, path, str(seconds)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_two_processes_that_write_meet_no_refusal(empty_store):
    processes = [writes(empty_store.path, SECONDS) for _ in range(2)]
    said = []
    for process in processes:
        printed, errors = process.communicate()
        assert (process.returncode, errors) == (0, "")
        said += printed.split()
    assert len(said) > 50
    assert ids_in(empty_store.path) == set(said)
    assert kept(empty_store.path) == full_count(empty_store.path)
    assert not list(empty_store.path.parent.glob("*.rescued*"))


def brought_in_beside_a_reader(store):
    """What a checkpoint does while somebody reads: pages changed since stay in the log."""
    with closing(sqlite3.connect(store.path)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM verdicts").fetchone()
        said = judge(store)
        busy, in_log, in_file = select(store.path, "PRAGMA wal_checkpoint(PASSIVE)")[0]
    assert not busy
    assert in_file < in_log
    return said


def is_shorter_than_it_says(path):
    with path.open("rb") as file:
        page_size, pages = struct.unpack(">16xH10xI", file.read(32))
    return path.stat().st_size < page_size * pages


@pytest.mark.slow
def test_a_checkpoint_beside_a_long_read_is_no_reason_to_refuse_the_file(empty_store, tmp_path):
    said = judge(empty_store, 10, "d" * 1500)
    shorter = 0
    for number in range(20):
        said += judge(empty_store, 3, "d" * 1500)
        said += brought_in_beside_a_reader(empty_store)
        shorter += is_shorter_than_it_says(empty_store.path)
        # Killed now: file and log as they lie there.
        killed = tmp_path / str(number)
        killed.mkdir()
        for ending in ("", "-wal"):
            cp(f"{empty_store.path}{ending}", killed / f"feedback.db{ending}")
        Store.open(killed / "feedback.db").close()
        assert ids_in(killed / "feedback.db") == set(said)
        assert_intact(killed / "feedback.db")
    assert shorter
    assert ids_in(empty_store.path) == set(said)
    assert not list(tmp_path.rglob("*.rescued*"))


FORKS = """
import os, sys
from second_opinion.records.prediction import Prediction
from second_opinion.records.verdict import Verdict
from second_opinion.store import Store
def write(path, told):
    store = Store.open(path)
    while True:
        prediction = Prediction("m", "1", "", "", {}, 1, 0.7, None, (), "form", "E", 1.0)
        store.add_prediction(prediction)
        said = Verdict(prediction.id, "E", "agree", comment="w" * 4000)
        os.write(told, store.add_verdict(said).id.encode() + b"\\n")
for line in sys.stdin:
    folder, count = line.split()
    for number in range(int(count)):
        told = os.open(f"{folder}/told-{number}", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        pid = os.fork()
        if not pid:
            write(f"{folder}/feedback.db", told)
        os.close(told)
        print(pid, flush=True)
    for _ in range(int(count)):
        print(os.waitstatus_to_exitcode(os.wait()[1]), flush=True)
"""


@pytest.fixture
def forks():
    """A process that has imported everything, and makes writing processes of itself."""
    process = subprocess.Popen(
        [sys.executable, "-c", FORKS],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield process
    process.stdin.close()
    process.wait()
    process.stdout.close()


def told(folder):
    """What each process was told to be stored; half a line was not told."""
    files = sorted(folder.glob("told-*"))
    return [{line for line in file.read_text().splitlines() if len(line) == 32} for file in files]


@pytest.mark.slow
def test_eight_writing_processes_killed_at_random_lose_nothing(forks, tmp_path):
    path, chance = tmp_path / "feedback.db", random.Random(8)
    for _ in range(KILLS):
        before = sum(map(len, told(tmp_path)))
        forks.stdin.write(f"{tmp_path} 8\n")
        forks.stdin.flush()
        pids = [int(forks.stdout.readline()) for _ in range(8)]
        while sum(map(len, told(tmp_path))) < before + 8:
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.5))
        for pid in chance.sample(pids, 8):
            os.kill(pid, signal.SIGKILL)
        assert {forks.stdout.readline() for _ in range(8)} == {f"{-signal.SIGKILL}\n"}
        acknowledged = set().union(*told(tmp_path))
        with closing(Store.open(path)) as store:
            assert ids_in(path) >= acknowledged
            assert review_of(store).progress("m").verdicts == len(ids_in(path))
        assert_intact(path)
    assert len(acknowledged) >= 8 * KILLS
    assert kept(path) == full_count(path)
    assert not list(tmp_path.glob("*.rescued*"))


# --- the log removed


@pytest.mark.parametrize("removed", ["-wal", "-wal -shm", "-shm"])
@pytest.mark.slow
def test_a_removed_log_is_saved_by_the_connection_that_has_it_open(tmp_path, removed):
    path = tmp_path / "feedback.db"
    said = dies(path, 30, removed, 10)
    assert len(said) == 40
    with closing(Store.open(path)):
        assert ids_in(path) == set(said)
    assert_intact(path)


def test_a_removed_log_is_saved_by_a_read_and_at_the_end(empty_store):
    log = file_identity.sidecars(empty_store.path)[0]
    said = judge(empty_store, 20)
    log.unlink()
    assert set(empty_store.reviewed()["verdict_id"]) == set(said)
    said += judge(empty_store, 20)
    log.unlink()
    empty_store.close()
    assert ids_in(empty_store.path) == set(said)
    assert_intact(empty_store.path)


@pytest.mark.slow
@pytest.mark.parametrize("removed", ["-wal", "-wal -shm", "-shm"])
def test_a_log_removed_again_and_again_under_three_processes_loses_nothing(empty_store, removed):
    others = [writes(empty_store.path, SECONDS) for _ in range(2)]
    # Their output is read in one piece: what a line brings along is lost to `communicate`.
    while len(empty_store.reviewed()) < 10:
        time.sleep(0.1)
    said = []
    for _ in range(20):
        time.sleep(0.05)
        said += judge(empty_store, 1)
        for ending in removed.split():
            empty_store.path.with_name(f"feedback.db{ending}").unlink(missing_ok=True)
        said += judge(empty_store, 1)
    for other in others:
        printed, errors = other.communicate()
        assert (other.returncode, errors) == (0, "")
        said += printed.split()
    assert set(empty_store.reviewed()["verdict_id"]) == set(said)
    empty_store.close()
    assert_intact(empty_store.path)


OPENS = """
import sys
from second_opinion.errors import UserError
from second_opinion.store import Store
try:
    print(len(Store.open(sys.argv[1]).reviewed()))
except UserError as error:
    print(error)
"""


@pytest.mark.slow
@pytest.mark.parametrize("removed", ["-wal", "-wal -shm", "-shm"])
def test_who_comes_after_the_log_was_removed_waits_for_the_process_that_has_it(
    empty_store, removed
):
    def comes():
        other = [sys.executable, "-c", OPENS, empty_store.path]
        return subprocess.run(other, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    said = judge(empty_store, 10)
    for ending in removed.split():
        empty_store.path.with_name(f"feedback.db{ending}").unlink()
    assert "removed while another process has it open" in comes()
    assert set(empty_store.reviewed()["verdict_id"]) == set(said)
    assert comes() == "10\n"
    empty_store.close()
    assert ids_in(empty_store.path) == set(said)
    assert_intact(empty_store.path)


# --- damage


def spoil(path, pages, seed=0):
    """Overwrite some pages after the first ones with noise."""
    noise = random.Random(seed)
    last = path.stat().st_size // 4096
    with path.open("r+b") as file:
        for page in noise.sample(range(last // 2, last), pages):
            file.seek(page * 4096)
            file.write(noise.randbytes(4096))


@pytest.mark.slow
@pytest.mark.parametrize("pages", [1, 6])
def test_damaged_pages_do_not_pass_the_start(empty_store, pages):
    judge(empty_store, 150, "d" * 1500)
    empty_store.close()
    spoil(empty_store.path, pages)
    with pytest.raises(UserError, match=r"is damaged.*restore BACKUP"):
        Store.open(empty_store.path)
    assert [p.name for p in empty_store.path.parent.iterdir()] == ["feedback.db"]


def test_the_check_at_the_start_ends_in_time(empty_store):
    judge(empty_store, 150, "d" * 1500)
    with empty_store._file.reading() as connection:
        assert file_identity.finding(connection, 60) == ""
        assert file_identity.finding(connection, -1) is None
        assert connection.execute("SELECT count(*) FROM verdicts").fetchone() is not None


def test_nothing_is_acknowledged_after_a_read_has_met_damage(empty_store, tmp_path):
    said = judge(empty_store, 150, "d" * 1500)
    copy = backup(empty_store, tmp_path / "copy.db", by=REVIEWER)
    sent = case()
    empty_store.add_prediction(sent)
    checkpointed(empty_store.path)
    empty_store.reviewed()
    before = empty_store.path.stat()
    spoil(empty_store.path, 20)
    os.utime(empty_store.path, ns=(before.st_atime_ns, before.st_mtime_ns))
    # As one whose cache is empty, like each of another page's readers.
    empty_store._file._readers.let_go()
    with pytest.raises(UserError, match="is damaged"):
        empty_store.reviewed()
    for _ in range(2):
        with pytest.raises(UserError, match=r"is damaged.*Nothing more is stored"):
            empty_store.add_verdict(verdict(sent))
    restore(copy, empty_store.path, by=OWNER)
    assert set(empty_store.reviewed()["verdict_id"]) == set(said)
    judge(empty_store)


# --- whose database it is


def made_by_0_1_0(path):
    """A database as 0.1.0 left it, with a verdict."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migrations.apply(Database(connection), stop_before="m006_verdict_kinds")
        connection.execute(
            "INSERT INTO predictions VALUES ('p1', NULL, NULL, 'm', '1', '', '', '{}', '1', NULL,"
            " NULL, '[]', 'form', 'Ada', 1.0, '2026-11-01T00:00:00.000Z', NULL)"
        )


@pytest.mark.parametrize("with_log", [False, True])
def test_a_database_of_0_1_0_is_adopted_and_stamped(tmp_path, with_log):
    path = tmp_path / "feedback.db"
    made_by_0_1_0(path)
    if with_log:
        select(path, "PRAGMA journal_mode = WAL")
    with closing(Store.open(path)) as store:
        assert store.prediction("p1").asked_by == "Ada"
        said = judge(store, 3)
    assert mark_of(path) == file_identity.APPLICATION_ID
    own, copy_of = identity_of(path)
    assert (len(own), copy_of) == (32, None)
    with closing(Store.open(path)):
        assert identity_of(path) == (own, None)
    assert ids_in(path) == set(said)


def test_the_mark_is_the_one_that_is_written(empty_store):
    assert mark_of(empty_store.path) == file_identity.APPLICATION_ID
    assert f"{file_identity.APPLICATION_ID:#X}".replace("0X", "0x") in sql_connection.SIGN


def test_each_copy_has_an_id_of_its_own_and_names_what_it_was_taken_of(empty_store, tmp_path):
    own = identity_of(empty_store.path)[0]
    copies = [backup(empty_store, tmp_path / f"{n}.db", by=REVIEWER) for n in range(2)]
    ids = [identity_of(copy)[0] for copy in copies]
    assert len({own, *ids}) == 3
    assert [identity_of(copy)[1] for copy in copies] == [own, own]
    restore(copies[0], tmp_path / "new.db", by=OWNER)
    assert identity_of(tmp_path / "new.db")[1] == ids[0]


def newer(path):
    with closing(Store.open(path)) as store:
        judge(store)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at)"
            " VALUES ('second_opinion', 'm999_later', '2099')"
        )


def with_a_table(path, script):
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(script)


STRANGERS = {
    "a table of another": lambda path: with_a_table(path, "CREATE TABLE weather (day TEXT)"),
    "tables called as ours": lambda path: with_a_table(
        path, "CREATE TABLE predictions (id TEXT); CREATE TABLE verdicts (id TEXT);"
    ),
    "the mark of another": lambda path: with_a_table(
        path, "PRAGMA application_id = 1196444487; CREATE TABLE gpkg_contents (a TEXT)"
    ),
    "a mark alone": lambda path: with_a_table(path, "PRAGMA application_id = 7"),
    "steps of another": lambda path: with_a_table(
        path,
        "CREATE TABLE _sqlite_migrations (id INTEGER PRIMARY KEY, migration_set TEXT, name TEXT,"
        " applied_at TEXT); INSERT INTO _sqlite_migrations VALUES (1, 'theirs', 'm001', '2026');",
    ),
    "with a log": lambda path: with_a_table(
        path, "PRAGMA journal_mode = WAL; CREATE TABLE weather (day TEXT)"
    ),
}


@pytest.mark.parametrize("name", STRANGERS)
def test_another_programs_database_is_left_alone(tmp_path, name):
    path = tmp_path / "feedback.db"
    STRANGERS[name](path)
    before = list(sqlite3.connect(path).iterdump()), mark_of(path)
    with pytest.raises(UserError, match=r"database of another program.*left as it is.*FEEDBACK_DB"):
        Store.open(path)
    assert (list(sqlite3.connect(path).iterdump()), mark_of(path)) == before


def test_a_newer_schema_is_not_written(tmp_path):
    path = tmp_path / "feedback.db"
    newer(path)
    before = path.read_bytes()
    with pytest.raises(UserError, match=r"newer version of Second Opinion.*m999_later.*Update"):
        Store.open(path)
    assert path.read_bytes() == before


def test_a_pipe_in_the_place_of_the_database_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "feedback.db")
    with pytest.raises(UserError, match=r"is a pipe or device; expected a file.*FEEDBACK_DB"):
        Store.open(tmp_path / "feedback.db")


def test_an_empty_file_that_another_process_has_begun_is_not_removed(tmp_path, monkeypatch):
    """It was made here, and the other one was quicker to take the lock."""
    monkeypatch.setattr(database_file, "TIMEOUT_SECONDS", 0.2)
    path, others = tmp_path / "feedback.db", []

    def created(path):
        path.touch()
        others.append(sqlite3.connect(path, isolation_level=None))
        others[0].execute("BEGIN EXCLUSIVE")
        return True

    monkeypatch.setattr(file_opening, "created", created)
    with pytest.raises(UserError, match="stayed locked"):
        Store.open(path)
    assert path.exists()
    others[0].close()


# --- restore


def log_in(store):
    store.event_log.add(Event("sign-in", "Rita"))


def upload(store):
    store.batches.create(batch_of())


@pytest.mark.parametrize(
    ("newer_thing", "said"), [(log_in, "1 event"), (upload, "1 batch"), (judge, "1 verdict")]
)
def test_whatever_a_copy_lacks_is_not_dropped_without_force(
    empty_store, tmp_path, newer_thing, said
):
    """Whatever the clocks say: the copy may have been written by one that was ahead."""
    ahead = case(created_at="2099-01-01T00:00:00.000Z")
    empty_store.add_prediction(ahead)
    copy = backup(empty_store, tmp_path / "copy.db", by=REVIEWER)
    newer_thing(empty_store)
    with pytest.raises(UserError, match=rf"{said}.* that copy\.db lacks.*--force"):
        restore(copy, empty_store.path, by=OWNER)
    assert restore(copy, empty_store.path, force=True, by=OWNER)


def test_a_copy_that_lacks_nothing_is_put_back_without_force(empty_store, tmp_path):
    judge(empty_store, 3)
    upload(empty_store)
    assert restore(
        backup(empty_store, tmp_path / "copy.db", by=REVIEWER), empty_store.path, by=OWNER
    )


DERIVED = {
    "_sqlite_migrations",
    "cases_to_compare",
    "database_identity",
    # Stored with their plan, in one commit.
    "draws",
    "known_answers",
    # They return after an hour.
    "leases",
    "numbered_comments",
    # Counted from the predictions.
    "prediction_hours",
    "verdict_order",
    "verdicts_to_count",
    # Noted again at the next page that somebody opens.
    "visits",
}


def test_restore_compares_every_table_that_the_schema_names(empty_store):
    tables = {name for (name,) in select(empty_store.path, sql_connection.TABLES)}
    summaries = {name for name in tables if name.startswith(("review", "verdict_facts"))}
    assert set(ROWS) == tables - DERIVED - summaries


# Files that can be scored again, and what their cases look like; kept by the program itself.
NOT_RESCUED = {"batches", "batch_chunks", "case_pictures", "case_columns", "drafts"}
NOT_RESCUED |= {"verdict_kinds"}


def test_what_people_said_and_decided_is_rescued_table_by_table():
    rescued = {re.search(r"FROM (\w+)", table.newest)[1] for table in rescue.TABLES}
    assert rescued == set(ROWS) - NOT_RESCUED | {"draws", "known_answers"}


def test_a_read_that_goes_on_keeps_no_other_database_of_the_folder_closed(empty_store):
    with empty_store._file.reading(), closing(Store.open(empty_store.path.with_name("b.db"))) as b:
        assert len(b.reviewed()) == 0


def test_a_thread_that_reads_while_the_log_is_begun_anew_waits_for_that(empty_store, monkeypatch):
    log = file_identity.sidecars(empty_store.path)[0]
    said = judge(empty_store, 5)
    take, entered = empty_store._file._readers.one, threading.Event()

    @contextmanager
    def slowly():
        entered.set()
        time.sleep(0.5)
        with take() as connection:
            yield connection

    monkeypatch.setattr(empty_store._file._readers, "one", slowly)
    seen = []
    reader = threading.Thread(target=lambda: seen.append(len(empty_store.reviewed())))
    reader.start()
    entered.wait()
    log.unlink()
    said += judge(empty_store, 1)
    reader.join()
    assert seen[0] >= 5
    assert ids_in(empty_store.path) == set(said)


# --- locks


@pytest.fixture
def no_locks(monkeypatch):
    """A disk on which SQLite's locks hold nobody back."""
    monkeypatch.setattr(lock_trial, "VFS", "unix-none")


def test_a_disk_without_locks_is_refused_and_durable_does_not_override_it(
    no_locks, tmp_path, monkeypatch
):
    monkeypatch.setenv("DURABLE", "1")
    with pytest.raises(UserError, match=r"does not lock files.*DURABLE=1 does not.*FEEDBACK_DB"):
        Store.open(tmp_path / "feedback.db")
    assert list(tmp_path.iterdir()) == []


def test_locks_that_hold_are_tried_once_and_leave_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(lock_trial, "_findings", {})
    assert lock_trial.finding_beside(tmp_path / "feedback.db") == ""
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(lock_trial, "_tried", None)
    assert lock_trial.finding_beside(tmp_path / "other.db") == ""


# --- connections that read


@contextmanager
def counted_connections(monkeypatch):
    opened, connect = [], sqlite3.connect
    monkeypatch.setattr(
        sqlite3, "connect", lambda *a, **b: opened.append(str(a[0])) or connect(*a, **b)
    )
    yield opened
    monkeypatch.undo()


def test_reads_share_their_connections_over_threads(empty_store, monkeypatch):
    said = judge(empty_store, 3)
    empty_store.reviewed()
    with counted_connections(monkeypatch) as opened:
        for _ in range(5):
            thread = threading.Thread(target=empty_store.reviewed)
            thread.start()
            thread.join()
        assert set(empty_store.reviewed()["verdict_id"]) == set(said)
    assert opened == []


def test_a_read_within_a_read_has_a_connection_of_its_own(empty_store):
    with empty_store._file.reading() as outer, empty_store._file.reading() as inner:
        assert outer is not inner


def test_what_is_read_in_one_moment_does_not_see_what_is_stored_meanwhile(empty_store):
    said = judge(empty_store, 3)
    with empty_store.one_moment():
        before = set(empty_store.reviewed()["verdict_id"])
        thread = threading.Thread(target=lambda: said.extend(judge(empty_store)))
        thread.start()
        thread.join()
        assert set(empty_store.reviewed()["verdict_id"]) == before == set(said[:3])
    assert set(empty_store.reviewed()["verdict_id"]) == set(said)


def test_one_moment_is_one_read_however_much_is_asked_in_it(empty_store, monkeypatch):
    judge(empty_store)
    looks, stamp = [], file_identity.stamp
    monkeypatch.setattr(file_identity, "stamp", lambda path: looks.append(path) or stamp(path))
    with empty_store.one_moment():
        at_the_beginning = len(looks)
        for _ in range(5):
            Store.open(empty_store.path).reviewed()
            with empty_store.one_moment():
                empty_store.alias_moves()
        assert len(looks) == at_the_beginning
    empty_store.reviewed()
    assert len(looks) > at_the_beginning


def test_a_moment_that_fails_is_over(empty_store):
    with pytest.raises(ZeroDivisionError), empty_store.one_moment():
        raise ZeroDivisionError
    said = judge(empty_store)
    assert set(empty_store.reviewed()["verdict_id"]) == set(said)


def test_a_log_removed_in_one_moment_is_saved_after_it(empty_store):
    said = judge(empty_store, 3)
    with empty_store.one_moment():
        file_identity.sidecars(empty_store.path)[0].unlink()
        Store.open(empty_store.path)
        assert set(empty_store.reviewed()["verdict_id"]) == set(said)
    said += judge(empty_store)
    assert ids_in(empty_store.path) == set(said)


def test_a_kept_connection_goes_with_its_file(empty_store, tmp_path):
    judge(empty_store)
    empty_store.reviewed()
    Store.open(tmp_path / "other.db").close()
    (tmp_path / "other.db").replace(empty_store.path)
    assert empty_store.reviewed().empty
    empty_store.close()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["feedback.db"]


def test_a_read_that_fails_leaves_no_transaction_behind(empty_store):
    with pytest.raises(ZeroDivisionError), empty_store._file.reading():
        raise ZeroDivisionError
    said = judge(empty_store)
    assert set(empty_store.reviewed()["verdict_id"]) == set(said)
