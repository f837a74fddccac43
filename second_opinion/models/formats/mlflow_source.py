"""Models that MLflow has: fetched by URI once, after which no server is needed.

MLflow is an extra (requirements-mlflow.txt), imported when somebody gives a URI and not before.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from second_opinion.errors import UserError, first_line
from second_opinion.models.formats.code_files import ENTRY, packed
from second_opinion.models.formats.code_files import read_folder as read_files
from second_opinion.models.formats.model_file import ModelFile

REGISTERED = re.compile(r"models:/(?P<name>[^/@]+)(/(?P<version>\d+)|@(?P<alias>[^/@]+))")
# Where the folder that MLflow wrote lies in that of the model, and what asks it.
AS_LOGGED = "mlflow_model"
PYFUNC = '''"""A model that MLflow has, asked as its python_function."""

from mlflow import pyfunc

NUMBERS = {"double", "float", "float64", "float32"}


class Model:
    def __init__(self, model):
        self.model = model
        schema = model.metadata.get_input_schema()
        if schema is not None and schema.has_input_names():
            self.feature_names_in_ = schema.input_names()
        inner = inside(model)
        if getattr(inner, "classes_", None) is not None:
            self.classes_ = inner.classes_
            if hasattr(inner, "predict_proba"):
                self.predict_proba = inner.predict_proba
        outputs = model.metadata.get_output_schema()
        kinds = [] if outputs is None else outputs.input_types()
        names = {getattr(kind, "name", str(kind)) for kind in kinds}
        self.answers_numbers = bool(names) and names <= NUMBERS

    def predict(self, cases):
        return self.model.predict(cases)


def inside(model):
    """The model that the python_function asks, where MLflow gives it away."""
    for way in ("unwrap_python_model", "get_raw_model"):
        try:
            return getattr(model, way)()
        except (AttributeError, NotImplementedError, pyfunc.MlflowException):
            continue
    return None


def load(folder):
    return Model(pyfunc.load_model(str(folder / "mlflow_model")))
'''
RUN = re.compile(r"runs:/(?P<run>[^/]+)/(?P<path>.+)")
# It sends usage figures to its makers, retries for minutes, and draws progress bars.
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}


NO_RIGHT = {"PERMISSION_DENIED", "UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED"}
NOT_THERE = {"RESOURCE_DOES_NOT_EXIST", "NOT_FOUND", "ENDPOINT_NOT_FOUND"}


def is_uri(text: str) -> bool:
    """Whether this names a model of MLflow, and not a file."""
    return text.startswith(("models:/", "runs:/"))


def fetch(uri: str) -> ModelFile:
    """The model file that a URI means, with what MLflow says of it; nothing is loaded.

    An alias is resolved once, so that file and facts are of one version. `UserError` when MLflow is
    not installed, no server is named or answers, or there is no such model.
    """
    refuse_odd(uri)
    _refuse_without_server(uri)
    with _mlflow(uri):
        from mlflow import MlflowClient
        from mlflow.artifacts import download_artifacts

        client = MlflowClient()
        origin = _run_facts(client, uri) if RUN.fullmatch(uri) else _registered_facts(client, uri)
        exact = f"models:/{origin['name']}/{origin['version']}" if origin["name"] else uri
        with TemporaryDirectory() as folder:
            model_folder = Path(download_artifacts(artifact_uri=exact, dst_path=folder))
            file = read_folder(model_folder, uri)
            return replace(file, origin={**origin, **file.origin})


def version_now(uri: str) -> str:
    """The version that ``models:/NAME@ALIAS`` means now; `UserError` as in `fetch`."""
    refuse_odd(uri)
    _refuse_without_server(uri)
    with _mlflow(uri):
        from mlflow import MlflowClient

        return str(_registered(MlflowClient(), uri).version)


def read_folder(folder: Path, uri: str) -> ModelFile:
    """The model file in a folder that MLflow wrote, with the columns of its signature."""
    described = _mlmodel(folder, uri)
    flavors = described.get("flavors", {})
    flavor = flavors.get("sklearn")
    if not flavor and "python_function" in flavors:
        return _as_code(folder, uri, described)
    if not flavor:
        kinds = ", ".join(sorted(set(flavors) - {"python_function"})) or "none that is known"
        raise UserError(
            f"{uri} is a model of the kind {kinds}; expected one with the flavor sklearn or "
            "python_function. Log it with mlflow.pyfunc.log_model, then add that one."
        )
    path = (folder / str(flavor.get("pickled_model"))).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise UserError(f"{uri} names a model file outside of its own folder; it was not read.")
    file = ModelFile.read(path)
    # Nobody knows the temporary folder that it was copied to.
    return replace(
        file,
        where=f"{uri} ({path.name})",
        python=str(flavors.get("python_function", {}).get("python_version", "")),
        origin={"uri": uri, "signature": _columns(described)},
    )


def _as_code(folder: Path, uri: str, described: dict[str, Any]) -> ModelFile:
    """A model of any kind that MLflow can ask itself: its whole folder, and a predict.py."""
    files = {f"{AS_LOGGED}/{name}": content for name, content in read_files(folder).items()}
    content = packed({**files, ENTRY: PYFUNC.encode()})
    python = str(described["flavors"]["python_function"].get("python_version", ""))
    origin = {"uri": uri, "signature": _columns(described)}
    return ModelFile(uri, "python", content, python=python, origin=origin)


def _mlmodel(folder: Path, uri: str) -> dict[str, Any]:
    import yaml

    try:
        content = yaml.safe_load((folder / "MLmodel").read_text("utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UserError(
            f"{uri} has no MLmodel file that can be read ({first_line(error)}); expected the "
            "folder of a model that MLflow logged. Name that folder."
        ) from error
    if not isinstance(content, dict):
        raise UserError(f"{uri} has an MLmodel file that says nothing. Log the model again.")
    return content


def _columns(described: dict[str, Any]) -> list[dict[str, Any]]:
    """The named columns of the signature; none where it has none, or is of tensors."""
    text = (described.get("signature") or {}).get("inputs") or "[]"
    columns = json.loads(text) if isinstance(text, str) else text
    return columns if all("name" in column for column in columns) else []


def refuse_odd(uri: str) -> None:
    """`UserError` unless the URI names one model. Nothing is asked."""
    if not (REGISTERED.fullmatch(uri) or RUN.fullmatch(uri)):
        raise UserError(
            f"{uri} is not a model of MLflow; expected models:/NAME/VERSION with a number, "
            "models:/NAME@ALIAS or runs:/RUN_ID/PATH."
        )


def _refuse_without_server(uri: str) -> None:
    if not (os.environ.get("MLFLOW_TRACKING_URI") or os.environ.get("MLFLOW_REGISTRY_URI")):
        raise UserError(
            f"{uri} is a model of MLflow, and no server is named. Set MLFLOW_TRACKING_URI, such as "
            "MLFLOW_TRACKING_URI=http://localhost:5000, then try again."
        )


@contextmanager
def _mlflow(uri: str) -> Iterator[None]:
    """Talk to MLflow: whatever it refuses is a `UserError`, without the password of its server."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    try:
        from mlflow.exceptions import MlflowException
    except ModuleNotFoundError as error:
        raise UserError(
            f"{uri} is a model of MLflow, and its client is not installed. Run `pip install -r "
            "requirements-mlflow.txt`, then try again."
        ) from error
    try:
        yield
    # OSError: the network. ImportError: what the address of a server asks for, like SQLAlchemy.
    except (MlflowException, OSError, ImportError) as error:
        code = str(getattr(error, "error_code", ""))
        raise UserError(refusal(uri, code, first_line(error))) from error


def refusal(uri: str, code: str, text: str) -> str:
    """What to say where MLflow refuses: by its error code, or what it says of it.

    The password of a server in the text is left out.
    """
    reason = re.sub(r"://[^/@\s]*@", "://…@", text).rstrip(".").partition(" with exception ")[0]
    if code in NO_RIGHT or re.search(r"\b(401|403)\b|permission|not authorized", reason, re.I):
        return (
            f"{uri} may not be read by this app ({reason}). Let whoever keeps it give this app "
            "the right to read it (on Databricks EXECUTE on the model, USE on its catalog and "
            "schema), or set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD."
        )
    if code in NOT_THERE or re.search(r"not found|does not exist|no such", reason, re.I):
        return (
            f"{uri} could not be fetched from MLflow: it is not there ({reason}). Look on the page "
            "Models of MLflow for its name, version or alias, and correct that."
        )
    return (
        f"{uri} could not be fetched from MLflow ({reason}). Check its name, and that "
        "MLFLOW_TRACKING_URI is the address of your server."
    )


def _registered(client: Any, uri: str) -> Any:
    """The entry of a version in MLflow's registry."""
    named = REGISTERED.fullmatch(uri)
    assert named  # noqa: S101  # `refuse_odd` has seen to it
    if named["alias"]:
        return client.get_model_version_by_alias(named["name"], named["alias"])
    return client.get_model_version(named["name"], named["version"])


def _registered_facts(client: Any, uri: str) -> dict[str, Any]:
    entry = _registered(client, uri)
    return {
        "uri": uri,
        "name": entry.name,
        "version": str(entry.version),
        "run_id": entry.run_id or "",
        "status": str(entry.status),
        "tags": dict(entry.tags),
        "description": entry.description or _description(client, entry.name),
        "aliases": list(entry.aliases),
    }


def _description(client: Any, name: str) -> str:
    return client.get_registered_model(name).description or ""


def _run_facts(client: Any, uri: str) -> dict[str, Any]:
    run = client.get_run(uri.split("/")[1])
    tags = {name: value for name, value in run.data.tags.items() if not name.startswith("mlflow.")}
    return {
        "uri": uri,
        "name": "",
        "version": "",
        "run_id": run.info.run_id,
        "status": f"run {run.info.status}",
        "tags": tags,
        "description": run.data.tags.get("mlflow.note.content", ""),
        "aliases": [],
    }
