"""Whether somebody may EXECUTE a model of Unity Catalog, asked there with that person's own token.

The registered model is fetched: Unity Catalog gives it to its owner, to who has EXECUTE on it with
USE CATALOG and USE SCHEMA above it, by whatever group, and to metastore admins, and to nobody else
(https://docs.databricks.com/api/workspace/registeredmodels/get). Its list of effective permissions
names groups without who is in them, and owners not at all.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from hashlib import sha256
from typing import Final
from urllib.error import URLError
from urllib.parse import quote, urlsplit
from urllib.request import Request, build_opener

from second_opinion.access.local_browser import OWN_NAMES

SILENCE_SECONDS: Final = 3
REMEMBERED_SECONDS: Final = 60
MOST_REMEMBERED: Final = 1000
MOST_BYTES: Final = 1_000_000

# By a hash of person and model: a token is kept nowhere.
_answers: dict[str, tuple[float, bool]] = {}
_lock = threading.Lock()


def may_execute(host: str, model: str, token: str) -> bool:
    """Whether the holder of this token may EXECUTE a model, by its full name; False without proof.

    ``host`` is the workspace, with or without https://. An answer is remembered for a minute, a
    refusal and silence too.
    """
    if not token:
        return False
    key = sha256(repr((host, model, token)).encode("utf-8", "replace")).hexdigest()
    with _lock:
        until, answer = _answers.get(key, (0.0, False))
    if time.monotonic() < until:
        return answer
    answer = _asked_there(host, model, token)
    with _lock:
        while len(_answers) >= MOST_REMEMBERED:
            del _answers[next(iter(_answers))]
        _answers.pop(key, None)
        _answers[key] = (time.monotonic() + REMEMBERED_SECONDS, answer)
    return answer


def _url(host: str, model: str) -> str:
    parts = urlsplit(host if "//" in host else f"https://{host}")
    # In the open a token goes to this machine alone.
    scheme = parts.scheme if parts.hostname in OWN_NAMES else "https"
    return f"{scheme}://{parts.netloc}/api/2.1/unity-catalog/models/{quote(model, safe='')}"


def _asked_there(host: str, model: str, token: str) -> bool:
    try:
        request = Request(_url(host, model))  # noqa: S310 - https, or http to this machine
        # To that host alone, not to where it sends on to.
        request.add_unredirected_header("Authorization", f"Bearer {token}")
        with build_opener().open(request, timeout=SILENCE_SECONDS) as response:
            answer = json.loads(response.read(MOST_BYTES))
    except (URLError, http.client.HTTPException, OSError, ValueError, RecursionError):
        return False
    name = answer.get("full_name") if isinstance(answer, dict) else None
    return isinstance(name, str) and name.casefold() == model.casefold()
