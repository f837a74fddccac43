"""Whether a model's answers make sense on the rows that it is added with, in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from second_opinion.errors import UserError
from second_opinion.formatting import joined, plural, quoted, share_text
from second_opinion.models.card import Finding, ModelCard
from second_opinion.models.describe import guessing
from second_opinion.models.describe.own_file import differences
from second_opinion.models.describe.training_data import TrainingData
from second_opinion.models.formats import releases
from second_opinion.models.model import Answers, Model
from second_opinion.records.value import plain

if TYPE_CHECKING:
    import pandas as pd

# How far a probability, or the sum of a row of them, may be off.
TOLERANCE = 1e-3
# So many rows on either side before a difference between them is one.
FEWEST_HOLES = 10
CLEAR = 3.0
# What counts as far off among numbers, as a share of what always answering the median is off by.
FAR_OFF = 0.25
SHOWN = 3
WRAP = "`wrap` writes one"
STANDS_FOR_MISSING = ("none", "missing", "unknown", "na", "n/a", "nan", "null", "not available")


@dataclass(frozen=True)
class Trial:
    """A model with what it says of the rows that it is added with.

    ``y`` are the known outcomes in the order of ``data``. ``claimed`` are the metrics that its
    maker names, ``training`` the table of the rows, where it was one.
    """

    model: Model
    data: pd.DataFrame
    answers: Answers
    y: pd.Series[Any] | None
    claimed: dict[str, Any]
    training: TrainingData | None = None

    @property
    def card(self) -> ModelCard:
        return self.model.card


def verdict(trial: Trial) -> tuple[Finding, ...]:
    """What whoever adds a model should know of its answers, what matters most first."""
    parts = (_guess, _own_file, _holes, _one_answer, _release)
    return tuple(finding for part in parts for finding in part(trial))


def refuse_impossible(answers: Answers, kind: str, saved_by: str) -> None:
    """Raise `UserError` for probabilities that are none, with the environment to use."""
    shares = answers.probabilities
    if shares is None or not len(shares):
        return
    inside = (shares >= -TOLERANCE) & (shares <= 1 + TOLERANCE)
    wrong = ~inside.all(axis=1) | ~(np.abs(shares.sum(axis=1) - 1) <= TOLERANCE)
    if not wrong.any():
        return
    row = int(np.flatnonzero(wrong)[0])
    shown = joined([f"{share:.4g}" for share in shares[row][:4]])
    way = releases.other_release(saved_by) or (
        "Save it again where it answers right, or put it behind a predict.py that makes "
        f"probabilities of its answers ({WRAP})."
    )
    raise UserError(
        f"The {kind} gives {shown} as the probabilities of row {row + 1}; expected shares from 0 "
        f"to 1 that make 1 in all. {way}"
    )


def _guess(trial: Trial) -> Iterator[Finding]:
    """No better than always one answer, or far better with other inputs or answers."""
    known = _known(trial)
    if known is None or len(known.y) < guessing.FEWEST:
        return
    standing = known.standing()
    reason = _reason(trial, known)
    if not (standing.is_no_better or reason):
        return
    usual = (
        "Usual reasons: a scaler or an encoder that was saved apart from the model, columns in "
        "another order than in the training, "
    )
    if known.classes:
        usual += "classes that mean something else."
    else:
        usual += "a target of which the training took the logarithm."
    way = f"Put what is missing before it (--before scaler.pkl), or behind a predict.py ({WRAP})."
    yield Finding(
        name="guessing",
        text=f"{_beside_a_guess(trial, standing)} {reason or f'{usual} {way}'}",
        doubtful=True,
    )


def _beside_a_guess(trial: Trial, standing: guessing.Standing) -> str:
    rows = plural(standing.rows, "row")
    if trial.card.task == "regression":
        better = "no better than" if standing.is_no_better else "beside those of"
        return f"On {rows} its answers are {better} always the mean (R² {standing.score:.2f})."
    return (
        f"It is right on {share_text(standing.score)} of {rows}; always answering "
        f"{quoted(standing.constant)} is right on {share_text(standing.guess)}."
    )


def _reason(trial: Trial, known: guessing.Known) -> str:
    """What explains answers that are no better than a guess, where a trial shows it."""
    if not known.classes and (undone := guessing.undone(known)):
        return (
            f"Taking {undone.words} gives R² {undone.r2:.2f}: it was trained on {undone.done} of "
            f"{trial.card.target.name}. Put it behind a predict.py with UNDO = {undone.code} "
            f"({WRAP})."
        )
    swapped = known.swapped_score
    if swapped is not None:
        return (
            f"Answering the other class each time is right on {share_text(swapped)}: the two stand "
            "for one another in the file and the model. Turn them round in the file."
        )
    scaled = guessing.scaled(trial.model, trial.data, known.y)
    if scaled is None:
        return ""
    way, standing = scaled
    score = f"{standing.score:.2f}"
    right = f"right on {share_text(standing.score)}" if known.classes else f"at R² {score}"
    return (
        f"With each column {way} it is {right}: a scaler was saved apart from it. Add both "
        f"together: --before scaler.pkl, or behind a predict.py ({WRAP})."
    )


def _own_file(trial: Trial) -> Iterator[Finding]:
    table = trial.training.table if trial.training else None
    if table is not None:
        for sentence in differences(trial.model, table, trial.data, trial.answers.values):
            yield Finding(name="own_file", text=f"The file that was given with it: {sentence}")


def _holes(trial: Trial) -> Iterator[Finding]:
    """Rows with a missing value that are answered far worse than the others."""
    known, holes = _known(trial), trial.data.isna()
    if known is None:
        return
    rows = holes.any(axis=1).to_numpy()
    if min(rows.sum(), (~rows).sum()) < FEWEST_HOLES:
        return
    errors = _errors(known)
    with_holes, others = errors[rows], errors[~rows]
    gap = with_holes.mean() - others.mean()
    noise = np.sqrt(with_holes.var() / len(with_holes) + others.var() / len(others))
    far = 0.15 if known.classes else max(others.mean(), FAR_OFF * _spread(known.y))
    if gap < far or gap < CLEAR * noise:
        return
    counts = holes.sum().sort_values(ascending=False)
    names = [str(name) for name in counts.index[counts > 0]]
    more = [f"{len(names) - SHOWN} more"] if len(names) > SHOWN else []
    here, there = (
        (f"is right on {share_text(1 - error)}" if known.classes else f"is off by {error:.3g}")
        for error in (with_holes.mean(), others.mean())
    )
    about = joined([*names[:SHOWN], *more])
    yield Finding(
        name="holes",
        text=f"On {plural(int(rows.sum()), 'row')} with a missing value ({about}) it {here}, on "
        f"the others it {there}. Your app probably fills these: with what? Fill them in the file "
        "in the same way, put the filling into the pipeline, or into a predict.py "
        f"({WRAP}).{_stand_in(trial, names)}",
    )


def _spread(y: pd.Series[Any]) -> float:
    """How far numbers are from their median, on average."""
    return float((y - y.median()).abs().mean())


def _stand_in(trial: Trial, names: list[str]) -> str:
    """A level that the model knows and no row has, where its name says that a value is missing."""
    for name in names:
        here = set(map(plain, trial.data[name].unique()))
        for level in trial.card.case_schema[name].values:
            if level not in here and str(level).casefold() in STANDS_FOR_MISSING:
                return f" No row has the level {quoted(level)} of {name}, which the model knows."
    return ""


def _errors(known: guessing.Known) -> Any:
    """How wrong each answer is: 0 or 1 of classes, the distance of numbers."""
    if known.classes:
        pairs = zip(known.values, known.y, strict=True)
        return np.array([repr(plain(one)) != repr(plain(other)) for one, other in pairs], float)
    return np.abs(np.asarray(known.values, float) - np.asarray(known.y, float))


def _one_answer(trial: Trial) -> Iterator[Finding]:
    values, rows = trial.answers.values, plural(len(trial.data), "row")
    if len(trial.data) < guessing.FEWEST:
        return
    if len({repr(plain(value)) for value in values}) == 1:
        answer = quoted(plain(values[0]))
        yield Finding(name="one_answer", text=f"It answers {answer} on each of {rows}.")
    sure = trial.answers.confidence
    if sure is not None and sure.min() >= guessing.SURE:
        yield Finding(
            name="always_sure",
            text=f"It is at least 99.9 % sure of each of {rows}. A fully grown tree is, of the "
            "rows that it was trained on; for others a scaler was left out, or no confidence "
            "can be had.",
        )


def _release(trial: Trial) -> Iterator[Finding]:
    """Another scikit-learn than the one that saved it, with what is claimed and measured."""
    saved_by = trial.card.artifact.scikit_learn
    if releases.runs_here(saved_by):
        return
    measured = _scores(_measured(trial))
    claimed = _scores(trial.claimed)
    here = f" Measured here: {measured}." if measured else ""
    there = f" Its card claims {claimed}." if claimed else " Compare that with what its maker saw."
    yield Finding(
        name="release",
        text=f"It was saved with scikit-learn {saved_by}, and {releases.installed_scikit_learn()} "
        f"runs here: its answers may differ.{here}{there if here else ''}",
    )


def _measured(trial: Trial) -> dict[str, Any]:
    known = _known(trial)
    if known is None:
        return {}
    name = "accuracy" if known.classes else "R²"
    return {name: known.standing().score}


def _scores(metrics: dict[str, Any]) -> str:
    scores = [f"{name} {value:.3g}" for name, value in metrics.items() if isinstance(value, float)]
    return joined(scores)


def _known(trial: Trial) -> guessing.Known | None:
    if trial.y is None:
        return None
    answers = trial.answers
    return guessing.Known(answers.values, answers.probabilities, trial.y, trial.card.class_values)
