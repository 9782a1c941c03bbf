"""Taking in a complete file once: deliveries with a checkpoint that counts the records already journaled."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

from blake3 import blake3

from secops.errors import Problem
from secops.siem.collect.apart import Apart
from secops.siem.collect.commit import Delivery
from secops.siem.collect.whole import Chunk, Member, Wanted
from secops.siem.ports import NewBatch

DELIVERY = 8 << 20  # bytes of records in one transaction
PIECE = 1 << 20  # bytes of records in one journal batch
_HASHED = 256 << 10  # bytes read for hashing at once: they stay in the processor's cache


@dataclass(frozen=True, slots=True)
class Taken:
    """How far a file (known by the SHA-256 of its content) is taken in: the checkpoint."""

    path: str
    size: int
    mtime: int
    done: int = 0
    complete: bool = False
    problems: tuple[tuple[str, str], ...] = ()
    gone: int = 0  # seconds since 1970 when no file of a drop folder had the content any more; 0: one has

    def dump(self) -> bytes:
        """The checkpoint as small JSON."""
        return json.dumps(asdict(self), ensure_ascii=False).encode("utf-8", "surrogatepass")

    @classmethod
    def load(cls, data: bytes) -> Taken:
        """The checkpoint from its JSON."""
        value = json.loads(data.decode("utf-8", "surrogatepass"))
        value["problems"] = tuple((where, what) for where, what in value["problems"])
        return cls(**value)


def digest(path: Path, prefix: int = 0) -> tuple[str, str]:
    """BLAKE3 of a file, and of its first ``prefix`` bytes: by it a content is known, whatever its name.

    Whoever writes a log must not be able to make it pass for another, so it is a cryptographic hash. SHA-256 would take
    as long as all the rest of reading a file.
    """
    whole = blake3()
    start = ""
    left = prefix
    room = memoryview(bytearray(_HASHED))
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(room[: min(left or _HASHED, _HASHED)]):
            whole.update(room[:count])
            if left:
                left -= count
                start = whole.hexdigest() if not left else ""
    return whole.hexdigest(), start


def take(
    path: Path,
    taken: Taken,
    *,
    source: str,
    key: str,
    wanted: Wanted,
    reader: Apart,
    now: Callable[[], datetime],
    progress: Callable[[int], None] = lambda _count: None,
) -> Iterator[Delivery | Member | Problem]:
    """The records behind ``taken.done`` as deliveries, each with its checkpoint under ``key``.

    The last delivery says ``complete``, with what was wrong. Memory is bounded by `DELIVERY`.
    """
    skip = taken.done
    done = 0
    batches: list[NewBatch] = []
    size = 0
    problems: list[tuple[str, str]] = []
    for item in reader.read(path, wanted, progress):
        if not isinstance(item, Chunk):
            if isinstance(item, Problem):
                problems.append((item.where, item.what))
            yield item
            continue
        records = item.records[max(skip - done, 0) :] if done < skip else item.records
        done += len(item.records)
        if not records:
            continue
        for part in _pieces(records):
            batches.append(NewBatch(source, now(), item.origin, part))
            size += sum(map(len, part))
        if size >= DELIVERY:
            yield Delivery(batches, {key: replace(taken, done=max(done, skip)).dump()})
            batches, size = [], 0
    final = replace(taken, done=max(done, skip), complete=True, problems=tuple(problems))
    yield Delivery(batches, {key: final.dump()})


def _pieces(records: list[bytes]) -> Iterator[list[bytes]]:
    """Batches of about `PIECE` bytes, so that reading one record back does not unpack megabytes."""
    average = max(sum(map(len, records)) // len(records), 1)
    step = max(PIECE // average, 1)
    for start in range(0, len(records), step):
        yield records[start : start + step]
