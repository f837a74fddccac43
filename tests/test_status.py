"""The command status: what it counts, what it says, and how it ends."""

import json

import pytest
from builders import case, review_of, verdict

from second_opinion import settings
from second_opinion.records.expert import Expert
from second_opinion.records.verdict_filter import VerdictFilter
from second_opinion.review import counted_share, totals
from second_opinion.store import Store

pytestmark = pytest.mark.usefixtures("place")

FIGURES = ["verdicts", "cases", "experts", "right", "wrong", "unsure", "conflicts", "waiting"]


@pytest.fixture
def store():
    """Twelve cases of the model iris: all agree on ten, contradict each other on one, and one that
    two experts predicted each anew has a final answer."""
    store = Store.open(settings.Settings.read().feedback_db)
    for number in range(11):
        put(store, number, Ada="agree", Bob="disagree" if number == 10 else "agree")
    put(store, 11, Ada="agree")
    decided = put(store, 11, Bob="disagree", Cy="unsure")
    review_of(store).adjudicate(decided.id, 1, "so it is", by=Expert("Grace", role="reviewer"))
    return store


def put(store, number, version="1", model="iris", **said):
    made = case(model=model, version=version, inputs={"age": number})
    store.add_prediction(made)
    for expert, judgement in said.items():
        about = {"comment": "not this"} if judgement == "disagree" else {}
        store.add_verdict(verdict(made, judgement, expert, **about))
    return made


def test_status_counts_verdicts_cases_and_experts_of_each_model(run, store):
    code, out, err = run("status", "--json")
    assert (code, err) == (0, "")
    rows = {row["model"]: row for row in json.loads(out)}
    assert set(rows) == {"triage", "dose", "risk", "iris", "hostile"}
    assert [rows["iris"][name] for name in FIGURES] == [25, 12, 3, 24, 1, 0, 2, 1]
    assert [rows["dose"][name] for name in FIGURES] == [0] * len(FIGURES)
    assert {row["state"] for row in rows.values()} == {"no release test"}
    assert rows["dose"]["estimate"] is None


def test_status_says_the_headline_of_feedback_review(run, store):
    figures = totals.figures(review_of(store), VerdictFilter(model="iris"))
    share, interval = counted_share.model_right(figures).words
    _, out, _ = run("status", "--model", "iris")
    assert out.splitlines()[:4] == [
        "iris, version 1 in use",
        "  Verdicts     25 on 12 cases, by 3 experts",
        f"  Model right  {share} (95 % interval {interval}): 24 right, 1 wrong, 0 unsure",
        "  In conflict  2 cases, 1 waiting for a final answer",
    ]
    assert share == "96 %"


def test_status_says_that_no_release_test_has_been_set_up(run):
    code, out, _ = run("status", "--model", "dose")
    assert code == 0
    assert "  No verdict yet.\n" in out
    assert "No release test has been set up" in out


def test_a_version_is_counted_alone_and_few_verdicts_have_no_percentage(run, store):
    for version, said in (("1", "agree"), ("1", "unsure"), ("2", "disagree")):
        put(store, 1, version, "triage", Ada=said)
    _, out, _ = run("status", "--model", "triage/1")
    assert out.splitlines()[:3] == [
        "triage, version 1",
        "  Verdicts     2 on 1 case, by 1 expert",
        "  Model right  1 of 1: 1 right, 0 wrong, 1 unsure",
    ]
    _, out, _ = run("status", "--model", "triage")
    assert out.splitlines()[1] == "  Verdicts     3 on 2 cases, by 1 expert"


def test_status_of_no_model_says_how_to_add_one(run, empty_folder):
    code, _, err = run("status")
    assert code == 1
    assert "python -m second_opinion add" in err


@pytest.mark.parametrize("ref", ["nobody", "iris/9", "iris@nobody"])
def test_a_model_that_is_not_there_is_named_with_those_that_are(run, ref):
    code, out, err = run("status", "--model", ref)
    assert (code, out) == (1, "")
    assert "nobody" in err or "'9'" in err
    assert "iris" in err
