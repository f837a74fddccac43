"""Connections that a listening socket accepts send at once, whoever opened that socket."""

import asyncio
import socket
from contextlib import closing
from pathlib import Path

import pytest

from second_opinion.api import mounting, packet_delay

pytestmark = pytest.mark.skipif(not packet_delay.OPEN_FILES.is_dir(), reason="no list of files")


@pytest.fixture(params=["127.0.0.1", "::1"])
def listening(request):
    """A socket as Streamlit's server opens one: nothing says that it is of TCP."""
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    try:
        server = socket.socket(family)
        server.bind((request.param, 0))
    except OSError:
        pytest.skip("no IPv6 here")
    server.listen()
    with closing(server):
        yield server


def sends_at_once(server):
    """Whether asyncio's side of a connection to this socket does."""

    async def accepted():
        told = asyncio.get_running_loop().create_future()

        async def note(reader, writer):
            option = writer.get_extra_info("socket")
            told.set_result(option.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        copy = server.dup()
        async with await asyncio.start_server(note, sock=copy):
            _, writer = await asyncio.open_connection(*copy.getsockname()[:2])
            delay = await told
            writer.close()
            return bool(delay)

    return asyncio.run(accepted())


def test_a_server_that_begins_sends_at_once(listening):
    async def live():
        async with mounting.lifespan(None):
            pass

    assert not sends_at_once(listening)
    asyncio.run(live())
    assert sends_at_once(listening)


def test_other_files_and_sockets_are_left_as_they_are(tmp_path):
    ends = socket.socketpair()
    client = socket.socket(socket.AF_INET)
    path = tmp_path / "file"
    with path.open("w") as file, closing(client), closing(ends[0]), closing(ends[1]):
        before = sorted(packet_delay.OPEN_FILES.iterdir())
        packet_delay.end()
        assert sorted(packet_delay.OPEN_FILES.iterdir()) == before
        assert not client.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        file.write("still open")
        ends[0].sendall(b"still open")
        assert ends[1].recv(20) == b"still open"


def test_a_system_that_lists_no_open_files_is_left_alone(monkeypatch):
    monkeypatch.setattr(packet_delay, "OPEN_FILES", Path("/nowhere"))
    packet_delay.end()
