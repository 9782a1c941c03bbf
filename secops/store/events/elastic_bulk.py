"""Bulk requests, item by item: a document that is refused takes no other one with it, and is not lost itself.

A refused document is stored again in a reduced form (`pipeline_error` with its whole text and the reason); where its
index refuses even that, because somebody gave it another mapping, in the index ``<prefix>-parked-none-<day>``. What is
refused for now (a full queue, a full disk, an index made read-only) is no fault of a document: that is waited for.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from secops.errors import StoreError
from secops.locale import _
from secops.store.events.elastic_documents import Line, Naming, reduced
from secops.store.events.elastic_server import Server, reason_of

log = logging.getLogger("secops")
_OF_A_DOCUMENT = frozenset(
    {
        "document_parsing_exception",
        "mapper_parsing_exception",
        "strict_dynamic_mapping_exception",
        "illegal_argument_exception",
        "parsing_exception",
        "x_content_parse_exception",
        "routing_missing_exception",
    }
)


class Bulk:
    """Puts documents; durable when a call returns."""

    def __init__(self, server: Server, naming: Naming) -> None:
        self._server = server
        self._naming = naming

    def put(self, lines: Sequence[Line]) -> None:
        """Index (or replace) documents.

        Raises:
            AwayError: Elasticsearch took none, or not all, for as long as the settings say.
        """
        refused = self._tried(lines)
        if not refused:
            return
        again = [reduced(line, reason) for line, reason in refused]
        parked = self._tried(again)
        if parked:
            left = self._tried([replace(line, index=self._naming.parked(line.index)) for line, _reason in parked])
            if left:
                text = _("Elasticsearch がイベント {id} を受け付けません: {reason}")
                raise StoreError(text.format(id=left[0][0].id, reason=left[0][1]))
        for line, reason in refused[:3]:
            log.warning("Elasticsearch: %s (%s): %s", line.id, line.index, reason)
        log.warning("Elasticsearch: %d events were refused and stored in a reduced form", len(refused))

    def _tried(self, lines: Sequence[Line]) -> list[tuple[Line, str]]:
        """Send until each is stored or refused for good; the refused ones with the reason."""
        left, refused = list(lines), []

        def once() -> None:
            nonlocal left
            body = b"".join(line.written() for line in left)
            if not self._server.ask_lines(body, filter_path="errors")["errors"]:
                left = []
                return
            # The same again: what was stored is replaced by itself, and now each item's outcome is told.
            waiting, reason = [], ""
            for line, item in zip(left, self._server.ask_lines(body)["items"], strict=True):
                error = next(iter(item.values())).get("error")
                if error and error.get("type") in _OF_A_DOCUMENT:
                    refused.append((line, reason_of(error)))
                elif error:
                    waiting.append(line)
                    reason = reason_of(error)
            left = waiting
            if left:
                raise self._server.away(reason)

        if left:
            self._server.patiently(once)
        return refused
