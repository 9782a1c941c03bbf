"""An index to find the last look of a person at the same thing: each page that is noted once asks for it."""

from __future__ import annotations

from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Up."""
    op.create_index("ix_audit_log_same", "audit_log", ["actor", "action", "target", "at"])
