"""What a pickled object is, told from its outline: a model, a step before it, names, a bundle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from second_opinion.models.formats import skops_format
from second_opinion.models.parts.part import Part, Role
from second_opinion.models.parts.pickle_outline import Foreign, unpacked
from second_opinion.records.value import plain

# How the classes of other libraries' models end; those of scikit-learn are asked themselves.
MODELS = ("Classifier", "Regressor", "Regression", "SVC", "SVR", "NB", "Booster", "SearchCV")
STEPS = ("Scaler", "Encoder", "Imputer", "PCA", "Transformer", "Vectorizer", "Selector", "Mapper")
LABELS = ("LabelEncoder", "LabelBinarizer")
# Under these names estimators that are made of others keep the trained one, and its steps.
INNER = ("best_estimator_", "regressor_", "estimator_", "estimator", "_final_estimator")
NAMES = ("feature_names_in_", "_feature_name", "feature_name_", "feature_names_")
WIDTHS = ("n_features_in_", "n_features_", "_n_features")
CLASSES = ("classes_", "_classes", "_le_classes")
MOST_CLASSES = 1000
DEPTH = 4


def part_of(content: Any, path: Path, keys: tuple[str, ...] = ()) -> Part:
    """The part that the content of a file is, or what lies under the keys in it."""
    if isinstance(content, Foreign):
        return _object(content, path, keys)
    if isinstance(content, Mapping):
        return _dict(content, path, keys)
    texts = _texts(content)
    if texts:
        return Part(path, "columns", type(content).__name__, keys, names=texts)
    if isinstance(content, (list, tuple)):
        return _bundle(dict(enumerate(content)), type(content).__name__, path, keys)
    value = plain(content)
    if isinstance(value, (int, float, str, bool)):
        kind = "a text" if isinstance(value, str) else "the number"
        return Part(path, "other", type(value).__name__, keys, note=f"{kind} {value!s:.40}")
    return Part(path, "other", type(content).__name__, keys)


def _object(content: Foreign, path: Path, keys: tuple[str, ...]) -> Part:
    kind, about = content.origin.rpartition(".")[2], content.attributes
    if kind == "DataFrame" and content.origin.startswith("pandas."):
        return Part(path, "table", kind, keys, names=_frame_names(about))
    return Part(
        path,
        role_of(content),
        kind,
        keys,
        names=_names(content),
        width=_width(content),
        levels=_levels(content),
        saved_by=str(about.get("_sklearn_version", "")),
        steps=_steps(content),
    )


def role_of(content: Foreign) -> Role:
    """What an object of a class is for, by the class's own methods where it is scikit-learn's."""
    kind = content.origin.rpartition(".")[2]
    if kind in LABELS:
        return "label encoder"
    steps = content.attributes.get("steps")
    if isinstance(steps, list) and steps:
        last = steps[-1][1]
        return role_of(last) if isinstance(last, Foreign) else "step"
    if skops_format.is_own(content.origin):
        return _own_role(content.origin)
    if kind.endswith(STEPS):
        return "step"
    return "model" if kind.endswith(MODELS) else "other"


def _own_role(origin: str) -> Role:
    from sklearn.base import ClassifierMixin, RegressorMixin
    from sklearn.model_selection import GridSearchCV

    module, _, name = origin.rpartition(".")
    kind = getattr(import_module(module), name)
    if issubclass(kind, (ClassifierMixin, RegressorMixin, GridSearchCV.__mro__[1])):
        return "model"
    return "step" if hasattr(kind, "transform") else "other"


def _steps(content: Foreign) -> tuple[str, ...]:
    steps = content.attributes.get("steps")
    if not isinstance(steps, list):
        return ()
    return tuple(
        step.origin.rpartition(".")[2] if isinstance(step, Foreign) else str(step)
        for _, step in steps
    )


def _inner(content: Foreign, last: bool) -> Iterator[Foreign]:
    """It, and the estimators in it that see its columns (the first), or give its answers."""
    yield content
    steps = content.attributes.get("steps")
    parts = [content.attributes.get(name) for name in INNER]
    if isinstance(steps, list) and steps:
        parts = [steps[-1 if last else 0][1]]
    for part in parts:
        if isinstance(part, Foreign) and part is not content:
            yield from _inner(part, last)


def _first(content: Foreign, names: tuple[str, ...], last: bool = False) -> Any:
    for step in _inner(content, last):
        for name in names:
            if step.attributes.get(name) is not None:
                return step.attributes[name]
    return None


def _names(content: Foreign) -> tuple[str, ...]:
    names = _texts(_first(content, NAMES)) or ()
    # LightGBM gives names to the columns of an array as well.
    return () if names == tuple(f"Column_{at}" for at in range(len(names))) else names


def _width(content: Foreign) -> int | None:
    width = plain(_first(content, WIDTHS))
    return width if isinstance(width, int) else None


def _levels(content: Foreign) -> tuple[Any, ...]:
    classes = _first(content, CLASSES, last=True)
    if not isinstance(classes, (np.ndarray, list)) or np.ndim(classes) != 1:
        return ()
    return tuple(plain(value) for value in classes[:MOST_CLASSES])


def _texts(content: Any) -> tuple[str, ...]:
    """The texts of a list, tuple, set or array of texts alone; empty for anything else."""
    if isinstance(content, np.ndarray):
        content = content.tolist() if content.ndim == 1 else ()
    if not isinstance(content, (list, tuple)) or not content:
        return ()
    return tuple(map(str, content)) if all(isinstance(value, str) for value in content) else ()


def _dict(content: Mapping[Any, Any], path: Path, keys: tuple[str, ...]) -> Part:
    pairs = class_words(content)
    if pairs:
        return Part(path, "classes", "dict", keys, levels=pairs)
    whole = _bundle(content, "dict", path, keys)
    kinds = {part.kind for part in whole.parts}
    roles = {part.role for part in whole.parts}
    if len(kinds) == 1 and roles <= {"label encoder", "step"}:
        names = tuple(map(str, content))
        return replace(whole, role="encoders", kind=kinds.pop(), names=names)
    return whole


def class_words(content: Any) -> tuple[tuple[Any, str], ...]:
    """The pairs of code and word in a dict, whichever is the key; empty where it is none."""
    if not isinstance(content, Mapping) or not content:
        return ()
    pairs = [(plain(key), plain(value)) for key, value in content.items()]
    if all(isinstance(word, str) and _is_code(code) for code, word in pairs):
        return tuple((int(code), word) for code, word in pairs)
    if all(isinstance(word, str) and _is_code(code) for word, code in pairs):
        codes = [int(code) for _, code in pairs]
        return tuple(sorted((int(c), w) for w, c in pairs)) if len(codes) == len({*codes}) else ()
    return ()


def _is_code(value: Any) -> bool:
    if isinstance(value, str):
        return value.isdecimal() and value.isascii()
    return isinstance(value, int) and not isinstance(value, bool)


def _bundle(content: Mapping[Any, Any], kind: str, path: Path, keys: tuple[str, ...]) -> Part:
    if not content or len(keys) >= DEPTH:
        return Part(path, "other", kind, keys, note=f"an empty {kind}" if not content else "")
    parts = tuple(part_of(value, path, (*keys, str(key))) for key, value in content.items())
    return Part(path, "bundle", kind, keys, parts=parts)


def _frame_names(about: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of a pickled frame's columns; empty where pandas wrote them in another way."""
    manager = about.get("_mgr") or about.get("_data")
    if not isinstance(manager, Foreign):
        return ()
    for axes in map(unpacked, manager.arguments):
        names = _texts(axes[0]) if isinstance(axes, list) and axes else ()
        if names:
            return names
    return ()
