"""What a pickle would make, read without importing a module or calling a function of the file.

Each class and function that the file names becomes an inert `Foreign` class; arrays, lists, texts
and numbers become what they are.
"""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

# How the names of NumPy's types begin whose cells are plain bytes; V holds several fields.
PLAIN_CELLS = "biufcSUmMV?<>"
HAS_OBJECTS = 1
MOST_DEPTH = 12


class Foreign:
    """An object of the file, of a class or function that was not imported: its name and contents.

    ``origin`` is the name, like ``sklearn.preprocessing._data.StandardScaler``; ``arguments`` what
    it would be called with; ``attributes`` what it would be given.
    """

    origin = ""

    def __new__(cls, *arguments: Any, **named: Any) -> Foreign:
        new = super().__new__(cls)
        new.arguments = arguments
        new.attributes = {}
        new.members = []
        new.items = {}
        return new

    arguments: tuple[Any, ...]
    attributes: dict[str, Any]
    members: list[Any]
    items: dict[Any, Any]

    def __init__(self, *arguments: Any, **named: Any) -> None:
        """Takes what the class itself would."""

    def __setstate__(self, state: Any) -> None:
        # With slots a state is a pair, the second of which holds them.
        for part in state if isinstance(state, tuple) else (state,):
            if isinstance(part, dict):
                self.attributes.update(part)
        self.arguments = self.arguments or (state,)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.items[key] = value

    def append(self, value: Any) -> None:
        self.members.append(value)

    def extend(self, values: Any) -> None:
        self.members.extend(values)


class _Dtype(Foreign):
    """NumPy's dtype, as far as its cells are plain."""

    @property
    def numpy(self) -> np.dtype[Any] | None:
        name = self.arguments[0] if self.arguments else ""
        has_objects = self.attributes.get("flags", 0) & HAS_OBJECTS
        if not isinstance(name, str) or name[:1] not in PLAIN_CELLS or has_objects:
            return None
        dtype = np.dtype(name)
        order = self.attributes.get("order", "")
        return dtype.newbyteorder(order) if order in ("<", ">") else dtype

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, tuple) and len(state) > 1:
            self.attributes["order"] = state[1]
        if isinstance(state, tuple) and len(state) > 7:
            self.attributes["flags"] = state[7]


class _Array(Foreign):
    """NumPy's array: its cells come with its state."""

    cells: Any = None

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, tuple) and len(state) == 5:
            _, shape, dtype, fortran, content = state
            self.cells = _cells(shape, dtype, content, "F" if fortran else "C")


def _cells(shape: Any, dtype: Any, content: Any, order: Any) -> Any:
    """The cells of an array; None where they are of a kind that is not plain."""
    if isinstance(content, list):
        cells = np.empty(len(content), dtype=object)
        cells[:] = content
        return cells.reshape(shape, order=order)
    numpy_type = dtype.numpy if isinstance(dtype, _Dtype) else None
    if numpy_type is None or not isinstance(content, (bytes, bytearray)):
        return None
    return np.frombuffer(content, numpy_type).reshape(shape, order=order)


def _scalar(dtype: Any, content: Any = None) -> Any:
    cells = _cells((), dtype, content, "C")
    return None if cells is None else cells[()]


def _buffer_array(content: Any, dtype: Any, shape: Any, order: Any) -> Any:
    """How arrays come since protocol 5: a buffer, a dtype, a shape."""
    array = _Array()
    array.cells = _cells(shape, dtype, bytes(content), order)
    return array


def _reconstructed(kind: Any, *_: Any) -> Any:
    """How classes come in the oldest protocols."""
    return kind.__new__(kind) if _is_inert(kind) else None


def _is_inert(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Foreign)


def _encoded(text: Any, *_: Any) -> bytes:
    """How bytes come in protocol 2."""
    return str(text).encode("latin1")


def _bytes(content: Any = b"", *_: Any) -> bytes:
    if isinstance(content, str):
        return _encoded(content)
    return bytes(content) if isinstance(content, (bytes, bytearray)) else b""


def _new_array(*_: Any) -> Any:
    return _Array()


# What stands for a function or class of a name; everything else becomes a `Foreign`.
STANDS_FOR: dict[str, Any] = {
    "numpy.dtype": _Dtype,
    **{
        f"numpy.{core}.{name}": stand_in
        for core in ("core", "_core")
        for name, stand_in in (
            ("multiarray._reconstruct", _new_array),
            ("multiarray.scalar", _scalar),
            ("numeric._frombuffer", _buffer_array),
        )
    },
    "copyreg._reconstructor": _reconstructed,
    "copy_reg._reconstructor": _reconstructed,
    "_codecs.encode": _encoded,
    **{
        f"{builtins}.{name}": stand_in
        for builtins in ("builtins", "__builtin__")
        for name, stand_in in (
            ("bytearray", _bytes),
            ("bytes", _bytes),
            ("set", set),
            ("frozenset", frozenset),
        )
    },
    "collections.OrderedDict": OrderedDict,
}


@cache
def foreign(origin: str) -> type[Foreign]:
    """The inert class that stands for a name."""
    return type(origin.rpartition(".")[2], (Foreign,), {"origin": origin})


class _Outline(pickle._Unpickler):
    """Pickle's own reader in Python, with inert classes; reads joblib's arrays too."""

    dispatch: ClassVar = dict(pickle._Unpickler.dispatch)
    stack: list[Any]

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.file = file
        self.origins: dict[str, None] = {}

    def find_class(self, module: str, name: str) -> Any:
        origin = f"{module}.{name}"
        self.origins[origin] = None
        return STANDS_FOR.get(origin) or foreign(origin)

    def persistent_load(self, pid: Any) -> Any:
        return None

    def load_build(self) -> None:
        pickle._Unpickler.load_build(self)  # type: ignore[attr-defined]
        last = self.stack[-1]
        if isinstance(last, Foreign) and last.origin.endswith(".NumpyArrayWrapper"):
            self.stack[-1] = self._joblib_array(last.attributes)

    def _joblib_array(self, about: dict[str, Any]) -> Any:
        """The array that joblib wrote into the file behind its description."""
        dtype, shape = about["dtype"], about["shape"]
        array = _Array()
        if dtype.numpy is None:
            # Behind a description of objects stands a pickle of its own.
            inner = _Outline(self.file)
            content = inner.load()
            self.origins |= inner.origins
            return content
        if about.get("numpy_array_alignment_bytes") is not None:
            self.file.read(self.file.read(1)[0])
        size = dtype.numpy.itemsize * int(np.prod(shape, dtype=np.int64))
        array.cells = _cells(shape, dtype, self.file.read(size), about["order"])
        return array

    dispatch[pickle.BUILD[0]] = load_build  # type: ignore[assignment]


def outline(content: bytes) -> tuple[Any, tuple[str, ...]]:
    """What an uncompressed pickle or joblib file would make, and the names that it would import.

    Nothing of the file is run. Raises one of ``LOAD_ERRORS`` where it is damaged.
    """
    reader = _Outline(io.BytesIO(content))
    return unpacked(reader.load()), tuple(reader.origins)


def unpacked(value: Any, depth: int = 0) -> Any:
    """A value with arrays, and pandas' columns of names, as NumPy's; in dicts and lists too."""
    if isinstance(value, _Array):
        return value.cells
    if depth > MOST_DEPTH:
        return value
    if isinstance(value, dict):
        return {unpacked(key): unpacked(part, depth + 1) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(unpacked(part, depth + 1) for part in value)
    if isinstance(value, Foreign):
        names = _index(value)
        if names is not None:
            return names
        value.attributes = {k: unpacked(part, depth + 1) for k, part in value.attributes.items()}
    return value


def _index(value: Foreign) -> Any:
    """The cells of pandas' Index or of an array of texts; None for anything else."""
    first, *others = (*value.arguments, None)
    if value.origin.endswith("._new_Index") and others and isinstance(others[0], dict):
        return unpacked(others[0].get("data"))
    if value.origin.endswith("ArrowStringArray"):
        parts = list(_arrow_texts(value.attributes.get("_pa_array")))
        return np.array(parts, dtype=object)
    if value.origin.endswith((".NumpyExtensionArray", ".PandasArray", ".StringArray")):
        return unpacked(value.attributes.get("_ndarray", first))
    return None


def _arrow_texts(value: Any) -> Iterator[Any]:
    """The texts of an Arrow array, from the buffers that its pickle holds."""
    if not isinstance(value, Foreign):
        return
    arguments = value.arguments
    if value.origin.endswith("chunked_array"):
        for chunk in arguments[0]:
            yield from _arrow_texts(chunk)
        return
    kind, length, _, start, buffers = arguments[0][:5]
    wide = str(kind.arguments[0]).startswith("large")
    _, ends, letters = (b.arguments[0] if isinstance(b, Foreign) else b for b in buffers)
    at = np.frombuffer(ends, np.int64 if wide else np.int32)[start : start + length + 1]
    yield from (bytes(letters[a:b]).decode() for a, b in pairwise(at))
