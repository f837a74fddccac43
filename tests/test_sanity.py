"""The verdict on a model's answers when it is added: refused, doubted, or something to know."""

import io
import pickle
import shutil
import sys

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from ages import needs, readable
from builders import ROOT
from sklearn.compose import make_column_transformer
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, RobustScaler, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from second_opinion import Registry, UserError

TRIALS = ROOT / "tests/trials"
RNG = np.random.default_rng(11)
WARD = pd.DataFrame(
    {
        "age": RNG.normal(50, 9, 300).round(1),
        "pressure": RNG.normal(120, 15, 300).round(1),
        "dose": RNG.normal(500, 100, 300).round(1),
    }
)
RISK = (WARD.age - 50) / 9 + (WARD.pressure - 120) / 15 + 2 * (WARD.dose - 500) / 100
ILL = (RISK > -0.8).astype(int).rename("ill")
STAY = (6 + RISK + RNG.normal(0, 1, 300)).round(2).rename("stay")


def findings(folder, model, X, y, **about):
    card = Registry(folder / "model").add(model, X, y, name="m", **about)
    return {finding.name: finding for finding in card.findings}


def doubts(found):
    return [finding.text for finding in found.values() if finding.doubtful]


@pytest.mark.slow
@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(max_iter=500),
        make_pipeline(StandardScaler(), SVC()),
        make_pipeline(StandardScaler(), LinearSVC()),
        KNeighborsClassifier(),
        RandomForestClassifier(10, max_depth=4),
        HistGradientBoostingClassifier(max_iter=10),
    ],
)
def test_nothing_is_noticed_of_a_classifier_that_works(tmp_path, model):
    assert not findings(tmp_path, model.fit(WARD, ILL), WARD, ILL)


def test_nothing_is_noticed_of_a_regression_that_works(tmp_path):
    model = Ridge().fit(WARD, STAY)
    assert not findings(tmp_path, model, WARD, STAY)


@pytest.mark.slow
@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler(), RobustScaler()], ids=repr)
@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(max_iter=500),
        SVC(),
        KNeighborsClassifier(),
        RandomForestClassifier(10),
    ],
    ids=repr,
)
def test_a_scaler_that_was_saved_apart_is_seen(tmp_path, model, scaler):
    model.fit(scaler.fit_transform(WARD), ILL)
    [doubt] = doubts(findings(tmp_path, model, WARD, ILL))
    assert "always answering 1 is right on 6" in doubt
    assert "a scaler was saved apart from it" in doubt


def test_columns_in_another_order_are_doubted(tmp_path):
    model = LogisticRegression(max_iter=500).fit(WARD.to_numpy(), ILL)
    turned = WARD[list(WARD)[::-1]]
    [doubt] = doubts(findings(tmp_path, model, turned, ILL))
    assert "columns in another order than in the training" in doubt


def test_classes_that_stand_for_one_another_are_seen(tmp_path):
    model = LogisticRegression(max_iter=500).fit(WARD, 1 - ILL)
    [doubt] = doubts(findings(tmp_path, model, WARD, ILL))
    assert "Answering the other class each time is right on " in doubt


def test_a_model_that_has_learned_nothing_is_doubted(tmp_path):
    model = DummyClassifier().fit(WARD, ILL)
    found = findings(tmp_path, model, WARD, ILL)
    assert doubts(found)
    assert found["one_answer"].text == "It answers 1 on each of 300 rows."
    mean = DummyRegressor().fit(WARD, STAY)
    [doubt] = doubts(findings(tmp_path, mean, WARD, STAY))
    assert "no better than always the mean" in doubt


def test_everybody_sure_is_said_and_not_doubted(tmp_path):
    model = DecisionTreeClassifier().fit(WARD, ILL)
    found = findings(tmp_path, model, WARD, ILL)
    assert set(found) == {"always_sure"}
    assert not doubts(found)


def test_a_few_rows_are_not_judged(tmp_path):
    few = WARD[:15]
    model = DummyClassifier().fit(WARD, ILL)
    assert not findings(tmp_path, model, few, ILL[:15])


def holes(levels, rng):
    """Wards of which one in three has no word for its kind; the outcome follows the kind."""
    kind = rng.choice(levels, 600)
    table = pd.DataFrame({"kind": kind, "age": rng.normal(50, 9, 600)})
    y = pd.Series(np.isin(kind, levels[:1]) ^ (rng.random(600) < 0.05), name="ill")
    return table, y.astype(int)


def test_rows_with_holes_that_the_app_fills_are_asked_about(tmp_path):
    cases, y = holes(["none", "day", "night"], np.random.default_rng(3))
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["kind"]), remainder="passthrough"
    )
    model = make_pipeline(columns, LogisticRegression()).fit(cases, y)
    with_holes = cases.assign(kind=cases.kind.where(cases.kind != "none"))
    found = findings(tmp_path, model, with_holes, y)
    text = found["holes"].text
    assert "Your app probably fills these: with what?" in text
    assert "with a missing value (kind)" in text
    assert 'No row has the level "none" of kind, which the model knows.' in text
    # The way: fill them in the file in the same way.
    assert not findings(tmp_path, model, with_holes.fillna({"kind": "none"}), y, version="filled")


def test_the_filling_may_be_put_into_the_pipeline(tmp_path):
    cases, y = holes(["none", "day", "night"], np.random.default_rng(3))
    fill = SimpleImputer(strategy="constant", fill_value="none")
    columns = make_column_transformer(
        (make_pipeline(fill, OneHotEncoder()), ["kind"]), remainder="passthrough"
    )
    model = make_pipeline(columns, LogisticRegression()).fit(cases, y)
    with_holes = cases.assign(kind=cases.kind.where(cases.kind != "none"))
    assert not findings(tmp_path, model, with_holes, y)


@pytest.mark.slow
def test_holes_that_the_model_takes_well_are_not_asked_about(tmp_path):
    cases, y = holes(["none", "day", "night"], np.random.default_rng(3))
    cases = cases.assign(age=cases.age.where(np.arange(600) % 3 > 0), kind=cases.kind == "none")
    model = HistGradientBoostingClassifier(max_iter=5).fit(cases, y)
    assert not findings(tmp_path, model, cases, y)


def of_counts(forest):
    """A forest whose leaves count rows, as those of scikit-learn before 1.3 do."""
    for tree in forest.estimators_:
        tree.tree_.value[:] *= tree.tree_.weighted_n_node_samples[:, None, None]
    return forest


@pytest.fixture
def counting():
    needs((1, 3), "trees that hold shares")
    forest = RandomForestClassifier(5, max_depth=3, random_state=0)
    return of_counts(forest.fit(WARD, ILL))


def test_probabilities_that_are_none_are_refused(tmp_path, counting):
    for data in ((WARD, ILL), (WARD, None), (None, None)):
        with pytest.raises(UserError, match="expected shares from 0 to 1 that make 1") as error:
            Registry(tmp_path).add(counting, *data, name="m")
        assert "predict.py that makes probabilities" in str(error.value)
    assert not list(tmp_path.iterdir())


def test_probabilities_that_are_none_name_the_environment_to_use(
    run, tmp_path, empty_folder, counting
):
    content = pickle.dumps(counting, protocol=2).replace(sklearn.__version__.encode(), b"1.2.2")
    (tmp_path / "old.pkl").write_bytes(content)
    WARD.assign(ill=ILL).to_csv(tmp_path / "train.csv", index=False)
    code, _, err = run(
        *("add", tmp_path / "old.pkl", "--name", "m", "--yes"),
        *("--data", tmp_path / "train.csv", "--target", "ill"),
    )
    assert code == 1
    assert "expected shares from 0 to 1 that make 1 in all" in err
    assert "make run SKLEARN=1.2" in err
    assert not list(empty_folder.iterdir())


def test_another_release_is_said_with_what_is_claimed_and_measured(tmp_path):
    model = Ridge().fit(WARD, STAY)
    about = {"artifact": {"scikit_learn": "1.5.2"}}
    found = findings(tmp_path, model, WARD, STAY, card=about)
    assert "saved with scikit-learn 1.5.2" in found["release"].text
    assert "Measured here: R² 0.8" in found["release"].text
    about["metrics"] = {"R²": 0.75}
    again = findings(tmp_path, model, WARD, STAY, card=about, version="claimed")
    assert "Measured here: R² 0.8" in again["release"].text
    assert "Its card claims R² 0.75." in again["release"].text
    assert not doubts(again)


@pytest.mark.parametrize(
    ("trial", "target", "said"),
    [
        ("C50-log-target", "price", "it was trained on the logarithm of price"),
        ("C51-scaler-apart", "y", "a scaler was saved apart from it"),
    ],
)
def test_yes_alone_does_not_add_what_is_no_better_than_a_guess(
    run, empty_folder, monkeypatch, trial, target, said
):
    folder = TRIALS / trial
    command = (
        *("add", readable(folder / "model.joblib"), "--name", "m"),
        *("--data", folder / "train.csv", "--target", target),
    )
    code, _, err = run(*command, "--yes")
    assert code == 1
    assert said in err
    assert "say --anyway" in err
    assert not list(empty_folder.iterdir())
    for answer, expected in (("y\nn\n", 1), ("y\ny\n\n\n\n", 0)):
        asking = io.StringIO(answer)
        asking.isatty = lambda: True
        monkeypatch.setattr(sys, "stdin", asking)
        assert run(*command)[0] == expected
    code, out, _ = run(*command, "--yes", "--anyway", "--json")
    assert code == 0
    assert said in out
    assert Registry(empty_folder).card("m/2").findings[0].doubtful


def test_a_log_target_is_right_behind_the_predict_py_that_the_warning_names(
    run, tmp_path, empty_folder
):
    """`wrap`, one edit, `add`: and the answers are those of a script of the owner's own."""
    folder = tmp_path / "prices"
    shutil.copytree(TRIALS / "C50-log-target", folder)
    source = ("--data", folder / "train.csv", "--target", "price", "--yes")
    _, _, err = run("add", readable(folder / "model.joblib"), "--name", "m", *source)
    assert "with UNDO = np.exp (`wrap` writes one)" in err
    assert f"wrap {folder}" in err
    assert run("wrap", folder)[0] == 0
    text = (folder / "predict.py").read_text("utf-8")
    (folder / "predict.py").write_text(text.replace("UNDO = None", "UNDO = np.exp"), "utf-8")
    code, _, err = run("add", folder / "predict.py", "--name", "m", *source)
    assert code == 0, err
    assert not Registry(empty_folder).card("m").findings
    assert run("score", folder / "train.csv", "-o", tmp_path / "out.csv", "--model", "m")[0] == 0
    table = pd.read_csv(folder / "train.csv")
    expected = np.exp(joblib.load(folder / "model.joblib").predict(table[["a", "b"]]))
    answers = pd.read_csv(tmp_path / "out.csv")["prediction"]
    assert answers.tolist() == pytest.approx(expected.tolist(), rel=1e-12)


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler()], ids=repr)
def test_a_scaler_apart_is_right_by_the_option_that_the_warning_names(
    run, tmp_path, empty_folder, scaler
):
    model = LogisticRegression().fit(scaler.fit_transform(WARD.to_numpy()), ILL)
    joblib.dump(model, tmp_path / "model.pkl")
    joblib.dump(scaler, tmp_path / "scaler.pkl")
    WARD.assign(ill=ILL).to_csv(tmp_path / "train.csv", index=False)
    command = (
        *("add", tmp_path / "model.pkl", "--name", "m", "--yes"),
        *("--data", tmp_path / "train.csv", "--target", "ill"),
    )
    code, _, err = run(*command)
    assert code == 1
    assert "Add both together: --before scaler.pkl" in err
    code, _, err = run(*command, "--before", tmp_path / "scaler.pkl")
    assert code == 0, err
    assert not Registry(empty_folder).card("m").findings
    run("score", tmp_path / "train.csv", "-o", tmp_path / "out.csv", "--model", "m")
    expected = model.predict(scaler.transform(WARD.to_numpy()))
    assert pd.read_csv(tmp_path / "out.csv")["prediction"].tolist() == expected.tolist()


def test_a_log_target_is_right_once_exp_is_taken(tmp_path):
    """The way of the warning, from a notebook: the pipeline that undoes it is added as it is."""
    from sklearn.compose import TransformedTargetRegressor

    table = pd.read_csv(TRIALS / "C50-log-target/train.csv")
    cases = table.drop(columns="price")
    inside = joblib.load(readable(TRIALS / "C50-log-target/model.joblib"))
    whole = TransformedTargetRegressor(inside, func=np.log, inverse_func=np.exp)
    assert not findings(tmp_path, whole.fit(cases, table.price), cases, table.price)


def test_a_scaler_in_the_pipeline_is_not_doubted(tmp_path):
    scaler = StandardScaler()
    model = LogisticRegression(max_iter=500).fit(scaler.fit_transform(WARD), ILL)
    assert not findings(tmp_path, make_pipeline(scaler, model), WARD, ILL)


def test_findings_of_a_notebook_stay_in_the_card(tmp_path):
    model = LinearRegression().fit(WARD, np.exp(STAY))
    registry = Registry(tmp_path)
    card = registry.add(model, WARD, STAY, name="m")
    assert card.findings
    assert registry.card("m").findings == card.findings
