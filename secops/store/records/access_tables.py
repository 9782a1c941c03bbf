"""Tables behind the console's door: users, sessions, attempts to log in, the audit log."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, String, Table, Text

from secops.store.records.siem_tables import RowId
from secops.store.records.tables import Moment, metadata

users = Table(
    "users",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("role", String(30), nullable=False),
    Column("password", Text, nullable=False),  # argon2id, with parameters and salt
    Column("zones", Text),  # JSON array; null is all
    Column("departments", Text),
    Column("demo", Boolean, nullable=False),
    Column("disabled", Boolean, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("last_login", Moment),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", String(64), primary_key=True),  # SHA-256 of the token, hex: who reads this table can log in as nobody
    Column("user", String(40), ForeignKey("users.name", ondelete="CASCADE"), nullable=False),
    Column("started", Moment, nullable=False),
    Column("last_used", Moment, nullable=False),
    Column("peer", Text, nullable=False),
    Index("ix_sessions_user", "user"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("user", Text, nullable=False),
    Column("peer", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Index("ix_attempts_user", "user", "at"),
    Index("ix_attempts_peer", "peer", "at"),
    Index("ix_attempts_at", "at"),
)

audit_log = Table(
    "audit_log",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", String(40), nullable=False),
    Column("target", Text, nullable=False),
    Column("peer", Text, nullable=False),
    Column("text", Text, nullable=False),
    Index("ix_audit_log_actor", "actor", "id"),
    Index("ix_audit_log_action", "action", "id"),
)
