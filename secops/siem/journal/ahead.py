"""Reading a journal one step ahead: the next batches are unpacked by a thread while the last ones are worked off."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from secops.siem.ports import JournalReader, RecordBatch


class ReadAhead:
    """Batches of a journal in the order of their numbers. Holds at most one answer per source that was not asked for.

    Only a backlog is read ahead; where the journal has nothing more, every call looks again.
    """

    def __init__(self, journal: JournalReader) -> None:
        self._journal = journal
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ahead")
        self._ahead: dict[str, tuple[int, Future[Sequence[RecordBatch]]]] = {}

    def read(self, source: str, after: int, head: int, max_bytes: int) -> Sequence[RecordBatch]:
        """As `JournalReader.read`, errors included; ``head`` is the source's last number, as far as is known."""
        at, waiting = self._ahead.pop(source, (-1, None))
        found: Sequence[RecordBatch] = waiting.result() if waiting and at == after else ()
        found = found or self._journal.read(source, after, max_bytes)
        if found and found[-1].last_seq < head:
            last = found[-1].last_seq
            self._ahead[source] = last, self._thread.submit(self._journal.read, source, last, max_bytes)
        return found

    def close(self) -> None:
        """Let the thread end."""
        self._thread.shutdown(wait=True, cancel_futures=True)
