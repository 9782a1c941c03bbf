"""Live updates: one poll of the desk for all open pages, one event stream a page.

A stream says only that something changed. The page then asks for what it shows, with its own filters and its reader's
scope; so nothing that a reader may not see can travel here, and a missed message costs nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from anyio import to_thread
from fastapi import APIRouter, Depends, Request
from starlette.responses import StreamingResponse

from secops.access.ports import Right, Step
from secops.errors import SecopsError
from secops.web.services import Services
from secops.web.session import reads, services, token_of
from secops.web.siem.queue import NEWEST

router = APIRouter()
log = logging.getLogger("secops.web")
POLL_SECONDS = 0.25  # one short statement for all open pages
WAIT_SECONDS = 0.5
HEARTBEAT_SECONDS = 15.0


class Pulse:
    """The newest change number, kept fresh while somebody listens."""

    def __init__(self, here: Services) -> None:
        self._here = here
        self._moved = asyncio.Event()
        self.number = 0
        self.listeners = 0

    async def run(self) -> None:
        """Poll until cancelled; an error of the desk is logged and tried again."""
        while True:
            if self.listeners:
                await self.look()
            await asyncio.sleep(POLL_SECONDS)

    async def look(self) -> None:
        """Ask the desk once and wake the listeners if something changed."""
        try:
            number, _ids = await to_thread.run_sync(self._here.desk.changes, NEWEST)
        except SecopsError as error:
            log.warning("changes: %s", error)
            return
        if number != self.number:
            self.number = number
            moved, self._moved = self._moved, asyncio.Event()
            moved.set()

    async def wait(self, seconds: float) -> None:
        """Until something changes, at most so long."""
        try:
            await asyncio.wait_for(self._moved.wait(), seconds)
        except TimeoutError:
            return


@asynccontextmanager
async def pulse(here: Services) -> AsyncIterator[Pulse]:
    """The pulse of an app, as long as it lives."""
    beating = Pulse(here)
    task = asyncio.create_task(beating.run())
    try:
        yield beating
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@router.get("/api/alerts/stream", dependencies=[Depends(reads(Right.SEE_ALERTS))])
def stream(request: Request) -> StreamingResponse:
    """Server-sent events: ``changed`` with the change number, a comment as heartbeat, ``bye`` at the session's end."""
    here = services(request)
    return StreamingResponse(
        messages(request, here, request.app.state.pulse, token_of(request)),
        media_type="text/event-stream",
        headers={"x-accel-buffering": "no"},
    )


class Visitor(Protocol):
    """What the stream asks of a request."""

    async def is_disconnected(self) -> bool:
        """Whether the browser has gone."""
        ...


async def messages(
    visitor: Visitor, here: Services, beating: Pulse, token: str, heartbeat: float = HEARTBEAT_SECONDS
) -> AsyncIterator[str]:
    """What one page hears. Waits are short, so that the stream notices soon that the program is to stop."""
    seen = -1
    quiet = 0.0
    beating.listeners += 1
    try:
        await beating.look()
        while not here.closing() and not await visitor.is_disconnected():
            if beating.number != seen:
                seen, quiet = beating.number, 0.0
                yield f"event: changed\ndata: {seen}\n\n"
            elif quiet >= heartbeat:
                quiet = 0.0
                if not await _alive(here, token):
                    yield "event: bye\ndata: session\n\n"
                    return
                yield ": still here\n\n"
            await beating.wait(WAIT_SECONDS)
            quiet += WAIT_SECONDS
    finally:
        beating.listeners -= 1


async def _alive(here: Services, token: str) -> bool:
    """Whether the session still stands, and no step of the login has come up since."""
    session = await to_thread.run_sync(lambda: here.accounts.session(token, here.now(), touch=False))
    return session is not None and session.step is Step.DONE
