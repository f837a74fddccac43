"""What tests are about: predictions, verdicts, cards, batches and files, each made by one call."""

import os
import pty
import random
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import settings
from scipy.stats import binom

from second_opinion import Registry
from second_opinion.batches import jobs
from second_opinion.distributions import selection
from second_opinion.errors import UserError
from second_opinion.models.card import ModelCard
from second_opinion.records.batch import Batch
from second_opinion.records.expert import Expert
from second_opinion.records.prediction import Prediction
from second_opinion.records.stamp import new_id
from second_opinion.records.value import same_value
from second_opinion.records.verdict import Verdict
from second_opinion.tables import Limits, TableFile, look

ROOT = Path(__file__).parent.parent
THOROUGH = os.environ.get("THOROUGH") == "1"

REVIEWER = Expert("Rita", role="reviewer")
OWNER = Expert("Olga", role="owner")
WORKER = "worker one"


def review_of(store):
    """What the experts said, for somebody who may see it."""
    return store.review(by=REVIEWER)


def examples(count, thorough=None):
    """How many examples a law is tried on; with THOROUGH=1 ten times as many, or as said."""
    return settings(max_examples=(thorough or 10 * count) if THOROUGH else count)


def runs_of(full):
    """How many runs a simulation has: a tenth of the full count; all of it with THOROUGH=1."""
    return full if THOROUGH else full // 10


def most(runs, chance, thorough):
    """The most of so many runs in which something of this chance may happen.

    All runs may show the share ``thorough``. A tenth of them cannot tell it from chance: they may
    show the smallest count that accident exceeds in at most 1 % of simulations (exact binomial).
    """
    return thorough * runs if THOROUGH else int(binom.isf(0.01, runs, chance))


# Shown as typed wherever it stands: no image is fetched, nothing is set in bold or as a formula.
HOSTILE = (
    "![x](https://evil.example/a.png) <img src=https://evil.example/b.png> <b>bold</b> $x^2$ "
    ":material/home: :red[red] https://evil.example **bold** \u05e9\u05dc\u05d5\u05dd `code`"
)


def judged(registry_folder, store, expert="Ada"):
    """Put a prediction of each model into the store, with verdicts of every kind."""
    registry = Registry(registry_folder)
    predictions = []
    for name in ("triage", "dose", "risk", "iris", "hostile"):
        model = registry.load(name)
        for judgement in ("agree", "disagree", "unsure", None):
            inputs, _ = model.card.case_schema.read(model.card.case_schema.typical)
            made = model.predict_one(inputs, asked_by=expert, source="form", id=new_id())
            store.add_prediction(made)
            predictions.append(made)
            if judgement:
                comment = f"Because {HOSTILE}" if judgement == "disagree" else ""
                store.add_verdict(Verdict(made.id, expert, judgement, comment=comment))
    return predictions


@contextmanager
def as_nobody():
    """Root may write everything, so be somebody else for a moment."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def case(**changes):
    """A prediction of some case."""
    usual = {
        "model": "churn",
        "version": "1",
        "model_sha256": "a" * 64,
        "card_sha256": "b" * 64,
        "inputs": {"age": 40},
        "value": 1,
        "confidence": 0.8,
        "probabilities": (0.2, 0.8),
        "flags": (),
        "source": "form",
        "asked_by": "Ada",
        "latency_ms": 2.5,
    }
    return Prediction(**{**usual, **changes})


def verdict(prediction, judgement="agree", expert="Ada", **changes):
    """A verdict on the prediction; a disagreement says which way."""
    if judgement == "disagree":
        changes = {"direction": "too_low", **changes}
    return Verdict(prediction.id, expert, judgement, **changes)


VERSIONS = [("churn", "1"), ("churn", "2"), ("dose", "1")]

EXPERTS = ["Ada", "ada", "Bob", "Cyd <c@example.org>"]

COMMENTS = ["", "too old", 'the "older" (one)', "Überdosis", HOSTILE]


def a_case(rng):
    """A prediction of one of the models, with classes of every type and numbers."""
    model, version = rng.choice(VERSIONS)
    # Some come up again: equal inputs are one case.
    changes = {"model": model, "version": version, "inputs": {"age": 40, "bed": rng.randrange(9)}}
    if model == "dose":
        value = rng.choice([1.5, 2.0, 40, None])
        changes |= {"value": value, "confidence": None, "probabilities": None}
    else:
        confidence = rng.choice([0.5, 0.55, 0.57, 0.6, 0.99, 1.0])
        changes |= {"value": rng.choice([0, 1, "1", True]), "confidence": confidence}
    if rng.random() < 0.5:
        changes |= {"batch_id": rng.choice("ab"), "source": "batch", "row_number": 1}
    return case(**changes)


def a_verdict(rng, prediction):
    """Something that somebody may say of it; often a change or an undo of what was said."""
    judgement = rng.choice(["agree", "disagree", "disagree", "unsure", "withdrawn"])
    changes = {"comment": rng.choice(COMMENTS), "mode": rng.choice(["open", "blind"])}
    changes["created_at"] = f"2026-11-{rng.randint(1, 4):02d}T10:00:00.000Z"
    if judgement == "disagree":
        changes["severity"] = rng.choice([None, "minor", "serious"])
        correct = rng.choice([None, 0, 1, 1.0, 2.5, "1", True, False])
        if correct is not None and not same_value(correct, prediction.value):
            changes["correct_value"] = correct
        else:
            changes["direction"] = rng.choice(["too_high", "too_low"])
    return Verdict(prediction.id, rng.choice(EXPERTS), judgement, **changes)


def write_at_random(store, seed, steps=40):
    """Predictions, verdicts, changes, withdrawals, triage and adjudications in some order."""
    rng = random.Random(seed)
    known = []
    for _ in range(steps):
        act = rng.random()
        if not known or act < 0.2:
            known.append(a_case(rng))
            store.add_prediction(known[-1])
            continue
        prediction = rng.choice(known[-4:])
        try:
            if act < 0.8:
                store.add_verdict(a_verdict(rng, prediction))
            elif act < 0.9:
                answer = rng.choice([0, 1, 1.0, "1", 2.5])
                review_of(store).adjudicate(prediction.id, answer, "so it is", by=REVIEWER)
            else:
                about = rng.choice(
                    [v.id for v in store.verdict_history(prediction.id, by=REVIEWER)] or ["x"]
                )
                state = rng.choice(["open", "accepted", "fixed", "declined"])
                review_of(store).triage(about, state, by=REVIEWER)
        except UserError:
            pass  # nothing to withdraw, nothing to decide, or no longer current
    return known


def card_of(task="binary", classes=("Stays", "Leaves"), **about):
    return ModelCard.model_validate(
        {
            "name": "m",
            "version": "1",
            "title": "M",
            "task": task,
            "target": {"name": "leaves", "unit": "mg" if task == "regression" else ""},
            "features": [{"name": "age", "kind": "number", "unit": "years"}],
            "artifact": {"file": "a.joblib", "format": "joblib", "sha256": "0" * 64},
            "classes": [{"value": at, "label": name} for at, name in enumerate(classes)]
            if task != "regression"
            else [],
            "positive": 1 if task == "binary" else None,
        }
        | about
    )


def batch_of(**about):
    """A batch that its worker has just begun to check."""
    known = {
        "name": "march.csv",
        "format": "csv",
        "file_sha256": "f" * 64,
        "bytes": 1000,
        "columns": ("age", "line", "a.b"),
        "model": "triage",
        "version": "1",
        "model_sha256": "m" * 64,
        "card_sha256": "c" * 64,
        "asked_by": "Ada",
        "worker": WORKER,
    }
    return Batch(**known | about)


def rows_of(registry, ref, count, seed=0):
    """Plausible cases of a model as a frame of text, with a column that it does not use."""
    schema = registry.card(ref).case_schema
    reference = registry.reference(ref)
    rows = [reference.plausible(schema, seed + at) for at in range(min(count, 200))]
    frame = pd.DataFrame(rows).iloc[np.arange(count) % len(rows)]
    texts = frame.map(lambda value: "" if value is None else str(value)).reset_index(drop=True)
    return texts.assign(note_of_ours=[f"row {at}, of <b>ours</b>" for at in range(count)])


def csv_of(frame):
    return frame.to_csv(index=False).encode()


def check(store, registry, content, ref="triage", name="march.csv"):
    """Check a file, and wait until that has ended."""
    card = registry.card(ref)
    source = TableFile.of_bytes(name, content)
    seen = look(source, card.case_schema)
    assert seen.problems == ()
    batch = jobs.check(store, card, source, seen, asked_by="Ada", limits=Limits())
    return ended(store, batch.id)


def ended(store, batch_id, seconds=60):
    """The batch when nobody is at work on it any more."""
    deadline = time.monotonic() + seconds
    while (batch := store.batches.find(batch_id)).is_running:
        assert time.monotonic() < deadline, f"{batch.state}: {batch.rows_done} of {batch.rows}"
        time.sleep(0.01)
    return batch


def score(store, registry, batch):
    assert jobs.score(store, registry, batch.id, by=OWNER)
    return ended(store, batch.id)


class Fails:
    """An estimator that cannot take rows of some ages."""

    def __init__(self, inner, ages):
        self._inner, self._ages = inner, set(ages)

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def predict_proba(self, cases):
        return self._inner.predict_proba(self._checked(cases))

    def predict(self, cases):
        return self._inner.predict(self._checked(cases))

    def _checked(self, cases):
        if self._ages & set(cases["age"]):
            raise ValueError("this age is not to be had")
        return cases


def failing_on(registry, monkeypatch, ages):
    """Let the models of a registry fail on rows of these ages."""
    load = registry.load
    monkeypatch.setattr(
        registry, "load", lambda ref: replace(load(ref), estimator=Fails(load(ref).estimator, ages))
    )


def add_single(store, model, case=None, **about):
    """Store what the model says of its typical case, with the changes."""
    inputs, _ = model.card.case_schema.read({**model.card.case_schema.typical, **(case or {})})
    made = model.predict_one(inputs, asked_by="Ada", source="form", id=new_id())
    made = replace(made, **about)
    store.add_prediction(made)
    return made


def scored_batch(store, registry, ref="triage", rows=130, **columns):
    """A batch of plausible cases that is scored, and its rows; the columns are put into each."""
    frame = rows_of(registry, ref, rows).assign(**columns)
    batch = score(store, registry, check(store, registry, csv_of(frame), ref))
    return batch, frame


def selection_of(store, registry, ref="triage", rows=130, **columns):
    batch, _ = scored_batch(store, registry, ref, rows, **columns)
    return selection.of_batch(store, batch, registry.card(ref))


def on_a_terminal(arguments, answers, folder):
    """What a command says on a terminal at which these answers are typed, and its exit code."""
    ours, theirs = pty.openpty()
    os.write(ours, answers.encode())
    done = subprocess.run(
        [sys.executable, "-m", "second_opinion", *map(str, arguments)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=theirs,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.returncode, done.stdout, done.stderr
