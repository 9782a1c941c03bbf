"""Labels for a frame: zone, flow and its verdict, whose device it is, whether it was outside working hours.

Values repeat, so each distinct value (address, host name, connection) is judged once. Polars is asked few big questions
rather than many small ones: each has a fixed cost that a batch of some hundred rows would feel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from secops.schema.holidays import is_office_day
from secops.siem.enrich.context import WHOSE, EnrichContext

_ENDS = {"source": ("source.ip", "client.ip"), "destination": ("destination.ip", "server.ip")}
_CODE = pl.Int32()


@dataclass(frozen=True, slots=True)
class _LookUp:
    """A column of numbers to be made: from these values, by this function, once per distinct value."""

    values: pl.Expr
    look: Callable[[Any], int | None]


def enrich(frame: pl.DataFrame, context: EnrichContext) -> pl.DataFrame:
    """Add every label that the columns of a frame allow; rows and their order stay.

    A label that is already there (set by a normalizer) is kept. Cost is per distinct value, not per row.
    """
    if frame.height == 0:
        return frame
    codes = _codes(frame, context)
    labels = codes.select(**_labels(codes.columns, context))
    if "asks" in labels.columns:
        if labels["asks"].any():
            labels = _registered(frame, labels, context)
        labels = labels.drop("asks")
    labels = labels.rename({name: f"labels.{name}" for name in labels.columns})
    given = {name: frame[name] for name in labels.columns if name in frame.columns}
    if kept := {name: series for name, series in given.items() if series.null_count() < frame.height}:
        labels = labels.with_columns(
            pl.coalesce(pl.lit(series), pl.col(name)).alias(name) for name, series in kept.items()
        )
    return frame.with_columns(labels.get_columns())


def _look_ups(columns: Iterable[str], context: EnrichContext) -> dict[str, _LookUp]:
    """What can be looked up in a frame with these columns."""
    columns = set(columns)
    zones, inventory = context.zones, context.inventory
    found = {
        "feed_zone": _LookUp(pl.col("labels.source"), lambda name: zones.number(context.source_zones.get(name))),
    }
    for end, names in _ENDS.items():
        if present := [name for name in names if name in columns]:
            found[end] = _LookUp(pl.coalesce(present), zones.address)
    if "host.ip" in columns:
        found["host_ip_zone"] = _LookUp(pl.col("host.ip").list.first(), zones.address)
    if "host.name" in columns:
        host = pl.col("host.name")
        found["host_zone"] = _LookUp(host, lambda name: zones.number(inventory.zone_of_host(name)))
        found["host"] = _LookUp(host, inventory.active_host)
        found["reporter"] = _LookUp(host, inventory.host)
    if "source.ip" in columns:
        found["address"] = _LookUp(pl.col("source.ip"), inventory.address)
    if "user.name" in columns:
        found["account"] = _LookUp(pl.col("user.name"), inventory.account)
    return found


def _codes(frame: pl.DataFrame, context: EnrichContext) -> pl.DataFrame:
    """The looked-up numbers of each row, and ``off_hours``."""
    look_ups = _look_ups(frame.columns, context)
    local = pl.col("@timestamp").dt.convert_time_zone(context.timezone)
    distinct = frame.select(
        local.dt.date().unique().implode().alias("day"),
        *(one.values.unique().implode().alias(name) for name, one in look_ups.items()),
    )
    codes = [_code(name, one, distinct[name][0].to_list()) for name, one in look_ups.items()]
    return frame.select(*codes, _off_hours(local, distinct["day"][0].to_list(), context).alias("off_hours"))


def _code(name: str, one: _LookUp, values: list[Any]) -> pl.Expr:
    known = {value: code for value in values if value is not None and (code := one.look(value)) is not None}
    if not known:
        return pl.lit(None, dtype=_CODE).alias(name)
    found = one.values.replace_strict(list(known), list(known.values()), default=None, return_dtype=_CODE)
    return found.alias(name)


def _off_hours(local: pl.Expr, days: list[date], context: EnrichContext) -> pl.Expr:
    """Whether a moment lies outside working hours or on a day the office is closed."""
    closed = [day for day in days if not is_office_day(day)]
    minutes = local.dt.hour().cast(pl.Int16) * 60 + local.dt.minute()
    start = context.start.hour * 60 + context.start.minute
    end = context.end.hour * 60 + context.end.minute
    return local.dt.date().is_in(closed) | (minutes < start) | (minutes >= end)


def _labels(columns: list[str], context: EnrichContext) -> dict[str, pl.Expr]:
    """The labels, gathered from the context's tables by the numbers in these columns."""
    zones = context.zones
    inner = {name: pl.col(name) for name in ("feed_zone", "host_ip_zone", "host_zone", *_ENDS) if name in columns}
    # The outside world and unmapped addresses are not where an event belongs.
    home = pl.coalesce(pl.when(code < zones.own).then(code) for code in inner.values())
    found = {
        "site": pl.lit(context.site),
        "zone": _gather(zones.text, home),
        "off_hours": pl.col("off_hours"),
    }
    found |= {f"{end}_zone": _gather(zones.text, pl.col(end)) for end in _ENDS if end in columns}
    if _ENDS.keys() <= set(columns):
        pair = pl.col("source") * zones.size + pl.col("destination")
        found |= {
            "flow": _gather(zones.flow, pair),
            "flow_verdict": _gather(zones.verdict, pair),
            "asks": _gather(zones.asks_register, pair),
        }
    # Whose: the host's, else the source address's, else the user's; a firewall's own only where nothing else is known.
    whose = [pl.col(name) for name in ("host", "address", "account", "reporter") if name in columns]
    if whose and context.inventory.entries:
        found |= {name: _gather(context.inventory.columns[name], pl.coalesce(whose)) for name in WHOSE}
    return found


def _gather(table: pl.Series, index: pl.Expr) -> pl.Expr:
    return pl.lit(table).gather(index)


def _registered(frame: pl.DataFrame, labels: pl.DataFrame, context: EnrichContext) -> pl.DataFrame:
    """Verdict and flow id of connections that only the register can settle, by distinct ends, service and day."""
    judge = context.judge
    numbers = {"source": judge.source_number, "destination": judge.destination_number}
    ends = {end: pl.coalesce(name for name in names if name in frame.columns) for end, names in _ENDS.items()}
    service = {
        name: pl.col(name) if name in frame.columns else pl.lit(None, dtype=dtype).alias(name)
        for name, dtype in (("destination.port", pl.Int64()), ("network.transport", pl.String()))
    }
    day = pl.col("@timestamp").dt.convert_time_zone(context.timezone).dt.date().alias("day")
    asking = frame.select(
        pl.int_range(pl.len(), dtype=pl.UInt32).alias("row"),
        *(expr.alias(end) for end, expr in ends.items()),
        *service.values(),
        day,
    ).filter(labels["asks"].fill_null(False))
    codes = [_code(end, _LookUp(pl.col(end), look), asking[end].unique().to_list()) for end, look in numbers.items()]
    asking = asking.with_columns(codes)
    keys = ["source", "destination", "destination.port", "network.transport", "day"]
    rows = []
    for key in asking.select(keys).unique().iter_rows():
        source, destination, port, protocol, when = key
        answer = judge.judge_ends(source, destination, port, (protocol or "").lower(), when)
        rows.append((*key, answer.verdict and answer.verdict.value, answer.flow_id or None))
    schema = dict(asking.select(keys).schema) | {"judged": pl.String(), "flow_id": pl.String()}
    answers = asking.join(pl.DataFrame(rows, schema=schema, orient="row"), on=keys, how="left", nulls_equal=True)
    answers = answers.select("row", "judged", "flow_id")
    placed = labels.with_row_index("row").join(answers, on="row", how="left", maintain_order="left")
    return placed.with_columns(flow_verdict=pl.coalesce("flow_verdict", "judged")).drop("row", "judged")
