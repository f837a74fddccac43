"""Right means one thing: what one figure says, no other one contradicts."""

from contextlib import closing, suppress
from itertools import count
from types import SimpleNamespace

import numpy as np
import pytest
from builders import THOROUGH, card_of, case, review_of, verdict
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from second_opinion import Registry
from second_opinion.distributions import sections_verdicts, selection
from second_opinion.errors import UserError
from second_opinion.models import expert_backing
from second_opinion.records.answer_scale import AnswerScale
from second_opinion.records.expert import Expert
from second_opinion.records.stamp import new_id
from second_opinion.records.verdict import Verdict
from second_opinion.records.verdict_filter import VerdictFilter
from second_opinion.review import judged_risks, totals
from second_opinion.review.corrections import LeftOut, corrections
from second_opinion.review.model_status import status_of
from second_opinion.statistics import calibration, error_rates, risk_bands
from second_opinion.store import Store
from second_opinion.verdicts import meaning

REVIEWER = Expert("Grace", role="reviewer")
UNNAMED = [("iris", {"comment": "not this"}), ("risk", {"direction": "too_low"})]


@pytest.fixture
def store(place):
    return Store.open(place / "feedback.db")


@pytest.fixture(scope="module")
def shared_store(tmp_path_factory):
    with closing(Store.open(tmp_path_factory.mktemp("right") / "feedback.db")) as store:
        yield store


@pytest.fixture
def put(store, models):
    """Stores predictions of a model's typical case, with what experts said of each."""

    numbers = count()

    def add(model, *said, n=1, one_case=True):
        loaded, made = Registry(models).load(model), []
        feature = next(f for f in loaded.card.case_schema.features if f.shape == "number")
        for _ in range(n):
            inputs, _ = loaded.card.case_schema.read(loaded.card.case_schema.typical)
            if not one_case:
                inputs |= {feature.name: inputs[feature.name] + next(numbers)}
            made.append(
                loaded.predict_one(inputs, asked_by="Ada", source="form", id=new_id(), alias="ab")
            )
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
    found = corrections(review_of(store), VerdictFilter(model=model), left_out or LeftOut())
    return [one for some in found for one in some]


@pytest.mark.parametrize(("model", "disagrees"), UNNAMED)
def test_the_matrix_does_not_contradict_the_headline(store, put, model, disagrees):
    put(model, ("Ada", "agree", {}), n=15)
    card, _ = put(model, ("Ada", "disagree", disagrees), n=15)
    found = totals.figures(review_of(store), VerdictFilter(model=card.name))
    pairs = found.confusion
    counts = error_rates.confusion(
        pairs["value"], pairs["answer"], card.class_values, pairs["verdicts"]
    ).to_numpy()
    assert (found.of("right"), found.of("wrong"), counts.sum()) == (15, 15, 30)
    assert np.trace(counts) <= found.of("right")


@pytest.mark.slow
@pytest.mark.parametrize(("model", "disagrees"), UNNAMED)
def test_a_disagreement_without_a_value_is_a_difference(store, put, model, disagrees):
    put(model, ("Ada", "agree", {}), ("Bob", "agree", {}), n=40, one_case=False)
    put(model, ("Ada", "agree", {}), ("Bob", "disagree", disagrees), n=40, one_case=False)
    shared = totals.shared(review_of(store), VerdictFilter(model=model))
    agreed = totals.agreement(totals.ratings(shared), numbers=False)
    assert (agreed.cases, agreed.agreed) == (80, 40)


def test_experts_who_each_predict_a_case_anew_have_judged_the_same_case(store, put):
    put("iris", ("Ada", "agree", {}))
    put("iris", ("Bob", "disagree", {"comment": "Not this one."}), n=2)
    shared = totals.shared(review_of(store), VerdictFilter(model="iris"))
    agreed = totals.agreement(totals.ratings(shared), numbers=False)
    assert (agreed.cases, agreed.agreed) == (1, 0)
    put("iris", ("Bob", "agree", {}))
    shared = totals.shared(review_of(store), VerdictFilter(model="iris", expert="Bob"))
    agreed = totals.agreement(totals.ratings(shared), numbers=False)
    assert (agreed.cases, agreed.agreed) == (1, 1)


def test_a_case_that_one_expert_judged_twice_is_not_shared(store, put):
    _, made = put("iris", ("Ada", "agree", {}), n=2)
    assert review_of(store).shared_cases("iris") == []
    assert review_of(store).shared_case(made[0].id) is None


def test_about_right_of_a_risk_is_no_label(store, put):
    put("risk", ("Ada", "agree", {}), n=3)
    left_out = LeftOut()
    assert learned(store, "risk", left_out) == []
    assert left_out.unanswered == 1


def test_a_decided_number_that_rounds_to_the_models_is_not_a_mistake(store, put):
    _, (made,) = put("dose", ("Ada", "agree", {}), ("Bob", "disagree", {"correct_value": 150.0}))
    review_of(store).adjudicate(made.id, round(made.value, 1), "close enough", by=REVIEWER)
    found = totals.figures(review_of(store), VerdictFilter(model="dose"))
    assert (found.of("right"), found.of("wrong")) == (2, 0)


def test_distributions_counts_what_was_decided(store, put):
    card, made = put("iris", ("Ada", "agree", {}), ("Bob", "disagree", {"comment": "no"}), n=12)
    for one in made:
        other = next(value for value in card.class_values if value != one.value)
        review_of(store).adjudicate(one.id, other, "x", by=REVIEWER)
    judged = selection.verdicts(store, selected(card, made))
    assert judged["wrong"].tolist() == [1.0] * 24


def test_a_risk_that_is_about_right_says_nothing_of_calibration(store, put):
    card, made = put("risk", ("Ada", "agree", {}), n=20)
    judged = selection.verdicts(store, selected(card, made))
    assert not len(calibration.bins(judged["confidence"], 1 - judged["wrong"]))
    assert set(judged["says"]) == {"about_right"}
    assert judged["risk"].between(0, 1).all()
    (exhibit,) = sections_verdicts.calibrated(judged)
    assert "0 too low, 20 about right, 0 too high" in exhibit.chart.title


@pytest.mark.parametrize(
    ("value", "given", "same"),
    [
        (144.29383772202343, 144.3, True),
        (144.29383772202343, 144.0, True),
        (144.29383772202343, 145.0, False),
        (12.34, 12.3, True),
        (12.34, 12.4, False),
        (0.04567, 0.0457, True),
        (0.04567, 0.047, False),
        (-250.4, -250, True),
        (0.0, 0.1, False),
    ],
)
def test_a_number_is_the_same_within_half_of_the_last_place_shown(value, given, same):
    prediction = case(model="dose", value=value, confidence=None, probabilities=None)
    says = meaning.of_verdict(verdict(prediction, "disagree", correct_value=given), prediction)
    assert says.outcome == ("right" if same else "wrong")
    assert says.answer == given


@pytest.mark.parametrize(
    ("tolerance", "outcome"), [(0.0, "wrong"), (2.0, "right"), (None, "wrong")]
)
def test_the_tolerance_is_that_of_the_card_of_the_prediction(empty_store, tolerance, outcome):
    """An edited card changes nothing that is stored, and counts for what comes after it."""
    for sha256, allowed in (("a" * 64, tolerance), ("e" * 64, 100.0)):
        scale = AnswerScale("number", allowed)
        made = case(value=144.2, probabilities=None, card_sha256=sha256, scale=scale)
        empty_store.add_prediction(made)
        empty_store.add_verdict(verdict(made, "disagree", correct_value=146.0))
    assert empty_store.reviewed()["outcome"].tolist() == [outcome, "right"]


def test_experts_within_the_tolerance_of_each_other_are_no_conflict(store, put):
    near = [("Ada", "disagree", {"correct_value": number}) for number in (170.0, 170.1, 199.0)]
    for (_, judgement, one), other in (near[0], near[1][2]), (near[0], near[2][2]):
        put("dose", ("Ada", judgement, one), ("Bob", judgement, other), one_case=False)
    shared = totals.shared(review_of(store), VerdictFilter(model="dose"))
    agreed = totals.agreement(totals.ratings(shared), numbers=True, shared_cases=shared)
    assert (agreed.cases, agreed.agreed) == (2, 1)
    (pair,) = totals.number_pairs(shared).to_dict("records")
    assert (pair["cases"], pair["agreed"], pair["numbers"]) == (2, 1, 2)
    assert pair["distance"] == pytest.approx((0.1 + 29) / 2)


def test_predictions_of_one_case_are_one_case(store, put):
    _, made = put("iris", ("Ada", "agree", {}), n=10)
    put("iris", ("Bob", "disagree", {"comment": "not this"}), n=10)
    left_out = LeftOut()
    assert learned(store, "iris", left_out) == []
    assert (left_out.conflicts, left_out.unanswered) == (1, 0)
    assert review_of(store).shared_counts("iris")["conflicts"] == 1
    assert len(totals.cases(review_of(store), VerdictFilter(model="iris")).rows) == 1
    review_of(store).adjudicate(made[0].id, made[0].value, "so it is", by=REVIEWER)
    (one,) = learned(store, "iris")
    assert (one.learn, one.source) == (made[0].value, "adjudicated")
    assert set(store.reviewed()["outcome"]) == {"right"}


def test_a_number_that_an_expert_takes_is_no_difference_of_nought(store, put):
    for correct in (100.0, 200.0, 250.0):
        put("dose", ("Ada", "disagree", {"correct_value": correct}))
    put("dose", ("Ada", "agree", {}), n=20)
    numbers = review_of(store).numbers("dose")
    assert (len(numbers), int(numbers["right"].sum())) == (23, 20)
    own = numbers.dropna(subset=["answer"])
    assert calibration.bland_altman(own["value"], own["answer"]).n == 3


def test_a_final_answer_is_replaced_by_a_later_one_everywhere(store, put):
    card, (made,) = put("risk", ("Ada", "agree", {}), ("Bob", "disagree", {"direction": "too_low"}))
    review = review_of(store)
    for direction, wrong in (("too_low", 2), ("about_right", 0), ("too_high", 2)):
        review.adjudicate(made.id, None, "looked again", direction=direction, by=REVIEWER)
        assert counts_of(store, card, [made]) == dict.fromkeys(PLACES, (2 - wrong, wrong))
    assert len(review.adjudications_of(made.id)) == 3


PLACES = (
    *("home", "review", "filtered", "expert", "day", "version", "mode", "table", "page"),
    *("distributions", "arms", "status"),
)


def counts_of(store, card, made):
    """Verdicts that are right and wrong by each page, all in the unit of verdicts."""
    progress, whole = review_of(store).progress(card.name), VerdictFilter(model=card.name)
    figures = totals.figures(review_of(store), whole)
    narrow = totals.figures(review_of(store), VerdictFilter(model=card.name, source="form"))
    rows = [row.outcome for some in review_of(store).each(whole) for row in some]
    reviewed = store.reviewed()
    reviewed = reviewed[reviewed["model"] == card.name]["outcome"].tolist()
    wrong = selection.verdicts(store, selected(card, made))["wrong"]
    arms = review_of(store).arms(card.name, "ab")
    status = status_of(review_of(store), card.name)
    by = {name: getattr(figures, f"by_{name}") for name in ("expert", "day", "version", "mode")}
    return {
        "home": (progress.right, progress.wrong),
        "review": (figures.of("right"), figures.of("wrong")),
        "filtered": (narrow.of("right"), narrow.of("wrong")),
        **{name: (t["right"].sum(), t["wrong"].sum()) for name, t in by.items()},
        "table": (reviewed.count("right"), reviewed.count("wrong")),
        "page": (rows.count("right"), rows.count("wrong")),
        "distributions": ((wrong == 0).sum(), (wrong == 1).sum()),
        "arms": (sum(arm.right for arm in arms), sum(arm.wrong for arm in arms)),
        "status": (status.right.count, status.right.total - status.right.count),
    }


KINDS = {
    "class": {"value": "a", "scale": AnswerScale("class"), "probabilities": (0.8, 0.2)},
    "number": {"value": 144.2, "scale": AnswerScale("number", 1.0), "probabilities": None},
    "probability": {
        "value": True,
        "scale": AnswerScale("probability"),
        "probabilities": (0.8, 0.2),
    },
}
NAMED = {"class": ["a", "b", "c"], "number": [144.2, 144.9, 150.0, 151.5], "probability": [False]}
DEED = st.tuples(
    st.integers(0, 3),
    st.sampled_from(["Ada", "ada", "Bob", "Cy"]),
    st.sampled_from(["agree", "disagree", "unsure", "withdrawn", "decide", "decide other"]),
    st.integers(0, 5),
)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@given(deeds=st.lists(DEED, max_size=14))
@hypothesis_settings(max_examples=200 if THOROUGH else 10)
def test_every_page_counts_the_same(shared_store, kind, deeds):
    """Random verdicts, changes, withdrawals, repeated predictions and final answers."""
    name = new_id()
    card = card_of(**CARDS[kind], name=name)
    made = [
        case(model=name, alias="ab", card_sha256=kind, inputs={"age": at % 3}, **KINDS[kind])
        for at in range(4)
    ]
    shared_store.add_predictions(made)
    for at, expert, deed, choice in deeds:
        with suppress(UserError):
            _do(shared_store, made[at], expert, deed, choice, NAMED[kind])
    counts = counts_of(shared_store, card, made)
    assert len(set(counts.values())) == 1, counts
    right, wrong = counts["review"]
    figures = totals.figures(review_of(shared_store), VerdictFilter(model=name))
    if kind != "number":
        for table in (figures.by_class, figures.by_confidence):
            assert (table["right"].sum(), table["wrong"].sum()) == (right, wrong)
        assert figures.confusion["verdicts"].sum() == right + wrong
    found = [
        row for some in review_of(shared_store).each(VerdictFilter(model=name)) for row in some
    ]
    taught = {row.case_id for row in found if row.answer is not None}
    left_out = LeftOut()
    rows = [
        one
        for some in corrections(review_of(shared_store), VerdictFilter(model=name), left_out)
        for one in some
    ]
    cases = {row.case_id for row in found}
    assert len(rows) + left_out.conflicts + left_out.unanswered == len(cases)
    status = status_of(review_of(shared_store), name)
    assert (status.verdicts, status.cases) == (len(found), len(cases))
    assert (status.unsure, status.waiting) == (len(found) - right - wrong, left_out.conflicts)
    assert len(rows) <= len(taught)
    if kind == "probability":
        assert all(row.learn is False for row in rows)
        bands = judged_risks.by_band(review_of(shared_store), VerdictFilter(model=name), card)
        says = selection.verdicts(shared_store, selected(card, made))
        says = says.dropna(subset=["wrong"])["says"].replace("", "not_said").value_counts()
        assert {side: bands[side].sum() for side in risk_bands.SIDES} == {
            side: says.get(side, 0) for side in risk_bands.SIDES
        }
        assert bands[list(risk_bands.SIDES)].to_numpy().sum() == right + wrong
        assert bands["about_right"].sum() == right


# Models of three classes, of two, of a number and of a probability.
@pytest.fixture(scope="module", params=["iris", "triage", "dose", "risk"])
def compared(request, models, tmp_path_factory):
    return Registry(models).load(request.param), tmp_path_factory.mktemp("compared")


@pytest.mark.slow
@given(deeds=st.lists(DEED, max_size=14))
@hypothesis_settings(max_examples=200 if THOROUGH else 10)
def test_compare_counts_the_cases_that_corrections_teach(compared, deeds):
    """Both in cases: those that contradict each other, or name no answer, are left out of both.

    Of two classes the other one is right where the model's is wrong, whether it was named or not.
    """
    loaded, folder = compared
    card, name = loaded.card, loaded.card.name
    with closing(Store.open(folder / f"{new_id()}.db")) as store:
        made = [loaded.predict_one(inputs, **ASKED, id=new_id()) for inputs in four_of_three(card)]
        store.add_predictions(made)
        for at, expert, deed, choice in deeds:
            with suppress(UserError):
                _do(store, made[at], expert, deed, choice, named_of(card, made[at]))
        rows = learned(store, name)
        tolerance = 0.5 if card.task == "regression" else None
        judged = review_of(store).judged(name, [card.version])
        found = expert_backing.backed(loaded, loaded, judged, tolerance)
        review = totals.cases(review_of(store), VerdictFilter(model=name))
    right, wrong = review.errors.count(0.0), review.errors.count(1.0)
    assert (found.both + found.neither, found.fixes, found.breaks) == (found.cases, 0, 0)
    if card.task == "binary" and card.answer == "class":
        assert (found.both, found.neither) == (right, wrong)
        return
    assert found.cases == len(rows)
    if card.task == "regression":
        # Of two numbers within the tolerance of each other one may be within that of the model's.
        mixed = len(review.errors) - right - wrong
        assert right <= found.both <= right + mixed
    else:
        assert found.both == sum(row.learn == row.prediction.value for row in rows)
    if card.answer == "class":
        assert found.both == right


ASKED = {"asked_by": "Ada", "source": "form"}


def four_of_three(card):
    """Inputs of four predictions: the first and the last are of one case."""
    typical, _ = card.case_schema.read(card.case_schema.typical)
    field = next(f.name for f in card.case_schema.features if f.kind == "number")
    return [{**typical, field: typical[field] + at % 3} for at in range(4)]


def named_of(card, prediction):
    """The answers that may be named of a prediction, the model's own among them."""
    if card.task != "regression":
        return card.class_values
    return [prediction.value + more for more in (0, 0.3, 0.7, 6.0)]


SIDES = ("about_right", "too_low", "too_high")
CARDS = {
    "class": {},
    "number": {"task": "regression"},
    "probability": {"answer": "probability", "positive": 1},
}


def _do(store, prediction, expert, deed, choice, named):
    if deed.startswith("decide"):
        is_risk = prediction.scale is not None and prediction.scale.answer == "probability"
        side = SIDES[choice % 3] if is_risk and deed == "decide other" else None
        answer = None if side else named[choice % len(named)]
        review_of(store).adjudicate(prediction.id, answer, "so it is", direction=side, by=REVIEWER)
        return
    about = {"comment": "because"}
    if deed == "disagree" and choice < len(named) and named[choice] != prediction.value:
        about["correct_value"] = named[choice]
    elif deed == "disagree" and choice > 3:
        about["direction"] = "too_low" if choice == 4 else "too_high"
    store.add_verdict(Verdict(prediction.id, expert, deed, **about))
