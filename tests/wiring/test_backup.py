"""`secops backup` of a running site to which lines are written, and `secops restore`: the same site, nothing secret."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from secops.access.ports import Access, Role
from secops.cli import secops
from secops.errors import ConflictError, InputError, NotFoundError, SecopsError, StoreError, UsageError
from secops.query.parse import parse
from secops.siem.journal import load_public_key, verify
from secops.siem.ports import AlertFilter, Scope, Span
from secops.wiring import backup as backup_module
from secops.wiring import create_site, open_site
from secops.wiring.archive import read_manifest
from secops.wiring.catchup import catch_up
from secops.wiring.locks import held

SETTINGS = """
[site]
id = "ward"
name = "みどり区"
[zones.internet]
label = "インターネット接続系"
networks = ["10.30.0.0/16"]
[[sources]]
id = "linux"
kind = "file"
path = "{logs}/messages"
format = "syslog"
zone = "internet"
"""
SECRET = "himitsu-no-kotoba"


def write(logs: Path, first: int, count: int) -> None:
    with (logs / "messages").open("a", encoding="utf-8") as out:
        for number in range(first, first + count):
            text = f"Failed password for root from 10.30.1.11 port {40000 + number % 20000} ssh2"
            out.write(f"Nov 26 02:10:{number % 60:02d} in-prx01 sshd[{number}]: {text}\n")


def seen(folder: Path) -> tuple[list[str], list[tuple[str, int, str]]]:
    """Ids of all events, and what is on the desk."""
    with open_site(folder) as site:
        events = site.store.search(parse("*", site.now()), Span(), Scope(), limit=10_000)
        assert events.total == len(events.events)
        alerts = site.desk.alerts(AlertFilter(), Scope(), limit=100, offset=0).alerts
        return sorted(str(one["event.id"]) for one in events.events), [
            (one.key, one.count, one.state) for one in alerts
        ]


def ran(*words: str | Path, code: int = 0) -> str:
    done = CliRunner().invoke(secops, [str(word) for word in words])
    if isinstance(done.exception, SecopsError):
        raise done.exception
    assert done.exit_code == code, done.output
    return done.output


@contextmanager
def running(folder: Path) -> Iterator[None]:
    """All parts of `secops run` that write to the site."""
    argv = [sys.executable, "-m", "secops.cli", "run", "--site", str(folder), "--part"]
    quiet = subprocess.DEVNULL
    parts = [
        subprocess.Popen([*argv, part], stdout=quiet, stderr=quiet) for part in ("collectors", "worker-0", "keeper")
    ]
    try:
        yield
    finally:
        for process in parts:
            process.send_signal(signal.SIGTERM)
        for process in parts:
            process.wait(60)


def wait_until_stored(folder: Path, count: int) -> None:
    deadline = time.monotonic() + 90
    with open_site(folder) as site:
        while True:
            tally = site.desk.tallies().get("linux")
            if tally and tally.position >= count:
                return
            assert time.monotonic() < deadline
            time.sleep(0.2)


@dataclass(frozen=True)
class Made:
    folder: Path
    archive: Path
    said: str
    written: int


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Made:
    """A running site with sealed and open segments, and a backup taken while lines came in."""
    place = tmp_path_factory.mktemp("backup")
    folder, logs = place / "ward", place / "logs"
    logs.mkdir()
    create_site(folder, site_id="ward", settings=SETTINGS.format(logs=logs))
    (folder / "keys" / "smtp-password").write_text(SECRET, encoding="utf-8")
    (folder / "inventory" / "departments.csv").write_text("所属コード,所属名\n1,総務課\n", encoding="utf-8")
    with open_site(folder) as site:
        site.accounts.add("yamada", "midori-2026-nagai", role=Role.CSIRT, access=Access(), actor="t", now=site.now())
    write(logs, 0, 200)
    written, stop = 200, threading.Event()

    def go_on() -> None:
        nonlocal written
        while not stop.is_set():
            write(logs, written, 5)
            written += 5
            stop.wait(0.05)

    with running(folder):
        wait_until_stored(folder, 200)
        ran("journal", "seal", "--site", folder)
        writer = threading.Thread(target=go_on)
        writer.start()
        wait_until_stored(folder, 230)
        said = ran("backup", place / "ward.tar", "--site", folder, "--json")
        taken = read_manifest(place / "ward.tar")[0].heads["linux"]
        wait_until_stored(folder, taken + 20)
        stop.set()
        writer.join()
        wait_until_stored(folder, written)
    return Made(folder, place / "ward.tar", said, written)


def test_a_restored_site_verifies_and_takes_up_what_came_in_after_the_backup(made: Made, tmp_path: Path):
    heads = read_manifest(made.archive)[0].heads
    assert 230 <= heads["linux"] < made.written, "taken in the middle"
    copy = tmp_path / "copy"
    said = ran("restore", made.archive, copy, "--keys", made.folder / "keys")
    assert "smtp-password" in said
    assert "鍵とパスワードのファイル" in said
    report = verify(copy / "journal", load_public_key(copy / "keys"))
    assert report.ok
    with open_site(copy) as site:
        assert site.journal.heads() == heads
        for _turn in range(5):  # it stops when nothing came for a while, as on a machine that is very busy
            assert catch_up(site)
            if site.journal.heads()["linux"] == made.written:
                break
    assert seen(copy) == seen(made.folder), "the source is read on from its checkpoint: every event, once, same ids"
    assert len(seen(copy)[0]) == made.written


def test_nothing_secret_is_in_it(made: Made):
    data = made.archive.read_bytes()
    key = (made.folder / "keys" / "journal.key").read_bytes()
    assert SECRET.encode() not in data
    assert key[40:80] not in data
    with tarfile.open(made.archive) as tar:
        names = {member.name for member in tar.getmembers()}
    assert not {name for name in names if name.startswith(("keys", "run"))}
    assert names >= {
        "secops.toml",
        "inventory/departments.csv",
        "records.db",
        "lake/CURRENT",
        "journal/00000001.sealed",
    }
    left_out = json.loads(made.said)["left_out"]
    assert left_out == {"keys": "keys", "run": "run"}
    assert set(left_out.values()) <= backup_module.LEFT_OUT.keys()


def test_sessions_end_and_passwords_stay(made: Made, tmp_path: Path):
    from secops.store.records.snapshot import copy_records

    source = tmp_path / "records.db"
    with closing(sqlite3.connect(source)) as records, records:
        records.execute("CREATE TABLE users (name TEXT, password TEXT, totp_secret TEXT)")
        records.execute("INSERT INTO users VALUES ('yamada', '$argon2id$x', 'JBSWY3DPEHPK3PXP')")
        records.execute("CREATE TABLE sessions (id TEXT)")
        records.execute("INSERT INTO sessions VALUES ('5e55105e55105e5510')")
    copy = copy_records(source, tmp_path / "copy.db")
    with closing(sqlite3.connect(copy)) as records:
        assert records.execute("SELECT * FROM users").fetchall() == [("yamada", "$argon2id$x", None)]
        assert records.execute("SELECT count(*) FROM sessions").fetchone() == (0,)
    assert b"JBSWY3DPEHPK3PXP" not in copy.read_bytes()
    assert b"5e55105e55105e5510" not in copy.read_bytes()


def test_passwords_in_addresses_of_the_settings_are_hidden():
    text = 'url = "postgresql://secops:himitsu@db:5432/x"  # user:pass'
    assert backup_module._PASSWORD.sub(r"\1***@", text) == 'url = "postgresql://secops:***@db:5432/x"  # user:pass'


def test_a_second_backup_leans_on_the_first(made: Made, tmp_path: Path):
    second = tmp_path / "second.tar"
    found = json.loads(ran("backup", second, "--base", made.archive, "--site", made.folder, "--json"))
    assert found["reused"] >= 1
    with tarfile.open(second) as tar:
        assert "journal/00000001.sealed" not in tar.getnames()
    with pytest.raises(UsageError, match="--base"):
        ran("restore", second, tmp_path / "a")
    ran("restore", second, tmp_path / "a", "--base", made.archive, "--keys", made.folder / "keys")
    assert verify(tmp_path / "a" / "journal", load_public_key(tmp_path / "a" / "keys")).ok
    assert seen(tmp_path / "a") == seen(made.folder)
    with pytest.raises(InputError, match="--base"):
        ran("backup", tmp_path / "third.tar", "--base", second, "--site", made.folder)
    with pytest.raises(InputError, match="もとになった"):
        ran("restore", second, tmp_path / "b", "--base", second)


def test_what_is_there_is_never_overwritten(made: Made, tmp_path: Path):
    with pytest.raises(ConflictError):
        ran("backup", made.archive, "--site", made.folder)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("x", encoding="utf-8")
    with pytest.raises(ConflictError, match="空ではありません"):
        ran("restore", made.archive, tmp_path / "full")
    with pytest.raises(UsageError, match="サイトのフォルダの中"):
        ran("backup", made.folder / "x.tar", "--site", made.folder)
    with pytest.raises(NotFoundError, match=r"journal\.key"):
        ran("restore", made.archive, tmp_path / "empty", "--keys", tmp_path / "full")
    with held(made.folder, "replay"), pytest.raises(ConflictError):
        ran("backup", tmp_path / "x.tar", "--site", made.folder)
    assert not list(tmp_path.glob("*.tar"))


def damaged(archive: Path, target: Path, at: bytes) -> Path:
    data = bytearray(archive.read_bytes())
    place = data.index(at)
    data[place] ^= 1
    target.write_bytes(data)
    return target


def test_a_changed_archive_restores_nothing(made: Made, tmp_path: Path):
    wrong = damaged(made.archive, tmp_path / "wrong.tar", "総務課".encode())
    with pytest.raises(InputError, match=r"inventory/departments\.csv"):
        ran("restore", wrong, tmp_path / "site")
    cut = tmp_path / "cut.tar"
    cut.write_bytes(made.archive.read_bytes()[: made.archive.stat().st_size // 2])
    with pytest.raises(InputError, match="途中で切れている"):
        ran("restore", cut, tmp_path / "site")
    (tmp_path / "text.tar").write_text("これはバックアップではない", encoding="utf-8")
    with pytest.raises(InputError):
        ran("restore", tmp_path / "text.tar", tmp_path / "site")
    outside = tmp_path / "outside.tar"
    outside.write_bytes(made.archive.read_bytes().replace(b'"name": "inventory/dep', b'"name": "../entory/dep'))
    with pytest.raises(InputError, match="フォルダの外"):
        ran("restore", outside, tmp_path / "site")
    assert {path.name for path in tmp_path.iterdir()} == {"wrong.tar", "cut.tar", "text.tar", "outside.tar"}


def test_too_little_room_is_said_with_what_is_needed(tmp_path: Path):
    with pytest.raises(StoreError, match="空きが足りません"):
        backup_module._room(tmp_path, 1 << 62)


def test_without_its_keys_the_restored_site_says_what_is_missing(made: Made, tmp_path: Path):
    said = ran("restore", made.archive, tmp_path / "site")
    assert "鍵は入っていません" in said
    found = json.loads(ran("doctor", "--site", tmp_path / "site", "--json", code=1))
    assert [one["check"] for one in found["findings"] if one["state"] == "wrong"] == ["keys"]
    assert "署名鍵がありません" in ran("status", "--site", tmp_path / "site", code=1)
