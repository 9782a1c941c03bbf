"""Who is called, and in which order: the rota at a moment, in Japan time. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from secops.schema.dates import JST
from secops.schema.holidays import holiday_name, is_office_day
from secops.settings_notify import WEEKDAYS, NotifySettings, PersonSettings, ShiftSettings


def order(notify: NotifySettings, now: datetime) -> tuple[PersonSettings, ...]:
    """The people to call at this moment, the one on duty first.

    The first shift that fits counts; where none does it is ``rota``, and where that is empty everybody as listed.
    """
    shift = next((one for one in notify.shifts if fits(one, now)), None)
    ids = shift.people if shift else notify.rota or [one.id for one in notify.people]
    people = {one.id: one for one in notify.people}
    return tuple(people[name] for name in dict.fromkeys(ids))


def fits(shift: ShiftSettings, now: datetime) -> bool:
    """Whether a moment lies in a shift; one that runs over midnight belongs to the day on which it begins."""
    local = now.astimezone(JST)
    today, minute = local.date(), local.hour * 60 + local.minute
    begin, end = _minutes(shift.hours)
    if begin < end:
        return begin <= minute < end and _on(shift, today)
    return (minute >= begin and _on(shift, today)) or (minute < end and _on(shift, today - timedelta(days=1)))


def _minutes(hours: str) -> tuple[int, int]:
    """Begin and end in minutes of the day; empty is the whole day."""
    if not hours:
        return 0, 24 * 60
    begin, end = ((int(part[:2]) * 60 + int(part[3:])) for part in hours.split("-"))
    return begin, end


def _on(shift: ShiftSettings, day: date) -> bool:
    if not shift.days:
        return True
    names = {WEEKDAYS[day.weekday()], "workday" if is_office_day(day) else "offday"}
    if holiday_name(day):
        names.add("holiday")
    return not names.isdisjoint(shift.days)


def duties(
    notify: NotifySettings, since: datetime, until: datetime
) -> Sequence[tuple[datetime, datetime, tuple[PersonSettings, ...]]]:
    """Who is called from when to when: the rota as a table, cut where the order changes."""
    found: list[tuple[datetime, datetime, tuple[PersonSettings, ...]]] = []
    at = since
    while at < until:
        following = min(_next_edge(notify, at), until)
        people = order(notify, at)
        if found and found[-1][2] == people:
            found[-1] = (found[-1][0], following, people)
        else:
            found.append((at, following, people))
        at = following
    return found


def _next_edge(notify: NotifySettings, at: datetime) -> datetime:
    """The next moment at which some shift may begin or end."""
    local = at.astimezone(JST)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    minutes = {24 * 60, *(edge for shift in notify.shifts for edge in _minutes(shift.hours))}
    edges = (midnight + timedelta(minutes=edge) for edge in minutes)
    return min(edge for edge in edges if edge > local).astimezone(at.tzinfo)
