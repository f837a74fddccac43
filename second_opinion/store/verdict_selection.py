"""Which rows of Feedback review a filter means, as the parameters of its statements."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from second_opinion.records.expert import Expert
from second_opinion.records.namesakes import is_called, key_in
from second_opinion.records.verdict_filter import Sort, VerdictFilter
from second_opinion.store import record_rows, sql_review
from second_opinion.store.blind_cases import closed_verdicts

# Further down nobody pages: the filter is narrowed instead.
MOST_ROWS = 10_000
MOST_HITS = 50_000
NO_BATCH = -1


def search_words(words: str) -> str:
    """What people type as a question to SQLite's full-text search: never an error.

    Each word is quoted, so that its signs mean nothing, and finds longer words that begin with it.
    """
    terms = [word for word in words.split() if any(letter.isalnum() for letter in word)]
    return " ".join('"' + word.replace('"', '""') + '"*' for word in terms) or '""'


def conditions(
    connection: sqlite3.Connection, verdict_filter: VerdictFilter, by: Expert
) -> dict[str, Any]:
    """The parameters of the row queries: which groups, and what else a row must have.

    Verdicts on cases that are closed to ``by`` are ``closed``, None for none, and not counted.
    """
    about = facts_of(connection, verdict_filter)
    mask = None
    if any(value is not None for value in about.values()):
        mask, in_groups = mask_of(connection, about)
    else:
        (in_groups,) = connection.execute(sql_review.IN_ALL).fetchone()
    closed = _closed(connection, by)
    if closed is not None:
        about_closed = {"closed": closed, "mask": mask}
        (hidden,) = connection.execute(sql_review.COUNT_CLOSED, about_closed).fetchone()
        in_groups -= hidden
    batch = None
    if verdict_filter.batch is not None:
        row = connection.execute(sql_review.BATCH, {"batch_id": verdict_filter.batch}).fetchone()
        batch = row[0] if row else NO_BATCH
    return {
        "mask": mask,
        "in_groups": in_groups,
        "closed": closed,
        "batch": batch,
        "since": verdict_filter.since,
        "until": verdict_filter.until,
        "at_least": verdict_filter.at_least,
        "below": verdict_filter.below,
        "words": None if verdict_filter.words is None else search_words(verdict_filter.words),
        "hits": MOST_HITS,
    }


def _closed(connection: sqlite3.Connection, by: Expert) -> str | None:
    numbers = [one.number for one in closed_verdicts(connection, by)]
    return json.dumps(numbers) if numbers else None


def mask_of(connection: sqlite3.Connection, about: dict[str, Any]) -> tuple[bytes, int]:
    """For each group a byte that says whether it is wanted, and how many verdicts those have."""
    groups = connection.execute(sql_review.GROUPS, about).fetchall()
    mask = bytearray(max((id for id, _ in groups), default=0))
    for id, _ in groups:
        mask[id - 1] = 1
    return bytes(mask), sum(verdicts for _, verdicts in groups)


def facts_of(connection: sqlite3.Connection, verdict_filter: VerdictFilter) -> dict[str, Any]:
    """The parameters by which the groups of a filter are found."""
    experts = None
    if verdict_filter.expert is not None:
        everybody = [name for (name,) in connection.execute(sql_review.EXPERTS)]
        called = [name for name in everybody if is_called(name, verdict_filter.expert)]
        people = set(map(key_in, called))
        experts = json.dumps([name for name in everybody if key_in(name) in people])
    return {
        "model": verdict_filter.model,
        "version": verdict_filter.version,
        "source": verdict_filter.source,
        "experts": experts,
        "judgement": verdict_filter.judgement,
        "severity": verdict_filter.severity,
        "mode": verdict_filter.mode,
        "value": record_rows.to_json("value", verdict_filter.value),
        "answer": record_rows.to_json("answer", verdict_filter.answer),
        "corrected": verdict_filter.corrected,
        "adjudicated": verdict_filter.adjudicated,
        "outcome": verdict_filter.outcome,
        "triage": verdict_filter.triage,
    }


def query_of(verdict_filter: VerdictFilter, sort: Sort) -> str:
    """The statement that gives the numbers of the rows in this order."""
    plain, search = {
        "newest": (sql_review.NEWEST, sql_review.NEWEST_FOUND),
        "serious": (sql_review.SERIOUS, sql_review.SERIOUS_FOUND),
    }.get(sort, (sql_review.SORTED, sql_review.SORTED_FOUND))
    return plain if verdict_filter.words is None else search


def total_of(
    connection: sqlite3.Connection, verdict_filter: VerdictFilter, parameters: dict[str, Any]
) -> tuple[int, bool]:
    """How many match, and whether there are more than that."""
    if not verdict_filter.by_row:
        return parameters["in_groups"], False
    has_words = verdict_filter.words is not None
    query = sql_review.COUNTED_FOUND if has_words else sql_review.COUNTED
    (count,) = connection.execute(query, parameters | {"most": MOST_ROWS + 1}).fetchone()
    return min(count, MOST_ROWS), count > MOST_ROWS
