"""Many cases: each row answered as the estimator would, or named; files whole or not at all."""

import codecs
import csv
import io

import numpy as np
import pandas as pd
import pytest
from builders import examples
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import BaseEstimator
from threadpoolctl import ThreadpoolController

from second_opinion import Registry, UserError
from second_opinion.batches.score_file import BadRowsError, score_file
from second_opinion.batches.score_rows import (
    added_cells,
    added_columns,
    answered,
    clashes,
    value_cells,
)
from second_opinion.models.card import ModelCard
from second_opinion.models.model import Answers, Model
from second_opinion.records.value import plain
from second_opinion.tables import TableFile, look, read_export


class Picky(BaseEstimator):
    """Doubles x; raises when any x is 13, and answers NaN where x is -1."""

    def __init__(self, calls=None):
        self.calls = [] if calls is None else calls

    def predict(self, X):
        self.calls.append(len(X))
        x = X["x"].to_numpy()
        if (x == 13).any():
            raise ValueError("thirteen\nis unlucky")
        return np.where(x == -1, np.nan, x * 2)


class Broken(BaseEstimator):
    def predict(self, X):
        raise RuntimeError("no such thing")


class Short(BaseEstimator):
    def predict(self, X):
        return np.zeros(len(X) - 1)


def model(estimator, **changes):
    """A regression over the number x and, where it is given, the text of a note."""
    fields = {
        "name": "double",
        "version": "1",
        "title": "Double",
        "task": "regression",
        "target": {"name": "twice"},
        "features": [{"name": "x", "kind": "number", "min": -10, "max": 100}],
        "artifact": {"file": "m.joblib", "format": "joblib", "sha256": "a" * 64},
    }
    card = ModelCard.model_validate({**fields, **changes})
    return Model(card, estimator, ThreadpoolController())


def cases(*numbers):
    return pd.DataFrame({"x": np.array(numbers, dtype=float)})


def score(folder, text, found=None, **options):
    """Score a CSV text into a file of the folder; the summary, and the rows as text."""
    path = folder / "in.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    found = found or model(Picky())
    source = TableFile.of_path(path)
    seen = look(source, found.card.case_schema)
    assert not seen.problems
    summary = score_file(source, seen, found, folder / "out.csv", **options)
    return summary, rows_of(folder / "out.csv")


def rows_of(path):
    return list(csv.reader(io.StringIO(path.read_text("utf-8-sig"), newline=""), strict=True))


# --- the rows that a model cannot predict


@pytest.mark.slow
@examples(60)
@given(st.lists(st.sampled_from([0.0, 1.0, 13.0, -1.0, 5.0]), min_size=1, max_size=60))
def test_exactly_the_rows_that_fail_are_named(numbers):
    found = answered(cases(*numbers), model(Picky()), range(10, 10 + len(numbers)))
    bad = [at for at, number in enumerate(numbers) if number in (13, -1)]
    assert [fault.line for fault in found.faults] == [10 + at for at in bad]
    assert np.flatnonzero(~found.good).tolist() == bad
    kept = [number * 2 for number in numbers if number not in (13, -1)]
    assert found.answers.values.tolist() == kept


def test_a_failing_row_is_found_by_halves():
    numbers = np.zeros(5000)
    numbers[3777] = 13
    estimator = Picky()
    found = answered(cases(*numbers), model(estimator))
    assert str(found.faults[0]) == (
        "Line 3778: the model double/1 fails on this row (ValueError: thirteen); "
        "check it for unusual values."
    )
    assert len(estimator.calls) < 40


def test_good_rows_are_predicted_once():
    estimator = Picky()
    answered(cases(1, 2, 3), model(estimator))
    assert estimator.calls == [3]


def test_no_case_is_no_question():
    estimator = Picky()
    found = answered(cases(), model(estimator))
    assert (len(found.answers), found.faults, estimator.calls) == (0, [], [])
    assert len(answered(cases(13, 13), model(Picky())).answers) == 0


def test_a_model_that_always_fails_is_not_blamed_on_the_rows():
    with pytest.raises(UserError, match=r"each of the first 100 rows \(RuntimeError: no such"):
        answered(cases(*range(5000)), model(Broken()))


def test_another_number_of_answers_is_refused():
    with pytest.raises(UserError, match="gave 4 answers for 5 cases"):
        answered(cases(*range(5)), model(Short()))


# --- the columns that are added


def test_answers_are_texts_and_null_where_there_is_none():
    answers = Answers(
        np.array([0.1 + 0.2, 4.0]), None, None, {"missing:x": np.array([False, True])}
    )
    assert [column.to_pylist() for column in added_cells(answers)] == [
        ["0.30000000000000004", "4.0"],
        [None, None],
        [None, "missing:x"],
    ]


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (np.array([0, 1]), ["0", "1"]),
        (np.array([True, False]), ["True", "False"]),
        (np.array(["a,b", "é"]), ["a,b", "é"]),
        (np.array(["a", "b"], dtype=object), ["a", "b"]),
        (np.array([1, "1", True], dtype=object), ["1", "1", "True"]),
        (np.array([1.0, 0.5], dtype="float32"), ["1.0", "0.5"]),
        (np.array([2**53 + 1]), [str(2**53 + 1)]),
    ],
)
def test_an_answer_is_written_as_its_value(values, texts):
    assert value_cells(values).to_pylist() == texts


def test_a_name_that_is_taken_gets_another_one_and_is_said():
    taken = ["x", "prediction", "prediction_model", "flags"]
    assert added_columns(taken) == ("prediction_model_model", "confidence", "flags_model")
    assert clashes(taken) == (
        "The file has a column prediction already; the model's is prediction_model_model. "
        "The file has a column flags already; the model's is flags_model."
    )
    assert clashes(["x"]) == ""


def test_flags_of_many_features_are_told_apart():
    rng = np.random.default_rng(1)
    marks = {f"flag{at}": rng.random(500) < 0.02 * (at % 4) for at in range(90)}
    marks = {flag: mark for flag, mark in marks.items() if mark.any()}
    marks["always"] = np.ones(500, dtype=bool)
    answers = Answers(np.zeros(500), None, None, marks)
    expected = [tuple(flag for flag in marks if marks[flag][row]) for row in range(500)]
    assert answers.flags() == expected
    assert answers.flags_text().to_pylist() == [";".join(flags) for flags in expected]


# --- from file to file


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "jobs"), [("triage", 1), ("dose", 1), ("risk", 1), ("iris", 1), ("triage", 2)]
)
def test_every_cell_and_every_answer_is_exact(models, tmp_path, name, jobs):
    registry = Registry(models)
    found = registry.load(name)
    schema, reference = found.card.case_schema, registry.reference(name)
    table = pd.DataFrame([reference.plausible(schema, seed) for seed in range(300)])
    table.insert(0, "patient", [f"00{row}" for row in range(300)])
    given = table.to_csv(index=False)
    summary, (header, *rows) = score(tmp_path, given, found, jobs=jobs)
    before = list(csv.reader(io.StringIO(given)))
    assert [header[:-3], *(row[:-3] for row in rows)] == before
    assert header[-3:] == ["prediction", "confidence", "flags"]
    frame = schema.frame([schema.read(row)[0] for row in _cases(table, schema)])
    answers = found.predict(frame)
    own = found.estimator.predict(frame if found.card.input == "frame" else frame.to_numpy())
    assert [row[-3] for row in rows] == [str(plain(value)) for value in own]
    sure = ["" if value is None else repr(value) for value in answers["confidence"]]
    assert [row[-2] for row in rows] == sure
    assert [row[-1] for row in rows] == [";".join(flags) for flags in answers["flags"]]
    assert (summary.rows, summary.good, summary.bad) == (300, 300, 0)


def _cases(table, schema):
    for row in table[schema.names].astype(object).to_dict("records"):
        yield {name: None if pd.isna(cell) else cell for name, cell in row.items()}


AWKWARD = 'note,x,more\r\n"a,b",1.10,"say ""hi"""\r\n" two\nlines ",+2,\r\n"",03.50,""\r\n'


def test_cells_are_the_same_once_read(tmp_path):
    _, rows = score(tmp_path, AWKWARD)
    assert [row[:3] for row in rows] == list(csv.reader(io.StringIO(AWKWARD, newline="")))
    assert [row[3] for row in rows] == ["prediction", "2.2", "4.0", "7.0"]
    written = (tmp_path / "out.csv").read_text()
    assert ",,4.0" in written
    assert '"",03.50,"",7.0' in written


BAD = 'x,note\n1,a\nabc,b\n3,c\n13,d\n5\n-1,"e,e"\n7,f\n'


def test_bad_rows_without_a_place_for_them_leave_nothing(tmp_path):
    with pytest.raises(BadRowsError) as error:
        score(tmp_path, BAD, problems=tmp_path / "problems.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", "problems.csv"]
    assert (
        str(error.value).splitlines()[0] == 'Line 3: x is "abc"; expected a number from -10 to 100.'
    )
    assert str(error.value).splitlines()[-1].endswith("cannot be scored. Nothing was written.")
    header, *listed = rows_of(tmp_path / "problems.csv")
    assert header == ["line", "column", "found", "expected"]
    assert [row[:2] for row in listed] == [["3", "x"], ["6", ""]]


def test_the_list_of_problems_is_safe_to_open_in_a_spreadsheet(tmp_path):
    """What was found stands there as it was typed; for the rows themselves see bad_rows."""
    listed = tmp_path / "problems.csv"
    bad = "x,note\n1,a\n=1+1,b\nx;=1+1,é\n"
    score(tmp_path, bad, bad_rows=tmp_path / "bad.csv", problems=listed)
    assert listed.read_bytes().startswith(codecs.BOM_UTF8)
    assert [row[2] for row in rows_of(listed)[1:]] == ['\'"=1+1"', '"x;\'=1+1"']
    assert read_export(listed).column("found").to_pylist() == ['"=1+1"', '"x;=1+1"']


def test_bad_rows_come_back_as_they_stand_and_the_others_are_scored(tmp_path):
    bad = tmp_path / "bad.csv"
    summary, rows = score(tmp_path, BAD, bad_rows=bad, problems=tmp_path / "problems.csv")
    assert [row[:3] for row in rows[1:]] == [
        ["1", "a", "2.0"],
        ["3", "c", "6.0"],
        ["7", "f", "14.0"],
    ]
    assert sorted(bad.read_text().splitlines()[1:]) == sorted(["abc,b", "5", "13,d", '-1,"e,e"'])
    assert bad.read_text().startswith("x,note\n")
    assert (summary.rows, summary.good, summary.bad, summary.faults) == (7, 3, 4, 4)
    listed = sorted(int(row[0]) for row in rows_of(tmp_path / "problems.csv")[1:])
    assert listed == [3, 5, 6, 7]


def test_a_hundred_problems_are_shown_and_all_are_counted(tmp_path):
    text = "x\n" + "oops\n" * 250
    with pytest.raises(BadRowsError) as error:
        score(tmp_path, text)
    lines = str(error.value).splitlines()
    assert (lines[99][:9], lines[100]) == ("Line 101:", "… and 150 more.")
    assert "250 rows of 250 cannot be scored" in lines[101]
    assert len(error.value.summary.problems) == 100


def test_a_model_that_fails_on_one_row_names_it_far_down(tmp_path):
    numbers = ["1"] * 40_000
    numbers[35_000] = "13"
    text = "\n".join(["x", *numbers]) + "\n"
    with pytest.raises(BadRowsError, match=r"Line 35002: .* fails on this row \(ValueError"):
        score(tmp_path, text)
    summary, rows = score(tmp_path, text, bad_rows=tmp_path / "bad.csv")
    assert (summary.good, summary.bad, len(rows)) == (39_999, 1, 40_000)
    assert (tmp_path / "bad.csv").read_text() == "x\n13\n"


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_model_that_always_fails_leaves_nothing(tmp_path, jobs):
    with pytest.raises(UserError, match="fails on each of the first 100 rows"):
        score(tmp_path, "x\n" + "1\n" * 500, model(Broken()), jobs=jobs)
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_progress_is_heard_to_the_end(tmp_path):
    heard = []
    text = "x\n" + "12345\n" * 100_000
    score(tmp_path, text, progress=lambda rows, read: heard.append((rows, read)))
    assert heard == sorted(heard)
    assert len(heard) > 2
    assert heard[-1] == (100_000, len(text))


def test_a_row_without_a_class_is_named():
    class Silent(BaseEstimator):
        classes_ = np.array(["a", "b"], dtype=object)

        def predict(self, X):
            return np.where(X["x"] > 1, None, "a")

    silent = model(Silent(), task="binary", classes=["a", "b"])
    assert [fault.line for fault in answered(cases(1, 2, 0), silent).faults] == [2]


def test_an_answer_that_is_no_class_is_named():
    class Inventive(BaseEstimator):
        classes_ = np.array(["a", "b"], dtype=object)

        def predict(self, X):
            return np.where(X["x"] > 1, "c", "a").astype(object)

        def predict_proba(self, X):
            return np.full((len(X), 2), 0.5)

    inventive = model(Inventive(), task="binary", classes=["a", "b"])
    found = answered(cases(1, 2, 0), inventive)
    assert [fault.line for fault in found.faults] == [2]
    assert found.answers.confidence.tolist() == [0.5, 0.5]
