"""What the feedback database promises: nothing acknowledged is lost, and nothing stored changes."""

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from builders import OWNER, REVIEWER, ROOT, THOROUGH, as_nobody, case, examples, review_of, verdict
from database import assert_intact, ids_in, select
from hypothesis import given
from hypothesis import strategies as st
from sqlite_utils.db import Database

from second_opinion.errors import UserError
from second_opinion.records.expert import Expert, same_person
from second_opinion.records.review import ReviewProgress
from second_opinion.records.stamp import new_id
from second_opinion.store import Store, database_file, file_opening, record_rows, write_ahead_log
from second_opinion.store.migrations import migrations

KILLS = 25 if THOROUGH else 4
STARTS = 40 if THOROUGH else 8

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
SCALAR = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXT
)
JSON = st.recursive(
    SCALAR, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4)
)


@pytest.fixture(scope="module")
def shared_store(tmp_path_factory):
    """One store for the generated examples, each of which uses predictions of its own."""
    store = Store.open(tmp_path_factory.mktemp("shared") / "feedback.db")
    yield store
    store.close()


@pytest.fixture
def stored(empty_store):
    """A prediction that is in `empty_store`."""
    prediction = case()
    empty_store.add_prediction(prediction)
    return prediction


@pytest.fixture
def short_timeout(monkeypatch):
    monkeypatch.setattr(database_file, "TIMEOUT_SECONDS", 0.2)


def start(script, *arguments):
    """A Python process of its own that runs the script and talks over its pipes."""
    return subprocess.Popen(
        [sys.executable, "-u", "-c", script, *map(str, arguments)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def ask(process, line):
    process.stdin.write(f"{line}\n")
    process.stdin.flush()
    return process.stdout.readline().strip()


# --- what is stored


COLUMNS = {
    "predictions": "id batch_id row_number model version model_sha256 card_sha256 inputs value "
    "confidence probabilities flags source asked_by latency_ms created_at alias "
    "expert_key",
    "verdicts": "id prediction_id expert identity_source judgement correct_value direction "
    "severity comment mode blind_value blind_confidence seconds supersedes created_at "
    "case_id outcome answer tolerance own_probability expert_key",
}


@pytest.mark.parametrize("table", COLUMNS)
def test_the_columns_are_the_documented_ones(empty_store, table):
    found = select(empty_store.path, "SELECT name FROM pragma_table_info(?)", table)
    assert [name for (name,) in found] == COLUMNS[table].split()
    strict = select(empty_store.path, "SELECT strict FROM pragma_table_list WHERE name = ?", table)
    assert strict == [(1,)]


def test_the_current_verdicts_have_the_columns_of_verdicts(empty_store):
    found = select(empty_store.path, "SELECT name FROM pragma_table_info('current_verdicts')")
    assert [name for (name,) in found] == COLUMNS["verdicts"].split()


@given(JSON)
def test_a_value_comes_back_from_its_json_text_to_the_bit(value):
    text = record_rows.to_json("value", value)
    assert repr(json.loads(text) if text is not None else None) == repr(value)


@examples(40)
@given(st.dictionaries(TEXT, SCALAR, max_size=6), SCALAR, SCALAR)
def test_a_prediction_and_a_verdict_come_back_as_they_were(shared_store, inputs, value, blind):
    prediction = case(inputs=inputs, value=value)
    shared_store.add_prediction(prediction)
    assert repr(shared_store.prediction(prediction.id)) == repr(prediction)

    given_verdict = verdict(prediction, mode="blind", blind_value=blind, blind_confidence=0.6)
    assert repr(shared_store.add_verdict(given_verdict)) == repr(given_verdict)
    assert repr(shared_store.verdict_history(prediction.id, by=REVIEWER)) == repr([given_verdict])


def test_every_field_comes_back(empty_store):
    prediction = case(
        flags=("out_of_range:age", "unseen:city"),
        batch_id="b1",
        row_number=7,
        source="batch",
        alias="ab",
    )
    empty_store.add_prediction(prediction)
    assert empty_store.prediction(prediction.id) == prediction

    given_verdict = verdict(
        prediction,
        "disagree",
        "Ada <ada@example.org>",
        identity_source="oidc",
        correct_value=0,
        direction="too_high",
        severity="serious",
        comment="Zu hoch: 年齢 \N{GRINNING FACE}\r\n  'quoted'; -- \u202e",
        mode="blind",
        blind_value=0,
        blind_confidence=0.9,
        own_probability=0.35,
        seconds=12.25,
    )
    assert empty_store.add_verdict(given_verdict) == given_verdict
    assert empty_store.verdict_history(prediction.id, by=REVIEWER) == [given_verdict]


def test_numpy_dates_and_missing_values_are_stored_plain(empty_store):
    prediction = case(
        inputs={"age": np.int64(40), "born": date(1984, 2, 29), "weight": float("nan")},
        value=np.float32(0.5),
        confidence=np.float32(0.25),
        probabilities=(np.float64(0.75), np.float64(0.25)),
        row_number=np.int64(3),
    )
    empty_store.add_prediction(prediction)
    found = empty_store.prediction(prediction.id)
    assert found.inputs == {"age": 40, "born": "1984-02-29", "weight": None}
    assert (found.value, found.confidence, found.row_number) == (0.5, 0.25, 3)
    assert found.probabilities == (0.75, 0.25)
    assert select(empty_store.path, "SELECT inputs FROM predictions") == [
        ('{"age":40,"born":"1984-02-29","weight":null}',)
    ]


def test_a_regression_has_neither_confidence_nor_probabilities(empty_store):
    prediction = case(value=0.1 + 0.2, confidence=None, probabilities=None)
    empty_store.add_prediction(prediction)
    assert empty_store.prediction(prediction.id) == prediction


@pytest.mark.slow
@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "ok \udfff"])
@pytest.mark.parametrize(
    "place",
    [
        lambda text: {"inputs": {"city": text}},
        lambda text: {"inputs": {text: 1}},
        lambda text: {"value": text},
        lambda text: {"flags": (text,)},
        lambda text: {"asked_by": text},
    ],
)
def test_a_text_that_cannot_be_kept_is_refused_and_not_mangled(empty_store, place, text):
    with pytest.raises(UserError, match="surrogate"):
        empty_store.add_prediction(case(**place(text)))
    assert ids_in(empty_store.path, "predictions") == set()


@pytest.mark.parametrize("field", ["comment", "expert"])
def test_a_verdict_with_half_a_surrogate_pair_is_refused(empty_store, stored, field):
    with pytest.raises(UserError, match="surrogate"):
        empty_store.add_verdict(replace(verdict(stored), **{field: "\ud83d"}))
    assert ids_in(empty_store.path) == set()


@pytest.mark.parametrize("value", [float("inf"), -np.inf, b"x", 1j, {1: 2}, [np.array([1, 2])]])
def test_a_value_that_json_cannot_hold_is_refused(empty_store, value):
    with pytest.raises(UserError, match="expected"):
        empty_store.add_prediction(case(inputs={"age": value}))


# --- predictions


def test_a_prediction_that_is_not_there_is_none(empty_store):
    assert empty_store.prediction("no such id") is None


def test_a_prediction_stored_twice_is_stored_once_and_unchanged(empty_store, stored):
    empty_store.add_predictions([replace(stored, value=0), stored])
    assert empty_store.prediction(stored.id) == stored
    assert len(ids_in(empty_store.path, "predictions")) == 1


def test_predictions_are_stored_all_or_none(empty_store):
    def interrupted():
        yield case()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        empty_store.add_predictions(interrupted())
    with pytest.raises(sqlite3.IntegrityError):
        empty_store.add_predictions([case(), case(source="fax")])
    assert ids_in(empty_store.path, "predictions") == set()


def history_of(store, person, ids, **limit):
    return [prediction for prediction, _ in store.history(person, ids, **limit, by=OWNER)]


def test_the_history_of_a_person_comes_newest_first(empty_store):
    """Those of one millisecond in the order of their storing; the clock decides between others."""
    cases = [case(created_at="2024-01-01T00:00:00.000Z") for _ in range(20)]
    old = case(created_at="2023-01-01T00:00:00.000Z", asked_by=" ADA ")
    new = case(created_at="2025-01-01T00:00:00.000Z", asked_by="ada")
    every = [new, *cases, old, case(asked_by="Bo"), case(asked_by="Ada B")]
    empty_store.add_predictions(every)

    ids = [prediction.id for prediction in every]
    newest_first = [new, *reversed(cases), old]
    assert history_of(empty_store, "Ada", ids, limit=100) == newest_first
    assert history_of(empty_store, "Ada", ids) == newest_first[:12]
    assert history_of(empty_store, "Cy", ids) == []


def test_ids_narrow_the_history_of_a_person_and_never_widen_it(empty_store):
    own, spelled, other = case(), case(asked_by="ada "), case(asked_by="Bo")
    empty_store.add_predictions([own, case(), spelled, other])
    ids = [own.id, other.id, spelled.id, "no such id", "'); DROP TABLE verdicts; --"]
    assert history_of(empty_store, "Ada", ids) == [spelled, own]
    assert history_of(empty_store, "Ada", ids, limit=1) == [spelled]
    assert history_of(empty_store, "Ada", []) == []


def test_the_history_of_a_person_has_the_verdicts_of_that_person_that_count(empty_store):
    judged, withdrawn, open_case = case(), case(), case()
    empty_store.add_predictions([judged, withdrawn, open_case])
    own = empty_store.add_verdict(verdict(judged, "agree", "ada"))
    empty_store.add_verdict(verdict(open_case, "agree", "Bo"))
    empty_store.add_verdict(verdict(withdrawn, "agree", "Ada"))
    empty_store.add_verdict(verdict(withdrawn, "withdrawn", "Ada"))
    ids = [judged.id, withdrawn.id, open_case.id]
    verdicts = {prediction.id: v for prediction, v in empty_store.history("Ada", ids, by=OWNER)}
    assert verdicts == {judged.id: own, withdrawn.id: None, open_case.id: None}


# --- chains of verdicts


SPELLINGS = ["Ada", " ada", "ADA  ", "Bo", "bo", "Cy"]
DEEDS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(SPELLINGS),
        st.sampled_from(["agree", "disagree", "unsure", "withdrawn"]),
    ),
    max_size=25,
)


@pytest.mark.slow
@examples(40)
@given(DEEDS)
def test_the_current_verdicts_equal_a_plain_model_of_the_chains(shared_store, deeds):
    """Each expert's last verdict on a case counts, unless it is withdrawn; nothing else changes."""
    model = new_id()
    cases = [case(model=model) for _ in range(3)]
    shared_store.add_predictions(cases)
    chains = {}
    for number, spelling, judgement in deeds:
        chain = chains.setdefault((number, spelling.strip().lower()), [])
        said = verdict(cases[number], judgement, spelling)
        if judgement == "withdrawn" and (not chain or chain[-1].judgement == "withdrawn"):
            with pytest.raises(UserError, match="no verdict on this prediction"):
                shared_store.add_verdict(said)
            continue
        chain.append(shared_store.add_verdict(said))
        assert chain[-1] == replace(said, supersedes=chain[-2].id if len(chain) > 1 else None)

    for (number, person), chain in chains.items():
        prediction_id = cases[number].id
        counts = chain[-1] if chain and chain[-1].judgement != "withdrawn" else None
        assert shared_store.current_verdict(prediction_id, person, by=OWNER) == counts
        assert shared_store.verdict_history(prediction_id, person, by=REVIEWER) == chain
    assert_reviewed_is(shared_store, model, cases, chains)


def assert_reviewed_is(store, model, cases, chains):
    current = {
        key: chain[-1]
        for key, chain in chains.items()
        if chain and chain[-1].judgement != "withdrawn"
    }
    frame = store.reviewed()
    assert set(frame.loc[frame["model"] == model, "verdict_id"]) == {
        found.id for found in current.values()
    }
    for person in ("ada", "bo", "cy"):
        assert store.current_verdicts_of(
            person.upper(), [found.id for found in cases], by=OWNER
        ) == {
            cases[number].id: found for (number, name), found in current.items() if name == person
        }
    counts = Counter(found.judgement for found in current.values())
    assert review_of(store).progress(model) == ReviewProgress(
        predictions=len(cases),
        judged=len({number for number, _ in current}),
        verdicts=len(current),
        agree=counts["agree"],
        disagree=counts["disagree"],
        unsure=counts["unsure"],
        experts=len({name for _, name in current}),
        last_verdict_at=max((found.created_at for found in current.values()), default=None),
        right=counts["agree"],
        wrong=counts["disagree"],
    )


def test_a_chain_goes_on_from_the_withdrawn_row(empty_store, stored):
    first = empty_store.add_verdict(verdict(stored))
    undone = empty_store.add_verdict(verdict(stored, "withdrawn"))
    assert empty_store.current_verdict(stored.id, "Ada", by=OWNER) is None
    again = empty_store.add_verdict(verdict(stored, "unsure", "ADA"))
    assert [first.supersedes, undone.supersedes, again.supersedes] == [None, first.id, undone.id]
    assert empty_store.current_verdict(stored.id, "ada", by=OWNER) == again


@pytest.mark.parametrize("judgement", ["agree", "unsure", "withdrawn"])
@pytest.mark.parametrize("since", [[], ["unsure"], ["withdrawn"], ["unsure", "withdrawn"]])
def test_what_was_not_on_the_page_is_not_replaced(empty_store, stored, judgement, since):
    """A tab that shows an older verdict, or one that is gone, is told, and nothing is stored."""
    shown = empty_store.add_verdict(verdict(stored))
    for other in since:
        empty_store.add_verdict(verdict(stored, other))
    before = empty_store.verdict_history(stored.id, by=REVIEWER)
    for on_page in (shown.id, None) if since else (None, "another"):
        current = empty_store.current_verdict(stored.id, "Ada", by=OWNER)
        if on_page == (current.id if current else None):
            continue
        with pytest.raises(UserError, match="another one than this page showed"):
            empty_store.add_verdict(verdict(stored, judgement), on_page=on_page)
    assert empty_store.verdict_history(stored.id, by=REVIEWER) == before


@pytest.mark.parametrize("judgement", ["agree", "unsure", "withdrawn"])
def test_a_typed_name_neither_shows_nor_replaces_the_verdict_of_another_browser(
    empty_store, stored, judgement
):
    ada, eve = Expert("Ada", browser_secret="of Ada"), Expert("ada ", browser_secret="of Eve")
    own = replace(verdict(stored, "disagree", comment="Secret."), id=new_id(ada.browser_secret))
    empty_store.add_verdict(own, on_page=None, by=ada)
    about = [stored.id]
    assert empty_store.current_verdict(stored.id, "Ada", by=ada).id == own.id
    assert empty_store.current_verdict(stored.id, "ada ", by=eve) is None
    assert empty_store.current_verdicts_of("Ada", about, by=eve) == {}
    assert [said for _, said in empty_store.history("Ada", about, by=eve)] in ([], [None])
    for on_page in (None, own.id, ...):
        other = replace(verdict(stored, judgement), expert="ada ", id=new_id(eve.browser_secret))
        with pytest.raises(UserError, match="made in another browser"):
            empty_store.add_verdict(other, on_page=on_page, by=eve)
    assert [one.id for one in empty_store.verdict_history(stored.id, by=REVIEWER)] == [own.id]
    mine = replace(verdict(stored, judgement), id=new_id(ada.browser_secret))
    assert empty_store.add_verdict(mine, on_page=own.id, by=ada).supersedes == own.id


def test_the_retry_of_a_click_is_no_stale_page(empty_store, stored):
    shown = empty_store.add_verdict(verdict(stored))
    undone = verdict(stored, "withdrawn")
    first = empty_store.add_verdict(undone, on_page=shown.id)
    assert empty_store.add_verdict(undone, on_page=shown.id) == first


def test_what_others_said_is_told_to_reviewers_alone(empty_store, stored):
    empty_store.add_verdict(verdict(stored))
    with pytest.raises(UserError, match="may not see every verdict"):
        empty_store.review(by=Expert("Bob"))
    whole = review_of(empty_store).progress(stored.model)
    about_all = whole.predictions, whole.verdicts, whole.experts, whole.last_verdict_at
    assert empty_store.effort(stored.model) == (*about_all, 0)
    assert empty_store.effort(stored.model, of="ADA") == (*about_all, 1)
    assert empty_store.effort(stored.model, of="Bob") == (*about_all, 0)


def test_nothing_is_withdrawn_twice(empty_store, stored):
    empty_store.add_verdict(verdict(stored, expert="Bob"))
    with pytest.raises(UserError, match="Ada has no verdict on this prediction"):
        empty_store.add_verdict(verdict(stored, "withdrawn"))
    empty_store.add_verdict(verdict(stored))
    empty_store.add_verdict(verdict(stored, "withdrawn"))
    before = empty_store.verdict_history(stored.id, by=REVIEWER)
    with pytest.raises(UserError, match="Ada has no verdict on this prediction"):
        empty_store.add_verdict(verdict(stored, "withdrawn"))
    assert empty_store.verdict_history(stored.id, by=REVIEWER) == before
    empty_store.add_verdict(verdict(stored, "unsure"))
    empty_store.add_verdict(verdict(stored, "withdrawn"))
    assert empty_store.current_verdict(stored.id, "Ada", by=OWNER) is None


def test_a_chain_holds_when_the_clock_is_set_back(empty_store, stored):
    late = empty_store.add_verdict(verdict(stored, created_at="2030-01-01T00:00:00.000Z"))
    early = empty_store.add_verdict(
        verdict(stored, "unsure", created_at="2020-01-01T00:00:00.000Z")
    )
    assert early.supersedes == late.id
    assert empty_store.verdict_history(stored.id, by=REVIEWER) == [late, early]
    assert empty_store.current_verdict(stored.id, "Ada", by=OWNER) == early


def test_what_a_caller_says_of_supersedes_is_ignored(empty_store, stored):
    of_bo = empty_store.add_verdict(verdict(stored, expert="Bo"))
    found = empty_store.add_verdict(verdict(stored, supersedes=of_bo.id))
    assert found.supersedes is None
    assert empty_store.current_verdict(stored.id, "Bo", by=OWNER) == of_bo


def test_a_verdict_sent_again_is_the_one_that_is_stored(empty_store, stored):
    """Also when it has been replaced since: a late retry of the browser must not win."""
    sent = verdict(stored)
    first = empty_store.add_verdict(sent)
    second = empty_store.add_verdict(verdict(stored, "unsure"))
    assert empty_store.add_verdict(replace(sent, comment="changed")) == first
    assert empty_store.verdict_history(stored.id, by=REVIEWER) == [first, second]
    assert empty_store.current_verdict(stored.id, "Ada", by=OWNER) == second


def test_a_verdict_is_checked_against_its_stored_prediction(empty_store, stored):
    with pytest.raises(UserError, match="same as the model's"):
        empty_store.add_verdict(verdict(stored, "disagree", correct_value=1))
    with pytest.raises(UserError, match="predict the case again"):
        empty_store.add_verdict(verdict(case()))
    assert ids_in(empty_store.path) == set()


def test_current_verdicts_are_those_of_the_expert_on_the_asked_predictions(empty_store):
    _, second, third = cases = [case() for _ in range(3)]
    empty_store.add_predictions(cases)
    own = [empty_store.add_verdict(verdict(found)) for found in cases]
    empty_store.add_verdict(verdict(second, expert="Bo"))
    empty_store.add_verdict(verdict(third, "withdrawn"))
    asked = [second.id, third.id, "no such id"]
    assert empty_store.current_verdicts_of("ada", asked, by=OWNER) == {second.id: own[1]}
    assert empty_store.current_verdicts_of("ada", [], by=OWNER) == {}


# --- what the pages count


def test_reviewed_has_the_same_columns_and_types_when_it_is_empty(empty_store, stored):
    empty = empty_store.reviewed()
    assert len(empty) == 0
    empty_store.add_verdict(verdict(stored))
    assert empty_store.reviewed().dtypes.to_dict() == empty.dtypes.to_dict()


def test_reviewed_joins_each_current_verdict_to_its_prediction(empty_store):
    flags = ("out_of_range:age",)
    predictions = [
        case(value=value, flags=flags, batch_id="b1", row_number=number, source="batch")
        for number, value in enumerate(["1", 1, True, 1.0])
    ]
    empty_store.add_predictions(predictions)
    corrections = [1, "1", False, None]
    given_verdicts = [
        empty_store.add_verdict(
            verdict(prediction, "disagree", correct_value=correct, comment="no", seconds=2)
        )
        for prediction, correct in zip(predictions, corrections, strict=True)
    ]

    frame = empty_store.reviewed().set_index("verdict_id").loc[[v.id for v in given_verdicts]]
    assert list(map(repr, frame["value"])) == ["'1'", "1", "True", "1.0"]
    assert list(map(repr, frame["correct_value"])) == ["1", "'1'", "False", "None"]
    assert list(frame["prediction_id"]) == [prediction.id for prediction in predictions]
    assert list(frame["created_at"]) == [found.created_at for found in given_verdicts]
    assert list(frame["predicted_at"]) == [prediction.created_at for prediction in predictions]
    assert list(frame["row_number"]) == [0, 1, 2, 3]
    assert frame["severity"].isna().all()
    first = frame.iloc[0]
    assert first["inputs"] == {"age": 40}
    assert first["probabilities"] == (0.2, 0.8)
    assert first["flags"] == flags
    assert (first["direction"], first["comment"], first["seconds"]) == ("too_low", "no", 2.0)


def test_reviewed_keeps_whole_numbers_whole_beside_missing_ones(empty_store):
    """pandas would make 0 and nothing a column of floats, and 0 then 0.0."""
    cases = [case(value=1), case(value=None)]
    empty_store.add_predictions(cases)
    empty_store.add_verdict(verdict(cases[0], "disagree", correct_value=0))
    empty_store.add_verdict(verdict(cases[1]))
    frame = empty_store.reviewed().set_index("prediction_id").loc[[found.id for found in cases]]
    assert list(map(repr, frame["value"])) == ["1", "None"]
    assert list(map(repr, frame["correct_value"])) == ["0", "None"]


def test_progress_counts_one_model_and_one_version(empty_store):
    old, new, other = case(), case(version="2"), case(model="credit")
    empty_store.add_predictions([old, new, other, case(version="2")])
    for found in (old, new, other):
        empty_store.add_verdict(verdict(found))
    last = empty_store.add_verdict(verdict(new, "disagree", "Bo"))

    assert review_of(empty_store).progress("churn", "2") == ReviewProgress(
        2, 1, 2, 1, 1, 0, 2, last.created_at, 1, 1
    )
    assert review_of(empty_store).progress("churn").verdicts == 3
    assert review_of(empty_store).progress("churn").predictions == 3
    assert review_of(empty_store).progress("none") == ReviewProgress(
        0, 0, 0, 0, 0, 0, 0, None, 0, 0
    )


# --- append only, enforced by the database itself


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE verdicts SET judgement = 'disagree'",
        "UPDATE verdicts SET comment = comment",
        "DELETE FROM verdicts",
        "INSERT OR REPLACE INTO verdicts SELECT * FROM verdicts",
        "UPDATE predictions SET value = '0'",
        "UPDATE OR REPLACE predictions SET id = 'other'",
    ],
)
def test_another_program_cannot_change_what_is_stored(empty_store, stored, statement):
    empty_store.add_verdict(verdict(stored))
    before = list(sqlite3.connect(empty_store.path).iterdump())
    with (
        closing(sqlite3.connect(empty_store.path)) as connection,
        pytest.raises(sqlite3.IntegrityError, match=r"append-only|never change"),
    ):
        connection.execute(statement)
    assert list(sqlite3.connect(empty_store.path).iterdump()) == before


def test_no_row_takes_the_place_of_one_that_supersedes_the_same(empty_store, stored):
    first = empty_store.add_verdict(verdict(stored))
    second = empty_store.add_verdict(verdict(stored, "unsure"))
    rival = record_rows.to_row(replace(second, id=new_id()))
    assert rival["supersedes"] == first.id
    marks = ", ".join(f":{name}" for name in rival)
    with closing(sqlite3.connect(empty_store.path)) as connection:
        for verb in ("INSERT", "INSERT OR REPLACE"):
            with pytest.raises(sqlite3.IntegrityError):
                connection.execute(
                    f"{verb} INTO verdicts ({', '.join(rival)}) VALUES ({marks})", rival
                )
    assert empty_store.verdict_history(stored.id, by=REVIEWER) == [first, second]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("judgement", "maybe"),
        ("identity_source", "guess"),
        ("direction", "sideways"),
        ("severity", "huge"),
        ("mode", "shut"),
        ("supersedes", "no such id"),
        ("prediction_id", "no such id"),
        ("correct_value", "{not json"),
        ("blind_value", "NaN"),
        ("expert", None),
        ("comment", None),
    ],
)
def test_the_database_refuses_a_verdict_that_no_record_can_be(empty_store, stored, field, value):
    row = {**record_rows.to_row(verdict(stored)), field: value}
    marks = ", ".join(f":{name}" for name in row)
    with (
        empty_store._file.writing() as connection,
        pytest.raises(sqlite3.IntegrityError),
    ):
        connection.execute(f"INSERT INTO verdicts ({', '.join(row)}) VALUES ({marks})", row)
    assert ids_in(empty_store.path) == set()


def test_reads_cannot_write(empty_store, stored):
    with (
        pytest.raises(UserError, match="cannot be written"),
        empty_store._file.reading() as connection,
    ):
        connection.execute("DELETE FROM predictions")
    assert empty_store.prediction(stored.id) == stored


# --- many at once


def test_a_file_has_one_store_in_a_process(tmp_path, monkeypatch):
    path = tmp_path / "feedback.db"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link.db").symlink_to(path)
    with ThreadPoolExecutor(16) as pool:
        stores = set(pool.map(Store.open, [path, "feedback.db", "./feedback.db", "link.db"] * 8))
    assert len(stores) == 1
    assert Store.open(tmp_path / "other.db") not in stores
    for store in [*stores, Store.open(tmp_path / "other.db")]:
        store.close()


def test_sixteen_threads_lose_no_verdict_and_fork_no_chain(empty_store):
    cases = [case() for _ in range(3)]
    empty_store.add_predictions(cases)

    def judge(number):
        expert = SPELLINGS[number % len(SPELLINGS)]
        said = [verdict(found, "unsure", expert) for found in cases * 8]
        return [empty_store.add_verdict(found) for found in said]

    with ThreadPoolExecutor(16) as pool:
        acknowledged = {found.id for given in pool.map(judge, range(16)) for found in given}

    assert len(acknowledged) == 16 * 24
    assert ids_in(empty_store.path) == acknowledged
    for found in cases:
        for person in ("Ada", "Bo", "Cy"):
            history = empty_store.verdict_history(found.id, person, by=REVIEWER)
            assert [v.supersedes for v in history] == [None, *(v.id for v in history[:-1])]
            assert empty_store.current_verdict(found.id, person, by=OWNER) == history[-1]
    assert_intact(empty_store.path)


def test_one_verdict_from_sixteen_threads_is_one_row(empty_store, stored):
    sent = verdict(stored)
    barrier = threading.Barrier(16)

    def send(_):
        barrier.wait()
        return empty_store.add_verdict(sent)

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(send, range(16)))
    assert answers == [sent] * 16
    assert empty_store.verdict_history(stored.id, by=REVIEWER) == [sent]


def test_reading_goes_on_while_something_is_written(empty_store, stored):
    with empty_store._file.writing() as connection:
        connection.execute("INSERT INTO predictions SELECT * FROM predictions WHERE id = 'none'")
        assert empty_store.prediction(stored.id) == stored
        assert review_of(empty_store).progress("churn").predictions == 1


STARTER = """
import sys
from second_opinion.records.expert import Expert
from second_opinion.records.prediction import Prediction
from second_opinion.store import Store
print("ready")
for line in sys.stdin:
    store = Store.open(line.strip())
    store.add_prediction(Prediction("m", "1", "", "", {}, 1, None, None, (), "api", "Ada", 1.0))
    print("stored")
"""


@pytest.mark.slow
def test_processes_may_start_on_an_empty_folder_at_the_same_moment(tmp_path):
    processes = [start(STARTER) for _ in range(4)]
    try:
        assert [process.stdout.readline() for process in processes] == ["ready\n"] * 4
        for number in range(STARTS):
            path = tmp_path / f"{number}.db"
            with ThreadPoolExecutor(4) as pool:
                answers = list(pool.map(lambda process: ask(process, path), processes))  # noqa: B023
            assert answers == ["stored"] * 4
            assert len(ids_in(path, "predictions")) == 4
            applied = [name for (name,) in select(path, "SELECT name FROM _sqlite_migrations")]
            assert len(applied) == len(set(applied)) > 0
            assert select(path, "PRAGMA journal_mode") == [("wal",)]
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def test_turning_on_the_log_waits_for_another_process_that_starts(empty_store, stored):
    """SQLite says "locked" at once there, whatever its timeout."""
    empty_store.close()
    with (
        closing(sqlite3.connect(empty_store.path, isolation_level=None)) as other,
        closing(file_opening.connected(empty_store.path, 30)) as connection,
        ThreadPoolExecutor(1) as pool,
    ):
        other.execute("PRAGMA journal_mode = DELETE")
        other.execute("BEGIN IMMEDIATE")
        answer = pool.submit(write_ahead_log.begin, connection, 30)
        time.sleep(0.2)
        assert not answer.done()
        other.execute("ROLLBACK")
        answer.result()
    assert select(empty_store.path, "PRAGMA journal_mode") == [("wal",)]


def test_what_others_said_before_is_for_reviewers(empty_store, stored):
    with pytest.raises(UserError, match="may not see every verdict"):
        empty_store.verdict_history(stored.id, by=Expert("Ada"))


# --- killed, deleted, replaced


def test_commits_reach_the_disk_before_they_are_acknowledged(empty_store):
    """Power cuts cannot be tried here; the settings that survive one can be read."""
    with empty_store._file.writing() as connection:
        pragmas = {
            name: connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("synchronous", "foreign_keys", "journal_mode", "busy_timeout")
        }
    assert pragmas == {
        "synchronous": 2,
        "foreign_keys": 1,
        "journal_mode": "wal",
        "busy_timeout": 30_000,
    }


WRITER = """
import sys
from second_opinion.records.prediction import Prediction
from second_opinion.records.verdict import Verdict
from second_opinion.store import Store
store = Store.open(sys.argv[1])
while True:
    prediction = Prediction("m", "1", "", "", {}, 1, None, None, (), "api", "Ada", 1.0)
    store.add_prediction(prediction)
    print(store.add_verdict(Verdict(prediction.id, "Ada", "agree")).id)
"""


@pytest.mark.slow
def test_a_killed_process_loses_nothing_that_it_acknowledged(tmp_path):
    path = tmp_path / "feedback.db"
    chance = random.Random(1)
    acknowledged = set()
    for _ in range(KILLS):
        process = start(WRITER, path)
        acknowledged.add(process.stdout.readline().strip())
        time.sleep(chance.uniform(0, 0.3))
        process.send_signal(signal.SIGKILL)
        printed, _ = process.communicate()
        acknowledged.update(line for line in printed.split("\n")[:-1])
        assert ids_in(path) >= acknowledged
        assert_intact(path)
    assert len(acknowledged) > KILLS
    with closing(Store.open(path)) as store:
        assert review_of(store).progress("m").verdicts == len(ids_in(path))


@pytest.mark.parametrize("leftovers", [True, False])
def test_a_file_deleted_while_open_is_made_anew(empty_store, stored, leftovers):
    empty_store.path.unlink()
    if not leftovers:
        for sidecar in empty_store.path.parent.iterdir():
            sidecar.unlink()

    with pytest.raises(UserError, match="predict the case again"):
        empty_store.add_verdict(verdict(stored))
    again = case()
    empty_store.add_prediction(again)
    acknowledged = empty_store.add_verdict(verdict(again))
    assert ids_in(empty_store.path) == {acknowledged.id}
    assert_intact(empty_store.path)


def test_reading_a_file_deleted_while_open_finds_nothing(empty_store, stored):
    empty_store.path.unlink()
    assert empty_store.prediction(stored.id) is None
    assert review_of(empty_store).progress("churn").predictions == 0


def test_a_file_moved_away_while_open_keeps_what_was_acknowledged(empty_store, stored):
    moved = empty_store.path.with_name("kept.db")
    empty_store.path.rename(moved)
    new = case()
    empty_store.add_prediction(new)
    assert ids_in(moved, "predictions") == {stored.id}
    assert ids_in(empty_store.path, "predictions") == {new.id}
    assert_intact(moved)
    assert_intact(empty_store.path)


def test_a_file_replaced_while_open_is_used_as_it_is(empty_store, stored, tmp_path):
    """The log of the old file lies beside it still, and must not be replayed into the new one."""
    theirs = case()
    with closing(Store.open(tmp_path / "backup.db")) as backup:
        backup.add_prediction(theirs)
    backup.path.replace(empty_store.path)

    with pytest.raises(UserError, match="predict the case again"):
        empty_store.add_verdict(verdict(stored))
    acknowledged = empty_store.add_verdict(verdict(theirs))
    assert ids_in(empty_store.path) == {acknowledged.id}
    assert ids_in(empty_store.path, "predictions") == {theirs.id}
    assert_intact(empty_store.path)


def test_a_file_replaced_while_a_write_waits_for_it_gets_the_write(empty_store, stored, tmp_path):
    with closing(Store.open(tmp_path / "backup.db")) as backup:
        backup.add_prediction(stored)
    other = sqlite3.connect(empty_store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(empty_store.add_verdict, verdict(stored))
        time.sleep(0.2)
        assert not answer.done()
        backup.path.replace(empty_store.path)
        other.execute("ROLLBACK")
        other.close()
        acknowledged = answer.result()
    # Closed first: the log of the old file would show its rows through the new one.
    empty_store.close()
    assert ids_in(empty_store.path) == {acknowledged.id}


@pytest.mark.slow
def test_two_processes_survive_that_their_file_is_replaced(empty_store, stored, tmp_path):
    """Neither may write its log over the other's, nor keep to the file that is gone."""
    child = start(STARTER)
    try:
        assert child.stdout.readline() == "ready\n"
        assert ask(child, empty_store.path) == "stored"
        Store.open(tmp_path / "backup.db").close()
        (tmp_path / "backup.db").replace(empty_store.path)

        ours = [case() for _ in range(6)]
        for number, prediction in enumerate(ours):
            empty_store.add_prediction(prediction)
            assert ask(child, empty_store.path) == "stored"
            assert len(ids_in(empty_store.path, "predictions")) == 2 * (number + 1)
        assert ids_in(empty_store.path, "predictions") >= {found.id for found in ours}
        assert_intact(empty_store.path)
    finally:
        child.kill()
        child.communicate()


def test_closing_leaves_one_file_and_using_opens_it_again(empty_store, stored):
    empty_store.close()
    assert [found.name for found in empty_store.path.parent.iterdir()] == ["feedback.db"]
    assert empty_store.prediction(stored.id) == stored
    empty_store.add_verdict(verdict(stored))


# --- files that cannot be used


def another_programs_database(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE predictions (weather TEXT)")


UNUSABLE = {
    "is a folder": lambda path: path.mkdir(),
    "is not a SQLite database": lambda path: path.write_text("age,sex\n" * 1000),
    "database of another program": another_programs_database,
}


@pytest.mark.parametrize("finding", UNUSABLE)
def test_a_file_that_is_something_else_is_refused_and_left_alone(tmp_path, finding):
    path = tmp_path / "feedback.db"
    UNUSABLE[finding](path)
    before = path.read_bytes() if path.is_file() else None
    for _ in range(2):
        with pytest.raises(UserError, match=f"{finding}.*FEEDBACK_DB") as found:
            Store.open(path)
        assert str(path) in str(found.value)
    assert (path.read_bytes() if path.is_file() else None) == before
    assert [found.name for found in tmp_path.iterdir()] == ["feedback.db"]


def test_a_file_replaced_by_something_else_stays_an_error(empty_store, stored, tmp_path):
    """However often it is read: a failed opening must not pass for an open file."""
    another_programs_database(tmp_path / "other.db")
    (tmp_path / "other.db").replace(empty_store.path)
    for _ in range(3):
        with pytest.raises(UserError, match="another program"):
            empty_store.prediction(stored.id)
        with pytest.raises(UserError, match="another program"):
            empty_store.add_prediction(case())


def test_a_folder_that_does_not_exist_is_an_error_and_not_made(tmp_path):
    with pytest.raises(UserError, match=r"does not exist.*FEEDBACK_DB"):
        Store.open(tmp_path / "missing" / "feedback.db")
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="FEEDBACK_DB"):
        Store.open(tmp_path / "file" / "feedback.db")
    assert [found.name for found in tmp_path.iterdir()] == ["file"]


def test_a_name_too_long_for_the_file_system_is_refused(tmp_path):
    with pytest.raises(UserError, match="FEEDBACK_DB"):
        Store.open(tmp_path / ("a" * 300))


@pytest.mark.parametrize("where", ["postgresql://me@host/db", "postgres://host/db"])
def test_a_postgres_address_is_refused(where, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"stores to SQLite. Set FEEDBACK_DB"):
        Store.open(where)
    assert list(tmp_path.iterdir()) == []


def test_an_odd_path_is_just_a_path(tmp_path):
    """Characters that mean something in a URI are part of the name."""
    for name in ("ä b#1?mode=ro&x=%20.db", "feedback.db;"):
        with closing(Store.open(tmp_path / name)) as store:
            store.add_prediction(case())
        assert len(ids_in(tmp_path / name, "predictions")) == 1


def test_a_damaged_file_is_named_as_such(empty_store):
    empty_store.add_predictions(case(inputs={"text": "x" * 2000}) for _ in range(100))
    empty_store.close()
    content = empty_store.path.read_bytes()
    empty_store.path.write_bytes(content[:100] + b"\xff" * 8000 + content[8100:])
    with pytest.raises(UserError, match=r"is damaged.*backup.*FEEDBACK_DB"):
        Store.open(empty_store.path).reviewed()


def test_a_file_cut_short_is_named_as_damaged(empty_store):
    predictions = [case(inputs={"text": "x" * 2000}) for _ in range(100)]
    empty_store.add_predictions(predictions)
    empty_store.close()
    os.truncate(empty_store.path, empty_store.path.stat().st_size // 2)
    with pytest.raises(UserError, match="is damaged"):
        [empty_store.prediction(found.id) for found in predictions]


def test_a_file_locked_for_too_long_is_an_error_and_later_works(short_timeout, empty_store, stored):
    sent = verdict(stored)
    with closing(sqlite3.connect(empty_store.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(UserError, match=r"locked.*FEEDBACK_DB"):
            empty_store.add_verdict(sent)
        assert empty_store.prediction(stored.id) == stored
    assert ids_in(empty_store.path) == set()
    assert empty_store.add_verdict(sent) == sent


def test_a_file_locked_at_the_start_is_an_error_and_later_works(short_timeout, tmp_path):
    path = tmp_path / "feedback.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(UserError, match=r"locked.*FEEDBACK_DB"):
            Store.open(path)
    Store.open(path).close()


def test_a_writer_that_holds_the_store_for_too_long_is_an_error(short_timeout, empty_store, stored):
    with (
        empty_store._file.writing(),
        ThreadPoolExecutor(1) as pool,
        pytest.raises(UserError, match="locked"),
    ):
        pool.submit(empty_store.add_verdict, verdict(stored)).result()


@pytest.fixture
def open_folder():
    """A folder outside pytest's own, which only its owner may enter."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("file_mode", "folder_mode"), [(0o444, 0o555), (0o666, 0o555), (0o444, 0o777), (0o000, 0o777)]
)
def test_a_file_or_folder_that_cannot_be_written_is_an_error(open_folder, file_mode, folder_mode):
    path = open_folder / "feedback.db"
    Store.open(path).close()
    path.chmod(file_mode)
    open_folder.chmod(folder_mode)
    with as_nobody(), pytest.raises(UserError, match=r"permissions.*FEEDBACK_DB"):
        Store.open(path)
    assert [found.name for found in open_folder.iterdir()] == ["feedback.db"]


def test_a_new_file_in_a_folder_that_cannot_be_written_is_an_error(open_folder):
    open_folder.chmod(0o555)
    with as_nobody(), pytest.raises(UserError, match=r"permissions.*FEEDBACK_DB"):
        Store.open(open_folder / "feedback.db")
    assert list(open_folder.iterdir()) == []


def test_a_folder_that_cannot_be_entered_is_an_error(open_folder):
    (open_folder / "shut").mkdir(mode=0o700)
    (open_folder / "shut").chmod(0o000)
    with as_nobody(), pytest.raises(UserError, match="FEEDBACK_DB"):
        Store.open(open_folder / "shut" / "feedback.db")


def test_a_full_disk_stores_nothing_by_halves(empty_store, stored):
    with empty_store._file.writing() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + 5}")
    many = [case(inputs={"text": "x" * 1000}) for _ in range(200)]
    with pytest.raises(UserError, match=r"disk is full.*FEEDBACK_DB"):
        empty_store.add_predictions(many)
    assert ids_in(empty_store.path, "predictions") == {stored.id}

    with empty_store._file.writing() as connection:
        connection.execute("PRAGMA max_page_count = 100000")
    empty_store.add_predictions(many)
    assert len(ids_in(empty_store.path, "predictions")) == 201
    assert_intact(empty_store.path)


LIMITED = """
import os, resource, sys
from second_opinion.errors import UserError
from second_opinion.records.prediction import Prediction
from second_opinion.access.roles import PROGRAM
from second_opinion.store import Store
def cases():
    return [
        Prediction("m", "1", "", "", {"x": "x" * 999}, 1, None, None, (), "api", "Ada", 1.0)
        for _ in range(500)
    ]
def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
path = sys.argv[1]
limit(0)
try:
    Store.open(path)
except UserError as error:
    print(error)
print(os.listdir(os.path.dirname(path)))
limit(resource.RLIM_INFINITY)
store = Store.open(path)
store.add_prediction(cases()[0])
limit(os.path.getsize(path + "-wal") + 50_000)
try:
    store.add_predictions(cases())
except UserError as error:
    print(error)
print(store.review(by=PROGRAM).progress("m").predictions)
limit(resource.RLIM_INFINITY)
store.add_predictions(cases())
print(store.review(by=PROGRAM).progress("m").predictions)
"""


@pytest.mark.slow
def test_a_limit_on_file_size_leaves_no_file_and_no_half(tmp_path):
    process = start(LIMITED, tmp_path / "feedback.db")
    printed, _ = process.communicate()
    refused, files, full, *counts = printed.splitlines()
    assert "nothing was confirmed as stored" in refused
    assert files == "[]"
    assert "nothing was confirmed as stored" in full
    assert counts == ["1", "501"]
    assert_intact(tmp_path / "feedback.db")


# --- the schema's diary


def test_each_step_of_the_schema_is_taken_once(empty_store, stored):
    empty_store.close()
    with closing(Store.open(empty_store.path)) as store:
        assert store.prediction(stored.id) == stored
    applied = select(empty_store.path, "SELECT name FROM _sqlite_migrations ORDER BY id")
    assert [name for (name,) in applied] == [step.name for step in migrations._migrations]


def test_names_compare_as_people_do_wherever_the_store_compares_them(empty_store, stored):
    said = empty_store.add_verdict(verdict(stored, expert="Ada  Weiß"))
    for spelling in ("ada WEISS", " ADA weiß "):
        assert same_person(spelling, said.expert)
        assert empty_store.current_verdict(stored.id, spelling, by=OWNER) == said
        assert empty_store.verdict_history(stored.id, spelling, by=REVIEWER) == [said]
        assert empty_store.current_verdicts_of(spelling, [stored.id], by=OWNER) == {stored.id: said}


def test_a_database_from_before_aliases_keeps_its_predictions(tmp_path):
    """Those of the time before are known by version alone."""
    path = tmp_path / "feedback.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        before = Database(connection)
        migrations.apply(before, stop_before="m003_alias_of_a_prediction")
        row = record_rows.to_row(case())
        del row["alias"], row["expert_key"]
        before["predictions"].insert(row)
    with closing(Store.open(path)) as store:
        assert store.prediction(row["id"]).alias is None
        assert review_of(store).arms(row["model"], "ab") == []
        store.add_prediction(case(alias="ab"))
        assert [arm.predictions for arm in review_of(store).arms(row["model"], "ab")] == [1]


# --- A/B


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["1", "2", "10"]),
            st.sampled_from(["ab", "champion", None]),
            st.lists(
                st.tuples(
                    st.sampled_from(["Ada", "Bob"]),
                    st.sampled_from(["agree", "disagree", "unsure", "withdrawn"]),
                ),
                max_size=3,
            ),
        ),
        max_size=8,
    )
)
@examples(40)
def test_the_arms_count_what_was_asked_under_their_alias(shared_store, asked):
    model, expected = new_id(), {}
    for version, alias, said in asked:
        made = case(model=model, version=version, alias=alias)
        shared_store.add_prediction(made)
        current = {}
        for expert, judgement in said:
            if judgement == "withdrawn" and expert not in current:
                continue
            shared_store.add_verdict(verdict(made, judgement, expert, comment="because"))
            current[expert] = judgement
            if judgement == "withdrawn":
                del current[expert]
        if alias == "ab":
            counts = expected.setdefault(version, Counter())
            counts.update(["predictions", *current.values()])
    found = {arm.version: arm for arm in review_of(shared_store).arms(model, "ab")}
    assert {v: Counter(_counts(arm)) for v, arm in found.items()} == expected


def _counts(arm):
    counts = {
        "predictions": arm.predictions,
        "agree": arm.right,
        "disagree": arm.wrong,
        "unsure": arm.unsure,
    }
    return {name: count for name, count in counts.items() if count}


def test_judged_are_the_current_verdicts_that_say_right_or_wrong(empty_store):
    first, second, other = case(version="1"), case(version="2"), case(version="3")
    empty_store.add_predictions([first, second, other])
    empty_store.add_verdict(verdict(first, "agree"))
    empty_store.add_verdict(verdict(first, "disagree", correct_value="leaves"))
    empty_store.add_verdict(verdict(second, "unsure"))
    empty_store.add_verdict(verdict(second, "agree", expert="Bob"))
    empty_store.add_verdict(verdict(other, "agree"))
    found = review_of(empty_store).judged(first.model, ["1", "2"])
    assert [(row["version"], row["outcome"], row["answer"]) for row in found] == [
        ("1", "wrong", "leaves"),
        ("2", "right", second.value),
    ]
    assert found[0]["inputs"] == first.inputs
    assert found[0]["value"] == first.value
