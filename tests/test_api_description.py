"""The description is of the models that are there, its examples work, and so does docs/api.md."""

import json
import os
import re
import subprocess
import sys

import pytest
from builders import ROOT

from second_opinion.api import json_body
from second_opinion.api.asked_cases import MOST_CASES

DOCS = (ROOT / "docs/api.md").read_text("utf-8")


@pytest.fixture
def described(api):
    """The description, with its cases by the name of the model."""
    document = api("/api/openapi.json").body
    return document, {
        schema["title"]: schema
        for schema in document["components"]["schemas"].values()
        if schema.get("title", "").startswith("Case of ")
    }


def test_every_model_is_described_with_its_own_fields(described, registry):
    _, cases = described
    entries = registry.look().entries()
    assert {f"Case of {entry.card.ref}" for entry in entries} == set(cases)
    for entry in entries:
        schema = cases[f"Case of {entry.card.ref}"]
        assert list(schema["properties"]) == entry.card.case_schema.names
        needed = [feature.name for feature in entry.card.features if not feature.optional]
        assert schema.get("required", []) == needed
        for feature in entry.card.features:
            field = schema["properties"][feature.name]
            assert field["title"] == feature.label
            assert feature.unit in field.get("description", "")
            assert feature.range_text in field.get("description", "")


def test_a_field_says_its_type_unit_range_and_choices(described):
    _, cases = described
    fields = cases["Case of triage/1"]["properties"]
    pulse, colour = fields["pulse"], fields["colour"]
    assert pulse["type"] == "number"
    assert pulse["x-unit"] == "beats/min"
    assert "At rest." in pulse["description"]
    low, high = pulse["x-training-range"]
    assert low < 80 < high
    assert {choice["value"] for choice in colour["x-choices"]} == {"red", "amber", "green"}
    assert {"type": "null"} in fields["temperature"]["anyOf"]


def test_every_example_is_answered(api, described):
    document, _ = described
    body = document["paths"]["/api/predict"]["post"]["requestBody"]["content"]["application/json"]
    assert len(body["examples"]) == 6
    for example in body["examples"].values():
        assert api("/api/predict", example["value"]).status == 200


def test_every_reference_leads_somewhere(described):
    document, _ = described
    references = set(re.findall(r'"\$ref": "#/components/schemas/([^"]+)"', json.dumps(document)))
    assert len(references) > 8
    assert references <= set(document["components"]["schemas"])


def test_a_model_that_is_added_later_is_described_without_a_restart(
    api, place, models, monkeypatch
):
    import shutil

    for at, name in enumerate(("risk", "dose"), 1):
        shutil.copytree(models / name, place / "model" / name)
        monkeypatch.setenv("MODEL_DIR", str(place / "model"))
        text = json.dumps(api("/api/openapi.json").body)
        assert len(set(re.findall(r"Case of \w+/1", text))) == at


def test_the_page_takes_nothing_from_elsewhere(api):
    page = api("/api/docs")
    assert page.status == 200
    assert "//" not in re.sub(r"<!--.*?-->", "", page.body.replace("//localhost", ""))
    needed = re.findall(r'(?:src|href)="([^"]+)"', page.body)
    assert len(needed) == 3
    for path in needed:
        assert api(f"/api/{path}").status == 200


def test_the_paper_says_every_call_and_every_status_and_limit(described):
    document, _ = described
    called = {f"{m.upper()} {p}" for p, ways in document["paths"].items() for m in ways}
    said = set(re.findall(r"`((?:GET|POST) /[\w/{}]*)", DOCS))
    assert said == called | {"GET /ping"}
    statuses = {
        s for ways in document["paths"].values() for w in ways.values() for s in w["responses"]
    }
    assert set(re.findall(r"^\| (\d{3}) \|", DOCS, re.M)) == statuses - {"200"}
    assert f"{MOST_CASES:,} cases" in DOCS
    assert f"{json_body.MOST_BYTES // 2**20} MB" in DOCS


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", DOCS, re.M | re.S)


def test_the_client_of_ten_lines_works_as_it_is_printed(demos):
    (client,) = blocks("python")
    lines = [line for line in client.splitlines() if line.strip()]
    assert len(lines) == 10
    text = client.replace("http://localhost:8501", demos.address)
    ran = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")
    (said,) = demos.call("/api/verdicts").body["verdicts"]
    assert (said["expert"], said["judgement"], said["model"]) == ("Ada", "agree", "iris")


def curls():
    return [c for block in blocks("sh") for c in re.split(r"\n(?=curl)", block) if "curl" in c]


def test_each_curl_of_the_paper_works_as_it_is_printed(demos):
    assert len(curls()) >= 6
    for command in curls():
        text = command.strip().replace("http://localhost:8501", demos.address)
        ran = subprocess.run(
            ["sh", "-c", f"{text} --fail-with-body -sS"],
            capture_output=True,
            text=True,
            env=os.environ | {"TOKEN": "x"},
        )
        assert ran.returncode == 0, (text, ran.stdout, ran.stderr)
        if "/ping" in text:
            continue
        answer = json.loads(ran.stdout)
        if "/api/predict " in text:
            assert answer["predictions"][0]["value"] == "setosa"
            assert list(answer) == list(json.loads(blocks("json")[0]))


@pytest.fixture
def demos(api_port, place, monkeypatch):
    """The API with the demo models."""
    from functools import partial
    from types import SimpleNamespace

    from calls import call

    monkeypatch.setenv("MODEL_DIR", str(ROOT / "model"))
    monkeypatch.setenv("MODEL", "iris")
    return SimpleNamespace(address=f"http://127.0.0.1:{api_port}", call=partial(call, api_port))
