"""Providers to sign in at: a small local server with discovery, signed tokens and a way out."""

import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit


class Providers:
    """Several providers at one address, each under a path of its own, and who signs in next.

    ``user`` has the claims of that person; ``lifetime`` is how many seconds a token holds.
    """

    def __init__(self):
        from joserfc.jwk import RSAKey

        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
        self.user, self.lifetime = {}, 3600
        self.codes, self.signed_out, self.issued = {}, [], []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def issuer(self, provider):
        return f"{self.url}/{provider}"

    def metadata(self, provider):
        issuer = self.issuer(provider)
        return {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/authorize",
            "token_endpoint": f"{issuer}/token",
            "jwks_uri": f"{issuer}/keys",
            "end_session_endpoint": f"{issuer}/end",
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "code_challenge_methods_supported": ["S256"],
        }

    def new_code(self, asked):
        code = secrets.token_hex(8)
        self.codes[code] = {"nonce": asked.get("nonce"), "aud": asked["client_id"], **self.user}
        return code

    def token(self, provider, code):
        from joserfc import jwt

        now = int(time.time())
        claims = {
            "iss": self.issuer(provider),
            "iat": now + min(self.lifetime, 0),
            "exp": now + self.lifetime,
            **self.codes.pop(code),
        }
        signed = jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.key)
        self.issued.append(signed)
        return {"access_token": "a", "token_type": "Bearer", "id_token": signed}


def _handler(providers):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            url = urlsplit(self.path)
            asked = {name: values[0] for name, values in parse_qs(url.query).items()}
            _, provider, what = url.path.split("/", 2)
            if what == ".well-known/openid-configuration":
                self.send(providers.metadata(provider))
            elif what == "keys":
                self.send({"keys": [providers.key.as_dict(private=False)]})
            elif what == "authorize":
                back = {"code": providers.new_code(asked), "state": asked["state"]}
                self.redirect(f"{asked['redirect_uri']}?{urlencode(back)}")
            else:
                providers.signed_out.append(provider)
                self.redirect(asked["post_logout_redirect_uri"])

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            provider = self.path.split("/")[1]
            self.send(providers.token(provider, parse_qs(body)["code"][0]))

        def redirect(self, where):
            self.send_response(302)
            self.send_header("Location", where)
            self.end_headers()

        def send(self, content):
            body = json.dumps(content).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *about):
            pass

    return Handler
