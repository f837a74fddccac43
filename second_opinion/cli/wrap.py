"""`wrap`: a first predict.py for a folder with a model in parts."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from second_opinion.cli import printing
from second_opinion.errors import UserError
from second_opinion.formatting import plural
from second_opinion.models.formats import releases
from second_opinion.models.formats.code_files import ENTRY
from second_opinion.models.parts.folder import part_in
from second_opinion.models.parts.predict_text import predict_text
from second_opinion.models.parts.proposal import Proposal
from second_opinion.models.parts.wrapped_parts import WrappedParts


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Where to write it.  [default: predict.py in the folder]",
)
def wrap(folder: Path, output: Path | None) -> None:
    """Write a first predict.py for the model in FOLDER, with a check to run.

    Nothing in the folder is run. The file loads what lies there (model, scaler, encoder, columns)
    in its likely order; what nobody can see from outside (fills, features made in a notebook, a
    logarithm, a threshold) has a place marked EDIT.
    """
    path = output or folder / "predict.py"
    if path.exists():
        raise UserError(
            f"{path} is there already, and may be somebody's work. Say another place: -o "
            f"{path.with_name('predict_new.py')}."
        )
    if not folder.resolve().is_relative_to(path.resolve().parent):
        raise UserError(
            f"{path} would stand beside other files than those of {folder}; expected a place in "
            f"that folder or above it, like {folder / path.name}."
        )
    parts = WrappedParts.of(folder, path.parent)
    text = predict_text(parts)
    path.write_text(text, "utf-8")
    click.echo(printing.printable(_next(parts, path, text.count("EDIT:"))))


@contextmanager
def or_wrapped(file: str, saved_by: str) -> Iterator[None]:
    """Add a model: a refusal ends with the command that begins an adapter for it.

    Not where that would load the same file in vain, under another scikit-learn than its own.
    """
    try:
        yield
    except UserError as error:
        way = "" if releases.other_release(saved_by) else _way_by_wrap(Path(file))
        if not way:
            raise
        between = "\n" if "\n" in str(error) else " "
        raise UserError(f"{error}{between}{way}") from error


def _way_by_wrap(file: Path) -> str:
    part = part_in(file) if file.is_file() else None
    holds_model = part is not None and any(
        one.role in ("model", "weights") or one.may_answer for one in part.every()
    )
    if file.suffix == ".py" or not holds_model:
        return ""
    entry = file.parent / ENTRY
    if entry.exists():
        return f"Or add {entry}, which says itself how the model answers."
    folder = shlex.quote(str(file.parent))
    return (
        "Or say in a file of your own how it answers: `python -m second_opinion wrap "
        f"{folder}` writes a first one."
    )


def _next(parts: WrappedParts, path: Path, places: int) -> str:
    """What was seen, and the two commands that follow."""
    unclear = "".join(f"{sentence}\n" for sentence in Proposal.of(parts.likely).unclear)
    table = parts.likely.table.path if parts.likely.table else Path("train.csv")
    call = ["add", str(path), "--name", "NAME", "--data", str(table)]
    command = shlex.join([*call, "--target", parts.likely.target or "COLUMN"])
    return (
        f"In {parts.folder.path}:\n{parts.folder.text}\n\n{unclear}"
        f"Wrote {path}. Go through the {plural(places, 'place')} marked EDIT, then:\n"
        f"  python {shlex.quote(str(path))}    # the check: the first answers beside the outcomes\n"
        f"  python -m second_opinion {command}"
    )
