"""The step of the schema that has each row say what it says of the prediction, old ones too."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sqlite_utils.db import Database

from second_opinion.records.answer_scale import AnswerScale
from second_opinion.records.prediction import Prediction
from second_opinion.settings import Settings
from second_opinion.store import judged_cases, record_rows, sql_outcomes
from second_opinion.verdicts import meaning
from second_opinion.verdicts.same_case import case_id

CHUNK = 5_000


def take(db: Database) -> None:
    """Add the columns, fill in what was stored before, and count everything anew.

    In the transaction that is open, so that a file has all of it or nothing.
    """
    connection = db.conn
    db.executescript(sql_outcomes.CARDS)
    _keep_old_scales(connection)
    db.executescript(sql_outcomes.DROP_OLD)
    db.executescript(sql_outcomes.COLUMNS)
    _fill(connection, sql_outcomes.VERDICTS_AFTER, sql_outcomes.FILL_VERDICT, _of_verdict)
    decisions = sql_outcomes.ADJUDICATIONS_AFTER, sql_outcomes.FILL_ADJUDICATION
    _fill(connection, *decisions, _of_decision)
    db.executescript(sql_outcomes.RULES)
    db.executescript(sql_outcomes.VIEWS)
    db.executescript(sql_outcomes.TABLES)
    db.executescript(sql_outcomes.FILL)
    db.executescript(sql_outcomes.SUMMARIES)
    judged_cases.compare_all(connection)


def _of_verdict(row: dict[str, Any], prediction: Prediction) -> dict[str, Any]:
    verdict = record_rows.verdict(row)
    return judged_cases.columns_of(prediction, meaning.of_verdict(verdict, prediction))


def _of_decision(row: dict[str, Any], prediction: Prediction) -> dict[str, Any]:
    decision = record_rows.adjudication(row)
    outcome = meaning.of_final_answer(decision, prediction).outcome
    return {"case_id": case_id(prediction), "outcome": outcome}


def _fill(
    connection: sqlite3.Connection,
    query: str,
    statement: str,
    columns: Callable[[dict[str, Any], Prediction], dict[str, Any]],
) -> None:
    scales: dict[str, AnswerScale | None] = {}
    for rows in _chunks(connection, query):
        predictions = _predictions(connection, rows, scales)
        connection.executemany(
            statement,
            [
                columns(row, predictions[row["prediction_id"]]) | {"place": place}
                for place, row in rows
            ],
        )


def _chunks(
    connection: sqlite3.Connection, query: str
) -> Iterator[list[tuple[int, dict[str, Any]]]]:
    """Rows of a table with their places, some at a time."""
    place = -1
    while True:
        parameters = {"place": place, "size": CHUNK}
        rows = [dict(row) for row in connection.execute(query, parameters)]
        if not rows:
            return
        placed = [(row.pop("place"), row) for row in rows]
        place = placed[-1][0]
        yield placed


def _predictions(
    connection: sqlite3.Connection,
    rows: list[tuple[int, dict[str, Any]]],
    scales: dict[str, AnswerScale | None],
) -> dict[str, Prediction]:
    """The predictions that the rows are about, each under its card."""
    from dataclasses import replace

    ids = json.dumps(list({row["prediction_id"] for _, row in rows}))
    predictions = {}
    for row in connection.execute(sql_outcomes.PREDICTIONS_WITH_IDS, {"ids": ids}):
        prediction = record_rows.prediction(row)
        sha256 = prediction.card_sha256
        if sha256 not in scales:
            scales[sha256] = judged_cases.under_its_card(connection, prediction).scale
        predictions[prediction.id] = replace(prediction, scale=scales[sha256])
    return predictions


def _keep_old_scales(connection: sqlite3.Connection) -> None:
    """What the cards in the model folder say of the answers that were given so far."""
    answers = connection.execute(sql_outcomes.CARDS_OF_PREDICTIONS).fetchall()
    # A new database needs no settings: those may be broken.
    folder = Path(Settings.read().model_dir) if answers else Path()
    for sha256, model, version in answers:
        scale = _scale_in(folder / model / version / "card.json", sha256)
        judged_cases.keep_scales(connection, [(sha256, scale)])


def _scale_in(path: Path, sha256: str) -> AnswerScale | None:
    """What a card says; one that was edited since says nothing of a tolerance."""
    try:
        text = path.read_bytes()
        card = json.loads(text)
        task, answer = card["task"], card.get("answer")
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    if task == "regression":
        is_same = hashlib.sha256(text).hexdigest() == sha256
        tolerance = card.get("tolerance") if is_same else None
        return AnswerScale("number", tolerance)
    return AnswerScale("probability" if answer == "probability" else "class")
