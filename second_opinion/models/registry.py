"""The folder ``model/``: cards, versions, aliases, hashes, and the one cached loader."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from uuid import uuid4

from second_opinion.errors import UserError
from second_opinion.jsonfile import read_json, write_json
from second_opinion.models import card_check, card_texts, traffic_split
from second_opinion.models.card import Finding, ModelCard
from second_opinion.models.catalog import FIRST_ALIAS, Catalog, Fault
from second_opinion.models.describe import (
    adapter_facts,
    card_fields,
    class_words,
    dummy_groups,
    dummy_proposal,
    estimator_checks,
    input_columns,
    input_form,
)
from second_opinion.models.describe.new_version import NewVersion, dumped, worded
from second_opinion.models.describe.training_data import TrainingData
from second_opinion.models.formats import loading
from second_opinion.models.formats.adapter import Adapter, adapted
from second_opinion.models.formats.releases import runs_here
from second_opinion.models.model import Model
from second_opinion.records.event import AliasMove, CardEdit
from second_opinion.statistics.training_summary import Reference

if TYPE_CHECKING:
    import pandas as pd

NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")

Moves = Callable[[], Sequence[AliasMove]]
Edits = Callable[[], Sequence[CardEdit]]

T = TypeVar("T")

# By path: what the file held when it had this stamp.
_contents: dict[Path, tuple[loading.Stamp, Any]] = {}


class Registry:
    """The models of one folder: what is there, loaded, added and removed.

    `look` says what is there, and what a reference to a model means: ``NAME`` (its champion),
    ``NAME@ALIAS`` or ``NAME/VERSION``; an empty one is the default model. Whoever has a card gives
    that instead of a reference, and no further look is taken. ``moves`` gives the moves of aliases
    that are on record, ``edits`` those of the texts of cards.
    """

    def __init__(
        self, folder: str | Path = "model", moves: Moves = tuple, edits: Edits = tuple
    ) -> None:
        self.folder = Path(folder)
        self._moves, self._edits = moves, edits

    def look(self) -> Catalog:
        """What is in the folder, and what each alias means, now.

        Files that are as they were at the look before are not read again. Demo models that another
        release of scikit-learn made are not there: what they say here nobody has looked at.
        """
        if not self.folder.is_dir():
            return Catalog(
                self.folder,
                fault=f"There is no folder {self.folder}; expected the models there. Set MODEL_DIR "
                "to the right folder, or add a model with `python -m second_opinion add`.",
            )
        files = sorted(self.folder.glob("[!.]*/[!.]*/card.json"))
        every = {(path.parent.parent.name, path.parent.name): _card_at(path) for path in files}
        texts = card_texts.by_place(self._edits())
        cards = {
            version: _with_texts(card, texts)
            for version, card in every.items()
            if not _is_foreign_demo(card)
        }
        names = dict.fromkeys(name for name, _ in cards)
        return Catalog(
            self.folder,
            cards,
            {name: _aliases_at(self._aliases_file(name)) for name in names},
            tuple(self._moves()),
            _preferred_at(self.folder / "registry.json"),
        )

    def card(self, ref: str = "") -> ModelCard:
        """The card that a reference means; `UserError` when it is missing or broken."""
        return self.look().card(ref)

    def load(self, model: str | ModelCard = "") -> Model:
        """A model by its reference or card, loaded once per process and file.

        The file is read once, its SHA-256 compared with the card's, and loaded from those very
        bytes; `UserError` when it is missing, changed, or cannot be loaded here.
        """
        card = self._card(model)
        path = self._home(card.name, card.version) / card.artifact.file
        with loading.noted(path, card):
            loaded = loading.load(path, card)
            estimator = adapted(loaded.estimator, card)
            card_check.refuse_other_classes(card, estimator)
        estimator = _asked(estimator, card.one_hot)
        return Model(card, estimator, loaded.threads, loading.version_warnings(card))

    def load_outcome(self, card: ModelCard) -> str | None:
        """Why the last load of this very file failed in this process, empty where it did not; None
        where it was not loaded yet. Nothing is loaded."""
        return loading.outcome(self._home(card.name, card.version) / card.artifact.file, card)

    def reference(self, model: str | ModelCard = "") -> Reference:
        """What is known of the training data of a model, by its reference or card."""
        card = self._card(model)
        return Reference.read(self._home(card.name, card.version) / "summary.json")

    def rows_file(self, model: str | ModelCard = "") -> Path | None:
        """The stored rows of a model's training data with the target; None where none were kept."""
        card = self._card(model)
        path = self._home(card.name, card.version) / "reference.parquet"
        return path if path.exists() else None

    def add(
        self,
        estimator: Any,
        X: Any = None,
        y: pd.Series[Any] | None = None,
        *,
        name: str,
        version: str = "",
        title: str = "",
        target: str = "",
        alias: str = "",
        reference: Literal["summary", "rows"] = "summary",
        card: dict[str, Any] | None = None,
        artifact: tuple[str, bytes] | None = None,
        training: TrainingData | None = None,
        agree: Callable[[Sequence[Finding]], Mapping[str, Any] | None] | None = None,
    ) -> ModelCard:
        """Register a trained estimator with the data it was trained on; returns its card.

        X is a frame, an array or a series of texts. Without it the card says what the estimator's
        own steps know of its inputs, and what is not known. ``card`` holds fields that replace
        inferred ones (labels, units, intended use); features are merged by name. ``artifact`` is
        the file's ``(format, bytes)`` where one exists already, and ``training`` the table that X
        and y are from. The first version of a model becomes its champion; the first model that is
        no demo becomes the default. X and y stay out of the folder unless ``reference="rows"``.

        What is noticed of its answers are the ``findings`` of the card. ``agree`` hears them before
        anything is there to be seen: what it raises keeps the model out, and what it gives are the
        words of the card that were asked for last. `UserError` when the answers can be none.
        """
        data, card = None, card or {}
        if X is None and (y is not None or reference == "rows"):
            raise UserError(
                "There are outcomes or rows to keep, but no cases; expected the data that the "
                "model was trained on. Give it, or leave those out."
            )
        if X is not None:
            X, y = input_columns.aligned(X, y)
        target = target or (str(y.name) if y is not None and y.name is not None else "")
        naming = card_fields.Naming(name, self.next_version(name, version, alias), title, target)
        asked = estimator = adapter_facts.understood(estimator, X, y)
        if X is not None:
            if not isinstance(estimator, Adapter):
                names = input_form.names_of(estimator) or ()
                one_hot = dummy_groups.with_those_of(card.get("one_hot", {}), names, X, target)
                X = dummy_proposal.with_choices(X, one_hot) if one_hot else X
                asked = _asked(estimator, one_hot)
                card = {**card, "one_hot": one_hot} if one_hot else card
            data = input_columns.features_of(asked, X, naming.target)
            if y is not None:
                y = class_words.outcomes(asked, y, data, card.get("classes", []))
        new = NewVersion(asked, data, y, naming, card, self.card_in_use(name), training)
        with self._new_version(naming) as home:
            new_card = new.write(home, artifact or ("joblib", dumped(estimator)))
            if reference == "rows" and data is not None:
                new.write_rows(home, data)
            words = agree(new_card.findings) if agree is not None else None
            new_card = worded(home, words) if words else new_card
        self._point(new_card, alias)
        return self.card(new_card.ref)

    def next_version(self, name: str, version: str = "", alias: str = "") -> str:
        """The version that `add` would give: the one asked for, or the next whole number.

        `UserError` when a name will not do, or the version is there already.
        """
        names = (("name", name), ("version", version), ("alias", alias))
        for word, value in names:
            if (value or word == "name") and not NAME.fullmatch(value):
                raise UserError(
                    f"The {word} {value!r} will not do; expected small letters, digits, dots and "
                    "dashes, like customer-churn."
                )
        versions = self.look().versions(name)
        if version in versions:
            raise UserError(
                f"{name} has a version {version} already, and a version never changes. Leave "
                f"--version out for the next number, or remove {name}/{version} first."
            )
        self._aliases(name)
        whole = [int(number) for number in versions if number.isdigit()]
        return version or str(max(whole, default=0) + 1)

    def remove(self, name: str, version: str = "") -> list[str]:
        """Take a version, or the whole model, out of the folder; returns the versions removed."""
        catalog = self.look()
        if version or not catalog.versions(name):
            catalog.resolve(f"{name}/{version}")
        versions = [version] if version else catalog.versions(name)
        # An A/B alias goes with any of its versions: the others were not meant to take its cases.
        left = {
            alias: pointed
            for alias, pointed in self._aliases(name).items()
            if not set(traffic_split.read(pointed)) & set(versions)
        }
        for number in versions:
            _vanish(self._home(name, number))
        if self.look().versions(name):
            traffic_split.write_file(self._aliases_file(name), left)
        else:
            self._forget(name)
        return versions

    def hash_state(self, card: ModelCard) -> loading.FileState:
        """Whether the model file of a card is the one that was added. Nothing is loaded."""
        path = self._home(card.name, card.version) / card.artifact.file
        return loading.file_state(path, card.artifact)

    def verify(self, model: str | ModelCard) -> list[str]:
        """What is wrong with a version: hash, library versions, stored answers. Empty if nothing.

        Each of the made-up cases in its summary is predicted again: a number must be the same
        within a share of 1e-9, a class equal, and each probability within 1e-9.
        """
        try:
            loaded = self.load(model)
            reference = self.reference(loaded.card)
        except UserError as error:
            return [str(error)]
        try:
            with estimator_checks.third_party(f"{loaded.card.ref} cannot answer its stored cases"):
                changed = card_fields.changed_answers(loaded, reference)
        except UserError as error:
            changed = [str(error)]
        return [*loaded.warnings, *changed]

    def _forget(self, name: str) -> None:
        """Take out what is left of a model without versions; files of others stay, with folder."""
        self._aliases_file(name).unlink(missing_ok=True)
        with suppress(OSError):
            (self.folder / name).rmdir()
        preferred = self.folder / "registry.json"
        if _preferred_at(preferred) == name:
            preferred.unlink(missing_ok=True)

    @contextmanager
    def _new_version(self, naming: card_fields.Naming) -> Iterator[Path]:
        """A folder that appears in the registry only when everything in it is written."""
        home = self._home(naming.name, naming.version)
        # Under a name of its own, not in the model's folder: somebody else may be removing that.
        draft = self.folder / f".{uuid4().hex}"
        draft.mkdir(parents=True)
        try:
            yield draft
            _appear(draft, home)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise

    def card_in_use(self, name: str) -> ModelCard | None:
        """The card of the model's champion; None where there is none, or it is broken."""
        with suppress(UserError):
            return self.card(name)
        return None

    def _point(self, card: ModelCard, alias: str) -> None:
        """Give a new version its alias, and make the first model that is no demo the default."""
        aliases, catalog = self._aliases(card.name), self.look()
        if catalog.versions(card.name) == [card.version]:
            aliases[FIRST_ALIAS] = card.version
        if alias:
            aliases[alias] = card.version
        traffic_split.write_file(self._aliases_file(card.name), aliases)
        others = [entry for entry in catalog.entries(demos=True) if entry.name != card.name]
        first_own = not card.demo and all(entry.card and entry.card.demo for entry in others)
        if first_own or not others:
            write_json(self.folder / "registry.json", {"default": card.name})

    def _card(self, model: str | ModelCard) -> ModelCard:
        return model if isinstance(model, ModelCard) else self.card(model)

    def _aliases(self, name: str) -> dict[str, str]:
        return traffic_split.read_file(self._aliases_file(name))

    def _aliases_file(self, name: str) -> Path:
        return self.folder / name / "aliases.json"

    def _home(self, name: str, version: str) -> Path:
        return self.folder / name / version


def _with_texts(
    card: ModelCard | Fault, texts: Mapping[card_texts.Place, card_texts.Texts]
) -> ModelCard | Fault:
    if isinstance(card, Fault):
        return card
    return card_texts.edited(card, texts.get(card_texts.place_of(card), {}))


def _appear(draft: Path, home: Path) -> None:
    """Give a written folder its name; `UserError` where that is taken. Nothing else is touched."""
    while True:
        home.parent.mkdir(exist_ok=True)
        try:
            # An empty folder gives way to it, a full one does not.
            draft.rename(home)
            return
        except FileNotFoundError:
            if home.parent.is_dir():
                raise
            # The model's folder went with its last version in between: once more.
        except OSError as error:
            if not os.path.lexists(home):
                raise
            raise UserError(
                f"{home} is there already; expected no such folder. Somebody added it at the "
                "same moment, or it has no card.json: give another --version, or move it away."
            ) from error


def _asked(estimator: Any, one_hot: Mapping[str, Any]) -> Any:
    """The estimator as it is asked for the columns of its card: with its dummies, where it has any.

    Every frame of cases passes here, those that `add` tries too.
    """
    if not one_hot:
        return estimator
    # Imports scikit-learn, which takes a while.
    from second_opinion.models.one_hot import with_dummies

    return with_dummies(estimator, one_hot)


def _vanish(folder: Path) -> None:
    """Remove a folder at one stroke: a reader finds all of it, or nothing.

    Of a link, the link alone: what it means belongs to somebody else.
    """
    hidden = folder.with_name(f".{uuid4().hex}")
    folder.rename(hidden)
    if hidden.is_symlink():
        hidden.unlink()
    else:
        shutil.rmtree(hidden)


def _card_at(path: Path) -> ModelCard | Fault:
    """The card in a version's folder, or what is wrong with it."""
    card = _read_once(path, ModelCard.read)
    version, name = path.parent.name, path.parent.parent.name
    if isinstance(card, ModelCard) and (card.name, card.version) != (name, version):
        return Fault(
            f"{path} is the card of {card.ref}; expected {name}/{version}. Correct its name and "
            "version, or move the folder."
        )
    if isinstance(card, ModelCard):
        shape = _read_once(path.with_name("summary.json"), card_check.model_shape)
        if isinstance(shape, card_check.ModelShape) and (fault := card_check.fault(card, shape)):
            return Fault(f"{path}: {fault}, or add the model again.")
    return card


def _is_foreign_demo(card: ModelCard | Fault) -> bool:
    return isinstance(card, ModelCard) and card.demo and not runs_here(card.artifact.scikit_learn)


def _aliases_at(path: Path) -> dict[str, str] | Fault:
    return _read_once(path, traffic_split.read_file)


def _preferred_at(path: Path) -> str:
    content = _read_once(path, lambda path: read_json(path, default={}))
    return content if isinstance(content, Fault) else str(content.get("default") or "")


def _read_once(path: Path, read: Callable[[Path], T]) -> T | Fault:
    """What ``read`` makes of a file, from memory while the file is the same; a fault as it says."""
    stamp, before = loading.stamp_of(path), _contents.get(path)
    if stamp and before and stamp == before[0]:
        content: T | Fault = before[1]
        return content
    try:
        content = read(path)
    except UserError as error:
        content = Fault(error)
    if stamp and loading.is_settled(stamp):
        _contents[path] = stamp, content
    return content
