"""What an owner's own object answers, told by asking it: task, classes, form, columns it reads."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from second_opinion.errors import UserError
from second_opinion.formatting import joined, plural, quoted
from second_opinion.models.formats.adapter import Adapter, as_classes
from second_opinion.records.value import plain, same_value

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS = 200
# More distinct whole numbers than this are amounts, and no classes.
MOST_CODES = 20
EVENTS = {"1", "1.0", "true", "yes", "y", "ja", "j", "oui"}


def understood(estimator: Any, cases: pd.DataFrame | None, y: pd.Series[Any] | None) -> Any:
    """An adapter with the task, the classes and the form of its answers; an estimator as it is.

    ``cases`` are rows of the training data, ``y`` their outcomes. Its own ``classes_`` count first,
    then what it answers, then the outcomes. `UserError` where that does not tell what an answer
    means; without cases its own ``classes_`` have to, or its ``answers_numbers``.
    """
    if not isinstance(estimator, Adapter):
        return estimator
    if cases is None:
        return _by_its_classes(estimator)
    return _told(estimator, cases, y)


def _by_its_classes(adapter: Adapter) -> Adapter:
    """What can be told without a case to ask it about."""
    classes = [plain(value) for value in _own_classes(adapter)]
    if not classes and getattr(adapter.owners.content, "answers_numbers", False):
        return Adapter(adapter.owners, "regression")
    if not classes:
        raise UserError(
            "A model that is code says nothing of what it answers; expected the data that it was "
            "trained on. Give it with `add … --data train.csv --target COLUMN`, or give the object "
            'its classes_: self.classes_ = ["no", "yes"].'
        )
    return _classifier(adapter, np.array(classes[:1]), classes)


def _told(adapter: Adapter, cases: pd.DataFrame, y: pd.Series[Any] | None) -> Adapter:
    few = cases.head(MOST_ROWS)
    outcomes = [] if y is None else _levels(y)
    answers = adapter.answers(few)
    classes = [plain(value) for value in _own_classes(adapter)]
    if classes:
        return _classifier(adapter, answers, classes)
    if answers.ndim == 2 or hasattr(adapter, "predict_proba"):
        return _with_probabilities(adapter, few, answers, outcomes)
    if _are_words(answers):
        known = outcomes or sorted({plain(value) for value in answers}, key=str)
        return _classifier(adapter, answers, known)
    return _from_numbers(adapter, answers, outcomes)


def _own_classes(adapter: Adapter) -> Sequence[Any]:
    classes = getattr(adapter.owners.content, "classes_", None)
    return () if classes is None else list(classes)


def _classifier(adapter: Adapter, answers: np.ndarray, classes: list[Any]) -> Adapter:
    if len(classes) < 2:
        raise UserError(
            f"predict.py knows a single class, {quoted(classes[0])}; expected two or more in "
            "classes_."
        )
    form: Any = "shares" if answers.ndim == 2 else "values"
    if form == "values" and _are_fractions(answers) and len(classes) == 2:
        form = "chance"
    strange = [plain(v) for v in np.ravel(answers) if not _is_among(plain(v), classes)]
    if form == "values" and strange:
        raise UserError(
            f"predict(cases) of predict.py answers {quoted(strange[0])}, which is not among its "
            f"classes {joined([quoted(value) for value in classes[:6]])}. Return the class itself, "
            "as it stands in classes_."
        )
    task = "binary" if len(classes) == 2 else "multiclass"
    return Adapter(adapter.owners, task, classes, form)


def _with_probabilities(
    adapter: Adapter, cases: pd.DataFrame, answers: np.ndarray, outcomes: list[Any]
) -> Adapter:
    """One that gives probabilities and no ``classes_``: these are the outcomes, in order."""
    shares = answers if answers.ndim == 2 else adapter.answers(cases, "predict_proba")
    columns = 2 if shares.ndim == 1 else shares.shape[1]
    if len(outcomes) != columns:
        there = (
            f"the target has {plural(len(outcomes), 'value')}"
            if outcomes
            else "no outcomes were given"
        )
        raise UserError(
            f"predict.py gives probabilities of {columns} classes, and {there}. Give the object "
            "that load returns its classes_, in the order of the columns: "
            'self.classes_ = ["no", "yes"].'
        )
    return _classifier(adapter, answers, outcomes)


def _from_numbers(adapter: Adapter, answers: np.ndarray, outcomes: list[Any]) -> Adapter:
    words = [value for value in outcomes if isinstance(value, (str, bool))]
    if len(outcomes) == 2 and _are_fractions(answers):
        return _classifier(adapter, answers, _event_last(outcomes))
    if words and not all(isinstance(value, bool) for value in words):
        raise UserError(
            f"predict(cases) of predict.py answers numbers, such as {plain(answers[0])!r}; the "
            f"target holds {joined([quoted(value) for value in outcomes[:6]])}. Return these words "
            "from predict, and give the object classes_ and predict_proba if it has probabilities."
        )
    among = all(_is_among(plain(value), outcomes) for value in np.unique(answers))
    if outcomes and among and 2 <= len(outcomes) <= MOST_CODES and _are_whole(answers):
        return _classifier(adapter, answers, outcomes)
    return Adapter(adapter.owners, "regression")


def _event_last(outcomes: list[Any]) -> list[Any]:
    """The two outcomes with the event second; `UserError` where neither is one plainly."""
    events = [value for value in outcomes if str(value).casefold() in EVENTS]
    if len(events) != 1:
        raise UserError(
            "predict(cases) of predict.py answers numbers from 0 to 1, and the target holds "
            f"{joined([quoted(value) for value in outcomes])}: nobody knows of which one they are "
            "the chance. Give the object classes_, the one that they are the chance of last."
        )
    return sorted(outcomes, key=lambda value: same_value(value, events[0]))


def _levels(y: pd.Series[Any]) -> list[Any]:
    values = [plain(value) for value in y.dropna().unique()]
    with suppress(TypeError):
        return sorted(values)
    return sorted(values, key=str)


def _are_words(answers: np.ndarray) -> bool:
    return answers.dtype.kind not in "iuf" and not all(
        isinstance(plain(value), (int, float)) and not isinstance(plain(value), bool)
        for value in answers
    )


def _are_fractions(answers: np.ndarray) -> bool:
    """Whether these are shares from 0 to 1, and not all of them 0 or 1."""
    if answers.ndim != 1 or answers.dtype.kind != "f":
        return False
    inside = bool(((answers >= 0) & (answers <= 1)).all())
    return inside and not _are_whole(answers)


def _are_whole(answers: np.ndarray) -> bool:
    return bool((answers == np.round(answers.astype(float))).all())


def _is_among(value: Any, classes: Sequence[Any]) -> bool:
    return any(same_value(value, known) for known in classes) or value in as_classes(classes)


def columns_read(adapter: Adapter, cases: pd.DataFrame) -> pd.DataFrame:
    """The cases with the columns that it looks at, as far as a trial tells.

    A column counts as idle if the answers are the same without it, and with cells there that
    nobody can read.
    """
    few = cases.head(20)
    answers = adapter.answers(few)
    idle = [name for name in map(str, few) if _is_idle(adapter, few, name, answers)]
    return cases if len(idle) == few.shape[1] else cases.drop(columns=idle)


def _is_idle(adapter: Adapter, cases: pd.DataFrame, name: str, answers: np.ndarray) -> bool:
    locked = cases.astype({name: "object"})
    cells: Any = [_Locked() for _ in range(len(cases))]
    locked[name] = cells
    with suppress(UserError):
        return all(
            np.array_equal(adapter.answers(trial), answers)
            for trial in (cases.drop(columns=name), locked)
        )
    return False


class _Locked:
    """A cell that raises whatever is done with it."""

    def _refuse(self, *_: Any) -> Any:
        raise TypeError("a column that is not to be read")

    __float__ = __int__ = __str__ = __bool__ = __lt__ = __gt__ = __le__ = __ge__ = _refuse
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = _refuse
    __eq__ = __ne__ = __hash__ = __len__ = __iter__ = _refuse
