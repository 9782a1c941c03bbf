"""The console's own socket."""

from __future__ import annotations

import asyncio
import socket

from secops.web.pages import environment, warm
from secops.web.serve import listen


def test_an_answer_does_not_wait_for_the_acknowledgement_of_its_first_part():
    async def accepted() -> int:
        held: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def connected(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            held.set_result(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        listening = listen("127.0.0.1", 0)
        async with await asyncio.start_server(connected, sock=listening):
            _reader, writer = await asyncio.open_connection(*listening.getsockname())
            try:
                return await asyncio.wait_for(held, 10)
            finally:
                writer.close()

    assert asyncio.run(accepted()) == 1


def test_pages_that_are_opened_all_the_time_are_compiled_before_anybody_asks():
    environment.cache_clear()
    warm()
    cache = environment().cache
    assert cache is not None
    assert {name for _loader, name in cache} >= {"queue.html", "alert.html", "events.html", "base.html"}
