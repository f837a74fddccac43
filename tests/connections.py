"""A visitor of a running app without a browser: its connection, uploads, and proxies before it."""

import asyncio
import http.client
import os
import shutil
import socket
import subprocess
import threading
import time
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from urllib.parse import quote

import pytest
from browsing import NGINX_HELP, free_port
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import connect

ADA = "second_opinion=" + quote('{"name":"Ada"}')


def drawn(port, page, host, origin):
    """Everything that a page sends to a browser that connects so; a refused connection is empty."""
    return asyncio.run(_drawn(port, page, host, origin))


async def _drawn(port, page, host, origin):
    async with _connection(port, host, origin) as socket_:
        return b"".join(await _run(socket_, page))


@asynccontextmanager
async def _connection(port, host, origin):
    connection = connect(
        f"ws://{host}/_stcore/stream",
        host="127.0.0.1",
        port=port,
        origin=origin,
        subprotocols=["streamlit"],
        additional_headers={"Cookie": ADA},
        user_agent_header="Mozilla/5.0",
        max_size=None,
        proxy=None,
    )
    async with connection as socket_:
        yield socket_


async def _run(socket_, page):
    """The messages of one run of a page."""
    run = BackMsg()
    run.rerun_script.page_name = page
    await socket_.send(run.SerializeToString())
    parts, message = [], ForwardMsg()
    while message.WhichOneof("type") != "script_finished":
        parts.append(await socket_.recv())
        message.ParseFromString(parts[-1])
    return parts


class Session:
    """An open session on a page, as a browser holds it; `close` ends it."""

    def __init__(self, port, page="Batch_upload", host=None):
        self.port, self.host = port, host or f"localhost:{port}"
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._context = _connection(port, self.host, f"http://{self.host}")
        self._socket = self._do(self._context.__aenter__())
        self.id = ""
        self.open(page)
        self.token = self._token()

    def open(self, page):
        """Run a page in this session."""
        for part in self._do(_run(self._socket, page)):
            message = ForwardMsg()
            message.ParseFromString(part)
            if message.WhichOneof("type") == "new_session":
                self.id = message.new_session.initialize.session_id

    def close(self):
        self._do(self._context.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)

    def put(self, content, file_id="f1"):
        """Upload a file into this session; status and text of the answer."""
        form = (
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
            + content
            + b"\r\n--x--\r\n"
        )
        return self._asked("PUT", file_id, form)

    def delete(self, file_id="f1"):
        """Remove a file, as the cross beside it does."""
        return self._asked("DELETE", file_id, None)

    def announce(self, size, file_id="f1"):
        """Say that a file of this size comes, and send none of it: status and text of the answer,
        or None where the app waits for the file."""
        with self.begun(size, file_id) as connection:
            answer = http.client.HTTPResponse(connection)
            try:
                answer.begin()
                return answer.status, answer.read().decode()
            except TimeoutError:
                return None

    @contextmanager
    def begun(self, size, file_id="f1"):
        """A file of this size is on its way."""
        lines = [f"PUT {self._path(file_id)} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in self._headers.items()]
        lines += [f"Content-Length: {size}", "", ""]
        with socket.create_connection(("127.0.0.1", self.port), timeout=3) as connection:
            connection.sendall("\r\n".join(lines).encode())
            yield connection

    def _asked(self, method, file_id, body):
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            # Where it is refused before it was sent, the answer may be there all the same.
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, self._path(file_id), body, self._headers)
            try:
                answer = connection.getresponse()
                return answer.status, answer.read().decode()
            except (ConnectionError, http.client.HTTPException):
                return 0, "the connection was closed"

    def _path(self, file_id):
        return f"/_stcore/upload_file/{self.id}/{file_id}"

    @property
    def _headers(self):
        return {
            "Host": self.host,
            "X-Xsrftoken": self.token,
            "Cookie": f"_streamlit_xsrf={self.token}",
            "Content-Type": "multipart/form-data; boundary=x",
        }

    def _token(self):
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)) as connection:
            connection.request("GET", "/_stcore/health", headers={"Host": self.host})
            cookie = connection.getresponse().getheader("Set-Cookie", "")
        return cookie.partition("_streamlit_xsrf=")[2].partition(";")[0].strip('"')

    def _do(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)


@contextmanager
def sessions(port, number, **about):
    """So many sessions, which end with the block."""
    opened = []
    try:
        for _ in range(number):
            opened.append(Session(port, **about))
        yield opened
    finally:
        for session in opened:
            session.close()


@contextmanager
def relay(target):
    """A TCP relay that adds and changes nothing, as `ssh -R` or socat; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept, args=(listener, target), daemon=True).start()
        yield listener.getsockname()[1]
        # Closing alone would not wake up who waits for the next one.
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


def _accept(listener, target):
    with suppress(OSError):
        while True:
            near, _ = listener.accept()
            far = socket.create_connection(("127.0.0.1", target))
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=_pump, args=(one, other), daemon=True).start()


def _pump(one, other):
    with suppress(OSError):
        while content := one.recv(65536):
            other.sendall(content)
        other.shutdown(socket.SHUT_WR)


@contextmanager
def nginx(folder, location, target):
    """Debian's nginx with these lines in front of the app; its port."""
    with nginx_site(folder, f"server {{ listen 80;\n{location}\n}}", target) as port:
        yield port


@contextmanager
def nginx_site(folder, site, target):
    """Debian's nginx with this site file, on a free port in the place of 80; that port."""
    program = os.environ.get("NGINX") or shutil.which(
        "nginx", path=f"{os.environ['PATH']}:/usr/sbin"
    )
    if program is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(NGINX_HELP)
    port = free_port()
    lines = site.replace("127.0.0.1:8501", f"127.0.0.1:{target}")
    lines = lines.replace("listen 80;", f"listen 127.0.0.1:{port};")
    (folder / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;\n"
        f"events {{}}\nhttp {{ access_log off; client_body_temp_path {folder}/body;\n"
        f"proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;\n"
        f"uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;\n{lines}\n}}\n"
    )
    process = subprocess.Popen([program, "-e", folder / "error.log", "-c", folder / "nginx.conf"])
    try:
        _await(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(15)


def _await(port, process):
    deadline = time.monotonic() + 30
    while True:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        assert process.poll() is None, "nginx ended"
        assert time.monotonic() < deadline, "nginx does not answer"
        time.sleep(0.05)
