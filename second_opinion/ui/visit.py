"""Who is here, and what a page works with: read once a run, and anew at the next."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from second_opinion.errors import UserError
from second_opinion.evidence import alone_limit
from second_opinion.formatting import when
from second_opinion.models.aliases import managed
from second_opinion.models.card import ModelCard
from second_opinion.models.catalog import Catalog
from second_opinion.models.model import Model
from second_opinion.models.registry import Registry
from second_opinion.records.expert import Expert, Role
from second_opinion.records.prediction import Prediction
from second_opinion.settings import Settings
from second_opinion.store import Store
from second_opinion.store.review_queries import Review
from second_opinion.ui import who
from second_opinion.ui.run_memory import once


@dataclass(frozen=True)
class Visit:
    """Who is here, and what this page works with. Each part is read when it is asked for.

    What a run of the page has read, it does not read again; `run_memory.forget` comes before the
    next.
    """

    settings: Settings
    ref: str

    @property
    def expert(self) -> Expert | None:
        """Who gave a name in this browser; None until somebody has."""
        return who.here()

    def signer(self) -> Expert:
        """Who signs what is saved now; `UserError` where the name is gone since the page stood."""
        expert = self.expert
        if expert is None:
            raise UserError("You have no name here any more. Give your name, then save again.")
        return expert

    @property
    def asker(self) -> Expert:
        """Who asks, with the role that the calls go by; nobody by name before a name is given."""
        return self.expert or who.nobody()

    @property
    def review(self) -> Review:
        """What everybody said; `UserError` for a person who may not see it."""
        return self.store.review(by=self.asker)

    @property
    def registry(self) -> Registry:
        """Where models are loaded from; `catalog` says which there are."""
        return managed(self.settings)

    @property
    def catalog(self) -> Catalog:
        """The models of this start, and what each alias means in this run."""
        return once("catalog", lambda: self.registry.look().without(self.asker.hidden_models))

    @property
    def store(self) -> Store:
        """The feedback database; `UserError` when it cannot be used."""
        return once("store", lambda: Store.open(self.settings.feedback_db))

    @property
    def card(self) -> ModelCard:
        """The card of the chosen model; `UserError` when it is missing or broken."""
        return self.catalog.card(self.ref)

    @property
    def version(self) -> tuple[str, str]:
        """Name and version of the chosen model; of an A/B alias the first version."""
        return self.catalog.resolve(self.ref)

    @property
    def arms(self) -> dict[str, float]:
        """The versions that may answer here, with their share of the new cases."""
        return self.catalog.arms(self.ref)

    def card_of(self, prediction: Prediction) -> ModelCard:
        """The card of the version that made a prediction; `UserError` when it was taken out."""
        return self.catalog.card(f"{prediction.model}/{prediction.version}")

    def alone_from(self, card: ModelCard, model_sha256: str) -> float | None:
        """The confidence from which on this model file may answer alone, as far as it is shown."""
        if card.artifact.sha256 != model_sha256:
            return None
        # Two versions may be the same file, and what their cards ask need not be the same.
        key = f"alone {card.ref} {card.sha256}"
        return once(key, lambda: alone_limit.limit_of(self.store, card))

    def models(self) -> list[Model]:
        """Each version that may answer here, loaded once per process."""
        name, _ = self.version
        cards = [self.catalog.card(f"{name}/{version}") for version in self.arms]
        return [self.registry.load(card) for card in cards]

    def closed_reason(self, needed: Role) -> str:
        """Why what is for ``needed`` is closed to who is here, and what opens it; empty if open."""
        reason = who.closed_reason(needed)
        if not reason and self.expert is None:
            return "Give your name on Home first: what is done here is on record with a name."
        return reason

    def clock(self, moment: str) -> str:
        """An ISO time as people here say it: ``14:02``, ``yesterday 14:02``."""
        return when(moment, self._zone)

    def full_time(self, moment: str) -> str:
        """An ISO time with its date and zone."""
        return when(moment, self._zone, full=True)

    @property
    def _zone(self) -> ZoneInfo:
        try:
            return ZoneInfo(st.context.timezone or "UTC")
        except (ZoneInfoNotFoundError, ValueError):
            return ZoneInfo("UTC")


def is_part_alone() -> bool:
    """Whether this run draws one part of the page alone, not the page around it."""
    run = get_script_run_ctx()
    return bool(run and run.fragment_ids_this_run)
