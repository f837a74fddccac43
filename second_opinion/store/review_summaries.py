"""Figures over all verdicts of a model or version, from summaries that triggers keep."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from second_opinion.records import namesakes
from second_opinion.records.expert import Expert, key_of_person
from second_opinion.records.review import NOT_NAMED, ReviewEffort, ReviewProgress, VersionTally
from second_opinion.store import record_rows, sql_review, sql_verdicts
from second_opinion.store.database_file import DatabaseFile
from second_opinion.store.recent_counts import SAID, people

if TYPE_CHECKING:
    import pandas as pd


class Summaries:
    """What is counted of each model and version, whatever the filter of a page."""

    _file: DatabaseFile

    def progress(self, model: str, version: str | None = None) -> ReviewProgress:
        """How far the review of this model has come, over all its versions or one."""
        totals, groups, last_verdict_at = self._so_far(model, version)
        verdicts = sum(group["verdicts"] for group in groups)
        return ReviewProgress(
            predictions=totals["predictions"],
            judged=verdicts - totals["repeated"],
            verdicts=verdicts,
            agree=int(sum(group["agree"] for group in groups)),
            disagree=int(sum(group["disagree"] for group in groups)),
            unsure=int(sum(group["unsure"] for group in groups)),
            right=int(sum(group["right"] for group in groups)),
            wrong=int(sum(group["wrong"] for group in groups)),
            experts=len({namesakes.key_in(group["expert"]) for group in groups}),
            last_verdict_at=last_verdict_at,
        )

    def effort(self, model: str, version: str | None = None, of: Expert | str = "") -> ReviewEffort:
        """How much was done so far, and by this person; nothing of what was said.

        A text is a declared name.
        """
        totals, groups, last_verdict_at = self._so_far(model, version)
        return ReviewEffort(
            totals["predictions"],
            sum(group["verdicts"] for group in groups),
            len({namesakes.key_in(group["expert"]) for group in groups}),
            last_verdict_at,
            _own(groups, of),
        )

    def _so_far(
        self, model: str, version: str | None
    ) -> tuple[sqlite3.Row, list[sqlite3.Row], str | None]:
        """The totals, what each expert said, and when the last verdict was given."""
        about = {"model": model, "version": version}
        with self._file.reading() as connection:
            totals = connection.execute(sql_review.TOTALS, about).fetchone()
            groups = connection.execute(sql_review.BY_EXPERT, about).fetchall()
            (day,) = connection.execute(sql_review.LAST_DAY, about).fetchone()
            last = connection.execute(sql_review.LAST_VERDICT_AT, about | {"day": day})
            return totals, groups, next((moment for (moment,) in last), None)

    def by_version(self, model: str | None = None) -> pd.DataFrame:
        """Verdicts of each version: ``model, version`` and the columns of `SAID`."""
        return self._figures(sql_review.BY_VERSION, ["model", "version"], model, None)

    def by_day(self, model: str | None = None, version: str | None = None) -> pd.DataFrame:
        """Verdicts by the day, in UTC, on which they were given: ``day`` and `SAID`."""
        return self._figures(sql_review.BY_DAY, ["day"], model, version)

    def by_class(self, model: str | None = None, version: str | None = None) -> pd.DataFrame:
        """Verdicts by the predicted class: ``value`` and `SAID`; empty for a regression."""
        figures = self._figures(sql_review.BY_CLASS, ["value"], model, version)
        return figures.assign(value=[json.loads(text) for text in figures["value"]])

    def by_confidence(self, model: str | None = None, version: str | None = None) -> pd.DataFrame:
        """Verdicts by confidence in whole percent, rounded down: ``percent`` and `SAID`."""
        return self._figures(sql_review.BY_CONFIDENCE, ["percent"], model, version)

    def by_mode(self, model: str | None = None, version: str | None = None) -> pd.DataFrame:
        """Verdicts given after seeing the model's answer (open) and before (blind): ``mode``."""
        return self._figures(sql_review.BY_MODE, ["mode"], model, version)

    def by_triage(self, model: str | None = None, version: str | None = None) -> pd.DataFrame:
        """Verdicts by what was decided about them: ``triage`` and `SAID`."""
        return self._figures(sql_review.BY_TRIAGE, ["triage"], model, version)

    def by_expert(self, model: str | None = None, version: str | None = None) -> pd.DataFrame:
        """Verdicts of each expert, most first: ``expert`` and `SAID`, by the key of each.

        Spellings of one name count as one person, under the one that was used most. Where two
        people bear one label, ``expert`` says which is which.
        """
        return people(self._figures(sql_review.BY_EXPERT, ["expert"], model, version))

    def confusion(self, model: str | None = None, version: str | None = None) -> pd.DataFrame:
        """How often each class was predicted and each counts as right: ``value, answer, verdicts``.

        Of all verdicts that say right or wrong; the answer is `NOT_NAMED` where another class than
        the model's is right and nobody said which.
        """
        import pandas as pd

        rows = self._select(sql_review.CONFUSION, model=model, version=version)
        counts = [(json.loads(v), class_named(a), verdicts) for v, a, verdicts in rows]
        table = pd.DataFrame(counts, columns=["value", "answer", "verdicts"], dtype=object)
        return table.astype({"verdicts": "int64"})

    def shared_counts(self, model: str | None = None, version: str | None = None) -> dict[str, int]:
        """How many predictions two experts or more judged, and on how many cases they disagree.

        ``predictions``, ``shared`` (of these), ``repeated`` (verdicts beyond the first on one),
        ``conflicts`` (cases: equal inputs are one), ``undecided`` (of these).
        """
        return dict(self._select(sql_review.TOTALS, model=model, version=version)[0])

    def without_card(self, model: str, version: str | None = None) -> list[str]:
        """The judged versions with predictions from before their cards were kept."""
        rows = self._select(sql_review.WITHOUT_CARD, model=model, version=version)
        return [judged for (judged,) in rows]

    def judged_cases(self, model: str | None = None, version: str | None = None) -> int:
        """How many cases have a current verdict, whatever the number of their predictions."""
        ((cases,),) = self._select(sql_review.JUDGED_CASES, model=model, version=version)
        return int(cases)

    def case_sums(self, model: str | None = None, version: str | None = None) -> dict[str, int]:
        """Cases with several verdicts that say right or wrong, and sums over these.

        ``cases``, ``right`` and ``certain`` (right or wrong), of each case ``right_squared``,
        ``right_certain`` (their product) and ``certain_squared``.
        """
        return dict(self._select(sql_review.CASE_SUMS, model=model, version=version)[0])

    def arms(self, model: str, alias: str) -> list[VersionTally]:
        """What each version that answered under an alias did, with the verdicts on it.

        Those that the alias no longer means included; none for a version that was not asked yet.
        """
        return [
            VersionTally(**dict(row))
            for row in self._select(sql_verdicts.ARMS, model=model, alias=alias)
        ]

    def judged(self, model: str, versions: Iterable[str]) -> list[dict[str, Any]]:
        """The predictions of these versions that count as right or wrong, once a verdict.

        ``version, inputs`` (dict), ``value``, ``expert``, ``mode`` and ``blind_value`` of the
        verdict, ``tolerance`` (of a number), ``adjudicated``, and what counts: ``outcome``,
        ``answer`` and ``direction``, both or None; in the order of the verdicts' times.
        """
        rows = self._select(sql_verdicts.JUDGED, model=model, versions=record_rows.listed(versions))
        return [record_rows.from_row(row) for row in rows]

    def _figures(
        self, query: str, keys: list[str], model: str | None, version: str | None
    ) -> pd.DataFrame:
        import pandas as pd

        rows = [tuple(row) for row in self._select(query, model=model, version=version)]
        figures = pd.DataFrame(rows, columns=[*keys, *SAID])
        return figures.astype(dict.fromkeys(SAID, "int64"))

    def _select(self, query: str, **parameters: Any) -> list[sqlite3.Row]:
        with self._file.reading() as connection:
            return connection.execute(query, parameters).fetchall()


def class_named(text: str) -> Any:
    """The class that counts as right, or `NOT_NAMED`."""
    return json.loads(text) if text else NOT_NAMED


def _own(groups: Iterable[sqlite3.Row], of: Expert | str) -> int:
    """How many verdicts are this person's."""
    person = key_of_person(of)
    return sum(group["verdicts"] for group in groups if namesakes.key_in(group["expert"]) == person)
