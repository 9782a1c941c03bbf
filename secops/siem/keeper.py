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
from secops.settings import JournalSettings, Settings
from secops.siem.ports import EventStore

COMPACT_EVERY = timedelta(minutes=5)  # a search pays about a millisecond for each small file
RETAIN_EVERY = timedelta(hours=6)


class RetainedSegments(Protocol):
    """What a retention did to the journal."""

    @property
    def segments(self) -> tuple[int, ...]:
        """Numbers of the segments whose records went."""
        ...


class KeptJournal(Protocol):
    """What the keeper asks of the journal."""

    def rotate_if_due(self, now: datetime, settings: JournalSettings) -> int | None:
        """Close the open segment when it is large or old enough; returns its number."""
        ...

    def seal_closed(self, now: datetime) -> list[int]:
        """Seal every closed segment; returns their numbers."""
        ...

    def retain(
        self, before: datetime, positions: Mapping[str, int], *, now: datetime, by: str, reason: str
    ) -> RetainedSegments:
        """Remove sealed records received before a moment, as far as all sinks have read them."""
        ...

    def removed(self) -> Mapping[str, int]:
        """Source → last sequence number whose record retention removed."""
        ...


class KeptHits(Protocol):
    """What the keeper asks of the records."""

    def positions(self) -> dict[str, int]:
        """Source → last sequence number whose hits are committed."""
        ...

    def tally_positions(self) -> dict[str, int]:
        """Source → last sequence number that is counted."""
        ...

    def retire(self, gone: Mapping[str, int]) -> int:
        """Remove the rows of hits that are only counted, up to a sequence number per source; counts stay."""
        ...


@dataclass(slots=True)
class Keeper:
    """Does the duties when they are due; ``say`` is told what was done and what failed."""

    settings: Settings
    journal: KeptJournal
    store: EventStore
    sink: KeptHits
    say: Callable[[str], None]
    _due: dict[str, datetime] = field(default_factory=dict)

    def turn(self, now: datetime) -> None:
        """Do everything that is due at this moment."""
        self._duty("rotate", now, timedelta(0), lambda: self.journal.rotate_if_due(now, self.settings.journal))
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
            "journal": len(self._retain_journal(now, safe).segments),
            "hits": self.sink.retire(self.journal.removed()),
        }
        return {name: count for name, count in done.items() if count}

    def _retain_journal(self, now: datetime, safe: Mapping[str, int]) -> RetainedSegments:
        limit = self.settings.retention.journal
        before = now - parse_duration(limit)
        return self.journal.retain(before, safe, now=now, by="keeper", reason=f"retention.journal = {limit}")
