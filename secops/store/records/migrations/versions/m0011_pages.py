"""Indexes for pages of a hundred thousand alerts: none that holds what is not merged, one of what is not closed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Up."""
    op.drop_index("ix_alerts_merged", "alerts")
    _partial("ix_alerts_merged", ["merged_into", "id"], "merged_into IS NOT NULL")
    waiting = ["opened_at", "id", "zone", "severity", "department", "merged_into", "state"]
    _partial("ix_alerts_waiting", waiting, "state <> 'closed'")
    op.drop_index("ix_alerts_assignee", "alerts")
    assignee = ["assignee", "state", "severity", "last_seen", "id", "zone", "department", "merged_into"]
    op.create_index("ix_alerts_assignee", "alerts", assignee)


def _partial(name: str, columns: list[str], where: str) -> None:
    op.create_index(name, "alerts", columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
