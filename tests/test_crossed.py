"""What the model says by one feature or two: in pieces as at once, and every known case counted."""

import numpy as np
import pandas as pd
import pytest
from builders import examples
from hypothesis import given
from hypothesis import strategies as st

from second_opinion.schema import Choice, Feature
from second_opinion.statistics.crossed import Axis, Crossed, edge_texts, is_class, names_of
from second_opinion.statistics.histogram import Histogram
from second_opinion.statistics.tallies import Counts, of_feature

AGE = Feature(name="age", kind="integer", unit="years")
WEIGHT = Feature(name="weight", kind="number", unit="kg")
SINCE = Feature(name="since", kind="date")
COLOUR = Feature(
    name="colour",
    kind="category",
    choices=tuple(Choice(value=name, label=name.upper()) for name in ("red", "amber", "green")),
)
NUMBERS = st.one_of(st.floats(-1e5, 1e5).map(lambda v: round(v, 3)), st.just(np.nan))
LEVELS = st.sampled_from(["red", "green", "blue", None])
ROWS = st.lists(st.tuples(NUMBERS, LEVELS, st.sampled_from([0.0, 1.0, np.nan])), max_size=60)


def axis_of(feature, values, most=12):
    return Axis.of(feature, of_feature(feature).add(values), values, most)


def columns_of(rows):
    number = np.array([row[0] for row in rows], dtype=float)
    level = np.array([row[1] for row in rows] + [None], dtype=object)[:-1]
    return number, level, np.array([row[2] for row in rows], dtype=float)


@examples(60)
@given(ROWS, st.lists(st.integers(0, 60), max_size=3))
def test_pieces_are_the_whole_and_count_the_rows_that_know_all(rows, cuts):
    number, level, value = columns_of(rows)
    axes = axis_of(WEIGHT, number), axis_of(COLOUR, level, 2)
    whole = Crossed(*axes).add(number, level, value)
    pieces = Crossed(*axes)
    for begin, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(rows)], strict=True):
        pieces.add(number[begin:end], level[begin:end], value[begin:end])
    assert pieces.result().equals(whole.result())
    known = ~np.isnan(number) & ~pd.isna(level) & ~np.isnan(value)
    found = whole.result()
    assert whole.rows == found["count"].sum() == known.sum()
    assert (found["count"] > 0).all()
    if known.any():
        assert whole.mean == pytest.approx(value[known].mean())
        assert found["mean"] @ found["count"] == pytest.approx(value[known].sum())


@examples(60)
@given(st.lists(NUMBERS, min_size=1, max_size=60), st.integers(2, 15))
def test_each_number_stands_in_its_bin_and_there_are_few_bins(values, most):
    values = np.array(values)
    axis = axis_of(WEIGHT, values, most)
    places = axis.places(values)
    assert len(axis) == len(axis.ranges) == len(names_of(axis, WEIGHT)) <= most
    for value, place in zip(values, places, strict=True):
        assert (place == -1) == np.isnan(value)
        assert place == -1 or axis.ranges[place][0] <= value < axis.ranges[place][1]


def test_the_share_of_an_answer_is_known_by_hand():
    ages = np.array([20.0, 20, 40, 40, 40, np.nan])
    colours = np.array(["red", "green", "red", "red", None, "red"], dtype=object)
    leaves = is_class(np.array([1, 0, 1, 0, 1, 1], dtype=object), 1)
    x, y = Axis("number", edges=(30.0,)), axis_of(COLOUR, colours)
    found = Crossed(x, y).add(ages, colours, leaves).result()
    names = names_of(y, COLOUR)
    assert names == ["RED", "AMBER", "GREEN"]
    assert found.to_numpy().tolist() == [[0, 0, 1, 1.0], [0, 2, 1, 0.0], [1, 0, 2, 0.5]]
    alone = Crossed(x).add(ages, None, leaves)
    assert alone.result()[["x", "count", "mean"]].to_numpy().tolist() == [
        [0, 2, 0.5],
        [1, 3, pytest.approx(2 / 3)],
    ]
    assert alone.mean == pytest.approx(3 / 5)


def test_an_answer_keeps_one_and_its_text_apart():
    answers = np.array([1, 0, "1", None, 1.0], dtype=object)
    assert is_class(answers, 1).tolist()[:3] == [1.0, 0.0, 0.0]
    assert np.isnan(is_class(answers, 1)[3])
    assert is_class(pd.Categorical(["a", "b", None]), "b").tolist()[:2] == [0.0, 1.0]


def test_whole_numbers_stand_by_themselves_and_dates_by_their_days():
    visits = Feature(name="visits", kind="integer")
    axis = axis_of(visits, np.array([0.0, 1, 1, 2, 3]))
    assert names_of(axis, visits) == ["0", "1", "2", "3"]
    far = np.array([0.0, 1, 1, 2, 3] * 40 + [900.0])
    assert names_of(axis_of(visits, far), visits) == ["0", "1", "2", "3 or more"]
    days = np.array(["2024-01-01", "2024-06-01", "2024-12-31"], dtype="datetime64[s]")
    axis = axis_of(SINCE, days)
    assert names_of(axis, SINCE)[0] == f"below {edge_texts(axis)[0]}"
    assert axis.places(days).tolist() == sorted(axis.places(days))


def test_one_far_value_does_not_press_the_others_into_one_bin():
    weights = np.append(np.linspace(40, 120, 500), 1e6)
    axis = axis_of(WEIGHT, weights)
    counts = np.bincount(axis.places(weights), minlength=len(axis))
    assert len(axis) >= 7
    assert counts.max() < 120
    assert names_of(axis, WEIGHT)[-1].endswith(" and more")


def test_many_levels_become_the_commonest_and_all_others():
    region = Feature(name="region", kind="text")
    names = [f"level {n}" for n in range(10_000)] + ["level 7"] * 5
    axis = Axis.of(region.model_copy(update={"kind": "category"}), Counts().add(names), names)
    assert (len(axis), axis.others) == (13, True)
    places = axis.places(np.array(["level 7", "level 9999", "never", None], dtype=object))
    assert axis.levels[places[0]] == "level 7"
    assert places.tolist()[1:] == [12, 12, -1]


def test_nothing_known_makes_no_cell():
    axis = Axis.of(WEIGHT, Histogram().add([np.nan]), np.array([np.nan]))
    found = Crossed(axis).add(np.array([np.nan]), None, np.array([1.0]))
    assert (found.rows, len(found.result())) == (0, 0)
    assert np.isnan(found.mean)


def test_every_one_of_a_million_rows_is_counted():
    """In chunks, as a batch is read."""
    rng = np.random.default_rng(0)
    number, answer = rng.lognormal(size=1_000_000), rng.random(1_000_000)
    level = pd.Categorical(rng.choice(["red", "green"], 1_000_000))
    axes = axis_of(WEIGHT, number), axis_of(COLOUR, level)
    found = Crossed(*axes)
    for at in range(0, 1_000_000, 100_000):
        piece = slice(at, at + 100_000)
        found.add(number[piece], level[piece], answer[piece])
    assert found.rows == 1_000_000
    assert found.result()["count"].sum() == 1_000_000
