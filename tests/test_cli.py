"""The commands: what they do, what they say, and how they end."""

import io
import json
import os
import pickle
import pty
import subprocess
import sys
import zipfile
from pathlib import Path

import click
import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from builders import ROOT
from sklearn.cluster import KMeans
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_diabetes, load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from second_opinion import Registry, UserError, settings
from second_opinion.cli import main

pytestmark = pytest.mark.usefixtures("empty_folder")


class Loud:
    """Unpickled, it leaves a mark: what must not happen before somebody said yes."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


class Answering(io.StringIO):
    """A terminal at which somebody types."""

    def isatty(self):
        return True


@pytest.fixture(scope="module")
def brought(tmp_path_factory):
    """What a data scientist brings: model files and CSV files, good and bad."""
    place = tmp_path_factory.mktemp("brought")
    frame = load_wine(as_frame=True).frame
    cases = frame[["alcohol", "ash"]].assign(
        shade=np.where(frame.color_intensity > 5, "deep", "pale"), flag=frame.hue > 1
    )
    barolo = (frame.target == 0).astype(int)
    columns = make_column_transformer(
        (StandardScaler(), ["alcohol", "ash"]), (OneHotEncoder(), ["shade", "flag"])
    )
    fitted = make_pipeline(columns, LogisticRegression()).fit(cases, barolo)
    joblib.dump(fitted, place / "wine.joblib")
    joblib.dump(fitted, place / "small.pkl", compress=3)
    joblib.dump(KNeighborsClassifier().fit(cases[["ash"]], barolo), place / "near.joblib")
    joblib.dump(KMeans(2, n_init=1).fit(cases[["ash"]]), place / "clusters.joblib")
    joblib.dump(make_pipeline(StandardScaler(), Ridge()), place / "unfitted.joblib")
    joblib.dump({"model": fitted}, place / "dict.joblib")
    whole = (place / "wine.joblib").read_bytes()
    (place / "cut.joblib").write_bytes(whole[: len(whole) // 2])
    (place / "empty.joblib").write_bytes(b"")
    (place / "page.joblib").write_text("<!DOCTYPE html><title>Sign in</title>", "utf-8")
    (place / "text.pkl").write_text("model", "utf-8")
    lfs = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
    (place / "lfs.joblib").write_text(lfs, "utf-8")
    (place / "module.pkl").write_bytes(b"\x80\x04cno_such_package\nThing\n.")
    (place / "boosted.pkl").write_bytes(b"\x80\x04cxgboost.sklearn\nXGBClassifier\n.")
    (place / "main.pkl").write_bytes(b"\x80\x04c__main__\nMyStep\n.")
    table = cases.assign(barolo=barolo.astype(float))
    table.loc[[3, 4], "barolo"] = np.nan
    table.to_csv(place / "wine.csv", index=False)
    table.rename(columns={"ash": "Ash content"}).to_csv(place / "renamed.csv", index=False)
    table.assign(shade=1.5).to_csv(place / "odd.csv", index=False)
    table[:0].to_csv(place / "header.csv", index=False)
    (place / "workbook.csv").write_bytes(b"PK\x03\x04")
    diabetes = load_diabetes(as_frame=True, scaled=False)
    joblib.dump(Ridge().fit(diabetes.data, diabetes.target), place / "dose.joblib")
    diabetes.frame.to_csv(place / "dose.csv", index=False)
    return place


@pytest.fixture
def add(run, brought):
    """Adds a model file with data; without more, the wine pipeline as wine."""

    def add(*more, file="wine.joblib", name="wine", data="wine.csv", target="barolo", ask=False):
        source = ("--data", brought / data, "--target", target)
        yes = () if ask else ("--yes",)
        return run("add", brought / file, "--name", name, *source, *yes, *more)

    return add


@pytest.fixture
def wine(add):
    """The registry with wine/1 in it."""
    assert add()[0] == 0


def files(empty_folder):
    return {
        p.relative_to(empty_folder): p.read_bytes() for p in empty_folder.rglob("*") if p.is_file()
    }


# --- add


def test_add_says_what_it_understood_and_what_is_next(add, empty_folder, brought):
    code, out, err = add()
    assert (code, err) == (0, "")
    for expected in (
        f"Added wine/1, wine@champion in {empty_folder}/wine/1",
        "binary, predicts barolo: 0 (not barolo) and 1 (barolo); the event is barolo",
        f"176 of {brought}/wine.csv; 2 without a value in barolo left out",
        "summaries of each column; no rows of the data were stored",
        "wine is the default model now.",
        "Next: streamlit run Home.py",
    ):
        assert expected in out
    table = [line.split() for line in out.splitlines()]
    assert ["alcohol", "number", "11.03", "to", "14.83", "13.05", "no"] in table
    assert ["shade", "category", "deep,", "pale", "pale", "no"] in table


def test_an_added_model_answers_as_the_file_does(add, empty_folder, brought):
    add()
    cases = pd.read_csv(brought / "wine.csv").drop(columns="barolo")
    expected = joblib.load(brought / "wine.joblib").predict_proba(cases)[:, 1]
    answers = Registry(empty_folder).load("wine").predict(cases)["probabilities"]
    assert [pair[1] for pair in answers] == expected.tolist()


def test_the_file_in_the_registry_is_the_one_that_was_given(add, empty_folder, brought):
    add(file="small.pkl")
    stored = empty_folder / "wine/1/model.joblib"
    assert stored.read_bytes() == (brought / "small.pkl").read_bytes()


def test_the_card_names_the_scikit_learn_that_saved_the_file(add, empty_folder, brought):
    old = pickle.dumps(joblib.load(brought / "wine.joblib"), protocol=2)
    old = old.replace(sklearn.__version__.encode(), b"1.0.0")
    (empty_folder.parent / "old.pkl").write_bytes(old)
    assert "scikit-learn 1.0.0" in add(file=empty_folder.parent / "old.pkl")[1]
    assert Registry(empty_folder).card("wine").artifact.scikit_learn == "1.0.0"


def test_add_as_json_is_for_programs(add, empty_folder):
    code, out, _ = add("--json", "--reference", "rows", "--alias", "best", "--title", "Barolo?")
    found = json.loads(out)
    assert code == 0
    assert found["model"] == "wine/1"
    assert found["folder"] == str(empty_folder / "wine/1")
    assert sorted(found["aliases"]) == ["best", "champion"]
    counts = found["rows"], found["rows_left_out"], found["rows_stored"]
    assert counts == (176, 2, 176)
    assert (found["default"], found["card"]["title"]) == (True, "Barolo?")
    assert [f["kind"] for f in found["card"]["features"]] == [
        *("number", "number", "category", "boolean")
    ]


def test_add_tells_how_many_rows_were_stored(add):
    assert "176 rows of the data and summaries" in add("--reference", "rows")[1]


def test_add_does_not_claim_that_a_file_full_of_rows_holds_none(add):
    _, out, _ = add(file="near.joblib")
    assert "no rows of the data were stored" not in out
    assert "holds training rows itself" in out


def test_add_takes_a_regression(add):
    code, out, _ = add(file="dose.joblib", name="dose", data="dose.csv", target="target")
    assert code == 0
    assert "regression, predicts the number target" in out
    assert "R²" in out


@pytest.mark.slow
def test_the_first_own_model_hides_the_demos_and_says_so(add, empty_folder, brought, run):
    cases = load_diabetes(as_frame=True)
    demo = Ridge().fit(cases.data, cases.target)
    Registry(empty_folder).add(demo, cases.data, cases.target, name="demo", card={"demo": True})
    _, out, _ = add()
    assert "wine is the default model now.\nThe demo models are hidden now" in out
    _, out, _ = add(name="second")
    assert "default" not in out
    assert "hidden" not in out
    assert "demo " not in run("models")[1].split("*")[0]
    assert "demo  " in run("models", "--all")[1]


@pytest.mark.slow
def test_the_next_version_counts_on(add):
    add()
    _, out, _ = add()
    assert "Added wine/2 in" in out
    assert "default" not in out
    assert "Added wine/2026-11 in" in add("--version", "2026-11")[1]
    code, _, err = add("--version", "2")
    assert (code, "wine has a version 2 already" in err) == (1, True)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"file": "none.joblib"}, "none.joblib cannot be read"),
        ({"file": "empty.joblib"}, "empty.joblib is empty"),
        ({"file": "page.joblib"}, "page.joblib is a web page or XML. Download the file itself"),
        (
            {"file": "lfs.joblib"},
            "is a pointer of Git LFS, not the file itself. Run `git lfs pull`",
        ),
        ({"file": "text.pkl"}, "text.pkl is not a joblib or pickle file"),
        ({"file": "wine.csv"}, "wine.csv is not a joblib or pickle file"),
        ({"file": "cut.joblib"}, "cut.joblib cannot be loaded: it is damaged or cut off"),
        ({"file": "module.pkl"}, "it needs the package 'no_such_package', which is not here"),
        ({"file": "main.pkl"}, "it needs something that was defined in a notebook or script"),
        ({"file": "dict.joblib"}, "The file holds a dict; say which part is the model: "),
        ({"file": "clusters.joblib"}, "The file holds a KMeans; expected a trained classifier"),
        ({"file": "unfitted.joblib"}, "The Pipeline is not trained yet"),
        ({"data": "none.csv"}, "none.csv cannot be read"),
        ({"data": "workbook.csv"}, "is a zip archive, but no workbook"),
        ({"data": "header.csv"}, "header.csv has a header and no rows"),
        ({"data": "renamed.csv"}, "no column 'ash' that the model was trained on"),
        ({"data": "odd.csv"}, "The Pipeline cannot predict the data (ValueError: Found unknown"),
        ({"target": "Barolo "}, 'no column "Barolo "; it has'),
        ({"target": "shade"}, "The model was trained with 'shade' as an input"),
        ({"name": "Wine!"}, "The name 'Wine!' will not do"),
    ],
)
def test_add_refuses_in_plain_lines_and_leaves_nothing(add, empty_folder, given, said):
    code, out, err = add(**given)
    assert (code, out) == (1, "")
    assert said in err
    assert list(empty_folder.iterdir()) == []


@pytest.mark.parametrize("share", range(1, 20))
def test_a_file_cut_off_anywhere_is_refused(add, empty_folder, brought, share):
    for source in ("wine.joblib", "small.pkl"):
        whole = (brought / source).read_bytes()
        (empty_folder.parent / source).write_bytes(whole[: len(whole) * share // 20])
        code, out, err = add(file=empty_folder.parent / source)
        assert (code, out, list(empty_folder.iterdir())) == (1, "", [])
        assert err.count("\n") == 1


def test_add_asks_before_it_loads_and_no_is_the_default(
    add, empty_folder, monkeypatch, run, brought
):
    mark = empty_folder.parent / "ran"
    (empty_folder.parent / "loud.pkl").write_bytes(pickle.dumps(Loud(mark)))
    for answer in ("n\n", "\n", "no\n", ""):
        monkeypatch.setattr(sys, "stdin", Answering(answer))
        code, out, err = add(file=empty_folder.parent / "loud.pkl", ask=True)
        assert code == 1
        assert out == ""
        assert "such a file is code" in err
        assert not mark.exists()
    monkeypatch.setattr(sys, "stdin", Answering("y\n"))
    assert add(file=empty_folder.parent / "loud.pkl", ask=True)[0] == 1
    assert mark.exists()


def test_add_asks_on_a_terminal_for_what_experts_read_first(
    add, empty_folder, monkeypatch, brought
):
    answers = "y\nIs it a Barolo?\n\n  Not for Asti. \n"
    monkeypatch.setattr(sys, "stdin", Answering(answers))
    code, _, err = add(ask=True)
    assert code == 0
    assert "What is the model for?" in err
    card = Registry(empty_folder).card("wine")
    texts = (card.target.description, card.intended_use, card.limits)
    assert texts == ("Is it a Barolo?", "", "Not for Asti.")
    # What the version before says is not asked for again.
    monkeypatch.setattr(sys, "stdin", Answering("y\nFor buyers.\n"))
    code, _, err = add(ask=True)
    assert code == 0
    assert "What are experts asked?" not in err
    card = Registry(empty_folder).card("wine/2")
    texts = (card.target.description, card.intended_use, card.limits)
    assert texts == ("Is it a Barolo?", "For buyers.", "Not for Asti.")


def test_add_takes_what_experts_read_first_and_asks_for_nothing_else(
    add, empty_folder, monkeypatch
):
    texts = ("--question", "Is it?", "--use", "For buyers.", "--limits", "Not Asti.")
    monkeypatch.setattr(sys, "stdin", Answering("y\n"))
    assert add(*texts, ask=True)[0] == 0
    card = Registry(empty_folder).card("wine")
    said = (card.target.description, card.intended_use, card.limits)
    assert said == ("Is it?", "For buyers.", "Not Asti.")


@pytest.mark.parametrize("silent", [("--yes",), ("--yes", "--json")])
def test_nobody_is_asked_who_wants_no_questions(add, empty_folder, monkeypatch, silent):
    monkeypatch.setattr(sys, "stdin", Answering(""))
    assert add(*silent)[0] == 0
    assert Registry(empty_folder).card("wine").limits == ""


def test_add_without_a_terminal_says_what_to_do(add, empty_folder, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    code, _, err = add(ask=True)
    assert (code, list(empty_folder.iterdir())) == (1, [])
    assert "There is no terminal to ask on. Nothing was added. Say --yes if you agree." in err


def test_what_is_wrong_with_the_data_is_said_before_anything_is_loaded(add, empty_folder):
    mark = empty_folder.parent / "ran"
    (empty_folder.parent / "loud.pkl").write_bytes(pickle.dumps(Loud(mark)))
    assert add(file=empty_folder.parent / "loud.pkl", target="nothing")[0] == 1
    assert not mark.exists()


def test_add_without_data_says_what_it_could_not_know(run, empty_folder, brought):
    code, out, _ = run("add", brought / "wine.joblib", "--name", "wine", "--yes")
    assert code == 0
    assert "The range of alcohol and ash: no value there can be flagged" in out
    assert "How often it is right, and what it looks at most" in out
    assert "none were given" in out
    table = [line.split() for line in out.splitlines()]
    assert ["shade", "category", "deep,", "pale", "deep", "no"] in table
    assert ["flag", "boolean", "no", "no"] in table
    card = Registry(empty_folder).card("wine")
    cases = pd.read_csv(brought / "wine.csv").drop(columns="barolo")
    answers = Registry(empty_folder).load("wine").predict(cases)["probabilities"]
    expected = joblib.load(brought / "wine.joblib").predict_proba(cases)[:, 1]
    assert [pair[1] for pair in answers] == expected.tolist()
    assert card.data == {
        "rows": 0,
        "sha256": "",
        "description": "Added without its training data.",
    }


def test_add_without_data_is_the_same_for_programs(run, brought):
    code, out, _ = run("add", brought / "dose.joblib", "--name", "dose", "--yes", "--json")
    found = json.loads(out)
    assert (code, found["rows"], found["rows_left_out"], found["rows_stored"]) == (0, 0, 0, 0)
    assert len(found["card"]["features"]) == 10
    assert found["card"]["unknown"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--data", "wine.csv"), "The data needs its target: --target COLUMN"),
        (("--reference", "rows"), "--reference rows needs the rows: --data train.csv"),
    ],
)
def test_add_says_which_option_is_missing(run, empty_folder, brought, given, said):
    code, _, err = run("add", brought / "wine.joblib", "--name", "wine", *given)
    assert code == 2
    assert said in err
    assert list(empty_folder.iterdir()) == []


def test_add_says_what_the_model_looks_at(add):
    assert "mostly Alcohol" in add()[1]


def test_a_library_that_is_not_installed_is_named(add, empty_folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "xgboost", None)
    code, _, err = add(file="boosted.pkl")
    assert (code, list(empty_folder.iterdir())) == (1, [])
    assert "it needs the package 'xgboost', which is not here. Install it" in err


# --- add: skops


TREE = "sklearn.tree._tree.Tree"


@pytest.fixture(scope="module")
def skops_files(brought):
    """Models as skops files, good and bad, beside the other files that were brought."""
    sio = pytest.importorskip("skops.io", reason="skops is in requirements.txt; run `make test`")
    fitted = joblib.load(brought / "wine.joblib")
    known = pd.read_csv(brought / "wine.csv").dropna()
    inputs, barolo = known.drop(columns="barolo"), known.barolo.astype(int)
    forest = make_pipeline(fitted[0], RandomForestClassifier(3, random_state=0))
    function = make_pipeline(FunctionTransformer(np.asarray), LogisticRegression())
    sio.dump(fitted, brought / "wine.skops")
    sio.dump(forest.fit(inputs, barolo), brought / "forest.skops")
    sio.dump(function.fit(inputs[["ash"]], barolo), brought / "function.skops")
    sio.dump({"model": fitted[-1]}, brought / "dict.skops")
    whole = (brought / "forest.skops").read_bytes()
    (brought / "cut.skops").write_bytes(whole[: len(whole) // 2])
    tree, here = b"sklearn.tree._tree", sklearn.__version__.encode()
    schemas = {
        "main": lambda text: text.replace(tree, b"__main__"),
        "absent": lambda text: text.replace(tree, b"no_such_package"),
        "gone": lambda text: text.replace(here, b"1.0.0").replace(b'"Tree"', b'"Gone"'),
        "older": lambda text: text.replace(here, b"1.0.0"),
        "broken": lambda text: text[: len(text) // 2],
        "zip": lambda text: None,
    }
    for name, change in schemas.items():
        (brought / f"{name}.skops").write_bytes(_with_schema(whole, change))
    return brought


def _with_schema(content, change):
    """A skops file with another schema, or none."""
    source, buffer = zipfile.ZipFile(io.BytesIO(content)), io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name in source.namelist():
            part = change(source.read(name)) if name == "schema.json" else source.read(name)
            if part is not None:
                made.writestr(name, part)
    return buffer.getvalue()


def test_a_skops_file_is_added_and_answers_as_it_did(add, empty_folder, skops_files):
    assert add(file="wine.skops", ask=True)[0] == 0
    card = Registry(empty_folder).card("wine")
    assert (card.artifact.format, card.artifact.file) == ("skops", "model.skops")
    assert card.artifact.trusted == ()
    stored = (empty_folder / "wine/1/model.skops").read_bytes()
    assert stored == (skops_files / "wine.skops").read_bytes()
    cases = pd.read_csv(skops_files / "wine.csv").drop(columns="barolo")
    expected = joblib.load(skops_files / "wine.joblib").predict_proba(cases)[:, 1]
    answers = Registry(empty_folder).load("wine").predict(cases)["probabilities"]
    assert [pair[1] for pair in answers] == expected.tolist()


@pytest.mark.slow
def test_types_of_the_libraries_are_shown_agreed_to_and_kept(
    add, empty_folder, skops_files, monkeypatch
):
    monkeypatch.setattr(sys, "stdin", Answering("n\n"))
    code, _, err = add(file="forest.skops", ask=True)
    assert (code, list(empty_folder.iterdir())) == (1, [])
    assert "It holds no code, but these types" in err
    assert f"\n  {TREE}\n" in err
    monkeypatch.setattr(sys, "stdin", Answering("y\n\n\n\n"))
    code, out, _ = add(file="forest.skops", ask=True)
    assert code == 0
    assert f"Trusts     {TREE}" in out
    assert Registry(empty_folder).card("wine").artifact.trusted == (TREE,)
    assert Registry(empty_folder).verify("wine") == []
    assert add(file="forest.skops")[0] == 0


def test_a_function_is_trusted_only_by_its_name(add, empty_folder, skops_files, monkeypatch):
    code, _, err = add(file="function.skops")
    assert (code, list(empty_folder.iterdir())) == (1, [])
    assert "holds numpy.asarray, which may be anybody's. Nothing was added." in err
    assert "say --trust numpy.asarray" in err
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert "--trust numpy.asarray" in add(file="function.skops", ask=True)[2]
    assert add("--trust", "numpy.array", file="function.skops")[0] == 1
    assert list(empty_folder.iterdir()) == []
    assert add("--trust", "numpy.asarray", file="function.skops")[0] == 0
    assert Registry(empty_folder).card("wine").artifact.trusted == ("numpy.asarray",)


def test_a_type_that_the_card_does_not_trust_is_not_loaded_from_the_registry(
    add, empty_folder, skops_files
):
    add(file="forest.skops")
    Registry(empty_folder).load("wine")
    path = empty_folder / "wine/1/card.json"
    card = json.loads(path.read_text("utf-8"))
    card["artifact"]["trusted"] = []
    path.write_text(json.dumps(card), "utf-8")
    with pytest.raises(UserError, match=f"holds {TREE}, which its card does not trust"):
        Registry(empty_folder).load("wine")


def test_trust_is_for_skops_files(add, empty_folder):
    code, _, err = add("--trust", TREE)
    assert (code, list(empty_folder.iterdir())) == (2, [])
    assert "--trust is for skops files" in err


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("cut.skops", "without the schema of a skops file: it is damaged or cut off"),
        ("zip.skops", "without the schema of a skops file"),
        ("broken.skops", "cannot be loaded: it is damaged or cut off"),
        ("main.skops", "it needs something that was defined in a notebook or script"),
        ("absent.skops", "it needs the package 'no_such_package', which is not here"),
        ("gone.skops", "saved with scikit-learn 1.0.0, and"),
        ("dict.skops", "The file holds a dict; say which part is the model: "),
    ],
)
def test_add_refuses_a_skops_file_in_one_line_and_leaves_nothing(
    add, empty_folder, skops_files, file, said
):
    code, out, err = add(file=file)
    assert (code, out, list(empty_folder.iterdir())) == (1, "", [])
    assert said in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("share", range(1, 10))
def test_a_skops_file_cut_off_anywhere_is_refused(add, empty_folder, skops_files, share):
    whole = (skops_files / "forest.skops").read_bytes()
    for name in ("part.skops", "part.joblib"):
        (empty_folder.parent / name).write_bytes(whole[: len(whole) * share // 10])
        code, _, err = add(file=empty_folder.parent / name)
        assert (code, list(empty_folder.iterdir()), err.count("\n")) == (1, [], 1)


def test_a_skops_file_of_another_scikit_learn_keeps_its_warning(add, empty_folder, skops_files):
    assert "scikit-learn 1.0.0" in add(file="older.skops")[1]
    (warning,) = Registry(empty_folder).load("wine").warnings
    assert "made with scikit-learn 1.0.0" in warning


# --- add: MLflow


def test_a_uri_without_a_server_says_what_to_set(run, empty_folder, monkeypatch):
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
        monkeypatch.delenv(name, raising=False)
    for uri in ("models:/wine/1", "models:/wine@prod", "runs:/abc/model"):
        code, _, err = run("add", uri, "--name", "wine", "--yes")
        assert (code, list(empty_folder.iterdir())) == (1, [])
        assert "Set MLFLOW_TRACKING_URI" in err


# --- remove


def test_remove_takes_out_a_version_then_the_model(add, run, empty_folder):
    add()
    add()
    assert run("remove", "wine", "2", "--yes") == (0, "Removed wine/2.\n", "")
    assert run("remove", "wine", "--yes")[1] == "Removed wine/1.\nNo model is left.\n"
    assert Registry(empty_folder).look().entries() == []


def test_remove_says_what_is_the_default_now(add, run):
    add()
    add(name="second")
    assert run("remove", "wine", "--yes")[1].endswith("second is the default model now.\n")


def test_remove_says_that_the_champion_is_gone(add, run):
    add()
    add()
    assert "wine has no champion any more; wine/2" in run("remove", "wine", "1", "--yes")[1]


def test_remove_asks_and_without_a_terminal_refuses(wine, run, empty_folder, monkeypatch):
    before = files(empty_folder)
    monkeypatch.setattr(sys, "stdin", Answering("n\n"))
    assert run("remove", "wine")[0] == 1
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    code, _, err = run("remove", "wine")
    assert code == 1
    assert "Nothing was removed. Say --yes" in err
    assert files(empty_folder) == before


@pytest.mark.slow
@pytest.mark.parametrize("named", [["wien"], ["wine", "7"], ["../model"], [""]])
def test_remove_of_what_is_not_there_says_what_is(wine, run, named):
    code, _, err = run("remove", *named, "--yes")
    assert code == 1
    assert "wine" in err or "7" in err


# --- models, verify


@pytest.mark.slow
def test_models_lists_names_versions_aliases_and_the_default(add, run):
    add()
    add("--alias", "challenger")
    rows = [line.split() for line in run("models")[1].splitlines()]
    made = ["scikit-learn", sklearn.__version__]
    assert rows[1] == ["wine", "*", "1", "champion", "binary", "Wine", *made, "intact"]
    assert rows[2] == ["wine", "*", "2", "challenger", "binary", "Wine", *made, "intact"]


@pytest.mark.slow
def test_models_tells_changed_missing_and_broken_apart(add, run, empty_folder):
    for name in ("changed", "missing", "broken"):
        add(name=name)
    (empty_folder / "changed/1/model.joblib").write_bytes(b"x")
    (empty_folder / "missing/1/model.joblib").unlink()
    (empty_folder / "broken/1/card.json").write_text("{", "utf-8")
    code, out, _ = run("models")
    state = {line.split()[0]: line for line in out.splitlines() if line and line[0] not in "*N"}
    assert code == 0
    assert state["changed"].endswith("CHANGED")
    assert state["missing"].endswith("MISSING")
    assert "BROKEN" in state["broken"]
    assert f"broken/1 is broken: {empty_folder}/broken/1/card.json is not valid JSON" in out
    found = {row["name"]: row for row in json.loads(run("models", "--json")[1])}
    assert (found["changed"]["file"], found["missing"]["file"]) == ("changed", "missing")
    assert "card.json" in found["broken"]["fault"]


def test_models_of_an_empty_folder_says_how_to_begin(run):
    code, out, _ = run("models")
    assert (code, "holds no model yet. Add one with" in out) == (0, True)
    assert json.loads(run("models", "--json")[1]) == []


def test_names_from_files_cannot_move_the_cursor(add, run, empty_folder):
    add("--title", "Wine\x1b[2J\x07")
    assert not {"\x1b", "\x07"} & set(run("models")[1])
    (empty_folder / "wine/1/card.json").write_text('{"name": "\\u001b[2J"}', "utf-8")
    assert "\x1b" not in "".join(run("verify")[1:])


@pytest.mark.slow
def test_verify_checks_all_and_ends_with_one_when_any_is_wrong(add, run, empty_folder):
    for name in ("good", "changed", "broken"):
        add(name=name)
    assert run("verify")[0] == 0
    (empty_folder / "changed/1/model.joblib").write_bytes(b"x")
    (empty_folder / "broken/1/card.json").write_text("{", "utf-8")
    code, out, err = run("verify")
    assert code == 1
    assert [line.split() for line in out.splitlines()[1:]] == [
        ["broken/1", "not", "right"],
        ["changed/1", "not", "right"],
        ["good/1", "ok"],
    ]
    assert "changed/1: " in err
    assert "is not the file that was added" in err
    assert "card.json is not valid JSON" in err
    found = json.loads(run("verify", "--json")[1])
    assert [(row["model"], row["ok"]) for row in found] == [
        *(("broken/1", False), ("changed/1", False), ("good/1", True))
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("named", "checked"),
    [
        ("wine", ["wine/1", "wine/2"]),
        ("wine/2", ["wine/2"]),
        ("wine@champion", ["wine/1"]),
        ("", ["other/1", "wine/1", "wine/2"]),
    ],
)
def test_verify_takes_a_model_a_version_or_all(add, run, named, checked):
    add()
    add()
    add(name="other")
    found = json.loads(run("verify", *filter(None, [named]), "--json")[1])
    assert [row["model"] for row in found] == checked


def test_verify_reports_broken_aliases(wine, run, empty_folder):
    (empty_folder / "wine/aliases.json").write_text("{", "utf-8")
    code, _, err = run("verify")
    assert (code, "aliases.json cannot be read" in err) == (1, True)


def test_verify_of_nothing_is_not_a_success(run, wine, empty_folder):
    assert run("verify", "wien")[0] == 1
    run("remove", "wine", "--yes")
    code, _, err = run("verify")
    assert (code, "holds no model" in err) == (1, True)


# --- doctor


def test_doctor_prints_every_check_and_fails_on_a_problem(wine, run, empty_folder):
    code, out, _ = run("doctor")
    assert code == 0
    assert f"{empty_folder} (environment)" in out
    assert "0 problems and" in out
    (empty_folder / "wine/1/model.joblib").write_bytes(b"x")
    code, out, _ = run("doctor", "--json")
    found = {check["name"]: check for check in json.loads(out)}
    assert code == 1
    assert found["model wine/1"]["state"] == "problem"
    assert set(found["model wine/1"]) == {"name", "state", "found", "todo"}


def test_a_warning_alone_is_no_failure(wine, run, monkeypatch):
    monkeypatch.setenv("DURABLE", "0")
    code, out, _ = run("doctor")
    assert (code, "→ Set FEEDBACK_DB to a file on a disk that stays" in out) == (0, True)


def test_settings_come_from_the_secrets_too(run, empty_folder, monkeypatch):
    monkeypatch.delenv("MODEL_DIR")
    secrets = f'[second_opinion]\nmodel_dir = "{empty_folder.parent}/elsewhere"\n'
    settings.SECRETS.write_text(secrets, "utf-8")
    code, _, err = run("models")
    assert (code, f"{empty_folder.parent}/elsewhere" in err) == (1, True)
    settings.SECRETS.write_text("[", "utf-8")
    code, _, err = run("models")
    assert (code, "secrets.toml cannot be read" in err) == (1, True)


# --- the program


@pytest.mark.parametrize(("name", "command"), list(main.commands.commands.items()))
def test_every_command_and_option_is_documented(name, command):
    assert command.get_short_help_str(100)
    assert not command.get_short_help_str(100).endswith("...")
    for option in (p for p in command.params if isinstance(p, click.Option)):
        assert option.help, f"{name} {option.opts[0]} has no help"
    for argument in (p for p in command.params if isinstance(p, click.Argument)):
        names = (argument.name.upper(), argument.human_readable_name)
        assert any(name in command.help for name in names)


def test_the_commands_are_those_that_work():
    files = ["add", "doctor", "models", "promote", "remove", "rollback", "split", "verify"]
    assert sorted(main.commands.commands) == sorted(
        [*files, "backup", "close", "export", "restore", "plan", "score", "status", "wrap"]
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Usage:"),
        (["modls"], "Did you mean 'models'?"),
        (["models", "--jsn"], "Did you mean '--json'?"),
        (["add"], "Missing argument 'FILE'"),
        (["add", "x"], "Missing option '--name'"),
        (["add", "x", "--name", "y", "--reference", "all"], "'summary', 'rows'"),
        (["doctor", "--host", "heroku"], "community-cloud"),
        (["remove"], "Missing argument 'NAME'"),
        (["models", "extra"], "unexpected extra argument"),
    ],
)
def test_wrong_usage_ends_with_two(run, arguments, said):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert said in err


@pytest.mark.parametrize("arguments", [["--help"], ["add", "-h"], ["doctor", "--help"]])
def test_help_is_printed(run, arguments):
    code, out, _ = run(*arguments)
    assert (code, "Usage: python -m second_opinion" in out) == (0, True)


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (UserError("Do this."), "Do this.\n"),
        (PermissionError(13, "Permission denied", "/srv/model"), "/srv/model: Permission denied."),
        (KeyError("x"), "A fault of this program: KeyError in test_cli.py, line "),
        (RuntimeError("a\nb"), ": a. Report this line and your command"),
        (KeyboardInterrupt(), "Stopped."),
    ],
)
def test_whatever_happens_is_said_in_one_line(run, monkeypatch, raised, said):
    def broken(*arguments, **named):
        raise raised

    monkeypatch.setattr(Registry, "look", broken)
    code, out, err = run("models")
    assert (code, out) == (1, "")
    assert said in err
    assert len(err.strip().splitlines()) == 1


def program(*arguments, **options):
    command = [sys.executable, "-m", "second_opinion", *map(str, arguments)]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False, **options
    )


@pytest.mark.slow
def test_the_program_adds_and_ends_with_nothing(brought, empty_folder):
    source = ("--data", brought / "wine.csv", "--target", "barolo")
    done = program("add", brought / "wine.joblib", "--name", "wine", *source, "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert Registry(empty_folder).verify("wine") == []


@pytest.mark.slow
def test_the_program_refuses_with_one_and_debug_shows_the_place():
    done = program("remove", "wien", "--yes")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "There is no model 'wien'; there are none.\n"
    done = program("--debug", "remove", "wien", "--yes")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "catalog.py" in done.stderr


@pytest.mark.slow
def test_a_reader_that_has_left_hears_no_complaint(wine):
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "second_opinion", "models"]
    done = subprocess.run(
        command, cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, timeout=60, check=False
    )
    os.close(writer)
    assert done.stderr == b""


@pytest.mark.slow
def test_on_a_terminal_it_asks_and_shows_what_takes_long(brought, empty_folder):
    """A real terminal: typing y loads the model, and the progress line is gone at the end."""
    master, terminal = pty.openpty()
    arguments = ["add", str(brought / "wine.joblib"), "--name", "wine", "--target", "barolo"]
    arguments += ["--data", str(brought / "wine.csv")]
    process = subprocess.Popen(
        [sys.executable, "-m", "second_opinion", *arguments],
        cwd=ROOT,
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=terminal,
    )
    os.close(terminal)
    os.write(master, b"y\n\n\n\n")
    out, _ = process.communicate(timeout=60)
    said = os.read(master, 65536).decode()
    os.close(master)
    assert process.returncode == 0
    assert "Load it? [y/N]: " in said
    assert "Trying the model on 176 rows …" in said
    assert said.endswith("\r\x1b[K")
    assert b"Added wine/1" in out
