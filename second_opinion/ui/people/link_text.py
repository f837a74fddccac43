"""What is sent to somebody who is invited: the address of the link, and a text around it."""

from __future__ import annotations

from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from second_opinion.records.invitation import Invitation
from second_opinion.ui.personal_link import PARAMETER

NO_ADDRESS = "https://ADDRESS-OF-THIS-APP/"


def address(page_url: str | None, secret: str) -> str:
    """The link, beside the page that its owner has open; ``page_url`` is where that is."""
    parts = urlsplit(page_url or NO_ADDRESS)
    home = parts.path.rpartition("/")[0] + "/"
    return urlunsplit((parts.scheme, parts.netloc, home, urlencode({PARAMETER: secret}), ""))


def message(invitation: Invitation, link: str, title: str, sender: str) -> str:
    """The text that goes with a link: what it is, how long it takes, and who sees the answers."""
    return (
        f"Hello {invitation.name},\n\n"
        f"{_request(invitation, title)} This is your personal link; it works on a computer and on "
        "a phone:\n\n"
        f"{link}\n\n"
        "A case takes about two minutes; stop and come back whenever you like. What you say is "
        "stored under your name, and the people who answer for the model read it. The link is "
        "yours alone: please do not pass it on. The first page may take a minute to wake.\n\n"
        f"{sender}\n"
    )


def _request(invitation: Invitation, title: str) -> str:
    subject = f'the model "{title}"' if title else "a model"
    if invitation.plan_id:
        return (
            f"please help to decide whether {subject} may be used. Your link opens your queue: one "
            "case at a time, first your own answer, then you see what the model says."
        )
    return f"please look at cases of {subject} and say where its answers are right."


def reminder(invitation: Invitation, title: str, sender: str) -> str:
    """The same without the link, which is kept nowhere: for somebody who has it already."""
    subject = f'the model "{title}"' if title else "a model"
    waiting = "Your queue is not done yet" if invitation.plan_id else "Your opinion still counts"
    return (
        f"Hello {invitation.name},\n\n"
        f"some time ago you got a personal link to judge cases of {subject}. {waiting}: please "
        "open the link again and go on where you were. If you no longer find it, answer this "
        "message, and you get a new one.\n\n"
        f"{sender}\n"
    )


def mail(invitation: Invitation, text: str) -> str:
    """An address that opens a new e-mail with the text in it; empty without an e-mail address."""
    if not invitation.email:
        return ""
    words = {"subject": "Your second opinion on a model", "body": text.replace("\n", "\r\n")}
    return f"mailto:{quote(invitation.email)}?{urlencode(words, quote_via=quote)}"
