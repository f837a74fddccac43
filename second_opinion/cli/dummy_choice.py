"""Columns of 0 and 1 in the data that `add` takes as one choice each, where the person agrees."""

from __future__ import annotations

import sys

import click
import pandas as pd

from second_opinion.cli.printing import printable
from second_opinion.formatting import closest, joined, plural, quoted
from second_opinion.models.describe import dummy_proposal
from second_opinion.models.one_hot import OneHot

SHOWN = 6


def agreed(
    names: list[str], data: pd.DataFrame, switches: tuple[str, ...], *, silent: bool
) -> OneHot:
    """The card's ``one_hot`` for data of dummies; what is taken is said, and on a terminal asked.

    ``switches`` are choices that were proposed wrongly: their columns stay apart.
    """
    proposed = dummy_proposal.proposed(names, data)
    strange = [name for name in switches if name not in proposed]
    if strange:
        raise click.UsageError(_strange(strange[0], list(proposed)))
    one_hot: OneHot = {name: d for name, d in proposed.items() if name not in switches}
    if not one_hot:
        return {}
    lines = [f"  {name}: {_levels(one_hot, name)}" for name in one_hot]
    listed = "\n".join(lines)
    lead = f"Columns of 0 and 1 that are {plural(len(one_hot), 'choice')} of one value each:"
    click.echo(printable(f"{lead}\n{listed}"), err=True)
    if silent or not sys.stdin.isatty():
        click.echo(f"If one is not, say --switches {next(iter(one_hot))}.", err=True)
        return one_hot
    if not click.confirm("Is each of them one choice on the form?", default=True, err=True):
        one_hot = {name: d for name, d in one_hot.items() if _confirmed(name)}
    return _with_names(one_hot)


def _levels(one_hot: OneHot, name: str) -> str:
    levels = [level or "(missing)" for level in one_hot[name]]
    more = [f"{len(levels) - SHOWN} more"] if len(levels) > SHOWN else []
    zeros = [level for level, dummy in one_hot[name].items() if dummy is None]
    where = f" ({zeros[0]}: 0 in all of them)" if zeros else ""
    return f"{joined([*levels[:SHOWN], *more])}{where}"


def _confirmed(name: str) -> bool:
    return click.confirm(printable(f"Is {name} one choice?"), default=True, err=True)


def _with_names(one_hot: OneHot) -> OneHot:
    """The same with what the person calls the level that no column is for."""
    for name, dummies in one_hot.items():
        unnamed = next((level for level, dummy in dummies.items() if dummy is None), None)
        if unnamed is None:
            continue
        question = printable(f"What is {name} where all of its columns are 0?")
        level = click.prompt(question, default=unnamed, err=True).strip()
        if level not in dummies:
            one_hot = dummy_proposal.renamed(one_hot, name, level)
    return one_hot


def _strange(name: str, proposed: list[str]) -> str:
    near = closest(name, proposed)
    there = joined([quoted(one) for one in proposed]) or "none"
    hint = f"Did you mean {quoted(near)}?" if near else "Leave it out."
    return (
        f"--switches names {quoted(name)}; the choices that columns of 0 and 1 in the data make up "
        f"are {there}. {hint}"
    )
