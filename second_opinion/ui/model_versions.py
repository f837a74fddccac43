"""The registry on the Models page: a table, one card in words, and the aliases to move."""

from __future__ import annotations

from typing import Any

import streamlit as st

from second_opinion.formatting import humanise, number_text, plural, share_text
from second_opinion.models import aliases, traffic_split
from second_opinion.models.card import ModelCard
from second_opinion.models.catalog import FIRST_ALIAS, Entry
from second_opinion.models.formats.loading import version_warnings
from second_opinion.records.event import AliasMove
from second_opinion.records.review import VersionTally
from second_opinion.ui import drawing, split_form, who
from second_opinion.ui.frame import callback, escape, show_problem
from second_opinion.ui.visit import Visit

FILE = {"intact": "intact", "changed": "changed: not loaded", "missing": "missing"}


def table(visit: Visit) -> list[dict[str, Any]]:
    """One row per version: what it is, when and on what it was trained, and how it does."""
    return [_row(visit, entry) for entry in visit.catalog.entries()]


def _row(visit: Visit, entry: Entry) -> dict[str, Any]:
    row: dict[str, Any] = {
        "Model": entry.name,
        "Version": entry.version,
        "Aliases": ", ".join(entry.known_as),
    }
    card = entry.card
    if card is None:
        return row | {"File": entry.fault}
    return row | {
        "Verdicts": visit.store.effort(entry.name, entry.version).verdicts,
        "File": FILE[visit.registry.hash_state(card)],
        "Added": card.artifact.created_at[:10],
        "Task": card.task,
        "Figures": figures(card),
        "Trained on": card.data.get("description", ""),
        "Made with": _made_with_state(card),
        "SHA-256": f"{card.artifact.sha256[:12]}…",
    }


def _made_with_state(card: ModelCard) -> str:
    """The scikit-learn of the file, and whether the one here is another."""
    library = (
        f"scikit-learn {card.artifact.scikit_learn}" if card.artifact.scikit_learn else "unknown"
    )
    return f"{library}, not the one here" if version_warnings(card) else library


def figures(card: ModelCard) -> str:
    """The card's figures in one line: ``accuracy 0.846``."""
    scores = [(k, v) for k, v in card.metrics.items() if isinstance(v, float)]
    return " · ".join(f"{name} {number_text(round(value, 3))}" for name, value in scores)


def facts(card: ModelCard) -> list[tuple[str, str]]:
    """The card in words, part by part; parts without a word are left out."""
    parts = [
        ("What it is for", card.intended_use),
        ("What it is not for", card.limits),
        ("What it predicts", card.target.description or humanise(card.target.name)),
        ("Figures", _scores(card)),
        ("Data", str(card.data.get("description", ""))),
        ("Looks at most", _importance(card)),
        ("Not known", " ".join(card.unknown)),
        ("Noticed", " ".join(finding.text for finding in card.findings)),
        ("Owner", card.owner),
        ("Licence", card.licence),
        ("Made with", _made_with(card)),
        ("File", f"{card.artifact.file}, SHA-256 {card.artifact.sha256}"),
        ("Types it may hold", ", ".join(card.artifact.trusted)),
        *_origin(card),
    ]
    return [(label, text) for label, text in parts if text] + [
        ("Warning", warning) for warning in version_warnings(card)
    ]


def _scores(card: ModelCard) -> str:
    rows = card.metrics.get("rows")
    return " · ".join(
        part
        for part in (
            figures(card),
            str(card.metrics.get("on", "")),
            plural(rows, "row") if rows else "",
        )
        if part
    )


def _importance(card: ModelCard) -> str:
    return ", ".join(f"{f.label} {share_text(share)}" for f, share in card.looks_at[:5] if share)


def _made_with(card: ModelCard) -> str:
    file = card.artifact
    return f"scikit-learn {file.scikit_learn}, Python {file.python}, added {file.created_at[:10]}"


def version_choice(visit: Visit) -> str:
    """The version that the page is about: the chosen one, or one arm of the chosen A/B alias."""
    versions = list(visit.arms)
    if len(versions) == 1:
        return versions[0]
    if st.session_state.get("models_version") not in versions:
        st.session_state["models_version"] = versions[0]
    version = st.segmented_control(
        "Version to look at", versions, key="models_version", required=True, format_func=escape
    )
    return str(version)


def _origin(card: ModelCard) -> list[tuple[str, str]]:
    """What MLflow said of the model when it was added."""
    origin = card.artifact.origin
    if origin is None:
        return []
    registered = f"{origin.name}, version {origin.version}" if origin.name else ""
    where = [registered, origin.status, *(f"@{alias}" for alias in origin.aliases), origin.uri]
    return [
        (
            "From MLflow" if origin.run_id or origin.name else "From",
            " · ".join(filter(None, where)),
        ),
        ("What MLflow says of it", origin.description),
        ("Tags in MLflow", ", ".join(f"{tag}: {value}" for tag, value in origin.tags.items())),
    ]


def card_json(visit: Visit, version: str) -> bytes:
    """The card's file as it lies in the registry."""
    name, _ = visit.version
    return (visit.registry.folder / name / version / "card.json").read_bytes()


def refusal(visit: Visit) -> str:
    """Why this person may not move an alias; empty for one who may."""
    return visit.closed_reason("owner")


def may_review(visit: Visit) -> bool:
    """Whether this person may see what others said, and rows of the training data."""
    return not who.closed_reason("reviewer")


def promote_form(visit: Visit, version: str) -> None:
    """Point an alias at the version that is shown."""
    name, _ = visit.version
    targets = visit.catalog.aliases(name)
    options = list(dict.fromkeys([FIRST_ALIAS, *targets]))
    alias = st.selectbox("Alias", options, key="models_alias")
    at = targets.get(alias)
    meant = "In use" if alias == FIRST_ALIAS else alias
    st.text(f"{meant}: {traffic_split.words(at) if at else 'no version yet'}")
    if at and at != version and may_review(visit):
        _what_experts_say(visit, name, [*traffic_split.read(at), version])
    if at != version:
        st.text_area("Why (stands in the record)", key="models_why", max_chars=400, height=80)
    in_use = f"Put version {version} in use"
    st.button(
        escape(in_use if alias == FIRST_ALIAS else f"Make version {version} the {alias}"),
        key="models_promote",
        type="primary",
        disabled=at == version,
        on_click=_promote,
        args=(visit, f"{name}/{version}", alias),
    )
    show_problem("promote")


def _what_experts_say(visit: Visit, name: str, versions: list[str]) -> None:
    """The verdicts on the version in use and on the one that is to take its place."""
    tallies = [_tally(visit, name, version) for version in dict.fromkeys(versions)]
    st.caption("What the verdicts say of both")
    st.dataframe(
        drawing.with_shares(traffic_split.tally_table(tallies), split_form.SHARES),
        hide_index=True,
        key="models_promote_verdicts",
        column_config=split_form.WORDS | split_form.SHARES,
        alt="Verdicts on the version in use and on the one to take its place",
    )
    for text in traffic_split.tally_texts(tallies):
        st.text(text)
    st.caption("Not on the same cases: Compare two versions, below, asks both for those.")


def _tally(visit: Visit, name: str, version: str) -> VersionTally:
    progress = visit.review.progress(name, version)
    return VersionTally(
        version, progress.predictions, progress.right, progress.wrong, progress.unsure
    )


def rollback_form(visit: Visit) -> None:
    """Return the chosen alias to the version before."""
    name, _ = visit.version
    alias = st.session_state["models_alias"]
    before = visit.catalog.pointed(name, alias)[:-1]
    if before:
        words = traffic_split.words(before[-1])
        in_use = f"Put {words} back in use"
        st.button(
            escape(in_use if alias == FIRST_ALIAS else f"Put {alias} back to {words}"),
            key="models_rollback",
            on_click=_rollback,
            args=(visit, name, alias),
        )
        show_problem("rollback")


def moves(visit: Visit) -> None:
    """Who moved which alias, and when, the latest first."""
    history = visit.catalog.moves_of(visit.version[0])
    if not history:
        st.text("No alias was moved since the model was added.")
        return
    for move in reversed(history):
        why = f": {move.reason}" if move.reason else ""
        st.text(f"{visit.clock(move.created_at)} · {move.moved_by} {_did(move)}{why}")


def _did(move: AliasMove) -> str:
    meant, is_first = traffic_split.words(move.version), move.alias == FIRST_ALIAS
    if move.action == "rollback":
        return f"put {meant} back in use" if is_first else f"put {move.alias} back to {meant}"
    if traffic_split.is_split(move.version):
        return f"shared {move.alias} between {meant}"
    return f"put {meant} in use" if is_first else f"made {meant} the {move.alias}"


@callback("promote")
def _promote(visit: Visit, ref: str, alias: str) -> None:
    if person := visit.expert:
        reason = str(st.session_state.get("models_why") or "").strip()
        aliases.promote(visit.registry, visit.store, ref, alias=alias, reason=reason, by=person)
        st.session_state.pop("models_why", None)
        st.session_state["frame_model"] = ref


@callback("rollback")
def _rollback(visit: Visit, name: str, alias: str) -> None:
    if person := visit.expert:
        aliases.rollback(visit.registry, visit.store, name, alias=alias, by=person)
