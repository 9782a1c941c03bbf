"""Documents of the policy with their versions, decisions on links to the guideline, work lists."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Up."""
    # --- decisions on links to the guideline (gap_tables) ---
    op.create_table(
        "policy_links",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, autoincrement=True),
        sa.Column("document", sa.String(length=100), nullable=False),
        sa.Column("clause", sa.String(length=100), nullable=False),
        sa.Column("guideline", sa.String(length=100), nullable=False),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("clause_digest", sa.String(length=64), nullable=False),
        sa.Column("guideline_digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_policy_links"),
        sa.UniqueConstraint("document", "clause", "guideline", name="uq_policy_links_pair"),
    )
