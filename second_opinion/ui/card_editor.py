"""On the Models page: an owner changes the words of a card, part by part."""

from __future__ import annotations

import streamlit as st

from second_opinion.models import card_editing, card_texts
from second_opinion.models.card import ModelCard
from second_opinion.records.value import text_of
from second_opinion.ui import distinct_words
from second_opinion.ui.frame import callback, escape, show_problem
from second_opinion.ui.visit import Visit

WORDS = {
    "title": "Title",
    "target.description": "The question",
    "target.unit": "Unit of the answer",
    "intended_use": "What it is for",
    "limits": "What it is not for",
    "owner": "Owner",
    "licence": "Licence",
    "label": "Label",
    "unit": "Unit (optional)",
    "description": "Description (optional)",
}
LONG = ("intended_use", "limits", "target.description")
MODEL = "The model"
SHOWN_EDITS = 5


def editor(visit: Visit, card: ModelCard) -> None:
    """The texts of one part of the card in fields, and who changed which before."""
    with st.expander("Edit what people read", key="models_edit"):
        if refusal := visit.closed_reason("owner"):
            st.text(refusal)
        else:
            _form(visit, card)
        _before(visit, card)


def _parts(card: ModelCard) -> dict[str, list[str]]:
    """The places of the texts, by the part of the card that they belong to."""
    places = list(card_texts.texts_of(card))
    parts = {MODEL: [name for name in WORDS if name in places]}
    words = distinct_words.of(card.class_values, card.label)
    for value in card.class_values:
        parts[f"Answer: {words(value)}"] = [f"classes.{text_of(value)}.label"]
    for feature in card.features:
        start = f"features.{feature.name}."
        parts[f"Field: {feature.label} ({feature.name})"] = [
            start + name for name in card_texts.FEATURE
        ]
    return parts


def _form(visit: Visit, card: ModelCard) -> None:
    parts, texts = _parts(card), card_texts.texts_of(card)
    if st.session_state.get("models_edit_part") not in parts:
        st.session_state["models_edit_part"] = MODEL
    part = st.selectbox("Words of", list(parts), key="models_edit_part")
    keys = {}
    for place in parts[part]:
        # Another card, or one that was edited elsewhere, begins with its own texts.
        keys[place] = f"models_edit_{card.sha256[:12]}_{place}"
        words = WORDS.get(place) or WORDS[place.rpartition(".")[2]]
        ask = st.text_area if place in LONG else st.text_input
        ask(words, texts[place], key=keys[place], max_chars=card_texts.MOST)
    st.button("Save these words", key="models_edit_save", on_click=_save, args=(visit, card, keys))
    show_problem("edit")
    st.caption(
        "They stand at once on every page, over what card.json says. The model's answers stay as "
        "they are; verdicts so far stay with the words that were read. Another unit, or name of an "
        "answer, asks another question: a file that waits to be scored is chosen again then."
    )


@callback("edit")
def _save(visit: Visit, card: ModelCard, keys: dict[str, str]) -> None:
    person = visit.signer()
    texts = {place: str(st.session_state[key] or "") for place, key in keys.items()}
    edits = card_editing.edit(visit.registry, visit.store, card.ref, texts, by=person)
    st.toast(
        f"Saved: {len(edits)} changed." if edits else "Nothing was changed.",
        icon=":material/check:",
    )


def _before(visit: Visit, card: ModelCard) -> None:
    place = card_texts.place_of(card)
    edits = [e for e in visit.store.card_edits() if (e.model, e.version, e.model_sha256) == place]
    for one in reversed(edits[-SHOWN_EDITS:]):
        st.text(f"{visit.clock(one.created_at)} · {one.edited_by} changed {one.field}")
    if len(edits) > SHOWN_EDITS:
        st.caption(escape(f"The latest {SHOWN_EDITS} of {len(edits):,}."))
