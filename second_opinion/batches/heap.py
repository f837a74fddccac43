"""Memory that the C library keeps between the pieces of long work."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# The numbers of two settings in glibc's malloc.h, and what they are where nobody set them.
TRIM, MMAP = -1, -3
USUAL = 128 * 1024
# The most that glibc takes for the second is half of this.
KEPT = 64 * 2**20


@contextmanager
def kept() -> Iterator[None]:
    """Freed memory is used again, and given back to the system only in the end.

    The arrays of one piece of rows are freed before those of the next are made: without this, their
    pages go to the system and come back each time. Does nothing where the C library is not glibc.
    """
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    if library is None or not hasattr(library, "mallopt"):
        yield
        return
    library.mallopt(MMAP, KEPT // 2)
    library.mallopt(TRIM, KEPT)
    try:
        yield
    finally:
        library.mallopt(MMAP, USUAL)
        library.mallopt(TRIM, USUAL)
        library.malloc_trim(0)
