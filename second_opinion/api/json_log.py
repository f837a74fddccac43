"""The log as one JSON object a line, for whatever collects it. No value of a case is in it."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Any

from second_opinion.errors import UserError
from second_opinion.settings import Settings

LOGGERS = ("", "streamlit", "uvicorn", "uvicorn.error", "second_opinion")
JSON = "json"


class JsonLines(logging.Formatter):
    """A record as JSON: ``time``, ``level``, ``logger``, ``message``, and what it is about."""

    def format(self, record: logging.LogRecord) -> str:
        """One line. Of an error its type and places: what it says may quote a case."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "about", {}),
        }
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
            frames = traceback.extract_tb(record.exc_info[2])
            line["places"] = [f"{one.filename}:{one.lineno} {one.name}" for one in frames]
        return json.dumps(line, default=str)


def begin(settings: Settings) -> None:
    """Write the log of this process as JSON, if LOG_FORMAT says so.

    `UserError` for a format that there is not.
    """
    wanted = settings.log_format.strip().lower()
    if wanted not in ("", "text", JSON):
        raise UserError(
            f"The setting LOG_FORMAT is {settings.log_format!r}; expected json or text. Correct it."
        )
    if wanted != JSON:
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    for name in [*LOGGERS, *_with_handlers()]:
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
    logging.getLogger().handlers = [handler]
    logging.getLogger("second_opinion").setLevel(logging.INFO)
    # Calls are logged by `call_log`, and addresses of pages name cases.
    logging.getLogger("uvicorn.access").disabled = True


def _with_handlers() -> list[str]:
    """The loggers that write for themselves by now."""
    every = logging.root.manager.loggerDict.items()
    return [name for name, one in every if isinstance(one, logging.Logger) and one.handlers]
