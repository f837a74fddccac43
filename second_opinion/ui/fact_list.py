"""A case as the expert knows it, above what the model takes: as a list, and as cells of a table."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from second_opinion.batches import case_facts
from second_opinion.batches.case_facts import CaseFact
from second_opinion.records.case_picture import CasePicture
from second_opinion.records.prediction import Prediction
from second_opinion.settings import MB
from second_opinion.ui import case_table
from second_opinion.ui.case_table import NOTHING, Cell
from second_opinion.ui.visit import Visit

# Letters of a cell of the table; the opened case has all of them.
MOST_LETTERS = 200
# Bytes of the pictures in the table, which go to the browser anew at each click.
MOST_OF_A_PAGE = 2 * MB


def draw(visit: Visit, prediction: Prediction) -> None:
    """What the file of a case says of it beside what the model takes, if anything."""
    facts = case_facts.of_prediction(visit.store, prediction, visit.asker)
    if facts:
        pairs = [(name, _cell(fact)) for name, fact in facts.items()]
        case_table.facts("The case as its file has it", pairs, "case_facts")


def cells(facts: Sequence[CaseFact]) -> list[Cell]:
    """A column of the table: texts cut to what a row has room for, pictures as many as a page."""
    room, column = MOST_OF_A_PAGE, []
    for fact in facts:
        room -= len(fact.picture.content) if fact.picture else 0
        column.append(_cell(fact if room > 0 else fact._replace(picture=None), MOST_LETTERS))
    return column


def _cell(fact: CaseFact, most: int | None = None) -> Cell:
    text = fact.text or NOTHING
    if most and len(text) > most:
        text = f"{text[:most]}…"
    if fact.picture:
        return {"text": text, "picture": _address(fact.picture)}
    if fact.picture_at:
        return {"text": text, "picture": fact.picture_at}
    return {"text": text, "href": fact.href} if fact.href else text


def _address(picture: CasePicture) -> str:
    return f"data:image/{picture.kind};base64,{base64.b64encode(picture.content).decode()}"
