"""Rows of the tables of rounds and the values of `secops.isms.audit`: one place that knows both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from sqlalchemy import Row, RowMapping

from secops.isms.audit.frozen import thaw
from secops.isms.audit.model import Verdict
from secops.isms.audit.ports import Assignment, Decision, PlanRecord, Round
from secops.isms.audit.round import Conduct, Phase, Plan, PlanLevel, Unit, Visit
from secops.isms.audit.sheets import Answer, EvidenceFile, Place, Sheet, SheetKind, SheetState
from secops.store.records.codec import from_json, to_json

Rows = Iterable[RowMapping]


def day(text: str | None) -> date | None:
    """A date as a column has it."""
    return date.fromisoformat(text) if text else None


def iso(value: date | None) -> str | None:
    """A date for a column."""
    return value.isoformat() if value else None


def plan_row(plan: Plan) -> dict[str, Any]:
    """What of a plan is not its units and not its approval."""
    body = {
        "title": plan.title,
        "last_year": plan.years[1],
        "conduct": plan.conduct.value,
        "stage": plan.stage,
        "purpose": plan.purpose,
        "theme": plan.theme,
        "auditors": plan.auditors,
        "phases": [one.value for one in plan.phases],
        "begins": iso(plan.begins),
        "ends": iso(plan.ends),
        "period": [iso(one) for one in plan.period] if plan.period else None,
        "office": plan.office,
        "due": iso(plan.due),
    }
    return {
        "number": plan.number,
        "level": plan.level.value,
        "first_year": plan.years[0],
        "above": plan.above,
        "body": to_json(body),
    }


def plan_of(row: RowMapping, units: Rows, auditors: Rows, visits: Rows = ()) -> PlanRecord:
    """A plan with its units (in order), auditors and appointments."""
    body, listed, assigned = from_json(row["body"]), list(units), [_assignment(one) for one in auditors]
    period = [day(one) for one in body["period"]] if body["period"] else []
    plan = Plan(
        number=row["number"],
        level=PlanLevel(row["level"]),
        title=body["title"],
        years=(row["first_year"], body["last_year"]),
        conduct=Conduct(body["conduct"]),
        stage=body["stage"],
        purpose=body["purpose"],
        theme=body["theme"],
        units=tuple(_unit(one) for one in listed),
        auditors=tuple(dict.fromkeys([*body["auditors"], *(one.name for one in assigned)])),
        phases=tuple(Phase(one) for one in body["phases"]),
        begins=day(body["begins"]),
        ends=day(body["ends"]),
        period=(period[0], period[1]) if len(period) == 2 and period[0] and period[1] else None,
        above=row["above"],
        approved_by=row["approved_by"],
        approved_on=day(row["approved_on"]),
        audited=tuple(_unit(one) for one in listed if one["audited"]),
        office=body["office"],
        due=day(body["due"]),
    )
    decisions = [
        Decision(_unit(one), one["note"], one["proposed"], one["decided_by"], one["decided_at"])
        for one in listed
        if one["decided_at"] is not None
    ]
    return PlanRecord(
        plan,
        row["revision"],
        row["created_by"],
        row["created_at"],
        tuple(decisions),
        tuple(assigned),
        tuple(_visit(one) for one in visits),
    )


def _unit(row: RowMapping) -> Unit:
    return Unit(row["department"], row["system"])


def _visit(row: RowMapping) -> Visit:
    people, papers = from_json(row["attendees"]), from_json(row["materials"])
    return Visit(_unit(row), row["begins"], row["ends"], row["place"], tuple(people), tuple(papers))


def _assignment(row: RowMapping) -> Assignment:
    return Assignment(
        _unit(row),
        row["person"],
        row["name"],
        row["login"],
        tuple(from_json(row["notes"])),
        row["assigned_by"],
        row["assigned_at"],
    )


def round_of(row: RowMapping) -> Round:
    """A round with its frozen catalogue."""
    return Round(
        number=row["plan"],
        year=row["year"],
        stage=row["stage"],
        catalogue=thaw(row["catalogue"]),
        due=day(row["due"]),
        previous=row["previous"],
        opened_by=row["opened_by"],
        opened_at=row["opened_at"],
    )


def sheet_of(row: RowMapping, counts: Mapping[Verdict, int], codes: int) -> Sheet:
    """A sheet; ``row`` has the year of its round too."""
    unit = Unit(row["department"], row["system"])
    return Sheet(
        number=row["id"],
        round=row["round"],
        year=row["year"],
        kind=SheetKind(row["kind"]),
        place=Place(unit, row["department_name"], row["system_name"], row["division"], row["division_name"]),
        items=tuple(from_json(row["items"])),
        due=day(row["due"]),
        state=SheetState(row["state"]),
        codes_left=codes,
        counts=counts,
        **{
            name: row[name]
            for name in (
                *("revision", "entered_by", "entered_at", "confirmed_by", "confirmed_at", "returned_by"),
                *("returned_at", "returned_reason", "summary", "remarks", "respondents"),
            )
        },
    )


def answer_of(row: RowMapping | Row[Any]) -> Answer:
    """An answer of either table."""
    found = row if isinstance(row, RowMapping) else row._mapping
    return Answer(
        item=found["item"],
        verdict=Verdict(found["verdict"]),
        note=found["note"],
        reason=found["reason"],
        improvement=found["improvement"],
        due=day(found["due"]),
        revision=found["revision"],
        by=found["by"],
        at=found["at"],
    )


def answer_row(sheet: int, answer: Answer) -> dict[str, Any]:
    """An answer for either table."""
    return {
        "sheet": sheet,
        "item": answer.item,
        "revision": answer.revision,
        "verdict": answer.verdict.value,
        "note": answer.note,
        "reason": answer.reason,
        "improvement": answer.improvement,
        "due": iso(answer.due),
        "by": answer.by,
        "at": answer.at,
    }


def file_of(row: RowMapping) -> EvidenceFile:
    """A version of a file."""
    return EvidenceFile(**{("number" if name == "id" else name): row[name] for name in row})
