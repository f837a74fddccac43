"""Release decision without a browser: plan, freeze, what the answers establish, close, invite."""

import time
from collections import Counter

import pytest
from builders import OWNER, REVIEWER, scored_batch
from visits import as_read, keys, messages, press, start

from second_opinion.batches.scored_rows import ScoredRows
from second_opinion.evidence import decision, plan_of_batch
from second_opinion.evidence.plan_of_batch import Terms
from second_opinion.records.verdict import Verdict
from second_opinion.statistics import planner
from second_opinion.store import Store
from second_opinion.store.batches import Batches
from second_opinion.store.plans import Plans
from second_opinion.ui import labels
from second_opinion.ui.release import plan_form
from second_opinion.verdicts.blind_answer import locked

RELEASE = "pages/6_Release_decision.py"
REVIEW = "pages/5_Feedback_review.py"
PANEL = ("Ada", "Bob")

pytestmark = pytest.mark.usefixtures("at_home")


class Desk:
    """An owner's own machine with a scored batch, and what is stored there."""

    def __init__(self, place, registry, ref="triage", rows=60):
        self.store, self.card = Store.open(place / "feedback.db"), registry.card(ref)
        self.batch, _ = scored_batch(self.store, registry, ref, rows)

    @property
    def plans(self):
        return self.store.plans.listed(by=OWNER)

    def freeze(self, **terms):
        wanted = Terms(**{"target": 0.6, "expected": 0.9, "twice": 0.0} | terms)
        return plan_of_batch.freeze(self.store, self.card, self.batch, wanted, by=OWNER)

    def answer(self, plan, outcomes, expert="Ada"):
        values = [choice.value for choice in self.card.classes]
        for draw, outcome in zip(self.store.plans.draws(plan.id, by=OWNER), outcomes, strict=False):
            made = ScoredRows(self.store).opened(self.batch, draw.row_number, self.card)
            other = next(value for value in values if value != made.value)
            value = {"right": made.value, "wrong": other, "unsure": None}[outcome]
            self.store.add_verdict(locked(made, expert, value))


@pytest.fixture
def desk(place, registry):
    return Desk(place, registry)


def words(at):
    pieces = [*at.text, *at.caption, *at.markdown, *at.header]
    return " | ".join(as_read(piece.value) for piece in pieces)


def table_with(at, column):
    (table,) = [frame.value for frame in at.dataframe if column in frame.value.columns]
    return table


def foreseen(at):
    """The page once nothing is being foreseen any more."""
    deadline = time.monotonic() + 60
    while at.session_state["plan_outlook"].job.is_running:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return at.run()


def test_without_a_scored_file_the_page_leads_to_one(place):
    at = start(RELEASE)
    assert plan_form.NO_BATCH in words(at)
    assert plan_form.FIRST in words(at)
    assert not messages(at)
    assert "plan_freeze" not in keys(at)


def test_the_form_is_filled_from_the_card_and_freezes_what_stands_in_it(desk):
    at = start(RELEASE)
    accuracy = desk.card.metrics["accuracy"]
    assert at.number_input(key="plan_expected").value == round(accuracy * 100, 2)
    at.number_input(key="plan_target").set_value(65.0)
    at.text_area(key="plan_experts").set_value("Ada\n\n Bob \nAda").run()
    press(at, "plan_freeze")
    assert not messages(at)
    (plan,) = desk.plans
    assert (plan.target, plan.alpha, plan.experts) == (0.65, 0.05, PANEL)
    assert (plan.design, plan.mode, plan.answers, plan.twice) == ("doubt", "blind", 1, 0.15)
    assert plan.expected == pytest.approx(accuracy, abs=1e-4)
    assert plan.frozen_by == "Ada"
    assert "Not enough evidence yet" in words(at)
    assert "No answer yet of 60 cases" in words(at)


def test_a_run_reads_of_a_plan_each_thing_once(desk, monkeypatch):
    plan = desk.freeze(experts=PANEL)
    desk.answer(plan, ["right"] * 12)
    reads = Counter()
    for kind, name in [
        *((Plans, name) for name in ("draws", "answers", "closing", "find", "in_place")),
        (Batches, "find"),
    ]:
        monkeypatch.setattr(kind, name, counted(reads, f"{kind.__name__}.{name}", kind))
    at = start(RELEASE, plan=plan.id)
    assert "12 answers" in words(at)
    assert list(table_with(at, "Expert")["Expert"]) == ["Ada"]
    every = {"Plans.draws", "Plans.answers", "Plans.closing", "Plans.in_place", "Batches.find"}
    assert {name: reads[name] for name in every} == dict.fromkeys(every, 1)
    assert reads["Plans.find"] <= 2
    at.run()
    assert reads["Plans.draws"] == 1
    assert reads["Plans.answers"] == 2


def counted(reads, name, kind):
    """The method itself, which is counted when it is called."""
    method = getattr(kind, name.split(".")[1])

    def call(self, *some, **more):
        reads[name] += 1
        return method(self, *some, **more)

    return call


def test_a_frozen_plan_has_no_field_and_a_second_click_makes_no_second_plan(desk):
    at = start(RELEASE)
    button = at.button(key="plan_freeze")
    button.click().run()
    assert not at.number_input
    assert not at.text_area
    assert "plan_freeze" not in keys(at)
    plan_id = desk.plans[0].id
    again = start(RELEASE, session={"plan_next_id": plan_id}, section="new")
    press(again, "plan_freeze")
    assert [plan.id for plan in desk.plans] == [plan_id]


def test_a_target_that_cannot_be_reached_is_refused_and_nothing_is_frozen(desk):
    at = start(RELEASE)
    at.number_input(key="plan_target").set_value(95.0)
    at.number_input(key="plan_unsure").set_value(5.0).run()
    press(at, "plan_freeze")
    assert ["95 % cannot be established" in message for message in messages(at)] == [True]
    assert desk.plans == []
    at.number_input(key="plan_target").set_value(94.0).run()
    press(at, "plan_freeze")
    assert len(desk.plans) == 1


@pytest.mark.parametrize(
    ("field", "what"),
    [("plan_target", "The target is missing"), ("plan_alpha", "The chance to release wrongly is")],
)
def test_what_is_missing_is_said_at_the_button(desk, field, what):
    at = start(RELEASE)
    at.number_input(key=field).set_value(None).run()
    press(at, "plan_freeze")
    assert [what in message for message in messages(at)] == [True]
    press(at, "plan_ahead")
    assert [what in message for message in messages(at)] == [True]
    assert desk.plans == []


def test_a_number_needs_a_tolerance(place, registry):
    desk = Desk(place, registry, "dose")
    at = press(start(RELEASE), "plan_freeze")
    assert "no tolerance was given" in messages(at)[0]
    at.number_input(key="plan_tolerance").set_value(40.0).run()
    press(at, "plan_freeze")
    assert desk.plans[0].tolerance == 40.0


def test_looking_ahead_says_what_can_be_reached_and_puts_it_into_the_form(desk):
    at = start(RELEASE)
    at.segmented_control(key="plan_design").set_value("uniform")
    at.number_input(key="plan_count").set_value(2)
    at.number_input(key="plan_each").set_value(25).run()
    at.number_input(key="plan_target").set_value(93.0).run()
    foreseen(press(at, "plan_ahead"))
    assert not messages(at)
    table = at.dataframe[0].value
    assert list(table["Target"]) == sorted(table["Target"])
    assert "93 %" in set(table["Target"])
    (proposed,) = [text.value for text in at.text if "highest target" in text.value]
    press(at, "plan_take")
    target = at.number_input(key="plan_target").value
    assert f"With these people {target:g} % is" in proposed
    assert len(at.dataframe) == 0


def test_what_was_foreseen_is_of_the_fields_as_they_stood(desk):
    at = start(RELEASE)
    at.segmented_control(key="plan_design").set_value("uniform").run()
    foreseen(press(at, "plan_ahead"))
    assert len(at.dataframe) == 1
    at.number_input(key="plan_each").set_value(7).run()
    assert "The fields have changed" in words(at)
    assert len(at.dataframe) == 0


def test_looking_ahead_can_be_stopped(desk, monkeypatch):
    def forever(study, heard):
        while True:
            time.sleep(0.01)
            heard(0.5)

    monkeypatch.setattr(planner, "forecast", forever)
    at = press(start(RELEASE), "plan_ahead")
    job = at.session_state["plan_outlook"].job
    assert "plan_ahead_stop" in keys(at)
    press(at, "plan_ahead_stop")
    assert job.result(10) is None
    assert "plan_ahead" in keys(at)
    assert not messages(at)


def test_the_state_and_its_figures_move_with_the_answers(desk):
    plan = desk.freeze(experts=PANEL)
    desk.answer(plan, ["right", "wrong", "unsure", "right"])
    desk.answer(plan, ["right"] * 6, "Bob")
    at = start(RELEASE)
    result = decision.assess(desk.store, plan, by=OWNER)
    assert result.state == "open"
    said = words(at)
    assert "Not enough evidence yet" in said
    assert "6 answers, agrees with the experts in at least" in said
    assert f"about {result.more} more" in said
    assert "Unsure in 1 of them" in said
    assert "Counted plainly, 4 of 5 clear answers agree (80 %)" in said
    assert len(at.get("plotly_chart")) == 1
    desk.answer(plan, ["right"] * 60, "Bob")
    at.run()
    assert "Established" in words(at)
    people = table_with(at, "Expert")
    assert dict(zip(people["Expert"], people["Answers"], strict=True)) == {"Ada": "4", "Bob": "60"}
    classes = table_with(at, "The model says")
    assert set(classes["The model says"]) == {"Keep here", "Send home"}
    assert sum(map(int, classes["Cases"])) == 60


def test_answers_behind_an_open_case_are_said_to_wait(desk):
    plan = desk.freeze()
    draws = desk.store.plans.draws(plan.id, by=OWNER)
    made = ScoredRows(desk.store).opened(desk.batch, draws[3].row_number, desk.card)
    desk.store.add_verdict(locked(made, "Ada", made.value))
    at = start(RELEASE)
    assert "1 further answer waits for earlier cases" in words(at)


def test_enough_errors_refute_the_claim(desk):
    plan = desk.freeze(target=0.9)
    desk.answer(plan, ["wrong"] * 20)
    said = words(start(RELEASE))
    assert "Refuted" in said
    assert "does not agree with the experts in 90 % of the 60 cases" in said


def test_closing_prints_the_bound_and_takes_no_more_answers(desk):
    plan = desk.freeze()
    desk.answer(plan, ["right"] * 5)
    at = press(start(RELEASE), "plan_close")
    assert not messages(at)
    bound = decision.assess(desk.store, plan, by=OWNER).bound
    assert "Closed by Ada. The bound it reached stays true: at least" in words(at)
    assert "after 5 answers" in words(at)
    closing = desk.store.plans.closing(plan.id, by=OWNER)
    assert (closing.bound, closing.answers) == (bound, 5)
    assert "plan_close" not in keys(at)


def test_a_new_version_begins_as_the_one_before_and_another_target_keeps_the_answers(desk):
    plan = desk.freeze(experts=PANEL, twice=0.2)
    desk.answer(plan, ["right"] * 5)
    at = press(start(RELEASE), "plan_version")
    assert at.number_input(key="plan_target").value == 60.0
    assert at.text_area(key="plan_experts").value == "Ada\nBob"
    at.number_input(key="plan_target").set_value(70.0).run()
    press(at, "plan_freeze")
    second, first = desk.plans
    assert (first.id, second.replaces, second.target) == (plan.id, plan.id, 0.7)
    assert "5 answers, agrees" in words(at)


def test_each_expert_gets_a_link_with_a_press_and_it_can_be_revoked(desk):
    plan = desk.freeze(experts=PANEL)
    at = press(start(RELEASE), f"people_plan_invite_{plan.id}")
    assert not messages(at)
    link, text = (code.value for code in at.code)
    assert link in text
    (state,) = desk.store.invitations.listed(by=OWNER)
    assert (state.invitation.name, state.invitation.plan_id) == ("Ada", plan.id)
    assert f"Without a link to {plan.name}: Bob" in words(at)
    press(at, f"people_revoke_{state.invitation.id}")
    assert "the link opens nothing" in words(at)


def test_groups_are_frozen_and_say_where_the_model_may_answer_alone(desk):
    at = start(RELEASE)
    at.checkbox(key="plan_groups").set_value(True)
    at.number_input(key="plan_target").set_value(60.0).run()
    press(at, "plan_freeze")
    (plan,) = desk.plans
    assert plan.groups == (0.25, 0.5, 0.75, 0.9, 1.0)
    desk.answer(plan, ["right"] * 60)
    at.run()
    table = table_with(at, "May answer alone")
    groups = decision.assess(desk.store, plan, by=OWNER).groups
    assert list(table["May answer alone"]) == ["yes" if group.counts else "no" for group in groups]
    assert "May answer alone in " in words(at)


def test_several_plans_are_chosen_among_and_the_address_names_one(desk):
    first, second = desk.freeze(), desk.freeze(target=0.7)
    at = start(RELEASE)
    assert at.selectbox(key="release_plan").value == second.id
    at.selectbox(key="release_plan").set_value(first.id).run()
    assert at.query_params["plan"] in (first.id, [first.id])
    assert first.id in words(at)


def test_a_reviewer_drafts_and_an_owner_freezes(desk, monkeypatch):
    monkeypatch.setenv("OWNER_CODE", "a code of owners")
    monkeypatch.setenv("REVIEWER_CODE", "a code of reviewers")
    session = {"who_by_code": "reviewer"}
    at = start(RELEASE, session=session)
    assert "plan_freeze" not in keys(at)
    assert "plan_ahead" in keys(at)
    desk.freeze()
    at = start(RELEASE, session=session)
    assert "plan_close" not in keys(at)
    assert not messages(at)
    expert = start(RELEASE, session={"who_by_code": "expert"})
    assert "This is for a reviewer or the owner" in words(expert)
    labels = [one.proto.label for one in expert.sidebar.get("page_link")]
    assert "Release decision" not in labels


def test_home_lists_a_plan_while_it_asks_and_leads_to_its_queue(desk):
    plan = desk.freeze(experts=("Ada",))
    at = start()
    assert "You have not begun yet" in words(at)
    assert [one.proto.label for one in at.main.get("page_link")] == ["Answer the next case"]
    desk.answer(plan, ["right"] * 60)
    assert "no plan asks you" in words(start())
    assert "Answer the next case" not in repr(start(name="Bob").main)


def test_how_often_an_own_answer_was_changed_on_seeing_the_models_is_said_from_ten_on(desk):
    plan = desk.freeze(experts=PANEL)
    desk.answer(plan, ["wrong"] * 3 + ["right"] * 9)
    for draw in desk.store.plans.draws(plan.id, by=OWNER)[:2]:
        made = ScoredRows(desk.store).opened(desk.batch, draw.row_number, desk.card)
        desk.store.add_verdict(Verdict(made.id, "Ada", "agree"))
    desk.answer(plan, ["wrong"] * 4, "Bob")
    table = table_with(start(RELEASE), "Expert").set_index("Expert")["Changed on seeing it"]
    assert table["Ada"] == "16.7 % of 12, 2 to the model's"
    assert table["Bob"] == "from 10 on"


def judged_by_two(desk, cases, agreed):
    """So many cases of the batch that two experts judged, of which they agree on some."""
    for at in range(cases):
        made = ScoredRows(desk.store).opened(desk.batch, at + 1, desk.card)
        other = next(one.value for one in desk.card.classes if one.value != made.value)
        for expert, value in (("Ada", made.value), ("Bob", made.value if at < agreed else other)):
            desk.store.add_verdict(locked(made, expert, value))


def test_how_often_experts_agree_is_filled_in_and_says_where_from_until_another_is_typed(desk):
    judged_by_two(desk, 30, 27)
    at = start(RELEASE, section="new")
    assert at.number_input(key="plan_agreement").value == 90.0
    assert "agree in 90 % of the 30 cases of this model" in words(at)
    for typed in (85.0, None):
        at.number_input(key="plan_agreement").set_value(typed).run()
        assert at.number_input(key="plan_agreement").value == typed
        assert "by Feedback review" not in words(at)
    plan = desk.freeze()
    again = start(RELEASE, plan=plan.id, section="plan")
    press(again, "plan_version")
    assert again.number_input(key="plan_agreement").value == 90.0


def test_fewer_cases_than_thirty_say_nothing_of_how_often_experts_agree(desk):
    judged_by_two(desk, 29, 29)
    at = start(RELEASE, section="new")
    assert at.number_input(key="plan_agreement").value is None
    assert "by Feedback review" not in words(at)


@pytest.mark.slow
@pytest.mark.parametrize(("ref", "tolerance"), [("triage", None), ("dose", 0.001)])
def test_a_case_whose_expert_came_round_to_the_model_is_decided_on_the_review_page(
    place, registry, ref, tolerance
):
    """Until then neither the model's answer nor who said what is on the page."""
    desk = Desk(place, registry, ref)
    plan = desk.freeze(answers=2, tolerance=tolerance)
    first = desk.store.plans.draws(plan.id, by=OWNER)[0]
    made = ScoredRows(desk.store).opened(desk.batch, first.row_number, desk.card)
    own = 1234.5 if ref == "dose" else next(v for v in desk.card.class_values if v != made.value)
    desk.store.add_verdict(locked(made, "Bob", made.value, tolerance=tolerance))
    desk.store.add_verdict(locked(made, "Ada", own, tolerance=tolerance))
    desk.store.add_verdict(Verdict(made.id, "Ada", "agree", mode="open"))
    at = start(RELEASE, name="Grace", plan=plan.id)
    assert "1 case waits for a decision: the first answers differ." in words(at)
    assert "review_lock" in keys(press(at, "release_decide"))
    at = start(REVIEW, name="Grace", section="conflicts", model=ref)
    assert "1 case waits for a decision." in words(at)
    fields = {one.key: one for one in (*at.selectbox, *at.number_input)}
    fields["review_conflict_own"].set_value(own)
    at = press(at, "review_lock")
    shown = words(at)
    for hidden in ("The model says", "Ada", "Bob", "✓", "✕", "You changed"):
        assert hidden not in shown
    assert "these are the first answers" in shown
    assert shown.count(labels.exact_value_text(desk.card, own)) >= 2
    assert labels.exact_value_text(desk.card, made.value) in shown
    assert "review_stands" not in keys(at)
    at.text_area(key="review_conflict_reason").set_value("the scan").run()
    at = press(at, "review_adjudicate")
    assert not messages(at)
    assert "No case waits for a decision" in words(at)
    assert decision.draw_table(desk.store, plan, by=REVIEWER)["answer"][0] == "wrong"
    assert "release_decide" not in keys(start(RELEASE, name="Grace", plan=plan.id))
