"""The main road for a backlog, on all cores: stretches of the journal are worked off side by side, committed in order.

A member works a `Stretch` off with a `Pipeline` of its own whose sinks only keep what they are given (`work_off`); the
crew gives that to the real sinks, stretch after stretch. So positions move as they do with one pipeline, and a crew
that is killed leaves nothing behind but files of the store that nobody refers to.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from secops.siem.journal import DamagedError
from secops.siem.pipeline import Pipeline, Stages
from secops.siem.ports import Feed, Filtered, Hit, HitOutcome, HitWriter, JournalReader, RecordBatch, Tally

if TYPE_CHECKING:
    import polars as pl

LENGTH = 32_000  # records of a stretch: few enough that members end together, enough that each learns values once
STEP_BYTES = 32 << 20  # a stretch has few records, so more of them may be taken at once than on the live road
_AHEAD = 2  # stretches handed out per member, so that none waits while the crew commits
_WAIT = 0.05  # seconds between two looks at the journal


@dataclass(frozen=True, slots=True)
class Stretch:
    """Records of a source behind ``after`` up to ``last``, and how far each sink is, which ignores what it has."""

    source: str
    after: int
    last: int
    hits_at: int
    tallied_at: int
    stored_at: int


@dataclass(frozen=True, slots=True)
class Put:
    """The arguments of `HitSink.put_hits`."""

    hits: Sequence[Hit]
    positions: Mapping[str, int]
    now: datetime
    filtered: Sequence[Filtered]
    feed: Feed | None


@dataclass(frozen=True, slots=True)
class Share:
    """What came of a stretch, in the order in which the sinks get it; what is ``staged`` only the store understands."""

    puts: list[Put] = field(default_factory=list)
    staged: list[tuple[Sequence[Any], Mapping[str, int]]] = field(default_factory=list)
    tallies: list[tuple[Sequence[Tally], datetime]] = field(default_factory=list)


Stage = Callable[["pl.DataFrame", Mapping[str, int]], Sequence[Any]]
"""`EventStore.stage`."""


class Shelf(Protocol):
    """What the crew asks of the event store; see `EventStore`."""

    def positions(self) -> dict[str, int]:
        """Source → last sequence number that is committed."""
        ...

    def take(self, staged: Sequence[Any], positions: Mapping[str, int]) -> None:
        """Commit what was staged, and positions."""
        ...


class Crew:
    """Works off the journal of all sources; ``submit`` hands a stretch to one of the ``members``."""

    def __init__(
        self,
        journal: JournalReader,
        store: Shelf,
        sink: HitWriter,
        submit: Callable[[Stretch], Future[Share]],
        members: int,
        length: int = LENGTH,
    ) -> None:
        """``length`` is how many records a stretch has, but the last ones."""
        self._length, self._shortest = length, max(1, length // 10)
        self._journal, self._store, self._sink = journal, store, sink
        self._submit, self._members = submit, members
        self._hits_at, self._tallied_at, self._stored_at = sink.positions(), sink.tally_positions(), store.positions()
        self._handed: dict[str, int] = {}
        self._under_way: deque[tuple[Stretch, Future[Share]]] = deque()

    def run_dry(
        self, more: Callable[[], bool], idle: Callable[[], None], seen: Callable[[int], None] = lambda _records: None
    ) -> None:
        """Work until the journal has nothing more and ``more()`` says that nothing will be added.

        ``idle`` is called where there is nothing to do but wait, ``seen`` with numbers of records that were committed.
        The first error of a member or a sink is raised; what was committed before it stays.
        """
        try:
            while True:
                last = not more()
                behind = self._hand_out(all_of_it=last)
                if self._under_way:
                    self._take_in(seen)
                elif last and not behind:
                    return
                else:
                    idle()
        finally:
            for _stretch, future in self._under_way:
                future.cancel()

    def _hand_out(self, *, all_of_it: bool) -> bool:
        """Hand out what is long enough, or all that there is; whether some record is not handed out."""
        behind = False
        for source, head in self._journal.heads().items():
            while (rest := head - self._at(source)) > 0:
                even = max(self._shortest, math.ceil(rest / self._members))  # so that members end together
                length = min(self._length, even) if all_of_it else self._length
                if (rest < length and not all_of_it) or len(self._under_way) >= _AHEAD * self._members:
                    behind = True
                    break
                self._hand(source, min(self._at(source) + length, head))
        return behind

    def _hand(self, source: str, last: int) -> None:
        at = self._hits_at.get(source, 0), self._tallied_at.get(source, 0), self._stored_at.get(source, 0)
        stretch = Stretch(source, self._at(source), last, *at)
        self._handed[source] = last
        self._under_way.append((stretch, self._submit(stretch)))

    def _at(self, source: str) -> int:
        """The last record that was handed out; at first, that all sinks have."""
        found = self._handed.get(source)
        if found is None:
            sinks = self._hits_at, self._tallied_at, self._stored_at
            found = self._handed[source] = min(positions.get(source, 0) for positions in sinks)
        return found

    def _take_in(self, seen: Callable[[int], None]) -> None:
        """Commit the oldest stretch if it is done; wait a little for it."""
        stretch, future = self._under_way[0]
        if not wait([future], _WAIT).done:
            return
        self._under_way.popleft()
        share = future.result()
        for put in share.puts:
            self._sink.put_hits(put.hits, put.positions, put.now, put.filtered, put.feed)
        for staged, positions in share.staged:
            self._store.take(staged, positions)
        for tallies, now in share.tallies:
            self._sink.put_tallies(tallies, now)
        seen(stretch.last - stretch.after)


def work_off(
    stretch: Stretch, site: str, journal: JournalReader, stages: Stages, stage: Stage, now: Callable[[], datetime]
) -> Share:
    """What a member does: the road over one stretch."""
    share = Share()
    store, sink = _KeptEvents(stretch, stage, share), _KeptHits(stretch, share)
    pipeline = Pipeline(
        site, _Part(journal, stretch), stages, store, sink, flush_every=timedelta.max, step_bytes=STEP_BYTES
    )
    try:
        pipeline.run_dry(now)
    finally:
        pipeline.close()
    return share


class _KeptHits:
    """The hit sink of a member: it keeps what it is given, and has what the real one has."""

    def __init__(self, stretch: Stretch, share: Share) -> None:
        self._stretch, self._share = stretch, share

    def positions(self) -> dict[str, int]:
        """Hits up to here are not made again."""
        return {self._stretch.source: max(self._stretch.hits_at, self._stretch.after)}

    def tally_positions(self) -> dict[str, int]:
        """Records up to here are not counted again."""
        return {self._stretch.source: max(self._stretch.tallied_at, self._stretch.after)}

    def put_hits(
        self,
        hits: Sequence[Hit],
        positions: Mapping[str, int],
        now: datetime,
        filtered: Sequence[Filtered] = (),
        feed: Feed | None = None,
    ) -> HitOutcome:
        """Keep."""
        self._share.puts.append(Put(hits, dict(positions), now, filtered, feed))
        return HitOutcome((), (), 0)

    def put_tallies(self, tallies: Sequence[Tally], now: datetime) -> None:
        """Keep."""
        self._share.tallies.append((tallies, now))


class _KeptEvents:
    """The event store of a member: it stages what the real one does not have."""

    def __init__(self, stretch: Stretch, stage: Stage, share: Share) -> None:
        self._stretch, self._stage, self._share = stretch, stage, share

    def positions(self) -> dict[str, int]:
        """The road begins at the stretch."""
        return {self._stretch.source: self._stretch.after}

    def write(self, frame: pl.DataFrame, positions: Mapping[str, int]) -> int:
        """Stage what is behind the real one's position; where nothing is, that must not be committed a second time."""
        stored = {self._stretch.source: self._stretch.stored_at}
        if positions[self._stretch.source] > self._stretch.stored_at:
            self._share.staged.append((self._stage(frame, stored), dict(positions)))
        return frame.height


class _Part:
    """A journal that ends with the stretch."""

    def __init__(self, journal: JournalReader, stretch: Stretch) -> None:
        self._journal, self._stretch = journal, stretch

    def heads(self) -> dict[str, int]:
        """The end of the stretch."""
        return {self._stretch.source: self._stretch.last}

    def read(self, source: str, after: int, max_bytes: int = 8 << 20) -> Sequence[RecordBatch]:
        """The batches of the stretch; damage that goes on behind it is that of the next one as well."""
        last = self._stretch.last
        try:
            batches = self._journal.read(source, after, max_bytes)
        except DamagedError as damage:
            raise DamagedError(
                damage.path, damage.source, damage.first_seq, min(damage.last_seq, last), damage.reason
            ) from damage
        return [_up_to(batch, last) for batch in batches if batch.first_seq <= last]

    def record(self, source: str, seq: int) -> RecordBatch | None:
        """One record."""
        return self._journal.record(source, seq)

    def drops(self) -> dict[str, dict[str, int]]:
        """What was dropped."""
        return self._journal.drops()


def _up_to(batch: RecordBatch, last: int) -> RecordBatch:
    if batch.last_seq <= last:
        return batch
    kept = batch.records[: last - batch.first_seq + 1]
    return RecordBatch(batch.source, batch.first_seq, batch.received, batch.origin, kept)
