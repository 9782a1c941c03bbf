"""Plans of the audit in the records: drafts, who is audited, approval, auditors with their independence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from secops.errors import ConflictError, NotFoundError, UsageError
from secops.isms.audit.frozen import freeze
from secops.isms.audit.independence import Engagement, Organisation, Post, SystemDuty, require_independent
from secops.isms.audit.plans import check_plan, check_visit, next_number
from secops.isms.audit.ports import Appointment, Assignment, Opening, PlanRecord, Viewer
from secops.isms.audit.round import Phase, Plan, PlanLevel, Unit, Visit
from secops.isms.audit.sheets import NewSheet, Place, SheetState, cleaned, sheets_of
from secops.locale import _
from secops.store.records import rounds_tables as t
from secops.store.records.audit_rows import day, iso, plan_of, plan_row
from secops.store.records.codec import to_json
from secops.store.records.engine import Database, run_many
from secops.store.records.trail import note


class SqlPlans:
    """See `secops.isms.audit.ports.PlanDesk`."""

    _database: Database

    def plans(self, viewer: Viewer, *, level: PlanLevel | None = None, year: int | None = None) -> Sequence[PlanRecord]:
        """Plans, the newest first."""
        with self._database.read() as connection:
            found = _seen(_plans(connection), viewer)
        return [
            one
            for one in found
            if (level is None or one.plan.level is level)
            and (year is None or one.plan.years[0] <= year <= one.plan.years[1])
        ]

    def plan(self, number: str, viewer: Viewer) -> PlanRecord:
        """One plan."""
        with self._database.read() as connection:
            found = _seen(_plans(connection), viewer)
        one = next((one for one in found if one.plan.number == number), None)
        if one is None:
            raise NotFoundError(_("監査計画 {number} はありません。").format(number=number))
        return one

    def create_plan(self, plan: Plan, *, actor: str, now: datetime) -> PlanRecord:
        """A draft; without a number it gets the next one."""
        with self._database.write() as connection:
            taken = set(connection.execute(select(t.plans.c.number)).scalars())
            number = plan.number or next_number(plan, taken)
            if number in taken or not number:
                what = _("監査計画 {number} はすでにあります。")
                raise ConflictError(what.format(number=number or plan.years[0]))
            plan = replace(plan, number=number, approved_by="", approved_on=None)
            check_plan(plan, _above(connection, plan))
            first = {"approved_by": "", "revision": 1, "created_by": actor, "created_at": now}
            connection.execute(insert(t.plans).values(**plan_row(plan), **first))
            _put_units(connection, plan, (), actor, now)
            _note(connection, "plan.created", number, actor, now, title=plan.title, units=len(plan.units))
            return _plan(connection, number)

    def change_plan(self, plan: Plan, *, revision: int, actor: str, now: datetime) -> PlanRecord:
        """Another text of a draft."""
        with self._database.write() as connection:
            before = _draft(connection, plan.number)
            if before.revision != revision:
                raise ConflictError(_("ほかの人がこの計画を変えました。開き直して、もう一度変えてください。"))
            check_plan(plan, _above(connection, plan))
            values = {**plan_row(plan), "revision": revision + 1}
            connection.execute(update(t.plans).where(t.plans.c.number == plan.number).values(values))
            _put_units(connection, plan, [before], actor, now)
            _note(connection, "plan.changed", plan.number, actor, now, revision=revision + 1, units=len(plan.units))
            return _plan(connection, plan.number)

    def drop_plan(self, number: str, *, reason: str, actor: str, now: datetime) -> None:
        """Take a draft away; the trail keeps what it was."""
        with self._database.write() as connection:
            plan = _draft(connection, number).plan
            if not (reason := cleaned(reason)):
                raise UsageError(_("案を削除する理由を書いてください。"))
            if below := [one.plan.number for one in _plans(connection) if one.plan.above == number]:
                text = _("この計画の下に計画があります({numbers})。先にそちらを削除してください。")
                raise ConflictError(text.format(numbers="、".join(below)))
            for table in (t.plan_units, t.plan_auditors, t.visits):
                connection.execute(delete(table).where(table.c.plan == number))
            connection.execute(delete(t.plans).where(t.plans.c.number == number))
            units = [str(one) for one in plan.units]
            _note(connection, "plan.dropped", number, actor, now, reason=reason, title=plan.title, units=units)

    def decide(
        self, number: str, unit: Unit, *, chosen: bool, note: str, proposed: str, actor: str, now: datetime
    ) -> PlanRecord:
        """Take a unit among those audited this year, or out again."""
        with self._database.write() as connection:
            before = _draft(connection, number)
            if before.plan.level is not PlanLevel.ANNUAL:
                raise UsageError(_("監査対象を選ぶのは年度計画です。"))
            if unit not in before.plan.units:
                text = _("{unit} は、この計画の監査単位にありません。")
                raise UsageError(text.format(unit=unit))
            said = {"audited": chosen, "note": cleaned(note), "proposed": proposed, "decided_by": actor}
            here = _of_unit(t.plan_units, number, unit)
            connection.execute(update(t.plan_units).where(here).values(**said, decided_at=now))
            _note(connection, "plan.decided", number, actor, now, unit=str(unit), chosen=chosen, note=cleaned(note))
            return _plan(connection, number)

    def approve(
        self, number: str, *, by: str, on: date, actor: str, now: datetime, opening: Opening | None = None
    ) -> PlanRecord:
        """Put a draft in force; an annual plan opens its round."""
        with self._database.write() as connection:
            plan = _draft(connection, number).plan
            if not (by := cleaned(by)):
                raise UsageError(_("承認した会議又は人(例: 情報セキュリティ委員会)を書いてください。"))
            above = _above(connection, plan)
            if above is not None and above.approved_on is None:
                raise ConflictError(_("上位の計画 {number} がまだ承認されていません。").format(number=above.number))
            check_plan(plan, above)
            values = {"approved_by": by, "approved_on": iso(on)}
            connection.execute(update(t.plans).where(t.plans.c.number == number).values(values))
            _note(connection, "plan.approved", number, actor, now, by=by, on=iso(on))
            if plan.level is PlanLevel.ANNUAL and Phase.SELF_INSPECTION in plan.phases:
                _open_round(connection, plan, opening, actor, now)
            return _plan(connection, number)

    def assign(
        self, number: str, who: Appointment, engagement: Engagement, org: Organisation, *, actor: str, now: datetime
    ) -> Assignment:
        """An auditor for a unit, if independent of it."""
        with self._database.write() as connection:
            plan = _plan(connection, number).plan
            if who.unit not in plan.units:
                what = _("{unit} は、この計画の監査単位にありません。")
                raise UsageError(what.format(unit=who.unit))
            held = [*_posts(connection, who.person), *who.posts]
            notes = require_independent(who.person, engagement, held, _duties(connection, who.person), org)
            key = {"plan": number, "department": who.unit.department, "system": who.unit.system, "person": who.person}
            connection.execute(
                delete(t.plan_auditors).where(
                    _of_unit(t.plan_auditors, number, who.unit), t.plan_auditors.c.person == who.person
                )
            )
            said = {"name": who.name, "login": who.login, "notes": to_json(notes), "assigned_by": actor}
            connection.execute(insert(t.plan_auditors).values(**key, **said, assigned_at=now))
            detail = {"unit": str(who.unit), "person": who.person, "login": who.login, "notes": len(notes)}
            _note(connection, "auditor.assigned", number, actor, now, **detail)
        return Assignment(who.unit, who.person, who.name, who.login, notes, actor, now)

    def unassign(self, number: str, unit: Unit, person: str, *, actor: str, now: datetime) -> None:
        """Take an auditor off a unit."""
        here = _of_unit(t.plan_auditors, number, unit)
        with self._database.write() as connection:
            gone = connection.execute(delete(t.plan_auditors).where(here, t.plan_auditors.c.person == person))
            if not gone.rowcount:
                what = _("{person} は {unit} の監査人になっていません。")
                raise NotFoundError(what.format(person=person, unit=unit))
            _note(connection, "auditor.removed", number, actor, now, unit=str(unit), person=person)

    def plan_visit(self, number: str, visit: Visit, *, actor: str, now: datetime) -> PlanRecord:
        """An appointment of the fieldwork."""
        people = [text for one in visit.attendees if (text := cleaned(one))]
        papers = [text for one in visit.materials if (text := cleaned(one))]
        visit = replace(visit, place=cleaned(visit.place), attendees=tuple(people), materials=tuple(papers))
        with self._database.write() as connection:
            check_visit(visit, _plan(connection, number).plan)
            connection.execute(delete(t.visits).where(_of_visit(number, visit.unit, visit.begins)))
            key = {"plan": number, "department": visit.unit.department, "system": visit.unit.system}
            texts = {"place": visit.place, "attendees": to_json(people), "materials": to_json(papers)}
            days = {"begins": visit.begins, "ends": visit.ends, "noted_by": actor, "noted_at": now}
            connection.execute(insert(t.visits).values(**key, **texts, **days))
            detail = {"unit": str(visit.unit), "begins": visit.begins.isoformat(), "place": visit.place}
            _note(connection, "visit.planned", number, actor, now, **detail)
            return _plan(connection, number)

    def drop_visit(self, number: str, unit: Unit, begins: datetime, *, actor: str, now: datetime) -> PlanRecord:
        """Call an appointment off."""
        with self._database.write() as connection:
            if not connection.execute(delete(t.visits).where(_of_visit(number, unit, begins))).rowcount:
                raise NotFoundError(_("{unit} のその日時の予定はありません。").format(unit=unit))
            _note(connection, "visit.dropped", number, actor, now, unit=str(unit), begins=begins.isoformat())
            return _plan(connection, number)

    def add_posts(self, posts: Iterable[Post], duties: Iterable[SystemDuty], *, actor: str, now: datetime) -> int:
        """Earlier posts and duties; what is there already is not added twice."""
        with self._database.write() as connection:
            new_posts = [one for one in posts if one not in _posts(connection, one.person)]
            new_duties = [one for one in duties if one not in _duties(connection, one.person)]
            for table, found in ((t.posts, new_posts), (t.duties, new_duties)):
                for one in found:
                    _replace_held(connection, table, one)
            if count := len(new_posts) + len(new_duties):
                people = sorted({*(one.person for one in new_posts), *(one.person for one in new_duties)})
                note(
                    connection,
                    actor=actor,
                    action="posts.added",
                    target="audit posts",
                    now=now,
                    detail={"people": people, "count": count},
                )
        return count

    def posts(self, person: str = "") -> Sequence[Post]:
        """Recorded posts."""
        with self._database.read() as connection:
            return _posts(connection, person)

    def duties(self, person: str = "") -> Sequence[SystemDuty]:
        """Recorded duties for systems."""
        with self._database.read() as connection:
            return _duties(connection, person)


def _note(connection: Connection, action: str, number: str, actor: str, now: datetime, **detail: Any) -> None:
    note(connection, actor=actor, action=action, target=f"plan {number}", now=now, detail=detail)


def _of_unit(table: Any, number: str, unit: Unit) -> Any:
    columns = table.c
    return (columns.plan == number) & (columns.department == unit.department) & (columns.system == unit.system)


def _of_visit(number: str, unit: Unit, begins: datetime) -> Any:
    return _of_unit(t.visits, number, unit) & (t.visits.c.begins == begins)


def _plans(connection: Connection) -> list[PlanRecord]:
    """All plans: there are some dozens of them in the life of a ward."""
    order = (t.plans.c.first_year.desc(), t.plans.c.created_at.desc(), t.plans.c.number)
    rows = connection.execute(select(t.plans).order_by(*order)).mappings().all()
    units = connection.execute(select(t.plan_units).order_by(t.plan_units.c.position)).mappings().all()
    by_person = select(t.plan_auditors).order_by(t.plan_auditors.c.assigned_at, t.plan_auditors.c.person)
    people = connection.execute(by_person).mappings().all()
    by_time = select(t.visits).order_by(t.visits.c.begins, t.visits.c.department, t.visits.c.system)
    visits = connection.execute(by_time).mappings().all()
    return [
        plan_of(
            row,
            [one for one in units if one["plan"] == row["number"]],
            [one for one in people if one["plan"] == row["number"]],
            [one for one in visits if one["plan"] == row["number"]],
        )
        for row in rows
    ]


def _plan(connection: Connection, number: str) -> PlanRecord:
    found = next((one for one in _plans(connection) if one.plan.number == number), None)
    if found is None:
        raise NotFoundError(_("監査計画 {number} はありません。").format(number=number))
    return found


def _seen(found: Sequence[PlanRecord], viewer: Viewer) -> list[PlanRecord]:
    """What an auditor is part of, with the plans above; all of it for everybody else who may see plans."""
    if not viewer.assigned:
        return list(found)
    above = {one.plan.number: one.plan.above for one in found}
    seen: set[str] = set()
    for one in found:
        number = one.plan.number if any(who.login == viewer.name for who in one.assignments) else ""
        while number and number not in seen:
            seen.add(number)
            number = above.get(number, "")
    return [one for one in found if one.plan.number in seen]


def _draft(connection: Connection, number: str) -> PlanRecord:
    found = _plan(connection, number)
    if found.approved:
        what = _("監査計画 {number} は承認されています。変えられません。計画外の監査は特命監査として作ってください。")
        raise ConflictError(what.format(number=number))
    return found


def _above(connection: Connection, plan: Plan) -> Plan | None:
    found = (one.plan for one in _plans(connection) if one.plan.number == plan.above)
    return next(found, None) if plan.above else None


def _put_units(connection: Connection, plan: Plan, before: Sequence[PlanRecord], actor: str, now: datetime) -> None:
    """The units as they are now; what was decided of a unit that stays is kept."""
    decided = {one.unit: one for record in before for one in record.decisions}
    connection.execute(delete(t.plan_units).where(t.plan_units.c.plan == plan.number))
    rows = []
    for position, unit in enumerate(plan.units):
        was, audited = decided.get(unit), unit in plan.audited
        rows.append(
            {
                "plan": plan.number,
                "department": unit.department,
                "system": unit.system,
                "position": position,
                "audited": audited,
                "note": was.note if was else "",
                "proposed": was.proposed if was else "",
                "decided_by": was.by if was else (actor if audited else ""),
                "decided_at": was.at if was else (now if audited else None),
            }
        )
    run_many(connection, insert(t.plan_units), rows)


def _open_round(connection: Connection, plan: Plan, opening: Opening | None, actor: str, now: datetime) -> None:
    if opening is None or not plan.units:
        raise UsageError(_("年度計画に監査単位がありません。先に secops audit plan units で加えてください。"))
    before = select(func.max(t.rounds.c.year)).where(t.rounds.c.year < plan.years[0]).scalar_subquery()
    previous = connection.execute(select(t.rounds.c.plan).where(t.rounds.c.year == before)).scalar() or ""
    connection.execute(
        insert(t.rounds).values(
            plan=plan.number,
            year=plan.years[0],
            stage=plan.stage,
            digest=opening.catalogue.digest,
            catalogue=freeze(opening.catalogue),
            due=iso(plan.due),
            previous=previous,
            opened_by=actor,
            opened_at=now,
        )
    )
    made = sheets_of(plan, opening.catalogue, opening.places)
    for one in made:
        connection.execute(insert(t.sheets).values(_sheet_row(plan, one)))
    detail = {"sheets": len(made), "catalogue": opening.catalogue.digest, "items": len(opening.catalogue.items)}
    _note(connection, "round.opened", plan.number, actor, now, **detail)


def _sheet_row(plan: Plan, sheet: NewSheet) -> dict[str, Any]:
    place: Place = sheet.place
    empty = ("entered_by", "confirmed_by", "returned_by", "returned_reason", "summary", "remarks")
    return {
        **dict.fromkeys(empty, ""),
        "round": plan.number,
        "kind": sheet.kind.value,
        "department": place.unit.department,
        "department_name": place.department,
        "system": place.unit.system,
        "system_name": place.system,
        "division": place.division,
        "division_name": place.division_name,
        "items": to_json(sheet.items),
        "due": iso(plan.due),
        "state": SheetState.OPEN.value,
        "revision": 0,
        "respondents": 0,
    }


def _posts(connection: Connection, person: str) -> list[Post]:
    statement = select(t.posts).order_by(t.posts.c.person, t.posts.c.begins)
    if person:
        statement = statement.where(t.posts.c.person == person)
    return [
        Post(row["person"], row["department"], date.fromisoformat(row["begins"]), day(row["ends"]), row["concurrent"])
        for row in connection.execute(statement).mappings()
    ]


def _duties(connection: Connection, person: str) -> list[SystemDuty]:
    statement = select(t.duties).order_by(t.duties.c.person, t.duties.c.begins)
    if person:
        statement = statement.where(t.duties.c.person == person)
    return [
        SystemDuty(row["person"], row["system"], row["duty"], date.fromisoformat(row["begins"]), day(row["ends"]))
        for row in connection.execute(statement).mappings()
    ]


def _replace_held(connection: Connection, table: Any, one: Post | SystemDuty) -> None:
    """Add it; the same post begun on the same day gets its new end."""
    if one.ends is not None and one.ends < one.begins:
        what = _("{person}: 終わりの日({ends})が始まりの日({begins})より前です。")
        raise UsageError(what.format(person=one.person, begins=one.begins, ends=one.ends))
    key = {"person": one.person, "begins": iso(one.begins)}
    if isinstance(one, Post):
        key["department"], more = one.department, {"ends": iso(one.ends), "concurrent": one.concurrent}
    else:
        key["system"], more = one.system, {"ends": iso(one.ends), "duty": one.duty}
    connection.execute(delete(table).where(*(table.c[name] == value for name, value in key.items())))
    connection.execute(insert(table).values(**key, **more))
