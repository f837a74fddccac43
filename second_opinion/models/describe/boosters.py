"""What the boosted trees of LightGBM and XGBoost know of their columns, where installed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from second_opinion.records.value import plain

Fact = tuple[int, str, Any]


def facts(step: Any) -> Iterator[Fact]:
    """Position of a column, what is known of it, and the value; nothing for other estimators."""
    # Both libraries offer this of a trained model alone.
    if hasattr(step, "booster_"):
        yield from _lightgbm(step.booster_)
    elif hasattr(step, "get_booster"):
        yield from _xgboost(step.get_booster())


def _lightgbm(booster: Any) -> Iterator[Fact]:
    categories = booster.pandas_categorical or []
    positions = booster.params.get("categorical_column") or []
    if len(positions) == len(categories):
        for at, levels in zip(positions, categories, strict=True):
            yield from _category(at, levels)
    ranges = booster.dump_model(num_iteration=1)["feature_infos"]
    for at, name in enumerate(booster.feature_name()):
        bounds = ranges.get(name, {"values": True})
        if at not in positions and not bounds["values"]:
            yield at, "low", float(bounds["min_value"])
            yield at, "high", float(bounds["max_value"])


def _xgboost(booster: Any) -> Iterator[Fact]:
    kinds = booster.feature_types or []
    categories = dict(_xgboost_categories(booster))
    for at, kind in enumerate(kinds):
        if kind == "c":
            yield from _category(at, categories.get(at))


def _xgboost_categories(booster: Any) -> Iterator[tuple[int, Any]]:
    """The categories by position; XGBoost before 3.1 did not keep them."""
    if hasattr(booster, "get_categories"):
        categories = booster.get_categories(export_to_arrow=True)
        for at, (_, levels) in enumerate([] if categories.empty() else categories.to_arrow()):
            if levels is not None:
                yield at, levels.to_pylist()


def _category(at: int, levels: Any) -> Iterator[Fact]:
    yield at, "dtype", "category"
    if levels is not None:
        yield at, "choices", tuple(plain(level) for level in levels)
