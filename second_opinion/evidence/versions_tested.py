"""Which versions of a model were tested on the same answers: those removed since count too.

Any of them might have passed by chance, whether it is still there or not.
"""

from __future__ import annotations

from second_opinion.access import roles
from second_opinion.errors import UserError
from second_opinion.evidence.plan_of_batch import answers_hash
from second_opinion.models.card import ModelCard
from second_opinion.models.catalog import Catalog
from second_opinion.records.event import Event
from second_opinion.records.expert import Expert
from second_opinion.records.plan import Plan
from second_opinion.store import Store

# A kind of event that stays, whatever time events are kept.
TESTED = "old answers"
MOST_EVENTS = 100_000

# A version that answers otherwise than under the same name before is another one.
Tested = tuple[str, str]


def count(store: Store, catalog: Catalog, plan: Plan) -> int:
    """How many may have passed on the answers to the pool of a plan: each that is there now, that
    the answers were given for, or that was tested on them before."""
    here = {
        _here(catalog, f"{plan.model}/{version}", version)
        for version in catalog.versions(plan.model)
    }
    return len(here | {(plan.version, plan.answers_sha256)} | _on_record(store, plan))


def note(store: Store, plan: Plan, card: ModelCard, *, by: Expert) -> None:
    """Put on record that a version was tested on the answers to the pool of a plan, once."""
    tested = card.version, answers_hash(card)
    if tested in _on_record(store, plan):
        return
    version, answers = tested
    details = {"model": card.name, "version": version, "batch": plan.batch_id, "answers": answers}
    store.event_log.add(Event(TESTED, by.label, details | {"plan": plan.id}))


def _here(catalog: Catalog, ref: str, version: str) -> Tested:
    try:
        return version, answers_hash(catalog.card(ref))
    except UserError:
        # Its card is broken for now; it may be mended.
        return version, ""


def _on_record(store: Store, plan: Plan) -> set[Tested]:
    events = store.event_log.newest(TESTED, MOST_EVENTS, by=roles.PROGRAM)
    return {
        (str(event.details["version"]), str(event.details["answers"]))
        for event in events
        if event.details.get("batch") == plan.batch_id
    }
