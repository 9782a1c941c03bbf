"""Workpapers, findings, improvement plans, horizontal checks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Up."""
    _fieldwork()
    _findings()
    _horizontals()


def _fieldwork() -> None:
    op.create_table(
        "audit_papers",
        sa.Column("sheet", ROW, nullable=False, autoincrement=False),
        sa.Column("item", sa.String(length=60), nullable=False),
        sa.Column("verdict", sa.String(length=20), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("preparer", sa.Text(), nullable=False),
        sa.Column("prepared_at", sa.BigInteger(), nullable=False),
        sa.Column("reviewer", sa.Text(), nullable=False),
        sa.Column("reviewed_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["sheet"], ["audit_sheets.id"], name="fk_audit_papers_sheet"),
        sa.PrimaryKeyConstraint("sheet", "item", name="pk_audit_papers"),
    )
    op.create_table(
        "audit_steps",
        sa.Column("id", ROW, nullable=False, autoincrement=True),
        sa.Column("sheet", ROW, nullable=False),
        sa.Column("step", sa.String(length=20), nullable=False),
        sa.Column("on", sa.String(length=10), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["sheet"], ["audit_sheets.id"], name="fk_audit_steps_sheet"),
        sa.PrimaryKeyConstraint("id", name="pk_audit_steps"),
    )
    op.create_index("ix_audit_steps_sheet", "audit_steps", ["sheet"])


def _findings() -> None:
    op.create_table(
        "audit_findings",
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("running", sa.Integer(), nullable=False),
        sa.Column("plan", sa.String(length=20), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("department", sa.String(length=40), nullable=False),
        sa.Column("department_name", sa.Text(), nullable=False),
        sa.Column("system", sa.String(length=40), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("next_due", sa.String(length=10), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("agreed", sa.Integer(), nullable=True),
        sa.Column("replied_by", sa.Text(), nullable=False),
        sa.Column("replied_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("number", name="pk_audit_findings"),
    )
    op.create_index("uq_audit_findings_running", "audit_findings", ["year", "running"], unique=True)
    op.create_index("ix_audit_findings_department", "audit_findings", ["department", "state"])


def _horizontals() -> None:
    op.create_table(
        "audit_horizontals",
        sa.Column("finding", sa.String(length=20), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("ordered_by", sa.Text(), nullable=False),
        sa.Column("ordered_on", sa.String(length=10), nullable=False),
        sa.Column("due", sa.String(length=10), nullable=False),
        sa.ForeignKeyConstraint(["finding"], ["audit_findings.number"], name="fk_audit_horizontals_finding"),
        sa.PrimaryKeyConstraint("finding", name="pk_audit_horizontals"),
    )
    op.create_table(
        "audit_horizontal_answers",
        sa.Column("finding", sa.String(length=20), nullable=False),
        sa.Column("department", sa.String(length=40), nullable=False),
        sa.Column("department_name", sa.Text(), nullable=False),
        sa.Column("answer", sa.String(length=20), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("due", sa.String(length=10), nullable=True),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["finding"], ["audit_horizontals.finding"], name="fk_audit_horizontal_answers_finding"),
        sa.PrimaryKeyConstraint("finding", "department", name="pk_audit_horizontal_answers"),
    )
