"""The inventory folder of a site: ``inventory/<kind>.csv``, and earlier versions under ``inventory/history/``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path

from secops.org.flows import FILE_NAME, FlowTable, builtin_table, parse_table
from secops.org.inventory import decode, load_directory
from secops.org.model import Directory
from secops.org.tables import TABLES
from secops.settings import Settings

FOLDER = "inventory"


def read_inventory(site: Path) -> dict[str, str]:
    """The inventory files of a site as kind → text; kinds without a file are left out."""
    paths = {kind: site / FOLDER / f"{kind}.csv" for kind in TABLES}
    return {kind: decode(path.read_bytes(), str(path)) for kind, path in paths.items() if path.exists()}


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
            out.flush()
            os.fsync(out.fileno())
        ready.append((fresh, folder / f"{kind}.csv"))
    for fresh, path in ready:
        if path.exists():
            (history / f"{path.stem}-{now:%Y%m%dT%H%M%S}Z.csv").write_bytes(path.read_bytes())
        fresh.replace(path)
    return [path for _fresh, path in ready]
