"""The registry on the Models page: a table, one card in words, and the aliases to move."""

from __future__ import annotations

from typing import Any

import streamlit as st

from second_opinion import aliases
from second_opinion.artifacts import version_warnings
from second_opinion.card import ModelCard
from second_opinion.registry import FIRST_ALIAS, Entry
from second_opinion.ui import who
from second_opinion.ui.frame import Visit, callback, escape
from second_opinion.words import humanise, number_text

FILE = {"intact": "intact", "changed": "changed: not loaded", "missing": "missing"}
CLOSED = (
    "Only the owner may say which version is in use, in a browser on the machine that runs this "
    "app."
)


def table(visit: Visit) -> list[dict[str, Any]]:
    """One row per version: what it is, when and on what it was trained, and how it does."""
    return [_row(visit, entry) for entry in visit.registry.entries()]


def _row(visit: Visit, entry: Entry) -> dict[str, Any]:
    row: dict[str, Any] = {
        "Model": entry.name,
        "Version": entry.version,
        "Aliases": ", ".join(entry.aliases),
    }
    card = entry.card
    if card is None:
        return row | {"File": entry.fault}
    return row | {
        "Task": card.task,
        "Figures": figures(card),
        "Verdicts": visit.store.progress(entry.name, entry.version).verdicts,
        "File": FILE[visit.registry.hash_state(card)],
        "Made with": f"scikit-learn {card.artifact.scikit_learn}",
        "Added": card.artifact.created_at[:10],
        "Trained on": card.data.get("description", ""),
    }


def figures(card: ModelCard) -> str:
    """The card's figures in one line: ``accuracy 0.846``."""
    shown = [(k, v) for k, v in card.metrics.items() if isinstance(v, float)]
    return " · ".join(f"{name} {number_text(round(value, 3))}" for name, value in shown)


def facts(card: ModelCard) -> list[tuple[str, str]]:
    """The card in words, part by part; parts without a word are left out."""
    known = [
        ("What it is for", card.intended_use),
        ("What it is not for", card.limits),
        ("What it predicts", card.target.description or humanise(card.target.name)),
        ("Figures", _scores(card)),
        ("Data", str(card.data.get("description", ""))),
        ("Looks at most", _importance(card)),
        ("Owner", card.owner),
        ("Licence", card.licence),
        ("Made with", _made_with(card)),
        ("File", f"{card.artifact.file}, SHA-256 {card.artifact.sha256}"),
    ]
    return [(label, text) for label, text in known if text] + [
        ("Warning", warning) for warning in version_warnings(card)
    ]


def _scores(card: ModelCard) -> str:
    rows = card.metrics.get("rows")
    return " · ".join(
        part
        for part in (figures(card), str(card.metrics.get("on", "")), f"{rows} rows" if rows else "")
        if part
    )


def _importance(card: ModelCard) -> str:
    first = sorted(card.importance.items(), key=lambda pair: -pair[1])[:5]
    return ", ".join(card.case_schema[name].label for name, _ in first)


def _made_with(card: ModelCard) -> str:
    made = card.artifact
    return f"scikit-learn {made.scikit_learn}, Python {made.python}, added {made.created_at[:10]}"


def card_json(visit: Visit) -> bytes:
    """The card's file as it lies in the registry."""
    name, version = visit.version
    return (visit.registry.folder / name / version / "card.json").read_bytes()


def refusal(visit: Visit) -> str:
    """Why this person may not move an alias; empty for one who may."""
    if not who.is_local():
        return CLOSED
    if visit.expert is None:
        return "Give your name on Home first: a move is on record with the name of who made it."
    return ""


def promote_form(visit: Visit) -> None:
    """Point an alias at the version that is shown."""
    name, version = visit.version
    known = visit.registry.aliases(name)
    options = list(dict.fromkeys([FIRST_ALIAS, *known]))
    alias = st.selectbox("Alias", options, key="models_alias")
    at = known.get(alias)
    st.text(f"{alias} means version {at} now." if at else f"{alias} means no version yet.")
    st.button(
        f"Make version {escape(version)} the {escape(alias)}",
        key="models_promote",
        type="primary",
        disabled=at == version,
        on_click=_promote,
        args=(visit, f"{name}/{version}", alias),
    )


def rollback_form(visit: Visit) -> None:
    """Return the chosen alias to the version before."""
    name, _ = visit.version
    alias = st.session_state["models_alias"]
    before = visit.registry.pointed(name, alias)[:-1]
    if before:
        st.button(
            f"Put {escape(alias)} back to version {escape(before[-1])}",
            key="models_rollback",
            on_click=_rollback,
            args=(visit, name, alias),
        )


def moves(visit: Visit) -> None:
    """Who moved which alias, and when, the latest first."""
    made = visit.store.alias_moves(visit.version[0])
    if not made:
        st.text("No alias was moved since the model was added.")
        return
    for move in reversed(made):
        did = f"made version {move.version} the {move.alias}"
        if move.action == "rollback":
            did = f"put {move.alias} back to version {move.version}"
        st.text(f"{visit.clock(move.created_at)} · {move.moved_by} {did}")


@callback("models")
def _promote(visit: Visit, ref: str, alias: str) -> None:
    if person := visit.expert:
        aliases.promote(visit.registry, visit.store, ref, alias=alias, by=person)
        st.session_state["frame_model"] = ref


@callback("models")
def _rollback(visit: Visit, name: str, alias: str) -> None:
    if person := visit.expert:
        aliases.rollback(visit.registry, visit.store, name, alias=alias, by=person)
