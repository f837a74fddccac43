"""Pictures of cases that are uploaded beside their table: several files, or an archive of them."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable, Iterator
from io import BytesIO

from second_opinion.batches.case_facts import file_name
from second_opinion.errors import UserError
from second_opinion.formatting import quoted
from second_opinion.records import case_picture
from second_opinion.records.case_picture import CasePicture

# What systems put into an archive by themselves.
LEFT_OUT = ("__MACOSX/", "Thumbs.db", "desktop.ini", ".DS_Store")
# RuntimeError is of a password, NotImplementedError of a way of packing that Python does not know.
BROKEN = (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError, OSError)


def pictures_in(files: Iterable[tuple[str, bytes]]) -> Iterator[CasePicture]:
    """The pictures in files by their names, one at a time; archives are unpacked.

    `UserError` for what is no picture that a browser shows safely, for one that is too large, and
    for two of one name.
    """
    names: set[str] = set()
    total = 0
    for name, content in _unpacked(files):
        picture = _picture(name, content)
        total += len(content)
        if picture.name in names:
            raise UserError(
                f"Two pictures are called {quoted(picture.name)}; expected a name of its own for "
                "each, since a cell names the one it means. Rename one of them, here and there."
            )
        case_picture.check_all(len(names) + 1, total)
        names.add(picture.name)
        yield picture


def _unpacked(files: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    for name, content in files:
        if content.startswith(b"PK"):
            yield from _in_archive(name, content)
        else:
            yield name, content


def _in_archive(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            for entry in archive.infolist():
                if entry.is_dir() or any(part in entry.filename for part in LEFT_OUT):
                    continue
                with archive.open(entry) as stream:
                    # What an archive says of the size of a part need not be so.
                    yield entry.filename, stream.read(case_picture.MOST_BYTES + 1)
    except BROKEN as error:
        raise UserError(
            f"{name} is an archive that cannot be read ({error}); expected pictures in it, without "
            "a password. Pack them again, or choose the pictures themselves."
        ) from error


def _picture(path: str, content: bytes) -> CasePicture:
    name = file_name(path)
    picture = CasePicture(name, case_picture.kind_of_bytes(content), content)
    case_picture.check_picture(picture)
    return picture
