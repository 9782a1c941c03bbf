"""Collect what is there now and work it off, without staying: for a site that is not running."""

from __future__ import annotations

import threading
import time

from secops.wiring.locks import held, is_held
from secops.wiring.parts import drain_alone
from secops.wiring.site import Site

QUIET_SECONDS = 3.0
LOOK_SECONDS = 0.2


def catch_up(site: Site) -> bool:
    """Read every file source to its end and work the journal off; False where a running program does so already."""
    from secops.siem import intake

    if is_held(site.folder, "supervisor") or is_held(site.folder, "collectors"):
        return False
    stop = threading.Event()
    collecting = threading.Thread(
        target=intake.run, args=(site.settings, site.journal, site.folder, stop), kwargs={"now": site.now}
    )
    with held(site.folder, "collectors"):
        collecting.start()
        try:
            _wait_until_quiet(site, collecting)
        finally:
            stop.set()
            collecting.join()
    drain_alone(site, lambda: False)
    return True


def _wait_until_quiet(site: Site, collecting: threading.Thread) -> None:
    """Until no source brought anything for a few seconds."""
    heads, since = site.journal.heads(), time.monotonic()
    while collecting.is_alive() and time.monotonic() - since < QUIET_SECONDS:
        time.sleep(LOOK_SECONDS)
        if (now := site.journal.heads()) != heads:
            heads, since = now, time.monotonic()
