"""In a real browser: what is refused is said at the button that was pressed, on every page."""

import json
import sqlite3
from contextlib import closing
from urllib.parse import quote

import pytest
from browsing import App, button, field, part, predict, still, unfold
from builders import csv_of, judged, rows_of
from playwright.sync_api import expect

from second_opinion import Registry
from second_opinion.models import aliases
from second_opinion.records.expert import Expert
from second_opinion.store import Store

pytestmark = pytest.mark.browser
# So far, in pixels, a message may stand from its button: both are seen at one glance.
NEAR = 120
OWNER = Expert("Olga", role="owner")
SORRY = "not your doing"


@pytest.fixture
def app(tmp_path, models):
    """A running app with verdicts, a conflict, and an alias that was moved before."""
    app = App(tmp_path, models)
    store, registry = Store.open(app.database), Registry(models)
    with closing(store):
        judged(models, store)
        aliases.promote(registry, store, "triage/2", alias="night", reason="", by=OWNER)
        aliases.promote(registry, store, "triage/1", alias="night", reason="", by=OWNER)
    try:
        yield app.start()
    finally:
        app.stop()


@pytest.fixture
def visit(app, visitor):
    page = visitor(viewport={"width": 1280, "height": 1000})
    memory = {"name": "second_opinion", "value": quote(json.dumps({"name": "Cleo"}))}
    page.context.add_cookies([{**memory, "url": app.url}])
    return page


def run(app, statements):
    with closing(sqlite3.connect(app.database, timeout=30)) as connection:
        for statement in statements(connection):
            connection.execute(statement)
        connection.commit()


def refuse(app):
    """From here on the database takes nothing, as on a disk that is full."""
    run(
        app,
        lambda connection: [
            f"CREATE TRIGGER refused_{name}_{what} BEFORE {what} ON {name} "
            "BEGIN SELECT RAISE(ABORT, 'refused by the test'); END"
            for (name,) in connection.execute(
                "SELECT name FROM pragma_table_list"
                # Who is here is noted when a page opens, in a commit that is counted.
                " WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
                " AND name NOT IN ('visits', 'database_identity')"
            ).fetchall()
            for what in ("INSERT", "UPDATE", "DELETE")
        ],
    )


def allow(app):
    run(
        app,
        lambda connection: [
            f"DROP TRIGGER {name}"
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'refused_%'"
            ).fetchall()
        ],
    )


def distance(pressed, message):
    """How many pixels lie between two boxes, the larger of across and down."""
    down = max(
        message["y"] - pressed["y"] - pressed["height"],
        pressed["y"] - message["y"] - message["height"],
    )
    across = max(
        message["x"] - pressed["x"] - pressed["width"],
        pressed["x"] - message["x"] - message["width"],
    )
    return max(down, across, 0)


def messages(page):
    return page.locator("[role=alert]", has_text=SORRY).locator("visible=true")


def refused(page, pressed):
    """Press a button that is refused; how far from it the message stands."""
    expect(messages(page)).to_have_count(0)
    pressed.click()
    message = messages(page)
    expect(message).to_have_count(1)
    still(page)
    return distance(pressed.bounding_box(), message.bounding_box())


def by_key(page, *keys):
    """How far from each of these buttons its message stands; each is pressed in its turn."""
    far = {}
    for key in keys:
        far[key] = refused(page, button(page, key))
        page.reload()
        still(page)
    return {key: pixels for key, pixels in far.items() if pixels > NEAR}


def test_what_is_refused_on_a_case_or_a_batch_is_said_at_the_button(app, visit, registry, tmp_path):
    page = visit
    page.goto(f"{app.url}/Single_prediction?model=triage")
    predict(page)
    still(page)
    refuse(app)
    assert refused(page, button(page, "verdict_agree")) <= NEAR
    field(page, "pulse").fill("91.5")
    field(page, "pulse").press("Tab")
    still(page)
    assert refused(page, button(page, "predict_submit")) <= NEAR
    allow(app)

    path = tmp_path / "march.csv"
    path.write_bytes(csv_of(rows_of(registry, "triage", 40)))
    page.goto(f"{app.url}/Batch_upload?model=triage")
    part(page, "batch_file").locator("input[type=file]").set_input_files(path)
    button(page, "batch_score").wait_for()
    still(page)
    refuse(app)
    assert by_key(page, "batch_score", "batch_fix") == {}
    allow(app)
    button(page, "batch_score").click()
    part(page, "batch_table").wait_for(timeout=60_000)
    still(page)
    refuse(app)
    row = page.get_by_role("button", name="Agree, row 30", exact=True)
    row.scroll_into_view_if_needed()
    assert refused(page, row) <= NEAR
    allow(app)
    row.click()
    expect(messages(page)).to_have_count(0)


def test_what_is_refused_on_models_and_in_the_review_is_said_at_the_button(app, visit):
    page = visit
    page.goto(f"{app.url}/Models?model=triage/2")
    part(page, "models_aliases").wait_for()
    still(page)
    refuse(app)
    far = by_key(page, "models_promote")
    for fold, key in (
        ("Share new cases", "models_split"),
        ("Edit what people", "models_edit_save"),
    ):
        unfold(page, fold)
        if key == "models_edit_save":
            page.get_by_label("Title", exact=True).fill("Another title")
        far[key] = refused(page, button(page, key))
        page.reload()
        still(page)
    part(page, "models_alias").locator("input").click()
    page.get_by_role("option", name="night", exact=True).click()
    still(page)
    far["models_rollback"] = refused(page, button(page, "models_rollback"))

    page.goto(f"{app.url}/Feedback_review?model=triage")
    part(page, "review_section").wait_for()
    still(page)
    page.get_by_role("button", name="Open the case, row 1", exact=True).click()
    button(page, "review_triage").wait_for()
    still(page)
    far["review_triage"] = refused(page, button(page, "review_triage"))
    assert {key: pixels for key, pixels in far.items() if pixels > NEAR} == {}
