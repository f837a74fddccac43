"""Tables as they come: written, broken in a random way, and read to the right rows or named."""

import csv
import json
import math
from io import StringIO

import numpy as np
import pandas as pd
import pytest
from builders import examples
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from second_opinion import UserError
from second_opinion.records.feature_kinds import LARGEST_EXACT_INTEGER
from second_opinion.records.value import same_value
from second_opinion.schema import Feature, Schema
from second_opinion.tables import Decisions, Limits, TableFile, look, read

often = settings(examples(100, thorough=5000), suppress_health_check=[HealthCheck.data_too_large])

FEATURES = [
    Feature(name="pulse", kind="number", min=40, max=120.5),
    Feature(name="weight", kind="number", missing=True),
    Feature(name="age", kind="integer", min=18, max=90),
    Feature(name="visits", kind="integer", missing=True),
    Feature(name="colour", kind="category", choices=["red", "green", "007", "NA"]),
    Feature(name="grade", kind="category", choices=[1, 2, 3], missing=True),
    Feature(name="share", kind="category", choices=[0.5, 1.0], dtype="category"),
    Feature(name="smoker", kind="boolean"),
    Feature(name="insured", kind="boolean", choices=[0, 1], missing=True),
    Feature(name="answer", kind="boolean", choices=["no", "yes"], dtype="object"),
    Feature(name="note", kind="text", missing=True),
    Feature(name="admitted", kind="date", missing=True),
]
SCHEMA = Schema(FEATURES)

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8)
ODD = st.text(st.sampled_from(list("ab ,;\"'\n\r\té\u2028=")), max_size=6)


def values(feature):
    """What a form may give for a feature."""
    exact = LARGEST_EXACT_INTEGER
    of_kind = {
        "number": st.floats(allow_nan=False, allow_infinity=False),
        "integer": st.integers(-exact, exact),
        "category": st.sampled_from(feature.values or [None]),
        "boolean": st.booleans(),
        "text": (TEXTS | ODD).filter(bool),
        "date": st.dates().map(str),
    }[feature.kind]
    return of_kind | st.none() if feature.optional else of_kind


CASES = st.lists(st.fixed_dictionaries({f.name: values(f) for f in FEATURES}), min_size=1)


def cell(value):
    """A value as a program would write it into a CSV."""
    return "" if value is None else repr(value) if isinstance(value, float) else str(value)


def written(rows, end="\n", every=False):
    """Rows as RFC 4180 has them. Python's writer leaves a CR bare where its own line end is LF."""

    def quoted(text):
        if not every and not any(mark in text for mark in ',"\r\n'):
            return text
        return '"' + text.replace('"', '""') + '"'

    return "".join(",".join(map(quoted, row)) + end for row in rows)


def all_of(content, schema=SCHEMA, **chosen):
    source = TableFile.of_bytes("cases.csv", content)
    seen = look(source, schema, Decisions(**chosen))
    if seen.problems:
        return seen, []
    return seen, list(read(source, seen, schema, Limits(), with_row_texts=True))


# --- a form, JSON and CSV agree


@pytest.mark.slow
@often
@given(
    CASES,
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.booleans(),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.permutations(SCHEMA.names),
)
def test_a_csv_means_what_the_form_means(cases, end, every, encoding, names):
    rows = [names, *([cell(case[name]) for name in names] for case in cases)]
    text = written(rows, end, every)
    _, chunks = all_of(text.encode(encoding))
    assert [str(problem) for chunk in chunks for problem in chunk.problems] == []
    expected = SCHEMA.frame([SCHEMA.read(case)[0] for case in cases])
    found = pd.concat([chunk.cases for chunk in chunks], ignore_index=True)
    pd.testing.assert_frame_equal(found, expected)


@pytest.mark.slow
@often
@given(CASES, st.booleans())
def test_json_means_what_the_form_means(cases, by_line):
    dumped = [json.dumps(case) for case in cases]
    text = "\n".join(dumped) if by_line else f"[{','.join(dumped)}]"
    _, chunks = all_of(text.encode())
    assert [str(problem) for chunk in chunks for problem in chunk.problems] == []
    expected = SCHEMA.frame([SCHEMA.read(case)[0] for case in cases])
    found = pd.concat([chunk.cases for chunk in chunks], ignore_index=True)
    pd.testing.assert_frame_equal(found, expected)


ANY_JSON = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.lists(st.none())


@pytest.mark.slow
@often
@given(st.lists(st.dictionaries(st.sampled_from(SCHEMA.names), ANY_JSON), min_size=1))
def test_json_is_refused_where_the_form_refuses_it(cases):
    seen, chunks = all_of(json.dumps([dict.fromkeys(SCHEMA.names), *cases]).encode())
    assert not seen.problems
    frames = {
        n: row for c in chunks for n, (_, row) in zip(c.lines, c.cases.iterrows(), strict=True)
    }
    for number, case in enumerate(cases, start=2):
        clean, problems = SCHEMA.read(case)
        assert (number in frames) == (not any(problem.blocking for problem in problems))
        if number in frames:
            for name, value in clean.items():
                found = frames[number][name]
                if SCHEMA[name].kind == "date":
                    found = None if pd.isna(found) else str(found.date())
                assert same_value(found, value), (name, found, value)


# --- one cell of text

NUMERIC = st.text(st.sampled_from(list("0123456789+-.eE_ x,")), max_size=8)


def is_number(text):
    """The rule itself, letter by letter."""
    text = text.strip(" ").removeprefix("+") if text.strip(" ")[:1] == "+" else text.strip(" ")
    text = text.removeprefix("-") if not text.startswith("+") else text
    mantissa, e, power = text.replace("E", "e").partition("e")
    whole, point, part = mantissa.partition(".")
    digits = set("0123456789")
    ok = bool(whole) and set(whole) <= digits and (not point or (part and set(part) <= digits))
    power = power[1:] if power[:1] in ("+", "-") else power
    return bool(ok) and (not e or (bool(power) and set(power) <= digits))


@often
@given(NUMERIC | TEXTS | st.floats().map(repr) | st.integers().map(str))
def test_a_number_is_what_the_rule_says_and_no_digit_is_lost(text):
    schema = Schema([Feature(name="x", kind="number", missing=True)])
    content = written([["x", "more"], [text, "1"]]).encode()
    seen, chunks = all_of(content, schema)
    if seen.problems:
        return
    (chunk,) = chunks
    tidy = text.strip(" \t\r\n\v\f")
    signs = tidy[:2] in ("+-", "-+", "++", "--")
    if not tidy:
        assert math.isnan(chunk.cases["x"][0])
    elif is_number(tidy) and not signs and len(chunk.lines):
        assert chunk.cases["x"][0] == float(tidy)
    elif is_number(tidy) and not signs:
        too_large = math.isinf(float(tidy)) or abs(float(tidy)) >= LARGEST_EXACT_INTEGER
        assert too_large
    else:
        assert [problem.line for problem in chunk.problems] == [2]


# --- broken tables

PLAIN = Schema(
    [
        Feature(name="a", kind="number", missing=True),
        Feature(name="b", kind="category", choices=["red", "green"]),
        Feature(name="c", kind="text", missing=True),
    ]
)
NUMBERS = st.floats(-1e6, 1e6).map(repr) | st.integers(-99, 99).map(str) | st.just("")
ROW = st.tuples(NUMBERS, st.sampled_from(["red", "green", "blue"]), TEXTS | ODD, ODD)
TABLE = st.lists(ROW, min_size=1, max_size=12)

STRANGE = [b"\x00", b"\xff", b"\xc3", b"inf", b"1e400", b"1_000", b"0x10", "١٢".encode(), b"\xe2"]
STRANGE += ["−3".encode(), b'"', b'""', b",", b"\n", b"\r", b"\r\n", b" ", b"\n\n", b"\xef\xbb\xbf"]


@st.composite
def broken(draw):
    """A table as bytes, one or more things done to them, and the cells that they had."""
    rows = [("a", "b", "c", "d"), *draw(TABLE)]
    text = written(
        rows,
        draw(st.sampled_from(["\n", "\r\n", "\r"])),
        draw(st.booleans()),
    ).encode()
    header = len(written(rows[:1])) if draw(st.booleans()) else 0
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(min(header, len(text)), len(text)))
        how = draw(st.sampled_from(["insert", "drop", "cut", "unquote", "undelimit"]))
        if how == "insert":
            text = text[:at] + draw(st.sampled_from(STRANGE)) + text[at:]
        elif how == "drop":
            text = text[:at] + text[at + 1 :]
        elif how == "cut":
            text = text[:at]
        else:
            mark = b'"' if how == "unquote" else b","
            place = text.find(mark, at)
            text = text[:place] + text[place + 1 :] if place >= 0 else text
    return text


def strictly(content):
    """The rows of a CSV with their first lines, letter by letter, as RFC 4180 has it; a row that
    is not of that form is None, and so is the line on which that is seen.

    An own reader, so that it can be compared: Python's is lenient with quotes inside cells.
    """
    text, rows, at, line = content, [], 0, 1
    while at < len(text):
        start, first, cells, fine = at, line, [], True
        while True:
            cell = b""
            if text[at : at + 1] == b'"':
                at += 1
                while at < len(text):
                    if text[at : at + 2] == b'""':
                        cell, at = cell + b'"', at + 2
                    elif text[at : at + 1] == b'"':
                        break
                    else:
                        cell, at = cell + text[at : at + 1], at + 1
                fine &= at < len(text)
                at += 1
                fine &= text[at : at + 1] in (b",", b"\n", b"\r", b"")
                cells.append(cell)
            else:
                while text[at : at + 1] not in (b",", b"\n", b"\r", b'"', b""):
                    cell, at = cell + text[at : at + 1], at + 1
                fine &= text[at : at + 1] != b'"'
                cells.append(cell or None)
            if not fine or text[at : at + 1] != b",":
                break
            at += 1
        while text[at : at + 1] not in (b"\n", b"\r", b""):
            at += 1
        at += 2 if text[at : at + 2] == b"\r\n" else 1
        raw = text[start:at]
        line += len(raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")) - 1
        blank = fine and not any((cell or b"").strip(b" \t\r\n") for cell in cells)
        if not blank or (len(cells) == 1 and b'"' in raw):
            rows.append((first, cells if fine else None, raw))
    return rows


@pytest.mark.slow
@often
@given(broken())
def test_a_broken_table_is_read_right_or_its_rows_are_named(content):
    """Each row of the file comes back as it is, or its line is named; nothing else comes."""
    seen, chunks = all_of(content, PLAIN)
    if seen.problems:
        assert all(problem.startswith(("cases.csv", '"')) for problem in seen.problems)
        return
    rows = strictly(content.removeprefix(b"\xef\xbb\xbf"))[1:]
    good = {
        int(line): tuple(row)
        for chunk in chunks
        for line, row in zip(
            chunk.lines, zip(*chunk.text.to_pydict().values(), strict=True), strict=True
        )
    }
    named = {problem.line for chunk in chunks for problem in chunk.problems}
    assert good.keys().isdisjoint(named)
    assert good.keys() | named == {line for line, _, _ in rows}
    for line, cells, _ in rows:
        if line in good:
            assert [None if c is None else c.encode() for c in good[line]] == cells
    rejected = b"".join(chunk.rejected for chunk in chunks)
    assert rejected == b"".join(raw for line, _, raw in rows if line in named)
    for chunk in chunks:
        assert len(chunk.text) == len(chunk.lines) == len(chunk.cases)


@pytest.mark.slow
@often
@given(TABLE, st.data())
def test_what_was_not_broken_comes_back_unchanged(table, data):
    """The same against the table as it was: with one row broken, the others are as they were."""
    header = ("a", "b", "c", "d")
    lines = [written([row]).encode() for row in table]
    at = data.draw(st.integers(0, len(lines) - 1))
    bad = data.draw(st.sampled_from([b"x\n", b"1,red,x\n", b"1,red,x,y,z\n", b'1,red,"x"y,\n']))
    content = written([header]).encode() + b"".join([*lines[:at], bad, *lines[at:]])
    _, (chunk,) = all_of(content, PLAIN)
    assert len(chunk.problems) == 1
    assert chunk.rejected == bad
    found = [tuple("" if c is None else c for c in r.values()) for r in chunk.text.to_pylist()]
    assert found == table


@often
@given(st.binary(max_size=200) | st.text(max_size=80).map(str.encode))
def test_no_bytes_raise(content):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("second_opinion.tables.decoding.BLOCK", 7)
        for start in (b"", b"a,b,c,d\n", b"[", b'{"a": 1, ', b"PAR1", b"\xff\xfe", b"\xef\xbb\xbf"):
            seen, chunks = all_of(start + content, PLAIN)
            assert seen.problems or chunks is not None


@pytest.mark.slow
@often
@given(broken(), st.integers(1, 40))
@example(b"a,b,c,d\n0.0,red,,\n\xef\xbb\xbf0.0,red,,\n1.5,green,,\n", 1)
def test_where_the_blocks_end_makes_no_difference(content, size):
    with pytest.MonkeyPatch.context() as patch:
        whole = all_of(content, PLAIN)
        patch.setattr("second_opinion.tables.decoding.BLOCK", size)
        parts = all_of(content, PLAIN)
    assert summary(parts[1]) == summary(whole[1])


@pytest.mark.slow
@often
@given(broken() | st.text("ab,\r\n \ufeff\u00a0", max_size=60).map(lambda t: b"a,b\n" + t.encode()))
def test_rows_that_are_kept_as_written_hold_the_cells_that_were_read(content):
    for chunk in all_of(content, PLAIN)[1] or []:
        if chunk.row_texts is not None:
            cells = [[cell or "" for cell in row.values()] for row in chunk.text.to_pylist()]
            texts = chunk.row_texts.to_pylist()
            read_again = [[*csv.reader(StringIO(text, newline=""))] for text in texts]
            assert read_again == [[row] for row in cells]
            assert not any("\ufeff" in text for text in texts)


def summary(chunks):
    return (
        [row for chunk in chunks for row in chunk.text.to_pylist()],
        [int(line) for chunk in chunks for line in chunk.lines],
        [str(problem) for chunk in chunks for problem in chunk.problems],
        b"".join(chunk.rejected for chunk in chunks),
    )


@given(st.lists(st.integers(0, 9), min_size=1, max_size=50), st.integers(1, 49))
def test_too_many_rows_are_refused_and_no_fewer(numbers, most):
    schema = Schema([Feature(name="a", kind="integer")])
    content = ("a\n" + "".join(f"{n}\n" for n in numbers)).encode()
    source = TableFile.of_bytes("x.csv", content)
    chunks = read(source, look(source, schema), schema, Limits(max_rows=most))
    if len(numbers) > most:
        with pytest.raises(UserError):
            list(chunks)
    else:
        assert np.concatenate([chunk.cases["a"] for chunk in chunks]).tolist() == numbers
