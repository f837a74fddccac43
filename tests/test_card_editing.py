"""Texts of a card that an owner edits: over the file, in every process, and never the answers."""

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from builders import ROOT
from hypothesis import given
from hypothesis import strategies as st

from second_opinion import Registry
from second_opinion.errors import UserError
from second_opinion.models import aliases, card_editing, card_texts
from second_opinion.models.card import ModelCard
from second_opinion.records.expert import Expert
from second_opinion.settings import Settings
from second_opinion.store import Store, copies

CHURN = "customer-churn"
REF = f"{CHURN}/1"
OWNER = Expert("Ada", role="owner")
FILE = Registry(ROOT / "model").card(REF)
CARDS = [entry.card for entry in Registry(ROOT / "model").look().entries()]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The churn demo and a database of its own."""
    shutil.copytree(ROOT / "model" / CHURN, tmp_path / "model" / CHURN)
    monkeypatch.setenv("MODEL_DIR", str(tmp_path / "model"))
    monkeypatch.setenv("FEEDBACK_DB", str(tmp_path / "feedback.db"))
    return Settings.read(secrets={})


@pytest.fixture
def store(here):
    return Store.open(here.feedback_db)


@pytest.fixture
def edit(here, store):
    def edit(by=OWNER, **texts):
        changes = {name.replace("__", "."): text for name, text in texts.items()}
        return card_editing.edit(aliases.managed(here), store, REF, changes, by=by)

    return edit


def card(here):
    return aliases.managed(here).card(REF)


def test_an_edit_stands_over_the_file_which_stays(here, edit):
    edit(limits=" Not for firms. ", features__age__unit="y", target__description="Gone soon?")
    now = card(here)
    assert (now.limits, now.target.description) == ("Not for firms.", "Gone soon?")
    assert now.case_schema["age"].unit == "y"
    assert Registry(here.model_dir).card(REF) == FILE


def test_another_process_reads_the_edit(here, edit):
    edit(title="Who leaves")
    said = subprocess.run(
        [sys.executable, "-m", "second_opinion", "models", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Who leaves" in {row["title"] for row in json.loads(said.stdout)}


def test_the_last_edit_counts_and_each_is_on_record(here, edit, store):
    edit(owner="Bo")
    edit(owner="Cy")
    assert edit(owner="Cy") == []
    assert card(here).owner == "Cy"
    assert [(one.field, one.text, one.edited_by) for one in store.card_edits()] == [
        ("owner", "Bo", "Ada"),
        ("owner", "Cy", "Ada"),
    ]
    (last, first) = store.event_log.newest(what="edit card", by=OWNER)
    assert (last.who, last.details["fields"], first.details["model"]) == ("Ada", ["owner"], CHURN)


@pytest.mark.parametrize("role", ["expert", "reviewer"])
def test_only_an_owner_may_edit(edit, store, role):
    with pytest.raises(UserError, match="may not edit a card"):
        edit(by=Expert("Bo", role=role), title="Mine")
    assert store.card_edits() == []


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ({"title": " "}, "title is empty"),
        ({"features__age__label": ""}, r"features.age.label is empty"),
        ({"features__shoe__label": "x"}, "no text 'features.shoe.label'"),
        ({"target__event": "x"}, "no text 'target.event'"),
        ({"tolerance": "5"}, "no text 'tolerance'.*card.json"),
        ({"sha256": "0"}, "no text 'sha256'"),
        ({"limits": "x" * 4001}, "4,001 characters; expected 4,000 at most"),
    ],
)
def test_what_will_not_do_is_refused_in_words_and_nothing_is_stored(edit, store, texts, words):
    with pytest.raises(UserError, match=words):
        edit(owner="Bo", **texts)
    assert store.card_edits() == []


def test_another_model_under_the_same_number_does_not_get_the_edits(here, edit):
    edit(title="Who leaves")
    path = Path(here.model_dir) / CHURN / "1" / "card.json"
    fields = json.loads(path.read_text("utf-8"))
    fields["artifact"]["sha256"] = "0" * 64
    path.write_text(json.dumps(fields), "utf-8")
    assert card(here).title == FILE.title


def test_edits_are_never_changed_and_come_back_with_a_copy(here, edit, store, tmp_path):
    edit(title="Who leaves")
    with closing(sqlite3.connect(here.feedback_db)) as connection:
        for statement in ("UPDATE card_edits SET text = 'x'", "DELETE FROM card_edits"):
            with pytest.raises(sqlite3.IntegrityError, match="an edit of a card"):
                connection.execute(statement)
    copy = copies.backup(store, tmp_path / "copy.db", by=OWNER)
    edit(title="Who stays")
    with pytest.raises(UserError, match="1 edit of a card"):
        copies.restore(copy, store.path, by=OWNER)


# --- the two hashes


@pytest.mark.parametrize("of", CARDS, ids=lambda card: card.ref)
def test_words_change_the_hash_over_all_alone(of):
    texts = card_texts.texts_of(of)
    said = [n for n in texts if not n.startswith("classes") and not n.endswith(".unit")]
    for name in said:
        now = card_texts.edited(of, {name: f"{texts[name]}!"})
        assert card_texts.texts_of(now) == texts | {name: f"{texts[name]}!"}
        assert now.sha256 != of.sha256
        assert now.question_sha256 == of.question_sha256


@pytest.mark.parametrize("of", CARDS, ids=lambda card: card.ref)
def test_a_unit_or_the_name_of_an_answer_changes_the_question(of):
    texts = card_texts.texts_of(of)
    for name in [n for n in texts if n.startswith("classes") or n.endswith(".unit")]:
        now = card_texts.edited(of, {name: f"{texts[name]}!"})
        assert now.question_sha256 != of.question_sha256


def test_what_is_asked_changes_the_hash_of_the_question():
    fields = FILE.model_dump()
    for name, value in [
        ("tolerance", None),
        ("bands", {"low": 0.7}),
        ("positive", 0),
        ("features", fields["features"][1:]),
        ("target", fields["target"] | {"event": "going"}),
        ("classes", fields["classes"][::-1]),
    ]:
        now = ModelCard.model_validate(fields | {name: value})
        assert (now.question_sha256 == FILE.question_sha256) == (value is None)


@given(st.dictionaries(st.sampled_from(sorted(card_texts.texts_of(FILE))), st.text()))
def test_texts_put_over_a_card_are_read_from_it_and_nothing_else_changes(texts):
    kept = {n: t for n, t in texts.items() if t or not n.endswith(("title", "label"))}
    now = card_texts.edited(FILE, kept)
    assert card_texts.texts_of(now) == card_texts.texts_of(FILE) | kept
    assert card_texts.edited(now, card_texts.texts_of(FILE)).model_dump(
        exclude={"sha256"}
    ) == FILE.model_dump(exclude={"sha256"})
