"""The Models page and A/B aliases, run without a browser."""

import json
import shutil

import pandas as pd
import pytest
import streamlit as st
from builders import HOSTILE, ROOT, case, review_of, verdict
from visits import (
    CASE,
    as_read,
    assert_strange_text_is_escaped,
    keys,
    messages,
    predicted,
    press,
    start,
    stored,
)

from second_opinion import Registry
from second_opinion.batches import jobs
from second_opinion.batches.drawn_cases import cases_of_batch
from second_opinion.models import aliases, traffic_split
from second_opinion.records.event import AliasMove
from second_opinion.records.expert import Expert
from second_opinion.records.value import plain
from second_opinion.records.verdict import Verdict
from second_opinion.settings import Settings
from second_opinion.store import Store
from second_opinion.tables import Limits, TableFile, look

pytestmark = pytest.mark.usefixtures("at_home")
MODELS = "pages/7_Models.py"
CHURN = "customer-churn"
AB = f"{CHURN}@ab"
OWNER = Expert("Ada", role="owner")


@pytest.fixture
def churn(place, monkeypatch):
    """The churn demo alone, and a database of its own."""
    shutil.copytree(ROOT / "model" / CHURN, place / "model" / CHURN)
    monkeypatch.setenv("MODEL_DIR", str(place / "model"))
    return place


@pytest.fixture
def store(churn):
    return Store.open(churn / "feedback.db")


@pytest.fixture
def split(churn, store):
    """Half of the new cases for each version, under the alias ab."""
    registry = aliases.managed(Settings.read(secrets={}))
    aliases.split(registry, store, CHURN, {"1": 0.5, "2": 0.5}, by=OWNER)
    return churn


def line(at):
    """Which model and version the page is about, under its heading."""
    return as_read(at.caption[0].value)


def texts(at):
    return " ".join([text.value for text in at.text] + [caption.value for caption in at.caption])


def table(at, column):
    """The shown table that has this column."""
    return next(frame.value for frame in at.dataframe if column in frame.value)


def judge(place_, at, wanted):
    """Predict cases until each of the wanted versions has answered; returns them by version."""
    found = {}
    for _ in range(60):
        press(at, "predict_another")
        press(at, "predict_submit")
        assert messages(at) == []
        made = predicted(at, place_)
        found[made.version] = made
        if set(found) == set(wanted):
            return found
    raise AssertionError(f"only {set(found)} answered")


# --- a case under an A/B alias


def test_the_menu_offers_each_alias_once(split):
    at = start(CASE, model=AB)
    assert at.selectbox(key="model_choice").options == [
        "Customer churn · in use",
        "Customer churn · ab (A/B)",
        "Customer churn · challenger",
    ]
    assert at.selectbox(key="model_choice").value == AB


def test_both_versions_answer_and_the_page_never_says_which_one_will(split, store):
    at = start(CASE, model=AB)
    assert line(at) == "Customer churn, A/B: version 1 or 2, ab"
    found = judge(split, at, "12")
    assert line(at) == "Customer churn, A/B: version 1 or 2, ab"
    for version, made in found.items():
        assert (made.version, made.alias) == (version, "ab")
        assert traffic_split.drawn({"1": 0.5, "2": 0.5}, made.id) == version
        card = Registry(split / "model").card(f"{CHURN}/{version}")
        assert (made.model_sha256, made.card_sha256) == (card.artifact.sha256, card.question_sha256)
    answered = {arm.version: arm.predictions for arm in review_of(store).arms(CHURN, "ab")}
    assert answered.keys() == {"1", "2"}


def test_the_version_is_drawn_by_the_id_made_before_the_click(split):
    at = start(CASE, model=AB)
    for _ in range(4):
        made = at.session_state["predict_next_id"]
        press(at, "predict_submit")
        shown = predicted(at, split)
        assert shown.id == made
        assert shown.version == traffic_split.drawn({"1": 0.5, "2": 0.5}, made)
        press(at, "predict_another")


def test_the_answer_has_the_words_of_the_card_that_made_it(split):
    path = split / "model" / CHURN / "2" / "card.json"
    card = json.loads(path.read_text("utf-8"))
    for choice in card["classes"]:
        choice["label"] = f"{choice['label']} says two"
    path.write_text(json.dumps(card), "utf-8")
    at = start(CASE, model=AB)
    for version, made in judge(split, at, "12").items():
        at = start(CASE, model=AB, prediction=made.id)
        assert at.subheader[0].value.endswith("says two") == (version == "2")


@pytest.mark.slow
def test_a_past_case_opens_under_the_alias_and_a_verdict_stays_with_its_version(split):
    at = start(CASE, model=AB)
    found = judge(split, at, "12")
    for version, made in found.items():
        press(at, f"predict_open_{made.id}")
        assert messages(at) == []
        assert at.selectbox(key="model_choice").value == AB
        assert predicted(at, split).id == made.id
        press(at, "verdict_agree")
        assert stored(split)["version"].iloc[-1] == version


def test_the_setting_model_may_name_a_split_alias(split, monkeypatch):
    monkeypatch.setenv("MODEL", AB)
    assert line(start(CASE)) == "Customer churn, A/B: version 1 or 2, ab"
    assert messages(start("Home.py")) == []


def test_home_counts_the_cases_of_all_arms(split):
    judge(split, start(CASE, model=AB), "12")
    made = review_of(Store.open(split / "feedback.db")).progress(CHURN).predictions
    shown = {metric.label: metric.value for metric in start(model=AB).metric}
    assert shown["Cases predicted"] == str(made)


def test_a_champion_may_be_split_itself(split, store):
    store.move_alias(AliasMove(CHURN, "champion", '{"1":0.5,"2":0.5}', "promote", "Ada"), by=OWNER)
    at = start(CASE)
    assert line(at) == "Customer churn, A/B: version 1 or 2, in use"
    press(at, "predict_submit")
    assert predicted(at, split).alias == "champion"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ref", "alias"),
    [(CHURN, "champion"), (f"{CHURN}@challenger", "challenger"), (f"{CHURN}/2", "challenger")],
)
def test_the_alias_of_a_case_is_the_one_it_was_asked_under(churn, ref, alias):
    at = press(start(CASE, model=ref), "predict_submit")
    assert predicted(at, churn).alias == alias


def test_a_case_asked_by_version_has_no_alias(churn):
    (churn / "model" / CHURN / "aliases.json").write_text('{"champion": "1"}', "utf-8")
    at = press(start(CASE, model=f"{CHURN}/2"), "predict_submit")
    assert (predicted(at, churn).version, predicted(at, churn).alias) == ("2", None)


def test_an_open_page_takes_up_a_split_and_its_end(churn, store):
    at = start(CASE, model=f"{CHURN}@champion")
    registry = aliases.managed(Settings.read(secrets={}))
    aliases.split(registry, store, CHURN, {"1": 0.5, "2": 0.5}, alias="champion", by=OWNER)
    found = judge(churn, at, "12")
    aliases.promote(registry, store, f"{CHURN}/2", by=OWNER)
    at.run()
    assert line(at) == "Customer churn, version 2, in use"
    assert at.selectbox(key="model_choice").value == f"{CHURN}@champion"
    aliases.rollback(registry, store, CHURN, by=OWNER)
    at.run()
    assert line(at) == "Customer churn, A/B: version 1 or 2, in use"
    for version, made in found.items():
        assert store.prediction(made.id).version == version


def test_a_case_that_the_drawn_version_cannot_take_makes_one_message(split):
    """A folder edited by hand may share cases between versions with other fields."""
    path = split / "model" / CHURN / "2" / "card.json"
    card = json.loads(path.read_text("utf-8"))
    card["features"][0] = {"name": "age", "kind": "boolean"}
    path.write_text(json.dumps(card), "utf-8")
    at = start(CASE, model=AB)
    while traffic_split.drawn({"1": 0.5, "2": 0.5}, at.session_state["predict_next_id"]) == "1":
        press(press(at, "predict_another"), "predict_submit")
    press(at, "predict_another")
    (message,) = messages(press(at, "predict_submit"))
    assert message.startswith(f"{CHURN}/2 cannot take this case: age is")
    assert stored(split).empty


# --- the Models page


def test_the_table_says_what_is_known_of_each_version(split, store):
    registry = Registry(split / "model")
    (split / "model" / CHURN / "2" / "model.joblib").write_bytes(b"changed")
    rows = table(start(MODELS), "Figures").set_index("Version")
    assert rows["Aliases"].tolist() == ["champion, ab 50 %", "challenger, ab 50 %"]
    assert rows["File"].tolist() == ["intact", "changed: not loaded"]
    card = registry.card(f"{CHURN}/1")
    first = rows.loc["1"]
    assert first["Added"] == card.artifact.created_at[:10]
    assert first["Trained on"] == card.data["description"]
    assert card.artifact.sha256.startswith(first["SHA-256"].rstrip("…"))
    assert f"scikit-learn {card.artifact.scikit_learn}" in first["Made with"]
    assert "accuracy" in first["Figures"]


def test_new_cases_are_shared_on_the_page_and_put_back(churn, store):
    at = start(MODELS)
    at.slider(key="models_split_share").set_value(30).run()
    press(at, "models_split")
    assert messages(at) == []
    (move,) = store.alias_moves(CHURN)
    assert (move.alias, move.version, move.moved_by) == ("ab", '{"1":0.3,"2":0.7}', "Ada")
    assert "Ada shared ab between version 1 (30 %) and version 2 (70 %)" in texts(at)
    assert at.selectbox(key="model_choice").value == AB
    at.selectbox(key="models_alias").set_value("ab").run()
    assert "ab: version 1 (30 %) and version 2 (70 %)" in texts(at)
    at.button_group(key="models_version").set_value("2").run()
    press(at, "models_promote")
    assert "ab: version 2" in texts(at)
    assert messages(at) == []
    press(at, "models_rollback")
    assert traffic_split.read(store.alias_moves(CHURN)[-1].version) == {"1": 0.3, "2": 0.7}


def test_promote_shows_the_verdicts_on_both_versions_and_keeps_the_reason(churn, store):
    for number in ("1", "2"):
        made = case(model=CHURN, version=number)
        store.add_prediction(made)
        store.add_verdict(verdict(made, "agree" if number == "2" else "disagree"))
    at = start(MODELS, model=f"{CHURN}/2")
    (table,) = [t for t in at.dataframe if {"right", "wrong", "unsure"} <= {*t.value.columns}]
    said = table.value[["version", "right", "wrong"]].values.tolist()
    assert said == [["1", 0, 1], ["2", 1, 0]]
    at.text_area(key="models_why").set_value("Better on the held-out cases").run()
    press(at, "models_promote")
    assert messages(at) == []
    assert store.alias_moves(CHURN)[-1].reason == "Better on the held-out cases"
    assert "put version 2 in use: Better on the held-out cases" in texts(at)
    assert "models_why" not in {area.key for area in at.text_area}


def test_an_alias_that_will_not_do_makes_one_message(churn, store):
    at = start(MODELS)
    at.text_input(key="models_split_alias").set_value("../x").run()
    (message,) = messages(press(at, "models_split"))
    assert "will not do" in message
    assert store.alias_moves(CHURN) == []


def test_the_card_of_each_arm_can_be_read(split):
    at = start(MODELS, model=AB)
    shown = [Registry(split / "model").card(f"{CHURN}/{v}").artifact.sha256 for v in "12"]
    assert shown[0] in texts(at)
    at.button_group(key="models_version").set_value("2").run()
    assert shown[1] in texts(at)
    assert shown[0] not in texts(at)


@pytest.mark.slow
def test_verdicts_are_counted_by_arm(split, store):
    at = start(MODELS, model=AB)
    assert "No case was asked under ab yet" in texts(at)
    for judgement in ("agree", "agree", "disagree", "unsure"):
        at = start(CASE, model=AB)
        press(at, "predict_submit")
        made = predicted(at, split)
        comment = "because" if judgement == "disagree" else ""
        store.add_verdict(Verdict(made.id, "Bob", judgement, comment=comment))
    at = start(MODELS, model=AB)
    shown = table(at, "share")
    assert shown["predictions"].sum() == 4
    assert (shown["right"].sum(), shown["wrong"].sum(), shown["unsure"].sum()) == (2, 1, 1)
    if len(shown) == 2:
        assert "Too few verdicts to tell the arms apart." in texts(at)
    assert messages(at) == []


@pytest.mark.slow
def test_two_versions_are_compared(churn, store):
    at = press(start(MODELS), "models_compare")
    assert messages(at) == []
    assert "On 4,500 stored rows of the training data of version 1." in texts(at)
    assert "Nobody has judged a case of either version yet." in texts(at)
    shown = {metric.label: metric.value for metric in at.metric}
    assert shown["Same answer"].endswith(" %")
    assert len(table(at, "Change")) == 100
    press(press(start(CASE), "predict_submit"), "verdict_agree")
    at = press(start(MODELS), "models_compare")
    assert "Cases with a right answer from experts: 1." in texts(at)
    assert "The right answers were given after seeing version 1" in texts(at)


def test_two_versions_are_compared_on_a_batch(churn, store):
    registry = Registry(churn / "model")
    card, reference = registry.card(CHURN), registry.reference(CHURN)
    rows = pd.DataFrame([reference.plausible(card.case_schema, seed) for seed in range(40)])
    source = TableFile.of_bytes("march.csv", rows.to_csv(index=False).encode())
    found = look(source, card.case_schema)
    batch = jobs.record(
        store,
        registry,
        card,
        source,
        found,
        asked_by="Ada",
        limits=Limits(),
        heard=lambda batch: None,
    )
    cases = cases_of_batch(store, batch, card)
    assert cases.about == "the 40 cases of the batch march.csv"
    assert list(cases.cases) == [card.case_schema.read(row)[0] for row in as_typed(rows)]

    at = start(MODELS)
    at.selectbox(key="models_compare_cases").set_value(f"batch {batch.id}").run()
    at = press(at, "models_compare")
    assert "On the 40 cases of the batch march.csv." in [text.value for text in at.text]
    assert not messages(at)


def as_typed(rows):
    """Cases as they were before pandas made floats of whole numbers."""
    return [
        {name: None if pd.isna(value) else plain(value) for name, value in row.items()}
        for row in rows.to_dict("records")
    ]


def test_numbers_are_compared_with_a_tolerance(place, models, tmp_path):
    folder = tmp_path / "two" / "model"
    shutil.copytree(models / "dose", folder / "dose")
    shutil.copytree(folder / "dose" / "1", folder / "dose" / "2")
    card = json.loads((folder / "dose/2/card.json").read_text("utf-8"))
    (folder / "dose/2/card.json").write_text(json.dumps({**card, "version": "2"}), "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODEL_DIR", str(folder))
        at = press(start(MODELS), "models_compare")
        assert "1,000 made-up cases" in texts(at)
        assert "Same answer" not in {metric.label for metric in at.metric}
        at.number_input(key="models_compare_tolerance").set_value(5.0).run()
        at = press(at, "models_compare")
        shown = {metric.label: metric.value for metric in at.metric}
        assert (shown["Same answer"], shown["Mean difference"]) == ("100 %", "0 mg")
        assert messages(at) == []


def test_other_versions_and_models_do_not_keep_an_old_comparison(place, models):
    at = press(start(MODELS, model="triage"), "models_compare")
    assert {metric.label for metric in at.metric} >= {"Same answer"}
    at.selectbox(key="model_choice").set_value("iris@champion").run()
    assert messages(at) == []
    assert not at.metric
    at.selectbox(key="model_choice").set_value("triage@challenger").run()
    assert messages(at) == []


def test_versions_that_cannot_be_compared_make_one_message(churn):
    path = churn / "model" / CHURN / "2" / "card.json"
    card = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**card, "task": "multiclass"}), "utf-8")
    (message,) = messages(press(start(MODELS), "models_compare"))
    assert "expected the same kind of answer" in message


def test_away_from_this_machine_an_expert_sees_no_row_and_no_verdict(split, monkeypatch):
    monkeypatch.setattr(type(st.context), "ip_address", "192.0.2.7")
    at = start(MODELS, model=AB)
    assert messages(at) == []
    assert not {"models_compare", "models_split", "models_promote"} & keys(at)
    assert all("agreement" not in frame.value for frame in at.dataframe)


def test_strange_text_in_a_comparison_stays_text(place, models, tmp_path, monkeypatch):
    folder = tmp_path / "two" / "model"
    shutil.copytree(models / "hostile", folder / "hostile")
    shutil.copytree(folder / "hostile" / "1", folder / "hostile" / "2")
    path = folder / "hostile/2/card.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), "version": "2"}), "utf-8")
    monkeypatch.setenv("MODEL_DIR", str(folder))
    store = Store.open(place / "feedback.db")
    store.move_alias(
        AliasMove("hostile", "ab", '{"1":0.5,"2":0.5}', "promote", HOSTILE[:18]), by=OWNER
    )
    at = press(start(MODELS, model="hostile@ab"), "models_compare")
    assert messages(at) == []
    assert_strange_text_is_escaped(at)


# --- the words of a card


def test_an_owner_edits_what_people_read_and_every_page_shows_it(churn, store):
    at = start(MODELS)
    box = next(area for area in at.text_area if area.label == "What it is for")
    box.set_value("For the *retention* team.")
    press(at, "models_edit_save")
    assert messages(at) == []
    assert "For the *retention* team." in texts(at)
    assert "Ada changed intended_use" in texts(at)
    assert "For the *retention* team." in texts(start())
    part = at.selectbox(key="models_edit_part")
    part.set_value("Field: Age (age)").run()
    next(field for field in at.text_input if field.label == "Label").set_value("Years")
    press(at, "models_edit_save")
    assert messages(at) == []
    assert "Years" in {field.label.split(" ")[0] for field in start(CASE).number_input}
    assert store.event_log.newest(what="edit card", by=OWNER)[0].details["fields"] == [
        "features.age.label"
    ]


def test_an_empty_title_is_refused_at_its_place(churn, store):
    at = start(MODELS)
    next(field for field in at.text_input if field.label == "Title").set_value("")
    (message,) = messages(press(at, "models_edit_save"))
    assert "title is empty" in message
    assert store.card_edits() == []


def test_who_is_no_owner_sees_no_fields_to_edit(churn, monkeypatch):
    monkeypatch.setattr(type(st.context), "ip_address", "203.0.113.5")
    at = start(MODELS)
    assert "models_edit_save" not in keys(at)
