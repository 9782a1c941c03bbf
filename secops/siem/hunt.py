"""The shortest road: files → normalize → detect → hits, without a site, a journal or a store.

Files are read as streams and worked off in batches of some 20,000 records, so memory does not grow with the input. With
enough input two processes share the files; the hits come out in the order of the files either way.
"""

from __future__ import annotations

import multiprocessing
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import polars as pl

from secops.errors import Problem
from secops.locale import _
from secops.schema.frame import PIPELINE_ERROR
from secops.siem.collect.whole import Chunk, Wanted, read_whole
from secops.siem.detect import SigmaDetector, load_detector
from secops.siem.detect.samples import Sample, with_columns
from secops.siem.normalize import frames_of
from secops.siem.ports import MatchedValue, Origin

_BATCH_RECORDS = 20_000
_BATCH_BYTES = 48 << 20
_TASK_BYTES = 64 << 20  # files that are handed to a process together
_SHARE_FROM = 96 << 20  # less input is done sooner by one process
_JSON = "windows_json"
_SHOWN = ("host.name",)  # read for the reader, not for the rules


@dataclass(frozen=True, slots=True)
class Found:
    """A rule (index in ``detector.rules``) that fired on an event, with the record as it stands in the file."""

    rule: int
    timestamp: datetime | None
    path: str
    host: str
    original: str
    matched: tuple[MatchedValue, ...]


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

    def detector(self) -> SigmaDetector:
        """The detector of this rulebook."""
        return load_detector(self.files, self.logsources, self.cache)


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
    tasks = _tasks(files)
    if processes < 2 or len(tasks) < 2 or sum(size for _task, size in tasks) < _SHARE_FROM:
        for task, size in tasks:
            yield search(task, detector, now)
            progress(size)
        return
    os.environ.setdefault("POLARS_MAX_THREADS", "1")  # for the new processes: they are the parallelism
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, _start, (rulebook, now)) as pool:
        for outcome, (_task, size) in zip(pool.map(_work, [task for task, _size in tasks]), tasks, strict=True):
            yield outcome
            progress(size)


_given: tuple[SigmaDetector, datetime | None] | None = None  # of a worker process


def _start(rulebook: Rulebook, now: datetime | None) -> None:
    global _given  # noqa: PLW0603 - what ProcessPoolExecutor's initializer is for
    _given = rulebook.detector(), now


def _work(files: Sequence[Path]) -> Outcome:
    assert _given is not None
    return search(files, *_given)


def _tasks(files: Sequence[Path]) -> list[tuple[list[Path], int]]:
    """Neighbouring files together up to a size, so that small files share batches."""
    tasks: list[tuple[list[Path], int]] = []
    for file in files:
        try:
            size = file.stat().st_size
        except OSError:
            size = 0
        if not tasks or tasks[-1][1] + size > _TASK_BYTES:
            tasks.append(([], 0))
        task, total = tasks.pop()
        tasks.append(([*task, file], total + size))
    return tasks


def search(files: Sequence[Path], detector: SigmaDetector, now: datetime | None = None) -> Outcome:
    """Search files in this process; ``now`` as in `hunt`."""
    work = _Search(detector, now)
    for file in files:
        work.file(file)
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
        self.columns = detector.reads | frozenset(_SHOWN)
        self.batches: dict[tuple[str, str, str | None], _Batch] = {}
        self.unreadable: dict[str, tuple[int, str]] = {}

    def file(self, path: Path) -> None:
        """Read a file into batches; those that are full are searched."""
        self.outcome.files += 1
        try:
            for item in read_whole(path, Wanted(kind="file")):
                if isinstance(item, Problem):
                    self.outcome.problems.append(item)
                elif isinstance(item, Chunk):
                    self._chunk(item)
        except OSError as error:
            what = _("ファイルを開けませんでした({error})。").format(error=error.strerror or error)
            self.outcome.problems.append(Problem(str(path), what))

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
        """Only records that may hold a keyword need all their fields; of the others, only what rules read is made."""
        records = batch.records
        self.outcome.events += len(records)
        everything = batch.origin.format != _JSON
        likely = [True] * len(records) if everything else self.detector.keyword_records(records, "windows")
        for full in (False, True):
            chosen = [index for index, found in enumerate(likely) if found == full]
            if chosen:
                self._part(batch, chosen, full=full)

    def _part(self, batch: _Batch, chosen: Sequence[int], *, full: bool) -> None:
        records = batch.records if len(chosen) == len(batch.records) else [batch.records[index] for index in chosen]
        for frame in frames_of(records, batch.origin.format, self.columns, ecs=full, origin=batch.origin):
            places = frame["event.sequence"]
            self._complain(batch, frame, chosen)
            hosts = frame["host.name"] if "host.name" in frame.columns else None
            for match in self.detector.match(frame, keywords=full, now=self.now):
                self.outcome.filtered.update(number for _row, number in match.filtered)
                for row in match.rows:
                    record = chosen[places[row]]
                    self.outcome.hits.append(
                        Found(
                            match.rule,
                            frame["@timestamp"][row],
                            batch.path_of(record),
                            (hosts[row] if hosts is not None else None) or "",
                            batch.records[record].decode(batch.origin.encoding, "replace").strip("\ufeff\r\n"),
                            self.detector.explain(match.rule, frame, row),
                        )
                    )

    def _complain(self, batch: _Batch, frame: pl.DataFrame, chosen: Sequence[int]) -> None:
        if "event.kind" not in frame.columns:
            return
        wrong = frame.with_row_index("row").filter(pl.col("event.kind") == PIPELINE_ERROR)
        for row in wrong["row"]:
            path = batch.path_of(chosen[frame["event.sequence"][row]])
            count, reason = self.unreadable.get(path, (0, str(frame["error.message"][row])))
            self.unreadable[path] = (count + 1, reason)


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
    if sample.event:
        frame = pl.DataFrame({"event.kind": ["event"]})
        return with_columns(frame, {**sample.event, **sample.extra})
    origin = Origin("file", sample.format, sample.encoding, header=sample.header, zone=sample.zone)
    record = sample.raw.rstrip("\n").encode(sample.encoding)
    frames = frames_of([record], sample.format, columns, ecs=True, origin=origin)
    zone = {"labels.zone": sample.zone} if sample.zone else {}
    return with_columns(frames[0], {**zone, **sample.extra})
