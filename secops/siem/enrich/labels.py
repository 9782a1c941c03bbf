"""Labels for a frame: zone, flow and its verdict, whose device it is, whether it was outside working hours.

Values repeat, so each distinct value (address, host name, connection) is judged once and put back by a join.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from functools import reduce
from operator import or_
from typing import Any

import polars as pl

from secops.org.zones import LOCAL, UNMAPPED, WORLD
from secops.schema.holidays import is_office_day
from secops.siem.enrich.context import EnrichContext, Whose

_SOURCE = ("source.ip", "client.ip")
_DESTINATION = ("destination.ip", "server.ip")
_WHOSE = ("device", "department", "owner", "system")


def enrich(frame: pl.DataFrame, context: EnrichContext) -> pl.DataFrame:
    """Add every label that the columns of a frame allow; rows and their order stay.

    A label that is already there (set by a normalizer) is kept. Cost is per distinct value, not per row.
    """
    if frame.height == 0:
        return frame
    ends = _zones(frame, context)
    labels: dict[str, pl.Series] = {"labels.zone": _event_zone(frame, ends, context)}
    if "source" in ends:
        labels["labels.source_zone"] = _inner(ends["source"])
    if "destination" in ends:
        labels["labels.destination_zone"] = _inner(ends["destination"])
    if "source" in ends and "destination" in ends:
        labels |= _flows(frame, ends["source"], ends["destination"], context)
    labels |= _owners(frame, context)
    labels["labels.off_hours"] = _off_hours(frame["@timestamp"], context)
    labels["labels.site"] = pl.repeat(context.site, frame.height, dtype=pl.String, eager=True)
    return frame.with_columns(_kept(frame, name, series) for name, series in labels.items())


def _kept(frame: pl.DataFrame, name: str, series: pl.Series) -> pl.Series:
    """The new label, except where the frame already has one."""
    if name not in frame.columns or frame[name].null_count() == frame.height:
        return series.alias(name)
    return frame[name].zip_with(frame[name].is_not_null(), series).alias(name)


def _map(series: pl.Series, function: Callable[[Any], Any], dtype: pl.DataType) -> pl.Series:
    """A function over a column, called once per distinct value; null stays null."""
    values = series.drop_nulls().unique()
    if values.is_empty():
        return pl.Series(series.name, [None], dtype=dtype).new_from_index(0, series.len())
    answers = pl.Series([function(value) for value in values.to_list()], dtype=dtype)
    return series.replace_strict(values, answers, default=None, return_dtype=dtype)


def _first(frame: pl.DataFrame, names: Sequence[str]) -> pl.Series | None:
    """The first of these columns that has values, filled up from the next ones."""
    found = [frame[name] for name in names if name in frame.columns and frame[name].null_count() < frame.height]
    if not found:
        return None
    return reduce(lambda first, second: first.zip_with(first.is_not_null(), second), found)


def _zones(frame: pl.DataFrame, context: EnrichContext) -> dict[str, pl.Series]:
    ends: dict[str, pl.Series] = {}
    for end, names in (("source", _SOURCE), ("destination", _DESTINATION)):
        addresses = _first(frame, names)
        if addresses is not None:
            ends[end] = _map(addresses, context.zones.zone, pl.String())
    return ends


def _inner(zones: pl.Series) -> pl.Series:
    """Zone labels: addresses of no zone and those that never leave the machine have none."""
    return zones.zip_with((zones != UNMAPPED) & (zones != LOCAL), pl.Series([None], dtype=pl.String))


def _event_zone(frame: pl.DataFrame, ends: dict[str, pl.Series], context: EnrichContext) -> pl.Series:
    """The zone an event belongs to: of its log source, else of the host, the source or the destination address."""
    zone = _map(frame["labels.source"], context.source_zones.get, pl.String())
    if "host.ip" in frame.columns and zone.null_count():
        first = frame["host.ip"].list.first()
        zone = zone.zip_with(zone.is_not_null(), _home(_map(first, context.zones.zone, pl.String())))
    if "host.name" in frame.columns and zone.null_count():
        named = _map(frame["host.name"], lambda name: _device_zone(context.host(name)), pl.String())
        zone = zone.zip_with(zone.is_not_null(), named)
    for end in ("source", "destination"):
        if end in ends and zone.null_count():
            zone = zone.zip_with(zone.is_not_null(), _home(ends[end]))
    return zone


def _device_zone(whose: Whose | None) -> str | None:
    """The zone of a device; what stands between zones (a firewall) has none of its own."""
    return None if whose is None or whose.passive else whose.zone or None


def _home(zones: pl.Series) -> pl.Series:
    """Zones of our own; the outside world and unmapped addresses are not where an event belongs."""
    inner = _inner(zones)
    return inner.zip_with(inner != WORLD, pl.Series([None], dtype=pl.String))


def _flows(
    frame: pl.DataFrame, source_zone: pl.Series, destination_zone: pl.Series, context: EnrichContext
) -> dict[str, pl.Series]:
    """Flow text, verdict and register id: by zone pair where that settles it, else by distinct connection."""
    table = pl.DataFrame({"a": source_zone, "b": destination_zone})
    rows = []
    for a, b in table.drop_nulls().unique().iter_rows():
        text, settled = context.judge.crossing(a, b)
        asks = settled is None and a != b and context.judge.rule(a, b) is not None
        rows.append((a, b, text or None, settled and settled.value, asks))
    schema = {"a": pl.String, "b": pl.String, "flow": pl.String, "verdict": pl.String, "open": pl.Boolean}
    pairs = pl.DataFrame(rows, schema=schema, orient="row")
    table = table.join(pairs, on=["a", "b"], how="left", maintain_order="left")
    labels = {"labels.flow": table["flow"], "labels.flow_verdict": table["verdict"]}
    if table["open"].any():
        verdict, flow_id = _registered(frame, table["open"].fill_null(False), context)
        labels["labels.flow_verdict"] = table["verdict"].zip_with(table["verdict"].is_not_null(), verdict)
        labels["labels.flow_id"] = flow_id
    return labels


def _registered(frame: pl.DataFrame, asks: pl.Series, context: EnrichContext) -> tuple[pl.Series, pl.Series]:
    """Verdict and flow id of connections that only the register can settle, by distinct ends, service and day."""
    frame = frame.with_row_index("row").filter(asks)
    source, destination = _first(frame, _SOURCE), _first(frame, _DESTINATION)
    assert source is not None
    assert destination is not None
    judge = context.judge
    nothing = pl.Series([None], dtype=pl.Int64).new_from_index(0, frame.height)
    found = pl.DataFrame(
        {
            "s": _map(source, judge.source_number, pl.Int64()),
            "d": _map(destination, judge.destination_number, pl.Int64()),
            "p": frame["destination.port"] if "destination.port" in frame.columns else nothing,
            "t": frame["network.transport"] if "network.transport" in frame.columns else nothing.cast(pl.String),
            "day": frame["@timestamp"].dt.convert_time_zone(context.timezone).dt.date(),
        }
    )
    distinct = found.unique()
    answers = [judge.judge_ends(s, d, p, (t or "").lower(), day) for s, d, p, t, day in distinct.iter_rows()]
    distinct = distinct.with_columns(
        pl.Series("verdict", [one.verdict and one.verdict.value for one in answers], dtype=pl.String),
        pl.Series("id", [one.flow_id or None for one in answers], dtype=pl.String),
    )
    keys = ["s", "d", "p", "t", "day"]
    joined = found.join(distinct, on=keys, how="left", nulls_equal=True, maintain_order="left")
    empty = pl.Series([None], dtype=pl.String).new_from_index(0, asks.len())
    return (
        empty.clone().scatter(frame["row"], joined["verdict"]),
        empty.clone().scatter(frame["row"], joined["id"]),
    )


def _owners(frame: pl.DataFrame, context: EnrichContext) -> dict[str, pl.Series]:
    """Device, department, owner and system: of the host, else of the source address, else of the person logged on."""
    answers: list[pl.DataFrame] = []
    passive: list[pl.DataFrame] = []
    if "host.name" in frame.columns:
        hosts = _whose(frame["host.name"], context.host)
        if hosts is not None:
            quiet = hosts["passive"].fill_null(False)
            answers.append(hosts.with_columns(pl.when(~quiet).then(pl.col(name)).alias(name) for name in _WHOSE))
            passive.append(hosts)
    for name, look in (("source.ip", context.by_ip.get), ("user.name", context.account)):
        if name in frame.columns:
            found = _whose(frame[name], look)
            if found is not None:
                answers.append(found)
    # A firewall's own name comes last: it is the device only where nothing else is known.
    answers += passive
    if not answers:
        return {}
    return {f"labels.{name}": _pick(answers, name) for name in _WHOSE}


def _pick(answers: Sequence[pl.DataFrame], name: str) -> pl.Series:
    columns = [answer[name] for answer in answers]
    return reduce(lambda first, second: first.zip_with(first.is_not_null(), second), columns)


def _whose(series: pl.Series, look: Callable[[str], Whose | None]) -> pl.DataFrame | None:
    """What is known about each value of a column, or None if nothing is."""
    values = series.drop_nulls().unique()
    known = [(value, found) for value in values.to_list() if (found := look(value)) is not None]
    if not known:
        return None
    table = pl.DataFrame(
        {"key": [value for value, _found in known]}
        | {name: [getattr(found, name) or None for _value, found in known] for name in _WHOSE}
        | {"passive": [found.passive for _value, found in known]},
        schema={"key": pl.String, **dict.fromkeys(_WHOSE, pl.String), "passive": pl.Boolean},
    )
    return series.to_frame("key").join(table, on="key", how="left", maintain_order="left")


def _off_hours(moments: pl.Series, context: EnrichContext) -> pl.Series:
    """Whether each moment lies outside working hours or on a day the office is closed, in the site's time zone."""
    local = moments.dt.convert_time_zone(context.timezone)
    days = local.dt.date()
    closed = _map(days, _is_closed, pl.Boolean())
    minutes = local.dt.hour().cast(pl.Int16) * 60 + local.dt.minute()
    start = context.start.hour * 60 + context.start.minute
    end = context.end.hour * 60 + context.end.minute
    return reduce(or_, (closed, minutes < start, minutes >= end))


def _is_closed(day: date) -> bool:
    return not is_office_day(day)
