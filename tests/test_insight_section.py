"""What stands beside an answer: what it is held against, and why the model gives it."""

import pytest
from builders import card_of, case
from database import select
from visits import CASE, keys, messages, press, start

from second_opinion import Registry
from second_opinion.models.insight.answer_context import AnswerContext, Place
from second_opinion.models.insight.insight import Absence, Insight
from second_opinion.models.insight.what_if import Change, Effect
from second_opinion.recent import Recent
from second_opinion.statistics.novelty import Novelty
from second_opinion.ui import insight_words


def bars(at):
    """The words of the bars on the page, from top to bottom."""
    return [as_text(bar.proto.text) for bar in at.get("progress")]


def as_text(markdown):
    return markdown.replace("\\", "").replace("\u2060", "")


def texts(at):
    return "\n".join(text.value for text in [*at.text, *at.header, *at.warning, *at.caption])


def answered(name):
    """A page with a typical case of a model, and its answer."""
    at = start(CASE, model=name)
    return press(at, "predict_submit")


@pytest.mark.usefixtures("place")
def test_a_number_stands_among_the_training_answers_with_its_usual_error_and_unit():
    at = answered("dose")
    assert any(bar.startswith("Higher than ") and " mg" in bar for bar in bars(at))
    assert "Usually off by 4" in texts(at)
    assert " mg (mean of 442 cases" in texts(at)
    assert "no range around" not in texts(at)


@pytest.mark.usefixtures("place")
def test_a_risk_stands_beside_the_base_rate():
    assert "Of the 400 training cases," in texts(answered("risk"))


@pytest.mark.usefixtures("place")
def test_three_effects_are_on_top_and_all_of_them_in_a_table():
    at = answered("iris")
    assert "Why this answer" in texts(at)
    signed = [bar for bar in bars(at) if bar[:1] in "▲▼"]
    assert len(signed) == 3
    assert "made up from a summary of the 150 training cases" in texts(at)
    assert "The smallest single change that gives another answer: " in texts(at)
    [table] = [
        one.value for one in at.markdown if one.value.startswith("| Field | Value | Effect |")
    ]
    # A head, its line, and the four fields.
    assert len(table.splitlines()) == 2 + 4


@pytest.mark.usefixtures("place")
def test_what_a_card_says_stays_as_it_is_written():
    assert any("![x](https" in bar for bar in bars(answered("hostile")))


@pytest.mark.usefixtures("place")
def test_a_setting_leaves_the_reasons_out_and_the_rest_stays(monkeypatch):
    monkeypatch.setenv("REASONS", "0")
    at = answered("dose")
    assert "Why this answer" not in texts(at)
    assert "Usually off by" in texts(at)


@pytest.mark.usefixtures("place")
def test_there_are_no_reasons_before_an_answer():
    assert "Why this answer" not in texts(start(CASE, model="iris"))


@pytest.mark.usefixtures("place")
def test_a_model_that_takes_long_says_so_and_computes_when_it_is_asked_to(monkeypatch):
    monkeypatch.setattr("second_opinion.models.insight.insight.PATIENCE", -1.0)
    # Another test of this process may have asked for the same case.
    monkeypatch.setattr("second_opinion.models.insight.insight._reasons", Recent(1))
    at = answered("triage")
    assert "Not computed: this model takes" in texts(at)
    assert "insight_wait" in keys(at)
    press(at, "insight_wait")
    assert "insight_wait" not in keys(at)
    assert len([bar for bar in bars(at) if bar[:1] in "▲▼"]) == 3


# --- a percentage of one's own


def own_percentage(at, percent):
    at.number_input(key="verdict_own").set_value(percent).run()
    return at


def own_ones(place):
    """What stands there now: each verdict with the percentage beside it."""
    columns = "SELECT judgement, own_probability FROM current_verdicts"
    return select(place / "feedback.db", columns)


def test_an_own_percentage_is_saved_with_whatever_is_said_of_a_risk(place):
    at = press(own_percentage(answered("risk"), 12.5), "verdict_agree")
    assert "own 12.5 %" in as_text(at.markdown[-1].value)
    assert own_ones(place) == [("agree", 0.125)]
    press(press(at, "verdict_change"), "verdict_unsure")
    press(own_percentage(at, 60.0), "verdict_save")
    assert own_ones(place) == [("unsure", 0.6)]


def test_an_own_percentage_may_be_left_out_and_is_asked_of_risks_alone(place):
    press(answered("risk"), "verdict_agree")
    assert own_ones(place) == [("agree", None)]
    assert not [field for field in answered("iris").number_input if field.key == "verdict_own"]


def test_an_own_percentage_on_the_other_side_of_what_is_said_is_refused(place):
    at = press(own_percentage(answered("risk"), 100.0), "verdict_too_high")
    press(at, "verdict_save")
    assert any("on the other side of it" in message for message in messages(at))
    assert own_ones(place) == []
    press(own_percentage(at, 0.0), "verdict_save")
    assert own_ones(place) == [("disagree", 0.0)]


# --- words


def test_how_long_a_slow_model_takes_is_said_an_answer():
    slow = Absence("", 2.3, 940.0)
    assert insight_words.slow_text(slow) == "Not computed: this model takes 2.3 s an answer."
    assert insight_words.wait_label(slow) == "Compute it, about 16 min"
    assert "0.0" not in insight_words.slow_text(Absence("", 0.004, 3.0))
    assert insight_words.slow_text(Absence("Not known.")) == "Not known."


@pytest.mark.parametrize(
    ("size", "words"),
    [(0.31, "31 points"), (0.012, "1 point"), (0.002, "under 1 point"), (1.0, "100 points")],
)
def test_a_difference_of_probabilities_is_in_points(size, words):
    assert insight_words.points_text(size) == words


def test_a_place_beyond_all_training_answers_is_called_so(registry: Registry):
    card = registry.card("dose")
    quartiles = (25.0, 87.0, 140.5, 211.0, 346.0)
    assert insight_words.place_text(card, Place(1, 0, quartiles)).startswith("Above all")
    assert insight_words.place_text(card, Place(0, 1, quartiles)).startswith("Below all")
    assert insight_words.place_text(card, Place(0.64, 0.35, quartiles)) == (
        "Higher than 64 % of the training answers, 25 to 346 mg; half of them lie between 87 and "
        "211"
    )


@pytest.mark.parametrize(
    ("risk", "words"),
    [(0.08, "this risk is 0.31 times that."), (0.26, "about the same."), (0.9, "3.5 times that.")],
)
def test_a_risk_is_so_many_times_the_base_rate(risk, words):
    context = AnswerContext(4500, (), None, 0.26)
    text = insight_words.base_rate_text(context, risk)
    assert text.startswith("Of the 4,500 training cases, 26 % had it: ")
    assert text.endswith(words)
    assert insight_words.base_rate_text(AnswerContext(4500, (), None, None), risk) == ""
    assert insight_words.base_rate_text(AnswerContext(9, (), None, 1.0), risk).endswith("had it.")


def test_an_effect_is_in_the_words_of_its_answer(registry):
    number, risk, iris = map(registry.card, ("dose", "risk", "iris"))
    age = number.features[0]
    down = Effect(age, 40.0, -12.0)
    assert insight_words.effect_text(number, case(), down) == "12 mg lower by it"
    assert insight_words.effect_text(risk, case(), Effect(age, 40.0, 0.12)) == (
        "risk 12 points higher by it"
    )
    made = case(value="setosa")
    assert insight_words.effect_text(iris, made, Effect(age, 40.0, 0.3)) == (
        "30 points towards setosa"
    )
    without = case(value="setosa", probabilities=None)
    assert insight_words.effect_text(iris, without, Effect(age, 40.0, 0.3)) == (
        "setosa by it in 30 % of cases"
    )


def test_a_change_names_field_values_and_the_new_answer(registry):
    card = registry.card("triage")
    pulse = card.case_schema["pulse"]
    made = case(inputs={"pulse": 80.0}, value="home")
    text = insight_words.change_text(card, Change(pulse, 92.5, "keep"), made)
    assert text == "Pulse 92.5 beats/min instead of 80 beats/min (Keep here)."


def test_of_few_training_cases_no_more_are_told_of_than_there_are():
    reasons, novelty = Absence("none"), Novelty(9.0, 0.01, (), ())
    for origin, total, words in [
        ("rows", 30, "those of 30 of the 30 training cases"),
        ("rows", 4500, "those of 50 of the 4,500 training cases"),
        ("summary", 30, "a summary of the 30 training cases"),
    ]:
        assert words in insight_words.caption(Insight(reasons, novelty, origin, total))


def test_a_case_is_held_against_made_up_ones_where_no_rows_are_kept():
    card = card_of("binary")
    said = [
        insight_words.novelty_text(card, Novelty(9.0, 0.01, (), ()), None, origin)
        for origin in ("rows", "summary")
    ]
    assert "1 in 100 training cases is" in said[0]
    assert "1 in 100 cases made up from their summary is" in said[1]
