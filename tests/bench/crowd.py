"""Twenty people read the console while 5,000 events a second come in: how long a page takes, and the live update.

Everybody opens pages as the person on call does, with a second or two to read each; the clients share the machine with
the program. ``SECOPS_CROWD_SECONDS`` makes it longer than its 20 seconds.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx

from secops.access.ports import Access, Role
from secops.siem.ports import AlertFilter, Scope
from secops.wiring import open_site
from tests.bench.latency import SOURCE, write
from tests.bench.measure import SECOPS, Row, secops

PEOPLE = 20
EVENTS_A_SECOND = 5000
SECONDS = int(os.environ.get("SECOPS_CROWD_SECONDS", "20"))
READING = (1.0, 3.0)  # seconds between two pages of one person
PORT = int(os.environ.get("SECOPS_CROWD_PORT", "8798"))
NEWEST = 1 << 62  # behind every change: asks for the newest number alone
PASSWORD = "twenty people read at once"
PAGES = {
    "queue": "/alerts",
    "alert": "/alerts/{alert}",
    "search of an hour": "/events?span=1h&q=host.name:L-0{host:03}",
    "sources": "/sources",
}


def rows(folder: Path) -> Iterator[Row]:
    site, log = folder / "crowd-site", folder / "crowd.jsonl"
    secops("init", site, "--id", "bench")
    settings = site / "secops.toml"
    text = settings.read_text(encoding="utf-8").replace("port = 8765", f"port = {PORT}")
    # Twenty at once need no second factor here: what is measured comes after the login.
    text = text.replace('second_factor = ["admin", "csirt"]', "second_factor = []")
    settings.write_text(text + SOURCE.format(path=log), encoding="utf-8")
    log.touch()
    with open_site(site) as opened:
        opened.accounts.add("reader", PASSWORD, role=Role.CSIRT, access=Access(), actor="bench", now=opened.now())
    process = subprocess.Popen([*SECOPS, "run", "--site", str(site)], stdout=subprocess.DEVNULL)
    try:
        up(f"http://127.0.0.1:{PORT}/healthz")
        spent, (taken, failed, late) = _cpu(process.pid), _crowd(site, log)
        spent = _cpu(process.pid) - spent
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    if failed:
        raise SystemExit(f"{failed} answers were no page")  # a refusal is quick, and says nothing of the pages
    for name, seconds in taken.items():
        yield _row(f"{PEOPLE} people, {EVENTS_A_SECOND:,} events/s: {name}, p95 of {len(seconds)}", seconds)
    everything = [one for seconds in taken.values() for one in seconds]
    yield _row(f"{PEOPLE} people: all pages, p95 of {len(everything)}", everything)
    yield Row("event stream: from the change in the records, p50", f"{sorted(late)[len(late) // 2] * 1000:.0f} ms")
    yield Row(f"event stream: the worst of {len(late)} changes", f"{max(late) * 1000:.0f} ms", "", "< 1 s")
    yield Row("all processes of the site: CPU, of two cores", f"{spent:.0f} s in {SECONDS + 11:.0f} s")


def up(address: str, seconds: float = 60.0) -> None:
    """Wait until the console answers; the collectors and the worker are up before it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with suppress(httpx.HTTPError):
            if httpx.get(address).status_code == 200:
                return
        time.sleep(0.2)
    raise SystemExit(f"{address} does not answer")


def _row(name: str, seconds: list[float]) -> Row:
    ordered = sorted(seconds)
    p95 = ordered[int(len(ordered) * 0.95)] if ordered else float("nan")
    return Row(name, f"{p95 * 1000:.0f} ms", "", "< 300 ms")


def _cpu(root: int) -> float:
    """Processor seconds of a process and all below it so far."""
    total, pending = 0, [root]
    while pending:
        process = Path(f"/proc/{pending.pop()}")
        fields = (process / "stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
        for thread in (process / "task").iterdir():
            pending += map(int, (thread / "children").read_text().split())
    return total / os.sysconf("SC_CLK_TCK")


def _listened(site: Path, token: str, over: float) -> list[float]:
    """Seconds from each change in the records to the event on the stream that tells of it (or of a later one)."""
    told: list[tuple[float, int]] = []

    def listen() -> None:
        address = f"http://127.0.0.1:{PORT}/api/alerts/stream"
        with httpx.stream("GET", address, cookies={"secops": token}, timeout=30) as stream:
            for line in stream.iter_lines():
                if line.startswith("data: ") and line[6:].isdecimal():
                    told.append((time.monotonic(), int(line[6:])))
                if time.monotonic() > over + 3:
                    return

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    changed: list[tuple[float, int]] = []
    with open_site(site) as opened:
        newest, _ids = opened.desk.changes(NEWEST)
        while time.monotonic() < over:
            number, _ids = opened.desk.changes(NEWEST)
            if number != newest:
                newest = number
                changed.append((time.monotonic(), number))
            time.sleep(0.02)
    time.sleep(2)
    return [next((at for at, seen in told if seen >= number), float("inf")) - begin for begin, number in changed]


def _crowd(site: Path, log: Path) -> tuple[dict[str, list[float]], int, list[float]]:
    """Seconds by kind of page, how many answers were no page, and how late the event stream was."""
    with open_site(site) as opened:  # before the events come: twenty passwords take their time
        tokens = [
            opened.accounts.login("reader", PASSWORD, peer="bench", now=opened.now(), demo_allowed=True)[0]
            for _ in range(PEOPLE + 1)
        ]
    writer = threading.Thread(target=write, args=(log, {}, EVENTS_A_SECOND, SECONDS + 10))
    writer.start()
    time.sleep(5)  # the first alerts are there
    with open_site(site) as opened:
        alerts = [alert.id for alert in opened.desk.alerts(AlertFilter(), Scope(), limit=50).alerts] or [1]
    taken: dict[str, list[float]] = {name: [] for name in PAGES}
    failed = [0] * PEOPLE
    over = time.monotonic() + SECONDS

    def person(number: int) -> None:
        dice = random.Random(number)
        with httpx.Client(
            base_url=f"http://127.0.0.1:{PORT}", cookies={"secops": tokens[number]}, timeout=30
        ) as browser:
            time.sleep(dice.uniform(0, READING[1]))
            while time.monotonic() < over:
                name = dice.choice(list(PAGES))
                address = PAGES[name].format(alert=dice.choice(alerts), host=dice.randrange(200))
                begin = time.perf_counter()
                answer = browser.get(address)
                taken[name].append(time.perf_counter() - begin)
                failed[number] += answer.status_code != 200
                time.sleep(dice.uniform(*READING))

    people = [threading.Thread(target=person, args=(number,)) for number in range(PEOPLE)]
    for one in people:
        one.start()
    late = _listened(site, tokens[PEOPLE], over)
    for one in [*people, writer]:
        one.join()
    return taken, sum(failed), late
