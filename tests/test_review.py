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
from database import full_count, kept, select
from hypothesis import given
from hypothesis import strategies as st
from sqlite_utils.db import Database

from second_opinion.errors import UserError
from second_opinion.filters import Filter
from second_opinion.records import Event, Expert, folded, new_id, same_value
from second_opinion.store import Store, review
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
    assert [row.verdict.id for row in empty_store.review.page(Filter(words="fine")).rows] == ["v"]


# --- pages


def current_of(store):
    """Every current verdict with its prediction and decisions, from `reviewed` alone."""
    return store.reviewed().to_dict("records")


FILTERS = [
    Filter(),
    Filter(model="churn"),
    Filter(model="churn", version="2"),
    Filter(model="nothing"),
    Filter(judgement="disagree"),
    Filter(expert=" ADA "),
    Filter(expert="nobody"),
    Filter(severity="serious"),
    Filter(mode="blind"),
    Filter(source="batch"),
    Filter(value=1),
    Filter(value="1"),
    Filter(value=True),
    Filter(corrected=True),
    Filter(corrected=False),
    Filter(adjudicated=True),
    Filter(batch="a"),
    Filter(batch="none"),
    Filter(since="2026-11-02"),
    Filter(until="2026-11-02"),
    Filter(since="2026-11-02", until="2026-11-03"),
    Filter(at_least=0.57),
    Filter(below=0.57),
    Filter(at_least=0.55, below=0.6, judgement="disagree", mode="open"),
    Filter(words="old"),
    Filter(words="ÜBERD"),
    Filter(words="older one", judgement="disagree"),
]
MATCHES = {
    "model": lambda row, wanted: row["model"] == wanted,
    "version": lambda row, wanted: row["version"] == wanted,
    "judgement": lambda row, wanted: row["judgement"] == wanted,
    "expert": lambda row, wanted: folded(row["expert"]) == folded(wanted),
    "severity": lambda row, wanted: row["severity"] == wanted,
    "mode": lambda row, wanted: row["mode"] == wanted,
    "source": lambda row, wanted: row["source"] == wanted,
    "value": lambda row, wanted: row["model"] != "dose" and same_value(row["value"], wanted),
    "corrected": lambda row, wanted: (row["correct_value"] is not None) == wanted,
    "adjudicated": lambda row, wanted: row["adjudicated"] == wanted,
    "batch": lambda row, wanted: row["batch_id"] == wanted,
    "since": lambda row, wanted: row["created_at"][:10] >= wanted,
    "until": lambda row, wanted: row["created_at"][:10] <= wanted,
    "at_least": lambda row, wanted: row["confidence"] >= wanted,
    "below": lambda row, wanted: row["confidence"] < wanted,
    "words": lambda row, wanted: all(
        any(found.startswith(word) for found in tokens(row["comment"])) for word in tokens(wanted)
    ),
}


def tokens(text):
    plain = text.casefold().replace("ü", "u")
    return "".join(letter if letter.isalnum() else " " for letter in plain).split()


@pytest.mark.parametrize("wanted", FILTERS, ids=lambda wanted: str(wanted.texts))
def test_a_filter_finds_exactly_the_rows_that_match(busy_store, wanted):
    asked = {name: getattr(wanted, name) for name in MATCHES if getattr(wanted, name) is not None}
    expected = {
        row["verdict_id"]
        for row in current_of(busy_store)
        if all(MATCHES[name](row, value) for name, value in asked.items())
    }
    found = busy_store.review.page(wanted, size=1000)
    assert {row.verdict.id for row in found.rows} == expected
    assert (found.total, found.more) == (len(expected), False)
    streamed = [row.verdict.id for chunk in busy_store.review.each(wanted) for row in chunk]
    assert streamed == [row.verdict.id for row in found.rows][::-1]


def test_the_filters_of_the_test_find_something_each(busy_store):
    empty = [f for f in FILTERS if not busy_store.review.page(f).total]
    assert [f.texts for f in empty] == [
        {"model": "nothing"},
        {"expert": "nobody"},
        {"batch": "none"},
    ]


@pytest.mark.parametrize("sort", ["newest", "least_sure", "most_sure", "serious"])
@pytest.mark.parametrize("wanted", [Filter(), Filter(judgement="disagree"), Filter(words="old")])
def test_pages_follow_one_another_in_order(busy_store, sort, wanted):
    total = busy_store.review.page(wanted).total
    pages = [
        busy_store.review.page(wanted, sort=sort, number=number + 1, size=20)
        for number in range(-(-total // 20))
    ]
    rows = [row for page in pages for row in page.rows]
    assert len({row.verdict.id for row in rows}) == len(rows) == total
    assert {page.pages for page in pages} == {len(pages)}
    sure = [row.prediction.confidence for row in rows]
    known = [s for s in sure if s is not None]
    if sort == "least_sure":
        assert known == sorted(known)
        assert sure[len(known) :] == [None] * (total - len(known))
    if sort == "most_sure":
        assert known == sorted(known, reverse=True)
    if sort == "serious":
        serious = [row.verdict.severity == "serious" for row in rows]
        assert serious == sorted(serious, reverse=True)
        first = [s for s in sure[: sum(serious)] if s is not None]
        assert first == sorted(first, reverse=True)


def test_a_page_beyond_the_last_is_the_last(busy_store):
    last = busy_store.review.page(Filter(), number=10**9)
    assert last == busy_store.review.page(Filter(), number=last.pages)
    assert busy_store.review.page(Filter(), number=0) == busy_store.review.page(Filter())


def test_a_row_equals_what_reviewed_says(busy_store):
    rows = {row["verdict_id"]: row for row in current_of(busy_store)}
    for row in busy_store.review.page(Filter(), size=1000).rows:
        same = rows.pop(row.verdict.id)
        assert row.adjudicated == same["adjudicated"]
        assert repr(row.answer) == repr(same["answer"])
        assert row.prediction == busy_store.prediction(same["prediction_id"])
    assert not rows


def test_more_than_can_be_counted_is_said_so(busy_store, monkeypatch):
    monkeypatch.setattr(review, "MOST_ROWS", 30)
    found = busy_store.review.page(Filter(since="2026-01-01"), size=20)
    assert (found.total, found.more, found.pages) == (30, True, 2)
    by_group = busy_store.review.page(Filter(), size=20)
    assert (by_group.total > 30, by_group.more, by_group.pages) == (True, False, 2)


@pytest.mark.parametrize(
    "words",
    [
        *('older"', "(", "*", '"', "a AND", "NEAR(", "comment:x", "^a", "-old", "{a b}", "'; DROP"),
        *("\\", "a" * 5000, "\u202e", "🙂", HOSTILE, "NOT", "OR OR", "+", "old*"),
    ],
)
def test_whatever_is_typed_is_searched_for_and_never_an_error(busy_store, words):
    found = busy_store.review.page(Filter(words=words), size=1000)
    for row in found.rows:
        assert MATCHES["words"](vars(row.verdict), words)


@examples(25)
@given(st.text(max_size=30).filter(lambda text: "\x00" not in text))
def test_any_text_can_be_searched_for(busy_store, text):
    if text.isprintable():
        busy_store.review.page(Filter(words=text))


def test_a_search_finds_words_by_their_beginning_and_without_accents(busy_store):
    for words in ("uberdos", "Überdosis", "(older)", "OLD"):
        assert busy_store.review.page(Filter(words=words)).total
    assert not busy_store.review.page(Filter(words="erdosis")).total


# --- figures


def test_the_figures_add_up_to_the_rows(busy_store):
    rows = current_of(busy_store)
    figures = busy_store.review
    for frame in (figures.by_version(), figures.by_day(), figures.by_mode(), figures.by_source()):
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


def test_figures_of_nothing_are_empty_frames(empty_store):
    figures = empty_store.review
    for name in ("day", "version", "class", "confidence", "mode", "source", "triage", "expert"):
        frame = getattr(figures, f"by_{name}")()
        assert frame.empty
        assert list(frame)[-6:] == review.SAID
    assert figures.confusion().empty
    assert figures.numbers("dose").empty
    assert figures.shared_counts() == dict.fromkeys(
        ("predictions", "shared", "repeated", "conflicts", "undecided"), 0
    )
    assert figures.page(Filter()) == review.Page([], 0, False, 1)


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
    (row,) = figures.page(Filter(triage="open")).rows
    assert row.verdict.expert == "Bob"
    figures.triage(row.verdict.id, "accepted", "known", by=REVIEWER)
    figures.triage(row.verdict.id, "fixed", "in version 2", by=OWNER)
    assert figures.page(Filter(triage="open")).total == 0
    assert figures.page(Filter(triage="fixed")).rows[0].triage == "fixed"
    made = [(t.state, t.note, t.decided_by) for t in figures.triage_of(row.verdict.id)]
    assert made == [("accepted", "known", "Rita"), ("fixed", "in version 2", "Olga")]
    by_triage = figures.by_triage()
    assert by_triage[["triage", "verdicts"]].to_numpy().tolist() == [["fixed", 1]]


def test_a_changed_verdict_is_open_again(empty_store, conflict):
    about = empty_store.verdict_history(conflict.id)[1]
    empty_store.review.triage(about.id, "declined", by=REVIEWER)
    empty_store.add_verdict(verdict(conflict, "disagree", "Bob", comment="No, really"))
    assert empty_store.review.page(Filter(triage="open")).total == 1
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
        rows = current_of(store)
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


# --- filters in an address


def test_a_filter_survives_the_address():
    for wanted in [*FILTERS, Filter(value="Überdosis", answer=2.5, words="a & b", triage="fixed")]:
        assert Filter.read(wanted.texts) == (wanted, [])


def test_what_is_no_filter_is_named_and_left_out():
    texts = {
        "judgement": "withdrawn",
        "mode": "x",
        "corrected": "yes",
        "since": "2026-13-01",
        "below": "nan",
        "at_least": "2",
        "value": "[1]",
        "answer": "{",
        "words": "a\x00b",
        "batch": "a" * 300,
        "model": "churn",
        "page": "7",
        "expert": "",
    }
    found, ignored = Filter.read(texts)
    assert found == Filter(model="churn")
    assert set(ignored) == set(texts) - {"model", "page", "expert"}


@examples(25)
@given(st.dictionaries(st.sampled_from(sorted(vars(Filter()))), st.text(max_size=20)))
def test_any_address_makes_a_filter_that_can_be_asked(busy_store, texts):
    found, _ = Filter.read(texts)
    busy_store.review.page(found, sort="serious")
