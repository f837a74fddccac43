"""What experts read first of a model: as options of `add`, or asked for on a terminal."""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

import click

from second_opinion.cli.option_group import grouped
from second_opinion.models.card import ModelCard

QUESTIONS = {
    "question": "What are experts asked? (such as: Will this patient stay?)",
    "use": "What is the model for?",
    "limits": "What is it not for?",
}
LATER = "Experts read this first. Enter leaves a line empty; the page Models can fill it in later."


class Texts(NamedTuple):
    """The question, what the model is for, and what it is not for; empty where nobody has said."""

    question: str = ""
    use: str = ""
    limits: str = ""

    @property
    def fields(self) -> dict[str, Any]:
        """As the fields of a card, without what is empty."""
        fields: dict[str, Any] = {"intended_use": self.use, "limits": self.limits}
        fields["target"] = {"description": self.question} if self.question else {}
        return {name: value for name, value in fields.items() if value}


with_texts = grouped(
    "texts",
    Texts,
    click.option("--question", default="", help="What experts are asked: Will this patient stay?"),
    click.option("--use", default="", help="What the model is for, in words for experts."),
    click.option("--limits", default="", help="What it is not for."),
)


def asked_for(before: ModelCard | None, options: Texts, *, silent: bool) -> dict[str, Any]:
    """The fields of the card with the texts of the options, and of who is asked for the rest.

    Nobody is asked where there is no terminal, or for what the version ``before`` says.
    """
    if silent or not sys.stdin.isatty():
        return options.fields
    inherited = before and Texts(before.target.description, before.intended_use, before.limits)
    missing = [
        name
        for name in QUESTIONS
        if not getattr(options, name) and not (inherited and getattr(inherited, name))
    ]
    if missing:
        click.echo(LATER, err=True)
    answers = {name: _answer(QUESTIONS[name]) for name in missing}
    return options._replace(**answers).fields


def _answer(question: str) -> str:
    answer: str = click.prompt(question, default="", show_default=False, err=True)
    return answer.strip()
