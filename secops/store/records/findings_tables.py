"""Tables of the fieldwork: confirmed values, steps, findings, horizontal checks."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, Text

from secops.store.records.rounds_tables import CODE, DAY, NUMBER
from secops.store.records.siem_tables import RowId
from secops.store.records.tables import Moment, metadata

papers = Table(
    "audit_papers",
    metadata,
    Column("sheet", RowId, ForeignKey("audit_sheets.id"), primary_key=True, autoincrement=False),
    Column("item", String(60), primary_key=True),
    Column("verdict", String(20), nullable=False),
    Column("body", Text, nullable=False),  # JSON: result, procedure, sample, evidence
    Column("revision", Integer, nullable=False),
    Column("preparer", Text, nullable=False),
    Column("prepared_at", Moment, nullable=False),
    Column("reviewer", Text, nullable=False),
    Column("reviewed_at", Moment),
)

steps = Table(
    "audit_steps",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("sheet", RowId, ForeignKey("audit_sheets.id"), nullable=False),
    Column("step", String(20), nullable=False),
    Column("on", String(DAY), nullable=False),
    Column("note", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Index("ix_audit_steps_sheet", "sheet"),
)

# What is searched has a column; the words of a finding and its measures are JSON.
findings = Table(
    "audit_findings",
    metadata,
    Column("number", String(NUMBER), primary_key=True),
    Column("year", Integer, nullable=False),
    Column("running", Integer, nullable=False),
    Column("plan", String(NUMBER), nullable=False),  # empty: from outside
    Column("kind", String(30), nullable=False),
    Column("state", String(20), nullable=False),
    Column("department", String(CODE), nullable=False),
    Column("department_name", Text, nullable=False),
    Column("system", String(CODE), nullable=False),
    Column("title", Text, nullable=False),
    Column("next_due", String(DAY)),  # of the measures that wait
    Column("body", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("agreed", Integer),
    Column("replied_by", Text, nullable=False),
    Column("replied_at", Moment),
    Index("uq_audit_findings_running", "year", "running", unique=True),
    Index("ix_audit_findings_department", "department", "state"),
)

horizontals = Table(
    "audit_horizontals",
    metadata,
    Column("finding", String(NUMBER), ForeignKey("audit_findings.number"), primary_key=True),
    Column("question", Text, nullable=False),
    Column("ordered_by", Text, nullable=False),
    Column("ordered_on", String(DAY), nullable=False),
    Column("due", String(DAY), nullable=False),
)

horizontal_answers = Table(
    "audit_horizontal_answers",
    metadata,
    Column("finding", String(NUMBER), ForeignKey("audit_horizontals.finding"), primary_key=True),
    Column("department", String(CODE), primary_key=True),
    Column("department_name", Text, nullable=False),
    Column("answer", String(20)),
    Column("text", Text, nullable=False),
    Column("due", String(DAY)),
    Column("by", Text, nullable=False),
    Column("at", Moment),
)
