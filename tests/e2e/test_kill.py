"""kill -9 of the whole program, again and again, while lines arrive: afterwards everything is there exactly once."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from secops.siem.journal import Journal
from secops.wiring import create_site, open_site

KILLS = 50
SETTINGS = """
[site]
id = "ward"
name = "試験区"
[zones.lgwan]
label = "LGWAN接続系"
networks = ["10.20.0.0/16"]
[[sources]]
id = "app"
kind = "file"
path = "{log}*"
zone = "lgwan"
format = "json"
[[sources]]
id = "net"
kind = "syslog-tcp"
listen = "127.0.0.1:{tcp}"
zone = "lgwan"
format = "text"
[rules]
builtin = true
[web]
port = {web}
"""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class FileWriter(threading.Thread):
    """Appends numbered lines in bursts, in two halves now and then, and rotates by rename."""

    def __init__(self, path: Path, stop: threading.Event) -> None:
        super().__init__()
        self.path, self.stop, self.count, self.rotations = path, stop, 0, 0
        self.random = random.Random(1)

    def run(self) -> None:
        file = self.path.open("a", encoding="utf-8")
        while not self.stop.wait(0.02):
            for _ in range(self.random.randrange(8)):
                self.count += 1
                line = f'{{"n": {self.count}, "message": "line {self.count}"}}\n'
                half = self.random.randrange(len(line))
                file.write(line[:half])
                if self.random.random() < 0.1:
                    file.flush()
                    time.sleep(0.005)
                file.write(line[half:])
            file.flush()
            if self.random.random() < 0.01:
                file.close()
                self.rotations += 1
                self.path.rename(self.path.with_name(f"app.log.{self.rotations}"))
                file = self.path.open("a", encoding="utf-8")
        file.close()


class TcpSender(threading.Thread):
    """Sends numbered frames; what a broken connection swallowed is not sent again."""

    def __init__(self, port: int, stop: threading.Event) -> None:
        super().__init__()
        self.port, self.stop, self.count = port, stop, 0

    def run(self) -> None:
        while not self.stop.wait(0.05):
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                    while not self.stop.wait(0.01):
                        self.count += 1
                        connection.sendall(f"frame {self.count}\n".encode())
            except OSError:
                continue


def start(site: Path) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-m", "secops.cli", "run", "--site", str(site)]
    return subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def kill_all(program: subprocess.Popen[bytes]) -> None:
    """SIGKILL for the supervisor and everything it started, as one blow."""
    family = [program.pid]
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
            if parent == program.pid:
                family.append(int(entry.name))
    for pid in family:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    program.wait()


@pytest.mark.timeout(600)
def test_fifty_kills_lose_and_double_nothing(tmp_path: Path):
    site, log, tcp = tmp_path / "site", tmp_path / "app.log", free_port()
    create_site(site, site_id="ward", settings=SETTINGS.format(log=tmp_path / "app.log", tcp=tcp, web=free_port()))
    log.touch()
    stop = threading.Event()
    writer, sender = FileWriter(log, stop), TcpSender(tcp, stop)
    writer.start()
    sender.start()
    chance = random.Random(2)
    try:
        with open_site(site) as opened:
            for _ in range(KILLS):
                program = start(site)
                if chance.random() < 0.6:
                    wait_for_work(opened.journal)
                time.sleep(chance.uniform(0.0, 1.0))
                kill_all(program)
    finally:
        stop.set()
        writer.join()
        sender.join()
    program = start(site)
    try:
        wait_until_worked_off(site, writer.count)
    finally:
        program.terminate()
        assert program.wait(60) == 0
    check(site, writer.count, sender.count)


def wait_for_work(journal: Journal) -> None:
    """Until both sources went on: the other kills hit the program while it starts, these while it works."""
    before, deadline = journal.heads(), time.monotonic() + 10
    while time.monotonic() < deadline:
        heads = journal.heads()
        if all(heads.get(source, 0) > before.get(source, 0) for source in ("app", "net")):
            return
        time.sleep(0.02)


def wait_until_worked_off(site: Path, lines: int) -> None:
    with open_site(site) as opened:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            heads, done = opened.journal.heads(), opened.desk.tally_positions()
            if heads.get("app", 0) >= lines and all(done.get(source, 0) == head for source, head in heads.items()):
                return
            time.sleep(0.2)
    pytest.fail(f"not worked off: {heads} of {lines} lines, {done}")


def check(site: Path, lines: int, frames: int) -> None:
    with open_site(site) as opened:
        heads = opened.journal.heads()
        events = pl.concat([frame.select("labels.source", "message") for frame in opened.store.frames()])
        tallies = opened.desk.tallies()
    messages = Counter(events.filter(pl.col("labels.source") == "app")["message"])
    assert messages == Counter(f"line {number}" for number in range(1, lines + 1))
    received = Counter(events.filter(pl.col("labels.source") == "net")["message"])
    assert sum(received.values()) == heads["net"]
    assert max(received.values()) == 1
    assert set(received) <= {f"frame {number}" for number in range(1, frames + 1)}
    for source, head in heads.items():
        assert tallies[source].stored + tallies[source].rejected == head
