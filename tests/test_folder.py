"""A folder with a model in parts: what each file is, in words, told without loading it."""

import json
import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelEncoder, StandardScaler

from second_opinion.errors import UserError
from second_opinion.models.parts import folder

X = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 3)), columns=["age", "bmi", "pulse"])
Y = np.where(X.age > 0, "Yes", "No")
SCALER = StandardScaler().fit(X)
LABELS = LabelEncoder().fit(Y)
MODEL = RandomForestClassifier(3).fit(SCALER.transform(X), LABELS.transform(Y))
PIPELINE = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y)
NAMES = "the names of 3 columns: age, bmi and pulse"
ON_THREE = "on 3 columns: age, bmi and pulse"
A_MODEL = "a RandomForestClassifier trained on 3 columns without names; it answers 0 and 1"

PICKLED = [
    (MODEL, A_MODEL),
    (SCALER, f"a StandardScaler fitted {ON_THREE}"),
    (LABELS, "a LabelEncoder: No and Yes"),
    (X.columns, NAMES),
    (list(X.columns), NAMES),
    (X.columns.to_numpy(), NAMES),
    (tuple(X.columns), NAMES),
    (X, "a table pickled by pandas with 3 columns: age, bmi and pulse"),
    ({0: "rice", 1: "maize"}, "words for 2 classes: 0=rice and 1=maize"),
    ({"rice": 1, "maize": 0}, "words for 2 classes: 0=maize and 1=rice"),
    ({"age": LABELS, "bmi": LABELS}, "a LabelEncoder for each of 2 columns: age and bmi"),
    (
        PIPELINE,
        f"a Pipeline of StandardScaler and LogisticRegression trained {ON_THREE}; "
        "it answers No and Yes",
    ),
    (GridSearchCV(Ridge(), {"alpha": [1]}).fit(X, X.age), f"a GridSearchCV trained {ON_THREE}"),
    (
        make_pipeline(StandardScaler(), PCA(2)).fit(X.to_numpy()),
        "a Pipeline of StandardScaler and PCA fitted on 3 columns without names",
    ),
    (0.35, "the number 0.35"),
]


@pytest.mark.parametrize("dump", [joblib.dump, lambda o, p: p.write_bytes(pickle.dumps(o))])
@pytest.mark.parametrize(("content", "text"), PICKLED, ids=[text for _, text in PICKLED])
def test_a_pickled_part_is_told_in_words(content, text, dump, tmp_path):
    dump(content, tmp_path / "part.pkl")
    (part,) = folder.look(tmp_path).parts
    assert part.text == text


def test_what_lies_in_a_bundle_has_a_line_of_its_own(tmp_path):
    joblib.dump({"model": MODEL, "prep": (SCALER, LABELS), "t": 0.3}, tmp_path / "bundle.pkl")
    bundle = folder.look(tmp_path)
    assert bundle.text.splitlines() == [
        "  bundle.pkl         a dict with model, prep and t",
        f"  bundle.pkl#model   {A_MODEL}",
        "  bundle.pkl#prep    a tuple with 0 and 1",
        f"  bundle.pkl#prep#0  a StandardScaler fitted {ON_THREE}",
        "  bundle.pkl#prep#1  a LabelEncoder: No and Yes",
        "  bundle.pkl#t       the number 0.3",
    ]
    assert [bundle.name(part) for part in bundle.of("step", "model")] == [
        "bundle.pkl#model",
        "bundle.pkl#prep#0",
    ]


TEXTS = [
    ("columns.json", json.dumps(list(X)), NAMES),
    ("columns.json", json.dumps({"data_columns": list(X)}), NAMES),
    ("columns.txt", "age\nbmi\npulse\n", NAMES),
    ("columns.txt", "age, bmi, pulse\n", NAMES),
    ("classes.txt", "0=rice\n1=maize\n", "words for 2 classes: 0=rice and 1=maize"),
    ("classes.txt", "0: rice\n1: maize\n", "words for 2 classes: 0=rice and 1=maize"),
    ("classes.json", '{"0": "rice", "1": "maize"}', "words for 2 classes: 0=rice and 1=maize"),
    ("data.csv", "age;bmi;pulse\n1;2;3\n", "a table with 3 columns: age, bmi and pulse"),
    ("app.py", "import joblib\n", "Python code"),
    ("net.h5", "x", "a Keras model"),
]


@pytest.mark.parametrize(("name", "content", "text"), TEXTS)
def test_a_file_of_text_is_told_in_words(name, content, text, tmp_path):
    (tmp_path / name).write_text(content, "utf-8")
    assert [part.text for part in folder.look(tmp_path).parts] == [text]


def test_what_is_no_part_of_a_model_is_passed_over(tmp_path):
    for name in (".hidden/a.pkl", "venv/lib/b.pkl", "own/pyvenv.cfg", "own/c.pkl", "deep/d.pkl"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        joblib.dump([name], tmp_path / name)
    (tmp_path / "requirements.txt").write_text("a\nb\n")
    (tmp_path / "README.md").write_text("a\nb\n")
    there = folder.look(tmp_path)
    assert [there.name(part) for part in there.parts] == ["deep/d.pkl"]


def test_a_folder_without_parts_is_refused(tmp_path):
    with pytest.raises(UserError, match="holds no file that could be part of a model"):
        folder.look(tmp_path)
    with pytest.raises(UserError, match="is no folder"):
        folder.look(tmp_path / "nowhere")


def test_a_damaged_or_foreign_file_is_said_and_the_rest_is_read(tmp_path):
    joblib.dump(SCALER, tmp_path / "scaler.pkl")
    whole = (tmp_path / "scaler.pkl").read_bytes()
    (tmp_path / "cut.pkl").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "lfs.pkl").write_text("version https://git-lfs.github.com/spec/v1\noid x\n")
    texts = [part.text for part in folder.look(tmp_path).parts]
    assert texts[0].startswith("cannot be looked into")
    assert texts[1].startswith("is a pointer of Git LFS")
    assert texts[2] == f"a StandardScaler fitted {ON_THREE}"
