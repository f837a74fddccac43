"""Cases as JSON: a list of them, an object that holds them in any usual form, or one on each
line."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from second_opinion.formatting import quoted
from second_opinion.records.dialect import CellKind, Dialect, kind_among
from second_opinion.schema import Schema
from second_opinion.tables.column_names import with_columns
from second_opinion.tables.decoding import blocks, byte_order_mark
from second_opinion.tables.json_cells import cell_kind, cell_text, chunk_of, fraction, whole
from second_opinion.tables.json_forms import cases_in, is_case
from second_opinion.tables.split_rows import csv_lines, rows_allowed, rows_at_once
from second_opinion.tables.table_file import (
    Chunk,
    Decisions,
    Limits,
    Look,
    TableFile,
    TableProblem,
)

_BETWEEN = " \t\r\n"
# Cases at a time; their values take more memory than their text.
CASES = 5_000
SAMPLE = 500


@dataclass(frozen=True)
class _Broken:
    """What is in the place of a case and is none."""

    fault: str
    expected: str
    text: str = ""


@dataclass(frozen=True)
class _Item:
    """A case or what is in its place, its number, and the bytes read so far."""

    number: int
    case: Mapping[str, Any] | _Broken
    bytes_read: int


def is_json(head: bytes) -> bool:
    """Whether a file that begins like this is meant to be JSON."""
    mark, encoding = byte_order_mark(head)
    text = head[len(mark) :].decode(encoding or "utf-8", "replace")
    return text.lstrip(_BETWEEN).startswith(("{", "["))


def look_at_json(source: TableFile, look: Look, schema: Schema, decisions: Decisions) -> Look:
    """The fields of all cases in the order in which they first come."""
    with source.open() as stream:
        mark, marked = byte_order_mark(stream.read(4))
    encoding = marked or "utf-8"
    by_line = _is_by_line(_Text(source, encoding))
    look = replace(look, format="jsonl" if by_line else "json", encoding=encoding, delimiter=",")
    names: dict[str, None] = {}
    kinds: defaultdict[str, set[CellKind]] = defaultdict(set)
    sample: list[Mapping[str, Any]] = []
    broken: _Broken | None = None
    for item in _items(source, look, schema):
        if isinstance(item.case, _Broken):
            broken = broken or item.case
        else:
            names.update(dict.fromkeys(item.case))
            for name, value in item.case.items():
                if value is not None:
                    kinds[name].add(cell_kind(value))
            if refused := look.limits.too_wide(len(names)):
                return look.refused(refused)
            if len(sample) < SAMPLE:
                sample.append(item.case)
    if not names:
        return look.refused(_without_cases(broken))
    columns = tuple(name.encode("utf-8", "replace").decode() for name in names)
    look = replace(look, header=csv_lines([columns]))
    rows = [[cell_text(case.get(name)) for name in names] for case in sample]
    look = with_columns(look, columns, rows, schema, decisions)
    kept = [name for at, name in enumerate(names) if at not in look.left_out]
    dialect = Dialect(bool(mark), kinds=tuple(kind_among(kinds[name]) for name in kept))
    return replace(look, dialect=dialect)


def _without_cases(broken: _Broken | None) -> str:
    if broken is None:
        return "has no cases; expected a list of them. Choose another file."
    return f"has no cases that can be read: {broken.fault}; {broken.expected}. Correct it there."


def _is_by_line(text: _Text) -> bool:
    """Whether there is a case on each line: the first is one, or the second begins like one."""
    if text.skip() != "{":
        return False
    value = _value(text.line())
    is_whole = is_case(value) or (isinstance(value, _Broken) and bool(value.text))
    return is_whole or text.skip() == "{"


def read_json(source: TableFile, look: Look, schema: Schema, limits: Limits) -> Iterator[Chunk]:
    """The cases of a JSON file, some thousands at a time."""
    items = _items(source, look, schema)
    rows = 0
    while batch := list(islice(items, min(CASES, rows_at_once(look.width)))):
        rows = rows_allowed(rows + len(batch), limits)
        cases = {i.number: i.case for i in batch if not isinstance(i.case, _Broken)}
        faults = {i.number: i.case for i in batch if isinstance(i.case, _Broken)}
        chunk = chunk_of(cases, look, schema, limits, batch[-1].bytes_read)
        problems = [TableProblem(n, "", case.fault, case.expected) for n, case in faults.items()]
        blanks = [""] * (len(look.columns) - 1)
        yield replace(
            chunk,
            problems=sorted([*chunk.problems, *problems], key=lambda problem: problem.line),
            rejected=chunk.rejected + csv_lines([case.text, *blanks] for case in faults.values()),
        )


def _items(source: TableFile, look: Look, schema: Schema) -> Iterator[_Item]:
    text = _Text(source, look.encoding)
    if look.format == "jsonl":
        return _lines(text)
    return _listed(text) if text.skip() == "[" else _held(text, schema)


def _lines(text: _Text) -> Iterator[_Item]:
    number = 0
    while line := text.line():
        number += 1
        if line.strip(_BETWEEN):
            yield _Item(number, _case(_value(line, number)), text.bytes_read)


def _held(text: _Text, schema: Schema) -> Iterator[_Item]:
    """The cases in an object, or the object itself where it is one case."""
    value = text.value()
    for number, case in enumerate(cases_in(value, schema.file_names), start=1):
        yield _Item(number, _case(case), text.bytes_read)
    if not isinstance(value, _Broken) and text.skip():
        after = _Broken("something follows the end of the object", "expected nothing there")
        yield _Item(2, after, text.bytes_read)


def _listed(text: _Text) -> Iterator[_Item]:
    """The cases of a list one by one: the whole list would take ten times its text."""
    text.at += 1
    number, fault = 0, None
    if text.skip() == "]":
        return
    while fault is None:
        number += 1
        value = text.value()
        yield _Item(number, _case(value), text.bytes_read)
        if isinstance(value, _Broken) and not value.text:
            return
        after = text.skip()
        text.at += 1
        if after == "]":
            fault = _Broken("something follows the end of the list", "expected nothing there")
            if not text.skip():
                return
        elif after != ",":
            fault = _Broken("the list is broken or cut off here", "expected a comma or ]")
    yield _Item(number + 1, fault, text.bytes_read)


def _case(value: Any) -> Mapping[str, Any] | _Broken:
    if isinstance(value, (dict, _Broken)):
        return value
    text = quoted(value)
    return _Broken(f"the case is {text}", "expected an object with the fields by name", text)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any] | _Broken:
    case = dict(pairs)
    if len(case) == len(pairs):
        return case
    twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
    text = json.dumps(case, default=str)
    return _Broken(f"the case has {quoted(twice)} twice", "expected each field once", text)


_DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_int=whole, parse_float=fraction)


def _value(text: str, line: int = 1) -> Any:
    """The JSON value that is the whole text, or what is wrong with it; ``line`` is its number."""
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        where = f"line {line}, column {error.colno}: {error.msg}"
        return _Broken(f"the JSON is broken ({where})", "expected a case on this line")
    except RecursionError:
        return _Broken("the JSON is nested too deeply", "expected a value for each field")


class _Text:
    """A text that is read on as far as it is needed."""

    def __init__(self, source: TableFile, encoding: str) -> None:
        self._blocks = blocks(source, encoding)
        self._rest, self._ended = b"", False
        self.held, self.at, self.bytes_read = "", 0, 0
        self.lines_before = 0

    def more(self) -> bool:
        """Read at least as much again as is held; False at the end."""
        if self._ended:
            return False
        self.lines_before += self.held.count("\n", 0, self.at)
        parts = [self.held[self.at :]]
        letters_left = len(parts[0])
        self.at = 0
        while not self._ended and letters_left >= 0:
            block, self.bytes_read, self._ended = next(self._blocks)
            raw = self._rest + block
            cut = len(raw) if self._ended else _whole_characters(raw)
            self._rest = raw[cut:]
            parts.append(raw[:cut].decode("utf-8", "surrogateescape"))
            letters_left -= len(parts[-1]) or 1
        self.held = "".join(parts)
        return True

    def skip(self) -> str:
        """The next letter that is no blank, or an empty text at the end."""
        while True:
            while self.at < len(self.held) and self.held[self.at] in _BETWEEN:
                self.at += 1
            if self.at < len(self.held):
                return self.held[self.at]
            if not self.more():
                return ""

    def line(self) -> str:
        """The text up to the next line end, with it; an empty text at the end."""
        while (end := self.held.find("\n", self.at)) < 0 and self.more():
            pass
        end = len(self.held) if end < 0 else end + 1
        line, self.at = self.held[self.at : end], end
        return line

    def value(self) -> Any:
        """The next value, or `_Broken`."""
        self.skip()
        while True:
            try:
                value, end = _DECODER.raw_decode(self.held, self.at)
            except json.JSONDecodeError as error:
                if not self.more():
                    where = f"line {self.lines_before + error.lineno}: {error.msg}"
                    fault = f"the JSON is broken or cut off here ({where})"
                    return _Broken(fault, "expected a case; what follows was not read")
            except RecursionError:
                return _Broken("the JSON is nested too deeply", "expected a value for each field")
            else:
                if end < len(self.held) or not self.more():
                    self.at = end
                    return value


def _whole_characters(raw: bytes) -> int:
    """How many bytes at the beginning are not part of a character that is cut off."""
    for back in range(1, min(4, len(raw)) + 1):
        byte = raw[-back]
        if byte >= 0xC0:
            return len(raw) - back
        if byte < 0x80:
            break
    return len(raw)
