"""One column of training data, from the text of a file to the type that the training had."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from second_opinion.errors import UserError
from second_opinion.formatting import joined, plural, quoted
from second_opinion.models.describe.estimator_facts import InputFacts
from second_opinion.tables.parse_cell import number_hint
from second_opinion.tables.parse_column import number_pattern, with_point

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

# What `pandas.read_csv` takes for a missing value, and with it nearly every training.
PANDAS_MISSING = (
    *("NA", "N/A", "n/a", "<NA>", "None", "NULL", "null", "NaN", "nan", "-NaN", "-nan"),
    *("#N/A", "#N/A N/A", "#NA", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"),
)
NUMBER = r"^[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$"
DECIMAL_COMMA = NUMBER.replace(r"\.", ",")
WHOLE = r"^[+-]?[0-9]{1,18}$"
# From so many numbers on, the other cells of a column are odd rather than its kind.
MOSTLY = 0.5
SHOWN = 3
YES_NO = {"True": True, "TRUE": True, "true": True, "False": False, "FALSE": False, "false": False}
ISO_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9:.]+)?$"


@dataclass(frozen=True)
class ColumnSource:
    """The cells of one column as text, null where they are empty, and what is known of them.

    ``lines`` are those of the file. ``kind`` is what the person or the file says of it, else empty;
    ``missing`` are further words for a missing value. A file that ``tells_dates`` from texts has
    no text that looks like a date.
    """

    name: str
    cells: pa.Array
    lines: np.ndarray
    decimal: str = "."
    kind: str = ""
    missing: tuple[str, ...] = ()
    tells_dates: bool = False


@dataclass(frozen=True)
class TrainingColumn:
    """A column in the type of the training, and the words that stood there for a missing value."""

    values: pd.Series[Any]
    missing_words: tuple[str, ...] = ()


def training_column(source: ColumnSource, inside: InputFacts) -> TrainingColumn:
    """The column as the training had it.

    What the model's own steps know goes before how a cell looks: a word among an encoder's levels
    is that level, and digits are texts where its levels are texts. `UserError` names the cells of
    a column of numbers that are none.
    """
    import pyarrow.compute as pc

    cells, words = _without_words(source, inside)
    if source.kind == "date" or (source.tells_dates and _all(cells, ISO_DATE)):
        return TrainingColumn(_dates(source, cells), words)
    if source.kind == "text" or inside.words or _has_texts(inside):
        return TrainingColumn(_texts(source.name, cells), words)
    trimmed, trimmed_words = _without_words(source, inside, trim=True)
    numbers = _numbers(source, trimmed)
    if numbers is not None:
        return TrainingColumn(numbers, trimmed_words)
    if set(pc.unique(trimmed).drop_null().to_pylist()) <= set(YES_NO):
        return TrainingColumn(_flags(source.name, trimmed), trimmed_words)
    _refuse_odd_numbers(source, trimmed)
    return TrainingColumn(_texts(source.name, cells), words)


def _without_words(
    source: ColumnSource, inside: InputFacts, trim: bool = False
) -> tuple[pa.Array, tuple[str, ...]]:
    """The cells with null for each word that means a missing value, and those words."""
    import pyarrow as pa
    import pyarrow.compute as pc

    usual = () if inside.words else PANDAS_MISSING
    levels = {level for level in inside.choices or () if isinstance(level, str)}
    words = [word for word in (*usual, *source.missing) if word not in levels]
    cells = source.cells
    if trim:
        cells = pc.ascii_trim_whitespace(cells)
        words = [*words, ""]
    is_word = pc.is_in(cells, pa.array(words, pa.string()))
    present = pc.unique(cells.filter(pc.fill_null(is_word, False))).to_pylist()
    cells = pc.if_else(is_word, pa.scalar(None, pa.string()), cells)
    return cells, tuple(sorted(word for word in present if word))


def _has_texts(inside: InputFacts) -> bool:
    return any(isinstance(level, str) for level in inside.choices or ())


def _all(cells: pa.Array, pattern: str) -> bool:
    """Whether every cell that is there is like this, and there is one."""
    import pyarrow.compute as pc

    matches = pc.match_substring_regex(cells, pattern)
    return len(cells) > cells.null_count and pc.all(matches).as_py() is not False


def _numbers(source: ColumnSource, cells: pa.Array) -> pd.Series[Any] | None:
    """The cells as whole numbers, or as floats; None where one is no number."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc

    regular = _all(cells, number_pattern(source.decimal))
    cells = with_point(cells, source.decimal) if regular else cells
    if not regular and len(cells) > cells.null_count:
        return None
    cells = pc.utf8_ltrim(cells, "+")
    values = pc.cast(cells, pa.float64()).to_numpy(zero_copy_only=False)
    if not cells.null_count and _all(cells, WHOLE):
        values = pc.cast(cells, pa.int64()).to_numpy(zero_copy_only=False)
    return pd.Series(values, name=source.name)


def _flags(name: str, cells: pa.Array) -> pd.Series[Any]:
    import pandas as pd

    values = [math.nan if cell is None else YES_NO[cell] for cell in cells.to_pylist()]
    return pd.Series(values, name=name, dtype="object" if cells.null_count else "bool")


def _texts(name: str, cells: pa.Array) -> pd.Series[Any]:
    import pandas as pd

    if cells.null_count == len(cells):
        return pd.Series([math.nan] * len(cells), name=name)
    # A list: pandas then chooses the dtype that `read_csv` would give.
    texts = [math.nan if cell is None else cell for cell in cells.to_pylist()]
    return pd.Series(texts, name=name)


def _dates(source: ColumnSource, cells: pa.Array) -> pd.Series[Any]:
    import pandas as pd

    texts = pd.Series(cells.to_pylist(), name=source.name, dtype="object")
    dates = pd.to_datetime(texts, format="ISO8601", errors="coerce")
    odd = np.flatnonzero(dates.isna() & texts.notna())
    if odd.size:
        raise UserError(
            f"Line {source.lines[odd[0]]}: {source.name} is {quoted(texts[odd[0]])}; expected a "
            "date like 2026-11-03. Write the dates of that column so, or leave --date out."
        )
    return dates


def _refuse_odd_numbers(source: ColumnSource, cells: pa.Array) -> None:
    """Raise `UserError` for a column of numbers in which some cells are none."""
    import pyarrow.compute as pc

    is_number = pc.match_substring_regex(cells, number_pattern(source.decimal))
    odd = np.flatnonzero(~pc.fill_null(is_number, True).to_numpy(zero_copy_only=False))
    filled = len(cells) - cells.null_count
    if odd.size >= MOSTLY * filled:
        return
    texts = list(dict.fromkeys(cells.take(odd).to_pylist()))
    like_number = any(map(str.isdigit, texts[0]))
    hint = number_hint(texts[0], source.decimal[:1]) if like_number else ""
    raise UserError(
        f"Line {source.lines[odd[0]]}: {source.name} is {quoted(texts[0])}; expected a number"
        f"{hint}, as in {plural(filled - len(odd), 'other row')}.{_further(texts[1:])} "
        f"{_ways(source.name, [] if like_number else texts)}"
    )


def _further(texts: list[str]) -> str:
    more = [f"{len(texts) - SHOWN} more"] if len(texts) > SHOWN else []
    shown = joined([*map(quoted, texts[:SHOWN]), *more])
    return f" No numbers either: {shown}." if shown else ""


def _ways(name: str, words: list[str]) -> str:
    """What to do with cells that are no numbers, which may stand for missing values."""
    options = " ".join(f"--missing={_shell(word)}" for word in words[: SHOWN + 1])
    missing = f"say {options} if that means that the value is missing, " if options else ""
    ways = f"{missing}say --text {_shell(name)} if these are codes that the model takes as text"
    return f"{ways[0].upper()}{ways[1:]}; else correct the file."


def _shell(word: str) -> str:
    import shlex

    return shlex.quote(word)
