"""Uploads: taken from whom, how many bytes are held, and when they are given back."""

import re
import time
from contextlib import contextmanager, suppress

import psutil
import pytest
from browsing import App
from builders import ROOT
from connections import nginx, sessions
from hypothesis import given
from hypothesis.strategies import lists, sampled_from, tuples
from starlette.exceptions import HTTPException
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec
from visits import messages, start

from second_opinion.access import local_browser
from second_opinion.batches import jobs
from second_opinion.doctor import machine
from second_opinion.errors import UserError
from second_opinion.models.registry import Registry
from second_opinion.settings import Settings
from second_opinion.tables import Limits, TableFile, look
from second_opinion.ui.uploads import Uploads

MB = 1_000_000
ENTRIES = ["serve.py", "Home.py"]
CODE = {"EXPERT_CODE": "e"}
SMALL = {"VISIT_UPLOADS_MB": "3", "ALL_UPLOADS_MB": "5"}
STRANGER = "validation.example"


@contextmanager
def running(folder, models, script, **values):
    with pytest.MonkeyPatch.context() as environment:
        for name in ("PUBLIC", "EXPERT_CODE", "REVIEWER_CODE", "OWNER_CODE"):
            environment.delenv(name, raising=False)
        for name, value in values.items():
            environment.setenv(name, value)
        app = App(folder, models, ROOT / script)
        try:
            yield app.start()
        finally:
            app.stop()
    # A visitor who goes away in the middle of a file is no fault, though Streamlit logs it so.
    assert "incident" not in app.said()


class Kept:
    """Uploads of three sessions in a process without a server."""

    def __init__(self, **settings):
        self.manager = MemoryUploadedFileManager("/upload")
        self.gone = set()
        self.uploads = Uploads(self.manager, lambda session: session not in self.gone)
        self.settings = Settings(**settings)
        for session in ("ada", "bob", "eve"):
            self.uploads.arrived(session, admitted=True, settings=self.settings)

    def put(self, session, size, file_id="f"):
        """The status with which a file is taken or not."""
        try:
            self.manager.add_file(session, UploadedFileRec(file_id, "a.csv", "", b"a" * size))
        except HTTPException as refusal:
            return refusal.status_code
        return 204

    @property
    def held(self):
        files = self.manager.file_storage.values()
        return sum(len(file.data) for of_session in files for file in of_session.values())


@given(
    steps=lists(
        tuples(
            sampled_from(["put", "put", "put", "remove", "leave", "out", "in", "coming"]),
            sampled_from(["ada", "bob", "eve"]),
            sampled_from([1, 400_000, 900_000, 2_500_000]),
            sampled_from(["f", "g"]),
        ),
        max_size=30,
    )
)
def test_whatever_happens_no_more_is_held_than_the_settings_say(steps):
    kept = Kept(visit_uploads_mb="2", all_uploads_mb="3")
    admitted = {"ada", "bob", "eve"}
    for what, session, size, file_id in steps:
        if what == "put":
            status = kept.put(session, size, file_id)
            assert (status == 403) == (session not in admitted)
        elif what == "remove":
            kept.manager.remove_file(session, file_id)
        elif what == "leave":
            kept.uploads.leave_page(session)
        elif what == "coming" and session in admitted:
            before = kept.uploads.room(session)
            with suppress(HTTPException), kept.uploads.coming(session, size):
                assert kept.uploads.room(session) == before - size
            assert kept.uploads.room(session) == before
        else:
            (admitted.add if what == "in" else admitted.discard)(session)
            kept.uploads.arrived(session, admitted=session in admitted, settings=kept.settings)
        assert kept.held <= 3 * MB
        for one in ("ada", "bob", "eve"):
            files = kept.manager.file_storage.get(one, {}).values()
            assert sum(len(file.data) for file in files) <= 2 * MB
            assert one in admitted or not files


def test_a_session_that_is_gone_has_no_say():
    kept = Kept()
    kept.gone.add("ada")
    kept.uploads.arrived("bob", admitted=True, settings=kept.settings)
    assert kept.put("ada", 10) == 403
    assert kept.put("stranger", 10) == 403
    assert kept.put("bob", 10) == 204


def test_what_a_batch_is_read_from_is_held_until_it_is_read(empty_store, models):
    kept = Kept(visit_uploads_mb="2", all_uploads_mb="3")
    card = Registry(models).look().card("dose/1")
    content = b"age,bmi,bp\n" + b"50,25.5,90\n" * 150_000
    source = TableFile.of_bytes("a.csv", content)
    seen = look(source, card.case_schema)
    with jobs._checking, jobs._checking:
        batch = jobs.check(empty_store, card, source, seen, asked_by="Ada", limits=Limits())
        kept.uploads.hand_over("ada", None, batch.id)
        assert jobs.bytes_held() == {batch.id: len(content)}
        assert kept.put("ada", 500_000) == 413
        assert kept.put("bob", 1_500_000) == 413
        assert kept.put("bob", 1_000_000) == 204
    deadline = time.monotonic() + 30
    while jobs.bytes_held():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert kept.put("ada", 1_500_000) == 204


@pytest.mark.parametrize("text", ["x", "-1", "1.5", "1e3", " ", "99999999"])
@pytest.mark.parametrize("name", ["visit_uploads_mb", "all_uploads_mb"])
def test_a_limit_that_is_no_number_is_named(place, monkeypatch, name, text):
    monkeypatch.setenv(name.upper(), text)
    said = f"The setting {name.upper()} is {text!r}; expected a whole number of megabytes"
    with pytest.raises(UserError, match=re.escape(said)):
        _ = Settings.read().upload_limits
    assert [said in message for message in messages(start())] == [True]
    (check,) = [check for check in machine.examine() if check.name == "uploads"]
    assert check.state == "problem"
    assert said in check.found


def test_the_doctor_and_the_papers_say_what_is_not_guarded(place):
    (check,) = [check for check in machine.examine() if check.name == "uploads"]
    assert check.state == "ok"
    assert "at most 100 MB of one visit and 200 MB in all" in check.found
    paper = (ROOT / "docs/security.md").read_text("utf-8")
    for said in ("streamlit run serve.py", "client_max_body_size 51m", "/_stcore/upload_file/"):
        assert said in check.found
        assert said in paper


# --- with a running server


def resident(app):
    return psutil.Process(app.process.pid).memory_info().rss


@pytest.mark.slow
@pytest.mark.parametrize("script", ENTRIES)
def test_without_a_code_nothing_is_kept(tmp_path, models, script):
    with running(tmp_path, models, script, **CODE) as app, sessions(app.port, 1) as (visit,):
        assert visit.token
        status, text = visit.put(b"a" * 1000)
        assert status == 403
        assert "entered no code" in text
        before = resident(app)
        answers = [visit.put(b"a" * 40 * MB, f"f{n}")[0] for n in range(8)]
        # Where it is refused before it is read, the connection may be closed on who goes on.
        assert set(answers) <= {403, 0}
        assert resident(app) - before < 150 * MB


@pytest.mark.slow
@pytest.mark.parametrize("script", ENTRIES)
def test_what_is_held_is_bounded_for_a_visit_and_for_all(tmp_path, models, script):
    with running(tmp_path, models, script, **SMALL) as app, sessions(app.port, 3) as visits:
        ada, bob, eve = visits
        part = b"a" * (2 * MB)
        assert ada.put(part)[0] == 204
        status, text = ada.put(part, "f2")
        assert status == 413
        assert "of one visit" in text
        assert "VISIT_UPLOADS_MB" in text
        assert bob.put(part)[0] == 204
        status, text = eve.put(part)
        assert status == 413
        assert "of all visitors that are held at a time would be over 5 MB" in text
        # Each way in which memory is given back: removed, another page, the end of the visit.
        assert ada.delete()[0] == 204
        assert eve.put(part)[0] == 204
        eve.open("Help")
        assert ada.put(part)[0] == 204


@pytest.mark.slow
def test_the_shell_refuses_before_the_file_is_sent(tmp_path, models):
    with running(tmp_path, models, "serve.py", **CODE) as app, sessions(app.port, 1) as (visit,):
        status, text = visit.announce(49 * MB)
        assert status == 403
        assert "enter your code" in text
        with (
            nginx(tmp_path, local_browser.NGINX, app.port) as port,
            sessions(port, 1, host=STRANGER) as (far,),
        ):
            assert far.announce(49 * MB)[0] == 403
            assert far.announce(60 * MB)[0] == 413


@pytest.mark.slow
def test_without_the_shell_a_file_is_read_before_it_is_refused(tmp_path, models):
    """What docs/security.md and the doctor say is not guarded; the proxy's lines bound it."""
    with running(tmp_path, models, "Home.py", **CODE) as app, sessions(app.port, 1) as (visit,):
        assert visit.announce(49 * MB) is None
        with (
            nginx(tmp_path, local_browser.NGINX, app.port) as port,
            sessions(port, 1, host=STRANGER) as (far,),
        ):
            assert far.announce(60 * MB)[0] == 413
            assert far.put(b"a" * 1000)[0] == 403


@pytest.mark.slow
def test_files_on_their_way_count_as_held(tmp_path, models):
    with running(tmp_path, models, "serve.py", **SMALL) as app, sessions(app.port, 2) as visits:
        ada, bob = visits
        with ada.begun(2 * MB), ada.begun(1 * MB, "f2"):
            time.sleep(0.5)
            assert ada.announce(1 * MB, "f3")[0] == 413
            assert bob.announce(3 * MB)[0] == 413
        assert ada.put(b"a" * (2 * MB))[0] == 204
