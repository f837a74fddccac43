"""Releases of scikit-learn: which runs here, and the command that leads to another one."""

import json
import pickle
import re
import sys

import pandas as pd
import pytest
import sklearn
from builders import ROOT
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from second_opinion import Registry, UserError
from second_opinion.cli.main import main
from second_opinion.models.formats import releases
from second_opinion.models.formats.model_file import ModelFile

HERE = releases.release_of(sklearn.__version__)
SETS = releases.requirement_sets()
OTHERS = [release for release in SETS if release != HERE]


@pytest.fixture(scope="module")
def fitted():
    """A model, and the cases and outcomes that it was trained on."""
    iris = load_iris(as_frame=True)
    return LogisticRegression(max_iter=500).fit(iris.data, iris.target), iris.data, iris.target


def as_if_by(version, model, path):
    """A file of the model as another scikit-learn writes it."""
    path.write_bytes(pickle.dumps(model, 2).replace(sklearn.__version__.encode(), version.encode()))
    return ModelFile.read(path)


@pytest.mark.parametrize("release", OTHERS)
@pytest.mark.parametrize("patch", ["", ".0", ".1", ".2rc1"])
def test_each_release_that_there_is_a_set_for_has_one_command(release, patch):
    said = releases.other_release(release + patch)
    commands = re.findall("`([^`]+)`", said)
    assert f"saved with scikit-learn {release}{patch}, and {sklearn.__version__} runs here" in said
    assert commands == [SETS[release].command]
    assert f"(for a host: {SETS[release].on_a_host})" in said
    assert (ROOT / SETS[release].file).is_file()


def test_a_patch_release_is_not_another_release():
    assert releases.other_release(f"{HERE}.99") == ""
    assert releases.other_release("") == ""


def test_a_set_for_other_pythons_says_which(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 13, 1))
    assert SETS["1.2"].command == "make run SKLEARN=1.2 PYTHON=python3.11"
    assert SETS["1.2"].on_a_host == "use requirements/sklearn-1.2.txt and Python 3.11"
    assert SETS["1.7"].command == "make run SKLEARN=1.7"


def test_the_newest_is_what_make_run_starts():
    newest = list(SETS.values())[-1]
    assert (newest.file, newest.command) == ("requirements.lock", "make run")
    assert newest.on_a_host == "use requirements.txt"


@pytest.mark.parametrize("version", ["1.1.3", "1.0.2", "0.24.2", "0.19"])
def test_what_is_older_than_all_sets_is_saved_again_or_wrapped(version):
    said = releases.other_release(version)
    assert "older than 1.2, the oldest that this program runs with" in said
    assert "train and save it again with scikit-learn 1.2 or later" in said
    assert "`python -m second_opinion wrap FOLDER`" in said
    assert "make run" not in said


@pytest.mark.parametrize("version", ["2.0.1", "1.99.0"])
def test_what_is_newer_than_all_sets_is_saved_again_or_wrapped(version):
    assert "newer than" in releases.other_release(version)


def test_without_the_sets_the_version_itself_is_named(monkeypatch, tmp_path):
    assert releases.requirement_sets(tmp_path) == {}
    monkeypatch.setattr(releases, "requirement_sets", dict)
    assert "Install scikit-learn 1.1.3, then add" in releases.other_release("1.1.3")


def test_the_version_is_known_before_anything_is_loaded(tmp_path, fitted):
    file = as_if_by(f"{OTHERS[0]}.0", fitted[0], tmp_path / "old.pkl")
    assert file.saved_by == f"{OTHERS[0]}.0"
    broken = ModelFile("cut.pkl", "pickle", file.content[:-2])
    assert broken.saved_by == f"{OTHERS[0]}.0"
    with pytest.raises(UserError, match=re.escape(SETS[OTHERS[0]].command)):
        broken.load()


@pytest.mark.parametrize("folder", sorted((ROOT / "tests/trials/models").glob("old-*")), ids=str)
def test_a_saved_model_of_another_age_is_refused_with_its_command_or_answers_as_there(
    folder, tmp_path, monkeypatch, capsys
):
    """`make try-sklearn` follows that command."""
    monkeypatch.setenv("MODEL_DIR", str(tmp_path))
    release = folder.name.removeprefix("old-")
    (model,) = folder.glob("model.*")
    train = folder / "train.csv"
    target = train.read_text("utf-8").partition("\n")[0].split(",")[-1]
    code = main(["add", str(model), "--name=old", f"--data={train}", "--target", target, "--yes"])
    said = capsys.readouterr().err
    if release != HERE:
        assert (code, list(tmp_path.iterdir())) == (1, [])
        assert re.findall("`([^`]+)`", said) == [SETS[release].command]
        assert said.count("\n") == 1
    else:
        assert (code, said) == (0, "")
        assert main(["score", str(folder / "new.csv"), "-o", str(tmp_path / "out.csv")]) == 0
        found = pd.read_csv(tmp_path / "out.csv")["prediction"]
        expected = pd.read_csv(folder / "want.csv")["prediction"]
        pd.testing.assert_series_equal(found, expected, rtol=1e-9)


@pytest.mark.parametrize("yes", [True, False])
def test_the_version_is_said_before_the_question_whether_to_load(
    tmp_path, fitted, capsys, monkeypatch, yes
):
    monkeypatch.setenv("MODEL_DIR", str(tmp_path / "model"))
    as_if_by("1.0.2", fitted[0], tmp_path / "old.pkl")
    code = main(["add", str(tmp_path / "old.pkl"), "--name=old", *(["--yes"] if yes else [])])
    said = capsys.readouterr()
    assert code == (0 if yes else 1)
    assert "made with scikit-learn 1.0.2" in said.out if yes else "saved with" in said.err


def test_only_what_the_model_raised_is_blamed_on_its_release():
    other = f"{OTHERS[0]}.0"
    with pytest.raises(UserError, match=r"^No such column\.$"), releases.blamed_on(other):
        raise UserError("No such column.")
    with (
        pytest.raises(UserError, match=rf"^It fails\. It was saved with scikit-learn {other}"),
        releases.blamed_on(other),
    ):
        raise UserError("It fails.") from AttributeError("_fill_dtype")
    with (
        pytest.raises(UserError, match=r"^It fails\.$"),
        releases.blamed_on(sklearn.__version__),
    ):
        raise UserError("It fails.") from AttributeError("_fill_dtype")


def as_demo_of(version, registry, name):
    """The model of the registry as a demo that another scikit-learn made."""
    path = registry.folder / name / "1/card.json"
    card = json.loads(path.read_text("utf-8"))
    card["artifact"]["scikit_learn"] = version
    path.write_text(json.dumps({**card, "demo": True}), "utf-8")


def test_the_demos_of_another_release_are_not_there(tmp_path, fitted):
    """They are committed as the newest scikit-learn wrote them: elsewhere nobody looked at them."""
    registry = Registry(tmp_path)
    for name in ("here", "other", "own"):
        registry.add(*fitted, name=name)
    as_demo_of(sklearn.__version__, registry, "here")
    as_demo_of(f"{OTHERS[0]}.0", registry, "other")
    assert registry.look().versions("other") == []
    assert {entry.name for entry in registry.look().entries(demos=True)} == {"here", "own"}


def test_a_folder_of_such_demos_alone_says_how_to_add_a_model(tmp_path, fitted):
    registry = Registry(tmp_path)
    registry.add(*fitted, name="other")
    as_demo_of(f"{OTHERS[0]}.0", registry, "other")
    with pytest.raises(UserError, match=r"holds no model\. Add one with"):
        registry.card()
    registry.add(*fitted, name="own")
    assert registry.card().name == "own"
