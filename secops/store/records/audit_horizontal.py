"""Horizontal checks (横展開) in the records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, or_, select, update

from secops.errors import ConflictError, NotFoundError, UsageError
from secops.isms.audit.findings_ports import GapAnswer, Horizontal, HorizontalAnswer
from secops.isms.audit.ports import Viewer
from secops.isms.audit.sheets import MAX_TEXT, cleaned
from secops.locale import _
from secops.store.records.audit_findings import visible
from secops.store.records.audit_rows import day, iso
from secops.store.records.engine import Database
from secops.store.records.findings_tables import findings, horizontal_answers, horizontals
from secops.store.records.rounds_tables import plan_auditors
from secops.store.records.trail import note


class SqlHorizontals:
    """See `secops.isms.audit.findings_ports.HorizontalDesk`."""

    _database: Database

    def order_horizontal(self, made: Horizontal, *, actor: str, now: datetime) -> Horizontal:
        """See `HorizontalDesk`."""
        if not made.question.strip() or not made.ordered_by.strip() or not made.answers:
            raise UsageError(_("確認してほしいこと、指示者、対象の部署を入力してください。"))
        with self._database.write() as connection:
            title = connection.execute(select(findings.c.title).where(findings.c.number == made.finding)).scalar()
            if title is None:
                raise NotFoundError(_("指摘 {number} はありません。").format(number=made.finding))
            if connection.execute(select(horizontals).where(horizontals.c.finding == made.finding)).first():
                raise ConflictError(_("指摘 {number} の横展開は、すでに指示しています。").format(number=made.finding))
            row = {
                "finding": made.finding,
                "question": cleaned(made.question)[:MAX_TEXT],
                "ordered_by": made.ordered_by.strip(),
                "ordered_on": made.ordered_on.isoformat(),
                "due": made.due.isoformat(),
            }
            connection.execute(insert(horizontals).values(row))
            connection.execute(insert(horizontal_answers), [_empty(made.finding, one) for one in made.answers])
            detail = {"by": made.ordered_by, "departments": [one.department for one in made.answers]}
            note(
                connection,
                actor=actor,
                action="horizontal.ordered",
                target=f"finding {made.finding}",
                now=now,
                detail=detail,
            )
            return _one(connection, made.finding, Viewer(actor))

    def horizontals(self, viewer: Viewer) -> Sequence[Horizontal]:
        """See `HorizontalDesk`."""
        with self._database.read() as connection:
            numbers = connection.execute(select(horizontals.c.finding).order_by(horizontals.c.finding.desc())).scalars()
            found = [_one(connection, number, viewer) for number in numbers]
            seen = set(connection.execute(visible(viewer).with_only_columns(findings.c.number)).scalars())
        if not viewer.assigned:
            return [one for one in found if one.answers or viewer.departments is None]
        # Of a finding of others an auditor sees what was asked where they audit, not what was found.
        told = [one if one.finding in seen else replace(one, title="") for one in found]
        return [one for one in told if one.answers or one.finding in seen]

    def answer_horizontal(self, finding: str, answer: HorizontalAnswer, *, viewer: Viewer, now: datetime) -> Horizontal:
        """See `HorizontalDesk`."""
        text = cleaned(answer.text)
        if answer.answer is None:
            raise UsageError(_("回答を選んでください。"))
        if answer.answer is GapAnswer.HAS and not (text and answer.due):
            raise UsageError(_("同じ状況があるときは、内容と、いつまでに直すかを書いてください。"))
        if len(text) > MAX_TEXT:
            raise UsageError(_("{limit} 字以内にしてください。").format(limit=MAX_TEXT))
        values = {
            "answer": answer.answer.value,
            "text": text,
            "due": iso(answer.due),
            "by": viewer.name,
            "at": now,
        }
        with self._database.write() as connection:
            seen = _one(connection, finding, viewer)
            if answer.department not in {one.department for one in seen.answers}:
                raise NotFoundError(_("この部署には、横展開の確認は求められていません。"))
            here = (horizontal_answers.c.finding == finding) & (horizontal_answers.c.department == answer.department)
            connection.execute(update(horizontal_answers).where(here).values(values))
            detail = {"department": answer.department, "answer": answer.answer.value, "text": text[:500]}
            note(
                connection,
                actor=viewer.name,
                action="horizontal.answered",
                target=f"finding {finding}",
                now=now,
                detail=detail,
            )
            return _one(connection, finding, viewer)


def _empty(finding: str, one: HorizontalAnswer) -> dict[str, Any]:
    named = {"finding": finding, "department": one.department, "department_name": one.department_name}
    return {**named, "answer": None, "text": "", "due": None, "by": "", "at": None}


def _one(connection: Connection, finding: str, viewer: Viewer) -> Horizontal:
    joined = select(horizontals, findings.c.title).join(findings, findings.c.number == horizontals.c.finding)
    row = connection.execute(joined.where(horizontals.c.finding == finding)).mappings().first()
    if row is None:
        raise NotFoundError(_("指摘 {number} の横展開はありません。").format(number=finding))
    columns = horizontal_answers.c
    statement = select(horizontal_answers).where(columns.finding == finding).order_by(columns.department)
    if viewer.departments is not None:
        names = sorted(viewer.departments)
        statement = statement.where(or_(columns.department.in_(names), columns.department_name.in_(names)))
    if viewer.assigned:  # what other departments answered is the business of who audits them
        who = plan_auditors.c
        statement = statement.where(
            select(who.plan).where(who.login == viewer.name, who.department == columns.department).exists()
        )
    answers = tuple(_answer(one) for one in connection.execute(statement).mappings())
    days = (date.fromisoformat(row["ordered_on"]), date.fromisoformat(row["due"]))
    return Horizontal(finding, row["title"], row["question"], row["ordered_by"], *days, answers)


def _answer(row: RowMapping) -> HorizontalAnswer:
    given = GapAnswer(row["answer"]) if row["answer"] else None
    return HorizontalAnswer(
        row["department"], row["department_name"], given, row["text"], day(row["due"]), row["by"], row["at"]
    )
