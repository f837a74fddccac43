"""Plans: frozen on a scored batch, answered in draw order, and what the answers establish."""

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
from builders import OWNER, REVIEWER, WORKER, batch_of, case, scored_batch, verdict
from database import assert_intact, select
from sqlite_utils.db import Database

from second_opinion.batches.scored_rows import ScoredRows
from second_opinion.errors import UserError
from second_opinion.evidence import decision, plan_of_batch
from second_opinion.evidence.plan_of_batch import Terms
from second_opinion.records.answer_scale import AnswerScale
from second_opinion.records.expert import Expert
from second_opinion.records.verdict import Verdict
from second_opinion.statistics import release, sampling
from second_opinion.store import Store, record_rows
from second_opinion.store.copies import backup, restore
from second_opinion.store.migrations import migrations
from second_opinion.verdicts import first_answers
from second_opinion.verdicts.blind_answer import locked

EXPERT = Expert("Ada")
TERMS = Terms(target=0.6, expected=0.9)


@pytest.fixture
def study(empty_store, registry):
    """A frozen plan on a scored batch, with what is needed to answer it."""
    return Study(empty_store, registry)


class Study:
    def __init__(self, store, registry, ref="triage", rows=60, terms=TERMS):
        self.store, self.card = store, registry.card(ref)
        self.batch, _ = scored_batch(store, registry, ref, rows)
        self.plan = self.freeze(terms)

    def freeze(self, terms):
        return plan_of_batch.freeze(self.store, self.card, self.batch, terms, by=OWNER)

    def draws(self):
        return self.store.plans.draws(self.plan.id, by=REVIEWER)

    def opened(self, position):
        row = self.draws()[position].row_number
        return ScoredRows(self.store).opened(self.batch, row, self.card)

    def other(self, prediction):
        return next(one.value for one in self.card.classes if one.value != prediction.value)

    def answer(self, position, outcome="right", expert="Ada"):
        """Lock the answer of an expert to a draw; returns the verdict."""
        prediction = self.opened(position)
        value = {"right": prediction.value, "unsure": None}.get(outcome, self.other(prediction))
        return self.store.add_verdict(locked(prediction, expert, value))

    def assess(self, plan=None):
        return decision.assess(self.store, plan or self.plan, by=REVIEWER)

    def table(self):
        return decision.draw_table(self.store, self.plan, by=REVIEWER)


def test_a_plan_holds_what_was_decided_and_the_hashes_of_model_and_pool(study):
    plan = study.store.plans.find(study.plan.id, by=REVIEWER)
    assert plan == study.plan
    assert (plan.target, plan.cases, plan.failed, plan.number) == (0.6, 60, 0, 1)
    assert (plan.model_sha256, plan.pool_sha256) == (
        study.card.artifact.sha256,
        study.batch.file_sha256,
    )
    assert plan.seed == str(sampling.seed_of(plan.model_sha256, plan.pool_sha256))
    assert plan.frozen_by == OWNER.label


def test_draws_are_every_scored_row_once_in_the_order_of_the_seed(study):
    draws = study.draws()
    assert sorted(draw.row_number for draw in draws) == list(range(1, 61))
    confidence = ScoredRows(study.store).scores(study.batch).confidence
    order, base = sampling.draw(confidence, "doubt", int(study.plan.seed))
    assert [draw.row_number - 1 for draw in draws] == order.tolist()
    assert [draw.base for draw in draws] == pytest.approx(base[order])
    assert 0 < sum(draw.twice for draw in draws) < 25


def test_answers_in_draw_order_establish_the_target(study):
    for position in range(12):
        study.answer(position)
    result = study.assess()
    expected = sampling.draws(
        ScoredRows(study.store).scores(study.batch).confidence, "doubt", int(study.plan.seed)
    )
    expected["answer"] = ["right"] * 12 + [None] * 48
    assert result == release.assess(release.Claim(target=0.6, expected=0.9), expected)
    assert (result.answers, result.state) == (12, "established")


def test_answers_behind_an_open_case_wait(study):
    for position in (0, 1, 3, 4):
        study.answer(position)
    assert (study.assess().answers, study.assess().waiting) == (2, 2)
    study.answer(2, "wrong")
    assert (study.assess().answers, study.assess().waiting) == (5, 0)


def test_the_first_locked_answer_counts_whatever_comes_after_it(study):
    first = study.answer(0)
    before = study.assess()
    prediction = study.opened(0)
    changed = verdict(
        prediction, "disagree", correct_value=study.other(prediction), comment="after all"
    )
    study.store.add_verdict(changed)
    assert study.assess() == before
    study.store.add_verdict(verdict(prediction, "withdrawn"))
    assert study.assess() == before
    study.answer(0, "wrong", expert="Bob")
    assert study.assess() == before
    assert first.mode == "blind"


def test_what_was_not_drawn_or_not_blind_does_not_enter(study, registry):
    """A case that somebody picked, a verdict on a drawn case with its answer in view, a repeat."""
    before = study.assess()
    study.store.add_verdict(verdict(study.opened(0)))
    model = registry.load("triage")
    inputs, _ = model.card.case_schema.read(model.card.case_schema.typical)
    picked = model.predict_one(inputs, asked_by="Ada", source="form", id="a" * 32)
    study.store.add_prediction(picked)
    study.store.add_verdict(locked(picked, "Bob", picked.value))
    assert study.assess() == before
    study.answer(0, "wrong", expert="Bob")
    once = study.assess()
    study.answer(0, "right", expert="Bob")
    assert study.assess() == once
    assert once.answers == 1


def test_an_unsure_answer_confirms_nothing(study):
    study.answer(0, "unsure")
    result = study.assess()
    assert (result.answers, result.unsure) == (1, 1)
    assert result.estimate < result.estimate_if_right


# --- further plans


def test_another_target_keeps_the_answers(study):
    for position in range(6):
        study.answer(position)
    second = study.freeze(replace(TERMS, target=0.8))
    assert (second.number, second.replaces) == (2, study.plan.id)
    assert second.name == "plan 2 of triage/1"
    assert [one.row_number for one in study.store.plans.draws(second.id, by=OWNER)] == [
        one.row_number for one in study.draws()
    ]
    assert study.assess(second).answers == 6


@pytest.mark.parametrize(
    "change",
    [
        {"alpha": 0.1},
        {"design": "uniform"},
        {"answers": 2},
        {"mode": "open"},
        {"expected": 0.95},
        {"expected": None},
        {"groups": (0.5, 1.0)},
        {"experts": ("Ada",)},
    ],
)
def test_another_question_starts_anew_in_the_same_order_of_chance(study, change):
    study.answer(0)
    second = study.freeze(replace(TERMS, **change))
    assert study.assess(second).answers == 0
    assert second.seed == study.plan.seed


def test_a_panel_without_one_of_its_people_starts_anew_and_so_does_a_larger_one(
    empty_store, registry
):
    study = Study(empty_store, registry, terms=replace(TERMS, experts=("Ada", "Bob")))
    study.answer(0, expert=" ada")
    study.answer(1, expert="Zoe")
    assert study.assess().answers == 1
    same = study.freeze(replace(TERMS, target=0.8, experts=("bob", "ADA")))
    assert study.assess(same).answers == 1
    more = study.freeze(replace(TERMS, experts=("Ada", "Bob", "Zoe")))
    assert study.assess(more).answers == 0
    study.answer(0)
    fewer = study.freeze(replace(TERMS, experts=("Ada", "Bob")))
    assert study.assess(fewer).answers == 0


# --- what nobody may do


def test_a_plan_cannot_be_edited_by_any_program(study):
    study.store.plans.close(closing_of(study), by=OWNER)
    study.store.close()
    statements = [
        "UPDATE plans SET target = 0.5",
        "DELETE FROM plans",
        "INSERT OR REPLACE INTO plans SELECT * FROM plans",
        "UPDATE draws SET position = position + 100",
        "DELETE FROM draws",
        "INSERT OR REPLACE INTO draws SELECT * FROM draws",
        "INSERT INTO draws SELECT plan_id, 60, batch_id, 61, 'x', band, doubt, base, confidence, 0 "
        "FROM draws LIMIT 1",
        "UPDATE plan_closings SET bound = 1",
        "DELETE FROM plan_closings",
        "INSERT OR REPLACE INTO plan_closings SELECT * FROM plan_closings",
    ]
    with closing(sqlite3.connect(study.store.path)) as connection:
        for statement in statements:
            with pytest.raises(sqlite3.IntegrityError, match=r"frozen|stays closed"):
                connection.execute(statement)


def closing_of(study):
    reached = study.assess()
    return decision.Closing(study.plan.id, "", reached.state, reached.bound, reached.answers)


def test_a_plan_is_the_owners_and_its_draws_are_the_reviewers(study):
    for person in (EXPERT, REVIEWER):
        for what in (
            lambda by: plan_of_batch.freeze(study.store, study.card, study.batch, TERMS, by=by),
            lambda by: study.store.plans.freeze(study.plan, [], by=by),
            lambda by: decision.close(study.store, study.plan, by=by),
        ):
            with pytest.raises(UserError, match="may not"):
                what(person)
    plans = study.store.plans
    for what in (
        lambda: plan_of_batch.plan_of(study.store, study.card, study.batch, TERMS, by=EXPERT),
        lambda: plans.find(study.plan.id, by=EXPERT),
        lambda: plans.listed(by=EXPERT),
        lambda: plans.draws(study.plan.id, by=EXPERT),
        lambda: plans.answers(study.plan, by=EXPERT),
        lambda: plans.closing(study.plan.id, by=EXPERT),
    ):
        with pytest.raises(UserError, match="Ada may not"):
            what()
    drafted, _ = plan_of_batch.plan_of(study.store, study.card, study.batch, TERMS, by=REVIEWER)
    assert drafted.target == 0.6


def test_freezing_the_same_plan_again_changes_nothing(study):
    assert study.store.plans.freeze(replace(study.plan, target=0.9), [], by=OWNER) == study.plan
    assert study.store.plans.listed("triage", by=OWNER) == [study.plan]


def test_a_plan_without_some_of_its_draws_is_not_stored(study):
    plan, draws = plan_of_batch.plan_of(study.store, study.card, study.batch, TERMS, by=OWNER)
    with pytest.raises(UserError, match="59 draws; expected each of its 60 cases once"):
        study.store.plans.freeze(plan, draws[1:], by=OWNER)
    assert study.store.plans.find(plan.id, by=OWNER) is None


def test_a_closed_plan_keeps_what_it_reached(study):
    for position in range(4):
        study.answer(position)
    closed = decision.close(study.store, study.plan, by=OWNER)
    assert (closed.state, closed.answers, closed.closed_by) == ("open", 4, OWNER.label)
    assert closed.bound == pytest.approx(study.assess().bound)
    study.answer(4)
    assert study.assess().answers == 4
    assert decision.close(study.store, study.plan, by=OWNER) == closed
    assert study.store.plans.closing(study.plan.id, by=REVIEWER) == closed


def test_freezing_and_closing_are_on_record(study):
    decision.close(study.store, study.plan, by=OWNER)
    events = study.store.event_log.newest("plan", by=OWNER)
    assert [event.details["action"] for event in events] == ["close", "freeze"]


def test_a_database_from_before_plans_keeps_its_verdicts(tmp_path):
    path = tmp_path / "feedback.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        before = Database(connection)
        migrations.apply(before, stop_before="m011_plans")
        row = record_rows.to_row(case())
        del row["expert_key"]
        before["predictions"].insert(row)
    with closing(Store.open(path)) as store:
        assert store.plans.listed(by=OWNER) == []
        assert len(select(path, "SELECT id FROM predictions")) == 1


def test_a_copy_has_the_plans_and_is_not_put_back_over_newer_ones(study, tmp_path):
    copy = backup(study.store, tmp_path / "copy.db", by=OWNER)
    assert len(select(copy, "SELECT * FROM draws")) == 60
    assert_intact(copy)
    study.freeze(replace(TERMS, target=0.8))
    decision.close(study.store, study.plan, by=OWNER)
    with pytest.raises(UserError, match="1 plan and 1 closing of a plan"):
        restore(copy, study.store.path, by=OWNER)


# --- which plans can be tested


def test_a_batch_that_is_not_scored_to_the_end_is_refused(empty_store, registry):
    empty_store.batches.create(batch_of(worker=WORKER))
    (batch,) = empty_store.batches.listed()
    with pytest.raises(UserError, match="is checking; expected a batch of which every row is"):
        plan_of_batch.freeze(empty_store, registry.card("triage"), batch, TERMS, by=OWNER)


def test_a_batch_of_another_model_file_is_refused(study):
    batch = replace(study.batch, model_sha256="0" * 64)
    with pytest.raises(UserError, match="scored by another file of triage/1"):
        plan_of_batch.freeze(study.store, study.card, batch, TERMS, by=OWNER)


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({"tolerance": 1.0}, "answers with classes; expected none. Leave it out"),
        ({"design": "sure first"}, "expected one of doubt, uniform"),
        ({"answers": 0}, "expected at least 1"),
        ({"twice": 2}, "a share from 0 to 1"),
        ({"target": 60}, "expected a share between 0 and 1"),
        ({"groups": (0.5,)}, "grow and end with 1"),
    ],
)
def test_terms_that_cannot_be_tested_are_refused(study, terms, words):
    with pytest.raises(UserError, match=words):
        study.freeze(replace(TERMS, **terms))


def test_numbers_need_a_tolerance_and_have_one_band(empty_store, registry):
    with pytest.raises(UserError, match=r"no tolerance was given; .*, in mg\. Give it"):
        Study(empty_store, registry, "dose", 40)
    study = Study(empty_store, registry, "dose", 40, replace(TERMS, tolerance=5.0))
    assert {draw.band for draw in study.draws()} == {0}
    for position, apart in enumerate((4.9, -5.0, 5.1)):
        prediction = study.opened(position)
        study.store.add_verdict(locked(prediction, "Ada", prediction.value + apart))
    assert study.table()["answer"][:3].tolist() == ["right", "right", "wrong"]
    with pytest.raises(UserError, match="Groups are by confidence, and this model gives none"):
        study.freeze(replace(TERMS, tolerance=5.0, groups=(0.5, 1)))


def test_groups_are_assessed_with_the_plan(empty_store, registry):
    study = Study(empty_store, registry, terms=replace(TERMS, groups=(0.5, 1.0)))
    assert study.store.plans.find(study.plan.id, by=OWNER).groups == (0.5, 1.0)
    for position in range(30):
        study.answer(position)
    result = study.assess()
    assert [group.counts for group in result.groups] == [True, True]
    assert result.state == "established"


def test_the_hash_of_a_card_follows_what_changes_answers_alone(registry):
    card = registry.card("triage")
    titled = card.model_copy(update={"title": "Another", "intended_use": "Nothing"})
    flipped = card.model_copy(update={"positive": "home"})
    assert plan_of_batch.answers_hash(titled) == plan_of_batch.answers_hash(card)
    assert plan_of_batch.answers_hash(flipped) != plan_of_batch.answers_hash(card)


# --- several answers to a case, and answers of other kinds


@pytest.fixture
def twofold(empty_store, registry):
    return Study(empty_store, registry, terms=replace(TERMS, answers=2))


def test_a_case_is_open_until_as_many_answered_as_the_plan_asks(twofold):
    twofold.answer(0, expert="Ada")
    assert twofold.assess().answers == 0
    twofold.answer(0, expert="Bob")
    assert twofold.assess().answers == 1
    twofold.answer(0, "wrong", expert="Cyd")
    assert twofold.table()["answer"][0] == "right"


def test_where_answers_differ_a_third_person_decides_and_the_first_decision_counts(twofold):
    twofold.answer(0, expert="Ada")
    twofold.answer(0, "wrong", expert="Bob")
    assert twofold.assess().answers == 0
    prediction = twofold.opened(0)
    for value in (twofold.other(prediction), prediction.value):
        twofold.store.review(by=REVIEWER).adjudicate(prediction.id, value, "seen it", by=REVIEWER)
    assert twofold.table()["answer"][0] == "wrong"


@pytest.mark.parametrize("clear", ["right", "wrong"])
@pytest.mark.parametrize("is_first", [True, False])
def test_a_case_that_one_is_unsure_of_and_nobody_contradicts_is_unsure(twofold, clear, is_first):
    """There is nothing for a third person to decide, and it holds up no others."""
    for outcome, expert in zip(["unsure", clear][:: 1 if is_first else -1], "AB", strict=True):
        twofold.answer(0, outcome, expert=expert)
    assert twofold.table()["answer"][0] == "unsure"
    assert twofold.assess().answers == 1


@pytest.mark.parametrize(("off", "outcome"), [(4.9, "right"), (-4.9, "right"), (5.1, "wrong")])
def test_a_final_number_is_the_models_within_the_tolerance_of_the_plan(
    empty_store, registry, off, outcome
):
    terms = replace(TERMS, answers=2, tolerance=5.0)
    study = Study(empty_store, registry, "dose", terms=terms)
    prediction = study.opened(0)
    for expert, distance in (("Ada", 0), ("Bob", 40)):
        value = prediction.value + distance
        study.store.add_verdict(locked(prediction, expert, value, tolerance=5.0))
    assert study.table()["answer"][0] is None
    decide(study, 0, prediction.value + off)
    assert study.table()["answer"][0] == outcome


def differ(study, position):
    """Two experts answer a drawn case differently; returns what may be decided: right and wrong."""
    study.answer(position, expert="Ada")
    study.answer(position, "wrong", expert="Bob")
    prediction = study.opened(position)
    return prediction.value, study.other(prediction)


def decide(study, position, value):
    prediction = study.opened(position)
    study.store.review(by=REVIEWER).adjudicate(prediction.id, value, "seen it", by=REVIEWER)


def test_a_decision_under_an_earlier_plan_counts_with_the_answers_that_are_kept(twofold):
    _, wrong = differ(twofold, 0)
    decide(twofold, 0, wrong)
    for target in (0.7, 0.8):
        further = twofold.freeze(replace(TERMS, answers=2, target=target))
        assert twofold.assess(further).answers == 1
    anew = twofold.freeze(replace(TERMS, answers=2, target=0.8, alpha=0.1))
    differ(twofold, 0)
    assert twofold.assess(anew).answers == 0


def test_a_decision_after_the_closing_changes_nothing(twofold):
    right, _ = differ(twofold, 0)
    differ(twofold, 1)
    decide(twofold, 0, right)
    decision.close(twofold.store, twofold.plan, by=OWNER)
    closed = twofold.assess()
    decide(twofold, 1, twofold.opened(1).value)
    assert twofold.assess() == closed
    assert closed.answers == 1


def open_plan(study, **changes):
    return replace(study.plan, mode="open", **changes)


def test_in_an_open_study_a_disagreement_without_a_value_is_an_error(study):
    prediction = study.opened(0)
    plan = open_plan(study)
    cases = [
        (verdict(prediction), "right"),
        (verdict(prediction, "disagree"), "wrong"),
        (verdict(prediction, "disagree", correct_value=study.other(prediction)), "wrong"),
        (verdict(prediction, "unsure", comment="?"), "unsure"),
    ]
    for one, outcome in cases:
        assert first_answers.loss(plan, one, prediction) == outcome


def test_of_a_probability_an_answer_is_a_range_or_yes_or_no(study):
    """The class of the case says nothing of the risk: it is the model's probability that counts."""
    prediction = replace(study.opened(0), value=0, scale=AnswerScale("probability", None))
    for value, outcome in [
        ([0.6, 0.8], "right"),
        ([0.8, 1], "wrong"),
        (True, "right"),
        (False, "wrong"),
        (0.72, "right"),
        (0.7, "wrong"),
        (None, "unsure"),
    ]:
        one = locked(prediction, "Ada", value, risk=0.72)
        one.check(prediction)
        assert first_answers.loss(study.plan, one, prediction) == outcome


def agree_after_all(study, position, expert="Bob"):
    """An expert sees the model's answer and takes it."""
    prediction = study.opened(position)
    study.store.add_verdict(Verdict(prediction.id, expert, "agree", mode="open"))


def waiting(study, by=REVIEWER):
    return [one.prediction_id for one in study.store.review(by=by).undecided_draws()]


def test_a_case_whose_expert_came_round_to_the_model_is_decided_by_a_third_person(twofold):
    """Nobody contradicts anybody any more, and the plan goes by what they said first."""
    _, wrong = differ(twofold, 0)
    agree_after_all(twofold, 0)
    review = twofold.store.review(by=REVIEWER)
    assert not review.conflicts(adjudicated=None)
    (case,) = review.undecided_draws(twofold.plan.model, twofold.plan.version)
    assert [(one.expert, one.mode) for one in case.verdicts] == [("Ada", "blind"), ("Bob", "blind")]
    assert not review.undecided_draws("churn")
    assert twofold.table()["answer"][0] is None
    review.lock_own_answer(case.prediction_id, wrong, by=REVIEWER)
    decide(twofold, 0, wrong)
    assert twofold.table()["answer"][0] == "wrong"
    assert twofold.assess().answers == 1
    assert not waiting(twofold)


def test_a_case_whose_expert_took_the_answer_back_is_decided_too(twofold):
    right, _ = differ(twofold, 0)
    made = twofold.opened(0)
    twofold.store.add_verdict(Verdict(made.id, "Bob", "withdrawn"))
    assert waiting(twofold) == [made.id]
    decide(twofold, 0, right)
    assert twofold.table()["answer"][0] == "right"


@pytest.mark.parametrize("distances", [(0, 2), (2, 3), (-2, 0), (0.5, 1.5), (-3, 3)])
def test_numbers_that_are_the_same_by_the_card_and_differ_by_the_plan_are_decided(
    empty_store, registry, distances
):
    """The card lets numbers be further apart than the plan does."""
    study = Study(empty_store, registry, "dose", terms=replace(TERMS, answers=2, tolerance=1.0))
    prediction = replace(study.opened(0), scale=AnswerScale("number", 50.0))
    empty_store.add_prediction(prediction)
    for expert, distance in zip(("Ada", "Bob"), distances, strict=True):
        value = prediction.value + distance
        empty_store.add_verdict(locked(prediction, expert, value, tolerance=1.0))
    assert study.table()["answer"][0] is None
    assert waiting(study) == [prediction.id]
    decide(study, 0, prediction.value + 0.9)
    assert study.table()["answer"][0] == "right"


@pytest.mark.parametrize("outcomes", [("right", "right"), ("wrong", "unsure"), ("right",)])
def test_a_case_on_which_the_first_answers_do_not_differ_is_not_decided(twofold, outcomes):
    for outcome, expert in zip(outcomes, ("Ada", "Bob"), strict=False):
        twofold.answer(0, outcome, expert=expert)
    assert not waiting(twofold)
    with pytest.raises(UserError, match="nothing to decide"):
        decide(twofold, 0, twofold.opened(0).value)


def test_only_an_open_plan_waits_for_a_decision(twofold):
    differ(twofold, 0)
    agree_after_all(twofold, 0)
    assert len(waiting(twofold)) == 1
    decision.close(twofold.store, twofold.plan, by=OWNER)
    assert not waiting(twofold)
    with pytest.raises(UserError, match="nothing to decide"):
        decide(twofold, 0, twofold.opened(0).value)


def test_a_decision_from_before_the_plan_does_not_count_and_is_asked_for_anew(twofold):
    _, wrong = differ(twofold, 0)
    decide(twofold, 0, wrong)
    twofold.plan = twofold.freeze(replace(TERMS, answers=2, target=0.8, alpha=0.1))
    differ(twofold, 0)
    assert len(waiting(twofold)) == 1
    decide(twofold, 0, wrong)
    assert twofold.table()["answer"][0] == "wrong"


def test_who_answers_a_plan_finds_and_decides_none_of_its_cases(empty_store, registry):
    terms = replace(TERMS, answers=2, experts=("Ada", "Bob", REVIEWER.label))
    study = Study(empty_store, registry, terms=terms)
    differ(study, 0)
    agree_after_all(study, 0)
    other = Expert("Zoe", role="reviewer")
    assert (len(waiting(study, other)), waiting(study)) == (1, [])
