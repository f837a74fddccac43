"""A model in parts becomes one pipeline that answers as the owner's own script does."""

import json
import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import (
    LabelEncoder,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
)

from second_opinion import Registry

NUMBERS = ["age", "income", "visits"]
WORDS = ["city", "plan"]


def table(holes=False):
    """Customers with an answer in words; the csv of the folder."""
    rng = np.random.default_rng(3)
    rows = 160
    cases = pd.DataFrame(
        {
            "id": np.arange(rows) + 1000,
            "age": rng.integers(18, 80, rows),
            "income": rng.normal(50, 9, rows).round(2),
            "city": rng.choice(["Bonn", "Köln", "Ulm"], rows),
            "plan": rng.choice(["basic", "plus"], rows),
            "visits": rng.integers(0, 9, rows),
        }
    )
    score = (cases.age - 50) / 15 + (cases.plan == "plus") + rng.normal(0, 0.3, rows)
    cases["churn"] = np.where(score > 0.5, "Yes", "No")
    if holes:
        cases.loc[::7, "income"] = np.nan
    return cases


class Parts:
    """A folder that a script fills, and that script's own answers."""

    def __init__(self, folder):
        self.folder = folder
        self.table = table()
        self.target = "churn"

    def save(self, content, name, dump=joblib.dump):
        dump(content, self.folder / name)
        return content

    def write(self, text, name):
        (self.folder / name).write_text(text, "utf-8")


def logistic(X, y):
    return LogisticRegression(max_iter=2000).fit(X, y)


def codes(parts):
    return (parts.table.churn == "Yes").astype(int)


# Each of these writes parts as people publish them. It returns the options that `add` needs beside
# the model's file, and a function from the rows of the csv to what the script's predict takes.


def scaler_of_all_columns_by_name(parts):
    X = parts.table[NUMBERS]
    scaler = parts.save(StandardScaler().fit(X), "scaler.pkl")
    model = parts.save(logistic(scaler.transform(X), codes(parts)), "model.pkl")
    return ["--before", "scaler.pkl", *YES], model, lambda t: scaler.transform(t[NUMBERS])


YES = ["--classes", "0=No,1=Yes"]


def columns_in(write):
    def scaler_and_columns_without_names(parts):
        names = ["visits", "age", "income"]
        X = parts.table[names]
        scaler = parts.save(MinMaxScaler().fit(X.to_numpy()), "scaler.pkl")
        model = parts.save(logistic(scaler.transform(X.to_numpy()), codes(parts)), "model.pkl")
        option = write(parts, X)
        options = ["--before", "scaler.pkl", "--columns", option, *YES]
        return options, model, lambda t: scaler.transform(t[names].to_numpy())

    return scaler_and_columns_without_names


def as_index(parts, X):
    parts.save(X.columns, "columns.pkl")
    return "columns.pkl"


def as_old_index(parts, X):
    parts.save(X.columns.astype(object), "columns.pkl")
    return "columns.pkl"


def as_array(parts, X):
    parts.save(X.columns.to_numpy(), "columns.pkl")
    return "columns.pkl"


def as_list(parts, X):
    (parts.folder / "columns.pkl").write_bytes(pickle.dumps(list(X)))
    return "columns.pkl"


def as_json(parts, X):
    parts.write(json.dumps({"data_columns": list(X)}), "columns.json")
    return "columns.json"


def as_lines(parts, X):
    parts.write("\n".join(X), "columns.txt")
    return "columns.txt"


def as_npy(parts, X):
    np.save(parts.folder / "columns.npy", np.array(list(X)))
    return "columns.npy"


def as_key(parts, X):
    parts.save({"features": list(X), "version": 3}, "meta.pkl")
    return "meta.pkl#features"


def scaler_of_some_columns_in_place(parts):
    names = [*NUMBERS, "plus"]
    parts.table["plus"] = (parts.table["plan"] == "plus").astype(int)
    parts.table = parts.table.drop(columns=["plan"])
    scaler = parts.save(StandardScaler().fit(parts.table[["income", "age"]].to_numpy()), "s.pkl")

    def prepared(t):
        X = t[names].astype(float)
        X[["income", "age"]] = scaler.transform(t[["income", "age"]].to_numpy())
        return X

    model = parts.save(logistic(prepared(parts.table), codes(parts)), "model.pkl")
    return ["--before", "s.pkl:income,age", *YES], model, prepared


def label_encoders_in_a_dict(parts):
    names = ["city", "age", "plan"]
    encoders = {name: LabelEncoder().fit(parts.table[name]) for name in [*WORDS, "churn"]}
    parts.save(encoders, "encoders.pkl")

    def prepared(t):
        return t[names].assign(**{name: encoders[name].transform(t[name]) for name in WORDS})

    y = encoders["churn"].transform(parts.table.churn)
    model = parts.save(
        RandomForestClassifier(9, random_state=0).fit(prepared(parts.table), y), "model.pkl"
    )
    return ["--before", "encoders.pkl", "--classes", "encoders.pkl#churn"], model, prepared


def label_encoders_in_files_and_a_model_without_names(parts):
    names = ["city", "age", "plan"]
    encoders = {name: LabelEncoder().fit(parts.table[name]) for name in WORDS}
    for name, encoder in encoders.items():
        parts.save(encoder, f"le_{name}.pkl")
    parts.save(names, "columns.pkl")

    def prepared(t):
        X = t[names].assign(**{name: encoders[name].transform(t[name]) for name in WORDS})
        return X.to_numpy()

    model = parts.save(logistic(prepared(parts.table), codes(parts)), "model.pkl")
    befores = [word for name in WORDS for word in ("--before", f"le_{name}.pkl:{name}")]
    return [*befores, "--columns", "columns.pkl", *YES], model, prepared


def label_encoder_of_numbers_as_texts(parts):
    names = ["visits", "age"]
    encoder = parts.save(LabelEncoder().fit(parts.table.visits.astype(str)), "le.pkl")

    def prepared(t):
        return t[names].assign(visits=encoder.transform(t.visits.astype(str)))

    model = parts.save(logistic(prepared(parts.table), codes(parts)), "model.pkl")
    return ["--before", "le.pkl:visits", *YES], model, prepared


def ordinal_encoder_and_scaler_on_some_columns(parts):
    names = ["age", "city", "income", "plan"]
    encoder = parts.save(OrdinalEncoder().fit(parts.table[WORDS]), "encoder.pkl")
    scaler = parts.save(StandardScaler().fit(parts.table[["age", "income"]]), "scaler.pkl")

    def prepared(t):
        X = t[names].copy()
        X[WORDS] = encoder.transform(t[WORDS])
        X[["age", "income"]] = scaler.transform(t[["age", "income"]])
        return X.astype(float)

    model = parts.save(logistic(prepared(parts.table), codes(parts)), "model.pkl")
    return ["--before", "encoder.pkl", "--before", "scaler.pkl", *YES], model, prepared


def a_scaler_that_puts_all_columns_into_its_own_order(parts):
    scaler = parts.save(StandardScaler().fit(parts.table[["visits", "income", "age"]]), "s.pkl")

    def prepared(t):
        return scaler.transform(t[["visits", "income", "age"]])

    model = parts.save(logistic(prepared(parts.table), codes(parts)), "model.pkl")
    return ["--before", "s.pkl", *YES], model, prepared


def steps_on_some_columns_and_a_model_without_names(parts):
    names = ["age", "income", "city", "plan"]
    encoder = parts.save(OrdinalEncoder().fit(parts.table[["plan", "city"]]), "encoder.pkl")
    scaler = parts.save(StandardScaler().fit(parts.table[["income", "age"]]), "scaler.pkl")

    def prepared(t):
        X = t[names].copy()
        X[["plan", "city"]] = encoder.transform(t[["plan", "city"]])
        X[["income", "age"]] = scaler.transform(t[["income", "age"]])
        return X.to_numpy(float)

    model = parts.save(logistic(prepared(parts.table), codes(parts)), "model.pkl")
    return ["--before", "encoder.pkl", "--before", "scaler.pkl", *YES], model, prepared


def imputer_scaler_and_pca(parts):
    parts.table = table(holes=True)
    steps = [SimpleImputer(strategy="median"), StandardScaler(), PCA(2, random_state=0)]
    X = parts.table[NUMBERS].to_numpy()
    for at, step in enumerate(steps):
        X = step.fit_transform(X)
        parts.save(step, f"{at}.pkl")
    parts.save(pd.Index(NUMBERS), "columns.pkl")

    def prepared(t):
        X = t[NUMBERS].to_numpy()
        for step in steps:
            X = step.transform(X)
        return X

    model = parts.save(logistic(X, codes(parts)), "model.pkl")
    befores = [word for at in range(3) for word in ("--before", f"{at}.pkl")]
    return [*befores, "--columns", "columns.pkl", *YES], model, prepared


def scaler_pca_and_a_model_with_names_of_its_own(parts):
    scaler = parts.save(StandardScaler().fit(parts.table[NUMBERS]), "scaler.pkl")
    pca = PCA(2, random_state=0).fit(scaler.transform(parts.table[NUMBERS]))
    parts.save(pca, "pca.pkl")

    def prepared(t):
        return pd.DataFrame(pca.transform(scaler.transform(t[NUMBERS])), columns=["PC1", "PC2"])

    model = parts.save(logistic(prepared(parts.table), codes(parts)), "model.pkl")
    return ["--before", "scaler.pkl", "--before", "pca.pkl", *YES], model, prepared


def one_hot_encoder_behind_the_numbers(parts):
    encoder = parts.save(OneHotEncoder(handle_unknown="ignore").fit(parts.table[WORDS]), "ohe.pkl")

    def prepared(t):
        return np.hstack([t[NUMBERS].to_numpy(), encoder.transform(t[WORDS]).toarray()])

    names = [*NUMBERS, *encoder.get_feature_names_out(WORDS)]
    parts.save(names, "columns.pkl")
    model = parts.save(logistic(prepared(parts.table), codes(parts)), "model.pkl")
    return ["--before", "ohe.pkl", "--columns", "columns.pkl", *YES], model, prepared


def one_hot_encoder_and_a_model_with_names(parts):
    encoder = OneHotEncoder(drop="first", sparse_output=False).fit(parts.table[["city"]].to_numpy())
    parts.save(encoder, "ohe.pkl")
    scaler = parts.save(StandardScaler().fit(parts.table[["age"]]), "scaler.pkl")

    def prepared(t):
        cells = encoder.transform(t[["city"]].to_numpy())
        dummies = pd.DataFrame(
            cells, columns=encoder.get_feature_names_out(["city"]), index=t.index
        )
        return pd.concat([dummies, t[["age"]].assign(age=scaler.transform(t[["age"]]))], axis=1)

    model = parts.save(logistic(prepared(parts.table), codes(parts)), "model.pkl")
    return ["--before", "ohe.pkl:city", "--before", "scaler.pkl", *YES], model, prepared


def column_transformer(parts):
    prep = make_column_transformer((StandardScaler(), NUMBERS), (OneHotEncoder(), WORDS))
    parts.save(prep.fit(parts.table.drop(columns="churn")), "preprocessor.pkl")
    model = parts.save(logistic(prep.transform(parts.table), codes(parts)), "model.pkl")
    return ["--before", "preprocessor.pkl", *YES], model, prep.transform


def selection_after_a_scaler(parts):
    scaler = parts.save(StandardScaler().fit(parts.table[NUMBERS]), "scaler.pkl")
    best = SelectKBest(k=2).fit(scaler.transform(parts.table[NUMBERS]), codes(parts))
    parts.save(best, "selector.pkl")

    def prepared(t):
        return best.transform(scaler.transform(t[NUMBERS]))

    model = parts.save(logistic(prepared(parts.table), codes(parts)), "model.pkl")
    return ["--before", "scaler.pkl", "--before", "selector.pkl", *YES], model, prepared


def dummies_and_a_scaler_of_them(parts):
    names = ["age", "income", "city", "plan"]
    X = pd.get_dummies(parts.table[names], drop_first=True)
    scaler = parts.save(StandardScaler().fit(X), "scaler.pkl")
    parts.save(X.columns, "columns.pkl")

    def prepared(t):
        dummies = pd.get_dummies(t[names]).reindex(columns=X.columns, fill_value=0)
        return scaler.transform(dummies)

    model = parts.save(logistic(prepared(parts.table), codes(parts)), "model.pkl")
    return ["--before", "scaler.pkl", "--columns", "columns.pkl", *YES], model, prepared


def dummies_of_a_model_without_names(parts):
    names = ["age", "city", "plan"]
    X = pd.get_dummies(parts.table[names])
    parts.save(list(X), "columns.pkl")

    def prepared(t):
        dummies = pd.get_dummies(t[names]).reindex(columns=list(X), fill_value=0)
        return dummies.to_numpy(float)

    model = parts.save(logistic(prepared(parts.table), codes(parts)), "model.pkl")
    return ["--columns", "columns.pkl", *YES], model, prepared


def dict_bundle(parts):
    X = parts.table[NUMBERS]
    scaler, labels = StandardScaler().fit(X.to_numpy()), LabelEncoder().fit(parts.table.churn)
    model = logistic(scaler.transform(X.to_numpy()), labels.transform(parts.table.churn))
    bundle = {"model": model, "scaler": scaler, "features": NUMBERS, "label_encoder": labels}
    parts.save(bundle, "model.pkl")
    options = ["--before", "model.pkl#scaler", "--columns", "model.pkl#features"]
    options += ["--classes", "model.pkl#label_encoder"]
    return ["#model", *options], model, lambda t: scaler.transform(t[NUMBERS].to_numpy())


def tuple_bundle(parts):
    X = parts.table[NUMBERS]
    scaler = StandardScaler().fit(X)
    model = logistic(scaler.transform(X), parts.table.churn)
    parts.save((model, scaler), "model.pkl", lambda o, path: path.write_bytes(pickle.dumps(o)))
    return ["#0", "--before", "model.pkl#1"], model, lambda t: scaler.transform(t[NUMBERS])


def nested_bundle(parts):
    X = parts.table[NUMBERS]
    prep = {"scale": MinMaxScaler().fit(X), "columns": {"numeric": NUMBERS}}
    model = logistic(prep["scale"].transform(X), codes(parts))
    parts.save({"artifacts": prep, "model": model}, "model.pkl")
    options = ["#model", "--before", "model.pkl#artifacts#scale", *YES]
    return options, model, lambda t: prep["scale"].transform(t[NUMBERS])


def vectorizer_of_texts(parts):
    late = parts.table.age // 16 + (parts.table.churn == "Yes")
    notes = ["paid" + " late" * count for count in late]
    parts.table = pd.DataFrame({"note": notes, "churn": parts.table.churn})
    words = parts.save(TfidfVectorizer().fit(parts.table.note), "vectorizer.pkl")
    model = parts.save(logistic(words.transform(parts.table.note), codes(parts)), "model.pkl")
    return ["--before", "vectorizer.pkl", *YES], model, lambda t: words.transform(t.note)


def regression_with_a_scaler(parts):
    parts.target = "bill"
    parts.table["bill"] = 3 * parts.table.age - parts.table.visits + parts.table.income / 10
    names = ["age", "visits"]
    scaler = parts.save(StandardScaler().fit(parts.table[names].to_numpy()), "scaler.pkl")
    X = scaler.transform(parts.table[names].to_numpy())
    model = parts.save(Ridge().fit(X, parts.table.bill), "model.pkl")
    return (
        ["--before", "scaler.pkl:age,visits"],
        model,
        lambda t: scaler.transform(t[names].to_numpy()),
    )


SHAPES = [
    scaler_of_all_columns_by_name,
    *map(
        columns_in, (as_index, as_old_index, as_array, as_list, as_json, as_lines, as_npy, as_key)
    ),
    scaler_of_some_columns_in_place,
    label_encoders_in_a_dict,
    label_encoders_in_files_and_a_model_without_names,
    label_encoder_of_numbers_as_texts,
    ordinal_encoder_and_scaler_on_some_columns,
    a_scaler_that_puts_all_columns_into_its_own_order,
    steps_on_some_columns_and_a_model_without_names,
    imputer_scaler_and_pca,
    scaler_pca_and_a_model_with_names_of_its_own,
    one_hot_encoder_behind_the_numbers,
    one_hot_encoder_and_a_model_with_names,
    column_transformer,
    selection_after_a_scaler,
    dummies_and_a_scaler_of_them,
    dummies_of_a_model_without_names,
    dict_bundle,
    tuple_bundle,
    nested_bundle,
    vectorizer_of_texts,
    regression_with_a_scaler,
]


@pytest.fixture
def parts(tmp_path, empty_folder, monkeypatch):
    folder = tmp_path / "brought"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return Parts(folder)


@pytest.mark.slow
def test_an_order_that_nobody_has_said_is_said(parts, run):
    options, _, _ = a_scaler_that_puts_all_columns_into_its_own_order(parts)
    parts.table.to_csv("data.csv", index=False)
    data = ["--data", "data.csv", "--target", "churn", "--name", "m", "--yes"]
    _, _, said = run("add", "model.pkl", *options, *data)
    assert "its inputs are taken in the order visits, income and age. If the training had" in said
    parts.write("visits\nincome\nage\n", "columns.txt")
    _, _, said = run("add", "model.pkl", *options, "--columns", "columns.txt", *data)
    assert said == ""


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_parts_answer_on_every_row_as_the_script_does(shape, parts, run, empty_folder):
    options, model, prepared = shape(parts)
    parts.table.to_csv("data.csv", index=False)
    key = options.pop(0) if options[0].startswith("#") else ""
    data = ["--data", "data.csv", "--target", parts.target]
    code, _, said = run("add", f"model.pkl{key}", *options, "--name", "m", *data, "--yes")
    assert code == 0, said
    added = Registry(empty_folder).load("m")
    answers = added.predict(pd.read_csv("data.csv"))
    X = prepared(parts.table)
    assert answers["value"].tolist() == model.predict(X).tolist()
    if hasattr(model, "predict_proba"):
        shares = np.array(answers["probabilities"].tolist())
        np.testing.assert_allclose(shares, model.predict_proba(X), rtol=0, atol=1e-12)
        assert added.card.metrics["accuracy"] > 0.6
        assert [choice.label for choice in added.card.classes] == ["No", "Yes"]
