"""Evidence sheets as text: one canonical JSON form, its SHA-256, and the sheet again."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from secops.isms.audit.round import EvidenceSheet, SourceDays, Unit


def canonical(sheet: EvidenceSheet) -> str:
    """The sheet as JSON: keys sorted, no spaces, moments in UTC; what its hash is of, so without the hash itself.

    Figures keep their order in ``order``: the keys of an object have none.
    """
    said: dict[str, Any] = asdict(sheet)
    del said["sha256"]
    if not sheet.system:
        del said["system"]  # sheets of a department have the text that they had before there were others
    said["period"] = [_moment(one) for one in sheet.period]
    said["made_at"] = _moment(sheet.made_at)
    said["order"] = {"figures": list(sheet.figures), "rows": list(sheet.rows[0]) if sheet.rows else []}
    text = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    # A lone surrogate of a broken log line has no UTF-8, and nothing may be written that cannot be read back alike.
    return text.encode("utf-8", "replace").decode()


def digest(text: str) -> str:
    """SHA-256 of a canonical text."""
    return hashlib.sha256(text.encode()).hexdigest()


def sealed(sheet: EvidenceSheet) -> EvidenceSheet:
    """The sheet with its hash."""
    return replace(sheet, sha256=digest(canonical(sheet)))


def sheet_of(text: str) -> EvidenceSheet:
    """The sheet of a canonical text, with the hash of this text."""
    said = json.loads(text)
    order = said.pop("order")
    said["unit"] = Unit(**said["unit"])
    said["period"] = tuple(datetime.fromisoformat(one) for one in said["period"])
    said["made_at"] = datetime.fromisoformat(said["made_at"])
    said["figures"] = {title: said["figures"][title] for title in order["figures"]}
    said["rows"] = tuple({name: row[name] for name in order["rows"] if name in row} for row in said["rows"])
    said["sources"] = tuple(SourceDays(**one) for one in said["sources"])
    said["zones"] = None if said["zones"] is None else tuple(said["zones"])
    for name in ("missing", "items", "notes"):
        said[name] = tuple(said[name])
    return EvidenceSheet(**said, sha256=digest(text))


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
