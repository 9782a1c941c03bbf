"""The processes of a crew: each opens the site for itself, and lives no longer than the one that started it."""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from pathlib import Path
from typing import TYPE_CHECKING

from secops.errors import SecopsError
from secops.locale import _
from secops.wiring.site import Site, open_site

if TYPE_CHECKING:
    from secops.siem.crew import Share, Stretch
    from secops.siem.ports import HitWriter
    from secops.wiring.stores import GenerationStore

WORTHWHILE = 50_000  # records; fewer are worked off before members have started
MOST = 2  # members; each takes about half a gigabyte
IDLE_SECONDS = 0.05
# Members share the cores among themselves: one thread for polars. Its freed pages go back for good after 0.3 s: kept
# for longer they make a member a third larger and no faster.
_TUNED = {"POLARS_MAX_THREADS": "1", "_RJEM_MALLOC_CONF": "dirty_decay_ms:300,muzzy_decay_ms:0"}


def work_off_together(
    site: Site,
    generation: str,
    sinks: Callable[[], tuple[GenerationStore, HitWriter]],
    more: Callable[[], bool],
    seen: Callable[[int], None] = lambda _records: None,
) -> None:
    """Work the journal off on all cores until ``more()`` is false; see `Crew.run_dry`.

    ``sinks`` opens the store of that generation and the sink of the hits, and starts what threads there are: members
    are forks of this process if polars is not loaded, which share its rules and are at work in half a second.

    Raises:
        SecopsError: a member died; what is journaled is not lost.
    """
    members = min(len(os.sched_getaffinity(0)), MOST)
    with _started(site, generation, members) as submit:
        from secops.siem.crew import Crew

        crew = Crew(site.journal, *sinks(), submit, members)
        try:
            crew.run_dry(more, partial(time.sleep, IDLE_SECONDS), seen)
        except BrokenProcessPool as error:
            text = _("解析の処理が止まりました。取り込んだログは失われず、secops run で続きから解析されます。")
            raise SecopsError(text) from error


@contextmanager
def _started(site: Site, generation: str, members: int) -> Iterator[Callable[[Stretch], Future[Share]]]:
    before = {name: os.environ.get(name) for name in _TUNED}
    os.environ.update(_TUNED)  # the members' environment; polars of this process, if it runs already, does not look
    fork = "polars" not in sys.modules  # its threads and locks do not survive a fork
    if fork:
        _rules = site.detector
        _inherited[:] = [site]
        gc.freeze()
    mine = (site.folder, generation, gc.get_threshold())
    pool = ProcessPoolExecutor(members, get_context("fork" if fork else "spawn"), _open, mine)
    try:
        for _member in range(members):  # starts them now, before there is work
            pool.submit(os.getpid)
        yield lambda stretch: pool.submit(_work, stretch)
    finally:
        pool.shutdown(cancel_futures=True)
        _inherited.clear()
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


# ------------------------------------------------------------------------------------------------------ in a member

_inherited: list[Site] = []  # what a fork finds: settings and rules, nothing that is open
_opened: list[tuple[Site, GenerationStore]] = []


def _open(folder: Path, generation: str, collections: tuple[int, int, int]) -> None:
    """Be a member: load what every stretch needs."""
    gc.set_threshold(*collections)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a keyboard's reaches all; the one that hands out work decides
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    atexit.register(os._exit, 0)  # nothing is open that has to be closed: to free all piece by piece takes long
    site = _inherited[0] if _inherited else open_site(folder)
    _loaded = site.stages
    _opened.append((site, site.stores.open(generation)))
    gc.freeze()  # the rules are there to stay: no collection has to walk over them


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


def _work(stretch: Stretch) -> Share:
    from secops.siem.crew import work_off

    site, store = _opened[0]
    return work_off(stretch, site.settings.site.id, site.journal, site.stages, store.stage, site.now)
