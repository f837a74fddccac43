"""Another version of a model, tested at once on the answers that were given for one before."""

import json
import shutil
from dataclasses import replace
from io import BytesIO

import pytest
from builders import OWNER, REVIEWER, scored_batch
from calls import bearer
from visits import messages, press, start

from second_opinion.batches import downloads
from second_opinion.batches.scored_rows import ScoredRows
from second_opinion.evidence import (
    answers_reused,
    decision,
    plan_of_batch,
    versions_tested,
)
from second_opinion.evidence.plan_of_batch import Terms
from second_opinion.models.registry import Registry
from second_opinion.records.event import Event, EventFilter
from second_opinion.records.retention_rule import RetentionRule
from second_opinion.records.value import same_value
from second_opinion.review import event_export, exports
from second_opinion.statistics import release
from second_opinion.store import Store, copies
from second_opinion.store.plan_answers import FinalAnswer
from second_opinion.ui.labels import flag_name
from second_opinion.ui.people import event_words
from second_opinion.verdicts import first_answers
from second_opinion.verdicts.blind_answer import locked


class Study:
    """A plan on what version 1 said of a file, with answers to its first draws."""

    def __init__(self, place, registry, **terms):
        self.store, self.registry = Store.open(place / "feedback.db"), registry
        self.card, self.second = registry.card("triage/1"), registry.card("triage/2")
        self.batch, _ = scored_batch(self.store, registry, "triage/1", 60)
        self.plan = self.freeze(**terms)

    def freeze(self, **terms):
        wanted = Terms(**{"target": 0.6, "expected": 0.9, "twice": 0.0} | terms)
        return plan_of_batch.freeze(self.store, self.card, self.batch, wanted, by=OWNER)

    def folder(self, version):
        return self.registry.folder / "triage" / version

    def card_of(self, version, /, **texts):
        path = self.folder(version) / "card.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | texts))

    def answer(self, count, *, agreeing=True, start=0, expert="Ada"):
        for at in range(start, count):
            made = self.opened(at)
            value = made.value if agreeing else self.other(made)
            self.store.add_verdict(locked(made, expert, value))

    def opened(self, at):
        draw = self.store.plans.draws(self.plan.id, by=OWNER)[at]
        return ScoredRows(self.store).opened(self.batch, draw.row_number, self.card)

    def other(self, made):
        values = [choice.value for choice in self.card.classes]
        return next(value for value in values if not same_value(value, made.value))

    def reused(self, version=""):
        card = self.registry.card(f"triage/{version}") if version else self.second
        return answers_reused.of_version(self.store, self.registry, card, by=REVIEWER)


@pytest.fixture
def study(place, registry):
    return Study(place, registry)


def test_before_an_answer_there_is_nothing_to_test_on(study):
    assert study.reused() == []


def test_a_version_that_says_the_same_is_tested_on_the_same_draws_at_a_share_of_alpha(study):
    study.answer(12)
    (reuse,) = study.reused()
    draws = decision.draw_table(study.store, study.plan, by=OWNER)
    accuracy = study.second.metrics["accuracy"]
    assert reuse.versions == 2
    assert reuse.result == release.assess(release.Claim(0.6, 0.025, accuracy), draws)
    assert reuse.result.answers == 12


def test_the_answers_of_experts_are_held_against_what_this_version_says(study):
    """Whatever version 1 said: where both say the same, both are wrong."""
    study.answer(12, agreeing=False)
    (reuse,) = study.reused()
    assert reuse.result.bound == 0.0


def test_it_is_not_tested_on_what_it_may_have_learned(study):
    study.answer(5)
    study.store.event_log.add(Event("export", "Olga", {"what": "corrections"}))
    (before,) = study.reused()
    assert before.result is not None
    study.second = newer(study.second)
    (after,) = study.reused()
    assert after.result is None
    assert "may have learned from them" in after.reason


@pytest.mark.parametrize(
    ("way", "name"),
    [
        ("verdicts", "verdicts"),
        ("draws", "draws"),
        ("workbook", "workbook"),
        ("backup", "backup"),
        ("api", "verdicts"),
    ],
)
def test_each_way_by_which_answers_leave_is_one_to_learn_from(study, tmp_path, api, way, name):
    study.answer(3)
    store = study.store
    if way == "workbook":
        about = {"by": OWNER, "flag_words": flag_name}
        downloads.result_workbook(store, study.batch, study.card, **about).close()
    elif way == "backup":
        copies.backup(store, tmp_path / "copy.db", by=OWNER)
    elif way == "api":
        token = store.made_tokens.make("a program", "reviewer", by=OWNER)
        assert len(api("/api/verdicts", headers=bearer(token)).body["verdicts"]) == 3
    else:
        plan = study.plan if way == "draws" else None
        exports.export(store, BytesIO(), way, plan=plan, by=OWNER)
    assert study.reused()[0].result is not None
    study.second = newer(study.second)
    (after,) = study.reused()
    assert after.result is None
    assert f"taken away as a file ({name})" in after.reason


def test_what_tells_of_no_answer_to_the_plan_is_nothing_to_learn_from(study, registry):
    study.answer(3)
    other, _ = scored_batch(study.store, registry, "triage/1", 8)
    about = {"by": OWNER, "flag_words": flag_name}
    downloads.result_workbook(study.store, other, study.card, **about).close()
    downloads.scored_file(study.store, study.batch, by=OWNER)
    event_export.export_events(study.store, BytesIO(), EventFilter(), by=OWNER)
    study.second = newer(study.second)
    assert study.reused()[0].result is not None


def test_that_answers_left_is_known_after_events_are_over_their_time(study):
    long_ago = "2001-01-01T00:00:00.000Z"
    study.answer(3)
    study.plan = replace(study.plan, created_at="2000-01-01T00:00:00.000Z")
    event = Event("export", "Olga", {"what": "corrections"}, created_at=long_ago)
    study.store.event_log.add(event)
    study.store.retention.set_rule(RetentionRule("events", 30), by=OWNER)
    first_at = "2000-01-01T00:00:00.000Z"
    reason = answers_reused._why_not(study.store, study.plan, newer(study.second), first_at)
    assert "may have learned from them" in reason


def test_it_is_known_under_a_further_plan_that_answers_left_before_it(study):
    study.answer(5)
    study.store.event_log.add(Event("export", "Olga", {"what": "verdicts"}))
    further = study.freeze(target=0.7)
    assert further.created_at > study.store.event_log.newest("export", by=OWNER)[0].created_at
    assert len(study.store.plans.answers(further, by=OWNER).verdicts) == 5
    study.second = newer(study.second)
    (after,) = study.reused()
    assert (after.plan, after.result) == (further, None)
    assert "may have learned from them" in after.reason


def test_a_file_from_before_the_first_answer_tells_of_none(study):
    study.store.event_log.add(Event("export", "Olga", {"what": "verdicts"}))
    study.answer(5)
    study.second = newer(study.second)
    assert study.reused()[0].result is not None


@pytest.mark.parametrize("change", [{"answers": 2}, {"mode": "open"}, {"expected": 0.8}])
def test_a_plan_without_answers_hides_none_that_has_them(study, change):
    study.answer(12)
    (before,) = study.reused()
    study.freeze(**change)
    (after,) = study.reused()
    assert (after.plan, after.result) == (study.plan, before.result)


def test_of_two_plans_with_answers_the_newer_one_counts(study):
    study.answer(12)
    further = study.freeze(expected=0.8)
    study.answer(3)
    (reuse,) = study.reused()
    assert (reuse.plan, reuse.result.answers) == (further, 3)


def test_versions_that_were_tested_and_removed_share_the_chance_to_err(place, registry):
    shutil.copytree(registry.folder, place / "model")
    study = Study(place, Registry(place / "model"))
    study.answer(12)
    for version in ("3", "4", "5"):
        shutil.copytree(study.folder("2"), study.folder(version))
        study.card_of(version, version=version)
    assert [one.versions for one in study.reused("3") + study.reused("4")] == [5, 5]
    shutil.rmtree(study.folder("3"))
    shutil.rmtree(study.folder("5"))
    # Version 5 was never tested, version 3 was.
    (reuse,) = study.reused("4")
    assert reuse.versions == 4
    draws = decision.draw_table(study.store, study.plan, by=OWNER)
    accuracy = study.second.metrics["accuracy"]
    assert reuse.result == release.assess(release.Claim(0.6, 0.05 / 4, accuracy), draws)
    shutil.copytree(study.folder("4"), study.folder("3"))
    study.card_of("3", version="3")
    assert study.reused("3")[0].versions == 4
    first, *others = json.loads((study.folder("3") / "card.json").read_text())["features"]
    study.card_of("3", features=[first | {"missing": not first.get("missing")}, *others])
    assert study.reused("3")[0].versions == 5
    shutil.rmtree(study.folder("1"))
    assert study.reused("4")[0].versions == 5


def test_a_version_that_was_not_tested_is_not_on_record_as_tested(study):
    study.answer(5)
    study.store.event_log.add(Event("export", "Olga", {"what": "verdicts"}))
    study.second = newer(study.second)
    assert study.reused()[0].result is None
    assert study.store.event_log.newest(versions_tested.TESTED, by=OWNER) == []


def test_that_a_version_was_tested_is_on_record_once_and_for_good(study):
    study.answer(12)
    for _ in range(2):
        study.reused()
    (event,) = study.store.event_log.newest(versions_tested.TESTED, by=OWNER)
    assert (event.details["version"], event.details["model"]) == ("2", "triage")
    long_ago = replace(event, id="0" * 32, created_at="2001-01-01T00:00:00.000Z")
    study.store.event_log.add(long_ago)
    study.store.event_log.add(replace(long_ago, id="1" * 32, what="triage"))
    study.store.retention.set_rule(RetentionRule("events", 30), by=OWNER)
    assert study.store.event_log.newest("triage", by=OWNER) == []
    assert long_ago in study.store.event_log.newest(by=OWNER)
    assert event_words.kind(event.what) == "Tested a version on old answers"


def newer(card):
    """The same version, made after everything that happened."""
    artifact = card.artifact.model_copy(update={"created_at": "2999-01-01T00:00:00.000Z"})
    return card.model_copy(update={"artifact": artifact})


def test_an_open_plan_gives_no_labels(place, registry):
    study = Study(place, registry, mode="open")
    study.answer(5)
    assert study.reused() == []


def test_of_several_answers_a_case_each_has_to_be_there_and_say_the_same(place, registry):
    study = Study(place, registry, answers=2)
    study.answer(12)
    assert study.reused()[0].result.answers == 0
    study.answer(12, expert="Bob")
    (reuse,) = study.reused()
    draws = decision.draw_table(study.store, study.plan, by=OWNER)
    accuracy = study.second.metrics["accuracy"]
    assert reuse.result == release.assess(release.Claim(0.6, 0.025, accuracy), draws)
    assert reuse.result.answers == 12


def test_where_several_answers_differ_the_final_answer_is_the_label(place, registry):
    """It is held against what the other version says, and until it is there the case is open."""
    study = Study(place, registry, answers=2)
    study.answer(6)
    study.answer(1, expert="Bob", agreeing=False)
    study.answer(6, expert="Bob", start=1)
    result = study.reused()[0].result
    assert (result.answers, result.waiting) == (0, 5)
    made = study.opened(0)
    review = study.store.review(by=REVIEWER)
    review.adjudicate(made.id, study.other(made), "The dog is unwell.", by=REVIEWER)
    result = study.reused()[0].result
    draws = decision.draw_table(study.store, study.plan, by=OWNER)
    assert list(draws["answer"][:7]) == ["wrong", *["right"] * 5, None]
    assert result == release.assess(
        release.Claim(0.6, 0.025, study.second.metrics["accuracy"]), draws
    )
    # Version 2 says the same of the case; one that says otherwise is right there.
    said = study.registry.load(study.second).predict_one(
        dict(made.inputs), asked_by="Ada", source="plan", id="9" * 32
    )
    assert same_value(said.value, made.value)
    final = study.store.plans.answers(study.plan, by=OWNER).final[0]
    otherwise = replace(said, value=study.other(made))
    given = first_answers.first_answers(
        study.plan, study.store.plans.answers(study.plan, by=OWNER).verdicts
    )[0]
    for prediction, outcome in ((said, "wrong"), (otherwise, "right")):
        assert (
            answers_reused._outcome(study.plan, study.second, given, prediction, final) == outcome
        )
    assert answers_reused._outcome(study.plan, study.second, given, said, None) is None


def test_the_side_of_a_risk_that_was_decided_is_no_label_of_another_risk(place, registry):
    study = Study(place, registry, answers=2)
    study.answer(1)
    study.answer(1, expert="Bob", agreeing=False)
    given = first_answers.first_answers(
        study.plan, study.store.plans.answers(study.plan, by=OWNER).verdicts
    )[0]
    final = FinalAnswer(None, "too_high", "wrong")
    outcome = answers_reused._outcome(study.plan, study.second, given, study.opened(0), final)
    assert outcome is None


def test_status_of_the_version_says_it_and_so_does_its_json(study, run):
    study.answer(12)
    _, out, _ = run("status", "--model", "triage/2")
    assert "On the answers given for version 1 (plan 1 of triage/1): Established, 12 answers" in out
    _, out, _ = run("status", "--model", "triage/2", "--json")
    (row,) = json.loads(out)
    assert row["on_old_answers"][0]["state"] == "established"
    _, out, _ = run("status", "--model", "triage/1", "--json")
    assert "on_old_answers" not in json.loads(out)[0]


def test_the_page_models_tests_it_at_a_press(study, at_home):
    study.answer(12)
    at = start("pages/7_Models.py", model="triage/2")
    press(at, "models_old_answers")
    assert not messages(at)
    (before,) = [one.value for one in at.text if one.value.startswith("On the answers given for v")]
    assert "12 answers" in before
    # It is not worked out anew in each run, but at the next press.
    study.answer(14, start=12)
    at.run()
    assert before in [text.value for text in at.text]
    press(at, "models_old_answers")
    assert any("14 answers" in text.value for text in at.text)
    assert "models_old_answers" not in {
        button.key for button in start("pages/7_Models.py", model="dose").button
    }
