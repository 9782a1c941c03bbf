"""What was done in the policy and audit wing: a table that only grows, each row chained to the one before."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from secops.store.records.guard import only_grows

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Up."""
    op.create_table(
        "trail",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, autoincrement=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.String(length=60), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_trail"),
    )
    op.create_index("ix_trail_target", "trail", ["target", "id"])
    only_grows("trail")
