"""What the model said of a whole batch, in figures and bars."""

from __future__ import annotations

import json

import streamlit as st

from second_opinion.batches.scored_rows import BatchSummary, ScoredRows
from second_opinion.formatting import percent, plural, share_text
from second_opinion.models.card import ModelCard
from second_opinion.records.batch import Batch
from second_opinion.ui.frame import escape
from second_opinion.ui.labels import flag_name
from second_opinion.ui.visit import Visit

MOST_CLASSES = 12


def show(visit: Visit, batch: Batch) -> None:
    """What the model said of the whole batch."""
    card, summary = visit.card, ScoredRows(visit.store, visit.asker).summary(batch)
    figures, answered = st.columns(2, gap="medium")
    with figures, st.grid(2, min_column_width=140, key="batch_summary"):
        st.metric("Rows scored", f"{summary.rows:,}", border=True)
        st.metric("Flagged", f"{summary.flagged:,}", border=True)
        if summary.confidence is not None:
            st.metric("Average confidence", percent(summary.confidence), border=True)
            low = f"Less than {percent(card.bands.low)} sure"
            st.metric(low, share_text(summary.low_confidence), border=True)
    with answered:
        if summary.bars:
            _histogram(card, summary)
        for value, count in _largest(summary.classes):
            label = escape(card.label(json.loads(value)))
            share = count / summary.rows
            st.progress(share, f"{label} · {count:,} · {share_text(share)}")
    if summary.flags:
        with st.expander(f"{plural(summary.flagged, 'row')} flagged: what for"):
            for flag, count in _largest(summary.flags):
                st.text(f"{count:,} · {flag_name(card, flag)}")


def _histogram(card: ModelCard, summary: BatchSummary) -> None:
    unit = f" ({card.target.unit})" if card.target.unit else ""
    pairs = zip(summary.edges, summary.edges[1:], strict=False)
    # Twelve digits: what is left of 0.30000000000000004 is a label that people can read.
    middles = [float(f"{(low + high) / 2:.12g}") for low, high in pairs]
    across, up = f"Predicted{unit}", "Rows"
    st.bar_chart(
        {across: middles, up: summary.bars},
        x=across,
        y=up,
        height=220,
        alt="How many rows the model gave which number",
    )


def _largest(counts: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda pair: -pair[1])[:MOST_CLASSES]
