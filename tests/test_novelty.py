"""Novelty: how far a case is from the known ones, and how rare that is."""

import numpy as np
import pytest

from second_opinion.schema import Feature, Schema
from second_opinion.statistics.novelty import NEAREST, Neighbourhood

SCHEMA = Schema(
    [
        Feature(name="age", kind="number", missing=True),
        Feature(name="day", kind="date"),
        Feature(name="colour", kind="category", choices=("red", "blue")),
        Feature(name="note", kind="text"),
    ]
)


def made_up(count, seed):
    rng = np.random.default_rng(seed)
    return [
        {
            "age": None if rng.random() < 0.1 else round(float(rng.normal(50, 10)), 1),
            "day": f"2026-01-{rng.integers(1, 29):02}",
            "colour": str(rng.choice(["red", "blue"])),
            "note": f"note {rng.integers(1000)}",
        }
        for _ in range(count)
    ]


@pytest.fixture(scope="module")
def ward():
    return Neighbourhood(made_up(1000, 1), SCHEMA)


def test_about_one_in_a_hundred_cases_of_the_same_kind_is_called_unlike(ward):
    """The promise of a conformal p-value; the band is the one asked for, .5 to 1.5 %."""
    unlike = np.mean([ward.novelty(case).is_unlike for case in made_up(2000, 2)])
    assert 0.005 <= unlike <= 0.015


def test_a_case_that_is_far_in_one_field_is_unlike_and_names_it_first(ward):
    novelty = ward.novelty({"age": 190.0, "day": "2026-01-10", "colour": "red", "note": ""})
    assert novelty.is_unlike
    assert novelty.p_value == 1 / 201
    assert novelty.fields[0] == "age"


def test_a_rare_pair_of_common_values_is_unlike():
    """Each value alone is inside of what is known."""
    rng = np.random.default_rng(0)
    schema = Schema([Feature(name=name, kind="number") for name in ("height", "weight")])
    size = rng.normal(size=1000)
    known = [{"height": s, "weight": s + rng.normal(0, 0.05)} for s in size]
    assert not Neighbourhood(known, schema).novelty({"height": 1.5, "weight": 1.5}).is_unlike
    assert Neighbourhood(known, schema).novelty({"height": 1.5, "weight": -1.5}).is_unlike


def test_the_p_value_counts_held_out_cases_that_are_as_far():
    """Ten known cases at 0 to 9, two of them held out; the five nearest of 9 are 3 to 7."""
    schema = Schema([Feature(name="x", kind="number")])
    line = Neighbourhood([{"x": float(x)} for x in range(10)], schema)
    scale = 4.5  # the distance between the quartiles
    nine = line.novelty({"x": 9.0})
    assert nine.distance == pytest.approx(np.mean([2, 3, 4, 5, 6]) / scale)
    assert set(nine.nearest) == {3, 4, 5, 6, 7}
    # Of the two held out, 9 is as far.
    assert nine.p_value == 2 / 3
    assert line.novelty({"x": 4.0}).p_value == 1.0
    assert line.novelty({"x": 99.0}).p_value == 1 / 3
    assert not line.can_tell


def test_a_level_that_nobody_knows_and_a_missing_value_are_far_from_all(ward):
    usual = {"age": 50.0, "day": "2026-01-15", "colour": "red", "note": ""}
    assert ward.novelty({**usual, "colour": "green"}).distance > ward.novelty(usual).distance
    schema = Schema([Feature(name="age", kind="number", missing=True)])
    whole = Neighbourhood([{"age": float(x)} for x in range(600)], schema)
    assert whole.novelty({"age": None}).is_unlike


def test_a_text_and_a_constant_say_nothing(ward):
    usual = {"age": 50.0, "day": "2026-01-15", "colour": "red"}
    distances = {ward.novelty({**usual, "note": note}).distance for note in ("a", "b", "")}
    assert len(distances) == 1
    same = Neighbourhood([{"age": 3.0}] * 600, Schema([Feature(name="age", kind="number")]))
    assert same.novelty({"age": 3.0}).p_value == 1.0
    assert same.novelty({"age": 4.0}).is_unlike
    texts = Neighbourhood([{"note": "x"}] * 600, Schema([Feature(name="note", kind="text")]))
    assert not texts.can_tell


def test_five_known_cases_are_named(ward):
    assert len(ward.novelty(made_up(1, 3)[0]).nearest) == NEAREST
