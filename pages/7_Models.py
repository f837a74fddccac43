"""Models: what is in the registry, which version is in use, and how versions compare."""

import streamlit as st

from second_opinion.ui import (
    card_editor,
    comparison_form,
    file_button,
    frame,
    model_versions,
    old_answers_section,
    remote_models,
    split_form,
)

visit = frame.open_page("Models")


@frame.guarded
def models() -> None:
    frame.title()
    st.dataframe(
        model_versions.table(visit),
        hide_index=True,
        alt="The versions of the models with their figures and the state of their files",
    )
    remote_models.draw(visit)
    frame.section(visit)
    version = model_versions.version_choice(visit)
    aliases, card = st.columns([2, 3], gap="medium")
    with aliases, st.container(border=True, key="models_aliases"):
        move_aliases(version)
    with card, st.container(border=True, key="models_card"):
        the_card(version)
    if model_versions.may_review(visit):
        verdicts_by_arm()
        compare_versions(version)
        old_answers(version)


@frame.guarded
def old_answers(version: str) -> None:
    old_answers_section.draw(visit, version)


@frame.guarded
def move_aliases(version: str) -> None:
    st.header("Which version is in use", anchor=False)
    if refusal := model_versions.refusal(visit):
        st.text(refusal)
    else:
        model_versions.promote_form(visit, version)
        model_versions.rollback_form(visit)
        split_form.split_form(visit)
    model_versions.moves(visit)


@frame.guarded
def the_card(version: str) -> None:
    card = visit.catalog.card(f"{visit.version[0]}/{version}")
    st.header("What the card says", anchor=False)
    for label, text in model_versions.facts(card):
        st.caption(label)
        st.text(text)
    card_editor.editor(visit, card)
    file_button.draw(
        "Card as JSON",
        data=lambda: model_versions.card_json(visit, version),
        file_name=f"{card.name}-{card.version}-card.json",
        mime="application/json",
        key="models_card_download",
    )


@frame.guarded
def verdicts_by_arm() -> None:
    shared = split_form.shared(visit)
    if shared:
        st.header("Verdicts by version under A/B", anchor=False)
    for alias, pointed in shared.items():
        split_form.verdicts(visit, alias, pointed)


@frame.part()
def compare_versions(version: str) -> None:
    if len(visit.catalog.versions(visit.version[0])) < 2:
        return
    st.header("Compare two versions", anchor=False)
    comparison_form.form(visit, version)
    comparison_form.result(visit)


models()
