"""Small words of the pages: moments, ages, clauses, fields, sizes. Values in, text out."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any

from secops.locale import _, language
from secops.schema import dates
from secops.siem.triage.states import ACTION_LABELS

_CLAUSE = re.compile(r"[a-z]+-(?P<edition>\d{4}-\d\d)-(?P<number>\d+(?:\.\d+)*)(?:-(?P<item>.+))?")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

FIELD_LABELS = {
    "host.name": "端末",
    "host.hostname": "端末",
    "host.ip": "端末の IP",
    "user.name": "利用者",
    "user.id": "利用者 ID",
    "user.target.name": "対象の利用者",
    "source.ip": "送信元",
    "source.user.name": "利用者",
    "destination.ip": "宛先",
    "destination.domain": "宛先",
    "device.serial_number": "媒体",
    "labels.device": "端末",
    "labels.system": "システム",
    "labels.department": "部署",
    "labels.zone": "系統",
    "labels.flow": "系統間の通信",
    "labels.flow_id": "通信番号",
    "labels.flow_verdict": "通信の判定",
    "labels.source_zone": "送信元の系統",
    "labels.destination_zone": "宛先の系統",
    "process.name": "プログラム",
    "file.path": "ファイル",
    "observer.name": "機器",
}


TRAIL_LABELS = {
    "finding.drafted": "起案",
    "finding.changed": "起案の修正",
    "finding.sent": "事実確認に出した",
    "finding.taken_back": "起案に戻した",
    "finding.replied": "所管課の回答",
    "finding.issued": "指摘として確定",
    "finding.planned": "改善計画",
    "finding.checked": "監査人の確認",
    "finding.closed": "完了",
    "finding.reopened": "再開",
    "horizontal.ordered": "横展開の指示",
    "horizontal.answered": "横展開の回答",
    "plan.created": "計画の案を作成",
    "plan.changed": "計画の案を修正",
    "plan.dropped": "計画の案を削除",
    "plan.decided": "監査対象の選定",
    "plan.approved": "承認",
    "round.opened": "自己点検票を配布",
    "auditor.assigned": "監査人の割り当て",
    "auditor.removed": "監査人から外した",
    "visit.planned": "実地監査の予定",
    "visit.dropped": "実地監査の予定を取り消し",
    "reminders.sent": "催促の送信",
}


def when(moment: datetime | None) -> str:
    """A moment in JST with its weekday and seconds; a dash where there is none."""
    if moment is None:
        return "—"
    if language() == "ja":
        return dates.screen(moment)
    local = moment.astimezone(dates.JST)
    return f"{_DAYS[local.weekday()]} {local:%d %b %H:%M:%S}"


def when_long(moment: datetime) -> str:
    """The same with its year, for spans that may be long: ``2026年11月23日(月) 02:04:11``."""
    if language() == "ja":
        return dates.dated(moment)
    local = moment.astimezone(dates.JST)
    return f"{_DAYS[local.weekday()]} {local:%d %b %Y %H:%M:%S}"


def day_short(moment: datetime) -> str:
    """The day in JST under an axis: ``11/23``."""
    return f"{moment.astimezone(dates.JST):%m/%d}"


def formal(moment: datetime | date) -> str:
    """A day as formal pages have it: ``令和8年11月23日``; in English ``23 November 2026``."""
    day = moment.astimezone(dates.JST).date() if isinstance(moment, datetime) else moment
    return dates.wareki(day) if language() == "ja" else f"{day.day} {day:%B %Y}"


def fiscal(year: int) -> str:
    """A 年度: ``令和8年度``; in English ``FY2026``."""
    if language() != "ja":
        return f"FY{year}"
    return dates.wareki(date(year, 4, 2)).split("年")[0].replace("平成31", "令和元") + "年度"


def clock(moment: datetime) -> str:
    """Hours and minutes in JST."""
    return f"{moment.astimezone(dates.JST):%H:%M}"


def clock_seconds(moment: datetime) -> str:
    """Hours, minutes and seconds in JST."""
    return f"{moment.astimezone(dates.JST):%H:%M:%S}"


def short(moment: datetime, now: datetime) -> str:
    """The time alone for today (in JST), with the date before it for other days."""
    local, today = moment.astimezone(dates.JST), now.astimezone(dates.JST)
    if local.date() == today.date():
        return f"{local:%H:%M}"
    return f"{local.year}/{local:%m/%d %H:%M}" if local.year != today.year else f"{local:%m/%d %H:%M}"


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC for ``datetime`` attributes and JSON."""
    return moment.isoformat().replace("+00:00", "Z")


def span_words(seconds: float) -> str:
    """A length of time in its largest unit: ``3分``."""
    whole = max(int(seconds), 0)
    for size, text in ((86400, _("{n}日")), (3600, _("{n}時間")), (60, _("{n}分"))):
        if whole >= size:
            return text.format(n=whole // size)
    return _("{n}秒").format(n=whole)


def age(moment: datetime, now: datetime) -> str:
    """How long something has been so: ``3分``."""
    return span_words((now - moment).total_seconds())


def ago(moment: datetime | None, now: datetime) -> str:
    """How long ago: ``3分前``; ``—`` where it never was, ``まもなく`` for what lies ahead (a clock that runs fast)."""
    if moment is None:
        return "—"
    seconds = (now - moment).total_seconds()
    return _("まもなく") if seconds < 0 else _("{age}前").format(age=span_words(seconds))


def clause(clause_id: str) -> str:
    """A clause id as people cite it: ``mic-2025-03-6.1-6`` is ``6.1(6)``; what has another form stays as it is."""
    found = _CLAUSE.fullmatch(clause_id)
    if not found:
        return clause_id
    item = found["item"]
    return found["number"] + (f"({item})" if item else "")


def clause_long(clause_id: str) -> str:
    """With the document and edition: ``対策基準 6.1(6)(2025-03 版)``."""
    found = _CLAUSE.fullmatch(clause_id)
    if not found:
        return clause_id
    return _("対策基準 {number}({edition} 版)").format(number=clause(clause_id), edition=found["edition"])


def field_label(name: str) -> str:
    """The word for a field where staff have one, else its name."""
    return _(FIELD_LABELS[name]) if name in FIELD_LABELS else name


def action_label(action: str) -> str:
    """The word for an entry of an alert's history."""
    return _(ACTION_LABELS[action]) if action in ACTION_LABELS else action


def trail(action: str) -> str:
    """What was done in the policy and audit wing, as pages say it; the code itself where there is no word yet."""
    return _(TRAIL_LABELS[action]) if action in TRAIL_LABELS else action


def size(amount: float) -> str:
    """Bytes in the unit that leaves one to three digits before the point."""
    for unit in ("B", "KB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def moment_of(value: Any) -> datetime | None:
    """A field's value as a moment: a datetime, or ISO text as stored in a hit; None for anything else."""
    if isinstance(value, datetime):
        return value
    if isinstance(value, str):
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            return None
        return found if found.tzinfo else None
    return None


_BROWSERS = (("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "Mac"),
    ("Linux", "Linux"),
)


def browser(agent: str) -> str:
    """A browser and its system by the name it gives itself: ``Edge (Windows)``; the name's beginning if unknown."""
    if not agent:
        return _("不明")
    name = next((word for mark, word in _BROWSERS if mark in agent), "")
    system = next((word for mark, word in _SYSTEMS if mark in agent), "")
    if not name:
        return agent[:60]
    return f"{name} ({system})" if system else name
