"""Kinds of verdicts: one table in Python, one in the database, and a made-up kind through both."""

import ast
import csv
import io
import os
import re
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from builders import ROOT, case, examples, review_of, verdict, write_at_random
from database import assert_intact, copy_rows, full_count, kept, select
from hypothesis import given
from hypothesis import strategies as st
from sqlite_utils.db import Database
from streamlit.testing.v1 import AppTest
from visits import CASE, messages, press, row_tables, start, stored

from second_opinion import Registry
from second_opinion.errors import UserError
from second_opinion.records import verdict_kinds
from second_opinion.records.expert import Expert
from second_opinion.records.stamp import new_id
from second_opinion.records.verdict import Verdict
from second_opinion.records.verdict_filter import VerdictFilter
from second_opinion.records.verdict_kinds import (
    KINDS,
    ORDER,
    VerdictKind,
    column_kind,
    column_of,
    current_kinds,
    kind_of,
    register,
)
from second_opinion.review.exports import export
from second_opinion.store import Store, sql_verdict_kinds
from second_opinion.store.copies import backup, restore
from second_opinion.store.migrations import migrations
from second_opinion.ui.labels import signed_verdict_text

REVIEWER = Expert("Grace", role="reviewer")
OWNER = Expert("Olga", role="owner")
BEFORE = "m006_verdict_kinds"
WRITTEN = ("predictions", "verdicts", "triage", "adjudications")
# What the steps after that of the kinds fill in, or add.
WORKED_OUT = {
    "predictions": ("expert_key",),
    "triage": (),
    "verdicts": ("case_id", "outcome", "answer", "tolerance", "own_probability", "expert_key"),
    "adjudications": ("case_id", "outcome", "direction"),
}


@pytest.fixture
def partly():
    """A kind that nobody ships, taken out again."""
    yield register(
        VerdictKind(
            "partly",
            label="Partly",
            sign="~",
            words="partly right",
            counts_as="wrong",
            asks=("value", "comment"),
            needs=("value", "comment"),
            first_triage="open",
        )
    )
    del KINDS["partly"]


@pytest.fixture
def opened(tmp_path):
    with closing(Store.open(tmp_path / "feedback.db")) as store:
        yield store


def of_before(path, source=None):
    """A database as the steps before the kinds' table made it, with the rows of another one."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migrations.apply(Database(connection, execute_plugins=False), stop_before=BEFORE)
        if source is not None:
            connection.execute("ATTACH ? AS theirs", (str(source),))
            for table in WRITTEN:
                copy_rows(connection, table)
    return path


def rows_of(path):
    """What people wrote, in the columns that there were before."""
    columns = "SELECT name FROM pragma_table_info(?)"
    old = {
        table: [name for (name,) in select(path, columns, table) if name not in WORKED_OUT[table]]
        for table in WRITTEN
    }
    return {
        table: select(path, f"SELECT rowid, {', '.join(old[table])} FROM {table} ORDER BY rowid")
        for table in WRITTEN
    }


def schema_of(path):
    return sorted(select(path, "SELECT type, name, tbl_name, sql FROM sqlite_schema"), key=str)


def steps_of(path):
    return [name for (name,) in select(path, "SELECT name FROM _sqlite_migrations ORDER BY id")]


# --- the table in Python


def test_what_counts_as_the_same_stands_in_one_column():
    assert [column_kind(counts_as).name for counts_as in ORDER] == [
        *("agree", "disagree", "unsure")
    ]
    for kind in current_kinds():
        assert kind_of(column_of(kind.name)).counts_as == kind.counts_as


def test_a_name_is_given_once():
    with pytest.raises(UserError, match=r"'agree' .* is taken"):
        register(VerdictKind("agree", "Agree", "✓", "agree", "right"))


def test_what_is_no_kind_is_refused_with_the_kinds():
    with pytest.raises(UserError, match="'maybe'; expected one of agree, disagree, unsure"):
        verdict(case(), "maybe").check(case())


NAMES = {kind.name for kind in KINDS.values()}
# What knows the kinds: their table, and the steps of the schema before there was one.
KNOW_THE_NAMES = {"verdict_kinds.py", "migrations.py", "sql_review_tables.py"}
MODULES = sorted(
    path
    for path in (ROOT / "Home.py", *ROOT.glob("pages/*.py"), *ROOT.glob("second_opinion/**/*.py"))
    if path.name not in KNOW_THE_NAMES
)


def texts_in(node):
    """The strings that stand in an expression itself, not in what it calls."""
    if isinstance(node, ast.Constant):
        return {node.value} if isinstance(node.value, str) else set()
    if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
        return set().union(*map(texts_in, node.elts))
    return set()


def compared(path):
    """Every name of a kind that a module compares something with, with its line."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Compare):
            sides = (node.left, *node.comparators)
            yield from ((node.lineno, name) for side in sides for name in texts_in(side) & NAMES)
        elif isinstance(node, ast.MatchValue):
            yield from ((node.lineno, name) for name in texts_in(node.value) & NAMES)
        elif isinstance(node, ast.Dict):
            keys = set().union(*(texts_in(key) for key in node.keys if key is not None))
            # A column of counts and an outcome are named unsure too.
            yield from ((node.lineno, name) for name in keys & (NAMES - {"unsure"}))


IN_SQL = re.compile(f"'({'|'.join(sorted(NAMES))})'")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_knows_a_kind_by_its_name(path):
    assert list(compared(path)) == []


@pytest.mark.parametrize(
    "path", [path for path in MODULES if path.parent.name == "store"], ids=lambda path: path.name
)
def test_no_statement_knows_a_kind_by_its_word(path):
    # What came of a verdict may be unsure too.
    assert set(IN_SQL.findall(path.read_text("utf-8"))) <= {"unsure"}


# --- a kind more


def test_a_kind_more_is_stored_and_counted_as_what_it_counts_as(partly, opened):
    prediction = case(value=1)
    opened.add_prediction(prediction)
    with pytest.raises(UserError, match="says nothing of what would be right"):
        opened.add_verdict(verdict(prediction, "partly"))
    stored = opened.add_verdict(verdict(prediction, "partly", correct_value=0, comment="nearly"))
    opened.add_verdict(verdict(prediction, "agree", "Bob"))
    assert select(opened.path, "SELECT judgement FROM current_verdicts ORDER BY judgement") == [
        *(("agree",), ("partly",))
    ]
    reviewed = opened.reviewed().set_index("expert").loc["Ada"]
    assert (reviewed["judgement"], reviewed["answer"]) == ("partly", 0)
    progress = review_of(opened).progress("churn")
    assert (progress.verdicts, progress.agree, progress.disagree, progress.unsure) == (2, 1, 1, 0)
    assert review_of(opened).shared_counts("churn")["conflicts"] == 1
    (row,) = review_of(opened).page(VerdictFilter(judgement="partly")).rows
    assert (row.verdict, row.outcome, row.triage, row.answer) == (stored, "wrong", "open", 0)
    assert signed_verdict_text(None, stored) == "~ partly: 0"


def test_a_narrow_filter_counts_a_kind_more_too(partly, opened):
    prediction = case(value=1)
    opened.add_prediction(prediction)
    opened.add_verdict(verdict(prediction, "partly", correct_value=0))
    figures = review_of(opened).newest(VerdictFilter(judgement="partly"), 10).by("expert")
    (counts,) = figures.to_dict("records")
    assert (counts["verdicts"], counts["agree"], counts["disagree"], counts["wrong"]) == (
        1,
        0,
        1,
        1,
    )


def test_a_kind_more_can_be_undone(partly, opened):
    prediction = case(value=1)
    opened.add_prediction(prediction)
    opened.add_verdict(verdict(prediction, "partly", correct_value=0))
    opened.add_verdict(verdict(prediction, "withdrawn"))
    assert opened.reviewed().empty
    assert review_of(opened).progress("churn").verdicts == 0


def test_an_export_has_a_kind_more(partly, opened):
    prediction = case(value=1)
    opened.add_prediction(prediction)
    opened.add_verdict(verdict(prediction, "partly", correct_value=0))
    out = io.BytesIO()
    export(opened, out, "verdicts", by=REVIEWER)
    (row,) = csv.DictReader(io.StringIO(out.getvalue().decode()))
    assert (row["judgement"], row["answer"], row["outcome"]) == ("partly", "0", "wrong")


@pytest.mark.slow
@pytest.mark.usefixtures("at_home")
def test_the_review_page_lists_and_counts_a_kind_more(partly, place, models):
    store = Store.open(place / "feedback.db")
    loaded = Registry(models).load("triage")
    inputs, _ = loaded.card.case_schema.read(loaded.card.case_schema.typical)
    prediction = loaded.predict_one(inputs, asked_by="Ada", source="form", id=new_id())
    store.add_prediction(prediction)
    store.add_verdict(Verdict(prediction.id, "Ada", "partly", comment="only half of it"))
    at = AppTest.from_file(ROOT / "Home.py", default_timeout=30)
    at.session_state["who_expert"] = Expert.declared("Grace")
    at.session_state["who_cases"] = []
    at.query_params.update({"model": "triage", "judgement": "partly"})
    at.switch_page("pages/5_Feedback_review.py").run()
    assert messages(at) == []
    (listed,) = row_tables(at)
    assert listed["Verdict"].tolist() == ["~ partly right"]
    assert "~ partly right" in at.selectbox(key="review_filter_judgement").options
    at.query_params["section"] = "experts"
    at.run()
    assert messages(at) == []
    (people,) = row_tables(at)
    assert people[["Verdicts", "Agree", "Disagree"]].to_numpy().tolist() == [["1", "0", "1"]]


# --- the table of the database


def test_opening_adds_the_kinds_that_the_database_lacks(opened, request):
    prediction = case(value=1)
    opened.add_prediction(prediction)
    opened.add_verdict(verdict(prediction))
    before = rows_of(opened.path)
    opened.close()
    request.getfixturevalue("partly")
    with closing(Store(opened.path)) as store:
        store.add_verdict(verdict(prediction, "partly", "Bob", correct_value=0))
        assert rows_of(store.path)["verdicts"][:1] == before["verdicts"]
        assert select(store.path, "SELECT counts_as FROM verdict_kinds WHERE name = 'partly'") == [
            ("wrong",)
        ]


def test_the_database_refuses_a_verdict_of_no_kind(opened):
    prediction = case()
    opened.add_prediction(prediction)
    with closing(sqlite3.connect(opened.path)) as connection, connection:
        connection.execute("PRAGMA foreign_keys = ON")
        with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
            connection.execute(
                "INSERT INTO verdicts (id, prediction_id, expert, identity_source, judgement,"
                " comment, mode, created_at)"
                " VALUES ('v', ?, 'Bob', 'api', 'maybe', '', 'open', '2026-11-01T00:00:00.000Z')",
                (prediction.id,),
            )


@pytest.mark.parametrize(
    "change",
    ["UPDATE verdict_kinds SET counts_as = 'right'", "DELETE FROM verdict_kinds"],
)
def test_a_kind_by_which_verdicts_were_counted_never_changes(opened, change):
    with (
        closing(sqlite3.connect(opened.path)) as connection,
        pytest.raises(sqlite3.IntegrityError, match="verdicts were counted by them"),
    ):
        connection.execute(change)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (("partly", "wrong", 1, "open"), "of the kind 'partly'; expected one of agree"),
        (("agree", "wrong", 1, ""), "give the other meaning a new name"),
    ],
)
def test_a_database_with_other_kinds_is_refused(opened, kind, message):
    opened.close()
    with closing(sqlite3.connect(opened.path)) as connection, connection:
        connection.execute("DROP TRIGGER verdict_kinds_stay")
        connection.execute("DELETE FROM verdict_kinds WHERE name = ?", kind[:1])
        connection.execute("INSERT INTO verdict_kinds VALUES (?, ?, ?, ?)", kind)
    with pytest.raises(UserError, match=message), closing(Store(opened.path)) as store:
        store.reviewed()


# --- the step to it


@pytest.mark.slow
@examples(10)
@given(st.integers(0, 2**32))
def test_a_database_of_before_keeps_every_row_and_every_count(tmp_path_factory, seed):
    folder = tmp_path_factory.mktemp("before")
    with closing(Store.open(folder / "new.db")) as store:
        write_at_random(store, seed)
    old = of_before(folder / "old.db", store.path)
    before = rows_of(old)
    with closing(Store(old)) as migrated:
        migrated.reviewed()
        assert rows_of(old) == before
        assert kept(old) == full_count(old)
        assert schema_of(old) == schema_of(store.path)
        assert_intact(old)
        write_at_random(migrated, seed + 1)
        assert kept(old) == full_count(old)


def test_a_copy_of_before_is_put_back(busy_store, tmp_path):
    old = of_before(tmp_path / "old.db", busy_store.path)
    before = rows_of(old)
    restore(old, tmp_path / "feedback.db", by=OWNER)
    assert rows_of(tmp_path / "feedback.db") == before
    with closing(Store.open(tmp_path / "feedback.db")) as store:
        copy = backup(store, tmp_path / "copy.db", by=REVIEWER)
    assert rows_of(copy) == before


def test_rows_that_pointed_nowhere_before_do_not_stop_the_step(busy_store, tmp_path):
    old = of_before(tmp_path / "old.db", busy_store.path)
    with closing(sqlite3.connect(old)) as connection, connection:
        connection.execute(
            "INSERT INTO triage VALUES ('t', 'gone', 'open', '', 'Bob', '2026-11-01T00:00:00.000Z')"
        )
    before = rows_of(old)
    with closing(Store(old)) as store:
        assert len(store.reviewed()) == len(busy_store.reviewed())
    assert rows_of(old) == before


def test_a_view_of_another_program_stays(busy_store, tmp_path):
    old = of_before(tmp_path / "old.db", busy_store.path)
    with closing(sqlite3.connect(old)) as connection, connection:
        connection.execute("CREATE VIEW mine AS SELECT expert FROM current_verdicts")
    with closing(Store(old)) as store:
        count = len(store.reviewed())
    assert select(old, "SELECT count(*) FROM mine") == [(count,)]


def test_a_copy_that_differs_leaves_the_file_as_it_was(busy_store, tmp_path, monkeypatch):
    old = of_before(tmp_path / "old.db", busy_store.path)
    rows, schema = rows_of(old), schema_of(old)
    lossy = sql_verdict_kinds.VERDICTS.replace(
        "FROM verdicts ORDER BY rowid", "FROM verdicts WHERE rowid > 1 ORDER BY rowid"
    )
    monkeypatch.setattr(sql_verdict_kinds, "VERDICTS", lossy)
    with pytest.raises(UserError, match="Nothing was changed"), closing(Store(old)) as store:
        store.reviewed()
    assert rows_of(old) == rows
    assert schema_of(old) == schema
    monkeypatch.undo()
    with closing(Store(old)) as store:
        store.reviewed()
    assert rows_of(old) == rows


DIES = """
import os, signal, sys
from second_opinion.store import Store, verdict_kinds_table, write_ahead_log
def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
modules = {"log": write_ahead_log, "table": verdict_kinds_table}
_, path, module, name = sys.argv
setattr(modules[module], name, die)
Store.open(path)
"""


@pytest.mark.slow
@pytest.mark.parametrize("wal", [False, True], ids=["one file", "with a log"])
@pytest.mark.parametrize(
    ("module", "name", "is_new"),
    [
        ("table", "add_kinds", False),
        ("table", "_refuse_difference", False),
        ("table", "refuse_other_kinds", False),
        ("log", "begin", True),
    ],
)
def test_a_kill_leaves_the_old_file_or_the_new_one(busy_store, tmp_path, wal, module, name, is_new):
    old = of_before(tmp_path / "old.db", busy_store.path)
    if wal:
        select(old, "PRAGMA journal_mode = WAL")
    rows = rows_of(old)
    killed = subprocess.run(
        [sys.executable, "-c", DIES, str(old), module, name],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=False,
        capture_output=True,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert (BEFORE in steps_of(old)) is is_new
    assert rows_of(old) == rows
    assert_intact(old)
    with closing(Store(old)) as store:
        store.reviewed()
    assert rows_of(old) == rows
    assert kept(old) == full_count(old)


@pytest.mark.parametrize("name", ["agree", "open", "comment", "too_low", "flags"])
def test_a_name_that_means_something_already_is_refused(name):
    kind = VerdictKind(name, label="X", sign="x", words="x", counts_as="nothing")
    with pytest.raises(UserError, match="is taken"):
        register(kind)


def test_a_kind_registered_first_does_not_rename_the_columns(monkeypatch):
    first = VerdictKind("mistaken", label="Mistaken", sign="m", words="m", counts_as="wrong")
    monkeypatch.setattr(verdict_kinds, "KINDS", {"mistaken": first, **verdict_kinds.KINDS})
    assert list(verdict_kinds.column_labels()) == ["agree", "disagree", "unsure"]
    assert verdict_kinds.column_of("mistaken") == "disagree"


def test_what_is_lacking_is_said_in_the_words_of_the_kind():
    kind = VerdictKind("odd", "Odd", "o", "odd", "wrong", asks=("comment",), needs=("comment",))
    assert kind.refusal == (
        "Odd alone says too little. Give a reason in a few words, then save again."
    )


@pytest.fixture
def skewed():
    """A kind that asks for everything but a right value, taken out again."""
    yield register(
        VerdictKind(
            "skewed",
            label="Skewed",
            sign="/",
            words="skewed",
            verb="find it ",
            counts_as="wrong",
            asks=("direction", "severity", "comment"),
            needs=("direction",),
        )
    )
    del KINDS["skewed"]


def test_the_panel_keeps_each_detail_that_a_kind_asks_for(place, skewed):
    at = press(press(start(CASE, model="dose"), "predict_submit"), "verdict_skewed")
    press(at, "verdict_save")
    assert messages(at) == ["Skewed alone says too little. Give a direction, then save again."]
    at.segmented_control(key="verdict_direction").set_value("too_low")
    at.checkbox(key="verdict_serious").check()
    at.text_area(key="verdict_comment").set_value("By far.")
    press(at, "verdict_save")
    assert messages(at) == []
    (row,) = stored(place).to_dict("records")
    said = ("judgement", "direction", "severity", "comment", "correct_value")
    assert [row[name] for name in said] == ["skewed", "too_low", "serious", "By far.", None]
