"""The inventory folder of a site: ``inventory/<kind>.csv``, and earlier versions under ``inventory/history/``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path

from secops.durable import place, settle
from secops.org.flows import FILE_NAME, FlowTable, builtin_table, parse_table
from secops.org.inventory import decode, load_directory
from secops.org.model import Directory
from secops.org.tables import TABLES
from secops.settings import Settings

FOLDER = "inventory"
_REPLACED = re.compile(r"([a-z]+)-(\d{8}T\d{6})Z\.csv")


def read_inventory(site: Path) -> dict[str, str]:
    """The inventory files of a site as kind → text; kinds without a file are left out."""
    paths = {kind: site / FOLDER / f"{kind}.csv" for kind in TABLES}
    return {kind: decode(path.read_bytes(), str(path)) for kind, path in paths.items() if path.exists()}


def read_inventory_at(site: Path, moment: datetime) -> dict[str, str]:
    """The inventory files as they were at a moment, as far as versions are kept: the oldest known one for before."""
    found = read_inventory(site)
    for stamp, kind, path in sorted(_history(site), reverse=True):
        if stamp > moment and kind in TABLES:  # this version was replaced later, so it was in force then
            found[kind] = decode(path.read_bytes(), str(path))
    return found


def inventory_changes(site: Path, kind: str = "") -> list[datetime]:
    """When a version of the inventory (or of one kind of it) was replaced, ascending."""
    return sorted({stamp for stamp, name, _path in _history(site) if not kind or name == kind})


def inventory_known_at(site: Path, kind: str, moment: datetime) -> bool:
    """Whether the version of a kind that was in force at a moment is kept."""
    if any(stamp > moment for stamp in inventory_changes(site, kind)):
        return True
    path = site / FOLDER / f"{kind}.csv"
    return path.exists() and datetime.fromtimestamp(path.stat().st_mtime, UTC) <= moment


def _history(site: Path) -> list[tuple[datetime, str, Path]]:
    """(when it was replaced, kind, path) of every earlier version."""
    found = []
    for path in (site / FOLDER / "history").glob("*.csv"):
        if match := _REPLACED.fullmatch(path.name):
            stamp = datetime.strptime(match[2], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
            found.append((stamp, match[1], path))
    return found


def open_directory(site: Path, settings: Settings, today: date) -> Directory:
    """The directory of a site folder.

    Raises:
        InventoryError: someone edited the files and made mistakes.
    """
    return load_directory(read_inventory(site), settings, today)


def open_table(site: Path) -> FlowTable:
    """The ward's own ``flows.toml``, or the one that comes with the program.

    Raises:
        SettingsError: the ward's file has mistakes.
    """
    path = site / FILE_NAME
    return parse_table(path.read_text(encoding="utf-8"), str(path)) if path.exists() else builtin_table()


def write_inventory(site: Path, files: Mapping[str, str], now: datetime) -> list[Path]:
    """Put new versions (kind → text) in place; each file is replaced atomically, the one before goes to ``history/``.

    Written with a BOM, so that Excel opens it as UTF-8. Returns the paths written.
    """
    folder = site / FOLDER
    history = folder / "history"
    history.mkdir(parents=True, exist_ok=True)
    ready: list[tuple[Path, Path]] = []
    for kind, text in files.items():
        fresh = folder / f".{kind}.new"
        with fresh.open("w", encoding="utf-8-sig", newline="") as out:
            out.write(text.removeprefix("\ufeff"))
            settle(out)
        ready.append((fresh, folder / f"{kind}.csv"))
    for fresh, path in ready:
        if path.exists():
            (history / f"{path.stem}-{now:%Y%m%dT%H%M%S}Z.csv").write_bytes(path.read_bytes())
        place(fresh, path)
    return [path for _fresh, path in ready]
