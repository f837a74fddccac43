"""Right means one thing: what one figure says, no other one contradicts."""

from types import SimpleNamespace

import numpy as np
import pytest

from second_opinion import Registry
from second_opinion.distributions import selection
from second_opinion.records.expert import Expert
from second_opinion.records.stamp import new_id
from second_opinion.records.verdict import Verdict
from second_opinion.records.verdict_filter import VerdictFilter
from second_opinion.review import totals
from second_opinion.review.corrections import LeftOut, corrections
from second_opinion.statistics import calibration, error_rates
from second_opinion.store import Store

REVIEWER = Expert("Grace", role="reviewer")
UNNAMED = [("iris", {"comment": "not this"}), ("risk", {"direction": "too_low"})]


@pytest.fixture
def store(place):
    return Store.open(place / "feedback.db")


@pytest.fixture
def put(store, models):
    """Stores predictions of a model's typical case, with what experts said of each."""

    def add(model, *said, n=1):
        loaded, made = Registry(models).load(model), []
        for _ in range(n):
            inputs, _ = loaded.card.case_schema.read(loaded.card.case_schema.typical)
            made.append(loaded.predict_one(inputs, asked_by="Ada", source="form", id=new_id()))
            store.add_prediction(made[-1])
            for expert, judgement, more in said:
                store.add_verdict(Verdict(made[-1].id, expert, judgement, **more))
        return loaded.card, made

    return add


def selected(card, made):
    """Single predictions as the page Distributions looks at them."""
    ids = np.array([one.id for one in made], object)
    return SimpleNamespace(card=card, batch=None, ids=ids, taken=lambda ids: ids)


def learned(store, model, left_out=None):
    found = corrections(store, VerdictFilter(model=model), left_out or LeftOut())
    return [one for some in found for one in some]


@pytest.mark.parametrize(("model", "disagrees"), UNNAMED)
def test_the_matrix_does_not_contradict_the_headline(store, put, model, disagrees):
    put(model, ("Ada", "agree", {}), n=15)
    card, _ = put(model, ("Ada", "disagree", disagrees), n=15)
    found = totals.figures(store.review, VerdictFilter(model=card.name))
    pairs = found.confusion
    counts = error_rates.confusion(
        pairs["value"], pairs["answer"], card.class_values, pairs["verdicts"]
    ).to_numpy()
    assert (found.of("right"), found.of("wrong"), counts.sum()) == (15, 15, 30)
    assert np.trace(counts) <= found.of("right")


@pytest.mark.parametrize(("model", "disagrees"), UNNAMED)
def test_a_disagreement_without_a_value_is_a_difference(store, put, model, disagrees):
    put(model, ("Ada", "agree", {}), ("Bob", "agree", {}), n=40)
    put(model, ("Ada", "agree", {}), ("Bob", "disagree", disagrees), n=40)
    shared = totals.shared(store.review, VerdictFilter(model=model))
    agreed = totals.agreement(totals.ratings(shared), numbers=False)
    assert (agreed.cases, agreed.agreed) == (80, 40)


def test_about_right_of_a_risk_is_no_label(store, put):
    put("risk", ("Ada", "agree", {}), n=3)
    left_out = LeftOut()
    assert learned(store, "risk", left_out) == []
    assert left_out.unanswered == 1


def test_a_decided_number_that_rounds_to_the_models_is_not_a_mistake(store, put):
    _, (made,) = put("dose", ("Ada", "agree", {}), ("Bob", "disagree", {"correct_value": 150.0}))
    store.review.adjudicate(made.id, round(made.value, 1), "close enough", by=REVIEWER)
    found = totals.figures(store.review, VerdictFilter(model="dose"))
    assert (found.of("right"), found.of("wrong")) == (2, 0)


def test_distributions_counts_what_was_decided(store, put):
    card, made = put("iris", ("Ada", "agree", {}), ("Bob", "disagree", {"comment": "no"}), n=12)
    for one in made:
        other = next(value for value in card.class_values if value != one.value)
        store.review.adjudicate(one.id, other, "x", by=REVIEWER)
    judged = selection.verdicts(store, selected(card, made))
    assert judged["wrong"].tolist() == [1.0] * 24


def test_a_risk_that_is_about_right_says_nothing_of_calibration(store, put):
    card, made = put("risk", ("Ada", "agree", {}), n=20)
    judged = selection.verdicts(store, selected(card, made))
    assert not len(calibration.bins(judged["confidence"], 1 - judged["wrong"]))
    assert set(judged["says"]) == {"about_right"}
    assert judged["risk"].between(0, 1).all()
