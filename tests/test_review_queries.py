"""What Feedback review rests on: summaries that always equal the full count, pages, decisions."""

import sqlite3
from collections import Counter
from contextlib import closing

import pytest
from builders import (
    HOSTILE,
    OWNER,
    REVIEWER,
    VERSIONS,
    case,
    examples,
    verdict,
    write_at_random,
)
from database import contradict, current_rows, full_count, kept, select, shared_cases
from hypothesis import given
from hypothesis import strategies as st
from sqlite_utils.db import Database

from second_opinion.errors import UserError
from second_opinion.records.event import Event
from second_opinion.records.expert import Expert, folded
from second_opinion.records.stamp import new_id
from second_opinion.records.verdict_filter import VerdictFilter
from second_opinion.store import Store, review_queries
from second_opinion.store.migrations import migrations


@examples(25)
@given(st.integers(0, 2**32))
def test_the_summaries_always_equal_the_full_count(tmp_path_factory, seed):
    with closing(Store.open(tmp_path_factory.mktemp("law") / "feedback.db")) as store:
        write_at_random(store, seed)
        assert kept(store.path) == full_count(store.path)


@examples(10)
@given(st.integers(0, 2**32))
def test_a_database_from_before_is_filled_in(tmp_path_factory, seed):
    """The summaries made at once from what was stored equal those that were kept all along."""
    folder = tmp_path_factory.mktemp("old")
    old = folder / "old.db"
    with closing(Store.open(folder / "feedback.db")) as store:
        write_at_random(store, seed)
    with closing(sqlite3.connect(old, isolation_level=None)) as connection:
        migrations.apply(Database(connection, execute_plugins=False), stop_before="m005_review")
        connection.execute("ATTACH ? AS theirs", (str(store.path),))
        for table in ("predictions", "verdicts"):
            connection.execute(f"INSERT INTO {table} SELECT * FROM theirs.{table} ORDER BY rowid")
    Store.open(old).close()
    expected = full_count(old)
    assert kept(old) == expected
    assert select(old, "SELECT count(*) FROM review_search") == select(
        old, "SELECT count(*) FROM verdicts WHERE comment <> ''"
    )


def test_a_verdict_written_by_another_program_counts_too(empty_store):
    prediction = case()
    empty_store.add_prediction(prediction)
    with closing(sqlite3.connect(empty_store.path)) as connection, connection:
        connection.execute(
            "INSERT INTO verdicts (id, prediction_id, expert, identity_source, judgement, comment,"
            " mode, created_at) VALUES ('v', ?, 'Bob', 'api', 'agree', 'fine', 'open',"
            " '2026-11-01T00:00:00.000Z')",
            (prediction.id,),
        )
    assert empty_store.progress("churn").agree == 1
    assert [
        row.verdict.id for row in empty_store.review.page(VerdictFilter(words="fine")).rows
    ] == ["v"]


# --- figures


def test_the_figures_add_up_to_the_rows(busy_store):
    rows = busy_store.reviewed().to_dict("records")
    figures = busy_store.review
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
    counted = sum(row["answer"] is not None for row in rows if row["model"] == "churn")
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
    frame = getattr(busy_store.review, name)(*about)
    shown = {"by_class": repr, "by_expert": folded}.get(name, lambda value: value)
    assert len(frame) == len(expected)
    assert {shown(row[0]): list(row[1:]) for row in frame.itertuples(index=False)} == expected


@pytest.mark.parametrize("model", ["churn", "dose", None, "none"])
def test_versions_are_counted_apart(busy_store, model):
    rows = rows_about(busy_store.path, model, None)
    keys = {(row["model"], row["version"]) for row in rows}
    expected = [[*key, *said_in(rows_about(busy_store.path, *key))] for key in sorted(keys)]
    assert busy_store.review.by_version(model).to_numpy().tolist() == expected


@pytest.mark.parametrize("about", ABOUT)
def test_confusion_counts_each_pair_of_classes(busy_store, about):
    rows = rows_about(busy_store.path, *about)
    expected = Counter(
        (repr(row["value"]), repr(row["answer"]))
        for row in rows
        if row["is_class"] and row["answer"] is not None
    )
    found = busy_store.review.confusion(*about)
    assert {(repr(v), repr(a)): n for v, a, n in found.itertuples(index=False)} == expected


@pytest.mark.parametrize("about", ABOUT)
def test_shared_cases_are_those_of_the_model_and_version(busy_store, about):
    cases = shared_cases(rows_about(busy_store.path, *about))
    conflicts = {id for id, rows in cases.items() if contradict(rows)}
    decided = {id for id, rows in cases.items() if rows[0]["adjudicated"]}
    figures = busy_store.review
    assert figures.shared_states(*about) == {id: id in conflicts - decided for id in cases}
    counts = figures.shared_counts(*about)
    assert (counts["shared"], counts["conflicts"]) == (len(cases), len(conflicts))
    assert counts["undecided"] == len(conflicts - decided)
    asked = {None: conflicts, True: conflicts & decided, False: conflicts - decided}
    pages = {state: figures.conflicts(*about, adjudicated=state, size=1000) for state in asked}
    for listed, expected in [
        (figures.shared_cases(*about), set(cases)),
        *((pages[state], asked[state]) for state in asked),
    ]:
        assert {case.prediction_id for case in listed} == expected
        times = [case.last_at for case in listed]
        assert times == sorted(times, reverse=True)
    second = figures.conflicts(*about, adjudicated=None, number=2, size=3)
    assert second == pages[None][3:6]
    assert figures.shared_cases(*about, most=2) == figures.shared_cases(*about)[:2]


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
    chunks = list(empty_store.review.each_prediction(wanted))
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
    figures = empty_store.review
    for name in (*FIGURES, "by_version", "confusion"):
        assert getattr(figures, name)().empty, name
    assert (
        figures.page(VerdictFilter()).total
        == figures.page(VerdictFilter(judgement="disagree")).total
        == 0
    )
    assert figures.filter_values("churn") == {name: set() for name in review_queries.FILTER_FIELDS}
    assert empty_store.progress("churn").last_verdict_at is None


def test_figures_of_nothing_are_empty_frames(empty_store):
    figures = empty_store.review
    for name in ("day", "version", "class", "confidence", "mode", "triage", "expert"):
        frame = getattr(figures, f"by_{name}")()
        assert frame.empty
        assert list(frame)[-6:] == review_queries.SAID
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
    found = empty_store.review.numbers("dose")
    assert found.to_numpy().tolist() == [[30.0, 30.5], [20.0, 20.0], [10.0, 12.5]]
    assert len(empty_store.review.numbers("dose", most=1)) == 1


# --- triage, adjudication, events


@pytest.fixture
def conflict(empty_store):
    """A prediction on which Ada and Bob contradict each other."""
    prediction = case(value=1)
    empty_store.add_prediction(prediction)
    empty_store.add_verdict(verdict(prediction, "agree", "Ada"))
    empty_store.add_verdict(verdict(prediction, "disagree", "Bob", correct_value=0))
    return prediction


def test_a_conflict_waits_until_a_third_person_decides_it(empty_store, conflict):
    figures = empty_store.review
    (waiting,) = figures.conflicts()
    assert waiting.answers == (("Ada", "agree", 1), ("Bob", "disagree", 0))
    assert waiting.undecided

    figures.adjudicate(conflict.id, 0, "the scan shows it", by=REVIEWER)
    assert figures.conflicts() == []
    assert figures.conflicts(adjudicated=True) == [figures.shared_case(conflict.id)]
    assert figures.shared_counts("churn") == {
        "predictions": 1,
        "shared": 1,
        "repeated": 1,
        "conflicts": 1,
        "undecided": 0,
    }


def test_the_adjudicated_answer_counts_and_the_originals_stay(empty_store, conflict):
    before = empty_store.verdict_history(conflict.id)
    empty_store.review.adjudicate(conflict.id, 0, "the scan shows it", by=REVIEWER)
    assert empty_store.verdict_history(conflict.id) == before
    reviewed = empty_store.reviewed()
    assert list(reviewed["judgement"]) == ["agree", "disagree"]
    assert list(reviewed["answer"]) == [0, 0]
    assert list(reviewed["adjudicated"]) == [True, True]
    (figures,) = empty_store.review.by_version().to_dict("records")
    assert (figures["agree"], figures["right"], figures["wrong"]) == (1, 0, 2)
    assert empty_store.review.confusion().to_numpy().tolist() == [[1, 0, 2]]
    (again,) = empty_store.review.adjudications_of(conflict.id)
    assert (again.decided_by, again.reason) == ("Rita", "the scan shows it")

    empty_store.review.adjudicate(conflict.id, 1, "looked again", by=OWNER)
    assert list(empty_store.reviewed()["answer"]) == [1, 1]
    assert len(empty_store.review.adjudications_of(conflict.id)) == 2


def test_an_answer_that_nobody_adjudicated_is_what_the_expert_said(empty_store, conflict):
    empty_store.add_verdict(verdict(conflict, "unsure", "Cyd"))
    empty_store.add_verdict(verdict(conflict, "disagree", "Dan"))
    reviewed = empty_store.reviewed().set_index("expert")
    assert reviewed["answer"].to_dict() == {"Ada": 1, "Bob": 0, "Cyd": None, "Dan": None}
    assert not reviewed["adjudicated"].any()


@pytest.mark.parametrize(
    ("answer", "reason", "by", "said_so"),
    [
        (0, "so", Expert("Rita"), "may not decide a case"),
        (0, " ", REVIEWER, "reason is missing"),
        (None, "so", REVIEWER, "answer is missing"),
        (0, "x" * 4001, REVIEWER, "4001 characters"),
        (0, "a\x00b", REVIEWER, "NUL"),
        (0, "so", Expert(" BOB", role="reviewer"), "third person"),
    ],
)
def test_an_adjudication_that_will_not_do_is_refused(
    empty_store, conflict, answer, reason, by, said_so
):
    with pytest.raises(UserError, match=said_so):
        empty_store.review.adjudicate(conflict.id, answer, reason, by=by)
    assert empty_store.review.adjudications_of(conflict.id) == []


def test_whoever_withdrew_a_verdict_cannot_decide_either(empty_store, conflict):
    empty_store.add_verdict(verdict(conflict, "agree", "Rita"))
    empty_store.add_verdict(verdict(conflict, "withdrawn", "Rita"))
    with pytest.raises(UserError, match="third person"):
        empty_store.review.adjudicate(conflict.id, 0, "so", by=REVIEWER)


def test_a_case_without_a_conflict_cannot_be_decided(empty_store, conflict):
    empty_store.add_verdict(verdict(conflict, "agree", "Bob"))
    with pytest.raises(UserError, match="nothing to decide"):
        empty_store.review.adjudicate(conflict.id, 0, "so", by=REVIEWER)


def test_the_same_click_twice_is_one_decision(empty_store, conflict):
    id = new_id()
    for _ in range(2):
        empty_store.review.adjudicate(conflict.id, 0, "so", by=REVIEWER, id=id)
    about = empty_store.verdict_history(conflict.id)[1]
    for _ in range(2):
        empty_store.review.triage(about.id, "fixed", "in v2", by=REVIEWER, id=id + "t")
    assert len(empty_store.review.adjudications_of(conflict.id)) == 1
    assert len(empty_store.review.triage_of(about.id)) == 1
    assert len(empty_store.review.events(by=OWNER)) == 2


def test_triage_is_open_for_a_disagreement_and_keeps_every_decision(empty_store, conflict):
    figures = empty_store.review
    (row,) = figures.page(VerdictFilter(triage="open")).rows
    assert row.verdict.expert == "Bob"
    figures.triage(row.verdict.id, "accepted", "known", by=REVIEWER)
    figures.triage(row.verdict.id, "fixed", "in version 2", by=OWNER)
    assert figures.page(VerdictFilter(triage="open")).total == 0
    assert figures.page(VerdictFilter(triage="fixed")).rows[0].triage == "fixed"
    made = [(t.state, t.note, t.decided_by) for t in figures.triage_of(row.verdict.id)]
    assert made == [("accepted", "known", "Rita"), ("fixed", "in version 2", "Olga")]
    by_triage = figures.by_triage()
    assert by_triage[["triage", "verdicts"]].to_numpy().tolist() == [["fixed", 1]]


def test_a_changed_verdict_is_open_again(empty_store, conflict):
    about = empty_store.verdict_history(conflict.id)[1]
    empty_store.review.triage(about.id, "declined", by=REVIEWER)
    empty_store.add_verdict(verdict(conflict, "disagree", "Bob", comment="No, really"))
    assert empty_store.review.page(VerdictFilter(triage="open")).total == 1
    with pytest.raises(UserError, match="no longer counts"):
        empty_store.review.triage(about.id, "fixed", by=REVIEWER)


def test_triage_is_for_reviewers(empty_store, conflict):
    about = empty_store.verdict_history(conflict.id)[1]
    with pytest.raises(UserError, match=r"Eve may not triage a verdict; expected a reviewer"):
        empty_store.review.triage(about.id, "fixed", by=Expert("Eve"))
    with pytest.raises(UserError, match="expected one of open, accepted, fixed, declined"):
        empty_store.review.triage(about.id, "closed", by=REVIEWER)
    with pytest.raises(UserError, match="no longer counts"):
        empty_store.review.triage("none", "fixed", by=REVIEWER)
    assert empty_store.review.triage_of(about.id) == []


def test_events_are_read_by_owners_newest_first(empty_store):
    for what in ("sign-in", "export", "sign-in"):
        empty_store.review.log(Event(what, "Ada", {"rows": 3, "text": HOSTILE}))
    assert [e.what for e in empty_store.review.events(by=OWNER)] == ["sign-in", "export", "sign-in"]
    (only,) = empty_store.review.events("export", by=OWNER)
    assert only.details == {"rows": 3, "text": HOSTILE}
    with pytest.raises(UserError, match="Rita may not read the log"):
        empty_store.review.events(by=REVIEWER)


@pytest.mark.parametrize("table", ["triage", "adjudications", "events"])
def test_another_program_cannot_change_a_decision(empty_store, conflict, table):
    empty_store.review.adjudicate(conflict.id, 0, "so", by=REVIEWER)
    about = empty_store.verdict_history(conflict.id)[1]
    empty_store.review.triage(about.id, "fixed", by=REVIEWER)
    for change in (f"UPDATE {table} SET id = 'x'", f"DELETE FROM {table}"):
        with (
            closing(sqlite3.connect(empty_store.path)) as connection,
            pytest.raises(sqlite3.IntegrityError, match="append-only"),
        ):
            connection.execute(change)


# --- progress


def test_progress_counts_people_not_spellings(empty_store):
    prediction = case()
    empty_store.add_prediction(prediction)
    other = case()
    empty_store.add_prediction(other)
    empty_store.add_verdict(verdict(prediction, expert="Ada  Lovelace"))
    empty_store.add_verdict(verdict(other, expert="ADA lovelace "))
    progress = empty_store.progress("churn")
    assert (progress.experts, progress.verdicts, progress.judged) == (1, 2, 2)


@pytest.mark.parametrize("seed", range(5))
def test_progress_equals_the_count_over_reviewed(tmp_path, seed):
    with closing(Store.open(tmp_path / "feedback.db")) as store:
        known = write_at_random(store, seed, 120)
        rows = store.reviewed().to_dict("records")
        for model, version in [*VERSIONS, ("churn", None), ("none", None)]:
            about = [r for r in rows if r["model"] == model and version in (None, r["version"])]
            progress = store.progress(model, version)
            asked = [p for p in known if p.model == model and version in (None, p.version)]
            assert progress.predictions == len(asked)
            assert progress.judged == len({r["prediction_id"] for r in about})
            assert progress.verdicts == len(about)
            assert progress.agree == sum(r["judgement"] == "agree" for r in about)
            assert progress.experts == len({folded(r["expert"]) for r in about})
            assert progress.last_verdict_at == max((r["created_at"] for r in about), default=None)
