"""What one run of evidence asks of the stores: a unit, a period, a reader's scope, and what was answered before.

All that is asked is search language first, so that what a sheet records is what was asked. Counting is done in the
stores; what comes back are numbers, groups up to a limit that is told, and a page of rows. What is known to be asked
soon is asked `ahead`, all at once: the answers are the same, and a store reads its files once, not a hundred times.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Protocol, TypeVar, cast

from secops.errors import QueryError
from secops.isms.audit.round import Unit
from secops.isms.audit.telemetry import Presence, Record, Source, Within
from secops.isms.policy.exceptions import Kind, Waiver
from secops.isms.policy.ports_exceptions import Codes
from secops.org.model import Department, Device, Directory, Flow, System
from secops.query import write
from secops.query.parse import parse
from secops.query.tree import Node
from secops.schema.dates import JST
from secops.schema.text import fold
from secops.siem.ports import EventStore, Found, Handled, Question, Scope, Span

MAX_GROUPS = 100_000  # different values that are counted exactly; more are said to be at least so many
MAX_NAMES = 300  # hosts and accounts that a search can name beside the label
HOUR = 3600
AT_ONCE = 60  # questions
FEWER = 10  # where so many take too long together
T = TypeVar("T")
Groups = Sequence[tuple[tuple[str | None, ...], int]]
UNLABELLED = "NOT _exists_:labels.department AND _exists_:host.name"
_PLACES: Mapping[str, int] = {"count": 0, "tally": 1, "hours": 2}
_ENDS = ("source.ip", "destination.ip")
NAMED = "_exists_:host.name"
SPELLED = "_exists_:user.name"


@dataclass(frozen=True, slots=True)
class Ahead:
    """What will be asked: a search as `Asking.text` takes it, its values by ``fields``, its events by the hour."""

    query: str
    within: Within
    fields: tuple[str, ...] = ()
    hours: bool = False
    since: datetime | None = None
    more: tuple[str, ...] = ()


class Handling(Protocol):
    """The part of `secops.siem.ports.ReviewDesk` that is asked."""

    def handled(self, opened: Span, scope: Scope, *, named: bool = False) -> Sequence[Handled]:
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
    """One run; answers that several queries need are asked for once. ``system``: it is about the hosts of this one."""

    ports: Ports
    department: Department
    since: datetime
    until: datetime
    scope: Scope
    system: System | None = None
    directory: Directory = field(init=False)
    _notes: dict[str, str] = field(default_factory=dict)
    _memo: dict[object, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.directory = self.ports.inventories.at(self.until)

    @property
    def span(self) -> Span:
        """The period."""
        return Span(self.since, self.until)

    @property
    def unit(self) -> Unit:
        """Whom it is about."""
        return Unit(self.department.code, self.system.code if self.system else "")

    def alerts(self) -> Sequence[Handled]:
        """The department's alerts of the period; of a system those in which one of its hosts is named."""
        own = Scope(self.scope.zones, frozenset({self.department.name}))
        if self.system is None:
            return self.ports.desk.handled(self.span, own)
        found = self.ports.desk.handled(self.span, own, named=True)
        mine = self.hosts() | set(self.addresses())
        return [one for one in found if any(value in mine or short(value) in mine for value in one.names)]

    # ------------------------------------------------------------------------------------------- who and what

    def devices(self) -> Sequence[Device]:
        """The devices of the unit that the inventory knows."""
        if self.system is None:
            return [one for one in self.directory.devices if one.department == self.department.code]
        mine = {fold(one) for one in self.system.hosts}
        return [one for one in self.directory.devices if mine & {fold(one.name), short(one.name), *one.ips}]

    def strays(self) -> Sequence[str]:
        """Hosts that the register names for the system and the inventory does not know."""
        known = {name for one in self.devices() for name in (fold(one.name), short(one.name), *one.ips)}
        return [one for one in self.system.hosts if fold(one) not in known] if self.system else []

    def hosts(self) -> set[str]:
        """Their names, folded and without domain; a firewall's events are about others."""
        named = {short(one.name) for one in self.devices() if one.kind != "network"}
        return named | {short(one) for one in self.strays() if not is_address(one)}

    def addresses(self) -> Sequence[str]:
        """The addresses of the system's hosts, in order."""
        if self.system is None:
            return ()
        found = {ip for one in self.devices() for ip in one.ips} | {one for one in self.strays() if is_address(one)}
        return sorted(found)

    def owns(self, flow: Flow) -> bool:
        """Whether the department answers for a registered flow; of a system whether one of its addresses is an end."""
        if self.system is None:
            return flow.owner == self.department.code
        return any(_meets(end, ip) for end in (flow.source, flow.destination) for ip in self.addresses())

    def concerns(self, waiver: Waiver) -> bool:
        """Whether a waiver of the department is about the unit: of a system where it names a device or a flow of it."""
        if self.system is None:
            return True
        flows = {one.id for one in self.directory.flows if self.owns(one)}
        return any(
            short(one.id) in self.hosts() if one.kind is Kind.DEVICE else one.id in flows
            for one in waiver.draft.subjects
        )

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
        """The zones of the unit's devices that the reader may see, with their words."""
        found = {one.zone: "" for one in self.devices() if one.zone}
        if self.system is not None and self.system.zone and self.system.hosts:
            found.setdefault(self.system.zone, "")
        allowed = self.scope.zones
        return {zone: self.ports.zone_label(zone) for zone in found if allowed is None or zone in allowed}

    # ------------------------------------------------------------------------------------------------ searches

    def text(self, query: str, within: Within, *more: str) -> str:
        """The whole search: the unit's part of it, the query, further conditions."""
        return _joined([query, *more, self._whose(within)]) or "*:*"

    def _whose(self, within: Within) -> str:
        return self._once(("whose", within), lambda: self._said_of(within))

    def _said_of(self, within: Within) -> str:
        if within is Within.WARD:
            return ""
        if self.system is not None:
            ends = [write.term(end, ip) for ip in self._first(self.addresses(), "アドレス") for end in _ENDS]
            names = [write.term("host.name", one) for one in self._as_written(NAMED)]
            return write.either(write.term("labels.system", self.system.name), *names, *ends)
        label = write.term("labels.department", self.department.name)
        terms = [label, *(write.term("host.name", one) for one in self._as_written(UNLABELLED))]
        if within is Within.PEOPLE:
            terms += [write.term("user.name", one) for one in self._spelled()]
        return write.either(*terms)

    def _as_written(self, asked: str) -> Sequence[str]:
        """Host names of the unit as events write them: without a label they came before the register had the device."""
        hosts = self.hosts()
        found = [name for (name,), _count in self.tally(asked, ("host.name",)) if name and short(name) in hosts]
        return self._first(found, "端末" if self.system else "ラベルのない端末")

    def _spelled(self) -> Sequence[str]:
        r"""The department's accounts as events spell them (``DOMAIN\name``, another case)."""
        mine = self.accounts()
        found = [name for (name,), _count in self.tally(SPELLED, ("user.name",)) if name and base(name) in mine]
        return self._first(sorted({fold(one): one for one in found}.values()), "アカウント")

    def _first(self, names: Sequence[str], what: str) -> Sequence[str]:
        if len(names) > MAX_NAMES:
            text = "{what}が多いため、{most} 件だけを探しました(全 {count} 件)。"
            self._notes[what] = text.format(what=what, most=MAX_NAMES, count=len(names))
        return names[:MAX_NAMES]

    def notes(self, within: Iterable[Within]) -> list[str]:
        """What was left out of searches of these kinds."""
        looked = set(within)
        told = [*("ラベルのない端末", "端末", "アドレス")] if looked - {Within.WARD} else []
        told += ["アカウント"] if Within.PEOPLE in looked else []
        return [self._notes[what] for what in told if what in self._notes]

    def ahead(self, wanted: Iterable[Ahead]) -> None:
        """Ask for all of it at once. What cannot be answered so is asked by itself later, and then says why."""
        groups: dict[Within, dict[tuple[object, ...], tuple[str, Question]]] = {}
        for one in wanted:
            text = self.text(one.query, one.within, *one.more)
            asked = groups.setdefault(one.within, {})
            since = self._within_period(one.since)
            key = (text, one.fields, one.hours, since)
            if key in asked or all(known in self._memo for known in self._keys(*key)):
                continue
            try:
                node = parse(_joined([one.query, *one.more]) or "*:*", self.until)
            except QueryError:
                continue
            asked[key] = text, Question(node, HOUR if one.hours else 0, one.fields, MAX_GROUPS + 1, since)
        for within, found in groups.items():
            questions = list(found.values())
            for first in range(0, len(questions), AT_ONCE):
                self._answered(within, questions[first : first + AT_ONCE])

    def _answered(self, within: Within, asked: Sequence[tuple[str, Question]]) -> None:
        try:
            common = parse(self._whose(within) or "*:*", self.until)
            answers = self.ports.store.several(common, [one for _text, one in asked], self.span, self.scope)
        except QueryError:  # one of them, or all together, is too much: fewer at once, in the end each by itself
            for first in range(0, len(asked), FEWER) if len(asked) > FEWER else ():
                self._answered(within, asked[first : first + FEWER])
            return
        for (text, question), answer in zip(asked, answers, strict=True):
            values: Sequence[object] = (answer.count, answer.groups, answer.buckets)
            keys = self._keys(text, question.fields, bool(question.seconds), question.since)
            self._memo |= {key: values[_PLACES[cast("str", key[0])]] for key in keys}

    @staticmethod
    def _keys(text: str, fields: tuple[str, ...], hours: bool, since: datetime | None) -> list[tuple[object, ...]]:
        """What is known when a question is answered."""
        keys: list[tuple[object, ...]] = [("count", text, since)]
        keys += [("tally", text, fields, since)] if fields else []
        return [*keys, ("hours", text)] if hours else keys

    def count(self, text: str, since: datetime | None = None) -> int:
        """How many events a whole search finds."""
        since = self._within_period(since)
        query, span = self._asked(text, since)
        return self._once(("count", text, since), lambda: self.ports.store.count(query, span, self.scope))

    def tally(self, text: str, fields: Sequence[str], since: datetime | None = None) -> Groups:
        """Counts by the values of columns, the largest first."""
        since = self._within_period(since)
        query, span = self._asked(text, since)

        def ask() -> Groups:
            return self.ports.store.tally(query, span, self.scope, list(fields), MAX_GROUPS + 1)

        return self._once(("tally", text, tuple(fields), since), ask)

    def newest(self, text: str, limit: int) -> Found:
        """The newest events, and how many there are: only the hours are looked at in which the newest are."""
        hours = self.hours(text)
        left, since = limit, self.since
        for at, count in reversed(hours):
            left -= count
            if left <= 0:
                since = max(self.since, at)
                break
        total = sum(count for _at, count in hours)
        if not total:
            return Found((), 0)
        return Found(self.ports.store.search(*self._asked(text, since), self.scope, limit=limit).events, total)

    def hours(self, text: str) -> Sequence[tuple[datetime, int]]:
        """Events by the hour, empty hours left out."""
        query, span = self._asked(text)
        return self._once(("hours", text), lambda: self.ports.store.histogram(query, span, self.scope, HOUR))

    def _within_period(self, since: datetime | None) -> datetime | None:
        """A begin that is later than the period's; None is the period's."""
        return since if since is not None and since > self.since else None

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


def _joined(parts: Sequence[str]) -> str:
    """One condition of several, "" where there is none."""
    if len(given := [one for one in parts if one and one != "*:*"]) > 1:
        return " AND ".join(one if _single(one) else f"({one})" for one in given)
    return given[0] if given else next((one for one in parts if one), "")


def _meets(end: str, ip: str) -> bool:
    """Whether an address is an end of a flow (an address or a network; a zone names no host)."""
    try:
        return ipaddress.ip_address(ip) in ipaddress.ip_network(end, strict=False)
    except ValueError:
        return False


def is_address(text: str) -> bool:
    """Whether a host of a register is an address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


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
