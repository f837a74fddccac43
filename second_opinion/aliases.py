"""Which version an alias means: moved by a person, on record, and put back in one step."""

from __future__ import annotations

from second_opinion.errors import UserError
from second_opinion.records import AliasMove
from second_opinion.registry import FIRST_ALIAS, NAME, Registry
from second_opinion.store import Store


def managed(folder: str, store: Store) -> Registry:
    """The registry of a folder, with the aliases as the feedback database has moved them."""
    return Registry(folder, store.alias_moves)


def promote(
    registry: Registry, store: Store, ref: str, *, alias: str = FIRST_ALIAS, by: str
) -> AliasMove:
    """Point an alias at the version of ``ref``; `UserError` if it already does, or has none."""
    name, version = registry.resolve(ref)
    if not NAME.fullmatch(alias):
        raise UserError(
            f"The alias {alias!r} will not do; expected small letters, digits, dots and dashes, "
            "like champion."
        )
    if registry.aliases(name).get(alias) == version:
        raise UserError(f"{name}@{alias} is version {version} already. Nothing was changed.")
    registry.load(f"{name}/{version}")
    return _moved(store, AliasMove(name, alias, version, "promote", by))


def rollback(
    registry: Registry, store: Store, name: str, *, alias: str = FIRST_ALIAS, by: str
) -> AliasMove:
    """Point an alias at the version before; `UserError` if there was none, or it is gone."""
    before = registry.pointed(name, alias)[:-1]
    if not before:
        raise UserError(
            f"{name}@{alias} was never moved; expected an earlier version to return to. Promote "
            "the version that you want instead."
        )
    registry.load(f"{name}/{before[-1]}")
    return _moved(store, AliasMove(name, alias, before[-1], "rollback", by))


def _moved(store: Store, move: AliasMove) -> AliasMove:
    store.move_alias(move)
    return move
