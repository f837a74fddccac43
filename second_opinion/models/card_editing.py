"""An owner changes what people read of a model: checked, stored, on record with name and time."""

from __future__ import annotations

from collections.abc import Mapping

from second_opinion.access import roles
from second_opinion.errors import UserError
from second_opinion.formatting import joined
from second_opinion.models import card_texts
from second_opinion.models.card import ModelCard
from second_opinion.models.registry import Registry
from second_opinion.records.event import CardEdit, Event
from second_opinion.records.expert import Expert
from second_opinion.store import Store


def edit(
    registry: Registry, store: Store, ref: str, texts: Mapping[str, str], *, by: Expert
) -> list[CardEdit]:
    """Put texts over those of a card, by their places (`card_texts.texts_of`); returns the edits.

    A text that is as it was makes none. `UserError` if the person is no owner, the card has no such
    place, a title or label is empty, or a text is too long.
    """
    roles.check(by, "edit a card")
    card = registry.look().card(ref)
    own = card_texts.texts_of(card)
    changes = {name: text.strip() for name, text in texts.items()}
    for name, text in changes.items():
        _refuse(card, own, name, text)
    model, version, sha256 = card_texts.place_of(card)
    edits = [
        CardEdit(model, version, sha256, name, text, by.label)
        for name, text in changes.items()
        if own[name] != text
    ]
    if edits:
        details = {"model": model, "version": version, "fields": [one.field for one in edits]}
        store.add_card_edits(edits, Event("edit card", by.label, details), by=by)
    return edits


def _refuse(card: ModelCard, own: Mapping[str, str], name: str, text: str) -> None:
    if name not in own:
        raise UserError(
            f"{card.ref} has no text {name!r} that can be changed; expected one of "
            f"{joined(list(own))}. What changes the model's answers stands in its card.json."
        )
    if not text and name.rpartition(".")[2] in card_texts.NEEDED:
        raise UserError(f"{name} is empty; expected the words that people see. Give some.")
    if len(text) > card_texts.MOST:
        raise UserError(
            f"{name} has {len(text):,} characters; expected {card_texts.MOST:,} at most. Shorten "
            "it, and link the rest."
        )
