"""May this model be released? Whether a pool holds few enough errors, however often one looks.

A case is wrong where the model's answer is not that of the experts. Everything rests on the draws
of `sampling` and on their answers in draw order; a plan is a `Claim`. Evidence is in logs: a claim
is established, or refuted, once it reaches log(1/alpha).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from second_opinion.records.plan import Claim
from second_opinion.statistics.equal_draws import allowed_errors, exact, uniform
from second_opinion.statistics.outlook import answers_to_come
from second_opinion.statistics.pool_evidence import PoolEvidence, bands_of, bar_of
from second_opinion.statistics.ratings import Array

__all__ = ["Assessment", "Claim", "assess", "bound", "e_values", "exact", "uniform"]

State = Literal["established", "refuted", "open"]
ANSWERS = ("right", "wrong", "unsure")


@dataclass(frozen=True)
class GroupAssessment:
    """What is known of the surest ``share`` of a pool: those with ``confidence`` or more.

    Cases of equal confidence are never parted, so that ``cases`` may be more than the share.
    ``counts`` once it is established and so are all groups inside it: the model may answer alone.
    ``more`` is about how many further answers of the pool it takes, as of an `Assessment`.
    """

    share: float
    confidence: float
    cases: int
    state: State
    bound: float
    answers: int
    counts: bool
    more: int | None


@dataclass(frozen=True)
class Assessment:
    """What the answers so far say of a claim.

    ``bound`` is the least share of the pool in which the model is right, with confidence
    1 − alpha, good for every target; ``estimate`` the likeliest share, None before an answer, and
    ``estimate_if_right`` the same had all unsure answers confirmed the model. ``establish`` and
    ``refute`` are the most that the evidence ever was, to be held against 1/alpha. ``answers``
    count in draw order up to the first case that is open, ``unsure`` among them; ``waiting`` are
    answers beyond it. ``more`` says about how many answers are still needed, None where they would
    not be enough or none are. ``alone`` is the confidence from which on the model may answer alone.
    """

    state: State
    bound: float
    estimate: float | None
    establish: float
    refute: float
    answers: int
    waiting: int
    unsure: int
    more: int | None
    estimate_if_right: float | None = None
    groups: tuple[GroupAssessment, ...] = ()

    @property
    def alone(self) -> float | None:
        return min((group.confidence for group in self.groups if group.counts), default=None)


def e_values(answers: Any, draws: pd.DataFrame, plan: Claim) -> tuple[Array, Array]:
    """The logs of the evidence for and against a claim, after each of the first draws.

    ``answers`` are those of the first draws, in draw order: 1 where the model was wrong, 0 where it
    was right, NaN for unsure, which never helps either side. ``draws`` is the table of all draws of
    the pool, as `sampling.draws` makes it.
    """
    losses = np.asarray(answers, dtype=float)
    evidence = PoolEvidence.of(draws, losses, plan.expected)
    allowed = _allowed(plan, len(draws))
    return evidence.against(allowed + 1), evidence.against_target(allowed)


def bound(answers: Any, draws: pd.DataFrame, plan: Claim) -> float:
    """The least share of the pool that is right, with confidence 1 − alpha; for every target."""
    evidence = PoolEvidence.of(draws, np.asarray(answers, dtype=float), plan.expected)
    return _share_right(evidence.most_errors(plan.alpha), draws, plan)


def assess(plan: Claim, draws: pd.DataFrame) -> Assessment:
    """What the answers in the table of draws say of a claim.

    ``draws`` has a row for each case of the pool, in draw order, as `sampling.draws` makes it, and
    a column ``answer``: right, wrong or unsure, and nothing where a case is open. Answers enter in
    draw order up to the first open case.
    """
    whole = _assess(plan, draws)
    if not plan.groups:
        return whole
    groups = _groups(plan, draws)
    # The pool is the last of the groups, and waits for those inside it.
    last = groups[-1]
    is_early = whole.state == "established" and not last.counts
    state = "open" if is_early else whole.state
    return replace(
        whole, state=state, more=_slowest(groups) if state == "open" else None, groups=groups
    )


def _assess(plan: Claim, draws: pd.DataFrame) -> Assessment:
    losses, waiting = answered(draws)
    unsure = np.isnan(losses)
    establish, refute = e_values(losses, draws, plan)
    evidence = PoolEvidence.of(draws, losses, plan.expected)
    state = _state(establish, refute, plan, len(draws))
    errors = evidence.errors()
    confirmed = PoolEvidence.of(draws, np.nan_to_num(losses), plan.expected).errors()
    more = None if state != "open" else _more(evidence, plan, draws)
    return Assessment(
        state=state,
        bound=_share_right(evidence.most_errors(plan.alpha), draws, plan),
        estimate=_share_right(errors, draws, plan) if len(losses) else None,
        establish=_most(establish),
        refute=_most(refute),
        answers=len(losses),
        waiting=waiting,
        unsure=int(unsure.sum()),
        more=more,
        estimate_if_right=_share_right(confirmed, draws, plan) if len(losses) else None,
    )


def _more(evidence: PoolEvidence, plan: Claim, draws: pd.DataFrame) -> int | None:
    band = bands_of(draws)[1][len(evidence.trail.band) :]
    return answers_to_come(evidence, band, _allowed(plan, len(draws)), plan.alpha)


def alone(plan: Claim, draws: pd.DataFrame) -> float | None:
    """`Assessment.alone` of the same table, without all else that is known of the groups."""
    limit = None
    for _, least, claim, inside in _claims(plan, draws):
        logs = e_values(answered(inside)[0], inside, claim)
        if _state(*logs, claim, len(inside)) != "established":
            break
        limit = least
    return limit


def _groups(plan: Claim, draws: pd.DataFrame) -> tuple[GroupAssessment, ...]:
    groups: list[GroupAssessment] = []
    for share, least, claim, inside in _claims(plan, draws):
        result = _assess(claim, inside)
        counts = result.state == "established" and all(group.counts for group in groups)
        about = (len(inside), result.state, result.bound, result.answers)
        more = _more_of_pool(result, draws["confidence"].to_numpy(float) >= least, draws)
        groups.append(GroupAssessment(share, least, *about, counts, more))
    return tuple(groups)


def _claims(plan: Claim, draws: pd.DataFrame) -> Iterator[tuple[float, float, Claim, pd.DataFrame]]:
    """Each group from the inside: its share and least confidence, its claim, and its draws."""
    sure = draws["confidence"].to_numpy(float)
    if np.isnan(sure).any():
        raise ValueError("groups need a confidence for each case; test without groups")
    doubt = 1 - sure.mean()
    for (least, failed), share in _limits(plan, sure).items():
        inside = draws[sure >= least]
        less_doubt = (1 - inside["confidence"].mean()) / doubt if doubt else 1.0
        expected = None if plan.expected is None else 1 - (1 - plan.expected) * less_doubt
        claim = replace(plan, groups=(), failed=failed, expected=expected)
        yield share, least, claim, inside.assign(base=inside["base"] / inside["base"].sum())


def _limits(plan: Claim, sure: Array) -> dict[tuple[float, int], float]:
    """The least confidence of each group and its failed cases, with the share that it stands for.

    Of shares that take in the same cases, as where many are equally sure, the largest stays.
    """
    # Failed cases have no confidence: they belong to the pool, and to no group inside it.
    return {
        (
            float(np.quantile(sure, 1 - share, method="higher")),
            plan.failed if share == 1 else 0,
        ): share
        for share in plan.groups
    }


def _more_of_pool(group: Assessment, is_inside: Array, draws: pd.DataFrame) -> int | None:
    """How many answers of the whole pool, in draw order, bring a group those that it needs."""
    if group.more is None:
        return None
    last = int(np.flatnonzero(is_inside)[group.answers + group.more - 1])
    return max(last + 1 - len(answered(draws)[0]), 0)


def _slowest(groups: tuple[GroupAssessment, ...]) -> int | None:
    """About how many more answers until all groups count; None where one never will."""
    missing = [group.more for group in groups if group.state != "established"]
    return None if None in missing else max((more or 0 for more in missing), default=None)


def answered(draws: pd.DataFrame) -> tuple[Array, int]:
    """The losses of the answered start of the draws, NaN for unsure, and the answers behind it."""
    answer = draws["answer"]
    is_open = answer.isna() | (answer == "")
    unknown = set(answer[~is_open]) - set(ANSWERS)
    if unknown:
        raise ValueError(f"answers are {', '.join(ANSWERS)} or nothing; found {sorted(unknown)}")
    first = int(is_open.to_numpy().argmax()) if is_open.any() else len(draws)
    losses = answer[:first].map({"right": 0.0, "wrong": 1.0, "unsure": np.nan}).to_numpy(float)
    return losses, int((~is_open).sum()) - first


def _allowed(plan: Claim, drawn: int) -> int:
    """How many of the drawn cases may be wrong, where the failed ones are; negative for none."""
    return allowed_errors(drawn + plan.failed, plan.target) - plan.failed


def _share_right(errors: float, draws: pd.DataFrame, plan: Claim) -> float:
    cases = len(draws) + plan.failed
    return float(1 - (errors + plan.failed) / cases) if cases else 0.0


def _state(establish: Array, refute: Array, plan: Claim, drawn: int) -> State:
    """Whichever passes first in draw order."""
    if _allowed(plan, drawn) < 0:
        return "refuted"
    bar = bar_of(plan.alpha)
    first, other = (_first(logs >= bar) for logs in (establish, refute))
    if first == other:
        return "open"
    return "established" if first < other else "refuted"


def _first(passing: Array) -> int:
    return int(passing.argmax()) if passing.any() else len(passing)


def _most(logs: Array) -> float:
    """As a number that JSON knows; 1 before an answer."""
    return float(np.exp(np.clip(logs.max(), -690, 690))) if len(logs) else 1.0
