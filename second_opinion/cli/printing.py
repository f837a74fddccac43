"""What the commands print: text for people, facts for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from second_opinion.doctor.check import Check
from second_opinion.errors import UserError
from second_opinion.formatting import joined, plural, share_text
from second_opinion.models.card import ModelCard
from second_opinion.models.catalog import Catalog, Entry
from second_opinion.models.describe.adapter_trial import SLOW
from second_opinion.models.describe.estimator_checks import keeps_rows
from second_opinion.models.describe.training_data import TrainingData
from second_opinion.models.formats import code_files
from second_opinion.models.formats.loading import version_warnings
from second_opinion.models.formats.model_file import ModelFile
from second_opinion.models.formats.releases import other_release
from second_opinion.models.formats.skops_format import named
from second_opinion.models.registry import Registry
from second_opinion.schema import Feature
from second_opinion.statistics.training_summary import MOST_ROWS

COLOURS = {"ok": "green", "warning": "yellow", "problem": "red"}
MARKS = {"intact": "intact", "changed": "CHANGED", "missing": "MISSING"}
# Letters of a cell of a printed table; of more the end is left out.
WIDEST = 44
MOST_FEATURES = 60


def printable(text: str) -> str:
    """The text without what would move the cursor: names come from other people's files."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns of text under their names, each as wide as its widest cell."""
    cells = [[printable(_cut(cell)) for cell in row] for row in (header, *rows)]
    widths = [max(len(row[at]) for row in cells) for at in range(len(header))]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in cells]
    return "\n".join([click.style(lines[0], bold=True), *lines[1:]])


def _cut(text: str) -> str:
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"


def pickle_is_code(file: ModelFile) -> str:
    """What to know before a file is loaded."""
    if file.format == "python":
        files = code_files.unpacked(file.content)
        width = max(map(len, files))
        lines = "".join(
            f"\n  {name:<{width}}  {len(c) / 1000:,.1f} kB" for name, c in files.items()
        )
        return (
            f"These files become the model, and its code is run:{lines}\nGo on only if they come "
            "from you or from people you trust."
        )
    return (
        f"{_described(file)}, and such a file is code:\nloading it runs whatever its maker put in. "
        f"Load it only if it comes from you or from people you trust.{_age(file)}"
    )


def types_to_trust(file: ModelFile) -> str:
    """What to know before a skops file is loaded that holds more than skops trusts by itself."""
    types = "".join(f"\n  {name}" for name in file.unknown_types)
    return (
        f"{_described(file)}. It holds no code, but these types beside those that skops trusts:"
        f"{types}\nTrust them only if the file comes from you or from people you trust.{_age(file)}"
    )


def _age(file: ModelFile) -> str:
    other = other_release(file.saved_by)
    return f"\n{other}" if other else ""


def _described(file: ModelFile) -> str:
    size = f"{len(file.content) / 1000:,.0f} kB"
    return f"{file.where} ({size}, SHA-256 {file.sha256[:12]}…) is a {file.format} file"


def default_name(catalog: Catalog) -> str:
    """The name of the default model; empty where there is none."""
    try:
        return catalog.default
    except UserError:
        return ""


@dataclass(frozen=True)
class Added:
    """What `add` understood of a model, and what it changed.

    ``catalog`` is what is there now; ``before`` was the default model.
    """

    registry: Registry
    catalog: Catalog
    card: ModelCard
    estimator: Any
    data: Path | None
    rows: TrainingData | None
    before: str

    @property
    def folder(self) -> Path:
        return self.registry.folder / self.card.name / self.card.version

    @property
    def stored_rows(self) -> int:
        """How many rows of the data lie in the folder now."""
        has_rows = (self.folder / "reference.parquet").exists()
        return min(len(self.rows.X), MOST_ROWS) if has_rows and self.rows else 0

    @property
    def is_new_default(self) -> bool:
        return self.before != default_name(self.catalog) == self.card.name

    @property
    def hides_demos(self) -> bool:
        entries = self.catalog.entries()
        others = {entry.name for entry in entries} - {self.card.name}
        hidden = len(self.catalog.entries(demos=True)) > len(entries)
        return hidden and not others and len(self.catalog.versions(self.card.name)) == 1

    @property
    def facts(self) -> dict[str, Any]:
        """For a program: the card with its place, and the rows used, left out and stored."""
        return {
            "model": self.card.ref,
            "folder": str(self.folder),
            "aliases": _aliases(self.catalog, self.card),
            "default": default_name(self.catalog) == self.card.name,
            "rows": len(self.rows.X) if self.rows else 0,
            "rows_left_out": self.rows.left_out if self.rows else 0,
            "rows_stored": self.stored_rows,
            "file_keeps_rows": keeps_rows(self.estimator),
            "warnings": version_warnings(self.card),
            "card": self.card.model_dump(mode="json"),
        }

    @property
    def text(self) -> str:
        """For a person: what it is, what it takes, what was kept, and what to do next."""
        facts = [
            ("Task", self._task),
            ("Scores", self._scores),
            ("Looks at", self._looks_at),
            ("Speed", _speed(self.card)),
            ("Made with", f"scikit-learn {self.card.artifact.scikit_learn}"),
            ("SHA-256", self.card.artifact.sha256),
            *(("Warning", warning) for warning in version_warnings(self.card)),
            *_provenance(self.card),
            ("Rows", self._rows),
            ("Kept", self._stored_text),
        ]
        aliases = "".join(f", {self.card.name}@{a}" for a in _aliases(self.catalog, self.card))
        return "\n".join(
            [
                f"Added {self.card.ref}{aliases} in {self.folder}",
                *(f"  {printable(f'{name:<10} {fact}')}" for name, fact in facts if fact),
                "",
                features(self.card),
                "",
                *self._notes,
                *self._unknown,
                *self._changes,
                f"Labels, units and descriptions are yours to edit in {self.folder / 'card.json'}.",
                "Next: streamlit run Home.py",
            ]
        )

    @property
    def _task(self) -> str:
        card = self.card
        if card.task == "regression":
            return f"regression, predicts the number {card.target.name}"
        labels = joined([_class_text(choice.value, choice.label) for choice in card.classes[:8]])
        more = f" and {len(card.classes) - 8} more" if len(card.classes) > 8 else ""
        event = f"; the event is {card.label(card.positive)}" if card.task == "binary" else ""
        return f"{card.task}, predicts {card.target.name}: {labels}{more}{event}"

    @property
    def _scores(self) -> str:
        scores = {k: v for k, v in self.card.metrics.items() if k not in ("on", "rows")}
        text = ", ".join(f"{name} {value:g}" for name, value in scores.items())
        return f"{text} ({self.card.metrics['on']})" if text else ""

    @property
    def _looks_at(self) -> str:
        most = [f"{f.label} {share_text(share)}" for f, share in self.card.looks_at[:3] if share]
        return f"mostly {joined(most)}" if most else ""

    @property
    def _unknown(self) -> list[str]:
        lines = [printable(f"  {sentence}") for sentence in self.card.unknown]
        return ["Not known:", *lines, ""] if lines else []

    @property
    def _notes(self) -> list[str]:
        notes = list(self.rows.notes) if self.rows else []
        notes += [finding.text for finding in self.card.findings]
        return [*map(printable, notes), ""] if notes else []

    @property
    def _rows(self) -> str:
        if self.rows is None:
            return "none were given"
        left_out = self.rows.left_out
        why = f"; {left_out:,} without a value in {self.card.target.name} left out"
        return f"{len(self.rows.X):,} of {self.data}{why if left_out else ''}"

    @property
    def _stored_text(self) -> str:
        if self.stored_rows:
            return f"{plural(self.stored_rows, 'row')} of the data and summaries of its columns"
        if self.rows is None:
            return ""
        if keeps_rows(self.estimator):
            return "summaries; but this kind of model holds training rows itself, in its own file"
        return "summaries of each column; no rows of the data were stored"

    @property
    def _changes(self) -> list[str]:
        sentences = []
        if len(self.catalog.versions(self.card.name)) > 1:
            sentences.append(
                "Words were taken over from the version in use, where they fit: check them."
            )
        if self.is_new_default:
            sentences.append(f"{self.card.name} is the default model now.")
        if self.hides_demos:
            sentences.append("The demo models are hidden now; `models --all` lists them.")
        return sentences


def _speed(card: ModelCard) -> str:
    """How long a model that is code takes for a case."""
    seconds = card.artifact.seconds_per_case
    if seconds is None:
        return ""
    slow = "; people wait that long for each answer" if seconds > SLOW else ""
    return f"{seconds:g} s a case{slow}"


def _provenance(card: ModelCard) -> list[tuple[str, str]]:
    """Where MLflow had it, and which types it may hold, where there is such a thing."""
    origin, trusted = card.artifact.origin, card.artifact.trusted
    rows = [("From", f"{origin.uri} ({origin.status})")] if origin else []
    return rows + ([("Trusts", named(trusted))] if trusted else [])


def _class_text(value: Any, label: str) -> str:
    return label if label == str(value) else f"{value} ({label})"


def _aliases(catalog: Catalog, card: ModelCard) -> list[str]:
    return [alias for alias, at in catalog.aliases(card.name).items() if at == card.version]


def features(card: ModelCard) -> str:
    """The inputs of a model as a table."""
    rows = [_feature(feature) for feature in card.features[:MOST_FEATURES]]
    text = table(("FEATURE", "KIND", "RANGE", "TYPICAL", "MAY BE MISSING"), rows)
    more = len(card.features) - MOST_FEATURES
    return f"{text}\nand {more} more, all in card.json" if more > 0 else text


def _feature(feature: Feature) -> tuple[str, ...]:
    choices = [choice.label for choice in feature.choices]
    number = f"{len(choices)}: " if len(choices) > 2 else ""
    span = f"{number}{', '.join(choices)}" if choices else feature.range_text
    words = feature.missing if isinstance(feature.missing, tuple) else ()
    missing = ("yes" if feature.optional else "no") + (f", as {joined(words)}" if words else "")
    return feature.name, feature.kind, span, feature.text(feature.typical), missing


def removed(catalog: Catalog, name: str, versions: list[str], before: str) -> str:
    """What `remove` did, and what holds now."""
    sentences = [f"Removed {', '.join(f'{name}/{version}' for version in versions)}."]
    now = default_name(catalog)
    if now != before:
        sentences.append(f"{now} is the default model now." if now else "No model is left.")
    elif catalog.versions(name) and "champion" not in catalog.aliases(name):
        sentences.append(
            f"{name} has no champion any more; {'/'.join(catalog.resolve(name))} stands in."
        )
    return "\n".join(sentences)


def facts(registry: Registry, entry: Entry, default: str) -> dict[str, Any]:
    """One version of the registry for a program; a broken one has a fault and few facts.

    ``default`` is the name of the default model.
    """
    card = entry.card
    about: dict[str, Any] = {
        "name": entry.name,
        "version": entry.version,
        "aliases": list(entry.aliases),
        "shares": dict(entry.shares),
        "default": entry.name == default,
    }
    if card is None:
        return about | {"fault": entry.fault}
    return about | {
        "task": card.task,
        "title": card.title,
        "demo": card.demo,
        "scikit_learn": card.artifact.scikit_learn,
        "python": card.artifact.python,
        "sha256": card.artifact.sha256,
        "file": registry.hash_state(card),
        "fault": "",
    }


def models(registry: Registry, rows: list[dict[str, Any]], hidden: int) -> str:
    """The registry as a table, its default marked, and below it what is broken or hidden."""
    if not rows:
        return f"{registry.folder} holds no model yet. Add one with `python -m second_opinion add`."
    header = ("NAME", "VERSION", "ALIASES", "TASK", "TITLE", "MADE WITH", "FILE")
    lines = [table(header, [_row(row) for row in rows]), ""]
    if any(row["default"] for row in rows):
        lines.append("* the default model")
    lines += [
        printable(f"{row['name']}/{row['version']} is broken: {row['fault']}")
        for row in rows
        if row["fault"]
    ]
    if hidden:
        be, them = ("is", "it") if hidden == 1 else ("are", "them")
        said = f"{plural(hidden, 'demo version')} {be} hidden; `models --all` lists {them}."
        lines.append(said)
    return "\n".join(lines).rstrip()


def _row(row: dict[str, Any]) -> tuple[str, ...]:
    name = f"{row['name']} *" if row["default"] else row["name"]
    if row["fault"]:
        return name, row["version"], "", "BROKEN", "", "", ""
    library = f"scikit-learn {row['scikit_learn']}" if row["scikit_learn"] else ""
    shares = [f"{alias} {share_text(share)}" for alias, share in row["shares"].items()]
    aliases = ", ".join([*row["aliases"], *shares])
    return name, row["version"], aliases, row["task"], row["title"], library, MARKS[row["file"]]


def verified(results: list[dict[str, Any]]) -> str:
    """Each model with whether it is right."""
    rows = [(result["model"], "ok" if result["ok"] else "not right") for result in results]
    return table(("MODEL", "STATE"), rows)


def checks(results: list[Check]) -> str:
    """Each check with what to do below it, and how many stand in the way."""
    width = max(len(check.name) for check in results)
    lines = []
    for check in results:
        state = click.style(f"{check.state:<8}", fg=COLOURS[check.state])
        lines.append(f"{state} {check.name:<{width}}  {printable(check.found)}")
        if check.todo:
            lines.append(f"{'':<8} {'':<{width}}  → {printable(check.todo)}")
    count = {s: sum(check.state == s for check in results) for s in ("problem", "warning")}
    parts = [plural(n, s) for s, n in count.items()]
    return "\n".join([*lines, "", f"{joined(parts)}."])
