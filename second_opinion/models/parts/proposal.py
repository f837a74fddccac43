"""From what a folder holds to the one command that adds it: what it is likely for, and why."""

from __future__ import annotations

import csv
import os
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from second_opinion.errors import UserError
from second_opinion.models.parts.part import Part, listed
from second_opinion.records.value import typed_text

# In which order steps usually stand, by what their classes are called.
ORDER = ("Imputer", "Encoder", "Vectorizer", "Transformer", "Pipeline", "Scaler", "Selector", "PCA")
TARGETS = ("target", "label", "y", "class", "outcome", "result", "output", "churn", "price")
TARGET_SCALERS = ("y_", "_y", "target", "price", "output")
ROWS_READ = 2000
PREFERRED = ("train", "data", "df")


@dataclass(frozen=True)
class Proposal:
    """The options of `add` for what somebody brings.

    ``models`` and ``targets`` are what else might be meant; ``unused`` says in a sentence each what
    is left over and may matter.
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
    """What to add of these parts; `UserError` where none of them is a model.

    ``model`` is the one that is meant, where somebody said so.
    """
    every = [inner for part in parts for inner in part.every()]
    models = [part for part in every if part.role == "model"]
    if not models:
        raise UserError(_no_model(every))
    others = () if model else tuple(sorted(models, key=_model_rank)[1:])
    model = model or min(models, key=_model_rank)
    steps = _steps(every, model)
    table = _table(every, model)
    names = _known_names(every, model, table)
    columns = _columns(every, model, steps)
    labels, words = _label_encoders(every, model, names)
    every_input = model.names or (columns.names if columns else ())
    inputs = {*every_input}
    for_answers = _encoder_of_answers(steps, model, inputs, table)
    words = words or for_answers
    inputs |= {name for step in [*steps, *labels] for name in step.names}
    inputs -= {for_answers.keys[-1]} if for_answers else set()
    target, *targets = _targets(table, inputs, words, model, bool(every_input)) or [""]
    steps_in_order = sorted([*labels, *steps], key=_step_rank)
    return Proposal(
        model,
        tuple(_option(step) for step in steps_in_order),
        columns.where if columns else "",
        words.where if words else "",
        str(table.path) if table and target else "",
        target,
        others,
        tuple(targets),
        tuple(_unused(every, model)),
    )


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


def _model_rank(part: Part) -> tuple[bool, bool, str]:
    """A whole pipeline first, then what is called a model."""
    name = part.where.rpartition("/")[2].casefold()
    return (not part.steps, not any(word in name for word in ("model", "best", "final")), name)


def _near(parts: Iterable[Part], model: Part) -> list[Part]:
    """Those of the model's own file, where there are any; else all."""
    all_parts = list(parts)
    own = [part for part in all_parts if part.path == model.path and model.keys]
    return own or all_parts


def _steps(every: Sequence[Part], model: Part) -> list[Part]:
    """The steps that stand before the model: none before a pipeline, which has its own."""
    if model.steps:
        return []
    steps = _near((p for p in every if p.role in ("step", "encoders")), model)
    once = {(step.kind, step.names, step.width): step for step in reversed(steps)}
    return [step for step in steps if step in once.values() and not _is_for_target(step, model)]


def _is_for_target(step: Part, model: Part) -> bool:
    """Whether a step of one column scales the answers of a regression."""
    name = "#".join([step.path.stem, *step.keys]).casefold()
    marked = any(mark in name for mark in TARGET_SCALERS)
    return step.width == 1 and not model.levels and (model.width != 1) and marked


def _step_rank(part: Part) -> int:
    if part.role in ("encoders", "label encoder"):
        return ORDER.index("Encoder")
    return next((at for at, kind in enumerate(ORDER) if part.kind.endswith(kind)), len(ORDER))


def _option(part: Part) -> str:
    """How ``--before`` names a step: with its column where it does not know that itself."""
    name = part.where
    return f"{name}:{','.join(part.names)}" if part.role == "label encoder" else name


def _table(every: Sequence[Part], model: Part) -> Part | None:
    """The table that has most of the model's columns, and a name like train.csv."""
    tables = [part for part in every if part.role == "table" and not part.keys]

    def rank(part: Part) -> tuple[int, bool, bool, str]:
        stem = part.path.stem.casefold()
        preferred = any(word in stem for word in PREFERRED)
        lacks = len({*model.names} - {*part.names})
        return (lacks, part.kind == "DataFrame", not preferred, stem)

    return min(tables, key=rank, default=None)


def _known_names(every: Sequence[Part], model: Part, table: Part | None) -> list[str]:
    lists = [part.names for part in every if part.role == "columns"]
    return list(dict.fromkeys([*model.names, *(table.names if table else ()), *sum(lists, ())]))


def _columns(every: Sequence[Part], model: Part, steps: Sequence[Part]) -> Part | None:
    """The list with as many names as the model, or a step, takes without names of its own."""
    if model.names or (steps and all(step.names for step in steps)):
        return None
    widths = [model.width, *(step.width for step in steps if not step.names)]
    lists = _near((part for part in every if part.role == "columns"), model)
    return next((p for width in widths for p in lists if len(p.names) == width), None)


def _label_encoders(
    every: Sequence[Part], model: Part, names: Sequence[str]
) -> tuple[list[Part], Part | None]:
    """LabelEncoders of columns, each with its column, and what has the words for the answers."""
    from dataclasses import replace

    coded = list(model.levels) == list(range(len(model.levels))) and bool(model.levels)
    of_columns, for_answers = [], []
    for part in _near((p for p in every if p.role == "label encoder"), model):
        column = _column_in_name(part, names)
        if column and not (coded and any(t in column.casefold() for t in TARGETS[:2])):
            of_columns.append(replace(part, names=(column,)))
        elif coded and len(part.levels) == len(model.levels):
            for_answers.append(part)
    pairs = [part for part in _near(every, model) if part.role == "classes"]
    fitting = [part for part in pairs if {code for code, _ in part.levels} == {*model.levels}]
    return of_columns, next(iter([*for_answers, *fitting]), None)


def _encoder_of_answers(
    steps: Sequence[Part], model: Part, inputs: set[str], table: Part | None
) -> Part | None:
    """In a dict of encoders by column, that of what is predicted; None without one."""
    last = table.names[-1:] if table else ()
    for part in (inner for step in steps if step.role == "encoders" for inner in step.parts):
        key = part.keys[-1]
        is_apart = key not in inputs if inputs else key in last
        if is_apart and len(part.levels) == len(model.levels):
            return part
    return None


def _column_in_name(part: Part, names: Sequence[str]) -> str:
    """The column after which a file or key is called: ``le_city.pkl``; empty without one."""
    own = _folded(part.keys[-1] if part.keys else part.path.stem)
    fitting = [name for name in names if len(_folded(name)) > 1 and _folded(name) in own]
    return max(fitting, key=len, default="")


def _folded(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def _targets(
    table: Part | None, inputs: set[str], words: Part | None, model: Part, are_all_inputs: bool
) -> list[str]:
    """The columns that may be what is predicted, the likeliest first.

    Unless ``are_all_inputs``, any of the columns that hold just its classes may be one of them.
    """
    if table is None:
        return []
    left = [name for name in table.names if name not in inputs] if inputs else list(table.names)
    cells = _cells(table, left)
    if not model.levels:
        left = [name for name in left if all(map(_is_number, cells[name]))] or left
        return sorted(left, key=lambda name: (_folded(name) not in TARGETS, -left.index(name)))
    levels = {typed_text(level) for level in (*model.levels, *(words.levels if words else ()))}
    levels |= {str(level) for level in model.levels}
    exact = [name for name in left if cells[name] and cells[name] <= levels]
    fitting = [name for name in left if len(cells[name]) == len(model.levels) or name in exact]
    left = (exact if are_all_inputs else fitting) or fitting or left

    def rank(name: str) -> tuple[bool, bool, bool, int]:
        is_last = name == table.names[-1]
        return _folded(name) not in TARGETS, not is_last, name not in exact, -left.index(name)

    return sorted(left, key=rank)


def _is_number(cell: str) -> bool:
    try:
        float(cell.replace(",", "."))
    except ValueError:
        return False
    return True


def _cells(table: Part, names: Sequence[str]) -> dict[str, set[str]]:
    """The distinct cells in the first rows of some columns of a CSV file."""
    cells: dict[str, set[str]] = {name: set() for name in names}
    if table.kind != "csv":
        return cells
    with table.path.open(encoding="utf-8", errors="replace", newline="") as file:
        first = file.readline()
        delimiter = max(",;\t|", key=first.count)
        for _, row in zip(range(ROWS_READ), csv.reader(file, delimiter=delimiter), strict=False):
            for name, cell in zip(table.names, row, strict=False):
                if name in cells and cell.strip():
                    cells[name].add(cell.strip())
    return cells


def _unused(every: Sequence[Part], model: Part) -> Iterable[str]:
    """What may change the answers, and is not taken up."""
    for part in _near(every, model):
        name = (part.keys[-1] if part.keys else part.path.stem).casefold()
        if "threshold" in name or "cutoff" in name:
            yield (
                f"{part.where} ({part.text}) is not used: the answer is the model's own. For one "
                "by that threshold write a predict.py: `wrap` begins it."
            )
        elif part.role == "step" and _is_for_target(part, model):
            yield (
                f"{part.where} ({part.text}) seems to be for the answers, and is not used: they "
                "come as the model gives them. To turn them back write a predict.py: `wrap` begins "
                "it."
            )
