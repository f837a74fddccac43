"""Pictures beside a table: which are taken, which rows they belong to, and who sees them."""

import io
import zipfile

import pytest
from builders import OWNER, check, csv_of, rows_of, score

from second_opinion.batches import case_facts
from second_opinion.batches.picture_files import pictures_in
from second_opinion.batches.scored_rows import ScoredRows
from second_opinion.errors import UserError
from second_opinion.records import case_picture
from second_opinion.records.case_columns import CaseColumns
from second_opinion.records.case_picture import CasePicture
from second_opinion.records.expert import Expert
from second_opinion.ui import fact_list

EVE = Expert("Eve")
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 20
JPEG = b"\xff\xd8\xff" + b"1" * 20


def archive(files):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, part in files.items():
            packed.writestr(name, part)
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "kind"),
    [(PNG, "png"), (JPEG, "jpeg"), (b"GIF89a..", "gif"), (b"RIFF0000WEBPVP8 ", "webp")],
)
def test_a_picture_is_what_its_bytes_say(content, kind):
    (picture,) = pictures_in([("scan.png", content)])
    assert (picture.name, picture.kind, picture.content) == ("scan.png", kind, content)


def test_an_archive_gives_its_pictures_without_its_folders():
    packed = archive({"ward/1.png": PNG, "2.jpg": JPEG, "__MACOSX/1.png": b"x", "a/": b""})
    assert [p.name for p in pictures_in([("all.zip", packed)])] == ["1.png", "2.jpg"]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.svg", b"<svg onload='alert(1)'/>", "is no picture"),
        ("a.png", b"<html>", "is no picture"),
        ("a.png", b"", "is no picture"),
        ("a.png", PNG + b"0" * case_picture.MOST_BYTES, "is larger than 4 MB"),
        ("a.zip", b"PK\x03\x04 and no more", "cannot be read"),
        ("a.zip", archive({"a.png": PNG})[:-30], "cannot be read"),
        ("a.zip", archive({"notes.txt": b"text"}), "is no picture"),
        ("a.zip", archive({"one/1.png": PNG, "two/1.png": PNG}), "Two pictures are called"),
        ("a.zip", archive({"a": PNG + b"0" * case_picture.MOST_BYTES}), "is larger than 4 MB"),
    ],
    # An archive has the time of its making in it: no name of a test.
    ids=["drawing", "page", "empty", "large", "no end", "cut", "text", "twice", "large inside"],
)
def test_what_is_no_picture_is_refused_in_words(name, content, words):
    with pytest.raises(UserError, match=words):
        list(pictures_in([(name, content)]))


def test_an_archive_that_unpacks_to_too_much_is_not_unpacked(monkeypatch):
    monkeypatch.setattr(case_picture, "MOST_OF_A_BATCH", 1000)
    packed = archive({f"{at}.png": PNG + b"0" * 400 for at in range(9)})
    taken = pictures_in([("a.zip", packed)])
    assert [next(taken).name, next(taken).name] == ["0.png", "1.png"]
    with pytest.raises(UserError, match="expected fewer"):
        next(taken)


@pytest.fixture
def batch(empty_store, registry):
    scans = ["1.png", r"C:\scans\2.jpg", "3.png", "https://images.example.org/4.png"]
    frame = rows_of(registry, "triage", 4).assign(scan=scans)
    batch = score(empty_store, registry, check(empty_store, registry, csv_of(frame)))
    files = [("1.png", PNG), ("2.jpg", JPEG)]
    empty_store.column_choices.add_pictures(batch.id, pictures_in(files), by=OWNER)
    return batch


def facts_of(store, batch, **choice):
    store.column_choices.choose(batch.id, CaseColumns(picture="scan", **choice), by=OWNER)
    return case_facts.of_rows(store, batch, ScoredRows(store).rows(batch), EVE)["scan"]


def test_each_row_has_the_picture_that_it_names(empty_store, batch):
    facts = facts_of(empty_store, batch)
    assert [fact.picture and fact.picture.name for fact in facts] == ["1.png", "2.jpg", None, None]
    cells = fact_list.cells(facts)
    assert cells[0]["picture"].startswith("data:image/png;base64,")
    assert cells[2:] == ["3.png", "https://images.example.org/4.png"]


def test_a_picture_elsewhere_is_shown_where_its_host_is_allowed(empty_store, batch):
    facts = facts_of(empty_store, batch, link_hosts=("images.example.org",))
    assert fact_list.cells(facts)[3] == {
        "text": "https://images.example.org/4.png",
        "picture": "https://images.example.org/4.png",
    }


def test_a_table_has_as_many_pictures_as_a_page_can_send(empty_store, batch, monkeypatch):
    monkeypatch.setattr(fact_list, "MOST_OF_A_PAGE", len(PNG) + 5)
    cells = fact_list.cells(facts_of(empty_store, batch))
    assert [isinstance(cell, str) for cell in cells[:2]] == [False, True]


def test_a_picture_stays_as_it_was_judged_and_is_the_owners_to_add(empty_store, batch):
    choices = empty_store.column_choices
    choices.add_pictures(batch.id, pictures_in([("1.png", JPEG)]), by=OWNER)
    assert choices.pictures(batch.id, ["1.png"])["1.png"].content == PNG
    assert choices.picture_count(batch.id) == (2, len(PNG) + len(JPEG))
    with pytest.raises(UserError, match="made in another browser"):
        choices.add_pictures(batch.id, pictures_in([("9.png", PNG)]), by=EVE)


@pytest.mark.parametrize(("name", "most"), [("MOST_PICTURES", 3), ("MOST_OF_A_BATCH", 80)])
def test_a_batch_has_no_more_pictures_than_it_may_over_all_uploads(
    empty_store, batch, monkeypatch, name, most
):
    choices, before = empty_store.column_choices, len(PNG) + len(JPEG)
    monkeypatch.setattr(case_picture, name, most)
    more = [(f"{at}.png", PNG) for at in (3, 4)]
    with pytest.raises(UserError, match="With these the batch has more than"):
        choices.add_pictures(batch.id, pictures_in(more), by=OWNER)
    assert choices.picture_count(batch.id) == (2, before)
    choices.add_pictures(batch.id, pictures_in([*more[:1], ("1.png", PNG)]), by=OWNER)
    assert choices.picture_count(batch.id)[0] == 3


@pytest.mark.parametrize(
    "picture",
    [
        CasePicture("a.svg", "svg+xml", b"<svg/>"),
        CasePicture("a.png", "png", b"<html>"),
        CasePicture("a.png", "html", PNG),
        CasePicture("a.png", "png", PNG + b"0" * case_picture.MOST_BYTES),
    ],
    ids=["drawing", "page", "another kind", "large"],
)
def test_the_store_takes_nothing_but_pictures(empty_store, batch, picture):
    with pytest.raises(UserError, match=r"is no picture|is larger than"):
        empty_store.column_choices.add_pictures(batch.id, [picture], by=OWNER)


def test_a_hidden_column_shows_no_picture(empty_store, batch):
    hidden = CaseColumns(hidden=("scan",), picture="scan").tidy(batch.columns, ())
    empty_store.column_choices.choose(batch.id, hidden, by=OWNER)
    page = ScoredRows(empty_store).rows(batch)
    assert case_facts.of_rows(empty_store, batch, page, EVE) == {}
