"""What an answer is held against before anybody asks why: the training answers, the usual error."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from second_opinion.models.card import ModelCard
from second_opinion.models.registry import Registry
from second_opinion.recent import Recent
from second_opinion.records.answer_scale import is_number
from second_opinion.records.value import same_value
from second_opinion.statistics.training_summary import Reference

# What a card's figures call the mean distance of its numbers from what was measured.
MEAN_ERRORS = ("mean absolute error", "mae")
FEWEST_QUANTILES = 5


MOST_MODELS = 64


@dataclass(frozen=True)
class Place:
    """Where a number lies among the training answers.

    ``below`` and ``above`` are shares of them, 0 to 1; ``quartiles`` are the lowest, the three
    quartiles and the highest, in the unit of the answer.
    """

    below: float
    above: float
    quartiles: tuple[float, float, float, float, float]

    @property
    def middle(self) -> float:
        """The share of training answers up to this one, half of the equal ones among them."""
        return (self.below + 1 - self.above) / 2


@dataclass(frozen=True)
class AnswerContext:
    """What is known of the answers of one version: ``answers`` are quantiles of the training ones.

    ``usual_error`` is in their unit, ``base_rate`` a fraction of the ``cases`` in training; None
    where it is not known.
    """

    cases: int
    answers: tuple[float, ...]
    usual_error: float | None
    base_rate: float | None


_contexts: Recent[AnswerContext] = Recent(MOST_MODELS)


def context_of(registry: Registry, card: ModelCard) -> AnswerContext:
    """What is known of the answers of a version, read once a process."""
    if context := _contexts.get(card.sha256):
        return context
    reference = registry.reference(card)
    answers = tuple((reference.target or {}).get("quantiles", ()))
    context = AnswerContext(reference.rows, answers, usual_error(card), base_rate(card, reference))
    return _contexts.keep(card.sha256, context, 1)


def place_of(number: float, levels: Sequence[float]) -> Place | None:
    """Where a number lies among the training answers, by their quantiles; None without those."""
    if len(levels) < FEWEST_QUANTILES or not is_number(number):
        return None
    last = len(levels) - 1
    low, quarter, half, three_quarters, high = (levels[round(last * k / 4)] for k in range(5))
    return Place(
        _share(levels, number, bisect_left),
        1 - _share(levels, number, bisect_right),
        (low, quarter, half, three_quarters, high),
    )


def _share(levels: Sequence[float], number: float, side: Callable[..., int]) -> float:
    """The share of the training answers before a number: between two quantiles along a line."""
    last, at = len(levels) - 1, side(levels, number)
    if at == 0 or at > last:
        return min(at, last) / last
    before, after = levels[at - 1], levels[at]
    if number in (before, after):
        return (at if number == after else at - 1) / last
    return (at - 1 + (number - before) / (after - before)) / last


def usual_error(card: ModelCard) -> float | None:
    """The mean distance of the model's numbers from what was measured, in their unit; None where
    its card has no such figure."""
    figures = {name.casefold(): value for name, value in card.metrics.items()}
    errors = [figures[name] for name in MEAN_ERRORS if is_number(figures.get(name))]
    return float(errors[0]) if errors else None


def base_rate(card: ModelCard, reference: Reference) -> float | None:
    """The share (0 to 1) of training cases with the event; None where they were not counted."""
    counts = (reference.target or {}).get("counts", ())
    total = sum(count for _, count in counts)
    if not total or card.positive is None:
        return None
    events = sum(count for value, count in counts if same_value(value, card.positive))
    return float(events / total)
