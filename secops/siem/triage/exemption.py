"""From an alert that was no incident to the exception that would have kept it away: a draft for a person to narrow."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from uuid import NAMESPACE_URL, uuid5

from secops.errors import ConflictError, UsageError
from secops.locale import _
from secops.siem.ports import Alert, Hit, Rule, Verdict
from secops.siem.triage.states import said

WHO = ("host.name", "user.name", "source.ip")  # beside what the rule looked at
MOST_VALUES = 5
LONGEST = 300
_BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_WORDS = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}  # these are no texts in YAML
_SPECIAL = re.compile(r"(\\+)(?=[\\*?]|$)|([*?])")


def draft(alert: Alert, rule: Rule, hits: Sequence[Hit]) -> str:
    """A Sigma filter document about these hits, as YAML; owner, reason and last day are left for a person to fill in.

    A field is in it where the hits have few values of it. As long as it is not filled in, it suppresses nothing.
    """
    lines = [
        _("# 例外のひな形です。範囲をできるだけ狭め、空欄を埋めて、サイトの rules フォルダに置いてください。"),
        f"title: {_quoted(f'Exception to {rule.title}')}",
        f"id: {uuid5(NAMESPACE_URL, f'secops:exception:{rule.id}:{alert.id}')}",
        "logsource:",
        *(f"  {part}: {_quoted(value)}" for part, value in rule.logsource.items()),
        "filter:",
        "  rules:",
        f"    - {_quoted(rule.id)}",
        "  expected:",
        *_selection(hits),
        "  condition: not expected",
        "secops:",
        f"  title_ja: {_quoted(_('「{title}」の例外').format(title=rule.title_ja))}",
        f"  owner:      # {_('責任者(部署・係)')}",
        f"  reason:     # {_('理由(許可の記録が分かるように)')}",
        f"  expires:    # {_('最後の日(例: 2027-03-31)')}",
    ]
    return "\n".join(lines) + "\n"


def accepted(incidents: Iterable[int], told: int | None, why: str, by: str) -> str:
    """What an exception says where it would have hidden incidents: how many, which, why that was accepted, by whom.

    Empty where it would have hidden none.

    Raises:
        ConflictError: nobody confirmed it, or another number of them.
        UsageError: the reason is missing.
    """
    found = sorted(incidents)
    if not found:
        return ""
    if told != len(found):
        text = _(
            "この例外は、インシデント {n} 件を隠します。"
            "承知のうえで保存するには、その件数を確認し、理由を書いてください。保存していません。"
        )
        raise ConflictError(text.format(n=len(found)))
    numbers = ", ".join(map(str, found[:MOST_VALUES])) + (", …" if len(found) > MOST_VALUES else "")
    return f"{len(found)} ({numbers}) {said(why, _('インシデントを隠してよい理由'))} / {by}"


def document(
    alert: Alert,
    rule: Rule,
    chosen: Mapping[str, Sequence[str]],
    *,
    owner: str,
    reason: str,
    expires: date,
    incidents: str = "",
) -> tuple[str, str]:
    """The id and the text of an exception that a person has filled in; it suppresses from the moment it is in force.

    ``incidents`` is what was `accepted`.

    Raises:
        UsageError: no field was chosen, or owner or reason are missing.
    """
    if not any(chosen.values()):
        raise UsageError(_("除外する項目が選ばれていません。一つ以上選んでください。"))
    number = str(uuid5(NAMESPACE_URL, f"secops:exception:{rule.id}:{alert.id}:{sorted(chosen.items())}"))
    lines = [
        f"title: {_quoted(f'Exception to {rule.title}')}",
        f"id: {number}",
        "logsource:",
        *(f"  {part}: {_quoted(value)}" for part, value in rule.logsource.items()),
        "filter:",
        "  rules:",
        f"    - {_quoted(rule.id)}",
        "  expected:",
        *_lines({name: list(values) for name, values in chosen.items() if values}),
        "  condition: not expected",
        "secops:",
        f"  title_ja: {_quoted(_('「{title}」の例外').format(title=rule.title_ja))}",
        f"  owner: {_quoted(said(owner, _('責任者')))}",
        f"  reason: {_quoted(said(reason, _('理由')))}",
        f"  expires: {expires.isoformat()}",
        *([f"  incidents: {_quoted(incidents)}"] if incidents else ()),
    ]
    return number, "\n".join(lines) + "\n"


def check_verdict(verdict: Verdict | None) -> None:
    """Refuse an exception about what was, or still may be, an incident."""
    if verdict not in {Verdict.FALSE_POSITIVE, Verdict.BENIGN_TRUE_POSITIVE}:
        raise ConflictError(_("例外を作れるのは、誤検知か業務上の正当な操作として対応を完了したアラートだけです。"))


def last_day(text: str, today: date) -> date:
    """The last day of an exception.

    Raises:
        UsageError: no date, or one that is over.
    """
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(_("最後の日を 2027-03-31 のように入力してください。")) from None
    if day < today:
        raise UsageError(_("最後の日 {day} は過ぎています。").format(day=day))
    return day


def _selection(hits: Sequence[Hit]) -> Iterable[str]:
    found: dict[str, dict[str, None]] = {}
    for hit in hits:
        for one in hit.matched:
            if one.field and one.value:
                found.setdefault(one.field, {})[one.value] = None
        for name in WHO:
            if isinstance(value := hit.event.get(name), str) and value:
                found.setdefault(name, {})[value] = None
    usable = {
        name: list(values)
        for name, values in found.items()
        if len(values) <= MOST_VALUES and all(len(value) <= LONGEST for value in values)
    }
    yield from _lines(usable)
    if not usable:
        yield f"    host.name: ''    # {_('除外したいものを書いてください')}"


def _lines(fields: Mapping[str, Sequence[str]]) -> Iterable[str]:
    for name, values in fields.items():
        if len(values) == 1:
            yield f"    {_quoted(name)}: {_quoted(_literal(values[0]))}"
        else:
            yield f"    {_quoted(name)}:"
            yield from (f"      - {_quoted(_literal(value))}" for value in values)


def _literal(value: str) -> str:
    """A value as Sigma writes it: wildcards escaped, and backslashes where one stands before such a character."""
    return _SPECIAL.sub(lambda found: found[1] * 2 if found[1] else "\\" + found[2], value)


def _quoted(text: str) -> str:
    """A text as YAML writes it: bare where that is safe, with escapes where it must be."""
    if _BARE.fullmatch(text) and text.lower() not in _WORDS:
        return text
    if text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(char: str) -> str:
    if char.isprintable():
        return "\\" + char if char in '"\\' else char
    code = ord(char)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
