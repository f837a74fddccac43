"""Who counts as this machine: what the request proves, behind real proxies and relays too."""

from itertools import product

import pytest
from browsing import App
from builders import ROOT
from connections import drawn, nginx, relay
from visits import start

from second_opinion.access import local_browser
from second_opinion.doctor import machine

OWN = ["localhost", "127.0.0.1", "[::1]", "LOCALHOST"]
FOREIGN = [
    "evil.example",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "evil.example#localhost",
    "localhost@evil.example",
    "evil@localhost",
    "192.0.2.7",
    "0.0.0.0",
    "127.0.0.2",
    "localhost.",
    "[::ffff:127.0.0.1]",
    "[::1",
    "localhost/evil.example",
    "localhost?evil.example",
    "localhost#evil.example",
    "",
]
# Each says, in some proxy, load balancer or tunnel, for whom a request was forwarded.
FORWARDED = [
    "Forwarded",
    "Via",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Forwarded-Port",
    "X-Forwarded-Server",
    "X-Forwarded-Prefix",
    "X-Forwarded-User",
    "X-Real-IP",
    "X-Client-IP",
    "X-Cluster-Client-IP",
    "X-Original-Host",
    "X-Original-Forwarded-For",
    "X-Envoy-External-Address",
    "X-Request-Id",
    "X-ProxyContextPath",
    "CF-Connecting-IP",
    "CF-Ray",
    "CF-Visitor",
    "CDN-Loop",
    "True-Client-IP",
    "Fly-Client-IP",
    "Fastly-Client-IP",
    "Client-IP",
    "Tailscale-User-Login",
    "Ngrok-Skip-Browser-Warning",
    "Remote-User",
    "Authorization",
    "Proxy-Connection",
]


def request(host="localhost:8501", origin="http://localhost:8501", **others):
    named = [("Host", host), ("Origin", origin), *others.items()]
    return [(name, value) for name, value in named if value is not None]


@pytest.mark.parametrize("address", [None, "127.0.0.1", "::1", "::ffff:127.0.0.1", "127.0.0.5"])
def test_a_browser_on_this_machine_is_local(address):
    for host, to in product(OWN, OWN):
        assert local_browser.is_local(address, request(f"{host}:8501", f"http://{to}:8501"))
        assert local_browser.is_local(address, request(host, f"https://{to}"))


@pytest.mark.parametrize("address", ["192.0.2.7", "10.0.0.1", "::ffff:192.0.2.7", "fe80::1", "?"])
def test_a_peer_elsewhere_is_not_local(address):
    assert not local_browser.is_local(address, request())


@pytest.mark.parametrize("host", FOREIGN)
def test_a_name_that_leads_here_is_not_local(host):
    assert not local_browser.is_local(None, request(host=host))
    assert not local_browser.is_local(None, request(host=f"{host}:8501"))
    assert not local_browser.is_local(None, request(origin=f"http://{host}"))
    assert not local_browser.is_local(None, request(host, f"http://{host}"))


def test_what_is_missing_or_said_twice_proves_nothing():
    assert not local_browser.is_local(None, [])
    assert not local_browser.is_local(None, request(host=None))
    assert not local_browser.is_local(None, request(origin=None))
    assert not local_browser.is_local(None, request(origin="null"))
    for host in (*OWN, "evil.example"):
        assert not local_browser.is_local(None, [*request(), ("host", host)])
        assert not local_browser.is_local(None, [*request(), ("ORIGIN", f"http://{host}")])


@pytest.mark.parametrize("header", FORWARDED)
def test_a_header_that_no_browser_sends_was_added_on_the_way(header):
    for name, value in product((header, header.lower(), header.upper()), ("", "127.0.0.1")):
        assert not local_browser.is_local(None, [*request(), (name, value)])


def test_what_browsers_send_is_no_sign_of_a_proxy():
    """As Chromium and Firefox open the connection."""
    sent = [
        "Connection",
        "Pragma",
        "Cache-Control",
        "User-Agent",
        "Upgrade",
        "Sec-WebSocket-Version",
        "DNT",
        "Sec-GPC",
        "Accept",
        "Accept-Encoding",
        "Accept-Language",
        "Cookie",
        "Sec-WebSocket-Key",
        "Sec-WebSocket-Extensions",
        "Sec-WebSocket-Protocol",
        "Sec-Fetch-Dest",
        "Sec-Fetch-Mode",
        "Sec-Fetch-Site",
        "Priority",
    ]
    assert local_browser.is_local(None, request(**dict.fromkeys(sent, "x")))


def test_whoever_runs_the_app_is_told_when_it_needs_a_code(place, empty_folder, monkeypatch):
    for paper in ("docs/security.md", "docs/community-cloud.md", "README.md"):
        text = " ".join((ROOT / paper).read_text("utf-8").replace("`", "").split())
        assert local_browser.WHEN_TO_CLOSE in text, paper
    assert local_browser.NGINX in (ROOT / "docs/security.md").read_text("utf-8")
    help_page = start("pages/8_Help.py")
    assert local_browser.WHEN_TO_CLOSE in [text.value for text in help_page.text]
    assert local_browser.NGINX.strip() in [code.value.strip() for code in help_page.code]
    (door,) = [check for check in machine.examine() if check.name == "who may come in"]
    assert local_browser.WHEN_TO_CLOSE in door.found
    monkeypatch.setenv("PUBLIC", "1")
    (door,) = [check for check in machine.examine() if check.name == "who may come in"]
    assert "nobody counts as the owner without a code" in door.found


# --- behind real proxies and relays

# What is set, and who somebody is who enters no code: on this machine, and from anywhere else.
SETTINGS = {
    "nothing": ({}, "owner", "expert"),
    "public": ({"PUBLIC": "1"}, "expert", "expert"),
    "one code": ({"OWNER_CODE": "o"}, "expert", "expert"),
    "a code for experts": ({"EXPERT_CODE": "e"}, "nobody", "nobody"),
    "two codes": ({"EXPERT_CODE": "e", "REVIEWER_CODE": "r"}, "nobody", "nobody"),
    "three codes": (
        {"EXPERT_CODE": "e", "REVIEWER_CODE": "r", "OWNER_CODE": "o"},
        "nobody",
        "nobody",
    ),
}
STRANGER = "validation.example"
NGINX_USUAL = (ROOT / "tests/trials/trust/nginx-websocket.conf").read_text("utf-8")
NGINX_BARE = "\n".join(line for line in NGINX_USUAL.splitlines() if " Host " not in line)


@pytest.fixture(scope="module", params=SETTINGS)
def guarded_app(request, tmp_path_factory, models):
    """An app for each of the settings, and whom it takes a browser here and elsewhere for."""
    values, local, foreign = SETTINGS[request.param]
    with pytest.MonkeyPatch.context() as environment:
        for name in ("PUBLIC", "EXPERT_CODE", "REVIEWER_CODE", "OWNER_CODE"):
            environment.setenv(name, values.get(name, ""))
        app = App(tmp_path_factory.mktemp("guarded"), models)
        try:
            yield app.start(), local, foreign
        finally:
            app.stop()


def seen_as(port, host, origin=None):
    """What the app takes a browser for that opens it under this name."""
    origin = origin or f"http://{host}"
    if b"You need the code" in drawn(port, "Feedback_review", host, origin):
        assert b"who_change" not in drawn(port, "Home", host, origin)
        return "nobody"
    review = b"review_section" in drawn(port, "Feedback_review", host, origin)
    promote = b"models_promote" in drawn(port, "Models", host, origin)
    return {(True, True): "owner", (True, False): "reviewer", (False, False): "expert"}[
        review, promote
    ]


@pytest.mark.slow
def test_a_browser_is_taken_for_what_it_proves(guarded_app):
    app, local, foreign = guarded_app
    assert seen_as(app.port, f"localhost:{app.port}") == local
    assert seen_as(app.port, f"127.0.0.1:{app.port}") == local
    # The name of a stranger's page leads to this machine.
    assert seen_as(app.port, f"evil.example:{app.port}") == foreign


@pytest.mark.slow
def test_behind_a_relay_the_name_that_was_opened_counts(guarded_app):
    app, local, foreign = guarded_app
    with relay(app.port) as port:
        assert seen_as(port, f"{STRANGER}:{port}") == foreign
        # Nothing tells this one from a browser on this machine: hence a code, or PUBLIC=1.
        assert seen_as(port, "localhost:8501") == local


@pytest.mark.slow
@pytest.mark.parametrize("lines", ["usual", "bare", "ours"])
def test_behind_nginx_nobody_is_local(guarded_app, tmp_path, lines):
    app, local, foreign = guarded_app
    block = {"usual": NGINX_USUAL, "bare": NGINX_BARE, "ours": local_browser.NGINX}[lines]
    with nginx(tmp_path, block, app.port) as port:
        if lines != "bare":
            assert seen_as(port, STRANGER) == foreign
        else:
            # The Host is nginx's own word for the app: the browser's Origin is the stranger's.
            with pytest.raises(Exception, match="403"):
                drawn(port, "Home", STRANGER, f"http://{STRANGER}")
        forged = seen_as(port, "localhost")
        # Our lines say of everybody that he was forwarded, whatever name he writes.
        assert forged == (foreign if lines == "ours" else local)
