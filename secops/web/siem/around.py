"""What else a host or user did around a moment: the query, one line an event, and the drawing of the timeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from markupsafe import Markup

from secops.locale import _
from secops.query.tree import Node, Or, Term
from secops.report.text import flat, plain
from secops.siem.ports import Hit, Span
from secops.web.words import clock, clock_seconds, moment_of

REACH = timedelta(minutes=15)
SHOWN = 200
IDENTITY = ("host.name", "user.name", "source.ip", "labels.device")
FIELDS = frozenset(
    {
        "@timestamp",
        "event.id",
        "event.action",
        "event.category",
        "event.code",
        "event.dataset",
        "event.kind",
        "event.original",
        "event.outcome",
        "message",
        *IDENTITY,
        "destination.domain",
        "destination.ip",
        "destination.port",
        "file.name",
        "file.path",
        "process.command_line",
        "process.executable",
        "process.name",
        "registry.path",
        "url.full",
    }
)
"""What a line is made of; a test compares lines of whole events with lines of these."""
LANES = ("logon", "process", "file", "network", "other")
LANE_LABELS = {
    "logon": "ログオン・認証",
    "process": "プログラムの実行",
    "file": "ファイル・媒体",
    "network": "通信",
    "other": "その他",
}
_CATEGORY_LANES = {
    "authentication": "logon",
    "session": "logon",
    "iam": "logon",
    "process": "process",
    "file": "file",
    "registry": "file",
    "driver": "file",
    "network": "network",
    "web": "network",
    "email": "network",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One event as a line of the table and a dot of the timeline; ``hit`` marks those the alert is about."""

    id: str
    moment: datetime
    lane: str
    what: str
    host: str
    user: str
    hit: bool


def identity(entities: Mapping[str, str], event: Mapping[str, Any]) -> dict[str, str]:
    """Which host, user and address an alert is about, by field.

    The event's own values come first: those in an alert are cleaned and may be cut.
    """
    values = {name: flat(event.get(name) or entities.get(name)) for name in IDENTITY}
    return {name: value for name, value in values.items() if value}


def query(wanted: Mapping[str, str]) -> Node | None:
    """Events of the same host, user or address; None where the alert names none of them."""
    terms: list[Node] = [Term(name, value) for name, value in wanted.items()]
    if not terms:
        return None
    return terms[0] if len(terms) == 1 else Or(tuple(terms))


def span(centre: datetime) -> Span:
    """A quarter of an hour to each side; the end is exclusive, so a microsecond is added."""
    return Span(centre - REACH, centre + REACH + timedelta(microseconds=1))


def lane(event: Mapping[str, Any]) -> str:
    """Which of the five lanes an event belongs to, by its ECS category, else by the fields it has."""
    categories = event.get("event.category")
    for category in [categories] if isinstance(categories, str) else categories or ():
        if category in _CATEGORY_LANES:
            return _CATEGORY_LANES[category]
    if flat(event.get("event.code")) in {"4624", "4625", "4634", "4647", "4648", "4768", "4771", "4776"}:
        return "logon"
    for name, where in (("destination.ip", "network"), ("file.path", "file"), ("process.name", "process")):
        if event.get(name):
            return where
    return "other"


def summary(event: Mapping[str, Any]) -> str:
    """What happened, in one line, from the fields that say most."""
    if flat(event.get("event.kind")) == "pipeline_error":
        return _("解析できない記録: {text}").format(text=flat(event.get("event.original"))[:200])
    action = flat(event.get("event.action")) or flat(event.get("event.code"))
    where = lane(event)
    detail = ""
    if where == "network":
        target = flat(event.get("url.full") or event.get("destination.domain") or event.get("destination.ip"))
        port = flat(event.get("destination.port"))
        detail = f"→ {target}:{port}" if target and port and "/" not in target else f"→ {target}" if target else ""
    elif where == "process":
        detail = flat(event.get("process.command_line") or event.get("process.executable") or event.get("process.name"))
    elif where == "file":
        detail = flat(event.get("file.path") or event.get("registry.path") or event.get("file.name"))
    elif where == "logon":
        detail = " ".join(filter(None, (flat(event.get("source.ip")), flat(event.get("event.outcome")))))
    detail = detail or flat(event.get("message"))[:300] or flat(event.get("event.dataset"))
    return f"{action} {detail}".strip() if action and action not in detail else detail


def lines(events: Sequence[Mapping[str, Any]], hits: Sequence[Hit]) -> list[Line]:
    """Events (ascending by time) as lines; those without a usable time are left out, which the store does not yield."""
    ours = {hit.record_id for hit in hits} | {one.event_id for hit in hits for one in hit.contributing}
    result = []
    for event in events:
        moment = moment_of(event.get("@timestamp"))
        if moment is None:
            continue
        event_id = flat(event.get("event.id"))
        result.append(
            Line(
                id=event_id,
                moment=moment,
                lane=lane(event),
                what=summary(event),
                host=flat(event.get("labels.device") or event.get("host.name") or event.get("source.ip")),
                user=flat(event.get("user.name")),
                hit=event_id in ours,
            )
        )
    return result


def timeline(shown: Sequence[Line], centre: datetime) -> Markup:
    """The timeline as SVG, 30 minutes wide, the alert's moment in the middle; positions are percentages.

    Percentages let the drawing follow the width of the page while type and dots keep their size. Only lanes with
    something in them are drawn. The table under it says the same for those who cannot see it.
    """
    used = [name for name in LANES if any(line.lane == name for line in shown)]
    height = 44 * len(used) + 40
    title = _("前後 15 分の出来事 {count} 件").format(count=len(shown))
    parts = [Markup('<svg class="timeline" width="100%" height="{}" role="img" aria-label="{}">').format(height, title)]
    for minutes in (-15, -10, -5, 5, 10, 15):
        x = _x(centre + timedelta(minutes=minutes), centre)
        anchor = "start" if minutes == -15 else "end" if minutes == 15 else "middle"
        parts.append(
            Markup(
                '<line class="tick" x1="{x}%" x2="{x}%" y1="8" y2="{y}"/>'
                '<text class="{c}" x="{x}%" y="{t}" text-anchor="{a}">{w}</text>'
            ).format(
                x=x,
                y=height - 24,
                t=height - 6,
                a=anchor,
                c="" if abs(minutes) == 15 else "far",  # a phone has room for the ends only
                w=clock(centre + timedelta(minutes=minutes)),
            )
        )
    middle = _x(centre, centre)
    parts.append(Markup('<line class="now" x1="{x}%" x2="{x}%" y1="4" y2="{y}"/>').format(x=middle, y=height - 24))
    parts.append(
        Markup('<text class="now-label" x="{x}%" y="{y}" text-anchor="middle">{w}</text>').format(
            x=middle, y=height - 6, w=clock_seconds(centre)
        )
    )
    for index, name in enumerate(used):
        parts.append(_lane(index, name, shown, centre))
    parts.append(Markup("</svg>"))
    return Markup("").join(parts)


def _lane(index: int, name: str, shown: Sequence[Line], centre: datetime) -> Markup:
    """One lane: its name, its line and a dot per event; the alert's own events are drawn last and larger."""
    base = 44 * index + 34
    parts = [
        Markup('<text x="0" y="{}">{}</text>').format(base - 14, _(LANE_LABELS[name])),
        Markup('<line class="lane" x1="0" x2="100%" y1="{y}" y2="{y}"/>').format(y=base),
    ]
    parts += [
        Markup('<circle class="{c}" cx="{x}%" cy="{y}" r="{r}"><title>{t}</title></circle>').format(
            c="hit" if line.hit else "dot",
            x=_x(line.moment, centre),
            y=base,
            r=7 if line.hit else 5,
            t=f"{clock_seconds(line.moment)} {plain(line.what)[:200]}",
        )
        for line in sorted((line for line in shown if line.lane == name), key=lambda line: line.hit)
    ]
    return Markup("").join(parts)


def _x(moment: datetime, centre: datetime) -> str:
    """Where a moment stands, in percent with one decimal; half a per cent stays free at each end for the dots."""
    share = (moment - centre + REACH) / (2 * REACH)
    return f"{1 + 98 * min(max(share, 0.0), 1.0):.1f}"
