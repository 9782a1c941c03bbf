"""Confirmed values (監査調書) and the steps of the fieldwork in the records."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, delete, func, insert, select

from secops.errors import ConflictError, NotFoundError, UsageError
from secops.isms.audit.findings_ports import Confirmation, PaperChangedError, PaperRecord, Step, StepDone
from secops.isms.audit.model import Verdict
from secops.isms.audit.ports import Viewer
from secops.isms.audit.sheets import MAX_TEXT, Sheet, SheetKind, cleaned
from secops.isms.audit.workpaper import Workpaper
from secops.locale import _
from secops.store.records.audit_finding_rows import paper_body, paper_of
from secops.store.records.audit_sheets import SqlSheets, one_sheet
from secops.store.records.engine import Database
from secops.store.records.findings_tables import papers, steps
from secops.store.records.rounds_tables import answers, evidence_files, sheets
from secops.store.records.trail import note

_MANY = 8  # sheets: where more of a round changed, reading all of them at once is quicker


class SqlField:
    """See `secops.isms.audit.findings_ports.FieldDesk`."""

    _database: Database
    _sheets: SqlSheets
    # Round → (sheet → what differs when its papers do; the papers); replaced as a whole, for the threads.
    _read: dict[str, tuple[dict[int, tuple[object, ...]], tuple[Workpaper, ...]]]

    def sheet_papers(self, sheet: int, viewer: Viewer) -> Sequence[PaperRecord]:
        """See `FieldDesk`."""
        return self._records(sheet, viewer)

    def _records(self, sheet: int, viewer: Viewer, item: str = "") -> list[PaperRecord]:
        opened = self._sheets.papers_of(sheet, viewer, item)
        with self._database.read() as connection:
            rows, notes = _rows(connection, sheet, item), _notes(connection, sheet, item)
        return [paper_of(sheet, one, rows.get(one.item), notes.get(one.item, "")) for one in opened]

    def round_papers(self, of: str, viewer: Viewer) -> Sequence[Workpaper]:
        """See `FieldDesk`.

        What everybody together wrote stays at hand: a sheet is read again when something on it changed, and where
        nothing did the papers are the same object as before.
        """
        if viewer.departments is not None or viewer.assigned:
            return self._read_papers(of, viewer)
        marks = self._marks(of)  # taken before the papers: what comes in between is read the next time
        known, found = self._read.get(of, ({}, ()))
        changed = [sheet for sheet, mark in marks.items() if known.get(sheet) != mark]
        if not known or len(changed) > _MANY or len(known) != len(marks):
            found = self._read_papers(of, viewer)
        elif changed:
            fresh = {
                (one.department, one.system, one.item): one
                for sheet in changed
                for one in (record.paper for record in self._records(sheet, viewer))
            }
            found = tuple(fresh.get((one.department, one.system, one.item), one) for one in found)
        self._read[of] = (marks, found)
        return found

    def _marks(self, of: str) -> dict[int, tuple[object, ...]]:
        """Sheet → what differs when a paper of it does: revisions only grow, and no row goes away for good."""
        tables: tuple[tuple[Table, tuple[ColumnElement[Any], ...]], ...] = (
            (answers, (func.sum(answers.c.revision),)),
            (papers, (func.sum(papers.c.revision), func.count(papers.c.reviewed_at), func.max(papers.c.reviewed_at))),
            (evidence_files, (func.count(evidence_files.c.withdrawn_at),)),
        )
        counted = (sheets.c.round == of) & (sheets.c.kind != SheetKind.STAFF.value)
        with self._database.read() as connection:
            numbers = connection.scalars(select(sheets.c.id).where(counted))
            found: dict[int, tuple[object, ...]] = dict.fromkeys(numbers, ())
            for table, more in tables:
                joined = sheets.outerjoin(table, sheets.c.id == table.c.sheet)
                statement = select(sheets.c.id, func.count(table.c.sheet), *more).select_from(joined)
                for number, *rest in connection.execute(statement.where(counted).group_by(sheets.c.id)):
                    found[number] += tuple(rest)
        return found

    def _read_papers(self, of: str, viewer: Viewer) -> tuple[Workpaper, ...]:
        numbers = {
            (one.unit.department, one.unit.system, item): one.number
            for one in self._sheets.sheets(viewer, of=of)
            if one.kind is not SheetKind.STAFF  # its items stand on the department's sheet too
            for item in one.items
        }
        with self._database.read() as connection:
            wanted = papers.c.sheet.in_(sorted(set(numbers.values())))
            rows = {
                (row["sheet"], row["item"]): row for row in connection.execute(select(papers).where(wanted)).mappings()
            }
        found = []
        for one in self._sheets.papers(of, viewer):
            sheet = numbers[one.department, one.system, one.item]
            row = rows.get((sheet, one.item))
            found.append(paper_of(sheet, one, row, "").paper if row else one)
        return tuple(found)

    def confirm_paper(
        self, sheet: int, made: Confirmation, *, revision: int, viewer: Viewer, now: datetime
    ) -> PaperRecord:
        """See `FieldDesk`."""
        result = cleaned(made.result)
        if made.verdict is not Verdict.NOT_VERIFIED and not result:
            raise UsageError(_("判定の根拠(確認した結果)を書いてください。"))
        procedure = {method: cleaned(text) for method, text in made.procedure.items() if cleaned(text)}
        if max(map(len, (result, *procedure.values()))) > MAX_TEXT:
            raise UsageError(_("{limit} 字以内にしてください。").format(limit=MAX_TEXT))
        with self._database.write() as connection:
            seen = one_sheet(connection, sheet, viewer)
            _on_sheet(seen, made.item)
            row = _rows(connection, sheet, made.item).get(made.item)
            self._check_revision(sheet, made.item, row, revision, viewer)
            connection.execute(delete(papers).where(papers.c.sheet == sheet, papers.c.item == made.item))
            new = {
                "sheet": sheet,
                "item": made.item,
                "verdict": made.verdict.value,
                "body": paper_body(result, procedure, made.sample, made.evidence),
                "revision": revision + 1,
                "preparer": viewer.name,
                "prepared_at": now,
                "reviewer": "",  # another text has to be looked at again
                "reviewed_at": None,
            }
            connection.execute(insert(papers).values(new))
            detail = {"verdict": made.verdict.value, "revision": revision + 1, "result": result[:500]}
            _told(connection, "paper.confirmed", seen, made.item, viewer, now, detail)
        return self._one(sheet, made.item, viewer)

    def review_paper(self, sheet: int, item: str, *, revision: int, viewer: Viewer, now: datetime) -> PaperRecord:
        """See `FieldDesk`."""
        with self._database.write() as connection:
            seen = one_sheet(connection, sheet, viewer)
            _on_sheet(seen, item)
            row = _rows(connection, sheet, item).get(item)
            self._check_revision(sheet, item, row, revision, viewer)
            if row is None:
                raise ConflictError(_("まだ調書が作られていません。"))
            if row["preparer"] == viewer.name:
                raise ConflictError(_("作成者は自分の調書を査閲できません。別の監査人が査閲してください。"))
            here = (papers.c.sheet == sheet) & (papers.c.item == item)
            connection.execute(papers.update().where(here).values(reviewer=viewer.name, reviewed_at=now))
            _told(connection, "paper.reviewed", seen, item, viewer, now, {"revision": revision})
        return self._one(sheet, item, viewer)

    def take_step(self, sheet: int, step: Step, *, on: date, note: str, viewer: Viewer, now: datetime) -> StepDone:
        """See `FieldDesk`."""
        text = cleaned(note)
        if len(text) > MAX_TEXT:
            raise UsageError(_("{limit} 字以内にしてください。").format(limit=MAX_TEXT))
        row = {"sheet": sheet, "step": step.value, "on": on.isoformat(), "note": text, "by": viewer.name, "at": now}
        with self._database.write() as connection:
            seen = one_sheet(connection, sheet, viewer)
            connection.execute(insert(steps).values(row))
            _told(connection, f"step.{step.value}", seen, "", viewer, now, {"on": on.isoformat(), "note": text[:500]})
        return StepDone(sheet, step, on, text, viewer.name, now)

    def steps(self, of: str, viewer: Viewer) -> Sequence[StepDone]:
        """See `FieldDesk`."""
        if viewer.departments is None and not viewer.assigned:
            mine = steps.c.sheet.in_(select(sheets.c.id).where(sheets.c.round == of))
        else:
            mine = steps.c.sheet.in_([one.number for one in self._sheets.sheets(viewer, of=of)])
        statement = select(steps).where(mine).order_by(steps.c.on, steps.c.id)
        with self._database.read() as connection:
            return [
                StepDone(
                    row["sheet"], Step(row["step"]), date.fromisoformat(row["on"]), row["note"], row["by"], row["at"]
                )
                for row in connection.execute(statement).mappings()
            ]

    def _check_revision(self, sheet: int, item: str, row: Any, revision: int, viewer: Viewer) -> None:
        if (row["revision"] if row else 0) != revision:
            what = _("ほかの監査人が先に書いています。あなたの入力は保存していません。内容を見比べてください。")
            raise PaperChangedError(what, self._one(sheet, item, viewer))

    def _one(self, sheet: int, item: str, viewer: Viewer) -> PaperRecord:
        return self._records(sheet, viewer, item)[0]


def _on_sheet(sheet: Sheet, item: str) -> None:
    if item not in sheet.items:
        raise NotFoundError(_("項目 {item} は、この点検票にありません。").format(item=item))


def _rows(connection: Connection, sheet: int, item: str = "") -> dict[str, Any]:
    statement = select(papers).where(papers.c.sheet == sheet)
    found = connection.execute(statement.where(papers.c.item == item) if item else statement).mappings()
    return {row["item"]: row for row in found}


def _notes(connection: Connection, sheet: int, item: str) -> dict[str, str]:
    """What the unit wrote beside its verdicts."""
    statement = select(answers.c.item, answers.c.note).where(answers.c.sheet == sheet)
    found = connection.execute(statement.where(answers.c.item == item) if item else statement)
    return {row.item: row.note for row in found}


def _told(
    connection: Connection,
    action: str,
    sheet: Sheet,
    item: str,
    viewer: Viewer,
    now: datetime,
    detail: dict[str, Any],
) -> None:
    target = f"sheet {sheet.number} {item}".strip()
    said = {**detail, "round": sheet.round, "unit": str(sheet.unit)}
    note(connection, actor=viewer.name, action=action, target=target, now=now, detail=said)
