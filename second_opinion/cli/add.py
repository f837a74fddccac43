"""`add`: a model that somebody brings becomes a version of the registry."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import click

from second_opinion.cli import card_questions, folder_proposal, printing
from second_opinion.cli.asking import as_json, ask, dumped, without_asking, working
from second_opinion.cli.brought_model import BroughtModel, parts_options
from second_opinion.cli.code_options import CodeChoice, nowhere, with_code_choice
from second_opinion.cli.table_options import with_layout
from second_opinion.cli.wrap import or_wrapped
from second_opinion.errors import UserError
from second_opinion.formatting import plural
from second_opinion.models.card import Finding, ModelCard
from second_opinion.models.describe.class_words import ClassWordsError
from second_opinion.models.describe.estimator_checks import task_of
from second_opinion.models.describe.training_data import (
    TrainingData,
    from_pickle,
    from_table,
    is_pickled,
)
from second_opinion.models.describe.training_table import Layout, TrainingTable
from second_opinion.models.formats import releases, skops_format
from second_opinion.models.formats.model_file import ModelFile
from second_opinion.models.parts.part_file import PartFile, class_words
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
@click.option("--question", default="", help="What experts are asked: Will this patient stay?")
@click.option("--use", default="", help="What the model is for, in words for experts.")
@click.option("--limits", default="", help="What it is not for.")
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
@parts_options
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
    question: str,
    use: str,
    limits: str,
    alias: str,
    reference: Literal["summary", "rows"],
    trust: tuple[str, ...],
    layout: Layout,
    code_choice: CodeChoice,
    before: tuple[str, ...],
    columns: str,
    classes: str,
    anyway: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Register the model in FILE, or look through a folder and propose the command for it.

    FILE is a scikit-learn estimator or pipeline saved by joblib, pickle or skops, or a model that
    MLflow has: models:/NAME/VERSION, models:/NAME@ALIAS or runs:/RUN_ID/PATH, with the server in
    MLFLOW_TRACKING_URI. For any other model FILE is a predict.py, whose load(folder) returns an
    object with predict(cases), and optionally predict_proba(cases) and classes_.

    Loading a joblib or pickle file or a predict.py runs whatever its maker put in: add only files
    of people you trust. From the data come the fields of the form, with their ranges and choices;
    its rows are not stored. Without it, the form has what the model's own steps know.

    A model in parts is joined to one pipeline: --before for each fitted step, in the order in which
    they are applied; FILE#KEY for what lies in a dict or tuple; --columns for the names of a model
    that was trained without.
    """
    if Path(file).is_dir():
        options = folder_proposal.agreed(Path(file), name, data, target, yes)
        file, before, columns, classes = options.model.where, *options.parts
        data, target = Path(options.data) if options.data else None, options.target or None
    if data is not None and target is None:
        raise click.UsageError("The data needs its target: --target COLUMN, what is predicted.")
    if data is None and reference == "rows":
        raise click.UsageError("--reference rows needs the rows: --data train.csv.")
    registry = Registry(Settings.read().model_dir)
    version = registry.next_version(name, version, alias)
    brought = BroughtModel.read(
        file, before, columns, classes, code_choice.predict_file(file, data)
    )
    place = str(brought.model.path)
    brought = brought.with_code(lambda whole: code_choice.joined_to(whole, place, data))
    table = _table(data, target or "", layout)
    brought = _agreed_all(brought, trust, yes)
    if isinstance(table, ModelFile):
        _agreed(table, (), yes)
    with working(f"Loading {file}"), nowhere(brought.file):
        loaded, saved_by = brought.load()
    with or_wrapped(place, saved_by):
        estimator = brought.estimator(loaded, _names(table), target or "")
        task_of(estimator)
        rows = _rows(table, target or "", estimator)
    on = f" on {plural(len(rows.X), 'row')}" if rows else ""
    previous = printing.default_name(registry.look())
    words_of_card = card_questions.asked_for(
        registry.card_in_use(name),
        card_questions.Texts(question, use, limits),
        silent=yes or as_json,
    )

    def register(words: dict[str, str] | None) -> ModelCard:
        with working(f"Trying the model{on}"), releases.blamed_on(saved_by):
            return registry.add(
                estimator,
                rows.X if rows else None,
                rows.y if rows else None,
                name=name,
                version=version,
                title=title,
                target=target or "",
                alias=alias,
                reference=reference,
                card=brought.card_fields(estimator, saved_by, words) | words_of_card,
                training=rows,
                agree=partial(_agreed_to_findings, anyway=anyway, yes=yes),
                artifact=brought.artifact,
            )

    with or_wrapped(place, saved_by):
        try:
            card = register(brought.words)
        except ClassWordsError as error:
            card = register(_confirmed_words(error, yes))
    report = printing.Added(registry, registry.look(), card, estimator, data, rows, previous)
    click.echo(dumped(report.facts) if as_json else report.text)


def _confirmed_words(error: ClassWordsError, yes: bool) -> dict[str, str]:
    """The words proposed for the classes, if somebody on a terminal says that they are right."""
    if yes or not sys.stdin.isatty():
        raise error
    click.echo(printing.printable(f"{error.finding}."), err=True)
    if not click.confirm(printing.printable(f"Is it {error.pairs}?"), default=False, err=True):
        raise error
    return class_words(error.pairs)


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


def _names(table: TrainingTable | ModelFile | None) -> list[str]:
    """The names of the table's columns, where it has a header."""
    if isinstance(table, ModelFile):
        return list(PartFile(Path(table.where)).outline.names)
    return list(table.text.column_names) if table is not None and table.has_names else []


def _agreed_all(brought: BroughtModel, trust: tuple[str, ...], yes: bool) -> BroughtModel:
    """The brought files with the types that each may hold, once the person agreed to each."""
    skops = [file for file in brought.files.values() if file.format == "skops"]
    if trust and not skops:
        raise click.UsageError(
            f"--trust is for skops files; {brought.file.where} is {brought.file.format}."
        )
    files = {path: _agreed(file, trust, yes) for path, file in brought.files.items()}
    return replace(brought, files=files)


def _agreed(file: ModelFile, trust: tuple[str, ...], yes: bool) -> ModelFile:
    """The file with the types that it may hold, once the person agreed to what loading it does.

    With --yes, types that are not scikit-learn's, NumPy's or SciPy's own are still to be named.
    """
    refused = "Nothing was added."
    if file.format != "skops":
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
