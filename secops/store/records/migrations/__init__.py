"""Alembic's scripts; `secops.store.records.migrate` runs them."""
