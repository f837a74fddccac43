"""A batch in a real browser, from file to scored file, whatever happens to tab and server."""

import csv
import io
import sqlite3
import sys
import time
from contextlib import closing

import numpy as np
import psutil
import pytest
import python_calamine
from browsing import (
    App,
    at_length,
    button,
    downloaded,
    give_name,
    part,
    predict,
    settle,
    stored,
    unfold,
)
from playwright.sync_api import expect

from second_opinion.store import batches

pytestmark = [pytest.mark.browser, pytest.mark.slow]
ROWS = 100_000


@pytest.fixture(scope="module")
def cases(training):
    """Rows like those of the training, in the types that the estimator takes."""
    known, _ = training
    rng = np.random.default_rng(3)
    found = known.iloc[rng.integers(0, len(known), ROWS)].reset_index(drop=True)
    # Known throughout: what stands for a missing one is not what this is about.
    pregnant = found["pregnant"].eq(True).astype(object)
    return found.assign(pulse=rng.normal(80, 12, ROWS).round(1), pregnant=pregnant)


@pytest.fixture(scope="module")
def table(cases):
    """The same as the lines of a file, with a column of our own that has all that CSV knows."""
    ours = [f'row {at}, "of ours"' if at % 3 else f"row {at}" for at in range(len(cases))]
    text = io.StringIO()
    cases.assign(ours=ours).to_csv(text, index=False, date_format="%Y-%m-%d", lineterminator="\r\n")
    return text.getvalue().splitlines()


@pytest.fixture(scope="module")
def broken(table):
    """The file with twenty broken lines, and their numbers in the file, the header being 1."""
    lines = list(table)
    places = list(range(50, ROWS, ROWS // 20))[:20]
    for at, place in enumerate(places):
        cells = lines[place].split(",", 3)
        lines[place] = [
            ",".join([cells[0], cells[1], "old", cells[3]]),
            ",".join(["inf", *cells[1:]]),
            ",".join(cells[:3]),
            f"{lines[place]},and more",
        ][at % 4]
    return lines, [place + 1 for place in places]


def write(path, lines):
    path.write_text("\r\n".join(lines) + "\r\n", "utf-8", newline="")
    return path


def visit(page, app, name, **query):
    link = "&".join(f"{key}={value}" for key, value in ({"model": "triage"} | query).items())
    page.goto(f"{app.url}/Batch_upload?{link}")
    # A server that has just started answers its first visitor slowly on a busy machine.
    part(page, "who_name").locator("input").fill(name, timeout=60_000)
    button(page, "who_start").click()


def choose(page, path):
    part(page, "batch_file").locator("input[type=file]").set_input_files(path)
    button(page, "batch_score").wait_for(timeout=60_000)


def score(page, path):
    choose(page, path)
    button(page, "batch_score").click()
    part(page, "batch_progress").or_(part(page, "batch_table")).first.wait_for()


def progress(app, batch_id):
    (row,) = stored(app, "SELECT * FROM batches WHERE id = ?", batch_id)
    return row


def wait_for_share(app, batch_id, share):
    deadline = time.monotonic() + 60
    while (row := progress(app, batch_id))["rows_done"] < share * row["rows"]:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return row


def done(page):
    part(page, "batch_table").wait_for(timeout=120_000)


def id_of(page):
    return page.url.split("batch=")[1].split("&")[0]


def parsed(text):
    return list(csv.reader(io.StringIO(text, newline="")))


def check_download(page, lines, bad, cases, estimator):
    """Every cell is the upload's, and every prediction the estimator's own."""
    found = parsed(downloaded(page, "batch_download").decode())
    given = parsed("\r\n".join(lines) + "\r\n")
    good = [row for line, row in enumerate(given, 1) if line not in bad]
    columns = len(given[0])
    assert [row[:columns] for row in found] == good
    kept = np.setdiff1d(np.arange(len(cases)), np.array(bad, dtype=int) - 2)
    answers = estimator.predict(cases.iloc[kept])
    assert found[0][columns:] == ["prediction", "confidence", "flags"]
    assert [row[columns] for row in found[1:]] == [str(answer) for answer in answers]


def test_a_large_file_from_upload_to_download_past_closed_tab_and_restart(
    own_app, visitor, tmp_path, broken, cases, triage
):
    lines, bad = broken
    page = visitor()
    visit(page, own_app, "Ada")
    choose(page, write(tmp_path / "march.csv", lines))
    expect(page.get_by_text("20 rows with problems")).to_be_visible()
    problems = parsed(downloaded(page, "batch_problems_download").decode())
    assert [int(row[0]) for row in problems[1:]] == bad
    expect(button(page, "batch_score")).to_have_text("Score the 99,980 good rows")
    button(page, "batch_score").click()
    part(page, "batch_progress").wait_for()
    link, batch_id = page.url, id_of(page)
    seen = wait_for_share(own_app, batch_id, 0.3)
    page.close()
    assert seen["state"] == "scoring"
    assert seen["rows_done"] < seen["rows"]
    again = visitor()
    visit(again, own_app, "Ada", batch=batch_id)
    done(again)
    assert progress(own_app, batch_id)["rows_done"] == 99_980
    own_app.stop()
    own_app.start()
    page = visitor()
    visit(page, own_app, "Ada", batch=batch_id)
    assert link.split("batch=")[1].startswith(batch_id)
    done(page)
    part(page, "batch_row").locator("input").fill("77")
    part(page, "batch_row").locator("input").press("Enter")
    button(page, "verdict_disagree").click()
    part(page, "verdict_comment").locator("textarea").fill("She was here before.")
    button(page, "verdict_save").click()
    part(page, "verdict_saved").wait_for()
    (verdict,) = stored(
        own_app,
        "SELECT * FROM verdicts JOIN predictions ON predictions.id = prediction_id",
    )
    assert (verdict["batch_id"], verdict["row_number"]) == (batch_id, 77)
    assert (verdict["judgement"], verdict["comment"]) == ("disagree", "She was here before.")
    check_download(page, lines, bad, cases, triage)
    rejected = downloaded_bad_rows(page)
    assert rejected == "\n".join([lines[0], *(lines[line - 1] for line in bad)]) + "\n"


def downloaded_bad_rows(page):
    unfold(page, "20 rows not scored")
    return downloaded(page, "batch_rejected").decode().replace("\r\n", "\n")


@at_length
def test_a_scoring_that_was_killed_goes_on_by_its_link(
    own_app, visitor, tmp_path, table, cases, triage
):
    page = visitor()
    visit(page, own_app, "Ada")
    score(page, write(tmp_path / "march.csv", table))
    batch_id = id_of(page)
    seen = wait_for_share(own_app, batch_id, 0.2)
    own_app.kill()
    left = progress(own_app, batch_id)
    assert seen["rows_done"] <= left["rows_done"] < left["rows"]
    own_app.start()
    page = visitor()
    visit(page, own_app, "Ada", batch=batch_id)
    done(page)
    assert progress(own_app, batch_id)["rows_before"] == left["rows_done"]
    check_download(page, table, [], cases, triage)


def test_a_check_that_was_killed_says_so_and_asks_for_the_file(own_app, visitor, tmp_path, table):
    page = visitor()
    visit(page, own_app, "Ada")
    part(page, "batch_file").wait_for()
    # The page makes the tables of the database when it first reads from it.
    settle(page)
    part(page, "batch_file").locator("input[type=file]").set_input_files(
        write(tmp_path / "march.csv", table)
    )
    deadline = time.monotonic() + 30
    while not stored(own_app, "SELECT 1 FROM batch_chunks"):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    own_app.kill()
    (batch,) = stored(own_app, "SELECT * FROM batches")
    if batch["state"] != "checking":
        pytest.skip("the check was over before the server was killed")
    own_app.start()
    time.sleep(batches.LEASE_SECONDS)
    page = visitor()
    visit(page, own_app, "Ada", batch=batch["id"])
    expect(page.get_by_text("Choose the file again")).to_be_visible()
    assert not stored(own_app, "SELECT 1 FROM batch_chunks")
    button(page, "batch_another").click()
    part(page, "batch_file").wait_for()


def test_two_experts_score_while_a_third_predicts(own_app, visitor, tmp_path, table):
    path = write(tmp_path / "march.csv", table)
    others = [visitor(), visitor()]
    for page, name in zip(others, ("Ada", "Grace"), strict=True):
        visit(page, own_app, name)
        choose(page, path)
    third = visitor()
    third.goto(f"{own_app.url}/Single_prediction?model=triage")
    give_name(third, "Mary")
    for page in others:
        button(page, "batch_score").click()
    for page in others:
        part(page, "batch_progress").wait_for()
    predict(third)
    running = stored(own_app, "SELECT * FROM batches WHERE state = 'scoring'")
    assert len(running) == 2
    assert all(row["rows_done"] < row["rows"] for row in running)
    button(third, "verdict_agree").click()
    part(third, "verdict_saved").wait_for()
    for page in others:
        done(page)


def test_the_buttons_in_the_table_save_and_open(own_app, visitor, tmp_path, table):
    page = visitor(viewport={"width": 1280, "height": 1400})
    visit(page, own_app, "Ada")
    score(page, write(tmp_path / "march.csv", table[:301]))
    done(page)
    settle(page)
    in_table(page, 3, "Agree").click()
    said_in_table(page, 3, "Agree")
    in_table(page, 3, "Agree").click()
    settle(page)
    (verdict,) = stored(own_app, "SELECT * FROM verdicts")
    assert verdict["judgement"] == "agree"
    in_table(page, 5, "Disagree").click()
    part(page, "verdict_comment").wait_for()
    expect(part(page, "batch_row").locator("input")).to_have_value("5")
    button(page, "verdict_save").click()
    part(page, "verdict_saved").wait_for()
    in_table(page, 7, "Open the case").click()
    expect(page.get_by_role("heading", name="Row 7")).to_be_visible()
    rows = stored(
        own_app,
        "SELECT row_number, judgement FROM verdicts"
        " JOIN predictions ON predictions.id = prediction_id ORDER BY row_number",
    )
    assert [tuple(row) for row in rows] == [(3, "agree"), (5, "disagree")]


def test_rows_are_judged_in_the_table_by_keys_alone(own_app, visitor, tmp_path, table):
    """Enter and Space press, the arrows go from row to row, and the keyboard stays where it was."""
    page = visitor(viewport={"width": 1280, "height": 900})
    visit(page, own_app, "Ada")
    score(page, write(tmp_path / "march.csv", table[:21]))
    done(page)
    settle(page)
    in_table(page, 1, "Agree").focus()
    for row, key in enumerate(["Enter", "Space", "Enter"], start=1):
        page.keyboard.press(key)
        said_in_table(page, row, "Agree")
        expect(in_table(page, row, "Agree")).to_be_focused()
        page.keyboard.press("ArrowDown")
    expect(in_table(page, 4, "Agree")).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(in_table(page, 3, "Agree")).to_be_focused()
    rows = page.get_by_role("table", name="The scored rows of").get_by_role("row")
    expect(rows).to_have_count(21)
    stored_rows = stored(own_app, "SELECT judgement FROM current_verdicts")
    assert [row["judgement"] for row in stored_rows] == ["agree"] * 3
    book = python_calamine.CalamineWorkbook.from_filelike(
        io.BytesIO(downloaded(page, "batch_excel"))
    )
    header, *cases = book.get_sheet_by_index(0).to_python()
    said = [row[header.index("You say")] for row in cases]
    assert said == ["Agree"] * 3 + [""] * 17


def test_verdicts_stay_in_sight_sideways_and_a_phone_shows_cards(own_app, visitor, tmp_path, table):
    page = visitor(viewport={"width": 900, "height": 900})
    visit(page, own_app, "Ada")
    score(page, write(tmp_path / "march.csv", table[:21]))
    done(page)
    settle(page)
    verdict, answer = in_table(page, 2, "Unsure"), page.get_by_role("cell").first
    before = verdict.bounding_box()["x"]
    scroll = page.locator(".st-key-batch_rows .scroll")
    assert scroll.evaluate("node => { node.scrollLeft = 400; return node.scrollLeft }") > 100
    assert abs(verdict.bounding_box()["x"] - before) < 2
    assert answer.is_visible()
    page.set_viewport_size({"width": 390, "height": 844})
    assert scroll.evaluate("node => node.scrollWidth <= node.clientWidth")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert in_table(page, 2, "Unsure").bounding_box()["height"] >= 44
    # Screen readers still find a table.
    expect(page.get_by_role("columnheader", name="You say")).to_have_count(1)


def test_a_stale_table_is_told_and_shows_what_stands_there(own_app, visitor, tmp_path, table):
    """What counts is what stood in the row at the click, not what stands in the database then."""
    page = visitor(viewport={"width": 1280, "height": 1400})
    visit(page, own_app, "Ada")
    score(page, write(tmp_path / "march.csv", table[:301]))
    done(page)
    other_tab = page.context.new_page()
    other_tab.goto(page.url)
    done(other_tab)
    settle(other_tab)
    in_table(page, 3, "Disagree").click()
    button(page, "verdict_save").click()
    part(page, "verdict_saved").wait_for()
    in_table(other_tab, 3, "Agree").click()
    other_tab.get_by_role("alert").filter(has_text="another one than this page showed").wait_for()
    said_in_table(other_tab, 3, "Disagree")
    (verdict,) = stored(own_app, "SELECT * FROM verdicts")
    assert verdict["judgement"] == "disagree"
    # What it shows now can be replaced.
    in_table(other_tab, 3, "Agree").click()
    said_in_table(other_tab, 3, "Agree")
    settle(other_tab)
    latest = stored(own_app, "SELECT judgement FROM current_verdicts")
    assert [row["judgement"] for row in latest] == ["agree"]


def in_table(page, row, label):
    """A button in a row of the table as a screen reader finds it."""
    return page.get_by_role("button", name=f"{label}, row {row}", exact=True)


def said_in_table(page, row, label):
    expect(in_table(page, row, label)).to_have_attribute("aria-pressed", "true")


MEGABYTE = 1_000_000


@at_length
def test_an_upload_costs_no_more_memory_than_itself_and_the_next_none(
    own_app: App, visitor, tmp_path, table
):
    lines = [table[0], *(table[1:] * 6)]
    path = write(tmp_path / "large.csv", lines)
    kept = path.stat().st_size
    while kept > 45 * MEGABYTE:
        lines = lines[: int(len(lines) * 45 * MEGABYTE / kept)]
        kept = write(path, lines).stat().st_size
    page = visitor()
    visit(page, own_app, "Ada")
    score(page, write(tmp_path / "small.csv", table[:2000]))
    done(page)
    process = psutil.Process(own_app.process.pid)
    before = process.memory_info().rss
    highest, resting = [], []
    for _ in range(3):
        button(page, "batch_another").click()
        part(page, "batch_file").locator("input[type=file]").set_input_files(path)
        peak = 0
        while not button(page, "batch_score").is_visible():
            peak = max(peak, process.memory_info().rss)
            time.sleep(0.02)
        button(page, "batch_score").click()
        while not part(page, "batch_table").is_visible():
            peak = max(peak, process.memory_info().rss)
            time.sleep(0.02)
        highest.append(peak - before)
        time.sleep(1)
        resting.append(process.memory_info().rss - before)
    said = [f"{value / MEGABYTE:.0f} MB" for value in [*highest, *resting]]
    assert max(highest) < kept + 150 * MEGABYTE, said
    # Two more that were kept would be 90 MB, at rest too, when nobody works on them.
    assert resting[2] < resting[0] + kept, said
    sys.stdout.write(f"an upload of {kept / MEGABYTE:.0f} MB cost {said}\n")


def test_the_database_is_sound_after_all_of_it(own_app, visitor, tmp_path, table):
    page = visitor()
    visit(page, own_app, "Ada")
    score(page, write(tmp_path / "march.csv", table[:1000]))
    done(page)
    own_app.stop()
    with closing(sqlite3.connect(own_app.database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
