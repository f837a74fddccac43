"""What is known of the training data: a summary of each feature, never its rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from second_opinion.errors import UserError
from second_opinion.file_content import read_bytes
from second_opinion.jsonfile import parsed
from second_opinion.records.feature_kinds import Shape
from second_opinion.records.value import plain
from second_opinion.schema import Feature, Schema

if TYPE_CHECKING:
    import pandas as pd

MOST_QUANTILES = 201
MOST_LEVELS = 1000
MOST_ROWS = 5000


@dataclass(frozen=True)
class Reference:
    """The summary of one model version's training data, as ``summary.json`` holds it.

    ``features`` maps each name to ``{"missing": share, "quantiles": […]}`` for numbers and dates
    (up to 201 of them, at equally spaced shares), or to ``{"missing": share, "counts":
    [[value, n], …]}`` for the others; ``correlation`` is the matrix of the features' normal scores;
    ``checks`` are made-up cases with the model's answers.
    """

    rows: int
    features: Mapping[str, Mapping[str, Any]]
    correlation: tuple[tuple[float, ...], ...] = ()
    target: Mapping[str, Any] | None = None
    checks: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def of(cls, data: pd.DataFrame, schema: Schema) -> Reference:
        """Summarise training data whose columns are the schema's features."""
        features = {f.name: summary(data[f.name], f.shape) for f in schema}
        return cls(len(data), features, normal_score_correlation(data, schema))

    @classmethod
    def nothing(cls, schema: Schema) -> Reference:
        """What is known without training data: no feature's quantiles or counts."""
        return cls(0, {feature.name: {"missing": 0.0} for feature in schema})

    @classmethod
    def read(cls, path: Path) -> Reference:
        """The summary in a file; `UserError` when it is missing or broken."""
        try:
            fields = parsed(read_bytes(path))
            return cls(**fields)
        except (OSError, ValueError, TypeError) as error:
            raise UserError(
                f"{path} cannot be read ({error}). Restore the file, or add the model again."
            ) from error

    def plausible(self, schema: Schema, seed: int) -> dict[str, Any]:
        """A made-up case that hangs together like the training data; no stored row is shown."""
        return self.plausible_cases(schema, 1, seed)[0]

    def plausible_cases(self, schema: Schema, count: int, seed: int = 0) -> list[dict[str, Any]]:
        """Made-up cases that hang together like the training data.

        Draws from a Gaussian copula (Nelsen 2006, An Introduction to Copulas, section 2.3): normal
        scores with the training data's correlation, turned back through each feature's quantiles.
        """
        from scipy.special import ndtr

        rng = np.random.default_rng(seed)
        size = len(schema)
        correlation = np.array(self.correlation or np.eye(size), dtype=float)
        scores = rng.multivariate_normal(np.zeros(size), correlation, count, method="eigh")
        summaries = [self.features.get(feature.name, {}) for feature in schema]
        return [
            {
                feature.name: _at(share, known, feature)
                for share, known, feature in zip(row, summaries, schema, strict=True)
            }
            for row in ndtr(scores)
        ]


def shares(rows: int) -> np.ndarray:
    """The shares (0 to 1) at which quantiles of so many values are kept.

    One for about five values: as many as there are values would be the column itself, sorted.
    """
    return np.linspace(0, 1, min(MOST_QUANTILES, max(5, rows // 5)))


def summary(column: pd.Series[Any], shape: Shape) -> dict[str, Any]:
    """Missing share with quantiles (numbers, dates) or counts of the commonest values."""
    values = column.dropna()
    missing = {"missing": float(round(1 - len(values) / max(len(column), 1), 6))}
    if shape == "text" or values.empty:
        return missing
    if shape == "number":
        levels = np.quantile(values.to_numpy(float), shares(len(values)))
        return {**missing, "quantiles": [float(f"{level:.7g}") for level in levels]}
    if shape == "date":
        return {**missing, "quantiles": _quantiles_in_time(values)}
    counts = values.value_counts().head(MOST_LEVELS)
    return {**missing, "counts": [[plain(value), int(n)] for value, n in counts.items()]}


def _quantiles_in_time(moments: pd.Series[Any]) -> list[str]:
    """As fine as the moments are: days, hours, minutes or seconds; those with a zone in UTC."""
    if moments.dt.tz is not None:
        moments = moments.dt.tz_convert("UTC").dt.tz_localize(None)
    times = moments.to_numpy("datetime64[s]")
    unit = next(unit for unit in "Dhms" if (times.astype(f"datetime64[{unit}]") == times).all())
    counts = times.astype(f"datetime64[{unit}]").astype("int64")
    levels = np.quantile(counts, shares(len(counts))).astype("int64").astype(f"datetime64[{unit}]")
    return [str(level) for level in (levels if unit == "D" else levels.astype("datetime64[s]"))]


def normal_score_correlation(data: pd.DataFrame, schema: Schema) -> tuple[tuple[float, ...], ...]:
    """Correlation of the features' normal scores (van der Waerden), features × features.

    Categories count in the order of their frequency; a text, a constant and a missing value are 0.
    """
    from scipy.special import ndtri

    rows = data.sample(MOST_ROWS, random_state=0) if len(data) > MOST_ROWS else data
    scores = np.zeros((len(rows), len(schema)))
    for at, feature in enumerate(schema):
        column = rows[feature.name]
        if feature.shape == "text":
            continue
        if feature.shape == "level":
            column = column.map(column.value_counts(ascending=True).rank(method="first"))
        ranks = (column.rank(method="average") - 0.5) / max(int(column.notna().sum()), 1)
        scores[:, at] = np.nan_to_num(ndtri(ranks.to_numpy(float)))
    varies = scores.std(axis=0) > 0
    matrix = np.eye(len(schema))
    if varies.sum() > 1:
        matrix[np.ix_(varies, varies)] = np.corrcoef(scores[:, varies], rowvar=False)
    return tuple(tuple(float(round(cell, 4)) for cell in row) for row in matrix)


def _inside(value: float, feature: Feature) -> float | int:
    """The value with the feature's digits, and in its range: a summary keeps just seven digits."""
    value = round(value) if feature.kind_of.is_whole else round(value, feature.decimals)
    bounds = [v for v in (feature.min, feature.max) if isinstance(v, (int, float))]
    return type(value)(min(max(value, bounds[0]), bounds[1])) if len(bounds) == 2 else value


def _at(share: float, summary: Mapping[str, Any], feature: Feature) -> Any:
    """The feature's value at a share (0 to 1) of the training data."""
    if "quantiles" in summary:
        levels = summary["quantiles"]
        if feature.shape == "date":
            return feature.read(levels[round(share * (len(levels) - 1))])[0]
        value = float(np.interp(share, np.linspace(0, 1, len(levels)), levels))
        return _inside(value, feature)
    if "counts" in summary:
        # The rarest first, as the scores of the correlation were made.
        values, counts = zip(*reversed(summary["counts"]), strict=True)
        cumulative = np.cumsum(counts) / sum(counts)
        return values[min(int(np.searchsorted(cumulative, share)), len(values) - 1)]
    if feature.kind_of.choices != "none":
        return feature.values[min(int(share * len(feature.values)), len(feature.values) - 1)]
    return feature.typical
