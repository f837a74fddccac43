"""Words for classes: ``0=No,1=Yes``, or a file with one pair a line."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from second_opinion.models.parts.pickled_part import class_words


def in_text(text: str) -> dict[str, str]:
    """The pairs in ``0=No,1=Yes``; a word with a comma stands in quotes: ``"0=No, thanks"``.

    Empty where a piece has no ``=``.
    """
    pieces = next(csv.reader([text], skipinitialspace=True), [])
    pairs = [piece.partition("=")[::2] for piece in pieces]
    if not all("=" in piece for piece in pieces):
        return {}
    return {code.strip(): word.strip() for code, word in pairs}


def in_file(path: Path) -> dict[Any, str]:
    """The pairs in a file of text, one a line (``0=rice``, ``0: rice``, ``0,rice``), or in JSON.

    Empty where a line is none.
    """
    text = path.read_text("utf-8-sig", errors="replace")
    if path.suffix.casefold() == ".json":
        try:
            return dict(class_words(json.loads(text)))
        except ValueError:
            return {}
    pairs = {}
    for line in filter(str.strip, text.splitlines()):
        mark = next((mark for mark in "=:\t,;" if mark in line), "")
        code, _, word = line.partition(mark) if mark else ("", "", "")
        if not code.strip() or not word.strip():
            return {}
        pairs[code.strip()] = word.strip()
    return pairs if len(pairs) > 1 else {}
