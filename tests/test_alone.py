"""In which cases a model may answer alone, once a study has established it."""

import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import python_calamine
from builders import OWNER, add_single, csv_of, scored_batch
from hypothesis import given
from hypothesis import strategies as st
from visits import start

from second_opinion import settings
from second_opinion.batches import downloads
from second_opinion.batches.scored_rows import ScoredRows
from second_opinion.errors import UserError
from second_opinion.evidence import alone_limit, decision, plan_of_batch
from second_opinion.evidence.plan_of_batch import Terms
from second_opinion.records.alone import alone
from second_opinion.records.expert import Expert
from second_opinion.statistics import release, sampling
from second_opinion.store import Store
from second_opinion.store.plans import Plans
from second_opinion.ui.labels import alone_text, flag_name
from second_opinion.ui.visit import Visit
from second_opinion.verdicts.blind_answer import locked

GROUPS = (0.25, 0.5, 1.0)


class Study:
    """A plan with groups on a scored file, of whose cases some are answered."""

    def __init__(self, place, registry, **terms):
        self.store, self.card = Store.open(place / "feedback.db"), registry.card("triage")
        self.batch, self.frame = scored_batch(self.store, registry, "triage", 60)
        wanted = Terms(**{"target": 0.8, "twice": 0.0, "groups": GROUPS} | terms)
        self.plan = plan_of_batch.freeze(self.store, self.card, self.batch, wanted, by=OWNER)

    @property
    def limit(self):
        return alone_limit.limit_of(self.store, self.card)

    def answer_surest(self, share):
        """Everybody agrees with the model where it is among the surest, and nowhere else."""
        draws = self.store.plans.draws(self.plan.id, by=OWNER)
        least = float(np.quantile([one.confidence for one in draws], 1 - share, method="higher"))
        values = [choice.value for choice in self.card.classes]
        for draw in draws:
            made = ScoredRows(self.store).opened(self.batch, draw.row_number, self.card)
            other = next(value for value in values if value != made.value)
            is_sure = draw.confidence >= least
            self.store.add_verdict(locked(made, "Ada", made.value if is_sure else other))
        return least


@pytest.fixture
def study(place, registry):
    return Study(place, registry)


def test_before_a_group_is_established_nothing_says_alone(study, registry):
    assert study.limit is None
    scored = downloads.scored_file(study.store, study.batch, by=OWNER, alone_from=study.limit)
    assert "alone" not in scored.decode().splitlines()[0]


def test_the_limit_is_that_of_the_widest_group_that_counts(study):
    least = study.answer_surest(0.5)
    assert study.limit == decision.assess(study.store, study.plan, by=OWNER).alone == least


def test_without_groups_or_for_another_file_of_the_model_there_is_no_limit(place, registry):
    study = Study(place, registry, groups=())
    study.answer_surest(1.0)
    assert decision.assess(study.store, study.plan, by=OWNER).state == "established"
    assert study.limit is None


def test_it_is_under_that_model_file_alone(study):
    study.answer_surest(0.5)
    artifact = study.card.artifact.model_copy(update={"sha256": "0" * 64})
    other = study.card.model_copy(update={"artifact": artifact})
    assert alone_limit.limit_of(study.store, other) is None


def test_a_card_that_answers_otherwise_by_now_is_about_another_model(study):
    """The plan is about the answers as the card made them, which are more than the file."""
    least = study.answer_surest(0.5)
    worded = study.card.model_copy(update={"title": "Another title"})
    assert alone_limit.limit_of(study.store, worded) == least
    turned = study.card.model_copy(update={"classes": study.card.classes[::-1]})
    assert alone_limit.limit_of(study.store, turned) is None
    banded = study.card.model_copy(update={"tolerance": 0.25})
    assert alone_limit.limit_of(study.store, banded) is None


def test_a_run_of_a_page_tells_versions_of_the_same_file_apart(study, place):
    least = study.answer_surest(0.5)
    twin = study.card.model_copy(update={"version": "9"})
    visit = Visit(settings.Settings.read(), "triage")
    for card, limit in [(study.card, least), (twin, None)] * 2:
        assert visit.alone_from(card, study.card.artifact.sha256) == limit
    turned = study.card.model_copy(update={"classes": study.card.classes[::-1], "sha256": "0" * 64})
    assert visit.alone_from(turned, study.card.artifact.sha256) is None


def test_before_an_answer_nothing_is_worked_out_and_draws_are_read_once(study, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(Plans, "answers", None)
        assert study.limit is None
    least = study.answer_surest(0.5)
    first = decision.draw_table(study.store, study.plan, by=OWNER)
    monkeypatch.setattr(Plans, "draws", None)
    assert study.limit == least
    first["answer"] = "wrong"
    again = decision.draw_table(study.store, study.plan, by=OWNER)
    assert set(again["answer"]) == {"right", "wrong"}


def test_draws_are_for_reviewers_also_when_they_were_read_before(study):
    decision.draw_table(study.store, study.plan, by=OWNER)
    with pytest.raises(UserError):
        decision.draw_table(study.store, study.plan, by=Expert("Zoe"))


@given(st.integers(0, 50), st.floats(0, 0.3), st.sampled_from([0.5, 0.8, 0.9]))
def test_the_limit_alone_is_that_of_the_whole_assessment(seed, errors, target):
    rng = np.random.default_rng(seed)
    draws = sampling.draws(rng.beta(4, 1, 80).round(1), "doubt", seed=seed)
    doubt = 1 - draws["confidence"]
    draws["answer"] = np.where(rng.random(80) < errors + doubt / 2, "wrong", "right")
    draws.loc[rng.integers(20, 120) :, "answer"] = None
    claim = release.Claim(target=target, expected=0.95, groups=GROUPS)
    assert release.alone(claim, draws) == release.assess(claim, draws).alone


def test_a_newer_plan_that_has_established_nothing_takes_nothing_back(study):
    least = study.answer_surest(0.5)
    wanted = Terms(target=0.99, twice=0.0, groups=GROUPS)
    plan_of_batch.freeze(study.store, study.card, study.batch, wanted, by=OWNER)
    assert study.limit == least


@pytest.mark.parametrize(
    ("confidence", "said"), [(0.9, "yes"), (0.83, "yes"), (0.8299, "no"), (None, "no")]
)
def test_at_the_limit_and_above_it_answers_alone(confidence, said):
    assert alone(confidence, 0.83) == said
    assert ("alone" in alone_text(confidence, 0.83)) == (said == "yes")


def test_predict_files_page_and_workbook_say_the_same(study, registry, at_home):
    least = study.answer_surest(0.5)
    expected = [
        "yes" if confidence >= least else "no"
        for confidence in ScoredRows(study.store).scores(study.batch).confidence
    ]
    assert set(expected) == {"yes", "no"}
    model = replace(registry.load("triage"), alone_from=least)
    inputs = [ScoredRows(study.store).opened(study.batch, row, study.card).inputs for row in (1, 2)]
    assert model.predict(inputs)["alone"].tolist() == expected[:2]
    about = {"by": OWNER, "alone_from": least}
    scored = pd.read_csv(io.BytesIO(downloads.scored_file(study.store, study.batch, **about)))
    assert scored["alone"].tolist() == expected
    same = pd.read_csv(downloads.file_as_it_came(study.store, study.batch, **about))
    assert same["alone"].tolist() == expected
    content = downloads.result_workbook(
        study.store, study.batch, study.card, flag_words=flag_name, **about
    )
    book = python_calamine.CalamineWorkbook.from_filelike(content)
    names, *rows = book.get_sheet_by_index(0).to_python()
    assert [row[names.index("May answer alone")] for row in rows] == expected


def test_the_command_score_writes_the_column(study, run, place):
    study.answer_surest(0.5)
    (place / "in.csv").write_bytes(csv_of(study.frame))
    assert run("score", place / "in.csv", "-o", place / "out.csv", "--model", "triage")[0] == 0
    out = pd.read_csv(place / "out.csv")
    assert list(out)[-4:] == ["prediction", "confidence", "flags", "alone"]
    assert (out["alone"] == np.where(out["confidence"] >= study.limit, "yes", "no")).all()


def test_the_api_and_the_form_say_it(study, registry, api, at_home):
    case = dict(ScoredRows(study.store).opened(study.batch, 1, study.card).inputs)
    body = {"model": "triage", "cases": [case]}
    assert "alone" not in api("/api/predict", body).body["predictions"][0]
    limit = study.answer_surest(0.5)
    (said,) = api("/api/predict", body).body["predictions"]
    assert said["alone"] == alone(said["confidence"], limit)
    made = add_single(study.store, registry.load("triage"), case)
    at = start("pages/1_Single_prediction.py", prediction=made.id)
    assert alone_text(made.confidence, limit) in {text.value for text in at.text}
