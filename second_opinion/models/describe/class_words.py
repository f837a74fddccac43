"""Words for the classes of a model that answers in codes: ``0=No,1=Yes``."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from shlex import quote
from typing import TYPE_CHECKING, Any

import numpy as np

from second_opinion.errors import UserError
from second_opinion.formatting import joined, quoted
from second_opinion.models.describe.estimator_checks import (
    StrangeOutcomesError,
    outcomes_of,
    third_party,
)
from second_opinion.records.value import plain, typed_text

if TYPE_CHECKING:
    import pandas as pd


def class_fields(estimator: Any, words: Mapping[str, str]) -> list[dict[str, Any]]:
    """The ``classes`` of a card: each class of the estimator with its word, by the class's text.

    `UserError` where a pair is about another class, or a class has no word.
    """
    classes = [plain(value) for value in getattr(estimator, "classes_", ())]
    by_code = {code.casefold(): word for code, word in words.items()}
    texts = [_texts(value) & {*by_code} for value in classes]
    strange = sorted({*by_code}.difference(*texts))
    without = [value for value, own in zip(classes, texts, strict=True) if not own]
    if strange or without or not classes:
        pairs = ",".join(f"{code}={word}" for code, word in list(words.items())[:6])
        raise UserError(
            f"The words for classes are {quoted(pairs)}; the model answers "
            f"{joined([quoted(value) for value in classes[:12]]) or 'numbers'}. Give one word for "
            "each of those, like --classes 0=No,1=Yes."
        )
    return [
        {"value": value, "label": by_code[min(own)]}
        for value, own in zip(classes, texts, strict=True)
    ]


def _texts(value: Any) -> set[str]:
    """How people write a class: 1 and 1.0 as 1, True as true or 1."""
    texts = {str(value).casefold(), typed_text(value).casefold()}
    return texts | ({str(int(value))} if isinstance(value, bool) else set())


def coded(y: pd.Series[Any], classes: list[dict[str, Any]]) -> pd.Series[Any]:
    """Outcomes in the model's codes, where all of them are words of the classes; else as they are.

    What a file calls 3 may be the word of the class 0: words go before codes.
    """
    import pandas as pd

    by_word = {choice["label"]: choice["value"] for choice in classes}
    levels = {level: typed_text(plain(level)) for level in y.unique()}
    if not all(text in by_word for text in levels.values()):
        return y
    values = [by_word[levels[level]] for level in y]
    return pd.Series(values, index=y.index, name=y.name, dtype="object").infer_objects()


def proposal(estimator: Any, y: pd.Series[Any], cases: Any) -> str:
    """The likeliest pairs, as ``--classes`` takes them, where the outcomes are words; else empty.

    Each code goes to the word with which it agrees most often on the cases (the assignment with
    the largest sum, Kuhn 1955); ties go to the order of the alphabet, which is LabelEncoder's.
    """
    from scipy.optimize import linear_sum_assignment

    codes = [plain(value) for value in estimator.classes_]
    words = sorted(typed_text(plain(level)) for level in y.unique())
    if len(words) > len(codes):
        return ""
    agreement = _agreement(estimator, y.map(lambda v: typed_text(plain(v))), cases, codes, words)
    # The alphabet's own pairs win where little speaks against them.
    own = np.arange(len(words))
    agreement[own, own] += 0.5 + 0.1 * agreement.sum(axis=1)
    _, places = linear_sum_assignment(agreement, maximize=True)
    pairs = dict(sorted(zip(places.tolist(), words, strict=True)))
    return ",".join(_pair(code, pairs.get(at, code)) for at, code in enumerate(codes))


def _agreement(
    estimator: Any, texts: pd.Series[Any], cases: Any, codes: list[Any], words: list[str]
) -> np.ndarray:
    """How many cases of each word (rows) the estimator answers with each code (columns)."""
    answers = np.array([repr(plain(value)) for value in np.ravel(estimator.predict(cases))])
    own = [answers == repr(code) for code in codes]
    return np.array(
        [[float((hit & (texts == word).to_numpy()).sum()) for hit in own] for word in words]
    )


def _pair(code: Any, word: Any) -> str:
    text = f"{typed_text(code)}={word}"
    return f'"{text}"' if "," in text else text


def outcomes(
    estimator: Any, y: pd.Series[Any], cases: Any, classes: list[dict[str, Any]]
) -> pd.Series[Any]:
    """Outcomes as the estimator answers them; ``classes`` are the card's, with words, or none.

    `ClassWordsError` where the outcomes are words that nobody has given for the model's codes;
    what `estimator_checks.outcomes_of` raises for anything else.
    """
    try:
        return outcomes_of(estimator, coded(y, classes) if classes else y)
    except StrangeOutcomesError as error:
        pairs = ""
        with suppress(UserError), third_party("It cannot predict"):
            pairs = proposal(estimator, y, cases)
        if pairs:
            raise ClassWordsError(error, pairs) from error
        raise


class ClassWordsError(UserError):
    """Outcomes are words, the model answers in codes; ``pairs`` is how they likely go together."""

    def __init__(self, error: UserError, pairs: str) -> None:
        self.finding, self.pairs = str(error).partition(". ")[0], pairs
        super().__init__(
            f"{self.finding}. If these are its words for them (the pairs that agree most often), "
            f"say --classes {quote(pairs)}. Otherwise name the column that it was trained to "
            "predict."
        )
