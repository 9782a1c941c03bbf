"""Reminders of the self-inspection: who gets one where, and putting them into the outbox."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, time

from secops.errors import ConflictError, UsageError
from secops.isms.audit.ports import SheetDesk, Viewer
from secops.isms.audit.progress import Reminder, reminders
from secops.locale import _
from secops.notify import message
from secops.org.model import Directory
from secops.schema.dates import JST
from secops.settings import Settings
from secops.siem.ports import Outgoing, Page, ReminderDesk
from secops.wiring.site import Site

EVERYTHING = Viewer("cli")


@dataclass(frozen=True, slots=True)
class Receiver:
    """A department that has something to do still: where it is written to (empty: nowhere), the last message to it."""

    reminder: Reminder
    address: str
    last: Outgoing | None
    content: message.Message


class Reminders:
    """``address`` is where the console is opened, where ``notify.url`` says nothing."""

    def __init__(
        self,
        rounds: SheetDesk,
        desk: ReminderDesk,
        settings: Settings,
        directory: Callable[[], Directory],
        now: Callable[[], datetime],
        address: str,
    ) -> None:
        self._rounds, self._desk, self._settings, self._now = rounds, desk, settings, now
        self._directory = directory
        self._address = f"{settings.notify.url}/" if settings.notify.url else address

    @property
    def channel(self) -> str:
        """The way out that mail takes; empty: the ward has set up none."""
        return next((one.id for one in self._settings.notify.channels if one.kind == "mail"), "")

    def receivers(self, number: str) -> Sequence[Receiver]:
        """Every department of a round with a sheet that is not confirmed, in the order of the plan."""
        now, known = self._now(), self._directory().department_by_code
        last = self._desk.reminded(number)
        sheets = self._rounds.sheets(EVERYTHING, of=number)
        found = []
        for one in reminders(sheets, now.astimezone(JST).date(), self._address):
            mail = known[one.department].mail if one.department in known else ""
            found.append(Receiver(one, mail, last.get(one.department), self._message(one, number, now)))
        return found

    def _message(self, one: Reminder, number: str, now: datetime) -> message.Message:
        return message.Message(
            "reminder",
            self._settings.site.name,
            now,
            count=one.items,
            url=f"{self._address}inspection",
            round=number,
            sheets=one.sheets,
            due=one.due.isoformat() if one.due else "",
            late=one.late,
        )

    def send(self, number: str, departments: Collection[str] | None, *, actor: str) -> tuple[int, int]:
        """Put a mail for each of these departments (None: all that have an address) into the outbox.

        At most one a day goes to a department. Returns how many were put, and how many had theirs today.

        Raises:
            ConflictError: there is no way out for mail.
            UsageError: there is nobody to write to.
        """
        channel, now = self.channel, self._now()
        if not channel:
            text = _('メールの通知手段がありません。secops.toml の [notify] に kind = "mail" の手段を書いてください。')
            raise ConflictError(text)
        pages = [
            Page(one.reminder.department, channel, one.address, message.to_plain(one.content))
            for one in self.receivers(number)
            if one.address and (departments is None or one.reminder.department in departments)
        ]
        if not pages:
            raise UsageError(_("送る相手がいません。済んでいない課のうち、メールアドレスのあるものを選んでください。"))
        begin = datetime.combine(now.astimezone(JST).date(), time(), JST)
        put = self._desk.remind(pages, number, since=begin, actor=actor, now=now)
        return len(put), len(pages) - len(put)


def reminders_of(site: Site) -> Reminders:
    """The reminders of a site."""
    desk = site.desk
    return Reminders(desk.rounds, desk.reminders, site.settings, lambda: site.directory, site.now, site.address)
