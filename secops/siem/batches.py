"""Records of one format from any number of files, searched together."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter

from secops.siem.collect.whole import Chunk
from secops.siem.ports import Origin


@dataclass(slots=True)
class Batch:
    """Records of one format and encoding, from any number of files.

    ``received`` is the moment that a time without a year is near to.
    """

    origin: Origin
    received: datetime
    records: list[bytes] = field(default_factory=list)
    paths: list[tuple[int, str]] = field(default_factory=list)  # (first record, file)
    size: int = 0

    def add(self, chunk: Chunk) -> None:
        """Add what was read of a file."""
        path = chunk.origin.path or ""
        if not self.paths or self.paths[-1][1] != path:
            self.paths.append((len(self.records), path))
        self.records += chunk.records
        self.size += sum(map(len, chunk.records))

    def halves(self) -> list[Batch]:
        """The same in two batches."""
        middle = len(self.records) // 2
        first = [(start, path) for start, path in self.paths if start < middle]
        second = [(0, self.path_of(middle)), *((start - middle, path) for start, path in self.paths if start > middle)]
        return [
            Batch(self.origin, self.received, self.records[:middle], first),
            Batch(self.origin, self.received, self.records[middle:], second),
        ]

    def path_of(self, record: int) -> str:
        """The file a record is from."""
        return self.paths[bisect_right(self.paths, record, key=itemgetter(0)) - 1][1]
