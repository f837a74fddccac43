"""People who use no mouse or no eyes, who need large letters, and who have a phone."""

from importlib.resources import files

import pytest
from browsing import PALE, alert, button, part, predict, settle, still
from builders import OWNER, check, csv_of, judged, rows_of, score

from second_opinion import Registry
from second_opinion.records.invitation import Invitation
from second_opinion.store import Store

pytestmark = pytest.mark.browser
MODEL = "triage"
PHONE = {"width": 390, "height": 844}
# A window of 1280 pixels at 200 %.
ZOOMED = {"width": 640, "height": 500}
DESK = {"width": 1280, "height": 900}
VISITED = {
    "home": "/",
    "case": "/Single_prediction",
    "file": "/Batch_upload",
    "batch": "/Batch_upload",
    "distributions": "/Distributions",
    "features": "/Distributions",
    "verdicts": "/Feedback_review",
    "figures": "/Feedback_review",
    "conflicts": "/Feedback_review",
    "models": "/Models",
    "people": "/People_and_records",
    "links": "/People_and_records",
    "records": "/People_and_records",
    "kept": "/People_and_records",
    "help": "/Help",
}
FAULTS = """async () => (await axe.run(document, { resultTypes: ["violations"] })).violations
  .filter(rule => ["serious", "critical"].includes(rule.impact))
  .flatMap(rule => rule.nodes.map(node => `${rule.id}: ${node.target} ${node.html.slice(0, 200)}`))
"""
# Streamlit's own, each with the reason why it stays.
STREAMLITS = {}


@pytest.fixture(scope="module")
def axe():
    return (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")


@pytest.fixture(scope="module")
def addresses(shared_app, models):
    """The pages with something on each: verdicts, and a scored batch."""
    store, registry = Store.open(shared_app.database), Registry(shared_app.models)
    judged(models, store)
    source = csv_of(rows_of(registry, MODEL, 60))
    batch = score(store, registry, check(store, registry, source, MODEL))
    more = {
        "batch": f"&batch={batch.id}",
        "features": "&part=Features&of=singles",
        "figures": "&section=figures",
        "conflicts": "&section=conflicts",
        "links": "&section=invitations",
        "records": "&section=events",
        "kept": "&section=kept",
    }
    store.invitations.invite(Invitation("Bo", "bo@example.org"), by=OWNER)
    store.close()
    return {
        name: f"{shared_app.url}{path}?model={MODEL}{more.get(name, '')}"
        for name, path in VISITED.items()
    }


@pytest.fixture
def visit(visitor, app):
    """A browser whose person has a name."""
    page = visitor(viewport=DESK)
    page.goto(f"{app.url}/?model={MODEL}")
    part(page, "who_name").locator("input").fill("Ada")
    button(page, "who_start").click()
    button(page, "home_judge").wait_for()
    still(page)
    return page


def faults(page, axe):
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe)
    every = page.evaluate(FAULTS)
    return [one for one in every if not any(one.startswith(own) for own in STREAMLITS)]


def sideways(page, size):
    """By how many pixels the page has to be pushed to be read, at this size of the window."""
    page.set_viewport_size(size)
    still(page)
    return page.evaluate("document.documentElement.scrollWidth") - size["width"]


def test_axe_finds_nothing_serious_on_any_page_in_both_themes_and_on_a_phone(addresses, visit, axe):
    page, every = visit, {}
    for name, address in addresses.items():
        page.set_viewport_size(DESK)
        page.goto(address)
        still(page)
        if name == "case":
            predict(page)
            still(page)
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            still(page)
            every[f"{name} {theme}"] = faults(page, axe)
        page.emulate_media(color_scheme="light")
        every[f"{name} zoomed"] = (
            [f"sideways by {by}"] if (by := sideways(page, ZOOMED)) > 0 else []
        )
        every[f"{name} phone"] = [f"sideways by {by}"] if (by := sideways(page, PHONE)) > 0 else []
        every[f"{name} phone"] += faults(page, axe)
    assert {name: found for name, found in every.items() if found} == {}


def test_the_name_and_its_button_are_above_the_fold_of_a_phone(visitor, app):
    page = visitor(viewport=PHONE)
    page.goto(f"{app.url}/?model={MODEL}")
    button(page, "who_start").wait_for()
    still(page)
    assert button(page, "who_start").bounding_box()["y"] + 40 < PHONE["height"]
    first = page.locator("[data-testid=stMain] input").first
    assert first.get_attribute("aria-label") == "Your name"


def test_the_keyboard_is_seen_in_the_menu_and_a_chosen_segment_under_the_mouse(addresses, visit):
    page = visit
    page.goto(addresses["figures"])
    part(page, "review_section").wait_for()
    still(page)
    chosen = part(page, "review_section").locator("[aria-checked=true]")
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        chosen.hover()
        still(page)
        assert page.evaluate(PALE) == []
    page.locator("[data-testid=stPageLink-NavLink]").first.focus()
    page.keyboard.press("Tab")
    outline = page.evaluate(
        "() => { const style = getComputedStyle(document.activeElement);"
        " return [document.activeElement.dataset.testid, style.outlineStyle, style.outlineWidth] }"
    )
    assert outline == ["stPageLink-NavLink", "solid", "3px"]


def test_what_was_saved_is_said_aloud_and_errors_are_alerts(addresses, visit):
    page = visit
    page.goto(addresses["case"])
    button(page, "predict_submit").wait_for()
    still(page)
    predict(page)
    button(page, "verdict_agree").click()
    part(page, "verdict_saved").wait_for()
    spoken = page.locator("#second-opinion-spoken[role=status]")
    page.wait_for_function(
        "document.getElementById('second-opinion-spoken').textContent.includes('Saved')"
    )
    assert "You agree" in spoken.text_content()
    page.goto(addresses["models"])
    part(page, "models_edit").wait_for()
    still(page)
    part(page, "models_edit").locator("summary").click()
    still(page)
    page.get_by_label("Title", exact=True).fill("")
    button(page, "models_edit_save").click()
    message = alert(page, "title is empty")
    message.wait_for()
    settle(page)
    assert message.get_attribute("role") == "alert" or message.locator("[role=alert]").count()


def test_the_table_of_a_chart_leads_to_its_cases(addresses, visit):
    page = visit
    page.goto(addresses["distributions"])
    part(page, "distributions_predictions_table").wait_for()
    still(page)
    part(page, "distributions_predictions_table").locator("label").first.click()
    box = page.get_by_label("Go to what is behind")
    box.focus()
    page.keyboard.press("ArrowDown")
    page.get_by_role("option").first.wait_for()
    page.keyboard.press("Enter")
    part(page, "distributions_cases").wait_for()
