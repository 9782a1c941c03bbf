"""`secops ingest`: files into the journal once, in flat memory; a file that is already there is skipped and said."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import get_args

from secops.errors import Problem, UsageError
from secops.locale import _
from secops.schema.names import FORMATS
from secops.settings_values import Encoding
from secops.siem.collect.apart import Apart
from secops.siem.collect.commit import Delivery
from secops.siem.collect.recognise import Guess
from secops.siem.collect.take import Taken, digest, take
from secops.siem.collect.whole import Member, Wanted
from secops.siem.ports import JournalWriter


@dataclass(frozen=True, slots=True)
class FileReport:
    """What became of one file: ``content`` is its hash, ``members`` what was found in it (several in an archive)."""

    path: str
    content: str
    records: int
    size: int
    skipped: bool
    members: tuple[tuple[str, Guess], ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Summary:
    """What became of all files."""

    files: tuple[FileReport, ...]

    @property
    def records(self) -> int:
        """Records journaled by this call."""
        return sum(file.records for file in self.files)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Everything that was wrong, in order of files."""
        return tuple(problem for file in self.files for problem in file.problems)


def files_of(paths: Iterable[Path]) -> list[Path]:
    """The files named, and all files in the folders named, hidden ones left out, in order."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = (one for one in path.rglob("*") if one.is_file())
            found += sorted(one for one in inside if not one.name.startswith("."))
        else:
            found.append(path)
    return found


def one_shot(
    paths: Iterable[Path],
    *,
    journal: JournalWriter,
    source: str,
    zone: str | None,
    now: Callable[[], datetime],
    format: str | None = None,
    encoding: str | None = None,
    timezone: str | None = None,
    force: bool = False,
    progress: Callable[[int], None] = lambda _count: None,
    reader: Apart | None = None,
) -> Summary:
    """Journal every record of the files (and of folders' files) as records of ``source``.

    ``progress`` gets bytes of the files on disk as they are read; their sum is the size of the files. A run that was
    killed goes on where it was when it is repeated. ``force`` takes a file in again.
    ``timezone`` is what the origins carry for times without an offset (None: Asia/Tokyo). ``reader`` has other limits.

    Raises:
        UsageError: an unknown format or encoding.
        JournalError: the journal cannot be written; what was committed before stays, and a repeated call goes on.
    """
    _check("format", format, FORMATS)
    _check("encoding", encoding, get_args(Encoding))
    wanted = Wanted(format=format, encoding=encoding, zone=zone, timezone=timezone)
    with reader or Apart() as own:
        reports = [_one(path, journal, source, wanted, own, now, force, progress) for path in files_of(paths)]
    return Summary(tuple(reports))


def _check(name: str, value: str | None, known: Sequence[str]) -> None:
    if value is not None and value not in known:
        text = _("{name} の「{value}」は使えません(使えるもの: {known})。")
        raise UsageError(text.format(name=name, value=value, known=", ".join(known)))


def _one(
    path: Path,
    journal: JournalWriter,
    source: str,
    wanted: Wanted,
    reader: Apart,
    now: Callable[[], datetime],
    force: bool,
    progress: Callable[[int], None],
) -> FileReport:
    try:
        stat = path.stat()
        content, _prefix = digest(path)
    except OSError as error:
        text = _("読めません({error})。パスと権限を確認してください。").format(error=error.strerror or error)
        return FileReport(str(path), "", 0, 0, skipped=False, problems=(Problem(str(path), text),))
    key = f"import:{content}"
    known = journal.checkpoint(key)
    taken = Taken.load(known) if known else Taken(str(path), stat.st_size, stat.st_mtime_ns)
    if taken.complete and not force:
        progress(stat.st_size)
        return FileReport(str(path), content, 0, stat.st_size, skipped=True)
    if taken.complete:
        taken = replace(taken, path=str(path), done=0, complete=False, problems=())
    items = take(path, taken, source=source, key=key, wanted=wanted, reader=reader, now=now, progress=progress)
    return _journal(items, journal, FileReport(str(path), content, 0, stat.st_size, skipped=False))


def _journal(items: Iterator[Delivery | Member | Problem], journal: JournalWriter, report: FileReport) -> FileReport:
    records = 0
    members: list[tuple[str, Guess]] = []
    problems: list[Problem] = []
    try:
        for item in items:
            if isinstance(item, Delivery):
                journal.append(item.batches, item.checkpoints, item.drops)
                records += _count(item.batches)
            elif isinstance(item, Member):
                members.append((item.path, item.guess))
            else:
                problems.append(item)
    except OSError as error:
        text = _("途中で読めなくなりました({error})。媒体を確認して、もう一度取り込んでください。続きから始まります。")
        problems.append(Problem(report.path, text.format(error=error.strerror or error)))
    return replace(report, records=records, members=tuple(members), problems=tuple(problems))


def _count(batches: Sequence[object]) -> int:
    return sum(len(getattr(batch, "records", ())) for batch in batches)
