"""States that tests start from: models of every kind, a database, a running app, a browser."""
# ruff: noqa: E402 - the asserts of what is imported below are to be rewritten

import logging
import os
import shutil
import signal
from contextlib import closing
from functools import partial

import numpy as np
import pandas as pd
import pytest
import streamlit as st
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis
from streamlit import config
from streamlit.runtime.context import StreamlitHeaders

# Before their import, or a failing assert in them would say nothing of its values.
pytest.register_assert_rewrite("browsing", "builders", "calls", "connections", "database", "visits")

from browsing import BROWSER_HELP, NGINX_HELP, PATIENCE, App, chromium, watched
from builders import HOSTILE, ROOT, THOROUGH, judged, write_at_random
from calls import call, listening

from second_opinion import Registry, settings
from second_opinion.cli import main
from second_opinion.doctor import machine
from second_opinion.store import Store

# A law holds however slow the machine is.
hypothesis.register_profile(
    "laws",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    max_examples=1000 if THOROUGH else 100,
)
hypothesis.load_profile("laws")

# AppTest warns of each run that it has no browser.
logging.getLogger("streamlit.runtime.scriptrunner_utils.script_run_context").setLevel("ERROR")


# A run that is ended from outside ends as by Ctrl-C: servers that a test has started stop with it.
signal.signal(signal.SIGTERM, signal.default_int_handler)


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


@pytest.fixture
def empty_store(tmp_path):
    """A feedback database with nothing in it."""
    store = Store.open(tmp_path / "feedback.db")
    yield store
    store.close()


@pytest.fixture
def filled_store(empty_store, models):
    """A feedback database with predictions of every model and verdicts of every kind."""
    judged(models, empty_store)
    return empty_store


@pytest.fixture(scope="module")
def busy_store(tmp_path_factory):
    """A few hundred verdicts of every kind."""
    with closing(Store.open(tmp_path_factory.mktemp("busy") / "feedback.db")) as store:
        for seed in range(5):
            write_at_random(store, seed, 150)
        yield store


@pytest.fixture
def registry(models):
    """The registry of the models of the tests, which are only read."""
    return Registry(models)


@pytest.fixture
def place(tmp_path, models, monkeypatch):
    """Settings that point at the models of the tests and a database that is not there yet."""
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


@pytest.fixture(scope="session")
def api_port():
    """The API alone, listening in this process. Settings are those of the moment of a call."""
    from second_opinion.api.mounting import FirstCall

    with listening(FirstCall()) as port:
        yield port


@pytest.fixture
def api(api_port, place):
    """Calls the API, with the models of the tests and a database that is not there yet."""
    return partial(call, api_port)


@pytest.fixture
def at_home(monkeypatch):
    """A browser on the machine of the app; AppTest by itself counts as one from elsewhere."""
    own = [("Host", "localhost:8501"), ("Origin", "http://localhost:8501")]
    monkeypatch.setattr(type(st.context), "ip_address", None)
    monkeypatch.setattr(type(st.context), "headers", StreamlitHeaders(own))


@pytest.fixture
def empty_folder(tmp_path, monkeypatch):
    """An empty registry folder that all commands work on."""
    for name in settings.names():
        monkeypatch.delenv(name.upper(), raising=False)
    for module in (settings, machine):
        monkeypatch.setattr(module, "SECRETS", tmp_path / "secrets.toml")
    monkeypatch.setenv("MODEL_DIR", str(tmp_path / "model"))
    monkeypatch.setenv("FEEDBACK_DB", str(tmp_path / "feedback.db"))
    (tmp_path / "model").mkdir()
    return tmp_path / "model"


@pytest.fixture
def run(capsys):
    """Runs a command in this process: exit code, standard output, standard error."""

    def run(*arguments):
        code = main.main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        return code, said.out, said.err

    return run


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
    yield from watched(shared_app)


@pytest.fixture
def own_app(tmp_path, models):
    """A running app of the test's own, to be killed and started again."""
    app = App(tmp_path, models)
    try:
        yield from watched(app.start())
    finally:
        app.stop()


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
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        return context.new_page()

    yield open_browser
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def desk(browser):
    """A browser on a desk, which keeps the program files that it fetched."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE)
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
    """Say loudly which tests did not run for want of a browser, a proxy or a package."""
    skipped = [str(report.longrepr) for report in terminalreporter.getreports("skipped")]
    for advice in (BROWSER_HELP, NGINX_HELP):
        if any(advice in reason for reason in skipped):
            terminalreporter.write_sep("!", advice, red=True)
    for package in ("xgboost", "lightgbm"):
        if any(f"could not import '{package}'" in reason for reason in skipped):
            said = f"{package} is not installed: its models were not tried. pip install {package}"
            terminalreporter.write_sep("!", said, red=True)
