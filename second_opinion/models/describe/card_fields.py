"""From an estimator and its training data to a card: what `add` writes down."""

from __future__ import annotations

import math
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from second_opinion.formatting import humanise, joined
from second_opinion.models.describe.estimator_checks import task_of
from second_opinion.models.describe.estimator_facts import known_of
from second_opinion.models.describe.feature_fields import feature_fields, known_fields
from second_opinion.models.describe.gaps import blank
from second_opinion.models.describe.input_columns import inputs_of
from second_opinion.models.describe.input_form import form_of
from second_opinion.models.describe.mlflow_signature import refined
from second_opinion.models.model import Model
from second_opinion.records.feature_kinds import Shape
from second_opinion.records.stamp import now
from second_opinion.records.value import plain, same_value
from second_opinion.statistics.training_summary import Reference, summary

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Naming:
    """What the person says of a new model: names, titles, and which column is the target."""

    name: str
    version: str
    title: str = ""
    target: str = ""


def card_fields(
    estimator: Any,
    data: pd.DataFrame | None,
    y: pd.Series[Any] | None,
    naming: Naming,
    signature: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    """The card of a new version, without its artifact: features, classes, task, input, data.

    Without data, the features are what the estimator's own steps say of them, and of what kind they
    are in MLflow's signature, where there is one.
    """
    task = task_of(estimator)
    target = naming.target or "outcome"
    fields = {
        "name": naming.name,
        "version": naming.version,
        "title": naming.title or humanise(naming.name.replace("-", " ")),
        "task": task,
        "target": {"name": target, "unit": "", "description": ""},
        "features": inputs(estimator, data, signature),
        "input": form_of(estimator, data),
        "bands": {"low": 0.6},
        "answer": "class",
        "importance": {},
        "metrics": {},
        "intended_use": "",
        "limits": "",
        "owner": "",
        "licence": "",
        "data": about_data(data),
        "unknown": unknown(estimator, data, y, signature),
    }
    if task != "regression":
        fields |= classes_fields(estimator, y, target)
    return fields


def inputs(
    estimator: Any, data: pd.DataFrame | None, signature: Sequence[dict[str, Any]] = ()
) -> list[dict[str, Any]]:
    """The features of the card, from the training data and the estimator's steps."""
    names = inputs_of(estimator) if data is None else list(data.columns)
    facts = known_of(estimator, names)
    if data is None:
        return refined([known_fields(name, facts[name]) for name in names], signature)
    return [feature_fields(data[name], facts[name]) for name in names]


def about_data(data: pd.DataFrame | None) -> dict[str, Any]:
    """How many rows the model was added with, and which."""
    if data is None:
        return {"rows": 0, "sha256": "", "description": "Added without its training data."}
    return {"rows": len(data), "sha256": digest(data), "description": ""}


def unknown(
    estimator: Any,
    data: pd.DataFrame | None,
    y: pd.Series[Any] | None,
    signature: Sequence[dict[str, Any]] = (),
) -> list[str]:
    """What the card cannot say, a sentence each."""
    kind = type(estimator).__name__
    sentences = []
    if form_of(estimator, data) == "array":
        order = "the columns of the data are taken" if data is not None else "they stand"
        sentences.append(
            f"The names of its inputs: the {kind} was trained on an array, so {order} in "
            "the order of the training."
        )
    if task_of(estimator) != "regression" and not hasattr(estimator, "predict_proba"):
        sentences.append(f"How sure it is of an answer: the {kind} gives no probabilities.")
    if y is None:
        sentences.append("How often it is right, and what it looks at most: that takes outcomes.")
    return sentences + (unknown_inputs(estimator, signature) if data is None else [])


def unknown_inputs(estimator: Any, signature: Sequence[dict[str, Any]] = ()) -> list[str]:
    """What only the training data could say of the inputs."""
    names = inputs_of(estimator)
    facts = known_of(estimator, names)
    numbers = [n for n in names if facts[n].choices is None and not facts[n].words]
    sentences = {
        "The range of {}: no value there can be flagged as unlike the training cases.": [
            name for name in numbers if facts[name].low is None
        ],
        "A usual value of {}: the form begins with 0 there.": [
            name for name in numbers if facts[name].typical is None and facts[name].low is None
        ],
        "Whether {} can be whole, or yes and no, alone: numbers of every kind are taken.": (
            [] if signature else numbers
        ),
    }
    return [text.format(_names_text(about)) for text, about in sentences.items() if about]


def _names_text(names: list[str]) -> str:
    more = [f"{len(names) - 6} more"] if len(names) > 6 else []
    return joined([*names[:6], *more])


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

    answers = list(values)
    if task != "regression":
        # As texts: scikit-learn refuses outcomes of several types, and the model may know a few.
        texts = [[repr(value) for value in values] for values in (y, answers)]
        scores = {"accuracy": float(metrics.accuracy_score(*texts))}
    else:
        scores = {
            "mean absolute error": float(metrics.mean_absolute_error(y, answers)),
            "R²": float(metrics.r2_score(y, answers)),
        }
    return {"on": about, "rows": len(answers), **{key: round(v, 4) for key, v in scores.items()}}


def summarise(model: Model, data: pd.DataFrame | None, y: pd.Series[Any] | None) -> dict[str, Any]:
    """The fields of ``summary.json``: the reference with made-up cases and the model's answers."""
    schema = model.card.case_schema
    reference = Reference.nothing(schema)
    if data is not None:
        blanked = {feature.name: blank(data[feature.name], feature.gap) for feature in schema}
        reference = Reference.of(data.assign(**blanked), schema)
    cases = [schema.typical, *(reference.plausible(schema, seed) for seed in range(9))]
    answers = model.predict(cases)
    checks = [
        {"inputs": case, "value": answer.value, "probabilities": answer.probabilities}
        for case, answer in zip(cases, answers.itertuples(), strict=True)
    ]
    shape: Shape = "number" if model.card.task == "regression" else "level"
    target = None if y is None else summary(y, shape)
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
