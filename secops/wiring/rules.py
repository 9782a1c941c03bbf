"""Reads rule files: the detector takes (path, text) pairs and opens nothing itself."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from secops.errors import NotFoundError
from secops.locale import _

# In an installed wheel the rules are inside the package, in a checkout at its top.
_PACKED = Path(__file__).parent.parent / "_rules"
BUILTIN = _PACKED if _PACKED.exists() else Path(__file__).parent.parent.parent / "rules"
SUFFIXES = (".yml", ".yaml")
IMPORTED = "imported"  # folder of a site with releases of rules; see `wiring.releases`
CURRENT = "current"  # the file in it that names the one in force
NOT_RULES = ("logsources.yml", ".samples.yml")


def read_rule_files(places: Iterable[Path]) -> list[tuple[str, str]]:
    """Every rule file in folders (and those named themselves), sorted by path within each place.

    A file that is not UTF-8 is read with the wrong bytes replaced: the rulebook then says what is wrong with it, and
    the other rules run.
    """
    found: list[tuple[str, str]] = []
    for place in places:
        names = sorted(_below(str(place)), key=_by_folder) if place.is_dir() else [str(place)]
        for name in names:
            if not name.endswith(NOT_RULES):
                with io.FileIO(name) as file:  # `Path.open` would take as long again
                    found.append((name, file.read().decode("utf-8", "replace").replace("\r\n", "\n")))
    return found


def _below(folder: str) -> Iterator[str]:
    """Rule files in a folder and those below it; `Path.rglob` takes three times as long for 3,000 of them."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _below(entry.path)
            elif entry.name.endswith(SUFFIXES) and entry.is_file():
                yield entry.path


def _by_folder(path: str) -> list[str]:
    """Sorts as paths do, part by part (they would take as long as reading the files)."""
    return re.split(r"[\\/]", path)


def read_pipeline_files(paths: Iterable[Path]) -> list[tuple[str, str]]:
    """Processing pipelines as (path, text).

    Raises:
        NotFoundError: names every file that is not there.
    """
    wanted = list(paths)
    missing = [str(path) for path in wanted if not path.is_file()]
    if missing:
        raise NotFoundError(_("パイプラインのファイルがありません: {paths}").format(paths=", ".join(missing)))
    return [(str(path), path.read_text(encoding="utf-8", errors="replace")) for path in wanted]


def current_folder(site: Path) -> Path | None:
    """The imported release in force, or None."""
    try:
        name = (site / IMPORTED / CURRENT).read_text(encoding="utf-8").strip()
    except OSError:
        return None
    found = site / IMPORTED / name
    return found if name and Path(name).name == name and found.is_dir() else None
