"""Two versions on the same cases, and against what experts said."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from builders import ROOT, most, runs_of
from scipy.stats import binomtest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.svm import LinearSVC

from second_opinion import Registry
from second_opinion.errors import UserError
from second_opinion.models import comparison, comparison_cases, expert_backing, traffic_split
from second_opinion.records.review import Adjudication, VersionTally
from second_opinion.records.value import plain
from second_opinion.records.verdict import Verdict
from second_opinion.statistics import paired
from second_opinion.verdicts import meaning

CHURN = Registry(ROOT / "model")


@pytest.fixture(scope="module")
def registry(tmp_path_factory, training):
    """Pairs of versions: of a number, of three classes, with other fields, of other kinds."""
    cases, _ = training
    registry = Registry(tmp_path_factory.mktemp("compare") / "model")
    rng = np.random.default_rng(3)
    two, three = cases[["pulse", "age"]], cases[["pulse", "age", "insured"]]
    dose = 2 * two["pulse"] + 0.5 * two["age"] + rng.normal(0, 4, len(two))
    band = pd.Series(pd.cut(dose, 3, labels=["low", "middle", "high"]).astype(str))
    for size in (40, 400):
        registry.add(LinearRegression().fit(two[:size], dose[:size]), two, dose, name="dose")
        for name in ("band", "unsure"):
            kind = LogisticRegression(max_iter=500) if name == "band" else LinearSVC(dual=False)
            registry.add(kind.fit(two[:size], band[:size]), two, band, name=name)
    rows = three.assign(day=pd.Timestamp("2024-02-03"))
    registry.add(
        LogisticRegression(max_iter=500).fit(three, band), three, band, name="band", version="wide"
    )
    registry.add(LinearRegression().fit(two, dose), two, dose, name="band", version="number")
    kept = two.assign(insured=np.where(rows.index < 100, rows["insured"], np.nan))
    kept.assign(day=rows["day"], target=band).to_parquet(
        registry.folder / "band/1/reference.parquet"
    )
    return registry


def loaded(registry, *refs):
    return [registry.load(ref) for ref in refs]


def test_stored_rows_are_the_cases_where_there_are_some():
    cases = comparison_cases.cases_of(CHURN, CHURN.card("customer-churn/1"))
    rows = pd.read_parquet(CHURN.rows_file("customer-churn/1"))
    assert cases.about == f"{len(rows):,} stored rows of the training data of version 1"
    assert len(cases.cases) == len(rows)
    card = CHURN.card("customer-churn/1")
    assert set(card.case_schema.names) == set(cases.cases[0])
    first = {name: plain(value) for name, value in rows.iloc[0].items()}
    assert all(cases.cases[0][name] == first[name] for name in cases.cases[0])


@pytest.mark.slow
def test_made_up_cases_stand_in_where_no_row_was_kept(registry):
    cases = comparison_cases.cases_of(registry, registry.card("dose/2"))
    assert cases.about.startswith("1,000 made-up cases")
    assert len(cases.cases) == 1000
    assert cases.cases == comparison_cases.cases_of(registry, registry.card("dose/2")).cases


def test_days_of_stored_rows_are_dates(registry):
    assert (
        comparison_cases.cases_of(registry, registry.card("band/1")).cases[0]["day"] == "2024-02-03"
    )


def test_the_key_of_cases_changes_with_them(registry):
    before = comparison_cases.cases_key(registry, registry.card("band/1"))
    assert before == comparison_cases.cases_of(registry, registry.card("band/1")).key
    assert before != comparison_cases.cases_key(registry, registry.card("band/2"))
    path = registry.rows_file("band/1")
    path.write_bytes(path.read_bytes())
    assert comparison_cases.cases_key(registry, registry.card("band/1")) != before


def test_a_version_agrees_with_itself():
    first, second = loaded(CHURN, "customer-churn/1", "customer-churn/1")
    found = comparison.compare(
        first, second, comparison_cases.cases_of(CHURN, CHURN.card("customer-churn/1")).cases[:200]
    )
    assert (found.cases, found.same, found.different, found.mean_change) == (200, 200, 0, 0.0)
    assert found.differing.empty
    assert found.high == 1.0


@pytest.mark.slow
def test_two_classifiers_are_compared_as_their_estimators_answer():
    first, second = loaded(CHURN, "customer-churn/1", "customer-churn/2")
    rows = pd.read_parquet(CHURN.rows_file("customer-churn/1"))
    cases = comparison_cases.cases_of(CHURN, CHURN.card("customer-churn/1")).cases
    one, other = (m.estimator.predict(rows[m.card.case_schema.names]) for m in (first, second))
    probabilities = [
        m.estimator.predict_proba(rows[m.card.case_schema.names]) for m in (first, second)
    ]
    found = comparison.compare(first, second, cases)
    assert found.same == (one == other).sum()
    interval = binomtest(int(found.same), len(rows)).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    labels = [first.card.label(value) for value in first.card.class_values]
    assert found.crossed.index.tolist() == found.crossed.columns.tolist() == labels
    for a, at_a in zip(first.card.class_values, labels, strict=True):
        for b, at_b in zip(first.card.class_values, labels, strict=True):
            assert found.crossed.loc[at_a, at_b] == ((one == a) & (other == b)).sum()
    assert found.answers.sum().tolist() == [len(rows)] * 2
    assert found.confidences.sum().tolist() == [len(rows)] * 2
    change = np.abs(probabilities[0] - probabilities[1]).max(axis=1)
    assert found.mean_change == pytest.approx(change.mean())
    assert found.different == (one != other).sum()
    largest = np.sort(change[one != other])[::-1][:100]
    assert found.differing["Change"].tolist() == pytest.approx(largest, abs=1e-4)
    assert (found.differing["Version 1 says"] != found.differing["Version 2 says"]).all()


def test_numbers_are_compared_by_difference_correlation_and_tolerance(registry):
    first, second = loaded(registry, "dose/1", "dose/2")
    cases = comparison_cases.cases_of(registry, registry.card("dose/1")).cases
    one, other = (
        m.estimator.predict(pd.DataFrame(cases)[["pulse", "age"]]) for m in (first, second)
    )
    apart = np.abs(one - other)
    found = comparison.compare(first, second, cases)
    assert (found.same, found.crossed) == (None, None)
    assert np.isnan(found.low)
    assert found.mean_change == pytest.approx(apart.mean())
    assert found.correlation == pytest.approx(np.corrcoef(one, other)[0, 1])
    assert found.answers.sum().tolist() == [1000, 1000]
    assert found.confidences.empty
    limit = float(np.median(apart))
    within = comparison.compare(first, second, cases, tolerance=limit)
    assert within.same == (apart <= limit).sum()
    assert within.different == (apart > limit).sum()
    assert within.differing["Change"].iloc[0] == pytest.approx(apart.max(), abs=1e-3)


def test_classes_without_probabilities_have_no_change(registry):
    first, second = loaded(registry, "unsure/1", "unsure/2")
    found = comparison.compare(
        first, second, comparison_cases.cases_of(registry, registry.card("unsure/1")).cases
    )
    assert np.isnan(found.mean_change)
    assert found.confidences.empty
    assert found.different == found.cases - found.same > 0
    assert "Change" not in found.differing


def test_cases_that_one_version_cannot_read_are_said(registry):
    first, second = loaded(registry, "band/1", "band/wide")
    found = comparison.compare(
        first, second, comparison_cases.cases_of(registry, registry.card("band/1")).cases
    )
    assert found.cases == 100
    (said,) = found.unread
    assert said.startswith("version wide cannot read 300 of 400 cases (insured is empty")


def test_versions_with_nothing_in_common_are_refused(registry):
    narrow, wide = loaded(registry, "band/2", "band/wide")
    with pytest.raises(UserError, match="No case can be read by both: version wide cannot read"):
        comparison.compare(
            narrow, wide, comparison_cases.cases_of(registry, registry.card("band/2")).cases
        )
    with pytest.raises(UserError, match="multiclass model and band/number a regression one"):
        comparison.compare(*loaded(registry, "band/1", "band/number"), [])


def test_the_other_way_round_says_the_same():
    first, second = loaded(CHURN, "customer-churn/1", "customer-churn/2")
    cases = comparison_cases.cases_of(CHURN, CHURN.card("customer-churn/2")).cases[:500]
    there, back = comparison.compare(first, second, cases), comparison.compare(second, first, cases)
    assert there.crossed.equals(back.crossed.T)
    assert (there.same, there.mean_change) == (back.same, pytest.approx(back.mean_change))
    assert there.answers.equals(back.answers[there.answers.columns])


def test_numbers_that_lie_close_together_keep_their_bars_apart(registry):
    (first,) = loaded(registry, "dose/1")
    case = comparison_cases.cases_of(registry, registry.card("dose/1")).cases[0]
    near = [{**case, "pulse": case["pulse"] + at * 1e-7} for at in range(50)]
    found = comparison.compare(first, first, near)
    assert found.answers.index.is_unique
    assert found.answers.iloc[:, 0].sum() == 50


# --- against the verdicts


def said_of(model, case, judgement, correct_value=None, value=None, decided=None, mode="open"):
    """A row of `Store.judged`; ``decided`` is a final answer."""
    prediction = model.predict_one(case, asked_by="Ada", source="form", id="p")
    prediction = replace(prediction, value=prediction.value if value is None else value)
    says = meaning.of_verdict(
        Verdict("p", "Ada", judgement, correct_value=correct_value), prediction
    )
    if decided is not None:
        says = meaning.of_final_answer(Adjudication("p", decided, "so it is", "Rita"), prediction)
    return {
        "version": model.card.version,
        "inputs": dict(case),
        "value": prediction.value,
        "adjudicated": decided is not None,
        "expert": "Ada",
        "mode": mode,
        "blind_value": None,
        "direction": None,
        **vars(says),
    }


@pytest.fixture(scope="module")
def churn():
    """Both churn models, a case on which they agree and ten on which they differ."""
    first, second = loaded(CHURN, "customer-churn/1", "customer-churn/2")
    cases = comparison_cases.cases_of(CHURN, CHURN.card("customer-churn/1")).cases
    one, other = (m.predict(cases)["value"].to_numpy() for m in (first, second))
    differ = np.flatnonzero(one != other)[:10]
    return first, second, cases[int(np.flatnonzero(one == other)[0])], [cases[at] for at in differ]


@pytest.mark.slow
def test_a_rejected_answer_that_the_other_version_mends_is_fixed(churn):
    first, second, alike, differ = churn
    judged = [
        said_of(first, alike, "agree", mode="blind"),
        *(said_of(first, case, "disagree", mode="blind") for case in differ[:6]),
        said_of(second, differ[6], "agree", mode="blind"),
    ]
    found = expert_backing.backed(first, second, judged)
    assert (found.cases, found.both, found.neither) == (8, 1, 0)
    assert (found.fixes, found.breaks) == (7, 0)
    assert len(found.fixed_cases) == 7
    assert (found.blind_cases, found.p_value) == (8, 2 / 2**7)
    assert "before they saw a version's answer. Version 2 is right more often" in found.text
    assert (found.fixed_cases["Version 2 says"] == found.fixed_cases["Experts say"]).all()


def test_an_accepted_answer_that_the_other_version_changes_is_broken(churn):
    first, second, alike, differ = churn
    judged = [
        said_of(first, differ[0], "agree", mode="blind"),
        said_of(second, differ[1], "disagree", mode="blind"),
        said_of(second, alike, "disagree", mode="blind"),
        said_of(first, differ[2], "disagree", mode="blind"),
    ]
    found = expert_backing.backed(first, second, judged)
    assert (found.fixes, found.breaks, found.both, found.neither) == (1, 2, 0, 1)
    assert "Too few to tell the two apart: 3 cases" in found.text
    assert len(found.broken_cases) == 2


def test_what_one_way_fixes_the_other_way_breaks(churn):
    first, second, alike, differ = churn
    judged = [said_of(first, case, "disagree", mode="blind") for case in differ[:4]]
    judged += [said_of(second, differ[4], "disagree", mode="blind")]
    judged += [said_of(first, alike, "disagree")]
    there, back = (
        expert_backing.backed(first, second, judged),
        expert_backing.backed(second, first, judged),
    )
    assert (there.fixes, there.breaks) == (back.breaks, back.fixes) == (4, 1)
    assert there.p_value == back.p_value


def test_one_case_counts_once_however_often_it_was_judged(churn):
    first, second, _, differ = churn
    judged = [said_of(first, differ[0], "disagree") for _ in range(9)]
    judged.append(said_of(second, differ[0], "agree"))
    found = expert_backing.backed(first, second, judged)
    assert (found.cases, found.fixes) == (1, 1)


def test_cases_on_which_experts_disagree_are_left_out(churn):
    first, second, _, differ = churn
    judged = [said_of(first, differ[0], "disagree"), said_of(first, differ[0], "agree")]
    found = expert_backing.backed(first, second, judged)
    assert found.cases == found.fixes == found.breaks == 0
    assert found.left_out == ("in 1 case experts disagree",)


def test_a_rejection_without_a_right_answer_is_left_out_where_it_may_be_any(registry):
    first, second = loaded(registry, "band/1", "band/2")
    case = comparison_cases.cases_of(registry, registry.card("band/2")).cases[0]
    found = expert_backing.backed(first, second, [said_of(first, case, "disagree")])
    assert found.cases == 0
    assert found.left_out == ("in 1 case nobody said what is right",)
    assert found.text.startswith("Too few")


def test_a_case_that_one_version_cannot_read_is_left_out(registry):
    first, second = loaded(registry, "band/2", "band/wide")
    case = comparison_cases.cases_of(registry, registry.card("band/2")).cases[0]
    found = expert_backing.backed(first, second, [said_of(first, case, "agree")])
    assert found.cases == 0
    assert found.left_out[0].startswith("version wide cannot read 1 of 1 case (")


def test_what_was_judged_counts_and_not_what_a_version_says_now(churn):
    first, second, alike, _ = churn
    answer = first.predict([alike])["value"].iloc[0]
    other = next(v for v in first.card.class_values if v != answer)
    judged = [said_of(first, alike, "disagree", correct_value=answer, value=other)]
    found = expert_backing.backed(first, second, judged)
    assert (found.fixes, found.breaks) == (1, 0)


def test_numbers_are_right_within_the_tolerance(registry):
    first, second = loaded(registry, "dose/1", "dose/2")
    case = comparison_cases.cases_of(registry, registry.card("dose/1")).cases[0]
    one, other = (m.predict([case])["value"].iloc[0] for m in (first, second))
    gap = abs(one - other)
    judged = [said_of(first, case, "disagree", correct_value=float(other))]
    assert expert_backing.backed(first, second, judged, gap / 2).fixes == 1
    assert expert_backing.backed(first, second, judged, gap * 2).both == 1
    both = [said_of(first, case, "agree"), said_of(second, case, "agree")]
    assert expert_backing.backed(first, second, both, gap / 2).left_out == (
        "in 1 case experts disagree",
    )
    assert expert_backing.backed(first, second, both, gap * 2).both == 1
    with pytest.raises(UserError, match="expected a tolerance"):
        expert_backing.backed(first, second, judged)


def test_a_risk_that_is_about_right_does_not_say_which_class_is(models):
    (model,) = loaded(Registry(models), "risk")
    case = comparison_cases.cases_of(Registry(models), Registry(models).card("risk")).cases[0]
    found = expert_backing.backed(model, model, [said_of(model, case, "agree")])
    assert found.left_out == ("in 1 case nobody said what is right",)


def test_what_was_decided_goes_before_what_experts_said(churn):
    first, second, _, (case, *_) = churn
    answers = [model.predict([case])["value"].iloc[0] for model in (first, second)]
    judged = [said_of(first, case, "agree"), said_of(first, case, "disagree")]
    assert expert_backing.backed(first, second, judged).left_out == ("in 1 case experts disagree",)
    for answer, won in zip(answers, ((0, 1), (1, 0)), strict=True):
        decided = [said_of(first, case, said, decided=answer) for said in ("agree", "disagree")]
        undecided_elsewhere = said_of(second, case, "disagree")
        found = expert_backing.backed(first, second, [*decided, undecided_elsewhere])
        assert (found.fixes, found.breaks, found.left_out) == (*won, ())


def test_answers_after_seeing_a_version_are_counted_and_not_tested(churn):
    first, second, _, differ = churn
    judged = [said_of(first, case, "disagree") for case in differ[:8]]
    found = expert_backing.backed(first, second, judged)
    assert (found.fixes, found.blind_cases) == (8, 0)
    assert np.isnan(found.p_value)
    assert found.text.startswith("The right answers were given after seeing version 1:")
    judged.append(said_of(second, differ[8], "agree"))
    assert "after seeing versions 1 and 2:" in expert_backing.backed(first, second, judged).text
    judged += [said_of(first, case, "disagree", mode="blind") for case in differ]
    found = expert_backing.backed(first, second, judged)
    # Ada has seen an answer to nine of the ten.
    assert (found.cases, found.blind_cases) == (10, 1)
    assert "Tested on 1 case" in found.text
    assert "The other right answers were given after seeing versions 1 and 2" in found.text


def test_what_was_answered_first_is_tested_and_not_what_was_taken_over(churn):
    first, second, _, (case, *_) = churn
    one, other = (model.predict([case])["value"].iloc[0] for model in (first, second))
    taken_over = said_of(first, case, "agree", mode="blind") | {"blind_value": other}
    found = expert_backing.backed(first, second, [taken_over])
    assert (found.fixes, found.breaks, found.blind_cases) == (0, 1, 1)
    kept = said_of(first, case, "agree", mode="blind") | {"blind_value": one}
    decided = said_of(first, case, "agree", decided=other, mode="blind")
    for row, blind in ((kept, 1), (decided, 0), (decided | {"blind_value": one}, 1)):
        assert expert_backing.backed(first, second, [row]).blind_cases == blind


def taken_over(first, second, cases, rng):
    """Verdicts of experts who know the truth, which is either version's answer by half: of each
    other case they answer before they see version 1, and of 3 of 10 of its mistakes they take
    its answer over."""
    answers = zip(*(model.predict(cases)["value"] for model in (first, second)), strict=True)
    for at, (case, pair) in enumerate(zip(cases, answers, strict=True)):
        truth = pair[rng.integers(2)]
        final = pair[0] if rng.random() < 0.3 else truth
        row = {"version": "1", "inputs": dict(case), "value": pair[0], "expert": "Ada"}
        row |= {"answer": final, "outcome": "right" if final == pair[0] else "wrong"}
        is_blind = at % 2 == 0
        yield row | {
            "adjudicated": False,
            "mode": "blind" if is_blind else "open",
            "blind_value": truth if is_blind else None,
            "direction": None,
        }


@pytest.mark.simulation
def test_equal_versions_are_not_called_better_where_answers_are_taken_over(churn):
    first, second, _, _ = churn
    cases = comparison_cases.cases_of(CHURN, CHURN.card("customer-churn/1")).cases
    one, other = (model.predict(cases)["value"].to_numpy() for model in (first, second))
    differ = [cases[at] for at in np.flatnonzero(one != other)[:80]]
    runs, called, by_counts = runs_of(300), 0, 0
    for seed in range(runs):
        rows = list(taken_over(first, second, differ, np.random.default_rng(seed)))
        found = expert_backing.backed(first, second, rows)
        called += found.p_value < 0.05
        by_counts += paired.mcnemar(found.fixes, found.breaks) < 0.05
    assert called <= most(runs, chance=0.05, thorough=0.07)
    assert by_counts > runs / 5


# --- by arm


def test_arms_have_their_share_with_its_interval():
    """Newcombe 1998, Statistics in Medicine 17:857: 81 of 263 is .2553 to .3662 by Wilson."""
    table = traffic_split.tally_table(
        [VersionTally("1", 400, 81, 182, 5), VersionTally("2", 3, 0, 0, 2)]
    )
    first, second = table.to_dict("records")
    assert (first["low"], first["high"]) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert first["share"] == 81 / 263
    assert np.isnan(second["share"])
    assert (second["low"], second["high"]) == (0, 1)


def test_arms_are_told_apart_pair_by_pair():
    assert traffic_split.tally_texts([VersionTally("1", 9, 1, 1, 0)]) == []
    few = traffic_split.tally_texts([VersionTally("1", 9, 1, 1, 0), VersionTally("2", 9, 2, 0, 0)])
    assert few == ["Too few verdicts to tell the arms apart."]
    many = [
        VersionTally("1", 50, 40, 10, 0),
        VersionTally("2", 50, 20, 30, 0),
        VersionTally("3", 50, 41, 9, 0),
    ]
    said = traffic_split.tally_texts(many)
    assert [text.partition(":")[0] for text in said] == [
        "Versions 1 and 2",
        "Versions 1 and 3",
        "Versions 2 and 3",
    ]
    assert "Version 1 is right more often" in said[0]
    assert "cannot be told apart" in said[1]
    assert "Version 3 is right more often" in said[2]
