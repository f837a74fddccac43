"""Predictions by the thousand: those that were asked for one by one, and the verdicts on any."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from second_opinion.store import record_rows, sql_verdicts
from second_opinion.store.database_file import DatabaseFile

MOST_SINGLES = 50_000


@dataclass(frozen=True)
class SingleCount:
    """How many predictions of one version came from one source, and when the last one did."""

    version: str
    source: str
    predictions: int
    last_at: str


class Singles:
    """The verbs of a store that read many predictions. Get one as ``store.single_predictions``."""

    def __init__(self, file: DatabaseFile) -> None:
        self._file = file

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

    def verdicts(self, model: str, batch_id: str | None = None) -> list[dict[str, Any]]:
        """The current verdicts on a batch, or on the predictions of none, in order of their time.

        ``prediction_id, row_number, version, value, confidence, probabilities, judgement,
        case_id, direction, outcome`` (by what counts), ``final_direction`` and ``created_at``.
        """
        return self._select(sql_verdicts.VERDICTS_ON, model=model, batch_id=batch_id)

    def _select(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        with self._file.reading() as connection:
            return [record_rows.from_row(row) for row in connection.execute(query, parameters)]
