"""The page Distributions in a browser: the churn demo, and a batch in which two features moved."""

import numpy as np
import pandas as pd
import pytest
from browsing import address_has
from builders import check, csv_of, score
from playwright.sync_api import expect

from second_opinion import Registry
from second_opinion.batches.scored_rows import ScoredRows
from second_opinion.distributions import sections, selection
from second_opinion.records.verdict import Verdict
from second_opinion.store import Store

pytestmark = pytest.mark.browser
CHURN = "customer-churn"
MOVED = {"Monthly charge", "Contract"}
ROWS = 1_237


def shifted(registry, seed=3):
    """Cases like the training data, but with dearer contracts, and more of them by the month."""
    rng = np.random.default_rng(seed)
    known = pd.read_parquet(registry.rows_file(CHURN))
    rows = known.sample(ROWS, random_state=seed).reset_index(drop=True)
    charge = rows["monthly_charge"]
    moved = charge + 0.6 * charge.std()
    rows["monthly_charge"] = moved.clip(upper=known["monthly_charge"].max()).round(2)
    months = rng.random(ROWS) < 0.4
    rows.loc[months, "contract"] = known["contract"].value_counts().index[0]
    names = registry.card(CHURN).case_schema.names
    return rows[names].map(lambda value: "" if pd.isna(value) else str(value))


@pytest.fixture(scope="module")
def batch(shared_app):
    """The shifted batch, scored, with 60 verdicts on it."""
    store, registry = Store.open(shared_app.database), Registry(shared_app.models)
    content = csv_of(shifted(registry))
    made = score(store, registry, check(store, registry, content, CHURN, "shifted.csv"))
    card = registry.card(CHURN)
    for row in range(1, 61):
        opened = ScoredRows(store).opened(made, row, card)
        store.add_verdict(
            Verdict(opened.id, "Grace", "agree")
            if row % 6
            else Verdict(opened.id, "Grace", "disagree", correct_value=1 - opened.value)
        )
    return made


def part(page, key):
    return page.locator(f".st-key-{key}")


def open_part(page, app, batch, name, **more):
    query = "&".join(f"{k}={v}" for k, v in {"of": batch.id, "part": name, **more}.items())
    page.goto(f"{app.url}/Distributions?model={CHURN}&{query}")
    part(page, "distributions_section").wait_for()


def drawn(page, name):
    found = part(page, f"distributions_{name}_chart").locator(".js-plotly-plot .main-svg")
    found.first.wait_for()
    return found


def bars(page, name):
    return part(page, f"distributions_{name}_chart").locator(".js-plotly-plot .bars .point path")


def click(page, bar):
    """Point at a bar first, as a person does: plotly clicks on what it has seen under the mouse."""
    bar.scroll_into_view_if_needed()
    box = bar.bounding_box()
    at = box["x"] + box["width"] / 3, box["y"] + box["height"] / 2
    page.mouse.move(*at, steps=5)
    page.locator(".js-plotly-plot .hovertext").first.wait_for()
    page.mouse.click(*at)


def test_exactly_the_features_that_moved_are_said_to_have_moved(app, batch, page):
    open_part(page, app, batch, "Drift")
    drawn(page, "drift")
    assert page.get_by_text("2 of 12 features differ from the training data, ").is_visible()
    words = page.locator(".js-plotly-plot .textpoint text").all_text_contents()
    assert sum(text.endswith(" differs") for text in words) == 2
    names = page.locator(".js-plotly-plot .ytick text").all_text_contents()
    assert set(names[:2]) == MOVED
    store, registry = Store.open(app.database), Registry(app.models)
    people = selection.of_batch(store, batch, registry.card(CHURN))
    found = sections.drift_table(people, sections.training(registry, registry.card(CHURN)))
    assert set(found.loc[found["Verdict"] == "differs", "Feature"]) == MOVED
    assert (found["Verdict"] == "is alike").sum() == 10


def test_a_click_on_a_bar_lists_its_cases_and_one_opens_to_be_judged(app, batch, page):
    page.goto(app.url)
    part(page, "who_name").locator("input").fill("Ada")
    part(page, "who_start").locator("button").click()
    page.wait_for_function("document.cookie.includes('second_opinion=')")
    open_part(page, app, batch, "Predictions")
    drawn(page, "predictions")
    page.wait_for_timeout(500)
    click(page, bars(page, "predictions").nth(1))
    listed = part(page, "distributions_list")
    listed.wait_for()
    title = part(page, "distributions_cases").inner_text()
    count = int(title.split()[0].replace(",", ""))
    assert page.get_by_text(f"Leaves is predicted for {count:,} of 1,237 cases").is_visible()
    assert "the model says Leaves" in title
    rows = page.get_by_role("table", name="The cases behind what was picked")
    opening = rows.get_by_role("button", name="Open the case, row ").nth(1)
    row = opening.inner_text()
    rows.get_by_role("button").first.focus()
    page.keyboard.press("ArrowDown")
    expect(opening).to_be_focused()
    page.keyboard.press("Enter")
    part(page, "distributions_case").wait_for()
    expect(page.get_by_role("heading", name=f"Row {row}", exact=True)).to_be_visible()
    before = len(Store.open(app.database).reviewed())
    part(page, "verdict_agree").locator("button").click()
    part(page, "verdict_saved").wait_for()
    after = Store.open(app.database).reviewed()
    assert len(after) == before + 1
    assert after.iloc[-1][["batch_id", "expert", "value"]].tolist() == [batch.id, "Ada", 1]
    # The link shows the same case again.
    page.reload()
    part(page, "distributions_case").wait_for()
    part(page, "verdict_saved").wait_for()


def test_bars_that_are_drawn_over_list_their_cases_together(app, batch, page):
    open_part(page, app, batch, "Features", feature="")
    drawn(page, "feature_monthly_charge")
    page.wait_for_timeout(500)
    some = bars(page, "feature_monthly_charge")
    chart = part(page, "distributions_feature_monthly_charge_chart")
    chart.locator(".modebar-btn[data-val=select]").click()
    page.wait_for_timeout(300)
    first, last = some.nth(8).bounding_box(), some.nth(10).bounding_box()
    middle = first["y"] + first["height"] / 2
    page.mouse.move(first["x"] + first["width"] / 2 - 2, middle)
    page.mouse.down()
    page.mouse.move(last["x"] + last["width"] / 2 + 2, middle, steps=12)
    page.mouse.up()
    part(page, "distributions_list").wait_for()
    title = part(page, "distributions_cases").inner_text()
    assert "Monthly charge from 55 up to 70" in title
    part(page, "distributions_clear").locator("button").click()
    part(page, "distributions_list").wait_for(state="detached")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    "name", ["Predictions", "Confidence", "Features", "Two features", "Over time", "Drift"]
)
def test_every_chart_is_drawn_in_colours_of_the_theme(app, batch, visitor, theme, name):
    page = visitor(color_scheme=theme, viewport={"width": 1280, "height": 1000})
    two = {"by": "tenure_months", "and": "contract"} if name == "Two features" else {}
    open_part(page, app, batch, "Features" if two else name, **two)
    page.locator(".js-plotly-plot .main-svg").first.wait_for()
    page.wait_for_timeout(1000)
    placeholder = page.evaluate(
        """() => [...document.querySelectorAll('.js-plotly-plot svg *')].filter((e) =>
            /rgb\\(0, 0, (\\d|[1-3]\\d|6[0-4])\\)/.test(e.style.fill + e.style.stroke)
            && !/rgb\\(0, 0, 0\\)/.test(e.style.fill + e.style.stroke)).length"""
    )
    assert placeholder == 0
    text = page.locator(".js-plotly-plot .xtick text").first
    seen = text.evaluate("(e) => e.style.fill")
    channels = [int(c) for c in seen.removeprefix("rgb(").rstrip(")").split(",")]
    assert (max(channels) < 110) if theme == "light" else (min(channels) > 150)
    assert page.locator("[role=img][aria-label*='.'], .stPlotlyChart [aria-label]").count()


def spot(page, name, trace, at):
    """Where a mark or a bar of a chart stands on the screen."""
    return page.evaluate(
        """([part, trace, at]) => {
            const plot = document.querySelector(part + ' .js-plotly-plot');
            const {xaxis, yaxis} = plot._fullLayout, point = plot.calcdata[trace][at];
            const {left, top} = plot.getBoundingClientRect();
            const [x, y] = plot._fullData[trace].type === 'bar'
                ? [point.p, (point.s0 + point.s1) / 2 || point.s / 2].map(Number)
                : [point.x, point.y];
            return [left + xaxis._offset + xaxis.c2p(x), top + yaxis._offset + yaxis.c2p(y)];
        }""",
        [f".st-key-distributions_{name}_chart", trace, at],
    )


def click_spot(page, name, trace, at, *, beside=(0, 0)):
    """Click a mark, or a few pixels beside it, and give the words that were shown before."""
    drawn(page, name)
    page.wait_for_timeout(800)
    part(page, f"distributions_{name}_chart").scroll_into_view_if_needed()
    x, y = spot(page, name, trace, at)
    page.mouse.move(x + beside[0], y + beside[1], steps=5)
    words = page.locator(".js-plotly-plot .hovertext").first
    words.wait_for()
    said = words.text_content()
    page.mouse.click(x + beside[0], y + beside[1])
    return said


def cases_listed(page):
    part(page, "distributions_list").wait_for()
    return part(page, "distributions_cases").inner_text()


TWO = {"by": "tenure_months", "and": "contract"}


def test_a_click_anywhere_on_a_tile_lists_the_cases_of_both_features(app, batch, page):
    open_part(page, app, batch, "Features", **TWO)
    said = click_spot(page, "by_tenure_months_contract", 0, 1, beside=(20, 9))
    title = cases_listed(page)
    count = title.split()[0]
    assert f" of {count} cases" in said
    assert "Tenure from 10 up to 20 and Contract monthly" in title
    page.reload()
    drawn(page, "by_tenure_months_contract")
    assert page.get_by_text("The model says Leaves most often where ").is_visible()


def test_a_tile_without_cases_is_not_drawn_and_lists_none(app, batch, page):
    open_part(page, app, batch, "Features", by="tenure_months", **{"and": "monthly_charge"})
    name = "by_tenure_months_monthly_charge"
    drawn(page, name)
    empty = page.evaluate(
        f"document.querySelector('.st-key-distributions_{name}_chart .js-plotly-plot')"
        ".data[0].customdata.indexOf(null)"
    )
    assert empty >= 0
    assert "no case" in click_spot(page, name, 0, empty)
    page.wait_for_timeout(1500)
    assert part(page, "distributions_list").count() == 0


def test_few_cases_are_points_and_a_click_lists_the_one(app, batch, page):
    few = {"feature": "tenure_months", "from_tenure_months": "80"}
    open_part(page, app, batch, "Features", **TWO, **few)
    click_spot(page, "by_tenure_months_contract", 1, 0)
    assert cases_listed(page).startswith("1 case: ")


def test_judged_cases_stand_behind_the_points_of_verdicts(app, batch, page):
    open_part(page, app, batch, "Confidence")
    said = click_spot(page, "reliability", 0, 0)
    title = cases_listed(page)
    assert f" of {title.split()[0]} case" in said
    assert "sure and judged" in title
    open_part(page, app, batch, "Over time")
    said = click_spot(page, "verdicts", 1, 0)
    title = cases_listed(page)
    assert said.endswith(f": {title.split()[0]}")
    assert "experts disagree on " in title
    open_part(page, app, batch, "Over time")
    click_spot(page, "agreement", 0, 0)
    assert "judged on " in cases_listed(page)


def test_a_bar_of_drift_opens_its_feature_whose_bars_list_cases(app, batch, page):
    open_part(page, app, batch, "Drift")
    drawn(page, "drift")
    page.wait_for_timeout(800)
    click(page, bars(page, "drift").nth(1))
    drawn(page, "feature_contract")
    address_has(page, "drift=contract")
    page.wait_for_timeout(800)
    click(page, bars(page, "feature_contract").nth(0))
    assert "Contract yearly" in cases_listed(page)
