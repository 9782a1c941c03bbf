"""The live stream: it tells of changes, beats, and ends with the session and with the program."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

from secops.siem.ports import Scope
from secops.web.siem import stream
from tests.web.stage import NOW, Stage


class Visit:
    """As much of a request as the stream asks for."""

    gone = False

    async def is_disconnected(self) -> bool:
        return self.gone


def token(stage: Stage) -> str:
    return stage.accounts.login("touban", "watch-the-three-tiers", peer="t", now=stage.clock, demo_allowed=True)[0]


async def hear(stage: Stage, key: str, doings, heartbeat: float = 15.0) -> list[str]:
    """What a page hears while ``doings(number of messages so far)`` is called after each message."""
    heard: list[str] = []
    async with stream.pulse(stage.services) as pulse, asyncio.timeout(5):
        visit = Visit()
        async for message in stream.messages(visit, stage.services, pulse, key, heartbeat):
            heard.append(message)
            doings(len(heard), visit)
    return heard


def test_a_change_is_told_soon(stage):
    begin = time.monotonic()

    def doings(count, visit):
        if count == 1:
            stage.desk.note(3, "x", actor="csirt", scope=Scope(), now=NOW)
        else:
            visit.gone = True

    heard = asyncio.run(hear(stage, token(stage), doings))
    assert [message.split("\n")[0] for message in heard] == ["event: changed"] * 2
    assert time.monotonic() - begin < 2


def test_it_beats_and_ends_with_the_session(stage):
    key = token(stage)

    def doings(count, visit):
        if count == 3:
            stage.clock += timedelta(hours=9)

    heard = asyncio.run(hear(stage, key, doings, heartbeat=0.5))
    assert heard[1] == heard[2] == ": still here\n\n"
    assert heard[-1].startswith("event: bye")


def test_it_ends_when_the_program_stops(stage):
    def doings(count, visit):
        stage.stop = True

    assert len(asyncio.run(hear(stage, token(stage), doings))) == 1


def test_what_is_told_is_a_number_only(stage):
    def doings(count, visit):
        visit.gone = True

    (message,) = asyncio.run(hear(stage, token(stage), doings))
    assert message == f"event: changed\ndata: {stage.desk.change}\n\n"
