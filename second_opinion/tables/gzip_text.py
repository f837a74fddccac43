"""Texts that gzip packed, such as ``cases.csv.gz``: read as what is in them."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from typing import BinaryIO, cast

from second_opinion.errors import UserError

MARK = b"\x1f\x8b"
BLOCK = 2**20
# How tables begin that are packed already, and read at any place: a stream gives only the next.
_PACKED_TABLES = (b"PK\x03", b"PAR1", b"\xd0\xcf\x11\xe0", MARK)

Opener = Callable[[], BinaryIO]


def is_packed(opener: Opener) -> bool:
    """Whether a file begins as gzip writes it."""
    with opener() as stream:
        return stream.read(len(MARK)) == MARK


def unpacked(name: str, opener: Opener, most: int | None) -> tuple[Opener, int]:
    """The text in a packed file, and its size in bytes; both are found by reading it once.

    `UserError` where it is damaged, holds no text, or has more bytes than ``most``.
    """

    def text() -> BinaryIO:
        raw = opener()
        stream = gzip.GzipFile(fileobj=raw)
        # So that the file is closed along with what reads from it.
        stream.myfileobj = raw  # type: ignore[assignment]
        return cast(BinaryIO, stream)

    size = 0
    try:
        with text() as stream:
            while block := stream.read(BLOCK):
                if not size and block.startswith(_PACKED_TABLES):
                    raise UserError(_no_text(name))
                size += len(block)
                if most is not None and size > most:
                    raise UserError(_too_large(name, most))
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(
            f"{name} is a gzip archive that is damaged or cut off ({error}); expected a whole one. "
            "Pack it again, or choose the file that was packed."
        ) from error
    return text, size


def _no_text(name: str) -> str:
    return (
        f"{name} is a gzip archive of what is no text; expected a CSV or JSON file in it. Unpack "
        f"it (`gunzip {name}`), and choose what comes out."
    )


def _too_large(name: str, most: int) -> str:
    return (
        f"{name} unpacks to more than {most / 1e6:,.0f} MB; expected at most that. Split it, or "
        "use the command line."
    )
