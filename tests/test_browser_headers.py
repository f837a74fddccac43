"""Signing in at a proxy, and the right to use a model of Unity Catalog, in a real browser."""

import shutil
from contextlib import contextmanager

import pytest
from browsing import App, alert, button, part, predict, still
from builders import OWNER, ROOT
from permission_server import UnityCatalog
from playwright.sync_api import expect
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge

from second_opinion import Registry
from second_opinion.store import Store

pytestmark = pytest.mark.browser

MODEL = "main.ml_models.secret-dose"
SECRETS = f"""
[second_opinion]
model = "models:/{MODEL}/1"
trusted_header = "X-Forwarded-Email"
[roles]
provider = "X-Forwarded-Email"
"olga@example.org" = "owner"
"""


@pytest.fixture
def catalog(monkeypatch):
    stand_in = UnityCatalog()
    monkeypatch.setenv("DATABRICKS_HOST", stand_in.url)
    yield stand_in
    stand_in.close()


@pytest.fixture
def folder(tmp_path, models):
    """The app with its secrets, and a model under its name in Unity Catalog beside others."""
    home = tmp_path / "home"
    for name in ("second_opinion", "pages", ".streamlit"):
        shutil.copytree(ROOT / name, home / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "Home.py", home)
    (home / ".streamlit" / "secrets.toml").write_text(SECRETS, "utf-8")
    shutil.copytree(models, tmp_path / "model")
    cases = load_diabetes(as_frame=True, scaled=False)
    few = cases.data[["age", "bmi"]]
    registry = Registry(tmp_path / "model")
    registry.add(Ridge().fit(few, cases.target), few, cases.target, name=MODEL, version="1")
    return tmp_path


@contextmanager
def running(folder, monkeypatch, proxy):
    monkeypatch.setenv("TRUSTED_PROXY", proxy)
    app = App(folder, folder / "model", home=folder / "home").start()
    try:
        yield app
    finally:
        app.stop()


def test_the_proxy_names_the_person_and_unity_catalog_opens_the_model(
    folder, visitor, catalog, monkeypatch
):
    catalog.allow("token-yes", MODEL)
    catalog.answers["token-silent"] = None
    received = []

    def listen(socket):
        socket.on("framereceived", lambda frame: received.append(frame))

    def arrive(name="", token="", path="", forwarded="192.0.2.9"):
        sent = {"X-Forwarded-Email": name, "x-forwarded-access-token": token}
        sent["X-Forwarded-For"] = forwarded
        page = visitor(extra_http_headers={key: text for key, text in sent.items() if text})
        page.on("websocket", listen)
        page.goto(f"{app.url}/{path}")
        return page

    # As a proxy on this machine is set up, once the app has said how.
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "none")
    with running(folder, monkeypatch, "127.0.0.1") as app:
        page = arrive()
        expect(alert(page, "The header X-Forwarded-Email is missing")).to_be_visible()
        expect(part(page, "who_name")).to_have_count(0)
        expect(page.get_by_role("link", name="Models")).to_have_count(0)

        # Yes: the model is there, and the verdict is this person's.
        page = arrive("Ada@example.org", "token-yes", f"Single_prediction?model={MODEL}")
        expect(page.get_by_text("You are Ada <Ada@example.org>")).to_be_visible()
        predict(page)
        button(page, "verdict_agree").click()
        part(page, "verdict_saved").wait_for()
        store = Store.open(app.database)
        [row] = store.reviewed().to_dict("records")
        [given] = store.verdict_history(row["prediction_id"], by=OWNER)
        assert (row["model"], row["identity_source"]) == (MODEL, "oidc")
        assert given.expert_key == "oidc:x-forwarded-email|ada@example.org"

        # No, silence, and no token: what to ask for, and no other trace, the owner's links too.
        for name, token, path in (
            ("bob@example.org", "token-no", f"?model={MODEL}"),
            ("cleo@example.org", "token-silent", f"Single_prediction?model={MODEL}"),
            ("olga@example.org", "", f"Models?model={MODEL}"),
        ):
            page = arrive(name, token, path)
            asks = alert(page, f"ask for EXECUTE on {MODEL}.")
            expect(asks).to_be_visible()
            expect(page.get_by_text(f"<{name}>")).to_be_visible()
            still(page)
            words = page.locator("body").inner_text().lower()
            assert (words.count("secret-dose"), words.count("secret dose")) == (1, 0)
        assert {token for _, token in catalog.asked} == {"token-yes", "token-no", "token-silent"}

    # The same header of somebody who is not the proxy, nor if they write its address.
    monkeypatch.delenv("FORWARDED_ALLOW_IPS")
    with running(folder, monkeypatch, "192.0.2.1") as app:
        for forwarded, said in (
            ("", "did not come from the proxy of this app"),
            ("192.0.2.1", "Ask the person who runs this app to start it with FORWARDED_ALLOW_IPS"),
        ):
            page = arrive("olga@example.org", "token-yes", forwarded=forwarded)
            expect(alert(page, said)).to_be_visible()
            expect(page.get_by_role("link", name="Models")).to_have_count(0)

    frames = [one.encode() if isinstance(one, str) else one for one in received]
    files = [path.read_bytes() for path in folder.glob("feedback.db*")]
    assert len(frames) > 20
    assert files
    for written in (*frames, *files, app.said().encode()):
        assert not any(token in written for token in (b"token-yes", b"token-no", b"token-silent"))
    assert "incident" not in app.said()
    events = Store.open(app.database).event_log.newest("sign-in", by=OWNER)
    assert {event.details["by"] for event in events} == {"header"}
