"""A browser's tab without the browser: it speaks the protocol of a Streamlit page.

It fetches the page, opens the websocket with the cookies of that, keeps the widgets that are drawn,
and sends the state of all of them with each click, as a browser does.
"""

from __future__ import annotations

import asyncio
import json
import urllib.request
from contextlib import AsyncExitStack
from dataclasses import dataclass
from http.cookiejar import CookieJar
from typing import Any, Self

from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.NumberInput_pb2 import NumberInput
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import connect

# What a browser asks for beside the page, apart from the program files that it keeps.
ASKED_FIRST = ("_stcore/health", "_stcore/host-config")
TEXTS = ("text_input", "text_area", "selectbox")
LISTS = ("button_group", "date_input")
PUT_LATER = {"selectbox": "raw_value", "button_group": "raw_values"}
FIELDS = ("number_input", "checkbox", *TEXTS, *LISTS)
DONE = (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY)
EVENTS = "$$STREAMLIT_INTERNAL_KEY_{}__events"


class PageError(Exception):
    """The page shows a fault, or lacks what was to be there."""


@dataclass(frozen=True)
class Widget:
    """A widget as it was drawn last."""

    kind: str
    element: Any
    fragment: str

    @property
    def value(self) -> Any:
        """What the server put into it, at first or later; None where nothing."""
        drawn, later = self.element, self.element.set_value
        name = PUT_LATER.get(self.kind, "value") if later else "default"
        presence = drawn.DESCRIPTOR.fields_by_name[name].has_presence
        value = None if presence and not drawn.HasField(name) else getattr(drawn, name)
        match self.kind:
            case "selectbox" if not later:
                return None if value is None else drawn.options[value]
            case "button_group" if not later:
                return [drawn.options[at].content for at in value]
        return value

    def state(self, value: Any) -> WidgetState:
        """A value of it as it is sent."""
        state = WidgetState(id=self.element.id)
        if self.kind in LISTS:
            state.string_array_value.data[:] = value
        elif value is None:
            pass
        elif self.kind == "checkbox":
            state.bool_value = value
        elif self.kind in TEXTS:
            state.string_value = value
        elif self.element.data_type == NumberInput.INT:
            state.int_value = int(value)
        else:
            state.double_value = value
        return state


class Tab:
    """One tab on one page; `async with Tab(url, page) as tab` closes it in the end."""

    def __init__(self, url: str, page: str = "", patience: float = 60.0) -> None:
        self.url, self.page, self.patience = url, page, patience
        self.widgets: dict[str, Widget] = {}
        self._values: dict[str, Any] = {}
        self._page_hash = self._query = ""
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self._open.aclose()

    async def open(self) -> None:
        """Fetch the page, open the websocket, and wait until the page is drawn."""
        token, cookies = await asyncio.to_thread(self._fetch)
        self._socket = await self._open.enter_async_context(
            connect(
                f"{self.url.replace('http', 'ws', 1)}/_stcore/stream",
                origin=self.url,
                subprotocols=["streamlit", token],
                additional_headers={"Cookie": cookies},
                compression=None,
                proxy=None,
                open_timeout=self.patience,
            )
        )
        await self._run([], "")

    def has(self, key: str) -> bool:
        """Whether a widget with this key is on the page."""
        return key in self.widgets

    def first(self, kind: str, prefix: str) -> str:
        """The key of the first widget of a kind whose key begins so."""
        keys = (key for key, widget in self.widgets.items() if widget.kind == kind)
        key = next((key for key in keys if key.startswith(prefix)), None)
        if key is None:
            raise PageError(f"no {kind} {prefix}…; there are {', '.join(self.widgets) or 'none'}")
        return key

    def value(self, key: str) -> Any:
        """What a field holds now."""
        widget = self._widget(key)
        return self._values.get(widget.element.id, widget.value)

    async def enter(self, key: str, value: Any) -> None:
        """Put a value into a field and leave it; in a form it is sent with the form."""
        widget = self._widget(key)
        self._values[widget.element.id] = value
        if not widget.element.form_id:
            await self._run([], widget.fragment)

    async def press(self, key: str) -> None:
        """Press a button, and wait until the server has drawn what comes of it."""
        widget = self._widget(key)
        await self._run([WidgetState(id=widget.element.id, trigger_value=True)], widget.fragment)

    async def tell(self, key: str, event: str) -> None:
        """Let a component say that something happened in the browser."""
        widget = self._widget(key)
        said = json.dumps([{"event": event, "value": True}])
        state = WidgetState(id=EVENTS.format(widget.element.id), json_trigger_value=said)
        await self._run([state], widget.fragment)

    def _widget(self, key: str) -> Widget:
        if key not in self.widgets:
            raise PageError(f"no widget {key}; there are {', '.join(self.widgets) or 'none'}")
        return self.widgets[key]

    def _fetch(self) -> tuple[str, str]:
        """The token against forged requests and all cookies, as the page sets them."""
        jar = CookieJar()
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(jar)
        )
        for address in (self.page, *ASKED_FIRST):
            opener.open(f"{self.url}/{address}", timeout=self.patience).read()
        found = {cookie.name: str(cookie.value) for cookie in jar}
        return found["_streamlit_xsrf"], "; ".join(f"{k}={v}" for k, v in found.items())

    async def _run(self, triggers: list[WidgetState], fragment: str) -> None:
        """Ask for a run of the script, and take in what it draws until it is done."""
        message = BackMsg()
        run = message.rerun_script
        run.query_string, run.page_name = self._query, "" if self._page_hash else self.page
        run.page_script_hash, run.fragment_id = self._page_hash, fragment
        run.context_info.timezone, run.context_info.locale = "Europe/Berlin", "en-US"
        run.context_info.url = f"{self.url}/{self.page}"
        run.context_info.color_scheme = "light"
        run.widget_states.widgets.extend([*self._states(), *triggers])
        await self._socket.send(message.SerializeToString())
        async with asyncio.timeout(self.patience):
            while not self._take(ForwardMsg.FromString(await self._socket.recv())):
                pass
        here = {widget.element.id for widget in self.widgets.values()}
        self._values = {key: value for key, value in self._values.items() if key in here}

    def _states(self) -> list[WidgetState]:
        holding = [widget for widget in self.widgets.values() if widget.kind in FIELDS]
        return [
            widget.state(self._values.get(widget.element.id, widget.value)) for widget in holding
        ]

    def _take(self, message: ForwardMsg) -> bool:
        """Take in one message; whether the run that it belongs to is done."""
        match message.WhichOneof("type"):
            case "new_session":
                self._forget(tuple(message.metadata.run.fragment_ids))
            case "navigation":
                self._page_hash = message.navigation.page_script_hash
            case "delta" if message.delta.WhichOneof("type") == "new_element":
                self._draw(message.delta.new_element, message.delta.fragment_id)
            case "page_info_changed":
                self._query = message.page_info_changed.query_string
            case "script_finished":
                return message.script_finished in DONE
            case "session_event" | "page_not_found" | "ref_hash" as kind:
                raise PageError(f"the server said {kind}: {message}")
        return False

    def _forget(self, fragments: tuple[str, ...]) -> None:
        """A run draws its part of the page anew: all of it, or some fragments."""
        self.widgets = {
            key: widget
            for key, widget in self.widgets.items()
            if fragments and widget.fragment not in fragments
        }

    def _draw(self, element: Element, fragment: str) -> None:
        kind = element.WhichOneof("type")
        drawn = getattr(element, kind)
        if kind == "exception" or (kind == "alert" and drawn.format == Alert.ERROR):
            raise PageError(f"the page says: {drawn}")
        if not getattr(drawn, "id", ""):
            return
        # The server's id ends in the key that the page gave the widget.
        key = drawn.id.removeprefix("$$ID-").split("-", 1)[1]
        self.widgets[key] = Widget(kind, drawn, fragment)
        if kind in FIELDS and drawn.set_value:
            self._values[drawn.id] = self.widgets[key].value
