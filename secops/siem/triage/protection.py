"""What protects: rules that are active and exceptions in force. When less does than before, others must see it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from secops.locale import _
from secops.schema.severity import Severity
from secops.siem.ports import Alert, Rule, RuleFilter
from secops.siem.triage.states import new_alert

KEY = "program|protection"
SHOWN = 30  # changes that are named one by one
TITLE = "検知ルールの停止・例外の変更"
TITLE_EN = "Rules turned off or exceptions changed"


@dataclass(frozen=True, slots=True)
class Exemption:
    """An exception as it was last told: ``state`` is ``active``, ``ended`` or ``broken``, ``digest`` its content."""

    title: str
    owner: str
    expires: str
    state: str
    digest: str


@dataclass(frozen=True, slots=True)
class Protection:
    """Titles of the active rules and what the exceptions are, by id. ``None`` rules: nothing was ever told."""

    rules: Mapping[str, str] | None = None
    filters: Mapping[str, Exemption] = field(default_factory=dict)


def protection(rules: Sequence[Rule], filters: Sequence[RuleFilter], now: datetime) -> Protection:
    """What is in force at this moment."""
    return Protection(
        {rule.id: rule.title_ja for rule in rules if rule.active},
        {
            one.id: Exemption(
                one.title_ja,
                one.owner,
                one.expires.isoformat() if one.expires else "",
                "broken" if one.problem else "active" if one.in_force(now) else "ended",
                hashlib.sha256(f"{one.text}\0{sorted(one.rules)}".encode("utf-8", "replace")).hexdigest()[:16],
            )
            for one in filters
        },
    )


def changes(before: Protection, after: Protection, reasons: Mapping[str, str]) -> list[str]:
    """One sentence for each thing that others must see; ``reasons`` say why a rule is inactive, by id.

    Rules that are new, and exceptions that were never in force, are no such thing.
    """
    found = [*_off(before, after, reasons), *_exemptions(before.filters, after.filters)]
    if len(found) > SHOWN:
        rest = len(found) - SHOWN
        found = [
            *found[:SHOWN],
            _("ほか {n} 件(secops rules list と secops rules filters で見られます)").format(n=rest),
        ]
    return found


def _off(before: Protection, after: Protection, reasons: Mapping[str, str]) -> Iterator[str]:
    for rule_id, title in (before.rules or {}).items():
        if rule_id not in (after.rules or {}):
            why = reasons.get(rule_id) or _("この id のルールがなくなりました")
            yield _("検知ルール「{title}」が動かなくなりました: {why}").format(title=title, why=why)


def _exemptions(before: Mapping[str, Exemption], after: Mapping[str, Exemption]) -> Iterator[str]:
    for filter_id, new in after.items():
        old = before.get(filter_id)
        if old == new or (old is None and new.state != "active"):
            continue
        if old is not None and replace(old, state=new.state) == new and new.state == "ended":
            text = _("例外「{title}」は期限({expires})が切れ、抑止をやめました。")
        elif new.state == "broken":
            text = _("例外「{title}」は誤りのため、抑止していません。")
        elif old is None:
            text = _("例外「{title}」が加わりました(責任者 {owner}、期限 {expires})。")
        else:
            text = _("例外「{title}」が変わりました(責任者 {owner}、期限 {expires})。")
        yield text.format(title=new.title, owner=new.owner, expires=new.expires)
    for filter_id, old in before.items():
        if filter_id not in after:
            yield _("例外「{title}」がなくなりました。").format(title=old.title)


def alert_of_changes(number: int, now: datetime) -> Alert:
    """The alert that tells of changes; while it is not closed, later changes join it."""
    return new_alert(number, KEY, (TITLE, TITLE_EN), Severity.MEDIUM, now, kind="program")
