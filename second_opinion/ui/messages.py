"""What people are told on a page, and what went wrong at a widget, beside it."""

from __future__ import annotations

import streamlit as st

from second_opinion.ui.escaping import escape

# What went wrong in callbacks, and what was said of it since, by its place on the page. Each is
# one entry of the state: to look through all of its keys costs a millisecond.
PROBLEMS, SAID = "frame_problems", "frame_said"


def problem(message: str) -> None:
    """Show a problem as it is written, markdown and all."""
    st.error(escape(message), icon=":material/error:")


def notice(message: str) -> None:
    """Show something worth knowing as it is written."""
    st.warning(escape(message), icon=":material/warning:")


def remark(message: str) -> None:
    """Show how something was understood, which is no cause for worry, as it is written."""
    st.info(escape(message), icon=":material/info:")


def has_problem(place: str) -> bool:
    """Whether something went wrong in a callback of this place that was not shown yet."""
    return place in _by_place(PROBLEMS)


def show_problem(place: str) -> None:
    """Show what went wrong in a callback of this place, once."""
    if message := take_problem(place):
        problem(message)


def take_problem(place: str) -> str:
    """What went wrong in a callback of this place, for who shows it; empty the next time."""
    message = _by_place(PROBLEMS).pop(place, "")
    if message:
        _by_place(SAID)[place] = message
    return message


def say(place: str, message: str) -> None:
    """Show a problem so that `say_again` can keep it on the page."""
    _by_place(SAID)[place] = message
    problem(message)


def say_again() -> None:
    """Keep on the page what was just said, through a run that no person asked for."""
    _by_place(PROBLEMS).update(_by_place(SAID))
    st.session_state[SAID] = {}


def hold(place: str, message: str) -> None:
    """Let the page that is drawn next show this at a place."""
    _by_place(PROBLEMS)[place] = message


def forget_what_was_said() -> None:
    """What was said so far is not said again: somebody has clicked."""
    st.session_state[SAID] = {}


def show_what_is_left() -> None:
    """What went wrong at a widget that is gone since."""
    for place in [*_by_place(PROBLEMS)]:
        show_problem(place)


def _by_place(name: str) -> dict[str, str]:
    messages: dict[str, str] = st.session_state.setdefault(name, {})
    return messages
