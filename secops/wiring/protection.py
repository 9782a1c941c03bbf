"""Looks every minute, and whenever rules were loaded, whether less protects than before, and tells others."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from secops.wiring.site import Site

if TYPE_CHECKING:
    from secops.siem.triage.protection import Protection

LOOK_SECONDS = 60.0


class Watch:
    """One process of a site looks: the first worker, or the one that works off an import."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._last: Protection | None = None
        self._due = 0.0

    def look(self) -> None:
        """Tell of changes since the last time anyone looked; cheap where there are none."""
        if time.monotonic() < self._due:
            return
        from secops.siem.triage.protection import protection

        self._due = time.monotonic() + LOOK_SECONDS
        now, detector = self._site.now(), self._site.detector
        found = protection(detector.rules, detector.filters, now)
        if found != self._last:
            self._site.desk.tell_protection(found, now)
            self._last = found
