"""Filters of Feedback review: each finds the rows that match, in order, on whatever way."""

from collections import Counter

import pytest
from builders import HOSTILE, REVIEWER, examples, review_of
from database import class_text, current_rows, select
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from second_opinion.records.expert import folded
from second_opinion.records.verdict_filter import VerdictFilter
from second_opinion.store import review_queries, verdict_selection

# One for each clause of the queries, with rows on its edge and on either side.
FILTERS = [
    VerdictFilter(),
    VerdictFilter(model="churn"),
    VerdictFilter(model="churn", version="2"),
    VerdictFilter(model="nothing"),
    VerdictFilter(judgement="disagree"),
    VerdictFilter(expert=" ADA "),
    VerdictFilter(expert="nobody"),
    VerdictFilter(severity="serious"),
    VerdictFilter(mode="blind"),
    VerdictFilter(source="batch"),
    VerdictFilter(value=1),
    VerdictFilter(value="1"),
    VerdictFilter(value=True),
    VerdictFilter(answer=1),
    VerdictFilter(corrected=True),
    VerdictFilter(corrected=False),
    VerdictFilter(adjudicated=True),
    VerdictFilter(adjudicated=False),
    VerdictFilter(outcome="wrong"),
    VerdictFilter(triage="open"),
    VerdictFilter(batch="a"),
    VerdictFilter(batch="none"),
    VerdictFilter(since="2026-11-02"),
    VerdictFilter(until="2026-11-02"),
    VerdictFilter(since="2026-11-02", until="2026-11-02"),
    VerdictFilter(since="2026-11-02", until="2026-11-03"),
    VerdictFilter(at_least=0.57),
    VerdictFilter(below=0.57),
    VerdictFilter(at_least=0.57, below=0.6),
    VerdictFilter(at_least=0.55, below=0.6, judgement="disagree", mode="open"),
    VerdictFilter(words="old"),
    VerdictFilter(words="ÜBERD"),
    VerdictFilter(words="older one", judgement="disagree"),
]
MATCHES = {
    "model": lambda row, wanted: row["model"] == wanted,
    "version": lambda row, wanted: row["version"] == wanted,
    "judgement": lambda row, wanted: row["judgement"] == wanted,
    "expert": lambda row, wanted: folded(row["expert"]) == folded(wanted),
    "severity": lambda row, wanted: row["severity"] == wanted,
    "mode": lambda row, wanted: row["mode"] == wanted,
    "source": lambda row, wanted: row["source"] == wanted,
    # Classes are told apart as JSON: 1 is not 1.0.
    "value": lambda row, wanted: row["is_class"] and repr(row["value"]) == repr(wanted),
    "answer": lambda row, wanted: row["is_class"] and repr(row["answer"]) == repr(wanted),
    "corrected": lambda row, wanted: row["corrected"] == wanted,
    "adjudicated": lambda row, wanted: row["adjudicated"] == wanted,
    "outcome": lambda row, wanted: row["outcome"] == wanted,
    "triage": lambda row, wanted: row["triage"] == wanted,
    "batch": lambda row, wanted: row["batch_id"] == wanted,
    "since": lambda row, wanted: row["day"] >= wanted,
    "until": lambda row, wanted: row["day"] <= wanted,
    "at_least": lambda row, wanted: row["confidence"] is not None and row["confidence"] >= wanted,
    "below": lambda row, wanted: row["confidence"] is not None and row["confidence"] < wanted,
    "words": lambda row, wanted: all(
        any(found.startswith(word) for found in tokens(row["comment"])) for word in tokens(wanted)
    ),
}
ORDERS = {
    "newest": lambda row: (),
    "least_sure": lambda row: (row["confidence"] is None, row["confidence"] or 0),
    "most_sure": lambda row: (row["confidence"] is None, -(row["confidence"] or 0)),
    "serious": lambda row: (row["severity"] != "serious", *ORDERS["most_sure"](row)),
}


def tokens(text):
    plain = text.casefold().replace("ü", "u")
    return "".join(letter if letter.isalnum() else " " for letter in plain).split()


@pytest.fixture(scope="module")
def rows(busy_store):
    """Every current verdict of `busy_store`, newest first, worked out from what was written."""
    return current_rows(busy_store.path)[::-1]


def matching(rows, wanted):
    asked = {name: getattr(wanted, name) for name in MATCHES if getattr(wanted, name) is not None}
    return [row for row in rows if all(MATCHES[name](row, of) for name, of in asked.items())]


def ids(rows):
    return [row["id"] for row in rows]


def listed(found):
    return [row.verdict.id for row in found]


def with_words(wanted):
    """The same among the verdicts whose comment has a word: another copy of each query."""
    return wanted if wanted.words else wanted.model_copy(update={"words": "old"})


EACH = [*FILTERS, *map(with_words, FILTERS)]


@pytest.mark.slow
@pytest.mark.parametrize("sort", ORDERS)
def test_a_page_lists_exactly_the_rows_that_match_in_its_order(busy_store, rows, sort):
    for wanted in EACH:
        expected = ids(sorted(matching(rows, wanted), key=ORDERS[sort]))
        found = review_of(busy_store).page(wanted, sort=sort, size=1000)
        assert listed(found.rows) == expected, wanted.texts
        assert (found.total, found.more) == (len(expected), False)
        second = review_of(busy_store).page(wanted, sort=sort, number=2, size=7)
        assert listed(second.rows) == (expected[7:14] if len(expected) > 7 else expected)


def test_all_matching_rows_come_oldest_first(busy_store, rows):
    for wanted in EACH:
        streamed = [row for chunk in review_of(busy_store).each(wanted) for row in chunk]
        assert listed(streamed) == ids(matching(rows, wanted))[::-1]


@pytest.mark.slow
@pytest.mark.parametrize("most", [5, 10_000])
def test_the_newest_are_counted_by_what_they_have(busy_store, rows, most):
    keys = ("day", "expert", "version", "outcome")
    for wanted in EACH:
        expected = matching(rows, wanted)
        found = review_of(busy_store).newest(wanted, most)
        counts = found.by(*keys)
        drawn = {tuple(row[:4]): row[4] for row in counts[[*keys, "verdicts"]].to_numpy().tolist()}
        assert drawn == Counter(tuple(row[key] for key in keys) for row in expected[:most])
        assert found.more == (wanted.by_row and len(expected) > most)
        assert found.total == (min(len(expected), most) if wanted.by_row else len(expected))


def test_a_percent_of_the_newest_is_rounded_down(busy_store, rows):
    found = review_of(busy_store).newest(VerdictFilter(), 10_000).by("percent")
    expected = Counter(round(row["confidence"] * 100) for row in rows if row["confidence"])
    assert dict(found[["percent", "verdicts"]].to_numpy().tolist()) == expected


@pytest.mark.parametrize("model", ["churn", "dose", "none"])
def test_what_can_be_chosen_is_what_some_verdict_has(busy_store, rows, model):
    """An empty text stands for what some of them have not."""

    def text(row, name):
        if name in ("value", "answer"):
            return class_text(row, name)
        return {True: "true", False: "false", None: ""}.get(row[name], row[name])

    own = [row for row in rows if row["model"] == model]
    expected = {name: {text(row, name) for row in own} for name in review_queries.FILTER_FIELDS}
    assert review_of(busy_store).filter_values(model) == expected


@pytest.mark.parametrize("sort", ORDERS)
def test_words_are_looked_for_in_the_newest_hits(busy_store, rows, sort, monkeypatch):
    """Also those of verdicts that were replaced are hits."""
    monkeypatch.setattr(verdict_selection, "MOST_HITS", 20)
    comments = select(busy_store.path, "SELECT id, comment FROM verdicts ORDER BY rowid DESC")
    hits = [id for id, comment in comments if MATCHES["words"]({"comment": comment}, "old")][:20]
    for wanted in map(with_words, [VerdictFilter(), VerdictFilter(since="2026-11-02")]):
        expected = [row for row in matching(rows, wanted) if row["id"] in hits]
        assert 1 < len(expected) < min(20, len(matching(rows, wanted)))
        found = review_of(busy_store).page(wanted, sort=sort)
        assert listed(found.rows) == ids(sorted(expected, key=ORDERS[sort]))
        assert found.total == len(expected)
        assert review_of(busy_store).newest(wanted, 1000).total == len(expected)


def test_the_filters_of_the_test_find_something_each(busy_store):
    empty = [f for f in FILTERS if not review_of(busy_store).page(f).total]
    assert [f.texts for f in empty] == [
        {"model": "nothing"},
        {"expert": "nobody"},
        {"batch": "none"},
    ]


def test_a_page_beyond_the_last_is_the_last(busy_store):
    last = review_of(busy_store).page(VerdictFilter(), number=10**9)
    assert last == review_of(busy_store).page(VerdictFilter(), number=last.pages)
    assert review_of(busy_store).page(VerdictFilter(), number=0) == busy_store.review(
        by=REVIEWER
    ).page(VerdictFilter())


def test_a_row_equals_what_reviewed_says(busy_store):
    rows = {row["verdict_id"]: row for row in busy_store.reviewed().to_dict("records")}
    for row in review_of(busy_store).page(VerdictFilter(), size=1000).rows:
        same = rows.pop(row.verdict.id)
        assert row.adjudicated == same["adjudicated"]
        assert repr(row.answer) == repr(same["answer"])
        assert row.prediction == busy_store.prediction(same["prediction_id"])
    assert not rows


def test_more_than_can_be_counted_is_said_so(busy_store, monkeypatch):
    monkeypatch.setattr(verdict_selection, "MOST_ROWS", 30)
    found = review_of(busy_store).page(VerdictFilter(since="2026-01-01"), size=20)
    assert (found.total, found.more, found.pages) == (30, True, 2)
    by_group = review_of(busy_store).page(VerdictFilter(), size=20)
    assert (by_group.total > 30, by_group.more, by_group.pages) == (True, False, 2)


@pytest.mark.parametrize(
    "words",
    [
        *('older"', "(", "*", '"', "a AND", "NEAR(", "comment:x", "^a", "-old", "{a b}", "'; DROP"),
        *("\\", "a" * 5000, "\u202e", "🙂", HOSTILE, "NOT", "OR OR", "+", "old*"),
    ],
)
def test_whatever_is_typed_is_searched_for_and_never_an_error(busy_store, words):
    found = review_of(busy_store).page(VerdictFilter(words=words), size=1000)
    for row in found.rows:
        assert MATCHES["words"](vars(row.verdict), words)


@examples(25)
@given(st.text(max_size=30).filter(lambda text: "\x00" not in text))
def test_any_text_can_be_searched_for(busy_store, text):
    if text.isprintable():
        review_of(busy_store).page(VerdictFilter(words=text))


def test_a_search_finds_words_by_their_beginning_and_without_accents(busy_store):
    for words in ("uberdos", "Überdosis", "(older)", "OLD"):
        assert review_of(busy_store).page(VerdictFilter(words=words)).total
    assert not review_of(busy_store).page(VerdictFilter(words="erdosis")).total


# --- filters in an address


def test_a_filter_survives_the_address():
    for wanted in [
        *FILTERS,
        VerdictFilter(value="Überdosis", answer=2.5, words="a & b", triage="fixed"),
    ]:
        assert VerdictFilter.read(wanted.texts) == (wanted, [])


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ({"value": "1"}, {"value": 1}),
        ({"value": '"1"'}, {"value": "1"}),
        ({"answer": "true"}, {"answer": True}),
        ({"corrected": "false", "adjudicated": "true"}, {"corrected": False, "adjudicated": True}),
        ({"since": "20261102"}, {"since": "2026-11-02"}),
        ({"at_least": "0", "below": "1e-1"}, {"at_least": 0.0, "below": 0.1}),
    ],
)
def test_each_field_is_read_as_what_it_holds(text, values):
    found, ignored = VerdictFilter.read(text)
    assert {name: repr(getattr(found, name)) for name in values} == {
        name: repr(value) for name, value in values.items()
    }
    assert found == VerdictFilter(**values)
    assert not ignored


@pytest.mark.parametrize(
    "texts",
    [
        *({"corrected": text} for text in ("yes", "1", "True", "on")),
        *({"value": text} for text in ("null", "{}", "[" * 100_000, "words")),
        *({"at_least": text} for text in ("-0.1", "inf", "true", "half")),
        *({"version": text} for text in (" ", "a" * 201, "\ud800")),
        *({"until": text} for text in ("tomorrow", "2026-11-02T10:00")),
        {"judgement": "Agree"},
    ],
)
def test_a_text_that_a_field_cannot_hold_is_named(texts):
    assert VerdictFilter.read({"model": "churn", **texts}) == (
        VerdictFilter(model="churn"),
        list(texts),
    )


def test_a_filter_stays_as_it_is_and_serves_as_a_key():
    wanted = VerdictFilter(model="churn", value=1)
    with pytest.raises(ValidationError, match="frozen"):
        wanted.model = "dose"
    with pytest.raises(ValidationError, match="modle"):
        VerdictFilter(modle="churn")
    assert {wanted: 1}[VerdictFilter(value=1, model="churn")] == 1


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
    found, ignored = VerdictFilter.read(texts)
    assert found == VerdictFilter(model="churn")
    assert set(ignored) == set(texts) - {"model", "page", "expert"}


@examples(25)
@given(st.dictionaries(st.sampled_from(sorted(vars(VerdictFilter()))), st.text(max_size=20)))
def test_any_address_makes_a_filter_that_can_be_asked(busy_store, texts):
    found, _ = VerdictFilter.read(texts)
    review_of(busy_store).page(found, sort="serious")
