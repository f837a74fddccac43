"""The page Feedback review, run without a browser."""

import json
from dataclasses import replace
from datetime import date
from typing import get_args

import pytest
import streamlit as st
from builders import HOSTILE, OWNER, ROOT, case, judged, review_of, verdict
from streamlit.testing.v1 import AppTest
from visits import CASE, assert_strange_text_is_escaped, keys, messages, press, row_tables, start

from second_opinion import Registry
from second_opinion.records.expert import Expert
from second_opinion.records.stamp import new_id
from second_opinion.records.verdict import Verdict
from second_opinion.review import exports
from second_opinion.store import Store
from second_opinion.ui.review import files_section

pytestmark = pytest.mark.usefixtures("at_home")
REVIEW = "pages/5_Feedback_review.py"
REVIEWER = Expert("Grace", role="reviewer")


@pytest.fixture
def store(place):
    return Store.open(place / "feedback.db")


@pytest.fixture
def judge(store, models):
    """Store a case of a model with verdicts: pairs of expert and judgement or corrected value."""
    registry = Registry(models)

    def add(*said, model="triage", comment="", **changed):
        loaded = registry.load(model)
        inputs, problems = loaded.card.case_schema.read(loaded.card.case_schema.typical | changed)
        assert not [problem for problem in problems if problem.blocking]
        made = loaded.predict_one(inputs, asked_by="Ada", source="form", id=new_id())
        store.add_prediction(made)
        for expert, what in said:
            given = {"judgement": what}
            if what not in ("agree", "disagree", "unsure"):
                given = {"judgement": "disagree", "correct_value": what}
            store.add_verdict(Verdict(made.id, expert, comment=comment, **given))
        return made

    return add


def other(made):
    """The class that the model did not answer."""
    return {"keep": "home", "home": "keep"}[made.value]


def texts(at):
    shown = [text.value for text in at.text] + [caption.value for caption in at.caption]
    return "\n".join(shown)


def table(at, column):
    """The first shown table that has this column."""
    frames = [*row_tables(at), *(frame.value for frame in at.dataframe)]
    return next(frame for frame in frames if column in frame)


def metrics(at):
    return {metric.label: metric.value for metric in at.metric}


def open_page(section="verdicts", model="triage", **query):
    """The page as a reviewer opens it by a link."""
    at = AppTest.from_file(ROOT / "Home.py", default_timeout=30)
    at.session_state["who_expert"] = Expert.declared("Grace")
    at.session_state["who_cases"] = []
    at.query_params.update({"model": model, "section": section, **query})
    at.switch_page(REVIEW).run()
    assert messages(at) == []
    return at


def verdict_of(store, made, expert="Ada"):
    return store.current_verdict(made.id, expert, by=OWNER)


# --- who may see it


def test_away_from_this_machine_the_page_is_closed_and_names_the_setting(judge, monkeypatch, place):
    judge(("Ada", "agree"), comment="secret words")
    monkeypatch.setattr(type(st.context), "ip_address", "203.0.113.5")
    at = start(REVIEW, name="Grace", model="triage")
    assert "set REVIEWER_CODE to a code" in texts(at)
    assert not at.dataframe
    assert not row_tables(at)
    assert not at.metric
    assert "secret" not in texts(at)


def test_somebody_without_a_name_is_asked_for_it(judge):
    judge(("Ada", "agree"))
    at = start(REVIEW, name="", model="triage")
    assert messages(at) == []
    assert at.text_input(key="who_name")
    assert not at.dataframe
    assert not row_tables(at)


# --- the table and its filters


SECTIONS = ("verdicts", "figures", "fails", "experts", "conflicts", "files")


@pytest.mark.slow
@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.parametrize("model", ["triage", "dose", "risk", "iris", "hostile"])
def test_every_section_works_on_an_empty_and_on_a_filled_database(
    place, store, models, section, model
):
    open_page(section, model)
    judged(models, store)
    judged(models, store, expert=f"Bo {HOSTILE[:20]}".replace("<", ""))
    at = open_page(section, model)
    assert_strange_text_is_escaped(at)


def test_the_table_shows_the_current_verdicts_newest_first(judge):
    first = judge(("Ada", "agree"), pulse=70.0)
    second = judge(("Ada", "unsure"), ("Bo", "agree"), pulse=130.0)
    shown = table(open_page(), "Expert")
    assert list(shown["Expert"]) == ["Bo", "Ada", "Ada"]
    assert list(shown["Verdict"]) == ["✓ agree", "? unsure", "✓ agree"]
    labels = {"keep": "Keep here", "home": "Send home"}
    assert list(shown["Model said"]) == [labels[m.value] for m in (second, second, first)]
    assert "Pulse: 130 beats/min" in shown["Case"].iloc[0]


FILTERS = "review_filter_"
# The filters with a list of choices.
WORDLY = {
    *("version", "expert", "judgement", "value", "answer", "outcome", "severity", "mode"),
    *("source", "triage", "corrected", "adjudicated"),
}


def asked(at):
    """The widgets of the filters by name."""
    groups = (at.selectbox, at.text_input, at.number_input, at.date_input)
    widgets = [widget for group in groups for widget in group if widget.key]
    return {w.key.removeprefix(FILTERS): w for w in widgets if w.key.startswith(FILTERS)}


def filtered(at, name, value):
    """Narrow the page by one of its filters."""
    asked(at)[name].set_value(value).run()
    assert messages(at) == []
    return at


def address(at):
    return {
        name: value[0] if isinstance(value, list) else value
        for name, value in at.query_params.items()
    }


def listed(at):
    """The experts of the table, or nothing where there is none."""
    return [expert for table in row_tables(at) if "Expert" in table for expert in table["Expert"]]


@pytest.mark.slow
def test_each_filter_narrows_the_table_and_stands_in_the_address(judge, store):
    seen = judge(("Ada", "agree"), pulse=140.0)
    judge(("Bo", "unsure"), comment="a scan is missing", pulse=140.0)
    wrong = judge(("Cy", other(seen)), comment="no", pulse=140.0)
    today = verdict_of(store, wrong, "Cy").created_at[:10]
    for name, value, text, left in (
        ("expert", "Bo", "Bo", ["Bo"]),
        ("judgement", "disagree", "disagree", ["Cy"]),
        ("words", "SCAN miss", "SCAN miss", ["Bo"]),
        ("value", json.dumps(seen.value), json.dumps(seen.value), ["Cy", "Bo", "Ada"]),
        ("answer", json.dumps(other(seen)), json.dumps(other(seen)), ["Cy"]),
        ("outcome", "right", "right", ["Ada"]),
        ("triage", "open", "open", ["Cy"]),
        ("corrected", "true", "true", ["Cy"]),
        ("since", date.fromisoformat(today), today, ["Cy", "Bo", "Ada"]),
        ("below", 10.0, "0.1", []),
        ("version", "1", "1", ["Cy", "Bo", "Ada"]),
    ):
        at = filtered(open_page(), name, value)
        assert address(at)[name] == text
        assert listed(at) == left, name
        # The same address, opened by somebody else.
        again = open_page(**{name: text})
        assert listed(again) == left, name
        assert "ignored" not in " ".join(warning.value for warning in again.warning)
        press(again, "review_filter_clear")
        assert listed(again) == ["Cy", "Bo", "Ada"]


@pytest.mark.slow
def test_a_filter_offers_only_what_some_verdict_has(judge, store, models):
    """And the second row only what tells verdicts apart."""
    judge(("Ada", "agree"))
    seen = judge(("Bo", "unsure"))
    offered = {name: w.options[1:] for name, w in asked(open_page()).items() if name in WORDLY}
    assert offered == {
        "version": ["1"],
        "expert": ["Ada", "Bo"],
        "judgement": ["✓ agree", "? unsure"],
        "value": [{"keep": "Keep here", "home": "Send home"}[seen.value]],
        "answer": [{"keep": "Keep here", "home": "Send home"}[seen.value]],
        "outcome": ["model right", "nobody could say"],
    }
    assert "batch" not in asked(open_page())

    made = replace(seen, id=new_id(), source="batch", batch_id="b", row_number=1)
    store.add_prediction(made)
    given = Verdict(made.id, "Cy", "disagree", correct_value=other(made), severity="serious")
    store.add_verdict(replace(given, mode="blind"))
    at = open_page()
    assert set(asked(at)) == {*WORDLY, "words", "since", "until", "at_least", "below", "batch"} - {
        "adjudicated"
    }
    assert asked(at)["mode"].options == ["All", "after seeing the answer", "before seeing it"]
    assert asked(at)["source"].options == ["All", "form", "batch"]
    assert asked(at)["severity"].options == ["All", "serious"]
    for name in set(asked(at)) & WORDLY:
        for choice in asked(at)[name].options[1:]:
            assert listed(filtered(open_page(), name, choice)), (name, choice)


@pytest.mark.slow
def test_what_an_address_asks_for_is_offered_and_finds_nothing(judge):
    judge(("Ada", "agree"))
    asks = {"mode": "blind", "source": "plan", "version": "2", "value": '"none"', "batch": "b"}
    for name, text in asks.items():
        at = open_page(**{name: text})
        assert listed(at) == []
        assert asked(at)[name].value == text
        press(at, "review_filter_clear")
        assert listed(at) == ["Ada"]
    assert asked(open_page(mode="blind"))["mode"].options[-1] == "before seeing it"


def test_a_model_that_is_never_sure_of_anything_is_not_asked_how_sure(judge):
    judge(("Ada", "agree"), model="dose")
    assert not {"at_least", "below", "value", "answer"} & set(asked(open_page(model="dose")))
    assert "at_least" in asked(open_page(model="dose", at_least="0.5"))


def test_a_filter_of_the_address_that_will_not_do_is_ignored_with_a_note(judge):
    judge(("Ada", "agree"))
    at = open_page(judgement="maybe", until="soon", below="7", page="x", sort="y", expert="Ada")
    (note,) = [warning.value for warning in at.warning]
    for part in ("Verdict ('maybe')", "To day (UTC) ('soon')", "Sure below (%) ('7')"):
        assert part in note
    assert list(table(at, "Expert")["Expert"]) == ["Ada"]
    at = open_page(section="nowhere", judgement=HOSTILE)
    assert table(at, "Expert") is not None
    assert_strange_text_is_escaped(at)


def test_the_table_has_the_columns_in_which_something_stands_and_cuts_long_words(judge):
    judge(("Ada", "agree"))
    assert not {"Comment", "Mistake", "Triage"} & {*table(open_page(), "Expert")}
    judge(("Bo", "unsure"), comment=HOSTILE)
    judge(("Cy", "unsure"), comment="long " * 700)
    cut, whole, none = table(open_page(), "Expert")["Comment"]
    assert cut == f"{'long ' * 40}…"
    assert (whole, none) == (HOSTILE, "—")


def test_pages_are_turned_in_the_database(judge, monkeypatch):
    from second_opinion.ui.review import verdicts_section

    monkeypatch.setattr(verdicts_section, "PAGE_ROWS", 2)
    for at in range(5):
        judge((f"Expert {at}", "agree"))
    shown = open_page(page="3")
    assert list(table(shown, "Expert")["Expert"]) == ["Expert 0"]
    # Counted on from page to page.
    assert list(table(shown, "Expert")["Open"]) == [5]
    assert "5 verdicts" in texts(shown)
    shown = filtered(shown, "judgement", "agree")
    assert list(table(shown, "Expert")["Expert"]) == ["Expert 4", "Expert 3"]
    assert list(table(open_page(page="99"), "Expert")["Expert"]) == ["Expert 0"]


# --- an opened case and its triage


def test_a_case_is_opened_with_every_verdict_on_it(judge, store):
    made = judge(("Ada", "agree"), comment=HOSTILE, pulse=130.0)
    store.add_verdict(Verdict(made.id, "Ada", "unsure", comment="on second thoughts"))
    at = open_page(case=verdict_of(store, made).id)
    fields = table(at, "Field")
    assert "130 beats/min" in list(fields["Value"])
    shown = texts(at)
    assert "Ada: ✓ agree (replaced later)" in shown
    assert "Ada: ? unsure" in shown
    assert HOSTILE in shown
    assert "on second thoughts" in shown
    assert_strange_text_is_escaped(at)
    press(at, "review_case_close")
    assert "case" not in address(at)
    assert "Field" not in {name for frame in at.dataframe for name in frame.value}


def test_the_longest_comment_stands_whole_in_its_case(judge, store):
    words = f"{HOSTILE} " + "long " * 700
    made = judge(("Ada", "agree"), comment=words[:4000])
    assert words[:4000].strip() in texts(open_page(case=verdict_of(store, made).id))


def test_a_case_that_is_not_there_is_said_to_be_so(judge):
    judge(("Ada", "agree"))
    assert "not one of this model" in texts(open_page(case="nothing"))


def test_triage_is_saved_once_with_name_and_note(judge, store):
    made = judge(("Ada", "disagree"), comment="no", pulse=130.0)
    given = verdict_of(store, made)
    at = open_page(case=given.id)
    at.button_group(key="review_triage_state").set_value("accepted").run()
    at.text_area(key="review_triage_note").set_value(f"mend {HOSTILE}").run()
    press(at, "review_triage")
    assert messages(at) == []
    (one,) = review_of(store).triage_of(given.id)
    assert (one.state, one.note, one.decided_by) == ("accepted", f"mend {HOSTILE}", "Grace")
    assert list(table(at, "Triage")["Triage"]) == ["accepted"]
    assert "Grace: accepted" in texts(at)
    assert at.text_area(key="review_triage_note").value == ""
    store.add_verdict(Verdict(made.id, "Ada", "agree"))
    press(at, "review_triage")
    assert "no longer counts" in messages(at)[0]


# --- conflicts


def locked(at, answer):
    """Gives an own answer to the conflict that is shown."""
    fields = {field.key: field for field in (*at.selectbox, *at.number_input)}
    fields["review_conflict_own"].set_value(answer)
    return press(at, "review_lock")


@pytest.mark.slow
@pytest.mark.parametrize("model", ["triage", "iris", "dose", "risk"])
def test_who_decides_answers_before_seeing_what_others_said(judge, store, models, model):
    made = judge(("Ada", "agree"), model=model)
    says = {"direction": "too_low"} if model == "risk" else {"comment": "so not"}
    store.add_verdict(Verdict(made.id, "Bo", "disagree", **says))
    at = open_page("conflicts", model=model)
    others = ("Expert A", "The model says", "so not", "too low", "training", "Why this answer")
    page = texts(at) + " ".join(part.value for part in (*at.markdown, *at.header))
    assert not [words for words in others if words in page]
    assert not {"review_adjudicate", "review_conflict_answer", "review_stands"} & set(keys(at))
    press(at, "review_lock")
    assert "Your answer is missing" in messages(at)[0]
    at = locked(at, 40.0 if model in ("dose", "risk") else made.value)
    page = texts(at) + " ".join(part.value for part in (*at.markdown, *at.header))
    assert messages(at) == []
    assert {"Expert A", "Expert B", "You said"} <= {
        words for words in (*others, "Expert B", "You said") if words in page
    }
    # Of a number it is the model's that is decided about; of a class nobody is told which it is.
    is_about_it = model in ("dose", "risk")
    assert ("The model says" in page, "✕ " in page) == (is_about_it, is_about_it)
    assert "review_adjudicate" in keys(at)


def test_an_own_answer_is_stored_and_asked_for_again_once_the_case_was_decided(judge, store):
    made = judge(("Ada", "agree"), pulse=130.0)
    store.add_verdict(Verdict(made.id, "Bo", "disagree", correct_value=other(made)))
    locked(open_page("conflicts"), other(made))
    # Another visit, in which nobody asks for it again.
    at = open_page("conflicts")
    assert "You said" in texts(at)
    (locks,) = store.event_log.newest("own answer", by=Expert("Olga", role="owner"))
    assert (locks.who, locks.details) == ("Grace", {"prediction": made.id})
    grace = Expert("Grace", role="reviewer")
    assert store.review(by=grace).own_answer(made.id, by=grace) == other(made)
    at.selectbox(key="review_conflict_answer").set_value(made.value).run()
    at.text_area(key="review_conflict_reason").set_value("seen again").run()
    press(at, "review_adjudicate")
    at = open_page("conflicts")
    at.toggle(key="review_decided").set_value(True).run()
    assert "review_lock" in keys(at)


def test_a_conflict_is_decided_by_a_third_person_with_names_hidden(judge, store):
    made = judge(("Ada", "agree"), pulse=130.0)
    store.add_verdict(
        Verdict(made.id, "Bo", "disagree", correct_value=other(made), comment=HOSTILE)
    )
    at = locked(open_page("conflicts"), other(made))
    shown = texts(at) + " ".join(markdown.value for markdown in at.markdown)
    assert "Expert A" in shown
    assert "Expert B" in shown
    assert "Ada" not in shown
    assert HOSTILE in shown
    assert at.selectbox(key="review_conflict_answer").value == other(made)
    at.selectbox(key="review_conflict_answer").set_value(None).run()
    press(at, "review_adjudicate")
    assert "answer is missing" in messages(at)[0]
    at.selectbox(key="review_conflict_answer").set_value(other(made)).run()
    press(at, "review_adjudicate")
    assert "reason is missing" in messages(at)[0]
    at.text_area(key="review_conflict_reason").set_value("the scan").run()
    press(at, "review_adjudicate")
    assert messages(at) == []
    (decided,) = review_of(store).adjudications_of(made.id)
    assert (decided.answer, decided.reason) == (other(made), "the scan")
    assert "No case waits for a decision" in texts(at)
    assert "2 verdicts by 2 experts · agree 1 of 2 · model right 0 of 2" in texts(at)
    shown = metrics(open_page("figures"))
    assert (shown["Agree"], shown["Model right"]) == ("1 of 2", "0 of 2")
    at = open_page(case=verdict_of(store, made).id)
    assert "Grace decided:" in texts(at)
    assert "(decided)" in table(at, "Counts as right")["Counts as right"].iloc[0]


def test_who_judged_a_case_is_not_asked_to_decide_it(judge):
    first = judge(("Ada", "agree"))
    judge(("Grace", "agree"), ("Bo", other(first)))
    at = open_page("conflicts")
    assert "You judged this case yourself" in texts(at)
    assert "review_adjudicate" not in keys(at)


def test_experts_lead_to_the_conflicts_that_wait(judge):
    first = judge(("Ada", "agree"))
    judge(("Ada", "agree"), ("Bo", other(first)))
    at = press(open_page("experts"), "review_decide")
    assert messages(at) == []
    assert address(at)["section"] == "conflicts"
    assert at.selectbox(key="review_conflict_own")


def test_the_letters_of_experts_are_given_anew_for_each_case(judge, store):
    from second_opinion.review import totals

    for at in range(20):
        made = judge(("Ada", "agree"), pulse=80.0 + at)
        store.add_verdict(Verdict(made.id, "Bo", "disagree", comment="not this"))
    cases = review_of(store).conflicts("triage")
    assert len(cases) == 20
    who_is_a = {next(totals.in_order(case))[1].expert for case in cases}
    assert who_is_a == {"Ada", "Bo"}
    assert all([row[0] for row in totals.in_order(case)] == ["A", "B"] for case in cases)


def test_that_the_models_number_stands_is_one_click_and_can_be_decided_anew(store, models, place):
    model = Registry(models).load("dose")
    inputs, _ = model.card.case_schema.read(model.card.case_schema.typical)
    made = model.predict_one(inputs, asked_by="Ada", source="form", id=new_id())
    store.add_prediction(made)
    store.add_verdict(Verdict(made.id, "Ada", "agree"))
    store.add_verdict(Verdict(made.id, "Bo", "disagree", correct_value=made.value + 40))
    at = locked(open_page("conflicts", model="dose"), made.value)
    at.text_area(key="review_conflict_reason").set_value("measured again").run()
    press(at, "review_stands")
    assert messages(at) == []
    assert store.reviewed()["outcome"].tolist() == ["right", "right"]
    at.toggle(key="review_decided").set_value(True).run()
    assert "measured again" not in texts(at)
    at = locked(at, 150.0)
    assert "measured again" in texts(at)
    at.number_input(key="review_conflict_answer").set_value(made.value + 40)
    at.text_area(key="review_conflict_reason").set_value("the other scale").run()
    press(at, "review_adjudicate")
    assert store.reviewed()["outcome"].tolist() == ["wrong", "wrong"]
    assert len(review_of(store).adjudications_of(made.id)) == 2


# --- figures


def test_numbers_stand_as_the_model_says_them_and_as_experts_gave_them(judge):
    made = judge(("Ada", "agree"), ("Bo", 123.456), model="dose")
    shown = table(open_page(model="dose"), "Expert")
    assert "Sure" not in shown
    said = f"{made.value:.0f} mg"
    assert list(shown["Model said"]) == [said, said]
    assert list(shown["Counts as right"]) == ["123.456 mg", said]
    assert "Sure" in table(open_page_with_a_class(judge), "Expert")


def open_page_with_a_class(judge):
    judge(("Ada", "agree"))
    return open_page()


def test_each_figure_is_also_a_table_of_its_numbers(judge):
    seen = judge(("Ada", "agree"), ("Bo", "agree"))
    judge(("Ada", other(seen)), ("Bo", "unsure"))
    at = open_page("figures")
    titles = " ".join(markdown.value for markdown in at.markdown)
    assert "The model is right in 2 of 3 verdicts" in titles
    assert "groups of fewer than 10 are not compared" in titles
    at.toggle(key="review_figure_expert_table").set_value(True).run()
    assert messages(at) == []
    shown = table(at, "Share right").set_index("Expert")
    assert shown.loc["Bo", ["Right", "Wrong", "Unsure"]].tolist() == [1, 0, 1]
    assert shown.loc["Ada", "Share right"] == 0.5


def test_verdicts_from_before_seeing_the_answer_are_not_counted_as_after(judge, store):
    seen = judge(("Ada", "agree"))
    store.add_verdict(Verdict(seen.id, "Bo", "agree", mode="blind"))
    assert "1 verdict was given after seeing the model's answer" in texts(open_page())
    judge(("Cy", "agree"))
    assert "2 verdicts were given after seeing the model's answer" in texts(open_page())


def test_the_headline_says_what_it_rests_on(judge):
    seen = judge(("Ada", "agree"), ("Bo", "agree"))
    judge(("Ada", other(seen)))
    judge(("Ada", "unsure"))
    assert not open_page().metric
    at = open_page("figures")
    assert metrics(at) == {
        "Verdicts": "4",
        "Experts": "2",
        "Model right": "2 of 3",
        "Unsure": "1 of 4",
    }
    assert "4 verdicts by 2 experts · model right 2 of 3 · unsure 1 of 4" in texts(at)
    shown = texts(at)
    assert "3 verdicts say right or wrong: too few to conclude anything" in shown
    assert "All verdicts were given after seeing the model's answer" in shown
    assert "3 verdicts that say right or wrong are on" in shown
    shown = texts(filtered(at, "judgement", "agree"))
    assert "do not tell how good the model is" in shown


def test_too_many_classes_for_tiles_stand_in_a_table_with_their_sums(judge, monkeypatch):
    from second_opinion.ui.review import figures_section

    monkeypatch.setattr(figures_section, "MOST_TILES", 1)
    seen = judge(("Ada", "agree"), ("Bo", "agree"))
    judge(("Ada", other(seen)))
    shown = table(open_page("figures"), "All").set_index("The model said")
    labels = {"keep": "Keep here", "home": "Send home"}
    said, right = labels[seen.value], labels[other(seen)]
    assert shown.loc[said, ["All", f"Right: {said}", f"Right: {right}"]].tolist() == [3, 2, 1]


@pytest.mark.slow
def test_a_weak_spot_is_found_and_its_cases_are_listed(judge):
    for at in range(40):
        weak = at % 2
        seen = judge(colour="red" if weak else "green", pulse=80.0 + at / 10)
        said = other(seen) if weak and at % 8 else "agree"
        judge(("Ada", said), colour="red" if weak else "green", pulse=80.0 + at / 10)
    at = press(open_page("fails"), "review_fails")
    assert messages(at) == []
    assert "Colour: red" in texts(at)
    assert "adjusted p" in texts(at)
    listed = press(at, "review_spot_list_0")
    assert messages(listed) == []
    cases = table(listed, "Case")["Case"]
    assert len(cases) == 20
    assert all("Colour: red" in case for case in cases)


def test_risks_are_shown_by_band_and_never_by_how_sure(judge, store):
    judge(("Ada", "agree"), model="risk")
    made = judge(("Ada", "agree"), ("Bo", "disagree"), model="risk", comment="no", age=41.0)
    at = open_page("figures", model="risk")
    titles = " ".join(markdown.value for markdown in at.markdown)
    assert "Of 3 verdicts on risks: 0 too low, 2 about right, 0 too high, 1 wrong" in titles
    assert " sure" not in titles
    shown = table(open_page(model="risk"), "Counts as right")
    assert sorted(shown["Counts as right"]) == ["about right", "about right", "–"]
    by = Expert("Grace", role="reviewer")
    review_of(store).adjudicate(made.id, None, "looked again", direction="too_low", by=by)
    at = open_page("figures", model="risk")
    titles = " ".join(markdown.value for markdown in at.markdown)
    assert "Of 3 verdicts on risks: 2 too low, 1 about right, 0 too high" in titles
    shown = table(open_page(model="risk"), "Counts as right")
    assert sorted(shown["Counts as right"]) == ["about right", *["too low (decided)"] * 2]


def test_the_page_says_what_answers_without_a_card_count_as(judge, store):
    judge(("Ada", "agree"), model="risk")
    assert "No card is on record" not in texts(open_page("figures", model="risk"))
    old = case(model="iris", card_sha256="0" * 64)
    store.add_prediction(old)
    store.add_verdict(verdict(old, "agree", "Ada"))
    captions = texts(open_page("figures", model="iris"))
    assert "No card is on record for the first predictions of version 1." in captions


def test_a_search_over_the_newest_verdicts_alone_says_so(judge, monkeypatch):
    from second_opinion.ui.review import weak_spots_section

    for at in range(3):
        judge(("Ada", "agree"), ("Bo", "agree"), pulse=80.0 + at)
    assert "The search is over" not in texts(open_page("fails"))
    monkeypatch.setattr(weak_spots_section, "SEARCHED", 4)
    at = press(open_page("fails"), "review_fails")
    assert "The search is over the newest 4 of 6 verdicts that the filters leave." in texts(at)
    assert "2 cases with a clear verdict" in texts(at)


def test_too_few_cases_are_not_searched(judge):
    judge(("Ada", "agree"))
    at = press(open_page("fails"), "review_fails")
    assert "too few to look for weak spots" in texts(at)


# --- a disk that is thrown away


@pytest.mark.slow
@pytest.mark.parametrize("page", ["Home.py", CASE, REVIEW])
def test_reviewers_are_told_of_a_disk_that_is_thrown_away(place, monkeypatch, page):
    monkeypatch.setenv("DURABLE", "0")
    told = [warning.value for warning in start(page, model="triage").warning]
    assert [text for text in told if "thrown away" in text]
    monkeypatch.setattr(type(st.context), "ip_address", "203.0.113.5")
    told = [warning.value for warning in start(page, model="triage").warning]
    assert not [text for text in told if "thrown away" in text]


def test_each_kind_of_export_that_is_offered_has_a_note_and_can_be_made():
    assert set(files_section.WHAT) == set(files_section.NOTES)
    assert set(files_section.WHAT) == set(get_args(exports.What)) - {"draws"}
