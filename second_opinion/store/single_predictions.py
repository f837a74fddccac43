"""Predictions by the thousand: those that were asked for one by one, and the verdicts on any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from second_opinion.records.expert import Expert, key_of
from second_opinion.records.prediction import Prediction
from second_opinion.records.value import same_inputs, same_value
from second_opinion.store import judged_cases, record_rows, sql_verdicts
from second_opinion.store.database_file import DatabaseFile

MOST_SINGLES = 50_000
# A person judges no more of them one by one; the newest count.
MOST_SENT = 1000
# What makes two answers under one id the same one, beside their inputs.
SAID = ("model", "version", "value", "confidence")


@dataclass(frozen=True)
class SingleCount:
    """How many predictions of one version came from one source, and when the last one did."""

    version: str
    source: str
    predictions: int
    last_at: str


@dataclass
class SentAnswer:
    """An answer that a program sent here to be judged, and whether a person has done so."""

    id: str
    version: str
    is_judged: bool = False


class Singles:
    """The verbs of a store that read many predictions. Get one as ``store.single_predictions``."""

    def __init__(self, file: DatabaseFile) -> None:
        self._file = file

    def add_given(self, predictions: Sequence[Prediction]) -> list[str]:
        """Store answers whose ids somebody else chose; the same one under an id is stored once.

        Returns the ids under which there is another answer; with any, nothing is stored.
        """
        by_id = {one.id: one for one in predictions}
        ids = {"ids": record_rows.listed(by_id)}
        encoded = [record_rows.to_row(one) for one in predictions]
        with self._file.writing() as connection:
            rows = connection.execute(sql_verdicts.PREDICTIONS_WITH_IDS, ids).fetchall()
            there = map(record_rows.prediction, rows)
            others = [one.id for one in there if not _same_answer(one, by_id[one.id])]
            if not others:
                scales = [(one.card_sha256, one.scale) for one in predictions]
                judged_cases.keep_scales(connection, scales)
                connection.executemany(sql_verdicts.ADD_PREDICTION, encoded)
        return others

    def counts(self, model: str) -> list[SingleCount]:
        """How many predictions of a model there are that belong to no batch."""
        rows = self._select(sql_verdicts.SINGLE_COUNTS, model=model)
        return [SingleCount(**row) for row in rows]

    def listed(
        self,
        model: str,
        *,
        version: str = "",
        source: str = "",
        since: str = "",
        until: str = "",
        limit: int = MOST_SINGLES,
    ) -> list[dict[str, Any]]:
        """The latest predictions that belong to no batch, newest first.

        ``id, version, inputs, value, confidence, source, created_at``; ``since`` and ``until``
        (without) are ISO times, and an empty filter lets all through.
        """
        return self._select(
            sql_verdicts.SINGLES,
            model=model,
            version=version,
            source=source,
            since=since,
            until=until,
            limit=limit,
        )

    def sent(self, model: str, *, by: Expert) -> list[SentAnswer]:
        """The newest 1,000 answers of a model that were given elsewhere, the oldest of them first.

        ``is_judged`` says whether this person has a verdict on it.
        """
        answers: dict[str, SentAnswer] = {}
        for row in self._select(sql_verdicts.SENT, model=model, limit=MOST_SENT):
            answer = answers.setdefault(row["id"], SentAnswer(row["id"], row["version"]))
            if row["expert"] is not None:
                is_own = key_of(row["expert"], row["expert_key"]) == by.expert_key
                answer.is_judged = answer.is_judged or is_own
        return list(answers.values())

    def verdicts(self, model: str, batch_id: str | None = None) -> list[dict[str, Any]]:
        """The current verdicts on a batch, or on the predictions of none, in order of their time.

        ``prediction_id, row_number, version, value, confidence, probabilities, judgement,
        case_id, direction, outcome`` (by what counts), ``final_direction`` and ``created_at``.
        """
        return self._select(sql_verdicts.VERDICTS_ON, model=model, batch_id=batch_id)

    def _select(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        with self._file.reading() as connection:
            return [record_rows.from_row(row) for row in connection.execute(query, parameters)]


def _same_answer(one: Prediction, other: Prediction) -> bool:
    shares = [list(each.probabilities or ()) for each in (one, other)]
    same = all(same_value(getattr(one, name), getattr(other, name)) for name in SAID)
    return same and shares[0] == shares[1] and same_inputs(one.inputs, other.inputs)
