"""The sections of Distributions: a chart where there is something to draw, else a sentence."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from builders import add_single, check, csv_of, people_of, score

from second_opinion import Registry
from second_opinion.population import picks, population, sections, sections_verdicts
from second_opinion.population.population import Part
from second_opinion.statistics.distributions import OTHERS

NOTHING_JUDGED = pd.DataFrame({"id": [], "confidence": [], "wrong": [], "day": []})


def said(parts):
    return " ".join(part.sentence for part in parts if part.chart is None)


def every_section(people, against):
    features = [sections.feature(people, against, f) for f in people.card.features]
    return [
        *sections.predictions(people, against),
        *sections.confidence(people, NOTHING_JUDGED),
        *features,
        *sections_verdicts.over_time(people, NOTHING_JUDGED),
        *sections.drift(people, against),
    ]


@pytest.mark.parametrize("ref", ["triage", "dose", "risk", "iris", "hostile"])
def test_what_a_bar_stands_for_is_as_many_cases_as_the_bar_counts(empty_store, registry, ref):
    people = people_of(empty_store, registry, ref)
    against = sections.training(registry, people.card)
    drawn = 0
    for shown in every_section(people, against):
        if shown.chart is None or not shown.picks:
            continue
        drawn += 1
        traces = json.loads(shown.chart.figure.to_json())["data"]
        for trace in traces:
            for at, place in enumerate(trace.get("customdata", [])):
                found = people
                for part in shown.picks[place]:
                    found = found.where(part)
                counted = shown.chart.table.get("Cases")
                wanted = trace["y"][at] if counted is None else counted.iloc[place]
                assert found.rows == wanted
    assert drawn >= 2


def test_two_bars_together_are_the_cases_of_both(empty_store, registry):
    people = people_of(empty_store, registry)
    shown = sections.feature(people, None, people.card.case_schema["age"])
    (part,) = picks.merged(shown.picks[2:5])
    assert people.where(part).rows == shown.chart.table["Cases"].iloc[2:5].sum()
    assert picks.words_of(people.card, part).startswith("Age from ")


def test_others_and_a_level_together_leave_out_the_rest():
    others = Part("feature", "x", levels=("a", "b", "c"), besides=True)
    a = Part("feature", "x", levels=("a",))
    assert picks.merged([(others,), (a,)]) == (replace(others, levels=("b", "c")),)
    assert picks.merged([(a,), (others,)]) == (replace(others, levels=("b", "c")),)


def test_nobody_is_said_in_every_section(empty_store, registry):
    people = population.of_singles(empty_store, registry.card("triage"))
    against = sections.training(registry, people.card)
    for parts in (
        sections.predictions(people, against),
        sections.confidence(people, NOTHING_JUDGED),
        sections_verdicts.over_time(people, NOTHING_JUDGED),
        sections.drift(people, against),
    ):
        assert [part.sentence for part in parts] == [picks.NOBODY]


@pytest.mark.parametrize("ref", ["triage", "dose", "risk", "iris"])
def test_one_case_is_a_sentence_everywhere_but_over_time(empty_store, registry, ref):
    add_single(empty_store, registry.load(ref), created_at="2026-11-01T10:00:00.000Z")
    people = population.of_singles(empty_store, registry.card(ref))
    against = sections.training(registry, people.card)
    parts = [*sections.predictions(people, against), *sections.confidence(people, NOTHING_JUDGED)]
    parts += [sections.feature(people, against, f) for f in people.card.features]
    parts += sections.drift(people, against)
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
    people = people_of(empty_store, registry, rows=3, visits=visits)
    shown = sections.feature(people, None, people.card.case_schema["visits"])
    assert shown.sentence == sentence


def test_one_class_a_constant_and_a_missing_feature_are_sentences(empty_store, registry):
    people = people_of(empty_store, registry, age="44", visits="", pregnant="")
    schema = people.card.case_schema
    value = people.answers[0]
    only = people.where(Part("prediction", levels=(value,)))
    (shown,) = sections.predictions(only, None)
    assert shown.sentence == (
        f"The model says {people.card.label(value)} in all {only.rows:,} cases."
    )
    known = [sections.feature(people, None, schema[n]) for n in ("age", "visits", "pregnant")]
    assert [part.sentence for part in known] == [
        "Age is 44 in all 130 cases.",
        "Visits is not known in any of 130 cases.",
        "Pregnant is not known in any of 130 cases.",
    ]
    assert (
        sections.feature(people, None, schema["note"]).sentence == "Note: free text is not drawn."
    )


def test_ten_thousand_levels_are_a_sentence(empty_store, registry):
    people = people_of(empty_store, registry)
    codes = np.arange(130)
    levels = pd.Index([f"level {at}" for at in range(130)], dtype=object)
    many = pd.Categorical.from_codes(codes, levels)
    people = replace(people, columns={**people.columns, "colour": many}, key="many")
    shown = sections.feature(people, None, people.card.case_schema["colour"])
    # Thirty of 130 still show something; of ten thousand they do not.
    assert shown.chart is not None
    assert shown.chart.table.iloc[-1, 0] == OTHERS
    thousands = pd.Index([f"level {at}" for at in range(10_000)], dtype=object)
    big = pd.Categorical.from_codes(np.arange(10_000), thousands)
    many = replace(
        people,
        columns={"colour": big},
        answers=people.answers[np.zeros(10_000, int)],
        confidence=np.full(10_000, 0.7),
        key="thousands",
    )
    shown = sections.feature(many, None, people.card.case_schema["colour"])
    assert shown.chart is None
    assert "10,000 different values, too many to draw" in shown.sentence


def test_a_column_that_the_file_lacks_is_said(empty_store, registry):
    people = people_of(empty_store, registry)
    columns = {name: people.columns[name] for name in people.columns if name != "pregnant"}
    people = replace(people, columns=columns, key="lacks")
    shown = sections.feature(people, None, people.card.case_schema["pregnant"])
    assert shown.sentence == "Pregnant: the file has no such column."


def judged_of(people, rows=12):
    """Verdicts on the first cases, every other one against the model, the last one unsure."""
    told = pd.DataFrame(
        {
            "id": people.ids[:rows].tolist(),
            "confidence": people.confidence[:rows],
            "wrong": [0.0, 1.0] * (rows // 2),
            "day": [f"2026-11-{1 + at // 5:02d}" for at in range(rows)],
        }
    )
    return pd.concat([told, told.tail(1).assign(wrong=np.nan)], ignore_index=True)


def test_verdicts_draw_reliability_and_risk_from_ten_on(empty_store, registry):
    people = people_of(empty_store, registry)
    told = judged_of(people)
    few = sections.confidence(people, told.head(9))
    assert "there are 9 on these cases" in said(few)
    assert "there is 1 on these cases" in said(sections.confidence(people, told.head(1)))
    enough = sections.confidence(people, told)
    assert [part.name for part in enough] == ["confidence", "reliability", "risk"]
    assert all(part.chart for part in enough)
    days = sections_verdicts.over_time(people, told)
    assert [part.name for part in days] == ["days", "verdicts", "agreement"]
    assert days[-1].chart.title == "Experts agree with the model in 6 of 12 verdicts (50 %)"
    assert days[-2].chart.title == "13 verdicts on 3 days: 6 agree, 6 disagree, 1 unsure"


def listed(people, mark):
    for part in mark:
        people = people.where(part)
    return people.taken(people.ids).tolist()


def test_a_point_of_verdicts_lists_the_judged_cases_behind_it(empty_store, registry):
    people = people_of(empty_store, registry)
    told = judged_of(people, 60)
    _, reliability, risk = sections.confidence(people, told)
    for shown in (reliability, risk):
        assert len(shown.picks) == len(shown.chart.table)
        for mark, cases in zip(shown.picks, shown.chart.table["Cases"], strict=True):
            assert len(listed(people, mark)) == cases
            assert set(listed(people, mark)) <= set(told["id"])
    _, verdicts, agreement = sections_verdicts.over_time(people, told)
    table = verdicts.chart.table
    wanted = [count for name in ("Agree", "Disagree", "Unsure") for count in table[name]]
    assert [len(listed(people, mark)) for mark in verdicts.picks] == wanted
    assert [len(listed(people, mark)) for mark in agreement.picks] == agreement.chart.table[
        "Verdicts"
    ].tolist()
    both = picks.together(people, agreement.picks[:2], agreement.picks)
    assert len(listed(people, both)) == 10
    assert picks.words_of(people.card, both[0]) == "judged on 2026-11-01 or judged on 2026-11-02"
    many = picks.together(people, agreement.picks[:6], agreement.picks)
    assert picks.words_of(people.card, many[0]).endswith("judged on 2026-11-03 or 3 more")


def test_a_case_that_two_experts_judged_is_listed_once(empty_store, registry):
    people = people_of(empty_store, registry)
    twice = pd.concat([judged_of(people), judged_of(people)], ignore_index=True)
    _, reliability, _ = sections.confidence(people, twice)
    found = [row for mark in reliability.picks for row in listed(people, mark)]
    assert sorted(found) == list(range(1, 13))


def test_verdicts_that_are_all_unsure_give_no_agreement(empty_store, registry):
    people = people_of(empty_store, registry)
    unsure = judged_of(people).assign(wrong=np.nan)
    _, verdicts, agreement = sections_verdicts.over_time(people, unsure)
    assert verdicts.chart is not None
    assert agreement.sentence.startswith("The experts are unsure of each of these cases")


def test_a_bar_of_drift_opens_the_feature_that_it_is_of(empty_store, registry):
    people = people_of(empty_store, registry, age="44")
    (shown,) = sections.drift(people, sections.training(registry, people.card))
    schema = people.card.case_schema
    labels = [schema[name].label for name in shown.opens]
    assert labels == shown.chart.table["Feature"].tolist()
    assert shown.opens[0] == "age"
    assert not shown.picks


def test_a_regression_gives_no_confidence(empty_store, registry):
    people = people_of(empty_store, registry, "dose")
    assert "without saying how sure" in said(sections.confidence(people, NOTHING_JUDGED))


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
        people = population.of_batch(empty_store, batch, known.card(name))
        against = sections.training(known, people.card)
        (shown,) = sections.drift(people, against)
        assert words in shown.sentence
        found = sections.drift_table(people, against)
        verdicts[name] = found.set_index("Feature")["Verdict"].to_dict()
        (predicted,) = sections.predictions(people, against)
        assert predicted.chart.table["Training data"].sum() == pytest.approx(1)
    assert verdicts["rows"] == verdicts["summary"]
    assert list(verdicts["rows"].values()).count("moved") == 1


def test_two_populations_stand_side_by_side(empty_store, registry):
    one = people_of(empty_store, registry)
    other = people_of(empty_store, registry, age="44")
    against = sections.another(other)
    found = sections.drift_table(one, against).set_index("Feature")["Verdict"]
    assert found["Age"] == "moved"
    assert set(found.drop("Age")) <= {"steady", "not compared"}
    (shown,) = sections.predictions(one, against)
    assert shown.chart.table[other.about].sum() == pytest.approx(1)
    assert sections.ordered(one, against)[0].name == "age"


def test_a_comparison_is_made_once(empty_store, registry):
    people = people_of(empty_store, registry)
    against = sections.training(registry, people.card)
    assert sections.compared(people, against) is sections.compared(people, against)
    part = people.where(Part("feature", "age", ranges=((0.0, 50.0),)))
    assert sections.compared(part, against) is not sections.compared(people, against)
