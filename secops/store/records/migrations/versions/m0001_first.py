"""The first tables: alerts and hits, users and the audit log.

Types are written out here (a moment is a BigInteger of microseconds), so that later changes of the models do not change
what this step did.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Up."""
    _shared()
    _alerts()
    _hits()
    _replay()
    _ledgers()
    _users()
    _attempts()


def _shared() -> None:
    """What all wings share."""
    op.create_table(
        "counters",
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_counters"),
    )
    counters = sa.table("counters", sa.column("name"), sa.column("value"))
    op.bulk_insert(counters, [{"name": "change", "value": 0}, {"name": "alert", "value": 0}])


def _alerts() -> None:
    """Alerts."""
    op.create_table(
        "alerts",
        sa.Column("id", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("title_en", sa.Text(), nullable=False),
        sa.Column("severity", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("zone", sa.String(length=40), nullable=False),
        sa.Column("department", sa.Text(), nullable=False),
        sa.Column("entities", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("first_seen", sa.BigInteger(), nullable=False),
        sa.Column("last_seen", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("assignee", sa.Text(), nullable=False),
        sa.Column("verdict", sa.String(length=30)),
        sa.Column("closed_reason", sa.Text(), nullable=False),
        sa.Column("closed_at", sa.BigInteger()),
        sa.Column("previous", ROW_ID),
        sa.Column("clauses", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("category", sa.String(length=20), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("touched", sa.Boolean(), nullable=False),
        sa.Column("opened_change", sa.BigInteger(), nullable=False),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["previous"], ["alerts.id"], name="fk_alerts_previous", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name="pk_alerts"),
    )
    op.create_index("ix_alerts_assignee", "alerts", ["assignee", "state"])
    op.create_index("ix_alerts_changed", "alerts", ["changed"])
    op.create_index("ix_alerts_key", "alerts", ["key", "id"])
    op.create_index("ix_alerts_opened_change", "alerts", ["opened_change"])
    op.create_index("ix_alerts_previous", "alerts", ["previous"])
    op.create_index("ix_alerts_queue", "alerts", ["severity", "last_seen", "id", "state", "zone", "department"])
    op.create_index("ix_alerts_rule", "alerts", ["rule_id", "last_seen"])
    op.create_index(
        "ix_alerts_state", "alerts", ["state", "severity", "last_seen", "id", "zone", "department", "closed_at"]
    )
    op.create_index(
        "uq_alerts_active_key",
        "alerts",
        ["key"],
        unique=True,
        sqlite_where=sa.text("state <> 'closed'"),
        postgresql_where=sa.text("state <> 'closed'"),
    )


def _hits() -> None:
    """Hits and history."""
    op.create_table(
        "hits",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("alert_id", ROW_ID, nullable=False),
        sa.Column("nth", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("timestamp", sa.BigInteger(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("severity", sa.SmallInteger(), nullable=False),
        sa.Column("detail", sa.Text()),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name="fk_hits_alert_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_hits"),
    )
    op.create_index("ix_hits_alert_nth", "hits", ["alert_id", "nth"])
    op.create_index("ix_hits_source_seq", "hits", ["source", "seq"])
    op.create_index("uq_hits_event_rule", "hits", ["event_id", "rule_id"], unique=True)
    op.create_table(
        "history",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("alert_id", ROW_ID, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name="fk_history_alert_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_history"),
    )
    op.create_index("ix_history_alert", "history", ["alert_id", "id"])


def _replay() -> None:
    """Hits of a replay."""
    op.create_table(
        "replay_hits",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("alert_id", ROW_ID),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("timestamp", sa.BigInteger(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("severity", sa.SmallInteger(), nullable=False),
        sa.Column("detail", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_replay_hits"),
    )
    op.create_index("ix_replay_hits_alert", "replay_hits", ["alert_id", "id"])
    op.create_index("ix_replay_hits_key", "replay_hits", ["key", "id"])
    op.create_index("uq_replay_hits_event_rule", "replay_hits", ["event_id", "rule_id"], unique=True)


def _ledgers() -> None:
    """Positions, tallies, what people have seen."""
    op.create_table(
        "positions",
        sa.Column("ledger", sa.String(length=10), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ledger", "source", name="pk_positions"),
    )
    op.create_table(
        "tallies",
        sa.Column("ledger", sa.String(length=10), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("stored", sa.BigInteger(), nullable=False),
        sa.Column("rejected", sa.BigInteger(), nullable=False),
        sa.Column("last_event", sa.BigInteger()),
        sa.PrimaryKeyConstraint("ledger", "source", name="pk_tallies"),
    )
    op.create_table(
        "tally_reasons",
        sa.Column("ledger", sa.String(length=10), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ledger", "source", "reason", name="pk_tally_reasons"),
    )
    op.create_table(
        "looked",
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("change", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("actor", name="pk_looked"),
    )


def _users() -> None:
    """Users and sessions."""
    op.create_table(
        "users",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("role", sa.String(length=30), nullable=False),
        sa.Column("password", sa.Text(), nullable=False),
        sa.Column("zones", sa.Text()),
        sa.Column("departments", sa.Text()),
        sa.Column("demo", sa.Boolean(), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("last_login", sa.BigInteger()),
        sa.PrimaryKeyConstraint("name", name="pk_users"),
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("user", sa.String(length=40), nullable=False),
        sa.Column("started", sa.BigInteger(), nullable=False),
        sa.Column("last_used", sa.BigInteger(), nullable=False),
        sa.Column("peer", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["user"], ["users.name"], name="fk_sessions_user", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
    )
    op.create_index("ix_sessions_user", "sessions", ["user"])


def _attempts() -> None:
    """Attempts to log in, the audit log."""
    op.create_table(
        "attempts",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("peer", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_attempts"),
    )
    op.create_index("ix_attempts_at", "attempts", ["at"])
    op.create_index("ix_attempts_peer", "attempts", ["peer", "at"])
    op.create_index("ix_attempts_user", "attempts", ["user", "at"])
    op.create_table(
        "audit_log",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("peer", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_log"),
    )
    op.create_index("ix_audit_log_action", "audit_log", ["action", "id"])
    op.create_index("ix_audit_log_actor", "audit_log", ["actor", "id"])
