"""What is known of an event store that cannot be reached: since when and why, for status, and when to try it again.

A worker that cannot write goes on without the store: records are journaled, rules are matched, alerts open. What the
store has missed is worked off again from its own position as soon as it takes something, in the order of the journal.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from secops.errors import AwayError, SecopsError
from secops.wiring.locks import is_held
from secops.wiring.site import Site

if TYPE_CHECKING:
    import polars as pl

    from secops.siem.ports import EventWriter

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 5.0  # seconds between tries


@dataclass(frozen=True, slots=True)
class Absence:
    """Since when a store is away, and what it or the network said."""

    since: datetime
    reason: str


class Away:
    """One worker's knowledge of the store; kept in ``run/`` for who looks at the status."""

    def __init__(self, site: Site, number: int) -> None:
        self._site = site
        self._path = site.folder / "run" / f"store-away-{number}.json"
        self._pause = FIRST_PAUSE
        self._looking: threading.Thread | None = None
        self._back = threading.Event()
        self.now = False
        self._path.unlink(missing_ok=True)  # of a process that died: this one tries for itself

    def gone(self, error: AwayError) -> None:
        """It is away; whoever asks is told since when."""
        if not self._path.exists():
            self._write({"since": self._site.now().isoformat(), "reason": str(error)})
        self.now = True
        self._back.clear()
        self._looking = threading.Thread(target=self._look, name="store-away", daemon=True)
        self._looking.start()

    def over(self) -> bool:
        """Whether it answers again, so that a write may be tried."""
        return self._back.is_set()

    def try_again(self) -> None:
        """The next pipeline is one with the store."""
        self.now = False

    def written(self) -> None:
        """It took something: it is there."""
        self._pause = FIRST_PAUSE
        self._path.unlink(missing_ok=True)

    def _look(self) -> None:
        """Ask in ever longer pauses; beside the worker, since an answer can take as long as the network likes."""
        while True:
            time.sleep(self._pause)
            self._pause = min(self._pause * 2, LONGEST_PAUSE)
            try:
                store = self._site.stores.open()
                try:
                    store.probe()
                finally:
                    store.close()
            except SecopsError:
                continue
            self._back.set()
            return

    def _write(self, values: Mapping[str, str]) -> None:
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps(values, ensure_ascii=False), encoding="utf-8")
        fresh.replace(self._path)


class Watched:
    """The event store of a worker, which says when a write succeeded.

    Whatever an Elasticsearch refuses a write for (a proxy before it, a template of somebody else's, the prefix of
    another site) is for the rest the same as if it were away: records are journaled and rules go on without it.
    """

    def __init__(self, store: EventWriter, away: Away, *, apart: bool) -> None:
        """``apart``: the store is a server of its own, whose troubles are not those of this machine."""
        self._store, self._away = store, away
        self._troubles: type[SecopsError] | tuple[()] = SecopsError if apart else ()

    def write(self, frame: pl.DataFrame, positions: Mapping[str, int]) -> int:
        """Write, and say so."""
        with self._as_away():
            rows = self._store.write(frame, positions)
        self._away.written()
        return rows

    def positions(self) -> dict[str, int]:
        """What is committed."""
        with self._as_away():
            return self._store.positions()

    @contextmanager
    def _as_away(self) -> Iterator[None]:
        try:
            yield
        except AwayError:
            raise
        except self._troubles as error:
            raise AwayError(str(error)) from error


def absence(site: Site) -> Absence | None:
    """Since when a running worker has been without the store; the earliest of them."""
    found = []
    for number in range(site.settings.work.workers):
        if not is_held(site.folder, f"worker-{number}"):
            continue
        try:
            said = json.loads((site.folder / "run" / f"store-away-{number}.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        found.append(Absence(datetime.fromisoformat(said["since"]), str(said["reason"])))
    return min(found, key=lambda one: one.since, default=None)
