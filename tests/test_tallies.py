"""What charts show, added up chunk by chunk: in pieces as at once, and nothing lost."""

import itertools
import tracemalloc
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from second_opinion import Registry
from second_opinion.distributions import overview
from second_opinion.distributions.overview import Overview
from second_opinion.schema import Feature, Schema
from second_opinion.statistics import tallies
from second_opinion.statistics.histogram import Histogram, round_edges
from second_opinion.statistics.tallies import Counts, Faults, Means, Pairs
from second_opinion.statistics.training_summary import Reference

NUMBERS = st.one_of(
    st.floats(-1e6, 1e6).map(lambda value: round(value, 4)),
    st.integers(-1000, 1000).map(float),
    st.sampled_from([np.nan, np.inf, 0.0, 0.1, 0.3, 1e12, -1e12, 1e-6]),
)
LEVELS = st.sampled_from(["a", "b", "c", None, True, "1", 7])


@pytest.fixture(autouse=True)
def _no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def in_pieces(start, columns, cuts):
    """Chunks of the columns, empty ones too, added one after the other."""
    ends = [0, *sorted(min(cut, len(columns[0])) for cut in cuts), len(columns[0])]
    for begin, end in itertools.pairwise(ends):
        start.add(*(column[begin:end] for column in columns))
    return start


cuts = st.lists(st.integers(0, 40), max_size=4)


@given(st.lists(NUMBERS, max_size=40), cuts)
@example([0.0, 1e6], [1])
@example([1e-6, -1e12], [1])
def test_bars_in_pieces_are_those_of_all_at_once(values, cut):
    values = np.array(values, dtype=float)
    pieces, whole = in_pieces(Histogram(), [values], cut), Histogram().add(values)
    assert pieces.result().equals(whole.result())
    assert (pieces.missing, pieces.rows) == (whole.missing, whole.rows) == (
        (~np.isfinite(values)).sum(), len(values),
    )  # fmt: skip


@given(st.lists(NUMBERS, max_size=40), st.integers(1, 50))
def test_each_number_stands_in_the_bar_between_whose_edges_it_lies(values, most):
    values = np.array(values, dtype=float)
    known = values[np.isfinite(values)]
    found = Histogram().add(values).result(most)
    assert found["count"].sum() == len(known)
    assert len(found) <= max(most, 2)
    for bar in found.itertuples():
        assert bar.count == ((bar.low <= known) & (known < bar.high)).sum()


@pytest.mark.parametrize(
    ("values", "most", "expected"),
    [
        ([18, 89], 10, [10, 20, 30, 40, 50, 60, 70, 80, 90]),
        ([0.1, 0.34], 10, [0.1, 0.15, 0.2, 0.25, 0.3, 0.35]),
        ([-250, 4900], 30, [*range(-400, 5200, 200)]),
        ([3, 3], 30, [3, 3.01]),
    ],
)
def test_edges_are_round(values, most, expected):
    assert round_edges(*values, most).tolist() == pytest.approx(expected)


def test_bars_of_whole_numbers_are_no_narrower_than_one():
    found = Histogram.of(Feature(name="visits", kind="integer")).add([0, 1, 1, 3]).result()
    assert found["low"].tolist() == [0, 1, 2, 3]
    assert found["count"].tolist() == [1, 2, 0, 1]
    assert found["share"].sum() == 1


def test_bars_have_the_digits_of_the_feature():
    feature = Feature(name="score", kind="number", places=1)
    assert Histogram.of(feature).add([0.1, 0.2, 0.3]).result()["low"].tolist() == [0.1, 0.2, 0.3]


def test_bars_of_dates_have_dates_as_edges():
    days = pd.Series(
        pd.to_datetime(["2024-01-01 00:00", "2024-01-03 17:00", None, "2024-01-03 00:00"])
    )
    found = Histogram.of(Feature(name="since", kind="date")).add(days).result()
    assert found["low"].tolist() == [pd.Timestamp(2024, 1, day) for day in (1, 2, 3)]
    assert found["count"].tolist() == [1, 0, 2]


def test_bars_of_nothing_are_none():
    assert len(Histogram().result()) == 0
    assert len(Histogram().add([None, np.nan]).result()) == 0


@given(st.lists(LEVELS, max_size=40), cuts)
def test_counts_in_pieces_are_those_of_all_at_once(values, cut):
    values = np.array(values, dtype=object)
    pieces, whole = in_pieces(Counts("ab"), [values], cut), Counts("ab").add(values)
    assert pieces.result(3).equals(whole.result(3))
    assert pieces.result(99)["count"].sum() + pieces.missing == len(values)


def test_counts_know_their_levels_before_any_case():
    found = Counts(["stays", "leaves"]).add(["stays", None]).result()
    assert found["value"].tolist() == ["stays", "leaves"]
    assert found["count"].tolist() == [1, 0]
    assert found["share"].tolist() == [1.0, 0.0]


def test_ten_thousand_levels_become_thirty_and_all_others():
    names = [f"level {n}" for n in range(10_000)]
    found = Counts().add(names + names[:30]).result()
    assert len(found) == 31
    assert set(found["value"][:30]) == set(names[:30])
    assert found.iloc[30].tolist() == ["all others", 9970, 9970 / 10_030]


@pytest.mark.slow
@given(st.lists(st.tuples(LEVELS, NUMBERS), max_size=40), cuts)
def test_pairs_in_pieces_are_those_of_all_at_once(rows, cut):
    level = np.array([a for a, _ in rows] + [None], dtype=object)[:-1]
    number = np.array([b for _, b in rows], dtype=float)
    edges = np.array([0.0, 1, 10])
    pieces = in_pieces(Pairs(None, edges), [level, number], cut)
    assert pieces.result(2).equals(Pairs(None, edges).add(level, number).result(2))
    known = sum(a is not None and np.isfinite(b) for a, b in rows)
    assert pieces.result(2)["count"].sum() == known


def test_a_heat_map_counts_each_pair():
    found = Pairs(np.array([0.0, 10, 20])).add([1, 5, 12, 99, None], ["a", "b", "a", "a", "a"])
    assert found.result().to_numpy().tolist() == [[0.0, "a", 1], [0.0, "b", 1], [10.0, "a", 2]]


def test_rare_levels_of_a_heat_map_stand_together():
    names = [f"{n}" for n in range(5000)] + ["often"] * 9
    found = Pairs().add(names, ["y"] * len(names)).result(1)
    assert found.to_numpy().tolist() == [["often", "y", 9], ["all others", "y", 5000]]


@given(st.lists(st.tuples(LEVELS, st.integers(-9, 9) | st.none()), max_size=40), cuts)
def test_means_in_pieces_are_those_of_all_at_once(rows, cut):
    group = np.array([a for a, _ in rows] + [None], dtype=object)[:-1]
    number = np.array([b for _, b in rows], dtype=float)
    pieces = in_pieces(Means(), [group, number], cut).result()
    assert pieces.equals(Means().add(group, number).result())
    for row in pieces.itertuples():
        inside = [b for a, b in rows if type(a) is type(row.group) and a == row.group]
        assert row.mean == pytest.approx(np.mean([b for b in inside if b is not None]))


@pytest.fixture
def schema():
    return Schema(
        [
            Feature(name="age", kind="integer", min=18, max=90),
            Feature(name="since", kind="date", min="2024-01-01", max="2024-12-31"),
            Feature(name="plan", kind="category", choices=("a", "b")),
            Feature(name="note", kind="text"),
        ]
    )


def test_faults_are_counted_feature_by_feature(schema):
    frame = pd.DataFrame(
        {
            "age": [17, 18, 90, 91, None],
            "since": pd.to_datetime(
                ["2023-12-31 00:00", "2024-12-31 23:00", "2025-01-01 00:00", None, None]
            ),
            "plan": ["a", "b", "c", "d", None],
            "note": ["x", None, None, "y", "z"],
        }
    )
    pieces = Faults(schema).add(frame[:2], 2).add(frame[2:], 3).result()
    assert pieces.equals(Faults(schema).add(frame, 5).result())
    counts = pieces.set_index("feature")[["missing", "out_of_range", "unseen"]]
    assert counts.loc["age"].tolist() == [1, 2, 0]
    assert counts.loc["since"].tolist() == [2, 2, 0]
    assert counts.loc["plan"].tolist() == [1, 0, 2]
    assert counts.loc["note"].tolist() == [2, 0, 0]
    assert pieces["unseen_share"].tolist() == [0, 0, 0.4, 0]
    assert Faults(schema).result()["missing_share"].tolist() == [0, 0, 0, 0]


def test_the_reference_stands_behind_the_bars(schema):
    """From rows exactly, from the summary to its grain."""
    rng = np.random.default_rng(0)
    reference = pd.DataFrame(
        {
            "age": rng.integers(18, 90, 4000),
            "since": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 366, 4000), "D"),
            "plan": rng.choice(["a", "b", None], 4000),
            "note": "x",
        }
    )
    stored = Reference.of(reference, schema)
    for feature in list(schema)[:3]:
        result = tallies.of_feature(feature).add(reference[feature.name]).result()
        exact = tallies.reference_shares(reference, feature, result)
        assert exact == pytest.approx(result["share"].to_numpy())
        rough = tallies.reference_shares(stored, feature, result)
        # A grain of the summary at either end of a bar.
        assert rough == pytest.approx(exact, abs=2 / 200)
        assert rough.sum() == pytest.approx(1)
    assert tallies.reference_shares(stored, schema["note"], pd.DataFrame()) is None


def test_rarer_levels_of_the_reference_stand_together():
    feature = Feature(name="x", kind="category", choices=("a", "b", "c"))
    result = Counts().add(["a"] * 5 + ["b"]).result(1)
    shares = tallies.reference_shares(pd.DataFrame({"x": list("aabc")}), feature, result)
    assert result["value"].tolist() == ["a", "all others"]
    assert shares.tolist() == [0.5, 0.5]


@pytest.fixture(scope="module")
def scored(models, training):
    """The card and 400 scored cases with times, of a classifier of every kind of feature."""
    model = Registry(models).load("triage")
    cases = training[0]
    return model.card, cases, model.predict(cases)


def tables(overview):
    parts = [overview.answers, overview.confidence, overview.faults, overview.days, overview.daily]
    return [part.result() for part in [*parts, *overview.features.values()]]


def test_one_pass_in_pieces_gives_every_table_of_the_page(scored):
    card, cases, answers = scored
    when = pd.Series(pd.Timestamp("2026-11-18T22:00Z") + pd.to_timedelta(np.arange(400) * 9, "min"))
    whole, pieces = Overview(card), Overview(card)
    whole.add(cases, answers["value"], answers["confidence"], when)
    for at in range(0, 400, 150):
        part = slice(at, at + 150)
        pieces.add(cases[part], answers["value"][part], answers["confidence"][part], when[part])
    for one, other in zip(tables(pieces), tables(whole), strict=True):
        pd.testing.assert_frame_equal(one, other)
    assert (pieces.rows, pieces.low, pieces.sure) == (whole.rows, whole.low, whole.sure)
    assert whole.low == (answers["confidence"].astype(float) < card.bands.low).sum()
    shown = whole.answers.result()
    assert dict(zip(shown["value"], shown["count"], strict=True)) == dict(
        answers["value"].value_counts()
    )
    assert whole.confidence.result()["count"].sum() == 400
    assert set(whole.days.result()["x"]) == {"2026-11-18", "2026-11-19", "2026-11-20", "2026-11-21"}
    assert list(whole.features) == [f.name for f in card.features if f.kind != "text"]


def test_regression_has_bars_of_answers_and_no_confidence(models):
    card = Registry(models).load("dose").card
    found = Overview(card).add({}, [1.5, 2.5, np.nan], None, ["2026-11-18"] * 3)
    assert found.answers.result()["count"].sum() == 2
    assert found.answers.missing == 1
    assert found.daily.result().to_numpy().tolist() == [["2026-11-18", 2, 2.0]]
    assert found.sure == 0


def test_no_case_gives_empty_tables(scored):
    for found in tables(Overview(scored[0])):
        assert "count" not in found or found["count"].sum() == 0


def test_a_million_rows_are_added_up_in_little_memory():
    """That of a few chunks."""
    rng = np.random.default_rng(0)
    chunks = [
        (rng.lognormal(size=50_000), pd.Series(rng.choice(list("abc"), 50_000)), rng.random(50_000))
        for _ in range(20)
    ]
    bars, pairs = Histogram(), Pairs(overview.CONFIDENCE_EDGES)
    for numbers, levels, confidence in chunks:
        bars.add(numbers)
        pairs.add(confidence, levels)
    tracemalloc.start()
    for numbers, levels, confidence in chunks[:2]:
        bars.add(numbers)
        pairs.add(confidence, levels)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert bars.rows == 1_100_000
    assert peak < 10e6


def test_levels_that_nobody_has_are_not_counted_as_different_ones():
    found = Counts(["a", "b", "c"]).add(["a", "a", None, "d"])
    assert found.distinct == 2
