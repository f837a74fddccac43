"""The last cases of a person on Single prediction, in words that tell them apart."""

from __future__ import annotations

from typing import NamedTuple

from second_opinion.records.prediction import Prediction
from second_opinion.records.verdict import Verdict
from second_opinion.ui import labels, who
from second_opinion.ui.visit import Visit


class PastCase(NamedTuple):
    """A prediction that was made here, and what became of it in words."""

    prediction: Prediction
    words: str
    is_judged: bool


def of(visit: Visit) -> list[PastCase]:
    """The last predictions that were made here with this model, the newest first."""
    expert = visit.expert
    if expert is None:
        return []
    name, _ = visit.version
    versions = visit.catalog.versions(name)
    history = [
        (prediction, verdict)
        for prediction, verdict in visit.store.history(expert, who.cases(), limit=12, by=expert)
        if prediction.model == name and prediction.version in versions
    ]
    apart = labels.telling_fields([prediction.inputs for prediction, _ in history])
    return [
        PastCase(prediction, _words(visit, prediction, verdict, apart), verdict is not None)
        for prediction, verdict in history
    ]


def _words(visit: Visit, prediction: Prediction, verdict: Verdict | None, apart: list[str]) -> str:
    card = visit.card_of(prediction)
    words = labels.history_text(card, prediction, verdict)
    fields = labels.fields_text(card, prediction, apart)
    return f"{words} · {fields}" if fields else words


def before(cases: list[PastCase], shown: Prediction | None) -> str:
    """The id of the case before the one on the page; empty where there is none."""
    ids = [case.prediction.id for case in cases]
    at = ids.index(shown.id) + 1 if shown and shown.id in ids else 0
    return ids[at] if at < len(ids) else ""
