"""Similar alerts are counted from their index alone: one noisy rule may have a third of all alerts."""

from __future__ import annotations

from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Up."""
    op.drop_index("ix_alerts_rule", "alerts")
    op.create_index(
        "ix_alerts_alike",
        "alerts",
        ["rule_id", "category", "last_seen", "id", "state", "verdict", "zone", "department"],
    )
