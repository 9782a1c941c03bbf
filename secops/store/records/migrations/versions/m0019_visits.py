"""Appointments of the fieldwork."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Up."""
    op.create_table(
        "audit_visits",
        sa.Column("plan", sa.String(length=20), nullable=False),
        sa.Column("department", sa.String(length=40), nullable=False),
        sa.Column("system", sa.String(length=40), nullable=False),
        sa.Column("begins", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("ends", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("attendees", sa.Text(), nullable=False),
        sa.Column("materials", sa.Text(), nullable=False),
        sa.Column("noted_by", sa.Text(), nullable=False),
        sa.Column("noted_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("plan", "department", "system", "begins", name="pk_audit_visits"),
        sa.ForeignKeyConstraint(["plan"], ["audit_plans.number"], name="fk_audit_visits_plan"),
    )
