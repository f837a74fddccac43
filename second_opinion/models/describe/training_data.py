"""The training data that somebody brings: cases and outcomes in the types of the training."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from second_opinion.errors import UserError
from second_opinion.formatting import closest, joined, plural, quoted
from second_opinion.models.describe.estimator_facts import InputFacts, known_of
from second_opinion.models.describe.input_form import as_lightgbm, form_of, names_of
from second_opinion.models.describe.training_column import ColumnSource, training_column
from second_opinion.models.describe.training_table import TrainingTable
from second_opinion.models.formats.model_file import ModelFile
from second_opinion.records.value import plain
from second_opinion.tables.column_names import alike_names, read_as, written_otherwise

if TYPE_CHECKING:
    import pandas as pd

NOTHING = InputFacts()
# Formats whose cells know that they are dates; the reader gives them as ISO text.
TYPED = ("xlsx",)
PICKLES = (".pkl", ".pickle", ".joblib")


@dataclass(frozen=True)
class TrainingData:
    """Cases and their known outcomes, row by row in the order of the table.

    ``left_out`` counts the rows that had no outcome. ``missing_words`` are, for each column that
    has some, the words that stand there for a missing value. ``notes`` are sentences on how the
    table was read. ``table`` is the file, where it was one; the index of ``X`` counts its rows.
    """

    X: pd.DataFrame
    y: pd.Series[Any]
    left_out: int
    missing_words: dict[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    table: TrainingTable | None = None


def is_pickled(path: Path) -> bool:
    """Whether the table is a pickle, which is code: it is loaded only where somebody trusts it."""
    try:
        with path.open("rb") as file:
            return file.read(1) == b"\x80" or path.suffix.lower() in PICKLES
    except OSError:
        return False


def from_pickle(
    file: ModelFile, target: str, estimator: Any = None, *, alike_ok: bool = False
) -> TrainingData:
    """The rows of a frame that pandas or joblib pickled. This runs the file's code.

    With ``alike_ok``, names that differ from the estimator's in case, blanks or marks are its.
    """
    import pandas as pd

    frame, _ = file.load()
    if not isinstance(frame, pd.DataFrame):
        kind = type(frame).__name__
        raise UserError(
            f"{file.where} holds a {kind}; expected a frame of pandas with the training data. Save "
            "that with to_pickle, or as CSV."
        )
    frame = frame.reset_index(drop=True).rename(columns=str)
    if target not in frame.columns:
        near = closest(target, frame.columns)
        hint = f"Did you mean {quoted(near)}?" if near else "Name one of them with --target."
        names = joined([quoted(name) for name in frame.columns[:12]])
        raise UserError(f"{file.where} has no column {quoted(target)}; it has {names}. {hint}")
    beside = [name for name in frame.columns if name != target]
    alike = alike_names(beside, names_not_there(frame.columns, estimator))
    if alike and not alike_ok:
        sentence, offer = written_otherwise(alike)
        raise UserError(f"{file.where} {sentence}\n{offer.text}: add {offer.option}")
    rows = _parted(frame.rename(columns=alike), target, file.where)
    return replace(rows, notes=(read_as(alike),)) if alike else rows


def from_table(table: TrainingTable, estimator: Any) -> TrainingData:
    """The rows of a table with an outcome, in the types in which the estimator was trained.

    `UserError` when a column that it takes cannot be read, or no row has an outcome.
    """
    import pandas as pd

    if not table.has_names:
        table = _named_by(table, estimator)
    table = table.matched(names_not_there(table.text.column_names, estimator))
    facts = _facts(table, estimator)
    columns, words = {}, {}
    for at, name in enumerate(table.text.column_names):
        cells = table.text.column(at).combine_chunks()
        if name not in facts:
            columns[name] = pd.Series(cells.to_pylist(), name=name, dtype="object")
            continue
        source = ColumnSource(
            *(name, cells, table.lines, table.look.decimal),
            kind=table.kinds.get(name, ""),
            missing=table.layout.missing,
            tells_dates=table.look.format in TYPED,
        )
        column = training_column(source, facts[name])
        columns[name] = column.values
        if column.missing_words and name != table.target:
            words[name] = column.missing_words
    rows = _parted(pd.DataFrame(columns), table.target, str(table.path))
    return TrainingData(rows.X, rows.y, rows.left_out, words, table.notes, table)


def names_not_there(columns: Iterable[str], estimator: Any) -> list[str]:
    """The model's own names; without those that LightGBM made of a column's, which are known."""
    as_kept = {as_lightgbm(name) for name in columns}
    return [name for name in names_of(estimator) or () if name not in as_kept]


def _facts(table: TrainingTable, estimator: Any) -> dict[str, InputFacts]:
    """What is known of the target and of each column that the estimator takes, or may take."""
    names = [name for name in table.text.column_names if name != table.target]
    own = names_of(estimator)
    taken = [n for n in names if own is None or n in own or as_lightgbm(n) in own]
    tells = own is not None or form_of(estimator) == "series"
    facts = known_of(estimator, taken) if tells else dict.fromkeys(taken, NOTHING)
    expected = getattr(estimator, "n_features_in_", None)
    if not tells and expected is not None:
        inputs = taken[1:] if len(taken) == expected + 1 else taken
        facts |= known_of(estimator, inputs) if len(inputs) == expected else {}
    classes = getattr(estimator, "classes_", None)
    levels = () if classes is None or isinstance(classes, list) else map(plain, classes)
    return {**facts, table.target: InputFacts(choices=tuple(levels) or None)}


def _named_by(table: TrainingTable, estimator: Any) -> TrainingTable:
    """A table without a header under the model's own names, the target behind them."""
    count = table.text.num_columns
    own = names_of(estimator)
    inputs = own or [f"x{at}" for at in range(getattr(estimator, "n_features_in_", 0))]
    if len(inputs) + 1 == count:
        return table.named([*inputs, table.target])
    first = joined([quoted(cell) for cell in table.first_row[:4]])
    raise UserError(
        f"{table.path} has no header, its first row is data ({first}), and it has "
        f"{plural(count, 'column')}; the model takes {len(inputs)}, and the target is one more. "
        "Name them all with --names FILE, which has a name a line."
    )


def _parted(table: pd.DataFrame, target: str, where: str) -> TrainingData:
    """Cases and outcomes apart, without the rows that have none."""
    rows = table[table[target].notna()]
    if rows.empty:
        raise UserError(
            f"{where} has no value in {quoted(target)} in any row; expected the known outcomes. "
            "Name another column with --target, or fill it."
        )
    outcomes = _without_holes(rows[target])
    return TrainingData(rows.drop(columns=target), outcomes, len(table) - len(rows))


def _without_holes(column: pd.Series[Any]) -> pd.Series[Any]:
    """The outcomes in the type that they would have had if no row had lacked one."""
    column = column.infer_objects()
    whole = column.dtype.kind == "f" and bool((column == column.round()).all())
    return column.astype("int64") if whole else column
