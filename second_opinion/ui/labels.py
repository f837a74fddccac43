"""A prediction and a verdict in words: what the pages, the API and the report say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from second_opinion.formatting import humanise, number_text, percent, plural, rounded_down
from second_opinion.models.card import ModelCard, value_text
from second_opinion.models.card_flags import GIVEN_ELSEWHERE
from second_opinion.records.alone import alone
from second_opinion.records.prediction import Prediction
from second_opinion.records.value import plain, text_of
from second_opinion.records.verdict import Verdict
from second_opinion.records.verdict_kinds import kind_of
from second_opinion.ui.insight_words import error_text

MOST_BARS = 7
# Names of targets that say nothing of what is predicted.
TELL_NOTHING = {"target", "label", "class", "outcome", "y"}

FLAG_WORDS = {
    "out_of_range": "outside the training cases",
    "unseen": "not among the training cases",
    "missing": "not known",
}


def headline(card: ModelCard, prediction: Prediction) -> str:
    """The answer as the page's largest words: ``Stays``, ``152 mg/dl`` or ``8 % risk of …``.

    A class as the model has it, which nobody put into words, says of what it is: ``Fire danger:
    low``.
    """
    risk = card.probability(prediction.probabilities)
    if card.answer == "probability" and risk is not None:
        return f"{percent(risk)} risk of {card.event}"
    words, about = value_text(card, prediction.value), humanise(card.target.name)
    is_bare = card.task != "regression" and words == str(prediction.value)
    if not is_bare or not about or about.casefold() in TELL_NOTHING:
        return words
    return f"{about}: {words}"


def certainty(card: ModelCard, prediction: Prediction) -> str:
    """``92 % sure``, ``not sure (54 %)``, how far off a number usually is; or why none is known."""
    if card.task == "regression":
        return error_text(card) or "This model gives no range around its number."
    if prediction.confidence is None:
        return "This model does not say how sure it is."
    if card.answer == "probability":
        return ""
    share = percent(prediction.confidence)
    return f"not sure ({share})" if card.band(prediction.confidence) == "low" else f"{share} sure"


def alone_text(confidence: float | None, limit: float) -> str:
    """Whether the model may answer alone, where a study has said from which confidence on."""
    share = rounded_down(limit)
    if alone(confidence, limit) == "yes":
        return f"May answer alone: the model is at least {share} sure, which a study has covered."
    return f"Goes to a person: the model is less than {share} sure."


def bars(card: ModelCard, prediction: Prediction) -> list[tuple[str, float]]:
    """Class labels with their probabilities, the likeliest first; empty where there are none."""
    if prediction.probabilities is None:
        return []
    labels = [choice.label for choice in card.classes]
    return sorted(zip(labels, prediction.probabilities, strict=True), key=lambda bar: -bar[1])


def few_bars(card: ModelCard, prediction: Prediction) -> list[tuple[str, float]]:
    """The bars of a page: of more than seven classes the likeliest six, and the others together."""
    every = bars(card, prediction)
    if len(every) <= MOST_BARS:
        return every
    rest = every[MOST_BARS - 1 :]
    together = min(sum(share for _, share in rest), 1.0)
    return [*every[: MOST_BARS - 1], (f"the {plural(len(rest), 'other')}", together)]


def flag_text(card: ModelCard, flag: str, inputs: dict[str, Any]) -> str:
    """One flag as a sentence: what is unusual about this case."""
    kind, _, name = flag.partition(":")
    if kind == "low_confidence":
        return f"The {_unsure(card)} of this answer."
    if kind == GIVEN_ELSEWHERE:
        return "This answer was given by a program elsewhere and sent here to be judged."
    feature = card.case_schema[name]
    if kind == "missing":
        return f"{feature.label} is {FLAG_WORDS[kind]}; the model works without it."
    if kind == "unseen":
        text = feature.text(inputs.get(name))
        return f"{feature.label}: {text} was {FLAG_WORDS[kind]}."
    unit = f" {feature.unit}" if feature.unit and feature.is_numeric else ""
    side = "below" if _below(inputs.get(name), feature.min) else "above"
    return f"{feature.label} is {side} all training cases ({feature.range_text}{unit})."


def _below(value: Any, low: Any) -> bool:
    return value is not None and low is not None and value < low


def verdict_text(card: ModelCard, verdict: Verdict) -> str:
    """What the expert said, short: ``agree``, ``disagree: Leaves``, ``too high, own 30 %``."""
    own = verdict.own_probability
    text = _said_text(card, verdict)
    return text if own is None else f"{text}, own {number_text(round(own * 100, 6))} %"


def _said_text(card: ModelCard, verdict: Verdict) -> str:
    kind = kind_of(verdict.judgement)
    if "value" not in kind.asks:
        return kind.words
    if verdict.correct_value is not None:
        return f"{kind.words}: {_right_answer(card, verdict.correct_value)}"
    if verdict.direction:
        return verdict.direction.replace("_", " ")
    return kind.words


def history_text(card: ModelCard, prediction: Prediction, verdict: Verdict | None) -> str:
    """One line of an expert's past cases: ``Stays ✕ → Leaves``."""
    answer = headline(card, prediction)
    if verdict is None:
        return f"{answer} · no verdict yet"
    kind = kind_of(verdict.judgement)
    sign = kind.sign
    if "value" in kind.asks and verdict.correct_value is not None:
        return f"{answer} {sign} → {_right_answer(card, verdict.correct_value)}"
    if verdict.direction:
        return f"{answer} {sign} {verdict.direction.replace('_', ' ')}"
    return f"{answer} {sign}"


def telling_fields(cases: Sequence[Mapping[str, Any]], most: int = 2) -> list[str]:
    """The names of the few inputs that tell these cases apart best; none where all are alike."""
    names: list[str] = []
    if len(cases) < 2:
        return names
    texts = {name: [text_of(plain(case.get(name))) for case in cases] for name in cases[0]}
    before = 1
    while len(names) < most:
        kinds = {
            name: len(set(zip(*(texts[one] for one in (*names, name)), strict=True)))
            for name in texts
        }
        best = max(kinds, key=kinds.__getitem__, default="")
        if not best or kinds[best] <= before:
            break
        names.append(best)
        before = kinds[best]
    return names


def fields_text(card: ModelCard, prediction: Prediction, names: list[str]) -> str:
    """Some inputs of a case in words: ``Age 47 years, Region north``."""
    features = [feature for name in names if (feature := card.case_schema.get(name))]
    return ", ".join(
        f"{feature.label} {_cut(feature.text(prediction.inputs.get(feature.name)))}"
        for feature in features
    )


def _cut(text: str) -> str:
    return text if len(text) <= 24 else f"{text[:23]}…"


def _right_answer(card: ModelCard, value: Any) -> str:
    """What an expert gave as right, to the digit: rounded it may look like the model's answer."""
    if card.task != "regression":
        return card.label(value)
    return f"{number_text(value)} {card.target.unit}".strip()


def input_texts(card: ModelCard | None, prediction: Prediction) -> list[tuple[str, str]]:
    """The inputs in words with their units; as they are stored where there is no card for them."""
    schema = card.case_schema if card else None
    pairs = []
    for name, value in prediction.inputs.items():
        feature = schema.get(name) if schema else None
        stored = "null" if value is None else text_of(value)
        pairs.append((feature.label, feature.text(value)) if feature else (name, stored))
    return pairs


def flag_name(card: ModelCard, flag: str) -> str:
    """A flag without a case: ``Age: outside the training cases``."""
    kind, _, name = flag.partition(":")
    if kind == GIVEN_ELSEWHERE:
        return "answered by a program elsewhere"
    if not name:
        return f"the {_unsure(card)}"
    return f"{card.case_schema[name].label}: {FLAG_WORDS.get(kind, kind)}"


def _unsure(card: ModelCard) -> str:
    return f"model is less than {percent(card.bands.low)} sure"


def exact_value_text(card: ModelCard | None, value: Any) -> str:
    """An answer in the words of the card, to the digit; a dash where there is none."""
    if value is None:
        return "–"
    if card is not None and card.task != "regression":
        return card.label(value)
    if isinstance(value, str):
        return value
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    text = number_text(value) if number else text_of(value)
    return f"{text} {card.target.unit}".strip() if card else text


def case_text(card: ModelCard | None, prediction: Prediction) -> str:
    """The inputs in one line."""
    return " · ".join(f"{label}: {value}" for label, value in input_texts(card, prediction))


def signed_verdict_text(card: ModelCard | None, verdict: Verdict) -> str:
    """``✕ disagree: Leaves``."""
    sign = kind_of(verdict.judgement).sign
    if card is not None:
        return f"{sign} {verdict_text(card, verdict)}".strip()
    right = (
        ""
        if verdict.correct_value is None
        else f": {exact_value_text(None, verdict.correct_value)}"
    )
    return f"{sign} {verdict.judgement}{right}".strip()
