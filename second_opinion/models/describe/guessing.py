"""How a model's answers stand beside a guess, and what would make them better: numbers alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from second_opinion.errors import UserError
from second_opinion.models.describe.estimator_checks import third_party
from second_opinion.models.model import Model, as_taken
from second_opinion.records.value import plain

if TYPE_CHECKING:
    import pandas as pd

# Fewer rows tell nothing from chance.
FEWEST = 20
MOST_TRIED = 2000
# A share of the way from chance to perfection that chance itself does not go.
CHANCE_GINI = 0.3
CHANCE_BALANCED = 0.16
CHANCE_SWAPPED = 0.5
CHANCE_R2 = 0.02
SURE = 0.999
# What must be gained before another form of inputs or answers is believed to be the right one.
GAIN = 0.2

Change = Callable[[Any], Any]


@dataclass(frozen=True)
class Standing:
    """Answers beside always giving one: ``score`` and ``guess`` are shares of right answers, or R².

    ``skill`` is 0 for a guess and 1 for an answer that is always right: Gini's coefficient of two
    classes with probabilities, balanced accuracy corrected for chance, or R². ``constant`` is the
    commonest outcome, or the mean.
    """

    rows: int
    score: float
    guess: float
    skill: float
    constant: Any
    is_no_better: bool


@dataclass(frozen=True)
class Known:
    """Answers to cases whose outcomes are known; ``shares`` are cases × ``classes``, or None."""

    values: Any
    shares: Any
    y: Any
    classes: tuple[Any, ...]

    def standing(self) -> Standing:
        """How the answers stand beside a guess."""
        return self._of_classes() if self.classes else self._of_numbers()

    @property
    def swapped_score(self) -> float | None:
        """The share that the other of two classes gets right where it is far more; else None."""
        if len(self.classes) != 2 or self.standing().skill > -CHANCE_SWAPPED:
            return None
        right = (_texts(self.y) == _texts(self.values)).mean()
        return float(1 - right) if right < 0.5 - GAIN / 2 else None

    def _of_numbers(self) -> Standing:
        y, values = np.asarray(self.y, float), np.asarray(self.values, float)
        error, spread = np.abs(y - values).mean(), np.abs(y - np.median(y)).mean()
        r2 = r_squared(y, values)
        no_better = r2 < CHANCE_R2 and bool(error >= 0.98 * spread) and len(set(y)) > 1
        return Standing(len(y), r2, 0.0, r2, float(y.mean()), no_better)

    def _of_classes(self) -> Standing:
        texts, answers = _texts(self.y), _texts(self.values)
        levels, counts = np.unique(texts, return_counts=True)
        constant = plain(list(self.y)[int(np.flatnonzero(texts == levels[counts.argmax()])[0])])
        score, guess = float((texts == answers).mean()), float(counts.max() / len(texts))
        skill, chance = self._skill(texts, answers)
        margin = 2 * np.sqrt(guess * (1 - guess) / len(texts))
        no_better = len(levels) > 1 and score <= guess + margin and not self._shares_tell(texts)
        extreme = len(set(answers)) == 1 or self.is_always_sure
        return Standing(
            len(texts), score, guess, skill, constant, no_better and (skill < chance or extreme)
        )

    @property
    def is_always_sure(self) -> bool:
        return self.shares is not None and bool(self.shares.max(axis=1).min() >= SURE)

    def _skill(self, texts: Any, answers: Any) -> tuple[float, float]:
        """The share of the way from chance to perfection, and how far chance may come."""
        from sklearn.metrics import roc_auc_score

        levels = np.unique(texts)
        if self.shares is not None and len(self.classes) == 2 and len(levels) == 2:
            event = texts == _texts(self.classes)[1]
            if 0 < event.sum() < len(event):
                return 2 * float(roc_auc_score(event, self.shares[:, 1])) - 1, CHANCE_GINI
        recall = np.mean([(answers[texts == level] == level).mean() for level in levels])
        chance = 1 / max(len(levels), 2)
        return float((recall - chance) / (1 - chance)), CHANCE_BALANCED

    def _shares_tell(self, texts: Any) -> bool:
        """Whether the probabilities say more than the frequencies of the outcomes (Brier 1950)."""
        if self.shares is None:
            return False
        outcomes = (texts[:, None] == _texts(self.classes)[None, :]).astype(float)
        error = ((self.shares - outcomes) ** 2).sum(axis=1).mean()
        return bool(error < 0.98 * ((outcomes.mean(axis=0) - outcomes) ** 2).sum(axis=1).mean())


def r_squared(y: Any, values: Any) -> float:
    """R² of answers, minus infinity where one is no finite number."""
    from sklearn.metrics import r2_score

    return float(r2_score(y, values)) if np.isfinite(values).all() else -np.inf


def _texts(values: Any) -> Any:
    return np.array([repr(plain(value)) for value in values])


@dataclass(frozen=True)
class Undoing:
    """What undoes what was done to a target: in words, as Python, and as a function.

    ``done`` is what the training made of the target, ``do`` the function, None where a slope had to
    be fitted. ``r2`` is that of the answers then.
    """

    words: str
    done: str
    code: str
    undo: Change
    do: Change | None = None
    r2: float = -np.inf


UNDOINGS = (
    Undoing("exp of its answers", "the logarithm", "np.exp", np.exp, np.log),
    Undoing("expm1 of its answers", "the logarithm of one more", "np.expm1", np.expm1, np.log1p),
    Undoing(
        "10 to its answers",
        "the logarithm to the base 10",
        "lambda a: 10.0**a",
        lambda a: 10.0**a,
        np.log10,
    ),
    Undoing("2 to its answers", "the logarithm to the base 2", "np.exp2", np.exp2, np.log2),
    Undoing("the square of its answers", "the square root", "np.square", np.square, np.sqrt),
    Undoing("the logarithm of its answers", "exp", "np.log", np.log, np.exp),
    Undoing(
        "the inverse of its answers", "the inverse", "np.reciprocal", np.reciprocal, np.reciprocal
    ),
)


def undone(known: Known) -> Undoing | None:
    """What makes far better answers out of these numbers; None where nothing does.

    Only what explains more than half of the outcomes, and far more than the answers as they are,
    counts.
    """
    y, values = np.asarray(known.y, float), np.asarray(known.values, float)
    if np.ptp(y) == 0:
        return None
    before = r_squared(y, values)
    with np.errstate(all="ignore"):
        tried = [replace(way, r2=r_squared(y, way.undo(values))) for way in UNDOINGS]
        # What fits as it stands goes before a slope and a shift, which fit much.
        tried = [way for way in tried if _is_scale(way, y, values)] or tried
        if not _is_scale(tried[0], y, values) and np.ptp(values) > 0 and before < CHANCE_R2:
            tried.append(_shifted(y, values))
    best = max(tried, key=lambda way: way.r2)
    return best if best.r2 > max(0.5, before + GAIN) else None


def _is_scale(way: Undoing, y: Any, values: Any) -> bool:
    """Whether the answers are right on the scale that the training would have had."""
    done = way.do(y) if way.do else y
    return bool(np.isfinite(done).all() and r_squared(done, values) > 0.5)


def _shifted(y: Any, values: Any) -> Undoing:
    """A number times the answers and another one more, which a standardised target takes."""
    slope, shift = np.polyfit(values, y, 1)
    return Undoing(
        f"{slope:.6g} times its answers and {shift:.6g} more",
        "another scale, or another unit,",
        f"lambda a: {slope:.6g} * a + {shift:.6g}",
        lambda a: slope * a + shift,
        r2=r_squared(y, slope * values + shift),
    )


def scaled(model: Model, data: pd.DataFrame, y: pd.Series[Any]) -> tuple[str, Standing] | None:
    """How the columns must be scaled for far better answers, and how those stand; else None."""
    if len(data) > MOST_TRIED:
        data = data.sample(MOST_TRIED, random_state=0)
        y = y.loc[data.index]
    tried = {way: _answered(model, cases, y) for way, cases in _scalings(data)}
    standings = {way: known.standing() for way, known in tried.items() if known}
    now = _answered(model, data, y)
    if now is None or not standings:
        return None
    way = max(standings, key=lambda way: (standings[way].score, way == "standardised"))
    before, after = now.standing(), standings[way]
    # A linear model in other units may rank cases well, and answer all of them alike.
    gained = before.is_no_better or after.skill > before.skill + GAIN
    better = gained and after.score > before.score + GAIN / 2
    return (way, after) if better and not after.is_no_better else None


def _scalings(data: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    numbers = data.select_dtypes("number").astype(float)
    spread, span = numbers.std(ddof=0), numbers.max() - numbers.min()
    varied = list(numbers.columns[(spread > 0).to_numpy()])
    if varied:
        columns, low = numbers[varied], numbers[varied].min()
        middle = columns.mean()
        yield "standardised", data.assign(**((columns - middle) / spread[varied]))
        yield "brought between 0 and 1", data.assign(**((columns - low) / span[varied]))


def _answered(model: Model, cases: pd.DataFrame, y: pd.Series[Any]) -> Known | None:
    """What the estimator itself says of cases that the card would not take."""
    estimator, X = model.estimator, as_taken(cases, model.card.input)
    with suppress(UserError), third_party("It cannot predict"):
        values = np.ravel(estimator.predict(X))
        if model.card.task == "regression":
            return Known(values, None, y, ())
        classes = tuple(plain(value) for value in estimator.classes_)
        shares = estimator.predict_proba(X) if hasattr(estimator, "predict_proba") else None
        return Known(values, shares, y, classes)
    return None
