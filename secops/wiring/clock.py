"""The real clock: the only place that reads it."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """The time, in UTC. Every other room takes the time as an argument."""
    return datetime.now(UTC)
