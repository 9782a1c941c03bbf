"""The one place where collectors meet the journal: group commit, back-pressure, retry.

Collectors hand over deliveries and wait; a delivery is acknowledged when the journal's transaction is durable. While
the journal fails nothing is acknowledged and nothing is given up: the same transaction is tried again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from secops.errors import JournalError
from secops.siem.ports import Drop, JournalWriter, NewBatch

GATHER = 0.05  # seconds in which deliveries are gathered into one transaction
AT_ONCE = 1 << 20  # bytes waiting that are committed without gathering
MOST = 32 << 20  # bytes in one transaction
BACKOFF = (0.1, 0.3, 1.0, 3.0)  # seconds between attempts; the last one repeats

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Delivery:
    """What must be committed together: records, the checkpoints that say they are, and what had to be dropped."""

    batches: Sequence[NewBatch]
    checkpoints: Mapping[str, bytes] = field(default_factory=dict)
    drops: Sequence[Drop] = ()

    @property
    def size(self) -> int:
        """Bytes of the records."""
        return sum(sum(map(len, batch.records)) for batch in self.batches)


class Outlet(Protocol):
    """Where a collector hands over."""

    async def put(self, delivery: Delivery) -> None:
        """Returns when the delivery is durable."""
        ...


class Committer:
    """Gathers deliveries of all collectors; deliveries are committed in the order of `put`.

    The journal is called from one thread of its own, so that neither a slow disk nor a lock stops the network side.
    """

    def __init__(self, journal: JournalWriter, *, gather: float = GATHER) -> None:
        self._journal = journal
        self._gather = gather
        self._waiting: list[tuple[Delivery, int, asyncio.Future[None]]] = []
        self._bytes = 0
        self._news = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self.problem = ""

    async def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """Run a function in the journal's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)

    async def put(self, delivery: Delivery) -> None:
        """Returns when the delivery is durable; cancelling the caller does not take it back."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        size = delivery.size
        self._waiting.append((delivery, size, done))
        self._bytes += size
        self._news.set()
        await done

    async def run(self, stop: asyncio.Event, *, patience: float = 10.0) -> None:
        """Commit until ``stop`` is set and nothing is waiting; a failing journal is then tried for ``patience`` more.

        Whoever sets ``stop`` has seen to it that no more deliveries will come.
        """
        stopped = asyncio.create_task(stop.wait())
        try:
            while not (stop.is_set() and not self._waiting):
                if not self._waiting:
                    self._news.clear()
                    news = asyncio.create_task(self._news.wait())
                    await asyncio.wait({news, stopped}, return_when=asyncio.FIRST_COMPLETED)
                    news.cancel()
                    continue
                if self._bytes < AT_ONCE and not stop.is_set():
                    await asyncio.sleep(self._gather)
                if not await self._commit(self._take(), stop, patience):
                    break
        finally:
            stopped.cancel()
            for _delivery, _size, done in self._waiting:
                done.cancel()
            self._thread.shutdown(wait=True)

    def _take(self) -> list[tuple[Delivery, asyncio.Future[None]]]:
        taken: list[tuple[Delivery, asyncio.Future[None]]] = []
        total = 0
        count = 0
        for delivery, size, done in self._waiting:
            if taken and total + size > MOST:
                break
            taken.append((delivery, done))
            total += size
            count += 1
        del self._waiting[:count]
        self._bytes -= total
        return taken

    async def _commit(
        self, taken: list[tuple[Delivery, asyncio.Future[None]]], stop: asyncio.Event, patience: float
    ) -> bool:
        """One transaction, tried until it succeeds; False where the program stops before it did."""
        batches = [batch for delivery, _ in taken for batch in delivery.batches]
        drops = [drop for delivery, _ in taken for drop in delivery.drops]
        checkpoints: dict[str, bytes] = {}
        for delivery, _ in taken:
            checkpoints.update(delivery.checkpoints)
        attempt = 0
        while True:
            try:
                await self.call(self._journal.append, batches, checkpoints, drops)
            except JournalError as error:
                self.problem = str(error) or type(error).__name__
            else:
                break
            pause = BACKOFF[min(attempt, len(BACKOFF) - 1)]
            attempt += 1
            if stop.is_set():
                patience -= pause
                if patience <= 0:
                    for _, done in taken:
                        done.cancel()
                    return False
            await asyncio.sleep(pause)
        self.problem = ""
        for _, done in taken:
            if not done.done():
                done.set_result(None)
        return True
