"""The words of a card that people may change: read from it, and put over it.

The file stays as it is. What was changed is in the feedback database, so it survives and reaches
every process that has it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from second_opinion.models.card import ModelCard
from second_opinion.records.event import CardEdit
from second_opinion.records.value import text_of
from second_opinion.schema import CardPart

Part = TypeVar("Part", bound=CardPart)
Texts = Mapping[str, str]

MODEL = ("title", "intended_use", "limits", "owner", "licence")
FEATURE = ("label", "unit", "description")
# What a person may not leave empty.
NEEDED = ("title", "label")
MOST = 4_000

# Where an edit belongs: name and version, and the model file that stood there.
Place = tuple[str, str, str]

_edited: dict[tuple[str, str, str], ModelCard] = {}


def place_of(card: ModelCard) -> Place:
    """Where the edits of a card belong: another model under the same number does not get them."""
    return card.name, card.version, card.artifact.sha256


def texts_of(card: ModelCard) -> dict[str, str]:
    """Every text that may be changed, by its place: ``features.age.label``."""
    target = ("description", "unit") if card.task == "regression" else ("description",)
    return {
        **{name: getattr(card, name) for name in MODEL},
        **{f"target.{name}": getattr(card.target, name) for name in target},
        **{f"classes.{text_of(one.value)}.label": one.label for one in card.classes},
        **{f"features.{one.name}.{n}": getattr(one, n) for one in card.features for n in FEATURE},
    }


def by_place(edits: Iterable[CardEdit]) -> dict[Place, dict[str, str]]:
    """The texts that count, the last of each field."""
    places: dict[Place, dict[str, str]] = {}
    for edit in edits:
        place = edit.model, edit.version, edit.model_sha256
        places.setdefault(place, {})[edit.field] = edit.text
    return places


def edited(card: ModelCard, texts: Texts) -> ModelCard:
    """The card with these texts in place of its own; those of what it lacks are left out."""
    if not texts:
        return card
    own = texts_of(card)
    changes = {name: text for name, text in texts.items() if own.get(name, text) != text}
    if not changes:
        return card
    added = json.dumps(sorted(changes.items()), ensure_ascii=False)
    key = card.ref, card.sha256, added
    if key not in _edited:
        if len(_edited) > 200:
            _edited.clear()
        _edited[key] = _over(card, changes, hashlib.sha256(f"{card.sha256}{added}".encode()))
    return _edited[key]


def _over(card: ModelCard, changes: Texts, whole: Any) -> ModelCard:
    return _with(
        card,
        **{name: changes[name] for name in MODEL if name in changes},
        target=_with(card.target, **_of("target.", changes)),
        classes=[_with(c, **_of(f"classes.{text_of(c.value)}.", changes)) for c in card.classes],
        features=[_with(f, **_of(f"features.{f.name}.", changes)) for f in card.features],
        sha256=whole.hexdigest(),
    )


def _of(start: str, changes: Texts) -> dict[str, str]:
    """The changes of one part of the card, by the names of its fields."""
    rest = {name.removeprefix(start): t for name, t in changes.items() if name.startswith(start)}
    return {name: text for name, text in rest.items() if name in FEATURE}


def _with(part: Part, **fields: Any) -> Part:
    """Made anew: a copy would keep what the part has worked out of its old fields."""
    own = {name: getattr(part, name) for name in type(part).model_fields}
    return type(part).model_validate({**own, **(part.model_extra or {}), **fields})
