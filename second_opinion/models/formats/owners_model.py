"""What `load(folder)` of a predict.py gave, and whatever goes wrong in the owner's own lines."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from second_opinion.errors import UserError, first_line
from second_opinion.models.formats.code_files import ENTRY
from second_opinion.models.formats.private_modules import PrivateCode


class OwnersModel:
    """What `load(folder)` gave, called with its own modules in reach."""

    def __init__(self, content: Any, code: PrivateCode) -> None:
        self.content = content
        self._code = code
        # Without modules of its own nothing can be mixed up, and threads need not take turns.
        self._has_modules = any(name.endswith(".py") and name != ENTRY for name in code.files)

    def call(self, method: str, cases: Any) -> Any:
        """What a method of it answers; `UserError` names the line of its code that failed."""
        turn: AbstractContextManager[None] = nullcontext()
        if self._has_modules:
            turn = self._code.in_turn()
        with turn, blamed_on_its_line(self._code, f"{method}(cases) of {ENTRY}"):
            return getattr(self.content, method)(cases)


@contextmanager
def blamed_on_its_line(code: PrivateCode, doing: str) -> Iterator[None]:
    """Run the owner's code: whatever it raises is a `UserError` that names its line."""
    try:
        yield
    except UserError:
        raise
    # Somebody else's code, which may raise anything, and may end the program.
    except (Exception, SystemExit) as error:
        reason = f"{type(error).__name__}: {first_line(error)}".rstrip(".")
        raise UserError(
            f"{doing} failed{_place(code, error)} ({reason}). {_way_out(error)}"
        ) from error


def _place(code: PrivateCode, error: BaseException) -> str:
    """Where in the owner's files an error arose, the innermost; empty for none of them."""
    if isinstance(error, SyntaxError) and error.filename:
        return f" in {Path(error.filename).name}, line {error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if f.filename.startswith(f"{code.folder}/")]
    if not own:
        return ""
    file = Path(own[-1].filename).relative_to(code.folder).as_posix()
    return f" in {file}, line {own[-1].lineno}"


def _way_out(error: BaseException) -> str:
    """What to do about an error of the owner's code."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = error.name.partition(".")[0]
        if _installed(package) is None:
            return (
                f"If {package} is a file of yours, name it: --with {package}.py. Otherwise "
                f"`pip install` the package that brings {package}, and write it into "
                "requirements.txt."
            )
    if isinstance(error, FileNotFoundError):
        return (
            "Open each file by the folder that load is given, as in folder / 'weights.h5', and "
            "name it for add: --with weights.h5."
        )
    if "__main__" in str(error) and isinstance(error, AttributeError):
        return (
            "Something in its files was defined in a notebook or script: copy that class or "
            f"function into {ENTRY}."
        )
    return f"Correct that in {ENTRY}, then add it again."


def _installed(package: str) -> Any:
    """The spec of an installed package; None where there is none, or it cannot be told."""
    try:
        return sys.modules.get(package) or find_spec(package)
    except (ImportError, ValueError):
        return None
