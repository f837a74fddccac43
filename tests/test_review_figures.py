"""Figures of Feedback review: each counts exactly the rows of its model and version."""

from collections import Counter

import pytest
from builders import case, review_of, verdict
from database import contradict, current_rows, select, shared_cases

from second_opinion.records.expert import folded
from second_opinion.records.review import NOT_NAMED
from second_opinion.records.verdict_filter import VerdictFilter
from second_opinion.store import recent_counts, review_queries


@pytest.mark.slow
def test_the_figures_add_up_to_the_rows(busy_store):
    rows = busy_store.reviewed().to_dict("records")
    figures = review_of(busy_store)
    for frame in (figures.by_version(), figures.by_day(), figures.by_mode()):
        assert frame["verdicts"].sum() == len(rows)
        assert (frame[["agree", "disagree", "unsure"]].sum(axis=1) == frame["verdicts"]).all()
    by_expert = figures.by_expert("churn", "1").set_index("expert")["verdicts"].to_dict()
    own = [row for row in rows if (row["model"], row["version"]) == ("churn", "1")]
    expected = Counter(folded(row["expert"]) for row in own)
    assert {folded(name): n for name, n in by_expert.items()} == expected
    by_class = figures.by_class("churn")
    assert {repr(value) for value in by_class["value"]} == {"0", "1", "'1'", "True"}
    assert by_class["verdicts"].sum() == sum(row["model"] == "churn" for row in rows)
    confidence = figures.by_confidence()
    assert set(confidence["percent"]) <= {50, 55, 57, 60, 99, 100}
    counted = sum(row["outcome"] != "unsure" for row in rows if row["model"] == "churn")
    assert figures.confusion("churn")["verdicts"].sum() == counted


ABOUT = [("churn", "1"), ("churn", None), (None, "1"), (None, None), ("none", "1")]
# What each figure is by, and of which rows.
FIGURES = {
    "by_day": (lambda row: row["day"], lambda row: True),
    "by_mode": (lambda row: row["mode"], lambda row: True),
    "by_expert": (lambda row: folded(row["expert"]), lambda row: True),
    "by_triage": (lambda row: row["triage"], lambda row: row["triage"] is not None),
    "by_class": (lambda row: repr(row["value"]), lambda row: row["is_class"]),
    "by_confidence": (lambda row: round(row["confidence"] * 100), lambda row: row["confidence"]),
}


def rows_about(path, model, version):
    return [
        row
        for row in current_rows(path)
        if model in (None, row["model"]) and version in (None, row["version"])
    ]


def said_in(rows):
    """The columns of `SAID` of some rows."""
    counts = Counter(row["judgement"] for row in rows)
    outcomes = Counter(row["outcome"] for row in rows)
    judged = (counts[name] for name in ("agree", "disagree", "unsure"))
    return [len(rows), *judged, outcomes["right"], outcomes["wrong"]]


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("about", ABOUT)
def test_a_figure_counts_the_rows_of_its_model_and_version(busy_store, name, about):
    key, counts = FIGURES[name]
    rows = [row for row in rows_about(busy_store.path, *about) if counts(row)]
    expected = {value: said_in([r for r in rows if key(r) == value]) for value in map(key, rows)}
    assert bool(expected) == (about[0] != "none")
    frame = getattr(review_of(busy_store), name)(*about)
    shown = {"by_class": repr, "by_expert": folded}.get(name, lambda value: value)
    assert len(frame) == len(expected)
    assert {shown(row[0]): list(row[1:]) for row in frame.itertuples(index=False)} == expected
    if name == "by_expert":
        assert frame["verdicts"].is_monotonic_decreasing
    elif name != "by_class":
        assert frame.iloc[:, 0].is_monotonic_increasing


@pytest.mark.parametrize("model", ["churn", "dose", None, "none"])
def test_versions_are_counted_apart(busy_store, model):
    rows = rows_about(busy_store.path, model, None)
    keys = {(row["model"], row["version"]) for row in rows}
    expected = [[*key, *said_in(rows_about(busy_store.path, *key))] for key in sorted(keys)]
    assert review_of(busy_store).by_version(model).to_numpy().tolist() == expected


@pytest.mark.parametrize("about", ABOUT)
def test_confusion_counts_each_pair_of_classes(busy_store, about):
    rows = rows_about(busy_store.path, *about)
    expected = Counter(
        (repr(row["value"]), repr(NOT_NAMED if row["answer"] is None else row["answer"]))
        for row in rows
        if row["is_class"] and row["value"] is not None and row["outcome"] != "unsure"
    )
    found = review_of(busy_store).confusion(*about)
    assert {(repr(v), repr(a)): n for v, a, n in found.itertuples(index=False)} == expected


@pytest.mark.parametrize("about", ABOUT)
def test_shared_cases_have_what_each_expert_said_last_on_any_prediction(busy_store, about):
    expected = Counter()
    for rows in shared_cases(rows_about(busy_store.path, *about), "case").values():
        in_time = sorted(rows, key=lambda row: (row["created_at"], row["id"]))
        last = {folded(row["expert"]): (row["own_outcome"], row["said"]) for row in in_time}
        if len(last) > 1:
            expected[repr(sorted(last.items()))] += 1
    listed = review_of(busy_store).shared_cases(*about)
    opinions = [[(folded(o.expert), (o.outcome, o.answer)) for o in c.opinions] for c in listed]
    assert Counter(repr(sorted(each)) for each in opinions) == expected
    times = [case.last_at for case in listed]
    assert times == sorted(times, reverse=True)
    predictions = shared_cases(rows_about(busy_store.path, *about))
    assert review_of(busy_store).shared_counts(*about)["shared"] == len(predictions)


@pytest.mark.parametrize("about", ABOUT)
def test_conflicts_are_of_cases_whatever_the_number_of_their_predictions(busy_store, about):
    cases = list(shared_cases(rows_about(busy_store.path, *about), "case").values())
    conflicts = [case for case in cases if contradict(case)]
    decided = [case for case in conflicts if case[0]["adjudicated"]]
    figures = review_of(busy_store)
    counts = figures.shared_counts(*about)
    assert counts["conflicts"] == len(conflicts)
    assert counts["undecided"] == len(conflicts) - len(decided)
    states = figures.shared_states(*about)
    assert (len(states), sum(states.values())) == (len(cases), counts["undecided"])
    wanted = {None: conflicts, True: decided, False: [c for c in conflicts if c not in decided]}
    for state, expected in wanted.items():
        page = figures.conflicts(*about, adjudicated=state, size=1000)
        ids = {frozenset(row["id"] for row in case) for case in expected}
        assert {frozenset(verdict.id for verdict in case.verdicts) for case in page} == ids
        assert [case.last_at for case in page] == sorted((c.last_at for c in page), reverse=True)
        second = figures.conflicts(*about, adjudicated=state, number=2, size=3)
        assert second == page[3:6]


PREDICTIONS_WANTED = [
    VerdictFilter(),
    VerdictFilter(model="churn"),
    VerdictFilter(version="2"),
    VerdictFilter(batch="b"),
    VerdictFilter(source="form"),
    VerdictFilter(since="2026-11-02"),
    VerdictFilter(until="2026-11-02"),
    VerdictFilter(since="2026-11-02", until="2026-11-02"),
]


@pytest.mark.parametrize("wanted", PREDICTIONS_WANTED, ids=lambda wanted: str(wanted.texts))
def test_predictions_stream_in_the_order_of_storing(empty_store, wanted, monkeypatch):
    """Both days are included, from the first to the last millisecond of them."""
    monkeypatch.setattr(review_queries, "CHUNK", 3)
    times = [
        f"2026-11-0{day}T{time}Z" for day in (3, 1, 2) for time in ("00:00:00.000", "23:59:59.999")
    ]
    facts = [
        {"model": "churn", "version": "1"},
        {"model": "churn", "version": "2", "batch_id": "b", "source": "batch", "row_number": 1},
        {"model": "dose", "version": "1", "batch_id": "a", "source": "batch", "row_number": 1},
    ]
    stored = [case(created_at=time, **about) for time in times for about in facts]
    empty_store.add_predictions(stored)
    expected = [
        made
        for made in stored
        if wanted.model in (None, made.model)
        and wanted.version in (None, made.version)
        and wanted.batch in (None, made.batch_id)
        and wanted.source in (None, made.source)
        and (wanted.since or "") <= made.created_at[:10] <= (wanted.until or "9")
    ]
    chunks = list(review_of(empty_store).each_prediction(wanted))
    assert [made for chunk in chunks for made in chunk] == expected
    assert 0 < len(expected)
    assert max(map(len, chunks)) == 3


def test_what_was_withdrawn_is_in_no_figure(empty_store):
    """The summaries keep their rows and count nothing in them."""
    for about in ({}, {"model": "dose", "value": 2.5, "probabilities": None}):
        prediction = case(**about)
        empty_store.add_prediction(prediction)
        empty_store.add_verdict(verdict(prediction, "disagree", "Ada", correct_value=0))
        empty_store.add_verdict(verdict(prediction, "withdrawn", "Ada"))
    assert select(empty_store.path, "SELECT count(*) FROM review_groups")[0][0] > 0
    figures = review_of(empty_store)
    for name in (*FIGURES, "by_version", "confusion"):
        assert getattr(figures, name)().empty, name
    assert (
        figures.page(VerdictFilter()).total
        == figures.page(VerdictFilter(judgement="disagree")).total
        == 0
    )
    assert figures.filter_values("churn") == {name: set() for name in review_queries.FILTER_FIELDS}
    assert review_of(empty_store).progress("churn").last_verdict_at is None


def test_figures_of_nothing_are_empty_frames(empty_store):
    figures = review_of(empty_store)
    for name in ("day", "version", "class", "confidence", "mode", "triage", "expert"):
        frame = getattr(figures, f"by_{name}")()
        assert frame.empty
        assert list(frame)[-6:] == recent_counts.SAID
    assert figures.confusion().empty
    assert figures.numbers("dose").empty
    assert figures.shared_counts() == dict.fromkeys(
        ("predictions", "shared", "repeated", "conflicts", "undecided"), 0
    )
    assert figures.page(VerdictFilter()) == review_queries.VerdictPage([], 0, False, 1)


def test_the_numbers_of_a_regression_are_pairs(empty_store):
    for value, correct in ((10.0, 12.5), (20.0, None), (30.0, 30.5)):
        prediction = case(model="dose", value=value, confidence=None, probabilities=None)
        empty_store.add_prediction(prediction)
        if correct is None:
            empty_store.add_verdict(verdict(prediction, "unsure"))
            empty_store.add_verdict(verdict(prediction, "agree", "Bob"))
        else:
            said_wrong = verdict(prediction, "disagree", correct_value=correct)
            empty_store.add_verdict(said_wrong)
    found = review_of(empty_store).numbers("dose")
    assert found["value"].tolist() == [30.0, 20.0, 10.0]
    assert found["answer"].fillna(-1).tolist() == [30.5, -1, 12.5]
    assert found["right"].tolist() == [False, True, False]
    assert len(review_of(empty_store).numbers("dose", most=1)) == 1
