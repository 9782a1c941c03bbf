"""Made events for the benchmarks: process starts of 2,000 Windows machines, a whole frame at a time.

Every value follows from the event's number alone (a hash of it), so a lake is the same however it is cut into frames.
"""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from secops.schema.ecs import dtype
from secops.schema.frame import EXTRA

CHUNK = 50_000
HOSTS, USERS, PROGRAMS = 2000, 3000, 300
ZONES = ("mynumber", "lgwan", "internet")
LEVELS = ("Medium", "High", "System")
BUSY = "SV-01"  # a server that everybody talks to
_SALTS = {"program": 1, "task": 2, "guid": 3, "logon": 4, "level": 5, "folder": 6, "session": 7}
_SALTS |= {"zone": 8, "host": 9, "user": 10, "busy": 11}


def chunk(first: int, times: pl.Expr, *, count: int = CHUNK, busy: float = 0.0) -> pl.DataFrame:
    """So many events from a number on; ``times`` is made of the column ``number``.

    ``busy`` is the share of events on the host `BUSY`.
    """
    at = times.cast(dtype("@timestamp"))
    name = pl.format("tool{}.exe", _dice("program", PROGRAMS))
    host = pl.format("L-{}", _dice("host", HOSTS).cast(pl.String).str.zfill(4))
    columns = {
        "@timestamp": at,
        "event.id": pl.format("bench.wec.{}", "number"),
        "event.sequence": pl.col("number"),
        "event.ingested": at,
        "event.kind": pl.lit("event"),
        "event.module": pl.lit("windows"),
        "event.dataset": pl.lit("windows.sysmon"),
        "event.code": pl.lit("1"),
        "labels.source": pl.lit("wec"),
        "labels.zone": _one_of("zone", ZONES),
        "host.name": pl.when(_dice("busy", 10_000) < round(busy * 10_000)).then(pl.lit(BUSY)).otherwise(host),
        "user.name": pl.format("user{}", _dice("user", USERS)),
        "process.name": name,
        "process.command_line": pl.format("C:\\work\\{} --task {}", name, _dice("task", 10**6)),
        EXTRA: _extra(),
    }
    numbers = pl.select(number=pl.int_range(first, first + count))
    return numbers.select(made.cast(dtype(field)).alias(field) for field, made in columns.items())


def spread(events: int, length: timedelta, end: pl.Expr) -> pl.Expr:
    """Times of events 1 to ``events``, even over a length of time that ends there."""
    microseconds = length // timedelta(microseconds=1)
    return end - pl.duration(microseconds=(events - pl.col("number")) * microseconds // events, time_unit="us")


def _dice(what: str, sides: int) -> pl.Expr:
    return pl.col("number").hash(_SALTS[what]) % sides


def _one_of(what: str, values: tuple[str, ...]) -> pl.Expr:
    picked = _dice(what, len(values))
    return picked.replace_strict(list(range(len(values))), list(values), return_dtype=pl.String)


def _extra() -> pl.Expr:
    """What has no column, as JSON."""
    fields = {
        "ProcessGuid": ('"{{{}}}"', _dice("guid", 1 << 62)),
        "LogonId": ('"0x{}"', _dice("logon", 1 << 24)),
        "IntegrityLevel": ('"{}"', _one_of("level", LEVELS)),
        "CurrentDirectory": ('"C:\\\\Users\\\\user{}\\\\"', _dice("folder", USERS)),
        "Company": ('"{}"', pl.lit("〇〇システム株式会社")),
        "TerminalSessionId": ("{}", _dice("session", 9)),
    }
    shape = ",".join(f'"winlog.event_data.{name}":{value}' for name, (value, _) in fields.items())
    return pl.format("{{" + shape + "}}", *(made for _, made in fields.values()))
