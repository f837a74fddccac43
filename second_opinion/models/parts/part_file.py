"""How an option names a part: ``FILE``, ``FILE#KEY`` of a dict or tuple, ``FILE:column,column``."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from second_opinion.errors import UserError
from second_opinion.formatting import quoted
from second_opinion.models.parts import class_pairs, folder
from second_opinion.models.parts.part import Part, article, listed


@dataclass(frozen=True)
class PartFile:
    """A part that somebody names: its file, the keys that lead to it inside, and its columns."""

    path: Path
    keys: tuple[str, ...] = ()
    columns: tuple[str, ...] | None = None

    @classmethod
    def named(cls, text: str) -> PartFile:
        """What an option says; a file whose own name holds ``#`` or ``:`` goes before keys."""
        marks = [at for at, letter in enumerate(text) if letter in "#:"]
        cut = next((at for at in [*marks, len(text)] if Path(text[:at]).is_file()), len(text))
        path, rest = Path(text[:cut]), text[cut:]
        if cut == len(text) and not path.exists() and marks and marks[0] > 1:
            path, rest = Path(text[: marks[0]]), text[marks[0] :]
        keys, colon, names = rest.partition(":")
        columns = next(csv.reader([names], skipinitialspace=True), []) if colon else None
        return cls(
            path,
            tuple(key for key in keys.split("#") if key),
            None if columns is None else tuple(name.strip() for name in columns),
        )

    @property
    def where(self) -> str:
        """The file and the keys, as an option names them."""
        return "#".join([str(self.path), *self.keys])

    def inside(self, content: Any) -> Any:
        """What lies under the keys in the file's content; `UserError` names those there are."""
        for key in self.keys:
            parts = _by_key(content)
            if key not in parts:
                there = f"it has {listed(parts)}" if parts else f"it is {_kind(content)}"
                raise UserError(f"{self.path} has nothing under {quoted(key)}; {there}.")
            content = parts[key]
        return content

    @property
    def outline(self) -> Part:
        """What it is, told without loading it; `UserError` where there is no such file or key."""
        if not self.path.is_file():
            raise UserError(f"There is no file {self.path}. Correct the path.")
        part = folder.part_in(self.path) or Part(self.path, "other")
        for key in self.keys:
            parts = {inner.keys[-1]: inner for inner in part.parts}
            if key not in parts:
                there = f"it has {listed(parts)}" if parts else f"it is {part.text}"
                raise UserError(f"{self.path} has nothing under {quoted(key)}; {there}.")
            part = parts[key]
        return part

    def names(self) -> tuple[str, ...]:
        """The names of columns that it holds; `UserError` for none. Nothing is loaded."""
        part = self.outline
        if part.role in ("columns", "table", "label encoder") and (part.names or part.levels):
            return part.names or tuple(map(str, part.levels))
        raise UserError(
            f"{self.where} is {part.text}; expected the names of the model's columns: a pickled "
            "list, array or Index of them, JSON, a text with one a line, or a table."
        )

    def class_words(self) -> dict[str, str]:
        """The word of each class; of a LabelEncoder or a list by their order. Nothing is loaded.

        `UserError` where it holds none.
        """
        part = self.outline
        if part.role == "label encoder":
            return {str(at): str(level) for at, level in enumerate(part.levels)}
        if part.role == "classes":
            return {str(code): word for code, word in part.levels}
        if part.role == "columns":
            return {str(at): name for at, name in enumerate(part.names)}
        raise UserError(
            f"{self.where} is {part.text}; expected words for classes: a LabelEncoder, a dict or "
            "JSON of codes and words, or a text with one pair a line, like 0=No."
        )


def class_words(text: str) -> dict[str, str]:
    """The word of each class, from ``0=No,1=Yes`` or from a file.

    `UserError` where the text is neither.
    """
    file = PartFile.named(text)
    if file.path.is_file():
        return file.class_words()
    pairs = class_pairs.in_text(text)
    if not pairs:
        raise UserError(
            f"--classes says {quoted(text)}, which is no file and holds no pairs; expected a code "
            "and a word for each class, like 0=No,1=Yes, or a file of them."
        )
    return pairs


def _by_key(content: Any) -> dict[str, Any]:
    if isinstance(content, Mapping):
        return {str(key): value for key, value in content.items()}
    if isinstance(content, Sequence) and not isinstance(content, (str, bytes)):
        return {str(at): value for at, value in enumerate(content)}
    return {}


def _kind(content: Any) -> str:
    return article(type(content).__name__)
