"""The predict.py that `wrap` writes for weights of other libraries answers as these do."""

import pickle
import runpy
import sys
import zipfile
from collections import OrderedDict

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from second_opinion.cli.main import main
from second_opinion.models.parts import network_text

R = np.random.default_rng(2)
X = pd.DataFrame({"age": R.integers(18, 80, 80), "income": R.normal(3000, 800, 80).round()})
WORDS = pd.Series(np.where(X.age / 80 + X.income / 6000 > 1.1, "Yes", "No"), name="churn")
PRICE = (X.age * 1000 + X.income + 0.5).rename("price")
CELLS = X.to_numpy(dtype=np.float32)
NET = """import torch


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(2, 1)

    def forward(self, x):
        return torch.sigmoid(self.layer(x / 1000))
"""


def onnx(folder):
    pytest.importorskip("onnxruntime", reason="in requirements-dev.txt; run `make test`")
    onnx = pytest.importorskip("onnx", reason="in requirements-dev.txt; run `make test`")
    from onnx import TensorProto, helper

    model = LogisticRegression(max_iter=5000).fit(CELLS, WORDS)
    halves = [model.coef_ / 2, model.intercept_ / 2]
    W, b = (np.concatenate([-half, half]).astype(np.float32) for half in halves)
    node = [
        helper.make_node("Gemm", ["X", "W", "b"], ["raw"], transB=1),
        helper.make_node("Softmax", ["raw"], ["probabilities"], axis=1),
        helper.make_node("ArgMax", ["probabilities"], ["label"], axis=1, keepdims=0),
    ]
    graph = helper.make_graph(
        node,
        "logistic",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, 2])],
        [
            helper.make_tensor_value_info("label", TensorProto.INT64, [None]),
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, 2]),
        ],
        [onnx.numpy_helper.from_array(W, "W"), onnx.numpy_helper.from_array(b, "b")],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (folder / "model.onnx").write_bytes(made.SerializeToString())
    return WORDS, model.predict(CELLS)


def keras(folder):
    keras = pytest.importorskip("keras", reason="not among the tools; it was tried by hand")
    layers = [keras.Input((2,)), keras.layers.Rescaling(0.001)]
    model = keras.Sequential([*layers, keras.layers.Dense(1, activation="sigmoid")])
    model.save(str(folder / "model.keras"))
    return WORDS, np.where(model.predict(CELLS, verbose=0).ravel() > 0.5, "Yes", "No")


def catboost_words(folder):
    catboost = pytest.importorskip("catboost", reason="not among the tools; it was tried by hand")
    model = catboost.CatBoostClassifier(iterations=9, verbose=0, allow_writing_files=False)
    model.fit(X, WORDS).save_model(str(folder / "model.cbm"))
    return WORDS, model.predict(X).ravel()


def catboost_numbers(folder):
    catboost = pytest.importorskip("catboost", reason="not among the tools; it was tried by hand")
    model = catboost.CatBoostRegressor(iterations=9, verbose=0, allow_writing_files=False)
    model.fit(X, PRICE).save_model(str(folder / "model.cbm"))
    return PRICE, model.predict(X)


def _torch(folder, save):
    torch = pytest.importorskip("torch", reason="not among the tools; it was tried by hand")
    (folder / "net.py").write_text(NET, "utf-8")
    sys.path.insert(0, str(folder))
    try:
        model = __import__("net").Net().eval()
        save(torch, model, folder / "model.pt")
    finally:
        sys.path.remove(str(folder))
        sys.modules.pop("net")
    shares = model(torch.tensor(CELLS)).detach().numpy().ravel()
    return WORDS, np.where(shares > 0.5, "Yes", "No")


def torch_state(folder):
    return _torch(folder, lambda torch, model, path: torch.save(model.state_dict(), path))


def torch_script(folder):
    return _torch(folder, lambda torch, model, path: torch.jit.script(model).save(str(path)))


KINDS = [onnx, keras, catboost_words, catboost_numbers, torch_state, torch_script]


@pytest.mark.parametrize("kind", KINDS)
def test_what_wrap_writes_for_weights_answers_as_their_library(tmp_path, monkeypatch, capsys, kind):
    outcome, answers = kind(tmp_path)
    X.assign(**{outcome.name: outcome}).to_csv(tmp_path / "train.csv", index=False)
    assert main(["wrap", str(tmp_path)]) == 0
    monkeypatch.syspath_prepend(str(tmp_path))
    entry = runpy.run_path(str(tmp_path / "predict.py"))
    own = entry["load"](tmp_path).predict(X.copy())
    if outcome.dtype == float:
        assert np.allclose(own, answers)
    else:
        assert own.tolist() == list(answers)


def torch_file(path, content, **more):
    """A file as PyTorch writes it, without PyTorch."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/data.pkl", content)
        for name, text in more.items():
            archive.writestr(f"model/{name}.pkl", text)
    return network_text.torch_part(path).kind


def test_a_file_of_pytorch_is_told_without_loading_it(tmp_path):
    state = OrderedDict(weight=[1.0])
    state._metadata = OrderedDict()
    whole = pickle.dumps(LogisticRegression())
    path = tmp_path / "model.pt"
    assert torch_file(path, pickle.dumps(state)) == network_text.TORCH_STATE
    assert torch_file(path, whole) == network_text.TORCH
    assert torch_file(path, whole, constants=b"") == network_text.TORCH_SCRIPT
    path.write_bytes(b"cut off")
    assert network_text.torch_part(path).kind == network_text.TORCH
    assert torch_file(path, b"\x80") == network_text.TORCH


def test_the_class_of_a_network_is_found_where_there_is_just_one(tmp_path):
    (tmp_path / "net.py").write_text(NET, "utf-8")
    (tmp_path / "broken.py").write_text("def (", "utf-8")
    assert network_text.network_class([*tmp_path.glob("*.py")]) == ("net", "Net")
    (tmp_path / "other.py").write_text(NET, "utf-8")
    assert network_text.network_class([*tmp_path.glob("*.py")]) == ("", "")
