"""How often parts ended unasked of late, and whether who pages is alive: small files between keeper and supervisor."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from secops.notify.conditions import LOOP_SPAN

FILE = Path("run") / "ends.json"
BEAT = Path("run") / "notify.beat"


def note_end(site: Path, name: str, now: datetime) -> None:
    """Remember that a part ended; what cannot be written is not worth the supervisor's life."""
    ends = _read(site)
    ends[name] = [*ends.get(name, []), now.isoformat()]
    recent = {
        part: [one for one in times if now - datetime.fromisoformat(one) < LOOP_SPAN] for part, times in ends.items()
    }
    path = site / FILE
    fresh = path.with_suffix(".tmp")
    with suppress(OSError):
        fresh.write_text(json.dumps(recent), encoding="utf-8")
        fresh.replace(path)


def recent_ends(site: Path, now: datetime) -> dict[str, int]:
    """How often each part ended within `LOOP_SPAN` before now."""
    counts = {
        part: sum(now - datetime.fromisoformat(one) < LOOP_SPAN for one in times) for part, times in _read(site).items()
    }
    return {part: count for part, count in counts.items() if count}


def beat(site: Path) -> None:
    """Say that this process pages and is alive."""
    with suppress(OSError):
        (site / BEAT).write_text(str(os.getpid()), encoding="ascii")


def last_beat(site: Path) -> tuple[int, int]:
    """(process id, time of the file in ns) of who paged last; zeros where nobody did."""
    try:
        return int((site / BEAT).read_text(encoding="ascii")), (site / BEAT).stat().st_mtime_ns
    except (OSError, ValueError):
        return 0, 0


def _read(site: Path) -> dict[str, list[str]]:
    try:
        found = json.loads((site / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
