"""`add FOLDER`: what each file is, in words, and the one command that it comes to."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import click

from second_opinion.cli import printing
from second_opinion.errors import UserError
from second_opinion.models.parts import folder
from second_opinion.models.parts.proposal import Proposal, proposed


def agreed(path: Path, name: str, data: Path | None, target: str | None, yes: bool) -> Proposal:
    """What to add of a folder, once the person agreed; nothing in it is loaded.

    With ``yes`` it is taken as proposed if nothing is unclear. `UserError` with the command where
    there is nobody to ask, and where they say no.
    """
    there = folder.look(path)
    click.echo(printing.printable(f"{path} holds:\n{there.text}\n"), err=True)
    proposal = _with(proposed(there.parts), data, target)
    if yes and not proposal.unclear:
        click.echo(printing.printable(f"{_notes(proposal)}{_command(proposal, name)}"), err=True)
        return proposal
    if yes or not sys.stdin.isatty():
        raise UserError(f"{_notes(proposal)}Nothing was added. {_command(proposal, name)}")
    proposal = _chosen(there, proposal, data, target)
    click.echo(printing.printable(f"{_notes(proposal)}{_command(proposal, name)}"), err=True)
    if not click.confirm("Run it?", default=False, err=True):
        raise UserError("Nothing was added. Change that command as you need it, then run it.")
    return proposal


def _with(proposal: Proposal, data: Path | None, target: str | None) -> Proposal:
    """The proposal with what the person said themselves."""
    if data is not None:
        proposal = replace(proposal, data=str(data))
    if not target:
        return proposal
    return replace(
        proposal, target=target, targets=(), data=proposal.data or proposal.table, unused=()
    )


def _chosen(
    there: folder.Folder, proposal: Proposal, data: Path | None, target: str | None
) -> Proposal:
    """The proposal, with a question on the terminal for each thing that is unclear."""
    if proposal.models:
        names = {there.name(part): part for part in (proposal.model, *proposal.models)}
        answer = _ask("Which one is the model", list(names))
        proposal = _with(proposed(there.parts, names[answer]), data, target)
    if proposal.targets:
        answer = _ask("Which column is predicted", [proposal.target, *proposal.targets])
        proposal = replace(proposal, target=answer, targets=())
    return proposal


def _ask(question: str, choices: list[str]) -> str:
    return str(click.prompt(question, type=click.Choice(choices), default=choices[0], err=True))


def _notes(proposal: Proposal) -> str:
    return "".join(f"{sentence}\n" for sentence in (*proposal.unclear, *proposal.unused))


def _command(proposal: Proposal, name: str) -> str:
    lead = "If that is right, run:" if not proposal.unclear else "Correct it where needed, and run:"
    return f"{lead}\n\n  {proposal.command(name)}\n"
