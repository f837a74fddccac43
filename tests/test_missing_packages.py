"""What the program says of a package that is not installed is followed until the work is done."""

import os
import re
import subprocess
import sys
import sysconfig
import venv
from importlib.metadata import files
from pathlib import Path

import pytest
import skops.io
from builders import ROOT
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from workbooks import workbook

pytestmark = pytest.mark.slow

LACKING = ("skops", "python-calamine")


class Lacking:
    """An environment with what this one has, but for some packages, and a folder to work in."""

    def __init__(self, folder):
        made = venv.EnvBuilder(with_pip=True).ensure_directories(folder / "venv")
        venv.create(folder / "venv", with_pip=True)
        self.python, self.folder = made.env_exe, folder
        hidden = {path.parts[0] for package in LACKING for path in files(package)}
        beside = folder / "packages"
        beside.mkdir()
        for entry in Path(sysconfig.get_path("purelib")).iterdir():
            if entry.name not in hidden and not entry.name.endswith(".pth"):
                (beside / entry.name).symlink_to(entry)
        paths = sysconfig.get_paths("venv", vars={"base": str(folder / "venv")})
        (Path(paths["purelib"]) / "beside.pth").write_text(str(beside))

    def run(self, *arguments):
        places = {
            "MODEL_DIR": str(self.folder / "models"),
            "FEEDBACK_DB": str(self.folder / "f.db"),
        }
        return subprocess.run(
            [self.python, "-m", *map(str, arguments)],
            cwd=ROOT,
            env=os.environ | places,
            capture_output=True,
            text=True,
            check=False,
        )

    def follow(self, said):
        """Do the one thing that a message says to run; skips where nothing can be fetched."""
        (command,) = set(re.findall(r"Run `(pip install [^`]+)`", said))
        done = self.run(*command.split(), "--disable-pip-version-check")
        if "connection broken" in done.stderr:
            pytest.skip(f"`{command}` reaches no package index")
        assert done.returncode == 0, done.stderr


@pytest.fixture
def lacking(tmp_path):
    if sys.prefix == sys.base_prefix:
        pytest.skip("the packages of this Python are not in an environment of their own")
    return Lacking(tmp_path)


@pytest.fixture
def iris(tmp_path):
    """A skops file with its training data, and a workbook of new cases."""
    X, y = load_iris(as_frame=True, return_X_y=True)
    skops.io.dump(LogisticRegression(max_iter=500).fit(X, y), tmp_path / "iris.skops")
    X.assign(kind=y).to_csv(tmp_path / "train.csv", index=False)
    cases = workbook([list(X), *X.head(3).to_numpy().tolist()])
    (tmp_path / "cases.xlsx").write_bytes(cases)
    add = ("add", tmp_path / "iris.skops", "--name", "iris", "--data", tmp_path / "train.csv")
    return (
        (*add, "--target", "kind", "--yes"),
        ("score", tmp_path / "cases.xlsx", "--model", "iris", "-o", tmp_path / "scored.csv"),
    )


def test_each_command_says_what_to_install_and_works_after_it(lacking, iris, tmp_path):
    for command in iris:
        refused = lacking.run("second_opinion", *command)
        assert refused.returncode == 1
        lacking.follow(refused.stderr)
        assert lacking.run("second_opinion", *command).returncode == 0
    assert len((tmp_path / "scored.csv").read_text().splitlines()) == 4


def test_doctor_says_one_command_for_all_that_is_not_installed(lacking):
    before = lacking.run("second_opinion", "doctor").stdout
    assert all(f"{package} is not installed" in before for package in LACKING)
    lacking.follow(before)
    assert "is not installed" not in lacking.run("second_opinion", "doctor").stdout
