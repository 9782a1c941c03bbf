"""The positions of a generation, in one small document of the index ``<prefix>-meta``.

They are written after the events are durable, and only if nobody wrote them since they were read (``if_seq_no``), so a
position is never lowered. A crash between leaves a position that is too low: the same events are written again under
the same ids, and nothing is there twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from secops.errors import ConflictError, StoreError
from secops.locale import _
from secops.store.events.elastic_server import ConflictedError, Server

_RETRIES = 50
SETTINGS = {"number_of_shards": 1, "auto_expand_replicas": "0-1"}


class Positions:
    """Source → last sequence number that is committed, in one generation of one site."""

    def __init__(self, server: Server, prefix: str, site: str, generation: str) -> None:
        self._server = server
        self._index = f"{prefix}-meta"
        self._site, self._generation = site, generation
        self._path = f"/{self._index}/_doc/{quote(f'positions.{site}.{generation}')}"

    def prepare(self) -> None:
        """Make the index, and claim the prefix for this site.

        Raises:
            ConflictError: another site uses the prefix; both would take each other's events for their own.
        """
        if self._server.found(f"/{self._index}") is None:
            body = {"settings": SETTINGS, "mappings": {"enabled": False}}
            try:
                self._server.ask("PUT", f"/{self._index}", body)
            except StoreError as error:
                if "resource_already_exists" not in str(error):
                    raise
        owner = self._server.found(f"/{self._index}/_doc/owner")
        if owner is None:
            try:
                self._server.ask("PUT", f"/{self._index}/_create/owner", {"site": self._site})
            except ConflictedError:
                owner = self._server.found(f"/{self._index}/_doc/owner")
        if owner is not None and owner["_source"]["site"] != self._site:
            text = _(
                "Elasticsearch の索引名「{prefix}-…」はサイト「{other}」が使っています。"
                "[store] の prefix を別の名前にしてください。"
            )
            raise ConflictError(text.format(prefix=self._index.removesuffix("-meta"), other=owner["_source"]["site"]))

    def read(self) -> dict[str, int]:
        """All of them."""
        return self._read()[0]

    def raise_to(self, positions: Mapping[str, int]) -> None:
        """Commit positions; those that are higher already stay.

        Raises:
            StoreError: other processes kept writing first.
        """
        for _attempt in range(_RETRIES):
            known, version = self._read()
            moved = {source: at for source, at in positions.items() if at > known.get(source, -1)}
            if not moved:
                return
            try:
                self._server.ask("PUT", self._path, {"positions": known | moved}, **version)
            except ConflictedError:
                continue
            return
        raise StoreError(_("Elasticsearch に位置を書き込めませんでした。ほかの処理と競合し続けています。"))

    def probe(self) -> None:
        """Write something that means nothing."""
        self._server.ask("PUT", f"/{self._index}/_doc/probe", {"site": self._site})

    def forget(self) -> None:
        """Remove the document; for a generation that goes."""
        if self._server.found(self._path) is not None:
            self._server.ask("DELETE", self._path)

    def _read(self) -> tuple[dict[str, int], dict[str, Any]]:
        found = self._server.found(self._path)
        if found is None:
            return {}, {"op_type": "create"}
        version = {"if_seq_no": found["_seq_no"], "if_primary_term": found["_primary_term"]}
        return dict(found["_source"]["positions"]), version
