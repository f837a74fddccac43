"""The Batch upload page without a browser: what it shows in each state, and what it stores."""

import io
import json

import pandas as pd
import pytest
from builders import HOSTILE, OWNER, batch_of, csv_of, rows_of
from visits import (
    BATCH,
    as_read,
    keys,
    messages,
    open_row,
    press,
    scored,
    start,
    until_idle,
    upload,
)
from workbooks import workbook

from second_opinion.batches import downloads, jobs
from second_opinion.batches.scored_rows import ScoredRows
from second_opinion.errors import UserError
from second_opinion.records.expert import Expert
from second_opinion.records.stamp import new_id
from second_opinion.store import Store
from second_opinion.ui import who
from second_opinion.ui.batch import checked_file
from second_opinion.ui.batch import opened_batch as page


def batch_on(at, place):
    (batch_id,) = [at.query_params["batch"]]
    batch_id = batch_id if isinstance(batch_id, str) else batch_id[0]
    return Store.open(place / "feedback.db").batches.find(batch_id)


def texts(at):
    return " | ".join([t.value for t in at.text] + [t.value for t in at.caption])


def remarks(at):
    return [as_read(remark.value) for remark in at.info]


def case_rows(at):
    """The rows of the table: number, what was said, words of the flags, cells by their columns."""
    tables = [json.loads(one.proto.json) for one in at.get("bidi_component") if one.proto.json]
    (table,) = [one for one in tables if "rows" in one]
    own = {"row", "verdict", "flags"}
    names = [column["name"] for column in table["columns"] if column["kind"] not in own]
    return pd.DataFrame(
        [
            {"row": row["row"], "said": row["said"], "flags": "; ".join(row["flags"])}
            | dict(zip(names, row["cells"], strict=True))
            for row in table["rows"]
        ]
    )


def frames(at):
    return [element.value for element in at.dataframe]


@pytest.mark.slow
def test_a_file_is_checked_scored_looked_at_and_judged(place, registry):
    frame = rows_of(registry, "triage", 250)
    frame.loc[[10, 20], "age"] = "old"
    at = upload(start(BATCH, model="triage"), csv_of(frame))
    assert messages(at) == []
    assert (
        "250 rows · comma · UTF-8 · 11 of 11 columns · 1 other column is kept but not used"
        in texts(at)
    )
    assert frames(at)[0]["Row in the file"].tolist() == [12, 22]
    assert at.button(key="batch_score").label == "Score the 248 good rows"
    at = until_idle(press(at, "batch_score"))
    assert messages(at) == []
    assert {metric.label: metric.value for metric in at.metric}["Rows scored"] == "248"
    assert case_rows(at)["row"].tolist() == list(range(1, 101))
    open_row(at, 77)
    assert [header.value for header in at.header].count("Row 77") == 1
    press(at, "verdict_agree")
    assert messages(at) == []
    reviewed = Store.open(place / "feedback.db").reviewed()
    assert reviewed[["row_number", "judgement", "source"]].values.tolist() == [
        [77, "agree", "batch"]
    ]
    assert case_rows(at)["said"].tolist()[76] == "agree"
    found = downloads.scored_file(Store.open(place / "feedback.db"), batch_on(at, place), by=OWNER)
    back = pd.read_csv(io.BytesIO(found), dtype=str, keep_default_na=False)
    assert back[frame.columns].equals(frame.drop([10, 20]).reset_index(drop=True))


@pytest.mark.slow
def test_the_link_finds_a_batch_in_another_browser(place, registry):
    at = scored(start(BATCH, model="dose"), csv_of(rows_of(registry, "dose", 20)))
    link = batch_on(at, place).id
    other = start(BATCH, name="Grace", batch=link)
    assert messages(other) == []
    assert other.selectbox(key="model_choice").value == "dose@champion"
    assert {metric.label: metric.value for metric in other.metric}["Rows scored"] == "20"


def test_a_link_to_nothing_says_so_and_asks_for_a_file(place):
    at = start(BATCH, batch=new_id())
    assert "not in the feedback database" in messages(at)[0]
    assert at.file_uploader(key="batch_file")
    assert "batch" not in at.query_params


@pytest.mark.slow
def test_another_model_in_the_menu_leaves_the_batch(place, registry):
    at = scored(start(BATCH, model="dose"), csv_of(rows_of(registry, "dose", 20)))
    at.selectbox(key="model_choice").set_value("iris@champion").run()
    assert messages(at) == []
    assert at.file_uploader(key="batch_file")
    assert "batch" not in at.query_params


@pytest.mark.slow
def test_a_batch_is_open_still_after_another_page(place, registry):
    at = scored(start(BATCH, model="dose"), csv_of(rows_of(registry, "dose", 20)))
    at.switch_page("Home.py").run()
    at.switch_page(BATCH).run()
    assert {metric.label: metric.value for metric in at.metric}["Rows scored"] == "20"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"%PDF-1.7", "PDF"),
        (b"pulse,temperature\n1,2\n", "missing"),
    ],
)
def test_a_file_that_cannot_be_read_says_why_and_makes_no_batch(place, content, said):
    at = start(BATCH, model="triage")
    at.file_uploader(key="batch_file").upload("march.csv", content, "text/csv").run()
    assert said in " ".join(messages(at))
    assert Store.open(place / "feedback.db").batches.listed() == []


def test_an_offer_is_a_button_and_is_taken(place, registry):
    frame = rows_of(registry, "triage", 5)
    content = b"Patients of March\n\n" + frame.to_csv(index=False, sep=";").encode()
    at = start(BATCH, model="triage")
    at.file_uploader(key="batch_file").upload("march.csv", content, "text/csv").run()
    assert "The names of the columns stand in line 3: read from there." in remarks(at)
    assert at.button(key="batch_offer_0").label == "Read from line 3"
    assert [len(frame) for frame in frames(at) if "Row in the file" not in frame][-1] == 5
    until_idle(press(at, "batch_offer_0"))
    assert messages(at) == []
    assert batch_on(at, place).rows == 5


def test_how_the_cells_are_parted_is_said_and_a_press_reads_them_otherwise(place, registry):
    frame = rows_of(registry, "triage", 5)
    content = frame.drop(columns="age").to_csv(index=False, sep=";").encode()
    at = start(BATCH, model="triage")
    at.file_uploader(key="batch_file").upload("march.csv", content, "text/csv").run()
    assert remarks(at)[0].startswith("Read with semicolons")
    for words in ("Read with commas", "Read with semicolons"):
        (key,) = [button.key for button in at.button if button.label == f"Not right? {words}"]
        press(at, key)
        assert messages(at)
    assert remarks(at)[0].startswith("Read with semicolons")
    upload(at, frame.to_csv(index=False, sep=";", decimal=",").encode())
    assert remarks(at)[0].startswith("Read with semicolons")
    assert batch_on(at, place).rows == 5


def test_a_file_that_was_read_well_can_be_read_with_another_separator(place, registry):
    frame = rows_of(registry, "triage", 4).assign(extra="a;b")
    content = frame.to_csv(index=False).encode()
    at = upload(start(BATCH, model="triage"), content)
    first = batch_on(at, place)
    assert first.rows == 4
    (key,) = [one.key for one in at.button if one.label == "Read with semicolons"]
    press(at, key)
    assert "Choose march.csv again: it is read with semicolons then." in remarks(at)
    at.file_uploader(key="batch_file").upload("march.csv", content, "text/csv").run()
    # Whoever chooses it sees what that makes of it, and the way back.
    assert messages(at)
    (key,) = [one.key for one in at.button if one.label.endswith("Read with commas")]
    press(at, key)
    assert batch_on(at, place).id != first.id
    assert batch_on(at, place).rows == 4


def test_a_column_that_may_be_missing_is_left_out_only_when_a_person_says_so(place, registry):
    optional = next(f.name for f in registry.card("triage").case_schema if f.optional)
    frame = rows_of(registry, "triage", 5).drop(columns=optional)
    at = start(BATCH, model="triage")
    at.file_uploader(key="batch_file").upload("march.csv", csv_of(frame), "text/csv").run()
    assert f'no column "{optional}"' in messages(at)[0]
    assert at.button(key="batch_offer_0").label == f'Go on without "{optional}"'
    assert Store.open(place / "feedback.db").batches.listed() == []
    until_idle(press(at, "batch_offer_0"))
    assert messages(at) == []
    assert f'read as not known in every row: "{optional}"' in " ".join(remarks(at))
    assert batch_on(at, place).rows == 5


def test_an_encoding_is_chosen_by_what_its_cells_read_like(place, registry):
    frame = rows_of(registry, "triage", 5).assign(town="Łódź")
    content = frame.to_csv(index=False).encode("cp1250")
    at = start(BATCH, model="triage")
    at.file_uploader(key="batch_file").upload("march.csv", content, "text/csv").run()
    labels = [button.label for button in at.button if str(button.key).startswith("batch_offer_")]
    assert labels[0] == "Read it as Windows-1250 (Central Europe): Łódź"
    assert len(labels) > 2
    until_idle(press(at, "batch_offer_0"))
    assert batch_on(at, place).encoding == "cp1250"


def test_what_points_mean_is_asked_and_the_answer_stays_with_the_batch(place, registry):
    numeric, *others = [f.name for f in registry.card("triage").case_schema if f.is_numeric]
    frame = rows_of(registry, "triage", 5).assign(**dict.fromkeys(others, "50"))
    content = frame.assign(**{numeric: "1.050"}).to_csv(index=False, sep=";").encode()
    at = start(BATCH, model="triage")
    at.file_uploader(key="batch_file").upload("march.csv", content, "text/csv").run()
    assert "stands before three digits" in messages(at)[0]
    assert "The point parts thousands: 1.050 is 1050" in at.button(key="batch_offer_0").label
    until_idle(press(at, "batch_offer_0"))
    assert batch_on(at, place).decimal == ",."
    shown = next(frame for frame in frames(at) if "Row in the file" in frame and numeric in frame)
    assert shown[numeric].str.startswith("1,050").all()
    until_idle(press(at, "batch_score"))
    batch = batch_on(at, place)
    assert batch.rows_done == 5
    scored_rows = ScoredRows(Store.open(place / "feedback.db"))
    assert scored_rows.opened(batch, 1, registry.card("triage")).inputs[numeric] == 1050


def test_one_of_several_sheets_is_chosen_and_named(place, registry):
    rows = rows_of(registry, "triage", 2)
    cells = [list(rows), *rows.astype(object).values.tolist()]
    cells = [[c if isinstance(c, (str, int, float)) else str(c) for c in row] for row in cells]
    at = start(BATCH, model="triage")
    content = workbook(march=cells, april=cells[:2])
    at.file_uploader(key="batch_file").upload("book.xlsx", content, "x").run()
    assert "on the sheets" in messages(at)[0]
    assert at.button(key="batch_offer_1").label == "Read the sheet april"
    until_idle(press(at, "batch_offer_1"))
    assert batch_on(at, place).rows == 1
    assert "Read from the sheet april." in remarks(at)


def test_a_file_without_a_good_row_offers_another_file(place, registry):
    frame = rows_of(registry, "triage", 3).assign(age="x")
    at = upload(start(BATCH, model="triage"), csv_of(frame))
    assert messages(at) == []
    assert "No row of this file can be scored." in texts(at)
    assert "batch_score" not in keys(at)
    press(at, "batch_fix")
    assert at.file_uploader(key="batch_file")


def test_fixing_the_file_first_keeps_nothing_of_it(place, registry):
    at = upload(start(BATCH, model="triage"), csv_of(rows_of(registry, "triage", 3)))
    batch = batch_on(at, place)
    press(at, "batch_fix")
    store = Store.open(place / "feedback.db")
    assert not store.batches.is_whole(batch.id)
    assert not [button for button in keys(at) if button.startswith("batch_open_")]


def test_pasted_json_is_a_batch_too(place, registry):
    schema = registry.card("dose").case_schema
    cases = [registry.reference("dose").plausible(schema, seed) for seed in range(3)]
    at = start(BATCH, model="dose")
    until_idle(at.text_area(key="batch_json").set_value(json.dumps(cases)).run())
    assert messages(at) == []
    assert batch_on(at, place).rows == 3


def test_columns_that_look_like_people_are_pointed_out(place, registry):
    frame = rows_of(registry, "triage", 3).assign(patient_id=["1", "2", "3"])
    at = upload(start(BATCH, model="triage"), csv_of(frame))
    assert "patient" in at.warning[0].value


def test_past_batches_say_who_when_model_and_progress_and_open(place, registry):
    at = scored(start(BATCH, model="dose"), csv_of(rows_of(registry, "dose", 20)))
    batch = batch_on(at, place)
    press(at, "batch_another")
    line = next(text.value for text in at.text if "rows scored" in text.value)
    assert "Ada" in line
    assert "dose version 1" in line
    press(at, f"batch_open_{batch.id}")
    assert {metric.label: metric.value for metric in at.metric}["Rows scored"] == "20"


def test_elsewhere_one_sees_only_the_batches_of_this_browser(
    place,
    registry,
    monkeypatch,
):
    at = scored(start(BATCH, model="dose"), csv_of(rows_of(registry, "dose", 20)))
    batch = batch_on(at, place)
    monkeypatch.setattr(who, "is_local", lambda: False)
    press(at, "batch_another")
    assert f"batch_open_{batch.id}" in keys(at)
    other = start(BATCH, name="Ada", model="dose")
    assert f"batch_open_{batch.id}" not in keys(other)


def test_a_link_opens_a_batch_to_look_at_and_not_to_change(place, registry):
    at = upload(start(BATCH, model="dose"), csv_of(rows_of(registry, "dose", 20)))
    batch, store = batch_on(at, place), Store.open(place / "feedback.db")
    by_link = start(BATCH, name="Eve", model="dose", batch=batch.id)
    assert messages(by_link) == []
    assert checked_file.BY_LINK in texts(by_link)
    assert not {"batch_score", "batch_fix", "batch_cancel"} & keys(by_link)
    eve = Expert("Ada", browser_secret="another browser")
    for change in (
        lambda: store.batches.cancel(batch.id, by=eve),
        lambda: jobs.score(store, registry, batch.id, by=eve),
    ):
        with pytest.raises(UserError, match="made in another browser"):
            change()
    assert store.batches.find(batch.id).state == "checked"
    assert {"batch_score", "batch_fix"} <= keys(start(BATCH, model="dose", batch=batch.id))


def test_filters_and_order_change_the_table(place, registry):
    at = scored(start(BATCH, model="triage"), csv_of(rows_of(registry, "triage", 250)))
    at.selectbox(key="batch_sort").set_value("Least sure first").run()
    table = case_rows(at)
    shares = table["Sure"].str.extract(r"(\d+)")[0].astype(int)
    assert shares.is_monotonic_increasing
    at.selectbox(key="batch_filter_column").set_value("note_of_ours").run()
    at.text_input(key="batch_filter_text").set_value("row 24").run()
    table = case_rows(at)
    assert sorted(table["row"]) == [25, *range(241, 251)]
    at.text_input(key="batch_filter_text").set_value("nothing like that").run()
    assert "No row is like that" in texts(at)
    assert messages(at) == []


def test_a_batch_is_judged_row_after_row_in_the_order_of_the_table(place, registry):
    at = scored(start(BATCH, model="triage"), csv_of(rows_of(registry, "triage", 5)))
    at.selectbox(key="batch_sort").set_value("Least sure first").run()
    order = case_rows(at)["row"].tolist()
    open_row(at, order[2])
    assert "verdict_next" not in keys(at)
    seen = []
    for _ in range(4):
        seen.append(at.number_input(key="batch_row").value)
        press(press(at, "verdict_agree"), "verdict_next")
        assert messages(at) == []
    seen.append(at.number_input(key="batch_row").value)
    assert seen == [*order[2:], *order[:2]]
    press(at, "verdict_agree")
    assert "verdict_next" not in keys(at)
    (progress,) = [bar for bar in at.get("progress") if "judged by you" in bar.proto.text]
    assert progress.proto.text == "5 of 5 rows judged by you"


def test_an_opened_row_says_why_the_model_answers_so(place, registry):
    at = scored(start(BATCH, model="triage"), csv_of(rows_of(registry, "triage", 3)))
    assert "Why this answer" not in [header.value for header in at.header]
    open_row(at, 2)
    assert "Why this answer" in [header.value for header in at.header]
    assert len([bar for bar in at.get("progress") if bar.proto.text[:1] in "▲▼"]) == 3


def test_the_next_row_is_one_that_the_filter_lets_through(place, registry):
    frame = rows_of(registry, "triage", 6).assign(ward=list("abaaba"))
    at = scored(start(BATCH, model="triage"), csv_of(frame))
    at.selectbox(key="batch_filter_column").set_value("ward").run()
    at.text_input(key="batch_filter_text").set_value("b").run()
    open_row(at, 4)
    press(press(at, "verdict_agree"), "verdict_next")
    assert at.number_input(key="batch_row").value == 2
    press(press(at, "verdict_agree"), "verdict_next")
    assert at.number_input(key="batch_row").value == 5


def test_only_rows_that_are_there_can_be_asked_for(place, registry):
    frame = rows_of(registry, "triage", 200)
    at = scored(start(BATCH, model="triage"), csv_of(frame))
    flags = case_rows(at)["flags"]
    plain = frame.loc[flags.index[flags == ""][:3]]
    beyond = plain.assign(age="300")
    doubtful = frame.loc[flags.index[flags.str.contains("sure")][:3]]
    for rows, offered in [
        (plain, []),
        (beyond, ["Flagged"]),
        (pd.concat([plain, doubtful]), ["Flagged", "Not sure"]),
    ]:
        at = scored(start(BATCH, model="triage"), csv_of(rows))
        (only,) = [each for each in at.get("button_group") if each.key == "batch_filter_only"]
        choices = list(only.options)
        assert choices == [*offered, "Without my verdict", "With my verdict"]
        for choice in offered:
            only.set_value([choice]).run()
            table = case_rows(at)
            assert 0 < len(table) <= len(rows)


def test_a_batch_that_stopped_says_why_and_offers_the_rest(place, registry):
    at = upload(start(BATCH, model="dose"), csv_of(rows_of(registry, "dose", 20)))
    store, batch = Store.open(place / "feedback.db"), batch_on(at, place)
    store.batches.claim(batch.id, "somebody")
    store.batches.fail(batch.id, f"The disk is full. {HOSTILE}", "somebody")
    at.run()
    assert messages(at) == [f"The disk is full. {HOSTILE}"]
    until_idle(press(at, "batch_score"))
    assert batch_on(at, place).state == "done"


@pytest.mark.slow
@pytest.mark.parametrize("model", ["dose", "risk", "iris", "hostile"])
def test_every_kind_of_model_has_its_page(place, registry, model):
    content = csv_of(rows_of(registry, model, 30).assign(**{HOSTILE: HOSTILE}))
    at = scored(start(BATCH, model=model), content, name=f"{HOSTILE}.csv")
    assert messages(at) == []
    open_row(at, 3)
    assert messages(at) == []
    press(at, "verdict_unsure")
    press(at, "verdict_save")
    assert messages(at) == []
    assert Store.open(place / "feedback.db").reviewed()["judgement"].tolist() == ["unsure"]


def test_progress_is_said_in_words():
    assert page.progress_text(batch_of()) == "is being checked"
    assert page.progress_text(batch_of(state="checked", rows=1)) == "1 row, checked, not scored yet"
    half = batch_of(state="cancelled", rows=1237, rows_done=812)
    assert page.progress_text(half) == "812 of 1,237 rows, cancelled"
    assert page.progress_text(batch_of(state="done", rows=5, rows_done=5)) == "5 rows scored"
