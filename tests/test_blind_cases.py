"""Blind means blind: what the model said of a drawn case is closed to its experts, everywhere."""

import io
import json
import shutil
import tracemalloc
from hashlib import sha256

import numpy as np
import pandas as pd
import pytest
from builders import OWNER, REVIEWER, check, csv_of, score, scored_batch, verdict
from calls import bearer
from sklearn.dummy import DummyClassifier
from visits import as_read, keys, messages, press, start

from second_opinion.batches import downloads
from second_opinion.batches.scored_rows import ScoredRows
from second_opinion.distributions import selection
from second_opinion.errors import UserError
from second_opinion.evidence import announcements, decision, plan_of_batch, queued_case
from second_opinion.evidence.plan_of_batch import Terms
from second_opinion.models.model import Model
from second_opinion.models.registry import Registry
from second_opinion.records.expert import Expert
from second_opinion.records.invitation import Invitation
from second_opinion.records.verdict_filter import VerdictFilter
from second_opinion.review import exports
from second_opinion.store import Store, blind_cases
from second_opinion.ui.labels import flag_name
from second_opinion.ui.queue import drawn_case
from second_opinion.verdicts.blind_answer import locked

CASE = "pages/1_Single_prediction.py"
BATCH = "pages/2_Batch_upload.py"
QUEUE = "pages/3_Review_queue.py"
DISTRIBUTIONS = "pages/4_Distributions.py"
ADA, ZOE = Expert("Ada"), Expert("Zoe")
CLOSED = "are in your queue"


class Study:
    """A blind plan on a scored file of the model triage, and its store."""

    def __init__(self, place, registry, ref="triage", rows=6, **terms):
        self.store, self.registry = Store.open(place / "feedback.db"), registry
        self.card = registry.card(ref)
        self.batch, self.frame = scored_batch(self.store, registry, ref, rows)
        wanted = Terms(**{"target": 0.6, "twice": 0.0, "experts": ("Ada", "Bob")} | terms)
        self.plan = plan_of_batch.freeze(self.store, self.card, self.batch, wanted, by=OWNER)

    def opened(self, position=0):
        row = self.store.plans.draws(self.plan.id, by=OWNER)[position].row_number
        return ScoredRows(self.store).opened(self.batch, row, self.card)

    def lock(self, position, person=ADA):
        made = self.opened(position)
        about = {"identity_source": person.source, "expert_key": person.expert_key}
        about["risk"] = self.card.probability(made.probabilities)
        self.store.add_verdict(locked(made, person.label, made.value, **about), by=person)

    def against(self, made, expert):
        """Somebody's verdict that another class than the model's is right."""
        right = next(one for one in self.card.class_values if one != made.value)
        return verdict(made, "disagree", expert, correct_value=right, direction=None)

    def ways(self, by, batch=None):
        """Each call that tells what the model said of the rows of a file, by its name."""
        batch = batch or self.batch
        rows, about = ScoredRows(self.store, by), {"by": by}
        return {
            "rows": lambda: rows.rows(batch),
            "scores": lambda: rows.scores(batch),
            "summary": lambda: rows.summary(batch),
            "opened": lambda: rows.opened(batch, 1, self.card),
            "distributions": lambda: selection.of_batch(self.store, batch, self.card, **about),
            "as it came": lambda: downloads.file_as_it_came(self.store, batch, **about),
            "scored file": lambda: downloads.scored_file(self.store, batch, **about),
            "workbook": lambda: downloads.result_workbook(
                self.store, batch, self.card, flag_words=flag_name, **about
            ),
        }


@pytest.fixture
def study(place, registry):
    return Study(place, registry)


def refusals(ways):
    """The names of the ways that are closed, each with the same words."""
    return {name for name, way in ways.items() if CLOSED in refusal(way)}


def refusal(way):
    try:
        way()
    except UserError as error:
        return str(error)
    return ""


def test_every_way_to_a_file_is_closed_to_its_experts_and_to_nobody_else(study):
    assert refusals(study.ways(ADA)) == {*study.ways(ADA)}
    for person in (ZOE, REVIEWER, OWNER):
        assert refusals(study.ways(person)) == set()
    for named in (Expert("ada", role="reviewer"), Expert("Ada", role="owner")):
        assert refusals(study.ways(named)) == {*study.ways(named)}


def test_a_refused_file_is_not_on_record_as_taken(study):
    assert refusals(study.ways(ADA)) == {*study.ways(ADA)}
    assert study.store.event_log.newest("export", by=OWNER) == []
    assert refusals(study.ways(ZOE)) == set()
    taken = [one.details["what"] for one in study.store.event_log.newest("export", by=OWNER)]
    assert sorted(taken) == ["scored file", "scored file", "workbook"]


def test_the_same_file_uploaded_again_is_closed_too(study):
    content = csv_of(study.frame)
    again = score(study.store, study.registry, check(study.store, study.registry, content))
    assert refusals(study.ways(ADA, again)) == {*study.ways(ADA, again)}
    other = csv_of(study.frame.assign(age="50"))
    other = score(study.store, study.registry, check(study.store, study.registry, other))
    assert refusals(study.ways(ADA, other)) == set()


def test_a_file_opens_once_all_its_cases_are_answered_and_when_the_plan_is_closed(study):
    for position in range(5):
        study.lock(position)
    assert refusals(study.ways(ADA)) == {*study.ways(ADA)}
    study.lock(5)
    assert refusals(study.ways(ADA)) == set()
    assert refusals(study.ways(Expert("Bob"))) == {*study.ways(ADA)}
    decision.close(study.store, study.plan, by=OWNER)
    assert refusals(study.ways(Expert("Bob"))) == set()


def test_a_drawn_case_opens_to_who_has_locked_an_answer_and_its_link_to_nobody_before(study):
    made = study.opened()
    with pytest.raises(UserError, match="This case is in your queue"):
        study.store.prediction(made.id, by=ADA)
    assert study.store.prediction(made.id, by=ZOE) == study.store.prediction(made.id)
    study.lock(0)
    assert study.store.prediction(made.id, by=ADA).id == made.id
    with pytest.raises(UserError, match="This case is in your queue"):
        study.store.prediction(made.id, by=Expert("Bob"))


def test_the_history_of_an_expert_has_no_drawn_case_before_the_lock(study):
    made = study.opened()
    asker = Expert("Ada")
    assert made.asked_by == "Ada"
    assert study.store.history(asker, [made.id], by=asker) == []
    study.lock(0)
    ((seen, _),) = study.store.history(asker, [made.id], by=asker)
    assert seen.id == made.id


def test_an_open_plan_closes_nothing(place, registry):
    study = Study(place, registry, mode="open")
    assert refusals(study.ways(ADA)) == set()


def test_a_plan_without_a_panel_asks_every_expert_and_leaves_its_owners_what_they_see(
    place, registry
):
    study = Study(place, registry, experts=())
    assert refusals(study.ways(ZOE)) == {*study.ways(ZOE)}
    assert refusals(study.ways(REVIEWER)) == set()


@pytest.mark.parametrize("ref", ["triage", "dose", "risk", "iris"])
def test_a_case_of_the_pool_is_known_by_its_inputs_whatever_its_columns(place, registry, ref):
    study = Study(place, registry, ref, rows=12, tolerance=5.0 if ref == "dose" else None)
    for position in range(12):
        made = study.opened(position)
        with pytest.raises(UserError, match="This case is in your queue"):
            queued_case.check(study.store, study.card, made.inputs, by=ADA)
        queued_case.check(study.store, study.card, made.inputs, by=ZOE)
    name = next(f.name for f in study.card.features if f.kind in ("number", "integer"))
    other = dict(made.inputs) | {name: made.inputs[name] + 1}
    queued_case.check(study.store, study.card, other, by=ADA)
    study.lock(11)
    queued_case.check(study.store, study.card, made.inputs, by=ADA)


def test_the_first_of_many_cases_is_told_whatever_stands_before_it(study):
    case = dict(study.opened().inputs)
    other = case | {"age": 19}
    cases = [other, case, other, case]
    assert queued_case.first_of(study.store, study.card, cases, by=ADA) == 1
    assert queued_case.first_of(study.store, study.card, [other] * 3, by=ADA) is None
    assert queued_case.first_of(study.store, study.card, cases, by=ZOE) is None


def test_rows_that_are_the_same_wait_until_each_of_them_is_answered(place, registry):
    study = Study(place, registry, "triage", rows=12)
    drawn = [dict(study.opened(position).inputs) for position in range(12)]
    for position in range(11):
        study.lock(position)
        waits = drawn[position] in drawn[position + 1 :]
        first = queued_case.first_of(study.store, study.card, [drawn[position]], by=ADA)
        assert (first == 0) == waits


@pytest.mark.parametrize("ref", ["triage", "triage/1", "triage/2"])
def test_another_version_answers_while_the_planned_one_is_there_and_once_it_was_removed(
    place, models, monkeypatch, api, ref
):
    monkeypatch.setenv("MODEL_DIR", str(place / "model"))
    shutil.copytree(models, place / "model")
    study = Study(place, Registry(place / "model"), experts=())
    token = study.store.made_tokens.make("a program", "expert", by=OWNER)
    drawn = dict(study.opened().inputs)
    if ref != "triage/1":
        study.registry.remove("triage", "1")
    for case, status in ((drawn | {"age": 19}, 200), (drawn, 422)):
        body = {"model": ref, "cases": [case]}
        assert api("/api/predict", body, headers=bearer(token)).status == status


def version_with(card, *features):
    """The same version with other inputs."""
    digest = sha256(repr(features).encode()).hexdigest()
    fields = card.model_dump() | {"sha256": digest}
    return type(card).model_validate(fields | {"features": [one.model_dump() for one in features]})


def test_a_version_of_other_inputs_is_compared_by_those_that_the_file_has(study):
    """And one that cannot take the rows of the file is not asked about them."""
    first, *rest = study.card.features
    case = dict(study.opened().inputs)
    fewer = version_with(study.card, *rest)
    assert queued_case.first_of(study.store, fewer, [case], by=ADA) == 0
    extra = first.model_copy(update={"name": "new", "missing": True})
    more = version_with(study.card, *study.card.features, extra)
    assert queued_case.first_of(study.store, more, [case | {"new": 3}], by=ADA) == 0
    needed = first.model_copy(update={"name": "new", "missing": False})
    other = version_with(study.card, *study.card.features, needed)
    assert queued_case.first_of(study.store, other, [case | {"new": 3}], by=ADA) is None


def test_a_case_is_known_whatever_type_its_columns_have(place, empty_store):
    n = 21
    X = pd.DataFrame(
        {
            "single": np.linspace(-1, 1, n).astype("float32").round(3),
            "half": np.linspace(0, 3, n).astype("float16"),
            "small": np.arange(n, dtype="int8") - 9,
            "large": np.arange(n, dtype="uint64") + 2**40,
            "maybe": pd.array([None if at % 7 == 0 else at for at in range(n)], dtype="Int64"),
            "level": pd.Categorical(["a", "b", "007"] * 7),
            "grade": pd.Categorical([1, 2, 3] * 7),
            "flag": [True, False, False] * 7,
            "perhaps": pd.array([True, None, False] * 7, dtype="boolean"),
            "zero": [-0.0, 0.0, 1.5] * 7,
            "moment": pd.date_range("2024-01-01 10:00", periods=n, freq="61min"),
        }
    )
    registry, kinds = Registry(place), pd.Series(["no", "yes", "no"] * 7)
    card = registry.add(DummyClassifier().fit(X, kinds), X, kinds, name="types")
    batch = score(empty_store, registry, check(empty_store, registry, csv_of(X), "types"))
    plan_of_batch.freeze(empty_store, card, batch, Terms(target=0.6, twice=0.0), by=OWNER)
    rows = ScoredRows(empty_store)
    cases = [dict(rows.opened(batch, row, card).inputs) for row in range(1, n + 1)]
    for case in cases:
        assert queued_case.first_of(empty_store, card, [case], by=ADA) == 0
        for name, value in {"small": 100, "half": 0.3125, "zero": 2.5, "maybe": 99}.items():
            other = case | {name: value}
            assert queued_case.first_of(empty_store, card, [other], by=ADA) is None


def test_one_long_text_of_a_pool_does_not_count_for_each_of_its_rows(place, registry):
    study = Study(place, registry, rows=1000)
    frame = study.frame.astype(object)
    frame.loc[3, "note"] = "x" * 10_000
    other = dict(study.opened().inputs) | {"age": 19, "note": "of nobody"}
    again = check(study.store, registry, csv_of(frame), "triage")
    batch = score(study.store, registry, again)
    plan_of_batch.freeze(study.store, study.card, batch, Terms(target=0.6), by=OWNER)
    tracemalloc.start()
    try:
        assert queued_case.first_of(study.store, study.card, [other], by=ADA) is None
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def words(at):
    return json.dumps([*messages(at), *(text.value for text in at.text)])


def test_a_case_of_the_pool_that_is_typed_says_that_it_is_in_the_queue(study):
    at = start(CASE, model="triage")
    at.session_state["predict_case"] = dict(study.opened().inputs)
    at.session_state["predict_tab"] = "JSON"
    at.session_state["predict_text"] = json.dumps(study.opened().inputs)
    at.run()
    press(at, "predict_submit")
    assert messages(at) == [blind_cases.IN_QUEUE]
    assert "verdict_agree" not in keys(at)
    assert study.store.effort("triage").predictions == 1
    linked = start(CASE, prediction=study.opened().id)
    assert blind_cases.IN_QUEUE in messages(linked)
    assert "verdict_agree" not in keys(linked)


@pytest.mark.parametrize("page", [BATCH, DISTRIBUTIONS])
def test_pages_about_the_file_are_closed_to_its_expert(study, page):
    session = {"who_batches": [study.batch.id]}
    at = start(page, session=session, batch=study.batch.id, row="1")
    assert CLOSED in words(at)
    assert "verdict_agree" not in keys(at)
    assert not at.get("download_button")


def test_through_the_api_a_case_of_the_pool_is_refused_until_it_is_answered(place, registry, api):
    study = Study(place, registry, experts=())
    token = study.store.made_tokens.make("a program", "expert", by=OWNER)
    inputs = dict(study.opened().inputs)
    body = {"model": "triage", "cases": [inputs | {"age": 19}, inputs]}
    answer = api("/api/predict", body, headers=bearer(token))
    assert answer.status == 422
    assert answer.body["detail"] == f"Row 2: {blind_cases.IN_QUEUE}"
    (fault,) = answer.body["errors"]
    assert fault["row"] == 2
    verdict = {"prediction_id": study.opened().id, "judgement": "agree"}
    answer = api("/api/verdicts", verdict, headers=bearer(token))
    assert (answer.status, answer.body["detail"]) == (422, blind_cases.IN_QUEUE)
    decision.close(study.store, study.plan, by=OWNER)
    assert api("/api/predict", body, headers=bearer(token)).status == 200


def test_a_client_of_mlflow_reads_which_case_is_in_the_queue(place, registry, api):
    study = Study(place, registry, experts=())
    token = study.store.made_tokens.make("a program", "expert", by=OWNER)
    inputs = dict(study.opened().inputs)
    body = {"dataframe_records": [inputs | {"age": 19}, inputs]}
    answer = api("/invocations?model=triage", body, headers=bearer(token))
    assert answer.status == 400
    assert answer.body["error_code"] == "BAD_REQUEST"
    assert answer.body["message"] == f"Row 2: {blind_cases.IN_QUEUE}"
    assert [fault["row"] for fault in answer.body["errors"]] == [2]


def test_the_model_is_not_run_on_cases_of_which_one_is_in_the_queue(
    place, registry, api, monkeypatch
):
    study = Study(place, registry, experts=())
    token = study.store.made_tokens.make("a program", "expert", by=OWNER)
    runs = []
    answers = Model.predictions
    monkeypatch.setattr(
        Model, "predictions", lambda *some, **more: runs.append(1) or answers(*some, **more)
    )
    body = {"model": "triage", "cases": [dict(study.opened().inputs)]}
    assert api("/api/predict", body, headers=bearer(token)).status == 422
    assert runs == []
    decision.close(study.store, study.plan, by=OWNER)
    assert api("/api/predict", body, headers=bearer(token)).status == 200
    assert runs == [1]


class TwoPlans(Study):
    """The same file twice: in a blind plan, and in one with the model's answer in view."""

    def __init__(self, place, registry, **terms):
        super().__init__(place, registry, **terms)
        content = csv_of(self.frame)
        self.again = score(self.store, registry, check(self.store, registry, content))
        wanted = Terms(target=0.6, twice=0.0, mode="open", experts=("Ada", "Zoe"))
        self.in_view = plan_of_batch.freeze(self.store, self.card, self.again, wanted, by=OWNER)

    def rows(self, plan):
        return [draw.row_number for draw in self.store.plans.draws(plan.id, by=OWNER)]

    def lock_row(self, row):
        self.lock(self.rows(self.plan).index(row))


@pytest.fixture
def two(place, registry, at_home):
    return TwoPlans(place, registry)


def test_a_plan_with_the_answer_in_view_gives_no_case_that_a_blind_one_closes(two):
    def next_row(person):
        case = two.store.queue.next(two.in_view.id, by=person)
        return case and case.row_number

    assert next_row(ADA) is None
    assert not two.store.queue.waits(two.in_view.id, by=ADA)
    assert two.store.queue.has_closed(two.in_view.id, by=ADA)
    assert next_row(ZOE) == two.rows(two.in_view)[1]
    assert not two.store.queue.has_closed(two.in_view.id, by=ZOE)
    own, later = two.rows(two.in_view)[0], two.rows(two.in_view)[4]
    two.lock_row(later)
    assert next_row(ADA) == later
    two.lock_row(own)
    assert next_row(ADA) in (own, later)
    decision.close(two.store, two.plan, by=OWNER)
    assert not two.store.queue.has_closed(two.in_view.id, by=ADA)


@pytest.mark.parametrize("row", range(1, 7))
def test_a_case_is_closed_in_the_same_file_uploaded_again_too(two, row):
    made = ScoredRows(two.store).opened(two.again, row, two.card)
    with pytest.raises(UserError, match="This case is in your queue"):
        two.store.prediction(made.id, by=ADA)
    assert two.store.history(ADA, [made.id], by=ADA) == []
    assert two.store.prediction(made.id, by=ZOE) == two.store.prediction(made.id)
    two.lock_row(row)
    assert two.store.prediction(made.id, by=ADA).id == made.id


def test_a_queue_that_a_blind_plan_holds_up_is_not_told_as_done(two):
    invitation = Invitation("Ada", plan_id=two.in_view.id)
    two.store.invitations.invite(invitation, by=OWNER)
    ada = invitation.expert
    for row in two.rows(two.in_view)[:1]:
        made = ScoredRows(two.store).opened(two.again, row, two.card)
        about = {"identity_source": "invite", "expert_key": ada.expert_key}
        two.store.add_verdict(verdict(made, expert="Ada", **about))
    assert not two.store.queue.waits(two.in_view.id, by=ada)
    assert two.store.invitations.listed(by=OWNER)[0].plan_cases == 1
    assert announcements.current(two.store) == []


def shown(at):
    return json.dumps([as_read(one.value) for one in [*at.text, *at.header, *at.subheader]])


def test_the_queue_says_that_another_plan_asks_first_and_shows_nothing_of_the_models_answer(two):
    at = start(QUEUE, plan=two.in_view.id)
    assert drawn_case.OTHERS_FIRST in shown(at)
    assert "The model says" not in shown(at)
    press(at, "queue_first")
    assert at.query_params["plan"] in (two.plan.id, [two.plan.id])
    row = at.session_state["queue_open"].case.row_number
    at.segmented_control(key="queue_answer").set_value(two.card.classes[0].value).run()
    press(at, "queue_lock")
    assert "The model says" in shown(at)
    at = start(QUEUE, plan=two.in_view.id)
    assert "The model says" in shown(at)
    assert at.session_state["queue_open"].case.row_number == row


def test_a_case_on_the_page_gives_way_when_a_blind_plan_closes_it(place, registry, at_home):
    two = TwoPlans(place, registry, experts=("Bob",))
    at = press(start(QUEUE, plan=two.in_view.id), "verdict_agree")
    wanted = Terms(target=0.6, twice=0.0, experts=("Ada",))
    plan_of_batch.freeze(two.store, two.card, two.batch, wanted, by=OWNER)
    at.run()
    assert messages(at) == []
    assert drawn_case.OTHERS_FIRST in shown(at)
    assert "The model says" not in shown(at)


def test_an_answered_case_that_is_closed_since_is_led_past(two):
    for row in two.rows(two.in_view)[:2]:
        two.lock_row(row)
    at = press(start(QUEUE, plan=two.in_view.id), "verdict_agree")
    press(at, "verdict_next")
    press(at, "judge_back")
    assert "The model says" in shown(at)
    wanted = Terms(target=0.6, twice=0.0, experts=("Ada",), design="uniform")
    plan_of_batch.freeze(two.store, two.card, two.batch, wanted, by=OWNER)
    at.run()
    assert messages(at) == []
    assert drawn_case.WAITS in shown(at)
    assert "The model says" not in shown(at)
    assert "queue_first" in keys(at)
    press(at, "queue_next")
    assert drawn_case.OTHERS_FIRST in shown(at)


ADA_REVIEWS = Expert("Ada", role="reviewer")
REVIEW = "pages/5_Feedback_review.py"


def exported(store, what, by, **about):
    out = io.BytesIO()
    only = VerdictFilter(model="triage")
    exports.export(store, out, what, format="jsonl", verdict_filter=only, by=by, **about)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def seen_by(study, by):
    """The predictions of each list of what others said, by the name of the call."""
    review = study.store.review(by=by)
    rows = review.page(VerdictFilter()).rows
    narrow = review.page(VerdictFilter(model="triage", since="2026-01-01")).rows
    log = study.store.verdict_log.after(most=1, by=by)
    while log and (more := study.store.verdict_log.after("", log[-1].verdict.id, most=1, by=by)):
        log += more
    return {
        "page": {row.prediction.id for row in rows},
        "narrow page": {row.prediction.id for row in narrow},
        "log": {one.verdict.prediction_id for one in log},
        "conflicts": {one.prediction_id for one in review.conflicts()},
        "verdicts": {row["prediction_id"] for row in exported(study.store, "verdicts", by)},
        "corrections": {row["prediction_id"] for row in exported(study.store, "corrections", by)},
        "predictions": {row["prediction_id"] for row in exported(study.store, "predictions", by)},
    }


def test_a_named_reviewer_reads_what_others_said_of_a_case_after_the_own_answer(study):
    """In every list and file, also of the same file scored once more; sums have it."""
    made, other = study.opened(0), study.opened(1)
    study.lock(0, Expert("Bob"))
    study.lock(1, Expert("Bob"))
    study.store.add_verdict(study.against(made, "Zoe"))
    again = score(
        study.store, study.registry, check(study.store, study.registry, csv_of(study.frame))
    )
    row = study.store.plans.draws(study.plan.id, by=OWNER)[0].row_number
    twin = ScoredRows(study.store).opened(again, row, study.card)
    study.store.add_verdict(study.against(twin, "Zoe"))
    both, everything = {made.id, twin.id}, {made.id, twin.id, other.id}
    of_zoe = seen_by(study, Expert("Zoe", role="reviewer"))
    assert of_zoe["page"] == of_zoe["log"] == of_zoe["predictions"] == everything
    assert of_zoe["conflicts"] & both
    assert [*seen_by(study, ADA_REVIEWS).values()] == [set()] * 7
    assert study.store.blind_cases.waiting_cases("triage", by=ADA_REVIEWS) == 2
    review = study.store.review(by=ADA_REVIEWS)
    assert review.page(VerdictFilter()).total == 0
    assert review.progress("triage").verdicts == 4
    study.lock(1)
    assert seen_by(study, ADA_REVIEWS)["page"] == {other.id}
    assert review.page(VerdictFilter()).total == 2
    study.lock(0)
    after = seen_by(study, ADA_REVIEWS)
    assert after["page"] == after["log"] == after["verdicts"] == everything
    assert after["conflicts"] & both
    assert study.store.blind_cases.waiting_cases(by=ADA_REVIEWS) == 0


def test_no_call_of_a_reviewer_about_one_waiting_case_tells_of_it(study):
    made = study.opened()
    study.lock(0, Expert("Bob"))
    said = study.store.add_verdict(study.against(made, "Zoe"))
    review = study.store.review(by=ADA_REVIEWS)
    for call in (
        lambda: review.verdict(said.id),
        lambda: review.triage_of(said.id),
        lambda: review.adjudications_of(made.id),
        lambda: review.shared_case(made.id),
        lambda: review.own_answer(made.id, by=ADA_REVIEWS),
        lambda: review.lock_own_answer(made.id, made.value, by=ADA_REVIEWS),
        lambda: review.adjudicate(made.id, made.value, "so", by=ADA_REVIEWS),
        lambda: study.store.verdict_history(made.id, by=ADA_REVIEWS),
    ):
        assert refusal(call) == blind_cases.IN_QUEUE
    with pytest.raises(UserError, match=r"6 cases of this plan may still ask .* Ask somebody else"):
        exported(study.store, "draws", ADA_REVIEWS, plan=study.plan)
    grace = Expert("Grace", role="reviewer")
    assert len(exported(study.store, "draws", grace, plan=study.plan)) == 6
    decision.close(study.store, study.plan, by=OWNER)
    assert len(exported(study.store, "draws", ADA_REVIEWS, plan=study.plan)) == 6
    assert review.verdict(said.id) == said


def test_the_points_of_a_chart_leave_out_the_cases_that_wait(place, registry):
    study = Study(place, registry, "dose", rows=6, tolerance=5.0)
    study.lock(0, Expert("Bob"))
    assert len(study.store.review(by=ADA_REVIEWS).numbers("dose")) == 0
    study.lock(0)
    assert len(study.store.review(by=ADA_REVIEWS).numbers("dose")) == 2


@pytest.mark.usefixtures("at_home")
def test_feedback_review_says_how_many_cases_wait_for_the_own_answer(study):
    made = study.opened()
    study.lock(0, Expert("Bob"))
    said = study.store.add_verdict(study.against(made, "Zoe"))
    waits = "1 case that others judged waits for your own answer in Review queue"
    for section in ("verdicts", "conflicts", "files"):
        at = start(REVIEW, model="triage", section=section, case=said.id)
        assert waits in words(at)
        assert blind_cases.IN_QUEUE in messages(at)
        assert "review_case" not in keys(at)
    assert "is for you to decide" in words(start(REVIEW, model="triage", section="conflicts"))
    study.lock(0)
    at = start(REVIEW, model="triage", section="verdicts", case=said.id)
    assert waits not in words(at)
    assert messages(at) == []


def test_a_program_of_a_reviewer_fetches_no_verdict_before_the_own_answer(place, registry, api):
    study = Study(place, registry, experts=("sync", "Bob"))
    token = study.store.made_tokens.make("sync", "reviewer", by=OWNER)
    study.lock(0, Expert("Bob"))
    answer = api("/api/verdicts", headers=bearer(token)).body
    assert answer == {"verdicts": [], "next": None, "waiting": 1}
    other = study.store.made_tokens.make("another", "reviewer", by=OWNER)
    answer = api("/api/verdicts", headers=bearer(other)).body
    assert (len(answer["verdicts"]), answer["waiting"]) == (1, 0)
