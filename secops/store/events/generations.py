"""Generations of the lake: ``<site>/lake/g<N>/`` each, ``<site>/lake/CURRENT`` names the one that is searched.

Of a store elsewhere (``<site>/elastic``) the folders are empty: they say which generations there are.

A replay fills a new generation beside the live one and swaps the name in one atomic step, so that a crash at any moment
leaves one whole lake. Every generation counts its own positions, since its Delta table has its own ``app_id``.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from secops.durable import replace_text, sync
from secops.errors import StoreError
from secops.locale import _

CURRENT = "CURRENT"
_GENERATION = re.compile(r"g([1-9][0-9]{0,8})")


def current_generation(folder: Path) -> str:
    """The live generation of a lake folder; a new folder starts with ``g1``.

    Raises:
        StoreError: CURRENT names what is no generation.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        name = (folder / CURRENT).read_text(encoding="ascii").strip()
    except FileNotFoundError:
        swap(folder, "g1")
        return "g1"
    if not _GENERATION.fullmatch(name):
        raise StoreError(
            _("{path}: 世代の名前「{found}」が読めません。g1 のような名前に直してください。").format(
                path=folder / CURRENT, found=name
            )
        )
    return name


def current_lake(folder: Path) -> Path:
    """The folder of the live generation."""
    return folder / current_generation(folder)


def new_generation(folder: Path) -> str:
    """The name of a new, empty generation behind all that exist; its folder is made."""
    (folder / current_generation(folder)).mkdir(exist_ok=True)  # a store elsewhere has made none
    taken = [int(match[1]) for path in folder.iterdir() if (match := _GENERATION.fullmatch(path.name))]
    name = f"g{max(taken, default=0) + 1}"
    (folder / name).mkdir()
    sync(folder)
    return name


def swap(folder: Path, generation: str) -> None:
    """Make a generation the live one: atomic, and durable when it returns."""
    assert _GENERATION.fullmatch(generation)
    replace_text(folder / CURRENT, generation + "\n")


def generations_before(folder: Path) -> tuple[str, ...]:
    """The generations before the live one. Later ones may be a replay at work."""
    live = int(current_generation(folder)[1:])
    found = (_GENERATION.fullmatch(path.name) for path in folder.iterdir())
    return tuple(sorted(match[0] for match in found if match and int(match[1]) < live))


def drop_old(folder: Path) -> tuple[str, ...]:
    """Remove all generations before the live one; returns their names."""
    old = generations_before(folder)
    for path in (folder / name for name in old):
        # Renamed first: half a generation must not be mistaken for one.
        doomed = path.with_name(f".{path.name}.{os.getpid()}")
        path.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)
    return old
