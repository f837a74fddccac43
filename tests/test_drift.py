"""Whether cases have changed: quiet data stays quiet, a shift is found, and nothing raises."""

import warnings

import numpy as np
import pandas as pd
import pytest
from builders import most, runs_of
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from second_opinion.schema import Feature, Schema
from second_opinion.statistics import drift
from second_opinion.statistics.samples import Grid, Sample, distance
from second_opinion.statistics.training_summary import Reference, summary

RUNS = runs_of(200)
LEVELS = [f"level {n}" for n in range(12)]


@pytest.fixture(autouse=True)
def _no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def cases(rng, rows, shift=0.0):
    """Twenty features of many forms; the shift, in sd, moves the first alone."""
    frame = {f"normal {n}": rng.normal(size=rows) for n in range(8)}
    frame["normal 0"] = frame["normal 0"] + shift
    frame |= {f"skewed {n}": rng.lognormal(size=rows).round(2) for n in range(2)}
    frame |= {f"whole {n}": rng.integers(0, 9, rows) for n in range(3)}
    frame |= {f"level {n}": rng.choice(LEVELS, rows, p=weights(n)) for n in range(5)}
    frame["smoker"] = rng.random(rows) < 0.1
    frame["holes"] = np.where(rng.random(rows) < 0.2, np.nan, rng.normal(size=rows))
    return pd.DataFrame(frame)


def weights(n):
    shares = 1.0 / np.arange(1, 13) ** (n / 2)
    return shares / shares.sum()


def summarised(frame):
    """What is stored of the frame by default."""
    shapes = {name: "number" if frame[name].dtype.kind in "if" else "level" for name in frame}
    return Reference(len(frame), {name: summary(frame[name], shapes[name]) for name in frame})


def row(reference, current, **options):
    """The comparison of two columns."""
    found = drift.compare(pd.DataFrame({"x": reference}), pd.DataFrame({"x": current}), **options)
    return found.iloc[0]


def test_psi_gives_the_known_figure():
    assert drift.psi((0.25, 0.25, 0.25, 0.25), (0.4, 0.3, 0.2, 0.1)) == pytest.approx(
        0.22822, abs=5e-6
    )
    assert drift.psi((25, 25, 25, 25), (400, 300, 200, 100)) == pytest.approx(0.22822, abs=5e-6)


def test_psi_of_an_empty_bin_is_finite_and_of_nothing_not_defined():
    assert 0 < drift.psi((0.5, 0.5), (1, 0)) < 10
    assert np.isnan(drift.psi((0, 0), (0.5, 0.5)))


def test_psi_of_quiet_data_is_its_expected_noise():
    rng = np.random.default_rng(0)
    found = [
        row(rng.normal(size=2000), rng.normal(size=500))[["psi", "psi_noise"]] for _ in range(60)
    ]
    psi, noise = np.array(found, dtype=float).T
    assert noise[0] == pytest.approx(9 * (1 / 2000 + 1 / 500))
    assert psi.mean() == pytest.approx(noise[0], rel=0.2)


def test_numbers_are_compared_as_scipy_does():
    rng = np.random.default_rng(1)
    for decimals in (1, 8):
        a, b = rng.normal(size=900).round(decimals), rng.normal(0.1, size=300).round(decimals)
        expected = stats.ks_2samp(a, b, method="asymp")
        found = row(a, b)
        assert (found["statistic"], found["p_value"]) == pytest.approx(tuple(expected))
        assert found["size"] == found["statistic"]


@given(st.lists(st.integers(-5, 5), min_size=1), st.lists(st.integers(-5, 5), min_size=1))
def test_the_distance_of_two_samples_is_that_of_scipy(a, b):
    found = distance(*(Sample(np.sort(np.array(each, dtype=float))) for each in (a, b)))
    points = np.arange(-5, 6)
    a, b = (stats.ecdf(each).cdf.evaluate(points) for each in (a, b))
    assert found == pytest.approx(np.abs(a - b).max())


def test_levels_are_compared_as_scipy_does():
    rng = np.random.default_rng(2)
    a, b = rng.choice(list("abc"), 900), rng.choice(list("abc"), 300, p=[0.4, 0.35, 0.25])
    table = np.array([[(side == level).sum() for level in "abc"] for side in (a, b)])
    found, expected = row(a, b), stats.chi2_contingency(table, correction=False)
    assert (found["statistic"], found["p_value"]) == pytest.approx(tuple(expected[:2]))
    shares = table / table.sum(axis=1, keepdims=True)
    assert found["size"] == pytest.approx(np.abs(shares[0] - shares[1]).sum() / 2)


def test_rare_levels_are_pooled_until_five_are_expected():
    """With 800 against 200, five are expected on the smaller side from 25 in all."""
    a = ["a"] * 500 + ["b"] * 260 + ["c"] * 20 + ["d"] * 10 + ["e"] * 10
    b = ["a"] * 120 + ["b"] * 70 + ["c"] * 4 + ["f"] * 6
    pooled = [[500, 260, 40], [120, 70, 10]]
    expected = stats.chi2_contingency(pooled, correction=False)
    found = row(a, b)
    assert (found["statistic"], found["p_value"]) == pytest.approx(tuple(expected[:2]))
    assert found["unseen"] == 6
    assert 'Not in the reference: "f" (6 rows).' in found["note"]


@given(st.lists(st.floats(0, 1) | st.just(np.nan), max_size=30))
def test_holm_is_the_step_down_rule(p):
    found = drift.holm(p)
    known = sorted(each for each in p if each == each)
    for value, adjusted in zip(p, found, strict=True):
        if value != value:
            assert np.isnan(adjusted)
            continue
        below = [(len(known) - at) * each for at, each in enumerate(known) if each <= value]
        assert adjusted == pytest.approx(min(max(below), 1))


values = st.floats(-1e6, 1e6).map(lambda value: float(f"{value:.4g}"))


@given(st.lists(values, min_size=1, max_size=80), st.lists(values, min_size=1, max_size=80))
def test_a_summary_shows_the_distance_of_the_rows_but_for_its_grain(reference, current):
    """Never more than the rows (but for the interpolation between rows), at most a grain less."""
    known = Sample(np.sort(reference))
    grid = Grid(np.array(summary(pd.Series(reference), "number")["quantiles"]), len(reference))
    now = Sample(np.sort(current))
    exact = distance(known, now)
    found = distance(grid, now)
    # Four digits are less than the seven that a summary keeps; ties stay ties.
    grain = 1 / (len(grid.values) - 1)
    assert exact - grain - 1 / len(reference) - 1e-9 <= found
    assert found <= exact + 1 / len(reference) + 1e-9
    assert distance(grid, grid) == 0


def test_two_summaries_are_compared():
    rng = np.random.default_rng(3)
    a, b = cases(rng, 3000), cases(rng, 3000, shift=0.5)
    found = drift.compare(summarised(a), summarised(b)).set_index("feature")
    exact = drift.compare(a, b).set_index("feature")
    assert (found["moved"] == exact["moved"]).all()
    assert found.loc[found["moved"]].index.tolist() == ["normal 0"]
    assert ((exact["size"] - found["size"]).abs() <= 0.01).all()
    assert (
        "a summary of the 3,000 reference rows and a summary of the 3,000 current rows"
        in (found.loc["normal 0", "note"])
    )


@pytest.fixture(scope="module")
def simulated():
    """For each run and each form of the reference: whether quiet data alarmed anywhere, and whether
    a shift of half a sd in one feature of twenty was found."""
    quiet = {"rows": [], "summary": []}
    shifted = {"rows": [], "summary": []}
    for seed in range(RUNS):
        rng = np.random.default_rng(seed)
        reference, current = cases(rng, 5000), cases(rng, 200)
        moved = current.assign(**{"normal 0": current["normal 0"] + 0.5})
        for form, side in (("rows", reference), ("summary", summarised(reference))):
            found = drift.compare(side, current)
            assert (found["verdict"] != drift.NOT_COMPARED).all()
            assert len(found) == 20
            quiet[form].append(found["moved"].any())
            shifted[form].append(drift.compare(side, moved)["moved"].iloc[0])
    return quiet, shifted


@pytest.mark.simulation
@pytest.mark.parametrize("form", ["rows", "summary"])
def test_quiet_data_alarms_in_at_most_8_percent_of_runs_whatever_the_feature(simulated, form):
    """Adjusted for the twenty features, 5 % of them should."""
    assert sum(simulated[0][form]) <= most(RUNS, chance=0.05, thorough=0.08)


@pytest.mark.simulation
@pytest.mark.parametrize("form", ["rows", "summary"])
def test_a_shift_of_half_an_sd_is_found_in_95_percent_of_runs(simulated, form):
    assert RUNS - sum(simulated[1][form]) <= most(RUNS, chance=0.05, thorough=0.05)


def test_the_gates_do_not_open_for_a_tiny_shift_in_a_large_batch():
    """A hundredth of a sd is no accident in 300,000 rows, and nothing to mind."""
    rng = np.random.default_rng(4)
    found = row(rng.normal(size=100_000), rng.normal(0.05, size=300_000))
    assert found["p_holm"] < 1e-6
    assert found["size"] < 0.1
    assert found["verdict"] == "steady"


def test_rows_and_summary_give_the_same_verdicts():
    rng = np.random.default_rng(5)
    reference, current = cases(rng, 5000), cases(rng, 400, shift=0.6)
    rows, stored = (drift.compare(side, current) for side in (reference, summarised(reference)))
    assert rows["verdict"].tolist() == stored["verdict"].tolist()
    assert ((rows["size"] - stored["size"]).abs() <= 1 / 200 + 1e-3).all()
    assert rows["note"].str.contains("Rests on 5,000 reference rows").all()
    assert stored["note"].str.contains("Rests on a summary of the 5,000 reference rows").all()


@pytest.mark.parametrize(
    ("reference", "current", "verdict", "words"),
    [
        (range(100), [], "too few rows to judge", "0 rows have a value in the current data"),
        (range(100), [7], "too few rows to judge", "1 row has a value in the current data"),
        (range(49), range(100), "too few rows to judge", "49 rows have a value in the reference"),
        (range(100), [None] * 100, "not compared", "No value is known in the current data"),
        ([np.nan] * 100, range(100), "not compared", "No value is known in the reference"),
        ([3.0] * 100, [3.0] * 100, "steady", ""),
        ([3.0] * 100, [4.0] * 100, "moved", ""),
        (["a"] * 100, ["a"] * 100, "steady", ""),
        (["a"] * 100, ["b"] * 100, "moved", 'Not in the reference: "b" (100 rows)'),
        (["a"] * 5000, ["b"] * 60, "moved", 'Not in the reference: "b" (60 rows)'),
        (["a", "b"] * 2500, ["a"] * 30 + ["c"] * 30, "moved", 'Not in the reference: "c"'),
        ([True] * 100, [False] * 100, "moved", ""),
        ([f"{n}" for n in range(10000)], [f"{n}" for n in range(100)], "steady", ""),
        ([f"{n}" for n in range(10000)], ["new"] * 100, "moved", 'Not in the reference: "new"'),
        ([1e300, 1.0] * 100, [1e-300, -1e300] * 100, "moved", ""),
        ([1.0] * 100, [np.inf] * 50 + [1.0] * 50, "steady", "Not known: 0 % in the reference"),
        (["![x](y)" * 50] * 100, ["=1+1\x07" * 99] * 100, "moved", "Not in the reference"),
    ],
)
def test_odd_columns_get_a_sentence(reference, current, verdict, words):
    found = row(pd.Series(reference), pd.Series(current, dtype=None if len(current) else float))
    assert found["verdict"] == verdict
    assert words in found["note"]
    assert found["moved"] == (verdict == "moved")
    assert len(found["note"]) < 400


@pytest.mark.parametrize("constant", [0.0, 3.0, -7.25, 123456789.0, 1 / 3, 20231101.0])
def test_a_constant_is_steady_against_its_summary(constant):
    """Also where it has more digits than the summary keeps."""
    frame = pd.DataFrame({"x": np.full(500, constant)})
    assert drift.compare(summarised(frame), frame)["size"].tolist() == [0.0]
    other = frame + abs(constant) * 1e-3 + 1e-3
    assert drift.compare(summarised(frame), other)["verdict"].tolist() == ["moved"]


def test_a_summary_that_keeps_the_commonest_levels_alone_cannot_tell_new_ones():
    rng = np.random.default_rng(6)
    names = np.array([f"name {n}" for n in range(3000)])
    reference, current = (pd.DataFrame({"x": rng.choice(names, 9000)}) for _ in range(2))
    found = drift.compare(summarised(reference), current).iloc[0]
    assert "new ones cannot be told" in found["note"]
    assert not found["moved"]
    assert found["unseen"] == 0


def test_missing_values_are_reported_whatever_the_verdict():
    found = row([1.0] * 90 + [np.nan] * 10, [1.0] * 3 + [None] * 9)
    assert found["missing_reference"] == pytest.approx(0.1)
    assert found["missing_current"] == pytest.approx(0.75)
    assert "Not known: 10 % in the reference, 75 % here." in found["note"]


@pytest.fixture
def schema():
    return Schema(
        [
            Feature(name="age", kind="integer"),
            Feature(name="since", kind="date"),
            Feature(name="plan", kind="category", choices=("a", "b", "rare")),
            Feature(name="member", kind="boolean"),
            Feature(name="note", kind="text"),
        ]
    )


def members(rng, rows, later=0):
    start = pd.Timestamp("2024-01-01")
    return pd.DataFrame(
        {
            "age": rng.integers(18, 90, rows),
            "since": start + pd.to_timedelta(rng.integers(0, 365, rows) + later, "D"),
            "plan": rng.choice(["a", "b"], rows),
            "member": rng.choice(np.array([True, False, None], dtype=object), rows),
            "note": [f"note {n}" for n in range(rows)],
        }
    )


def test_every_kind_of_feature_is_compared_by_its_schema(schema):
    rng = np.random.default_rng(7)
    reference, current = members(rng, 2000), members(rng, 300, later=100)
    current.loc[0, "plan"] = "rare"
    stored = Reference.of(reference, schema)
    for side in (reference, stored):
        found = drift.compare(side, current, schema).set_index("feature")
        assert found["kind"].tolist() == [feature.kind for feature in schema]
        assert found.loc[found["moved"]].index.tolist() == ["since"]
        assert found.loc["note", "verdict"] == "not compared"
        assert found.loc["note", "note"].startswith("Free text is not compared.")
        assert found.loc["member", "missing_current"] == pytest.approx(1 / 3, abs=0.1)
        assert found.loc["plan", "unseen"] == 0


def test_dates_may_come_as_texts(schema):
    rng = np.random.default_rng(8)
    reference = members(rng, 500)
    written = reference.assign(since=reference["since"].dt.strftime("%Y-%m-%d"))
    found = drift.compare(reference, written, schema).set_index("feature")
    assert found.loc["since", "size"] == 0


def test_a_column_that_is_not_there_is_said(schema):
    rng = np.random.default_rng(9)
    reference = members(rng, 500)
    for before, after, words in [
        (reference, reference.drop(columns="age"), "The current data has no such column."),
        (reference.drop(columns="age"), reference, "The reference has no such column."),
    ]:
        found = drift.compare(before, after, schema).set_index("feature")
        assert found.loc["age", "verdict"] == "not compared"
        assert found.loc["age", "note"] == words


def test_columns_may_be_read_one_at_a_time():
    """A batch of a million rows need not stand in memory as one frame."""

    class Batch(dict):
        def __missing__(self, name):
            raise AssertionError("read a column that is not there")

    rng = np.random.default_rng(10)
    reference, current = cases(rng, 1000), cases(rng, 1000)
    columns = Batch({name: current[name].to_numpy() for name in current})
    assert drift.compare(reference, columns).equals(drift.compare(reference, current))


def test_no_feature_gives_an_empty_table():
    found = drift.compare(pd.DataFrame(), pd.DataFrame())
    assert len(found) == 0
    assert {"feature", "p_holm", "moved", "note"} <= set(found.columns)
