"""Sheets of the self-inspection in the records. Who sees which one is decided here, in the statement itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, insert, or_, select, update

from secops.errors import AuditError, ConflictError, NotFoundError, UsageError
from secops.isms.audit.model import Catalogue, Verdict
from secops.isms.audit.ports import AnswerChangedError, Foot, Round, Viewer
from secops.isms.audit.round import PlanLevel
from secops.isms.audit.sheets import (
    MAX_TEXT,
    SHEET_STATES,
    Answer,
    Sheet,
    SheetKind,
    SheetState,
    cleaned,
    missing,
    tidy,
)
from secops.isms.audit.workpaper import Evidence, Workpaper
from secops.locale import _
from secops.store.records import rounds_tables as t
from secops.store.records.audit_rows import answer_of, answer_row, file_of, round_of, sheet_of
from secops.store.records.engine import Database
from secops.store.records.trail import note

LAST_ID = (1 << 63) - 1  # that a database has; an address may say anything


class SqlSheets:
    """See `secops.isms.audit.ports.SheetDesk`."""

    _database: Database

    def rounds(self) -> Sequence[Round]:
        """All rounds, the newest first."""
        statement = select(t.rounds).order_by(t.rounds.c.year.desc(), t.rounds.c.opened_at.desc())
        with self._database.read() as connection:
            return [round_of(row) for row in connection.execute(statement).mappings()]

    def round(self, number: str) -> Round:
        """One round."""
        with self._database.read() as connection:
            row = connection.execute(select(t.rounds).where(t.rounds.c.plan == number)).mappings().first()
        if row is None:
            what = _("自己点検 {number} は始まっていません。年度計画を承認すると始まります。")
            raise NotFoundError(what.format(number=number))
        return round_of(row)

    def sheets(self, viewer: Viewer, *, of: str = "") -> Sequence[Sheet]:
        """Sheets of the round ``of`` or of all, in the order of the plan."""
        statement = _visible(viewer).order_by(t.rounds.c.year.desc(), t.sheets.c.id)
        if of:
            statement = statement.where(t.sheets.c.round == of)
        with self._database.read() as connection:
            rows = connection.execute(statement).mappings().all()
            return _sheets(connection, rows)

    def sheet(self, number: int, viewer: Viewer) -> Sheet:
        """One sheet."""
        with self._database.read() as connection:
            return one_sheet(connection, number, viewer)

    def answers(self, number: int, viewer: Viewer) -> Mapping[str, Answer]:
        """Item → answer."""
        with self._database.read() as connection:
            one_sheet(connection, number, viewer)
            return _answers(connection, number)

    def last_answers(self, number: int, viewer: Viewer) -> Mapping[str, Answer]:
        """The same of the round before, at the same unit."""
        with self._database.read() as connection:
            sheet = one_sheet(connection, number, viewer)
            before = select(t.rounds.c.previous).where(t.rounds.c.plan == sheet.round).scalar_subquery()
            same = (
                (t.sheets.c.kind == sheet.kind.value)
                & (t.sheets.c.department == sheet.unit.department)
                & (t.sheets.c.system == sheet.unit.system)
            )
            last = connection.execute(select(t.sheets.c.id).where(t.sheets.c.round == before, same)).scalar()
            return {} if last is None else _answers(connection, last)

    def history(self, number: int, item: str, viewer: Viewer) -> Sequence[Answer]:
        """Every revision of an answer, the oldest first."""
        with self._database.read() as connection:
            one_sheet(connection, number, viewer)
            return _history(connection, number, item)

    def save(self, number: int, answer: Answer, *, revision: int, viewer: Viewer, now: datetime) -> Answer:
        """Write an answer over revision ``revision``."""
        with self._database.write() as connection:
            sheet = writable(connection, number, viewer)
            return _save(connection, sheet, _answers(connection, number), answer, revision, viewer, now)

    def save_many(
        self, number: int, answers: Sequence[tuple[Answer, int]], *, viewer: Viewer, now: datetime
    ) -> Sequence[Answer]:
        """Write answers, each over its revision; all of them or none."""
        with self._database.write() as connection:
            sheet, there = writable(connection, number, viewer), _answers(connection, number)
            return [_save(connection, sheet, there, one, revision, viewer, now) for one, revision in answers]

    def save_foot(self, number: int, foot: Foot, *, revision: int, viewer: Viewer, now: datetime) -> Sheet:
        """Write the foot."""
        said = {"summary": cleaned(foot.summary), "remarks": cleaned(foot.remarks)}
        if max(map(len, said.values())) > MAX_TEXT:
            raise UsageError(_("総括・特記事項は {limit} 字以内にしてください。").format(limit=MAX_TEXT))
        with self._database.write() as connection:
            sheet = writable(connection, number, viewer)
            if (sheet.summary, sheet.remarks) == (said["summary"], said["remarks"]):
                return sheet
            _same(sheet, revision)
            return _step(connection, sheet, "sheet.foot", viewer, now, said)

    def finish(self, number: int, *, viewer: Viewer, now: datetime) -> Sheet:
        """The person in charge is done."""
        with self._database.write() as connection:
            sheet = writable(connection, number, viewer)
            if wrong := list(missing(sheet.items, _answers(connection, number))):
                raise AuditError(wrong)
            values = {"state": SheetState.ENTERED.value, "entered_by": viewer.name, "entered_at": now}
            return _step(connection, sheet, "sheet.entered", viewer, now, values)

    def take_back(self, number: int, *, viewer: Viewer, now: datetime) -> Sheet:
        """Go on writing, while nobody confirmed it."""
        with self._database.write() as connection:
            sheet = _in_state(connection, number, viewer, SheetState.ENTERED)
            return _step(connection, sheet, "sheet.taken_back", viewer, now, {"state": SheetState.OPEN.value})

    def confirm(self, number: int, *, revision: int, viewer: Viewer, now: datetime) -> Sheet:
        """The head of the department agrees with what they saw."""
        with self._database.write() as connection:
            sheet = _in_state(connection, number, viewer, SheetState.ENTERED)
            _same(sheet, revision)
            values = {"state": SheetState.CONFIRMED.value, "confirmed_by": viewer.name, "confirmed_at": now}
            return _step(connection, sheet, "sheet.confirmed", viewer, now, values)

    def give_back(self, number: int, reason: str, *, viewer: Viewer, now: datetime, confirmed: bool = False) -> Sheet:
        """Back to the person in charge."""
        if not (reason := cleaned(reason)):
            raise UsageError(_("差し戻す理由を書いてください。"))
        with self._database.write() as connection:
            state = SheetState.CONFIRMED if confirmed else SheetState.ENTERED
            sheet = _in_state(connection, number, viewer, state)
            said = {"state": SheetState.RETURNED.value, "returned_by": viewer.name, "returned_at": now}
            return _step(connection, sheet, "sheet.returned", viewer, now, {**said, "returned_reason": reason})

    def papers(self, number: str, viewer: Viewer) -> Sequence[Workpaper]:
        """A workpaper for each item of each sheet, with what was declared and the evidence."""
        catalogue = self.round(number).catalogue
        with self._database.read() as connection:
            rows = connection.execute(_visible(viewer).where(t.sheets.c.round == number).order_by(t.sheets.c.id))
            found = [one for one in _sheets(connection, rows.mappings().all()) if one.kind is not SheetKind.STAFF]
            return self._papers(connection, catalogue, found, t.sheets.c.round == number)

    def papers_of(self, number: int, viewer: Viewer, item: str = "") -> Sequence[Workpaper]:
        """The same of one sheet, or of one item of it."""
        with self._database.read() as connection:
            sheet = one_sheet(connection, number, viewer)
            row = connection.execute(select(t.rounds).where(t.rounds.c.plan == sheet.round)).mappings().one()
            wanted = replace(sheet, items=(item,) if item in sheet.items else ()) if item else sheet
            return self._papers(connection, round_of(row).catalogue, [wanted], t.sheets.c.id == number)

    def _papers(
        self, connection: Connection, catalogue: Catalogue, found: Sequence[Sheet], here: ColumnElement[bool]
    ) -> Sequence[Workpaper]:
        declared, evidence, items = _declared(connection, here), _evidence(connection, here), catalogue.by_id
        return [
            Workpaper(
                item,
                sheet.unit.department,
                sheet.unit.system,
                declared=declared.get((sheet.number, item), Verdict.NOT_VERIFIED),
                objective=items[item].title,
                procedure=items[item].check,
                evidence=tuple(evidence.get((sheet.number, item), ())),
            )
            for sheet in found
            for item in sheet.items
        ]


def _save(
    connection: Connection,
    sheet: Sheet,
    there: dict[str, Answer],
    given: Answer,
    revision: int,
    viewer: Viewer,
    now: datetime,
) -> Answer:
    """Write an answer over what is ``there`` (which is brought up to date)."""
    answer = tidy(given)
    if answer.item not in sheet.items:
        what = _("項目 {item} は、この点検票にありません。")
        raise NotFoundError(what.format(item=answer.item))
    current = there.get(answer.item) or Answer(answer.item)
    if current.said == answer.said:
        return current
    if current.revision != revision:
        since = [one for one in _history(connection, sheet.number, answer.item) if one.revision > revision]
        who = _("{by} さんが先に保存しています。あなたの入力は保存していません。内容を見比べてください。")
        raise AnswerChangedError(who.format(by=current.by), current, since)
    new = there[answer.item] = replace(answer, revision=current.revision + 1, by=viewer.name, at=now)
    _put_answer(connection, sheet.number, new)
    detail = {"revision": new.revision, "verdict": new.verdict.value}
    _note(connection, "answer.saved", f"{sheet.number} {answer.item}", viewer, now, **detail)
    return new


def _note(connection: Connection, action: str, what: str, viewer: Viewer, now: datetime, **detail: Any) -> None:
    note(connection, actor=viewer.name, action=action, target=f"sheet {what}", now=now, detail=detail)


def _visible(viewer: Viewer) -> Select[Any]:
    """The sheets a viewer may see, with the year of their round; who may see a 部 sees its sections."""
    statement = select(t.sheets, t.rounds.c.year).join(t.rounds, t.rounds.c.plan == t.sheets.c.round)
    if viewer.departments is not None:
        names = sorted(viewer.departments)
        own = (t.sheets.c.department, t.sheets.c.department_name, t.sheets.c.division, t.sheets.c.division_name)
        statement = statement.where(or_(*(column.in_(names) for column in own)))
    return statement.where(_assigned(viewer.name)) if viewer.assigned else statement


def _assigned(login: str) -> ColumnElement[bool]:
    """Whether somebody audits the unit in a plan of the sheet's year."""
    who, plans = t.plan_auditors.c, t.plans.c
    special = (plans.level == PlanLevel.SPECIAL.value) & (plans.first_year == t.rounds.c.year)
    family = or_(plans.number == t.sheets.c.round, plans.above == t.sheets.c.round, special)
    unit = (who.department == t.sheets.c.department) & (who.system == t.sheets.c.system)
    return select(who.plan).join(t.plans, plans.number == who.plan).where(who.login == login, unit, family).exists()


def _sheets(connection: Connection, rows: Sequence[Any]) -> list[Sheet]:
    rounds = sorted({row["round"] for row in rows})
    mine = t.sheets.c.round.in_(rounds)
    said = select(t.answers.c.sheet, t.answers.c.verdict, func.count()).join(t.sheets).where(mine)
    counts: dict[int, Counter[Verdict]] = {}
    for sheet, verdict, count in connection.execute(said.group_by(t.answers.c.sheet, t.answers.c.verdict)):
        counts.setdefault(sheet, Counter())[Verdict(verdict)] = count
    left = select(t.staff_codes.c.sheet, func.count()).join(t.sheets).where(mine).group_by(t.staff_codes.c.sheet)
    codes = {row[0]: row[1] for row in connection.execute(left)}
    return [sheet_of(row, counts.get(row["id"], {}), codes.get(row["id"], 0)) for row in rows]


def one_sheet(connection: Connection, number: int, viewer: Viewer) -> Sheet:
    """A sheet that the viewer may see."""
    known = 0 < number <= LAST_ID
    row = connection.execute(_visible(viewer).where(t.sheets.c.id == number)).mappings().first() if known else None
    if row is None:
        raise NotFoundError(_("点検票 {number} はありません。").format(number=number))
    return _sheets(connection, [row])[0]


def writable(connection: Connection, number: int, viewer: Viewer) -> Sheet:
    """A sheet whose answers may change."""
    sheet = one_sheet(connection, number, viewer)
    if sheet.kind is SheetKind.STAFF:
        raise ConflictError(_("職員の点検票は、職員が一人ずつ配られたコードで回答します。"))
    if not sheet.writable:
        what = _("この点検票は「{state}」です。直すときは、入力を再開するか、差し戻してもらってください。")
        raise ConflictError(what.format(state=_(SHEET_STATES[sheet.state])))
    return sheet


def _in_state(connection: Connection, number: int, viewer: Viewer, state: SheetState) -> Sheet:
    sheet = one_sheet(connection, number, viewer)
    if sheet.state is not state:
        what = _("この点検票は「{state}」です。「{wanted}」のときだけ行えます。")
        raise ConflictError(what.format(state=_(SHEET_STATES[sheet.state]), wanted=_(SHEET_STATES[state])))
    return sheet


def _same(sheet: Sheet, revision: int) -> None:
    if sheet.revision != revision:
        raise ConflictError(_("ほかの人がこの点検票を変えました。開き直して、内容を確かめてください。"))


def _step(
    connection: Connection, sheet: Sheet, action: str, viewer: Viewer, now: datetime, values: dict[str, Any]
) -> Sheet:
    values = {**values, "revision": sheet.revision + 1}
    connection.execute(update(t.sheets).where(t.sheets.c.id == sheet.number).values(values))
    detail = {"round": sheet.round, "unit": str(sheet.unit), "revision": sheet.revision + 1}
    if reason := values.get("returned_reason"):
        detail["reason"] = reason
    _note(connection, action, str(sheet.number), viewer, now, **detail)
    return one_sheet(connection, sheet.number, viewer)


def _answers(connection: Connection, sheet: int) -> dict[str, Answer]:
    rows = connection.execute(select(t.answers).where(t.answers.c.sheet == sheet)).mappings()
    return {row["item"]: answer_of(row) for row in rows}


def _history(connection: Connection, sheet: int, item: str) -> list[Answer]:
    table = t.answer_history.c
    statement = select(t.answer_history).where(table.sheet == sheet, table.item == item).order_by(table.revision)
    return [answer_of(row) for row in connection.execute(statement).mappings()]


def _put_answer(connection: Connection, sheet: int, answer: Answer) -> None:
    row = answer_row(sheet, answer)
    connection.execute(insert(t.answer_history).values(row))
    if answer.revision == 1:
        connection.execute(insert(t.answers).values(row))
        return
    here = (t.answers.c.sheet == sheet) & (t.answers.c.item == answer.item)
    connection.execute(update(t.answers).where(here).values(row))


def _declared(connection: Connection, here: ColumnElement[bool]) -> dict[tuple[int, str], Verdict]:
    columns = (t.answers.c.sheet, t.answers.c.item, t.answers.c.verdict)
    rows = connection.execute(select(*columns).join(t.sheets).where(here))
    known = {one.value: one for one in Verdict}
    return {(sheet, item): known[verdict] for sheet, item, verdict in rows}


def _evidence(connection: Connection, here: ColumnElement[bool]) -> dict[tuple[int, str], list[Evidence]]:
    """The newest version of each file that counts, by sheet and item."""
    table = t.evidence_files
    statement = select(table).join(t.sheets).where(here, table.c.withdrawn_at.is_(None))
    newest: dict[tuple[int, str, str], Evidence] = {}
    for row in connection.execute(statement.order_by(table.c.version)).mappings():
        one = file_of(row)
        title = _("{name}(第 {version} 版)").format(name=one.name, version=one.version)
        newest[one.sheet, one.item, one.name] = Evidence(title, f"audit/evidence file {one.number}", one.sha256)
    found: dict[tuple[int, str], list[Evidence]] = {}
    for (sheet, item, _name), evidence in newest.items():
        found.setdefault((sheet, item), []).append(evidence)
    return found
