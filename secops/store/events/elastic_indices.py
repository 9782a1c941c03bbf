"""The indices of a generation: their template, their size, and what is done with them as they age.

An index holds one dataset of one zone of one receive day, so retention removes whole indices. Only of the day on which
the retention ends, events are removed one by one, and only documents that this site wrote are ever touched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

import orjson

from secops.siem.ports import Span
from secops.store.events import elastic_fields as names
from secops.store.events.elastic_documents import Naming, day_of
from secops.store.events.elastic_dsl import inside
from secops.store.events.elastic_positions import SETTINGS
from secops.store.events.elastic_server import Server

PAGE = 5_000
_LENIENT = {"ignore_unavailable": "true", "allow_no_indices": "true", "expand_wildcards": "open"}


class Indices:
    """The indices of one generation."""

    def __init__(self, server: Server, naming: Naming) -> None:
        self._server = server
        self._naming = naming

    def prepare(self) -> None:
        """Put the template of all generations; what is there already keeps its mapping."""
        template = {
            "index_patterns": [f"{self._naming.prefix}-*-g*"],
            "priority": 500,
            "template": {
                "settings": {**SETTINGS, "refresh_interval": "-1", "codec": "default"},
                "mappings": names.mapping(),
            },
            "_meta": {"made_by": "secops"},
        }
        self._server.ask("PUT", f"/_index_template/{self._naming.prefix}", template)

    def refresh(self) -> None:
        """Let searches see what was written: once a commit, since an index does not do so by itself."""
        self._server.ask("POST", f"/{self._naming.every}/_refresh", **_LENIENT)

    def search(self, body: Mapping[str, Any]) -> Any:
        """Search all of them."""
        return self._server.ask("POST", f"/{self._naming.every}/_search", dict(body), **_LENIENT)

    def listed(self) -> dict[str, dict[str, int]]:
        """Index → its rows, bytes and segments."""
        found = self._server.ask(
            "GET", f"/{self._naming.every}/_stats/docs,store,segments", **{**_LENIENT, "forbid_closed_indices": "false"}
        )
        return {
            name: {
                "rows": one["primaries"]["docs"]["count"],
                "bytes": one["primaries"]["store"]["size_in_bytes"],
                "segments": one["primaries"]["segments"]["count"],
            }
            for name, one in found["indices"].items()
        }

    def compact(self) -> dict[str, int]:
        """Merge the segments of days that are over; the same figures as the lake's: merged, written, vacuumed."""
        listed = self.listed()
        newest = max(map(day_of, listed), default="")
        many = [name for name, one in listed.items() if day_of(name) < newest and one["segments"] > 1]
        for name in many:
            self._server.ask("POST", f"/{quote(name)}/_forcemerge", max_num_segments=1)
        return {"merged": sum(listed[name]["segments"] for name in many), "written": len(many), "vacuumed": 0}

    def retain(self, before: datetime) -> int:
        """Remove what was received before a moment; returns how many events went."""
        old = {
            "size": 0,
            "track_total_hits": True,
            "query": {"bool": {"filter": inside(Span(until=before), names.RECEIVED)}},
        }
        gone = 0
        for name, one in self.listed().items():
            found = self._server.ask("POST", f"/{quote(name)}/_search", old)["hits"]["total"]["value"]
            if found and found == one["rows"]:
                self._server.ask("DELETE", f"/{quote(name)}")
            elif found:
                self._remove(name, old["query"])
            gone += found
        return gone

    def _remove(self, name: str, query: Any) -> None:
        """Remove some documents of an index, page by page: delete-by-query would do no more, and may be turned off."""
        for page in self.pages(query, f"/{quote(name)}", source=False):
            body = b"".join(
                orjson.dumps({"delete": {"_index": hit["_index"], "_id": hit["_id"]}}) + b"\n" for hit in page
            )
            self._server.ask_lines(body, filter_path="errors")
        self._server.ask("POST", f"/{quote(name)}/_refresh")

    def pages(self, query: Any, where: str = "", *, source: bool = True) -> Iterator[list[Any]]:
        """All hits of a query in pages, as of this moment, however many."""
        pit = self._server.ask(
            "POST", f"{where or '/' + self._naming.every}/_pit", keep_alive="5m", ignore_unavailable="true"
        )["id"]
        body = {
            "size": PAGE,
            "query": query,
            "sort": [{"_shard_doc": "asc"}],
            "_source": source,
            "track_total_hits": False,
        }
        try:
            while True:
                found = self._server.ask("POST", "/_search", {**body, "pit": {"id": pit, "keep_alive": "5m"}})
                hits = found["hits"]["hits"]
                if not hits:
                    return
                yield hits
                body["search_after"] = hits[-1]["sort"]
                pit = found.get("pit_id", pit)
        finally:
            self._server.ask("DELETE", "/_pit", {"id": pit})

    def drop(self) -> tuple[str, ...]:
        """Remove all of them; their names. Asked for by their names, since patterns may not delete."""
        gone = tuple(self.listed())
        for name in gone:
            self._server.ask("DELETE", f"/{quote(name)}")
        return gone
