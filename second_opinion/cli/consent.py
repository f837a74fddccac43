"""What `add` asks before it goes on: to load a file, words for classes, answers in doubt."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import click

from second_opinion.cli import printing
from second_opinion.cli.asking import ask, without_asking
from second_opinion.cli.brought_model import BroughtModel
from second_opinion.cli.option_group import grouped
from second_opinion.errors import UserError
from second_opinion.models.card import Finding
from second_opinion.models.describe.class_words import ClassWordsError
from second_opinion.models.formats import skops_format
from second_opinion.models.formats.model_file import ModelFile
from second_opinion.models.parts.part_file import class_words

NOTHING_ADDED = "Nothing was added."


class Consent(NamedTuple):
    """What somebody agreed to beforehand; the rest is asked on a terminal.

    --yes was said before anybody knew what there is to agree to: it passes no doubt and no guess.
    """

    trust: tuple[str, ...] = ()
    anyway: bool = False
    yes: bool = False

    def to_files(self, brought: BroughtModel) -> BroughtModel:
        """The brought files with the types that each may hold, once the person agreed to each."""
        skops = [file for file in brought.files.values() if file.format == "skops"]
        if self.trust and not skops:
            raise click.UsageError(
                f"--trust is for skops files; {brought.file.where} is {brought.file.format}."
            )
        files = {path: self.to_file(file) for path, file in brought.files.items()}
        return replace(brought, files=files)

    def to_file(self, file: ModelFile) -> ModelFile:
        """The file with the types that it may hold, once the person agreed to what loading does.

        With --yes, types that are not scikit-learn's, NumPy's or SciPy's own are still to be named.
        """
        if file.format != "skops":
            ask(printing.pickle_is_code(file), "Load it?", self.yes, NOTHING_ADDED)
            return file
        open_types = [name for name in file.unknown_types if name not in self.trust]
        strange = [name for name in open_types if not skops_format.is_own(name)]
        if strange and (self.yes or not sys.stdin.isatty()):
            raise UserError(
                f"{file.where} holds {skops_format.named(strange)}, which may be anybody's. "
                f"{NOTHING_ADDED} If it comes from you or from people you trust, say "
                f"{' '.join(f'--trust {name}' for name in strange)}."
            )
        if open_types:
            ask(printing.types_to_trust(file), "Trust them?", self.yes, NOTHING_ADDED)
        return replace(file, trusted=file.unknown_types)

    def to_class_words(self, error: ClassWordsError) -> dict[str, str]:
        """The words proposed for the classes, if somebody on a terminal says so."""
        if self.yes or not sys.stdin.isatty():
            raise error
        click.echo(printing.printable(f"{error.finding}."), err=True)
        if not click.confirm(printing.printable(f"Is it {error.pairs}?"), default=False, err=True):
            raise error
        return class_words(error.pairs)

    def to_findings(self, findings: Sequence[Finding]) -> None:
        """Go on if nothing is doubtful, or somebody wants the model all the same."""
        doubts = "\n".join(finding.text for finding in findings if finding.doubtful)
        if not doubts or self.anyway:
            return
        refused = f"{NOTHING_ADDED} If it is to be added all the same, say --anyway."
        if self.yes or not sys.stdin.isatty():
            raise UserError(f"{doubts}\n{refused}")
        ask(f"\n{doubts}", "Add it all the same?", False, refused)


with_consent = grouped(
    "consent",
    Consent,
    click.option(
        "--trust",
        multiple=True,
        metavar="TYPE",
        help="A type that a skops file may hold (repeat it).",
    ),
    click.option("--anyway", is_flag=True, help="Add it although its answers look wrong."),
    without_asking,
)
