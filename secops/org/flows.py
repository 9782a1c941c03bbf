"""The verdict on a connection between zones: the 三層 table of the ward's model, and the register of flows."""

from __future__ import annotations

import ipaddress
import tomllib
from dataclasses import dataclass, field
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


@dataclass(frozen=True, slots=True)
class _Entry:
    """A registered flow with its ends ready for comparing: a zone id or a network."""

    flow: Flow
    source: str | Network
    destination: str | Network


def _end(text: str) -> str | Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        return text


@dataclass(frozen=True)
class FlowJudge:
    """The table of one model together with the register; pure, but for bounded memory of earlier answers."""

    table: FlowTable
    model: str
    zones: ZoneMap
    flows: tuple[Flow, ...]
    _rules: dict[tuple[str, str], FlowRule | None] = field(default_factory=dict, repr=False, compare=False)
    _candidates: dict[tuple[str, str], tuple[_Entry, ...]] = field(default_factory=dict, repr=False, compare=False)
    _known: dict[tuple[Any, ...], tuple[str | None, str]] = field(default_factory=dict, repr=False, compare=False)

    def rule(self, source_zone: str, destination_zone: str) -> FlowRule | None:
        """The table's row for two zones; "" stands for `unmapped`."""
        key = (source_zone, destination_zone)
        if key not in self._rules:
            ends = (source_zone or "unmapped", destination_zone or "unmapped")
            self._rules[key] = None if LOCAL in key else self.table.rule(self.model, *ends)
        return self._rules[key]

    def crossing(self, source_zone: str, destination_zone: str) -> tuple[str, FlowVerdict | None]:
        """The flow text of two zones, and their verdict if it needs no look at addresses (else None)."""
        if LOCAL in (source_zone, destination_zone):
            return "", None
        text = f"{source_zone or 'unmapped'}>{destination_zone or 'unmapped'}"
        if source_zone == destination_zone:
            return text, FlowVerdict.ALLOWED if source_zone != UNMAPPED else None
        rule = self.rule(source_zone, destination_zone)
        if rule is None or (rule.kinds and rule.direct is not FlowVerdict.ALLOWED):
            return text, None
        return text, rule.direct

    def verdict(
        self, source: str, destination: str, port: int | None, protocol: str, day: date
    ) -> tuple[str | None, str]:
        """Verdict and id of the registered flow (or "") of one connection on one day (JST)."""
        key = (source, destination, port, protocol, day)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _MEMO:
                self._known.clear()
            found = self.judge(source, destination, port, protocol, day)
            known = self._known[key] = (found.verdict.value if found.verdict else None, found.flow_id)
        return known

    def judge(self, source: str, destination: str, port: int | None, protocol: str, day: date) -> Judgement:
        """The whole answer for one connection: zones, verdict and why."""
        ends = self.zones.zone(source) or UNMAPPED, self.zones.zone(destination) or UNMAPPED
        text, settled = self.crossing(*ends)
        rule = None if ends[0] == ends[1] else self.rule(*ends)
        if settled is not None or rule is None:
            why = _("同じ系統の中の通信です。") if settled else _("この組み合わせの定めはありません。")
            return Judgement(*ends, text, settled, "", rule.why if rule else why)
        matches = [one for one in self._register(*ends) if _covers(one, ends, source, destination, port, protocol)]
        right = [one.flow for one in matches if one.flow.kind in rule.kinds]
        for flow in right:
            if not flow.expired(day):
                ordinary = flow.kind in self.table.ordinary
                verdict = FlowVerdict.ALLOWED if ordinary else FlowVerdict.REGISTERED
                return Judgement(*ends, text, verdict, flow.id, flow.reason)
        if right:
            hint = _("{id} の登録は {day} に期限が切れています。").format(id=right[0].id, day=right[0].expires)
            return Judgement(*ends, text, FlowVerdict.EXPIRED, right[0].id, hint)
        return Judgement(*ends, text, rule.direct, "", rule.why)

    def _register(self, source_zone: str, destination_zone: str) -> tuple[_Entry, ...]:
        """Registered flows that can apply between two zones at all."""
        key = (source_zone, destination_zone)
        if key not in self._candidates:
            entries = (_Entry(flow, _end(flow.source), _end(flow.destination)) for flow in self.flows)
            self._candidates[key] = tuple(
                one
                for one in entries
                if self._may(one.source, source_zone) and self._may(one.destination, destination_zone)
            )
        return self._candidates[key]

    def _may(self, end: str | Network, zone: str) -> bool:
        if isinstance(end, str):
            return end == zone
        networks = [ipaddress.ip_network(text) for text in self.zones.networks.get(zone, ())]
        return not networks or any(end.version == one.version and end.overlaps(one) for one in networks)


def _covers(
    entry: _Entry, ends: tuple[str, str], source: str, destination: str, port: int | None, protocol: str
) -> bool:
    for end, zone, address in ((entry.source, ends[0], source), (entry.destination, ends[1], destination)):
        if end != zone if isinstance(end, str) else ipaddress.ip_address(address) not in end:
            return False
    return any(service.covers(protocol, port) for service in entry.flow.services)
