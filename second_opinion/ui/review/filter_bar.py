"""Feedback review: what is looked at, which is a part of the address."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, get_args

import streamlit as st

from second_opinion.formatting import joined
from second_opinion.models.card import ModelCard
from second_opinion.records.review import TriageState
from second_opinion.records.verdict_filter import MOST_WORDS, Sort, VerdictFilter
from second_opinion.records.verdict_kinds import current_kinds
from second_opinion.review.groups import Pick
from second_opinion.ui import browser, distinct_words, widget_values
from second_opinion.ui.frame import callback, notice
from second_opinion.ui.visit import Visit

SECTIONS = {
    "verdicts": "Verdicts",
    "figures": "Figures",
    "fails": "Where it fails",
    "experts": "Experts",
    "conflicts": "Conflicts",
    "files": "Export and backup",
}
SORTS: dict[Sort, str] = {
    "newest": "Newest first",
    "serious": "Serious first, then surest",
    "most_sure": "Surest first",
    "least_sure": "Least sure first",
}
WORDS: dict[str, dict[str, str]] = {
    "outcome": {"right": "model right", "wrong": "model wrong", "unsure": "nobody could say"},
    "severity": {"serious": "serious", "minor": "minor"},
    "mode": {"open": "after seeing the answer", "blind": "before seeing it"},
    "source": {"form": "form", "batch": "batch", "api": "program", "plan": "plan"},
    "triage": {name: name for name in get_args(TriageState)},
    "corrected": {"true": "given", "false": "not given"},
    "adjudicated": {"true": "decided", "false": "not decided"},
}
LABELS = {
    "version": "Version",
    "expert": "Expert",
    "judgement": "Verdict",
    "value": "The model said",
    "answer": "What counts as right",
    "words": "Words in comments",
    "outcome": "By what counts",
    "severity": "Mistake",
    "mode": "Given",
    "source": "Case from",
    "triage": "Triage",
    "corrected": "Right answer",
    "adjudicated": "Conflict",
    "since": "From day (UTC)",
    "until": "To day (UTC)",
    "at_least": "Sure at least (%)",
    "below": "Sure below (%)",
    "batch": "Batch",
}

FIRST = ("version", "expert", "judgement", "value", "words")
DAYS, SHARES = ("since", "until"), ("at_least", "below")


def from_address(visit: Visit) -> VerdictFilter:
    """The filter of the address, of the chosen model; says what in it will not do."""
    texts = {name: st.query_params.get(name, "") for name in LABELS}
    verdict_filter, ignored = VerdictFilter.read(texts)
    if ignored:
        named = joined([f"{LABELS[name]} ({texts[name][:40]!r})" for name in ignored])
        notice(f"The address asks for something that does not exist; ignored: {named}.")
    return verdict_filter.model_copy(update={"model": visit.version[0]})


def filters(visit: Visit, now: VerdictFilter, beside: Callable[[], None]) -> None:
    """Ask what to look at; each answer becomes a part of the address.

    ``beside`` draws what stands beside the filters that are folded.
    """
    in_use = visit.review.filter_values(str(now.model))
    texts, options = now.texts, _options(visit, now, in_use)
    names = {*options, *_typed_names(visit, now, in_use)}
    first = [name for name in FIRST if name in names]
    with st.grid(len(first), min_column_width=150, vertical_alignment="bottom"):
        for name in first:
            _ask(name, texts.get(name, ""), options)
    with st.grid(2, min_column_width=320, gap="small"):
        rest = [name for name in LABELS if name not in FIRST and name in names]
        _more(rest, texts, options)
        beside()
    if set(texts) - {"model"}:
        st.button("Clear all filters", key="review_filter_clear", type="tertiary", on_click=_clear)


def _more(rest: list[str], texts: dict[str, str], options: dict[str, dict[str, str]]) -> None:
    narrowed = [LABELS[name] for name in rest if name in texts]
    title = f"More filters: {joined(narrowed)}" if narrowed else "More filters"
    with (
        st.expander(title, key="review_more"),
        st.grid(3, min_column_width=150, vertical_alignment="bottom"),
    ):
        for name in rest:
            _ask(name, texts.get(name, ""), options)


def _typed_names(visit: Visit, now: VerdictFilter, in_use: dict[str, set[str]]) -> set[str]:
    """The filters that are typed, of those that can find something."""
    active = set(now.texts)
    names = {*DAYS, "words"}
    if active & {*SHARES} or len(visit.review.by_confidence(now.model)):
        names |= {*SHARES}
    if "batch" in active or "batch" in in_use["source"]:
        names |= {"batch"}
    return names


def _options(
    visit: Visit, now: VerdictFilter, in_use: dict[str, set[str]]
) -> dict[str, dict[str, str]]:
    """What there is to choose from, by filter: the text of each choice with its words.

    Each finds something, or is what the address asks for. In the second row there is no filter by
    what all verdicts have.
    """
    review, active = visit.review, now.texts
    versions = list(review.by_version(now.model)["version"])
    listed = [version for version in visit.catalog.versions(str(now.model)) if version in versions]
    people = review.by_expert(now.model)["expert"]
    options = {
        "version": {version: version for version in dict.fromkeys([*listed, *versions])},
        "expert": {name: name for name in people},
    }
    for name, texts in in_use.items():
        choices = _words(name, {*texts, active.get(name, "")} - {""}, visit.card)
        if choices and (name in FIRST or name in active or len(texts) > 1):
            options[name] = choices
    return options


def _words(name: str, texts: set[str], card: ModelCard) -> dict[str, str]:
    """Some choices of a filter with their words, in the order of the words or of the card."""
    every = WORDS | {"judgement": {k.name: f"{k.sign} {k.words}" for k in current_kinds()}}
    if name in every:
        return {text: words for text, words in every[name].items() if text in texts}
    # The database writes the letters of a text, an address their codes.
    values = {json.dumps(value): value for value in map(json.loads, texts)}
    ranks = {json.dumps(value): at for at, value in enumerate(card.class_values)}
    ordered = sorted(values, key=lambda text: (ranks.get(text, len(ranks)), text))
    return {text: card.label(values[text]) for text in ordered}


def _ask(name: str, text: str, options: dict[str, dict[str, str]]) -> None:
    key = f"review_filter_{name}"
    value: Any = _widget_value(name, text)
    if st.session_state.get(key, _widget_value(name, "")) != value:
        widget_values.put({key: value})
    common: dict[str, Any] = {"key": key, "on_change": _narrow, "args": (name,)}
    if name in options:
        words = {"": "All", **options[name]}
        choices = list(dict.fromkeys([*words, text]))
        text_of = distinct_words.of(choices, lambda choice: words.get(choice, choice))
        st.selectbox(LABELS[name], choices, format_func=text_of, **common)
    elif name in DAYS:
        st.date_input(LABELS[name], value=None, **common)
    elif name in SHARES:
        st.number_input(LABELS[name], 0.0, 100.0, value=None, step=1.0, format="%g", **common)
    else:
        st.text_input(LABELS[name], max_chars=MOST_WORDS, **common)


def _widget_value(name: str, text: str) -> Any:
    """The text of an address as its widget holds it."""
    if name in DAYS:
        return date.fromisoformat(text) if text else None
    if name in SHARES:
        return round(float(text) * 100, 6) if text else None
    return text


@callback()
def _narrow(name: str) -> None:
    value = st.session_state[f"review_filter_{name}"]
    if name in SHARES and value is not None:
        value = round(value / 100, 8)
    _turn_to(name, "" if value is None else str(value).strip())


def _turn_to(name: str, text: str) -> None:
    """Put a filter into the address, and begin at the first page."""
    for parameter in ("page", *(() if text else (name,))):
        st.query_params.pop(parameter, None)
    if text:
        st.query_params[name] = text


@callback()
def _clear() -> None:
    for name in LABELS:
        _turn_to(name, "")


def section(waiting: int) -> str:
    """Which part of the page is open; it is a part of the address."""
    names = SECTIONS | ({"conflicts": f"Conflicts ({waiting:,})"} if waiting else {})
    text = st.query_params.get("section", "")
    _put("review_section", text if text in SECTIONS else "verdicts", "verdicts")
    option: Any = st.segmented_control(
        "Section",
        list(SECTIONS),
        format_func=lambda name: names[name],
        key="review_section",
        required=True,
        label_visibility="collapsed",
        wrap=True,
        on_change=_keep,
        args=("section",),
    )
    return str(option)


def sort() -> Sort:
    """The order of the table; a part of the address."""
    text = st.query_params.get("sort", "")
    _put("review_sort", text if text in SORTS else "newest", "newest")
    order: Sort = st.selectbox(
        "In the order of",
        list(SORTS),
        format_func=lambda name: SORTS[name],
        key="review_sort",
        width=260,
        on_change=_keep,
        args=("sort",),
    )
    return order


def page_number() -> int:
    """Which page of the table the address asks for, from 1."""
    text = st.query_params.get("page", "")
    return max(int(text), 1) if text.isdecimal() and len(text) < 7 else 1


def pages(number: int, count: int) -> None:
    """Turn the pages of the table."""
    if st.session_state.get("review_page", number) != number:
        st.session_state["review_page"] = number
    # Beside other words it measures too little room for its pages.
    width = 44 * min(count + 2, 9)
    common: dict[str, Any] = {"on_change": _keep, "args": ("page",), "width": width}
    st.pagination(count, default=number, key="review_page", **common)


def names_of(picks: Sequence[Pick], card: ModelCard) -> list[str]:
    """What parts of a figure stand for, in words: ``The model said: Stays``."""
    return [", ".join(_named(name, text, card) for name, text in pick.items()) for pick in picks]


def _named(name: str, text: str, card: ModelCard) -> str:
    if name in SHARES:
        return f"{LABELS[name]}: {float(text) * 100:g}"
    known = name in WORDS or name in ("judgement", "value", "answer")
    return f"{LABELS[name]}: {_words(name, {text}, card).get(text, text) if known else text}"


def turn_to(pick: Pick) -> None:
    """Turn to the verdicts that a part of a figure stands for; there is a way back."""
    before = {name: st.query_params[name] for name in st.query_params}
    for name, text in pick.items():
        _turn_to(name, _narrower(name, before.get(name, ""), text))
    st.query_params.pop("case", None)
    st.query_params["section"] = "verdicts"
    st.session_state["review_back"] = before
    # A chart of another number has nothing selected, when the way leads back to it.
    st.session_state["review_turned"] = turns() + 1


def turns() -> int:
    """How often a figure was left by a click on it."""
    return int(st.session_state.get("review_turned", 0))


def _narrower(name: str, before: str, text: str) -> str:
    """A bound of the address that is already narrower stays."""
    if name not in SHARES or not before:
        return text
    return (max if name == "at_least" else min)(before, text, key=float)


def way_back() -> None:
    """A button to the figure from which a click led here."""
    before = st.session_state.get("review_back")
    if before is None:
        return
    name = SECTIONS.get(before.get("section", ""), "")
    st.button(
        f"Back to {name}" if name else "Back",
        key="review_back_button",
        icon=":material/arrow_back:",
        on_click=_go_back,
    )
    if "case" not in st.query_params:
        browser.reveal("review_listed", f"{turns()}")


@callback()
def _go_back() -> None:
    st.query_params.from_dict(st.session_state.pop("review_back"))


def _put(key: str, value: Any, first: Any) -> None:
    if key not in st.session_state and value == first:
        st.session_state[key] = value
    elif st.session_state.get(key) != value:
        widget_values.put({key: value})


@callback()
def _keep(name: str) -> None:
    """Take a choice into the address."""
    choice = str(st.session_state[f"review_{name}"])
    # A browser may send back, a moment later, what a click on a figure has put there: no choice.
    if name == "section" and choice != st.query_params.get("section"):
        st.session_state.pop("review_back", None)
    st.query_params[name] = choice
    if name == "sort":
        st.query_params.pop("page", None)
