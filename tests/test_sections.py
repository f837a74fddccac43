"""The sections of Distributions: a chart where there is something to draw, else a sentence."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from builders import add_single, check, csv_of, score, selection_of

from second_opinion import Registry
from second_opinion.distributions import marks, sections, sections_verdicts, selection
from second_opinion.distributions.selection import Condition
from second_opinion.statistics.tallies import OTHERS

NOTHING_JUDGED = pd.DataFrame(
    {"id": [], "case": [], "confidence": [], "risk": [], "says": [], "wrong": [], "day": []}
)


def said(parts):
    return " ".join(part.sentence for part in parts if part.chart is None)


def every_section(subset, against):
    features = [sections.feature(subset, against, f) for f in subset.card.features]
    return [
        *sections.predictions(subset, against),
        *sections.confidence(subset, NOTHING_JUDGED),
        *features,
        *sections_verdicts.over_time(subset, NOTHING_JUDGED),
        *sections.drift(subset, against),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("ref", ["triage", "dose", "risk", "iris", "hostile"])
def test_what_a_bar_stands_for_is_as_many_cases_as_the_bar_counts(empty_store, registry, ref):
    subset = selection_of(empty_store, registry, ref)
    against = sections.training(registry, subset.card)
    drawn = 0
    for shown in every_section(subset, against):
        if shown.chart is None or not shown.picks:
            continue
        drawn += 1
        traces = json.loads(shown.chart.figure.to_json())["data"]
        for trace in traces:
            for at, place in enumerate(trace.get("customdata", [])):
                found = subset
                for part in shown.picks[place]:
                    found = found.where(part)
                counted = shown.chart.table.get("Cases")
                wanted = trace["y"][at] if counted is None else counted.iloc[place]
                assert found.rows == wanted
    assert drawn >= 2


def test_two_bars_together_are_the_cases_of_both(empty_store, registry):
    subset = selection_of(empty_store, registry)
    shown = sections.feature(subset, None, subset.card.case_schema["age"])
    (part,) = marks.merged(shown.picks[2:5])
    assert subset.where(part).rows == shown.chart.table["Cases"].iloc[2:5].sum()
    assert marks.words_of(subset.card, part).startswith("Age from ")


def test_others_and_a_level_together_leave_out_the_rest():
    others = Condition("feature", "x", levels=("a", "b", "c"), besides=True)
    a = Condition("feature", "x", levels=("a",))
    assert marks.merged([(others,), (a,)]) == (replace(others, levels=("b", "c")),)
    assert marks.merged([(a,), (others,)]) == (replace(others, levels=("b", "c")),)


def test_nobody_is_said_in_every_section(empty_store, registry):
    subset = selection.of_singles(empty_store, registry.card("triage"))
    against = sections.training(registry, subset.card)
    for parts in (
        sections.predictions(subset, against),
        sections.confidence(subset, NOTHING_JUDGED),
        sections_verdicts.over_time(subset, NOTHING_JUDGED),
        sections.drift(subset, against),
    ):
        assert [part.sentence for part in parts] == [marks.NOBODY]


@pytest.mark.slow
@pytest.mark.parametrize("ref", ["triage", "dose", "risk", "iris"])
def test_one_case_is_a_sentence_everywhere_but_over_time(empty_store, registry, ref):
    add_single(empty_store, registry.load(ref), created_at="2026-11-01T10:00:00.000Z")
    subset = selection.of_singles(empty_store, registry.card(ref))
    against = sections.training(registry, subset.card)
    parts = [*sections.predictions(subset, against), *sections.confidence(subset, NOTHING_JUDGED)]
    parts += [sections.feature(subset, against, f) for f in subset.card.features]
    parts += sections.drift(subset, against)
    assert all(part.chart is None and part.sentence for part in parts)
    assert "the one case" in said(parts) or "each of 1 case" in said(parts)
    assert "too few rows to judge" in said(parts)


@pytest.mark.parametrize(
    ("visits", "sentence"),
    [
        (["3", "3", "3"], "Visits is 3 in all 3 cases."),
        (["3", "3", ""], "Visits is 3 in all 2 cases that know it."),
        (["3", "", ""], "Visits is 3 in the one case that knows it."),
    ],
)
def test_a_constant_says_in_how_many_cases_it_is_known(empty_store, registry, visits, sentence):
    subset = selection_of(empty_store, registry, rows=3, visits=visits)
    shown = sections.feature(subset, None, subset.card.case_schema["visits"])
    assert shown.sentence == sentence


def test_one_class_a_constant_and_a_missing_feature_are_sentences(empty_store, registry):
    subset = selection_of(empty_store, registry, age="44", visits="", pregnant="")
    schema = subset.card.case_schema
    value = subset.answers[0]
    only = subset.where(Condition("prediction", levels=(value,)))
    (shown,) = sections.predictions(only, None)
    assert shown.sentence == (
        f"The model says {subset.card.label(value)} in all {only.rows:,} cases."
    )
    known = [sections.feature(subset, None, schema[n]) for n in ("age", "visits", "pregnant")]
    assert [part.sentence for part in known] == [
        "Age is 44 in all 130 cases.",
        "Visits is not known in any of 130 cases.",
        "Pregnant is not known in any of 130 cases.",
    ]
    assert (
        sections.feature(subset, None, schema["note"]).sentence == "Note: free text is not drawn."
    )


def test_ten_thousand_levels_are_a_sentence(empty_store, registry):
    subset = selection_of(empty_store, registry)
    codes = np.arange(130)
    levels = pd.Index([f"level {at}" for at in range(130)], dtype=object)
    many = pd.Categorical.from_codes(codes, levels)
    subset = replace(subset, columns={**subset.columns, "colour": many}, key="many")
    shown = sections.feature(subset, None, subset.card.case_schema["colour"])
    # Thirty of 130 still show something; of ten thousand they do not.
    assert shown.chart is not None
    assert shown.chart.table.iloc[-1, 0] == OTHERS
    thousands = pd.Index([f"level {at}" for at in range(10_000)], dtype=object)
    big = pd.Categorical.from_codes(np.arange(10_000), thousands)
    many = replace(
        subset,
        columns={"colour": big},
        answers=subset.answers[np.zeros(10_000, int)],
        confidence=np.full(10_000, 0.7),
        key="thousands",
    )
    shown = sections.feature(many, None, subset.card.case_schema["colour"])
    assert shown.chart is None
    assert "10,000 different values, too many to draw" in shown.sentence


def test_a_column_that_the_file_lacks_is_said(empty_store, registry):
    subset = selection_of(empty_store, registry)
    columns = {name: subset.columns[name] for name in subset.columns if name != "pregnant"}
    subset = replace(subset, columns=columns, key="lacks")
    shown = sections.feature(subset, None, subset.card.case_schema["pregnant"])
    assert shown.sentence == "Pregnant: the file has no such column."


def judged_of(subset, rows=12):
    """Verdicts on the first cases, every other one against the model, the last one unsure."""
    told = pd.DataFrame(
        {
            "id": subset.ids[:rows].tolist(),
            "confidence": subset.confidence[:rows],
            "risk": np.nan,
            "says": "",
            "wrong": [0.0, 1.0] * (rows // 2),
            "case": np.arange(rows),
            "day": [f"2026-11-{1 + at // 5:02d}" for at in range(rows)],
        }
    )
    return pd.concat([told, told.tail(1).assign(wrong=np.nan)], ignore_index=True)


def test_verdicts_draw_reliability_and_risk_from_ten_on(empty_store, registry):
    subset = selection_of(empty_store, registry)
    told = judged_of(subset)
    few = sections.confidence(subset, told.head(9))
    assert "Now: 9." in said(few)
    assert "Now: 1." in said(sections.confidence(subset, told.head(1)))
    enough = sections.confidence(subset, told)
    assert [part.name for part in enough] == ["confidence", "reliability", "risk"]
    assert all(part.chart for part in enough)
    days = sections_verdicts.over_time(subset, told)
    assert [part.name for part in days] == ["days", "verdicts", "agreement"]
    assert days[-1].chart.title == "Experts agree with the model in 6 of 12 verdicts (50 %)"
    assert days[-2].chart.title == "13 verdicts on 3 days: 6 agree, 6 disagree, 1 unsure"


def listed(subset, mark):
    for part in mark:
        subset = subset.where(part)
    return subset.taken(subset.ids).tolist()


def test_a_point_of_verdicts_lists_the_judged_cases_behind_it(empty_store, registry):
    subset = selection_of(empty_store, registry)
    told = judged_of(subset, 60)
    _, reliability, risk = sections.confidence(subset, told)
    for shown in (reliability, risk):
        assert len(shown.picks) == len(shown.chart.table)
        for mark, cases in zip(shown.picks, shown.chart.table["Cases"], strict=True):
            assert len(listed(subset, mark)) == cases
            assert set(listed(subset, mark)) <= set(told["id"])
    _, verdicts, agreement = sections_verdicts.over_time(subset, told)
    table = verdicts.chart.table
    wanted = [count for name in ("Agree", "Disagree", "Unsure") for count in table[name]]
    assert [len(listed(subset, mark)) for mark in verdicts.picks] == wanted
    assert [len(listed(subset, mark)) for mark in agreement.picks] == agreement.chart.table[
        "Verdicts"
    ].tolist()
    both = marks.together(subset, agreement.picks[:2], agreement.picks)
    assert len(listed(subset, both)) == 10
    assert marks.words_of(subset.card, both[0]) == "judged on 2026-11-01 or judged on 2026-11-02"
    many = marks.together(subset, agreement.picks[:6], agreement.picks)
    assert marks.words_of(subset.card, many[0]).endswith("judged on 2026-11-03 or 3 more")


def test_a_bar_of_risks_lists_the_judged_cases_behind_it(empty_store, registry):
    subset = selection_of(empty_store, registry)
    risks = np.linspace(0.01, 0.9, 60)
    says = (["too_low", "about_right", "too_high", ""] * 15)[:60]
    told = judged_of(subset, 60).iloc[:60].assign(risk=risks, says=says)
    _, shown = sections.confidence(subset, told)
    table = shown.chart.table.drop(columns="Risk")
    wanted = [count for name in table for count in table[name]]
    assert [len(listed(subset, mark)) for mark in shown.picks] == wanted
    assert sum(wanted) == 60


def test_a_case_that_two_experts_judged_is_listed_once(empty_store, registry):
    subset = selection_of(empty_store, registry)
    twice = pd.concat([judged_of(subset), judged_of(subset)], ignore_index=True)
    _, reliability, _ = sections.confidence(subset, twice)
    found = [row for mark in reliability.picks for row in listed(subset, mark)]
    assert sorted(found) == list(range(1, 13))


def test_verdicts_that_are_all_unsure_give_no_agreement(empty_store, registry):
    subset = selection_of(empty_store, registry)
    unsure = judged_of(subset).assign(wrong=np.nan)
    _, verdicts, agreement = sections_verdicts.over_time(subset, unsure)
    assert verdicts.chart is not None
    assert agreement.sentence.startswith("The experts are unsure of each of these cases")


def test_a_bar_of_drift_opens_the_feature_that_it_is_of(empty_store, registry):
    subset = selection_of(empty_store, registry, age="44")
    (shown,) = sections.drift(subset, sections.training(registry, subset.card))
    schema = subset.card.case_schema
    labels = [schema[name].label for name in shown.opens]
    assert labels == shown.chart.table["Feature"].tolist()
    assert shown.opens[0] == "age"
    assert not shown.picks


def test_a_regression_gives_no_confidence(empty_store, registry):
    subset = selection_of(empty_store, registry, "dose")
    assert "without saying how sure" in said(sections.confidence(subset, NOTHING_JUDGED))


def test_rows_and_a_summary_are_both_compared_with_and_say_so(empty_store, registry, tmp_path):
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    iris = load_iris(as_frame=True)
    known = Registry(tmp_path / "model")
    model = LogisticRegression(max_iter=500).fit(iris.data, iris.target)
    for name, kept in (("rows", "rows"), ("summary", "summary")):
        known.add(model, iris.data, iris.target, name=name, reference=kept)
    verdicts = {}
    for name, words in (("rows", "150 stored rows"), ("summary", "a summary of the 150 rows")):
        frame = iris.data.copy()
        frame["sepal length (cm)"] += 1.5
        batch = score(empty_store, known, check(empty_store, known, csv_of(frame), name))
        subset = selection.of_batch(empty_store, batch, known.card(name))
        against = sections.training(known, subset.card)
        (shown,) = sections.drift(subset, against)
        assert words in shown.sentence
        found = sections.drift_table(subset, against)
        verdicts[name] = found.set_index("Feature")["Verdict"].to_dict()
        (predicted,) = sections.predictions(subset, against)
        assert predicted.chart.table["Training data"].sum() == pytest.approx(1)
    assert verdicts["rows"] == verdicts["summary"]
    assert list(verdicts["rows"].values()).count("differs") == 1


def test_two_populations_stand_side_by_side(empty_store, registry):
    one = selection_of(empty_store, registry)
    other = selection_of(empty_store, registry, age="44")
    against = sections.another(other)
    found = sections.drift_table(one, against).set_index("Feature")["Verdict"]
    assert found["Age"] == "differs"
    assert set(found.drop("Age")) <= {"is alike", "not compared"}
    (shown,) = sections.predictions(one, against)
    assert shown.chart.table[other.about].sum() == pytest.approx(1)
    assert sections.ordered(one, against)[0].name == "age"


def test_a_comparison_is_made_once(empty_store, registry):
    subset = selection_of(empty_store, registry)
    against = sections.training(registry, subset.card)
    assert sections.compared(subset, against) is sections.compared(subset, against)
    part = subset.where(Condition("feature", "age", ranges=((0.0, 50.0),)))
    assert sections.compared(part, against) is not sections.compared(subset, against)
