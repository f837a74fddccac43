"""What the trials run inside of an environment: ``trial_models.py COMMAND FOLDER``.

``train`` saves models as joblib, pickle and skops, with their answers. ``log`` gives one of them to
MLflow twice. ``champion FOLDER NAME VERSION`` points an alias there at a version, which is logged
first if it is not there. ``compare FOLDER NAME...`` predicts through the registry and compares with
those answers; a NAME may be NAME=MODEL where the registry calls it otherwise.
"""

from __future__ import annotations

import json
import math
import os
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

DATA, TARGET, NUMBER = "wine.csv", "barolo", "colour"


def main(doing: str, folder: str, *names: str) -> None:
    """Run one of the commands above."""
    commands = {"train": train, "log": log, "champion": champion, "compare": compare}
    commands[doing](Path(folder), *names)


def table() -> pd.DataFrame:
    """The UCI wines with what tables of people have: a text category, a boolean, holes."""
    from sklearn.datasets import load_wine

    wine = load_wine(as_frame=True).frame
    cases = wine[["alcohol", "ash", "hue", "proline"]].astype({"proline": int})
    cases["shade"] = np.where(wine.color_intensity > 5, "deep", "pale")
    cases["strong"] = wine.alcohol > 13
    cases.loc[::9, "ash"] = np.nan
    return cases.assign(**{NUMBER: wine.color_intensity, TARGET: (wine.target == 0).astype(int)})


def trained() -> Iterator[tuple[str, Any, str]]:
    """Name, fitted pipeline and target column of each model of the trial."""
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import (
        HistGradientBoostingClassifier,
        RandomForestRegressor,
        StackingClassifier,
    )
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = ["alcohol", "ash", "hue", "proline"]
    prepare = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), numbers),
        (OneHotEncoder(handle_unknown="ignore"), ["shade", "strong"]),
    )
    data = table()
    stack = StackingClassifier([("logistic", LogisticRegression())], LogisticRegression())
    for name, final, target in (
        ("logistic", LogisticRegression(), TARGET),
        ("boosting", HistGradientBoostingClassifier(max_iter=20, random_state=0), TARGET),
        ("stack", stack, TARGET),
        ("forest", RandomForestRegressor(20, random_state=0), NUMBER),
    ):
        cases = data.drop(columns=[TARGET, NUMBER])
        yield name, make_pipeline(prepare, final).fit(cases, data[target]), target
    # Little that versions of scikit-learn could disagree about.
    columns = ["alcohol", "hue"]
    bare = make_pipeline(StandardScaler(), LogisticRegression())
    yield "bare", bare.fit(data[columns], data[TARGET]), TARGET


def train(folder: Path) -> None:
    """Write each model as joblib, pickle and skops, its data, and its own answers to them."""
    import joblib
    import sklearn
    import skops.io

    for name, model, target in trained():
        data = table().drop(columns=NUMBER if target == TARGET else TARGET)
        data.to_csv(folder / f"{name}.csv", index=False)
        joblib.dump(model, folder / f"{name}.joblib", compress=3)
        (folder / f"{name}.pkl").write_bytes(pickle.dumps(model))
        skops.io.dump(model, folder / f"{name}.skops")
        answers = {
            "target": target,
            "values": model.predict(data[list(model.feature_names_in_)]).tolist(),
        }
        (folder / f"{name}.json").write_text(json.dumps(answers), "utf-8")
    print(f"trained with scikit-learn {sklearn.__version__}, pandas {pd.__version__}")


def log(folder: Path) -> None:
    """Log and register a model as cloudpickle and as skops; their URIs into FOLDER/uris.json."""
    import mlflow
    import skops.io
    from mlflow import MlflowClient
    from mlflow.models import infer_signature

    name, model, target = next(trained())
    data = table().drop(columns=NUMBER)
    data.to_csv(folder / f"{name}.csv", index=False)
    cases = data.drop(columns=target)
    known = json.dumps({"target": target, "values": model.predict(cases).tolist()})
    (folder / f"{name}.json").write_text(known, "utf-8")
    signature = infer_signature(cases, model.predict(cases))
    # MLflow asks for the types that a model may hold, as the app does.
    trusted = skops.io.get_untrusted_types(data=skops.io.dumps(model))
    client, uris = MlflowClient(), []
    for kind in ("cloudpickle", "skops"):
        name = f"barolo-{kind}"
        with mlflow.start_run() as run:
            mlflow.sklearn.log_model(
                model,
                name="model",
                registered_model_name=name,
                serialization_format=kind,
                skops_trusted_types=trusted if kind == "skops" else None,
                signature=signature,
            )
        client.set_registered_model_alias(name, "tried", 1)
        client.set_model_version_tag(name, "1", "cellar", "north")
        client.update_model_version(name, "1", description=f"Is it a Barolo? ({kind})")
        uris += [f"models:/{name}/1", f"models:/{name}@tried", f"runs:/{run.info.run_id}/model"]
    (folder / "uris.json").write_text(json.dumps(uris), "utf-8")
    print(f"logged with mlflow {mlflow.__version__}: {', '.join(uris)}")


def champion(folder: Path, name: str, version: str) -> None:
    """Point the alias Champion of a model of irises at a version; each is another model."""
    import mlflow
    from mlflow import MlflowClient
    from mlflow.models import infer_signature
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    client = MlflowClient()
    iris = load_iris(as_frame=True)
    if not client.search_model_versions(f"name='{name}' and version_number={version}"):
        rows = slice(0, 150 - 10 * int(version))
        model = LogisticRegression(max_iter=1000).fit(iris.data[rows], iris.target[rows])
        signature = infer_signature(iris.data, model.predict(iris.data))
        with mlflow.start_run():
            mlflow.sklearn.log_model(
                model,
                name="iris",
                registered_model_name=name,
                serialization_format="cloudpickle",
                signature=signature,
            )
        (folder / f"irises-{version}.json").write_text(
            json.dumps(model.predict_proba(iris.data[:1])[0].tolist()), "utf-8"
        )
    client.set_registered_model_alias(name, "Champion", version)
    print(f"{name}@Champion is version {version} there")


def compare(folder: Path, *names: str) -> None:
    """Predict all rows through the registry, as a frame and as JSON; exits 1 on a difference."""
    sys.path.insert(0, str(Path.cwd()))
    from second_opinion import Registry

    for pair in names:
        name, _, source = pair.partition("=")
        model = Registry(os.environ["MODEL_DIR"]).load(name)
        expected = json.loads((folder / f"{source or name}.json").read_text("utf-8"))
        data = pd.read_csv(folder / f"{source or name}.csv").drop(columns=expected["target"])
        rows = json.loads(data[model.card.case_schema.names].to_json(orient="records"))
        read = [model.card.case_schema.read(row) for row in rows]
        blocking = [problem for _, problems in read for problem in problems if problem.blocking]
        if blocking:
            sys.exit(f"{name}: {blocking[0]}")
        for way, cases in (("frame", data), ("JSON", [case for case, _ in read])):
            found = model.predict(cases)["value"].tolist()
            if not all(map(_same, found, expected["values"])):
                sys.exit(f"{name}: other answers than estimator.predict through {way}")
        said = f"; {model.warnings[0]}" if model.warnings else ""
        print(f"{name}: {len(rows)} answers equal through frame and JSON{said}")


def _same(found: Any, expected: Any) -> bool:
    # A forest adds up its trees in the order in which its threads finish.
    if isinstance(expected, float):
        return math.isclose(found, expected, rel_tol=1e-12)
    return bool(type(found) is type(expected) and found == expected)


if __name__ == "__main__":
    main(*sys.argv[1:])
