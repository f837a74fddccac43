"""Personal links to a plan: an expert's own queue, how far each is, and who has no link yet."""

import pytest
from builders import OWNER, ROOT, scored_batch
from visits import messages, press, start

from second_opinion.batches.scored_rows import ScoredRows
from second_opinion.evidence import plan_of_batch
from second_opinion.evidence.plan_of_batch import Terms
from second_opinion.records.invitation import Invitation
from second_opinion.records.plan import Closing
from second_opinion.store import Store
from second_opinion.ui.frame import QUEUE
from second_opinion.ui.people import link_text, plan_panel
from second_opinion.verdicts.blind_answer import locked

PAGE = "pages/9_People_and_records.py"
PANEL = ("Ada <ada@example.org>", "Bo")


@pytest.fixture
def store(place, at_home):
    return Store.open(place / "feedback.db")


@pytest.fixture
def plan(store, registry):
    batch, _ = scored_batch(store, registry, "triage", 60)
    terms = Terms(target=0.9, expected=0.95, experts=PANEL, twice=0)
    return plan_of_batch.freeze(store, registry.card("triage"), batch, terms, by=OWNER)


def texts(at):
    return "\n".join(element.value for element in [*at.text, *at.caption])


def answer(store, registry, plan, person):
    """Lock an answer to the next case of this person's queue."""
    case = store.queue.next(plan.id, by=person)
    card, batch = registry.card("triage"), store.batches.find(plan.batch_id)
    prediction = ScoredRows(store).opened(batch, case.row_number, card)
    given = locked(prediction, person.label, prediction.value)
    signed = {"identity_source": "invite", "expert_key": person.expert_key}
    store.add_verdict(type(given)(**vars(given) | signed), by=person)


def test_each_expert_of_a_plan_gets_a_link_and_how_far_each_is_stands_there(store, registry, plan):
    at = start(PAGE, section="invitations")
    assert f"Without a link to {plan.name}: Ada <ada@example.org> and Bo" in texts(at)
    press(at, f"people_plan_invite_{plan.id}")
    assert messages(at) == []
    assert f"Without a link to {plan.name}: Bo" in texts(at)
    link, text = (code.value for code in at.code)
    assert "first your own answer, then you see what the model says" in text
    holder = store.invitations.holder(link.rpartition("=")[2])
    assert (holder.expert.label, holder.plan_id) == (PANEL[0], plan.id)
    press(at, f"people_plan_invite_{plan.id}")
    assert "without a link" not in texts(at)
    for _ in range(2):
        answer(store, registry, plan, holder.expert)
    counts = {one.invitation.name: one.plan_cases for one in store.invitations.listed(by=OWNER)}
    assert counts == {"Ada": 2, "Bo": 0}
    assert f"2 cases answered of {plan.name}" in texts(start(PAGE, section="invitations"))


def test_a_closed_plan_asks_for_no_links(store, plan):
    closing = Closing(plan.id, "Olga", "open", 0.5, 0)
    store.plans.close(closing, by=OWNER)
    at = start(PAGE, section="invitations")
    assert "without a link" not in texts(at)
    assert "people_invite_plan" not in {box.key for box in at.selectbox}


def test_a_link_to_a_plan_opens_its_model_and_its_queue(store, plan):
    invitation = Invitation("Bo", model="triage/1", plan_id=plan.id)
    secret = store.invitations.invite(invitation, by=OWNER)
    at = start(name="", invite=secret)
    assert messages(at) == []
    assert at.sidebar.text[0].value == "You are Bo"
    assert "invite" not in at.query_params


@pytest.mark.skipif(not (ROOT / QUEUE).exists(), reason="the page of the queue is not there")
def test_a_link_to_a_plan_goes_on_to_the_queue_behind_a_closed_door(
    store, registry, plan, monkeypatch
):
    monkeypatch.setenv("EXPERT_CODE", "a code of experts")
    invitation = Invitation("Bo", model="triage/1", plan_id=plan.id)
    secret = store.invitations.invite(invitation, by=OWNER)
    at = start(name="", invite=secret)
    assert messages(at) == []
    assert [title.value for title in at.title] == ["Answer your cases"]
    press(at, "queue_unsure")
    assert messages(at) == []
    (state,) = store.invitations.listed(by=OWNER)
    assert state.plan_cases == 1


@pytest.mark.parametrize(
    ("label", "name", "email"),
    [
        ("Ada", "Ada", ""),
        ("Ada <ada@example.org>", "Ada", "ada@example.org"),
        ("Ada van der Berg <a@b.org>", "Ada van der Berg", "a@b.org"),
    ],
)
def test_a_label_names_a_person(label, name, email):
    person = plan_panel.person_of(label)
    assert (person.name, person.email, person.label) == (name, email, label)


def test_a_reminder_of_a_plan_speaks_of_the_queue_and_has_no_link():
    invitation = Invitation("Bo", plan_id="p")
    text = link_text.reminder(invitation, "Churn", "Olga")
    assert "Your queue is not done yet" in text
    assert "http" not in text
