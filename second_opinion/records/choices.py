"""The values that a feature may have: which of them a value is, and which may be meant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any

from second_opinion.records.value import key_of, shortest, text_of

_SIMPLE = (str, bool, int, float)
# 1.0 is a whole 1; 007 and 1e3 are something else.
_WHOLE_WITH_POINT = re.compile(r"(-?(?:0|[1-9][0-9]{0,15}))\.0+")
_LEADING_ZEROS = re.compile(r"(?<![0-9])0+(?=[0-9])")
# A longer text is hardly one letter away from a choice by a slip.
_LONGEST_SLIP = 40
# Of larger ones, such as Chinese, each letter in each place would be too many to try.
_LARGEST_ALPHABET = 64


class Choices:
    """An index of the listed values: each question is a look-up, however many they are.

    Values are plain: texts, numbers, booleans. ``dtype`` is that of their column: where it has
    short floats, what such a float is in 64 bits stands for the listed value too.
    """

    def __init__(self, values: Iterable[Any], dtype: str = "") -> None:
        self.values = tuple(values)
        self._dtype = dtype

    def same(self, value: Any) -> Any:
        """The listed value that this one is (1.0 is 1, but true and "1" are not); None if none."""
        if not isinstance(value, _SIMPLE):
            return None
        listed = self._by_key.get(key_of(value))
        if listed is None and isinstance(value, float):
            return self._by_key.get(key_of(shortest(value, self._dtype)))
        return listed

    def alike(self, value: Any) -> Any:
        """The listed value that differs in case, blanks around it or type alone; None if none."""
        tidy = _tidy(str(value))
        return self._by_tidy_text.get(tidy, self._by_number.get(_number(tidy)))

    def nearest(self, value: Any) -> Any:
        """The listed value that may be meant; None if none is near.

        Near are texts that differ in case, blanks, punctuation or leading zeros (``Item 7`` and
        ``item-007``), or by one slip in a letter. Another digit is another thing.
        """
        near = self.alike(value)
        if near is not None:
            return near
        letters = _letters(str(value))
        if not letters or len(letters) > _LONGEST_SLIP:
            return self._by_letters.get(letters)
        spellings = (letters, *_slips(letters, self._alphabet))
        return next((self._by_letters[s] for s in spellings if s in self._by_letters), None)

    def written(self, text: str) -> list[Any]:
        """The listed values that a text in a file may stand for."""
        whole = _WHOLE_WITH_POINT.fullmatch(text)
        listed = self._by_text.get(text, [])
        if listed or whole is None:
            return listed
        values = self._by_text.get(whole[1], [])
        return [value for value in values if not isinstance(value, (str, bool))]

    @cached_property
    def types(self) -> set[type]:
        """The types of the listed values."""
        return {type(value) for value in self.values}

    @cached_property
    def _by_key(self) -> dict[tuple[bool, Any] | None, Any]:
        return {key_of(value): value for value in reversed(self.values)}

    @cached_property
    def _by_text(self) -> dict[str, list[Any]]:
        by_text: dict[str, list[Any]] = {}
        for value in self.values:
            for text in dict.fromkeys(texts_of(value)):
                by_text.setdefault(text, []).append(value)
        return by_text

    @cached_property
    def _by_tidy_text(self) -> dict[Any, Any]:
        texts = ((text, value) for value in self.values for text in texts_of(value))
        return _first_of_each((_tidy(text), value) for text, value in texts)

    @cached_property
    def _by_number(self) -> dict[Any, Any]:
        numbers = (value for value in self.values if not isinstance(value, (str, bool)))
        return _first_of_each((float(value), value) for value in numbers)

    @cached_property
    def _by_letters(self) -> dict[str, Any]:
        return _first_of_each((_letters(str(value)), value) for value in self.values)

    @cached_property
    def _alphabet(self) -> list[str]:
        letters = {letter for text in self._by_letters for letter in text if letter.isalpha()}
        return sorted(letters) if len(letters) <= _LARGEST_ALPHABET else []


def texts_of(value: Any) -> tuple[str, ...]:
    """How a value of a card may be written in a file; the first is how it is written back."""
    if isinstance(value, bool):
        return (text_of(value), str(value))
    if isinstance(value, float) and value.is_integer():
        return (text_of(value), str(int(value)))
    return (text_of(value),)


def _first_of_each(pairs: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    first: dict[Any, Any] = {}
    for key, value in pairs:
        first.setdefault(key, value)
    return first


def _tidy(text: str) -> str:
    return text.strip().casefold()


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _letters(text: str) -> str:
    """Letters and digits alone, without leading zeros, in small letters."""
    text = _LEADING_ZEROS.sub("", text.casefold())
    return "".join(letter for letter in text if letter.isalnum())


def _slips(text: str, alphabet: list[str]) -> Iterator[str]:
    """The text with one letter too many, too few, changed, or swapped with the next."""
    for at in range(len(text) + 1):
        head, tail = text[:at], text[at:]
        if tail[:1].isalpha():
            yield head + tail[1:]
            yield from (head + letter + tail[1:] for letter in alphabet)
        if len(tail) > 1 and tail[:2].isalpha():
            yield head + tail[1] + tail[0] + tail[2:]
        yield from (head + letter + tail for letter in alphabet)
