"""How many hits of an alert were only counted and are gone with their records."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Up."""
    op.add_column("alerts", sa.Column("retired", sa.BigInteger(), nullable=False, server_default="0"))
