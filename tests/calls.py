"""A program that calls the API of a running app, and what it is told."""

import http.client
import json
import threading
import time
from contextlib import closing, contextmanager
from typing import NamedTuple

import uvicorn
from browsing import App, free_port


class Reply(NamedTuple):
    """An answer: its status, its body (parsed where it is JSON), its headers in lower case."""

    status: int
    body: object
    headers: dict


def call(port, path, body=None, *, method=None, headers=None, host="127.0.0.1"):
    """One call. An object is sent as JSON, bytes as they are; with a body, the method is POST."""
    content = json.dumps(body).encode() if isinstance(body, dict) else body
    given = {"Content-Type": "application/json"} if content is not None else {}
    with closing(http.client.HTTPConnection(host, port, timeout=120)) as connection:
        method = method or ("GET" if content is None else "POST")
        connection.request(method, path, content, given | (headers or {}))
        answer = connection.getresponse()
        text = answer.read()
        fields = {name.lower(): value for name, value in answer.getheaders()}
    is_json = "json" in fields.get("content-type", "")
    return Reply(
        answer.status,
        json.loads(text) if is_json and text.strip() else text.decode(errors="replace"),
        fields,
    )


def bearer(token):
    """The header that a token is sent in."""
    return {"Authorization": f"Bearer {token}"}


@contextmanager
def serving(folder, models, monkeypatch, **settings):
    """`streamlit run serve.py` with these settings, until the end of the block."""
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    app = App(folder, models, "serve.py").start()
    try:
        yield app
    finally:
        app.stop()


@contextmanager
def listening(app):
    """An ASGI application on a free port, in a thread of this process; gives the port."""
    port = free_port()
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    yield port
    server.should_exit = True
    thread.join(20)
