"""Findings in the records. Who sees which one is decided here, in the statement itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Select, func, insert, or_, select, update

from secops.errors import AuditError, ConflictError, NotFoundError, UsageError
from secops.isms.audit import findings as rules
from secops.isms.audit.findings_ports import FindingChangedError, FindingRecord, Wanted
from secops.isms.audit.ports import Viewer
from secops.isms.audit.round import Action, Finding, FindingKind, FindingState
from secops.locale import _
from secops.schema.dates import JST
from secops.store.records import rounds_tables as t
from secops.store.records.audit_finding_rows import finding_row, record_of
from secops.store.records.engine import Database
from secops.store.records.findings_tables import findings
from secops.store.records.trail import note

_OUT = (FindingState.FACT_CHECK.value, FindingState.OPEN.value, FindingState.CLOSED.value)


class SqlFindings:
    """See `secops.isms.audit.findings_ports.FindingDesk`."""

    _database: Database

    def findings(self, viewer: Viewer, wanted: Wanted | None = None) -> Sequence[FindingRecord]:
        """See `FindingDesk`."""
        statement = _narrowed(visible(viewer), wanted or Wanted())
        statement = statement.order_by(findings.c.year.desc(), findings.c.running)
        with self._database.read() as connection:
            return [record_of(row) for row in connection.execute(statement).mappings()]

    def finding(self, number: str, viewer: Viewer) -> FindingRecord:
        """See `FindingDesk`."""
        with self._database.read() as connection:
            return one_finding(connection, number, viewer)

    def draft_finding(
        self, finding: Finding, *, year: int, plan: str, department_name: str, viewer: Viewer, now: datetime
    ) -> FindingRecord:
        """See `FindingDesk`."""
        made = rules.tidy(replace(finding, state=FindingState.DRAFT))
        with self._database.write() as connection:
            row = _new(connection, made, year, plan, department_name, viewer.name, now)
            _told(connection, "finding.drafted", row["number"], viewer.name, now, title=made.title)
            return record_of(row)

    def change_finding(self, finding: Finding, *, revision: int, viewer: Viewer, now: datetime) -> FindingRecord:
        """See `FindingDesk`."""
        made = rules.tidy(finding)

        def change(old: Finding) -> Finding:
            rules.expect(old, FindingState.DRAFT)
            return replace(
                made, state=old.state, opinion=old.opinion, actions=old.actions, source=old.source, repeats=made.repeats
            )

        return self._step(finding.number, "finding.changed", change, viewer, now, revision=revision)

    def send_finding(self, number: str, *, viewer: Viewer, now: datetime) -> FindingRecord:
        """See `FindingDesk`."""

        def send(old: Finding) -> Finding:
            rules.expect(old, FindingState.DRAFT)
            if missing := list(rules.lacking(old)):
                raise AuditError(missing)
            return replace(old, state=FindingState.FACT_CHECK)

        fresh = {"agreed": None, "replied_by": "", "replied_at": None}
        return self._step(number, "finding.sent", send, viewer, now, values=fresh)

    def take_back_finding(self, number: str, reason: str, *, viewer: Viewer, now: datetime) -> FindingRecord:
        """See `FindingDesk`."""

        def take_back(old: Finding) -> Finding:
            rules.expect(old, FindingState.FACT_CHECK)
            return replace(old, state=FindingState.DRAFT)

        return self._step(number, "finding.taken_back", take_back, viewer, now, reason=_reason(reason))

    def reply_finding(self, number: str, *, agreed: bool, opinion: str, viewer: Viewer, now: datetime) -> FindingRecord:
        """See `FindingDesk`."""
        if not agreed and not opinion.strip():
            raise UsageError(_("事実と違う点を書いてください。"))
        if len(opinion) > rules.MAX_TEXT:
            raise UsageError(_("{limit} 字以内にしてください。").format(limit=rules.MAX_TEXT))

        def reply(old: Finding) -> Finding:
            rules.expect(old, FindingState.FACT_CHECK)
            return replace(old, opinion=opinion.strip())

        values = {"agreed": int(agreed), "replied_by": viewer.name, "replied_at": now}
        return self._step(number, "finding.replied", reply, viewer, now, values=values, agreed=agreed)

    def issue_finding(self, number: str, *, viewer: Viewer, now: datetime) -> FindingRecord:
        """See `FindingDesk`."""
        return self._step(number, "finding.issued", lambda old: rules.issued(old, _day(now)), viewer, now)

    def plan_actions(
        self, number: str, cause: str, actions: Sequence[Action], *, revision: int, viewer: Viewer, now: datetime
    ) -> FindingRecord:
        """See `FindingDesk`."""
        return self._step(
            number,
            "finding.planned",
            lambda old: rules.planned(old, cause, actions),
            viewer,
            now,
            revision=revision,
            actions=[f"{one.state.value}: {one.measure}"[:200] for one in actions],
        )

    def check_action(
        self, number: str, place: int, *, on: date, text: str, effective: bool, viewer: Viewer, now: datetime
    ) -> FindingRecord:
        """See `FindingDesk`."""
        return self._step(
            number,
            "finding.checked",
            lambda old: rules.checked(old, place, on=on, text=text, effective=effective),
            viewer,
            now,
            measure=place,
            effective=effective,
        )

    def close_finding(self, number: str, *, viewer: Viewer, now: datetime) -> FindingRecord:
        """See `FindingDesk`."""
        return self._step(number, "finding.closed", lambda old: rules.closed(old, _day(now)), viewer, now)

    def reopen_finding(self, number: str, reason: str, *, viewer: Viewer, now: datetime) -> FindingRecord:
        """See `FindingDesk`."""
        return self._step(number, "finding.reopened", rules.reopened, viewer, now, reason=_reason(reason))

    def import_findings(self, found: Sequence[tuple[Finding, int, str]], *, actor: str, now: datetime) -> Sequence[str]:
        """See `FindingDesk`; a finding is there already where source, department and title are the same."""
        made = []
        with self._database.write() as connection:
            rows = connection.execute(select(findings)).mappings()
            there = {_sameness(record_of(row).finding) for row in rows}
            for given, year, name in found:
                finding = rules.tidy(given)
                if _sameness(finding) in there:
                    continue
                there.add(_sameness(finding))
                made.append(_new(connection, finding, year, "", name, actor, now)["number"])
            if made:
                _told(connection, "finding.imported", " ".join((made[0], made[-1])), actor, now, count=len(made))
        return made

    def _step(
        self,
        number: str,
        action: str,
        change: Callable[[Finding], Finding],
        viewer: Viewer,
        now: datetime,
        *,
        revision: int | None = None,
        values: dict[str, Any] | None = None,
        **detail: Any,
    ) -> FindingRecord:
        """One change of one finding, seen by nobody before it is whole."""
        with self._database.write() as connection:
            record = one_finding(connection, number, viewer)
            if revision is not None and revision != record.revision:
                what = _(
                    "ほかの人が指摘 {number} を変えました。あなたの入力は保存していません。内容を見比べてください。"
                )
                raise FindingChangedError(what.format(number=number), record)
            new = {**finding_row(change(record.finding)), **(values or {}), "revision": record.revision + 1}
            connection.execute(update(findings).where(findings.c.number == number).values(new))
            _told(connection, action, number, viewer.name, now, revision=record.revision + 1, **detail)
            return one_finding(connection, number, viewer)


def one_finding(connection: Connection, number: str, viewer: Viewer) -> FindingRecord:
    """A finding that the viewer may see."""
    row = connection.execute(visible(viewer).where(findings.c.number == number)).mappings().first()
    if row is None:
        raise NotFoundError(_("指摘 {number} はありません。").format(number=number))
    return record_of(row)


def visible(viewer: Viewer) -> Select[Any]:
    """The findings a viewer may see: departments theirs once they are out, an auditor those of their audits."""
    statement = select(findings)
    if viewer.departments is not None:
        names = sorted(viewer.departments)
        mine = or_(findings.c.department.in_(names), findings.c.department_name.in_(names))
        return statement.where(mine, findings.c.state.in_(_OUT))
    if not viewer.assigned:
        return statement
    who = t.plan_auditors.c
    audited = select(who.plan).where(
        who.login == viewer.name,
        who.department == findings.c.department,
        or_(who.system == "", who.system == findings.c.system),
    )
    return statement.where(or_(audited.exists(), findings.c.created_by == viewer.name))


def _narrowed(statement: Select[Any], wanted: Wanted) -> Select[Any]:
    columns = findings.c
    if wanted.year is not None:
        statement = statement.where(columns.year == wanted.year)
    if wanted.plan:
        statement = statement.where(columns.plan == wanted.plan)
    if wanted.department:
        statement = statement.where(columns.department == wanted.department)
    if wanted.states:
        statement = statement.where(columns.state.in_(sorted(one.value for one in wanted.states)))
    if wanted.overdue is not None:
        late = columns.next_due < wanted.overdue.isoformat()
        statement = statement.where(columns.state == FindingState.OPEN.value, late)
    if wanted.text:
        said = (columns.number, columns.title)
        statement = statement.where(or_(*(one.icontains(wanted.text, autoescape=True) for one in said)))
    return statement


def _new(
    connection: Connection, finding: Finding, year: int, plan: str, name: str, actor: str, now: datetime
) -> dict[str, Any]:
    newest = select(func.max(findings.c.running)).where(findings.c.year == year)
    running = (connection.execute(newest).scalar() or 0) + 1
    row = {
        **finding_row(replace(finding, number=f"{year}-{running:02}")),
        "year": year,
        "running": running,
        "plan": plan,
        "department_name": name,
        "revision": 1,
        "created_by": actor,
        "created_at": now,
        "agreed": None,
        "replied_by": "",
        "replied_at": None,
    }
    connection.execute(insert(findings).values(row))
    return row


def _sameness(finding: Finding) -> tuple[str, str, str]:
    return finding.source, finding.department, finding.title


def _reason(text: str) -> str:
    if not text.strip():
        raise ConflictError(_("理由を書いてください。"))
    return text.strip()[: rules.MAX_TEXT]


def _day(now: datetime) -> date:
    return now.astimezone(JST).date()


def _told(connection: Connection, action: str, number: str, actor: str, now: datetime, **detail: Any) -> None:
    note(connection, actor=actor, action=action, target=f"finding {number}", now=now, detail=detail)


def open_majors(found: Sequence[FindingRecord]) -> list[tuple[str, str]]:
    """Department and item of each 重大な不適合 that is not yet put right: what caps a grade."""
    return [
        (one.finding.department, one.finding.item)
        for one in found
        if one.finding.kind is FindingKind.MAJOR and one.finding.state is FindingState.OPEN
    ]
