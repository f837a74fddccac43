"""The small components that Streamlit has no command for: style, browser, keys, JSON editor."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import streamlit as st

ASSETS = Path(__file__).parent / "assets"
COOKIE = "second_opinion"

# Without width: `frame.escape` puts it where markdown would make something of a text, and
# copying.js leaves it out of what is copied. Twice, since a text may hold one of its own.
MARK = "\u2060\u2060"

_style = st.components.v2.component(
    "second_opinion_style",
    css=(ASSETS / "style.css").read_text("utf-8"),
    js=(ASSETS / "copying.js").read_text("utf-8"),
    isolate_styles=False,
)
_spoken = st.components.v2.component(
    "second_opinion_spoken", js=(ASSETS / "spoken.js").read_text("utf-8")
)
_browser = st.components.v2.component(
    "second_opinion_browser", js=(ASSETS / "browser.js").read_text("utf-8")
)
_keys = st.components.v2.component(
    "second_opinion_keys",
    html='<label><input type="checkbox" role="switch"><span class="words"></span></label>',
    css=(ASSETS / "keys.css").read_text("utf-8"),
    js=(ASSETS / "keys.js").read_text("utf-8"),
)
_editor = st.components.v2.component(
    "second_opinion_json",
    html="""<div class="editor"><span class="label"></span>
    <div class="frame"><pre aria-hidden="true"></pre>
    <textarea spellcheck="false" autocapitalize="off" autocomplete="off"></textarea></div></div>""",
    css=(ASSETS / "json_editor.css").read_text("utf-8"),
    js=(ASSETS / "json_editor.js").read_text("utf-8"),
)


def style() -> None:
    """Add the few rules that the theme has no setting for, what is left out of copies, and the
    region from which screen readers say that something was saved or how far it is."""
    _style(key="frame_style", data={"mark": MARK}, height=0)
    _spoken(key="frame_spoken", height=0)


def remember(memory: dict[str, Any] | None, place: str) -> None:
    """Keep a small memory in this browser, for the next visit; None forgets it.

    ``place`` tells apart the parts of one page that do so.
    """
    value = json.dumps(memory, separators=(",", ":")) if memory else ""
    _browser(key=f"frame_memory_{place}", data={"cookie": COOKIE, "value": value}, height=0)


def remembered() -> dict[str, Any]:
    """What `remember` kept in this browser; empty when there is nothing or it is broken."""
    try:
        memory = json.loads(unquote(st.context.cookies.get(COOKIE, "")))
    except (ValueError, RecursionError):
        return {}
    return memory if isinstance(memory, dict) else {}


def focus(key: str, token: str, place: str = "panel") -> None:
    """Put the keyboard on the button or field with this key, once for each token.

    ``place`` tells apart the parts of one page that do so.
    """
    _browser(key=f"frame_focus_{place}", data={"key": key, "token": token}, height=0)


def speak(key: str, token: str) -> None:
    """Let screen readers say a part of the page whenever it changes.

    The keyboard is put there, once for each token; not for an empty one.
    """
    _browser(key="frame_speak", data={"status": key, "token": token}, height=0)


def keys(letters: Mapping[str, str], choices: str, after: str, words: str) -> None:
    """Let single keys press buttons, with a switch for them; where there is a keyboard.

    ``letters`` are widget keys by the letter that presses them; the buttons of the widget
    ``choices`` are pressed by 1, 2 and so on, which puts the keyboard on the button ``after``.
    ``words`` stand at the switch.
    """
    keys_of = {"presses": letters, "choices": choices, "after": after}
    _keys(key="frame_keys", data=keys_of | {"words": words})


def reveal(key: str, token: str) -> None:
    """Scroll to the part of the page with this key, once for each token."""
    _browser(key="frame_reveal", data={"part": key, "token": token}, height=0)


def tell_when_drawn(keys: list[str], heard: Callable[[], None]) -> None:
    """Call back once all widgets with these keys are on the screen; not at all for no keys."""
    _browser(key="seeds_drawn", data={"drawn": keys}, on_drawn_change=heard, height=0)


def json_editor(label: str, text: str, key: str, marked: Sequence[int] = ()) -> None:
    """A JSON text that is coloured while it is typed, and sent after a pause in typing.

    What is typed is in ``st.session_state[key].text``; the given text fills a new editor. The lines
    ``marked`` (1 is the first) are those with problems.
    """
    _editor(
        key=key,
        data={"label": label, "text": text, "marked": list(marked)},
        on_text_change=lambda: None,
    )
