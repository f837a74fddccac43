"""A model's way in a real browser: added, judged, replaced by a better one, and put back."""

import os
import shutil
import subprocess
import sys

import joblib
import pandas as pd
import pytest
from browsing import PATIENCE, App, button, part, settle, stored
from builders import ROOT
from playwright.sync_api import expect
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from second_opinion.records.expert import Expert

pytestmark = pytest.mark.browser


@pytest.fixture
def app(tmp_path, models):
    """A running app with a folder of models that a test may add to."""
    shutil.copytree(models, tmp_path / "model")
    app = App(tmp_path, tmp_path / "model")
    try:
        yield app.start()
    finally:
        app.stop()
    assert "Traceback" not in app.said()
    assert "incident" not in app.said()


def second_opinion(app, *arguments):
    """Run a command as a data scientist does, in a process of its own."""
    env = {**os.environ, "FEEDBACK_DB": str(app.database), "MODEL_DIR": str(app.models)}
    command = [sys.executable, "-m", "second_opinion", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def add_wine(app, folder, columns):
    """Train a model on some columns of scikit-learn's wine data, and add it."""
    wine = load_wine(as_frame=True)
    rows = wine.data[columns]
    kind = pd.Series(wine.target_names[wine.target], name="kind")
    file, data = folder / "wine.joblib", folder / "wine.csv"
    joblib.dump(make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, kind), file)
    rows.assign(kind=kind).to_csv(data, index=False)
    more = ["--name", "wine", "--data", str(data), "--target", "kind", "--yes"]
    return second_opinion(app, "add", str(file), *more)


def menu(page):
    return part(page, "model_choice")


def choose(page, option):
    menu(page).locator("[role=combobox], input").first.click()
    page.get_by_role("option", name=option, exact=True).click()
    settle(page)


def model_line(page, text):
    expect(part(page, "frame_header").get_by_text(text, exact=True)).to_be_visible()


def versions(app):
    found = stored(app, "SELECT version FROM predictions WHERE model = 'wine' ORDER BY rowid")
    return [row["version"] for row in found]


def test_a_model_is_added_judged_replaced_and_put_back(app, page, tmp_path):
    page.goto(app.url)
    part(page, "who_name").locator("input").fill("Ada")
    button(page, "who_start").click()
    button(page, "home_judge").wait_for()
    assert "Added wine/1" in add_wine(app, tmp_path, ["alcohol", "hue"])

    page.get_by_role("link", name="Single prediction").click()
    button(page, "predict_submit").wait_for()
    choose(page, "Wine · in use")
    model_line(page, "Wine, version 1, in use")
    button(page, "predict_submit").click()
    button(page, "verdict_agree").click()
    part(page, "verdict_saved").wait_for()
    assert versions(app) == ["1"]

    second_tab = page.context.new_page()
    second_tab.set_default_timeout(PATIENCE)
    second_tab.goto(f"{app.url}/Single_prediction?model=wine@champion")
    model_line(second_tab, "Wine, version 1, in use")
    button(second_tab, "predict_submit").wait_for()

    assert "Added wine/2" in add_wine(app, tmp_path, ["alcohol", "hue", "proline"])
    page.get_by_role("link", name="Models").click()
    part(page, "models_card").wait_for()
    choose(page, "Wine · version 2")
    button(page, "models_promote").click()
    expect(page.get_by_text("In use: version 2")).to_be_visible()

    settle(second_tab)
    button(second_tab, "predict_another").click()
    model_line(second_tab, "Wine, version 2, in use")
    part(second_tab, "predict_field_proline").wait_for()
    button(second_tab, "predict_submit").click()
    part(second_tab, "verdict_buttons").wait_for()
    address = second_tab.url
    assert versions(app) == ["1", "2"]

    button(page, "models_rollback").click()
    expect(page.get_by_text("In use: version 1")).to_be_visible()
    expect(page.get_by_text("Ada put version 1 back in use")).to_be_visible()
    second_tab.goto(address)
    model_line(second_tab, "Wine, version 2")
    part(second_tab, "verdict_buttons").wait_for()
    button(second_tab, "verdict_unsure").click()
    button(second_tab, "verdict_save").click()
    part(second_tab, "verdict_saved").wait_for()
    (row,) = stored(
        app,
        "SELECT version, alias FROM predictions JOIN verdicts ON prediction_id = predictions.id "
        "WHERE judgement = 'unsure'",
    )
    assert (row["version"], row["alias"]) == ("2", "champion")
    moved = stored(app, "SELECT alias, version, action, moved_by FROM aliases ORDER BY rowid")
    by = Expert.declared("Ada").label
    assert [tuple(row) for row in moved] == [
        ("champion", "2", "promote", by),
        ("champion", "1", "rollback", by),
    ]


def test_an_open_case_is_answered_by_what_the_alias_means_at_the_click(app, page, tmp_path):
    add_wine(app, tmp_path, ["alcohol", "hue"])
    add_wine(app, tmp_path, ["alcohol", "hue"])
    page.goto(f"{app.url}/Single_prediction?model=wine")
    part(page, "who_name").locator("input").fill("Ada")
    button(page, "who_start").click()
    button(page, "predict_submit").wait_for()
    model_line(page, "Wine, version 1, in use")
    settle(page)
    second_opinion(app, "promote", "wine", "2")
    button(page, "predict_submit").click()
    part(page, "verdict_buttons").wait_for()
    model_line(page, "Wine, version 2, in use")
    settle(page)
    second_opinion(app, "split", "wine", "1=0.5", "2=0.5", "--alias", "champion")
    button(page, "predict_another").click()
    model_line(page, "Wine, A/B: version 1 or 2, in use")
    expect(part(page, "verdict_buttons")).to_have_count(0)
    button(page, "predict_submit").click()
    part(page, "verdict_buttons").wait_for()
    model_line(page, "Wine, A/B: version 1 or 2, in use")
    assert versions(app)[0] == "2"
    assert len(versions(app)) == 2
