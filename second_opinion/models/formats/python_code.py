"""A model that is code: `predict.py` and what it needs, in the folder ``code/`` of its version.

Its `load(folder)` gives an object with `predict(cases)` and, optionally, `predict_proba(cases)` and
`classes_`.
"""

from __future__ import annotations

import hashlib
from typing import Any

from second_opinion.errors import UserError
from second_opinion.models.formats import code_files
from second_opinion.models.formats.adapter import Adapter
from second_opinion.models.formats.code_files import ENTRY
from second_opinion.models.formats.owners_model import OwnersModel, blamed_on_its_line
from second_opinion.models.formats.private_modules import code_of


def load(content: bytes) -> Any:
    """What `load(folder)` of packed files gives: an estimator as it is, else an `Adapter`.

    This runs the owner's code. `UserError` names the line that failed, or what is lacking.
    """
    code = code_of(hashlib.sha256(content).hexdigest(), code_files.unpacked(content))
    if ENTRY not in code.files:
        raise UserError(f"There is no {ENTRY} among the files of the model; expected one.")
    with code.in_turn():
        with blamed_on_its_line(code, ENTRY):
            module = code.module(ENTRY.removesuffix(".py"))
        if not callable(getattr(module, "load", None)):
            raise UserError(
                f"{ENTRY} defines no load(folder); expected a function that returns an object with "
                "predict(cases). `python -m second_opinion wrap FOLDER` writes a first one."
            )
    with code.in_turn(), blamed_on_its_line(code, f"load(folder) of {ENTRY}"):
        model = module.load(code.folder)
    if is_estimator(model):
        return model
    if isinstance(model, type) or not callable(getattr(model, "predict", None)):
        kind = "nothing" if model is None else f"a {type(model).__name__}"
        raise UserError(
            f"load(folder) of {ENTRY} returns {kind}; expected an object with predict(cases). End "
            "it with `return Model(...)`."
        )
    return Adapter(OwnersModel(model, code))


def is_estimator(model: Any) -> bool:
    """Whether this is a trained classifier or regressor of scikit-learn, which needs no adapter."""
    from sklearn.base import BaseEstimator, is_classifier, is_regressor
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    if not isinstance(model, BaseEstimator) or not (is_classifier(model) or is_regressor(model)):
        return False
    try:
        check_is_fitted(model)
    except NotFittedError:
        return False
    return True
