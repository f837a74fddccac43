"""Feedback review: agreement by day, class and confidence, weak spots, and the experts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import streamlit as st

from second_opinion import reviewed
from second_opinion.card import ModelCard
from second_opinion.filters import Filter
from second_opinion.statistics import calibration, feedback, slices
from second_opinion.statistics import experts as rating
from second_opinion.ui import review, review_table
from second_opinion.ui.drawing import height_for
from second_opinion.ui.frame import Visit
from second_opinion.words import number_text, percent, plural

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

MODES = {"open": "after seeing it", "blind": "before seeing it"}
# A case can be listed without its search being run again.
FOUND = "review_found"
PERCENT = st.column_config.NumberColumn
# What is drawn, too; the others are tables alone.
DRAWN = ("value", "band", "expert")
HEADS = {"value": "Model said", "band": "How sure", "mode": "Verdict"}
MOST_TILES = 12
SEED = 0


def figures(visit: Visit, found: reviewed.Figures) -> None:
    """How often the model is right: by version, day, class, confidence and expert's mode."""
    if not found.counted:
        st.text("No verdict is like that, so there is nothing to count.")
        return
    card = visit.card
    if card.task == "regression":
        distances(visit, card, found)
    else:
        confusion(card, found)
    st.header("How often the model is right", anchor=False)
    st.text("By what counts as right, of the verdicts that say so, with the 95 % Wilson interval.")
    # The numbers of a regression are no classes, even where they are whole.
    classes = found.by_class.iloc[: 0 if card.task == "regression" else None]
    by: list[tuple[str, str, pd.DataFrame]] = [
        ("By what the model said", "value", classes.assign(value=classes["value"].map(card.label))),
        ("By how sure the model was", "band", reviewed.by_band(found.by_confidence)),
        ("By expert", "expert", found.by_expert),
        ("By version", "version", found.by_version.drop(columns="model")),
        ("By when it was given", "mode", _in_words(found.by_mode)),
        ("By day", "day", found.by_day.iloc[::-1]),
    ]
    days(found.by_day)
    with st.grid(2, min_column_width=380):
        for title, column, table in by:
            if len(table) > (column in ("version", "mode")):
                shares(title, column, table)


def days(by_day: pd.DataFrame) -> None:
    """How often the model was right from day to day, where there are several."""
    if len(by_day) > 1:
        from second_opinion import review_charts

        known = reviewed.with_agreement(by_day)
        draw(review_charts.by_day(known), "days", "How often the model is right, by day")


def draw(figure: go.Figure, name: str, about: str) -> None:
    """A figure; its numbers stand in a table beside it."""
    st.plotly_chart(figure, key=f"review_chart_{name}", config={"displayModeBar": False}, alt=about)


def _in_words(by_mode: pd.DataFrame) -> pd.DataFrame:
    return by_mode.assign(mode=by_mode["mode"].map(MODES))


def shares(title: str, column: str, table: pd.DataFrame) -> None:
    """A table of how often the model is right, group by group."""
    known = reviewed.with_agreement(table)
    judged = known["right"] + known["wrong"]
    shown = known[[column, "right", "wrong", "unsure"]].assign(
        share=[_share(*each) for each in zip(known["right"], judged, strict=True)]
    )
    with st.container():
        st.markdown(f"**{title}**")
        if column in DRAWN and len(known) > 1:
            from second_opinion import review_charts

            names = [str(name) for name in known[column]]
            draw(review_charts.shares(names, known), column, f"How often it is right: {title}")
        st.dataframe(
            shown,
            hide_index=True,
            height=height_for(len(shown), 8),
            column_config={
                column: HEADS.get(column, column.capitalize()),
                "right": "Right",
                "wrong": "Wrong",
                "unsure": "Unsure",
                "share": "Share right",
            },
            alt=f"How often the model is right: {title}",
        )


def _share(right: int, judged: int) -> str:
    interval = review.interval_text(right, judged).removesuffix(" %")
    return f"{review.share_text(right, judged)} ({interval})" if judged else ""


def _intervals(known: pd.DataFrame) -> list[str]:
    ends = zip(known["low"], known["high"], strict=True)
    return ["" if low != low else f"{100 * low:.0f} to {100 * high:.0f} %" for low, high in ends]


def confusion(card: ModelCard, found: reviewed.Figures) -> None:
    """What the model said against what counts as right."""
    st.header("The model against the experts", anchor=False)
    pairs = found.confusion
    if not len(pairs):
        st.text("No verdict names a right answer yet.")
        return
    counts = feedback.confusion(
        pairs["value"], pairs["answer"], card.class_values, pairs["verdicts"]
    )
    as_shares = st.segmented_control(
        "Show",
        ["Counts", "Shares of each row"],
        default="Counts",
        key="review_confusion",
        required=True,
        label_visibility="collapsed",
    )
    shown: pd.DataFrame = counts if as_shares == "Counts" else feedback.normalised(counts)
    words = [card.label(value) for value in shown.columns]
    named = [f"{word} ({at})" if words.count(word) > 1 else word for at, word in enumerate(words)]
    if len(named) <= MOST_TILES:
        from second_opinion import review_charts

        tiles = review_charts.confusion(shown, named, normalised=as_shares != "Counts")
        draw(tiles, "confusion", "What the model said against what counts as right")
    table = shown.set_axis([f"Right: {name}" for name in named], axis=1)
    table.insert(0, "The model said", named)
    number = "localized" if as_shares == "Counts" else "percent"
    config = {name: st.column_config.NumberColumn(format=number) for name in table.columns[1:]}
    st.dataframe(
        table.reset_index(drop=True),
        hide_index=True,
        column_config=config,
        alt="How often the model said each class (rows) where each class counts as right (columns)",
    )
    st.caption(
        f"{plural(int(pairs['verdicts'].sum()), 'verdict')} that name a right answer. Down the "
        "diagonal the model is right."
    )


def distances(visit: Visit, card: ModelCard, found: reviewed.Figures) -> None:
    """How far the numbers of the model lie from those that count as right (Bland and Altman)."""
    st.header("The model against the experts", anchor=False)
    versions = found.by_version["version"]
    version = versions.iloc[0] if len(versions) == 1 else None
    pairs = visit.store.review.numbers(visit.version[0], version)
    limits = calibration.bland_altman(pairs["value"], pairs["answer"])
    if limits.n < 2:
        st.text("Fewer than two verdicts name a right number: no distance can be told yet.")
        return
    unit = f" {card.target.unit}" if card.target.unit else ""
    side = "above" if limits.bias >= 0 else "below"
    st.text(
        f"Over {plural(limits.n, 'verdict')} of {'this version' if version else 'all versions'} "
        f"the model lies {_short(abs(limits.bias))}{unit} {side} what counts as right, on average. "
        f"95 % of the differences lie between {_short(limits.low)} and {_short(limits.high)}{unit}."
    )
    from second_opinion import review_charts

    left, right = st.columns(2, gap="medium")
    with left:
        about = "The differences between model and expert over their means"
        draw(review_charts.bland_altman(pairs, limits, card.target.unit), "distances", about)
    with right:
        about = "How many differences between model and expert are how large"
        draw(review_charts.errors(pairs, card.target.unit), "errors", about)
    st.caption(
        "A verdict that agrees counts as a difference of nought. The other filters do not narrow "
        "this figure."
    )


def _short(value: float) -> str:
    return number_text(float(f"{value:.3g}"))


def fails(visit: Visit, wanted: Filter) -> None:
    """Kinds of cases in which the model is wrong more often than in the rest."""
    st.text(
        "Looks through every field, thirds of numbers, bands of confidence, the model's answers "
        "and pairs of these for cases in which the model is wrong more often than in the rest."
    )
    newest = visit.store.review.page(wanted, size=1)
    key = json_key(wanted, newest.total, newest.rows[0].verdict.id if newest.rows else "")
    st.button("Search for weak spots", key="review_fails", on_click=_asked, args=(key,))
    if st.session_state.get(FOUND, {}).get("asked") != key:
        if FOUND in st.session_state:
            st.caption("The verdicts or filters have changed since the last search.")
        return
    kept = st.session_state[FOUND]
    if "cases" not in kept:
        with st.spinner("Searching …"):
            kept |= _search(visit, wanted)
    _spots(visit, kept)


def json_key(wanted: Filter, total: int, newest: str) -> str:
    """What a search was made of: another filter, or another verdict, is another search."""
    return f"{sorted(wanted.texts.items())} {total} {newest}"


def _asked(key: str) -> None:
    st.session_state[FOUND] = {"asked": key}
    st.session_state.pop("review_spot", None)


def _search(visit: Visit, wanted: Filter) -> dict[str, Any]:
    cases = reviewed.cases(visit.store.review, wanted)
    card = visit.card
    said = [card.label(row.prediction.value) for row in cases.rows]
    known = not cases.rows or any(c is not None for c in cases.confidence)
    found = slices.find(
        cases.inputs,
        cases.errors,
        SEED,
        cases.confidence if known else None,
        None if card.task == "regression" else said,
        card.case_schema,
    )
    return {"cases": cases, "spots": found}


def _spots(visit: Visit, kept: dict[str, Any]) -> None:
    cases, spots = kept["cases"], kept["spots"]
    known = [error for error in cases.errors if not math.isnan(error)]
    wrong = int(sum(known))
    of = f"{plural(len(known), 'case')} with a clear verdict, {wrong:,} of them wrong"
    if len(known) < 2 * slices.FEWEST_CASES:
        st.text(
            f"{of}: too few to look for weak spots. From {2 * slices.FEWEST_CASES} on it is "
            "worth it."
        )
        return
    if not len(spots):
        st.text(f"{of}. No kind of case stands out from what chance would do.")
        return
    st.text(f"{of}. Suspicions, the most striking first:")
    for at, spot in enumerate(spots.itertuples()):
        with st.container(border=True, key=f"review_spot_{at}"):
            st.text(spot.slice)
            interval = f"{percent(spot.low)} to {percent(spot.high)}"
            st.text(
                f"{spot.errors} of {spot.cases} wrong ({interval}), adjusted p "
                f"{'under 0.001' if spot.p_adjusted < 0.001 else f'{spot.p_adjusted:.3f}'}"
            )
            st.button("List the cases", key=f"review_spot_list_{at}", on_click=_list, args=(at,))
    st.caption(
        "The p is adjusted for all the kinds that were looked at, by shuffling the errors "
        f"{slices.SHUFFLES} times. A suspicion is to be checked on new cases."
    )
    chosen = st.session_state.get("review_spot")
    if chosen is not None and chosen < len(spots):
        spot = spots.iloc[chosen]
        rows = [row for row, inside in zip(cases.rows, spot["mask"], strict=True) if inside]
        rows.sort(key=lambda row: row.outcome != "wrong")
        with st.container(key="review_spot_cases"):
            st.header("The cases, the wrong ones first", anchor=False)
            st.text(spot["slice"])
            review_table.table(visit, rows[:200], "review_spot_table")
            if len(rows) > 200:
                st.caption(f"The first 200 of {len(rows):,}.")


def _list(at: int) -> None:
    st.session_state["review_spot"] = at


def experts(visit: Visit, wanted: Filter, found: reviewed.Figures, shared: dict[str, int]) -> None:
    """Who reviewed how many, and how far experts agree with each other."""
    if not found.counted:
        st.text("No verdict is like that, so there is nobody to compare.")
        return
    st.header("Who reviewed how many", anchor=False)
    people = reviewed.with_agreement(found.by_expert)
    st.dataframe(
        people[["expert", "verdicts", "agree", "disagree", "unsure"]].assign(
            share=people["share"] * 100, interval=_intervals(people)
        ),
        hide_index=True,
        height=height_for(len(people)),
        column_config={
            "expert": "Expert",
            "verdicts": "Verdicts",
            "agree": "Agree",
            "disagree": "Disagree",
            "unsure": "Unsure",
            "share": PERCENT("Model right", format="%.1f %%"),
            "interval": "95 % interval",
        },
        alt="The experts with how many verdicts they gave and how often they agree with the model",
    )
    st.header("Do they agree with each other?", anchor=False)
    cases = reviewed.shared(visit.store.review, wanted)
    table = reviewed.ratings(cases)
    numbers = visit.card.task == "regression"
    agreed = reviewed.agreement(table, numbers=numbers)
    if not agreed.cases:
        st.text(
            "No case has answers of two experts. Give the same cases to two of them to learn how "
            "much of the disagreement lies with the experts."
        )
        return
    _agreement(agreed)
    _pairs(table)
    waiting = shared["undecided"]
    st.text(
        f"{plural(shared['conflicts'], 'case')} of this model in conflict, "
        f"{waiting:,} of them without a decision."
    )
    if shared["shared"] > len(cases) and reviewed.is_whole(wanted):
        st.caption(f"The figures are of the newest {len(cases):,} of {shared['shared']:,} cases.")


def _agreement(agreed: rating.Agreement) -> None:
    with st.grid(4, min_column_width=150, key="review_agreement"):
        of = agreed.agreed, agreed.cases
        review.figure("Cases with two answers", f"{agreed.cases:,}")
        review.figure("Same answer", review.share_text(*of), review.interval_text(*of), about=SAME)
        if agreed.ac1 is not None:
            review.figure("Gwet's AC1", *_figure(agreed.ac1, agreed.ac1_interval), about=BEYOND)
        if agreed.alpha is not None:
            alpha = _figure(agreed.alpha, agreed.alpha_interval)
            review.figure("Krippendorff's alpha", *alpha, about=BEYOND)
    if agreed.note:
        st.text(agreed.note)


SAME = "Of the cases that two experts or more answered, with the 95 % Wilson interval."
BEYOND = (
    "Agreement beyond what chance would give: 1 is perfect, 0 is chance. The interval is by "
    "drawing the cases again 1,000 times."
)


def _figure(value: float, interval: tuple[float, float] | None) -> tuple[str, str]:
    """A coefficient and its interval in words."""
    if math.isnan(value):
        return "not defined", ""
    if interval is None or math.isnan(interval[0]):
        return f"{value:.2f}", ""
    return f"{value:.2f}", f"{interval[0]:.2f} to {interval[1]:.2f}"


def _pairs(table: pd.DataFrame) -> None:
    found = rating.pairwise(table)
    if not len(found):
        return
    if len(table) > 2:
        st.markdown("**Two by two**")
    found = found.head(200)
    st.dataframe(
        found[["rater_a", "rater_b", "cases", "agreed"]].assign(
            share=found["share"] * 100, interval=_intervals(found), kappa=found["kappa"]
        ),
        hide_index=True,
        height=height_for(len(found)),
        column_config={
            "rater_a": "Expert",
            "rater_b": "and",
            "cases": "Cases",
            "agreed": "Same answer",
            "share": PERCENT("Share", format="%.1f %%"),
            "interval": "95 % interval",
            "kappa": PERCENT("Cohen's kappa", format="%.2f"),
        },
        alt="Each two experts who share a case, with how often they gave the same answer",
    )
