"""What the model says by two features: every tile and point stands for its cases, or a sentence."""

import itertools
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from builders import add_single, selection_of

from second_opinion.distributions import marks, sections_crossed, selection
from second_opinion.distributions.sections_crossed import crossed
from second_opinion.distributions.selection import Condition


@pytest.fixture(params=["few", "many"])
def drawn(request, monkeypatch):
    """Points for few cases, tiles for many: 130 can be either."""
    if request.param == "many":
        monkeypatch.setattr(sections_crossed, "MOST_POINTS", 10)
    return request.param


def drawable(card):
    return [feature for feature in card.features if feature.kind != "text"]


def sent(shown):
    return json.loads(shown.chart.figure.to_json())


def count(subset, mark):
    for part in mark:
        subset = subset.where(part)
    return subset.rows


@pytest.mark.slow
@pytest.mark.parametrize("ref", ["triage", "dose", "risk", "iris", "hostile"])
def test_each_mark_lists_as_many_cases_as_it_counts(empty_store, registry, ref, drawn):
    subset = selection_of(empty_store, registry, ref)
    for two in itertools.islice(itertools.combinations(drawable(subset.card), 2), 15):
        shown = crossed(subset, two)
        cases = shown.chart.table.get("Cases", pd.Series(1, shown.chart.table.index))
        assert len(shown.picks) == len(cases)
        known = subset
        for mark, wanted in zip(shown.picks, cases, strict=True):
            assert count(subset, mark) == wanted
        assert cases.sum() <= known.rows
        left = known.rows - cases.sum()
        assert (f"{left} case" in shown.sentence) == bool(left)
        places = [p for t in sent(shown)["data"] for p in t.get("customdata", []) if p is not None]
        assert sorted(places) == list(range(len(shown.picks)))


@pytest.mark.slow
@pytest.mark.parametrize("ref", ["triage", "dose", "iris"])
def test_one_feature_tells_of_each_of_its_bins(empty_store, registry, ref):
    subset = selection_of(empty_store, registry, ref)
    for feature in drawable(subset.card):
        shown = crossed(subset, [feature])
        for mark, wanted in zip(shown.picks, shown.chart.table["Cases"], strict=True):
            assert count(subset, mark) == wanted
        assert "The dashed line is all cases together: " in shown.sentence


def test_shares_and_means_are_those_of_the_cases(empty_store, registry, monkeypatch):
    monkeypatch.setattr(sections_crossed, "MOST_POINTS", 10)
    subset = selection_of(empty_store, registry)
    schema = subset.card.case_schema
    shown = crossed(subset, [schema["age"], schema["colour"]], "home")
    assert shown.chart.table.columns[-1] == "Share of Send home"
    for mark, share in zip(shown.picks, shown.chart.table.iloc[:, -1], strict=True):
        some = subset
        for part in mark:
            some = some.where(part)
        answers = some.taken(some.answers)
        assert share == pytest.approx(np.mean([answer == "home" for answer in answers]))
    dose = selection_of(empty_store, registry, "dose")
    schema = dose.card.case_schema
    shown = crossed(dose, [schema["age"], schema["bmi"]])
    assert shown.chart.table.columns[-1] == "Mean prediction (mg)"
    some = dose.where(shown.picks[0][0]).where(shown.picks[0][1])
    mean = float(np.mean(some.taken(some.answers)))
    assert shown.chart.table.iloc[0, -1] == pytest.approx(mean)


def test_cells_without_cases_stay_empty(empty_store, registry, monkeypatch):
    monkeypatch.setattr(sections_crossed, "MOST_POINTS", 10)
    subset = selection_of(empty_store, registry, "dose")
    schema = subset.card.case_schema
    shown = crossed(subset, [schema["age"], schema["bmi"]])
    marks, tiles = sent(shown)["data"]
    drawn = [value for row in tiles["z"] for value in row]
    empty = [text.endswith("no case") for text in marks["hovertext"]]
    assert [value is None for value in drawn] == empty
    assert 0 < sum(empty) < len(empty)
    assert "Where nothing is drawn there is no case." in shown.sentence


def test_points_are_marked_by_class_and_coloured_by_number(empty_store, registry):
    subset = selection_of(empty_store, registry, "iris")
    features = subset.card.features[:2]
    shown = crossed(subset, features)
    traces = sent(shown)["data"]
    looks = {(trace["marker"]["color"], trace["marker"]["symbol"]) for trace in traces}
    assert len(looks) == len({mark for _, mark in looks}) == len(traces) == 3
    assert sum(len(trace["x"]) for trace in traces) == 130
    dose = selection_of(empty_store, registry, "dose")
    (trace,) = sent(crossed(dose, dose.card.features[:2]))["data"]
    assert trace["marker"]["colorbar"]["title"]["text"] == "Prediction (mg)"


def test_tiles_that_are_no_rectangle_are_told_case_by_case(empty_store, registry, monkeypatch):
    monkeypatch.setattr(sections_crossed, "MOST_POINTS", 10)
    subset = selection_of(empty_store, registry)
    schema = subset.card.case_schema
    shown = crossed(subset, [schema["age"], schema["colour"]])
    table = shown.chart.table
    whole = [at for at, age in enumerate(table.iloc[:, 0]) if age in set(table.iloc[:, 0][:4])]
    parts = marks.together(subset, [shown.picks[at] for at in whole], shown.picks)
    assert {part.kind for part in parts} == {"feature"}
    assert count(subset, parts) == table["Cases"].iloc[whole].sum()
    corner = [
        0,
        next(at for at, mark in enumerate(shown.picks) if not set(mark) & set(shown.picks[0])),
    ]
    parts = marks.together(subset, [shown.picks[at] for at in corner], shown.picks)
    assert [part.kind for part in parts] == ["case"]
    assert count(subset, parts) == table["Cases"].iloc[corner].sum()
    assert marks.words_of(subset.card, parts[0]) == "chosen in the chart"


def test_each_bad_input_is_a_sentence(empty_store, registry):
    subset = selection_of(empty_store, registry, age="44", visits="")
    schema = subset.card.case_schema
    said = [
        crossed(subset, [schema["pulse"], schema[name]]).sentence
        for name in ("age", "visits", "note")
    ]
    assert said == [
        "Age is 44 in all 130 cases.",
        "Visits is not known in any of 130 cases.",
        "Note: free text is not drawn.",
    ]
    two = [schema["pulse"], schema["colour"]]
    nobody = subset.where(Condition("feature", "age", ranges=((500.0, 600.0),)))
    assert crossed(nobody, two).sentence == marks.NOBODY
    home = subset.where(Condition("prediction", levels=("home",)))
    assert crossed(home, two).sentence == f"The model says Send home in all {home.rows} cases."
    assert crossed(subset, two, "elsewhere").sentence == (
        "The model says elsewhere in none of 130 cases."
    )
    lacking = {name: subset.columns[name] for name in subset.columns if name != "pulse"}
    lacks = replace(subset, columns=lacking, key="lacks")
    assert crossed(lacks, two).sentence == "Pulse: the file has no such column."


def test_the_one_case_that_knows_both_is_a_sentence(empty_store, registry):
    holes = {"visits": ["3", "4", ""], "temperature": ["37.0", "", "38.0"]}
    subset = selection_of(empty_store, registry, rows=3, **holes)
    two = [subset.card.case_schema[name] for name in holes]
    first = subset.answers[0]
    assert crossed(subset, two, first).sentence == (
        f"The model says {subset.card.label(first)} in the one case that knows Visits and "
        "Temperature."
    )


def test_one_case_is_a_sentence(empty_store, registry):
    add_single(empty_store, registry.load("dose"))
    subset = selection.of_singles(empty_store, registry.card("dose"))
    assert "in the one case" in crossed(subset, subset.card.features[:2]).sentence


def test_features_that_no_case_knows_both_of_are_a_sentence(empty_store, registry):
    subset = selection_of(empty_store, registry)
    half = np.arange(130) < 65
    pulse, age = subset.columns["pulse"], subset.columns["age"]
    columns = {"pulse": np.where(half, pulse, np.nan), "age": np.where(half, np.nan, age)}
    apart = replace(subset, columns={**subset.columns, **columns}, key="apart")
    schema = subset.card.case_schema
    said = crossed(apart, [schema["pulse"], schema["age"]]).sentence
    assert said == "No case knows both Pulse and Age."


def test_ten_thousand_levels_are_a_sentence(empty_store, registry):
    subset = selection_of(empty_store, registry)
    rows = 10_000
    levels = pd.Index([f"level {at}" for at in range(rows)], dtype=object)
    many = replace(
        subset,
        columns={
            "colour": pd.Categorical.from_codes(np.arange(rows), levels),
            "age": np.arange(rows) % 70.0,
        },
        answers=subset.answers[np.arange(rows) % 130],
        confidence=np.full(rows, 0.7),
        key="thousands",
    )
    schema = subset.card.case_schema
    said = crossed(many, [schema["age"], schema["colour"]]).sentence
    assert said == "Colour has 10,000 different values, too many to draw."


def test_a_count_is_made_once(empty_store, registry, monkeypatch):
    monkeypatch.setattr(sections_crossed, "MOST_POINTS", 10)
    subset = selection_of(empty_store, registry)
    features = drawable(subset.card)[:2]
    crossed(subset, features)
    monkeypatch.setattr(sections_crossed.Crossed, "add", None)
    assert crossed(subset, features).chart is not None


@pytest.mark.slow
def test_what_goes_to_the_browser_is_small(empty_store, registry, monkeypatch):
    monkeypatch.setattr(sections_crossed, "MOST_POINTS", 10)
    subset = selection_of(empty_store, registry)
    for two in itertools.combinations(drawable(subset.card), 2):
        assert len(crossed(subset, two).chart.figure.to_json()) < 60_000
