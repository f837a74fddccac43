"""The verdict panel: one for every page on which a prediction is shown."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import streamlit as st

from second_opinion.errors import UserError
from second_opinion.models.card import ModelCard
from second_opinion.records.prediction import Prediction
from second_opinion.records.value import same_inputs
from second_opinion.records.verdict import Verdict
from second_opinion.records.verdict_kinds import KINDS, WITHDRAWN, VerdictKind, kind_of
from second_opinion.ui import browser, click_ids, labels, verdict_buttons, verdict_details
from second_opinion.ui.frame import callback, escape, notice, show_problem, take_problem
from second_opinion.ui.verdict_buttons import VerdictButton
from second_opinion.ui.visit import Visit

Inputs = dict[str, Any] | None

CHANGED = "The inputs changed. Predict again, then judge the new answer."
# Where the panel is open with nothing chosen yet; a name of a kind is the other way to be open.
ASKING = "ask"


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
    if inputs_now is not None and differs(prediction, inputs):
        take_problem("verdict")
        notice(CHANGED)
        return
    expert = visit.expert
    if expert is None:
        return
    verdict_details.take_draft_up(prediction)
    verdict = visit.store.current_verdict(prediction.id, expert, by=expert)
    dialog = Panel(visit, card, prediction, inputs_now, verdict)
    if verdict and not st.session_state["verdict_open"]:
        dialog.saved(verdict, next_case)
    else:
        dialog.question()


class Panel:
    """One prediction that one expert is asked about.

    ``before`` is the verdict that the page shows as theirs: what is saved takes its place.
    """

    def __init__(
        self,
        visit: Visit,
        card: ModelCard,
        prediction: Prediction,
        inputs_now: Callable[[], Inputs] | None,
        before: Verdict | None,
    ) -> None:
        self.visit, self.card, self.prediction = visit, card, prediction
        self.inputs_now, self.before = inputs_now, before

    def question(self) -> None:
        """A button for each thing to say: it saves at once, or opens the rest below."""
        kind = KINDS.get(st.session_state["verdict_open"])
        buttons = verdict_buttons.of(self.card)
        if self.before:
            so_far = labels.verdict_text(self.card, self.before)
            st.text(f"So far you {_verb(self.before)}{so_far}.")
        verdict_details.ask_own_probability(self.card)
        with st.container(horizontal=True, key="verdict_buttons"):
            for button in buttons:
                self._draw(button, is_marked=button.says(self._marked(kind)))
            if self.before and not kind:
                self._cancel()
        if kind:
            self._details(kind)
        else:
            show_problem("verdict")
        # With something half said, a letter is not to save something else.
        live = [one for one in buttons if one.letter and not (kind and one.kind.saves_at_once)]
        choices = "verdict_correct" if kind and verdict_details.has_buttons(self.card) else ""
        self._keys({one.letter: one.key for one in live}, choices)
        if kind:
            self._put_focus(verdict_details.first_field(kind, self.card))

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
            show_problem("verdict")
        self._keys({})
        self._put_focus("verdict_next" if next_case else "verdict_change")

    def _marked(self, open_kind: VerdictKind | None) -> tuple[str, str | None]:
        """The kind and direction of what is being said, or of what was said before."""
        if open_kind:
            return open_kind.name, st.session_state.get("verdict_direction")
        return (self.before.judgement, self.before.direction) if self.before else ("", None)

    def _draw(self, button: VerdictButton, *, is_marked: bool) -> None:
        start = verdict_details.start_of(button.kind, self.card, self.prediction)
        if button.direction:
            start = {"verdict_direction": button.direction}
        opener = _opened(button.kind.name, start)
        st.button(
            f"{button.label} (chosen)" if is_marked else button.label,
            key=button.key,
            type="primary" if is_marked else "secondary",
            on_click=self._save(button.kind) if button.kind.saves_at_once else opener,
        )

    def _details(self, kind: VerdictKind) -> None:
        verdict_details.draw(kind, self.card, self.prediction)
        show_problem("verdict")
        with st.container(horizontal=True):
            save = self._save(kind)
            st.button("Save verdict", key="verdict_save", type="primary", on_click=save)
            self._cancel()
        if self.before:
            st.caption("Your verdict so far stays in the record; this one takes its place.")

    def _cancel(self) -> None:
        st.button("Cancel", key="verdict_cancel", type="tertiary", on_click=_opened(""))

    def _keys(self, letters: dict[str, str], choices: str = "") -> None:
        # N always: its button may be drawn a moment before the page hears of its letter.
        letters = letters | {verdict_buttons.NEXT_LETTER: "verdict_next"}
        browser.keys(letters, choices, "verdict_save", verdict_buttons.switch_words(self.card))

    def _put_focus(self, key: str) -> None:
        browser.focus(key, st.session_state.get("verdict_focus", ""))

    def _save(self, kind: VerdictKind) -> Callable[[], None]:
        verdict_id = click_ids.upcoming("verdict_next_id")

        @callback("verdict")
        def save() -> None:
            _move_focus()
            if kind.is_current and self.inputs_now is not None:
                _refuse_changed(self.prediction, self.inputs_now())
            details = verdict_details.read(kind, self.card, self.prediction)
            seconds = round(time.monotonic() - st.session_state["verdict_since"], 1)
            if details:
                st.session_state["verdict_draft"] = verdict_details.draft(self.prediction, kind)
            self._store(kind, verdict_id, seconds=seconds, **details)
            _close()
            st.session_state.pop("verdict_draft", None)

        return save

    def _store(self, kind: VerdictKind, verdict_id: str, **details: Any) -> None:
        verdict = _signed(self.visit, self.prediction, kind, verdict_id, **details)
        on_page = self.before.id if self.before else None
        self.visit.store.add_verdict(verdict, on_page=on_page, by=self.visit.signer())


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
    before = visit.store.current_verdict(prediction.id, expert, by=expert)
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
    if kind is None:
        return
    # A risk has two ways to disagree, and the panel asks which, also where a verdict stands.
    if kind.two_sided and card.answer == "probability":
        _opened(ASKING)()
    else:
        _opened(kind.name, verdict_details.start_of(kind, card, prediction))()


def _signed(
    visit: Visit, prediction: Prediction, kind: VerdictKind, verdict_id: str, **details: Any
) -> Verdict:
    expert = visit.signer()
    return Verdict(
        id=verdict_id,
        prediction_id=prediction.id,
        expert=expert.label,
        expert_key=expert.expert_key,
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
        st.session_state.pop("verdict_focus", None)


def _close() -> None:
    st.session_state["verdict_open"] = ""
    click_ids.spend("verdict_next_id")
    verdict_details.clear()


def _move_focus() -> None:
    """Put the keyboard on what is next: the button that was pressed is not there any more."""
    st.session_state["verdict_focus"] = str(time.monotonic())


def _refuse_changed(prediction: Prediction, inputs: Inputs) -> None:
    if differs(prediction, inputs):
        raise UserError(CHANGED)


def differs(prediction: Prediction, inputs: Inputs) -> bool:
    """Whether a case on a page is another one than was predicted, or is none at all."""
    return inputs is None or not same_inputs(inputs, prediction.inputs)


def _opened(what: str, start: dict[str, Any] | None = None) -> Callable[[], None]:
    @callback("verdict")
    def open_rest() -> None:
        _move_focus()
        st.session_state["verdict_open"] = what
        st.session_state.pop("verdict_draft", None)
        if what:
            verdict_details.begin(start or {})

    return open_rest


@callback("verdict")
def _change(verdict: Verdict) -> None:
    """Ask again, with what was said before filled in."""
    _move_focus()
    kind = kind_of(verdict.judgement)
    st.session_state["verdict_open"] = ASKING if kind.saves_at_once else kind.name
    verdict_details.fill(verdict)


def _verb(verdict: Verdict) -> str:
    one_sided = verdict.direction and verdict.correct_value is None
    return kind_of(verdict.judgement).verb or ("say " if one_sided else "")
