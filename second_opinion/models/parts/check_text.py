"""The check in a first predict.py: its answers on the table of the folder, beside the outcomes."""

from __future__ import annotations

from collections.abc import Iterator

from second_opinion import compatibility
from second_opinion.models.parts.python_literals import python_text
from second_opinion.models.parts.wrapped_parts import WrappedParts
from second_opinion.tables import Look

CHECK = """

if __name__ == "__main__":
    # The check: compare these answers with those of your own app or notebook.
    here = Path(__file__).resolve().parent
{table}
    table["answer"] = load(here).predict(table)
    print(table.head(10).to_string())
{verdict}
"""
NUMBERS = """    print(table[[{target}, "answer"]].describe().loc[["min", "mean", "max"]])
    off = (table["answer"] - table[{target}]).abs().mean()
    guess = (table[{target}] - table[{target}].mean()).abs().mean()
    print(f"off by {{off:.4g}} on average; always saying the mean is off by {{guess:.4g}}")
"""
CLASSES = """    right = (table["answer"].astype(str) == table[{target}].astype(str)).mean()
    usual = table[{target}].value_counts(normalize=True).max()
    print(f"right in {{right:.1%}} of the rows; always the commonest would be in {{usual:.1%}}")
"""
# Where pandas cannot call the reader of workbooks that is here.
SHEET = """    from python_calamine import CalamineWorkbook

    sheet = CalamineWorkbook.from_path({place}).get_sheet_by_name({sheet})
    names, *rows = sheet.to_python()[{before}:]
    table = pd.DataFrame(rows, columns=names).replace("", None).infer_objects()
    whole = [name for name in names if table[name].dtype == float and (table[name] % 1 == 0).all()]
    table[whole] = table[whole].astype(int)"""
# How pandas reads a table of a kind.
EXCEL = ("xlsx", "xls", "xlsb", "ods")
READERS = {**dict.fromkeys(EXCEL, "read_excel"), "parquet": "read_parquet"}


def check_text(parts: WrappedParts) -> str:
    """The lines below ``__main__``: what a person runs before the model is added."""
    target = python_text(parts.likely.target or "outcome")
    verdict = (NUMBERS if parts.is_number else CLASSES).format(target=target)
    return CHECK.format(table=_table(parts), verdict=verdict.rstrip("\n"))


def _table(parts: WrappedParts) -> str:
    """The lines that read the training data."""
    table = parts.likely.table
    look = None if table is None else table.look
    if table and look and look.format in EXCEL and not compatibility.pandas_has_calamine():
        place = f"here / {python_text(parts.path_of(table))}"
        before = max(look.first_line - 1, 0)
        return SHEET.format(place=place, sheet=python_text(look.sheet), before=before)
    return f"    table = {_read(parts)}"


def _read(parts: WrappedParts) -> str:
    """How the check reads the training data: in the marks that its first line shows."""
    if parts.likely.table is None:
        return 'pd.read_csv(here / "train.csv")'
    place = f"here / {python_text(parts.path_of(parts.likely.table))}"
    look = parts.likely.table.look
    if look is None and parts.likely.table.kind in ("csv", "tsv"):
        target = python_text(parts.likely.target or "outcome")
        return f"pd.read_csv({place}, header=None, names=[*COLUMNS, {target}])"
    if look is None:
        return f"pd.{READERS.get(parts.likely.table.kind, 'read_pickle')}({place})"
    return f"pd.{READERS.get(look.format, 'read_csv')}({', '.join([place, *_reading(look)])})"


def _reading(look: Look) -> Iterator[str]:
    """How pandas is to read a table that is none of its defaults."""
    if look.format == "parquet":
        return
    if look.format == "csv":
        yield from [f"sep={python_text(look.delimiter)}"] if look.delimiter != "," else []
        encoding = "utf-16" if look.encoding.startswith("utf-16") else look.encoding
        yield from [f"encoding={python_text(encoding)}"] if encoding != "utf-8" else []
        yield from ["decimal=','"] if look.decimal[0] == "," else []
    else:
        # The engine that is here; others are packages that few have.
        yield from ['engine="calamine"', f"sheet_name={python_text(look.sheet)}"]
    yield from [f"skiprows={look.first_line - 1}"] if look.first_line > 1 else []
