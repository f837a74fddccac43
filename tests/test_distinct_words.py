"""Entries of a list with equal words: each is told from the others, and the chosen one is taken."""

import json
import shutil

import pytest
from builders import OWNER, check, csv_of, rows_of, score
from hypothesis import given
from hypothesis import strategies as st
from visits import messages, press, start

from second_opinion.evidence import plan_of_batch
from second_opinion.evidence.plan_of_batch import Terms
from second_opinion.records.stamp import new_id
from second_opinion.store import Store
from second_opinion.ui import distinct_words

RELEASE = "pages/6_Release_decision.py"
QUEUE = "pages/3_Review_queue.py"
options = st.one_of(
    st.text("ab", max_size=4), st.integers(0, 20), st.booleans(), st.builds(new_id), st.none()
)


@given(st.lists(st.tuples(options, st.sampled_from(["", "Yes", "No"])), max_size=12))
def test_no_two_options_have_the_same_words_and_those_alone_keep_theirs(entries):
    plain = {repr(option): text for option, text in entries}
    every = list({repr(option): option for option, _ in entries}.values())
    words = distinct_words.of(every, lambda option: plain[repr(option)])
    texts = [words(option) for option in every]
    assert len({*texts}) == len(texts)
    for option, text in zip(every, texts, strict=True):
        before = plain[repr(option)]
        assert text == before or (text.startswith(before) and [*plain.values()].count(before) > 1)


def test_a_record_is_told_by_the_end_of_its_id_and_a_model_by_its_whole_name():
    ids = ["0" * 28 + "12ab", "0" * 28 + "34cd"]
    assert [*map(distinct_words.of(ids, lambda _: "ward.csv"), ids)] == [
        "ward.csv · 12ab",
        "ward.csv · 34cd",
    ]
    refs = ["churn@production", "churn-2@production"]
    words = distinct_words.of(refs, lambda _: "Churn · in use")
    assert [*map(words, refs)] == [f"Churn · in use · {ref}" for ref in refs]


def test_what_is_no_option_any_more_is_asked_for_as_before():
    words = distinct_words.of(["a", "b"], {"a": "One", "b": "One"}.__getitem__)
    with pytest.raises(KeyError):
        words("gone")


class Desk:
    """The same file scored three times, an owner's own machine."""

    def __init__(self, place, registry):
        self.store, self.card = Store.open(place / "feedback.db"), registry.card("triage")
        content = csv_of(rows_of(registry, "triage", 40))
        batches = [score(self.store, registry, check(self.store, registry, content)) for _ in "123"]
        self.batches = [batch.id for batch in batches]

    def freeze(self, batch_id):
        batch = self.store.batches.find(batch_id)
        wanted = Terms(target=0.6, twice=0.0, experts=("Ada",))
        return plan_of_batch.freeze(self.store, self.card, batch, wanted, by=OWNER).id


@pytest.fixture
def desk(place, registry, at_home):
    return Desk(place, registry)


@pytest.mark.parametrize("at_place", [0, 1, 2])
def test_the_pool_that_was_chosen_is_frozen(desk, at_place):
    at = start(RELEASE)
    at.selectbox(key="plan_batch").set_value(desk.batches[at_place]).run()
    at.number_input(key="plan_target").set_value(65.0).run()
    press(at, "plan_freeze")
    assert messages(at) == []
    (plan,) = desk.store.plans.listed(by=OWNER)
    assert plan.batch_id == desk.batches[at_place]


@pytest.mark.parametrize(("page", "key"), [(QUEUE, "queue_plan"), (RELEASE, "release_plan")])
def test_the_plan_that_was_chosen_is_opened(desk, page, key):
    plans = [desk.freeze(batch) for batch in desk.batches]
    at = start(page)
    for plan in plans:
        at.selectbox(key=key).set_value(plan).run()
        assert at.query_params["plan"] in (plan, [plan])
        assert at.selectbox(key=key).value == plan


def test_models_of_the_same_title_are_entries_of_their_own_in_the_menu(place, models, monkeypatch):
    shutil.copytree(models, place / "model")
    monkeypatch.setenv("MODEL_DIR", str(place / "model"))
    for path in (place / "model").glob("*/*/card.json"):
        card = json.loads(path.read_text()) | {"title": "Ward"}
        path.write_text(json.dumps(card))
    at = start("Home.py")
    box = at.selectbox(key="model_choice")
    assert len({*box.options}) == len(box.options) > 3
    refs = [text.split(" · ")[-1] for text in box.options if text.startswith("Ward · ")]
    for ref in [ref for ref in refs if "@" in ref]:
        at.selectbox(key="model_choice").set_value(ref).run()
        assert at.session_state["model_choice"] == ref
