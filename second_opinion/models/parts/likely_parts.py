"""What each part of a folder is likely for: model, steps, columns, words, table and target.

The one choice from which `add FOLDER` makes its options and `wrap` its predict.py. Nothing is
loaded: what each file is was told by `folder.look`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from second_opinion.models.parts.folder_table import cells
from second_opinion.models.parts.label_encoders import encoder_of_answers, may_be_words, shared_out
from second_opinion.models.parts.likely_model import called, is_calibrator, likely_models, near
from second_opinion.models.parts.likely_steps import step_rank, steps_before, target_scaler
from second_opinion.models.parts.likely_target import dummies, likely_table, likely_targets
from second_opinion.models.parts.part import Part


@dataclass(frozen=True)
class LikelyParts:
    """What stands beside a model: None or empty for what is not there.

    ``every`` are all parts, those in bundles too; ``models`` what else may be the model.
    """

    every: tuple[Part, ...]
    model: Part
    models: tuple[Part, ...] = ()

    @classmethod
    def of(cls, parts: Sequence[Part], model: Part | None = None) -> LikelyParts | None:
        """Of the parts of a folder, with the model that is meant or the likeliest; None for none.

        It may be one that only a predict.py can ask, such as the weights of a network.
        """
        every = tuple(inner for part in parts for inner in part.every())
        models = likely_models(every)
        if model:
            return cls(every, model)
        return cls(every, models[0], tuple(models[1:])) if models else None

    @cached_property
    def steps(self) -> list[Part]:
        """The steps before the model in their order; a LabelEncoder has its column as its name."""
        return sorted([*self._label_encoders[0], *self._own_steps], key=step_rank)

    @cached_property
    def _own_steps(self) -> list[Part]:
        return steps_before(self.every, self.model)

    @cached_property
    def column_list(self) -> Part | None:
        """The list with as many names as the model, or a step, takes without names of its own."""
        steps, width = self._own_steps, self.model.width
        knows = bool(steps) and all(step.names for step in steps)
        if self.model.names or (knows and any(len(step.names) == width for step in steps)):
            return None
        for count in (width, *(step.width for step in steps if not step.names)):
            for part in self._lists:
                if len(part.names) == count:
                    return part
        return None

    @cached_property
    def _lists(self) -> list[Part]:
        return near((part for part in self.every if part.role == "columns"), self.model)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns that come to the model, in its order, as far as somebody names them.

        Where the model does not even tell how many, those of the longest list.
        """
        if named := self.model.names or (self.column_list.names if self.column_list else ()):
            return named
        lists = [*sorted(self._lists, key=lambda part: -len(part.names)), *self._own_steps]
        width = self.model.width
        fitting = (part.names for part in lists if part.names and width in (None, len(part.names)))
        return next(fitting, ())

    @cached_property
    def table(self) -> Part | None:
        """The training data."""
        steps = [name for step in self._own_steps for name in step.names]
        return likely_table(self.every, self.columns or steps)

    @cached_property
    def dummies(self) -> tuple[str, ...]:
        """The columns of the table that the model takes as one-hot dummies."""
        return dummies(self.table, self.columns, self._own_steps)

    @cached_property
    def _taken(self) -> set[str]:
        """The columns that are no target, before any LabelEncoder is told from another."""
        steps = {name for step in self._own_steps for name in step.names}
        own = {self._in_dict.keys[-1]} if self._in_dict else set()
        return {*self.columns, *self.dummies, *steps} - own

    @cached_property
    def _in_dict(self) -> Part | None:
        return encoder_of_answers(self._own_steps, self.model, {*self.columns}, self.table)

    @cached_property
    def _label_encoders(self) -> tuple[list[Part], Part | None]:
        guess = next(iter(self._targets(self._taken, self._in_dict)), "")
        lists = [name for part in self._lists for name in part.names]
        names = [*(self.table.names if self.table else ()), *self.model.names, *lists]
        encoded = {n for step in self._own_steps if "Encoder" in step.kind for n in step.names}
        read = [n for n in self.columns or names if n not in encoded]
        held = cells(self.table, [guess, *read]) if self.table else {}
        return shared_out(self.every, self.model, names, held, guess)

    @cached_property
    def words(self) -> Part | None:
        """What has the words for the classes: a LabelEncoder, or pairs."""
        pairs = near((part for part in self.every if part.role == "classes"), self.model)
        fitting = [part for part in pairs if may_be_words(part, self.model)]
        return self._label_encoders[1] or self._in_dict or next(iter(fitting), None)

    @cached_property
    def targets(self) -> list[str]:
        """The columns that may be what is predicted, the likeliest first."""
        encoded = {name for encoder in self._label_encoders[0] for name in encoder.names}
        return self._targets(self._taken | encoded, self.words)

    def _targets(self, taken: set[str], words: Part | None) -> list[str]:
        return likely_targets(self.table, taken, words, self.model, bool(self.columns))

    @property
    def target(self) -> str:
        """The likeliest target; empty without a table."""
        return next(iter(self.targets), "")

    @property
    def target_scaler(self) -> Part | None:
        """A scaler of the answers."""
        return target_scaler(self.every, self.model)

    @property
    def calibrator(self) -> Part | None:
        """What turns the model's probabilities."""
        models = [part for part in self.every if part.role == "model" and part != self.model]
        return next(filter(is_calibrator, near(models, self.model)), None)

    @property
    def thresholds(self) -> list[Part]:
        """What is called a threshold, such as the number from which the second class is said."""
        others = (part for part in self.every if part != self.model)
        marked = [part for part in others if any(w in called(part) for w in ("thresh", "cutoff"))]
        return near(marked, self.model)
