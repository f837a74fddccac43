"""What the model says of one case, drawn the same on every page that shows a prediction."""

from __future__ import annotations

import streamlit as st

from second_opinion import labels
from second_opinion.formatting import percent
from second_opinion.models.card import ModelCard
from second_opinion.records.prediction import Prediction
from second_opinion.ui import frame


def show(card: ModelCard, prediction: Prediction) -> None:
    """The answer, how sure the model is, and what is unusual about the case."""
    st.subheader(frame.escape(labels.headline(card, prediction)), anchor=False)
    if certainty := labels.certainty(card, prediction):
        st.text(certainty)
    for label, probability in labels.bars(card, prediction):
        st.progress(probability, f"{frame.escape(label)} · {percent(probability)}")
    for flag in prediction.flags:
        frame.notice(labels.flag_text(card, flag, dict(prediction.inputs)))
