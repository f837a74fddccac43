"""What strangers write stays text, in a real browser: hundreds of texts through every way in."""

import csv
import io
import json
from urllib.parse import quote, urlsplit

import pandas as pd
import pytest
from browsing import App, alert, button, downloaded, field, part, predict, settle, stored
from builders import ROOT
from hostile_texts import ALONE, HALVES, MARKUP, TEXTS

from second_opinion import Registry
from second_opinion.records.verdict import COMMENT_LIMIT
from second_opinion.tables import read_export

pytestmark = [pytest.mark.browser, pytest.mark.slow]
WORDS = ("section", "case", "batch", "expert", "judgement", "words", "since", "prediction")
PAGES = ["", *sorted(path.stem.split("_", 1)[1] for path in ROOT.glob("pages/*.py"))]
NAME = "![i](//evil.example/i) [l](//evil.example) :red[boldly] $x^2$ :smile: *boldly*"
LEVELS = [text for text in MARKUP if "\n" not in text]

# What text may never become. Whatever a text of ours would set or fetch names evil or boldly.
MADE_OF_TEXT = """() => {
  const made = []
  const places = ["href", "src", "srcset", "xlink:href", "action", "style", "onerror", "onload"]
  function look(root) {
    for (const element of root.querySelectorAll("*")) {
      if (element.shadowRoot) look(element.shadowRoot)
      const tag = element.tagName.toLowerCase()
      const says = place => element.getAttribute(place) ?? ""
      if (places.some(place => /evil|javascript:/.test(says(place)))) made.push(element.outerHTML)
      if (!element.closest("svg") && element.textContent.trim() === "boldly")
        made.push(element.outerHTML)
      if (["iframe", "object", "embed", "video"].includes(tag)) made.push(element.outerHTML)
      if (tag === "script" && !element.src) {
        if (/evil/.test(element.textContent)) made.push(element.outerHTML)
      }
      if (tag === "a" && element.closest('[data-testid="stMain"]') && !element.closest(
        '[data-testid="stPageLink"]')) made.push(element.outerHTML)
      if (tag === "img" && !element.closest("header, [data-testid=stSidebar]"))
        made.push(element.outerHTML)
    }
  }
  look(document)
  for (const element of document.querySelectorAll(".katex, math")) made.push(element.outerHTML)
  return made
}"""


def packed(texts, most):
    """As many of the texts as go into a field, a line each."""
    lines, length = [], 0
    for text in texts:
        length += len(text) + 1
        if length > most:
            break
        lines.append(text)
    return "\n".join(lines)


def assert_stays_text(page):
    settle(page)
    made = page.evaluate(MADE_OF_TEXT)
    assert not made, "\n".join(html[:300] for html in made[:10])


@pytest.fixture(scope="module")
def strange_models(tmp_path_factory, training):
    """A model whose levels, classes and labels are all of that kind."""
    from sklearn.compose import ColumnTransformer
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    cases, _ = training
    sort = [LEVELS[at % len(LEVELS)] for at in range(len(cases))]
    X = cases[["pulse", "note"]].assign(sort=sort)
    y = pd.Series([LEVELS[at % 5] for at in range(len(cases))])
    columns = ColumnTransformer(
        [
            ("number", StandardScaler(), ["pulse"]),
            ("levels", OneHotEncoder(), ["sort"]),
            ("words", TfidfVectorizer(max_features=5), "note"),
        ]
    )
    registry = Registry(tmp_path_factory.mktemp("strange") / "model")
    labels = {value: f"{value} {LEVELS[-at]}" for at, value in enumerate(sorted(set(y)), 1)}
    card = {
        "intended_use": packed(MARKUP, 3000),
        "limits": packed(MARKUP[::-1], 3000),
        "target": {"description": LEVELS[1]},
        "classes": [{"value": value, "label": label} for value, label in labels.items()],
        "features": {
            "pulse": {"label": LEVELS[3], "unit": LEVELS[4], "description": LEVELS[5]},
            "sort": {"label": LEVELS[12]},
        },
    }
    model = make_pipeline(columns, LogisticRegression(max_iter=200)).fit(X, y)
    registry.add(model, X, y, name="strange", title=LEVELS[0], card=card)
    return registry.folder


@pytest.fixture(scope="module")
def strange_app(tmp_path_factory, strange_models):
    app = App(tmp_path_factory.mktemp("app"), strange_models)
    try:
        yield app.start()
    finally:
        app.stop()


@pytest.fixture
def visit(strange_app, visitor):
    """A visitor under a name of that kind; nothing leaves this machine, and no error is ours."""
    page, hosts, before = visitor(), set(), len(strange_app.said())
    page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
    page.on("websocket", lambda socket: hosts.add(urlsplit(socket.url).hostname))
    memory = {"name": "second_opinion", "value": quote(json.dumps({"name": NAME}))}
    page.context.add_cookies([{**memory, "url": strange_app.url}])
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    yield page
    assert hosts - {None, ""} == {"127.0.0.1"}
    assert "Traceback" not in strange_app.said(before)


def copied(page):
    """What is in the clipboard after everything on the page was copied."""
    page.evaluate(
        "document.getSelection().selectAllChildren(document.querySelector('[data-testid=stMain]'))"
    )
    page.keyboard.press("Control+c")
    return page.evaluate("navigator.clipboard.readText()")


def test_what_is_typed_into_a_form_and_a_comment_comes_back_as_it_was(strange_app, visit):
    page = visit
    note, comment = packed(TEXTS, 31_000), packed(TEXTS[::-1], COMMENT_LIMIT)
    page.goto(f"{strange_app.url}/Single_prediction?model=strange")
    button(page, "predict_submit").wait_for()
    assert_stays_text(page)
    field(page, "note").fill(note)
    predict(page)
    assert_stays_text(page)
    headline = part(page, "predict_answer").locator("h3").inner_text()
    assert "\u2060" in headline
    assert "\u2060" not in copied(page)
    assert headline.replace("\u2060", "") in copied(page)
    button(page, "verdict_disagree").click()
    part(page, "verdict_comment").locator("textarea").fill(comment)
    button(page, "verdict_save").click()
    part(page, "verdict_saved").wait_for()
    assert_stays_text(page)
    (made,) = stored(strange_app, "SELECT * FROM predictions WHERE source = 'form'")
    (said,) = stored(strange_app, "SELECT * FROM verdicts")
    assert json.loads(made["inputs"])["note"] == note
    assert (said["comment"], said["expert"], made["asked_by"]) == (comment, NAME, NAME)

    page.goto(f"{strange_app.url}/Feedback_review?model=strange&section=files")
    exact = downloaded(page, "review_export")
    part(page, "review_export_safe").locator("label").click()
    settle(page)
    safe = downloaded(page, "review_export")
    for content, form in ((exact, False), (safe, True)):
        (row,) = read_export(content, spreadsheet_safe=form).to_pylist()
        assert (row["comment"], row["expert"]) == (comment, NAME)
        assert json.loads(row["inputs"])["note"] == note


def test_what_is_typed_at_once_stays_though_the_page_is_drawn_anew_meanwhile(strange_app, visit):
    """The browser says once that the fields are drawn; the answer to that is held back here."""
    page, held, heard = visit, [], []

    def pass_on(browser):
        server = browser.connect_to_server()

        def up(message):
            heard.extend([browser] * (b"seeds_drawn__events" in message))
            server.send(message)

        browser.on_message(up)
        server.on_message(lambda message: (held.append if heard else browser.send)(message))

    page.route_web_socket("**/_stcore/stream", pass_on)
    page.goto(f"{strange_app.url}/Single_prediction?model=strange")
    note = field(page, "note")
    while not heard:
        page.wait_for_timeout(50)
    note.fill("cough")
    button(page, "predict_submit").click()
    (browser,) = heard
    heard.clear()
    for message in held:
        browser.send(message)
    part(page, "verdict_buttons").wait_for()
    settle(page)
    assert note.input_value() == "cough"
    (made,) = stored(strange_app, "SELECT * FROM predictions ORDER BY rowid DESC LIMIT 1")
    assert json.loads(made["inputs"])["note"] == "cough"
    button(page, "verdict_agree").click()
    part(page, "verdict_saved").wait_for()


def test_what_is_typed_as_json_is_read_or_refused_in_words(strange_app, visit):
    page = visit
    page.goto(f"{strange_app.url}/Single_prediction?model=strange")
    part(page, "predict_tab").get_by_text("JSON").click()
    area = part(page, "predict_json").locator("textarea")
    area.wait_for()
    typical = {"pulse": 80.0, "note": "cough", "sort": LEVELS[0]}
    unknown = {text: text for text in ALONE}
    for changed, refusal in (
        (unknown, "is not a field of this model"),
        ({"sort": packed(MARKUP, 3000)}, "sort is"),
        ({"pulse": packed(MARKUP, 3000)}, "expected a number"),
        ({"note": "".join(HALVES)}, "a character that cannot be stored"),
    ):
        area.fill(json.dumps(typical | changed))
        button(page, "predict_submit").click()
        alert(page, refusal).wait_for()
        assert_stays_text(page)
        if changed is unknown:
            text = copied(page)
            assert [level for level in LEVELS if f"{level} is not a field" not in text] == []


def test_a_file_of_such_names_and_cells_is_scored_and_comes_back(strange_app, visit):
    page = visit
    names = [text for text in TEXTS if text.strip() == text]
    rows = [
        ["80", TEXTS[-at - 1], LEVELS[at % len(LEVELS)], *(TEXTS[at:] + TEXTS[:at])[: len(names)]]
        for at in range(len(TEXTS))
    ]
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([["pulse", "note", "sort", *names], *rows])
    page.goto(f"{strange_app.url}/Batch_upload?model=strange")
    page.wait_for_timeout(1000)
    content = text.getvalue().encode()
    name = f"{LEVELS[4]} {LEVELS[22]}.csv"
    file = {"name": name, "mimeType": "text/csv", "buffer": content}
    part(page, "batch_file").locator("input[type=file]").set_input_files(file)
    button(page, "batch_score").wait_for(timeout=30_000)
    assert_stays_text(page)
    button(page, "batch_score").click()
    part(page, "batch_table").wait_for(timeout=60_000)
    assert_stays_text(page)
    assert "\u2060" not in copied(page)
    given = read_export(content, spreadsheet_safe=False)
    for key, form in (("batch_download", False), ("batch_download_safe", True)):
        back = read_export(downloaded(page, key), spreadsheet_safe=form)
        assert back.column_names[: given.num_columns] == given.column_names
        for at in range(given.num_columns):
            assert back.column(at).to_pylist() == given.column(at).to_pylist()


def open_with_such_words(page, app, address, **query):
    """Every word that an address may hold is of that kind, but those given."""
    words = {key: packed(MARKUP[at:], 600) for at, key in enumerate(WORDS)} | query
    page.goto(f"{app.url}/{address}?" + "&".join(f"{k}={quote(v)}" for k, v in words.items()))
    page.locator("h1").first.wait_for()
    assert_stays_text(page)


def test_no_page_makes_more_of_its_address_and_of_what_is_stored(strange_app, visit):
    """After the tests above there is a verdict, a batch and a name of that kind."""
    for at, name in enumerate(PAGES):
        model = "strange" if at else "![i](https://evil.example/i.png)"
        open_with_such_words(visit, strange_app, name, model=model)
    for section in ("verdicts", "figures", "fails", "experts", "conflicts"):
        query = {"model": "strange", "section": section}
        open_with_such_words(visit, strange_app, "Feedback_review", **query)


def test_a_name_of_that_kind_is_taken_as_it_is_or_refused(strange_app, visit):
    page = visit
    page.context.clear_cookies()
    page.goto(f"{strange_app.url}/Single_prediction?model=strange")
    for text in ("<img src=x>", "\u202eevil", "a\u200bb", "W" * 500, "=1\t+1"):
        part(page, "who_name").locator("input").fill(text)
        button(page, "who_start").click()
        settle(page)
        assert_stays_text(page)
    alert(page, "The name is").or_(button(page, "predict_submit")).first.wait_for()


def test_what_would_be_made_of_text_is_seen(page):
    """The look that the tests above take would notice each."""
    for html in (
        '<p><a href="https://evil.example">l</a></p>',
        '<img src="/x.png">',
        '<span style="color: red">boldly</span>',
        '<span class="katex">x</span>',
        "<iframe></iframe>",
        "<script>evil()</script>",
    ):
        page.set_content(f'<main data-testid="stMain">{html}</main>')
        assert page.evaluate(MADE_OF_TEXT), html
