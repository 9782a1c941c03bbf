"""What commands leave in the audit log: who is logged in on this machine, that it was a command, and what it did."""

from __future__ import annotations

import getpass
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from secops.siem.ports import Bulk
    from secops.siem.triage.trace import Doer
    from secops.wiring import Site


def os_user() -> str:
    """The user of the operating system: what it knows itself, not what the environment says."""
    try:
        import pwd

        return pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError):  # another system, or a user without an entry
        return getpass.getuser()


def doer(as_user: str = "") -> Doer:
    """Who gives this command; ``as_user`` is in whose name, where that is told."""
    from secops.access.ports import CLI
    from secops.siem.triage.trace import Doer

    me, notes = os_user(), []
    if (before := os.environ.get("SUDO_USER", "")) and before != me:
        notes.append(f"sudo={before[:40]}")
    if as_user.strip() and as_user.strip() != me:
        notes.append(f"as={as_user.strip()[:64]}")
    return Doer(me, CLI, " ".join(notes))


def note(site: Site, as_user: str, action: str, numbers: Sequence[int], text: str = "") -> None:
    """An action on alerts into the audit log."""
    from secops.siem.triage.trace import line

    places = site.desk.places(numbers)
    site.accounts.record(line(doer(as_user), action, numbers, places, text, site.now()))


def note_many(site: Site, as_user: str, done: Bulk) -> None:
    """An action on many alerts, or its undo, into the audit log."""
    from secops.siem.triage.trace import many

    site.accounts.record(many(doer(as_user), done, site.desk.places((), bulk=done.id), site.now()))


def note_list(site: Site, as_user: str, action: str, asked: str, text: str = "") -> None:
    """A look at alerts or events into the audit log: the command line sees all zones."""
    from secops.access.ports import Access
    from secops.siem.triage.trace import listed

    site.accounts.record(listed(doer(as_user), action, asked, text, Access(), site.now()))
