"""Who did what when: written where it is done, read and exported by owners alone."""

import io
import json
import sqlite3
from contextlib import closing

import pytest
from builders import HOSTILE, OWNER, REVIEWER, case, check, csv_of, ended, rows_of, score
from database import select

from second_opinion.batches import downloads, jobs
from second_opinion.errors import UserError
from second_opinion.models import aliases
from second_opinion.records.event import Event, EventFilter
from second_opinion.records.expert import Expert
from second_opinion.review.event_export import COLUMNS, export_events
from second_opinion.tables import read_export


def log(store, what=None):
    return [
        (event.what, event.who, event.details.get("action"))
        for event in reversed(store.event_log.newest(what, by=OWNER))
    ]


def test_events_are_read_by_owners_newest_first(empty_store):
    for what in ("sign-in", "export", "sign-in"):
        empty_store.event_log.add(Event(what, "Ada", {"rows": 3, "text": HOSTILE}))
    assert [e.what for e in empty_store.event_log.newest(by=OWNER)] == [
        "sign-in",
        "export",
        "sign-in",
    ]
    (only,) = empty_store.event_log.newest("export", by=OWNER)
    assert only.details == {"rows": 3, "text": HOSTILE}
    with pytest.raises(UserError, match="Rita may not read the log"):
        empty_store.event_log.newest(by=REVIEWER)


def test_the_log_is_turned_page_by_page_and_filtered_by_kind_person_and_time(empty_store):
    moments = [f"2026-11-{day:02d}T10:00:00.000Z" for day in range(1, 8)]
    for at, moment in enumerate(moments):
        what, who = ("export", "backup")[at % 2], ("Ada", "ada ", "Bo")[at % 3]
        empty_store.event_log.add(Event(what, who, {"n": at}, created_at=moment))

    def numbers(number=1, size=50, **about):
        page = empty_store.event_log.page(EventFilter(**about), number, size, by=OWNER)
        return [event.details["n"] for event in page.events], page.total

    assert numbers() == ([6, 5, 4, 3, 2, 1, 0], 7)
    assert numbers(2, 3) == ([3, 2, 1], 7)
    assert numbers(9, 3) == ([], 7)
    assert numbers(kinds=("backup",)) == ([5, 3, 1], 3)
    assert numbers(kinds=("backup", "export")) == numbers()
    assert numbers(person="ADA") == ([6, 4, 3, 1, 0], 5)
    assert numbers(person="Eve") == ([], 0)
    assert numbers(since=moments[2], until=moments[4]) == ([3, 2], 2)
    assert numbers(kinds=("export",), person="bo", since=moments[3]) == ([], 0)
    assert empty_store.event_log.kinds(by=OWNER) == ["backup", "export"]
    assert empty_store.event_log.people(by=OWNER) == ["Ada", "Bo"]


def test_predictions_are_listed_by_person_and_hour_with_how_many_and_how_quick(empty_store):
    for at, (who, took) in enumerate([("Ada", 2.0), ("Ada", 4.0), ("Bo", 9.0), ("Ada", 1.0)]):
        moment = f"2026-11-01T1{at // 3}:0{at}:00.000Z"
        empty_store.add_prediction(case(asked_by=who, latency_ms=took, created_at=moment))
    page = empty_store.event_log.page(EventFilter(kinds=("predictions",)), by=OWNER)
    assert [
        (one.who, one.details["predictions"], one.details["latency_ms"], one.details["slowest_ms"])
        for one in page.events
    ] == [("Ada", 1, 1.0, 1.0), ("Bo", 1, 9.0, 9.0), ("Ada", 2, 3.0, 4.0)]
    assert page.events[0].details["model"] == "churn"
    assert empty_store.event_log.kinds(by=OWNER) == ["predictions"]
    assert empty_store.event_log.page(EventFilter(person="bo"), by=OWNER).total == 1


def test_a_prediction_that_is_stored_twice_is_counted_once(empty_store):
    same = case()
    for _ in range(2):
        empty_store.add_prediction(same)
    (page,) = [empty_store.event_log.page(EventFilter(), by=OWNER)]
    assert [one.details["predictions"] for one in page.events] == [1]


def test_predictions_of_before_are_counted_when_the_database_is_opened(empty_store):
    for took in (1.0, 3.0):
        empty_store.add_prediction(case(latency_ms=took))
    counted = "SELECT * FROM prediction_hours"
    before = select(empty_store.path, counted)
    empty_store.close()
    with closing(sqlite3.connect(empty_store.path)) as connection:
        connection.executescript(
            "DROP TABLE prediction_hours; DROP TRIGGER prediction_hours_count;"
            "DROP INDEX events_by_time; DROP INDEX events_by_person;"
            "DELETE FROM _sqlite_migrations WHERE name = 'm020_predictions_by_hour'"
        )
    assert empty_store.event_log.kinds(by=OWNER) == ["predictions"]
    assert select(empty_store.path, counted) == before


def test_a_batch_is_on_record_from_its_upload_to_its_last_row_and_without_its_name(
    empty_store, registry
):
    content = csv_of(rows_of(registry, "triage", 20))
    batch = check(empty_store, registry, content, name="Mrs Smith.csv")
    score(empty_store, registry, batch)
    assert log(empty_store, "batch") == [
        ("batch", "Ada", "upload"),
        ("batch", "Olga", "score"),
        ("batch", "Ada", "done"),
    ]
    done = empty_store.event_log.newest("batch", by=OWNER)[0].details
    assert (done["batch"], done["rows"], done["failed"]) == (batch.id, 20, 0)
    assert done["seconds"] >= 0
    assert "Smith" not in repr(empty_store.event_log.newest(by=OWNER))


def test_who_scores_and_who_lets_a_batch_go_is_on_record(empty_store, registry):
    batch = check(empty_store, registry, csv_of(rows_of(registry, "triage", 5)))
    empty_store.batches.cancel(batch.id, by=REVIEWER)
    other = check(empty_store, registry, csv_of(rows_of(registry, "triage", 6)))
    assert jobs.score(empty_store, registry, other.id, by=OWNER)
    said = log(empty_store, "batch")
    assert ("batch", "Rita", "cancelled") in said
    assert ("batch", "Olga", "score") in said
    ended(empty_store, other.id)


def test_each_file_of_a_batch_that_is_taken_away_is_on_record(empty_store, registry):
    frame = rows_of(registry, "triage", 6)
    frame.loc[1, "age"] = "old"
    batch = score(empty_store, registry, check(empty_store, registry, csv_of(frame)))
    eve = Expert("Eve")
    downloads.scored_file(empty_store, batch, by=eve)
    downloads.file_as_it_came(empty_store, batch, by=eve).close()
    downloads.rejected_file(empty_store, batch, by=OWNER)
    downloads.problems_file(empty_store, batch, by=eve)
    events = empty_store.event_log.newest("export", by=OWNER)
    assert [(event.who, event.details["what"]) for event in reversed(events)] == [
        ("Eve", "scored file"),
        ("Eve", "scored file"),
        ("Olga", "rejected rows"),
        ("Eve", "problems"),
    ]
    assert {event.details["batch"] for event in events} == {batch.id}


def test_a_move_of_an_alias_is_on_record_with_who_and_where_to(empty_store, registry):
    aliases.promote(registry, empty_store, "triage/2", by=OWNER)
    (event,) = empty_store.event_log.newest("promote", by=OWNER)
    assert event.who == "Olga"
    assert event.details == {"model": "triage", "alias": "champion", "version": "2"}
    with pytest.raises(UserError, match="may not move an alias"):
        aliases.promote(registry, empty_store, "triage/1", by=REVIEWER)
    assert len(empty_store.event_log.newest("promote", by=OWNER)) == 1


def test_the_log_as_a_file_is_whole_safe_for_a_spreadsheet_and_itself_on_record(empty_store):
    for at in range(5):
        empty_store.event_log.add(Event("export", f"=cmd|{at}!A1", {"text": HOSTILE}))
    empty_store.add_prediction(case(asked_by="+Ada"))
    out = io.BytesIO()
    export_events(empty_store, out, EventFilter(), by=OWNER)
    for line in out.getvalue().decode("utf-8-sig").splitlines()[1:]:
        assert not [cell for cell in line.split(",") if cell[:1] in "=+-@"]
    table = read_export(out.getvalue())
    assert tuple(table.column_names) == COLUMNS
    rows = table.to_pylist()
    assert {row["who"] for row in rows} >= {"=cmd|0!A1", "+Ada", "Olga"}
    assert {json.loads(row["details"]).get("text") for row in rows} >= {HOSTILE}
    assert empty_store.event_log.newest("export", by=OWNER)[0].details["what"] == "events"


def test_the_log_as_a_file_is_for_owners(empty_store):
    out = io.BytesIO()
    with pytest.raises(UserError, match="Rita may not read the log"):
        export_events(empty_store, out, EventFilter(), by=REVIEWER)
    for call in (empty_store.event_log.kinds, empty_store.event_log.people):
        with pytest.raises(UserError, match="Rita may not read the log"):
            call(by=REVIEWER)
    with pytest.raises(UserError, match="Rita may not read the log"):
        empty_store.event_log.page(EventFilter(), by=REVIEWER)
    with pytest.raises(UserError, match="Rita may not read the log"):
        next(empty_store.event_log.each(EventFilter(), by=REVIEWER))
    assert out.getvalue() == b""
