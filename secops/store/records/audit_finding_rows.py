"""Rows of findings and workpapers and their values: one place that knows both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import date
from typing import Any

from sqlalchemy import RowMapping

from secops.isms.audit.findings_ports import FindingRecord, PaperRecord
from secops.isms.audit.model import Method, Verdict
from secops.isms.audit.round import Action, ActionState, Finding, FindingKind, FindingState
from secops.isms.audit.sampling import Sample
from secops.isms.audit.workpaper import Evidence, Workpaper
from secops.store.records.audit_rows import day, iso
from secops.store.records.codec import from_json, to_json

# What has a column of its own, or none at all.
_COLUMNS = {"number", "kind", "state", "department", "system", "title"}


def finding_row(finding: Finding) -> dict[str, Any]:
    """A finding for its table, without who wrote it when."""
    body = {one.name: getattr(finding, one.name) for one in fields(finding) if one.name not in _COLUMNS}
    body["evidence"] = [asdict(one) for one in finding.evidence]
    body["actions"] = [_plain(one) for one in finding.actions]
    body["opened_on"], body["closed_on"] = iso(finding.opened_on), iso(finding.closed_on)
    return {
        "number": finding.number,
        "kind": finding.kind.value,
        "state": finding.state.value,
        "department": finding.department,
        "system": finding.system,
        "title": finding.title,
        "next_due": iso(finding.next_due),
        "body": to_json(body),
    }


def _plain(action: Action) -> dict[str, Any]:
    found = asdict(action)
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in found.items()}


def record_of(row: Mapping[Any, Any] | RowMapping) -> FindingRecord:
    """A finding as it is kept."""
    body = from_json(row["body"])
    finding = Finding(
        number=row["number"],
        kind=FindingKind(row["kind"]),
        state=FindingState(row["state"]),
        department=row["department"],
        system=row["system"],
        title=row["title"],
        **{
            **body,
            "clauses": tuple(body["clauses"]),
            "evidence": _evidence(body["evidence"]),
            "actions": tuple(_action(one) for one in body["actions"]),
            "opened_on": day(body["opened_on"]),
            "closed_on": day(body["closed_on"]),
        },
    )
    names = ("year", "plan", "revision", "department_name", "created_by", "created_at", "replied_by", "replied_at")
    agreed = None if row["agreed"] is None else bool(row["agreed"])
    return FindingRecord(finding, agreed=agreed, **{name: row[name] for name in names})


def _action(said: Mapping[str, Any]) -> Action:
    days = {name: day(said[name]) for name in ("due", "done_on", "checked_on")}
    made = {**said, **days, "state": ActionState(said["state"]), "evidence": _evidence(said["evidence"])}
    return Action(**made)


def _evidence(said: list[Mapping[str, str]]) -> tuple[Evidence, ...]:
    return tuple(Evidence(**one) for one in said)


def paper_body(
    result: str, procedure: Mapping[Method, str], sample: Sample | None, evidence: tuple[Evidence, ...]
) -> str:
    """What a paper says beside its verdict."""
    return to_json(
        {
            "result": result,
            "procedure": {method.value: text for method, text in procedure.items()},
            "sample": asdict(sample) if sample else None,
            "evidence": [asdict(one) for one in evidence],
        }
    )


# Twelve thousand papers are read for one map: a look-up costs a tenth of what an enumeration's call costs.
_VERDICTS = {one.value: one for one in Verdict}
_METHODS = {one.value: one for one in Method}


def paper_of(sheet: int, opened: Workpaper, row: RowMapping | None, note: str) -> PaperRecord:
    """The paper of an item: what was declared, and what an auditor wrote where one did.

    Evidence of the unit stands before that of the auditor.
    """
    if row is None:
        return PaperRecord(sheet, opened, note=note)
    body = from_json(row["body"])
    sample = body["sample"]
    paper = Workpaper(
        item=opened.item,
        department=opened.department,
        system=opened.system,
        declared=opened.declared,
        confirmed=_VERDICTS[row["verdict"]],
        objective=opened.objective,
        procedure={_METHODS[name]: text for name, text in body["procedure"].items()} or opened.procedure,
        sample=Sample(**{**sample, "members": tuple(sample["members"])}) if sample else None,
        result=body["result"],
        evidence=(*opened.evidence, *_evidence(body["evidence"])),
        preparer=row["preparer"],
        reviewer=row["reviewer"],
    )
    return PaperRecord(sheet, paper, row["revision"], row["prepared_at"], row["reviewed_at"], note=note)
