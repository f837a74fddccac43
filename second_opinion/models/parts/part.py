"""One thing that a folder of a model holds: what it is, in words, told without loading it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from second_opinion.formatting import joined, plural, quoted

if TYPE_CHECKING:
    from second_opinion.tables import Look

Role = Literal[
    "model", "step", "encoders", "label encoder", "columns", "classes", "table", "bundle", "code",
    "weights", "other",
]  # fmt: skip
MOST_NAMED = 6


@dataclass(frozen=True)
class Part:
    """A file of a folder, or what lies under a key of a dict or tuple in it.

    ``keys`` lead to it inside the file. ``kind`` is the name of its class. ``names`` are the
    columns that it was trained or fitted on, or, of a table or a list of columns, those that it
    holds; ``width`` counts them where they have no names. ``levels`` are the classes that a model
    or a LabelEncoder knows, or the pairs of codes and words of ``classes``. ``saved_by`` is the
    version of scikit-learn that saved it, ``imports`` what loading the file would import.
    ``parts`` are those of a bundle; ``steps`` the kinds of a pipeline's steps, ``look`` what the
    reader understood of a table.
    """

    path: Path
    role: Role
    kind: str = ""
    keys: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    width: int | None = None
    levels: tuple[Any, ...] = ()
    saved_by: str = ""
    imports: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    steps: tuple[str, ...] = ()
    note: str = ""
    look: Look | None = None

    @property
    def where(self) -> str:
        """How an option names it: ``scaler.pkl``, or ``bundle.pkl#scaler``."""
        return "#".join([str(self.path), *self.keys])

    @property
    def text(self) -> str:
        """What it is: ``a StandardScaler fitted on 8 columns: age, …``."""
        return _TEXTS[self.role](self)

    @property
    def may_answer(self) -> bool:
        """Whether it is of a class that nobody here knows, such as a model of statsmodels."""
        return self.role == "other" and not self.note and self.kind[:1].isupper()

    def every(self) -> Iterator[Part]:
        """It, and the parts of a bundle, and theirs."""
        yield self
        for part in self.parts if self.role == "bundle" else ():
            yield from part.every()


def _estimator(part: Part, verb: str) -> str:
    steps = f" of {joined(part.steps)}" if part.steps else ""
    return f"{article(part.kind)}{steps}{_columns(part, verb)}"


def _columns(part: Part, verb: str) -> str:
    if part.names:
        return f" {verb} on {plural(len(part.names), 'column')}: {listed(part.names)}"
    if part.width is not None:
        return f" {verb} on {plural(part.width, 'column')} without names"
    return ""


def _model(part: Part) -> str:
    classes = f"; it answers {listed(part.levels)}" if part.levels else ""
    return _estimator(part, "trained") + classes


def _encoders(part: Part) -> str:
    return f"{article(part.kind)} for each of {plural(len(part.names), 'column')}: " + listed(
        part.names
    )


def _pairs(part: Part) -> str:
    return f"words for {len(part.levels)} classes: " + listed(
        f"{code}={word}" for code, word in part.levels
    )


def _table(part: Part) -> str:
    made = " pickled by pandas" if part.kind == "DataFrame" else ""
    if not part.names:
        return f"a table{made}{part.note}"
    return f"a table{made} with {plural(len(part.names), 'column')}: {listed(part.names)}"


def _bundle(part: Part) -> str:
    return f"{article(part.kind)} with {listed(inner.keys[-1] for inner in part.parts)}"


_TEXTS: dict[Role, Callable[[Part], str]] = {
    "model": _model,
    "step": lambda part: _estimator(part, "fitted"),
    "encoders": _encoders,
    "label encoder": lambda part: f"{article(part.kind)}: {listed(part.levels)}",
    "columns": lambda part: (
        f"the names of {plural(len(part.names), 'column')}: {listed(part.names)}"
    ),
    "classes": _pairs,
    "table": _table,
    "bundle": _bundle,
    "code": lambda part: "Python code" + part.note,
    "weights": lambda part: part.kind,
    "other": lambda part: part.note or (article(part.kind) if part.kind else "something else"),
}


def article(noun: str) -> str:
    """``a Ridge``, ``an SVC``."""
    vowel = noun[:1] in "AEIOaeio" or noun[:2] in ("SV", "XG", "ML", "LG", "NM")
    return f"{'an' if vowel else 'a'} {noun}"


def listed(values: Iterable[Any], most: int = MOST_NAMED) -> str:
    """The first of the values, and how many more there are."""
    texts: Sequence[str] = [value if isinstance(value, str) else quoted(value) for value in values]
    more = [f"{len(texts) - most:,} more"] if len(texts) > most else []
    return joined([*texts[:most], *more])
