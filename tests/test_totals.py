"""What verdicts add up to: the same from the summaries as from the rows."""

import math

import numpy as np
import pandas as pd
import pytest
from builders import review_of

from second_opinion.records.expert import folded
from second_opinion.records.review import Opinion, SharedCase
from second_opinion.records.verdict_filter import VerdictFilter
from second_opinion.review import totals
from second_opinion.statistics.clustered_share import CaseSums

FRAMES = ["by_version", "by_day", "by_class", "by_confidence", "by_expert", "by_mode", "confusion"]


def as_rows(frame, keys):
    """A frame as a set of rows, whatever its order; True and 1 stay apart."""
    return {tuple(map(repr, row)) for row in frame[keys].itertuples(index=False)}


@pytest.mark.slow
@pytest.mark.parametrize("version", [None, "1", "2"])
def test_counted_figures_equal_the_summaries(busy_store, version):
    models = set(review_of(busy_store).by_version()["model"])
    assert models
    for model in models:
        whole = VerdictFilter(model=model, version=version)
        kept = totals.figures(review_of(busy_store), whole)
        # All days: the same verdicts, but a filter that the summaries do not know.
        narrow = VerdictFilter(model=model, version=version, since="0001-01-01")
        counted = totals.figures(review_of(busy_store), narrow)
        assert (counted.total, counted.counted) == (kept.total, kept.counted)
        assert counted.after_seeing == kept.after_seeing
        assert counted.by_case == kept.by_case
        assert kept.by_case.certain == kept.of("right") + kept.of("wrong")
        for name in FRAMES:
            one, other = getattr(kept, name), getattr(counted, name)
            assert list(one.columns) == list(other.columns)
            columns = [column for column in one.columns if column != "expert"]
            assert as_rows(one, columns) == as_rows(other, columns), name
            assert len(one) == len(other), name


def count(rows, key):
    """`SAID` of some rows by a key, one after the other."""
    found = {}
    for row in rows:
        name = key(row)
        if name is None:
            continue
        said = found.setdefault(name, dict.fromkeys(totals.SAID, 0))
        said["verdicts"] += 1
        said[row.verdict.judgement] += 1
        if row.outcome != "unsure":
            said[row.outcome] += 1
    return found


def counted(frame, column, key=lambda value: value):
    columns = frame.set_index(column)[totals.SAID].to_dict("index")
    return {key(name): {k: int(v) for k, v in said.items()} for name, said in columns.items()}


NARROW = [
    VerdictFilter(model="churn", judgement="disagree"),
    VerdictFilter(model="churn", expert="ada"),
    VerdictFilter(model="churn", since="2026-11-02", until="2026-11-03"),
    VerdictFilter(model="churn", at_least=0.55, below=0.99),
    VerdictFilter(model="churn", words="old"),
    VerdictFilter(model="dose", mode="blind"),
    VerdictFilter(model="churn", batch="a", outcome="wrong"),
]


@pytest.mark.slow
@pytest.mark.parametrize("wanted", NARROW, ids=str)
def test_figures_of_a_narrow_filter_equal_a_count_of_its_rows(busy_store, wanted):
    rows = [row for some in review_of(busy_store).each(wanted) for row in some]
    by_case = count(rows, lambda row: row.case_id).values()
    right, wrong = ([said[name] for said in by_case] for name in ("right", "wrong"))
    expected = CaseSums.of(right, np.add(right, wrong))
    assert totals.figures(review_of(busy_store), wanted).by_case == expected
    assert rows
    found = totals.figures(review_of(busy_store), wanted)
    assert (found.total, found.counted, found.more) == (len(rows), len(rows), False)
    assert counted(found.by_day, "day") == count(rows, lambda row: row.verdict.created_at[:10])
    assert counted(found.by_mode, "mode") == count(rows, lambda row: row.verdict.mode)
    assert counted(found.by_expert, "expert", folded) == count(
        rows, lambda row: folded(row.verdict.expert)
    )
    sure = count(
        rows,
        lambda row: (
            None
            if row.prediction.confidence is None
            else int(row.prediction.confidence * 100 + 1e-9)
        ),
    )
    assert counted(found.by_confidence, "percent") == sure


def test_of_more_verdicts_than_are_counted_the_newest_are(busy_store, monkeypatch):
    monkeypatch.setattr(totals, "MOST", 7)
    for wanted in NARROW[:4]:
        rows = review_of(busy_store).page(wanted, size=7).rows
        total = sum(map(len, review_of(busy_store).each(wanted)))
        found = totals.figures(review_of(busy_store), wanted)
        assert found.counted == len(rows) == min(total, 7)
        assert counted(found.by_day, "day") == count(rows, lambda row: row.verdict.created_at[:10])
        assert found.more or found.total == total


def test_shares_have_their_interval_and_nothing_where_nobody_could_say():
    table = pd.DataFrame({"right": [17, 0], "wrong": [3, 0]})
    known = totals.with_agreement(table)
    assert known["share"].iloc[0] == 0.85
    assert known[["low", "high"]].iloc[0].round(4).tolist() == [0.6396, 0.9476]
    assert known[["share", "low", "high"]].iloc[1].isna().all()


def test_bands_hold_their_lower_end():
    columns = dict.fromkeys(totals.SAID, 1)
    percents = pd.DataFrame([{"percent": p, **columns} for p in (0, 59, 60, 74, 75, 90, 100)])
    found = totals.by_band(percents)
    assert dict(zip(found["band"], found["verdicts"], strict=True)) == {
        "under 60 %": 2,
        "60 % to 75 %": 2,
        "75 % to 90 %": 1,
        "90 % or more": 2,
    }


def test_a_case_is_an_error_only_where_its_verdicts_say_so_together(busy_store):
    found = totals.cases(review_of(busy_store), VerdictFilter())
    rows = [row for some in review_of(busy_store).each(VerdictFilter()) for row in some]
    ids = [row.case_id for row in found.rows]
    assert len(ids) == len(set(ids)) == len({row.case_id for row in rows})
    for case, error in zip(ids, found.errors, strict=True):
        said = {row.outcome for row in rows if row.case_id == case} - {"unsure"}
        if len(said) != 1:
            assert math.isnan(error)
        else:
            assert error == (said == {"wrong"})
    assert len(found.inputs) == len(ids)


def shared_case(*opinions, case="a", tolerance=None):
    opinions = tuple(Opinion(*said, expert=name) for name, *said in opinions)
    return SharedCase(0, case, "churn", "1", last_at="", tolerance=tolerance, opinions=opinions)


def test_ratings_are_experts_by_cases_whatever_the_spelling_of_a_name():
    table = totals.ratings(
        [
            shared_case(("Ada", "right", 1), ("Bo", "unsure"), case="a"),
            shared_case(("ADA ", "wrong", 0), ("Cy", "right", 1), case="b"),
        ]
    )
    assert list(table.index) == ["Ada", "Bo", "Cy"]
    assert table.loc["Ada"].tolist() == [1, 0]
    assert table.loc["Cy"].tolist() == [None, 1]
    agreed = totals.agreement(table, numbers=False)
    assert (agreed.cases, agreed.agreed) == (1, 0)
    assert agreed.alpha is None


def test_a_narrow_filter_narrows_the_shared_cases(busy_store):
    everything = totals.shared(review_of(busy_store), VerdictFilter())
    assert everything
    expert = everything[0].opinions[0].expert
    narrow = totals.shared(review_of(busy_store), VerdictFilter(expert=expert))
    ids = {case.prediction_id for case in narrow}
    assert ids
    assert ids <= {case.prediction_id for case in everything}
    for case in narrow:
        assert expert.casefold() in {said.expert.casefold() for said in case.opinions}
