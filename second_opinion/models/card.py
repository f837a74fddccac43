"""The facts about one model version, as its ``card.json`` states them."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from second_opinion.errors import UserError
from second_opinion.file_content import read_bytes
from second_opinion.formatting import humanise, round_to_three
from second_opinion.jsonfile import parsed
from second_opinion.records.answer_scale import AnswerScale
from second_opinion.records.dummies import DummiesByColumn
from second_opinion.records.value import same_value
from second_opinion.schema import CardPart, Choice, Feature, Schema

Task = Literal["binary", "multiclass", "regression"]
ModelFormat = Literal["joblib", "pickle", "skops", "python"]
# What the owner's own `predict` gives: the answers themselves, the chance of the second of two
# classes, or the share of each class.
AnswerForm = Literal["values", "chance", "shares"]


# What of a card changes the answers or the question, and what of a feature is only said of it.
ASKED = {
    *("task", "target", "features", "classes", "positive", "input", "label_from_probability"),
    *("one_hot", "bands", "answer", "tolerance"),
}
WORDING = ("label", "description", "typical")


class Target(CardPart):
    """What is predicted. ``event`` is the positive class as a noun: ``leaving within 90 days``."""

    name: str
    unit: str = ""
    description: str = ""
    event: str = ""


class Origin(CardPart):
    """Where MLflow had a model when it was added; its own words, kept as they were.

    ``signature`` are the columns that it takes: a name, a type and whether it is required.
    """

    uri: str
    name: str = ""
    version: str = ""
    run_id: str = ""
    status: str = ""
    tags: dict[str, str] = Field(default_factory=dict)
    description: str = ""
    aliases: tuple[str, ...] = ()
    signature: tuple[dict[str, Any], ...] = ()


class Artifact(CardPart):
    """The model file and what made it. The file is loaded only if its SHA-256 is this one.

    ``trusted`` are the types that somebody agreed to when a skops file was added. ``origin`` is
    what MLflow said of the model then: uri, name, version, run_id, status, tags, description,
    aliases.

    A model that is code has the format ``python``, and ``file`` is its folder. ``classes`` are in
    the order of its probabilities, ``answers`` is what its `predict` gives, and
    ``seconds_per_case`` how long it took for a single case when it was added.
    """

    file: str = Field(pattern=r"^[^/\\]+$")
    format: ModelFormat
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    scikit_learn: str = ""
    python: str = ""
    created_at: str = ""
    trusted: tuple[str, ...] = ()
    origin: Origin | None = None
    classes: tuple[Any, ...] = ()
    answers: AnswerForm = "values"
    seconds_per_case: float | None = None


class Bands(CardPart):
    """Where confidence is low: below ``low`` (a fraction) the page says "not sure"."""

    low: float = Field(default=0.6, ge=0, le=1)


class Finding(CardPart):
    """One thing about a model's answers that was noticed when it was added.

    A ``doubtful`` one says that they are no better than a guess, or far from what they could be.
    """

    name: str
    text: str
    doubtful: bool = False


class ModelCard(CardPart):
    """One version of one model: what it takes, what it answers, and what it is meant for.

    ``importance`` is how much worse the model does when a feature is shuffled: the drop of its
    accuracy, or of R². ``one_hot`` has, for each feature that the estimator knows as dummies, the
    dummy of each level by the level's text; None for a level without one. ``tolerance`` is how far
    apart two numbers may be and still count as the same; None for half a unit of the last place
    shown. ``unknown`` holds a sentence for each thing that nobody could say of it, ``findings``
    what was noticed when it was tried.
    """

    name: str
    version: str
    title: str
    task: Task
    target: Target
    features: tuple[Feature, ...] = Field(min_length=1)
    artifact: Artifact
    classes: tuple[Choice, ...] = ()
    positive: Any = None
    input: Literal["frame", "array", "series"] = "frame"
    label_from_probability: bool = False
    one_hot: dict[str, dict[str, str | None]] = Field(default_factory=dict)
    bands: Bands = Bands()
    answer: Literal["class", "probability"] = "class"
    tolerance: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    importance: dict[str, float] = Field(default_factory=dict)
    metrics: dict[str, Any] = Field(default_factory=dict)
    intended_use: str = ""
    limits: str = ""
    owner: str = ""
    licence: str = ""
    data: dict[str, Any] = Field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    demo: bool = False
    sha256: str = ""

    @model_validator(mode="after")
    def _fits_its_task(self) -> ModelCard:
        if self.task != "regression" and len(self.classes) < 2:
            raise ValueError("classes: a classifier needs at least two")
        if self.answer == "probability" and self.task != "binary":
            raise ValueError("answer: only a binary model can answer with a probability")
        if self.answer == "probability" and self.positive is None:
            raise ValueError("positive: an answer as a probability needs the class that it is of")
        if self.tolerance is not None and self.task != "regression":
            raise ValueError("tolerance: only a model that answers with a number can have one")
        _refuse_twice("features", [feature.name for feature in self.features])
        _refuse_twice("classes", [repr(value) for value in self.class_values])
        if self.positive is not None and not _is_among(self.positive, self.class_values):
            raise ValueError(f"positive is {self.positive!r}: expected one of the classes")
        strange = {*self.one_hot}.difference(feature.name for feature in self.features)
        if strange:
            raise ValueError(f"one_hot: {', '.join(sorted(strange))} is no feature of the card")
        return self

    @classmethod
    def read(cls, path: Path) -> ModelCard:
        """The card in a file; `UserError` naming file and place when it is broken."""
        try:
            text = read_bytes(path)
            fields = parsed(text)
        except OSError as error:
            raise UserError(
                f"{path} cannot be read ({error.strerror}). Restore it, or add the model again."
            ) from error
        except ValueError as error:
            raise UserError(
                f"{path} is not valid JSON: {error}. Correct that place, or add the model again."
            ) from error
        try:
            return cls.model_validate({**fields, "sha256": hashlib.sha256(text).hexdigest()})
        except (ValidationError, TypeError) as error:
            raise UserError(_first_fault(path, error)) from error

    @cached_property
    def case_schema(self) -> Schema:
        """The features as a schema: what a case must look like."""
        return Schema(self.features, DummiesByColumn.of(self.one_hot))

    @cached_property
    def question_sha256(self) -> str:
        """A hash of what changes the answers or the question that is asked: not of the words
        around them. Predictions and batches name it; ``sha256`` is of all that the card says."""
        asked = self.model_dump(mode="json", include=ASKED)
        asked["target"] = {name: asked["target"][name] for name in ("name", "unit", "event")}
        for feature in asked["features"]:
            for name in WORDING:
                feature.pop(name, None)
        text = json.dumps(asked, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

    def is_asked_by(self, sha256: str) -> bool:
        """Whether a prediction or batch with this hash of its card asks the same question.

        Those of earlier releases name the hash of the whole card.
        """
        return sha256 in (self.question_sha256, self.sha256)

    @property
    def answer_scale(self) -> AnswerScale:
        """What kind of answer it gives, and which numbers count as the same."""
        if self.task == "regression":
            return AnswerScale("number", self.tolerance)
        return AnswerScale(self.answer)

    @property
    def tells_confidence(self) -> bool:
        """Whether an answer is a class, of which the model is more or less sure."""
        return self.task != "regression" and self.answer == "class"

    @property
    def ref(self) -> str:
        """``name/version``."""
        return f"{self.name}/{self.version}"

    @property
    def class_values(self) -> tuple[Any, ...]:
        """The classes in the card's order, which is the order of every list of probabilities."""
        return tuple(choice.value for choice in self.classes)

    def label(self, value: Any) -> str:
        """The words for a class value; the value itself where the card has none."""
        for choice in self.classes:
            if same_value(choice.value, value):
                return choice.label
        return str(value)

    def band(self, confidence: float | None) -> Literal["low", "high", "none"]:
        """Whether a confidence (0 to 1) counts as low; ``none`` where the model gives none."""
        if confidence is None:
            return "none"
        return "low" if confidence < self.bands.low else "high"

    @property
    def looks_at(self) -> list[tuple[Feature, float]]:
        """The features that count, each with its share (0 to 1) of all importance, largest first.

        0 is for a feature that made no difference on the rows that were tried.
        """
        drops = {name: max(drop, 0.0) for name, drop in self.importance.items()}
        pairs = [
            (feature, drops[feature.name]) for feature in self.features if feature.name in drops
        ]
        total = sum(drop for _, drop in pairs) or 1.0
        return sorted(((f, drop / total) for f, drop in pairs), key=lambda pair: -pair[1])

    @property
    def event(self) -> str:
        """What the probability is a probability of, as a noun."""
        return self.target.event or humanise(self.target.name).lower()

    def probability(self, probabilities: tuple[float, ...] | None) -> float | None:
        """The probability of the positive class, 0 to 1; None where there is none."""
        if probabilities is None or self.positive is None:
            return None
        for value, probability in zip(self.class_values, probabilities, strict=True):
            if same_value(value, self.positive):
                return probability
        return None


def _refuse_twice(place: str, names: list[str]) -> None:
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"{place}: {', '.join(sorted(twice))} stands there twice")


def _is_among(value: Any, values: tuple[Any, ...]) -> bool:
    return any(same_value(value, other) for other in values)


def _first_fault(path: Path, error: ValidationError | TypeError) -> str:
    if isinstance(error, TypeError):
        return f"{path} holds no card; expected a JSON object. Restore it, or add the model again."
    fault = error.errors()[0]
    place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in fault["loc"])
    input_text = (
        "" if fault["type"] in ("missing", "value_error") else f" is {fault['input']!r:.80}"
    )
    expected = fault["msg"].removeprefix("Value error, ")
    place = (place.lstrip(".") or "the card") + input_text
    expected = expected[:1].lower() + expected[1:]
    return f"{path}: {place}: {expected}. Correct the card, or add the model again."


def value_text(card: ModelCard, value: Any) -> str:
    """The answer alone: a class in its words, or a number with its unit."""
    if card.task != "regression":
        return card.label(value)
    return f"{round_to_three(value)} {card.target.unit}".strip()
