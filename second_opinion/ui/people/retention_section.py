"""People and records: how much there is, how long it is kept, and the removal of the rest."""

from __future__ import annotations

import streamlit as st

from second_opinion.formatting import plural
from second_opinion.records.retention_rule import PERIODS, Holding, Kept, RetentionRule
from second_opinion.ui import click_ids
from second_opinion.ui.frame import callback, remark, show_problem
from second_opinion.ui.visit import Visit

WHAT = {
    "verdicts": "Verdicts",
    "predictions": "Predictions",
    "batches": "Batches (files and their answers)",
    "pictures": "Pictures of cases",
    "events": "Events",
}
# An option that is None would have a cross that takes it away.
FOR_GOOD = 0
PERIOD_WORDS = {
    FOR_GOOD: "for good",
    30: "30 days",
    90: "90 days",
    365: "a year",
    730: "two years",
    1825: "five years",
}
LABELS: dict[Kept, str] = {
    "predictions": "Predictions that nobody has judged",
    "events": "Events, and who was here",
}
NEVER = (
    "Verdicts are never removed, and neither is what they rest on: their predictions, the cases of "
    "plans, decisions, batches. How many predictions were asked for stays known too, and who took "
    "a file or a backup: a new version may have learned from it. So does which version was tested "
    "on old answers."
)


def kept(visit: Visit) -> None:
    """What there is, and for how long each kind is kept."""
    rules = visit.store.retention.rules(by=visit.asker)
    with st.spinner("Counting what there is"):
        holdings = visit.store.retention.holdings(by=visit.asker)
    st.dataframe(
        [_row(visit, one, rules) for one in holdings],
        hide_index=True,
        key="people_holdings",
        alt="What the database holds: how much, how large, since when, and how long it is kept",
    )
    st.caption(NEVER)
    if done := st.session_state.pop("people_kept", ""):
        with st.container(key="people_kept_said"):
            remark(done)
    with st.grid(2, min_column_width=320):
        for what in LABELS:
            with st.container(border=True):
                _form(visit, rules[what])


def _row(visit: Visit, one: Holding, rules: dict[Kept, RetentionRule]) -> dict[str, str]:
    days = next((rule.days for what, rule in rules.items() if what == one.what), None)
    period = PERIOD_WORDS[days or FOR_GOOD]
    if one.what == "predictions" and days:
        period = f"{period}, judged ones for good"
    return {
        "What": WHAT[one.what],
        "How many": f"{one.rows:,}",
        "About how large": _size(one.bytes),
        "Oldest": visit.clock(one.oldest) if one.oldest else "",
        "Kept": period,
    }


def _size(count: int) -> str:
    if not count:
        return ""
    if count < 1_000_000:
        return f"{max(count // 1000, 1):,} KB"
    return f"{count / 1_000_000:,.0f} MB"


def _form(visit: Visit, rule: RetentionRule) -> None:
    what = rule.what
    st.header(LABELS[what], anchor=False)
    key = f"people_keep_{what}"
    choice: int = st.selectbox(
        "Are kept",
        [days or FOR_GOOD for days in PERIODS],
        index=PERIODS.index(rule.days),
        key=key,
        format_func=lambda period: PERIOD_WORDS[period],
    )
    show_problem(key)
    days = choice or None
    if days == rule.days:
        return
    asked = RetentionRule(what, days, id=click_ids.upcoming(f"{key}_id"))
    count = visit.store.retention.over_time(asked, by=visit.asker)
    st.text(_foreseen(visit, asked, count))
    st.button(
        f"Remove {count:,} and keep the rest {PERIOD_WORDS[choice]}" if count else "Keep them so",
        key=f"{key}_save",
        type="primary",
        on_click=_save,
        args=(visit, asked, key),
    )


def _foreseen(visit: Visit, rule: RetentionRule, count: int) -> str:
    edge = rule.limit()
    if edge is None:
        return "Nothing will be removed any more."
    now = (
        f"{plural(count, 'row')} from before {visit.full_time(edge)} will be removed now, for good."
        if count
        else "Nothing is that old yet."
    )
    return f"{now} From then on, once a day, what gets older is removed too."


def _save(visit: Visit, rule: RetentionRule, key: str) -> None:
    @callback(key)
    def save() -> None:
        removed = visit.store.retention.set_rule(rule, by=visit.signer())
        click_ids.spend(f"{key}_id")
        period = PERIOD_WORDS[rule.days or FOR_GOOD]
        st.session_state["people_kept"] = (
            f"{LABELS[rule.what]} are kept {period} from now on; {plural(removed, 'row')} removed."
        )

    save()
