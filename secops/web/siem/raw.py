"""The raw record from the journal: unmasked, so only for those who may, with a reason, and never unrecorded."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request

from secops.access.ports import AuditEntry, Session
from secops.errors import NotFoundError, UsageError
from secops.locale import _
from secops.siem.ports import RecordBatch
from secops.web.session import services

LONGEST = 200_000  # characters; a record can be 100 MB, a page cannot
HEX_BYTES = 4096


@dataclass(frozen=True, slots=True)
class RawRecord:
    """A record as it is shown: where it came from, its text or hex dump, and what was left out."""

    event_id: str
    place: str
    origin: str
    text: str
    size: int
    cut: bool
    binary: bool


@dataclass(frozen=True, slots=True)
class Wanted:
    """A record that somebody asks for, and the zone and department of its event."""

    source: str
    seq: int
    event_id: str
    zone: str = ""
    department: str = ""


def open_record(request: Request, session: Session, wanted: Wanted, reason: str) -> RawRecord:
    """Note who looks at what and why, then read the record.

    Raises:
        UsageError: no reason was given.
        NotFoundError: the record is no longer in the journal (retention).
    """
    here, place = services(request), f"{wanted.source}/{wanted.seq}"
    if not reason.strip():
        raise UsageError(_("閲覧の理由がありません。理由を入力してください。監査ログに記録されます。"))
    here.accounts.record(
        AuditEntry(
            at=here.now(),
            actor=session.user.name,
            action="raw_viewed",
            target=place,
            peer=request.client.host if request.client else "",
            text=reason.strip()[:500],
            zone=wanted.zone,
            department=wanted.department,
        )
    )
    found = here.journal.record(wanted.source, wanted.seq)
    if found is None:
        raise NotFoundError(_("元ログ {place} は保存期間を過ぎたため、残っていません。").format(place=place))
    return as_shown(found, wanted.event_id)


def as_shown(found: RecordBatch, event_id: str) -> RawRecord:
    """A batch of one record as text in its own encoding, or as a hex dump where it is not text."""
    data = bytes(found.records[0])
    origin = found.origin
    binary = b"\x00" in data[:HEX_BYTES] and not origin.encoding.startswith("utf-16")
    if binary:
        text, cut = _hex(data[:HEX_BYTES]), len(data) > HEX_BYTES
    else:
        whole = data[: 4 * LONGEST].decode(origin.encoding, errors="backslashreplace")
        text, cut = whole[:LONGEST], len(whole) > LONGEST or len(data) > 4 * LONGEST
    where = origin.path or origin.peer or origin.kind
    return RawRecord(
        event_id=event_id,
        place=f"{found.source}/{found.first_seq}",
        origin=f"{where} ({origin.format}, {origin.encoding})",
        text=text,
        size=len(data),
        cut=cut,
        binary=binary,
    )


def _hex(data: bytes) -> str:
    """Sixteen bytes a line: offset, hex, printable ASCII."""
    lines = []
    for start in range(0, len(data), 16):
        part = data[start : start + 16]
        shown = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        lines.append(f"{start:06x}  {part.hex(' '):<47}  {shown}")
    return "\n".join(lines)
