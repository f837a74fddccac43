"""A personal link in a real browser: made by the owner, opened on a phone, revoked under it."""

import pytest
from browsing import App, alert, button, part, predict, settle, stored
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
PHONE = {"width": 390, "height": 844}
CODES = {"EXPERT_CODE": "a code of experts", "OWNER_CODE": "a code of owners"}


@pytest.fixture
def closed_app(tmp_path, models, monkeypatch):
    """A running app that asks everybody for a code."""
    for name, code in CODES.items():
        monkeypatch.setenv(name, code)
    app = App(tmp_path, models)
    try:
        yield app.start()
    finally:
        app.stop()


def test_a_link_is_sent_opened_on_a_phone_and_revoked_while_its_person_is_at_work(
    closed_app, visitor
):
    url = closed_app.url
    desk, phone = visitor(viewport={"width": 1280, "height": 900}), visitor(viewport=PHONE)
    desk.goto(f"{url}/People_and_records?section=invitations")
    part(desk, "who_name").locator("input").fill("Olga")
    part(desk, "who_code").locator("input").fill(CODES["OWNER_CODE"])
    button(desk, "who_start").click()
    part(desk, "people_invite_name").locator("input").fill("Ada")
    button(desk, "people_invite_make").click()
    link = part(desk, "people_to_send").locator("code").first
    expect(link).to_contain_text("?invite=")
    address = link.inner_text().strip()
    secret = address.rpartition("=")[2]
    assert address.startswith(f"{url}/?invite=")

    phone.goto(f"{url}/Single_prediction?invite={secret}&model=triage")
    button(phone, "predict_submit").wait_for()
    phone.wait_for_url(lambda now: "invite" not in now)
    predict(phone)
    button(phone, "verdict_agree").click()
    part(phone, "verdict_saved").wait_for()
    settle(phone)
    phone.reload()
    part(phone, "verdict_saved").wait_for()
    settle(phone)
    (row,) = stored(closed_app, "SELECT expert, identity_source, expert_key FROM verdicts")
    assert (row["expert"], row["identity_source"]) == ("Ada", "invite")
    assert row["expert_key"].startswith("invite:")

    settle(desk)
    desk.locator("[class*=st-key-people_revoke_] button").click()
    expect(desk.get_by_text("the link opens nothing")).to_be_visible()
    # Whatever is sent next is refused: it may be a field that is left before the button is pressed.
    phone.evaluate("document.querySelector('.st-key-predict_submit button')?.click()")
    alert(phone, "This personal link was taken back").wait_for()
    expect(part(phone, "who_code")).to_have_count(1)
    expect(part(phone, "predict_submit")).to_have_count(0)
    phone.goto(address)
    alert(phone, "This personal link was taken back").wait_for()
    expect(part(phone, "home_judge")).to_have_count(0)
    refused = stored(closed_app, "SELECT who FROM events WHERE what = 'refused link'")
    assert [event["who"] for event in refused] == ["Ada"]
    assert len(stored(closed_app, "SELECT * FROM predictions")) == 1
    assert secret not in closed_app.said()
