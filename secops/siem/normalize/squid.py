"""Squid's native access log (``logformat squid``), bare or behind a syslog header.

``time elapsed client result/status bytes method URL user hierarchy/peer type``. Source: Squid wiki, "Log files".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import polars as pl

from secops.locale import _
from secops.siem.normalize import values
from secops.siem.normalize.frames import Wide, failed
from secops.siem.normalize.given import EMPTY_RECORD, Input, Want, decode
from secops.siem.normalize.mapped import Groups, Table, emit
from secops.siem.normalize.urls import PARTS, split

MODULE = "squid"
_BARE = (
    r"(?P<s>\d{9,10})\.(?P<ms>\d{3})\s+(?P<took>-?\d+)\s+(?P<client>\S+)\s+"
    r"(?P<result>[A-Z_]+)/(?P<status>\d{1,3})\s+(?P<bytes>\d+)\s+(?P<method>\S+)\s+(?P<url>\S+)\s+(?P<user>\S+)\s+"
    r"(?P<hierarchy>[A-Z_]+)/(?P<peer>\S+)\s+(?P<type>\S+)(?:\s+(?P<more>.*))?"
)
_LINE = re.compile("(?P<header>)" + _BARE)
_BEHIND_SYSLOG = re.compile(r"(?P<header>.*?[\]\w]:)\s+" + _BARE)
_NAMES = (
    "syslog_header", "_s", "_ms", "elapsed", "client", "result_code", "status", "bytes", "method", "url", "user",
    "hierarchy", "peer", "type", "more",
)  # fmt: skip
TABLE = Table(
    "squid.",
    {
        "client": "ip:source.ip clean:source.address",
        "status": "long:http.response.status_code",
        "bytes": "long:http.response.bytes",
        "method": "clean:http.request.method",
        "url": "url.original",
        "user": "clean:user.name",
        "peer": "ip:destination.ip clean:destination.address",
        "type": "clean:http.response.mime_type",
    },
)
_CONSTANTS: dict[str, Any] = {
    "event.kind": "event",
    "event.module": MODULE,
    "event.dataset": "squid.access",
    "event.category": ["web"],
    "event.type": ["access"],
    "network.protocol": "http",
    "observer.product": "Squid",
    "observer.type": "proxy",
}


def read(records: Sequence[bytes], given: Input, want: Want) -> pl.DataFrame:
    """One row a line."""
    groups = Groups()
    wrong: dict[int, str] = {}
    texts: list[str] = []
    for index, record in enumerate(records):
        line = decode(record, given.origin.encoding).strip("\0 \t\r\n")
        if match := _LINE.fullmatch(line) or _BEHIND_SYSLOG.fullmatch(line):
            groups.add(None, index, match.groups())
        else:
            wrong[index] = _("Squid のアクセスログの形ではありません。") if line else _(EMPTY_RECORD)
            texts.append(line)
    wide = Wide()
    for indexes, rows in groups.of.values():
        emit(wide, indexes, _NAMES, rows, TABLE, want, _CONSTANTS, _derived(rows))
    if wrong:
        wide.group(*failed(list(wrong), texts, list(wrong.values()), MODULE))
    return wide.frame()


def _derived(rows: Sequence[Sequence[Any]]) -> dict[str, Sequence[Any]]:
    cells = list(zip(*rows, strict=True))
    seconds, millis, took = cells[1], cells[2], values.CONVERSIONS["long"].all(cells[3])
    urls = zip(*map(split, cells[9]), strict=True)
    return {
        "@timestamp": [int(s) * 1_000_000 + int(ms) * 1000 for s, ms in zip(seconds, millis, strict=True)],
        "event.duration": [None if one is None or not 0 <= one < 9_000_000_000 else one * 1_000_000 for one in took],
        "event.action": [code.lower() for code in cells[5]],
        "event.outcome": [
            "failure" if "DENIED" in code or status[:1] in {"4", "5"} else "success"
            for code, status in zip(cells[5], cells[6], strict=True)
        ],
        **dict(zip(PARTS, urls, strict=True)),
    }
