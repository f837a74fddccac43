"""The page Distributions without a browser: what it shows in each state, and what the URL says."""

import json
from hashlib import sha256

import pytest
import streamlit as st
from builders import check, csv_of, judged, rows_of, score
from visits import keys, messages, press, row_tables, start

from second_opinion.batches.scored_rows import ScoredRows
from second_opinion.distributions import sections_verdicts, selection
from second_opinion.errors import UserError
from second_opinion.records.batch import prediction_id
from second_opinion.records.expert import Expert
from second_opinion.records.stamp import new_id, signed
from second_opinion.records.verdict import Verdict
from second_opinion.store import Store
from second_opinion.ui import who

pytestmark = pytest.mark.usefixtures("at_home")
PAGE = "pages/4_Distributions.py"
INSTEAD = [
    "all 4 cases",
    "each of 4 cases",
    "too few rows to judge",
    "without saying how sure",
    "A file is scored in one go",
]
HINT = "Click a bar, a point or a tile"
PARTS = ["Predictions", "Confidence", "Features", "Over time", "Drift"]


@pytest.fixture
def store(place):
    return Store.open(place / "feedback.db")


def batch_of(store, registry, ref="triage", rows=120, **columns):
    """A scored batch; the columns that are given stand in every row."""
    frame = rows_of(registry, ref, rows).assign(**columns)
    return score(store, registry, check(store, registry, csv_of(frame), ref))


def texts(at):
    return " | ".join(
        [t.value for t in at.text] + [t.value for t in at.caption] + [t.value for t in at.markdown]
    )


def choices(at):
    return {box.label for box in at.selectbox if (box.key or "").startswith("distributions_")}


def charts(at):
    """The figures that are sent, as what the browser gets of them."""
    return [json.loads(element.proto.spec) for element in at.get("plotly_chart")]


def pick(at, shown, *places):
    """Click bars of a chart, by the numbers that they carry."""
    points = [{"customdata": place} for place in places]
    at.session_state[f"distributions_{shown}_0"] = {"selection": {"points": points}}
    return at.run()


def frames(at):
    return [element.value for element in at.dataframe]


def listed(at):
    return next(iter(row_tables(at)), None)


def query(at, name):
    found = at.query_params.get(name)
    return found[0] if isinstance(found, list) else found


@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("model", ["triage", "dose", "risk", "iris", "hostile"])
def test_every_section_of_every_model_opens(place, store, models, registry, part, model):
    judged(models, store)
    batch = batch_of(store, registry, model)
    for of in (batch.id, "singles"):
        at = start(PAGE, model=model, of=of, part=part)
        assert messages(at) == []
        assert charts(at) or any(said in texts(at) for said in INSTEAD)
        assert (HINT in texts(at)) == (bool(charts(at)) and part != "Drift")


def test_without_predictions_the_page_says_what_to_do(place):
    at = start(PAGE, model="triage")
    assert messages(at) == []
    assert "No predictions of this model yet. Predict a case, or score a file." in texts(at)


@pytest.mark.slow
def test_the_latest_batch_is_shown_first_and_stays_in_the_url(place, store, registry):
    batch_of(store, registry)
    last = batch_of(store, registry, rows=31)
    at = start(PAGE, model="triage")
    assert at.selectbox(key="distributions_of").value == last.id
    assert " of 31 cases (" in texts(at)
    at.selectbox(key="distributions_feature").set_value("age").run()
    at.number_input(key="distributions_from_age").set_value(50.0).run()
    assert (query(at, "feature"), query(at, "from_age")) == ("age", "50.0")
    old = sum(float(v) >= 50 for v in rows_of(registry, "triage", 31)["age"])
    assert f" of {old} cases (" in texts(at)
    link = {name: query(at, name) for name in at.query_params}
    again = start(PAGE, **link)
    assert f" of {old} cases (" in texts(again)


@pytest.mark.slow
def test_a_file_has_no_time_line_but_a_way_to_the_single_predictions(place, store, registry):
    batch_of(store, registry, rows=20)
    at = start(PAGE, model="triage", part="Over time")
    assert "A file is scored in one go, so there is no time line." in texts(at)
    assert choices(at) == {"Cases", "Compared with", "Filter"}
    at.button(key="distributions_singles").click().run()
    assert messages(at) == []
    assert query(at, "of") == "singles"
    assert "no time line" not in texts(at)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "value", "label"),
    [
        ("of", "gone", "Cases"),
        ("against", "gone", "Compared with"),
        ("feature", "shoe_size", "Filter"),
        ("part", "Nonsense", None),
    ],
)
def test_what_a_link_asks_for_in_vain_is_left_out_with_a_note(
    place, store, registry, name, value, label
):
    batch_of(store, registry)
    at = start(PAGE, model="triage", **{name: value})
    notes = [warning.value for warning in at.warning]
    assert messages(at) == []
    assert all("which is not to be had" in note for note in notes)
    assert len(notes) == (label is not None)
    assert charts(at)


@pytest.mark.slow
def test_a_value_that_is_not_known_can_be_asked_for_where_it_may_be(place, store, registry):
    judged(registry.folder, store)
    batch = batch_of(store, registry)
    schema = registry.card("triage").case_schema
    assert (schema["pregnant"].optional, schema["smoker"].optional) == (True, False)
    for of, name, may_be in [
        (batch.id, "smoker", False),
        (batch.id, "pregnant", True),
        ("singles", "smoker", True),
    ]:
        at = start(PAGE, model="triage", of=of, feature=name)
        assert ("not known" in at.selectbox(key=f"distributions_is_{name}").options) == may_be


def test_a_filter_of_days_or_numbers_that_is_none_is_left_out(place, store, registry):
    judged(registry.folder, store)
    wrong = {"since": "yesterday", "feature": "age", "from_age": "old"}
    at = start(PAGE, model="triage", of="singles", **wrong)
    assert len(at.warning) == 2
    assert "of 4 cases" in texts(at) or "all 4 cases" in texts(at)


@pytest.mark.slow
def test_a_filter_that_lets_nobody_through_says_so(place, store, registry):
    batch_of(store, registry)
    for part in PARTS:
        at = start(PAGE, model="triage", part=part, feature="age", from_age="500")
        assert messages(at) == []
        assert "No case is like that." in texts(at)
        assert charts(at) == []
        assert HINT not in texts(at)


@pytest.mark.slow
def test_clicking_is_told_of_only_where_a_chart_lists_cases(place, store, registry):
    one, many = batch_of(store, registry, rows=1), batch_of(store, registry)
    at = start(PAGE, model="triage", of=one.id)
    assert messages(at) == []
    assert charts(at) == []
    assert HINT not in texts(at)
    assert HINT in texts(start(PAGE, model="triage", of=many.id))
    at = start(PAGE, model="triage", of=many.id, part="Drift")
    assert HINT not in texts(at)
    assert HINT in texts(start(PAGE, model="triage", of=many.id, part="Drift", drift="age"))


@pytest.mark.slow
def test_a_bar_lists_its_cases_and_a_case_opens_to_be_judged(place, store, registry):
    batch = batch_of(store, registry)
    at = start(PAGE, model="triage")
    assert listed(at) is None
    table = listed(pick(at, "predictions", 1))
    assert messages(at) == []
    assert table["The model says"].nunique() == 1
    assert f"{len(table)} cases: the model says {table['The model says'][0]}" in [
        header.value for header in at.header
    ]
    row = int(table["Row"].iloc[0])
    at.query_params["case"] = str(row)
    at.run()
    assert f"Row {row}" in [header.value for header in at.header]
    press(at, "verdict_agree")
    assert messages(at) == []
    reviewed = store.reviewed()
    assert reviewed[["batch_id", "row_number", "judgement"]].values.tolist() == [
        [batch.id, row, "agree"]
    ]
    press(at, "distributions_clear")
    assert listed(at) is None
    assert query(at, "case") is None


def test_another_choice_lets_go_of_the_list(place, store, registry):
    batch_of(store, registry)
    at = pick(start(PAGE, model="triage"), "predictions", 0)
    assert listed(at) is not None
    at.selectbox(key="distributions_of").set_value("singles").run()
    assert messages(at) == []
    assert listed(at) is None


def test_long_lists_are_paged(place, store, registry):
    batch_of(store, registry, rows=250)
    at = pick(start(PAGE, model="triage"), "predictions", 0, 1)
    assert len(listed(at)) == 100
    at.session_state["distributions_page"] = 3
    at.run()
    assert listed(at)["Row"].tolist() == list(range(201, 251))


def test_numbers_are_listed_without_how_sure(place, store, registry):
    batch_of(store, registry, "dose", rows=20)
    at = pick(start(PAGE, model="dose"), "predictions", 0)
    assert messages(at) == []
    assert listed(at) is not None
    assert "Sure" not in listed(at)


def test_a_case_of_another_batch_is_not_opened(place, store, registry):
    batch_of(store, registry, rows=31)
    for case in ("32", "nonsense", judged(registry.folder, store)[0].id):
        at = start(PAGE, model="triage", case=case)
        assert len(messages(at)) == 1
        assert "traceback" not in messages(at)[0].lower()
        assert "verdict_agree" not in keys(at)


def test_a_table_stands_in_place_of_the_chart(place, store, registry):
    batch_of(store, registry)
    at = start(PAGE, model="triage")
    assert len(charts(at)) == 1
    assert HINT in texts(at)
    at.toggle(key="distributions_predictions_table").set_value(True).run()
    assert charts(at) == []
    assert HINT not in texts(at)
    found = frames(at)[0]
    assert found["Cases"].sum() == 120
    assert listed(at) is None
    way = at.selectbox(key="distributions_predictions_0_row")
    assert way.options[0].startswith("the model says ")
    way.set_value(0).run()
    assert len(listed(at)) > 0


def test_a_version_that_is_gone_is_said(place, store, registry, monkeypatch, models):
    import shutil

    batch = batch_of(store, registry)
    shutil.copytree(models, place / "model")
    shutil.rmtree(place / "model" / "triage" / batch.version)
    aliases = place / "model" / "triage" / "aliases.json"
    aliases.write_text(json.dumps({"champion": "2"}))
    monkeypatch.setenv("MODEL_DIR", str(place / "model"))
    at = start(PAGE, model="triage", of=batch.id)
    (said,) = messages(at)
    assert f"triage/{batch.version}, which is not in the registry any more" in said.replace(
        "\\", ""
    )
    at = start(PAGE, model="triage", of="singles")
    assert messages(at) == []


@pytest.mark.slow
def test_from_elsewhere_an_expert_sees_the_own_batches_alone(place, store, registry, monkeypatch):
    other, own = batch_of(store, registry), batch_of(store, registry, rows=31)
    judged(registry.folder, store)
    monkeypatch.setattr(type(st.context), "ip_address", "192.0.2.7")
    at = start(PAGE, model="triage")
    assert messages(at) == []
    assert "You have no batch of this model yet." in texts(at)
    monkeypatch.setattr(who, "batches", lambda: [own.id])
    for wanted in (other.id, "singles"):
        at = start(PAGE, model="triage", of=wanted)
        assert at.selectbox(key="distributions_of").options == [
            option for option in at.selectbox(key="distributions_of").options if "31 rows" in option
        ]
        assert len(at.warning) == 1
        assert " of 31 cases (" in texts(at)


@pytest.mark.parametrize("part", ["Confidence", "Over time"])
def test_an_expert_is_told_nothing_of_what_others_said(place, store, registry, monkeypatch, part):
    own = batch_of(store, registry)
    for row in range(1, 13):
        store.add_prediction(ScoredRows(store).opened(own, row, registry.card("triage")))
        store.add_verdict(Verdict(prediction_id(own.id, row), "Bob", "agree"))
    assert sections_verdicts.FOR_REVIEWERS not in texts(start(PAGE, of=own.id, part=part))
    monkeypatch.setattr(type(st.context), "ip_address", "192.0.2.7")
    monkeypatch.setattr(who, "batches", lambda: [own.id])
    at = start(PAGE, model="triage", of=own.id, part=part)
    assert messages(at) == []
    assert sections_verdicts.FOR_REVIEWERS in texts(at)
    assert "12 verdicts" not in texts(at)
    with pytest.raises(UserError, match="may not see every verdict"):
        selection.verdicts(
            store, selection.of_batch(store, own, registry.card("triage")), by=Expert("Ada")
        )


@pytest.mark.parametrize("part", ["Confidence", "Over time"])
def test_who_judges_a_batch_sees_what_others_said_once_all_of_it_is_judged(
    place, store, registry, part
):
    own = batch_of(store, registry, rows=3)
    judge = Expert.declared("Ada")
    for row in (1, 2, 3):
        made = ScoredRows(store).opened(own, row, registry.card("triage"))
        store.add_verdict(Verdict(made.id, "Bob", "agree"))
        is_done = row == 3
        key = sha256(b"Ada").hexdigest()[:32]
        store.add_verdict(Verdict(made.id, judge.label, "agree", id=signed(new_id(), key)))
        at = start(PAGE, of=own.id, part=part)
        assert messages(at) == []
        assert (sections_verdicts.NOT_YET in texts(at)) != is_done
    # Who judged none of it looks at what judges said.
    assert sections_verdicts.NOT_YET not in texts(start(PAGE, name="Grace", of=own.id, part=part))


def test_the_cases_behind_a_bar_are_listed_in_the_order_that_is_chosen(place, store, registry):
    own = batch_of(store, registry, "triage", 60)
    at = start(PAGE, of=own.id, part="Predictions")
    pick(at, "predictions", 0)
    rows = listed(at)
    at.selectbox(key="distributions_sort").set_value("Least sure first").run()
    assert messages(at) == []
    again = listed(at)
    assert sorted(again["Row"]) == sorted(rows["Row"])
    shares = again["Sure"].str.extract(r"(\d+)")[0].astype(int)
    assert shares.is_monotonic_increasing


def test_words_of_the_data_stay_as_they_are(place, store, registry):
    batch_of(store, registry, "hostile")
    for part in PARTS:
        at = start(PAGE, model="hostile", part=part)
        assert messages(at) == []
        for markdown in at.markdown:
            assert "![x]" not in markdown.value


@pytest.mark.slow
def test_what_goes_to_the_browser_is_small(place, store, registry):
    batch_of(store, registry, rows=2000)
    for part in PARTS:
        at = start(PAGE, model="triage", part=part)
        sent = sum(len(element.proto.spec) for element in at.get("plotly_chart"))
        assert sent < 200_000


def test_two_features_stand_in_the_url_and_a_point_lists_its_case(place, store, registry):
    batch_of(store, registry)
    at = start(PAGE, model="triage", part="Features")
    at.selectbox(key="distributions_by").set_value("age").run()
    assert messages(at) == []
    assert "The dashed line is all cases together" in texts(at)
    at.selectbox(key="distributions_and").set_value("colour").run()
    assert (query(at, "by"), query(at, "and")) == ("age", "colour")
    link = {name: query(at, name) for name in at.query_params}
    again = start(PAGE, **link)
    assert messages(again) == []
    assert " of 120 cases (" in texts(again)
    assert ", by Age and Colour" in texts(again)
    assert len(charts(again)) == 3
    pick(again, "by_age_colour", 7)
    assert messages(again) == []
    assert listed(again)["Row"].tolist() == [8]


def test_the_class_whose_share_is_told_can_be_chosen(place, store, registry):
    batch_of(store, registry, "iris", rows=400)
    at = start(PAGE, model="iris", part="Features", by=registry.card("iris").features[0].name)
    share = at.selectbox(key="distributions_share")
    first = registry.card("iris").class_values[0]
    assert str(share.value) != str(first)
    share.set_value(str(first)).run()
    assert messages(at) == []
    assert query(at, "share") == str(first)
    assert f"The model says {registry.card('iris').label(first)} most often where" in texts(at)


def test_a_link_to_a_feature_that_is_none_is_left_out_with_a_note(place, store, registry):
    batch_of(store, registry)
    at = start(PAGE, model="triage", part="Features", by="shoe_size")
    (note,) = [warning.value for warning in at.warning]
    assert "which is not to be had" in note
    assert query(at, "by") is None
    assert len(charts(at)) > 2


def test_a_bar_of_drift_opens_its_feature_below(place, store, registry):
    batch_of(store, registry, age="44")
    at = start(PAGE, model="triage", part="Drift")
    before = len(charts(at))
    pick(at, "drift", 1)
    assert messages(at) == []
    assert len(charts(at)) == before + 1
    assert query(at, "drift") in registry.card("triage").case_schema.names
    pick(at, f"feature_{query(at, 'drift')}", 0)
    assert messages(at) == []
    assert listed(at) is not None


def test_verdicts_of_a_day_list_their_cases(place, store, registry):
    judged(registry.folder, store)
    at = start(PAGE, model="triage", of="singles", part="Over time")
    assert " verdicts on 1 day: " in texts(at)
    pick(at, "agreement", 0)
    assert messages(at) == []
    assert len(listed(at)) > 0
    assert any("judged on" in header.value for header in at.header)


def test_another_model_stands_in_the_url_without_what_was_asked_of_the_last(place, store, registry):
    batch_of(store, registry)
    batch_of(store, registry, "dose")
    at = start(PAGE, model="triage", part="Features", by="colour", **{"and": "visits"})
    at.selectbox(key="model_choice").set_value("dose@champion").run()
    assert messages(at) == []
    assert query(at, "model") == "dose@champion"
    assert [query(at, name) for name in ("by", "and", "share")] == [None] * 3
    again = start(PAGE, **{name: query(at, name) for name in at.query_params})
    assert again.selectbox(key="model_choice").value == "dose@champion"
    assert charts(again)
