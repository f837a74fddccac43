"""Judging by keys in a real browser: what presses a button, what does not, and where focus goes."""

import json
from urllib.parse import quote

import pytest
from browsing import button, field, part, predict, settle, stored
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
expect.set_options(timeout=15_000)

PRINTED = "button => getComputedStyle(button, '::after').content"
LETTERS = "aAdDuUnNlLhHsS123"


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
        page.keyboard.press("a")
        part(page, "verdict_next").wait_for()
        page.keyboard.press("n")
        part(page, "verdict_buttons").wait_for()
    assert verdicts(app, name) == ["agree"] * 3


@pytest.mark.parametrize(
    ("model", "keys", "said"),
    [
        ("triage", ["d", "Enter"], "disagree"),
        ("iris", ["d", "2", "Tab"], "disagree"),
        ("risk", ["l"], "disagree"),
        ("risk", ["h"], "disagree"),
        ("risk", ["a"], "agree"),
    ],
)
def test_a_key_says_what_its_button_says(app, open_case, name, model, keys, said):
    page = open_case(model)
    predict(page)
    wait_for_answer(page)
    for key in keys:
        page.keyboard.press(key)
        settle(page)
        page.wait_for_timeout(300)
    if not part(page, "verdict_saved").is_visible():
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
    for _ in range(5):
        page.keyboard.down("a")
    part(page, "verdict_saved").wait_for()
    settle(page)
    assert verdicts(app, name) == ["agree"]


def test_what_is_half_said_is_not_replaced_by_a_letter(app, open_case, name):
    page = open_case()
    predict(page)
    wait_for_answer(page)
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
    assert agree.evaluate(PRINTED).startswith('"A"')
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
    assert agree.evaluate(PRINTED).startswith('"A"')
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
