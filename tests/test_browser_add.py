"""From a stranger's folder to a verdict: one command, the app, and a browser."""

import json
import pickle
import subprocess
import sys

import joblib
import numpy as np
import pandas as pd
import pytest
from browsing import App, button, field, give_name, part, predict, stored
from builders import ROOT
from sklearn.ensemble import RandomForestClassifier
from sklearn.preprocessing import LabelEncoder, StandardScaler

pytestmark = pytest.mark.browser

NAMES = ["visits", "age", "income", "city_Bonn", "city_Ulm"]


def prepared(table):
    """What the stranger's script does with a table."""
    return pd.get_dummies(table[["visits", "age", "income", "city"]]).reindex(columns=NAMES)


@pytest.fixture
def stranger(tmp_path):
    """model.pkl, scaler.pkl, encoder.pkl, columns.pkl and data.csv, and what the script answers."""
    folder = tmp_path / "churn"
    folder.mkdir()
    rng = np.random.default_rng(5)
    table = pd.DataFrame(
        {
            "customer": np.arange(150),
            "age": rng.integers(18, 80, 150),
            "income": rng.normal(50, 9, 150).round(1),
            "city": rng.choice(["Bonn", "Ulm"], 150),
            "visits": rng.integers(0, 9, 150),
        }
    )
    score = table.age + 20 * (table.city == "Ulm") + rng.normal(0, 4, 150)
    table["Churn"] = np.where(score > 60, "Yes", "No")
    scaler, labels = StandardScaler(), LabelEncoder()
    X = scaler.fit_transform(prepared(table).to_numpy(float))
    model = RandomForestClassifier(20, random_state=0).fit(X, labels.fit_transform(table.Churn))
    for content, name in ((model, "model"), (scaler, "scaler"), (labels, "encoder")):
        joblib.dump(content, folder / f"{name}.pkl")
    (folder / "columns.pkl").write_bytes(pickle.dumps(pd.Index(NAMES)))
    table.to_csv(folder / "data.csv", index=False)

    def answer(case):
        return labels.classes_[model.predict(scaler.transform(prepared(case).fillna(0)))[0]]

    return folder, answer


def test_a_folder_of_parts_becomes_a_verdict_with_two_commands(stranger, tmp_path, page):
    folder, answer = stranger
    added = subprocess.run(
        [sys.executable, "-m", "second_opinion", "add", folder, "--name", "churn", "--yes"],
        cwd=ROOT,
        env={"MODEL_DIR": str(tmp_path / "model"), "PATH": ""},
        capture_output=True,
        text=True,
    )
    assert added.returncode == 0, added.stderr
    app = App(tmp_path, tmp_path / "model").start()
    try:
        page.goto(f"{app.url}/Single_prediction")
        give_name(page, "Ada")
        field(page, "age").fill("75")
        part(page, "predict_field_city").get_by_text("Ulm", exact=True).click()
        predict(page)
        case = pd.DataFrame([{**typical(app), "age": 75, "city": "Ulm"}])
        said = part(page, "predict_answer").inner_text()
        assert answer(case) == "Yes"
        assert "Yes" in said
        button(page, "verdict_agree").click()
        part(page, "verdict_saved").wait_for()
        (row,) = stored(app, "SELECT * FROM predictions")
        assert json.loads(row["inputs"])["city"] == "Ulm"
        assert json.loads(row["value"]) == 1
        assert [v["judgement"] for v in stored(app, "SELECT * FROM current_verdicts")] == ["agree"]
    finally:
        app.stop()


def typical(app):
    """The case that the form begins with."""
    card = json.loads((app.models / "churn/1/card.json").read_text("utf-8"))
    return {feature["name"]: feature["typical"] for feature in card["features"]}
