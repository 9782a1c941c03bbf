"""The queue's filters: they live in the URL, so that a view can be bookmarked, sent to a colleague and reloaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlencode

from secops.schema.dates import parse_moment
from secops.schema.severity import Severity
from secops.siem.ports import Alert, AlertFilter, Span, State

PAGE_SIZE = 50
OVERLAP = 200  # rows before a page that are looked through for the row the reader had last
TABS: dict[str, frozenset[State] | None] = {
    "active": frozenset({State.OPEN, State.IN_PROGRESS}),
    "open": frozenset({State.OPEN}),
    "in_progress": frozenset({State.IN_PROGRESS}),
    "closed": frozenset({State.CLOSED}),
    "all": None,
}
TAB_LABELS = {
    "active": "未完了",
    "open": "未対応",
    "in_progress": "対応中",
    "closed": "対応完了",
    "all": "すべて",
}
PERIODS = {"1h": "1時間", "24h": "24時間", "7d": "7日間", "30d": "30日間"}


@dataclass(frozen=True, slots=True)
class QueueFilter:
    """What the reader asked to see; the defaults are what is not done yet, of everyone, worst first.

    ``who`` is ``me``, ``none`` (nobody), a login name or empty (all). ``start`` is where the page begins (0 is the
    first row), ``after`` the id of the last row of the page before: rows may move while one reads.
    """

    tab: str = "active"
    severities: frozenset[Severity] = frozenset()
    zone: str = ""
    who: str = ""
    period: str = ""
    text: str = ""
    start: int = 0
    after: int | None = None

    @property
    def narrowed(self) -> bool:
        """Whether anything beside the tab hides rows."""
        return bool(self.severities or self.zone or self.who or self.period or self.text)

    def url(self, path: str = "/alerts", **changes: object) -> str:
        """The address of this view with some values changed; a change of filter goes back to the first page."""
        if changes and "start" not in changes:
            changes = {"start": 0, "after": None, **changes}
        wanted = replace(self, **changes)  # type: ignore[arg-type]  # names are checked by the dataclass
        values = {
            "state": wanted.tab if wanted.tab != "active" else "",
            "severity": ",".join(one.code for one in sorted(wanted.severities, reverse=True)),
            "zone": wanted.zone,
            "who": wanted.who,
            "since": wanted.period,
            "q": wanted.text,
            "start": str(wanted.start) if wanted.start else "",
            "after": str(wanted.after) if wanted.after and wanted.start else "",
        }
        query = urlencode({name: value for name, value in values.items() if value})
        return f"{path}?{query}" if query else path

    def toggled(self, severity: Severity) -> str:
        """The address with one severity switched on or off."""
        return self.url(severities=self.severities ^ {severity})

    def hidden(self) -> list[tuple[str, str]]:
        """What the filter form carries along unseen: the tab and the severities."""
        pairs = [("state", self.tab if self.tab != "active" else "")]
        pairs.append(("severity", ",".join(one.code for one in sorted(self.severities, reverse=True))))
        return [(name, value) for name, value in pairs if value]


def parse(values: Mapping[str, str], zones: Sequence[str]) -> tuple[QueueFilter, list[str]]:
    """Read a URL's values; what makes no sense is left out and named, so that a wrong bookmark is noticed."""
    wrong: list[str] = []

    def known(name: str, allowed: Sequence[str], default: str = "") -> str:
        value = values.get(name, "")
        if value and value not in allowed:
            wrong.append(f"{name}={value}")
            return default
        return value or default

    severities: set[Severity] = set()
    for code in filter(None, values.get("severity", "").split(",")):
        try:
            severities.add(Severity.parse(code))
        except ValueError:
            wrong.append(f"severity={code}")
    return (
        QueueFilter(
            tab=known("state", list(TABS), "active"),
            severities=frozenset(severities),
            zone=known("zone", zones),
            who=values.get("who", "").strip()[:64],
            period=known("since", list(PERIODS)),
            text=values.get("q", "").strip()[:200],
            start=_number(values.get("start", "")) or 0,
            after=_number(values.get("after", "")),
        ),
        wrong,
    )


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and 0 < len(text) < 10 and int(text) > 0 else None


def alert_filter(view: QueueFilter, me: str, now: datetime) -> AlertFilter:
    """The same in the desk's words."""
    assignee = {"": None, "me": me, "none": ""}.get(view.who, view.who)
    return AlertFilter(
        states=TABS[view.tab],
        severities=view.severities or None,
        zones=frozenset({view.zone}) if view.zone else None,
        assignee=assignee,
        text=view.text,
        span=Span(since=parse_moment(view.period, now)) if view.period else Span(),
    )


def window(start: int) -> tuple[int, int]:
    """(offset, limit) to read for a page that begins there: with the overlap before it."""
    before = min(start, OVERLAP)
    return start - before, before + PAGE_SIZE


def rows_after(rows: Sequence[Alert], start: int, after: int | None) -> tuple[int, Sequence[Alert], bool]:
    """Out of what `window` asked for: where the page begins now, its rows, and whether it joins the page before.

    Rows move while one reads: a closed one leaves the list and draws the next ones forward, over the edge of the page.
    So the page begins behind the row the reader saw last. Where that row is gone, all of the overlap is shown: rows
    may be seen twice, but none is passed over.
    """
    before = min(start, OVERLAP)
    offset = start - before
    if after is None or start == 0:
        return start, rows[before : before + PAGE_SIZE], True
    for index, alert in enumerate(rows):
        if alert.id == after:
            return offset + index + 1, rows[index + 1 : index + 1 + PAGE_SIZE], True
    return offset, rows, False
