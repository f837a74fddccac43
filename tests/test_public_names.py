"""The names that notebooks and other people's programs rely on stay where they are."""

import importlib

import pytest

NAMES = {
    "second_opinion": "Registry Store UserError",
    "second_opinion.statistics.agreement": (
        "krippendorff_alpha gwet_ac1 fleiss_kappa cohen_kappa wilson clopper_pearson"
    ),
    "second_opinion.statistics.drift": "compare psi",
    "second_opinion.statistics.release": "uniform e_values exact bound assess",
    "second_opinion.statistics.sampling": "draw verdicts_needed",
    "second_opinion.statistics.slices": "find",
    "second_opinion.statistics.calibration": "bland_altman brier",
}


@pytest.mark.parametrize("module", NAMES)
def test_a_public_name_can_be_imported(module):
    for name in NAMES[module].split():
        assert callable(getattr(importlib.import_module(module), name)), name
