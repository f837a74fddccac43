"""Feedback review: pages of verdicts, figures over all of them, and the cases experts share.

Every figure comes from a summary that the triggers of the database keep; a page of rows reads at
most one narrow table. `Store.review` gives it to those alone who may see every verdict.
"""

from __future__ import annotations

import json
import sqlite3
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from second_opinion.records.expert import key_of
from second_opinion.records.prediction import Prediction
from second_opinion.records.review import Conflict, Judged, Opinion, SharedCase
from second_opinion.records.verdict import Verdict
from second_opinion.records.verdict_filter import Sort, VerdictFilter
from second_opinion.store import record_rows, sql_review, sql_verdicts, verdict_selection
from second_opinion.store.blind_cases import closed_among, closed_verdicts
from second_opinion.store.decisions import Decisions
from second_opinion.store.recent_counts import Newest
from second_opinion.store.review_summaries import Summaries

if TYPE_CHECKING:
    import pandas as pd

MOST_NUMBERS = 5_000
MOST_SHARED = 10_000
# Of a case that was judged more often, a page shows these.
MOST_ON_CASE = 50
CHUNK = 2_000
# The filters by what a verdict has, but for who gave it.
FILTER_FIELDS = (
    *("judgement", "outcome", "severity", "mode", "source", "triage", "corrected", "adjudicated"),
    *("value", "answer"),
)


@dataclass(frozen=True)
class VerdictPage:
    """Some current verdicts of those that match.

    ``total`` counts the matching ones; with ``more`` there are more than that many. ``pages`` is
    how many of this size can be turned to: those of the first 10,000 rows.
    """

    rows: list[Judged]
    total: int
    more: bool
    pages: int


class Review(Decisions, Summaries):
    """What the experts said, for those who judge the model. Get it with `Store.review`.

    What was said of a case that blind plans close to this person (`BlindCases`) is in sums over a
    model or version alone. A verb about one such case raises `UserError`.
    """

    def page(
        self,
        verdict_filter: VerdictFilter,
        *,
        sort: Sort = "newest",
        number: int = 1,
        size: int = 50,
    ) -> VerdictPage:
        """The page with this number, from 1; beyond the last one, the last one.

        Where the confidence is unknown the order is by time; ``serious`` puts serious mistakes
        first, then those of which the model was most sure. Words are looked for in the newest
        50,000 comments that have them.
        """
        with self._file.reading() as connection:
            parameters = verdict_selection.conditions(connection, verdict_filter, self._by)
            total, more = verdict_selection.total_of(connection, verdict_filter, parameters)
            pages = max(-(-min(total, verdict_selection.MOST_ROWS) // size), 1)
            at = min(max(number, 1), pages)
            query = verdict_selection.query_of(verdict_filter, sort)
            parameters |= {"size": size, "skipped": (at - 1) * size}
            parameters["way"] = 1 if sort == "least_sure" else -1
            if sort == "serious":
                about = verdict_selection.facts_of(
                    connection, verdict_filter.model_copy(update={"severity": "serious"})
                )
                parameters["serious"], _ = verdict_selection.mask_of(connection, about)
            numbers = [row for (row,) in connection.execute(query, parameters)]
            return VerdictPage(_judged(connection, numbers), total, more, pages)

    def newest(self, verdict_filter: VerdictFilter, most: int) -> Newest:
        """Up to so many of the newest matching verdicts, to be counted by any of their facts."""
        with self._file.reading() as connection:
            parameters = verdict_selection.conditions(connection, verdict_filter, self._by)
            has_words = verdict_filter.words is not None
            query = sql_review.FACTS_FOUND if has_words else sql_review.FACTS
            rows, groups = _counted(connection, query, parameters | {"most": most + 1})
        has_total = not verdict_filter.by_row
        total = parameters["in_groups"] if has_total else min(len(rows), most)
        return Newest(rows[:most], groups, total=total, more=not has_total and len(rows) > most)

    def on_several(self, model: str | None, version: str | None, *, most: int) -> Newest | None:
        """The verdicts on cases that have several; None where there are more than so many."""
        about = {"model": model, "version": version, "most": most + 1}
        with self._file.reading() as connection:
            rows, groups = _counted(connection, sql_review.FACTS_ON_SEVERAL, about)
        if len(rows) > most:
            return None
        return Newest(rows, groups, total=len(rows), more=False)

    def each(self, verdict_filter: VerdictFilter) -> Iterator[list[Judged]]:
        """All matching verdicts, oldest first, some at a time; nothing but their order is kept.

        The database is seen as it was at the first of them.
        """
        with self._file.reading() as connection:
            parameters = verdict_selection.conditions(connection, verdict_filter, self._by)
            query = verdict_selection.query_of(verdict_filter, "newest")
            everything = connection.execute(query, parameters | {"size": -1, "skipped": 0})
            numbers = array("q", (number for (number,) in everything))
            numbers.reverse()
            for start in range(0, len(numbers), CHUNK):
                yield _judged(connection, numbers[start : start + CHUNK].tolist())

    def each_prediction(self, verdict_filter: VerdictFilter) -> Iterator[list[Prediction]]:
        """All predictions of the filter's model, version, batch, source and days, oldest first."""
        conditions = {
            "model": verdict_filter.model,
            "version": verdict_filter.version,
            "batch": verdict_filter.batch,
            "source": verdict_filter.source,
            "since": verdict_filter.since,
            "until": verdict_filter.until,
        }
        place: int | None = -1
        with self._file.reading() as connection:
            while place is not None:
                parameters = conditions | {"place": place, "size": CHUNK}
                rows = connection.execute(sql_review.PREDICTIONS_AFTER, parameters).fetchall()
                place = rows[-1]["place"] if rows else None
                closed = closed_among(connection, [row["id"] for row in rows], self._by)
                visible = [row for row in rows if row["id"] not in closed]
                if visible:
                    yield [record_rows.prediction(_without_place(row)) for row in visible]

    def verdict(self, verdict_id: str) -> Verdict | None:
        """The verdict with this id, whether it still counts or not, or None."""
        rows = self._select(sql_verdicts.VERDICT, id=verdict_id)
        verdict = record_rows.verdict(rows[0]) if rows else None
        if verdict is not None:
            self._check_open(verdict.prediction_id)
        return verdict

    def filter_values(self, model: str) -> dict[str, set[str]]:
        """The texts that verdicts on a model have, by filter: an empty one where some have none."""
        rows = self._select(sql_review.FILTER_VALUES, model=model)
        return {name: {row[name] for row in rows} for name in FILTER_FIELDS}

    def numbers(
        self, model: str, version: str | None = None, most: int = MOST_NUMBERS
    ) -> pd.DataFrame:
        """The newest predicted numbers with what was said of each: ``value, answer, right``.

        Of up to ``most`` verdicts that say right or wrong; ``right`` says which. ``answer`` is a
        number that an expert gave himself, or that was decided (once a case), and NaN where there
        is none: who takes the model's number has given none.
        """
        import pandas as pd

        with self._file.reading() as connection:
            parameters = verdict_selection.conditions(
                connection, VerdictFilter(model=model, version=version), self._by
            ) | {"most": most}
            rows = connection.execute(sql_review.NUMBERS, parameters).fetchall()
        pairs = pd.DataFrame(map(_pair, rows), columns=["value", "answer"], dtype="object")
        columns = {name: pd.to_numeric(pairs[name], errors="coerce") for name in pairs}
        numbers = pd.DataFrame(columns, dtype="float64")
        decided = pd.Series([row["decided"] for row in rows], dtype="Int64")
        is_again = decided.notna() & decided.duplicated()
        own = numbers["answer"].where(~is_again & (numbers["answer"] != numbers["value"]))
        return numbers.assign(answer=own, right=[row["outcome"] == "right" for row in rows])

    def shared_cases(
        self, model: str | None = None, version: str | None = None, most: int = MOST_SHARED
    ) -> list[SharedCase]:
        """Those of the newest cases with several verdicts that two experts or more have judged."""
        about = {"model": model, "version": version, "size": most, "skipped": 0}
        cases = map(_shared, self._select(sql_review.SHARED_CASES, **about))
        return [case for case in cases if len(case.opinions) > 1]

    def shared_states(
        self, model: str | None = None, version: str | None = None
    ) -> dict[int, bool]:
        """Whether a case waits for a decision, by its id, of all with more than one verdict.

        They wait where experts contradict each other and nobody has adjudicated.
        """
        rows = self._select(sql_review.SHARED_STATES, model=model, version=version)
        return {case_id: bool(undecided) for case_id, undecided in rows}

    def conflicts(
        self,
        model: str | None = None,
        version: str | None = None,
        *,
        adjudicated: bool | None = False,
        number: int = 1,
        size: int = 50,
    ) -> list[Conflict]:
        """A page of cases in which experts contradict each other, the newest first.

        ``adjudicated`` False: those that wait for a decision, True: those that had one, None: all.
        """
        about = {"model": model, "version": version, "adjudicated": adjudicated}
        page = {"size": size, "skipped": (max(number, 1) - 1) * size}
        with self._file.reading() as connection:
            closed = {one.case_id for one in closed_verdicts(connection, self._by)}
            about["closed"] = json.dumps(list(closed))
            rows = connection.execute(sql_review.CONFLICTS, about | page).fetchall()
            return [_conflict(connection, row) for row in rows]

    def shared_case(self, prediction_id: str) -> SharedCase | None:
        """The case of this prediction, or None unless two experts or more have judged it."""
        self._check_open(prediction_id)
        rows = self._select(sql_review.SHARED_CASE, prediction_id=prediction_id)
        case = _shared(rows[0]) if rows else None
        return case if case and len(case.opinions) > 1 else None


def _counted(
    connection: sqlite3.Connection, query: str, parameters: dict[str, Any]
) -> tuple[list[Any], list[Any]]:
    """What few facts of verdicts differ in, and the groups that these are in."""
    cursor = connection.cursor()
    # Plain tuples: a million of them cost a third of rows with names.
    cursor.row_factory = None
    rows = cursor.execute(query, parameters).fetchall()
    ids = {"ids": json.dumps(list({row[0] for row in rows}))}
    return rows, connection.execute(sql_review.GROUPS_WITH_IDS, ids).fetchall()


def _judged(connection: sqlite3.Connection, numbers: list[int]) -> list[Judged]:
    """The verdicts with these numbers and their predictions, in this order."""
    parameters = {"numbers": json.dumps(numbers)}
    rows = connection.execute(sql_review.VERDICTS_NUMBERED, parameters).fetchall()
    ids = json.dumps([row["prediction_id"] for row in rows])
    cases = connection.execute(sql_verdicts.PREDICTIONS_WITH_IDS, {"ids": ids})
    predictions = {row["id"]: record_rows.prediction(row) for row in cases}
    return [_one(row, predictions[row["prediction_id"]]) for row in rows]


def _one(row: sqlite3.Row, prediction: Prediction) -> Judged:
    columns = dict(row)
    counted = ("counted", "triage", "adjudicated", "final", "final_direction")
    review = {name: columns.pop(name) for name in counted}
    own = columns["answer"]
    return Judged(
        record_rows.verdict(columns),
        prediction,
        answer=json.loads((review["final"] if review["adjudicated"] else own) or "null"),
        adjudicated=bool(review["adjudicated"]),
        outcome=review["counted"],
        triage=review["triage"] or None,
        case_id=row["case_id"],
        direction=review["final_direction"] if review["adjudicated"] else columns["direction"],
    )


def _pair(row: sqlite3.Row) -> tuple[Any, Any]:
    """A prediction and the number that somebody gave; None where that is none."""
    return json.loads(row["value"] or "null"), json.loads(row["answer"] or "null")


def _shared(row: sqlite3.Row) -> SharedCase:
    """A case with the last opinion of each person, whatever prediction of it was judged."""
    columns = dict(row)
    answers = sorted(json.loads(columns.pop("answers")), key=itemgetter(0, 1))
    opinions = {
        key_of(expert, expert_key): Opinion(outcome, answer, direction, expert, expert_key)
        for _, _, expert, expert_key, outcome, answer, direction, _ in answers
    }
    # The same in all of them: what a case is held against belongs to what it is.
    tolerance = answers[0][-1]
    ordered = tuple(opinions[person] for person in sorted(opinions))
    return SharedCase(**columns, tolerance=tolerance, opinions=ordered)


def _conflict(connection: sqlite3.Connection, row: sqlite3.Row) -> Conflict:
    columns = dict(row)
    del columns["conflict"]
    about = {"case_id": row["case_id"], "most": MOST_ON_CASE}
    verdicts = map(record_rows.verdict, connection.execute(sql_review.CURRENT_ON_CASE, about))
    columns["adjudicated"] = bool(columns["adjudicated"])
    return Conflict(**columns, verdicts=tuple(verdicts))


def _without_place(row: sqlite3.Row) -> dict[str, Any]:
    columns = dict(row)
    del columns["place"]
    return columns
