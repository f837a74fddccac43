"""What one person said of one prediction, as a chain: each verdict replaces the one before it."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

from second_opinion.access import roles
from second_opinion.errors import UserError
from second_opinion.records.expert import Expert
from second_opinion.records.prediction import Prediction
from second_opinion.records.verdict import Verdict
from second_opinion.records.verdict_kinds import kind_of
from second_opinion.store import judged_cases, record_rows, sql_verdicts
from second_opinion.verdicts import meaning


def stored(connection: sqlite3.Connection, verdict_id: str) -> Verdict | None:
    """The verdict with this id, or None."""
    row = connection.execute(sql_verdicts.VERDICT, {"id": verdict_id}).fetchone()
    return record_rows.verdict(row) if row else None


def judged(connection: sqlite3.Connection, verdict: Verdict) -> Prediction:
    """What the verdict is about.

    `UserError` when it is not in the database, and when the verdict fails its check.
    """
    row = connection.execute(sql_verdicts.PREDICTION, {"id": verdict.prediction_id}).fetchone()
    if row is None:
        raise UserError(
            "The verdict was not stored: its prediction is not in the feedback database; expected "
            "the one on the screen. The file may have been replaced since: predict the case again, "
            "then give the verdict."
        )
    prediction = record_rows.prediction(row)
    verdict.check(prediction)
    return prediction


def end(connection: sqlite3.Connection, verdict: Verdict, by: Expert | None) -> Verdict | None:
    """The end of this expert's chain on this prediction, be it withdrawn.

    Under a typed name there may be one of each browser: the one that is for ``by`` to change.
    """
    rows = connection.execute(
        sql_verdicts.LATEST_VERDICTS, {"prediction_id": verdict.prediction_id}
    ).fetchall()
    ends = [one for one in map(record_rows.verdict, rows) if one.by_key == verdict.by_key]
    own = [one for one in ends if by is None or roles.owns(by, one)]
    return next(reversed(own or ends), None)


def counts(verdict: Verdict | None) -> bool:
    """Whether there is a verdict that is not taken back."""
    return verdict is not None and kind_of(verdict.judgement).is_current


def add(
    connection: sqlite3.Connection,
    verdict: Verdict,
    prediction: Prediction,
    before: Verdict | None,
) -> Verdict:
    """Store the verdict in the place of ``before``, which ends its chain; returns it as stored.

    Without one it begins a chain.
    """
    row = record_rows.to_row(replace(verdict, supersedes=before.id if before else None))
    prediction = judged_cases.under_its_card(connection, prediction)
    said = judged_cases.columns_of(prediction, meaning.of_verdict(verdict, prediction))
    connection.execute(sql_verdicts.ADD_VERDICT, row | said)
    judged_cases.compare(connection, said["case_id"])
    return record_rows.verdict(row)
