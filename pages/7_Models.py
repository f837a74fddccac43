"""Models: what is in the registry, what each version says of itself, and which one is in use."""

import streamlit as st

from second_opinion.ui import frame, registry

visit = frame.open_page("Models")


@frame.guarded
def models() -> None:
    st.title("Models", anchor=False)
    st.dataframe(
        registry.table(visit),
        hide_index=True,
        alt="The versions of the models with their figures and the state of their files",
    )
    frame.header(visit, level="section")
    aliases, card = st.columns([2, 3], gap="medium")
    with aliases, st.container(border=True, key="models_aliases"):
        move_aliases()
    with card, st.container(border=True, key="models_card"):
        the_card()


@frame.guarded
def move_aliases() -> None:
    st.header("Which version is in use", anchor=False)
    frame.show_problem("models")
    if refusal := registry.refusal(visit):
        st.text(refusal)
    else:
        registry.promote_form(visit)
        registry.rollback_form(visit)
    registry.moves(visit)


@frame.guarded
def the_card() -> None:
    card = visit.card
    st.header("What the card says", anchor=False)
    for label, text in registry.facts(card):
        st.caption(label)
        st.text(text)
    st.download_button(
        "Card as JSON",
        data=lambda: registry.card_json(visit),
        file_name=f"{card.name}-{card.version}-card.json",
        mime="application/json",
        on_click="ignore",
        key="models_card_download",
    )


models()
