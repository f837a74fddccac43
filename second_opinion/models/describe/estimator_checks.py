"""What an estimator is: which task, which columns, and what it does when it is asked."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from second_opinion.compatibility import is_estimator
from second_opinion.errors import UserError, first_line
from second_opinion.formatting import joined, plural, quoted
from second_opinion.models.formats.adapter import Adapter
from second_opinion.models.formats.file_format import LOAD_ERRORS
from second_opinion.records.value import plain, same_value

if TYPE_CHECKING:
    import pandas as pd

# Where scikit-learn keeps rows of its training: neighbours, support vectors, Gaussian processes.
KEEPS_ROWS = (b"_fit_X", b"support_vectors_", b"X_train_")


class StrangeOutcomesError(UserError):
    """No known outcome is among the classes of the model."""


@contextmanager
def third_party(doing: str) -> Iterator[None]:
    """Run an estimator's own code: whatever it raises is a `UserError` that begins with ``doing``.

    The message gives the first line of the estimator's reason.
    """
    try:
        yield
    except UserError:
        raise
    # Somebody else's code, which may raise anything.
    except Exception as error:
        reason = f"{type(error).__name__}: {first_line(error)}".rstrip(".")
        raise UserError(
            f"{doing} ({reason}). Give it the columns that it was trained on, prepared in the "
            "same way, or save the whole pipeline with its preparation."
        ) from error


def task_of(estimator: Any) -> str:
    """``binary``, ``multiclass`` or ``regression``; `UserError` for anything else."""
    from sklearn.base import is_classifier, is_regressor

    if isinstance(estimator, Adapter):
        return estimator.task
    kind = type(estimator).__name__
    content = f"an {kind}" if kind[0] in "AEIOUaeiou" else f"a {kind}"
    if isinstance(estimator, type):
        content = f"the class {estimator.__name__} itself"
    if isinstance(estimator, type) or not is_estimator(estimator):
        raise UserError(
            f"The file holds {content}{_inside(estimator)}; expected a trained scikit-learn "
            "classifier or regressor. Save that one alone, then add it again."
        )
    if not (is_classifier(estimator) or is_regressor(estimator)):
        raise UserError(
            f"The file holds {content}; expected a trained classifier or regressor. Save the whole "
            "pipeline with its final estimator, then add it again."
        )
    if not _is_trained(estimator):
        raise UserError(f"The {kind} is not trained yet. Call fit, save it, add it again.")
    return "regression" if is_regressor(estimator) else _kind_of_classes(kind, estimator.classes_)


def _kind_of_classes(kind: str, classes: Any) -> str:
    if isinstance(classes, list) or np.ndim(classes) != 1:
        raise UserError(
            f"The {kind} predicts several targets at once; expected one. Train a model for each, "
            "then add them one by one."
        )
    if len(classes) < 2:
        raise UserError(
            f"The {kind} knows a single class, {quoted(plain(classes[0]))}; expected two or more. "
            "Train it on data with every class."
        )
    return "binary" if len(classes) == 2 else "multiclass"


def _inside(content: Any) -> str:
    """Where in a dict or a list a model lies, in words."""
    parts: Any = content.items() if isinstance(content, dict) else ()
    if isinstance(content, (list, tuple)):
        parts = enumerate(content)
    models = [key for key, part in parts if hasattr(part, "predict")]
    return f" with a model at [{models[0]!r}]" if models else ""


def _is_trained(estimator: Any) -> bool:
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    try:
        check_is_fitted(estimator)
    except (NotFittedError, TypeError):
        return False
    return True


def outcomes_of(estimator: Any, y: pd.Series[Any]) -> pd.Series[Any]:
    """The known outcomes as the estimator would answer them: numbers, or its own class values.

    A file cannot say whether its 1 is the number or the text, so a class is also known by its
    text; an outcome that is no class of the estimator stays as it is. `UserError` when one is
    missing; `StrangeOutcomesError`, which is one, when none fits.
    """
    import pandas as pd

    if y.isna().any():
        raise UserError(
            f"The target column {y.name!r} has no value in {int(y.isna().sum())} of "
            f"{plural(len(y), 'row')}; expected one in each. Leave those rows out."
        )
    if task_of(estimator) != "regression":
        return _as_classes(y, [plain(value) for value in estimator.classes_])
    if not pd.api.types.is_numeric_dtype(y):
        raise UserError(
            f"The target column {y.name!r} holds {quoted(plain(y.iloc[0]))}; expected numbers, "
            f"which a {type(estimator).__name__} predicts. Name the column it was trained on."
        )
    return y


def _as_classes(y: pd.Series[Any], classes: list[Any]) -> pd.Series[Any]:
    import pandas as pd

    by_text = {str(value): value for value in classes}
    own: dict[str, Any] = {}
    for level in map(plain, y.unique()):
        equal = (label for label in classes if same_value(label, level))
        own[str(level)] = next(equal, by_text.get(str(level)))
    if all(value is None for value in own.values()):
        actual, expected = (joined([quoted(v) for v in some[:6]]) for some in (list(own), classes))
        raise StrangeOutcomesError(
            f"The target column {y.name!r} holds {actual}; the model knows {expected}. Name the "
            "column that it was trained to predict, with the same values."
        )
    values = [level if own[str(level)] is None else own[str(level)] for level in map(plain, y)]
    return pd.Series(values, index=y.index, name=y.name, dtype="object").infer_objects()


def follows_probabilities(estimator: Any, X: Any) -> bool:
    """Whether on every row of the data the label is the class with the largest probability.

    Asks the estimator for the first time: `UserError` when it fails, or has not one answer a row.
    """
    kind = type(estimator).__name__
    with third_party(f"The {kind} cannot predict the data"):
        answers = np.asarray(estimator.predict(X.copy()))
        if answers.shape not in ((len(X),), (len(X), 1)):
            raise UserError(
                f"The {kind} gives answers of shape {answers.shape} for "
                f"{plural(len(X), 'row')}; expected one each. Train a model for each target, "
                "then add them one by one."
            )
        if not hasattr(estimator, "predict_proba"):
            return False
        likeliest = estimator.classes_[estimator.predict_proba(X.copy()).argmax(axis=1)]
    return bool(np.array_equal(likeliest, answers))


def keeps_rows(estimator: Any) -> bool:
    """Whether the estimator itself holds rows of its training, as nearest neighbours do.

    True as well where that cannot be told.
    """
    if isinstance(estimator, Adapter):
        return False
    try:
        return _mentions(estimator, KEEPS_ROWS)
    except LOAD_ERRORS:
        return True


def refuse_unsaveable(estimator: Any) -> None:
    """Raise `UserError` if the app could not load the estimator from a file."""
    kind = type(estimator).__name__
    try:
        local = _mentions(estimator, (b"__main__",))
    except LOAD_ERRORS as error:
        raise UserError(
            f"The {kind} cannot be saved ({first_line(error)}); expected steps that a file can "
            "hold. Write a lambda as a function in a module, train and add it again."
        ) from error
    if local:
        raise UserError(
            f"The {kind} uses something that was defined in this notebook or script, which the "
            "app does not have. Move that into a module that both can import, train and add it "
            "again."
        )


def _mentions(estimator: Any, words: tuple[bytes, ...]) -> bool:
    search = _Search(words)
    pickle.Pickler(search, protocol=5).dump(estimator)
    return search.found


class _Search:
    """A file that keeps nothing of what is written, and knows whether certain words were in it."""

    def __init__(self, words: tuple[bytes, ...]) -> None:
        self.words = words
        self.found = False

    def write(self, content: Any) -> int:
        # A large array comes as a buffer of its own, and holds no names.
        if isinstance(content, bytes):
            self.found = self.found or any(word in content for word in self.words)
        return memoryview(content).nbytes
