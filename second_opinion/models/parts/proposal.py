"""From what a folder holds to the one command that adds it, and what is unclear or left out."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from second_opinion.errors import UserError
from second_opinion.models.parts.likely_parts import LikelyParts
from second_opinion.models.parts.part import Part, listed


@dataclass(frozen=True)
class Proposal:
    """The options of `add` for what somebody brings.

    ``models`` and ``targets`` are what else might be meant; ``unused`` says in a sentence each what
    is left over and may matter; ``table`` is the likely one, also where its target is not known.
    """

    model: Part
    before: tuple[str, ...] = ()
    columns: str = ""
    classes: str = ""
    data: str = ""
    target: str = ""
    models: tuple[Part, ...] = ()
    targets: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    table: str = ""

    @classmethod
    def of(cls, likely: LikelyParts) -> Proposal:
        """The options for these parts."""
        return cls(
            likely.model,
            tuple(map(_option, likely.steps)),
            likely.column_list.where if likely.column_list else "",
            likely.words.where if likely.words else "",
            str(likely.table.path) if likely.table and likely.target else "",
            likely.target,
            likely.models,
            tuple(likely.targets[1:]),
            tuple(_unused(likely)),
            str(likely.table.path) if likely.table else "",
        )

    @property
    def parts(self) -> tuple[tuple[str, ...], str, str]:
        """What ``--before``, ``--columns`` and ``--classes`` say."""
        return self.before, self.columns, self.classes

    @property
    def options(self) -> list[str]:
        """The arguments of `add`, without ``--name``."""
        pairs = [("--before", text) for text in self.before]
        for option in ("columns", "classes", "data", "target"):
            pairs.append((f"--{option}", getattr(self, option)))
        return [self.model.where, *(word for pair in pairs if pair[1] for word in pair)]

    @property
    def unclear(self) -> list[str]:
        """A sentence for each thing that was chosen among several."""
        sentences = [f"{part.where} is a model too: {part.text}." for part in self.models]
        if self.targets:
            sentences.append(
                f"The target is taken to be {self.target}; it might be {listed(self.targets)}."
            )
        return sentences

    def command(self, name: str) -> str:
        """The command as a shell takes it."""
        first, *others = self.options
        words = ["python", "-m", "second_opinion", "add", first, "--name", name or "NAME", *others]
        return shlex.join(words)


def proposed(parts: Sequence[Part], model: Part | None = None) -> Proposal:
    """What to add of these parts; `UserError` where none of them is a model of scikit-learn.

    ``model`` is the one that is meant, where somebody said so.
    """
    likely = LikelyParts.of(parts, model)
    if likely is None or likely.model.role != "model":
        raise UserError(_no_model([inner for part in parts for inner in part.every()]))
    return Proposal.of(likely)


def _option(part: Part) -> str:
    """How ``--before`` names a step: with its column where it does not know that itself."""
    name = part.where
    return f"{name}:{','.join(part.names)}" if part.role == "label encoder" else name


def _no_model(every: Sequence[Part]) -> str:
    weights = [part for part in every if part.role == "weights" or part.may_answer]
    there = listed(f"{part.where} ({part.text})" for part in (weights or every)[:4])
    way = "Name the model's file, or write a predict.py that loads it"
    if weights:
        folder = shlex.quote(os.path.commonpath([part.path.parent for part in every]))
        way = (
            "Say in a file of Python how it answers: `python -m second_opinion wrap "
            f"{folder}` writes a first one"
        )
    return (
        f"None of these files holds a trained scikit-learn model; there is {there}. {way} "
        "(docs/bring-your-own-model.md)."
    )


def _unused(likely: LikelyParts) -> Iterable[str]:
    """What may change the answers, or the form, and is not taken up."""
    if likely.table and not likely.target:
        yield (
            f"{likely.table.where} ({likely.table.text}) is not used: nothing tells which of its "
            "columns is predicted. If it is the training data, say --target COLUMN."
        )
    turning = [(part, "threshold") for part in likely.thresholds]
    turning += [(likely.calibrator, "calibrator")] if likely.calibrator else []
    for part, noun in turning:
        yield (
            f"{part.where} ({part.text}) is not used: the answer is the model's own. For one "
            f"by that {noun} write a predict.py: `wrap` begins it."
        )
    if scaler := likely.target_scaler:
        yield (
            f"{scaler.where} ({scaler.text}) seems to be for the answers, and is not used: they "
            "come as the model gives them. To turn them back write a predict.py: `wrap` begins "
            "it."
        )
