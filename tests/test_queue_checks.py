"""Cases that come again unmarked: which, when, and that they change nothing of the evidence."""

from hashlib import sha256

import pytest
from builders import OWNER, scored_batch, verdict
from hypothesis import given
from hypothesis import strategies as st
from visits import keys, messages, press, start

from second_opinion.batches.scored_rows import ScoredRows
from second_opinion.errors import UserError
from second_opinion.evidence import answers_in_parts, decision, plan_of_batch
from second_opinion.evidence.plan_of_batch import Terms
from second_opinion.records.expert import Expert
from second_opinion.records.stamp import new_id
from second_opinion.store import Store
from second_opinion.store.queue_checks import APART, next_repeat
from second_opinion.store.queue_checks import REPEAT_EVERY as EVERY
from second_opinion.verdicts.blind_answer import locked

ADA = Expert("Ada")
QUEUE = "pages/3_Review_queue.py"
# As `visits.start` has it for who comes as Ada.
BROWSER, OTHER = sha256(b"Ada").hexdigest()[:32], "b" * 32


@given(st.integers(0, 200), st.integers(0, 12), st.text(max_size=5))
def test_one_in_twenty_comes_again_and_not_soon_after_its_answer(count, times, seed):
    answered = [7 * at for at in range(count)]
    repeated = set()
    for _ in range(times):
        at = next_repeat(seed, "declared:ada", answered, repeated)
        if at is None:
            break
        assert at not in repeated
        assert answered.index(at) < count - APART
        assert at == next_repeat(seed, "declared:ada", answered, set(repeated))
        repeated.add(at)
    assert len(repeated) == min(times, count // EVERY)


class Office:
    def __init__(self, place, registry, **terms):
        self.store, self.card = Store.open(place / "feedback.db"), registry.card("triage")
        self.batch, _ = scored_batch(self.store, registry, "triage", 30)
        wanted = Terms(**{"target": 0.6, "twice": 0.0} | terms)
        self.plan = plan_of_batch.freeze(self.store, self.card, self.batch, wanted, by=OWNER)

    def next(self):
        return self.store.queue.next(self.plan.id, by=ADA)

    def answer(self, case, *, agreeing=True, browser=""):
        made = ScoredRows(self.store).opened(self.batch, case.row_number, self.card)
        values = [choice.value for choice in self.card.classes]
        value = made.value if agreeing else next(v for v in values if v != made.value)
        self.store.add_verdict(locked(made, "Ada", value, id=new_id(browser)))

    def answer_up_to_the_repeat(self, browser=""):
        for _ in range(EVERY):
            case = self.next()
            assert not case.is_repeat
            self.answer(case, browser=browser)
        return self.next()


@pytest.fixture
def office(place, registry):
    return Office(place, registry)


def test_after_twenty_answers_one_comes_again_and_changes_nothing_of_the_evidence(office):
    again = office.answer_up_to_the_repeat()
    assert again.is_repeat
    assert again.done == EVERY
    assert office.next() == again
    before = decision.assess(office.store, office.plan, by=OWNER)
    office.answer(again, agreeing=False)
    assert decision.assess(office.store, office.plan, by=OWNER) == before
    (ada,) = answers_in_parts.by_expert(
        office.plan, office.store.plans.answers(office.plan, by=OWNER)
    )
    assert (ada.answers, ada.repeats, ada.same) == (EVERY, 1, 0)
    further = office.next()
    assert not further.is_repeat
    assert further.done == EVERY + 1


def test_one_that_is_skipped_when_it_comes_again_does_not_come_a_third_time(office):
    again = office.answer_up_to_the_repeat()
    office.store.queue.skip(again, by=ADA)
    assert not office.next().is_repeat


def test_with_the_models_answer_in_view_nothing_comes_again(place, registry):
    office = Office(place, registry, mode="open")
    for _ in range(EVERY):
        case = office.next()
        made = ScoredRows(office.store).opened(office.batch, case.row_number, office.card)
        office.store.add_verdict(verdict(made))
    assert not office.next().is_repeat


def test_the_page_shows_no_trace_of_the_first_answer(office):
    office.answer_up_to_the_repeat()
    case = office.next()
    office.store.queue.keep_draft(
        case, {"queue_answer": office.card.classes[0].value, "queue_sure": "Certain"}, by=ADA
    )
    at = start("pages/3_Review_queue.py", plan=office.plan.id)
    assert at.session_state["queue_open"].case == case
    assert at.segmented_control(key="queue_answer").value is None
    assert "queue_reveal" not in repr(at.main)
    assert not any("Saved" in text.value for text in at.text)


@pytest.mark.parametrize("browser", [BROWSER, OTHER])
def test_one_that_comes_again_is_locked_in_any_browser_and_the_page_does_not_tell(office, browser):
    """Under a typed name it replaces no answer of another browser."""
    again = office.answer_up_to_the_repeat(browser)
    at = start(QUEUE, plan=office.plan.id)
    at.segmented_control(key="queue_answer").set_value(office.card.classes[0].value).run()
    press(at, "queue_lock")
    assert messages(at) == []
    assert at.session_state["queue_open"].is_locked
    assert "verdict_next" in keys(at)
    verdicts = office.store.plans.answers(office.plan, by=OWNER).verdicts
    first, second = (verdict for position, verdict in verdicts if position == again.position)
    assert second.mode == "blind"
    assert second.supersedes == (first.id if browser == BROWSER else None)
    (ada,) = answers_in_parts.by_expert(
        office.plan, office.store.plans.answers(office.plan, by=OWNER)
    )
    assert (ada.answers, ada.repeats) == (EVERY, 1)
    press(at, "verdict_change")
    press(at, "verdict_agree" if second.judgement != "agree" else "verdict_unsure")
    assert messages(at) == []


def test_before_the_one_that_comes_again_is_the_last_answered_whatever_it_was_first(office):
    again = office.answer_up_to_the_repeat(BROWSER)
    order = [case.position for case in office.store.queue.answered(office.plan.id, by=ADA)]
    at = start(QUEUE, plan=office.plan.id)
    places = []
    while "judge_back" in keys(at):
        press(at, "judge_back")
        places.append(at.session_state["queue_open"].case.position)
    assert places == [position for position in reversed(order) if position != again.position]
    press(at, "verdict_next")
    assert at.session_state["queue_open"].case == again
    press(at, "queue_unsure")
    press(at, "judge_back")
    assert at.session_state["queue_open"].case.position == order[-1]


def test_one_that_was_answered_again_on_another_device_is_not_answered_a_third_time(office):
    again = office.answer_up_to_the_repeat(BROWSER)
    made = ScoredRows(office.store).opened(office.batch, again.row_number, office.card)
    assert not office.store.queue.is_answered(again, by=ADA)
    office.store.queue.lock(again, locked(made, "Ada", made.value), by=ADA)
    assert office.store.queue.is_answered(again, by=ADA)
    with pytest.raises(UserError, match="You have answered this case already"):
        office.store.queue.lock(again, locked(made, "Ada", None), by=ADA)
