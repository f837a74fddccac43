"""Versions: ranges in pyproject, exact in requirements.txt, closures in the lock and the sets."""

import os
import re
import runpy
import subprocess
import sys
import tomllib

import pytest
from builders import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
SETS = PROJECT["tool"]["second-opinion"]["sets"]
CLOSURES = [ROOT / "requirements.lock", *sorted((ROOT / "requirements").glob("sklearn-*.txt"))]
PIN = re.compile(r"^([\w.-]+)==([^\s;\\]+)", re.M)

closures = pytest.mark.parametrize("path", CLOSURES, ids=lambda path: path.name)


def pins(path):
    return dict(PIN.findall(path.read_text("utf-8")))


def ranges():
    """Name, lowest and first version beyond, of each direct dependency."""
    named = (
        re.fullmatch(r"([\w-]+)>=([\d.]+),<([\d.]+)", d) for d in PROJECT["project"]["dependencies"]
    )
    return {found[1]: (parts(found[2]), parts(found[3])) for found in named}


def parts(version):
    return tuple(int(part) for part in version.split("."))


def test_the_direct_packages_have_the_same_names_everywhere():
    assert list(ranges()) == list(pins(ROOT / "requirements.txt"))


@closures
def test_each_closure_holds_every_direct_package_inside_its_range(path):
    versions = pins(path)
    for name, (lowest, beyond) in ranges().items():
        assert lowest <= parts(versions[name]) < beyond, f"{name} {versions[name]}"


@closures
def test_each_closure_is_requirements_txt_with_what_pyproject_says_instead(path):
    release = path.stem.removeprefix("sklearn-")
    instead = dict(pin.split("==") for pin in SETS[release]["instead"]) if release in SETS else {}
    expected = {**pins(ROOT / "requirements.txt"), **instead}
    versions = pins(path)
    assert {name: versions[name] for name in expected} == expected


def test_there_is_a_file_for_each_set_and_none_besides():
    assert {path.stem.removeprefix("sklearn-") for path in CLOSURES[1:]} == set(SETS)
    for release, chosen in SETS.items():
        assert f"scikit-learn=={release}." in chosen["instead"][0]


@closures
def test_each_closure_has_hashes_its_pythons_and_no_address(path):
    text = path.read_text("utf-8")
    first = text.partition("\n")[0]
    assert re.fullmatch(r"# Python 3\.\d+( to 3\.\d+)?", first)
    assert "://" not in text
    assert "index" not in text
    for pin in re.split(r"\n(?=[a-z])", text)[1:]:
        assert "--hash=sha256:" in pin, pin


def test_the_lowest_version_of_each_range_is_tried_by_the_oldest_set():
    oldest = pins(ROOT / "requirements/sklearn-1.2.txt")
    for pin in SETS["1.2"]["instead"]:
        name, _, version = pin.partition("==")
        assert oldest[name] == version
        assert parts(version)[: len(ranges()[name][0])] == ranges()[name][0]


def test_the_tools_for_the_tests_are_a_list_of_their_own():
    tools = pins(ROOT / "requirements/test-tools.txt")
    assert "pytest" in tools
    assert not set(tools) & set(ranges())
    assert "-r requirements/test-tools.txt" in (ROOT / "requirements-dev.txt").read_text("utf-8")


def environment(*arguments, python=sys.executable):
    command = [python, ROOT / "scripts/environment", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_a_set_that_is_not_there_is_refused_with_those_that_are(tmp_path):
    found = environment("--sklearn", "1.1", "--venv", tmp_path / "venv")
    assert found.returncode == 1
    assert "no requirements for scikit-learn 1.1; there are for 1.2, 1.3" in found.stderr
    assert not (tmp_path / "venv").exists()


def run(*command, **env):
    return subprocess.run(
        [sys.executable, ROOT / "scripts" / command[0], *command[1:]],
        capture_output=True,
        text=True,
        env={**os.environ, **env},
    )


@pytest.mark.slow
def test_a_lock_that_lacks_what_a_package_needs_is_not_what_is_asked_for():
    """`make lock-check` resolves each file again, and fails where it is another one then."""
    lock = runpy.run_path(str(ROOT / "scripts/lock"))
    if not lock["reaches_an_index"]():
        pytest.skip("no package index answers, or uv is not there")
    path, lines, pythons = next(lock["files"]())
    text = path.read_text("utf-8")
    versions = lock["versions"]
    assert "==" in versions(text)
    assert "--hash" not in versions(text)
    assert versions(lock["content"](lines, pythons, stays=text)) == versions(text)
    (needed,) = re.findall(r"\nannotated-types==[^\n]+(?:\n +--hash[^\n]+)+", text)
    part = text.replace(needed, "")
    assert versions(part) != versions(text)
    assert versions(lock["content"](lines, pythons, stays=part)) == versions(text)


@pytest.mark.parametrize("command", [("lock", "--check"), ("audit",)])
def test_without_a_network_nothing_is_claimed_and_nothing_fails(tmp_path, command):
    away = {"UV_OFFLINE": "1", "UV_CACHE_DIR": str(tmp_path / "cache")}
    found = run(*command, **away)
    assert (found.returncode, found.stderr) == (0, "")
    (line,) = found.stdout.splitlines()
    assert re.search("NOT COMPARED|NOT AUDITED", line)
    assert "://" not in line


def test_a_known_vulnerability_is_named_with_what_mends_it():
    audit = runpy.run_path(str(ROOT / "scripts/audit"))
    unknown = {"name": "a", "skip_reason": "Dependency not found"}
    flaw = {"id": "PYSEC-2026-1", "fix_versions": ["1.3"]}
    packages = [{"name": "b", "version": "1.2", "vulns": [flaw]}, unknown]
    assert audit["findings"](packages) == [
        "b 1.2: PYSEC-2026-1, mended in 1.3.",
        "Not looked up: a.",
    ]
    assert audit["is_unknown"]([unknown])
    assert not audit["is_unknown"](packages)
