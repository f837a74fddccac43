"""The model that somebody chose in the menu, and the one that the page begins with."""

from __future__ import annotations

import streamlit as st

from second_opinion.errors import UserError
from second_opinion.models.catalog import Catalog, Entry, alias_words
from second_opinion.models.remote import model_address
from second_opinion.models.remote.model_address import is_address, local_ref, shown
from second_opinion.ui import distinct_words
from second_opinion.ui.visit import Visit


def draw(catalog: Catalog, setting: str, faults: list[str]) -> str:
    """Let the person choose among the models; returns a reference.

    It begins with what ``setting`` means, or with the default.
    """
    try:
        entries = catalog.entries()
    except UserError:
        entries = []
    if not entries:
        # Whatever needs a model says what is wrong.
        return ""
    options = _options(entries)
    start = _first_ref(catalog, entries, setting, faults)
    last_ref = st.session_state.pop("frame_model", None) or st.session_state.get("model_choice")
    model_ref = last_ref or st.query_params.get("model") or start
    if model_ref not in options:
        model_ref = _ref_of(catalog, entries, model_ref) if _is_known(catalog, model_ref) else start
    st.session_state["model_choice"] = model_ref
    refs = list(dict.fromkeys([*options, model_ref]))
    if len(refs) == 1:
        return str(refs[0])
    choice: str = st.selectbox(
        "Model",
        refs,
        key="model_choice",
        format_func=distinct_words.of(refs, lambda ref: options.get(ref, ref)),
        persist_state="session",
    )
    return choice


def model_options(catalog: Catalog) -> dict[str, str]:
    """The references that the menu offers, with their words; none where the folder is broken."""
    try:
        return _options(catalog.entries())
    except UserError:
        return {}


def opening_setting(visit: Visit) -> str:
    """The model that MODEL names; none where who is here may not know of it."""
    return model_address.opening_setting(visit.settings.model, visit.asker)


def _options(entries: list[Entry]) -> dict[str, str]:
    """The references of the menu with their words: each alias, and each version without one."""
    options: dict[str, str] = {}
    for entry in entries:
        title = entry.card.title if entry.card else ""
        for alias in entry.aliases:
            options[f"{entry.name}@{alias}"] = f"{title} · {alias_words(alias)}"
        for alias, _ in entry.shares:
            options[f"{entry.name}@{alias}"] = f"{title} · {alias_words(alias)} (A/B)"
        if not entry.aliases:
            options[entry.ref] = f"{title} · version {entry.version}" if title else entry.ref
    return options


def _first_ref(catalog: Catalog, entries: list[Entry], setting: str, faults: list[str]) -> str:
    """The option to begin with; another one, and a fault, where that is not to be had."""
    try:
        return _ref_of(catalog, entries, local_ref(setting) or catalog.default)
    except UserError as error:
        if is_address(setting) and faults:
            # It is being fetched, or could not be: said already.
            return entries[0].ref
        where = f"The setting MODEL is {shown(setting)!r}: {error} Correct it, or leave it empty."
        faults.append(where if setting else str(error))
        return entries[0].ref


def _is_known(catalog: Catalog, ref: str) -> bool:
    try:
        catalog.resolve(ref)
    except UserError:
        return False
    return True


def _ref_of(catalog: Catalog, entries: list[Entry], ref: str) -> str:
    """The option of the menu that means the same: by its alias, where there is one."""
    name, version = catalog.resolve(ref)
    if alias := catalog.alias(ref):
        return f"{name}@{alias}"
    same = [entry.ref for entry in entries if (entry.name, entry.version) == (name, version)]
    return same[0] if same else f"{name}/{version}"
