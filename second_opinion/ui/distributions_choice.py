"""The choice of what the page Distributions shows, all of it in the URL."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from second_opinion.distributions import selection
from second_opinion.distributions.selection import Condition, Only, Selection
from second_opinion.errors import UserError
from second_opinion.formatting import cut, plural
from second_opinion.models.card import ModelCard
from second_opinion.records.batch import Batch
from second_opinion.records.value import same_value
from second_opinion.schema import Feature
from second_opinion.ui import distinct_words, model_versions, who, widget_values
from second_opinion.ui.frame import notice
from second_opinion.ui.visit import Visit

if TYPE_CHECKING:
    from second_opinion.distributions.sections import Against

SINGLES, TRAINING, NOTHING = "singles", "training", "nothing"
ANY = "Any"
SOURCES = {"form": "the form", "api": "programs", "plan": "a plan", "batch": "a batch"}
NOT_KNOWN = "not known"
# Of a longer name the middle is left out: the end tells files apart, and the time stands after it.
LONGEST_FILE = 24
TWO = ("by", "and", "share")


@dataclass(frozen=True)
class Chosen:
    """What the page shows: a selection, and what it is compared with."""

    selection: Selection
    against: Against | None


def choose(visit: Visit) -> Chosen | None:
    """The row of choices, all of them in the URL; None where a sentence stands in their place."""
    batches = {batch.id: batch for batch in _batches(visit)}
    may_all = model_versions.may_review(visit)
    options = [*batches, *([SINGLES] if may_all else [])]
    if not options:
        st.text("You have no batch of this model yet. Upload one, then come back here.")
        st.page_link("pages/2_Batch_upload.py", label="Batch upload")
        return None
    if not batches and not visit.store.singles.counts(visit.version[0]):
        st.text("No predictions of this model yet. Predict a case, or score a file.")
        st.page_link("pages/1_Single_prediction.py", label="Single prediction")
        st.page_link("pages/2_Batch_upload.py", label="Batch upload")
        return None
    url = Url()
    named = partial(_option_text, visit, batches)
    with st.grid(3, min_column_width=240, vertical_alignment="bottom", key="distributions_choice"):
        what = url.choice("of", "Cases", options, options[0], named)
        others = [option for option in options if option != what]
        beside = [TRAINING, *others, NOTHING]
        against = url.choice("against", "Compared with", beside, TRAINING, named)
        only = _only(visit, url) if what == SINGLES else Only()
        card = _card(visit, batches.get(what))
        parts = _part(card, url, every=what == SINGLES)
    url.keep()
    cases = _population(visit, card, batches.get(what), only)
    for part in parts:
        cases = cases.where(part)
    return Chosen(cases, _against(visit, card, against, batches))


def _batches(visit: Visit) -> list[Batch]:
    """The batches of this model that this person may look at, the latest first."""
    ids = None if model_versions.may_review(visit) else who.batches()
    batches = visit.store.batches.listed(ids, limit=100, by=visit.asker)
    return [batch for batch in batches if batch.model == visit.version[0] and batch.rows_done]


def _option_text(visit: Visit, batches: dict[str, Batch], option: str) -> str:
    names = {
        SINGLES: "All single predictions",
        TRAINING: "Training data",
        NOTHING: "Nothing",
    }
    if option in names:
        return names[option]
    batch = batches[option]
    time = visit.clock(batch.created_at)
    name, rows = cut(batch.name, LONGEST_FILE), plural(batch.rows_done, "row")
    return f"{name} · {time} · {rows} · version {batch.version}"


def _card(visit: Visit, batch: Batch | None) -> ModelCard:
    if batch is None:
        return visit.card
    try:
        return visit.catalog.card(batch.ref)
    except UserError as error:
        raise UserError(
            f"{batch.name} was scored with {batch.ref}, which is not in the registry any more, and "
            "without its card the columns cannot be read. Choose something else above, or add "
            "that version again."
        ) from error


def _only(visit: Visit, url: Url) -> Only:
    counts = visit.store.singles.counts(visit.version[0])
    versions = sorted({count.version for count in counts})
    sources = sorted({count.source for count in counts})
    version = url.choice("version", "Version", ["", *versions], "", lambda v: v or ANY)
    source = url.choice(
        "source", "Came from", ["", *sources], "", lambda s: SOURCES.get(s, s) or ANY
    )
    since = url.day("since", "From day")
    until = url.day("until", "To day")
    return Only(version, source, since, until)


def _part(card: ModelCard, url: Url, *, every: bool) -> list[Condition]:
    """The filter by one feature, or none; ``every`` where cases of all versions are looked at."""
    schema = card.case_schema
    names = ["", *(f.name for f in schema if f.shape != "text")]
    label: Callable[[str], str] = lambda name: schema[name].label if name else "Any case"  # noqa: E731
    name = url.choice("feature", "Filter", names, "", label)
    if not name:
        return []
    feature = schema[name]
    if feature.is_numeric:
        low, high = url.number(f"from_{name}", "from"), url.number(f"to_{name}", "to")
        if low is None and high is None:
            return []
        # The last number itself belongs to what is asked for.
        top = float("inf") if high is None else _after(high)
        return [Condition("feature", name, ranges=((float("-inf") if low is None else low, top),))]
    if feature.shape == "date":
        first, last = url.day(f"from_{name}", "from"), url.day(f"to_{name}", "to")
        if first is None and last is None:
            return []
        epoch = date(1970, 1, 1)
        low = float("-inf") if first is None else float((first - epoch).days)
        top = float("inf") if last is None else float((last - epoch).days + 1)
        return [Condition("feature", name, ranges=((low, top),))]
    return _level(feature, url, may_miss=every or feature.optional)


def _after(value: float) -> float:
    return math.nextafter(value, math.inf)


def _level(feature: Feature, url: Url, *, may_miss: bool) -> list[Condition]:
    texts = {str(value): value for value in feature.values}
    texts |= {NOT_KNOWN: None} if may_miss else {}
    level = url.choice(
        f"is_{feature.name}",
        "which is",
        ["", *texts],
        "",
        lambda text: ANY if not text else text if text == NOT_KNOWN else feature.text(texts[text]),
    )
    return [Condition("feature", feature.name, levels=(texts[level],))] if level else []


def _population(visit: Visit, card: ModelCard, batch: Batch | None, only: Only) -> Selection:
    if batch is None:
        return selection.of_singles(visit.store, card, only)
    return selection.of_batch(visit.store, batch, card, by=visit.asker)


def _against(
    visit: Visit, card: ModelCard, option: str, batches: dict[str, Batch]
) -> Against | None:
    from second_opinion.distributions import sections

    if option == NOTHING:
        return None
    if option == TRAINING:
        return sections.training(visit.registry, card)
    return sections.another(_population(visit, card, batches.get(option), Only()))


class Url:
    """The choices of the page: widgets that begin with what the URL says, and write it there."""

    def __init__(self) -> None:
        self._now: dict[str, str] = {}

    def choice(
        self, name: str, label: str, options: list[str], start: str, text_of: Callable[[str], str]
    ) -> str:
        """One of some options."""

        def read(text: str) -> str:
            if text not in options:
                raise ValueError(text)
            return text

        key = self._begin(name, label, read, start)
        if st.session_state[key] not in options:
            widget_values.put({key: start})
        words = distinct_words.of(options, text_of)
        option = st.selectbox(label, options, key=key, format_func=words)
        # The latest batch is another one tomorrow: a link names it.
        self._note(name, option, "" if name == "of" else start)
        return option

    def number(self, name: str, label: str) -> float | None:
        """A number or nothing."""
        key = self._begin(name, label, float, None)
        value: float | None = st.number_input(label, value=None, key=key, format="%g")
        self._note(name, value, None)
        return value

    def day(self, name: str, label: str) -> date | None:
        """A day or nothing."""
        key = self._begin(name, label, date.fromisoformat, None)
        value: date | None = st.date_input(label, value=None, key=key, format="YYYY-MM-DD")
        self._note(name, value, None)
        return value

    def _begin(self, name: str, label: str, read: Callable[[str], Any], start: Any) -> str:
        key = f"distributions_{name}"
        if key not in st.session_state:
            value, text = start, st.query_params.get(name)
            if text is not None:
                try:
                    value = read(text)
                except ValueError:
                    notice(
                        f'The link says "{label}: {text}", which is not to be had. It is left out.'
                    )
            widget_values.put({key: value})
        return key

    def _note(self, name: str, value: Any, start: Any) -> None:
        if value != start:
            self._now[name] = str(value)

    def keep(self) -> None:
        """Write the choices into the URL, and leave of the rest what other parts wrote there."""
        names = ("part", "case", "drift", *TWO)
        rest = {name: st.query_params[name] for name in names if name in st.query_params}
        # The menu changes the model without the URL.
        model = {"model": str(st.session_state["model_choice"])}
        st.query_params.from_dict(self._now | rest | model)

    def add(self, names: Sequence[str]) -> None:
        """Write the choices into the URL beside what is there; not one of the names is left."""
        for name in names:
            st.query_params.pop(name, None)
        st.query_params.update(self._now)


def turn_to_singles() -> None:
    """Look at the single predictions; for a button."""
    st.session_state["distributions_of"] = SINGLES


def by_features(card: ModelCard) -> tuple[list[Feature], Any]:
    """The features, two at most, by which the answers are looked at, and the class whose share is
    told; no feature where each is looked at by itself."""
    schema, url = card.case_schema, Url()
    names = ["", *(f.name for f in schema if f.shape != "text")]
    text_of: Callable[[str], str] = lambda name: schema[name].label if name else "Choose"  # noqa: E731
    with st.grid(3, min_column_width=180, vertical_alignment="bottom", key="distributions_two"):
        first = url.choice("by", "Group by", names, "", text_of)
        others = [name for name in names if name != first]
        second = url.choice("and", "and", others, "", text_of) if first else ""
        value = _share(card, url) if first else None
    url.add(TWO)
    return [schema[name] for name in (first, second) if name], value


def _share(card: ModelCard, url: Url) -> Any:
    """The class whose share is told; of two classes the positive one goes without saying."""
    if len(card.classes) < 3:
        return None
    values = {str(value): value for value in card.class_values}
    last = list(values)[-1]
    start = next((t for t, v in values.items() if same_value(v, card.positive)), last)
    option = url.choice("share", "Share of", list(values), start, lambda t: card.label(values[t]))
    return values[option]


def section() -> str:
    """Which section is open; the first one costs least."""
    names = ["Predictions", "Confidence", "Features", "Over time", "Drift"]
    if "distributions_part" not in st.session_state:
        part = st.query_params.get("part")
        widget_values.put({"distributions_part": part if part in names else names[0]})
    name = st.segmented_control(
        "Section", names, key="distributions_part", required=True, label_visibility="collapsed"
    )
    st.query_params["part"] = str(name)
    return str(name)
