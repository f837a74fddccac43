"""The sections of the page Distributions: what is drawn of a population, or said in its place."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Hashable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from second_opinion.batch.recent import Recent
from second_opinion.card import ModelCard, value_text
from second_opinion.charts import bars, stacked
from second_opinion.charts.bars import Beside
from second_opinion.formatting import joined, number_text, percent, plural
from second_opinion.population import picks, sections_verdicts
from second_opinion.population.picks import NOBODY, Shown
from second_opinion.population.population import Part, Population
from second_opinion.reference import Reference
from second_opinion.registry import Registry
from second_opinion.schema import Feature
from second_opinion.statistics import drift as drifts
from second_opinion.statistics.bars import Bars
from second_opinion.statistics.columns import Columns
from second_opinion.statistics.distributions import OTHERS, Counts, reference_shares

# Of more levels than are drawn, the drawn ones must show something.
LEAST_DRAWN = 0.1

_compared: Recent[pd.DataFrame] = Recent(32)


@dataclass(frozen=True)
class Against:
    """What a population is compared with: ``columns`` are features and, under the target's name,
    answers. ``key`` tells it apart."""

    key: Hashable
    name: str
    columns: Columns | Reference


def training(registry: Registry, card: ModelCard) -> Against:
    """The training data of a model version: its stored rows, or the summary of all of them."""
    path = registry.rows_file(card)
    key = "training", card.ref, card.sha256
    if path is not None:
        return Against(key, "Training data", pd.read_parquet(path))
    known = registry.reference(card)
    features = {**known.features, **({card.target.name: known.target} if known.target else {})}
    return Against(key, "Training data", replace(known, features=features))


def another(population: Population) -> Against:
    """Another population to compare with."""
    answers = {population.card.target.name: population.taken(population.answers)}
    key = population.key, population.parts
    # A chain of mappings reads a column of a batch only when it is asked for.
    return Against(key, population.about, ChainMap(answers, population.cases))  # type: ignore[arg-type]


def predictions(population: Population, against: Against | None) -> list[Shown]:
    """What the model says."""
    if not population.rows:
        return [Shown("predictions", sentence=NOBODY)]
    if said := one_answer(population):
        return [Shown("predictions", sentence=said)]
    card, found = population.card, population.overview().answers
    table = found.result()
    target = picks.target(card)
    beside = _beside(against, target, table)
    chart = bars.answers(card, table, population.rows, beside)
    below = f"Compared with {basis(against)}." if against and beside else ""
    marks = picks.of_rows(table, Part("prediction"), target)
    return [Shown("predictions", chart, below, marks)]


def one_answer(population: Population) -> str:
    """The sentence where the model says the same of all; empty where it does not."""
    card, found = population.card, population.overview().answers
    if isinstance(found, Bars):
        if found.low != found.high:
            return ""
        said = value_text(card, found.low)
        return f"The model says {said} in each of {plural(population.rows, 'case')}."
    if found.distinct != 1:
        return ""
    all_ = "the one case" if population.rows == 1 else f"all {plural(population.rows, 'case')}"
    return f"The model says {card.label(found.result()['value'].iloc[0])} in {all_}."


def _beside(against: Against | None, feature: Feature, found: pd.DataFrame) -> Beside | None:
    if against is None:
        return None
    shares = reference_shares(against.columns, feature, found)
    return None if shares is None else Beside(against.name, np.asarray(shares, dtype=float))


def confidence(population: Population, judged: pd.DataFrame) -> list[Shown]:
    """How sure the model is, and once there are verdicts, whether it is right to be."""
    if not population.rows:
        return [Shown("confidence", sentence=NOBODY)]
    card, found = population.card, population.overview()
    if card.task == "regression":
        no = "This model gives a number without saying how sure it is of it."
        return [Shown("confidence", sentence=no)]
    if not found.sure:
        return [Shown("confidence", sentence="This model does not say how sure it is.")]
    if found.sure == 1:
        one = population.taken(population.confidence)
        said = percent(float(one[~np.isnan(one)][0]))
        return [Shown("confidence", sentence=f"The model is {said} sure of the one case.")]
    table = found.confidence.result()
    chart = stacked.confidence(card, table, found.low, found.sure)
    first = Shown("confidence", chart, picks=picks.of_confidence(card, table))
    return [first, *sections_verdicts.calibrated(judged)]


def compared(population: Population, against: Against) -> pd.DataFrame:
    """`drift.compare` of the population with what it is compared with, kept for the next time."""
    key = population.key, population.parts, population.card.sha256, against.key
    known = _compared.get(key)
    if known is None:
        schema = population.card.case_schema
        known = drifts.compare(against.columns, population.cases, schema)
        _compared.keep(key, known, 1)
    return known


def drift(population: Population, against: Against | None) -> list[Shown]:
    """How far the features have moved; the first is the chart, its table the whole comparison."""
    if against is None:
        return [Shown("drift", sentence="Choose what to compare with above.")]
    if not population.rows:
        return [Shown("drift", sentence=NOBODY)]
    found, schema = compared(population, against), population.card.case_schema
    if not found["size"].notna().any():
        reasons = {str(v): n for v, n in found["verdict"].value_counts().items()}
        said = joined([f"{plural(n, 'feature')}: {v}" for v, n in reasons.items()])
        return [Shown("drift", sentence=f"There is nothing to draw. {said}.")]
    names = [schema[name].label for name in found["feature"]]
    said = (
        f"Compared with {basis(against)}. A feature has moved when chance does not explain it (p "
        f"after Holm under {drifts.ALPHA}) and its distance is at least {drifts.LEAST_SIZE:.2f}, "
        "the dashed line."
    )
    return [Shown("drift", bars.drift(found, names), said, opens=_sized(found))]


def _sized(found: pd.DataFrame) -> tuple[str, ...]:
    """The features in the order of the chart of drift."""
    sized = found.dropna(subset=["size"]).sort_values("size", ascending=False, kind="stable")
    return tuple(sized["feature"])


def basis(against: Against) -> str:
    """What a comparison rests on, in words."""
    if isinstance(against.columns, Reference):
        return f"a summary of the {plural(against.columns.rows, 'row')} of the training data"
    if isinstance(against.columns, pd.DataFrame):
        return f"{plural(len(against.columns), 'stored row')} of the training data"
    return against.name


def drift_table(population: Population, against: Against) -> pd.DataFrame:
    """The comparison feature by feature, in words and in the order of how far they moved."""
    found, schema = compared(population, against), population.card.case_schema
    found = found.sort_values(["moved", "size"], ascending=False, kind="stable")
    return pd.DataFrame(
        {
            "Feature": [schema[name].label for name in found["feature"]],
            "Verdict": found["verdict"],
            "Test": found["test"],
            "p after Holm": found["p_holm"],
            "Distance": found["size"],
            "PSI": found["psi"],
            "PSI by chance": found["psi_noise"],
            "Not known before": found["missing_reference"],
            "Not known now": found["missing_current"],
            "New values": found["unseen"],
            "Note": found["note"],
        }
    ).reset_index(drop=True)


def ordered(population: Population, against: Against | None) -> list[Feature]:
    """The features, those that moved furthest first."""
    schema = population.card.case_schema
    if against is None or not population.rows:
        return list(schema)
    found = compared(population, against)
    names = found.sort_values(["moved", "size"], ascending=False, kind="stable")["feature"]
    return [schema[name] for name in names]


def feature(population: Population, against: Against | None, described: Feature) -> Shown:
    """One feature of the cases beside the same of what they are compared with."""
    key, label = f"feature_{described.name}", described.label
    if said := unfit(population, described):
        return Shown(key, sentence=said)
    counted = population.described().features[described.name]
    known, table = population.rows - counted.missing, counted.result()
    if "value" in table and OTHERS in set(table["value"]):
        drawn = 1 - float(table.loc[table["value"] == OTHERS, "share"].iloc[0])
        if drawn < LEAST_DRAWN and isinstance(counted, Counts):
            first = described.text(table["value"].iloc[0])
            values = plural(counted.distinct, "different value")
            said = f"{label} has {values}, too many to draw. "
            said += (
                f"The commonest, {first}, stands in {plural(int(table['count'].iloc[0]), 'case')}."
            )
            return Shown(key, sentence=said)
    words, below = _moved(population, against, described), _faults(population, described)
    beside = _beside(against, described, table)
    chart = bars.feature(described, table, words or _range(table, described, known), beside)
    return Shown(
        key, chart, below, picks.of_rows(table, Part("feature", described.name), described)
    )


def unfit(population: Population, described: Feature) -> str:
    """Why a feature cannot be drawn, as a sentence; empty where it can."""
    label, rows = described.label, population.rows
    if described.name not in population.columns:
        return f"{label}: the file has no such column."
    if described.kind == "text":
        return f"{label}: free text is not drawn."
    counted = population.described().features[described.name]
    known = rows - counted.missing
    if not known:
        return f"{label} is not known in any of {plural(rows, 'case')}."
    one = _only_value(counted, described)
    return f"{label} is {one} in {_each(known, rows)}." if one else ""


def _only_value(counted: Bars | Counts, described: Feature) -> str:
    if isinstance(counted, Counts):
        return described.text(counted.result()["value"].iloc[0]) if counted.distinct == 1 else ""
    if counted.low != counted.high:
        return ""
    if described.kind == "date":
        return str(np.datetime64(int(counted.low), "D"))
    return f"{number_text(counted.low)} {described.unit}".strip()


def _each(known: int, rows: int) -> str:
    cases = "the one case" if known == 1 else f"all {plural(known, 'case')}"
    return cases if known == rows else f"{cases} that {'knows' if known == 1 else 'know'} it"


def _moved(population: Population, against: Against | None, described: Feature) -> str:
    if against is None:
        return ""
    row = compared(population, against).set_index("feature").loc[described.name]
    if row["verdict"] == "moved":
        return f"has moved by {row['size']:.2f}"
    if row["verdict"] == "steady":
        return f"is steady (distance {row['size']:.2f})"
    return f"in {plural(population.rows, 'case')}: {row['verdict']}"


def _range(found: pd.DataFrame, described: Feature, known: int) -> str:
    if "value" in found:
        first = described.text(found["value"].iloc[0])
        count, share = int(found["count"].iloc[0]), percent(float(found["share"].iloc[0]))
        return f"is {first} in {count:,} of {plural(known, 'case')} ({share})"
    return f"in {plural(known, 'case')}"


def _faults(population: Population, described: Feature) -> str:
    """The shares that are missing, outside the training range or never seen; empty where none."""
    table = population.described().faults.result().set_index("feature")
    said = {
        "missing": "not known",
        "out_of_range": "outside the range of the training data",
        "unseen": "never seen in the training data",
    }
    counts = {words: int(table[name][described.name]) for name, words in said.items()}
    rows = max(population.rows, 1)
    parts = [f"{w} in {n:,} ({percent(n / rows)})" for w, n in counts.items() if n]
    return f"{joined(parts)}.".capitalize() if parts else ""
