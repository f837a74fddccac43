"""When two predictions are of one and the same case."""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import Any

from second_opinion.records.prediction import Prediction
from second_opinion.records.value import plain
from second_opinion.verdicts.meaning import scale_of

BYTES = 8


def case_id(prediction: Prediction) -> int:
    """A number that predictions of one case share: equal inputs, put to the same model file.

    The answer and what it is held against count too, so that what was decided about one of them
    holds for all. 63 bits, drawn by a hash.
    """
    scale = scale_of(prediction)
    about = [
        *(prediction.model, prediction.version, prediction.model_sha256),
        *(_one_form(prediction.inputs), _one_form(prediction.value), scale.answer, scale.tolerance),
    ]
    text = json.dumps(about, sort_keys=True, separators=(",", ":"))
    return int.from_bytes(blake2b(text.encode(), digest_size=BYTES).digest()) >> 1


def inputs_key(inputs: Any) -> str:
    """A text that equal inputs share, whatever model they are put to."""
    return json.dumps(_one_form(inputs), sort_keys=True, separators=(",", ":"))


def _one_form(value: Any) -> Any:
    """Equal values in one form: 35 and 35.0 are the same number."""
    value = plain(value)
    if isinstance(value, dict) or hasattr(value, "items"):
        return {str(name): _one_form(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_one_form(each) for each in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= 2**53:
        return float(value)
    return value
