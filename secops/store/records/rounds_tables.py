"""Tables of audit plans, and of the self-inspection: rounds, sheets, answers, evidence, the counts of the staff."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Table, Text

from secops.store.records.siem_tables import RowId
from secops.store.records.tables import Moment, metadata

NUMBER = 20  # characters of a plan's number
DAY = 10  # a date as ISO 8601
CODE = 40  # of a department or system

plans = Table(
    "audit_plans",
    metadata,
    Column("number", String(NUMBER), primary_key=True),
    Column("level", String(20), nullable=False),
    Column("first_year", Integer, nullable=False),
    Column("above", String(NUMBER), nullable=False),
    Column("body", Text, nullable=False),  # JSON: what a plan says beside its units and its approval
    Column("approved_by", Text, nullable=False),
    Column("approved_on", String(DAY)),
    Column("revision", Integer, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
)

plan_units = Table(
    "audit_plan_units",
    metadata,
    Column("plan", String(NUMBER), ForeignKey("audit_plans.number"), primary_key=True),
    Column("department", String(CODE), primary_key=True),
    Column("system", String(CODE), primary_key=True),
    Column("position", Integer, nullable=False),
    # Taken among those that are audited this year: by whom, why, and what the ranking said.
    Column("audited", Boolean, nullable=False),
    Column("note", Text, nullable=False),
    Column("proposed", Text, nullable=False),
    Column("decided_by", Text, nullable=False),
    Column("decided_at", Moment),
)

plan_auditors = Table(
    "audit_plan_auditors",
    metadata,
    Column("plan", String(NUMBER), ForeignKey("audit_plans.number"), primary_key=True),
    Column("department", String(CODE), primary_key=True),
    Column("system", String(CODE), primary_key=True),
    Column("person", String(CODE), primary_key=True),
    Column("name", Text, nullable=False),
    Column("login", Text, nullable=False),
    Column("notes", Text, nullable=False),  # JSON array
    Column("assigned_by", Text, nullable=False),
    Column("assigned_at", Moment, nullable=False),
)

# Appointments of the fieldwork: they are arranged, moved and called off after the plan was approved.
visits = Table(
    "audit_visits",
    metadata,
    Column("plan", String(NUMBER), ForeignKey("audit_plans.number"), primary_key=True),
    Column("department", String(CODE), primary_key=True),
    Column("system", String(CODE), primary_key=True),
    Column("begins", Moment, primary_key=True),
    Column("ends", Moment, nullable=False),
    Column("place", Text, nullable=False),
    Column("attendees", Text, nullable=False),  # JSON array
    Column("materials", Text, nullable=False),  # JSON array
    Column("noted_by", Text, nullable=False),
    Column("noted_at", Moment, nullable=False),
)

# Posts and duties that the inventory, which knows only today, does not tell.
posts = Table(
    "audit_posts",
    metadata,
    Column("person", String(CODE), primary_key=True),
    Column("department", String(CODE), primary_key=True),
    Column("begins", String(DAY), primary_key=True),
    Column("ends", String(DAY)),
    Column("concurrent", Boolean, nullable=False),
)

duties = Table(
    "audit_duties",
    metadata,
    Column("person", String(CODE), primary_key=True),
    Column("system", String(CODE), primary_key=True),
    Column("begins", String(DAY), primary_key=True),
    Column("ends", String(DAY)),
    Column("duty", Text, nullable=False),
)

rounds = Table(
    "audit_rounds",
    metadata,
    Column("plan", String(NUMBER), ForeignKey("audit_plans.number"), primary_key=True),
    Column("year", Integer, nullable=False),
    Column("stage", Integer, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("catalogue", Text, nullable=False),  # JSON: all items as they were
    Column("due", String(DAY)),
    Column("previous", String(NUMBER), nullable=False),
    Column("opened_by", Text, nullable=False),
    Column("opened_at", Moment, nullable=False),
)

sheets = Table(
    "audit_sheets",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("round", String(NUMBER), ForeignKey("audit_rounds.plan"), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("department", String(CODE), nullable=False),
    Column("department_name", Text, nullable=False),
    Column("system", String(CODE), nullable=False),
    Column("system_name", Text, nullable=False),
    Column("division", String(CODE), nullable=False),
    Column("division_name", Text, nullable=False),
    Column("items", Text, nullable=False),  # JSON array of ids
    Column("due", String(DAY)),
    Column("state", String(20), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("entered_by", Text, nullable=False),
    Column("entered_at", Moment),
    Column("confirmed_by", Text, nullable=False),
    Column("confirmed_at", Moment),
    Column("returned_by", Text, nullable=False),
    Column("returned_at", Moment),
    Column("returned_reason", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("remarks", Text, nullable=False),
    Column("respondents", Integer, nullable=False),  # of a sheet of the staff
    Index("uq_audit_sheets_unit", "round", "kind", "department", "system", unique=True),
    Index("ix_audit_sheets_department", "department"),
)


def _answer_columns() -> list[Column[object]]:
    return [
        Column("verdict", String(20), nullable=False),
        Column("note", Text, nullable=False),
        Column("reason", Text, nullable=False),
        Column("improvement", Text, nullable=False),
        Column("due", String(DAY)),
        Column("by", Text, nullable=False),
        Column("at", Moment, nullable=False),
    ]


answers = Table(
    "audit_answers",
    metadata,
    Column("sheet", RowId, ForeignKey("audit_sheets.id"), primary_key=True, autoincrement=False),
    Column("item", String(60), primary_key=True),
    Column("revision", Integer, nullable=False),
    *_answer_columns(),
)

# Every revision of every answer; the database refuses to change a row (`guard`).
answer_history = Table(
    "audit_answer_history",
    metadata,
    Column("sheet", RowId, ForeignKey("audit_sheets.id"), primary_key=True, autoincrement=False),
    Column("item", String(60), primary_key=True),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    *_answer_columns(),
)

evidence_files = Table(
    "audit_files",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("sheet", RowId, ForeignKey("audit_sheets.id"), nullable=False),
    Column("item", String(60), nullable=False),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("kind", String(10), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("by", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("withdrawn_by", Text, nullable=False),
    Column("withdrawn_at", Moment),
    Column("withdrawn_reason", Text, nullable=False),
    Index("uq_audit_files_version", "sheet", "item", "name", "version", unique=True),
    Index("ix_audit_files_sha256", "sha256"),
)

# One-time codes of the staff, as hashes; a used one is deleted, so that nothing joins a code and an answer.
staff_codes = Table(
    "audit_staff_codes",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("sheet", RowId, ForeignKey("audit_sheets.id"), nullable=False),
    Index("ix_audit_staff_codes_sheet", "sheet"),
)

staff_counts = Table(
    "audit_staff_counts",
    metadata,
    Column("sheet", RowId, ForeignKey("audit_sheets.id"), primary_key=True, autoincrement=False),
    Column("item", String(60), primary_key=True),
    Column("verdict", String(20), primary_key=True),
    Column("count", Integer, nullable=False),
)
