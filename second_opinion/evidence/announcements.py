"""Tells the owner, at an address of theirs, of finished queues and of decisions that are reached.

Each thing is told once, whichever process sees it first: it is claimed in the log of events.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from second_opinion.access import roles
from second_opinion.errors import UserError
from second_opinion.evidence import decision, mail_or_webhook
from second_opinion.formatting import percent, plural
from second_opinion.records.event import Event
from second_opinion.records.expert import Expert
from second_opinion.records.plan import Plan
from second_opinion.store import Store

# After somebody was here, so that the last answer of a queue is among what is looked at.
LATER_SECONDS = 20.0
_waiting = threading.Lock()


@dataclass(frozen=True)
class Announcement:
    """What there is to tell, in one sentence; ``about`` says what it is, in full."""

    text: str
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The same for the same thing, in every process."""
        return sha256(repr(sorted(self.about.items())).encode()).hexdigest()[:32]


def soon(store: Store, address: str) -> None:
    """Look for what there is to tell in a moment, on a thread of its own; one waits at a time."""
    if not address or not _waiting.acquire(blocking=False):
        return

    def look() -> None:
        _waiting.release()
        # What is wrong with the database, the pages say.
        with suppress(UserError):
            tell(store, address)

    timer = threading.Timer(LATER_SECONDS, look)
    timer.daemon = True
    timer.start()


def tell(store: Store, address: str) -> list[Announcement]:
    """Send what was not told yet to the address; returns it.

    What cannot be sent is on record as a failed announcement, and is not tried again.
    """
    told = []
    for one in current(store):
        event = Event("announcement", roles.PROGRAM.label, one.about, id=one.id)
        if not store.event_log.add(event):
            continue
        told.append(one)
        if fault := mail_or_webhook.send(address, one.text, one.about):
            failed = {**one.about, "fault": fault}
            store.event_log.add(Event("failed announcement", roles.PROGRAM.label, failed))
    return told


def current(store: Store) -> list[Announcement]:
    """What holds now of the plans that take answers: decisions reached, and finished queues."""
    plans = store.plans.open(by=roles.PROGRAM)
    return [one for plan in plans for one in (*_decision(store, plan), *_queues(store, plan))]


def _decision(store: Store, plan: Plan) -> Iterator[Announcement]:
    now = decision.assess(store, plan, by=roles.PROGRAM)
    if now.state == "open":
        return
    text = (
        f"{plan.name}: {now.state}. The model is right in at least {percent(now.bound)} of the "
        f"cases, with {percent(1 - plan.alpha)} confidence, after {plural(now.answers, 'answer')}."
    )
    yield Announcement(text, {"what": "decision", "plan": plan.id, "state": now.state})


def _has_more(store: Store, plan: Plan, person: Expert) -> bool:
    """Whether a case comes to this person now, or once they have answered it in a blind plan."""
    queue = store.queue
    return queue.waits(plan.id, by=person) or queue.has_closed(plan.id, by=person)


def _queues(store: Store, plan: Plan) -> Iterator[Announcement]:
    in_place = store.plans.in_place(by=roles.PROGRAM)
    for state in store.invitations.listed(by=roles.PROGRAM):
        person, count = state.invitation.expert, state.plan_cases
        leads_to = in_place.get(state.invitation.plan_id or "")
        if leads_to != plan or state.is_revoked or not count:
            continue
        if not plan.asks(person.label, person.expert_key) or _has_more(store, plan, person):
            continue
        text = f"{plan.name}: {person.name} has {plural(count, 'case')} answered, and none waits."
        about = {"what": "queue done", "plan": plan.id, "expert": person.label, "cases": count}
        yield Announcement(text, about)
