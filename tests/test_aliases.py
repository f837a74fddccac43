"""Aliases: moved on record, put back in one step, and known to every page at once."""

import shutil

import pytest
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

from second_opinion import aliases, cli
from second_opinion.errors import UserError
from second_opinion.records import AliasMove, Expert
from second_opinion.registry import Registry
from second_opinion.settings import Settings
from second_opinion.store import Store

OWNER = Expert("Ada", role="owner")
MODEL = "customer-churn"


@pytest.fixture
def settings_here(tmp_path, monkeypatch):
    """Two versions of the churn demo and a database of their own."""
    shutil.copytree(ROOT / "model" / MODEL, tmp_path / "model" / MODEL)
    monkeypatch.setenv("MODEL_DIR", str(tmp_path / "model"))
    monkeypatch.setenv("FEEDBACK_DB", str(tmp_path / "feedback.db"))
    return Settings.read(secrets={})


@pytest.fixture
def store(settings_here):
    """An empty database beside the models."""
    return Store.open(settings_here.feedback_db)


def champion(settings_here):
    return aliases.managed(settings_here).resolve(MODEL)[1]


def promote(settings_here, store, version, by=OWNER, **more):
    registry = aliases.managed(settings_here)
    return aliases.promote(registry, store, f"{MODEL}/{version}", by=by, **more)


def rollback(settings_here, store, by=OWNER, **more):
    return aliases.rollback(aliases.managed(settings_here), store, MODEL, by=by, **more)


def test_a_promoted_version_is_what_the_alias_means_from_then_on(settings_here, store):
    promote(settings_here, store, "2")
    assert champion(settings_here) == "2"
    assert Registry(settings_here.model_dir).resolve(MODEL)[1] == "1"


def test_an_open_registry_sees_the_move_without_a_restart(settings_here, store):
    store.alias_moves(MODEL)
    already_open = aliases.managed(settings_here)
    assert already_open.resolve(MODEL)[1] == "1"
    promote(settings_here, store, "2")
    assert already_open.resolve(MODEL)[1] == "2"


def test_who_moved_it_and_when_is_on_record(settings_here, store):
    promote(settings_here, store, "2")
    rollback(settings_here, store)
    moves = store.alias_moves(MODEL)
    said = [(m.alias, m.version, m.action, m.moved_by) for m in moves]
    assert said == [
        ("champion", "2", "promote", "Ada"),
        ("champion", "1", "rollback", "Ada"),
    ]
    assert moves[0].created_at <= moves[1].created_at


def test_a_move_stored_twice_counts_once(store):
    move = AliasMove(MODEL, "champion", "2", "promote", "Ada")
    store.move_alias(move)
    store.move_alias(move)
    assert store.alias_moves(MODEL) == [move]


@given(st.lists(st.sampled_from(["1", "2", "3", "back"]), max_size=12))
@settings(deadline=None)
def test_rolling_back_undoes_the_last_promotion_that_still_stands(steps):
    moves, stack = [], ["1"]
    for step in steps:
        if step == "back":
            stack = stack[:-1] or stack
            moves.append(AliasMove("m", "champion", stack[-1], "rollback", "Ada"))
        else:
            stack = [*stack, step]
            moves.append(AliasMove("m", "champion", step, "promote", "Ada"))
    registry = Registry("nowhere", lambda name: moves)
    registry._aliases = lambda name: {"champion": "1"}
    assert registry.pointed("m", "champion") == stack
    # What is stored with a move is what the alias meant after it.
    assert not moves or moves[-1].version == registry.pointed("m", "champion")[-1]


def test_an_alias_that_never_moved_cannot_be_put_back(settings_here, store):
    with pytest.raises(UserError, match="was never moved"):
        rollback(settings_here, store)
    assert store.alias_moves(MODEL) == []


def test_promoting_what_is_in_use_changes_nothing(settings_here, store):
    with pytest.raises(UserError, match="already"):
        promote(settings_here, store, "1")
    assert store.alias_moves(MODEL) == []


@pytest.mark.parametrize("role", ["expert", "reviewer"])
def test_only_an_owner_moves_an_alias(settings_here, store, role):
    with pytest.raises(UserError, match="may not move"):
        promote(settings_here, store, "2", by=Expert("Bob", role=role))
    promote(settings_here, store, "2")
    with pytest.raises(UserError, match="may not move"):
        rollback(settings_here, store, by=Expert("Bob", role=role))
    assert len(store.alias_moves(MODEL)) == 1


def test_a_version_that_cannot_be_loaded_is_not_promoted(settings_here, store, tmp_path):
    (tmp_path / "model" / MODEL / "2" / "model.joblib").write_bytes(b"changed")
    with pytest.raises(UserError, match="not the file that was added"):
        promote(settings_here, store, "2")
    assert champion(settings_here) == "1"


def test_a_new_alias_may_be_made_and_a_bad_one_is_refused(settings_here, store):
    promote(settings_here, store, "2", alias="trial")
    assert aliases.managed(settings_here).resolve(f"{MODEL}@trial")[1] == "2"
    with pytest.raises(UserError, match="will not do"):
        promote(settings_here, store, "2", alias="../x")


def test_without_a_usable_database_the_folder_counts(settings_here, tmp_path):
    (tmp_path / "feedback.db").mkdir()
    assert champion(settings_here) == "1"


def test_looking_at_the_models_makes_no_database(settings_here, tmp_path):
    assert champion(settings_here) == "1"
    assert not (tmp_path / "feedback.db").exists()


def test_the_commands_promote_and_roll_back(settings_here, capsys):
    assert cli.main(["promote", MODEL, "2"]) == 0
    assert champion(settings_here) == "2"
    assert cli.main(["rollback", MODEL]) == 0
    assert champion(settings_here) == "1"
    assert "version 1 again" in capsys.readouterr().out
    assert cli.main(["rollback", MODEL]) == 1
    assert cli.main(["promote", MODEL, "9"]) == 1
    assert "no version" in capsys.readouterr().err
