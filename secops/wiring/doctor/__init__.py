"""`secops doctor`: what is wrong with this machine or site, and what to do about it.

Each check is one small function that looks at a `Patient` and returns one `Finding`. `MACHINE` and `SITE` are all of
them; a new check is written and added to the list.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from secops.errors import SecopsError
from secops.locale import _
from secops.settings import load
from secops.wiring.clock import now
from secops.wiring.doctor import machine, site
from secops.wiring.doctor.model import Check, Finding, Patient, State
from secops.wiring.doctor.paging import paging

__all__ = ["MACHINE", "SITE", "Finding", "Patient", "State", "examine"]

MACHINE: tuple[Check, ...] = (
    machine.python,
    machine.packages,
    machine.sqlite,
    machine.clock_synchronized,
    machine.time_zones,
    machine.memory,
    machine.open_files,
    machine.inotify,
    machine.terminal,
    machine.fonts,
)
SITE: tuple[Check, ...] = (
    site.disk,
    site.inodes,
    site.permissions,
    site.keys,
    site.journal,
    site.clock_went_back,
    site.records,
    site.lake,
    site.sources,
    site.ports,
    site.certificate,
    paging,
)


def examine(folder: Path | None, at: datetime | None = None) -> Sequence[Finding]:
    """Look at the machine and, where a folder is given, at the site in it."""
    patient = Patient(folder=folder, now=at or now())
    found = [_look(check, patient) for check in MACHINE]
    if folder is None:
        return found
    try:
        settings = load(folder)
    except SecopsError as error:
        todo = _("secops config check --site {folder} で、まちがいを一つずつ直してください。").format(folder=folder)
        return [*found, Finding("settings", State.WRONG, str(error), todo)]
    patient = Patient(folder=folder.resolve(), now=patient.now, settings=settings)
    found.append(Finding("settings", State.OK, _("secops.toml に誤りはありません。")))
    return [*found, *(_look(check, patient) for check in SITE)]


def _look(check: Check, patient: Patient) -> Finding:
    """One check; one that fails itself is a finding, and the others go on."""
    try:
        return check(patient)
    except (SecopsError, OSError) as error:
        text = _("調べられませんでした: {reason}").format(reason=error)
        return Finding(check.__name__, State.WRONG, text, _("上の理由を取り除いて、もう一度実行してください。"))
