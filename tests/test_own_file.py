"""Each model's own file, added and scored on the command line, is answered as its maker would."""

import io

import joblib
import numpy as np
import pandas as pd
import pytest
from ages import readable, text_series
from builders import ROOT
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from second_opinion import Registry
from second_opinion.models.describe.training_data import from_table
from second_opinion.models.describe.training_table import Layout, TrainingTable

TRIALS = ROOT / "tests/trials"


@pytest.fixture
def scored(run, tmp_path, empty_folder):
    """Adds a model with its own file, scores that file, and gives the answers."""

    def scored(model, file, target, *options, layout=()):
        code, _, err = run(
            *("add", model, "--name", "m", "--data", file, "--target", target, "--yes"),
            *(*layout, *options),
        )
        assert code == 0, err
        code, _, err = run("score", file, "-o", tmp_path / "out.csv", "--model", "m", *layout)
        assert code == 0, err
        return pd.read_csv(tmp_path / "out.csv")["prediction"].tolist()

    return scored


@pytest.mark.slow
@pytest.mark.parametrize(
    ("trial", "target", "reading"),
    [
        ("C14-unnamed-index", "y", {}),
        ("C17-na-levels", "price", {}),
        ("C17b-na-category-ignore", "price", {}),
        ("C17e-na-kept-as-level", "price", {"keep_default_na": False}),
        ("C58b-leading-zeros-str-trained", "y", {"dtype": {"zip": str}}),
    ],
)
def test_a_trial_answers_its_own_file_as_its_maker_does(scored, trial, target, reading):
    folder = TRIALS / trial
    cases = pd.read_csv(folder / "train.csv", **reading).drop(columns=target)
    expected = joblib.load(readable(folder / "model.joblib")).predict(cases)
    answers = scored(folder / "model.joblib", folder / "train.csv", target)
    assert answers == pytest.approx(expected.tolist(), rel=1e-12)


def houses():
    """Houses with holes in a number and in a category, and their price."""
    rng = np.random.default_rng(5)
    houses = pd.DataFrame(
        {
            "area": rng.integers(50, 200, 120).astype(float),
            "alley": text_series(rng.choice(["Pave", "Grvl", None], 120)),
            "heated": rng.choice([True, False], 120),
        }
    )
    price = houses.area + 40 * (houses.alley == "Pave") + 9 * houses.heated + rng.normal(0, 2, 120)
    houses.loc[::9, "area"] = np.nan
    return houses.assign(price=price.round(2))


def pipeline(*steps):
    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), ["area"]),
        (make_pipeline(*steps, OneHotEncoder(handle_unknown="ignore")), ["alley", "heated"]),
    )
    return make_pipeline(columns, Ridge())


@pytest.fixture
def own(scored, tmp_path):
    """Saves a model and a file of houses, and compares the answers of both ways."""

    def own(write, *options, layout=(), model=None, table=None):
        table = houses() if table is None else table
        cases = table.drop(columns="price")
        model = (model or pipeline()).fit(cases, table.price)
        joblib.dump(model, tmp_path / "model.joblib")
        file = write(table)
        answers = scored(tmp_path / "model.joblib", file, "price", *options, layout=layout)
        assert answers == pytest.approx(model.predict(cases).tolist(), rel=1e-9)

    return own


@pytest.mark.slow
@pytest.mark.parametrize("word", ["NA", "None", "null", "n/a", "NaN", "#N/A", "NULL", "<NA>"])
def test_words_for_missing_are_learned_from_the_file(own, tmp_path, word):
    def write(table):
        table.to_csv(tmp_path / "train.csv", index=False, na_rep=word)
        return tmp_path / "train.csv"

    own(write)


@pytest.mark.slow
@pytest.mark.parametrize("word", ["?", "-999", "missing", "--", "not known"])
def test_other_words_for_missing_are_named_by_the_person(own, run, tmp_path, word, empty_folder):
    def write(table):
        table.to_csv(tmp_path / "train.csv", index=False, na_rep=word)
        return tmp_path / "train.csv"

    own(write, f"--missing={word}")


def test_an_odd_word_among_numbers_is_refused_with_the_option_that_works(own, run, tmp_path):
    table = houses()
    table.to_csv(tmp_path / "train.csv", index=False, na_rep="?")
    joblib.dump(pipeline().fit(table.drop(columns="price"), table.price), tmp_path / "model.joblib")
    command = ("add", tmp_path / "model.joblib", "--name", "m", "--yes")
    source = ("--data", tmp_path / "train.csv", "--target", "price")
    code, _, err = run(*command, *source)
    assert code == 1
    assert "Say --missing='?' if that means" in err
    own(lambda table: tmp_path / "train.csv", "--missing=?")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("write", "layout"),
    [
        (lambda t, p: t.to_csv(p, index=False, sep=";"), ("--delimiter", ";")),
        (lambda t, p: t.to_csv(p, index=False, sep=";", decimal=","), ("--delimiter", ";")),
        (lambda t, p: t.to_csv(p, index=False, sep="\t"), ("--delimiter", "tab")),
        (lambda t, p: t.to_csv(p, index=False, sep="|"), ("--delimiter", "|")),
        (lambda t, p: t.to_csv(p, index=False, encoding="utf-16"), ()),
        (lambda t, p: t.to_csv(p, index=False, encoding="cp1252"), ("--encoding", "cp1252")),
        (lambda t, p: t.to_csv(p, index=True), ()),
        (lambda t, p: t.to_parquet(p, index=False), ()),
        (lambda t, p: t.to_json(p, orient="records"), ()),
        (lambda t, p: t.to_json(p, orient="records", lines=True), ()),
    ],
)
def test_any_table_that_can_be_scored_can_be_added(own, tmp_path, write, layout):
    table = houses()
    table["alley"] = table["alley"].replace("Pave", "Pavé")

    def written(table):
        write(table, tmp_path / "train.csv")
        return tmp_path / "train.csv"

    own(written, layout=layout, table=table)


@pytest.mark.parametrize(
    "codes", [["007", "010", "123"], ["1", "2", "30"], ["1e5", "2e5", "3"], ["1.10", "1.1"]]
)
def test_digits_that_the_training_had_as_text_stay_text(own, tmp_path, codes):
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"code": rng.choice(codes, 60), "x": rng.normal(size=60).round(3)})
    table["price"] = table.x + 5 * (table.code == codes[0]) + rng.normal(0, 0.1, 60)
    columns = make_column_transformer((OneHotEncoder(), ["code"]), remainder="passthrough")

    def write(table):
        table.to_csv(tmp_path / "train.csv", index=False)
        return tmp_path / "train.csv"

    own(write, model=make_pipeline(columns, Ridge()), table=table)


def test_a_file_without_a_header_is_added_under_the_names_of_the_model(run, tmp_path, empty_folder):
    rng = np.random.default_rng(2)
    table = pd.DataFrame(rng.normal(size=(80, 2)).round(3), columns=["a", "b"])
    table["y"] = (table.a + table.b > 0).astype(int)
    joblib.dump(LogisticRegression().fit(table[["a", "b"]], table.y), tmp_path / "model.joblib")
    table.to_csv(tmp_path / "bare.csv", index=False, header=False)
    command = ("add", tmp_path / "model.joblib", "--name", "m", "--yes", "--target", "y")
    code, out, err = run(*command, "--data", tmp_path / "bare.csv")
    assert code == 0, err
    assert 'bare.csv has no header; its columns were taken for "a", "b" and "y".' in out
    assert "80 of" in out
    table[["y", "b", "a"]].to_csv(tmp_path / "turned.csv", index=False, header=False)
    (tmp_path / "names.txt").write_text("y\nb\na\n")
    names = ("--names", tmp_path / "names.txt")
    code, again, err = run(*command, "--data", tmp_path / "turned.csv", *names)
    assert code == 0, err
    scores = [line for line in out.splitlines() if "Scores" in line]
    assert scores == [line for line in again.splitlines() if "Scores" in line]


@pytest.mark.parametrize("text", ["a\nb\ny\n", "a,b,y\n", '["a", "b", "y"]', "\ufeffa\n\nb\ny"])
def test_names_are_lines_or_a_list(run, tmp_path, empty_folder, text):
    model = LinearRegression().fit(pd.DataFrame(np.eye(2), columns=["a", "b"]), [0, 1])
    joblib.dump(model, tmp_path / "model.joblib")
    (tmp_path / "bare.csv").write_text("1,0,0\n0,1,1\n")
    (tmp_path / "names.txt").write_text(text, "utf-8")
    code, _, err = run(
        *("add", tmp_path / "model.joblib", "--name", "m", "--yes", "--target", "y"),
        *("--data", tmp_path / "bare.csv", "--names", tmp_path / "names.txt"),
    )
    assert code == 0, err


@pytest.mark.parametrize(
    ("text", "said"),
    [("a\na\n", "the name 'a' twice"), ("a,,b", "a column without a name"), ("[1", "nor a JSON")],
)
def test_names_that_are_none_are_refused(run, tmp_path, empty_folder, text, said):
    joblib.dump(LinearRegression().fit(np.eye(2), [0, 1]), tmp_path / "model.joblib")
    (tmp_path / "names.txt").write_text(text)
    code, _, err = run(
        *("add", tmp_path / "model.joblib", "--name", "m", "--yes", "--target", "y"),
        *("--data", tmp_path / "bare.csv", "--names", tmp_path / "names.txt"),
    )
    assert code == 1
    assert said in err


def test_a_pickled_table_is_asked_for_like_a_model(run, tmp_path, empty_folder, monkeypatch):
    table = houses()
    model = pipeline().fit(table.drop(columns="price"), table.price)
    joblib.dump(model, tmp_path / "model.joblib")
    table.to_pickle(tmp_path / "df.pkl")
    command = ("add", tmp_path / "model.joblib", "--name", "m", "--target", "price")
    code, out, err = run(*command, "--data", tmp_path / "df.pkl", "--yes")
    assert code == 0, err
    assert "120 of" in out
    asking = io.StringIO("y\nn\n")
    asking.isatty = lambda: True
    monkeypatch.setattr("sys.stdin", asking)
    code, _, err = run(*command, "--data", tmp_path / "df.pkl")
    assert code == 1
    assert err.count("such a file is code") == 2


def test_an_ordinal_encoder_of_a_file_with_words(own, tmp_path):
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    columns = make_column_transformer((encoder, ["alley"]), remainder="passthrough")

    def write(table):
        table.to_csv(tmp_path / "train.csv", index=False, na_rep="None")
        return tmp_path / "train.csv"

    own(write, model=make_pipeline(columns, SimpleImputer(), LinearRegression()))


def test_an_encoder_that_learned_none_answers_the_file_in_which_its_cells_are_empty(own, tmp_path):
    """A notebook's None is an empty cell of the file, which pandas reads as NaN."""
    table = houses()
    alley = table["alley"].astype(object)
    table["alley"] = pd.Series([None if pd.isna(cell) else cell for cell in alley], dtype=object)

    def write(table):
        table.to_csv(tmp_path / "train.csv", index=False)
        return tmp_path / "train.csv"

    own(write, table=table)


def added_with(folder, **features):
    """The trial whose words for a missing value are not in the card, and what was noticed."""
    table = TrainingTable.read(TRIALS / "C17-na-levels/train.csv", "price", Layout())
    estimator = joblib.load(readable(TRIALS / "C17-na-levels/model.joblib"))
    rows = from_table(table, estimator)
    card = Registry(folder).add(
        *(estimator, rows.X, rows.y), name="m", training=rows, card={"features": features}
    )
    return [finding.text for finding in card.findings if finding.name == "own_file"]


def test_nothing_is_said_of_a_file_that_score_reads_as_the_estimator_got_it(tmp_path):
    assert added_with(tmp_path) == []


def test_rows_that_score_would_refuse_are_said(tmp_path):
    [text] = added_with(tmp_path, area={"missing": True})
    assert "`score` refuses 34 rows of it. Line 2: area is" in text


def test_rows_that_score_would_answer_otherwise_are_said(tmp_path):
    [text] = added_with(tmp_path, alley={"missing": True})
    assert "`score` answers 190 of 300 rows otherwise: alley is" in text
    assert 'alley is "NA" there and was missing here (line 3)' in text


def test_the_index_of_pandas_is_no_input_of_a_model_without_names(scored, tmp_path):
    rng = np.random.default_rng(4)
    table = pd.DataFrame(rng.normal(size=(80, 2)).round(3), columns=["a", "b"])
    model = LinearRegression().fit(table.to_numpy(), table.a - table.b)
    joblib.dump(model, tmp_path / "model.joblib")
    table.assign(y=(table.a - table.b).round(3)).to_csv(tmp_path / "train.csv")
    answers = scored(tmp_path / "model.joblib", tmp_path / "train.csv", "y")
    assert answers == pytest.approx(model.predict(table.to_numpy()).tolist(), abs=1e-12)
