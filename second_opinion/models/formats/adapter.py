"""An owner's own object as an estimator: its answers in one form, whatever it gives.

`load(folder)` of a predict.py may return anything with `predict(cases)`. What it answers is told
once, at `add` (`describe/adapter_facts.py`), and kept in the card.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from second_opinion.errors import UserError
from second_opinion.formatting import plural
from second_opinion.models.card import AnswerForm, ModelCard
from second_opinion.models.formats.owners_model import OwnersModel


class Adapter:
    """An object of the owner's that answers as an estimator does.

    ``task`` is empty until it is known. ``form`` says what the owner's `predict` gives: ``values``,
    the ``chance`` (0 to 1) of the second of two classes, or the ``shares`` of all of them.
    ``classes_`` are in the order of the probabilities.
    """

    def __init__(
        self,
        owners: OwnersModel,
        task: str = "",
        classes: Sequence[Any] = (),
        form: AnswerForm = "values",
    ) -> None:
        self.owners = owners
        self.task = task
        self.form = form
        if task not in ("", "regression"):
            self.classes_ = as_classes(classes)
        named = getattr(owners.content, "feature_names_in_", None)
        if named is not None:
            self.feature_names_in_ = named
        # Only where the owner gives probabilities: `hasattr` is how everybody asks.
        if form != "values" or callable(getattr(owners.content, "predict_proba", None)):
            self.predict_proba = self._shares

    def fit(self, *_: Any) -> None:
        """Trains nothing: scikit-learn shuffles columns only for what has it."""
        raise UserError("A model that is code is trained by its owner alone.")

    def predict(self, cases: Any) -> np.ndarray:
        """One value a case: a class or a number."""
        if self.form != "values":
            return np.asarray(self.classes_[self._shares(cases).argmax(axis=1)])
        answers = self.answers(cases)
        return answers.astype(float) if self.task == "regression" else self._as_own(answers)

    def answers(self, cases: Any, method: str = "predict") -> np.ndarray:
        """What a method of the owner's gives, as an array: cases, or cases × classes."""
        # A predict.py may well write its derived columns into the frame that it is given.
        answers = as_array(self.owners.call(method, cases.copy()))
        if len(answers) != len(cases):
            raise UserError(
                f"{method}(cases) of predict.py gave {plural(len(answers), 'answer')} for "
                f"{plural(len(cases), 'case')}; expected one each, in their order."
            )
        return answers

    def _as_own(self, answers: np.ndarray) -> np.ndarray:
        """The answers in the type of the classes: 1.0 is the class 1."""
        if not len(self.classes_) or answers.dtype == self.classes_.dtype:
            return answers
        by_value = {value: value for value in self.classes_.tolist()}
        own = [by_value.get(value, value) for value in answers.tolist()]
        same = all(value in by_value for value in own)
        return np.array(own, dtype=self.classes_.dtype if same else object)

    def _shares(self, cases: Any) -> np.ndarray:
        """The probability of each class, cases × classes."""
        method = "predict" if self.form != "values" else "predict_proba"
        shares = self.answers(cases, method).astype(float)
        if shares.ndim == 1:
            shares = np.column_stack([1 - shares, shares])
        if shares.shape[1] != len(self.classes_):
            raise UserError(
                f"{method}(cases) of predict.py gives {plural(shares.shape[1], 'column')} for "
                f"{len(self.classes_)} classes; expected one each, in the order of classes_."
            )
        return shares


def adapted(estimator: Any, card: ModelCard) -> Any:
    """What was loaded, as an estimator: what it answers stands in the card."""
    if not isinstance(estimator, Adapter):
        return estimator
    return Adapter(estimator.owners, card.task, card.artifact.classes, card.artifact.answers)


def as_classes(classes: Sequence[Any]) -> np.ndarray:
    """Class values in an array that keeps words, numbers and truth apart."""
    plain = np.asarray(classes).ravel()
    mixed = plain.dtype.kind in "US" and not all(isinstance(value, str) for value in classes)
    return np.asarray(list(classes), dtype=object) if mixed else plain


def as_array(answers: Any) -> np.ndarray:
    """What somebody's `predict` gave, as an array: a list, a series, a frame or a tensor.

    A single column is one value a case.
    """
    if hasattr(answers, "detach"):
        answers = answers.detach().cpu()
    array = np.asarray(answers.to_numpy() if hasattr(answers, "to_numpy") else answers)
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
