"""The folder ``model/``: cards, versions, aliases, hashes, and the one cached loader."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from uuid import uuid4

from second_opinion import arms
from second_opinion.artifacts import loading
from second_opinion.card import ModelCard
from second_opinion.errors import UserError
from second_opinion.intake import columns, describe, estimators
from second_opinion.intake.version import NewVersion
from second_opinion.jsonfile import read_json, write_json
from second_opinion.predictor import Model
from second_opinion.records import AliasMove
from second_opinion.reference import Reference

if TYPE_CHECKING:
    import pandas as pd

NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
FIRST_ALIAS = "champion"

Moves = Callable[[str], Sequence[AliasMove]]

_cards: dict[loading.Stamp, ModelCard] = {}


@dataclass(frozen=True)
class Entry:
    """One version in the registry. ``card`` is None where it is broken; ``fault`` says how.

    ``aliases`` mean this version alone; ``shares`` are those that give it a share (0 to 1) of the
    new cases.
    """

    name: str
    version: str
    aliases: tuple[str, ...]
    card: ModelCard | None
    fault: str = ""
    shares: tuple[tuple[str, float], ...] = ()

    @property
    def ref(self) -> str:
        """How to ask for it: ``name@alias``, or ``name/version`` without an alias."""
        return f"{self.name}@{self.aliases[0]}" if self.aliases else f"{self.name}/{self.version}"

    @property
    def known_as(self) -> tuple[str, ...]:
        """Its aliases in words: ``champion``, ``ab 50 %``."""
        return *self.aliases, *(f"{alias} {arms.share_text(s)}" for alias, s in self.shares)


class Registry:
    """The models of one folder.

    A reference to a model is ``NAME`` (its champion), ``NAME@ALIAS`` or ``NAME/VERSION``; an empty
    one is the default model. An alias may share new cases between versions: `arm` draws one of
    them for a case; whatever needs a single card takes the first. ``moves`` gives the moves of a
    model's aliases that are on record; they come after what the folder says.
    """

    def __init__(self, folder: str | Path = "model", moves: Moves | None = None) -> None:
        self.folder = Path(folder)
        self._moves = moves or (lambda name: ())

    def entries(self, *, demos: bool | None = None) -> list[Entry]:
        """Every version by name, the champion of each first.

        Demo models are left out as soon as one other model is there, unless ``demos`` says
        otherwise. `UserError` when the folder is missing.
        """
        if not self.folder.is_dir():
            raise UserError(
                f"There is no folder {self.folder}; expected the models there. Set MODEL_DIR to "
                "the right folder, or add a model with `python -m second_opinion add`."
            )
        found = [self._entry(name, version) for name, version in self._versions()]
        own = [entry for entry in found if entry.card is None or not entry.card.demo]
        if demos is None:
            demos = not any(entry.card for entry in own)
        return sorted(found if demos else own, key=_champion_first)

    def versions(self, name: str) -> list[str]:
        """The versions of a model, oldest first; empty for an unknown name."""
        return [version for found, version in self._versions() if found == name]

    def aliases(self, name: str) -> dict[str, str]:
        """What each alias of a model points at: ``{"champion": "1", "ab": '{"1":0.5,"2":0.5}'}``.

        `arms.read` takes such a text apart.
        """
        names = [*self._aliases(name), *(move.alias for move in self._moves(name))]
        pointed = {alias: self.pointed(name, alias) for alias in dict.fromkeys(names)}
        return {alias: texts[-1] for alias, texts in pointed.items() if texts}

    def pointed(self, name: str, alias: str) -> list[str]:
        """What an alias pointed at, the present one last: rolling back drops the last."""
        moves = [move for move in self._moves(name) if move.alias == alias]
        return arms.history(self._aliases(name).get(alias), moves)

    def _aliases(self, name: str) -> dict[str, str]:
        return arms.read_file(self._aliases_file(name))

    def _aliases_file(self, name: str) -> Path:
        return self.folder / name / "aliases.json"

    @property
    def default(self) -> str:
        """The name of the default model; `UserError` when there is no model at all."""
        chosen = read_json(self.folder / "registry.json", default={}).get("default")
        if chosen and self.versions(chosen):
            return str(chosen)
        entries = self.entries()
        if not entries:
            raise UserError(
                f"The folder {self.folder} holds no model. Add one with "
                "`python -m second_opinion add FILE --name NAME --data train.csv --target COLUMN`."
            )
        return entries[0].name

    def resolve(self, ref: str = "") -> tuple[str, str]:
        """The name and version that a reference means, the first of several.

        `UserError` names what is there instead.
        """
        name, _, pointed = self._meant(ref)
        return name, next(iter(arms.read(pointed)))

    def arms(self, ref: str = "") -> dict[str, float]:
        """The share of new cases of each version that a reference means: ``{"1": 1.0}`` of one."""
        return arms.read(self._meant(ref)[2])

    def arm(self, ref: str, prediction_id: str) -> str:
        """The version that answers the case with this id: always the same while the arms are."""
        return arms.drawn(self.arms(ref), prediction_id)

    def alias(self, ref: str = "") -> str | None:
        """The alias that a reference goes by; None where it names a version."""
        return self._meant(ref)[1]

    def _meant(self, ref: str) -> tuple[str, str | None, str]:
        """The name, alias and arms that a reference means; `UserError` if it means none."""
        name, mark, rest = re.fullmatch(r"([^@/]*)([@/]?)(.*)", ref or self.default, re.S).groups()  # type: ignore[union-attr]
        versions = self.versions(name)
        if not versions:
            known = sorted({entry.name for entry in self.entries(demos=True)})
            raise UserError(f"There is no model {name!r}; there are {', '.join(known) or 'none'}.")
        if mark == "/":
            if rest not in versions:
                raise UserError(f"{name} has no version {rest!r}; it has {', '.join(versions)}.")
            return name, None, rest
        aliases = self.aliases(name)
        alias = rest if mark else FIRST_ALIAS
        if alias not in aliases:
            if mark:
                known_aliases = ", ".join(aliases) or "none"
                raise UserError(f"{name} has no alias {alias!r}; it has {known_aliases}.")
            return name, None, versions[-1]
        for version in arms.read(aliases[alias]):
            if version not in versions:
                raise UserError(
                    f"The alias {name}@{alias} points at version {version!r}, which is not there; "
                    f"expected one of {', '.join(versions)}. Correct {name}/aliases.json, or "
                    "promote another version."
                )
        return name, alias, aliases[alias]

    def card(self, ref: str = "") -> ModelCard:
        """The card that a reference means; `UserError` when it is missing or broken."""
        name, version = self.resolve(ref)
        path = self._home(name, version) / "card.json"
        stamp = loading.stamp_of(path)
        card = _cards.get(stamp) if stamp else None
        if card is None:
            card = ModelCard.read(path)
            if (card.name, card.version) != (name, version):
                raise UserError(
                    f"{path} is the card of {card.ref}; expected {name}/{version}. Correct its "
                    "name and version, or move the folder."
                )
            if stamp:
                _cards[stamp] = card
        return card

    def load(self, ref: str = "") -> Model:
        """The model that a reference means, loaded once per process and file.

        The file is read once, its SHA-256 compared with the card's, and loaded from those very
        bytes; `UserError` when it is missing, changed, or cannot be loaded here.
        """
        card = self.card(ref)
        path = self._home(card.name, card.version) / card.artifact.file
        loaded = loading.load(path, card)
        return Model(card, loaded.estimator, loaded.threads, loading.version_warnings(card))

    def reference(self, ref: str = "") -> Reference:
        """What is known of the training data of a model."""
        name, version = self.resolve(ref)
        return Reference.read(self._home(name, version) / "summary.json")

    def rows_file(self, ref: str = "") -> Path | None:
        """The stored rows of a model's training data with the target; None where none were kept."""
        name, version = self.resolve(ref)
        path = self._home(name, version) / "reference.parquet"
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
    ) -> ModelCard:
        """Register a trained estimator with the data it was trained on; returns its card.

        X is a frame, an array or a series of texts. Without it the card says what the estimator's
        own steps know of its inputs, and what is not known. ``card`` holds fields that replace
        inferred ones (labels, units, intended use); features are merged by name. ``artifact`` is
        the file's ``(format, bytes)`` where one exists already. The first version of a model
        becomes its champion; the first model that is no demo becomes the default. X and y stay out
        of the folder unless ``reference="rows"``.
        """
        data = None
        if X is None and (y is not None or reference == "rows"):
            raise UserError(
                "There are outcomes or rows to keep, but no cases; expected the data that the "
                "model was trained on. Give it, or leave those out."
            )
        if X is not None:
            X, y = columns.aligned(X, y)
        target = target or (str(y.name) if y is not None and y.name is not None else "")
        naming = describe.Naming(name, self.next_version(name, version, alias), title, target)
        if X is not None:
            y = None if y is None else estimators.outcomes_of(estimator, y)
            data = columns.features_of(estimator, X, naming.target)
        new = NewVersion(estimator, data, y, naming, card or {}, self._card_in_use(name))
        with self._new_version(naming) as home:
            written = new.write(home, artifact)
            if reference == "rows" and data is not None:
                new.write_rows(home, data)
        self._point(written, alias)
        return self.card(written.ref)

    def next_version(self, name: str, version: str = "", alias: str = "") -> str:
        """The version that `add` would give: the one asked for, or the next whole number.

        `UserError` when a name will not do, or the version is there already.
        """
        given = (("name", name), ("version", version), ("alias", alias))
        for word, found in given:
            if (found or word == "name") and not NAME.fullmatch(found):
                raise UserError(
                    f"The {word} {found!r} will not do; expected small letters, digits, dots and "
                    "dashes, like customer-churn."
                )
        versions = self.versions(name)
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
        gone = [self.resolve(f"{name}/{version}")[1]] if version else self.versions(name)
        if not gone:
            self.resolve(f"{name}/")
        # An A/B alias goes with any of its versions: the others were not meant to take its cases.
        left = {
            alias: pointed
            for alias, pointed in self._aliases(name).items()
            if not set(arms.read(pointed)) & set(gone)
        }
        for number in gone:
            _vanish(self._home(name, number))
        if self.versions(name):
            arms.write_file(self._aliases_file(name), left)
        else:
            _vanish(self.folder / name)
        return gone

    def hash_state(self, card: ModelCard) -> Literal["intact", "changed", "missing"]:
        """Whether the model file of a card is the one that was added. Nothing is loaded."""
        try:
            with (self._home(card.name, card.version) / card.artifact.file).open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            return "missing"
        return "intact" if found == card.artifact.sha256 else "changed"

    def verify(self, ref: str) -> list[str]:
        """What is wrong with a version: hash, library versions, stored answers. Empty if nothing.

        Each of the made-up cases in its summary is predicted again: a number must be the same
        within a share of 1e-9, a class equal, and each probability within 1e-9.
        """
        try:
            model = self.load(ref)
            reference = self.reference(ref)
        except UserError as error:
            return [str(error)]
        try:
            with estimators.third_party(f"{model.card.ref} cannot answer its stored cases"):
                changed = describe.changed_answers(model, reference)
        except UserError as error:
            changed = [str(error)]
        return [*model.warnings, *changed]

    @contextmanager
    def _new_version(self, naming: describe.Naming) -> Iterator[Path]:
        """A folder that appears in the registry only when everything in it is written."""
        home = self._home(naming.name, naming.version)
        made = home.parent.exists()
        draft = home.parent / f".{uuid4().hex}"
        draft.mkdir(parents=True)
        try:
            yield draft
            if home.exists():
                raise UserError(
                    f"{home} is there already; expected no such folder. Somebody added it at the "
                    "same moment, or it has no card.json: remove it first."
                )
            draft.rename(home)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            if not made:
                shutil.rmtree(home.parent, ignore_errors=True)
            raise

    def _card_in_use(self, name: str) -> ModelCard | None:
        """The card of the model's champion; None where there is none, or it is broken."""
        with suppress(UserError):
            return self.card(name) if self.versions(name) else None
        return None

    def _point(self, card: ModelCard, alias: str) -> None:
        """Give a new version its alias, and make the first model that is no demo the default."""
        aliases = self._aliases(card.name)
        if self.versions(card.name) == [card.version]:
            aliases[FIRST_ALIAS] = card.version
        if alias:
            aliases[alias] = card.version
        arms.write_file(self._aliases_file(card.name), aliases)
        others = [entry for entry in self.entries(demos=True) if entry.name != card.name]
        first_own = not card.demo and all(entry.card and entry.card.demo for entry in others)
        if first_own or not others:
            write_json(self.folder / "registry.json", {"default": card.name})

    def _versions(self) -> list[tuple[str, str]]:
        cards = self.folder.glob("[!.]*/[!.]*/card.json")
        found = [(path.parent.parent.name, path.parent.name) for path in cards]
        return sorted(found, key=lambda pair: (pair[0], _natural(pair[1])))

    def _entry(self, name: str, version: str) -> Entry:
        try:
            known = sorted(self.aliases(name).items(), key=lambda it: (it[0] != FIRST_ALIAS, it[0]))
            plain = tuple(alias for alias, pointed in known if pointed == version)
            shares = tuple(
                (alias, arms.read(pointed)[version])
                for alias, pointed in known
                if arms.is_split(pointed) and version in arms.read(pointed)
            )
            card = self.card(f"{name}/{version}")
            return Entry(name, version, plain, card, shares=shares)
        except UserError as error:
            return Entry(name, version, (), None, str(error))

    def _home(self, name: str, version: str) -> Path:
        return self.folder / name / version


def _vanish(folder: Path) -> None:
    """Remove a folder at one stroke: a reader finds all of it, or nothing."""
    hidden = folder.with_name(f".{uuid4().hex}")
    folder.rename(hidden)
    shutil.rmtree(hidden)


def _natural(text: str) -> list[tuple[int, str]]:
    """A key that puts version 10 after version 9."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", text)]


def _champion_first(entry: Entry) -> tuple[str, bool, list[tuple[int, str]]]:
    return entry.name, FIRST_ALIAS not in entry.aliases, _natural(entry.version)
