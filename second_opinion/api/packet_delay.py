"""No waiting for the other side's receipt before an answer is sent on.

An answer leaves in two packets, head and body. TCP holds the second back until the first is
receipted (Nagle), which the other side does after 40 ms. asyncio forbids that for sockets that say
they are TCP; those of the socket that Streamlit's server opens do not say so.
"""

from __future__ import annotations

import os
import socket
import stat
from contextlib import suppress
from pathlib import Path

OPEN_FILES = Path("/dev/fd")


def end() -> None:
    """Send at once on each connection that this process will accept, of the ports it listens on.

    Accepted connections have this option of the socket that accepts them. Nothing happens where
    the system does not list open files, as on Windows.
    """
    if OPEN_FILES.is_dir():
        for file in list(OPEN_FILES.iterdir()):
            # The list itself is open while it is read, and gone afterwards.
            with suppress(OSError):
                _send_at_once(int(file.name))


def _send_at_once(number: int) -> None:
    if not stat.S_ISSOCK(os.fstat(number).st_mode):
        return
    # Another kind of socket has no such option.
    with suppress(OSError), socket.fromfd(number, socket.AF_INET, socket.SOCK_STREAM) as one:
        if one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
