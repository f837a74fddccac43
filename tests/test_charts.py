"""Charts: every number of a table stands in its figure, the sentence above it is true of them, and
no text of the data is taken for markup or a colour that one theme alone can show."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from second_opinion import charts, charts_stacked, charts_verdicts
from second_opinion.card import ModelCard
from second_opinion.charts import Beside
from second_opinion.schema import Feature
from second_opinion.statistics import calibration, feedback
from second_opinion.statistics.bars import Bars
from second_opinion.statistics.distributions import Counts, Means, Pairs

TAGS = '<a href="https://evil.example">x</a> & <b>bold</b>'


def card_of(task="binary", classes=("Stays", "Leaves"), **about):
    return ModelCard.model_validate(
        {
            "name": "m",
            "version": "1",
            "title": "M",
            "task": task,
            "target": {"name": "leaves", "unit": "mg" if task == "regression" else ""},
            "features": [{"name": "age", "kind": "number", "unit": "years"}],
            "artifact": {"file": "a.joblib", "format": "joblib", "sha256": "0" * 64},
            "classes": [{"value": at, "label": name} for at, name in enumerate(classes)]
            if task != "regression"
            else [],
            "positive": 1 if task == "binary" else None,
        }
        | about
    )


def sent(chart):
    """What the browser gets of a figure."""
    return json.loads(chart.figure.to_json())


def colours(part):
    """Every colour in a figure, however deep."""
    if isinstance(part, dict):
        for name, value in part.items():
            if name.endswith("color") and isinstance(value, (str, list)):
                yield from [value] if isinstance(value, str) else value
            else:
                yield from colours(value)
    elif isinstance(part, list):
        for value in part:
            yield from colours(value)


def every_chart():
    """One of each kind, on data that wants to be markup."""
    card = card_of(classes=(TAGS, "Leaves"))
    rng = np.random.default_rng(0)
    sure, said = rng.uniform(0.5, 1, 200), rng.integers(0, 2, 200)
    days = np.array(["2026-11-01", "2026-11-02"])[rng.integers(0, 2, 200)]
    wrong = (rng.random(200) < 0.2).astype(float)
    counts = Counts((0, 1)).add(said).result()
    bars = Bars().add(rng.normal(50, 9, 200)).result()
    age = Feature(name="age", kind="number", label=TAGS, unit=TAGS)
    drift = pd.DataFrame({"size": [0.3, 0.02], "moved": [True, False]})
    drift["verdict"] = ["moved", "steady"]
    regression = card_of("regression")
    return {
        "answers": charts.answers(card, counts, 200, Beside(TAGS, np.array([0.6, 0.4]))),
        "numbers": charts.answers(regression, bars, 200, Beside(TAGS, np.full(len(bars), 0.1))),
        "confidence": charts_stacked.confidence(
            card, Pairs(np.round(np.linspace(0, 1, 21), 2)).add(sure, said).result(), 40, 200
        ),
        "feature": charts.feature(age, bars, "is steady"),
        "drift": charts.drift(drift, [TAGS, "Age"]),
        "per_day": charts_stacked.per_day(card, Pairs().add(days, said).result()),
        "mean": charts_stacked.mean_per_day(card, Means().add(days, sure).result()),
        "agreement": charts_verdicts.agreement_per_day(feedback.errors_by(sorted(days), wrong)),
        "reliability": charts_verdicts.reliability(calibration.bins(sure, 1 - wrong)),
        "risk": charts_verdicts.risk_coverage(calibration.risk_coverage(sure, wrong)),
    }


CHARTS = every_chart()


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_has_a_title_axes_alternative_text_and_as_many_marks_as_rows(name):
    chart = CHARTS[name]
    figure = sent(chart)
    assert chart.title in chart.alt
    assert any(letter.isdigit() for letter in chart.title) or name == "feature"
    assert figure["layout"]["xaxis"]["title"]["text"]
    assert figure["layout"]["yaxis"].get("title", {}).get("text") or name == "drift"
    first = figure["data"][0]
    assert list(first["customdata"]) == list(range(len(chart.table)))
    assert set(chart.shares) - set(charts.SHARES) <= set(chart.table.columns)


@pytest.mark.parametrize("name", CHARTS)
def test_every_colour_is_a_place_of_the_theme_s_palette(name):
    figure = sent(CHARTS[name])
    figure["layout"].pop("template", None)
    found = set(colours(figure))
    assert found
    palette = {charts.MODEL, charts.EXPERTS, charts.REFERENCE, charts.TEXT, charts.PAPER}
    assert found <= palette | set(charts_stacked.CLASSES)


@pytest.mark.parametrize("name", CHARTS)
def test_no_text_of_the_data_is_markup_in_a_figure(name):
    figure = sent(CHARTS[name])
    figure["layout"].pop("template", None)
    text = json.dumps(figure, ensure_ascii=False)
    assert "<a" not in text
    assert "<b>" not in text


def test_the_title_names_the_positive_class_with_its_count_and_share():
    found = Counts((0, 1)).add(np.repeat([0, 1], [1002, 235])).result()
    chart = charts.answers(card_of(), found, 1237)
    assert chart.title == "Leaves is predicted for 235 of 1,237 cases (19 %)"
    table = chart.table.set_index("The model says")
    assert table.loc["Leaves", "Cases"] == 235
    assert sent(chart)["data"][0]["x"] == [1002 / 1237, 235 / 1237]


def test_of_many_classes_the_commonest_is_told():
    found = Counts(range(3)).add([0, 0, 1, 1, 1, 2]).result()
    chart = charts.answers(card_of("multiclass", "ABC", positive=None), found, 6)
    assert chart.title == "B is predicted for 3 of 6 cases (50 %)"


@given(st.lists(st.tuples(st.floats(0, 1), st.sampled_from(range(12))), min_size=1, max_size=60))
def test_the_stacks_of_confidence_hold_every_case_once(rows):
    sure, said = np.array([r[0] for r in rows]), [r[1] for r in rows]
    names = [f"Class {at}" for at in range(12)]
    card = card_of("multiclass", classes=names, positive=None)
    found = Pairs(np.round(np.linspace(0, 1, 21), 2)).add(sure, said).result()
    chart = charts_stacked.confidence(card, found, int((sure < 0.6).sum()), len(rows))
    traces = sent(chart)["data"]
    assert sum(sum(trace["y"]) for trace in traces) == len(rows)
    assert chart.table.drop(columns="From").to_numpy().sum() == len(rows)
    assert len(traces) <= charts_stacked.MOST_CLASSES
    numbered = [place for trace in traces for place in trace["customdata"]]
    assert numbered == list(range(len(numbered)))


def test_classes_that_python_takes_for_one_another_are_stacked_apart():
    found = Pairs()
    for value in (True, 1, "1"):
        found.add(["2026-11-01"], [value])
    card = card_of("multiclass", "ab", positive=None)
    chart = charts_stacked.per_day(card, found.result())
    assert len(sent(chart)["data"]) == 3
    assert chart.title == "3 predictions on 1 day"


def test_dates_stand_as_days():
    admitted = Feature(name="admitted", kind="date", label="Admitted")
    found = Bars.of(admitted).add(pd.Series(["2026-01-01", "2026-03-01", None])).result()
    chart = charts.feature(admitted, found, "is steady")
    assert sent(chart)["layout"]["xaxis"]["type"] == "date"
    assert chart.table["From"].iloc[0].startswith("2026-01")


def test_reliability_says_how_sure_and_how_right():
    sure, right = np.repeat([0.7, 0.9], 50), np.tile([1, 1, 1, 1, 0], 20)
    chart = charts_verdicts.reliability(calibration.bins(sure, right))
    assert chart.title == "The model is 80 % sure on average and right in 80 % of 100 verdicts"


def test_agreement_turns_errors_and_their_interval_round():
    found = feedback.errors_by(["2026-11-01"] * 20, [1.0] * 5 + [0.0] * 15)
    chart = charts_verdicts.agreement_per_day(found)
    row = chart.table.iloc[0]
    assert (row["Agree"], row["Verdicts"]) == (0.75, 20)
    assert row["At least"] == pytest.approx(0.5313, abs=1e-4)
    assert row["At most"] == pytest.approx(0.8881, abs=1e-4)
    error = sent(chart)["data"][0]["error_y"]
    assert error["array"][0] == pytest.approx(row["At most"] - 0.75)
    assert error["arrayminus"][0] == pytest.approx(0.75 - row["At least"])


def test_long_names_are_cut():
    found = Counts().add(["x" * 500, "y"]).result()
    chart = charts.levels("Title", found, str, "Name")
    assert max(map(len, sent(chart)["layout"]["yaxis"]["ticktext"])) == charts.LONGEST_NAME
    assert len(chart.table["Name"].max()) <= 500
