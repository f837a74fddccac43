"""One of very many levels, found by typing a part of its name; a moment, with its time of day."""

import numpy as np
import pandas as pd
import pytest
from browsing import App, button, field, give_name, predict, settle, stored
from playwright.sync_api import expect
from sklearn.compose import make_column_transformer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from second_opinion import Registry

pytestmark = pytest.mark.browser
LEVELS = 5000


@pytest.fixture
def app(tmp_path):
    """A running app with a model of 5,000 items."""
    names = [f"Item {n:05}" for n in range(LEVELS)]
    X = pd.DataFrame({"item": names, "size": np.arange(LEVELS) % 7})
    y = pd.Series(np.arange(LEVELS) * 1.0, name="price")
    steps = make_column_transformer((OneHotEncoder(), ["item"]), remainder="passthrough")
    estimator = make_pipeline(steps, Ridge(solver="lsqr")).fit(X, y)
    Registry(tmp_path / "model").add(estimator, X, y, name="items")
    app = App(tmp_path, tmp_path / "model")
    try:
        yield app.start()
    finally:
        app.stop()
    assert "Traceback" not in app.said()


def test_a_level_among_thousands_is_found_by_typing(app, page):
    page.goto(f"{app.url}/Single_prediction?model=items")
    give_name(page, "Ada")
    field(page, "item").click()
    field(page, "item").fill("4321")
    page.get_by_role("option", name="Item 04321", exact=True).click()
    settle(page)
    predict(page)
    expect(button(page, "verdict_agree")).to_be_visible()
    ((inputs,),) = stored(app, "SELECT inputs FROM predictions")
    assert '"Item 04321"' in inputs
