"""serve.py as a running server: pages and API in one process, told apart, and ended in peace."""

import http.client
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from urllib.request import urlopen

import pytest
from browsing import free_port
from builders import ROOT, THOROUGH
from calls import bearer, call, serving

TOKEN = "long-and-random-secret"


def count(app, table="predictions"):
    statement = {
        "predictions": "SELECT count(*) FROM predictions",
        "verdicts": "SELECT count(*) FROM verdicts",
    }
    with closing(sqlite3.connect(f"file:{app.database}?mode=ro", uri=True)) as database:
        return database.execute(statement[table]).fetchone()[0]


def logged_call(app, status):
    """The last call with this status in the log. It is written after the caller has its answer."""
    deadline = time.monotonic() + 20
    while True:
        # What is behind the last end of a line is still being written.
        whole = app.said().rpartition("\n")[0].splitlines()
        lines = [json.loads(line) for line in whole if line.startswith("{")]
        calls = [line for line in lines if line["logger"] == "second_opinion.calls"]
        if meant := [line for line in calls if line["status"] == status]:
            return meant[-1]
        assert time.monotonic() < deadline, calls
        time.sleep(0.05)


@pytest.fixture(scope="module")
def served(tmp_path_factory, models):
    """A server with a token and a log in JSON."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("serve")
        settings = {"API_TOKENS": f"tester:{TOKEN}", "LOG_FORMAT": "json", "MODEL": "risk"}
        with serving(folder, models, patch, **settings) as app:
            assert call(app.port, "/api/ready").status == 200
            yield app


def risk(registry):
    return {"model": "risk", "cases": [registry.card("risk").case_schema.typical]}


@pytest.mark.slow
def test_pages_and_calls_are_answered_by_one_process_with_headers_that_protect(served, registry):
    page = call(served.port, "/")
    said = call(served.port, "/api/predict", risk(registry), headers=bearer(TOKEN))
    ping = call(served.port, "/ping")
    assert (page.status, said.status, ping.status) == (200, 200, 200)
    assert "<title>" in page.body
    for reply in (page, said, ping, call(served.port, "/api/nothing")):
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["referrer-policy"] == "same-origin"
        policy = reply.headers["content-security-policy"]
        assert "object-src 'none'" in policy
        ancestors = policy.partition("frame-ancestors ")[2].split()
        assert {"'self'", "https://*.hf.space", "http://localhost:*"} <= set(ancestors)
        assert "*" not in ancestors


@pytest.mark.slow
def test_the_log_is_json_and_quotes_no_case_and_no_token(served, registry):
    strange = "Zanzibar-4711"
    body = risk(registry)
    body["cases"][0] = body["cases"][0] | {"age": strange, strange: 1}
    assert call(served.port, "/api/predict", body, headers=bearer(TOKEN)).status == 422
    refused = logged_call(served, 422)
    assert {"method", "route", "status", "ms", "caller"} <= set(refused)
    assert refused["route"] == "/api/predict"
    assert refused["caller"] == "tester"
    assert strange not in served.said()
    assert TOKEN not in served.said()
    assert str(registry.card("risk").case_schema.typical["pulse"]) not in served.said()


@pytest.mark.slow
def test_what_is_counted_is_read_by_whoever_may_call(served, registry):
    for _ in range(3):
        call(served.port, "/api/predict", risk(registry), headers=bearer(TOKEN))
    call(served.port, "/api/whatever/anybody/calls", headers=bearer(TOKEN))
    assert call(served.port, "/api/metrics").status == 401
    text = call(served.port, "/api/metrics", headers=bearer(TOKEN)).body
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if line[0] != "#")
    stored = float(values['second_opinion_predictions_total{model="risk",version="1"}'])
    timed = float(values['second_opinion_prediction_seconds_count{model="risk",version="1"}'])
    assert stored >= timed >= 3
    assert 'second_opinion_errors_total{route="/api/metrics",status="401"}' in values
    assert "whatever" not in text
    assert "tester" not in text


@pytest.mark.slow
def test_twenty_clients_meet_no_error_and_all_they_were_told_is_stored(served, registry):
    seconds, before = (30 if THOROUGH else 3), count(served)
    body, end = risk(registry), time.monotonic() + seconds

    def client(_):
        replies = []
        while time.monotonic() < end:
            replies.append(call(served.port, "/api/predict", body, headers=bearer(TOKEN)))
        return replies

    with ThreadPoolExecutor(20) as threads:
        replies = [reply for some in threads.map(client, range(20)) for reply in some]
    assert {reply.status for reply in replies} == {200}
    ids = {reply.body["predictions"][0]["id"] for reply in replies}
    assert len(ids) == len(replies) == count(served) - before


@pytest.mark.slow
@pytest.mark.parametrize("entry", ["streamlit", "uvicorn"])
def test_calls_that_were_taken_are_answered_and_stored_before_the_end(
    tmp_path, models, registry, monkeypatch, entry
):
    port = free_port()
    here = ["--server.address=127.0.0.1", "--server.headless=true", f"--server.port={port}"]
    command = {
        "streamlit": ["streamlit", "run", "serve.py", *here],
        "uvicorn": ["uvicorn", "serve:app", "--host", "127.0.0.1", "--port", str(port)],
    }[entry]
    env = os.environ | {"FEEDBACK_DB": str(tmp_path / "feedback.db"), "MODEL_DIR": str(models)}
    env["API_TOKENS"] = f"tester:{TOKEN}"
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", *command], cwd=ROOT, env=env, stdout=log, stderr=log
        )
    try:
        while not answers(port):
            assert server.poll() is None, (tmp_path / "log").read_text()
            time.sleep(0.1)
        call(port, "/api/ready")
        case = registry.card("risk").case_schema.typical
        body = json.dumps({"model": "risk", "cases": [case] * 10_000})
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
            connection.request("POST", "/api/predict", body, bearer(TOKEN))
            time.sleep(0.3)
            server.send_signal(signal.SIGTERM)
            reply = connection.getresponse()
            said = json.loads(reply.read())
        assert reply.status == 200
        server.wait(60)
    finally:
        server.kill()
        server.wait()
    with closing(sqlite3.connect(tmp_path / "feedback.db")) as database:
        (stored,) = database.execute("SELECT count(*) FROM predictions").fetchone()
    assert stored == len(said["predictions"]) == 10_000


def answers(port):
    try:
        return urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2).status == 200
    except OSError:
        return False


SCHEMATHESIS = "schemathesis>=4,<5"
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance"
)


@pytest.fixture(scope="session")
def schemathesis(tmp_path_factory):
    """The program, in an environment of its own: SCHEMATHESIS names one that is there."""
    known = os.environ.get("SCHEMATHESIS") or shutil.which("schemathesis")
    if known:
        return known
    uv = Path(sys.executable).with_name("uv")
    if not uv.exists():
        pytest.skip("uv is not installed: what schemathesis generates was not tried")
    folder = tmp_path_factory.mktemp("schemathesis")
    made = subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, folder / "venv"])
    packed = [uv, "pip", "install", "--quiet", "--python", folder / "venv", SCHEMATHESIS]
    if made.returncode or subprocess.run(packed).returncode:
        pytest.skip("no package index answers: what schemathesis generates was not tried")
    return folder / "venv/bin/schemathesis"


@pytest.mark.slow
def test_nothing_that_is_generated_from_the_description_meets_a_fault(served, schemathesis):
    """At least 300 calls; 2,000 with THOROUGH=1."""
    address = f"http://127.0.0.1:{served.port}/api/openapi.json"
    wanted = 2000 if THOROUGH else 300
    before = len(served.said().splitlines())
    options = [f"--checks={CHECKS}", f"--max-examples={wanted // 15}", "--seed=7", "--no-color"]
    options += ["-H", f"Authorization: Bearer {TOKEN}"]
    ran = subprocess.run(
        [schemathesis, "run", address, *options],
        capture_output=True,
        text=True,
        cwd=served.folder,
    )
    assert ran.returncode == 0, ran.stdout[-6000:]
    lines = served.said().splitlines()[before:]
    calls = [json.loads(line) for line in lines if '"second_opinion.calls"' in line]
    assert len(calls) >= wanted
    assert not [one for one in calls if one["status"] >= 500]
