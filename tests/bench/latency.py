"""From a line appended to a watched file to its alert in the queue, at 1,000 lines a second."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from secops.siem.ports import AlertFilter, Scope
from secops.wiring import open_site
from tests.bench.measure import SECOPS, Row, secops

LINES_A_SECOND = 1000
SECONDS = 30
MARK_EVERY = 100  # lines; each mark is an event that makes an alert of its own

SOURCE = """
[[sources]]
id = "wec"
kind = "file"
path = "{path}"
zone = "lgwan"
format = "windows_json"
"""


def line(number: int) -> tuple[str, str | None]:
    """A Windows event as winlogbeat writes it, and the host name if it is a mark."""
    mark = number % MARK_EVERY == 0
    host = f"mark-{number}" if mark else f"L-{number % 200:04}"
    event = {
        "@timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        "event": {"code": "1102" if mark else "4634"},
        "winlog": {
            "channel": "Security",
            "event_id": 1102 if mark else 4634,
            "provider_name": "Microsoft-Windows-Eventlog" if mark else "Microsoft-Windows-Security-Auditing",
            "computer_name": host,
            "record_id": number,
            "event_data": {"TargetUserName": f"user{number % 500}", "LogonType": "3"},
        },
    }
    return json.dumps(event), host if mark else None


def write(path: Path, written: dict[str, float], pace: int = LINES_A_SECOND, seconds: int = SECONDS) -> None:
    """Append so many lines a second at a steady pace, ten times a second."""
    number = 0
    started = time.monotonic()
    with path.open("a", encoding="utf-8") as file:
        for tick in range(seconds * 10):
            time.sleep(max(0.0, started + tick / 10 - time.monotonic()))
            chunk, hosts = [], []
            for _ in range(pace // 10):
                number += 1
                text, host = line(number)
                chunk.append(text + "\n")
                hosts += [host] if host else []
            file.write("".join(chunk))
            file.flush()
            at = time.monotonic()
            written.update(dict.fromkeys(hosts, at))


def rows(folder: Path) -> Iterator[Row]:
    site, log = folder / "latency-site", folder / "wec.jsonl"
    secops("init", site, "--id", "bench")
    settings = site / "secops.toml"
    text = settings.read_text(encoding="utf-8").replace("port = 8765", "port = 8799")
    settings.write_text(text + SOURCE.format(path=log), encoding="utf-8")
    log.touch()
    process = subprocess.Popen([*SECOPS, "run", "--site", str(site)], stdout=subprocess.DEVNULL)
    try:
        time.sleep(8)  # all parts are up
        delays = _watch(site, log)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    ordered = sorted(delays)
    p50, p99 = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]
    yield Row(f"line to alert at {LINES_A_SECOND:,} lines/s, p50 of {len(ordered)}", f"{p50:.2f} s", "", "< 1 s")
    yield Row("line to alert, p99", f"{p99:.2f} s", "", "< 2 s")


def _watch(site: Path, log: Path) -> list[float]:
    """Seconds from each mark's line to its alert in the queue, as the console would see it."""
    written: dict[str, float] = {}
    seen: dict[str, float] = {}
    writer = threading.Thread(target=write, args=(log, written))
    with open_site(site) as opened:
        desk, change = opened.desk, 0
        writer.start()
        deadline = time.monotonic() + SECONDS + 20
        while time.monotonic() < deadline and (writer.is_alive() or len(seen) < len(written)):
            change, changed = desk.changes(change)
            if changed:
                at = time.monotonic()
                for alert in desk.alerts(AlertFilter(), Scope(), limit=1000).alerts:
                    seen.setdefault(alert.entities.get("host.name", ""), at)
            time.sleep(0.02)
        writer.join()
    missing = set(written) - set(seen)
    if missing:
        raise SystemExit(f"{len(missing)} of {len(written)} marks made no alert")
    return [seen[host] - written[host] for host in written]
