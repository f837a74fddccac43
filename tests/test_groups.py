"""Groups of a review: whoever clicks one finds exactly the verdicts that it counts."""

import pandas as pd
import pytest
from builders import card_of, review_of

from second_opinion.records.verdict_filter import VerdictFilter
from second_opinion.review import groups, totals
from second_opinion.statistics import error_rates


def found_by(store, model, pick):
    """How many verdicts the page lists for the filters of a group."""
    wanted, ignored = VerdictFilter.read({"model": model, **pick})
    assert ignored == []
    return review_of(store).page(wanted, size=1).total


@pytest.fixture(scope="module")
def models(busy_store):
    return sorted(set(review_of(busy_store).by_version()["model"]))


def every_group(card, found):
    return {
        "class": groups.by_class(card, found.by_class),
        "band": groups.by_band(found.by_confidence),
        "expert": groups.by_name(found.by_expert, "expert"),
        "version": groups.by_name(found.by_version, "version"),
        "mode": groups.by_mode(found.by_mode),
        "day": groups.by_day(found.by_day),
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", ["class", "band", "expert", "version", "mode", "day"])
def test_a_group_leads_to_exactly_its_verdicts(busy_store, models, name):
    card, led = card_of("multiclass", positive=None), 0
    for model in models:
        each = every_group(card, totals.figures(review_of(busy_store), VerdictFilter(model=model)))[
            name
        ]
        assert len(each.picks) == len(each.figures)
        for pick, verdicts in zip(each.picks, each.figures["verdicts"], strict=True):
            assert found_by(busy_store, model, pick) == verdicts
            led += 1
    assert led


def test_a_tile_leads_to_exactly_its_verdicts(busy_store, models):
    led = 0
    for model in models:
        pairs = totals.figures(review_of(busy_store), VerdictFilter(model=model)).confusion
        # No class of a card is written both as 1 and as 1.0.
        pairs = pairs[[not isinstance(value, float) for value in pairs["answer"]]]
        counts = error_rates.confusion(pairs["value"], pairs["answer"], [], pairs["verdicts"])
        picks = groups.of_tiles(counts)
        for pick, verdicts in zip(picks, counts.to_numpy().ravel(), strict=True):
            assert found_by(busy_store, model, pick) == verdicts
            led += 1
    assert led


def test_classes_with_one_label_are_told_apart():
    card = card_of("multiclass", classes=("same", "same", "other"), positive=None)
    counts = error_rates.confusion([0], [1], [0, 1, 2])
    assert groups.class_names(card, counts) == ["same (1)", "same (2)", "other"]


def test_the_numbers_of_a_regression_are_no_classes():
    table = pd.DataFrame({"value": [1, 2], "verdicts": [1, 1], "right": [1, 1], "wrong": [0, 0]})
    assert len(groups.by_class(card_of("regression"), table).figures) == 0
    assert groups.by_class(card_of(), table.iloc[:1]).picks == ({"value": "1"},)


def test_groups_turned_round_say_how_often_the_model_is_wrong():
    table = pd.DataFrame({"day": ["2026-11-19"], "verdicts": [6], "right": [3], "wrong": [1]})
    row = groups.as_errors(groups.by_day(table).figures).iloc[0]
    assert row[["group", "cases", "errors", "rate", "unsure"]].tolist() == [
        "2026-11-19",
        4,
        1,
        0.25,
        2,
    ]
    assert row["low"] < 0.25 < row["high"]
