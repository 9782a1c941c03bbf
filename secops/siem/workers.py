"""Tasks shared by processes, their results in the order of the tasks. A task that kills its process is found and told.

What a hostile file makes a process do is bounded twice: the process may take so much memory and no more, and if it dies
all the same, only the item that killed it is lost.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.context import BaseContext
from typing import Any, Generic, TypeVar

_AHEAD = 64  # tasks that may be done before the results of the first are there
_DATA = 1 << 30  # bytes of memory a process may take
_LOOK = 0.2  # seconds between looks at how far the processes are

Item = TypeVar("Item")
Result = TypeVar("Result")
Progress = Callable[[int], None]
Work = Callable[[Sequence[Item]], Result]


@dataclass(frozen=True, slots=True)
class Died(Generic[Item]):
    """The process that worked on this item died, alone with it."""

    item: Item


class Workers(Generic[Item, Result]):
    """Processes that work off tasks, each some items together.

    ``begin`` is called in each process with what takes the amount done, and gives the function that does a task.
    Unless the context is that of forks, it and everything else that goes to a process must be picklable.
    """

    def __init__(
        self,
        tasks: Iterable[Sequence[Item]],
        begin: Callable[[Progress], Work[Item, Result]],
        context: BaseContext,
        processes: int,
        progress: Progress,
    ) -> None:
        self._tasks = iter(tasks)
        self._begin = begin
        self._context = context
        self._processes = processes
        self._progress = progress
        self._waiting: deque[tuple[Sequence[Item], Future[Result] | None]] = deque()
        self._total: Any = context.Value("q", 0)
        self._said = 0
        os.environ.setdefault("POLARS_MAX_THREADS", "1")  # for the processes: they are the parallelism

    def run(self) -> Iterator[Result | Died[Item]]:
        """All results. Where a process dies, what was under way is begun again, the first task item by item."""
        pool = self._pool(self._processes)
        try:
            while self._refill(pool):
                task, future = self._waiting.popleft()
                try:
                    if future is None:
                        raise BrokenProcessPool  # noqa: TRY301 - it could not be given to the pool that broke
                    done = self._result(future)
                except BrokenProcessPool:
                    pool.shutdown(cancel_futures=True)
                    yield from self._alone(task)
                    pool = self._pool(self._processes)
                    self._waiting = deque((other, None) for other, _future in self._waiting)
                    continue
                yield done
        finally:
            pool.shutdown(cancel_futures=True)

    def _refill(self, pool: ProcessPoolExecutor) -> bool:
        """Give the processes enough to do; False when all is done."""
        while len(self._waiting) < _AHEAD and (task := next(self._tasks, None)):
            self._waiting.append((task, None))
        try:
            for index, (task, future) in enumerate(self._waiting):
                if future is None:
                    self._waiting[index] = task, pool.submit(_do, task)
        except BrokenProcessPool:
            pass  # the first that waits will say so
        return bool(self._waiting)

    def _result(self, future: Future[Result]) -> Result:
        while not wait([future], _LOOK).done:
            self._say()
        self._say()
        return future.result()

    def _say(self) -> None:
        done = self._total.value
        self._progress(done - self._said)
        self._said = done

    def _alone(self, task: Sequence[Item]) -> Iterator[Result | Died[Item]]:
        """Each item of a task that may have killed its process, in a process of its own."""
        for one in task:
            pool = self._pool(1)
            try:
                yield self._result(pool.submit(_do, [one]))
            except BrokenProcessPool:
                yield Died(one)
            finally:
                pool.shutdown(cancel_futures=True)

    def _pool(self, processes: int) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(processes, self._context, _start, (self._begin, self._total))


_work: Work[Any, Any] | None = None  # of a worker process


def _start(begin: Callable[[Progress], Work[Any, Any]], total: Any) -> None:
    global _work  # noqa: PLW0603 - what ProcessPoolExecutor's initializer is for
    _limit()
    _work = begin(_Adds(total))


def _do(task: Sequence[Any]) -> Any:
    assert _work is not None
    return _work(task)


@dataclass(frozen=True, slots=True)
class _Adds:
    """Progress of a worker, added up for the main process."""

    total: Any

    def __call__(self, count: int) -> None:
        with self.total.get_lock():
            self.total.value += count


def _limit() -> None:
    """The system refuses this process more memory than that (not on Windows)."""
    if sys.platform == "win32":
        return
    import resource

    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    limit = _DATA if hard == resource.RLIM_INFINITY else min(_DATA, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
