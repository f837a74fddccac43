"""The one kind of error that is shown to people as it is written."""


class UserError(Exception):
    """A problem that the person at the screen can act on.

    The message says where, what was found, what was expected and what to do. Pages and commands
    show it as written; every other exception is a fault of the program and gets an incident id.
    """
