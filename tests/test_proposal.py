"""From a folder as people publish them to the options of `add`, which are then right."""

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import LabelEncoder, MinMaxScaler, OneHotEncoder, StandardScaler

from second_opinion import Registry
from second_opinion.models.parts import folder
from second_opinion.models.parts.proposal import proposed

ROWS = 240


@pytest.fixture
def people():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "age": rng.integers(20, 80, ROWS),
            "gender": rng.choice(["Male", "Female"], ROWS),
            "plan": rng.choice(["a", "b", "c"], ROWS),
        }
    )
    table["Churn"] = np.where(table.age > 45, "Yes", "No")
    return table


def save(place, table, **parts):
    for name, content in parts.items():
        joblib.dump(content, place / f"{name}.pkl")
    table.to_csv(place / "data.csv", index=False)


def options(place):
    """The options proposed, without the path of the folder."""
    given = proposed(folder.look(place).parts)
    return [word.replace(f"{place}/", "") for word in given.options]


def forest(X, y):
    return RandomForestClassifier(20, random_state=0).fit(X, y)


def crops(place, people):
    """Twenty-two classes, coded from 1, with their words in a dict."""
    codes = np.arange(ROWS) % 22
    X = pd.DataFrame({"N": codes + 0.1, "P": 1.0 + codes % 2})
    scaler = MinMaxScaler().fit(X)
    words = {f"crop{at:02d}": at + 1 for at in range(22)}
    model = forest(scaler.transform(X), codes + 1)
    table = X.assign(label=[f"crop{at:02d}" for at in codes])
    save(place, table, model=model, minmaxscaler=scaler, crop_dict=words)
    return model.predict(scaler.transform(X)), "--before --classes --data --target label"


def encoders_in_a_dict_with_that_of_the_answers(place, people):
    encoders = {name: LabelEncoder().fit(people[name]) for name in ("gender", "plan", "Churn")}
    coded = people.assign(**{name: e.transform(people[name]) for name, e in encoders.items()})
    X = coded.drop(columns="Churn")
    model = forest(X, coded.Churn)
    save(place, people.assign(id=range(ROWS)), model=model, encoders=encoders)
    return model.predict(X), "--before --classes --data --target Churn"


def dummies_with_a_scaler_of_the_numbers(place, people):
    X = pd.get_dummies(people.drop(columns="Churn"), drop_first=True).astype(float)
    scaler = StandardScaler().fit(X[["age"]])
    X["age"] = scaler.transform(X[["age"]])
    model = LogisticRegression().fit(X, people.Churn)
    save(place, people, model=model, scaler=scaler, columns=list(X))
    return model.predict(X), "--before --data --target Churn"


def an_imputer_a_scaler_and_a_pca(place, people):
    X = pd.DataFrame(np.random.default_rng(1).normal(size=(ROWS, 4)), columns=list("abcd"))
    X.loc[::9, "b"] = np.nan
    steps = {"imputer": SimpleImputer(), "scaler": StandardScaler(), "pca": PCA(3)}
    cells = X
    for step in steps.values():
        cells = step.fit_transform(cells)
    model = LogisticRegression().fit(cells, X.a > 0)
    save(place, X.assign(target=X.a > 0), model=model, **steps)
    return model.predict(cells), "--before --before --before --data --target target"


def encoders_in_files_called_after_their_columns(place, people):
    plans = OneHotEncoder(sparse_output=False).fit(people[["plan"]])
    genders = LabelEncoder().fit(people.gender)
    X = pd.DataFrame(plans.transform(people[["plan"]]), columns=plans.get_feature_names_out())
    X = X.assign(gender=genders.transform(people.gender), age=people.age)
    scaler = StandardScaler().fit(X)
    model = LogisticRegression().fit(scaler.transform(X), people.Churn)
    parts = {"onehot_plan": plans, "le_gender": genders, "scaler": scaler}
    save(place, people, model=model, **parts)
    return model.predict(scaler.transform(X)), "--before --before --before --data --target Churn"


@pytest.mark.slow
@pytest.mark.parametrize(
    "shape",
    [
        crops,
        encoders_in_a_dict_with_that_of_the_answers,
        dummies_with_a_scaler_of_the_numbers,
        an_imputer_a_scaler_and_a_pca,
        encoders_in_files_called_after_their_columns,
    ],
    ids=lambda shape: shape.__name__,
)
def test_what_is_proposed_answers_as_the_script_does(shape, people, tmp_path, run, empty_folder):
    place = tmp_path / "brought"
    place.mkdir()
    answers, expected = shape(place, people)
    marks = [word for word in options(place) if word.startswith("--")]
    assert " ".join([*marks, options(place)[-1]]) == expected
    code, _, said = run("add", *proposed(folder.look(place).parts).options, "--name", "m", "--yes")
    assert code == 0, said
    added = Registry(empty_folder).load("m").predict(pd.read_csv(place / "data.csv"))
    assert added["value"].tolist() == answers.tolist()


def test_a_pipeline_needs_no_steps_and_a_scaler_of_the_answers_is_said(tmp_path, people):
    y = people.age * 2.0
    scaler_y = StandardScaler().fit(y.to_frame().to_numpy())
    X = people[["age"]].assign(more=1.0)
    model = Ridge().fit(X, scaler_y.transform(y.to_frame().to_numpy()).ravel())
    save(tmp_path, X.assign(price=y), model=model, scaler_y=scaler_y)
    proposal = proposed(folder.look(tmp_path).parts)
    assert proposal.before == ()
    assert "seems to be for the answers, and is not used" in proposal.unused[0]


def test_a_regression_has_a_target_of_numbers(tmp_path, people):
    X = pd.get_dummies(people[["age", "plan"]], dtype=float)
    model = Ridge().fit(X, people.age * 2.0)
    table = people[["age"]].assign(value=people.age * 2.0, plan=people.plan)
    save(tmp_path, table, model=model)
    assert proposed(folder.look(tmp_path).parts).target == "value"


@pytest.mark.parametrize(
    ("order", "target"), [(["smoker", "Left"], "Left"), (["Left", "city", "sex"], "Left")]
)
def test_a_model_without_names_may_take_a_column_that_holds_its_classes(tmp_path, order, target):
    """The last column is taken before one that holds the very codes, and these before words."""
    codes = np.arange(ROWS) % 2
    words = np.where(codes == 1, "Yes", "No")
    columns = {"smoker": codes, "Left": codes if len(order) > 2 else words, "sex": words}
    columns["city"] = np.array(["a", "b", "c"])[np.arange(ROWS) % 3]
    if len(order) > 2:
        order = [*order[:1], "sex", "city"]
    table = pd.DataFrame({"age": np.arange(ROWS)} | {name: columns[name] for name in order})
    model = forest(table[["age"]].to_numpy(), codes)
    save(tmp_path, table, model=model)
    proposal = proposed(folder.look(tmp_path).parts)
    assert proposal.target == target
    assert proposal.targets
