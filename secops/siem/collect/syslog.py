"""Syslog over UDP and TCP: whatever arrives as one datagram or frame is one record, as it came.

A bounded inbox stands between the network and the journal. While it is full, TCP connections are not read (the sender
notices and waits), and datagrams, which cannot wait, are counted as dropped with a reason.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import Callable
from datetime import datetime

from secops.errors import Problem
from secops.locale import _
from secops.siem.collect.commit import Delivery, Outlet
from secops.siem.collect.recognise import of_message
from secops.siem.collect.syslog_frames import FrameSplitter, strip_newline
from secops.siem.ports import Drop, NewBatch, Origin

INBOX = 32 << 20  # bytes that wait for the journal, per source
READ = 256 << 10  # bytes read from a connection at a time
RECEIVE_BUFFER = 16 << 20  # bytes asked of the kernel for datagrams
DATAGRAMS = 512  # read in one go before others have their turn
CONNECTIONS = 1024
OVERHEAD = 100  # bytes of memory that a small record costs beside its content
RETRY = 3.0  # seconds until a port that was in use is tried again
OVERFLOW = "inbox_full"
KERNEL = "kernel_buffer_full"

Key = tuple[str, str, str | None]  # peer, format, note


class Inbox:
    """Records of one source that are not handed over yet, grouped by origin, bounded in bytes."""

    def __init__(self, limit: int = INBOX) -> None:
        self._limit = limit
        self._groups: dict[Key, list[bytes]] = {}
        self._size = 0
        self._drops: dict[str, int] = {}
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    @property
    def size(self) -> int:
        """Bytes waiting."""
        return self._size

    def add(self, key: Key, records: list[bytes]) -> None:
        """Take records in, also beyond the limit: whoever cannot wait asks `is_full` first."""
        self._groups.setdefault(key, []).extend(records)
        self._size += sum(map(len, records)) + OVERHEAD * len(records)
        if self._size >= self._limit:
            self._room.clear()
        self._news.set()

    @property
    def is_empty(self) -> bool:
        """Whether there is neither a record nor a drop to hand over."""
        return not self._groups and not self._drops

    @property
    def is_full(self) -> bool:
        """Whether the limit is reached."""
        return self._size >= self._limit

    def drop(self, reason: str, count: int = 1) -> None:
        """Count what had to be let go."""
        self._drops[reason] = self._drops.get(reason, 0) + count
        self._news.set()

    async def wait_for_room(self) -> None:
        """Returns when the inbox is not full."""
        await self._room.wait()

    async def wait(self) -> None:
        """Returns when there is something to take."""
        await self._news.wait()

    def wake(self) -> None:
        """Let `wait` return even if there is nothing."""
        self._news.set()

    def take(self) -> tuple[dict[Key, list[bytes]], dict[str, int]]:
        """Everything that waits, and the drops since the last time."""
        groups, self._groups = self._groups, {}
        drops, self._drops = self._drops, {}
        self._size = 0
        self._news.clear()
        self._room.set()
        return groups, drops


class Syslog:
    """The collector of one syslog source; ``listen`` is ``address:port``, ``transport`` ``udp`` or ``tcp``.

    ``problems`` (place → problem) and ``port`` (the one really bound) are for the status.
    """

    def __init__(
        self,
        source: str,
        transport: str,
        listen: str,
        outlet: Outlet,
        *,
        now: Callable[[], datetime],
        format: str | None = None,
        encoding: str = "utf-8",
        zone: str | None = None,
        timezone: str | None = None,
        inbox: int = INBOX,
        retry: float = RETRY,
    ) -> None:
        host, _colon, port = listen.rpartition(":")
        self.source = source
        self.host = host.strip("[]")
        self.port = int(port)
        self.problems: dict[str, Problem] = {}
        self._place = f"{listen}/{transport}"
        self._transport = transport
        self._outlet = outlet
        self._now = now
        self._format = format
        self._encoding = encoding
        self._zone = zone
        self._timezone = timezone
        self._inbox = Inbox(inbox)
        self._connections: set[asyncio.Task[None]] = set()
        self._retry = retry
        self._kernel_drops = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Listen until ``stop``, then hand over what is waiting; a port in use is tried again."""
        done = asyncio.Event()
        pump = asyncio.create_task(self._pump(done))
        try:
            while not stop.is_set():
                try:
                    await (self._serve_udp if self._transport == "udp" else self._serve_tcp)(stop)
                except OSError as error:
                    self.problems = {self._place: Problem(self._place, bind_text(error))}
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(stop.wait(), self._retry)
        finally:
            done.set()
            self._inbox.wake()
            await pump

    # -- handing over

    async def _pump(self, done: asyncio.Event) -> None:
        """Hand over what waits; at most one delivery is under way, so that the inbox fills when the journal is slow."""
        while not (done.is_set() and self._inbox.is_empty):
            await self._inbox.wait()
            await self._hand_over()

    async def _hand_over(self) -> None:
        groups, drops = self._inbox.take()
        received = self._now()
        batches = [
            NewBatch(
                self.source,
                received,
                Origin(
                    "syslog", format, self._encoding, peer=peer, zone=self._zone, note=note, timezone=self._timezone
                ),
                records,
            )
            for (peer, format, note), records in groups.items()
        ]
        lost = [Drop(self.source, reason, count) for reason, count in drops.items()]
        if batches or lost:
            await self._outlet.put(Delivery(batches, drops=lost))

    def _accept(self, peer: str, records: list[bytes], note: str | None = None) -> None:
        if self._format:
            self._inbox.add((peer, self._format, note), records)
            return
        by_format: dict[str, list[bytes]] = {}
        for record in records:
            by_format.setdefault(of_message(record), []).append(record)
        for format, some in by_format.items():
            self._inbox.add((peer, format, note), some)

    # -- UDP

    async def _serve_udp(self, stop: asyncio.Event) -> None:
        """Read datagrams until ``stop``; many per wake-up, because one per turn of the loop is too slow."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            server.setblocking(False)
            server.bind((self.host, self.port))
            self.port = server.getsockname()[1]
            self.problems = {}
            loop = asyncio.get_running_loop()
            loop.add_reader(server, self._read_datagrams, server)
            try:
                while not stop.is_set():
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(stop.wait(), 1.0)
                    self._count_kernel_drops(server)
            finally:
                loop.remove_reader(server)
                self._read_datagrams(server)  # what had arrived before the stop

    def _read_datagrams(self, server: socket.socket) -> None:
        groups: dict[str, list[bytes]] = {}
        for _turn in range(DATAGRAMS):
            try:
                data, address = server.recvfrom(65535)
            except (BlockingIOError, InterruptedError):
                break
            except OSError:  # an ICMP error of an earlier send; the socket stays usable
                continue
            if record := strip_newline(data):
                groups.setdefault(_peer(address, "udp"), []).append(record)
        for peer, records in groups.items():
            if self._inbox.is_full:
                self._inbox.drop(OVERFLOW, len(records))
            else:
                self._accept(peer, records)

    def _count_kernel_drops(self, server: socket.socket) -> None:
        """Datagrams that the kernel let go because this process did not read in time (Linux only)."""
        total = _kernel_drops(server)
        if total > self._kernel_drops:
            self._inbox.drop(KERNEL, total - self._kernel_drops)
        self._kernel_drops = total

    # -- TCP

    async def _serve_tcp(self, stop: asyncio.Event) -> None:
        server = await asyncio.start_server(self._connected, self.host, self.port, limit=READ, backlog=256)
        self.port = server.sockets[0].getsockname()[1]
        self.problems = {}
        try:
            await stop.wait()
        finally:
            await asyncio.sleep(0.05)  # accept who has already connected
            server.close()
            if self._connections:  # and let them read what is already here
                await asyncio.wait(self._connections, timeout=0.2)
            for task in self._connections:
                task.cancel()
            await asyncio.gather(*self._connections, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        peer = _peer(writer.get_extra_info("peername"), "tcp")
        if len(self._connections) >= CONNECTIONS:
            text = _("同時接続が {n} を超えたため {peer} を切りました。送信元の設定を確認してください。")
            self.problems["connections"] = Problem(self._place, text.format(n=CONNECTIONS, peer=peer))
            writer.close()
            return
        self._connections.add(task)
        frames = FrameSplitter()
        try:
            while data := await reader.read(READ):
                for piece in frames.feed(data):
                    self._accept(peer, piece.records, piece.note)
                await self._inbox.wait_for_room()
        except (ConnectionError, asyncio.CancelledError):
            pass  # a reset ends the connection like a close; on stop the server cancels
        finally:
            for piece in frames.finish():
                self._accept(peer, piece.records, piece.note)
            self._connections.discard(task)
            self.problems.pop("connections", None)
            writer.close()


def _peer(address: tuple[str, int] | tuple[str, int, int, int], transport: str) -> str:
    host = f"[{address[0]}]" if ":" in address[0] else address[0]
    return f"{host}:{address[1]}/{transport}"


def _kernel_drops(server: socket.socket) -> int:
    """The ``drops`` column of /proc/net/udp for this socket; 0 where there is none."""
    inode = str(os.fstat(server.fileno()).st_ino)
    for name in ("/proc/net/udp", "/proc/net/udp6"):
        with contextlib.suppress(OSError), open(name, encoding="ascii") as table:  # noqa: PTH123 - not a real file
            for line in table:
                cells = line.split()
                if len(cells) > 12 and cells[9] == inode:
                    return int(cells[12])
    return 0


def bind_text(error: OSError) -> str:
    """Why listening failed, in the reader's words."""
    if error.errno == errno.EADDRINUSE:
        return _("ポートがほかのプログラムに使われています。そちらを止めるか、listen を変えてください。再試行します。")
    if error.errno in {errno.EACCES, errno.EPERM}:
        return _(
            "このポートで待ち受ける権限がありません。1024 以上のポートにするか、権限を与えてください。再試行します。"
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return _("このアドレスはこの機器にありません。listen を確認してください。再試行します。")
    return _("待ち受けできません({error})。再試行します。").format(error=error.strerror or error)
