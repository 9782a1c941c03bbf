"""An identity provider of its own on 127.0.0.1: discovery, login page (which says yes at once), tokens, keys.

A test says in ``lie`` what of the next answer shall be wrong.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "secops", "a secret & more"


class FakeProvider:
    """The provider: ``claims`` are of whoever logs in, ``lie`` replaces claims, ``key`` signs."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, parameters={"kid": "one"})
        self.published = self.key
        self.claims: dict[str, Any] = {"sub": "42", "preferred_username": "yamada", "name": "山田 花子"}
        self.lie: dict[str, Any] = {}
        self.algorithm = "RS256"
        self.codes: dict[str, dict[str, str]] = {}
        self.asked: list[str] = []
        self.issuer = ""

    def answer(self, path: str, body: str, authorization: str) -> tuple[int, dict[str, Any] | str]:
        """Status and JSON, or an address to go to."""
        place, values = urlsplit(path), {}
        self.asked.append(place.path)
        values = {name: found[0] for name, found in parse_qs(place.query or body).items()}
        if place.path == "/.well-known/openid-configuration":
            ends = {f"{name}_endpoint": f"{self.issuer}/{name}" for name in ("authorization", "token")}
            return 200, {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys", **ends}
        if place.path == "/keys":
            return 200, {"keys": [self.published.as_dict(private=False)]}
        if place.path == "/authorization":
            assert (values["client_id"], values["response_type"]) == (CLIENT, "code")
            code = f"code-{len(self.codes)}"
            self.codes[code] = values
            query = urlencode({"code": code, "state": values["state"]})
            return 303, f"{values['redirect_uri']}?{query}"
        return self._token(values, authorization)

    def _token(self, values: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        asked = self.codes.pop(values.get("code", ""), None)
        pair = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        verifier = hashlib.sha256(values.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(verifier).rstrip(b"=").decode()
        right = asked is not None and asked["code_challenge"] == challenge and pair == "secops:a%20secret%20%26%20more"
        if asked is None or not right or asked["redirect_uri"] != values["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        now = int(time.time()) if "now" not in self.lie else self.lie["now"]
        base = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        claims = {**base, **self.claims, **{name: value for name, value in self.lie.items() if name != "now"}}
        key: Any = self.key
        token = jwt.encode({"alg": self.algorithm, "kid": "one"}, claims, key, algorithms=[self.algorithm])
        return 200, {"id_token": token, "access_token": "x", "token_type": "Bearer"}


@contextmanager
def running(provider: FakeProvider) -> Iterator[FakeProvider]:
    """The provider on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._reply("")

        def do_POST(self) -> None:
            self._reply(self.rfile.read(int(self.headers["content-length"])).decode())

        def log_message(self, *_args: Any) -> None:
            pass

        def _reply(self, body: str) -> None:
            status, found = provider.answer(self.path, body, self.headers.get("authorization", ""))
            self.send_response(status)
            if isinstance(found, str):
                self.send_header("location", found)
                found = {}
            text = json.dumps(found).encode()
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.issuer = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield provider
    server.shutdown()
    thread.join()
    server.server_close()
