"""Before the first answer: what a study may hope for, and what is out of reach."""

from dataclasses import replace

import numpy as np
import pytest

from second_opinion.statistics import equal_draws, planner, release, sampling
from second_opinion.statistics.planner import Effort, PlannedStudy

SURE = np.random.default_rng(6).beta(6, 1, 1000)
STUDY = PlannedStudy(SURE, 0.9, 0.95, Effort(6, 60), design="uniform")


def of(forecast, target, true=0.95):
    return next(one for one in forecast.prospects if (one.target, one.true) == (target, true))


def test_equal_draws_are_foreseen_exactly():
    expected = equal_draws.exact(1000, 100, 50, 0.95).cumsum()
    prospect = of(planner.forecast(STUDY), 0.9)
    assert prospect.chance == pytest.approx(expected[STUDY.effort.draws])
    assert (prospect.median, prospect.most) == (136, 266)


def test_the_highest_target_that_is_likely_to_be_reached_is_proposed():
    proposals = [
        planner.forecast(replace(STUDY, effort=Effort(6, cases))).proposed
        for cases in (2, 20, 60, 160)
    ]
    assert proposals == [None, 0.85, 0.9, 0.9]


def test_more_answers_never_make_a_target_less_likely():
    chances = [
        planner.prospect(replace(STUDY, effort=Effort(6, cases)), 0.9, 0.95).chance
        for cases in range(5, 100, 10)
    ]
    assert (np.diff(chances) >= 0).all()


def test_what_is_answered_twice_leaves_fewer_draws():
    assert Effort(6, 20).draws == 104
    assert Effort(6, 20, answers=2, twice=0).draws == 60


@pytest.mark.slow
def test_draws_by_doubt_are_foreseen_as_studies_go():
    """Beside 200 studies that look at the evidence itself after every draw."""
    study = replace(STUDY, design="doubt", effort=Effort(6, 28))
    rng, claim = np.random.default_rng(8), release.Claim(target=0.9, expected=0.95)
    established = 0
    for seed in range(200):
        draws = sampling.draws(SURE, "doubt", 1000 + seed)
        race = rng.exponential(size=1000) / draws["doubt"].to_numpy()
        wrong = np.isin(np.arange(1000), np.argsort(race)[:50])
        establish, _ = release.e_values(wrong[: study.effort.draws], draws, claim)
        established += establish.max() >= np.log(20)
    assert planner.prospect(study, 0.9, 0.95).chance == pytest.approx(established / 200, abs=0.1)


@pytest.mark.slow
def test_draws_by_doubt_are_tried_as_far_as_the_answers_reach():
    """A model a little over its target: 600 draws establish it in a quarter, 2,600 in most."""
    sure = np.random.default_rng(6).beta(6, 1, 5000)
    study = PlannedStudy(sure, 0.9, 0.92, Effort(30, 100))
    assert planner.prospect(study, 0.9, 0.92).chance > 0.8
    assert not planner.forecast(replace(STUDY, effort=Effort(30, 1000))).warnings


def test_a_pool_of_five_thousand_with_equal_draws_is_foreseen_too():
    study = replace(STUDY, confidence=np.full(5000, 0.9))
    assert planner.prospect(study, 0.9, 0.95).median == pytest.approx(143, abs=2)


def test_how_far_it_is_can_be_heard():
    shares = []
    planner.forecast(STUDY, heard=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1


def only(messages):
    (message,) = messages
    return message


def test_five_percent_unsure_put_95_percent_out_of_reach():
    study = replace(STUDY, target=0.95, expected=0.99, effort=Effort(6, 60, unsure=0.05))
    forecast = planner.forecast(study)
    assert "95 % cannot be established: experts are expected to be unsure in 5 %" in only(
        forecast.refusals
    )
    assert of(forecast, 0.95, 0.99).chance < 0.06


def test_the_way_out_of_a_refusal_leads_to_none():
    study = replace(STUDY, target=0.95, expected=0.99, effort=Effort(6, 60, unsure=0.05))
    assert not planner.forecast(replace(study, target=0.9)).refusals
    study = replace(STUDY, agreement=0.88)
    assert "agree with each other in 88 %" in only(planner.forecast(study).refusals)
    assert not planner.forecast(replace(study, target=0.85)).refusals
    study = replace(STUDY, failed=200)
    assert "failed on 200 of 1,200 cases" in only(planner.forecast(study).refusals)
    assert not planner.forecast(replace(study, target=0.8)).refusals
    assert not planner.forecast(replace(study, failed=0)).refusals


def test_experts_who_agree_hardly_more_often_than_the_target_are_named():
    assert "agree with each other in 91 %" in only(
        planner.forecast(replace(STUDY, agreement=0.91)).warnings
    )
    assert not planner.forecast(replace(STUDY, agreement=0.93)).warnings


def test_a_target_that_the_commonest_answer_passes_is_named():
    forecast = planner.forecast(replace(STUDY, commonest=0.95))
    assert "would pass 90 %. Ask for a bound per predicted class too" in only(forecast.warnings)


def test_a_target_that_the_model_is_not_expected_to_show_is_named():
    warnings = planner.forecast(replace(STUDY, expected=0.9)).warnings
    assert "it will hardly be established" in warnings[0]


def test_too_few_answers_are_named_with_the_chance():
    warning = only(planner.forecast(replace(STUDY, effort=Effort(6, 20))).warnings)
    assert "With 104 drawn cases answered, 90 % is established in 34 % of studies" in warning
    assert not planner.forecast(replace(STUDY, effort=Effort(6, 60))).warnings


def test_failed_cases_leave_fewer_errors():
    with_failed = planner.prospect(replace(STUDY, failed=20), 0.9, 0.95)
    assert with_failed.median > planner.prospect(STUDY, 0.9, 0.95).median
