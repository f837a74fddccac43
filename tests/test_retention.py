"""What is kept how long: said beforehand, removed on record, and never what a verdict rests on."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from builders import OWNER, REVIEWER, case, verdict
from database import ids_in, select

from second_opinion.errors import UserError
from second_opinion.records.event import Event
from second_opinion.records.expert import Expert
from second_opinion.records.retention_rule import RetentionRule
from second_opinion.store import retention


def ago(days):
    moment = datetime.now(UTC) - timedelta(days=days)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.fixture
def aged(empty_store):
    """A prediction and an event of each age, in days; the odd predictions are judged."""
    for at, days in enumerate((400, 399, 100, 99, 1, 0)):
        made = case(id=f"{at:032x}", created_at=ago(days))
        empty_store.add_prediction(made)
        if at % 2:
            empty_store.add_verdict(verdict(made, created_at=ago(days)))
        empty_store.event_log.add(Event("triage", "Ada", {"at": at}, created_at=ago(days)))
    return empty_store


def left(store):
    return sorted(int(key, 16) for key in ids_in(store.path, "predictions"))


def test_without_a_rule_everything_is_kept(aged):
    assert {rule.days for rule in aged.retention.rules(by=OWNER).values()} == {None}
    assert aged.retention.sweep() == 0
    assert left(aged) == [0, 1, 2, 3, 4, 5]


def test_what_a_rule_would_remove_is_known_beforehand_and_is_what_it_removes(aged):
    for days, gone in ((90, {0, 2}), (30, set())):
        rule = RetentionRule("predictions", days)
        foreseen = aged.retention.over_time(rule, by=OWNER)
        before = set(left(aged))
        assert foreseen == len(gone)
        assert aged.retention.set_rule(rule, by=OWNER) == foreseen
        assert before - set(left(aged)) == gone
        assert aged.retention.rules(by=OWNER)["predictions"].days == days


def test_judged_and_drawn_predictions_are_never_removed(aged):
    with closing(sqlite3.connect(aged.path)) as connection:
        connection.execute(
            "INSERT INTO draws (plan_id, position, batch_id, row_number, prediction_id, band,"
            " doubt, base, twice) VALUES ('p', 0, 'b', 1, ?, 0, 0.1, 0.1, 0)",
            (f"{2:032x}",),
        )
        connection.commit()
    aged.add_verdict(verdict(case(id=f"{3:032x}"), "withdrawn"))
    aged.retention.set_rule(RetentionRule("predictions", 30), by=OWNER)
    assert left(aged) == [1, 2, 3, 4, 5]
    assert len(aged.reviewed()) == 2


def test_what_the_owner_was_told_stays_so_that_it_is_not_told_again(aged):
    told = Event("announcement", "the program", {"what": "decision"}, created_at=ago(400))
    assert aged.event_log.add(told)
    aged.retention.set_rule(RetentionRule("events", 30), by=OWNER)
    assert not aged.event_log.add(told)


def test_who_took_a_file_or_a_backup_stays_on_record_whatever_the_rule(aged):
    for what, days in (("export", 400), ("backup", 399), ("export", 31)):
        aged.event_log.add(Event(what, "Ada", {"what": "verdicts"}, created_at=ago(days)))
    rule = RetentionRule("events", 30)
    assert aged.retention.over_time(rule, by=OWNER) == 4
    assert aged.retention.set_rule(rule, by=OWNER) == 4
    assert len(aged.event_log.newest("export", by=OWNER)) == 2
    assert len(aged.event_log.newest("backup", by=OWNER)) == 1


def test_events_over_their_time_go_and_the_removal_stays_on_record(aged):
    rule = RetentionRule("events", 365)
    assert aged.retention.over_time(rule, by=OWNER) == 2
    assert aged.retention.set_rule(rule, by=OWNER) == 2
    kinds = [(event.what, event.details) for event in aged.event_log.newest(by=OWNER)]
    assert kinds[0] == ("retention", {"what": "events", "days": 365, "removed": 2})
    assert [details["at"] for what, details in kinds if what == "triage"] == [5, 4, 3, 2]
    (removal,) = select(aged.path, "SELECT what, rows, removed_by FROM removals")
    assert tuple(removal) == ("events", 2, "Olga")


def test_who_was_here_is_forgotten_with_the_events(aged):
    aged.visits.note(Expert("Ada"), ago(100))
    aged.visits.note(Expert("Bo"), ago(1))
    aged.retention.set_rule(RetentionRule("events", 90), by=OWNER)
    assert [visit.label for visit in aged.visits.latest(by=OWNER)] == ["Bo"]


def test_how_many_predictions_were_asked_for_stays_known(aged):
    counted = "SELECT sum(predictions) FROM prediction_hours"
    before = select(aged.path, counted)
    aged.retention.set_rule(RetentionRule("predictions", 30), by=OWNER)
    assert select(aged.path, counted) == before


def test_a_rule_goes_on_by_itself_once_a_day(aged, monkeypatch):
    aged.retention.set_rule(RetentionRule("predictions", 90), by=OWNER)
    late = case(id=f"{9:032x}", created_at=ago(95))
    aged.add_prediction(late)
    assert aged.retention.sweep() == 0
    tomorrow = ago(-1.01)
    monkeypatch.setattr(retention, "now", lambda: tomorrow)
    assert aged.retention.sweep() == 1
    assert aged.retention.sweep() == 0
    assert 9 not in left(aged)
    assert select(aged.path, "SELECT removed_by FROM removals ORDER BY rowid")[-1][0] == (
        "the program"
    )


def test_the_same_click_twice_removes_once(aged):
    rule = RetentionRule("predictions", 90)
    assert aged.retention.set_rule(rule, by=OWNER) == 2
    assert aged.retention.set_rule(rule, by=OWNER) == 0
    assert len(select(aged.path, "SELECT * FROM removals")) == 1


@pytest.mark.parametrize("days", [0, 1, 29, 31, -30, 10**9])
def test_a_period_that_is_none_to_choose_is_refused(aged, days):
    with pytest.raises(UserError, match="in days, one of 30, 90, 365, 730, 1825, or for good"):
        aged.retention.set_rule(RetentionRule("events", days), by=OWNER)
    assert left(aged) == [0, 1, 2, 3, 4, 5]


def test_only_owners_set_what_is_kept_and_see_how_much_there_is(aged):
    rule, store = RetentionRule("events", 90), aged.retention
    for call in (
        lambda: store.set_rule(rule, by=REVIEWER),
        lambda: store.over_time(rule, by=REVIEWER),
        lambda: store.rules(by=REVIEWER),
        lambda: store.holdings(by=REVIEWER),
        lambda: aged.visits.latest(by=REVIEWER),
    ):
        with pytest.raises(UserError, match="Rita may not"):
            call()


def test_how_much_there_is_of_each_kind_is_told(aged):
    holdings = {one.what: one for one in aged.retention.holdings(by=OWNER)}
    assert holdings["predictions"].rows == holdings["events"].rows == 6
    assert holdings["verdicts"].rows == 3
    assert holdings["batches"].rows == 0
    assert holdings["batches"].oldest is None
    assert all(one.bytes > 0 for one in holdings.values() if one.rows)
    assert holdings["predictions"].oldest < ago(399.5)


@pytest.mark.parametrize("table", ["events", "predictions"])
def test_another_program_removes_nothing_that_no_rule_has_let_go(aged, table):
    aged.retention.set_rule(RetentionRule(table, 365), by=OWNER)
    with closing(sqlite3.connect(aged.path)) as connection:
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute(f"DELETE FROM {table}")
        connection.rollback()
    assert len(select(aged.path, f"SELECT * FROM {table}")) >= 4


def test_a_visit_is_one_row_for_each_person_role_and_proof(empty_store):
    ada = Expert("Ada")
    people = [
        (ada, 3),
        (Expert(" ada "), 2),
        (replace(ada, source="code"), 2),
        (replace(ada, role="owner"), 1),
        (Expert("Ada", source="invite", subject="7"), 0),
        (ada, 5),
    ]
    for person, days in people:
        empty_store.visits.note(person, ago(days))
    latest = empty_store.visits.latest(by=OWNER)
    assert [(visit.source, visit.role, visit.label) for visit in latest[:2]] == [
        ("invite", "expert", "Ada"),
        ("declared", "owner", "Ada"),
    ]
    assert {(visit.source, visit.role) for visit in latest[2:]} == {
        ("code", "expert"),
        ("declared", "expert"),
    }
    (typed,) = [visit for visit in latest if (visit.source, visit.role) == ("declared", "expert")]
    assert (typed.first_at[:10], typed.last_at[:10]) == (ago(3)[:10], ago(2)[:10])
