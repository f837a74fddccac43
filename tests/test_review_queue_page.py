"""The page Review queue without a browser: one's own answer first, then the model's."""

import json
import shutil
from dataclasses import replace

import pytest
from builders import OWNER, scored_batch
from database import select
from sqlite_utils.db import Database
from visits import as_read, keys, messages, press, start

from second_opinion.batches.scored_rows import ScoredRows
from second_opinion.evidence import decision, plan_of_batch
from second_opinion.evidence.plan_of_batch import Terms
from second_opinion.records.expert import Expert
from second_opinion.store import Store, queue
from second_opinion.ui import planned_model
from second_opinion.ui.queue import own_answer, plan_choice

QUEUE = "pages/3_Review_queue.py"
TRIGGERS = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'predictions'"


class Office:
    """A store with a frozen plan, and who comes to answer it."""

    def __init__(self, place, registry, ref="triage", rows=4, **terms):
        self.place, self.store = place, Store.open(place / "feedback.db")
        self.card = registry.card(ref)
        self.batch, _ = scored_batch(self.store, registry, ref, rows)
        wanted = Terms(**{"target": 0.6, "twice": 0.0} | terms)
        self.plan = plan_of_batch.freeze(self.store, self.card, self.batch, wanted, by=OWNER)

    def answers(self):
        return list(Database(self.place / "feedback.db")["verdicts"].rows)

    def prediction(self, position=0):
        row = self.store.plans.draws(self.plan.id, by=OWNER)[position].row_number
        return ScoredRows(self.store).opened(self.batch, row, self.card)


@pytest.fixture
def office(place, registry):
    return Office(place, registry)


def words(at):
    pieces = [*at.text, *at.caption, *at.markdown, *at.header, *at.subheader]
    return " | ".join(as_read(piece.value) for piece in pieces)


def sent(block):
    """What a page sends to the browser, piece by piece, but for what is made anew in each visit."""
    if hasattr(block, "children"):
        return [text for child in block.children.values() for text in sent(child)]
    return [str(block.proto)]


def answer(at, value, sure="Fairly sure"):
    at.segmented_control(key="queue_answer").set_value(value).run()
    at.segmented_control(key="queue_sure").set_value(sure).run()
    return press(at, "queue_lock")


def test_without_a_plan_the_page_says_what_will_come(place):
    at = start(QUEUE)
    assert plan_choice.NONE in words(at)
    assert not messages(at)


def test_without_a_name_it_asks_for_one(office):
    assert "who_name" in {field.key for field in start(QUEUE, name="").text_input}


@pytest.mark.parametrize("agrees", [True, False])
def test_the_own_answer_is_locked_before_the_models_is_shown(office, agrees):
    prediction = office.prediction()
    other = next(one.value for one in office.card.classes if one.value != prediction.value)
    value = prediction.value if agrees else other
    at = start(QUEUE, plan=office.plan.id)
    assert "The model says" not in words(at)
    answer(at, value)
    assert not messages(at)
    (row,) = office.answers()
    assert (row["mode"], row["blind_confidence"]) == ("blind", own_answer.SURE["Fairly sure"])
    assert row["judgement"] == ("agree" if agrees else "disagree")
    assert row["expert_key"] == "declared:ada"
    assert "The model says" in words(at)
    assert "verdict_next" in keys(at)
    press(at, "verdict_next")
    assert "1 case done by you" in words(at)
    assert at.segmented_control(key="queue_answer").value is None
    result = decision.assess(office.store, office.plan, by=OWNER)
    assert (result.answers, result.unsure) == (1, 0)


@pytest.mark.parametrize("ref", ["triage", "dose", "risk"])
def test_before_the_lock_the_page_sends_nothing_of_the_models_answer(place, registry, ref):
    terms = {"design": "uniform"} | ({"tolerance": 5.0} if ref == "dose" else {})
    office = Office(place, registry, ref, **terms)
    session = {"queue_next_id": "of the click"}
    before = start(QUEUE, session=session, plan=office.plan.id)
    case = before.session_state["queue_open"].case
    row, path = case.row_number, office.place / "feedback.db"
    stored = ScoredRows(office.store).opened(office.batch, row, office.card)
    opposite = _opposite(office.card, stored)
    with office.store._file.writing() as connection:
        for (name,) in select(path, TRIGGERS):
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(
            "UPDATE predictions SET value = ?, confidence = ?, flags = ? WHERE id = ?",
            (json.dumps(opposite.value), opposite.confidence, '["low_confidence"]', stored.id),
        )
    assert select(path, "SELECT value FROM predictions")[0][0] == json.dumps(opposite.value)
    after = start(QUEUE, session=session, plan=office.plan.id)
    assert messages(after) == []
    assert "queue_lock" in keys(after)
    assert sent(after.main) == sent(before.main)
    assert sent(after.sidebar) == sent(before.sidebar)


def _opposite(card, prediction):
    if card.task == "regression" or card.answer == "probability":
        return replace(prediction, value=0.123, confidence=None)
    other = next(one.value for one in card.classes if one.value != prediction.value)
    return replace(prediction, value=other, confidence=0.123)


def test_without_an_answer_nothing_is_locked_and_the_page_says_so(office):
    at = press(start(QUEUE, plan=office.plan.id), "queue_lock")
    assert messages(at) == [own_answer.MISSING]
    assert office.answers() == []


def test_unsure_is_an_answer_and_a_skipped_case_goes_to_others(office):
    at = press(start(QUEUE, plan=office.plan.id), "queue_unsure")
    (row,) = office.answers()
    assert (row["judgement"], row["blind_value"]) == ("unsure", None)
    press(at, "verdict_next")
    press(at, "queue_skip")
    assert "2 cases done by you" in words(at)
    assert len(office.answers()) == 1
    other = start(QUEUE, "Bob", plan=office.plan.id)
    assert other.session_state["queue_open"].case.position == 1


def test_what_was_begun_goes_on_on_another_device(office):
    value = office.card.classes[0].value
    at = start(QUEUE, plan=office.plan.id)
    at.segmented_control(key="queue_answer").set_value(value).run()
    again = start(QUEUE, plan=office.plan.id)
    assert again.segmented_control(key="queue_answer").value == value


def test_after_the_last_case_it_thanks_and_says_how_many(office):
    at = start(QUEUE, plan=office.plan.id)
    for _ in range(4):
        answer(at, office.card.classes[0].value)
        press(at, "verdict_next")
    assert "You have done 4 cases, and none waits for you now." in words(at)
    assert len(office.answers()) == 4


def test_who_is_not_asked_learns_it_and_sees_no_case(place, registry):
    office = Office(place, registry, experts=("Grace",))
    at = start(QUEUE, plan=office.plan.id)
    assert as_read(at.warning[0].value) == plan_choice.NOT_ASKED
    assert "queue_lock" not in keys(at)
    decision.close(office.store, office.plan, by=OWNER)
    assert "queue_lock" not in keys(start(QUEUE, "Grace", plan=office.plan.id))


def test_an_open_plan_shows_the_answer_and_asks_for_a_verdict(place, registry):
    office = Office(place, registry, mode="open")
    at = start(QUEUE, plan=office.plan.id)
    assert "The model says" in words(at)
    press(at, "verdict_agree")
    (row,) = office.answers()
    assert (row["mode"], row["judgement"]) == ("open", "agree")
    press(at, "verdict_next")
    assert "1 case done by you" in words(at)


def test_a_number_is_right_within_the_tolerance_of_the_plan(place, registry):
    office = Office(place, registry, "dose", tolerance=5.0)
    typed = office.prediction().value + 4.9
    at = start(QUEUE, plan=office.plan.id)
    at.number_input(key="queue_answer").set_value(typed).run()
    press(at, "queue_lock")
    assert not messages(at)
    (row,) = office.answers()
    assert (row["blind_value"], row["judgement"]) == (json.dumps(typed), "agree")
    assert decision.assess(office.store, office.plan, by=OWNER).answers == 1


@pytest.mark.parametrize(
    ("low", "high", "judgement", "direction"),
    [(-1, 1, "agree", None), (1, 2, "disagree", "too_low"), (-2, -1, "disagree", "too_high")],
)
def test_of_a_risk_the_answer_is_a_range_and_the_models_is_inside_or_beside_it(
    place, registry, low, high, judgement, direction
):
    """``low`` and ``high`` are in percent points from the model's own."""
    office = Office(place, registry, "risk")
    risk = office.card.probability(office.prediction().probabilities) * 100
    ends = [min(max(round(risk + away, 3), 0.0), 100.0) for away in (low, high)]
    at = start(QUEUE, plan=office.plan.id)
    at.number_input(key="queue_answer").set_value(ends[0]).run()
    press(at, "queue_lock")
    assert messages(at) == [own_answer.RANGE]
    at.number_input(key="queue_answer_to").set_value(ends[1]).run()
    press(at, "queue_lock")
    assert not messages(at)
    (row,) = office.answers()
    assert json.loads(row["blind_value"]) == [end / 100 for end in ends]
    assert (row["judgement"], row["direction"]) == (judgement, direction)
    assert office.store.queue.done(office.plan.id, by=Expert("Ada")) == 1


def test_the_lower_end_of_a_range_comes_first(place, registry):
    office = Office(place, registry, "risk")
    at = start(QUEUE, plan=office.plan.id)
    at.number_input(key="queue_answer").set_value(40.0).run()
    at.number_input(key="queue_answer_to").set_value(20.0).run()
    assert messages(press(at, "queue_lock")) == [own_answer.RANGE]
    assert office.answers() == []


def test_a_plan_whose_version_was_taken_out_closes_no_other(place, registry, monkeypatch, tmp_path):
    """Its cases cannot be shown; the list of plans has it by its name."""
    monkeypatch.setenv("MODEL_DIR", str(tmp_path / "model"))
    shutil.copytree(registry.folder, tmp_path / "model")
    gone = Office(place, registry, "dose", tolerance=5.0)
    here = Office(place, registry)
    shutil.rmtree(tmp_path / "model" / "dose")
    at = start(QUEUE, plan=here.plan.id)
    assert not messages(at)
    expected = f"{gone.plan.name} · {gone.batch.name}"
    assert at.selectbox(key="queue_plan").options[-1] == expected
    home = start("Home.py")
    assert messages(home) == []
    assert planned_model.TAKEN_OUT in words(home)
    assert "Whether Triage, version 1, may be released" in words(home)
    assert "queue_lock" in keys(at)


def test_an_answered_case_is_opened_again_and_the_blind_answer_stays_as_first_given(office):
    values = [one.value for one in office.card.classes]
    at = start(QUEUE, plan=office.plan.id)
    assert "judge_back" not in keys(at)
    answer(at, values[0])
    press(at, "verdict_next")
    at.segmented_control(key="queue_answer").set_value(values[1]).run()
    press(at, "judge_back")
    assert "The model says" in words(at)
    said = office.answers()[0]["judgement"]
    press(at, "verdict_change")
    if said == "disagree":
        press(at, "verdict_agree")
    else:
        press(at, "verdict_unsure")
        press(at, "verdict_save")
    assert not messages(at)
    first, second = office.answers()
    assert (first["mode"], second["mode"], second["supersedes"]) == ("blind", "open", first["id"])
    press(at, "verdict_next")
    assert at.segmented_control(key="queue_answer").value == values[1]
    assert "1 case done by you" in words(at)


def test_the_way_back_goes_on_on_another_device_and_from_the_thanks(office):
    at = start(QUEUE, plan=office.plan.id)
    for _ in range(4):
        answer(at, office.card.classes[0].value)
        press(at, "verdict_next")
    again = start(QUEUE, plan=office.plan.id)
    assert "you differ from the model" in words(again)
    seen = []
    while "judge_back" in keys(again):
        press(again, "judge_back")
        assert "4 cases done by you" in words(again)
        seen.append(again.session_state["queue_open"].case.position)
    assert seen == [3, 2, 1, 0]


@pytest.mark.parametrize("device", ["Ada", "another browser"])
def test_a_case_that_was_answered_on_another_device_is_shown_as_locked(office, device):
    """Neither the page nor the call takes another own answer, once the model's may be seen."""
    values = [one.value for one in office.card.classes]
    first, second = (start(QUEUE, plan=office.plan.id) for _ in range(2))
    if device != "Ada":
        second.session_state["who_key"] = "b" * 32
    second.segmented_control(key="queue_answer").set_value(values[1]).run()
    answer(first, values[0])
    press(second, "queue_lock")
    assert messages(second) == [queue.ANSWERED]
    assert "queue_lock" not in keys(second)
    assert second.session_state["queue_open"].is_locked
    (row,) = office.answers()
    assert row["blind_value"] == json.dumps(values[0])
    press(second, "verdict_next" if device == "Ada" else "queue_next")
    assert second.session_state["queue_open"].case.position == 1
    third = start(QUEUE, plan=office.plan.id)
    answer(third, values[0])
    second.run()
    assert "queue_lock" not in keys(second)
    assert messages(second) == []


def test_a_case_that_was_answered_on_another_device_is_not_skipped_but_left(office):
    first, second = (start(QUEUE, plan=office.plan.id) for _ in range(2))
    answer(first, office.card.classes[0].value)
    press(second, "queue_skip")
    assert messages(second) == []
    assert "1 case done by you" in words(second)
    assert not office.store.plans.answers(office.plan, by=OWNER).skipped


def test_a_changed_verdict_of_an_open_plan_is_one_case_done(place, registry):
    office = Office(place, registry, mode="open")
    at = press(start(QUEUE, plan=office.plan.id), "verdict_agree")
    press(at, "verdict_change")
    press(at, "verdict_unsure")
    press(at, "verdict_save")
    assert len(office.answers()) == 2
    press(at, "verdict_next")
    assert "1 case done by you" in words(at)
