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

from secops.errors import JournalError, SecopsError
from secops.locale import _
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


class GaveUpError(SecopsError):
    """The program ends while the journal fails: the delivery is not durable, and whoever can will read it again."""


class Outlet(Protocol):
    """Where a collector hands over."""

    async def put(self, delivery: Delivery) -> None:
        """Returns when the delivery is durable.

        Raises:
            GaveUpError: the program ends before it is.
        """
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
        self._deadline: float | None = None
        self._gave_up = False
        self.problem = ""

    async def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """Run a function in the journal's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)

    async def put(self, delivery: Delivery) -> None:
        """Returns when the delivery is durable; cancelling the caller does not take it back."""
        if self._gave_up:
            raise GaveUpError(self.problem)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        size = delivery.size
        self._waiting.append((delivery, size, done))
        self._bytes += size
        self._news.set()
        await done

    def hurry(self, seconds: float) -> None:
        """The program is about to end: a failing journal is tried for so long only."""
        self._deadline = asyncio.get_running_loop().time() + seconds

    async def run(self, finished: asyncio.Event) -> None:
        """Commit until ``finished`` (no more deliveries will come) and nothing is waiting."""
        over = asyncio.create_task(finished.wait())
        try:
            while self._waiting or not finished.is_set():
                if not self._waiting:
                    self._news.clear()
                    news = asyncio.create_task(self._news.wait())
                    await asyncio.wait({news, over}, return_when=asyncio.FIRST_COMPLETED)
                    news.cancel()
                    continue
                if self._bytes < AT_ONCE and not finished.is_set():
                    await asyncio.sleep(self._gather)
                await self._commit(self._next())
        finally:
            over.cancel()
            self._gave_up = True  # whatever ended us: nobody may wait for ever
            for _delivery, _size, done in self._waiting:
                if not done.done():
                    done.set_exception(GaveUpError(self.problem))
            self._thread.shutdown(wait=True)

    def _next(self) -> list[tuple[Delivery, asyncio.Future[None]]]:
        """The deliveries of the next transaction, at most `MOST` bytes; they stay in line until it is durable."""
        taken: list[tuple[Delivery, asyncio.Future[None]]] = []
        total = 0
        for delivery, size, done in self._waiting:
            if taken and total + size > MOST:
                break
            taken.append((delivery, done))
            total += size
        return taken

    async def _commit(self, taken: list[tuple[Delivery, asyncio.Future[None]]]) -> None:
        """One transaction, tried until it succeeds or the program has to end."""
        batches = [batch for delivery, _done in taken for batch in delivery.batches]
        drops = [drop for delivery, _done in taken for drop in delivery.drops]
        checkpoints: dict[str, bytes] = {}
        for delivery, _done in taken:
            checkpoints.update(delivery.checkpoints)
        attempt = 0
        while not self._gave_up:
            try:
                await self.call(self._journal.append, batches, checkpoints, drops)
            except JournalError as error:
                text = _("原本ログに書けません({error})。受け付けを止めて再試行しています。")
                self.problem = text.format(error=error)
            else:
                self.problem = ""
                break
            self._gave_up = self._deadline is not None and asyncio.get_running_loop().time() > self._deadline
            await asyncio.sleep(BACKOFF[min(attempt, len(BACKOFF) - 1)])
            attempt += 1
        self._bytes -= sum(size for _delivery, size, _done in self._waiting[: len(taken)])
        del self._waiting[: len(taken)]
        for _delivery, done in taken:
            if not done.done():
                if self._gave_up:
                    done.set_exception(GaveUpError(self.problem))
                else:
                    done.set_result(None)
