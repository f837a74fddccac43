"""Servers on this machine from which a model is fetched: a web server, a Hub, a bucket of S3."""

import hashlib
import ssl
import subprocess
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FileServer(ThreadingHTTPServer):
    """Files by path, and what a path does instead: a status, an address to send on to, a wait."""

    daemon_threads = True

    def __init__(self, handler):
        super().__init__(("127.0.0.1", 0), handler)
        self.files, self.odd, self.asked = {}, {}, []
        self.scheme = "http"
        self.over = threading.Event()

    @property
    def address(self):
        return f"{self.scheme}://127.0.0.1:{self.server_port}"


class Web(BaseHTTPRequestHandler):
    """Sends files, sends on, refuses, breaks off, or says nothing."""

    def do_GET(self):
        self.server.asked.append((self.path, dict(self.headers)))
        path = self.path.partition("?")[0]
        odd = self.server.odd.get(path)
        if odd == "silent":
            self.server.over.wait(30)
        elif isinstance(odd, int):
            self._answer(odd, b"no")
        elif isinstance(odd, str):
            self._answer(302, b"", Location=odd, **self._linked(path))
        elif path in self.server.files:
            self._answer(200, self.server.files[path], cut=odd == ("cut",))
        else:
            self._answer(404, b"no")

    def _answer(self, status, content, cut=False, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if cut else content)
        self.close_connection = True

    def _linked(self, path):
        return {}

    def log_message(self, *args):
        pass


class Hub(Web):
    """As huggingface.co: a large file is named with its hash, and lies elsewhere."""

    def _linked(self, path):
        stored = self.server.files[self.server.odd[path].replace(self.server.address, "")]
        digest = self.server.odd.get("claimed") or hashlib.sha256(stored).hexdigest()
        return {"X_Linked_Etag": f'"{digest}"', "X_Repo_Commit": "a" * 40}


class Bucket(Web):
    """As S3: signed requests alone, errors as XML, and a part of a file where one is asked for."""

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        self.server.asked.append((self.path, dict(self.headers)))
        content = self.server.files.get(self.path.partition("?")[0])
        signed = "Credential=reader/" in self.headers.get("Authorization", "")
        if not signed:
            self._fail(403, "AccessDenied")
        elif content is None:
            self._fail(404, "NoSuchKey")
        else:
            first, _, last = self.headers.get("Range", "bytes=0-")[6:].partition("-")
            part = content[int(first) : int(last) + 1 if last else None]
            end = int(first) + len(part) - 1
            self._send(
                206 if "Range" in self.headers else 200,
                part,
                {"Content-Range": f"bytes {first}-{end}/{len(content)}"},
            )

    def _fail(self, status, code):
        text = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message></Error>"
        self._send(status, text.encode(), {"Content-Type": "application/xml"})

    def _send(self, status, content, headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("ETag", '"1"')
        self.send_header("Last-Modified", "Fri, 27 Nov 2026 10:00:00 GMT")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


@contextmanager
def serving(handler, certificate=None):
    """Such a server, with a certificate by https; it ends with the block."""
    server = FileServer(handler)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.scheme = "https"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        server.server_close()


def certificate_in(folder):
    """A certificate with its key for 127.0.0.1, in one file."""
    file = folder / "certificate.pem"
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names]
    command += ["-keyout", folder / "key.pem", "-out", folder / "only.pem"]
    subprocess.run(command, check=True, capture_output=True)
    file.write_bytes((folder / "key.pem").read_bytes() + (folder / "only.pem").read_bytes())
    return file
