"""Charts of a review: every number of a table stands in its figure, and the sentence above it is
true of them."""

import json

import numpy as np
import pandas as pd
import pytest
from figures import TAGS, colours, drawn_in, sent
from hypothesis import given
from hypothesis import strategies as st

from second_opinion.charts import accuracy, verdict_charts
from second_opinion.charts.chart import EXPERTS, MODEL, PAPER, REFERENCE, TEXT
from second_opinion.review import groups, totals
from second_opinion.statistics.calibration import bland_altman

COUNTS = pd.DataFrame([[190, 37], [16, 49]])


def named(*rows):
    """Groups by name, right, wrong and unsure."""
    table = pd.DataFrame(rows, columns=["name", "right", "wrong", "unsure"])
    table["verdicts"] = table["right"] + table["wrong"] + table["unsure"]
    return totals.with_agreement(table)


def pairs(gaps):
    answers = np.linspace(50, 60, len(gaps))
    return pd.DataFrame({"value": answers + gaps, "answer": answers})


def every_chart():
    """One of each kind, on names that want to be markup."""
    days = named(("2026-11-19", 3, 1, 0), ("2026-11-20", 4, 0, 1))
    some = pairs(np.array([0.0, 0, 0, -4, 3, 10]))
    return {
        "groups": accuracy.right_by("by {}", TAGS, named((TAGS, 3, 1, 2), ("{x}", 4, 4, 0))),
        "nobody": accuracy.right_by("by {}", "Expert", named(("Ada", 0, 0, 2))),
        "days": verdict_charts.agreement_per_day(
            groups.as_errors(days), verdict_charts.RIGHT, clickable=True
        ),
        "confusion": accuracy.confusion(COUNTS, [TAGS, "Leaves"]),
        "many": accuracy.confusion(
            pd.DataFrame(np.eye(9, dtype=int)), [f"Class {at}" for at in range(9)], as_shares=True
        ),
        "distances": accuracy.bland_altman(some, bland_altman(some["value"], some["answer"]), TAGS),
        "errors": accuracy.errors(some, TAGS),
    }


CHARTS = every_chart()
# Whose each mark is: what the model says, or what it is held against.
WHOSE = {
    "groups": [REFERENCE, MODEL],
    "nobody": [REFERENCE, MODEL],
    "days": [MODEL],
    "confusion": [MODEL, MODEL, MODEL],
    "many": [MODEL] * 10,
    "distances": [MODEL, EXPERTS, EXPERTS, EXPERTS],
    "errors": [MODEL],
}


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_has_a_title_axes_alternative_text_and_as_many_marks_as_rows(name):
    chart = CHARTS[name]
    figure = sent(chart)
    assert chart.title in chart.alt
    assert any(letter.isdigit() for letter in chart.title)
    assert figure["layout"]["xaxis"]["title"]["text"]
    assert figure["layout"]["yaxis"]["title"]["text"]
    assert list(figure["data"][0]["customdata"]) == list(range(len(chart.table)))
    assert set(chart.shares) <= set(chart.table.columns)


@pytest.mark.parametrize("name", CHARTS)
def test_colours_are_of_the_theme_and_no_text_of_the_data_is_markup(name):
    figure = sent(CHARTS[name])
    figure["layout"].pop("template", None)
    palette = {MODEL, EXPERTS, REFERENCE, TEXT, PAPER}
    assert set(colours(figure)) <= palette
    text = json.dumps(figure, ensure_ascii=False)
    assert "<a" not in text
    assert "<b>" not in text


@pytest.mark.parametrize("name", CHARTS)
def test_a_colour_tells_whose_a_mark_is(name):
    assert drawn_in(CHARTS[name]) == WHOSE[name]


def test_groups_stand_in_the_table_with_their_interval():
    known = named(("Ada", 3, 1, 2), ("Bo", 9, 1, 0), ("Cy", 0, 0, 1))
    chart = accuracy.right_by("by {}", "Expert", known)
    row = chart.table.iloc[0]
    assert row[["Expert", "Right", "Wrong", "Unsure", "Share right"]].tolist() == [
        "Ada",
        3,
        1,
        2,
        0.75,
    ]
    assert row["At least"] == pytest.approx(0.3006, abs=1e-4)
    tracks, diamonds, words = sent(chart)["data"]
    assert diamonds["x"][:2] == [0.75, 0.9]
    assert diamonds["error_x"]["arrayminus"][0] == pytest.approx(0.75 - 0.3006, abs=1e-4)
    assert words["text"] == ["3 of 4", "90 % of 10", "nobody could say"]
    assert tracks["x"] == [1, 1, 1]


@pytest.mark.parametrize(
    ("groups", "title"),
    [
        (
            [("Ada", 15, 5, 2), ("Bo", 9, 1, 0), ("Cy", 2, 0, 1)],
            "90 % of verdicts by Bo and 75 % by Ada",
        ),
        ([("Ada", 9, 1, 0), ("Bo", 18, 2, 0)], "90 % of verdicts by Ada and Bo alike"),
        (
            [("Ada", 9, 1, 0), ("Bo", 18, 2, 0), ("Cy", 5, 5, 0)],
            "90 % of verdicts by Ada and Bo and 50 % by Cy",
        ),
        (
            [("Ada", 10, 0, 0), *[(name, 9, 1, 0) for name in "BCDEF"]],
            "100 % of verdicts by Ada and 90 % by B, C and 3 others",
        ),
        (
            [("Ada", 3, 1, 2), ("Bo", 9, 1, 0)],
            "85.7 % of 14 verdicts; groups of fewer than 10 are not compared",
        ),
        (
            [("Ada", 2, 0, 0), ("Bo", 1, 1, 0)],
            "3 of 4 verdicts; groups of fewer than 10 are not compared",
        ),
        ([("Ada", 2, 0, 0)], "2 of 2 verdicts by Ada"),
    ],
)
def test_few_verdicts_make_no_headline_and_ties_are_said(groups, title):
    chart = accuracy.right_by("by {}", "Expert", named(*groups))
    assert chart.title == f"The model is right in {title}"


def test_mistakes_that_are_equally_many_are_all_told():
    counts = pd.DataFrame([[20, 3, 0], [3, 20, 0], [0, 1, 20]])
    assert accuracy.confusion_title(counts, ["a", "b", "c"]) == (
        "The model is right in 89.6 % of 67 verdicts; equally often wrong (3 each): it says a "
        "where b is right and it says b where a is right"
    )


def test_one_group_is_told_with_its_number_of_verdicts():
    chart = accuracy.right_by("on version {}", "Version", named(("2", 9, 1, 3)))
    assert chart.title == "The model is right in 90 % of 10 verdicts on version 2"


def test_of_very_many_groups_the_first_are_drawn_and_the_table_has_all():
    chart = accuracy.right_by("by {}", "Expert", named(*[(f"E {n}", 1, 1, 0) for n in "ab" * 40]))
    assert len(sent(chart)["data"][0]["y"]) == accuracy.MOST_GROUPS
    assert len(chart.table) == 80


def test_a_tile_has_its_count_and_its_share_of_the_row():
    chart = accuracy.confusion(COUNTS, ["Stays", "Leaves"])
    assert chart.title == (
        "The model is right in 81.8 % of 292 verdicts; most often wrong: it says Stays where "
        "Leaves is right (37)"
    )
    tiles, sums = sent(chart)["data"]
    assert tiles["text"] == [
        *("190<br>83.7 %", "37<br>16.3 %", "16<br>24.6 %", "49<br>75.4 %"),
    ]
    assert sums["text"] == ["227", "65"]
    assert chart.table["Verdicts"].tolist() == [190, 37, 16, 49]
    assert chart.table["Share of the row"].tolist()[0] == pytest.approx(190 / 227)


def test_a_model_that_is_always_right_has_no_mistake_to_tell_of():
    chart = accuracy.confusion(pd.DataFrame([[5, 0], [0, 0]]), ["yes", "no"])
    assert chart.title == "The model is right in 5 of 5 verdicts"
    assert sent(chart)["data"][0]["text"] == ["5<br>100 %", "0<br>0 %", "0<br>–", "0<br>–"]


@pytest.mark.slow
@given(st.lists(st.integers(0, 50), min_size=9, max_size=9).filter(any))
def test_tiles_hold_every_verdict_once_and_stay_pale_enough_for_their_words(cells):
    counts = pd.DataFrame(np.array(cells).reshape(3, 3))
    chart = accuracy.confusion(counts, ["a", "b", "c"])
    assert chart.table["Verdicts"].sum() == sum(cells)
    tiles = sent(chart)["data"][0]
    depth = tiles["marker"]["opacity"]
    assert min(depth) >= accuracy.LIGHTEST
    assert max(depth) <= accuracy.DARKEST
    assert [round(base + 0.48) for base in tiles["base"]] == [0, 1, 2] * 3


def test_of_many_tiles_the_empty_ones_say_nothing():
    assert sent(CHARTS["many"])["data"][0]["text"].count("100 %") == 9
    assert sent(CHARTS["many"])["data"][0]["text"].count("") == 72


def test_distances_are_told_with_their_limits():
    given = pairs(np.arange(3000.0) % 5 - 3)
    limits = bland_altman(given["value"], given["answer"])
    chart = accuracy.bland_altman(given, limits, "mg")
    assert chart.title == (
        "The model lies 1 mg below what counts as right on average; 95 % of differences lie from "
        "−3.77 to 1.77 mg"
    )
    assert 100 < len(chart.table) <= accuracy.MOST_POINTS
    assert {shape["y0"] for shape in sent(chart)["layout"]["shapes"]} >= {limits.bias}


def test_errors_are_counted_between_round_numbers():
    chart = accuracy.errors(pairs(np.array([0.0, 0, 0, -4, 3, 10])), "mg")
    said = "3 of 6 verdicts name the model's own number; half of the others lie within 4 mg of it"
    assert chart.title == said
    assert chart.table["Verdicts"].sum() == 6
    same = accuracy.errors(pairs(np.zeros(3)), "mg")
    assert same.title == "3 of 3 verdicts name the model's own number"
    assert same.table["Verdicts"].sum() == 3
