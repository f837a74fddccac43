"""The files of docs/bring-your-own-model.md, each asked beside a plain script of its owner."""

import re

import joblib
import numpy as np
import pandas as pd
import pytest
from builders import ROOT
from sklearn.calibration import IsotonicRegression
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.preprocessing import StandardScaler

from second_opinion import Registry
from second_opinion.cli.main import main

PAGE = (ROOT / "docs" / "bring-your-own-model.md").read_text("utf-8")
EXAMPLES = dict(
    re.findall(
        r"\n([A-Z][^\n]*):\n\n```python\n((?:(?!```).)*def load.*?)```", PAGE, flags=re.DOTALL
    )
)
R = np.random.default_rng(5)
N = 200
TABLE = pd.DataFrame(
    {
        "age": R.integers(18, 80, N),
        "income": R.uniform(1e3, 9e3, N).round(),
        "debt": R.uniform(0, 9e3, N).round(),
        "city": R.choice(["Bonn", "Kiel", "Ulm"], N),
        "since": pd.date_range("2020-01-01", periods=N, freq="9D"),
        "area": R.uniform(30, 200, N).round(1),
        "rooms": R.integers(1, 7, N),
    }
)
CODES = (TABLE.age / 80 + TABLE.debt / 9e3 > 1).astype(int)
WORDS = CODES.map({0: "No", 1: "Yes"})


def scaler(folder):
    columns = ["age", "debt"]
    X = TABLE[columns].to_numpy()
    scaler = StandardScaler().fit(X)
    model = LogisticRegression().fit(scaler.transform(X), CODES)
    for name, part in (("scaler", scaler), ("model", model), ("columns", columns)):
        joblib.dump(part, folder / f"{name}.pkl")
    return WORDS, np.array(["No", "Yes"])[model.predict(scaler.transform(X))]


def threshold(folder):
    columns = ["age", "debt"]
    model = LogisticRegression().fit(TABLE[columns], CODES)
    raw = model.predict_proba(TABLE[columns])[:, 1]
    calibrator = IsotonicRegression(out_of_bounds="clip").fit(raw, CODES)
    bundle = {"model": model, "calibrator": calibrator, "threshold": 0.2, "columns": columns}
    joblib.dump(bundle, folder / "bundle.joblib")
    answers = np.where(calibrator.predict(raw) >= 0.2, "leaves", "stays")
    return CODES.map({0: "stays", 1: "leaves"}), answers


def logarithm(folder):
    price = np.exp(7 + TABLE.area / 100 + TABLE.rooms / 10).round()
    model = LinearRegression().fit(TABLE[["area", "rooms"]], np.log(price))
    joblib.dump(model, folder / "model.joblib")
    return price, np.exp(model.predict(TABLE[["area", "rooms"]]))


def onnx(folder):
    pytest.importorskip("onnxruntime", reason="in requirements-dev.txt; run `make test`")
    onnx = pytest.importorskip("onnx", reason="in requirements-dev.txt; run `make test`")
    from onnx import TensorProto, helper

    X = TABLE[["age", "income"]].to_numpy(dtype=np.float32)
    model = LogisticRegression(max_iter=5000).fit(X, TABLE.age > 50)
    both = np.vstack([-model.coef_, model.coef_]).T.astype(np.float32)
    node = [
        helper.make_node("Gemm", ["X", "W", "b"], ["raw"]),
        helper.make_node("Softmax", ["raw"], ["probabilities"], axis=1),
    ]
    halves = np.array([-model.intercept_[0], model.intercept_[0]], dtype=np.float32) / 2
    graph = helper.make_graph(
        node,
        "logistic",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, 2])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, 2])],
        [onnx.numpy_helper.from_array(both / 2, "W"), onnx.numpy_helper.from_array(halves, "b")],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (folder / "model.onnx").write_bytes(made.SerializeToString())
    return (TABLE.age > 50).map({False: "No", True: "Yes"}), np.where(model.predict(X), "Yes", "No")


def derived(folder):
    cases = TABLE[["age", "income", "debt", "city", "since"]]
    cases = cases.assign(rate=cases.debt / cases.income, month=cases.since.dt.month)
    X = pd.get_dummies(cases.drop(columns="since"))
    model = RandomForestClassifier(9, random_state=0).fit(X, WORDS)
    joblib.dump(model, folder / "model.joblib")
    joblib.dump(list(X), folder / "columns.joblib")
    return WORDS, model.predict(X)


KINDS = {
    "A scaler, a model and its columns": scaler,
    "A threshold and a calibrator from a dict": threshold,
    "A model of the logarithm of a price": logarithm,
    "An ONNX model (`pip install onnxruntime`, and write it into requirements.txt)": onnx,
    "Features derived from the raw columns": derived,
}


def test_every_file_of_the_page_is_tried():
    assert EXAMPLES.keys() == KINDS.keys()


@pytest.mark.slow
@pytest.mark.parametrize("title", KINDS)
def test_a_file_of_the_page_answers_as_its_owners_script(tmp_path, monkeypatch, capsys, title):
    monkeypatch.setenv("MODEL_DIR", str(tmp_path / "model"))
    monkeypatch.chdir(tmp_path)
    outcome, answers = KINDS[title](tmp_path)
    TABLE.assign(outcome=outcome).to_csv("train.csv", index=False)
    (tmp_path / "predict.py").write_text(EXAMPLES[title], "utf-8")
    given = ["--name", "mine", "--data", "train.csv", "--target", "outcome", "--yes"]
    assert main(["add", "predict.py", *given]) == 0, capsys.readouterr().err
    model = Registry("model").load("mine")
    own = model.predict(TABLE)["value"]
    if model.card.task == "regression":
        assert np.allclose(own.astype(float), answers)
    else:
        assert own.tolist() == answers.tolist()
        assert all(isinstance(shares, tuple) for shares in model.predict(TABLE)["probabilities"])
