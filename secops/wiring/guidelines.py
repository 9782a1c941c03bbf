"""Reads the editions of the national guideline: those of the program, and a ward's own in place of them or beside."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from secops.errors import PolicyError, Problem
from secops.isms.clauses.editions import read_editions
from secops.isms.clauses.trace import Editions
from secops.locale import _

# In an installed wheel the data is inside the package, in a checkout at its top.
_PACKED = Path(__file__).parent.parent / "_policies"
BUILTIN = _PACKED if _PACKED.exists() else Path(__file__).parent.parent.parent / "policies"
GUIDELINES = "guidelines"
SUFFIXES = (".yml", ".yaml")


def guideline_files(site: Path | None = None) -> list[Path]:
    """The files of all editions: a ward's own takes the place of the builtin one of the same file name."""
    found: dict[str, Path] = {}
    for folder in [BUILTIN / GUIDELINES, *([site / "policies" / GUIDELINES] if site else [])]:
        if folder.is_dir():
            found |= {path.stem: path for path in sorted(folder.iterdir()) if path.suffix in SUFFIXES}
    return [found[name] for name in sorted(found)]


def open_editions(site: Path | None = None) -> Editions:
    """All editions.

    Raises:
        PolicyError: the files have mistakes.
    """
    paths = guideline_files(site)
    return _read_once(tuple((path, path.stat().st_mtime_ns, path.stat().st_size) for path in paths))


@lru_cache(maxsize=4)
def _read_once(stamps: tuple[tuple[Path, int, int], ...]) -> Editions:
    """Files that are the same are not read twice in a process: it takes half a second."""
    return read_editions(read_files([path for path, _time, _size in stamps]))


def read_files(paths: Sequence[Path]) -> list[tuple[str, str]]:
    """Files as (path, text).

    Raises:
        PolicyError: names every file that is not UTF-8.
    """
    found: list[tuple[str, str]] = []
    wrong: list[Problem] = []
    for path in paths:
        try:
            found.append((str(path), path.read_bytes().decode("utf-8-sig")))
        except UnicodeDecodeError as error:
            what = _("UTF-8 ではありません({byte} バイト目)。UTF-8 で保存し直してください。")
            wrong.append(Problem(f"{path}:1", what.format(byte=error.start + 1)))
    if wrong:
        raise PolicyError(wrong)
    return found
