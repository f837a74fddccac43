"""The training data that somebody brings to `add`: a table, or a frame that pandas pickled."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import click

from second_opinion.cli.asking import working
from second_opinion.cli.consent import Consent
from second_opinion.cli.option_group import grouped
from second_opinion.models.describe.training_data import (
    TrainingData,
    from_pickle,
    from_table,
    is_pickled,
)
from second_opinion.models.describe.training_table import Layout, TrainingTable
from second_opinion.models.formats.model_file import ModelFile
from second_opinion.models.parts.part_file import PartFile

Table = TrainingTable | ModelFile | None


class BroughtData(NamedTuple):
    """The table with the known outcomes; ``switches`` are no choices, though dummies look so."""

    path: Path | None = None
    target: str = ""
    switches: tuple[str, ...] = ()

    def of_folder(self, path: str, target: str) -> BroughtData:
        """The same with the table and the target that a folder was agreed to have."""
        return self._replace(path=Path(path) if path else None, target=target)

    def check(self, reference: str) -> None:
        """`UsageError` where one of two options that belong together is missing."""
        if self.path is not None and not self.target:
            raise click.UsageError("The data needs its target: --target COLUMN, what is predicted.")
        if self.path is None and reference == "rows":
            raise click.UsageError("--reference rows needs the rows: --data train.csv.")

    def table(self, layout: Layout) -> Table:
        """The table as text; the file itself where it is a pickle, which is not loaded yet."""
        if self.path is None:
            return None
        if is_pickled(self.path):
            return ModelFile.read(self.path)
        with working(f"Reading {self.path}"):
            return TrainingTable.read(self.path, self.target, layout)

    def agreed(self, table: Table, consent: Consent) -> Table:
        """The table, once the person agreed to load it where that is a pickle."""
        return consent.to_file(table) if isinstance(table, ModelFile) else table

    def names(self, table: Table) -> list[str]:
        """The names of the table's columns, where it has a header."""
        if isinstance(table, ModelFile):
            return list(PartFile(Path(table.where)).outline.names)
        return list(table.text.column_names) if table is not None and table.has_names else []

    def rows(self, table: Table, estimator: Any, layout: Layout) -> TrainingData | None:
        """The rows that have an outcome, in the types of the training."""
        if isinstance(table, ModelFile):
            return from_pickle(table, self.target, estimator, alike_ok=layout.alike_ok)
        return None if table is None else from_table(table, estimator)


with_data = grouped(
    "data",
    BroughtData,
    click.option(
        "--data", "path", type=click.Path(path_type=Path), help="A table with the training data."
    ),
    click.option("--target", default="", help="The column of the data that the model predicts."),
    click.option(
        "--switches",
        multiple=True,
        metavar="CHOICE",
        help="A choice that was proposed for columns of 0 and 1, which are apart (repeat it).",
    ),
)
