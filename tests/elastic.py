"""A real Elasticsearch for tests: where it is, and indices of one's own that are removed at the end."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from secops.store.events.elastic import ElasticStore
from secops.store.events.elastic_server import Access, Server

URL = os.environ.get("SECOPS_TEST_ES_URL", "")
needed = pytest.mark.skipif(not URL, reason="SECOPS_TEST_ES_URL names no Elasticsearch (../shared/servers starts one)")


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


def store(prefix: str, generation: str = "g1", *, site: str = "ward", url: str = URL, patience: float = 20.0) -> ElasticStore:
    return ElasticStore(access(url, patience=patience), prefix, site, generation)
