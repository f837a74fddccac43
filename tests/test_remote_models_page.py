"""Pages where MODEL is an address, and the owner's form for models of MLflow; without a browser."""

import hashlib
import io
import json
import time

import joblib
import pytest
from calls import bearer
from file_servers import Web, serving
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from visits import CASE, keys, messages, press, start

from second_opinion.models.remote import model_watch
from second_opinion.settings import Settings

pytestmark = pytest.mark.usefixtures("at_home")
MODELS = "pages/7_Models.py"


@pytest.fixture
def address():
    """Where a model lies on a server of this machine."""
    buffer = io.BytesIO()
    model = LogisticRegression(max_iter=1000).fit(*load_iris(return_X_y=True, as_frame=True))
    joblib.dump(model, buffer)
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()
    with serving(Web) as server:
        server.files = {"/lab-iris.joblib": buffer.getvalue()}
        yield f"{server.address}/lab-iris.joblib#sha256={digest}"


def test_a_page_shows_the_model_of_the_address_once_it_is_here(address, place, monkeypatch):
    monkeypatch.setenv("MODEL_DIR", str(place / "models"))
    (place / "models").mkdir()
    monkeypatch.setenv("MODEL", address)
    watch = model_watch.started(Settings.read(secrets={}))
    deadline = time.monotonic() + 60
    while not watch.is_ready and time.monotonic() < deadline:
        time.sleep(0.05)
    at = start(CASE)
    assert messages(at) == []
    assert "predict_field_sepal length (cm)" in {number.key for number in at.number_input}


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("https://x.org/churn.joblib", "has no SHA-256"),
        ("http://127.0.0.1:9/none.joblib#sha256=" + "0" * 64, "is being fetched|could not be"),
        ("models:/main.ml_models.iris_classifier@Champion", "is being fetched|no server is named"),
    ],
)
def test_a_page_says_what_is_wrong_with_the_address(monkeypatch, model, said):
    monkeypatch.setenv("MODEL", model)
    (message, *_) = messages(start(CASE))
    assert any(words in message for words in said.split("|"))


def test_the_owner_fetches_a_model_of_mlflow_by_name_and_version(monkeypatch):
    assert "models_fetch" not in keys(start(MODELS))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    at = press(start(MODELS), "models_fetch")
    assert messages(at) == ["Give a name and a version, like churn and 3, or churn and @Champion."]
    at.text_input(key="models_fetch_name").input("main.ml_models.iris_classifier")
    at.text_input(key="models_fetch_version").input("latest")
    assert "expected models:/NAME/VERSION with a number" in messages(press(at, "models_fetch"))[0]
    at.text_input(key="models_fetch_version").input("@Champion")
    (message,) = messages(press(at, "models_fetch"))
    assert "main.ml_models.iris_classifier@Champion" in message


def test_nobody_else_is_shown_the_form(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("OWNER_CODE", "x" * 20)
    assert "models_fetch" not in keys(start(MODELS))


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("http://127.0.0.1:9/none.joblib#sha256=" + "1" * 64, "is being fetched|could not be"),
        ("https://x.org/churn.joblib", "has no SHA-256"),
    ],
)
def test_a_program_is_told_why_the_model_is_not_here(api, monkeypatch, model, said):
    monkeypatch.setenv("MODEL", model)
    answer = api("/api/predict", {"cases": [{"age": 1}]})
    assert answer.status == 503
    assert any(words in answer.body["detail"] for words in said.split("|"))
    assert api("/api/ready").status == 503


def test_a_program_from_which_the_model_is_hidden_is_not_told_of_its_address(
    api, place, monkeypatch
):
    address = "http://127.0.0.1:9/secret.joblib#sha256=" + "2" * 64
    monkeypatch.setenv("MODEL", address)
    monkeypatch.setenv("API_TOKENS", "billing:" + "b" * 40)
    (place / "secrets.toml").write_text('[access]\nsecret = ["ada"]\n')
    reply = api("/api/predict", {"cases": [{}]}, headers=bearer("b" * 40))
    assert reply.status != 503
    assert "secret" not in json.dumps(reply.body)
    assert "127.0.0.1" not in json.dumps(reply.body)


def test_the_models_are_listed_while_the_first_one_is_fetched(api, monkeypatch):
    monkeypatch.setenv("MODEL", "http://127.0.0.1:9/none.joblib#sha256=" + "3" * 64)
    reply = api("/api/models")
    assert reply.status == 200
    assert {one["is_default"] for one in reply.body["models"]} == {False}
    monkeypatch.setenv("MODEL", "nobody")
    assert api("/api/models").status == 200
