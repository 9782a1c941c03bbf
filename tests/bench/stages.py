"""Where the time goes inside the pipeline of a site: CPU seconds by stage, one process, its threads waited for.

The pipeline knows its neighbours as ports only, so they are timed by what stands in front of them here; what is left
of a step is parsing and shaping.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.bench.measure import Row, secops

REST = "parse and shape"
JOURNAL = {"read": "read: unpack the journal"}
DETECTOR = {
    "likely": "search keywords",
    "match": "match values and judge rows",
    "explain": "hits: why, queue",
}
STORE = {"write": "write: text columns, Parquet, commit"}
SINK = {"put_hits": "hits: why, queue", "put_tallies": "write: text columns, Parquet, commit"}


class Clock:
    """CPU seconds of the process by stage; a thread that reads beside is counted by itself."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)

    def now(self) -> float:
        """Seconds of all threads but the reading one."""
        return time.process_time() - self.spent[JOURNAL["read"]]

    def beside(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """The function, timed by the seconds of its own thread."""

        def timed(*args: Any, **named: Any) -> Any:
            since = time.thread_time()
            try:
                return work(*args, **named)
            finally:
                self.spent[name] += time.thread_time() - since

        return timed

    def stage(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """The function, timed by the seconds of the process."""

        def timed(*args: Any, **named: Any) -> Any:
            since = self.now()
            try:
                return work(*args, **named)
            finally:
                self.spent[name] += self.now() - since

        return timed


class Timed:
    """An object some of whose methods are timed."""

    def __init__(self, inner: Any, methods: dict[str, Callable[..., Any]]) -> None:
        self._inner = inner
        self._methods = methods

    def __getattr__(self, name: str) -> Any:
        return self._methods.get(name) or getattr(self._inner, name)


def rows(folder: Path, site_folder: Path, files: list[Path]) -> Iterator[Row]:
    """Journal the files into a fresh site like another, then work the journal off under the clock."""
    site = folder / "stages-site"
    secops("init", site, "--id", "bench")
    (site / "secops.toml").write_text((site_folder / "secops.toml").read_text(encoding="utf-8"), encoding="utf-8")
    secops("rules", "list", "--site", site, "--json")
    spent = _worked_off(site, files)
    total = sum(spent.values())
    yield Row("where the time goes in the pipeline, one process", f"{total:.2f} s CPU")
    for name, seconds in sorted(spent.items(), key=lambda item: -item[1]):
        yield Row(f"  {name}", f"{seconds:.2f} s", f"{seconds / total:.0%}")


def _worked_off(folder: Path, files: list[Path]) -> dict[str, float]:
    from secops.siem.collect.ingest import one_shot
    from secops.siem.pipeline import Pipeline, Stages
    from secops.wiring.site import open_site

    clock = Clock()

    def timed(inner: Any, methods: dict[str, str]) -> Any:
        return Timed(inner, {name: clock.stage(stage, getattr(inner, name)) for name, stage in methods.items()})

    with open_site(folder) as site:
        one_shot(files, journal=site.journal, source="import-lgwan", zone="lgwan", now=site.now)
        stages = site.stages
        journal = {name: clock.beside(stage, getattr(site.journal, name)) for name, stage in JOURNAL.items()}
        pipeline = Pipeline(
            site.settings.site.id,
            Timed(site.journal, journal),
            Stages(
                timed(stages.detector, DETECTOR),
                clock.stage("enrich", stages.enrich),
                clock.stage("mask", stages.mask),
                clock.stage("mask", stages.mask_text),
            ),
            timed(site.store, STORE),
            timed(site.desk, SINK),
        )
        begin = clock.now()
        while pipeline.step(site.now()).records:
            pipeline.wait()  # one thing at a time, so that each second has one owner
        pipeline.flush(site.now())
        pipeline.wait()
        pipeline.close()
        named = sum(seconds for name, seconds in clock.spent.items() if name != JOURNAL["read"])
        clock.spent[REST] += clock.now() - begin - named
    return clock.spent
