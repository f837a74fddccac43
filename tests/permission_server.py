"""A small stand-in for Unity Catalog: gives a registered model to who has EXECUTE on it."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PATH = "/api/2.1/unity-catalog/models/"


class UnityCatalog:
    """Answers each token as `answers` says: a status and a body, or None for silence.

    ``asked`` is each call: its path, and its token.
    """

    def __init__(self):
        self.answers, self.asked, self.over = {}, [], threading.Event()
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                stand_in._answer(self)

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def allow(self, token, name):
        self.answers[token] = (200, json.dumps({"full_name": name}))

    def close(self):
        self.over.set()
        self.server.shutdown()
        self.server.server_close()

    def _answer(self, call):
        token = call.headers.get("Authorization", "").removeprefix("Bearer ")
        self.asked.append((call.path, token))
        answer = self.answers.get(token, (403, json.dumps({"error_code": "PERMISSION_DENIED"})))
        if answer is None:
            self.over.wait(20)
            return
        call.send_response(answer[0])
        if 300 <= answer[0] < 400:
            call.send_header("Location", answer[1])
        call.end_headers()
        call.wfile.write(answer[1].encode())
