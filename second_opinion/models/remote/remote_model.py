"""A model that lies elsewhere becomes versions here: fetched, tried, and its alias followed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from second_opinion.access import roles
from second_opinion.errors import UserError
from second_opinion.models import traffic_split
from second_opinion.models.card import Finding, ModelCard
from second_opinion.models.catalog import FIRST_ALIAS
from second_opinion.models.describe.estimator_checks import task_of
from second_opinion.models.formats import file_format, mlflow_source, releases, skops_format
from second_opinion.models.formats.model_file import ModelFile
from second_opinion.models.registry import Registry
from second_opinion.models.remote.model_address import SHORT, ModelAddress
from second_opinion.models.remote.s3_file import read_s3
from second_opinion.models.remote.web_file import read_hub, read_web
from second_opinion.records.event import AliasMove, Event
from second_opinion.records.expert import Expert
from second_opinion.store import Store

# Who moved an alias here, where it was moved in the place that the model is from.
FOLLOWED = Expert("The setting MODEL", role="owner")


@dataclass(frozen=True)
class RemoteModel:
    """The model at an address, with the registry and the store of this app.

    ``by`` is whom what is fetched is put down to. ``lost`` are versions that an alias meant before
    and that cannot be had any more: they are asked for once.
    """

    address: ModelAddress
    registry: Registry
    store: Store
    by: Expert = FOLLOWED
    lost: set[str] = field(default_factory=set)

    def follow(self) -> ModelCard:
        """Have here what the address means now, and move the alias here if it was moved there.

        An alias that somebody moved or rolled back here stays until it is moved there again. What
        it may be rolled back to is fetched as well: a disk may have been thrown away.
        Returns the card of what the address means. `UserError` where something cannot be had.
        """
        self._begin_as_before()
        card = self.bring()
        if alias := self.address.alias:
            if self._last_followed() != card.version:
                self._move(alias, card)
            for pointed in self.registry.look().pointed(card.name, alias)[-2:]:
                self._bring_versions(traffic_split.read(pointed))
        return self.registry.card(card.ref)

    def _begin_as_before(self) -> None:
        """After a disk was thrown away, fetch the version that was the first here once more: the
        moves on record begin at that one."""
        if not self.registry.look().versions(self.address.name):
            fetched = self.store.event_log.newest("fetch", by=FOLLOWED)
            names = [str(event.details.get("model", "")).rpartition("/") for event in fetched]
            own = [version for name, _, version in names if name == self.address.name]
            self._bring_versions(own[-1:])

    def bring(self) -> ModelCard:
        """The card of what the address means now, added if it is not here yet; no alias is moved.

        `UserError` where it cannot be had, is another model than the one here, or the person is no
        owner.
        """
        roles.check(self.by, "add a model")
        return self._bring(self.address)

    def _last_followed(self) -> str:
        """The version to which the alias came last because it was moved there, not by a person."""
        catalog, name = self.registry.look(), self.address.name
        own = [
            move.version
            for move in catalog.moves_of(name)
            if move.alias == self.address.alias and move.moved_by == FOLLOWED.label
        ]
        return own[-1] if own else catalog.written_aliases(name).get(self.address.alias, "")

    def _move(self, alias: str, card: ModelCard) -> None:
        self.registry.load(card)
        reason = f"{self.address.shown} means version {card.version}"
        move = AliasMove(card.name, alias, card.version, "promote", FOLLOWED.label, reason)
        self.store.move_alias(move, by=FOLLOWED)

    def _bring_versions(self, versions: Iterable[str]) -> None:
        """Fetch versions of this model that are not in the folder, as far as they can be had: where
        a file lies there is only what lies there now."""
        here = self.registry.look().versions(self.address.name)
        if self.address.kind != "mlflow" or not self.address.alias:
            return
        for version in sorted(set(versions) - set(here) - self.lost):
            text = f"{self.address.text.partition('@')[0]}/{version}"
            self.lost.add(version)
            with suppress(UserError):
                self._bring(replace(self.address, text=text, version=version, alias=""))
                self.lost.discard(version)

    def _bring(self, address: ModelAddress) -> ModelCard:
        """The card of what an address means, added if it is not here yet."""
        version = address.version
        if address.kind == "mlflow" and not version:
            version = mlflow_source.version_now(address.text)
        if version in self.registry.look().versions(address.name):
            return self._own(address, version)
        file = fetch(address)
        origin_version = file.origin.get("version") if address.kind == "mlflow" else ""
        version = version if address.version else origin_version or file.sha256[:SHORT]
        if version in self.registry.look().versions(address.name):
            return self._own(address, version)
        card = self._add(address, file, version)
        details = {"address": address.shown, "model": card.ref, "sha256": card.artifact.sha256}
        self.store.event_log.add(Event("fetch", self.by.label, details))
        return card

    def _own(self, address: ModelAddress, version: str) -> ModelCard:
        """The card of a version that is here; `UserError` if it is of another origin."""
        card = self.registry.card(f"{address.name}/{version}")
        origin = card.artifact.origin
        same = origin is not None and _place(origin.uri) == _place(address.shown)
        if address.sha256:
            same = card.artifact.sha256 == address.sha256
        if not same:
            raise UserError(
                f"{address.shown} would be {card.ref} here, and {self.registry.folder} has another "
                "model of that name and version. Set MODEL_DIR to another folder, or take that one "
                f"out: `python -m second_opinion remove {card.name} {card.version}`."
            )
        return card

    def _add(self, address: ModelAddress, file: ModelFile, version: str) -> ModelCard:
        file = _with_trust(file)
        estimator, saved_by = file.load()
        if isinstance(estimator, (dict, list, tuple)):
            raise UserError(
                f"{file.where} holds a {type(estimator).__name__}; expected a trained model alone. "
                "Save the model by itself, or add it by hand: `python -m second_opinion add`."
            )
        with releases.blamed_on(saved_by):
            task_of(estimator)
            alias = address.alias if address.alias != FIRST_ALIAS else ""
            # The first version has each alias at once; later ones get it with a move on record.
            first = not self.registry.look().versions(address.name)
            try:
                return self.registry.add(
                    estimator,
                    name=address.name,
                    version=version,
                    alias=alias if first else "",
                    card=file.card_fields(saved_by),
                    artifact=(file.format, file.content),
                    agree=_refuse_doubtful,
                )
            except UserError:
                # Another process of this app was quicker.
                if version not in self.registry.look().versions(address.name):
                    raise
                return self.registry.card(f"{address.name}/{version}")


def fetch(address: ModelAddress) -> ModelFile:
    """The file at an address, whole and of the SHA-256 that was said; nothing is loaded.

    `UserError` where it cannot be had, or is another file.
    """
    if address.kind == "mlflow":
        return mlflow_source.fetch(address.text)
    linked = ""
    if address.kind == "hf":
        content, linked = read_hub(address.text)
    elif address.kind == "s3":
        content = read_s3(address.text)
    else:
        content, _ = read_web(address.text, address.shown)
    file = ModelFile(address.shown, "joblib", content, origin={"uri": address.shown})
    expected = address.sha256 or linked
    if expected and file.sha256 != expected:
        raise UserError(
            f"{address.shown} is another file than expected: its SHA-256 is {file.sha256}; "
            f"expected {expected}. If whoever made it says that the new one is right, write its "
            "SHA-256 into MODEL; otherwise do not use it."
        )
    file = replace(file, format=file_format.format_of(address.shown, content))
    if not address.sha256 and file.format != "skops":
        raise UserError(_unpinned(address, file))
    return file


def _unpinned(address: ModelAddress, file: ModelFile) -> str:
    where = address.shown
    return (
        f"{where} holds code (format {file.format}), and whoever may write there may change it; "
        f"expected its SHA-256. Set MODEL to {where}#sha256={file.sha256}, if that is what "
        "`sha256sum FILE` prints where the file was made."
    )


def _with_trust(file: ModelFile) -> ModelFile:
    """The file with the types that it may hold: scikit-learn's, NumPy's and SciPy's own."""
    strange = [name for name in file.unknown_types if not skops_format.is_own(name)]
    if strange:
        raise UserError(
            f"{file.where} holds {skops_format.named(strange)}, which may be anybody's. If it "
            "comes from people you trust, add it by hand: `python -m second_opinion add` asks."
        )
    return replace(file, trusted=file.unknown_types)


def _refuse_doubtful(findings: Sequence[Finding]) -> None:
    if doubts := "\n".join(finding.text for finding in findings if finding.doubtful):
        raise UserError(doubts)


def _place(uri: str) -> str:
    """Where a model lies, whatever version of it is meant."""
    if not mlflow_source.is_uri(uri):
        return uri
    named = mlflow_source.REGISTERED.fullmatch(uri)
    return named["name"] if named else uri
