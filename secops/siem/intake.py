"""The first road: collectors → journal.

Every source of the settings gets its collector; all hand over to one committer, which commits for all of them together
and acknowledges. What a collector cannot do becomes its problem in the status, and the others go on.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Protocol

from secops.errors import Problem
from secops.locale import _
from secops.settings import SYSLOG_KINDS, Settings, SourceSettings
from secops.siem.collect.commit import Committer, Delivery, GaveUpError, Outlet
from secops.siem.collect.drop import DropFolder
from secops.siem.collect.follow import Reading
from secops.siem.collect.lines import byte_order_of
from secops.siem.collect.status import CollectorStatus, write_status
from secops.siem.collect.syslog import Syslog
from secops.siem.collect.tail import Tail
from secops.siem.collect.wake import Watch, folder_of
from secops.siem.collect.whole import Wanted
from secops.siem.ports import JournalWriter

POLL = 0.2  # seconds between two looks at files that did not change
STATUS = 1.0  # seconds between two status files
AGAIN = 3.0  # seconds until a collector that failed is started again
PATIENCE = 5.0  # seconds that a failing journal is tried when the program ends


class Poller(Protocol):
    """A collector of files: asked again and again, in a thread."""

    @property
    def problems(self) -> dict[str, Problem]:
        """What is wrong now, by place."""
        ...

    @property
    def followed(self) -> int:
        """How many files it follows or has taken."""
        ...

    def poll(self) -> Delivery | None:
        """The next records, or None where there are none for now."""
        ...

    def close(self) -> None:
        """Close files."""
        ...


class Collector:
    """One source at work: its settings, its way to the committer, and what is to be said of it."""

    def __init__(
        self, settings: SourceSettings, committer: Committer, now: Callable[[], datetime], timezone: str | None
    ) -> None:
        self.settings = settings
        self.timezone = timezone
        self.worker: Poller | Syslog | None = None
        self.failure: Problem | None = None
        self._committer = committer
        self._now = now
        self._received = 0
        self._last: datetime | None = None

    async def put(self, delivery: Delivery) -> None:
        """Hand over to the committer, and count when it is durable."""
        await self._committer.put(delivery)
        count = sum(len(batch.records) for batch in delivery.batches)
        if count:
            self._received += count
            self._last = self._now()

    @property
    def status(self) -> CollectorStatus:
        """The present state."""
        one = self.settings
        worker = self.worker
        problems = list(worker.problems.values()) if worker else []
        return CollectorStatus(
            one.id,
            one.kind,
            one.listen or one.path,
            one.format,
            one.zone,
            self._received,
            worker.followed if worker and not isinstance(worker, Syslog) else 0,
            self._last,
            tuple([self.failure, *problems] if self.failure else problems),
        )


def run(
    settings: Settings, journal: JournalWriter, site: Path, stop: threading.Event, *, now: Callable[[], datetime]
) -> None:
    """Collect until ``stop`` is set, then hand over what is waiting and return. Blocks."""
    asyncio.run(Intake(settings, journal, site, now=now).run(stop))


class Intake:
    """All collectors of a site in one event loop; paths in the settings are relative to the site folder."""

    def __init__(
        self, settings: Settings, journal: JournalWriter, site: Path, *, now: Callable[[], datetime], poll: float = POLL
    ) -> None:
        self._journal = journal
        self._site = site
        self._now = now
        self._poll = poll
        self._committer = Committer(journal)
        self._watch = Watch()
        self.collectors = {
            one.id: Collector(one, self._committer, now, settings.local_time(one.timezone)) for one in settings.sources
        }
        files = sum(one.kind not in SYSLOG_KINDS for one in settings.sources)
        self._threads = ThreadPoolExecutor(min(max(files, 1), 64), thread_name_prefix="files")

    async def run(self, stop: threading.Event) -> None:
        """Collect until ``stop`` is set; see `run`."""
        stopping, finished = asyncio.Event(), asyncio.Event()
        committing = asyncio.create_task(self._committer.run(finished))
        collecting = [asyncio.create_task(self._guard(one, stopping)) for one in self.collectors.values()]
        telling = asyncio.create_task(self._tell())
        self._watch.start()
        try:
            while not (stop.is_set() or committing.done()):  # noqa: ASYNC110 - the event belongs to another thread
                await asyncio.sleep(0.05)
        finally:
            self._committer.hurry(PATIENCE)
            stopping.set()
            await asyncio.gather(*collecting)
            finished.set()
            await committing
            telling.cancel()
            self._watch.stop()
            self._threads.shutdown()
            self._write_status()

    async def _guard(self, one: Collector, stopping: asyncio.Event) -> None:
        """Keep a collector going: whatever it fails with is said, and it is started again."""
        while not stopping.is_set():
            try:
                await self._collect(one, stopping)
            except GaveUpError:
                return
            except Exception as error:  # noqa: BLE001 - one collector must not end the others
                text = _("収集が止まりました({error})。{seconds} 秒ごとに再開を試みています。")
                what = text.format(error=str(error) or type(error).__name__, seconds=int(AGAIN))
                one.failure = Problem(one.settings.id, what)
                with suppress(TimeoutError):
                    await asyncio.wait_for(stopping.wait(), AGAIN)

    async def _collect(self, one: Collector, stopping: asyncio.Event) -> None:
        if one.settings.kind in SYSLOG_KINDS:
            worker = one.worker = syslog_of(one.settings, one, self._now, one.timezone)
            one.failure = None
            await worker.run(stopping)
            return
        make = tail_of if one.settings.kind == "file" else folder_of_source
        prefix = f"{'file' if one.settings.kind == 'file' else 'drop'}:{one.settings.id}:"
        known = await self._committer.call(self._journal.checkpoints, prefix)
        poller = one.worker = make(one.settings, known, self._site, self._now, one.timezone)
        one.failure = None
        try:
            await self._follow(one, poller, stopping)
        finally:
            poller.close()

    async def _follow(self, one: Collector, poller: Poller, stopping: asyncio.Event) -> None:
        """Poll and hand over; the next read goes on while the last delivery is being committed."""
        loop = asyncio.get_running_loop()
        wake = asyncio.Event()
        path = str(self._site / one.settings.path)
        folder = folder_of(path) if one.settings.kind == "file" else Path(path)

        def changed() -> None:
            loop.call_soon_threadsafe(wake.set)

        self._watch.add(folder, changed)
        stop = asyncio.create_task(stopping.wait())
        under_way: asyncio.Task[None] | None = None
        try:
            while not stopping.is_set():
                wake.clear()
                delivery = await loop.run_in_executor(self._threads, poller.poll)
                if delivery is not None:
                    if under_way:
                        await under_way
                    under_way = asyncio.create_task(one.put(delivery))
                    continue
                waking = asyncio.create_task(wake.wait())
                await asyncio.wait({waking, stop}, timeout=self._poll, return_when=asyncio.FIRST_COMPLETED)
                waking.cancel()
        finally:
            stop.cancel()
            if under_way:
                await under_way

    async def _tell(self) -> None:
        while True:
            self._write_status()
            await asyncio.sleep(STATUS)

    _started: datetime | None = None

    def _write_status(self) -> None:
        """Publish; a full disk must not stop collecting."""
        now = self._now()
        self._started = self._started or now
        said = {name: one.status for name, one in self.collectors.items()}
        with suppress(OSError):
            write_status(self._site, said, started=self._started, now=now, problem=self._committer.problem)


# ------------------------------------------------------------------------------------------------- settings → collector


def reading_of(source: SourceSettings) -> Reading:
    """Format and encoding of a source; what the settings leave open is recognised from the content."""
    chosen = "encoding" in source.model_fields_set
    return Reading(None if source.format == "auto" else source.format, source.encoding if chosen else None)


def tail_of(
    source: SourceSettings, known: dict[str, bytes], site: Path, now: Callable[[], datetime], timezone: str | None
) -> Poller:
    """The collector of a ``file`` source."""
    return Tail(
        source.id,
        str(site / source.path),
        known,
        now=now,
        reading=reading_of(source),
        zone=source.zone or None,
        timezone=timezone,
        from_start=source.from_start,
    )


def folder_of_source(
    source: SourceSettings, known: dict[str, bytes], site: Path, now: Callable[[], datetime], timezone: str | None
) -> Poller:
    """The collector of a ``folder`` source."""
    reading = reading_of(source)
    wanted = Wanted("file", reading.format, reading.encoding, source.zone or None, timezone=timezone)
    return DropFolder(source.id, str(site / source.path), known, now=now, wanted=wanted)


def syslog_of(source: SourceSettings, outlet: Outlet, now: Callable[[], datetime], timezone: str | None) -> Syslog:
    """The collector of a syslog source."""
    return Syslog(
        source.id,
        source.kind.removeprefix("syslog-"),
        source.listen,
        outlet,
        now=now,
        format=None if source.format == "auto" else source.format,
        encoding=byte_order_of(source.encoding),
        zone=source.zone or None,
        timezone=timezone,
    )
