"""Pages in the keeper's place where the keeper is dead or dies again and again: somebody must say so."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from secops.notify.conditions import LOOPING
from secops.wiring.ends import recent_ends
from secops.wiring.locks import is_held

if TYPE_CHECKING:
    from secops.wiring.site import Site

PATIENCE_SECONDS = 60.0
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


@contextmanager
def standing_in(site: Site) -> Iterator[None]:
    """While inside, page from a thread of this process whenever the keeper is away."""
    stop = threading.Event()
    thread = threading.Thread(target=_watch, args=(site, stop, Absence(site)), name="stand-in", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(LOOK_SECONDS)


def _watch(site: Site, stop: threading.Event, away: Absence) -> None:
    while not stop.wait(LOOK_SECONDS):
        if away():
            from secops.wiring.paging import paging  # with all it needs, which a supervisor else does without

            with paging(site, away):
                while away() and not stop.wait(LOOK_SECONDS):
                    pass
