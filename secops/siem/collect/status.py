"""What the collectors say about themselves: a small JSON file that other processes read."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from secops.errors import Problem
from secops.settings import Settings

FILE = Path("run") / "collect.json"


@dataclass(frozen=True, slots=True)
class CollectorStatus:
    """One collector in this run: ``received`` counts acknowledged records, ``place`` is its path or address."""

    id: str
    kind: str
    place: str
    format: str
    zone: str
    received: int = 0
    files: int = 0
    last_received: datetime | None = None
    problems: tuple[Problem, ...] = field(default=())


def write_status(
    site: Path, sources: Mapping[str, CollectorStatus], *, started: datetime, now: datetime, problem: str
) -> None:
    """Replace the file in one step; ``problem`` is what keeps all of them from journaling."""
    value = {
        "pid": os.getpid(),
        "started": started.isoformat(),
        "updated": now.isoformat(),
        "problem": problem,
        "sources": {name: _plain(one, problem) for name, one in sources.items()},
    }
    path = site / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8", errors="surrogatepass")
    temporary.replace(path)


def _plain(one: CollectorStatus, problem: str) -> dict[str, Any]:
    texts = [str(found) for found in one.problems]
    return {
        "kind": one.kind,
        "place": one.place,
        "format": one.format,
        "zone": one.zone,
        "received": one.received,
        "files": one.files,
        "last_received": one.last_received.isoformat() if one.last_received else None,
        "problem": problem or "\n".join(texts),
        "problems": [{"where": found.where, "what": found.what} for found in one.problems],
    }


def read_status(site: Path) -> dict[str, Any]:
    """The file as it is, or an empty object; ``running`` says whether its process lives."""
    try:
        value = json.loads((site / FILE).read_text(encoding="utf-8", errors="surrogatepass"))
    except (OSError, ValueError):
        return {}
    if not isinstance(value, dict):
        return {}
    value["running"] = _lives(int(value.get("pid") or 0))
    return value


def list_sources(settings: Settings, site: Path) -> list[dict[str, Any]]:
    """Every source of the settings with what its collector last said."""
    status = read_status(site)
    said = status.get("sources", {})
    rows: list[dict[str, Any]] = []
    for source in settings.sources:
        one = said.get(source.id, {})
        rows.append(
            {
                "id": source.id,
                "kind": source.kind,
                "place": source.listen or source.path,
                "format": source.format,
                "zone": source.zone,
                "running": bool(status.get("running")) and bool(one),
                "received": one.get("received", 0),
                "last_received": one.get("last_received"),
                "problem": one.get("problem", "") if status.get("running") else "",
                "problems": one.get("problems", []),
            }
        )
    return rows


def _lives(pid: int) -> bool:
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
