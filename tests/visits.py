"""A visitor of the pages without a browser: opens them, presses buttons, reads what is shown."""

import json
import re
import time
from hashlib import sha256

import pandas as pd
from builders import OWNER, ROOT
from database import ids_in
from streamlit.testing.v1 import AppTest

from second_opinion.records.expert import Expert
from second_opinion.store import Store

CASE = "pages/1_Single_prediction.py"
BATCH = "pages/2_Batch_upload.py"
# A provider in the secrets, and what it says of Ada.
AUTH = """
[auth]
redirect_uri = "http://localhost:8501/oauth2callback"
cookie_secret = "0123456789abcdef"
"""
CORP = """
[auth.corp]
client_id = "app"
client_secret = "x"
server_metadata_url = "https://login.example.org/.well-known/openid-configuration"
"""
CLAIMS = {
    "iss": "https://login.example.org",
    "sub": "1",
    "name": "Ada",
    "email": "Ada@Example.org",
    "email_verified": True,
    "provider": "corp",
    "is_logged_in": True,
}


def start(page="Home.py", name="Ada", session=(), **query):
    """A visitor with a name who opens a page by a link; ``session`` is what is remembered."""
    at = AppTest.from_file(ROOT / "Home.py", default_timeout=30)
    if name:
        at.session_state["who_expert"] = Expert.declared(name)
        at.session_state["who_cases"] = []
        # Who comes again under a name comes in the same browser.
        at.session_state["who_key"] = sha256(name.encode()).hexdigest()[:32]
    for key, value in dict(session).items():
        at.session_state[key] = value
    at.query_params.update(query)
    at.switch_page(page)
    return at.run()


def arrive(page="Home.py", query=(), **claims):
    """Ada, or whom the claims say, who signed in and opens a page."""
    at = AppTest.from_file(ROOT / "Home.py", default_timeout=30)
    at.query_params.update(dict(query))
    at.user = CLAIMS | {"exp": time.time() + 600} | claims
    at.switch_page(page)
    return at.run()


def messages(at):
    """The problems on the page as people read them. There is never a traceback."""
    assert not at.exception
    return [as_read(error.value) for error in at.error]


def everything_said(at):
    """All that the browser was sent, in lower case: each element whole, and the address bar."""
    sent = "\n".join(str(getattr(one, "proto", "")) for one in [*at.main, *at.sidebar])
    # Of the components of our own, the code is the same for everybody.
    sent = re.sub(r"(?m)^(js|css|html)_content: .*$", "", sent)
    return "\n".join([sent, *map(str, at.query_params.items())]).lower()


def as_read(markdown):
    return re.sub(r"\\(.)", r"\1", markdown).replace("\u2060", "").replace("  \n", "\n")


def press(at, key):
    at.button(key=key).click().run()
    return at


def keys(at):
    return {button.key for button in at.button}


def stored(place):
    """Every row of verdicts, as the reviewer's table shows the current ones."""
    return Store.open(place / "feedback.db").reviewed()


def predicted(at, place):
    """The stored prediction that the page shows."""
    (made,) = [at.query_params["prediction"]]
    made = made if isinstance(made, str) else made[0]
    return Store.open(place / "feedback.db").prediction(made)


def asked_for(store, person):
    """Every prediction that a person asked for, the newest first."""
    ids = ids_in(store.path, "predictions")
    return [prediction for prediction, _ in store.history(person, ids, limit=len(ids), by=OWNER)]


def markdown_in(at):
    """Every text on the page that Streamlit reads as markdown."""
    for element in [*at.main, *at.sidebar]:
        proto = getattr(element, "proto", None)
        if element.type in ("text", "code"):
            continue
        texts = [getattr(proto, field, "") for field in ("body", "label", "help", "text")]
        texts += [getattr(option, "content", "") for option in getattr(proto, "options", [])]
        yield from (text for text in texts if isinstance(text, str))


def assert_strange_text_is_escaped(at):
    for text in markdown_in(at):
        for mark in ("![x](", "**bold**", "$x^2$", ":red[", ":material/home:", "`code`", "<b>"):
            assert mark not in text
        assert "https:" not in text


def upload(at, content, name="march.csv", mime="text/csv"):
    """Choose a file, and wait until it is checked."""
    at.file_uploader(key="batch_file").upload(name, content, mime).run()
    return until_idle(at)


def until_idle(at):
    deadline = time.monotonic() + 60
    while "batch_cancel" in keys(at):
        assert time.monotonic() < deadline
        time.sleep(0.05)
        at.run()
    return at


def scored(at, content, **about):
    upload(at, content, **about)
    return until_idle(press(at, "batch_score"))


def open_row(at, row):
    at.number_input(key="batch_row").set_value(row).run()
    return at


def row_tables(at):
    """The tables with buttons in their rows: what opens each row, and the cells by their heads."""
    sent = [json.loads(one.proto.json) for one in at.get("bidi_component") if one.proto.json]
    return [_row_table(table) for table in sent if "rows" in table]


def _row_table(table):
    own = {"verdict", "flags"}
    names = [column["name"] for column in table["columns"] if column["kind"] not in own]
    rows = [[row["name"] or row["row"], *row["cells"]] for row in table["rows"]]
    return pd.DataFrame(rows, columns=names)
