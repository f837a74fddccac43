"""Which columns of the training data an estimator takes, and what it calls them itself."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from second_opinion.errors import UserError
from second_opinion.formatting import closest, joined, plural, quoted
from second_opinion.models.describe.adapter_facts import columns_read
from second_opinion.models.describe.estimator_checks import third_party
from second_opinion.models.describe.estimator_facts import known_of, look
from second_opinion.models.describe.gaps import filled
from second_opinion.models.describe.identifiers import identifiers
from second_opinion.models.describe.input_form import as_lightgbm, form_of, names_of
from second_opinion.models.formats.adapter import Adapter

if TYPE_CHECKING:
    import pandas as pd

MOST_CELLS = 20_000_000
# What pandas calls the index that it wrote into a file.
INDEX = "Unnamed: 0"


def features_of(estimator: Any, data: pd.DataFrame, target: str) -> pd.DataFrame:
    """The columns of the data that the estimator takes, in its order, none of them sparse.

    `UserError` names a feature that the data lacks or has twice, or says how many columns were
    expected.
    """
    beside = data.loc[:, [str(name) != target for name in data.columns]]
    form, named = form_of(estimator), names_of(estimator)
    if form == "series":
        return _one_text(beside)
    _refuse_twins(beside, named)
    if named is None and isinstance(estimator, Adapter):
        return columns_read(estimator, beside.rename(columns=str))
    if named is None:
        return _with_gaps(estimator, _dense(_unnamed(estimator, beside)))
    if target in named:
        raise UserError(
            f"The model was trained with {target!r} as an input; expected the column that it "
            "predicts. Name that one as the target, or train without it."
        )
    columns = {as_lightgbm(str(name)): name for name in beside} | {n: n for n in beside}
    absent = [name for name in named if name not in columns]
    if absent:
        near = closest(absent[0], map(str, beside))
        hint = f" Is it the column {near!r}? Rename it." if near else " Add the column."
        others = f" (nor {plural(len(absent) - 1, 'other')})" if len(absent) > 1 else ""
        raise UserError(
            f"The data has no column {absent[0]!r}{others} that the model was trained on.{hint}"
        )
    taken = _with_gaps(estimator, _dense(beside[[columns[name] for name in named]]))
    return _with_categories(estimator, _without_idle(estimator, taken))


def _refuse_twins(data: pd.DataFrame, named: list[str] | None) -> None:
    """Raise `UserError` where a column that the estimator takes stands there twice."""
    names = [str(name) for name in data.columns]
    twins = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    taken = [name for name in twins if named is None or name in named]
    if taken:
        raise UserError(
            f"The data has {plural(names.count(taken[0]), 'column')} {taken[0]!r}; expected each "
            "name once. Rename or remove the others, train and add it again."
        )


def _dense(data: pd.DataFrame) -> pd.DataFrame:
    """The data without sparse columns and Arrow dictionaries, which a case of a form never is."""
    import pandas as pd

    dtypes: dict[Any, Any] = {}
    for name, dtype in data.dtypes.items():
        if isinstance(dtype, pd.SparseDtype):
            dtypes[name] = dtype.subtype
        elif str(dtype).startswith("dictionary<"):
            dtypes[name] = "category"
    return data.astype(dtypes) if dtypes else data


def _with_gaps(estimator: Any, data: pd.DataFrame) -> pd.DataFrame:
    """The data with each missing value as the estimator's own steps know it."""
    import pandas as pd

    facts = known_of(estimator, [str(name) for name in data.columns])
    return pd.DataFrame({name: filled(data[name], facts[str(name)].gaps) for name in data})


def _with_categories(estimator: Any, data: pd.DataFrame) -> pd.DataFrame:
    """The data with the categories of pandas that it was trained on: a file cannot hold them."""
    import pandas as pd

    names = [str(name) for name in data.columns]
    facts = known_of(estimator, names)
    dtypes = {
        name: pd.CategoricalDtype(list(facts[name].choices or ()) or None)
        for name in names
        if facts[name].dtype == "category" and data[name].dtype != "category"
    }
    return data.astype(dtypes)


def _without_idle(estimator: Any, data: pd.DataFrame) -> pd.DataFrame:
    """The data without columns that no step of the estimator takes, such as an id."""
    names = [str(name) for name in data.columns]
    facts = known_of(estimator, names)
    idle = [name for name in names if not facts[name].used]
    if not idle or len(idle) == data.shape[1]:
        return data
    few = data.head(20)
    # Only a trial shows whether it does without them.
    with suppress(UserError), third_party("It cannot predict"):
        if np.array_equal(estimator.predict(few), estimator.predict(few.drop(columns=idle))):
            return data.drop(columns=idle)
    return data


def _one_text(data: pd.DataFrame) -> pd.DataFrame:
    """The one column of texts, for a model that takes no other."""
    import pandas as pd

    texts = [name for name in data if not pd.api.types.is_numeric_dtype(data[name])]
    columns = texts if data.shape[1] > 1 else list(data)
    if len(columns) != 1:
        names = joined([quoted(str(name)) for name in columns[:6]]) or "none"
        raise UserError(
            f"The model takes one text; the columns of texts beside the target are {names}. Give "
            "it the one that it was trained on, and no other."
        )
    return data[columns].rename(columns=str)


def _unnamed(estimator: Any, data: pd.DataFrame) -> pd.DataFrame:
    expected = getattr(estimator, "n_features_in_", data.shape[1])
    numbering = [name for name in identifiers(map(str, data)) if data[name].is_unique]
    if INDEX in data and data.shape[1] == expected + 1:
        data = data.drop(columns=INDEX)
    elif data.shape[1] == expected + len(numbering):
        data = data.drop(columns=numbering)
    if expected != data.shape[1]:
        raise UserError(
            f"The data has {plural(data.shape[1], 'column')} beside the target; the model was "
            f"trained on {expected} without names. Give it those columns alone, in the order of "
            "the training: --columns columns.txt takes their names from a file, one a line."
        )
    return data.rename(columns=str)


def inputs_of(estimator: Any) -> list[str]:
    """The names of the inputs as the estimator itself gives them, or x0, x1 and so on.

    `UserError` where it does not know how many they are.
    """
    named = names_of(estimator)
    if named is not None:
        facts = look(estimator, named)
        return [name for name in named if facts[name].used] or named
    if form_of(estimator) == "series":
        return ["text"]
    if not hasattr(estimator, "n_features_in_"):
        raise UserError(
            f"The {type(estimator).__name__} does not say which inputs it takes; expected the "
            "data that it was trained on. Give it with --data train.csv --target COLUMN."
        )
    return [f"x{at}" for at in range(estimator.n_features_in_)]


def aligned(X: Any, y: Any) -> tuple[pd.DataFrame, pd.Series[Any] | None]:
    """Cases and outcomes as pandas objects, row by row; arrays and a series of texts are welcome.

    The columns of an array are called x0, x1 and so on. `UserError` when there are no rows, or not
    one outcome for each.
    """
    cases = _as_frame(X)
    if cases.empty:
        raise UserError("The data has no rows; expected those that the model was trained on.")
    if y is None:
        return cases, None
    outcomes = _outcomes(y)
    if len(outcomes) != len(cases):
        raise UserError(
            f"The data has {plural(len(cases), 'row')} and {plural(len(outcomes), 'outcome')}; "
            "expected one each."
        )
    return cases, outcomes.set_axis(cases.index)


def _outcomes(y: Any) -> pd.Series[Any]:
    """Outcomes as a series, from a series, an array, or a frame of one column."""
    import pandas as pd

    if isinstance(y, pd.DataFrame):
        if y.shape[1] != 1:
            names = joined([quoted(str(name)) for name in y.columns[:6]]) or "none"
            raise UserError(
                f"The outcomes have {plural(y.shape[1], 'column')} ({names}); expected one. Train "
                "a model for each target, then add them one by one."
            )
        y = y.iloc[:, 0]
    if isinstance(y, pd.Series):
        return y.astype(y.dtype.subtype) if isinstance(y.dtype, pd.SparseDtype) else y
    outcomes = np.asarray(y)
    if outcomes.ndim == 2 and min(outcomes.shape) > 1:
        raise UserError(
            f"The outcomes are an array of {outcomes.shape[0]:,} × {outcomes.shape[1]:,}; expected "
            "one for each row. Train a model for each target, then add them one by one."
        )
    return pd.Series(outcomes.ravel())


def _as_frame(X: Any) -> pd.DataFrame:
    import pandas as pd

    if isinstance(X, pd.DataFrame):
        return X
    if isinstance(X, pd.Series):
        return X.to_frame("text" if X.name is None else X.name)
    if hasattr(X, "toarray"):
        if np.prod(X.shape) > MOST_CELLS:
            raise UserError(
                f"The cases are a sparse matrix of {X.shape[0]:,} × {X.shape[1]:,}; expected "
                "columns that a person can fill in. Save the whole pipeline with the step that "
                "makes them, and give the data that goes into that."
            )
        X = X.toarray()
    cells = np.asarray(X)
    if cells.ndim == 1:
        return pd.DataFrame({"text": cells})
    # A column of an array of objects may hold numbers alone, as one of a file would.
    return pd.DataFrame(cells).infer_objects().add_prefix("x")
