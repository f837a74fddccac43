"""Intervals of groups: several verdicts on one case are not taken for separate ones."""

import json
from collections import Counter

import pytest
from builders import review_of

from second_opinion.records.expert import folded
from second_opinion.records.verdict_filter import VerdictFilter
from second_opinion.review import clustered_groups, groups, totals
from second_opinion.statistics.agreement import wilson
from second_opinion.statistics.clustered_share import CaseSums, interval

FILTERS = [
    VerdictFilter(model="churn"),
    VerdictFilter(model="churn", version="1"),
    VerdictFilter(model="churn", mode="open"),
    VerdictFilter(model="dose"),
    VerdictFilter(model="nobody's"),
]
# The group of a verdict, by each frame of figures.
OWN = {
    "by_version": lambda row: row.prediction.version,
    "by_day": lambda row: row.verdict.created_at[:10],
    "by_class": lambda row: json.dumps(row.prediction.value),
    "by_expert": lambda row: folded(row.verdict.expert),
    "by_mode": lambda row: row.verdict.mode,
}
# 1 and True are two classes.
KEYS = {"by_class": json.dumps, "by_expert": folded}


def rows_of(store, verdict_filter):
    return [row for some in review_of(store).each(verdict_filter) for row in some]


def sums_of(rows, case_of=lambda row: row.case_id):
    """The sums over the cases of some verdicts."""
    right = Counter(case_of(row) for row in rows if row.outcome == "right")
    certain = Counter(case_of(row) for row in rows if row.outcome != "unsure")
    return CaseSums.of([right[case] for case in certain], list(certain.values()))


@pytest.mark.parametrize("verdict_filter", FILTERS, ids=str)
@pytest.mark.parametrize("name", OWN)
def test_the_interval_of_a_group_is_that_of_its_verdicts_by_case(busy_store, verdict_filter, name):
    figures = totals.figures(review_of(busy_store), verdict_filter)
    found = clustered_groups.clustered(review_of(busy_store), verdict_filter, figures)
    table = totals.with_agreement(getattr(found, name))
    rows = rows_of(busy_store, verdict_filter)
    for group in table.to_dict("records"):
        key = KEYS.get(name, str)(group[clustered_groups.GROUPS[name]])
        own = [row for row in rows if OWN[name](row) == key]
        sums = sums_of(own)
        assert (group["right"], group["wrong"]) == (sums.right, sums.certain - sums.right)
        if sums.certain:
            expected = interval(sums.right, sums.certain, sums.number)
            assert (group["low"], group["high"]) == pytest.approx(expected)


def case_at_percent(row):
    """One model file is always as sure of one case; those written at random are not."""
    return row.case_id, int(row.prediction.confidence * 100 + 1e-9)


def test_the_bands_of_confidence_add_up_their_cases(busy_store):
    whole = VerdictFilter(model="churn")
    figures = totals.figures(review_of(busy_store), whole)
    found = clustered_groups.clustered(review_of(busy_store), whole, figures)
    bands = groups.by_band(found.by_confidence)
    for band, pick in zip(bands.figures.to_dict("records"), bands.picks, strict=True):
        narrow, _ = VerdictFilter.read({"model": "churn", **pick})
        sums = sums_of(rows_of(busy_store, narrow), case_at_percent)
        if sums.certain:
            expected = interval(sums.right, sums.certain, sums.number)
            assert (band["low"], band["high"]) == pytest.approx(expected)


def test_too_many_verdicts_to_look_up_are_taken_for_separate_ones(busy_store, monkeypatch):
    monkeypatch.setattr(clustered_groups, "MOST_ON_SEVERAL", 3)
    whole = VerdictFilter(model="churn")
    figures = totals.figures(review_of(busy_store), whole)
    assert clustered_groups.clustered(review_of(busy_store), whole, figures) is None
    days = totals.with_agreement(figures.by_day)
    low, high = wilson(days["right"], days["right"] + days["wrong"])
    certain = days["right"] + days["wrong"] > 0
    assert days["low"][certain].to_numpy() == pytest.approx(low[certain])
    assert days["high"][certain].to_numpy() == pytest.approx(high[certain])
