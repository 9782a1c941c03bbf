"""A gate in front of a real Elasticsearch that can be made to misbehave: too slow, full, read-only, closed, broken."""

from __future__ import annotations

import http.client
import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

FLOOD = (
    "index [x] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, "
    "index has read-only-allow-delete block];"
)
SLOW_SECONDS = 1.5
Answer = tuple[int, str, bytes]


class Gate:
    """Where it is, and how it behaves: ``mode`` is ``open`` or one of `BAD`."""

    def __init__(self, behind: str) -> None:
        self.behind = urlsplit(behind).netloc
        self.mode = "open"
        self.url = ""

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer | None:
        """What to answer; None to hang up."""
        mode = self.mode
        bulk = path.startswith("/_bulk")
        if mode == "open" or (mode in _ITEMS and not (bulk or path.endswith("/probe"))):
            return self._forwarded(method, path, headers, body)
        if mode == "slow":  # it does what it was asked for, and says so when nobody listens any more
            done = self._forwarded(method, path, headers, body)
            time.sleep(SLOW_SECONDS)
            return done
        if mode in _ITEMS and bulk:
            status, error = _ITEMS[mode]
            item = {"index": {"_index": "x", "_id": "x", "status": status, "error": error}}
            return _json(200, {"errors": True, "items": [item] * (body.count(b"\n") // 2)})
        if mode in _ITEMS:
            status, error = _ITEMS[mode]
            return _json(status, {"error": error, "status": status})
        if mode in _WHOLE:
            return _WHOLE[mode]
        return None

    def _forwarded(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        kept = {name: value for name, value in headers.items() if name.lower() in {"content-type", "accept"}}
        link = http.client.HTTPConnection(self.behind, timeout=60)
        try:
            link.request(method, path, body or None, kept)
            got = link.getresponse()
            return got.status, got.headers.get("content-type", "application/json"), got.read()
        finally:
            link.close()


def _json(status: int, body: object) -> Answer:
    return status, "application/json", json.dumps(body).encode()


_ITEMS = {  # refused item by item
    "queue full": (429, {"type": "es_rejected_execution_exception", "reason": "rejected execution of coordinating"}),
    "disk full": (403, {"type": "cluster_block_exception", "reason": FLOOD}),
    "too many shards": (400, {"type": "validation_exception", "reason": "this cluster currently has maximum shards"}),
}
_WHOLE: dict[str, Answer] = {
    "login": _json(401, {"error": {"type": "security_exception", "reason": "unable to authenticate user"}}),
    "no right": _json(403, {"error": {"type": "security_exception", "reason": "action [write] is unauthorized"}}),
    "breaker": _json(429, {"error": {"type": "circuit_breaking_exception", "reason": "Data too large"}}),
    "broken": _json(500, {"error": {"type": "null_pointer_exception", "reason": "oops"}}),
    "proxy": (413, "text/html", b"<html><h1>413 Request Entity Too Large</h1></html>"),
}
BAD = ("slow", *_ITEMS, *_WHOLE, "gone")


@contextmanager
def gate(behind: str, certificate: Path | None = None) -> Iterator[Gate]:
    """An open gate; with the certificate in this folder it speaks TLS."""
    made = Gate(behind)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            told = made.answer(self.command, self.path, dict(self.headers), body)
            if told is None:
                self.close_connection = True
                return
            status, kind, text = told
            with suppress(OSError):  # who asked has gone
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("x-elastic-product", "Elasticsearch")
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(text)

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _answer  # noqa: N815 - the names of the base class

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True)
    made.url = f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
