"""The main job in a real browser: what an expert sees, and what then is in the file."""

import json
import random
import re
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from browsing import (
    WORD_JOINER,
    App,
    alert,
    button,
    field,
    give_name,
    part,
    predict,
    settle,
    still,
    stored,
    unreadable,
)
from builders import HOSTILE, ROOT, THOROUGH
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
ADDRESSES = ["/", *sorted("/" + path.stem.split("_", 1)[1] for path in ROOT.glob("pages/*.py"))]
TEXTS_DRAWN = 2000 if THOROUGH else 250


@pytest.fixture
def name(request):
    """A name that no other test uses: all of them share one database."""
    return re.sub(r"\W+", " ", request.node.name)[-60:].strip()


def open_case(page, app, name, model="triage"):
    """Open the page by a link, in a browser that knows the name from an earlier visit."""
    memory = {"name": "second_opinion", "value": quote(json.dumps({"name": name}))}
    page.context.add_cookies([{**memory, "url": app.url}])
    page.goto(f"{app.url}/Single_prediction?model={model}")
    button(page, "predict_submit").wait_for()


def wait_for_focus(page):
    """The page puts the keyboard on the answer, and moves it into sight."""
    page.locator(".st-key-model_answer:focus").wait_for()
    page.wait_for_timeout(500)


def predictions(app, name):
    return stored(app, "SELECT * FROM predictions WHERE asked_by = ? ORDER BY rowid", name)


def verdicts(app, name):
    return stored(app, "SELECT * FROM verdicts WHERE expert = ? ORDER BY rowid", name)


def current(app, name):
    return stored(app, "SELECT * FROM current_verdicts WHERE expert = ?", name)


# --- from a name to a verdict


def test_a_disagreement_is_kept_and_shown_after_a_reload(app, page, name):
    """The verdict names the right answer and why, and hangs on the prediction that was shown."""
    page.goto(f"{app.url}/Single_prediction")
    give_name(page, name)
    field(page, "pulse").fill("61.5")
    predict(page)
    page.get_by_text("Send home").first.wait_for()
    button(page, "verdict_disagree").click()
    part(page, "verdict_comment").locator("textarea").fill("Looks ill to me.")
    button(page, "verdict_save").click()
    part(page, "verdict_saved").get_by_text("Looks ill to me.").wait_for()

    page.reload()
    shown = part(page, "verdict_saved")
    shown.get_by_text("Looks ill to me.").wait_for()
    assert "Saved" in shown.inner_text()
    assert "Keep here" in shown.inner_text()
    expect(field(page, "pulse")).to_have_value("61.5")

    (prediction,) = predictions(app, name)
    (verdict,) = current(app, name)
    assert verdict["prediction_id"] == prediction["id"]
    assert json.loads(prediction["inputs"])["pulse"] == 61.5
    assert json.loads(prediction["value"]) == "home"
    assert (verdict["judgement"], json.loads(verdict["correct_value"])) == ("disagree", "keep")
    assert (verdict["comment"], verdict["severity"]) == ("Looks ill to me.", "minor")
    assert verdict["identity_source"] == "declared"


def click_thrice(page, key, how):
    target = button(page, key)
    target.wait_for()
    if how == "mouse":
        target.click(click_count=3, delay=0)
    else:
        target.evaluate("button => { button.click(); button.click(); button.click() }")


@pytest.mark.parametrize("what", ["verdict_save", "verdict_agree"])
@pytest.mark.parametrize("how", ["script", "mouse"])
def test_three_fast_clicks_make_one_row(app, page, name, what, how):
    open_case(page, app, name)
    click_thrice(page, "predict_submit", how)
    part(page, "verdict_buttons").wait_for()
    settle(page)
    assert len(predictions(app, name)) == 1

    if what == "verdict_save":
        button(page, "verdict_disagree").click()
    click_thrice(page, what, how)
    part(page, "verdict_saved").wait_for()
    settle(page)
    assert len(predictions(app, name)) == 1
    assert len(verdicts(app, name)) == 1

    click_thrice(page, "verdict_next", how)
    part(page, "verdict_buttons").wait_for()
    settle(page)
    assert len(predictions(app, name)) == 2
    assert len(verdicts(app, name)) == 1


def test_agreeing_takes_one_click(app, page, name):
    open_case(page, app, name)
    predict(page)
    button(page, "verdict_agree").click()
    part(page, "verdict_saved").wait_for()
    assert [row["judgement"] for row in current(app, name)] == ["agree"]


def test_agreeing_takes_one_key(app, page, name):
    """Not Enter, which a person may press once too often."""
    open_case(page, app, name)
    button(page, "predict_submit").focus()
    page.keyboard.press("Enter")
    wait_for_focus(page)
    page.keyboard.press("Enter")
    page.keyboard.press("a")
    part(page, "verdict_saved").wait_for()
    assert [row["judgement"] for row in current(app, name)] == ["agree"]


def test_the_key_that_opens_disagree_does_not_agree(app, page, name):
    open_case(page, app, name)
    predict(page)
    wait_for_focus(page)
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(button(page, "verdict_disagree")).to_be_focused()
    page.keyboard.press("Enter")
    button(page, "verdict_save").wait_for()
    settle(page)
    assert verdicts(app, name) == []


def test_a_changed_mind_and_an_undo_are_new_rows(app, page, name):
    open_case(page, app, name)
    predict(page)
    button(page, "verdict_agree").click()
    button(page, "verdict_change").click()
    button(page, "verdict_disagree").click()
    button(page, "verdict_save").click()
    part(page, "verdict_saved").get_by_text("disagree").wait_for()
    button(page, "verdict_undo").click()
    button(page, "verdict_agree").wait_for()

    rows = verdicts(app, name)
    assert [row["judgement"] for row in rows] == ["agree", "disagree", "withdrawn"]
    assert [row["supersedes"] for row in rows] == [None, rows[0]["id"], rows[1]["id"]]
    assert current(app, name) == []


# --- a verdict belongs to the case that was predicted


def test_a_changed_field_closes_the_panel_until_the_case_is_predicted_again(app, page, name):
    open_case(page, app, name)
    predict(page)
    field(page, "age").fill("70")
    field(page, "age").press("Tab")
    alert(page, "The inputs changed").wait_for()
    expect(part(page, "verdict_buttons")).to_have_count(0)

    predict(page)
    button(page, "verdict_agree").click()
    part(page, "verdict_saved").wait_for()
    (verdict,) = current(app, name)
    first, second = predictions(app, name)
    assert verdict["prediction_id"] == second["id"] != first["id"]
    assert json.loads(second["inputs"])["age"] == 70


@pytest.mark.parametrize("late", ["NumberInput", "DateInput", "ButtonGroup"])
def test_a_click_before_the_fields_are_drawn_loses_none_of_their_values(app, page, name, late):
    """Streamlit fetches the code of each kind of widget when one is first shown."""

    held = []
    page.route(f"**/static/js/{late}.*.js", lambda route: held.append(route))
    open_case(page, app, name)
    button(page, "predict_submit").click()
    part(page, "verdict_buttons").wait_for()
    settle(page)
    assert held
    for route in held:
        route.continue_()
    field(page, "age").wait_for()
    settle(page)
    button(page, "verdict_agree").click()
    part(page, "verdict_saved").wait_for()
    (prediction,) = predictions(app, name)
    assert field(page, "age").input_value() == str(json.loads(prediction["inputs"])["age"])
    expect(alert(page, "The inputs changed")).to_have_count(0)


@pytest.mark.parametrize("what", ["verdict_agree", "verdict_save"])
def test_a_field_that_is_still_typed_in_is_not_judged(app, page, name, what):
    """The click leaves the field, and is not taken for a verdict on the case before."""
    open_case(page, app, name)
    predict(page)
    if what == "verdict_save":
        button(page, "verdict_disagree").click()
    button(page, what).wait_for()
    field(page, "age").fill("70")
    button(page, what).click()
    alert(page, "The inputs changed").wait_for()
    settle(page)
    assert verdicts(app, name) == []
    assert len(predictions(app, name)) == 1

    predict(page)
    settle(page)
    expect(page.locator('[data-testid="stAlert"]')).to_have_count(0)


def test_a_field_that_is_still_typed_in_is_predicted(app, page, name):
    open_case(page, app, name)
    field(page, "age").fill("70")
    predict(page)
    (prediction,) = predictions(app, name)
    assert json.loads(prediction["inputs"])["age"] == 70


# --- the JSON tab


def open_json(page):
    part(page, "predict_tab").get_by_text("JSON").click()
    area = part(page, "predict_json").locator("textarea")
    area.wait_for()
    return area


def test_json_is_coloured_and_read_while_it_is_typed(app, page, name):
    open_case(page, app, name)
    area = open_json(page)
    coloured = part(page, "predict_json").locator("pre span")
    assert {"name", "text", "number", "word"} == {
        coloured.nth(at).get_attribute("class") for at in range(coloured.count())
    }
    good = area.input_value()
    colours = coloured.evaluate_all("spans => spans.map(span => getComputedStyle(span).color)")
    assert len(set(colours)) == 4

    area.fill(good.replace('"age": 53', '"age": fifty'))
    alert(page, re.compile("Line 4, column")).wait_for(timeout=2000)
    assert area.evaluate("area => area.getRootNode().activeElement === area")
    area.fill(good.replace('"colour"', '"color"'))
    alert(page, "color is not a field of this model; did you mean colour?").wait_for(timeout=2000)

    area.fill(good.replace('"age": 53', '"age": 54'))
    alert(page, "color").wait_for(state="detached", timeout=2000)
    predict(page)
    assert json.loads(predictions(app, name)[0]["inputs"])["age"] == 54


def test_json_that_is_still_typed_in_is_predicted(app, page, name):
    open_case(page, app, name)
    area = open_json(page)
    area.fill(area.input_value().replace('"age": 53', '"age": 71'))
    predict(page)
    assert json.loads(predictions(app, name)[0]["inputs"])["age"] == 71


def test_form_and_json_carry_the_same_case(app, page, name):
    open_case(page, app, name)
    field(page, "age").fill("33")
    area = open_json(page)
    assert json.loads(area.input_value())["age"] == 33
    area.fill(area.input_value().replace('"age": 33', '"age": 44'))
    settle(page)
    part(page, "predict_tab").get_by_text("Form").click()
    expect(field(page, "age")).to_have_value("44")


# --- what strangers write stays text


def assert_nothing_is_set(page):
    """No image, link, formula or bold word was made of text that somebody typed."""
    settle(page)
    main = page.locator('[data-testid="stMain"]')
    expect(main.locator("img, a[href*='//evil'], .katex")).to_have_count(0)
    expect(
        main.locator("b, strong, code").filter(has_text=re.compile("^(bold|code)$"))
    ).to_have_count(0)


def watched(page):
    """The hosts that the page asks, filled as it does so."""
    hosts = set()
    page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
    page.on("websocket", lambda socket: hosts.add(urlsplit(socket.url).hostname))
    return hosts


def test_hostile_text_is_shown_as_it_was_typed(app, page, name):
    """Labels of a card and a comment fetch nothing, and set nothing in bold."""
    hosts = watched(page)
    open_case(page, app, name, model="hostile")
    predict(page)
    assert_nothing_is_set(page)
    headline = part(page, "predict_answer").locator("h3").inner_text()
    assert headline.replace(WORD_JOINER, "") == f"Home {HOSTILE}"
    button(page, "verdict_disagree").click()
    part(page, "verdict_comment").locator("textarea").fill(HOSTILE)
    button(page, "verdict_save").click()
    part(page, "verdict_saved").get_by_text(HOSTILE, exact=True).wait_for()
    assert_nothing_is_set(page)
    (verdict,) = current(app, name)
    assert verdict["comment"] == HOSTILE

    for address in ADDRESSES:
        page.goto(f"{app.url}{address}?model=hostile")
        page.locator("h1").first.wait_for()
        assert_nothing_is_set(page)
    assert hosts - {None, ""} == {"127.0.0.1"}


# Put together at random, these come near to all that Streamlit's markdown knows.
MARKS = [
    *(
        "*",
        "**",
        "_",
        "__",
        "`",
        "```",
        "~",
        "~~",
        "[",
        "]",
        "(",
        ")",
        "{",
        "}",
        "<",
        ">",
        "!",
        "|",
    ),
    *("$", "$$", "\\", "&", "&amp;", "&#42;", "#", "##", "-", "--", "---", "->", "<-", "<->", ">="),
    *(
        "<=",
        "~=",
        "+",
        "1.",
        "2)",
        "=",
        "===",
        ":",
        ":red[",
        ":gray[",
        ":small[",
        ":material/home:",
    ),
    *(
        ":smile:",
        ":streamlit:",
        ":red-background[",
        ":blue-badge[",
        "https://evil.example",
        "http:",
    ),
    *(
        "www.evil.example",
        "a@b.example",
        "mailto:a@b.example",
        "ftp://evil.example",
        "javascript:1",
    ),
    *("[a](https://evil.example)", "![a](https://evil.example/i.png)", "<https://evil.example>"),
    *(
        "<b>",
        "</b>",
        "<img src=x>",
        "<!-- a -->",
        "<br>",
        "- [ ] ",
        "|a|b|\n|-|-|\n",
        "[^1]",
        "^",
        "x",
    ),
    *(
        "word",
        "5",
        "18–90",
        "שלום",
        "\u202e",
        "→",
        " ",
        " ",
        "    ",
        "\t",
        "\n",
        "\n\n",
        "'",
        '"',
        "...",
    ),
]

SHOW = """
import json
from pathlib import Path
import streamlit as st
from second_opinion.ui.frame import escape

for at, text in enumerate(json.loads(Path(__file__).with_name("texts.json").read_text())):
    st.container(key=f"markdown_{at}").markdown(escape(text))
    st.container(key=f"label_{at}").checkbox(escape(text), key=f"box_{at}")
st.container(key="end").checkbox("The *end*")
"""


DRAWN = """count => [...Array(count).keys()].map(at =>
  ["markdown", "label"].map(kind => document.querySelector(`.st-key-${kind}_${at}`).innerText))"""


def as_seen(text):
    """The text without what has no width, blanks as one."""
    return " ".join(text.replace(WORD_JOINER, "").split())


def test_any_text_is_drawn_as_it_was_typed(tmp_path, models, page):
    """Whatever marks it is made of, in running text and in a label."""
    dice = random.Random(8)
    texts = MARKS + ["".join(dice.choices(MARKS, k=dice.randint(2, 9))) for _ in range(TEXTS_DRAWN)]
    (tmp_path / "texts.json").write_text(json.dumps(texts))
    (tmp_path / "show.py").write_text(SHOW)
    app = App(tmp_path, models, script=tmp_path / "show.py")
    hosts = watched(page)
    try:
        app.start()
        page.goto(app.url)
        part(page, "end").locator("em").wait_for(timeout=60_000)
        settle(page)
        drawn = page.evaluate(DRAWN, len(texts))
    finally:
        app.stop()
    wrong = [
        (text, found)
        for text, places in zip(texts, drawn, strict=True)
        for found in places
        if as_seen(found) != as_seen(text)
    ]
    assert not wrong, "\n".join(f"{text!r} became {found!r}" for text, found in wrong[:40])
    assert hosts - {None, ""} == {"127.0.0.1"}


def test_a_name_that_will_not_do_is_refused(app, page):
    page.goto(f"{app.url}/Single_prediction")
    for unusable, said in (("   ", "is empty"), ("<b>Ada</b>", "<"), ("Ada \u202eexe.", "letters")):
        part(page, "who_name").locator("input").fill(unusable)
        button(page, "who_start").click()
        alert(page, "The name is").filter(has_text=said).wait_for()
        settle(page)
        expect(page.locator('[data-testid="stAlert"]')).to_have_count(1)
        expect(part(page, "who_name")).to_have_count(1)


def test_a_name_with_markdown_is_shown_as_it_was_typed(app, page):
    odd = "![x](https://evil.example/a.png) **Ada** $x$ :material/home:"
    hosts = watched(page)
    page.goto(f"{app.url}/Single_prediction")
    give_name(page, odd)
    page.get_by_text(f"You are {odd}", exact=True).wait_for()
    page.reload()
    page.get_by_text(f"You are {odd}", exact=True).wait_for()
    settle(page)
    assert hosts - {None, ""} == {"127.0.0.1"}


# --- whose cases they are


def test_the_name_survives_page_changes_and_a_reload(app, page, name):
    page.goto(f"{app.url}/Single_prediction")
    give_name(page, name)
    for address in ADDRESSES:
        page.goto(app.url + address)
        page.get_by_text(f"You are {name}").wait_for()
    page.locator('[data-testid="stSidebar"] a', has_text="Single prediction").click()
    button(page, "predict_submit").wait_for()
    page.reload()
    button(page, "predict_submit").wait_for()
    expect(part(page, "who_name")).to_have_count(0)


def test_the_next_person_at_the_screen_finds_no_case_of_the_one_before(app, page, name):
    open_case(page, app, name)
    field(page, "age").fill("70")
    predict(page)
    button(page, "who_change").click()
    give_name(page, "Somebody else")
    settle(page)
    expect(field(page, "age")).to_have_value("53")
    expect(part(page, "verdict_buttons")).to_have_count(0)
    expect(part(page, "predict_history")).to_have_count(0)


def test_past_cases_open_again_with_their_verdict(app, page, name):
    open_case(page, app, name)
    predict(page)
    button(page, "verdict_agree").click()
    part(page, "verdict_saved").wait_for()
    field(page, "age").fill("70")
    predict(page)
    past = part(page, "predict_history").locator("button")
    past.nth(1).click()
    part(page, "verdict_saved").wait_for()
    expect(field(page, "age")).to_have_value("53")
    page.reload()
    past.nth(1).wait_for()


def test_the_same_name_in_another_browser_opens_nobodys_cases(app, page, visitor, name):
    open_case(page, app, name)
    predict(page)
    part(page, "predict_history").wait_for()
    other = visitor()
    open_case(other, app, name)
    settle(other)
    expect(part(other, "predict_history")).to_have_count(0)


def test_a_link_to_no_case_is_said_until_something_is_done(app, page, name):
    open_case(page, app, name)
    page.goto(f"{app.url}/Single_prediction?prediction=nothing")
    alert(page, "not in the feedback database").wait_for()
    page.wait_for_timeout(1500)
    expect(page.locator('[data-testid="stAlert"]')).to_have_count(1)
    predict(page)
    settle(page)
    expect(page.locator('[data-testid="stAlert"]')).to_have_count(0)


# --- what may happen to server and file


def test_what_is_saved_survives_the_death_of_the_server(own_app, page, name):
    open_case(page, own_app, name)
    predict(page)
    button(page, "verdict_agree").click()
    part(page, "verdict_saved").wait_for()
    own_app.kill()
    (verdict,) = current(own_app, name)
    (prediction,) = predictions(own_app, name)
    assert (verdict["judgement"], verdict["prediction_id"]) == ("agree", prediction["id"])

    own_app.start()
    page.reload()
    part(page, "verdict_saved").wait_for()


def test_the_page_goes_on_when_the_server_comes_back(own_app, page, name):
    """Without a reload: the name and the case are still there, and can be judged."""
    open_case(page, own_app, name)
    predict(page)
    own_app.kill()
    own_app.start()
    page.locator('[data-testid="stApp"][data-test-connection-state="CONNECTED"]').wait_for(
        state="attached", timeout=30_000
    )
    settle(page)
    button(page, "verdict_agree").click()
    part(page, "verdict_saved").wait_for()
    assert len(current(own_app, name)) == 1
    assert len(predictions(own_app, name)) == 1


def test_a_deleted_database_loses_no_verdict_in_silence(own_app, page, name):
    """The prediction is gone with the file: Agree says so, and the next one is stored again."""
    open_case(page, own_app, name)
    predict(page)
    for path in own_app.folder.glob("feedback.db*"):
        path.unlink()
    button(page, "verdict_agree").click()
    # It moves up with the panel gone, and for a moment stands in both places.
    expect(alert(page, re.compile("predict the case again", re.IGNORECASE))).to_have_count(1)
    settle(page)
    expect(part(page, "verdict_saved")).to_have_count(0)
    expect(part(page, "verdict_buttons")).to_have_count(0)
    predict(page)
    button(page, "verdict_agree").click()
    part(page, "verdict_saved").wait_for()
    assert len(current(own_app, name)) == 1


# --- on a phone, by day and by night


def test_nothing_is_cut_off_on_a_phone_and_all_text_can_be_read(app, visitor, name):
    """Each page, and each state of the panel, at 390 pixels; contrast at least 4.5 to 1."""
    page = visitor(**PHONE)
    faults = {}

    def look(where):
        page.mouse.move(0, 0)
        settle(page)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.wait_for_timeout(300)
            still(page)
            if found := unreadable(page, 390):
                faults[where, scheme] = found

    page.goto(f"{app.url}/Single_prediction")
    part(page, "who_start").wait_for()
    look("name")
    button(page, "who_start").click()
    alert(page, "The name is empty").wait_for()
    look("name refused")
    open_case(page, app, name)
    look("form")
    field(page, "pulse").fill("300")
    predict(page)
    look("answer")
    button(page, "verdict_disagree").click()
    button(page, "verdict_save").wait_for()
    look("disagree")
    button(page, "verdict_save").click()
    part(page, "verdict_saved").wait_for()
    look("saved")
    open_json(page)
    look("JSON")
    for address in ADDRESSES:
        page.goto(app.url + address)
        page.locator("h1").first.wait_for()
        look(address)
    for model in ("customer-churn", "diabetes-progression", "breast-cancer", "hostile"):
        open_case(page, app, name, model)
        predict(page)
        look(model)
    assert not faults, "\n".join(f"{where}: {found}" for where, found in faults.items())


def test_a_phone_needs_at_most_eight_taps_to_a_saved_verdict(app, visitor, name):
    page = visitor(**PHONE)
    taps = 0

    def tap(target):
        nonlocal taps
        target.tap()
        taps += 1

    page.goto(app.url)
    tap(part(page, "who_name").locator("input"))
    page.keyboard.type(name)
    tap(button(page, "who_start"))
    tap(page.get_by_text("Judge a case").first)
    button(page, "predict_submit").wait_for()
    still(page)
    tap(button(page, "predict_submit"))
    wait_for_focus(page)
    tap(button(page, "verdict_agree"))
    part(page, "verdict_saved").wait_for()
    assert taps <= 8
    assert len(current(app, name)) == 1


def test_the_answer_is_in_sight_on_a_phone(app, visitor, name):
    """It stands above the end of the form, and the page moves so that Agree is on the screen."""
    page = visitor(**PHONE)
    open_case(page, app, name)
    predict(page)
    answer, end = part(page, "predict_answer"), part(page, "predict_submit")
    assert answer.bounding_box()["y"] < end.bounding_box()["y"]
    wait_for_focus(page)
    box = part(page, "verdict_agree").bounding_box()
    assert 0 <= box["y"] <= 844 - box["height"]


def test_pages_are_found():
    assert "/Single_prediction" in ADDRESSES
    assert Path(ROOT, "Home.py").exists()
