"""A prediction and a verdict in words."""

import pytest

from second_opinion.models.card import ModelCard
from second_opinion.records.prediction import Prediction
from second_opinion.records.verdict import Verdict
from second_opinion.ui import labels

FEATURES = [
    {"name": "age", "kind": "integer", "label": "Age", "unit": "years", "min": 18, "max": 90},
    {"name": "usage_gb", "kind": "number", "label": "Usage", "unit": "GB", "min": 0, "max": 60.5},
    {"name": "born", "kind": "date", "label": "Born", "min": "1930-01-01", "max": "2006-12-31"},
    {"name": "contract", "kind": "category", "label": "Contract", "choices": ["monthly", "yearly"]},
]
INPUTS = {"age": 40, "usage_gb": 75.25, "born": "1920-05-01", "contract": "weekly"}


def card(**changes):
    fields = {
        "name": "churn",
        "version": "1",
        "title": "Customer churn",
        "task": "binary",
        "target": {"name": "left", "event": "leaving within 90 days"},
        "classes": [{"value": 0, "label": "Stays"}, {"value": 1, "label": "Leaves"}],
        "positive": 1,
        "features": FEATURES,
        "artifact": {"file": "m.joblib", "format": "joblib", "sha256": "a" * 64},
    }
    return ModelCard.model_validate({**fields, **changes})


CLASS = card()
RISK = card(answer="probability")
NUMBER = card(task="regression", target={"name": "progress", "unit": "mg/dl"})

LEVELS = [{"value": "low", "label": "low"}, {"value": "high", "label": "high"}]
BARE = card(target={"name": "fire_danger"}, classes=LEVELS, positive="high")
UNNAMED = card(target={"name": "y"}, classes=LEVELS, positive="high")
WORDED = card(
    target={"name": "fire_danger"},
    classes=[{"value": "low", "label": "Little danger"}, {"value": "high", "label": "Danger"}],
    positive="high",
)
MEASURED = card(
    task="regression",
    target={"name": "progress", "unit": "mg/dl"},
    metrics={"mean absolute error": 44.4789, "rows": 111, "on": "held-out rows"},
)


def prediction(value=0, probabilities=(0.92, 0.08), flags=()):
    confidence = max(probabilities) if probabilities else None
    return Prediction(
        model="churn",
        version="1",
        model_sha256="",
        card_sha256="",
        inputs=INPUTS,
        value=value,
        confidence=confidence,
        probabilities=probabilities,
        flags=flags,
        source="form",
        asked_by="Ada",
        latency_ms=1,
    )


@pytest.mark.parametrize(
    ("of", "said", "headline", "certainty"),
    [
        (CLASS, prediction(), "Stays", "92 % sure"),
        (CLASS, prediction(1, (0.46, 0.54)), "Leaves", "not sure (54 %)"),
        (CLASS, prediction(1, (0.0, 1.0)), "Leaves", "100 % sure"),
        (CLASS, prediction(0, (0.9999, 0.0001)), "Stays", "over 99 % sure"),
        (CLASS, prediction(0, None), "Stays", "This model does not say how sure it is."),
        (BARE, prediction("low"), "Fire danger: low", "92 % sure"),
        (BARE, prediction("high", (0.1, 0.9)), "Fire danger: high", "90 % sure"),
        (UNNAMED, prediction("low"), "low", "92 % sure"),
        (WORDED, prediction("low"), "Little danger", "92 % sure"),
        (RISK, prediction(), "8 % risk of leaving within 90 days", ""),
        (RISK, prediction(1, (0.001, 0.999)), "over 99 % risk of leaving within 90 days", ""),
        (RISK, prediction(0, (0.999, 0.001)), "under 1 % risk of leaving within 90 days", ""),
        (RISK, prediction(1, None), "Leaves", "This model does not say how sure it is."),
        (NUMBER, prediction(151.6, None), "152 mg/dl", "This model gives no range"),
        (MEASURED, prediction(151.6, None), "152 mg/dl", "Usually off by 44.5 mg/dl (mean of 111"),
        (NUMBER, prediction(3.14159, None), "3.14 mg/dl", "This model gives no range"),
        (NUMBER, prediction(-0.001234, None), "-0.00123 mg/dl", "This model gives no range"),
    ],
)
def test_an_answer_is_said_in_words(of, said, headline, certainty):
    assert labels.headline(of, said) == headline
    assert labels.certainty(of, said).startswith(certainty)
    assert bool(labels.certainty(of, said)) == bool(certainty)


def test_of_many_classes_the_likeliest_have_a_bar_and_the_others_one_together():
    classes = [{"value": n, "label": f"class {n}"} for n in range(20)]
    many = card(task="multiclass", classes=classes, positive=None)
    shares = (0.3, 0.2, *([0.5 / 18] * 18))
    bars = labels.few_bars(many, prediction(value=0, probabilities=shares))
    assert [label for label, _ in bars[:2]] == ["class 0", "class 1"]
    assert bars[-1] == ("the 14 others", pytest.approx(14 * 0.5 / 18))
    assert sum(share for _, share in bars) == pytest.approx(1)
    assert len(bars) == labels.MOST_BARS


def test_bars_show_the_likeliest_class_first():
    assert labels.bars(CLASS, prediction(1, (0.3, 0.7))) == [("Leaves", 0.7), ("Stays", 0.3)]
    assert labels.bars(CLASS, prediction(1, None)) == []
    assert labels.bars(NUMBER, prediction(1.5, None)) == []


@pytest.mark.parametrize(
    ("flag", "sentence"),
    [
        ("low_confidence", "The model is less than 60 % sure of this answer."),
        ("missing:age", "Age is not known; the model works without it."),
        ("unseen:contract", "Contract: weekly was not among the training cases."),
        ("out_of_range:usage_gb", "Usage is above all training cases (0 to 60.5 GB)."),
        ("out_of_range:born", "Born is below all training cases (1930-01-01 to 2006-12-31)."),
    ],
)
def test_a_flag_is_a_sentence(flag, sentence):
    assert labels.flag_text(CLASS, flag, INPUTS) == sentence


@pytest.mark.parametrize(
    ("flag", "words"),
    [
        ("low_confidence", "the model is less than 60 % sure"),
        ("missing:age", "Age: not known"),
        ("unseen:contract", "Contract: not among the training cases"),
        ("out_of_range:born", "Born: outside the training cases"),
    ],
)
def test_a_flag_has_a_name_for_many_cases(flag, words):
    assert labels.flag_name(CLASS, flag) == words


@pytest.mark.parametrize(
    ("of", "verdict", "said", "line"),
    [
        (CLASS, Verdict("p", "Ada", "agree"), "agree", "Stays ✓"),
        (CLASS, Verdict("p", "Ada", "unsure"), "unsure", "Stays ?"),
        (CLASS, Verdict("p", "Ada", "withdrawn"), "taken back", "Stays "),
        (
            CLASS,
            Verdict("p", "Ada", "disagree", correct_value=1),
            "disagree: Leaves",
            "Stays ✕ → Leaves",
        ),
        (CLASS, Verdict("p", "Ada", "disagree", comment="No."), "disagree", "Stays ✕"),
        (
            RISK,
            Verdict("p", "Ada", "disagree", direction="too_high"),
            "too high",
            "8 % risk of leaving within 90 days ✕ too high",
        ),
        (CLASS, None, None, "Stays · no verdict yet"),
    ],
)
def test_a_verdict_is_said_in_words(of, verdict, said, line):
    if verdict:
        assert labels.verdict_text(of, verdict) == said
    assert labels.history_text(of, prediction(), verdict) == line


def test_a_corrected_number_is_said_with_its_unit():
    verdict = Verdict("p", "Ada", "disagree", correct_value=180.0, direction="too_low")
    assert labels.verdict_text(NUMBER, verdict) == "disagree: 180 mg/dl"
    line = labels.history_text(NUMBER, prediction(151.6, None), verdict)
    assert line == "152 mg/dl ✕ → 180 mg/dl"


def test_a_corrected_number_keeps_the_digits_that_the_expert_gave():
    verdict = Verdict("p", "Ada", "disagree", correct_value=151.75, direction="too_low")
    assert labels.verdict_text(NUMBER, verdict) == "disagree: 151.75 mg/dl"


def test_the_fields_that_tell_cases_apart_are_those_in_which_they_differ():
    cases = [
        {"age": 40, "region": "north", "sex": "f"},
        {"age": 40, "region": "south", "sex": "f"},
        {"age": 41, "region": "south", "sex": "f"},
    ]
    assert labels.telling_fields(cases) == ["age", "region"]
    assert labels.telling_fields(cases[:2]) == ["region"]
    assert labels.telling_fields(cases[:1]) == []
    assert labels.telling_fields([]) == []
    assert labels.telling_fields([{"a": 1}, {"a": True}, {"a": "1"}, {"a": None}]) == ["a"]
