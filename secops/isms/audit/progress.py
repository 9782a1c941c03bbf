"""How far a round has come, by department and 部, and the text that reminds those who are late."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from secops.isms.audit.sheets import SHEET_LABELS, SHEET_STATES, Sheet, SheetKind, SheetState
from secops.locale import _
from secops.schema.dates import wareki


@dataclass(frozen=True, slots=True)
class Progress:
    """Of a department, or with an empty ``department`` of a 部: how many sheets are asked, entered, confirmed, late.

    A confirmed sheet counts as entered too. ``answered`` of ``items`` have an answer. Sheets of the staff stand apart:
    ``respondents`` of those who got a code.
    """

    division: str
    division_name: str
    department: str
    name: str
    asked: int
    entered: int
    confirmed: int
    overdue: int
    items: int
    answered: int
    respondents: int
    codes_left: int


def progress(sheets: Iterable[Sheet], day: date) -> list[Progress]:
    """A row for each department in the order of the sheets, each 部 before its own."""
    listed = list(sheets)
    found: list[Progress] = []
    for division in dict.fromkeys(one.place.division for one in listed):
        mine = [one for one in listed if one.place.division == division]
        name = next((one.place.division_name for one in mine if one.place.division_name), "")
        if division:
            found.append(_row(mine, division, name, "", name, day))
        for department in dict.fromkeys(one.unit.department for one in mine):
            own = [one for one in mine if one.unit.department == department]
            found.append(_row(own, division, name, department, own[0].place.department, day))
    return found


def whole(sheets: Iterable[Sheet], day: date) -> Progress:
    """The same of the whole ward."""
    return _row(list(sheets), "", "", "", _("全体"), day)


def _row(sheets: Sequence[Sheet], division: str, division_name: str, department: str, name: str, day: date) -> Progress:
    asked = [one for one in sheets if one.kind is not SheetKind.STAFF]
    staff = [one for one in sheets if one.kind is SheetKind.STAFF]
    confirmed = sum(one.state is SheetState.CONFIRMED for one in asked)
    return Progress(
        division,
        division_name,
        department,
        name,
        asked=len(asked),
        entered=confirmed + sum(one.state is SheetState.ENTERED for one in asked),
        confirmed=confirmed,
        overdue=sum(one.overdue(day) for one in asked),
        items=sum(len(one.items) for one in asked),
        answered=sum(one.answered for one in asked),
        respondents=sum(one.respondents for one in staff),
        codes_left=sum(one.codes_left for one in staff),
    )


@dataclass(frozen=True, slots=True)
class Reminder:
    """A text to a department, and what of it a mail may say: ``sheets`` are not confirmed, ``items`` not answered."""

    department: str
    name: str
    subject: str
    text: str
    sheets: int = 0
    items: int = 0
    due: date | None = None
    late: bool = False


def reminders(sheets: Iterable[Sheet], day: date, address: str) -> list[Reminder]:
    """A text for each department that has something to do still; ``address`` is where the console is opened."""
    waiting: dict[str, list[Sheet]] = {}
    for one in sheets:
        if one.kind is not SheetKind.STAFF and one.state is not SheetState.CONFIRMED:
            waiting.setdefault(one.unit.department, []).append(one)
    return [_reminder(found, day, address) for found in waiting.values()]


def _reminder(sheets: Sequence[Sheet], day: date, address: str) -> Reminder:
    first = sheets[0]
    late = any(one.overdue(day) for one in sheets)
    subject = _("【期限超過】情報セキュリティ自己点検のお願い") if late else _("情報セキュリティ自己点検のお願い")
    due = next((one.due for one in sheets if one.due), None)
    lines = [
        _("{name} 情報セキュリティ管理者 様").format(name=first.place.department),
        "",
        _("{year} 年度の情報セキュリティ自己点検について、次の点検票が済んでいません。").format(year=first.year),
    ]
    for one in sheets:
        label = one.place.system or _(SHEET_LABELS[one.kind])
        what = _("・{label}: {state}(回答 {answered}/{items} 項目)")
        state = _(SHEET_STATES[one.state])
        lines.append(what.format(label=label, state=state, answered=one.answered, items=len(one.items)))
    if due:
        lines.append(_("期限: {day}").format(day=wareki(due)) + (_("(過ぎています)") if late else ""))
    lines += ["", _("担当者の入力のあと、情報セキュリティ管理者の確認が必要です。"), f"{address}inspection"]
    left = sum(len(one.items) - one.answered for one in sheets)
    return Reminder(
        first.unit.department, first.place.department, subject, "\n".join(lines), len(sheets), left, due, late
    )
