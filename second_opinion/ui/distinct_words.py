"""The words of the entries of a list, told apart where they are equal."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

T = TypeVar("T")
RECORD_ID = re.compile("[0-9a-f]{32}")


def of(options: Iterable[T], text_of: Callable[[T], str]) -> Callable[[T], str]:
    """``text_of`` for the ``format_func`` of a list, with no two options under the same words.

    Equal ones have the option behind them, a record the end of its id. The browser sends the words
    alone, so that Streamlit would take the last of them, whichever was chosen.
    """
    names = {repr(option): option for option in options}
    words = {key: text_of(option) for key, option in names.items()}
    if len({*words.values()}) == len(words):
        return text_of
    whole = {key: str(option) for key, option in names.items()}
    ends = {key: name[-4:] if RECORD_ID.fullmatch(name) else name for key, name in whole.items()}
    numbers = {key: str(number) for number, key in enumerate(names, 1)}
    for marks in (ends, whole, numbers):
        words = _marked(words, marks)
    return lambda option: words[key] if (key := repr(option)) in words else text_of(option)


def _marked(words: Mapping[str, str], marks: Mapping[str, str]) -> dict[str, str]:
    """The words, with a mark behind those that stand there more than once."""
    times = Counter(words.values())
    return {
        key: f"{text} · {marks[key]}" if times[text] > 1 and marks[key] else text
        for key, text in words.items()
    }
