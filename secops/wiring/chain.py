"""Looks after the journal's chain while the program runs, and keeps what was found for all who show it.

Reading every record takes hours in a large journal, so the hourly look reads all headers, signatures and the chain, and
the records of the newest sealed segment and of one other, another each hour. `secops journal verify` reads all.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secops.locale import _

if TYPE_CHECKING:
    from secops.siem.journal import Finding

FILE = Path("run") / "chain.json"
EVERY_SECONDS = 3600.0


def look(site: Path, now: datetime) -> None:
    """The hourly look.

    Raises:
        SecopsError: the journal or its public key cannot be read.
    """
    from secops.siem.journal import load_public_key, verify
    from secops.siem.journal.layout import numbers

    sealed = sorted(numbers(site / "journal")["sealed"])
    chosen = {sealed[-1], sealed[int(now.timestamp() // EVERY_SECONDS) % len(sealed)]} if sealed else set()
    report = verify(site / "journal", load_public_key(site / "keys"), deep=chosen.__contains__)
    note(site, report.findings, now, quick=True)


def note(site: Path, findings: Sequence[Finding], now: datetime, *, quick: bool = False) -> None:
    """Keep the result of a look; a quick one that finds nothing does not clear what a whole one found."""
    text = ""
    if findings:
        first = findings[0]
        what = _("原本ログの検証で {n} 件の異常(区間 {segment}: {what})。フォルダに触らず、保全してください。")
        text = what.format(n=len(findings), segment=first.segment, what=first.what)
    result = {"at": now.isoformat(), "problem": text}
    # A whole look has seen all that a quick one can see.
    known = {**_read(site), "quick": result} if quick else {"full": result}
    path = site / FILE
    fresh = path.with_suffix(".tmp")
    with suppress(OSError):  # who may only read verifies too
        fresh.write_text(json.dumps(known, ensure_ascii=False), encoding="utf-8", errors="replace")
        fresh.replace(path)


def chain_problem(site: Path) -> str:
    """What is wrong with the journal as far as was looked; empty where nothing is."""
    found = _read(site)
    return next((one["problem"] for key in ("full", "quick") if (one := found.get(key)) and one.get("problem")), "")


def _read(site: Path) -> dict[str, Any]:
    try:
        found = json.loads((site / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
