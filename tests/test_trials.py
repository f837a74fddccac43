"""The trials in environments of their own: another scikit-learn, and a real MLflow server."""

import subprocess
import sys

import pytest
from builders import ROOT, THOROUGH

from second_opinion.models.formats.releases import requirement_sets

OTHERS = list(requirement_sets())[:-1]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.network,
    pytest.mark.skipif(not THOROUGH, reason="installs packages for minutes: THOROUGH=1"),
]


@pytest.mark.parametrize(
    "command", [*(["try-sklearn", release] for release in OTHERS), ["try-mlflow"]], ids=" ".join
)
def test_the_trial_ends_as_expected(command):
    script, *arguments = command
    found = subprocess.run(
        [sys.executable, ROOT / "scripts" / script, *arguments], capture_output=True, text=True
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert "everything as expected" in found.stdout
