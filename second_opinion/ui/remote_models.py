"""Models that lie elsewhere: the one that MODEL names, and the form of the owner for MLflow's."""

from __future__ import annotations

import os

import streamlit as st

from second_opinion.errors import UserError
from second_opinion.models.remote import model_watch
from second_opinion.models.remote.model_address import ModelAddress
from second_opinion.models.remote.remote_model import RemoteModel
from second_opinion.settings import Settings
from second_opinion.ui.frame import callback, guarded, notice, opening_setting, show_problem
from second_opinion.ui.visit import Visit

SERVERS = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")


def start() -> None:
    """Begin to fetch the model that MODEL names, if it is an address; pages say what goes wrong."""
    try:
        settings = Settings.read()
    except UserError:
        settings = Settings.without_secrets()
    model_watch.started(settings)


@guarded
def draw(visit: Visit) -> None:
    """What became of MODEL's address, and the form that fetches another model of MLflow.

    For the owner alone, and of a model that this one may use; the form only where a server of
    MLflow is named.
    """
    if visit.closed_reason("owner"):
        return
    watch = model_watch.started(visit.settings)
    if watch and watch.state and opening_setting(visit):
        notice(watch.state)
    if any(os.environ.get(server) for server in SERVERS):
        with st.expander("Fetch a model from MLflow", key="models_fetch_part"):
            _form(visit)


def _form(visit: Visit) -> None:
    st.text_input(
        "Its name there", key="models_fetch_name", placeholder="main.ml_models.iris_classifier"
    )
    st.text_input("Version, or @alias", key="models_fetch_version", placeholder="@Champion")
    st.text("It is tried once and becomes a version here. Which version is in use stays as it is.")
    st.button("Fetch", key="models_fetch", on_click=_fetch, args=(visit,))
    show_problem("fetch")


@callback("fetch")
def _fetch(visit: Visit) -> None:
    person = visit.expert
    name = str(st.session_state.get("models_fetch_name") or "").strip()
    version = str(st.session_state.get("models_fetch_version") or "").strip()
    if not name or not version:
        raise UserError("Give a name and a version, like churn and 3, or churn and @Champion.")
    text = f"models:/{name}{'' if version.startswith('@') else '/'}{version}"
    if person:
        remote = RemoteModel(ModelAddress.read(text), visit.registry, visit.store, person)
        st.session_state["frame_model"] = remote.bring().ref
