"""The columns of a file beside those that the model takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from second_opinion.formatting import closest, folded, joined, plural, quoted
from second_opinion.schema import Schema
from second_opinion.tables.pandas_names import named_for, pandas_names
from second_opinion.tables.personal import personal_columns
from second_opinion.tables.table_file import Decisions, Look, Offer

SHOWN_ROWS = 5
SHOWN_NAMES = 12
# Among how many columns the one is looked for that a missing one may be.
MOST_CANDIDATES = 1000

Rows = Sequence[Sequence[str | None]]


def with_columns(
    look: Look,
    names: Sequence[str],
    rows: Rows,
    schema: Schema,
    decisions: Decisions,
    unreadable: Collection[int] = (),
) -> Look:
    """The same look with the names of a file's columns matched to the schema by their exact names.

    Those that differ in case, blanks or marks alone are matched where a person says so. ``rows``
    are some of the file's. Columns without a name and without content are left out, and so are
    those that are ``unreadable``, by their places, where the model does not take them.
    """
    if refused := look.limits.too_wide(len(names)):
        return look.refused(refused)
    wanted = _wanted(names, schema)
    names = named_for(names, wanted)
    alike = alike_names(names, wanted)
    if decisions.alike_ok and alike:
        names = [alike.get(name, name) for name in names]
        look = replace(look, renamed=tuple(alike.items()))
        look = look.noted(read_as(alike))
        alike = {}
    look = _with_own_names(look, names, rows, wanted, unreadable)
    left_out = set(look.left_out)
    kept = [at for at in range(len(names)) if at not in left_out]
    rows = [[row[at] if at < len(row) else None for at in kept] for row in rows]
    feature_names = {*wanted, *schema.taken_from(look.columns)}
    unused = tuple(name for name in look.columns if name not in feature_names)
    present = set(look.columns)
    missing = tuple(
        (name, closest(name, unused[:MOST_CANDIDATES])) for name in wanted if name not in present
    )
    look = replace(
        look,
        missing=missing,
        unused=unused,
        personal=personal_columns(look.columns, feature_names, rows),
        first_rows=tuple(map(tuple, rows[:SHOWN_ROWS])),
    )
    look = _with_dummies(look, schema)
    return _with_missing(look, schema, decisions, alike) if missing else look


def _wanted(names: Sequence[str], schema: Schema) -> list[str]:
    """The names that the file should have: a feature's own, or those of its dummies.

    The dummies, where the file has some of them, but for case and marks, and not the feature.
    """
    here = {folded(name) for name in names}
    wanted: list[str] = []
    for name in schema.names:
        dummies = schema.dummies.get(name)
        has_some = dummies is not None and any(folded(dummy) in here for dummy in dummies.names)
        if dummies is not None and has_some and folded(name) not in here:
            wanted += dummies.names
        else:
            wanted.append(name)
    return wanted


def _with_dummies(look: Look, schema: Schema) -> Look:
    """What is to be said of features that are read from their dummies."""
    inputs = schema.inputs_in(look.columns)
    for name in schema.dummies.read_from(look.columns):
        columns, level = plural(len(inputs[name]), "column"), schema.dummies[name].without_dummy
        zeros = "" if level is None else f" 0 in all of them is {quoted(level)}."
        look = look.noted(
            f"Read {quoted(name)} from {columns} of 0 and 1: {_some(inputs[name])}.{zeros}"
        )
    return look


def alike_names(names: Sequence[str], wanted: Sequence[str]) -> dict[str, str]:
    """The columns that have a name of the model but for case, blanks and marks, with that name.

    One that would do for two of its names, or two for one, are not among them.
    """
    here, taken = set(names), set(wanted)
    left_over = Counter(folded(name) for name in names if name not in taken)
    missing = {folded(name): name for name in wanted if name not in here}
    counts = Counter(folded(name) for name in wanted)
    once = {fold for fold, count in left_over.items() if fold and count == 1 == counts[fold]}
    return {
        name: missing[folded(name)]
        for name in names
        if name not in taken and folded(name) in once & missing.keys()
    }


def written_otherwise(alike: Mapping[str, str]) -> tuple[str, Offer]:
    """What to say of such columns after the name of their file, and the way out."""
    them = "it" if len(alike) == 1 else "them"
    sentence = (
        f"writes the names of {plural(len(alike), 'column')} otherwise than the model: "
        f"{_pairs(alike, 'for')}. Rename {them} exactly, or read {them} so."
    )
    return sentence, Offer("alike_ok", True, f"Read {them} so")


def read_as(alike: Mapping[str, str]) -> str:
    """That they were taken for the model's."""
    return f"Read {_pairs(alike, 'as')}."


def _pairs(alike: Mapping[str, str], between: str) -> str:
    pairs = [f"{quoted(column)} {between} {quoted(name)}" for column, name in alike.items()]
    more = [f"{len(pairs) - SHOWN_NAMES} more"] if len(pairs) > SHOWN_NAMES else []
    return joined([*pairs[:SHOWN_NAMES], *more])


def _with_own_names(
    look: Look, names: Sequence[str], rows: Rows, wanted: Sequence[str], unreadable: Collection[int]
) -> Look:
    counts = Counter(names)
    twice = [quoted(name) for name in wanted if counts[name] > 1]
    if twice:
        look = look.refused(
            f"has more than one column {joined(twice)}; expected each name that the model takes "
            "once. Rename or remove one."
        )
    with_cells = {at for row in rows for at, cell in enumerate(row) if cell and cell.strip()}
    empty = [at for at, name in enumerate(names) if not name.strip() and at not in with_cells]
    apart = [at for at in unreadable if names[at] not in wanted]
    if len(empty) == len(names):
        empty = []
    left_out = tuple(sorted({*empty, *apart}))
    columns = _once(names, set(left_out))
    new_names = [quoted(name) for name in dict.fromkeys(columns) if name not in counts]
    return _said(replace(look, columns=columns, left_out=left_out), names, empty, apart, new_names)


def _said(
    look: Look, names: Sequence[str], empty: list[int], apart: list[int], new_names: list[str]
) -> Look:
    if empty:
        places = joined([str(at + 1) for at in empty])
        look = look.noted(f"Left out as they have neither name nor content: columns {places}.")
    if apart:
        columns = joined([quoted(names[at]) for at in apart])
        look = look.noted(f"Left out, as lists, bytes or the index of pandas: {columns}.")
    if new_names:
        look = look.noted(
            f"Called otherwise, since each column needs a name of its own: {joined(new_names)}."
        )
    return look


def _once(names: Sequence[str], left_out: Collection[int]) -> tuple[str, ...]:
    """The names that are kept, each once: the first without a name stays so, as an index does."""
    own = list(pandas_names(names))
    first = next((at for at, name in enumerate(names) if not name and at not in left_out), None)
    if first is not None:
        own[first] = ""
    return tuple(name for at, name in enumerate(own) if at not in left_out)


def _with_missing(
    look: Look, schema: Schema, decisions: Decisions, alike: Mapping[str, str]
) -> Look:
    none = not schema.inputs_in(look.columns)
    if none and not any(near for _, near in look.missing):
        return look.refused(
            f"has none of the columns that the model takes ({_some(schema.names)}); it has "
            f"{_some(look.columns)}. Choose another file, or {_named_so(look)}."
        )
    if alike:
        look = look.refused(*written_otherwise(alike))
    missing = [pair for pair in look.missing if pair[0] not in alike.values()]
    return _with_absent(look, missing, schema, decisions)


def _named_so(look: Look) -> str:
    """How a file of this format would have the names."""
    if look.format in ("json", "jsonl"):
        return "give each case one value for each of these names"
    return "name its columns so in a line above the rows"


def _with_absent(
    look: Look, missing: Sequence[tuple[str, str | None]], schema: Schema, decisions: Decisions
) -> Look:
    """What is to be said of columns that the file lacks, however their names are written."""
    own_names = set(schema.names)
    zeros = [name for name, _ in missing if name not in own_names]
    missing = [(name, near) for name, near in missing if name in own_names]
    look = _with_absent_dummies(look, zeros, decisions) if zeros else look
    absent = [(name, near) for name, near in missing if schema[name].optional]
    look = _with_refusals(look, [pair for pair in missing if pair not in absent])
    if not absent:
        return look
    names = _some([name for name, _ in absent])
    if decisions.absent_ok:
        left_over = f" Not used: {_some(look.unused)}." if look.unused else ""
        return look.noted(f"Not in the file, read as not known in every row: {names}.{left_over}")
    return look.refused(
        f"has no column {names}: every row would be scored as if that were not known. "
        f"{_renaming(absent, look.unused)}go on without.",
        Offer("absent_ok", True, f"Go on without {names}"),
    )


def _with_absent_dummies(look: Look, zeros: Sequence[str], decisions: Decisions) -> Look:
    """What is to be said of dummies that the file lacks, as those of fewer cases do."""
    if decisions.absent_ok:
        return look.noted(f"Not in the file, read as 0 in every row: {_some(zeros)}.")
    return look.refused(
        f"has no column {_some(zeros)}, and has others of the same choice: expected all of them, 0 "
        "or 1. Add them, or read those that are not there as 0 in every row.",
        Offer("absent_ok", True, f"Read {_some(zeros)} as 0"),
    )


def _renaming(absent: Iterable[tuple[str, str | None]], unused: Sequence[str]) -> str:
    near = [f"{quoted(column)} to {quoted(name)}" for name, column in absent if column]
    if near:
        return f"Rename {joined(near)} exactly, or "
    if unused:
        return f"If one of the columns left over ({_some(unused)}) is meant, rename it; or "
    return "Add it, or "


def _with_refusals(look: Look, missing: Sequence[tuple[str, str | None]]) -> Look:
    sentences = [
        f"{quoted(name)} is missing; {look.name} has {quoted(near)}. Rename that column to "
        f"{quoted(name)} exactly."
        for name, near in missing
        if near is not None
    ]
    alone = [name for name, near in missing if near is None]
    if alone:
        verb = "is" if len(alone) == 1 else "are"
        sentences.append(
            f"{_some(alone)} {verb} missing in {look.name}; expected a column of that name. Add it."
        )
    return replace(look, problems=(*look.problems, *sentences))


def _some(names: Sequence[str]) -> str:
    more = [f"{len(names) - SHOWN_NAMES} more"] if len(names) > SHOWN_NAMES else []
    return joined([*(quoted(name) for name in names[:SHOWN_NAMES]), *more])
