"""Proof that the journal is whole: every byte of every segment, the chain between them, and what was removed.

Nothing is trusted but the public key: numbers come from the headers, digests are computed from the bytes. Memory stays
flat: one block is held at a time. What one damaged place explains is not blamed on its neighbours too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from secops.errors import JournalError
from secops.locale import _
from secops.siem.journal import layout
from secops.siem.journal.codec import CodecError, ContentHash, Run, canonical, decode_block, decompress
from secops.siem.journal.failure import DamagedError, no_journal
from secops.siem.journal.layout import from_micros
from secops.siem.journal.sealed import (
    GENESIS,
    TOMBSTONE,
    Block,
    Front,
    read_front,
    read_index,
    read_tombstone,
    signed_removal,
)
from secops.siem.journal.segment import CLOSED, OPEN, OpenSegment

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

_UNSEALED = ""  # stands for the digest of a segment that has none yet; equal to no digest


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. ``source`` and the numbers say which records, where it can be told.

    ``code`` is stable: missing, unreadable, header, signature, misplaced, chain, index, block, content, size, removal,
    order, state, anchor, lost.
    """

    segment: int
    file: str
    code: str
    what: str
    source: str = ""
    first_seq: int = 0
    last_seq: int = 0


@dataclass(frozen=True, slots=True)
class ChainHead:
    """The newest sealed segment: what is noted outside the machine, and compared with later."""

    segment: int
    digest: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Removed:
    """A segment whose records retention removed, as its signed tombstone says."""

    segment: int
    at: datetime
    before: datetime
    by: str
    reason: str
    records: int


@dataclass(slots=True)
class Report:
    """What `verify` saw. ``ok`` is true if there are no findings; removals by retention are none."""

    segments: int = 0
    records: int = 0
    raw_bytes: int = 0
    findings: list[Finding] = field(default_factory=list)
    removed: list[Removed] = field(default_factory=list)
    head: ChainHead | None = None

    @property
    def ok(self) -> bool:
        """Whether everything is as it was written."""
        return not self.findings


def verify(
    folder: Path,
    public_key: Ed25519PublicKey,
    anchors: Mapping[int, str] | None = None,
    progress: Callable[[int], None] | None = None,
    deep: Callable[[int], bool] = lambda _number: True,
) -> Report:
    """Check the whole journal; ``anchors`` (segment → digest) are chain heads noted earlier, outside the machine.

    They must still be in the chain: without them, nobody can tell a whole journal from an older copy of it.
    ``progress`` is called with the stored bytes of each segment that is done. Where one is not ``deep``, headers,
    signatures, numbering and the chain are checked, and the records are not read.

    Raises:
        JournalError: there is no journal in the folder at all.
    """
    found = layout.numbers(folder)
    last = max(found["open"] | found["sealed"], default=0)
    if not last:
        raise no_journal(folder)
    check = _Verifier(folder, public_key, anchors or {}, deep)
    number = 0
    while number < last or check.followed(number):  # rotation goes on while we read
        number += 1
        check.segment(number, newest=number >= last)
        if progress:
            progress(layout.stored_bytes(folder, number))
    for number in sorted(set(anchors or {}) - check.anchored):
        check.add(number, "anchor", _("控えたハッシュの区間がないか、まだ封印されていません"))
    return check.report


class _Verifier:
    """Walks the segments in order, carrying what the next one must continue."""

    def __init__(
        self, folder: Path, key: Ed25519PublicKey, anchors: Mapping[int, str], deep: Callable[[int], bool]
    ) -> None:
        self.folder, self.key, self.anchors, self.deep = folder, key, anchors, deep
        self.anchored: set[int] = set()
        self.report = Report()
        self._digest: str | None = GENESIS  # of the segment before; None: it is damaged, so nothing can be compared
        self._heads: Mapping[str, int] | None = {}
        self._site: str | None = None
        self._file = ""

    def add(self, number: int, code: str, what: str, source: str = "", first: int = 0, last: int = 0) -> None:
        """Note a finding."""
        self.report.findings.append(Finding(number, self._file, code, what, source, first, last))

    def segment(self, number: int, *, newest: bool) -> None:
        """Check one segment in whatever form it is."""
        self.report.segments += 1
        for look in (self._sealed, self._open) * 2:  # twice: it may be sealed between the two looks
            try:
                look(number, newest=newest)
            except FileNotFoundError:
                continue
            except (JournalError, OSError) as error:
                self._lost(number, "unreadable", str(error))
            return
        self._file = layout.sealed_path(self.folder, number).name
        self._lost(number, "missing", _("区間のファイルがありません"))

    def followed(self, number: int) -> bool:
        """Whether the next segment is there."""
        return layout.exists(self.folder, number + 1)

    def _require_successor(self, number: int) -> None:
        if not self.followed(number):
            self._file = layout.open_path(self.folder, number + 1).name
            self.add(number + 1, "missing", _("書き込み中の区間のファイルがありません"))

    def _lost(self, number: int, code: str, what: str) -> None:
        self.add(number, code, what)
        self._digest = self._heads = None

    # ------------------------------------------------------------------------------------------------ sealed segments

    def _sealed(self, number: int, *, newest: bool) -> None:
        path = layout.sealed_path(self.folder, number)
        with path.open("rb") as file:
            self._file = path.name
            front = read_front(path, file)
            if not self._signed(front.signature, front.preamble):
                self._lost(number, "signature", _("見出しの署名が一致しません(見出しか署名が書き換えられています)"))
            elif front.header.segment != number:
                self._lost(number, "misplaced", _misplaced(front.header.segment, number))
            else:
                self._genuine(number, path, file, front)
        if newest:
            self._require_successor(number)

    def _genuine(self, number: int, path: Path, file: BinaryIO, front: Front) -> None:
        """The header is ours and in its place: compare it with its neighbours, and what follows with it."""
        header = front.header
        before = len(self.report.findings)
        self._continues(front)
        for source, first, last in header.lost:
            self.add(number, "lost", _("封印する前に壊れて失われた記録です"), source, first, last)
        if front.kind == TOMBSTONE:
            self._removal(number, path, file, front)
        elif self.deep(number):
            self._content(number, path, file, front)
        self._digest = front.digest
        self._heads = {source: last for source, (_first, last) in header.heads.items()}
        self.report.head = ChainHead(number, front.digest, from_micros(header.sealed))
        if len(self.report.findings) == before + len(header.lost) and front.kind != TOMBSTONE:
            self.report.records += header.records
            self.report.raw_bytes += header.raw_bytes

    def _signed(self, signature: bytes, data: bytes) -> bool:
        from cryptography.exceptions import InvalidSignature

        try:
            self.key.verify(signature, data)
        except InvalidSignature:
            return False
        return True

    def _continues(self, front: Front) -> None:
        """Chain, numbering, site, and what was noted outside."""
        header = front.header
        if self._digest == _UNSEALED:
            self._digest = _sealed_meanwhile(self.folder, header.segment - 1)
        if self._digest is not None and header.previous != self._digest:
            self.add(header.segment, "chain", _("前の区間とつながりません(ハッシュ連鎖が切れています)"))
        self._numbering(header.segment, header.heads)
        if self._site is not None and header.site != self._site:
            text = _("サイト「{found}」の区間です(このログは「{expected}」)")
            self.add(header.segment, "chain", text.format(found=header.site, expected=self._site))
        self._site = header.site
        self.anchored.add(header.segment)
        anchor = self.anchors.get(header.segment, front.digest)
        if anchor != front.digest:
            text = _("外部に控えたハッシュと一致しません(控え: {anchor}、現在: {digest})")
            self.add(header.segment, "anchor", text.format(anchor=anchor, digest=front.digest))

    def _numbering(self, number: int, heads: Mapping[str, tuple[int, int]]) -> None:
        if self._heads is None:
            return
        for source in sorted(set(heads) | set(self._heads)):
            expected = self._heads.get(source, 0)
            before, last = heads.get(source, (-1, -1))
            if before != expected or last < before:
                text = _("通し番号が続いていません(前の区間は {expected} まで、この区間は {found} の次から)")
                what = text.format(expected=expected, found=before)
                self.add(number, "order", what, source, expected + 1, max(before, expected))

    def _removal(self, number: int, path: Path, file: BinaryIO, front: Front) -> None:
        try:
            stone, data, signature = read_tombstone(path, file, front)
        except DamagedError:
            self.add(number, "removal", _("削除記録を読めません"))
            return
        right = stone.segment == number and stone.digest == front.digest
        if not (right and self._signed(signature, signed_removal(front.digest, data))):
            self.add(number, "removal", _("削除記録の署名が一致しません"))
            return
        at, before = from_micros(stone.at), from_micros(stone.before)
        self.report.removed.append(Removed(number, at, before, stone.by, stone.reason, front.header.records))

    def _content(self, number: int, path: Path, file: BinaryIO, front: Front) -> None:
        """Index, every block, the digest over all records, and that nothing stands before, between or behind."""
        header = front.header
        try:
            blocks = read_index(path, file, front)
        except DamagedError:
            self.add(number, "index", _("索引が壊れています(この区間の記録の位置が分かりません)"))
            return
        healthy = True
        content = ContentHash()
        for block, parts, problem in read_blocks(file, front, blocks):
            if problem:
                healthy = False
                self.add(number, "block", problem, block.source, block.first_seq, block.last_seq)
            elif healthy:
                hash_block(content, block, *parts)
        end = front.blocks_at + header.block_bytes
        if front.file_size != end:
            text = _("ファイルの大きさが違います({found} バイト、正しくは {expected} バイト)")
            self.add(number, "size", text.format(found=front.file_size, expected=end))
        elif healthy and content.hexdigest() != header.content:
            self.add(number, "content", _("記録の内容が封印時のハッシュと一致しません"))

    # ----------------------------------------------------------------------------------------- segments not yet sealed

    def _open(self, number: int, *, newest: bool) -> None:
        path = layout.open_path(self.folder, number)
        self._file = path.name
        segment = OpenSegment(path, read_only=True)
        try:
            with segment.reading():
                facts, heads = segment.facts(), segment.heads()
            if facts.number != number:
                self._lost(number, "misplaced", _misplaced(facts.number, number))
                return
            self._numbering(number, heads)
            if newest and facts.state == CLOSED:
                self._require_successor(number)
            elif not newest and facts.state == OPEN:
                self.add(number, "state", _("次の区間があるのに、この区間が閉じられていません"))
            for source, (before, last) in sorted(heads.items()) if self.deep(number) else ():
                self._rows(number, segment, source, before, last)
        finally:
            segment.close()
        self._digest = _UNSEALED
        # An open segment grows and may be closed behind our back: then the next one begins behind what we saw.
        still = facts.state == OPEN
        self._heads = None if still else {source: last for source, (_first, last) in heads.items()}

    def _rows(self, number: int, segment: OpenSegment, source: str, before: int, last: int) -> None:
        after = before
        while after < last:
            rows = segment.rows(source, after, 8 << 20)
            first = rows[0].first_seq if rows else last + 1
            if first != after + 1:
                self.add(number, "order", _("記録が欠けています"), source, after + 1, first - 1)
            for row in rows:
                try:
                    row.content(segment.path)
                    self.report.records += row.count
                    self.report.raw_bytes += row.raw_bytes
                except DamagedError as error:
                    self.add(number, "block", error.reason, source, row.first_seq, row.last_seq)
                after = row.last_seq
            if not rows:
                return


def read_blocks(
    file: BinaryIO, front: Front, blocks: list[Block]
) -> Iterator[tuple[Block, tuple[list[Run], list[bytes]], str]]:
    """Every block with its runs and records, or with what is wrong with it."""
    file.seek(front.blocks_at)
    place = 0
    for block in blocks:
        nothing: tuple[list[Run], list[bytes]] = ([], [])
        if block.place != place:
            yield block, nothing, _("索引の位置が正しくありません")
            return
        place += block.stored
        frame = file.read(block.stored)
        if len(frame) < block.stored:
            yield block, nothing, _("ファイルが途中で切れています")
        elif hashlib.sha256(frame).hexdigest() != block.sha256:
            yield block, nothing, _("保存された内容が書き換えられているか、壊れています")
        else:
            try:
                yield block, decode_block(decompress(frame, block.size), block.count), ""
            except CodecError as error:
                yield block, nothing, str(error)


def hash_block(content: ContentHash, block: Block, runs: list[Run], records: list[bytes]) -> None:
    """Take a block's records into the digest of the content."""
    start = 0
    for run in runs:
        part = records[start : start + run.count]
        content.add(block.source, block.first_seq + start, run.received, canonical(run.origin_values()), part)
        start += run.count


def content_of(path: Path) -> str:
    """The digest of a sealed file's records, computed from its blocks.

    Raises:
        DamagedError: a block cannot be read.
    """
    content = ContentHash()
    with path.open("rb") as file:
        front = read_front(path, file)
        for block, parts, problem in read_blocks(file, front, read_index(path, file, front)):
            if problem:
                raise DamagedError(path, block.source, block.first_seq, block.last_seq, problem)
            hash_block(content, block, *parts)
    return content.hexdigest()


def _misplaced(found: int, number: int) -> str:
    text = _("区間 {found} のファイルが区間 {number} の名前で置かれています")
    return text.format(found=found, number=number)


def _sealed_meanwhile(folder: Path, number: int) -> str:
    """The digest of a segment that was not sealed when we passed it; none if it still is not."""
    path = layout.sealed_path(folder, number)
    try:
        with path.open("rb") as file:
            return read_front(path, file).digest
    except (OSError, JournalError):
        return _UNSEALED
