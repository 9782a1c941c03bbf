"""Exceptions from the policy (例外措置) in the records: one row a waiver, its history in the trail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, func, insert, select, update

from secops.errors import DeniedError, NotFoundError
from secops.isms.policy.exceptions import (
    Decision,
    Draft,
    Number,
    State,
    Step,
    Waiver,
    check_decision,
    check_draft,
    check_end,
    check_renewal,
    check_revoke,
    check_withdraw,
    parse_subjects,
)
from secops.isms.policy.ports_exceptions import Codes
from secops.locale import _
from secops.schema.dates import JST, fiscal_year
from secops.store.records.codec import from_json, to_json
from secops.store.records.engine import Database
from secops.store.records.policy_calendar_tables import waivers
from secops.store.records.trail import note as told
from secops.store.records.trail_tables import trail


class SqlWaivers:
    """See `secops.isms.policy.ports_exceptions.Waivers`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def waivers(self, codes: Codes) -> Sequence[Waiver]:
        """See `Waivers`."""
        statement = select(waivers).order_by(waivers.c.year.desc(), waivers.c.running.desc())
        if codes is not None:
            statement = statement.where(waivers.c.department.in_(sorted(codes)))
        with self._database.read() as connection:
            return [_waiver(row) for row in connection.execute(statement).mappings()]

    def waiver(self, number: Number, codes: Codes) -> Waiver:
        """See `Waivers`."""
        with self._database.read() as connection:
            return _get(connection, number, codes)

    def history(self, number: Number, codes: Codes) -> Sequence[Step]:
        """See `Waivers`."""
        with self._database.read() as connection:
            found = _get(connection, number, codes)
            statement = select(trail).where(trail.c.target == found.number.target).order_by(trail.c.id)
            rows = connection.execute(statement).mappings().all()
        return [Step(row["at"], row["actor"], row["action"], from_json(row["detail"])) for row in rows]

    def request(self, draft: Draft, *, actor: str, codes: Codes, now: datetime) -> Waiver:
        """See `Waivers`."""
        today = now.astimezone(JST).date()
        check_draft(draft, today)
        if codes is not None and draft.department not in codes:
            raise DeniedError(_("自分の課の例外措置だけを申請できます。"))
        with self._database.write() as connection:
            if draft.renews:
                check_renewal(_get(connection, draft.renews, codes), draft)
            year = fiscal_year(today)
            last = select(func.max(waivers.c.running)).where(waivers.c.year == year)
            number = Number(year, (connection.execute(last).scalar() or 0) + 1)
            made = Waiver(number, draft, State.REQUESTED, actor, now)
            connection.execute(insert(waivers).values(_row(made)))
            _tell(connection, made, "requested", actor, now, _asked(draft))
        return made

    def decide(self, number: Number, decision: Decision, *, actor: str, codes: Codes, now: datetime) -> Waiver:
        """See `Waivers`."""
        with self._database.write() as connection:
            found = _get(connection, number, codes)
            check_decision(found, decision, actor, now.astimezone(JST).date())
            state = State.APPROVED if decision.approved else State.REFUSED
            made = replace(found, state=state, decision=decision, decided_by=actor)
            action = "approved" if decision.approved else "refused"
            detail = {"by": decision.decider, "on": decision.decided_on, "conditions": decision.conditions}
            _put(connection, made, action, actor, now, detail)
            if decision.approved and found.draft.renews:
                _renew(connection, found.draft.renews, number, actor, now)
        return made

    def withdraw(self, number: Number, note: str, *, actor: str, codes: Codes, now: datetime) -> Waiver:
        """See `Waivers`."""
        with self._database.write() as connection:
            found = _get(connection, number, codes)
            check_withdraw(found)
            made = replace(found, state=State.WITHDRAWN)
            _put(connection, made, "withdrawn", actor, now, {"note": note[:4000]})
        return made

    def revoke(self, number: Number, on: date, note: str, *, actor: str, codes: Codes, now: datetime) -> Waiver:
        """See `Waivers`."""
        with self._database.write() as connection:
            found = _get(connection, number, codes)
            check_revoke(found, on, note, now.astimezone(JST).date())
            made = replace(found, revoked_on=on)
            _put(connection, made, "revoked", actor, now, {"on": on, "note": note})
        return made

    def end(self, number: Number, on: date, note: str, *, actor: str, codes: Codes, now: datetime) -> Waiver:
        """See `Waivers`."""
        with self._database.write() as connection:
            found = _get(connection, number, codes)
            check_end(found, on, note, now.astimezone(JST).date())
            made = replace(found, state=State.ENDED, ended_on=on, ended_by=actor, ended_note=note)
            _put(connection, made, "ended", actor, now, {"on": on, "note": note})
        return made


def _renew(connection: Connection, old: Number, new: Number, actor: str, now: datetime) -> None:
    """The one before is renewed; where it was ended meanwhile, it stays ended."""
    found = _get(connection, old, None)
    if found.state is State.APPROVED and not found.renewed_by:
        made = replace(found, renewed_by=new)
        _put(connection, made, "renewed", actor, now, {"by": str(new)})


def _get(connection: Connection, number: Number, codes: Codes) -> Waiver:
    statement = select(waivers).where(waivers.c.year == number.year, waivers.c.running == number.running)
    if codes is not None:
        statement = statement.where(waivers.c.department.in_(sorted(codes)))
    row = connection.execute(statement).mappings().first()
    if row is None:
        raise NotFoundError(_("{number} はありません。").format(number=number.printed))
    return _waiver(row)


def _put(connection: Connection, made: Waiver, action: str, actor: str, now: datetime, detail: dict[str, Any]) -> None:
    here = (waivers.c.year == made.number.year) & (waivers.c.running == made.number.running)
    connection.execute(update(waivers).where(here).values(_row(made)))
    _tell(connection, made, action, actor, now, detail)


def _tell(connection: Connection, made: Waiver, action: str, actor: str, now: datetime, detail: dict[str, Any]) -> None:
    told(connection, actor=actor, action=f"exception.{action}", target=made.number.target, now=now, detail=detail)


def _asked(draft: Draft) -> dict[str, Any]:
    """What a request says, as the trail keeps it."""
    return {
        "department": draft.department,
        "clauses": draft.clauses,
        "subjects": [str(one) for one in draft.subjects],
        "reason": draft.reason,
        "measure": draft.measure,
        "begins": draft.begins,
        "ends": draft.ends,
        "renews": str(draft.renews or ""),
    }


def _row(one: Waiver) -> dict[str, Any]:
    draft, decision = one.draft, one.decision
    return {
        "year": one.number.year,
        "running": one.number.running,
        "department": draft.department,
        "state": one.state.value,
        "clauses": to_json(draft.clauses),
        "subjects": to_json([str(subject) for subject in draft.subjects]),
        "reason": draft.reason,
        "measure": draft.measure,
        "begins": draft.begins,
        "ends": draft.ends,
        "requested_by": one.requested_by,
        "requested_at": one.requested_at,
        "renews": str(draft.renews or ""),
        "approved": None if decision is None else int(decision.approved),
        "decider": decision.decider if decision else "",
        "decided_on": decision.decided_on if decision else None,
        "conditions": decision.conditions if decision else "",
        "decided_by": one.decided_by,
        "revoked_on": one.revoked_on,
        "ended_on": one.ended_on,
        "ended_by": one.ended_by,
        "ended_note": one.ended_note,
        "renewed_by": str(one.renewed_by or ""),
    }


def _waiver(row: RowMapping) -> Waiver:
    draft = Draft(
        department=row["department"],
        clauses=tuple(from_json(row["clauses"])),
        reason=row["reason"],
        measure=row["measure"],
        begins=row["begins"],
        ends=row["ends"],
        subjects=parse_subjects(from_json(row["subjects"])),
        renews=Number.parse(row["renews"]) if row["renews"] else None,
    )
    decision = None
    if row["approved"] is not None:
        decision = Decision(bool(row["approved"]), row["decider"], row["decided_on"], row["conditions"])
    return Waiver(
        number=Number(row["year"], row["running"]),
        draft=draft,
        state=State(row["state"]),
        requested_by=row["requested_by"],
        requested_at=row["requested_at"],
        decision=decision,
        decided_by=row["decided_by"],
        revoked_on=row["revoked_on"],
        ended_on=row["ended_on"],
        ended_by=row["ended_by"],
        ended_note=row["ended_note"],
        renewed_by=Number.parse(row["renewed_by"]) if row["renewed_by"] else None,
    )
