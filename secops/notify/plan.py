"""What is sent to whom next: notices in, batches out; the time is an argument. Pure.

- The first notice goes out at once. Those that follow within `gather` of it are gathered into one message with their
  count, unless a graver one comes: a storm is one message a minute, and nothing of it is left out.
- A notice that nobody answers goes to the next person after `escalate`, after the last one to everybody, and after that
  it is *unanswered*, which the console says.
- That a condition is over goes to as many people as heard that it began, and needs no answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from secops.locale import _
from secops.notify import message, rota
from secops.settings import Settings
from secops.settings_notify import PersonSettings
from secops.siem.ports import Batch, Cause, LastPaged, Notice, NoticeState, Page

FIRST_RETRY = timedelta(seconds=30)
LONGEST_RETRY = timedelta(minutes=15)
GIVE_UP = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Planner:
    """Decides with the settings of a site."""

    settings: Settings

    def decide(self, notices: Sequence[Notice], last: LastPaged | None, now: datetime) -> list[Batch]:
        """Batches for the notices whose turn it is; a notice in none of them stays as it is."""
        fresh = [one for one in notices if one.state is NoticeState.WAITING]
        going = [one for one in fresh if one.cause is not Cause.OVER]
        if self._holds(going, last, now):
            going = []
        over = [one for one in fresh if one.cause is Cause.OVER]
        turns = [one for one in notices if one.state is NoticeState.PAGED]
        batches = [self._page(group, now) for group in _alike([*going, *turns])]
        return batches + [self._tell_over(group, now) for group in _alike(over)]

    def _holds(self, fresh: Sequence[Notice], last: LastPaged | None, now: datetime) -> bool:
        """Whether to wait for more before the next message."""
        if last is None or not fresh:
            return False
        gather = timedelta(seconds=self.settings.notify.gather_seconds)
        return now - last.at < gather and max(one.severity for one in fresh) <= last.severity

    def _page(self, group: Sequence[Notice], now: datetime) -> Batch:
        """The next step of notices that are all at the same one."""
        step = group[0].step + 1
        line = rota.order(self.settings.notify, now)
        ids = [one.id for one in group]
        if step > len(line) + 1:
            return Batch(ids, NoticeState.EXHAUSTED, group[0].step, None, told=_("全員に通知しましたが、応答なし"))
        everybody = step > len(line)
        people = tuple(self.settings.notify.people) if everybody else (line[step - 1],)
        names = _("全員") if everybody else people[0].name
        return Batch(
            notices=ids,
            state=NoticeState.PAGED,
            step=step,
            next_at=now + timedelta(minutes=self.settings.notify.escalation_minutes),
            pages=self._pages(group, people, step),
            told=names,
        )

    def _tell_over(self, group: Sequence[Notice], now: datetime) -> Batch:
        line = rota.order(self.settings.notify, now)
        step = group[0].step
        people = tuple(self.settings.notify.people) if step > len(line) else line[: max(1, step)]
        ids = [one.id for one in group]
        return Batch(ids, NoticeState.ENDED, step, None, self._pages(group, people, 0))

    def _pages(self, group: Sequence[Notice], people: Iterable[PersonSettings], step: int) -> list[Page]:
        zones = {zone: one.label for zone, one in self.settings.zones.items()}
        content = message.of_notices(
            group, site=self.settings.site.name, zones=zones, url=self.settings.notify.url, step=step
        )
        return addressed(message.to_plain(content), people)


def addressed(content: Mapping[str, object], people: Iterable[PersonSettings], channel: str = "") -> list[Page]:
    """The same for each of these people, over each of their channels or the one that is named."""
    return [
        Page(person.id, through, address, content)
        for person in people
        for through, address in person.contacts.items()
        if channel in {"", through}
    ]


def _alike(notices: Iterable[Notice]) -> list[list[Notice]]:
    """Notices that one message can tell of: of alerts or of conditions, and at the same step."""
    groups: dict[tuple[bool, int], list[Notice]] = {}
    for one in notices:
        groups.setdefault((one.alert_id is not None, one.step), []).append(one)
    return list(groups.values())


def next_try(attempts: int, now: datetime) -> datetime:
    """When a message that failed so often (from 1) is tried again: later each time, up to a quarter of an hour."""
    return now + min(FIRST_RETRY * (1 << min(attempts - 1, 10)), LONGEST_RETRY)


def trial_message(settings: Settings, now: datetime) -> dict[str, object]:
    """The content of a message that tries a channel out."""
    return message.to_plain(message.Message("test", settings.site.name, now, url=settings.notify.url))
