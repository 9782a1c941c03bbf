"""An index to count the hits of each rule by when they were received."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Up."""
    op.create_index("ix_hits_rule_received", "hits", ["rule_id", "received", "alert_id"])
