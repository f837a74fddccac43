"""People who bear one label are counted apart, and words tell them apart where they meet."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from itertools import count

import pytest
from builders import OWNER, REVIEWER, case, verdict
from database import assert_intact
from hypothesis import given
from hypothesis import strategies as st

from second_opinion.records import namesakes
from second_opinion.records.expert import Expert, folded
from second_opinion.records.verdict_filter import VerdictFilter
from second_opinion.review import totals
from second_opinion.review.clustered_groups import clustered
from second_opinion.store import Store, sql_outcomes

SIGNED_IN = Expert("Ada", source="oidc", subject="https://login.example.org|42")
OTHER = Expert("Ada", source="oidc", subject="https://login.example.org|43")
LINKED = Expert("Ada", source="invite", subject="1f")
TYPED = Expert("Ada")
BO = Expert("Bo", source="invite", subject="2f")
PEOPLE = [SIGNED_IN, OTHER, LINKED, TYPED, BO]


def say(store, person, prediction, judgement="agree", label=None):
    store.add_verdict(
        replace(
            verdict(prediction, judgement, expert=label or person.label),
            identity_source=person.source,
            expert_key=person.expert_key,
        )
    )


@pytest.fixture
def judged(empty_store):
    """Cases that Ada, three namesakes and Bo judged: one case by all, and 1, 2, 3, … alone."""
    shared, ages = case(), count(41)
    empty_store.add_prediction(shared)
    for at, person in enumerate(PEOPLE):
        say(empty_store, person, shared, "disagree" if person is LINKED else "agree")
        for _ in range(at):
            alone = case(inputs={"age": next(ages)})
            empty_store.add_prediction(alone)
            say(empty_store, person, alone)
    return empty_store, shared


def called(person):
    is_namesake = person is not BO
    return namesakes.told_apart("Ada", person.expert_key) if is_namesake else "Bo"


def filtered(review, **about):
    return totals.figures(review, VerdictFilter(model="churn", **about))


@pytest.mark.parametrize("about", [{}, {"source": "form"}, {"mode": "open"}])
def test_each_is_a_group_and_the_name_of_the_group_lists_its_verdicts(judged, about):
    store, _ = judged
    review = store.review(by=REVIEWER)
    figures = filtered(review, **about)
    counts = dict(zip(figures.by_expert["expert"], figures.by_expert["verdicts"], strict=True))
    assert counts == {called(person): at + 1 for at, person in enumerate(PEOPLE)}
    for name, verdicts in counts.items():
        page = review.page(VerdictFilter(model="churn", expert=name, **about))
        assert page.total == verdicts
        assert len({row.verdict.by_key for row in page.rows}) == 1
    # The label alone means everybody who bears it.
    assert review.page(VerdictFilter(expert=" ada ", **about)).total == 10
    assert review.progress("churn").experts == len(PEOPLE)


def test_sums_over_cases_are_those_of_each_person(judged):
    store, _ = judged
    review = store.review(by=REVIEWER)
    about = VerdictFilter(model="churn")
    table = clustered(review, about, totals.figures(review, about)).by_expert
    for at, person in enumerate(PEOPLE):
        assert table.loc[person.expert_key, "judged_cases"] == at + 1
        assert table.loc[person.expert_key, "right"] == at + (person is not LINKED)


def test_namesakes_on_one_case_are_several_opinions(judged):
    store, _ = judged
    review = store.review(by=REVIEWER)
    (one,) = review.shared_cases("churn")
    assert {opinion.by_key for opinion in one.opinions} == {p.expert_key for p in PEOPLE}
    assert [o.outcome for o in one.opinions if o.by_key == LINKED.expert_key] == ["wrong"]
    assert set(totals.ratings([one]).index) == set(map(called, PEOPLE))
    (conflict,) = review.conflicts("churn")
    letters = [letter for letter, _ in totals.in_order(conflict)]
    assert len(set(letters)) == len(PEOPLE)


def test_effort_is_each_persons_own(judged):
    store, _ = judged
    review = store.review(by=REVIEWER)
    for at, person in enumerate(PEOPLE):
        assert review.effort("churn", of=person)[-1] == at + 1
    assert review.effort("churn", of="ADA ")[-1] == PEOPLE.index(TYPED) + 1


def test_a_person_with_several_labels_is_one_under_the_one_used_most(empty_store):
    for label in ("Ada", "Ada Byron", "Ada Byron"):
        asked = case()
        empty_store.add_prediction(asked)
        say(empty_store, SIGNED_IN, asked, label=label)
    review = empty_store.review(by=REVIEWER)
    (row,) = review.by_expert("churn").to_dict("records")
    assert (row["expert"], row["verdicts"]) == ("Ada Byron", 3)
    assert review.page(VerdictFilter(expert="Ada Byron")).total == 3


def test_a_withdrawn_and_a_replaced_verdict_leave_the_group(judged):
    store, shared = judged
    (last,) = store.verdict_history(shared.id, OTHER, by=OWNER)
    withdrawn = replace(
        verdict(shared, "withdrawn", expert="Ada"),
        identity_source="oidc",
        expert_key=OTHER.expert_key,
        supersedes=last.id,
    )
    store.add_verdict(withdrawn)
    by_expert = store.review(by=REVIEWER).by_expert("churn")["verdicts"]
    assert by_expert[OTHER.expert_key] == PEOPLE.index(OTHER)
    assert by_expert.sum() == 14


def test_a_database_of_before_counts_them_apart_once_it_is_opened(judged):
    store, _ = judged
    view = sql_outcomes.VIEWS[sql_outcomes.VIEWS.index("CREATE VIEW verdict_outcomes") :]
    with closing(sqlite3.connect(store.path)) as before, before:
        before.execute("DROP VIEW verdict_outcomes")
        before.execute(view[: view.index(";")])
        before.execute("INSERT INTO verdicts_to_count SELECT id FROM current_verdicts")
        before.execute("DELETE FROM _sqlite_migrations WHERE name = 'm027_namesakes'")
    by_label = store.review(by=REVIEWER).by_expert("churn")
    assert by_label.set_index("expert")["verdicts"].to_dict() == {"Ada": 10, "Bo": 5}
    store.close()
    opened = Store.open(store.path)
    by_person = opened.review(by=REVIEWER).by_expert("churn")["verdicts"].to_dict()
    assert by_person == {person.expert_key: at + 1 for at, person in enumerate(PEOPLE)}
    assert_intact(opened.path)


LABELS = st.text(st.characters(exclude_characters="<>", exclude_categories=["C", "Z"]), min_size=1)


@given(LABELS, st.sampled_from(PEOPLE))
def test_no_name_that_can_be_typed_reads_like_a_key(label, person):
    typed = Expert.declared(label[:80])
    assert namesakes.key_in(typed.label) == typed.expert_key
    summarized = f"{label} <<{person.expert_key}>>"
    assert namesakes.label_in(summarized) == label
    assert namesakes.key_in(summarized) == person.expert_key or person is TYPED
    assert namesakes.is_called(summarized, folded(label))
