"""Training data: a table's cells in the types that the estimator was trained on."""

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from second_opinion import UserError
from second_opinion.compatibility import dtype_name
from second_opinion.models.describe.training_data import from_pickle, from_table, is_pickled
from second_opinion.models.describe.training_table import Layout, TrainingTable
from second_opinion.models.formats.model_file import ModelFile


def on_two_columns(names=("age", "city")):
    """A regression that takes whatever it is given."""
    return LinearRegression().fit(pd.DataFrame(np.eye(2), columns=list(names)), [0, 1])


def encoding(levels, encoder=None):
    """A model whose one column, city, has these levels."""
    encoder = make_column_transformer((encoder or OneHotEncoder(), ["city"]))
    cases = pd.DataFrame({"city": levels})
    return make_pipeline(encoder, LinearRegression()).fit(cases, np.arange(len(levels)))


@pytest.fixture
def rows(tmp_path):
    """Writes a file and reads it as training data of a model for the column left."""

    def read(content, estimator=None, **layout):
        path = tmp_path / "train.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        table = TrainingTable.read(path, "left", Layout(**layout))
        return from_table(table, estimator or on_two_columns())

    return read


def test_cases_and_outcomes_come_apart_in_the_types_of_pandas(rows):
    training = rows("age,left,city\n31,yes,Bonn\n,no,\n")
    types = {name: dtype_name(training.X[name]) for name in training.X}
    assert types == {"age": "float64", "city": "str"}
    assert training.y.tolist() == ["yes", "no"]
    assert training.left_out == 0


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1", "", "0"], [1, 0]),
        (["True", "", "False"], [True, False]),
        (["yes", "NA", "no"], ["yes", "no"]),
        (["1.5", "", "2"], [1.5, 2.0]),
    ],
)
def test_a_row_without_an_outcome_is_left_out_and_counted(rows, cells, expected):
    training = rows("age,left\n" + "".join(f"3,{cell}\n" for cell in cells))
    assert training.left_out == 1
    assert len(training.X) == 2
    assert [(type(v), v) for v in training.y.tolist()] == [(type(v), v) for v in expected]


def test_a_class_called_none_is_a_class(rows):
    sleep = LogisticRegression().fit([[0], [1]], ["Apnea", "None"])
    training = rows("hours,left\n3,None\n4,Apnea\n5,\n", sleep)
    assert training.y.tolist() == ["None", "Apnea"]


def test_a_table_without_any_outcome_is_refused(rows):
    with pytest.raises(UserError, match='has no value in "left" in any row'):
        rows("age,left\n1,\n2,\n")


def test_what_pandas_wrote_is_read_back(tmp_path):
    frame = pd.DataFrame({"a": [1, 2], "b": [0.1, 1e-9], "c": ["x", "y, z"], "left": [0, 1]})
    frame.to_csv(tmp_path / "train.csv", index=False)
    table = TrainingTable.read(tmp_path / "train.csv", "left", Layout())
    training = from_table(table, on_two_columns(["a", "b"]))
    pd.testing.assert_frame_equal(
        training.X.assign(left=training.y), frame.astype({"c": "object"}), check_dtype=True
    )


@pytest.mark.parametrize(
    ("levels", "encoder", "cells", "expected", "words"),
    [
        # The training kept the word as a level, or read it as nothing.
        (["NA", "Bonn"], OneHotEncoder(), ["NA", "Bonn"], ["NA", "Bonn"], ()),
        (["Bonn", np.nan], OneHotEncoder(), ["NA", "Bonn"], [None, "Bonn"], ("NA",)),
        (["None", "Bonn"], OneHotEncoder(), ["None", "NA"], ["None", None], ("NA",)),
        (["Bonn"], OneHotEncoder(handle_unknown="ignore"), ["null", "n/a"], [None] * 2, ("n/a",)),
        (["01", "02"], OneHotEncoder(), ["01", "02"], ["01", "02"], ()),
        (["1", "2"], OrdinalEncoder(), ["1", "2"], ["1", "2"], ()),
        ([1, 2], OneHotEncoder(), ["1", "2"], [1, 2], ()),
        ([True, False], OneHotEncoder(), ["True", "False"], [True, False], ()),
        (["True", "False"], OneHotEncoder(), ["True", "False"], ["True", "False"], ()),
    ],
)
def test_what_an_encoder_learned_says_what_a_cell_is(rows, levels, encoder, cells, expected, words):
    text = "city,left\n" + "".join(f"{cell},1\n" for cell in cells)
    training = rows(text, encoding(levels, encoder))
    column = training.X["city"]
    assert [None if pd.isna(value) else value for value in column] == expected
    assert set(words) <= set(training.missing_words.get("city", ()))
    assert ("city" in training.missing_words) == bool(words)


def test_a_text_for_a_model_of_words_is_never_missing(rows):
    words = make_pipeline(CountVectorizer(), LogisticRegression()).fit(["None", "some"], [0, 1])
    training = rows("note,left\nNone,0\nsome,1\n", words)
    assert training.X["note"].tolist() == ["None", "some"]


def test_columns_that_the_model_does_not_take_may_hold_anything(rows):
    training = rows("age,city,id,left\n1,2,7,0\n2,3,x,1\n4,5,8,1\n")
    assert training.X["age"].tolist() == [1, 2, 4]


@pytest.mark.parametrize("word", ["?", "-999", "unknown", "-"])
def test_a_word_that_the_person_names_is_missing_and_remembered(rows, word):
    training = rows(f"age,city,left\n1,2,0\n{word},3,1\n4,5,1\n", missing=(word,))
    assert training.X["age"].isna().tolist() == [False, True, False]
    assert training.missing_words == {"age": (word,)}


def test_digits_are_text_and_days_are_dates_where_the_person_says_so(rows):
    text = "age,city,left\n007,2024-05-01,0\n010,2024-05-02 08:00,1\n"
    training = rows(text, text=("age",), dates=("city",))
    assert training.X["age"].tolist() == ["007", "010"]
    assert training.X["city"].tolist() == [
        pd.Timestamp("2024-05-01"),
        pd.Timestamp("2024-05-02 08:00"),
    ]


def test_a_table_without_a_header_takes_the_names_of_the_model(rows):
    training = rows("31,2.5,1\n32,4,0\n")
    assert training.X.to_dict("list") == {"age": [31, 32], "city": [2.5, 4.0]}
    assert training.y.tolist() == [1, 0]
    assert 'no header; its columns were taken for "age", "city" and "left".' in training.notes[0]


def test_a_table_without_a_header_and_of_another_width_asks_for_names(rows):
    with pytest.raises(UserError, match=r'has no header, .* \("31", "2.5", "1" and "9"\).*--names'):
        rows("31,2.5,1,9\n32,4,0,9\n")
    training = rows("31,2.5,1,9\n32,4,0,9\n", names=("age", "city", "left", "more"))
    assert training.y.tolist() == [1, 0]


def test_a_model_without_names_takes_a_table_without_a_header(rows):
    training = rows("31,2.5,1\n32,4,0\n", LinearRegression().fit(np.eye(2), [0, 1]))
    assert training.X.to_dict("list") == {"x0": [31, 32], "x1": [2.5, 4.0]}


def test_a_pickled_frame_comes_as_it_was(tmp_path):
    frame = pd.DataFrame(
        {"age": pd.array([1, 2, 3]), "city": ["a", "b", "c"], "left": [1, None, 0]}
    )
    frame.index = [5, 5, 7]
    for name, save in (("df.pkl", frame.to_pickle), ("df.joblib", lambda p: joblib.dump(frame, p))):
        save(tmp_path / name)
        assert is_pickled(tmp_path / name)
        training = from_pickle(ModelFile.read(tmp_path / name), "left")
        pd.testing.assert_frame_equal(
            training.X.reset_index(drop=True),
            frame[["age", "city"]].iloc[[0, 2]].reset_index(drop=True),
        )
        assert (training.y.tolist(), training.left_out) == ([1, 0], 1)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([1, 2], "holds a list; expected a frame of pandas"),
        (pd.DataFrame({"Left ": [1]}), 'no column "left"; it has "Left ". Did you mean "Left "'),
        (pd.DataFrame({"left": [None]}), 'has no value in "left" in any row'),
    ],
)
def test_a_pickle_that_is_no_training_data_says_why(tmp_path, content, said):
    pd.to_pickle(content, tmp_path / "df.pkl")
    with pytest.raises(UserError, match=said):
        from_pickle(ModelFile.read(tmp_path / "df.pkl"), "left")
