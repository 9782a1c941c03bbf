"""Tables of paging: notices, the outbox with its tries, the conditions of the program itself."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, SmallInteger, String, Table, Text, text

from secops.store.records.siem_tables import RowId
from secops.store.records.tables import Moment, metadata

conditions = Table(
    "conditions",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("kind", String(30), nullable=False),
    Column("subject", Text, nullable=False),
    Column("zone", String(40), nullable=False),
    Column("severity", SmallInteger, nullable=False),
    Column("began", Moment, nullable=False),
    Column("ended", Moment),
    Column("confirmed_by", Text, nullable=False),
    # A condition goes on at most once: two processes cannot both begin it.
    Index(
        "uq_conditions_open",
        "kind",
        "subject",
        unique=True,
        sqlite_where=text("ended IS NULL"),
        postgresql_where=text("ended IS NULL"),
    ),
)

# No foreign key to the alert: a replay removes alerts, and what was sent about them stays on record.
notices = Table(
    "notices",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("cause", String(10), nullable=False),
    Column("alert_id", RowId),
    Column("condition_id", RowId, ForeignKey("conditions.id", ondelete="CASCADE")),
    Column("severity", SmallInteger, nullable=False),
    Column("zone", String(40), nullable=False),
    Column("at", Moment, nullable=False),
    Column("state", String(12), nullable=False),
    Column("step", Integer, nullable=False),
    Column("paged_at", Moment),  # for the first time
    Column("next_at", Moment),
    Column("acknowledged_by", Text, nullable=False),
    Column("acknowledged_at", Moment),
    Index("ix_notices_state", "state", "next_at"),
    Index("ix_notices_alert", "alert_id", "state"),
    Index("ix_notices_paged_at", "paged_at"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("kind", String(10), nullable=False),  # page, over, test
    Column("created", Moment, nullable=False),
    Column("person", String(40), nullable=False),
    Column("channel", String(40), nullable=False),
    Column("address", Text, nullable=False),
    Column("content", Text, nullable=False),  # JSON, without the address
    Column("state", String(12), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", Moment),
    Column("done_at", Moment),
    Column("reason", Text, nullable=False),
    Column("seen", Boolean, nullable=False),  # that it was given up, by a person
    Index("ix_outbox_state", "state", "channel", "next_at"),
)

outbox_notices = Table(
    "outbox_notices",
    metadata,
    Column("outbox_id", RowId, ForeignKey("outbox.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("notice_id", RowId, ForeignKey("notices.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Index("ix_outbox_notices_notice", "notice_id"),
)

outbox_attempts = Table(
    "outbox_attempts",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("outbox_id", RowId, ForeignKey("outbox.id", ondelete="CASCADE"), nullable=False),
    Column("at", Moment, nullable=False),
    Column("ok", Boolean, nullable=False),
    Column("text", Text, nullable=False),
    Index("ix_outbox_attempts_outbox", "outbox_id", "id"),
)
