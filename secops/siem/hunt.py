"""The shortest road: files → normalize → detect → hits, without a site, a journal or a store.

Files are read as streams and worked off in batches of some 20,000 records, so memory does not grow with the input. With
enough input two processes share the files; the hits come out in the order of the files either way.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secops.errors import Problem
from secops.locale import _
from secops.schema.names import PIPELINE_ERROR
from secops.siem.collect.slices import Slice, read_slice, slices
from secops.siem.collect.whole import Chunk, Wanted
from secops.siem.detect import SigmaDetector, load_detector
from secops.siem.normalize.given import UTF8
from secops.siem.normalize.windows_parts import events_of, parts_of, whole_parts_of
from secops.siem.ports import MatchedValue, Origin, Part

if TYPE_CHECKING:  # polars takes half a second to import: only formats that are read through a frame pay for it
    import polars as pl

    from secops.siem.detect.samples import Sample

_BATCH_RECORDS = 20_000
_BATCH_BYTES = 48 << 20
_TASK_BYTES = 24 << 20  # slices that are handed to a process together
_SHARE_FROM = 4 << 20  # less input is done sooner by one process
_JSON = "windows_json"


@dataclass(frozen=True, slots=True)
class Found:
    """A rule (index in ``detector.rules``) that fired on an event, with the record as it stands in the file."""

    rule: int
    timestamp: datetime | None
    path: str
    host: str
    original: str
    matched: tuple[MatchedValue, ...]
    event: Mapping[str, Any] = field(default_factory=dict)  # flat ECS names, as far as the format gives them


@dataclass(slots=True)
class Outcome:
    """What a hunt went through: files and events read, hits, and what could not be read.

    ``filtered`` are the hits that filters suppressed, by filter (index in ``detector.filters``).
    """

    files: int = 0
    events: int = 0
    hits: list[Found] = field(default_factory=list)
    filtered: Counter[int] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Rulebook:
    """What a detector is made from; small enough to hand to another process."""

    files: Sequence[tuple[str, str]]
    logsources: str
    cache: Path | None
    pipelines: Sequence[tuple[str, str]] = ()

    def detector(self) -> SigmaDetector:
        """The detector of this rulebook."""
        return load_detector(self.files, self.logsources, self.cache, pipelines=self.pipelines)


def files_below(paths: Iterable[Path]) -> list[Path]:
    """Files as named, and those in folders (hidden ones left out), sorted within each folder."""
    found: dict[Path, None] = {}
    for path in paths:
        inside = (
            sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith("."))
            if path.is_dir()
            else [path]
        )
        found.update(dict.fromkeys(inside))
    return list(found)


def hunt(
    files: Sequence[Path],
    detector: SigmaDetector,
    rulebook: Rulebook,
    *,
    now: datetime | None = None,
    processes: int = 2,
    progress: Callable[[int], None] = lambda _bytes: None,
) -> Iterator[Outcome]:
    """Search files; yields what was found, task by task, in the order of the files.

    ``detector`` is that of ``rulebook``, which other processes load for themselves. Filters that have not ended ``now``
    suppress; None leaves all of them out of it. ``progress`` gets bytes done.
    """
    tasks = _tasks([one for file in files for one in slices(file)])
    if processes < 2 or len(tasks) < 2 or sum(size for _task, size in tasks) < _SHARE_FROM:
        for task, size in tasks:
            yield search(task, detector, now)
            progress(size)
        return
    with _pool(processes, detector, rulebook, now) as pool:
        for outcome, (_task, size) in zip(pool.map(_work, [task for task, _size in tasks]), tasks, strict=True):
            yield outcome
            progress(size)


_given: tuple[SigmaDetector, datetime | None] | None = None  # of a worker process


def _pool(processes: int, detector: SigmaDetector, rulebook: Rulebook, now: datetime | None) -> ProcessPoolExecutor:
    """Worker processes with the detector: forks of this one, or where that is not safe, new ones that load it again.

    A fork starts at once. It is not safe beside polars, whose threads would be missing in the fork.
    """
    global _given  # noqa: PLW0603 - what a fork inherits
    os.environ.setdefault("POLARS_MAX_THREADS", "1")  # for the workers: they are the parallelism
    if sys.platform == "linux" and "polars" not in sys.modules:
        _given = detector, now
        return ProcessPoolExecutor(processes, multiprocessing.get_context("fork"))
    return ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _start, (rulebook, now))


def _start(rulebook: Rulebook, now: datetime | None) -> None:
    global _given  # noqa: PLW0603 - what ProcessPoolExecutor's initializer is for
    _given = rulebook.detector(), now


def _work(task: Sequence[Slice]) -> Outcome:
    assert _given is not None
    return search(task, *_given)


def _tasks(given: Sequence[Slice]) -> list[tuple[list[Slice], int]]:
    """Neighbouring slices together up to a size, so that small files share batches."""
    tasks: list[tuple[list[Slice], int]] = []
    for one in given:
        if not tasks or tasks[-1][1] + one.size > _TASK_BYTES:
            tasks.append(([], 0))
        task, total = tasks.pop()
        tasks.append(([*task, one], total + one.size))
    return tasks


def search(task: Sequence[Slice], detector: SigmaDetector, now: datetime | None = None) -> Outcome:
    """Search slices of files in this process; ``now`` as in `hunt`."""
    work = _Search(detector, now)
    for one in task:
        work.slice(one)
    work.finish()
    return work.outcome


@dataclass(slots=True)
class _Batch:
    """Records of one format and encoding, from any number of files."""

    origin: Origin
    records: list[bytes] = field(default_factory=list)
    paths: list[tuple[int, str]] = field(default_factory=list)  # (first record, file)
    size: int = 0

    def add(self, chunk: Chunk) -> None:
        path = chunk.origin.path or ""
        if not self.paths or self.paths[-1][1] != path:
            self.paths.append((len(self.records), path))
        self.records += chunk.records
        self.size += sum(map(len, chunk.records))

    def path_of(self, record: int) -> str:
        return next(path for first, path in reversed(self.paths) if first <= record)


class _Search:
    def __init__(self, detector: SigmaDetector, now: datetime | None) -> None:
        self.detector = detector
        self.now = now
        self.outcome = Outcome()
        self.batches: dict[tuple[str, str, str | None], _Batch] = {}
        self.unreadable: dict[str, tuple[int, str]] = {}

    def slice(self, one: Slice) -> None:
        """Read a slice into batches; those that are full are searched."""
        self.outcome.files += one.start == 0
        try:
            for item in read_slice(one, Wanted(kind="file")):
                if isinstance(item, Problem):
                    self.outcome.problems.append(item)
                elif isinstance(item, Chunk):
                    self._chunk(item)
        except OSError as error:
            what = _("ファイルを開けませんでした({error})。").format(error=error.strerror or error)
            self.outcome.problems.append(Problem(str(one.path), what))

    def finish(self) -> None:
        """Search what is left, and say what could not be read, in the order of the files."""
        for batch in self.batches.values():
            self._search(batch)
        self.batches.clear()
        for path, (count, reason) in self.unreadable.items():
            what = _("{count} 件のレコードを読めませんでした。最初の理由: {reason}").format(count=count, reason=reason)
            self.outcome.problems.append(Problem(path, what))

    def _chunk(self, chunk: Chunk) -> None:
        origin = _json_is_utf8(chunk)
        key = (origin.format, origin.encoding, origin.header)
        batch = self.batches.get(key)
        if batch is None:
            batch = self.batches[key] = _Batch(replace(origin, path=None, offset=None, note=None))
        batch.add(chunk)
        if len(batch.records) >= _BATCH_RECORDS or batch.size >= _BATCH_BYTES:
            self._search(self.batches.pop(key))

    def _search(self, batch: _Batch) -> None:
        self.outcome.events += len(batch.records)
        if batch.origin.format == _JSON:
            self._by_parts(batch)
        else:
            self._by_frame(batch)

    def _by_parts(self, batch: _Batch) -> None:
        """Windows events, by far the most of all that is hunted: only what rules read is made of them.

        Of a record that may hold a keyword, and of one that is a hit, everything is made.
        """
        records, reads = batch.records, self.detector.reads_of
        parts, wrong = parts_of(records, reads, batch.origin)
        for row, reason in wrong.items():
            self._unreadable(batch, row, reason)
        plain = batch.origin.encoding in UTF8  # the search for keywords reads bytes
        apart = self.detector.likely(records, parts, "windows") if plain else range(len(records))
        pairs = self._pairs(None, parts, apart)
        if apart:
            whole = whole_parts_of([records[row] for row in apart], reads, batch.origin)
            pairs += [(rule, apart[row]) for rule, row in self._pairs(None, whole)]
        if not pairs:
            return
        rows = sorted({row for _rule, row in pairs})
        place = {row: index for index, row in enumerate(rows)}
        whole = whole_parts_of([records[row] for row in rows], reads, batch.origin)
        events = events_of(whole)
        pairs = sorted(((rule, place[row]) for rule, row in pairs), key=lambda pair: (pair[1], pair[0]))
        for (rule, index), matched in zip(pairs, self.detector.explain(pairs, None, whole), strict=True):
            event = events[index]
            moment = event.get("@timestamp")
            when = datetime.fromisoformat(moment) if moment else None
            self._found(batch, rule, rows[index], when, event, matched)

    def _by_frame(self, batch: _Batch) -> None:
        from secops.siem.normalize.reading import frames_of

        for frame in frames_of(batch.records, batch.origin.format, self.detector.reads, ecs=True, origin=batch.origin):
            self._complain(batch, frame)
            pairs = sorted(self._pairs(frame), key=lambda pair: (pair[1], pair[0]))
            for (rule, row), matched in zip(pairs, self.detector.explain(pairs, frame), strict=True):
                event = {name: value for name, value in frame.row(row, named=True).items() if value is not None}
                self._found(batch, rule, row, event.get("@timestamp"), event, matched)

    def _pairs(
        self, frame: pl.DataFrame | None, parts: Sequence[Part] = (), apart: Sequence[int] = ()
    ) -> list[tuple[int, int]]:
        """(rule, row) of all matches; what filters suppress is counted."""
        matches = self.detector.match(frame, parts, apart, now=self.now)
        for match in matches:
            self.outcome.filtered.update(number for _row, number in match.filtered)
        return [(match.rule, row) for match in matches for row in match.rows]

    def _found(
        self,
        batch: _Batch,
        rule: int,
        row: int,
        when: datetime | None,
        event: Mapping[str, Any],
        matched: tuple[MatchedValue, ...],
    ) -> None:
        original = batch.records[row].decode(batch.origin.encoding, "replace").strip("\ufeff\r\n")
        host = str(event.get("host.name") or "")
        self.outcome.hits.append(Found(rule, when, batch.path_of(row), host, original, matched, event))

    def _complain(self, batch: _Batch, frame: pl.DataFrame) -> None:
        if "event.kind" not in frame.columns or PIPELINE_ERROR not in frame["event.kind"]:
            return
        for row, (kind, reason) in enumerate(frame.select("event.kind", "error.message").iter_rows()):
            if kind == PIPELINE_ERROR:
                self._unreadable(batch, row, str(reason))

    def _unreadable(self, batch: _Batch, row: int, reason: str) -> None:
        path = batch.path_of(row)
        count, first = self.unreadable.get(path, (0, reason))
        self.unreadable[path] = (count + 1, first)


def _json_is_utf8(chunk: Chunk) -> Origin:
    """The origin; JSON that was taken for a Japanese encoding but is valid UTF-8 is UTF-8 (RFC 8259)."""
    origin = chunk.origin
    if origin.format not in {_JSON, "json"} or origin.encoding not in {"cp932", "euc_jp"}:
        return origin
    try:
        b"\n".join(chunk.records).decode("utf-8")
    except UnicodeDecodeError:
        return origin
    return replace(origin, encoding="utf-8")


def sample_frame(sample: Sample, columns: frozenset[str]) -> pl.DataFrame:
    """The frame of one sample of a rule: a raw record goes through the real normalizer, an event stands as it is."""
    import polars as pl

    from secops.siem.detect.samples import with_columns
    from secops.siem.normalize.reading import frames_of

    if sample.event:
        frame = pl.DataFrame({"event.kind": ["event"]})
        return with_columns(frame, {**sample.event, **sample.extra})
    origin = Origin("file", sample.format, sample.encoding, header=sample.header, zone=sample.zone)
    record = sample.raw.rstrip("\n").encode(sample.encoding)
    frames = frames_of([record], sample.format, columns, ecs=True, origin=origin)
    zone = {"labels.zone": sample.zone} if sample.zone else {}
    return with_columns(frames[0], {**zone, **sample.extra})
