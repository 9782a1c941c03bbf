"""One alert told to someone who was asleep: what was detected, in a sentence, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import yaml
from markupsafe import Markup

from secops.locale import _, language
from secops.report.text import flat, highlighted, plain, visible
from secops.schema.dates import JST
from secops.schema.text import fold
from secops.siem.ports import (
    STATE_LABELS,
    VERDICT_LABELS,
    Alert,
    Alike,
    Hit,
    MatchedValue,
    Rule,
    State,
    Verdict,
)
from secops.web.siem import around
from secops.web.words import clock_seconds, field_label, when

OPERATORS = {
    "=": "と一致",
    "contains": "を含む",
    "startswith": "で始まる",
    "endswith": "で終わる",
    "re": "正規表現に一致",
    "cidr": "のネットワークに含まれる",
    "gt": "より大きい",
    "gte": "以上",
    "lt": "より小さい",
    "lte": "以下",
    "exists": "が存在する",
    "null": "が空",
    "keyword": "という語を含む",
}


@dataclass(frozen=True, slots=True)
class Reason:
    """One matched value, ready to be shown: ``value`` has the matching part marked."""

    field: str
    label: str
    how: str
    pattern: str
    value: Markup


def subject(alert: Alert, event: Mapping[str, Any]) -> str:
    """Who or what it is about: 「端末 K-0213(区民課)」, 「利用者 t-suzuki」, 「送信元 10.1.2.3」."""
    seen = {**event, **alert.entities}
    department = flat(event.get("labels.department")) or alert.department
    for name, word in (
        ("labels.device", _("端末 {name}")),
        ("host.name", _("端末 {name}")),
        ("user.name", _("利用者 {name}")),
        ("source.ip", _("送信元 {name}")),
        ("observer.name", _("機器 {name}")),
    ):
        value = flat(seen.get(name))
        if value:
            text = word.format(name=plain(value)[:120])
            return _("{who}({department})").format(who=text, department=plain(department)) if department else text
    return ""


def entity(alert: Alert) -> str:
    """The same for a row of the queue: 「K-0213 / t-suzuki → 203.0.113.9」.

    The address a machine has is left out where its name is known; the alert's page has it.
    """
    seen = _plainly({name: flat(value) for name, value in alert.entities.items() if flat(value)})
    named = any(name in seen for name in ("labels.device", "host.name"))
    targets = [value for name, value in seen.items() if name.startswith("destination.")]
    actors = [
        value
        for name, value in seen.items()
        if not name.startswith("destination.") and not (named and name == "source.ip")
    ]
    who = " / ".join(dict.fromkeys(actors))
    return f"{who} → {targets[0]}".strip() if targets else who


def facts(alert: Alert) -> list[tuple[str, str]]:
    """Who it is about as (word, value), each pair once: a terminal has its name in more than one field."""
    seen = {name: flat(value) for name, value in alert.entities.items()}
    return list(dict.fromkeys((field_label(name), value) for name, value in _plainly(seen).items()))


def _plainly(seen: dict[str, str]) -> dict[str, str]:
    """Without the full host name where the device's own name says the same in one word."""
    device = seen.get("labels.device", "")
    said_twice = bool(device) and fold(seen.get("host.name", "")).split(".")[0] == fold(device)
    return {name: value for name, value in seen.items() if not (said_twice and name == "host.name")}


def _deed(event: Mapping[str, Any]) -> str:
    """What was done, as a noun phrase that fits before 「が n 回ありました」."""
    where = around.lane(event)
    if where == "network":
        target = flat(event.get("destination.domain") or event.get("destination.ip") or event.get("url.domain"))
        port = flat(event.get("destination.port"))
        if target:
            return _("{target} への通信").format(target=plain(f"{target}:{port}" if port else target)[:160])
        return _("通信")
    if where == "process" and (name := flat(event.get("process.name") or event.get("process.executable"))):
        parent = flat(event.get("process.parent.name"))
        if parent:
            return _("{parent} からの {name} の実行").format(parent=plain(parent)[:80], name=plain(name)[:120])
        return _("{name} の実行").format(name=plain(name)[:120])
    if where == "logon":
        failed = flat(event.get("event.outcome")) == "failure" or flat(event.get("event.code")) == "4625"
        return _("ログオンの失敗") if failed else _("ログオン")
    if where == "file" and (path := flat(event.get("file.path") or event.get("registry.path"))):
        return _("{path} の操作").format(path=plain(path)[:160])
    return _("ルールに当てはまる記録")


def sentence(alert: Alert, hits: Sequence[Hit]) -> str:
    """What was detected: who, when, what and how often."""
    if alert.kind == "manual":
        return _("{title}({when} に登録)").format(title=plain(alert.title), when=when(alert.opened_at))
    if alert.kind == "program":
        return _("検知ルールが止まったか、例外が変わりました。意図したものかを確かめてください。")
    event = hits[0].event if hits else {}
    if hits and hits[0].contributed:
        return _counted(alert, hits)
    who = subject(alert, event)
    text = (
        _("{who}で、{time}に、{deed}が {count:,} 回ありました。")
        if who
        else _("{time}に、{deed}が {count:,} 回ありました。")
    )
    return text.format(who=who, time=_period(alert.first_seen, alert.last_seen), deed=_deed(event), count=alert.count)


def title_of(rule: Rule | None) -> str:
    """A rule's title in the language of the page; empty where it left the rulebook."""
    if rule is None:
        return ""
    return (rule.title_ja or rule.title) if language() == "ja" else (rule.title or rule.title_ja)


def _counted(alert: Alert, hits: Sequence[Hit]) -> str:
    """The sentence of a correlation: how many events met the condition, at most, within its timespan."""
    most = max(hits, key=lambda hit: hit.contributed)
    first = min((one.time for hit in hits for one in hit.contributing), default=alert.first_seen)
    who = subject(alert, {})
    text = (
        _("{who}について、{time}に、条件に当てはまる記録が {count:,} 件ありました。")
        if who
        else _("{time}に、条件に当てはまる記録が {count:,} 件ありました。")
    )
    return text.format(who=who, time=_period(first, alert.last_seen), count=most.contributed)


def _period(first: datetime, last: datetime) -> str:
    """``11月23日(月) 02:04:11``, or with its end where it lasted; the date of the end only if it is another day."""
    if int(first.timestamp()) == int(last.timestamp()):
        return when(first)
    same = first.astimezone(JST).date() == last.astimezone(JST).date()
    return _("{first} から {last} までの間").format(first=when(first), last=clock_seconds(last) if same else when(last))


def comparison(operator: str) -> str:
    """The comparison in the detector's words for a match: ``re`` of ``re|i``, ``=`` where there are only others."""
    words = operator.split("|")
    return next((word for word in words if word in OPERATORS), operator)


def reasons(matched: Sequence[MatchedValue]) -> dict[str, list[Reason]]:
    """Matched values by selection, in the order the detector gave them."""
    groups: dict[str, list[Reason]] = {}
    for one in matched:
        groups.setdefault(one.selection, []).append(
            Reason(
                field=one.field,
                label=field_label(one.field),
                how=_(OPERATORS[how]) if (how := comparison(one.operator)) in OPERATORS else one.operator,
                pattern=one.pattern,
                value=highlighted(one.value, one.pattern, how),
            )
        )
    return groups


def condition(rule: Rule) -> str:
    """The rule's condition, from its text; empty where the text has none (a correlation)."""
    try:
        for document in yaml.safe_load_all(rule.text):
            detection = document.get("detection") if isinstance(document, dict) else None
            if isinstance(detection, dict) and detection.get("condition"):
                found = detection["condition"]
                return " | ".join(map(str, found)) if isinstance(found, list) else str(found)
    except yaml.YAMLError:
        return ""
    return ""


def alike_words(alike: Alike, days: int) -> str:
    """How earlier alerts alike ended: 「過去 90 日に 2 件(誤検知 1、インシデント該当 1)。うち同じ対象 1 件」."""
    if not alike.total:
        return _("過去 {days} 日に同じルールのアラートはありません。").format(days=days)
    parts = [
        f"{_(VERDICT_LABELS[verdict])} {alike.ended[verdict]:,}" for verdict in Verdict if alike.ended.get(verdict)
    ]
    parts += [f"{_(STATE_LABELS[state])} {alike.ended[state]:,}" for state in State if alike.ended.get(state)]
    text = _("過去 {days} 日に {total:,} 件({ended})。うち同じ対象 {same:,} 件。")
    return text.format(days=days, total=alike.total, ended=_("、").join(parts), same=alike.same)


def matched_fields(hit: Hit) -> dict[str, Markup]:
    """All fields of a hit's event in order of name; the parts of values that met the rule are marked."""
    marks: dict[str, MatchedValue] = {}
    for one in hit.matched:
        marks.setdefault(one.field, one)
    shown = {}
    for name, value in sorted(hit.event.items()):
        found = marks.get(name)
        text = flat(value)
        if found is not None and found.value == text:
            shown[name] = highlighted(text, found.pattern, comparison(found.operator))
        else:
            shown[name] = Markup("<mark>{}</mark>").format(visible(text)) if found else visible(text)
    return shown


def same_clause(rules: Sequence[Rule], clauses: Sequence[str], rule_id: str) -> dict[str, list[Rule]]:
    """Per clause, the other active rules that serve it."""
    return {
        clause: [rule for rule in rules if clause in rule.clauses and rule.id != rule_id and rule.active]
        for clause in clauses
    }
