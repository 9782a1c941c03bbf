"""Where attempts to log in come from, known devices, and the zone of what the audit log tells."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Up."""
    with op.batch_alter_table("attempts", recreate="never") as table:
        table.add_column(sa.Column("place", sa.Text(), nullable=False, server_default=""))
        table.add_column(sa.Column("stage", sa.String(length=10), nullable=False, server_default="password"))
    op.execute("UPDATE attempts SET place = 'address ' || peer")
    op.add_column("audit_log", sa.Column("zone", sa.Text()))
    op.add_column("audit_log", sa.Column("department", sa.Text()))
    # What was seen before entries bore a zone is shown to those who may see all zones.
    op.execute(
        "UPDATE audit_log SET zone = '', department = '' WHERE action IN "
        "('raw_viewed', 'events_searched', 'events_exported', 'exception.written')"
    )
    op.create_index("ix_audit_log_target", "audit_log", ["target", "id"])
    op.create_table(
        "devices",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("user", sa.String(length=40), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("last_used", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["user"], ["users.name"], name="fk_devices_user", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_devices"),
    )
    op.create_index("ix_devices_user", "devices", ["user"])
