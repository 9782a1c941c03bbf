"""Retention: the records of old sealed segments go, their headers stay, and a signed tombstone says what happened."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from secops.durable import place
from secops.siem.journal import layout
from secops.siem.journal.codec import canonical
from secops.siem.journal.failure import database_error
from secops.siem.journal.layout import Step
from secops.siem.journal.sealed import TOMBSTONE, SealedSegment, Tombstone, signed_removal, write_body

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


@dataclass(frozen=True, slots=True)
class Retired:
    """What `Journal.retain` did: segments whose records went, records and bytes freed.

    ``waiting_for`` names the source some sink has not read far enough, if that is what ended the work.
    """

    segments: tuple[int, ...]
    records: int
    freed: int
    waiting_for: str = ""


def first_with_data(folder: Path, last: int) -> int:
    """The first segment that has its records, of those up to ``last`` (``last + 1`` if none).

    Retention removes from the old end only, so this is found by halving.
    """
    low, high = 1, last + 1
    while low < high:
        middle = (low + high) // 2
        if SealedSegment(layout.sealed_path(folder, middle)).tombstone is None:
            high = middle
        else:
            low = middle + 1
    return low


def unread_source(segment: SealedSegment, positions: Mapping[str, int]) -> str:
    """A source with records in the segment that some sink has not taken yet, or nothing."""
    for source, (before, last) in sorted(segment.heads().items()):
        if last > before and positions.get(source, 0) < last:
            return source
    return ""


def bury(segment: SealedSegment, stone: Tombstone, key: Ed25519PrivateKey, step: Step) -> int:
    """Replace a segment's records by a tombstone, in one step; returns the bytes freed.

    Raises:
        JournalError: it cannot be written; the records stay.
    """
    path, front = segment.path, segment.front
    temporary = path.with_name(path.name + ".tmp")
    data = canonical(asdict(stone)).encode()
    signature = key.sign(signed_removal(front.digest, data))
    start = front.preamble + front.signature + TOMBSTONE
    body = struct.pack("<I", len(data)) + data + signature
    try:
        write_body(temporary, start, [body])
        step("retain:written")
        place(temporary, path)
        step("retain:placed")
    except OSError as error:
        raise database_error(path, error) from error
    return front.file_size - len(start) - len(body)
