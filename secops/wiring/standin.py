"""Pages in the keeper's place where the keeper is dead or dies again and again: somebody must say so.

A keeper that lives but whose paging does not turn any more is ended: the supervisor starts it anew.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from secops.notify.conditions import LOOPING
from secops.wiring.ends import last_beat, recent_ends
from secops.wiring.locks import is_held

if TYPE_CHECKING:
    from secops.wiring.site import Site

log = logging.getLogger("secops")
PATIENCE_SECONDS = 60.0
HUNG_SECONDS = 300.0  # longer than a write may wait for another one
LOOK_SECONDS = 5.0


class Absence:
    """Whether the keeper is away for good, as far as one who looks now and then can tell."""

    def __init__(self, site: Site, patience: float = PATIENCE_SECONDS) -> None:
        self._site = site
        self._patience = patience
        self._seen = time.monotonic()

    def __call__(self) -> bool:
        """Look now."""
        if recent_ends(self._site.folder, self._site.now()).get("keeper", 0) >= LOOPING:
            return True
        if is_held(self._site.folder, "keeper"):
            self._seen = time.monotonic()
        return time.monotonic() - self._seen > self._patience


class Hung:
    """Which child of this process pages no more although it lives, as far as one who looks now and then can tell."""

    def __init__(self, site: Site, patience: float = HUNG_SECONDS) -> None:
        self._folder = site.folder
        self._patience = patience
        self._last, self._seen = (0, 0), time.monotonic()

    def __call__(self) -> int:
        """The process id, or 0. Time in which the machine sleeps does not count."""
        found = last_beat(self._folder)
        if found != self._last or not is_held(self._folder, "keeper"):
            self._last, self._seen = found, time.monotonic()
        silent = time.monotonic() - self._seen > self._patience
        return found[0] if silent and _is_child(found[0]) else 0


def _is_child(pid: int) -> bool:
    """Whether it is a process that this one started: a number in a file may be anybody's by now."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[1] == str(os.getpid())


@contextmanager
def standing_in(site: Site) -> Iterator[None]:
    """While inside, page from a thread of this process whenever the keeper is away."""
    stop = threading.Event()
    arguments = (site, stop, Absence(site), Hung(site))
    thread = threading.Thread(target=_watch, args=arguments, name="stand-in", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(LOOK_SECONDS)


def _watch(site: Site, stop: threading.Event, away: Absence, hung: Hung) -> None:
    while not stop.wait(LOOK_SECONDS):
        if pid := hung():
            log.error("keeper: no sign of life for %d s; ended, to be started anew", HUNG_SECONDS)
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if away():
            from secops.wiring.paging import paging  # with all it needs, which a supervisor else does without

            with paging(site, away):
                while away() and not stop.wait(LOOK_SECONDS):
                    pass
