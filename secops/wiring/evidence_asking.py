"""What one run of evidence asks of the stores: a department, a period, a reader's scope, and what was answered before.

All that is asked is search language first, so that what a sheet records is what was asked. Counting is done in the
stores; what comes back are numbers, groups up to a limit that is told, and a page of rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Protocol, TypeVar, cast

from secops.isms.audit.telemetry import Presence, Record, Source, Within
from secops.isms.policy.exceptions import Waiver
from secops.isms.policy.ports_exceptions import Codes
from secops.org.model import Department, Directory
from secops.query import write
from secops.query.parse import parse
from secops.query.tree import Node
from secops.schema.dates import JST
from secops.schema.text import fold
from secops.siem.ports import EventStore, Found, Handled, Scope, Span

MAX_GROUPS = 100_000  # different values that are counted exactly; more are said to be at least so many
MAX_NAMES = 300  # hosts and accounts that a search can name beside the label
HOUR = 3600
T = TypeVar("T")
Groups = Sequence[tuple[tuple[str | None, ...], int]]
UNLABELLED = "NOT _exists_:labels.department AND _exists_:host.name"


class Handling(Protocol):
    """The part of `secops.siem.ports.ReviewDesk` that is asked."""

    def handled(self, opened: Span, scope: Scope) -> Sequence[Handled]:
        """How long the alerts took that were opened in a span."""
        ...


@dataclass(frozen=True, slots=True)
class Chain:
    """The journal as a sheet tells it: segments, how many were sealed in the period, what is wrong."""

    segments: int
    sealed: int
    problem: str


@dataclass(frozen=True, slots=True)
class Inventories:
    """The inventory over time: as it was at a moment, and when it was replaced.

    ``known_at`` says whether the version of a moment is kept; before the first import nobody knows.
    """

    at: Callable[[datetime], Directory]
    changes: Callable[[], Sequence[datetime]]
    known_at: Callable[[datetime], bool]


@dataclass(frozen=True)
class Ports:
    """What is asked for evidence: events, alerts, inventory, journal, words for zones, the time."""

    store: EventStore
    desk: Handling
    inventories: Inventories
    chain: Callable[[datetime, datetime], Chain | None]
    waivers: Callable[[Codes], Sequence[Waiver]]
    zone_label: Callable[[str], str]
    now: Callable[[], datetime]


@dataclass
class Asking:
    """One run; answers that several queries need are asked for once."""

    ports: Ports
    department: Department
    since: datetime
    until: datetime
    scope: Scope
    directory: Directory = field(init=False)
    notes: list[str] = field(default_factory=list)
    _memo: dict[object, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.directory = self.ports.inventories.at(self.until)

    @property
    def span(self) -> Span:
        """The period."""
        return Span(self.since, self.until)

    @property
    def own_scope(self) -> Scope:
        """What the reader may see of this department: for alerts, which bear its name."""
        return Scope(self.scope.zones, frozenset({self.department.name}))

    # ------------------------------------------------------------------------------------------- who and what

    def accounts(self) -> dict[str, str]:
        """Folded name → account of the department's people, without those that people elsewhere use too."""
        shared = self.directory.people_by_account
        return {
            fold(account.name): account.name
            for person in self.directory.staff
            if self.department.code in person.departments
            for account in person.accounts
            if all(self.department.code in one.departments for one in shared[fold(account.name)])
        }

    def zones(self) -> dict[str, str]:
        """The zones of the department's devices that the reader may see, with their words."""
        found = {one.zone: "" for one in self.directory.devices if one.department == self.department.code and one.zone}
        allowed = self.scope.zones
        return {zone: self.ports.zone_label(zone) for zone in found if allowed is None or zone in allowed}

    # ------------------------------------------------------------------------------------------------ searches

    def text(self, query: str, within: Within, *more: str) -> str:
        """The whole search: the department's part of it, the query, further conditions."""
        parts = [query, *more, self._whose(within)]
        if len(given := [one for one in parts if one and one != "*:*"]) > 1:
            return " AND ".join(one if _single(one) else f"({one})" for one in given)
        return given[0] if given else "*:*"

    def _whose(self, within: Within) -> str:
        if within is Within.WARD:
            return ""
        label = write.term("labels.department", self.department.name)
        terms = [label, *(write.term("host.name", one) for one in self._unlabelled())]
        if within is Within.PEOPLE:
            terms += [write.term("user.name", one) for one in self._spelled()]
        return write.either(*terms)

    def _unlabelled(self) -> Sequence[str]:
        """Host names of the department in events without a label: they came before the device was in the inventory."""
        hosts = {
            fold(one.name).split(".", 1)[0]
            for one in self.directory.devices
            if one.department == self.department.code and one.kind != "network"
        }
        found = [name for (name,), _count in self.tally(UNLABELLED, ("host.name",)) if name and short(name) in hosts]
        return self._first(found, "ラベルのない端末")

    def _spelled(self) -> Sequence[str]:
        r"""The department's accounts as events spell them (``DOMAIN\name``, another case)."""
        mine = self.accounts()
        found = [
            name for (name,), _count in self.tally("_exists_:user.name", ("user.name",)) if name and base(name) in mine
        ]
        return self._first(sorted({fold(one): one for one in found}.values()), "アカウント")

    def _first(self, names: Sequence[str], what: str) -> Sequence[str]:
        if len(names) > MAX_NAMES:
            text = "{what}が多いため、{most} 件だけを探しました(全 {count} 件)。"
            note = text.format(what=what, most=MAX_NAMES, count=len(names))
            if note not in self.notes:
                self.notes.append(note)
        return names[:MAX_NAMES]

    def count(self, text: str, since: datetime | None = None) -> int:
        """How many events a whole search finds."""
        query, span = self._asked(text, since)
        return self._once(("count", text, since), lambda: self.ports.store.count(query, span, self.scope))

    def tally(self, text: str, fields: Sequence[str], since: datetime | None = None) -> Groups:
        """Counts by the values of columns, the largest first."""
        query, span = self._asked(text, since)

        def ask() -> Groups:
            return self.ports.store.tally(query, span, self.scope, list(fields), MAX_GROUPS + 1)

        return self._once(("tally", text, tuple(fields), since), ask)

    def newest(self, text: str, limit: int) -> Found:
        """The newest events, and how many there are."""
        return self.ports.store.search(*self._asked(text), self.scope, limit=limit)

    def hours(self, text: str) -> Sequence[tuple[datetime, int]]:
        """Events by the hour, empty hours left out."""
        query, span = self._asked(text)
        return self._once(("hours", text), lambda: self.ports.store.histogram(query, span, self.scope, HOUR))

    def _asked(self, text: str, since: datetime | None = None) -> tuple[Node, Span]:
        return parse(text, self.until), Span(since or self.since, self.until)

    # ------------------------------------------------------------------------------------------------- sources

    def presence(self, source: Source, zones: Sequence[str] = ()) -> Presence:
        """When something came from a source, anywhere and in some zones."""
        if source.missing:
            return Presence(record=True, why=source.missing)
        if source.record:
            there, why = self._record(source.record)
            return Presence(record=True, told=there, why=why)
        days = {"": self._days(self.text(source.query, source.within))}
        for zone in zones:
            days[zone] = self._days(self.text(source.query, source.within, write.term("labels.zone", zone)))
        return Presence(days)

    def _days(self, text: str) -> frozenset[date]:
        return frozenset(at.astimezone(JST).date() for at, _count in self.hours(text))

    def _record(self, record: Record) -> tuple[bool, str]:
        """Whether the program keeps something, and why not."""
        match record:
            case Record.INVENTORY:
                return bool(self.directory.devices), "機器の台帳が取り込まれていません。"
            case Record.STAFF:
                return bool(self.directory.people_by_account), "職員の台帳にアカウントがありません。"
            case Record.FLOWS:
                return bool(self.directory.flows), "通信の台帳が取り込まれていません。"
            case Record.HISTORY:
                known = self.ports.inventories.known_at(self.since)
                return known, "期間の初めの職員の台帳が残っていません。"
            case Record.JOURNAL:
                found = self.ports.chain(self.since, self.until)
                return found is not None and found.segments > 0, "原本ログの区間がありません。"
            case Record.EXCEPTIONS:
                # A ward that never entered one keeps them on paper: that is no zero.
                return bool(
                    self.ports.waivers(None)
                ), "例外措置が一件も登録されていません。紙の台帳で確かめてください。"

    def _once(self, key: object, ask: Callable[[], T]) -> T:
        if key not in self._memo:
            self._memo[key] = ask()
        return cast("T", self._memo[key])


def short(name: str) -> str:
    """A host name without its domain, folded."""
    return fold(name).split(".", 1)[0]


def base(name: str) -> str:
    r"""An account name without its domain (``DOMAIN\name``, ``name@domain``), folded."""
    return fold(name).rsplit("\\", 1)[-1].split("@", 1)[0]


def own_account(name: str) -> bool:
    """Whether an account is a machine's or the system's own."""
    folded = base(name)
    return (
        not folded
        or folded in {"-", "system", "local service", "network service", "anonymous logon", "システム"}
        or folded.endswith("$")
        or folded.startswith(("dwm-", "umfd-"))
    )


def midnight(moment: datetime) -> datetime:
    """The midnight in Japan at which a moment's day begins."""
    return moment.astimezone(JST).replace(hour=0, minute=0, second=0, microsecond=0)


def hours_between(moments: Sequence[datetime], end: datetime) -> float:
    """The longest time, in hours, between two of these moments (each the begin of an hour), or to the end."""
    hour = timedelta(hours=1)
    gaps = [after - before - hour for before, after in zip(moments, [*moments[1:], end], strict=True)]
    return max(max(gaps, default=timedelta(0)), timedelta(0)) / hour


def _single(text: str) -> bool:
    """Whether a search is one condition, which needs no brackets."""
    return text.count(":") == 1 and " " not in text
