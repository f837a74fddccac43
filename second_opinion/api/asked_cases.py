"""The cases of one call: read by the schemas of the versions that answer them, answered, stored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, NamedTuple

from second_opinion.api.problem_json import (
    MOST_FAULTS,
    CallError,
    Fault,
    fault_of,
    unreadable,
)
from second_opinion.batches import score_rows
from second_opinion.errors import UserError
from second_opinion.formatting import plural
from second_opinion.models.aliases import managed
from second_opinion.models.card import ModelCard
from second_opinion.models.catalog import Catalog
from second_opinion.models.describe.estimator_checks import third_party
from second_opinion.models.model import Model
from second_opinion.models.registry import Registry
from second_opinion.models.remote import model_watch
from second_opinion.models.remote.model_address import local_ref, opening_setting
from second_opinion.records.expert import Expert
from second_opinion.records.prediction import Prediction
from second_opinion.records.stamp import new_id
from second_opinion.schema import Schema
from second_opinion.settings import Settings
from second_opinion.store import Store

MOST_CASES = 10_000

Case = Mapping[str, Any]


def _first(settings: Settings, by: Expert) -> tuple[str, str]:
    """What MODEL means for the caller, and why that is not here yet; empty texts for nothing."""
    watch = model_watch.started(settings)
    setting = opening_setting(settings.model, by)
    try:
        first = local_ref(setting)
    except UserError as error:
        return "", str(error)
    return first, watch.state if setting and watch and not watch.is_ready else ""


@dataclass(frozen=True)
class Models:
    """The models of this moment: what one look at the folder and the moves of aliases found.

    ``waiting`` says why the first one is not here yet, where it is fetched from elsewhere.
    """

    registry: Registry
    catalog: Catalog
    first: str
    waiting: str = ""

    @classmethod
    def now(cls, settings: Settings, by: Expert) -> Models:
        """One look at what the caller may use; ``first`` is meant where a call names none."""
        registry = managed(settings)
        first, waiting = _first(settings, by)
        return cls(registry, registry.look().without(by.hidden_models), first, waiting)

    def card(self, ref: str) -> ModelCard:
        """The card of a reference; a `CallError` where there is no such model, or it is broken."""
        self.named(ref)
        try:
            return self.catalog.card(ref or self.first)
        except UserError as error:
            raise CallError(HTTPStatus.SERVICE_UNAVAILABLE, str(error)) from error

    def named(self, ref: str) -> tuple[str, str]:
        """The name and first version of a reference; a `CallError` where there is no such model."""
        if not ref and not self.first and self.waiting:
            raise CallError(HTTPStatus.SERVICE_UNAVAILABLE, self.waiting)
        try:
            return self.catalog.resolve(ref or self.first)
        except UserError as error:
            if self.waiting and not ref:
                raise CallError(HTTPStatus.SERVICE_UNAVAILABLE, self.waiting) from error
            raise CallError(HTTPStatus.NOT_FOUND, str(error)) from error

    def load(self, card: ModelCard) -> Model:
        """The model of a card; a `CallError` where it cannot be loaded."""
        try:
            return self.registry.load(card)
        except UserError as error:
            raise CallError(HTTPStatus.SERVICE_UNAVAILABLE, str(error)) from error

    def drawn(self, ref: str, ids: Sequence[str]) -> dict[str, list[int]]:
        """For each version that answers, the positions of its cases: an A/B alias draws by id."""
        name, first = self.named(ref)
        ref = ref or self.first
        if len(self.catalog.arms(ref)) == 1:
            return {f"{name}/{first}": list(range(len(ids)))}
        positions = defaultdict(list)
        for at, prediction_id in enumerate(ids):
            positions[f"{name}/{self.catalog.arm(ref, prediction_id)}"].append(at)
        return positions


class CasesOfVersion(NamedTuple):
    """The cases of a call that one version answers: their places from 0, ids, and inputs."""

    card: ModelCard
    places: list[int]
    ids: list[str]
    inputs: list[dict[str, Any]]


def by_version(models: Models, ref: str, cases: Sequence[Case]) -> list[CasesOfVersion]:
    """The cases of a call as the versions that answer them take them; a `CallError` where one
    cannot be read."""
    ids = [new_id() for _ in cases]
    drawn = models.drawn(ref, ids)
    cards = {version: models.card(version) for version in drawn}
    inputs = read(cases, {at: cards[v].case_schema for v, rows in drawn.items() for at in rows})
    return [
        CasesOfVersion(cards[version], rows, [ids[at] for at in rows], [inputs[at] for at in rows])
        for version, rows in drawn.items()
    ]


def predicted(
    models: Models, ref: str, versions: Sequence[CasesOfVersion], by: Expert
) -> list[Prediction]:
    """The answers, in the order of the cases, not stored yet; a `CallError` where the model cannot
    be loaded or fails."""
    about: dict[str, Any] = {"asked_by": by.label, "expert_key": by.expert_key, "source": "api"}
    about["alias"] = models.catalog.alias(ref or models.first)
    answers: dict[int, Prediction] = {}
    for card, places, ids, inputs in versions:
        model = models.load(card)
        try:
            with third_party(f"The model {card.ref} fails"):
                made = model.predictions(inputs, ids, **about)
        except UserError as error:
            raise _failure(model, inputs, places, str(error)) from error
        answers |= zip(places, made, strict=True)
    return [answers[at] for at in range(len(answers))]


def read(cases: Sequence[Case], schemas: Mapping[int, Schema]) -> list[dict[str, Any]]:
    """The cases as the model takes them; a `CallError` that names each field that keeps one out.

    After a thousand faults no more cases are read.
    """
    inputs: list[dict[str, Any]] = []
    faults: list[Fault] = []
    for at, case in enumerate(cases):
        clean, found = _read(case, schemas[at], at + 1)
        inputs.append(clean)
        faults += found
        if len(faults) >= MOST_FAULTS:
            break
    if faults:
        raise unreadable(faults)
    return inputs


def _read(case: Case, schema: Schema, row: int) -> tuple[dict[str, Any], list[Fault]]:
    if len(case) > len(schema.file_names) + MOST_FAULTS:
        found, expected = plural(len(case), "field"), f"the {len(schema)} of the model"
        return {}, [Fault(row=row, field="The case", found=found, expected=expected)]
    clean, problems = schema.read(case)
    return clean, [fault_of(problem, row) for problem in problems if problem.blocking]


def _failure(model: Model, cases: Sequence[Case], rows: Sequence[int], said: str) -> CallError:
    """What is told where a model fails: the rows on which it does, if they can be found."""
    frame = model.card.case_schema.frame(cases)
    try:
        problems = score_rows.answered(frame, model, [at + 1 for at in rows]).faults
    except UserError as error:
        return CallError(HTTPStatus.SERVICE_UNAVAILABLE, str(error))
    if not problems:
        return CallError(HTTPStatus.SERVICE_UNAVAILABLE, said)
    faults = [Fault(row=one.line, found=one.found, expected=one.expected) for one in problems]
    detail = f"Row {faults[0].row}: {faults[0].found}; {faults[0].expected}."
    return CallError(HTTPStatus.UNPROCESSABLE_ENTITY, detail, faults)


def store_of(settings: Settings) -> Store:
    """The feedback database; a `CallError` where it cannot be used."""
    try:
        return Store.open(settings.feedback_db)
    except UserError as error:
        raise CallError(HTTPStatus.SERVICE_UNAVAILABLE, str(error)) from error
