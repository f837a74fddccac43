"""Columns that the model does not use: shown where a row is judged, or hidden from every expert."""

import io
import json
import time
from dataclasses import replace

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import python_calamine
from builders import OWNER, REVIEWER, check, csv_of, rows_of, score
from visits import keys, messages, press, start
from workbooks import workbook

from second_opinion.batches import case_facts, column_rights, downloads
from second_opinion.batches.scored_rows import RowFilter, ScoredRows
from second_opinion.errors import UserError
from second_opinion.records.case_columns import Answer, CaseColumns, first_choice
from second_opinion.records.expert import Expert
from second_opinion.records.stamp import new_id
from second_opinion.store import Store
from second_opinion.store.column_choices import add_choice
from second_opinion.ui import fact_list
from second_opinion.ui.labels import flag_name

EVE = Expert("Eve")
SECRET = "hidden-from-experts"
COLUMNS = ("patient", "outcome", "said", "report")


def batch_with(store, registry, ref="triage", count=4, **choice):
    """A scored batch whose target is in the file, with a choice of its columns."""
    columns = {
        "patient": [f"P-{at}" for at in range(count)],
        "outcome": [SECRET] * count,
        "said": "a broker's note",
        "report": "https://records.example.org/1",
    }
    frame = rows_of(registry, ref, count).assign(**columns)
    batch = score(store, registry, check(store, registry, csv_of(frame), ref))
    if choice:
        store.column_choices.choose(batch.id, CaseColumns(**choice), by=OWNER)
    return batch


# --- what holds until somebody chooses


def test_the_target_is_hidden_until_somebody_says_otherwise(empty_store, registry):
    batch = batch_with(empty_store, registry)
    choice = empty_store.column_choices.latest(batch.id)
    assert choice.hidden == ("outcome",)
    assert choice.shown == ("note_of_ours", "patient", "said", "report")
    assert (choice.link_hosts, choice.picture) == ((), "")


@pytest.mark.parametrize(
    "name",
    [
        "outcome",
        "Outcome",
        "OUT_COME",
        "out come",
        "true_outcome",
        "outcomes",
        "label",
        "y",
        "Target",
    ],
)
def test_the_target_is_found_in_other_spellings(name):
    choice = first_choice(("age", name, "id"), {"age"}, Answer("outcome"))
    assert choice == CaseColumns(("id",), (name,))


def test_a_column_that_holds_nothing_but_classes_tells_the_answer():
    answer = Answer("outcome", frozenset({"home", "Send home", "keep", "yes"}))
    columns = ("what_happened", "in_words", "paid", "note", "empty")
    rows = [
        ("home", "send home", "yes", "sent home by bus", None),
        ("keep", "Send home", "no", "home", ""),
    ]
    choice = first_choice(columns, (), answer, rows)
    assert choice.hidden == ("what_happened", "in_words")
    assert choice.shown == ("paid", "note", "empty")


@pytest.mark.parametrize(
    "cells", [("0", "1"), ("0.0", "1.0"), ("Yes", "no"), ("TRUE", "false"), ("y", "N"), ("0", None)]
)
@pytest.mark.parametrize("values", [{"0", "1"}, {"False", "True"}, {"no", "yes"}])
def test_a_column_of_yes_and_no_tells_the_answer_where_the_classes_are_yes_and_no(cells, values):
    rows = [(cell, "2") for cell in cells]
    answer = Answer("Churn", frozenset({"Stays", "Leaves"} | values), frozenset(values))
    assert first_choice(("result", "visits"), (), answer, rows).hidden == ("result",)
    others = Answer("Churn", frozenset({"Stays", "Leaves"}), frozenset({"Stays", "Leaves"}))
    assert first_choice(("result", "visits"), (), others, rows).hidden == ()


@pytest.mark.parametrize(("name", "target"), [("ward", "war"), ("note", "outcome"), ("", "y")])
def test_a_name_that_has_little_of_the_target_is_not_hidden(name, target):
    assert first_choice((name,), (), Answer(target)).hidden == ()


def test_what_is_hidden_is_not_shown_and_what_the_model_takes_is_neither():
    choice = CaseColumns(("b", "a", "age", "gone"), ("a", "age"), picture="a")
    assert choice.tidy(("age", "a", "b"), {"age"}) == CaseColumns(("b",), ("a",))


# --- links


@pytest.mark.parametrize(
    "address",
    [
        "http://records.example.org/1",
        "https://evil.example/1",
        "https://records.example.org.evil.example/1",
        "https://records.example.org@evil.example/1",
        "https://evil.example\\@records.example.org/1",
        "https://user:word@records.example.org/1",
        "https://records.example.org:8443/1",
        "https://records.example.org:99999/1",
        "https:///records.example.org/1",
        "https://records.example.org/a b",
        "https://records.example.org/\u202e1",
        " https://records.example.org/1",
        "javascript:alert(1)//https://records.example.org",
        "HTTPS://records.example.org/1",
        "//records.example.org/1",
        "https://[records.example.org/1",
        "records.example.org",
        "",
    ],
)
def test_only_https_addresses_of_an_allowed_host_are_links(address):
    assert not CaseColumns(link_hosts=("records.example.org",)).allows(address)


def test_an_address_of_an_allowed_host_is_a_link_and_none_is_without_a_host():
    address = "https://records.example.org/a?b=c@d#e"
    assert CaseColumns(link_hosts=("records.example.org",)).allows(address)
    assert not CaseColumns().allows(address)


@pytest.mark.parametrize(
    "host", ["*.example.org", "a b", "user@example.org", "example.org:80", "/"]
)
def test_a_host_that_is_none_is_refused_in_words(host):
    with pytest.raises(UserError, match="is no host; expected a name such as"):
        CaseColumns(link_hosts=(host,)).tidy((), ())


def test_a_host_is_taken_as_people_paste_it():
    choice = CaseColumns(link_hosts=("https://Records.Example.org/", "records.example.org", " "))
    assert choice.tidy((), ()).link_hosts == ("records.example.org",)


# --- where a row is judged


def test_the_columns_stand_in_their_order_wherever_a_row_is_judged(empty_store, registry):
    hosts = ("records.example.org",)
    batch = batch_with(empty_store, registry, shown=("report", "patient"), link_hosts=hosts)
    page = ScoredRows(empty_store).rows(batch)
    facts = case_facts.of_rows(empty_store, batch, page, EVE)
    assert list(facts) == ["report", "patient"]
    assert [fact.text for fact in facts["patient"]] == ["P-0", "P-1", "P-2", "P-3"]
    opened = ScoredRows(empty_store).opened(batch, 3, registry.card("triage"))
    of_one = case_facts.of_prediction(empty_store, opened, EVE)
    assert list(of_one) == ["report", "patient"]
    assert of_one["patient"].text == "P-2"
    assert of_one["report"].href == "https://records.example.org/1"
    assert fact_list.cells([of_one["report"]]) == [
        {"text": "https://records.example.org/1", "href": "https://records.example.org/1"}
    ]


def test_they_are_never_an_input_of_the_model(empty_store, registry):
    batch = batch_with(empty_store, registry, shown=("patient",))
    opened = ScoredRows(empty_store).opened(batch, 1, registry.card("triage"))
    assert not {*COLUMNS} & {*opened.inputs}
    plain = rows_of(registry, "triage", 4)
    without = score(empty_store, registry, check(empty_store, registry, csv_of(plain)))
    other = ScoredRows(empty_store).opened(without, 1, registry.card("triage"))
    assert (other.inputs, other.value) == (opened.inputs, opened.value)


# --- what no expert may see


def every_cell(content, name):
    """All text in a file that was given out."""
    if name.endswith("xlsx"):
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
        return str(book.get_sheet_by_index(0).to_python())
    if name.endswith("parquet"):
        return str(pq.read_table(io.BytesIO(content)).to_pydict())
    return content.decode("utf-8-sig")


def given_out(store, batch, card, by):
    """Every file that the page of a batch gives out."""
    yield "scored.csv", downloads.scored_file(store, batch, by=by)
    yield "safe.csv", downloads.scored_file(store, batch, by=by, spreadsheet_safe=True)
    yield "as-it-came", downloads.file_as_it_came(store, batch, by=by).read()
    book = downloads.result_workbook(store, batch, card, by=by, flag_words=flag_name)
    yield "result.xlsx", book.read()


def test_no_download_of_an_expert_has_a_hidden_column(empty_store, registry):
    batch = batch_with(empty_store, registry, shown=("patient",), hidden=("outcome", "said"))
    card = registry.card("triage")
    for name, content in given_out(empty_store, batch, card, EVE):
        text = every_cell(content, name)
        assert SECRET not in text
        assert "broker" not in text
        assert "outcome" not in text
        assert "P-1" in text
    for name, content in given_out(empty_store, batch, card, REVIEWER):
        assert SECRET in every_cell(content, name), name


@pytest.mark.parametrize("kind", ["march.xlsx", "march.json", "march.jsonl", "march.parquet"])
def test_no_form_of_a_file_has_a_hidden_column(empty_store, registry, kind):
    frame = rows_of(registry, "dose", 3)[["age", "bmi", "bp"]].astype(float)
    frame = frame.assign(target=SECRET, patient="P-1")
    file = io.BytesIO()
    if kind.endswith("xlsx"):
        file.write(workbook([list(frame), *frame.to_numpy().tolist()]))
    elif kind.endswith("parquet"):
        pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), file)
    else:
        lines = kind.endswith("jsonl")
        file.write(frame.to_json(orient="records", lines=lines).encode())
    batch = check(empty_store, registry, file.getvalue(), "dose", kind)
    batch = score(empty_store, registry, batch)
    choice = CaseColumns(shown=("patient",), hidden=("target",))
    empty_store.column_choices.choose(batch.id, choice, by=OWNER)
    for by, is_there in ((EVE, False), (REVIEWER, True)):
        content = downloads.file_as_it_came(empty_store, batch, by=by).read()
        text = every_cell(content, kind)
        assert (SECRET in text) is is_there
        assert "P-1" in text


def test_bad_rows_as_they_stand_are_for_those_who_may_see_all_of_them(empty_store, registry):
    frame = rows_of(registry, "triage", 4).assign(outcome=SECRET)
    frame.loc[1, "age"] = "old"
    batch = score(empty_store, registry, check(empty_store, registry, csv_of(frame)))
    with pytest.raises(UserError, match="1 column that experts may not see"):
        downloads.rejected_file(empty_store, batch, by=EVE)
    assert SECRET in downloads.rejected_file(empty_store, batch, by=REVIEWER).decode()
    assert SECRET not in downloads.problems_file(empty_store, batch, by=EVE).decode()


def test_a_search_tells_an_expert_nothing_of_a_hidden_column(empty_store, registry):
    batch = batch_with(empty_store, registry)
    rows = ScoredRows(empty_store)
    search = RowFilter(column="outcome", text=SECRET[:4], by=REVIEWER)
    assert rows.rows(batch, search).total == 4
    for by in (EVE, None):
        with pytest.raises(UserError, match="is not for experts to see"):
            rows.rows(batch, RowFilter(column="outcome", text=SECRET[:4], by=by))
    assert "outcome" not in column_rights.visible(empty_store, batch, EVE)


def test_what_is_hidden_is_never_shown_whatever_a_choice_says(empty_store, registry):
    choice = CaseColumns(("outcome", "patient"), ("outcome", "report"), picture="report")
    batch = batch_with(empty_store, registry)
    empty_store.column_choices.choose(batch.id, choice, by=OWNER)
    latest = empty_store.column_choices.latest(batch.id)
    assert latest == CaseColumns(("patient",), ("outcome", "report"))


def test_a_stored_choice_that_shows_what_it_hides_gives_an_expert_nothing_of_it(
    empty_store, registry
):
    batch = batch_with(empty_store, registry)
    choice = CaseColumns(("outcome", "patient"), ("outcome", "report"), picture="report")
    with empty_store.column_choices._file.writing() as connection:
        add_choice(connection, batch.id, choice, "Olga")
    card, page = registry.card("triage"), ScoredRows(empty_store).rows(batch)
    opened = ScoredRows(empty_store).opened(batch, 1, card)
    for by in (EVE, None):
        assert list(case_facts.of_rows(empty_store, batch, page, by)) == ["patient"]
        assert list(case_facts.of_prediction(empty_store, opened, by)) == ["patient"]
    assert "outcome" in case_facts.of_rows(empty_store, batch, page, REVIEWER)
    for name, content in given_out(empty_store, batch, card, EVE):
        assert SECRET not in every_cell(content, name), name


def test_who_hid_a_column_and_who_showed_it_again_is_on_record(empty_store, registry):
    batch = batch_with(empty_store, registry)
    choose = empty_store.column_choices.choose
    choose(batch.id, CaseColumns(hidden=("outcome",), shown=("said",)), by=OWNER)
    assert empty_store.event_log.newest("hide columns", by=OWNER) == []
    choose(batch.id, CaseColumns(hidden=("outcome", "said")), by=REVIEWER)
    choose(batch.id, CaseColumns(hidden=("said",)), by=OWNER)
    later, first = empty_store.event_log.newest("hide columns", by=OWNER)
    assert (first.who, first.details["hidden"]) == (REVIEWER.label, ["outcome", "said"])
    assert (later.who, later.details["shown_again"]) == (OWNER.label, ["outcome"])
    assert later.details["batch"] == batch.id


def test_only_the_owner_of_a_batch_and_reviewers_choose(empty_store, registry):
    batch = batch_with(empty_store, registry)
    with pytest.raises(UserError, match="made in another browser"):
        empty_store.column_choices.choose(batch.id, CaseColumns(), by=EVE)
    assert empty_store.column_choices.latest(batch.id).hidden == ("outcome",)
    empty_store.column_choices.choose(batch.id, CaseColumns(("said",)), by=REVIEWER)
    assert empty_store.column_choices.latest(batch.id) == CaseColumns(("said",))


# --- on the page


def sent_to_browser(at):
    """All that a run of the page sends, as text."""
    parts = [str(element.proto) for kind in at._tree.root.children.values() for element in kind]
    return "\n".join(parts)


def idle(at, store):
    """The batch on a page, once nobody is at work on it."""
    while "batch_cancel" in keys(at):
        time.sleep(0.05)
        at.run()
    (batch_id,) = [at.query_params["batch"]]
    return store.batches.find(batch_id if isinstance(batch_id, str) else batch_id[0])


@pytest.fixture
def shared(place, registry):
    """A batch that an expert opens by its link, who is neither its owner nor a reviewer."""
    return batch_with(Store.open(place / "feedback.db"), registry)


def test_nothing_that_is_hidden_is_sent_to_an_experts_browser(shared):
    at = start("pages/2_Batch_upload.py", name="Eve", model="triage", batch=shared.id)
    at.number_input(key="batch_row").set_value(2).run()
    assert messages(at) == []
    sent = sent_to_browser(at)
    assert SECRET not in sent
    assert "P-1" in sent
    assert not [key for key in keys(at) if "batch_shown" in key]
    assert "outcome" not in at.selectbox(key="batch_filter_column").options


def test_the_owner_chooses_at_upload_and_an_unusable_host_is_told(place, registry):
    store = Store.open(place / "feedback.db")
    frame = rows_of(registry, "triage", 3).assign(patient=["P-0", "P-1", "P-2"], outcome=SECRET)
    at = start("pages/2_Batch_upload.py", model="triage")
    at.file_uploader(key="batch_file").upload("march.csv", csv_of(frame), "text/csv").run()
    batch = idle(at, store)
    shown, hidden, hosts = (f"batch_{n}_{batch.id}" for n in ("shown", "hidden", "link_hosts"))
    assert at.multiselect(key=hidden).value == ["outcome"]
    at.multiselect(key=shown).set_value(["patient", "outcome", "note_of_ours"]).run()
    assert messages(at) == []
    assert store.column_choices.latest(batch.id).shown == ("patient", "note_of_ours")
    assert "Hidden, and so not above the fields: outcome." in [c.value for c in at.caption]
    at.text_input(key=hosts).set_value("*.example.org").run()
    assert "is no host" in messages(at)[0]
    at.text_input(key=hosts).set_value("records.example.org").run()
    assert messages(at) == []
    assert store.column_choices.latest(batch.id).link_hosts == ("records.example.org",)
    press(at, "batch_score")
    idle(at, store)
    assert SECRET not in sent_to_browser(at)
    tables = [json.loads(one.proto.json) for one in at.get("bidi_component") if one.proto.json]
    (table,) = [one for one in tables if "rows" in one]
    own = [column["name"] for column in table["columns"] if column["kind"] == "own"]
    assert own == ["patient", "note_of_ours"]
    assert not pd.DataFrame(table["rows"]).empty


def test_a_change_in_one_tab_takes_back_nothing_that_was_hidden_in_another(place, registry):
    store = Store.open(place / "feedback.db")
    frame = rows_of(registry, "triage", 3).assign(patient="P", outcome=SECRET, said="note")
    at = start("pages/2_Batch_upload.py", model="triage")
    at.file_uploader(key="batch_file").upload("march.csv", csv_of(frame), "text/csv").run()
    batch = idle(at, store)
    shown, hidden, hosts = (f"batch_{n}_{batch.id}" for n in ("shown", "hidden", "link_hosts"))
    assert any("outcome" in c.value and "named as the answer" in c.value for c in at.caption)
    latest = store.column_choices.latest(batch.id)
    elsewhere = replace(latest, hidden=("outcome", "said"))
    store.column_choices.choose(batch.id, elsewhere, by=REVIEWER)
    at.text_input(key=hosts).set_value("records.example.org").run()
    assert store.column_choices.latest(batch.id).hidden == ("outcome", "said")
    at.multiselect(key=shown).set_value(["patient", "said"]).run()
    latest = store.column_choices.latest(batch.id)
    assert (latest.shown, latest.hidden) == (("patient",), ("outcome", "said"))
    assert latest.link_hosts == ("records.example.org",)
    hidden_field = at.multiselect(key=hidden)
    hidden_field.set_value([*hidden_field.value, "note_of_ours"]).run()
    assert {*store.column_choices.latest(batch.id).hidden} == {"outcome", "said", "note_of_ours"}
    hidden_field = at.multiselect(key=hidden)
    hidden_field.set_value([name for name in hidden_field.value if name != "outcome"]).run()
    assert {*store.column_choices.latest(batch.id).hidden} == {"said", "note_of_ours"}
    assert messages(at) == []


def test_a_choice_for_a_batch_that_is_not_there_is_refused(empty_store):
    assert empty_store.column_choices.latest(new_id()) == CaseColumns()
