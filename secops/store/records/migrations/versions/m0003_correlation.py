"""Inputs of correlations, how far their sources are, and where the keeper is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Up."""
    op.create_table(
        "correlation_inputs",
        sa.Column("id", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("ledger", sa.String(length=10), nullable=False),
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("derived", sa.Boolean(), nullable=False),
        sa.Column("settled", sa.Boolean(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_correlation_inputs"),
    )
    op.create_index("uq_correlation_inputs", "correlation_inputs", ["ledger", "event_id", "rule_id"], unique=True)
    op.create_index("ix_correlation_inputs_time", "correlation_inputs", ["ledger", "time", "id"])
    op.create_index("ix_correlation_inputs_place", "correlation_inputs", ["ledger", "source", "seq"])
    op.create_table(
        "correlation_clocks",
        sa.Column("ledger", sa.String(length=10), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ledger", "source", name="pk_correlation_clocks"),
    )
    op.create_table(
        "correlation_state",
        sa.Column("ledger", sa.String(length=10), nullable=False),
        sa.Column("cursor", sa.BigInteger(), nullable=False),
        sa.Column("watermark", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("ledger", name="pk_correlation_state"),
    )
    counters = sa.table("counters", sa.column("name"), sa.column("value"))
    op.bulk_insert(counters, [{"name": "input", "value": 0}])
