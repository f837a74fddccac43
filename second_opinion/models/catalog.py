"""What is in the model folder and what each alias means, as one look has found it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from second_opinion.errors import UserError
from second_opinion.formatting import share_text
from second_opinion.models import traffic_split
from second_opinion.models.card import ModelCard
from second_opinion.records.event import AliasMove

FIRST_ALIAS = "champion"

T = TypeVar("T")


class Fault(str):
    """The sentence that says what is wrong with a file, in the place of what it should hold."""

    __slots__ = ()


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
        return *self.aliases, *(f"{alias} {share_text(s)}" for alias, s in self.shares)


@dataclass(frozen=True)
class Catalog:
    """The models of one folder at one moment. Nothing is read to answer its questions.

    A reference to a model is ``NAME`` (its champion), ``NAME@ALIAS`` or ``NAME/VERSION``; an empty
    one is the default model. An alias may share new cases between versions: `arm` draws one of
    them for a case; whatever needs a single card takes the first.

    ``cards``: the card of each name and version. ``alias_files``: what each alias in a model's
    ``aliases.json`` points at. ``moves``: the moves of aliases on record, of all models, oldest
    first; they come after what is written. ``preferred``: the default that the folder names. A
    `Fault` stands where a file is broken; ``fault`` says why there is no folder.
    """

    folder: Path = Path("model")
    cards: Mapping[tuple[str, str], ModelCard | Fault] = field(default_factory=dict)
    alias_files: Mapping[str, Mapping[str, str] | Fault] = field(default_factory=dict)
    moves: Sequence[AliasMove] = ()
    preferred: str = ""
    fault: str = ""

    def without(self, names: Collection[str]) -> Catalog:
        """The same without any trace of some models, for who may not use them."""
        if not names:
            return self
        return replace(
            self,
            cards={key: card for key, card in self.cards.items() if key[0] not in names},
            alias_files={
                name: file for name, file in self.alias_files.items() if name not in names
            },
            moves=[move for move in self.moves if move.model not in names],
            preferred="" if self.preferred in names else self.preferred,
        )

    def entries(self, *, demos: bool | None = None) -> list[Entry]:
        """Every version by name, the champion of each first.

        Demo models are left out as soon as one other model is there, unless ``demos`` says
        otherwise. `UserError` when the folder is missing.
        """
        if self.fault:
            raise UserError(self.fault)
        every = [self._entry(name, version) for name, version in self.cards]
        own = [entry for entry in every if entry.card is None or not entry.card.demo]
        if demos is None:
            demos = not any(entry.card for entry in own)
        return sorted(every if demos else own, key=_champion_first)

    def versions(self, name: str) -> list[str]:
        """The versions of a model, oldest first; empty for an unknown name."""
        return sorted((v for model, v in self.cards if model == name), key=_natural)

    def aliases(self, name: str) -> dict[str, str]:
        """What each alias of a model points at: ``{"champion": "1", "ab": '{"1":0.5,"2":0.5}'}``.

        `traffic_split.read` takes such a text apart.
        """
        aliases = [*self.written_aliases(name), *(move.alias for move in self.moves_of(name))]
        pointed = {alias: self.pointed(name, alias) for alias in dict.fromkeys(aliases)}
        return {alias: texts[-1] for alias, texts in pointed.items() if texts}

    def pointed(self, name: str, alias: str) -> list[str]:
        """What an alias pointed at, the present one last: rolling back drops the last."""
        moves = [move for move in self.moves_of(name) if move.alias == alias]
        return traffic_split.history(self.written_aliases(name).get(alias), moves)

    def moves_of(self, name: str) -> list[AliasMove]:
        """The moves of a model's aliases that are on record, oldest first."""
        return [move for move in self.moves if move.model == name]

    def written_aliases(self, name: str) -> Mapping[str, str]:
        """What the folder alone says of a model's aliases; `UserError` when that is broken."""
        return _sound(self.alias_files.get(name, {}))

    @property
    def default(self) -> str:
        """The name of the default model; `UserError` when there is no model at all."""
        preferred = _sound(self.preferred)
        if preferred and self.versions(preferred):
            return preferred
        entries = self.entries()
        if preferred and entries:
            raise UserError(
                f"{self.folder / 'registry.json'} names {preferred!r} as the default model, and "
                f"there is none of that name; expected one of {', '.join(self._names)}. Correct "
                "it, or delete that file."
            )
        if not entries:
            raise UserError(
                f"The folder {self.folder} holds no model. Add one with "
                "`python -m second_opinion add FILE --name NAME --data train.csv --target COLUMN`."
            )
        return entries[0].name

    @property
    def _names(self) -> list[str]:
        return sorted({entry.name for entry in self.entries(demos=True)})

    def resolve(self, ref: str = "") -> tuple[str, str]:
        """The name and version that a reference means, the first of several.

        `UserError` names what is there instead.
        """
        name, _, pointed = self._meant(ref)
        return name, next(iter(traffic_split.read(pointed)))

    def arms(self, ref: str = "") -> dict[str, float]:
        """The share of new cases of each version that a reference means: ``{"1": 1.0}`` of one."""
        return traffic_split.read(self._meant(ref)[2])

    def arm(self, ref: str, prediction_id: str) -> str:
        """The version that answers the case with this id: always the same while the arms are."""
        return traffic_split.drawn(self.arms(ref), prediction_id)

    def alias(self, ref: str = "") -> str | None:
        """The alias that a reference goes by; None where it names a version."""
        return self._meant(ref)[1]

    def card(self, ref: str = "") -> ModelCard:
        """The card that a reference means; `UserError` when it is missing or broken."""
        return _sound(self.cards[self.resolve(ref)])

    def _meant(self, ref: str) -> tuple[str, str | None, str]:
        """The name, alias and arms that a reference means; `UserError` if it means none."""
        name, mark, rest = re.fullmatch(r"([^@/]*)([@/]?)(.*)", ref or self.default, re.S).groups()  # type: ignore[union-attr]
        versions = self.versions(name)
        if not versions:
            raise UserError(
                f"There is no model {name!r}; there are {', '.join(self._names) or 'none'}."
            )
        if mark == "/":
            if rest not in versions:
                raise UserError(f"{name} has no version {rest!r}; it has {', '.join(versions)}.")
            return name, None, rest
        aliases = self.aliases(name)
        alias = rest if mark else FIRST_ALIAS
        if alias not in aliases:
            if mark:
                others = ", ".join(aliases) or "none"
                raise UserError(f"{name} has no alias {alias!r}; it has {others}.")
            return name, None, versions[-1]
        for version in traffic_split.read(aliases[alias]):
            if version not in versions:
                raise UserError(
                    f"The alias {name}@{alias} points at version {version!r}, which is not there; "
                    f"expected one of {', '.join(versions)}. Correct {name}/aliases.json, or "
                    "promote another version."
                )
        return name, alias, aliases[alias]

    def _entry(self, name: str, version: str) -> Entry:
        try:
            aliases = sorted(
                self.aliases(name).items(), key=lambda it: (it[0] != FIRST_ALIAS, it[0])
            )
            alone = tuple(alias for alias, pointed in aliases if pointed == version)
            shares = tuple(
                (alias, traffic_split.read(pointed)[version])
                for alias, pointed in aliases
                if traffic_split.is_split(pointed) and version in traffic_split.read(pointed)
            )
            card = _sound(self.cards[name, version])
            return Entry(name, version, alone, card, shares=shares)
        except UserError as error:
            return Entry(name, version, (), None, str(error))


def alias_words(alias: str) -> str:
    """An alias as people say it: the version that answers unless another is asked for is in use."""
    return "in use" if alias == FIRST_ALIAS else alias


def versions_in_use(catalog: Catalog, name: str) -> list[str]:
    """The versions that new cases of a model go to; none where no champion is named."""
    return [
        entry.version
        for entry in catalog.entries(demos=True)
        if entry.name == name and FIRST_ALIAS in (*entry.aliases, *dict(entry.shares))
    ]


def _sound(content: T | Fault) -> T:
    """What a file holds; `UserError` where it is broken."""
    if isinstance(content, Fault):
        raise UserError(str(content))
    return content


def _natural(text: str) -> list[tuple[int, str]]:
    """A key that puts version 10 after version 9."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", text)]


def _champion_first(entry: Entry) -> tuple[str, bool, list[tuple[int, str]]]:
    return entry.name, FIRST_ALIAS not in entry.aliases, _natural(entry.version)
