"""Times of day in Japan as moments in UTC."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, time, timedelta

from secops.schema.dates import JST


def clock(day: date, hour: float) -> datetime:
    """An hour of a day in Japan, in UTC; 24 and more is the next day."""
    return (datetime.combine(day, time(), JST) + timedelta(hours=hour)).astimezone(UTC)


def moment(day: date, hour: float, dice: random.Random) -> datetime:
    """The same with milliseconds of its own, as real logs have."""
    return clock(day, hour) + timedelta(milliseconds=dice.randrange(1000))
