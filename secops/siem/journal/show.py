"""Records and reports of the journal as text for people."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from secops.locale import _
from secops.schema.dates import dated
from secops.siem.journal.verify import Report
from secops.siem.ports import JournalReader, Origin

# Log content is hostile: a record must not move the cursor, recolour the terminal or reverse the text (C0, C1, bidi).
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class ShownRecord:
    """One journaled record with where it came from."""

    source: str
    seq: int
    received: datetime
    origin: Origin
    data: bytes

    def text(self) -> str:
        """The record decoded as its source is; bytes not of that encoding appear as hexadecimal escapes."""
        return self.data.decode(self.origin.encoding, errors="backslashreplace")

    def values(self) -> dict[str, Any]:
        """The record for ``--json``."""
        origin = {name: value for name, value in asdict(self.origin).items() if value is not None}
        return {
            "source": self.source,
            "seq": self.seq,
            "received": self.received,
            "origin": origin,
            "bytes": len(self.data),
            "text": self.text(),
        }


def parse_event_id(text: str, site: str) -> tuple[str, int]:
    """Source and sequence number of an ``event.id`` of this site.

    Raises:
        ValueError: it is none, or of another site; the message is for people.
    """
    parts = text.split(".")
    if len(parts) != 3 or not parts[2].isdecimal():
        hint = _("{text!r} はイベントIDではありません。「サイト.収集元.番号」か、収集元と番号を指定してください。")
        raise ValueError(hint.format(text=text))
    if parts[0] != site:
        hint = _("{text} はサイト「{other}」のイベントです(このサイトは「{site}」)。")
        raise ValueError(hint.format(text=text, other=parts[0], site=site))
    return parts[1], int(parts[2])


def parse_anchors(texts: Iterable[str]) -> dict[int, str]:
    """Segment → digest, from ``12:3fa4…`` as `report_lines` prints it.

    Raises:
        ValueError: one of them is not of that form; the message is for people.
    """
    anchors: dict[int, str] = {}
    for text in texts:
        match = re.fullmatch(r"([1-9]\d*):([0-9a-f]{64})", text.strip().lower())
        if match is None:
            hint = _("{text!r} は控えとして読めません。「区間:ハッシュ(16進64桁)」で書いてください。")
            raise ValueError(hint.format(text=text))
        anchors[int(match[1])] = match[2]
    return anchors


def shown(reader: JournalReader, source: str, first: int, count: int) -> list[ShownRecord]:
    """Up to ``count`` records from a sequence number on; none if the first is not there."""
    found: list[ShownRecord] = []
    while len(found) < count:
        batches = reader.read(source, first + len(found) - 1, max_bytes=1 << 20)
        for batch in batches:
            if batch.first_seq != first + len(found):
                return found  # removed by retention
            for seq, data in enumerate(batch.records[: count - len(found)], batch.first_seq):
                found.append(ShownRecord(source, seq, batch.received, batch.origin, data))
            if len(found) == count:
                break
        if not batches:
            break
    return found


def printable(record: ShownRecord) -> str:
    """A line about the record, then its text, with control characters made visible."""
    origin = record.origin
    place = origin.path or origin.peer or origin.kind
    about = [f"{record.source} {record.seq}", dated(record.received), place, origin.format, origin.encoding]
    if origin.note:
        about.append(origin.note)
    text = f"# {' · '.join(about)}\n{record.text()}"
    return _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def report_lines(report: Report) -> Iterator[str]:
    """What `verify` found, line by line."""
    for finding in report.findings:
        where = f"{finding.file}"
        if finding.source:
            where += f" {finding.source} {finding.first_seq}-{finding.last_seq}"
        yield _("異常: 区間 {number} [{code}] {where}: {what}").format(
            number=finding.segment, code=finding.code, where=where, what=finding.what
        )
    for removed in report.removed:
        yield _("保存期間による削除: 区間 {number}({records:,} 件、{at}、{by}、{reason})").format(
            number=removed.segment,
            records=removed.records,
            at=dated(removed.at),
            by=removed.by,
            reason=removed.reason,
        )
    if report.head is not None:
        yield _("連鎖の先頭: {number}:{digest}({at} 封印。この値を機械の外に控えてください)").format(
            number=report.head.segment, digest=report.head.digest, at=dated(report.head.at)
        )
    summary = _("{segments:,} 区間・{records:,} 件を検証しました。").format(
        segments=report.segments, records=report.records
    )
    if report.ok:
        yield summary + _("改ざん・欠落はありません。")
    else:
        yield summary + _("{n} 件の異常があります。").format(n=len(report.findings))
