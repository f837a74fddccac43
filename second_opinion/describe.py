"""From an estimator and its training data to a card: what `add` writes down."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from second_opinion.errors import UserError
from second_opinion.predictor import Model
from second_opinion.records import now, plain
from second_opinion.reference import Reference, summary
from second_opinion.words import closest, humanise

if TYPE_CHECKING:
    import pandas as pd

MOST_CHOICES = 200


@dataclass(frozen=True)
class Naming:
    """What the person says of a new model: names, titles, and which column is the target."""

    name: str
    version: str
    title: str = ""
    target: str = ""


def features_of(estimator: Any, data: pd.DataFrame, target: str) -> pd.DataFrame:
    """The columns of the data that the estimator takes, in its order.

    `UserError` names a feature that the data lacks, or says how many columns were expected.
    """
    columns = [name for name in data.columns if name != target]
    named = getattr(estimator, "feature_names_in_", None)
    if named is not None:
        absent = [str(name) for name in named if name not in columns]
        if absent:
            near = closest(absent[0], map(str, columns))
            hint = f" Is it the column {near!r}? Rename it." if near else " Add the column."
            raise UserError(
                f"The data has no column {absent[0]!r} that the model was trained on.{hint}"
            )
        return data[list(named)]
    expected = getattr(estimator, "n_features_in_", len(columns))
    if expected != len(columns):
        raise UserError(
            f"The data has {len(columns)} columns beside the target; the model was trained on "
            f"{expected} without names. Give it those columns alone, in the order of the training."
        )
    return data[columns]


def task_of(estimator: Any) -> str:
    """``binary``, ``multiclass`` or ``regression``; `UserError` for anything else."""
    from sklearn.base import is_classifier, is_regressor

    if is_regressor(estimator):
        return "regression"
    if not is_classifier(estimator):
        raise UserError(
            f"The file holds a {type(estimator).__name__}; expected a trained classifier or "
            "regressor. Save the whole pipeline with its final estimator, then add it again."
        )
    if not hasattr(estimator, "classes_"):
        raise UserError(
            f"The {type(estimator).__name__} is not trained yet. Call fit, save it, add it again."
        )
    return "binary" if len(estimator.classes_) == 2 else "multiclass"


def card_fields(
    estimator: Any, data: pd.DataFrame, y: pd.Series[Any] | None, naming: Naming
) -> dict[str, Any]:
    """The card of a new version, without its artifact: features, classes, task, input, data."""
    task = task_of(estimator)
    named = hasattr(estimator, "feature_names_in_")
    target = naming.target or "outcome"
    fields = {
        "name": naming.name,
        "version": naming.version,
        "title": naming.title or humanise(naming.name.replace("-", " ")),
        "task": task,
        "target": {"name": target, "unit": "", "description": ""},
        "features": [feature_fields(data[column]) for column in data.columns],
        "input": "frame" if named else "array",
        "bands": {"low": 0.6},
        "answer": "class",
        "metrics": {},
        "intended_use": "",
        "limits": "",
        "owner": "",
        "licence": "",
        "data": {"rows": len(data), "sha256": digest(data), "description": ""},
    }
    if task != "regression":
        fields |= classes_fields(estimator, y, target)
    return fields


def classes_fields(estimator: Any, y: pd.Series[Any] | None, target: str) -> dict[str, Any]:
    """``classes`` and, for two of them, ``positive``: 1, true, yes, or the rarer class."""
    values = [plain(value) for value in estimator.classes_]
    labels = [str(value) for value in values]
    if values in ([0, 1], [False, True]):
        labels = [f"not {target}", target]
    fields: dict[str, Any] = {
        "classes": [
            {"value": value, "label": label} for value, label in zip(values, labels, strict=True)
        ]
    }
    if len(values) == 2:
        fields["positive"] = positive_of(values, y)
    return fields


def positive_of(values: list[Any], y: pd.Series[Any] | None) -> Any:
    """Which of two classes is the event: 1, true or yes; else the rarer in the data."""
    for value in values:
        if value is True or value == 1 or str(value).casefold() in ("1", "true", "yes"):
            return value
    if y is None or y.empty:
        return values[1]
    counts = y.value_counts()
    return min(reversed(values), key=lambda value: int(counts.get(value, 0)))


def feature_fields(column: pd.Series[Any]) -> dict[str, Any]:
    """One feature of the card, inferred from its training column."""
    import pandas as pd

    known = column.dropna()
    name = str(column.name)
    fields: dict[str, Any] = {
        "name": name,
        "label": humanise(name),
        "unit": "",
        "description": "",
        "missing": bool(len(known) < len(column)),
        "dtype": dtype_of(column),
    }
    if known.empty:
        raise UserError(
            f"The column {name!r} of the data has no value at all. Remove it and train again, or "
            "give the data that the model was trained on."
        )
    if pd.api.types.is_bool_dtype(known) or set(known.unique()) <= {0, 1}:
        return fields | _boolean(known)
    if pd.api.types.is_datetime64_any_dtype(column):
        return fields | _range("date", known.dt.date.map(str), sorted)
    if pd.api.types.is_numeric_dtype(column):
        return fields | _numeric(column, known)
    if len(known.unique()) <= max(20, min(MOST_CHOICES, len(known) // 5)):
        choices = sorted({plain(value) for value in known}, key=str)
        return fields | {"kind": "category", "typical": _mode(known), "choices": choices}
    return fields | {"kind": "text", "typical": ""}


def _boolean(known: pd.Series[Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {"kind": "boolean", "typical": _mode(known)}
    if not isinstance(plain(known.iloc[0]), bool):
        pair = [plain(known.dtype.type(flag)) for flag in (0, 1)]
        fields["choices"] = [
            {"value": value, "label": label}
            for value, label in zip(pair, ("no", "yes"), strict=True)
        ]
    return fields


def _numeric(column: pd.Series[Any], known: pd.Series[Any]) -> dict[str, Any]:
    whole = bool((known == known.round()).all())
    # A whole-number column with holes is read as floats by pandas; people still count in ones.
    kind = (
        "integer" if whole and (column.dtype.kind in "iu" or len(known) < len(column)) else "number"
    )
    middle = float(known.median())
    places = 6 if kind == "number" else 0
    fields = {
        "min": plain(known.min()),
        "max": plain(known.max()),
        "typical": round(middle, places),
    }
    cast = int if kind == "integer" else float
    return {"kind": kind, **{key: cast(value) for key, value in fields.items()}}


def _range(kind: str, known: pd.Series[Any], order: Any) -> dict[str, Any]:
    values: list[Any] = order(known)
    return {"kind": kind, "min": values[0], "max": values[-1], "typical": values[len(values) // 2]}


def _mode(known: pd.Series[Any]) -> Any:
    return plain(known.value_counts().index[0])


def dtype_of(column: pd.Series[Any]) -> str:
    """The column's dtype as pandas takes it back: ``str``, ``object``, ``int64``, ``category``."""
    return str(column.dtype)


def digest(data: pd.DataFrame) -> str:
    """SHA-256 over the values of the data, row by row, and the names of its columns."""
    import hashlib

    import pandas as pd

    whole = hashlib.sha256("\x1f".join(map(str, data.columns)).encode())
    whole.update(pd.util.hash_pandas_object(data, index=False).to_numpy().tobytes())
    return whole.hexdigest()


def follows_probabilities(estimator: Any, data: pd.DataFrame, named: bool) -> bool:
    """Whether on every row of the data the label is the class with the largest probability."""
    if not hasattr(estimator, "predict_proba"):
        return False
    given = data if named else data.to_numpy()
    likeliest = estimator.classes_[estimator.predict_proba(given).argmax(axis=1)]
    return bool(np.array_equal(likeliest, estimator.predict(given)))


def metrics_on(values: Iterable[Any], y: pd.Series[Any], task: str, about: str) -> dict[str, Any]:
    """How well the answers fit known outcomes; ``about`` says which rows these are."""
    from sklearn import metrics

    found = list(values)
    if task != "regression":
        scores = {"accuracy": float(metrics.accuracy_score(y, found))}
    else:
        scores = {
            "mean absolute error": float(metrics.mean_absolute_error(y, found)),
            "R²": float(metrics.r2_score(y, found)),
        }
    return {"on": about, "rows": len(found), **{key: round(v, 4) for key, v in scores.items()}}


def summarise(model: Model, data: pd.DataFrame, y: pd.Series[Any] | None) -> dict[str, Any]:
    """The fields of ``summary.json``: the reference with made-up cases and the model's answers."""
    schema = model.card.case_schema
    reference = Reference.of(data, schema)
    cases = [schema.typical, *(reference.plausible(schema, seed) for seed in range(9))]
    answers = model.predict(cases)
    checks = [
        {"inputs": case, "value": answer.value, "probabilities": answer.probabilities}
        for case, answer in zip(cases, answers.itertuples(), strict=True)
    ]
    kind = "number" if model.card.task == "regression" else "category"
    target = None if y is None else summary(y, kind)
    return asdict(reference) | {"target": target, "checks": checks}


def made_by() -> dict[str, str]:
    """The versions that an artifact depends on, and the time."""
    import sklearn

    return {
        "scikit_learn": sklearn.__version__,
        "python": platform.python_version(),
        "created_at": now(),
    }
