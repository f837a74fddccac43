"""What a person says of a model's own code on the command line: what goes with it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from second_opinion.models.formats.model_file import ModelFile
from second_opinion.models.parts import code_brought

OPTIONS = (
    click.option(
        "--with",
        "beside",
        multiple=True,
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="A file or folder that a predict.py needs, beside what it names itself (repeat it).",
    ),
    click.option(
        "--code",
        multiple=True,
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="A module of your own that the model file needs, like utils.py (repeat it).",
    ),
)


@dataclass(frozen=True)
class CodeChoice:
    """Files that a predict.py needs, and modules that a model file needs."""

    beside: tuple[Path, ...] = ()
    code: tuple[Path, ...] = ()

    def predict_file(self, entry: str, table: Path | None) -> ModelFile | None:
        """A predict.py with what it needs; None where the file is something else."""
        if entry.endswith(".py"):
            return code_brought.predict_file(Path(entry), self.beside, table)
        if self.beside:
            raise click.UsageError("--with is for what a predict.py needs; --code for a model.")
        return None

    def joined_to(self, file: ModelFile, entry: str, table: Path | None) -> ModelFile:
        """The model file with its modules: those that were named, else those beside it."""
        pickled = file.format in ("joblib", "pickle")
        code = self.code or (code_brought.modules_beside(Path(entry), file) if pickled else ())
        return code_brought.with_code(file, code, table) if code else file


def with_code_choice(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of a model's own code, which the command gets as its ``code_choice``."""

    @functools.wraps(command)
    def with_one(*args: Any, beside: Any, code: Any, **others: Any) -> Any:
        return command(*args, code_choice=CodeChoice(beside, code), **others)

    for option in reversed(OPTIONS):
        with_one = option(with_one)
    return with_one


@contextmanager
def nowhere(file: ModelFile) -> Iterator[None]:
    """Load code in an empty folder: what it opens here by a bare name is not there in the app."""
    if file.format != "python":
        yield
        return
    with TemporaryDirectory() as empty, chdir(empty):
        yield
