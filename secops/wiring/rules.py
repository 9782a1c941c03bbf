"""Reads rule files: the detector takes (path, text) pairs and opens nothing itself."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from secops.errors import NotFoundError
from secops.locale import _

# In an installed wheel the rules are inside the package, in a checkout at its top.
_PACKED = Path(__file__).parent.parent / "_rules"
BUILTIN = _PACKED if _PACKED.exists() else Path(__file__).parent.parent.parent / "rules"
SUFFIXES = (".yml", ".yaml")
NOT_RULES = ("logsources.yml", ".samples.yml")


def read_rule_files(places: Iterable[Path]) -> list[tuple[str, str]]:
    """Every rule file in folders (and those named themselves), sorted by path within each place.

    A file that is not UTF-8 is read with the wrong bytes replaced: the rulebook then says what is wrong with it, and
    the other rules run.
    """
    found: list[tuple[str, str]] = []
    for place in places:
        paths = sorted(path for path in place.rglob("*") if path.suffix in SUFFIXES) if place.is_dir() else [place]
        found += [
            (str(path), path.read_text(encoding="utf-8", errors="replace"))
            for path in paths
            if path.is_file() and not path.name.endswith(NOT_RULES)
        ]
    return found


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
