"""File tail: follows the files of a source as they grow, are rotated, truncated, replaced, and vanish.

Polling is the truth: `Tail.poll` looks at the files and reads. Each delivery carries records and the marks
(checkpoints) that say so, to be committed together; a new `Tail` made from the committed marks goes on exactly there.

Exactly once, with these exceptions, none of which a reader of files can avoid:

* What is written to a file after it was last read and before it is truncated is read from the copy that a rotation
  with ``copytruncate`` left beside it (same folder, name beginning alike). What is written between the copier's last
  read and the truncation exists nowhere; and where nothing at all had been read of the file, its copy cannot be known.
* A file that is deleted, or compressed by a rotation, while the collector does not run is not read; nor is one that
  comes and goes between two polls. (A rotated file that is only renamed is found again, also after several rotations.)
* A last line without newline waits. It becomes a record when the file was renamed or deleted and has been quiet for
  ``grace`` seconds, or when it was truncated without a copy; if the old file is continued after that, the rest of the
  line is a record of its own.
"""

from __future__ import annotations

import glob
import os
import re
import stat as stat_module
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from secops.errors import Problem
from secops.locale import _
from secops.siem.collect.commit import Delivery
from secops.siem.collect.containers import MAGIC, cannot_follow, container, container_at
from secops.siem.collect.follow import Follow, Reading
from secops.siem.collect.generations import related, siblings
from secops.siem.collect.lines import Piece
from secops.siem.collect.mark import SPAN, Identity, Mark, Print, holds, identity_at, identity_of, key
from secops.siem.ports import NewBatch, Origin

_GENERATION = re.compile(r"[\d.T_-]*(\.[a-z]{1,8})?[\d.T_-]*")  # what rotation puts behind or into a name
CHUNK = 4 << 20  # bytes read from one file at a time
BUDGET = 8 << 20  # bytes in one delivery
OPEN_FILES = 256  # files beyond this that have been idle are closed until they grow
GRACE = timedelta(seconds=5)
IDLE = timedelta(seconds=60)
KEEP = timedelta(days=30)  # the mark of a file that is gone
TIDY = timedelta(hours=1)  # between two looks for such marks


class Tail:
    """All files of one source. ``path`` is a file or a glob; ``marks`` are the source's committed checkpoints.

    Not thread-safe; does blocking reads, so it is driven from a thread. ``problems`` (place → problem) and
    ``followed`` are for the status.
    """

    def __init__(
        self,
        source: str,
        path: str,
        marks: Mapping[str, bytes],
        *,
        now: Callable[[], datetime],
        reading: Reading,
        zone: str | None = None,
        timezone: str | None = None,
        from_start: bool = True,
        grace: timedelta = GRACE,
    ) -> None:
        self.source = source
        self.pattern = path
        self.problems: dict[str, Problem] = {}
        self._now = now
        self._reading = reading
        self._zone = zone
        self._timezone = timezone
        self._grace = grace
        self._marks: dict[Identity, Mark] = {identity_of(name): Mark.load(value) for name, value in marks.items()}
        self._at_end = not from_start and not self._marks
        self._follows: dict[Identity, Follow] = {}
        self._asleep: dict[Identity, tuple[int, int]] = {}  # closed while idle: size, mtime
        self._kinds: dict[Identity, tuple[tuple[int, int], str | None]] = {}  # size and mtime, kind of container
        self._new_marks: dict[str, bytes] = {}
        self._header: str | None = None
        self._first = True
        self._tidied: datetime | None = None
        self._unsure = False  # whether a file may be there that could not be looked at
        self._turn = 0

    @property
    def followed(self) -> int:
        """How many files are followed now."""
        return len(self._follows) + len(self._asleep)

    def close(self) -> None:
        """Close all files."""
        for follow in self._follows.values():
            follow.close()
        self._follows.clear()

    def poll(self) -> Delivery | None:
        """Look at the files once and read what is new; None where nothing is.

        The next call may come before the delivery is durable, but deliveries must become durable in order.
        """
        self._scan()
        batches: list[NewBatch] = []
        budget = BUDGET
        for follow in self._in_turn():
            if budget <= 0:
                break
            before = follow.position
            try:
                batches += self._read(follow)
            except OSError as error:
                self._problem(follow.path, error)
            budget -= max(follow.position - before, 0)
        marks, self._new_marks = self._new_marks, {}
        return Delivery(batches, marks) if batches or marks else None

    # -- which files are there

    def _paths(self) -> list[str]:
        if glob.has_magic(self.pattern) and not Path(self.pattern).exists():
            return sorted(glob.glob(self.pattern, recursive=True))  # noqa: PTH207 - the pattern may be absolute
        return [self.pattern]

    def _scan(self) -> None:
        """Bring the list of followed files up to date."""
        seen: dict[Identity, str] = {}
        failed: dict[str, Problem] = {}
        self._unsure = False
        paths = self._paths()
        for path in paths:
            try:
                stat = Path(path).stat()
                if not stat_module.S_ISREG(stat.st_mode):
                    if not glob.has_magic(self.pattern):
                        text = _("ファイルではありません。ファイルのパスかワイルドカードを指定してください。")
                        failed[path] = Problem(path, text)
                    continue
                identity = (stat.st_dev, stat.st_ino)
                if identity in seen:
                    continue
                seen[identity] = path
                if kind := self._container(path, identity, stat):
                    if problem := cannot_follow(path, kind, paths):
                        failed[path] = problem
                else:
                    self._see(path, identity, stat)
            except OSError as error:
                self._unsure = True
                failed[path] = Problem(path, _os_text(error))
        self.problems = failed
        self._kinds = {identity: found for identity, found in self._kinds.items() if identity in seen}
        if self._first or any(identity not in seen for identity in self._asleep):
            self._find_renamed(seen)
        if self._first and not glob.has_magic(self.pattern):
            self._find_missed()
        self._first = False
        self._at_end = False
        self._detach(seen)
        self._forget_gone(seen)

    def _detach(self, seen: Mapping[Identity, str]) -> None:
        """Let go of files that no name of the source leads to any more, once they are finished."""
        for identity, follow in list(self._follows.items()):
            if identity not in seen and not follow.detached:
                follow.changed = self._now()  # the quiet time begins when the name is gone
            follow.detached = identity not in seen
            if follow.detached or len(self._follows) > OPEN_FILES:
                self._let_go(identity, follow)

    def _forget_gone(self, seen: Mapping[Identity, str]) -> None:
        """Forget the marks of files that are finished and to which no name has led for `KEEP`.

        Not while nothing at all is seen or something cannot be looked at: a file system may just not be mounted.
        """
        now = self._now()
        if not seen or self._unsure or (self._tidied and now - self._tidied < TIDY):
            return
        self._tidied = now
        for identity, mark in list(self._marks.items()):
            if identity in seen or identity in self._follows:
                if mark.gone:
                    self._save(identity, replace(mark, gone=0))
            elif not mark.gone:
                self._save(identity, replace(mark, gone=int(now.timestamp())))
            elif now.timestamp() - mark.gone > KEEP.total_seconds() and len(self._marks) > 1:  # one says: not new
                del self._marks[identity]
                self._new_marks[key(self.source, identity)] = b""

    def _container(self, path: str, identity: Identity, stat: os.stat_result) -> str | None:
        """The kind of a file that cannot be followed; a file of which something was read is not looked at again."""
        follow = self._follows.get(identity)
        if identity in self._asleep or (follow and follow.position):
            return None
        stamp = stat.st_size, stat.st_mtime_ns
        if identity not in self._kinds or self._kinds[identity][0] != stamp:
            self._kinds[identity] = stamp, container_at(path)
        kind = self._kinds[identity][1]
        if kind and follow:  # it was empty until now
            self._close(identity, follow)
        return kind

    def _see(self, path: str, identity: Identity, stat: os.stat_result) -> None:
        follow = self._follows.get(identity)
        if follow:
            follow.path = path
            return
        if identity in self._asleep:
            if self._asleep[identity] == (stat.st_size, stat.st_mtime_ns):
                return
            del self._asleep[identity]
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            opened = os.fstat(fd)
            if (opened.st_dev, opened.st_ino) == identity and self._discover(path, fd, identity):
                fd = -1
        finally:
            if fd >= 0:
                os.close(fd)

    def _discover(self, path: str, fd: int, identity: Identity) -> bool:
        """Decide where to begin with a file that is not followed yet; False where it is left for now."""
        mark = self._marks.get(identity)
        copied_to: Follow | None = None
        truncated: Follow | None = None
        if mark and not mark.holds(fd):
            copied_to = self._follow_copy(mark)
            mark = None
        if mark is None:
            original = self._original(path, fd)
            if original and self._cover(path, fd, identity, original):
                return False
            truncated = self._truncated_original(path, fd)
            mark = truncated.mark() if truncated else self._moved(path, fd)
        if self._at_end and mark is None:
            mark = self._end_of(path, fd)
        follow = Follow(path, fd, identity, self._reading, mark)
        follow.header = follow.header or self._header
        follow.copied_from = truncated
        if mark and self._marks.get(identity) is not mark:
            self._save(identity, mark)  # at once: the original's own mark may soon speak of new content
        # Several may have borne the name: a file lives on here for a while after its rotation. And where the source
        # names one file, every other one is an earlier generation of it.
        before = [one for one in self._follows.values() if one is copied_to or path in {one.path, self.pattern}]
        follow.waits_for = before
        self._follows[identity] = follow
        return True

    def _original(self, path: str, fd: int) -> Follow | None:
        """The followed file that this new one is a copy of, made beside it for a rotation."""
        for follow in self._follows.values():
            if follow.path != path and related(follow.path, path) and follow.intact() and follow.has_copy(fd):
                return follow
        return None

    def _truncated_original(self, path: str, fd: int) -> Follow | None:
        """The followed file that was truncated just now and whose old content this new file holds."""
        for follow in self._follows.values():
            if follow.path != path and related(follow.path, path) and not follow.intact():
                mark = follow.mark()
                if mark.head.length and os.fstat(fd).st_mtime_ns >= mark.mtime and mark.holds(fd):
                    return follow
        return None

    def _cover(self, path: str, fd: int, identity: Identity, original: Follow) -> bool:
        """A copy of a followed file is not read; once the original is read beyond its size, that is remembered.

        A first kilobyte that is alike makes a copy. With less, it may be another file with the same first line: such a
        one is left alone only as long as a rotation takes.
        """
        stat = os.fstat(fd)
        if stat.st_size < SPAN:
            return self._now().timestamp() - stat.st_mtime < self._grace.total_seconds()
        if original.splitter.offset >= stat.st_size:
            self._save(identity, _mark_at(path, fd, stat.st_size, original))
        return True

    def _moved(self, path: str, fd: int) -> Mark | None:
        """The mark of a file that is gone or truncated and whose content is here again: a copy, a restored file.

        Under the same name it must be a kilobyte that is alike: less may be the same first lines of a new file.
        """
        mtime = os.fstat(fd).st_mtime_ns
        for identity, mark in self._marks.items():
            alike = mark.offset >= SPAN or (mark.offset > 0 and path != mark.path and mtime >= mark.mtime)
            alike = alike and identity not in self._follows and related(mark.path, path)
            if alike and mark.holds(fd) and not holds(mark, mark.path, identity):
                return mark
        return None

    def _end_of(self, path: str, fd: int) -> Mark:
        """A mark behind the last complete line, for a source that does not begin at the start."""
        size = os.fstat(fd).st_size
        start = max(size - CHUNK, 0)
        last = os.pread(fd, size - start, start)
        wide = Follow(path, os.dup(fd), (0, 0), self._reading)
        try:
            wide.read(1 << 16)
            newline = "\n".encode(wide.encoding)
            at = last.rfind(newline)
            while at >= 0 and (start + at) % len(newline):
                at = last.rfind(newline, 0, at)
            return _mark_at(path, fd, start + at + len(newline) if at >= 0 else start, wide)
        finally:
            wide.close()

    def _find_renamed(self, seen: Mapping[Identity, str]) -> None:
        """Files that were renamed while nobody held them open: finish them under their new names."""
        for identity, mark in list(self._marks.items()):
            if identity in seen or identity in self._follows:
                continue
            self._asleep.pop(identity, None)
            for name in (mark.path, *siblings(mark.path)):
                try:
                    stat = Path(name).stat()
                    if identity_at(stat) == identity and stat.st_size > mark.offset:
                        self._adopt(name, identity, mark)
                        break
                except OSError:
                    continue

    def _find_missed(self) -> None:
        """Generations that began and were rotated away while no collector ran: read them before the present file.

        Only names that rotation gives (``app.log.2``, ``app-20260401.log``) of files written since the last look.
        """
        last_look = max((mark.mtime for mark in self._marks.values()), default=0)
        present = next((one for one in self._follows.values() if one.path == self.pattern), None)
        before = [one for one in self._follows.values() if one is not present]  # the copy, what `_find_renamed` found
        for name in reversed(siblings(self.pattern)):
            with suppress(OSError):
                stat = Path(name).stat()
                identity = identity_at(stat)
                if not last_look or stat.st_mtime_ns < last_look or identity in self._follows:
                    continue
                if not _GENERATION.fullmatch(name.removeprefix(str(Path(self.pattern).with_suffix("")))):
                    continue
                fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
                known = self._marks.get(identity)
                if container(os.pread(fd, MAGIC, 0)) or (known and known.holds(fd)) or self._original(name, fd):
                    os.close(fd)
                    continue
                mark = self._moved(name, fd)  # of a log that was truncated and is away now, this may be the copy
                missed = Follow(name, fd, identity, self._reading, mark)
                if mark:
                    self._save(identity, mark)
                missed.detached = True
                missed.waits_for = list(before)
                before.append(missed)
                self._follows[identity] = missed
        if present:
            present.waits_for = before

    def _adopt(self, name: str, identity: Identity, mark: Mark) -> Follow | None:
        """Follow a file outside the pattern from a mark that holds for it, and let its successor wait."""
        fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
        if not mark.holds(fd):
            os.close(fd)
            return None
        follow = Follow(name, fd, identity, self._reading, mark)
        follow.detached = True
        self._follows[identity] = follow
        for other in self._follows.values():
            if other.path == mark.path and other is not follow and not other.detached:
                other.waits_for.append(follow)
        return follow

    def _follow_copy(self, mark: Mark) -> Follow | None:
        """After a truncation: the copy beside the file, from where reading stood (or from the copy's own mark)."""
        for name in siblings(mark.path):
            try:
                stat = Path(name).stat()
                identity = identity_at(stat)
                known = self._marks.get(identity)
                if identity in self._follows or not stat_module.S_ISREG(stat.st_mode) or not mark.head.length:
                    continue
                if stat.st_mtime_ns < mark.mtime or (known and known.offset >= mark.offset and holds(known, name)):
                    continue
                if follow := self._adopt(name, identity, mark):
                    self._save(identity, mark)  # in the same transaction as the new mark of the truncated file
                    return follow
            except OSError:
                continue
        return None

    def _let_go(self, identity: Identity, follow: Follow) -> None:
        """Close a file that is finished: renamed or deleted and quiet; or idle where very many are open."""
        now = self._now()
        if follow.changed is None or follow.unread():
            follow.changed = now
            return
        if not follow.detached and now - follow.changed > IDLE and not follow.splitter.held:
            stat = os.fstat(follow.fd)
            self._asleep[identity] = (stat.st_size, stat.st_mtime_ns)
            self._close(identity, follow)

    def _close(self, identity: Identity, follow: Follow) -> None:
        follow.close()
        self._follows.pop(identity, None)

    # -- reading

    def _in_turn(self) -> Iterator[Follow]:
        """All files, beginning with another one each time, so that one that never ends does not starve the rest."""
        follows = list(self._follows.values())
        self._turn = (self._turn + 1) % (len(follows) or 1)
        return iter(follows[self._turn :] + follows[: self._turn])

    def _read(self, follow: Follow) -> list[NewBatch]:
        held = self._follows
        follow.waits_for = [one for one in follow.waits_for if held.get(one.identity) is one and one.grown()]
        if follow.waits_for:
            return []
        if not follow.unread():
            return self._finish(follow) if follow.detached else []
        start = follow.mark()
        pieces = follow.read(CHUNK)
        if pieces is None:
            return self._truncated(follow, start)
        follow.changed = self._now()
        if follow.header:
            self._header = follow.header
        mark = follow.mark()
        if mark.offset != start.offset or mark.head != start.head:  # also for a first, unfinished line: it is known now
            self._save(follow.identity, mark)
        return self._batches(follow, pieces)

    def _truncated(self, follow: Follow, mark: Mark) -> list[NewBatch]:
        """The file was cut to nothing or written anew: read the rest of the old content from its copy, if there is."""
        known = next((one for one in self._follows.values() if one.copied_from is follow), None)
        copy = known or self._follow_copy(mark)
        if known:
            known.copied_from = None
        encoding = follow.encoding, follow.format
        pieces = follow.restart()
        batches = [] if copy else self._batches(follow, pieces, *encoding)
        follow.waits_for = [copy] if copy else []
        self._save(follow.identity, follow.mark())
        return batches

    def _finish(self, follow: Follow) -> list[NewBatch]:
        """A renamed or deleted file that has been quiet: its last line is complete as it is."""
        if follow.changed is None or self._now() - follow.changed < self._grace:
            return []
        pieces = follow.finish()
        self._save(follow.identity, follow.mark())
        batches = self._batches(follow, pieces)
        self._close(follow.identity, follow)
        return batches

    def _save(self, identity: Identity, mark: Mark) -> None:
        self._marks[identity] = mark
        self._new_marks[key(self.source, identity)] = mark.dump()

    def _batches(
        self, follow: Follow, pieces: list[Piece], encoding: str | None = None, format: str | None = None
    ) -> list[NewBatch]:
        received = self._now()
        origin = Origin(
            kind="file",
            format=format or follow.format,
            encoding=encoding or follow.encoding,
            path=follow.path,
            header=follow.header,
            zone=self._zone,
            timezone=self._timezone,
        )
        return [
            NewBatch(self.source, received, replace(origin, offset=piece.offset, note=piece.note), piece.records)
            for piece in pieces
            if piece.records
        ]

    def _problem(self, path: str, error: OSError) -> None:
        self.problems[path] = Problem(path, _os_text(error))


def _mark_at(path: str, fd: int, offset: int, like: Follow) -> Mark:
    """A mark at an offset of a file that is read like another."""
    head = os.pread(fd, min(SPAN, offset), 0)
    start = max(offset - SPAN, 0)
    before = os.pread(fd, offset - start, start)
    return Mark(path, offset, 0, Print.of(head), Print.of(before), like.format, like.encoding, like.sure, like.header)


def _os_text(error: OSError) -> str:
    """An operating system error in the reader's words."""
    if isinstance(error, FileNotFoundError):
        return _("ファイルがありません。パスを確認してください。現れたら自動で読み始めます。")
    if isinstance(error, PermissionError):
        return _("読む権限がありません。secops を動かす利用者に読み取りを許可してください。直れば自動で読み始めます。")
    return _("読めません({error})。自動で再試行します。").format(error=error.strerror or error)
