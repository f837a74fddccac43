"""Who is who: people go by a key, so that a typed name is not whoever is proven to bear it."""

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
from builders import OWNER, REVIEWER, case, scored_batch, verdict
from database import assert_intact, select
from hypothesis import given
from hypothesis import strategies as st
from sqlite_utils.db import Database

from second_opinion.access import roles
from second_opinion.batches import jobs
from second_opinion.errors import UserError
from second_opinion.evidence import decision, plan_of_batch
from second_opinion.evidence.plan_of_batch import Terms
from second_opinion.records.expert import Expert, folded, key_of
from second_opinion.records.plan import Closing, Plan
from second_opinion.records.stamp import new_id
from second_opinion.store import Store, record_rows
from second_opinion.store.batch_maker import Maker
from second_opinion.store.migrations import migrations
from second_opinion.verdicts.blind_answer import locked

SIGNED_IN = Expert("Ada", source="oidc", subject="https://login.example.org|42")
NAMESAKES = [
    SIGNED_IN,
    Expert("Ada", source="oidc", subject="https://login.example.org|43"),
    Expert("Ada", source="oidc", subject="https://other.example.org|42"),
    Expert("Ada", source="invite", subject="1f"),
    Expert("Ada", source="api", subject="Ada"),
    Expert("Ada", browser_secret="of Ada"),
]


def said_by(person, prediction, judgement="agree", **changes):
    return replace(
        verdict(prediction, judgement, expert=person.label, **changes),
        identity_source=person.source,
        expert_key=person.expert_key,
        id=new_id(person.browser_secret),
    )


def test_the_key_says_how_we_know():
    assert [one.expert_key for one in NAMESAKES] == [
        "oidc:https://login.example.org|42",
        "oidc:https://login.example.org|43",
        "oidc:https://other.example.org|42",
        "invite:1f",
        "api:Ada",
        "declared:ada",
    ]
    assert Expert(" Ada ", "A@B.org", source="code").expert_key == "declared:ada <a@b.org>"


@given(st.text(), st.sampled_from(NAMESAKES[:5]))
def test_no_name_can_be_typed_that_is_somebody_proven(name, proven):
    for typed in (name, proven.expert_key, proven.label):
        assert Expert(typed).expert_key != proven.expert_key
        assert folded(typed) == folded(f" {typed.upper()} ") or not typed.isascii()


@pytest.mark.parametrize("person", NAMESAKES, ids=lambda one: one.expert_key)
def test_each_of_the_same_name_has_a_history_a_verdict_and_an_undo_of_their_own(
    empty_store, person
):
    asked = case(asked_by=person.label, expert_key=person.expert_key)
    empty_store.add_prediction(asked)
    own = said_by(person, asked, "disagree", comment="Mine.")
    empty_store.add_verdict(own, by=person)
    about = [asked.id]
    for other in NAMESAKES:
        if other == person:
            continue
        assert empty_store.current_verdict(asked.id, other, by=OWNER) is None
        assert empty_store.current_verdict(asked.id, person, by=other) is None
        assert empty_store.history(other, about, by=other) == []
        assert empty_store.effort(asked.model, of=other).own == 0
        with pytest.raises(UserError, match="no verdict on this prediction"):
            empty_store.add_verdict(said_by(other, asked, "withdrawn"), by=other)
    [(_, found)] = empty_store.history(person, about, by=person)
    assert found.id == own.id
    assert empty_store.effort(asked.model, of=person).own == 1
    empty_store.add_verdict(said_by(person, asked, "withdrawn"), by=person)
    assert empty_store.current_verdict(asked.id, person, by=person) is None
    assert [
        one.judgement for one in empty_store.verdict_history(asked.id, person, by=REVIEWER)
    ] == ["disagree", "withdrawn"]


def test_all_of_one_name_may_judge_the_same_case(empty_store):
    asked = case()
    empty_store.add_prediction(asked)
    for person in NAMESAKES:
        empty_store.add_verdict(said_by(person, asked), by=person)
    assert len(empty_store.reviewed()) == len(NAMESAKES)
    for person in NAMESAKES:
        assert empty_store.effort(asked.model, of=person).own == 1
    assert empty_store.effort(asked.model, of="ADA").own == 1


def test_a_proven_person_finds_the_own_cases_and_batches_on_another_device(empty_store, registry):
    for person in NAMESAKES:
        empty_store.add_prediction(case(asked_by="Ada", expert_key=person.expert_key))
    elsewhere = replace(SIGNED_IN, browser_secret="another device")
    [(found, _)] = empty_store.history(elsewhere, [], by=elsewhere)
    assert found.expert_key == SIGNED_IN.expert_key
    assert empty_store.history(NAMESAKES[-1], [], by=OWNER) == []

    batch, _ = scored_batch(empty_store, registry, "triage", 5)
    with closing(sqlite3.connect(empty_store.path)) as connection, connection:
        connection.execute("DROP TRIGGER batches_keep_their_maker")
        connection.execute("UPDATE batches SET expert_key = ?", (SIGNED_IN.expert_key,))
    assert [one.id for one in empty_store.batches.listed([], by=elsewhere)] == [batch.id]
    for other in NAMESAKES[1:]:
        assert empty_store.batches.listed([], by=other) == []
        with pytest.raises(UserError, match="does not prove that it is yours"):
            jobs.score(empty_store, registry, batch.id, by=other)
    assert not jobs.score(empty_store, registry, batch.id, by=elsewhere)


def test_rows_of_a_file_that_others_open_are_no_last_cases_of_its_maker(empty_store, registry):
    from second_opinion.batches.scored_rows import ScoredRows

    batch, _ = scored_batch(empty_store, registry, "triage", 3)
    with closing(sqlite3.connect(empty_store.path)) as connection:
        # What `batches_keep_their_maker` keeps others from.
        connection.execute("DROP TRIGGER batches_keep_their_maker")
        connection.execute("UPDATE batches SET expert_key = ?", (SIGNED_IN.expert_key,))
        connection.commit()
    batch = empty_store.batches.find(batch.id)
    opened = ScoredRows(empty_store).opened(batch, 1, registry.card("triage"))
    assert opened.expert_key == SIGNED_IN.expert_key
    assert empty_store.history(SIGNED_IN, [], by=SIGNED_IN) == []


def test_what_was_made_in_this_browser_under_a_name_is_not_of_who_signs_in_here():
    secret = "of this browser"
    typed = Expert("Ada", browser_secret=secret)
    record = Maker(new_id(secret), typed.expert_key)
    assert roles.owns(typed, record)
    assert not roles.owns(replace(SIGNED_IN, browser_secret=secret), record)
    of_signed_in = Maker(new_id(secret), SIGNED_IN.expert_key)
    assert roles.owns(SIGNED_IN, of_signed_in)
    assert not roles.owns(typed, of_signed_in)


# --- the queue


def plan_for(panel):
    named = dict.fromkeys(
        ("batch_id", "model_sha256", "answers_sha256", "pool_sha256", "seed", "frozen_by"), "x"
    )
    return Plan(target=0.9, model="triage", version="1", cases=1, experts=panel, **named)


def test_the_queue_goes_by_the_key(empty_store, registry):
    card = registry.card("triage")
    batch, _ = scored_batch(empty_store, registry, "triage", 30)
    terms = Terms(target=0.9, twice=0)
    plan = plan_of_batch.freeze(empty_store, card, batch, terms, by=OWNER)
    cases = {one: empty_store.queue.next(plan.id, by=one) for one in NAMESAKES}
    assert len({one.position for one in cases.values()}) == len(NAMESAKES)
    for person, own in cases.items():
        empty_store.queue.keep_draft(own, {"answer": person.expert_key}, by=person)
    for person, own in cases.items():
        assert empty_store.queue.draft(own, by=person) == {"answer": person.expert_key}
        others = [one for one in NAMESAKES if one != person]
        assert not any(empty_store.queue.draft(own, by=other) for other in others)


def test_a_panel_may_name_a_person_by_the_key(empty_store, registry):
    card = registry.card("triage")
    batch, _ = scored_batch(empty_store, registry, "triage", 30)
    terms = Terms(target=0.9, twice=0, experts=(SIGNED_IN.expert_key, "Bob"))
    plan = plan_of_batch.freeze(empty_store, card, batch, terms, by=OWNER)
    first = empty_store.queue.next(plan.id, by=SIGNED_IN)
    assert first.position == 0
    assert empty_store.queue.next(plan.id, by=Expert("Bob")).position == 1
    for other in NAMESAKES[1:]:
        with pytest.raises(UserError, match="not among the experts"):
            empty_store.queue.next(plan.id, by=other)


def test_who_has_a_place_by_key_does_not_also_take_that_of_a_namesake():
    panel = (SIGNED_IN.expert_key, "Ada", NAMESAKES[3].expert_key)
    plan = plan_for(panel)
    for person, seats in ((SIGNED_IN, {0}), (NAMESAKES[3], {2}), (Expert("Ada"), {1})):
        assert plan.seats(person.label, person.expert_key) == seats
    # Named by label: whoever comes under it without a place by key, and rows of before the keys.
    assert plan.seats("ada ", key_of("ada ", None)) == {1}
    assert plan.seats("Ada", NAMESAKES[1].expert_key) == {1}


@pytest.mark.parametrize("key", [SIGNED_IN.expert_key, NAMESAKES[3].expert_key, "api:Ada"])
def test_a_typed_name_that_reads_like_a_key_has_no_place(key):
    assert not plan_for((key,)).asks(key, Expert(key).expert_key)


def test_how_a_plan_was_closed_is_for_who_may_use_its_model(empty_store, registry):
    batch, _ = scored_batch(empty_store, registry, "triage", 30)
    card = registry.card("triage")
    plan = plan_of_batch.freeze(empty_store, card, batch, Terms(target=0.9), by=OWNER)
    closing_of = empty_store.plans.closing
    blind = replace(OWNER, hidden_models=frozenset({"triage"}))
    for call in (
        lambda: empty_store.plans.close(Closing(plan.id, "", "open", 0.1, 0), by=blind),
        lambda: empty_store.plans.freeze(replace(plan, id=new_id()), [], by=blind),
    ):
        with pytest.raises(UserError, match="There is no model 'triage'"):
            call()
    assert closing_of(plan.id, by=OWNER) is None
    empty_store.plans.close(Closing(plan.id, "", "open", 0.1, 0), by=OWNER)
    assert closing_of(plan.id, by=OWNER).state == "open"
    assert closing_of(plan.id, by=blind) is None


def test_a_case_that_a_whole_panel_skipped_is_unsure_however_they_came(empty_store, registry):
    card = registry.card("triage")
    batch, _ = scored_batch(empty_store, registry, "triage", 30)
    terms = Terms(target=0.9, twice=0, experts=("Ada", "Bob"))
    plan = plan_of_batch.freeze(empty_store, card, batch, terms, by=OWNER)
    own = empty_store.queue.next(plan.id, by=SIGNED_IN)
    empty_store.queue.skip(own, by=SIGNED_IN)
    empty_store.queue.skip(own, by=Expert("Ada"))
    assert decision.assess(empty_store, plan, by=REVIEWER).unsure == 0
    empty_store.queue.skip(own, by=Expert("bob "))
    assert decision.assess(empty_store, plan, by=REVIEWER).unsure == 1


def test_first_answers_are_those_of_each_person(empty_store, registry):
    from second_opinion.batches.scored_rows import ScoredRows

    card = registry.card("triage")
    batch, _ = scored_batch(empty_store, registry, "triage", 30)
    plan = plan_of_batch.freeze(
        empty_store, card, batch, Terms(target=0.9, twice=0, answers=2), by=OWNER
    )
    opened = ScoredRows(empty_store).opened(batch, 1, card)
    for person in (SIGNED_IN, SIGNED_IN, NAMESAKES[-1]):
        given = locked(opened, person.label, opened.value)
        empty_store.add_verdict(replace(given, expert_key=person.expert_key), by=OWNER)
    answers = empty_store.plans.answers(plan, by=REVIEWER)
    from second_opinion.verdicts.first_answers import first_answers

    [of_case] = first_answers(plan, answers.verdicts).values()
    assert len(of_case) == 2


# --- databases of before


def test_rows_of_before_are_those_of_the_declared_name(tmp_path):
    path = tmp_path / "feedback.db"
    old = case(asked_by="Ada")
    given = verdict(old, expert="ada ")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        before = Database(connection)
        migrations.apply(before, stop_before="m018_who_is_who")
        row = record_rows.to_row(old)
        del row["expert_key"]
        before["predictions"].insert(row)
        row = record_rows.to_row(given)
        del row["expert_key"]
        before["verdicts"].insert(row)
    typed = NAMESAKES[-1]
    with closing(Store(path)) as store:
        [(_, found)] = store.history(typed, [old.id], by=OWNER)
        assert found.id == given.id
        assert found.by_key == "declared:ada"
        assert store.effort(old.model, of=typed).own == 1
        assert store.history(SIGNED_IN, [old.id], by=OWNER) == []
        assert store.effort(old.model, of=SIGNED_IN).own == 0
        later = said_by(typed, old, "disagree", comment="I looked again.")
        assert store.add_verdict(later).supersedes == given.id
    assert_intact(path)


def test_the_queue_of_before_is_that_of_the_declared_names(empty_store, registry, tmp_path):
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migrations.apply(Database(connection), stop_before="m018_who_is_who")
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("INSERT INTO leases VALUES ('p', 0, 'ada', '2026')")
        connection.execute("INSERT INTO skips VALUES ('p', 0, 'ada', '2026')")
        connection.execute("INSERT INTO drafts VALUES ('p', 0, 'ada', '{}', '2026')")
        migrations.apply(Database(connection))
    for table in ("leases", "skips", "drafts"):
        assert select(path, f"SELECT expert FROM {table}") == [("declared:ada",)]
    with (
        closing(sqlite3.connect(path)) as connection,
        pytest.raises(sqlite3.IntegrityError, match="stays known"),
    ):
        connection.execute("UPDATE skips SET expert = 'x'")
