"""Judging by keys in a real browser: what presses a button, what does not, and where focus goes."""

import json
import re
from urllib.parse import quote

import pytest
from browsing import at_length, button, field, part, predict, settle, still, stored
from builders import csv_of, rows_of
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

PRINTED = "button => getComputedStyle(button, '::after').content"
AGREE = "document.querySelector('.st-key-verdict_agree button')"
FIRST_CHOICE = "document.querySelector('.st-key-verdict_correct button')"
LETTERS = "aAdDuUnNlLhHsS123"
ROWS = 50


@pytest.fixture
def name(request):
    return request.node.name[-60:]


@pytest.fixture
def open_case(app, page, name):
    """Opens Single prediction for a model, in a browser that knows the name."""

    def open_(model="triage", page=page):
        memory = {"name": "second_opinion", "value": quote(json.dumps({"name": name}))}
        page.context.add_cookies([{**memory, "url": app.url}])
        page.goto(f"{app.url}/Single_prediction?model={model}")
        button(page, "predict_submit").wait_for()
        return page

    return open_


def verdicts(app, name):
    rows = stored(app, "SELECT judgement FROM verdicts WHERE expert = ? ORDER BY rowid", name)
    return [row["judgement"] for row in rows]


def wait_for_answer(page):
    """The keyboard is on the answer, which screen readers follow."""
    page.locator(".st-key-model_answer[role=status]:focus").wait_for()


def wait_for_letters(page):
    """The letters stand on the buttons: from then on they press them."""
    page.wait_for_function(f"() => ({PRINTED})({AGREE}).startsWith('\"A')")


def wait_for_digits(page):
    """The digits stand on the answers to choose from."""
    page.locator(".st-key-verdict_correct button").first.wait_for()
    page.wait_for_function(f"() => ({PRINTED})({FIRST_CHOICE}).includes('counter')")


def test_the_keyboard_goes_to_the_answer_and_enter_agrees_with_nothing(app, open_case, name):
    page = open_case()
    expect(part(page, "model_answer")).to_have_role("status")
    button(page, "predict_submit").focus()
    page.keyboard.press("Enter")
    wait_for_answer(page)
    expect(part(page, "model_answer")).to_contain_text("% sure")
    page.keyboard.press("Enter")
    page.keyboard.press("Space")
    settle(page)
    assert verdicts(app, name) == []
    page.keyboard.press("a")
    part(page, "verdict_saved").wait_for()
    assert verdicts(app, name) == ["agree"]


def test_two_keys_judge_a_case_and_bring_the_next(app, open_case, name):
    page = open_case()
    predict(page)
    for _ in range(3):
        wait_for_answer(page)
        wait_for_letters(page)
        page.keyboard.press("a")
        part(page, "verdict_next").wait_for()
        page.keyboard.press("n")
        part(page, "verdict_buttons").wait_for()
    assert verdicts(app, name) == ["agree"] * 3


@pytest.mark.parametrize(
    ("model", "keys", "said"),
    [
        ("triage", ["d", "Enter"], "disagree"),
        ("iris", ["d", "2", "Enter"], "disagree"),
        ("risk", ["l"], "disagree"),
        ("risk", ["h"], "disagree"),
        ("risk", ["a"], "agree"),
    ],
)
def test_a_key_says_what_its_button_says(app, open_case, name, model, keys, said):
    page = open_case(model)
    predict(page)
    wait_for_answer(page)
    wait_for_letters(page)
    for key in keys:
        if key == "2":
            wait_for_digits(page)
        if key == "Enter":
            page.locator(".st-key-verdict_save button:focus").wait_for()
        page.keyboard.press(key)
        still(page)
    if "Enter" not in keys and not part(page, "verdict_saved").is_visible():
        button(page, "verdict_save").click()
    part(page, "verdict_saved").wait_for()
    assert verdicts(app, name) == [said]


def test_letters_that_are_typed_judge_nothing(app, open_case, name):
    """Into a number, a list, the JSON, a comment and the name: they are text there."""
    page = open_case()
    predict(page)
    wait_for_answer(page)
    field(page, "pulse").focus()
    page.keyboard.type(LETTERS)
    page.keyboard.press("Escape")
    part(page, "predict_field_region").locator("input").click()
    page.keyboard.type(LETTERS)
    page.keyboard.press("Escape")
    field(page, "note").focus()
    page.keyboard.type(LETTERS)
    settle(page)
    assert verdicts(app, name) == []

    page = open_case()
    predict(page)
    wait_for_answer(page)
    part(page, "predict_tab").get_by_text("JSON").click()
    area = part(page, "predict_json").locator("textarea")
    area.focus()
    page.keyboard.press("Control+End")
    page.keyboard.type("  adun")
    settle(page)
    assert area.input_value().endswith("  adun")
    assert verdicts(app, name) == []

    page = open_case()
    predict(page)
    button(page, "verdict_disagree").click()
    comment = part(page, "verdict_comment").locator("textarea")
    comment.focus()
    page.keyboard.type("a d u n")
    settle(page)
    expect(comment).to_have_value("a d u n")
    part(page, "verdict_correct").locator("input").click()
    page.keyboard.type("a d u n")
    page.keyboard.press("Escape")
    settle(page)
    assert verdicts(app, name) == []

    button(page, "who_change").click()
    part(page, "who_name").locator("input").focus()
    page.keyboard.type("a d u n")
    settle(page)
    expect(part(page, "who_name").locator("input")).to_have_value("a d u n")
    assert verdicts(app, name) == []


@pytest.mark.parametrize("held", ["Control", "Alt", "Meta", "Shift"])
def test_a_letter_with_another_key_judges_nothing(app, open_case, name, held):
    page = open_case()
    predict(page)
    wait_for_answer(page)
    page.keyboard.press(f"{held}+d")
    settle(page)
    expect(part(page, "verdict_save")).to_have_count(0)


def test_a_letter_that_is_held_down_judges_once(app, open_case, name):
    page = open_case()
    predict(page)
    wait_for_answer(page)
    wait_for_letters(page)
    for _ in range(5):
        page.keyboard.down("a")
    part(page, "verdict_saved").wait_for()
    settle(page)
    assert verdicts(app, name) == ["agree"]


def test_what_is_half_said_is_not_replaced_by_a_letter(app, open_case, name):
    page = open_case()
    predict(page)
    wait_for_answer(page)
    wait_for_letters(page)
    page.keyboard.press("d")
    part(page, "verdict_save").wait_for()
    page.keyboard.press("a")
    settle(page)
    assert verdicts(app, name) == []
    page.keyboard.press("u")
    part(page, "verdict_correct").wait_for(state="detached")


def test_the_letters_are_printed_until_they_are_turned_off(app, open_case, name):
    """This browser keeps it, also over a visit."""
    page = open_case()
    predict(page)
    agree = button(page, "verdict_agree")
    wait_for_letters(page)
    expect(page.get_by_role("button", name="✓ Agree", exact=True)).to_have_count(1)
    page.get_by_role("switch", name="Keys A, D, U and N").uncheck()
    assert agree.evaluate(PRINTED) == "none"
    page.keyboard.press("a")
    page.reload()
    predict(page)
    wait_for_answer(page)
    page.keyboard.press("a")
    settle(page)
    assert verdicts(app, name) == []
    page.get_by_role("switch").check()
    wait_for_letters(page)
    page.keyboard.press("a")
    part(page, "verdict_saved").wait_for()


def test_no_letter_is_printed_where_there_is_no_keyboard(app, visitor, open_case, name):
    phone = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
    page = open_case(page=visitor(**phone))
    predict(page)
    assert button(page, "verdict_agree").evaluate(PRINTED) == "none"
    expect(page.get_by_role("switch")).to_have_count(0)


def test_all_buttons_of_a_verdict_weigh_the_same(app, open_case, name):
    page = open_case()
    predict(page)
    page.mouse.move(0, 0)
    looks = "b => JSON.stringify([getComputedStyle(b).backgroundColor, getComputedStyle(b).color])"
    buttons = part(page, "verdict_buttons").locator("button")
    assert buttons.count() == 3
    assert len({buttons.nth(at).evaluate(looks) for at in range(3)}) == 1


def test_change_shows_what_was_said_among_all_and_leaves_it_on_cancel(app, open_case, name):
    page = open_case("iris")
    predict(page)
    wait_for_answer(page)
    wait_for_letters(page)
    page.keyboard.press("d")
    part(page, "verdict_correct").locator("button").first.click()
    button(page, "verdict_save").click()
    button(page, "verdict_change").click()
    page.get_by_text("So far you disagree").wait_for()
    for words in ("✓ Agree", "✕ Disagree (chosen)", "? Unsure"):
        expect(page.get_by_role("button", name=words, exact=True)).to_have_count(1)
    expect(part(page, "verdict_correct").locator("button[aria-checked=true]")).to_have_count(1)
    button(page, "verdict_cancel").click()
    part(page, "verdict_saved").wait_for()
    assert verdicts(app, name) == ["disagree"]


# --- fifty rows of a batch


@pytest.fixture
def batch(app, page, open_case, registry, name, tmp_path):
    """A scored batch of fifty rows in the memory of this browser: its id."""
    path = tmp_path / "march.csv"
    path.write_bytes(csv_of(rows_of(registry, "triage", ROWS)))
    open_case()
    page.goto(f"{app.url}/Batch_upload?model=triage")
    part(page, "batch_file").locator("input[type=file]").set_input_files(path)
    button(page, "batch_score").click()
    part(page, "batch_table").wait_for(timeout=60_000)
    settle(page)
    return re.search("batch=([0-9a-f]{32})", page.url)[1]


def said_of(app, batch):
    """What stands of each row now, by its number."""
    rows = stored(
        app,
        "SELECT row_number, judgement FROM current_verdicts JOIN predictions"
        " ON predictions.id = prediction_id WHERE batch_id = ?",
        batch,
    )
    return {row["row_number"]: row["judgement"] for row in rows}


# By row, all kinds again and again.
PLAN = {
    row: ("agree", "disagree", "unsure", "agree", "agree")[row % 5] for row in range(1, ROWS + 1)
}


@pytest.mark.slow
def test_fifty_rows_are_judged_by_keys_without_a_click(app, page, batch):
    page.goto(f"{app.url}/Batch_upload?batch={batch}&row=next")
    for row, kind in PLAN.items():
        page.get_by_role("heading", name=f"Row {row}", exact=True).wait_for()
        part(page, "verdict_buttons").wait_for()
        wait_for_answer(page)
        page.keyboard.press(kind[0])
        if kind == "disagree":
            page.locator(".st-key-verdict_save button:focus").wait_for()
            page.keyboard.press("Enter")
        if kind == "unsure":
            page.locator(".st-key-verdict_comment textarea:focus").wait_for()
            page.keyboard.type("an X-ray and u")
            page.keyboard.press("Tab")
            page.locator(".st-key-verdict_save button:focus").wait_for()
            page.keyboard.press("Enter")
        part(page, "verdict_saved").wait_for()
        page.keyboard.press("n")
    part(page, "judge_progress").get_by_text(f"{ROWS} of {ROWS} rows judged by you").wait_for()
    assert said_of(app, batch) == PLAN


@pytest.mark.slow
@at_length
def test_fifty_rows_are_judged_by_what_controls_are_and_are_called(app, page, batch):
    """As somebody does who hears the page."""
    page.goto(app.url)
    page.get_by_role("link", name="Judge the next row of march.csv").click()
    words = {"agree": "✓ Agree", "disagree": "✕ Disagree", "unsure": "? Unsure"}
    for row, kind in PLAN.items():
        page.get_by_role("heading", name=f"Row {row}", exact=True).wait_for()
        expect(page.get_by_role("status").filter(has_text="% sure")).to_have_count(1)
        page.get_by_role("button", name=words[kind], exact=True).click()
        if kind == "unsure":
            asked = page.get_by_role("textbox", name="What would you need to know?")
            asked.fill("an X-ray")
        if kind != "agree":
            page.get_by_role("button", name="Save verdict", exact=True).click()
        if row < ROWS:
            page.get_by_role("button", name="Next case", exact=True).click()
    page.get_by_text(f"{ROWS} of {ROWS} rows judged by you").wait_for()
    assert said_of(app, batch) == PLAN
