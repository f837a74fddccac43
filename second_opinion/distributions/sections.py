"""The sections of the page Distributions: what is drawn of a selection, or said in its place."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Hashable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from second_opinion.charts import bars, stacked
from second_opinion.charts.bars import Beside
from second_opinion.distributions import marks, sections_verdicts
from second_opinion.distributions.marks import NOBODY, Exhibit
from second_opinion.distributions.selection import Condition, Selection
from second_opinion.formatting import joined, number_text, percent, plural, share_text
from second_opinion.models.card import ModelCard, value_text
from second_opinion.models.registry import Registry
from second_opinion.recent import Recent
from second_opinion.schema import Feature
from second_opinion.statistics import drift as drifts
from second_opinion.statistics.column_kinds import Columns
from second_opinion.statistics.histogram import Histogram
from second_opinion.statistics.tallies import OTHERS, Counts, reference_shares
from second_opinion.statistics.training_summary import Reference

# Of more levels than are drawn, the drawn ones must show something.
LEAST_DRAWN = 0.1
TRAINING = "Training data"

_compared: Recent[pd.DataFrame] = Recent(32)


@dataclass(frozen=True)
class Against:
    """What a selection is compared with: ``columns`` are features and, under the target's name,
    answers. ``key`` tells it apart."""

    key: Hashable
    name: str
    columns: Columns | Reference

    @property
    def words(self) -> str:
        """Its name within a sentence."""
        return "the training data" if self.name == TRAINING else self.name


def training(registry: Registry, card: ModelCard) -> Against:
    """The training data of a model version: its stored rows, or the summary of all of them."""
    path = registry.rows_file(card)
    key = "training", card.ref, card.sha256
    if path is not None:
        return Against(key, TRAINING, pd.read_parquet(path))
    reference = registry.reference(card)
    features = {
        **reference.features,
        **({card.target.name: reference.target} if reference.target else {}),
    }
    return Against(key, TRAINING, replace(reference, features=features))


def another(selection: Selection) -> Against:
    """Another selection to compare with."""
    answers = {selection.card.target.name: selection.taken(selection.answers)}
    key = selection.key, selection.parts
    # A chain of mappings reads a column of a batch only when it is asked for.
    return Against(key, selection.about, ChainMap(answers, selection.cases))  # type: ignore[arg-type]


def predictions(selection: Selection, against: Against | None) -> list[Exhibit]:
    """What the model says."""
    if not selection.rows:
        return [Exhibit("predictions", sentence=NOBODY)]
    if sentence := one_answer(selection):
        return [Exhibit("predictions", sentence=sentence)]
    card, answers = selection.card, selection.overview().answers
    table = answers.result()
    target = marks.target(card)
    beside = _beside(against, target, table)
    chart = bars.answer_bars(card, table, selection.rows, beside)
    if against and beside and card.task != "regression":
        chart = replace(chart, title=f"{chart.title}, {_told(card, table, against, beside)}")
    below = f"Compared with {basis(against)}." if against and beside else ""
    row_marks = marks.of_rows(table, Condition("prediction"), target)
    return [Exhibit("predictions", chart, below, row_marks)]


def _told(card: ModelCard, table: pd.DataFrame, against: Against, beside: Beside) -> str:
    """The share of the class of the headline in what the answers are compared with."""
    place = bars.class_to_tell(card, table)
    return f"of {against.words} {share_text(float(beside.shares[place]))}"


def one_answer(selection: Selection) -> str:
    """The sentence where the model says the same of all; empty where it does not."""
    card, answers = selection.card, selection.overview().answers
    if isinstance(answers, Histogram):
        if answers.low != answers.high:
            return ""
        answer = value_text(card, answers.low)
        return f"The model says {answer} in each of {plural(selection.rows, 'case')}."
    if answers.distinct != 1:
        return ""
    all_ = "the one case" if selection.rows == 1 else f"all {plural(selection.rows, 'case')}"
    return f"The model says {card.label(answers.result()['value'].iloc[0])} in {all_}."


def _beside(against: Against | None, feature: Feature, table: pd.DataFrame) -> Beside | None:
    if against is None:
        return None
    shares = reference_shares(against.columns, feature, table)
    return None if shares is None else Beside(against.name, np.asarray(shares, dtype=float))


def confidence(selection: Selection, verdicts: pd.DataFrame | str) -> list[Exhibit]:
    """How sure the model is, and once there are verdicts, whether it is right to be.

    ``verdicts`` is None for a person who may not see what others said.
    """
    if not selection.rows:
        return [Exhibit("confidence", sentence=NOBODY)]
    card, overview = selection.card, selection.overview()
    if card.task == "regression":
        no = "This model gives a number without saying how sure it is of it."
        return [Exhibit("confidence", sentence=no)]
    if not overview.sure:
        return [Exhibit("confidence", sentence="This model does not say how sure it is.")]
    if overview.sure == 1:
        one = selection.taken(selection.confidence)
        share = percent(float(one[~np.isnan(one)][0]))
        return [Exhibit("confidence", sentence=f"The model is {share} sure of the one case.")]
    table = overview.confidence.result()
    chart = stacked.confidence(card, table, overview.low, overview.sure)
    first = Exhibit("confidence", chart, picks=marks.of_confidence(card, table))
    return [first, *sections_verdicts.calibrated(verdicts)]


def compared(selection: Selection, against: Against) -> pd.DataFrame:
    """`drift.compare` of the selection with what it is compared with, kept for the next time."""
    key = selection.key, selection.parts, selection.card.sha256, against.key
    comparison = _compared.get(key)
    if comparison is None:
        schema = selection.card.case_schema
        comparison = drifts.compare(against.columns, selection.cases, schema)
        _compared.keep(key, comparison, 1)
    return comparison


def drift(selection: Selection, against: Against | None) -> list[Exhibit]:
    """How far the features have moved; the first is the chart, its table the whole comparison."""
    if against is None:
        return [Exhibit("drift", sentence="Choose what to compare with above.")]
    if not selection.rows:
        return [Exhibit("drift", sentence=NOBODY)]
    comparison, schema = compared(selection, against), selection.card.case_schema
    if not comparison["size"].notna().any():
        reasons = {str(v): n for v, n in comparison["verdict"].value_counts().items()}
        sentence = joined([f"{plural(n, 'feature')}: {v}" for v, n in reasons.items()])
        return [Exhibit("drift", sentence=f"There is nothing to draw. {sentence}.")]
    names = [schema[name].label for name in comparison["feature"]]
    sentence = (
        f"Compared with {basis(against)}. A feature differs when chance does not explain it (p, "
        f"corrected for all tests, under {drifts.ALPHA}) and its distance is at least "
        f"{drifts.LEAST_SIZE:.2f}, the dashed line."
    )
    return [
        Exhibit(
            "drift",
            bars.drift(comparison, names, against.words),
            sentence,
            opens=_sized(comparison),
        )
    ]


def _sized(comparison: pd.DataFrame) -> tuple[str, ...]:
    """The features in the order of the chart of drift."""
    sized = comparison.dropna(subset=["size"]).sort_values("size", ascending=False, kind="stable")
    return tuple(sized["feature"])


def basis(against: Against) -> str:
    """What a comparison rests on, in words."""
    if isinstance(against.columns, Reference):
        return f"a summary of the {plural(against.columns.rows, 'row')} of the training data"
    if isinstance(against.columns, pd.DataFrame):
        return f"{plural(len(against.columns), 'stored row')} of the training data"
    return against.name


def drift_table(selection: Selection, against: Against) -> pd.DataFrame:
    """The comparison feature by feature, in words and in the order of how far they moved."""
    comparison, schema = compared(selection, against), selection.card.case_schema
    comparison = comparison.sort_values(["moved", "size"], ascending=False, kind="stable")
    return pd.DataFrame(
        {
            "Feature": [schema[name].label for name in comparison["feature"]],
            "Verdict": comparison["verdict"].map(bars.drift_words),
            "Test": comparison["test"],
            p_name(comparison): comparison["p_holm"],
            "Distance": comparison["size"],
            "PSI": comparison["psi"],
            "PSI by chance": comparison["psi_noise"],
            "Not known before": comparison["missing_reference"],
            "Not known now": comparison["missing_current"],
            "New values": comparison["unseen"],
            "Note": comparison["note"],
        }
    ).reset_index(drop=True)


def p_name(comparison: pd.DataFrame) -> str:
    """The name of the column of p values, which says for how many tests they are corrected."""
    return f"p, corrected for {plural(int(comparison['p_holm'].notna().sum()), 'test')}"


def ordered(selection: Selection, against: Against | None) -> list[Feature]:
    """The features, those that moved furthest first."""
    schema = selection.card.case_schema
    if against is None or not selection.rows:
        return list(schema)
    comparison = compared(selection, against)
    names = comparison.sort_values(["moved", "size"], ascending=False, kind="stable")["feature"]
    return [schema[name] for name in names]


def feature(selection: Selection, against: Against | None, described: Feature) -> Exhibit:
    """One feature of the cases beside the same of what they are compared with."""
    key, label = f"feature_{described.name}", described.label
    if text := unfit(selection, described):
        return Exhibit(key, sentence=text)
    tally = selection.described().features[described.name]
    known_rows, table = selection.rows - tally.missing, tally.result()
    if "value" in table and OTHERS in set(table["value"]):
        drawn_share = 1 - float(table.loc[table["value"] == OTHERS, "share"].iloc[0])
        if drawn_share < LEAST_DRAWN and isinstance(tally, Counts):
            first = described.text(table["value"].iloc[0])
            values = plural(tally.distinct, "different value")
            text = f"{label} has {values}, too many to draw. "
            count = int(table["count"].iloc[0])
            cases = plural(count, "case")
            if (table["count"].iloc[1:2] == count).any():
                text += f"{first} stands in {cases}, and none in more."
            else:
                text += f"The commonest, {first}, stands in {cases}."
            return Exhibit(key, sentence=text)
    words, below = _drift_text(selection, against, described), _faults(selection, described)
    beside = _beside(against, described, table)
    chart = bars.feature(described, table, words or _range(table, described, known_rows), beside)
    return Exhibit(
        key, chart, below, marks.of_rows(table, Condition("feature", described.name), described)
    )


def unfit(selection: Selection, described: Feature) -> str:
    """Why a feature cannot be drawn, as a sentence; empty where it can."""
    label, rows = described.label, selection.rows
    if described.name not in selection.columns:
        return f"{label}: the file has no such column."
    if described.shape == "text":
        return f"{label}: free text is not drawn."
    tally = selection.described().features[described.name]
    known_rows = rows - tally.missing
    if not known_rows:
        return f"{label} is not known in any of {plural(rows, 'case')}."
    one = _only_value(tally, described)
    return f"{label} is {one} in {_each(known_rows, rows)}." if one else ""


def _only_value(tally: Histogram | Counts, described: Feature) -> str:
    if isinstance(tally, Counts):
        return described.text(tally.result()["value"].iloc[0]) if tally.distinct == 1 else ""
    if tally.low != tally.high:
        return ""
    if described.shape == "date":
        return str(np.datetime64(int(tally.low), "D"))
    return f"{number_text(tally.low)} {described.unit}".strip()


def _each(known_rows: int, rows: int) -> str:
    cases = "the one case" if known_rows == 1 else f"all {plural(known_rows, 'case')}"
    return (
        cases if known_rows == rows else f"{cases} that {'knows' if known_rows == 1 else 'know'} it"
    )


def _drift_text(selection: Selection, against: Against | None, described: Feature) -> str:
    if against is None:
        return ""
    row = compared(selection, against).set_index("feature").loc[described.name]
    if row["verdict"] == "moved":
        size = "large" if row["size"] >= drifts.LARGE else "moderate"
        return f"differs from {against.words} ({size}, {row['size']:.2f})"
    if row["verdict"] == "steady":
        return f"is like {against.words} (distance {row['size']:.2f})"
    return f"in {plural(selection.rows, 'case')}: {row['verdict']}"


def _range(table: pd.DataFrame, described: Feature, known_rows: int) -> str:
    if "value" in table:
        first = described.text(table["value"].iloc[0])
        count, share = int(table["count"].iloc[0]), share_text(float(table["share"].iloc[0]))
        return f"is {first} in {count:,} of {plural(known_rows, 'case')} ({share})"
    return f"in {plural(known_rows, 'case')}"


def _faults(selection: Selection, described: Feature) -> str:
    """The shares that are missing, outside the training range or never seen; empty where none."""
    table = selection.described().faults.result().set_index("feature")
    phrases = {
        "missing": "not known",
        "out_of_range": "outside the range of the training data",
        "unseen": "never seen in the training data",
    }
    counts = {words: int(table[name][described.name]) for name, words in phrases.items()}
    rows = max(selection.rows, 1)
    parts = [f"{w} in {n:,} ({share_text(n / rows)})" for w, n in counts.items() if n]
    return f"{joined(parts)}.".capitalize() if parts else ""
