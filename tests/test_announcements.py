"""The owner is told once that a queue is done or a decision reached: by webhook or by mail."""

import json
import socketserver
import ssl
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from builders import OWNER, scored_batch
from file_servers import certificate_in

from second_opinion.batches.scored_rows import ScoredRows
from second_opinion.errors import UserError
from second_opinion.evidence import announcements, mail_or_webhook, plan_of_batch
from second_opinion.evidence.plan_of_batch import Terms
from second_opinion.records.invitation import Invitation
from second_opinion.verdicts.blind_answer import locked


@contextmanager
def served(server):
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def webhook():
    """A webhook on this machine: its address, and what was sent to it."""
    sent = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self):
            sent.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    with served(HTTPServer(("127.0.0.1", 0), Hook)) as port:
        yield f"http://127.0.0.1:{port}/hook", sent


@pytest.fixture
def mailbox():
    """A mail server on this machine: its port, and the lines that were sent to it."""
    lines = []
    with served(mail_server(lines)) as port:
        yield port, lines


def mail_server(lines, offers_tls=False, certificate=None):
    """With a certificate over TLS from the start, or once it is asked to, where it offers that."""
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)

    class Mail(socketserver.StreamRequestHandler):
        def handle(self):
            if certificate and not offers_tls:
                self._secure()
            self.wfile.write(b"220 here\r\n")
            in_text = False
            while line := self.rfile.readline():
                word = line.strip().decode()
                lines.append(word)
                if in_text and word != ".":
                    continue
                if word == "QUIT":
                    self.wfile.write(b"221 bye\r\n")
                    return
                in_text = word.upper() == "DATA"
                greets = word.upper().startswith("EHLO") and offers_tls
                more = b"250-here\r\n250 STARTTLS\r\n" if greets else b"250 ok\r\n"
                if word.upper() == "STARTTLS":
                    more = b"220 go\r\n"
                self.wfile.write(b"354 go\r\n" if in_text else more)
                if word.upper() == "STARTTLS":
                    self._secure()

        def _secure(self):
            self.request = context.wrap_socket(self.request, server_side=True)
            self.setup()

    class Server(socketserver.ThreadingTCPServer):
        def handle_error(self, *_):
            pass

    return Server(("127.0.0.1", 0), Mail)


@pytest.fixture
def no_waits(monkeypatch):
    monkeypatch.setattr(mail_or_webhook, "WAITS", (0.0, 0.0))


@pytest.fixture
def study(empty_store, registry):
    """A plan of one expert who has answered all of its cases, by a personal link."""
    batch, _ = scored_batch(empty_store, registry, "triage", 30)
    terms = Terms(target=0.6, expected=0.95, experts=("Ada",), twice=0)
    card = registry.card("triage")
    plan = plan_of_batch.freeze(empty_store, card, batch, terms, by=OWNER)
    invitation = Invitation("Ada", plan_id=plan.id)
    empty_store.invitations.invite(invitation, by=OWNER)
    person = invitation.expert
    while case := empty_store.queue.next(plan.id, by=person):
        prediction = ScoredRows(empty_store).opened(batch, case.row_number, card)
        given = locked(prediction, person.label, prediction.value)
        signed = {"identity_source": "invite", "expert_key": person.expert_key}
        empty_store.add_verdict(type(given)(**vars(given) | signed), by=person)
    return empty_store, plan


def test_a_finished_queue_and_a_decision_are_told_once(study, webhook):
    (store, plan), (address, sent) = study, webhook
    assert len(announcements.tell(store, address)) == 2
    assert announcements.tell(store, address) == []
    assert {one["what"] for one in sent} == {"decision", "queue done"}
    (decided,) = [one for one in sent if one["what"] == "decision"]
    assert decided["state"] == "established"
    assert decided["text"].startswith(f"{plan.name}: established. The model is right in at least")
    (done,) = [one for one in sent if one["what"] == "queue done"]
    assert done["text"] == f"{plan.name}: Ada has 30 cases answered, and none waits."
    kinds = [event.what for event in store.event_log.newest(by=OWNER)]
    assert kinds[:2] == ["announcement", "announcement"]


def test_nothing_is_told_of_a_queue_that_waits_or_was_not_begun(empty_store, registry, webhook):
    batch, _ = scored_batch(empty_store, registry, "triage", 30)
    terms = Terms(target=0.9, expected=0.95, experts=("Ada",), twice=0)
    plan = plan_of_batch.freeze(empty_store, registry.card("triage"), batch, terms, by=OWNER)
    empty_store.invitations.invite(Invitation("Ada", plan_id=plan.id), by=OWNER)
    address, sent = webhook
    assert announcements.tell(empty_store, address) == []
    assert sent == []


def test_an_e_mail_has_the_sentence_and_whom_it_is_for(mailbox):
    port, lines = mailbox
    address = f"smtp://127.0.0.1:{port}/?to=olga@example.org&from=app@example.org"
    assert mail_or_webhook.send(address, "Plan 1: established. More.", {}) == ""
    assert "Subject: Plan 1: established" in lines
    assert "To: olga@example.org" in lines
    assert "From: app@example.org" in lines
    assert "Plan 1: established. More." in lines


@pytest.mark.parametrize(("scheme", "offers_tls"), [("smtp", True), ("smtps", False)])
def test_a_mail_goes_only_to_the_server_whose_certificate_holds(
    tmp_path, no_waits, monkeypatch, scheme, offers_tls
):
    certificate, lines = certificate_in(tmp_path), []
    with served(mail_server(lines, offers_tls, certificate)) as port:
        address = f"{scheme}://ada:secret@127.0.0.1:{port}/?to=olga@example.org"
        assert mail_or_webhook.send(address, "Plan 1.", {}) == "SSLCertVerificationError"
        assert not [line for line in lines if line.upper().startswith(("AUTH", "MAIL", "DATA"))]
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        without_password = address.replace("ada:secret@", "")
        assert mail_or_webhook.send(without_password, "Plan 1.", {}) == ""
    assert "To: olga@example.org" in lines


def test_a_password_is_not_sent_in_the_clear(mailbox):
    port, lines = mailbox
    address = f"smtp://ada:secret@127.0.0.1:{port}/?to=olga@example.org"
    assert "the password was not sent" in mail_or_webhook.send(address, "Plan 1.", {})
    assert not [line for line in lines if line.upper().startswith(("AUTH", "MAIL", "DATA"))]
    # What it says to do: an address without a password.
    assert mail_or_webhook.send(address.replace("ada:secret@", ""), "Plan 1.", {}) == ""


def test_what_cannot_be_sent_is_on_record_without_the_address(study, no_waits):
    store, _ = study
    announcements.tell(store, "http://127.0.0.1:1/secret-path")
    failed = store.event_log.newest("failed announcement", by=OWNER)
    assert {event.details["fault"] for event in failed} == {"URLError"}
    assert "secret-path" not in repr(store.event_log.newest(by=OWNER))


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("", "begins with nothing"),
        ("ftp://example.org", "begins with ftp"),
        ("file:///etc/passwd", "begins with file"),
        ("https://", "names no host"),
        ("smtp://example.org", "names nobody to write to"),
        ("smtp:///?to=a@b.org", "names no host"),
        ("https://[", "is no address"),
        ("https://example.org:port/", "is no address"),
    ],
)
def test_an_address_to_which_nothing_can_be_sent_is_refused_in_words(address, said):
    with pytest.raises(UserError, match=said) as error:
        mail_or_webhook.check(address)
    assert "Correct the setting NOTIFY_URL" in str(error.value)
    assert mail_or_webhook.send(address, "x", {}) == str(error.value)


def test_one_look_waits_at_a_time(empty_store, monkeypatch):
    monkeypatch.setattr(announcements, "LATER_SECONDS", 0.05)
    begun = []
    monkeypatch.setattr(announcements, "tell", lambda *_: begun.append(1))
    for _ in range(20):
        announcements.soon(empty_store, "http://127.0.0.1:1")
    with announcements._waiting:
        pass
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.join(5)
    assert 1 <= len(begun) < 20
