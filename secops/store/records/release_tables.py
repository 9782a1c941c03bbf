"""Tables of the released reports. The database refuses to change or delete a row of them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table, Text

from secops.store.records.siem_tables import RowId
from secops.store.records.tables import Moment, metadata

releases = Table(
    "releases",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("number", String(20), nullable=False, unique=True),
    Column("kind", String(20), nullable=False),
    Column("year", Integer, nullable=False),
    Column("department", Text, nullable=False),
    Column("department_name", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("released_at", Moment, nullable=False),
    Column("released_by", Text, nullable=False),
    Column("replaces", String(20), nullable=False),
    Column("document_number", Text, nullable=False),
    Column("figures", String(64), nullable=False),
    Index("ix_releases_year", "year"),
)

release_files = Table(
    "release_files",
    metadata,
    Column("release", RowId, ForeignKey("releases.id"), primary_key=True, autoincrement=False),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False, unique=True),
    Column("sha256", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
)
