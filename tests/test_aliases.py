"""Aliases: moved on record, put back in one step, and known to every page at once."""

import json
import shutil
from pathlib import Path

import pytest
from builders import ROOT
from hypothesis import given
from hypothesis import strategies as st

from second_opinion.cli import main
from second_opinion.errors import UserError
from second_opinion.models import aliases, traffic_split
from second_opinion.models.catalog import Catalog
from second_opinion.models.registry import Registry
from second_opinion.records.event import AliasMove
from second_opinion.records.expert import Expert
from second_opinion.records.stamp import new_id
from second_opinion.settings import Settings
from second_opinion.store import Store

OWNER = Expert("Ada", role="owner")
MODEL = "customer-churn"
HALVES = '{"1":0.5,"2":0.5}'


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
    return aliases.managed(settings_here).look().resolve(MODEL)[1]


def promote(settings_here, store, version, by=OWNER, **more):
    registry = aliases.managed(settings_here)
    return aliases.promote(registry, store, f"{MODEL}/{version}", by=by, **more)


def rollback(settings_here, store, by=OWNER, **more):
    return aliases.rollback(aliases.managed(settings_here), store, MODEL, by=by, **more)


def test_a_promoted_version_is_what_the_alias_means_from_then_on(settings_here, store):
    promote(settings_here, store, "2")
    assert champion(settings_here) == "2"
    assert Registry(settings_here.model_dir).look().resolve(MODEL)[1] == "1"


def test_an_open_registry_sees_the_move_without_a_restart(settings_here, store):
    store.alias_moves(MODEL)
    already_open = aliases.managed(settings_here)
    assert already_open.look().resolve(MODEL)[1] == "1"
    promote(settings_here, store, "2")
    assert already_open.look().resolve(MODEL)[1] == "2"


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
    store.move_alias(move, by=OWNER)
    store.move_alias(move, by=OWNER)
    assert store.alias_moves(MODEL) == [move]


@given(st.lists(st.sampled_from(["1", "2", HALVES, "back"]), max_size=12))
def test_rolling_back_undoes_the_last_promotion_that_still_stands(steps):
    moves, stack = [], ["1"]
    for step in steps:
        if step == "back":
            stack = stack[:-1] or stack
            moves.append(AliasMove("m", "champion", stack[-1], "rollback", "Ada"))
        else:
            stack = [*stack, step]
            moves.append(AliasMove("m", "champion", step, "promote", "Ada"))
    catalog = Catalog(alias_files={"m": {"champion": "1"}}, moves=moves)
    assert catalog.pointed("m", "champion") == stack
    # What is stored with a move is what the alias meant after it.
    assert not moves or moves[-1].version == catalog.pointed("m", "champion")[-1]


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
    assert aliases.managed(settings_here).look().resolve(f"{MODEL}@trial")[1] == "2"
    with pytest.raises(UserError, match="will not do"):
        promote(settings_here, store, "2", alias="../x")


def test_without_a_usable_database_the_folder_counts(settings_here, tmp_path):
    (tmp_path / "feedback.db").mkdir()
    assert champion(settings_here) == "1"


def test_looking_at_the_models_makes_no_database(settings_here, tmp_path):
    assert champion(settings_here) == "1"
    assert not (tmp_path / "feedback.db").exists()


def test_the_commands_promote_and_roll_back(settings_here, capsys):
    assert main.main(["promote", MODEL, "2", "--why", "Fewer misses"]) == 0
    (move,) = Store.open(settings_here.feedback_db).alias_moves(MODEL)
    assert move.reason == "Fewer misses"
    assert champion(settings_here) == "2"
    assert main.main(["rollback", MODEL]) == 0
    assert champion(settings_here) == "1"
    assert "version 1 again" in capsys.readouterr().out
    assert main.main(["rollback", MODEL]) == 1
    assert main.main(["promote", MODEL, "9"]) == 1
    assert "no version" in capsys.readouterr().err


# --- A/B


def split(settings_here, store, shares, by=OWNER, **more):
    registry = aliases.managed(settings_here)
    return aliases.split(registry, store, MODEL, shares, by=by, **more)


def edited(settings_here, version, change):
    """Change a version's card, as a person may by hand."""
    path = Path(settings_here.model_dir, MODEL, version, "card.json")
    card = json.loads(path.read_text("utf-8"))
    change(card)
    path.write_text(json.dumps(card), "utf-8")


def test_a_split_alias_draws_a_version_for_each_case(settings_here, store):
    move = split(settings_here, store, {"1": 0.5, "2": 0.5})
    assert (move.action, move.version, move.alias) == ("promote", HALVES, "ab")
    registry = aliases.managed(settings_here)
    ref = f"{MODEL}@ab"
    assert registry.look().arms(ref) == {"1": 0.5, "2": 0.5}
    assert registry.look().resolve(ref) == (MODEL, "1")
    ids = [new_id() for _ in range(50)]
    assert {registry.look().arm(ref, made) for made in ids} == {"1", "2"}
    assert all(
        registry.look().arm(ref, made) == traffic_split.drawn(registry.look().arms(ref), made)
        for made in ids
    )


def test_a_plain_reference_has_one_arm(settings_here, store):
    registry = aliases.managed(settings_here)
    for ref, version, alias in [
        (MODEL, "1", "champion"),
        (f"{MODEL}@challenger", "2", "challenger"),
        (f"{MODEL}/2", "2", None),
    ]:
        assert registry.look().arms(ref) == {version: 1.0}
        assert registry.look().arm(ref, new_id()) == version
        assert registry.look().alias(ref) == alias


def test_a_split_in_the_folder_counts_as_one_on_record(settings_here):
    registry = Registry(settings_here.model_dir)
    path = registry.folder / MODEL / "aliases.json"
    path.write_text('{"ab": {"2": 0.25, "1": 0.75}, "all": {"2": 1}}', "utf-8")
    assert registry.look().arms(f"{MODEL}@ab") == {"2": 0.25, "1": 0.75}
    assert registry.look().resolve(f"{MODEL}@ab") == (MODEL, "2")
    assert registry.look().arms(f"{MODEL}@all") == {"2": 1.0}
    entries = {entry.version: entry for entry in registry.look().entries()}
    assert entries["1"].known_as == ("ab 75 %",)
    assert entries["2"].known_as == ("all", "ab 25 %")


def test_rolling_back_works_across_splits(settings_here, store):
    split(settings_here, store, {"1": 0.5, "2": 0.5}, alias="champion")
    promote(settings_here, store, "2")
    split(settings_here, store, {"1": 0.1, "2": 0.9}, alias="champion")
    registry = aliases.managed(settings_here)
    meant = []
    for _ in range(3):
        meant.append(rollback(settings_here, store).version)
        assert registry.look().arms(MODEL) == traffic_split.read(meant[-1])
    assert meant == ["2", HALVES, "1"]
    with pytest.raises(UserError, match="was never moved"):
        rollback(settings_here, store)


@pytest.mark.parametrize("role", ["expert", "reviewer"])
def test_only_an_owner_splits(settings_here, store, role):
    with pytest.raises(UserError, match="may not move"):
        split(settings_here, store, {"1": 0.5, "2": 0.5}, by=Expert("Bob", role=role))
    assert store.alias_moves(MODEL) == []


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        ({"1": 1.0}, "expected two versions or more"),
        ({"1": 0.5, "2": 0.4}, "The split is .*1 in all"),
        ({"1": 0.5, "2": 0.5, "3": 0.0}, "a share above 0"),
        ({"1": 0.5, "9": 0.5}, "no version '9'"),
    ],
)
def test_a_split_that_cannot_be_is_refused(settings_here, store, shares, said):
    with pytest.raises(UserError, match=said):
        split(settings_here, store, shares)
    assert store.alias_moves(MODEL) == []


def test_a_split_that_is_in_use_changes_nothing(settings_here, store):
    split(settings_here, store, {"1": 0.5, "2": 0.5})
    with pytest.raises(UserError, match="already"):
        split(settings_here, store, {"1": 0.5, "2": 0.5})
    assert len(store.alias_moves(MODEL)) == 1


def test_a_split_needs_versions_that_load_and_an_alias_that_will_do(settings_here, store, tmp_path):
    with pytest.raises(UserError, match="will not do"):
        split(settings_here, store, {"1": 0.5, "2": 0.5}, alias="A B")
    (tmp_path / "model" / MODEL / "2" / "model.joblib").write_bytes(b"changed")
    with pytest.raises(UserError, match="not the file that was added"):
        split(settings_here, store, {"1": 0.5, "2": 0.5})
    assert store.alias_moves(MODEL) == []


def test_versions_with_other_fields_or_answers_are_not_split(settings_here, store):
    edited(settings_here, "2", lambda card: card["features"][0].update(kind="number"))
    with pytest.raises(UserError, match="do not take the same fields: age is of the kind"):
        split(settings_here, store, {"1": 0.5, "2": 0.5})
    edited(settings_here, "2", lambda card: card["features"][0].update(kind="integer"))
    edited(settings_here, "2", lambda card: card.update(task="multiclass"))
    with pytest.raises(UserError, match="expected one task"):
        split(settings_here, store, {"1": 0.5, "2": 0.5})
    assert store.alias_moves(MODEL) == []


def test_a_version_that_is_removed_takes_its_split_along(settings_here, store):
    registry = Registry(settings_here.model_dir)
    path = registry.folder / MODEL / "aliases.json"
    path.write_text(json.dumps({"champion": "1", "ab": {"1": 0.5, "2": 0.5}}), "utf-8")
    registry.remove(MODEL, "2")
    assert registry.look().aliases(MODEL) == {"champion": "1"}
    split_on_record = AliasMove(MODEL, "trial", HALVES, "promote", "Ada")
    store.move_alias(split_on_record, by=OWNER)
    with pytest.raises(UserError, match="points at version '2', which is not there"):
        aliases.managed(settings_here).look().arms(f"{MODEL}@trial")


def test_the_commands_split_list_and_roll_back(settings_here, capsys):
    assert main.main(["split", MODEL, "1=0.25", "2=0.75", "--alias", "champion"]) == 0
    said = capsys.readouterr().out
    assert said == f"{MODEL}@champion is version 1 (25 %) and version 2 (75 %) now.\n"
    assert main.main(["models"]) == 0
    assert "challenger, champion 75 %" in capsys.readouterr().out
    assert main.main(["models", "--json"]) == 0
    listed = {row["version"]: row for row in json.loads(capsys.readouterr().out)}
    assert listed["1"]["shares"] == {"champion": 0.25}
    assert (listed["2"]["aliases"], listed["2"]["shares"]) == (["challenger"], {"champion": 0.75})
    assert main.main(["verify", f"{MODEL}@champion", "--json"]) == 0
    verified = [found["model"] for found in json.loads(capsys.readouterr().out)]
    assert verified == [f"{MODEL}/1", f"{MODEL}/2"]
    assert main.main(["rollback", MODEL]) == 0
    assert "is version 1 again" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shares", "code"),
    [
        (["1=0.5"], 1),
        (["1=0.5", "2=0.6"], 1),
        (["1=0.5", "9=0.5"], 1),
        (["1=nan", "2=0.5"], 1),
        (["1=half", "2=half"], 2),
        (["1", "2"], 2),
        (["=0.5", "2=0.5"], 2),
        (["1=0.5", "1=0.5"], 2),
        ([], 2),
    ],
)
def test_shares_that_will_not_do_move_nothing(settings_here, store, capsys, shares, code):
    assert main.main(["split", MODEL, *shares]) == code
    assert capsys.readouterr().err
    assert store.alias_moves(MODEL) == []
