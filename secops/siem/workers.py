"""Tasks shared by processes, their results in the order of the tasks. A task that kills or holds its process is told.

What a hostile file makes a process do is bounded: the process may take so much memory and no more; one that dies all
the same, or says nothing for so long that it must hang, is ended, and only the item that did it is lost.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from typing import Any, Generic, TypeVar, cast

_AHEAD = 64  # tasks that may be done before the results of the first are there
_DATA = 1 << 30  # bytes of memory a process may take
_LOOK = 0.2  # seconds between looks at how far the processes are
_SAY = 0.1  # seconds between signs of life

Item = TypeVar("Item")
Result = TypeVar("Result")
Progress = Callable[[int], None]
Work = Callable[[Sequence[Item]], Result]


@dataclass(frozen=True, slots=True)
class Died(Generic[Item]):
    """The process that worked on this item died, alone with it, or was ended because it was ``stuck``."""

    item: Item
    stuck: bool = False


@dataclass(slots=True, eq=False)
class _Job(Generic[Item, Result]):
    """A task on its way; ``results`` are empty until it is done."""

    items: Sequence[Item]
    given: bool = False
    results: list[Result | Died[Item]] = field(default_factory=list)


@dataclass(slots=True)
class _Process(Generic[Item, Result]):
    """A process, what it works on, and for how long we have been listening to it in vain."""

    process: Any
    pipe: Connection[Any, Any]
    job: _Job[Item, Result] | None = None
    silent: float = 0.0


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came of a task: its result or its error."""

    result: Any = None
    error: Exception | None = None


class Workers(Generic[Item, Result]):
    """Processes that work off tasks, each some items together.

    ``begin`` is called in each process with what takes the amount done, and gives the function that does a task.
    Each call of the former is a sign of life, also with 0. Unless the context is that of forks, ``begin`` and
    everything else that goes to a process must be picklable.
    """

    def __init__(
        self,
        tasks: Iterable[Sequence[Item]],
        begin: Callable[[Progress], Work[Item, Result]],
        context: BaseContext,
        processes: int,
        progress: Progress,
        patience: float,
    ) -> None:
        """``patience`` is for how many seconds without a sign of life a process is not yet taken to hang."""
        self._tasks = iter(tasks)
        self._begin = begin
        self._context = context
        self._most = processes
        self._progress = progress
        self._patience = patience
        self._waiting: deque[_Job[Item, Result]] = deque()  # in the order in which their results are due
        self._processes: list[_Process[Item, Result]] = []
        os.environ.setdefault("POLARS_MAX_THREADS", "1")  # for the processes: they are the parallelism

    def run(self) -> Iterator[Result | Died[Item]]:
        """All results. Where a process ends or hangs, the items of its task are begun again one by one."""
        try:
            while self._refill():
                self._hand_out()
                self._listen()
                while self._waiting and self._waiting[0].results:
                    yield from self._waiting.popleft().results
        finally:
            for one in self._processes:
                _end(one)

    def _refill(self) -> bool:
        """Take up tasks; False when all is done."""
        self._waiting.extend(_Job(task) for task in islice(self._tasks, max(_AHEAD - len(self._waiting), 0)))
        return bool(self._waiting)

    def _hand_out(self) -> None:
        """Give each process that has nothing to do the next job; start one while there are fewer than may be."""
        for job in [job for job in self._waiting if not job.given][: self._most]:
            one = next((one for one in self._processes if one.job is None), None)
            if one is None:
                if len(self._processes) >= self._most:
                    return
                one = self._start()
            job.given = True
            one.job, one.silent = job, 0.0
            try:
                one.pipe.send(job.items)
            except OSError:  # it died while it had nothing to do
                self._lose(one, stuck=False)

    def _listen(self) -> None:
        """Hear what the processes say, for a moment at most; end those that hang.

        Only the time that we listened counts: while whoever takes the results is busy, nobody is silent.
        """
        begun = time.monotonic()
        busy = {one.pipe: one for one in self._processes if one.job}
        spoke = cast("list[Connection[Any, Any]]", wait(list(busy), _LOOK))
        waited = min(time.monotonic() - begun, 2 * _LOOK)  # the whole program may have been stopped meanwhile
        for pipe, one in busy.items():
            if pipe in spoke:
                one.silent = 0.0
                self._hear(one)
            else:
                one.silent += waited
                if one.silent > self._patience:
                    self._lose(one, stuck=True)

    def _hear(self, one: _Process[Item, Result]) -> None:
        try:
            said = one.pipe.recv()
        except (EOFError, OSError):
            self._lose(one, stuck=False)
            return
        if not isinstance(said, _Answer):
            self._progress(said)
            return
        if said.error is not None:
            raise said.error
        assert one.job is not None
        one.job.results.append(said.result)
        one.job = None

    def _lose(self, one: _Process[Item, Result], *, stuck: bool) -> None:
        """End a process; of several items of its task each gets a job of its own, a single one was it."""
        job = one.job
        assert job is not None
        self._processes.remove(one)
        _end(one)
        if len(job.items) == 1:
            job.results.append(Died(job.items[0], stuck))
            return
        place = self._waiting.index(job)
        self._waiting.remove(job)
        for item in reversed(job.items):
            self._waiting.insert(place, _Job([item]))

    def _start(self) -> _Process[Item, Result]:
        pipe, theirs = self._context.Pipe()
        process = cast("Any", self._context).Process(target=_serve, args=(theirs, self._begin), daemon=True)
        process.start()
        theirs.close()
        one = _Process[Item, Result](process, pipe)
        self._processes.append(one)
        return one


def _end(one: _Process[Any, Any]) -> None:
    one.pipe.close()
    one.process.kill()
    one.process.join()
    one.process.close()


# -------------------------------------------------------------------------------------------------------- in a process


def _serve(pipe: Connection[Any, Any], begin: Callable[[Progress], Work[Any, Any]]) -> None:
    """Do tasks until nobody gives any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a keyboard's reaches all; the one that hands out work ends us
    _limit()
    life = _Life(pipe)
    try:
        work = begin(life)
        while True:
            task = pipe.recv()
            try:
                answer = _Answer(work(task))
            except Exception as error:  # noqa: BLE001 - it is raised again where the results are taken
                answer = _Answer(error=error)
            life.flush()
            pipe.send(answer)
    except (EOFError, ConnectionError):
        os._exit(0)  # nothing is open that has to be closed: to free all piece by piece takes long


class _Life:
    """Progress of a process, added up and told now and then; that it is told is the sign of life."""

    def __init__(self, pipe: Connection[Any, Any]) -> None:
        self._pipe = pipe
        self._count = 0
        self._told = time.monotonic()

    def __call__(self, count: int) -> None:
        self._count += count
        if time.monotonic() - self._told >= _SAY:
            self.flush()

    def flush(self) -> None:
        """Tell what was not told yet."""
        self._pipe.send(self._count)
        self._count, self._told = 0, time.monotonic()


def _limit() -> None:
    """The system refuses this process more memory than that (not on Windows)."""
    if sys.platform == "win32":
        return
    import resource

    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    limit = _DATA if hard == resource.RLIM_INFINITY else min(_DATA, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
