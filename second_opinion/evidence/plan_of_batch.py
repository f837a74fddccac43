"""A plan on the scored rows of a batch: what is hashed, and in which order its cases are drawn."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
import pandas as pd

from second_opinion.access import roles
from second_opinion.batches.scored_rows import ScoredRows, Scores
from second_opinion.errors import UserError
from second_opinion.formatting import plural
from second_opinion.models.card import ModelCard
from second_opinion.records.batch import Batch, prediction_id
from second_opinion.records.expert import Expert
from second_opinion.records.plan import Draw, KnownAnswers, Mode, Plan
from second_opinion.records.stamp import new_id
from second_opinion.statistics import sampling
from second_opinion.store import Store

# What a card says that changes answers, or which of them are the same.
ANSWER_FIELDS = {
    *("task", "positive", "input", "label_from_probability", "one_hot", "answer", "tolerance"),
}
FEATURE_FIELDS = {"name", "kind", "missing", "unknown", "dtype", "gap"}
MOST_CASES = 100_000


@dataclass(frozen=True)
class Terms:
    """What the owner decides of a plan; each field as in `Plan`."""

    target: float
    expected: float | None = None
    alpha: float = 0.05
    design: sampling.Design = "doubt"
    tolerance: float | None = None
    answers: int = 1
    twice: float = 0.15
    mode: Mode = "blind"
    experts: tuple[str, ...] = ()
    groups: tuple[float, ...] = ()


def plan_of(
    store: Store, card: ModelCard, batch: Batch, terms: Terms, *, by: Expert, id: str = ""
) -> tuple[Plan, list[Draw]]:
    """A plan and its draws, not stored yet; ``card`` is of the version that scored the batch.

    ``id`` is what it is stored under, a new one without it. `UserError` below a reviewer, and where
    such a plan cannot be tested.
    """
    roles.check(by, "draft a plan")
    _check_batch(batch, card)
    _check_terms(card, terms)
    scores = ScoredRows(store).scores(batch)
    rows = np.flatnonzero(_has_answer(scores))
    if not len(rows):
        raise UserError(f"{batch.name} has no row with an answer; expected some. Score it anew.")
    seed = sampling.seed_of(batch.model_sha256, batch.file_sha256)
    table = sampling.draws(scores.confidence[rows], terms.design, seed)
    if terms.groups and table["confidence"].isna().any():
        raise UserError(
            "Groups are by confidence, and this model gives none; expected one for each case. "
            "Leave the groups out."
        )
    plan = Plan(
        **vars(terms),
        batch_id=batch.id,
        model=batch.model,
        version=batch.version,
        model_sha256=batch.model_sha256,
        answers_sha256=answers_hash(card),
        pool_sha256=batch.file_sha256,
        cases=len(rows),
        failed=batch.rows_done - len(rows),
        unreadable=batch.bad_rows,
        seed=str(seed),
        frozen_by=by.label,
        id=id or new_id(),
    )
    return plan, _draws(plan, table, rows + 1)


def freeze(
    store: Store,
    card: ModelCard,
    batch: Batch,
    terms: Terms,
    known: KnownAnswers | None = None,
    *,
    by: Expert,
) -> Plan:
    """Freeze such a plan for good, with `known_answers`; `UserError` for all but owners."""
    roles.check(by, "freeze or close a plan")
    plan, draws = plan_of(store, card, batch, terms, by=by)
    return store.plans.freeze(plan, draws, known, by=by)


def answers_hash(card: ModelCard) -> str:
    """The hash of what the card says that changes answers: no title, label or description."""
    content = card.model_dump(mode="json", include=ANSWER_FIELDS)
    content["artifact"] = card.artifact.sha256
    content["classes"] = [choice.value for choice in card.classes]
    content["features"] = [
        feature.model_dump(mode="json", include=FEATURE_FIELDS)
        | {"choices": [choice.value for choice in feature.choices]}
        for feature in card.features
    ]
    return sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def _draws(plan: Plan, table: pd.DataFrame, numbers: np.ndarray) -> list[Draw]:
    twice = np.random.default_rng([int(plan.seed), 2]).random(len(table)) < plan.twice
    columns = (table[name].tolist() for name in ("row", "band", "doubt", "base", "confidence"))
    return [
        Draw(
            position=position,
            row_number=int(numbers[row]),
            prediction_id=prediction_id(plan.batch_id, int(numbers[row])),
            band=band,
            doubt=doubt,
            base=base,
            confidence=None if confidence != confidence else confidence,
            twice=bool(twice[position]),
        )
        for position, (row, band, doubt, base, confidence) in enumerate(zip(*columns, strict=True))
    ]


def _has_answer(scores: Scores) -> np.ndarray:
    if scores.numbers is not None:
        return np.asarray(~np.isnan(scores.numbers))
    return np.asarray(scores.codes >= 0)


def _check_batch(batch: Batch, card: ModelCard) -> None:
    if batch.state != "done":
        raise UserError(
            f"{batch.name} is {batch.state}; expected a batch of which every row is scored. Score "
            "it to the end, then plan on it."
        )
    if batch.rows_done > MOST_CASES:
        raise UserError(
            f"{batch.name} has {plural(batch.rows_done, 'row')}; expected up to {MOST_CASES:,}. "
            "Score a file of rows that were drawn from it at random, and plan on that."
        )
    if card.artifact.sha256 != batch.model_sha256:
        raise UserError(
            f"{batch.name} was scored by another file of {batch.ref} than the one that is there "
            "now; expected the same. Score the file again, then plan on that batch."
        )


def _check_terms(card: ModelCard, terms: Terms) -> None:
    if terms.design not in sampling.DESIGNS:
        expected = ", ".join(sampling.DESIGNS)
        raise UserError(f"The design is {terms.design!r}; expected one of {expected}. Choose one.")
    if terms.answers < 1 or not 0 <= terms.twice <= 1:
        raise UserError(
            f"{plural(terms.answers, 'answer')} per case and {terms.twice:g} of the cases "
            "twice; expected at least 1, and a share from 0 to 1. Give them so."
        )
    if card.task == "regression" and not (terms.tolerance and terms.tolerance > 0):
        raise UserError(
            f"{card.title} answers with numbers, and no tolerance was given; expected how far an "
            f"answer may be from the expert's and still be right{_unit(card)}. Give it."
        )
    if card.tells_confidence and terms.tolerance is not None:
        raise UserError(
            f"The tolerance is {terms.tolerance:g}, and {card.title} answers with classes; "
            "expected none. Leave it out."
        )


def _unit(card: ModelCard) -> str:
    return f", in {card.target.unit}" if card.target.unit else ""
