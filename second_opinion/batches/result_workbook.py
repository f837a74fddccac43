"""The result of a batch as a workbook for people: words for classes, what one said oneself, and the
case in its units."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from second_opinion.batches import column_rights
from second_opinion.batches.column_heads import MAY_ANSWER_ALONE, answer_head, field_head
from second_opinion.batches.scored_rows import ScoredRows, flags_of
from second_opinion.models.card import ModelCard
from second_opinion.records.alone import alone
from second_opinion.records.batch import Batch, prediction_id
from second_opinion.records.expert import Expert
from second_opinion.records.value import plain
from second_opinion.records.verdict import Verdict
from second_opinion.records.verdict_kinds import kind_of
from second_opinion.schema import Feature
from second_opinion.store import Store

if TYPE_CHECKING:
    import pyarrow as pa

    from second_opinion.tables.workbook_writer import SheetColumn

SHARE = "0.0 %"
WHOLE = "#,##0"
# Verdicts that are read at once.
AT_ONCE = 5_000
SCORED = ["prediction", "confidence", "probabilities", "flags"]
SIDES = {"too_high": "lower", "too_low": "higher"}

FlagWords = Callable[[ModelCard, str], str]


@dataclass(frozen=True)
class ResultWorkbook:
    """The scored rows of a batch as one person reads them.

    ``flag_words`` says a flag in words. The verdicts are those of ``by``, who asks.
    """

    store: Store
    batch: Batch
    card: ModelCard
    by: Expert
    flag_words: FlagWords
    alone_from: float | None = None

    def write(self, out: BinaryIO) -> None:
        """Write the workbook, a chunk of rows at a time."""
        from second_opinion.tables.workbook_writer import write_workbook

        write_workbook(out, self._columns(), self._rows(), sheet="Cases", frozen=1)

    def _columns(self) -> list[SheetColumn]:
        from second_opinion.tables.workbook_writer import SheetColumn

        own = [SheetColumn(name) for name in self._own]
        is_risk = self.card.answer == "probability"
        said = SheetColumn(answer_head(self.card), SHARE if is_risk else self._answer_format())
        sure = [SheetColumn("Sure", SHARE)] if self.card.tells_confidence else []
        if self.alone_from is not None:
            sure.append(SheetColumn(MAY_ANSWER_ALONE))
        words = [SheetColumn(name) for name in ("Flags", "You say", "Right answer", "Comment")]
        fields = [
            # Without commas between thousands: a year is a number too.
            SheetColumn(field_head(feature))
            for feature in self._fields
        ]
        others = [SheetColumn(name) for name in self._others]
        return [SheetColumn("Row", WHOLE), *own, said, *sure, *words, *fields, *others]

    @property
    def _fields(self) -> list[Feature]:
        schema = self.card.case_schema
        return [schema[name] for name in schema.inputs_in(self.batch.columns)]

    @cached_property
    def _own(self) -> list[str]:
        """What the expert knows a case by."""
        shown = self.store.column_choices.latest(self.batch.id).shown
        return [name for name in shown if name in self._visible]

    @cached_property
    def _others(self) -> list[str]:
        names = {*self.card.case_schema.taken_from(self.batch.columns), *self._own}
        return [name for name in self._visible if name not in names]

    @cached_property
    def _visible(self) -> list[str]:
        return column_rights.visible(self.store, self.batch, self.by)

    def _answer_format(self) -> str:
        """As many digits as the page shows of the largest answer."""
        numbers = ScoredRows(self.store, self.by).scores(self.batch).numbers
        if numbers is None or not np.isfinite(numbers).any():
            return "General"
        largest = float(np.nanmax(np.abs(numbers[np.isfinite(numbers)]))) or 1.0
        places = min(max(2 - math.floor(math.log10(largest)), 0), 6)
        return WHOLE + ("." + "0" * places if places else "")

    def _rows(self) -> Iterator[Sequence[Any]]:
        verdicts = self._verdicts()
        row = 0
        for text, scored, _ in ScoredRows(self.store, self.by).scored_chunks(self.batch):
            answers = scored.select(SCORED).to_pylist()
            own = _cells(text, self._own)
            case = zip(*self._field_cells(text), *_columns_of(text, self._others), strict=True)
            for known, answer, rest in zip(own, answers, case, strict=True):
                row += 1
                yield [row, *known, *self._answer_cells(answer, verdicts.get(row)), *rest]

    def _verdicts(self) -> dict[int, Verdict]:
        rows = self.store.batches.judged_rows(self.batch.id, by=self.by)
        verdicts: dict[int, Verdict] = {}
        for first in range(0, len(rows), AT_ONCE):
            ids = {prediction_id(self.batch.id, row): row for row in rows[first : first + AT_ONCE]}
            found = self.store.current_verdicts_of(self.by, ids, by=self.by)
            verdicts |= {ids[id]: verdict for id, verdict in found.items()}
        return verdicts

    def _field_cells(self, text: pa.Table) -> Iterator[list[Any]]:
        """The model's fields as a person reads them: numbers, and words for the rest."""
        from second_opinion.tables import typed

        cases, _ = typed(text, self.card.case_schema, decimal=self.batch.decimal)
        for feature in self._fields:
            values = [plain(value) for value in cases[feature.name]]
            is_number = feature.is_numeric and not feature.choices
            yield values if is_number else [_words(feature, value) for value in values]

    def _answer_cells(self, scored: Mapping[str, Any], verdict: Verdict | None) -> list[Any]:
        prediction, sure = scored["prediction"], scored["confidence"]
        value = None if prediction is None else json.loads(prediction)
        answer = "no answer" if prediction is None else self._in_words(value)
        if prediction is not None and self.card.answer == "probability":
            answer = self.card.probability(tuple(scored["probabilities"] or ()) or None)
        words = [self.flag_words(self.card, flag) for flag in flags_of(scored["flags"])]
        share: list[Any] = (
            [None if sure is None else _rounded_down(sure)] if self.card.tells_confidence else []
        )
        if self.alone_from is not None:
            share.append(alone(sure, self.alone_from))
        return [answer, *share, "; ".join(words) or None, *self._said(value, verdict)]

    def _said(self, value: Any, verdict: Verdict | None) -> list[Any]:
        """What the person said, what is right, and why."""
        if verdict is None:
            return [None, None, None]
        kind = kind_of(verdict.judgement)
        return [kind.label, self._right(value, verdict), verdict.comment or None]

    def _right(self, value: Any, verdict: Verdict) -> Any:
        if verdict.correct_value is not None:
            return self._in_words(verdict.correct_value)
        if verdict.direction:
            return SIDES[verdict.direction]
        is_right = kind_of(verdict.judgement).counts_as == "right"
        return self._in_words(value) if is_right and self.card.answer == "class" else None

    def _in_words(self, value: Any) -> Any:
        return value if self.card.task == "regression" else self.card.label(value)


def _columns_of(text: pa.Table, names: Sequence[str]) -> list[list[str | None]]:
    return [text[name].to_pylist() for name in names]


def _cells(text: pa.Table, names: Sequence[str]) -> Iterator[Sequence[str | None]]:
    """Those columns row by row, also where there are none."""
    if not names:
        return iter([()] * text.num_rows)
    return zip(*_columns_of(text, names), strict=True)


def _words(feature: Feature, value: Any) -> str | None:
    return None if value is None else feature.text(value, unit=False)


def _rounded_down(share: float) -> float:
    """To a tenth of a percent, so that 100 % is said of certainty alone."""
    return math.floor(share * 1000 + 1e-7) / 1000
