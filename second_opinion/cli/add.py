"""`add`: a model that somebody brings becomes a version of the registry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import click

from second_opinion.cli import card_questions, dummy_choice, folder_proposal, printing
from second_opinion.cli.asking import as_json, dumped, working
from second_opinion.cli.brought_data import BroughtData, with_data
from second_opinion.cli.brought_model import BroughtModel, Parts, with_parts
from second_opinion.cli.card_questions import Texts, with_texts
from second_opinion.cli.code_options import CodeChoice, nowhere, with_code_choice
from second_opinion.cli.consent import Consent, with_consent
from second_opinion.cli.option_group import grouped
from second_opinion.cli.table_options import with_layout
from second_opinion.cli.wrap import or_wrapped
from second_opinion.formatting import plural
from second_opinion.models.card import Finding, ModelCard
from second_opinion.models.describe.class_words import ClassWordsError
from second_opinion.models.describe.estimator_checks import task_of
from second_opinion.models.describe.input_columns import features_of
from second_opinion.models.describe.input_form import form_of, names_of
from second_opinion.models.describe.training_data import TrainingData
from second_opinion.models.describe.training_table import Layout
from second_opinion.models.formats import releases
from second_opinion.models.formats.adapter import Adapter
from second_opinion.models.registry import Registry
from second_opinion.settings import Settings


class Place(NamedTuple):
    """Where a model is to stand in the registry, and what is kept of its data."""

    name: str
    version: str = ""
    title: str = ""
    alias: str = ""
    reference: Literal["summary", "rows"] = "summary"


with_place = grouped(
    "place",
    Place,
    click.option(
        "--name", required=True, help="The model's name in the registry, like customer-churn."
    ),
    click.option("--version", default="", help="Its version.  [default: the next whole number]"),
    click.option("--title", default="", help="What people see.  [default: the name]"),
    click.option("--alias", default="", help="A further alias for it, like challenger."),
    click.option(
        "--reference",
        type=click.Choice(["summary", "rows"]),
        default="summary",
        show_default=True,
        help="What to keep of the data: summaries of each feature, or up to 5,000 rows as well.",
    ),
)


@click.command()
@click.argument("file")
@with_place
@with_data
@with_texts
@with_layout
@with_code_choice
@with_parts
@with_consent
@as_json
def add(
    file: str,
    place: Place,
    data: BroughtData,
    texts: Texts,
    layout: Layout,
    code_choice: CodeChoice,
    parts: Parts,
    consent: Consent,
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
        options = folder_proposal.agreed(
            Path(file), place.name, data.path, data.target or None, consent.yes
        )
        file, parts = options.model.where, Parts(*options.parts)
        data = data.of_folder(options.data, options.target)
    data.check(place.reference)
    registry = Registry(Settings.read().model_dir)
    place = place._replace(version=registry.next_version(*place[:2], place.alias))
    brought = BroughtModel.read(file, parts, code_choice.predict_file(file, data.path))
    where = str(brought.model.path)
    brought = brought.with_code(lambda whole: code_choice.joined_to(whole, where, data.path))
    table = data.table(layout)
    brought = consent.to_files(brought)
    table = data.agreed(table, consent)
    with working(f"Loading {file}"), nowhere(brought.file):
        loaded, saved_by = brought.load()
    silent = consent.yes or as_json
    with or_wrapped(where, saved_by):
        estimator = brought.estimator(loaded, data.names(table), data.target)
        task_of(estimator)
        rows = data.rows(table, estimator, layout)
        one_hot, named = _dummies(estimator, rows, data, silent)
        if named:
            brought = replace(brought, columns=tuple(named))
            estimator = brought.estimator(loaded, named, data.target)
    version = _Version(registry, place, brought, estimator, saved_by, rows, one_hot)
    previous = printing.default_name(registry.look())
    with or_wrapped(where, saved_by):
        card = version.added(data.target, texts, consent, silent=silent)
    report = printing.Added(registry, registry.look(), card, estimator, data.path, rows, previous)
    click.echo(dumped(report.facts) if as_json else report.text)


def _dummies(
    estimator: Any, rows: TrainingData | None, data: BroughtData, silent: bool
) -> tuple[Mapping[str, Any], list[str]]:
    """The choices that the data has as dummies, and the names of a model that has none itself."""
    if rows is None or isinstance(estimator, Adapter):
        return {}, []
    own = names_of(estimator)
    if own is None and form_of(estimator, rows.X) != "array":
        return {}, []
    names = own or [str(name) for name in features_of(estimator, rows.X, data.target)]
    one_hot = dummy_choice.agreed(names, rows.X, data.switches, silent=silent)
    return one_hot, names if one_hot and own is None else []


@dataclass(frozen=True)
class _Version:
    """What is to become a version, once the last questions are answered."""

    registry: Registry
    place: Place
    brought: BroughtModel
    estimator: Any
    saved_by: str
    rows: TrainingData | None
    one_hot: Mapping[str, Any]

    def added(self, target: str, texts: Texts, consent: Consent, *, silent: bool) -> ModelCard:
        """The card of the new version: first its classes are asked for, its texts at last."""

        def agree(findings: Sequence[Finding]) -> dict[str, Any]:
            consent.to_findings(findings)
            before = self.registry.card_in_use(self.place.name)
            return card_questions.asked_for(before, texts, silent=silent)

        def register(words: dict[str, str] | None) -> ModelCard:
            rows = self.rows
            fields = self.brought.card_fields(self.estimator, self.saved_by, words)
            on = f" on {plural(len(rows.X), 'row')}" if rows else ""
            with working(f"Trying the model{on}"), releases.blamed_on(self.saved_by):
                return self.registry.add(
                    self.estimator,
                    rows.X if rows else None,
                    rows.y if rows else None,
                    **self.place._asdict(),
                    target=target,
                    card=fields | ({"one_hot": self.one_hot} if self.one_hot else {}),
                    training=rows,
                    agree=agree,
                    artifact=self.brought.artifact,
                )

        try:
            return register(self.brought.words)
        except ClassWordsError as error:
            return register(consent.to_class_words(error))
