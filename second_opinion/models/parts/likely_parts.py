"""What each part of a folder is likely for: model, steps in order, columns, classes, target.

Nothing in the folder is run: what each file is was told by `folder.look`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from second_opinion.errors import UserError
from second_opinion.models.describe.identifiers import identifiers
from second_opinion.models.parts import folder as folders
from second_opinion.models.parts.folder import Folder
from second_opinion.models.parts.part import Part

# How people name the model among several, and what is none although it predicts.
MAIN = ("model", "clf", "classifier", "regressor", "pipeline", "pipe", "best", "final")
# Names of what every first predict.py has.
TAKEN = {"model", "prepared", "predict", "predict_proba", "encoders", "classes_", "class"}
ORDER = ("Imputer", "Encoder", "Scaler", "Transformer", "PCA", "Select")


@dataclass(frozen=True)
class LikelyParts:
    """Which part of a folder is likely what; empty or None for what it does not hold."""

    folder: Folder
    home: Path

    @classmethod
    def of(cls, path: Path, home: Path | None = None) -> LikelyParts:
        """For a folder, and the one in or above it where a predict.py is to stand.

        `UserError` when it holds no model.
        """
        parts = cls(folders.look(path), home or path)
        if parts.model is None:
            raise UserError(
                f"{path} holds no model:\n{parts.folder.text}\nExpected one, like model.pkl. "
                "Save it there with joblib.dump(model, 'model.pkl'), then try again."
            )
        return parts

    @cached_property
    def model(self) -> Part | None:
        """The model itself: of several the one that is called so."""
        models = [part for part in self.folder.of("model") if not _is_calibrator(part)]
        models += self.folder.of("weights")
        models = models or [part for part in self.folder.every if part.may_answer]
        return max(models, key=self._likeliness, default=None)

    def _likeliness(self, part: Part) -> tuple[bool, int]:
        name = self.folder.name(part).casefold()
        return any(word in name for word in MAIN), -len(part.keys)

    @cached_property
    def table(self) -> Part | None:
        """The training data: the table with most of the model's columns, or called so."""

        def fit(part: Part) -> tuple[int, bool, bool]:
            shared = len({*part.names} & {*self.columns})
            return shared, part.kind == "csv", "train" in part.path.name

        tables = [part for part in self.folder.of("table") if part.names and not part.keys]
        return max(tables, key=fit, default=None)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns that come to the model, in its order, as far as somebody names them."""
        steps = [part for part in self.steps if part.names]
        named = [part for part in (self.model,) if part and part.names]
        lists = sorted(self.folder.of("columns"), key=lambda part: -len(part.names))
        width = self.model.width if self.model else None
        candidates = [*named, *(p for p in [*lists, *steps] if width in (None, len(p.names)))]
        return candidates[0].names if candidates else ()

    @cached_property
    def steps(self) -> list[Part]:
        """The steps before the model, in the order in which they usually stand."""
        steps = [part for part in self.folder.of("step") if part is not self.target_scaler]

        def place(part: Part) -> int:
            at = [i for i, word in enumerate(ORDER) if word in part.kind]
            return at[0] if at else 1

        return sorted(steps, key=place)

    @cached_property
    def target_scaler(self) -> Part | None:
        """A scaler of the outcomes, by its name and its single column."""
        for part in self.folder.of("step"):
            words = re.split(r"[^a-z]+", self.folder.name(part).casefold())
            if part.width == 1 and {"y", "target", "label", "output"} & {*words}:
                return part
        return None

    @cached_property
    def target(self) -> str:
        """The column that is predicted: the one of the table that the model does not take."""
        if self.table is None:
            return ""
        raw = {*self.columns, *self.dummies}
        for part in [*self.steps, *self.folder.of("encoders")]:
            raw |= {*part.names}
        rest = [name for name in self.table.names if name and name not in raw]
        return rest[-1] if rest else ""

    @cached_property
    def dummies(self) -> tuple[str, ...]:
        """The columns of the table that the model takes as one-hot dummies."""
        if self.table is None or any("Encoder" in part.kind for part in self.steps):
            return ()
        taken = self.columns
        return tuple(
            name
            for name in self.table.names
            if name and name not in taken and any(column.startswith(f"{name}_") for column in taken)
        )

    @cached_property
    def calibrator(self) -> Part | None:
        return next((part for part in self.folder.of("model") if _is_calibrator(part)), None)

    @cached_property
    def threshold(self) -> str:
        """The number under a key such as ``threshold``; empty where there is none."""
        for part in self.folder.of("other"):
            if "thresh" in self.folder.name(part).casefold() and part.note.startswith("the number"):
                return part.note.rpartition(" ")[2]
        return ""

    @cached_property
    def classes(self) -> tuple[Any, ...]:
        """The classes in words, in the order of the model's codes; empty where there are none."""
        codes = self.model.levels if self.model else ()
        if codes and codes != tuple(range(len(codes))):
            return ()
        for part in self.folder.of("classes"):
            if len(part.levels) == len(codes) or not codes:
                return tuple(word for _, word in sorted(part.levels))
        for part in self.label_encoders:
            if len(part.levels) == len(codes) and part not in self.column_encoders.values():
                return part.levels
        levels = self._levels_of(self.target)
        in_words = any(not level.replace(".", "").isdigit() for level in levels)
        return tuple(levels) if in_words and len(levels) == len(codes) else ()

    @property
    def main(self) -> Part:
        """The model, which is there."""
        assert self.model  # noqa: S101  # `of` has seen to it
        return self.model

    @property
    def raw_columns(self) -> tuple[str, ...]:
        """The columns of the table but the target."""
        names = [name for name in (self.table.names if self.table else ()) if name != self.target]
        numbering = identifiers(names)
        # Without names of its own a model may take any column; its count tells whether an id too.
        if self.main.width in (None, len(names)):
            numbering = []
        return tuple(name for name in names if name and name not in numbering)

    @property
    def one_hot(self) -> tuple[str, ...]:
        """The raw columns that an encoder widens, where nobody names what comes to the model."""
        steps = [part for part in self.steps if "OneHot" in part.kind]
        return tuple(name for part in steps for name in part.names) if not self.columns else ()

    @property
    def encoders(self) -> Part | None:
        """A dict with an encoder for each of several columns."""
        return next(iter(self.folder.of("encoders")), None)

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
            "target_scaler": self.target_scaler,
            "calibrator": self.calibrator,
        }
        return [*self.named_steps, *((name, part) for name, part in others.items() if part)]

    def columns_of(self, part: Part) -> tuple[str, ...]:
        """The columns that a step takes; empty where nobody can tell."""
        if part.names or part.width is None:
            return part.names
        numbers = tuple(n for n in self.raw_columns if n in self.columns and n not in self.dummies)
        candidates = (self.columns, self.raw_columns, numbers)
        return next((names for names in candidates if len(names) == part.width), ())

    def is_listed(self, part: Part, depth: int) -> bool:
        """Whether the key at this depth counts the places of a list or tuple."""
        for bundle in self.folder.of("bundle"):
            if bundle.path == part.path and bundle.keys == part.keys[:depth]:
                return bundle.kind in ("list", "tuple")
        return False

    @property
    def label_encoders(self) -> list[Part]:
        return self.folder.of("label encoder")

    @cached_property
    def column_encoders(self) -> dict[str, Part]:
        """A LabelEncoder for each column that has one of its own, by its name or its levels."""
        names = [name for name in (self.table.names if self.table else ()) if name != self.target]
        encoders = {}
        for part in self.label_encoders:
            called = self.folder.name(part).casefold()
            by_name = [name for name in names if name.casefold() in called]
            levels = {name: {*self._levels_of(name)} for name in names}
            by_level = [name for name in names if levels[name] and levels[name] <= {*part.levels}]
            if by_name or by_level:
                encoders[max(by_name, key=len) if by_name else by_level[0]] = part
        return encoders

    def _levels_of(self, name: str) -> list[str]:
        """The distinct cells of a column of the table, sorted."""
        import pandas as pd

        if self.table is None or self.table.kind != "csv" or not name:
            return []
        try:
            cells = pd.read_csv(
                self.table.path, dtype=str, usecols=[name], sep=None, engine="python"
            )
        except (ValueError, OSError):
            return []
        return sorted(cells[name].dropna().unique().tolist())

    @property
    def is_number(self) -> bool:
        """Whether it answers numbers, as far as its kind and its classes tell."""
        model = self.model
        if model is None or model.role == "weights":
            return False
        kind = model.steps[-1] if model.steps else model.kind
        return not model.levels and "Classif" not in kind and not self.classes


def _is_calibrator(part: Part) -> bool:
    return part.kind == "IsotonicRegression" or "calib" in " ".join(part.keys).casefold()
