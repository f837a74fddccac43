"""Charts: every number of a table stands in its figure, the sentence above it is true of them, and
no text of the data is taken for markup or a colour that one theme alone can show."""

import json
import tomllib
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from builders import ROOT, card_of
from figures import TAGS, colours, drawn_in, sent
from hypothesis import given
from hypothesis import strategies as st

from second_opinion.charts import bars, heatmap, risk_charts, scatter, stacked, verdict_charts
from second_opinion.charts.bars import Beside
from second_opinion.charts.chart import (
    EXPERTS,
    LONGEST_NAME,
    MODEL,
    PAPER,
    REFERENCE,
    SHARES,
    TEXT,
    shown,
)
from second_opinion.charts.heatmap import MapAxis, Measure
from second_opinion.schema import Choice, Feature
from second_opinion.statistics import calibration, error_rates, risk_bands
from second_opinion.statistics.crossed import Axis, Crossed
from second_opinion.statistics.histogram import Histogram
from second_opinion.statistics.tallies import Counts, Means, Pairs, of_feature


def every_chart():
    """One of each kind, on data that wants to be markup."""
    card = card_of(classes=(TAGS, "Leaves"))
    rng = np.random.default_rng(0)
    sure, said = rng.uniform(0.5, 1, 200), rng.integers(0, 2, 200)
    days = np.array(["2026-11-01", "2026-11-02"])[rng.integers(0, 2, 200)]
    wrong = (rng.random(200) < 0.2).astype(float)
    counts = Counts((0, 1)).add(said).result()
    binned = Histogram().add(rng.normal(50, 9, 200)).result()
    age = Feature(name="age", kind="number", label=TAGS, unit=TAGS)
    drift = pd.DataFrame({"size": [0.3, 0.02], "moved": [True, False]})
    drift["verdict"] = ["moved", "steady"]
    regression = card_of("regression")
    by_day = error_rates.errors_by(sorted(days), wrong)
    answered = Pairs().add(days, said).result()
    found, by_age, by_colour = crossed_of(sure * 90, days, said)
    few = sure[:20] * 90, days[:20]
    groups = [(TAGS, range(15)), ("Leaves", range(15, 20))]
    texts = [TAGS] * 20
    return {
        "answers": bars.answer_bars(card, counts, 200, Beside(TAGS, np.array([0.6, 0.4]))),
        "numbers": bars.answer_bars(
            regression, binned, 200, Beside(TAGS, np.full(len(binned), 0.1))
        ),
        "confidence": stacked.confidence(
            card, Pairs(np.round(np.linspace(0, 1, 21), 2)).add(sure, said).result(), 40, 200
        ),
        "feature": bars.feature(age, binned, "is steady"),
        "drift": bars.drift(drift, [TAGS, "Age"], TAGS),
        "per_day": stacked.per_day(card, Pairs().add(days, said).result()),
        "mean": stacked.mean_per_day(card, Means().add(days, sure).result()),
        "agreement": verdict_charts.agreement_per_day(by_day),
        "reliability": verdict_charts.reliability(calibration.bins(sure, 1 - wrong)),
        "shares": stacked.shares_per_day(card, answered),
        "verdicts": verdict_charts.verdicts_per_day(by_day),
        "heat": heatmap.heatmap(Measure(TAGS), found.result(), by_age, by_colour),
        "by_bin": heatmap.by_bin(Measure(TAGS), found.result().head(8), by_age, 0.5),
        "means": heatmap.by_bin(Measure(unit=TAGS), found.result().head(8), by_age, 0.5),
        "points": scatter.scatter(
            "20 cases", Measure(TAGS), (by_age, few[0]), (by_colour, few[1]), groups, texts, []
        ),
        "risk": verdict_charts.risk_coverage(calibration.risk_coverage(sure, wrong)),
        "risks": risk_charts.by_band(risk_bands.counts(sure, ["too_low", "about_right"] * 100)),
    }


def crossed_of(ages, colours, said):
    """Two features that want to be markup, and what the model says by both."""
    age = Feature(name="age", kind="number", label=TAGS, unit=TAGS)
    choices = tuple(Choice(value=value, label=TAGS + str(value)) for value in set(colours))
    colour = Feature(name="colour", kind="category", label=TAGS, choices=choices)
    sides = [
        MapAxis(feature, Axis.of(feature, of_feature(feature).add(column), column))
        for feature, column in ((age, ages), (colour, colours))
    ]
    return Crossed(*(side.axis for side in sides)).add(ages, colours, said), *sides


CHARTS = every_chart()
FIRST, SECOND = stacked.CLASSES[:2]
# Whose each mark is: what the model says, what experts say of it, or what both are held against.
WHOSE = {
    "answers": [MODEL, REFERENCE],
    "numbers": [MODEL, REFERENCE],
    "confidence": [FIRST, SECOND, REFERENCE],
    "feature": [MODEL],
    "drift": [EXPERTS, REFERENCE, REFERENCE],
    "per_day": [FIRST, SECOND],
    "mean": [MODEL],
    "agreement": [EXPERTS],
    "reliability": [EXPERTS, REFERENCE],
    "shares": [FIRST, SECOND],
    "verdicts": [color for color, _ in verdict_charts.LOOKS.values()],
    "heat": [],
    "by_bin": [MODEL, REFERENCE],
    "means": [MODEL, REFERENCE],
    "points": [FIRST, SECOND],
    "risk": [EXPERTS, REFERENCE, REFERENCE],
    "risks": [EXPERTS, MODEL, EXPERTS],
}


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_has_a_title_axes_alternative_text_and_as_many_marks_as_rows(name):
    chart = CHARTS[name]
    figure = sent(chart)
    assert chart.title in chart.alt
    assert any(letter.isdigit() for letter in chart.title) or name == "feature"
    assert figure["layout"]["xaxis"]["title"]["text"]
    assert figure["layout"]["yaxis"].get("title", {}).get("text") or name == "drift"
    traces = figure["data"] if name == "points" else figure["data"][:1]
    places = [place for trace in traces for place in trace["customdata"] if place is not None]
    assert sorted(places) == list(range(len(chart.table)))
    assert set(chart.shares) - set(SHARES) <= set(chart.table.columns)
    assert chart.table.columns.is_unique


@pytest.mark.parametrize("name", CHARTS)
def test_every_colour_is_a_place_of_the_theme_s_palette(name):
    figure = sent(CHARTS[name])
    figure["layout"].pop("template", None)
    found = set(colours(figure))
    assert found
    palette = {MODEL, EXPERTS, REFERENCE, TEXT, PAPER}
    looks = {color for color, _ in verdict_charts.LOOKS.values()}
    assert found <= palette | looks | set(stacked.CLASSES)


@pytest.mark.parametrize("name", CHARTS)
def test_a_colour_tells_whose_a_mark_is(name):
    assert drawn_in(CHARTS[name]) == WHOSE[name]
    assert sent(CHARTS[name])["layout"]["modebar"]["activecolor"] == MODEL


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_model_has_the_colour_of_the_theme_and_the_reference_its_grey(theme):
    look = tomllib.loads((ROOT / ".streamlit/config.toml").read_text("utf-8"))["theme"][theme]
    palette = {f"#{at:06}": colour for at, colour in enumerate(look["chartCategoricalColors"], 1)}
    assert palette[MODEL] == look["primaryColor"]
    assert palette[REFERENCE] == look["grayColor"]
    assert palette[verdict_charts.LOOKS["Agree"][0]] == look["greenColor"]
    assert palette[verdict_charts.LOOKS["Disagree"][0]] == look["orangeColor"]
    assert verdict_charts.LOOKS["Unsure"][0] == REFERENCE
    assert palette[EXPERTS] not in {palette[MODEL], palette[REFERENCE]}


def test_a_reference_is_grey_beside_the_cases_that_are_looked_at():
    for name in ("answers", "numbers"):
        traces = sent(CHARTS[name])["data"]
        cases, reference = [trace for trace in traces if trace.get("showlegend", True)]
        assert (cases["name"], list(colours(cases))) == ("These cases", [MODEL])
        assert (reference["name"], list(colours(reference))) == (shown(TAGS), [REFERENCE])


def test_shares_at_the_axes_are_written_as_everywhere_else():
    axes = [
        axis
        for chart in every_chart().values()
        for axis in (*chart.figure.select_xaxes(), *chart.figure.select_yaxes())
        if isinstance(axis.tickformat, str) and axis.tickformat.endswith("%")
    ]
    assert len(axes) > 5
    for axis in axes:
        assert axis.labelalias["87%"] == "87 %"


def test_what_moved_is_hatched_in_the_colour_of_experts_and_what_is_steady_is_grey():
    found = pd.DataFrame({"size": [0.02, 0.3, 0.04], "moved": [False, True, False]})
    found["verdict"] = np.where(found["moved"], "moved", "steady")
    bars_, words = sent(bars.drift(found, ["Age", "Plan", "Tenure"], "B"))["data"]
    assert words["text"] == ["0.30 differs", "0.04 is alike", "0.02 is alike"]
    assert bars_["marker"]["color"] == [EXPERTS, REFERENCE, REFERENCE]
    assert bars_["marker"]["pattern"]["shape"] == ["/", "", ""]


@pytest.mark.parametrize("name", CHARTS)
def test_no_text_of_the_data_is_markup_in_a_figure(name):
    figure = sent(CHARTS[name])
    figure["layout"].pop("template", None)
    text = json.dumps(figure, ensure_ascii=False)
    assert "<a" not in text
    assert "<b>" not in text


def test_the_title_names_the_positive_class_with_its_count_and_share():
    found = Counts((0, 1)).add(np.repeat([0, 1], [1002, 235])).result()
    chart = bars.answer_bars(card_of(), found, 1237)
    assert chart.title == "Leaves is predicted for 235 of 1,237 cases (19 %)"
    table = chart.table.set_index("The model says")
    assert table.loc["Leaves", "Cases"] == 235
    assert sent(chart)["data"][0]["x"] == [1002 / 1237, 235 / 1237]


def test_of_many_classes_the_commonest_is_told():
    found = Counts(range(3)).add([0, 0, 1, 1, 1, 2]).result()
    chart = bars.answer_bars(card_of("multiclass", "ABC", positive=None), found, 6)
    assert chart.title == "B is predicted for 3 of 6 cases (50 %)"


@pytest.mark.slow
@given(st.lists(st.tuples(st.floats(0, 1), st.sampled_from(range(12))), min_size=1, max_size=60))
def test_the_stacks_of_confidence_hold_every_case_once(rows):
    sure, said = np.array([r[0] for r in rows]), [r[1] for r in rows]
    names = [f"Class {at}" for at in range(12)]
    card = card_of("multiclass", classes=names, positive=None)
    found = Pairs(np.round(np.linspace(0, 1, 21), 2)).add(sure, said).result()
    chart = stacked.confidence(card, found, int((sure < 0.6).sum()), len(rows))
    traces = sent(chart)["data"]
    assert sum(sum(trace["y"]) for trace in traces) == len(rows)
    assert chart.table.drop(columns="From").to_numpy().sum() == len(rows)
    assert len(traces) <= stacked.MOST_CLASSES
    numbered = [place for trace in traces for place in trace["customdata"]]
    assert numbered == list(range(len(numbered)))


def test_classes_that_python_takes_for_one_another_are_stacked_apart():
    found = Pairs()
    for value in (True, 1, "1"):
        found.add(["2026-11-01"], [value])
    card = card_of("multiclass", "ab", positive=None)
    chart = stacked.per_day(card, found.result())
    assert len(sent(chart)["data"]) == 3
    assert chart.title == "3 predictions on 1 day"


def test_dates_stand_as_days():
    admitted = Feature(name="admitted", kind="date", label="Admitted")
    found = Histogram.of(admitted).add(pd.Series(["2026-01-01", "2026-03-01", None])).result()
    chart = bars.feature(admitted, found, "is steady")
    assert sent(chart)["layout"]["xaxis"]["type"] == "date"
    assert chart.table["From"].iloc[0].startswith("2026-01")


def test_reliability_says_how_sure_and_how_right():
    sure, right = np.repeat([0.7, 0.9], 50), np.tile([1, 1, 1, 1, 0], 20)
    chart = verdict_charts.reliability(calibration.bins(sure, right))
    assert chart.title == "The model is 80 % sure on average and right in 80 % of 100 verdicts"


def test_agreement_turns_errors_and_their_interval_round():
    found = error_rates.errors_by(["2026-11-01"] * 20, [1.0] * 5 + [0.0] * 15)
    chart = verdict_charts.agreement_per_day(found)
    row = chart.table.iloc[0]
    assert (row["Agree"], row["Verdicts"]) == (0.75, 20)
    assert row["At least"] == pytest.approx(0.5313, abs=1e-4)
    assert row["At most"] == pytest.approx(0.8881, abs=1e-4)
    error = sent(chart)["data"][0]["error_y"]
    assert error["array"][0] == pytest.approx(row["At most"] - 0.75)
    assert error["arrayminus"][0] == pytest.approx(0.75 - row["At least"])


def test_long_names_are_cut():
    found = Counts().add(["x" * 500, "y"]).result()
    chart = bars.levels("Title", found, str, "Name")
    assert max(map(len, sent(chart)["layout"]["yaxis"]["ticktext"])) == LONGEST_NAME
    assert len(chart.table["Name"].max()) <= 500


def test_the_bin_with_the_highest_share_is_told_unless_hardly_a_case_is_in_it():
    sides = [
        MapAxis(Feature(name="age", kind="number", unit="years"), Axis("number", edges=(40.0,)))
    ]
    found = pd.DataFrame({"x": [0, 1], "y": [0, 0], "count": [250, 20], "mean": [0.12, 0.4]})
    chart = heatmap.by_bin(Measure("Leaves"), found, sides[0], 0.14)
    assert (
        chart.title
        == "The model says Leaves most often where Age is 40 and more (40 % of 20 cases)"
    )
    assert chart.table.columns.tolist() == ["Age (years)", "Cases", "Share of Leaves"]
    chart = heatmap.by_bin(Measure("Leaves"), found.assign(count=[250, 2]), sides[0], 0.12)
    assert chart.title.endswith("where Age is below 40 (12 % of 250 cases)")
    mean = heatmap.by_bin(Measure(unit="mg"), found.assign(mean=[12.0, 40.0]), sides[0], 14.0)
    assert mean.title == (
        "The mean prediction is highest where Age is 40 and more (40 mg, 20 cases)"
    )
    assert sent(mean)["layout"]["xaxis"]["title"]["text"] == "Mean prediction (mg)"


def test_the_shares_of_each_day_are_one():
    days, said = ["2026-11-01"] * 4 + ["2026-11-02"] * 5, [0, 0, 0, 1, 1, 1, 1, 1, 0]
    chart = stacked.shares_per_day(card_of(), Pairs().add(days, said).result())
    assert chart.table[["Stays", "Leaves"]].to_numpy().tolist() == [[0.75, 0.25], [0.2, 0.8]]
    assert chart.title == (
        "Leaves makes 80 % of the answers of 2026-11-02, 25 % of those of 2026-11-01"
    )


def test_verdicts_of_a_day_are_agree_disagree_and_unsure():
    days = ["2026-11-01"] * 4 + ["2026-11-03"]
    found = error_rates.errors_by(days, [0.0, 0.0, 1.0, np.nan, np.nan])
    chart = verdict_charts.verdicts_per_day(found)
    assert chart.title == "5 verdicts on 2 days: 2 agree, 1 disagree, 2 unsure"
    assert chart.table.to_numpy().tolist() == [["2026-11-01", 2, 1, 1], ["2026-11-03", 0, 0, 1]]
    patterns = [trace["marker"]["pattern"]["shape"] for trace in sent(chart)["data"]]
    assert len(set(patterns)) == 3


@pytest.mark.parametrize(
    ("days", "each"), [(["2026-11-01", "2026-11-07"], True), (["2026-11-01", "2026-12-07"], False)]
)
def test_each_day_has_a_tick_only_where_they_lie_close_together(days, each):
    assert ("dtick" in stacked.day_ticks(days)) == each


def test_features_that_moved_equally_far_are_all_named():
    moved = pd.DataFrame({"size": [0.4, 0.4, 0.1], "moved": [True, True, False], "verdict": "x"})
    title = bars.drift(moved, ["Age", "Income", "Tenure"], "the training data").title
    assert (
        title == "2 of 3 features differ from the training data, Age and Income equally far (0.40)"
    )


def test_days_with_equally_many_predictions_are_all_named():
    card = SimpleNamespace(task="regression", class_values=())
    pairs = pd.DataFrame({"x": ["2026-11-01", "2026-11-02"], "y": "all", "count": [3, 3]})
    title = stacked.per_day(card, pairs).title
    assert title == "6 predictions on 2 days, equally many on 2026-11-01 and 2026-11-02 (3 each)"
