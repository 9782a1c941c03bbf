"""The first road as a whole: settings → collectors → journal; slow and failing journals, kill -9, one broken source."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from secops.errors import JournalError
from secops.settings import Settings, parse
from secops.siem.collect.checks import check_sources
from secops.siem.collect.status import list_sources, read_status
from secops.siem.intake import Intake
from secops.siem.journal import Journal, create_journal
from secops.siem.ports import Drop, JournalReader, JournalWriter, NewBatch
from tests.fakes.journal import MemoryJournal

SITE = '[site]\nid = "ward"\nname = "区"\n[zones.lgwan]\nlabel = "LGWAN接続系"\n'
FILE = '[[sources]]\nid = "app"\nkind = "file"\nzone = "lgwan"\npath = "logs/app.log"\n'


def now() -> datetime:
    return datetime.now(UTC)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def listening(port: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> bool:
    """Whether someone has bound the port."""
    with socket.socket(socket.AF_INET, kind) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def tcp_source(port: int) -> str:
    return f'[[sources]]\nid = "net"\nkind = "syslog-tcp"\nlisten = "127.0.0.1:{port}"\n'


@contextmanager
def running(settings: Settings, journal: JournalWriter, site: Path) -> Iterator[Intake]:
    """An intake at work in a thread; on leaving it is stopped and has handed over what it had."""
    intake = Intake(settings, journal, site, now=now, poll=0.02)
    stop = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(intake.run(stop)))
    thread.start()
    try:
        yield intake
    finally:
        stop.set()
        thread.join(60)
        assert not thread.is_alive()


def until(true: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.01)


def journaled(journal: JournalReader, source: str) -> list[bytes]:
    return [record for batch in journal.read(source, 0, 1 << 40) for record in batch.records]


class MoodyJournal(MemoryJournal):
    """A journal whose disk is full while ``full`` is set; a failed append keeps nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.full = False
        self.refused = 0

    def append(
        self,
        batches: Sequence[NewBatch],
        checkpoints: Mapping[str, bytes] | None = None,
        drops: Sequence[Drop] = (),
    ) -> list[int]:
        if self.full:
            self.refused += 1
            raise JournalError("disk full")
        return super().append(batches, checkpoints, drops)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "logs").mkdir()
    (tmp_path / "drop").mkdir()
    return tmp_path


def test_every_kind_of_source_reaches_the_journal(site: Path):
    port, datagrams = free_port(), free_port()
    text = SITE + FILE + tcp_source(port)
    text += '[[sources]]\nid = "in"\nkind = "folder"\npath = "drop"\n'
    text += f'[[sources]]\nid = "udp"\nkind = "syslog-udp"\nlisten = "127.0.0.1:{datagrams}"\n'
    journal = MemoryJournal()
    settings = parse(text, "secops.toml")
    with running(settings, journal, site):
        (site / "logs" / "app.log").write_bytes(b"one\n")
        (site / "drop" / "old.log").write_bytes(b"two\n")
        os.utime(site / "drop" / "old.log", (1, 1))
        until(lambda: listening(port) and listening(datagrams, socket.SOCK_DGRAM))
        with socket.create_connection(("127.0.0.1", port)) as sender:
            sender.sendall(b"<34>three\n")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"<34>four", ("127.0.0.1", datagrams))
        until(lambda: len(journal.heads()) == 4)
        until(lambda: read_status(site)["sources"]["in"]["received"] == 1)
        assert [found.problems for found in check_sources(settings, site)] == [(), (), (), ()]
    assert [journaled(journal, name) for name in ("app", "in", "net", "udp")] == [
        [b"one"],
        [b"two"],
        [b"<34>three"],
        [b"<34>four"],
    ]
    status = json.loads((site / "run" / "collect.json").read_text())
    assert {name: one["received"] for name, one in status["sources"].items()} == dict.fromkeys(
        ("app", "in", "net", "udp"), 1
    )


def test_while_the_journal_fails_it_is_said_and_nothing_is_lost_or_doubled(site: Path):
    port = free_port()
    journal = MoodyJournal()
    lines = [b"line %d" % number for number in range(2000)]
    with running(parse(SITE + FILE + tcp_source(port), "t"), journal, site):
        journal.full = True
        (site / "logs" / "app.log").write_bytes(b"".join(line + b"\n" for line in lines))
        until(lambda: journal.refused and listening(port))
        with socket.create_connection(("127.0.0.1", port)) as sender:
            sender.sendall(b"".join(line + b"\n" for line in lines))
        until(lambda: "disk full" in read_status(site)["sources"]["net"]["problem"])
        assert journal.heads() == {}
        journal.full = False
        until(lambda: len(journal.heads()) == 2)
    assert journaled(journal, "app") == lines
    assert journaled(journal, "net") == lines
    assert read_status(site)["problem"] == ""


def test_a_program_that_ends_while_the_journal_fails_goes_on_where_it_was(site: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("secops.siem.intake.PATIENCE", 0.2)
    journal = MoodyJournal()
    (site / "logs" / "app.log").write_bytes(b"one\ntwo\n")
    settings = parse(SITE + FILE, "t")
    journal.full = True
    with running(settings, journal, site):
        until(lambda: journal.refused)
    assert journal.heads() == {}
    journal.full = False
    with running(settings, journal, site):
        until(journal.heads)
    assert journaled(journal, "app") == [b"one", b"two"]


def test_one_source_that_cannot_work_does_not_stop_the_others(site: Path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        text = SITE + FILE + tcp_source(other.getsockname()[1])
        text += '[[sources]]\nid = "gone"\nkind = "folder"\npath = "nowhere"\n'
        settings = parse(text, "t")
        journal = MemoryJournal()
        (site / "logs" / "app.log").write_bytes(b"one\n")
        with running(settings, journal, site):
            until(journal.heads)
            until(lambda: read_status(site)["sources"]["gone"]["problem"])
            rows = {row["id"]: row["problem"] for row in list_sources(settings, site)}
            found = {one.id: one.problems for one in check_sources(settings, site)}
    assert rows["app"] == ""
    assert "ポート" in rows["net"]
    assert "フォルダ" in rows["gone"]
    assert (bool(found["app"]), bool(found["net"]), bool(found["gone"])) == (False, True, True)


def test_check_names_what_contradicts_the_settings(site: Path):
    (site / "logs" / "app.log").write_bytes("Apr  1 09:00:00 h app: 表示\n".encode("cp932") * 3)
    text = SITE + FILE + 'format = "squid"\nencoding = "utf-8"\n'
    [found] = check_sources(parse(text, "t"), site)
    assert len(found.problems) == 2
    assert "syslog" in found.problems[0].what
    assert "cp932" in found.problems[1].what
    [right] = check_sources(parse(SITE + FILE, "t"), site)
    assert (right.format, right.encoding, right.problems) == ("syslog", "cp932", ())
    assert right.sample.endswith("表示")


CHILD = """
import sys, threading
from datetime import UTC, datetime
from pathlib import Path
from secops.settings import parse
from secops.siem.intake import run
from secops.siem.journal import Journal
site = Path(sys.argv[1])
journal = Journal(site / "journal")
settings = parse((site / "secops.toml").read_text(), "t")
print("up", flush=True)
run(settings, journal, site, threading.Event(), now=lambda: datetime.now(UTC))
"""


def test_killed_again_and_again_while_lines_arrive_every_line_is_there_once(site: Path):
    (site / "secops.toml").write_text(SITE + FILE)
    create_journal(site / "journal", "ward", now())
    log = site / "logs" / "app.log"
    written: list[bytes] = []
    over, seen = threading.Event(), threading.Event()

    def write() -> None:
        number = 0
        rotate_at = 600
        while not over.is_set():
            with log.open("ab", buffering=0) as file:
                for _ in range(20):
                    line = b"line %06d of a log that is written while its reader dies" % number
                    file.write(line[:20])  # a partial line is there to be met
                    file.write(line[20:] + b"\n")
                    written.append(line)
                    number += 1
            if number >= rotate_at and seen.is_set():
                log.rename(f"{log}.{number}")
                rotate_at = number + 600
            time.sleep(0.01)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for kill in range(6):
            child = subprocess.Popen([sys.executable, "-c", CHILD, str(site)], stdout=subprocess.PIPE)
            assert child.stdout
            child.stdout.readline()
            if not seen.is_set():  # nobody can know of generations from before the first look
                until(lambda: read_status(site).get("sources", {}).get("app", {}).get("received"))
                seen.set()
            time.sleep(0.1 * kill)
            child.send_signal(signal.SIGKILL)
            child.wait()
            child.stdout.close()
    finally:
        over.set()
        writer.join()
    with Journal(site / "journal") as journal:
        with running(parse(SITE + FILE, "t"), journal, site):
            until(lambda: journal.heads().get("app", 0) >= len(written))
            time.sleep(0.2)
        assert journaled(journal, "app") == written
