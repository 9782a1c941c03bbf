"""Tables of the SIEM wing: alerts, their hits and history, positions and tallies per source."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    Text,
    text,
)

from secops.store.records.tables import Moment, metadata

# SQLite numbers rows by itself only in a column of the very type INTEGER.
RowId = BigInteger().with_variant(Integer, "sqlite")

alerts = Table(
    "alerts",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=False),  # given out by `counters`, never used again
    Column("key", Text, nullable=False),
    Column("rule_id", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("title_en", Text, nullable=False),
    Column("severity", SmallInteger, nullable=False),
    Column("state", String(20), nullable=False),
    Column("zone", String(40), nullable=False),
    Column("department", Text, nullable=False),
    Column("entities", Text, nullable=False),  # JSON object
    Column("count", BigInteger, nullable=False),
    Column("first_seen", Moment, nullable=False),
    Column("last_seen", Moment, nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("assignee", Text, nullable=False),
    Column("verdict", String(30)),
    Column("closed_reason", Text, nullable=False),
    Column("closed_at", Moment),
    Column("previous", RowId, ForeignKey("alerts.id", ondelete="SET NULL")),
    Column("clauses", Text, nullable=False),  # JSON array
    Column("kind", String(10), nullable=False),
    Column("category", String(20), nullable=False),
    Column("words", Text, nullable=False),  # folded titles and entities, for the text filter
    Column("names", Text, nullable=False, server_default="[]"),  # JSON array of folded ``field=value``, for queries
    Column("touched", Boolean, nullable=False),  # a person wrote to it: a replay never removes it
    Column("opened_change", BigInteger, nullable=False),
    Column("changed", BigInteger, nullable=False),
    Column("retired", BigInteger, nullable=False, server_default="0"),  # counted hits whose rows are gone
    Column("merged_into", RowId),  # the alert that leads; this one is still the active one of its key
    Column("merged_count", BigInteger, nullable=False, server_default="0"),  # hits of the alerts merged into this one
    Column("split_key", Text, nullable=False, server_default=""),  # the key of hits that were taken out of another
    Column("acknowledged_at", Moment),  # when somebody first took or closed it
    # One active alert a key: two writers cannot open it twice.
    Index(
        "uq_alerts_active_key",
        "key",
        unique=True,
        sqlite_where=text("state <> 'closed'"),
        postgresql_where=text("state <> 'closed'"),
    ),
    Index("ix_alerts_key", "key", "id"),
    # The queue's order, with all that its filters and counts read: a page touches only the rows it shows.
    Index("ix_alerts_queue", "severity", "last_seen", "id", "state", "zone", "department", "merged_into"),
    Index("ix_alerts_state", "state", "severity", "last_seen", "id", "zone", "department", "closed_at", "merged_into"),
    # Only of what is merged: nearly all alerts are not, and the planner would look them all up here (`IS NULL`).
    Index(
        "ix_alerts_merged",
        "merged_into",
        "id",
        sqlite_where=text("merged_into IS NOT NULL"),
        postgresql_where=text("merged_into IS NOT NULL"),
    ),
    # What is not closed by age, for the morning page.
    Index(
        "ix_alerts_waiting",
        "opened_at",
        "id",
        "zone",
        "severity",
        "department",
        "merged_into",
        "state",
        sqlite_where=text("state <> 'closed'"),
        postgresql_where=text("state <> 'closed'"),
    ),
    Index("ix_alerts_split", "split_key"),
    Index(
        "ix_alerts_times", "opened_at", "zone", "rule_id", "acknowledged_at", "closed_at", "department", "merged_into"
    ),
    Index("ix_alerts_closed", "closed_at", "zone", "severity", "department", "merged_into"),
    # Of a rule: similar ones in order, and with all that their counts read.
    Index("ix_alerts_alike", "rule_id", "category", "last_seen", "id", "state", "verdict", "zone", "department"),
    Index(
        "ix_alerts_assignee", "assignee", "state", "severity", "last_seen", "id", "zone", "department", "merged_into"
    ),
    Index("ix_alerts_previous", "previous"),
    Index("ix_alerts_changed", "changed"),
    Index("ix_alerts_opened_change", "opened_change"),
)

hits = Table(
    "hits",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("rule_id", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("alert_id", RowId, ForeignKey("alerts.id", ondelete="CASCADE"), nullable=False),
    Column("nth", BigInteger, nullable=False),  # 1, 2, 3 … within the alert
    Column("source", String(40), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("timestamp", Moment, nullable=False),
    Column("received", Moment, nullable=False),
    Column("severity", SmallInteger, nullable=False),  # of the alert it makes: level and asset
    Column("detail", Text),  # JSON; null where the hit is only counted
    Index("uq_hits_event_rule", "event_id", "rule_id", unique=True),
    Index("ix_hits_alert_nth", "alert_id", "nth"),
    Index("ix_hits_source_seq", "source", "seq"),
    Index("ix_hits_rule_received", "rule_id", "received", "alert_id"),  # counts per rule read nothing else
)

# Hits of a replay wait here until the swap; they have a key instead of an alert.
replay_hits = Table(
    "replay_hits",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("rule_id", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("alert_id", RowId),
    Column("source", String(40), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("timestamp", Moment, nullable=False),
    Column("received", Moment, nullable=False),
    Column("severity", SmallInteger, nullable=False),
    Column("detail", Text),
    Index("uq_replay_hits_event_rule", "event_id", "rule_id", unique=True),
    Index("ix_replay_hits_alert", "alert_id", "id"),
    Index("ix_replay_hits_key", "key", "id"),
)

history = Table(
    "history",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("alert_id", RowId, ForeignKey("alerts.id", ondelete="CASCADE"), nullable=False),
    Column("at", Moment, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", String(20), nullable=False),
    Column("text", Text, nullable=False),
    Column("bulk", BigInteger),  # the action on many alerts that this was part of
    Index("ix_history_alert", "alert_id", "id"),
)

# `ledger` is "live" or "replay".
positions = Table(
    "positions",
    metadata,
    Column("ledger", String(10), primary_key=True),
    Column("source", String(40), primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("start", BigInteger, nullable=False),  # what a replay leaves alone: records up to here
)

tallies = Table(
    "tallies",
    metadata,
    Column("ledger", String(10), primary_key=True),
    Column("source", String(40), primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("stored", BigInteger, nullable=False),
    Column("rejected", BigInteger, nullable=False),
    Column("last_event", Moment),
)

tally_reasons = Table(
    "tally_reasons",
    metadata,
    Column("ledger", String(10), primary_key=True),
    Column("source", String(40), primary_key=True),
    Column("reason", Text, primary_key=True),
    Column("count", BigInteger, nullable=False),
)

# What filters (exceptions) suppressed, per source, so that a replay of a whole source can count anew.
filtered = Table(
    "filtered",
    metadata,
    Column("ledger", String(10), primary_key=True),
    Column("source", String(40), primary_key=True),
    Column("filter_id", Text, primary_key=True),
    Column("rule_id", Text, primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("first", Moment, nullable=False),
    Column("last", Moment, nullable=False),
)

# What people were last told about: "protection" is which rules and filters were in force, as JSON.
told = Table(
    "told",
    metadata,
    Column("name", String(20), primary_key=True),
    Column("value", Text, nullable=False),
)

# What correlations are made of. `settled` and the rows themselves are the keeper's state; `detail` is JSON.
correlation_inputs = Table(
    "correlation_inputs",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=False),  # given out by `counters`: the keeper's cursor
    Column("ledger", String(10), nullable=False),
    Column("rule_id", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("source", String(40), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("time", Moment, nullable=False),
    Column("received", Moment, nullable=False),
    Column("derived", Boolean, nullable=False),
    Column("settled", Boolean, nullable=False),
    Column("detail", Text, nullable=False),
    Index("uq_correlation_inputs", "ledger", "event_id", "rule_id", unique=True),
    Index("ix_correlation_inputs_time", "ledger", "time", "id"),
    Index("ix_correlation_inputs_place", "ledger", "source", "seq"),
)

correlation_clocks = Table(
    "correlation_clocks",
    metadata,
    Column("ledger", String(10), primary_key=True),
    Column("source", String(40), primary_key=True),
    Column("time", Moment, nullable=False),
    Column("received", Moment, nullable=False),
)

correlation_state = Table(
    "correlation_state",
    metadata,
    Column("ledger", String(10), primary_key=True),
    Column("cursor", BigInteger, nullable=False),
    Column("watermark", Moment, nullable=False),
    Column("value", Text, nullable=False),  # JSON
)

looked = Table(
    "looked",
    metadata,
    Column("actor", Text, primary_key=True),
    Column("change", BigInteger, nullable=False),
    Column("at", Moment, nullable=False),
)
