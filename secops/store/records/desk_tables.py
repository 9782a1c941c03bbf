"""Tables of what people do with many alerts, of their saved searches, and of arrivals by the hour."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, String, Table, Text

from secops.store.records.siem_tables import RowId
from secops.store.records.tables import Moment, metadata

bulks = Table(
    "bulks",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("actor", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("action", String(20), nullable=False),
    Column("text", Text, nullable=False),  # as the history says it
    Column("chosen", Text, nullable=False),  # how the alerts were chosen, in words
    Column("asked", BigInteger, nullable=False),
    Column("done", BigInteger, nullable=False),
    Column("left", BigInteger, nullable=False),  # not possible any more when their turn came
    Column("undone_at", Moment),
    Column("restored", BigInteger, nullable=False),
    Index("ix_bulks_actor", "actor", "at"),
)

bulk_items = Table(
    "bulk_items",
    metadata,
    Column("bulk", RowId, ForeignKey("bulks.id", ondelete="CASCADE"), primary_key=True),
    Column("alert_id", RowId, ForeignKey("alerts.id", ondelete="CASCADE"), primary_key=True),
    Column("before", Text, nullable=False),  # JSON: what people can change of an alert
    Index("ix_bulk_items_alert", "alert_id"),
)

# Alerts that belong together: each pair once, the lower number first.
links = Table(
    "links",
    metadata,
    Column("low", RowId, ForeignKey("alerts.id", ondelete="CASCADE"), primary_key=True),
    Column("high", RowId, ForeignKey("alerts.id", ondelete="CASCADE"), primary_key=True),
    Index("ix_links_high", "high", "low"),
)

searches = Table(
    "searches",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("kind", String(10), nullable=False),  # alerts | events
    Column("name", Text, nullable=False),
    Column("query", Text, nullable=False),  # the values of an address
    Column("shared", Boolean, nullable=False),
    Column("zones", Text),  # JSON array: the owner's scope; null is all
    Column("departments", Text),
    Column("changed_at", Moment, nullable=False),
    Index("uq_searches_name", "owner", "kind", "name", unique=True),
)

# Records that were worked off, by the hour in which they were received: what is usual for a source.
arrivals = Table(
    "arrivals",
    metadata,
    Column("source", String(40), primary_key=True),
    Column("hour", Moment, primary_key=True),
    Column("count", BigInteger, nullable=False),
)
