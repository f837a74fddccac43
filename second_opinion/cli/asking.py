"""What commands share: options, a question on the terminal, a line that says what takes long."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from second_opinion.cli import printing
from second_opinion.errors import UserError

without_asking = click.option("--yes", is_flag=True, help="Do not ask.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for a program to read.")


def ask(about: str, question: str, yes: bool, refused: str) -> None:
    """Go on if the person says yes; `UserError` otherwise, and where there is nobody to ask."""
    if yes:
        return
    click.echo(printing.printable(about), err=True)
    if not sys.stdin.isatty():
        raise UserError(f"There is no terminal to ask on. {refused} Say --yes if you agree.")
    if not click.confirm(question, default=False, err=True):
        raise UserError(refused)


@contextmanager
def working(on: str) -> Iterator[Any]:
    """A line on the terminal that says what takes long, gone when it is done."""
    live = sys.stderr.isatty()

    def say(what: str) -> None:
        if live:
            click.echo(f"\r\033[K{printing.printable(what)} …", err=True, nl=False)

    say(on)
    try:
        yield say
    finally:
        if live:
            click.echo("\r\033[K", err=True, nl=False)


def dumped(content: Any) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False, default=str)
