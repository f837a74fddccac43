"""Cases, with what experts say of them: what is stored beside a verdict or a final answer."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from second_opinion.records.answer_scale import AnswerScale
from second_opinion.records.prediction import Prediction
from second_opinion.records.review import Opinion
from second_opinion.store import record_rows, sql_outcomes
from second_opinion.verdicts import meaning
from second_opinion.verdicts.meaning import Meaning
from second_opinion.verdicts.same_case import case_id


def keep_scales(
    connection: sqlite3.Connection, scales: Iterable[tuple[str, AnswerScale | None]]
) -> None:
    """Keep what cards say of their answers, each by the hash of the card."""
    known = {sha256: scale for sha256, scale in scales if scale is not None}
    rows = [
        {"sha256": sha256, "answer": scale.answer, "tolerance": scale.tolerance}
        for sha256, scale in known.items()
    ]
    connection.executemany(sql_outcomes.ADD_CARD, rows)


def under_its_card(connection: sqlite3.Connection, prediction: Prediction) -> Prediction:
    """The prediction with what its card said of the answer, where that is known."""
    about = {"sha256": prediction.card_sha256}
    row = connection.execute(sql_outcomes.CARD, about).fetchone()
    scale = AnswerScale(row["answer"], row["tolerance"]) if row else None
    return replace(prediction, scale=scale)


def columns_of(prediction: Prediction, meaning_of_it: Meaning) -> dict[str, Any]:
    """What is stored with a verdict, besides what the expert gave."""
    return {
        "case_id": case_id(prediction),
        "outcome": meaning_of_it.outcome,
        "answer": record_rows.to_json("answer", meaning_of_it.answer),
        "tolerance": meaning.tolerance_of(prediction),
    }


def compare(connection: sqlite3.Connection, case: int) -> None:
    """Keep whether experts contradict each other on a case that has several verdicts."""
    about = {"case_id": case}
    cursor = connection.cursor()
    cursor.row_factory = sqlite3.Row
    rows = cursor.execute(sql_outcomes.OPINIONS, about).fetchall()
    connection.execute(sql_outcomes.FORGET_CASE, about)
    verdicts = sum(row["verdicts"] for row in rows)
    if verdicts > 1:
        counts = {
            outcome: sum(row["verdicts"] for row in rows if row["outcome"] == outcome)
            for outcome in ("right", "wrong")
        }
        conflict = meaning.contradict(map(opinion, rows), rows[0]["tolerance"])
        connection.execute(
            sql_outcomes.ADD_CASE, about | counts | {"verdicts": verdicts, "conflict": conflict}
        )


def compare_all(connection: sqlite3.Connection) -> None:
    """The same for every case that has several verdicts."""
    for (case,) in connection.execute(sql_outcomes.SEVERAL_VERDICTS).fetchall():
        compare(connection, case)


def opinion(row: Mapping[str, Any] | sqlite3.Row) -> Opinion:
    """What somebody says of a case, as a row has it."""
    answer = json.loads(row["answer"]) if row["answer"] else None
    return Opinion(outcome=row["outcome"], answer=answer, direction=row["direction"] or None)
