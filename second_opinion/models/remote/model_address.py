"""Addresses of models that lie elsewhere: what MODEL may be beside a name of the registry."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal
from urllib.parse import unquote, urlsplit

from second_opinion.access import roles
from second_opinion.errors import UserError
from second_opinion.models.catalog import FIRST_ALIAS
from second_opinion.models.formats import mlflow_source
from second_opinion.records.expert import Expert

Kind = Literal["mlflow", "hf", "web", "s3"]

SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):/")
SHA256 = re.compile(r"[0-9a-fA-F]{64}")
HUB = re.compile(r"hf://(?P<owner>[^/@#]+)/(?P<repo>[^/@#]+)(@(?P<revision>[^/#]+))?/(?P<file>.+)")
THIS_MACHINE = ("localhost", "127.0.0.1", "::1")
# A hash or an id of this many digits is told apart from every other here.
SHORT = 12
KNOWN = (
    "models:/NAME/VERSION, models:/NAME@ALIAS, runs:/RUN_ID/PATH, hf://OWNER/REPO/FILE, or an "
    "https:// or s3:// address that ends in #sha256=…"
)


@dataclass(frozen=True)
class ModelAddress:
    """Where a model lies, and what it is called here.

    ``text`` is the address without its hash. ``version`` is the version here where the address
    names one for good; otherwise ``alias`` is the alias here, which is moved when the address means
    another version. ``sha256`` is what the file has to have, empty where nobody has said it.
    """

    text: str
    kind: Kind
    name: str
    version: str = ""
    alias: str = ""
    sha256: str = ""

    @classmethod
    def read(cls, text: str) -> ModelAddress:
        """The address in a text; `UserError` for one that is none, or lacks its hash."""
        bare, sha256 = _without_hash(text.strip())
        scheme = SCHEME.match(bare)
        if mlflow_source.is_uri(bare):
            return _of_mlflow(bare)
        if scheme and scheme[1] == "hf":
            return _of_hub(bare, sha256)
        if scheme and scheme[1] in ("https", "http", "s3"):
            return _of_file(bare, sha256)
        raise UserError(f"{shown(text)} is no address of a model; expected {KNOWN}. Correct it.")

    @property
    def shown(self) -> str:
        """The address as people may see it, and as it is kept: without keys in it."""
        return shown(self.text)

    @property
    def in_unity_catalog(self) -> str:
        """The full name there, ``catalog.schema.name``; empty where it is from elsewhere."""
        named = mlflow_source.REGISTERED.fullmatch(self.text)
        return named["name"] if named and named["name"].count(".") == 2 else ""

    @property
    def ref(self) -> str:
        """What the registry here calls it: ``name/version``, or ``name@alias``."""
        return f"{self.name}/{self.version}" if self.version else f"{self.name}@{self.alias}"


def is_address(text: str) -> bool:
    """Whether this says where a model lies, and is no reference to one of the registry."""
    return SCHEME.match(text.strip()) is not None


def shown(text: str) -> str:
    """An address without what opens it: a signature behind ``?``, a password before ``@``."""
    return re.sub(r"(?<=://)[^/@\s]*@", "", text.partition("?")[0])


def local_ref(setting: str) -> str:
    """The reference that the setting MODEL means in the registry here.

    `UserError` for an address that is none. Whether the model is there yet is not asked.
    """
    return ModelAddress.read(setting).ref if is_address(setting) else setting


def opening_setting(setting: str, by: Expert) -> str:
    """The setting MODEL as this person may know of it: empty where its model is hidden from them.

    What is no address of a model stays: whoever chooses one is told.
    """
    try:
        name = re.split("[@/]", local_ref(setting))[0]
    except UserError:
        return setting
    return setting if roles.may_use(by, name) else ""


def _without_hash(text: str) -> tuple[str, str]:
    bare, mark, sha256 = text.partition("#sha256=")
    if mark and not SHA256.fullmatch(sha256):
        raise UserError(
            f"{shown(bare)}: {sha256!r} is no SHA-256; expected 64 digits from 0 to f. `sha256sum "
            "FILE` prints it where the file was made. Copy the whole of it."
        )
    return bare, sha256.lower()


def _of_mlflow(text: str) -> ModelAddress:
    mlflow_source.refuse_odd(text)
    if named := mlflow_source.REGISTERED.fullmatch(text):
        alias = _as_name(named["alias"]) if named["alias"] else ""
        return ModelAddress(text, "mlflow", _as_name(named["name"]), named["version"] or "", alias)
    _, run, path = text.split("/", 2)
    return ModelAddress(text, "mlflow", _as_name(path.rsplit("/", 1)[-1]), run[:SHORT].lower())


def _of_hub(text: str, sha256: str) -> ModelAddress:
    named = HUB.fullmatch(text)
    if not named:
        raise UserError(
            f"{text} names no file of a repository; expected hf://OWNER/REPO/FILE, or "
            "hf://OWNER/REPO@REVISION/FILE. Correct it."
        )
    name = _as_name(named["repo"])
    if sha256:
        return ModelAddress(text, "hf", name, sha256[:SHORT], sha256=sha256)
    return ModelAddress(text, "hf", name, alias=FIRST_ALIAS)


def _of_file(text: str, sha256: str) -> ModelAddress:
    parts = urlsplit(text)
    file = PurePosixPath(unquote(parts.path)).name
    here = parts.hostname in THIS_MACHINE
    if not parts.hostname or not file:
        raise UserError(f"{shown(text)} names no file; expected {KNOWN}. Correct it.")
    if parts.scheme == "http" and not here:
        raise UserError(
            f"{shown(text)} would be read in the open; expected https://. Use that address of the "
            "file."
        )
    if not sha256:
        raise UserError(
            f"{shown(text)} has no SHA-256, and what lies there may be changed by others; expected "
            f"it at the end, like {shown(text)}#sha256=9f86…. `sha256sum FILE` prints it where the "
            "file was made."
        )
    kind: Kind = "s3" if parts.scheme == "s3" else "web"
    name = _as_name(file.partition(".")[0])
    return ModelAddress(text, kind, name, sha256[:SHORT], sha256=sha256)


def _as_name(text: str) -> str:
    """A name of the registry for one that others chose: ``Iris Classifier`` is iris-classifier."""
    return re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip(".-_") or "model"
