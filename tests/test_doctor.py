"""What the doctor looks at, here and for Streamlit Community Cloud."""

import json
import re
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import sklearn
from builders import case
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from second_opinion import Registry, UserError, settings
from second_opinion.doctor import cloud, machine
from second_opinion.doctor.check import MB, Check, resident
from second_opinion.doctor.machine import durability
from second_opinion.models.formats import releases
from second_opinion.settings import Settings, names
from second_opinion.store import Store, lock_trial

HOSTS = ("SPACE_ID", "DYNO")
IGNORED = ".streamlit/secrets.toml\nfeedback.db*\n"


@pytest.fixture(autouse=True)
def bare(monkeypatch, tmp_path):
    """No host, no setting, no secrets, and a disk that stays."""
    for name in (*(name.upper() for name in names()), *HOSTS):
        monkeypatch.delenv(name, raising=False)
    for module in (settings, machine, cloud):
        monkeypatch.setattr(module, "SECRETS", tmp_path / "secrets.toml")
    monkeypatch.setattr(machine, "MOUNTS", tmp_path / "mounts")
    (tmp_path / "mounts").write_text("/dev/sda / ext4 rw 0 0\n", "utf-8")


@pytest.fixture(scope="session")
def one_model(tmp_path_factory):
    """A registry folder with one version of one model, iris/1."""
    iris = load_iris(as_frame=True)
    folder = tmp_path_factory.mktemp("doctor") / "model"
    fitted = LogisticRegression(max_iter=500).fit(iris.data, iris.target)
    Registry(folder).add(fitted, iris.data, iris.target, name="iris")
    return folder


@pytest.fixture
def home(tmp_path, monkeypatch, one_model):
    """A project with all that it needs, and the settings that lead to it."""
    home = tmp_path / "home"
    shutil.copytree(one_model, home / "model")
    (home / ".streamlit").mkdir()
    (home / ".streamlit/config.toml").write_text("[browser]\ngatherUsageStats = false\n", "utf-8")
    (home / "requirements.txt").write_text(f"numpy=={np.__version__}\n", "utf-8")
    (home / "Home.py").write_text("import streamlit as st\n", "utf-8")
    (home / ".gitignore").write_text(IGNORED, "utf-8")
    monkeypatch.setenv("MODEL_DIR", str(home / "model"))
    monkeypatch.setenv("FEEDBACK_DB", str(home / "feedback.db"))
    return home


def git(folder, *command):
    subprocess.run(["git", "-C", str(folder), *command], check=True, capture_output=True)


@pytest.fixture
def repository(home, monkeypatch):
    """The same in git, without the time that a fresh process takes to weigh it."""
    git(home, "init")
    git(home, "add", "-A")
    monkeypatch.setattr(cloud, "_memory", lambda settings, home: Check("memory", "ok", "light"))
    return home


def found(checks, name):
    """The checks of one name."""
    return [check for check in checks if check.name == name]


def unlike(checks, state):
    return [check for check in checks if check.state != state]


# --- here


def test_a_healthy_project_has_nothing_to_do(home):
    assert unlike(machine.examine(home=home), "ok") == []


def test_each_version_that_may_answer_first_is_named(home):
    iris = home / "model/iris"
    (told,) = found(machine.examine(home=home), "models")
    assert told.found.endswith("; iris/1 is shown first")
    shutil.copytree(iris / "1", iris / "2")
    card = json.loads((iris / "2/card.json").read_text("utf-8")) | {"version": "2"}
    (iris / "2/card.json").write_text(json.dumps(card), "utf-8")
    (iris / "aliases.json").write_text('{"champion": {"1": 0.5, "2": 0.5}}', "utf-8")
    (told,) = found(machine.examine(home=home), "models")
    assert told.found.endswith("; iris/1 or iris/2 is shown first")


def test_every_setting_is_told_with_where_it_comes_from(home, monkeypatch):
    secrets = settings.SECRETS
    secrets.write_text('[second_opinion]\nmodel = "iris"\n', "utf-8")
    checks = machine.examine(home=home)
    assert found(checks, "MODEL")[0].found == "iris (secrets)"
    assert found(checks, "MODEL_DIR")[0].found == f"{home / 'model'} (environment)"
    assert found(checks, "DURABLE")[0].found == "not set (default)"


def test_a_disk_without_locks_is_a_problem_whatever_durable_says(home, monkeypatch):
    monkeypatch.setattr(lock_trial, "VFS", "unix-none")
    monkeypatch.setenv("FEEDBACK_DB", str(home / "feedback.db"))
    monkeypatch.setenv("DURABLE", "1")
    checks = {check.name: check for check in machine.examine(home=home)}
    assert checks["locks"].state == "problem"
    assert "DURABLE=1 does not change this" in checks["locks"].todo
    monkeypatch.setattr(lock_trial, "VFS", "")
    checks = {check.name: check for check in machine.examine(home=home)}
    assert checks["locks"].state == "ok"
    assert not list(home.glob("*.locks"))


def test_damaged_pages_and_rescued_verdicts_are_said(home, monkeypatch):
    path = home / "feedback.db"
    monkeypatch.setenv("FEEDBACK_DB", str(path))
    with closing(Store.open(path)) as store:
        store.add_predictions(case(inputs={"text": "x" * 2000}) for _ in range(100))
    (home / "feedback.db.rescued").touch()
    checks = machine.examine(home=home)
    pages = [check for check in checks if check.name == "pages of the database"]
    assert [(check.state, check.found) for check in pages] == [("ok", "all are intact")]
    rescued = [check for check in checks if "feedback.db.rescued may have" in check.found]
    assert [check.state for check in rescued] == ["warning"]
    Store.open(path).close()
    content = path.read_bytes()
    path.write_bytes(content[:40960] + b"\xff" * 8000 + content[48960:])
    assert any(c.state == "problem" and "is damaged" in c.found for c in machine.examine(home=home))


def test_a_password_is_not_shown(home, monkeypatch):
    def refused(where):
        raise UserError(f"{where} does not answer.")

    monkeypatch.setenv("FEEDBACK_DB", "postgresql://ada:s3cret@db.example.org/verdicts")
    for answer in (lambda where: None, refused):
        monkeypatch.setattr(Store, "open", answer)
        checks = machine.examine(home=home)
        assert "s3cret" not in repr(checks)
        assert "db.example.org" in found(checks, "feedback database")[0].found


def test_a_misspelt_setting_in_the_secrets_is_found(home):
    settings.SECRETS.write_text('[second_opinion]\nmodeldir = "x"\nowner_pin = "hush"\n', "utf-8")
    checks = found(machine.examine(home=home), "secrets")
    assert [check.state for check in checks] == ["warning", "warning"]
    assert checks[0].todo == "Did you mean model_dir?"
    assert "owner_pin" in checks[1].found
    assert "hush" not in repr(checks)


def test_a_code_is_not_shown(home, monkeypatch):
    monkeypatch.setenv("OWNER_CODE", "hush-hush")
    settings.SECRETS.write_text('[second_opinion]\nreviewer_code = "very-secret"\n', "utf-8")
    checks = machine.examine(home=home)
    assert "set, not shown here (environment)" in found(checks, "OWNER_CODE")[0].found
    assert "set, not shown here (secrets)" in found(checks, "REVIEWER_CODE")[0].found
    assert "not set" in found(checks, "EXPERT_CODE")[0].found
    assert "hush" not in repr(checks)
    assert "very-secret" not in repr(checks)


def test_broken_secrets_are_a_problem_and_the_rest_is_still_looked_at(home):
    settings.SECRETS.write_text("[second_opinion", "utf-8")
    checks = machine.examine(home=home)
    assert found(checks, "secrets")[0].state == "problem"
    assert found(checks, "model iris/1")[0].state == "ok"


@pytest.mark.parametrize(
    ("version", "state"),
    [((3, 10), "problem"), ((3, 11), "ok"), ((3, 13), "ok"), ((3, 14), "problem")],
)
def test_a_python_outside_the_tested_ones_is_a_problem(home, monkeypatch, version, state):
    monkeypatch.setattr(sys, "version_info", (*version, 0))
    assert found(machine.examine(home=home), "Python")[0].state == state


@pytest.mark.parametrize(
    ("pins", "state", "said"),
    [
        ("numpy==1.0\n", "warning", "tested with 1.0"),
        ("no-such-package==1.0\n", "problem", "no-such-package is not installed"),
        (f"# a comment\nnumpy=={np.__version__}  # why\n\n", "ok", "1 as in requirements.txt"),
    ],
)
def test_packages_are_compared_with_the_pins(home, pins, state, said):
    (home / "requirements.txt").write_text(pins, "utf-8")
    (check,) = found(machine.examine(home=home), "packages")
    assert check.state == state
    assert said in check.found
    assert bool(check.todo) == (state != "ok")


@pytest.mark.parametrize(
    ("version", "state", "said"),
    [
        (np.__version__, "ok", "2 as in requirements/sklearn-{here}.txt"),
        ("1.0", "warning", "numpy {numpy}; tested with 1.0"),
    ],
)
def test_packages_of_a_set_are_compared_with_that_set(home, version, state, said):
    """Under `make run SKLEARN=...` the versions of requirements.txt are not meant to be here."""
    here = sklearn.__version__
    release = here.rpartition(".")[0]
    own = home / f"requirements/sklearn-{release}.txt"
    own.parent.mkdir()
    own.write_text(f"# Python 3.11\nscikit-learn=={here}\nnumpy=={version}\nother==1.0\n", "utf-8")
    (home / "requirements.txt").write_text("scikit-learn==0.1.0\nnumpy==0.1\n", "utf-8")
    (check,) = found(machine.examine(home=home), "packages")
    assert check.state == state
    assert said.format(here=release, numpy=np.__version__) in check.found
    assert check.todo == ("" if state == "ok" else f"Run `pip install -r {own.relative_to(home)}`.")


def test_add_verify_and_doctor_name_one_way_to_another_scikit_learn(home):
    other = next(name for name in releases.requirement_sets() if not releases.runs_here(name))
    (wanted,) = re.findall("`[^`]+`", releases.other_release(other))
    path = home / "model/iris/1/card.json"
    card = json.loads(path.read_text("utf-8"))
    card["artifact"]["scikit_learn"] = other
    path.write_text(json.dumps(card), "utf-8")
    (check,) = found(machine.examine(home=home), "model iris/1")
    assert check.state == "warning"
    faults = Registry(home / "model").verify("iris")
    assert [re.findall("`[^`]+`", text) for text in (check.found, *faults)] == [[wanted]] * 2


def test_missing_requirements_are_a_problem(home):
    (home / "requirements.txt").unlink()
    assert found(machine.examine(home=home), "packages")[0].state == "problem"


def test_a_database_that_is_not_there_yet_is_not_made(home):
    (check,) = found(machine.examine(home=home), "feedback database")
    assert (check.state, "the app makes it" in check.found) == ("ok", True)
    assert not (home / "feedback.db").exists()


def test_a_database_is_opened_and_stays_as_it_is(home):
    Store.open(home / "feedback.db").close()
    (check,) = found(machine.examine(home=home), "feedback database")
    assert check.state == "ok"
    assert "can be read and written" in check.found


@pytest.mark.parametrize("content", [b"not a database at all, but long enough", None])
def test_a_database_that_cannot_be_used_is_a_problem(home, content):
    path = home / "feedback.db"
    path.mkdir() if content is None else path.write_bytes(content)
    (check,) = found(machine.examine(home=home), "feedback database")
    assert check.state == "problem"
    assert str(path) in check.found


def test_a_database_in_a_folder_that_is_not_there_is_a_problem(home, monkeypatch):
    monkeypatch.setenv("FEEDBACK_DB", str(home / "nowhere" / "feedback.db"))
    assert found(machine.examine(home=home), "feedback database")[0].state == "problem"


@pytest.mark.parametrize(
    ("free", "state"), [(10**7, "problem"), (10**8, "warning"), (10**10, "ok")]
)
def test_little_free_space_is_told(home, monkeypatch, free, state):
    usage = SimpleNamespace(total=10**12, used=0, free=free)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    assert found(machine.examine(home=home), "free space")[0].state == state


def test_a_changed_model_is_a_problem_and_another_scikit_learn_a_warning(home):
    def check():
        (found_,) = found(machine.examine(home=home), "model iris/1")
        return found_

    card = home / "model/iris/1/card.json"
    fields = json.loads(card.read_text("utf-8"))
    fields["artifact"]["scikit_learn"] = "1.0.0"
    card.write_text(json.dumps(fields), "utf-8")
    assert check().state == "warning"
    (home / "model/iris/1/model.joblib").write_bytes(b"x")
    assert check().state == "problem"
    assert "is not the file that was added" in check().found
    card.write_text("{", "utf-8")
    assert check().state == "problem"


@pytest.mark.parametrize("setting", ["wine", "iris@best", "iris/9"])
def test_a_model_setting_that_names_nothing_is_a_problem(home, monkeypatch, setting):
    monkeypatch.setenv("MODEL", setting)
    (check,) = found(machine.examine(home=home), "models")
    assert check.state == "problem"


def test_a_missing_model_folder_is_a_problem(home, monkeypatch):
    monkeypatch.setenv("MODEL_DIR", str(home / "nowhere"))
    (check,) = found(machine.examine(home=home), "models")
    assert check.state == "problem"
    assert "MODEL_DIR" in check.found


def test_the_memory_of_this_process_is_plausible():
    now, peak = resident("VmRSS"), resident("VmHWM")
    assert 10 * MB < now <= peak < 10**12
    grown = np.ones(50 * MB // 8)
    assert resident("VmRSS") - now > 0.8 * grown.nbytes


# --- does the disk stay


@pytest.mark.parametrize(
    ("mounts", "state"),
    [
        ("/dev/sda / ext4 rw 0 0", "ok"),
        ("overlay / overlay rw 0 0", "warning"),
        ("overlay / overlay rw 0 0\n/dev/sdb /srv ext4 rw 0 0", "ok"),
        ("/dev/sda / ext4 rw 0 0\ntmpfs /srv tmpfs rw 0 0", "warning"),
        ("overlay / overlay rw 0 0\n/dev/sdb /srvother ext4 rw 0 0", "warning"),
        ("overlay / overlay rw 0 0\n/dev/sda / ext4 rw 0 0", "ok"),
    ],
)
def test_a_disk_is_known_by_what_is_mounted_there(mounts, state):
    machine.MOUNTS.write_text(f"{mounts}\n", "utf-8")
    check = durability(Settings(feedback_db="/srv/app/feedback.db"), Path("/srv/app"))
    assert check.state == state
    assert ("verdicts" in check.found) == (state == "warning")
    assert bool(check.todo) == (state == "warning")


def test_hosts_that_keep_no_files_are_known(monkeypatch):
    here = Settings(feedback_db="/srv/app/feedback.db")
    in_cloud = durability(here, Path("/mount/src/second-opinion"))
    assert (in_cloud.state, "Community Cloud" in in_cloud.found) == ("warning", True)
    for host in HOSTS:
        with monkeypatch.context() as there:
            there.setenv(host, "x")
            assert durability(here).state == "warning"


def test_a_space_keeps_what_is_in_data(monkeypatch):
    monkeypatch.setenv("SPACE_ID", "ada/app")
    machine.MOUNTS.write_text("overlay / overlay rw 0 0\n/dev/sdb /data ext4 rw 0 0\n", "utf-8")
    assert durability(Settings(feedback_db="/data/feedback.db")).state == "ok"
    assert durability(Settings(feedback_db="/app/feedback.db")).state == "warning"


def test_what_the_person_says_of_the_disk_wins():
    on_overlay = {"feedback_db": "/srv/feedback.db"}
    machine.MOUNTS.write_text("overlay / overlay rw 0 0\n", "utf-8")
    assert durability(Settings(**on_overlay, durable="1")).state == "ok"
    machine.MOUNTS.write_text("/dev/sda / ext4 rw 0 0\n", "utf-8")
    assert durability(Settings(**on_overlay, durable="0")).state == "warning"
    assert durability(Settings(feedback_db="postgresql://db/verdicts")).state == "ok"


def test_a_system_that_tells_no_mounts_is_taken_as_lasting():
    machine.MOUNTS.unlink()
    assert durability(Settings(feedback_db="/srv/feedback.db"), Path("/srv")).state == "ok"


# --- Community Cloud


def on_cloud(home):
    return machine.examine(host="community-cloud", home=home)


def test_a_project_in_order_can_be_deployed_and_is_warned_of_the_disk(repository):
    checks = on_cloud(repository)
    assert not [check for check in checks if check.state == "problem"]
    assert found(checks, "storage on the host")[0].state == "warning"
    (secrets,) = found(checks, "secrets on the host")
    assert "model_dir (environment)" in secrets.found


def large(home):
    with (home / "model/iris/1/model.joblib").open("r+b") as file:
        file.truncate(101 * 1024 * 1024)


def pointer(home):
    text = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
    (home / "model/iris/1/model.joblib").write_text(text, "utf-8")


def secrets_committed(home):
    (home / ".streamlit/secrets.toml").write_text("", "utf-8")
    git(home, "add", "-f", ".streamlit/secrets.toml")


def database_committed(home):
    (home / "feedback.db").write_bytes(b"")
    git(home, "add", "-f", "feedback.db")


def another(name):
    def write(home):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text("", "utf-8")
        git(home, "add", name)

    return write


def uncommitted(name):
    return lambda home: git(home, "rm", "--cached", name)


def rows_committed(home):
    (home / "model/iris/1/reference.parquet").write_bytes(b"PAR1")
    git(home, "add", "model")


@pytest.mark.parametrize(
    ("spoil", "name", "state", "said"),
    [
        (uncommitted("requirements.txt"), "requirements.txt", "problem", "not in the repository"),
        (another("Pipfile"), "requirements.txt", "problem", "Pipfile is read instead"),
        (another("uv.lock"), "requirements.txt", "problem", "uv.lock is read instead"),
        (uncommitted(".streamlit/config.toml"), "config.toml", "warning", "none in the repo"),
        (another("app/.streamlit/config.toml"), "config.toml", "warning", "app/.streamlit"),
        (large, "files", "problem", "GitHub takes up to 100"),
        (pointer, "files", "problem", "model.joblib is a pointer of Git LFS"),
        (secrets_committed, "private files", "problem", "secrets.toml is in the repository"),
        (database_committed, "private files", "problem", "feedback.db is in the repository"),
        (lambda h: (h / ".gitignore").unlink(), "private files", "problem", "does not cover"),
        (uncommitted("model/iris/1/model.joblib"), "deployed models", "problem", "model.joblib"),
        (uncommitted("model/iris/1/card.json"), "deployed models", "problem", "card.json"),
        (uncommitted("model/iris/aliases.json"), "deployed models", "problem", "aliases.json"),
        (rows_committed, "deployed models", "warning", "rows of training data"),
    ],
)
def test_what_the_host_would_stumble_over_is_found(repository, spoil, name, state, said):
    spoil(repository)
    (check,) = [c for c in on_cloud(repository) if c.name == name and c.state != "ok"]
    assert check.state == state
    assert said in check.found
    assert check.todo


def test_rows_of_a_demo_may_be_seen_by_all(repository):
    card = repository / "model/iris/1/card.json"
    fields = json.loads(card.read_text("utf-8"))
    card.write_text(json.dumps({**fields, "demo": True}), "utf-8")
    rows_committed(repository)
    assert found(on_cloud(repository), "deployed models")[0].state == "ok"


def test_models_outside_the_repository_are_not_deployed(repository, monkeypatch, one_model):
    monkeypatch.setenv("MODEL_DIR", str(one_model))
    (check,) = found(on_cloud(repository), "deployed models")
    assert (check.state, "outside the repository" in check.found) == ("problem", True)


def test_a_project_without_git_says_how_to_begin(home, monkeypatch):
    monkeypatch.setattr(cloud, "_memory", lambda settings, home: Check("memory", "ok", "light"))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(home.parent))
    (check,) = found(on_cloud(home), "repository")
    assert (check.state, "git init" in check.todo) == ("problem", True)


def test_the_python_of_the_models_is_to_be_chosen(repository):
    (check,) = found(on_cloud(repository), "Python on the host")
    here = ".".join(map(str, sys.version_info[:2]))
    assert check.state == ("ok" if here == cloud.DEFAULT_PYTHON else "warning")
    assert here in check.found


class Hungry:
    """Unpickled, it takes 90 MB for a moment."""

    def __reduce__(self):
        return eval, (f"len(b'x' * {90 * MB})",)


@pytest.mark.slow
def test_the_app_is_weighed_at_its_peak_in_a_process_of_its_own(home):
    light = weight(home)
    iris = load_iris(as_frame=True)
    fitted = LogisticRegression(max_iter=500).fit(iris.data, iris.target)
    fitted.hungry_ = Hungry()
    Registry(home / "model").add(fitted, iris.data, iris.target, name="heavy")
    assert 60 < weight(home) - light < 120
    assert 60 < light < 690


def weight(home):
    check = cloud._memory(Settings(model_dir=str(home / "model")), home)
    assert check.state == "ok"
    return int(check.found.split(" ")[0].replace(",", ""))


@pytest.mark.slow
def test_an_app_that_cannot_be_imported_is_a_problem(home):
    (home / "loud.py").write_text("print(12)\nimport no_such_module\n", "utf-8")
    (home / "Home.py").write_text("import loud\n", "utf-8")
    check = cloud._memory(Settings(model_dir=str(home / "model")), home)
    assert check.state == "problem"
    assert "No module named 'no_such_module'" in check.found


@pytest.mark.parametrize(
    ("peak", "state"), [(0, "warning"), (600, "ok"), (900, "warning"), (2800, "problem")]
)
def test_memory_is_held_against_what_the_host_guarantees(peak, state):
    assert cloud._weighed("memory", peak * MB).state == state
