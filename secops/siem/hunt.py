"""The shortest road: files → normalize → detect → hits, without a site, a journal or a store.

Files are read as streams and worked off in batches of some 20,000 records, and hits beyond a number wait for their turn
on disk, so memory does not grow with the input. With enough input several processes share the files; the hits come out
in the order of the files either way. A process that dies takes the file with it that it could not bear, and no other.
"""

from __future__ import annotations

import gc
import os
import sys
import time
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from secops.errors import Problem
from secops.locale import _
from secops.schema.names import PIPELINE_ERROR
from secops.siem.batches import Batch
from secops.siem.collect.containers import SUFFIXES
from secops.siem.collect.lines import is_part
from secops.siem.collect.slices import Slice, read_slice, slices
from secops.siem.collect.streams import Limits
from secops.siem.collect.whole import Chunk, Wanted
from secops.siem.detect import Selection, SigmaDetector, load_detector
from secops.siem.normalize.given import UTF8
from secops.siem.normalize.windows_parts import events_of, parts_of, whole_parts_of
from secops.siem.ports import MatchedValue, Origin, Part, Span

if TYPE_CHECKING:  # polars takes half a second to import: only formats that are read through a frame pay for it
    import polars as pl

    from secops.siem.workers import Progress

_BATCH_RECORDS = 20_000
_BATCH_BYTES = 48 << 20
_HERE = f".{os.sep}"
_TASK_BYTES = 24 << 20  # slices that are handed to a process together; more where there are many of them,
_TASK_MOST = 96 << 20  # up to so many,
_ROUNDS = 8  # so that each process gets that many tasks
_SHARE_FROM = 40 << 20  # bytes; less is done as soon by one process: each has to judge the first rows for itself
_PACKED = 10  # bytes out of one of an archive, as a rule
_PATIENCE = 300.0  # seconds without progress after which a file is given up
_SPILL = 2000  # hits in memory at once; more go to disk until it is their turn
_NO_MEMORY = "メモリが足りず、このファイルは最後まで調べていません。"
_LONGEST = 64 << 20  # bytes of one record; of a longer one the rest is given up, and that is said
_COLLECT_AFTER = 100_000  # objects
_WHOLE = 2000  # events that are hits are made complete together
_JSON = "windows_json"
_YEARLESS = frozenset({"syslog"})  # formats whose times may lack the year
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DOCUMENTS = frozenset({_JSON, "json"})


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
    selection: Selection | None = None

    def detector(self) -> SigmaDetector:
        """The detector of this rulebook."""
        return load_detector(
            self.files, self.logsources, self.cache, pipelines=self.pipelines, selection=self.selection
        )


def files_below(paths: Iterable[Path]) -> list[Path]:
    """Files as named, and those in folders (hidden ones left out), sorted within each folder."""
    found: dict[str, Path] = {}
    for path in paths:
        if not path.is_dir():
            found.setdefault(str(path), path)
            continue
        # Texts are compared and found again in a tenth of the time that paths take.
        for name in sorted(_below(str(path)), key=_by_folder):
            known = name.removeprefix(_HERE)  # as a path has it
            if known not in found:
                found[known] = Path(known)
    return list(found.values())


def _below(folder: str) -> Iterator[str]:
    """The files in a folder and those below it; links to folders are not followed, what may not be read is left out."""
    with suppress(PermissionError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _below(entry.path)
            elif not entry.name.startswith(".") and entry.is_file():
                yield entry.path


def _by_folder(path: str) -> list[str]:
    """Sorts texts as paths are sorted, part by part."""
    return os.path.normcase(path).split(os.sep)  # noqa: PTH206 - making paths of them is what takes the time


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a search goes by besides the rules.

    Filters that have not ended ``now`` suppress; None leaves all of them out of it. Only hits within ``span`` count,
    and those without a time. ``limits`` are those of archives.
    """

    now: datetime | None = None
    span: Span = Span()
    limits: Limits = Limits()


def hunt(
    files: Sequence[Path],
    detector: SigmaDetector,
    rulebook: Rulebook,
    conditions: Conditions = Conditions(),
    *,
    processes: int = 2,
    progress: Progress = lambda _bytes: None,
) -> Iterator[Outcome]:
    """Search files; yields what was found, part by part, in the order of the files.

    ``detector`` is that of ``rulebook``, which other processes load for themselves. ``progress`` gets bytes done.
    """
    cut = [one for file in files for one in slices(file)]
    size = sum(one.size for one in cut)
    tasks = _tasks(cut, min(max(size // (processes * _ROUNDS), _TASK_BYTES), _TASK_MOST))
    if len(tasks) < 2 or sum(map(_weight, cut)) < _SHARE_FROM:
        processes = 1
    with _seldom_collecting():
        # Even if it is the only one that works, of several files another process reads them: it can be ended.
        if processes < 2 and (len(files) < 2 or not _can_fork()):
            given = _Given(detector, conditions, cut, "", progress)
            for task in tasks:
                yield from _search_here([cut[number] for number in task], given)
            return
        import tempfile

        with tempfile.TemporaryDirectory(prefix="secops-hunt-") as folder:
            yield from _shared(tasks, _Given(detector, conditions, cut, folder, progress), rulebook, processes)


@contextmanager
def _seldom_collecting() -> Iterator[None]:
    """Cyclic garbage is looked for seldom, and not among the rules: a hunt makes many objects and hardly a cycle.

    In a fork, a collection would also write to every page of the rules, and so make a copy of it.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


@dataclass(frozen=True, slots=True)
class _Given:
    """What a process searches with: ``folder`` takes what does not fit into memory, ``progress`` gets bytes done.

    ``slices`` are all there are; a task is numbers of them, which are passed to a process in no time.
    """

    detector: SigmaDetector
    conditions: Conditions
    slices: Sequence[Slice]
    folder: str
    progress: Progress


def _search_here(task: Sequence[Slice], given: _Given) -> Iterator[Outcome]:
    """The parts of a task as they come, in this process."""
    ready: list[Outcome] = []
    work = _Search(given.detector, given.conditions, ready.append, given.progress)
    for one in task:
        for _step in work.slice(one):
            yield from ready
            ready.clear()
    work.finish()
    yield from (*ready, work.outcome)


_Done = tuple[str | None, Outcome]  # the file with the parts that went to disk, and the last part
_Work = Callable[[Sequence[int]], _Done]


def _search_task(given: _Given, task: Sequence[int]) -> _Done:
    import pickle

    import zstandard

    path: str | None = None
    with ExitStack() as stack:
        spill: IO[bytes] | None = None

        def emit(part: Outcome) -> None:
            nonlocal spill, path
            if spill is None:
                path = str(Path(given.folder) / f"{os.getpid()}-{time.monotonic_ns()}")
                spill = stack.enter_context(zstandard.open(path, "wb"))
            pickle.dump(part, spill, pickle.HIGHEST_PROTOCOL)

        work = _Search(given.detector, given.conditions, emit, given.progress)
        for number in task:
            for _step in work.slice(given.slices[number]):
                given.progress(0)  # a sign of life: of a large EVTX file the bytes are told at its end
        work.finish()
        return path, work.outcome


def _in_order(done: _Done) -> Iterator[Outcome]:
    """The parts of a task; what went to disk is read back one by one."""
    path, last = done
    if path is not None:
        import pickle

        import zstandard

        with zstandard.open(path, "rb") as spill, suppress(EOFError):
            while True:
                yield pickle.load(spill)  # noqa: S301 - written by our own worker, into a folder that only we can open
        Path(path).unlink()
    yield last


def _begin(
    rules: SigmaDetector | Rulebook, conditions: Conditions, cut: Sequence[Slice], folder: str, progress: Progress
) -> _Work:
    """What a process does: a fork has the detector, a new process loads the rules."""
    detector = rules.detector() if isinstance(rules, Rulebook) else rules
    return partial(_search_task, _Given(detector, conditions, cut, folder, progress))


def _shared(tasks: Sequence[Sequence[int]], given: _Given, rulebook: Rulebook, processes: int) -> Iterator[Outcome]:
    """The parts of all tasks in their order, worked off by several processes.

    They are forks, which start at once, but beside polars, whose threads would be missing in a fork.
    """
    import multiprocessing  # which a single file does not need

    from secops.siem.workers import Died, Workers

    forks = _can_fork()
    context = multiprocessing.get_context("fork" if forks else "spawn")
    begin = partial(_begin, given.detector if forks else rulebook, given.conditions, given.slices, given.folder)
    for done in Workers(tasks, begin, context, processes, given.progress, _PATIENCE).run():
        if isinstance(done, Died):
            one = given.slices[done.item]
            what = _("調べている途中でプロセスが止まりました(メモリ不足など)。このファイルは最後まで調べていません。")
            if done.stuck:
                what = _(
                    "{minutes} 分の間、読み取りが進まなかったため打ち切りました。このファイルは最後まで調べていません。"
                    "壊れているか、読み取りを妨げるように作られたファイルかもしれません。出所を確認してください。"
                ).format(minutes=round(_PATIENCE / 60))
            yield Outcome(files=int(one.start == 0), problems=[Problem(str(one.path), what)])
        else:
            yield from _in_order(done)


def _can_fork() -> bool:
    return sys.platform == "linux" and "polars" not in sys.modules


def _weight(one: Slice) -> int:
    """The bytes that are to be read."""
    return one.size * (_PACKED if one.guess is None and one.path.name.endswith((*SUFFIXES, ".zip")) else 1)


def _tasks(cut: Sequence[Slice], most: int) -> list[list[int]]:
    """Neighbouring slices together up to a size, so that small files share batches; by their numbers."""
    tasks: list[list[int]] = []
    total = most + 1
    for number, one in enumerate(cut):
        total += one.size
        if total > most:
            tasks.append([])
            total = one.size
        tasks[-1].append(number)
    return tasks


def search(task: Sequence[Slice], detector: SigmaDetector, conditions: Conditions = Conditions()) -> Outcome:
    """Search slices of files in this process; all hits are held in memory."""
    outcome = Outcome()
    work = _Search(detector, conditions, lambda part: add(outcome, part))
    for one in task:
        deque(work.slice(one), maxlen=0)
    work.finish()
    add(outcome, work.outcome)
    return outcome


def add(total: Outcome, part: Outcome) -> None:
    """Add a part of a hunt to the whole."""
    total.files += part.files
    total.events += part.events
    total.hits += part.hits
    total.filtered += part.filtered
    total.problems += part.problems


class _Search:
    """The search of one task; ``emit`` takes what is found before the end, `outcome` is the last part."""

    def __init__(
        self,
        detector: SigmaDetector,
        conditions: Conditions,
        emit: Callable[[Outcome], None],
        progress: Progress = lambda _bytes: None,
    ) -> None:
        self.detector = detector
        self.progress = progress
        self.now = conditions.now
        self.span = conditions.span
        self.wanted = Wanted(kind="file", limits=conditions.limits, longest=_LONGEST)
        self.emit = emit
        self.outcome = Outcome()
        self.batches: dict[tuple[str, str, str | None, datetime], Batch] = {}
        self.received: datetime | None = None  # of the slice at hand, once somebody asks
        self.found = 0
        self.unreadable: dict[str, tuple[int, str]] = {}

    def slice(self, one: Slice) -> Iterator[None]:
        """Read a slice into batches, step by step; those that are full are searched."""
        self.outcome.files += one.start == 0
        try:
            self.received = None
            for item in read_slice(one, self.wanted, self.progress):
                if isinstance(item, Problem):
                    self.outcome.problems.append(item)
                elif isinstance(item, Chunk):
                    self._chunk(item, one.path)
                    yield
        except OSError as error:
            what = _("ファイルを開けませんでした({error})。").format(error=error.strerror or error)
            self.outcome.problems.append(Problem(str(one.path), what))
        except MemoryError:
            self.outcome.problems.append(Problem(str(one.path), _(_NO_MEMORY)))

    def finish(self) -> None:
        """Search what is left, and say what could not be read, in the order of the files."""
        for batch in self.batches.values():
            self._search(batch)
        self.batches.clear()
        for path, (count, reason) in self.unreadable.items():
            what = _("{count} 件のレコードを読めませんでした。最初の理由: {reason}").format(count=count, reason=reason)
            self.outcome.problems.append(Problem(path, what))

    def _chunk(self, chunk: Chunk, path: Path) -> None:
        origin = _json_is_utf8(chunk)
        if is_part(origin.note) and origin.format in _DOCUMENTS:
            if is_part(origin.note) == 1:
                text = _("レコードが長すぎます(上限 {limit} MB)。").format(limit=_LONGEST >> 20)
                self._lost(origin.path or "", text)
            return
        received = self._day_of(path) if origin.format in _YEARLESS else _EPOCH
        key = (origin.format, origin.encoding, origin.header, received)
        batch = self.batches.get(key)
        if batch is None:
            batch = self.batches[key] = Batch(replace(origin, path=None, offset=None, note=None), received)
        batch.add(chunk)
        if len(batch.records) >= _BATCH_RECORDS or batch.size >= _BATCH_BYTES:
            self._search(self.batches.pop(key))

    def _day_of(self, path: Path) -> datetime:
        if self.received is None:
            self.received = _day(path.stat().st_mtime, self.now)
        return self.received

    def _search(self, batch: Batch) -> None:
        """Search a batch; where memory runs out, its halves, down to the record that is too much."""
        before = self.found
        self.progress(0)
        try:
            if batch.origin.format == _JSON:
                self._by_parts(batch)
            else:
                self._by_frame(batch)
        except (MemoryError, SystemError):  # the parser's way to say that it got no memory
            if len(batch.records) > 1 and self.found == before:
                for half in batch.halves():
                    self._search(half)
                return
            for _first, path in batch.paths:
                self.outcome.problems.append(Problem(path, _(_NO_MEMORY)))
        self.outcome.events += len(batch.records)

    def _by_parts(self, batch: Batch) -> None:
        """Windows events, by far the most of all that is hunted: only what rules read is made of them.

        Of a record that may hold a keyword, and of one that is a hit, everything is made.
        """
        records = batch.records
        parts, wrong = parts_of(records, self.detector.reads_of, batch.origin)
        for row, reason in wrong.items():
            self._unreadable(batch, row, reason)
        plain = batch.origin.encoding in UTF8  # the search for keywords reads bytes
        apart = self.detector.likely(records, parts, "windows") if plain else range(len(records))
        pairs = self._pairs(None, parts, apart)
        if apart:
            whole, refused = whole_parts_of([records[row] for row in apart], self.detector.shows_of, batch.origin)
            for index in refused.keys() - {index for index, row in enumerate(apart) if row in wrong}:
                self._unreadable(batch, apart[index], refused[index])
            pairs += [(rule, apart[row]) for rule, row in self._pairs(None, whole)]
        if not pairs:
            return
        rows = sorted({row for _rule, row in pairs})
        pairs.sort(key=itemgetter(1, 0))
        for start in range(0, len(rows), _WHOLE):
            some = rows[start : start + _WHOLE]
            first, last = (bisect_left(pairs, row, key=itemgetter(1)) for row in (some[0], some[-1] + 1))
            self._whole(batch, some, pairs[first:last])

    def _whole(self, batch: Batch, rows: Sequence[int], pairs: Sequence[tuple[int, int]]) -> None:
        """Hits of events, with all that is known of them; ``pairs`` are in the order of the rows.

        What the reader of single fields could read and that of whole records could not is told as unreadable.
        """
        records = [batch.records[row] for row in rows]
        place = {row: index for index, row in enumerate(rows)}
        whole, refused = whole_parts_of(records, self.detector.shows_of, batch.origin)
        for index, reason in refused.items():
            self._unreadable(batch, rows[index], reason)
        events = events_of(whole)
        pairs = [(rule, place[row]) for rule, row in pairs if place[row] not in refused]
        for (rule, index), matched in zip(pairs, self.detector.explain(pairs, None, whole), strict=True):
            event = events[index]
            moment = event.get("@timestamp")
            when = datetime.fromisoformat(moment) if moment else None
            self._found(batch, rule, rows[index], when, event, matched)

    def _by_frame(self, batch: Batch) -> None:
        from secops.siem.normalize.reading import frames_of

        records, kind, origin = batch.records, batch.origin.format, batch.origin
        for frame in frames_of(records, kind, self.detector.reads, ecs=True, origin=origin, received=batch.received):
            self._complain(batch, frame)
            pairs = sorted(self._pairs(frame), key=itemgetter(1, 0))
            for start in range(0, len(pairs), _WHOLE):
                some = pairs[start : start + _WHOLE]
                rows = sorted({row for _rule, row in some})
                events = dict(zip(rows, map(_without_nulls, frame[rows].rows(named=True)), strict=True))
                for (rule, row), matched in zip(some, self.detector.explain(some, frame), strict=True):
                    event = events[row]
                    when = None if event.get("labels.time_source") == "received" else event.get("@timestamp")
                    self._found(batch, rule, row, when, event, matched)

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
        batch: Batch,
        rule: int,
        row: int,
        when: datetime | None,
        event: Mapping[str, Any],
        matched: tuple[MatchedValue, ...],
    ) -> None:
        if when and not self.span.holds(when):
            return
        original = batch.records[row].decode(batch.origin.encoding, "replace").strip("\ufeff\r\n")
        host = str(event.get("host.name") or "")
        self.found += 1
        self.outcome.hits.append(Found(rule, when, batch.path_of(row), host, original, matched, event))
        if len(self.outcome.hits) >= _SPILL:
            part, self.outcome = self.outcome, Outcome()
            self.emit(part)

    def _complain(self, batch: Batch, frame: pl.DataFrame) -> None:
        if "event.kind" not in frame.columns or PIPELINE_ERROR not in frame["event.kind"]:
            return
        for row, (kind, reason) in enumerate(frame.select("event.kind", "error.message").iter_rows()):
            if kind == PIPELINE_ERROR:
                self._unreadable(batch, row, str(reason))

    def _unreadable(self, batch: Batch, row: int, reason: str) -> None:
        self._lost(batch.path_of(row), reason)

    def _lost(self, path: str, reason: str) -> None:
        count, first = self.unreadable.get(path, (0, reason))
        self.unreadable[path] = (count + 1, first)


def _without_nulls(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}


def _day(changed: float, now: datetime | None) -> datetime:
    """The day on which a file was last written, but none to come: a time without a year is about a day before it."""
    moment = datetime.fromtimestamp(max(changed, 0), UTC)
    return (min(moment, now) if now else moment).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


def _json_is_utf8(chunk: Chunk) -> Origin:
    """The origin; JSON that was taken for a Japanese encoding but is valid UTF-8 is UTF-8 (RFC 8259)."""
    origin = chunk.origin
    if origin.format not in _DOCUMENTS or origin.encoding not in {"cp932", "euc_jp"}:
        return origin
    try:
        b"\n".join(chunk.records).decode("utf-8")
    except UnicodeDecodeError:
        return origin
    return replace(origin, encoding="utf-8")
