"""Bulk actions with their undo, bonds between alerts, times to answer, saved searches, arrivals by the hour."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Up."""
    _alerts()
    _bulks()
    _links()
    _searches()
    _arrivals()


def _alerts() -> None:
    """Columns of alerts and history; the times so far are read from the history."""
    with op.batch_alter_table("alerts", recreate="never") as table:
        table.add_column(sa.Column("merged_into", ROW_ID))
        table.add_column(sa.Column("merged_count", sa.BigInteger(), nullable=False, server_default="0"))
        table.add_column(sa.Column("split_key", sa.Text(), nullable=False, server_default=""))
        table.add_column(sa.Column("acknowledged_at", sa.BigInteger()))
    op.add_column("history", sa.Column("bulk", sa.BigInteger()))
    op.execute(
        "UPDATE alerts SET acknowledged_at = (SELECT min(history.at) FROM history "
        "WHERE history.alert_id = alerts.id AND history.action IN ('assigned', 'closed'))"
    )
    op.drop_index("ix_alerts_queue", "alerts")
    op.drop_index("ix_alerts_state", "alerts")
    queue = ["severity", "last_seen", "id", "state", "zone", "department", "merged_into"]
    op.create_index("ix_alerts_queue", "alerts", queue)
    state = ["state", "severity", "last_seen", "id", "zone", "department", "closed_at", "merged_into"]
    op.create_index("ix_alerts_state", "alerts", state)
    op.create_index("ix_alerts_merged", "alerts", ["merged_into", "id"])
    op.create_index("ix_alerts_split", "alerts", ["split_key"])
    times = ["opened_at", "zone", "rule_id", "acknowledged_at", "closed_at", "department", "merged_into"]
    op.create_index("ix_alerts_times", "alerts", times)
    op.create_index("ix_alerts_closed", "alerts", ["closed_at", "zone", "severity", "department", "merged_into"])


def _bulks() -> None:
    """What was done to many alerts at once, and how each stood before."""
    op.create_table(
        "bulks",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("chosen", sa.Text(), nullable=False),
        sa.Column("asked", sa.BigInteger(), nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("left", sa.BigInteger(), nullable=False),
        sa.Column("undone_at", sa.BigInteger()),
        sa.Column("restored", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_bulks"),
    )
    op.create_index("ix_bulks_actor", "bulks", ["actor", "at"])
    op.create_table(
        "bulk_items",
        sa.Column("bulk", ROW_ID, nullable=False),
        sa.Column("alert_id", ROW_ID, nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["bulk"], ["bulks.id"], name="fk_bulk_items_bulk", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name="fk_bulk_items_alert_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("bulk", "alert_id", name="pk_bulk_items"),
    )
    op.create_index("ix_bulk_items_alert", "bulk_items", ["alert_id"])


def _links() -> None:
    """Alerts that belong together."""
    op.create_table(
        "links",
        sa.Column("low", ROW_ID, nullable=False),
        sa.Column("high", ROW_ID, nullable=False),
        sa.ForeignKeyConstraint(["low"], ["alerts.id"], name="fk_links_low", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["high"], ["alerts.id"], name="fk_links_high", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("low", "high", name="pk_links"),
    )
    op.create_index("ix_links_high", "links", ["high", "low"])


def _searches() -> None:
    """Searches under a name."""
    op.create_table(
        "searches",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("zones", sa.Text()),
        sa.Column("departments", sa.Text()),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_searches"),
    )
    op.create_index("uq_searches_name", "searches", ["owner", "kind", "name"], unique=True)


def _arrivals() -> None:
    """Records by source and hour of receipt."""
    op.create_table(
        "arrivals",
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("hour", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "hour", name="pk_arrivals"),
    )
