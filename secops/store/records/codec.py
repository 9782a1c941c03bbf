"""Rows of the SIEM tables and the values of `secops.siem.ports`: one place that knows both."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import RowMapping

from secops.schema.severity import Severity
from secops.schema.text import fold
from secops.siem.ports import Alert, Contribution, Hit, MatchedValue, State, Verdict
from secops.siem.triage.limits import suppressed
from secops.siem.triage.search import names

_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z


def to_json(value: Any) -> str:
    """JSON text of any log value; what strict JSON cannot hold (huge integers, lone surrogates) is escaped."""
    try:
        return orjson.dumps(value, option=_OPTIONS, default=str).decode()
    except TypeError:
        return json.dumps(value, default=str)


def from_json(text: str) -> Any:
    """What `to_json` wrote."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text)


def detail_of(hit: Hit) -> str:
    """What is kept of a hit that is kept in full."""
    matched = [(m.selection, m.field, m.operator, m.pattern, m.value) for m in hit.matched]
    detail = {"level": int(hit.level), "zone": hit.zone, "event": hit.event, "matched": matched}
    if hit.contributed:
        detail["contributed"] = hit.contributed
        detail["contributing"] = [
            (one.rule_id, one.event_id, one.source, one.seq, one.time, one.zone, one.event) for one in hit.contributing
        ]
    return to_json(detail)


def hit_of(row: RowMapping) -> Hit:
    """A hit from a row whose ``detail`` is there."""
    detail = from_json(row["detail"])
    return Hit(
        rule_id=row["rule_id"],
        level=Severity(detail["level"]),
        event_id=row["event_id"],
        source=row["source"],
        seq=row["seq"],
        timestamp=row["timestamp"],
        received=row["received"],
        zone=detail["zone"],
        event=detail["event"],
        matched=tuple(MatchedValue(*parts) for parts in detail["matched"]),
        contributing=tuple(_contribution(parts) for parts in detail.get("contributing", ())),
        contributed=detail.get("contributed", 0),
    )


def _contribution(parts: list[Any]) -> Contribution:
    rule_id, event_id, source, seq, time, zone, event = parts
    return Contribution(rule_id, event_id, source, seq, datetime.fromisoformat(time), zone, event)


def alert_of(row: RowMapping) -> Alert:
    """An alert from a row of all columns."""
    return Alert(
        id=row["id"],
        key=row["key"],
        rule_id=row["rule_id"],
        title=row["title"],
        title_en=row["title_en"],
        severity=Severity(row["severity"]),
        state=State(row["state"]),
        zone=row["zone"],
        department=row["department"],
        entities=from_json(row["entities"]),
        count=row["count"],
        first_seen=row["first_seen"],
        last_seen=row["last_seen"],
        opened_at=row["opened_at"],
        assignee=row["assignee"],
        verdict=Verdict(row["verdict"]) if row["verdict"] else None,
        closed_reason=row["closed_reason"],
        closed_at=row["closed_at"],
        previous=row["previous"],
        clauses=tuple(from_json(row["clauses"])),
        kind=row["kind"],
        category=row["category"],
        suppressed=suppressed(row["count"]),
        merged_into=row["merged_into"],
        merged_count=row["merged_count"],
        acknowledged_at=row["acknowledged_at"],
    )


def row_of(alert: Alert, change: int) -> dict[str, Any]:
    """A new alert as a row of all columns, opened in a change."""
    return {
        **changeable(alert),
        "id": alert.id,
        "key": alert.key,
        "rule_id": alert.rule_id,
        "title": alert.title,
        "title_en": alert.title_en,
        "severity": int(alert.severity),
        "zone": alert.zone,
        "department": alert.department,
        "entities": to_json(alert.entities),
        "count": alert.count,
        "first_seen": alert.first_seen,
        "last_seen": alert.last_seen,
        "opened_at": alert.opened_at,
        "previous": alert.previous,
        "clauses": to_json(alert.clauses),
        "kind": alert.kind,
        "category": alert.category,
        "words": fold("\n".join([alert.title, alert.title_en, *alert.entities.values()])),
        "names": to_json([f"{name}={fold(value)}" for name, values in names(alert).items() for value in values]),
        "touched": alert.kind == "manual",
        "opened_change": change,
        "changed": change,
    }


def changeable(alert: Alert) -> dict[str, Any]:
    """The columns that people change."""
    return {
        "state": alert.state.value,
        "assignee": alert.assignee,
        "verdict": alert.verdict.value if alert.verdict else None,
        "closed_reason": alert.closed_reason,
        "closed_at": alert.closed_at,
        "acknowledged_at": alert.acknowledged_at,
    }


def chunks(values: Iterable[Any], size: int = 5000) -> Iterable[list[Any]]:
    """Values in lists short enough for the number of parameters a database takes in one statement."""
    part: list[Any] = []
    for value in values:
        part.append(value)
        if len(part) == size:
            yield part
            part = []
    if part:
        yield part
