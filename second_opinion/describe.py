"""From an estimator and its training data to a card: what `add` writes down."""

from __future__ import annotations

import math
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from second_opinion.errors import UserError
from second_opinion.estimators import task_of
from second_opinion.predictor import Model
from second_opinion.records import now, plain, same_value
from second_opinion.reference import Reference, summary
from second_opinion.schema import LARGEST_EXACT_INTEGER
from second_opinion.words import decimals_of, humanise

if TYPE_CHECKING:
    import pandas as pd

MOST_CHOICES = 200
MOST_LEVELS = 2000


@dataclass(frozen=True)
class Naming:
    """What the person says of a new model: names, titles, and which column is the target."""

    name: str
    version: str
    title: str = ""
    target: str = ""


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
    _refuse_odd(name, known)
    levels = known.unique()
    if pd.api.types.is_bool_dtype(known) or set(levels) <= {0, 1}:
        return fields | _boolean(known)
    if pd.api.types.is_datetime64_any_dtype(column):
        return fields | _range("date", known.dt.date.map(str), sorted)
    if pd.api.types.is_numeric_dtype(column):
        return fields | _numeric(column, known)
    if _is_category(len(levels), len(known)):
        choices = sorted({plain(value) for value in levels}, key=str)
        return fields | {"kind": "category", "typical": _mode(known), "choices": choices}
    return fields | {"kind": "text", "typical": ""}


def _is_category(levels: int, rows: int) -> bool:
    """Whether values are few and repeat. People's names do not, and must not go into a card."""
    few = levels <= max(20, min(MOST_CHOICES, rows // 5))
    return few and (levels <= 10 or levels * 2 <= rows)


def _refuse_odd(name: str, known: pd.Series[Any]) -> None:
    """Raise `UserError` for values that no form and no file can give exactly."""
    import pandas as pd

    if known.dtype.kind in "iuf":
        odd = known[~np.isfinite(known.to_numpy(float))]
        if odd.empty and known.dtype.kind in "iu":
            odd = known[(known > LARGEST_EXACT_INTEGER) | (known < -LARGEST_EXACT_INTEGER)]
        if not odd.empty:
            raise UserError(
                f"The column {name!r} of the data holds {plain(odd.iloc[0])}; expected finite "
                "numbers, and whole ones up to 2^53. Leave that column out, train and save again."
            )
    elif not pd.api.types.is_datetime64_any_dtype(known):
        simple = (str, bool, int, float, np.number, np.bool_)
        strange = [value for value in known.unique() if not isinstance(value, simple)]
        if strange or known.dtype.kind in "mc":
            kind = type(strange[0] if strange else known.iloc[0]).__name__
            raise UserError(
                f"The column {name!r} of the data holds values of type {kind}; expected numbers, "
                "texts, true or false, or dates. Convert it, train and save again."
            )


def _boolean(known: pd.Series[Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {"kind": "boolean", "typical": _mode(known)}
    if not isinstance(plain(known.iloc[0]), bool):
        number = type(plain(known.iloc[0]))
        pair = [number(0), number(1)]
        fields["choices"] = [
            {"value": value, "label": label}
            for value, label in zip(pair, ("no", "yes"), strict=True)
        ]
    return fields


def _numeric(column: pd.Series[Any], known: pd.Series[Any]) -> dict[str, Any]:
    whole = bool((known == known.round()).all() and known.abs().max() <= LARGEST_EXACT_INTEGER)
    # A whole-number column with holes is read as floats by pandas; people still count in ones.
    kind = (
        "integer" if whole and (column.dtype.kind in "iu" or len(known) < len(column)) else "number"
    )
    # The lower of two middle values: their mean has a digit that no training case has.
    middle = known.quantile(0.5, interpolation="lower")
    fields = {"min": known.min(), "max": known.max(), "typical": middle}
    cast = int if kind == "integer" else float
    numbers = {key: cast(plain(value)) for key, value in fields.items()}
    return {"kind": kind, **numbers, **({"places": _places(known)} if kind == "number" else {})}


def _places(known: pd.Series[Any]) -> int:
    """Digits after the point of the training values, up to six: what a person would type."""
    return min(6, max(decimals_of(float(value)) for value in known.unique()[:MOST_LEVELS]))


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


def metrics_on(values: Iterable[Any], y: pd.Series[Any], task: str, about: str) -> dict[str, Any]:
    """How well the answers fit known outcomes; ``about`` says which rows these are."""
    from sklearn import metrics

    found = list(values)
    if task != "regression":
        # As texts: scikit-learn refuses outcomes of several types, and the model may know a few.
        texts = [[repr(value) for value in values] for values in (y, found)]
        scores = {"accuracy": float(metrics.accuracy_score(*texts))}
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


def changed_answers(model: Model, reference: Reference) -> list[str]:
    """One sentence when the model answers a stored case otherwise than when it was added."""
    cases = [dict(check["inputs"]) for check in reference.checks]
    if not cases:
        return []
    answers = model.predict(cases)
    for check, value, after in zip(
        reference.checks, answers["value"], answers["probabilities"], strict=True
    ):
        if not (_same_answer(check["value"], value) and _close(check["probabilities"], after)):
            return [
                f"{model.card.ref} does not answer a stored case as it did when it was added: "
                f"{value!r}{_shares(after)} now, {check['value']!r}"
                f"{_shares(check['probabilities'])} then. Install the versions of its card, or "
                "add it again."
            ]
    return []


def _same_answer(before: Any, after: Any) -> bool:
    # A forest adds up its trees in the order in which its threads finish.
    if isinstance(before, float) and isinstance(after, float):
        return math.isclose(before, after, rel_tol=1e-9, abs_tol=1e-12)
    return same_value(before, after)


def _close(before: Sequence[float] | None, after: Sequence[float] | None) -> bool:
    if before is None or after is None:
        return before is after
    return len(before) == len(after) and all(
        abs(b - a) <= 1e-9 for b, a in zip(before, after, strict=True)
    )


def _shares(probabilities: Sequence[float] | None) -> str:
    return f" ({max(probabilities):.4f} sure)" if probabilities else ""


def made_by() -> dict[str, str]:
    """The versions that an artifact depends on, and the time."""
    import sklearn

    return {
        "scikit_learn": sklearn.__version__,
        "python": platform.python_version(),
        "created_at": now(),
    }
