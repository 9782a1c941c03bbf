"""Takes a form that came back into the records: what changed, what somebody changed meanwhile, what cannot be kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from secops.errors import AuditError, ConflictError, Problem, UsageError
from secops.isms.audit.form import Form, FormRow
from secops.isms.audit.ports import AnswerChangedError, Foot, SheetDesk, Viewer
from secops.isms.audit.sheets import SHEET_STATES, Answer, Sheet
from secops.locale import _


@dataclass(frozen=True, slots=True)
class Conflict:
    """An item that somebody answered on the page after the file was written, otherwise than the file says."""

    place: str
    item: str
    by: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a form: answers saved, those that were the same, conflicts, and what could not be taken."""

    saved: int
    same: int
    conflicts: tuple[Conflict, ...]
    problems: tuple[Problem, ...]


def take_form(
    desk: SheetDesk, form: Form, sheet: Sheet, site: str, *, viewer: Viewer, now: datetime, theirs: bool = False
) -> Imported:
    """Save what the form says; with ``theirs`` also over what was changed meanwhile (all revisions are kept).

    Raises:
        AuditError: the form is of another site, round or unit.
        ConflictError: the sheet is entered or confirmed.
    """
    _check(desk, form, sheet, site)
    answers = desk.answers(sheet.number, viewer)
    saved, same = 0, 0
    conflicts: list[Conflict] = []
    problems = list(form.problems)
    for row in form.rows:
        current = answers.get(row.item) or Answer(row.item)
        base = form.mark.revisions[row.item]
        new = row.over(current)
        if new.said == current.said or (current.revision != base and _untouched(desk, sheet, row, base, viewer)):
            same += 1
            continue
        if current.revision != base and not theirs:
            conflicts.append(Conflict(row.place, row.item, current.by, current.at))
            continue
        try:
            desk.save(sheet.number, new, revision=current.revision, viewer=viewer, now=now)
            saved += 1
        except AnswerChangedError as error:  # at this very moment
            conflicts.append(Conflict(row.place, row.item, error.current.by, error.current.at))
        except UsageError as error:
            problems.append(Problem(row.place, str(error)))
    conflicts += _foot(desk, form, sheet, viewer, now, theirs=theirs)
    return Imported(saved, same, tuple(conflicts), tuple(problems))


def _check(desk: SheetDesk, form: Form, sheet: Sheet, site: str) -> None:
    mark = form.mark
    if (mark.site, mark.round, mark.sheet) != (site, sheet.round, sheet.number):
        what = _("ほかの点検票のファイルです(サイト {site}、{round} 年度の計画、点検票 {sheet})。取り込んでいません。")
        place = f"{mark.site} {mark.round}"
        raise AuditError([Problem(place, what.format(site=mark.site, round=mark.round, sheet=mark.sheet))])
    if mark.digest != desk.round(sheet.round).catalogue.digest or set(mark.revisions) != set(sheet.items):
        what = _("ファイルの中の目印が書き換えられています。もう一度書き出してください。")
        raise AuditError([Problem(str(sheet.number), what)])
    if not sheet.writable:
        what = _("この点検票は「{state}」です。直すときは、入力を再開するか、差し戻してもらってください。")
        raise ConflictError(what.format(state=_(SHEET_STATES[sheet.state])))


def _untouched(desk: SheetDesk, sheet: Sheet, row: FormRow, base: int, viewer: Viewer) -> bool:
    """Whether the row still says what it said when the file was written: then nobody answered in it."""
    was = next((one for one in desk.history(sheet.number, row.item, viewer) if one.revision == base), Answer(row.item))
    return row.over(was).said == was.said


def _foot(desk: SheetDesk, form: Form, sheet: Sheet, viewer: Viewer, now: datetime, *, theirs: bool) -> list[Conflict]:
    was = Foot(form.mark.summary, form.mark.remarks)
    current = Foot(sheet.summary, sheet.remarks)
    new = Foot(form.foot.get("summary", current.summary), form.foot.get("remarks", current.remarks))
    if new in {current, was}:
        return []
    if current != was and not theirs:
        return [Conflict(_("総括・特記事項"), "foot", "", None)]
    desk.save_foot(sheet.number, new, revision=sheet.revision, viewer=viewer, now=now)
    return []
