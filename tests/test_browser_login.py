"""Signing in at a provider, from the first page to the way out, in a real browser."""

import shutil

import pytest
from browsing import App, alert, button, part, predict, still
from builders import OWNER, ROOT
from oidc_provider import Providers
from playwright.sync_api import expect

from second_opinion.store import Store

pytest.importorskip("authlib", reason="Signing in needs Authlib: install requirements.txt anew.")
pytestmark = pytest.mark.browser

PATIENCE = 30_000
ADA = {"sub": "1", "name": "Ada", "email": "ada@example.org", "email_verified": True}
SECRETS = """
[auth]
redirect_uri = "{url}/oauth2callback"
cookie_secret = "0123456789abcdef0123456789abcdef"
[auth.corp]
client_id = "app"
client_secret = "of the app"
server_metadata_url = "{providers}/corp/.well-known/openid-configuration"
[auth.guests]
client_id = "app"
client_secret = "of the app"
server_metadata_url = "{providers}/guests/.well-known/openid-configuration"
[roles]
provider = "corp"
groups_claim = "teams"
"olga@example.org" = "owner"
"model reviewers" = "reviewer"
[access]
dose = ["olga@example.org", "dosing"]
"""


@pytest.fixture
def providers():
    several = Providers()
    yield several
    several.close()


@pytest.fixture
def app(tmp_path, models, providers):
    home = tmp_path / "home"
    for name in ("second_opinion", "pages", ".streamlit"):
        shutil.copytree(ROOT / name, home / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "Home.py", home)
    one = App(tmp_path, models, home=home)
    secrets = SECRETS.format(url=one.url, providers=providers.url)
    (home / ".streamlit" / "secrets.toml").write_text(secrets, "utf-8")
    yield one.start()
    one.stop()


def sign_in(page, app, provider="corp"):
    page.goto(app.url)
    button(page, f"who_sign_in_{provider}").click()


def sign_out(page):
    with page.expect_navigation():
        button(page, "who_sign_out").click()
    button(page, "who_sign_in_corp").wait_for()


def models_on_offer(page):
    part(page, "model_choice").locator("input").click()
    names = page.locator("[role=option]").all_inner_texts()
    page.keyboard.press("Escape")
    return names


def test_the_whole_way_of_signing_in(visitor, app, providers):
    page = visitor()
    page.goto(f"{app.url}/Feedback_review")
    expect(button(page, "who_sign_in_guests")).to_be_visible(timeout=PATIENCE)
    expect(part(page, "who_name")).to_have_count(0, timeout=PATIENCE)
    expect(page.get_by_role("link", name="Models")).to_have_count(0, timeout=PATIENCE)

    # An expert: no page of reviewers, and no trace of a model that others use.
    providers.user = ADA
    sign_in(page, app)
    expect(page.get_by_text("You are Ada <ada@example.org>")).to_be_visible(timeout=PATIENCE)
    still(page)
    assert not [name for name in models_on_offer(page) if "dose" in name.lower()]
    page.goto(f"{app.url}/?model=dose")
    button(page, "home_judge").wait_for()
    assert "dose" not in page.content().lower()
    page.goto(f"{app.url}/Feedback_review")
    expect(page.get_by_text("This is for a reviewer")).to_be_visible(timeout=PATIENCE)
    page.goto(f"{app.url}/Single_prediction?model=triage")
    predict(page)
    button(page, "verdict_agree").click()
    part(page, "verdict_saved").wait_for()
    store = Store.open(app.database)
    [row] = store.reviewed().to_dict("records")
    assert (row["expert"], row["identity_source"]) == ("Ada <ada@example.org>", "oidc")
    [given] = store.verdict_history(row["prediction_id"], by=OWNER)
    assert given.expert_key == f"oidc:{providers.issuer('corp')}|1"
    page.wait_for_url(lambda now: row["prediction_id"] in now)
    link = page.url
    sign_out(page)
    assert providers.signed_out == ["corp"]

    # A link to a case leads to it through the sign-in, which comes back to the first page.
    page.goto(link)
    expect(part(page, "who_sign_in")).to_be_visible(timeout=PATIENCE)
    still(page)
    button(page, "who_sign_in_corp").click()
    part(page, "verdict_saved").wait_for()
    assert row["prediction_id"] in page.url
    sign_out(page)

    # The same address under another subject, there and elsewhere.
    for provider, subject in (("corp", "2"), ("guests", "1")):
        providers.user = {**ADA, "sub": subject}
        sign_in(page, app, provider)
        expect(alert(page, "signed in here before with another account")).to_be_visible(
            timeout=PATIENCE
        )
        sign_out(page)

    # A groups claim makes a reviewer; the same claim of another provider does not.
    providers.user = {"sub": "7", "name": "Rita", "teams": ["model reviewers", "dosing"]}
    sign_in(page, app)
    expect(page.get_by_text("You are Rita")).to_be_visible(timeout=PATIENCE)
    page.goto(f"{app.url}/Feedback_review?model=dose")
    expect(page.get_by_role("heading", name="Review the verdicts")).to_be_visible(timeout=PATIENCE)
    sign_out(page)
    providers.user = {"sub": "7", "name": "Rita", "teams": ["model reviewers", "dosing"]}
    sign_in(page, app, "guests")
    expect(page.get_by_text("You are Rita")).to_be_visible(timeout=PATIENCE)
    page.goto(f"{app.url}/Feedback_review")
    expect(page.get_by_text("This is for a reviewer")).to_be_visible(timeout=PATIENCE)
    sign_out(page)

    # An address that nobody verified makes no owner; a verified one does.
    olga = {"sub": "9", "name": "Olga", "email": "Olga@example.org"}
    for verified, reason in ((False, "This is for the owner"), (True, "Share new cases between")):
        providers.user = {**olga, "email_verified": verified}
        sign_in(page, app)
        expect(page.get_by_text("You are Olga")).to_be_visible(timeout=PATIENCE)
        page.goto(f"{app.url}/Models")
        page.get_by_role("heading", name="Which version is in use", exact=True).wait_for()
        still(page)
        expect(page.get_by_text(reason).first).to_be_visible(timeout=PATIENCE)
        sign_out(page)

    # A token that has ended is no sign-in.
    providers.user, providers.lifetime = ADA, -600
    sign_in(page, app)
    expect(button(page, "who_sign_in_corp")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_text("You are Ada")).to_have_count(0, timeout=PATIENCE)
    said = app.said()
    assert len(providers.issued) > 6
    assert not [token for token in providers.issued if token in said]
    assert "incident" not in said.lower()
    events = Store.open(app.database).event_log.newest("sign-in", by=OWNER)
    assert {event.details["by"] for event in events} == {"oidc"}
    assert any("another account" in event.details.get("refused", "") for event in events)
