"""Files that are no CSV, told by their first bytes."""

from __future__ import annotations

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

# The mark at the beginning, what the file is then, and what to do with it.
_MARKS = (
    (b"PK", "an Excel workbook or another zip archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"%PDF", "a PDF document"),
    (b"PAR1", "a Parquet table"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"\x80", "a pickle"),
    (b"<", "a web page or XML"),
    (b"{", "JSON"),
    (b"version https://git-lfs", "a pointer of Git LFS (run `git lfs pull`)"),
)


def stranger(head: bytes) -> str:
    """What a file that begins like this is, if it is no CSV: ``a PDF document``; else ``""``."""
    start = head.removeprefix(BYTE_ORDER_MARK).lstrip()
    return next((meaning for mark, meaning in _MARKS if start.startswith(mark)), "")
