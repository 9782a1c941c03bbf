"""Syslog over UDP and TCP: as it came, bounded, and nothing lost over TCP while the journal is slow."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from secops.siem.collect import syslog
from secops.siem.collect.commit import Delivery
from secops.siem.collect.syslog import Syslog
from tests.fakes.journal import MemoryJournal
from tests.siem.collect.scripts import batches, records

MOMENT = datetime(2026, 4, 1, tzinfo=UTC)


class Door:
    """An outlet that can be held shut."""

    def __init__(self) -> None:
        self.journal = MemoryJournal()
        self.open = asyncio.Event()
        self.open.set()

    async def put(self, delivery: Delivery) -> None:
        await self.open.wait()
        self.journal.append(delivery.batches, delivery.checkpoints, delivery.drops)


def free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def collecting(
    transport: str,
    script: Callable[[Syslog, Door], Awaitable[None]],
    *,
    inbox: int = 1 << 20,
    format: str | None = None,
) -> MemoryJournal:
    """Run a collector while the script runs, stop it, and return what it journaled."""

    async def go() -> MemoryJournal:
        door = Door()
        kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
        listen = f"127.0.0.1:{free_port(kind)}"
        collector = Syslog("net", transport, listen, door, now=lambda: MOMENT, inbox=inbox, format=format)
        stop = asyncio.Event()
        running = asyncio.create_task(collector.run(stop))
        await asyncio.sleep(0.05)
        await script(collector, door)
        stop.set()
        await running
        return door.journal

    return asyncio.run(go())


async def until(true: Callable[[], bool]) -> None:
    for _ in range(500):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("did not happen within five seconds")


def test_a_datagram_is_a_record_with_its_peer():
    async def script(collector: Syslog, _door: Door) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.connect(("127.0.0.1", collector.port))
            for data in (b"<34>one\n", b"", b"\n", b"<34>two\nlines\x00\xff", b"<189>logid=1 devid=x"):
                sender.send(data)

    journal = collecting("udp", script)
    assert sorted(records(journal, "net")) == [b"<189>logid=1 devid=x", b"<34>one", b"<34>two\nlines\x00\xff"]
    assert {batch.origin.format for batch in batches(journal, "net")} == {"syslog", "fortigate"}
    peer = batches(journal, "net")[0].origin.peer
    assert peer
    assert peer.startswith("127.0.0.1:")
    assert peer.endswith("/udp")


def test_datagrams_beyond_the_inbox_are_counted():
    async def script(collector: Syslog, door: Door) -> None:
        door.open.clear()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for number in range(400):
                sender.sendto(b"<34>%04d" % number + b"x" * 900, ("127.0.0.1", collector.port))
                await asyncio.sleep(0)
        await asyncio.sleep(0.1)
        door.open.set()

    journal = collecting("udp", script, inbox=50_000)
    dropped = journal.drops()["net"]
    assert set(dropped) <= {syslog.OVERFLOW, syslog.KERNEL}
    assert dropped[syslog.OVERFLOW] > 100
    assert len(records(journal, "net")) + sum(dropped.values()) == 400


def test_tcp_keeps_everything_while_the_journal_stands_still():
    sent = [b"<34>%06d %s" % (number, b"x" * 500) for number in range(20_000)]

    async def script(collector: Syslog, door: Door) -> None:
        door.open.clear()
        _reader, writer = await asyncio.open_connection("127.0.0.1", collector.port)
        writer.write(b"".join(b"%d %s" % (len(one), one) for one in sent))
        draining = asyncio.create_task(writer.drain())
        await asyncio.sleep(0.3)
        assert not draining.done()  # the sender waits: the collector does not read
        assert records(door.journal, "net") == []
        door.open.set()
        await draining
        writer.close()
        await until(lambda: len(records(door.journal, "net")) == len(sent))

    assert records(collecting("tcp", script, inbox=1 << 20), "net") == sent


def test_connections_mix_framings_and_end_as_they_like():
    async def script(collector: Syslog, door: Door) -> None:
        for data in (b"<34>a\n5 <34>b<34>c\n", b"<34>no end", b"20 <34>cut", b'9 {"a":"b"}'):
            _reader, writer = await asyncio.open_connection("127.0.0.1", collector.port)
            writer.write(data)
            await writer.drain()
            writer.close()
            await writer.wait_closed()
        await until(lambda: len(records(door.journal, "net")) == 6)

    journal = collecting("tcp", script)
    assert set(records(journal, "net")) == {b"<34>a", b"<34>b", b"<34>c", b"<34>no end", b"<34>cut", b'{"a":"b"}'}
    assert {batch.origin.note for batch in batches(journal, "net")} == {None, "truncated"}


def test_what_has_arrived_before_the_stop_is_journaled():
    with socket.socket() as sender:

        async def script(collector: Syslog, _door: Door) -> None:
            sender.connect(("127.0.0.1", collector.port))
            sender.sendall(b"<34>last\n")  # and the connection stays open

        assert records(collecting("tcp", script), "net") == [b"<34>last"]


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_port_in_use_is_a_problem_until_it_is_free(transport: str):
    async def go() -> None:
        kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
        with socket.socket(socket.AF_INET, kind) as other:
            other.bind(("127.0.0.1", 0))
            if transport == "tcp":
                other.listen()
            listen = f"127.0.0.1:{other.getsockname()[1]}"
            collector = Syslog("net", transport, listen, Door(), now=lambda: MOMENT, retry=0.05)
            stop = asyncio.Event()
            running = asyncio.create_task(collector.run(stop))
            await until(lambda: bool(collector.problems))
            assert "ほかのプログラム" in next(iter(collector.problems.values())).what
        await until(lambda: not collector.problems)
        stop.set()
        await running

    asyncio.run(go())


@pytest.mark.skipif(shutil.which("logger") is None, reason="util-linux logger is not installed")
@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("framing", [["--rfc3164"], ["--rfc5424"], ["--rfc5424", "--octet-count"]])
def test_the_real_logger(transport: str, framing: list[str]):
    async def script(collector: Syslog, door: Door) -> None:
        flag = "--udp" if transport == "udp" else "--tcp"
        command = ["logger", flag, "--server", "127.0.0.1", "--port", str(collector.port), *framing, "表示テスト"]
        await asyncio.to_thread(subprocess.run, command, check=True, timeout=10)
        await until(lambda: len(records(door.journal, "net")) == 1)

    [record] = records(collecting(transport, script), "net")
    assert record.startswith(b"<13>") or b" <13>" in record[:8]
    assert record.decode().endswith("表示テスト")


@pytest.mark.skipif(shutil.which("rsyslogd") is None, reason="rsyslogd is not installed")
@pytest.mark.parametrize("octets", [False, True])
def test_the_real_rsyslog(tmp_path: Path, octets: bool):
    lines = [f"<34>Apr  1 09:00:{n % 60:02d} host app: message {n}" for n in range(500)]
    (tmp_path / "in.log").write_text("\n".join(lines) + "\n")
    framing = 'TCP_Framing="octet-counted"' if octets else ""

    async def script(collector: Syslog, door: Door) -> None:
        (tmp_path / "rsyslog.conf").write_text(
            f"""
            global(workDirectory="{tmp_path}")
            module(load="imfile" PollingInterval="1")
            template(name="raw" type="string" string="%msg%\\n")
            template(name="bare" type="string" string="%msg%")
            input(type="imfile" File="{tmp_path}/in.log" Tag="t" readMode="0")
            action(type="omfwd" target="127.0.0.1" port="{collector.port}" protocol="tcp" {framing}
                   template="{"bare" if octets else "raw"}")
            """
        )
        command = ["rsyslogd", "-n", "-f", str(tmp_path / "rsyslog.conf"), "-i", str(tmp_path / "pid")]
        process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
        try:
            await until(lambda: len(records(door.journal, "net")) >= len(lines))
        finally:
            process.terminate()
            _out, errors = await process.communicate()
            print(errors.decode())

    assert [one.decode() for one in records(collecting("tcp", script), "net")] == lines
