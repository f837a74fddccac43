"""What people are told of errors: one kind is shown as written, any other has a number."""

import logging
from uuid import uuid4

log = logging.getLogger("second_opinion")


class UserError(Exception):
    """A problem that the person at the screen can act on.

    The message says where, what was found, what was expected and what to do. Pages and commands
    show it as written; every other exception is a fault of the program and gets an incident id.
    """


class StorageError(UserError):
    """The feedback database cannot be used as it is: nothing that was sent is to blame."""


def incident(error: Exception) -> str:
    """Write a fault of the program to the log; returns what people are told, with its number."""
    number = uuid4().hex[:8]
    log.error("incident %s", number, exc_info=error)
    return (
        "Something went wrong that is not your doing; what was saved before is safe. Try again, "
        f"and if it stays, give the number {number} to the person who runs this app."
    )


def first_line(error: BaseException) -> str:
    """The first line that an exception says, cut to what fits in a message."""
    line = (str(error).strip() or "no reason given").splitlines()[0]
    return line if len(line) <= 200 else line[:199] + "…"
