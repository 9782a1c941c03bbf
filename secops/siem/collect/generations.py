"""How log rotation names the generations of a file."""

from __future__ import annotations

from pathlib import Path


def related(path: str, other: str) -> bool:
    """Whether one name is what a rotation makes of the other: ``app.log`` → ``app.log.1``, ``app-20260401.log``."""
    one, two = Path(path), Path(other)
    return one.parent == two.parent and two.name.startswith((one.name, f"{one.stem}-", f"{one.stem}.", f"{one.stem}_"))


def siblings(path: str) -> list[str]:
    """Files beside ``path`` that a rotation may have made of it, newest first; not the file itself."""
    this = Path(path)
    try:
        others = [other for other in this.parent.iterdir() if other != this and related(path, str(other))]
        found = [(other.stat().st_mtime, str(other)) for other in others if other.is_file()]
    except OSError:
        return []
    return [name for _mtime, name in sorted(found, reverse=True)]
