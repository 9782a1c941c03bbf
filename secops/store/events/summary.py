"""One line that says what an event is about, for lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MOST = 160  # characters

_FIRST = ("message", "event.original")
_PARTS = (
    "event.code",
    "event.action",
    "event.outcome",
    "user.name",
    "process.command_line",
    "process.executable",
    "process.name",
    "file.path",
    "registry.path",
    "dns.question.name",
    "http.request.method",
    "url.full",
    "url.original",
)


def summary(event: Mapping[str, Any]) -> str:
    """The message where there is one, else who did what with what; at most `MOST` characters, on one line."""
    texts = [str(event[name]) for name in _FIRST if event.get(name)][:1]
    if not texts:
        for name in _PARTS:
            text = str(event.get(name) or "")
            # The command line mostly begins with the executable, and that ends in the name.
            if text and not any(text in earlier for earlier in texts):
                texts.append(text)
        if ends := _connection(event):
            texts.append(ends)
    line = " ".join(" ".join(texts).split())
    return line if len(line) <= MOST else line[: MOST - 1] + "…"


def _connection(event: Mapping[str, Any]) -> str:
    source, destination = (_end(event, side) for side in ("source", "destination"))
    return f"{source} → {destination}" if destination else source


def _end(event: Mapping[str, Any], side: str) -> str:
    address = event.get(f"{side}.ip") or event.get(f"{side}.domain") or event.get(f"{side}.address") or ""
    port = event.get(f"{side}.port")
    return f"{address}:{port}" if address and port is not None else str(address)
