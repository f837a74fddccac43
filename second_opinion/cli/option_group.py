"""Options of a command that belong together, which it gets as one record."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

Command = Callable[..., Any]


def grouped(
    argument: str, record: Any, *options: Callable[[Command], Command]
) -> Callable[[Command], Command]:
    """Adds the options to a command, which gets their values as the fields of that argument.

    ``record`` is a class of named tuples.
    """

    def decorated(command: Command) -> Command:
        def with_one(*args: Any, **values: Any) -> Any:
            fields = {name: values.pop(name) for name in record._fields}
            return command(*args, **{argument: record(**fields)}, **values)

        whole: Command = functools.wraps(command)(with_one)
        for option in reversed(options):
            whole = option(whole)
        return whole

    return decorated
