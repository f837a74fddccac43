"""May the model be released? What answers in draw order say, however often one looks."""

import numpy as np
import pandas as pd
import pytest
from builders import most, runs_of

from second_opinion.errors import UserError
from second_opinion.statistics import agreement, release, sampling
from second_opinion.statistics.pool_evidence import PoolEvidence

CLAIM = release.Claim(target=0.9, expected=0.95)


def pool(cases=1000, design="uniform", seed=1):
    """The draws of a pool of which nothing is answered."""
    confidence = np.random.default_rng(seed).beta(6, 1, cases)
    return sampling.draws(confidence, design, seed).assign(answer=None)


def answered(draws, answers, start=0):
    """The draws with these answers, from a draw on."""
    draws = draws.copy()
    draws.loc[start : start + len(answers) - 1, "answer"] = answers
    return draws


def words(n, wrong=()):
    return ["wrong" if at in wrong else "right" for at in range(n)]


SIX = (10, 50, 90, 120, 150, 180)


def test_evidence_and_bound_of_equal_draws_are_the_published():
    losses = np.isin(np.arange(200), SIX)
    establish, _ = release.e_values(losses, pool(), CLAIM)
    assert np.exp(establish[-1]) == pytest.approx(1977.1629, abs=5e-5)
    assert establish[29] == release.uniform(30, 1, 1000, 100, 0.95)
    assert release.bound(losses, pool(), CLAIM) == pytest.approx(0.928)
    without = release.Claim(target=0.9)
    assert release.bound(losses, pool(), without) == pytest.approx(0.929)


@pytest.mark.parametrize(("answers", "state"), [(44, "open"), (45, "established")])
def test_45_answers_without_a_disagreement_establish_nine_in_ten_of_a_thousand(answers, state):
    result = release.assess(CLAIM, answered(pool(), words(answers)))
    assert result.state == state
    assert (result.bound >= 0.9) == (state == "established")


@pytest.mark.parametrize("design", sampling.DESIGNS)
@pytest.mark.parametrize("every", [4, 9, 15, 40])
def test_established_is_that_the_bound_reaches_the_target(design, every):
    """The bound holds for every target at once, so a claim of it is just established."""
    losses = np.arange(250) % every == every - 1
    draws = pool(700, design)
    bound = release.bound(losses, draws, CLAIM)
    for errors, is_established in ((0, True), (-1, False)):
        target = bound - errors / 700
        establish, _ = release.e_values(losses, draws, release.Claim(target=target, expected=0.95))
        assert (establish.max() >= np.log(20) - 1e-9) == is_established


def test_the_bound_never_falls_while_answers_come_in():
    draws, rng = pool(400, "doubt"), np.random.default_rng(5)
    losses = rng.random(120) < 0.1
    bounds = [release.bound(losses[:n], draws, CLAIM) for n in range(0, 121, 8)]
    assert (np.diff(bounds) >= 0).all()


def test_a_pool_that_is_wrong_throughout_is_refuted():
    result = release.assess(CLAIM, answered(pool(design="doubt"), ["wrong"] * 40))
    assert (result.state, result.more) == ("refuted", None)
    assert result.refute >= 20


def test_more_errors_than_allowed_refute_outright():
    claim = release.Claim(target=0.9)
    draws = answered(pool(20), ["wrong"] * 3)
    establish, refute = release.e_values([1, 1, 1], draws, claim)
    assert (establish[-1], refute[-1]) == (-np.inf, np.inf)


def test_what_passes_first_in_draw_order_counts():
    draws = pool(300)
    first = release.assess(CLAIM, answered(draws, words(60) + ["wrong"] * 200))
    assert first.state == "established"
    assert first.refute >= 20
    then = release.assess(CLAIM, answered(draws, ["wrong"] * 20 + words(270)))
    assert then.state == "refuted"


def test_answers_out_of_order_give_the_same_as_in_order():
    draws, answers = pool(200, "doubt"), words(80, (3, 40))
    in_order = release.assess(CLAIM, answered(draws, answers))
    late, rng = draws.copy(), np.random.default_rng(2)
    for at in rng.permutation(80):
        late.loc[at, "answer"] = answers[at]
    assert release.assess(CLAIM, late) == in_order


def test_answers_behind_an_open_case_wait_for_it():
    draws = answered(answered(pool(), words(20)), words(30), start=21)
    result = release.assess(CLAIM, draws)
    assert (result.answers, result.waiting) == (20, 30)
    same = release.assess(CLAIM, answered(pool(), words(20)))
    assert (result.bound, result.establish) == (same.bound, same.establish)


@pytest.mark.parametrize("design", sampling.DESIGNS)
def test_an_unsure_answer_never_helps_either_conclusion(design):
    draws, sure = pool(400, design), words(60, (7, 20))
    for at in (0, 7, 33, 59):
        unsure = [*sure[:at], "unsure", *sure[at + 1 :]]
        result = release.assess(CLAIM, answered(draws, unsure))
        for other in ("right", "wrong"):
            sides = release.assess(CLAIM, answered(draws, [*sure[:at], other, *sure[at + 1 :]]))
            helps = sides.establish if other == "wrong" else sides.refute
            assert (result.establish if other == "wrong" else result.refute) == pytest.approx(helps)
        assert result.unsure == 1
        assert result.estimate <= result.estimate_if_right


def test_an_open_case_is_no_answer():
    result = release.assess(CLAIM, answered(pool(), words(50), start=1))
    assert (result.state, result.answers, result.waiting) == ("open", 0, 50)
    assert (result.bound, result.estimate) == (0, None)
    assert (result.establish, result.refute) == (1, 1)


def test_failed_cases_count_as_wrong_and_leave_the_others_fewer_errors():
    """Twelve of 1,012 failed: of the others 89 may be wrong, where 101 might have been."""
    losses = np.isin(np.arange(200), SIX)
    claim = release.Claim(target=0.9, expected=0.95, failed=12)
    establish, _ = release.e_values(losses, pool(), claim)
    assert establish[-1] == release.uniform(200, 6, 1000, 89, 0.95)
    whole = release.bound(losses, pool(), CLAIM)
    assert release.bound(losses, pool(), claim) == pytest.approx(
        1 - (12 + 1000 * (1 - whole)) / 1012
    )


def test_more_failed_than_allowed_refute_before_an_answer():
    claim = release.Claim(target=0.9, failed=12)
    assert release.assess(claim, pool(100)).state == "refuted"


def test_the_estimate_mends_unequal_draws():
    """Over many orders it is the share right of the pool, though doubtful cases come more often."""
    rng = np.random.default_rng(4)
    confidence = rng.beta(4, 1, 300)
    wrong = rng.random(300) < 1 - confidence
    estimates = []
    for seed in range(100):
        draws = sampling.draws(confidence, "doubt", seed)
        losses = wrong[draws["row"]][:40].astype(float)
        estimates.append(1 - PoolEvidence.of(draws, losses, None).errors() / 300)
    assert np.mean(estimates) == pytest.approx(1 - wrong.mean(), abs=0.015)


@pytest.mark.parametrize("design", sampling.DESIGNS)
def test_about_as_many_more_answers_are_foreseen_as_it_takes_if_all_go_on_as_before(design):
    draws = pool(1000, design)
    before = release.assess(CLAIM, answered(draws, words(30)))
    after = release.assess(CLAIM, answered(draws, words(30 + 2 * before.more)))
    assert before.state == "open"
    assert 5 < before.more < 80
    assert after.state == "established"


def test_before_an_answer_about_as_many_are_foreseen_as_the_median_of_the_table():
    assert 110 < release.assess(CLAIM, pool()).more < 220


@pytest.mark.parametrize(
    "claim",
    [
        {"target": 1},
        {"target": 90},
        {"target": 0.9, "alpha": 0},
        {"target": 0.9, "expected": 95},
        {"target": 0.9, "failed": -1},
        {"target": 0.9, "groups": (0.5, 0.25, 1)},
        {"target": 0.9, "groups": (0.5, 0.9)},
    ],
)
def test_a_claim_that_cannot_be_tested_is_refused(claim):
    with pytest.raises(UserError, match="expected"):
        release.Claim(**claim)


def test_draws_of_a_part_of_the_pool_are_refused():
    with pytest.raises(ValueError, match="base sums to"):
        release.assess(CLAIM, pool()[:50])
    with pytest.raises(ValueError, match="no column base"):
        release.e_values([0], pool().drop(columns="base"), CLAIM)


def test_an_answer_of_another_kind_is_refused():
    with pytest.raises(ValueError, match=r"right, wrong, unsure or nothing; found \['perhaps'\]"):
        release.assess(CLAIM, answered(pool(), ["perhaps"]))


def test_draws_that_were_written_to_a_file_say_the_same(tmp_path):
    draws = answered(pool(300, "doubt"), words(60, (5,)))
    draws.to_csv(tmp_path / "draws.csv", index=False)
    read = release.assess(CLAIM, pd.read_csv(tmp_path / "draws.csv"))
    same = release.assess(CLAIM, draws)
    # Not every pandas reads the last digit back.
    figures = [read.bound, read.estimate, read.establish, read.refute]
    assert figures == pytest.approx([same.bound, same.estimate, same.establish, same.refute])
    assert (read.state, read.answers, read.more) == (same.state, same.answers, same.more)


# --- Groups: release it where it is right

GROUPS = release.Claim(target=0.9, expected=0.95, groups=(0.25, 0.5, 1))


def by_truth(draws, wrong, answers):
    """The first draws answered by which rows of the pool are wrong."""
    return answered(draws, np.where(wrong[draws["row"]], "wrong", "right")[:answers])


def test_the_model_may_answer_alone_where_it_is_right():
    draws = pool(1000, "doubt")
    least = draws["confidence"].quantile(0.5)
    sure = (draws.set_index("row")["confidence"].sort_index() >= least).to_numpy()
    wrong = ~sure & (np.random.default_rng(3).random(1000) < 0.6)
    result = release.assess(GROUPS, by_truth(draws, wrong, 300))
    assert [group.state for group in result.groups] == ["established", "established", "refuted"]
    assert result.state == "refuted"
    assert result.alone == pytest.approx(least, abs=0.01)
    assert [group.cases for group in result.groups] == [250, 500, 1000]


def test_a_group_counts_only_after_those_inside_it():
    draws = pool(1000, "doubt")
    surest = draws["confidence"] >= draws["confidence"].quantile(0.75)
    # The surest are as often wrong as the target allows, all others right.
    answers = np.where(surest & (draws.index % 11 == 10), "wrong", "right")[:400]
    result = release.assess(GROUPS, answered(draws, answers))
    assert result.groups[0].state == "open"
    assert "established" in [group.state for group in result.groups[1:]]
    assert not any(group.counts for group in result.groups)
    assert (result.state, result.alone) == ("open", None)


def test_a_group_is_the_same_test_on_its_own_draws():
    draws = answered(pool(400, "doubt"), words(150, (9,)))
    group = release.assess(GROUPS, draws).groups[1]
    inside = draws[draws["confidence"] >= group.confidence]
    own = inside.assign(base=inside["base"] / inside["base"].sum())
    alone = release.assess(release.Claim(target=0.9), own)
    assert (group.cases, group.answers) == (len(inside), alone.answers)
    assert group.bound == pytest.approx(alone.bound, abs=0.02)


def test_a_group_that_is_open_says_how_many_answers_of_the_pool_are_still_needed():
    draws = pool(1000, "doubt")
    surest = draws["confidence"] >= draws["confidence"].quantile(0.75)
    # The pool is established long before the surest of it, which were wrong early.
    answers = np.where(surest & (surest.cumsum() <= 2), "wrong", "right")[:200]
    result = release.assess(GROUPS, answered(draws, answers))
    assert release.assess(CLAIM, answered(draws, answers)).state == "established"
    assert (result.state, result.groups[0].state) == ("open", "open")
    assert result.more == result.groups[0].more > 0
    further = words(200 + round(1.2 * result.more))
    then = release.assess(GROUPS, answered(draws, [*answers, *further[200:]]))
    assert then.state == "established"
    assert then.more is None


@pytest.mark.parametrize("failed", [0, 3])
def test_groups_of_equally_sure_cases_are_one_and_are_as_large_as_they_are(failed):
    """Of 400 cases 300 are entirely sure: the surest quarter, half and three quarters are those."""
    confidence = np.repeat([1.0, 0.8], [300, 100])
    draws = sampling.draws(confidence, "doubt", 1).assign(answer=None)
    claim = release.Claim(target=0.9, groups=(0.25, 0.5, 0.75, 1), failed=failed)
    groups = release.assess(claim, answered(draws, words(200))).groups
    assert [(one.share, one.cases, one.confidence) for one in groups] == [
        (0.75, 300, 1),
        (1, 400, 0.8),
    ]
    alike = sampling.draws(np.full(400, 0.9), "doubt", 1).assign(answer=None)
    cases = [one.cases for one in release.assess(claim, alike).groups]
    assert cases == ([400, 400] if failed else [400])


# --- How often chance alone releases a model


def misplaced(confidence, errors, where, rng):
    """Which rows of a pool are wrong, with this many among the sure, the doubtful, or anywhere."""
    place = {"sure": -confidence, "doubtful": confidence, "anywhere": rng.random(len(confidence))}
    wrong = np.zeros(len(confidence), bool)
    wrong[np.argsort(place[where], kind="stable")[:errors]] = True
    return wrong


@pytest.mark.simulation
@pytest.mark.parametrize("where", ["sure", "doubtful"])
def test_a_model_with_one_error_too_many_is_seldom_released(where):
    """Looked at after every one of 600 answers; the guarantee is 5 of 100."""
    rng, runs, released = np.random.default_rng(19), runs_of(1000), 0
    for seed in range(runs):
        confidence = rng.beta(6, 1, 1000)
        draws = sampling.draws(confidence, "doubt", seed)
        losses = misplaced(confidence, 101, where, rng)[draws["row"]][:600]
        establish, _ = release.e_values(losses, draws, CLAIM)
        released += establish.max() >= np.log(20)
    assert released <= most(runs, 0.05, thorough=0.065)


@pytest.mark.simulation
def test_watching_a_plain_bound_releases_such_a_model_in_one_of_five_studies_or_more():
    """Why not: a one-sided 95 % Wilson bound, looked at after every one of 600 equal draws."""
    rng, runs = np.random.default_rng(20), runs_of(1000)
    n = np.arange(1, 601)
    released = 0
    for _ in range(runs):
        right = (~rng.permutation(np.arange(1000) < 101))[:600].cumsum()
        released += (agreement.wilson(right, n, confidence=0.9)[0] >= 0.9).any()
    assert released >= 0.2 * runs


@pytest.mark.simulation
@pytest.mark.parametrize("where", ["sure", "doubtful", "anywhere"])
def test_with_groups_a_false_one_is_seldom_released(where):
    """The half that is surer has one error too many; looked at after every one of 600 answers."""
    rng, runs, released = np.random.default_rng(21), runs_of(1000), 0
    for seed in range(runs):
        confidence = rng.beta(6, 1, 1000)
        half = np.argsort(-confidence)[:500]
        wrong = np.zeros(1000, bool)
        wrong[half] = misplaced(confidence[half], 51, where, rng)
        draws = sampling.draws(confidence, "doubt", seed)
        released += releases_a_false_group(draws, wrong)
    assert released <= most(runs, 0.05, thorough=0.065)


def releases_a_false_group(draws, wrong):
    """Whether a group with too many errors ever counts, after all those inside it."""
    for share in GROUPS.groups:
        least = draws["confidence"].quantile(1 - share, interpolation="higher")
        inside = draws[draws["confidence"] >= least]
        errors = wrong[inside["row"]]
        answers = int((inside.index < 600).sum())
        own = inside.assign(base=inside["base"] / inside["base"].sum())
        establish, _ = release.e_values(errors[:answers], own, CLAIM)
        if establish.max() < np.log(20):
            return False
        if errors.sum() > 0.1 * len(errors):
            return True
    return False
