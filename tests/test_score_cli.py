"""`score`: what it reads, writes and says, and that nothing half-written is ever left."""

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from io import BytesIO
from pathlib import Path

import pandas as pd
import psutil
import pytest
from builders import OWNER, ROOT
from pyarrow import csv

from second_opinion import Registry, Store, settings
from second_opinion.batches.downloads import scored_file
from second_opinion.cli import main
from second_opinion.cli.score import stopped_in_peace
from second_opinion.tables import read_export

COMMAND = [sys.executable, "-m", "second_opinion", "score"]


@pytest.fixture
def place(tmp_path, models, monkeypatch):
    """An empty folder, with the registry of the tests and no secrets."""
    for name in settings.names():
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(settings, "SECRETS", tmp_path / "secrets.toml")
    monkeypatch.setenv("MODEL_DIR", str(models))
    monkeypatch.setenv("FEEDBACK_DB", str(tmp_path / "feedback.db"))
    folder = tmp_path / "place"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def run(capfdbinary):
    """Runs the command in this process: exit code, standard output, standard error."""

    def run(*arguments):
        code = main.main(["score", *map(str, arguments)])
        said = capfdbinary.readouterr()
        assert b"Traceback" not in said.out + said.err
        return code, said.out.decode(), said.err.decode()

    return run


def rows(count, seed=0):
    """A CSV text of cases for the model risk (pulse and age)."""
    lines = [f"{60 + (row + seed) % 50}.5,{18 + row % 60},n{row}" for row in range(count)]
    return "\n".join(["pulse,age,note", *lines]) + "\n"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_score_writes_the_rows_with_their_answers(place, run, models):
    Path("in.csv").write_text(rows(50))
    code, out, said = run("in.csv", "-o", "out.csv", "--model", "risk")
    assert (code, out) == (0, "")
    assert "50 rows scored with risk/1" in said
    assert names(place) == ["in.csv", "out.csv"]
    # pandas 2 reads some floats one digit off; Python reads each as it was written.
    written = pd.read_csv("out.csv", converters={"confidence": float})
    assert list(written) == ["pulse", "age", "note", "prediction", "confidence", "flags"]
    model = Registry(models).load("risk")
    frame = model.card.case_schema.frame(written)
    assert written["prediction"].tolist() == model.estimator.predict(frame).tolist()
    assert written["confidence"].tolist() == model.estimator.predict_proba(frame).max(1).tolist()


def test_without_a_file_the_rows_go_to_standard_output(place, run):
    Path("in.csv").write_text(rows(3))
    assert run("in.csv", "--model", "risk", "-o", "out.csv")[0] == 0
    code, out, said = run("in.csv", "--model", "risk")
    assert (code, out) == (0, Path("out.csv").read_text())
    assert said.startswith("3 rows scored")
    assert run("in.csv", "--model", "risk", "-o", "-")[1] == out


def test_bad_rows_end_it_with_their_lines_and_nothing_written(place, run):
    Path("in.csv").write_text("pulse,age\n80,30\nfast,30\n80\n")
    for more in ((), ("-o", "out.csv")):
        code, out, said = run("in.csv", "--model", "risk", *more)
        assert (code, out) == (1, "")
        first, second, third = said.splitlines()
        assert first.startswith('Line 3: pulse is "fast"; expected a number')
        assert second.startswith("Line 4: the row has 1 cell")
        assert third == "in.csv: 2 rows of 3 cannot be scored. Nothing was written."
    assert names(place) == ["in.csv"]


def test_bad_rows_can_be_put_aside(place, run):
    Path("in.csv").write_text("pulse,age\n80,30\nfast,30\n80\n")
    files = ("-o", "out.csv", "--bad-rows", "bad.csv", "--problems", "why.csv")
    code, _, said = run("in.csv", "--model", "risk", *files)
    assert code == 0
    assert "2 rows could not be scored: bad.csv." in said
    assert Path("bad.csv").read_text() == "pulse,age\nfast,30\n80\n"
    assert len(Path("out.csv").read_text().splitlines()) == 2
    assert read_export("why.csv").column("line").to_pylist() == ["3", "4"]


def test_recorded_rows_are_a_batch_of_the_pages(place, run, tmp_path):
    Path("in.csv").write_text(rows(30) + "old,20,x\n" + rows(3, seed=9).split("\n", 1)[1])
    code, _, said = run(
        "in.csv", "-o", "out.csv", "--model", "risk", "--record", "--bad-rows", "bad.csv"
    )
    assert code == 0
    store = Store.open(tmp_path / "feedback.db")
    (batch,) = store.batches.listed()
    assert (batch.rows, batch.bad_rows, batch.state, batch.name) == (33, 1, "done", "in.csv")
    assert f"Recorded 33 rows: open the app at /Batch_upload?batch={batch.id}" in said
    assert scored_file(store, batch, by=OWNER) == Path("out.csv").read_bytes()


def test_nothing_is_recorded_of_a_file_with_bad_rows(place, run, tmp_path):
    Path("in.csv").write_text(rows(30) + "old,20,x\n")
    assert run("in.csv", "-o", "out.csv", "--model", "risk", "--record")[0] == 1
    assert names(place) == ["in.csv"]
    assert not Store.open(tmp_path / "feedback.db").batches.listed()


def test_a_file_is_scored_by_one_version(place, run, models, tmp_path, monkeypatch):
    folder = tmp_path / "two"
    shutil.copytree(models, folder)
    monkeypatch.setenv("MODEL_DIR", str(folder))
    aliases = folder / "triage" / "aliases.json"
    aliases.write_text('{"champion": "1", "ab": {"1": 0.5, "2": 0.5}}')
    Path("in.csv").write_text(rows(3))
    code, _, said = run("in.csv", "--model", "triage@ab")
    assert (code, "Name it: --model triage/1" in said) == (1, True)


def test_a_taken_name_is_said(place, run):
    Path("in.csv").write_text("pulse,age,prediction\n80,30,x\n")
    code, _, said = run("in.csv", "--model", "risk", "-o", "out.csv")
    assert code == 0
    assert "has a column prediction already; the model's is prediction_model." in said
    header = "pulse,age,prediction,prediction_model,confidence,flags"
    assert Path("out.csv").read_text().startswith(header)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("gone.csv",), "gone.csv"),
        (("in.csv", "--model", "nobody"), "There is no model 'nobody'"),
        (("in.csv", "--model", "risk", "-o", "in.csv"), "in.csv is named twice"),
        (("in.csv", "--model", "risk", "-o", "a.csv", "--bad-rows", "a.csv"), "is named twice"),
        (("in.csv", "--model", "risk", "-o", "a.parquet"), "a.parquet would be CSV"),
        (("in.csv", "--model", "risk", "-o", "no/a.csv"), "There is no folder no"),
        (("in.csv", "--model", "dose"), '"bmi"'),
        (("semi.csv", "--model", "risk", "--delimiter", "|"), "none of the columns"),
        (("empty.csv", "--model", "risk"), "empty.csv is empty"),
        (("header.csv", "--model", "risk"), "no rows"),
    ],
)
def test_what_cannot_be_done_is_said(place, run, arguments, expected):
    Path("in.csv").write_text(rows(2))
    Path("semi.csv").write_text(rows(2).replace(",", ";"))
    Path("empty.csv").write_text("")
    Path("header.csv").write_text("pulse,age\n")
    before = names(place)
    code, out, said = run(*arguments)
    assert (code, out) == (1, "")
    assert expected in said
    assert names(place) == before


def test_the_delimiter_can_be_said(place, run):
    Path("semi.csv").write_text(rows(2).replace(",", ";"))
    code, out, _ = run("semi.csv", "--model", "risk", "--delimiter", ";")
    assert code == 0
    assert out.splitlines()[0] == "pulse,age,note,prediction,confidence,flags"


def test_wrong_usage_ends_with_2(place, run):
    assert run()[0] == 2
    assert run("in.csv", "--jobs", "0")[0] == 2


def test_a_device_is_written_to_and_stays_one(place, run):
    Path("in.csv").write_text(rows(2))
    assert run("in.csv", "--model", "risk", "-o", "/dev/null")[0] == 0
    assert not Path("/dev/null").is_file()


@pytest.mark.slow
def test_two_processes_say_the_same_as_one(place):
    Path("in.csv").write_text(rows(40_000))
    for jobs in (1, 2):
        command = [*COMMAND, "in.csv", "--model", "risk", "-o", f"{jobs}.csv", "--jobs", str(jobs)]
        subprocess.run(command, env=_environment(), check=True, timeout=120)
    assert Path("1.csv").read_bytes() == Path("2.csv").read_bytes()


@pytest.mark.slow
def test_a_reader_that_has_seen_enough_is_no_fault(place):
    Path("in.csv").write_text(rows(20_000))
    line = f"{' '.join(COMMAND)} in.csv --model risk | head -n 1"
    done = subprocess.run(
        ["bash", "-c", line], env=_environment(), capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "pulse,age,note,prediction,confidence,flags\n"
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


def _environment():
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def _small_files():
    """A full disk: no file may grow over 300 kB."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))


@pytest.mark.slow
@pytest.mark.parametrize("more", [("-o", "out.csv"), ()])
def test_a_full_disk_leaves_nothing(place, tmp_path, more):
    Path("in.csv").write_text(rows(60_000))
    spare = tmp_path / "spare"
    spare.mkdir()
    done = subprocess.run(
        [*COMMAND, "in.csv", "--model", "risk", *more],
        env={**_environment(), "TMPDIR": str(spare)},
        preexec_fn=_small_files,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "File too large" in done.stderr
    assert "Traceback" not in done.stderr
    assert names(place) == ["in.csv"]
    assert names(spare) == []


@pytest.mark.slow
@pytest.mark.parametrize(("sent", "jobs"), [("SIGINT", 1), ("SIGTERM", 1), ("SIGINT", 2)])
def test_what_is_interrupted_leaves_nothing(place, sent, jobs):
    _large(Path("in.csv"), 3_000_000)
    Path("out.csv").write_text("before")
    process = subprocess.Popen(
        [*COMMAND, "in.csv", "--model", "risk", "-o", "out.csv", "--jobs", str(jobs)],
        env=_environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not any(path.stat().st_size > 200_000 for path in place.glob(".*.part")):
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.Signals[sent])
    assert process.wait(30) == 1
    assert process.stderr.read().strip().endswith("Stopped.")
    assert names(place) == ["in.csv", "out.csv"]
    assert Path("out.csv").read_text() == "before"
    assert not psutil.wait_procs(children, timeout=10)[1]


def test_no_request_to_end_is_lost_while_arrow_reads():
    def interrupted(after):
        sent = threading.Timer(after, os.kill, [os.getpid(), signal.SIGINT])
        with stopped_in_peace() as check:
            sent.start()
            while sent.is_alive():
                csv.read_csv(BytesIO(block))
            sent.join()
            check()

    block = b"a,b\n" + b"1,2\n" * 2_000
    rng = random.Random(0)
    for _ in range(200):
        with pytest.raises(KeyboardInterrupt):
            interrupted(rng.random() / 1000)


def _large(path, count):
    part = rows(10_000)
    header, body = part.split("\n", 1)
    path.write_text(header + "\n" + body * (count // 10_000))


MEASURE = """
import sys, warnings
from pathlib import Path
warnings.simplefilter("ignore")
from second_opinion import Registry
from second_opinion.batches.score_file import score_file
from second_opinion.tables import TableFile, look
model = Registry(sys.argv[1]).load("risk")
schema = model.card.case_schema
model.predict([schema.typical])
def status(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1]) / 1024
def score(name):
    source = TableFile.of_path(name)
    score_file(source, look(source, schema), model, Path("out.csv"))
score("small.csv")
Path("/proc/self/clear_refs").write_text("5")
start = status("VmRSS")
score("large.csv")
print(status("VmHWM") - start)
"""


@pytest.mark.slow
@pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="counts memory as Linux does"
)
def test_memory_does_not_grow_with_the_file(place, models):
    """Once a small file is scored, one fifty times as large needs hardly more."""
    _large(Path("small.csv"), 40_000)
    _large(Path("large.csv"), 2_000_000)
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(models)],
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert float(done.stdout) < 40
