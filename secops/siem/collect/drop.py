"""Folder drop: takes in files that are put into a folder, once each, when they are complete.

A file is complete when its size and time have not changed for `SETTLED`, and it does not carry a name that says it is
still being copied. It is known by the hash of its content: under another name it is not taken again. It stays where
it is; a broken one is listed as a problem and looked at again when it changes.

A content is remembered as long as a file of the folder has it, and for `KEEP` after the last one was removed: whoever
drops it again later means it. (Else the list, which is copied at each rotation of the journal, would grow for ever.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from secops.errors import Problem
from secops.locale import _
from secops.siem.collect.apart import Apart
from secops.siem.collect.commit import Delivery
from secops.siem.collect.containers import MAGIC, container
from secops.siem.collect.take import Taken, digest, take
from secops.siem.collect.whole import Member, Wanted

SETTLED = timedelta(seconds=2)
KEEP = timedelta(days=30)  # a content of which no file is left
TIDY = timedelta(hours=1)  # between two looks for such
UNFINISHED = (".part", ".partial", ".tmp", ".crdownload", ".filepart", "~")

Stamp = tuple[int, int]  # size, mtime in ns


def key(source: str, content: str) -> str:
    """The checkpoint key of a file's content."""
    return f"drop:{source}:{content}"


class DropFolder:
    """One source of kind ``folder``; ``checkpoints`` are its committed ones (prefix ``drop:<source>:``).

    Not thread-safe; reads block, so it is driven from a thread. ``problems`` (place → problem) is for the status.
    """

    def __init__(
        self,
        source: str,
        folder: str,
        checkpoints: Mapping[str, bytes],
        *,
        now: Callable[[], datetime],
        wanted: Wanted,
        reader: Apart | None = None,
    ) -> None:
        self.source = source
        self.folder = Path(folder)
        self._now = now
        self._reader = reader or Apart()
        self._wanted = replace(wanted, kind="file")
        self._taken = {name.rsplit(":", 1)[1]: Taken.load(value) for name, value in checkpoints.items()}
        self._known: dict[str, Stamp] = {
            taken.path: (taken.size, taken.mtime) for taken in self._taken.values() if taken.complete
        }
        self._content = {taken.path: content for content, taken in self._taken.items() if taken.complete}
        self._present: set[str] = set()
        self._tidied: datetime | None = None
        self._settling: dict[str, tuple[Stamp, datetime]] = {}
        self._found: dict[str, list[Problem]] = {
            taken.path: [Problem(*one) for one in taken.problems] for taken in self._taken.values() if taken.problems
        }
        self._scan_problems: list[Problem] = []
        self._active: Iterator[Delivery] | None = None

    @property
    def problems(self) -> dict[str, Problem]:
        """What is wrong now, by place."""
        every = [*self._scan_problems, *(one for several in self._found.values() for one in several)]
        return {one.where: one for one in every}

    @property
    def followed(self) -> int:
        """How many files of the folder are taken in."""
        return len(self._known)

    def close(self) -> None:
        """Nothing stays open between polls but the file being read and the child that may be reading it."""
        self._active = None
        self._reader.close()

    def poll(self) -> Delivery | None:
        """The next records, or None where there are none for now; deliveries must become durable in order."""
        if self._active is None:
            path = self._next()
            self._active = self._deliveries(path) if path else None
        if self._active is None:
            self._reader.close()  # nothing to do for now: a child would only take memory
            return self._forget_gone()
        delivery = next(self._active, None)
        if delivery is None:
            self._active = None
        return delivery

    def _next(self) -> Path | None:
        """A file that is complete and not taken in yet; also brings the list of problems up to date."""
        present: set[str] = set()
        self._scan_problems = []
        chosen: Path | None = None
        try:
            if not self.folder.is_dir():
                raise NotADirectoryError
            paths = sorted(self.folder.rglob("*"))
        except OSError:
            text = _("フォルダがないか、開けません。作るか、読み取りを許可してください。直れば自動で始めます。")
            self._scan_problems.append(Problem(str(self.folder), text))
            return None
        for path in paths:
            name = str(path)
            if path.name.startswith(".") or path.name.lower().endswith(UNFINISHED):
                continue
            try:
                if path.is_file():
                    present.add(name)
                    if chosen is None and self._is_complete(path):
                        chosen = path
            except OSError as error:
                self._scan_problems.append(Problem(name, _unreadable(error)))
        self._present = present
        self._found = {name: found for name, found in self._found.items() if name in present}
        self._settling = {name: seen for name, seen in self._settling.items() if name in present}
        return chosen

    def _is_complete(self, path: Path) -> bool:
        stat = path.stat()
        stamp = stat.st_size, stat.st_mtime_ns
        name = str(path)
        if self._known.get(name) == stamp:
            return False
        now = self._now()
        seen, since = self._settling.get(name, (None, now))
        if seen != stamp:
            self._settling[name] = stamp, now
            return False
        return now - since >= SETTLED

    def _deliveries(self, path: Path) -> Iterator[Delivery]:
        name = str(path)
        stamp, _since = self._settling[name]
        self._found.pop(name, None)
        try:
            before = self._earlier(name, stamp)
            content, prefix = digest(path, before.size if before else 0)
            taken = self._taken.get(content) or Taken(name, *stamp)
            if before and not taken.done and prefix in self._taken:
                taken = replace(taken, done=_complete_records(path, before))
            if not taken.complete:
                yield from self._take(path, content, taken)
        except OSError as error:
            self._found[name] = [Problem(name, _unreadable(error))]
            self._settling[name] = stamp, self._now()  # not again at once
            return
        self._settling.pop(name, None)
        self._known[name] = stamp
        self._content[name] = content

    def _forget_gone(self) -> Delivery | None:
        """Forget contents of which no file is left, see the module's text; only when every file's content is known.

        An empty folder forgets nothing: it may just not be mounted.
        """
        now = self._now()
        unsure = self._scan_problems or self._settling or not self._present or self._present - self._content.keys()
        if unsure or (self._tidied and now - self._tidied < TIDY):
            return None
        self._tidied = now
        self._known = {name: stamp for name, stamp in self._known.items() if name in self._present}
        self._content = {name: content for name, content in self._content.items() if name in self._present}
        held = set(self._content.values())
        changes: dict[str, bytes] = {}
        for content, taken in list(self._taken.items()):
            gone = 0 if content in held else taken.gone or int(now.timestamp())
            if gone and now.timestamp() - gone > KEEP.total_seconds():
                del self._taken[content]
                changes[key(self.source, content)] = b""
            elif gone != taken.gone:
                self._taken[content] = replace(taken, gone=gone)
                changes[key(self.source, content)] = self._taken[content].dump()
        return Delivery([], changes) if changes else None

    def _earlier(self, name: str, stamp: Stamp) -> Taken | None:
        """What was taken in under this name while the file was shorter: a copy that paused for longer than we wait."""
        return next((one for one in self._taken.values() if one.path == name and 0 < one.size < stamp[0]), None)

    def _take(self, path: Path, content: str, taken: Taken) -> Iterator[Delivery]:
        name = key(self.source, content)
        problems: list[Problem] = []
        items = take(path, taken, source=self.source, key=name, wanted=self._wanted, reader=self._reader, now=self._now)
        for item in items:
            if isinstance(item, Delivery):
                self._taken[content] = Taken.load(item.checkpoints[name])
                yield item
            elif not isinstance(item, Member):
                problems.append(item)
        if problems:
            self._found[str(path)] = problems


def _complete_records(path: Path, before: Taken) -> int:
    """How many records of the shorter file are records of the longer one too: not a last line that went on.

    Only for text: an archive or an EVTX file that grew is another file.
    """
    with path.open("rb") as file:
        start = file.read(MAGIC)
        file.seek(before.size - 1)
        ended = file.read(1) in {b"\n", b"\x00"}
    if container(start):
        return 0
    return before.done if ended else max(before.done - 1, 0)


def _unreadable(error: OSError) -> str:
    text = _("読めません({error})。読み取りを許可するか、置き直してください。自動で再試行します。")
    return text.format(error=error.strerror or error)
