"""The verdict on a connection between zones: the 三層 table of the ward's model, and the register of flows."""

from __future__ import annotations

import ipaddress
import tomllib
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from importlib.resources import files
from typing import Any

from secops.errors import Problem, SettingsError
from secops.locale import _, language
from secops.org.model import FLOW_KINDS, Flow
from secops.org.zones import LOCAL, UNMAPPED, ZoneMap
from secops.settings import MODELS

FILE_NAME = "flows.toml"
_MEMO = 200_000
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class FlowVerdict(StrEnum):
    """What `labels.flow_verdict` can be; `VERDICT_WORDS` has the words on screens."""

    ALLOWED = "allowed"
    REGISTERED = "registered"
    UNREGISTERED = "unregistered"
    EXPIRED = "expired"
    FORBIDDEN = "forbidden"


VERDICT_WORDS = {
    FlowVerdict.ALLOWED: "通常の通信",
    FlowVerdict.REGISTERED: "登録済みの通信",
    FlowVerdict.UNREGISTERED: "未登録の通信",
    FlowVerdict.EXPIRED: "登録の期限切れ",
    FlowVerdict.FORBIDDEN: "認められない通信",
}


@dataclass(frozen=True, slots=True)
class FlowRule:
    """One row of the table: the verdict without registration, and the kinds of registered flows that make it right."""

    source: str
    destination: str
    direct: FlowVerdict
    kinds: frozenset[str]
    models: frozenset[str]
    why_ja: str
    why_en: str
    confirm: bool = False

    @property
    def why(self) -> str:
        """The reason in the reader's language."""
        return self.why_en if language() == "en" and self.why_en else self.why_ja


@dataclass(frozen=True, slots=True)
class FlowTable:
    """The rules in order, and the kinds that are ordinary work once they are registered."""

    edition: str
    rules: tuple[FlowRule, ...]
    ordinary: frozenset[str]

    def rule(self, model: str, source: str, destination: str) -> FlowRule | None:
        """The first rule for a pair of zones in a model; None where the table says nothing."""
        for one in self.rules:
            fits = one.source in (source, "*") and one.destination in (destination, "*")
            if fits and model in one.models:
                return one
        return None


def builtin_table() -> FlowTable:
    """The table that comes with the program."""
    return parse_table((files("secops.org") / FILE_NAME).read_text(encoding="utf-8"), FILE_NAME)


def parse_table(text: str, where: str) -> FlowTable:
    """Read a table of flow rules from TOML.

    Raises:
        SettingsError: every wrong key and value.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError([Problem(where, _("TOML として読めません: {error}").format(error=error))]) from None
    ordinary = frozenset(data.get("ordinary", []))
    problems = [_unknown(f"{where}: ordinary", name, FLOW_KINDS) for name in sorted(ordinary - set(FLOW_KINDS))]
    rows = data.get("rules", [])
    if not rows:
        problems.append(Problem(f"{where}: rules", _("[[rules]] がありません。1 つ以上書いてください。")))
    rules = [_rule(row, f"{where}: rules[{at}]", problems) for at, row in enumerate(rows)]
    if problems:
        raise SettingsError(problems)
    return FlowTable(str(data.get("edition", "")), tuple(one for one in rules if one), ordinary)


def _unknown(where: str, found: object, known: Any) -> Problem:
    text = _("「{found}」は使えません(使えるもの: {known})。").format(found=found, known=", ".join(known))
    return Problem(where, text)


def _rule(row: dict[str, Any], where: str, problems: list[Problem]) -> FlowRule | None:
    before = len(problems)
    problems += [
        Problem(f"{where}.{key}", _("必要な設定がありません。"))
        for key in ("from", "to", "direct", "why")
        if not isinstance(row.get(key), str) or not row[key]
    ]
    verdicts = [FlowVerdict.ALLOWED, FlowVerdict.UNREGISTERED, FlowVerdict.FORBIDDEN]
    if row.get("direct") not in verdicts:
        problems.append(_unknown(f"{where}.direct", row.get("direct"), verdicts))
    for key, known in (("kinds", FLOW_KINDS), ("models", MODELS)):
        problems += [_unknown(f"{where}.{key}", name, known) for name in row.get(key, []) if name not in known]
    if len(problems) > before:
        return None
    return FlowRule(
        source=row["from"],
        destination=row["to"],
        direct=FlowVerdict(row["direct"]),
        kinds=frozenset(row.get("kinds", [])),
        models=frozenset(row.get("models", MODELS)),
        why_ja=row["why"],
        why_en=row.get("why_en", ""),
        confirm=bool(row.get("confirm")),
    )


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is said about a connection; ``verdict`` is None where the table says nothing, ``flow`` is ``a>b``."""

    source_zone: str
    destination_zone: str
    flow: str
    verdict: FlowVerdict | None
    flow_id: str = ""
    why: str = ""


def _place(text: str) -> str | Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        return text


@dataclass(frozen=True, slots=True)
class _End:
    """All that matters of an address at one end of a connection: its zone and the register entries it fits."""

    zone: str
    entries: frozenset[int]


class _Ends:
    """Address → number of its `_End`; many addresses share few ends, so a connection is judged by two numbers."""

    def __init__(self, places: list[str | Network], zones: ZoneMap) -> None:
        self._places = places
        self._zones = zones
        self._numbers: dict[_End, int] = {}
        self._known: dict[str, int] = {}
        self.ends: list[_End] = []

    def number(self, address: str) -> int:
        known = self._known.get(address)
        if known is None:
            end = self._end(address)
            known = self._numbers.setdefault(end, len(self.ends))
            if known == len(self.ends):
                self.ends.append(end)
            if len(self._known) >= _MEMO:
                self._known.clear()
            self._known[address] = known
        return known

    def _end(self, address: str) -> _End:
        zone = self._zones.zone(address)
        if zone is None:
            return _End(UNMAPPED, frozenset())
        ip = ipaddress.ip_address(address)
        fits = (
            place == zone if isinstance(place, str) else ip.version == place.version and ip in place
            for place in self._places
        )
        return _End(zone, frozenset(at for at, fit in enumerate(fits) if fit))


class FlowJudge:
    """The table of one model together with the register.

    The same question always gets the same answer; what was judged before is remembered, within bounds.
    """

    def __init__(self, table: FlowTable, model: str, zones: ZoneMap, flows: tuple[Flow, ...]) -> None:
        self.table = table
        self.model = model
        self.zones = zones
        self.flows = flows
        self._sources = _Ends([_place(flow.source) for flow in flows], zones)
        self._destinations = _Ends([_place(flow.destination) for flow in flows], zones)
        self._rules: dict[tuple[str, str], FlowRule | None] = {}
        self._known: dict[tuple[int, int, int | None, str, date], Judgement] = {}

    def rule(self, source_zone: str, destination_zone: str) -> FlowRule | None:
        """The table's row for two zones; "" stands for `unmapped`."""
        key = (source_zone, destination_zone)
        if key not in self._rules:
            ends = (source_zone or "unmapped", destination_zone or "unmapped")
            self._rules[key] = None if LOCAL in key else self.table.rule(self.model, *ends)
        return self._rules[key]

    def crossing(self, source_zone: str, destination_zone: str) -> tuple[str, FlowVerdict | None]:
        """The flow text of two zones, and their verdict if it needs no look at the register (else None)."""
        if LOCAL in {source_zone, destination_zone}:
            return "", None
        text = f"{source_zone or 'unmapped'}>{destination_zone or 'unmapped'}"
        if source_zone == destination_zone:
            return text, FlowVerdict.ALLOWED if source_zone != UNMAPPED else None
        rule = self.rule(source_zone, destination_zone)
        if rule is None or (rule.kinds and rule.direct is not FlowVerdict.ALLOWED):
            return text, None
        return text, rule.direct

    def useless(self) -> tuple[Flow, ...]:
        """Registered flows that change nothing, because the model accepts no flow of their kind between these zones."""
        return tuple(flow for flow in self.flows if not self._accepts(flow))

    def _accepts(self, flow: Flow) -> bool:
        ends = (_place(flow.source), _place(flow.destination))
        zones = [one if isinstance(one, str) else self.zones.zone(str(one.network_address)) or UNMAPPED for one in ends]
        rule = self.rule(zones[0], zones[1])
        return zones[0] == zones[1] or (rule is not None and flow.kind in rule.kinds)

    def source_number(self, address: str) -> int:
        """What `judge_ends` needs to know of a source address."""
        return self._sources.number(address)

    def destination_number(self, address: str) -> int:
        """What `judge_ends` needs to know of a destination address."""
        return self._destinations.number(address)

    def judge(self, source: str, destination: str, port: int | None, protocol: str, day: date) -> Judgement:
        """The answer for one connection on a day (JST): zones, verdict and why."""
        return self.judge_ends(self.source_number(source), self.destination_number(destination), port, protocol, day)

    def judge_ends(self, source: int, destination: int, port: int | None, protocol: str, day: date) -> Judgement:
        """The answer for all connections between two ends (numbers of addresses) that use the same service."""
        key = (source, destination, port, protocol, day)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _MEMO:
                self._known.clear()
            known = self._known[key] = self._judge(
                self._sources.ends[source], self._destinations.ends[destination], port, protocol, day
            )
        return known

    def _judge(self, source: _End, destination: _End, port: int | None, protocol: str, day: date) -> Judgement:
        zones = source.zone, destination.zone
        text, settled = self.crossing(*zones)
        rule = None if zones[0] == zones[1] else self.rule(*zones)
        if settled is not None or rule is None:
            why = _("同じ系統の中の通信です。") if settled else _("この組み合わせの定めはありません。")
            return Judgement(*zones, text, settled, "", rule.why if rule else why)
        fitting = [self.flows[at] for at in sorted(source.entries & destination.entries)]
        right = [
            flow
            for flow in fitting
            if flow.kind in rule.kinds and any(one.covers(protocol, port) for one in flow.services)
        ]
        for flow in right:
            if not flow.expired(day):
                ordinary = flow.kind in self.table.ordinary
                verdict = FlowVerdict.ALLOWED if ordinary else FlowVerdict.REGISTERED
                return Judgement(*zones, text, verdict, flow.id, flow.reason)
        if right:
            hint = _("{id} の登録は {day} に期限が切れています。").format(id=right[0].id, day=right[0].expires)
            return Judgement(*zones, text, FlowVerdict.EXPIRED, right[0].id, hint)
        return Judgement(*zones, text, rule.direct, "", rule.why)
