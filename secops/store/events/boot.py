"""After the machine went down: take back commits at the end of a Delta log whose content did not reach the disk.

`Table.commit` returns after data and log are forced to the disk, so only a commit that nobody was told of can be torn.
It is removed, with its position: the records are still in the journal and are stored again. Which boot the folder was
last used in is remembered, so a plain restart costs nothing.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from urllib.parse import unquote

import polars as pl

from secops.durable import replace_text, sync

RECENT = 120  # seconds before the newest commit; everything older was forced out long before
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_log = logging.getLogger(__name__)


def check_after_boot(folder: Path) -> list[int]:
    """Check the newest commits if the machine was booted since; returns the versions taken back."""
    boot = _BOOT_ID.read_text(encoding="ascii").strip() if _BOOT_ID.exists() else "unknown"
    mark = folder / ".boot"
    if mark.exists() and mark.read_text(encoding="ascii").strip() == boot:
        return []
    removed = take_back(folder)
    replace_text(mark, boot + "\n")
    return removed


def take_back(folder: Path) -> list[int]:
    """Remove the first torn commit among the newest ones, and all behind it."""
    log = folder / "_delta_log"
    commits = sorted(log.glob("[0-9]*.json")) if log.is_dir() else []
    if not commits:
        return []
    newest = commits[-1].stat().st_mtime
    recent = [path for path in commits if newest - path.stat().st_mtime <= RECENT]
    torn = next((path for path in recent if not _whole(folder, path)), None)
    if torn is None:
        return []
    first = int(torn.stem)
    # Newest first: whatever is left after another crash is again a log with a torn end.
    for path in sorted(log.glob("[0-9]*"), reverse=True):
        if int(path.name.split(".")[0]) >= first:
            path.unlink()
    (log / "_last_checkpoint").unlink(missing_ok=True)  # only a hint; the folder is listed without it
    sync(log)
    removed = [int(path.stem) for path in commits if int(path.stem) >= first]
    _log.warning("%s: took back %d commits that did not survive the power loss: %s", folder, len(removed), removed)
    return removed


def _whole(folder: Path, commit: Path) -> bool:
    try:
        actions = [json.loads(line) for line in commit.read_bytes().splitlines()]
        added = [folder / unquote(action["add"]["path"]) for action in actions if "add" in action]
        for path in added:
            if path.exists():  # else compacted and vacuumed since
                pl.read_parquet(path)
            elif not _removed_later(folder, commit, path):
                return False
    except (ValueError, OSError, KeyError, TypeError, pl.exceptions.PolarsError):
        return False
    return bool(actions)


def _removed_later(folder: Path, commit: Path, path: Path) -> bool:
    name = path.relative_to(folder).as_posix()
    later = (other for other in commit.parent.glob("[0-9]*.json") if other.stem > commit.stem)
    return any(name in unquote(other.read_text(encoding="utf-8", errors="replace")) for other in later)
