"""What a verdict says beside its kind: its fields on the panel, what is in them, and a draft."""

from __future__ import annotations

from typing import Any, NamedTuple, get_args

import streamlit as st

from second_opinion.models.card import ModelCard
from second_opinion.records.prediction import Prediction
from second_opinion.records.value import same_inputs, same_value
from second_opinion.records.verdict import COMMENT_LIMIT, Direction, Verdict
from second_opinion.records.verdict_kinds import VerdictKind
from second_opinion.ui import distinct_words, widget_values
from second_opinion.ui.frame import escape
from second_opinion.verdicts.right_answer import WORDS, direction

FIELDS = ("correct", "direction", "serious", "comment", "own")
# Of so many classes the right one is a button, of more it is chosen from a list.
MOST_BUTTONS = 7


class Draft(NamedTuple):
    """What was typed of a verdict on a prediction, by the keys of its fields."""

    prediction: Prediction
    kind: str
    fields: dict[str, Any]


def draw(kind: VerdictKind, card: ModelCard, prediction: Prediction) -> None:
    """Ask what would be right, how bad the mistake is, and why."""
    if "direction" in kind.asks:
        _ask_the_direction(card)
    if "value" in kind.asks:
        _ask_what_is_right(card, prediction)
    if "severity" in kind.asks:
        st.checkbox("This mistake would be serious", key="verdict_serious")
    st.text_area(kind.comment_label, key="verdict_comment", max_chars=COMMENT_LIMIT, height=90)


def ask_own_probability(card: ModelCard) -> None:
    """Ask, of a risk, how likely the expert finds the event; it may be left out."""
    if card.answer == "probability":
        label = escape(f"Your own risk of {card.event}, in % (optional)")
        st.number_input(label, 0.0, 100.0, value=None, key="verdict_own", step=1.0, format="%g")


def first_field(kind: VerdictKind, card: ModelCard) -> str:
    """The key of what is asked first, and not filled in already."""
    if "value" in kind.asks and card.task == "regression":
        return "verdict_correct"
    if "value" in kind.asks and has_buttons(card):
        return "verdict_correct"
    return "verdict_save" if "value" in kind.asks else "verdict_comment"


def has_buttons(card: ModelCard) -> bool:
    """Whether the right class is a button: of two there is one, which is filled in."""
    return card.answer == "class" and 2 < len(card.class_values) <= MOST_BUTTONS


def start_of(kind: VerdictKind, card: ModelCard, prediction: Prediction) -> dict[str, Any]:
    """What is filled in at first: of two classes, the one that the model did not answer."""
    if "value" not in kind.asks or card.task != "binary":
        return {}
    return {"verdict_correct": _others(card, prediction)[0]}


def begin(start: dict[str, Any]) -> None:
    """Fill in what a kind starts with, where nothing is chosen yet."""
    widget_values.put({key: value for key, value in start.items() if _is_new(key, value)})


def _is_new(key: str, value: Any) -> bool:
    return key == "verdict_direction" or st.session_state.get(key) is None


def fill(verdict: Verdict) -> None:
    """Fill in what was said before."""
    widget_values.put(
        {
            "verdict_comment": verdict.comment,
            "verdict_serious": verdict.severity == "serious",
            "verdict_direction": verdict.direction,
            "verdict_correct": verdict.correct_value,
            "verdict_own": _percentage(verdict.own_probability),
        }
    )


def clear() -> None:
    """Forget what is in the fields."""
    for name in FIELDS:
        st.session_state.pop(f"verdict_{name}", None)


def read(kind: VerdictKind, card: ModelCard, prediction: Prediction) -> dict[str, Any]:
    """What is in the fields, as far as this kind has them; `UserError` if it contradicts itself."""
    details: dict[str, Any] = _own_probability(kind, card, prediction)
    if kind.saves_at_once:
        return details
    details |= {"comment": str(_typed("comment") or "").strip()}
    if "value" in kind.asks:
        details["correct_value"] = _typed("correct")
    if "direction" in kind.asks:
        details["direction"] = _typed("direction")
        if card.task == "regression" and details.get("correct_value") is not None:
            details["direction"] = direction(
                details["correct_value"], prediction.value, details["direction"]
            )
    if "severity" in kind.asks:
        details["severity"] = "serious" if _typed("serious") else "minor"
    return details


def _own_probability(
    kind: VerdictKind, card: ModelCard, prediction: Prediction
) -> dict[str, float]:
    """The expert's own probability; `UserError` where it is on the other side than is said."""
    own, risk = _typed("own"), card.probability(prediction.probabilities)
    if own is None or not kind.is_current:
        return {}
    if "direction" in kind.asks and risk is not None:
        direction(own / 100, risk, _typed("direction"), "own risk")
    return {"own_probability": own / 100}


def _percentage(probability: float | None) -> float | None:
    return None if probability is None else round(probability * 100, 6)


def draft(prediction: Prediction, kind: VerdictKind) -> Draft:
    """What was typed, kept until it is stored: a page that an error ends draws no fields."""
    return Draft(prediction, kind.name, {f"verdict_{name}": _typed(name) for name in FIELDS})


def take_draft_up(prediction: Prediction) -> None:
    """Fill in what could not be stored, once the same case is on the page again.

    Its prediction may be another one: the database was deleted or replaced under the first.
    """
    kept: Draft | None = st.session_state.get("verdict_draft")
    if kept is None or "verdict_comment" in st.session_state:
        return
    if kept.prediction.model != prediction.model or not same_inputs(
        kept.prediction.inputs, prediction.inputs
    ):
        return
    st.session_state.pop("verdict_draft")
    is_same = same_value(kept.prediction.value, prediction.value)
    st.session_state["verdict_open"] = kept.kind
    comment = {"verdict_comment": kept.fields["verdict_comment"]}
    widget_values.put(kept.fields if is_same else comment)


def _ask_the_direction(card: ModelCard) -> None:
    if card.task == "regression" or card.answer == "probability":
        st.segmented_control(
            "The answer is",
            get_args(Direction),
            key="verdict_direction",
            format_func=lambda direction: WORDS[direction],
        )


def _ask_what_is_right(card: ModelCard, prediction: Prediction) -> None:
    if card.task == "regression":
        unit = f" ({card.target.unit})" if card.target.unit else ""
        label = f"Right answer{unit}, if you know it"
        st.number_input(escape(label), value=None, key="verdict_correct", step=1.0, format="%g")
    elif has_buttons(card):
        text_of = distinct_words.of(card.class_values, card.label)
        st.segmented_control(
            "Right answer, or say below why it is none of these",
            _others(card, prediction),
            key="verdict_correct",
            format_func=lambda value: escape(text_of(value)),
            wrap=True,
        )
    elif card.answer == "class":
        st.selectbox(
            "Right answer",
            _others(card, prediction),
            index=None,
            key="verdict_correct",
            format_func=distinct_words.of(card.class_values, card.label),
            placeholder="choose, or leave empty and say why",
        )


def _others(card: ModelCard, prediction: Prediction) -> list[Any]:
    """The classes that the model did not answer."""
    return [v for v in card.class_values if not same_value(v, prediction.value)]


def _typed(name: str) -> Any:
    """What stands in a field of the panel."""
    return st.session_state.get(f"verdict_{name}")
