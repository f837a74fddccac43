"""`add`: a model that somebody brings becomes a version of the registry."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import click

from second_opinion.cli import printing
from second_opinion.cli.asking import as_json, ask, dumped, without_asking, working
from second_opinion.cli.code_options import CodeChoice, nowhere, with_code_choice
from second_opinion.cli.table_options import with_layout
from second_opinion.cli.wrap import or_wrapped
from second_opinion.errors import UserError
from second_opinion.formatting import plural
from second_opinion.models.card import Finding
from second_opinion.models.describe.estimator_checks import task_of
from second_opinion.models.describe.training_data import (
    TrainingData,
    from_pickle,
    from_table,
    is_pickled,
)
from second_opinion.models.describe.training_table import Layout, TrainingTable
from second_opinion.models.formats import mlflow_source, releases, skops_format
from second_opinion.models.formats.model_file import ModelFile
from second_opinion.models.registry import Registry
from second_opinion.settings import Settings


@click.command()
@click.argument("file")
@click.option(
    "--name", required=True, help="The model's name in the registry, like customer-churn."
)
@click.option("--version", default="", help="Its version.  [default: the next whole number]")
@click.option("--data", type=click.Path(path_type=Path), help="A table with the training data.")
@click.option("--target", help="The column of the data that the model predicts.")
@click.option("--title", default="", help="What people see.  [default: the name]")
@click.option("--alias", default="", help="A further alias for it, like challenger.")
@click.option(
    "--reference",
    type=click.Choice(["summary", "rows"]),
    default="summary",
    show_default=True,
    help="What to keep of the data: summaries of each feature, or up to 5,000 rows as well.",
)
@click.option(
    "--trust", multiple=True, metavar="TYPE", help="A type that a skops file may hold (repeat it)."
)
@with_layout
@with_code_choice
@click.option("--anyway", is_flag=True, help="Add it although its answers look wrong.")
@without_asking
@as_json
def add(
    file: str,
    name: str,
    version: str,
    data: Path | None,
    target: str | None,
    title: str,
    alias: str,
    reference: Literal["summary", "rows"],
    trust: tuple[str, ...],
    layout: Layout,
    code_choice: CodeChoice,
    anyway: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Register the model in FILE.

    FILE is a scikit-learn estimator or pipeline saved by joblib, pickle or skops, or a model that
    MLflow has: models:/NAME/VERSION, models:/NAME@ALIAS or runs:/RUN_ID/PATH, with the server in
    MLFLOW_TRACKING_URI. For any other model FILE is a predict.py, whose load(folder) returns an
    object with predict(cases), and optionally predict_proba(cases) and classes_.

    Loading a joblib or pickle file or a predict.py runs whatever its maker put in: add only files
    of people you trust. From the data come the fields of the form, with their ranges and choices;
    its rows are not stored. Without it, the form has what the model's own steps know.
    """
    if data is not None and target is None:
        raise click.UsageError("The data needs its target: --target COLUMN, what is predicted.")
    if data is None and reference == "rows":
        raise click.UsageError("--reference rows needs the rows: --data train.csv.")
    registry = Registry(Settings.read().model_dir)
    version = registry.next_version(name, version, alias)
    model_file = code_choice.predict_file(file, data) or _brought(file)
    model_file = code_choice.joined_to(model_file, file, data)
    table = _table(data, target or "", layout)
    model_file = _agreed(model_file, trust, yes)
    if isinstance(table, ModelFile):
        _agreed(table, (), yes)
    with working(f"Loading {file}"), nowhere(model_file):
        estimator, saved_by = model_file.load()
    with or_wrapped(file, saved_by):
        task_of(estimator)
        rows = _rows(table, target or "", estimator)
    on = f" on {plural(len(rows.X), 'row')}" if rows else ""
    with working(f"Trying the model{on}"):
        before = printing.default_name(registry.look())
        with or_wrapped(file, saved_by), releases.blamed_on(saved_by):
            card = registry.add(
                estimator,
                rows.X if rows else None,
                rows.y if rows else None,
                name=name,
                version=version,
                title=title,
                target=target or "",
                alias=alias,
                reference=reference,
                card=model_file.card_fields(saved_by),
                training=rows,
                agree=partial(_agreed_to_findings, anyway=anyway, yes=yes),
                artifact=(model_file.format, model_file.content),
            )
    report = printing.Added(registry, registry.look(), card, estimator, data, rows, before)
    click.echo(dumped(report.facts) if as_json else report.text)


def _agreed_to_findings(findings: Sequence[Finding], *, anyway: bool, yes: bool) -> None:
    """Go on if nothing is doubtful, or somebody wants the model all the same.

    --yes was said before anybody knew what there is to agree to.
    """
    doubts = "\n".join(finding.text for finding in findings if finding.doubtful)
    if not doubts or anyway:
        return
    refused = "Nothing was added. If it is to be added all the same, say --anyway."
    if yes or not sys.stdin.isatty():
        raise UserError(f"{doubts}\n{refused}")
    ask(f"\n{doubts}", "Add it all the same?", False, refused)


def _table(data: Path | None, target: str, layout: Layout) -> TrainingTable | ModelFile | None:
    """The training data as text; the file itself where it is a pickle, which is not loaded yet."""
    if data is None:
        return None
    if is_pickled(data):
        return ModelFile.read(data)
    with working(f"Reading {data}"):
        return TrainingTable.read(data, target, layout)


def _rows(
    table: TrainingTable | ModelFile | None, target: str, estimator: Any
) -> TrainingData | None:
    if isinstance(table, ModelFile):
        return from_pickle(table, target)
    return None if table is None else from_table(table, estimator)


def _brought(file: str) -> ModelFile:
    """The model file at a path or an MLflow URI, not loaded yet."""
    if not mlflow_source.is_uri(file):
        return ModelFile.read(Path(file))
    with working(f"Fetching {file}"):
        return mlflow_source.fetch(file)


def _agreed(file: ModelFile, trust: tuple[str, ...], yes: bool) -> ModelFile:
    """The file with the types that it may hold, once the person agreed to what loading it does.

    With --yes, types that are not scikit-learn's, NumPy's or SciPy's own are still to be named.
    """
    refused = "Nothing was added."
    if file.format != "skops":
        if trust:
            raise click.UsageError(f"--trust is for skops files; {file.where} is {file.format}.")
        ask(printing.pickle_is_code(file), "Load it?", yes, refused)
        return file
    open_types = [name for name in file.unknown_types if name not in trust]
    strange = [name for name in open_types if not skops_format.is_own(name)]
    if strange and (yes or not sys.stdin.isatty()):
        raise UserError(
            f"{file.where} holds {skops_format.named(strange)}, which may be anybody's. "
            f"{refused} If it comes from you or from people you trust, say "
            f"{' '.join(f'--trust {name}' for name in strange)}."
        )
    if open_types:
        ask(printing.types_to_trust(file), "Trust them?", yes, refused)
    return replace(file, trusted=file.unknown_types)
