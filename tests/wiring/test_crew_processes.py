"""A crew of real processes, on a real site."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from secops.errors import SecopsError
from secops.query.tree import All
from secops.siem.ports import AlertFilter, NewBatch, Origin, Scope, Span
from secops.wiring import Site, create_site, open_site
from secops.wiring.crew import WORTHWHILE, work_off_together
from secops.wiring.locks import held
from secops.wiring.parts import drain_alone
from secops.wiring.replay import replay

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
SYSLOG = Origin("file", "syslog", path="/var/log/auth.log", zone="internet", timezone="UTC")
RULE = """title: Root shell
id: 7d1c0b70-5f57-4d39-9d65-0d1b3f0a7f01
level: high
logsource: {product: linux}
detection:
  words: ['uid=0 for every seventh']
  condition: words
"""


def line(number: int) -> bytes:
    text = "session opened, uid=0 for every seventh" if number % 7777 == 0 else f"session {number} opened"
    return f"<86>Nov 23 01:{number // 60 % 60:02}:{number % 60:02} srv{number % 9} su[{number}]: {text}".encode()


def journaled(folder: Path, count: int) -> Site:
    create_site(folder, site_id="ward")
    (folder / "rules" / "root.yml").write_text(RULE, encoding="utf-8")
    site = open_site(folder)
    for first in range(1, count + 1, 5000):
        records = [line(number) for number in range(first, min(first + 5000, count + 1))]
        site.journal.append([NewBatch("auth", NOW, SYSLOG, records)])
    return site


def found(site: Site) -> tuple[object, ...]:
    # Alerts of the program itself (rules were loaded) are none of the journal's.
    alerts = [one for one in site.desk.alerts(AlertFilter(), Scope()).alerts if one.rule_id.startswith("7d1c0b70")]
    tally = site.desk.tallies()["auth"]
    stored = site.store.count(All(), Span(), Scope())
    return sum(one.count for one in alerts), tally.stored, tally.rejected, stored, site.store.positions()


def test_processes_and_a_replay_find_what_one_process_finds(tmp_path):
    count = WORTHWHILE + 1234
    with journaled(tmp_path / "one", count) as one:
        drain_alone(one, lambda: False)
        expected = found(one)
        assert expected == (count // 7777, count, 0, count, {"auth": count})
    with journaled(tmp_path / "many", count) as many:
        seen: list[int] = []
        work_off_together(many, many.generation, lambda: (many.store, many.desk), lambda: False, seen.append)
        assert sum(seen) == count
        assert len(seen) > 5
        assert found(many) == expected
        done = replay(many, None, seen.append)
        assert (done.records, done.hits) == (count, count // 7777)
        assert many.generation == "g2"
        assert found(many) == expected


def members() -> list[int]:
    """The processes that this one started for a crew."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(status.read_text().rpartition(")")[2].split()[1])
            command = (status.parent / "cmdline").read_bytes()
        except OSError:
            continue
        if parent == os.getpid() and b"spawn_main" in command:
            found.append(int(status.parent.name))
    return found


def test_a_member_that_dies_is_said_and_the_rest_is_done_later(tmp_path):
    count = 160_000  # five stretches: when the first one is stored, the others are still under way
    with journaled(tmp_path / "ward", count) as site:
        stop = threading.Event()

        def kill() -> None:
            while not stop.wait(0.01):
                if site.store.positions().get("auth"):
                    os.kill(members()[0], signal.SIGKILL)
                    return

        killer = threading.Thread(target=kill)
        killer.start()
        try:
            with pytest.raises(SecopsError, match="secops run"):
                work_off_together(site, site.generation, lambda: (site.store, site.desk), lambda: False)
        finally:
            stop.set()
            killer.join()
        assert 0 < site.store.positions()["auth"] < count
        drain_alone(site, lambda: False)
        assert found(site) == (count // 7777, count, 0, count, {"auth": count})
        until = time.monotonic() + 10
        while members() and time.monotonic() < until:
            time.sleep(0.05)
        assert members() == []


def test_the_command_takes_a_large_file_in_beside_its_crew(tmp_path):
    create_site(tmp_path / "ward", site_id="ward")
    log = tmp_path / "auth.log"
    count = 120_000
    log.write_bytes(b"".join(line(number) + b" " + b"x" * 160 + b"\n" for number in range(1, count + 1)))
    assert log.stat().st_size > 24 << 20  # see `ingest.SMALL`
    command = [sys.executable, "-m", "secops.cli", "ingest", str(log), "--zone", "internet", "--json"]
    done = subprocess.run([*command, "--site", str(tmp_path / "ward")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with open_site(tmp_path / "ward") as site:
        [tally] = site.desk.tallies().values()
        assert (tally.stored, tally.rejected) == (count, 0)
        assert site.store.count(All(), Span(), Scope()) == count


def test_an_import_waits_while_a_replay_swaps(tmp_path):
    with journaled(tmp_path / "ward", 100) as site:
        _opened = site.store, site.desk, site.stages
        working = threading.Thread(target=drain_alone, args=(site, lambda: False))
        with held(site.folder, "generation-0"):  # as a replay has it for its last stretch
            working.start()
            working.join(1)
            assert working.is_alive()
            assert site.store.positions() == {}
        working.join(30)
        assert found(site)[1] == 100
