"""The quiet road: rotate and seal the journal, compact the store, let go of what is older than the retention.

One `Keeper` runs per site. `turn` does what is due; each duty is tried on its own, so that a full lake does not keep
the journal from being sealed, and what failed is said and tried again on the next turn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from secops.errors import SecopsError
from secops.schema.dates import parse_duration
from secops.settings import Settings
from secops.siem.ports import EventStore, HitSink

COMPACT_EVERY = timedelta(hours=1)
RETAIN_EVERY = timedelta(hours=6)


class KeptJournal(Protocol):
    """What the keeper asks of the journal."""

    def rotate_if_due(self, now: datetime) -> bool:
        """Close the open segment when it is large or old enough."""
        ...

    def seal_closed(self, now: datetime) -> int:
        """Seal every closed segment; returns how many."""
        ...

    def retain(self, before: datetime, now: datetime, safe: Mapping[str, int]) -> int:
        """Remove sealed records received before a moment, as far as all sinks have them; returns how many segments."""
        ...


@dataclass(slots=True)
class Keeper:
    """Does the duties when they are due; ``say`` is told what was done and what failed."""

    settings: Settings
    journal: KeptJournal
    store: EventStore
    sink: HitSink
    say: Callable[[str], None]
    _due: dict[str, datetime] = field(default_factory=dict)

    def turn(self, now: datetime) -> None:
        """Do everything that is due at this moment."""
        self._duty("rotate", now, timedelta(0), lambda: self.journal.rotate_if_due(now))
        self._duty("seal", now, timedelta(0), lambda: self.journal.seal_closed(now))
        self._duty("compact", now, COMPACT_EVERY, self._compact)
        self._duty("retain", now, RETAIN_EVERY, lambda: self._retain(now))

    def _duty(self, name: str, now: datetime, every: timedelta, work: Callable[[], object]) -> None:
        # The first compaction waits a period: a start should not begin with heavy work.
        if name == "compact" and name not in self._due:
            self._due[name] = now + every
        if now < self._due.get(name, now):
            return
        try:
            done = work()
        except (SecopsError, OSError) as error:
            self.say(f"{name}: {error}")
            return
        self._due[name] = now + every
        if done:
            self.say(f"{name}: {done}")

    def _compact(self) -> Mapping[str, int]:
        return self.store.compact()

    def _retain(self, now: datetime) -> dict[str, int]:
        keep = self.settings.retention
        positions = (self.store.positions(), self.sink.positions(), self.sink.tally_positions())
        safe = {source: min(one.get(source, 0) for one in positions) for source in positions[0]}
        done = {
            "lake": self.store.retain(now - parse_duration(keep.lake)),
            "journal": self.journal.retain(now - parse_duration(keep.journal), now, safe),
        }
        return {name: count for name, count in done.items() if count}
