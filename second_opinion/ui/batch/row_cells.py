"""A page of scored rows in the words of the card: what stands in each cell of the table."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from second_opinion.batches.column_heads import MAY_ANSWER_ALONE, answer_head, field_head
from second_opinion.batches.scored_rows import RowPage, flags_of
from second_opinion.formatting import number_text, percent
from second_opinion.models.card import ModelCard, value_text
from second_opinion.records.alone import alone
from second_opinion.records.batch import Batch
from second_opinion.records.value import plain
from second_opinion.records.verdict import Verdict
from second_opinion.records.verdict_kinds import current_kinds, kind_of
from second_opinion.schema import Feature
from second_opinion.ui import labels, verdict_buttons
from second_opinion.ui.case_table import NOTHING, CaseButton, CaseColumn, CaseRow, Cell

# Beyond what a person scrolls through, the opened case has the rest.
MOST_FIELDS = 60


def fields(card: ModelCard, batch: Batch) -> list[Feature]:
    """The fields that the file has, what the model looks at most first."""
    ranks = {feature.name: at for at, (feature, _) in enumerate(card.looks_at)}
    schema = card.case_schema
    in_file = [schema[name] for name in schema.inputs_in(batch.columns)]
    return sorted(in_file, key=lambda f: ranks.get(f.name, len(ranks)))[:MOST_FIELDS]


def columns(
    card: ModelCard, batch: Batch, own: Sequence[str], *, with_alone: bool = False
) -> list[CaseColumn]:
    """The columns of the table, ``own`` being those of the file that the model does not use.

    ``with_alone`` adds whether the model may answer alone.
    """
    is_number = card.task == "regression" or card.answer == "probability"
    return [
        CaseColumn("Row", "row"),
        CaseColumn("You say", "verdict"),
        CaseColumn(answer_head(card), "answer", is_number),
        *([CaseColumn("Sure", "answer", True)] if card.tells_confidence else []),
        *([CaseColumn(MAY_ANSWER_ALONE, "answer")] if with_alone else []),
        CaseColumn("Flags", "flags"),
        *(CaseColumn(name, "own") for name in own),
        *(CaseColumn(field_head(f), "field", f.is_numeric) for f in fields(card, batch)),
    ]


def buttons(card: ModelCard) -> list[CaseButton]:
    """A button for each thing that can be said of an answer, in the words of the panel."""
    return [
        CaseButton(kind.name, verdict_buttons.words(kind, card), kind.sign)
        for kind in current_kinds()
    ]


def rows(
    card: ModelCard,
    batch: Batch,
    row_page: RowPage,
    verdicts: Mapping[int, Verdict],
    own: Mapping[str, Sequence[Cell]],
    alone_from: float | None = None,
) -> Iterator[CaseRow]:
    """The rows of a page in the order of `columns`; ``own`` has the cells of those columns.

    ``alone_from`` is the confidence from which on the model may answer alone.
    """
    of_fields = _field_cells(card, batch, row_page)
    cells = [*own.values(), *of_fields]
    cases = zip(*cells, strict=True) if cells else iter([()] * len(row_page.rows))
    scored = row_page.scored.to_pylist()
    for row, answer, case in zip(row_page.rows.tolist(), scored, cases, strict=True):
        verdict = verdicts.get(row)
        said = [_answer(card, answer)]
        if card.tells_confidence:
            sure = answer["confidence"]
            said.append(NOTHING if sure is None else percent(sure))
        if alone_from is not None:
            said.append(alone(answer["confidence"], alone_from))
        yield CaseRow(
            row,
            [*said, *case],
            said=verdict.judgement if verdict else "",
            more=_more(card, verdict) if verdict else "",
            flags=[labels.flag_name(card, flag) for flag in flags_of(answer["flags"])],
        )


def _answer(card: ModelCard, scored: Mapping[str, Any]) -> str:
    prediction = scored["prediction"]
    if prediction is None:
        return "no answer"
    if card.answer == "probability":
        risk = card.probability(tuple(scored["probabilities"] or ()) or None)
        return NOTHING if risk is None else percent(risk)
    value = json.loads(str(prediction))
    unit = f" {card.target.unit}" if card.task == "regression" and card.target.unit else ""
    return value_text(card, value).removesuffix(unit)


def _more(card: ModelCard, verdict: Verdict) -> str:
    """What was said beyond the button: the right answer, or the side."""
    kind = kind_of(verdict.judgement)
    text = labels.verdict_text(card, verdict)
    return "" if text == kind.words else text.removeprefix(f"{kind.words}: ")


def _field_cells(card: ModelCard, batch: Batch, row_page: RowPage) -> Iterator[list[Cell]]:
    from second_opinion.tables import typed

    cases, _ = typed(row_page.text, card.case_schema, decimal=batch.decimal)
    for feature in fields(card, batch):
        yield [_field(feature, plain(value)) for value in cases[feature.name]]


def _field(feature: Feature, value: object) -> str:
    if value is None:
        return NOTHING
    if feature.is_numeric and not feature.choices and isinstance(value, (int, float)):
        return number_text(value)
    return feature.text(value, unit=False)
