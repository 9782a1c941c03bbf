"""Tables behind the console's door: users, their factors, sessions, attempts to log in, the audit log."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, String, Table, Text

from secops.store.records.siem_tables import RowId
from secops.store.records.tables import Moment, metadata

users = Table(
    "users",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("role", String(30), nullable=False),
    Column("password", Text, nullable=False),  # argon2id, with parameters and salt; empty: none yet
    Column("zones", Text),  # JSON array; null is all
    Column("departments", Text),
    Column("demo", Boolean, nullable=False),
    Column("disabled", Boolean, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("last_login", Moment),
    Column("setup_code", String(64)),  # SHA-256 of the one-time code, hex
    Column("setup_until", Moment),
    Column("totp_secret", Text),  # sealed, see `secops.access.box`; without its mark: base32, from before
    Column("totp_step", BigInteger),  # the last time step whose code was used
    Column("subject", Text),  # at the identity provider; empty: comes with the first login; null: logs in here
    Index("ix_users_subject", "subject"),
)

passkeys = Table(
    "passkeys",
    metadata,
    Column("id", String(400), primary_key=True),  # base64url of the credential's id
    Column("user", String(40), ForeignKey("users.name", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("public_key", Text, nullable=False),  # COSE, base64url
    Column("sign_count", BigInteger, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("last_used", Moment),
    Index("ix_passkeys_user", "user"),
)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("user", String(40), ForeignKey("users.name", ondelete="CASCADE"), primary_key=True),
    Column("digest", String(64), primary_key=True),  # SHA-256 in hex; the row goes when the code is used
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", String(64), primary_key=True),  # SHA-256 of the token, hex: who reads this table can log in as nobody
    Column("user", String(40), ForeignKey("users.name", ondelete="CASCADE"), nullable=False),
    Column("started", Moment, nullable=False),
    Column("last_used", Moment, nullable=False),
    Column("peer", Text, nullable=False),
    Column("agent", Text, nullable=False, server_default=""),  # what the browser calls itself
    Column("confirmed", Moment),  # when the person last showed who they are
    Column("passed", Moment),  # when the second factor was given; null: not in this session
    Column("challenge", Text),  # base64url, of the passkey that is being made or used
    Column("secret", Text),  # of the app that is being set up, sealed
    Index("ix_sessions_user", "user"),
)

devices = Table(
    "devices",
    metadata,
    Column("id", String(64), primary_key=True),  # SHA-256 of the token in the cookie, hex: it opens nothing by itself
    Column("user", String(40), ForeignKey("users.name", ondelete="CASCADE"), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("last_used", Moment, nullable=False),
    Index("ix_devices_user", "user"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("user", Text, nullable=False),
    Column("peer", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("place", Text, nullable=False, server_default=""),  # see `secops.access.throttle.place_of`
    Column("stage", String(10), nullable=False),
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
    Column("zone", Text),  # of what was seen or done; null: of no zone
    Column("department", Text),
    Index("ix_audit_log_actor", "actor", "id"),
    Index("ix_audit_log_action", "action", "id"),
    Index("ix_audit_log_target", "target", "id"),
    Index("ix_audit_log_same", "actor", "action", "target", "at"),
)
