"""One version's folder: its card, its model file and what is known of its training data."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from second_opinion.errors import UserError
from second_opinion.jsonfile import read_json, write_json
from second_opinion.models.card import ModelCard
from second_opinion.models.describe import (
    adapter_trial,
    card_fields,
    estimator_checks,
    importance,
    missing_inputs,
    sanity,
)
from second_opinion.models.describe.inherited_wording import taken_over
from second_opinion.models.describe.training_data import TrainingData
from second_opinion.models.formats import loading
from second_opinion.models.formats.adapter import Adapter
from second_opinion.models.formats.code_files import write_folder
from second_opinion.models.model import Answers, Model, as_taken
from second_opinion.records.value import plain
from second_opinion.statistics.training_summary import MOST_ROWS

if TYPE_CHECKING:
    import pandas as pd

    from second_opinion.schema import Cases

ABOUT = "the rows given to add, which may include the training rows"


@dataclass(frozen=True)
class NewVersion:
    """What is to become a version: the estimator with its cases, outcomes, names and card fields.

    ``overrides`` holds fields of the card that replace inferred ones, and ``before`` is the card
    whose words the new one begins with. ``training`` is the table that the cases are from.
    """

    estimator: Any
    data: pd.DataFrame | None
    y: pd.Series[Any] | None
    naming: card_fields.Naming
    overrides: dict[str, Any]
    before: ModelCard | None = None
    training: TrainingData | None = None

    def write(self, home: Path, artifact: tuple[str, bytes]) -> ModelCard:
        """Write model file, card and summary into an empty folder; returns the card.

        ``artifact`` is the file's ``(format, bytes)``. Predicts the data once through the card:
        what the card then says of the model has been tried.
        """
        signature = self.overrides.get("artifact", {}).get("origin", {}).get("signature", ())
        inferred = card_fields.card_fields(
            self.estimator, self.data, self.y, self.naming, signature=signature
        )
        for feature in inferred["features"]:
            words = self.training.missing_words.get(feature["name"]) if self.training else None
            feature |= {"missing": list(words)} if words else {}
        if self.before is not None:
            inferred = taken_over(inferred, self.before)
            inferred["title"] = self.naming.title or self.before.title
        fields = merged(inferred, self.overrides)
        file_format, content = artifact
        file = home / ("code" if file_format == "python" else f"model.{file_format}")
        fields["artifact"] = {
            "file": file.name,
            "format": file_format,
            "sha256": hashlib.sha256(content).hexdigest(),
            **card_fields.made_by(),
            **_made_elsewhere(self.overrides),
            **(self._about_code(fields["input"]) if file_format == "python" else {}),
        }
        _write_artifact(file, content)
        model = self._try(fields, home)
        summary = card_fields.summarise(model, self.data, self.y)
        write_json(home / "summary.json", summary, indent=None)
        return model.card

    def _about_code(self, form: str) -> dict[str, Any]:
        """What the card says of a model that is code, which is tried for that."""
        about: dict[str, Any] = {}
        if isinstance(self.estimator, Adapter) and self.estimator.task != "regression":
            classes = [plain(value) for value in self.estimator.classes_]
            about = {"classes": classes, "answers": self.estimator.form}
        if self.data is not None:
            with estimator_checks.third_party("The model cannot answer the data"):
                seconds = adapter_trial.seconds_per_case(self.estimator, self.data, form)
            about["seconds_per_case"] = float(f"{seconds:.2g}")
        return about

    def _try(self, fields: dict[str, Any], home: Path) -> Model:
        """The model with its card complete: each thing that it then says of itself was tried."""
        fields["label_from_probability"] = self._follows_probabilities(fields["input"])
        model = Model(_write_card(home, fields), self.estimator, loading.threads())
        # With data, its holes say what may be missing: nobody saw the model do without the rest.
        allowed = missing_inputs.allowed(model) if self.data is None else set()
        features = self.overrides.get("features", {})
        for feature in fields["features"]:
            if feature["name"] in allowed and "missing" not in features.get(feature["name"], {}):
                feature["missing"] = True
        if self.data is not None:
            self._add_scores(fields, model, self.data)
        else:
            self._answers(model, [model.card.case_schema.typical])
        return Model(_write_card(home, fields), self.estimator, model.threads)

    def _follows_probabilities(self, form: str) -> bool:
        """Without data nobody knows, and the model is asked for its labels themselves."""
        if self.data is None:
            return False
        return estimator_checks.follows_probabilities(self.estimator, as_taken(self.data, form))

    def _answers(self, model: Model, cases: Cases) -> Answers:
        """What the model says of cases; `UserError` where that cannot be an answer."""
        kind = type(self.estimator).__name__
        with estimator_checks.third_party(f"The {kind} cannot predict the data"):
            answers = model.answers(cases)
        sanity.refuse_impossible(answers, kind, model.card.artifact.scikit_learn)
        return answers

    def _add_scores(self, fields: dict[str, Any], model: Model, data: pd.DataFrame) -> None:
        answers, y, claimed = self._answers(model, data), self.y, dict(fields["metrics"])
        if y is not None and not claimed:
            values = map(plain, answers.values)
            fields["metrics"] = card_fields.metrics_on(values, y, model.card.task, ABOUT)
        trial = sanity.Trial(model, data, answers, y, claimed, self.training)
        findings = [finding.model_dump() for finding in sanity.verdict(trial)]
        fields |= {"findings": findings} if findings else {}
        if y is not None and not fields["importance"]:
            with estimator_checks.third_party("What it looks at cannot be told"):
                # Threads that wait for work cost more time than they save on a few rows.
                with model.threads.limit(limits=1):
                    drops = importance.drops(self.estimator, data, y, fields["input"])
                fields["importance"] = drops

    def write_rows(self, home: Path, data: pd.DataFrame) -> None:
        """Write up to 5,000 rows of the data, with the target, beside the card."""
        rows = data
        if self.y is not None:
            target = ModelCard.read(home / "card.json").target.name
            rows = rows.assign(**{target: self.y})
        sample = rows.sample(MOST_ROWS, random_state=0) if len(rows) > MOST_ROWS else rows
        sample.to_parquet(home / "reference.parquet", index=False)


def merged(inferred: dict[str, Any], overrides: dict[str, Any]) -> dict[str, Any]:
    """The inferred card with the overrides in place; target, data and features are merged."""
    features = overrides.get("features", {})
    names = [feature["name"] for feature in inferred["features"]]
    for name in features:
        if name not in names:
            raise UserError(
                f"The card given to add describes a feature {name!r}; the model takes "
                f"{', '.join(names)}. Correct its name."
            )
    return {
        **inferred,
        **overrides,
        **{part: {**inferred[part], **overrides.get(part, {})} for part in ("target", "data")},
        "features": [{**f, **features.get(f["name"], {})} for f in inferred["features"]],
    }


def worded(home: Path, words: Mapping[str, Any]) -> ModelCard:
    """The card in a version's folder, written again with these fields; the target's are merged."""
    fields = read_json(home / "card.json", default={})
    target = {**fields["target"], **words.get("target", {})}
    return _write_card(home, {**fields, **words, "target": target})


def _write_card(home: Path, fields: dict[str, Any]) -> ModelCard:
    write_json(home / "card.json", fields)
    return ModelCard.read(home / "card.json")


def _write_artifact(file: Path, content: bytes) -> None:
    if file.suffix:
        file.write_bytes(content)
    else:
        write_folder(content, file)


def _made_elsewhere(overrides: dict[str, Any]) -> dict[str, Any]:
    """What made a file, and where, which whoever adds it knows better than this process."""
    artifact = overrides.get("artifact", {})
    parts = ("scikit_learn", "python", "trusted", "origin")
    return {part: artifact[part] for part in parts if part in artifact}


def dumped(estimator: Any) -> bytes:
    """The estimator as joblib writes it; `UserError` where the app could not load that."""
    import joblib

    estimator_checks.refuse_unsaveable(estimator)
    buffer = io.BytesIO()
    joblib.dump(estimator, buffer, compress=3)
    return buffer.getvalue()
