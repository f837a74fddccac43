"""How bound and estimate moved with each answer, and what the bound is for cases to come."""

import numpy as np
import pandas as pd
import pytest

from second_opinion.statistics import evidence_course, production, release, sampling

FINE = 1 / evidence_course.FINENESS


def study(design, cases=300, answers=60, seed=0, wrong=0.1, unsure=0.05):
    rng = np.random.default_rng(seed)
    draws = sampling.draws(rng.beta(6, 1, cases), design, seed)
    said = rng.choice(["wrong", "unsure", "right"], answers, p=[wrong, unsure, 1 - wrong - unsure])
    draws["answer"] = pd.Series(said, dtype="object").reindex(range(cases))
    return draws


@pytest.mark.parametrize("design", sampling.DESIGNS)
@pytest.mark.parametrize("failed", [0, 7])
def test_each_point_is_what_was_known_after_that_answer(design, failed):
    draws = study(design)
    claim = release.Claim(0.8, expected=0.9, failed=failed)
    course = evidence_course.course(claim, draws)
    assert course["answers"].tolist() == list(range(1, 61))
    assert (course["bound"].diff().dropna() >= 0).all()
    best = 0.0
    for at in (1, 2, 10, 37, 60):
        then = release.assess(claim, draws.assign(answer=draws["answer"][:at]))
        point = course.iloc[at - 1]
        assert point["estimate"] == pytest.approx(then.estimate)
        best = max(best, then.bound)
        assert best - FINE - 1e-9 <= point["bound"] <= best + 1e-9


def test_before_an_answer_there_is_no_point():
    assert len(evidence_course.course(release.Claim(0.9), study("doubt", answers=0))) == 0


def test_while_every_answer_is_wrong_nothing_is_known():
    draws = study("uniform", answers=5, wrong=1.0, unsure=0.0)
    assert evidence_course.course(release.Claim(0.9), draws)["bound"].tolist() == [0.0] * 5


@pytest.mark.parametrize(("cases", "outside"), [(500, 0.1297), (1000, 0.1203), (5000, 0.1087)])
def test_of_errors_in_a_pool_more_may_be_outside(cases, outside):
    """Every case answered, a tenth of them wrong: the pool is known, production is not."""
    draws = sampling.draws(np.full(cases, 0.9), "uniform", 1)
    draws["answer"] = ["wrong"] * (cases // 10) + ["right"] * (cases - cases // 10)
    claim = release.Claim(0.8)
    assert release.assess(claim, draws).bound == pytest.approx(0.9)
    assert 1 - production.bound(claim, draws) == pytest.approx(outside, abs=5e-5)


def test_for_production_less_is_shown_than_for_the_pool():
    draws = study("doubt")
    claim = release.Claim(0.8, expected=0.9)
    assert production.bound(claim, draws) < release.assess(claim, draws).bound
