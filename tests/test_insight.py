"""Why this answer: effects of single fields, the smallest change that flips it, and its pace."""

import time

import numpy as np
import pandas as pd
import pytest
from builders import case as prediction_of
from builders import examples
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression

from second_opinion import Registry
from second_opinion.models.insight import insight
from second_opinion.models.insight.answer_context import base_rate, place_of, usual_error
from second_opinion.models.insight.insight import Absence, Insight, insight_of
from second_opinion.models.insight.known_cases import USUAL, known_cases
from second_opinion.models.insight.pace import Pace, pace_of
from second_opinion.models.insight.what_if import Flip, what_if
from second_opinion.records.value import same_value
from second_opinion.statistics.training_summary import Reference

ROWS = 600
EVERY_KIND = ("pulse", "temperature", "age", "visits", "colour", "region", "smoker", "pregnant")
EVERY_KIND += ("insured", "admitted", "note")


@pytest.fixture(scope="module")
def numbers():
    rng = np.random.default_rng(3)
    return pd.DataFrame(rng.normal(size=(ROWS, 3)).round(3), columns=["a", "b", "c"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory, numbers, training, triage):
    """lines (a linear number), triage with its rows, one (a single field), forest, risk, hard."""
    registry = Registry(tmp_path_factory.mktemp("insight") / "model")
    y = 3 * numbers["a"] - 2 * numbers["b"] + 10
    registry.add(
        LinearRegression().fit(numbers, y), numbers, y, name="lines", target="y", reference="rows"
    )
    registry.add(triage, *training, name="triage", target="outcome", reference="rows")
    yes = (numbers["a"] > 0).map({True: "yes", False: "no"})
    one = numbers[["a"]]
    registry.add(LogisticRegression().fit(one, yes), one, yes, name="one", target="y")
    forest = RandomForestClassifier(20, random_state=0).fit(numbers, yes)
    registry.add(forest, numbers, yes, name="forest", target="y", reference="rows")
    registry.add(
        forest,
        numbers,
        yes,
        name="risk",
        target="y",
        card={"answer": "probability", "positive": "yes", "target": {"event": "a yes"}},
    )
    registry.add(Hard().fit(numbers, yes), numbers, yes, name="hard", target="y")
    return registry


class Hard(ClassifierMixin, BaseEstimator):
    """Answers by the sign of the first field, without a probability."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.n_features_in_, self.feature_names_in_ = X.shape[1], np.array(X.columns, object)
        return self

    def predict(self, X):
        return np.where(np.asarray(X)[:, 0] > 0, "yes", "no")


class Echo(RegressorMixin, BaseEstimator):
    """Answers the first field; may be told to take a while, or to fail at many cases at once."""

    def __init__(self, name=""):
        self.name = name

    def fit(self, X, y):
        self.n_features_in_, self.feature_names_in_ = X.shape[1], np.array(X.columns, object)
        self.most_, self.pause_ = 10_000, 0.0
        return self

    def predict(self, X):
        time.sleep(self.pause_)
        if len(X) > self.most_:
            raise RuntimeError("too many at once")
        return np.asarray(X)[:, 0].astype(float)


@pytest.fixture
def echo(tmp_path, numbers):
    """A registry with one model, and its estimator as it is loaded."""
    registry, y = Registry(tmp_path / "model"), numbers["a"].rename("y")
    registry.add(Echo(tmp_path.name).fit(numbers, y), numbers, y, name="echo")
    return registry, registry.load("echo").estimator


def explained(registry, name, case, flip=None):
    model = registry.load(name)
    known = known_cases(registry, model.card)
    return what_if(model.outputs, model.card, case, known.variants, flip or Flip())


def typical(registry):
    """A case of triage in which something is not known."""
    schema = registry.card("triage").case_schema
    return schema.read({**schema.typical, "temperature": None, "note": "cough"})[0]


def asked(inputs, **changes):
    """A stored answer to a case."""
    return prediction_of(inputs=inputs, **changes)


def by_name(result):
    return {effect.feature.name: effect.size for effect in result.effects}


# --- effects


def test_the_effect_in_a_linear_model_is_its_coefficient_times_the_distance_from_the_mean(folder):
    """EVIDENCE: delta_j = b_j (x_j - mean b_j), to 1e-9."""
    case = {"a": 1.25, "b": -0.5, "c": 2.0}
    known = known_cases(folder, folder.card("lines"))
    means = {field.feature.name: np.mean(field.usual) for field in known.fields}
    assert all(len(field.usual) == USUAL for field in known.fields)
    effects = by_name(explained(folder, "lines", case))
    assert effects["a"] == pytest.approx(3 * (1.25 - means["a"]), abs=1e-9)
    assert effects["b"] == pytest.approx(-2 * (-0.5 - means["b"]), abs=1e-9)
    assert effects["c"] == pytest.approx(0, abs=1e-9)


def test_effects_come_largest_first_and_one_for_each_field(folder):
    result = explained(folder, "lines", {"a": 1.25, "b": -0.5, "c": 2.0})
    sizes = [abs(effect.size) for effect in result.effects]
    assert sizes == sorted(sizes, reverse=True)
    assert {effect.feature.name for effect in result.effects} == {"a", "b", "c"}


def test_all_variants_of_a_case_go_to_the_model_in_one_call(folder):
    calls, model = [], folder.load("forest")
    variants = known_cases(folder, model.card).variants

    def ask(cases):
        calls.append(len(cases))
        return model.outputs(cases)

    what_if(ask, model.card, {"a": 0.5, "b": 0.0, "c": 0.0}, variants, Flip())
    assert calls == [len(variants)]
    assert calls[0] <= 1 + 3 * 70


def test_the_effect_on_a_class_is_on_its_probability(folder):
    model = folder.load("forest")
    case = {"a": 2.0, "b": 0.0, "c": 0.0}
    field = known_cases(folder, model.card).fields[0]
    sure = model.predict([case, *({**case, "a": value} for value in field.usual)])["probabilities"]
    shares = [share[1] for share in sure]
    expected = shares[0] - np.mean(shares[1:])
    assert by_name(explained(folder, "forest", case))["a"] == pytest.approx(expected, abs=1e-9)


def test_without_probabilities_the_effect_is_how_often_the_answer_would_be_another(folder):
    case = {"a": 0.2, "b": 0.0, "c": 0.0}
    field = known_cases(folder, folder.card("hard")).fields[0]
    effects = by_name(explained(folder, "hard", case))
    assert effects["a"] == pytest.approx(np.mean([value <= 0 for value in field.usual]))
    assert effects["b"] == effects["c"] == 0


def test_every_kind_of_field_has_its_effect(folder):
    assert set(by_name(explained(folder, "triage", typical(folder)))) == set(EVERY_KIND)


def test_a_summary_has_no_texts_to_compare_with(models):
    registry = Registry(models)
    effects = by_name(explained(registry, "triage", typical(registry)))
    assert set(effects) == set(EVERY_KIND) - {"note"}
    assert all(np.isfinite(size) for size in effects.values())


def test_a_model_of_one_field_has_one_effect(folder):
    assert set(by_name(explained(folder, "one", {"a": 1.0}))) == {"a"}


# --- what would change the answer

case_values = st.floats(-3, 3, allow_nan=False).map(lambda value: round(value, 3))


@given(case=st.fixed_dictionaries({"a": case_values, "b": case_values, "c": case_values}))
@examples(25)
@pytest.mark.parametrize("name", ["forest", "one", "hard"])
def test_the_change_flips_the_answer_once_it_is_predicted(folder, name, case):
    model = folder.load(name)
    case = {feature: case[feature] for feature in model.card.case_schema.names}
    before = model.predict([case])["value"][0]
    change = explained(folder, name, case).change
    after = model.predict([{**case, change.feature.name: change.value}])["value"][0]
    assert same_value(after, change.answer)
    assert not same_value(after, before)


def test_the_smallest_change_of_a_number_goes_over_the_fewest_known_cases(folder):
    """The answer turns at a = 0: of the grid, the value next to it on the other side."""
    field = known_cases(folder, folder.card("hard")).fields[0]
    change = explained(folder, "hard", {"a": 1.5, "b": 0.0, "c": 0.0}).change
    assert change.feature.name == "a"
    assert change.value == max(value for value in field.grid if value <= 0)


def test_a_number_is_another_once_it_is_off_by_more_than_the_usual_error(folder):
    case = {"a": 0.0, "b": 0.0, "c": 0.0}
    assert explained(folder, "lines", case).change is None
    change = explained(folder, "lines", case, Flip(off=2.0)).change
    assert abs(change.answer - 10) > 2
    assert change.answer == pytest.approx(
        10 + {"a": 3, "b": -2}[change.feature.name] * change.value
    )


def test_a_risk_is_another_once_it_is_on_the_other_side_of_the_base_rate(folder):
    card = folder.card("risk")
    base = base_rate(card, folder.reference(card))
    change = explained(folder, "risk", {"a": 2.0, "b": 0.0, "c": 0.0}, Flip(base=base)).change
    assert change.answer < base


def test_the_commonest_levels_and_values_that_occur_are_tried(folder, training):
    fields = {f.feature.name: f for f in known_cases(folder, folder.card("triage")).fields}
    cases, _ = training
    assert set(fields["colour"].grid) == {"red", "amber", "green"}
    assert set(fields["smoker"].grid) == {True, False}
    assert set(fields["age"].grid) <= set(cases["age"])
    assert set(fields["admitted"].grid) <= {str(day)[:10] for day in cases["admitted"]}
    assert fields["note"].grid == ()
    assert all(len(field.grid) <= 20 for field in fields.values())


def test_a_step_is_the_share_of_known_cases_between_two_values(folder, training):
    fields = {f.feature.name: f for f in known_cases(folder, folder.card("triage")).fields}
    cases, _ = training
    low, high = cases["pulse"].min(), cases["pulse"].max()
    assert fields["pulse"].step(low, high) == pytest.approx(1, abs=0.01)
    assert fields["pulse"].step(high, low) == fields["pulse"].step(low, high)
    assert fields["colour"].step("red", "green") == 1 - (cases["colour"] == "green").mean()
    assert fields["temperature"].step(None, 37.0) == 1.0


# --- the whole insight


def test_an_insight_says_whether_it_rests_on_rows_or_on_a_summary(folder, models):
    for registry, origin in ((folder, "rows"), (Registry(models), "summary")):
        seen = insight_of(registry, registry.card("triage"), asked(typical(registry)))
        assert isinstance(seen, Insight)
        assert (seen.origin, seen.total) == (origin, 400)


def test_certainty_has_no_effect_that_is_no_number(folder):
    seen = insight_of(folder, folder.card("forest"), asked({"a": 2.9, "b": 0.0, "c": 0.0}))
    assert seen.reasons.score == 1.0
    assert all(np.isfinite(effect.size) for effect in seen.reasons.effects)


def test_a_case_unlike_the_known_ones_is_called_so(folder):
    card = folder.card("forest")
    assert insight_of(folder, card, asked({"a": 9.0, "b": -9.0, "c": 9.0})).novelty.is_unlike
    assert not insight_of(folder, card, asked({"a": 0.0, "b": 0.0, "c": 0.0})).novelty.is_unlike


def test_a_model_that_fails_at_the_variants_leaves_the_reasons_out(echo):
    registry, estimator = echo
    estimator.most_ = 40
    seen = insight_of(registry, registry.card("echo"), asked({"a": 1.0, "b": 0.0, "c": 0.0}))
    assert seen.reasons == Absence(insight.FAILS)
    assert seen.novelty is not None


def test_without_training_data_nothing_is_computed(tmp_path, numbers):
    registry = Registry(tmp_path / "model")
    registry.add(LinearRegression().fit(numbers, numbers["a"]), name="bare", target="y")
    assert insight_of(
        registry, registry.card("bare"), asked({"a": 1.0, "b": 0.0, "c": 0.0})
    ) == Absence(insight.NOTHING_KNOWN)


def test_the_reasons_of_a_slow_model_wait_until_somebody_will(echo):
    registry, estimator = echo
    estimator.pause_ = 0.6
    card, case = registry.card("echo"), {"a": 1.0, "b": 0.0, "c": 0.0}
    seen = insight_of(registry, card, asked(case))
    assert seen.reasons.seconds_an_answer >= 0.6
    assert seen.reasons.seconds > 60
    assert seen.novelty is not None
    waited = insight_of(registry, card, asked(case), wait=True)
    assert waited.reasons.effects[0].feature.name == "a"
    assert insight_of(registry, card, asked(case)) == waited


def test_a_model_that_is_slow_on_record_is_not_asked_at_all(echo):
    registry, estimator = echo
    estimator.most_ = 0
    slow = asked({"a": 1.0, "b": 0.0, "c": 0.0}, latency_ms=4000.0)
    assert insight_of(registry, registry.card("echo"), slow).reasons.seconds_an_answer == 4.0


def test_a_slow_model_is_asked_for_one_case_to_find_that_out():
    calls = []

    def ask(cases):
        calls.append(len(cases))
        time.sleep(0.6)

    assert pace_of(ask, {}).seconds_for(200) > 100
    assert calls == [1, 1]


@pytest.mark.slow
def test_a_model_with_a_long_start_is_tried_with_many_cases_and_one_that_goes_on_is_not():
    for each, most in ((0.0, 33), (0.3, 2)):
        calls = []

        def ask(cases, each=each, calls=calls):
            calls.append(len(cases))
            time.sleep(0.3 if not each else each * len(cases))

        pace_of(ask, {})
        assert max(calls) == most


def test_the_pace_of_a_model_that_computes_many_at_once_hardly_grows():
    pace = Pace(0.05, 0.0001)
    assert pace.seconds_for(1000) == pytest.approx(0.15, abs=0.001)
    assert pace.seconds_for(1) == 0.05


def test_reasons_are_computed_once_for_a_case(folder, monkeypatch):
    card, case = folder.card("one"), {"a": 0.123}
    first = insight_of(folder, card, asked(case))
    monkeypatch.setattr(insight, "what_if", None)
    assert insight_of(folder, card, asked(case)) == first


# --- what an answer is held against


def test_a_number_lies_where_the_training_answers_say():
    summary = list(range(9))
    assert place_of(4, summary).below == place_of(4, summary).above == 0.5
    assert place_of(2.5, summary).below == pytest.approx(2.5 / 8)
    assert (place_of(-1, summary).below, place_of(-1, summary).above) == (0, 1)
    assert (place_of(99, summary).below, place_of(99, summary).above) == (1, 0)
    assert place_of(4, summary).quartiles == (0, 2, 4, 6, 8)
    assert place_of(4, ()) is None


def test_equal_training_answers_are_neither_below_nor_above():
    summary = [0, 1, 2, 3, 4, 4, 4, 5, 6]
    place = place_of(4, summary)
    assert (place.below, place.above) == (0.5, 0.25)
    assert place.middle == 0.625


def test_the_base_rate_is_the_share_of_the_positive_class(folder, numbers):
    card = folder.card("risk")
    assert base_rate(card, folder.reference(card)) == (numbers["a"] > 0).mean()
    assert base_rate(card, Reference(9, {})) is None


def test_the_usual_error_is_the_cards(folder):
    card = folder.card("lines")
    assert usual_error(card) == card.metrics["mean absolute error"]
    assert usual_error(folder.card("forest")) is None
