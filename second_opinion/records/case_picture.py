"""A picture of a case that was uploaded beside its table, and how many a batch may have. No I/O."""

from __future__ import annotations

from typing import NamedTuple

from second_opinion.errors import UserError
from second_opinion.formatting import plural, quoted

MEGABYTE = 1_000_000
MOST_BYTES = 4 * MEGABYTE
MOST_OF_A_BATCH = 200 * MEGABYTE
MOST_PICTURES = 5_000
_KINDS = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
)


class CasePicture(NamedTuple):
    """A picture: the name of its file, its kind, its bytes."""

    name: str
    kind: str
    content: bytes


def kind_of_bytes(content: bytes) -> str:
    """``png``, ``jpeg``, ``gif`` or ``webp``; empty for what no browser shows safely."""
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "webp"
    return next((kind for mark, kind in _KINDS if content.startswith(mark)), "")


def check_picture(picture: CasePicture) -> None:
    """Raise `UserError` for what is no picture, or one that is too large."""
    kind = kind_of_bytes(picture.content)
    if not kind or kind != picture.kind:
        raise UserError(
            f"{quoted(picture.name)} is no picture; expected PNG, JPEG, GIF or WebP. Save it as "
            "one of them, or leave it out."
        )
    if len(picture.content) > MOST_BYTES:
        raise UserError(
            f"{quoted(picture.name)} is larger than {MOST_BYTES / MEGABYTE:.0f} MB; expected less. "
            "Make it smaller, or leave it out."
        )


def check_all(pictures: int, size: int) -> None:
    """Raise `UserError` where one batch would have more pictures, or bytes of them, than it may."""
    if pictures > MOST_PICTURES or size > MOST_OF_A_BATCH:
        raise UserError(
            f"With these the batch has more than {plural(MOST_PICTURES, 'picture')} or "
            f"{MOST_OF_A_BATCH / MEGABYTE:.0f} MB of them; expected fewer in all. Leave out those "
            "that no row names, or make them smaller."
        )
