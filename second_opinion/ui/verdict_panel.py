"""The verdict panel: one for every page on which a prediction is shown."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple, get_args

import streamlit as st

from second_opinion.errors import UserError
from second_opinion.models.card import ModelCard
from second_opinion.records.prediction import Prediction
from second_opinion.records.value import same_inputs, same_value
from second_opinion.records.verdict import COMMENT_LIMIT, Direction, Verdict
from second_opinion.records.verdict_kinds import (
    KINDS,
    WITHDRAWN,
    VerdictKind,
    current_kinds,
    kind_of,
)
from second_opinion.ui import click_ids, labels, widget_values
from second_opinion.ui.frame import callback, escape, notice, show_problem
from second_opinion.ui.visit import Visit

Inputs = dict[str, Any] | None

CHANGED = "The inputs changed. Predict again, then judge the new answer."
FIELDS = ("correct", "direction", "serious", "comment")
WORDS: dict[str, str] = {"too_low": "Too low", "too_high": "Too high"}


def panel(
    visit: Visit,
    card: ModelCard,
    prediction: Prediction,
    inputs: Inputs = None,
    inputs_now: Callable[[], Inputs] | None = None,
    next_case: Callable[[], None] | None = None,
) -> None:
    """Ask one expert for a verdict on one prediction, and show the one that was given.

    ``inputs`` is the case as it stands on the page: the panel is closed while it differs from the
    predicted one. ``inputs_now`` reads it again, and saving compares once more. None where the case
    cannot be edited. ``next_case`` puts another case on the page, where there is one to go on with.
    """
    _begin(prediction)
    st.header("You say", anchor=False)
    if inputs_now is not None and _differs(prediction, inputs):
        st.session_state.pop("frame_problem_verdict", None)
        notice(CHANGED)
        return
    show_problem("verdict")
    expert = visit.expert
    if expert is None:
        return
    _take_draft_up(prediction)
    verdict = visit.store.current_verdict(prediction.id, expert.label, by=expert)
    dialog = Panel(visit, card, prediction, inputs_now, verdict.id if verdict else None)
    if verdict and not st.session_state["verdict_open"]:
        dialog.saved(verdict, next_case)
    elif st.session_state["verdict_open"] in KINDS:
        dialog.details(verdict)
    else:
        dialog.question()


class Draft(NamedTuple):
    """What was typed of a verdict on a prediction, by the keys of its fields."""

    prediction: Prediction
    kind: str
    fields: dict[str, Any]


class Panel:
    """One prediction that one expert is asked about."""

    def __init__(
        self,
        visit: Visit,
        card: ModelCard,
        prediction: Prediction,
        inputs_now: Callable[[], Inputs] | None,
        on_page: str | None,
    ) -> None:
        self.visit, self.card, self.prediction = visit, card, prediction
        self.inputs_now = inputs_now
        # The id of the verdict that stands on the page: what is saved takes the place of that one.
        self.on_page = on_page

    def question(self) -> None:
        """A button for each kind: it saves at once, or opens the rest."""
        risk = self.card.answer == "probability"
        with st.container(horizontal=True, key="verdict_buttons"):
            for kind in current_kinds():
                if risk and kind.two_sided:
                    _ask_side(kind)
                else:
                    self._button(kind, kind.risk_label if risk and kind.risk_label else kind.label)

    def _button(self, kind: VerdictKind, label: str) -> None:
        start = _start_of(kind, self.card, self.prediction)
        st.button(
            f"{kind.sign} {label}",
            key=f"verdict_{kind.name}",
            type="primary" if kind.saves_at_once else "secondary",
            on_click=self._save(kind) if kind.saves_at_once else _opened(kind.name, start),
        )

    def details(self, before: Verdict | None) -> None:
        """What would be right, how bad the mistake is, and why."""
        kind = kind_of(st.session_state["verdict_open"])
        if "direction" in kind.asks:
            self._ask_the_direction()
        if "value" in kind.asks:
            self._ask_what_is_right()
        if "severity" in kind.asks:
            st.checkbox("This mistake would be serious", key="verdict_serious")
        st.text_area(
            kind.comment_label,
            key="verdict_comment",
            max_chars=COMMENT_LIMIT,
            height=90,
        )
        with st.container(horizontal=True):
            save = self._save(kind)
            st.button("Save verdict", key="verdict_save", type="primary", on_click=save)
            st.button("Cancel", key="verdict_cancel", type="tertiary", on_click=_opened(""))
        if before:
            st.caption("Your verdict so far stays in the record; this one takes its place.")

    def saved(self, verdict: Verdict, next_case: Callable[[], None] | None = None) -> None:
        """The verdict that counts, with a way on, to change it and to take it back."""
        with st.container(key="verdict_saved"):
            kind = kind_of(verdict.judgement)
            text = escape(labels.verdict_text(self.card, verdict))
            st.markdown(
                f"**Saved {escape(self.visit.clock(verdict.created_at))}** · "
                f":{kind.colour}[**{kind.sign} You {_verb(verdict)}{text}**]",
                help=f"Saved {escape(self.visit.full_time(verdict.created_at))}",
            )
            if verdict.severity == "serious":
                st.text("You called this mistake serious.")
            if verdict.comment:
                st.text(verdict.comment)
            with st.container(horizontal=True):
                if next_case:
                    st.button("Next case", key="verdict_next", type="primary", on_click=next_case)
                st.button("Change", key="verdict_change", on_click=_change, args=(verdict,))
                undo = self._save(WITHDRAWN)
                st.button("Undo", key="verdict_undo", type="tertiary", on_click=undo)

    def _ask_the_direction(self) -> None:
        if self.card.task == "regression" or self.card.answer == "probability":
            st.segmented_control(
                "The answer is",
                get_args(Direction),
                key="verdict_direction",
                format_func=lambda direction: WORDS[direction],
            )

    def _ask_what_is_right(self) -> None:
        if self.card.task == "regression":
            unit = f" ({self.card.target.unit})" if self.card.target.unit else ""
            label = f"Right answer{unit}, if you know it"
            st.number_input(escape(label), value=None, key="verdict_correct", step=1.0, format="%g")
        elif self.card.answer == "class":
            st.selectbox(
                "Right answer",
                _others(self.card, self.prediction),
                index=None,
                key="verdict_correct",
                format_func=self.card.label,
                placeholder="choose, or leave empty and say why",
            )

    def _save(self, kind: VerdictKind) -> Callable[[], None]:
        verdict_id = click_ids.upcoming("verdict_next_id")

        @callback("verdict")
        def save() -> None:
            if kind.is_current and self.inputs_now is not None:
                _refuse_changed(self.prediction, self.inputs_now())
            details = _details(kind, self.card, self.prediction)
            seconds = round(time.monotonic() - st.session_state["verdict_since"], 1)
            if details:
                st.session_state["verdict_draft"] = _draft(self.prediction, kind)
            self._store(kind, verdict_id, seconds=seconds, **details)
            _close()
            st.session_state.pop("verdict_draft", None)

        return save

    def _store(self, kind: VerdictKind, verdict_id: str, **details: Any) -> None:
        verdict = _signed(self.visit, self.prediction, kind, verdict_id, **details)
        self.visit.store.add_verdict(verdict, on_page=self.on_page, by=self.visit.signer())


def save_at_once(
    visit: Visit,
    prediction: Prediction,
    kind: VerdictKind,
    verdict_id: str,
    *,
    on_page: str | None,
) -> None:
    """Save a verdict without the panel, under an id made before the click.

    ``on_page`` is the id of the verdict that stood there as one's own (None: none): a page that
    shows an older one is told. Saying what one said already changes nothing.
    """
    expert = visit.signer()
    before = visit.store.current_verdict(prediction.id, expert.label, by=expert)
    is_shown = before is not None and before.id == on_page
    if before is None or not is_shown or before.judgement != kind.name:
        visit.store.add_verdict(
            _signed(visit, prediction, kind, verdict_id), on_page=on_page, by=expert
        )
        if st.session_state.get("verdict_for") == prediction.id:
            _close()


def open_panel(card: ModelCard, prediction: Prediction, kind: VerdictKind | None = None) -> None:
    """Open the panel of a prediction, at what has to be said for a kind if one is given."""
    _begin(prediction)
    # A risk has two ways to disagree, and the panel asks which.
    if kind and not (kind.two_sided and card.answer == "probability"):
        _opened(kind.name, _start_of(kind, card, prediction))()


def _ask_side(kind: VerdictKind) -> None:
    for direction in ("too_low", "too_high"):
        opener = _opened(kind.name, {"verdict_direction": direction})
        label = f"{kind.sign} {WORDS[direction]}"
        st.button(label, key=f"verdict_{direction}", on_click=opener)


def _start_of(kind: VerdictKind, card: ModelCard, prediction: Prediction) -> dict[str, Any]:
    """What is filled in at first: of two classes, the one that the model did not answer."""
    if "value" not in kind.asks or card.task != "binary":
        return {}
    return {"verdict_correct": _others(card, prediction)[0]}


def _others(card: ModelCard, prediction: Prediction) -> list[Any]:
    """The classes that the model did not answer."""
    return [v for v in card.class_values if not same_value(v, prediction.value)]


def _signed(
    visit: Visit, prediction: Prediction, kind: VerdictKind, verdict_id: str, **details: Any
) -> Verdict:
    expert = visit.signer()
    return Verdict(
        id=verdict_id,
        prediction_id=prediction.id,
        expert=expert.label,
        identity_source=expert.source,
        judgement=kind.name,
        **details,
    )


def _begin(prediction: Prediction) -> None:
    """Forget what was typed about another prediction."""
    if st.session_state.get("verdict_for") != prediction.id:
        _close()
        st.session_state["verdict_for"] = prediction.id
        st.session_state["verdict_since"] = time.monotonic()


def _close() -> None:
    st.session_state["verdict_open"] = ""
    click_ids.spend("verdict_next_id")
    for name in FIELDS:
        st.session_state.pop(f"verdict_{name}", None)


def _draft(prediction: Prediction, kind: VerdictKind) -> Draft:
    """What was typed, kept until it is stored: a page that an error ends draws no fields."""
    return Draft(prediction, kind.name, {f"verdict_{name}": _typed(name) for name in FIELDS})


def _take_draft_up(prediction: Prediction) -> None:
    """Fill in what could not be stored, once the same case is on the page again.

    Its prediction may be another one: the database was deleted or replaced under the first.
    """
    draft: Draft | None = st.session_state.get("verdict_draft")
    if draft is None or "verdict_comment" in st.session_state:
        return
    if draft.prediction.model != prediction.model or not same_inputs(
        draft.prediction.inputs, prediction.inputs
    ):
        return
    st.session_state.pop("verdict_draft")
    is_same = same_value(draft.prediction.value, prediction.value)
    st.session_state["verdict_open"] = draft.kind
    comment = {"verdict_comment": draft.fields["verdict_comment"]}
    widget_values.put(draft.fields if is_same else comment)


def _refuse_changed(prediction: Prediction, inputs: Inputs) -> None:
    if _differs(prediction, inputs):
        raise UserError(CHANGED)


def _differs(prediction: Prediction, inputs: Inputs) -> bool:
    return inputs is None or not same_inputs(inputs, prediction.inputs)


def _opened(what: str, start: dict[str, Any] | None = None) -> Callable[[], None]:
    @callback("verdict")
    def open_rest() -> None:
        st.session_state["verdict_open"] = what
        st.session_state.pop("verdict_draft", None)
        widget_values.put(start or {})

    return open_rest


@callback("verdict")
def _change(verdict: Verdict) -> None:
    """Ask again, with what was said before filled in."""
    kind = kind_of(verdict.judgement)
    st.session_state["verdict_open"] = "ask" if kind.saves_at_once else kind.name
    widget_values.put(
        {
            "verdict_comment": verdict.comment,
            "verdict_serious": verdict.severity == "serious",
            "verdict_direction": verdict.direction,
            "verdict_correct": verdict.correct_value,
        }
    )


def _details(kind: VerdictKind, card: ModelCard, prediction: Prediction) -> dict[str, Any]:
    """What was filled in below the buttons, as far as this kind has it."""
    if kind.saves_at_once:
        return {}
    details: dict[str, Any] = {"comment": str(_typed("comment") or "").strip()}
    if "value" in kind.asks:
        details["correct_value"] = _typed("correct")
    if "direction" in kind.asks:
        details["direction"] = _typed("direction")
        if card.task == "regression" and details.get("correct_value") is not None:
            details["direction"] = _direction(
                details["correct_value"], prediction.value, details["direction"]
            )
    if "severity" in kind.asks:
        details["severity"] = "serious" if _typed("serious") else "minor"
    return details


def _typed(name: str) -> Any:
    """What stands in a field of the panel."""
    return st.session_state.get(f"verdict_{name}")


def _direction(correct: float, predicted: float, side: Direction | None) -> Direction | None:
    """The direction that the right number implies; `UserError` if the opposite one was pressed."""
    if correct == predicted:
        return side
    implied: Direction = "too_low" if correct > predicted else "too_high"
    if side not in (None, implied):
        raise UserError(
            f"You say that the answer is {WORDS[str(side)].lower()}, but your right answer lies on "
            "the other side of it. Correct one of the two, then save again."
        )
    return implied


def _verb(verdict: Verdict) -> str:
    one_sided = verdict.direction and verdict.correct_value is None
    return kind_of(verdict.judgement).verb or ("say " if one_sided else "")
