"""Uploads: from which sessions they are taken, and how many bytes of them are held at a time.

Streamlit takes a file from any session, whatever its page shows, and keeps it in memory while the
session lasts. It asks nobody before; what stands here is asked when a file is about to be kept, and
by `upload_gate` before its bytes are read.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from starlette.exceptions import HTTPException
from streamlit import runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from second_opinion.batches import jobs
from second_opinion.settings import MB, Settings

NO_ROLE = (
    "This upload was not taken: its session has entered no code. Open the app in a browser, enter "
    "your code there, then choose the file again."
)


class Uploads:
    """The uploads of this process: who may bring some, and what they take.

    Held are the files that Streamlit keeps and those that a batch is still being read from;
    ``manager`` keeps the former, ``is_active`` says whether a session is still there.
    """

    def __init__(
        self, manager: MemoryUploadedFileManager, is_active: Callable[[str], bool]
    ) -> None:
        self._manager, self._is_active = manager, is_active
        self._keep = manager.add_file
        manager.add_file = self._add_file  # type: ignore[method-assign]
        self._admitted: set[str] = set()
        self._batches: dict[str, str] = {}
        self._coming: list[tuple[str, int]] = []
        self._limits = Settings().upload_limits
        self._lock = threading.RLock()

    def arrived(self, session: str, *, admitted: bool, settings: Settings) -> None:
        """Note whether a session has a role. Of one that has none any more nothing is kept."""
        with self._lock:
            self._limits = settings.upload_limits
            self._admitted = {one for one in self._admitted if self._is_active(one)} - {session}
            if admitted:
                self._admitted.add(session)
        if not admitted:
            self._manager.remove_session_files(session)

    def leave_page(self, session: str) -> None:
        """Give back what was chosen on a page that is not on the screen any more."""
        self._manager.remove_session_files(session)

    def hand_over(self, session: str, file: Any, batch_id: str) -> None:
        """A batch is read from this file now: Streamlit need not keep it."""
        with self._lock:
            reading = jobs.bytes_held()
            self._batches = {one: of for one, of in self._batches.items() if one in reading}
            self._batches[batch_id] = session
            if file is not None:
                self._manager.remove_file(session, file.file_id)

    def room(self, session: str) -> int:
        """Bytes that may still be uploaded in this session now."""
        with self._lock:
            own, of_all = self._held(session)
        per_visit, in_all = self._limits
        return max(min(per_visit - own, in_all - of_all), 0)

    @contextmanager
    def coming(self, session: str, size: int) -> Iterator[None]:
        """While so many bytes come in; `HTTPException` says in words why they are not taken."""
        mark = (session, size)
        with self._lock:
            self._check(session, size, *self._held(session))
            self._coming.append(mark)
        try:
            yield
        finally:
            with self._lock:
                self._coming.remove(mark)

    def _add_file(self, session_id: str, file: UploadedFileRec) -> None:
        with self._lock:
            # Those that come in were asked about before; this one may be one of them.
            self._check(session_id, len(file.data), *self._held(session_id, with_coming=False))
            self._keep(session_id, file)

    def _check(self, session: str, size: int, own: int, of_all: int) -> None:
        per_visit, in_all = self._limits
        if session not in self._admitted:
            raise HTTPException(403, NO_ROLE)
        if own + size > per_visit:
            raise _too_much(size, "of one visit", per_visit, "VISIT_UPLOADS_MB")
        if of_all + size > in_all:
            raise _too_much(size, "of all visitors", in_all, "ALL_UPLOADS_MB")

    def _held(self, session: str, *, with_coming: bool = True) -> tuple[int, int]:
        """The bytes of this session, and of all."""
        held = [
            (of, len(file.data))
            for of, files in list(self._manager.file_storage.items())
            for file in list(files.values())
        ]
        reading = jobs.bytes_held()
        held += [(self._batches.get(batch_id, ""), size) for batch_id, size in reading.items()]
        held += self._coming if with_coming else []
        return sum(size for of, size in held if of == session), sum(size for _, size in held)


def _too_much(size: int, whose: str, limit: int, setting: str) -> HTTPException:
    return HTTPException(
        413,
        f"This upload of {size / MB:,.1f} MB was not taken: with it, the uploads {whose} that are "
        f"held at a time would be over {limit / MB:,.0f} MB. Wait until the files before it are "
        "checked, or remove one, then choose it again. Whoever runs the app may set "
        f"{setting}.",
    )


def of_this_process() -> Uploads | None:
    """The uploads of the server that runs here; None where none does."""
    if not runtime.exists():
        return None
    server = runtime.get_instance()
    with _lock:
        manager = server.uploaded_file_mgr
        if not isinstance(manager, MemoryUploadedFileManager):
            return None
        if id(manager) not in _uploads:
            _uploads.clear()
            _uploads[id(manager)] = Uploads(manager, server.is_active_session)
        return _uploads[id(manager)]


def arrived(*, admitted: bool, settings: Settings) -> None:
    """Note whether the session of this run has a role."""
    here = _here()
    if here:
        here.uploads.arrived(here.session, admitted=admitted, settings=settings)


def leave_page() -> None:
    """Give back what was chosen on the page that this session leaves."""
    if here := _here():
        here.uploads.leave_page(here.session)


def hand_over(file: Any, batch_id: str) -> None:
    """A batch is read from this file of this session now: Streamlit need not keep it."""
    if here := _here():
        here.uploads.hand_over(here.session, file, batch_id)


def room() -> int | None:
    """Bytes that may still be uploaded in this session now; None where nothing is bounded."""
    here = _here()
    return here.uploads.room(here.session) if here else None


class _Here(NamedTuple):
    uploads: Uploads
    session: str


def _here() -> _Here | None:
    run, uploads = get_script_run_ctx(), of_this_process()
    return _Here(uploads, run.session_id) if run and uploads else None


_uploads: dict[int, Uploads] = {}
_lock = threading.Lock()
