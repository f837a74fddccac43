"""The commands plan, status --plan and export --what draws: what they do, say, and how they end."""

import json

import numpy as np
import pandas as pd
import pytest
from builders import OWNER, REVIEWER, check, csv_of, failing_on, rows_of, score, scored_batch

from second_opinion import settings
from second_opinion.batches.scored_rows import ScoredRows
from second_opinion.evidence import decision, plan_of_batch
from second_opinion.statistics import planner, release
from second_opinion.statistics.planner import Effort, PlannedStudy
from second_opinion.store import Store
from second_opinion.verdicts.blind_answer import locked

pytestmark = pytest.mark.usefixtures("place")

TARGET = ("--target", "0.6")


@pytest.fixture
def store():
    return Store.open(settings.Settings.read().feedback_db)


@pytest.fixture
def batch(store, registry):
    return scored_batch(store, registry, "triage", 60)[0]


def newest(store):
    return store.plans.listed(by=OWNER)[0]


def answer(store, registry, plan, batch, answers):
    """Lock an answer to each of the first draws: whether it is the model's, None for unsure."""
    draws = store.plans.draws(plan.id, by=REVIEWER)
    card = registry.card("triage")
    values = [choice.value for choice in card.classes]
    for draw, is_right in zip(draws, answers, strict=False):
        prediction = ScoredRows(store).opened(batch, draw.row_number, card)
        wrong = next(value for value in values if value != prediction.value)
        value = None if is_right is None else prediction.value if is_right else wrong
        store.add_verdict(locked(prediction, "Ada", value))


def test_a_plan_is_frozen_and_says_how_many_answers_it_takes(run, store, batch):
    code, out, err = run("plan", batch.id, *TARGET, "--expected", "0.9")
    plan = newest(store)
    assert (code, err) == (0, "")
    assert out.startswith("Plan 1 of triage/1 is frozen.\n")
    assert "right in at least 60 % of 60 cases of march.csv" in out
    assert "If it is right in 90 %, about " in out
    assert "answers establish it, and 19 in nine of ten studies." in out
    assert (plan.target, plan.expected, plan.mode, plan.experts) == (0.6, 0.9, "blind", ())


def test_rows_on_which_the_model_failed_are_foreseen_once(
    run, store, registry, monkeypatch, tmp_path
):
    frame = rows_of(registry, "triage", 60).assign(age=["51"] * 10 + ["50"] * 50)
    failing_on(registry, monkeypatch, [51])
    batch = score(store, registry, check(store, registry, csv_of(frame)))
    _, out, _ = run("plan", batch.id, *TARGET, "--expected", "0.9")
    assert (newest(store).cases, newest(store).failed) == (50, 10)
    study = PlannedStudy(np.ones(50), 0.6, 0.9, Effort(1, 50), "uniform", failed=10)
    foreseen = planner.prospect(study, 0.6, 0.9)
    assert f"about {foreseen.median} answers establish it" in out
    assert f"and {foreseen.most} in nine of ten studies" in out


@pytest.mark.parametrize("ref", ["march.csv", "id", "beginning"])
def test_a_batch_goes_by_its_id_its_beginning_or_the_name_of_its_file(run, batch, ref):
    ref = {"id": batch.id, "beginning": batch.id[:12]}.get(ref, ref)
    assert run("plan", ref, *TARGET)[0] == 0


def test_every_option_is_kept(run, store, batch, tmp_path):
    panel = tmp_path / "experts.txt"
    panel.write_text("Ada\n\n Bob <bob@example.org> \n", "utf-8")
    options = ["--alpha", "0.1", "--design", "uniform", "--answers", "2", "--twice", "0", "--open"]
    code, out, _ = run("plan", batch.id, *TARGET, *options, "--experts", panel)
    plan = newest(store)
    assert code == 0
    assert "Ada, Bob <bob@example.org>" in out
    assert (plan.alpha, plan.design, plan.answers, plan.twice) == (0.1, "uniform", 2, 0)
    assert (plan.mode, plan.experts) == ("open", ("Ada", "Bob <bob@example.org>"))


def test_the_expected_accuracy_is_that_of_the_card(run, store, registry, batch):
    run("plan", batch.id, *TARGET)
    accuracy = registry.card("triage").metrics.get("accuracy")
    assert newest(store).expected == accuracy


def test_another_target_is_a_second_plan(run, store, batch):
    run("plan", batch.id, *TARGET)
    code, out, _ = run("plan", batch.id, "--target", "0.7")
    assert code == 0
    assert "Plan 2 of triage/1 is frozen, in the place of the one before it." in out


def test_a_target_that_the_commonest_answer_passes_is_named(run, store, registry):
    batch = scored_batch(store, registry, "triage", 1)[0]
    code, out, _ = run("plan", batch.id, *TARGET)
    assert code == 0
    assert "Note: Always giving the commonest answer would be right in 100 %" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["march.csv", "--target", "60"], "The target is 60; expected a share between 0 and 1"),
        (["april.csv", *TARGET], "No scored batch goes by 'april.csv'; expected the id of one of"),
        (["march.csv", *TARGET, "--tolerance", "1"], "answers with classes; expected none"),
    ],
)
def test_what_cannot_be_planned_ends_with_one(run, batch, arguments, words):
    code, out, err = run("plan", *arguments)
    assert (code, out) == (1, "")
    assert words in err


def test_without_a_batch_the_way_to_one_is_named_and_leads_there(run, registry, tmp_path):
    code, _, err = run("plan", "march.csv", *TARGET)
    assert code == 1
    assert "python -m second_opinion score FILE --record" in err
    (tmp_path / "march.csv").write_bytes(csv_of(rows_of(registry, "triage", 30)))
    assert run("score", tmp_path / "march.csv", "--model", "triage", "--record")[0] == 0
    assert run("plan", "march.csv", *TARGET)[0] == 0


def test_two_batches_of_one_name_are_told_apart_by_id(run, store, registry, batch):
    other = scored_batch(store, registry, "triage", 40)[0]
    code, _, err = run("plan", "march.csv", *TARGET)
    assert code == 1
    assert "2 scored batches go by 'march.csv'; expected the id of one of" in err
    for one in (batch, other):
        assert f"{one.id}  march.csv, {one.rows_done} rows, by triage/1" in err
        assert run("plan", one.id, *TARGET)[0] == 0


def test_a_blind_plan_says_that_no_page_asks_for_its_answers_yet(run, store, batch):
    _, out, _ = run("plan", batch.id, *TARGET)
    assert "on the page Review queue, before they see the model" in out
    assert store.queue.next(newest(store).id, by=OWNER).position == 0
    _, out, _ = run("plan", batch.id, *TARGET, "--open")
    assert "blind" not in out


def test_an_empty_list_of_experts_is_refused(run, batch, tmp_path):
    (tmp_path / "experts.txt").write_text("\n", "utf-8")
    code, _, err = run("plan", batch.id, *TARGET, "--experts", tmp_path / "experts.txt")
    assert (code, "the name of an expert in each line. Fill it." in err) == (1, True)


def test_status_of_a_plan_says_the_decision_so_far(run, store, registry, batch):
    run("plan", batch.id, *TARGET, "--expected", "0.9")
    plan = newest(store)
    answer(store, registry, plan, batch, [True, None, False])
    code, out, err = run("status", "--plan", plan.id[:10])
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "Plan 1 of triage/1: Not enough evidence yet"
    assert lines[1] == "  Claim     right in at least 60 % of 60 cases"
    assert lines[4].startswith("  Answers   3 in draw order, 1 of them unsure, about ")
    assert "if the model is right where they are unsure)" in lines[3]


def test_status_names_groups_by_their_cases(run, store, registry, batch):
    terms = plan_of_batch.Terms(target=0.6, expected=0.9, groups=(0.5, 1.0))
    plan = plan_of_batch.freeze(store, registry.card("triage"), batch, terms, by=OWNER)
    answer(store, registry, plan, batch, [True])
    inner, whole = decision.assess(store, plan, by=REVIEWER).groups
    # More answers than one establish the one or the other first, by the hash of the model file.
    assert (inner.state, whole.state) == ("open", "open")
    _, out, _ = run("status", "--plan", plan.id)
    assert f"Surest    {inner.cases} cases, at least " in out
    assert "Surest    60 cases, at least " in out
    assert f", about {inner.more} more\n" in out
    assert "no number of answers" not in out


def test_before_an_answer_status_claims_nothing(run, store, batch):
    run("plan", batch.id, *TARGET, "--expected", "0.9")
    _, out, _ = run("status", "--plan", newest(store).id)
    assert "Bound" not in out
    assert "Evidence  1 for and 1 against; decided at 20" in out


def test_status_of_a_plan_as_json_has_the_names_that_programs_rely_on(run, store, registry, batch):
    run("plan", batch.id, *TARGET, "--expected", "0.9")
    plan = newest(store)
    answer(store, registry, plan, batch, [True] * 12)
    _, out, _ = run("status", "--plan", plan.id, "--json")
    facts = json.loads(out)
    result = decision.assess(store, plan, by=REVIEWER)
    names = ["state", "bound", "estimate", "establish", "refute", "answers", "waiting", "unsure"]
    for name in [*names, "more"]:
        assert facts[name] == getattr(result, name)
    assert facts["state"] == "established"


def test_status_of_a_model_ends_with_its_newest_plan(run, store, registry, batch):
    run("plan", batch.id, *TARGET)
    run("plan", batch.id, "--target", "0.7")
    _, out, _ = run("status", "--model", "triage")
    assert "Plan 2 of triage/1: Not enough evidence yet" in out
    assert "Plan 1" not in out
    assert "No release test has been set up" not in out
    _, out, _ = run("status", "--model", "triage", "--json")
    (row,) = json.loads(out)
    assert (row["state"], row["plan"]["number"]) == ("open", 2)


def test_a_plan_that_is_not_there_is_named_with_those_that_are(run, store, batch):
    code, _, err = run("status", "--plan", "nothing")
    assert code == 1
    assert "There is no plan yet" in err
    assert "python -m second_opinion plan BATCH --target 0.9" in err
    assert run("plan", batch.id, "--target", "0.9")[0] == 0
    code, _, err = run("status", "--plan", "nothing")
    assert (code, newest(store).id in err) == (1, True)
    assert run("status", "--plan", newest(store).id)[0] == 0


@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet"])
def test_exported_draws_say_in_a_notebook_what_status_says(
    run, store, registry, batch, tmp_path, format
):
    run("plan", batch.id, *TARGET, "--expected", "0.9")
    answer(store, registry, newest(store), batch, [True, True, None, False, True])
    out = tmp_path / f"draws.{format}"
    code, _, err = run("export", "--what", "draws", "--format", format, "-o", out)
    assert (code, err) == (0, f"60 draws in {out}.\n")
    read = {
        "csv": pd.read_csv,
        "jsonl": lambda path: pd.read_json(path, lines=True),
        "parquet": pd.read_parquet,
    }[format]
    result = release.assess(release.Claim(target=0.6, expected=0.9), read(out))
    expected = decision.assess(store, newest(store), by=REVIEWER)
    assert (result.state, result.answers, result.unsure) == (expected.state, 5, 1)
    assert result.bound == pytest.approx(expected.bound)
    assert result.establish == pytest.approx(expected.establish)
    (event,) = store.event_log.newest("export", by=OWNER)
    assert event.details["plan"] == newest(store).id


def test_a_plan_is_for_draws_alone(run):
    code, _, err = run("export", "--plan", "x")
    assert (code, "--plan is for --what draws" in err) == (2, True)


def test_closing_prints_the_bound_that_was_reached_and_asks_first(run, store, registry, batch):
    run("plan", batch.id, *TARGET, "--expected", "0.9")
    plan = newest(store)
    # The fifth may establish it: the draws follow from the model file, which holds an address.
    answer(store, registry, plan, batch, [True] * 4)
    bound = decision.assess(store, plan, by=REVIEWER).bound
    assert run("close", plan.id)[0] == 1
    assert store.plans.closing(plan.id, by=OWNER) is None
    code, out, err = run("close", plan.id, "--yes")
    assert (code, err) == (0, "")
    assert "Not enough evidence yet, and closed" in out
    assert store.plans.closing(plan.id, by=OWNER).bound == bound
    _, _, err = run("close", "nothing", "--yes")
    assert plan.id in err


@pytest.mark.parametrize("groups", ["0.25,0.5,1", "0.5, 0.25"])
def test_groups_are_shares_of_the_surest_with_the_pool_as_the_last(run, store, batch, groups):
    assert run("plan", batch.id, *TARGET, "--groups", groups)[0] == 0
    assert newest(store).groups == (0.25, 0.5, 1.0)


@pytest.mark.parametrize("groups", ["half", "0,1", "2"])
def test_groups_that_are_no_shares_are_refused(run, store, batch, groups):
    code, _, err = run("plan", batch.id, *TARGET, "--groups", groups)
    assert code == 1
    assert "expected shares" in err
    assert store.plans.listed(by=OWNER) == []
