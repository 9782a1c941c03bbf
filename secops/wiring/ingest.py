"""`secops ingest`: files into the journal, and worked off before the command ends.

Where the site is running, its workers do the work and this waits for them. Else it is done here: a small import in
this process, a large one by a second process and its crew beside the reading, since all cores are free.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from secops.errors import ConflictError, SecopsError, UsageError
from secops.locale import _
from secops.schema.text import is_name
from secops.settings_values import is_timezone
from secops.siem.collect.ingest import FileReport, files_of, one_shot
from secops.supervisor import supervised_environment
from secops.wiring.locks import is_held, worker_names
from secops.wiring.parts import drain_alone
from secops.wiring.site import Site

SMALL = 24 << 20
WAIT_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Job:
    """What to take in, and as what; None is recognised from the content."""

    files: Sequence[Path]
    zone: str
    format: str | None = None
    encoding: str | None = None
    source: str | None = None
    again: bool = False
    timezone: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a job; ``rejected`` of the records no parser understood (they are kept and can be searched)."""

    source: str
    files: Sequence[FileReport]
    records: int
    alerts_opened: int
    alerts_raised: int
    rejected: int
    problems: Sequence[str]


def total_bytes(job: Job) -> int:
    """Bytes of all files of a job, for a progress bar."""
    return sum(path.stat().st_size for path in files_of(job.files) if path.exists())


def ingest_files(site: Site, job: Job, progress: Callable[[int], None]) -> Outcome:
    """Journal the files, work the journal off, and say what came of it; ``progress`` gets bytes as they are read.

    Raises:
        UsageError: the zone is not in the settings, the source is not a name, or the time zone does not exist.
        ConflictError: the workers stand still, so what was journaled could not be worked off.
    """
    source = _source(site, job)
    with _worked_off(site, total_bytes(job)):
        change, known = site.desk.changes(0)  # while the second process starts
        before = _rejected(site, source)
        summary = one_shot(
            job.files,
            journal=site.journal,
            source=source,
            zone=job.zone,
            now=site.now,
            format=job.format,
            encoding=job.encoding,
            timezone=_timezone(site, job),
            force=job.again,
            progress=progress,
        )
    changed = set(site.desk.changes(change)[1])
    opened = {alert for alert in changed if alert > max(known, default=0)}
    problems = [str(problem) for problem in summary.problems]
    rejected = _rejected(site, source) - before
    return Outcome(source, summary.files, summary.records, len(opened), len(changed - opened), rejected, problems)


def _rejected(site: Site, source: str) -> int:
    tally = site.desk.tallies().get(source)
    return tally.rejected if tally else 0


def _source(site: Site, job: Job) -> str:
    if job.zone not in site.settings.zones:
        text = _("系統「{zone}」は設定にありません(使えるもの: {known})。")
        raise UsageError(text.format(zone=job.zone, known=", ".join(site.settings.zones)))
    source = job.source or f"import-{job.zone.replace('_', '-')}"
    if not is_name(source):
        raise UsageError(
            _("収集元の id「{id}」は使えません。英小文字・数字・ハイフンで書いてください。").format(id=source)
        )
    return source


def _timezone(site: Site, job: Job) -> str | None:
    if job.timezone and not is_timezone(job.timezone):
        text = _("タイムゾーン「{name}」はありません。Asia/Tokyo、UTC のような名前で指定してください。")
        raise UsageError(text.format(name=job.timezone))
    return site.settings.local_time(job.timezone)


@contextmanager
def _worked_off(site: Site, size: int) -> Iterator[None]:
    """See to it that what is journaled inside is in all sinks afterwards."""
    workers = worker_names(site.settings)
    if any(is_held(site.folder, name) for name in workers):
        yield
        _wait_for_workers(site, workers)
    elif size <= SMALL:
        yield
        drain_alone(site, lambda: False)
    else:
        with _second_process(site):
            yield


def _wait_for_workers(site: Site, workers: Sequence[str]) -> None:
    target = site.journal.heads()
    while True:
        tallied = site.desk.tally_positions()
        if all(tallied.get(source, 0) >= head for source, head in target.items()):
            return
        if not any(is_held(site.folder, name) for name in workers):
            text = _("取り込みましたが、解析の処理が動いていません。secops run で続きから解析されます。")
            raise ConflictError(text)
        time.sleep(WAIT_SECONDS)


@contextmanager
def _second_process(site: Site) -> Iterator[None]:
    argv = [sys.executable, "-m", "secops.cli", "run", "--site", str(site.folder), "--part", "drain"]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, env=supervised_environment())
    assert process.stdin is not None
    try:
        yield
    finally:
        process.stdin.close()
        code = process.wait()
    if code:
        text = _(
            "解析の処理が止まりました(終了コード {code})。取り込んだログは失われず、secops run で続きから解析されます。"
        )
        raise SecopsError(text.format(code=code))
