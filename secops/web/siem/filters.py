"""The queue's filters: they live in the URL, so that a view can be bookmarked, sent to a colleague and reloaded."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import parse_qsl, urlencode

from secops.query.parse import parse as parse_query
from secops.schema.dates import JST, parse_moment
from secops.schema.severity import Severity
from secops.siem.ports import Alert, AlertFilter, AlertPlace, Span, State
from secops.siem.triage.search import ALERTS

PAGE_SIZE = 50
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
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_PLACE = re.compile(r"(?P<severity>[0-4])-(?P<time>\d{1,17})-(?P<id>\d{1,18})", re.ASCII)
PERIODS = {"1h": "1時間", "24h": "24時間", "7d": "7日間", "30d": "30日間"}
CUSTOM = "custom"  # what the list of periods shows while days are given


@dataclass(frozen=True, slots=True)
class QueueFilter:
    """What the reader asked to see; the defaults are what is not done yet, of everyone, worst first.

    ``who`` is ``me``, ``none`` (nobody), a login name or empty (all). ``after`` is the place of the last row of
    the page before, or ``back`` that of the first row of the page behind: rows move while one reads, places do not.
    ``begin`` and ``end`` are days in Japan, both whole; where one is given there is no ``period``. ``text`` is in the
    search language of alerts.
    """

    tab: str = "active"
    severities: frozenset[Severity] = frozenset()
    zone: str = ""
    who: str = ""
    period: str = ""
    begin: date | None = None
    end: date | None = None
    text: str = ""
    after: AlertPlace | None = None
    back: AlertPlace | None = None

    @property
    def first_page(self) -> bool:
        """Whether the page is the first one."""
        return self.after is None and self.back is None

    @property
    def narrowed(self) -> bool:
        """Whether anything beside the tab hides rows."""
        return bool(self.severities or self.zone or self.who or self.timed or self.text)

    @property
    def timed(self) -> bool:
        """Whether the time is narrowed."""
        return bool(self.period or self.begin or self.end)

    @property
    def span(self) -> Span:
        """The days that were asked for, from midnight to midnight in Japan."""
        return Span(
            _midnight(self.begin) if self.begin else None, _midnight(self.end + timedelta(1)) if self.end else None
        )

    def url(self, path: str = "/alerts", **changes: object) -> str:
        """The address of this view with some values changed; a change of filter goes back to the first page."""
        if changes:
            changes = {"after": None, "back": None, **changes}
        wanted = replace(self, **changes)  # type: ignore[arg-type]  # names are checked by the dataclass
        values = {
            "state": wanted.tab if wanted.tab != "active" else "",
            "severity": ",".join(one.code for one in sorted(wanted.severities, reverse=True)),
            "zone": wanted.zone,
            "who": wanted.who,
            "since": wanted.period,
            "from": wanted.begin.isoformat() if wanted.begin else "",
            "to": wanted.end.isoformat() if wanted.end else "",
            "q": wanted.text,
            "after": _written(wanted.after),
            "back": _written(wanted.back),
        }
        query = urlencode({name: value for name, value in values.items() if value})
        return f"{path}?{query}" if query else path

    @property
    def asked(self) -> str:
        """What is asked for, whichever page of it, as the audit log has it."""
        values = parse_qsl(self.url("", after=None).removeprefix("?"))
        return " ".join(f"{name}={value}" for name, value in values) or "state=active"

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

    def place(name: str) -> AlertPlace | None:
        text = values.get(name, "")
        found = _place(text)
        if text and found is None:
            wrong.append(f"{name}={text}")
        return found

    def day(name: str) -> date | None:
        text = values.get(name, "").strip()
        found = _day(text)
        if text and found is None:
            wrong.append(f"{name}={text[:40]}")
        return found

    begin, end = day("from"), day("to")
    if begin and end and begin > end:
        wrong.append(f"from={begin} to={end}")
        begin = end = None
    # A form says with which choice it was shown: where that was changed it wins over the days beside it.
    chosen = values.get("since", "")
    if chosen in PERIODS and values.get("was", chosen) != chosen:
        begin = end = None
    period = known("since", [*PERIODS, CUSTOM])
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
            period="" if begin or end or period == CUSTOM else period,
            begin=begin,
            end=end,
            text=values.get("q", "").strip(),
            after=place("after"),
            back=place("back"),
        ),
        wrong,
    )


def _day(text: str) -> date | None:
    """A day between 1970 and 9000: further away, moments have no place in a database."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if 1970 <= found.year <= 9000 else None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), JST).astimezone(UTC)


def _written(place: AlertPlace | None) -> str:
    """A place in an address: ``<severity>-<microseconds>-<id>``."""
    return f"{int(place.severity)}-{(place.last_seen - _EPOCH) // _MICROSECOND}-{place.id}" if place else ""


def _place(text: str) -> AlertPlace | None:
    found = _PLACE.fullmatch(text)
    if found is None:
        return None
    moment = _EPOCH + timedelta(microseconds=int(found["time"]))
    return AlertPlace(Severity(int(found["severity"])), moment, int(found["id"]))


def place_of(alert: Alert) -> AlertPlace:
    """Where an alert stands in the queue."""
    return AlertPlace(alert.severity, alert.last_seen, alert.id)


def alert_filter(view: QueueFilter, me: str, now: datetime) -> AlertFilter:
    """The same in the desk's words.

    Raises:
        QueryError: the search cannot be read.
    """
    assignee = {"": None, "me": me, "none": ""}.get(view.who, view.who)
    return AlertFilter(
        states=TABS[view.tab],
        severities=view.severities or None,
        zones=frozenset({view.zone}) if view.zone else None,
        assignee=assignee,
        query=parse_query(view.text, now, ALERTS),
        span=Span(since=parse_moment(view.period, now)) if view.period else view.span,
    )
