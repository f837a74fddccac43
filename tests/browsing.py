"""A visitor of a running app in a real browser: clicks, waits, and reads what is drawn."""

import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from builders import ROOT
from playwright.sync_api import expect

BROWSER_HELP = (
    "No browser: these tests did not run. Run `.venv/bin/playwright install chromium`, or "
    "`apt-get install chromium` on Debian, or set CHROMIUM to the program."
)
NGINX_HELP = (
    "No nginx: what a visitor behind it may do was not tried. Run `apt-get install nginx-light` on "
    "Debian, or set NGINX to the program."
)


class App:
    """`streamlit run` in a process of its own, with its own database and log."""

    def __init__(self, folder, models, script="Home.py", home=ROOT):
        self.script, self.home = script, home
        self.folder, self.database, self.models = folder, folder / "feedback.db", models
        self.log = folder / "server.log"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None

    def start(self):
        """Start it, and wait until it answers."""
        command = [sys.executable, "-m", "streamlit", "run", str(self.script)]
        options = {
            "server.port": self.port,
            "server.address": "127.0.0.1",
            "server.headless": "true",
        }
        command += [f"--{name}={value}" for name, value in options.items()]
        env = {"DURABLE": "1", **os.environ}
        env |= {"FEEDBACK_DB": str(self.database), "MODEL_DIR": str(self.models)}
        env.pop("MODEL", None)
        with self.log.open("a") as log:
            self.process = subprocess.Popen(command, cwd=self.home, env=env, stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while not self._healthy():
            assert self.process.poll() is None, f"the server ended:\n{self.said()}"
            assert time.monotonic() < deadline, f"the server does not answer:\n{self.said()}"
            time.sleep(0.1)
        return self

    def kill(self):
        """End it as a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        """End it, in peace if it lets itself."""
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.kill()

    def said(self, since=0):
        """What the server wrote, from a position in its log."""
        return self.log.read_text("utf-8", errors="replace")[since:] if self.log.exists() else ""

    def _healthy(self):
        with suppress(URLError, ConnectionError, TimeoutError):
            return urlopen(f"{self.url}/_stcore/health", timeout=2).status == 200
        return False


def free_port():
    """A port of this machine that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def watched(app):
    """The app during a test; a traceback in its log fails the test, which shows the log."""
    before = len(app.said())
    yield app
    said = app.said(before)
    sys.stdout.write(f"the server's log:\n{said}")
    assert "Traceback" not in said
    assert "incident" not in said


def chromium(playwright):
    """The first browser that is there, or None."""
    found = [os.environ.get("CHROMIUM"), playwright.chromium.executable_path]
    found += [shutil.which(n) for n in ("chromium", "chromium-browser", "google-chrome")]
    return next((path for path in found if path and Path(path).exists()), None)


# What is asserted may come late on a busy machine, as for every other wait of a visitor.
# What a shorter test beside it covers for the most part.
at_length = pytest.mark.skipif(
    os.environ.get("THOROUGH") != "1", reason="takes long; THOROUGH=1 runs it"
)
PATIENCE = 45_000
expect.set_options(timeout=PATIENCE)

# Without width: it keeps an address in a label from becoming a link.
WORD_JOINER = "\u2060"

IDLE = '[data-testid="stApp"][data-test-script-state="notRunning"]'

# Every piece of text that is drawn, with its element; in the editor's shadow tree too.
TEXTS = """
function* texts(root) {
  for (const element of root.querySelectorAll("*")) {
    if (element.shadowRoot) yield* texts(element.shadowRoot)
    if (["STYLE", "SCRIPT", "NOSCRIPT", "TITLE"].includes(element.tagName)) continue
    const own = [...element.childNodes].filter(node => node.nodeType === 3)
    const text = own.map(node => node.textContent).join(" ").trim()
    const seen = element.checkVisibility({ visibilityProperty: true, opacityProperty: true })
    if (!text || !seen) continue
    const style = getComputedStyle(element)
    if (style.fontFamily.includes("Material Symbols")) continue
    const range = document.createRange()
    range.selectNodeContents(element)
    const box = range.getBoundingClientRect()
    const away = box.right <= 0 || box.bottom <= 0  // the closed menu waits beside the page
    if (box.width > 1 && box.height > 1 && !away) yield { element, text, style, box }
  }
}
"""

CUT_OFF = f"""width => {{ {TEXTS}
  const found = []
  if (document.documentElement.scrollWidth > width) found.push("the page scrolls sideways")
  for (const {{ element, text, box }} of texts(document)) {{
    if (element.closest('[data-testid="stDataFrame"], [data-testid="stTable"]')) continue
    const table = element.closest(".scroll")
    if (table && getComputedStyle(table).overflowX !== "visible") continue
    if (box.right > width + 0.5) found.push(`sticks out: ${{text}}`)
    for (let at = element; at && at !== document.body; at = at.parentElement) {{
      const style = getComputedStyle(at)
      const clips = ["hidden", "clip", "auto", "scroll"].includes(style.overflowX)
      if (clips && box.right > at.getBoundingClientRect().right + 1 && at.clientWidth > 1)
        found.push(`is cut off: ${{text}}`)
    }}
  }}
  return found
}}"""

PALE = f"""() => {{ {TEXTS}
  const canvas = document.createElement("canvas")
  canvas.width = canvas.height = 1
  const pen = canvas.getContext("2d", {{ willReadFrequently: true }})
  function painted(layers, text, opacity) {{
    pen.globalAlpha = 1
    for (const layer of layers) {{ pen.fillStyle = layer; pen.fillRect(0, 0, 1, 1) }}
    pen.globalAlpha = opacity
    pen.fillStyle = text
    pen.fillRect(0, 0, 1, 1)
    return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3)
  }}
  function luminance(colour) {{
    const [r, g, b] = colour.map(part => part / 255)
      .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }}
  const parent = element => element.parentElement ?? element.getRootNode().host ?? null
  const found = []
  for (const {{ element, text, style }} of texts(document)) {{
    if (element.closest("[disabled], [aria-disabled=true]") || style.color === "rgba(0, 0, 0, 0)")
      continue
    const layers = []
    let opacity = 1
    for (let at = element; at; at = parent(at)) {{
      layers.unshift(getComputedStyle(at).backgroundColor)
      opacity *= getComputedStyle(at).opacity
    }}
    layers.unshift("white")
    const below = luminance(painted(layers, style.color, 0))
    const above = luminance(painted(layers, style.color, opacity))
    const ratio = (Math.max(below, above) + 0.05) / (Math.min(below, above) + 0.05)
    if (ratio < 4.5) found.push(`${{ratio.toFixed(2)}}: ${{text}}`)
  }}
  return found
}}"""


def part(page, key):
    return page.locator(f".st-key-{key}")


def button(page, key):
    return page.locator(f".st-key-{key} button").first


def field(page, feature):
    return part(page, f"predict_field_{feature}").locator("input, textarea").first


def alert(page, text):
    return page.locator('[data-testid="stAlert"]', has_text=text)


def settle(page):
    """Wait until the server has answered what was done."""
    page.wait_for_timeout(150)
    page.locator(IDLE).wait_for(state="attached")


def still(page):
    """Wait until nothing is drawn anew: what waits for its next state is paler until then."""
    settle(page)
    page.wait_for_function("!document.querySelector('[data-stale=true]')")
    page.wait_for_timeout(300)


def downloaded(page, key):
    """What the button hands out. A drawing that is under way would take its file back."""
    still(page)
    with page.expect_download(timeout=60_000) as download:
        button(page, key).click()
    return Path(download.value.path()).read_bytes()


def address_has(page, *pieces):
    """Wait until the address holds each of them: it follows what is drawn."""
    for piece in pieces:
        expect(page).to_have_url(re.compile(re.escape(piece)))


def unreadable(page, width):
    """What is cut off or pale, once the page is at rest: charts take up another theme late."""
    deadline = time.monotonic() + PATIENCE / 1000
    while found := page.evaluate(CUT_OFF, width) + page.evaluate(PALE):
        if time.monotonic() > deadline:
            break
        page.wait_for_timeout(300)
    return found


def unfold(page, title):
    """Open a folded part and wait until it has grown: it moves what is in it while it grows."""
    folded = page.locator("details", has_text=title)
    folded.locator("summary").click()
    grown = "part => part.open && part.scrollHeight <= part.clientHeight"
    page.wait_for_function(grown, arg=folded.element_handle())


def give_name(page, name):
    part(page, "who_name").locator("input").fill(name)
    button(page, "who_start").click()
    button(page, "predict_submit").wait_for()


def predict(page):
    button(page, "predict_submit").click()
    part(page, "verdict_buttons").wait_for()


def stored(app, query, *parameters):
    """Rows as another program reads them from the file."""
    with closing(sqlite3.connect(f"{app.database.as_uri()}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        return connection.execute(query, parameters).fetchall()
