"""A server that answers like Elasticsearch does at its door: it wants a login, and may stand behind TLS."""

from __future__ import annotations

import base64
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Door:
    """What the server asks for, and where it is. Change ``login`` while it runs to change the password."""

    def __init__(self, login: str) -> None:
        self.login = login  # what must stand in ``Authorization``
        self.url = ""
        self.asked = 0

    @staticmethod
    def basic(user: str, password: str) -> str:
        return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@contextmanager
def door(login: str = "", certificate: Path | None = None) -> Iterator[Door]:
    """A door that opens to whoever brings ``login``; with the certificate in this folder it speaks TLS."""
    made = Door(login)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            made.asked += 1
            self.rfile.read(int(self.headers.get("content-length") or 0))
            inside = not made.login or self.headers.get("authorization") == made.login
            error = {"error": {"type": "security_exception", "reason": "unable to authenticate user"}, "status": 401}
            body = json.dumps({"_source": {}} if inside else error).encode()
            self.send_response(200 if inside else 401)
            self.send_header("content-type", "application/json")
            self.send_header("x-elastic-product", "Elasticsearch")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = do_POST = _answer  # noqa: N815 - the names of the base class

        def log_message(self, *_args: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
        http.socket = context.wrap_socket(http.socket, server_side=True)
    made.url = f"{'https' if certificate else 'http'}://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever)
    thread.start()
    try:
        yield made
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
