"""What experts say of risks, band by band."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from second_opinion.charts import risk_charts
from second_opinion.statistics import risk_bands

SIDES = st.sampled_from(["too_low", "about_right", "too_high", ""])


@pytest.mark.slow
@given(st.lists(st.tuples(st.floats(0, 1), SIDES)))
def test_each_verdict_is_counted_in_one_band_and_on_one_side(pairs):
    counts = risk_bands.counts([risk for risk, _ in pairs], [side for _, side in pairs])
    assert counts[list(risk_bands.SIDES)].to_numpy().sum() == len(pairs)
    assert counts["place"].is_monotonic_increasing
    unsaid = sum(side == "" for _, side in pairs)
    assert counts["not_said"].sum() == unsaid


def test_a_band_holds_its_lower_end():
    risks = [0.0, 0.0499, 0.05, 0.1, 1 - 0.8, 0.2, 0.5, 1.0]
    names = [risk_bands.NAMES[at] for at in risk_bands.places_of(risks)]
    assert names == [
        *("under 5 %", "under 5 %", "5 % to 10 %", "10 % to 20 %"),
        *("20 % to 50 %", "20 % to 50 %", "50 % or more", "50 % or more"),
    ]


def test_the_chart_has_the_sides_that_somebody_can_take():
    counts = risk_bands.counts([0.03, 0.12, 0.12], ["about_right", "too_low", "too_low"])
    chart = risk_charts.by_band(counts)
    assert chart.title == "Of 3 verdicts on risks: 2 too low, 1 about right, 0 too high"
    assert chart.table.to_dict("list") == {
        "Risk": ["under 5 %", "10 % to 20 %"],
        "Too low": [0, 2],
        "About right": [1, 0],
        "Too high": [0, 0],
    }
    unsaid = risk_charts.by_band(risk_bands.counts([0.3], [""]))
    assert unsaid.table["Wrong, not said how"].tolist() == [1]
