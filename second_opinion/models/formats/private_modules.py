"""Modules of a model's own code: run from checked bytes, under names that no other model shares.

Two versions may each have a ``utils.py``. Each becomes a module below a package that is named after
the hash of all files, and `import utils` in a file of the model means that one. A pickle asks
`sys.modules` for plain names instead, so these stand there while the model loads or answers, on one
thread at a time.
"""

from __future__ import annotations

import atexit
import builtins
import importlib
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from inspect import isclass, isfunction
from pathlib import Path
from types import ModuleType
from typing import Any

from second_opinion.models.formats import code_files

PACKAGE = "second_opinion_code_"

# Models whose plain names stand in `sys.modules` take turns.
_turn = threading.RLock()
# By package: the code that was loaded in this process.
_codes: dict[str, PrivateCode] = {}


class PrivateCode:
    """The files of one model's code, in a folder of their own that goes with the process."""

    def __init__(self, sha256: str, files: Mapping[str, bytes]) -> None:
        self.package = PACKAGE + sha256
        self.files = files
        self._roots = [""]

    @cached_property
    def folder(self) -> Path:
        """A folder with the files, which `load(folder)` is given."""
        folder = Path(tempfile.mkdtemp(prefix="second-opinion-")).resolve()
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        code_files.write_folder(code_files.packed(self.files), folder)
        return folder

    @cached_property
    def builtins(self) -> dict[str, Any]:
        """What its modules find without importing it: an import of their own."""
        return {**vars(builtins), "__import__": self._import}

    def module(self, name: str) -> ModuleType:
        """A module of the code by its plain name."""
        return importlib.import_module(f"{self.package}.{name}")

    def private_name(self, plain: str) -> str:
        """The name of the module that a plain name means here; empty where it means none."""
        path = plain.replace(".", "/")
        for root in self._folders_of_modules():
            if self.source_of(root + path) is not None:
                return f"{self.package}.{(root + path).replace('/', '.')}"
        return ""

    def source_of(self, path: str) -> str | None:
        """The file of a module at a path without suffix; empty for a folder without a file."""
        for name in (f"{path}.py", f"{path}/__init__.py"):
            if name in self.files:
                return name
        inside = (name.startswith(f"{path}/") and name.endswith(".py") for name in self.files)
        return "" if any(inside) or not path else None

    @contextmanager
    def in_turn(self) -> Iterator[None]:
        """Let plain names mean this code's modules, for unpickling too, until it is done."""
        with _turn:
            path, hidden = sys.path[:], self._hidden_modules()
            before, _finder.active = _finder.active, (self, threading.get_ident())
            lent = self._lent_to_main()
            try:
                yield
            finally:
                for module, name in lent:
                    vars(module).pop(name, None)
                self._roots = self._folders_of_modules()
                self._forget_plain_names()
                _finder.active = before
                sys.modules.update(hidden)
                sys.path[:] = path

    def _folders_of_modules(self) -> list[str]:
        """Below which of its folders modules lie: those that its own code put on the path too."""
        start = f"{self.folder}/"
        added = [f"{p}/".removeprefix(start) for p in sys.path if f"{p}/".startswith(start)]
        return list(dict.fromkeys([*self._roots, *added]))

    def _plain_names(self) -> set[str]:
        """The first parts of the names under which its modules may be imported."""
        names = set()
        for root in self._folders_of_modules():
            for file in self.files:
                if file.startswith(root) and file.endswith(".py"):
                    names.add(file.removeprefix(root).removesuffix(".py").partition("/")[0])
        return names

    def _hidden_modules(self) -> dict[str, ModuleType]:
        """Other people's modules under the plain names of these, taken off for the time being."""
        own = self._plain_names()
        names = [name for name in sys.modules if name.partition(".")[0] in own]
        return {name: sys.modules.pop(name) for name in names}

    def _forget_plain_names(self) -> None:
        own = self._plain_names()
        for name in list(sys.modules):
            if name.partition(".")[0] in own:
                del sys.modules[name]

    def _lent_to_main(self) -> list[tuple[ModuleType, str]]:
        """What a pickle of a notebook looks for in ``__main__``: the classes and functions here."""
        main = sys.modules["__main__"]
        lent = []
        for private, module in list(sys.modules.items()):
            if private.startswith(f"{self.package}."):
                for name, value in list(vars(module).items()):
                    own = (isclass(value) or isfunction(value)) and value.__module__ == private
                    if own and not hasattr(main, name):
                        setattr(main, name, value)
                        lent.append((main, name))
        return lent

    def _import(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        private = self.private_name(name) if level == 0 else ""
        if not private:
            return builtins.__import__(name, globals, locals, fromlist or (), level)
        if fromlist:
            return builtins.__import__(private, globals, locals, fromlist, 0)
        importlib.import_module(private)
        # `import a.b` binds `a`.
        return sys.modules[private.rsplit(".", name.count("."))[0] if "." in name else private]


def code_of(sha256: str, files: Mapping[str, bytes]) -> PrivateCode:
    """The code with this hash, once a process."""
    with _turn:
        return _codes.setdefault(PACKAGE + sha256, PrivateCode(sha256, files))


class _Source(Loader):
    """Runs one file of a model's code."""

    def __init__(self, code: PrivateCode, file: str) -> None:
        self.code = code
        self.file = file

    def exec_module(self, module: ModuleType) -> None:
        vars(module)["__builtins__"] = self.code.builtins
        if self.file:
            place = str(self.code.folder / self.file)
            source = compile(self.code.files[self.file], place, "exec", dont_inherit=True)
            exec(source, vars(module))  # noqa: S102  # the owner agreed to it at `add`
            _send_along(module)

    def get_source(self, fullname: str) -> str:
        return self.code.files[self.file].decode() if self.file else ""


def _send_along(module: ModuleType) -> None:
    """Let joblib's processes, which have no such module, be given its classes with the work."""
    # Some releases of joblib bring cloudpickle along, others ask for it.
    for name in ("joblib.externals.cloudpickle", "cloudpickle"):
        with suppress(ModuleNotFoundError):
            importlib.import_module(name).register_pickle_by_value(module)
            return


class _Alias(Loader):
    """A plain name for a module that has a private one."""

    def __init__(self, private: str) -> None:
        self.private = private

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        self.module = importlib.import_module(self.private)
        self.spec = self.module.__spec__
        return self.module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self.spec


class _Finder(MetaPathFinder):
    """Finds private modules, and plain names for the thread whose turn it is."""

    active: tuple[PrivateCode, int] | None = None

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        package, _, rest = fullname.partition(".")
        if package in _codes:
            return _private_spec(_codes[package], fullname, rest.replace(".", "/"))
        if self.active and self.active[1] == threading.get_ident():
            private = self.active[0].private_name(fullname)
            return spec_from_loader(fullname, _Alias(private)) if private else None
        return None


def _private_spec(code: PrivateCode, fullname: str, path: str) -> ModuleSpec | None:
    file = code.source_of(path) if path else ""
    if file is None:
        return None
    is_package = not file or file.endswith("__init__.py")
    spec = ModuleSpec(
        fullname, _Source(code, file), origin=str(code.folder / file), is_package=is_package
    )
    spec.has_location = bool(file)
    if is_package:
        spec.submodule_search_locations = [str(code.folder / path)]
    return spec


_finder = _Finder()
sys.meta_path.insert(0, _finder)
