"""The result of a batch as a workbook for people, read back by another library than wrote it."""

import io
import re
import zipfile
from pathlib import Path

import pytest
import python_calamine
from builders import HOSTILE, OWNER, check, csv_of, rows_of, score

from second_opinion.batches import downloads
from second_opinion.batches.scored_rows import ScoredRows
from second_opinion.records.expert import Expert
from second_opinion.records.verdict import Verdict
from second_opinion.tables import workbook_writer
from second_opinion.tables.workbook_writer import SheetColumn, write_workbook
from second_opinion.ui.labels import flag_name

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "https://evil.example/a", "{=1}", "00042"]
ADA = Expert("Ada", role="owner")


def read(content, at=0):
    book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
    return book.get_sheet_by_index(at).to_python()


def written(store, batch, card, by=ADA):
    return downloads.result_workbook(store, batch, card, by=by, flag_words=flag_name).read()


def test_what_is_given_out_is_a_file_that_a_page_hands_out(empty_store, registry):
    """Streamlit takes these kinds of streams alone."""
    frame = rows_of(registry, "triage", 3)
    batch = score(empty_store, registry, check(empty_store, registry, csv_of(frame)))
    for stream in (
        downloads.file_as_it_came(empty_store, batch, by=ADA),
        downloads.result_workbook(
            empty_store, batch, registry.card("triage"), by=ADA, flag_words=flag_name
        ),
    ):
        assert isinstance(stream, io.BytesIO | io.BufferedReader | io.RawIOBase)
        assert stream.tell() == 0
        assert len(stream.read()) > 100


def part_of(content, name="xl/worksheets/sheet1.xml"):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read(name).decode()


def result(store, registry, ref="triage", by=ADA, judge=(), **columns):
    """The rows of the workbook by the names in its header, and the workbook."""
    frame = rows_of(registry, ref, len(next(iter(columns.values()), [0] * 6))).assign(**columns)
    batch = score(store, registry, check(store, registry, csv_of(frame), ref))
    card = registry.card(ref)
    for row, about in judge:
        prediction = ScoredRows(store).opened(batch, row, card)
        verdict = Verdict(prediction.id, by.label, **about)
        store.add_verdict(verdict, by=OWNER)
    content = written(store, batch, card, by)
    header, *rows = read(content)
    return [dict(zip(header, row, strict=True)) for row in rows], content


def test_answers_flags_and_cases_stand_there_in_words(empty_store, registry):
    rows, _ = result(empty_store, registry, age=["200", *["40"] * 5])
    assert [row["Row"] for row in rows] == [1, 2, 3, 4, 5, 6]
    assert {row["The model says"] for row in rows} <= {"Keep here", "Send home"}
    assert all(0.5 <= row["Sure"] <= 1 for row in rows)
    assert "Age: outside the training cases" in rows[0]["Flags"]
    assert all(isinstance(row["Pulse (beats/min)"], float) for row in rows)
    assert rows[0]["note_of_ours"] == "row 0, of <b>ours</b>"


def test_what_the_person_said_stands_beside_the_answer(empty_store, registry):
    judge = [
        (1, {"judgement": "agree"}),
        (3, {"judgement": "unsure", "comment": "=HYPERLINK(1)"}),
    ]
    rows, _ = result(empty_store, registry, judge=judge)
    assert [row["You say"] for row in rows] == ["Agree", "", "Unsure", "", "", ""]
    assert rows[0]["Right answer"] == rows[0]["The model says"]
    assert rows[2]["Comment"] == "=HYPERLINK(1)"


def test_a_right_answer_stands_there_in_the_words_of_the_card(empty_store, registry):
    rows, _ = result(empty_store, registry)
    other = {"Keep here": "home", "Send home": "keep"}[rows[0]["The model says"]]
    judge = [(1, {"judgement": "disagree", "correct_value": other})]
    rows, _ = result(empty_store, registry, judge=judge)
    assert rows[0]["Right answer"] == {"home": "Send home", "keep": "Keep here"}[other]


def test_verdicts_of_others_are_not_in_it(empty_store, registry):
    judge = [(1, {"judgement": "agree"})]
    frame = rows_of(registry, "triage", 3)
    batch = score(empty_store, registry, check(empty_store, registry, csv_of(frame)))
    card = registry.card("triage")
    prediction = ScoredRows(empty_store).opened(batch, 1, card)
    empty_store.add_verdict(Verdict(prediction.id, "Grace", **judge[0][1]), by=OWNER)
    content = written(empty_store, batch, card)
    assert "You say" in read(content)[0]
    assert all(row[read(content)[0].index("You say")] == "" for row in read(content)[1:])


@pytest.mark.parametrize(
    ("ref", "name"), [("dose", "The model says (mg)"), ("risk", "The model says: risk of staying")]
)
def test_numbers_and_risks_are_numbers_under_a_header_that_says_what_they_are(
    empty_store, registry, ref, name
):
    rows, content = result(empty_store, registry, ref)
    (header,) = [header for header in rows[0] if header.startswith(name)]
    assert all(isinstance(row[header], float) for row in rows)
    assert "Sure" not in rows[0]
    assert ref != "risk" or '"0.0 %"' in part_of(content, "xl/styles.xml")


def test_texts_stay_texts_whatever_they_begin_with(empty_store, registry):
    texts = [*FORMULAS, HOSTILE, "_x0041_", "a\nb"]
    rows, content = result(empty_store, registry, note_of_ours=texts)
    assert [row["note_of_ours"] for row in rows] == texts
    assert "<f>" not in part_of(content)
    assert "hyperlink" not in part_of(content)


def test_the_header_stays_in_sight_and_columns_are_as_wide_as_their_cells(empty_store, registry):
    rows, content = result(empty_store, registry, note_of_ours=["x" * 300, "y"])
    sheet = part_of(content)
    assert re.search(r'<pane xSplit="1" ySplit="1"[^>]*state="frozen"', sheet)
    columns = re.findall(r'<col min="(\d+)" max="(\d+)" width="([\d.]+)"', sheet)
    assert sum(int(last) - int(first) + 1 for first, last, _ in columns) == len(rows[0])
    widths = [float(width) for _, _, width in columns]
    assert max(widths) < 50
    assert min(widths) > 7
    assert "autoFilter" in sheet


def test_rows_that_a_sheet_does_not_hold_go_on_in_the_next(monkeypatch):
    monkeypatch.setattr(workbook_writer, "MOST_ROWS", 2)
    out = io.BytesIO()
    write_workbook(out, [SheetColumn("n")], ([at] for at in range(5)), sheet="a/b: [cases]")
    parts = [read(out.getvalue(), at) for at in range(3)]
    assert parts == [[["n"], [0], [1]], [["n"], [2], [3]], [["n"], [4]]]
    out = io.BytesIO()
    write_workbook(out, [SheetColumn("n")], [])
    assert read(out.getvalue()) == [["n"]]


def test_a_text_longer_than_a_cell_is_cut_where_it_is_seen():
    out = io.BytesIO()
    write_workbook(out, [SheetColumn("n")], [["x" * 40_000]])
    ((_,), (text,)) = read(out.getvalue())
    assert len(text) == 32_767
    assert text.endswith("…")


@pytest.mark.slow
def test_the_memory_of_a_workbook_does_not_grow_with_its_rows():
    import tracemalloc

    def peak(rows):
        tracemalloc.start()
        with Path("/dev/null").open("wb") as out:
            cells = ([at, f"text {at}", 0.5] for at in range(rows))
            write_workbook(out, [SheetColumn(name) for name in "abc"], cells)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(10)
    assert peak(20_000) < 1.5 * peak(2_000)


def test_a_batch_of_another_card_is_written_too(empty_store, registry):
    """A class that a later card no longer has is there as it is."""
    frame = rows_of(registry, "iris", 3)
    batch = score(empty_store, registry, check(empty_store, registry, csv_of(frame), "iris"))
    card = registry.card("iris")
    fewer = card.model_copy(update={"classes": card.classes[:2]})
    content = written(empty_store, batch, fewer)
    assert len(read(content)) == 4
