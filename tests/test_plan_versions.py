"""A new version of a plan takes the place of the one before: in queues, pages and links."""

from dataclasses import replace

import pytest
from builders import OWNER, scored_batch
from visits import as_read, messages, start

from second_opinion.batches.scored_rows import ScoredRows
from second_opinion.errors import UserError
from second_opinion.evidence import announcements, decision, plan_of_batch
from second_opinion.evidence.plan_of_batch import Terms
from second_opinion.records.expert import Expert
from second_opinion.records.invitation import Invitation
from second_opinion.store import Store
from second_opinion.ui.people import plan_panel
from second_opinion.verdicts.blind_answer import locked

ADA, BOB, ZOE = Expert("Ada"), Expert("Bob"), Expert("Zoe")
QUEUE = "pages/3_Review_queue.py"
RELEASE = "pages/6_Release_decision.py"
TERMS = Terms(target=0.6, twice=0.0, experts=("Ada", "Bob"))


class Study:
    """A plan on a scored file, of which there come further versions."""

    def __init__(self, place, registry):
        self.store, self.registry = Store.open(place / "feedback.db"), registry
        self.card = registry.card("triage")
        self.batch = self.scored()
        self.first = self.freeze()

    def scored(self, rows=6):
        return scored_batch(self.store, self.registry, "triage", rows)[0]

    def freeze(self, batch=None, **terms):
        wanted = replace(TERMS, **terms)
        return plan_of_batch.freeze(self.store, self.card, batch or self.batch, wanted, by=OWNER)

    def asked(self, person):
        return [plan.id for plan in self.store.queue.plans(by=person)]

    def made(self, plan, position=0):
        row = self.store.plans.draws(plan.id, by=OWNER)[position].row_number
        return ScoredRows(self.store).opened(self.batch, row, self.card)

    def lock(self, plan, person=ADA):
        case = self.store.queue.next(plan.id, by=person)
        made = ScoredRows(self.store).opened(self.batch, case.row_number, self.card)
        about = {"identity_source": person.source, "expert_key": person.expert_key}
        self.store.add_verdict(locked(made, person.label, made.value, **about), by=person)


@pytest.fixture
def study(place, registry, at_home):
    return Study(place, registry)


def words(at):
    return " | ".join(as_read(piece.value) for piece in [*at.text, *at.caption, *at.markdown])


@pytest.mark.parametrize(
    "change", [{"target": 0.7}, {"mode": "open"}, {"answers": 2}, {"design": "uniform"}]
)
def test_the_new_version_is_asked_and_the_one_before_no_more(study, change):
    second = study.freeze(**change)
    assert second.replaces == study.first.id
    assert study.asked(ADA) == [second.id]
    third = study.freeze(target=0.8)
    assert study.asked(ADA) == [third.id]
    assert [plan.id for plan in study.store.plans.open(by=OWNER)] == [third.id]
    assert {*study.store.plans.in_place(by=OWNER).values()} == {third}


def test_a_plan_on_another_file_takes_nobodys_place(study):
    other = study.freeze(study.scored(5))
    assert study.asked(ADA) == [other.id, study.first.id]


def test_who_is_no_longer_on_the_panel_is_not_asked_and_sees_what_the_model_says(study):
    made = study.made(study.first)
    with pytest.raises(UserError, match="in your queue"):
        study.store.prediction(made.id, by=BOB)
    study.freeze(experts=("Ada", "Zoe"))
    assert study.asked(BOB) == []
    assert study.store.prediction(made.id, by=BOB).id == made.id
    with pytest.raises(UserError, match="in your queue"):
        study.store.prediction(made.id, by=ZOE)
    at = start(QUEUE, "Bob", plan=study.first.id)
    assert "queue_lock" not in {button.key for button in at.button}


def test_every_call_of_the_queue_refuses_a_replaced_plan_and_says_why(study):
    queue, plan = study.store.queue, study.first
    case = queue.next(plan.id, by=ADA)
    second = study.freeze(target=0.7)
    for call in (
        lambda: queue.next(plan.id, by=ADA),
        lambda: queue.skip(case, by=ADA),
        lambda: queue.keep_draft(case, {}, by=ADA),
        lambda: queue.waits(plan.id, by=ADA),
    ):
        with pytest.raises(UserError, match="A new version of this plan has taken its place"):
            call()
    decision.close(study.store, second, by=OWNER)
    with pytest.raises(UserError, match="This plan is closed"):
        queue.next(second.id, by=ADA)
    assert study.asked(ADA) == []


def test_a_version_after_a_closed_one_is_asked(study):
    decision.close(study.store, study.first, by=OWNER)
    assert study.asked(ADA) == []
    second = study.freeze(target=0.7)
    assert study.asked(ADA) == [second.id]


def test_home_lists_the_plan_once_and_the_old_link_opens_the_new_version(study):
    study.lock(study.first)
    second = study.freeze(target=0.7)
    home = start()
    assert words(home).count("may be released") == 1
    at = start(QUEUE, plan=study.first.id)
    assert not messages(at)
    assert not at.warning
    assert at.session_state["queue_open"].case.plan_id == second.id
    assert "1 case done by you" in words(at)


def test_a_page_that_is_open_goes_on_with_the_new_version(study):
    at = start(QUEUE, plan=study.first.id)
    second = study.freeze(target=0.7)
    study.freeze(study.scored(5))
    at.run()
    assert not messages(at)
    assert at.session_state["queue_open"].case.plan_id == second.id


def test_a_personal_link_leads_to_the_new_version_and_counts_what_is_answered_of_it(study):
    store = study.store
    store.invitations.invite(Invitation("Ada", plan_id=study.first.id), by=OWNER)
    (state,) = store.invitations.listed(by=OWNER)
    ada = state.invitation.expert
    study.lock(study.first, ada)
    second = study.freeze(target=0.7)
    at = start(RELEASE, plan=second.id)
    assert f"1 case answered of {second.name}" in words(at)
    assert f"Without a link to {second.name}: Bob" in words(at)
    third = study.freeze(mode="open")
    assert f"0 cases answered of {third.name}" in words(start(RELEASE, plan=third.id))


def test_the_release_page_of_the_old_version_says_which_one_took_its_place(study):
    assert "has taken its place" not in words(start(RELEASE))
    second = study.freeze(target=0.7)
    old = words(start(RELEASE, plan=study.first.id))
    assert f"{second.name} has taken its place" in old.lower()
    at = start("pages/9_People_and_records.py", section="invitations")
    assert at.selectbox(key="people_invite_plan").options == ["None", second.name]


def test_of_a_replaced_plan_nothing_is_announced(study):
    store = study.store
    first = study.freeze(experts=("Ada",))
    store.invitations.invite(Invitation("Ada", plan_id=first.id), by=OWNER)
    (state,) = store.invitations.listed(by=OWNER)
    for _ in range(6):
        study.lock(first, state.invitation.expert)
    assert {one.about["plan"] for one in announcements.current(store)} == {first.id}
    second = study.freeze(experts=("Ada",), target=0.7)
    assert {one.about["plan"] for one in announcements.current(store)} == {second.id}
    assert plan_panel.missing(second, store.invitations.listed(by=OWNER)) == []
