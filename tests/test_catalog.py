"""The catalog: what a reference means, worked out from what one look found, without a folder."""

import json
from pathlib import Path

import pytest
from builders import ROOT

from second_opinion import UserError
from second_opinion.models.card import ModelCard
from second_opinion.models.catalog import Catalog, Fault
from second_opinion.records.event import AliasMove

IRIS = json.loads((ROOT / "model/iris/1/card.json").read_text("utf-8"))
HALVES = '{"1":0.5,"2":0.5}'


def card(name="churn", version="1", **fields):
    return ModelCard.model_validate(
        IRIS | {"name": name, "version": version, "demo": False} | fields
    )


def catalog(*cards, **parts):
    return Catalog(cards={(one.name, one.version): one for one in cards}, **parts)


def moved(alias, version, action="promote", model="churn"):
    return AliasMove(model, alias, version, action, "Ada")


TWO = (card(version="1"), card(version="2"), card(version="10"))


@pytest.mark.parametrize(
    ("ref", "meant"),
    [
        ("", ("churn", "2")),
        ("churn", ("churn", "2")),
        ("churn@champion", ("churn", "2")),
        ("churn@trial", ("churn", "10")),
        ("churn/1", ("churn", "1")),
        ("churn@ab", ("churn", "1")),
    ],
)
def test_a_reference_means_a_model_and_a_version(ref, meant):
    written = {"churn": {"champion": "2", "trial": "10", "ab": HALVES}}
    assert catalog(*TWO, alias_files=written).resolve(ref) == meant


def test_without_a_champion_the_newest_version_answers():
    assert catalog(*TWO).resolve("churn") == ("churn", "10")
    assert catalog(*TWO).alias("churn") is None


@pytest.mark.parametrize(
    ("ref", "message"),
    [
        ("cars", "There is no model 'cars'; there are churn"),
        ("churn/7", "churn has no version '7'; it has 1, 2, 10"),
        ("churn@trial", "churn has no alias 'trial'; it has champion"),
        ("churn@champion", "points at version '7', which is not there"),
    ],
)
def test_a_reference_that_means_nothing_is_told_what_there_is(ref, message):
    champion = "7" if "champion" in ref else "1"
    with pytest.raises(UserError, match=message):
        catalog(*TWO, alias_files={"churn": {"champion": champion}}).resolve(ref)


def test_moves_on_record_come_after_what_the_folder_says():
    here = catalog(
        *TWO,
        card("iris"),
        alias_files={"churn": {"champion": "1"}, "iris": {"champion": "1"}},
        moves=[moved("champion", "2"), moved("new", HALVES), moved("champion", "9", model="iris")],
    )
    assert here.aliases("churn") == {"champion": "2", "new": HALVES}
    assert here.pointed("churn", "champion") == ["1", "2"]
    assert here.arms("churn@new") == {"1": 0.5, "2": 0.5}
    assert here.alias("churn@new") == "new"
    assert [move.version for move in here.moves_of("iris")] == ["9"]


def test_a_case_is_drawn_by_its_id_alone():
    here = catalog(*TWO, alias_files={"churn": {"ab": HALVES}})
    drawn = [here.arm("churn@ab", f"case {number}") for number in range(200)]
    assert {*drawn} == {"1", "2"}
    assert drawn == [here.arm("churn@ab", f"case {number}") for number in range(200)]


def test_entries_put_the_champion_first_and_say_who_shares():
    entries = catalog(*TWO, alias_files={"churn": {"champion": "10", "ab": HALVES}}).entries()
    assert [entry.version for entry in entries] == ["10", "1", "2"]
    assert [entry.known_as for entry in entries] == [("champion",), ("ab 50 %",), ("ab 50 %",)]


def test_demos_are_left_out_beside_a_model_of_ones_own():
    demo = card("iris", demo=True)
    assert [entry.name for entry in catalog(demo).entries()] == ["iris"]
    both = catalog(demo, card())
    assert [entry.name for entry in both.entries()] == ["churn"]
    assert [entry.name for entry in both.entries(demos=True)] == ["churn", "iris"]


def test_a_broken_card_is_said_by_its_entry_and_by_whoever_asks_for_it():
    here = Catalog(
        cards={("churn", "1"): Fault("card.json: task"), ("churn", "2"): card(version="2")}
    )
    broken, sound = sorted(here.entries(), key=lambda entry: entry.version)
    assert (broken.card, broken.fault) == (None, "card.json: task")
    assert sound.card == card(version="2")
    with pytest.raises(UserError, match=r"^card\.json: task$"):
        here.card("churn/1")


def test_broken_aliases_are_said_and_leave_other_models_usable():
    here = catalog(card(), card("iris"), alias_files={"churn": Fault("aliases.json: no")})
    with pytest.raises(UserError, match=r"aliases\.json: no"):
        here.resolve("churn")
    assert here.resolve("iris") == ("iris", "1")


def test_the_default_is_the_preferred_model_or_the_first():
    both = card("ada"), card("ben")
    assert catalog(*both, preferred="ben").default == "ben"
    assert catalog(*both).default == "ada"
    with pytest.raises(UserError, match="holds no model"):
        _ = Catalog(Path("here")).default
    with pytest.raises(UserError, match=r"registry\.json: no"):
        _ = catalog(*both, preferred=Fault("registry.json: no")).default


@pytest.mark.parametrize("preferred", ["gone", "Ben", "ben/1", "7", "['ben']"])
def test_a_default_that_is_none_is_said_and_not_replaced_by_another_model(preferred):
    both = catalog(card("ada"), card("ben"), preferred=preferred)
    with pytest.raises(UserError, match=r"registry\.json names .* expected one of ada, ben"):
        both.card()
    assert both.card("ada").name == "ada"


def test_a_missing_folder_is_said():
    with pytest.raises(UserError, match="There is no folder"):
        Catalog(fault="There is no folder x").entries()
