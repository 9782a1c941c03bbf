"""What is in a journal folder: the list of segments for people, and housekeeping between them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from secops.siem.journal import layout
from secops.siem.journal.failure import missing_segment, no_journal
from secops.siem.journal.layout import from_micros
from secops.siem.journal.sealed import SealedSegment
from secops.siem.journal.segment import OPEN, OpenSegment


@dataclass(frozen=True, slots=True)
class SegmentInfo:
    """A segment in a list. ``state`` is open, closed (to be sealed), sealed or removed (by retention).

    ``sources`` has first and last sequence number of each source with records in it; ``digest`` is empty until sealed.
    """

    number: int
    state: str
    opened: datetime
    first_received: datetime | None
    last_received: datetime | None
    records: int
    raw_bytes: int
    stored_bytes: int
    sources: Mapping[str, tuple[int, int]]
    digest: str = ""
    previous: str = ""
    sealed: datetime | None = None
    removed: datetime | None = None
    removed_by: str = ""
    removed_reason: str = ""


def newest_segment(folder: Path) -> int:
    """The number of the newest segment, whose file is in SQLite format.

    Raises:
        JournalError: there is no journal in the folder, or this file is missing.
    """
    while True:
        found = layout.numbers(folder)
        number = max(found["open"] | found["sealed"], default=0)
        if not number:
            raise no_journal(folder)
        if number in found["open"]:
            return number
        # A listing is no snapshot: the successor may have been made while we read past its place.
        if not layout.exists(folder, number + 1):
            raise missing_segment(layout.open_path(folder, number + 1))


def list_segments(folder: Path, newest: int) -> list[SegmentInfo]:
    """All segments, oldest first.

    Raises:
        JournalError: one is missing or cannot be read.
    """
    return [_describe(folder, number) for number in range(1, newest + 1)]


def _describe(folder: Path, number: int) -> SegmentInfo:
    path = layout.sealed_path(folder, number)
    for _attempt in range(2):  # it may be sealed between the two looks
        try:
            return _sealed_info(SealedSegment(path))
        except FileNotFoundError:
            try:
                return _open_info(layout.open_path(folder, number))
            except FileNotFoundError:
                continue
    raise missing_segment(path)


def _ranges(heads: Mapping[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
    return {source: (before + 1, last) for source, (before, last) in sorted(heads.items()) if last > before}


def _sealed_info(segment: SealedSegment) -> SegmentInfo:
    header, stone = segment.header, segment.tombstone
    return SegmentInfo(
        number=header.segment,
        state="sealed" if stone is None else "removed",
        opened=from_micros(header.opened),
        first_received=from_micros(header.first_received),
        last_received=from_micros(header.last_received),
        records=header.records,
        raw_bytes=header.raw_bytes,
        stored_bytes=segment.front.file_size,
        sources=_ranges(header.heads),
        digest=segment.front.digest,
        previous=header.previous,
        sealed=from_micros(header.sealed),
        removed=None if stone is None else from_micros(stone.at),
        removed_by="" if stone is None else stone.by,
        removed_reason="" if stone is None else stone.reason,
    )


def _open_info(path: Path) -> SegmentInfo:
    segment = OpenSegment(path)
    try:
        with segment.reading():
            facts, heads = segment.facts(), segment.heads()
    finally:
        segment.close()
    return SegmentInfo(
        number=facts.number,
        state="open" if facts.state == OPEN else "closed",
        opened=from_micros(facts.opened),
        first_received=None if facts.first_received is None else from_micros(facts.first_received),
        last_received=None if facts.last_received is None else from_micros(facts.last_received),
        records=facts.records,
        raw_bytes=facts.raw_bytes,
        stored_bytes=layout.stored_bytes(path.parent, facts.number),
        sources=_ranges(heads),
    )


def unsealed(folder: Path, newest: int) -> list[int]:
    """The segments before the newest that are not sealed yet, oldest first. They are always the last ones."""
    number = newest
    while number > 1 and not layout.sealed_path(folder, number - 1).exists():
        number -= 1
    return list(range(number, newest))


def tidy(folder: Path) -> None:
    """Delete what a crash left behind: SQLite files of sealed segments and unfinished sealed files.

    The caller holds the seal lock, so nobody is working on them.
    """
    sealed = layout.numbers(folder)["sealed"]
    for path in list(folder.iterdir()):
        stem, _dot, kind = path.name.partition(".")
        if kind == "sealed.tmp":
            path.unlink(missing_ok=True)
        elif kind.startswith("open") and stem.isdigit() and int(stem) in sealed:
            number = int(stem)
            lost = SealedSegment(layout.sealed_path(folder, number)).header.lost
            layout.put_away(layout.open_path(folder, number), keep=bool(lost))


def size_on_disk(folder: Path) -> int:
    """Bytes of all files in the folder."""
    total = 0
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                try:
                    total += entry.stat(follow_symlinks=False).st_size
                except FileNotFoundError:
                    continue  # just sealed or removed
    except OSError as error:
        raise layout.folder_error(folder, error) from None
    return total
