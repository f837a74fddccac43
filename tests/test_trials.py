"""The trials in environments of their own: another scikit-learn, and a real MLflow server."""

import subprocess
import sys

import pytest
from builders import ROOT, THOROUGH

pytestmark = [
    pytest.mark.slow,
    pytest.mark.network,
    pytest.mark.skipif(not THOROUGH, reason="installs packages for minutes: THOROUGH=1"),
]


@pytest.mark.parametrize(
    "command", [["try-sklearn", "1.6.1"], ["try-sklearn", "1.7.2"], ["try-mlflow"]], ids=" ".join
)
def test_the_trial_ends_as_expected(command):
    script, *arguments = command
    found = subprocess.run(
        [sys.executable, ROOT / "scripts" / script, *arguments], capture_output=True, text=True
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert "everything as expected" in found.stdout
