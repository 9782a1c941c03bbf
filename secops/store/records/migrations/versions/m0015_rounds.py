"""Audit plans, sheets of the self-inspection with their answers and evidence."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from secops.store.records.guard import only_grows

revision = "0015"
down_revision = "0014"

ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Up."""
    _plans()
    _sheets()
    _answers()
    only_grows("audit_answer_history")


def _plans() -> None:
    op.create_table(
        "audit_plans",
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("level", sa.String(length=20), nullable=False),
        sa.Column("first_year", sa.Integer(), nullable=False),
        sa.Column("above", sa.String(length=20), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=False),
        sa.Column("approved_on", sa.String(length=10), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_audit_plans"),
    )
    op.create_table(
        "audit_plan_units",
        sa.Column("plan", sa.String(length=20), nullable=False),
        sa.Column("department", sa.String(length=40), nullable=False),
        sa.Column("system", sa.String(length=40), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("audited", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("proposed", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["plan"], ["audit_plans.number"], name="fk_audit_plan_units_plan"),
        sa.PrimaryKeyConstraint("plan", "department", "system", name="pk_audit_plan_units"),
    )
    op.create_table(
        "audit_plan_auditors",
        sa.Column("plan", sa.String(length=20), nullable=False),
        sa.Column("department", sa.String(length=40), nullable=False),
        sa.Column("system", sa.String(length=40), nullable=False),
        sa.Column("person", sa.String(length=40), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("assigned_by", sa.Text(), nullable=False),
        sa.Column("assigned_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["plan"], ["audit_plans.number"], name="fk_audit_plan_auditors_plan"),
        sa.PrimaryKeyConstraint("plan", "department", "system", "person", name="pk_audit_plan_auditors"),
    )
    op.create_table(
        "audit_posts",
        sa.Column("person", sa.String(length=40), nullable=False),
        sa.Column("department", sa.String(length=40), nullable=False),
        sa.Column("begins", sa.String(length=10), nullable=False),
        sa.Column("ends", sa.String(length=10), nullable=True),
        sa.Column("concurrent", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("person", "department", "begins", name="pk_audit_posts"),
    )
    op.create_table(
        "audit_duties",
        sa.Column("person", sa.String(length=40), nullable=False),
        sa.Column("system", sa.String(length=40), nullable=False),
        sa.Column("begins", sa.String(length=10), nullable=False),
        sa.Column("ends", sa.String(length=10), nullable=True),
        sa.Column("duty", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("person", "system", "begins", name="pk_audit_duties"),
    )
    op.create_table(
        "audit_rounds",
        sa.Column("plan", sa.String(length=20), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("stage", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("catalogue", sa.Text(), nullable=False),
        sa.Column("due", sa.String(length=10), nullable=True),
        sa.Column("previous", sa.String(length=20), nullable=False),
        sa.Column("opened_by", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["plan"], ["audit_plans.number"], name="fk_audit_rounds_plan"),
        sa.PrimaryKeyConstraint("plan", name="pk_audit_rounds"),
    )


def _sheets() -> None:
    op.create_table(
        "audit_sheets",
        sa.Column("id", ROW, nullable=False, autoincrement=True),
        sa.Column("round", sa.String(length=20), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("department", sa.String(length=40), nullable=False),
        sa.Column("department_name", sa.Text(), nullable=False),
        sa.Column("system", sa.String(length=40), nullable=False),
        sa.Column("system_name", sa.Text(), nullable=False),
        sa.Column("division", sa.String(length=40), nullable=False),
        sa.Column("division_name", sa.Text(), nullable=False),
        sa.Column("items", sa.Text(), nullable=False),
        sa.Column("due", sa.String(length=10), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("entered_by", sa.Text(), nullable=False),
        sa.Column("entered_at", sa.BigInteger(), nullable=True),
        sa.Column("confirmed_by", sa.Text(), nullable=False),
        sa.Column("confirmed_at", sa.BigInteger(), nullable=True),
        sa.Column("returned_by", sa.Text(), nullable=False),
        sa.Column("returned_at", sa.BigInteger(), nullable=True),
        sa.Column("returned_reason", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("remarks", sa.Text(), nullable=False),
        sa.Column("respondents", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["round"], ["audit_rounds.plan"], name="fk_audit_sheets_round"),
        sa.PrimaryKeyConstraint("id", name="pk_audit_sheets"),
    )
    op.create_index("ix_audit_sheets_department", "audit_sheets", ["department"])
    op.create_index("uq_audit_sheets_unit", "audit_sheets", ["round", "kind", "department", "system"], unique=True)


def _answers() -> None:
    op.create_table(
        "audit_answers",
        sa.Column("sheet", ROW, nullable=False),
        sa.Column("item", sa.String(length=60), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String(length=20), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("improvement", sa.Text(), nullable=False),
        sa.Column("due", sa.String(length=10), nullable=True),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["sheet"], ["audit_sheets.id"], name="fk_audit_answers_sheet"),
        sa.PrimaryKeyConstraint("sheet", "item", name="pk_audit_answers"),
    )
    op.create_table(
        "audit_answer_history",
        sa.Column("sheet", ROW, nullable=False),
        sa.Column("item", sa.String(length=60), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String(length=20), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("improvement", sa.Text(), nullable=False),
        sa.Column("due", sa.String(length=10), nullable=True),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["sheet"], ["audit_sheets.id"], name="fk_audit_answer_history_sheet"),
        sa.PrimaryKeyConstraint("sheet", "item", "revision", name="pk_audit_answer_history"),
    )
    op.create_table(
        "audit_files",
        sa.Column("id", ROW, nullable=False, autoincrement=True),
        sa.Column("sheet", ROW, nullable=False),
        sa.Column("item", sa.String(length=60), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("withdrawn_by", sa.Text(), nullable=False),
        sa.Column("withdrawn_at", sa.BigInteger(), nullable=True),
        sa.Column("withdrawn_reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["sheet"], ["audit_sheets.id"], name="fk_audit_files_sheet"),
        sa.PrimaryKeyConstraint("id", name="pk_audit_files"),
    )
    op.create_index("ix_audit_files_sha256", "audit_files", ["sha256"])
    op.create_index("uq_audit_files_version", "audit_files", ["sheet", "item", "name", "version"], unique=True)
    op.create_table(
        "audit_staff_codes",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("sheet", ROW, nullable=False),
        sa.ForeignKeyConstraint(["sheet"], ["audit_sheets.id"], name="fk_audit_staff_codes_sheet"),
        sa.PrimaryKeyConstraint("digest", name="pk_audit_staff_codes"),
    )
    op.create_index("ix_audit_staff_codes_sheet", "audit_staff_codes", ["sheet"])
    op.create_table(
        "audit_staff_counts",
        sa.Column("sheet", ROW, nullable=False),
        sa.Column("item", sa.String(length=60), nullable=False),
        sa.Column("verdict", sa.String(length=20), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["sheet"], ["audit_sheets.id"], name="fk_audit_staff_counts_sheet"),
        sa.PrimaryKeyConstraint("sheet", "item", "verdict", name="pk_audit_staff_counts"),
    )
