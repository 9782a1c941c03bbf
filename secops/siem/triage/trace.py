"""What people did with alerts and who looked at them, as lines of the audit log: one line an action, with its count.

The history of each alert tells the same of that alert; the audit log tells what a person did, whatever it was done to.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from secops.access.ports import Access, AuditEntry, joint
from secops.siem.ports import Bulk

MOST_NAMED = 10  # numbers of alerts in a line
SAME_LOOK = timedelta(minutes=10)  # within which opening an alert again is the same look, as in its history
SAME_LIST = timedelta(hours=1)  # the same for a list with the same conditions
LONGEST = 1000


@dataclass(frozen=True, slots=True)
class Doer:
    """Who does something, from where (an address, or `secops.access.ports.CLI`); ``note`` is what else is known."""

    actor: str
    peer: str
    note: str = ""


def line(
    doer: Doer, action: str, numbers: Sequence[int], places: Iterable[tuple[str, str]], text: str, now: datetime
) -> AuditEntry:
    """An action on alerts; ``places`` are the zone and department of each of them."""
    found = list(places)
    zone, department = joint(one for one, _ in found), joint(one for _, one in found)
    return AuditEntry(now, doer.actor, action, named(numbers), doer.peer, _said(doer, text), 0, zone, department)


def listed(doer: Doer, action: str, asked: str, text: str, access: Access, now: datetime) -> AuditEntry:
    """A look at a list; it is of all that its reader may see."""
    zone, department = of_access(access)
    return AuditEntry(now, doer.actor, action, asked, doer.peer, _said(doer, text), 0, zone, department)


def of_access(access: Access) -> tuple[str, str]:
    """The zone and department that a line bears which may tell of anything its reader sees."""
    return (
        "" if access.zones is None else joint(access.zones),
        "" if access.departments is None else joint(access.departments),
    )


def many(doer: Doer, done: Bulk, places: Iterable[tuple[str, str]], now: datetime) -> AuditEntry:
    """An action on many alerts, or its undo where it was undone: how many, its number, how they were chosen."""
    undone = done.undone_at is not None
    said = f"→ {done.text}" if done.action == "linked" else done.text
    told = f"×{done.restored if undone else done.done} [{done.chosen[:200]}] {said}"
    entry = line(doer, "alerts_undone" if undone else f"alerts_{done.action}", (), places, told, now)
    return replace(entry, target=f"bulk {done.id}")


def named(numbers: Sequence[int]) -> str:
    """Numbers of alerts as a line has them: the first few, and how many there are."""
    shown = ", ".join(map(str, numbers[:MOST_NAMED]))
    return shown if len(numbers) <= MOST_NAMED else f"{shown}, … ({len(numbers)})"


def _said(doer: Doer, text: str) -> str:
    return " ".join(part for part in (doer.note, text) if part)[:LONGEST]
