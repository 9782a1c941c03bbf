"""A real Elasticsearch for tests: where it is, and indices of one's own that are removed at the end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from secops.store.events.elastic import ElasticStore
from secops.store.events.elastic_server import Access, Server

URL = os.environ.get("SECOPS_TEST_ES_URL", "")
needed = pytest.mark.skipif(not URL, reason="SECOPS_TEST_ES_URL names no Elasticsearch (../shared/servers starts one)")

SCRIPT = (
    Path(os.environ.get("SECOPS_SHARED", Path(__file__).parent.parent.parent / "shared"))
    / "servers"
    / "elasticsearch"
    / "es"
)
# Two minutes for one test: too long for every run.
own_node_needed = pytest.mark.skipif(
    not URL or not SCRIPT.exists() or not os.environ.get("SECOPS_THOROUGH"),
    reason=f"SECOPS_THOROUGH, SECOPS_TEST_ES_URL or {SCRIPT} is missing: no node of one's own to kill",
)


def access(url: str = URL, *, seconds: float = 30.0, patience: float = 20.0) -> Access:
    return Access([url], seconds=seconds, patience=patience)


@contextmanager
def own_prefix(url: str = URL) -> Iterator[str]:
    """A prefix nobody else uses; everything under it goes at the end."""
    prefix = f"t{uuid.uuid4().hex[:12]}"
    try:
        yield prefix
    finally:
        server = Server(access(url))
        for name in server.ask("GET", f"/{prefix}-*", expand_wildcards="all"):
            server.ask("DELETE", f"/{name}")
        if server.found(f"/_index_template/{prefix}"):
            server.ask("DELETE", f"/_index_template/{prefix}")
        server.close()


def store(
    prefix: str, generation: str = "g1", *, site: str = "ward", url: str = URL, patience: float = 20.0
) -> ElasticStore:
    return ElasticStore(access(url, patience=patience), prefix, site, generation)


class Node:
    """A node of one's own on a port of its own, which may be killed and comes back with its data."""

    def __init__(self, folder: Path) -> None:
        self._base = folder / "es"
        self._base.mkdir()
        # The jars of the node that the tests were given; only what it writes is new.
        there = Path(os.environ.get("ES_HOME") or Path.home() / ".cache" / "secops-test-es")
        for one in (*there.glob("built-*"), there / "home", there / "lib"):
            (self._base / one.name).symlink_to(one)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1] % 20_000 + 20_000  # its transport listens 100 higher
        self.url = f"http://127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None
        self._run([str(SCRIPT), "start", "1", str(self._port)])
        self._argv = self._proc("cmdline").rstrip(b"\0").split(b"\0")

    def kill(self) -> None:
        """kill -9."""
        os.kill(self._pid, signal.SIGKILL)
        while self._alive():
            time.sleep(0.02)

    def start(self) -> None:
        """The same node again, on the same data."""
        place = self._base / "run-0"
        with (place / "out.log").open("ab") as out:
            process = subprocess.Popen(self._argv, cwd=place, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
        (place / "pid").write_text(str(process.pid))
        self._process = process

    def stop(self) -> None:
        """For good."""
        if self._alive():
            self.kill()
        if self._process:
            self._process.wait()

    @property
    def _pid(self) -> int:
        return int((self._base / "run-0" / "pid").read_text())

    def _alive(self) -> bool:
        try:
            return b") Z" not in self._proc("stat")
        except FileNotFoundError:
            return False

    def _proc(self, name: str) -> bytes:
        return Path(f"/proc/{self._pid}/{name}").read_bytes()

    def _run(self, argv: list[str]) -> None:
        subprocess.run(argv, env={**os.environ, "ES_HOME": str(self._base)}, check=True, capture_output=True)
