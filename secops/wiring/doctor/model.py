"""What a check is given and what it says."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from secops.settings import Settings


class State(StrEnum):
    """``warning`` works today and may not tomorrow; ``wrong`` must be mended."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found, and what to do where that is not well."""

    check: str
    state: State
    what: str
    todo: str = ""


@dataclass(frozen=True, slots=True)
class Patient:
    """What checks look at. Places of the system are fields, so that a test can show them another machine."""

    now: datetime
    folder: Path | None = None
    settings: Settings | None = None
    proc: Path = Path("/proc")
    fonts: tuple[Path, ...] = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path.home() / ".fonts")
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)

    @property
    def site(self) -> Path:
        """The site folder, for checks that are only made where there is one."""
        assert self.folder is not None
        return self.folder

    @property
    def known(self) -> Settings:
        """The settings, likewise."""
        assert self.settings is not None
        return self.settings


Check = Callable[[Patient], Finding]


def ok(check: str, what: str) -> Finding:
    """All is well."""
    return Finding(check, State.OK, what)


def warning(check: str, what: str, todo: str) -> Finding:
    """It works, and should be seen to."""
    return Finding(check, State.WARNING, what, todo)


def wrong(check: str, what: str, todo: str) -> Finding:
    """It must be mended."""
    return Finding(check, State.WRONG, what, todo)
