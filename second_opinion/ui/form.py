"""The form of a case, built from the schema alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import streamlit as st

from second_opinion.formatting import decimals_of
from second_opinion.records.feature_kinds import Problem, moment_text
from second_opinion.records.value import plain
from second_opinion.schema import Feature, Schema
from second_opinion.ui import distinct_words, widget_values
from second_opinion.ui.frame import escape

PREFIX = "predict_field_"
# Up to this many letters in all, choices stand side by side instead of in a list.
SIDE_BY_SIDE = 40
# So many choices are named where one is missing.
MOST_NAMED = 6


def widget_key(feature: Feature) -> str:
    """The widget key of a feature."""
    return PREFIX + feature.name


def draw(schema: Schema, case: Mapping[str, Any], faults: Mapping[str, str] | None = None) -> None:
    """Draw a field for each feature, filled with the case where it has no value yet.

    ``faults`` says below a field, by its name, what is wrong there.
    """
    if not drawn(schema):
        fill(schema, case)
    grid = st.grid(2, min_column_width=210, vertical_alignment="bottom")
    for feature in schema:
        key = widget_key(feature)
        with grid.cell(column_span="all" if widget_of(feature).is_wide(feature) else 1):
            _draw_field(feature, key)
            if fault := (faults or {}).get(feature.name):
                st.markdown(f":red[:material/error: {escape(fault)}]")


def fill(schema: Schema, case: Mapping[str, Any]) -> None:
    """Put a case into the fields, before they are drawn, and forget those of other models."""
    before = {str(key): st.session_state[key] for key in st.session_state if _is_field(key)}
    clear()
    values = {widget_key(feature): shown(feature, case.get(feature.name)) for feature in schema}
    widget_values.put(values, before)


def values(schema: Schema) -> dict[str, Any]:
    """What the fields hold now, as the schema reads it."""
    return {feature.name: _value(feature) for feature in schema}


def drawn(schema: Schema) -> bool:
    """Whether the fields exist, which they do only while the form is open."""
    return all(widget_key(feature) in st.session_state for feature in schema)


def table(schema: Schema, name_in: str) -> list[dict[str, str]]:
    """What to enter, one row per feature; ``name_in`` says where its name is written so."""
    return [
        {
            "Field": feature.label,
            f"Name in {name_in}": feature.name,
            "Expected": feature.expected,
            "May be empty": "yes" if feature.optional else "no",
            "Meaning": feature.description,
        }
        for feature in schema
    ]


def problem_text(schema: Schema, problem: Problem) -> str:
    """What is wrong in the words of the form: ``Smoker is empty; expected yes or no``."""
    feature = schema.get(problem.field)
    if feature is None:
        return str(problem)
    expected = problem.expected
    if feature.values and expected == f"expected {feature.expected}":
        expected = f"expected {_choices_text(feature)}"
    return f"{feature.label} {problem.found}; {expected}"


def _choices_text(feature: Feature) -> str:
    if len(feature.values) > MOST_NAMED:
        return "one of its choices"
    texts = [feature.text(value) for value in feature.values]
    # Of a pair for no and yes, yes is said first.
    texts = texts[::-1] if feature.kind_of.choices == "pair" else texts
    return " or ".join([", ".join(texts[:-1]), texts[-1]]) if texts[1:] else texts[0]


def clear() -> None:
    """Forget what is in the fields."""
    for key in [key for key in st.session_state if _is_field(key)]:
        del st.session_state[key]


def _is_field(key: object) -> bool:
    return str(key).startswith(PREFIX)


def shown(feature: Feature, value: Any) -> Any:
    """A value as its widget holds it; the widget's empty state where it does not fit."""
    value, widget = plain(value), widget_of(feature)
    return widget.empty if value is None else widget.state(feature, value)


def _value(feature: Feature) -> Any:
    return widget_of(feature).value(feature, st.session_state.get(widget_key(feature)))


def _draw_field(feature: Feature, key: str) -> None:
    widget_of(feature).draw(feature, key, _label(feature), escape(feature.description) or None)


def _draw_number(feature: Feature, key: str, label: str, note: str | None) -> None:
    # Without limits on the widget: it would silently move a value that lies outside the range of
    # the training data, and such a case is to be seen, predicted and flagged.
    whole = feature.kind_of.is_whole
    value = st.session_state[key]
    places = max(feature.decimals, min(decimals_of(value or 0), 6))
    st.number_input(
        label,
        value=None,
        key=key,
        step=1 if whole else float(feature.step),
        format="%d" if whole else f"%.{places}f",
        help=note,
        placeholder="not known" if feature.optional else "",
    )


def _draw_choice(feature: Feature, key: str, label: str, note: str | None) -> None:
    options, value = list(feature.values), st.session_state[key]
    if value is not None and value not in options:
        options.append(value)
    if _side_by_side(feature):
        text_of = distinct_words.of(options, feature.text)
        st.segmented_control(
            label,
            options,
            key=key,
            help=note,
            required=not feature.optional,
            wrap=True,
            format_func=lambda value: escape(text_of(value)),
        )
        return
    st.selectbox(
        label,
        options,
        index=None,
        key=key,
        help=note,
        format_func=distinct_words.of(options, feature.choice_text),
        placeholder="not known" if feature.optional else "choose",
    )


def _side_by_side(feature: Feature) -> bool:
    """Whether the choices are few and short enough to stand beside one another."""
    if len(feature.values) > SIDE_BY_SIDE:
        return False
    return sum(len(feature.text(value)) + 2 for value in feature.values) <= SIDE_BY_SIDE


def _is_wide(feature: Feature) -> bool:
    # Yes and no have room in one column.
    return _side_by_side(feature) and len(feature.values) > 2


def _draw_text(feature: Feature, key: str, label: str, note: str | None) -> None:
    st.text_area(label, key=key, help=note, height=100, max_chars=32_000)


def _draw_date(feature: Feature, key: str, label: str, note: str | None) -> None:
    st.date_input(
        label,
        None,
        key=key,
        help=note,
        min_value=date(1, 1, 1),
        max_value=date(9999, 12, 31),
        format="YYYY-MM-DD",
    )


def _draw_datetime(feature: Feature, key: str, label: str, note: str | None) -> None:
    # The calendar has no seconds: a moment with some stands as a text that keeps them.
    if isinstance(st.session_state[key], str):
        st.text_input(label, key=key, help=note)
        return
    st.datetime_input(
        label,
        None,
        key=key,
        help=note,
        min_value=datetime(1, 1, 1),
        max_value=datetime(9999, 12, 31, 23, 59),
        format="YYYY-MM-DD",
        step=60,
    )


def _moment_state(feature: Feature, value: str) -> datetime | str:
    moment = datetime.fromisoformat(value.removesuffix("+00:00"))
    has_seconds = len(value.removesuffix("+00:00")) > 19 or moment.second
    return moment_text(value) if has_seconds else moment


def _moment_value(feature: Feature, state: Any) -> Any:
    return state.isoformat() if isinstance(state, datetime) else state


@dataclass(frozen=True)
class Widget:
    """A field of the form: how it is drawn, and what it holds for a value of the feature.

    - ``draw``: the feature, the key, the label and the help under its mark.
    - ``state``: what the widget holds for a value that is not None; ``empty`` where there is none,
      which no widget shows as a value.
    - ``value``: what `Feature.read` takes for a state.
    - ``is_wide``: whether it goes over both columns of the form.
    """

    draw: Callable[[Feature, str, str, str | None], None]
    state: Callable[[Feature, Any], Any]
    value: Callable[[Feature, Any], Any] = lambda feature, state: plain(state)
    empty: Any = None
    is_wide: Callable[[Feature], bool] = lambda feature: False


# By the name that `FeatureKind.widget` calls it.
WIDGETS = {
    "number": Widget(
        _draw_number,
        lambda feature, value: int(value) if feature.kind_of.is_whole else float(value),
    ),
    "choice": Widget(_draw_choice, lambda feature, value: value, is_wide=_is_wide),
    "date": Widget(_draw_date, lambda feature, value: date.fromisoformat(value)),
    "datetime": Widget(_draw_datetime, _moment_state, _moment_value),
    "text": Widget(
        _draw_text, lambda feature, value: str(value), empty="", is_wide=lambda feature: True
    ),
}


def widget_of(feature: Feature) -> Widget:
    """The widget of a feature."""
    return WIDGETS[feature.kind_of.widget]


def _label(feature: Feature) -> str:
    """The label with unit and training range beside it: ``Age (years, 18–90)``.

    Without colours or sizes: screen readers are given the label as it is written here.
    """
    beside = [feature.unit if feature.kind_of.has_unit else ""]
    beside.append(feature.range_text.replace(" to ", "–") if feature.is_numeric else "")
    beside.append("optional" if feature.optional else "")
    details = ", ".join(part for part in beside if part)
    return escape(f"{feature.label} ({details})" if details else feature.label)
