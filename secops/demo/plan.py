"""When what happens in the demo ward: a pure function of the seed and of when the ward was built.

History is a few working days with every story at a known time; from then on an ordinary day goes its way in real time,
and a new story begins every `LIVE_SECONDS`. So the player can be stopped and started anywhere, and the report knows
every scene without a mark in any log.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from secops.demo.chance import dice as roll
from secops.demo.hours import clock
from secops.demo.pen import Line
from secops.demo.rhythm import ordinary_day
from secops.demo.stories import BY_ID, STORIES, Scene
from secops.demo.world import World, make_world
from secops.schema.dates import JST
from secops.schema.holidays import is_office_day

LIVE_SECONDS = 60
LONGEST_SCENE = timedelta(minutes=6)
# Story → working days before the building of the ward, and the time in Japan.
_HISTORY = (
    ("unregistered-flow", 4, 10.55),
    ("log-clear", 4, 18.4),
    ("usb-mynumber", 3, 11.2),
    ("ssh-guessing", 3, 14.3),
    ("mail-chain", 2, 9.7),
    ("expired-flow", 2, 16.1),
    ("leaver-copy", 2, 19.6),
    ("password-spray", 1, 15.4),
    ("night-admin-logon", 1, 26.15),
    ("psexec", 1, 16.8),
    ("mynumber-to-internet", 1, 13.7),
    ("upload-out", 4, 16.3),
    ("dns-tunnel", 4, 14.8),
    ("lgwan-proxy", 3, 12.6),
    ("retired-account", 3, 17.9),
    ("usb-bridge", 2, 13.4),
    ("sanitized-macro", 2, 10.9),
    ("contractor-night", 2, 25.6),
    ("task-and-user", 1, 11.3),
    ("ransomware", 1, 18.9),
)
# Story → minutes before the building: what the person on call finds first.
_RECENT = (("log-clear", 41), ("mynumber-to-internet", 23), ("mail-chain", 9))


@dataclass(frozen=True)
class Plan:
    """The ward's calendar. ``built`` (UTC) divides history, written as files at once, from what is played live."""

    seed: int
    built: datetime
    days: int = 5

    @property
    def world(self) -> World:
        """The ward."""
        return _world(self.seed)

    @property
    def begin(self) -> datetime:
        """Where history begins: the midnight of the first of the working days."""
        return clock(self.working_day(self.days), 0)

    def working_day(self, back: int) -> date:
        """The working day so many working days before the day on which the ward was built."""
        day = self.built.astimezone(JST).date()
        while back:
            day -= timedelta(days=1)
            back -= is_office_day(day)
        return day

    def history(self) -> list[Scene]:
        """The scenes before the ward was built."""
        scenes = []
        for story, back, hour in _HISTORY:
            start = clock(self.working_day(min(back, self.days)), hour)
            # A night that is not over yet: it was the one before.
            if start + LONGEST_SCENE > self.built:
                start -= timedelta(days=1)
            scenes.append(BY_ID[story].scene(self.world, roll(self.seed, "history", story), start))
        for story, minutes in _RECENT:
            start = self.built - timedelta(minutes=minutes)
            scenes.append(BY_ID[story].scene(self.world, roll(self.seed, "recent", story), start))
        return scenes

    def live(self, since: datetime, until: datetime) -> Iterator[Scene]:
        """The scenes that begin in a span of time after the ward was built, one for each slot."""
        slot = int(max(since, self.built).timestamp()) // LIVE_SECONDS
        last = int(until.timestamp()) // LIVE_SECONDS
        for number in range(slot, last + 1):
            dice = roll(self.seed, "live", number)
            start = datetime.fromtimestamp(number * LIVE_SECONDS + dice.randrange(8), UTC)
            if max(since, self.built) <= start < until:
                able = [story for story in STORIES if not story.night or _is_night(start)]
                yield able[number % len(able)].scene(self.world, dice, start)

    def lines(self, since: datetime, until: datetime) -> list[Line]:
        """All lines in a half-open span of time, ordinary work and stories together, in order."""
        found = [line for day in _dates(since, until) for line in _day(self.seed, day) if since <= line.at < until]
        scenes = [*(self.history() if since < self.built else ()), *self.live(since - LONGEST_SCENE, until)]
        for scene in scenes:
            found += [line for line in scene.lines if since <= line.at < until]
        return sorted(found)


@lru_cache(maxsize=4)
def _world(seed: int) -> World:
    return make_world(seed)


@lru_cache(maxsize=3)
def _day(seed: int, day: date) -> tuple[Line, ...]:
    return tuple(ordinary_day(_world(seed), day))


def _dates(since: datetime, until: datetime) -> Iterator[date]:
    """The days in Japan that a span touches, and the one before: its evening work may run past midnight."""
    day = since.astimezone(JST).date() - timedelta(days=1)
    while day <= until.astimezone(JST).date():
        yield day
        day += timedelta(days=1)


def _is_night(moment: datetime) -> bool:
    """Well outside working hours, whatever the site's settings say those are."""
    local = moment.astimezone(JST)
    return not is_office_day(local.date()) or not 6 <= local.hour < 22
