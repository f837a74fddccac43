"""Folders as people publish them: one command adds each, and it answers as their own script."""

import json
import pickle
import runpy
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import AdaBoostClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import MultinomialNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import LabelEncoder, OrdinalEncoder, StandardScaler
from sklearn.svm import SVC
from workbooks import workbook

ROWS = 160
NUMBERS = ["Age", "Annual Income (k$)"]


@pytest.fixture
def people():
    rng = np.random.default_rng(5)
    return pd.DataFrame(
        {
            "Age": rng.integers(18, 80, ROWS),
            "Annual Income (k$)": rng.normal(60, 15, ROWS).round(2),
            "Gender": rng.choice(["Male", "Female"], ROWS),
            "Contract": rng.choice(["Month-to-month", "One year", "Two year"], ROWS),
        }
    )


def forest(X, y):
    return RandomForestClassifier(10, random_state=0).fit(X, y)


def left(people):
    return np.where(people.Age > 50, "Yes", "No")


# Each writes a folder, and gives the new cases with what the owner's script says of them.


def an_encoder_for_each_column_in_a_bundle(people):
    encoders = {name: LabelEncoder().fit(people[name]) for name in ("Gender", "Contract")}
    coded = people.assign(**{name: e.transform(people[name]) for name, e in encoders.items()})
    model = forest(coded, np.where(people.Age > 50, "Yes ", "No"))
    bundle = {"model": model, "encoders": encoders, "features": list(coded)}
    joblib.dump(bundle, "bundle.joblib")
    people.assign(**{"Churn ": model.predict(coded)}).to_csv("train.csv", index=False)
    return people, model.predict(coded)


def names_with_blanks_in_front(people):
    people = people[NUMBERS].add_prefix(" ")
    model = forest(people, np.where(people[" Age"] > 50, "Yes", "No"))
    joblib.dump(model, "model.pkl")
    people.assign(**{" Churn": model.predict(people)}).to_csv("data.csv", index=False)
    return people, model.predict(people)


def a_workbook_with_a_title(people):
    X = people[NUMBERS]
    model = LogisticRegression(max_iter=900).fit(X, left(people))
    joblib.dump(model, "model.joblib")
    rows = [[int(a), float(b), y] for (a, b), y in zip(X.to_numpy(), left(people), strict=True)]
    top = [["Customers of May"], [], ["made by", "Ann"], [*X, "left"]]
    Path("train.xlsx").write_bytes(workbook([*top, *rows]))
    return X, model.predict(X)


def semicolons_and_decimal_commas_in_utf_16(people):
    X = people[NUMBERS]
    model = forest(X.to_numpy(), left(people))
    joblib.dump(model, "model.pkl")
    Path("columns.pkl").write_bytes(pickle.dumps(X.columns))
    X.assign(Churn=model.predict(X.to_numpy())).to_csv(
        "data.csv", sep=";", decimal=",", encoding="utf-16", index=False
    )
    return X, model.predict(X.to_numpy())


def a_title_and_an_index_column(people):
    X = people[NUMBERS]
    model = forest(X.to_numpy(), left(people))
    joblib.dump(model, "model.pkl")
    Path("columns.json").write_text(json.dumps(list(X)))
    rows = X.assign(Churn=model.predict(X.to_numpy())).to_csv()
    Path("data.csv").write_text(f"Export of 1 May\n# by Ann\n\n{rows}")
    return X, model.predict(X.to_numpy())


def parquet_and_words_for_classes(people):
    X = people[NUMBERS]
    model = forest(X, np.where(people.Age > 50, 2, 1))
    joblib.dump({"clf": model, "classes": {1: "stay", 2: "go"}, "cols": list(X)}, "artifacts.pkl")
    X.assign(y=model.predict(X)).to_parquet("df.parquet")
    return X, model.predict(X)


def a_scaler_of_some_columns_and_dummies(people):
    X = pd.get_dummies(people, columns=["Contract"], dtype=int)
    X["Gender"] = (people.Gender == "Male").astype(int)
    scaler = StandardScaler().fit(X[NUMBERS])
    scaled = X.assign(**dict(zip(NUMBERS, scaler.transform(X[NUMBERS]).T, strict=True)))
    model = LogisticRegression(max_iter=900).fit(scaled, left(people))
    Path("churn.pkl").write_bytes(
        pickle.dumps({"model": model, "scaler": scaler, "feature_names": list(X)})
    )
    X.assign(Churn=left(people)).to_csv("train_processed.csv", index=False)
    return X, model.predict(scaled)


def dummies_without_the_first_scaled(people):
    X = pd.get_dummies(people, columns=["Gender", "Contract"], drop_first=True)
    scaler = StandardScaler().fit(X)
    model = LogisticRegression(max_iter=900).fit(scaler.transform(X), left(people))
    joblib.dump(model, "model.pkl")
    joblib.dump(scaler, "scaler.pkl")
    Path("columns.json").write_text(json.dumps(list(X)))
    people.assign(Churn=left(people)).to_csv("data.csv", index=False)
    return people, model.predict(scaler.transform(X))


def a_tuple_and_names_in_npy(people):
    X = people[NUMBERS]
    scaler = StandardScaler().fit(X.to_numpy())
    model = SVC(random_state=0).fit(scaler.transform(X.to_numpy()), people.Age > 50)
    Path("pair.pkl").write_bytes(pickle.dumps((scaler, model)))
    np.save("columns.npy", np.array(list(X)))
    X.assign(old=people.Age > 50).to_csv("train.csv", index=False)
    return X, model.predict(scaler.transform(X.to_numpy()))


def a_list_with_an_encoder_and_minus_one(people):
    X, names = people.copy(), ["Gender", "Contract"]
    encoder = OrdinalEncoder().fit(X[names])
    X[names] = encoder.transform(X[names])
    model = AdaBoostClassifier(n_estimators=10).fit(X, np.where(people.Age > 50, 1, -1))
    joblib.dump([encoder, model], "all.pkl")
    people.assign(result=model.predict(X)).to_csv("t.tsv", sep="\t", index=False)
    return people, model.predict(X)


def a_search_and_names_with_commas(people):
    X = people[NUMBERS]
    search = GridSearchCV(KNeighborsClassifier(), {"n_neighbors": [3, 5]})
    search.fit(X.to_numpy(), (people.Age > 50).astype(int))
    joblib.dump(search, "final_model.sav")
    Path("features.txt").write_text("Age, Annual Income (k$)\n")
    people.assign(Purchased=search.predict(X.to_numpy())).to_csv("Ads.csv", index=False)
    return X, search.predict(X.to_numpy())


def words_and_their_vectorizer(people):
    texts = np.array(["win cash now", "meeting at noon", "claim your prize", "see you"])[
        people.Age % 4
    ]
    kinds = np.where(people.Age % 2, "ham", "spam")
    vectorizer = TfidfVectorizer().fit(texts)
    model = MultinomialNB().fit(vectorizer.transform(texts), kinds)
    joblib.dump(vectorizer, "vectorizer.pkl")
    joblib.dump(model, "model.pkl")
    cases = pd.DataFrame({"v2": texts})
    cases.assign(v1=kinds)[["v1", "v2"]].to_csv("spam.csv", index=False, encoding="latin-1")
    return cases, model.predict(vectorizer.transform(texts))


FOLDERS = [
    an_encoder_for_each_column_in_a_bundle,
    names_with_blanks_in_front,
    a_workbook_with_a_title,
    semicolons_and_decimal_commas_in_utf_16,
    a_title_and_an_index_column,
    parquet_and_words_for_classes,
    a_scaler_of_some_columns_and_dummies,
    dummies_without_the_first_scaled,
    a_tuple_and_names_in_npy,
    a_list_with_an_encoder_and_minus_one,
    a_search_and_names_with_commas,
    words_and_their_vectorizer,
]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.__name__)
def test_one_command_adds_a_folder_that_answers_as_its_owner(
    run, people, folder, tmp_path, empty_folder, monkeypatch
):
    (tmp_path / "theirs").mkdir()
    monkeypatch.chdir(tmp_path / "theirs")
    cases, expected = folder(people)
    code, out, said = run("add", ".", "--name", "m", "--yes")
    assert code == 0, said
    assert "accuracy" in out
    cases.to_csv("new.csv", index=False)
    code, _, said = run("score", "new.csv", "-o", "out.csv", "--model", "m")
    assert code == 0, said
    scored = pd.read_csv("out.csv", dtype=str, keep_default_na=False)
    assert scored["prediction"].tolist() == [str(value) for value in expected]


@pytest.mark.parametrize(
    "folder",
    [
        a_workbook_with_a_title,
        semicolons_and_decimal_commas_in_utf_16,
        a_title_and_an_index_column,
        parquet_and_words_for_classes,
    ],
    ids=lambda folder: folder.__name__,
)
def test_the_check_of_a_wrapped_folder_reads_its_table(
    run, people, folder, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    folder(people)
    code, _, said = run("wrap", ".")
    assert code == 0, said
    runpy.run_path("predict.py", run_name="__main__")
    assert "right in 100.0%" in capsys.readouterr().out


def test_a_table_without_a_header_is_not_taken_for_names(
    run, people, tmp_path, empty_folder, monkeypatch
):
    (tmp_path / "theirs").mkdir()
    monkeypatch.chdir(tmp_path / "theirs")
    X = people[NUMBERS].to_numpy()
    model = LogisticRegression(max_iter=900).fit(X, (people.Age > 50).astype(int))
    joblib.dump(model, "model.joblib")
    people[NUMBERS].assign(y=model.predict(X)).to_csv("train.csv", index=False, header=False)
    code, out, said = run("add", ".", "--name", "m", "--yes")
    assert code == 0
    assert "none were given" in out
    assert "nothing tells which of its columns is predicted" in said
    code, out, said = run("add", ".", "--name", "m", "--yes", "--target", "y")
    assert code == 0, said
    assert f"{ROWS} of train.csv" in out
    assert "accuracy 1" in out


def test_cases_further_down_in_json_are_found_and_others_refused(run, people, monkeypatch):
    from second_opinion import tables
    from second_opinion.schema import Feature, Schema

    schema = Schema([Feature(name=name, kind="number") for name in NUMBERS])
    records = people[NUMBERS].head(3).to_dict("records")

    def look(content):
        source = tables.TableFile.of_bytes("n.json", json.dumps(content).encode())
        return tables.look(source, schema), source

    found, source = look({"status": "ok", "result": {"items": records, "pages": [1]}})
    (chunk,) = tables.read(source, found, schema)
    assert chunk.cases.to_dict("records") == records
    for content in (
        {"one": {"a": records}, "two": {"b": records}},
        [{"customer": case} for case in records],
        [{"id": 1, "features": [1, 2]}],
    ):
        (problem,) = look(content)[0].problems
        assert problem.endswith("or give each case one value for each of these names.")
