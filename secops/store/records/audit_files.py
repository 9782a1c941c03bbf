"""Evidence of the self-inspection and the sheets of the staff, in the records."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select, update

from secops.errors import ConflictError, NotFoundError, UsageError
from secops.isms.audit.model import Verdict
from secops.isms.audit.ports import NewFile, Viewer
from secops.isms.audit.sheets import (
    ANSWERS,
    MAX_CODES,
    STAFF_SHOWN_FROM,
    EvidenceFile,
    Sheet,
    SheetKind,
    StaffCounts,
    cleaned,
)
from secops.locale import _
from secops.store.records import rounds_tables as t
from secops.store.records.audit_rows import file_of
from secops.store.records.audit_sheets import LAST_ID, one_sheet, writable
from secops.store.records.engine import Database, run_many
from secops.store.records.trail import note

MAX_SHEET = 200 << 20  # bytes of all evidence of a sheet, withdrawn versions too: they lie on the disk as well
MAX_NAME = 200
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # none that is taken for another when read from paper
CODE_LETTERS = 12
EVERYBODY = Viewer("staff")


class SqlFiles:
    """See `secops.isms.audit.ports.FileDesk`."""

    _database: Database

    def add_file(self, number: int, item: str, file: NewFile, *, viewer: Viewer, now: datetime) -> EvidenceFile:
        """A file for an item; under a name that is there it is the next version."""
        name = cleaned(file.name)[-MAX_NAME:]
        with self._database.write() as connection:
            sheet = writable(connection, number, viewer)
            if item not in sheet.items:
                raise NotFoundError(_("項目 {item} は、この点検票にありません。").format(item=item))
            there = [one for one in _files(connection, number) if one.item == item and one.name == name]
            if there and there[-1].sha256 == file.sha256 and not there[-1].withdrawn_at:
                return there[-1]
            size = func.coalesce(func.sum(t.evidence_files.c.size), 0)
            # PostgreSQL's sum is a Decimal.
            used = int(connection.execute(select(size).where(t.evidence_files.c.sheet == number)).scalar_one())
            if used + file.size > MAX_SHEET:
                what = _(
                    "この点検票の証拠は合計 {limit} MB までです(いま {used} MB)。所在を「現状・根拠」に書いてください。"
                )
                raise ConflictError(what.format(limit=MAX_SHEET >> 20, used=used >> 20))
            values = {
                "sheet": number,
                "item": item,
                "name": name,
                "version": len(there) + 1,
                "kind": file.kind,
                "size": file.size,
                "sha256": file.sha256,
                "by": viewer.name,
                "at": now,
                "withdrawn_by": "",
                "withdrawn_reason": "",
            }
            made = connection.execute(insert(t.evidence_files).values(values).returning(t.evidence_files)).mappings()
            found = file_of(made.one())
            detail = {"name": name, "version": found.version, "sha256": file.sha256, "size": file.size}
            target = f"sheet {number} {item}"
            note(connection, actor=viewer.name, action="file.added", target=target, now=now, detail=detail)
            return found

    def files(self, number: int, viewer: Viewer) -> Sequence[EvidenceFile]:
        """All versions of all files of a sheet."""
        with self._database.read() as connection:
            one_sheet(connection, number, viewer)
            return _files(connection, number)

    def file(self, file: int, viewer: Viewer) -> EvidenceFile:
        """One version."""
        with self._database.read() as connection:
            return _file(connection, file, viewer)

    def withdraw_file(self, file: int, reason: str, *, viewer: Viewer, now: datetime) -> EvidenceFile:
        """Say that a version counts no more; it is kept."""
        if not (reason := cleaned(reason)):
            raise UsageError(_("取り下げる理由を書いてください。"))
        with self._database.write() as connection:
            found = _file(connection, file, viewer)
            writable(connection, found.sheet, viewer)
            if found.withdrawn_at is not None:
                raise ConflictError(_("この証拠はすでに取り下げられています。"))
            values = {"withdrawn_by": viewer.name, "withdrawn_at": now, "withdrawn_reason": reason}
            connection.execute(update(t.evidence_files).where(t.evidence_files.c.id == file).values(values))
            detail = {"name": found.name, "version": found.version, "reason": reason}
            target = f"sheet {found.sheet} {found.item}"
            note(connection, actor=viewer.name, action="file.withdrawn", target=target, now=now, detail=detail)
            return _file(connection, file, viewer)


class SqlStaff:
    """See `secops.isms.audit.ports.StaffDesk`."""

    _database: Database

    def make_codes(self, number: int, count: int, *, viewer: Viewer, now: datetime) -> Sequence[str]:
        """New codes to hand out; they are shown this once."""
        with self._database.write() as connection:
            sheet = _of_staff(one_sheet(connection, number, viewer))
            if not 1 <= count <= MAX_CODES - sheet.codes_left - sheet.respondents:
                what = _("コードは 1 つの課に {limit} 件までです(未使用 {left} 件、使用済み {used} 件)。")
                raise UsageError(what.format(limit=MAX_CODES, left=sheet.codes_left, used=sheet.respondents))
            codes = ["".join(secrets.choice(LETTERS) for _n in range(CODE_LETTERS)) for _c in range(count)]
            run_many(connection, insert(t.staff_codes), [{"digest": _digest(one), "sheet": number} for one in codes])
            detail = {"count": count}
            note(connection, actor=viewer.name, action="codes.made", target=f"sheet {number}", now=now, detail=detail)
        return ["-".join(one[at : at + 4] for at in range(0, CODE_LETTERS, 4)) for one in codes]

    def staff_sheet(self, code: str) -> Sheet:
        """The sheet that a code opens."""
        with self._database.read() as connection:
            return one_sheet(connection, _opened_by(connection, code), EVERYBODY)

    def staff_answer(self, code: str, verdicts: Mapping[str, Verdict], *, now: datetime) -> None:
        """Count one person's answers and forget the code: neither who nor which answers belong together is kept."""
        with self._database.write() as connection:
            sheet = one_sheet(connection, _opened_by(connection, code), EVERYBODY)
            if any(verdicts.get(item) not in ANSWERS for item in sheet.items):
                raise UsageError(_("すべての項目に答えてください。"))
            connection.execute(delete(t.staff_codes).where(t.staff_codes.c.digest == _digest(code)))
            for item in sheet.items:
                _count(connection, sheet.number, item, verdicts[item])
            one_more = {"respondents": t.sheets.c.respondents + 1}
            connection.execute(update(t.sheets).where(t.sheets.c.id == sheet.number).values(one_more))
            note(connection, actor="staff", action="staff.answered", target=f"sheet {sheet.number}", now=now)

    def staff_counts(self, number: int, viewer: Viewer) -> StaffCounts:
        """What the staff answered; None while so few did that a count would tell who said what."""
        with self._database.read() as connection:
            sheet = _of_staff(one_sheet(connection, number, viewer))
            rows = connection.execute(select(t.staff_counts).where(t.staff_counts.c.sheet == number)).mappings().all()
        counts: dict[str, dict[Verdict, int]] = {item: dict.fromkeys(ANSWERS, 0) for item in sheet.items}
        for row in rows:
            counts[row["item"]][Verdict(row["verdict"])] = row["count"]
        enough = sheet.respondents >= STAFF_SHOWN_FROM
        return StaffCounts(sheet.respondents, sheet.codes_left, counts if enough else None)


def _files(connection: Connection, sheet: int) -> list[EvidenceFile]:
    table = t.evidence_files
    statement = select(table).where(table.c.sheet == sheet).order_by(table.c.item, table.c.name, table.c.version)
    return [file_of(row) for row in connection.execute(statement).mappings()]


def _file(connection: Connection, file: int, viewer: Viewer) -> EvidenceFile:
    statement = select(t.evidence_files).where(t.evidence_files.c.id == file)
    row = connection.execute(statement).mappings().first() if 0 < file <= LAST_ID else None
    if row is None:
        raise NotFoundError(_("証拠 {number} はありません。").format(number=file))
    one_sheet(connection, row["sheet"], viewer)
    return file_of(row)


def _of_staff(sheet: Sheet) -> Sheet:
    if sheet.kind is not SheetKind.STAFF:
        raise UsageError(_("点検票 {number} は職員の点検票ではありません。").format(number=sheet.number))
    return sheet


def _digest(code: str) -> str:
    letters = "".join(one for one in code.upper() if one in LETTERS)
    return hashlib.sha256(f"secops staff code {letters}".encode()).hexdigest()


def _opened_by(connection: Connection, code: str) -> int:
    here = t.staff_codes.c.digest == _digest(code)
    sheet: int | None = connection.execute(select(t.staff_codes.c.sheet).where(here)).scalar()
    if sheet is None:
        raise NotFoundError(_("このコードは使えません。打ち間違いか、すでに回答に使われたコードです。"))
    return sheet


def _count(connection: Connection, sheet: int, item: str, verdict: Verdict) -> None:
    table = t.staff_counts
    here = (table.c.sheet == sheet) & (table.c.item == item) & (table.c.verdict == verdict.value)
    if not connection.execute(update(table).where(here).values(count=table.c.count + 1)).rowcount:
        connection.execute(insert(table).values(sheet=sheet, item=item, verdict=verdict.value, count=1))
