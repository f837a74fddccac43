"""Every file that a host needs is in the repository, and starts what it should, here at least."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest
from browsing import App, free_port
from builders import ROOT, THOROUGH
from connections import drawn, nginx_site
from dockerfile import built, instructions, sources

yaml = pytest.importorskip("yaml", reason="PyYAML is in requirements-dev.txt; run `make test`")

DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
UNIT = (ROOT / "deploy/second-opinion.service").read_text("utf-8")
DEPLOY = (ROOT / "docs/deploy.md").read_text("utf-8")
# The server's own, and what it says of store and models.
HEALTH = ("/_stcore/health", "/api/health")


def tracked():
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(listed.stdout.splitlines())


def started(command, log, env):
    """A process in a group of its own, from the folder of the project."""
    with log.open("wb") as said:
        return subprocess.Popen(
            command, cwd=ROOT, env=env, stdout=said, stderr=said, start_new_session=True
        )


@contextmanager
def answering(process, log, port, paths=HEALTH):
    """A process that was started to listen on a port, once it does; it ends in peace.

    Whatever went wrong, nothing that it started goes on.
    """
    try:
        deadline = time.monotonic() + 180
        while not _healthy(port, paths):
            assert process.poll() is None, f"it ended:\n{log.read_text('utf-8')}"
            assert time.monotonic() < deadline, f"it does not answer:\n{log.read_text('utf-8')}"
            time.sleep(0.1)
        yield
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        assert not _healthy(port, paths), "the signal ended a shell, and the server goes on"
    finally:
        # The group goes by the id of its first process, and is there as long as one of it is.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert "Traceback" not in log.read_text("utf-8")


def _healthy(port, paths=HEALTH):
    with suppress(URLError, ConnectionError, TimeoutError):
        return all(
            urlopen(f"http://127.0.0.1:{port}{path}", timeout=60).status == 200 for path in paths
        )
    return False


def first_page(port):
    """What Home draws for a visitor by the name of a host; its shell is there as well."""
    with urlopen(f"http://127.0.0.1:{port}/", timeout=10) as shell:
        assert b"<html" in shell.read()
    return drawn(port, "", "opinion.example.org", "http://opinion.example.org")


# --- the image


COPIES = [rest for word, rest in instructions(DOCKERFILE) if word == "COPY"]


@pytest.mark.parametrize("rest", COPIES)
def test_what_the_image_copies_is_in_the_repository_and_not_kept_back(rest):
    flags, names, _ = sources(rest)
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    for name in [] if "from" in flags else names:
        assert any(f"{file}/".startswith(f"{name}/") for file in tracked()), name
        assert name.partition("/")[0] not in ignored


def test_secrets_and_verdicts_are_not_sent_to_the_builder():
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert {".streamlit/secrets.toml", "feedback.db*", ".git"} <= set(ignored)


def test_the_image_runs_as_nobody_special_and_keeps_its_verdicts_on_a_volume(tmp_path):
    stages = built(tmp_path, install=False)
    first, last = stages["packages"], stages["last"]
    assert last.user == "1000:1000"
    assert last.volumes == [str(Path(last.env["FEEDBACK_DB"]).parent)]
    assert last.ports == [int(last.env["PORT"])]
    assert not re.search(r"apt-get|gcc|build-essential", DOCKERFILE)
    assert any("--require-hashes --only-binary :all:" in line for line in first.runs)
    assert last.runs == ["python -m pip uninstall --yes pip"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "install",
    [False, pytest.param(True, marks=pytest.mark.network)],
    ids=["with the packages here", "from the lock"],
)
def test_what_the_dockerfile_builds_starts_and_answers(tmp_path, install):
    if install and not THOROUGH:
        pytest.skip("installs the lock; THOROUGH=1")
    image = built(tmp_path, install=install)["last"]
    port, log = free_port(), tmp_path / "log"
    if not install:
        image.env["PATH"] = f"{Path(sys.executable).parent}:$PATH"
    (tmp_path / "last/data").mkdir(exist_ok=True)
    with answering(image.start(log, PORT=str(port)), log, port):
        assert b"Is the model right?" in first_page(port)
        health = image.run(image.healthcheck, PORT=str(port))
        assert health.returncode == 0, health.stderr
        if install:
            assert image.run("python -m pip --version").returncode
    assert image.run(image.healthcheck, PORT=str(port)).returncode
    assert not list((tmp_path / "last/app").glob("feedback.db*"))


@pytest.mark.slow
@pytest.mark.network
def test_the_image_is_built_for_real_where_something_can(tmp_path):
    tool = next(filter(shutil.which, ("podman", "buildah")), None)
    if tool is None or not THOROUGH:
        pytest.skip("neither podman nor buildah is here, or THOROUGH=1 is not set")
    found = subprocess.run([tool, "build", "-t", "second-opinion", ROOT], capture_output=True)
    assert found.returncode == 0, found.stderr.decode()


# --- lines that start it


def _app_yaml():
    return yaml.safe_load((ROOT / "app.yaml").read_text("utf-8"))


def _lines():
    web = re.fullmatch(r"web: (.+)\n", (ROOT / "Procfile").read_text("utf-8"))[1]
    unit = re.search("^ExecStart=(.+)$", UNIT, re.MULTILINE)[1]
    return {
        "Procfile": ["sh", "-c", web],
        "app.yaml": _app_yaml()["command"],
        "unit": shlex.split(unit.replace("/opt/second-opinion/.venv/bin/", "")),
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", ["Procfile", "app.yaml", "app.yaml on Databricks", "unit"])
def test_a_line_that_starts_it_listens_on_the_port_of_the_host(tmp_path, models, name):
    port, log = free_port(), tmp_path / "log"
    command = _lines()[name.partition(" ")[0]]
    command = [word if word != "8501" else str(port) for word in command]
    ports = {"PORT": "9" if "Databricks" in name else str(port)}
    ports |= {"DATABRICKS_APP_PORT": str(port)} if "Databricks" in name else {}
    env = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "FEEDBACK_DB": str(tmp_path / "feedback.db"),
        "MODEL_DIR": str(models),
        "STREAMLIT_SERVER_HEADLESS": "true",
        **ports,
    }
    with answering(started(command, log, env), log, port):
        assert b"Is the model right?" in first_page(port)


def test_of_a_line_that_leaves_a_shell_before_the_server_nothing_goes_on(tmp_path):
    port, log = free_port(), tmp_path / "log"
    server = f"{shlex.quote(sys.executable)} -m http.server {port} --bind 127.0.0.1"
    process = started(["sh", "-c", f"{server} & wait"], log, dict(os.environ))
    left_alone = pytest.raises(AssertionError, match="the signal ended a shell")
    with left_alone, answering(process, log, port, paths=("/LICENSE",)):
        assert _healthy(port, ("/LICENSE",))
    assert not _healthy(port, ("/LICENSE",))


def test_databricks_is_told_no_shell_variable_that_it_would_not_have():
    variables = {entry["name"] for entry in _app_yaml()["env"]}
    assert {"MODEL", "MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "PUBLIC"} <= variables
    assert all("value" in entry for entry in _app_yaml()["env"])


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
def test_systemd_understands_the_unit(tmp_path):
    unit = tmp_path / "second-opinion.service"
    unit.write_text(UNIT.replace("/opt/second-opinion/.venv/bin/streamlit", sys.executable))
    found = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True)
    assert unit.name not in found.stderr


@pytest.mark.slow
def test_sagemaker_gets_its_two_answers_without_a_token_and_nothing_else(tmp_path):
    port, log = free_port(), tmp_path / "log"
    env = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "PUBLIC": "1",
        "MODEL": "iris",
        "FEEDBACK_DB": str(tmp_path / "feedback.db"),
        "SAGEMAKER_BIND_TO_PORT": str(port),
    }
    text = (ROOT / "deploy/sagemaker/serve").read_text("utf-8")
    command = ["sh", "-ec", text.replace("cd /app", f"cd {ROOT}")]
    with answering(started(command, log, env), log, port, paths=("/ping",)):
        body = json.dumps({"inputs": [[5.1, 3.5, 1.4, 0.2]]}).encode()
        about = {"Content-Type": "application/json", "X-Amzn-SageMaker-Target-Model": "x"}
        request = Request(f"http://127.0.0.1:{port}/invocations", body, about)
        with urlopen(request, timeout=60) as answer:
            assert json.load(answer) == {"predictions": ["setosa"]}
        for path in ("/", "/api/health", "/api/predict", "/_stcore/health"):
            with pytest.raises(HTTPError, match="404"):
                urlopen(f"http://127.0.0.1:{port}{path}", timeout=60)


# --- what stands in front, and beside


@pytest.fixture
def shared_app(tmp_path, models, monkeypatch):
    """An app with its gate that other people reach."""
    monkeypatch.setenv("PUBLIC", "1")
    app = App(tmp_path, models, ROOT / "serve.py")
    try:
        yield app.start()
    finally:
        app.stop()


@pytest.mark.slow
def test_the_site_file_brings_pages_files_and_programs_through(tmp_path, shared_app):
    site = (ROOT / "deploy/nginx.conf").read_text("utf-8")
    with nginx_site(tmp_path, site, shared_app.port) as port:
        assert b"Is the model right?" in first_page(port)
        assert _healthy(port)
        for path, most in ((HEALTH[0], 1), ("/api/predict", 21), ("/invocations", 21)):
            assert sent(port, path, most * 2**20 + 1) == 413
            assert sent(port, path, 2**20 - 1) != 413
        assert sent(port, "/_stcore/upload_file/a/b", 51 * 2**20 + 1) == 413


def sent(port, path, size):
    """The status of a POST that says it has so many bytes; nginx refuses before it has them."""
    try:
        return urlopen(f"http://127.0.0.1:{port}{path}", data=b" " * size, timeout=20).status
    except HTTPError as refusal:
        return refusal.code
    except (URLError, ConnectionError):
        return 413 if size > 2**20 else 0


def test_the_site_file_has_the_lines_of_the_paper_on_security():
    from second_opinion.access.local_browser import NGINX

    def lines(text):
        return {line.strip() for line in text.splitlines() if line.strip()}

    assert lines(NGINX) <= lines((ROOT / "deploy/nginx.conf").read_text("utf-8"))


def test_compose_asks_for_a_code_and_keeps_the_volume_of_the_image():
    service = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))["services"][
        "second-opinion"
    ]
    assert service["environment"]["OWNER_CODE"].startswith("${OWNER_CODE:?")
    assert [volume.partition(":")[2] for volume in service["volumes"]] == ["/data"]
    assert service["ports"] == ["127.0.0.1:8501:8501"]


def test_the_front_matter_for_spaces_names_the_port_of_the_image():
    text = (ROOT / "deploy/spaces/README.md").read_text("utf-8")
    facts = yaml.safe_load(text.split("---")[1])
    assert (facts["sdk"], facts["app_port"]) == ("docker", 8501)
    assert f"EXPOSE {facts['app_port']}" in DOCKERFILE


def test_heroku_gets_the_python_of_the_image():
    version = (ROOT / "deploy/heroku/.python-version").read_text("utf-8").strip()
    assert f"ARG PYTHON={version}\n" in DOCKERFILE


# --- the paper


def test_the_paper_names_every_file_for_a_host():
    files = [path.relative_to(ROOT) for path in (ROOT / "deploy").rglob("*") if path.is_file()]
    for name in [*map(str, files), "Dockerfile", "compose.yaml", "Procfile", "app.yaml"]:
        assert f"`{name}`" in DEPLOY, name


def test_each_section_of_the_paper_has_its_row_in_the_table_and_in_the_readme():
    sections = re.findall(r"^## (.+)$", DEPLOY, re.MULTILINE)
    table = DEPLOY.partition("\n## ")[0]
    readme = (ROOT / "README.md").read_text("utf-8")
    hosts = [title for title in sections if f"| [{title}](#" in table]
    assert len(hosts) == 8
    for title in hosts:
        anchor = re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
        assert f"(#{anchor})" in table
        assert f"docs/deploy.md#{anchor}" in readme, title
