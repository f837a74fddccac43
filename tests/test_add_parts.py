"""`add` of a folder and of parts: each proposal that it prints was followed to the end."""

import json
import pickle
import shlex

import joblib
import numpy as np
import pandas as pd
import pytest
from ages import readable
from builders import ROOT, on_a_terminal
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import LabelEncoder, OneHotEncoder, StandardScaler

from second_opinion import Registry

TRIALS = ROOT / "tests/trials"

pytestmark = pytest.mark.usefixtures("empty_folder")


def command_in(text):
    """The arguments of the command that a message names."""
    (line,) = [line.strip() for line in text.splitlines() if "python -m second_opinion" in line]
    return shlex.split(line[line.index("python -m") :].partition("`")[0])[3:]


@pytest.fixture
def stranger(tmp_path, monkeypatch):
    """A folder like a stranger's, and what its script answers on the rows of data.csv."""
    folder = tmp_path / "churn"
    folder.mkdir()
    rng = np.random.default_rng(1)
    table = pd.DataFrame(
        {
            "customer": np.arange(120),
            "age": rng.integers(18, 80, 120),
            "income": rng.normal(50, 9, 120).round(1),
            "visits": rng.integers(0, 9, 120),
        }
    )
    table["Churn"] = np.where(table.age + rng.normal(0, 4, 120) > 50, "Yes", "No")
    names = ["visits", "age", "income"]
    scaler = StandardScaler().fit(table[names].to_numpy())
    labels = LabelEncoder().fit(table.Churn)
    X = scaler.transform(table[names].to_numpy())
    model = RandomForestClassifier(20, random_state=0).fit(X, labels.transform(table.Churn))
    for content, name in ((model, "model"), (scaler, "scaler"), (labels, "encoder")):
        joblib.dump(content, folder / f"{name}.pkl")
    with (folder / "columns.pkl").open("wb") as file:
        pickle.dump(table[names].columns, file)
    table.to_csv(folder / "data.csv", index=False)
    monkeypatch.chdir(tmp_path)
    return folder, table, model.predict_proba(X)


def test_a_folder_is_told_in_words_and_the_command_proposed_adds_it(stranger, run, empty_folder):
    _, _, shares = stranger
    code, _, said = run("add", "churn", "--name", "churn")
    assert code == 1
    assert "a StandardScaler fitted on 3 columns without names" in said
    assert "a LabelEncoder: No and Yes" in said
    assert "the names of 3 columns: visits, age and income" in said
    code, out, _ = run(*command_in(said), "--yes")
    assert code == 0
    assert "0 (No) and 1 (Yes)" in out
    model = Registry(empty_folder).load("churn")
    answers = model.predict(pd.read_csv("churn/data.csv"))
    assert answers["probabilities"].tolist() == list(map(tuple, shares))
    assert [model.card.label(v) for v in answers["value"]] == list(
        np.array(["No", "Yes"])[shares.argmax(axis=1)]
    )
    assert model.card.case_schema.names == ["visits", "age", "income"]


def test_a_folder_without_anything_unclear_is_added_at_once_with_yes(stranger, run):
    stranger[1].drop(columns="customer").to_csv("churn/data.csv", index=False)
    code, out, said = run("add", "churn", "--name", "churn", "--yes", "--json")
    assert code == 0, said
    assert json.loads(out)["card"]["metrics"]["accuracy"] > 0.9
    assert "--before churn/scaler.pkl" in said


def test_two_models_in_a_folder_are_a_question(stranger, run):
    folder = stranger[0]
    joblib.dump(LogisticRegression().fit([[0], [1]], [0, 1]), folder / "other.pkl")
    code, _, said = run("add", "churn", "--name", "churn", "--yes")
    assert code == 1
    assert "churn/other.pkl is a model too" in said
    assert run(*command_in(said), "--yes")[0] == 0


def test_a_threshold_that_is_not_taken_up_is_said(stranger, run):
    joblib.dump(0.35, "churn/threshold.pkl")
    assert "threshold.pkl (the number 0.35) is not used" in run("add", "churn", "--name", "c")[2]


def test_what_was_said_of_data_and_target_stands_in_the_command(stranger, run):
    stranger[1].to_csv("elsewhere.csv", index=False)
    options = ["--data", "elsewhere.csv", "--target", "Churn"]
    assert command_in(run("add", "churn", "--name", "c", *options)[2])[-4:] == options


def test_a_folder_without_a_model_says_what_there_is(tmp_path, run):
    (tmp_path / "net.h5").write_bytes(b"\x89HDF")
    code, _, said = run("add", tmp_path, "--name", "c")
    assert code == 1
    assert "net.h5 (a Keras model)" in said


@pytest.mark.parametrize("bundle", [dict, tuple])
def test_a_bundle_is_answered_with_the_command_that_adds_it(bundle, stranger, run):
    folder, _, _ = stranger
    names = ["model", "scaler", "encoder", "columns"]
    with (folder / "columns.pkl").open("rb") as file:
        columns = pickle.load(file)
    content = [*(joblib.load(folder / f"{name}.pkl") for name in names[:3]), list(columns)]
    content = dict(zip(names, content, strict=True)) if bundle is dict else tuple(content)
    joblib.dump(content, "bundle.pkl")
    data = ["--data", "churn/data.csv", "--target", "Churn"]
    code, _, said = run("add", "bundle.pkl", "--name", "c", *data, "--yes")
    assert code == 1
    code, out, said = run(*command_in(said), "--name", "c", *data, "--yes")
    assert code == 0, said
    assert "0 (No) and 1 (Yes)" in out


@pytest.mark.slow
def test_on_a_terminal_what_is_unclear_is_asked(stranger, tmp_path):
    """Which one is the model, whether to run it and to load each of its two files, and what
    experts are to read of it."""
    joblib.dump(LogisticRegression().fit([[0], [1]], [0, 1]), "churn/best.pkl")
    arguments = ["add", "churn", "--name", "c"]
    texts = "Will this customer leave?\n\nNot for companies\n"
    code, out, said = on_a_terminal(arguments, "model.pkl\n" + 3 * "y\n" + texts, tmp_path)
    assert code == 0, said
    card = Registry("model").card("c")
    assert (card.target.description, card.limits) == (
        "Will this customer leave?",
        "Not for companies",
    )
    assert "Which one is the model" in said
    assert "0 (No) and 1 (Yes)" in out


# --- trials


def add_trial(run, folder, target, *options):
    data = ["--data", TRIALS / folder / "train.csv", "--target", target]
    return run(
        "add", readable(TRIALS / folder / "model.joblib"), "--name", "m", *data, *options, "--yes"
    )


def test_words_in_the_file_and_codes_in_the_model_are_a_proposal(run, empty_folder):
    folder = "C48-target-yes-no"
    code, _, said = add_trial(run, folder, "Churn")
    assert code == 1
    assert "say --classes 0=No,1=Yes." in said
    assert add_trial(run, folder, "Churn", "--classes", "0=No,1=Yes")[0] == 0
    card = Registry(empty_folder).card("m")
    assert [card.label(0), card.label(1)] == ["No", "Yes"]
    assert card.positive == 1
    assert card.metrics["accuracy"] > 0.95


@pytest.mark.slow
def test_on_a_terminal_the_proposal_is_a_question(tmp_path):
    trial = TRIALS / "C48-target-yes-no"
    arguments = [
        "add",
        readable(trial / "model.joblib"),
        "--name",
        "m",
        "--data",
        trial / "train.csv",
    ]
    code, out, said = on_a_terminal(
        [*arguments, "--target", "Churn"], "y\ny\n" + 3 * "\n", tmp_path
    )
    assert code == 0, said
    assert said.index("0=No,1=Yes") < said.index("What are experts asked?")
    assert "0 (No) and 1 (Yes)" in out


def test_a_scaler_apart_is_put_before_its_model(run, empty_folder, tmp_path):
    folder = "C51-scaler-apart"
    table = pd.read_csv(TRIALS / folder / "train.csv")
    scaler = StandardScaler().fit(table[["a", "b"]].to_numpy())
    joblib.dump(scaler, tmp_path / "scaler.pkl")
    assert add_trial(run, folder, "y", "--before", tmp_path / "scaler.pkl")[0] == 0
    model, own = Registry(empty_folder).load("m"), joblib.load(TRIALS / folder / "model.joblib")
    answers = model.predict(table)
    shares = own.predict_proba(scaler.transform(table[["a", "b"]].to_numpy()))
    assert answers["probabilities"].tolist() == list(map(tuple, shares.tolist()))
    assert model.card.metrics["accuracy"] > 0.95


def test_dummies_are_one_choice_and_one_column_of_a_file(run, empty_folder, tmp_path):
    folder = "C52-get-dummies-raw-csv"
    assert add_trial(run, folder, "y")[0] == 0
    card = Registry(empty_folder).card("m")
    assert card.case_schema["city"].values == ("A", "B", "C")
    source = TRIALS / folder / "train.csv"
    assert run("score", source, "-o", tmp_path / "out.csv", "--model", "m")[0] == 0
    table, own = pd.read_csv(source), joblib.load(TRIALS / folder / "model.joblib")
    dummies = pd.get_dummies(table).reindex(columns=own.feature_names_in_, fill_value=0)
    scored = pd.read_csv(tmp_path / "out.csv")
    assert scored["prediction"].tolist() == own.predict(dummies).tolist()
    np.testing.assert_allclose(scored["confidence"], own.predict_proba(dummies).max(axis=1))


# --- what does not fit together


PCS = ["PC1", "PC2", "PC3"]


@pytest.fixture
def wrong(tmp_path, monkeypatch):
    """Parts of which each test takes some that do not go together."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(60, 3)), columns=["a", "b", "c"])
    y = (X.a > 0).astype(int)
    joblib.dump(LogisticRegression().fit(X.to_numpy(), y), tmp_path / "model.pkl")
    joblib.dump(LogisticRegression().fit(X, y), tmp_path / "named.pkl")
    joblib.dump(StandardScaler().fit(X[["a", "b"]].to_numpy()), tmp_path / "two.pkl")
    joblib.dump(StandardScaler().fit(X[["a", "b"]]), tmp_path / "ab.pkl")
    joblib.dump(StandardScaler().fit(X), tmp_path / "abc.pkl")
    joblib.dump(LogisticRegression().fit(X.set_axis(PCS, axis=1), y), tmp_path / "pcs.pkl")
    joblib.dump(LabelEncoder().fit(["No", "Yes"]), tmp_path / "labels.pkl")
    joblib.dump(Ridge().fit(X, X.a), tmp_path / "ridge.pkl")
    joblib.dump(OneHotEncoder().fit(pd.DataFrame({"d": ["x"]})), tmp_path / "d.pkl")
    joblib.dump({"model": 1}, tmp_path / "dict.pkl")
    joblib.dump(["a", "b"], tmp_path / "names.pkl")
    X.assign(d="x", y=y).to_csv(tmp_path / "data.csv", index=False)
    monkeypatch.chdir(tmp_path)


REFUSED = [
    ("model.pkl --before two.pkl --columns names.pkl", "fitted on 3 columns|trained on 3 columns"),
    (
        "model.pkl --before two.pkl",
        r"two.pkl is a StandardScaler fitted on 2 columns without names",
    ),
    ("model.pkl --before ab.pkl:a,c", "was fitted on a and b; --before names a and c"),
    ("model.pkl --before labels.pkl", "is a LabelEncoder, which is for one column"),
    ("model.pkl --before ridge.pkl", "holds a Ridge; expected a fitted step"),
    ("model.pkl --before nowhere.pkl", "nowhere.pkl cannot be read"),
    ("model.pkl --before dict.pkl#scaler", 'dict.pkl has nothing under "scaler"; it has model'),
    ("dict.pkl#a", 'dict.pkl has nothing under "a"; it has model'),
    ("dict.pkl", "The file holds a dict without a model that can be told"),
    ("model.pkl", "5 columns|4 columns beside the target; the model was trained on 3"),
    ("model.pkl --columns two.pkl", "two.pkl is a StandardScaler .* expected the names"),
    ("named.pkl --columns names.pkl", "trained on the column 'c' that no step gives"),
    ("pcs.pkl --before abc.pkl", "The data has no column 'PC1' .nor 2 others."),
    ("named.pkl --classes 0=No", "Give one word for each"),
    ("named.pkl --classes yes,no", "is no file and holds no pairs"),
    ("named.pkl --classes two.pkl", "expected words for classes"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("options", "said"), REFUSED)
def test_what_does_not_fit_is_refused_in_words(options, said, wrong, run):
    data = ["--data", "data.csv", "--target", "y", "--name", "m", "--yes"]
    code, _, text = run("add", *options.split(), *data)
    assert code == 1
    assert pd.Series(text).str.contains(said).all(), text


FOLLOWED = [
    "model.pkl --before two.pkl:a,b --columns all.txt",
    "named.pkl --before ab.pkl",
    "named.pkl --classes labels.pkl",
    "named.pkl --classes labels.txt",
    "named.pkl --classes labels.json",
    "model.pkl --columns all.txt --classes 0=No,1=Yes",
]


@pytest.mark.slow
@pytest.mark.parametrize("options", FOLLOWED)
def test_what_the_hints_say_works(options, wrong, run, tmp_path):
    (tmp_path / "all.txt").write_text("a\nb\nc\n")
    (tmp_path / "labels.txt").write_text("0=No\n1=Yes\n")
    (tmp_path / "labels.json").write_text('{"No": 0, "Yes": 1}')
    data = ["--data", "data.csv", "--target", "y", "--name", "m", "--yes"]
    code, _, said = run("add", *options.split(), *data)
    assert code == 0, said
