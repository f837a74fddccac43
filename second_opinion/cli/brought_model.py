"""A model that somebody brings to `add`, whole or in parts: read, and loaded once agreed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import click

from second_opinion.cli.asking import working
from second_opinion.cli.option_group import grouped
from second_opinion.cli.printing import printable
from second_opinion.errors import UserError
from second_opinion.models.card import ModelFormat
from second_opinion.models.describe.class_words import class_fields
from second_opinion.models.formats import mlflow_source
from second_opinion.models.formats.model_file import ModelFile
from second_opinion.models.parts.part import listed
from second_opinion.models.parts.part_file import PartFile, class_words
from second_opinion.models.parts.proposal import proposed


class Parts(NamedTuple):
    """What a person says of a model in parts: its steps, names of inputs, and classes."""

    before: tuple[str, ...] = ()
    columns: str = ""
    classes: str = ""


with_parts = grouped(
    "parts",
    Parts,
    click.option(
        "--before",
        multiple=True,
        metavar="FILE[#KEY][:COLUMN,COLUMN]",
        help="A fitted step before the model, such as a scaler, and its columns (repeat it).",
    ),
    click.option(
        "--columns",
        default="",
        metavar="FILE[#KEY]",
        help="The names of the model's inputs in its order: pickled, JSON, or one a line.",
    ),
    click.option(
        "--classes",
        default="",
        metavar="0=No,1=Yes|FILE",
        help="Words for the classes: pairs, or a LabelEncoder's or another file of them.",
    ),
)


@dataclass(frozen=True)
class BroughtModel:
    """A model's file, the steps before it, the names of its inputs, and words for its classes.

    ``files`` are those to be loaded, by the path or the MLflow URI under which they were brought.
    """

    model: PartFile
    files: dict[str, ModelFile]
    before: tuple[PartFile, ...] = ()
    columns: tuple[str, ...] = ()
    words: dict[str, str] | None = None

    @classmethod
    def read(cls, file: str, parts: Parts, predict_file: ModelFile | None = None) -> BroughtModel:
        """What the options name, read but not loaded; `UserError` where something is not there.

        ``predict_file`` is a predict.py with what it needs, where the model is one.
        """
        model = PartFile(Path(file)) if mlflow_source.is_uri(file) else PartFile.named(file)
        steps = tuple(PartFile.named(text) for text in parts.before)
        key = file if mlflow_source.is_uri(file) else str(model.path)
        files = {key: predict_file or _model_file(key)}
        files |= {str(s.path): ModelFile.read(s.path) for s in steps if str(s.path) not in files}
        return cls(
            model,
            files,
            steps,
            PartFile.named(parts.columns).names() if parts.columns else (),
            class_words(parts.classes) if parts.classes else None,
        )

    @property
    def file(self) -> ModelFile:
        """The file that the model is in."""
        return next(iter(self.files.values()))

    def with_code(self, joined_to: Callable[[ModelFile], ModelFile]) -> BroughtModel:
        """The model with the modules that its file needs; `UsageError` for one in parts."""
        key, file = next(iter(self.files.items()))
        whole = joined_to(file)
        if whole is file:
            return self
        if not self.is_whole:
            raise click.UsageError(
                "--code is for a model in one file; for parts that need a module of your own write "
                "a predict.py: python -m second_opinion wrap FOLDER."
            )
        return replace(self, files={key: whole})

    @property
    def is_whole(self) -> bool:
        """Whether the file is what is stored; otherwise the pipeline that was joined."""
        return not (self.model.keys or self.before or self.columns)

    @property
    def artifact(self) -> tuple[ModelFormat, bytes] | None:
        """Format and bytes of the file, where that is what is stored."""
        return (self.file.format, self.file.content) if self.is_whole else None

    def load(self) -> tuple[dict[str, Any], str]:
        """What each file holds, and the scikit-learn that saved the model's. This runs their code.

        `UserError` when a file is damaged, or needs something that is not here.
        """
        loaded = {path: file.load() for path, file in self.files.items()}
        saved_by = next(saved_by for _, saved_by in loaded.values())
        return {path: content for path, (content, _) in loaded.items()}, saved_by

    def estimator(self, loaded: dict[str, Any], names: Sequence[str], target: str) -> Any:
        """The estimator, joined where it is in parts.

        ``names`` are the columns of the table that comes with it. `UserError` where parts do not
        fit together.
        """
        estimator = self.model.inside(next(iter(loaded.values())))
        if isinstance(estimator, (dict, list, tuple)):
            raise UserError(self._bundled(type(estimator).__name__))
        if not (self.before or self.columns):
            return estimator
        # Imports scikit-learn, which takes a while.
        from second_opinion.models.parts.joined_pipeline import Step, joined

        steps = [
            Step(part.where, part.inside(loaded[str(part.path)]), part.columns)
            for part in self.before
        ]
        whole = joined(Step(self.model.where, estimator), steps, self.columns, names, target)
        if not self.columns:
            click.echo(_order_taken(self.model.where, whole), nl=False, err=True)
        return whole

    def card_fields(
        self, estimator: Any, saved_by: str, words: dict[str, str] | None
    ) -> dict[str, Any]:
        """What the card keeps of the files, and the words for the classes."""
        fields = self.file.card_fields(saved_by)
        if words is not None:
            fields["classes"] = class_fields(estimator, words)
        if not self.is_whole:
            fields["parts"] = [
                {"file": Path(path).name, "sha256": file.sha256}
                for path, file in self.files.items()
            ]
        return fields

    def _bundled(self, kind: str) -> str:
        """What to say of a file that holds several things."""
        inside = f"The file holds a {kind}"
        try:
            proposal = proposed([self.model.outline])
        except UserError:
            return (
                f"{inside} without a model that can be told; expected a trained model. Name where "
                f"it lies, like {self.model.where}#model."
            )
        return f"{inside}; say which part is the model: `{proposal.command('')}`."


def _order_taken(where: str, whole: Any) -> str:
    """In which order a model without names gets its inputs, which nobody has said; else nothing."""
    order = whole.steps[-2][1]
    names = getattr(order, "names", ())
    if getattr(order, "form", "") != "array" or len(names) < 2:
        return ""
    return printable(
        f"{where} was trained without names; its inputs are taken in the order {listed(names)}"
        ". If the training had another, say so with --columns.\n"
    )


def _model_file(file: str) -> ModelFile:
    """The model file at a path or an MLflow URI, not loaded yet."""
    if not mlflow_source.is_uri(file):
        return ModelFile.read(Path(file))
    with working(f"Fetching {file}"):
        return mlflow_source.fetch(file)
