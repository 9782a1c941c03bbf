"""The loop of each child process. Each ends on SIGTERM or SIGINT, with its work put away."""

from __future__ import annotations

import gc
import logging
import signal
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from secops.errors import AwayError, SecopsError
from secops.supervisor import Child, Supervisor, when_orphaned
from secops.wiring.away import Away, Watched
from secops.wiring.crew import work_off_together
from secops.wiring.ends import note_end
from secops.wiring.locks import held, is_held, part_names, worker_names
from secops.wiring.protection import Watch
from secops.wiring.site import Site
from secops.wiring.standin import standing_in

if TYPE_CHECKING:
    from secops.siem.pipeline import Pipeline
    from secops.siem.ports import EventWriter, HitWriter
    from secops.wiring.stores import GenerationStore

log = logging.getLogger("secops")
Loop = Callable[[Site, threading.Event], None]
IDLE_SECONDS = 0.05
KEEPER_SECONDS = 2.0
CORRELATE_SECONDS = 0.5
RETRY_SECONDS = 2.0
STUCK_SECONDS = 3600.0  # a compaction after long may take a while


def children(site: Site, python: str = sys.executable) -> list[Child]:
    """The processes of `secops run`, in the order in which they are stopped."""
    command = [python, "-m", "secops.cli", "run", "--site", str(site.folder), "--part"]
    return [Child(name, [*command, name]) for name in part_names(site.settings)]


def run_site(
    site: Site, ready: Callable[[], None], said: Callable[[str, int], None], extra: Sequence[Child] = ()
) -> int:
    """Run all parts (and ``extra`` children) under a supervisor until told to stop; returns the exit code.

    Where the keeper, which pages, does not come to life, this process pages in its place.
    """

    def ended(name: str, code: int) -> None:
        note_end(site.folder, name, site.now())
        said(name, code)

    with held(site.folder, "supervisor"), standing_in(site):
        return Supervisor([*extra, *children(site)], ended).run(ready)


def run_part(site: Site, name: str, web: Loop) -> None:
    """Be one of the children until told to stop; ``web`` serves the console, which stands above this room."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_args: stop.set())
    if name == "drain":
        _drain_together(site, stop)
        return
    when_orphaned(stop.set)
    loops: dict[str, Loop] = {
        "collectors": _collectors,
        "keeper": _keeper,
        "web": web,
    }
    with held(site.folder, name):
        if name.startswith("worker-"):
            _worker(site, int(name.removeprefix("worker-")), stop)
        else:
            loops[name](site, stop)


def _collectors(site: Site, stop: threading.Event) -> None:
    from secops.siem import intake

    intake.run(site.settings, site.journal, site.folder, stop, now=site.now)


def owns(number: int, workers: int) -> Callable[[str], bool]:
    """Which sources a worker is responsible for; the same in every process and after every restart."""
    return lambda source: zlib.crc32(source.encode()) % workers == number


def make_pipeline(site: Site, number: int = 0, workers: int = 1, away: Away | None = None) -> Pipeline:
    """A pipeline over this worker's share of the sources; without the store while that is ``away``."""
    from secops.siem.pipeline import Pipeline

    store: EventWriter | None = site.store
    if away is not None:
        apart = site.settings.store.kind == "elasticsearch"
        store = None if away.now else Watched(site.store, away, apart=apart)
    return Pipeline(
        site.settings.site.id,
        site.journal,
        site.stages,
        store,
        site.desk,
        owns=owns(number, workers),
        flush_every=timedelta(seconds=site.settings.work.flush_seconds),
    )


def _worker(site: Site, number: int, stop: threading.Event) -> None:
    """Work off the journal; on an error of a sink start again from what is committed, so nothing is lost or doubled."""
    away = Away(site, number)
    while not stop.is_set():
        try:
            _work(site, number, stop, away)
        except AwayError as error:
            log.error("worker-%d: %s", number, error)  # noqa: TRY400 - the message says it all
            site.reopen_store()
            away.gone(error)
        except (SecopsError, OSError) as error:
            log.error("worker-%d: %s", number, error)  # noqa: TRY400 - a full disk needs its message, not a traceback
            site.reopen_store()
            stop.wait(RETRY_SECONDS)


def _work(site: Site, number: int, stop: threading.Event, away: Away) -> None:
    pipeline = make_pipeline(site, number, site.settings.work.workers, away)
    watch = Watch(site) if number == 0 else None
    try:
        while not stop.is_set():
            with held(site.folder, f"generation-{number}", wait=True):
                if site.generation_changed() or _refreshed(site):
                    break
                if away.now and away.over():
                    away.try_again()
                    break
                progress = pipeline.step(site.now())
            if watch:
                watch.look()
            if not progress.records:
                stop.wait(IDLE_SECONDS)
        pipeline.flush(site.now())
        pipeline.wait()
    finally:
        pipeline.close()
    site.reopen_store()


def _refreshed(site: Site) -> bool:
    """Whether rules or inventory changed and were loaded; what cannot be used is said, and the work goes on."""
    try:
        return site.refresh()
    except SecopsError as error:
        log.error("%s", error)  # noqa: TRY400 - the message says it all
        return False


def _keeper(site: Site, stop: threading.Event) -> None:
    from secops.siem.keeper import Keeper
    from secops.wiring.correlation import make_correlating
    from secops.wiring.paging import paging

    journal = site.sealing_journal
    keeper = Keeper(site.settings, journal, site.store, site.desk, lambda text: log.warning("keeper: %s", text))
    turned = time.monotonic()

    def stuck() -> list[str]:
        return ["keeper"] if time.monotonic() - turned > STUCK_SECONDS else []

    # Paging is in threads of its own: a mail server that hangs keeps nothing from being sealed.
    with paging(site, stuck=stuck):
        correlating = make_correlating(site)
        due = 0.0
        while not stop.is_set():
            turned = time.monotonic()
            if time.monotonic() >= due:
                keeper.turn(site.now())
                due = time.monotonic() + KEEPER_SECONDS
            _refreshed(site)
            try:
                correlating.step(site.now())
            except (SecopsError, OSError) as error:
                log.error("keeper: %s", error)  # noqa: TRY400 - the message says it all
                stop.wait(RETRY_SECONDS)
            if not correlating.behind:
                stop.wait(CORRELATE_SECONDS)


def correlate_alone(site: Site) -> None:
    """Correlate what was worked off where no keeper runs that would do it."""
    from secops.wiring.correlation import make_correlating

    if not is_held(site.folder, "keeper"):
        make_correlating(site).run_dry(site.now())


def drain(site: Site, more: Callable[[], bool]) -> None:
    """Work off the journal until it is dry and ``more()`` says that nothing will be added; for one-shot jobs."""
    Watch(site).look()
    _drain_here(site, more)
    correlate_alone(site)


def _drain_together(site: Site, stop: threading.Event) -> None:
    """The same on all cores, beside an import: until it closes the life line."""

    def sinks() -> tuple[GenerationStore, HitWriter]:
        when_orphaned(stop.set)
        Watch(site).look()
        return site.store, site.desk

    with _all_workers(site):
        work_off_together(site, site.stores.current(), sinks, lambda: not stop.is_set())
        correlate_alone(site)


def _drain_here(site: Site, more: Callable[[], bool]) -> None:
    pipeline = make_pipeline(site)
    gc.freeze()  # the rules are there to stay: no collection has to walk over them
    try:
        while True:
            last = not more()
            pipeline.run_dry(site.now)
            if last:
                return
            time.sleep(IDLE_SECONDS)
    finally:
        gc.unfreeze()  # what was never to be collected is, at the end: a library would complain
        pipeline.close()


def drain_alone(site: Site, more: Callable[[], bool]) -> None:
    """Be all workers of the site until the journal is worked off and ``more()`` is false."""
    with _all_workers(site):
        if site.generation_changed():  # while this waited
            site.reopen_store()
        drain(site, more)


@contextmanager
def _all_workers(site: Site) -> Iterator[None]:
    with ExitStack() as stack:
        for name in worker_names(site.settings):
            stack.enter_context(held(site.folder, name))
        for number in range(site.settings.work.workers):  # a replay must not swap what is being written to
            stack.enter_context(held(site.folder, f"generation-{number}", wait=True))
        yield
