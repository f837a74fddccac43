"""States that tests start from: models of every kind, a database, a running app, a browser."""

import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import numpy as np
import pandas as pd
import pytest

# AppTest warns of each run that it has no browser.
logging.getLogger("streamlit.runtime.scriptrunner_utils.script_run_context").setLevel("ERROR")

ROOT = Path(__file__).parent.parent
BROWSER_HELP = (
    "No browser: these tests did not run. Run `.venv/bin/playwright install chromium`, or "
    "`apt-get install chromium` on Debian, or set CHROMIUM to the program."
)

# Shown as typed wherever it stands: no image is fetched, nothing is set in bold or as a formula.
HOSTILE = (
    "![x](https://evil.example/a.png) <img src=https://evil.example/b.png> <b>bold</b> $x^2$ "
    ":material/home: :red[red] https://evil.example **bold** \u05e9\u05dc\u05d5\u05dd `code`"
)


@pytest.fixture(scope="session")
def training():
    """Rows with every kind of column, with and without missing values, and an outcome."""
    rng = np.random.default_rng(7)
    rows = 400
    pulse = rng.normal(80, 12, rows).round(1)
    temperature = rng.normal(37, 0.8, rows).round(1)
    cases = pd.DataFrame(
        {
            "pulse": pulse,
            "temperature": np.where(rng.random(rows) < 0.1, np.nan, temperature),
            "age": rng.integers(18, 90, rows),
            "visits": np.where(rng.random(rows) < 0.1, np.nan, rng.integers(0, 9, rows)),
            "colour": rng.choice(["red", "amber", "green"], rows),
            "region": rng.choice([f"Region number {n}" for n in range(1, 13)], rows),
            "smoker": rng.random(rows) < 0.3,
            "pregnant": rng.choice(np.array([True, False, None], dtype=object), rows),
            "insured": rng.integers(0, 2, rows),
            "admitted": pd.Timestamp("2024-01-01")
            + pd.to_timedelta(rng.integers(0, 365, rows), "D"),
            "note": [
                f"{word} since {n} days"
                for n, word in enumerate(rng.choice(["pain", "cough", "none"], rows))
            ],
        }
    )
    score = (cases["pulse"] - 80) / 8 + (cases["colour"] == "red") * 2 - 0.6
    return cases, pd.Series(np.where(score + rng.normal(0, 0.5, rows) > 0, "keep", "home"))


@pytest.fixture(scope="session")
def triage(training):
    """A pipeline over all of the training columns."""
    from sklearn.compose import ColumnTransformer
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

    # No imputer for the columns without holes: they are the fields that must be filled in.
    holes, numbers = ["temperature", "visits"], ["pulse", "age", "insured"]
    levels = ["colour", "region", "smoker", "pregnant"]
    days = make_pipeline(
        FunctionTransformer(np.asarray, kw_args={"dtype": "int64"}), StandardScaler()
    )
    columns = ColumnTransformer(
        [
            ("holes", make_pipeline(SimpleImputer(), StandardScaler()), holes),
            ("numbers", StandardScaler(), numbers),
            ("levels", OneHotEncoder(handle_unknown="ignore"), levels),
            ("days", days, ["admitted"]),
            ("words", TfidfVectorizer(max_features=20), "note"),
        ]
    )
    return make_pipeline(columns, LogisticRegression(max_iter=1000)).fit(*training)


@pytest.fixture(scope="session")
def models(tmp_path_factory, training, triage):
    """A registry folder.

    triage (every kind of feature, two versions), dose (a number), risk (a probability), iris
    (three classes) and hostile (words that want to be markdown).
    """
    from sklearn.datasets import load_diabetes, load_iris
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression, Ridge

    from second_opinion import Registry

    registry = Registry(tmp_path_factory.mktemp("registry") / "model")
    cases, outcome = training
    for alias in ("", "challenger"):
        registry.add(
            triage,
            cases,
            outcome,
            name="triage",
            alias=alias,
            target="outcome",
            card={
                "classes": [
                    {"value": "keep", "label": "Keep here"},
                    {"value": "home", "label": "Send home"},
                ],
                "positive": "keep",
                "intended_use": "Adults in the emergency room.",
                "limits": "Not for children.",
                "target": {"description": "Should this patient stay?"},
                "features": {
                    "pulse": {"unit": "beats/min", "description": "At rest."},
                    "note": {"typical": "cough since 3 days"},
                },
            },
        )
    diabetes = load_diabetes(as_frame=True, scaled=False)
    few = diabetes.data[["age", "bmi", "bp"]]
    registry.add(
        Ridge().fit(few, diabetes.target),
        few,
        diabetes.target,
        name="dose",
        card={"target": {"unit": "mg", "description": "How much is needed?"}},
    )
    numbers = cases[["pulse", "age"]]
    registry.add(
        LogisticRegression().fit(numbers, outcome == "keep"),
        numbers,
        outcome == "keep",
        name="risk",
        card={
            "answer": "probability",
            "target": {"event": "staying in hospital", "description": "How likely is a stay?"},
        },
    )
    iris = load_iris(as_frame=True)
    names = iris.target_names[iris.target]
    registry.add(
        RandomForestClassifier(20, random_state=0).fit(iris.data, names),
        iris.data,
        pd.Series(names),
        name="iris",
    )
    registry.add(
        LogisticRegression().fit(numbers, outcome),
        numbers,
        outcome,
        name="hostile",
        title=f"Title {HOSTILE}",
        card={
            "intended_use": f"Use {HOSTILE}",
            "limits": f"Limits {HOSTILE}",
            "target": {"description": f"Question {HOSTILE}"},
            "classes": [
                {"value": "home", "label": f"Home {HOSTILE}"},
                {"value": "keep", "label": f"Keep {HOSTILE}"},
            ],
            "features": {
                "pulse": {
                    "label": f"Label {HOSTILE}",
                    "unit": f"unit {HOSTILE}",
                    "description": f"Meaning {HOSTILE}",
                }
            },
        },
    )
    return registry.folder


def judged(registry_folder, store, expert="Ada"):
    """Put a prediction of each model into the store, with verdicts of every kind."""
    from second_opinion import Registry
    from second_opinion.records import Verdict, new_id

    registry = Registry(registry_folder)
    predictions = []
    for name in ("triage", "dose", "risk", "iris", "hostile"):
        model = registry.load(name)
        for judgement in ("agree", "disagree", "unsure", None):
            inputs, _ = model.card.case_schema.read(model.card.case_schema.typical)
            made = model.predict_one(inputs, asked_by=expert, source="form", id=new_id())
            store.add_prediction(made)
            predictions.append(made)
            if judgement:
                comment = f"Because {HOSTILE}" if judgement == "disagree" else ""
                store.add_verdict(Verdict(made.id, expert, judgement, comment=comment))
    return predictions


@pytest.fixture
def empty_store(tmp_path):
    """A feedback database with nothing in it."""
    from second_opinion.store import Store

    store = Store.open(tmp_path / "feedback.db")
    yield store
    store.close()


@pytest.fixture
def filled_store(empty_store, models):
    """A feedback database with predictions of every model and verdicts of every kind."""
    judged(models, empty_store)
    return empty_store


@pytest.fixture
def place(tmp_path, models, monkeypatch):
    """Settings that point at the models of the tests and a database that is not there yet."""
    import streamlit as st
    from streamlit import config

    from second_opinion import settings
    from second_opinion.store import Store

    monkeypatch.setenv("MODEL_DIR", str(models))
    monkeypatch.setenv("FEEDBACK_DB", str(tmp_path / "feedback.db"))
    monkeypatch.delenv("MODEL", raising=False)
    # Tests run in containers too, where every page would warn of the disk.
    monkeypatch.setenv("DURABLE", "1")
    monkeypatch.setattr(settings, "SECRETS", tmp_path / "secrets.toml")
    # AppTest compiles the page for each run, and magic makes that ten times slower.
    config.set_option("runner.magicEnabled", False)
    # AppTest has no browser: what it would send stands here.
    monkeypatch.setattr(type(st.context), "cookies", {})
    monkeypatch.setattr(type(st.context), "timezone", "Europe/Berlin")
    yield tmp_path
    Store.open(tmp_path / "feedback.db").close()


class App:
    """`streamlit run` in a process of its own, with its own database and log."""

    def __init__(self, folder, models, script="Home.py"):
        self.script = script
        self.folder, self.database, self.models = folder, folder / "feedback.db", models
        self.log = folder / "server.log"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None

    def start(self):
        """Start it, and wait until it answers."""
        command = [sys.executable, "-m", "streamlit", "run", str(self.script)]
        options = {
            "server.port": self.port,
            "server.address": "127.0.0.1",
            "server.headless": "true",
        }
        command += [f"--{name}={value}" for name, value in options.items()]
        env = {"DURABLE": "1", **os.environ}
        env |= {"FEEDBACK_DB": str(self.database), "MODEL_DIR": str(self.models)}
        env.pop("MODEL", None)
        with self.log.open("a") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while not self._healthy():
            assert self.process.poll() is None, f"the server ended:\n{self.said()}"
            assert time.monotonic() < deadline, f"the server does not answer:\n{self.said()}"
            time.sleep(0.1)
        return self

    def kill(self):
        """End it as a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        """End it, in peace if it lets itself."""
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.kill()

    def said(self, since=0):
        """What the server wrote, from a position in its log."""
        return self.log.read_text("utf-8", errors="replace")[since:] if self.log.exists() else ""

    def _healthy(self):
        with suppress(URLError, ConnectionError, TimeoutError):
            return urlopen(f"{self.url}/_stcore/health", timeout=2).status == 200
        return False


def free_port():
    """A port of this machine that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture(scope="module")
def shared_app(tmp_path_factory, models):
    """One running app for all tests of a module, with the demo models too."""
    folder = tmp_path_factory.mktemp("app")
    shutil.copytree(models, folder / "model")
    for card in (ROOT / "model").glob("*/*/card.json"):
        demo = card.parent.parent.name
        if not (folder / "model" / demo).exists():
            shutil.copytree(ROOT / "model" / demo, folder / "model" / demo)
    app = App(folder, folder / "model")
    try:
        yield app.start()
    finally:
        app.stop()


@pytest.fixture
def app(shared_app):
    """The running app; a traceback in its log fails the test, and a failing test shows the log."""
    yield from _watched(shared_app)


@pytest.fixture
def own_app(tmp_path, models):
    """A running app of the test's own, to be killed and started again."""
    app = App(tmp_path, models)
    try:
        yield from _watched(app.start())
    finally:
        app.stop()


def _watched(app):
    before = len(app.said())
    yield app
    said = app.said(before)
    sys.stdout.write(f"the server's log:\n{said}")
    assert "Traceback" not in said
    assert "incident" not in said


def chromium(playwright):
    """The first browser that is there, or None."""
    found = [os.environ.get("CHROMIUM"), playwright.chromium.executable_path]
    found += [shutil.which(n) for n in ("chromium", "chromium-browser", "google-chrome")]
    return next((path for path in found if path and Path(path).exists()), None)


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium. Without one the test is skipped, or fails where CI is set."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        program = chromium(playwright)
        if program is None:
            (pytest.fail if os.environ.get("CI") else pytest.skip)(BROWSER_HELP)
        arguments = ["--disable-dev-shm-usage", "--disable-background-networking"]
        if os.geteuid() == 0:
            arguments.append("--no-sandbox")
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def visitor(browser):
    """Opens a browser of its own (cookies, storage) for each call; all are closed afterwards."""
    contexts = []

    def open_browser(**options):
        context = browser.new_context(**{"timezone_id": "Europe/Berlin", **options})
        context.set_default_timeout(15_000)
        contexts.append(context)
        return context.new_page()

    yield open_browser
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def desk(browser):
    """A browser on a desk, which keeps the program files that it fetched."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(15_000)
    yield context
    context.close()


@pytest.fixture
def page(desk):
    """A page in a browser that remembers nobody."""
    desk.clear_cookies()
    page = desk.new_page()
    yield page
    page.close()


def pytest_terminal_summary(terminalreporter):
    """Say loudly which tests did not run for want of a browser or a package."""
    skipped = [str(report.longrepr) for report in terminalreporter.getreports("skipped")]
    if any(BROWSER_HELP in reason for reason in skipped):
        terminalreporter.write_sep("!", BROWSER_HELP, red=True)
    for package in ("xgboost", "lightgbm"):
        if any(f"could not import '{package}'" in reason for reason in skipped):
            said = f"{package} is not installed: its models were not tried. pip install {package}"
            terminalreporter.write_sep("!", said, red=True)


@contextmanager
def as_nobody():
    """Root may write everything, so be somebody else for a moment."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
