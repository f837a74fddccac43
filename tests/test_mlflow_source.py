"""Models that MLflow has, read from folders as it writes them; `make try-mlflow` asks a server.

tests/mlflow holds what a real MLflow wrote: `scripts/try-mlflow --write-fixtures`.
"""

import json
import pickle
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version

import numpy as np
import pandas as pd
import pytest
import sklearn
from builders import ROOT
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from second_opinion import Registry, UserError
from second_opinion.models.formats import mlflow_source
from second_opinion.models.formats.code_files import unpacked
from second_opinion.models.formats.mlflow_source import fetch, is_uri, read_folder
from second_opinion.ui import model_versions as shown

yaml = pytest.importorskip("yaml", reason="PyYAML is in requirements-dev.txt; run `make test`")

WRITTEN = ROOT / "tests" / "mlflow"
URI = "models:/barolo/1"


@pytest.fixture(scope="module")
def model():
    """A small classifier."""
    return LogisticRegression(max_iter=1000).fit(*load_iris(return_X_y=True))


@pytest.fixture
def folder(tmp_path, model):
    """A folder as MLflow writes it, with a model file of our own."""
    described = (WRITTEN / "cloudpickle" / "MLmodel").read_text("utf-8")
    (tmp_path / "MLmodel").write_text(described, "utf-8")
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(model))
    return tmp_path


def described(folder, change):
    """Change what the MLmodel file says."""
    found = yaml.safe_load((folder / "MLmodel").read_text("utf-8"))
    change(found)
    (folder / "MLmodel").write_text(yaml.safe_dump(found), "utf-8")


@pytest.fixture
def a_server_is_named(monkeypatch):
    """The address of a server at which nobody answers."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://ada:secret@127.0.0.1:9")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("models:/barolo/1", True),
        ("runs:/abc/model", True),
        ("model.joblib", False),
        ("models/barolo.pkl", False),
        ("./models:/barolo", False),
    ],
)
def test_a_file_is_not_taken_for_a_uri(text, meant):
    assert is_uri(text) is meant


@pytest.mark.parametrize("kind", ["cloudpickle", "skops"])
def test_what_mlflow_wrote_is_understood(tmp_path, model, kind):
    described = (WRITTEN / kind / "MLmodel").read_text("utf-8")
    (tmp_path / "MLmodel").write_text(described, "utf-8")
    name = "model.skops" if kind == "skops" else "model.pkl"
    content = pickle.dumps(model)
    if kind == "skops":
        content = pytest.importorskip("skops.io").dumps(model)
    (tmp_path / name).write_bytes(content)
    file = read_folder(tmp_path, URI)
    assert file.where == f"{URI} ({name})"
    assert file.format == ("skops" if kind == "skops" else "pickle")
    assert file.content == content
    assert file.load()[1] == sklearn.__version__
    assert file.python.startswith("3.")
    kinds = {column["name"]: column["type"] for column in file.origin["signature"]}
    assert kinds == {
        "alcohol": "double",
        "ash": "double",
        "hue": "double",
        "proline": "long",
        "shade": "string",
        "strong": "boolean",
    }


def test_the_card_keeps_what_mlflow_said(folder, model, tmp_path):
    file = read_folder(folder, URI)
    registry = Registry(tmp_path / "registry")
    said = {"name": "barolo", "version": "1", "status": "READY", "aliases": ["prod"]}
    words = {"description": "Is it a Barolo?", "tags": {"cellar": "north"}}
    file = replace(file, origin={**file.origin, **said, **words})
    fields = file.card_fields("1.2.0")
    card = registry.add(model, name="iris", card=fields, artifact=(file.format, file.content))
    assert card.artifact.origin.uri == URI
    assert card.artifact.scikit_learn == "1.2.0"
    assert card.artifact.python == file.python
    facts = dict(shown.facts(card))
    assert facts["From MLflow"] == f"barolo, version 1 · READY · @prod · {URI}"
    assert facts["What MLflow says of it"] == "Is it a Barolo?"
    assert facts["Tags in MLflow"] == "cellar: north"
    written = json.loads((registry.folder / "iris/1/card.json").read_text("utf-8"))
    assert written["artifact"]["origin"]["signature"] == file.origin["signature"]


def test_a_model_that_nobody_can_ask_is_named(folder):
    described(folder, lambda found: found.update(flavors={"keras": {}}))
    with pytest.raises(UserError, match="of the kind keras; expected one with the flavor sklearn"):
        read_folder(folder, URI)


def test_a_model_of_another_kind_comes_as_code_that_asks_its_python_function(folder):
    described(folder, lambda found: found.update(flavors={"keras": {}, "python_function": {}}))
    file = read_folder(folder, URI)
    files = unpacked(file.content)
    assert (file.format, file.where) == ("python", URI)
    assert sorted(files) == ["mlflow_model/MLmodel", "mlflow_model/model.pkl", "predict.py"]
    assert len(file.origin["signature"]) == 6


@pytest.mark.parametrize("form", ["chance", "shares", "values"])
def test_a_python_function_is_asked_and_its_answers_understood(tmp_path, form):
    # tests/mlflow is a package of that name too, to Python.
    pytest.importorskip("mlflow.pyfunc", reason="in requirements-mlflow.txt")
    import mlflow

    cases = pd.DataFrame({"a": np.linspace(-2, 2, 40), "b": np.arange(40)})

    class Asked(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            chance = 1 / (1 + np.exp(-model_input["a"]))
            words = np.where(chance > 0.5, "Yes", "No").tolist()
            shares = pd.DataFrame({"No": 1 - chance, "Yes": chance})
            return {"chance": chance, "shares": shares, "values": words}[form]

    signature = mlflow.models.infer_signature(cases)
    mlflow.pyfunc.save_model(
        tmp_path / "logged", python_model=Asked(), signature=signature, pip_requirements=[]
    )
    file = read_folder(tmp_path / "logged", URI)
    registry = Registry(tmp_path / "model")
    words = pd.Series(np.where(cases.a > 0, "Yes", "No"), name="y")
    card = registry.add(
        file.load()[0], cases, words, name="asked", artifact=(file.format, file.content)
    )
    assert (card.task, card.artifact.answers) == ("binary", form)
    assert registry.load("asked").predict(cases)["value"].tolist() == words.tolist()


def test_a_file_outside_of_the_folder_is_not_read(folder):
    """A model's description comes from other people."""

    def elsewhere(found):
        found["flavors"]["sklearn"]["pickled_model"] = "../../etc/passwd"

    described(folder, elsewhere)
    with pytest.raises(UserError, match="outside of its own folder"):
        read_folder(folder, URI)


@pytest.mark.parametrize("text", ["", "[", "- a", "\x00", "flavors: !!python/object:os.system {}"])
def test_a_broken_description_is_refused(folder, text):
    (folder / "MLmodel").write_text(text, "utf-8")
    with pytest.raises(UserError, match="MLmodel file"):
        read_folder(folder, URI)


def test_a_missing_description_or_model_file_is_refused(folder):
    (folder / "model.pkl").unlink()
    with pytest.raises(UserError, match="cannot be read"):
        read_folder(folder, URI)
    (folder / "MLmodel").unlink()
    with pytest.raises(UserError, match="no MLmodel file that can be read"):
        read_folder(folder, URI)


@pytest.mark.parametrize("signature", [None, {"inputs": None}, {"inputs": "[]"}])
def test_a_model_without_a_signature_is_taken_as_well(folder, signature):
    described(folder, lambda found: found.update(signature=signature))
    assert read_folder(folder, URI).origin["signature"] == []


def test_a_signature_of_tensors_names_no_columns(folder):
    tensor = '[{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 4]}}]'
    described(folder, lambda found: found.update(signature={"inputs": tensor}))
    assert read_folder(folder, URI).origin["signature"] == []


@pytest.mark.parametrize(
    "uri",
    ["models:/", "models:/barolo", "models:/barolo/latest", "models:/a/1/b", "runs:/abc", "runs:/"],
)
def test_an_address_that_names_no_one_version_is_refused(uri, a_server_is_named):
    with pytest.raises(UserError, match="is not a model of MLflow; expected models:/NAME/VERSION"):
        fetch(uri)


def installed():
    """Whether MLflow's client is here; the folder beside this file has the same name."""
    try:
        return bool(version("mlflow-skinny"))
    except PackageNotFoundError:
        return False


@pytest.mark.skipif(installed(), reason="the client is installed here")
def test_without_the_client_the_command_to_install_it_is_said(a_server_is_named):
    with pytest.raises(UserError, match=r"pip install -r requirements-mlflow\.txt"):
        fetch(URI)


@pytest.mark.skipif(not installed(), reason="needs requirements-mlflow.txt")
def test_a_server_that_does_not_answer_is_said_without_its_password(a_server_is_named):
    with pytest.raises(UserError, match="could not be fetched from MLflow") as raised:
        fetch(URI)
    assert "secret" not in str(raised.value)


@pytest.mark.slow
def test_mlflow_is_not_imported_before_somebody_gives_a_uri():
    code = (
        "import sys, second_opinion.cli.main; sys.exit(bool({'mlflow', 'yaml'} & {*sys.modules}))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_the_extra_is_pinned():
    assert (ROOT / "requirements-mlflow.txt").read_text("utf-8").count("mlflow-skinny==3.") == 1
    assert "mlflow" not in (ROOT / "requirements.txt").read_text("utf-8")
    assert set(mlflow_source.QUIET) >= {"MLFLOW_DISABLE_TELEMETRY"}
