"""How a text that is no UTF-8 may be encoded, shown by its first cells that tell it."""

from __future__ import annotations

import codecs
import re
import unicodedata

from second_opinion.tables.table_file import Offer

# By how common they are in tables.
NAMES = {
    "cp1252": "Windows-1252 (Western Europe)",
    "cp1250": "Windows-1250 (Central Europe)",
    "cp1251": "Windows-1251 (Cyrillic)",
    "mac-roman": "Mac Roman",
    "shift_jis": "Shift-JIS (Japanese)",
}
SHOWN_CELLS = 3
_CELL = re.compile(r'[^,;\t|\r\n"]*[^\x00-\x7f,;\t|\r\n"][^,;\t|\r\n"]*')


def likely_encodings(raw: bytes) -> list[Offer]:
    """A choice for each encoding in which bytes are text, the likeliest first; each shows how the
    first cells beyond ASCII would read."""
    readings: dict[str, tuple[int, Offer]] = {}
    for encoding, name in NAMES.items():
        cells = _first_cells(raw, encoding)
        if cells:
            text = f"Read it as {name}: {', '.join(cells)}"
            readings.setdefault(
                "\n".join(cells), (_oddity(cells), Offer("encoding", encoding, text))
            )
    return [offer for _, offer in sorted(readings.values(), key=lambda reading: reading[0])]


def _first_cells(raw: bytes, encoding: str) -> list[str]:
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(raw, False)
    except UnicodeDecodeError:
        return []
    cells: dict[str, None] = {}
    for match in _CELL.finditer(text):
        cells[_shortened(match[0].strip())] = None
        if len(cells) == SHOWN_CELLS:
            break
    return list(cells)


def _shortened(cell: str) -> str:
    return cell if len(cell) <= 40 else cell[:39] + "…"


def _oddity(cells: list[str]) -> int:
    """How many signs and changes of script stand inside of words: few in the right encoding."""
    odd = 0
    for word in re.findall(r"\S+", " ".join(cells)):
        scripts = {unicodedata.name(letter, "?").split()[0] for letter in word if letter.isalpha()}
        odd += len(scripts) - 1 if len(scripts) > 1 else 0
        odd += sum(not letter.isascii() and not letter.isalpha() for letter in word)
    return odd
