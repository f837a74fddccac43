"""`wrap`: from a folder of parts to the answers of the owner's own script, in three commands."""

import json
import runpy
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import IsotonicRegression
from sklearn.decomposition import PCA
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelEncoder, OneHotEncoder, StandardScaler

from second_opinion import Registry
from second_opinion.cli.main import main

R = np.random.default_rng(3)
N = 160
HOUSES = pd.DataFrame({"area": R.uniform(30, 200, N).round(1), "rooms": R.integers(1, 7, N)})
HOUSES["price"] = np.exp(7 + 0.01 * HOUSES.area + 0.1 * HOUSES.rooms).round()
PEOPLE = pd.DataFrame(
    {
        "city": R.choice(["Bonn", "Kiel", "Ulm"], N),
        "age": R.integers(18, 80, N),
        "income": R.uniform(1e3, 9e3, N).round(),
        "sex": R.choice(["f", "m"], N),
    }
)
PEOPLE["churn"] = np.where(PEOPLE.age / 80 + (PEOPLE.city == "Kiel") * 0.4 > 0.8, "Yes", "No")
NUMBERS = ["age", "income"]
CODES = (PEOPLE.churn == "Yes").astype(int)


def log_price():
    X = HOUSES[["area", "rooms"]]
    model = make_pipeline(StandardScaler(), LinearRegression()).fit(X, np.log(HOUSES.price))
    edits = {"UNDO = None": "UNDO = np.exp"}
    return {"model.joblib": model}, HOUSES, "price", np.exp(model.predict(X)), edits


def scaler_and_words():
    X = PEOPLE[NUMBERS].to_numpy()
    scaler, words = StandardScaler().fit(X), LabelEncoder().fit(PEOPLE.churn)
    model = LogisticRegression().fit(scaler.transform(X), words.transform(PEOPLE.churn))
    answers = words.inverse_transform(model.predict(scaler.transform(X)))
    files = {"scaler.pkl": scaler, "model.pkl": model, "label_encoder.pkl": words}
    return files, PEOPLE[[*NUMBERS, "churn"]], "churn", answers, {}


def get_dummies():
    X = pd.get_dummies(PEOPLE.drop(columns="churn"), drop_first=True)
    model = RandomForestClassifier(9, random_state=0).fit(X, PEOPLE.churn)
    return {"model.pkl": model, "columns.pkl": list(X)}, PEOPLE, "churn", model.predict(X), {}


def dummies_scaled_without_names():
    X = pd.get_dummies(PEOPLE[["city", *NUMBERS]], dtype=float)
    scaler = StandardScaler().fit(X)
    model = LogisticRegression().fit(scaler.transform(X), CODES)
    files = {"clf.pkl": model, "scaler.pkl": scaler, "columns.json": json.dumps(list(X))}
    answers = np.array(["No", "Yes"])[model.predict(scaler.transform(X))]
    return files, PEOPLE[["city", *NUMBERS, "churn"]], "churn", answers, {}


def an_encoder_for_each_column():
    encoders = {name: LabelEncoder().fit(PEOPLE[name]) for name in ("city", "sex")}
    X = PEOPLE.drop(columns="churn")
    X = X.assign(**{name: encoder.transform(X[name]) for name, encoder in encoders.items()})
    model = GradientBoostingClassifier(n_estimators=9).fit(X, PEOPLE.churn)
    return {"model.pkl": model, "encoders.pkl": encoders}, PEOPLE, "churn", model.predict(X), {}


def encoders_in_files_of_their_own():
    city, sex = LabelEncoder().fit(PEOPLE.city), LabelEncoder().fit(PEOPLE.sex)
    X = PEOPLE.drop(columns="churn")
    X = X.assign(city=city.transform(X.city), sex=sex.transform(X.sex))
    target = LabelEncoder().fit(PEOPLE.churn)
    model = RandomForestClassifier(9, random_state=0).fit(X, target.transform(PEOPLE.churn))
    files = {"rf_model.pkl": model, "le_city.pkl": city, "sex_encoder.pkl": sex, "le_y.pkl": target}
    return files, PEOPLE, "churn", target.inverse_transform(model.predict(X)), {}


def one_hot_and_scaler_on_their_columns():
    hot = OneHotEncoder(handle_unknown="ignore").fit(PEOPLE[["city", "sex"]])
    scaler = StandardScaler().fit(PEOPLE[NUMBERS])
    names = [*NUMBERS, *hot.get_feature_names_out()]
    cells = [scaler.transform(PEOPLE[NUMBERS]), hot.transform(PEOPLE[["city", "sex"]]).toarray()]
    X = pd.DataFrame(np.hstack(cells), columns=names)
    model = LogisticRegression().fit(X, PEOPLE.churn)
    files = {"model.pkl": model, "ohe.pkl": hot, "scaler.pkl": scaler}
    return files, PEOPLE, "churn", model.predict(X), {}


def a_bundle_with_a_threshold_and_a_calibrator():
    X = PEOPLE[NUMBERS]
    scaler = StandardScaler().fit(X)
    model = LogisticRegression().fit(scaler.transform(X), CODES)
    chance = model.predict_proba(scaler.transform(X))[:, 1]
    calibrator = IsotonicRegression(out_of_bounds="clip").fit(chance, CODES)
    bundle = {"model": model, "scaler": scaler, "calibrator": calibrator, "threshold": 0.25}
    answers = np.where(calibrator.predict(chance) >= 0.25, 1, 0)
    table = PEOPLE[NUMBERS].assign(churn=CODES)
    return {"bundle.joblib": bundle}, table, "churn", answers, {}


def a_scaled_target():
    X, y = HOUSES[["area", "rooms"]], HOUSES[["price"]]
    scaler_x, scaler_y = StandardScaler().fit(X), StandardScaler().fit(y)
    model = Ridge().fit(scaler_x.transform(X), scaler_y.transform(y).ravel())
    answers = scaler_y.inverse_transform(model.predict(scaler_x.transform(X))[:, None]).ravel()
    files = {"model.pkl": model, "scaler_X.pkl": scaler_x, "scaler_y.pkl": scaler_y}
    return files, HOUSES, "price", answers, {}


def principal_components():
    X = PEOPLE[NUMBERS]
    scaler = StandardScaler().fit(X)
    pca = PCA(1).fit(scaler.transform(X))
    model = LogisticRegression().fit(pca.transform(scaler.transform(X)), PEOPLE.churn)
    answers = model.predict(pca.transform(scaler.transform(X)))
    files = {"model.pkl": model, "scaler.pkl": scaler, "pca.pkl": pca}
    return files, PEOPLE[[*NUMBERS, "churn"]], "churn", answers, {}


def words_in_a_file():
    model = RandomForestClassifier(9, random_state=0).fit(PEOPLE[NUMBERS], CODES)
    files = {"model.pkl": model, "classes.txt": "0=No\n1=Yes\n"}
    answers = np.array(["No", "Yes"])[model.predict(PEOPLE[NUMBERS])]
    return files, PEOPLE[[*NUMBERS, "churn"]], "churn", answers, {}


def a_feature_made_in_the_notebook_and_holes_filled():
    table = PEOPLE[[*NUMBERS, "churn"]].copy()
    table.loc[::7, "income"] = np.nan
    X = table[NUMBERS].fillna({"income": 5000}).assign(rate=lambda t: t.income / t.age)
    model = LogisticRegression(max_iter=2000).fit(X, table.churn)
    edits = {
        "FILLS = {}": 'FILLS = {"income": 5000}',
        '# cases["rate"] = cases["debt"] / cases["income"]':
        'cases["rate"] = cases["income"] / cases["age"]',
    }  # fmt: skip
    return {"model.pkl": model}, table, "churn", model.predict(X), edits


def one_hot_behind_the_numbers_without_names():
    houses = HOUSES.assign(town=R.choice(["Bonn", "Kiel"], N))[["town", "area", "rooms", "price"]]
    encoder = OneHotEncoder().fit(houses[["town"]])
    towns = encoder.transform(houses[["town"]]).toarray()
    X = np.hstack([houses[["area", "rooms"]].to_numpy(), towns])
    model = LinearRegression().fit(X, np.log1p(houses.price))
    edits = {"UNDO = None": "UNDO = np.expm1"}
    return (
        {"model.pkl": model, "encoder.pkl": encoder},
        houses,
        "price",
        np.expm1(model.predict(X)),
        edits,
    )


KINDS = [
    log_price, scaler_and_words, get_dummies, dummies_scaled_without_names,
    an_encoder_for_each_column, encoders_in_files_of_their_own,
    one_hot_and_scaler_on_their_columns, a_bundle_with_a_threshold_and_a_calibrator,
    a_scaled_target, principal_components, words_in_a_file,
    a_feature_made_in_the_notebook_and_holes_filled, one_hot_behind_the_numbers_without_names,
]  # fmt: skip


def written(folder, files, table):
    folder.mkdir()
    for name, content in files.items():
        if isinstance(content, str):
            (folder / name).write_text(content, "utf-8")
        else:
            joblib.dump(content, folder / name)
    table.to_csv(folder / "train.csv", index=False)


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs a command of the program, which counts: exit code, output and errors."""
    monkeypatch.setenv("MODEL_DIR", str(tmp_path / "model"))
    monkeypatch.chdir(tmp_path)

    def command(*words):
        code = main([str(word) for word in words])
        return code, *capsys.readouterr()

    return command


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_three_commands_lead_to_the_answers_of_the_owners_script(tmp_path, run, capsys, kind):
    files, table, target, answers, edits = kind()
    folder = tmp_path / "theirs"
    written(folder, files, table)
    code, out, err = run("wrap", folder)
    assert (code, err) == (0, "")
    entry = folder / "predict.py"
    text = entry.read_text("utf-8")
    for before, after in edits.items():
        assert text.count(before) == 1, text
        text = text.replace(before, after)
    entry.write_text(text, "utf-8")
    assert len(edits) <= 10
    runpy.run_path(str(entry), run_name="__main__")
    check = capsys.readouterr().out.splitlines()[-1]
    assert check.startswith("right in" if table[target].dtype != float else "off by")
    last = out.splitlines()[-1].removeprefix("  python -m second_opinion ")
    command = last.replace("NAME", "theirs").split()
    assert command[-1] == target
    code, out, err = run(*command, "--yes")
    assert (code, err) == (0, ""), err
    model = Registry(tmp_path / "model").load("theirs")
    own = model.predict(pd.read_csv(folder / "train.csv"))["value"]
    if table[target].dtype == float:
        assert np.allclose(own.astype(float), answers)
    else:
        assert own.tolist() == list(answers)


def test_a_class_of_their_own_module_comes_along(tmp_path, run):
    trial = Path(__file__).parent / "trials" / "C09-own-first-step"
    for name in ("model.joblib", "utils.py", "train.csv"):
        (tmp_path / name).write_bytes((trial / name).read_bytes())
    assert run("wrap", ".")[0] == 0
    code, _, err = run(
        *("add", "predict.py", "--name", "own", "--data", "train.csv", "--target", "y", "--yes")
    )
    assert (code, err) == (0, "")
    table = pd.read_csv("train.csv")
    answers = Registry(tmp_path / "model").load("own").predict(table)["value"]
    assert np.allclose(answers.astype(float), table.y)


def test_wrap_does_not_write_over_somebodys_work(tmp_path, run):
    written(tmp_path / "theirs", log_price()[0], HOUSES)
    assert run("wrap", "theirs")[0] == 0
    code, _, err = run("wrap", "theirs")
    assert code == 1
    assert "is there already, and may be somebody's work. Say another place: -o" in err
    way = err.split("-o ")[1].strip().rstrip(".")
    assert run("wrap", "theirs", "-o", way)[0] == 0


def test_wrap_writes_above_the_folder_too(tmp_path, run):
    files, table, target, answers, _ = scaler_and_words()
    written(tmp_path / "theirs", files, table)
    assert run("wrap", "theirs", "-o", "predict.py")[0] == 0
    code, _, err = run(
        *("add", "predict.py", "--name", "up", "--data", "theirs/train.csv", "--target", target),
        "--yes",
    )
    assert (code, err) == (0, "")
    answered = Registry(tmp_path / "model").load("up").predict(table)["value"]
    assert answered.tolist() == answers.tolist()
    (tmp_path / "elsewhere").mkdir()
    code, _, err = run("wrap", "theirs", "-o", "elsewhere/predict.py")
    assert (code, "in that folder or above it, like theirs/predict.py" in err) == (1, True)


def test_a_folder_without_a_model_is_refused_with_what_is_there(tmp_path, run):
    written(tmp_path / "theirs", {"scaler.pkl": StandardScaler().fit(HOUSES)}, HOUSES)
    code, _, err = run("wrap", "theirs")
    assert code == 1
    assert "holds no model" in err
    assert "a StandardScaler fitted on 3 columns" in err


def test_a_refusal_of_add_ends_with_the_command_that_leads_on(tmp_path, run):
    files, table, target, answers, edits = a_feature_made_in_the_notebook_and_holes_filled()
    written(tmp_path / "theirs", files, table)
    add = ("--name", "theirs", "--data", "theirs/train.csv", "--target", target, "--yes")
    code, _, err = run("add", "theirs/model.pkl", *add)
    assert code == 1
    way = err.split("`python -m second_opinion ")[-1].split("`")[0]
    assert err.rstrip().endswith("writes a first one.")
    assert run(*way.split())[0] == 0
    entry = tmp_path / "theirs" / "predict.py"
    for before, after in edits.items():
        entry.write_text(entry.read_text("utf-8").replace(before, after), "utf-8")
    code, _, err = run("add", "theirs/model.pkl", *add)
    assert "Or add theirs/predict.py, which says itself how the model answers." in err
    assert run("add", "theirs/predict.py", *add)[0] == 0
    answered = Registry(tmp_path / "model").load("theirs").predict(table)["value"]
    assert answered.tolist() == answers.tolist()


def test_the_check_reads_a_frame_that_pandas_pickled(tmp_path, run, capsys):
    model = LinearRegression().fit(HOUSES[["area", "rooms"]], HOUSES.price)
    (tmp_path / "theirs").mkdir()
    joblib.dump(model, tmp_path / "theirs" / "model.pkl")
    HOUSES.to_pickle(tmp_path / "theirs" / "df.pkl")
    _, out, _ = run("wrap", "theirs")
    assert out.rstrip().endswith("--data theirs/df.pkl --target price")
    runpy.run_path("theirs/predict.py", run_name="__main__")
    assert capsys.readouterr().out.splitlines()[-1].startswith("off by")
    command = out.splitlines()[-1].removeprefix("  python -m second_opinion ")
    assert run(*command.replace("NAME", "m").split(), "--yes")[0] == 0


def test_the_check_reads_semicolons(tmp_path, run, capsys):
    model = LinearRegression().fit(HOUSES[["area", "rooms"]], HOUSES.price)
    written(tmp_path / "theirs", {"model.pkl": model}, HOUSES)
    HOUSES.to_csv(tmp_path / "theirs" / "train.csv", index=False, sep=";")
    run("wrap", "theirs")
    runpy.run_path("theirs/predict.py", run_name="__main__")
    assert capsys.readouterr().out.splitlines()[-1].startswith("off by")


LEVELS = """
class MeanResultsWrapper:
    def __init__(self, mean):
        self.mean = mean

    def predict(self, cases):
        return self.mean + 0 * cases["rooms"] + cases["area"]
"""


def test_a_model_of_a_library_that_nobody_knows_is_wrapped_as_add_says(tmp_path, run, monkeypatch):
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "meanmodels.py").write_text(LEVELS, "utf-8")
    monkeypatch.syspath_prepend(tmp_path / "library")
    fitted = __import__("meanmodels").MeanResultsWrapper(7.0)
    written(tmp_path / "theirs", {"ols.pkl": fitted}, HOUSES.assign(price=HOUSES.area + 7))
    for brought in ("theirs", "theirs/ols.pkl"):
        code, _, err = run("add", brought, "--name", "m", "--yes")
        assert code == 1
        assert "`python -m second_opinion wrap theirs` writes a first one" in err
    _, out, _ = run("wrap", "theirs")
    command = out.splitlines()[-1].removeprefix("  python -m second_opinion ")
    assert run(*command.replace("NAME", "m").split(), "--yes")[0] == 0
    own = Registry(tmp_path / "model").load("m").predict(HOUSES)["value"]
    assert own.tolist() == (HOUSES.area + 7).tolist()


def test_a_number_of_the_row_is_no_input_of_a_model_without_names(tmp_path, run):
    """In `wrap`, in `add`, and in `add` with a scaler, which knows no names either."""
    table = HOUSES.assign(houseID=range(N))[["houseID", "area", "rooms", "price"]]
    X = HOUSES[["area", "rooms"]].to_numpy()
    scaler = StandardScaler().fit(X)
    bare, scaled = (LinearRegression().fit(Z, HOUSES.price) for Z in (X, scaler.transform(X)))
    written(tmp_path / "theirs", {"model.pkl": bare}, table)
    written(tmp_path / "parts", {"model.pkl": scaled, "scaler.pkl": scaler}, table)
    assert run("wrap", "theirs")[0] == 0
    told = ("--data", "theirs/train.csv", "--target", "price", "--yes")
    assert run("add", "theirs/predict.py", "--name", "a", *told)[0] == 0
    assert run("add", "theirs/model.pkl", "--name", "b", *told)[0] == 0
    parts = ("parts/model.pkl", "--before", "parts/scaler.pkl")
    assert run("add", *parts, "--name", "c", *told)[0] == 0
    for name in "abc":
        model = Registry(tmp_path / "model").load(name)
        assert "houseID" not in [feature.name for feature in model.card.features]
        answers = model.predict(table)["value"].astype(float)
        assert answers.tolist() == pytest.approx(bare.predict(X).tolist())


def test_columns_too_many_are_named_as_the_refusal_says(tmp_path, run):
    table = HOUSES.assign(size=1.0 + HOUSES.rooms)[["size", "area", "rooms", "price"]]
    model = LinearRegression().fit(HOUSES[["area", "rooms"]].to_numpy(), HOUSES.price)
    written(tmp_path / "theirs", {"model.pkl": model}, table)
    add = ("add", "theirs/model.pkl", "--name", "m", "--data", "theirs/train.csv", "--yes")
    code, _, err = run(*add, "--target", "price")
    assert code == 1
    assert "--columns columns.txt takes their names from a file, one a line" in err
    Path("columns.txt").write_text("area\nrooms\n", "utf-8")
    assert run(*add, "--target", "price", "--columns", "columns.txt")[0] == 0
