"""A model file that somebody brings to `add`: read once, and loaded only when they agreed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from second_opinion.errors import UserError
from second_opinion.file_content import read_bytes
from second_opinion.models.card import ModelFormat
from second_opinion.models.formats import file_format, skops_format
from second_opinion.models.formats.file_format import LOAD_ERRORS
from second_opinion.models.formats.releases import installed_scikit_learn


@dataclass(frozen=True)
class ModelFile:
    """A model file that somebody brought, not loaded yet.

    ``where`` says in messages where it is from. ``trusted`` are types that a skops file may hold
    beside those that skops trusts by itself. ``python`` is the version that saved it, ``origin``
    what MLflow says of it; both empty for a plain file.
    """

    where: str
    format: ModelFormat
    content: bytes
    trusted: tuple[str, ...] = ()
    python: str = ""
    origin: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> ModelFile:
        """The file at a path; `UserError` when it is no joblib, pickle or skops file."""
        try:
            content = read_bytes(path)
        except OSError as error:
            raise UserError(
                f"{path} cannot be read ({error.strerror}); expected a model file. Correct the "
                "path, or save the model there with joblib.dump."
            ) from error
        return cls(str(path), file_format.format_of(str(path), content), content)

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of the content, in hexadecimal digits."""
        return hashlib.sha256(self.content).hexdigest()

    @cached_property
    def unknown_types(self) -> tuple[str, ...]:
        """The types in a skops file that skops does not trust by itself; nothing is loaded.

        `UserError` when the file is damaged, or needs a class that is not here.
        """
        if self.format != "skops":
            return ()
        try:
            types = skops_format.unknown_types(self.content)
            fault = skops_format.lacking(types)
        except LOAD_ERRORS as error:
            raise self._unloadable(error) from error
        if fault:
            raise self._unloadable(fault)
        return tuple(types)

    def load(self) -> tuple[Any, str]:
        """The estimator, and the version of scikit-learn that saved it. This runs the file's code.

        `UserError` when the file is damaged, or needs something that is not here.
        """
        try:
            estimator = file_format.loaded(self.content, self.format, self.trusted)
        except LOAD_ERRORS as error:
            raise self._unloadable(error) from error
        return estimator, self.saved_by or installed_scikit_learn()

    @cached_property
    def saved_by(self) -> str:
        """The version of scikit-learn that saved it; empty if unknown. Nothing is loaded."""
        return file_format.saved_by(self.content, self.format)

    def _unloadable(self, error: BaseException) -> UserError:
        reason = file_format.why(error, self.saved_by)
        return UserError(f"{self.where} cannot be loaded: {reason}")

    def card_fields(self, saved_by: str) -> dict[str, Any]:
        """What the card keeps of where the file is from, and of what it may hold."""
        facts = {"python": self.python, "trusted": list(self.trusted), "origin": self.origin}
        fields = {name: value for name, value in facts.items() if value}
        return {"artifact": {"scikit_learn": saved_by, **fields}}
