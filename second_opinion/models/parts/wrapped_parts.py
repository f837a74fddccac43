"""What a first predict.py says of the likely parts of a folder, and under which names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from second_opinion.errors import UserError
from second_opinion.models.describe.identifiers import identifiers
from second_opinion.models.parts import folder as folders
from second_opinion.models.parts import network_text
from second_opinion.models.parts.folder import Folder
from second_opinion.models.parts.folder_table import cells
from second_opinion.models.parts.likely_parts import LikelyParts
from second_opinion.models.parts.network_text import Library
from second_opinion.models.parts.part import Part

# More whole numbers than this are amounts.
MOST_CLASSES = 20
# Names of what every first predict.py has.
TAKEN = {"model", "prepared", "predict", "predict_proba", "encoders", "classes_", "class"}


@dataclass(frozen=True)
class WrappedParts:
    """A folder, what is likely in it, and the folder in or above it for the predict.py."""

    folder: Folder
    home: Path
    likely: LikelyParts

    @classmethod
    def of(cls, path: Path, home: Path | None = None) -> WrappedParts:
        """For a folder; `UserError` when it holds no model."""
        folder = folders.look(path)
        likely = LikelyParts.of(folder.parts)
        if likely is None:
            raise UserError(
                f"{path} holds no model:\n{folder.text}\nExpected one, like model.pkl. "
                "Save it there with joblib.dump(model, 'model.pkl'), then try again."
            )
        return cls(folder, home or path, likely)

    @property
    def steps(self) -> list[Part]:
        """The steps but encoders of single columns, which come first."""
        return [part for part in self.likely.steps if part.role == "step"]

    @property
    def threshold(self) -> str:
        """The number that is called a threshold; empty where there is none."""
        notes = [part.note for part in self.likely.thresholds]
        return next((n.rpartition(" ")[2] for n in notes if n.startswith("the number")), "")

    @cached_property
    def classes(self) -> tuple[Any, ...]:
        """The classes in words, in the order of the model's codes; empty where there are none."""
        codes, words = self.likely.model.levels, self.likely.words
        if codes and codes != tuple(range(len(codes))):
            return ()
        if words and words.role == "classes":
            # A file's codes are texts, and 10 is after 9.
            pairs = sorted((len(str(code)), str(code), word) for code, word in words.levels)
            return tuple(word for *_, word in pairs)
        if words:
            return words.levels
        if self.is_network:
            return self.outcomes if self._are_classes else ()
        in_words = any(isinstance(level, str) for level in self.outcomes)
        return self.outcomes if in_words and len(self.outcomes) == len(codes) else ()

    def path_of(self, part: Part) -> str:
        """Where a part lies, from the folder in which the predict.py is to stand."""
        return part.path.resolve().relative_to(self.home.resolve()).as_posix()

    @cached_property
    def outcomes(self) -> tuple[Any, ...]:
        """The distinct outcomes in the table, in their order: numbers where all are some."""
        table, target = self.likely.table, self.likely.target
        texts = sorted(cells(table, [target], rows=None)[target]) if table and target else []
        try:
            numbers = sorted({float(text) for text in texts})
        except ValueError:
            return tuple(texts)
        return tuple(int(number) if number.is_integer() else number for number in numbers)

    @property
    def _are_classes(self) -> bool:
        """Whether the outcomes look like classes: words, or a few whole numbers."""
        if any(isinstance(outcome, str) for outcome in self.outcomes):
            return True
        few = 2 <= len(self.outcomes) <= MOST_CLASSES
        return few and all(isinstance(outcome, int) for outcome in self.outcomes)

    @property
    def library(self) -> Library | None:
        """How weights of another library are loaded and asked; None for what joblib loads."""
        if self.likely.model.role != "weights":
            return None
        return network_text.library(self.likely.model, is_number=self.is_number)

    @property
    def is_network(self) -> bool:
        """Whether it answers in one number a class, and knows no words for them."""
        return self.likely.model.kind in network_text.NETWORKS

    @property
    def is_unknown(self) -> bool:
        """Whether nobody here knows how it is asked."""
        model = self.likely.model
        return model.role == "weights" and model.kind not in network_text.LIBRARIES

    @property
    def network(self) -> tuple[str, str]:
        """The module and name of the class of a network in the folder; empty texts for none."""
        codes = [part.path for part in self.folder.of("code") if part.path.parent == self.home]
        return network_text.network_class(codes)

    @property
    def raw_columns(self) -> tuple[str, ...]:
        """The columns of the table but the target."""
        table = self.likely.table
        names = [name for name in (table.names if table else ()) if name != self.likely.target]
        numbering = identifiers(names)
        # Without names of its own a model may take any column; its count tells whether an id too.
        if self.likely.model.width in (None, len(names)):
            numbering = []
        return tuple(name for name in names if name and name not in numbering)

    @property
    def one_hot(self) -> tuple[str, ...]:
        """The raw columns that an encoder widens, where nobody names what comes to the model."""
        steps = [part for part in self.steps if "OneHot" in part.kind]
        return (
            tuple(name for part in steps for name in part.names) if not self.likely.columns else ()
        )

    @property
    def encoders(self) -> Part | None:
        """A dict with an encoder for each of several columns."""
        return next((part for part in self.likely.steps if part.role == "encoders"), None)

    @property
    def named_steps(self) -> list[tuple[str, Part]]:
        """The steps with a name each, like ``scaler``."""
        named: dict[str, Part] = {}
        for part in self.steps:
            word = re.sub(r"\W+", "_", (part.keys or (part.path.stem,))[-1]).strip("_").lower()
            name = word if word.isidentifier() and word not in TAKEN else f"step_{len(named) + 1}"
            named[name if name not in named else f"step_{len(named) + 1}"] = part
        return list(named.items())

    @property
    def loaded(self) -> list[tuple[str, Part]]:
        """What is loaded beside the model, with its name."""
        others = {
            "encoders": self.encoders,
            "target_scaler": self.likely.target_scaler,
            "calibrator": self.likely.calibrator,
        }
        return [*self.named_steps, *((name, part) for name, part in others.items() if part)]

    def columns_of(self, part: Part) -> tuple[str, ...]:
        """The columns that a step takes; empty where nobody can tell."""
        if part.names or part.width is None:
            return part.names
        numbers = tuple(
            n for n in self.raw_columns if n in self.likely.columns and n not in self.likely.dummies
        )
        candidates = (self.likely.columns, self.raw_columns, numbers)
        return next((names for names in candidates if len(names) == part.width), ())

    def is_listed(self, part: Part, depth: int) -> bool:
        """Whether the key at this depth counts the places of a list or tuple."""
        for bundle in self.folder.of("bundle"):
            if bundle.path == part.path and bundle.keys == part.keys[:depth]:
                return bundle.kind in ("list", "tuple")
        return False

    @property
    def column_encoders(self) -> dict[str, Part]:
        """A LabelEncoder for each column that has one of its own."""
        encoders = [part for part in self.likely.steps if part.role == "label encoder"]
        return {name: part for part in encoders for name in part.names}

    @property
    def is_number(self) -> bool:
        """Whether it answers numbers, as far as its kind and its classes tell."""
        model = self.likely.model
        kind = model.steps[-1] if model.steps else model.kind
        if model.role == "weights":
            has_classes = bool(self.likely.words) or self._are_classes or not self.outcomes
            return not self.is_unknown and not has_classes
        in_classes = bool(model.levels or self.classes) or "Classif" in kind
        return not in_classes
