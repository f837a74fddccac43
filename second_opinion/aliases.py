"""Which version an alias means: moved by a person, on record, and put back in one step."""

from __future__ import annotations

from pathlib import Path

from second_opinion.errors import UserError
from second_opinion.records import AliasMove, Expert
from second_opinion.registry import FIRST_ALIAS, NAME, Registry
from second_opinion.settings import Settings
from second_opinion.store import Store


def managed(settings: Settings) -> Registry:
    """The registry, with its aliases as the feedback database has moved them.

    Where there is no database yet, or none that can be used, which each page that needs it says,
    the folder counts alone.
    """
    if not Path(settings.feedback_db).exists():
        return Registry(settings.model_dir)
    try:
        store = Store.open(settings.feedback_db)
    except UserError:
        return Registry(settings.model_dir)
    return Registry(settings.model_dir, store.alias_moves)


def promote(
    registry: Registry, store: Store, ref: str, *, alias: str = FIRST_ALIAS, by: Expert
) -> AliasMove:
    """Point an alias at the version of ``ref``, once it has been loaded.

    `UserError` if the alias means that version already, the person is no owner, or it cannot load.
    """
    _refuse_all_but_owners(by)
    name, version = registry.resolve(ref)
    if not NAME.fullmatch(alias):
        raise UserError(
            f"The alias {alias!r} will not do; expected small letters, digits, dots and dashes, "
            "like champion."
        )
    if registry.aliases(name).get(alias) == version:
        raise UserError(f"{name}@{alias} is version {version} already. Nothing was changed.")
    registry.load(f"{name}/{version}")
    return _moved(store, AliasMove(name, alias, version, "promote", by.label))


def rollback(
    registry: Registry, store: Store, name: str, *, alias: str = FIRST_ALIAS, by: Expert
) -> AliasMove:
    """Point an alias at the version before; `UserError` if there was none, or it is gone."""
    _refuse_all_but_owners(by)
    before = registry.pointed(name, alias)[:-1]
    if not before:
        raise UserError(
            f"{name}@{alias} was never moved; expected an earlier version to return to. Promote "
            "the version that you want instead."
        )
    registry.load(f"{name}/{before[-1]}")
    return _moved(store, AliasMove(name, alias, before[-1], "rollback", by.label))


def _refuse_all_but_owners(person: Expert) -> None:
    if person.role != "owner":
        raise UserError(
            f"{person.label} may not move an alias; expected the owner of the model. Ask "
            "the person who runs this app."
        )


def _moved(store: Store, move: AliasMove) -> AliasMove:
    store.move_alias(move)
    return move
