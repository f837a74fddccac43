"""Why a model gives an answer, for a page that shows it: computed once a case and process.

An explanation leans people towards the model's answer: whoever is to answer first is shown none.
"""

from __future__ import annotations

from dataclasses import dataclass

from second_opinion.errors import UserError
from second_opinion.models.card import ModelCard
from second_opinion.models.describe.estimator_checks import third_party
from second_opinion.models.insight.answer_context import context_of
from second_opinion.models.insight.known_cases import KnownCases, Origin, known_cases
from second_opinion.models.insight.pace import BELIEVED, SLOW, Pace, pace_of
from second_opinion.models.insight.what_if import Flip, WhatIf, what_if
from second_opinion.models.model import Model
from second_opinion.models.registry import Registry
from second_opinion.recent import Recent
from second_opinion.records.prediction import Prediction
from second_opinion.records.value import text_of
from second_opinion.statistics.novelty import Novelty

# Whoever waits for an answer waits no longer than this for its reasons.
PATIENCE = 2.0
# So often a model is timed before it is taken to be slow: the machine may have been busy.
TRIALS = 3
MOST_KEPT = 256

NOTHING_KNOWN = "Not computed: nothing is known of the cases that this model was trained on."
FAILS = "Not computed: the model gives no answer to cases like this with another value in a field."


@dataclass(frozen=True)
class Absence:
    """Why something was not computed: in words, or, of a model that is too slow, by its pace.

    ``seconds_an_answer`` and ``seconds``, what it would take, are set where somebody could wait.
    """

    reason: str = ""
    seconds_an_answer: float | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Insight:
    """What single fields do to an answer, and how far its case is from the known ones.

    ``novelty`` is None where too few cases are known to tell. ``origin`` says whether the known
    cases are stored rows or made up from a summary, and ``total`` how many there were in training.
    """

    reasons: WhatIf | Absence
    novelty: Novelty | None
    origin: Origin
    total: int


_reasons: Recent[WhatIf] = Recent(MOST_KEPT)
_paces: dict[str, list[Pace]] = {}


def insight_of(
    registry: Registry, card: ModelCard, prediction: Prediction, *, wait: bool = False
) -> Insight | Absence:
    """The insight into a stored answer; ``card`` is that of the version that gave it.

    Reasons that would take more than two seconds are left out, unless somebody will ``wait``.
    """
    try:
        known = known_cases(registry, card)
        if known is None:
            return Absence(NOTHING_KNOWN)
        reasons = _reasons_of(registry, card, known, prediction, wait=wait)
    except UserError as error:
        return Absence(f"Not computed: {error}")
    near = known.neighbourhood
    novelty = near.novelty(prediction.inputs) if near.can_tell else None
    return Insight(reasons, novelty, known.origin, known.total)


def _reasons_of(
    registry: Registry, card: ModelCard, known: KnownCases, prediction: Prediction, *, wait: bool
) -> WhatIf | Absence:
    key = (card.artifact.sha256, card.sha256, text_of(dict(prediction.inputs)))
    if kept := _reasons.get(key):
        return kept
    model = registry.load(card)
    context = context_of(registry, card)
    flip = Flip(context.base_rate, context.usual_error)
    try:
        with third_party(FAILS):
            if not wait and (absence := _too_slow(model, known, prediction)):
                return absence
            reasons = what_if(model.outputs, card, prediction.inputs, known.variants, flip)
    except UserError:
        return Absence(FAILS)
    return _reasons.keep(key, reasons, 1)


def _too_slow(model: Model, known: KnownCases, prediction: Prediction) -> Absence | None:
    cases = len(known.variants)
    pace = _pace_of(model, prediction, cases)
    seconds = pace.seconds_for(cases)
    return None if seconds <= PATIENCE else Absence("", pace.first, seconds)


def _pace_of(model: Model, prediction: Prediction, cases: int) -> Pace:
    """How long the model takes, for so many cases: as it is on record, or the best time."""
    file, took = model.card.artifact, prediction.latency_ms / 1000
    on_record = max(file.seconds_per_case or 0.0, took if took > BELIEVED else 0.0)
    if on_record > SLOW:
        return Pace(on_record, on_record)
    paces = _paces.setdefault(file.sha256, [])
    is_slow = all(pace.seconds_for(cases) > PATIENCE for pace in paces)
    if is_slow and len(paces) < TRIALS:
        paces.append(pace_of(model.outputs, prediction.inputs))
    return min(paces, key=lambda pace: pace.seconds_for(cases))
