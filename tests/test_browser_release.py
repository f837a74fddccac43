"""A release test in a real browser: frozen, answered by three experts, and established."""

import pyarrow as pa
import pytest
from browsing import alert, button, part, settle, still, stored, unreadable
from builders import check, csv_of, rows_of, score
from playwright.sync_api import expect

from second_opinion.store import Store
from second_opinion.tables import typed

pytestmark = pytest.mark.browser
PHONE = {"width": 390, "height": 844}
OWNER_CODE = "a code of owners"
PANEL = ("Ada", "Bob", "Cyd")


@pytest.fixture
def owners_code(monkeypatch):
    """Everybody is asked for a code: who comes by a link is an expert and no more."""
    monkeypatch.setenv("EXPERT_CODE", "a code of experts")
    monkeypatch.setenv("OWNER_CODE", OWNER_CODE)


def sure_pool(app, registry):
    """A scored file of twenty cases of which the model says the same: what experts are to say."""
    rows = rows_of(registry, "triage", 200)
    model = registry.load("triage")
    answers = model.predict(rows_typed(model.card, rows))["value"]
    alike = rows[(answers == "keep").to_numpy()].head(20)
    assert len(alike) == 20
    store = Store.open(app.database)
    score(store, registry, check(store, registry, csv_of(alike)))
    store.close()


def rows_typed(card, rows):
    cases, _ = typed(pa.Table.from_pandas(rows, preserve_index=False), card.case_schema)
    return cases


def freeze(desk, url):
    """The owner's plan: established once four experts said what the model says."""
    desk.goto(f"{url}/Release_decision")
    part(desk, "who_name").locator("input").fill("Olga")
    part(desk, "who_code").locator("input").fill(OWNER_CODE)
    button(desk, "who_start").click()
    target = part(desk, "plan_target").locator("input")
    expect(target).to_have_value("90")
    target.fill("40")
    desk.get_by_role("radio", name="All cases alike").click()
    settle(desk)
    part(desk, "plan_experts").locator("textarea").fill("\n".join(PANEL))
    button(desk, "plan_freeze").click()
    expect(part(desk, "release_open")).to_contain_text("No answer yet of 20 cases")


def links(desk):
    """A link for each expert, by pressing the button that offers the next one."""
    addresses = {}
    for name in PANEL:
        desk.get_by_role("button", name=f"Make the link of {name}").click()
        text = part(desk, "people_text").locator("code").first
        expect(text).to_contain_text(f"Hello {name},")
        code = part(desk, "people_to_send").locator("code").first
        addresses[name] = code.inner_text().strip()
        button(desk, "people_text_done").click()
        expect(part(desk, "people_to_send")).to_have_count(0)
    return addresses


def choose(page):
    """Say what is right, which is one tap."""
    page.get_by_role("radio", name="Keep here").click()
    settle(page)


def lock(page):
    button(page, "queue_lock").click()
    expect(part(page, "queue_reveal")).to_contain_text("The model says")


def test_a_plan_is_frozen_answered_by_three_experts_and_established(
    owners_code, own_app, visitor, registry
):
    sure_pool(own_app, registry)
    desk = visitor(viewport={"width": 1280, "height": 900})
    freeze(desk, own_app.url)
    address = links(desk)

    ada = visitor(viewport={"width": 1280, "height": 900})
    ada.goto(address["Ada"])
    button(ada, "queue_lock").wait_for()
    expect(part(ada, "queue_reveal")).to_have_count(0)
    choose(ada)
    elsewhere = visitor(viewport=PHONE)
    elsewhere.goto(address["Ada"])
    chosen = elsewhere.get_by_role("radio", name="Keep here")
    expect(chosen).to_be_checked()
    lock(elsewhere)
    button(elsewhere, "verdict_next").click()
    button(elsewhere, "queue_lock").wait_for()

    bob = visitor(viewport=PHONE)
    bob.goto(address["Bob"])
    button(bob, "queue_lock").wait_for()
    taps = [
        bob.get_by_role("radio", name="Keep here"),
        bob.get_by_role("radio", name="Certain"),
        button(bob, "queue_lock"),
        button(bob, "verdict_next"),
    ]
    assert len(taps) <= 4
    for tap in taps:
        tap.click()
        settle(bob)
    expect(bob.get_by_text("1 case done by you")).to_be_visible()
    expect(part(desk, "release_open")).to_contain_text("2 answers, agrees with the experts")

    cyd = visitor(viewport={"width": 1280, "height": 900})
    cyd.goto(address["Cyd"])
    button(cyd, "queue_lock").wait_for()
    choose(cyd)
    lock(cyd)
    choose(elsewhere)
    lock(elsewhere)
    expect(part(desk, "release_established")).to_contain_text("Established")
    expect(part(desk, "release_established")).to_contain_text("4 answers, agrees")

    expect(part(desk, "release_terms")).to_be_visible()
    expect(desk.locator(".st-key-plan_freeze, .st-key-plan_target")).to_have_count(0)
    expect(desk.locator('[data-testid="stNumberInput"]')).to_have_count(0)
    desk.set_viewport_size(PHONE)
    for scheme in ("light", "dark"):
        desk.emulate_media(color_scheme=scheme)
        still(desk)
        assert unreadable(desk, 390) == []
    rows = stored(own_app, "SELECT expert, mode, blind_value FROM verdicts ORDER BY rowid")
    assert [row["expert"] for row in rows] == ["Ada", "Bob", "Cyd", "Ada"]
    assert {(row["mode"], row["blind_value"]) for row in rows} == {("blind", '"keep"')}
    expect(alert(desk, "incident")).to_have_count(0)
