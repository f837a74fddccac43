"""The trials in environments of their own: another scikit-learn, and a real MLflow server."""

import subprocess
import sys

import pytest
from builders import ROOT, THOROUGH

from second_opinion.models.formats.releases import requirement_sets

# Each set, one that is older than all of them, and MLflow.
VERSIONS = [*list(requirement_sets())[:-1], "1.1.3"]
COMMANDS = [*(["try-sklearn", version] for version in VERSIONS), ["try-mlflow"]]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.network,
    pytest.mark.skipif(not THOROUGH, reason="installs packages for minutes: THOROUGH=1"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_trial_ends_as_expected(command):
    script, *arguments = command
    found = subprocess.run(
        [sys.executable, ROOT / "scripts" / script, *arguments], capture_output=True, text=True
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert "everything as expected" in found.stdout
