"""Which version an alias means: moved by a person, on record, and put back in one step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from second_opinion.access import roles
from second_opinion.errors import UserError
from second_opinion.formatting import joined
from second_opinion.models import traffic_split
from second_opinion.models.catalog import FIRST_ALIAS
from second_opinion.models.registry import NAME, Registry
from second_opinion.records.event import AliasMove
from second_opinion.records.expert import Expert
from second_opinion.settings import Settings
from second_opinion.store import Store

T = TypeVar("T")

AB_ALIAS = "ab"


def managed(settings: Settings) -> Registry:
    """The registry, with its aliases and the texts of its cards as the feedback database has them
    at each look.

    Where there is no database yet, or none that can be used, which each page that needs it says,
    the folder counts alone.
    """

    def of_store(read: Callable[[Store], Sequence[T]]) -> Sequence[T]:
        if not Path(settings.feedback_db).exists():
            return ()
        try:
            return read(Store.open(settings.feedback_db))
        except UserError:
            return ()

    return Registry(
        settings.model_dir,
        lambda: of_store(Store.alias_moves),
        lambda: of_store(Store.card_edits),
    )


def promote(
    registry: Registry,
    store: Store,
    ref: str,
    *,
    alias: str = FIRST_ALIAS,
    reason: str = "",
    by: Expert,
) -> AliasMove:
    """Point an alias at the version of ``ref``, once it has been loaded; ``reason`` says why.

    `UserError` if the alias means that version already, the person is no owner, or it cannot load.
    """
    roles.check(by, "move an alias")
    _refuse_bad_name(alias)
    catalog = registry.look()
    name, version = catalog.resolve(ref)
    if catalog.aliases(name).get(alias) == version:
        raise UserError(f"{name}@{alias} is version {version} already. Nothing was changed.")
    registry.load(catalog.card(ref))
    move = AliasMove(name, alias, version, "promote", by.label, reason)
    return _store_move(store, move, by)


def split(
    registry: Registry,
    store: Store,
    name: str,
    shares: Mapping[str, float],
    *,
    alias: str = AB_ALIAS,
    by: Expert,
) -> AliasMove:
    """Share the new cases of an alias between versions: ``{"1": 0.5, "2": 0.5}``.

    Each case is drawn by its id (`traffic_split.drawn`). `UserError` unless the shares are above 0
    and sum to 1, there are two versions or more that load, predict the same kind of answer from the
    same fields, and the person is an owner.
    """
    roles.check(by, "move an alias")
    _refuse_bad_name(alias)
    checked = traffic_split.checked(shares, "The split")
    if len(checked) < 2:
        raise UserError(
            f"The split is {traffic_split.words(traffic_split.text(checked))} alone; expected two "
            "versions or more. "
            "Promote the version that you want instead."
        )
    catalog = registry.look()
    cards = {version: catalog.card(f"{name}/{version}") for version in checked}
    traffic_split.refuse_other_fields(
        {version: card.case_schema for version, card in cards.items()}
    )
    if len({card.task for card in cards.values()}) > 1:
        tasks = joined([f"{card.task} (version {card.version})" for card in cards.values()])
        raise UserError(f"The versions answer differently: {tasks}; expected one task.")
    pointed = traffic_split.text(checked)
    if catalog.aliases(name).get(alias) == pointed:
        raise UserError(
            f"{name}@{alias} is {traffic_split.words(pointed)} already. Nothing was changed."
        )
    for card in cards.values():
        registry.load(card)
    return _store_move(store, AliasMove(name, alias, pointed, "promote", by.label), by)


def rollback(
    registry: Registry, store: Store, name: str, *, alias: str = FIRST_ALIAS, by: Expert
) -> AliasMove:
    """Point an alias at what it meant before; `UserError` if that was nothing, or is gone."""
    roles.check(by, "move an alias")
    catalog = registry.look()
    before = catalog.pointed(name, alias)[:-1]
    if not before:
        raise UserError(
            f"{name}@{alias} was never moved; expected an earlier version to return to. Promote "
            "the version that you want instead."
        )
    for version in traffic_split.read(before[-1]):
        registry.load(catalog.card(f"{name}/{version}"))
    return _store_move(store, AliasMove(name, alias, before[-1], "rollback", by.label), by)


def _refuse_bad_name(alias: str) -> None:
    if not NAME.fullmatch(alias):
        raise UserError(
            f"The alias {alias!r} will not do; expected small letters, digits, dots and dashes, "
            "like champion."
        )


def _store_move(store: Store, move: AliasMove, by: Expert) -> AliasMove:
    store.move_alias(move, by=by)
    return move
