"""The time zone of the settings reaches the origin of every record, whatever collects it."""

from __future__ import annotations

import socket
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from secops.settings import parse
from secops.siem.intake import run
from tests.fakes.journal import MemoryJournal

LINE = b"Apr  1 09:00:00 h sshd[1]: one\n"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.mark.parametrize(
    ("site", "source", "expected"),
    [
        ("", "", None),
        ("Asia/Tokyo", "Asia/Tokyo", None),
        ("UTC", "", "UTC"),
        ("UTC", "Asia/Tokyo", None),
        ("", "Europe/London", "Europe/London"),
    ],
)
def test_the_sources_zone_or_else_the_sites_comes_along(tmp_path: Path, site: str, source: str, expected: str | None):
    port = free_port()
    own = f'timezone = "{source}"\n' if source else ""
    text = '[site]\nid = "ward"\nname = "区"\n' + (f'timezone = "{site}"\n' if site else "")
    text += '[zones.lgwan]\nlabel = "LGWAN接続系"\n'
    text += f'[[sources]]\nid = "one"\nkind = "file"\npath = "one.log"\n{own}'
    text += f'[[sources]]\nid = "many"\nkind = "folder"\npath = "in"\n{own}'
    text += f'[[sources]]\nid = "net"\nkind = "syslog-tcp"\nlisten = "127.0.0.1:{port}"\n{own}'
    (tmp_path / "one.log").write_bytes(LINE)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.log").write_bytes(LINE)
    journal, stop = MemoryJournal(), threading.Event()
    collecting = threading.Thread(
        target=run, args=(parse(text, "t"), journal, tmp_path, stop), kwargs={"now": lambda: datetime.now(UTC)}
    )
    collecting.start()
    try:
        sent = False
        end = time.monotonic() + 20
        while len(journal.heads()) < 3 and time.monotonic() < end:
            time.sleep(0.02)
            sent = sent or send(port)
    finally:
        stop.set()
        collecting.join(30)
    found = {name: journal.read(name, 0)[0].origin.timezone for name in ("one", "many", "net")}
    assert found == {"one": expected, "many": expected, "net": expected}


def send(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as connection:
            connection.sendall(LINE)
    except OSError:
        return False
    return True
