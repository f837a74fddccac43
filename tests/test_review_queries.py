"""What Feedback review rests on: summaries that always equal the full count, pages, decisions."""

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
from builders import (
    OWNER,
    REVIEWER,
    VERSIONS,
    case,
    examples,
    review_of,
    verdict,
    write_at_random,
)
from database import copy_rows, full_count, kept, select
from hypothesis import given
from hypothesis import strategies as st
from sqlite_utils.db import Database

from second_opinion.access import roles
from second_opinion.errors import UserError
from second_opinion.records.expert import Expert, folded
from second_opinion.records.stamp import new_id
from second_opinion.records.verdict_filter import VerdictFilter
from second_opinion.store import Store
from second_opinion.store.migrations import migrations


@pytest.mark.slow
@examples(25)
@given(st.integers(0, 2**32))
def test_the_summaries_always_equal_the_full_count(tmp_path_factory, seed):
    with closing(Store.open(tmp_path_factory.mktemp("law") / "feedback.db")) as store:
        write_at_random(store, seed)
        assert kept(store.path) == full_count(store.path)


@pytest.mark.slow
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
            copy_rows(connection, table)
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
    assert review_of(empty_store).progress("churn").agree == 1
    assert [
        row.verdict.id for row in review_of(empty_store).page(VerdictFilter(words="fine")).rows
    ] == ["v"]


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
    figures = review_of(empty_store)
    (waiting,) = figures.conflicts()
    assert [(v.expert, v.judgement) for v in waiting.verdicts] == [
        ("Ada", "agree"),
        ("Bob", "disagree"),
    ]
    assert not waiting.adjudicated

    figures.adjudicate(conflict.id, 0, "the scan shows it", by=REVIEWER)
    assert figures.conflicts() == []
    assert figures.conflicts(adjudicated=True) == [replace(waiting, adjudicated=True)]
    assert figures.shared_counts("churn") == {
        "predictions": 1,
        "shared": 1,
        "repeated": 1,
        "conflicts": 1,
        "undecided": 0,
    }


def test_the_adjudicated_answer_counts_and_the_originals_stay(empty_store, conflict):
    before = empty_store.verdict_history(conflict.id, by=REVIEWER)
    review_of(empty_store).adjudicate(conflict.id, 0, "the scan shows it", by=REVIEWER)
    assert empty_store.verdict_history(conflict.id, by=REVIEWER) == before
    reviewed = empty_store.reviewed()
    assert list(reviewed["judgement"]) == ["agree", "disagree"]
    assert list(reviewed["answer"]) == [0, 0]
    assert list(reviewed["adjudicated"]) == [True, True]
    (figures,) = review_of(empty_store).by_version().to_dict("records")
    assert (figures["agree"], figures["right"], figures["wrong"]) == (1, 0, 2)
    assert review_of(empty_store).confusion().to_numpy().tolist() == [[1, 0, 2]]
    (again,) = review_of(empty_store).adjudications_of(conflict.id)
    assert (again.decided_by, again.reason) == ("Rita", "the scan shows it")

    review_of(empty_store).adjudicate(conflict.id, 1, "looked again", by=OWNER)
    assert list(empty_store.reviewed()["answer"]) == [1, 1]
    assert len(review_of(empty_store).adjudications_of(conflict.id)) == 2


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
        review_of(empty_store).adjudicate(conflict.id, answer, reason, by=by)
    assert review_of(empty_store).adjudications_of(conflict.id) == []


def test_whoever_withdrew_a_verdict_cannot_decide_either(empty_store, conflict):
    empty_store.add_verdict(verdict(conflict, "agree", "Rita"))
    empty_store.add_verdict(verdict(conflict, "withdrawn", "Rita"))
    with pytest.raises(UserError, match="third person"):
        review_of(empty_store).adjudicate(conflict.id, 0, "so", by=REVIEWER)


def test_a_case_without_a_conflict_cannot_be_decided(empty_store, conflict):
    empty_store.add_verdict(verdict(conflict, "agree", "Bob"))
    with pytest.raises(UserError, match="nothing to decide"):
        review_of(empty_store).adjudicate(conflict.id, 0, "so", by=REVIEWER)


def test_the_same_click_twice_is_one_decision(empty_store, conflict):
    id = new_id()
    for _ in range(2):
        review_of(empty_store).adjudicate(conflict.id, 0, "so", by=REVIEWER, id=id)
    about = empty_store.verdict_history(conflict.id, by=REVIEWER)[1]
    for _ in range(2):
        review_of(empty_store).triage(about.id, "fixed", "in v2", by=REVIEWER, id=id + "t")
    assert len(review_of(empty_store).adjudications_of(conflict.id)) == 1
    assert len(review_of(empty_store).triage_of(about.id)) == 1
    assert len(empty_store.event_log.newest(by=OWNER)) == 2


def test_triage_is_open_for_a_disagreement_and_keeps_every_decision(empty_store, conflict):
    figures = review_of(empty_store)
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
    about = empty_store.verdict_history(conflict.id, by=REVIEWER)[1]
    review_of(empty_store).triage(about.id, "declined", by=REVIEWER)
    empty_store.add_verdict(verdict(conflict, "disagree", "Bob", comment="No, really"))
    assert review_of(empty_store).page(VerdictFilter(triage="open")).total == 1
    with pytest.raises(UserError, match="no longer counts"):
        review_of(empty_store).triage(about.id, "fixed", by=REVIEWER)


def test_triage_is_for_reviewers(empty_store, conflict):
    about = empty_store.verdict_history(conflict.id, by=REVIEWER)[1]
    with pytest.raises(UserError, match=r"Eve may not triage a verdict; expected a reviewer"):
        review_of(empty_store).triage(about.id, "fixed", by=Expert("Eve"))
    with pytest.raises(UserError, match="expected one of open, accepted, fixed, declined"):
        review_of(empty_store).triage(about.id, "closed", by=REVIEWER)
    with pytest.raises(UserError, match="no longer counts"):
        review_of(empty_store).triage("none", "fixed", by=REVIEWER)
    assert review_of(empty_store).triage_of(about.id) == []


@pytest.mark.parametrize("table", ["triage", "adjudications", "events"])
def test_another_program_cannot_change_a_decision(empty_store, conflict, table):
    review_of(empty_store).adjudicate(conflict.id, 0, "so", by=REVIEWER)
    about = empty_store.verdict_history(conflict.id, by=REVIEWER)[1]
    review_of(empty_store).triage(about.id, "fixed", by=REVIEWER)
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
    progress = review_of(empty_store).progress("churn")
    assert (progress.experts, progress.verdicts, progress.judged) == (1, 2, 2)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_progress_equals_the_count_over_reviewed(tmp_path, seed):
    with closing(Store.open(tmp_path / "feedback.db")) as store:
        known = write_at_random(store, seed, 120)
        rows = store.reviewed().to_dict("records")
        for model, version in [*VERSIONS, ("churn", None), ("none", None)]:
            about = [r for r in rows if r["model"] == model and version in (None, r["version"])]
            progress = review_of(store).progress(model, version)
            asked = [p for p in known if p.model == model and version in (None, p.version)]
            assert progress.predictions == len(asked)
            assert progress.judged == len({r["prediction_id"] for r in about})
            assert progress.verdicts == len(about)
            assert progress.agree == sum(r["judgement"] == "agree" for r in about)
            assert progress.right == sum(r["outcome"] == "right" for r in about)
            assert progress.wrong == sum(r["outcome"] == "wrong" for r in about)
            assert progress.experts == len({folded(r["expert"]) for r in about})
            assert progress.last_verdict_at == max((r["created_at"] for r in about), default=None)


def test_what_everybody_said_is_handed_to_those_alone_who_may_see_it(empty_store):
    for person in (REVIEWER, OWNER, roles.PROGRAM):
        assert empty_store.review(by=person).by_version().empty
    with pytest.raises(UserError, match="Ada may not see every verdict; expected a reviewer"):
        empty_store.review(by=Expert("Ada"))
