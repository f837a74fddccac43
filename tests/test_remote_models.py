"""Models that lie elsewhere: by https, on a Hub, in a bucket; fetched, checked, versions here.

What MLflow has is tried by `make try-mlflow`, and below where its client is installed.
"""

import hashlib
import io
import pickle
import re
import shutil
import subprocess
import threading
import time
from dataclasses import replace

import joblib
import numpy as np
import pytest
import skops.io
from file_servers import Bucket, Hub, Web, certificate_in, serving
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from second_opinion import Registry, Store, UserError
from second_opinion.models import aliases
from second_opinion.models.aliases import managed
from second_opinion.models.formats import mlflow_source
from second_opinion.models.formats.model_file import ModelFile
from second_opinion.models.remote import model_watch, web_file
from second_opinion.models.remote.model_address import ModelAddress, is_address, local_ref
from second_opinion.models.remote.remote_model import RemoteModel, fetch
from second_opinion.records.expert import Expert
from second_opinion.settings import Settings

OWNER = Expert("Olga", role="owner")
CASES = load_iris(as_frame=True).data


def trained(most_rows):
    X, y = load_iris(return_X_y=True, as_frame=True)
    return LogisticRegression(max_iter=1000).fit(X[:most_rows], y[:most_rows])


def dumped(estimator):
    buffer = io.BytesIO()
    joblib.dump(estimator, buffer)
    return buffer.getvalue()


FIRST, SECOND = dumped(trained(150)), dumped(trained(140))
WITHOUT_CODE = skops.io.dumps(trained(150))


def sha256(content):
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def web():
    with serving(Web) as server:
        server.files = {"/models/Iris%20Classifier.joblib": FIRST}
        yield server


@pytest.fixture
def hub(monkeypatch):
    with serving(Hub) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.address)
        server.files = {"/cdn/1": WITHOUT_CODE, "/cdn/2": skops.io.dumps(trained(140))}
        server.files["/cdn/code"] = FIRST
        server.odd = {
            "/ada/iris-model/resolve/main/model.skops": f"{server.address}/cdn/1",
            "/ada/iris-model/resolve/main/model.joblib": f"{server.address}/cdn/code",
        }
        yield server


@pytest.fixture
def bucket(monkeypatch):
    with serving(Bucket) as server:
        server.files = {"/models/2026/iris.joblib": FIRST}
        for name, value in (
            ("AWS_ENDPOINT_URL", server.address),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "reader"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
        ):
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture
def settings(tmp_path):
    return Settings(
        feedback_db=str(tmp_path / "feedback.db"), model_dir=str(tmp_path / "model"), model=""
    )


def remote(address, settings):
    store = Store.open(settings.feedback_db)
    return RemoteModel(ModelAddress.read(address), managed(settings), store)


def answers(settings, ref):
    X = load_iris(as_frame=True).data
    return managed(settings).load(ref).predict(X)["value"].tolist()


# --- addresses


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        (
            "models:/main.ml_models.iris_classifier@Champion",
            "main.ml_models.iris_classifier@champion",
        ),
        ("models:/Iris Classifier/12", "iris-classifier/12"),
        ("runs:/0123456789abcdef/models/Iris", "iris/0123456789ab"),
        ("hf://ada/Iris-Model/model.joblib", "iris-model@champion"),
        ("hf://ada/iris@v1.0/sub/model.joblib", "iris@champion"),
        (f"hf://ada/iris/model.joblib#sha256={'A' * 64}", f"iris/{'a' * 12}"),
        (f"https://x.org/a/Churn%20v2.joblib?sig=1#sha256={'b' * 64}", f"churn-v2/{'b' * 12}"),
        (f"s3://models/2026/iris.tar.skops#sha256={'c' * 64}", f"iris/{'c' * 12}"),
        (f"https://x.org/.joblib#sha256={'d' * 64}", f"model/{'d' * 12}"),
        ("churn@champion", "churn@champion"),
        ("churn/2", "churn/2"),
        ("", ""),
    ],
)
def test_an_address_has_a_name_of_the_registry(text, ref):
    assert local_ref(text) == ref
    assert is_address(text) == (":/" in text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("https://x.org/churn.joblib", "has no SHA-256.*sha256sum FILE"),
        ("s3://models/churn.joblib", "has no SHA-256.*sha256sum FILE"),
        ("https://x.org/churn.joblib?sig=SECRET", "has no SHA-256"),
        ("https://ada:SECRET@x.org/churn.joblib", "has no SHA-256"),
        ("https://x.org/churn.joblib#sha256=abc", "'abc' is no SHA-256; expected 64 digits"),
        ("https://x.org/#sha256=" + "a" * 64, "names no file"),
        ("http://x.org/churn.joblib#sha256=" + "a" * 64, "read in the open; expected https"),
        ("ftp://x.org/churn.joblib", "is no address of a model; expected models:/NAME/VERSION"),
        ("gs://bucket/churn.joblib", "is no address of a model"),
        ("C:/models/churn.joblib", "is no address of a model"),
        ("models:/churn", "is not a model of MLflow; expected models:/NAME/VERSION"),
        ("models:/churn/latest", "is not a model of MLflow"),
        ("hf://ada/model.joblib", "names no file of a repository; expected hf://OWNER/REPO/FILE"),
    ],
)
def test_an_address_that_will_not_do_is_refused_with_what_will(text, said):
    with pytest.raises(UserError, match=said) as raised:
        local_ref(text)
    assert "SECRET" not in str(raised.value)


@pytest.mark.skipif(not shutil.which("sha256sum"), reason="no coreutils here")
def test_the_hint_of_an_address_without_a_hash_leads_to_the_model(web, settings, tmp_path):
    address = f"{web.address}/models/Iris%20Classifier.joblib"
    with pytest.raises(UserError) as raised:
        local_ref(address)
    hint = re.search("`(.+) FILE`", str(raised.value))[1]
    file = tmp_path / "made.joblib"
    file.write_bytes(FIRST)
    printed = subprocess.run([hint, file], capture_output=True, text=True).stdout.split()[0]
    beginning = re.search(r"like (\S+)9f86…", str(raised.value))[1]
    assert remote(f"{beginning}{printed}", settings).follow().task == "multiclass"


# --- fetched


def test_a_file_on_the_web_becomes_the_version_that_its_hash_names(web, settings):
    address = f"{web.address}/models/Iris%20Classifier.joblib?sig=SECRET#sha256={sha256(FIRST)}"
    card = remote(address, settings).follow()
    assert card.ref == local_ref(address) == f"iris-classifier/{sha256(FIRST)[:12]}"
    assert answers(settings, card.ref) == trained(150).predict(CASES).tolist()
    assert "SECRET" not in card.model_dump_json()
    web.files.clear()
    assert remote(address, settings).follow() == card
    (event,) = Store.open(settings.feedback_db).event_log.newest("fetch", by=OWNER)
    assert event.details["model"] == card.ref
    assert event.details["sha256"] == sha256(FIRST)
    assert "SECRET" not in str(event)


@pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl here")
def test_https_is_spoken_with_certificates_that_are_looked_at(settings, tmp_path, monkeypatch):
    certificate = certificate_in(tmp_path)
    with serving(Web, certificate) as server, serving(Web) as plain:
        server.files = plain.files = {"/iris.joblib": FIRST}
        server.odd = {"/moved.joblib": f"{plain.address}/iris.joblib"}
        address = f"{server.address}/iris.joblib#sha256={sha256(FIRST)}"
        with pytest.raises(UserError, match=r"could not be fetched \(.*certificate verify failed"):
            remote(address, settings).follow()
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "only.pem"))
        assert remote(address, settings).follow().name == "iris"
        with pytest.raises(UserError, match=r"sends on to http://.*, which is not https"):
            fetch(ModelAddress.read(address.replace("iris", "moved")))


@pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl here")
def test_a_file_of_the_hub_comes_from_where_it_lies_and_its_token_stays_at_the_hub(
    settings, tmp_path, monkeypatch
):
    path = "/ada/iris-model/resolve/main/model.skops"
    with serving(Hub, certificate_in(tmp_path)) as server:
        server.files = {"/cdn/1": WITHOUT_CODE}
        server.odd = {path: f"{server.address}/cdn/1"}
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "only.pem"))
        monkeypatch.setenv("HF_ENDPOINT", server.address)
        monkeypatch.setenv("HF_TOKEN", "hf_secret")
        card = remote("hf://ada/iris-model/model.skops", settings).follow()
        assert card.version == sha256(WITHOUT_CODE)[:12]
        sent = {path: headers.get("Authorization") for path, headers in server.asked}
        assert sent == {path: "Bearer hf_secret", "/cdn/1": None}


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        ("", "HF_TOKEN would be sent there in the open; expected https://"),
        ("http://hub.example.org", "HF_ENDPOINT is http://hub.example.org; expected an address"),
        ("http://localhost.example.org", "expected an address with https://"),
        ("ftp://hub.example.org", "expected an address with https://"),
        ("hub.example.org", "expected an address with https://"),
        ("https://", "expected an address with https://"),
    ],
)
def test_a_token_is_never_sent_in_the_open(hub, settings, monkeypatch, endpoint, said):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setenv("HF_ENDPOINT", endpoint or hub.address)
    message = refused("hf://ada/iris-model/model.skops", settings)
    assert said in message
    assert "hf_secret" not in message
    assert hub.asked == []
    if not endpoint:
        monkeypatch.delenv("HF_TOKEN")
        assert remote("hf://ada/iris-model/model.skops", settings).follow().name == "iris-model"


def test_code_of_the_hub_is_refused_without_its_hash_and_the_hint_leads_to_the_model(hub, settings):
    said = refused("hf://ada/iris-model/model.joblib", settings)
    assert "holds code (format joblib)" in said
    pinned = re.search(r"Set MODEL to (\S+),", said)[1]
    card = remote(pinned, settings).follow()
    assert card.ref == local_ref(pinned) == f"iris-model/{sha256(FIRST)[:12]}"
    assert answers(settings, card.ref) == trained(150).predict(CASES).tolist()


@pytest.mark.parametrize("name", ["model.pkl", "model.skops", "model", "sub/model.bin"])
def test_what_a_file_of_the_hub_is_called_does_not_make_it_less_code(hub, settings, name):
    path = f"/ada/iris-model/resolve/main/{name}"
    hub.files["/cdn/pickle"] = pickle.dumps(trained(150))
    hub.odd[path] = f"{hub.address}/cdn/pickle"
    assert "holds code" in refused(f"hf://ada/iris-model/{name}", settings)


def test_a_file_of_a_bucket_is_asked_for_with_the_keys_of_the_environment(bucket, settings):
    address = f"s3://models/2026/iris.joblib#sha256={sha256(FIRST)}"
    card = remote(address, settings).follow()
    assert answers(settings, card.ref) == trained(150).predict(CASES).tolist()
    headers = [{k.lower(): v for k, v in sent.items()} for _, sent in bucket.asked]
    assert headers
    assert all("Credential=reader/" in sent["authorization"] for sent in headers)


def refused(address, settings):
    with pytest.raises(UserError) as raised:
        remote(address, settings).follow()
    assert not list(Registry(settings.model_dir).folder.glob("*/*/card.json"))
    return str(raised.value)


@pytest.mark.parametrize(
    ("odd", "said"),
    [
        (403, "may not be read by this app"),
        (401, "may not be read by this app"),
        (404, "is not there"),
        (500, r"could not be fetched \(status 500\)"),
        ("silent", "did not come within 1 seconds"),
        (("cut",), "broke off after|another file|could not be fetched"),
    ],
)
def test_what_cannot_be_fetched_is_said(web, settings, monkeypatch, odd, said):
    monkeypatch.setattr(web_file, "SILENCE_SECONDS", 1)
    web.odd["/models/Iris%20Classifier.joblib"] = odd
    address = f"{web.address}/models/Iris%20Classifier.joblib#sha256={sha256(FIRST)}"
    assert re.search(said, refused(address, settings))


@pytest.mark.parametrize("limit", ["MOST_BYTES", "FETCH_SECONDS"])
def test_a_file_that_is_too_large_or_too_slow_is_given_up_wherever_it_lies(
    web, bucket, settings, monkeypatch, limit
):
    said = {"MOST_BYTES": "expected a model file", "FETCH_SECONDS": "did not come within"}[limit]
    monkeypatch.setattr(web_file, limit, {"MOST_BYTES": 100, "FETCH_SECONDS": -1}[limit])
    for place in (f"{web.address}/models/Iris%20Classifier", "s3://models/2026/iris"):
        assert said in refused(f"{place}.joblib#sha256={sha256(FIRST)}", settings)


def test_another_file_than_was_said_is_not_loaded(web, hub, bucket, settings):
    class Trap:
        def __reduce__(self):
            return (open, ("/nowhere/at/all", "w"))

    trap = dumped(Trap())
    web.files["/models/Iris%20Classifier.joblib"] = trap
    bucket.files["/models/2026/iris.joblib"] = trap
    hub.files["/cdn/code"] = trap
    hub.odd["claimed"] = sha256(FIRST)
    for address in (
        f"{web.address}/models/Iris%20Classifier.joblib#sha256={sha256(FIRST)}",
        f"s3://models/2026/iris.joblib#sha256={sha256(FIRST)}",
        f"hf://ada/iris-model/model.joblib#sha256={sha256(FIRST)}",
        "hf://ada/iris-model/model.joblib",
    ):
        said = refused(address, settings)
        assert f"its SHA-256 is {sha256(trap)}; expected {sha256(FIRST)}" in said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<html>sign in</html>", "web page"),
        (b"", "is empty"),
        (dumped({"model": trained(150)}), "holds a dict; expected a trained model alone"),
        (dumped(LogisticRegression()), "trained"),
        (FIRST[:200], "cannot be loaded"),
    ],
)
def test_what_is_no_model_is_said_and_not_kept(web, settings, content, said):
    web.files["/m.joblib"] = content
    assert said in refused(f"{web.address}/m.joblib#sha256={sha256(content)}", settings)


@pytest.mark.parametrize(
    ("key", "name", "said"),
    [
        ("stranger", "iris", "may not be read by this app"),
        ("reader", "none", "is not there"),
    ],
)
def test_what_a_bucket_refuses_is_said(bucket, settings, monkeypatch, key, name, said):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
    assert said in refused(f"s3://models/2026/{name}.joblib#sha256={'0' * 64}", settings)


def test_a_model_of_that_name_from_elsewhere_is_left_alone(web, settings):
    content = sha256(FIRST)
    registry = managed(settings)
    registry.add(trained(140), name="iris-classifier", version=content[:12])
    address = f"{web.address}/models/Iris%20Classifier.joblib#sha256={content}"
    with pytest.raises(UserError, match="has another model of that name and version") as raised:
        remote(address, settings).follow()
    name, version = re.search("remove (\\S+) (\\S+)`", str(raised.value)).groups()
    registry.remove(name, version)
    assert remote(address, settings).follow().artifact.sha256 == content


def test_only_an_owner_may_bring_a_model(web, settings):
    address = ModelAddress.read(
        f"{web.address}/models/Iris%20Classifier.joblib#sha256={sha256(FIRST)}"
    )
    reviewer = Expert("Rita", role="reviewer")
    with pytest.raises(UserError, match="Rita may not add a model; expected the owner"):
        RemoteModel(address, managed(settings), Store.open(settings.feedback_db), reviewer).bring()


# --- followed


def test_what_is_new_there_is_a_new_version_here_on_record_and_can_be_rolled_back(hub, settings):
    address = "hf://ada/iris-model/model.skops"
    first = remote(address, settings).follow()
    hub.odd["/ada/iris-model/resolve/main/model.skops"] = f"{hub.address}/cdn/2"
    second = remote(address, settings).follow()
    registry, store = managed(settings), Store.open(settings.feedback_db)
    assert registry.card("iris-model") == second != first
    (move,) = store.alias_moves()
    assert (move.version, move.moved_by) == (second.version, "The setting MODEL")
    aliases.rollback(registry, store, "iris-model", by=OWNER)
    assert registry.card("iris-model") == first
    remote(address, settings).follow()
    assert registry.card("iris-model") == first
    hub.odd["/ada/iris-model/resolve/main/model.skops"] = f"{hub.address}/cdn/1"
    remote(address, settings).follow()
    hub.odd["/ada/iris-model/resolve/main/model.skops"] = f"{hub.address}/cdn/2"
    remote(address, settings).follow()
    assert registry.card("iris-model") == second


def test_what_cannot_be_used_leaves_the_version_in_use(hub, settings):
    address = "hf://ada/iris-model/model.skops"
    first = remote(address, settings).follow()
    hub.files["/cdn/2"] = skops.io.dumps({"no": "model"})
    hub.odd["/ada/iris-model/resolve/main/model.skops"] = f"{hub.address}/cdn/2"
    with pytest.raises(UserError, match="holds a dict"):
        remote(address, settings).follow()
    assert managed(settings).card("iris-model") == first


def test_a_watch_says_that_it_fetches_then_what_went_wrong_and_then_nothing(hub, settings):
    watched = Settings(
        feedback_db=settings.feedback_db,
        model_dir=settings.model_dir,
        model="hf://ada/iris-model/model.skops",
    )
    hub.odd["/ada/iris-model/resolve/main/model.skops"] = 404
    watch = model_watch.ModelWatch(watched)
    assert "is being fetched, for 0 seconds now" in watch.state
    watch.begun -= web_file.FETCH_SECONDS + 1
    assert "did not come within 300 seconds" in watch.state
    watch.look()
    assert "is not there (status 404)" in watch.state
    assert not watch.is_ready
    hub.odd["/ada/iris-model/resolve/main/model.skops"] = f"{hub.address}/cdn/1"
    watch.attempts.next_at = 0
    watch.look()
    assert (watch.state, watch.ref) == ("", "iris-model@champion")


def test_what_was_refused_is_left_alone_twice_as_long_each_time(web, settings):
    web.files["/m.joblib"] = content = dumped({"no": "model"})
    address = f"{web.address}/m.joblib#sha256={sha256(content)}"
    watch = model_watch.ModelWatch(replace(settings, model=address))
    waits = []
    for _ in range(8):
        watch.look()
        watch.look()
        assert "holds a dict" in watch.state
        waits.append(round((watch.attempts.next_at - time.monotonic()) / 60))
        watch.attempts.next_at = 0
    assert waits == [1, 2, 4, 8, 16, 30, 30, 30]
    assert len(web.asked) == 8


@pytest.fixture
def lab(monkeypatch):
    """A registry elsewhere: what its alias means, the files of its versions, what was fetched."""

    class Lab:
        version, files, fetched = "1", {"1": FIRST, "2": dumped({"no": "model"}), "3": SECOND}, []

        def fetch(self, uri):
            version = uri.partition("/")[2].partition("/")[2] or self.version
            self.fetched.append(version)
            if version not in self.files:
                raise UserError(f"{uri} is not there.")
            origin = {"uri": uri, "name": "lab", "version": version}
            return ModelFile(uri, "joblib", self.files[version], origin=origin)

    lab = Lab()
    lab.fetched = []
    monkeypatch.setattr(mlflow_source, "version_now", lambda uri: lab.version)
    monkeypatch.setattr(mlflow_source, "fetch", lab.fetch)
    return lab


def test_a_version_that_is_refused_is_fetched_once_and_the_next_one_at_once(lab, settings):
    watch = model_watch.ModelWatch(replace(settings, model="models:/lab@Champion"))
    watch.look()
    assert (watch.state, watch.ref, lab.fetched) == ("", "lab@champion", ["1"])
    lab.version = "2"
    for _ in range(3):
        watch.look()
        assert "holds a dict" in watch.state
    assert lab.fetched == ["1", "2"]
    assert managed(settings).card("lab@champion").version == "1"
    lab.version = "3"
    watch.look()
    assert (watch.state, lab.fetched) == ("", ["1", "2", "3"])
    assert managed(settings).card("lab@champion").version == "3"
    lab.version = "1"
    watch.look()
    assert managed(settings).card("lab@champion").version == "1"
    assert lab.fetched == ["1", "2", "3"]


def test_a_version_of_before_that_is_not_there_any_more_is_asked_for_once(lab, settings):
    watch = model_watch.ModelWatch(replace(settings, model="models:/lab@Champion"))
    watch.look()
    lab.version = "3"
    watch.look()
    shutil.rmtree(settings.model_dir)
    del lab.files["1"]
    lab.fetched.clear()
    for _ in range(3):
        watch.look()
        assert watch.state == ""
    assert (lab.fetched.count("1"), lab.fetched.count("3")) == (1, 1)


def watching():
    return [thread for thread in threading.enumerate() if thread.name == "model-watch"]


def test_a_process_has_one_thread_that_follows_whatever_else_is_set(settings, web):
    address = f"{web.address}/none.joblib#sha256={'0' * 64}"
    first = replace(settings, model=address)
    watch = model_watch.started(first)
    assert model_watch.started(replace(first, log_format="json", public="1")) is watch
    (thread,) = [one for one in watching() if one._target == watch.run]
    other = model_watch.started(replace(first, model=address.replace("none", "other")))
    assert other is not watch
    thread.join(30)
    assert not thread.is_alive()
    assert model_watch.started(settings) is None
    deadline = time.monotonic() + 30
    while watching() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert watching() == []


def test_a_process_has_one_watch_for_an_address_and_none_for_a_name(hub, settings):
    assert model_watch.started(settings) is None
    watched = Settings(
        feedback_db=settings.feedback_db,
        model_dir=settings.model_dir,
        model="hf://ada/iris-model/model.skops",
    )
    watch = model_watch.started(watched)
    assert model_watch.started(watched) is watch
    deadline = time.monotonic() + 30
    while not watch.is_ready and time.monotonic() < deadline:
        time.sleep(0.05)
    assert watch.ref == "iris-model@champion"


# --- MLflow's words


@pytest.mark.parametrize(
    ("code", "text", "said"),
    [
        ("RESOURCE_DOES_NOT_EXIST", "Registered Model with name=x", "it is not there"),
        ("INVALID_PARAMETER_VALUE", "Registered model alias Champion not found.", "not there"),
        ("PERMISSION_DENIED", "User does not have EXECUTE", "may not be read by this app"),
        ("", "API request failed with error code 403", "may not be read by this app"),
        ("", "API request failed with error code 401 != 200", "may not be read by this app"),
        ("", "Connection refused http://ada:secret@x", "could not be fetched from MLflow"),
    ],
)
def test_what_mlflow_refuses_is_said_in_words_without_a_password(code, text, said):
    message = mlflow_source.refusal("models:/x@Champion", code, text)
    assert said in message
    assert "secret" not in message


def mlflow_client(tmp_path, monkeypatch):
    """MLflow's client with a store of files, and a function that registers a model there."""
    pytest.importorskip("mlflow.pyfunc", reason="in requirements-mlflow.txt")
    import mlflow

    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"file://{tmp_path}/mlruns")
    mlflow.set_tracking_uri(f"file://{tmp_path}/mlruns")
    mlflow.set_registry_uri(f"file://{tmp_path}/mlruns")
    return mlflow, mlflow.MlflowClient()


def test_a_promotion_in_mlflow_is_followed_and_a_rollback_here_stays(
    tmp_path, settings, monkeypatch
):
    mlflow, client = mlflow_client(tmp_path, monkeypatch)
    name = "main.ml_models.iris_classifier"
    X = load_iris(as_frame=True).data
    for rows in (150, 140):
        model = trained(rows)
        signature = mlflow.models.infer_signature(X, model.predict(X))
        with mlflow.start_run():
            mlflow.sklearn.log_model(
                model, name="m", registered_model_name=name, signature=signature
            )
    address = f"models:/{name}@Champion"
    with pytest.raises(UserError, match="it is not there"):
        remote(address, settings).follow()
    client.set_registered_model_alias(name, "Champion", 1)
    assert remote(address, settings).follow().ref == f"{name}/1"
    client.set_registered_model_alias(name, "Champion", 2)
    assert remote(address, settings).follow().ref == f"{name}/2"
    registry, store = managed(settings), Store.open(settings.feedback_db)
    aliases.rollback(registry, store, name, by=OWNER)
    assert registry.card(local_ref(address)).version == "1"
    remote(address, settings).follow()
    assert registry.card(local_ref(address)).version == "1"
    # A disk that was thrown away, and a database that was kept.
    shutil.rmtree(settings.model_dir)
    remote(address, settings).follow()
    assert registry.look().versions(name) == ["1", "2"]
    assert registry.card(local_ref(address)).version == "1"
    aliases.promote(registry, store, f"{name}/2", by=OWNER)
    shutil.rmtree(settings.model_dir)
    remote(address, settings).follow()
    aliases.rollback(registry, store, name, by=OWNER)
    assert registry.card(local_ref(address)).version == "1"


@pytest.mark.parametrize("kind", ["classes", "numbers", "nothing"])
def test_a_python_function_without_data_says_what_it_answers_or_is_refused(
    tmp_path, settings, monkeypatch, kind
):
    mlflow, _ = mlflow_client(tmp_path, monkeypatch)
    X = load_iris(as_frame=True).data

    class Asked(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            longest = model_input.iloc[:, 2]
            return {
                "classes": np.where(longest > 2, "other", "setosa"),
                "numbers": longest * 1.5,
                "nothing": np.where(longest > 2, 1, 0),
            }[kind]

    asked = Asked()
    if kind == "classes":
        asked.classes_ = ["other", "setosa"]
    answers_there = asked.predict(None, X)
    with mlflow.start_run():
        mlflow.pyfunc.log_model(
            name="m",
            python_model=asked,
            registered_model_name="asked",
            signature=mlflow.models.infer_signature(X, answers_there),
            pip_requirements=[],
        )
    if kind == "nothing":
        with pytest.raises(UserError, match="give the object its classes_"):
            remote("models:/asked/1", settings).follow()
        return
    card = remote("models:/asked/1", settings).follow()
    assert card.task == {"classes": "binary", "numbers": "regression"}[kind]
    assert answers(settings, card.ref) == list(answers_there)
