"""Before the first answer: how likely a target is to be established, and how many answers it takes.

Nothing here is evidence; `release` decides. Equal draws are foreseen exactly, draws by doubt by
trying them on the pool's own confidences.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from second_opinion.formatting import plural, share_text
from second_opinion.statistics import doubt_draws, equal_draws, sampling
from second_opinion.statistics.doubt_draws import Bands, Beliefs, Trail
from second_opinion.statistics.pool_evidence import bar_of
from second_opinion.statistics.ratings import Array

RUNS = 400
# So many draws are tried at least, for the median, and at most, for somebody waits.
FEWEST_DRAWS = 600
MOST_DRAWS = 5000
TARGETS = (0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.97, 0.99)
TARGETS_TRIED = 3
LIKELY_ENOUGH = 0.8
# Experts who differ from each other that often cannot confirm a model much better than that.
AGREEMENT_MARGIN = 0.02


@dataclass(frozen=True)
class Effort:
    """Who is there to answer: experts, cases for each, and the share that they will not know.

    ``answers`` are asked of each case, and ``twice`` is the share of cases answered a second time.
    """

    experts: int
    cases_each: int
    unsure: float = 0.0
    answers: int = 1
    twice: float = 0.15

    @property
    def draws(self) -> int:
        """How many drawn cases they can finish."""
        return int(self.experts * self.cases_each / (self.answers + self.twice))


@dataclass(frozen=True)
class Prospect:
    """How a target fares if the model is right in ``true`` of the pool.

    ``chance`` of being established with the answers that are there; ``median`` and ``most`` (of
    nine in ten studies) answers until then, None where more than half, or a tenth, never get there.
    """

    target: float
    true: float
    chance: float
    median: int | None
    most: int | None


@dataclass(frozen=True)
class Forecast:
    """What a plan may hope for. ``refusals`` say why a target is out of reach, ``warnings`` more.

    ``proposed`` is the highest target that is likely to be established, None if there is none.
    """

    prospects: tuple[Prospect, ...]
    proposed: float | None
    refusals: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class PlannedStudy:
    """A study before its first answer: the pool's confidences, what is asked, and of whom.

    ``agreement`` is the share in which the experts agree with each other, ``commonest`` the share
    of the commonest answer, both None where not known.
    """

    confidence: Any
    target: float
    expected: float
    effort: Effort
    design: sampling.Design = "doubt"
    alpha: float = 0.05
    failed: int = 0
    agreement: float | None = None
    commonest: float | None = None

    @property
    def cases(self) -> int:
        """How many cases the pool has, the failed ones too."""
        return len(self.confidence) + self.failed

    def confirmed(self, true: float) -> float:
        """The share of answers that will confirm a model that is right in ``true``."""
        return true * (1 - self.effort.unsure)


def forecast(study: PlannedStudy, heard: Callable[[float], None] | None = None) -> Forecast:
    """How likely the target and those around it are to be established, and one that can be reached.

    ``heard`` is told the share that is done. At once for equal draws, about ten seconds by doubt.
    """
    pairs = [(target, true) for target in _targets(study) for true in _truths(study, target)]
    prospects = []
    for at, (target, true) in enumerate(pairs):
        prospects.append(prospect(study, target, true))
        if heard:
            heard((at + 1) / len(pairs))
    return Forecast(
        prospects=tuple(prospects),
        proposed=_proposed(study, prospects),
        refusals=tuple(refusals(study)),
        warnings=(*cautions(study), *_unlikely(study, prospects), *_untried(study)),
    )


def prospect(study: PlannedStudy, target: float, true: float) -> Prospect:
    """How one target fares if the model is right in ``true``."""
    allowed = equal_draws.allowed_errors(study.cases, target) - study.failed
    wrong = round(len(study.confidence) * (1 - study.confirmed(true)))
    if allowed < 0:
        return Prospect(target, true, 0.0, None, None)
    if study.design == "uniform":
        cases = len(study.confidence)
        chances = equal_draws.exact(cases, allowed, wrong, study.expected, study.alpha)
        by_draw = np.minimum(chances.cumsum(), 1)
    else:
        by_draw = _simulated(study, allowed, wrong)
    reach = min(study.effort.draws, len(by_draw) - 1)
    return Prospect(target, true, float(by_draw[reach]), _first(by_draw, 0.5), _first(by_draw, 0.9))


def _first(by_draw: Array, share: float) -> int | None:
    return int((by_draw >= share).argmax()) if by_draw[-1] >= share else None


def _simulated(study: PlannedStudy, allowed: int, wrong: int) -> Array:
    """The share of 400 tried studies that are established by each draw, from 0 on."""
    band, doubt = sampling.bands(study.confidence)
    weights = sampling.base_weights(band, doubt, study.design)
    bands = Bands(np.bincount(band), weights, doubt)
    draws = min(len(band), max(FEWEST_DRAWS, study.effort.draws), MOST_DRAWS)
    beliefs = Beliefs.of(bands, allowed, study.expected)
    reached = np.zeros(draws + 1)
    for seed in range(RUNS):
        # Not the seed of the order: the wrong ones would be drawn first.
        losses = _losses(doubt[band], wrong, np.random.default_rng([seed, RUNS]))
        order = sampling.draw_order(weights[band], seed)[:draws]
        trail = Trail.of(bands, band[order], losses[order])
        reached[_established(trail, allowed, beliefs, bar_of(study.alpha)) :] += 1
    return reached / RUNS


def _losses(doubt: Array, wrong: int, rng: np.random.Generator) -> Array:
    """Which cases are wrong, so many of them, and each as likely as the model doubts it."""
    losses = np.zeros(len(doubt), int)
    losses[np.argsort(rng.exponential(size=len(doubt)) / np.maximum(doubt, 1e-9))[:wrong]] = 1
    return losses


def _established(trail: Trail, allowed: int, beliefs: Beliefs, bar: float) -> int:
    """After how many draws; beyond all of them where never."""
    before = np.zeros((len(beliefs.weight), 1))
    # Most studies end early, and a part costs by its length.
    for part in _parts(len(trail.band)):
        every = max(1, len(trail.band) // 100)
        logs = before + np.cumsum(doubt_draws.steps(trail[part], allowed, beliefs, every), axis=1)
        passing = doubt_draws.mixed(logs, beliefs) >= bar
        if passing.any():
            return int(part.start + passing.argmax() + 1)
        before = logs[:, -1:]
    return len(trail.band) + 1


def _parts(draws: int) -> Iterable[slice]:
    ends = [end for end in (60, 120, 240, 600, 1500) if end < draws] + [draws]
    return [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]


def _targets(study: PlannedStudy) -> list[float]:
    """The target, and those just below what the model is expected to show."""
    reachable = [target for target in TARGETS if target < study.confirmed(study.expected)]
    return sorted({*reachable[-TARGETS_TRIED:], study.target})


def _truths(study: PlannedStudy, target: float) -> list[float]:
    """As expected, and half as much better than the target."""
    if study.expected <= target:
        return [study.expected]
    return [study.expected, round((study.expected + target) / 2, 4)]


def _proposed(study: PlannedStudy, prospects: list[Prospect]) -> float | None:
    likely = [
        one.target
        for one in prospects
        if one.true == study.expected and one.chance >= LIKELY_ENOUGH
    ]
    return max(likely, default=None)


def refusals(study: PlannedStudy) -> Iterable[str]:
    """Why the target is out of reach, whoever answers; none where it is not."""
    target, unsure = share_text(study.target), study.effort.unsure
    if 1 - unsure <= study.target:
        yield (
            f"{target} cannot be established: experts are expected to be unsure in "
            f"{share_text(unsure)} of the cases, and none of these confirms the model. Choose a "
            f"target below {share_text(1 - unsure)}, or cases that experts can judge."
        )
    if study.agreement is not None and study.agreement <= study.target:
        yield (
            f"{target} cannot be established: the experts agree with each other in "
            f"{share_text(study.agreement)}, so that even a perfect model would not agree with "
            "them more often. Choose a lower target, or settle first what the right answer is."
        )
    if study.failed > equal_draws.allowed_errors(study.cases, study.target):
        yield (
            f"{target} cannot be established: the model failed on {study.failed:,} of "
            f"{plural(study.cases, 'case')}, which is more than may be wrong. Choose a lower "
            "target, or score the file again without them."
        )


def cautions(study: PlannedStudy) -> Iterable[str]:
    """What is to be known of the target before anybody answers."""
    target = share_text(study.target)
    if study.commonest is not None and study.commonest >= study.target:
        yield (
            f"Always giving the commonest answer would be right in {share_text(study.commonest)}, "
            f"and would pass {target}. Ask for a bound per predicted class too."
        )
    agreement = study.agreement
    if agreement is not None and study.target < agreement < study.target + AGREEMENT_MARGIN:
        yield (
            f"The experts agree with each other in {share_text(agreement)}: a perfect model looks "
            f"no better than that, which leaves little room over {target}."
        )
    if study.confirmed(study.expected) <= study.target:
        yield (
            f"The answers are expected to confirm the model in "
            f"{share_text(study.confirmed(study.expected))}, which is not over {target}: it will "
            "hardly be established. Choose a lower target."
        )


def _unlikely(study: PlannedStudy, prospects: list[Prospect]) -> Iterable[str]:
    target = share_text(study.target)
    chance = max(
        one.chance for one in prospects if one.target == study.target and one.true == study.expected
    )
    if chance < LIKELY_ENOUGH:
        yield (
            f"With {study.effort.draws:,} drawn cases answered, {target} is established in "
            f"{share_text(chance)} of studies of a model that is as good as expected. Ask more "
            "experts, more cases of each, or choose a lower target."
        )


def _untried(study: PlannedStudy) -> Iterable[str]:
    if study.design == "doubt" and min(study.effort.draws, len(study.confidence)) > MOST_DRAWS:
        yield (
            f"More than {MOST_DRAWS:,} draws by doubt were not tried: the chances are those of the "
            f"first {MOST_DRAWS:,}, and all answers together may establish more."
        )
