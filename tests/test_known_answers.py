"""Cases whose answer is known, put unmarked between the draws: who is right, and never evidence."""

from types import SimpleNamespace

import pytest
from builders import OWNER, csv_of, rows_of, score, scored_batch
from builders import check as checked
from hypothesis import given
from hypothesis import strategies as st
from visits import keys, messages, press, start

from second_opinion.batches import case_facts
from second_opinion.batches.scored_rows import ScoredRows
from second_opinion.errors import UserError
from second_opinion.evidence import answers_in_parts, decision, plan_of_batch, queued_case
from second_opinion.evidence import known_answers as known_answers_of
from second_opinion.evidence.known_answers import candidate_columns, known_answers
from second_opinion.evidence.plan_of_batch import Terms
from second_opinion.records.case_columns import CaseColumns
from second_opinion.records.expert import Expert
from second_opinion.schema import Choice
from second_opinion.store import Store
from second_opinion.store.queue_checks import next_known
from second_opinion.verdicts.blind_answer import locked

ADA, BOB, EVE = Expert("Ada"), Expert("Bob"), Expert("Eve")
QUEUE, RELEASE = "pages/3_Review_queue.py", "pages/6_Release_decision.py"


class Study:
    """A plan on 60 rows, with 12 rows of another file whose answer is known."""

    def __init__(self, place, registry, ref="triage", *, column="truth", **terms):
        self.store, self.card = Store.open(place / "feedback.db"), registry.card(ref)
        self.batch, _ = scored_batch(self.store, registry, ref, 60)
        rows = rows_of(registry, ref, 72).iloc[60:].assign(**{column: self.cells(12)})
        self.registry, self.known_rows = registry, rows
        self.known_batch = score(
            self.store, registry, checked(self.store, registry, csv_of(rows), ref)
        )
        wanted = {"target": 0.6, "twice": 0.0, "experts": ("Ada", "Bob")} | terms
        self.known = known_answers(
            self.store, self.card, self.batch, self.known_batch, column, by=OWNER
        )
        self.plan = plan_of_batch.freeze(
            self.store, self.card, self.batch, Terms(**wanted), self.known, by=OWNER
        )

    def cells(self, rows):
        """The first class by its words, the second by its value, and nothing, in turn."""
        first, second, *_ = self.card.classes
        return [(first.label.upper(), str(second.value), "")[at % 3] for at in range(rows)]

    def opened(self, case):
        batch = self.store.batches.find(case.batch_id)
        return ScoredRows(self.store).opened(batch, case.row_number, self.card)

    def lock(self, case, value=None, by=ADA):
        made = self.opened(case)
        value = made.value if value is None else value
        answer = locked(made, by.label, value, risk=self.card.probability(made.probabilities))
        return self.store.queue.lock(case, answer, by=by)

    def next(self, by=ADA):
        return self.store.queue.next(self.plan.id, by=by)

    def known_answer(self, case):
        return self.known.answers[case.row_number]

    def up_to_the_first_known(self, by=ADA):
        while (case := self.next(by)).position >= 0:
            self.lock(case, by=by)
        return case

    def by_expert(self):
        stored = self.store.plans.answers(self.plan, by=OWNER)
        return {one.label: one for one in answers_in_parts.by_expert(self.plan, stored)}


@pytest.fixture
def study(place, registry):
    return Study(place, registry)


@given(st.integers(0, 100), st.integers(0, 15), st.text(max_size=5))
def test_one_in_ten_is_a_known_one_until_each_was_asked(answered, count, seed):
    known, seen = range(-count, 0), set()
    while (at := next_known(seed, "declared:ada", answered, known, seen)) is not None:
        assert at == next_known(seed, "declared:ada", answered, known, set(seen))
        assert at in known
        assert at not in seen
        seen.add(at)
    assert min(count, answered // 10) <= len(seen) <= min(count, answered // 10 + 1)
    assert not seen or answered >= 2


def test_the_places_of_known_ones_are_other_ones_for_each_person_and_in_each_ten():
    """An expert who counts cannot tell which case is one."""

    def places(person):
        dues = [
            next(at for at in range(99) if next_known("7", person, at, [-9], range(number)) == -9)
            for number in range(8)
        ]
        assert [due // 10 for due in dues] == [*range(8)]
        return [due % 10 for due in dues]

    each = [places(f"declared:{number}") for number in range(40)]
    for number in range(8):
        assert len({own[number] for own in each}) >= 7
    assert len({tuple(own) for own in each}) == 40


def test_an_answer_is_read_by_the_words_and_by_the_value_of_a_class(study):
    first, second, *_ = study.card.class_values
    numbers = [1, 2, 4, 5, 7, 8, 10, 11]
    assert study.known.answers == dict(zip(numbers, [first, second] * 4, strict=True))
    assert study.plan.known == 8
    assert study.store.plans.find(study.plan.id, by=OWNER) == study.plan


def test_known_cases_come_unmarked_and_tell_who_is_right(study):
    counts = []
    for _ in range(2):
        case = study.up_to_the_first_known()
        assert not case.is_repeat
        assert case == study.next()
        before = decision.draw_table(study.store, study.plan, by=OWNER)
        right = study.known_answer(case)
        wrong = next(value for value in study.card.class_values if value != right)
        study.lock(case, right if not counts else wrong)
        counts.append((case.done, study.next().done))
        assert decision.draw_table(study.store, study.plan, by=OWNER).equals(before)
        answered = study.store.queue.answered(study.plan.id, by=ADA)
        assert answered[-1].position == case.position
    (first, after_first), (second, after_second) = counts
    assert (after_first, after_second) == (first + 1, second + 1)
    assert 2 <= first < 10 < second <= 20
    ada = study.by_expert()["Ada"]
    assert (ada.answers, ada.known, ada.known_right, ada.repeats) == (second - 1, 2, 1, 0)
    assert len(study.store.plans.draws(study.plan.id, by=OWNER)) == study.plan.cases == 60


def test_unsure_and_skipped_ones_count_for_nothing_and_do_not_come_again(study):
    case = study.up_to_the_first_known()
    study.store.queue.lock(case, locked(study.opened(case), "Ada", None), by=ADA)
    second = study.up_to_the_first_known()
    assert second.position != case.position
    done = second.done
    study.store.queue.skip(second, by=ADA)
    assert study.next().position >= 0
    assert study.next().done == done + 1
    assert study.by_expert()["Ada"].known == 0


def test_each_expert_is_asked_in_an_order_of_their_own_and_holds_nobody_up(study):
    ada = study.up_to_the_first_known()
    bob = study.up_to_the_first_known(BOB)
    assert study.next(BOB) == bob
    study.lock(ada), study.lock(bob, by=BOB)
    assert {*study.by_expert()} == {"Ada", "Bob"}


def test_what_the_model_says_of_them_is_closed_to_the_panel_until_they_answer(study):
    case = study.up_to_the_first_known()
    made = study.opened(case)
    closed = study.store.blind_cases.closed
    assert closed([made.id], by=ADA) == {made.id}
    assert closed([made.id], by=EVE) == set()
    with pytest.raises(UserError, match="are in your queue"):
        ScoredRows(study.store, ADA).check(study.known_batch)
    ScoredRows(study.store, EVE).check(study.known_batch)
    assert queued_case.first_of(study.store, study.card, [made.inputs], by=ADA) == 0
    study.lock(case)
    assert closed([made.id], by=ADA) == set()
    assert queued_case.first_of(study.store, study.card, [made.inputs], by=ADA) is None
    decision.close(study.store, study.plan, by=OWNER)
    ScoredRows(study.store, ADA).check(study.known_batch)


def test_the_draft_of_one_goes_on_on_another_device(study):
    case = study.up_to_the_first_known()
    study.store.queue.keep_draft(case, {"queue_sure": "Certain"}, by=ADA)
    assert study.store.queue.draft(study.next(), by=ADA) == {"queue_sure": "Certain"}


@pytest.mark.parametrize(
    ("said", "known", "right"),
    [([0.5, 0.7], 1, 1), ([0.1, 0.3], 1, 0), ([0.25, 0.75], 0, 0), (True, 1, 1), (0.9, 1, 1)],
)
def test_a_probability_is_held_against_whether_the_event_came(place, registry, said, known, right):
    def cells(self, rows):
        return [str(self.card.positive), "", *["" for _ in range(rows - 2)]]

    kind = type("Risks", (Study,), {"cells": cells})
    study = kind(place, registry, "risk", tolerance=0.1)
    assert study.known.answers == {1: True}
    case = study.up_to_the_first_known()
    study.lock(case, said)
    ada = study.by_expert()["Ada"]
    assert (ada.known, ada.known_right) == (known, right)


def test_a_number_is_right_within_the_tolerance_of_the_plan(place, registry):
    def cells(self, rows):
        return ["1234.5", *["" for _ in range(rows - 1)]]

    kind = type("Numbers", (Study,), {"cells": cells})
    study = kind(place, registry, "dose", tolerance=2.0)
    assert study.known.answers == {1: 1234.5}
    study.lock(study.up_to_the_first_known(), 1236.0)
    ada = study.by_expert()["Ada"]
    assert (ada.known, ada.known_right) == (1, 1)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["perhaps"] + [""] * 11, r"Row 1 of .* truth is .perhaps.; expected one of"),
        ([""] * 12, "has 0 rows with an answer in the column .truth.; expected 1 to 1,000"),
    ],
)
def test_a_cell_that_is_no_answer_is_named(place, registry, cells, message):
    kind = type("Wrong", (Study,), {"cells": lambda self, rows: cells})
    with pytest.raises(UserError, match=message):
        kind(place, registry)


def test_a_class_is_read_as_it_is_written_first_and_thousands_are_no_ones():
    def card(*choices):
        classes = tuple(Choice(value=value, label=label) for value, label in choices)
        return SimpleNamespace(classes=classes)

    read = known_answers_of._class_of
    assert read(card(("a", "Low"), ("A", "High")), "A") == "A"
    assert read(card(("a", "Low"), ("A", "High")), "high") == "A"
    assert read(card(("ab", "x"), ("AB", "y")), "Ab") is None
    assert read(card((0, "1"), (1, "0")), "1") == 1
    numbers = card((1, "one"), (1000, "thousand"))
    assert [read(numbers, cell) for cell in ("1", "1.0", "1,00", "1,000", "1000")] == [
        *(1, 1, 1),
        *(None, 1000),
    ]
    assert read(card((True, "Yes"), (False, "No")), "TRUE") is True


def test_a_file_of_more_than_can_be_asked_is_refused_before_all_of_it_is_read(study, monkeypatch):
    monkeypatch.setattr(known_answers_of, "MOST_CASES", 7)
    with pytest.raises(UserError, match="has more than 7 rows with an answer"):
        known_answers(study.store, study.card, study.batch, study.known_batch, "truth", by=OWNER)


def test_neither_the_pool_nor_an_input_nor_an_open_plan_will_do(study):
    about = study.store, study.card, study.batch
    with pytest.raises(UserError, match="expected another file than the plan is about"):
        known_answers(*about, study.batch, "truth", by=OWNER)
    with pytest.raises(UserError, match=r"no column .age. beside those that the model takes"):
        known_answers(*about, study.known_batch, "age", by=OWNER)
    with pytest.raises(UserError, match="Eve may not draft a plan"):
        known_answers(*about, study.known_batch, "truth", by=EVE)
    terms = Terms(target=0.6, mode="open")
    with pytest.raises(UserError, match="known answers check nobody"):
        plan_of_batch.freeze(*about, terms, study.known, by=OWNER)
    assert candidate_columns(study.store, study.card, study.known_batch)[0] == "truth"


@pytest.mark.parametrize("column", ["truth", "what_came"])
def test_their_cases_look_like_those_of_the_pool_and_tell_nothing(place, registry, column):
    study = Study(place, registry, column=column)
    case, drawn = study.up_to_the_first_known(), study.store.queue.answered(study.plan.id, by=ADA)
    facts = [
        case_facts.of_prediction(study.store, study.opened(one), ADA) for one in (case, drawn[0])
    ]
    assert facts[0].keys() == facts[1].keys() == {"note_of_ours"}
    assert column in study.store.column_choices.latest(study.known_batch.id).hidden


def test_a_file_that_lacks_what_experts_see_of_the_pool_will_not_do(study):
    other = study.known_rows.drop(columns="note_of_ours")
    batch = score(
        study.store, study.registry, checked(study.store, study.registry, csv_of(other), "triage")
    )
    with pytest.raises(UserError, match=r"no column .note_of_ours., which experts see"):
        known_answers(study.store, study.card, study.batch, batch, "truth", by=OWNER)


@pytest.mark.usefixtures("at_home")
def test_an_owner_chooses_them_on_the_page_and_the_expert_reads_of_them(place, registry):
    study = Study(place, registry)
    at = start(RELEASE, section="new")
    at.selectbox(key="plan_batch").set_value(study.batch.id).run()
    at.selectbox(key="plan_known").set_value(study.known_batch.id).run()
    at.selectbox(key="plan_known_column").set_value("truth").run()
    assert any("8 cases with a known answer" in one.value for one in at.caption)
    at.number_input(key="plan_target").set_value(60.0)
    at.number_input(key="plan_expected").set_value(95.0)
    at.text_area(key="plan_experts").set_value("Ada")
    press(at, "plan_freeze")
    assert not messages(at)
    (frozen, *_) = study.store.plans.listed(by=OWNER)
    assert frozen.known == 8
    assert frozen.replaces == study.plan.id
    page = start(QUEUE, "Ada", plan=frozen.id)
    assert any("The right answer to some cases is known" in one.value for one in page.text)
    assert "queue_lock" in keys(page)


def test_a_known_file_that_was_scored_once_more_is_closed_case_by_case_too(study):
    content = csv_of(study.known_rows)
    again = score(study.store, study.registry, checked(study.store, study.registry, content))
    case = study.up_to_the_first_known()
    twin = ScoredRows(study.store).opened(again, case.row_number, study.card)
    study.store.add_verdict(locked(twin, "Eve", twin.value))
    closed = study.store.blind_cases.closed
    assert closed([twin.id], by=ADA) == {twin.id}
    assert closed([twin.id], by=EVE) == set()
    assert study.store.blind_cases.waiting_cases(by=ADA) == 1
    study.lock(case)
    assert closed([twin.id], by=ADA) == set()
    assert study.store.blind_cases.waiting_cases(by=ADA) == 0


@pytest.mark.usefixtures("at_home")
def test_a_plan_with_the_answer_in_view_on_the_known_file_passes_over_what_may_be_asked(study):
    terms = Terms(target=0.6, twice=0.0, mode="open", experts=())
    store = study.store
    seen = plan_of_batch.freeze(store, study.card, study.known_batch, terms, by=OWNER)
    assert store.blind_cases.before(seen, by=ADA) == [study.plan]
    assert store.blind_cases.before(seen, by=EVE) == []
    rows = set()
    while case := store.queue.next(seen.id, by=ADA):
        rows.add(case.row_number)
        store.queue.skip(case, by=ADA)
    assert rows
    assert not rows & study.known.answers.keys()
    page = start(QUEUE, "Ada", plan=seen.id)
    assert any("asks for your own answers first" in one.value for one in page.text)
    press(page, "queue_first")
    assert "queue_lock" in keys(page)
    assert store.queue.next(seen.id, by=EVE) is not None


def test_known_cases_go_on_looking_like_those_of_the_pool_when_another_column_is_chosen(study):
    case, choices = study.up_to_the_first_known(), study.store.column_choices
    known_id, other = study.known_batch.id, CaseColumns(shown=("truth", "note_of_ours"))
    with pytest.raises(UserError, match=r"Choose for the file that the plan is about"):
        choices.choose(known_id, other, by=OWNER)
    choices.choose(study.batch.id, CaseColumns(), by=OWNER)
    drawn = study.store.queue.answered(study.plan.id, by=ADA)[0]
    for one in (case, drawn):
        assert case_facts.of_prediction(study.store, study.opened(one), ADA) == {}
    assert "truth" in choices.latest(known_id).hidden
    decision.close(study.store, study.plan, by=OWNER)
    choices.choose(known_id, other, by=OWNER)
    assert "truth" in choices.latest(known_id).shown


def test_a_column_that_the_known_cases_lack_is_not_shown_of_the_pool(study):
    choices, pool_id = study.store.column_choices, study.batch.id
    before = choices.latest(pool_id)
    for lacking in (CaseColumns(shown=("note_of_ours", "ward")), CaseColumns(picture="ward")):
        with pytest.raises(UserError, match=r"has no column .ward.; .* or close the plan first"):
            choices.choose(pool_id, lacking, by=OWNER)
        assert choices.latest(pool_id) == before
    decision.close(study.store, study.plan, by=OWNER)
    choices.choose(pool_id, CaseColumns(shown=("note_of_ours", "ward")), by=OWNER)
