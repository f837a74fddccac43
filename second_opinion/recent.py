"""What was last computed, kept as far as it fits into so many bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Recent(Generic[T]):
    """What was last computed, as far as it fits into so many bytes. For any thread."""

    def __init__(self, most_bytes: int) -> None:
        self._most, self._lock = most_bytes, Lock()
        self._kept: OrderedDict[Hashable, tuple[T, int]] = OrderedDict()

    def get(self, key: Hashable) -> T | None:
        """What is kept under the key, or None."""
        with self._lock:
            if key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key][0]

    def keep(self, key: Hashable, value: T, size: int) -> T:
        """Keep it, and forget what was not asked for the longest."""
        with self._lock:
            self._kept[key] = value, size
            while len(self._kept) > 1 and sum(s for _, s in self._kept.values()) > self._most:
                self._kept.popitem(last=False)
        return value


def bytes_of(*arrays: Any) -> int:
    """The memory of some arrays; what is no array counts nothing."""
    return sum(int(getattr(array, "nbytes", 0)) for array in arrays)
