"""The bytes of a file that somebody gave, and what stands in its place when it is no such file."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

LFS_POINTER = b"version https://git-lfs.github.com/spec/"

_PIPE = "a pipe or device, not a file"
_PAGE = (b"<!doctype", b"<html", b"<head", b"<body", b"<?xml")


def read_bytes(path: Path) -> bytes:
    """All of a file. `OSError` as `Path.read_bytes`, and at once for a pipe, socket or device."""
    # Opened without waiting: a named pipe would wait for somebody who writes into it.
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(handle, "rb") as file:
        mode = os.fstat(handle).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, _PIPE, str(path))
        return file.read()


def mistaken_for(content: bytes) -> str:
    """What a file is instead of what was meant, with what to do; empty where it shows nothing.

    ``a pointer of Git LFS, not the file itself. Run `git lfs pull` ``: without the last full stop,
    so that the sentence can go on.
    """
    if not content.strip():
        return "empty. Copy or download it again" if content == b"" else "blank. Copy it again"
    if content.startswith(LFS_POINTER):
        return "a pointer of Git LFS, not the file itself. Run `git lfs pull`"
    start = content[:200].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if start.startswith(_PAGE):
        return "a web page or XML. Download the file itself"
    return ""
